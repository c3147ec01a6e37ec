//! A window cut along a variable's chunks.

use super::numbers::Elements;
use crate::stored::Decoding;
use seedbed_block::{PixelRange, Real};
use std::ops::Range;

/// One stored chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins, counted from the file's first byte.
    pub offset: u64,
    /// How many bytes it has.
    pub size: usize,
    /// A bit for each of HDF5's filters that was left out.
    pub skipped: u32,
    /// Whether it may be stored in another way than is said, so that a library has to say
    /// what is wrong with it.
    pub doubtful: bool,
}

/// Layers, rows and columns that are wanted, in the variable's own count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted(pub [Range<usize>; 3]);

/// A part of the window whose elements lie in one chunk.
#[derive(Debug)]
pub struct Piece {
    /// Where its elements are.
    pub stored: Stored,
    /// Layer, row and column of the first element stored there.
    pub origin: [usize; 3],
    /// How many elements it is from one layer, and from one row, to the next.
    pub strides: [usize; 2],
    /// The layers, rows and columns of the window in it.
    pub part: [Range<usize>; 3],
}

/// Where a piece's elements are.
#[derive(Debug)]
pub enum Stored {
    /// Nowhere: they have the fill value.
    Nowhere,
    /// In a chunk that holds so many, filters applied.
    Chunk { entry: Entry, elements: usize },
    /// At these bytes of the file, as they are.
    Straight(Range<u64>),
    /// In the header.
    Header(Vec<u8>),
}

/// A range's length, which was found to fit in memory.
pub fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).unwrap_or(usize::MAX)
}

impl Piece {
    /// The bytes to read, unless there are none.
    pub fn range(&self) -> Option<Range<u64>> {
        match &self.stored {
            Stored::Chunk { entry, .. } => Some(entry.offset..entry.offset + entry.size as u64),
            Stored::Straight(range) => Some(range.clone()),
            Stored::Nowhere | Stored::Header(_) => None,
        }
    }

    /// Where they begin; 0 where there are none.
    pub fn offset(&self) -> u64 {
        self.range().map_or(0, |range| range.start)
    }

    /// Writes the values of its part of the window to their rows.
    pub fn scatter<T: Real>(&self, elements: &Elements<'_>, decoding: &Decoding, rows: Vec<&mut [T]>) {
        let [layers, lines, cols] = &self.part;
        let places = layers.clone().flat_map(|layer| lines.clone().map(move |line| (layer, line)));
        for ((layer, line), row) in places.zip(rows) {
            let from = (layer - self.origin[0]) * self.strides[0]
                + (line - self.origin[1]) * self.strides[1]
                + (cols.start - self.origin[2]);
            elements.decode(decoding, from, row);
        }
    }
}

impl Wanted {
    /// A window of some layers; it lies within the variable.
    pub fn new(layers: Range<usize>, window: PixelRange) -> Self {
        let (row, col) = (window.row0.unsigned_abs(), window.col0.unsigned_abs());
        let [row, col] = [row, col].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let shape = window.shape();
        Self([layers, row..row + shape.rows, col..col + shape.cols])
    }
}

/// The values of a window cut into the rows of each piece's part, in the order in
/// which it lists them.
pub fn targets<'o, T>(out: &'o mut [T], pieces: &[Piece]) -> Vec<Vec<&'o mut [T]>> {
    // A stack of pieces for each first row and column; they are cut in boxes.
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    let start = |n: &usize| pieces[*n].part.each_ref().map(|r| r.start);
    order.sort_by_key(start);
    let mut targets: Vec<Vec<&'o mut [T]>> =
        pieces.iter().map(|piece| Vec::with_capacity(piece.part[0].len() * piece.part[1].len())).collect();
    let mut rest = out;
    let mut slab = order.as_slice();
    while let Some(first) = slab.first() {
        // All pieces of the same layers.
        let layers = &pieces[*first].part[0];
        let many = slab.partition_point(|n| pieces[*n].part[0].start == layers.start);
        let (now, later) = slab.split_at(many);
        slab = later;
        for _ in layers.clone() {
            let mut band = now;
            while let Some(first) = band.first() {
                let rows = &pieces[*first].part[1];
                let many = band.partition_point(|n| pieces[*n].part[1].start == rows.start);
                let (across, below) = band.split_at(many);
                band = below;
                for _ in rows.clone() {
                    for n in across {
                        let (row, after) = std::mem::take(&mut rest).split_at_mut(pieces[*n].part[2].len());
                        targets[*n].push(row);
                        rest = after;
                    }
                }
            }
        }
    }
    targets
}
