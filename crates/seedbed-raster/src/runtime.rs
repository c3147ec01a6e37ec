//! GDAL itself: set up once, without network, threads or noise.

use crate::ffi;
use gdal::config::{set_config_option, set_error_handler};
use gdal::{DriverManager, errors::GdalError};
use std::sync::Once;

/// Drivers that open URLs. Seedbed fetches files itself, with its own retries
/// and credentials; GDAL only ever sees local files.
const NETWORK_DRIVERS: &[&str] = &[
    "AmigoCloud",
    "CSW",
    "Carto",
    "DAAS",
    "DAP",
    "EEDA",
    "EEDAI",
    "Elasticsearch",
    "HTTP",
    "JPIPKAK",
    "NGW",
    "OAPIF",
    "OGCAPI",
    "PLMOSAIC",
    "PLScenes",
    "PostGISRaster",
    "PostgreSQL",
    "STACIT",
    "STACTA",
    "WCS",
    "WFS",
    "WMS",
    "WMTS",
];

/// Prepares GDAL; every entry point of this crate calls it first.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let options = [
            ("GDAL_SKIP", NETWORK_DRIVERS.join(",")),
            // The curl file systems can't be removed; no file has this ending.
            ("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", ".seedbed-opens-no-url".to_owned()),
            ("GDAL_NUM_THREADS", "1".to_owned()),
            // Statistics and the like never go into side files of an input.
            ("GDAL_PAM_ENABLE_MARK_DIRTY", "OFF".to_owned()),
            // Side files are asked for by name: listing the folder costs more than
            // opening the file where there are thousands.
            ("GDAL_DISABLE_READDIR_ON_OPEN", "TRUE".to_owned()),
            ("CPL_DEBUG", "OFF".to_owned()),
        ];
        for (key, value) in options {
            if let Err(error) = set_config_option(key, &value) {
                tracing::warn!(key, %error, "GDAL refuses a setting");
            }
        }
        // GDAL keeps each thread's last message, which becomes the RasterError.
        set_error_handler(|class, number, message| {
            tracing::debug!(?class, number, message, "GDAL");
        });
        DriverManager::register_all();
        for name in NETWORK_DRIVERS {
            if let Ok(driver) = DriverManager::get_driver_by_name(name) {
                DriverManager::deregister_driver(&driver);
            }
        }
    });
    // PROJ's contexts and HDF5's error stacks are a thread's own.
    thread_local!(static QUIET: () = {
        ffi::disable_proj_network();
        ffi::silence_hdf5();
    });
    QUIET.with(|()| ());
}

/// What GDAL said, without the wrapper's words around it.
pub fn reason(error: &GdalError) -> String {
    let message = match error {
        GdalError::CplError { msg, .. } | GdalError::NullPointer { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    if message.is_empty() { "GDAL gives no reason".to_owned() } else { message }
}

/// GDAL's release, such as `3.6.2`.
#[must_use]
pub fn gdal_version() -> String {
    prepare();
    gdal::version::VersionInfo::release_name()
}

/// Whether GDAL reads signed bytes as such: from 3.7 on.
pub fn has_int8() -> bool {
    gdal::version::VersionInfo::version_num().parse::<u32>().is_ok_and(|n| n >= 3_070_000)
}

/// The short names of GDAL's drivers, sorted.
#[must_use]
pub fn driver_names() -> Vec<String> {
    prepare();
    let mut names: Vec<String> = DriverManager::all().map(|d| d.short_name()).collect();
    names.sort_unstable();
    names
}

/// Whether GDAL has a driver, by its short name (`HDF4`, `netCDF`, `COG`).
#[must_use]
pub fn has_driver(name: &str) -> bool {
    prepare();
    DriverManager::get_driver_by_name(name).is_ok()
}
