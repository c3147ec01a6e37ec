//! Days that a calendar hasn't, and days that were lost.

use crate::support::{self, Layers, Sandbox, around, item, words};
use seedbed_block::composite::Statistic;
use seedbed_block::{Calendar, Date, Grouping, Period};
use seedbed_prep::{
    Composite, Expected, Format, Member, MosaicRequest, Prepare, PrepareReport, Root, composite, mosaic,
    prepare, verify,
};
use seedbed_raster::Proj;
use serde_json::{Value, json};
use std::fs;

fn days(period: &str, calendar: Calendar) -> Vec<Date> {
    period.parse::<Period>().unwrap().days().filter(|day| calendar.has(*day)).collect()
}

/// A COG a day, all ones; each item says the calendar, if one is given.
fn each_day(sandbox: &Sandbox, days: &[Date], calendar: Option<&str>) -> Vec<Value> {
    sandbox.cog("one.tif", around(), |_| 1.0);
    let one = |day: &Date| {
        let mut said = item(&day.to_string(), &day.to_string(), "one.tif");
        if let Some(calendar) = calendar {
            said["properties"]["seedbed:calendar"] = json!(calendar);
        }
        said
    };
    days.iter().map(one).collect()
}

/// All days in one file.
fn in_one_file(sandbox: &Sandbox, days: &[Date]) -> Vec<Value> {
    let values = vec![vec![1.0; around().shape().len()]; days.len()];
    sandbox.netcdf("all.nc", days, &Layers { at: around(), values });
    vec![item("all", &format!("{}/{}", days[0], days[days.len() - 1]), "all.nc")]
}

fn request(sandbox: &Sandbox, items: &[Value], period: Option<&str>) -> Prepare {
    Prepare { period: period.map(|period| period.parse().unwrap()), ..support::request(sandbox, items) }
}

fn run(sandbox: &Sandbox, request: &Prepare) -> PrepareReport {
    prepare::<f32>(request, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap()
}

/// The calendar that the record of a tile's day says.
fn said(sandbox: &Sandbox, day: &str) -> Value {
    let root = sandbox.path("out");
    let set = Expected::read(&root).unwrap().0;
    let member = set.members.iter().find(|m| m.period == day).unwrap();
    let record: Value = serde_json::from_slice(&fs::read(member.record(&root)).unwrap()).unwrap();
    record["properties"]["seedbed:calendar"].clone()
}

#[test]
fn a_lost_leap_day_is_named_unless_the_calendar_is_known_not_to_have_it() {
    for (calendar, name, lost) in
        [(Calendar::Daymet, "daymet", "2004-12-31"), (Calendar::Noleap, "noleap", "2004-02-29")]
    {
        let around =
            if calendar == Calendar::Daymet { "2004-12-28/2005-01-02" } else { "2004-02-27/2004-03-02" };
        let there = days(around, calendar);
        let sandbox = Sandbox::new();
        // Nothing says that the series is on a calendar of 365 days: a file may have been lost.
        let report = run(&sandbox, &request(&sandbox, &each_day(&sandbox, &there, None), None));
        assert_eq!((report.missing.len(), report.made), (2, 2 * there.len()), "{:?}", report.missing);
        assert!(report.missing.iter().all(|told| told.contains(lost)), "{:?}", report.missing);
        assert_eq!(said(&sandbox, &there[0].to_string()), Value::Null);
        // Also where the leap days were lost of a file of a few days.
        let report = run(&sandbox, &request(&sandbox, &in_one_file(&sandbox, &there), None));
        assert!(report.missing.iter().all(|told| told.contains(lost)) && report.missing.len() == 2);
        // The items say it, and what is made of them says so, too.
        let sandbox = Sandbox::new();
        let report = run(&sandbox, &request(&sandbox, &each_day(&sandbox, &there, Some(name)), None));
        assert!(report.missing.is_empty(), "{:?}", report.missing);
        assert_eq!(said(&sandbox, &there[0].to_string()), name);
        // They say otherwise.
        let items = each_day(&sandbox, &there, Some("standard"));
        assert_eq!(run(&sandbox, &request(&sandbox, &items, None)).missing.len(), 2);
        // A file of whole years shows it: Daymet's say that their calendar is the standard one.
        let sandbox = Sandbox::new();
        let all = days("2004/2005", calendar);
        let period = Some("2004-02-28/2004-12-31");
        let report = run(&sandbox, &request(&sandbox, &in_one_file(&sandbox, &all), period));
        assert!(report.missing.is_empty(), "{:?}", report.missing);
        assert_eq!(said(&sandbox, "2004-03-05"), name);
        assert!(verify(&sandbox.path("out")).unwrap().is_complete());
    }
}

#[test]
fn an_unknown_calendar_is_refused() {
    let sandbox = Sandbox::new();
    let items = each_day(&sandbox, &days("2004-12-28/2004-12-29", Calendar::Daymet), Some("360_day"));
    let request = request(&sandbox, &items, None);
    let error = prepare::<f32>(&request, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap_err();
    assert!(words(&error).contains("360_day") && words(&error).contains("daymet"), "{error}");
}

#[test]
fn a_month_without_a_lost_leap_day_is_partial() {
    let monthly = |sandbox: &Sandbox, items: &[Value]| {
        let wanted = Composite {
            grouping: Grouping::EveryMonth,
            statistics: vec![Statistic::Sum],
            least: 1,
            share: 1.0,
            memory: 256 << 20,
            process: "seedbed prep".to_owned(),
            prepare: request(sandbox, items, Some("2004-02")),
        };
        composite::<f32>(&wanted, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap()
    };
    let there = days("2004-02-01/2004-03-01", Calendar::Noleap);
    let sandbox = Sandbox::new();
    let report = monthly(&sandbox, &each_day(&sandbox, &there, None));
    assert!(
        !report.partial.is_empty() && report.partial.iter().all(|told| told.contains("28 of 29")),
        "{report:?}"
    );
    let sandbox = Sandbox::new();
    let report = monthly(&sandbox, &each_day(&sandbox, &there, Some("noleap")));
    assert!(report.partial.is_empty(), "{report:?}");
}

/// The items of a product, as another call reads them.
fn made(sandbox: &Sandbox, out: &str) -> Vec<Value> {
    let root = sandbox.path(out);
    let set = Expected::read(&root).unwrap().0;
    let read = |member: &Member| {
        let path = member.record(&root);
        let mut said: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (_, asset) in said["assets"].as_object_mut().unwrap() {
            asset["href"] = json!(path.parent().unwrap().join(asset["href"].as_str().unwrap()));
        }
        said
    };
    set.members.iter().map(read).collect()
}

#[test]
fn what_is_made_of_products_knows_of_days_that_were_lost_and_of_those_that_never_were() {
    for (said, lacking) in [(None, 2), (Some("daymet"), 0)] {
        let sandbox = Sandbox::new();
        let items = each_day(&sandbox, &days("2004", Calendar::Daymet), said);
        // A cube of 365 days looks like a file of a whole year.
        let cubes = Prepare { format: Format::Zarr, ..request(&sandbox, &items, Some("2004")) };
        assert_eq!(run(&sandbox, &cubes).missing.len(), lacking);
        let again = |from: &str, out: &str| {
            let items = made(&sandbox, from);
            let out = Root::Local(sandbox.path(out));
            run(&sandbox, &Prepare { out, ..request(&sandbox, &items, Some("2004-12")) }).missing.len()
        };
        assert_eq!(again("out", "days"), lacking);
        let wanted = MosaicRequest {
            product: Root::Local(sandbox.path("out")),
            out: Root::Local(sandbox.path("mosaic")),
            ..MosaicRequest::default()
        };
        mosaic(&wanted, &sandbox.spool(), &Proj, &mut |_, _| ()).unwrap();
        assert_eq!(again("mosaic", "of-mosaic"), lacking, "{said:?}");
    }
}
