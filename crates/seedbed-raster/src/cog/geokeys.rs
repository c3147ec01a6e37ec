//! A coordinate reference system as GeoTIFF's keys.

use crate::{proj, runtime};
use gdal::raster::RasterCreationOptions;
use gdal::{DriverManager, vsi};
use seedbed_grid::Crs;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The three tags that hold them (OGC 19-008r4, GeoTIFF 1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct GeoKeys {
    /// `GeoKeyDirectoryTag`.
    pub directory: Vec<u16>,
    /// `GeoDoubleParamsTag`; may be empty.
    pub doubles: Vec<f64>,
    /// `GeoAsciiParamsTag` with its closing NUL; may be empty.
    pub ascii: Vec<u8>,
}

const DIRECTORY: u16 = 34_735;
const DOUBLES: u16 = 34_736;
const ASCII: u16 = 34_737;

/// Systems whose keys are kept; a run has a handful.
const KEPT: usize = 64;

impl GeoKeys {
    /// The keys that GDAL writes for a system: it is asked for a file of one pixel in memory,
    /// once for each system.
    ///
    /// # Errors
    /// GDAL's words, where it can't express the system.
    pub fn of(crs: &Crs) -> Result<Arc<Self>, String> {
        static KNOWN: Mutex<Option<HashMap<String, Arc<GeoKeys>>>> = Mutex::new(None);
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known().as_ref().and_then(|k| k.get(&crs.wkt2)) {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(Self::ask(crs)?);
        let mut known = known();
        let known = known.get_or_insert_default();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(crs.wkt2.clone(), Arc::clone(&keys));
        Ok(keys)
    }

    fn ask(crs: &Crs) -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let said = |e: gdal::errors::GdalError| runtime::reason(&e);
        let name = format!("/vsimem/seedbed-geokeys-{}.tif", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut options = RasterCreationOptions::new();
        options.set_name_value("ENDIANNESS", "LITTLE").map_err(said)?;
        let written = || {
            let gtiff = DriverManager::get_driver_by_name("GTiff")?;
            let mut dataset = gtiff.create_with_band_type_with_options::<u8, _>(&name, 1, 1, 1, &options)?;
            let srs = proj::spatial_ref(crs).map_err(|e| e.to_string());
            if let Ok(srs) = &srs {
                dataset.set_spatial_ref(srs)?;
            }
            // Without a place GDAL would write no keys of the raster.
            dataset.set_geo_transform(&[1.0, 1.0, 0.0, 1.0, 0.0, -1.0])?;
            dataset.close()?;
            Ok(srs.map(|_| ()))
        };
        let result = written();
        let bytes = vsi::get_vsi_mem_file_bytes_owned(&name);
        // What the keys can't express may have gone to a side file.
        let _ = vsi::unlink_mem_file(format!("{name}.aux.xml"));
        result.map_err(said)??;
        let unreadable = || format!("GeoTIFF's keys for {crs} can't be read back");
        let keys = parse(&bytes.map_err(said)?).ok_or_else(unreadable)?;
        // Version, revision, and a count of at least the raster's own key.
        if keys.directory.len() < 8 {
            return Err(format!("GeoTIFF has no keys for {crs}: choose another coordinate reference system"));
        }
        Ok(keys)
    }
}

/// The keys of a little-endian classic TIFF's first directory.
fn parse(file: &[u8]) -> Option<GeoKeys> {
    let bytes = |at: usize, n: usize| file.get(at..at.checked_add(n)?);
    let short = |at: usize| Some(u16::from_le_bytes(bytes(at, 2)?.try_into().ok()?));
    let long = |at: usize| usize::try_from(u32::from_le_bytes(bytes(at, 4)?.try_into().ok()?)).ok();
    if bytes(0, 4)? != b"II*\0" {
        return None;
    }
    let directory = long(4)?;
    let mut keys = GeoKeys { directory: Vec::new(), doubles: Vec::new(), ascii: Vec::new() };
    for i in 0..usize::from(short(directory)?) {
        let entry = directory + 2 + 12 * i;
        let (tag, count) = (short(entry)?, long(entry + 4)?);
        let value = |size: usize| {
            let n = count.checked_mul(size)?;
            bytes(if n <= 4 { entry + 8 } else { long(entry + 8)? }, n)
        };
        match tag {
            DIRECTORY => {
                let (pairs, _) = value(2)?.as_chunks::<2>();
                keys.directory = pairs.iter().map(|b| u16::from_le_bytes(*b)).collect();
            }
            DOUBLES => {
                let (eights, _) = value(8)?.as_chunks::<8>();
                keys.doubles = eights.iter().map(|b| f64::from_le_bytes(*b)).collect();
            }
            ASCII => keys.ascii = value(1)?.to_vec(),
            _ => {}
        }
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Proj;
    use seedbed_grid::Projections;

    #[test]
    fn a_code_is_one_key() {
        runtime::prepare();
        let keys = GeoKeys::of(&Proj.resolve("EPSG:32618").unwrap()).unwrap();
        assert_eq!(keys.directory[..3], [1, 1, 0]);
        // GTModelTypeGeoKey 1024: projected; ProjectedCSTypeGeoKey 3072: the code.
        let entries: Vec<&[u16]> = keys.directory.chunks(4).skip(1).collect();
        assert!(entries.contains(&&[1024_u16, 0, 1, 1][..]) && entries.contains(&&[3072, 0, 1, 32_618][..]));
        assert!(entries.contains(&&[1025_u16, 0, 1, 1][..]), "pixels are areas");
        assert_eq!(keys.ascii.last(), Some(&0));
        assert!(Arc::ptr_eq(&keys, &GeoKeys::of(&Proj.resolve("EPSG:32618").unwrap()).unwrap()));
    }

    #[test]
    fn other_systems_have_numbers() {
        runtime::prepare();
        let sinusoidal = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs";
        let keys = GeoKeys::of(&Proj.resolve(sinusoidal).unwrap()).unwrap();
        assert!(keys.doubles.contains(&6_371_007.181), "{keys:?}");
    }

    #[test]
    fn a_file_that_is_no_tiff_has_no_keys() {
        assert_eq!(parse(b"no tiff at all"), None);
        assert_eq!(parse(b"II*\0\x08\0\0\0\x05\0"), None);
    }
}
