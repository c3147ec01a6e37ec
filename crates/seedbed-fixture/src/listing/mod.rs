//! Archives that are only listed: every name, date, size and checksum of the real ones' trees and
//! searches, and behind each name a few hundred bytes that fit them.
//!
//! [`Listings`] says how much is listed; [`Server::start_listings`](crate::Server::start_listings)
//! serves it under the paths of the real sites, and [`Listings::write`] puts it into a folder.

pub mod content;
pub mod daymet;
pub mod granule;
pub(crate) mod items;
pub mod maca;
pub mod modis;
pub mod prism;
pub mod shelf;
pub(crate) mod sidecar;
pub mod synthetic;

use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Result, ensure};
use jiff::civil::{Date, DateTime, date};

pub use daymet::Period;
pub use modis::{Product, Tile};
pub use shelf::Shelf;

/// How much is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Listings {
    /// Years of Daymet; a region has those from its first on.
    pub daymet_years: RangeInclusive<i16>,
    /// Years of MODIS.
    pub modis_years: RangeInclusive<i16>,
    /// Tiles of MODIS.
    pub modis_tiles: Vec<Tile>,
    /// The first day of PRISM.
    pub prism_start: Date,
    /// How many days of PRISM.
    pub prism_days: u16,
    /// Years of PRISM's monthly and annual grids; the old tree has 1895, too.
    pub prism_years: RangeInclusive<i16>,
    /// Years of gridMET.
    pub gridmet_years: RangeInclusive<i16>,
}

/// What a tree of PRISM has of each element.
///
/// A day of the old tree may have several files: the first has three, of which the stable one of
/// the later version counts. One bulk zip a month and `_all_` files come besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrismCounts {
    /// How many elements there are.
    pub elements: usize,
    /// Days.
    pub days: usize,
    /// Months.
    pub months: usize,
    /// Years.
    pub years: usize,
    /// Normals of months, and of the year.
    pub monthly_normals: usize,
    /// Normals of days.
    pub daily_normals: usize,
}

impl Default for Listings {
    /// All of Daymet, MACA and gridMET; of MODIS the years when Aqua begins, with a leap year, on
    /// four tiles, one of them on the antimeridian; of PRISM ten days around 29 February 2024 and
    /// three years of months.
    fn default() -> Self {
        Self {
            daymet_years: 1950..=2025,
            modis_years: 2002..=2004,
            modis_tiles: [(9, 5), (12, 4), (12, 11), (25, 2)].map(|(h, v)| Tile { h, v }).to_vec(),
            prism_start: date(2024, 2, 25),
            prism_days: 10,
            prism_years: 2022..=2024,
            gridmet_years: 1979..=2025,
        }
    }
}

/// When a file was last changed: on a day, at a minute that its name decides.
pub(crate) fn moment(day: &str, name: &str) -> DateTime {
    let minute = i64::try_from(content::hash(name) % 1440).unwrap_or_default();
    let day: Date = day.parse().unwrap_or_default();
    day.to_datetime(jiff::civil::Time::midnight()).saturating_add(jiff::Span::new().minutes(minute))
}

impl Listings {
    /// A tenth of a second's worth: three years of Daymet, one of MODIS on two tiles.
    #[must_use]
    pub fn small() -> Self {
        Self {
            daymet_years: 2019..=2021,
            modis_years: 2003..=2003,
            modis_tiles: [(9, 5), (12, 4)].map(|(h, v)| Tile { h, v }).to_vec(),
            prism_years: 2023..=2023,
            gridmet_years: 2019..=2021,
            ..Self::default()
        }
    }

    /// Every file of every tree.
    #[must_use]
    pub fn shelf(&self) -> Shelf {
        let mut shelf = Shelf::default();
        daymet::stock(self, &mut shelf);
        modis::stock(self, &mut shelf);
        prism::stock(self, &mut shelf);
        maca::stock(self, &mut shelf);
        shelf
    }

    /// Writes the trees below these folders of [`Listings::shelf`] into `dir`, or all of them if
    /// none is named; the number of files.
    ///
    /// # Errors
    /// When a folder isn't on the shelf, or a file can't be written.
    pub fn write(&self, dir: impl AsRef<Path>, folders: &[&str]) -> Result<usize> {
        let shelf = self.shelf();
        let folders = if folders.is_empty() { &[""] } else { folders };
        let mut count = 0;
        for folder in folders.iter().map(|folder| folder.trim_matches('/')) {
            let known: Vec<String> = shelf.folder("").into_iter().flatten().map(|entry| entry.name).collect();
            ensure!(
                shelf.folder(folder).is_some(),
                "no folder `{folder}`; the roots are {}",
                known.join(", ")
            );
            count += shelf.write(folder, dir.as_ref())?;
        }
        Ok(count)
    }

    /// How many granules Daymet's collection of a period has.
    #[must_use]
    pub fn daymet_granules(&self, period: Period) -> usize {
        daymet::count(self, period)
    }

    /// How many region-years Daymet has, which are its items.
    #[must_use]
    pub fn daymet_items(&self) -> usize {
        daymet::count(self, Period::Daily) / 7
    }

    /// How many granules a MODIS product has, with those that were produced twice.
    #[must_use]
    pub fn modis_granules(&self, product: &str) -> usize {
        Product::named(product).map_or(0, |product| modis::count(self, product).0)
    }

    /// How many composites of a tile a MODIS product has, each counted once.
    #[must_use]
    pub fn modis_items(&self, product: &str) -> usize {
        Product::named(product).map_or(0, |product| modis::count(self, product).1)
    }

    /// How many items a collection of the STAC API has: Terra's and Aqua's granules.
    #[must_use]
    pub fn stac_items(&self, collection: &str) -> usize {
        let Some(code) = collection.strip_prefix("modis-").and_then(|rest| rest.strip_suffix("-061")) else {
            return 0;
        };
        ["MOD", "MYD"].iter().map(|platform| self.modis_granules(&format!("{platform}{code}"))).sum()
    }

    /// What PRISM's new tree has.
    #[must_use]
    pub fn prism(&self) -> PrismCounts {
        let years = self.prism_years.clone().count();
        PrismCounts {
            elements: prism::ELEMENTS.len(),
            days: self.prism_days.into(),
            months: 12 * years,
            years,
            monthly_normals: 13,
            daily_normals: 366,
        }
    }

    /// What PRISM's old tree has: the months of 1895, too.
    #[must_use]
    pub fn prism_old(&self) -> PrismCounts {
        let new = self.prism();
        PrismCounts { months: new.months + 12, years: new.years + 1, ..new }
    }

    /// How many granules MACA has at a time step, and how many items these are.
    #[must_use]
    pub fn maca(&self) -> (usize, usize) {
        maca::counts()
    }

    /// How many granules gridMET has, and how many years these are.
    #[must_use]
    pub fn gridmet(&self) -> (usize, usize) {
        let years = self.gridmet_years.clone().count();
        (years * maca::GRIDMET.len(), years)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shelf_has_what_the_counts_say() {
        let spec = Listings::default();
        let shelf = spec.shelf();
        let ending = |folder: &str, end: &str| shelf.below(folder).filter(|path| path.ends_with(end)).count();
        assert_eq!(ending("daymet/Daymet_Daily_V4R1", ".nc"), spec.daymet_granules(Period::Daily));
        assert_eq!(ending("daymet/Daymet_Monthly_V4R1", ".sha256"), spec.daymet_granules(Period::Monthly));
        for product in &modis::PRODUCTS {
            let roots = [format!("MOLT/{}.061", product.name), format!("MOLA/{}.061", product.name)];
            let found: usize = roots.iter().map(|root| ending(root, ".hdf")).sum();
            assert_eq!(found, spec.modis_granules(product.name), "{}", product.name);
        }
        assert_eq!(spec.modis_granules("MOD13Q1"), 3 * 23 * 4 + 1);
        assert_eq!(spec.modis_granules("MYD13Q1"), (12 + 23 + 23) * 4 + 1);
        assert_eq!(spec.modis_granules("MYD13A3"), (6 + 12 + 12) * 4);
        assert_eq!(ending("MACAV2", "_daily.nc"), spec.maca().0 + 20 * 3 * 10 - 2 * 3 * 2);
        assert_eq!(ending("MET", ".nc"), spec.gridmet().0);
        let (new, old) = (spec.prism(), spec.prism_old());
        assert_eq!(
            ending("time_series/us/an/800m", ".zip"),
            (new.days + new.months + new.years) * new.elements
        );
        assert_eq!(ending("normals/us/4km/ppt/daily", ".zip"), new.daily_normals);
        assert_eq!(ending("normals/us/4km/ppt/monthly", ".zip"), new.monthly_normals);
        // Two more files of the first day, and a bulk zip.
        assert_eq!(ending("daily", ".zip"), (old.days + 3) * old.elements);
        assert_eq!(ending("monthly", ".zip"), (old.months + old.years + 1) * old.elements);
    }
}
