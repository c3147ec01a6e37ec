//! What HDF5 does to a chunk's bytes before it stores them, undone.
//!
//! Source: HDF5 File Format Specification 3.0, IV.A.2.l "The Data Storage -
//! Filter Pipeline Message", and the filters' own documentation there.

use super::checksum::fletcher32;
use super::lzf;
use super::shuffle::unshuffle;
use crate::chunks::scratch::{Plain, Scratch};
use hdf5_reader::messages::filter_pipeline::{
    FILTER_DEFLATE, FILTER_FLETCHER32, FILTER_SHUFFLE, FilterPipelineMessage,
};

/// One step of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    /// Bytes of the same rank within elements of this size stand together.
    Shuffle(usize),
    /// A zlib stream.
    Deflate,
    /// An LZF stream, of h5py.
    Lzf,
    /// Four bytes of checksum follow.
    Fletcher32,
}

/// The number under which LZF is registered.
const FILTER_LZF: u16 = 32_000;

/// The filters in the order in which a writer applies them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline(Vec<Filter>);

impl Pipeline {
    /// Of a dataset's message, its elements being `size` bytes long.
    ///
    /// # Errors
    /// Which filter isn't known.
    pub fn of(message: Option<&FilterPipelineMessage>, size: usize) -> Result<Self, String> {
        let filters = message.map_or(&[][..], |m| &m.filters);
        let known = filters.iter().map(|filter| match filter.id {
            FILTER_DEFLATE => Ok(Filter::Deflate),
            FILTER_LZF => Ok(Filter::Lzf),
            FILTER_FLETCHER32 => Ok(Filter::Fletcher32),
            FILTER_SHUFFLE => {
                let of = filter.client_data.first().map(|n| *n as usize);
                Ok(Filter::Shuffle(of.filter(|n| *n > 0).unwrap_or(size)))
            }
            id => Err(format!("filter {id} ({}) isn't known", filter.name.as_deref().unwrap_or("no name"))),
        });
        let known = Self(known.collect::<Result<_, String>>()?);
        if known.0.iter().filter(|f| matches!(f, Filter::Deflate | Filter::Lzf)).count() > 1 {
            return Err("its chunks are compressed twice".to_owned());
        }
        Ok(known)
    }

    /// Whether chunks are stored as they are.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether filtered bytes can be told from others: a zlib stream has a checksum.
    pub fn tells_itself(&self) -> bool {
        self.0.contains(&Filter::Deflate)
    }

    /// The filters that weren't left out, and how long a chunk of `length` bytes was before each: only compression, of
    /// which there is one, changes that freely.
    fn before(&self, skipped: u32, length: usize) -> Vec<(Filter, usize)> {
        let active =
            |place: usize| skipped.checked_shr(u32::try_from(place).unwrap_or(32)).unwrap_or(0) & 1 == 0;
        let steps = self.0.iter().enumerate().filter(|(place, _)| active(*place)).map(|(_, f)| *f);
        steps
            .scan(length, |long, filter| {
                let entry = (filter, *long);
                *long += if filter == Filter::Fletcher32 { 4 } else { 0 };
                Some(entry)
            })
            .collect()
    }

    /// How many bytes a stored chunk inflates to, where it is a zlib stream as it lies.
    pub fn inflated(&self, skipped: u32, length: usize) -> Option<usize> {
        let before = self.before(skipped, length);
        before.last().and_then(|(filter, long)| (*filter == Filter::Deflate).then_some(*long))
    }

    /// Undoes the filters on a chunk of `length` bytes of elements of `size`
    /// bytes; a set bit of `skipped` says that the filter of that place was left
    /// out. Shuffling by elements that is to be undone last is left to the reader
    /// of the rows.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn undo(
        &self,
        stored: &[u8],
        skipped: u32,
        length: usize,
        size: usize,
        scratch: &mut Scratch,
    ) -> Result<Plain, String> {
        let mut plain = Plain { buffer: None, shuffled: false };
        let before = self.before(skipped, length);
        for (place, (filter, long)) in before.iter().enumerate().rev() {
            if place == 0 && *filter == Filter::Shuffle(size) {
                plain.shuffled = true;
                break;
            }
            let now = plain.buffer.as_deref().unwrap_or(stored);
            let next = match filter {
                Filter::Shuffle(of) => {
                    let mut next = scratch.take(now.len());
                    unshuffle(now, *of, &mut next);
                    next
                }
                Filter::Deflate => scratch.inflate(now, *long)?,
                Filter::Lzf => {
                    let mut next = scratch.take(0);
                    lzf::expand(now, *long, &mut next)?;
                    next
                }
                Filter::Fletcher32 => {
                    let mut next = scratch.take(0);
                    next.extend_from_slice(checked(now)?);
                    next
                }
            };
            scratch.give_back(plain.buffer.replace(next));
        }
        let found = plain.buffer.as_deref().unwrap_or(stored).len();
        if found != length {
            return Err(format!("it holds {found} bytes for {length}"));
        }
        Ok(plain)
    }
}

/// The bytes before a checksum that is right.
fn checked(stored: &[u8]) -> Result<&[u8], String> {
    let Some((bytes, sum)) = stored.split_last_chunk::<4>() else {
        return Err(format!("{} bytes are too few for a checksum", stored.len()));
    };
    let (found, said) = (fletcher32(bytes), u32::from_le_bytes(*sum));
    // Before release 1.6.3 the library stored the two bytes of each half the other way round.
    let turned = ((found & 0x00ff_00ff) << 8) | ((found >> 8) & 0x00ff_00ff);
    if said == found || said == turned {
        Ok(bytes)
    } else {
        Err(format!("its Fletcher-32 is {found:08x}, {said:08x} is stored"))
    }
}
