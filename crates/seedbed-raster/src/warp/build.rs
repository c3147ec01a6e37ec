//! Builds a plan, cell by cell.

use super::area::{self, Bounds};
use super::boxes::{self, Box2d};
use super::coordinates::{CELL, Cell, Mapping, SourcePoint, WIDTH};
use super::kernel::{Axis, WIDEN_BELOW, widened};
use super::lists::Lists;
use super::places::{Centres, Corners, Edge, Row};
use super::samples::{NONE, pixel};
use crate::{Resampling, WarpError};
use seedbed_block::{PixelRange, Shape2d};

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

impl Samples {
    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Points(centres) => centres.bytes(),
            Self::Boxes(corners) => corners.bytes(),
            Self::Lists(lists) => lists.bytes(),
        }
    }
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

    /// Whether no pixel of a cell is so much larger than the source's that its kernel
    /// widens. The whole cell is asked, whatever part of it is wanted.
    fn is_plain(&self, cell: &Cell<'_>) -> bool {
        let (corners, frame) = (Corners::of(cell), self.mapping.frame());
        let (mut upper, mut lower) = (Row::default(), Row::default());
        let mut all = |rows: &[usize], cols: &[usize], plain: &dyn Fn(f64) -> bool| {
            rows.iter().all(|&r| {
                corners.row(&frame, cell.at, r, &mut upper);
                corners.row(&frame, cell.at, r + 1, &mut lower);
                let mut sizes = cols.iter().filter_map(|&c| self.pixel_size(&upper, &lower, c));
                sizes.all(|(cols, rows)| plain(cols) && plain(rows))
            })
        };
        let tried = [0, WIDTH / 2, WIDTH - 1];
        let each: Vec<usize> = (0..WIDTH).collect();
        (cell.is_smooth() && all(&tried, &tried, &|size| size < MARGIN / WIDEN_BELOW))
            || all(&each, &each, &|size| widened(size) == 1.0)
    }

    /// How many source columns and rows a target pixel counts for: one over the length of a source
    /// column's and of a row's step in target pixels, which is what gdalwarp's `XSCALE` and `YSCALE` are. From
    /// the derivatives J of source by target coordinates at its upper left corner: |det J| / |∇row| and
    /// |det J| / |∇col|. Turning and shearing alone make neither larger than 1.
    fn pixel_size(&self, upper: &Edge, lower: &Edge, c: usize) -> Option<(f64, f64)> {
        let (o, r, b) = (upper.point(c)?, upper.point(c + 1)?, lower.point(c)?);
        let turn = |d: f64| self.mapping.turn.map_or(d, |t| d - t * (d / t).round());
        let (col, row) = ((turn(r.col - o.col), turn(b.col - o.col)), (r.row - o.row, b.row - o.row));
        let area = (col.0 * row.1 - col.1 * row.0).abs();
        Some((area / row.0.hypot(row.1), area / col.0.hypot(col.1)))
    }

    /// Kernels of any width around the centres.
    fn kernels(&self, cell: &Cell<'_>, part: PixelRange) -> Lists {
        let (frame, size, bounds) = (self.mapping.frame(), self.size(), self.bounds());
        let cubic = self.resampling == Resampling::Cubic;
        let columns = Axis { size: size.1, wraps: bounds.cols.is_none(), cubic };
        let rows = Axis { size: size.0, wraps: false, cubic };
        let (centres, mut middle) = (Centres::of(cell), Row::default());
        let (mut across, mut down, mut found) = (Vec::new(), Vec::new(), Vec::new());
        self.each_pixel(cell, part, |lists, (upper, lower), r, c| {
            if c == offset(part.col0, cell.at.1) {
                centres.row(&frame, cell.at, r, &mut middle);
            }
            let point = middle.point(c);
            let centre = point.and_then(|point| pixel(point, bounds, size.1));
            lists.begin(centre);
            let (Some(point), Some(_)) = (point, centre) else { return };
            let (x, y) = self.pixel_size(upper, lower, c).unwrap_or((1.0, 1.0));
            columns.weights(point.col, widened(x), &mut across);
            rows.weights(point.row, widened(y), &mut down);
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
        let beyond = cell.beyond_earth();
        self.each_pixel(cell, part, |lists, (upper, lower), r, c| {
            lists.begin(None);
            if beyond.as_ref().is_some_and(|beyond| beyond[r * WIDTH + c]) {
                return;
            }
            let corners = [upper.point(c), upper.point(c + 1), lower.point(c + 1), lower.point(c)];
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

    /// Calls `visit(lists, (upper, lower), r, c)` for every pixel of a part: its row and
    /// column in the cell, and the corners above and below that row.
    fn each_pixel(
        &self,
        cell: &Cell<'_>,
        part: PixelRange,
        mut visit: impl FnMut(&mut Lists, (&Edge, &Edge), usize, usize),
    ) -> Lists {
        let (corners, frame) = (Corners::of(cell), self.mapping.frame());
        let (mut upper, mut lower) = (Row::default(), Row::default());
        let mut lists = Lists::default();
        for row in part.row0..part.row1() {
            let r = offset(row, cell.at.0);
            corners.row(&frame, cell.at, r, &mut upper);
            corners.row(&frame, cell.at, r + 1, &mut lower);
            for col in part.col0..part.col1() {
                visit(&mut lists, (&upper, &lower), r, offset(col, cell.at.1));
            }
        }
        lists.end();
        lists
    }
}

/// The box from a pixel's upper left to its lower right corner.
#[inline(always)]
pub fn corner_box(upper: &Edge, lower: &Edge, c: usize, size: (i64, i64)) -> Box2d {
    let a = SourcePoint { col: upper.col[c], row: upper.row[c] };
    let b = SourcePoint { col: lower.col[c + 1], row: lower.row[c + 1] };
    boxes::between(a, b, size)
}

/// A pixel's place in its cell along one axis.
pub fn offset(index: i64, cell: i64) -> usize {
    // Parts lie in their cells.
    usize::try_from(index - cell * CELL).unwrap_or(0)
}
