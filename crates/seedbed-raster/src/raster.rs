//! One variable of one file.

use crate::{DType, RasterError};
use seedbed_block::{Date, PixelRange, Real};
use seedbed_grid::GeoBox;
use std::ops::Range;
use std::path::PathBuf;

/// What to open.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterSource {
    /// A local file: netCDF, HDF4-EOS, GeoTIFF, JPEG 2000, ESRI grid, VRT, or a
    /// zip that holds exactly one `.tif` or `.bil`.
    pub path: PathBuf,
    /// The variable inside, where there are several: a netCDF variable, an
    /// HDF4 field (`1 km 16 days NDVI`), a zip member's name, or `band 2`.
    pub variable: Option<String>,
    /// Where the file lies, for files that don't say; checked against those that do.
    pub claimed: Option<GeoBox>,
}

/// One layer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// The day, where the file has a clock.
    pub date: Option<Date>,
}

/// An open raster. It may move to another thread, but not be shared.
pub struct Raster {}

impl Raster {
    /// Opens a raster and reads its metadata.
    pub fn open(_source: &RasterSource) -> Result<Self, RasterError> {
        todo!()
    }
    /// The variables of a file, as [`RasterSource::variable`] names them.
    pub fn variables(_path: &std::path::Path) -> Result<Vec<String>, RasterError> {
        todo!()
    }
    /// Where it lies. Rows may run northwards (`affine.e > 0`).
    #[must_use]
    pub fn geobox(&self) -> &GeoBox {
        todo!()
    }
    /// The layers, in the file's order; at least one.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        todo!()
    }
    /// The variable's name, where the file has one.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        todo!()
    }
    /// The stored value that means no data.
    #[must_use]
    pub fn nodata(&self) -> Option<f64> {
        todo!()
    }
    /// Physical value = stored × scale + offset.
    #[must_use]
    pub fn scale(&self) -> f64 {
        todo!()
    }
    /// Physical value = stored × scale + offset.
    #[must_use]
    pub fn offset(&self) -> f64 {
        todo!()
    }
    /// The unit as the file writes it.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        todo!()
    }
    /// The stored type.
    #[must_use]
    pub fn data_type(&self) -> DType {
        todo!()
    }
    /// One layer's values in a window, row by row: stored × scale + offset, NaN for nodata.
    pub fn read<T: Real>(&self, _layer: usize, _window: PixelRange) -> Result<Vec<T>, RasterError> {
        todo!()
    }
    /// Many layers' values in a window: layer, row, column.
    pub fn read_layers<T: Real>(
        &self,
        _layers: Range<usize>,
        _window: PixelRange,
    ) -> Result<Vec<T>, RasterError> {
        todo!()
    }
}
