//! Outputs as cubes: the values of the COGs, whoever is interrupted on the way.

use crate::support::{PROJECT, Sandbox, StopAfter, Unwatched};
use seedbed_block::PixelRange;
use seedbed_prep::verify;
use seedbed_raster::{Raster, RasterSource};
use seedbed_run::{RunError, StatusReport};
use std::fs;
use std::path::PathBuf;

/// A project whose outputs have this format, of all kinds of periods.
fn project(format: &str) -> String {
    let text = PROJECT.replace("[\"monthly\", \"yearly\"]", "[\"daily\", \"monthly\", \"yearly\"]");
    text.replace("variables =", &format!("format = \"{format}\"\ncheckpoints = \"monthly\"\nvariables ="))
}

fn sandbox(format: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write_project(&project(format));
    sandbox
}

const DAYS: &str = "2004-02-20--2004-03-10";
const MONTHS: &str = "2004-02--2004-03";
const YEARS: &str = "2004--2004";

/// The folder of a variable's cube, as the record of today's plan names it.
fn cube(sandbox: &Sandbox, tile: &str, period: &str, variable: &str) -> PathBuf {
    let plan = sandbox.plan();
    let mut products = plan.tasks.iter().flat_map(|task| &task.products);
    let member = products.find(|m| m.tile == tile && m.period == period).unwrap();
    let record = member.record(&sandbox.path("out"));
    let text = fs::read_to_string(&record).unwrap_or_else(|_| panic!("{tile} {period} has not been made"));
    let item: serde_json::Value = serde_json::from_str(&text).unwrap();
    record.with_file_name(item["assets"][variable]["href"].as_str().unwrap().trim_start_matches("./"))
}

#[test]
fn the_layers_of_cubes_are_the_cogs_of_their_periods() {
    let (cogs, cubes) = (sandbox("cog"), sandbox("zarr"));
    assert_eq!(cogs.run(&Unwatched).unwrap().made, 2 * (20 + 2 + 1));
    let report = cubes.run(&Unwatched).unwrap();
    assert_eq!((report.made, report.products), (6, 6), "{:?}", report.failed);
    let kinds = [(DAYS, 20, "%Y-%m-%d"), (MONTHS, 2, "%Y-%m"), (YEARS, 1, "%Y")];
    for tile in ["west", "east"] {
        for (kind, layers, form) in kinds {
            for variable in ["etasw", "swf"] {
                let path = cube(&cubes, tile, kind, variable);
                let raster = Raster::open(&RasterSource::new(&path)).unwrap();
                assert_eq!(raster.layers().len(), layers);
                for (n, layer) in raster.layers().iter().enumerate() {
                    let day = layer.date.unwrap();
                    let period = day.strftime(form).to_string();
                    assert!(kind == DAYS || day.day() == 1, "{kind}: {day}");
                    let found: Vec<f64> =
                        raster.read(n, PixelRange::of_shape(raster.geobox().shape)).unwrap();
                    assert_eq!(found, cogs.values(tile, &period, variable), "{tile} {period} {variable}");
                }
            }
        }
    }
    assert!(verify(&cubes.path("out")).unwrap().is_complete());
    let record = cubes.plan().tasks[0].products[1].record(&cubes.path("out"));
    let text = fs::read_to_string(record).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["assets"]["etasw"]["seedbed:days"], serde_json::json!([10, 10]));
    assert_eq!(record["properties"]["seedbed:partial"], true);
    let dates = record["properties"]["cube:dimensions"]["time"]["values"].clone();
    assert_eq!(dates, serde_json::json!(["2004-02-01T00:00:00Z", "2004-03-01T00:00:00Z"]));
}

#[test]
fn a_run_that_is_cut_anywhere_goes_on_to_the_same_cubes() {
    let whole = sandbox("zarr");
    whole.run(&Unwatched).unwrap();
    let whole = whole.files("out");
    let mut stopped = 0;
    for ticks in 1..8 {
        let cut = sandbox("zarr");
        match cut.run(&StopAfter(ticks.into())) {
            Err(RunError::Interrupted) => stopped += 1,
            other => assert_eq!(other.unwrap().made, 6),
        }
        let report = cut.run(&Unwatched).unwrap();
        assert_eq!(report.made + report.present, 6, "{:?}", report.failed);
        let cut = cut.files("out");
        assert_eq!(whole.keys().collect::<Vec<_>>(), cut.keys().collect::<Vec<_>>());
        for (name, bytes) in &whole {
            assert!(&cut[name] == bytes, "{} differs", name.display());
        }
    }
    assert!(stopped > 2, "{stopped}");
}

#[test]
fn a_run_that_goes_on_later_makes_a_cube_anew_from_the_nearest_checkpoint_that_serves() {
    let sandbox = sandbox("zarr");
    let short = project("zarr").replace("2004-02-20/2004-03-10", "2004-02-20/2004-03-05");
    assert!(short.contains("03-05"));
    sandbox.write_project(&short);
    sandbox.run(&Unwatched).unwrap();
    sandbox.write_project(&project("zarr"));
    let report = sandbox.run(&Unwatched).unwrap();
    assert_eq!((report.made, report.present), (6, 0), "{:?}", report.failed);
    let whole = self::sandbox("zarr");
    whole.run(&Unwatched).unwrap();
    for tile in ["west", "east"] {
        for period in [DAYS, MONTHS, YEARS] {
            let [one, other] = [&sandbox, &whole].map(|s| cube(s, tile, period, "etasw"));
            let relative = |sandbox: &Sandbox, path: &PathBuf| {
                path.strip_prefix(sandbox.path("out")).unwrap().to_owned()
            };
            // A product's folder is named by its contents.
            assert_eq!(relative(&sandbox, &one), relative(&whole, &other));
        }
    }
}

#[test]
fn a_cube_that_lacks_a_file_is_missed_and_made_again() {
    let sandbox = sandbox("zarr");
    sandbox.run(&Unwatched).unwrap();
    let before = sandbox.files("out");
    let lost =
        before.keys().find(|p| p.starts_with(format!("west/{DAYS}")) && p.ends_with("c/0/0/0")).unwrap();
    fs::remove_file(sandbox.path("out").join(lost)).unwrap();
    let report = verify(&sandbox.path("out")).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    let status = StatusReport::of(&sandbox.plan(), &sandbox.path("out")).unwrap();
    assert_eq!((status.done, status.expected), (5, 6));
    let again = sandbox.run(&Unwatched).unwrap();
    assert_eq!((again.made, again.present), (1, 5));
    let after = sandbox.files("out");
    // What was left of the damaged one is set aside for `clean`.
    for (name, bytes) in &before {
        assert!(&after[name] == bytes, "{} differs", name.display());
    }
}

#[test]
fn what_no_reader_of_zarr_knows_is_refused() {
    let sandbox = sandbox("zarr");
    sandbox.write_project(&project("zarr").replace("variables =", "compress = \"lerc\"\nvariables ="));
    let refused = sandbox.run(&Unwatched).unwrap_err().to_string();
    assert!(refused.contains("output.compress") || refused.contains("compress"), "{refused}");
}
