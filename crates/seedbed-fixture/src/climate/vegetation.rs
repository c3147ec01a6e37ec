//! Greenness through the year.
//!
//! NDVI = winter + (summer − winter) (L(t − greenup) − L(t − senescence)), `L` being logistic
//! with widths of 11 and 13 days. Leaves come later in the north and uphill, and fall earlier.

use super::noise::hash;
use super::terrain::Surface;
use super::{Sites, noise};

const GREENUP_WIDTH: f32 = 11.0;
const SENESCENCE_WIDTH: f32 = 13.0;

/// How far the pixel of a composite may be trusted: the ranks of MODIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reliability {
    /// Use with confidence.
    Good = 0,
    /// Useful, but look at the other quality information.
    Marginal = 1,
    /// Snow or ice.
    Snow = 2,
    /// Cloud.
    Cloud = 3,
}

/// Greenness at a set of places.
pub struct Vegetation {
    winter: Vec<f32>,
    summer: Vec<f32>,
    /// e^(greenup / width), so that a composite costs no exponential a place.
    greenup: Vec<f32>,
    senescence: Vec<f32>,
    snow_line: Vec<f32>,
    patch: Vec<(f32, f32)>,
    pond: Vec<bool>,
}

impl Vegetation {
    /// Works out what doesn't change with the composite.
    #[must_use]
    pub fn new(sites: &Sites) -> Self {
        let each = |f: &dyn Fn(f32, f32, f32) -> f32| -> Vec<f32> {
            (0..sites.len()).map(|i| f(sites.lat[i], sites.elevation[i], sites.texture[i])).collect()
        };
        Self {
            winter: each(&|_, _, texture| 0.30 + 0.10 * texture),
            summer: each(&|_, _, texture| 0.74 + 0.14 * texture),
            greenup: each(&|lat, height, _| {
                ((116.0 + 4.5 * (lat - 41.0) + 0.020 * (height - 200.0)) / GREENUP_WIDTH).exp()
            }),
            senescence: each(&|lat, height, _| {
                ((290.0 - 4.0 * (lat - 41.0) - 0.015 * (height - 200.0)) / SENESCENCE_WIDTH).exp()
            }),
            snow_line: each(&|lat, height, _| 0.25 * (lat - 41.0) + 0.0009 * height),
            patch: sites.lon.iter().zip(&sites.lat).map(|(&lon, &lat)| (lon, lat)).collect(),
            pond: sites.surface.iter().map(|&surface| surface == Surface::Pond).collect(),
        }
    }

    /// Fills `out` with the greenness of a composite that begins on `day_of_year` of `year`, and
    /// `rank` with how far each value may be trusted.
    pub fn composite(&self, year: i16, day_of_year: i16, out: &mut [f32], rank: &mut [Reliability]) {
        // The year's own lead or lag, up to 5 days.
        let shift = 10.0 * (hash(41, i64::from(year), 0) - 0.5) as f32;
        let time = f32::from(day_of_year) + 8.0 + shift;
        let up = (-time / GREENUP_WIDTH).exp();
        let down = (-time / SENESCENCE_WIDTH).exp();
        let serial = i64::from(year) * 400 + i64::from(day_of_year);
        let winter_depth = {
            let angle = std::f64::consts::TAU * (f64::from(day_of_year) - 24.0) / 365.0;
            (angle.cos() * 0.9 + 0.5 * (hash(42, serial, 0) - 0.5)) as f32
        };
        for i in 0..out.len() {
            let leaves = 1.0 / (1.0 + self.greenup[i] * up) - 1.0 / (1.0 + self.senescence[i] * down);
            let green = self.winter[i] + (self.summer[i] - self.winter[i]) * leaves;
            let (lon, lat) = self.patch[i];
            let cloud = noise::smooth(
                43_u64.wrapping_add(serial.cast_unsigned()),
                f64::from(lon) * 6.0,
                f64::from(lat) * 8.0,
            );
            let snow = winter_depth > 1.0 - self.snow_line[i];
            (out[i], rank[i]) = if self.pond[i] {
                (-0.08, Reliability::Good)
            } else if cloud > 0.93 {
                (green * 0.6, Reliability::Cloud)
            } else if snow {
                (green * 0.55, Reliability::Snow)
            } else if cloud > 0.85 {
                (green * 0.93, Reliability::Marginal)
            } else {
                (green, Reliability::Good)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Area;

    fn green(lat: f64, day_of_year: i16) -> f32 {
        // The mean of a few places steps over patches of cloud.
        let points: Vec<_> = (0..40).map(|i| (-75.9 + 0.01 * f64::from(i), lat)).collect();
        let sites = Sites::new(points, Area::UPPER_DELAWARE);
        let (mut out, mut rank) = (vec![0.0; 40], vec![Reliability::Good; 40]);
        Vegetation::new(&sites).composite(2003, day_of_year, &mut out, &mut rank);
        assert!(out.iter().all(|v| (-0.2..1.0).contains(v)));
        out.iter().sum::<f32>() / 40.0
    }

    #[test]
    fn summers_are_green_and_spring_comes_first_to_the_south() {
        assert!(green(41.0, 193) > 0.7);
        assert!(green(41.0, 353) < 0.45);
        assert!(green(40.3, 113) > green(42.4, 113));
    }
}
