//! Rasters whose values lie in chunks: variables of netCDF, bands of TIFF.
//!
//! libhdf5 reads and inflates one chunk at a time under a lock of the whole
//! process, and libtiff undoes what precedes compression byte by byte. Here the
//! file's index is asked where the chunks of a window are, their bytes are read by
//! offset, from a disk or through byte ranges, and inflated on every thread of
//! rayon's current pool; the part that the window needs goes straight to its place
//! as physical values. A chunk is inflated once however many layers of it are
//! wanted, and the result doesn't depend on the number of threads.
//!
//! What isn't read here is told as [`Fault::Unknown`], so that a caller may turn to
//! the library.

mod classic;
mod fault;
mod hdf5;
mod inflate;
mod numbers;
mod pieces;
mod scratch;
mod tiff;

pub use classic::is_classic;
pub use fault::Fault;
pub use hdf5::Axes;
pub use tiff::{Bands, Tags, has_mask, is_tiff, skeleton};

use crate::ranges::ReadAt;
use crate::stored::Decoding;
pub use inflate::any_streams;
use numbers::{Elements, Number};
use pieces::{Entry, Piece, Stored, Wanted};
use rayon::prelude::*;
use scratch::{Plain, Scratch};
use seedbed_block::{PixelRange, Real};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// How many bytes of a remote file are held at once.
const WAVE: u64 = 1 << 26;
/// How many bytes of a remote file are asked for in one request, unless one chunk has more.
const REQUEST: u64 = 1 << 23;

/// How many bytes of chunks a thread holds at once that it inflates together.
const GROUP: usize = 1 << 24;

/// A piece of a window, and the rows that it is written to.
type Job<'o, T> = (Piece, Vec<&'o mut [T]>);

/// How a file's values are laid out in chunks.
trait Form: Send + Sync {
    /// How an element is read.
    fn number(&self) -> Number;

    /// The bytes of an element that was never written.
    fn fill(&self) -> &[u8];

    /// How many layers lie in one chunk.
    fn together(&self) -> usize {
        1
    }

    /// Cuts a window along the chunks, and finds each of them.
    ///
    /// # Errors
    /// [`Fault`] if the index is damaged, or leads out of the file.
    fn cut(&self, wanted: &Wanted) -> Result<Vec<Piece>, Fault>;

    /// How many bytes a chunk of so many elements inflates to, where what is stored is a zlib stream.
    fn inflated(&self, _entry: &Entry, _elements: usize) -> Option<usize> {
        None
    }

    /// Undoes what was done to a chunk of so many elements before it was stored.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn undo(
        &self,
        stored: &[u8],
        entry: &Entry,
        elements: usize,
        scratch: &mut Scratch,
    ) -> Result<Plain, String>;
}

/// Values that can be read chunk by chunk.
pub struct ChunkReader {
    bytes: Arc<dyn ReadAt>,
    form: Box<dyn Form>,
}

impl ChunkReader {
    /// Of a variable of netCDF, classic or on HDF5, of the root group. `shape` is what its dimensions say, and
    /// `decoding` what its attributes say.
    ///
    /// # Errors
    /// [`Fault`]: stored in a way that isn't known, or the file can't be read.
    pub fn of_netcdf(
        bytes: Arc<dyn ReadAt>,
        name: &str,
        axes: Axes,
        shape: &[usize],
        decoding: &Decoding,
    ) -> Result<Self, Fault> {
        let head = first_bytes(&*bytes).map_err(Fault::Io)?;
        let form: Box<dyn Form> = if is_classic(&head) {
            Box::new(classic::Classic::open(&*bytes, name, axes, shape, decoding.dtype)?)
        } else {
            Box::new(hdf5::Hdf5::open(bytes.clone(), name, axes, shape, decoding)?)
        };
        Ok(Self { bytes, form })
    }

    /// Of bands of a TIFF's first image, each a layer.
    ///
    /// # Errors
    /// As [`ChunkReader::of_netcdf`].
    pub fn of_tiff(bytes: Arc<dyn ReadAt>, bands: &Bands<'_>) -> Result<Self, Fault> {
        let form = Box::new(tiff::Tiff::open(&*bytes, bands)?);
        Ok(Self { bytes, form })
    }

    /// Layers × rows × columns of a window, decoded, into as many places.
    ///
    /// # Errors
    /// [`Fault`]: the first damaged chunk in the order of the file, or bytes that
    /// can't be had. Then it is not known what `out` holds.
    pub fn read_into<T: Real>(
        &self,
        decoding: &Decoding,
        layers: Range<usize>,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), Fault> {
        let mut places = self.form.cut(&Wanted::new(layers, window))?;
        places.sort_by_key(Piece::offset);
        let targets = pieces::targets(out, &places);
        let work: Vec<Job<'_, T>> = places.into_iter().zip(targets).collect();
        if self.bytes.needless() == 0 {
            self.read_here(decoding, work)
        } else {
            self.read_afar(decoding, work)
        }
    }

    /// How many layers lie in one chunk.
    pub fn together(&self) -> usize {
        self.form.together()
    }

    /// How many bytes of the file reading a window would take, without the index.
    ///
    /// # Errors
    /// As [`ChunkReader::read_into`], if the index is damaged.
    pub fn stored_bytes(&self, layers: Range<usize>, window: PixelRange) -> Result<u64, Fault> {
        let places = self.form.cut(&Wanted::new(layers, window))?;
        Ok(places.iter().filter_map(Piece::range).map(|r| r.end - r.start).sum())
    }

    /// Each thread reads the chunks it inflates.
    fn read_here<T: Real>(&self, decoding: &Decoding, work: Vec<Job<'_, T>>) -> Result<(), Fault> {
        let read = |group: Vec<Job<'_, T>>| {
            Scratch::lend(|scratch| {
                let mut stored = Vec::with_capacity(group.len());
                for (piece, _) in &group {
                    let range = piece.range().unwrap_or_default();
                    let mut bytes = scratch.take(pieces::length(&range));
                    self.bytes.read_into(range.start, &mut bytes).map_err(Fault::Io)?;
                    stored.push(bytes);
                }
                let decoded = self.decode_all(decoding, group.into_iter().zip(&stored), scratch);
                for bytes in stored {
                    scratch.give_back(Some(bytes));
                }
                decoded
            })
        };
        let done: Vec<Result<(), Fault>> = self.groups(work).into_par_iter().map(read).collect();
        done.into_iter().collect()
    }

    /// Pieces that one thread takes together: several whose chunks are zlib streams worth inflating together, as long
    /// as every thread has some.
    fn groups<'o, T>(&self, work: Vec<Job<'o, T>>) -> Vec<Vec<Job<'o, T>>> {
        // What a piece inflates to, and what it takes of memory.
        let sizes = |(piece, _): &Job<'o, T>| match &piece.stored {
            Stored::Chunk { entry, elements } => {
                self.form.inflated(entry, *elements).map_or((0, 0), |length| (length, length.max(entry.size)))
            }
            _ => (0, 0),
        };
        let (longest, largest) =
            work.iter().map(sizes).fold((0, 0), |(a, b), (length, size)| (a.max(length), b.max(size)));
        let most = if longest < inflate::WORTH { 1 } else { (GROUP / largest).max(1) };
        let groups = work.len().div_ceil(most).next_multiple_of(rayon::current_num_threads());
        let each = work.len().div_ceil(groups.max(1)).max(1);
        let mut work = work.into_iter();
        std::iter::from_fn(|| {
            Some(work.by_ref().take(each).collect::<Vec<_>>()).filter(|group| !group.is_empty())
        })
        .collect()
    }

    /// Requests of many chunks each, several at once; then every thread inflates.
    fn read_afar<T: Real>(&self, decoding: &Decoding, work: Vec<Job<'_, T>>) -> Result<(), Fault> {
        let ranges: Vec<Option<Range<u64>>> = work.iter().map(|(piece, _)| piece.range()).collect();
        let mut work = work.into_iter();
        for wave in waves(&ranges, self.bytes.needless()) {
            let fetched = self.bytes.read_many(&wave.requests).map_err(Fault::Io)?;
            if fetched.iter().zip(&wave.requests).any(|(bytes, r)| bytes.len() as u64 != r.end - r.start)
                || fetched.len() != wave.requests.len()
            {
                let kind = std::io::ErrorKind::UnexpectedEof;
                return Err(Fault::Io(std::io::Error::new(kind, "other bytes came than were asked for")));
            }
            let part: Vec<_> = work.by_ref().take(wave.pieces).collect();
            let find = |piece: &Piece| {
                let range = piece.range()?;
                let request = wave.requests.partition_point(|r| r.end < range.end);
                let from = pieces::length(&(wave.requests.get(request)?.start..range.start));
                fetched.get(request)?.get(from..from + pieces::length(&range))
            };
            let undo = |group: Vec<Job<'_, T>>| {
                let stored: Vec<&[u8]> = group.iter().map(|(piece, _)| find(piece).unwrap_or(&[])).collect();
                Scratch::lend(|scratch| self.decode_all(decoding, group.into_iter().zip(&stored), scratch))
            };
            let done: Vec<Result<(), Fault>> = self.groups(part).into_par_iter().map(undo).collect();
            done.into_iter().collect::<Result<(), Fault>>()?;
        }
        Ok(())
    }

    /// Undoes the filters of pieces, each with its stored bytes, and writes their parts of the window.
    fn decode_all<'s, 'o, T: Real + 'o>(
        &self,
        decoding: &Decoding,
        jobs: impl Iterator<Item = (Job<'o, T>, &'s (impl AsRef<[u8]> + 's))>,
        scratch: &mut Scratch,
    ) -> Result<(), Fault> {
        let jobs: Vec<(Job<'o, T>, &[u8])> = jobs.map(|(job, stored)| (job, stored.as_ref())).collect();
        let stream = |((piece, _), stored): &(Job<'o, T>, &'s [u8])| match &piece.stored {
            Stored::Chunk { entry, elements } => Some((*stored, self.form.inflated(entry, *elements)?)),
            _ => None,
        };
        let streams: Vec<(&[u8], usize)> = jobs.iter().filter_map(stream).collect();
        scratch.ahead(&streams, |scratch| {
            let mut jobs = jobs.into_iter();
            jobs.try_for_each(|((piece, rows), stored)| self.decode(decoding, &piece, stored, rows, scratch))
        })
    }

    /// Undoes the filters of one piece and writes its part of the window.
    fn decode<T: Real>(
        &self,
        decoding: &Decoding,
        piece: &Piece,
        stored: &[u8],
        rows: Vec<&mut [T]>,
        scratch: &mut Scratch,
    ) -> Result<(), Fault> {
        let number = self.form.number();
        match &piece.stored {
            Stored::Nowhere => {
                let mut fill = [T::NAN];
                let bytes = self.form.fill();
                Elements { bytes, shuffled: false, number }.decode(decoding, 0, &mut fill);
                for row in rows {
                    row.fill(fill[0]);
                }
            }
            Stored::Chunk { entry, elements } => {
                let plain = match self.form.undo(stored, entry, *elements, scratch) {
                    Ok(plain) => plain,
                    Err(reason) if entry.doubtful => return Err(Fault::Unknown(reason)),
                    Err(reason) => {
                        let [layer, row, col] = piece.origin;
                        return Err(Fault::Damaged(format!(
                            "its chunk of {} bytes at byte {}, from layer {layer}, row {row}, column {col} on: {reason}",
                            entry.size, entry.offset
                        )));
                    }
                };
                let bytes = plain.buffer.as_deref().unwrap_or(stored);
                piece.scatter(&Elements { bytes, shuffled: plain.shuffled, number }, decoding, rows);
                scratch.give_back(plain.buffer);
            }
            Stored::Straight(_) => {
                piece.scatter(&Elements { bytes: stored, shuffled: false, number }, decoding, rows);
            }
            Stored::Header(bytes) => {
                piece.scatter(&Elements { bytes, shuffled: false, number }, decoding, rows);
            }
        }
        Ok(())
    }
}

/// What whole numbers of a netCDF variable that states no fill value hold where they were never
/// written. None of bytes, all of whose numbers count, and where the file turns filling off.
///
/// # Errors
/// [`Fault`] if there is no such variable in the root group, or its header can't be read.
pub fn default_fill(bytes: Arc<dyn ReadAt>, name: &str) -> Result<Option<f64>, Fault> {
    let head = first_bytes(&*bytes).map_err(Fault::Io)?;
    let integer =
        if is_classic(&head) { classic::integer(&*bytes, name)? } else { hdf5::filled_integer(bytes, name)? };
    Ok(match integer {
        Some((2, true)) => Some(-32_767.0),
        Some((2, false)) => Some(65_535.0),
        Some((4, true)) => Some(-2_147_483_647.0),
        Some((4, false)) => Some(4_294_967_295.0),
        // As doubles, as which 64-bit integers are read.
        Some((8, true)) => Some(-9_223_372_036_854_775_806.0),
        Some((8, false)) => Some(18_446_744_073_709_551_614.0),
        _ => None,
    })
}

/// A file's first bytes. Of a remote one as many as are asked for next, so that who remembers
/// what was read need not ask again.
///
/// # Errors
/// If they can't be had.
pub fn first_bytes(bytes: &dyn ReadAt) -> io::Result<Vec<u8>> {
    let most = if bytes.needless() == 0 { 4 } else { tiff::FIRST };
    bytes.read_at(0, usize::try_from(bytes.size().min(most)).unwrap_or(0))
}

/// What is fetched at once.
#[derive(Debug, PartialEq, Eq)]
struct Wave {
    /// Ranges of the file, in its order.
    requests: Vec<Range<u64>>,
    /// How many pieces are in them.
    pieces: usize,
}

/// Joins the ranges of pieces, which are in the file's order, to requests where
/// no more than `needless` bytes are between them, and the requests to waves.
fn waves(ranges: &[Option<Range<u64>>], needless: u64) -> Vec<Wave> {
    let mut waves: Vec<Wave> = Vec::new();
    let mut held = 0;
    for range in ranges {
        let start = waves.is_empty() || held > WAVE;
        if start {
            waves.push(Wave { requests: Vec::new(), pieces: 0 });
            held = 0;
        }
        let Some(wave) = waves.last_mut() else { continue };
        wave.pieces += 1;
        let Some(range) = range else { continue };
        match wave.requests.last_mut() {
            Some(last)
                if range.start >= last.start
                    && range.start <= last.end.saturating_add(needless)
                    && range.end - last.start <= REQUEST =>
            {
                held += range.end.saturating_sub(last.end);
                last.end = last.end.max(range.end);
            }
            _ => {
                held += range.end - range.start;
                wave.requests.push(range.clone());
            }
        }
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_become_one_request() {
        let ranges = [None, Some(100..200), Some(200..300), Some(350..400), Some(1000..1100)];
        let joined = waves(&ranges, 64);
        assert_eq!(joined, [Wave { requests: vec![100..400, 1000..1100], pieces: 5 }]);
        let far: Vec<_> = (0..20).map(|n| Some(n * REQUEST..(n + 1) * REQUEST)).collect();
        let apart = waves(&far, 64);
        assert_eq!(apart.iter().map(|w| w.pieces).collect::<Vec<_>>(), [9, 9, 2]);
        assert!(apart.iter().all(|w| w.requests.len() == w.pieces));
    }
}
