//! The six numbers between pixels and CRS coordinates.

use seedbed_block::Xy;
use serde::{Deserialize, Serialize};

/// `x = a·col + b·row + c`, `y = d·col + e·row + f`, for pixel *corners*: the
/// centre of pixel (row, col) is at (row + ½, col + ½).
///
/// Serialised as the array `[a, b, c, d, e, f]`, the order of STAC's
/// `proj:transform`; GDAL's geotransform is `[c, a, b, f, d, e]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 6]", into = "[f64; 6]")]
pub struct Affine {
    /// CRS x a column.
    pub a: f64,
    /// CRS x a row.
    pub b: f64,
    /// CRS x of the upper-left corner.
    pub c: f64,
    /// CRS y a column.
    pub d: f64,
    /// CRS y a row; negative where north is up.
    pub e: f64,
    /// CRS y of the upper-left corner.
    pub f: f64,
}

impl From<[f64; 6]> for Affine {
    fn from([a, b, c, d, e, f]: [f64; 6]) -> Self {
        Self { a, b, c, d, e, f }
    }
}

impl From<Affine> for [f64; 6] {
    fn from(t: Affine) -> Self {
        [t.a, t.b, t.c, t.d, t.e, t.f]
    }
}

impl std::fmt::Display for Affine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { a, b, c, d, e, f: y } = self;
        write!(f, "the corner {c}, {y} with pixels of {a}×{}", -e)?;
        if *b == 0.0 && *d == 0.0 { Ok(()) } else { write!(f, ", turned by {b} and {d}") }
    }
}

impl Affine {
    /// A north-up affine from its upper-left corner and (positive) pixel sizes.
    #[must_use]
    pub fn north_up(origin: Xy, width: f64, height: f64) -> Self {
        Self { a: width, b: 0.0, c: origin.x, d: 0.0, e: -height, f: origin.y }
    }

    /// From GDAL's geotransform order.
    #[must_use]
    pub fn from_gdal(g: [f64; 6]) -> Self {
        Self { a: g[1], b: g[2], c: g[0], d: g[4], e: g[5], f: g[3] }
    }

    /// In GDAL's geotransform order.
    #[must_use]
    pub fn to_gdal(self) -> [f64; 6] {
        [self.c, self.a, self.b, self.f, self.d, self.e]
    }

    /// CRS coordinates of a fractional pixel position.
    #[must_use]
    pub fn apply(self, col: f64, row: f64) -> Xy {
        Xy { x: self.a * col + self.b * row + self.c, y: self.d * col + self.e * row + self.f }
    }

    /// The inverse, from CRS coordinates to (col, row), or `None` if singular.
    #[must_use]
    pub fn inverse(self) -> Option<Self> {
        let det = self.a * self.e - self.b * self.d;
        if det == 0.0 || !det.is_finite() {
            return None;
        }
        let (a, b) = (self.e / det, -self.b / det);
        let (d, e) = (-self.d / det, self.a / det);
        Some(Self { a, b, c: -(a * self.c + b * self.f), d, e, f: -(d * self.c + e * self.f) })
    }

    /// The affine of a window whose upper-left pixel is (row0, col0).
    #[must_use]
    pub fn shifted(self, row0: f64, col0: f64) -> Self {
        let corner = self.apply(col0, row0);
        Self { c: corner.x, f: corner.y, ..self }
    }

    /// Whether rows run exactly southwards and columns exactly eastwards.
    #[must_use]
    pub fn is_north_up(self) -> bool {
        self.b == 0.0 && self.d == 0.0 && self.a > 0.0 && self.e < 0.0
    }
}
