//! Prepared rasters: every date of chosen assets on every tile.

use crate::support::{Layers, Sandbox, around, item, item_with, range, tiles, words};
use seedbed_grid::PixelRange;
use seedbed_prep::{Expected, Format, PrepError, Prepare, PrepareReport, Rules, prepare, verify};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, Proj};
use serde_json::{Value, json};
use std::fs;

fn request(sandbox: &Sandbox, items: &[Value]) -> Prepare {
    Prepare {
        name: "prepared".to_owned(),
        items: sandbox.items(items),
        assets: vec!["value".to_owned()],
        grid: tiles(),
        rules: Rules::default(),
        cog: Prepare::default_cog(),
        format: Format::Cog,
        period: None,
        out: seedbed_prep::Root::Local(sandbox.path("out")),
    }
}

fn run(sandbox: &Sandbox, request: &Prepare) -> Result<PrepareReport, PrepError> {
    prepare::<f32>(request, &sandbox.spool(), &Proj, false, &mut |_, _| {})
}

fn two_days(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.cog("1.tif", around(), |_| 1.0);
    sandbox.cog("2.tif", PixelRange { cols: 6, ..around() }, |_| 2.0);
    vec![item("1", "2004-01-01", "1.tif"), item("2", "2004-01-02", "2.tif")]
}

#[test]
fn every_date_is_prepared_on_the_tiles_it_touches_and_only_once() {
    let sandbox = Sandbox::new();
    let items = two_days(&sandbox);
    let report = run(&sandbox, &request(&sandbox, &items)).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    // The second day's raster ends before the eastern tile.
    assert_eq!((report.expected, report.made, report.present), (3, 3, 0));
    assert!(verify(&sandbox.path("out")).unwrap().is_complete());
    let before = sandbox.files("out");
    let again = run(&sandbox, &request(&sandbox, &items)).unwrap();
    assert_eq!((again.made, again.present), (0, 3));
    assert_eq!(sandbox.files("out"), before);
}

#[test]
fn what_an_item_says_of_its_values_is_part_of_the_key() {
    let sandbox = Sandbox::new();
    sandbox.cog("1.tif", around(), |_| 1000.0);
    let claimed = |scale: f64| {
        let band = json!({ "unit": "mm", "raster:scale": scale });
        item_with("1", "2004-01-01", &json!({ "value": { "href": "./1.tif", "bands": [band] } }))
    };
    run(&sandbox, &request(&sandbox, &[claimed(0.001)])).unwrap();
    let corrected = run(&sandbox, &request(&sandbox, &[claimed(0.01)])).unwrap();
    assert_eq!((corrected.made, corrected.present), (2, 0));
}

#[test]
fn a_record_names_the_sources_of_its_day_alone() {
    let sandbox = Sandbox::new();
    sandbox.cog("1.tif", around(), |_| 1.0);
    sandbox.cog("2.tif", around(), |_| 2.0);
    // The last composite of a year reaches into the first of the next.
    let items = [item("1", "2003-12-19/2004-01-03", "1.tif"), item("2", "2004-01-01/2004-01-16", "2.tif")];
    run(&sandbox, &request(&sandbox, &items)).unwrap();
    let set = Expected::read(&sandbox.path("out")).unwrap().0;
    let member = set.members.iter().find(|m| m.period == "2004-01-01").unwrap();
    let record = fs::read_to_string(member.record(&sandbox.path("out"))).unwrap();
    assert!(record.contains("/2.tif") && !record.contains("/1.tif"), "{record}");
}

#[test]
fn an_area_outside_every_asset_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    sandbox.cog("far.tif", PixelRange { row0: 400, ..range("west") }, |_| 1.0);
    let error = run(&sandbox, &request(&sandbox, &[item("far", "2004-01-01", "far.tif")])).unwrap_err();
    assert!(words(&error).contains("touches") && error.is_usage(), "{error}");
    assert!(sandbox.files("out").is_empty());
}

#[test]
fn a_date_that_fails_stops_no_other() {
    let sandbox = Sandbox::new();
    sandbox.cog("1.tif", around(), |_| 1.0);
    sandbox.cog("2.tif", around(), |_| f64::from(f32::MAX));
    let items = [item("1", "2004-01-01", "1.tif"), item("2", "2004-01-02", "2.tif")];
    let mut request = request(&sandbox, &items);
    request.cog.dtype = seedbed_raster::DType::Int16;
    request.cog.nodata = Some(-1.0);
    let report = run(&sandbox, &request).unwrap();
    assert_eq!((report.expected, report.made, report.failed.len()), (4, 2, 2));
    assert!(report.failed[0].contains("2004-01-02"), "{:?}", report.failed);
    assert_eq!(verify(&sandbox.path("out")).unwrap().problems.len(), 2);
}

#[test]
fn tiles_prepared_together_are_those_prepared_alone() {
    let made = |tiles: &[&str]| {
        let sandbox = Sandbox::new();
        sandbox.cog("1.tif", around(), |n| f64::from(u16::try_from(n).unwrap()));
        let mut request = request(&sandbox, &[item("1", "2004-01-01", "1.tif")]);
        request.grid.tiles.retain(|tile| tiles.contains(&tile.name.as_str()));
        let report = run(&sandbox, &request).unwrap();
        assert_eq!(report.made, tiles.len());
        let files = sandbox.files("out").into_iter();
        let cogs = files.filter(|(path, _)| path.extension().is_some_and(|e| e == "tif"));
        cogs.map(|(path, bytes)| (path.file_name().unwrap().to_owned(), bytes)).collect::<Vec<_>>()
    };
    assert!(made(&["east", "west"]) == [made(&["east"]), made(&["west"])].concat());
}

#[test]
fn somebody_elses_catalog_is_left_as_it_is() {
    for name in ["catalog.json", "collection.json"] {
        let sandbox = Sandbox::new();
        let items = two_days(&sandbox);
        let theirs =
            json!({ "type": "Catalog", "id": "mine", "links": [{ "rel": "item", "href": "./a.json" }] });
        fs::create_dir(sandbox.path("out")).unwrap();
        fs::write(sandbox.path("out").join(name), theirs.to_string()).unwrap();
        let before = sandbox.files("out");
        for dry_run in [true, false] {
            let request = request(&sandbox, &items);
            let error =
                prepare::<f32>(&request, &sandbox.spool(), &Proj, dry_run, &mut |_, _| {}).unwrap_err();
            assert!(error.is_usage() && words(&error).contains(name), "{}", words(&error));
        }
        assert_eq!(sandbox.files("out"), before);
    }
}

#[test]
fn days_that_a_daily_series_lacks_are_told() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    let of = |days: &[u8]| -> Vec<Value> {
        let one = |day: &u8| item(&format!("d{day}"), &format!("2004-03-{day:02}"), "a.tif");
        days.iter().map(one).collect()
    };
    let asked = |days: &[u8], period: Option<&str>| {
        let period = period.map(|p| p.parse().unwrap());
        let out = seedbed_prep::Root::Local(sandbox.path(&format!("out{}", days.len())));
        let report = run(&sandbox, &Prepare { period, out, ..request(&sandbox, &of(days)) }).unwrap();
        report.missing.into_iter().filter(|m| m.starts_with("west")).collect::<Vec<_>>()
    };
    assert_eq!(asked(&[1, 2, 3, 4], None), Vec::<String>::new());
    let gap = "west: value has no 2004-03-03 (1 of 6 days)";
    assert_eq!(asked(&[1, 2, 4, 5, 6], None), [gap]);
    let ends = "west: value has no 2004-03-03 and others (3 of 8 days)";
    assert_eq!(asked(&[1, 2, 4, 5, 6], Some("2004-03-01/2004-03-08")), [ends]);
    // Composites have no days between them.
    assert_eq!(asked(&[1, 9, 17], None), Vec::<String>::new());
}

#[test]
fn statistics_of_nothing_are_left_out_and_what_rounding_costs_is_said() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |n| if n % 14 < 7 { f64::NAN } else { 1.5 });
    let cog =
        CogOptions { dtype: DType::Int16, scale: 0.01, nodata: Some(-32768.0), ..Prepare::default_cog() };
    let items = [item("1", "2004-01-01", "a.tif")];
    run(&sandbox, &Prepare { cog, ..request(&sandbox, &items) }).unwrap();
    let (set, root) = Expected::read(&sandbox.path("out")).unwrap();
    let bands = set.members.iter().map(|member| {
        let record: Value = serde_json::from_slice(&fs::read(member.record(&root)).unwrap()).unwrap();
        (member.tile.clone(), record["assets"]["value"]["bands"][0].clone())
    });
    let bands: std::collections::BTreeMap<String, Value> = bands.collect();
    assert_eq!(bands["west"]["statistics"], json!({ "valid_percent": 0 }), "{bands:?}");
    assert_eq!(bands["east"]["statistics"]["minimum"], 1.5);
    assert_eq!(bands["east"]["seedbed:max_rounding_error"], 0.005);
}

#[test]
fn a_unit_that_file_and_item_state_differently_is_refused_before_anything_is_made() {
    let sandbox = Sandbox::new();
    sandbox.netcdf(
        "a.nc",
        &[seedbed_block::date(2004, 1, 1)],
        &Layers { at: around(), values: vec![vec![2.0; around().shape().len()]] },
    );
    let claimed = json!({ "value": { "href": "./a.nc", "bands": [{ "unit": "inch" }] } });
    let request = request(&sandbox, &[item_with("1", "2004-01-01", &claimed)]);
    let error = run(&sandbox, &request).unwrap_err();
    let said = words(&error);
    assert!(error.is_usage() && said.contains("inch") && said.contains("a.nc"), "{said}");
    assert!(!sandbox.path("out").exists());
}
