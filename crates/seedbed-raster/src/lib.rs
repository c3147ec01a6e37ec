//! Rasters in and out: GDAL, PROJ, warp plans and COGs.
//!
//! The only crate (besides the unpublished fixture) that links GDAL. It takes
//! local paths and knows no URL and no STAC; GDAL's own network drivers are
//! switched off before the first file is opened.
//!
//! * [`Proj`] – coordinate reference systems, for every crate that asks for
//!   [`seedbed_grid::Projections`].
//! * [`Raster`] – one variable of one file: its geobox, its layers in time, its
//!   values as physical numbers with NaN for nodata.
//! * [`WarpPlan`] – where each target pixel's samples lie in the source, made
//!   once and applied to as many layers as there are.
//! * [`read_area`] and [`area_of`] – areas of interest, in whatever file, or as text.
//! * [`cog`] – cloud-optimised GeoTIFFs, the same bytes every time.
//! * [`zarr`] – cubes of many dates, likewise.

mod array;
mod arrays;
mod bands;
mod chunks;
mod classic;
mod clock;
pub mod cog;
mod container;
mod dated_zip;
mod datum;
mod dtype;
mod error;
mod ffi;
mod fuzz;
mod grid_mapping;
mod header;
mod mask;
mod netcdf;
mod place;
mod proj;
mod ranges;
mod raster;
mod resampling;
mod runtime;
mod statistics;
mod stored;
mod tile_index;
mod valid;
mod vector;
mod vrt;
mod warp;
pub mod zarr;
mod zones;

pub use dtype::DType;
pub use error::{RasterError, WarpError};
pub use fuzz::{Body as FuzzBody, TARGETS as FUZZ_TARGETS};
pub use header::Header;
pub use proj::{Proj, same_crs};
pub use ranges::ReadAt;
pub use raster::{Layer, Raster, RasterSource};
pub use resampling::Resampling;
pub use runtime::{driver_names, gdal_version, has_driver};
pub use statistics::{Statistics, statistics};
pub use tile_index::TileIndex;
pub use vector::{area_of, read_area};
pub use vrt::{Vrt, VrtTile};
pub use warp::WarpPlan;
pub use zones::read_zones;
