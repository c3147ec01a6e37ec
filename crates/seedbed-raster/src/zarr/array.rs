//! An array whose chunks are files of a local folder.

use super::codec::unpack;
use super::layout::{Extent, counts, number, places};
use super::metadata::{ArrayMeta, Number, Sharding, size};
use crate::stored::Decoding;
use crate::{DType, RasterError};
use rayon::prelude::*;
use seedbed_block::Real;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The most bytes that are read of an array at once.
const LARGEST: usize = 1 << 36;

/// An array that can be read.
#[derive(Debug, Clone)]
pub struct ZarrArray {
    folder: PathBuf,
    pub meta: ArrayMeta,
}

/// A chunk to be read: the file it is in, its number in a shard, and where it begins.
struct Job {
    file: PathBuf,
    number: usize,
    begin: Extent,
}

impl ZarrArray {
    pub fn new(folder: PathBuf, meta: ArrayMeta) -> Self {
        Self { folder, meta }
    }

    /// The numbers of a part, the last dimension running fastest, in their stored
    /// bytes. Chunks that were never written hold the fill value.
    ///
    /// # Errors
    /// [`RasterError::Damaged`] or [`RasterError::Io`] with the file.
    pub fn read(&self, begin: &[usize], extent: &[usize]) -> Result<Vec<u8>, RasterError> {
        let width = self.meta.number.bytes();
        let bytes = size(extent).and_then(|n| n.checked_mul(width)).filter(|n| *n <= LARGEST);
        let bytes =
            bytes.ok_or_else(|| damaged(&self.folder, format!("{extent:?} elements are too many")))?;
        let mut out = Vec::with_capacity(bytes);
        while out.len() < bytes {
            out.extend_from_slice(&self.meta.fill);
        }
        if bytes == 0 {
            return Ok(out);
        }
        let end: Extent = begin.iter().zip(extent).map(|(b, n)| b + n).collect();
        let chunk = self.chunk();
        let touched = |size: &[usize], begin: &[usize], end: &[usize]| {
            let first: Extent = begin.iter().zip(size).map(|(b, n)| b / n).collect();
            places(&first, &counts(end, size))
        };
        for place in touched(&self.meta.piece, begin, &end) {
            let corner: Extent = place.iter().zip(&self.meta.piece).map(|(p, n)| p * n).collect();
            let file = self.folder.join(self.meta.file(&place));
            let jobs: Vec<Job> = if self.meta.sharding.is_some() {
                let inside = counts(&self.meta.piece, chunk);
                // The part that is wanted, counted from the shard's corner.
                let from: Extent = begin.iter().zip(&corner).map(|(b, c)| b.saturating_sub(*c)).collect();
                let to = end.iter().zip(&corner).zip(&self.meta.piece).map(|((e, c), n)| (e - c).min(*n));
                let to: Extent = to.collect();
                let job = |at: Extent| Job {
                    file: file.clone(),
                    number: number(&at, &inside),
                    begin: corner.iter().zip(&at).zip(chunk).map(|((c, p), n)| c + p * n).collect(),
                };
                touched(chunk, &from, &to).into_iter().map(job).collect()
            } else {
                vec![Job { file, number: 0, begin: corner }]
            };
            self.piece(&jobs, begin, extent, &mut out)?;
        }
        Ok(out)
    }

    /// Reads the chunks of one file, several at a time, and copies what is wanted.
    fn piece(
        &self,
        jobs: &[Job],
        begin: &[usize],
        extent: &[usize],
        out: &mut [u8],
    ) -> Result<(), RasterError> {
        let Some(path) = jobs.first().map(|job| job.file.as_path()) else { return Ok(()) };
        let unreadable = |source| RasterError::Io { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unreadable(error)),
        };
        let length = file.metadata().map_err(unreadable)?.len();
        let (places, codecs) = match &self.meta.sharding {
            Some(sharding) => (index(&file, length, path, sharding, &self.meta.piece)?, &sharding.codecs),
            None => (vec![Some((0, length))], &self.meta.codecs),
        };
        let chunk = self.chunk();
        let whole = size(chunk).unwrap_or(0) * self.meta.number.bytes();
        // A batch is decoded on all threads and then copied, so that what is held
        // is a few chunks more than what is wanted.
        for batch in jobs.chunks(2 * rayon::current_num_threads().max(1)) {
            let decoded = batch
                .par_iter()
                .map(|job| {
                    let Some((offset, bytes)) = places.get(job.number).copied().flatten() else {
                        return Ok(None);
                    };
                    let stored = range(&file, length, offset, bytes).map_err(unreadable)?;
                    let told = |reason| damaged(path, format!("chunk {}: {reason}", job.number));
                    unpack(codecs, stored, whole).map(Some).map_err(told)
                })
                .collect::<Result<Vec<_>, RasterError>>()?;
            for (job, chunk_bytes) in batch.iter().zip(decoded) {
                if let Some(bytes) = chunk_bytes {
                    copy(&bytes, &job.begin, chunk, begin, extent, self.meta.number.bytes(), out);
                }
            }
        }
        Ok(())
    }

    fn chunk(&self) -> &[usize] {
        self.meta.sharding.as_ref().map_or(&self.meta.piece, |s| &s.chunk)
    }

    /// All values of an array of one dimension.
    ///
    /// # Errors
    /// As [`ZarrArray::read`]; another number of dimensions.
    pub fn values(&self) -> Result<Vec<f64>, String> {
        let [n] = self.meta.shape[..] else {
            return Err(format!("it has {} dimensions, not one", self.meta.shape.len()));
        };
        let raw = self.read(&[0], &[n]).map_err(|e| e.to_string())?;
        let plain = Decoding {
            dtype: DType::Float64,
            nodata: None,
            also_nodata: None,
            scale: 1.0,
            offset: 0.0,
            unsigned: false,
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
            Number::Int64 => by.decode(&numbers(raw, |b| i64::from_le_bytes(b) as f64)),
            Number::UInt64 => by.decode(&numbers(raw, |b| u64::from_le_bytes(b) as f64)),
        }
    }
}

fn numbers<S, const N: usize>(raw: &[u8], of: impl Fn([u8; N]) -> S) -> Vec<S> {
    raw.as_chunks::<N>().0.iter().map(|bytes| of(*bytes)).collect()
}

/// Copies what a chunk and a wanted part have in common.
fn copy(
    chunk: &[u8],
    chunk_begin: &[usize],
    chunk_extent: &[usize],
    begin: &[usize],
    extent: &[usize],
    width: usize,
    out: &mut [u8],
) {
    let dimensions = extent.len();
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
        out[target..target + run * width].copy_from_slice(&chunk[source..source + run * width]);
    }
}

/// Where the chunks of a shard lie: offset and bytes, or nothing of one that was
/// never written.
fn index(
    file: &File,
    length: u64,
    path: &Path,
    sharding: &Sharding,
    piece: &[usize],
) -> Result<Vec<Option<(u64, u64)>>, RasterError> {
    let chunks = size(&counts(piece, &sharding.chunk)).unwrap_or(0);
    let bytes = 16 * chunks + 4 * sharding.index_codecs.len();
    let told = |reason: String| damaged(path, format!("the index of its {chunks} chunks: {reason}"));
    let size = u64::try_from(bytes).unwrap_or(u64::MAX);
    if length < size {
        return Err(told(format!("the file has {length} bytes, the index alone {bytes}")));
    }
    let offset = if sharding.index_at_end { length - size } else { 0 };
    let stored = range(file, length, offset, size)
        .map_err(|source| RasterError::Io { path: path.to_owned(), source })?;
    let raw = unpack(&sharding.index_codecs, stored, 16 * chunks).map_err(told)?;
    let pairs = numbers(&raw, u64::from_le_bytes);
    pairs
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[offset, bytes]| match offset.checked_add(*bytes) {
            _ if *offset == u64::MAX && *bytes == u64::MAX => Ok(None),
            Some(end) if end <= length => Ok(Some((*offset, *bytes))),
            _ => Err(told(format!("{bytes} bytes at {offset} lie outside the {length} of the file"))),
        })
        .collect()
}

/// Some bytes of a file that is long enough for them.
fn range(file: &File, length: u64, offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let size = usize::try_from(bytes.min(length)).map_err(|_| io::Error::from(ErrorKind::FileTooLarge))?;
    let mut out = vec![0; size];
    file.read_exact_at(&mut out, offset)?;
    Ok(out)
}

pub fn damaged(path: &Path, reason: String) -> RasterError {
    RasterError::Damaged { path: path.to_owned(), reason }
}
