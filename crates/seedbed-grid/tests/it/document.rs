//! `tiles.grid.json`.

use crate::support::{Two, degrees};
use seedbed_grid::{Aoi, GridError, Scheme, TileGrid, cover};
use serde_json::{Value, json};
use std::error::Error;

fn some() -> TileGrid {
    let area = Aoi::from_bbox("-75.5,39.1,-73.2,40.9".parse().unwrap());
    cover(&degrees(1.0 / 480.0), &area, "1deg".parse().unwrap(), Scheme::RowColumn, &Two).unwrap().grid
}

#[test]
fn a_grid_read_back_is_the_grid_written_and_the_bytes_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.grid.json"), folder.path().join("b.grid.json"));
    let grid = some();
    grid.write(&a).unwrap();
    let back = TileGrid::read(&a).unwrap();
    assert_eq!(back, grid);
    back.write(&b).unwrap();
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn the_file_says_what_others_need() {
    let v = serde_json::to_value(some()).unwrap();
    assert_eq!(v["format_version"], 1);
    assert_eq!(v["origin"], json!([-180.0, 90.0]));
    assert_eq!(v["resolution"], json!([1.0 / 480.0, 1.0 / 480.0]));
    assert_eq!(v["crs"]["code"], "EPSG:4326");
    assert!(
        v["crs"]["wkt2"].is_string() && v["crs"]["projjson"].is_object() && v["crs"]["geographic"] == true
    );
    let tile = &v["tiles"][0];
    assert_eq!((&tile["cols"], &tile["rows"]), (&json!(480), &json!(480)));
    assert_eq!(
        (&tile["name"], &tile["row0"], &tile["col0"]),
        (&json!("r49c104"), &json!(49 * 480), &json!(104 * 480))
    );
}

fn refusal(change: impl Fn(&mut Value)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.grid.json");
    let mut v = serde_json::to_value(some()).unwrap();
    change(&mut v);
    std::fs::write(&path, v.to_string()).unwrap();
    let error = TileGrid::read(&path).unwrap_err();
    assert!(error.to_string().contains("bad.grid.json"), "{error}");
    error.source().unwrap().to_string()
}

#[test]
fn grids_that_do_not_hold_together_are_refused_with_the_file_and_the_reason() {
    assert!(refusal(|v| v["tiles"][1]["col0"] = v["tiles"][0]["col0"].clone()).contains("overlap"));
    assert!(
        refusal(|v| v["tiles"][1]["name"] = v["tiles"][0]["name"].clone()).contains("two tiles are called")
    );
    assert!(refusal(|v| v["tiles"][0]["rows"] = json!(0)).contains("has no pixels"));
    assert!(refusal(|v| v["resolution"] = json!([1.0, -1.0])).contains("positive size"));
    assert!(refusal(|v| v["format_version"] = json!(9)).contains("version 9 is not known"));
    assert!(matches!(TileGrid::read("/nowhere/x.grid.json".as_ref()), Err(GridError::File { .. })));
}
