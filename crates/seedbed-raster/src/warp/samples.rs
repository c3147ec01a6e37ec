//! Samples at points: which source pixels a pixel centre lies between.

use super::area::Bounds;
use super::coordinates::SourcePoint;
use seedbed_block::{PixelRange, Real};

/// No source pixel.
pub const NONE: u32 = u32::MAX;
/// gdalwarp's allowance for noise in coordinates on pixel borders.
const BORDER: f64 = 1e-10;

/// The pixel of an axis that holds a coordinate; its lower border belongs to it.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "saturates, and far pixels don't exist")]
pub fn holding(at: f64, size: i64, wraps: bool) -> Option<i64> {
    if at.is_nan() {
        return None;
    }
    let index = (at + BORDER).floor() as i64;
    if wraps { Some(index.rem_euclid(size)) } else { (0..size).contains(&index).then_some(index) }
}

/// The source pixel that holds a point: row and column.
#[inline(always)]
pub fn pixel(point: SourcePoint, source: Bounds, count: i64) -> Option<(i64, i64)> {
    let row = holding(point.row, source.rows, false)?;
    Some((row, holding(point.col, count, source.cols.is_none())?))
}

/// The first of two neighbouring pixels of an axis, and the second's weight;
/// beyond the outermost centres it is 0 or 1.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "inside the raster")]
#[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
pub fn pair(at: f64, size: i64) -> (i64, f64) {
    let from_centre = at - 0.5;
    let last = size - 1;
    if from_centre < 0.0 {
        (0, 0.0)
    } else if from_centre >= last as f64 {
        (last - 1, 1.0)
    } else {
        let first = from_centre.floor();
        (first as i64, from_centre - first)
    }
}

/// Whether the sample beyond a fraction is the one that holds the centre.
#[inline(always)]
pub fn beyond(fraction: f64) -> bool {
    fraction + BORDER >= 0.5
}

/// The four neighbours of a pixel centre, within a region of the source.
#[derive(Clone, Copy)]
pub struct Four<T> {
    /// The upper left one, or [`NONE`].
    pub first: u32,
    /// Which of the four holds the centre: 1 for right, 2 for lower.
    pub centre: u8,
    /// Whether the source has all sixteen around it.
    pub inside: bool,
    /// Weight of the right column, from 0 to 1.
    pub right: T,
    /// Weight of the lower row, from 0 to 1.
    pub lower: T,
}

impl<T: Real> Four<T> {
    /// No neighbours.
    pub const NOWHERE: Self = Self { first: NONE, centre: 0, inside: false, right: T::ZERO, lower: T::ZERO };

    /// The one pixel that holds a point, of a source of `count` columns.
    #[inline(always)]
    pub fn holding(point: SourcePoint, source: Bounds, count: i64, region: PixelRange) -> Self {
        let Some((row, col)) = pixel(point, source, count) else { return Self::NOWHERE };
        let first = (row - region.row0) * region.cols + (col - region.col0);
        Self { first: u32::try_from(first).unwrap_or(NONE), ..Self::NOWHERE }
    }

    /// Of a point in a source of at least 2 × 2 pixels that doesn't wrap; the
    /// region holds the neighbours.
    #[inline(always)]
    pub fn at(point: SourcePoint, source: (i64, i64), region: PixelRange) -> Self {
        let inside = |at: f64, size| holding(at, size, false).is_some();
        if !inside(point.row, source.0) || !inside(point.col, source.1) {
            return Self::NOWHERE;
        }
        let ((row, lower), (col, right)) = (pair(point.row, source.0), pair(point.col, source.1));
        let first = (row - region.row0) * region.cols + (col - region.col0);
        Self {
            // A region has fewer pixels than a window, which has fewer than u32::MAX.
            first: u32::try_from(first).unwrap_or(NONE),
            centre: u8::from(beyond(right)) + 2 * u8::from(beyond(lower)),
            inside: row > 0 && col > 0 && row + 2 < source.0 && col + 2 < source.1,
            right: T::of(right),
            lower: T::of(lower),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_belong_to_the_pixel_that_follows() {
        assert_eq!(holding(0.0, 4, false), Some(0));
        assert_eq!(holding(1.0 - 1e-12, 4, false), Some(1));
        assert_eq!(holding(-1e-12, 4, false), Some(0));
        assert_eq!(holding(4.0 - 1e-12, 4, false), None);
        assert_eq!(holding(3.999, 4, false), Some(3));
        assert_eq!(holding(4.1, 4, false), None);
        assert_eq!(holding(-0.1, 4, false), None);
        assert_eq!(holding(-0.1, 4, true), Some(3));
        assert_eq!(holding(4.0, 4, true), Some(0));
        assert_eq!(holding(f64::NAN, 4, true), None);
    }
}
