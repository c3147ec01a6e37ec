//! Where something lies on Earth, as GeoJSON wants it: rings within ±180°, cut at the antimeridian.

use crate::Bbox;
use crate::ring::{Ring, area, clip_x, turning};
use seedbed_block::Xy;
use serde_json::{Value, json};

/// Half a turn, in degrees.
const HALF: f64 = 180.0;
/// A turn.
const TURN: f64 = 360.0;
/// Bits lost on the way, in degrees.
const BITS: f64 = 1e-9;
/// How near the two sides of a corner at a pole are to one meridian, in degrees.
const NEAR: f64 = 1e-6;

/// The area of a raster on Earth: rings without holes within ±180° and ±90°, and the box around them.
///
/// What lies across the antimeridian is in parts, and its box has a west that is greater than its east (RFC 7946,
/// sections 3.1.9 and 5.2); what holds a pole reaches around the Earth, and up to it. Coordinates are rounded to
/// 1e-9° (a tenth of a millimetre), so that another build of PROJ gives the same text.
#[derive(Debug, Clone, PartialEq)]
pub struct Territory {
    /// Its parts, anticlockwise, not closed.
    pub rings: Vec<Vec<Xy>>,
    /// The box around all of them.
    pub bbox: Bbox,
}

impl Territory {
    /// The territory within a ring, not closed, whose longitudes are continuous: they go on beyond ±180° where the
    /// ring does. `None` for a ring without area.
    #[must_use]
    pub fn within(ring: &[Xy]) -> Option<Self> {
        Self::of(ring.iter().map(|p| (p.x, p.y)).collect())
    }

    /// The territory within a ring that may jump from one side of the antimeridian to the other: from position to
    /// position it goes the shorter way round. A position at a pole has a longitude that is not a number. `anticlockwise`
    /// is 1 where the ring's inside lies on its left, else -1, by which it is known what of a pole's surroundings
    /// is inside.
    pub(crate) fn around(ring: &[Xy], anticlockwise: f64) -> Option<Self> {
        let (walked, turns) = walked(ring, anticlockwise);
        Self::of(if turns == 0.0 { walked } else { closed_at_pole(&walked, turns, anticlockwise) })
    }

    fn of(ring: Ring) -> Option<Self> {
        let mut ring: Ring = ring.into_iter().map(|(x, y)| (x, y.clamp(-90.0, 90.0))).collect();
        let (mut west, mut east) = span(&ring)?;
        if east - west > TURN + BITS {
            ring = clip_x(&ring, west, west + TURN);
            east = west + TURN;
        }
        let shift = -TURN * ((west + HALF + BITS) / TURN).floor();
        (west, east) = (west + shift, east + shift);
        let mut rings = Vec::new();
        for turn in [0.0, TURN] {
            let moved: Ring = ring.iter().map(|p| (snapped(p.0 + shift - turn), p.1)).collect();
            let parts = beside(&moved, -HALF, 1.0).into_iter().flat_map(|part| beside(&part, HALF, -1.0));
            rings.extend(parts.filter_map(|part| tidy(&part)));
        }
        let lat = |pick: fn(f64, f64) -> f64| rings.iter().flatten().map(|p: &Xy| p.y).reduce(pick);
        let (south, north) = (lat(f64::min)?, lat(f64::max)?);
        let around = east - west >= TURN - BITS;
        let bbox = Bbox {
            west: if around { -HALF } else { rounded(west) },
            south,
            east: if around { HALF } else { rounded(east) },
            north,
        };
        let wrapped = bbox.wrapped();
        let bbox = Bbox { west: rounded(wrapped.west), east: rounded(wrapped.east), ..bbox };
        Some(Self { rings, bbox })
    }

    /// As a GeoJSON geometry: a polygon, or one of several parts.
    #[must_use]
    pub fn geojson(&self) -> Value {
        let closed = |ring: &Vec<Xy>| -> Value {
            let points = ring.iter().chain(ring.first()).map(|p| json!([p.x, p.y]));
            json!([points.collect::<Vec<Value>>()])
        };
        match self.rings.as_slice() {
            [one] => json!({"type": "Polygon", "coordinates": closed(one)}),
            all => json!({
                "type": "MultiPolygon", "coordinates": all.iter().map(closed).collect::<Vec<Value>>()
            }),
        }
    }
}

fn span(ring: &[(f64, f64)]) -> Option<(f64, f64)> {
    let low = ring.iter().map(|p| p.0).reduce(f64::min)?;
    let high = ring.iter().map(|p| p.0).reduce(f64::max)?;
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

fn rounded(v: f64) -> f64 {
    // `+ 0.0` turns −0 into 0.
    (v * 1e9).round() / 1e9 + 0.0
}

fn snapped(x: f64) -> f64 {
    if (x.abs() - HALF).abs() <= BITS { HALF.copysign(x) } else { x }
}

/// A part's positions, each once, anticlockwise; `None` if it has no area.
fn tidy(part: &[(f64, f64)]) -> Option<Vec<Xy>> {
    let mut ring: Ring = part.iter().map(|p| (rounded(p.0), rounded(p.1))).collect();
    ring.dedup();
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if turning(&ring) < 0.0 {
        ring.reverse();
    }
    (area(&ring) > 0.0).then(|| ring.into_iter().map(|(x, y)| Xy { x, y }).collect())
}

/// A ring with continuous longitudes, and by how much it ends east of where it begins.
fn walked(ring: &[Xy], anticlockwise: f64) -> (Ring, f64) {
    let Some(start) = ring.iter().position(|p| p.x.is_finite()) else { return (Ring::new(), 0.0) };
    let (first, n) = (ring[start], ring.len());
    let mut x = first.x;
    let mut out = vec![(first.x, first.y)];
    let mut pole = None;
    for at in (1..=n).map(|i| ring[(start + i) % n]) {
        if !at.x.is_finite() {
            pole = Some(at.y);
            continue;
        }
        if let Some(lat) = pole.take() {
            // Along the pole the inside lies on the side of the equator.
            let sense = anticlockwise * lat.signum();
            let by = (sense * (x - at.x)).rem_euclid(TURN);
            out.push((x, lat));
            x -= sense * if TURN - by < NEAR { by - TURN } else { by };
            out.push((x, lat));
        } else {
            x = at.x - TURN * ((at.x - x) / TURN).round();
        }
        out.push((x, at.y));
    }
    // The first position once more.
    out.pop();
    (out, TURN * ((x - first.x) / TURN).round())
}

/// A ring around a pole, with edges along the antimeridian and the pole.
fn closed_at_pole(ring: &[(f64, f64)], turns: f64, anticlockwise: f64) -> Ring {
    let lap = |x: f64| ((x + HALF) / TURN).floor();
    let n = ring.len();
    let next = |i: usize| if i + 1 < n { ring[i + 1] } else { (ring[0].0 + turns, ring[0].1) };
    let crossing = (0..n).find(|i| lap(ring[*i].0) != lap(next(*i).0)).unwrap_or(0);
    let (a, b) = (ring[crossing], next(crossing));
    let meridian = TURN * lap(a.0).max(lap(b.0)) - HALF;
    let t = if (b.0 - a.0).abs() > BITS { ((meridian - a.0) / (b.0 - a.0)).clamp(0.0, 1.0) } else { 0.0 };
    let seam = (meridian, a.1 + t * (b.1 - a.1));
    let pole = 90.0_f64.copysign(turns * anticlockwise);
    let mut out = vec![seam];
    out.extend(ring.iter().skip(crossing + 1));
    // From here on the ring has gone round, unless the crossing was on its last edge.
    out.extend(ring.iter().take(crossing + 1).map(|p| (p.0 + turns, p.1)));
    out.extend([(seam.0 + turns, seam.1), (seam.0 + turns, pole), (seam.0, pole)]);
    out
}

/// The parts of a ring on one side of a meridian: east of it if `side` is 1, west of it if it is -1.
fn beside(ring: &[(f64, f64)], meridian: f64, side: f64) -> Vec<Ring> {
    let off = |p: (f64, f64)| {
        let d = side * (p.0 - meridian);
        if d.abs() <= BITS { 0.0 } else { d }
    };
    let Some(outside) = ring.iter().position(|p| off(*p) < 0.0) else { return vec![ring.to_vec()] };
    let (mut chains, mut chain): (Vec<Ring>, Ring) = (Vec::new(), Ring::new());
    for i in 0..ring.len() {
        let (a, b) = (ring[(outside + i) % ring.len()], ring[(outside + i + 1) % ring.len()]);
        let (da, db) = (off(a), off(b));
        if da * db < 0.0 {
            let t = da / (da - db);
            chain.push((meridian, a.1 + t * (b.1 - a.1)));
        }
        if db >= 0.0 {
            chain.push(b);
        } else if !chain.is_empty() {
            chains.push(std::mem::take(&mut chain));
        }
    }
    chains.retain(|c| c.iter().any(|p| off(*p) > 0.0));
    joined(&chains).unwrap_or_else(|| {
        let (low, high) = if side > 0.0 { (meridian, f64::MAX) } else { (f64::MIN, meridian) };
        vec![clip_x(ring, low, high)]
    })
}

/// Chains that begin and end on one meridian as rings: along it, each end goes to the beginning beside it. `None`
/// where that isn't clear.
fn joined(chains: &[Ring]) -> Option<Vec<Ring>> {
    let mut ends: Vec<(f64, usize, bool)> = Vec::new();
    for (n, chain) in chains.iter().enumerate() {
        ends.push((chain.first()?.1, n, true));
        ends.push((chain.last()?.1, n, false));
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut after = vec![None; chains.len()];
    for pair in ends.chunks(2) {
        match pair {
            [(_, begin, true), (_, end, false)] | [(_, end, false), (_, begin, true)] => {
                after[*end] = Some(*begin);
            }
            _ => return None,
        }
    }
    let mut rings = Vec::new();
    let mut used = vec![false; chains.len()];
    for first in 0..chains.len() {
        let (mut ring, mut n) = (Ring::new(), first);
        while !used[n] {
            used[n] = true;
            ring.extend(&chains[n]);
            n = after[n]?;
        }
        if !ring.is_empty() {
            rings.push(ring);
        }
    }
    Some(rings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(pairs: &[(f64, f64)]) -> Vec<Xy> {
        pairs.iter().map(|&(x, y)| Xy { x, y }).collect()
    }

    fn areas(t: &Territory) -> Vec<f64> {
        t.rings.iter().map(|r| area(&r.iter().map(|p| (p.x, p.y)).collect::<Ring>())).collect()
    }

    #[test]
    fn what_runs_past_180_is_in_two_parts() {
        let boxed = points(&[(177.0, -12.0), (177.0, -16.0), (184.0, -16.0), (184.0, -12.0)]);
        let t = Territory::within(&boxed).unwrap();
        assert_eq!(<[f64; 4]>::from(t.bbox), [177.0, -16.0, -176.0, -12.0]);
        assert_eq!(areas(&t), [12.0, 16.0]);
        let jumping = points(&[(177.0, -12.0), (177.0, -16.0), (-176.0, -16.0), (-176.0, -12.0)]);
        assert_eq!(Territory::around(&jumping, 1.0).unwrap(), t);
        let there = points(&[(281.0, 44.0), (281.0, 37.0), (292.0, 37.0), (292.0, 44.0)]);
        let t = Territory::within(&there).unwrap();
        assert_eq!(<[f64; 4]>::from(t.bbox), [-79.0, 37.0, -68.0, 44.0]);
        let earth = points(&[(0.0, 90.25), (0.0, -90.25), (360.5, -90.25), (360.5, 90.25)]);
        let t = Territory::within(&earth).unwrap();
        assert_eq!(<[f64; 4]>::from(t.bbox), [-180.0, -90.0, 180.0, 90.0]);
        assert!((areas(&t).iter().sum::<f64>() - 64_800.0).abs() < 1e-6);
    }

    #[test]
    fn what_ends_at_180_is_in_one() {
        for (west, east) in [(170.0, 180.0), (-180.0, -170.0), (180.0, 190.0)] {
            let t =
                Territory::within(&points(&[(west, 1.0), (west, 0.0), (east, 0.0), (east, 1.0)])).unwrap();
            assert_eq!(t.rings.len(), 1);
            assert_eq!(
                (t.bbox.west, t.bbox.east),
                if west == 170.0 { (west, east) } else { (-180.0, -170.0) }
            );
        }
    }

    #[test]
    fn arms_across_the_antimeridian_are_parts_of_their_own() {
        let shoe = points(&[
            (175.0, 0.0),
            (185.0, 0.0),
            (185.0, 1.0),
            (176.0, 1.0),
            (176.0, 3.0),
            (185.0, 3.0),
            (185.0, 4.0),
            (175.0, 4.0),
        ]);
        let t = Territory::within(&shoe).unwrap();
        assert_eq!(areas(&t), [12.0, 5.0, 5.0]);
        assert_eq!(<[f64; 4]>::from(t.bbox), [175.0, 0.0, -175.0, 4.0]);
    }

    #[test]
    fn a_ring_around_a_pole_holds_it_and_one_beside_it_has_the_side_that_is_meant() {
        for (north, sense) in [(1.0, 1.0), (-1.0, -1.0)] {
            let ring: Vec<Xy> = (0..36)
                .map(|i| (sense * f64::from(i) * 10.0 + 5.0, north * 70.0))
                .map(|(x, y)| Xy { x, y })
                .collect();
            let t = Territory::around(&ring, 1.0).unwrap();
            assert_eq!(t.rings.len(), 1);
            assert!((areas(&t)[0] - 7200.0).abs() < 1e-6, "{t:?}");
            assert_eq!((t.bbox.west, t.bbox.east), (-180.0, 180.0));
            assert_eq!(if north > 0.0 { t.bbox.north } else { t.bbox.south }, 90.0 * north);
        }
        // A corner at the pole, from 170° E to 100° W, and one with all but that.
        let quarter = points(&[(f64::NAN, 90.0), (170.0, 80.0), (-145.0, 75.0), (-100.0, 80.0)]);
        let t = Territory::around(&quarter, 1.0).unwrap();
        assert_eq!(<[f64; 4]>::from(t.bbox), [170.0, 75.0, -100.0, 90.0]);
        assert!((areas(&t).iter().sum::<f64>() - 90.0 * 12.5).abs() < 1e-6, "{t:?}");
        let side = points(&[(f64::NAN, -90.0), (90.0, -80.0), (0.0, -75.0), (-90.0, -80.0)]);
        assert_eq!(
            <[f64; 4]>::from(Territory::around(&side, 1.0).unwrap().bbox),
            [-90.0, -90.0, 90.0, -75.0]
        );
    }
}
