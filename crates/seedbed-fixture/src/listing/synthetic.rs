//! Any number of granules, none of which is held: the n-th follows from n.

use std::ops::Range;

use jiff::civil::date;

use super::granule::{Footprint, Granule};
use super::modis::{self, Composite, Product, Tile};
use crate::spec::Area;

/// Composites a year.
const A_YEAR: u64 = 23;
/// The first year.
const FIRST: i16 = 2000;

/// A listing like MOD13Q1's: a composite of every tile of the globe after the other, from
/// 2000-01-01 on, until there are enough.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    granules: u64,
    tiles: Vec<Tile>,
    footprints: Vec<Footprint>,
}

/// Some of the granules: those of a run of composites and of some tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection<'a> {
    of: &'a Synthetic,
    composites: Range<u64>,
    /// Places in the list of tiles, ascending.
    tiles: Vec<usize>,
    count: u64,
}

impl Synthetic {
    /// So many granules.
    #[must_use]
    pub fn new(granules: u64) -> Self {
        // The tiles whose middle is on the globe.
        let on_globe = |tile: &Tile| {
            let (left, top) = tile.corner();
            let lat = (top - 555_975.0) / 6_371_007.181;
            (left + 555_975.0).abs() < std::f64::consts::PI * 6_371_007.181 * lat.cos()
        };
        let tiles: Vec<Tile> =
            (0..18).flat_map(|v| (0..36).map(move |h| Tile { h, v })).filter(on_globe).collect();
        let footprints = tiles.iter().map(|tile| Footprint::Ring(tile.ring())).collect();
        Self { granules, tiles, footprints }
    }

    /// How many granules there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.granules
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.granules == 0
    }

    /// How many tiles a composite has.
    #[must_use]
    pub fn tiles(&self) -> usize {
        self.tiles.len()
    }

    /// The product that the granules pass for.
    #[must_use]
    pub fn product() -> &'static Product {
        &modis::PRODUCTS[0]
    }

    fn composite(k: u64) -> Composite {
        let year = FIRST + i16::try_from(k / A_YEAR).unwrap_or_default();
        let day = i64::try_from(16 * (k % A_YEAR)).unwrap_or_default();
        let start = date(year.min(9999), 1, 1).saturating_add(jiff::Span::new().days(day));
        Composite { product: Self::product(), start }
    }

    /// Those that meet the areas and whose days meet the intervals of days (`YYYY-MM-DD`, empty
    /// where open); no area and no interval mean all.
    #[must_use]
    pub fn select(&self, areas: &[Area], days: &[(String, String)]) -> Selection<'_> {
        let meets =
            |place: &usize| areas.is_empty() || areas.iter().any(|area| self.footprints[*place].meets(area));
        let tiles: Vec<usize> = (0..self.tiles.len()).filter(meets).collect();
        let composites = self.granules.div_ceil(self.tiles.len() as u64);
        let wanted = |k: &u64| {
            if days.is_empty() {
                return true;
            }
            let composite = Self::composite(*k);
            let (start, end) = (composite.start.to_string(), composite.end().to_string());
            days.is_empty()
                || days
                    .iter()
                    .any(|(from, to)| (to.is_empty() || start <= *to) && (from.is_empty() || end >= *from))
        };
        // One run is enough: the composites are in order of time, and a query has one interval.
        let first = (0..composites).find(wanted).unwrap_or(composites);
        let last = (first..composites).take_while(wanted).last().map_or(first, |last| last + 1);
        let mut selection = Selection { of: self, composites: first..last, tiles, count: 0 };
        selection.count = selection.counted();
        selection
    }
}

impl Selection<'_> {
    fn counted(&self) -> u64 {
        let all = self.of.tiles.len() as u64;
        let whole = self.of.granules / all;
        let full = self.composites.end.min(whole).saturating_sub(self.composites.start);
        let rest = self.of.granules % all;
        let partial = if self.composites.contains(&whole) {
            self.tiles.iter().filter(|&&place| (place as u64) < rest).count() as u64
        } else {
            0
        };
        full * self.tiles.len() as u64 + partial
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The composite and tile of the `k`-th.
    #[must_use]
    pub fn place(&self, k: u64) -> Option<(Composite, Tile)> {
        if k >= self.count {
            return None;
        }
        let width = self.tiles.len() as u64;
        let place = *self.tiles.get(usize::try_from(k % width).ok()?)?;
        Some((Synthetic::composite(self.composites.start + k / width), self.of.tiles[place]))
    }

    /// The `k`-th granule.
    #[must_use]
    pub fn get(&self, k: u64) -> Option<Granule> {
        self.place(k).map(|(composite, tile)| modis::granule(composite, tile, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_granule_is_another_and_there_are_as_many_as_asked_for() {
        let synthetic = Synthetic::new(1000);
        assert!((400..480).contains(&synthetic.tiles()), "{}", synthetic.tiles());
        let all = synthetic.select(&[], &[]);
        let ids: std::collections::BTreeSet<String> =
            (0..all.len()).map(|k| all.get(k).unwrap().id).collect();
        assert_eq!((all.len(), ids.len()), (1000, 1000));
        assert!(all.get(1000).is_none());
    }

    #[test]
    fn a_selection_is_what_a_filter_of_all_would_give() {
        let synthetic = Synthetic::new(2000);
        let area = Area { west: -80.0, south: 30.0, east: -60.0, north: 50.0 };
        let days = ("2000-01-20".to_owned(), "2000-12-31".to_owned());
        let chosen = synthetic.select(&[area], std::slice::from_ref(&days));
        let all = synthetic.select(&[], &[]);
        let filtered: Vec<String> = (0..all.len())
            .filter_map(|k| all.get(k))
            .filter(|g| g.footprint.meets(&area) && g.end[..10] >= *days.0 && g.start[..10] <= *days.1)
            .map(|g| g.id)
            .collect();
        let given: Vec<String> = (0..chosen.len()).filter_map(|k| chosen.get(k)).map(|g| g.id).collect();
        assert_eq!(given, filtered);
        assert!(!given.is_empty());
    }
}
