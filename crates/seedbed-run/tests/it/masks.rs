//! Outputs masked to an area, and the balance in records.

use crate::support::{PROJECT, Sandbox, Unwatched};
use serde_json::{Value, json};
use std::fs;

/// A square in pixels of the grid as GeoJSON of the grid's CRS: columns, then rows from the
/// north, half a pixel inside of their outer edges.
fn area(sandbox: &Sandbox, name: &str, (west, east): (f64, f64), (north, south): (f64, f64)) {
    let at = |col: f64, row: f64| [1_500_000.0 + col * 1000.0, 2_200_000.0 - row * 1000.0];
    let ring = [at(west, south), at(east, south), at(east, north), at(west, north), at(west, south)];
    let document = json!({
        "type": "FeatureCollection",
        "crs": { "type": "name", "properties": { "name": "EPSG:5070" } },
        "features": [{ "type": "Feature", "properties": {},
                       "geometry": { "type": "Polygon", "coordinates": [ring] } }],
    });
    fs::write(sandbox.path(name), document.to_string()).unwrap();
}

fn masked(sandbox: &Sandbox, more: &str) {
    sandbox.write_project(&PROJECT.replace("periods =", &format!("{more}\nperiods =")));
}

fn record(sandbox: &Sandbox, tile: &str, period: &str) -> Value {
    let plan = sandbox.plan();
    let task = plan.tasks.iter().find(|t| t.tile == tile).unwrap();
    let member = task.products.iter().find(|p| p.period == period).unwrap();
    serde_json::from_slice(&fs::read(member.record(&sandbox.path("out"))).unwrap()).unwrap()
}

#[test]
fn pixels_outside_of_the_area_are_missing_in_every_output() {
    let plain = Sandbox::new();
    plain.run(&Unwatched).unwrap();
    let sandbox = Sandbox::new();
    // Of columns 1 to 3 the centre lies inside, of 4 only a third of the pixel.
    area(&sandbox, "basin.geojson", (0.6, 4.3), (1.4, 6.0));
    for (rule, inside) in [("centre", 1..4), ("touched", 0..5)] {
        masked(&sandbox, &format!("mask = \"basin.geojson\"\nmask_rule = \"{rule}\""));
        let report = sandbox.run(&Unwatched).unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert_eq!(report.tiles, 1, "the eastern tile has no pixel of it");
        for variable in ["etasw", "swf"] {
            let all = plain.values("west", "2004-02", variable);
            let key = sandbox.plan().tasks[0].products[0].clone();
            assert_eq!(key.period, "2004-02");
            let file = record(&sandbox, "west", "2004-02")["assets"][variable]["href"].clone();
            let path = key.folder(&sandbox.path("out")).join(file.as_str().unwrap());
            let raster = seedbed_raster::Raster::open(&seedbed_raster::RasterSource::new(path)).unwrap();
            let shape = seedbed_grid::PixelRange::of_shape(raster.geobox().shape);
            let values: Vec<f64> = raster.read(0, shape).unwrap();
            for (n, (value, before)) in values.iter().zip(&all).enumerate() {
                let (row, col) = (n / 5, n % 5);
                if inside.contains(&col) && row >= 1 {
                    assert_eq!(value, before, "{rule} {variable} {row} {col}");
                } else {
                    assert!(value.is_nan(), "{rule} {variable} {row} {col}");
                }
            }
        }
        let said = record(&sandbox, "west", "2004-02")["properties"]["seedbed:parameters"]["mask"].clone();
        assert_eq!(said, json!({ "area": "basin.geojson", "rule": rule }));
        assert!(seedbed_prep::verify(&sandbox.path("out")).unwrap().is_complete());
    }
}

#[test]
fn a_mask_changes_the_keys_of_the_tiles_that_it_changes_only() {
    let sandbox = Sandbox::new();
    let keys = || -> Vec<(String, seedbed_prep::TaskKey)> {
        let tasks = sandbox.plan().tasks;
        tasks.iter().map(|t| (t.tile.clone(), t.products[0].key.clone())).collect()
    };
    let plain = keys();
    masked(&sandbox, "mask = \"basin.geojson\"");
    area(&sandbox, "basin.geojson", (0.0, 9.0), (0.0, 6.0));
    let first = keys();
    assert!(first.iter().zip(&plain).all(|(a, b)| a != b));
    area(&sandbox, "basin.geojson", (0.0, 8.0), (0.0, 6.0));
    let second = keys();
    assert_eq!((second[0] == first[0], second[1] == first[1]), (true, false));
}

#[test]
fn masks_that_cant_be_meant_are_refused_by_key() {
    let sandbox = Sandbox::new();
    area(&sandbox, "far.geojson", (500.0, 510.0), (0.0, 6.0));
    for (more, said) in [
        ("mask = \"aoi\"", "output.mask: `aoi` means the area in [grid], which has none"),
        ("mask = \"nowhere.geojson\"", "output.mask"),
        ("mask = \"far.geojson\"", "no tile has a pixel of far.geojson"),
        ("mask_rule = \"centre\"", "output.mask_rule: there is no `mask`"),
        ("mask = \"far.geojson\"\nmask_rule = \"center\"", "did you mean `centre`"),
    ] {
        masked(&sandbox, more);
        let error = sandbox.with_runner(|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains(said), "{more}: {error}");
    }
}

#[test]
fn records_say_how_well_the_water_balance_closed_and_verify_holds_them_to_it() {
    let sandbox = Sandbox::new();
    sandbox.run(&Unwatched).unwrap();
    let balance = record(&sandbox, "west", "2004-02")["properties"]["seedbed:balance"].clone();
    assert_eq!((&balance["pixel_days"], &balance["left_out"]), (&json!(30 * 10), &json!(0)), "{balance}");
    assert_eq!((&balance["unit"], &balance["precision"]), (&json!("mm"), &json!("f32")));
    let number = |key: &str| balance[key].as_f64().unwrap();
    let allowed = number("roundings") * f64::from(f32::EPSILON) / 2.0 * number("turnover");
    assert!(number("largest") <= allowed && number("mean") <= number("largest"), "{balance}");
    assert!(allowed < 1e-3, "{balance}");
    assert!(seedbed_prep::verify(&sandbox.path("out")).unwrap().is_complete());
    // As if a day had lost a tenth of a millimetre.
    let plan = sandbox.plan();
    let path = plan.tasks[0].products[0].record(&sandbox.path("out"));
    let mut document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    document["properties"]["seedbed:balance"]["largest"] = json!(0.1);
    fs::write(&path, document.to_string()).unwrap();
    let found = seedbed_prep::verify(&sandbox.path("out")).unwrap();
    assert!(found.problems[0].what.contains("its balance doesn't close"), "{:?}", found.problems);
    // As if it had never been written: all others have one.
    document["properties"].as_object_mut().unwrap().remove("seedbed:balance");
    fs::write(&path, document.to_string()).unwrap();
    let found = seedbed_prep::verify(&sandbox.path("out")).unwrap();
    assert!(found.problems[0].what.contains("lacks the balance"), "{:?}", found.problems);
}
