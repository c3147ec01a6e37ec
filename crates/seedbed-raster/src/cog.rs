//! Cloud-optimised GeoTIFFs.

use crate::{DType, RasterError, Resampling};
use seedbed_block::Real;
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

/// Writes one band to `path`, which must not exist. The same input gives the same bytes.
///
/// # Errors
/// [`RasterError::Range`] for a value that the stored type can't hold,
/// [`RasterError::Options`] for contradictory options or a shape that isn't
/// the values', [`RasterError::Gdal`] where GDAL fails. Nothing is left behind.
pub fn write<T: Real>(
    _path: &Path,
    _geobox: &GeoBox,
    _values: &[T],
    _band: &BandMeta,
    _options: &CogOptions,
) -> Result<(), RasterError> {
    todo!()
}
