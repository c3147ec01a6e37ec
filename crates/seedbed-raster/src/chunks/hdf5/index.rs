//! Where a dataset's chunks are in the file.

use super::btree;
use super::layout::{Chunks, Layout, undefined_address};
use crate::chunks::fault::Fault;
use crate::chunks::pieces::Entry;
use hdf5_reader::Hdf5File;
use hdf5_reader::chunk_index::{
    ChunkEntry, collect_implicit_chunk_entries, collect_v2_chunk_entries_storage, single_chunk_entry,
};
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::messages::layout::ChunkIndexing;

/// A box of chunks: first and last chunk along each dimension, both in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkBox {
    /// The first chunk's place, in chunks.
    pub first: Vec<u64>,
    /// The last chunk's place.
    pub last: Vec<u64>,
}

/// What is not known of a doubtful chunk.
const AS_IT_IS: &str = "chunks at its edges may be stored without filters";

impl ChunkBox {
    /// How many chunks there are along each dimension.
    fn counts(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.first.iter().zip(&self.last).map(|(first, last)| last - first + 1)
    }

    /// The number of a chunk, the last dimension counting fastest; `None` outside.
    pub fn number(&self, chunk: &[u64]) -> Option<usize> {
        let inside = chunk.len() == self.first.len()
            && chunk.iter().zip(self.first.iter().zip(&self.last)).all(|(n, (f, l))| n >= f && n <= l);
        let number = chunk
            .iter()
            .zip(&self.first)
            .zip(self.counts())
            .fold(0, |all, ((n, first), count)| if inside { all * count + (n - first) } else { 0 });
        usize::try_from(number).ok().filter(|_| inside)
    }

    /// The least chunk of the box that isn't less than `low`, in row-major order.
    pub fn least_from(&self, low: &[u64]) -> Option<Vec<u64>> {
        for dim in 0..self.first.len() {
            if low[dim] < self.first[dim] {
                return Some([&low[..dim], &self.first[dim..]].concat());
            }
            if low[dim] > self.last[dim] {
                let carry = (0..dim).rev().find(|d| low[*d] < self.last[*d])?;
                return Some([&low[..carry], &[low[carry] + 1], &self.first[carry + 1..]].concat());
            }
        }
        Some(low.to_vec())
    }
}

/// The chunks of a box in the order of their numbers; `None` for those that
/// were never written.
///
/// # Errors
/// [`Fault::Damaged`] if the index contradicts itself or the file's size;
/// [`Fault::Unknown`] if chunks may be stored in a way that can't be told.
pub fn entries(
    file: &Hdf5File,
    layout: &Layout,
    chunks: &Chunks,
    wanted: &ChunkBox,
) -> Result<Vec<Option<Entry>>, Fault> {
    let count = wanted.counts().try_fold(1_usize, |all, n| all.checked_mul(usize::try_from(n).ok()?));
    let count =
        count.ok_or_else(|| Fault::Damaged(format!("it has more chunks than fit in memory: {wanted:?}")))?;
    let found = collect(file, layout, chunks, wanted)?;
    let undefined = undefined_address(file);
    let bytes = chunks.elements * layout.number.size();
    let (base, end) = (file.superblock().base_address, file.storage().len());
    let mut entries = vec![None; count];
    for entry in found {
        if entry.address == undefined {
            continue;
        }
        let at = entry.offsets.get(..chunks.shape.len()).unwrap_or(&[]);
        if at.iter().zip(&chunks.shape).any(|(offset, size)| offset % size != 0) {
            return Err(Fault::Damaged(format!("a chunk is said to begin at element {at:?}")));
        }
        let place: Vec<u64> = at.iter().zip(&chunks.shape).map(|(offset, size)| offset / size).collect();
        let Some(slot) = wanted.number(&place).and_then(|n| entries.get_mut(n)) else { continue };
        let damaged = |what: String| Fault::Damaged(format!("the chunk at element {at:?} {what}"));
        let stored = match (layout.filters.is_empty(), usize::try_from(entry.size)) {
            (true, Ok(0)) => bytes,
            (_, Ok(size)) if size > 0 => size,
            _ => return Err(damaged(format!("is said to have {} bytes", entry.size))),
        };
        let address = entry.address;
        if address.checked_add(stored as u64).is_none_or(|last| last > end) {
            return Err(damaged(format!("has {stored} bytes at {address}, beyond the file's {end}")));
        }
        if slot.is_some() {
            return Err(damaged("is there twice".to_owned()));
        }
        // The newer layouts may leave the filters out at the edges, which the index doesn't tell.
        let edge = at.iter().zip(&chunks.shape).zip(&layout.shape).any(|((at, size), all)| at + size > *all);
        let doubtful = edge
            && chunks.index.is_some()
            && !layout.filters.is_empty()
            && stored == bytes
            && entry.filter_mask == 0;
        if doubtful && !layout.filters.tells_itself() {
            return Err(Fault::Unknown(AS_IT_IS.to_owned()));
        }
        *slot = Some(Entry { offset: base + address, size: stored, skipped: entry.filter_mask, doubtful });
    }
    Ok(entries)
}

fn collect(
    file: &Hdf5File,
    layout: &Layout,
    chunks: &Chunks,
    wanted: &ChunkBox,
) -> Result<Vec<ChunkEntry>, Fault> {
    let (storage, address) = (file.storage(), chunks.address);
    let (offset_size, length_size) = (file.superblock().offset_size, file.superblock().length_size);
    let bounds = Some((wanted.first.as_slice(), wanted.last.as_slice()));
    let rank = chunks.shape.len();
    let shape: Vec<u32> = chunks.shape.iter().map(|n| u32::try_from(*n).unwrap_or(u32::MAX)).collect();
    let collected = match &chunks.index {
        None => return btree::entries(storage, address, offset_size, &chunks.shape, wanted),
        Some(ChunkIndexing::SingleChunk { filtered_size, filters }) => {
            Ok(vec![single_chunk_entry(address, *filtered_size, *filters, rank)])
        }
        Some(ChunkIndexing::Implicit) => collect_implicit_chunk_entries(
            address,
            &layout.shape,
            &shape,
            layout.number.size(),
            bounds,
            storage.len(),
        ),
        Some(ChunkIndexing::FixedArray { .. }) => collect_fixed_array_chunk_entries_storage(
            storage,
            address,
            offset_size,
            length_size,
            &layout.shape,
            &shape,
            bounds,
        ),
        Some(ChunkIndexing::ExtensibleArray { .. }) => collect_extensible_array_chunk_entries_storage(
            storage,
            address,
            offset_size,
            length_size,
            &layout.shape,
            layout.max_shape.as_deref(),
            &shape,
            bounds,
        ),
        Some(ChunkIndexing::BTreeV2) => {
            let rank = u32::try_from(rank).unwrap_or(u32::MAX);
            collect_v2_chunk_entries_storage(storage, address, offset_size, length_size, rank, &shape, bounds)
        }
    };
    collected.map_err(Fault::of_index)
}

#[cfg(test)]
mod tests {
    use super::ChunkBox;

    #[test]
    fn the_least_chunk_from_a_place_on_is_that_of_a_search() {
        let wanted = ChunkBox { first: vec![1, 2, 0], last: vec![3, 3, 1] };
        let all = || (0..125_u64).map(|n| vec![n / 25, n / 5 % 5, n % 5]);
        for low in all() {
            let found = all().find(|c| *c >= low && wanted.number(c).is_some());
            assert_eq!(wanted.least_from(&low), found, "{low:?}");
        }
        let numbers: Vec<usize> = all().filter_map(|c| wanted.number(&c)).collect();
        assert_eq!(numbers, (0..12).collect::<Vec<_>>());
    }
}
