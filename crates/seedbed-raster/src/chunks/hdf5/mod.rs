//! netCDF-4's chunks, which are HDF5's.
//!
//! Every way in which HDF5 numbers its chunks is read, and its filters shuffle,
//! deflate and Fletcher-32, and h5py's LZF.

mod btree;
mod checksum;
mod cut;
mod filters;
mod index;
mod layout;
mod lzf;
mod shuffle;

use super::Form;
use super::fault::Fault;
use super::numbers::Number;
use super::pieces::{Entry, Piece, Wanted};
use super::scratch::{Plain, Scratch};
use crate::ranges::{LARGEST_HEADER, ReadAt, metadata};
use crate::stored::Decoding;
use hdf5_reader::{Hdf5File, OpenOptions};
use layout::{Layout, Values};
use std::sync::Arc;

/// Which of a variable's dimensions the layers run along, and how many precede
/// the two horizontal ones; all others of these have one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    /// How many dimensions precede rows and columns.
    pub leading: usize,
    /// Which of them the layers run along.
    pub along: Option<usize>,
}

/// A variable of the root group.
pub struct Hdf5 {
    file: Hdf5File,
    layout: Layout,
    axes: Axes,
    number: Number,
}

/// As [`layout::filled_integer`], of a dataset of the root group.
pub fn filled_integer(bytes: Arc<dyn ReadAt>, name: &str) -> Result<Option<(u8, bool)>, Fault> {
    layout::filled_integer(&open(bytes)?, name)
}

fn open(bytes: Arc<dyn ReadAt>) -> Result<Hdf5File, Fault> {
    let options = OpenOptions { max_object_header_bytes: LARGEST_HEADER, ..OpenOptions::default() };
    Hdf5File::from_storage_with_options(metadata(bytes), options).map_err(Fault::of_layout)
}

impl Hdf5 {
    /// Reads how it is stored.
    ///
    /// # Errors
    /// [`Fault`]: in a way that isn't known, or the file can't be read.
    pub fn open(
        bytes: Arc<dyn ReadAt>,
        name: &str,
        axes: Axes,
        shape: &[usize],
        decoding: &Decoding,
    ) -> Result<Self, Fault> {
        let file = open(bytes)?;
        let layout = Layout::of(&file, name)?;
        if !layout.shape.iter().copied().eq(shape.iter().map(|n| *n as u64)) {
            // The library pads variables that are shorter than their dimension.
            return Err(Fault::Unknown(format!(
                "its {:?} elements aren't the {shape:?} of its dimensions",
                layout.shape
            )));
        }
        let number = layout.number.as_said(decoding.dtype)?;
        Ok(Self { file, layout, axes, number })
    }
}

impl Form for Hdf5 {
    fn number(&self) -> Number {
        self.number
    }

    fn fill(&self) -> &[u8] {
        &self.layout.fill
    }

    fn together(&self) -> usize {
        let Values::Chunked(chunks) = &self.layout.values else { return 1 };
        let along = self.axes.along.and_then(|along| chunks.shape.get(along));
        along.map_or(1, |layers| usize::try_from(*layers).unwrap_or(usize::MAX))
    }

    fn cut(&self, wanted: &Wanted) -> Result<Vec<Piece>, Fault> {
        cut::cut(&self.file, &self.layout, self.axes, wanted)
    }

    fn inflated(&self, entry: &Entry, elements: usize) -> Option<usize> {
        self.layout.filters.inflated(entry.skipped, elements * self.number.size())
    }

    fn undo(
        &self,
        stored: &[u8],
        entry: &Entry,
        elements: usize,
        scratch: &mut Scratch,
    ) -> Result<Plain, String> {
        let size = self.number.size();
        self.layout.filters.undo(stored, entry.skipped, elements * size, size, scratch)
    }
}
