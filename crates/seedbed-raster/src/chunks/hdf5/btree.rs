//! The chunk index of HDF5's older layouts: a B-tree of the first version.
//!
//! Source: HDF5 File Format Specification 3.0, III.A.1 "Version 1 B-trees".

use super::index::ChunkBox;
use crate::chunks::fault::Fault;
use hdf5_reader::Storage;
use hdf5_reader::chunk_index::ChunkEntry;
use std::cmp::Ordering;

/// Signature, type, level and number of entries.
const HEAD: usize = 8;

struct Walk<'a> {
    storage: &'a dyn Storage,
    /// Bytes of an address.
    address: usize,
    /// A chunk's elements along each dimension.
    chunk: &'a [u64],
    wanted: &'a ChunkBox,
    /// How many bytes of nodes may still be read: those of a sound tree don't overlap.
    budget: u64,
    found: Vec<ChunkEntry>,
}

/// The chunks of a box that are in the tree. Only nodes that may lead to one of
/// them are read: the child between two keys holds what lies between them.
///
/// # Errors
/// [`Fault::Damaged`] with the address of the node that makes no sense.
pub fn entries(
    storage: &dyn Storage,
    root: u64,
    offset_size: u8,
    chunk: &[u64],
    wanted: &ChunkBox,
) -> Result<Vec<ChunkEntry>, Fault> {
    let address = usize::from(offset_size);
    let mut walk = Walk { storage, address, chunk, wanted, budget: storage.len(), found: Vec::new() };
    walk.node(root, None)?;
    Ok(walk.found)
}

impl Walk<'_> {
    /// Reads the node at an address, whose level is `level` where the parent says so.
    fn node(&mut self, at: u64, level: Option<u8>) -> Result<(), Fault> {
        let damaged = |what: String| Fault::Damaged(format!("its chunks' index at byte {at} {what}"));
        let head = self.read(at, HEAD)?;
        let [b'T', b'R', b'E', b'E', 1, own, low, high] = head[..] else {
            return Err(damaged("is no node of a B-tree of chunks".to_owned()));
        };
        if level.is_some_and(|level| level != own) {
            return Err(damaged(format!("has level {own} under a node of level {}", u16::from(own) + 1)));
        }
        let count = usize::from(u16::from_le_bytes([low, high]));
        // Size, mask, the offsets and one of a last dimension within the element.
        let key = 8 + 8 * (self.chunk.len() + 1);
        let keys = HEAD + 2 * self.address;
        let length = keys + count * (key + self.address) + key;
        self.budget = (self.budget.checked_sub(length as u64))
            .ok_or_else(|| damaged("is larger than the file, or reached twice".to_owned()))?;
        let node = self.read(at, length)?;
        for entry in 0..count {
            let this = &node[keys + entry * (key + self.address)..];
            let child = little_endian(&this[key..key + self.address]);
            let offsets = self.offsets(this);
            if own == 0 {
                let place = self.place(&offsets);
                if self.wanted.number(&place).is_some() {
                    let [size, mask] = [0, 4].map(|i| little_endian(&this[i..i + 4]));
                    self.found.push(ChunkEntry {
                        address: child,
                        size,
                        filter_mask: u32::try_from(mask).unwrap_or(u32::MAX),
                        offsets,
                    });
                }
            } else {
                let next = self.offsets(&this[key + self.address..]);
                if self.leads_to_wanted(&offsets, &next) {
                    self.node(child, Some(own - 1))?;
                }
            }
        }
        Ok(())
    }

    fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, Fault> {
        if at.checked_add(length as u64).is_none_or(|end| end > self.storage.len()) {
            let all = self.storage.len();
            return Err(Fault::Damaged(format!(
                "its chunks' index has {length} bytes at {at}, beyond the file's {all}"
            )));
        }
        Ok(self.storage.read_range(at, length).map_err(Fault::of_index)?.as_ref().to_vec())
    }

    /// The elements at which a key's chunk begins.
    fn offsets(&self, key: &[u8]) -> Vec<u64> {
        key[8..].chunks_exact(8).take(self.chunk.len()).map(little_endian).collect()
    }

    fn place(&self, offsets: &[u64]) -> Vec<u64> {
        offsets.iter().zip(self.chunk).map(|(offset, size)| offset / size).collect()
    }

    /// Whether a wanted chunk may lie from one key on and not beyond another.
    fn leads_to_wanted(&self, low: &[u64], high: &[u64]) -> bool {
        let least = self.wanted.least_from(&self.place(low));
        least.is_some_and(|least| least.cmp(&self.place(high)) != Ordering::Greater)
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
