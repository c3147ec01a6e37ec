//! Parts of a project's period, asked for before all of it and after it.

use crate::climate;
use crate::support::{Sandbox, Unwatched, options};
use seedbed_prep::{CleanReport, Unexpected, clean, verify, verify_set};
use seedbed_run::{Overrides, Plan, RunError, RunReport, Runner, StatusReport};
use std::fs;
use std::time::Duration;

const PERIOD: &str = "2003-11-20/2005-06-20";

fn asked(period: &str) -> Overrides {
    Overrides { period: Some(period.parse().unwrap()), ..Overrides::default() }
}

/// Runs a part of a sandbox's project, all tiles of which succeed.
#[track_caller]
fn part(sandbox: &Sandbox, period: &str) -> RunReport {
    let run = |r: &Runner<'_>| r.execute(&r.plan()?, &options(None), &Unwatched);
    let report = sandbox.with(&asked(period), run).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    report
}

fn planned(sandbox: &Sandbox, period: &str) -> Result<Plan, RunError> {
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is too narrow")]
    sandbox.with(&asked(period), |runner| runner.plan())
}

#[track_caller]
fn all(sandbox: &Sandbox) -> RunReport {
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    report
}

fn cleaned(sandbox: &Sandbox) -> CleanReport {
    clean(&sandbox.path("out"), Unexpected::Goes, Duration::ZERO, false).unwrap()
}

/// Sandboxes of the project in both formats, cold, spun up, and with a state.
fn sandboxes() -> Vec<Sandbox> {
    let outputs = ["format = \"cog\"", "format = \"zarr\"", "state = true\ncheckpoints = \"monthly\""];
    let models = ["", "spin_up = { years = 1 }", ""];
    let of = |(output, model): (&str, &str)| {
        let sandbox = climate::sandbox(PERIOD);
        let project = climate::project(PERIOD).replace("variables =", &format!("{output}\nvariables ="));
        sandbox.write_project(&project.replace("name = \"veget\"", &format!("name = \"veget\"\n{model}")));
        sandbox
    };
    outputs.into_iter().zip(models).map(of).collect()
}

#[test]
fn a_part_asked_for_after_all_makes_nothing_and_takes_nothing() {
    for sandbox in sandboxes() {
        all(&sandbox);
        let (files, checked) = (sandbox.files("out"), verify(&sandbox.path("out")).unwrap());
        assert!(checked.is_complete());
        for (period, whole) in [
            ("2004", true),
            ("2004-03", false),
            ("2004-12/2005-06-20", true),
            ("2003-12/2004-02-10", false),
            ("2005-03-10/2005-04-15", false),
        ] {
            let report = part(&sandbox, period);
            assert_eq!((report.made, report.left.is_empty()), (0, whole), "{period}: {report:?}");
            assert_eq!(sandbox.files("out"), files, "{period}");
            assert_eq!(verify(&sandbox.path("out")).unwrap(), checked, "{period}");
            let expected = sandbox.with(&asked(period), |r| {
                let plan = r.plan()?;
                let status = StatusReport::of(&plan, r.out())?;
                assert_eq!(status.done, status.expected, "{period}");
                r.expected(&plan)
            });
            let of_part = verify_set(&expected.unwrap(), &sandbox.path("out"), true).unwrap();
            assert!(of_part.is_complete() && of_part.expected < checked.expected, "{period}: {of_part:?}");
        }
        assert_eq!(cleaned(&sandbox), CleanReport::default());
        assert_eq!(sandbox.files("out"), files);
        assert_eq!(all(&sandbox).made, 0);
    }
}

#[test]
fn a_part_asked_for_first_has_the_bytes_that_it_has_in_the_whole() {
    for (undisturbed, sandbox) in sandboxes().into_iter().zip(sandboxes()) {
        all(&undisturbed);
        let files = undisturbed.files("out");
        for period in ["2004-02/2004-03", "2004-11-10/2005-02-10"] {
            assert!(part(&sandbox, period).made > 0);
            assert!(verify(&sandbox.path("out")).unwrap().is_complete());
            cleaned(&sandbox);
            assert!(verify(&sandbox.path("out")).unwrap().is_complete());
        }
        let report = all(&sandbox);
        assert!(report.made > 0 && report.left.is_empty(), "{report:?}");
        cleaned(&sandbox);
        let found = sandbox.files("out");
        assert!(found.keys().eq(files.keys()), "{:?}", found.keys());
        assert!(found == files);
    }
}

#[test]
fn a_longer_product_that_is_expected_and_not_there_is_left_to_a_run_of_its_days() {
    let sandbox = climate::sandbox(PERIOD);
    all(&sandbox);
    for tile in ["west", "east"] {
        fs::remove_dir_all(sandbox.path("out").join(tile).join("2004")).unwrap();
    }
    let report = part(&sandbox, "2004-04/2004-06-10");
    assert_eq!((report.made, &report.left[..]), (0, &["2004".to_owned(), "2004-06".to_owned()][..]));
    assert_eq!(report.present, 2 * 3, "{report:?}");
    let problems = verify(&sandbox.path("out")).unwrap().problems;
    assert!(problems.len() == 2 && problems.iter().all(|p| p.missing && p.period == "2004"), "{problems:?}");
    assert_eq!(all(&sandbox).made, 2);
    assert_eq!(cleaned(&sandbox), CleanReport::default());
}

#[test]
fn workers_take_up_the_plan_of_a_part() {
    let (sandbox, whole) = (climate::sandbox(PERIOD), climate::sandbox(PERIOD));
    all(&whole);
    for sandbox in [&sandbox, &whole] {
        let plan = planned(sandbox, "2004-02/2004-03-10").unwrap();
        let again = Overrides { period: Some(plan.period), ..Overrides::default() };
        for index in 0..2 {
            let work = |r: &Runner<'_>| r.work(&plan, index, &options(None), &Unwatched);
            let report = sandbox.with(&again, work).unwrap();
            let made = if sandbox.path("out/catalog.json").exists() { 0 } else { 3 };
            assert_eq!((report.products, report.made), (3, made), "{report:?}");
        }
    }
}

#[test]
fn a_later_checkpoint_stays_where_a_part_is_run() {
    let sandbox = climate::sandbox(PERIOD);
    all(&sandbox);
    fs::remove_dir_all(sandbox.path("out/west/2004-02")).unwrap();
    assert_eq!(part(&sandbox, "2004-02").made, 1);
    sandbox.write_project(&climate::project("2003-11-20/2005-07-20"));
    let report = all(&sandbox);
    assert_eq!((report.resumed, report.days), (2, 2 * 30));
}

#[test]
fn a_run_names_the_product_whose_place_it_takes() {
    let sandbox = climate::sandbox("2004");
    assert_eq!(all(&sandbox).replaced, None);
    assert_eq!(all(&sandbox).replaced, None);
    sandbox.write_project(&climate::project("2004").replace("\"etasw\", \"swf\", \"dd\"", "\"etc\""));
    assert_eq!(all(&sandbox).replaced.as_deref(), Some("`years` with etasw, swf, dd"));
    assert_eq!(all(&sandbox).replaced, None);
    // Another first day is another recipe, and has no place for the months before it.
    sandbox
        .write_project(&climate::project("2004-06/2004-12").replace("\"etasw\", \"swf\", \"dd\"", "\"etc\""));
    let told = all(&sandbox).replaced;
    assert!(told.as_deref().is_some_and(|told| told.contains("another recipe")), "{told:?}");
    assert_eq!(all(&sandbox).replaced, None);
}

#[test]
fn another_run_is_refused_the_place_of_the_projects() {
    let sandbox = climate::sandbox(PERIOD);
    let elsewhere =
        |period: &str| Overrides { out: Some(sandbox.path("other").display().to_string()), ..asked(period) };
    all(&sandbox);
    let files = sandbox.files("out");
    for period in ["2003/2004", "2004/2005", "2006"] {
        let error = planned(&sandbox, period).unwrap_err();
        assert!(matches!(error, RunError::Place { .. }) && error.is_usage(), "{error}");
        assert!(error.to_string().contains("--out"), "{error}");
    }
    assert_eq!(sandbox.files("out"), files);
    let run = |period: &str| {
        sandbox.with(&elsewhere(period), |r| r.execute(&r.plan()?, &options(None), &Unwatched)).unwrap()
    };
    assert_eq!(run("2002-12/2003-01").made, 2 * 4);
    assert_eq!(run("2002-12/2003-01").made, 0, "its own place is free to it");
    // More days from the same first day on are the same product.
    assert!(part(&sandbox, "2003-11-20/2005-08").made > 0);
    assert!(verify(&sandbox.path("out")).unwrap().is_complete());
}
