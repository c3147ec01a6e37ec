//! What a run refuses, and in which words.

use crate::support::{PROJECT, Sandbox, Unwatched};
use std::error::Error;
use std::fs;

/// An error with its causes.
fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(c) = cause {
        text = format!("{text}: {c}");
        cause = c.source();
    }
    text
}

fn refusal(sandbox: &Sandbox) -> (String, bool) {
    let error = sandbox.run(&Unwatched).unwrap_err();
    assert!(!sandbox.path("out/west").exists(), "nothing may be half-written");
    (words(&error), error.is_usage())
}

#[test]
fn a_missing_day_is_named_before_day_one() {
    let sandbox = Sandbox::new();
    let text = fs::read_to_string(sandbox.path("weather.json")).unwrap();
    let mut items: serde_json::Value = serde_json::from_str(&text).unwrap();
    items["features"].as_array_mut().unwrap().remove(5);
    fs::write(sandbox.path("weather.json"), items.to_string()).unwrap();
    let (said, _) = refusal(&sandbox);
    assert!(said.contains("inputs.ppt") && said.contains("2004-02-25"), "{said}");
}

#[test]
fn kelvin_declared_as_celsius_is_refused_by_name_and_value() {
    let sandbox = Sandbox::new();
    sandbox.raster("data/tmax_2004-02-20.tif", "degC", |_| 288.0);
    let (said, usage) = refusal(&sandbox);
    assert!(usage && said.contains("inputs.tmax") && said.contains("288 degC"), "{said}");
    assert!(!sandbox.path("out").exists(), "a refused run leaves no documents");
}

#[test]
fn a_value_that_makes_no_sense_later_on_fails_its_tile_and_leaves_no_file() {
    let sandbox = Sandbox::new();
    sandbox.raster("data/tmax_2004-02-25.tif", "degC", |_| 288.0);
    let report = sandbox.run(&Unwatched).unwrap();
    assert_eq!((report.failed.len(), report.made), (2, 0));
    let said = &report.failed[0].reason;
    assert!(said.contains("tmax") && said.contains("2004-02-25") && said.contains("288 degC"), "{said}");
    assert!(!sandbox.files("out").keys().any(|p| p.extension().is_some_and(|e| e == "tif")));
}

#[test]
fn what_a_source_scales_is_not_scaled_again() {
    let sandbox = Sandbox::new();
    let text = fs::read_to_string(sandbox.path("ndvi.json")).unwrap();
    let stated = text.replace("\"unit\":\"1\"", "\"unit\":\"1\",\"raster:scale\":0.5");
    fs::write(sandbox.path("ndvi.json"), stated).unwrap();
    sandbox.write_project(&PROJECT.replace("[inputs.ndvi]", "[inputs.ndvi]\nscale = 0.0001"));
    let (said, usage) = refusal(&sandbox);
    assert!(usage && said.contains("inputs.ndvi") && said.contains("remove them from the project"), "{said}");
    assert!(said.contains("scale 0.5") && said.contains("`scale` = 0.0001"), "{said}");
    sandbox.write_project(PROJECT);
    assert!(sandbox.run(&Unwatched).unwrap().failed.is_empty());
}

#[test]
fn a_unit_that_cannot_be_converted_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write_project(&PROJECT.replace("[inputs.ndvi]", "[inputs.ndvi]\nunit = \"K\""));
    let (said, usage) = refusal(&sandbox);
    assert!(usage && said.contains("`K` cannot be converted to `1`"), "{said}");
}

#[test]
fn tiles_outside_every_input_are_refused() {
    let sandbox = Sandbox::new();
    let text = fs::read_to_string(sandbox.path("weather.json")).unwrap();
    let with = text.replace("\"geometry\":null", "\"geometry\":null,\"bbox\":[10.0,50.0,11.0,51.0]");
    fs::write(sandbox.path("weather.json"), with).unwrap();
    let (said, usage) = refusal(&sandbox);
    assert!(usage);
    assert!(said.contains("inputs.ppt") && said.contains("touches"), "{said}");
}

#[test]
fn computed_reference_et_needs_its_own_bias_correction() {
    let sandbox = Sandbox::new();
    sandbox.write_project(&PROJECT.replace("bias_corr = 1.0", ""));
    let (said, usage) = refusal(&sandbox);
    assert!(usage);
    assert!(said.contains("bias_corr"), "{said}");
}

#[test]
fn a_static_the_model_needs_is_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.write_project(&PROJECT.replace("[statics.saturation]\nvalue = 400", ""));
    let (said, usage) = refusal(&sandbox);
    assert!(usage && said.contains("statics.saturation"), "{said}");
}

#[test]
fn all_that_is_wrong_with_a_projects_sections_is_told_at_once() {
    let sandbox = Sandbox::new();
    let project = PROJECT
        .replace("[statics.saturation]\nvalue = 400", "")
        .replace("data/whc.tif", "data/nowhere.tif")
        .replace("items = \"ndvi.json\"", "items = \"none.json\"")
        .replace("[inputs.ppt]", "[inputs.rain]");
    sandbox.write_project(&project);
    let (said, usage) = refusal(&sandbox);
    assert!(usage && said.starts_with("5 problems: "), "{said}");
    for key in ["inputs.ppt", "inputs.rain", "inputs.ndvi", "statics.saturation", "statics.whc.href"] {
        assert!(said.contains(key), "{key}: {said}");
    }
    assert!(!said.contains("bias_corr"), "{said}");
}

#[test]
fn a_project_that_asks_for_nothing_or_the_impossible_is_refused_by_key() {
    for (from, to, key) in [
        ("[\"etasw\", \"swf\"]", "[]", "output.variables"),
        ("[\"etasw\", \"swf\"]", "[\"swf\", \"swf\"]", "output.variables"),
        ("[\"etasw\", \"swf\"]", "[\"swg\"]", "output.variables"),
        ("[\"monthly\", \"yearly\"]", "[]", "output.periods"),
        ("variables =", "dtype = \"int16\"\nvariables =", "output.scale"),
        ("variables =", "scale = 0.0\nvariables =", "output.scale"),
        ("variables =", "dtype = \"int8\"\nscale = 1.0\nvariables =", "output.dtype"),
        ("value = 220", "value = nan", "statics.field_capacity.value"),
        ("value = 220", "value = 22000", "statics.field_capacity.value"),
        ("value = 220", "value = 220\nhref = \"data/whc.tif\"", "statics.field_capacity"),
        ("bias_corr = 1.0", "bias_corr = 1.0\nvariant = \"master\"\n", ""),
        (
            "[inputs.ppt]",
            "[inputs.prcp]\nitems = \"weather.json\"\nasset = \"ppt\"\n[inputs.ppt]",
            "inputs.p",
        ),
        ("file = \"tiles.grid.json\"", "file = \"nowhere.json\"", "grid.file"),
        ("out = \"out\"", "out = \"https://h.org/out\"", "project.out"),
        ("items = \"ndvi.json\"", "items = \"nowhere.json\"", "inputs.ndvi"),
        (
            "items = \"ndvi.json\"",
            "items = \"https://h.org/x.json?v=2&access_token=t0\"",
            "inputs.ndvi.items",
        ),
        ("asset = \"ndvi\"", "asset = \"evi\"", "inputs.ndvi"),
        ("data/whc.tif", "data/nowhere.tif", "statics.whc"),
    ] {
        let sandbox = Sandbox::new();
        assert!(PROJECT.contains(from), "{from}");
        let project = PROJECT.replace(from, to);
        let twice = project.replace("name = \"veget\"", "name = \"veget\"\nvariant = \"master\"");
        sandbox.write_project(if key.is_empty() { &twice } else { &project });
        let (said, usage) = refusal(&sandbox);
        assert!(usage && said.contains("seedbed.toml") && said.contains(key), "{to}: {said}");
        assert!(!sandbox.path("out").exists(), "{to}");
    }
}

#[test]
fn a_static_that_lies_elsewhere_is_named_before_day_one() {
    let sandbox = Sandbox::new();
    let grid = fs::read_to_string(sandbox.path("tiles.grid.json")).unwrap();
    // The inputs say nothing of where they lie but in their files.
    fs::write(sandbox.path("tiles.grid.json"), grid.replace("\"col0\":1505", "\"col0\":1605")).unwrap();
    let (said, usage) = refusal(&sandbox);
    assert!(usage && said.contains("touches tile east"), "{said}");
}

#[test]
fn a_project_says_its_grid_in_one_way() {
    let sandbox = Sandbox::new();
    let grid = |text: &str| {
        sandbox.write_project(&PROJECT.replace("file = \"tiles.grid.json\"", text));
        refusal(&sandbox)
    };
    for (text, says) in [
        ("file = \"tiles.grid.json\"\nname = \"daymet-na\"", "grid.name: `file` already says so"),
        ("name = \"daymet-na\"\ncrs = \"EPSG:5070\"", "grid.crs: `name` already says so"),
        ("name = \"daymet\"", "no grid `daymet`; there are"),
        ("name = \"daymet-na\"\naoi = \"POLYGON((0 0, 1 0))\"", "grid.aoi"),
        ("crs = \"EPSG:5070\"", "give `file`, or `name`, or `crs`, `tile` and `aoi`"),
    ] {
        let (said, usage) = grid(text);
        assert!(usage && said.contains(says), "{text}: {said}");
    }
}
