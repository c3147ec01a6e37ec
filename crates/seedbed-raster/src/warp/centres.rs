//! Where the pixels of a cell lie in the source: what a plan keeps of its
//! coordinates, and gives row by row.

use super::coordinates::{CELL, Cell, Frame, Nodes, SourcePoint, WIDTH, weights};

/// Source coordinates of places in one row of a cell; NaN where there are none.
pub struct Row<const N: usize = WIDTH> {
    pub col: [f64; N],
    pub row: [f64; N],
}

/// The pixel centres of a cell.
pub type Centres = Places<WIDTH>;
/// The pixel corners of a cell, its own last ones included.
pub type Corners = Places<{ WIDTH + 1 }>;

/// Where the centres or the corners of a cell's pixels lie in the source, `N` rows of `N`.
pub struct Places<const N: usize> {
    way: Way,
    /// Those of them, counted row by row, that are too near to a source pixel's border to be interpolated.
    exact: Vec<(u16, SourcePoint)>,
}

enum Way {
    Linear,
    Quadratic(Nodes),
    /// Every one, row by row.
    Listed(Box<[SourcePoint]>),
}

const NOWHERE: SourcePoint = SourcePoint { col: f64::NAN, row: f64::NAN };

impl<const N: usize> Places<N> {
    /// From a pixel's corner to its place.
    const WITHIN: f64 = if N == WIDTH { 0.5 } else { 0.0 };

    /// Those of a cell.
    #[expect(clippy::cast_precision_loss, reason = "grid indices are far below 2^52")]
    pub fn of(cell: &Cell<'_>) -> Self {
        let at =
            |k: usize| (cell.col0 + (k % N) as f64 + Self::WITHIN, cell.row0 + (k / N) as f64 + Self::WITHIN);
        let exactly = |k: usize| {
            let (col, row) = at(k);
            cell.mapping.exact(col, row).unwrap_or(NOWHERE)
        };
        let Some(nodes) = &cell.nodes else {
            let way = if cell.mapping.linear {
                Way::Linear
            } else {
                Way::Listed((0..N * N).map(exactly).collect())
            };
            return Self { way, exact: Vec::new() };
        };
        let mut centres = Self { way: Way::Quadratic(nodes.clone()), exact: Vec::new() };
        let doubt = cell.doubt();
        let near = |x: f64| (x - x.round()).abs() < doubt;
        let (mut exact, mut row) = (Vec::new(), Row::default());
        for r in 0..N {
            centres.interpolated(nodes, r, &mut row);
            for c in 0..N {
                if near(row.col[c]) || near(row.row[c]) {
                    let k = r * N + c;
                    // There are at most 33 x 33.
                    exact.push((u16::try_from(k).unwrap_or(u16::MAX), exactly(k)));
                }
            }
        }
        centres.exact = exact;
        centres
    }

    /// One row of a cell, from 0.
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "grid indices are far below 2^52")]
    pub fn row(&self, frame: &Frame, cell: (i64, i64), r: usize, out: &mut Row<N>) {
        match &self.way {
            Way::Linear => {
                let y = (cell.0 * CELL + r.cast_signed() as i64) as f64 + Self::WITHIN;
                let x0 = (cell.1 * CELL) as f64;
                for c in 0..N {
                    let at = frame.target.apply(x0 + c as f64 + Self::WITHIN, y);
                    let x = match frame.centre {
                        Some(centre) => at.x + 360.0 * ((centre - at.x) / 360.0).round(),
                        None => at.x,
                    };
                    let px = frame.source.apply(x, at.y);
                    (out.col[c], out.row[c]) = (px.x, px.y);
                }
            }
            Way::Quadratic(nodes) => self.interpolated(nodes, r, out),
            Way::Listed(points) => {
                for (c, point) in points[r * N..(r + 1) * N].iter().enumerate() {
                    (out.col[c], out.row[c]) = (point.col, point.row);
                }
            }
        }
        for (k, point) in &self.exact {
            let k = usize::from(*k);
            if k / N == r {
                (out.col[k % N], out.row[k % N]) = (point.col, point.row);
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::unused_self, reason = "it reads as a part of `row`")]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "from 0 to 33"
    )]
    fn interpolated(&self, nodes: &Nodes, r: usize, out: &mut Row<N>) {
        let (i, s) = nodes.part(r as f64 + Self::WITHIN);
        let down = weights(s);
        let side = nodes.side as usize;
        for (j, square) in nodes.squares[i * nodes.count()..(i + 1) * nodes.count()].iter().enumerate() {
            let line = [0, 1, 2].map(|j| SourcePoint {
                col: down[0] * square[0][j].col + down[1] * square[1][j].col + down[2] * square[2][j].col,
                row: down[0] * square[0][j].row + down[1] * square[1][j].row + down[2] * square[2][j].row,
            });
            let (first, last) = (j * side, if j + 1 == nodes.count() { N } else { (j + 1) * side });
            for c in first..last {
                let [u, v, w] = weights(((c - first) as f64 + Self::WITHIN) / nodes.side);
                out.col[c] = u * line[0].col + v * line[1].col + w * line[2].col;
                out.row[c] = u * line[0].row + v * line[1].row + w * line[2].row;
            }
        }
    }
}

impl<const N: usize> Default for Row<N> {
    fn default() -> Self {
        Self { col: [f64::NAN; N], row: [f64::NAN; N] }
    }
}
