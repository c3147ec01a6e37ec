//! Cubes and mosaics by reference as their users make them, in other people's hands.

use crate::basin::Whole;
use crate::python::{interpreter, python, stac_validator};
use crate::real::{item, items};
use crate::sandbox::{Sandbox, copy_all};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// Five days of a temperature with gaps.
const WRITE: &str = "
import numpy as np, rasterio
from rasterio.transform import from_origin
random = np.random.default_rng(11)
for day in range(1, 6):
    values = random.normal(12, 5, (120, 160)).astype('float32')
    values[random.random(values.shape) < 0.1] = np.nan
    with rasterio.open(f't_{day}.tif', 'w', driver='GTiff', height=120, width=160, count=1, dtype='float32',
                       crs='EPSG:5070', nodata=float('nan'),
                       transform=from_origin(1700000, 2300000, 1000, 1000)) as raster:
        raster.write(values, 1)
";

/// The days' items and a grid of tiles, in a sandbox; nothing, having said so, without Python.
fn prepared() -> Option<Sandbox> {
    let sandbox = Sandbox::new();
    python(&sandbox, WRITE, [""; 0])?.succeeds();
    let all: Vec<Value> = (1..=5)
        .map(|day| {
            let assets = json!({ "tmax": { "href": format!("t_{day}.tif"), "bands": [{ "unit": "degC" }] } });
            let date = format!("2004-02-{:02}", 25 + day);
            let date = if day == 5 { "2004-03-01".to_owned() } else { date };
            item(&format!("t-{day}"), [-76.5, 40.0, -73.5, 43.0], &date, &date, &json!({}), &assets)
        })
        .collect();
    sandbox.write("items.json", items(&all));
    let grid =
        "grid --bbox=-75.4,41.2,-75.0,41.5 --crs EPSG:5070 --resolution 1000 --tile 30px --out t.geojson";
    sandbox.seedbed(grid.split_whitespace()).succeeds();
    Some(sandbox)
}

fn run(sandbox: &Sandbox, args: &str) -> Value {
    sandbox.seedbed(args.split_whitespace()).succeeds().json()
}

const CUBES: &str = r#"
import json, sys
import numpy, pystac, rasterio, rioxarray, xarray
from pystac.extensions.datacube import DatacubeExtension
import odc.geo.xr
found = {"cubes": 0, "valid": 0, "days": 0}
cogs = {}
for item in pystac.Catalog.from_file("cogs/catalog.json").get_items(recursive=True):
    with rasterio.open(item.assets["tmax"].get_absolute_href()) as file:
        cogs[item.properties["seedbed:tile"], item.properties["start_datetime"][:10]] = (
            file.read(1), file.transform, file.crs)
for item in pystac.Catalog.from_file("cubes/catalog.json").get_items(recursive=True):
    tile = item.properties["seedbed:tile"]
    datacube = DatacubeExtension.ext(item)
    store = item.assets["tmax"].get_absolute_href()
    with xarray.open_zarr(store, decode_coords="all") as d:
        days = [str(t)[:10] for t in d.time.values]
        assert [t[:10] for t in datacube.dimensions["time"].values] == days
        assert list(datacube.variables["tmax"].dimensions) == list(d.tmax.dims)
        assert d.tmax.attrs["units"] == "degC"
        for n, day in enumerate(days):
            stored, transform, crs = cogs.pop((tile, day))
            layer = d.tmax.isel(time=n)
            assert numpy.array_equal(layer.values, stored, equal_nan=True), (tile, day)
            assert layer.rio.crs == crs and d.rio.transform() == transform, (layer.rio.crs, d.rio.transform())
            assert layer.odc.crs.epsg == 5070 and layer.odc.geobox.shape == stored.shape
            found["valid"] += int(numpy.isfinite(stored).sum())
            found["days"] += 1
        box = datacube.dimensions["x"].extent
        assert box == [transform.c, transform.c + transform.a * stored.shape[1]], box
    found["cubes"] += 1
assert not cogs, cogs.keys()
# Put together, they are the same.
(mosaic,) = pystac.Catalog.from_file("joined/catalog.json").get_items(recursive=True)
whole = {item.properties["start_datetime"][:10]: item.assets["tmax"].get_absolute_href()
         for item in pystac.Catalog.from_file("whole/catalog.json").get_items(recursive=True)}
with xarray.open_zarr(mosaic.assets["tmax"].get_absolute_href(), decode_coords="all") as d:
    for n, day in enumerate(str(t)[:10] for t in d.time.values):
        with rasterio.open(whole.pop(day)) as file:
            assert numpy.array_equal(d.tmax.isel(time=n).values, file.read(1), equal_nan=True), day
            assert d.rio.transform() == file.transform and d.rio.crs == file.crs
assert not whole, whole.keys()
print(json.dumps(found))
"#;

#[test]
fn a_cube_is_the_cogs_of_its_days_to_xarray_and_pystac() {
    let Some(sandbox) = prepared() else { return };
    let prep = "--json prep items.json --assets tmax --grid t.grid.json --resampling bilinear";
    let planned = run(&sandbox, &format!("{prep} --format zarr --compress zstd --out cubes --dry-run"));
    assert!(planned["expected"].as_u64().unwrap() >= 2 && !sandbox.path("cubes").exists(), "{planned}");
    let made = run(&sandbox, &format!("{prep} --format zarr --compress zstd --out cubes"));
    assert_eq!((&made["made"], &made["failed"]), (&planned["expected"], &json!([])));
    run(&sandbox, &format!("{prep} --out cogs"));
    let checked = run(&sandbox, "--json verify cubes");
    assert_eq!(checked["right"], planned["expected"]);
    sandbox
        .seedbed(["mosaic", "cubes", "--format", "cog", "--out", "joined"])
        .exits(2)
        .says("leave --format out");
    let planned_mosaic = run(&sandbox, "--json mosaic cubes --out joined --dry-run");
    assert_eq!((&planned_mosaic["periods"], &planned_mosaic["made"]), (&json!(1), &json!(0)));
    assert!(!sandbox.path("joined").exists());
    assert_eq!(run(&sandbox, "--json mosaic cubes --out joined")["made"], 1);
    assert_eq!(run(&sandbox, "--json mosaic cogs --out whole")["made"], 5);
    assert_eq!(run(&sandbox, "--json catalog validate joined --offline")["invalid"], 0);
    let every = format!("{prep} --format zarr --every month --out other");
    sandbox.seedbed(every.split_whitespace()).exits(2).says("--every");
    let schemas = std::env::var_os("SEEDBED_REAL_DATA").map(|data| PathBuf::from(data).join("schemas"));
    let schemas = schemas.filter(|folder| folder.is_dir());
    let said = stac_validator(&sandbox, "cubes/catalog.json", schemas.as_deref()).unwrap().succeeds().stdout;
    assert_eq!(said.matches("\"valid_stac\": false").count(), 0, "{said}");
    let zarr = Command::new(interpreter().unwrap()).args(["-c", "import zarr"]).output().unwrap();
    if !zarr.status.success() {
        println!("skipped: the Python of SEEDBED_PYTHON has no zarr");
        return;
    }
    let told = python(&sandbox, CUBES, [""; 0]).unwrap().succeeds().json();
    println!("{told}");
    assert_eq!(told["cubes"], planned["expected"]);
    assert_eq!(told["days"], planned["expected"].as_u64().unwrap() * 5);
    assert!(told["valid"].as_u64().unwrap() > 1000, "{told}");
}

const MOSAICS: &str = r#"
import json
import numpy, pystac, rasterio
found = {"gdal": rasterio.__gdal_version__, "compared": 0, "valid": 0}
def rasters(product):
    for item in pystac.Catalog.from_file(f"{product}/catalog.json").get_items(recursive=True):
        yield item.properties["seedbed:period"], item.assets["tmax"]
cogs = {period: asset.get_absolute_href() for period, asset in rasters("cog")}
for product in ["vrt", "gti"]:
    for period, asset in rasters(product):
        with rasterio.open(cogs[period]) as cog, rasterio.open(asset.get_absolute_href()) as file:
            assert file.driver == product.upper(), file.driver
            assert (file.shape, file.transform, file.crs, file.dtypes) == (cog.shape, cog.transform, cog.crs, cog.dtypes)
            assert (file.scales, file.offsets, file.units) == (cog.scales, cog.offsets, cog.units), (product, file.scales, file.units)
            assert file.descriptions == cog.descriptions, file.descriptions
            assert numpy.array_equal([file.nodata], [cog.nodata], equal_nan=True), (file.nodata, cog.nodata)
            a, b = file.read(1), cog.read(1)
            assert numpy.array_equal(a, b, equal_nan=True), (product, period)
            found["valid"] += int((a != file.nodata).sum())
            found["compared"] += 1
print(json.dumps(found))
"#;

#[test]
fn mosaics_by_reference_have_the_pixels_of_those_that_hold_them() {
    let Some(sandbox) = prepared() else { return };
    let prep = "--json prep items.json --assets tmax --grid t.grid.json --datetime 2004-02-26/2004-02-27 \
                --resampling bilinear --dtype int16 --scale 0.01 --out tiles";
    run(&sandbox, prep);
    for format in ["cog", "vrt", "gti"] {
        let made = run(&sandbox, &format!("--json mosaic tiles --format {format} --out {format}"));
        assert_eq!(made["made"], 2, "{made}");
        let checked = run(&sandbox, &format!("--json verify {format}"));
        assert_eq!(checked["right"], 2, "{checked}");
    }
    let told = python(&sandbox, MOSAICS, [""; 0]).unwrap().succeeds().json();
    println!("{told}");
    assert_eq!(told["compared"], 4);
    assert!(told["valid"].as_u64().unwrap() > 4000, "{told}");
    let encoded = "mosaic tiles --format vrt --compress zstd --out other";
    sandbox.seedbed(encoded.split_whitespace()).exits(2).says("no pixels");
}

const LERC: &str = r#"
import json
import numpy, pystac, rasterio
from rio_cogeo.cogeo import cog_validate
found = {"error": 0.0, "compress": set(), "recorded": set()}
def rasters(product):
    for item in pystac.Catalog.from_file(f"{product}/catalog.json").get_items(recursive=True):
        key = item.properties["seedbed:tile"], item.properties["seedbed:period"]
        yield key, item.assets["tmax"]
exact = {key: asset.get_absolute_href() for key, asset in rasters("exact")}
for product in ["lerc", "whole"]:
    for key, asset in rasters(product):
        path = asset.get_absolute_href()
        assert cog_validate(path, strict=True) == (True, [], [])
        found["recorded"].add(asset.to_dict()["bands"][0]["seedbed:max_z_error"])
        with rasterio.open(path) as file:
            found["compress"].add(file.profile["compress"])
            if key in exact:
                with rasterio.open(exact[key]) as other:
                    a, b = file.read(1), other.read(1)
                assert (numpy.isnan(a) == numpy.isnan(b)).all()
                found["error"] = max(found["error"], float(numpy.nanmax(numpy.abs(a - b))))
print(json.dumps({k: sorted(v) if isinstance(v, set) else v for k, v in found.items()}))
"#;

#[test]
fn lerc_keeps_its_bound_and_the_record_says_it() {
    let Some(sandbox) = prepared() else { return };
    let prep =
        "--json prep items.json --assets tmax --grid t.grid.json --datetime 2004-02-26 --resampling bilinear";
    run(&sandbox, &format!("{prep} --out exact"));
    run(&sandbox, &format!("{prep} --compress lerc-zstd --level 9 --max-z-error 0.05 --out lerc"));
    run(
        &sandbox,
        "--json mosaic lerc --compress lerc-deflate --max-z-error 0.05 --overviews nearest --out whole",
    );
    assert_eq!(run(&sandbox, "--json verify whole")["right"], 1);
    let told = python(&sandbox, LERC, [""; 0]).unwrap().succeeds().json();
    println!("{told}");
    assert_eq!(told["compress"], json!(["lerc_deflate", "lerc_zstd"]));
    assert_eq!(told["recorded"], json!([0.05]));
    let error = told["error"].as_f64().unwrap();
    assert!(error > 0.01 && error <= 0.05 + 1e-5, "{error}");
    for (more, said) in [
        ("--max-z-error 0.1", "lerc"),
        ("--compress lerc --max-z-error=-1", "no bound"),
        ("--compress lz4", "lerc-zstd"),
        ("--overviews cubic", "average, nearest and mode"),
    ] {
        let args = format!("{} {more} --out other", prep.trim_start_matches("--json "));
        sandbox.seedbed(args.split_whitespace()).exits(2).says(said);
    }
    assert!(!sandbox.path("other").exists());
}

const RUN: &str = r#"
import json
import numpy, pystac, rasterio, xarray
found = {"layers": 0, "valid": 0}
cogs = {}
for item in pystac.Catalog.from_file("tiles/catalog.json").get_items(recursive=True):
    for key, asset in item.assets.items():
        cogs[item.properties["seedbed:tile"], item.properties["seedbed:period"], key] = asset.get_absolute_href()
for item in pystac.Catalog.from_file("cubes/catalog.json").get_items(recursive=True):
    monthly = item.properties["seedbed:period"] == "2004-07--2004-12"
    assert ("seedbed:partial" in item.properties) != monthly, item.id
    for key, asset in item.assets.items():
        with xarray.open_zarr(asset.get_absolute_href(), decode_coords="all") as d:
            for n, day in enumerate(str(t)[:10] for t in d.time.values):
                period = day[:7] if monthly else day[:4]
                with rasterio.open(cogs.pop((item.properties["seedbed:tile"], period, key))) as file:
                    stored = file.read(1)
                    assert numpy.array_equal(d[key].isel(time=n).values, stored, equal_nan=True), (key, day)
                found["layers"] += 1
                found["valid"] += int(numpy.isfinite(stored).sum())
assert not cogs, cogs.keys()
months = sorted(i.assets["etasw"].get_absolute_href()
                for i in pystac.Catalog.from_file("cubes/catalog.json").get_items(recursive=True)
                if i.properties["seedbed:period"] == "2004-07--2004-12")
whole = xarray.open_mfdataset(months, engine="zarr", combine="by_coords", data_vars="all", join="outer")
found["whole"] = dict(whole.etasw.sizes)
print(json.dumps(found))
"#;

#[test]
fn a_runs_cubes_are_its_cogs_to_xarray_and_pystac() {
    let whole = Whole::shared();
    let sandbox = &whole.before_the_run().sandbox;
    copy_all(&whole.chain.sandbox.path("tiles"), &sandbox.path("tiles"));
    let text = std::fs::read_to_string(sandbox.path("seedbed.toml")).unwrap();
    sandbox
        .write("seedbed.toml", text.replace("[output]", "[output]\nformat = \"zarr\"\ncompress = \"zstd\""));
    let planned = run(sandbox, "--json run seedbed.toml --out cubes --dry-run");
    assert_eq!((&planned["products"], &planned["to_make"]), (&json!(8), &json!(8)));
    let made = run(sandbox, "--json run seedbed.toml --out cubes");
    assert_eq!((&made["made"], &made["failed"]), (&json!(8), &json!([])));
    assert_eq!(run(sandbox, "--json run seedbed.toml --out cubes")["present"], 8);
    assert_eq!(run(sandbox, "--json status seedbed.toml --out cubes")["done"], 8);
    let checked = run(sandbox, "--json verify cubes");
    assert_eq!((&checked["right"], &checked["problems"]), (&json!(8), &json!([])));
    sandbox.seedbed(["mosaic", "cubes", "--format", "vrt", "--out", "m"]).exits(2).says("format = \"cog\"");
    assert_eq!(run(sandbox, "--json mosaic cubes --out m")["made"], 2);
    assert_eq!(run(sandbox, "--json verify m")["right"], 2);
    let valid = run(sandbox, "--json catalog validate cubes --offline");
    assert_eq!(valid["invalid"], 0, "{valid}");

    // The numbers that others read in polygons and at points are the same.
    sandbox.write(
        "zones.geojson",
        r#"{"type": "Feature", "properties": {"name": "z"}, "geometry": {"type": "Polygon", "coordinates":
            [[[-75.2, 41.1], [-75.0, 41.1], [-75.0, 41.3], [-75.2, 41.3], [-75.2, 41.1]]]}}"#,
    );
    sandbox.write("points.csv", "name,longitude,latitude\na,-75.1,41.2\n");
    let rows = |command: &str, product: &str| {
        let command = format!("{command} --variables etasw --out {product}.csv");
        sandbox.seedbed(command.replace("PRODUCT", product).split_whitespace()).succeeds();
        std::fs::read_to_string(sandbox.path(format!("{product}.csv"))).unwrap()
    };
    for command in ["zonal PRODUCT --zones zones.geojson", "series PRODUCT --points points.csv"] {
        let [cogs, cubes] = ["tiles", "cubes"].map(|product| rows(command, product));
        assert!(cogs.lines().count() == 8 && cogs == cubes, "{command}\n{cogs}\n{cubes}");
    }
    let picture = |product: &str| {
        let args = ["view", product, "--periods", "2004-11", "--out", "page"];
        sandbox.seedbed(args).succeeds();
        std::fs::read(sandbox.path("page/quicklook-etasw-2004-11.png")).unwrap()
    };
    assert!(picture("tiles") == picture("cubes"), "cubes look otherwise than COGs");
    let Some(ran) = python(sandbox, RUN, [""; 0]) else { return };
    let told = ran.succeeds().json();
    println!("{told}");
    assert_eq!(told["layers"], 4 * 7 * 6);
    assert_eq!(told["whole"]["time"], 6);
}
