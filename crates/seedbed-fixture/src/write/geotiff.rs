//! Single-band Cloud-Optimised `GeoTIFFs`, by GDAL's own driver.

use std::path::Path;

use anyhow::{Context, Result};
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::{DriverManager, Metadata};

use super::projection::{Grid, resolve};

/// What a raster says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Band<'a> {
    /// The coordinate system, as PROJ reads it.
    pub crs: &'a str,
    /// Where the pixels lie.
    pub grid: Grid,
    /// The stored value that means nothing is known.
    pub nodata: f64,
    /// The scale tag, where the file carries one.
    pub scale: Option<f64>,
    /// The band's description.
    pub description: &'a str,
    /// Creation options of the COG driver beside the compression.
    pub options: &'a [(&'a str, &'a str)],
}

/// Writes `values`, row by row, to `path`.
pub fn write<T: GdalType + Copy>(path: &Path, values: Vec<T>, band: &Band<'_>) -> Result<()> {
    let memory = DriverManager::get_driver_by_name("MEM")?;
    let (cols, rows) = (band.grid.cols, band.grid.rows);
    let mut dataset = memory.create_with_band_type::<T, _>("", cols, rows, 1)?;
    dataset.set_spatial_ref(&resolve(band.crs)?)?;
    dataset.set_geo_transform(&band.grid.geo_transform())?;
    {
        let mut raster = dataset.rasterband(1)?;
        raster.set_no_data_value(Some(band.nodata))?;
        raster.set_description(band.description)?;
        if let Some(scale) = band.scale {
            raster.set_scale(scale)?;
        }
        raster.write((0, 0), (cols, rows), &mut Buffer::new((cols, rows), values))?;
    }
    let mut options = RasterCreationOptions::new();
    options.add_name_value("COMPRESS", "DEFLATE")?;
    options.add_name_value("LEVEL", "1")?;
    options.add_name_value("NUM_THREADS", "1")?;
    for (name, value) in band.options {
        options.add_name_value(name, value)?;
    }
    let driver = DriverManager::get_driver_by_name("COG")?;
    let copy = dataset
        .create_copy(&driver, path, &options)
        .with_context(|| format!("GDAL can't write {}", path.display()))?;
    copy.close()?;
    Ok(())
}
