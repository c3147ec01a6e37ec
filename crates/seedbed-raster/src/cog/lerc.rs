//! COGs compressed by LERC, which GDAL's COG driver encodes.
//!
//! LERC stores blocks of numbers as steps from their least one, as wide as an error bound
//! allows. An encoder of our own would be as large as the rest of this crate's writing, so an
//! image goes through GDAL's memory to its driver, and what comes back is held to the bound.

use super::quantise::Quantiser;
use super::sample::Sample;
use super::{BandMeta, CogOptions, Compress, Overview, Part, Threads};
use crate::{DType, Raster, RasterError, RasterSource, ffi, proj, runtime};
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::{Dataset, DriverManager, Metadata};
use seedbed_block::{PixelRange, Real};
use seedbed_grid::GeoBox;
use std::io;
use std::path::Path;

/// What contradicts an error bound.
///
/// # Errors
/// In words.
pub fn check(options: &CogOptions, error: f64) -> Result<(), String> {
    let CogOptions { dtype, nodata, compress, .. } = options;
    if !(error.is_finite() && error >= 0.0) {
        return Err(format!("{error} is no bound of an error"));
    }
    if !compress.is_lerc() {
        return Err(format!("a bound of the error is for lerc, and {compress} has none"));
    }
    if dtype.is_integer() && error > 0.0 {
        return Err(format!(
            "{dtype} is rounded to whole steps already: set a coarser scale rather than an error"
        ));
    }
    if error > 0.0 && nodata.is_some_and(|n| !n.is_nan()) {
        return Err("within an error bound a nodata value may change: it has to be NaN".to_owned());
    }
    Ok(())
}

/// Writes an image; checks apart from [`check`] were made.
pub fn write<T: Real>(
    path: &Path,
    geobox: &GeoBox,
    values: &[T],
    band: &BandMeta,
    options: &CogOptions,
    tile: usize,
    threads: Threads,
) -> Result<(), RasterError> {
    let encode = Encode { path, geobox, band, options, tile, threads };
    match options.dtype {
        DType::UInt8 => encode.run::<T, u8>(values),
        DType::Int8 => Err(RasterError::Options {
            path: path.to_owned(),
            reason: "int8 isn't compressed by LERC: store it as int16".to_owned(),
        }),
        DType::UInt16 => encode.run::<T, u16>(values),
        DType::Int16 => encode.run::<T, i16>(values),
        DType::UInt32 => encode.run::<T, u32>(values),
        DType::Int32 => encode.run::<T, i32>(values),
        DType::Float32 => encode.run::<T, f32>(values),
        DType::Float64 => encode.run::<T, f64>(values),
    }
}

struct Encode<'a> {
    path: &'a Path,
    geobox: &'a GeoBox,
    band: &'a BandMeta,
    options: &'a CogOptions,
    tile: usize,
    threads: Threads,
}

/// What went wrong on the way to the file's name.
enum Failure {
    Told(RasterError),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Encode<'_> {
    fn run<T: Real, S: Sample + GdalType>(&self, values: &[T]) -> Result<(), RasterError> {
        let shape = self.geobox.shape;
        let stored = Quantiser::new(self.path, shape, self.options).stored::<T, S>(values, 0);
        let stored = stored.map_err(|error| error.among(values))?;
        let refused = |e: gdal::errors::GdalError| RasterError::Gdal {
            path: self.path.to_owned(),
            reason: runtime::reason(&e),
        };
        let failed = |source| RasterError::Write { path: self.path.to_owned(), source };
        let image = self.image(stored.clone())?;
        let driver = DriverManager::get_driver_by_name("COG").map_err(refused)?;
        let creation = self.creation().map_err(refused)?;
        let part = Part::create(self.path).map_err(failed)?;
        let filled = part.filled(|temporary| {
            let written = image.create_copy(&driver, temporary, &creation).and_then(Dataset::close);
            written.map_err(|e| Failure::Told(refused(e)))?;
            self.compare(&stored, temporary).map_err(Failure::Told)
        });
        filled.map_err(|failure| match failure {
            Failure::Told(error) => error,
            Failure::Io(source) => failed(source),
        })
    }

    /// The image in GDAL's memory.
    fn image<S: Sample + GdalType>(&self, stored: Vec<S>) -> Result<Dataset, RasterError> {
        let refused = |e: gdal::errors::GdalError| RasterError::Gdal {
            path: self.path.to_owned(),
            reason: runtime::reason(&e),
        };
        let (geobox, options) = (self.geobox, self.options);
        let size = (geobox.shape.cols, geobox.shape.rows);
        let srs = proj::spatial_ref(&geobox.crs)
            .map_err(|source| RasterError::Crs { path: self.path.to_owned(), source })?;
        let make = || {
            let memory = DriverManager::get_driver_by_name("MEM")?;
            let mut image = memory.create_with_band_type::<S, _>("", size.0, size.1, 1)?;
            image.set_spatial_ref(&srs)?;
            image.set_geo_transform(&geobox.affine.to_gdal())?;
            let mut band = image.rasterband(1)?;
            band.set_no_data_value(options.nodata)?;
            if options.scale != 1.0 || options.offset != 0.0 {
                band.set_scale(options.scale)?;
                band.set_offset(options.offset)?;
            }
            band.set_description(&self.band.name)?;
            ffi::set_unit(&band, self.band.unit.as_deref().unwrap_or_default());
            band.write((0, 0), size, &mut Buffer::new(size, stored))?;
            Ok(image)
        };
        make().map_err(refused)
    }

    /// What the driver is told.
    fn creation(&self) -> Result<RasterCreationOptions, gdal::errors::GdalError> {
        let compress = match self.options.compress {
            Compress::LercZstd => "LERC_ZSTD",
            Compress::LercDeflate => "LERC_DEFLATE",
            _ => "LERC",
        };
        let overview = match self.options.overview {
            Overview::Average => "AVERAGE",
            Overview::Nearest => "NEAREST",
            Overview::Mode => "MODE",
        };
        // In steps of what is stored.
        let error = self.options.max_z_error.unwrap_or(0.0) / self.options.scale.abs();
        let mut said = vec![
            ("COMPRESS", compress.to_owned()),
            ("OVERVIEW_COMPRESS", compress.to_owned()),
            ("OVERVIEW_RESAMPLING", overview.to_owned()),
            ("MAX_Z_ERROR", error.to_string()),
            ("BLOCKSIZE", self.tile.to_string()),
            ("BIGTIFF", "IF_SAFER".to_owned()),
        ];
        said.extend(self.options.level.map(|level| ("LEVEL", level.to_string())));
        if self.threads == Threads::Pool {
            said.push(("NUM_THREADS", rayon::current_num_threads().to_string()));
        }
        let mut options = RasterCreationOptions::new();
        for (name, value) in said {
            options.set_name_value(name, &value)?;
        }
        Ok(options)
    }

    /// Reads the file back and holds it to the bound.
    fn compare<S: Sample>(&self, stored: &[S], written: &Path) -> Result<(), RasterError> {
        let mut raster = Raster::open(&RasterSource::new(written))?;
        raster.set_scaling(1.0, 0.0);
        let found: Vec<f64> = raster.read(0, PixelRange::of_shape(self.geobox.shape))?;
        let bound = self.options.max_z_error.unwrap_or(0.0) / self.options.scale.abs();
        let missing = Quantiser::new(self.path, self.geobox.shape, self.options).missing::<S>();
        for (i, (meant, found)) in stored.iter().zip(&found).enumerate() {
            let lost = missing.is_some_and(|m| meant.is(m));
            let meant = meant.wide();
            // The bound holds before the sum is rounded to 32 bits.
            let slack = if self.options.dtype == DType::Float32 {
                meant.abs() * f64::from(f32::EPSILON)
            } else {
                0.0
            };
            let right =
                if lost || meant.is_nan() { found.is_nan() } else { (meant - found).abs() <= bound + slack };
            if !right {
                let cols = self.geobox.shape.cols;
                return Err(RasterError::Options {
                    path: self.path.to_owned(),
                    reason: format!(
                        "LERC gives {found} for {meant} at row {}, column {}, which is beyond its bound of {bound}: \
                         choose another compression",
                        i / cols,
                        i % cols
                    ),
                });
            }
        }
        Ok(())
    }
}
