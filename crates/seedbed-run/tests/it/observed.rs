//! An input between the days on which its pixels were observed.

use crate::support::{PROJECT, Sandbox, Unwatched, asset, item};
use seedbed_block::{Date, date};
use seedbed_run::{ProblemKind, RunError};
use serde_json::json;

fn later(day: Date, days: i32) -> Date {
    day.saturating_add(jiff::Span::new().days(days))
}

/// The project by composite day, its days under this key.
fn project(more: &str) -> String {
    PROJECT
        .replace("time = \"composite\"", &format!("resampling = \"nearest\"\ntime = \"composite-day\"{more}"))
}

/// Composites of vegetation that change when a pixel's row was observed: every row has a
/// day of its own, of the same composites.
fn write_composites(sandbox: &Sandbox, key: &str) {
    let firsts =
        [date(2004, 1, 17), date(2004, 2, 2), date(2004, 2, 18), date(2004, 3, 5), date(2004, 3, 21)];
    let items: Vec<_> = firsts
        .into_iter()
        .map(|first| {
            let (values, days) = (format!("data/ndvi_{first}.tif"), format!("data/day_{first}.tif"));
            sandbox.raster(&values, "1", |i| season(later(first, i / 16)));
            sandbox.raster(&days, "1", |i| f64::from(later(first, i / 16).day_of_year()));
            let assets = json!({ "ndvi": asset(&values, "1"), key: { "href": format!("./{days}") } });
            item(&format!("ndvi-{first}"), first, later(first, 15), &assets)
        })
        .collect();
    sandbox.items("ndvi.json", &items);
}

/// What vegetation does from day to day.
fn season(day: Date) -> f64 {
    0.2 + f64::from(day.day_of_year()) * 0.004
}

#[test]
fn a_run_reads_each_pixel_between_its_own_days() {
    let sandbox = Sandbox::new();
    write_composites(&sandbox, "composite_day");
    sandbox.write_project(&project(""));
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let observed = sandbox.values("west", "2004-03", "etasw");
    // The same vegetation with a layer a day.
    let daily = Sandbox::new();
    let days: Vec<Date> = (0..20).map(|n| later(date(2004, 2, 20), n)).collect();
    let items: Vec<_> = days
        .iter()
        .map(|day| {
            let file = format!("data/ndvi_{day}.tif");
            daily.raster(&file, "1", |_| season(*day));
            item(&format!("ndvi-{day}"), *day, *day, &json!({ "ndvi": asset(&file, "1") }))
        })
        .collect();
    daily.items("ndvi.json", &items);
    daily.write_project(&PROJECT.replace("time = \"composite\"", "resampling = \"nearest\""));
    assert!(daily.run(&Unwatched).unwrap().failed.is_empty());
    let wanted = daily.values("west", "2004-03", "etasw");
    // Products are stored in 32 bits.
    assert!(observed.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-5), "{observed:?} {wanted:?}");
}

#[test]
fn days_that_no_composite_is_over_by_are_told_before_the_run() {
    let sandbox = Sandbox::new();
    write_composites(&sandbox, "doy");
    let told = "\ncomposite_day = \"doy\"";
    sandbox.write_project(&project(told).replace("2004-02-20/2004-03-10", "2004-01-25/2004-03-10"));
    let RunError::Inputs { report, .. } = sandbox.run(&Unwatched).unwrap_err() else { panic!() };
    let ndvi = report.problems.iter().find(|p| p.input == "inputs.ndvi").unwrap();
    // The composite of 17 January is over on 1 February.
    let missing: Vec<String> = ndvi.days.iter().map(ToString::to_string).collect();
    assert_eq!((ndvi.kind, missing), (ProblemKind::MissingDays, vec!["2004-01-25/2004-01-31".to_owned()]));
    assert!(ndvi.what.contains("7 days") && ndvi.what.contains("16 days are over"), "{}", ndvi.what);
    // From then on the run goes.
    sandbox.write_project(&project(told));
    assert!(sandbox.run(&Unwatched).unwrap().failed.is_empty());
}

#[test]
fn the_days_are_part_of_the_key_where_they_are_read() {
    let sandbox = Sandbox::new();
    write_composites(&sandbox, "composite_day");
    let keys = || -> Vec<_> {
        sandbox.plan().tasks.into_iter().flat_map(|t| t.products.into_iter().map(|p| p.key)).collect()
    };
    let changed = |before: &[_], after: &[_]| before.iter().zip(after).filter(|(a, b)| a != b).count();
    let by_date = keys();
    sandbox.write_project(&project("").replace("resampling = \"nearest\"\n", ""));
    let by_day = keys();
    assert_eq!(changed(&by_date, &by_day), 6);
    sandbox.raster("data/day_2004-02-18.tif", "1", |_| 50.0);
    assert_eq!(changed(&by_day, &keys()), 6);
    sandbox.write_project(PROJECT);
    assert_eq!(changed(&by_date, &keys()), 0);
}

#[test]
fn days_that_cant_be_found_or_arent_read_are_refused() {
    let sandbox = Sandbox::new();
    write_composites(&sandbox, "doy");
    let error = |text: &str| {
        sandbox.write_project(text);
        seedbed_prep::one_line(&sandbox.run(&Unwatched).unwrap_err())
    };
    let said = error(&project(""));
    assert!(
        said.contains("inputs.ndvi") && said.contains("`composite_day`") && said.contains("doy, ndvi"),
        "{said}"
    );
    let said = error(&project("").replace("nearest", "median"));
    assert!(said.contains("median") && said.contains("box-average"), "{said}");
    let said =
        error(&PROJECT.replace("time = \"composite\"", "time = \"composite\"\ncomposite_day = \"doy\""));
    assert!(said.contains("inputs.ndvi.composite_day") && said.contains("composite-day"), "{said}");
}
