//! Areas of overlap between a quadrilateral and square pixels.

use super::coordinates::SourcePoint;

/// Overlaps below this share of the smaller of both areas are left out: they
/// are finer than coordinates are known.
const SLIVER: f64 = 1e-7;

/// The source's extent: other pixels don't exist. Columns without a bound wrap.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub rows: i64,
    pub cols: Option<i64>,
}

/// A polygon of few corners, as clipping produces.
type Polygon = Vec<SourcePoint>;

/// Calls `emit(row, col, area)` for every source pixel that the quadrilateral
/// overlaps, row by row, with the overlap in source pixels.
///
/// The quadrilateral is clipped against each pixel by Sutherland and Hodgman's
/// method (doi 10.1145/360767.360802); areas are by the shoelace formula.
pub fn overlaps(corners: [SourcePoint; 4], within: Bounds, mut emit: impl FnMut(i64, i64, f64)) {
    let whole = area(&corners);
    let least = SLIVER * whole.min(1.0);
    if whole.is_nan() || whole <= 0.0 {
        return;
    }
    let (top, bottom) = extent(&corners, |p| p.row);
    let mut band = Polygon::with_capacity(8);
    let mut spare = Polygon::with_capacity(8);
    let mut piece = Polygon::with_capacity(8);
    for row in top.max(0)..=bottom.min(within.rows - 1) {
        clip(&corners, &mut spare, |p| p.row - as_f64(row));
        clip(&spare, &mut band, |p| as_f64(row + 1) - p.row);
        if band.len() < 3 {
            continue;
        }
        let (left, right) = extent(&band, |p| p.col);
        let (left, right) = within.cols.map_or((left, right), |n| (left.max(0), right.min(n - 1)));
        for col in left..=right {
            clip(&band, &mut spare, |p| p.col - as_f64(col));
            clip(&spare, &mut piece, |p| as_f64(col + 1) - p.col);
            let overlap = area(&piece);
            if overlap > least {
                emit(row, col, overlap);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
fn as_f64(index: i64) -> f64 {
    index as f64
}

/// The pixels from the smallest to the largest coordinate.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and far pixels don't exist")]
fn extent(polygon: &[SourcePoint], of: impl Fn(&SourcePoint) -> f64) -> (i64, i64) {
    let low = polygon.iter().map(&of).fold(f64::INFINITY, f64::min);
    let high = polygon.iter().map(&of).fold(f64::NEG_INFINITY, f64::max);
    (low.floor() as i64, high.ceil() as i64 - 1)
}

/// Keeps the part where `inside` isn't negative; `inside` is linear.
fn clip(polygon: &[SourcePoint], out: &mut Polygon, inside: impl Fn(&SourcePoint) -> f64) {
    out.clear();
    let Some(mut previous) = polygon.last().copied() else { return };
    let mut before = inside(&previous);
    for &corner in polygon {
        let now = inside(&corner);
        if (before < 0.0) != (now < 0.0) {
            let t = before / (before - now);
            out.push(SourcePoint {
                col: previous.col + t * (corner.col - previous.col),
                row: previous.row + t * (corner.row - previous.row),
            });
        }
        if now >= 0.0 {
            out.push(corner);
        }
        (previous, before) = (corner, now);
    }
}

fn area(polygon: &[SourcePoint]) -> f64 {
    let Some(origin) = polygon.first() else { return 0.0 };
    let mut twice = 0.0;
    for pair in polygon.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        twice += (a.col - origin.col) * (b.row - origin.row) - (b.col - origin.col) * (a.row - origin.row);
    }
    (twice / 2.0).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Bounds = Bounds { rows: 100, cols: Some(100) };

    fn quad(corners: [(f64, f64); 4]) -> [SourcePoint; 4] {
        corners.map(|(col, row)| SourcePoint { col, row })
    }

    #[test]
    fn overlaps_add_up_to_the_quadrilateral() {
        let sheared = quad([(0.3, 0.2), (4.1, 1.3), (5.2, 6.7), (1.4, 5.6)]);
        let mut sum = 0.0;
        let mut largest = 0.0_f64;
        overlaps(sheared, ALL, |_, _, a| {
            sum += a;
            largest = largest.max(a);
        });
        assert!((sum - area(&sheared)).abs() < 1e-12, "{sum}");
        assert!((largest - 1.0).abs() < 1e-12, "pixels inside count in full");
    }

    #[test]
    fn an_aligned_square_takes_quarters() {
        let mut found = Vec::new();
        overlaps(quad([(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5)]), ALL, |r, c, a| {
            found.push((r, c, a));
        });
        assert_eq!(found, [(0, 0, 0.25), (0, 1, 0.25), (1, 0, 0.25), (1, 1, 0.25)]);
    }

    #[test]
    fn what_lies_beyond_the_source_isnt_visited() {
        let mut count = 0;
        let huge = quad([(-1e12, -1e12), (1e12, -1e12), (1e12, 1e12), (-1e12, 1e12)]);
        overlaps(huge, Bounds { rows: 3, cols: Some(4) }, |_, _, _| count += 1);
        assert!(count <= 12);
        overlaps(quad([(-2.0, -2.0), (-1.0, -2.0), (-1.0, -1.0), (-2.0, -1.0)]), ALL, |_, _, _| panic!());
    }

    #[test]
    fn a_pixel_on_the_line_doesnt_spill_over() {
        let mut found = Vec::new();
        overlaps(quad([(2.0, 3.0), (3.0, 3.0), (3.0 + 1e-9, 4.0), (2.0, 4.0 + 1e-9)]), ALL, |r, c, _| {
            found.push((r, c));
        });
        assert_eq!(found, [(3, 2)]);
    }
}
