//! What a server of listings holds.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use jiff::civil::{Date, DateTime};
use serde_json::Value;

use crate::listing::granule::{Collection, Granule};
use crate::listing::prism::{self, When};
use crate::listing::{Listings, Period, Product, Shelf, items};

/// Trees, granules and items of a spec, made when they are first asked for, and releases.
#[derive(Debug)]
pub(super) struct Listed {
    /// How many listings the server had before.
    generation: u32,
    spec: Listings,
    shelf: RwLock<Shelf>,
    granules: HashMap<&'static str, OnceLock<Vec<Granule>>>,
    items: OnceLock<Vec<Value>>,
    /// How often an element's grid was released since the server began.
    releases: Mutex<HashMap<(String, When), u32>>,
}

impl Listed {
    pub(super) fn new(spec: Listings, generation: u32) -> Self {
        let daymet = Period::ALL.iter().map(|period| period.collection());
        let modis = crate::listing::modis::PRODUCTS.iter().map(|product| product.collection);
        Self {
            generation,
            shelf: RwLock::new(spec.shelf()),
            granules: daymet.chain(modis).map(|known| (known.short_name, OnceLock::new())).collect(),
            items: OnceLock::new(),
            releases: Mutex::default(),
            spec,
        }
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    pub(super) fn spec(&self) -> &Listings {
        &self.spec
    }

    /// The granules of a collection, oldest first.
    pub(super) fn granules(&self, collection: &Collection) -> &[Granule] {
        let Some(slot) = self.granules.get(collection.short_name) else { return &[] };
        slot.get_or_init(|| {
            let period = Period::ALL.into_iter().find(|period| period.collection() == collection);
            if let Some(period) = period {
                return crate::listing::daymet::granules(&self.spec, period);
            }
            Product::named(collection.short_name)
                .map(|product| crate::listing::modis::granules(&self.spec, product))
                .unwrap_or_default()
        })
    }

    /// The items of the STAC API, the newest first.
    pub(super) fn items(&self) -> &[Value] {
        self.items.get_or_init(|| items::all(&self.spec))
    }

    /// The trees. A lock that a panic left is as good.
    pub(super) fn shelf(&self) -> RwLockReadGuard<'_, Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn releases(&self) -> MutexGuard<'_, HashMap<(String, When), u32>> {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a grid is listed.
    pub(super) fn has(&self, element: &str, when: When) -> bool {
        prism::path(element, "an", "4km", when).is_some_and(|path| self.shelf().known(&path).is_some())
    }

    /// How many versions a grid has had, and when the last was released.
    pub(super) fn version(&self, element: &str, when: When) -> (u32, Date) {
        let more = self.releases().get(&(element.to_owned(), when)).copied().unwrap_or_default();
        let count = prism::count(&self.spec, when) + more;
        (count, prism::released(when, count))
    }

    /// Releases a grid again, at every resolution and in both series; whether it is listed.
    pub(super) fn release(&self, element: &str, when: When) -> bool {
        if !self.has(element, when) {
            return false;
        }
        *self.releases().entry((element.to_owned(), when)).or_default() += 1;
        let (_, day) = self.version(element, when);
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        for (series, resolution) in [("an", "4km"), ("an", "800m"), ("lt", "4km"), ("lt", "800m")] {
            if let Some(path) = prism::path(element, series, resolution, when) {
                shelf.release(&path, day.at(7, 30, 0, 0));
            }
        }
        true
    }

    /// When listings last changed: a fixed day, a year more for each listing and a day more for each
    /// release.
    pub(super) fn changed(&self) -> DateTime {
        let releases: u32 = self.releases().values().sum();
        let start = jiff::civil::date(2025, 6, 1).at(12, 0, 0, 0);
        start.saturating_add(jiff::Span::new().years(self.generation).days(i64::from(releases)))
    }
}
