//! Areas of polygons in every pixel of a window, from their edges alone.

use super::Run;
use seedbed_block::PixelRange;

/// What the edges in a pixel do to it and to those east of it.
#[derive(Debug, Clone, Copy)]
struct Cell {
    col: u32,
    /// Height of the edges, southwards positive: counts for all pixels to the east.
    height: f64,
    /// Area between the edges and the pixel's eastern side.
    area: f64,
}

/// The cells of a window, row by row.
#[derive(Debug)]
pub struct Cells {
    rows: Vec<Vec<Cell>>,
    north: f64,
    west: f64,
    cols: f64,
}

/// Bits lost in sums: a share nearer than this to none or all of a pixel is that.
const BITS: f64 = 1e-10;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "numbers of pixels within a window"
)]
impl Cells {
    /// Nothing yet.
    pub fn new(window: PixelRange) -> Self {
        let shape = window.shape();
        Self {
            rows: vec![Vec::new(); shape.rows],
            north: window.row0 as f64,
            west: window.col0 as f64,
            cols: shape.cols as f64,
        }
    }

    /// Adds an edge, given in (column, row) of the grid, with a sign.
    pub fn add(&mut self, sign: f64, a: (f64, f64), b: (f64, f64)) {
        let local = |p: (f64, f64)| (p.0 - self.west, p.1 - self.north);
        let (a, b) = (local(a), local(b));
        let (top, bottom, sign) = if a.1 <= b.1 { (a, b, sign) } else { (b, a, -sign) };
        let end = bottom.1.min(self.rows.len() as f64);
        let mut y = top.1.max(0.0);
        if y >= end {
            return;
        }
        let x_at = |y: f64| {
            if y == top.1 {
                top.0
            } else if y == bottom.1 {
                bottom.0
            } else {
                top.0 + (y - top.1) / (bottom.1 - top.1) * (bottom.0 - top.0)
            }
        };
        let mut x = x_at(y);
        for row in y as usize..self.rows.len() {
            let next = end.min((row + 1) as f64);
            let next_x = x_at(next);
            self.within_row(row, x, next_x, sign * (next - y));
            (x, y) = (next_x, next);
            if y >= end {
                break;
            }
        }
    }

    /// Adds a piece of an edge that stays in a row. What lies west of the window counts
    /// at its western side, what lies east of it for nothing.
    fn within_row(&mut self, row: usize, x0: f64, x1: f64, height: f64) {
        let (low, high) = (x0.min(x1), x0.max(x1));
        if low >= self.cols {
            return;
        }
        let width = high - low;
        if high <= 0.0 {
            self.put(row, 0.0, height, height);
            return;
        }
        let mut left = height;
        let mut x = low;
        if low < 0.0 {
            let part = height * (-low / width);
            self.put(row, 0.0, part, part);
            (left, x) = (height - part, 0.0);
        }
        while x < self.cols {
            let col = x.floor();
            let next = high.min(col + 1.0);
            let last = next >= high;
            let part = if last { left } else { height * ((next - x) / width) };
            self.put(row, col, part, part * (col + 1.0 - f64::midpoint(x, next)));
            left -= part;
            if last {
                break;
            }
            x = next;
        }
    }

    fn put(&mut self, row: usize, col: f64, height: f64, area: f64) {
        self.rows[row].push(Cell { col: col as u32, height, area });
    }

    /// The shares, row by row.
    pub fn runs(self) -> Vec<Run> {
        let cols = self.cols as u32;
        let mut runs: Vec<Run> = Vec::new();
        let mut push = |row: usize, col: u32, end: u32, share: f64| {
            let share = if share > 1.0 - BITS { 1.0 } else { share };
            if share < BITS || col >= end {
                return;
            }
            let row = row as u32;
            match runs.last_mut() {
                Some(last) if last.row == row && last.col + last.cols == col && last.share == share => {
                    last.cols += end - col;
                }
                _ => runs.push(Run { row, col, cols: end - col, share }),
            }
        };
        for (row, mut cells) in self.rows.into_iter().enumerate() {
            cells.sort_by_key(|cell| cell.col);
            let (mut inside, mut next) = (0.0, 0);
            for pixel in cells.chunk_by(|a, b| a.col == b.col) {
                let col = pixel[0].col;
                push(row, next, col, inside);
                push(row, col, col + 1, inside + pixel.iter().map(|c| c.area).sum::<f64>());
                inside += pixel.iter().map(|c| c.height).sum::<f64>();
                next = col + 1;
            }
            push(row, next, cols, inside);
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(ring: &[(f64, f64)], window: PixelRange) -> Vec<f64> {
        let mut cells = Cells::new(window);
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            cells.add(1.0, *a, *b);
        }
        let cols = window.shape().cols;
        let mut all = vec![0.0; window.shape().len()];
        for run in cells.runs() {
            let start = run.row as usize * cols + run.col as usize;
            all[start..start + run.cols as usize].fill(run.share);
        }
        all
    }

    #[test]
    fn a_triangle_fills_half_of_the_pixels_on_its_slope() {
        let window = PixelRange { row0: 10, col0: 20, rows: 2, cols: 3 };
        let ring = [(20.0, 10.0), (20.0, 12.0), (22.0, 12.0)];
        assert_eq!(shares(&ring, window), [0.5, 0.0, 0.0, 1.0, 0.5, 0.0]);
    }

    #[test]
    fn what_lies_beside_the_window_counts_in_it_as_it_should() {
        let window = PixelRange { row0: 0, col0: 0, rows: 2, cols: 2 };
        let ring = [(-3.0, -1.0), (-3.0, 5.0), (9.0, 5.0), (9.0, -1.0)];
        assert_eq!(shares(&ring, window), [1.0; 4]);
        let west = [(-3.0, 0.0), (-3.0, 2.0), (0.5, 2.0), (-0.5, 0.0)];
        let found = shares(&west, window);
        assert!((found[0] - 0.0).abs() < 1e-15 && (found[2] - 0.25).abs() < 1e-15, "{found:?}");
    }
}
