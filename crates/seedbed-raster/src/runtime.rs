//! GDAL itself.

/// GDAL's release, such as `3.6.2`.
#[must_use]
pub fn gdal_version() -> String {
    todo!()
}

/// The short names of GDAL's drivers, sorted.
#[must_use]
pub fn driver_names() -> Vec<String> {
    todo!()
}

/// Whether GDAL has a driver, by its short name (`HDF4`, `netCDF`, `COG`).
#[must_use]
pub fn has_driver(_name: &str) -> bool {
    todo!()
}
