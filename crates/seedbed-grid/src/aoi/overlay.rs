//! Unions and differences of polygons that keep coordinates as they were.
//!
//! `geo` computes overlays on whole numbers, 2³¹ across the polygons' extent, so that
//! what comes back has moved by a bit. Results are only taken where they differ from
//! what went in by more than that, and corners that were there before get their exact
//! coordinates again.

use crate::ring::{self, Ring};
use geo::bool_ops::FillRule;
use geo::{Area, BooleanOps, LineString, MultiPolygon, Orient, Polygon, orient::Direction, unary_union};
use std::collections::HashMap;

/// An outer ring and its holes.
pub type Rings = (Ring, Vec<Ring>);

/// Cells of the overlay's whole numbers, as a share of the extent.
const CELL: f64 = 1.0 / 1_073_741_824.0;

/// A polygon of `geo` from rings, closed and wound as it wants them.
pub fn polygon((outer, holes): &Rings) -> Polygon<f64> {
    let line = |r: &Ring| LineString::from(r.clone());
    Polygon::new(line(outer), holes.iter().map(line).collect()).orient(Direction::Default)
}

/// Rings of `geo`'s polygons, not closed.
pub fn rings(polygons: &MultiPolygon<f64>) -> Vec<Rings> {
    let ring = |line: &LineString<f64>| -> Ring {
        let mut points: Ring = line.coords().map(|c| (c.x, c.y)).collect();
        if points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        points
    };
    polygons.iter().map(|p| (ring(p.exterior()), p.interiors().iter().map(ring).collect())).collect()
}

/// How far an overlay may move a corner, and how much area that may change.
struct Tolerance {
    distance: f64,
    area: f64,
}

fn tolerance<'a>(all: impl Iterator<Item = &'a Ring> + Clone) -> Tolerance {
    let points = || all.clone().flatten();
    let low = points().fold((f64::MAX, f64::MAX), |m, p| (m.0.min(p.0), m.1.min(p.1)));
    let high = points().fold((f64::MIN, f64::MIN), |m, p| (m.0.max(p.0), m.1.max(p.1)));
    let distance = 2.0 * CELL * (high.0 - low.0).max(high.1 - low.1).max(0.0);
    let length = |r: &Ring| -> f64 {
        let next = r.iter().cycle().skip(1);
        r.iter().zip(next).map(|(a, b)| (b.0 - a.0).abs() + (b.1 - a.1).abs()).sum()
    };
    Tolerance { distance, area: distance * all.map(length).sum::<f64>() }
}

/// What a ring that should be simple is.
pub enum Shape {
    /// Simple, or touching itself without crossing.
    Simple,
    /// Without any area.
    Flat,
    /// Crossing itself, so that its inside is these parts, however it is counted.
    Parts(Vec<Rings>),
    /// Crossing itself, so that some places are inside twice.
    Twice,
}

/// Whether a ring crosses itself.
pub fn shape(ring: &Ring) -> Shape {
    let none = MultiPolygon::<f64>(Vec::new());
    let drawn = Polygon::new(LineString::from(ring.clone()), Vec::new());
    let odd = drawn.union_with_fill_rule(&none, FillRule::EvenOdd);
    let any = drawn.union_with_fill_rule(&none, FillRule::NonZero).unsigned_area();
    let (odd_area, drawn_area) = (odd.unsigned_area(), ring::area(ring));
    let t = tolerance(std::iter::once(ring));
    if any <= t.area {
        Shape::Flat
    } else if (odd_area - any).abs() > t.area {
        Shape::Twice
    } else if (odd_area - drawn_area).abs() > t.area {
        Shape::Parts(rings(&exact(odd, std::iter::once(ring), t.distance)))
    } else {
        Shape::Simple
    }
}

/// What holes do to their outer ring.
pub enum Holes {
    /// They lie inside, apart from one another.
    Apart,
    /// They reach beyond the ring or into one another: what is left.
    Beyond(Vec<Rings>),
    /// The hole of this number lies outside altogether.
    Outside(usize),
}

/// How the holes of a polygon of simple rings lie in it.
pub fn holes((outer, holes): &Rings) -> Holes {
    if holes.is_empty() {
        return Holes::Apart;
    }
    let whole = polygon(&(outer.clone(), Vec::new()));
    let cut: Vec<Polygon<f64>> = holes.iter().map(|h| polygon(&(h.clone(), Vec::new()))).collect();
    let all = || std::iter::once(outer).chain(holes);
    let t = tolerance(all());
    let left = whole.difference(&unary_union(&cut));
    let expected = ring::area(outer) - holes.iter().map(|h| ring::area(h)).sum::<f64>();
    if (left.unsigned_area() - expected).abs() <= t.area {
        return Holes::Apart;
    }
    match cut.iter().position(|h| whole.intersection(h).unsigned_area() <= t.area) {
        Some(i) => Holes::Outside(i),
        None => Holes::Beyond(rings(&exact(left, all(), t.distance))),
    }
}

/// Polygons as they are if none overlaps another, else their union and the area that
/// lay in more than one.
pub fn dissolved(polygons: Vec<Rings>) -> (Vec<Rings>, f64) {
    if polygons.len() < 2 {
        return (polygons, 0.0);
    }
    let whole: Vec<Polygon<f64>> = polygons.iter().map(polygon).collect();
    let all = || polygons.iter().flat_map(|p| std::iter::once(&p.0).chain(&p.1));
    let t = tolerance(all());
    let union = unary_union(&whole);
    let twice = whole.iter().map(Area::unsigned_area).sum::<f64>() - union.unsigned_area();
    if twice <= t.area {
        return (polygons, 0.0);
    }
    let union = rings(&exact(union, all(), t.distance));
    (union, twice)
}

/// The union, also where polygons only touch.
pub fn union(polygons: &[Rings]) -> Vec<Rings> {
    let all = || polygons.iter().flat_map(|p| std::iter::once(&p.0).chain(&p.1));
    let t = tolerance(all());
    let whole: Vec<Polygon<f64>> = polygons.iter().map(polygon).collect();
    rings(&exact(unary_union(&whole), all(), t.distance))
}

/// The first polygons without the others.
pub fn difference(from: &[Rings], without: &[Rings]) -> Vec<Rings> {
    let multi = |p: &[Rings]| MultiPolygon(p.iter().map(polygon).collect::<Vec<_>>());
    let all = || from.iter().chain(without).flat_map(|p| std::iter::once(&p.0).chain(&p.1));
    let t = tolerance(all());
    rings(&exact(multi(from).difference(&multi(without)), all(), t.distance))
}

/// Corners within `distance` of a corner there was before get its coordinates.
#[expect(clippy::cast_possible_truncation, reason = "degrees over 1e-9 of them are far below 2^63")]
fn exact<'a>(
    mut polygons: MultiPolygon<f64>,
    before: impl Iterator<Item = &'a Ring>,
    distance: f64,
) -> MultiPolygon<f64> {
    if distance <= 0.0 {
        return polygons;
    }
    let cell = |v: f64| (v / distance).floor() as i64;
    let known: HashMap<(i64, i64), (f64, f64)> =
        before.flatten().map(|p| ((cell(p.0), cell(p.1)), *p)).collect();
    let snapped = |x: f64, y: f64| {
        let near = (-1..=1).flat_map(|i| (-1..=1).map(move |j| (i, j)));
        let gap = |p: &&(f64, f64)| (p.0 - x).abs().max((p.1 - y).abs());
        near.filter_map(|(i, j)| known.get(&(cell(x) + i, cell(y) + j)))
            .filter(|p| gap(p) <= distance)
            .min_by(|a, b| gap(a).total_cmp(&gap(b)))
            .copied()
    };
    let fix = |line: &mut LineString<f64>| {
        for c in &mut line.0 {
            if let Some((x, y)) = snapped(c.x, c.y) {
                (c.x, c.y) = (x, y);
            }
        }
    };
    for p in &mut polygons.0 {
        p.exterior_mut(fix);
        p.interiors_mut(|holes| holes.iter_mut().for_each(fix));
    }
    polygons
}

/// A place where two edges of a ring cross, from south to north; none if they only touch.
pub fn crossing(ring: &Ring) -> Option<(f64, f64)> {
    type Edge = ((f64, f64), (f64, f64));
    let mut edges: Vec<Edge> = ring.iter().copied().zip(ring.iter().copied().cycle().skip(1)).collect();
    let bottom = |e: &Edge| e.0.1.min(e.1.1);
    edges.sort_by(|a, b| bottom(a).total_cmp(&bottom(b)));
    for (i, a) in edges.iter().enumerate() {
        let top = a.0.1.max(a.1.1);
        let (ax, ay) = (a.1.0 - a.0.0, a.1.1 - a.0.1);
        for b in edges[i + 1..].iter().take_while(|b| bottom(b) <= top) {
            let (bx, by) = (b.1.0 - b.0.0, b.1.1 - b.0.1);
            let across = ax * by - ay * bx;
            let (dx, dy) = (b.0.0 - a.0.0, b.0.1 - a.0.1);
            let (t, u) = ((dx * by - dy * bx) / across, (dx * ay - dy * ax) / across);
            if across != 0.0 && t > 0.0 && t < 1.0 && u > 0.0 && u < 1.0 {
                return Some((a.0.0 + t * ax, a.0.1 + t * ay));
            }
        }
    }
    None
}
