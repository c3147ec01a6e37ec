//! Which source pixels make a target pixel, and with what weight.

use seedbed_block::{PixelRange, Real, Shape2d};

/// No source pixel.
pub const NONE: u32 = u32::MAX;

/// The samples of every target pixel, row by row; indices count within the
/// source window.
pub enum Samples {
    /// One source pixel each.
    One(Vec<u32>),
    /// Four neighbours each: the upper left one and the weight of the right
    /// and lower ones.
    Four(Vec<Four>),
    /// Any number each.
    Many(Many),
}

/// Four neighbouring samples.
#[derive(Clone, Copy)]
pub struct Four {
    pub first: u32,
    /// Weight of the right column, from 0 to 1.
    pub right: f64,
    /// Weight of the lower row, from 0 to 1.
    pub lower: f64,
}

/// Lists of samples, one after the other.
#[derive(Default)]
pub struct Many {
    /// Where each target pixel's list starts; one more than there are pixels.
    pub starts: Vec<usize>,
    pub index: Vec<u32>,
    pub weight: Vec<f64>,
    /// The source pixel that must be valid; empty where there is no such rule.
    pub centre: Vec<u32>,
}

/// Whether the sample beyond a fraction is the one that holds the centre.
/// The 1e-10 is gdalwarp's, against noise on pixel borders.
fn beyond(fraction: f64) -> bool {
    fraction + 1e-10 >= 0.5
}

impl Samples {
    pub fn apply<T: Real>(&self, source: &[T], stride: usize, out: &mut [T]) {
        match self {
            Self::One(list) => {
                for (value, &i) in out.iter_mut().zip(list) {
                    *value = if i == NONE { T::NAN } else { source[i as usize] };
                }
            }
            Self::Four(list) => {
                for (value, four) in out.iter_mut().zip(list) {
                    *value = four.blend(source, stride);
                }
            }
            Self::Many(many) => {
                for (p, value) in out.iter_mut().enumerate() {
                    *value = many.blend(p, source);
                }
            }
        }
    }
}

impl Four {
    #[inline]
    fn blend<T: Real>(&self, source: &[T], stride: usize) -> T {
        if self.first == NONE {
            return T::NAN;
        }
        let i = self.first as usize;
        let v = [source[i], source[i + 1], source[i + stride], source[i + stride + 1]];
        let centre = usize::from(beyond(self.right)) + 2 * usize::from(beyond(self.lower));
        if v[centre].is_missing() {
            return T::NAN;
        }
        let (left, upper) = (1.0 - self.right, 1.0 - self.lower);
        let w = [left * upper, self.right * upper, left * self.lower, self.right * self.lower];
        let (mut sum, mut total) = (0.0, 0.0);
        for (v, w) in v.iter().zip(w) {
            if w > 0.0 && !v.is_missing() {
                sum += v.to_f64() * w;
                total += w;
            }
        }
        T::of(sum / total)
    }
}

impl Many {
    #[inline]
    fn blend<T: Real>(&self, pixel: usize, source: &[T]) -> T {
        if let Some(&centre) = self.centre.get(pixel)
            && (centre == NONE || source[centre as usize].is_missing())
        {
            return T::NAN;
        }
        let (mut sum, mut total) = (0.0, 0.0);
        for k in self.starts[pixel]..self.starts[pixel + 1] {
            let v = source[self.index[k] as usize];
            if !v.is_missing() {
                sum += v.to_f64() * self.weight[k];
                total += self.weight[k];
            }
        }
        if total > 0.0 { T::of(sum / total) } else { T::NAN }
    }
}

/// Samples while they are collected, with indices within the whole source.
pub struct Collector {
    source: Shape2d,
    /// First and last row and column in use.
    rows: (i64, i64),
    cols: (i64, i64),
}

/// A source pixel's row and column as one number; `u64::MAX` for none.
pub type Position = u64;
pub const NOWHERE: Position = u64::MAX;

impl Collector {
    pub fn new(source: Shape2d) -> Self {
        Self { source, rows: (i64::MAX, i64::MIN), cols: (i64::MAX, i64::MIN) }
    }

    /// Notes that a pixel is used.
    pub fn touch(&mut self, row: i64, col: i64) -> Position {
        self.rows = (self.rows.0.min(row), self.rows.1.max(row));
        self.cols = (self.cols.0.min(col), self.cols.1.max(col));
        row.unsigned_abs() * self.source.cols as u64 + col.unsigned_abs()
    }

    /// The smallest window that holds all.
    pub fn window(&self) -> Option<PixelRange> {
        (self.rows.0 <= self.rows.1).then(|| PixelRange {
            row0: self.rows.0,
            col0: self.cols.0,
            rows: self.rows.1 - self.rows.0 + 1,
            cols: self.cols.1 - self.cols.0 + 1,
        })
    }

    /// A position within the window.
    pub fn within(&self, window: PixelRange, position: Position) -> u32 {
        if position == NOWHERE {
            return NONE;
        }
        let cols = self.source.cols as u64;
        let (row, col) = (position / cols, position % cols);
        let index = (row - window.row0.unsigned_abs()) * window.cols.unsigned_abs() + col
            - window.col0.unsigned_abs();
        // The plan refuses windows of more than u32::MAX pixels.
        u32::try_from(index).unwrap_or(NONE)
    }
}
