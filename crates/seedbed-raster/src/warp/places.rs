//! Where the pixels of a cell lie in the source: what a plan keeps of its
//! coordinates, and gives row by row.

use super::coordinates::{CELL, Cell, Frame, Nodes, SourcePoint, WIDTH, settled, weights};

/// Source coordinates of places in one row of a cell; NaN where there are none.
pub struct Row<const N: usize = WIDTH> {
    pub col: [f64; N],
    pub row: [f64; N],
}

/// A row of corners.
pub type Edge = Row<{ WIDTH + 1 }>;

/// The pixel centres of a cell.
pub type Centres = Places<WIDTH>;
/// The pixel corners of a cell, its own last ones included.
pub type Corners = Places<{ WIDTH + 1 }>;

/// Where the centres or the corners of a cell's pixels lie in the source, `N` rows of `N`.
pub struct Places<const N: usize> {
    way: Way,
    /// Those of them, counted row by row, that are too near to a source pixel's border to be interpolated.
    exact: Vec<(usize, SourcePoint)>,
}

enum Way {
    Linear,
    Quadratic(Nodes),
    /// Every one, row by row.
    Listed(Box<[SourcePoint]>),
}

/// What is added to a number to round it to a whole one: half as much again as 2^52.
const WHOLE: f64 = 6_755_399_441_055_744.0;

const NOWHERE: SourcePoint = SourcePoint { col: f64::NAN, row: f64::NAN };

impl<const N: usize> Places<N> {
    /// From a pixel's corner to its place.
    const WITHIN: f64 = if N == WIDTH { 0.5 } else { 0.0 };

    /// Those of a cell.
    #[expect(clippy::cast_precision_loss, reason = "at most 33")]
    pub fn of(cell: &Cell<'_>) -> Self {
        let exactly = |k: usize| {
            let (col, row) = ((k % N) as f64 + Self::WITHIN, (k / N) as f64 + Self::WITHIN);
            cell.exact(col, row).unwrap_or(NOWHERE)
        };
        let way = match &cell.nodes {
            Some(nodes) => Way::Quadratic(nodes.clone()),
            None if cell.mapping.linear => Way::Linear,
            None => Way::Listed((0..N * N).map(exactly).collect()),
        };
        let mut exact = Vec::new();
        // Centres decide which pixel they lie in; corners only weigh.
        if let (Way::Quadratic(nodes), true) = (&way, N == WIDTH) {
            // Twice the error that was measured, for it was measured at nine points only.
            let near = |x: f64| (x - ((x + WHOLE) - WHOLE)).abs() < 2.0 * cell.error;
            let mut row = Row::default();
            for r in 0..N {
                Self::interpolate(nodes, r, &mut row);
                let doubtful = (0..N).filter(|c| near(row.col[*c]) || near(row.row[*c]));
                exact.extend(doubtful.map(|c| (r * N + c, exactly(r * N + c))));
            }
        }
        Self { way, exact }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        let listed = match &self.way {
            Way::Listed(all) => size_of_val::<[SourcePoint]>(all),
            Way::Linear | Way::Quadratic(_) => 0,
        };
        listed + self.exact.capacity() * size_of::<(usize, SourcePoint)>()
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
                if frame.aligned {
                    for c in 0..N {
                        (out.col[c], out.row[c]) = (settled(out.col[c]), settled(out.row[c]));
                    }
                }
            }
            Way::Quadratic(nodes) => Self::interpolate(nodes, r, out),
            Way::Listed(points) => {
                for (c, point) in points[r * N..(r + 1) * N].iter().enumerate() {
                    (out.col[c], out.row[c]) = (point.col, point.row);
                }
            }
        }
        let first = self.exact.partition_point(|(k, _)| *k < r * N);
        for (k, point) in self.exact[first..].iter().take_while(|(k, _)| *k < (r + 1) * N) {
            (out.col[k % N], out.row[k % N]) = (point.col, point.row);
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "at most 33")]
    fn interpolate(nodes: &Nodes, r: usize, out: &mut Row<N>) {
        let (parts, side) = (nodes.parts, nodes.side());
        // A cell's last corners are its last part's.
        let i = (r / side).min(parts - 1);
        let within = |k: usize, part: usize| ((k - part * side) as f64 + Self::WITHIN) / side as f64;
        let down = weights(within(r, i));
        for (j, square) in nodes.squares[i * parts..(i + 1) * parts].iter().enumerate() {
            let line = [0, 1, 2].map(|j| SourcePoint {
                col: down[0] * square[0][j].col + down[1] * square[1][j].col + down[2] * square[2][j].col,
                row: down[0] * square[0][j].row + down[1] * square[1][j].row + down[2] * square[2][j].row,
            });
            let cols = j * side..(j + 1) * side;
            let (to_col, to_row) = (&mut out.col[cols.clone()], &mut out.row[cols]);
            match side {
                32 => Along::<N, 32>::fill(&line, to_col, to_row),
                16 => Along::<N, 16>::fill(&line, to_col, to_row),
                _ => Along::<N, 8>::fill(&line, to_col, to_row),
            }
            if j + 1 == parts && N > WIDTH {
                let [u, v, w] = weights(1.0);
                out.col[WIDTH] = u * line[0].col + v * line[1].col + w * line[2].col;
                out.row[WIDTH] = u * line[0].row + v * line[1].row + w * line[2].row;
            }
        }
    }
}

/// The weights of a line's three nodes at places along it, `SIDE` of them: the centres of a cell's pixels or, where `N`
/// says so, their first corners. They are the same for every row.
struct Along<const N: usize, const SIDE: usize>;

impl<const N: usize, const SIDE: usize> Along<N, SIDE> {
    #[expect(clippy::cast_precision_loss, reason = "at most 32")]
    const WEIGHTS: [[f64; SIDE]; 3] = {
        let mut all = [[0.0; SIDE]; 3];
        let mut k = 0;
        while k < SIDE {
            let [u, v, w] = weights((k as f64 + Places::<N>::WITHIN) / SIDE as f64);
            (all[0][k], all[1][k], all[2][k]) = (u, v, w);
            k += 1;
        }
        all
    };

    #[inline(always)]
    fn fill(line: &[SourcePoint; 3], cols: &mut [f64], rows: &mut [f64]) {
        let [u, v, w] = &Self::WEIGHTS;
        let (cols, rows) = (&mut cols[..SIDE], &mut rows[..SIDE]);
        for k in 0..SIDE {
            cols[k] = u[k] * line[0].col + v[k] * line[1].col + w[k] * line[2].col;
            rows[k] = u[k] * line[0].row + v[k] * line[1].row + w[k] * line[2].row;
        }
    }
}

impl<const N: usize> Row<N> {
    /// The place at a column; `None` where there is none.
    pub fn point(&self, c: usize) -> Option<SourcePoint> {
        let point = SourcePoint { col: self.col[c], row: self.row[c] };
        (!point.col.is_nan() && !point.row.is_nan()).then_some(point)
    }
}

impl<const N: usize> Default for Row<N> {
    fn default() -> Self {
        Self { col: [f64::NAN; N], row: [f64::NAN; N] }
    }
}
