//! Writing files: whole or not at all, as netCDF-4 and as `GeoTIFF`.

pub mod chunks;
pub mod file;
pub mod geotiff;
pub mod projection;
