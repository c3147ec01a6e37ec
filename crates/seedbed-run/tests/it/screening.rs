//! Which values of an input count: valid ranges and quality layers.

use crate::support::{PROJECT, Sandbox, Unwatched};
use std::fs;

/// February's evaporation of the western tile, where on one day some rain is called
/// invalid and some is of poor quality.
fn february(project: &str) -> Vec<f64> {
    let sandbox = Sandbox::new();
    let weather = fs::read_to_string(sandbox.path("weather.json")).unwrap();
    let mut items: serde_json::Value = serde_json::from_str(&weather).unwrap();
    for item in items["features"].as_array_mut().unwrap() {
        item["assets"]["ppt"]["bands"][0]["valid_range"] = serde_json::json!([0, 50]);
        item["assets"]["quality"] = serde_json::json!({ "href": "./data/quality.tif" });
    }
    fs::write(sandbox.path("weather.json"), items.to_string()).unwrap();
    // Rows of 16 pixels; the western tile begins at row 3, column 3.
    sandbox.raster("data/ppt_2004-02-22.tif", "mm", |i| if i == 3 * 16 + 3 { 51.0 } else { 4.0 });
    sandbox.raster("data/quality.tif", "1", |i| f64::from(u8::from(i == 4 * 16 + 3)));
    sandbox.write_project(project);
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    sandbox.values("west", "2004-02", "etasw")
}

/// The project, its rain read pixel by pixel.
fn project(rain: &str) -> String {
    PROJECT.replace("asset = \"ppt\"", &format!("asset = \"ppt\"\nresampling = \"nearest\"\n{rain}"))
}

#[test]
fn values_that_an_item_calls_invalid_are_missing_unless_they_are_to_be_kept() {
    let (screened, kept) = (february(&project("")), february(&project("keep_invalid = true")));
    assert!(screened[0].is_finite() && screened[0] < kept[0], "{} {}", screened[0], kept[0]);
    assert_eq!(screened[1..], kept[1..]);
}

#[test]
fn what_a_quality_layer_speaks_against_is_missing() {
    let (all, masked) = (february(&project("")), february(&project("mask = \"quality:KEEP=0\"")));
    // Without rain on any of its days nothing is known of the pixel below the first.
    assert!(all[5].is_finite() && masked[5].is_nan(), "{} {}", all[5], masked[5]);
    let others = |values: &[f64]| {
        values.iter().enumerate().filter(|(i, _)| *i != 5).map(|(_, v)| *v).collect::<Vec<_>>()
    };
    assert_eq!(others(&all), others(&masked));
}
