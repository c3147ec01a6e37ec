//! Zones held against shapely, and what they promise of one another.

use crate::python::python;
use crate::sandbox::Sandbox;
use serde_json::Value;
use std::collections::HashMap;

const WORLD: &str = include_str!("world.py");

const STATISTICS: &str = "mean,sum,integral,min,max,count,stddev,median";

/// The rows of a JSON table by zone, variable and period.
fn rows(sandbox: &Sandbox, name: &str) -> HashMap<[String; 3], Value> {
    let rows = sandbox.json(name);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let key = |row: &Value| ["zone", "variable", "period"].map(|k| text(row, k));
    let found: HashMap<_, _> = rows.as_array().unwrap().iter().map(|row| (key(row), row.clone())).collect();
    assert_eq!(found.len(), rows.as_array().unwrap().len(), "a row each");
    found
}

fn near(found: &Value, wanted: &Value, tolerance: f64) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= tolerance * b.abs().max(1.0),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Computes the zones of a world by the program and holds them against shapely's.
fn compare(kind: &str, tolerance: f64, said: &str) {
    let sandbox = Sandbox::new();
    let Some(made) = python(&sandbox, WORLD, [kind]) else { return };
    made.succeeds();
    let zonal =
        ["zonal", "items.json", "--zones", "zones.geojson", "--id", "name", "--statistics", STATISTICS];
    let ran = sandbox.seedbed([&zonal[..], &["--out", "table.json", "--json"]].concat()).succeeds();
    let report = ran.says("1 of 5 zones lie outside").json();
    assert_eq!((&report["rows"], &report["outside"][0]), (&20.into(), &"outside".into()), "{report}");
    assert_eq!(report["partly"][0][0], "partly");
    assert!(report["areas"].as_str().unwrap().contains(said), "{report}");
    let found = rows(&sandbox, "table.json");
    for wanted in sandbox.json("expected.json").as_array().unwrap() {
        let key = ["zone", "variable", "period"].map(|k| wanted[k].as_str().unwrap().to_owned());
        let row = &found[&key];
        for name in STATISTICS.split(',') {
            let close = near(&row[name], &wanted[name], tolerance);
            assert!(close, "{kind}: {name} of {key:?}: {} is not {}", row[name], wanted[name]);
        }
        if key[0] == "outside" {
            assert_eq!((&row["valid"], &row["mean"]), (&0.0.into(), &Value::Null));
        } else {
            // What lies beyond the product is measured otherwise than its pixels are.
            let tolerance = if key[0] == "partly" { 1e-3 } else { tolerance };
            assert!(near(&row["valid"], &wanted["valid"], tolerance), "{key:?}: {row} {wanted}");
        }
        assert_eq!(row["unit"], if key[1] == "etasw" { "mm" } else { "degC" });
        assert!(row["n"].is_number(), "attributes are kept: {row}");
    }
}

#[test]
fn zones_on_a_grid_of_degrees_are_shapelys() {
    compare("geographic", 1e-9, "row by row");
}

#[test]
fn zones_on_an_equal_area_grid_are_shapelys() {
    compare("albers", 1e-9, "equal-area");
}

#[test]
fn zones_on_a_conformal_grid_are_shapelys() {
    // (9 km / 6371 km)² = 2e-6 is how far a pixel's area may be off; means hardly feel it.
    compare("conic", 2e-6, "WGS 84");
}

#[test]
fn tables_of_every_form_hold_the_same_rows() {
    let sandbox = Sandbox::new();
    let Some(made) = python(&sandbox, WORLD, ["albers"]) else { return };
    made.succeeds();
    let zonal = |more: &[&str]| {
        let zonal = ["zonal", "items.json", "--zones", "zones.geojson", "--id", "name"];
        sandbox.seedbed([&zonal[..], more].concat())
    };
    let dry = zonal(&["--out", "table.csv", "--dry-run", "--json"]).succeeds().json();
    assert_eq!((&dry["rows"], sandbox.path("table.csv").exists()), (&20.into(), false));
    for form in ["csv", "json", "parquet"] {
        zonal(&["--variables", "etasw", "--periods", "2003-02-01", "--out", &format!("table.{form}")])
            .succeeds();
    }
    let same = "import pandas as pd\n\
                a = pd.read_csv('table.csv'); b = pd.read_json('table.json'); c = pd.read_parquet('table.parquet')\n\
                assert len(a) == 5 and list(a) == list(b) == list(c), (list(a), list(b), list(c))\n\
                assert list(a)[:3] == ['zone', 'name', 'n'] and list(a['zone'])[0] == 'spans'\n\
                pd.testing.assert_frame_equal(a, c, check_dtype=False, check_exact=True)\n\
                pd.testing.assert_frame_equal(a, b, check_dtype=False, rtol=1e-14)";
    if let Some(ran) = python(&sandbox, same, [""; 0]) {
        ran.succeeds();
    }
    zonal(&["--out", "table.xls"]).exits(2).says("table.parquet");
    zonal(&["--variables", "etas", "--out", "t.csv"]).exits(2).says("no variable `etas`").says("etasw");
    zonal(&["--attributes", "code", "--out", "t.csv"]).exits(2).says("`code`").says("name, n");
    zonal(&["--statistics", "median", "--memory", "10", "--out", "t.csv"]).exits(2).says("zone `spans`");
    assert!(!sandbox.path("t.csv").exists() && !sandbox.path("t.csv.part").exists());
}

#[test]
fn zones_in_other_formats_and_systems_are_the_same_zones() {
    let sandbox = Sandbox::new();
    let Some(made) = python(&sandbox, WORLD, ["albers"]) else { return };
    made.succeeds();
    // In the grid's own system, as others write it.
    let convert = "import json, sys\n\
                   try:\n    import geopandas\nexcept ImportError:\n    sys.exit(7)\n\
                   zones = geopandas.read_file('zones.geojson').set_crs('EPSG:4326', allow_override=True)\n\
                   zones.to_file('zones.shp'); zones.to_file('zones.gpkg', layer='zones')\n\
                   pixel = geopandas.GeoDataFrame({'code': [11]}, geometry=geopandas.GeoSeries.from_wkt([\n\
                   'POLYGON((1545000 2337000, 1554000 2337000, 1554000 2328000, 1545000 2328000, 1545000 2337000))'\n\
                   ]), crs='EPSG:5070')\n\
                   pixel.to_file('pixel.gpkg')";
    let ran = python(&sandbox, convert, [""; 0]).unwrap();
    if ran.code == Some(7) {
        println!("skipped: geopandas isn't there");
        return;
    }
    ran.succeeds();
    let zonal = |zones: &str, id: &str, out: &str| {
        let zonal = ["zonal", "items.json", "--zones", zones, "--id", id, "--out", out];
        sandbox.seedbed([&zonal[..], &["--statistics", "mean,count,min,max"]].concat()).succeeds();
        sandbox.read(out)
    };
    let plain = zonal("zones.geojson", "name", "geojson.csv");
    // A shapefile's rings run the other way round, so that last bits may differ.
    for (zones, out) in [("zones.shp", "shp.csv"), ("zones.gpkg", "gpkg.csv")] {
        let found = zonal(zones, "name", out);
        assert_eq!(found.lines().count(), plain.lines().count());
        for (a, b) in found.lines().zip(plain.lines()).flat_map(|(a, b)| a.split(',').zip(b.split(','))) {
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
            let same = a.parse().ok().zip(b.parse().ok()).map_or(a == b, |(a, b)| near(a, b));
            assert!(same, "{zones}: {a} is not {b}");
        }
    }
    // Pixel (row 7, column 5), drawn on the grid's lines: it and nothing else.
    let one = zonal("pixel.gpkg", "code", "pixel.csv");
    for row in one.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!((cells[0], cells[1]), ("11", "11"), "{row}");
        assert_eq!(cells[6], if cells[5].is_empty() { "0" } else { "1" }, "{row}");
        assert!(cells[5] == cells[7] && cells[7] == cells[8], "a zone of one pixel has its value: {row}");
    }
    assert_eq!(one.lines().count(), 5);
}
