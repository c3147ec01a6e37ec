//! How large pixels are on Earth.

use crate::ellipsoid::Ellipsoid;
use crate::ring::{self, Ring, densify};
use crate::{Aoi, GridError, PixelGrid, Projections};
use geo::{LineString, Polygon};
use seedbed_block::{PixelRange, Shape2d};
use serde_json::Value;

/// The areas of a window's pixels, in square metres.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelAreas {
    kind: Kind,
    cols: usize,
}

/// How areas are known.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// The grid's CRS is equal-area: all pixels are as large.
    Equal(f64),
    /// Longitude and latitude: an area a row, on the CRS's own ellipsoid.
    Rows(Vec<f64>),
    /// Any other projection: on WGS 84's ellipsoid, at nodes between which areas are
    /// interpolated.
    Nodes(Nodes),
}

/// Areas of pixels at the nodes of a lattice of cells, three a side in each, and the
/// biquadratic polynomial through them within it.
#[derive(Debug, Clone, PartialEq)]
struct Nodes {
    /// Pixels a side of a cell.
    cell: usize,
    /// The window's first pixel within its cell.
    row0: usize,
    col0: usize,
    shape: Shape2d,
    values: Vec<f64>,
}

/// Metres that a cell may be wide: over 16 km the third-order terms of a map's scale,
/// (8 km / 6371 km)³, come to some 1e-9.
const CELL: f64 = 16_000.0;

/// The names that PROJJSON has for projections that keep areas, on the ellipsoid or
/// sphere of their datum.
const EQUAL_AREA: [&str; 9] = [
    "Albers Equal Area",
    "Equal Earth",
    "Lambert Azimuthal Equal Area",
    "Lambert Azimuthal Equal Area (Spherical)",
    "Lambert Cylindrical Equal Area",
    "Lambert Cylindrical Equal Area (Spherical)",
    "Mollweide",
    "Sinusoidal",
    "Bonne",
];

impl PixelAreas {
    /// The areas of the pixels of a window.
    ///
    /// On a grid in longitude and latitude they are exact on the CRS's ellipsoid, in an
    /// equal-area projection all the same. In another projection they are those on the
    /// ellipsoid of WGS 84 within the pixel's corners, off by some (pixel / Earth's
    /// radius)²: 1e-8 for 1 km.
    ///
    /// # Errors
    /// [`GridError::Projection`] where there is no way to longitude and latitude.
    pub fn new(
        grid: &PixelGrid,
        window: PixelRange,
        projections: &dyn Projections,
    ) -> Result<Self, GridError> {
        let shape = window.shape();
        let unit = unit(&grid.crs.projjson);
        let kind = if grid.crs.geographic {
            Kind::Rows(rows(grid, window))
        } else if is_equal_area(&grid.crs.projjson) {
            Kind::Equal(grid.resolution.x * unit * (grid.resolution.y * unit))
        } else {
            Kind::Nodes(Nodes::new(grid, window, unit, projections)?)
        };
        Ok(Self { kind, cols: shape.cols })
    }

    /// The area of every pixel, where the projection keeps areas.
    #[must_use]
    pub fn equal(&self) -> Option<f64> {
        match self.kind {
            Kind::Equal(area) => Some(area),
            Kind::Rows(_) | Kind::Nodes(_) => None,
        }
    }

    /// How the areas are known, in a few words.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self.kind {
            Kind::Equal(_) => "an equal-area projection: one area for all pixels",
            Kind::Rows(_) => "longitude and latitude: areas on the ellipsoid, row by row",
            Kind::Nodes(_) => "a projection that doesn't keep areas: areas on the ellipsoid of WGS 84",
        }
    }

    /// The areas of a row's pixels, counted from the window; `out` holds as many as it has
    /// columns. Gives the one area that all have, where that is so, and leaves `out` alone.
    pub fn row(&self, row: usize, out: &mut [f64]) -> Option<f64> {
        match &self.kind {
            Kind::Equal(area) => Some(*area),
            Kind::Rows(areas) => areas.get(row).copied(),
            Kind::Nodes(nodes) => {
                nodes.row(row, &mut out[..self.cols]);
                None
            }
        }
    }
}

/// Square metres of an area on the ellipsoid of WGS 84. Edges are straight in longitude
/// and latitude.
#[must_use]
pub fn area_on_earth(area: &Aoi) -> f64 {
    /// The longest piece of an edge, in degrees, along which areas between parallels are
    /// taken to grow evenly: off by some 1e-7 of the strip beside it.
    const PIECE: f64 = 0.05;
    let ring = |line: &LineString<f64>| {
        let points: Ring = line.coords().map(|c| (c.x, c.y)).collect();
        let even = densify(&points, PIECE).into_iter().map(|(x, y)| Ellipsoid::WGS84.even(x, y));
        ring::area(&even.collect::<Ring>())
    };
    let polygon = |p: &Polygon<f64>| ring(p.exterior()) - p.interiors().iter().map(ring).sum::<f64>();
    area.geometry().iter().map(polygon).sum()
}

fn is_equal_area(projjson: &Value) -> bool {
    let method = projjson["conversion"]["method"]["name"].as_str();
    method.is_some_and(|name| EQUAL_AREA.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Metres a unit of the coordinates.
fn unit(projjson: &Value) -> f64 {
    let unit = &projjson["coordinate_system"]["axis"][0]["unit"];
    unit["conversion_factor"].as_f64().unwrap_or(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
fn rows(grid: &PixelGrid, window: PixelRange) -> Vec<f64> {
    let ellipsoid = Ellipsoid::of_projjson(&grid.crs.projjson);
    let latitude = |row: i64| grid.origin.y - row as f64 * grid.resolution.y;
    let area = |row| ellipsoid.zone(latitude(row + 1), latitude(row), grid.resolution.x);
    (window.row0..window.row1()).map(area).collect()
}

#[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
impl Nodes {
    fn new(
        grid: &PixelGrid,
        window: PixelRange,
        unit: f64,
        projections: &dyn Projections,
    ) -> Result<Self, GridError> {
        let wgs84 = projections.resolve("OGC:CRS84")?;
        let transform = projections.transform(&grid.crs, &wgs84)?;
        let across = CELL / (grid.resolution.x.max(grid.resolution.y) * unit);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 32")]
        let cell = across.floor().clamp(1.0, 32.0) as usize;
        let (step, size) = (cell.cast_signed() as i64, window.shape());
        // Cells are those of the grid, so that no pixel's area depends on the window.
        let (top, left) = (window.row0.div_euclid(step) * step, window.col0.div_euclid(step) * step);
        let within = |first: i64, base: i64| usize::try_from(first - base).unwrap_or(0);
        let (row0, col0) = (within(window.row0, top), within(window.col0, left));
        let nodes = |first: usize, pixels: usize| 2 * (first + pixels).div_ceil(cell) + 1;
        let shape = Shape2d { rows: nodes(row0, size.rows), cols: nodes(col0, size.cols) };
        let half = cell as f64 / 2.0;
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for row in 0..shape.rows {
            for col in 0..shape.cols {
                let (y, x) = (top as f64 + row as f64 * half, left as f64 + col as f64 * half);
                for (dx, dy) in [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)] {
                    let at = grid.affine().apply(x + dx, y + dy);
                    xs.push(at.x);
                    ys.push(at.y);
                }
            }
        }
        transform.forward(&mut xs, &mut ys);
        let corners = xs.chunks_exact(4).zip(ys.chunks_exact(4));
        let area = |(x, y): (&[f64], &[f64])| {
            Ellipsoid::WGS84.quadrilateral([(x[0], y[0]), (x[1], y[1]), (x[2], y[2]), (x[3], y[3])])
        };
        Ok(Self { cell, row0, col0, shape, values: corners.map(area).collect() })
    }

    /// The polynomials along a row, blended from three rows of nodes.
    fn row(&self, row: usize, out: &mut [f64]) {
        let (row, half) = (self.row0 + row, self.cell as f64 / 2.0);
        let cols = self.shape.cols;
        let across = weights((row % self.cell) as f64 / half);
        let first = 2 * (row / self.cell) * cols;
        let line = |n: usize| &self.values[first + n * cols..][..cols];
        let blend = |c: usize| across[0] * line(0)[c] + across[1] * line(1)[c] + across[2] * line(2)[c];
        let mut node = usize::MAX;
        let mut at = [0.0; 3];
        for (col, area) in out.iter_mut().enumerate() {
            let col = self.col0 + col;
            if node != 2 * (col / self.cell) {
                node = 2 * (col / self.cell);
                at = [blend(node), blend(node + 1), blend(node + 2)];
            }
            let along = weights((col % self.cell) as f64 / half);
            *area = along[0] * at[0] + along[1] * at[1] + along[2] * at[2];
        }
    }
}

/// Lagrange's weights of the nodes 0, 1 and 2 at a place from 0 to 2.
fn weights(t: f64) -> [f64; 3] {
    [(t - 1.0) * (t - 2.0) / 2.0, t * (2.0 - t), t * (t - 1.0) / 2.0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::lonlat;

    #[test]
    fn rows_of_degrees_add_up_to_the_earth() {
        let grid = PixelGrid::new(lonlat(), None, Some(seedbed_block::Xy { x: 1.0, y: 1.0 })).unwrap();
        let areas = rows(&grid, PixelRange { row0: 0, col0: 0, rows: 180, cols: 1 });
        assert!((areas.iter().sum::<f64>() * 360.0 / 510_065_621.724e6 - 1.0).abs() < 1e-11);
        assert!(areas[0] < areas[89] && areas[0] == areas[179]);
    }

    #[test]
    fn the_weights_are_one_together_and_meet_the_nodes() {
        assert_eq!(
            (weights(0.0), weights(1.0), weights(2.0)),
            ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])
        );
        assert_eq!(weights(0.3).iter().sum::<f64>(), 1.0);
    }
}
