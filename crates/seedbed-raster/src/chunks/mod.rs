//! A netCDF-4 variable's values, chunk by chunk.
//!
//! libhdf5 reads and inflates one chunk at a time under a lock of the whole
//! process. Here the file's index is asked where the chunks of a window are,
//! their bytes are read by offset, from a disk or through byte ranges, and
//! inflated on every thread of rayon's current pool; the part that the window
//! needs goes straight to its place as physical values. A chunk is inflated once
//! however many layers of it are wanted, and the result doesn't depend on the
//! number of threads.
//!
//! Every way in which HDF5 numbers its chunks is read, and its filters shuffle,
//! deflate and Fletcher-32. What else there is, is told as [`Fault::Unknown`],
//! so that a caller may turn to the library.

mod btree;
mod checksum;
mod fault;
mod filters;
mod index;
mod layout;
mod numbers;
mod pieces;
mod shuffle;

pub use fault::Fault;

use crate::ranges::{LARGEST_HEADER, ReadAt, metadata};
use crate::stored::Decoding;
use filters::Scratch;
use hdf5_reader::{Hdf5File, OpenOptions};
use layout::Layout;
use numbers::{Elements, Number};
use pieces::{Piece, Stored};
use rayon::prelude::*;
use seedbed_block::{PixelRange, Real};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes of a remote file are held at once.
const WAVE: u64 = 1 << 26;
/// How many bytes of a remote file are asked for in one request, unless one chunk has more.
const REQUEST: u64 = 1 << 23;

/// Which of a variable's dimensions the layers run along, and how many precede
/// the two horizontal ones; all others of these have one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    /// How many dimensions precede rows and columns.
    pub leading: usize,
    /// Which of them the layers run along.
    pub along: Option<usize>,
}

/// A variable whose chunks can be read.
pub struct ChunkReader {
    bytes: Arc<dyn ReadAt>,
    file: Hdf5File,
    layout: Layout,
    axes: Axes,
    /// How an element is read.
    number: Number,
}

impl ChunkReader {
    /// Of a variable of the root group. `shape` is what its dimensions say, and
    /// `decoding` what its attributes say.
    ///
    /// # Errors
    /// [`Fault`]: stored in a way that isn't known, or the file can't be read.
    pub fn open(
        bytes: Arc<dyn ReadAt>,
        name: &str,
        axes: Axes,
        shape: &[usize],
        decoding: &Decoding,
    ) -> Result<Self, Fault> {
        let options = OpenOptions { max_object_header_bytes: LARGEST_HEADER, ..OpenOptions::default() };
        let file = Hdf5File::from_storage_with_options(metadata(bytes.clone()), options);
        let file = file.map_err(Fault::of_layout)?;
        let layout = Layout::of(&file, name)?;
        if !layout.shape.iter().copied().eq(shape.iter().map(|n| *n as u64)) {
            // The library pads variables that are shorter than their dimension.
            return Err(Fault::Unknown(format!(
                "its {:?} elements aren't the {shape:?} of its dimensions",
                layout.shape
            )));
        }
        let number = layout.number.read_as(decoding.dtype).ok_or_else(|| {
            Fault::Unknown(format!(
                "its elements of {} bytes aren't {}",
                layout.number.size(),
                decoding.dtype
            ))
        })?;
        Ok(Self { bytes, file, layout, axes, number })
    }

    /// Layers × rows × columns of a window, decoded.
    ///
    /// # Errors
    /// [`Fault`]: the first damaged chunk in the order of the file, or bytes that
    /// can't be had.
    pub fn read<T: Real>(
        &self,
        decoding: &Decoding,
        layers: Range<usize>,
        window: PixelRange,
    ) -> Result<Vec<T>, Fault> {
        let wanted = pieces::Wanted::new(layers, window);
        let mut places = pieces::cut(&self.file, &self.layout, self.axes, &wanted)?;
        places.sort_by_key(Piece::offset);
        // Every place is written; memory that was never touched is cheap to have, and each thread touches its own.
        let mut out = vec![T::ZERO; wanted.elements()];
        let targets = pieces::targets(&mut out, &places);
        let work: Vec<(Piece, Vec<&mut [T]>)> = places.into_iter().zip(targets).collect();
        if self.bytes.needless() == 0 {
            self.read_here(decoding, work)?;
        } else {
            self.read_afar(decoding, work)?;
        }
        Ok(out)
    }

    /// How many bytes of the file reading a window would take, without the index.
    ///
    /// # Errors
    /// As [`ChunkReader::read`], if the index is damaged.
    pub fn stored_bytes(&self, layers: Range<usize>, window: PixelRange) -> Result<u64, Fault> {
        let wanted = pieces::Wanted::new(layers, window);
        let places = pieces::cut(&self.file, &self.layout, self.axes, &wanted)?;
        Ok(places.iter().filter_map(Piece::range).map(|r| r.end - r.start).sum())
    }

    /// Each thread reads the chunks it inflates.
    fn read_here<T: Real>(
        &self,
        decoding: &Decoding,
        work: Vec<(Piece, Vec<&mut [T]>)>,
    ) -> Result<(), Fault> {
        let spare = Spare::default();
        let done: Vec<Result<(), Fault>> = work
            .into_par_iter()
            .map(|(piece, rows)| {
                let mut scratch = spare.take();
                let mut stored = Vec::new();
                if let Some(range) = piece.range() {
                    stored = scratch.take(pieces::length(&range));
                    self.bytes.read_into(range.start, &mut stored).map_err(Fault::Io)?;
                }
                let decoded = self.decode(decoding, &piece, &stored, rows, &mut scratch);
                scratch.give_back(Some(stored));
                spare.give_back(scratch);
                decoded
            })
            .collect();
        done.into_iter().collect()
    }

    /// Requests of many chunks each, several at once; then every thread inflates.
    fn read_afar<T: Real>(
        &self,
        decoding: &Decoding,
        work: Vec<(Piece, Vec<&mut [T]>)>,
    ) -> Result<(), Fault> {
        let spare = Spare::default();
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
            let done: Vec<Result<(), Fault>> = part
                .into_par_iter()
                .map(|(piece, rows)| {
                    let stored = piece.range().and_then(|range| {
                        let request = wave.requests.partition_point(|r| r.end < range.end);
                        let from = pieces::length(&(wave.requests.get(request)?.start..range.start));
                        fetched.get(request)?.get(from..from + pieces::length(&range))
                    });
                    let mut scratch = spare.take();
                    let decoded = self.decode(decoding, &piece, stored.unwrap_or(&[]), rows, &mut scratch);
                    spare.give_back(scratch);
                    decoded
                })
                .collect();
            done.into_iter().collect::<Result<(), Fault>>()?;
        }
        Ok(())
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
        let number = self.number;
        match &piece.stored {
            Stored::Nowhere => {
                let mut fill = [T::NAN];
                let bytes = self.layout.fill.as_slice();
                Elements { bytes, shuffled: false, number }.decode(decoding, 0, &mut fill);
                for row in rows {
                    row.fill(fill[0]);
                }
            }
            Stored::Chunk { entry, elements } => {
                let length = elements * number.size();
                let undone = self.layout.filters.undo(stored, entry.skipped, length, number.size(), scratch);
                let plain = match undone {
                    Ok(plain) => plain,
                    Err(_) if entry.doubtful => return Err(Fault::Unknown(index::AS_IT_IS.to_owned())),
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

/// Buffers of the threads that aren't at work.
#[derive(Default)]
struct Spare(Mutex<Vec<Scratch>>);

impl Spare {
    fn take(&self) -> Scratch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_else(Scratch::new)
    }

    fn give_back(&self, scratch: Scratch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
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
