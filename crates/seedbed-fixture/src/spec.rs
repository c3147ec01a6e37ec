//! What to make: which archives, over which area and years.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use anyhow::{Result, bail};
use jiff::civil::Date;

/// A rectangle of longitudes and latitudes, degrees, edges included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Western edge.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge.
    pub east: f64,
    /// Northern edge.
    pub north: f64,
}

impl Area {
    /// The upper Delaware River Basin with its surroundings.
    pub const UPPER_DELAWARE: Self = Self { west: -76.5, south: 40.1, east: -74.0, north: 42.6 };

    /// The same area with `degrees` more on each side.
    #[must_use]
    pub fn grown(self, degrees: f64) -> Self {
        Self {
            west: self.west - degrees,
            south: self.south - degrees,
            east: self.east + degrees,
            north: self.north + degrees,
        }
    }

    /// The smallest area around points; nothing around none.
    #[must_use]
    pub fn around(points: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        points.fold(None, |area: Option<Self>, (x, y)| {
            let area = area.unwrap_or(Self { west: x, south: y, east: x, north: y });
            Some(Self {
                west: area.west.min(x),
                south: area.south.min(y),
                east: area.east.max(x),
                north: area.north.max(y),
            })
        })
    }

    /// Whether the point lies in the area or on its edge.
    #[must_use]
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        lon >= self.west && lon <= self.east && lat >= self.south && lat <= self.north
    }

    /// Whether two areas share at least a point.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.west <= other.east
            && other.west <= self.east
            && self.south <= other.north
            && other.south <= self.north
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.west, self.south, self.east, self.north)
    }
}

impl FromStr for Area {
    type Err = anyhow::Error;

    /// Reads `W,S,E,N`.
    fn from_str(text: &str) -> Result<Self> {
        let numbers: Vec<f64> =
            text.split(',').map(|part| part.trim().parse::<f64>()).collect::<Result<_, _>>()?;
        let [west, south, east, north] = numbers[..] else {
            bail!("an area is west,south,east,north: four numbers, not {}", numbers.len());
        };
        if west >= east || south >= north {
            bail!("an area's west and south come before its east and north: {text}");
        }
        Ok(Self { west, south, east, north })
    }
}

/// One of the archives this crate can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Archive {
    /// Daymet V4 R1 daily netCDF-4.
    Daymet,
    /// MODIS 16-day NDVI as `GeoTIFFs`.
    Modis,
    /// Soil and water rasters that don't change.
    Statics,
    /// PRISM daily, zip with a `GeoTIFF`.
    Prism,
    /// PRISM daily, zip with a BIL.
    PrismOld,
    /// MACA v2-METDATA daily netCDF-4.
    Maca,
}

impl Archive {
    /// Every archive.
    pub const ALL: [Self; 6] =
        [Self::Daymet, Self::Modis, Self::Statics, Self::Prism, Self::PrismOld, Self::Maca];

    /// The archive's name on the command line and its folder's name on disk.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Daymet => "daymet",
            Self::Modis => "modis",
            Self::Statics => "statics",
            Self::Prism => "prism",
            Self::PrismOld => "prism-old",
            Self::Maca => "maca",
        }
    }
}

impl FromStr for Archive {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|archive| archive.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|archive| archive.name()).collect();
            anyhow::anyhow!("there is no archive `{text}`; there are {}", names.join(", "))
        })
    }
}

/// What to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The archives wanted.
    pub archives: Vec<Archive>,
    /// Where the fields have values.
    pub area: Area,
    /// Calendar years of the yearly and 16-day archives.
    pub years: RangeInclusive<i16>,
    /// Daymet variables, of `tmin tmax prcp dayl srad vp swe`.
    pub daymet_variables: Vec<String>,
    /// PRISM variables, of `ppt tmin tmax tmean`, in both layouts.
    pub prism_variables: Vec<String>,
    /// The first PRISM day.
    pub prism_start: Date,
    /// How many PRISM days.
    pub prism_days: u16,
}

impl Spec {
    /// What the demo needs and nothing more: Daymet temperatures and precipitation, MODIS NDVI
    /// and the statics.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            archives: vec![Archive::Daymet, Archive::Modis, Archive::Statics],
            area: Area::UPPER_DELAWARE,
            years: 2003..=2004,
            daymet_variables: ["tmin", "tmax", "prcp"].map(String::from).to_vec(),
            prism_variables: ["ppt", "tmin", "tmax"].map(String::from).to_vec(),
            prism_start: jiff::civil::date(2004, 2, 25),
            prism_days: 10,
        }
    }

    /// A small corner and one year of everything, for tests that need many formats quickly.
    #[must_use]
    pub fn small() -> Self {
        Self {
            archives: Archive::ALL.to_vec(),
            area: Area { west: -75.3, south: 41.0, east: -74.9, north: 41.4 },
            years: 2004..=2004,
            prism_start: jiff::civil::date(2004, 2, 28),
            prism_days: 3,
            ..Self::demo()
        }
    }
}

impl Default for Spec {
    /// Every archive over the upper Delaware, 2003 and 2004.
    fn default() -> Self {
        Self { archives: Archive::ALL.to_vec(), ..Self::demo() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_area_and_refuses_one_inside_out() {
        assert_eq!("-76.5,40.1,-74,42.6".parse::<Area>().unwrap(), Area::UPPER_DELAWARE);
        assert!("-74,40.1,-76.5,42.6".parse::<Area>().is_err());
        assert!("-74,40.1".parse::<Area>().is_err());
    }

    #[test]
    fn an_archive_reads_back_from_its_name() {
        for archive in Archive::ALL {
            assert_eq!(archive.name().parse::<Archive>().unwrap(), archive);
        }
        assert!("daymets".parse::<Archive>().is_err());
    }
}
