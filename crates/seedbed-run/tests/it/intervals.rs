//! Inputs that are read from other sources on other days.

use crate::climate;
use crate::support::{Sandbox, Unwatched, asset, item};
use seedbed_block::date;
use std::error::Error;
use std::fs;

/// Twelve recurring NDVI layers that an items file `name` holds, the same everywhere.
fn write_ndvi(sandbox: &Sandbox, name: &str, unit: &str, value: f64) {
    let mut items = Vec::new();
    for month in 1..=12_i8 {
        let day = date(2001, month, 15);
        let file = format!("data/{name}-{month:02}.tif");
        sandbox.raster(&file, unit, |_| value);
        items.push(item(
            &format!("{name}-{month:02}"),
            day,
            day,
            &serde_json::json!({ "ndvi": asset(&file, unit) }),
        ));
    }
    sandbox.items(&format!("{name}.json"), &items);
}

/// The project with other lines for its NDVI.
fn project(period: &str, ndvi: &str) -> String {
    let text = climate::project(period);
    let (head, rest) = text.split_once("[inputs.ndvi]").unwrap();
    let (_, tail) = rest.split_once("[statics.whc]").unwrap();
    format!("{head}[inputs.ndvi]\n{ndvi}\n[statics.whc]{tail}")
}

const SWITCHED: &str = r#"asset = "ndvi"
time = "climatology"

[[inputs.ndvi.switch]]
period = "2002"
items = "green.json"
scale = 0.5

[[inputs.ndvi.switch]]
period = "2001"
items = "brown.json"
"#;

fn sandbox() -> Sandbox {
    let sandbox = climate::sandbox("2001");
    write_ndvi(&sandbox, "brown", "1", 0.2);
    write_ndvi(&sandbox, "green", "1", 0.8);
    sandbox
}

#[track_caller]
fn run(sandbox: &Sandbox, project: &str) -> seedbed_run::RunReport {
    sandbox.write_project(project);
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    report
}

fn bytes(sandbox: &Sandbox, period: &str) -> Vec<u8> {
    fs::read(sandbox.cog("west", period, "etasw")).unwrap()
}

#[test]
fn each_day_is_read_from_the_source_whose_interval_holds_it() {
    let switched = sandbox();
    run(&switched, &project("2001-11-20/2002-02-10", SWITCHED));
    let brown = sandbox();
    run(
        &brown,
        &project("2001-11-20/2001-12-31", "items = \"brown.json\"\nasset = \"ndvi\"\ntime = \"climatology\""),
    );
    for month in ["2001-11", "2001-12"] {
        assert!(bytes(&switched, month) == bytes(&brown, month), "{month}");
    }
    // The second year goes on from the first one's state with a source of its own.
    let kept = project("2001-11-20/2001", SWITCHED).replace("variables =", "state = true\nvariables =");
    let green = sandbox();
    run(&green, &kept.replace("\"out\"", "\"first\""));
    let plain = "items = \"green.json\"\nasset = \"ndvi\"\ntime = \"climatology\"\nscale = 0.5";
    let second = project("2002-01-01/2002-02-10", plain);
    run(&green, &second.replace("name = \"veget\"", "name = \"veget\"\nstate = \"first\""));
    for month in ["2002-01", "2002-02"] {
        assert!(bytes(&switched, month) == bytes(&green, month), "{month}");
    }
    assert!(bytes(&switched, "2002-01") != bytes(&switched, "2001-12"));
}

#[test]
fn an_interval_that_changes_redoes_only_what_comes_from_its_first_day_on() {
    let sandbox = sandbox();
    let before = project("2001-11-20/2002-02-10", SWITCHED);
    assert_eq!(run(&sandbox, &before).made, 2 * 6);
    let longer = SWITCHED.replace("period = \"2002\"", "period = \"2002/2009\"");
    assert_eq!(run(&sandbox, &project("2001-11-20/2002-02-10", &longer)).made, 0, "days behind the run");
    let other = SWITCHED.replace("scale = 0.5", "scale = 0.25");
    let report = run(&sandbox, &project("2001-11-20/2002-02-10", &other));
    assert_eq!((report.made, report.resumed, report.days), (2 * 3, 2, 2 * 41));
    // A green layer is none of the first year's inputs.
    let record = |sandbox: &Sandbox| {
        let plan = sandbox.plan();
        let december = plan.tasks[0].products.iter().find(|p| p.period == "2001-12").unwrap();
        fs::read_to_string(december.record(&sandbox.path("out"))).unwrap()
    };
    let record = record(&sandbox);
    assert!(record.contains("brown-12.tif") && !record.contains("green"), "{record}");
}

#[test]
fn gaps_overlaps_and_sources_left_out_are_refused_by_name() {
    let sandbox = sandbox();
    for (from, to, says) in [
        (
            "period = \"2002\"",
            "period = \"2002-02\"",
            "inputs.ndvi.switch: no interval holds 2002-01-01/2002-01-31",
        ),
        ("period = \"2002\"", "period = \"2001-12-31/2002-12-31\"", "both hold 2001-12-31"),
        ("items = \"green.json\"\n", "", "(2002-01-01/2002-12-31): it has no `items`"),
        ("asset = \"ndvi\"\n", "", "it has no `asset`"),
        ("items = \"green.json\"", "items = \"green.json\"\nmask = \"x:1\"", "unknown field `mask`"),
        ("items = \"green.json\"", "items = \"none.json\"", "inputs.ndvi.switch (2002-01-01/2002-12-31)"),
    ] {
        assert!(SWITCHED.contains(from), "{from}");
        sandbox.write_project(&project("2001-11-20/2002-02-10", &SWITCHED.replacen(from, to, 1)));
        let error = sandbox.run(&Unwatched).unwrap_err();
        let source = error.source().map_or_else(String::new, |e| format!(": {e}"));
        let said = format!("{error}{source}");
        assert!(error.is_usage() && said.contains(says), "{to}: {said}");
        assert!(!sandbox.path("out").exists());
    }
    sandbox.write_project(&project("2001-11-20/2001", "asset = \"ndvi\""));
    let said = sandbox.run(&Unwatched).unwrap_err().to_string();
    assert!(said.contains("inputs.ndvi: it has no `items`"), "{said}");
}

#[test]
fn an_input_that_the_variant_does_without_is_not_opened() {
    let sandbox = climate::sandbox("2001");
    let text = climate::project("2001-06");
    let (head, _) = text.split_once("[inputs.ppt]").unwrap();
    let temperatures: String = ["tmin", "tmax"]
        .map(|name| {
            format!("[inputs.{name}]\nitems = \"climate.json\"\nasset = \"{name}\"\ntime = \"climatology\"\n")
        })
        .concat();
    let project = |variant: &str, wind: &str| {
        format!(
            "{head}{temperatures}\n{wind}\n[statics.latitude]\nvalue = 41.4\n[statics.elevation]\nvalue = 100\n\
             [model]\nname = \"reference-et\"\nvariant = \"{variant}\"\n"
        )
    };
    let wind = "[inputs.wind]\nitems = \"nowhere.json\"\nasset = \"wind\"\n";
    sandbox.write_project(&project("penman-monteith", wind));
    assert!(sandbox.run(&Unwatched).unwrap_err().to_string().contains("inputs.wind"));
    assert_eq!(run(&sandbox, &project("hargreaves-samani", wind)).made, 2 * 2);
    assert_eq!(run(&sandbox, &project("hargreaves-samani", "")).made, 0, "it is no part of a key");
    // Latitude is that of the pixels, where it isn't given.
    let placed = project("hargreaves-samani", "").replace("[statics.latitude]\nvalue = 41.4\n", "");
    assert_eq!(run(&sandbox, &placed).made, 2 * 2);
}
