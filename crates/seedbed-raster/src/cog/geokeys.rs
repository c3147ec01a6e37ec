//! A coordinate reference system as GeoTIFF's keys.

use crate::chunks::{Fault, Tags};
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
        let options = RasterCreationOptions::new();
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
        let unreadable = |fault: Fault| format!("GeoTIFF's keys for {crs} can't be read back: {fault:?}");
        let keys = parse(&bytes.map_err(said)?).map_err(unreadable)?;
        // Version, revision, and a count of at least the raster's own key.
        if keys.directory.len() < 8 {
            let projection = crs.projjson["conversion"]["method"]["name"].as_str();
            let what = projection.map_or_else(|| crs.to_string(), |name| format!("the projection {name}"));
            return Err(format!(
                "GeoTIFF has no keys for {what}: choose another coordinate reference system"
            ));
        }
        Ok(keys)
    }
}

/// The keys of a TIFF's first image; empty where it has none.
fn parse(file: &Vec<u8>) -> Result<GeoKeys, Fault> {
    let tags = Tags::read(file)?;
    let bytes = |tag| tags.fields.get(&tag).map_or(Ok(Vec::new()), |field| tags.values(field));
    let numbers = tags.numbers(DIRECTORY)?.into_iter();
    let double = |bytes: &[u8]| f64::from_bits(tags.order.number(bytes));
    Ok(GeoKeys {
        directory: numbers.map(|n| u16::try_from(n).unwrap_or(u16::MAX)).collect(),
        doubles: bytes(DOUBLES)?.chunks_exact(size_of::<f64>()).map(double).collect(),
        ascii: bytes(ASCII)?,
    })
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
        assert!(matches!(parse(&b"no tiff at all, and long".to_vec()), Err(Fault::Unknown(_))));
        assert!(matches!(parse(&b"II*\0\x08\0\0\0\x05\0 cut short".to_vec()), Err(Fault::Damaged(_))));
    }
}
