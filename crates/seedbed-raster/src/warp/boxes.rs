//! Boxes of source pixels: gdalwarp's `average`.

use super::coordinates::SourcePoint;
use super::lanes::{Lanes, Weighted, mean};
use seedbed_block::{PixelRange, Real};

/// Shares of a pixel that are left out: they are finer than coordinates are known.
const SLIVER: f64 = 1e-7;

/// Pixels of an axis, and the shares of the first and the last one that are covered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub first: i64,
    pub last: i64,
    low: f64,
    high: f64,
}

impl Span {
    /// The pixels between two coordinates on an axis of `size` pixels, if there are any.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and far pixels don't exist")]
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    pub fn between(a: f64, b: f64, size: i64) -> Option<Self> {
        let (from, to) = (if a < b { a } else { b }, if a < b { b } else { a });
        if a.is_nan() || b.is_nan() || from == to {
            return None;
        }
        let least = SLIVER * (to - from).min(1.0);
        let share = |i: i64| to.min((i + 1) as f64) - from.max(i as f64);
        let (mut first, mut last) = (from.floor() as i64, to.ceil() as i64 - 1);
        (first, last) = (first.max(0), last.min(size - 1));
        first += i64::from(first <= last && share(first) <= least);
        last -= i64::from(first <= last && share(last) <= least);
        (first <= last).then(|| Self { first, last, low: share(first), high: share(last) })
    }

    /// How much of a pixel is covered.
    #[inline(always)]
    fn share(self, i: i64) -> f64 {
        if i == self.first {
            self.low
        } else if i == self.last {
            self.high
        } else {
            1.0
        }
    }
}

/// A box of source pixels; `None` where there are none.
pub type Box2d = Option<(Span, Span)>;

/// The box between two corners, in a source of so many rows and columns.
#[inline(always)]
pub fn between(a: SourcePoint, b: SourcePoint, size: (i64, i64)) -> Box2d {
    Some((Span::between(a.row, b.row, size.0)?, Span::between(a.col, b.col, size.1)?))
}

/// The mean over a box on every layer; `source` are the values of `region`.
#[inline(always)]
pub fn average<T: Real, const L: usize>(
    of: &Box2d,
    source: &[Lanes<T, L>],
    region: PixelRange,
    weights: &mut Vec<f64>,
) -> Lanes<T, L> {
    let Some((rows, cols)) = *of else { return [T::NAN; L] };
    weights.clear();
    for row in rows.first..=rows.last {
        let down = rows.share(row);
        weights.extend((cols.first..=cols.last).map(|col| down * cols.share(col)));
    }
    let across = usize::try_from(cols.last - cols.first + 1).unwrap_or(0);
    let runs = (rows.first..=rows.last).zip(weights.chunks_exact(across)).map(|(row, weights)| {
        let from = (row - region.row0) * region.cols + cols.first - region.col0;
        // The region holds what the boxes reach.
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Weighted { pixels: &source[from..from + across], weights }
    });
    mean(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_whole_pixels_between_its_ends() {
        let span = Span::between(4.75, 1.5, 10).unwrap();
        assert_eq!((span.first, span.last), (1, 4));
        assert_eq!([1, 2, 3, 4].map(|i| span.share(i)), [0.5, 1.0, 1.0, 0.75]);
        assert_eq!(Span::between(2.25, 2.5, 10).map(|s| (s.first, s.last, s.low)), Some((2, 2, 0.25)));
        // Noise on a border takes no further pixel.
        assert_eq!(Span::between(1.0 - 1e-9, 3.0 + 1e-9, 10).map(|s| (s.first, s.last)), Some((1, 2)));
        assert_eq!(Span::between(-3.0, 0.5, 10).map(|s| (s.first, s.last, s.low)), Some((0, 0, 0.5)));
        for (a, b) in [(-3.0, 0.0), (10.0, 12.0), (f64::NAN, 1.0), (1.0, f64::NAN), (2.0, 2.0)] {
            assert_eq!(Span::between(a, b, 10), None, "{a} {b}");
        }
    }
}
