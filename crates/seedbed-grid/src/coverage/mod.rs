//! Which pixels of a grid lie in an area, and by which share.
//!
//! A share is exact but for rounding: the area of the polygon clipped to the pixel,
//! in the plane of the grid's coordinates, over the pixel's. How large the pixel is on
//! Earth says [`PixelAreas`](crate::PixelAreas).

mod cells;

use crate::cover::{moved_by_turns, on_grid};
use crate::ring::{self, Ring};
use crate::{Aoi, GridError, PixelGrid, Projections, Zone};
use cells::Cells;
use schemars::JsonSchema;
use seedbed_block::PixelRange;

/// An area in the pixels of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint {
    /// Rings in (column, row), with the sign by which they count.
    rings: Vec<(f64, Ring)>,
    /// Of the whole area, in pixels.
    area: f64,
}

/// Pixels beside one another in a row that lie in the area by the same share; row
/// and column count from the window that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// The row.
    pub row: u32,
    /// The first column.
    pub col: u32,
    /// How many columns.
    pub cols: u32,
    /// The share of each pixel, above 0 and at most 1.
    pub share: f64,
}

/// Which pixels belong to an area, where each does or doesn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PixelRule {
    /// Those whose centre lies in it; on its edge, of two areas that share it just one.
    #[default]
    Centre,
    /// Those that share any of it with it.
    Touched,
}

/// How far a corner may be from a grid line to count as on it, in pixels.
const SNAP: f64 = 1e-9;

impl Footprint {
    /// An area on a grid. On one in longitude and latitude it lies, by whole turns, where
    /// `within` is.
    ///
    /// # Errors
    /// [`GridError::NoImage`] if the area reaches beyond the CRS.
    pub fn of(
        grid: &PixelGrid,
        area: &Aoi,
        within: PixelRange,
        projections: &dyn Projections,
    ) -> Result<Self, GridError> {
        let polygons = on_grid(grid, area, SNAP, projections)?;
        Ok(Self::of_polygons(grid, polygons, within))
    }

    /// A zone on a grid: as it was drawn, where that was in the grid's own CRS.
    ///
    /// # Errors
    /// As [`Footprint::of`].
    pub fn of_zone(
        grid: &PixelGrid,
        zone: &Zone,
        within: PixelRange,
        projections: &dyn Projections,
    ) -> Result<Self, GridError> {
        let Some(drawn) = zone.drawn_in(&grid.crs) else {
            return Self::of(grid, zone.area(), within, projections);
        };
        let snap = |v: f64| if (v - v.round()).abs() <= SNAP { v.round() } else { v };
        let (origin, size) = (grid.origin, grid.resolution);
        let pixels = |ring: &Ring| -> Ring {
            let pixel = |p: &(f64, f64)| (snap((p.0 - origin.x) / size.x), snap((origin.y - p.1) / size.y));
            ring.iter().map(pixel).collect()
        };
        let polygons = drawn.iter().map(|(outer, holes)| (pixels(outer), holes.iter().map(pixels).collect()));
        Ok(Self::of_polygons(grid, polygons.collect(), within))
    }

    fn of_polygons(grid: &PixelGrid, polygons: Vec<(Ring, Vec<Ring>)>, within: PixelRange) -> Self {
        let holes = |p: &(Ring, Vec<Ring>)| p.1.iter().map(|h| ring::area(h)).sum::<f64>();
        let area = polygons.iter().map(|p| ring::area(&p.0) - holes(p)).sum();
        let mut rings = Vec::new();
        for (outer, holes) in moved_by_turns(grid, polygons, within) {
            rings.push((-ring::turning(&outer), outer));
            rings.extend(holes.into_iter().map(|hole| (ring::turning(&hole), hole)));
        }
        Self { rings, area }
    }

    /// The whole area, also what lies outside of any window, in pixels.
    #[must_use]
    pub fn area(&self) -> f64 {
        self.area
    }

    /// The smallest range of pixels around it; none if it has no area.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "casts saturate, and so only widen the range")]
    pub fn range(&self) -> Option<PixelRange> {
        let points = || self.rings.iter().flat_map(|(_, ring)| ring);
        let span = |pick: fn(&(f64, f64)) -> f64| {
            let (low, high) = (points().map(pick).reduce(f64::min)?, points().map(pick).reduce(f64::max)?);
            (low < high).then_some((low.floor() as i64, high.ceil() as i64))
        };
        let ((row0, row1), (col0, col1)) = (span(|p| p.1)?, span(|p| p.0)?);
        Some(PixelRange { row0, col0, rows: row1 - row0, cols: col1 - col0 })
    }

    /// The share of every pixel of a window that lies in the area, row by row and from
    /// west to east; pixels without a share are left out.
    ///
    /// Edges are summed up as signed areas to their right, pixel by pixel, so that the
    /// work is that of the border, however large the inside.
    #[must_use]
    pub fn shares(&self, window: PixelRange) -> Vec<Run> {
        let mut cells = Cells::new(window);
        for (sign, ring) in &self.rings {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                cells.add(*sign, *a, *b);
            }
        }
        cells.runs()
    }

    /// The pixels of a window that belong to the area by a rule, likewise; their share is 1.
    #[must_use]
    pub fn pixels(&self, window: PixelRange, rule: PixelRule) -> Vec<Run> {
        match rule {
            PixelRule::Centre => self.centres(window),
            PixelRule::Touched => {
                self.shares(window).into_iter().map(|run| Run { share: 1.0, ..run }).collect()
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the window, whose sides fit"
    )]
    fn centres(&self, window: PixelRange) -> Vec<Run> {
        let (shape, west) = (window.shape(), window.col0 as f64);
        let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); shape.rows];
        let edges = self.rings.iter().flat_map(|(_, ring)| ring.iter().zip(ring.iter().cycle().skip(1)));
        for (a, b) in edges {
            let (top, bottom) = if a.1 <= b.1 { (a, b) } else { (b, a) };
            // Rows whose centre lies in [top, bottom).
            let row = |y: f64| ((y - 0.5).ceil() - window.row0 as f64).clamp(0.0, shape.rows as f64) as usize;
            for (row, found) in crossings.iter_mut().enumerate().take(row(bottom.1)).skip(row(top.1)) {
                let y = window.row0 as f64 + row as f64 + 0.5;
                found.push(top.0 + (y - top.1) / (bottom.1 - top.1) * (bottom.0 - top.0));
            }
        }
        let mut runs = Vec::new();
        for (row, found) in crossings.iter_mut().enumerate() {
            found.sort_by(f64::total_cmp);
            for pair in found.chunks_exact(2) {
                let col = |x: f64| ((x - 0.5).ceil() - west).clamp(0.0, shape.cols as f64) as u32;
                let (col, end) = (col(pair[0]), col(pair[1]));
                if end > col {
                    runs.push(Run { row: row as u32, col, cols: end - col, share: 1.0 });
                }
            }
        }
        runs
    }
}
