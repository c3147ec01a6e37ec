//! Cubes as xarray reads them, and what xarray writes as we read it.

use crate::support::{DAYMET, geobox, noise, python, run, south_up};
use seedbed_block::{Date, PixelRange, date};
use seedbed_grid::GeoBox;
use seedbed_raster::cog::{BandMeta, CogOptions, Compress, Threads};
use seedbed_raster::zarr::{Cube, CubeWriter};
use seedbed_raster::{DType, Raster, RasterError, RasterSource, same_crs};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Days with gaps between them, across a leap day.
fn days(n: usize) -> Vec<Date> {
    let step = |i: usize| jiff::Span::new().days(3 * i64::try_from(i).unwrap() + i64::from(i > 4));
    (0..n).map(|i| date(2004, 2, 20).checked_add(step(i)).unwrap()).collect()
}

/// Layers of whole tenths, with holes, a layer of nothing and an empty corner.
fn values(geobox: &GeoBox, layers: usize) -> Vec<f64> {
    let shape = geobox.shape;
    (0..layers * shape.len())
        .map(|i| {
            let (layer, row, col) = (i / shape.len(), i / shape.cols % shape.rows, i % shape.cols);
            let hole = noise(i) < 0.05 || layer == 3 || (row >= 256 && col >= 512);
            if hole { f64::NAN } else { (noise(i + 7) * 2000.0).round() / 10.0 - 20.0 }
        })
        .collect()
}

fn write(
    path: &Path,
    geobox: &GeoBox,
    dates: &[Date],
    values: &[f64],
    options: &CogOptions,
) -> Result<(), RasterError> {
    let band = BandMeta { name: "tmax".to_owned(), unit: Some("degC".to_owned()) };
    let cube = Cube { geobox, dates, band: &band, title: "highest temperature", options };
    let mut writer = CubeWriter::create(path, &cube, Threads::Pool)?;
    let step = writer.layers_at_once() * geobox.shape.len();
    for part in values.chunks(step) {
        writer.write(part)?;
    }
    writer.finish()?;
    Ok(())
}

fn int16() -> CogOptions {
    CogOptions { dtype: DType::Int16, scale: 0.1, nodata: Some(-32_768.0), ..CogOptions::default() }
}

/// Whether an interpreter has zarr; says so where it hasn't.
fn zarr() -> Option<String> {
    let python = python()?;
    let found = Command::new(&python).args(["-c", "import zarr"]).output().unwrap().status.success();
    if !found {
        println!("skipped: the Python of SEEDBED_PYTHON has no zarr");
    }
    found.then_some(python)
}

const READ: &str = r#"
import json, sys
import numpy, rioxarray, xarray, zarr
path, nodata = sys.argv[1], float(sys.argv[2])
with xarray.open_zarr(path, consolidated=True, decode_coords="all", decode_cf=True) as d, \
        xarray.open_zarr(path, mask_and_scale=False) as raw:
    v = d.tmax
    stored = raw.tmax.values
    x, y = d.rio.transform() * (0.5, 0.5)
    values = v.values.astype("float64")
    assert d.rio.crs == v.rio.crs
    array = zarr.open_group(path)["tmax"]
    print(json.dumps({
        "dims": v.dims, "dtype": str(stored.dtype), "days": [str(t)[:10] for t in d.time.values],
        "sum": float(numpy.nansum(values)), "valid": int(numpy.isfinite(values).sum()),
        "fill": int((stored == nodata).sum()) if nodata == nodata else int(numpy.isnan(stored).sum()),
        "last": [float(n) if n == n else None for n in values[-1, -1, :5]], "wkt": d.rio.crs.to_wkt("WKT2_2019"),
        "epsg": d.rio.crs.to_epsg(), "transform": list(d.rio.transform())[:6], "first": [x, y],
        "coordinates": [float(d.x[0]), float(d.y[0])],
        "unit": v.attrs["units"], "name": v.attrs["long_name"], "calendar": d.time.encoding["calendar"],
        "shards": array.shards, "chunks": array.chunks, "consolidated": zarr.open_group(path).metadata.consolidated_metadata is not None,
    }))
"#;

#[test]
fn xarray_reads_the_same_values_times_and_place() {
    let Some(python) = zarr() else { return };
    let folder = tempfile::tempdir().unwrap();
    let lcc = geobox(DAYMET, (-1_250_500.0, 90_500.0), (1000.0, 1000.0), (300, 1300));
    let degrees = geobox("EPSG:4326", (-75.3, 42.1), (0.002_245_788_2, 0.002_245_788_2), (41, 57));
    let float = CogOptions { compress: Compress::Zstd, level: Some(5), ..CogOptions::default() };
    let plain = CogOptions { compress: Compress::None, dtype: DType::Float64, ..CogOptions::default() };
    for (name, geobox, layers, options) in [
        ("int16", &lcc, 20, int16()),
        ("float32", &degrees, 33, float),
        ("float64", &south_up(&degrees), 2, plain),
        ("minus", &degrees, 5, CogOptions { nodata: Some(-9999.0), ..CogOptions::default() }),
    ] {
        let path = folder.path().join(format!("{name}.zarr"));
        let (dates, values) = (days(layers), values(geobox, layers));
        write(&path, geobox, &dates, &values, &options).unwrap();
        let nodata = options.nodata.unwrap().to_string();
        let told = run(&python, &["-c", READ, path.to_str().unwrap(), &nodata]);
        let told: Value = serde_json::from_str(&told).unwrap();
        println!("{name}: {} in chunks of {}", told["shards"], told["chunks"]);
        let valid = values.iter().filter(|v| !v.is_nan());
        assert_eq!(told["valid"], valid.clone().count(), "{name}");
        assert_eq!(told["fill"], values.len() - valid.clone().count(), "{name}");
        let sum: f64 = valid.sum();
        assert!((told["sum"].as_f64().unwrap() - sum).abs() < 1e-4 * values.len() as f64, "{name} {sum}");
        for (i, found) in told["last"].as_array().unwrap().iter().enumerate() {
            let (row, shape) = (layers * geobox.shape.rows - 1, geobox.shape);
            let meant = values[row * shape.cols + i];
            match found.as_f64() {
                Some(found) => assert!((found - meant).abs() < 1e-5, "{name} {found} {meant}"),
                None => assert!(meant.is_nan(), "{name} {found} {meant}"),
            }
        }
        let meant: Vec<String> = dates.iter().map(ToString::to_string).collect();
        assert_eq!(told["days"], serde_json::json!(meant), "{name}");
        assert_eq!(told["dims"], serde_json::json!(["time", "y", "x"]));
        assert_eq!((&told["dtype"], &told["calendar"]), (&options.dtype.name().into(), &"standard".into()));
        assert_eq!((&told["unit"], &told["name"]), (&"degC".into(), &"highest temperature".into()));
        let a = geobox.affine;
        assert_eq!(told["transform"], serde_json::json!([a.a, a.b, a.c, a.d, a.e, a.f]), "{name}");
        assert_eq!(told["coordinates"], told["first"], "{name}");
        assert!(same_crs(&geobox.crs, &crate::support::crs(told["wkt"].as_str().unwrap())), "{told}");
        assert_eq!(told["consolidated"], true);
        if name == "int16" {
            assert_eq!((&told["shards"], &told["chunks"]), (&[16, 512, 1024].into(), &[16, 256, 256].into()));
        }
    }
}

#[test]
fn a_cube_comes_back_in_whole_and_in_windows() {
    let folder = tempfile::tempdir().unwrap();
    let lcc = geobox(DAYMET, (-1_250_500.0, 90_500.0), (1000.0, 1000.0), (300, 1300));
    for (compress, dtype) in [
        (Compress::Deflate, DType::Int16),
        (Compress::Zstd, DType::Int32),
        (Compress::Zstd, DType::Float32),
        (Compress::None, DType::Float64),
    ] {
        let path = folder.path().join(format!("{compress}-{dtype}.zarr"));
        let (dates, meant) = (days(18), values(&lcc, 18));
        let options = CogOptions { compress, dtype, ..int16() };
        write(&path, &lcc, &dates, &meant, &options).unwrap();
        let raster = Raster::open(&RasterSource::new(&path)).unwrap();
        assert_eq!((raster.geobox(), raster.unit()), (&lcc, Some("degC")));
        assert!(same_crs(&raster.geobox().crs, &lcc.crs));
        assert_eq!((raster.data_type(), raster.scale(), raster.nodata()), (dtype, 0.1, Some(-32_768.0)));
        assert_eq!(raster.layers().iter().map(|l| l.date.unwrap()).collect::<Vec<_>>(), dates);
        assert_eq!(
            (raster.variable(), Raster::variables(&path).unwrap()),
            (Some("tmax"), vec!["tmax".to_owned()])
        );
        for (layers, window) in [
            (0..18, PixelRange::of_shape(lcc.shape)),
            (15..17, PixelRange { row0: 250, col0: 1000, rows: 20, cols: 299 }),
            (17..18, PixelRange { row0: 299, col0: 1299, rows: 1, cols: 1 }),
        ] {
            let found: Vec<f64> = raster.read_layers(layers.clone(), window).unwrap();
            let at = |n: i64| usize::try_from(n).unwrap();
            let part = layers.flat_map(|l| {
                let meant = &meant;
                (0..at(window.rows)).flat_map(move |r| {
                    let start = (l * 300 + at(window.row0) + r) * 1300 + at(window.col0);
                    meant[start..start + at(window.cols)].iter()
                })
            });
            let wrong =
                part.zip(&found).filter(|(m, f)| !((*m - *f).abs() < 1e-5 || (m.is_nan() && f.is_nan())));
            assert_eq!((wrong.count(), found.len()), (0, found.len()), "{compress} {dtype}");
        }
    }
}

#[test]
fn the_same_cube_is_the_same_bytes_on_one_thread_and_on_many() {
    let folder = tempfile::tempdir().unwrap();
    let lcc = geobox(DAYMET, (0.0, 0.0), (1000.0, 1000.0), (300, 1300));
    let (dates, values) = (days(3), values(&lcc, 3));
    let options = CogOptions { compress: Compress::Zstd, level: Some(9), ..int16() };
    let band = BandMeta { name: "a".to_owned(), unit: None };
    let cube = Cube { geobox: &lcc, dates: &dates, band: &band, title: "", options: &options };
    let all = [Threads::Caller, Threads::Pool].map(|threads| {
        let path = folder.path().join(format!("{threads:?}.zarr"));
        let mut writer = CubeWriter::create(&path, &cube, threads).unwrap();
        writer.write(&values).unwrap();
        writer.finish().unwrap();
        let files =
            ["zarr.json", "a/zarr.json", "a/c/0/0/0", "a/c/0/0/1", "time/c/0", "x/c/0", "spatial_ref/c"];
        files.map(|file| fs::read(path.join(file)).unwrap())
    });
    assert!(all[0] == all[1]);
}

#[test]
fn what_isnt_finished_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    let lcc = geobox(DAYMET, (0.0, 0.0), (1000.0, 1000.0), (30, 20));
    let band = BandMeta { name: "tmax".to_owned(), unit: None };
    let dates = days(20);
    let options = int16();
    let cube = Cube { geobox: &lcc, dates: &dates, band: &band, title: "", options: &options };
    let mut writer = CubeWriter::create(&path, &cube, Threads::Caller).unwrap();
    let wrong = writer.write(&[1.0; 7]).unwrap_err().to_string();
    assert!(wrong.contains("7 values"), "{wrong}");
    writer.write(&vec![1.0; 16 * 600]).unwrap();
    assert!(!path.exists());
    let short = writer.finish().unwrap_err().to_string();
    assert!(short.contains("16 of its 20 layers"), "{short}");
    let mut writer = CubeWriter::create(&path, &cube, Threads::Caller).unwrap();
    let error = writer.write(&vec![1e9; 16 * 600]).unwrap_err();
    assert!(matches!(error, RasterError::Range { .. }), "{error}");
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let days = [dates[1], dates[0]];
    let cube = Cube { dates: &days, ..cube };
    assert!(CubeWriter::create(&path, &cube, Threads::Caller).is_err());
    let named = BandMeta { name: "time".to_owned(), unit: None };
    let cube = Cube { dates: &dates, band: &named, ..cube };
    assert!(CubeWriter::create(&path, &cube, Threads::Caller).unwrap_err().to_string().contains("`time`"));
}

#[test]
fn damage_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    let lcc = geobox(DAYMET, (0.0, 0.0), (1000.0, 1000.0), (30, 20));
    let read = || {
        let raster = Raster::open(&RasterSource::new(&path))?;
        raster.read_layers::<f32>(0..5, PixelRange::of_shape(lcc.shape)).map(|v| v.len())
    };
    for (file, spoil) in [
        ("tmax/c/0/0/0", (|b: &mut Vec<u8>| b[40] ^= 1) as fn(&mut Vec<u8>)),
        ("tmax/c/0/0/0", |b| b.truncate(b.len() - 1)),
        ("tmax/c/0/0/0", |b| b.truncate(3)),
        ("tmax/c/0/0/0", |b| *b.last_mut().unwrap() ^= 1),
        ("tmax/zarr.json", |b| b.truncate(b.len() / 2)),
        ("tmax/zarr.json", |b| {
            *b = String::from_utf8(b.clone()).unwrap().replace("sharding_indexed", "bitround").into();
        }),
        ("x/c/0", |b| b.truncate(b.len() - 8)),
        ("zarr.json", |b| b.clear()),
    ] {
        let _ = fs::remove_dir_all(&path);
        write(&path, &lcc, &days(5), &values(&lcc, 5), &int16()).unwrap();
        assert_eq!(read().unwrap(), 5 * 600);
        let at = path.join(file);
        let mut bytes = fs::read(&at).unwrap();
        spoil(&mut bytes);
        fs::write(&at, bytes).unwrap();
        let error = read().unwrap_err().to_string();
        println!("{error}");
        assert!(error.contains("a.zarr"), "{error}");
    }
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let error = Raster::open(&RasterSource::new(&empty)).err().unwrap().to_string();
    assert!(error.contains("no Zarr group"), "{error}");
}

const WRITE: &str = r#"
import sys
import numpy, xarray, zarr
path, version, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
t, y, x = 5, 40, 30
values = (numpy.arange(t * y * x, dtype="float32").reshape(t, y, x) % 977) / 4
values[2, 3:9, 4] = numpy.nan
# ERA5's name of a temperature is also one of time.
name = "t" if how == "usual" else "tmax"
d = xarray.Dataset(
    {name: (("time", "lat", "lon"), values, {"units": "degC"})},
    {"time": numpy.arange("2004-02-27", "2004-03-03", dtype="datetime64[D]").astype("datetime64[ns]"),
     "lat": 45 - (numpy.arange(y) + 0.5) / 10, "lon": -100 + (numpy.arange(x) + 0.5) / 10},
)
encoding = {"chunks": (2, 16, 16)}
if how == "scaled":
    encoding |= {"dtype": "int16", "scale_factor": 0.25, "add_offset": -5.0, "_FillValue": -9999}
elif how == "sharded":
    encoding |= {"shards": (4, 32, 32)}
elif how == "plain":
    encoding |= {"compressors": None}
d.to_zarr(path, zarr_format=version, encoding={name: encoding}, consolidated=version == 2)
"#;

#[test]
fn what_xarray_writes_is_read_in_both_versions() {
    let Some(python) = zarr() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (version, how) in
        [(3, "usual"), (3, "scaled"), (3, "sharded"), (3, "plain"), (2, "usual"), (2, "scaled"), (2, "plain")]
    {
        let path = folder.path().join(format!("{version}-{how}.zarr"));
        run(&python, &["-c", WRITE, path.to_str().unwrap(), &version.to_string(), how]);
        let raster = Raster::open(&RasterSource::new(&path)).unwrap();
        let dates: Vec<String> = raster.layers().iter().map(|l| l.date.unwrap().to_string()).collect();
        assert_eq!(dates, ["2004-02-27", "2004-02-28", "2004-02-29", "2004-03-01", "2004-03-02"]);
        assert_eq!((raster.geobox().shape.rows, raster.unit()), (40, Some("degC")), "{version} {how}");
        assert!(
            (raster.geobox().affine.c + 100.0).abs() < 1e-9 && (raster.geobox().affine.f - 45.0).abs() < 1e-9
        );
        let found: Vec<f64> = raster.read_layers(0..5, PixelRange::of_shape(raster.geobox().shape)).unwrap();
        for (i, found) in found.iter().enumerate() {
            let (layer, row, col) = (i / 1200, i / 30 % 40, i % 30);
            if layer == 2 && (3..9).contains(&row) && col == 4 {
                assert!(found.is_nan(), "{version} {how} {i}");
            } else {
                assert_eq!(*found, (i % 977) as f64 / 4.0, "{version} {how} {i}");
            }
        }
    }
}

const MAPPING: &str = r#"
import json, sys
from pyproj import CRS
told = json.load(open(sys.argv[1] + "/spatial_ref/zarr.json"))["attributes"]
cf = CRS(told["crs_wkt"]).to_cf()
assert CRS.from_cf({k: v for k, v in told.items() if k not in ("crs_wkt", "spatial_ref")}).to_cf()["grid_mapping_name"]
wrong = {}
for name, meant in cf.items():
    # Names of datums are a text's matter; pyproj gives a sphere as an ellipsoid, and leaves out the pole.
    if name in ("crs_wkt", "horizontal_datum_name", "reference_ellipsoid_name", "prime_meridian_name",
                "projected_crs_name", "semi_minor_axis") or meant == "unknown":
        continue
    found = told.get(name)
    if "earth_radius" in told and name in ("semi_major_axis", "inverse_flattening"):
        found, meant = told["earth_radius"], cf["semi_major_axis"]
    if (list(meant) if isinstance(meant, tuple) else meant) != found:
        wrong[name] = [found, meant]
print(json.dumps(wrong))
"#;

const WRITE_ODD: &str = r#"
import sys, warnings
import numcodecs, numpy, xarray
from zarr.codecs import BytesCodec, TransposeCodec
warnings.simplefilter("ignore")
folder = sys.argv[1]
values = numpy.arange(60, dtype="f8").reshape(5, 12) / 4 - 3
lat, lon = 45 - 0.1 * (numpy.arange(5) + 0.5), -80 + 0.1 * (numpy.arange(12) + 0.5)
d = xarray.Dataset({"v": (("lat", "lon"), values)}, coords={
    "lat": ("lat", lat, {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})})
def put(name, version, **encoding):
    d.to_zarr(f"{folder}/{name}", zarr_format=version, encoding={"v": encoding})
put("half", 3, dtype="f2", chunks=(2, 5))
put("big", 3, dtype="f4", chunks=(2, 5), serializer=BytesCodec(endian="big"))
put("big-half-shards", 3, dtype="f2", chunks=(2, 3), shards=(4, 6), serializer=BytesCodec(endian="big"))
put("turned", 3, dtype="f4", filters=(TransposeCodec(order=(1, 0)),))
put("shuffled", 2, dtype="f4", filters=[numcodecs.Shuffle(4)])
put("bz2", 2, dtype="f4", compressors=(numcodecs.BZ2(),))
"#;

#[test]
fn what_zarr_writes_seldom_is_read_or_called_unsupported() {
    let Some(python) = zarr() else { return };
    let folder = tempfile::tempdir().unwrap();
    run(&python, &["-c", WRITE_ODD, folder.path().to_str().unwrap()]);
    let open = |name: &str| Raster::open(&RasterSource::new(folder.path().join(name)));
    for name in ["half", "big", "big-half-shards"] {
        let raster = open(name).unwrap();
        let found: Vec<f64> = raster.read(0, PixelRange::of_shape(raster.geobox().shape)).unwrap();
        let wanted: Vec<f64> = (0..60).map(|i| f64::from(i) / 4.0 - 3.0).collect();
        assert_eq!(found, wanted, "{name}");
    }
    for (name, what) in [("turned", "transpose"), ("shuffled", "shuffle"), ("bz2", "bz2")] {
        let error = open(name).map(|_| ()).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, RasterError::Unsupported { .. }) && error.is_usage(), "{said}");
        assert!(said.contains(what) && said.contains("`v`") && !said.contains("damaged"), "{said}");
    }
}

#[test]
fn the_grid_mapping_is_pyprojs() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let systems = [
        DAYMET,
        crate::support::MODIS,
        "EPSG:5070",
        "EPSG:32618",
        "EPSG:3035",
        "EPSG:3413",
        "EPSG:3031",
        "EPSG:4326",
    ];
    for (n, system) in systems.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.zarr"));
        let size = if system == "EPSG:4326" { 0.1 } else { 1000.0 };
        let place = geobox(system, (10.0, 50.0), (size, size), (4, 5));
        write(&path, &place, &days(1), &[1.5; 20], &CogOptions::default()).unwrap();
        let wrong = run(&python, &["-c", MAPPING, path.to_str().unwrap()]);
        assert_eq!(wrong.trim(), "{}", "{system}");
    }
}
