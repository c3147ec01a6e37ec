//! Cloud-optimised GeoTIFFs.
//!
//! The encoder is this crate's own: quantising, predictor, overviews and layout are done in one
//! pass over strips of tiles, where GDAL's COG driver makes a temporary file of overviews and
//! encodes it twice. GDAL is asked for one thing, a coordinate reference system's keys. LERC alone
//! is left to that driver.

mod codec;
mod geokeys;
mod layout;
mod lerc;
mod metadata;
mod overview;
mod pyramid;
pub(crate) mod quantise;
pub(crate) mod sample;

pub use codec::Compress;
pub use overview::Overview;
pub use pyramid::Threads;

use crate::{DType, RasterError, container, runtime};
use codec::Codec;
use geokeys::GeoKeys;
use layout::Facts;
use pyramid::{Failure, Level, Tiling};
use quantise::Quantiser;
use sample::Sample;
use seedbed_block::{Real, Shape2d};
use seedbed_grid::{Crs, GeoBox};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How values are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CogOptions {
    /// Stored type.
    pub dtype: DType,
    /// Physical value = stored × scale + offset. What an integer type stores is within half a
    /// step, `scale / 2`, of the value.
    pub scale: f64,
    /// Physical value = stored × scale + offset.
    pub offset: f64,
    /// The stored value of a missing one. Without it a missing value is an
    /// error in an integer type and NaN in a floating one.
    pub nodata: Option<f64>,
    /// Compression.
    pub compress: Compress,
    /// The compression's level, if not its usual one: more is smaller and slower.
    #[serde(default)]
    pub level: Option<u8>,
    /// How overviews are made.
    #[serde(default)]
    pub overview: Overview,
    /// How far a value may be from the one that LERC stores, in the values' unit; nothing for
    /// not at all. In 32 bits the sum may round once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_z_error: Option<f64>,
}

impl Default for CogOptions {
    fn default() -> Self {
        Self {
            dtype: DType::Float32,
            scale: 1.0,
            offset: 0.0,
            nodata: Some(f64::NAN),
            compress: Compress::default(),
            level: None,
            overview: Overview::default(),
            max_z_error: None,
        }
    }
}

/// What the band is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BandMeta {
    /// Its name; becomes the band's description.
    pub name: String,
    /// Its unit after scaling.
    pub unit: Option<String>,
}

/// Goes up whenever the encoder would give other bytes for the same input; part of the keys of
/// tasks that write files.
pub const REVISION: u32 = 2;

/// Rows and columns up to which a tile of 256 pixels holds the whole raster.
const SMALL: usize = 256;

/// Checks that a file can say its coordinate reference system.
///
/// # Errors
/// [`RasterError::Options`] where GeoTIFF has no keys for it.
pub fn check_crs(path: &Path, crs: &Crs) -> Result<(), RasterError> {
    runtime::prepare();
    let refused = |reason| RasterError::Options { path: path.to_owned(), reason };
    GeoKeys::of(crs).map(|_| ()).map_err(refused)
}

/// Writes one band to `path`, which must not exist. The same input gives the same bytes.
///
/// Values are stored as round((value − offset) / scale), halves away from zero; in scaled
/// integers what is nearer to a half than a millionth of a step is one, since decimal scales
/// have no exact binary form.
/// Tiles have 512 pixels (256 where the raster is no larger), overviews halve
/// down to one tile. The file has a temporary name until it is whole; it isn't
/// flushed to the disk.
///
/// # Errors
/// [`RasterError::Range`] for the first value that the stored type can't hold or
/// that would be read back as missing, [`RasterError::Infinite`] for an infinite one in an
/// integer type or by LERC, [`RasterError::Options`] for contradictory
/// options or values that don't fill the shape, [`RasterError::Io`] where
/// `path` exists, [`RasterError::Write`] where the file can't be written,
/// [`RasterError::Gdal`] where GDAL can't express the coordinate reference system.
/// Nothing is left behind.
pub fn write<T: Real>(
    path: &Path,
    geobox: &GeoBox,
    values: &[T],
    band: &BandMeta,
    options: &CogOptions,
) -> Result<(), RasterError> {
    write_on(Threads::Caller, path, geobox, values, band, options)
}

/// As [`write()`], on the calling thread or on those of the current rayon pool: the bytes are the
/// same.
///
/// # Errors
/// As [`write()`].
pub fn write_on<T: Real>(
    threads: Threads,
    path: &Path,
    geobox: &GeoBox,
    values: &[T],
    band: &BandMeta,
    options: &CogOptions,
) -> Result<(), RasterError> {
    runtime::prepare();
    let full = container::local(path)?;
    let bad = |reason: String| RasterError::Options { path: path.to_owned(), reason };
    let shape = geobox.shape;
    check(shape, values.len(), options).map_err(bad)?;
    if full.exists() {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(RasterError::Io { path: path.to_owned(), source });
    }
    let tile = tile_of(shape);
    if options.compress.is_lerc() {
        return lerc::write(&full, geobox, values, band, options, tile, threads);
    }
    let codec = Codec::new(options.compress, options.level).map_err(bad)?;
    let tiling = Tiling { tile, codec, overview: options.overview, threads };
    let quantiser = Quantiser::new(path, shape, options);
    let encoded = match options.dtype {
        DType::UInt8 => Encoded::of::<T, u8>(values, shape, &quantiser, tiling),
        DType::Int8 => Encoded::of::<T, i8>(values, shape, &quantiser, tiling),
        DType::UInt16 => Encoded::of::<T, u16>(values, shape, &quantiser, tiling),
        DType::Int16 => Encoded::of::<T, i16>(values, shape, &quantiser, tiling),
        DType::UInt32 => Encoded::of::<T, u32>(values, shape, &quantiser, tiling),
        DType::Int32 => Encoded::of::<T, i32>(values, shape, &quantiser, tiling),
        DType::Float32 => Encoded::of::<T, f32>(values, shape, &quantiser, tiling),
        DType::Float64 => Encoded::of::<T, f64>(values, shape, &quantiser, tiling),
    };
    let encoded = encoded.map_err(|failure| match failure {
        Failure::Value(error) => error.among(values),
        Failure::Codec(reason) => bad(reason),
    })?;
    let keys =
        GeoKeys::of(&geobox.crs).map_err(|reason| RasterError::Gdal { path: path.to_owned(), reason })?;
    let facts = Facts {
        affine: geobox.affine,
        keys: &keys,
        format: encoded.format,
        bytes: encoded.bytes,
        compression: codec.tag(),
        predictor: (codec != Codec::None).then_some(encoded.predictor),
        tile,
        metadata: metadata::xml(band, options).map_err(bad)?,
        nodata: options.nodata.map(metadata::nodata),
    };
    let failed = |source| RasterError::Write { path: path.to_owned(), source };
    let part = Part::create(&full).map_err(failed)?;
    part.fill(|out| layout::write(out, &facts, &encoded.levels)).map_err(failed)
}

/// Bytes of memory that [`write()`] takes at most on the calling thread, beside the
/// values: all compressed tiles, should nothing be saved by compressing them, a strip of
/// tiles as it is stored, and the overview that is under way.
#[must_use]
pub fn room(shape: Shape2d, dtype: DType) -> usize {
    let tile = tile_of(shape);
    let padded = shape.rows.next_multiple_of(tile) * shape.cols.next_multiple_of(tile);
    // Overviews have a third of the pixels of all; halving holds one twice.
    let tiles = padded + padded / 2;
    let strip = tile * shape.cols + 4 * tile * tile;
    dtype.bytes() * (tiles + shape.len() / 2 + shape.len() / 4 + strip) + BUFFER
}

/// Rows and columns of a tile.
fn tile_of(shape: Shape2d) -> usize {
    if shape.rows.max(shape.cols) <= SMALL { 256 } else { 512 }
}

/// Bytes gathered before they go to the file.
const BUFFER: usize = 1 << 17;

/// What contradicts what.
pub(crate) fn check(shape: Shape2d, values: usize, options: &CogOptions) -> Result<(), String> {
    let CogOptions { dtype, scale, offset, nodata, .. } = options;
    if values != shape.len() || values == 0 {
        return Err(format!("{values} values don't fill {}×{} pixels", shape.rows, shape.cols));
    }
    if *scale == 0.0 || !scale.is_finite() || !offset.is_finite() {
        return Err(format!("scale {scale} and offset {offset} can't be inverted"));
    }
    if let Some(nodata) = nodata
        && !holds(*dtype, *nodata)
    {
        return Err(format!("{dtype} can't hold the nodata value {nodata}"));
    }
    if let Some(error) = options.max_z_error {
        lerc::check(options, error)?;
    }
    if *dtype == DType::Int8 && !runtime::has_int8() {
        return Err("GDAL before 3.7 has no int8: store it as int16".to_owned());
    }
    Ok(())
}

/// Whether a type has a number (NaN in the floating ones).
fn holds(dtype: DType, value: f64) -> bool {
    let (min, max) = dtype.range();
    match dtype {
        DType::Float32 => value.is_nan() || f32::rounded(value).is_finite(),
        DType::Float64 => !value.is_infinite(),
        _ => value.fract() == 0.0 && (min..=max).contains(&value),
    }
}

/// An image's levels, and the type they are stored in.
struct Encoded {
    levels: Vec<Level>,
    format: u16,
    bytes: usize,
    predictor: u16,
}

impl Encoded {
    fn of<T: Real, S: Sample>(
        values: &[T],
        shape: Shape2d,
        quantiser: &Quantiser<'_>,
        tiling: Tiling,
    ) -> Result<Self, Failure> {
        let levels = pyramid::encode::<T, S>(values, shape, quantiser, tiling)?;
        Ok(Self { levels, format: S::FORMAT, bytes: S::BYTES, predictor: S::PREDICTOR })
    }
}

/// A file under a temporary name beside its final one; dropped, it is gone.
struct Part {
    file: fs::File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Part {
    fn create(path: &Path) -> io::Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let temporary = path.with_file_name(format!(".{}-{number}.tif.part", std::process::id()));
            match fs::File::create_new(&temporary) {
                Ok(file) => return Ok(Self { file, temporary, path: path.to_owned() }),
                // Another one's, perhaps of a process that was killed: its number may be ours now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets another program write the content under the temporary name, looks at it, and gives it
    /// its name.
    fn filled<E: From<io::Error>>(self, content: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        content(&self.temporary)?;
        Ok(fs::rename(&self.temporary, &self.path)?)
    }

    /// Writes the content and gives the file its name.
    fn fill(self, content: impl FnOnce(&mut BufWriter<&fs::File>) -> io::Result<()>) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, &self.file);
        content(&mut out)?;
        out.flush()?;
        drop(out);
        fs::rename(&self.temporary, &self.path)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After the renaming there is nothing of that name.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        let full = |out: &mut BufWriter<&fs::File>| {
            out.write_all(&[1; 10])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = Part::create(&path).unwrap().fill(full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    #[test]
    fn what_a_killed_process_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        for number in 0..50 {
            fs::write(folder.path().join(format!(".{}-{number}.tif.part", std::process::id())), "").unwrap();
        }
        Part::create(&path).unwrap().fill(|out| out.write_all(b"whole")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 51);
    }

    #[test]
    fn nodata_has_to_fit_its_type() {
        for (dtype, value, fits) in [
            (DType::UInt8, 255.0, true),
            (DType::UInt8, 256.0, false),
            (DType::UInt8, -1.0, false),
            (DType::Int16, 0.5, false),
            (DType::Int16, f64::NAN, false),
            (DType::Float32, f64::NAN, true),
            // The largest 32-bit number as texts round it.
            (DType::Float32, 3.402_823_47e38, true),
            (DType::Float32, 1e300, false),
            (DType::Float64, 1e300, true),
            (DType::Float64, f64::INFINITY, false),
        ] {
            assert_eq!(holds(dtype, value), fits, "{dtype} {value}");
        }
    }
}
