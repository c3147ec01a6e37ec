//! One JSON object a command, and nothing else on stdout.

use crate::sandbox::Sandbox;
use serde_json::json;

#[test]
fn a_report_names_its_format_and_command() {
    let sandbox = Sandbox::new();
    let cases: [(&[&str], &str); 7] = [
        (&["archives"], "archives"),
        (&["archives", "prism-daily"], "archives"),
        (&["model", "list"], "model list"),
        (&["model", "describe", "veget"], "model describe"),
        (&["init", "veget", "--out", "seedbed.toml"], "init"),
        (&["grid", "--bbox=-76,40,-75,41", "--tile", "1deg", "--out", "tiles.geojson"], "grid"),
        (&["doctor"], "doctor"),
    ];
    for (args, command) in cases {
        let ran = sandbox.seedbed([args, &["--json"]].concat()).succeeds();
        let report = ran.json();
        assert_eq!(report["format_version"], 1, "{args:?}");
        assert_eq!(report["command"], command, "{args:?}");
    }
}

#[test]
fn an_error_is_one_object_on_stdout_and_text_on_stderr() {
    let sandbox = Sandbox::new();
    let ran =
        sandbox.seedbed(["run", "missing.toml", "--json"]).exits(2).says("error: ").says("missing.toml");
    let report = ran.json();
    assert_eq!(report["command"], "run");
    assert_eq!(report["error"]["exit_code"], 2);
    assert!(report["error"]["message"].as_str().unwrap().contains("missing.toml"), "{report}");
}

#[test]
fn text_and_json_say_the_same() {
    let sandbox = Sandbox::new();
    let text = sandbox.seedbed(["model", "list"]).succeeds().stdout;
    let report = sandbox.seedbed(["model", "list", "--json"]).succeeds().json();
    for model in report["models"].as_array().unwrap() {
        assert!(text.contains(model["name"].as_str().unwrap()), "{text}");
    }
}

#[test]
fn the_grid_stands_beside_the_tiles_with_every_field() {
    let sandbox = Sandbox::new();
    sandbox.seedbed(["grid", "--bbox=-76,40,-74,41", "--tile", "1deg", "--out", "t/tiles.shp"]).exits(2);
    sandbox.write("t/.keep", "");
    sandbox.seedbed(["grid", "--bbox=-76,40,-74,41", "--tile", "1deg", "--out", "t/tiles.shp"]).succeeds();
    let grid = sandbox.json("t/tiles.grid.json");
    assert!(grid["crs"]["wkt2"].is_string() && grid["crs"]["projjson"].is_object());
    assert_eq!(grid["origin"], json!([-180.0, 90.0]));
    let tiles = grid["tiles"].as_array().unwrap();
    assert_eq!(tiles.len(), 2);
    for tile in tiles {
        for field in ["name", "col0", "row0", "cols", "rows"] {
            assert!(!tile[field].is_null(), "{tile}");
        }
        assert_eq!((&tile["cols"], &tile["rows"]), (&json!(480), &json!(480)));
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    use std::process::Stdio;
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(["model", "describe", "veget"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
