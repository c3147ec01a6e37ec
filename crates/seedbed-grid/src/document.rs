//! `tiles.grid.json`: the grid and its tiles as a file.

use crate::pixel_grid::{Tile, TileGrid};
use crate::{GridError, PixelGrid, file};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the file's layout.
const FORMAT_VERSION: u32 = 1;

/// What the file holds: `origin` and `resolution` are arrays `[x, y]`, `crs` is
/// an object `{code?, wkt2, projjson, geographic}`, and each tile has `name`,
/// `row0`, `col0`, `rows` and `cols`.
#[derive(Serialize, Deserialize)]
pub struct Document {
    format_version: u32,
    #[serde(flatten)]
    grid: PixelGrid,
    scheme: String,
    tiles: Vec<Tile>,
}

impl From<TileGrid> for Document {
    fn from(tiles: TileGrid) -> Self {
        Self { format_version: FORMAT_VERSION, grid: tiles.grid, scheme: tiles.scheme, tiles: tiles.tiles }
    }
}

impl TryFrom<Document> for TileGrid {
    type Error = GridError;

    fn try_from(d: Document) -> Result<Self, GridError> {
        if d.format_version != FORMAT_VERSION {
            return Err(GridError::Version { found: d.format_version, known: FORMAT_VERSION });
        }
        d.grid.check()?;
        let tiles = Self { grid: d.grid, scheme: d.scheme, tiles: d.tiles };
        tiles.check()?;
        Ok(tiles)
    }
}

impl TileGrid {
    /// Reads and validates a `tiles.grid.json`.
    ///
    /// # Errors
    /// [`GridError::File`] if it can't be read, [`GridError::Document`] if it is no
    /// grid, has tiles that overlap or are empty, or names that repeat.
    pub fn read(path: &Path) -> Result<Self, GridError> {
        let text = std::fs::read(path).map_err(|source| GridError::File { path: path.to_owned(), source })?;
        serde_json::from_slice(&text).map_err(|source| GridError::Document { path: path.to_owned(), source })
    }

    /// Writes it, under a temporary name first.
    ///
    /// # Errors
    /// [`GridError`] if two tiles overlap or share a name, or the file can't be
    /// written.
    pub fn write(&self, path: &Path) -> Result<(), GridError> {
        self.check()?;
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|source| GridError::Document { path: path.to_owned(), source })?;
        text.push(b'\n');
        file::replace(path, &text)
    }
}
