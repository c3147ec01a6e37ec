//! Well-known grids by name.

use crate::cover::{SizeUnit, TileSize, cover_within};
use crate::{Aoi, Cover, GridError, PixelGrid, Projections, Scheme, Tile, TileGrid};
use seedbed_block::{PixelRange, Shape2d, Xy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A grid whose geometry an archive publishes, as `grids.toml` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedGrid {
    /// What it is, in a line.
    pub about: String,
    /// Its CRS: an authority code or a PROJ string.
    pub crs: String,
    /// The upper-left corner of pixel (0, 0): x and y, in CRS units.
    pub origin: [f64; 2],
    /// Pixel width and height in CRS units.
    pub resolution: [f64; 2],
    /// Rows and columns of the whole.
    pub shape: [usize; 2],
    /// The usual size of its tiles.
    tile: String,
    /// How they are usually named.
    names: String,
    /// Where the geometry is from.
    pub source: String,
}

/// The table, or why it can't be read (which a test rules out).
static TABLE: LazyLock<Result<BTreeMap<String, NamedGrid>, String>> =
    LazyLock::new(|| toml::from_str(include_str!("../grids.toml")).map_err(|e| e.to_string()));

impl NamedGrid {
    /// All names and grids, by name.
    ///
    /// # Errors
    /// [`GridError::UnknownGrid`] if the table itself can't be read.
    pub fn all() -> Result<&'static BTreeMap<String, Self>, GridError> {
        TABLE.as_ref().map_err(|e| GridError::UnknownGrid { name: "grids.toml".to_owned(), known: e.clone() })
    }

    /// The grid of that name.
    ///
    /// # Errors
    /// [`GridError::UnknownGrid`], which lists those there are.
    pub fn find(name: &str) -> Result<&'static Self, GridError> {
        let all = Self::all()?;
        all.get(name).ok_or_else(|| {
            let known: Vec<&str> = all.keys().map(String::as_str).collect();
            GridError::UnknownGrid { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// The name of the grid that a scheme's tiles of a size lie on, where their names alone tell.
    #[must_use]
    pub fn of_tiles(scheme: Scheme, size: Option<TileSize>) -> Option<&'static str> {
        let pixels = size.filter(|s| s.unit == SizeUnit::Pixel).map(|s| s.value);
        (scheme == Scheme::Modis).then_some(match pixels {
            Some(4800.0) => "modis-sinusoidal-250m",
            Some(1200.0) => "modis-sinusoidal-1km",
            _ => "modis-sinusoidal-500m",
        })
    }

    /// The usual size of its tiles.
    ///
    /// # Errors
    /// [`GridError::SizeForm`].
    pub fn tile(&self) -> Result<TileSize, GridError> {
        self.tile.parse()
    }

    /// How its tiles are usually named.
    ///
    /// # Errors
    /// [`GridError::UnknownScheme`].
    pub fn names(&self) -> Result<Scheme, GridError> {
        self.names.parse()
    }

    /// The pixels it has.
    #[must_use]
    pub fn extent(&self) -> PixelRange {
        PixelRange::of_shape(Shape2d { rows: self.shape[0], cols: self.shape[1] })
    }

    /// Its pixels as an integer grid.
    ///
    /// # Errors
    /// [`GridError`] for a CRS that PROJ doesn't know.
    pub fn pixel_grid(&self, projections: &dyn Projections) -> Result<PixelGrid, GridError> {
        let xy = |[x, y]: [f64; 2]| Xy { x, y };
        PixelGrid::new(projections.resolve(&self.crs)?, Some(xy(self.origin)), Some(xy(self.resolution)))
    }

    /// All of it as one tile, called `name`.
    ///
    /// # Errors
    /// [`GridError`].
    pub fn whole(&self, name: &str, projections: &dyn Projections) -> Result<TileGrid, GridError> {
        Ok(TileGrid {
            grid: self.pixel_grid(projections)?,
            scheme: "whole".to_owned(),
            tiles: vec![Tile { name: name.to_owned(), range: self.extent() }],
        })
    }

    /// Its usual tiles that an area touches, or all.
    ///
    /// # Errors
    /// [`GridError`], also where the area lies beyond it.
    pub fn tiles(&self, aoi: Option<&Aoi>, projections: &dyn Projections) -> Result<Cover, GridError> {
        let grid = self.pixel_grid(projections)?;
        cover_within(&grid, self.extent(), aoi, self.tile()?, self.names()?, projections)
    }
}
