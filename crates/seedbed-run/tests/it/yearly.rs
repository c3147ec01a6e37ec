//! A model with one value a year.

use crate::support::{Sandbox, Unwatched, asset, item};
use seedbed_block::Period;
use seedbed_model::point::{Columns, run_point};
use seedbed_model::{SettingValue, model};
use seedbed_run::{ProblemKind, RunError};

const RUN: &str = "2004-01-01/2004-04-09";

const PROJECT: &str = r#"
[project]
name = "spring"
out = "out"
period = "2004-01-01/2004-04-09"

[grid]
file = "tiles.grid.json"

[inputs.tmin]
items = "year.json"
asset = "tmin"
resampling = "nearest"

[inputs.tmax]
items = "year.json"
asset = "tmax"
resampling = "nearest"

[model]
name = "spring-index"
variant = "npn"
precision = "f64"
"#;

/// Temperatures of a day in degC, the same everywhere.
fn extremes(day: i16) -> (f64, f64) {
    let mean = 2.0 + 0.15 * f64::from(day);
    (mean - 5.0, mean + 6.0)
}

/// Inputs of every day in the sandbox.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    let period: Period = RUN.parse().unwrap();
    let mut items = Vec::new();
    for date in period.days() {
        let (low, high) = extremes(date.day_of_year());
        let mut assets = serde_json::Map::new();
        for (name, value) in [("tmin", low), ("tmax", high)] {
            let file = format!("data/spring_{name}_{date}.tif");
            sandbox.raster(&file, "degC", |_| value);
            assets.insert(name.to_owned(), asset(&file, "degC"));
        }
        items.push(item(&format!("spring-{date}"), date, date, &assets.into()));
    }
    sandbox.items("year.json", &items);
    sandbox.write_project(PROJECT);
    sandbox
}

#[test]
fn a_year_has_the_dates_of_a_point_and_says_that_it_is_part_of_one() {
    let sandbox = project();
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(report.made, 2, "a product a tile and year");

    let period: Period = RUN.parse().unwrap();
    let dates: Vec<_> = period.days().collect();
    let column =
        |take: &dyn Fn((f64, f64)) -> f64| dates.iter().map(|d| take(extremes(d.day_of_year()))).collect();
    let columns = vec![("tmin".to_owned(), column(&|t| t.0)), ("tmax".to_owned(), column(&|t| t.1))];
    let set = [
        ("variant".to_owned(), SettingValue::Text("npn".to_owned())),
        // Day length changes little over the tiles, some ten kilometres about 41.5 degrees north.
        ("latitude".to_owned(), SettingValue::Number(41.47)),
    ];
    let forcing = Columns { dates, columns };
    let point = run_point(model("spring-index").unwrap(), &set, &forcing).unwrap().output;
    let mut dates_found = 0;
    for (name, values) in point.columns {
        let tile = sandbox.values("east", "2004", &name);
        for value in tile {
            assert!(
                value == values[0] || (value.is_nan() && values[0].is_nan()),
                "{name}: {value} {values:?}"
            );
            dates_found += usize::from(!value.is_nan());
        }
    }
    assert!(dates_found >= 4 * 30, "first leaf of plants and mean, in every pixel");
    let record = &sandbox.plan().tasks[0].products[0];
    let text = std::fs::read_to_string(record.record(&sandbox.path("out"))).unwrap();
    assert!(text.contains("\"seedbed:days\": 100") && text.contains("\"seedbed:partial\": true"), "{text}");
}

#[test]
fn days_of_the_year_are_whole_numbers_and_need_no_scale() {
    let sandbox = project();
    let stored =
        |variables: &str| format!("{PROJECT}\n[output]\ndtype = \"int16\"\nvariables = [{variables}]\n");
    sandbox.write_project(&stored("\"first_leaf_lilac\", \"last_freeze\", \"damage_lilac\""));
    assert!(sandbox.run(&Unwatched).unwrap().failed.is_empty());
    let days = sandbox.values("east", "2004", "first_leaf_lilac");
    assert!(days.iter().all(|day| (1.0..=240.0).contains(day)), "{days:?}");
    sandbox.write_project(&stored("\"first_leaf_lilac\", \"first_leaf_mean\""));
    let refused = sandbox.run(&Unwatched).unwrap_err().to_string();
    assert!(refused.ends_with("output.scale: int16 needs a scale for first_leaf_mean"), "{refused}");
}

#[test]
fn the_southern_hemisphere_is_refused() {
    let sandbox = project();
    let given = "[statics.latitude]\nvalue = -41\n\n[inputs.tmin]";
    sandbox.write_project(&PROJECT.replace("[inputs.tmin]", given));
    let refused = sandbox.run(&Unwatched).unwrap_err().to_string();
    assert!(refused.contains("-41 degree lies outside 0..90") && refused.contains("northern"), "{refused}");
    // One of the two tiles as far south as the other is north, by the grid alone.
    sandbox.write_project(PROJECT);
    let grid = std::fs::read_to_string(sandbox.path("tiles.grid.json")).unwrap();
    std::fs::write(sandbox.path("tiles.grid.json"), grid.replacen("\"row0\":-2200", "\"row0\":5000", 1))
        .unwrap();
    let Err(RunError::Inputs { report, .. }) = sandbox.run(&Unwatched) else { panic!("refused") };
    let told = report.problems.iter().find(|p| p.input == "statics.latitude").unwrap();
    assert_eq!((told.tile.as_str(), told.kind), ("west", ProblemKind::Range));
    assert!(told.what.starts_with('-') && told.what.contains("degree lies outside 0..90"), "{}", told.what);
}

#[test]
fn months_of_a_yearly_model_are_refused() {
    let sandbox = project();
    sandbox.write_project(&format!("{PROJECT}\n[output]\nperiods = [\"monthly\"]\n"));
    let refused = sandbox.run(&Unwatched).unwrap_err().to_string();
    assert!(refused.contains("output.periods") && refused.contains("take `yearly` alone"), "{refused}");
}
