//! What a file says of itself, without its values.

use crate::arrays::Arrays;
use crate::ranges::{ReadAt, RemoteNetcdf};
use crate::{DType, Raster, RasterError, RasterSource, netcdf, place, runtime};
use seedbed_block::{Date, Shape2d};
use seedbed_grid::{Affine, Claim, Crs, GeoBox};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The metadata of one variable of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    path: PathBuf,
    /// The variable's name, where the file has several.
    pub variable: Option<String>,
    /// Rows and columns.
    pub shape: Shape2d,
    /// From pixel corners to coordinates, where the file says so.
    pub affine: Option<Affine>,
    /// The coordinate reference system, where the file says so.
    pub crs: Option<Crs>,
    /// Whether the axes are longitude and latitude by name.
    degrees: bool,
    /// The days of the layers, where the file has a clock.
    pub dates: Vec<Option<Date>>,
    /// The unit as written.
    pub unit: Option<String>,
    /// The stored type.
    pub data_type: DType,
    /// The stored value that means no data.
    pub nodata: Option<f64>,
    /// Physical value = stored × scale + offset.
    pub scale: f64,
    /// Physical value = stored × scale + offset.
    pub offset: f64,
}

impl Header {
    /// Of a local file of any format that [`Raster::open`] reads. It need not be
    /// whole: of a GeoTIFF that begins with its directories the rest may be missing.
    ///
    /// # Errors
    /// As [`Raster::open`].
    pub fn of_file(source: &RasterSource) -> Result<Self, RasterError> {
        let raster = Raster::open(source)?;
        let GeoBox { crs, affine, shape } = raster.geobox().clone();
        Ok(Self {
            path: source.path.clone(),
            variable: raster.variable().map(str::to_owned),
            shape,
            affine: Some(affine),
            crs: Some(crs),
            degrees: false,
            dates: raster.layers().iter().map(|l| l.date).collect(),
            unit: raster.unit().map(str::to_owned),
            data_type: raster.data_type(),
            nodata: raster.nodata(),
            scale: raster.scale(),
            offset: raster.offset(),
        })
    }

    /// Of a netCDF file, classic or on HDF5, through byte ranges: metadata and
    /// coordinates are read, and nothing else. `name` stands for the file in errors.
    ///
    /// # Errors
    /// [`RasterError`]: not netCDF or damaged, no such variable or several and
    /// none chosen, a clock without civil dates.
    pub fn of_netcdf(
        bytes: Arc<dyn ReadAt>,
        name: &Path,
        variable: Option<&str>,
    ) -> Result<Self, RasterError> {
        runtime::prepare();
        let damaged = |reason| RasterError::Damaged { path: name.to_owned(), reason };
        let file = RemoteNetcdf::open(bytes).map_err(damaged)?;
        Self::of_arrays(&file, name, variable)
    }

    fn of_arrays(file: &dyn Arrays, path: &Path, variable: Option<&str>) -> Result<Self, RasterError> {
        let name = netcdf::choose(file, path, variable)?;
        let v = netcdf::describe(file, path, &name, &Claim::default())?;
        Ok(Self {
            path: path.to_owned(),
            variable: Some(v.name),
            shape: v.shape,
            affine: v.affine.ok(),
            crs: v.crs,
            degrees: v.degrees,
            dates: v.layers.iter().map(|l| l.date).collect(),
            unit: v.unit,
            data_type: v.decoding.dtype,
            nodata: v.decoding.nodata,
            scale: v.decoding.scale,
            offset: v.decoding.offset,
        })
    }

    /// How the place that is claimed for it differs from its own; nothing if
    /// they agree to within what headers round, or the file doesn't say.
    #[must_use]
    pub fn displacement(&self, claimed: &Claim) -> Option<String> {
        let affine = self.affine.ok_or_else(String::new);
        let said = place::Said { affine, crs: self.crs.clone(), degrees: self.degrees };
        match place::geobox(&self.path, self.shape, said, claimed) {
            // What neither says is no difference.
            Ok(_) | Err(RasterError::NoGeobox { .. }) => None,
            Err(RasterError::Claim { reason, .. }) => Some(reason),
            Err(error) => Some(error.to_string()),
        }
    }
}
