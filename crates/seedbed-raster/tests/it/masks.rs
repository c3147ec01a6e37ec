//! GeoTIFFs whose pixels are taken out by a mask, and those of signed bytes, as rasterio writes them.

use crate::support::{python, run};
use seedbed_block::PixelRange;
use seedbed_raster::{DType, Raster, RasterError, RasterSource};
use std::path::Path;
use std::sync::Arc;

/// 20 by 30 pixels of which the first five rows are masked, and one file of signed bytes.
const WRITE: &str = "
import sys, numpy as np, rasterio
from rasterio.shutil import copy
from rasterio.transform import from_origin
folder = sys.argv[1] + '/'
rows, cols = 20, 30
values = np.arange(rows * cols, dtype='f4').reshape(rows, cols) + 1
mask = np.full(values.shape, 255, 'u1')
mask[:5] = 0
values[:5] = -9999
place = dict(driver='GTiff', width=cols, height=rows, crs='EPSG:4326', transform=from_origin(10, 50, .1, .1))
def write(name, bands, internal=True, mask=None, **more):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        with rasterio.open(folder + name, 'w', count=len(bands), dtype=bands[0].dtype, **place, **more) as f:
            for number, band in enumerate(bands, 1):
                f.write(band, number)
            if mask is not None:
                f.write_mask(mask)
write('within.tif', [values], mask=mask, compress='deflate', tiled=True, blockxsize=16, blockysize=16)
write('both.tif', [values, values + 1], mask=mask, interleave='band')
write('lerc.tif', [values], mask=mask, compress='lerc')
write('beside.tif', [values], internal=False, mask=mask)
write('opaque.tif', [values.clip(0, 254).astype('u1'), mask], alpha='yes', interleave='band')
write('nodata.tif', [values], mask=np.full(mask.shape, 255, 'u1'), nodata=-9999)
with rasterio.open(folder + 'within.tif', 'r+') as f:
    f.build_overviews([2, 4])
signed = (np.arange(rows * cols).reshape(rows, cols) % 201 - 100).astype('i1')
signed[:5] = -128
write('signed.tif', [signed], nodata=-128)
write('packed.tif', [signed], nodata=-128, compress='packbits')
write('deflated.tif', [signed], nodata=-128, compress='deflate', predictor=2)
write('whole.tif', [values])
with rasterio.open(folder + 'whole.tif', 'r+') as f:
    f.build_overviews([2, 4])
";

fn written() -> Option<tempfile::TempDir> {
    let python = python()?;
    let folder = tempfile::tempdir().unwrap();
    run(&python, &["-c", WRITE, folder.path().to_str().unwrap()]);
    Some(folder)
}

fn values(raster: &Raster, layer: usize) -> Vec<f64> {
    raster.read(layer, PixelRange::of_shape(raster.geobox().shape)).unwrap()
}

fn by_ranges(path: &Path) -> Result<Raster, RasterError> {
    Raster::open_at(Arc::new(std::fs::read(path).unwrap()), &RasterSource::new(path))
}

#[test]
fn masked_pixels_hold_no_data() {
    let Some(folder) = written() else { return };
    for (name, layers) in
        [("within", 1), ("both", 2), ("lerc", 1), ("beside", 1), ("opaque", 1), ("nodata", 1)]
    {
        let path = folder.path().join(format!("{name}.tif"));
        let mut raster = Raster::open(&RasterSource::new(&path)).unwrap();
        assert_eq!(raster.layers().len(), layers, "{name}");
        for turn in 0..2 {
            for layer in 0..layers {
                let found = values(&raster, layer);
                let expected = |n: usize| match name {
                    "opaque" => ((n + 1) as f64).min(254.0),
                    _ => (n + 1 + layer) as f64,
                };
                let is_right = |(n, v): (usize, &f64)| {
                    if n < 150 { v.is_nan() } else { *v == expected(n) }
                };
                assert!(found.iter().enumerate().all(is_right), "{name}, turn {turn}: {found:?}");
                let part = PixelRange { row0: 3, col0: 7, rows: 4, cols: 5 };
                let part: Vec<f64> = raster.read(layer, part).unwrap();
                assert!(part[..10].iter().all(|v| v.is_nan()) && part[10] == expected(157), "{name}");
            }
            raster.leave_to_library();
        }
    }
}

#[test]
fn masks_are_not_missed_by_ranges() {
    let Some(folder) = written() else { return };
    for name in ["within", "both", "opaque", "nodata"] {
        let path = folder.path().join(format!("{name}.tif"));
        let error = by_ranges(&path).err().unwrap();
        let told = error.to_string();
        assert!(matches!(error, RasterError::Ranges { .. }), "{told}");
        assert!(told.contains(name) && told.contains("mask"), "{told}");
    }
    // Overviews are no masks.
    let whole = by_ranges(&folder.path().join("whole.tif")).unwrap();
    assert!(values(&whole, 0).iter().all(|v| v.is_finite()));
}

#[test]
fn signed_bytes_are_signed() {
    let Some(folder) = written() else { return };
    for name in ["signed", "packed", "deflated"] {
        let path = folder.path().join(format!("{name}.tif"));
        let local = Raster::open(&RasterSource::new(&path)).unwrap();
        let mut library = Raster::open(&RasterSource::new(&path)).unwrap();
        library.leave_to_library();
        let rasters = [Some(local), Some(library), by_ranges(&path).ok()];
        assert_eq!(rasters[2].is_some(), name != "packed");
        for raster in rasters.iter().flatten() {
            assert_eq!((raster.data_type(), raster.nodata()), (DType::Int8, Some(-128.0)), "{name}");
            let expected = |n: usize| if n < 150 { f64::NAN } else { (n % 201) as f64 - 100.0 };
            let is_right = |(n, v): (usize, &f64)| v.total_cmp(&expected(n)).is_eq();
            assert!(values(raster, 0).iter().enumerate().all(is_right), "{name}");
        }
    }
}
