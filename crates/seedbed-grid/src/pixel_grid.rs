//! The one integer grid of a project, and tiles as ranges of its pixels.

use crate::{Affine, Crs, GeoBox};
use seedbed_block::{PixelRange, Xy};
use serde::{Deserialize, Serialize};

/// An unbounded north-up grid: a CRS, an origin (the corner of pixel 0, 0) and
/// a pixel size. Every tile, input claim and output is a range of its pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelGrid {
    /// The coordinate reference system.
    pub crs: Crs,
    /// The upper-left corner of pixel (row 0, column 0), in CRS units.
    pub origin: Xy,
    /// Pixel width and height in CRS units, both positive.
    pub resolution: Xy,
}

/// A named range of pixels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tile {
    /// The name, unique in its grid.
    pub name: String,
    /// The pixels it covers.
    #[serde(flatten)]
    pub range: PixelRange,
}

/// A grid and the tiles in use on it: what `tiles.grid.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TileGrid {
    /// The integer grid.
    #[serde(flatten)]
    pub grid: PixelGrid,
    /// The naming scheme.
    pub scheme: String,
    /// Tiles in order of their ranges, no two of which overlap.
    pub tiles: Vec<Tile>,
}

/// What is wrong with a grid or a raster that claims to lie on it.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// A raster isn't on the grid.
    #[error("{what} is off the grid by {dx:.3e} columns and {dy:.3e} rows (at most 1e-6 is allowed)")]
    OffGrid {
        /// The raster or tile.
        what: String,
        /// Distance to the nearest grid line, in columns.
        dx: f64,
        /// Distance to the nearest grid line, in rows.
        dy: f64,
    },
    /// A raster has another pixel size, rotation or CRS.
    #[error("{what} has {found}, the grid {expected}")]
    Mismatch {
        /// The raster or tile.
        what: String,
        /// What it has.
        found: String,
        /// What the grid has.
        expected: String,
    },
    /// Two tiles share pixels.
    #[error("tiles {0} and {1} overlap")]
    Overlap(String, String),
    /// No tile of that name.
    #[error("no tile `{name}` in the grid; nearest: {nearest}")]
    NoTile {
        /// The name asked for.
        name: String,
        /// A tile there is.
        nearest: String,
    },
}

/// How far, in pixels, a raster on the grid may be off it.
const SNAP: f64 = 1e-6;

impl PixelGrid {
    /// The affine of the grid's pixel (0, 0).
    #[must_use]
    pub fn affine(&self) -> Affine {
        Affine::north_up(self.origin, self.resolution.x, self.resolution.y)
    }

    /// The geobox of a range of pixels.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
    pub fn geobox(&self, range: PixelRange) -> GeoBox {
        GeoBox {
            crs: self.crs.clone(),
            affine: self.affine().shifted(range.row0 as f64, range.col0 as f64),
            shape: range.shape(),
        }
    }

    /// The range a geobox covers, if it lies on this grid.
    ///
    /// # Errors
    /// [`GridError`] where CRS, pixel size or rotation differ, or the corner is
    /// further than 1e-6 px from a grid line.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be near an integer of pixel size")]
    pub fn range_of(&self, what: &str, geobox: &GeoBox) -> Result<PixelRange, GridError> {
        let mismatch =
            |found: String, expected: String| GridError::Mismatch { what: what.to_owned(), found, expected };
        if geobox.crs != self.crs {
            return Err(mismatch(format!("CRS {}", geobox.crs), format!("CRS {}", self.crs)));
        }
        let t = geobox.affine;
        // Over the raster's whole width the accumulated drift must stay within the tolerance.
        #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
        let (cols, rows) = (geobox.shape.cols.max(1) as f64, geobox.shape.rows.max(1) as f64);
        let drift_x = (t.a / self.resolution.x - 1.0).abs() * cols;
        let drift_y = (-t.e / self.resolution.y - 1.0).abs() * rows;
        if !t.is_north_up() || drift_x > SNAP || drift_y > SNAP {
            return Err(mismatch(
                format!("pixels of {}×{} (rotation {}, {})", t.a, -t.e, t.b, t.d),
                format!("pixels of {}×{}", self.resolution.x, self.resolution.y),
            ));
        }
        let col = (t.c - self.origin.x) / self.resolution.x;
        let row = (self.origin.y - t.f) / self.resolution.y;
        let (dx, dy) = ((col - col.round()).abs(), (row - row.round()).abs());
        if dx > SNAP || dy > SNAP {
            return Err(GridError::OffGrid { what: what.to_owned(), dx, dy });
        }
        Ok(PixelRange {
            row0: row.round() as i64,
            col0: col.round() as i64,
            rows: geobox.shape.rows.cast_signed() as i64,
            cols: geobox.shape.cols.cast_signed() as i64,
        })
    }
}

impl TileGrid {
    /// The tile of that name.
    ///
    /// # Errors
    /// [`GridError::NoTile`].
    pub fn tile(&self, name: &str) -> Result<&Tile, GridError> {
        self.tiles.iter().find(|t| t.name == name).ok_or_else(|| GridError::NoTile {
            name: name.to_owned(),
            nearest: self.tiles.first().map_or_else(|| "none".to_owned(), |t| t.name.clone()),
        })
    }

    /// The geobox of a tile.
    #[must_use]
    pub fn geobox(&self, tile: &Tile) -> GeoBox {
        self.grid.geobox(tile.range)
    }

    /// Refuses tiles that share pixels.
    ///
    /// # Errors
    /// [`GridError::Overlap`] with the two names.
    pub fn check(&self) -> Result<(), GridError> {
        for (i, a) in self.tiles.iter().enumerate() {
            for b in &self.tiles[i + 1..] {
                if a.range.intersection(b.range).is_some() || a.name == b.name {
                    return Err(GridError::Overlap(a.name.clone(), b.name.clone()));
                }
            }
        }
        Ok(())
    }
}
