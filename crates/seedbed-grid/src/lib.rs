//! Where pixels are: geoboxes, the project's one integer grid, its tiles and
//! the areas they cover.
//!
//! A [`Crs`] here is an opaque canonical value and a [`Transform`] a trait;
//! whoever links PROJ implements [`Projections`]. So this crate computes with
//! integers and affines only, and never disagrees with itself by a float.

mod affine;
pub mod aoi;
mod bbox;
mod cover;
mod coverage;
mod crs;
mod document;
mod ellipsoid;
mod error;
pub mod export;
mod file;
mod geobox;
mod globe;
pub mod legacy;
mod named;
mod names;
mod numbered;
mod pixel_area;
mod pixel_grid;
mod ring;
mod snap;
mod territory;
#[cfg(test)]
mod testing;
mod tile_file;
pub mod veget;
mod zones;

pub use affine::Affine;
pub use aoi::{Aoi, Distance};
pub use bbox::{Bbox, BoxUnion};
pub use cover::{Cover, SizeUnit, TileSize, cover, cover_within, touched};
pub use coverage::{Footprint, PixelRule, Run};
pub use crs::{Crs, ProjectionError, Projections, Transform};
pub use error::{AoiError, GridError};
pub use geobox::{Claim, GeoBox};
pub use named::NamedGrid;
pub use names::Scheme;
pub use pixel_area::{PixelAreas, area_on_earth};
pub use pixel_grid::{DEFAULT_DEGREES, DEFAULT_UNITS, PixelGrid, Tile, TileGrid};
pub use seedbed_block::{Calendar, Index, PixelRange, Shape2d, Xy};
pub use snap::{Snapped, snap};
pub use territory::Territory;
pub use tile_file::TileFile;
pub use zones::{Feature, Zone, Zones};
