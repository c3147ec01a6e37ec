//! Coordinate systems through PROJ, always longitude or easting first.

use anyhow::{Context, Result};
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};

/// The sphere-based sinusoidal projection of the MODIS land grid.
pub const SINUSOIDAL: &str = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs";
/// Daymet's Lambert conformal conic.
pub const DAYMET: &str = "+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +x_0=0 +y_0=0 \
                          +ellps=WGS84 +units=m +no_defs";
/// Longitude and latitude on WGS 84.
pub const LONLAT: &str = "EPSG:4326";
/// Conterminous US Albers on NAD 83.
pub const CONUS_ALBERS: &str = "EPSG:5070";
/// Longitude and latitude on NAD 83.
pub const NAD83: &str = "EPSG:4269";

/// Resolves a definition, with easting first.
pub fn resolve(definition: &str) -> Result<SpatialRef> {
    let mut srs = SpatialRef::from_definition(definition)
        .with_context(|| format!("PROJ doesn't know the coordinate system {definition}"))?;
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    Ok(srs)
}

/// Transforms points from one definition to another.
pub fn transformed(from: &str, to: &str, points: Vec<(f64, f64)>) -> Result<Vec<(f64, f64)>> {
    let transform = CoordTransform::new(&resolve(from)?, &resolve(to)?)
        .with_context(|| format!("PROJ has no way from {from} to {to}"))?;
    let (mut x, mut y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
    let mut z = vec![0.0; x.len()];
    transform.transform_coords(&mut x, &mut y, &mut z).with_context(|| format!("from {from} to {to}"))?;
    Ok(x.into_iter().zip(y).collect())
}

/// A grid of square or oblong pixels, north up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Easting of the left edge.
    pub left: f64,
    /// Northing of the upper edge.
    pub top: f64,
    /// A pixel's width and height, both positive.
    pub pixel: (f64, f64),
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
}

impl Grid {
    /// The middle of a pixel.
    pub fn centre(&self, row: usize, col: usize) -> (f64, f64) {
        (self.left + (col as f64 + 0.5) * self.pixel.0, self.top - (row as f64 + 0.5) * self.pixel.1)
    }

    /// The middles of all pixels, row by row.
    pub fn centres(&self) -> Vec<(f64, f64)> {
        (0..self.rows).flat_map(|row| (0..self.cols).map(move |col| self.centre(row, col))).collect()
    }

    /// GDAL's six numbers.
    pub fn geo_transform(&self) -> [f64; 6] {
        [self.left, self.pixel.0, 0.0, self.top, 0.0, -self.pixel.1]
    }

    /// The six numbers in the order of the STAC projection extension.
    pub fn affine(&self) -> [f64; 6] {
        [self.pixel.0, 0.0, self.left, 0.0, -self.pixel.1, self.top]
    }
}
