//! COGs compressed by LERC, as other readers see them.

use crate::support::{DAYMET, field, geobox, open, python, read_all, run};
use seedbed_raster::cog::{BandMeta, CogOptions, Compress, Overview, Threads, write, write_on};
use seedbed_raster::{DType, has_driver};

const READ: &str = r#"
import json, sys
import numpy, rasterio
from rio_cogeo.cogeo import cog_validate
path, raw = sys.argv[1:3]
valid, errors, warnings = cog_validate(path, strict=True)
assert valid and not errors and not warnings, (errors, warnings)
with rasterio.open(path) as d:
    found = d.read(1).astype("float64") * d.scales[0] + d.offsets[0]
    missing = d.read_masks(1) == 0
    meant = numpy.fromfile(raw).reshape(found.shape)
    assert (missing == numpy.isnan(meant)).all()
    print(json.dumps({
        "compress": d.profile["compress"], "dtype": d.dtypes[0], "unit": d.units[0], "name": d.descriptions[0],
        "scale": d.scales[0], "overviews": len(d.overviews(1)), "nodata": str(d.nodata),
        "error": float(numpy.abs(found - meant)[~missing].max()), "tile": d.block_shapes[0][0],
    }))
"#;

fn lerc(compress: Compress, max_z_error: f64) -> CogOptions {
    CogOptions { compress, max_z_error: Some(max_z_error), ..CogOptions::default() }
}

#[test]
fn rasterio_reads_values_within_the_bound() {
    let Some(python) = python() else { return };
    if !has_driver("COG") {
        println!("skipped: this GDAL has no driver COG");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = geobox(DAYMET, (1_000_000.0, 500_000.0), (1000.0, 1000.0), (700, 1300));
    let values = field(place.shape);
    let raw = folder.path().join("values");
    std::fs::write(&raw, values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let band = BandMeta { name: "tmax".to_owned(), unit: Some("degC".to_owned()) };
    let scaled = CogOptions {
        dtype: DType::Int16,
        scale: 0.01,
        nodata: Some(-32_768.0),
        max_z_error: None,
        overview: Overview::Nearest,
        ..lerc(Compress::LercDeflate, 0.0)
    };
    let mut sizes = Vec::new();
    for (name, options, bound) in [
        ("exact", lerc(Compress::LercZstd, 0.0), 0.0),
        ("hundredth", lerc(Compress::LercZstd, 0.01), 0.01),
        ("tenth", CogOptions { level: Some(9), ..lerc(Compress::LercDeflate, 0.1) }, 0.1),
        ("plain", CogOptions { dtype: DType::Float64, ..lerc(Compress::Lerc, 0.5) }, 0.5),
        ("int16", scaled, 0.005),
    ] {
        let path = folder.path().join(format!("{name}.tif"));
        write(&path, &place, &values, &band, &options).unwrap();
        let told = run(&python, &["-c", READ, path.to_str().unwrap(), raw.to_str().unwrap()]);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        println!("{name}: {told}, {} bytes", path.metadata().unwrap().len());
        let error = told["error"].as_f64().unwrap();
        // The values are below 20, whose neighbours in 32 bits are 2e-6 away.
        assert!(error <= bound + 2e-6 && (bound == 0.0 || error > bound / 2.0), "{name}: {error}");
        assert_eq!(told["compress"].as_str().unwrap(), options.compress.name().replace('-', "_"));
        assert_eq!((&told["dtype"], &told["unit"]), (&options.dtype.name().into(), &"degC".into()));
        assert_eq!(
            (&told["name"], &told["tile"], &told["overviews"]),
            (&"tmax".into(), &512.into(), &2.into())
        );
        let raster = open(&path);
        assert_eq!((raster.geobox(), raster.scale()), (&place, options.scale));
        assert!(
            read_all(&raster)
                .iter()
                .zip(&values)
                .all(|(a, b)| { (a.is_nan() && b.is_nan()) || (a - b).abs() <= bound + 2e-6 })
        );
        sizes.push(path.metadata().unwrap().len());
        let again = folder.path().join("again.tif");
        write_on(Threads::Pool, &again, &place, &values, &band, &options).unwrap();
        assert!(std::fs::read(&again).unwrap() == std::fs::read(&path).unwrap(), "{name}: other bytes");
        std::fs::remove_file(&again).unwrap();
    }
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "a wider bound makes a smaller file: {sizes:?}");
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
}

#[test]
fn a_bound_that_cant_be_kept_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let place = geobox("EPSG:4326", (-124.0, 44.0), (0.05, 0.05), (20, 30));
    let refused = |options: CogOptions| {
        write(&path, &place, &vec![1.5; 600], &BandMeta::default(), &options).unwrap_err().to_string()
    };
    let integer = CogOptions { dtype: DType::Int16, nodata: None, ..lerc(Compress::Lerc, 0.5) };
    assert!(refused(integer).contains("whole steps"));
    let sentinel = CogOptions { nodata: Some(-9999.0), ..lerc(Compress::Lerc, 0.5) };
    assert!(refused(sentinel).contains("NaN"));
    assert!(refused(lerc(Compress::Zstd, 0.5)).contains("lerc"));
    assert!(refused(lerc(Compress::Lerc, -1.0)).contains("-1"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // Without an error, any nodata value keeps itself.
    let exact = CogOptions { nodata: Some(-9999.0), ..lerc(Compress::LercZstd, 0.0) };
    write(&path, &place, &vec![f64::NAN; 600], &BandMeta::default(), &exact).unwrap();
    assert!(read_all(&open(&path)).iter().all(|v| v.is_nan()));
}
