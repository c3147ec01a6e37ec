//! Rings as plain lists of points: area, clipping, densifying.

/// A closed ring; the last point is the first again or not, either will do.
pub type Ring = Vec<(f64, f64)>;

/// Twice the signed area is summed from differences to the first point, so that
/// large coordinates don't eat the digits.
pub fn area(ring: &[(f64, f64)]) -> f64 {
    twice(ring).abs() / 2.0
}

/// Which way a ring turns from x to y: 1, or −1 for the other way.
pub fn turning(ring: &[(f64, f64)]) -> f64 {
    1.0_f64.copysign(twice(ring))
}

fn twice(ring: &[(f64, f64)]) -> f64 {
    let Some(&(x0, y0)) = ring.first() else { return 0.0 };
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| (a.0 - x0) * (b.1 - y0) - (b.0 - x0) * (a.1 - y0)).sum()
}

/// The ring within the half plane where `keep` of a point is not negative
/// (Sutherland and Hodgman). A ring that falls apart keeps edges of no area
/// along the line, which [`area`] doesn't notice.
fn clip(ring: &[(f64, f64)], keep: impl Fn((f64, f64)) -> f64) -> Ring {
    let mut out = Ring::new();
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let (da, db) = (keep(*a), keep(*b));
        if da >= 0.0 {
            out.push(*a);
        }
        if (da > 0.0 && db < 0.0) || (da < 0.0 && db > 0.0) {
            let t = da / (da - db);
            out.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
        }
    }
    out
}

/// The ring within `low <= x <= high`.
pub fn clip_x(ring: &[(f64, f64)], low: f64, high: f64) -> Ring {
    clip(&clip(ring, |p| p.0 - low), |p| high - p.0)
}

/// The ring within `low <= y <= high`.
pub fn clip_y(ring: &[(f64, f64)], low: f64, high: f64) -> Ring {
    clip(&clip(ring, |p| p.1 - low), |p| high - p.1)
}

/// The ring with points put in so that no edge is longer than `step` in x or y.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded below and above")]
pub fn densify(ring: &[(f64, f64)], step: f64) -> Ring {
    /// More points an edge than this help nobody.
    const MOST: f64 = 4096.0;
    let mut out = Ring::new();
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let parts = ((b.0 - a.0).abs().max((b.1 - a.1).abs()) / step).ceil().clamp(1.0, MOST);
        for i in 0..parts as u32 {
            let t = f64::from(i) / parts;
            out.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
        }
    }
    out
}

/// Whether a point lies inside, by the number of crossings.
pub fn contains(ring: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
    let crosses = |a: &(f64, f64), b: &(f64, f64)| {
        (a.1 > y) != (b.1 > y) && x < a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0)
    };
    ring.iter().zip(ring.iter().cycle().skip(1)).filter(|(a, b)| crosses(a, b)).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [(f64, f64); 4] = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)];

    #[test]
    fn clipping_a_horseshoe_into_two_arms_keeps_their_area() {
        let shoe =
            [(0.0, 0.0), (5.0, 0.0), (5.0, 5.0), (4.0, 5.0), (4.0, 1.0), (1.0, 1.0), (1.0, 5.0), (0.0, 5.0)];
        assert!((area(&shoe) - 13.0).abs() < 1e-12);
        assert!((area(&clip_y(&shoe, 2.0, 9.0)) - 6.0).abs() < 1e-12);
        assert!((area(&clip_x(&clip_y(&shoe, 2.0, 9.0), 0.0, 0.5)) - 1.5).abs() < 1e-12);
    }

    #[test]
    fn densifying_changes_no_area_and_bounds_edges() {
        let dense = densify(&SQUARE, 0.3);
        assert!((area(&dense) - 16.0).abs() < 1e-12);
        assert!(dense.windows(2).all(|w| (w[0].0 - w[1].0).abs().max((w[0].1 - w[1].1).abs()) <= 0.3));
    }

    #[test]
    fn inside_is_inside() {
        assert!(contains(&SQUARE, (1.0, 3.9)));
        assert!(!contains(&SQUARE, (4.1, 3.9)));
    }
}
