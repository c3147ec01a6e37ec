//! The one climate that every archive samples: deterministic functions of place and day.
//!
//! Nothing here is observed. It is meant to be sensible: cold winters and warm summers, cooler to
//! the north and uphill, fronts that cross from the west, convective storms in summer, leaves
//! that come out later in the north, a coast in the south-east and two lakes.

pub mod noise;
pub mod storms;
pub mod sun;
pub mod temperature;
pub mod terrain;
pub mod vegetation;

use jiff::civil::Date;

use crate::spec::Area;
use terrain::Surface;

/// The day count that the fields run on: days since 1950-01-01, as Daymet's.
#[must_use]
pub fn day_number(date: Date) -> i32 {
    let epoch = jiff::civil::date(1950, 1, 1);
    // Two civil dates are always a whole number of days apart, and these fit.
    date.since((jiff::Unit::Day, epoch)).map_or(0, |span| span.get_days())
}

/// The angle of the year: 0 in the coldest days (24 January), 2π a year later.
#[must_use]
pub fn season(day: i32) -> f64 {
    // 1950-01-24 is day 23.
    std::f64::consts::TAU * (f64::from(day) - 23.0) / 365.2425
}

/// The places where fields are wanted, in the order of an archive's pixels.
#[derive(Debug, Clone)]
pub struct Sites {
    /// Longitude, degrees east.
    pub lon: Vec<f32>,
    /// Latitude, degrees north.
    pub lat: Vec<f32>,
    /// Height above the sea, m.
    pub elevation: Vec<f32>,
    /// What is there.
    pub surface: Vec<Surface>,
    /// Fine texture of land cover and soil, 0..1.
    pub texture: Vec<f32>,
}

impl Sites {
    /// Describes the points that lie in `area`; those outside are [`Surface::Outside`].
    #[must_use]
    pub fn new(points: impl IntoIterator<Item = (f64, f64)>, area: Area) -> Self {
        let points = points.into_iter();
        let expected = points.size_hint().0;
        let mut sites = Self {
            lon: Vec::with_capacity(expected),
            lat: Vec::with_capacity(expected),
            elevation: Vec::with_capacity(expected),
            surface: Vec::with_capacity(expected),
            texture: Vec::with_capacity(expected),
        };
        for (lon, lat) in points {
            let inside = area.contains(lon, lat);
            sites.lon.push(lon as f32);
            sites.lat.push(lat as f32);
            sites.surface.push(if inside { terrain::surface(lon, lat) } else { Surface::Outside });
            sites.elevation.push(if inside { terrain::elevation(lon, lat) as f32 } else { 0.0 });
            sites.texture.push(if inside { terrain::texture(lon, lat) as f32 } else { 0.0 });
        }
        sites
    }

    /// How many places there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lon.len()
    }

    /// Whether there is no place at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lon.is_empty()
    }

    /// The indices of the places where `wanted` holds.
    pub fn where_surface(&self, wanted: impl Fn(Surface) -> bool) -> Vec<usize> {
        (0..self.len()).filter(|&i| wanted(self.surface[i])).collect()
    }

    /// The places at `indices`, in that order.
    #[must_use]
    pub fn picked(&self, indices: &[usize]) -> Self {
        Self {
            lon: indices.iter().map(|&i| self.lon[i]).collect(),
            lat: indices.iter().map(|&i| self.lat[i]).collect(),
            elevation: indices.iter().map(|&i| self.elevation[i]).collect(),
            surface: indices.iter().map(|&i| self.surface[i]).collect(),
            texture: indices.iter().map(|&i| self.texture[i]).collect(),
        }
    }
}

/// Rounds to two decimals, as the archives of daily weather do.
#[must_use]
pub fn cents(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn counts_days_from_1950_through_leap_years() {
        assert_eq!(day_number(date(1950, 1, 1)), 0);
        assert_eq!(day_number(date(2019, 1, 1)), 25202);
        assert_eq!(day_number(date(2004, 3, 1)) - day_number(date(2004, 2, 28)), 2);
    }
}
