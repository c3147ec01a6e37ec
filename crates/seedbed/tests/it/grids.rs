//! Areas in every form, named grids, tiles by name and tile files.

use crate::python::python;
use crate::real::{item, items};
use crate::sandbox::Sandbox;
use serde_json::json;

fn names(report: &serde_json::Value) -> Vec<String> {
    let tiles = report["tiles"].as_array().unwrap();
    tiles.iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_area_may_be_text_and_have_a_buffer() {
    let sandbox = Sandbox::new();
    let grid = |more: &[&str]| {
        let args =
            [&["grid", "--aoi", "POLYGON((-75.9 40.1,-75.1 40.1,-75.1 40.9,-75.9 40.9))"], more].concat();
        sandbox.seedbed([&args[..], &["--tile", "1deg", "--out", "t.geojson", "--json"]].concat())
    };
    let alone = grid(&[]).succeeds().says("closed, for it ended at").json();
    assert_eq!(names(&alone).len(), 1);
    assert!((alone["tiles"][0]["share"].as_f64().unwrap() - 0.64).abs() < 1e-9);
    assert_eq!(names(&grid(&["--buffer", "20km"]).succeeds().json()).len(), 9);
    grid(&["--buffer", "-100km"]).exits(2).says("has no polygon");
    let none = ["grid", "--buffer", "5km", "--tile", "1deg", "--out", "t.geojson"];
    sandbox.seedbed(none).exits(2).says("--buffer has no area");
}

#[test]
fn archives_tiles_have_their_names() {
    let sandbox = Sandbox::new();
    let box_ = "--bbox=-77.5,38.7,-74.4,42.5";
    let modis = ["grid", box_, "--names", "modis", "--out", "m.shp", "--json"];
    let report = sandbox.seedbed(modis).succeeds().json();
    assert_eq!(names(&report), ["h12v04", "h11v05", "h12v05"]);
    assert_eq!(sandbox.json("m.grid.json")["tiles"][0]["cols"], 2400);
    let small = ["grid", box_, "--grid", "modis-sinusoidal-1km", "--out", "s.geojson", "--json"];
    assert_eq!(names(&sandbox.seedbed(small).succeeds().json()), names(&report));
    let daymet = ["grid", "--bbox=-87,34.5,-86.5,35", "--names", "daymet", "--out", "d.geojson", "--json"];
    assert_eq!(names(&sandbox.seedbed(daymet).succeeds().json()), ["11207"]);
    let named =
        ["grid", "--grid", "modis-sinusoidal-500m", "--tiles", "h09v05", "--out", "n.geojson", "--json"];
    assert_eq!(names(&sandbox.seedbed(named).succeeds().json()), ["h09v05"]);
    let whole = ["grid", "--grid", "gridmet", "--out", "w.geojson", "--json"];
    assert_eq!(names(&sandbox.seedbed(whole).succeeds().json()).len(), 18);
    sandbox.seedbed(["grid", "--grid", "daymet", "--out", "x.geojson"]).exits(2).says("daymet-na");
    let listed = sandbox.seedbed(["--json", "grid", "--grids"]).succeeds().json();
    let listed: Vec<&str> =
        listed["grids"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap()).collect();
    assert!(
        listed.len() > 8 && ["daymet-na", "gridmet", "prism-4km"].iter().all(|n| listed.contains(n)),
        "{listed:?}"
    );
    sandbox
        .seedbed(["grid", "--grids"])
        .succeeds()
        .prints("daymet-na            ")
        .prints("Daymet, continental");
    let beyond = ["grid", "--grid", "prism-4km", "--bbox=5,45,6,46", "--out", "x.geojson"];
    sandbox.seedbed(beyond).exits(2).says("has no area on this grid");
}

#[test]
fn vegets_names_lie_on_the_integer_grid_or_are_refused() {
    let sandbox = Sandbox::new();
    let basin = "--bbox=-77.42260935656614,38.35658904973271,-73.24801709738581,42.78299677999807";
    let veget =
        ["grid", basin, "--names", "veget", "--tile", "500px", "--resolution", "0.0023102336796792075"];
    let report = sandbox.seedbed([&veget[..], &["--out", "v.geojson", "--json"]].concat()).succeeds().json();
    assert_eq!(names(&report).len(), 16, "no spurious column");
    let moved = report["moved"].as_f64().unwrap();
    assert!(moved > 0.0 && moved <= 0.5, "{moved}");
    let alone = |name: &str, more: &[&str]| {
        let args =
            [&["grid", "--names", "veget", "--tiles", name, "--out", "a.geojson", "--json"], more].concat();
        sandbox.seedbed(args)
    };
    alone("r50.0_tile6", &[]).exits(2).says("its size isn't in the name");
    alone("chip47.4N-106.8E", &[]).exits(2).says("a chip's size isn't in its name");
    let tile = alone("r50.0_tile6", &["--tile", "13deg"]).succeeds().json();
    assert_eq!(tile["pixels"], 6240 * 6240);
    assert_eq!(names(&alone("chip47.4N-106.8E", &["--tile", "2.6deg"]).succeeds().json()).len(), 1);
    assert_eq!(names(&alone("sq_90W_50N,40N-80E", &[]).succeeds().json()).len(), 2);
}

#[test]
fn a_tile_file_comes_back_as_the_grid_it_was() {
    let sandbox = Sandbox::new();
    let make =
        "grid --bbox=-76,40,-74,41 --crs EPSG:5070 --resolution 500 --tile 200px --json --out".split(' ');
    for name in ["a.geojson", "a.shp"] {
        let made = sandbox.seedbed(make.clone().chain([name])).succeeds().json();
        let back = ["grid", "--from", name, "--out", "b.geojson", "--json"];
        let back = sandbox.seedbed(back).succeeds().json();
        assert_eq!(names(&made), names(&back), "{name}");
        assert_eq!(sandbox.json("a.grid.json")["tiles"], sandbox.json("b.grid.json")["tiles"], "{name}");
    }
    let other =
        ["grid", "--from", "a.geojson", "--crs", "EPSG:5070", "--resolution", "250", "--out", "c.geojson"];
    sandbox.seedbed(other).exits(2).says("the file is of another grid");
    assert!(!sandbox.path("c.geojson").exists());
}

#[test]
fn geopandas_reads_what_is_written_and_finds_the_same_shares() {
    let sandbox = Sandbox::new();
    let make = "grid --bbox=-76,40,-74,41 --crs EPSG:5070 --resolution 500 --tile 100px --out".split(' ');
    for name in ["a.geojson", "a.shp"] {
        sandbox.seedbed(make.clone().chain([name])).succeeds();
    }
    let script = include_str!("interop/tiles.py");
    if let Some(ran) = python(&sandbox, script, ["a.geojson", "a.shp"]) {
        println!("{}", ran.succeeds().stdout);
    }
}

/// A raster in longitude and latitude over Delaware Bay, whose values tell where they are.
const WRITE: &str = "
import numpy as np, rasterio
from rasterio.transform import from_origin
rows, cols = np.mgrid[0:200, 0:300]
with rasterio.open('bay.tif', 'w', driver='GTiff', height=200, width=300, count=1, dtype='float32',
                   crs='EPSG:4326', transform=from_origin(-77, 41, 0.01, 0.01)) as raster:
    raster.write((rows * 1000 + cols).astype('float32'), 1)
";

/// What the pixel in the middle of each tile's valid ones should be by the raster's own numbers, and is.
const CENTRES: &str = "
import glob, json, numpy, rasterio
from rasterio.warp import transform
found = {}
for path in sorted(glob.glob('out/*/*/*/*.tif')):
    with rasterio.open(path) as tile:
        values = tile.read(1, masked=True)
        rows, cols = numpy.nonzero(~numpy.ma.getmaskarray(values))
        row, col = (int(a[len(a) // 2]) if len(a) else 0 for a in (rows, cols))
        (x,), (y,) = transform(tile.crs, 'EPSG:4326', *([v] for v in tile.xy(row, col)))
        value = values[row, col]
        want = int((41 - y) / 0.01) * 1000 + int((x + 77) / 0.01)
        got = None if value is numpy.ma.masked else float(value)
        found[path.split('/')[1]] = [want, got, tile.crs.to_proj4(), tile.width, tile.height]
print(json.dumps(found))
";

#[test]
fn rasters_are_prepared_on_named_grids_and_on_other_rasters_grids() {
    let sandbox = Sandbox::new();
    let Some(written) = python(&sandbox, WRITE, [""; 0]) else { return };
    written.succeeds();
    let assets = json!({ "bay": { "href": "bay.tif" } });
    let bay = [-77.0, 39.0, -74.0, 41.0];
    sandbox.write("items.json", items(&[item("bay", bay, "2020-01-01", "2020-01-01", &json!({}), &assets)]));
    let prepared = |how: &[&str]| {
        let _ = std::fs::remove_dir_all(sandbox.path("out"));
        let args = [&["--json", "prep", "items.json", "--assets", "bay", "--out", "out"], how].concat();
        sandbox.seedbed(args).succeeds();
        let found = python(&sandbox, CENTRES, [""; 0]).unwrap().succeeds().json();
        for (tile, [want, got]) in found.as_object().unwrap().iter().map(|(t, f)| (t, [&f[0], &f[1]])) {
            assert!(got.is_null() || got.as_f64() == want.as_f64(), "{tile}: {want} is {got}");
        }
        found
    };
    let area = "POLYGON((-76.2 39.6,-75.2 39.6,-75.2 40.4,-76.2 40.4,-76.2 39.6))";
    let daymet = prepared(&["--grid", "daymet-na", "--aoi", area]);
    let tiles = daymet.as_object().unwrap();
    assert!(!tiles.is_empty() && tiles.values().any(|t| !t[1].is_null()), "{daymet}");
    assert!(tiles.values().all(|t| t[2].as_str().unwrap().contains("+proj=lcc") && t[3] == 500), "{daymet}");
    // A raster's grid, whole; and the tiles of it that `grid` makes.
    let small =
        ["grid", "--bbox=-76,39.5,-75,40.5", "--crs", "EPSG:5070", "--resolution", "2000", "--tile", "40px"];
    sandbox.seedbed([&small[..], &["--out", "t.geojson"]].concat()).succeeds();
    prepared(&["--grid", "t.grid.json"]);
    let is_tile =
        |f: &String| f.starts_with("out/") && std::path::Path::new(f).extension().is_some_and(|e| e == "tif");
    let like = sandbox.files().into_iter().find(is_tile).unwrap();
    std::fs::copy(sandbox.path(&like), sandbox.path("like.tif")).unwrap();
    let whole = prepared(&["--like", "like.tif"]);
    assert_eq!((&whole["like"][3], &whole["like"][4]), (&json!(40), &json!(40)));
    let cut = ["grid", "--like", "like.tif", "--tile", "20px", "--json", "--out", "cut.geojson"];
    assert_eq!(names(&sandbox.seedbed(cut).succeeds().json()).len(), 4);
    let quarters = prepared(&["--grid", "cut.grid.json"]);
    assert!(quarters.as_object().unwrap().values().all(|t| t[3] == 20), "{quarters}");
    sandbox
        .seedbed([
            "prep",
            "items.json",
            "--assets",
            "bay",
            "--grid",
            "t.grid.json",
            "--aoi",
            area,
            "--out",
            "out",
        ])
        .exits(2)
        .says("has its tiles already");
}
