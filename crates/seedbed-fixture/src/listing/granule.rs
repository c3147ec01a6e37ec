//! A granule as the Common Metadata Repository knows it.

use crate::spec::Area;

/// A collection of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// The concept id.
    pub concept_id: &'static str,
    /// The short name.
    pub short_name: &'static str,
    /// The versions by which it is asked for; granules name the first.
    pub versions: &'static [&'static str],
    /// The provider.
    pub provider: &'static str,
    /// The entry title.
    pub title: &'static str,
    /// The digital object identifier.
    pub doi: &'static str,
    /// The first and the last day, the last open where empty.
    pub days: (&'static str, &'static str),
    /// How its granules are linked.
    pub site: Site,
}

/// Where the granules of a collection lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// ORNL's Daymet: the folder's name in bucket and URL.
    Ornl(&'static str),
    /// LP DAAC's MODIS: a folder a granule.
    Lp,
}

/// What a granule covers.
#[derive(Debug, Clone, PartialEq)]
pub enum Footprint {
    /// A rectangle.
    Box(Area),
    /// A ring of longitudes and latitudes, not closed, counter-clockwise.
    Ring(Vec<(f64, f64)>),
}

impl Footprint {
    /// Whether the bounding boxes meet; a ring over the antimeridian has two.
    #[must_use]
    pub fn meets(&self, area: &Area) -> bool {
        match self {
            Self::Box(own) => own.meets(area),
            Self::Ring(ring) => ring_boxes(ring).iter().any(|own| own.meets(area)),
        }
    }
}

/// The bounding box of a ring, or the two on either side of the antimeridian.
pub(crate) fn ring_boxes(ring: &[(f64, f64)]) -> Vec<Area> {
    let fold = |points: &mut dyn Iterator<Item = f64>, join: fn(f64, f64) -> f64| {
        points.reduce(join).unwrap_or(f64::NAN)
    };
    let south = fold(&mut ring.iter().map(|p| p.1), f64::min);
    let north = fold(&mut ring.iter().map(|p| p.1), f64::max);
    let west = fold(&mut ring.iter().map(|p| p.0), f64::min);
    let east = fold(&mut ring.iter().map(|p| p.0), f64::max);
    // No footprint here is half a globe wide.
    if east - west <= 180.0 {
        return vec![Area { west, south, east, north }];
    }
    let west = fold(&mut ring.iter().map(|p| p.0).filter(|&lon| lon > 0.0), f64::min);
    let east = fold(&mut ring.iter().map(|p| p.0).filter(|&lon| lon < 0.0), f64::max);
    vec![Area { west, south, east: 180.0, north }, Area { west: -180.0, south, east, north }]
}

/// How a checksum was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// MD5.
    Md5,
    /// POSIX's `cksum`.
    Cksum,
}

impl Algorithm {
    /// The name in the repository's records.
    #[must_use]
    pub fn umm_name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
            Self::Cksum => "POSIX",
        }
    }

    /// The checksum of bytes, as text.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> String {
        match self {
            Self::Sha256 => super::content::sha256(bytes),
            Self::Md5 => super::content::md5(bytes),
            Self::Cksum => super::content::cksum(bytes).to_string(),
        }
    }
}

/// A granule: one file at the archive.
#[derive(Debug, Clone, PartialEq)]
pub struct Granule {
    /// Its collection.
    pub collection: &'static Collection,
    /// The data file's name.
    pub file: String,
    /// The granule's identifier.
    pub id: String,
    /// The number in its concept id.
    pub number: u64,
    /// The first instant, RFC 3339 with milliseconds.
    pub start: String,
    /// The last instant.
    pub end: String,
    /// When it was produced.
    pub produced: String,
    /// What it covers.
    pub footprint: Footprint,
    /// Bytes.
    pub size: u64,
    /// The checksum where it is known.
    pub checksum: Option<(Algorithm, String)>,
}
