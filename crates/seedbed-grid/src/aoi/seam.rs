//! Areas across the antimeridian and around the poles.

use crate::ring::{Ring, clip_x};

type Point = (f64, f64);

/// An edge that could be meant either way round the Earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ambiguous(pub Point, pub Point);

impl std::fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(a, b) = self;
        write!(
            f,
            "its edge from ({}, {}) to ({}, {}) could go either way round the Earth: put positions along it, \
             or cut the area at 180°",
            a.0, a.1, b.0, b.1
        )
    }
}

/// Edges wider than this many degrees may go the other way round.
const HALF: f64 = 180.0;
/// A ring with such an edge and at least this wide is one that jumps at ±180°; a
/// narrower one could be meant either way.
const JUMPS_FROM: f64 = 270.0;
/// Bits lost on the way, in degrees.
const BITS: f64 = 1e-9;

/// A ring (not closed) with longitudes that go on beyond ±180° where it jumps there,
/// from a western end in [−180°, 180°); around a pole, with an edge along it.
pub fn unrolled(ring: &[Point]) -> Result<Ring, Ambiguous> {
    let n = ring.len();
    let at = |i: usize| ring[i % n];
    let (low, high) = ring.iter().fold((f64::MAX, f64::MIN), |s, p| (s.0.min(p.0), s.1.max(p.0)));
    let mut out = Ring::with_capacity(n + 3);
    let mut turns = 0.0;
    for i in 0..n {
        let (a, b) = (at(i), at(i + 1));
        out.push((a.0 + turns, a.1));
        let step = b.0 - a.0;
        if step.abs() <= HALF + BITS {
            continue;
        }
        if (step.abs() - 360.0).abs() <= BITS {
            // From one side of the antimeridian to the other: a box around the Earth, or
            // an edge along a pole, unless the ring comes from and goes to the inside.
            let inside = |p: Point| p.0.abs() < HALF - BITS;
            if !(inside(at(i + n - 1)) && inside(at(i + 2))) || a.1.abs() >= 90.0 - BITS {
                continue;
            }
        } else if high - low < JUMPS_FROM {
            return Err(Ambiguous(a, b));
        }
        turns -= 360.0 * step.signum();
    }
    if turns != 0.0 {
        // Once around the Earth: the pole that is nearer is inside.
        let mean = ring.iter().map(|p| p.1).sum::<f64>();
        let pole = if mean < 0.0 { -90.0 } else { 90.0 };
        out.extend([(ring[0].0 + turns, ring[0].1), (ring[0].0 + turns, pole), (ring[0].0, pole)]);
    }
    let west = out.iter().map(|p| p.0).fold(f64::MAX, f64::min);
    let shift = -360.0 * ((west + HALF + BITS) / 360.0).floor();
    Ok(out.into_iter().map(|(x, y)| (x + shift, y)).collect())
}

/// Moves a hole by whole turns to where its outer ring is.
pub fn aligned(hole: Ring, outer: &[Point]) -> Ring {
    let span = |r: &[Point]| r.iter().fold((f64::MAX, f64::MIN), |s, p| (s.0.min(p.0), s.1.max(p.0)));
    let (a, b) = (span(outer), span(&hole));
    let overlap = |turn: f64| a.1.min(b.1 + turn) - a.0.max(b.0 + turn);
    let best =
        [0.0, 360.0, -360.0].into_iter().fold(0.0, |m, t| if overlap(t) > overlap(m) + BITS { t } else { m });
    hole.into_iter().map(|(x, y)| (x + best, y)).collect()
}

/// A polygon's parts within ±180°.
pub fn split(outer: &[Point], holes: &[Ring]) -> Vec<(Ring, Vec<Ring>)> {
    let tidy = |r: &[Point]| -> Ring {
        let snap = |x: f64| if (x.abs() - HALF).abs() <= BITS { HALF.copysign(x) } else { x };
        r.iter().map(|p| (snap(p.0), p.1.clamp(-90.0, 90.0))).collect()
    };
    if outer.iter().all(|p| p.0 <= HALF + BITS) {
        return vec![(tidy(outer), holes.iter().map(|h| tidy(h)).collect())];
    }
    let part = |turn: f64| {
        let cut = |r: &[Point]| {
            let inside = clip_x(r, turn - HALF, turn + HALF);
            tidy(&inside.into_iter().map(|(x, y)| (x - turn, y)).collect::<Ring>())
        };
        let outer = cut(outer);
        let holes = holes.iter().map(|h| cut(h)).filter(|h| h.len() > 2).collect();
        (outer.len() > 2).then_some((outer, holes))
    };
    [0.0, 360.0].into_iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::area;

    fn boxed(west: f64, south: f64, east: f64, north: f64) -> Ring {
        vec![(west, south), (east, south), (east, north), (west, north)]
    }

    #[test]
    fn rings_that_jump_or_go_beyond_180_become_two_parts() {
        for ring in [
            boxed(177.0, -20.0, -178.0, -12.0),
            boxed(177.0, -20.0, 182.0, -12.0),
            boxed(-183.0, -20.0, -178.0, -12.0),
        ] {
            let parts = split(&unrolled(&ring).unwrap(), &[]);
            let spans: Vec<(f64, f64)> = parts
                .iter()
                .map(|p| p.0.iter().fold((f64::MAX, f64::MIN), |s, q| (s.0.min(q.0), s.1.max(q.0))))
                .collect();
            assert_eq!(spans, [(177.0, 180.0), (-180.0, -178.0)], "{ring:?}");
        }
        let touching = [
            (170.0, 0.0),
            (180.0, 0.0),
            (-180.0, 0.0),
            (-170.0, 0.0),
            (-170.0, 9.0),
            (-180.0, 9.0),
            (180.0, 9.0),
            (170.0, 9.0),
        ];
        let whole: f64 = split(&unrolled(&touching).unwrap(), &[]).iter().map(|p| area(&p.0)).sum();
        assert!((whole - 180.0).abs() < 1e-9, "{whole}");
    }

    #[test]
    fn a_box_around_the_earth_stays_one() {
        let world = boxed(-180.0, -90.0, 180.0, 90.0);
        assert_eq!(split(&unrolled(&world).unwrap(), &[]), [(world.clone(), vec![])]);
        let eastwards = boxed(0.0, -60.0, 360.0, 60.0);
        let parts = split(&unrolled(&eastwards).unwrap(), &[]);
        assert_eq!(parts.iter().map(|p| area(&p.0)).sum::<f64>(), 360.0 * 120.0);
    }

    #[test]
    fn a_ring_around_a_pole_holds_it() {
        let ring: Ring = (0..36).map(|i| (f64::from(i) * 10.0 - 175.0, -70.0)).collect();
        for ring in [ring.clone(), ring.into_iter().rev().collect()] {
            let parts = split(&unrolled(&ring).unwrap(), &[]);
            let whole: f64 = parts.iter().map(|p| area(&p.0)).sum();
            assert!((whole - 360.0 * 20.0).abs() < 1e-6, "{whole}");
        }
    }

    #[test]
    fn an_edge_that_could_go_either_way_is_refused() {
        let edge = unrolled(&boxed(-130.0, 0.0, 60.0, 10.0)).unwrap_err();
        assert_eq!(edge, Ambiguous((-130.0, 0.0), (60.0, 0.0)));
        assert!(unrolled(&boxed(-100.0, 0.0, 60.0, 10.0)).is_ok());
    }
}
