//! A layer a day, of composites, of a climatology, and where a calendar has no day.

use crate::support::{Layers, Sandbox, around, item, range, tiles};
use seedbed_block::composite::Statistic;
use seedbed_block::{Calendar, Date, Grouping, Period, PixelRange, date};
use seedbed_prep::{
    Composite, Expected, LeapRule, PrepError, Prepare, PrepareReport, Rules, TimeRule, composite, prepare,
};
use seedbed_raster::{Proj, Raster, RasterSource};
use serde_json::Value;

fn request(sandbox: &Sandbox, items: &[Value], rules: Rules, period: &str) -> Prepare {
    Prepare {
        name: "daily".to_owned(),
        items: sandbox.items(items),
        assets: vec!["value".to_owned()],
        grid: tiles(),
        rules,
        cog: Prepare::default_cog(),
        format: seedbed_prep::Format::Cog,
        period: Some(period.parse().unwrap()),
        out: seedbed_prep::Root::Local(sandbox.path("out")),
    }
}

fn run(sandbox: &Sandbox, request: &Prepare) -> Result<PrepareReport, PrepError> {
    prepare::<f64>(request, &sandbox.spool(), &Proj, false, &mut |_, _| {})
}

fn by(time: TimeRule) -> Rules {
    Rules { time, ..Rules::default() }
}

/// The days that were made of the western tile.
fn made(sandbox: &Sandbox) -> Vec<Date> {
    let members = Expected::read(&sandbox.path("out")).unwrap().0.members;
    members.iter().filter(|m| m.tile == "west").map(|m| m.period.parse().unwrap()).collect()
}

/// The first two pixels of the western tile on a day.
fn first(sandbox: &Sandbox, day: Date) -> [f64; 2] {
    let root = sandbox.path("out");
    let set = Expected::read(&root).unwrap().0;
    let is = |m: &&seedbed_prep::Member| m.tile == "west" && m.period == day.to_string();
    let member = set.members.iter().find(is).unwrap_or_else(|| panic!("{day} isn't there"));
    let record: Value = serde_json::from_slice(&std::fs::read(member.record(&root)).unwrap()).unwrap();
    let href = record["assets"]["value"]["href"].as_str().unwrap();
    let raster = Raster::open(&RasterSource::new(member.folder(&root).join(href))).unwrap();
    let all: Vec<f64> = raster.read(0, PixelRange::of_shape(range("west").shape())).unwrap();
    [all[0], all[1]]
}

fn near(found: [f64; 2], wanted: [f64; 2]) -> bool {
    found.iter().zip(wanted).all(|(a, b)| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-5)
}

/// 16-day composites of one year, MOD13's days: the n-th is n, and the tile's second
/// pixel is masked where `masked` says so.
fn year(sandbox: &Sandbox, year: i16, masked: impl Fn(u16) -> bool) -> Vec<Value> {
    (0..23)
        .map(|n: u16| {
            let start = Calendar::Standard.day_of_year(year, 1 + 16 * n).unwrap();
            let name = format!("{start}.tif");
            // The tile's second pixel is two rows and three columns into the file.
            sandbox.cog(&name, around(), |p| if p == 31 && masked(n) { f64::NAN } else { f64::from(n) });
            let end = start.saturating_add(jiff::Span::new().days(15));
            item(&start.to_string(), &format!("{start}/{end}"), &name)
        })
        .collect()
}

#[test]
fn every_day_between_composites_is_made_and_gaps_are_bridged_as_declared() {
    let sandbox = Sandbox::new();
    let mut items = year(&sandbox, 2003, |n| n == 2 || n == 3);
    items.truncate(8);
    let mut request = request(&sandbox, &items, by(TimeRule::Composite), "2003-01-01/2003-03-31");
    let report = run(&sandbox, &request).unwrap();
    assert!(report.failed.is_empty() && report.partial.is_empty(), "{report:?}");
    assert_eq!((report.made, made(&sandbox).len()), (180, 90));
    assert!(near(first(&sandbox, date(2003, 1, 9)), [0.5, 0.5]));
    // Day 41: between days 33 (masked) and 49 (masked), 17 and 65.
    assert!(near(first(&sandbox, date(2003, 2, 10)), [2.5, 2.5]));
    let all: Period = "2003-01-01/2003-03-31".parse().unwrap();
    assert_eq!(made(&sandbox), all.days().collect::<Vec<_>>());
    // A shorter bridge leaves that gap, and is another key.
    request.rules.bridge = "32d".parse().ok();
    assert_eq!(run(&sandbox, &request).unwrap().made, 180);
    assert!(near(first(&sandbox, date(2003, 2, 10)), [2.5, f64::NAN]));
    assert!(near(first(&sandbox, date(2003, 1, 17)), [1.0, 1.0]));
}

#[test]
fn a_day_is_made_anew_where_a_composite_near_it_is() {
    let sandbox = Sandbox::new();
    let all = year(&sandbox, 2003, |_| false);
    let few = request(&sandbox, &all[..6], by(TimeRule::Composite), "2003-01-01/2003-03-15");
    assert_eq!(run(&sandbox, &few).unwrap().made, 2 * 74);
    assert_eq!(run(&sandbox, &few).unwrap().made, 0);
    // The next composite, of 7 April, is within 48 days of those from 18 February on.
    let more = Prepare { items: sandbox.items(&all[..7]), ..few };
    assert_eq!(run(&sandbox, &more).unwrap().made, 2 * 26);
}

#[test]
fn days_that_no_two_composites_hold_are_told() {
    let sandbox = Sandbox::new();
    let mut items = year(&sandbox, 2003, |_| false);
    items.drain(3..8);
    let report = run(&sandbox, &request(&sandbox, &items, by(TimeRule::Composite), "2003")).unwrap();
    // Days 34 to 128 lie in a gap of 96 days, and 354 to 365 behind the last.
    assert_eq!(made(&sandbox).len(), 365 - 95 - 12);
    assert_eq!(report.partial[0], "west: value has 258 of the 365 days of 2003-01-01/2003-12-31");
}

#[test]
fn a_climatology_runs_from_its_last_layer_into_its_first() {
    let sandbox = Sandbox::new();
    // Medians of two years, as they are made.
    let years = [year(&sandbox, 2001, |_| false), year(&sandbox, 2002, |_| false)].concat();
    let medians = Composite {
        prepare: Prepare {
            out: seedbed_prep::Root::Local(sandbox.path("medians")),
            period: None,
            ..request(&sandbox, &years, Rules::default(), "2001")
        },
        grouping: Grouping::DayOfYear,
        statistics: vec![Statistic::Median],
        least: 1,
        share: 0.0,
        memory: 1 << 30,
        process: "test".to_owned(),
    };
    composite::<f64>(&medians, &sandbox.spool(), &Proj, false, &mut |_, _| ()).unwrap();
    let items: Vec<Value> = Expected::read(&sandbox.path("medians"))
        .unwrap()
        .0
        .members
        .iter()
        .map(|m| {
            let record = m.record(&sandbox.path("medians"));
            let mut item: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
            let folder = m.folder(&sandbox.path("medians"));
            let href = folder.join(item["assets"]["value"]["href"].as_str().unwrap());
            item["assets"]["value"]["href"] = href.to_str().unwrap().into();
            item["links"] = Value::Array(Vec::new());
            item
        })
        .collect();
    let request = request(&sandbox, &items, by(TimeRule::Climatology), "2011-12-17/2012-01-02");
    let report = run(&sandbox, &request).unwrap();
    assert!(report.failed.is_empty() && report.partial.is_empty(), "{report:?}");
    assert_eq!(made(&sandbox).len(), 17);
    // The 13 days from day 353 (22) to day 1 (0) of a common year.
    assert!(near(first(&sandbox, date(2011, 12, 19)), [22.0; 2]));
    assert!(near(first(&sandbox, date(2011, 12, 31)), [22.0 - 22.0 * 12.0 / 13.0; 2]));
    assert!(near(first(&sandbox, date(2012, 1, 1)), [0.0; 2]));
    assert!(near(first(&sandbox, date(2012, 1, 2)), [1.0 / 16.0; 2]));
    // It has no years of its own.
    let error = run(&sandbox, &Prepare { period: None, ..request.clone() }).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("--datetime"), "{error}");
    // Two years of one place aren't one year.
    let series = Prepare { items: sandbox.items(&years), ..request };
    let error = run(&sandbox, &series).unwrap_err().to_string();
    assert!(error.contains("day 1 ") && error.contains("seedbed composite --by day-of-year"), "{error}");
}

/// A layer for each of some days, its day of the year, but for the tile's second pixel on one.
fn each_day(sandbox: &Sandbox, days: &[Date], missing: Date) -> Vec<Value> {
    let one = |day: &Date| {
        let name = format!("{day}.tif");
        let value = f64::from(day.day_of_year());
        sandbox.cog(&name, around(), |p| if p == 31 && *day == missing { f64::NAN } else { value });
        item(&day.to_string(), &format!("{day}/{day}"), &name)
    };
    days.iter().map(one).collect()
}

#[test]
fn layers_that_come_a_day_apart_are_bridged_only_where_that_is_said() {
    let (missing, lost) = (date(2003, 3, 10), date(2003, 3, 12));
    let days: Vec<Date> = "2003-03-01/2003-03-20".parse::<Period>().unwrap().days().collect();
    let days: Vec<Date> = days.into_iter().filter(|day| *day != lost).collect();
    for (time, year) in [(TimeRule::Climatology, 2011), (TimeRule::Composite, 2003)] {
        let sandbox = Sandbox::new();
        let items = each_day(&sandbox, &days, missing);
        let period = format!("{year}-03-05/{year}-03-15");
        let mut request = request(&sandbox, &items, by(time), &period);
        let report = run(&sandbox, &request).unwrap();
        assert!(report.failed.is_empty(), "{report:?}");
        assert!(!made(&sandbox).contains(&date(year, 3, 12)) && made(&sandbox).len() == 10, "{time:?}");
        assert!(near(first(&sandbox, date(year, 3, 9)), [68.0; 2]), "{time:?}");
        assert!(near(first(&sandbox, date(year, 3, 10)), [69.0, f64::NAN]), "{time:?}");
        request.rules.bridge = "2d".parse().ok();
        run(&sandbox, &request).unwrap();
        assert_eq!(made(&sandbox).len(), 11);
        assert!(near(first(&sandbox, date(year, 3, 10)), [69.0; 2]), "{time:?}");
        assert!(near(first(&sandbox, date(year, 3, 12)), [71.0; 2]), "{time:?}");
    }
}

#[test]
fn a_daily_climatology_of_365_layers_has_the_last_day_of_a_leap_year() {
    let sandbox = Sandbox::new();
    let days = ["2003-01-01/2003-01-07", "2003-12-25/2003-12-31"].map(|p| p.parse::<Period>().unwrap());
    let days: Vec<Date> = days.into_iter().flat_map(Period::days).collect();
    let items = each_day(&sandbox, &days, date(2003, 1, 1));
    let request = request(&sandbox, &items, by(TimeRule::Climatology), "2012-12-28/2013-01-03");
    run(&sandbox, &request).unwrap();
    assert_eq!(made(&sandbox).len(), 7);
    assert!(near(first(&sandbox, date(2012, 12, 30)), [365.0; 2]));
    assert!(near(first(&sandbox, date(2012, 12, 31)), [183.0, f64::NAN]));
    assert!(near(first(&sandbox, date(2013, 1, 1)), [1.0, f64::NAN]));
    assert!(near(first(&sandbox, date(2013, 1, 2)), [2.0; 2]));
}

#[test]
fn a_day_that_the_calendar_leaves_out_is_made_by_the_leap_rule() {
    let sandbox = Sandbox::new();
    let days: Vec<Date> = "2004-02-27/2004-03-02".parse::<Period>().unwrap().days().collect();
    let days: Vec<Date> = days.into_iter().filter(|d| Calendar::Noleap.has(*d)).collect();
    let values = [1.0, 2.0, 5.0, 6.0].map(|v| vec![v; around().shape().len()]).to_vec();
    sandbox.netcdf("a.nc", &days, &Layers { at: around(), values });
    let items = [item("a", "2004-02-27/2004-03-02", "a.nc")];
    let leap = date(2004, 2, 29);
    for (rule, wanted) in [
        (LeapRule::Error, None),
        (LeapRule::Repeat, Some(2.0)),
        (LeapRule::Interpolate, Some(3.5)),
        (LeapRule::Missing, Some(f64::NAN)),
    ] {
        let rules = Rules { leap: rule, ..Rules::default() };
        let report = run(&sandbox, &request(&sandbox, &items, rules, "2004")).unwrap();
        assert_eq!((report.failed.len(), made(&sandbox).contains(&leap)), (0, wanted.is_some()), "{rule:?}");
        assert_eq!(made(&sandbox).len(), 4 + usize::from(wanted.is_some()));
        if let Some(wanted) = wanted {
            assert!(near(first(&sandbox, leap), [wanted; 2]), "{rule:?}");
        }
        std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    }
}

#[test]
fn a_day_without_one_behind_it_is_told_where_it_would_be_interpolated() {
    let sandbox = Sandbox::new();
    let days: Vec<Date> = "2004-12-29/2004-12-30".parse::<Period>().unwrap().days().collect();
    let values = vec![vec![1.0; around().shape().len()]; 2];
    sandbox.netcdf("a.nc", &days, &Layers { at: around(), values });
    let items = [item("a", "2004-12-29/2004-12-30", "a.nc")];
    let mut items = items;
    items[0]["properties"]["seedbed:calendar"] = serde_json::json!("daymet");
    let told = |leap| {
        let rules = Rules { leap, ..Rules::default() };
        run(&sandbox, &request(&sandbox, &items, rules, "2004-12-29/2004-12-31")).unwrap().missing
    };
    let missing = told(LeapRule::Interpolate);
    assert!(missing.len() == 2 && missing[0].contains("2004-12-31"), "{missing:?}");
    assert!(told(LeapRule::Error).is_empty() && told(LeapRule::Repeat).is_empty());
}
