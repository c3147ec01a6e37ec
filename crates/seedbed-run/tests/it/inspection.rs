//! All that is wrong with inputs, told before day one.

use crate::support::{PROJECT, Sandbox, Unwatched, asset, item};
use seedbed_block::Period;
use seedbed_run::{InputProblem, InputReport, ProblemKind, RunError};
use std::fs;

/// The report a run is refused with; nothing is written.
#[track_caller]
fn refused(sandbox: &Sandbox) -> InputReport {
    let ran = sandbox.run(&Unwatched).unwrap_err();
    assert!(!sandbox.path("out").exists(), "nothing may be written");
    let RunError::Inputs { report, .. } = ran else { panic!("{ran}") };
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is too narrow")]
    let plan = sandbox.with_runner(|runner| runner.plan()).unwrap();
    let checked = sandbox.with_runner(|runner| runner.check(&plan)).unwrap_err();
    let RunError::Inputs { report: same, .. } = checked else { panic!("{checked}") };
    assert_eq!(report, same, "a dry run says the same");
    report
}

/// Tile, input, kind and days of each problem.
fn told(report: &InputReport) -> Vec<(String, String, ProblemKind, String)> {
    let one = |p: &InputProblem| {
        let days: Vec<String> = p.days.iter().map(ToString::to_string).collect();
        (p.tile.clone(), p.input.clone(), p.kind, days.join(" "))
    };
    let mut told: Vec<_> = report.problems.iter().map(one).collect();
    told.sort();
    told
}

fn remove_days(sandbox: &Sandbox, indices: &[usize]) {
    let text = fs::read_to_string(sandbox.path("weather.json")).unwrap();
    let mut items: serde_json::Value = serde_json::from_str(&text).unwrap();
    for index in indices.iter().rev() {
        items["features"].as_array_mut().unwrap().remove(*index);
    }
    fs::write(sandbox.path("weather.json"), items.to_string()).unwrap();
}

#[test]
fn every_problem_of_every_tile_is_told_at_once() {
    let sandbox = Sandbox::new();
    // 2004-02-25, 2004-02-26 and 2004-03-10.
    remove_days(&sandbox, &[5, 6, 19]);
    sandbox.raster("data/tmax_2004-02-20.tif", "degC", |i| if i % 16 < 7 { 288.0 } else { 8.0 });
    sandbox.write_project(&PROJECT.replace("[inputs.ndvi]", "[inputs.ndvi]\nunit = \"K\""));
    sandbox.raster("data/whc.tif", "K", |_| 80.0);
    let report = refused(&sandbox);
    let days = "2004-02-25/2004-02-26 2004-03-10/2004-03-10";
    let mut expected = Vec::new();
    for tile in ["east", "west"] {
        for input in ["inputs.ppt", "inputs.tmax", "inputs.tmin"] {
            expected.push((tile, input, ProblemKind::MissingDays, days));
        }
        expected.push((tile, "inputs.ndvi", ProblemKind::Unit, "2004-02-02/2004-04-05"));
        expected.push((tile, "statics.whc", ProblemKind::Unit, ""));
    }
    expected.push(("west", "inputs.tmax", ProblemKind::Range, "2004-02-20/2004-02-20"));
    let mut expected: Vec<_> = expected
        .into_iter()
        .map(|(tile, input, kind, days)| (tile.to_owned(), input.to_owned(), kind, days.to_owned()))
        .collect();
    expected.sort();
    assert_eq!(told(&report), expected);
    assert_eq!(report.tiles, 2);
    let lines = report.lines();
    let missing =
        "inputs.ppt: missing days on 2004-02-25/2004-02-26, 2004-03-10: it has no source for 3 days";
    assert!(lines.iter().any(|line| line.starts_with(missing)), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("288 degC") && line.ends_with("[west]")), "{lines:?}");
}

#[test]
fn a_static_that_lies_elsewhere_and_one_out_of_range_are_told_by_tile() {
    let sandbox = Sandbox::new();
    let grid = fs::read_to_string(sandbox.path("tiles.grid.json")).unwrap();
    fs::write(sandbox.path("tiles.grid.json"), grid.replace("\"col0\":1505", "\"col0\":1605")).unwrap();
    sandbox.raster("data/whc.tif", "mm", |_| 8e6);
    let told = told(&refused(&sandbox));
    let kind = |tile: &str, input: &str| {
        told.iter().find(|(t, i, ..)| t == tile && i == input).map(|(_, _, kind, _)| *kind)
    };
    assert_eq!(kind("west", "statics.whc"), Some(ProblemKind::Range));
    assert_eq!(kind("east", "statics.whc"), Some(ProblemKind::Absent));
    assert_eq!(kind("east", "inputs.tmin"), Some(ProblemKind::Absent));
    assert_eq!(kind("west", "inputs.tmin"), None);
}

#[test]
fn inputs_and_statics_that_are_swapped_are_told_by_tile_and_day() {
    let sandbox = Sandbox::new();
    let swapped = PROJECT
        .replace("asset = \"tmin\"", "asset = \"T\"")
        .replace("asset = \"tmax\"", "asset = \"tmin\"")
        .replace("asset = \"T\"", "asset = \"tmax\"")
        .replace("value = 220", "value = 410");
    for variant in ["default", "reference"] {
        let model = format!("name = \"veget\"\nvariant = \"{variant}\"");
        sandbox.write_project(&swapped.replace("name = \"veget\"", &model));
        let report = refused(&sandbox);
        let order = ProblemKind::Order;
        let one =
            |tile: &str, input: &str, days: &str| (tile.to_owned(), input.to_owned(), order, days.to_owned());
        let expected = ["east", "west"].map(|tile| {
            let day = "2004-02-20/2004-02-20";
            [one(tile, "inputs.tmin", day), one(tile, "statics.field_capacity", "")]
        });
        assert_eq!(told(&report), expected.concat());
        let said = "inputs.tmin: order on 2004-02-20: it exceeds inputs.tmax in 30 of 30 pixels; are the two \
                    swapped? [west, east]";
        assert!(report.lines().iter().any(|line| line == said), "{:?}", report.lines());
    }
}

#[test]
fn a_few_pixels_out_of_order_are_counted_and_don_t_stop_a_run() {
    let sandbox = Sandbox::new();
    // A corner of the tile in the west.
    sandbox.raster("data/tmax_2004-02-20.tif", "degC", |i| if i % 16 < 5 && i < 80 { -20.0 } else { 8.0 });
    let plan = sandbox.plan();
    let checked = sandbox.with_runner(|runner| runner.check(&plan)).unwrap();
    assert_eq!(checked.len(), 1, "{checked:?}");
    assert_eq!(
        checked[0].to_string(),
        "inputs.tmin exceeds inputs.tmax in 4 pixels, first in tile west on 2004-02-20"
    );
    let report = sandbox.run(&Unwatched).unwrap();
    assert_eq!((report.failed.len(), report.disorders), (0, checked));
}

#[test]
fn every_day_is_held_to_the_orders_while_a_run_goes_on() {
    let sandbox = Sandbox::new();
    // A corner of the tile in the west on one later day, all of that in the east on another.
    sandbox.raster("data/tmax_2004-02-23.tif", "degC", |i| if i % 16 < 5 && i < 80 { -20.0 } else { 8.0 });
    sandbox.raster("data/tmax_2004-02-25.tif", "degC", |i| if i % 16 < 8 { 8.0 } else { -20.0 });
    let plan = sandbox.plan();
    assert_eq!(sandbox.with_runner(|runner| runner.check(&plan)).unwrap(), []);
    let report = sandbox.run(&Unwatched).unwrap();
    let [failed] = report.failed.as_slice() else { panic!("{:?}", report.failed) };
    let said =
        "inputs.tmin exceeds inputs.tmax in 30 of 30 pixels of tile east on 2004-02-25; are the two swapped?";
    assert!(failed.tile == "east" && failed.reason.contains(said) && failed.usage, "{failed:?}");
    let [counted] = report.disorders.as_slice() else { panic!("{:?}", report.disorders) };
    assert_eq!(
        counted.to_string(),
        "inputs.tmin exceeds inputs.tmax in 4 pixels, first in tile west on 2004-02-23"
    );
}

#[test]
fn a_static_without_a_value_is_refused_or_told_of() {
    let project = PROJECT.replace("[model]\n", "[statics.water]\nhref = \"data/water.tif\"\n\n[model]\n");
    let sandbox = Sandbox::new();
    sandbox.raster("data/water.tif", "1", |_| f64::NAN);
    sandbox.write_project(&project);
    let report = refused(&sandbox);
    let line = "statics.water: absent: it has no value on any tile [west, east]";
    assert!(report.lines().iter().any(|l| l == line), "{:?}", report.lines());
    sandbox.raster("data/water.tif", "1", |i| if i % 16 < 8 { 0.0 } else { f64::NAN });
    let report = sandbox.run(&Unwatched).unwrap();
    let told: Vec<String> = report.empty.iter().map(ToString::to_string).collect();
    assert_eq!((report.failed.len(), told), (0, vec!["statics.water has no value on east".to_owned()]));
}

#[test]
fn a_mask_averaged_to_fractions_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.raster("data/water.tif", "1", |i| if i % 16 < 7 { 0.25 } else { 1.0 });
    sandbox.write_project(
        &PROJECT.replace("[model]\n", "[statics.water]\nhref = \"data/water.tif\"\n\n[model]\n"),
    );
    let report = refused(&sandbox);
    let west = ("west".to_owned(), "statics.water".to_owned(), ProblemKind::Range, String::new());
    assert_eq!(told(&report), [west]);
    assert!(report.lines()[0].contains("resampling = \"nearest\""), "{:?}", report.lines());
    let value = "[statics.water]\nvalue = 0.5\n\n[model]\n";
    sandbox.write_project(&PROJECT.replace("[model]\n", value));
    let error = sandbox.run(&Unwatched).unwrap_err().to_string();
    assert!(error.contains("statics.water.value: 0.5 lies between 0 and 1"), "{error}");
}

#[test]
fn days_of_a_spin_up_are_looked_at_too() {
    let sandbox = Sandbox::new();
    let spin_up = "name = \"veget\"\nspin_up = { period = \"2004-02-17/2004-02-21\" }";
    sandbox.write_project(&PROJECT.replace("name = \"veget\"", spin_up));
    let told = told(&refused(&sandbox));
    assert_eq!(told.len(), 2 * 3, "{told:?}");
    assert!(told.iter().all(|(_, _, kind, days)| {
        (*kind, days.as_str()) == (ProblemKind::MissingDays, "2004-02-17/2004-02-19")
    }));
}

#[test]
fn a_value_in_the_wrong_unit_is_met_on_the_first_day_of_any_year() {
    let sandbox = Sandbox::new();
    let period: Period = "2003-12-29/2004-01-03".parse().unwrap();
    let mut items = Vec::new();
    for day in period.days() {
        let mut assets = serde_json::Map::new();
        // What a file in kelvin holds, from the new year on.
        for (name, value) in [("tmin", 1.0), ("tmax", if day.year() == 2003 { 9.0 } else { 282.0 })] {
            let file = format!("data/{name}_{day}.tif");
            sandbox.raster(&file, "degC", |_| value);
            assets.insert(name.to_owned(), asset(&file, "degC"));
        }
        items.push(item(&format!("d-{day}"), day, day, &assets.into()));
    }
    sandbox.items("turn.json", &items);
    let input = |name: &str| format!("[inputs.{name}]\nitems = \"turn.json\"\nasset = \"{name}\"\n");
    let (head, _) = PROJECT.split_once("[inputs.ppt]").unwrap();
    let head = head.replace("2004-02-20/2004-03-10", &period.to_string());
    let model = "[model]\nname = \"growing-degree-days\"\n";
    sandbox.write_project(&format!("{head}{}{}{model}", input("tmin"), input("tmax")));
    let said = told(&refused(&sandbox));
    assert_eq!(said.len(), 2, "{said:?}");
    for (_, input, kind, days) in said {
        let days = (input.as_str(), kind, days.as_str());
        assert_eq!(days, ("inputs.tmax", ProblemKind::Range, "2004-01-01/2004-01-01"));
    }
}

#[test]
fn days_behind_a_checkpoint_are_all_that_is_looked_at() {
    let sandbox = Sandbox::new();
    sandbox.write_project(&PROJECT.replace("/2004-03-10", "/2004-02-29"));
    assert!(sandbox.run(&Unwatched).unwrap().failed.is_empty());
    // What the items say of the days before hasn't changed, but their files are gone.
    let project = PROJECT.replace("[\"monthly\", \"yearly\"]", "[\"monthly\"]");
    sandbox.write_project(&project.replace("/2004-03-10", "/2004-02-29"));
    sandbox.run(&Unwatched).unwrap();
    let text = fs::read_to_string(sandbox.path("weather.json")).unwrap();
    let mut items: serde_json::Value = serde_json::from_str(&text).unwrap();
    for item in items["features"].as_array_mut().unwrap() {
        for (_, asset) in item["assets"].as_object_mut().unwrap() {
            let file = asset["href"].as_str().unwrap().trim_start_matches("./").to_owned();
            let checksum = seedbed_storage::Checksum::of_file(&sandbox.path(&file)).unwrap();
            asset["file:checksum"] = checksum.multihash().into();
        }
    }
    fs::write(sandbox.path("weather.json"), items.to_string()).unwrap();
    for file in fs::read_dir(sandbox.path("data")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.contains("_2004-02-2") && !name.starts_with("ndvi") {
            fs::remove_file(path).unwrap();
        }
    }
    sandbox.write_project(&project);
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!((report.made, report.resumed, report.days), (2, 2, 2 * 10));
}
