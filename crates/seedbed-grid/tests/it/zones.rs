//! Zones as files have them.

use crate::support::Two;
use seedbed_grid::Zones;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

fn written(dir: &tempfile::TempDir, document: &serde_json::Value) -> PathBuf {
    let path = dir.path().join("zones.geojson");
    fs::write(&path, document.to_string()).unwrap();
    path
}

fn feature(x: f64, properties: &serde_json::Value) -> serde_json::Value {
    let ring = [[x, 0.0], [x + 1.0, 0.0], [x + 1.0, 1.0], [x, 1.0], [x, 0.0]];
    json!({"type": "Feature", "properties": properties,
           "geometry": {"type": "Polygon", "coordinates": [ring]}})
}

#[test]
fn features_keep_their_order_and_their_attributes() {
    let dir = tempfile::tempdir().unwrap();
    let point = json!({"type": "Feature", "properties": {"name": "gauge"},
                       "geometry": {"type": "Point", "coordinates": [0.0, 0.0]}});
    let features = [feature(5.0, &json!({"name": "b", "n": 2})), point, feature(3.0, &json!({"name": "a"}))];
    let path = written(&dir, &json!({"type": "FeatureCollection", "features": features}));
    let zones = Zones::read(&path, Some("name"), &Two).unwrap();
    let ids: Vec<&str> = zones.zones.iter().map(seedbed_grid::Zone::id).collect();
    assert_eq!(ids, ["b", "a"]);
    assert_eq!(zones.zones[0].attributes()["n"], 2);
    assert!(zones.notes[0].contains("feature 2 is no area"), "{:?}", zones.notes);
    let numbered = Zones::read(&path, None, &Two).unwrap();
    assert_eq!(numbered.zones[1].id(), "3", "its number in the file");
}

#[test]
fn zones_that_cant_be_told_apart_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let features = [feature(5.0, &json!({"name": "a"})), feature(3.0, &json!({"name": "a"}))];
    let path = written(&dir, &json!({"type": "FeatureCollection", "features": features}));
    let said = Zones::read(&path, Some("name"), &Two).unwrap_err().to_string();
    assert!(said.contains("feature 1 and feature 2 are both called `a`"), "{said}");
    let said = Zones::read(&path, Some("code"), &Two).unwrap_err().to_string();
    assert!(said.contains("feature 1") && said.contains("`code`") && said.contains("name"), "{said}");
}
