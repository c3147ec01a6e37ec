//! TIFF's strips and tiles.
//!
//! Read are whole numbers and IEEE 754 ones of one sample a pixel, or of bands apart
//! from each other, as they are, deflated, as LZW or as Zstandard frames, with either
//! predictor: what scientific archives hold. Source: TIFF 6.0; Adobe Photoshop TIFF
//! Technical Note 3 (floating-point predictor); the `BigTIFF` design of libtiff.

mod directory;
mod predictor;
mod skeleton;
mod tags;

pub use skeleton::skeleton;

use super::Form;
use super::fault::Fault;
use super::numbers::Number;
use super::pieces::{Entry, Piece, Stored, Wanted};
use super::scratch::{Plain, Scratch};
use crate::DType;
use crate::ranges::ReadAt;
use directory::{Codec, Directory};
use seedbed_block::Shape2d;
use std::ops::Range;
use tags::Order;
pub use tags::{FIRST, Tags};

/// The largest chunk, without its compression, in bytes: each thread holds one.
const LARGEST: usize = 1 << 28;

/// Whether a file that begins so is a TIFF.
pub fn is_tiff(head: &[u8]) -> bool {
    Order::of(head).is_some()
}

/// Whether another image of the file is the mask of the first.
///
/// # Errors
/// [`Fault`] if it is no TIFF, or its images can't be told.
pub fn has_mask(bytes: &dyn ReadAt) -> Result<bool, Fault> {
    Tags::read(bytes)?.has_mask()
}

/// What a library said of the bands that are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Bands<'a> {
    /// Rows and columns.
    pub shape: Shape2d,
    /// Their numbers from 1, one a layer.
    pub numbers: &'a [usize],
    /// The type of the stored numbers.
    pub dtype: DType,
    /// The number that stands for chunks that were never written: the file's nodata, else 0.
    pub fill: f64,
}

/// Bands of an image.
pub struct Tiff {
    directory: Directory,
    /// From 0, one a layer.
    bands: Vec<usize>,
    number: Number,
    fill: Vec<u8>,
    /// The file's size in bytes.
    end: u64,
}

impl Tiff {
    /// Reads how they are stored.
    ///
    /// # Errors
    /// [`Fault`]: in a way that isn't known, or the file can't be read.
    pub fn open(bytes: &dyn ReadAt, bands: &Bands<'_>) -> Result<Self, Fault> {
        let directory = Directory::of(&Tags::read(bytes)?)?;
        let found = directory.shape;
        if found != bands.shape {
            return Err(Fault::Unknown(format!(
                "its first image has {found:?} pixels, not {:?}",
                bands.shape
            )));
        }
        let last = bands.numbers.iter().max().copied().unwrap_or(0);
        if last > directory.samples || bands.numbers.contains(&0) {
            return Err(Fault::Unknown(format!("it has {} bands and no {last}", directory.samples)));
        }
        let number = directory.number.as_said(bands.dtype)?;
        let length = directory.chunk.len().checked_mul(number.size());
        if length.is_none_or(|length| length > LARGEST) {
            let reason =
                format!("its chunks of {:?} pixels are larger than {LARGEST} bytes", directory.chunk);
            return Err(Fault::Unknown(reason));
        }
        let fill = number.bytes_of(bands.fill);
        let bands = bands.numbers.iter().map(|number| number - 1).collect();
        Ok(Self { directory, bands, number, fill, end: bytes.size() })
    }

    /// Where the chunk of that number is, if it was written.
    fn entry(&self, number: usize, doubtful: bool) -> Result<Option<Entry>, Fault> {
        let place = |list: &[u64]| list.get(number).copied().unwrap_or(0);
        let (offset, size) = (place(&self.directory.offsets), place(&self.directory.sizes));
        if size == 0 {
            return Ok(None);
        }
        if offset.checked_add(size).is_none_or(|last| last > self.end) {
            return Err(Fault::Damaged(format!(
                "its chunk {number} has {size} bytes at {offset}, beyond the file's {}",
                self.end
            )));
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        Ok(Some(Entry { offset, size, skipped: 0, doubtful }))
    }
}

impl Form for Tiff {
    fn number(&self) -> Number {
        self.number
    }

    fn fill(&self) -> &[u8] {
        &self.fill
    }

    fn cut(&self, wanted: &Wanted) -> Result<Vec<Piece>, Fault> {
        let Wanted([layers, rows, cols]) = wanted;
        let Shape2d { rows: high, cols: wide } = self.directory.chunk;
        let across = self.directory.shape.cols.div_ceil(wide);
        let down = self.directory.shape.rows.div_ceil(high);
        let span = |range: &Range<usize>, size: usize| range.start / size..(range.end - 1) / size + 1;
        let mut pieces = Vec::new();
        for layer in layers.clone() {
            for row in span(rows, high) {
                for col in span(cols, wide) {
                    let (top, left) = (row * high, col * wide);
                    let has = if self.directory.is_tiled {
                        high
                    } else {
                        high.min(self.directory.shape.rows - top)
                    };
                    let number = (self.bands[layer] * down + row) * across + col;
                    // Some writers let the last strip have as many rows as the others, and the oldest
                    // have an LZW of their own.
                    let doubtful = has < high || self.directory.codec == Codec::Lzw;
                    let stored = match self.entry(number, doubtful)? {
                        None => Stored::Nowhere,
                        Some(entry) => Stored::Chunk { entry, elements: has * wide },
                    };
                    pieces.push(Piece {
                        stored,
                        origin: [layer, top, left],
                        strides: [0, wide],
                        part: [
                            layer..layer + 1,
                            rows.start.max(top)..rows.end.min(top + high),
                            cols.start.max(left)..cols.end.min(left + wide),
                        ],
                    });
                }
            }
        }
        Ok(pieces)
    }

    fn inflated(&self, _: &Entry, elements: usize) -> Option<usize> {
        (self.directory.codec == Codec::Deflate).then_some(elements * self.number.size())
    }

    fn undo(
        &self,
        stored: &[u8],
        _: &Entry,
        elements: usize,
        scratch: &mut Scratch,
    ) -> Result<Plain, String> {
        let size = self.number.size();
        let length = elements * size;
        let mut buffer = match self.directory.codec {
            Codec::None if stored.len() == length => {
                return Ok(Plain { buffer: None, shuffled: false });
            }
            Codec::None => {
                let Some(bytes) = stored.get(..length) else {
                    return Err(format!("it holds {} bytes for {length}", stored.len()));
                };
                let mut buffer = scratch.take(0);
                buffer.extend_from_slice(bytes);
                buffer
            }
            Codec::Lzw => scratch.expand(stored, length)?,
            Codec::Deflate => scratch.inflate(stored, length)?,
            Codec::Zstd => scratch.unfold(stored, length)?,
        };
        if let Some(predictor) = self.directory.predictor {
            let line = self.directory.chunk.cols * size;
            let mut out = scratch.take(length);
            predictor.undo(&mut buffer, line, size, &mut out);
            scratch.give_back(Some(std::mem::replace(&mut buffer, out)));
        }
        Ok(Plain { buffer: Some(buffer), shuffled: false })
    }
}
