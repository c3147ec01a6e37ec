//! The tiles that cover an area.

use crate::names::range_of;
use crate::ring::{Ring, area, clip_x, clip_y, densify};
use crate::{Aoi, GridError, PixelGrid, Projections, Scheme, Tile, TileGrid};
use geo::LineString;
use seedbed_block::{Index, PixelRange, Shape2d};
use std::fmt;
use std::str::FromStr;

/// The unit of a tile's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SizeUnit {
    /// Pixels.
    Pixel,
    /// Degrees, on a grid in longitude and latitude.
    Degree,
    /// Metres, on a projected grid.
    Metre,
}

/// A tile's height and width: `500px`, `2deg`, `120000m`; a bare number is pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileSize {
    /// How many.
    pub value: f64,
    /// Of what.
    pub unit: SizeUnit,
}

/// Tiles and how much of each the area covers.
#[derive(Debug, Clone, PartialEq)]
pub struct Cover {
    /// The grid and its tiles, row by row.
    pub grid: TileGrid,
    /// The share of each tile that lies in the area, from 0 (excluded) to 1, by area
    /// in the grid's CRS.
    pub shares: Vec<f64>,
}

impl FromStr for TileSize {
    type Err = GridError;

    fn from_str(text: &str) -> Result<Self, GridError> {
        let t = text.trim();
        let (number, unit) = if let Some(n) = t.strip_suffix("px") {
            (n, SizeUnit::Pixel)
        } else if let Some(n) = t.strip_suffix("deg") {
            (n, SizeUnit::Degree)
        } else if let Some(n) = t.strip_suffix('m') {
            (n, SizeUnit::Metre)
        } else {
            (t, SizeUnit::Pixel)
        };
        match number.trim().parse::<f64>() {
            Ok(value) if value.is_finite() && value > 0.0 => Ok(Self { value, unit }),
            _ => Err(GridError::SizeForm(text.to_owned())),
        }
    }
}

impl fmt::Display for TileSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            SizeUnit::Pixel => "px",
            SizeUnit::Degree => "deg",
            SizeUnit::Metre => "m",
        };
        write!(f, "{}{unit}", self.value)
    }
}

/// How far a size in CRS units may be from a whole number of pixels, and a corner
/// of the area from a grid line, to count as on it, in pixels.
const SNAP: f64 = 1e-6;

/// The least area of a tile, in pixels, that counts as covered.
const SLIVER: f64 = 1e-9;

/// More tiles than this are a mistake.
const MOST_TILES: u64 = 1_000_000;

/// Tiles with more pixels a side than this are a mistake.
const MOST_PIXELS: f64 = 1e6;

impl TileSize {
    /// Rows and columns on a grid.
    ///
    /// # Errors
    /// [`GridError::SizeUnit`] for degrees on a projected grid or metres on another,
    /// [`GridError::SizePixels`] with the nearest size that would do.
    pub fn shape(self, grid: &PixelGrid) -> Result<Shape2d, GridError> {
        let unit = crs_unit(grid);
        let fits = match self.unit {
            SizeUnit::Pixel => true,
            SizeUnit::Degree => grid.crs.geographic,
            SizeUnit::Metre => !grid.crs.geographic && unit == "metre",
        };
        if !fits {
            return Err(GridError::SizeUnit { size: self.to_string(), crs: grid.crs.to_string(), unit });
        }
        let pixel = |resolution: f64| if self.unit == SizeUnit::Pixel { 1.0 } else { resolution };
        Ok(Shape2d {
            rows: self.whole(pixel(grid.resolution.y))?,
            cols: self.whole(pixel(grid.resolution.x))?,
        })
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to MOST_PIXELS")]
    fn whole(self, resolution: f64) -> Result<usize, GridError> {
        let pixels = self.value / resolution;
        let count = pixels.round().clamp(1.0, MOST_PIXELS);
        if (pixels - count).abs() <= SNAP {
            return Ok(count as usize);
        }
        let nearest = Self { value: count * resolution, unit: self.unit };
        Err(GridError::SizePixels {
            size: self.to_string(),
            pixels,
            resolution,
            nearest: if self.unit == SizeUnit::Pixel {
                nearest.to_string()
            } else {
                format!("{nearest} ({count} px)")
            },
        })
    }
}

/// The unit of the grid's coordinates, as PROJJSON has it.
fn crs_unit(grid: &PixelGrid) -> String {
    if grid.crs.geographic {
        return "degree".to_owned();
    }
    let unit = &grid.crs.projjson["coordinate_system"]["axis"][0]["unit"];
    let name = unit.as_str().or_else(|| unit["name"].as_str());
    name.map_or_else(|| "metre".to_owned(), str::to_owned)
}

/// The tiles of `size` that share pixels with an area.
///
/// Tiles lie on multiples of their size from the grid's origin, so that two
/// areas on one grid have the same tiles where they meet. Edges are half-open:
/// an area that ends on a tile's edge doesn't bring in the next tile.
///
/// # Errors
/// [`GridError`] for a size that doesn't fit the grid, an area without area or
/// beyond the CRS, too many tiles, or tiles the scheme can't name.
pub fn cover(
    grid: &PixelGrid,
    aoi: &Aoi,
    size: TileSize,
    scheme: Scheme,
    projections: &dyn Projections,
) -> Result<Cover, GridError> {
    grid.check()?;
    let polygons = on_grid(grid, aoi, SNAP, projections)?;
    lattice_tiles(grid, None, &polygons, size, scheme, aoi.what())
}

/// The same within an extent: tiles that lie beyond it are left out, and without an
/// area all of it that lies on the globe is covered. Longitudes are taken by whole turns to where the extent is.
///
/// # Errors
/// As [`cover`], also where the area lies beyond the extent.
pub fn cover_within(
    grid: &PixelGrid,
    extent: PixelRange,
    aoi: Option<&Aoi>,
    size: TileSize,
    scheme: Scheme,
    projections: &dyn Projections,
) -> Result<Cover, GridError> {
    grid.check()?;
    let (polygons, what) = match aoi {
        Some(aoi) => (moved_by_turns(grid, on_grid(grid, aoi, SNAP, projections)?, extent), aoi.what()),
        None => (vec![(outline(extent), Vec::new())], "the extent"),
    };
    let mut cover = lattice_tiles(grid, Some(extent), &polygons, size, scheme, what)?;
    if aoi.is_none() && !grid.crs.geographic {
        let tiles = std::mem::take(&mut cover.grid.tiles);
        let kept = tiles.into_iter().zip(std::mem::take(&mut cover.shares));
        let kept = kept.filter(|(tile, _)| cover.grid.geobox(tile).territory(projections, 16).is_ok());
        (cover.grid.tiles, cover.shares) = kept.collect();
    }
    Ok(cover)
}

/// A range's corners, in pixels.
#[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
pub(crate) fn outline(range: PixelRange) -> Ring {
    let (west, east) = (range.col0 as f64, range.col1() as f64);
    let (north, south) = (range.row0 as f64, range.row1() as f64);
    vec![(west, north), (west, south), (east, south), (east, north)]
}

/// The tiles of a lattice of equal tiles that hold some of the polygons.
fn lattice_tiles(
    grid: &PixelGrid,
    extent: Option<PixelRange>,
    polygons: &[(Ring, Vec<Ring>)],
    size: TileSize,
    scheme: Scheme,
    what: &str,
) -> Result<Cover, GridError> {
    let shape = size.shape(grid)?;
    let (rows, cols) = lattice(polygons, shape).ok_or_else(|| GridError::NoArea(what.to_owned()))?;
    let count = rows.1.abs_diff(rows.0).saturating_mul(cols.1.abs_diff(cols.0));
    if count > MOST_TILES {
        return Err(GridError::TooMany { tiles: count, most: MOST_TILES });
    }
    let (mut tiles, mut shares) = (Vec::new(), Vec::new());
    for row in rows.0..rows.1 {
        let (north, south) = edges(row, shape.rows);
        let strip = within_rows(polygons, north, south);
        for col in cols.0..cols.1 {
            let range = range_of(shape, Index { row, col });
            let (west, east) = edges(col, shape.cols);
            let covered = covered(&strip, west, east);
            let beyond = extent.is_some_and(|e| range.intersection(e).is_none());
            if covered > SLIVER && !beyond {
                let name = scheme.name(grid, shape, Index { row, col })?;
                tiles.push(Tile { name, range });
                shares.push((covered / ((south - north) * (east - west))).min(1.0));
            }
        }
    }
    if tiles.is_empty() {
        return Err(GridError::NoArea(what.to_owned()));
    }
    let grid = TileGrid { grid: grid.clone(), scheme: scheme.to_string(), tiles };
    grid.check()?;
    Ok(Cover { grid, shares })
}

/// Polygons between two rows, and how much of them lies between two columns.
fn within_rows(polygons: &[(Ring, Vec<Ring>)], north: f64, south: f64) -> Vec<(Ring, Vec<Ring>)> {
    polygons
        .iter()
        .map(|(outer, holes)| {
            (clip_y(outer, north, south), holes.iter().map(|h| clip_y(h, north, south)).collect())
        })
        .filter(|(outer, _): &(Ring, Vec<Ring>)| !outer.is_empty())
        .collect()
}

fn covered(strip: &[(Ring, Vec<Ring>)], west: f64, east: f64) -> f64 {
    let inside = |ring: &Ring| area(&clip_x(ring, west, east));
    strip.iter().map(|(outer, holes)| inside(outer) - holes.iter().map(inside).sum::<f64>()).sum()
}

/// Tiles that are given already: those that hold some of the area, with its share.
///
/// # Errors
/// As [`cover`].
#[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
pub fn touched(tiles: TileGrid, aoi: &Aoi, projections: &dyn Projections) -> Result<Cover, GridError> {
    let polygons = on_grid(&tiles.grid, aoi, SNAP, projections)?;
    let (mut kept, mut shares) = (Vec::new(), Vec::new());
    for tile in tiles.tiles {
        let r = tile.range;
        let strip = within_rows(&polygons, r.row0 as f64, r.row1() as f64);
        let inside = covered(&strip, r.col0 as f64, r.col1() as f64);
        if inside > SLIVER {
            shares.push((inside / (r.rows as f64 * r.cols as f64)).min(1.0));
            kept.push(tile);
        }
    }
    if kept.is_empty() {
        return Err(GridError::NoArea(aoi.what().to_owned()));
    }
    Ok(Cover { grid: TileGrid { grid: tiles.grid, scheme: tiles.scheme, tiles: kept }, shares })
}

/// The first and last edge of a tile along one axis, in pixels.
#[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
fn edges(index: i64, pixels: usize) -> (f64, f64) {
    (index as f64 * pixels as f64, (index + 1) as f64 * pixels as f64)
}

/// The tiles around the polygons: rows and columns, half-open.
#[expect(clippy::cast_precision_loss, reason = "tile shapes are far below 2^52")]
#[expect(clippy::cast_possible_truncation, reason = "casts saturate, and the count is checked")]
fn lattice(polygons: &[(Ring, Vec<Ring>)], shape: Shape2d) -> Option<((i64, i64), (i64, i64))> {
    let span = |pick: fn(&(f64, f64)) -> f64, pixels: usize| {
        let all = || polygons.iter().flat_map(|p| p.0.iter().map(pick));
        let low = all().reduce(f64::min)? / pixels as f64;
        let high = all().reduce(f64::max)? / pixels as f64;
        (low < high).then_some((low.floor() as i64, high.ceil() as i64))
    };
    Some((span(|p| p.1, shape.rows)?, span(|p| p.0, shape.cols)?))
}

/// The area in fractional pixels (column, row), within the CRS's bounds; what is within
/// `tolerance` of a grid line lies on it.
pub(crate) fn on_grid(
    grid: &PixelGrid,
    aoi: &Aoi,
    tolerance: f64,
    projections: &dyn Projections,
) -> Result<Vec<(Ring, Vec<Ring>)>, GridError> {
    /// The longest edge, in degrees, that stays straight from longitude and latitude to
    /// a projection: over 0.005° (560 m) the two differ by half a centimetre at most.
    const LONGEST_EDGE: f64 = 0.005;
    let wgs84 = projections.resolve("OGC:CRS84")?;
    let transform = projections.transform(&wgs84, &grid.crs)?;
    let snap = |v: f64| if (v - v.round()).abs() <= tolerance { v.round() } else { v };
    let ring = |line: &LineString<f64>| -> Result<Ring, GridError> {
        let mut points: Ring = line.coords().map(|c| (c.x, c.y)).collect();
        if points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        let step = if grid.crs.geographic { f64::INFINITY } else { LONGEST_EDGE };
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = densify(&points, step).into_iter().unzip();
        transform.forward(&mut xs, &mut ys);
        if xs.iter().chain(&ys).any(|v| !v.is_finite()) {
            return Err(GridError::NoImage { area: aoi.what().to_owned(), crs: grid.crs.to_string() });
        }
        let pixel = |(x, y): (f64, f64)| {
            (snap((x - grid.origin.x) / grid.resolution.x), snap((grid.origin.y - y) / grid.resolution.y))
        };
        Ok(xs.into_iter().zip(ys).map(pixel).collect())
    };
    aoi.geometry()
        .iter()
        .map(|p| Ok((ring(p.exterior())?, p.interiors().iter().map(ring).collect::<Result<_, _>>()?)))
        .collect()
}

/// Polygons where an extent is, on a grid in longitude and latitude by whole turns.
pub(crate) fn moved_by_turns(
    grid: &PixelGrid,
    polygons: Vec<(Ring, Vec<Ring>)>,
    extent: PixelRange,
) -> Vec<(Ring, Vec<Ring>)> {
    if grid.crs.geographic { turned(polygons, 360.0 / grid.resolution.x, extent) } else { polygons }
}

/// Polygons moved by whole turns of so many columns to where they meet the extent; one
/// that meets it twice, as on a raster from 0° to 360°, is there twice.
#[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
fn turned(polygons: Vec<(Ring, Vec<Ring>)>, turn: f64, extent: PixelRange) -> Vec<(Ring, Vec<Ring>)> {
    let (west, east) = (extent.col0 as f64, extent.col1() as f64);
    let mut out = Vec::new();
    for (outer, holes) in polygons {
        let before = out.len();
        for by in [0.0, turn, -turn] {
            let moved = |r: &Ring| clip_x(&r.iter().map(|p| (p.0 + by, p.1)).collect::<Ring>(), west, east);
            let inside = moved(&outer);
            if area(&inside) > SLIVER {
                out.push((inside, holes.iter().map(moved).collect()));
            }
        }
        if out.len() == before {
            out.push((outer, holes));
        }
    }
    out
}
