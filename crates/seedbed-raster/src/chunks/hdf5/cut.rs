//! A window cut along an HDF5 variable's chunks.

use super::index::{self, ChunkBox};
use super::layout::{Chunks, Layout, Values};
use crate::chunks::Axes;
use crate::chunks::fault::Fault;
use crate::chunks::pieces::{Piece, Stored, Wanted};
use hdf5_reader::Hdf5File;
use std::ops::Range;

/// How many bytes of a variable in one piece are read at once.
const STRETCH: usize = 1 << 20;

/// Cuts a window along the chunks of a variable, and finds each of them.
///
/// # Errors
/// [`Fault`] if the index is damaged, or leads out of the file.
pub fn cut(file: &Hdf5File, layout: &Layout, axes: Axes, wanted: &Wanted) -> Result<Vec<Piece>, Fault> {
    let strides = strides(&layout.shape, axes)?;
    match &layout.values {
        Values::Unwritten => {
            Ok(vec![Piece { stored: Stored::Nowhere, origin: [0; 3], strides, part: wanted.0.clone() }])
        }
        Values::Compact(bytes) => {
            let needed = elements(&layout.shape).and_then(|n| n.checked_mul(layout.number.size()));
            if needed != Some(bytes.len()) {
                let found = bytes.len();
                return Err(Fault::Damaged(format!(
                    "its header holds {found} bytes for {:?} elements",
                    layout.shape
                )));
            }
            let stored = Stored::Header(bytes.clone());
            Ok(vec![Piece { stored, origin: [0; 3], strides, part: wanted.0.clone() }])
        }
        Values::Contiguous(address) => straight(file, layout, *address, strides, wanted),
        Values::Chunked(chunks) => chunked(file, layout, chunks, axes, wanted),
    }
}

fn elements(shape: &[u64]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |all, n| all.checked_mul(usize::try_from(*n).ok()?))
}

/// From layer to layer and from row to row, in elements.
fn strides(shape: &[u64], axes: Axes) -> Result<[usize; 2], Fault> {
    let too_large = || Fault::Damaged(format!("it has {shape:?} elements, more than fit in memory"));
    let layer = axes.along.map_or(Some(0), |along| elements(&shape[along + 1..])).ok_or_else(too_large)?;
    let row = elements(&shape[axes.leading + 1..]).ok_or_else(too_large)?;
    elements(shape).ok_or_else(too_large)?;
    Ok([layer, row])
}

fn chunked(
    file: &Hdf5File,
    layout: &Layout,
    chunks: &Chunks,
    axes: Axes,
    wanted: &Wanted,
) -> Result<Vec<Piece>, Fault> {
    let strides = strides(&chunks.shape, axes)?;
    let size = |dim: usize| usize::try_from(chunks.shape[dim]).unwrap_or(usize::MAX);
    // Of layers, rows and columns: the size of a chunk, its first and last number.
    let sizes = [axes.along.map_or(1, size), size(axes.leading), size(axes.leading + 1)];
    let spans: [Range<usize>; 3] =
        std::array::from_fn(|i| wanted.0[i].start / sizes[i]..(wanted.0[i].end - 1) / sizes[i] + 1);
    let rank = chunks.shape.len();
    let (mut first, mut last) = (vec![0; rank], vec![0; rank]);
    for (span, dim) in spans.iter().zip([axes.along, Some(axes.leading), Some(axes.leading + 1)]) {
        if let Some(dim) = dim {
            (first[dim], last[dim]) = (span.start as u64, span.end as u64 - 1);
        }
    }
    let found = index::entries(file, layout, chunks, &ChunkBox { first, last })?;
    let numbers = spans[0].clone().flat_map(|layer| {
        let cols = spans[2].clone();
        spans[1].clone().flat_map(move |row| cols.clone().map(move |col| [layer, row, col]))
    });
    let pieces = numbers.zip(found).map(|(number, entry)| {
        let origin: [usize; 3] = std::array::from_fn(|i| number[i] * sizes[i]);
        let part = std::array::from_fn(|i| {
            wanted.0[i].start.max(origin[i])..wanted.0[i].end.min(origin[i].saturating_add(sizes[i]))
        });
        let stored =
            entry.map_or(Stored::Nowhere, |entry| Stored::Chunk { entry, elements: chunks.elements });
        Piece { stored, origin, strides, part }
    });
    Ok(pieces.collect())
}

/// A variable in one piece: as many rows as are read at once, from the first
/// wanted column to the last.
fn straight(
    file: &Hdf5File,
    layout: &Layout,
    address: u64,
    strides: [usize; 2],
    wanted: &Wanted,
) -> Result<Vec<Piece>, Fault> {
    let size = layout.number.size();
    let [layers, rows, cols] = &wanted.0;
    let whole = elements(&layout.shape).and_then(|n| n.checked_mul(size)).map(|bytes| bytes as u64);
    let end = file.storage().len();
    if whole.and_then(|bytes| bytes.checked_add(address)).is_none_or(|last| last > end) {
        return Err(Fault::Damaged(format!(
            "its {:?} elements of {size} bytes from byte {address} on reach beyond the file's {end}",
            layout.shape
        )));
    }
    if !layout.filters.is_empty() {
        return Err(Fault::Unknown("it has filters but no chunks".to_owned()));
    }
    // Rows between which little lies that isn't wanted are read together.
    let together = if cols.len() * 2 >= strides[1] { (STRETCH / (strides[1] * size)).max(1) } else { 1 };
    let base = file.superblock().base_address + address;
    let mut pieces = Vec::new();
    for layer in layers.clone() {
        for row in rows.clone().step_by(together) {
            let last = rows.end.min(row + together);
            let place =
                |row: usize, col: usize| base + ((layer * strides[0] + row * strides[1] + col) * size) as u64;
            pieces.push(Piece {
                stored: Stored::Straight(place(row, cols.start)..place(last - 1, cols.end)),
                origin: [layer, row, cols.start],
                strides,
                part: [layer..layer + 1, row..last, cols.clone()],
            });
        }
    }
    Ok(pieces)
}
