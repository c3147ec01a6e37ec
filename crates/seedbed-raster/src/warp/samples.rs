//! Samples at points: which source pixels a pixel centre lies between.

#![expect(
    clippy::needless_bitwise_bool,
    reason = "plain loops without branches become instructions on many pixels"
)]

use super::area::Bounds;
use super::coordinates::SourcePoint;
use seedbed_block::{PixelRange, Real};
use std::ops::Range;

/// No source pixel.
pub const NONE: u32 = u32::MAX;
/// gdalwarp's allowance for noise in coordinates on pixel borders.
const BORDER: f64 = 1e-10;
/// 2^52.
const WHOLE: f64 = 4_503_599_627_370_496.0;

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
    let (first, second) = neighbours(at, size as f64);
    (first as i64, second)
}

/// The same without a branch.
#[inline(always)]
fn neighbours(at: f64, size: f64) -> (f64, f64) {
    let (from_centre, last) = (at - 0.5, size - 1.0);
    let within = if from_centre < 0.0 { 0.0 } else { from_centre };
    let within = if within < last { within } else { last };
    let whole = within.floor();
    let first = if whole < last { whole } else { last - 1.0 };
    (first, within - first)
}

/// Whether the sample beyond a fraction is the one that holds the centre.
#[inline(always)]
pub fn beyond(fraction: f64) -> bool {
    fraction + BORDER >= 0.5
}

/// The four neighbours of a pixel centre, within a region of the source, or in `first` alone the one
/// that holds it.
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

/// The neighbours of many pixel centres. Each of their numbers stands with its like, so that many
/// are found by one instruction.
pub struct Fours<T> {
    first: Vec<u32>,
    /// [`Four::centre`], and 4 where the source has all sixteen.
    flags: Vec<u8>,
    right: Vec<T>,
    lower: Vec<T>,
}

/// Those of a row of pixels.
#[derive(Clone, Copy)]
pub struct FoursOf<'a, T> {
    pub first: &'a [u32],
    flags: &'a [u8],
    pub right: &'a [T],
    pub lower: &'a [T],
}

impl<T> Default for Fours<T> {
    fn default() -> Self {
        Self { first: Vec::new(), flags: Vec::new(), right: Vec::new(), lower: Vec::new() }
    }
}

impl<T: Real> Fours<T> {
    /// Forgets them, and makes room for so many.
    pub fn reset(&mut self, pixels: usize) {
        self.first.clear();
        self.first.resize(pixels, NONE);
        for weights in [&mut self.right, &mut self.lower] {
            weights.clear();
            weights.resize(pixels, T::ZERO);
        }
        self.flags.clear();
        self.flags.resize(pixels, 0);
    }

    /// Those of a row.
    #[inline(always)]
    pub fn of(&self, pixels: Range<usize>) -> FoursOf<'_, T> {
        FoursOf {
            first: &self.first[pixels.clone()],
            flags: &self.flags[pixels.clone()],
            right: &self.right[pixels.clone()],
            lower: &self.lower[pixels],
        }
    }

    /// Finds the one pixel that holds each point of a row, of a source of `count` columns.
    #[inline(always)]
    pub fn hold(
        &mut self,
        pixels: Range<usize>,
        (cols, rows): (&[f64], &[f64]),
        source: Bounds,
        count: i64,
        region: PixelRange,
    ) {
        let firsts = &mut self.first[pixels];
        let (cols, rows) = (&cols[..firsts.len()], &rows[..firsts.len()]);
        if source.cols.is_none() {
            for c in 0..firsts.len() {
                let point = SourcePoint { col: cols[c], row: rows[c] };
                firsts[c] = pixel(point, source, count).map_or(NONE, |(row, col)| {
                    u32::try_from((row - region.row0) * region.cols + (col - region.col0)).unwrap_or(NONE)
                });
            }
            return;
        }
        let place = Placed::of((source.rows, count), region);
        for c in 0..firsts.len() {
            let (col, row) = ((cols[c] + BORDER).floor(), (rows[c] + BORDER).floor());
            firsts[c] = if place.has(col, row) { place.index(col, row) } else { NONE };
        }
    }

    /// Finds the neighbours of each point of a row in a source of at least 2 × 2 pixels that
    /// doesn't wrap; the region holds them.
    #[inline(always)]
    pub fn surround(
        &mut self,
        pixels: Range<usize>,
        (cols, rows): (&[f64], &[f64]),
        source: (i64, i64),
        region: PixelRange,
    ) {
        let place = Placed::of(source, region);
        let firsts = &mut self.first[pixels.clone()];
        let n = firsts.len();
        let (flags, right, lower) = (
            &mut self.flags[pixels.clone()][..n],
            &mut self.right[pixels.clone()][..n],
            &mut self.lower[pixels][..n],
        );
        let (cols, rows) = (&cols[..n], &rows[..n]);
        for c in 0..n {
            let has = place.has((cols[c] + BORDER).floor(), (rows[c] + BORDER).floor());
            let ((col, across), (row, down)) =
                (neighbours(cols[c], place.cols), neighbours(rows[c], place.rows));
            firsts[c] = if has { place.index(col, row) } else { NONE };
            (right[c], lower[c]) = (T::of(across), T::of(down));
            let all = (row > 0.0) & (col > 0.0) & (row + 2.0 < place.rows) & (col + 2.0 < place.cols);
            flags[c] = u8::from(beyond(across)) | u8::from(beyond(down)) << 1 | u8::from(all) << 2;
        }
    }
}

impl<'a, T: Real> FoursOf<'a, T> {
    #[cfg(target_arch = "x86_64")]
    /// [`Four::centre`] of each, and 4 where the source has all sixteen.
    pub fn centres(&self) -> &'a [u8] {
        self.flags
    }

    /// The same in single precision; `None` where they aren't.
    #[inline(always)]
    pub fn singles(self) -> Option<FoursOf<'a, f32>> {
        let Self { first, flags, right, lower } = self;
        Some(FoursOf { first, flags, right: T::singles(right)?, lower: T::singles(lower)? })
    }

    /// Those from a place on.
    #[inline(always)]
    pub fn part(self, places: Range<usize>) -> Self {
        Self {
            first: &self.first[places.clone()],
            flags: &self.flags[places.clone()],
            right: &self.right[places.clone()],
            lower: &self.lower[places],
        }
    }

    /// The one at a place of the row.
    #[inline(always)]
    pub fn get(&self, c: usize) -> Four<T> {
        Four {
            first: self.first[c],
            centre: self.flags[c] & 3,
            inside: self.flags[c] & 4 != 0,
            right: self.right[c],
            lower: self.lower[c],
        }
    }
}

/// A source's size and a region of it in numbers that coordinates are compared with.
#[derive(Clone, Copy)]
struct Placed {
    rows: f64,
    cols: f64,
    top: f64,
    left: f64,
    width: f64,
}

impl Placed {
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    fn of((rows, cols): (i64, i64), region: PixelRange) -> Self {
        let [rows, cols, top, left, width] = [rows, cols, region.row0, region.col0, region.cols];
        Self { rows: rows as f64, cols: cols as f64, top: top as f64, left: left as f64, width: width as f64 }
    }

    /// Whether the source has that pixel; it hasn't what is no number.
    #[inline(always)]
    fn has(self, col: f64, row: f64) -> bool {
        (row >= 0.0) & (row < self.rows) & (col >= 0.0) & (col < self.cols)
    }

    /// Where a pixel lies in the region, which has fewer than a window, which has fewer than
    /// [`NONE`].
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "inside the region, else not used")]
    fn index(self, col: f64, row: f64) -> u32 {
        let index = (row - self.top) * self.width + (col - self.left);
        // Beyond 2^52 the last bits of a number are its whole ones: many are converted by one instruction.
        (index + WHOLE).to_bits() as u32
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
