//! COGs as other readers see them.

use crate::support::{DAYMET, MODIS, field, geobox, has, open, python, read_all, run, south_up};
use seedbed_grid::GeoBox;
use seedbed_raster::cog::{BandMeta, CogOptions, Compress, Overview, write};
use seedbed_raster::{DType, has_driver};
use std::path::Path;

const CHECK: &str = r#"
import json, sys
import numpy, rasterio
from rio_cogeo.cogeo import cog_validate
path = sys.argv[1]
valid, errors, warnings = cog_validate(path, strict=True)
assert valid and not errors and not warnings, (errors, warnings)
with rasterio.open(path) as d:
    data = d.read(1, masked=True)
    print(json.dumps({
        "dtype": d.dtypes[0], "nodata": str(d.nodata), "scale": d.scales[0], "offset": d.offsets[0],
        "unit": d.units[0], "name": d.descriptions[0], "overviews": len(d.overviews(1)),
        "tile": d.block_shapes[0][0], "compress": str(d.profile.get("compress")), "shape": list(d.shape),
        "transform": list(d.transform)[:6], "tags": d.tags(), "valid": int(data.count()),
        "sum": float(data.astype("float64").sum()), "epsg": d.crs.to_epsg(),
    }))
"#;

fn save(path: &Path, geobox: &GeoBox, options: &CogOptions) -> Vec<f64> {
    let values = field(geobox.shape);
    let band = BandMeta { name: "tmax".to_owned(), unit: Some("degC".to_owned()) };
    write(path, geobox, &values, &band, options).unwrap();
    values
}

fn int16() -> CogOptions {
    CogOptions { dtype: DType::Int16, scale: 0.01, nodata: Some(-32_768.0), ..CogOptions::default() }
}

#[test]
fn rio_cogeo_validates_them_and_rasterio_reads_their_metadata() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let big = geobox("EPSG:5070", (1_000_000.0, 2_000_000.0), (1000.0, 1000.0), (1300, 700));
    for (name, options) in [
        ("int16", int16()),
        ("float32", CogOptions::default()),
        ("float64", CogOptions { dtype: DType::Float64, compress: Compress::Zstd, ..CogOptions::default() }),
        (
            "uint8",
            CogOptions {
                dtype: DType::UInt8,
                nodata: Some(255.0),
                scale: 0.1,
                overview: Overview::Nearest,
                ..CogOptions::default()
            },
        ),
        ("uncompressed", CogOptions { compress: Compress::None, ..CogOptions::default() }),
    ] {
        let path = folder.path().join(format!("{name}.tif"));
        let values = save(&path, &big, &options);
        let text = run(&python, &["-c", CHECK, path.to_str().unwrap()]);
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        println!("{name}: {found}");
        assert_eq!(found["dtype"], options.dtype.name());
        assert_eq!(found["scale"].as_f64().unwrap(), options.scale);
        assert_eq!(found["unit"], "degC");
        assert_eq!(found["name"], "tmax");
        assert_eq!(found["epsg"], 5070);
        assert_eq!(found["tile"], 512);
        assert_eq!(found["overviews"], 2);
        assert_eq!(found["transform"], serde_json::json!([1000.0, 0.0, 1e6, 0.0, -1000.0, 2e6]));
        assert_eq!(
            found["tags"].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["AREA_OR_POINT"],
            "no date, no software"
        );
        let valid: Vec<f64> = values.into_iter().filter(|v| !v.is_nan()).collect();
        assert_eq!(found["valid"], valid.len());
        let sum = found["sum"].as_f64().unwrap() * options.scale;
        let expected: f64 = valid.iter().sum();
        assert!((sum - expected).abs() < 1e-3 * expected, "{sum} {expected}");
        let others: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(others.iter().all(|n| n.to_string_lossy().ends_with(".tif")), "no side files: {others:?}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let place = geobox(MODIS, (-7_783_653.6, 4_447_802.1), (926.625_433, 926.625_433), (700, 600));
    for (name, options) in [("int16", int16()), ("float32", CogOptions::default())] {
        let [a, b] = ["a", "b"].map(|x| folder.path().join(format!("{name}-{x}.tif")));
        save(&a, &place, &options);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        save(&b, &place, &options);
        assert!(std::fs::read(&a).unwrap() == std::fs::read(&b).unwrap(), "{name}");
    }
}

#[test]
fn scaled_values_come_back_within_half_a_step() {
    let folder = tempfile::tempdir().unwrap();
    for (i, place) in [
        geobox(DAYMET, (1_500_250.0, -300_500.0), (1000.0, 1000.0), (100, 90)),
        geobox(MODIS, (-7_783_653.6, 4_447_802.1), (926.625_433, 926.625_433), (600, 20)),
        south_up(&geobox("EPSG:4326", (-124.0, 44.0), (0.05, 0.05), (30, 40))),
        geobox("EPSG:4269", (-125.020_833_333, 49.9375), (1.0 / 24.0, 1.0 / 24.0), (20, 20)),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{i}.tif"));
        let values = save(&path, &place, &int16());
        let raster = open(&path);
        assert_eq!(raster.geobox(), &place);
        assert_eq!(
            (raster.data_type(), raster.nodata(), raster.unit()),
            (DType::Int16, Some(-32_768.0), Some("degC"))
        );
        assert_eq!(raster.variable(), Some("tmax"));
        for (a, b) in read_all(&raster).iter().zip(&values) {
            assert!(a.is_nan() && b.is_nan() || (a - b).abs() <= 0.005 + 1e-12, "{a} {b}");
        }
    }
}

#[test]
fn nothing_is_left_behind_by_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let place = geobox("EPSG:4326", (-124.0, 44.0), (0.05, 0.05), (2, 2));
    let path = folder.path().join("a.tif");
    let narrow = CogOptions { dtype: DType::UInt8, nodata: Some(255.0), ..CogOptions::default() };
    let band = BandMeta::default();
    let error = write(&path, &place, &[1.0, 2.0, 999.0, 3.0], &band, &narrow).unwrap_err();
    assert!(error.to_string().contains("999 at row 1, column 0"), "{error}");
    assert!(write(&path, &place, &[1.0; 3], &band, &narrow).is_err());
    assert!(write(&folder.path().join("no/a.tif"), &place, &[1.0; 4], &band, &narrow).is_err());
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    write(&path, &place, &[1.0; 4], &band, &narrow).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(write(&path, &place, &[2.0; 4], &band, &narrow).is_err(), "it exists");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn gdal_calls_the_layout_cog() {
    assert!(has_driver("COG") && !has_driver("HTTP") && !has_driver("WMS"));
    if !has("gdalinfo") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    save(&path, &geobox("EPSG:4326", (-124.0, 44.0), (0.01, 0.01), (200, 250)), &int16());
    let text = run("gdalinfo", &[path.to_str().unwrap()]);
    assert!(text.contains("LAYOUT=COG") && text.contains("Block=256x256"), "{text}");
}
