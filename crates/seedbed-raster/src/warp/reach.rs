//! The source pixels that a cell's samples need.

use super::build::{Build, corner_box, offset};
use super::coordinates::SourcePoint;
use super::places::{Centres, Corners, Row};
use super::samples::{holding, pair, pixel};
use crate::Resampling;
use seedbed_block::PixelRange;

impl Build<'_> {
    /// The source pixels that points need.
    pub fn reach(&self, centres: &Centres, at: (i64, i64), part: PixelRange) -> Option<PixelRange> {
        let (frame, size, bounds) = (self.mapping.frame(), self.size(), self.bounds());
        let around = match self.resampling {
            Resampling::Nearest => None,
            Resampling::Cubic => Some(1),
            _ => Some(0),
        };
        if let Some(reach) = self.inside(centres, at, part, around) {
            return Some(reach);
        }
        let mut reach: Option<(i64, i64, i64, i64)> = None;
        let mut row = Row::default();
        for r in part.row0..part.row1() {
            centres.row(&frame, at, offset(r, at.0), &mut row);
            for c in offset(part.col0, at.1)..=offset(part.col1() - 1, at.1) {
                let point = SourcePoint { col: row.col[c], row: row.row[c] };
                let Some((y, x)) = pixel(point, bounds, size.1) else { continue };
                let (top, bottom, left, right) = match around {
                    None => (y, y, x, x),
                    Some(n) => {
                        let (y, x) = (pair(point.row, size.0).0, pair(point.col, size.1).0);
                        let last = (size.0 - 1, size.1 - 1);
                        ((y - n).max(0), (y + 1 + n).min(last.0), (x - n).max(0), (x + 1 + n).min(last.1))
                    }
                };
                reach = Some(reach.map_or((top, bottom, left, right), |(t, b, l, r)| {
                    (t.min(top), b.max(bottom), l.min(left), r.max(right))
                }));
            }
        }
        reach.map(|(top, bottom, left, right)| PixelRange {
            row0: top,
            col0: left,
            rows: bottom - top + 1,
            cols: right - left + 1,
        })
    }

    /// The source pixels that boxes need.
    pub fn boxes_reach(&self, corners: &Corners, at: (i64, i64), part: PixelRange) -> Option<PixelRange> {
        let (frame, size) = (self.mapping.frame(), self.size());
        let (mut upper, mut lower) = (Row::default(), Row::default());
        let mut reach: Option<PixelRange> = None;
        for r in part.row0..part.row1() {
            let r = offset(r, at.0);
            corners.row(&frame, at, r, &mut upper);
            corners.row(&frame, at, r + 1, &mut lower);
            for c in offset(part.col0, at.1)..=offset(part.col1() - 1, at.1) {
                let Some((rows, cols)) = corner_box(&upper, &lower, c, size) else {
                    continue;
                };
                let range = PixelRange {
                    row0: rows.first,
                    col0: cols.first,
                    rows: rows.last - rows.first + 1,
                    cols: cols.last - cols.first + 1,
                };
                reach = Some(reach.map_or(range, |all| all.union(range)));
            }
        }
        reach
    }

    /// The same for a part whose centres all lie well inside the source: rounded once, not
    /// pixel by pixel.
    #[expect(clippy::cast_possible_truncation, reason = "inside the source")]
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    fn inside(
        &self,
        centres: &Centres,
        at: (i64, i64),
        part: PixelRange,
        around: Option<i64>,
    ) -> Option<PixelRange> {
        let (frame, size) = (self.mapping.frame(), self.size());
        let mut row = Row::default();
        let least = |a: f64, b: f64| if a < b { a } else { b };
        let most = |a: f64, b: f64| if a > b { a } else { b };
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        let cols = offset(part.col0, at.1)..=offset(part.col1() - 1, at.1);
        let mut whole = true;
        for r in part.row0..part.row1() {
            centres.row(&frame, at, offset(r, at.0), &mut row);
            for (x, y) in row.col[cols.clone()].iter().zip(&row.row[cols.clone()]) {
                whole &= !x.is_nan() && !y.is_nan();
                low = [least(low[0], *y), least(low[1], *x)];
                high = [most(high[0], *y), most(high[1], *x)];
            }
        }
        // Room for the kernel and for what is rounded.
        let room = 2.0 + around.unwrap_or(0) as f64;
        let fits = |k: usize, size: i64| low[k] >= room && high[k] <= size as f64 - room;
        if !whole || !fits(0, size.0) || !fits(1, size.1) {
            return None;
        }
        let span = |k: usize| match around {
            None => (holding(low[k], i64::MAX, false), holding(high[k], i64::MAX, false)),
            Some(n) => {
                let first = |at: f64| (at - 0.5).floor() as i64;
                (Some(first(low[k]) - n), Some(first(high[k]) + 1 + n))
            }
        };
        let ((top, bottom), (left, right)) = (span(0), span(1));
        let (top, bottom, left, right) = (top?, bottom?, left?, right?);
        Some(PixelRange { row0: top, col0: left, rows: bottom - top + 1, cols: right - left + 1 })
    }
}
