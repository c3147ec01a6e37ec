//! Runs that were cut, and go on from where they were.

use crate::climate;
use crate::support::{PROJECT, RUN, Sandbox, StopAfter, Unwatched};
use seedbed_block::{Date, Period};
use seedbed_run::{Entry, Event, Ledger, RunError, RunReport, Unwanted, clean_checkpoints};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

type Files = BTreeMap<PathBuf, Vec<u8>>;

#[track_caller]
fn assert_same(one: &Files, other: &Files) {
    let differs = |a: &Files, b: &Files| a.keys().find(|name| !b.contains_key(*name)).cloned();
    assert_eq!((differs(one, other), differs(other, one)), (None, None));
    for (name, bytes) in one {
        assert!(*bytes == other[name], "{} differs", name.display());
    }
}

/// Runs a sandbox's project, all tiles of which succeed.
#[track_caller]
fn run(sandbox: &Sandbox) -> RunReport {
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    report
}

/// What is there without generations that were superseded.
fn cleaned(sandbox: &Sandbox) -> Files {
    seedbed_prep::clean(&sandbox.path("out"), seedbed_prep::Unexpected::Stays, Duration::ZERO, false)
        .unwrap();
    sandbox.files("out")
}

/// Checkpoints on the shelf of a tile, by name.
fn shelf(sandbox: &Sandbox, tile: &str) -> Vec<String> {
    let folder = sandbox.path("out/.seedbed/states").join(tile);
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The days behind which a tile has checkpoints.
fn kept(sandbox: &Sandbox, tile: &str) -> Vec<String> {
    shelf(sandbox, tile).iter().map(|name| name[..10].to_owned()).collect()
}

fn events(sandbox: &Sandbox) -> Vec<Event> {
    Ledger::read(&sandbox.path("out")).unwrap().into_iter().map(|Entry { event, .. }| event).collect()
}

fn resumed_from(sandbox: &Sandbox) -> Vec<String> {
    let from = |event| if let Event::Resumed { from } = event { Some(from.to_string()) } else { None };
    events(sandbox).into_iter().filter_map(from).collect()
}

/// Projects whose models, variants and numbers differ in what they remember.
fn kinds() -> Vec<String> {
    let small = PROJECT.replace("variables =", "checkpoints = \"monthly\"\nvariables =");
    let degrees = "[inputs.tmin]\nitems = \"weather.json\"\nasset = \"tmin\"\n\n\
                   [inputs.tmax]\nitems = \"weather.json\"\nasset = \"tmax\"\n";
    let (head, _) = PROJECT.split_once("[inputs.ppt]").unwrap();
    let with = |model: &str| format!("{head}{degrees}\n[model]\n{model}\n");
    vec![
        small.clone(),
        small.replace("name = \"veget\"", "name = \"veget\"\nvariant = \"reference\""),
        small.replace("name = \"veget\"", "name = \"veget\"\nvariant = \"master\"\nprecision = \"f64\""),
        small.replace("[\"monthly\", \"yearly\"]", "[\"daily\", \"yearly\"]"),
        with("name = \"spring-index\"\nvariant = \"npn\""),
        with("name = \"spring-index\"\nvariant = \"ault\"\nprecision = \"f64\""),
        with("name = \"growing-degree-days\""),
    ]
}

#[test]
fn a_run_cut_at_any_day_and_extended_comes_to_the_same_bytes_and_reads_no_day_twice() {
    for (k, project) in kinds().into_iter().enumerate() {
        let step = if k == 0 { 3 } else { 9 };
        let whole = Sandbox::new();
        whole.write_project(&project);
        run(&whole);
        let whole = whole.files("out");
        let days: Vec<Date> = RUN.parse::<Period>().unwrap().days().collect();
        for (n, cut) in days.iter().enumerate().take(days.len() - 1).skip(k % 4).step_by(step) {
            let sandbox = Sandbox::new();
            sandbox.write_project(&project.replace("/2004-03-10", &format!("/{cut}")));
            assert_eq!(run(&sandbox).days, 2 * (n + 1));
            sandbox.write_project(&project);
            let report = run(&sandbox);
            assert_eq!((report.resumed, report.days), (2, 2 * (days.len() - n - 1)), "{cut}\n{project}");
            let next = days[n + 1].to_string();
            assert_eq!(resumed_from(&sandbox), [next.clone(), next]);
            assert_same(&whole, &cleaned(&sandbox));
        }
    }
}

#[test]
fn a_run_extended_year_by_year_comes_to_the_same_bytes_and_keeps_few_checkpoints() {
    let whole = climate::sandbox("2001-03-05/2009-06-20");
    run(&whole);
    let grown = climate::sandbox("2001-03-05/2001");
    run(&grown);
    for year in 2002..=2009 {
        let end = if year == 2009 { "2009-06-20".to_owned() } else { year.to_string() };
        grown.write_project(&climate::project(&format!("2001-03-05/{end}")));
        let report = run(&grown);
        let days = if year == 2009 { 171 } else { Period::year(year).len() };
        assert_eq!((report.resumed, report.days), (2, 2 * days), "{year}");
    }
    assert_same(&whole.files("out"), &cleaned(&grown));
    let ends = ["2004-12-31", "2006-12-31", "2008-12-31", "2009-06-20"];
    assert_eq!(kept(&grown, "west"), ends);
    assert_eq!(shelf(&grown, "west"), shelf(&whole, "west"), "keys don't depend on how a run grew");
    let bytes = |sandbox: &Sandbox| -> Vec<Vec<u8>> {
        let folder = sandbox.path("out/.seedbed/states/west");
        shelf(sandbox, "west").iter().map(|name| fs::read(folder.join(name)).unwrap()).collect()
    };
    assert!(bytes(&grown) == bytes(&whole));
}

#[test]
fn a_run_stopped_between_two_pieces_goes_on_from_the_last_checkpoint() {
    let whole = climate::sandbox("2001-11-20/2003-02-10");
    run(&whole);
    for ticks in 2..10 {
        let cut = climate::sandbox("2001-11-20/2003-02-10");
        let stopped = cut.run(&StopAfter(ticks.into()));
        assert!(matches!(stopped, Err(RunError::Interrupted)), "{stopped:?}");
        let first_year = kept(&cut, "west") == ["2001-12-31"] && kept(&cut, "east") == ["2001-12-31"];
        let report = run(&cut);
        if first_year {
            assert_eq!(resumed_from(&cut), ["2002-01-01", "2002-01-01"]);
            assert_eq!(report.days, 2 * (365 + 41));
        }
        assert_same(&whole.files("out"), &cut.files("out"));
        assert_eq!(run(&cut).days, 0);
    }
}

#[test]
fn a_change_behind_a_checkpoint_is_reached_from_it_and_one_before_it_is_not() {
    let yearly = PROJECT.replace("[\"monthly\", \"yearly\"]", "[\"yearly\"]");
    let monthly = yearly.replace("variables =", "checkpoints = \"monthly\"\nvariables =");
    for (day, from) in [("2004-03-05", Some("2004-03-01")), ("2004-02-25", None)] {
        let sandbox = Sandbox::new();
        sandbox.write_project(&monthly);
        run(&sandbox);
        assert_eq!(kept(&sandbox, "west"), ["2004-02-29", "2004-03-10"]);
        let before = shelf(&sandbox, "west");
        sandbox.raster(&format!("data/ppt_{day}.tif"), "mm", |_| 30.0);
        let report = run(&sandbox);
        let (days, resumed) = if from.is_some() { (10, 2) } else { (20, 0) };
        assert_eq!((report.days, report.resumed), (2 * days, resumed), "{day}");
        assert_eq!(resumed_from(&sandbox), from.iter().flat_map(|f| [*f, *f]).collect::<Vec<_>>());
        let reasons = events(&sandbox).into_iter().filter(|e| matches!(e, Event::PassedOver { .. }));
        assert_eq!(reasons.count(), if from.is_some() { 0 } else { 2 }, "{day}");
        let after = shelf(&sandbox, "west");
        assert_eq!(after.len(), 2, "stale ones go: {after:?}");
        assert_ne!(before[1], after[1]);
        assert_eq!(before[0] == after[0], from.is_some());
        let fresh = Sandbox::new();
        fresh.write_project(&monthly);
        fresh.raster(&format!("data/ppt_{day}.tif"), "mm", |_| 30.0);
        run(&fresh);
        assert_same(&fresh.files("out"), &cleaned(&sandbox));
    }
}

#[test]
fn a_damaged_checkpoint_is_passed_over_and_the_ledger_says_why() {
    let monthly = PROJECT.replace("variables =", "checkpoints = \"monthly\"\nvariables =");
    let first = monthly.replace("/2004-03-10", "/2004-03-04");
    let whole = Sandbox::new();
    whole.write_project(&monthly);
    run(&whole);
    for damage in ["cut", "flipped", "emptied"] {
        let sandbox = Sandbox::new();
        sandbox.write_project(&first);
        run(&sandbox);
        let names = shelf(&sandbox, "west");
        assert_eq!(kept(&sandbox, "west"), ["2004-02-29", "2004-03-04"]);
        let path = sandbox.path("out/.seedbed/states/west").join(&names[1]);
        let mut bytes = fs::read(&path).unwrap();
        match damage {
            "cut" => bytes.truncate(bytes.len() / 2),
            "flipped" => bytes[200] ^= 4,
            _ => bytes.clear(),
        }
        fs::write(&path, bytes).unwrap();
        sandbox.write_project(&monthly);
        run(&sandbox);
        let mut from = resumed_from(&sandbox);
        from.sort();
        assert_eq!(from, ["2004-03-01", "2004-03-05"], "{damage}");
        let passed = events(&sandbox).into_iter().find_map(|e| match e {
            Event::PassedOver { checkpoint, reason } => Some((checkpoint, reason)),
            _ => None,
        });
        let (checkpoint, reason) = passed.unwrap();
        assert!(checkpoint.contains("states/west/2004-03-04") && reason.starts_with("it"), "{reason}");
        assert_same(&whole.files("out"), &cleaned(&sandbox));
    }
}

#[test]
fn a_product_lost_in_the_middle_is_made_from_the_checkpoint_before_it() {
    let sandbox = climate::sandbox("2001/2004");
    run(&sandbox);
    let whole = sandbox.files("out");
    let lost = sandbox.cog("east", "2003-04", "swf");
    fs::remove_file(&lost).unwrap();
    let report = run(&sandbox);
    // From 31 December 2002 to 30 April 2003.
    assert_eq!((report.made, report.resumed, report.days), (1, 1, 120));
    assert_same(&whole, &cleaned(&sandbox));
}

#[test]
fn clean_takes_away_what_is_damaged_or_of_no_tile_and_all_of_them_if_told_to() {
    let sandbox = Sandbox::new();
    run(&sandbox);
    let (out, states) = (sandbox.path("out"), sandbox.path("out/.seedbed/states"));
    let name = shelf(&sandbox, "west").pop().unwrap();
    fs::create_dir(states.join("north")).unwrap();
    fs::copy(states.join("west").join(&name), states.join("north").join(&name)).unwrap();
    let clean = |unwanted, age, dry| clean_checkpoints(&(&out).into(), unwanted, age, dry).unwrap();
    let hour = Duration::from_secs(3600);
    assert_eq!(clean(Unwanted::All, hour, false), [] as [PathBuf; 0]);
    fs::write(states.join("west").join(&name), "seedbed-state 1\n").unwrap();
    let dead = [states.join("north").join(&name), states.join("west").join(&name)];
    assert_eq!(clean(Unwanted::Dead, Duration::ZERO, true), dead);
    assert_eq!(clean(Unwanted::Dead, Duration::ZERO, false), dead);
    assert!(!states.join("north").exists() && kept(&sandbox, "east") == ["2004-03-10"]);
    assert_eq!(clean(Unwanted::All, Duration::ZERO, false).len(), 1);
    assert_eq!(run(&sandbox).days, 0);
}

#[test]
fn none_are_kept_where_none_are_wanted() {
    let sandbox = Sandbox::new();
    sandbox.write_project(&PROJECT.replace("variables =", "checkpoints = \"none\"\nvariables ="));
    run(&sandbox);
    assert!(!sandbox.path("out/.seedbed/states").exists());
    assert_eq!(events(&sandbox).iter().filter(|e| **e == Event::Committed).count(), 6);
}
