//! Builds the samples of a plan, cell by cell.

use super::area;
use super::coordinates::{CELL, Cell, Mapping, SourcePoint};
use super::samples::{Collector, Four, Many, NONE, NOWHERE, Position, Samples};
use crate::{Resampling, WarpError};
use seedbed_block::{PixelRange, Shape2d};

/// Below this ratio of source to target pixel size gdalwarp widens the triangle.
const WIDEN_BELOW: f64 = 0.95;
/// gdalwarp's allowance for noise in coordinates on pixel borders.
const BORDER: f64 = 1e-10;

/// What a plan is built from.
pub struct Build<'a> {
    pub mapping: &'a Mapping,
    pub source: Shape2d,
    /// The target's pixels on its grid.
    pub range: PixelRange,
}

/// What is built.
pub struct Built {
    pub window: Option<PixelRange>,
    pub samples: Samples,
    pub max_error: f64,
}

/// A bilinear pixel: where its centre lies and how wide its triangle is.
#[derive(Clone, Copy)]
struct Triangle {
    centre: SourcePoint,
    /// Half-widths in source pixels, 1 for plain bilinear.
    cols: f64,
    rows: f64,
}

impl Build<'_> {
    pub fn samples(&self, resampling: Resampling) -> Result<Built, WarpError> {
        match resampling {
            Resampling::Nearest => self.nearest(),
            Resampling::Bilinear => self.bilinear(),
            Resampling::Average => self.average(),
        }
    }

    /// Calls `visit(cell, target index, col, row)` for every target pixel, the
    /// latter two being its upper-left corner on the grid; gives the largest error.
    #[expect(clippy::cast_precision_loss, reason = "grid indices are far below 2^52")]
    fn each_pixel(&self, mut visit: impl FnMut(&Cell<'_>, usize, f64, f64)) -> f64 {
        let (range, cols) = (self.range, self.range.shape().cols);
        let mut max_error = 0.0_f64;
        for cell_row in range.row0.div_euclid(CELL)..=(range.row1() - 1).div_euclid(CELL) {
            for cell_col in range.col0.div_euclid(CELL)..=(range.col1() - 1).div_euclid(CELL) {
                let square =
                    PixelRange { row0: cell_row * CELL, col0: cell_col * CELL, rows: CELL, cols: CELL };
                let Some(part) = square.intersection(range) else { continue };
                let cell = self.mapping.cell(cell_row, cell_col);
                max_error = max_error.max(cell.error);
                for row in part.row0..part.row1() {
                    for col in part.col0..part.col1() {
                        let (i, j) = ((row - range.row0).unsigned_abs(), (col - range.col0).unsigned_abs());
                        let target = usize::try_from(i).unwrap_or(0) * cols + usize::try_from(j).unwrap_or(0);
                        visit(&cell, target, col as f64, row as f64);
                    }
                }
            }
        }
        max_error
    }

    /// The source pixel that holds a point.
    fn pixel(&self, point: SourcePoint) -> Option<(i64, i64)> {
        let row = holding(point.row, self.source.rows, false)?;
        let col = holding(point.col, self.source.cols, self.mapping.turn.is_some())?;
        Some((row, col))
    }

    fn nearest(&self) -> Result<Built, WarpError> {
        let mut collector = Collector::new(self.source);
        let mut list: Vec<Position> = vec![NOWHERE; self.range.shape().len()];
        let max_error = self.each_pixel(|cell, target, col, row| {
            let pixel = cell.at_centre(col + 0.5, row + 0.5).and_then(|point| self.pixel(point));
            if let Some((row, col)) = pixel {
                list[target] = collector.touch(row, col);
            }
        });
        let window = checked_window(&collector)?;
        let list = list.into_iter().map(|p| window.map_or(NONE, |w| collector.within(w, p))).collect();
        Ok(Built { window, samples: Samples::One(list), max_error })
    }

    fn bilinear(&self) -> Result<Built, WarpError> {
        let mut triangles: Vec<Option<Triangle>> = vec![None; self.range.shape().len()];
        let max_error = self.each_pixel(|cell, target, col, row| {
            let centre = cell.at_centre(col + 0.5, row + 0.5).filter(|point| self.pixel(*point).is_some());
            let Some(centre) = centre else { return };
            // Gradients from the pixel's own corners.
            let width = |corner: Option<SourcePoint>,
                         right: Option<SourcePoint>,
                         below: Option<SourcePoint>| {
                let (o, r, b) = (corner?, right?, below?);
                let turn = |d: f64| self.mapping.turn.map_or(d, |t| d - t * (d / t).round());
                Some((turn(r.col - o.col).hypot(turn(b.col - o.col)), (r.row - o.row).hypot(b.row - o.row)))
            };
            let (cols, rows) = width(cell.at(col, row), cell.at(col + 1.0, row), cell.at(col, row + 1.0))
                .unwrap_or((1.0, 1.0));
            let widened = |size: f64| if size * WIDEN_BELOW > 1.0 { size } else { 1.0 };
            triangles[target] = Some(Triangle { centre, cols: widened(cols), rows: widened(rows) });
        });
        #[expect(clippy::float_cmp, reason = "1 marks a plain triangle exactly")]
        let plain = triangles.iter().flatten().all(|t| t.cols == 1.0 && t.rows == 1.0);
        let roomy = self.source.rows > 1 && self.source.cols > 1 && self.mapping.turn.is_none();
        if plain && roomy { self.four(&triangles, max_error) } else { self.triangles(&triangles, max_error) }
    }

    /// Plain bilinear inside a source of at least 2 × 2 pixels.
    fn four(&self, triangles: &[Option<Triangle>], max_error: f64) -> Result<Built, WarpError> {
        let mut collector = Collector::new(self.source);
        let mut list = Vec::with_capacity(triangles.len());
        for triangle in triangles {
            list.push(triangle.as_ref().map_or((NOWHERE, 0.0, 0.0), |t| {
                let (row, lower) = pair(t.centre.row, self.source.rows);
                let (col, right) = pair(t.centre.col, self.source.cols);
                collector.touch(row + 1, col + 1);
                (collector.touch(row, col), right, lower)
            }));
        }
        let window = checked_window(&collector)?;
        let list = list
            .into_iter()
            .map(|(p, right, lower)| Four {
                first: window.map_or(NONE, |w| collector.within(w, p)),
                right,
                lower,
            })
            .collect();
        Ok(Built { window, samples: Samples::Four(list), max_error })
    }

    /// Triangles of any width.
    fn triangles(&self, triangles: &[Option<Triangle>], max_error: f64) -> Result<Built, WarpError> {
        let wraps = self.mapping.turn.is_some();
        let mut lists = Lists::new(self.source, triangles.len());
        let mut across = Vec::new();
        for (target, triangle) in triangles.iter().enumerate() {
            let Some(t) = triangle else { continue };
            let Some((row, col)) = self.pixel(t.centre) else { continue };
            lists.centre[target] = lists.collector.touch(row, col);
            hat(t.centre.col, t.cols, self.source.cols, wraps, &mut across);
            let mut down = Vec::new();
            hat(t.centre.row, t.rows, self.source.rows, false, &mut down);
            for &(row, v) in &down {
                for &(col, u) in &across {
                    lists.push(target, row, col, u * v);
                }
            }
        }
        lists.finish(max_error, true)
    }

    fn average(&self) -> Result<Built, WarpError> {
        let mut lists = Lists::new(self.source, self.range.shape().len());
        let turn = self.mapping.turn;
        let columns = i64::try_from(self.source.cols).unwrap_or(i64::MAX);
        let rows = i64::try_from(self.source.rows).unwrap_or(i64::MAX);
        let mut found: Vec<(i64, i64, f64)> = Vec::new();
        let max_error = self.each_pixel(|cell, target, col, row| {
            let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
            let corners = corners.map(|(x, y)| cell.at(col + x, row + y));
            let [Some(a), Some(mut b), Some(mut c), Some(mut d)] = corners else { return };
            if let Some(turn) = turn {
                for corner in [&mut b, &mut c, &mut d] {
                    corner.col -= turn * ((corner.col - a.col) / turn).round();
                }
            }
            let all = [a, b, c, d];
            found.clear();
            let within = area::Bounds { rows, cols: turn.is_none().then_some(columns) };
            let whole = area::overlaps(all, within, |row, col, overlap| {
                found.push((row, col.rem_euclid(columns), overlap));
            });
            for &(row, col, overlap) in &found {
                lists.push(target, row, col, overlap / whole);
            }
        });
        lists.finish(max_error, false)
    }
}

fn checked_window(collector: &Collector) -> Result<Option<PixelRange>, WarpError> {
    let window = collector.window();
    if window.is_some_and(|w| w.shape().len() >= NONE as usize) {
        return Err(WarpError::Degenerate {
            which: "source",
            reason: "a plan's window of it has more than 4 thousand million pixels; use smaller tiles"
                .to_owned(),
        });
    }
    Ok(window)
}

/// The pixel of an axis that holds a coordinate; its lower border belongs to it.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and far pixels don't exist")]
fn holding(at: f64, size: usize, wraps: bool) -> Option<i64> {
    let count = i64::try_from(size).ok()?;
    let index = (at + BORDER).floor() as i64;
    if wraps { Some(index.rem_euclid(count)) } else { (0..count).contains(&index).then_some(index) }
}

/// The first of two neighbouring pixels of an axis, and the second's weight;
/// beyond the outermost centres it is 0 or 1.
#[expect(clippy::cast_possible_truncation, reason = "inside the raster")]
#[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
fn pair(at: f64, size: usize) -> (i64, f64) {
    let from_centre = at - 0.5;
    let last = size as f64 - 1.0;
    if from_centre < 0.0 {
        (0, 0.0)
    } else if from_centre >= last {
        (size.cast_signed() as i64 - 2, 1.0)
    } else {
        let first = from_centre.floor();
        (first as i64, from_centre - first)
    }
}

/// The pixels of an axis under a triangle, in their order, with its height.
#[expect(clippy::cast_possible_truncation, reason = "near the raster")]
#[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
fn hat(at: f64, half_width: f64, size: usize, wraps: bool, out: &mut Vec<(i64, f64)>) {
    out.clear();
    let from_centre = at - 0.5;
    let count = size.cast_signed() as i64;
    #[expect(clippy::float_cmp, reason = "1 marks a plain triangle exactly")]
    if half_width == 1.0 && !wraps && size > 1 {
        // The same numbers as `Four` has, to the bit.
        let (first, second) = pair(at, size);
        out.extend([(first, 1.0 - second), (first + 1, second)].into_iter().filter(|(_, w)| *w > 0.0));
        return;
    }
    let (low, high) = ((from_centre - half_width).floor() as i64, (from_centre + half_width).ceil() as i64);
    for i in low..=high {
        let weight = 1.0 - (from_centre - i as f64).abs() / half_width;
        if weight > 0.0 {
            if wraps {
                out.push((i.rem_euclid(count), weight));
            } else if (0..count).contains(&i) {
                out.push((i, weight));
            }
        }
    }
    out.sort_unstable_by_key(|(i, _)| *i);
}

/// Sample lists as they come, in any order of target pixels.
struct Lists {
    collector: Collector,
    entries: Vec<(u32, Position, f64)>,
    centre: Vec<Position>,
}

impl Lists {
    fn new(source: Shape2d, pixels: usize) -> Self {
        Self { collector: Collector::new(source), entries: Vec::new(), centre: vec![NOWHERE; pixels] }
    }

    fn push(&mut self, target: usize, row: i64, col: i64, weight: f64) {
        let position = self.collector.touch(row, col);
        // A plan's target has fewer pixels than u32::MAX: it is held in memory.
        self.entries.push((u32::try_from(target).unwrap_or(NONE), position, weight));
    }

    fn finish(mut self, max_error: f64, with_centre: bool) -> Result<Built, WarpError> {
        let window = checked_window(&self.collector)?;
        let Some(within) = window else {
            return Ok(Built { window, samples: Samples::One(vec![NONE; self.centre.len()]), max_error });
        };
        // By target, then in the source's row and column order.
        self.entries.sort_unstable_by_key(|(target, position, _)| (*target, *position));
        let mut many = Many { starts: Vec::with_capacity(self.centre.len() + 1), ..Many::default() };
        let mut next = 0;
        for target in 0..self.centre.len() {
            many.starts.push(many.index.len());
            while let Some((_, position, weight)) = self.entries.get(next).filter(|e| e.0 as usize == target)
            {
                many.index.push(self.collector.within(within, *position));
                many.weight.push(*weight);
                next += 1;
            }
        }
        many.starts.push(many.index.len());
        if with_centre {
            many.centre = self.centre.iter().map(|p| self.collector.within(within, *p)).collect();
        }
        Ok(Built { window, samples: Samples::Many(many), max_error })
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
    }

    #[test]
    fn a_wide_triangle_loses_nothing_inside() {
        let mut list = Vec::new();
        hat(10.3, 4.0, 100, false, &mut list);
        let sum: f64 = list.iter().map(|(_, w)| w).sum();
        assert!((sum - 4.0).abs() < 1e-12, "{sum}");
        assert_eq!(list.len(), 8);
        hat(0.2, 1.0, 8, true, &mut list);
        assert_eq!(list.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 7]);
    }
}
