//! Writing a cube, some layers at a time.

use super::codec::Codec;
use super::document;
use super::group::DOCUMENT;
use super::layout::{CubeLayout, counts, places};
use crate::cog::quantise::Quantiser;
use crate::cog::sample::Sample;
use crate::cog::{BandMeta, CogOptions, Threads};
use crate::statistics::Summary;
use crate::{DType, RasterError, Statistics, container};
use seedbed_block::{Date, Real, Shape2d};
use seedbed_grid::GeoBox;
use serde_json::Value;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a cube is.
#[derive(Debug, Clone, Copy)]
pub struct Cube<'a> {
    /// Where its pixels lie; north up or south up, not turned.
    pub geobox: &'a GeoBox,
    /// The day of each layer, increasing.
    pub dates: &'a [Date],
    /// The variable.
    pub band: &'a BandMeta,
    /// A line for people.
    pub title: &'a str,
    /// How values are stored: overviews there are none, and deflate is gzip.
    pub options: &'a CogOptions,
}

/// A cube under way. Dropped without [`CubeWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct CubeWriter {
    path: PathBuf,
    temporary: PathBuf,
    name: String,
    shape: Shape2d,
    options: CogOptions,
    layout: CubeLayout,
    codecs: Vec<Codec>,
    /// The documents by name; the variable's is the last.
    documents: Vec<(String, Value)>,
    layers: usize,
    /// Layers that are in files.
    written: usize,
    /// The bytes of layers that aren't, for there are too few of them for a shard.
    waiting: Vec<Vec<u8>>,
    summary: Summary,
    threads: Threads,
}

impl CubeWriter {
    /// Begins a cube at `path`, which must not exist.
    ///
    /// # Errors
    /// [`RasterError::Options`] for contradictory options, a turned grid, or dates
    /// that don't increase; [`RasterError::Io`] where `path` exists;
    /// [`RasterError::Write`] where the folder can't be made.
    pub fn create(path: &Path, cube: &Cube<'_>, threads: Threads) -> Result<Self, RasterError> {
        let full = container::local(path)?;
        let bad = |reason: String| RasterError::Options { path: path.to_owned(), reason };
        let Cube { geobox, dates, options, .. } = *cube;
        let shape = geobox.shape;
        crate::cog::check(shape, shape.len(), options).map_err(bad)?;
        let name = cube.band.name.as_str();
        if name.is_empty() || name.starts_with(['.', '_']) || name.contains(['/', '\\', '\0']) {
            return Err(bad(format!("`{name}` can't be the name of an array")));
        }
        if [document::MAPPING, "time", "x", "y", DOCUMENT].contains(&name) {
            return Err(bad(format!("`{name}` is the name of a coordinate: the variable needs another")));
        }
        if geobox.affine.b != 0.0 || geobox.affine.d != 0.0 {
            return Err(bad("its grid is turned, and rows and columns have no coordinates".to_owned()));
        }
        if dates.is_empty() || dates.windows(2).any(|two| two[0] >= two[1]) {
            return Err(bad(format!("its {} dates don't increase", dates.len())));
        }
        if full.exists() {
            let source = io::Error::from(ErrorKind::AlreadyExists);
            return Err(RasterError::Io { path: path.to_owned(), source });
        }
        let layout = CubeLayout::of(shape, dates.len());
        let codecs = Codec::of(options.compress, options.level).map_err(bad)?;
        let missing = missing(options);
        let said: Vec<Value> = codecs.iter().map(|codec| codec.to_json()).collect();
        let coordinates = document::coordinates(cube);
        let mut documents: Vec<(String, Value)> =
            coordinates.iter().map(|(name, said, _)| ((*name).to_owned(), said.clone())).collect();
        documents.push((name.to_owned(), document::variable(cube, layout, &said, missing)));
        let writer = Self {
            temporary: temporary(&full)
                .map_err(|source| RasterError::Write { path: full.clone(), source })?,
            path: full,
            name: name.to_owned(),
            shape,
            options: options.clone(),
            layout,
            codecs,
            documents,
            layers: dates.len(),
            written: 0,
            waiting: Vec::new(),
            summary: Summary::default(),
            threads,
        };
        for (name, said, bytes) in coordinates {
            // An array without dimensions has a chunk without numbers.
            let scalar = said["shape"].as_array().is_some_and(Vec::is_empty);
            writer.put(&format!("{name}/{}", if scalar { "c" } else { "c/0" }), &bytes)?;
        }
        Ok(writer)
    }

    /// How values are stored.
    #[must_use]
    pub fn options(&self) -> &CogOptions {
        &self.options
    }

    /// How many layers go into a file: so many, given at once, are not held in between.
    #[must_use]
    pub fn layers_at_once(&self) -> usize {
        self.layout.shard[0]
    }

    /// How many layers of so many pixels [`CubeWriter::write`] holds at most.
    #[must_use]
    pub fn most_waiting(pixels: usize) -> usize {
        CubeLayout::of(Shape2d { rows: 1, cols: pixels }, usize::MAX).shard[0]
    }

    /// Writes the next layers, as many as are given: layer, row, column; NaN where a value
    /// is missing. What doesn't fill a file is held until it does, as it is stored.
    ///
    /// # Errors
    /// [`RasterError::Range`] for the first value that the stored type can't hold,
    /// [`RasterError::Options`] for part of a layer or more of them than are due,
    /// [`RasterError::Write`] where a file can't be written.
    pub fn write<T: Real>(&mut self, values: &[T]) -> Result<(), RasterError> {
        match self.options.dtype {
            DType::UInt8 => self.write_as::<T, u8>(values),
            DType::Int8 => self.write_as::<T, i8>(values),
            DType::UInt16 => self.write_as::<T, u16>(values),
            DType::Int16 => self.write_as::<T, i16>(values),
            DType::UInt32 => self.write_as::<T, u32>(values),
            DType::Int32 => self.write_as::<T, i32>(values),
            DType::Float32 => self.write_as::<T, f32>(values),
            DType::Float64 => self.write_as::<T, f64>(values),
        }
    }

    fn write_as<T: Real, S: Sample>(&mut self, values: &[T]) -> Result<(), RasterError> {
        let pixels = self.shape.len();
        let behind = self.written + self.waiting.len();
        let due = self.layers - behind;
        if values.is_empty() || !values.len().is_multiple_of(pixels) || values.len() > due * pixels {
            return Err(RasterError::Options {
                path: self.path.clone(),
                reason: format!(
                    "{} values were given for at most {due} layers from number {behind} on, of {}×{} pixels",
                    values.len(),
                    self.shape.rows,
                    self.shape.cols
                ),
            });
        }
        let (path, options) = (self.path.clone(), self.options.clone());
        let quantiser = Quantiser::new(&path, self.shape, &options);
        for layer in values.chunks_exact(pixels) {
            let stored = quantiser.stored::<T, S>(layer, 0).map_err(|error| error.among(layer))?;
            let mut bytes = vec![0; stored.len() * S::BYTES];
            S::plain(&stored, &mut bytes);
            self.waiting.push(bytes);
            self.summary.add(layer);
            let last = self.written + self.waiting.len() == self.layers;
            if self.waiting.len() == self.layers_at_once() || last {
                self.flush::<S>()?;
            }
        }
        Ok(())
    }

    /// Puts the layers that wait into files.
    fn flush<S: Sample>(&mut self) -> Result<(), RasterError> {
        let mut nodata = vec![0; S::BYTES];
        S::plain(&[S::narrow(missing(&self.options))], &mut nodata);
        let layers = std::mem::take(&mut self.waiting);
        let [deep, rows, cols] = self.layout.shard;
        let first = self.written / deep;
        for place in places(&[0, 0], &counts(&[self.shape.rows, self.shape.cols], &[rows, cols])) {
            let (row, col) = (place[0] * rows, place[1] * cols);
            if let Some(shard) = self.shard(&layers, row, col, &nodata)? {
                self.put(&format!("{}/c/{first}/{}/{}", self.name, place[0], place[1]), &shard)?;
            }
        }
        self.written += layers.len();
        Ok(())
    }

    /// The bytes of the shard whose upper left pixel is given; `None` if all of it is missing.
    fn shard(
        &self,
        layers: &[Vec<u8>],
        row: usize,
        col: usize,
        nodata: &[u8],
    ) -> Result<Option<Vec<u8>>, RasterError> {
        let [_, chunk_rows, chunk_cols] = self.layout.chunk;
        let across = counts(&self.layout.shard, &self.layout.chunk);
        let inside = places(&[0, 0], &across[1..]);
        let chunks = self.threads.map(inside.len(), |i| {
            let (row, col) = (row + inside[i][0] * chunk_rows, col + inside[i][1] * chunk_cols);
            let Some(mut bytes) = self.chunk(layers, row, col, nodata) else { return Ok(None) };
            for codec in &self.codecs {
                bytes = codec.encode(bytes)?;
            }
            Ok(Some(bytes))
        });
        let mut shard = Vec::new();
        let mut index = Vec::with_capacity(16 * inside.len() + 4);
        for chunk in chunks {
            let bad = |reason| RasterError::Options { path: self.path.clone(), reason };
            let (offset, size) = match chunk.map_err(bad)? {
                None => (u64::MAX, u64::MAX),
                Some(bytes) => {
                    let offset = shard.len() as u64;
                    shard.extend_from_slice(&bytes);
                    (offset, bytes.len() as u64)
                }
            };
            index.extend(offset.to_le_bytes());
            index.extend(size.to_le_bytes());
        }
        if shard.is_empty() {
            return Ok(None);
        }
        shard.extend(
            Codec::Crc32c
                .encode(index)
                .map_err(|reason| RasterError::Options { path: self.path.clone(), reason })?,
        );
        Ok(Some(shard))
    }

    /// A chunk's bytes, those of missing values beyond the cube's edges; `None` if all
    /// values are missing.
    fn chunk(&self, layers: &[Vec<u8>], row: usize, col: usize, nodata: &[u8]) -> Option<Vec<u8>> {
        let [deep, rows, cols] = self.layout.chunk;
        let Shape2d { rows: all_rows, cols: all_cols } = self.shape;
        let mut bytes = nodata.repeat(deep * rows * cols);
        let mut empty = true;
        for (n, out) in bytes.chunks_exact_mut(cols * nodata.len()).enumerate() {
            let (layer, row) = (n / rows, row + n % rows);
            if let Some(values) = layers.get(layer)
                && row < all_rows
                && col < all_cols
            {
                let [from, end] =
                    [col, all_cols.min(col + cols)].map(|col| (row * all_cols + col) * nodata.len());
                let values = &values[from..end];
                empty = empty && values.chunks_exact(nodata.len()).all(|value| value == nodata);
                out[..values.len()].copy_from_slice(values);
            }
        }
        (!empty).then_some(bytes)
    }

    /// Writes the documents and gives the cube its name. Files aren't flushed to the disk.
    ///
    /// # Errors
    /// [`RasterError::Options`] where layers are missing, [`RasterError::Write`]
    /// where a file can't be written.
    pub fn finish(self) -> Result<Statistics, RasterError> {
        if self.written != self.layers {
            return Err(RasterError::Options {
                path: self.path.clone(),
                reason: format!("{} of its {} layers were written", self.written, self.layers),
            });
        }
        let document = |value: &Value| {
            let mut text = format!("{value:#}");
            text.push('\n');
            text
        };
        for (name, value) in &self.documents {
            self.put(&format!("{name}/{DOCUMENT}"), document(value).as_bytes())?;
        }
        let mut all: Vec<(&str, &Value)> = self.documents.iter().map(|(n, v)| (n.as_str(), v)).collect();
        all.sort_by_key(|(name, _)| *name);
        self.put(DOCUMENT, document(&document::group(&all)).as_bytes())?;
        fs::rename(&self.temporary, &self.path)
            .map_err(|source| RasterError::Write { path: self.path.clone(), source })?;
        Ok(self.summary.statistics())
    }

    /// Writes a file of the cube.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), RasterError> {
        let path = self.temporary.join(name);
        let made = fs::create_dir_all(path.parent().unwrap_or(&self.temporary));
        made.and_then(|()| fs::write(&path, bytes))
            .map_err(|source| RasterError::Write { path: self.path.join(name), source })
    }
}

impl Drop for CubeWriter {
    fn drop(&mut self) {
        // After the renaming there is nothing of that name.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

/// The stored number of a missing value. In a type without one it is zero, which
/// then means itself.
fn missing(options: &CogOptions) -> f64 {
    options.nodata.unwrap_or(if options.dtype.is_integer() { 0.0 } else { f64::NAN })
}

/// Makes a folder of nobody else's beside `path`.
fn temporary(path: &Path) -> io::Result<PathBuf> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = path.with_file_name(format!(".{}-{number}.zarr.part", std::process::id()));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
