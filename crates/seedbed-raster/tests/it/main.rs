//! Rasters against other programs: GDAL's own, rasterio and rio-cogeo, and
//! against real files of the archives.

mod cog;
mod malformed;
mod real;
mod support;
mod tiles;
mod warp;
