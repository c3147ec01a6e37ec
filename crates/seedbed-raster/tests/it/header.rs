//! A file's metadata through byte ranges, against what GDAL reads from the whole file.

use crate::support::{DAYMET, around, field, geobox, has, real_data, run, save};
use seedbed_raster::{Header, Raster, RasterError, RasterSource, ReadAt};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A local file that counts what is read of it.
struct Counted {
    file: File,
    read: AtomicU64,
}

impl ReadAt for Counted {
    fn size(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }

    fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// The header through ranges, and how many bytes it took.
fn through_ranges(path: &Path, variable: Option<&str>) -> (Result<Header, RasterError>, u64) {
    let file = Arc::new(Counted { file: File::open(path).unwrap(), read: AtomicU64::new(0) });
    let header = Header::of_netcdf(file.clone(), path, variable);
    (header, file.read.load(Ordering::Relaxed))
}

/// Both ways tell the same; `place` where the file says where it lies.
fn assert_same(path: &Path, variable: Option<&str>) -> u64 {
    let source = RasterSource {
        path: path.to_owned(),
        variable: variable.map(str::to_owned),
        claimed: seedbed_grid::Claim::default(),
    };
    let (header, read) = through_ranges(path, variable);
    let header = header.unwrap();
    match Header::of_file(&source) {
        Ok(whole) => {
            assert_eq!(
                header.displacement(&seedbed_grid::Claim {
                    crs: whole.crs.clone(),
                    affine: whole.affine,
                    shape: Some(whole.shape),
                    edges: None,
                }),
                None
            );
            assert_eq!(
                (&header.variable, &header.unit, &header.dates),
                (&whole.variable, &whole.unit, &whole.dates)
            );
            assert_eq!(
                (
                    header.shape,
                    header.data_type,
                    header.nodata.map(f64::to_bits),
                    header.scale,
                    header.offset
                ),
                (whole.shape, whole.data_type, whole.nodata.map(f64::to_bits), whole.scale, whole.offset)
            );
        }
        Err(RasterError::NoGeobox { .. }) => assert!(header.crs.is_none()),
        Err(error) => panic!("{error}"),
    }
    read
}

#[test]
fn headers_through_ranges_are_those_of_the_whole_file() {
    if !has("gdal_translate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tif = folder.path().join("a.tif");
    let place = geobox(DAYMET, (-4_560_750.0, 4_984_500.0), (1000.0, 1000.0), (700, 500));
    save(&tif, &place, &field(place.shape));
    for (format, name) in [("FORMAT=NC", "classic.nc"), ("FORMAT=NC4", "hdf5.nc")] {
        let path = folder.path().join(name);
        run(
            "gdal_translate",
            &["-q", "-of", "netCDF", "-co", format, tif.to_str().unwrap(), path.to_str().unwrap()],
        );
        let read = assert_same(&path, None);
        let size = std::fs::metadata(&path).unwrap().len();
        println!("{name}: {read} of {size} bytes");
        assert!(read < size / 2, "{read} of {size}");
        let (header, _) = through_ranges(&path, None);
        let header = header.unwrap();
        assert_eq!(header.displacement(&place.clone().into()), None);
        let mut off = place.clone();
        off.affine.c += 500.0;
        assert!(header.displacement(&off.clone().into()).unwrap().contains("0.50 px off"));
        assert!(
            header
                .displacement(&around(&place, "EPSG:5070", 1000.0, (700, 500)).into())
                .unwrap()
                .contains("EPSG:5070")
        );
        let missing = through_ranges(&path, Some("no such variable")).0.unwrap_err();
        assert!(matches!(missing, RasterError::Variable { available, .. } if available.len() == 1));
    }
    let broken = folder.path().join("broken.nc");
    std::fs::write(&broken, b"\x89HDF\r\n\x1a\nand nothing that follows from it").unwrap();
    assert!(through_ranges(&broken, None).0.unwrap_err().to_string().contains("broken.nc"));
}

#[test]
fn real_netcdf_headers_through_ranges_are_those_of_the_whole_file() {
    let Some(data) = real_data() else { return };
    for file in [
        "daymet/daymet_v4_daily_na_subset_2019_prcp_dayl.nc",
        "gridmet/oregon_pr_2000_subset.nc",
        "gridmet/oregon_tmmn_2000_subset.nc",
        "maca/macav2metdata_CanESM2_rcp45_2006-01-01_california.nc",
    ] {
        let path = data.join(file);
        let size = std::fs::metadata(&path).unwrap().len();
        for variable in Raster::variables(&path).unwrap() {
            let read = assert_same(&path, Some(&variable));
            println!("{file} {variable}: {read} of {size} bytes");
        }
    }
}
