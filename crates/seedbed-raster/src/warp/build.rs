//! Builds a plan, cell by cell.

use super::area::{self, Bounds};
use super::boxes::{self, Box2d};
use super::centres::{Centres, Corners, Row};
use super::coordinates::{CELL, Cell, Mapping, SourcePoint, WIDTH};
use super::lists::Lists;
use super::samples::{NONE, holding, pair, pixel};
use crate::{Resampling, WarpError};
use seedbed_block::{PixelRange, Shape2d};

/// Below this ratio of source to target pixel size gdalwarp widens its kernels.
const WIDEN_BELOW: f64 = 0.95;
/// So much room to that ratio, tried at five pixels, holds for all of a cell.
const MARGIN: f64 = 0.98;

/// What a plan is built from.
pub struct Build<'a> {
    pub mapping: &'a Mapping,
    pub source: Shape2d,
    /// The target's pixels on its grid.
    pub range: PixelRange,
    pub resampling: Resampling,
}

/// What is built.
pub struct Built {
    pub window: Option<PixelRange>,
    pub cells: Vec<Planned>,
    pub max_error: f64,
}

/// A cell of the target's grid.
pub struct Planned {
    /// Its row and column among the cells of the grid.
    pub at: (i64, i64),
    /// Its pixels, on the grid, that are the target's.
    pub part: PixelRange,
    /// The source pixels that it needs; `None` where it meets none.
    pub reach: Option<PixelRange>,
    pub samples: Samples,
}

pub enum Samples {
    /// At points: nearest, bilinear and cubic.
    Points(Centres),
    /// Over boxes between corners.
    Boxes(Corners),
    /// Over areas.
    Lists(Lists),
}

impl Build<'_> {
    pub fn run(&self) -> Result<Built, WarpError> {
        let range = self.range;
        let (mut cells, mut max_error) = (Vec::new(), 0.0_f64);
        for cell_row in range.row0.div_euclid(CELL)..=(range.row1() - 1).div_euclid(CELL) {
            for cell_col in range.col0.div_euclid(CELL)..=(range.col1() - 1).div_euclid(CELL) {
                let square =
                    PixelRange { row0: cell_row * CELL, col0: cell_col * CELL, rows: CELL, cols: CELL };
                let Some(part) = square.intersection(range) else { continue };
                let cell = self.mapping.cell(cell_row, cell_col);
                max_error = max_error.max(cell.error);
                let samples = self.samples(&cell, part);
                let reach = match &samples {
                    Samples::Points(centres) => self.reach(centres, (cell_row, cell_col), part),
                    Samples::Boxes(corners) => self.boxes_reach(corners, (cell_row, cell_col), part),
                    Samples::Lists(lists) => lists.reach(),
                };
                cells.push(Planned { at: (cell_row, cell_col), part, reach, samples });
            }
        }
        let window = cells.iter().filter_map(|cell| cell.reach).reduce(PixelRange::union);
        if window.is_some_and(|w| w.shape().len() >= NONE as usize) {
            let reason = "a plan's window of it has more than 4 thousand million pixels; use smaller tiles";
            return Err(WarpError::Degenerate { which: "source", reason: reason.to_owned() });
        }
        Ok(Built { window, cells, max_error })
    }

    fn samples(&self, cell: &Cell<'_>, part: PixelRange) -> Samples {
        match self.resampling {
            Resampling::Nearest => Samples::Points(Centres::of(cell)),
            Resampling::Bilinear | Resampling::Cubic => {
                let roomy = self.source.rows > 1 && self.source.cols > 1 && self.mapping.turn.is_none();
                if roomy && self.is_plain(cell) {
                    Samples::Points(Centres::of(cell))
                } else {
                    Samples::Lists(self.kernels(cell, part))
                }
            }
            Resampling::BoxAverage if self.mapping.turn.is_none() => Samples::Boxes(Corners::of(cell)),
            Resampling::Average
            | Resampling::BoxAverage
            | Resampling::Sum
            | Resampling::Min
            | Resampling::Max
            | Resampling::Mode
            | Resampling::Median => Samples::Lists(self.areas(cell, part)),
        }
    }

    /// The source's rows and columns.
    pub fn size(&self) -> (i64, i64) {
        (self.source.rows.cast_signed() as i64, self.source.cols.cast_signed() as i64)
    }

    /// The source's extent.
    pub fn bounds(&self) -> Bounds {
        let (rows, cols) = self.size();
        Bounds { rows, cols: self.mapping.turn.is_none().then_some(cols) }
    }

    /// The source pixels that points need.
    fn reach(&self, centres: &Centres, at: (i64, i64), part: PixelRange) -> Option<PixelRange> {
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
    fn boxes_reach(&self, corners: &Corners, at: (i64, i64), part: PixelRange) -> Option<PixelRange> {
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

    /// Whether no pixel of a cell is so much larger than the source's that its kernel
    /// widens. The whole cell is asked, whatever part of it is wanted.
    fn is_plain(&self, cell: &Cell<'_>) -> bool {
        let pixel = |k: [usize; 2]| k.map(|k| u32::try_from(k).map_or(0.0, f64::from));
        let last = WIDTH - 1;
        let tried = [[0, 0], [0, last], [last, 0], [last, last], [WIDTH / 2, WIDTH / 2]].map(pixel);
        let size = |[r, c]: [f64; 2]| self.pixel_size(cell, cell.col0 + c, cell.row0 + r);
        let limit = MARGIN / WIDEN_BELOW;
        let small = |size: Option<(f64, f64)>| size.is_none_or(|(x, y)| x < limit && y < limit);
        if cell.is_smooth() && tried.iter().all(|k| small(size(*k))) {
            return true;
        }
        let all = (0..WIDTH * WIDTH).map(|k| pixel([k / WIDTH, k % WIDTH]));
        all.map(size).all(|size| size.is_none_or(|(x, y)| widened(x) == 1.0 && widened(y) == 1.0))
    }

    /// How many source columns and rows a target pixel spans: the length of the
    /// coordinates' gradients, from the pixel's corner at (col, row).
    fn pixel_size(&self, cell: &Cell<'_>, col: f64, row: f64) -> Option<(f64, f64)> {
        let (o, r, b) = (cell.at(col, row)?, cell.at(col + 1.0, row)?, cell.at(col, row + 1.0)?);
        let turn = |d: f64| self.mapping.turn.map_or(d, |t| d - t * (d / t).round());
        Some((turn(r.col - o.col).hypot(turn(b.col - o.col)), (r.row - o.row).hypot(b.row - o.row)))
    }

    /// Calls `visit(list, col, row)` for every pixel of a part, the latter two being
    /// its upper-left corner on the grid.
    #[expect(clippy::cast_precision_loss, reason = "grid indices are far below 2^52")]
    fn each_pixel(part: PixelRange, mut visit: impl FnMut(&mut Lists, f64, f64)) -> Lists {
        let mut lists = Lists::default();
        for row in part.row0..part.row1() {
            for col in part.col0..part.col1() {
                visit(&mut lists, col as f64, row as f64);
            }
        }
        lists.end();
        lists
    }

    /// Kernels of any width around the centres.
    fn kernels(&self, cell: &Cell<'_>, part: PixelRange) -> Lists {
        let (size, bounds) = (self.size(), self.bounds());
        let wraps = bounds.cols.is_none();
        let (mut across, mut down, mut found) = (Vec::new(), Vec::new(), Vec::new());
        Self::each_pixel(part, |lists, col, row| {
            let point = cell.at_centre(col + 0.5, row + 0.5);
            let centre = point.and_then(|point| pixel(point, bounds, size.1));
            lists.begin(centre);
            let (Some(point), Some(_)) = (point, centre) else { return };
            let (x, y) = self.pixel_size(cell, col, row).unwrap_or((1.0, 1.0));
            let cubic = self.resampling == Resampling::Cubic;
            Axis { size: size.1, wraps, cubic }.weights(point.col, widened(x), &mut across);
            Axis { size: size.0, wraps: false, cubic }.weights(point.row, widened(y), &mut down);
            found.clear();
            for &(row, v) in &down {
                found.extend(across.iter().map(|&(col, u)| (row, col, u * v)));
            }
            lists.extend(&found);
        })
    }

    /// Overlaps of each target pixel's quadrilateral with source pixels.
    fn areas(&self, cell: &Cell<'_>, part: PixelRange) -> Lists {
        let (turn, bounds, columns) = (self.mapping.turn, self.bounds(), self.size().1);
        let mut found: Vec<(i64, i64, f64)> = Vec::new();
        Self::each_pixel(part, |lists, col, row| {
            lists.begin(None);
            let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
            let corners = corners.map(|(x, y)| cell.at(col + x, row + y));
            let [Some(a), Some(mut b), Some(mut c), Some(mut d)] = corners else { return };
            if let Some(turn) = turn {
                for corner in [&mut b, &mut c, &mut d] {
                    corner.col -= turn * ((corner.col - a.col) / turn).round();
                }
            }
            if self.resampling == Resampling::BoxAverage {
                b = SourcePoint { col: c.col, row: a.row };
                d = SourcePoint { col: a.col, row: c.row };
            }
            found.clear();
            area::overlaps([a, b, c, d], bounds, |row, col, overlap| {
                found.push((row, col.rem_euclid(columns), overlap));
            });
            if turn.is_some() {
                found.sort_unstable_by_key(|(row, col, _)| (*row, *col));
            }
            lists.extend(&found);
        })
    }
}

/// The box from a pixel's upper left to its lower right corner.
#[inline(always)]
pub fn corner_box(
    upper: &Row<{ WIDTH + 1 }>,
    lower: &Row<{ WIDTH + 1 }>,
    c: usize,
    size: (i64, i64),
) -> Box2d {
    let a = SourcePoint { col: upper.col[c], row: upper.row[c] };
    let b = SourcePoint { col: lower.col[c + 1], row: lower.row[c + 1] };
    boxes::between(a, b, size)
}

/// A pixel's place in its cell along one axis.
pub fn offset(index: i64, cell: i64) -> usize {
    // Parts lie in their cells.
    usize::try_from(index - cell * CELL).unwrap_or(0)
}

/// The half-width of a kernel, where 1 is plain, for a pixel of so many source pixels.
fn widened(size: f64) -> f64 {
    if size * WIDEN_BELOW > 1.0 { size } else { 1.0 }
}

/// One axis of the source under a kernel.
struct Axis {
    size: i64,
    wraps: bool,
    cubic: bool,
}

impl Axis {
    /// The pixels under the kernel, in their order, with its height.
    #[expect(clippy::cast_possible_truncation, reason = "near the raster")]
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    fn weights(&self, at: f64, width: f64, out: &mut Vec<(i64, f64)>) {
        out.clear();
        let from_centre = at - 0.5;
        if width == 1.0 && !self.cubic && !self.wraps && self.size > 1 {
            // The same numbers as at points, to the bit.
            let (first, second) = pair(at, self.size);
            out.extend([(first, 1.0 - second), (first + 1, second)].into_iter().filter(|(_, w)| *w > 0.0));
            return;
        }
        let radius = if self.cubic { 2.0 * width } else { width };
        let (low, high) = ((from_centre - radius).floor() as i64, (from_centre + radius).ceil() as i64);
        for i in low..=high {
            let weight = self.height((from_centre - i as f64).abs() / width);
            if weight != 0.0 {
                if self.wraps {
                    out.push((i.rem_euclid(self.size), weight));
                } else if (0..self.size).contains(&i) {
                    out.push((i, weight));
                }
            }
        }
        out.sort_unstable_by_key(|(i, _)| *i);
    }

    /// The triangle, or cubic convolution with a = -½ (Keys 1981).
    fn height(&self, x: f64) -> f64 {
        if !self.cubic {
            return (1.0 - x).max(0.0);
        }
        if x <= 1.0 {
            (1.5 * x - 2.5) * x * x + 1.0
        } else if x < 2.0 {
            ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_triangle_loses_nothing_inside() {
        let mut list = Vec::new();
        Axis { size: 100, wraps: false, cubic: false }.weights(10.3, 4.0, &mut list);
        let sum: f64 = list.iter().map(|(_, w)| w).sum();
        assert!((sum - 4.0).abs() < 1e-12, "{sum}");
        assert_eq!(list.len(), 8);
        Axis { size: 8, wraps: true, cubic: false }.weights(0.2, 1.0, &mut list);
        assert_eq!(list.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 7]);
    }

    #[test]
    fn a_plain_cubic_has_four_weights_of_one_in_all() {
        let mut list = Vec::new();
        Axis { size: 100, wraps: false, cubic: true }.weights(10.75, 1.0, &mut list);
        assert_eq!(list.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [9, 10, 11, 12]);
        let sum: f64 = list.iter().map(|(_, w)| w).sum();
        assert!((sum - 1.0).abs() < 1e-12 && list[0].1 < 0.0, "{list:?}");
    }
}
