//! Boxes of source pixels: gdalwarp's `average`.

#[cfg(target_arch = "x86_64")]
mod wide;

use super::coordinates::SourcePoint;
use super::lanes::Lanes;
use seedbed_block::simd::Level;
use seedbed_block::{PixelRange, Real};
use std::ops::Range;

/// Layers that are averaged together.
pub const LAYERS: usize = 4;
/// Columns that are summed beside each other.
const LANES: usize = 16;

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

    /// How many pixels there are.
    fn count(self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(0)
    }

    /// How much is covered of all of them together.
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    fn covered(self) -> f64 {
        if self.first == self.last {
            self.low
        } else {
            (self.last - self.first - 1) as f64 + self.low + self.high
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

/// Boxes of target pixels, as they lie in a window.
pub struct Boxes<T> {
    places: Vec<Place>,
    /// Five of each: of no meaning where there is no box.
    shares: Vec<T>,
}

/// Where a box lies in each layer of a window.
#[derive(Clone, Copy)]
struct Place {
    /// Its first pixel.
    from: usize,
    rows: usize,
    /// None where there is no box.
    cols: usize,
}

/// How much of its outermost rows and columns is covered, and its whole area, in source pixels.
#[derive(Clone, Copy)]
struct Shares<T> {
    upper: T,
    lower: T,
    left: T,
    right: T,
    area: T,
}

impl<T> Default for Boxes<T> {
    fn default() -> Self {
        Self { places: Vec::new(), shares: Vec::new() }
    }
}

impl<T: Real> Boxes<T> {
    pub fn clear(&mut self) {
        self.places.clear();
        self.shares.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Adds one, which lies in a window.
    #[inline(always)]
    pub fn push(&mut self, of: &Box2d, window: PixelRange) {
        let Some((rows, cols)) = of else {
            self.places.push(Place { from: 0, rows: 0, cols: 0 });
            self.shares.extend([T::ZERO; 5]);
            return;
        };
        let from = (rows.first - window.row0) * window.cols + cols.first - window.col0;
        // The window holds what the boxes reach.
        let number = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
        self.places.push(Place { from: number(from), rows: rows.count(), cols: cols.count() });
        let area = rows.covered() * cols.covered();
        self.shares.extend([rows.low, rows.high, cols.low, cols.high, area].map(T::of));
    }

    /// The smallest range of a window's pixels that holds those from one on, of `stride` columns.
    pub fn reach(&self, from: usize, stride: usize) -> Option<PixelRange> {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let of = |place: &Place| PixelRange {
            row0: number(place.from / stride),
            col0: number(place.from % stride),
            rows: number(place.rows),
            cols: number(place.cols),
        };
        self.places[from..].iter().filter(|place| place.cols > 0).map(of).reduce(PixelRange::union)
    }

    /// The mean over each box on a few layers of the window, of `stride` columns, of what isn't missing.
    #[inline(always)]
    pub fn average(
        &self,
        level: Level,
        these: Range<usize>,
        layers: &[&[T]],
        stride: usize,
        out: &mut [Lanes<T, LAYERS>],
    ) {
        let (places, shares) = (&self.places[these.clone()], &self.shares[5 * these.start..5 * these.end]);
        #[cfg(target_arch = "x86_64")]
        if level.is_wide()
            && let (Some(shares), Some(out)) = (T::singles(shares), T::singles_mut(out.as_flattened_mut()))
        {
            let singles = |l: usize| layers.get(l).or(layers.first()).and_then(|l| T::singles(l));
            let layers = std::array::from_fn(|l| singles(l).unwrap_or_default());
            // SAFETY: the level says that the processor has the instructions.
            unsafe { wide::average(places, shares, layers, stride, out.as_chunks_mut().0) };
            return;
        }
        let _ = level;
        for ((values, place), shares) in out.iter_mut().zip(places).zip(shares.as_chunks().0) {
            for (value, layer) in values.iter_mut().zip(layers) {
                *value = place.average(Shares::of(*shares), layer, stride);
            }
        }
    }
}

impl<T: Real> Shares<T> {
    #[inline(always)]
    fn of([upper, lower, left, right, area]: [T; 5]) -> Self {
        Self { upper, lower, left, right, area }
    }

    /// That of a row or column of so many.
    #[inline(always)]
    fn at(k: usize, count: usize, first: T, last: T) -> T {
        if k == 0 {
            first
        } else if k + 1 == count {
            last
        } else {
            T::ONE
        }
    }
}

impl Place {
    /// The mean over it. Columns are summed first, in as many lanes as the widest vectors have, so that every level
    /// gives the same bits.
    #[inline(always)]
    fn average<T: Real>(self, shares: Shares<T>, layer: &[T], stride: usize) -> T {
        if self.cols == 0 {
            return T::NAN;
        }
        let known = |row: usize, start: usize, n: usize| &layer[self.from + row * stride + start..][..n];
        let sum = self.sum(shares, |row, start, n| {
            let line = known(row, start, n);
            move |k: usize| line[k]
        });
        if !sum.is_missing() {
            return sum / shares.area;
        }
        let sum = self.sum(shares, |row, start, n| {
            let line = known(row, start, n);
            move |k: usize| if line[k].is_missing() { T::ZERO } else { line[k] }
        });
        let weight = self.sum(shares, |row, start, n| {
            let line = known(row, start, n);
            move |k: usize| if line[k].is_missing() { T::ZERO } else { T::ONE }
        });
        if weight > T::ZERO { sum / weight } else { T::NAN }
    }

    /// The sum of values, each by its share; `line(row, start, n)` gives `n` of a row's from a column on.
    #[inline(always)]
    fn sum<T: Real, V: Fn(usize) -> T>(
        self,
        shares: Shares<T>,
        line: impl Fn(usize, usize, usize) -> V,
    ) -> T {
        let mut lanes = [T::ZERO; LANES];
        for start in (0..self.cols).step_by(LANES) {
            let n = LANES.min(self.cols - start);
            let mut columns = [T::ZERO; LANES];
            for row in 0..self.rows {
                let share = Shares::at(row, self.rows, shares.upper, shares.lower);
                let value = line(row, start, n);
                for (k, column) in columns[..n].iter_mut().enumerate() {
                    *column += share * value(k);
                }
            }
            for (k, (lane, column)) in lanes.iter_mut().zip(columns).take(n).enumerate() {
                *lane += column * Shares::at(start + k, self.cols, shares.left, shares.right);
            }
        }
        let mut half = LANES / 2;
        while half > 0 {
            for k in 0..half {
                lanes[k] += lanes[k + half];
            }
            half /= 2;
        }
        lanes[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_whole_pixels_between_its_ends() {
        let span = Span::between(4.75, 1.5, 10).unwrap();
        assert_eq!((span.first, span.last, span.count()), (1, 4, 4));
        assert_eq!((span.low, span.high, span.covered()), (0.5, 0.75, 3.25));
        assert_eq!(Span::between(2.25, 2.5, 10).map(|s| (s.first, s.last, s.low)), Some((2, 2, 0.25)));
        // Noise on a border takes no further pixel.
        assert_eq!(Span::between(1.0 - 1e-9, 3.0 + 1e-9, 10).map(|s| (s.first, s.last)), Some((1, 2)));
        assert_eq!(Span::between(-3.0, 0.5, 10).map(|s| (s.first, s.last, s.low)), Some((0, 0, 0.5)));
        for (a, b) in [(-3.0, 0.0), (10.0, 12.0), (f64::NAN, 1.0), (1.0, f64::NAN), (2.0, 2.0)] {
            assert_eq!(Span::between(a, b, 10), None, "{a} {b}");
        }
    }
}
