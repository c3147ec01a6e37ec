//! MODIS vegetation indices v061 as they are listed: the 16-day and monthly products of Terra and
//! Aqua on tiles of the sinusoidal grid.

use jiff::civil::{Date, date};

use super::content;
use super::granule::{Algorithm, Collection, Footprint, Granule, Site};
use super::shelf::Shelf;
use super::{Listings, moment};

const EARTH_RADIUS: f64 = 6_371_007.181;
const TILE: f64 = 1_111_950.519_666_666_6;
const CORNER: (f64, f64) = (-20_015_109.354, 10_007_554.677);

/// A satellite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// Terra: days of the year 1, 17, …, from 2000-02-18.
    Terra,
    /// Aqua: days of the year 9, 25, …, from 2002-07-04.
    Aqua,
}

impl Platform {
    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Terra => "Terra",
            Self::Aqua => "Aqua",
        }
    }
}

/// A product.
///
/// Of the collections' concept ids those of MOD13Q1, MYD13Q1, MOD13A1 and MOD13A2 are the archive's,
/// the others are of the same form: ask for these by short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// The short name.
    pub name: &'static str,
    /// The satellite.
    pub platform: Platform,
    /// Whether a composite is a month rather than 16 days.
    pub monthly: bool,
    /// The prefix of its layers' names.
    pub prefix: &'static str,
    /// A pixel's nominal size, m.
    pub metres: u32,
    /// Pixels on a tile's side.
    pub pixels: u32,
    /// How its granules' checksums are made: every way that the repository's schema knows and a
    /// client meets.
    pub algorithm: Algorithm,
    /// The collection.
    pub collection: &'static Collection,
}

macro_rules! lp {
    ($id:literal, $name:literal, $title:literal, $first:literal) => {
        Collection {
            concept_id: $id,
            short_name: $name,
            versions: &["061"],
            provider: "LPCLOUD",
            title: $title,
            doi: concat!("10.5067/MODIS/", $name, ".061"),
            days: ($first, ""),
            site: Site::Lp,
        }
    };
}

static COLLECTIONS: [Collection; 8] = [
    lp!(
        "C1748066515-LPCLOUD",
        "MOD13Q1",
        "MODIS/Terra Vegetation Indices 16-Day L3 Global 250m SIN Grid V061",
        "2000-02-18"
    ),
    lp!(
        "C2565788901-LPCLOUD",
        "MOD13A1",
        "MODIS/Terra Vegetation Indices 16-Day L3 Global 500m SIN Grid V061",
        "2000-02-18"
    ),
    lp!(
        "C2565788905-LPCLOUD",
        "MOD13A2",
        "MODIS/Terra Vegetation Indices 16-Day L3 Global 1km SIN Grid V061",
        "2000-02-18"
    ),
    lp!(
        "C2565788912-LPCLOUD",
        "MOD13A3",
        "MODIS/Terra Vegetation Indices Monthly L3 Global 1km SIN Grid V061",
        "2000-02-01"
    ),
    lp!(
        "C2307290656-LPCLOUD",
        "MYD13Q1",
        "MODIS/Aqua Vegetation Indices 16-Day L3 Global 250m SIN Grid V061",
        "2002-07-04"
    ),
    lp!(
        "C2565788921-LPCLOUD",
        "MYD13A1",
        "MODIS/Aqua Vegetation Indices 16-Day L3 Global 500m SIN Grid V061",
        "2002-07-04"
    ),
    lp!(
        "C2565788925-LPCLOUD",
        "MYD13A2",
        "MODIS/Aqua Vegetation Indices 16-Day L3 Global 1km SIN Grid V061",
        "2002-07-04"
    ),
    lp!(
        "C2565788930-LPCLOUD",
        "MYD13A3",
        "MODIS/Aqua Vegetation Indices Monthly L3 Global 1km SIN Grid V061",
        "2002-07-01"
    ),
];

const fn product(at: usize, prefix: &'static str, metres: u32, pixels: u32, algorithm: Algorithm) -> Product {
    Product {
        name: COLLECTIONS[at].short_name,
        platform: if at < 4 { Platform::Terra } else { Platform::Aqua },
        monthly: at % 4 == 3,
        prefix,
        metres,
        pixels,
        algorithm,
        collection: &COLLECTIONS[at],
    }
}

/// The products.
pub static PRODUCTS: [Product; 8] = [
    product(0, "250m 16 days", 250, 4800, Algorithm::Md5),
    product(1, "500m 16 days", 500, 2400, Algorithm::Md5),
    product(2, "1 km 16 days", 1000, 1200, Algorithm::Sha256),
    product(3, "1 km monthly", 1000, 1200, Algorithm::Cksum),
    product(4, "250m 16 days", 250, 4800, Algorithm::Md5),
    product(5, "500m 16 days", 500, 2400, Algorithm::Md5),
    product(6, "1 km 16 days", 1000, 1200, Algorithm::Sha256),
    product(7, "1 km monthly", 1000, 1200, Algorithm::Cksum),
];

impl Product {
    /// The product of a short name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PRODUCTS.iter().find(|product| product.name == name)
    }

    /// The layers' names. A monthly product has no day of the composite.
    #[must_use]
    pub fn layers(&self) -> Vec<String> {
        const SUFFIXES: [&str; 12] = [
            "NDVI",
            "EVI",
            "VI Quality",
            "red reflectance",
            "NIR reflectance",
            "blue reflectance",
            "MIR reflectance",
            "view zenith angle",
            "sun zenith angle",
            "relative azimuth angle",
            "composite day of the year",
            "pixel reliability",
        ];
        let kept = SUFFIXES.iter().filter(|suffix| !(self.monthly && suffix.starts_with("composite")));
        kept.map(|suffix| format!("{} {suffix}", self.prefix)).collect()
    }

    /// The composites that start in a year.
    #[must_use]
    pub fn composites(&'static self, year: i16) -> Vec<Composite> {
        let first = self.collection.days.0.parse::<Date>().unwrap_or_default();
        let starts: Vec<Date> = if self.monthly {
            (1..=12).map(|month| date(year, month, 1)).collect()
        } else {
            let phase = if self.platform == Platform::Terra { 0 } else { 8 };
            (0..23).map(|k| date(year, 1, 1).saturating_add(days(phase + 16 * k))).collect()
        };
        let begun = starts.into_iter().filter(|&start| start >= first);
        begun.map(|start| Composite { product: self, start }).collect()
    }
}

fn days(count: i64) -> jiff::Span {
    jiff::Span::new().days(count)
}

/// A tile of the sinusoidal grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Columns from the west.
    pub h: u8,
    /// Rows from the north.
    pub v: u8,
}

impl Tile {
    /// Left and top edge, m.
    #[must_use]
    pub fn corner(self) -> (f64, f64) {
        // The granules' metadata round corners to a micrometre.
        let micro = |metres: f64| (metres * 1e6).round() / 1e6;
        (micro(CORNER.0 + f64::from(self.h) * TILE), micro(CORNER.1 - f64::from(self.v) * TILE))
    }

    /// The footprint as the archive's metadata have it: four corners, counter-clockwise from the
    /// south-west. A tile that reaches over the antimeridian has corners on either side.
    #[must_use]
    pub fn ring(self) -> Vec<(f64, f64)> {
        // Of this tile, cut by the antimeridian, the archive's own corners are known.
        if (self.h, self.v) == (25, 2) {
            return vec![
                (140.110_001_024_585, 59.645_250_647_833_2),
                (174.497_006_769_159, 57.556_441_597_062_2),
                (-176.534_172_118_079, 66.354_173_202_020_1),
                (135.926_980_213_043, 69.211_390_532_639_4),
            ];
        }
        let (left, top) = self.corner();
        let (right, bottom) = (left + TILE, top - TILE);
        [(left, bottom), (right, bottom), (right, top), (left, top)].map(lonlat).to_vec()
    }
}

/// Longitude and latitude of a point of the sinusoidal plane; longitudes stop at the antimeridian.
fn lonlat((x, y): (f64, f64)) -> (f64, f64) {
    let lat = y / EARTH_RADIUS;
    ((x / (EARTH_RADIUS * lat.cos())).to_degrees().clamp(-180.0, 180.0), lat.to_degrees())
}

/// What a product makes of 16 days, or of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Composite {
    /// The product.
    pub product: &'static Product,
    /// The first day.
    pub start: Date,
}

impl Composite {
    /// The last day: the fifteenth after the first, also over the end of a year, or the month's.
    #[must_use]
    pub fn end(&self) -> Date {
        if self.product.monthly { self.start.last_of_month() } else { self.start.saturating_add(days(15)) }
    }

    /// The name of a tile's granule, which is also its identifier. `again` counts productions.
    #[must_use]
    pub fn granule(&self, tile: Tile, again: u32) -> String {
        let Tile { h, v } = tile;
        let stem = format!(
            "{}.A{}{:03}.h{h:02}v{v:02}.061",
            self.product.name,
            self.start.year(),
            self.start.day_of_year()
        );
        let x = content::hash(&stem);
        let day = 40 + x % 290;
        let (hour, minute, second) = (x >> 16 & 0xff, x >> 24 & 0xff, x >> 32 & 0xff);
        let year = 2020 + again;
        format!("{stem}.{year}{day:03}{:02}{:02}{:02}", hour % 24, minute % 60, second % 60)
    }
}

/// A granule's name taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The composite.
    pub composite: Composite,
    /// The tile.
    pub tile: Tile,
    /// When it was produced, UTC.
    pub produced: jiff::civil::DateTime,
}

impl Named {
    /// Reads a granule's name, without an extension.
    #[must_use]
    pub fn parse(granule: &str) -> Option<Self> {
        let mut parts = granule.split('.');
        let product = Product::named(parts.next()?)?;
        let day = parts.next()?.strip_prefix('A')?;
        let (h, v) = parts.next()?.strip_prefix('h')?.split_once('v')?;
        (parts.next()? == "061").then_some(())?;
        let made = parts.next().filter(|made| made.len() == 13)?;
        let day_of = |text: &str| {
            let (year, day) = (text.get(..4)?.parse().ok()?, text.get(4..)?.parse::<i64>().ok()?);
            date(year, 1, 1).checked_add(days(day - 1)).ok()
        };
        let number = |range: std::ops::Range<usize>| made.get(range)?.parse::<i8>().ok();
        Some(Self {
            composite: Composite { product, start: day_of(day)? },
            tile: Tile { h: h.parse().ok()?, v: v.parse().ok()? },
            produced: day_of(&made[..7])?.at(number(7..9)?, number(9..11)?, number(11..13)?, 0),
        })
    }
}

/// A composite's granule as the repository knows it.
pub(crate) fn granule(composite: Composite, tile: Tile, again: u32) -> Granule {
    let id = composite.granule(tile, again);
    let file = format!("{id}.hdf");
    let bytes = content::body(&file, 0);
    let algorithm = composite.product.algorithm;
    let produced = Named::parse(&id).map_or_else(String::new, |named| format!("{}.000Z", named.produced));
    Granule {
        collection: composite.product.collection,
        number: 2_100_000_000 + content::hash(&file) % 100_000_000,
        start: format!("{}T00:00:00.000Z", composite.start),
        end: format!("{}T23:59:59.000Z", composite.end()),
        produced,
        footprint: Footprint::Ring(tile.ring()),
        size: bytes.len() as u64,
        checksum: Some((algorithm, algorithm.of(&bytes))),
        id,
        file,
    }
}

/// Every composite of a product on every tile, and the second production of the first one.
pub(crate) fn each(spec: &Listings, product: &'static Product, mut do_it: impl FnMut(Composite, Tile, u32)) {
    let mut again = 1;
    for composite in spec.modis_years.clone().flat_map(|year| product.composites(year)) {
        for &tile in &spec.modis_tiles {
            do_it(composite, tile, 0);
            if again > 0 && !product.monthly {
                do_it(composite, tile, again);
                again = 0;
            }
        }
    }
}

/// The granules of a product, oldest first.
pub(crate) fn granules(spec: &Listings, product: &'static Product) -> Vec<Granule> {
    let mut granules = Vec::new();
    each(spec, product, |composite, tile, again| granules.push(granule(composite, tile, again)));
    granules
}

/// Browse images carry the second after their granule's, now and then.
pub(crate) fn browse(granule: &str) -> String {
    let late = content::hash(granule).is_multiple_of(3);
    let second: Option<u32> = granule.get(granule.len() - 2..).and_then(|text| text.parse().ok());
    match second.filter(|&second| late && second < 59) {
        Some(second) => format!("BROWSE.{}{:02}", &granule[..granule.len() - 2], second + 1),
        None => format!("BROWSE.{granule}"),
    }
}

/// Puts the old Data Pool and the folders of today's bucket on the shelf.
pub(crate) fn stock(spec: &Listings, shelf: &mut Shelf) {
    for product in &PRODUCTS {
        let root = match product.platform {
            Platform::Terra => "MOLT",
            Platform::Aqua => "MOLA",
        };
        let name = product.name;
        each(spec, product, |composite, tile, again| {
            let id = composite.granule(tile, again);
            let when = Named::parse(&id).map_or_else(|| moment("2021-01-01", &id), |named| named.produced);
            let folder = format!("{root}/{name}.061/{}", composite.start.strftime("%Y.%m.%d"));
            let browse = browse(&id);
            shelf.put(format!("{folder}/{id}.hdf"), when);
            shelf.put(format!("{folder}/{id}.hdf.xml"), when);
            shelf.put(format!("lp-prod-protected/{name}.061/{id}/{id}.hdf"), when);
            shelf.put(format!("lp-prod-protected/{name}.061/{id}/{id}.cmr.xml"), when);
            for k in 1..=2 {
                shelf.put(format!("{folder}/{browse}.{k}.jpg"), when);
                shelf.put(format!("lp-prod-public/{name}.061/{id}/{browse}.{k}.jpg"), when);
            }
        });
    }
}

/// How many granules a product has, and how many different composites of a tile these are.
pub(crate) fn count(spec: &Listings, product: &'static Product) -> (usize, usize) {
    let composites: usize = spec.modis_years.clone().map(|year| product.composites(year).len()).sum();
    let different = composites * spec.modis_tiles.len();
    (different + usize::from(different > 0 && !product.monthly), different)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(name: &str, year: i16) -> Vec<i16> {
        let product = Product::named(name).unwrap();
        product.composites(year).iter().map(|composite| composite.start.day_of_year()).collect()
    }

    #[test]
    fn schedules_restart_on_the_first_of_january() {
        assert_eq!(starts("MOD13Q1", 2000)[..2], [49, 65]);
        assert_eq!(starts("MOD13Q1", 2003).len(), 23);
        assert_eq!(starts("MOD13Q1", 2003)[0], 1);
        assert_eq!(starts("MYD13A1", 2002)[0], 185);
        assert_eq!((starts("MYD13A1", 2003)[0], starts("MYD13A1", 2003)[22]), (9, 361));
        assert_eq!(starts("MYD13A3", 2002).len(), 6);
        assert_eq!(starts("MOD13A3", 2004)[2], 61);
    }

    #[test]
    fn the_last_composite_of_a_year_ends_in_the_next() {
        let last = *Product::named("MOD13A2").unwrap().composites(2003).last().unwrap();
        assert_eq!((last.start, last.end()), (date(2003, 12, 19), date(2004, 1, 3)));
        let february = Product::named("MOD13A3").unwrap().composites(2004)[1];
        assert_eq!(february.end(), date(2004, 2, 29));
    }

    #[test]
    fn a_name_is_read_as_it_was_made() {
        let tile = Tile { h: 12, v: 4 };
        let composite = Product::named("MYD13Q1").unwrap().composites(2003)[4];
        let named = Named::parse(&composite.granule(tile, 0)).unwrap();
        assert_eq!((named.composite, named.tile), (composite, tile));
        assert!(Named::parse("MOD13Q1.A2003001.h12v04.006.2020001000000").is_none());
    }

    #[test]
    fn the_published_corners_of_a_tile_are_met() {
        // MOD13Q1 h09v05: the archive's corners lie within 0.15 degrees, since it takes them from
        // the outermost pixels of a swath.
        let published = [
            (-103.835_851, 29.836_053),
            (-92.131_858, 29.900_950),
            (-104.256_722, 40.074_206),
            (-117.486_656, 40.0),
        ];
        for ((lon, lat), (x, y)) in (Tile { h: 9, v: 5 }).ring().into_iter().zip(published) {
            assert!((lon - x).abs() < 0.3 && (lat - y).abs() < 0.17, "{lon} {lat}");
        }
    }
}
