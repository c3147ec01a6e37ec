//! Rectangles that lie nearly on the integer grid, moved onto it.

use crate::{Bbox, GridError, PixelGrid, Tile, TileGrid};
use seedbed_block::PixelRange;

/// Tiles moved onto the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapped {
    /// The tiles, as whole pixels.
    pub tiles: TileGrid,
    /// How far the edge that moved furthest did, in pixels: half a pixel at most.
    pub moved: f64,
}

/// Moves each edge of named rectangles, in the grid's CRS, to the nearest grid line.
/// Edges that two rectangles share stay shared.
///
/// # Errors
/// [`GridError::Overlap`], [`GridError::Duplicate`] or [`GridError::Empty`] where the
/// tiles don't hold together then.
#[expect(clippy::cast_possible_truncation, reason = "casts saturate, and such tiles are refused as empty")]
pub fn snap<'a>(
    grid: &PixelGrid,
    scheme: &str,
    rectangles: impl IntoIterator<Item = (&'a str, Bbox)>,
) -> Result<Snapped, GridError> {
    grid.check()?;
    let mut moved = 0.0_f64;
    let mut line = |position: f64| {
        moved = moved.max((position - position.round()).abs());
        position.round() as i64
    };
    let mut tiles = Vec::new();
    for (name, b) in rectangles {
        let (col0, col1) = (
            line((b.west - grid.origin.x) / grid.resolution.x),
            line((b.east - grid.origin.x) / grid.resolution.x),
        );
        let (row0, row1) = (
            line((grid.origin.y - b.north) / grid.resolution.y),
            line((grid.origin.y - b.south) / grid.resolution.y),
        );
        let range =
            PixelRange { row0, col0, rows: row1.saturating_sub(row0), cols: col1.saturating_sub(col0) };
        tiles.push(Tile { name: name.to_owned(), range });
    }
    let tiles = TileGrid { grid: grid.clone(), scheme: scheme.to_owned(), tiles };
    tiles.check()?;
    Ok(Snapped { tiles, moved })
}
