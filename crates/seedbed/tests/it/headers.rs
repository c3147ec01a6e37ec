//! `crawl --open`: what items claim, held against the headers of the archives' files.

use crate::sandbox::Sandbox;
use crate::world::World;
use serde_json::Value;

fn opened(sandbox: &Sandbox, definition: &str, root: &str, which: &str) -> Value {
    let open = format!("--open={which}");
    let args = ["crawl", definition, "--root", root, "--out", "catalog", "--fresh", &open, "--json"];
    sandbox.seedbed(args).succeeds().json()["opened"].clone()
}

#[test]
fn true_claims_are_confirmed_by_remote_headers_of_every_format() {
    let world = World::get();
    let sandbox = Sandbox::new();
    let daymet = World::daymet().display().to_string();
    // netCDF and COG by byte ranges, zips as wholes.
    for (definition, path) in [(daymet.as_str(), ""), ("mod13a1", "api/stac/v1/"), ("prism-daily-old", "")] {
        let told = opened(&sandbox, definition, &world.url(path), "all");
        println!("{definition}: {told}");
        assert!(told["headers"].as_u64().unwrap() > 0, "{told}");
        // The small PRISM and MODIS archives are windows of the true grids, and say so.
        let differences = told["differences"].as_array().unwrap();
        assert!(differences.iter().all(|d| d["field"] == "place" && definition != daymet), "{told}");
        // The HDF files that the API names beside its COGs are not served here: that is told.
        let unread = told["unread"].as_array().unwrap();
        assert!(unread.iter().all(|u| u["asset"] == "hdf" && definition == "mod13a1"), "{told}");
    }
}

#[test]
fn claims_that_a_file_contradicts_are_told_with_both_sides() {
    let world = World::get();
    let sandbox = Sandbox::new();
    let text = std::fs::read_to_string(World::daymet()).unwrap();
    let (before, prcp) = text.split_once("[assets.prcp]").unwrap();
    let wrong = prcp
        .replacen("nodata = -9999", "nodata = -1", 1)
        .replacen("unit = \"mm/day\"", "unit = \"degC\"", 1)
        .replacen("data_type = \"float32\"", "data_type = \"int16\"", 1);
    sandbox.write("wrong.toml", format!("{before}[assets.prcp]{wrong}"));
    let told = opened(&sandbox, "wrong.toml", &world.url(""), "first");
    let fields: Vec<&str> =
        told["differences"].as_array().unwrap().iter().map(|d| d["field"].as_str().unwrap()).collect();
    println!("{told}");
    assert_eq!(fields, ["data_type", "nodata", "unit"], "{told}");
    assert!(told["differences"].as_array().unwrap().iter().all(|d| d["asset"] == "prcp"));
}
