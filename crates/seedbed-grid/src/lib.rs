//! Where pixels are: geoboxes, the project's one integer grid, its tiles and
//! the areas they cover.
//!
//! A [`Crs`] here is an opaque canonical value and a [`Transform`] a trait;
//! whoever links PROJ implements [`Projections`]. So this crate computes with
//! integers and affines only, and never disagrees with itself by a float.

mod affine;
mod crs;
mod geobox;
mod pixel_grid;

pub use affine::Affine;
pub use crs::{Crs, ProjectionError, Projections, Transform};
pub use geobox::{Bbox, GeoBox};
pub use pixel_grid::{GridError, PixelGrid, Tile, TileGrid};
pub use seedbed_block::{Index, PixelRange, Shape2d, Xy};
