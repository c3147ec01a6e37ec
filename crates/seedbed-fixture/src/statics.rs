//! Soil and water rasters that don't change: plain `GeoTIFFs`.
//!
//! Soils lie on an 800 m Albers grid, as the national soil surveys are published; interception
//! and the water mask on a grid of 30 arc seconds. Everywhere
//! `water-holding capacity < field capacity < saturation`.

use std::path::Path;

use anyhow::Result;

use crate::archives::Job;
use crate::climate::Sites;
use crate::climate::terrain::Surface;
use crate::spec::{Area, Spec};
use crate::write::geotiff::{self, Band};
use crate::write::projection::{CONUS_ALBERS, Grid, LONLAT, transformed};

/// How far the rasters reach beyond the area, degrees.
const MARGIN: f64 = 0.15;
const MISSING: f32 = -9999.0;
const MISSING_BYTE: u8 = 255;

/// A raster, by its file's stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Static {
    /// Plant-available water capacity, mm.
    Whc,
    /// Field capacity, mm.
    FieldCapacity,
    /// Saturation, mm.
    Saturation,
    /// Share of rain that the canopy holds, percent.
    Interception,
    /// 1 where there is inland water.
    Watermask,
}

impl Static {
    const ALL: [Self; 5] =
        [Self::Whc, Self::FieldCapacity, Self::Saturation, Self::Interception, Self::Watermask];

    fn name(self) -> &'static str {
        match self {
            Self::Whc => "whc",
            Self::FieldCapacity => "field_capacity",
            Self::Saturation => "saturation",
            Self::Interception => "interception",
            Self::Watermask => "watermask",
        }
    }

    fn is_soil(self) -> bool {
        matches!(self, Self::Whc | Self::FieldCapacity | Self::Saturation)
    }

    /// The value at a place, from its texture and height.
    fn at(self, texture: f32, height: f32) -> f32 {
        // Thin soils on the heights: 40 to 250 mm.
        let whc = (60.0 + 210.0 * texture - 0.06 * height).clamp(40.0, 250.0);
        let field_capacity = whc * (1.25 + 0.25 * texture) + 20.0;
        match self {
            Self::Whc => whc,
            Self::FieldCapacity => field_capacity,
            Self::Saturation => field_capacity * (1.25 + 0.2 * (1.0 - texture)) + 30.0,
            Self::Interception => 8.0 + 22.0 * texture,
            Self::Watermask => 0.0,
        }
    }
}

pub(crate) fn jobs(root: &Path, spec: &Spec) -> Vec<Job> {
    let area = spec.area;
    let job = |which: Static| {
        let path = root.join(format!("{}.tif", which.name()));
        Job::new(path, move |to| write(to, which, area))
    };
    Static::ALL.into_iter().map(job).collect()
}

fn write(path: &Path, which: Static, area: Area) -> Result<()> {
    let wide = area.grown(MARGIN);
    let (crs, grid) =
        if which.is_soil() { (CONUS_ALBERS, albers_grid(wide)?) } else { (LONLAT, geographic_grid(wide)) };
    let points = transformed(crs, LONLAT, grid.centres())?;
    let sites = Sites::new(points, wide);
    let band = Band {
        crs,
        grid,
        nodata: f64::from(MISSING),
        scale: None,
        description: which.name(),
        options: &[("BLOCKSIZE", "256"), ("OVERVIEW_RESAMPLING", "NEAREST")],
    };
    let each = (0..sites.len()).map(|i| {
        let surface = sites.surface[i];
        let value = which.at(sites.texture[i], sites.elevation[i]);
        match (surface, which) {
            (Surface::Sea | Surface::Outside, _) => None,
            (Surface::Lake | Surface::Pond, Static::Watermask) => Some(1.0),
            _ => Some(value),
        }
    });
    if which.is_soil() {
        let values = each.map(|value| value.map_or(MISSING, |value| (value * 10.0).round() / 10.0));
        geotiff::write(path, values.collect(), &band)
    } else {
        let bytes = each.map(|value| value.map_or(MISSING_BYTE, |value| value.round() as u8));
        let band = Band { nodata: f64::from(MISSING_BYTE), ..band };
        geotiff::write(path, bytes.collect(), &band)
    }
}

/// 120 pixels a degree, on whole pixels of the globe.
fn geographic_grid(area: Area) -> Grid {
    let step = 1.0 / 120.0;
    let left = (area.west * 120.0).floor();
    let top = (area.north * 120.0).ceil();
    let right = (area.east * 120.0).ceil();
    let bottom = (area.south * 120.0).floor();
    Grid {
        left: left * step,
        top: top * step,
        pixel: (step, step),
        rows: (top - bottom) as usize,
        cols: (right - left) as usize,
    }
}

/// 800 m pixels on whole multiples of 800 m.
fn albers_grid(area: Area) -> Result<Grid> {
    let side = |k: u32| f64::from(k) / 50.0;
    let edge = (0..=50).flat_map(|k| {
        let lon = area.west + (area.east - area.west) * side(k);
        let lat = area.south + (area.north - area.south) * side(k);
        [(lon, area.south), (lon, area.north), (area.west, lat), (area.east, lat)]
    });
    let edge = transformed(LONLAT, CONUS_ALBERS, edge.collect())?;
    let fold = |pick: fn(&(f64, f64)) -> f64, join: fn(f64, f64) -> f64| {
        edge.iter().map(pick).reduce(join).unwrap_or(f64::NAN) / 800.0
    };
    let (left, right) = (fold(|p| p.0, f64::min).floor(), fold(|p| p.0, f64::max).ceil());
    let (bottom, top) = (fold(|p| p.1, f64::min).floor(), fold(|p| p.1, f64::max).ceil());
    Ok(Grid {
        left: left * 800.0,
        top: top * 800.0,
        pixel: (800.0, 800.0),
        rows: (top - bottom) as usize,
        cols: (right - left) as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soils_hold_less_than_field_capacity_and_that_less_than_saturation() {
        for step in 0..=100 {
            let texture = step as f32 / 100.0;
            for height in [0.0, 300.0, 900.0] {
                let [whc, field_capacity, saturation] =
                    [Static::Whc, Static::FieldCapacity, Static::Saturation]
                        .map(|which| which.at(texture, height));
                assert!((40.0..=250.0).contains(&whc));
                assert!(whc < field_capacity && field_capacity < saturation);
            }
        }
    }
}
