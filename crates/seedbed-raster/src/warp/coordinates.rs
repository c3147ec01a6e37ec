//! From target pixels to source pixels: exact by PROJ, and interpolated between
//! control nodes.
//!
//! The target's *grid* (not the tile) is divided into cells of 32 × 32 pixels
//! whose corners lie on multiples of 32. In each cell the source coordinates
//! are the biquadratic polynomial through 3 × 3 nodes at 0, 16 and 32 pixels, or
//! four or sixteen on its parts. Whether the polynomials are good enough is
//! measured, cell by cell; so a pixel's coordinates depend on its place on the
//! grid and on nothing else.

use seedbed_grid::{Affine, GeoBox, Transform};

/// Pixels along a cell's side.
pub const CELL: i64 = 32;
/// The same as a length.
pub const WIDTH: usize = 32;
/// How far a polynomial may be from PROJ, in source pixels: a hundredth of
/// what a bilinear sample of 10-bit contrast could show.
pub const TOLERANCE: f64 = 1e-5;
/// Where a quadratic through 0, ½, 1 deviates most from a cubic: ½ ± 1/√12.
const WORST: [f64; 3] = [0.211_324_865_405_187_1, 0.5, 0.788_675_134_594_812_9];

/// Grids whose pixels lie no farther apart are the same: rounded decimals in two files' affines differ by less. Without
/// this a pixel would get a trace of its neighbours.
const SAME: f64 = 1e-6;

/// Columns and rows in the source, fractional, from its upper-left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourcePoint {
    pub col: f64,
    pub row: f64,
}

/// The way from the target's grid to the source's pixels.
pub struct Mapping {
    /// Of the grid's pixel (0, 0).
    target: Affine,
    /// From source CRS to source pixels.
    source: Affine,
    transform: Box<dyn Transform>,
    /// Whether both are in one system: the mapping is then an affine.
    pub linear: bool,
    /// The source's central longitude, where its coordinates are degrees: other
    /// longitudes are brought to within half a turn of it.
    centre: Option<f64>,
    /// Columns a full turn, where the source goes all round.
    pub turn: Option<f64>,
    /// Whether the source's pixels are the grid's.
    aligned: bool,
    /// From the source's coordinates back to the grid's pixels, where it is asked which are places on Earth.
    back: Option<(Box<dyn Transform>, Affine)>,
}

/// How far, as a share of the coordinates themselves, the way to the source and back may lead: shifts between datums
/// are far smaller, and a point beyond the Earth's outline comes back on the other side of it.
const ASTRAY: f64 = 1e-3;

impl Mapping {
    /// `None` if the source's affine is singular.
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    pub fn new(source: &GeoBox, target: Affine, transform: Box<dyn Transform>, linear: bool) -> Option<Self> {
        let inverse = source.affine.inverse()?;
        let (cols, rows) = (source.shape.cols as f64, source.shape.rows as f64);
        let t = source.affine;
        let centre = source.crs.geographic.then(|| t.apply(cols / 2.0, rows / 2.0).x);
        let all_round = source.crs.geographic
            && t.b == 0.0
            && t.d == 0.0
            && (cols * t.a.abs() - 360.0).abs() < 0.01 * t.a.abs();
        let aligned = linear && is_aligned(t, target, (cols, rows));
        let turn = all_round.then_some(cols);
        Some(Self { target, source: inverse, transform, linear, centre, turn, aligned, back: None })
    }

    /// The same with a way back, from the source's system to the target's.
    pub fn with_way_back(mut self, back: Box<dyn Transform>) -> Self {
        self.back = self.target.inverse().map(|inverse| (back, inverse));
        self
    }

    /// Whether a position on the target's grid is a place on Earth, as far as the way back tells it: PROJ gives a point
    /// beyond the outline of a world map the coordinates of another one inside.
    fn is_on_earth(&self, col: f64, row: f64) -> bool {
        let Some((back, inverse)) = &self.back else { return true };
        let at = self.target.apply(col, row);
        let (mut x, mut y) = ([at.x], [at.y]);
        self.transform.forward(&mut x, &mut y);
        back.forward(&mut x, &mut y);
        let found = inverse.apply(x[0], y[0]);
        let astray = (x[0] - at.x).hypot(y[0] - at.y);
        // Not even a number where there is no way.
        (found.x - col).hypot(found.y - row) <= 0.5 || astray <= ASTRAY * at.x.hypot(at.y)
    }

    /// Exact source coordinates of a position on the target's grid.
    pub fn exact(&self, col: f64, row: f64) -> Option<SourcePoint> {
        let at = self.target.apply(col, row);
        let (mut x, mut y) = ([at.x], [at.y]);
        self.transform.forward(&mut x, &mut y);
        if let Some(centre) = self.centre {
            x[0] += 360.0 * ((centre - x[0]) / 360.0).round();
        }
        let px = self.source.apply(x[0], y[0]);
        let (col, row) = if self.aligned { (settled(px.x), settled(px.y)) } else { (px.x, px.y) };
        (col.is_finite() && row.is_finite()).then_some(SourcePoint { col, row })
    }

    /// The coordinates of a cell, by its index on the grid.
    pub fn cell(&self, cell_row: i64, cell_col: i64) -> Cell<'_> {
        let exact = Cell { mapping: self, at: (cell_row, cell_col), nodes: None, error: 0.0 };
        if self.linear {
            return exact;
        }
        let divided = DIVISIONS.into_iter().find_map(|parts| exact.nodes(parts));
        match divided {
            Some((nodes, error)) => Cell { nodes: Some(nodes), error, ..exact },
            None => exact,
        }
    }
}

impl Cell<'_> {
    /// Polynomials on so many parts along each side, if they are all good enough, and how
    /// good they are.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn nodes(&self, parts: usize) -> Option<(Nodes, f64)> {
        let mut nodes = Nodes { parts, squares: Vec::new() };
        let (mut error, side) = (0.0_f64, nodes.side() as f64);
        for i in 0..parts {
            for j in 0..parts {
                let (row0, col0) = (i as f64 * side, j as f64 * side);
                let mut square = [[SourcePoint { col: 0.0, row: 0.0 }; 3]; 3];
                for (i, line) in square.iter_mut().enumerate() {
                    for (j, node) in line.iter_mut().enumerate() {
                        *node = self.exact(col0 + side * j as f64 / 2.0, row0 + side * i as f64 / 2.0)?;
                    }
                }
                for s in WORST {
                    for t in WORST {
                        let truth = self.exact(col0 + side * t, row0 + side * s)?;
                        let found = interpolate(&square, s, t);
                        error = error.max((found.col - truth.col).abs()).max((found.row - truth.row).abs());
                    }
                }
                if error > TOLERANCE {
                    return None;
                }
                nodes.squares.push(square);
            }
        }
        Some((nodes, error))
    }
}

/// Into how many parts a cell's side is divided, until the polynomials are good enough.
const DIVISIONS: [usize; 3] = [1, 2, 4];

/// The polynomials of a cell: on all of it, or on its parts, row by row.
#[derive(Clone)]
pub struct Nodes {
    /// How many are beside each other.
    pub parts: usize,
    pub squares: Vec<[[SourcePoint; 3]; 3]>,
}

impl Nodes {
    /// Pixels along the side of each.
    pub fn side(&self) -> usize {
        WIDTH / self.parts
    }
}

/// From the target's grid to the source's pixels within one CRS.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub target: Affine,
    pub source: Affine,
    pub centre: Option<f64>,
    /// Whether the source's pixels are the target's.
    pub aligned: bool,
}

/// Whether the corners of a source of so many columns and rows lie on corners of a grid's
/// pixels, each as far from the next as in the source, in either direction. The whole source
/// is asked, whatever part of the grid is wanted.
fn is_aligned(source: Affine, grid: Affine, (cols, rows): (f64, f64)) -> bool {
    let Some(inverse) = grid.inverse() else { return false };
    let corner = |col: f64, row: f64| {
        let at = source.apply(col, row);
        inverse.apply(at.x, at.y)
    };
    let first = corner(0.0, 0.0);
    let (col0, row0) = (first.x.round(), first.y.round());
    [(0.0, 0.0), (cols, 0.0), (0.0, rows)].into_iter().all(|(col, row)| {
        let at = corner(col, row);
        ((at.x - col0).abs() - col).abs() < SAME && ((at.y - row0).abs() - row).abs() < SAME
    })
}

/// A centre's or a corner's place in pixels of the same grid, without the rounding of the affines.
#[inline(always)]
pub fn settled(place: f64) -> f64 {
    let half = (2.0 * place).round() / 2.0;
    if (place - half).abs() < SAME { half } else { place }
}

impl Mapping {
    /// What [`Centres`] of this mapping need to be read.
    pub fn frame(&self) -> Frame {
        Frame { target: self.target, source: self.source, centre: self.centre, aligned: self.aligned }
    }
}

/// One cell of the target's grid.
pub struct Cell<'a> {
    pub mapping: &'a Mapping,
    /// Its row and column among the cells.
    pub at: (i64, i64),
    /// `None` where every place is exact.
    pub nodes: Option<Nodes>,
    /// The largest deviation from PROJ that was measured, in source pixels; 0
    /// where every place is exact.
    pub error: f64,
}

impl Cell<'_> {
    /// Which of its pixels have their centre beyond the Earth's outline, row by row; nothing where all of a cell is
    /// inside, which nine of its places tell.
    #[expect(clippy::cast_precision_loss, reason = "at most 32")]
    pub fn beyond_earth(&self) -> Option<Vec<bool>> {
        self.mapping.back.as_ref()?;
        let (cell_row, cell_col) = self.at;
        let is_beyond = |col: f64, row: f64| {
            !self.mapping.is_on_earth((cell_col * CELL) as f64 + col, (cell_row * CELL) as f64 + row)
        };
        let ends = [0.0, WIDTH as f64 / 2.0, WIDTH as f64];
        if !ends.iter().any(|row| ends.iter().any(|col| is_beyond(*col, *row))) {
            return None;
        }
        let centre = |k: usize| is_beyond((k % WIDTH) as f64 + 0.5, (k / WIDTH) as f64 + 0.5);
        Some((0..WIDTH * WIDTH).map(centre).collect())
    }

    /// Whether its coordinates are a polynomial of low degree.
    pub fn is_smooth(&self) -> bool {
        self.mapping.linear || self.nodes.is_some()
    }

    /// Exact source coordinates of a place, in pixels from the cell's corner.
    #[expect(clippy::cast_precision_loss, reason = "grid indices are far below 2^52")]
    pub fn exact(&self, col: f64, row: f64) -> Option<SourcePoint> {
        let (cell_row, cell_col) = self.at;
        self.mapping.exact((cell_col * CELL) as f64 + col, (cell_row * CELL) as f64 + row)
    }
}

/// The quadratic Lagrange polynomials through 0, ½ and 1.
pub const fn weights(t: f64) -> [f64; 3] {
    [(2.0 * t - 1.0) * (t - 1.0), 4.0 * t * (1.0 - t), t * (2.0 * t - 1.0)]
}

fn interpolate(nodes: &[[SourcePoint; 3]; 3], s: f64, t: f64) -> SourcePoint {
    let (down, across) = (weights(s), weights(t));
    let mut point = SourcePoint { col: 0.0, row: 0.0 };
    for (line, w) in nodes.iter().zip(down) {
        let mut on_line = SourcePoint { col: 0.0, row: 0.0 };
        for (node, v) in line.iter().zip(across) {
            on_line.col += v * node.col;
            on_line.row += v * node.row;
        }
        point.col += w * on_line.col;
        point.row += w * on_line.row;
    }
    point
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Proj;
    use crate::warp::places::{Corners, Row};
    use seedbed_grid::{Projections, Shape2d, Xy};

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small")]
    fn every_corner_is_within_the_tolerance_of_proj() {
        let daymet = Proj
            .resolve("+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs")
            .unwrap();
        let wgs84 = Proj.resolve("EPSG:4326").unwrap();
        let source = GeoBox {
            crs: daymet.clone(),
            affine: Affine::north_up(Xy { x: -4_560_750.0, y: 4_984_500.0 }, 1000.0, 1000.0),
            shape: Shape2d { rows: 8075, cols: 7814 },
        };
        let target = Affine::north_up(Xy { x: -180.0, y: 90.0 }, 1.0 / 120.0, 1.0 / 120.0);
        let mapping = Mapping::new(&source, target, Proj.transform(&wgs84, &daymet).unwrap(), false).unwrap();
        let mut worst = 0.0_f64;
        for (cell_row, cell_col) in [(150, 300), (190, 385), (170, 420)] {
            let cell = mapping.cell(cell_row, cell_col);
            assert!(cell.nodes.is_some(), "cell {cell_row}, {cell_col}");
            let (corners, mut line) = (Corners::of(&cell), Row::default());
            for row in 0..33 {
                corners.row(&mapping.frame(), cell.at, row, &mut line);
                for col in 0..33 {
                    let truth = cell.exact(col as f64, row as f64).unwrap();
                    let off = (line.col[col] - truth.col).abs().max((line.row[col] - truth.row).abs());
                    assert!(off <= cell.error * 1.01 + 1e-9, "{off:e} > measured {:e}", cell.error);
                    worst = worst.max(off);
                }
            }
        }
        println!("largest interpolation error: {worst:e} source px");
        assert!(worst < TOLERANCE && worst > 0.0);
    }
}
