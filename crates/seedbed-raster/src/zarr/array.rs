//! An array whose chunks are files of a folder.

use super::codec::{Codec, unpack};
use super::files::{FileRange, ReadFolder, Reuse};
use super::layout::{Extent, counts, number, places};
use super::metadata::{ArrayMeta, Endian, Number, Sharding, of_half, size};
use super::shard::{self, Chunk, Request};
use crate::stored::{Decoding, Sign};
use crate::{DType, RasterError};
use rayon::prelude::*;
use seedbed_block::Real;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most bytes that are read of an array at once.
const LARGEST: usize = 1 << 36;
/// How many bytes of decoded chunks are held at once, unless the chunks of all threads take more.
const HELD: usize = 1 << 26;
/// How many chunks are asked for at once, at most.
const CHUNKS: usize = 256;
/// How many shards' indexes are asked for at once, at most.
const SHARDS: usize = 64;

/// An array that can be read.
#[derive(Clone)]
pub struct ZarrArray {
    files: Arc<dyn ReadFolder>,
    /// Where the group is, for errors.
    at: PathBuf,
    name: String,
    pub meta: ArrayMeta,
}

/// What is one file, and its first element.
struct Piece {
    file: String,
    corner: Extent,
}

/// A part of the array that is wanted, as it is filled.
struct Part<'a> {
    begin: &'a [usize],
    extent: &'a [usize],
    out: Vec<u8>,
}

impl ZarrArray {
    /// The array `name` of the group whose files these are.
    pub fn new(files: Arc<dyn ReadFolder>, at: &Path, name: &str, meta: ArrayMeta) -> Self {
        Self { files, at: at.to_owned(), name: name.to_owned(), meta }
    }

    /// The numbers of a part, the last dimension running fastest, in their stored
    /// bytes. Chunks that were never written hold the fill value.
    ///
    /// # Errors
    /// [`RasterError::Damaged`] or [`RasterError::Io`] with the file.
    pub fn read(&self, begin: &[usize], extent: &[usize], reuse: Reuse) -> Result<Vec<u8>, RasterError> {
        let width = self.meta.number.bytes();
        let bytes = size(extent).and_then(|n| n.checked_mul(width)).filter(|n| *n <= LARGEST);
        let bytes = bytes.ok_or_else(|| self.damaged("", format!("{extent:?} elements are too many")))?;
        let mut out = Vec::with_capacity(bytes);
        while out.len() < bytes {
            out.extend_from_slice(&self.meta.fill);
        }
        if bytes == 0 {
            return Ok(out);
        }
        let mut part = Part { begin, extent, out };
        let pieces = touched(&self.meta.piece, begin, &part.end()).into_iter().map(|place| Piece {
            file: format!("{}/{}", self.name, self.meta.file(&place)),
            corner: place.iter().zip(&self.meta.piece).map(|(p, n)| p * n).collect(),
        });
        let pieces: Vec<Piece> = pieces.collect();
        match &self.meta.sharding {
            None => self.chunks(&pieces, &mut part, reuse)?,
            Some(sharding) => {
                let index = shard::index_bytes(sharding, &self.meta.piece);
                for shards in pieces.chunks((HELD / index.max(1)).clamp(1, SHARDS)) {
                    self.shards(sharding, shards, &mut part, reuse)?;
                }
            }
        }
        Ok(part.out)
    }

    /// How many chunks are read before the first is decoded, so that what is held is little
    /// more than what is wanted.
    fn at_once(&self) -> usize {
        let threads = 2 * rayon::current_num_threads().max(1);
        (HELD / self.chunk_bytes().max(1)).clamp(threads, CHUNKS.max(threads))
    }

    fn chunk_bytes(&self) -> usize {
        size(self.chunk()).unwrap_or(0) * self.meta.number.bytes()
    }

    /// Reads chunks that are files, and copies what is wanted of them.
    fn chunks(&self, pieces: &[Piece], part: &mut Part<'_>, reuse: Reuse) -> Result<(), RasterError> {
        for batch in pieces.chunks(self.at_once()) {
            let names: Vec<String> = batch.iter().map(|piece| piece.file.clone()).collect();
            let stored = self.files.read(&names, reuse)?;
            let decoded: Vec<Option<Vec<u8>>> = stored
                .into_par_iter()
                .zip(batch)
                .map(|(stored, piece)| {
                    let whole = stored.map(|bytes| self.decoded(&self.meta.codecs, bytes));
                    whole.transpose().map_err(|reason| self.damaged(&piece.file, reason))
                })
                .collect::<Result<_, _>>()?;
            for (piece, bytes) in batch.iter().zip(decoded) {
                if let Some(bytes) = bytes {
                    part.take(&bytes, &piece.corner, self.chunk(), self.meta.number.bytes());
                }
            }
        }
        Ok(())
    }

    /// Reads the chunks that are wanted of some shards: first where these lie, by the shards'
    /// indexes, then their bytes alone.
    fn shards(
        &self,
        sharding: &Sharding,
        pieces: &[Piece],
        part: &mut Part<'_>,
        reuse: Reuse,
    ) -> Result<(), RasterError> {
        let wanted = self.located(sharding, pieces, part)?;
        let most = self.at_once();
        let requests = shard::requests(wanted, self.files.needless(), most);
        let mut rest = requests.as_slice();
        while !rest.is_empty() {
            let mut held = 0;
            let fits = rest.iter().take_while(|request| {
                held += request.chunks.len();
                held <= most
            });
            let (batch, later) = rest.split_at(fits.count().max(1));
            rest = later;
            let ranges: Vec<_> =
                batch.iter().map(|request| request.of(&pieces[request.shard].file)).collect();
            let stored = self.files.read_ranges(&ranges, reuse)?;
            let asked: Vec<(&Request, &Chunk, &Vec<u8>)> = batch
                .iter()
                .zip(&stored)
                .flat_map(|(request, bytes)| request.chunks.iter().map(move |chunk| (request, chunk, bytes)))
                .collect();
            let decoded: Vec<Vec<u8>> = asked
                .par_iter()
                .map(|(request, chunk, bytes)| {
                    let stored = request.part(chunk, bytes).ok_or("fewer bytes came than were asked for");
                    let whole =
                        stored.map_err(str::to_owned).and_then(|b| self.decoded(&sharding.codecs, b.into()));
                    whole.map_err(|reason| {
                        self.damaged(&pieces[chunk.shard].file, format!("chunk {}: {reason}", chunk.number))
                    })
                })
                .collect::<Result<_, _>>()?;
            for ((_, chunk, _), bytes) in asked.iter().zip(decoded) {
                part.take(&bytes, &chunk.begin, &sharding.chunk, self.meta.number.bytes());
            }
        }
        Ok(())
    }

    /// Where the chunks that a part needs lie in shards; those that were never written are left out.
    fn located(
        &self,
        sharding: &Sharding,
        pieces: &[Piece],
        part: &Part<'_>,
    ) -> Result<Vec<Chunk>, RasterError> {
        let piece = &self.meta.piece;
        let names: Vec<String> = pieces.iter().map(|shard| shard.file.clone()).collect();
        let sizes = self.files.sizes(&names)?;
        let there = || sizes.iter().enumerate().filter_map(|(n, size)| Some((n, (*size)?)));
        let ranges = there().map(|(n, length)| {
            let range = shard::index_range(sharding, piece, length);
            let range = range.map_err(|reason| self.damaged(&names[n], reason))?;
            Ok(FileRange { name: names[n].clone(), range })
        });
        let ranges = ranges.collect::<Result<Vec<_>, RasterError>>()?;
        let stored = self.files.read_ranges(&ranges, Reuse::Often)?;
        let inside = counts(piece, &sharding.chunk);
        let end = part.end();
        let mut chunks = Vec::new();
        for ((shard, length), stored) in there().zip(stored) {
            let index = shard::index(sharding, piece, stored, length)
                .map_err(|reason| self.damaged(&names[shard], reason))?;
            let corner = &pieces[shard].corner;
            // The part that is wanted, counted from the shard's corner.
            let from: Extent = part.begin.iter().zip(corner).map(|(b, c)| b.saturating_sub(*c)).collect();
            let to: Extent = end.iter().zip(corner).zip(piece).map(|((e, c), n)| (e - c).min(*n)).collect();
            for place in touched(&sharding.chunk, &from, &to) {
                let number = number(&place, &inside);
                let begin = corner.iter().zip(&place).zip(&sharding.chunk).map(|((c, p), n)| c + p * n);
                if let Some(range) = index.get(number).cloned().flatten() {
                    chunks.push(Chunk { shard, number, range, begin: begin.collect() });
                }
            }
        }
        Ok(chunks)
    }

    fn decoded(&self, codecs: &[Codec], stored: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut bytes = unpack(codecs, stored, self.chunk_bytes())?;
        if self.meta.endian == Endian::Big {
            bytes.chunks_exact_mut(self.meta.number.bytes()).for_each(<[u8]>::reverse);
        }
        Ok(bytes)
    }

    /// The error for one of its files.
    fn damaged(&self, file: &str, reason: String) -> RasterError {
        let name = if file.is_empty() { &self.name } else { file };
        damaged(&self.at.join(name), reason)
    }

    fn chunk(&self) -> &[usize] {
        self.meta.sharding.as_ref().map_or(&self.meta.piece, |s| &s.chunk)
    }

    /// The files of all its chunks, where each is one file.
    pub fn chunk_files(&self) -> Vec<String> {
        if self.meta.sharding.is_some() {
            return Vec::new();
        }
        let places = touched(&self.meta.piece, &vec![0; self.meta.shape.len()], &self.meta.shape);
        places.iter().map(|place| format!("{}/{}", self.name, self.meta.file(place))).collect()
    }

    /// All values of an array of one dimension.
    ///
    /// # Errors
    /// As [`ZarrArray::read`]; another number of dimensions.
    pub fn values(&self) -> Result<Vec<f64>, String> {
        let [n] = self.meta.shape[..] else {
            return Err(format!("it has {} dimensions, not one", self.meta.shape.len()));
        };
        let told = |error: RasterError| match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        let raw = self.read(&[0], &[n], Reuse::Often).map_err(told)?;
        let plain = Decoding {
            dtype: DType::Float64,
            nodata: None,
            infinite: false,
            also_nodata: Vec::new(),
            scale: 1.0,
            offset: 0.0,
            sign: Sign::OfType,
        };
        Ok(self.decode(&raw, &plain))
    }

    /// Physical values of stored bytes.
    pub fn decode<T: Real>(&self, raw: &[u8], by: &Decoding) -> Vec<T> {
        #[expect(clippy::cast_precision_loss, reason = "coordinates are far below 2^53")]
        match self.meta.number {
            Number::Raster(DType::UInt8) => by.decode(raw),
            Number::Raster(DType::Int8) => by.decode(&numbers(raw, i8::from_le_bytes)),
            Number::Raster(DType::UInt16) => by.decode(&numbers(raw, u16::from_le_bytes)),
            Number::Raster(DType::Int16) => by.decode(&numbers(raw, i16::from_le_bytes)),
            Number::Raster(DType::UInt32) => by.decode(&numbers(raw, u32::from_le_bytes)),
            Number::Raster(DType::Int32) => by.decode(&numbers(raw, i32::from_le_bytes)),
            Number::Raster(DType::Float32) => by.decode(&numbers(raw, f32::from_le_bytes)),
            Number::Raster(DType::Float64) => by.decode(&numbers(raw, f64::from_le_bytes)),
            Number::Float16 => by.decode(&numbers(raw, |b| of_half(u16::from_le_bytes(b)))),
            Number::Int64 => by.decode(&numbers(raw, |b| i64::from_le_bytes(b) as f64)),
            Number::UInt64 => by.decode(&numbers(raw, |b| u64::from_le_bytes(b) as f64)),
        }
    }
}

fn numbers<S, const N: usize>(raw: &[u8], of: impl Fn([u8; N]) -> S) -> Vec<S> {
    raw.as_chunks::<N>().0.iter().map(|bytes| of(*bytes)).collect()
}

/// The places of the pieces of a size that a part touches.
fn touched(size: &[usize], begin: &[usize], end: &[usize]) -> Vec<Extent> {
    let first: Extent = begin.iter().zip(size).map(|(b, n)| b / n).collect();
    places(&first, &counts(end, size))
}

impl Part<'_> {
    fn end(&self) -> Extent {
        self.begin.iter().zip(self.extent).map(|(b, n)| b + n).collect()
    }

    /// Copies what a chunk has of it.
    fn take(&mut self, chunk: &[u8], chunk_begin: &[usize], chunk_extent: &[usize], width: usize) {
        let (begin, extent, dimensions) = (self.begin, self.extent, self.extent.len());
        let first: Extent = begin.iter().zip(chunk_begin).map(|(b, c)| *b.max(c)).collect();
        let end: Extent =
            (0..dimensions).map(|d| (begin[d] + extent[d]).min(chunk_begin[d] + chunk_extent[d])).collect();
        if first.iter().zip(&end).any(|(first, end)| first >= end) {
            return;
        }
        // Rows of the last dimension are copied as one.
        let (rows, run) = match (first.split_last(), end.split_last()) {
            (Some((from, leading)), Some((to, ends))) => (places(leading, ends), Some((*from, to - from))),
            _ => (vec![Vec::new()], None),
        };
        let (from, run) = run.unwrap_or((0, 1));
        for mut row in rows {
            if dimensions > 0 {
                row.push(from);
            }
            let at = |begin: &[usize], extent: &[usize]| {
                let place: Extent = row.iter().zip(begin).map(|(r, b)| r - b).collect();
                number(&place, extent) * width
            };
            let (source, target) = (at(chunk_begin, chunk_extent), at(begin, extent));
            self.out[target..target + run * width].copy_from_slice(&chunk[source..source + run * width]);
        }
    }
}

pub fn damaged(path: &Path, reason: String) -> RasterError {
    RasterError::Damaged { path: path.to_owned(), reason }
}
