//! Boxes of longitude and latitude, and the smallest box around some.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Half a turn, in degrees.
const HALF: f64 = 180.0;
/// A turn.
const TURN: f64 = 360.0;
/// Bits lost on the way, in degrees.
const BITS: f64 = 1e-9;
/// Gaps between boxes that are narrower don't show in a union, in degrees.
const NARROWEST_GAP: f64 = 0.1;

/// West, south, east, north; in degrees of WGS 84 unless said otherwise.
/// West is greater than east for a box across the antimeridian (RFC 7946 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 4]", into = "[f64; 4]")]
pub struct Bbox {
    /// Western edge.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge.
    pub east: f64,
    /// Northern edge.
    pub north: f64,
}

impl From<[f64; 4]> for Bbox {
    fn from([west, south, east, north]: [f64; 4]) -> Self {
        Self { west, south, east, north }
    }
}

impl From<Bbox> for [f64; 4] {
    fn from(b: Bbox) -> Self {
        [b.west, b.south, b.east, b.north]
    }
}

impl FromStr for Bbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
        let [west, south, east, north] = numbers[..] else {
            return Err(format!("`{text}` is no bounding box: write W,S,E,N"));
        };
        if south > north || !numbers.iter().all(|n| n.is_finite()) {
            return Err(format!("`{text}` is no bounding box: south lies north of north"));
        }
        if south < -90.0 || north > 90.0 {
            return Err(format!("`{text}` is no bounding box: latitudes are from -90 to 90"));
        }
        Ok(Self { west, south, east, north })
    }
}

impl Bbox {
    /// The same box with longitudes from -180° to 180°: one from 170° to 190° or from 280° to 295°, as they are
    /// counted eastwards, becomes one from 170° to -170° or from -80° to -65°. A box around the Earth is from -180°
    /// to 180°.
    ///
    /// # Examples
    /// ```
    /// use seedbed_grid::Bbox;
    /// let fiji: Bbox = "170,-20,190,-10".parse().unwrap();
    /// assert_eq!(<[f64; 4]>::from(fiji.wrapped()), [170.0, -20.0, -170.0, -10.0]);
    /// ```
    #[must_use]
    pub fn wrapped(self) -> Self {
        let width = if self.west <= self.east {
            self.east - self.west
        } else {
            (self.east - self.west).rem_euclid(TURN)
        };
        let home = |x: f64| x.abs() <= HALF + BITS;
        if home(self.west) && home(self.east) || !(self.west.is_finite() && self.east.is_finite()) {
            return self;
        }
        if width >= TURN - BITS {
            return Self { west: -HALF, east: HALF, ..self };
        }
        let turn = -TURN * ((self.west + HALF + BITS) / TURN).floor();
        let west = self.west + turn;
        let east = west + width;
        Self { west, east: if east > HALF + BITS { east - TURN } else { east }, ..self }
    }

    /// The west-to-east intervals of the box within ±180°: two where it crosses the antimeridian.
    pub(crate) fn spans(self) -> impl Iterator<Item = (f64, f64)> {
        let b = self.wrapped();
        if b.west <= b.east {
            [Some((b.west, b.east)), None].into_iter().flatten()
        } else {
            [Some((b.west, HALF)), Some((-HALF, b.east))].into_iter().flatten()
        }
    }

    /// Whether the two boxes share a point, however their longitudes are counted: 180° is the same meridian as -180°.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        let meet = |a: (f64, f64), b: (f64, f64)| {
            [0.0, TURN, -TURN].into_iter().any(|turn| a.0 <= b.1 + turn + BITS && b.0 + turn <= a.1 + BITS)
        };
        self.south <= other.north
            && other.south <= self.north
            && self.spans().any(|a| other.spans().any(|b| meet(a, b)))
    }

    /// What two boxes have in common, in square degrees, however their longitudes are counted.
    #[must_use]
    pub fn common_area(self, other: Self) -> f64 {
        let height = self.north.min(other.north) - self.south.max(other.south);
        let common = |a: (f64, f64), b: (f64, f64)| (a.1.min(b.1) - a.0.max(b.0)).max(0.0);
        let width: f64 = self.spans().flat_map(|a| other.spans().map(move |b| common(a, b))).sum();
        width * height.max(0.0)
    }

    /// The smallest box around all of some, across the antimeridian where one of them is, or where they meet there.
    #[must_use]
    pub fn around(boxes: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut union = BoxUnion::default();
        boxes.into_iter().for_each(|bbox| union.add(bbox));
        union.bbox()
    }

    /// The smallest box that holds both (neither may cross the antimeridian).
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            west: self.west.min(other.west),
            south: self.south.min(other.south),
            east: self.east.max(other.east),
            north: self.north.max(other.north),
        }
    }
}

/// The smallest box around boxes that come one by one; across the antimeridian only if one of them is, or if they
/// meet there.
#[derive(Debug, Clone, Default)]
pub struct BoxUnion {
    /// As if none crossed the antimeridian.
    plain: Option<Bbox>,
    crossing: bool,
    /// The longitudes that are covered: sorted, apart from one another.
    arcs: Vec<(f64, f64)>,
}

impl BoxUnion {
    /// Takes a box in.
    pub fn add(&mut self, bbox: Bbox) {
        let bbox = bbox.wrapped();
        self.plain = Some(self.plain.map_or(bbox, |all| all.union(bbox)));
        self.crossing |= bbox.west > bbox.east;
        for (west, east) in bbox.spans() {
            self.add_arc(west, east);
        }
    }

    /// Takes in all that another has.
    pub fn extend(&mut self, other: &Self) {
        let Some(bbox) = other.plain else { return };
        self.plain = Some(self.plain.map_or(bbox, |all| all.union(bbox)));
        self.crossing |= other.crossing;
        for (west, east) in &other.arcs {
            self.add_arc(*west, *east);
        }
    }

    fn add_arc(&mut self, mut west: f64, mut east: f64) {
        // Arcs that are hardly apart are one, so that there are never many.
        let first = self.arcs.partition_point(|(_, end)| *end < west - NARROWEST_GAP);
        let last = self.arcs.partition_point(|(start, _)| *start <= east + NARROWEST_GAP);
        if let Some(met) = self.arcs.get(first..last)
            && let (Some(a), Some(b)) = (met.first(), met.last())
        {
            if a.0 <= west && east <= a.1 {
                return;
            }
            (west, east) = (west.min(a.0), east.max(b.1));
        }
        self.arcs.splice(first..last.max(first), [(west, east)]);
    }

    /// The box, if there was any.
    #[must_use]
    pub fn bbox(&self) -> Option<Bbox> {
        let plain = self.plain?;
        let ends = self.arcs.first().zip(self.arcs.last());
        let meeting = ends.is_some_and(|(first, last)| first.0 <= BITS - HALF && last.1 >= HALF - BITS);
        if !self.crossing && !meeting {
            return Some(plain);
        }
        // On the circle the union is what the widest gap between the boxes leaves.
        let next = self.arcs.iter().skip(1).map(|a| a.0).chain(self.arcs.first().map(|a| a.0 + TURN));
        let mut widest = (NARROWEST_GAP, -HALF, HALF);
        for ((_, reach), start) in self.arcs.iter().zip(next) {
            if start - reach > widest.0 {
                widest = (start - reach, if start > HALF { start - TURN } else { start }, *reach);
            }
        }
        Some(Bbox { west: widest.1, east: widest.2, south: plain.south, north: plain.north })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_meet_across_the_antimeridian() {
        let fiji: Bbox = "177,-20,-178,-12".parse().unwrap();
        assert!(fiji.intersects("179,-15,180,-14".parse().unwrap()));
        assert!(fiji.intersects("-180,-15,-179,-14".parse().unwrap()));
        assert!(!fiji.intersects("0,-15,10,-14".parse().unwrap()));
        assert!("1,2,3".parse::<Bbox>().is_err());
    }

    #[test]
    fn a_box_is_the_same_however_its_longitudes_are_counted() {
        let b = |text: &str| text.parse::<Bbox>().unwrap();
        for (a, same) in [
            ("170,-20,190,-10", "170,-20,-170,-10"),
            ("280,35,295,45", "-80,35,-65,45"),
            ("-190,0,-170,1", "170,0,-170,1"),
            ("0,-90,360,90", "-180,-90,180,90"),
            ("350,0,10,1", "-10,0,10,1"),
            ("180,0,190,1", "-180,0,-170,1"),
            ("-180,0,180,1", "-180,0,180,1"),
            ("170,0,180,1", "170,0,180,1"),
            ("177,0,-178,1", "177,0,-178,1"),
        ] {
            assert_eq!(b(a).wrapped(), b(same), "{a}");
            assert_eq!(b(same).wrapped(), b(same), "{same}");
        }
        // The tile of a grid in longitude and latitude that runs on past 180°, and one on the other side.
        assert!(b("177,-16,184,-12").intersects(b("-180,-16,-176,-12")));
        assert!(b("280,35,295,45").intersects(b("-79,37,-76.5,39.5")));
        assert!(b("-79,37,-76.5,39.5").intersects(b("280,35,295,45")));
        assert!(!b("280,35,295,45").intersects(b("-95,37,-90,39.5")));
        // What ends at 180° and what begins at -180° touch.
        assert!(b("170,0,180,1").intersects(b("-180,0,-170,1")));
        assert!(!b("170,0,179,1").intersects(b("-180,0,-170,1")));
    }

    #[test]
    fn the_box_around_boxes_that_meet_at_the_antimeridian_crosses_it() {
        let around =
            |all: &[&str]| Bbox::around(all.iter().map(|text| text.parse().unwrap())).map(<[f64; 4]>::from);
        assert_eq!(around(&["170,-20,180,-10", "-180,-15,-170,-5"]), Some([170.0, -20.0, -170.0, -5.0]));
        assert_eq!(around(&["177,-20,184,-10", "160,-20,177,-10"]), Some([160.0, -20.0, -176.0, -10.0]));
        assert_eq!(around(&["-180,-20,0,-10", "0,-20,180,-10"]), Some([-180.0, -20.0, 180.0, -10.0]));
        assert_eq!(around(&["280,0,290,1", "-70,0,-60,1"]), Some([-80.0, 0.0, -60.0, 1.0]));
        assert_eq!(around(&["10,0,20,1", "-20,0,-10,1"]), Some([-20.0, 0.0, 20.0, 1.0]));
        assert_eq!(around(&[]), None);
    }
}
