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
    /// Whether they share at least a point. A ring is taken as convex, with edges that are straight
    /// on a map of longitude and latitude; one over the antimeridian is met from either side.
    #[must_use]
    pub fn meets(&self, area: &Area) -> bool {
        match self {
            Self::Box(own) => own.meets(area),
            Self::Ring(ring) => match ring_boxes(ring)[..] {
                [_, _] => {
                    let east: Vec<(f64, f64)> = ring
                        .iter()
                        .map(|&(lon, lat)| (if lon < 0.0 { lon + 360.0 } else { lon }, lat))
                        .collect();
                    let shifted = Area { west: area.west + 360.0, east: area.east + 360.0, ..*area };
                    convex_meets(&east, area) || convex_meets(&east, &shifted)
                }
                _ => convex_meets(ring, area),
            },
        }
    }
}

/// The parts of a convex ring on either side of the antimeridian, the eastern hemisphere's first;
/// one that doesn't reach over it is its only part.
pub(crate) fn parts(ring: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    if ring_boxes(ring).len() < 2 {
        return vec![ring.to_vec()];
    }
    let on: Vec<(f64, f64)> =
        ring.iter().map(|&(lon, lat)| (if lon < 0.0 { lon + 360.0 } else { lon }, lat)).collect();
    let cut = |keeps: fn(f64) -> bool| {
        let mut part = Vec::new();
        for (a, b) in on.iter().zip(on.iter().skip(1).chain(on.first())) {
            if keeps(a.0) {
                part.push(*a);
            }
            if keeps(a.0) != keeps(b.0) {
                part.push((180.0, a.1 + (b.1 - a.1) * (180.0 - a.0) / (b.0 - a.0)));
            }
        }
        part
    };
    let west = cut(|lon| lon > 180.0).into_iter().map(|(lon, lat)| (lon - 360.0, lat)).collect();
    vec![cut(|lon| lon <= 180.0), west]
}

/// Whether a convex ring and a rectangle share a point: no line along an edge of either parts them.
fn convex_meets(ring: &[(f64, f64)], area: &Area) -> bool {
    if !Area::around(ring.iter().copied()).is_some_and(|own| own.meets(area)) {
        return false;
    }
    let corners =
        [(area.west, area.south), (area.east, area.south), (area.east, area.north), (area.west, area.north)];
    let edges = ring.iter().zip(ring.iter().skip(1).chain(ring.first()));
    edges.into_iter().all(|(a, b)| {
        // How far to the left of the edge a point lies; the ring itself lies on the side where the
        // sum of its points does.
        let left = |p: &(f64, f64)| (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0);
        let inside: f64 = ring.iter().map(left).sum();
        corners.iter().any(|corner| left(corner) * inside >= 0.0)
    })
}

impl Granule {
    /// When its record was last changed.
    #[must_use]
    pub fn updated(&self) -> &str {
        if self.collection.site == Site::Lp { &self.produced } else { "2023-03-03T14:27:01.000Z" }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::Tile;

    #[test]
    fn a_slanted_tile_does_not_meet_what_lies_in_its_box_alone() {
        let meets = |h, v, west: f64, south: f64| {
            let area = Area { west, south, east: west + 1.0, north: south + 1.0 };
            Footprint::Ring(Tile { h, v }.ring()).meets(&area)
        };
        assert!(meets(12, 4, -75.0, 41.0));
        // In the box of the tile to the west, and beyond its slanted edge.
        assert!(!meets(11, 4, -75.0, 41.0));
        let parts = parts(&Tile { h: 25, v: 2 }.ring());
        // The published item of MYD13A1.A2022009.h25v02 has these points on the antimeridian.
        assert!((parts[0][2].1 - 62.954_459_559_528_84).abs() < 1e-9, "{parts:?}");
        assert_eq!((parts[0].len(), parts[1].len(), parts[1][0].0), (5, 3, -180.0));
        assert!(meets(25, 2, 175.0, 61.0) && meets(25, 2, -179.0, 65.0) && !meets(25, 2, -179.0, 60.0));
    }
}
