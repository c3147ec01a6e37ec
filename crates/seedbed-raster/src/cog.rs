//! Cloud-optimised GeoTIFFs.

use crate::{DType, RasterError, Resampling, container, ffi, proj, runtime};
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::{DriverManager, Metadata};
use seedbed_block::{Real, Shape2d};
use seedbed_grid::GeoBox;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compress {
    /// Deflate, level 6, with the predictor that fits the type. Read everywhere.
    #[default]
    Deflate,
    /// Zstandard, level 9, with the predictor that fits the type.
    Zstd,
    /// None.
    None,
}

impl Compress {
    /// The name in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Compress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Deflate, Self::Zstd, Self::None]
            .into_iter()
            .find(|c| c.name() == text)
            .ok_or_else(|| format!("`{text}` is no compression; there are deflate, zstd and none"))
    }
}

/// How values are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CogOptions {
    /// Stored type.
    pub dtype: DType,
    /// Physical value = stored × scale + offset.
    pub scale: f64,
    /// Physical value = stored × scale + offset.
    pub offset: f64,
    /// The stored value of a missing one. Without it a missing value is an
    /// error in an integer type and NaN in a floating one.
    pub nodata: Option<f64>,
    /// Compression.
    pub compress: Compress,
    /// How overviews are made: `Average` for measurements, `Nearest` for classes.
    pub overview_resampling: Resampling,
}

impl Default for CogOptions {
    fn default() -> Self {
        Self {
            dtype: DType::Float32,
            scale: 1.0,
            offset: 0.0,
            nodata: Some(f64::NAN),
            compress: Compress::default(),
            overview_resampling: Resampling::Average,
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

/// Rows and columns up to which a tile of 256 pixels holds the whole raster.
const SMALL: usize = 256;

/// Writes one band to `path`, which must not exist. The same input gives the same bytes.
///
/// Values are stored as round((value − offset) / scale), halves away from zero.
/// Tiles have 512 pixels (256 where the raster is no larger), overviews halve
/// down to one tile.
///
/// # Errors
/// [`RasterError::Range`] for a value that the stored type can't hold or that
/// would be read back as missing, [`RasterError::Options`] for contradictory
/// options or values that don't fill the shape, [`RasterError::Io`] where
/// `path` exists, [`RasterError::Gdal`] where GDAL fails. Nothing is left behind.
#[expect(clippy::cast_possible_truncation, reason = "`quantise` has checked ranges and rounded")]
#[expect(clippy::cast_sign_loss, reason = "`quantise` has checked ranges")]
pub fn write<T: Real>(
    path: &Path,
    geobox: &GeoBox,
    values: &[T],
    band: &BandMeta,
    options: &CogOptions,
) -> Result<(), RasterError> {
    runtime::prepare();
    let full = container::local(path)?;
    let bad = |reason: String| Err(RasterError::Options { path: path.to_owned(), reason });
    if values.len() != geobox.shape.len() || values.is_empty() {
        let Shape2d { rows, cols } = geobox.shape;
        return bad(format!("{} values don't fill {rows}×{cols} pixels", values.len()));
    }
    if options.scale == 0.0 || !options.scale.is_finite() || !options.offset.is_finite() {
        return bad(format!("scale {} and offset {} can't be inverted", options.scale, options.offset));
    }
    if let Some(nodata) = options.nodata
        && !holds(options.dtype, nodata)
    {
        return bad(format!("{} can't hold the nodata value {nodata}", options.dtype));
    }
    if full.exists() {
        let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(RasterError::Io { path: path.to_owned(), source });
    }
    let stored = quantise(path, geobox.shape, values, options)?;
    let result = match options.dtype {
        DType::UInt8 => save::<u8>(&full, geobox, &stored, band, options, |v| v as u8),
        DType::UInt16 => save::<u16>(&full, geobox, &stored, band, options, |v| v as u16),
        DType::Int16 => save::<i16>(&full, geobox, &stored, band, options, |v| v as i16),
        DType::UInt32 => save::<u32>(&full, geobox, &stored, band, options, |v| v as u32),
        DType::Int32 => save::<i32>(&full, geobox, &stored, band, options, |v| v as i32),
        DType::Float32 => save::<f32>(&full, geobox, &stored, band, options, |v| v as f32),
        DType::Float64 => save::<f64>(&full, geobox, &stored, band, options, |v| v),
        DType::Int8 => return bad("GDAL before 3.7 has no int8: store it as int16".to_owned()),
    };
    result.map_err(|reason| {
        // GDAL may leave a part of the file; it is ours, for it didn't exist before.
        let _ = std::fs::remove_file(&full);
        RasterError::Gdal { path: path.to_owned(), reason }
    })
}

/// Whether a type has a number (NaN in the floating ones).
fn holds(dtype: DType, value: f64) -> bool {
    let (min, max) = dtype.range();
    if dtype.is_integer() {
        value.fract() == 0.0 && (min..=max).contains(&value)
    } else {
        !value.is_infinite()
    }
}

/// Physical values to stored ones, still as doubles.
fn quantise<T: Real>(
    path: &Path,
    shape: Shape2d,
    values: &[T],
    options: &CogOptions,
) -> Result<Vec<f64>, RasterError> {
    let dtype = options.dtype;
    let (min, max) = dtype.range();
    let single = dtype == DType::Float32;
    let nodata = options.nodata.map(|n| if single { f32::of(n).to_f64() } else { n });
    let missing = nodata.or((!dtype.is_integer()).then_some(f64::NAN));
    let range = |i: usize, value: f64, stored: f64| RasterError::Range {
        path: path.to_owned(),
        value,
        stored,
        dtype,
        row: i / shape.cols,
        col: i % shape.cols,
        min,
        max,
        nodata: options.nodata,
    };
    let mut stored = Vec::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        let value = value.to_f64();
        if value.is_nan() {
            stored.push(missing.ok_or_else(|| range(i, value, value))?);
            continue;
        }
        let plain = options.scale == 1.0 && options.offset == 0.0;
        let mut v = if plain { value } else { (value - options.offset) / options.scale };
        if dtype.is_integer() {
            // Rust rounds halves away from zero.
            v = v.round();
        } else if single {
            v = f32::of(v).to_f64();
        }
        if !(min..=max).contains(&v) || Some(v) == nodata {
            return Err(range(i, value, v));
        }
        stored.push(v);
    }
    Ok(stored)
}

fn save<S: GdalType + Copy>(
    path: &Path,
    geobox: &GeoBox,
    stored: &[f64],
    band: &BandMeta,
    options: &CogOptions,
    convert: impl Fn(f64) -> S,
) -> Result<(), String> {
    let said = |e: gdal::errors::GdalError| runtime::reason(&e);
    let Shape2d { rows, cols } = geobox.shape;
    let memory = DriverManager::get_driver_by_name("MEM").map_err(said)?;
    let mut dataset = memory.create_with_band_type::<S, _>("", cols, rows, 1).map_err(said)?;
    let srs = proj::spatial_ref(&geobox.crs).map_err(|e| e.to_string())?;
    dataset.set_spatial_ref(&srs).map_err(said)?;
    dataset.set_geo_transform(&geobox.affine.to_gdal()).map_err(said)?;
    {
        let mut raster = dataset.rasterband(1).map_err(said)?;
        let data: Vec<S> = stored.iter().map(|v| convert(*v)).collect();
        raster.write((0, 0), (cols, rows), &mut Buffer::new((cols, rows), data)).map_err(said)?;
        raster.set_no_data_value(options.nodata).map_err(said)?;
        if options.scale != 1.0 || options.offset != 0.0 {
            raster.set_scale(options.scale).map_err(said)?;
            raster.set_offset(options.offset).map_err(said)?;
        }
        if !band.name.is_empty() {
            raster.set_description(&band.name).map_err(said)?;
        }
        if let Some(unit) = &band.unit
            && !ffi::set_unit(&mut raster, unit)
        {
            return Err(format!("the unit `{unit}` can't be stored"));
        }
    }
    let mut creation = RasterCreationOptions::new();
    let resampling = match options.overview_resampling {
        Resampling::Nearest => "NEAREST",
        Resampling::Bilinear => "BILINEAR",
        Resampling::Cubic => "CUBIC",
        Resampling::Mode => "MODE",
        _ => "AVERAGE",
    };
    let compress: &[(&str, &str)] = match options.compress {
        Compress::Deflate => &[("COMPRESS", "DEFLATE"), ("LEVEL", "6"), ("PREDICTOR", "YES")],
        Compress::Zstd => &[("COMPRESS", "ZSTD"), ("LEVEL", "9"), ("PREDICTOR", "YES")],
        Compress::None => &[("COMPRESS", "NONE")],
    };
    let tile = if rows.max(cols) <= SMALL { "256" } else { "512" };
    let layout = [
        ("BLOCKSIZE", tile),
        ("OVERVIEW_RESAMPLING", resampling),
        ("NUM_THREADS", "1"),
        ("BIGTIFF", "IF_SAFER"),
    ];
    for (key, value) in compress.iter().chain(&layout) {
        creation.set_name_value(key, value).map_err(said)?;
    }
    let cog = DriverManager::get_driver_by_name("COG").map_err(said)?;
    dataset.create_copy(&cog, path, &creation).map_err(said)?.close().map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(values: &[f64], options: &CogOptions) -> Result<Vec<f64>, RasterError> {
        quantise(Path::new("out.tif"), Shape2d { rows: 1, cols: values.len() }, values, options)
    }

    #[test]
    fn halves_round_away_from_zero_and_nan_becomes_nodata() {
        let options = CogOptions {
            dtype: DType::Int16,
            scale: 0.5,
            offset: 0.0,
            nodata: Some(-32_768.0),
            ..CogOptions::default()
        };
        let v = stored(&[0.25, -0.25, 0.24, f64::NAN, 10.0], &options).unwrap();
        assert_eq!(v, [1.0, -1.0, 0.0, -32_768.0, 20.0]);
    }

    #[test]
    fn values_that_dont_fit_are_named() {
        let options = CogOptions { dtype: DType::UInt8, nodata: Some(255.0), ..CogOptions::default() };
        let error = stored(&[1.0, 300.2], &options).unwrap_err().to_string();
        assert!(error.contains("300.2") && error.contains("column 1"), "{error}");
        assert!(stored(&[255.0], &options).is_err(), "would be read back as missing");
        assert!(stored(&[-0.4], &options).is_ok());
        let without = CogOptions { nodata: None, ..options };
        assert!(stored(&[f64::NAN], &without).is_err());
        assert!(stored(&[f64::INFINITY], &CogOptions::default()).is_err());
        assert!(stored(&[1e300], &CogOptions::default()).is_err());
    }
}
