//! The README's commands, run as they stand there.

use crate::python::{interpreter, python};
use crate::sandbox::{Ran, Sandbox, copy_all};
use serde_json::json;
use std::fs;
use std::path::Path;

const INPUTS: &str = include_str!("real/readme_inputs.py");

/// The commands of a section: the lines of its shell block that aren't comments.
fn commands(section: &str) -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let (_, rest) = readme.split_once(&format!("## {section}\n")).unwrap();
    let (_, rest) = rest.split_once("```sh\n").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    let code = |line: &str| line.split('#').next().unwrap_or("").trim().to_owned();
    block.lines().map(code).filter(|line| !line.is_empty()).collect()
}

#[test]
fn aligned_rasters_and_composites_are_made_by_the_readmes_commands() {
    let sandbox = Sandbox::new();
    let Some(made) = python(&sandbox, INPUTS, [""; 0]) else { return };
    made.succeeds();
    let area = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../aoi/upper-delaware.geojson");
    sandbox.write("aoi/upper-delaware.geojson", fs::read(area).unwrap());
    let commands = commands("Aligned rasters and composites");
    assert!(commands.len() >= 8, "{commands:?}");
    for command in &commands {
        // The catalogs that the section before makes are items files here.
        let words = command.split_whitespace().skip(1).enumerate().map(|(n, word)| match word {
            "ndvi" | "gridmet" if n == 1 => format!("{word}.json"),
            other => other.to_owned(),
        });
        let words: Vec<String> = words.collect();
        sandbox.seedbed(words).succeeds();
    }
    let record = |product: &str, period: &str| {
        let of = |p: &String| {
            p.starts_with(&format!("{product}/"))
                && p.contains(&format!("/{period}/"))
                && Path::new(p).extension().is_some_and(|e| e == "json")
        };
        sandbox.json(sandbox.files().into_iter().find(of).unwrap_or_else(|| panic!("{product} {period}")))
    };
    let median = record("ndvi-medians", "doy-353");
    assert_eq!(median["properties"]["seedbed:layers"], json!({ "ndvi": 2 }));
    assert!(median["assets"]["ndvi_count"]["href"].is_string());
    let month = record("tmax-monthly", "2003-12");
    assert!(month["properties"]["seedbed:partial"].is_null());
    let mean = &month["assets"]["tmmx"]["bands"][0]["statistics"];
    assert!((mean["maximum"].as_f64().unwrap() - 295.0).abs() < 1e-4, "{mean}");
    let days = sandbox.read("days.csv");
    assert!(days.starts_with("period,tile,variable,unit,source_minimum"), "{days}");
    assert!(days.lines().skip(1).all(|row| row.contains(",tmmx,degC,")) && days.lines().count() > 28);
    for day in ["2003-12-28", "2003-12-31", "2004-01-01", "2004-01-05"] {
        assert!(record("ndvi-normal", day)["assets"]["ndvi"]["href"].is_string());
    }
    assert_eq!(record("ndvi-daily", "2003-01-15")["properties"]["seedbed:parameters"]["time"], "composite");
    assert_eq!(
        record("ndvi-observed", "2003-01-20")["properties"]["seedbed:parameters"]["time"],
        "composite-day"
    );
    for product in [
        "ndvi-aligned",
        "ndvi-medians",
        "ndvi-medians-mosaic",
        "tmax-monthly",
        "tmax-aligned",
        "ndvi-daily",
        "ndvi-observed",
        "ndvi-normal",
    ] {
        sandbox.seedbed(["verify", product]).succeeds();
    }
}

#[test]
fn the_example_of_a_model_runs_by_the_readmes_commands() {
    let sandbox = Sandbox::new();
    let Some(found) = python(&sandbox, "import numpy", [""; 0]) else { return };
    found.succeeds();
    let commands = commands("Models of your own");
    let example = commands[0].strip_prefix("cd ").unwrap();
    copy_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(example), &sandbox.path("."));
    for command in &commands[1..] {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let mut command = sandbox.command(&words);
        if let Some(folder) = interpreter().as_deref().and_then(Path::parent) {
            // The definition names `python3`, as the user's PATH has it.
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", folder.display()));
        }
        Ran::new(words.join(" "), &command.output().unwrap()).succeeds();
    }
    assert!(sandbox.read("seedbed.toml").contains("name = \"degree_days.toml\""));
}
