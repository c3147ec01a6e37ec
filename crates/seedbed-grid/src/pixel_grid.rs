//! The one integer grid of a project, and tiles as ranges of its pixels.

use crate::document::Document;
use crate::{Affine, Crs, GeoBox, GridError};
use seedbed_block::{PixelRange, Shape2d, Xy};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// An unbounded north-up grid: a CRS, an origin (the corner of pixel 0, 0) and
/// a pixel size. Every tile, input claim and output is a range of its pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelGrid {
    /// The coordinate reference system.
    pub crs: Crs,
    /// The upper-left corner of pixel (row 0, column 0), in CRS units.
    #[serde(with = "xy_array")]
    pub origin: Xy,
    /// Pixel width and height in CRS units, both positive.
    #[serde(with = "xy_array")]
    pub resolution: Xy,
}

/// A pair as `[x, y]`.
mod xy_array {
    use seedbed_block::Xy;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(p: &Xy, s: S) -> Result<S::Ok, S::Error> {
        [p.x, p.y].serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Xy, D::Error> {
        let [x, y] = <[f64; 2]>::deserialize(d)?;
        Ok(Xy { x, y })
    }
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

/// A grid and the tiles in use on it: what `tiles.grid.json` holds. Reading one
/// checks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct TileGrid {
    /// The integer grid.
    pub grid: PixelGrid,
    /// The naming scheme.
    pub scheme: String,
    /// Tiles, no two of which overlap or share a name.
    pub tiles: Vec<Tile>,
}

/// How far, in pixels, a raster on the grid may be off it.
const SNAP: f64 = 1e-6;

/// The pixel size of a geographic grid where none is given: 7.5 arc seconds,
/// about 250 m, 480 to the degree.
pub const DEFAULT_DEGREES: f64 = 1.0 / 480.0;

/// The pixel size of a projected grid where none is given, in the CRS's units.
pub const DEFAULT_UNITS: f64 = 250.0;

impl PixelGrid {
    /// A grid, with an origin and a resolution that depend on nothing but the CRS
    /// where none is given: for longitude and latitude the corner 180° W, 90° N and
    /// [`DEFAULT_DEGREES`], for a projected system its (0, 0) and [`DEFAULT_UNITS`].
    ///
    /// # Errors
    /// [`GridError::Resolution`] unless all numbers are finite and pixels have a
    /// positive size.
    pub fn new(crs: Crs, origin: Option<Xy>, resolution: Option<Xy>) -> Result<Self, GridError> {
        let (corner, size) = if crs.geographic {
            (Xy { x: -180.0, y: 90.0 }, DEFAULT_DEGREES)
        } else {
            (Xy { x: 0.0, y: 0.0 }, DEFAULT_UNITS)
        };
        let origin = origin.unwrap_or(corner);
        let resolution = resolution.unwrap_or(Xy { x: size, y: size });
        let grid = Self { crs, origin, resolution };
        grid.check()?;
        Ok(grid)
    }

    /// Where a point of the CRS lies, in pixels from the origin: column and row.
    pub(crate) fn pixel_at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        ((x - self.origin.x) / self.resolution.x, (self.origin.y - y) / self.resolution.y)
    }

    /// Refuses pixels without a size and origins that are no place.
    ///
    /// # Errors
    /// [`GridError::Resolution`].
    pub fn check(&self) -> Result<(), GridError> {
        let (o, r) = (self.origin, self.resolution);
        if [o.x, o.y, r.x, r.y].into_iter().all(f64::is_finite) && r.x > 0.0 && r.y > 0.0 {
            return Ok(());
        }
        Err(GridError::Resolution { x: r.x, y: r.y, origin_x: o.x, origin_y: o.y })
    }

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

    /// Whether two ranges are one place on Earth: equal, or apart by whole turns on a grid in longitude and latitude,
    /// as a tile at 280° E is from its raster, which is read from 80° W.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
    pub fn is_same_place(&self, a: PixelRange, b: PixelRange) -> bool {
        let by = a.col0.saturating_sub(b.col0) as f64;
        let turn = 360.0 / self.resolution.x;
        let apart = (by - turn * (by / turn).round()).abs();
        PixelRange { col0: b.col0, ..a } == b && (by == 0.0 || self.crs.geographic && apart <= SNAP)
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
        let row = (self.origin.y - t.f) / self.resolution.y;
        // A raster beyond 180° is read from where its meridians lie within ±180°, and turns need not be whole pixels.
        let turns = if self.crs.geographic { &[0.0, 360.0, -360.0][..] } else { &[0.0] };
        let cols = turns.iter().map(|turn| (t.c + turn - self.origin.x) / self.resolution.x);
        let off = |v: f64| (v - v.round()).abs();
        let here = (t.c - self.origin.x) / self.resolution.x;
        let col = cols.into_iter().find(|col| off(*col) <= SNAP).unwrap_or(here);
        let (dx, dy) = (off(col), off(row));
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

    /// The rows and columns that all tiles have, if they have the same.
    #[must_use]
    pub fn tile_shape(&self) -> Option<Shape2d> {
        let shape = self.tiles.first()?.range.shape();
        self.tiles.iter().all(|t| t.range.shape() == shape).then_some(shape)
    }

    /// Refuses tiles that are empty, share pixels or share a name.
    ///
    /// # Errors
    /// [`GridError::Empty`], [`GridError::Overlap`], [`GridError::Duplicate`].
    pub fn check(&self) -> Result<(), GridError> {
        let mut names = HashSet::new();
        for tile in &self.tiles {
            if tile.range.is_empty() {
                return Err(GridError::Empty(tile.name.clone()));
            }
            if !names.insert(tile.name.as_str()) {
                return Err(GridError::Duplicate(tile.name.clone()));
            }
        }
        // From north to south, a tile can only meet those that start before it ends.
        let mut sorted: Vec<&Tile> = self.tiles.iter().collect();
        sorted.sort_by_key(|t| t.range);
        for (i, a) in sorted.iter().enumerate() {
            let below = sorted[i + 1..].iter().take_while(|b| b.range.row0 < a.range.row1());
            if let Some(b) = below.into_iter().find(|b| a.range.intersection(b.range).is_some()) {
                return Err(GridError::Overlap(a.name.clone(), b.name.clone()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{lonlat, sinusoidal};

    fn raster(grid: &PixelGrid, dx: f64) -> GeoBox {
        let mut geobox = grid.geobox(PixelRange { row0: -7, col0: 12, rows: 30, cols: 40 });
        geobox.affine.c += dx * grid.resolution.x;
        geobox
    }

    #[test]
    fn a_raster_on_the_grid_has_a_range_and_one_off_it_does_not() {
        let grid = PixelGrid::new(lonlat(), None, None).unwrap();
        let range = PixelRange { row0: -7, col0: 12, rows: 30, cols: 40 };
        assert_eq!(grid.range_of("a.tif", &raster(&grid, 0.0)).unwrap(), range);
        assert_eq!(grid.range_of("a.tif", &raster(&grid, 1e-7)).unwrap(), range);
        assert!(matches!(grid.range_of("a.tif", &raster(&grid, 1e-5)), Err(GridError::OffGrid { .. })));
        let mut drifting = raster(&grid, 0.0);
        drifting.affine.a *= 1.0 + 1e-6;
        assert!(matches!(grid.range_of("a.tif", &drifting), Err(GridError::Mismatch { .. })));
        let elsewhere = PixelGrid::new(sinusoidal(), None, None).unwrap();
        assert!(matches!(elsewhere.range_of("a.tif", &raster(&grid, 0.0)), Err(GridError::Mismatch { .. })));
    }

    #[test]
    fn overlapping_empty_and_namesake_tiles_are_refused() {
        let tile = |name: &str, row0, col0, rows, cols| Tile {
            name: name.to_owned(),
            range: PixelRange { row0, col0, rows, cols },
        };
        let grid = PixelGrid::new(lonlat(), None, None).unwrap();
        let check = |tiles| TileGrid { grid: grid.clone(), scheme: "rc".to_owned(), tiles }.check();
        assert!(
            check(vec![tile("a", 0, 0, 10, 10), tile("b", 0, 10, 10, 10), tile("c", 10, 0, 10, 10)]).is_ok()
        );
        let overlap = check(vec![tile("b", 9, 5, 10, 10), tile("a", 0, 0, 10, 10)]).unwrap_err();
        assert_eq!(overlap.to_string(), "tiles a and b overlap");
        let far = check(vec![tile("a", 0, 0, 100, 10), tile("x", 3, 50, 1, 1), tile("b", 99, 9, 1, 1)]);
        assert!(matches!(far, Err(GridError::Overlap(..))));
        assert!(matches!(check(vec![tile("a", 0, 0, 0, 10)]), Err(GridError::Empty(_))));
        let namesakes = check(vec![tile("a", 0, 0, 1, 1), tile("a", 5, 5, 1, 1)]);
        assert!(matches!(namesakes, Err(GridError::Duplicate(_))));
    }

    #[test]
    fn a_place_is_the_same_a_turn_further() {
        let of = |size: f64| PixelGrid::new(lonlat(), None, Some(Xy { x: size, y: size })).unwrap();
        let at = |col0: i64| PixelRange { row0: 180, col0, rows: 10, cols: 10 };
        // 280° E, which rasters are read from at 80° W.
        let (quarter, odd) = (of(0.25), of(0.7));
        assert!(quarter.is_same_place(at(1840), at(400)) && quarter.is_same_place(at(400), at(1840)));
        assert!(!quarter.is_same_place(at(1840), at(401)) && !odd.is_same_place(at(657), at(143)));
        for (grid, range) in [(&quarter, at(1840)), (&quarter, at(400)), (&odd, at(657))] {
            let mut geobox = grid.geobox(range);
            geobox.affine.c = (geobox.affine.c + 180.0).rem_euclid(360.0) - 180.0;
            assert!(grid.is_same_place(grid.range_of("a.tif", &geobox).unwrap(), range), "{range}");
        }
    }
}
