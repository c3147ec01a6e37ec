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
fn a_chips_height_is_that_of_the_box_it_was_made_for() {
    let sandbox = Sandbox::new();
    let ring = |name: &str| {
        let features = sandbox.json("t.geojson")["features"].as_array().unwrap().clone();
        let feature = features.iter().find(|f| f["properties"]["name"] == name).unwrap();
        feature["geometry"]["coordinates"][0].clone()
    };
    let west = "--bbox=-125,23,-112,30 --tile 2.6deg --names veget-legacy";
    let half = "--bbox=-125,23,-99,37 --tile 0.5deg --names veget";
    for (how, name) in [(west, "chip28.6N-119.8E"), (half, "chip37.0N-125.0E")] {
        let all = || "grid --out t.geojson".split(' ').chain(how.split(' '));
        sandbox.seedbed(all()).succeeds();
        let drawn = ring(name);
        sandbox.seedbed(all().chain(["--tiles", name])).succeeds();
        assert_eq!(ring(name), drawn, "{how}");
    }
    for how in [
        "--tiles chip28.6N-119.8E --tile 2.6deg --names veget-legacy",
        "--tiles chip37.0N-125.0E,chip36.7N-125.0E --tile 0.5deg --names veget",
        "--tiles r50.0_tile10 --tile 13deg --names veget-legacy",
    ] {
        let args = "grid --out x.geojson".split(' ').chain(how.split(' '));
        sandbox.seedbed(args).exits(2).says("give the");
    }
    // The retired set's, as its box tells.
    let tenth =
        "grid --tiles r50.0_tile10 --tile 13deg --names veget-legacy --bbox=-125,40,-112,50 --out t.geojson";
    sandbox.seedbed(tenth.split(' ')).succeeds();
    assert_eq!(ring("r50.0_tile10")[2], json!([-112.0, 40.0]));
}

#[test]
fn tiles_at_the_poles_and_the_antimeridian_come_back_from_their_geojson() {
    let sandbox = Sandbox::new();
    for how in [
        "--bbox=-180,80,180,90 --crs EPSG:3413 --resolution 10000 --tile 100px",
        "--bbox=-180,-90,180,-70 --crs EPSG:3031 --resolution 10000 --tile 100px",
        "--bbox=-180,80,180,90 --crs EPSG:3413 --resolution 10000 --tile 100px --origin=-250000,500000",
        "--bbox=176,-20,-176,-15 --crs EPSG:3832 --resolution 5000 --tile 70px",
        "--bbox=170,-20,-170,-10 --grid modis-sinusoidal-500m",
        "--bbox=170,-20,-170,-10 --resolution 0.1 --tile 70px",
    ] {
        let make = "grid --json --out a.geojson".split(' ').chain(how.split(' '));
        let made = sandbox.seedbed(make).succeeds().json();
        let back = ["grid", "--from", "a.geojson", "--out", "b.geojson", "--json"];
        assert_eq!(names(&made), names(&sandbox.seedbed(back).succeeds().json()), "{how}");
        assert_eq!(sandbox.json("a.grid.json")["tiles"], sandbox.json("b.grid.json")["tiles"], "{how}");
    }
    // Longitudes from 0° to 360° are those from 180° W.
    let tiles = |bbox: &str| {
        let args = ["grid", bbox, "--resolution", "0.25", "--tile", "10px", "--out", "a.geojson", "--json"];
        names(&sandbox.seedbed(args).succeeds().json())
    };
    assert_eq!(tiles("--bbox=281,37,292,44"), tiles("--bbox=-79,37,-68,44"));
}

#[test]
fn a_raster_of_longitudes_beyond_180_is_its_own_grid() {
    let sandbox = Sandbox::new();
    let Some(written) = python(&sandbox, BEYOND, [""; 0]) else { return };
    written.succeeds();
    let assets = json!({ "v": { "href": "east.tif" } });
    for bbox in [[280.0, 35.0, 295.0, 45.0], [-80.0, 35.0, -65.0, 45.0]] {
        let _ = std::fs::remove_dir_all(sandbox.path("out"));
        sandbox.write("i.json", items(&[item("i", bbox, "2020-01-01", "2020-01-01", &json!({}), &assets)]));
        sandbox.seedbed("prep i.json --assets v --like east.tif --out out".split(' ')).succeeds();
        sandbox.seedbed(["verify", "out"]).succeeds();
        let told = python(&sandbox, SAME, [""; 0]).unwrap().succeeds().json();
        assert_eq!(told, json!([280.0, true]), "{bbox:?}");
        let cut = "grid --like east.tif --tile 20px --bbox=-79,37,-68,44 --out c.geojson";
        sandbox.seedbed(cut.split(' ')).succeeds();
        sandbox.seedbed("prep i.json --assets v --grid c.grid.json --out tiles".split(' ')).succeeds();
        sandbox.seedbed("mosaic tiles --out mosaic".split(' ')).succeeds();
        let _ = std::fs::remove_dir_all(sandbox.path("tiles"));
        let _ = std::fs::remove_dir_all(sandbox.path("mosaic"));
    }
}

const BEYOND: &str = "
import numpy as np, rasterio
from rasterio.transform import from_origin
kind = dict(driver='GTiff', width=60, height=40, count=1, dtype='float32', crs='EPSG:4326')
with rasterio.open('east.tif', 'w', transform=from_origin(280, 45, .25, .25), **kind) as f:
    f.write(np.arange(2400, dtype='f4').reshape(1, 40, 60))
";

const SAME: &str = "
import glob, json, numpy as np, rasterio
[name] = glob.glob('out/**/*.tif', recursive=True)
made, own = rasterio.open(name), rasterio.open('east.tif')
print(json.dumps([made.transform.c, bool((made.read(1) == own.read(1)).all())]))
";

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
