//! Rasters against other programs: GDAL's own, rasterio and rio-cogeo, and
//! against real files of the archives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests may fail as tests do, and say what they saw"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    reason = "small grids, and exact comparisons are what is tested"
)]

mod chunks;
mod cog;
mod cog_pixels;
mod conventions;
mod dated;
mod datums;
mod differential;
mod footprint;
mod header;
mod lerc;
mod malformed;
mod masks;
mod mutation;
mod real;
mod support;
mod tiles;
mod vector;
mod warp;
mod zarr;
