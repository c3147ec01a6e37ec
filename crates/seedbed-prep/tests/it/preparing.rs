//! Prepared rasters: every date of chosen assets on every tile.

use crate::support::{Layers, Sandbox, around, item, item_with, range, request, words};
use seedbed_block::date;
use seedbed_grid::{PixelRange, Projections};
use seedbed_prep::{Expected, PrepError, Prepare, PrepareReport, prepare, verify};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, Proj};
use serde_json::{Value, json};
use std::fs;

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
fn an_item_without_an_asset_that_others_have_is_named() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    let of = |day: u8, keys: &[&str]| {
        let assets: serde_json::Map<String, Value> =
            keys.iter().map(|key| ((*key).to_owned(), json!({ "href": "./a.tif" }))).collect();
        item_with(&format!("d{day}"), &format!("2004-03-{day:02}"), &Value::Object(assets))
    };
    let missing = |items: &[Value], out: &str| {
        let assets = vec!["ndvi".to_owned(), "evi".to_owned()];
        let out = seedbed_prep::Root::Local(sandbox.path(out));
        run(&sandbox, &Prepare { assets, out, ..request(&sandbox, items) }).unwrap().missing
    };
    let items = [of(1, &["ndvi", "evi"]), of(17, &["ndvi"]), of(30, &["evi", "ndvi"])];
    assert_eq!(missing(&items, "o"), ["item d17 has no `evi`"]);
    // Items that each have one of them.
    assert_eq!(missing(&[of(1, &["ndvi"]), of(2, &["evi"]), of(17, &["ndvi"])], "p"), Vec::<String>::new());
}

#[test]
fn days_at_the_ends_that_only_another_variable_has_are_told() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    let of = |key: &str, days: std::ops::RangeInclusive<u8>| -> Vec<Value> {
        let assets = json!({ key: { "href": "./a.tif" } });
        days.map(|day| item_with(&format!("{key}{day}"), &format!("2004-03-{day:02}"), &assets)).collect()
    };
    let items = [of("tmin", 1..=8), of("tmax", 3..=6)].concat();
    let assets = vec!["tmin".to_owned(), "tmax".to_owned()];
    let report = run(&sandbox, &Prepare { assets, ..request(&sandbox, &items) }).unwrap();
    let west: Vec<&String> = report.missing.iter().filter(|m| m.starts_with("west")).collect();
    assert_eq!(west, ["west: tmax has no 2004-03-01 and others (4 of 8 days)"]);
    assert_eq!((report.expected, report.made), (16, 16));
}

#[test]
fn what_a_product_takes_the_place_of_is_told_and_another_variables_is_left() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    let assets = json!({ "tmin": { "href": "./a.tif" }, "tmax": { "href": "./a.tif" } });
    let items = [item_with("1", "2004-01-01", &assets)];
    let of = |assets: &[&str], dtype: DType| {
        let mut request = request(&sandbox, &items);
        request.assets = assets.iter().map(|asset| (*asset).to_owned()).collect();
        request.cog = CogOptions { dtype, ..request.cog };
        request
    };
    let first = of(&["tmin"], DType::Float32);
    assert_eq!(run(&sandbox, &first).unwrap().replaces, None);
    assert_eq!(run(&sandbox, &first).unwrap().replaces, None);
    let before = sandbox.files("out");
    let error = run(&sandbox, &of(&["tmax"], DType::Float32)).unwrap_err();
    let said = words(&error);
    assert!(error.is_usage() && said.contains("holds tmin, whose place tmax would take"), "{said}");
    assert_eq!(sandbox.files("out"), before);
    let other = of(&["tmin"], DType::Float64);
    let told = Some("2 files of another recipe (tmin)".to_owned());
    let dry = prepare::<f64>(&other, &sandbox.spool(), &Proj, true, &mut |_, _| {}).unwrap();
    assert_eq!(dry.replaces, told);
    assert_eq!(run(&sandbox, &other).unwrap().replaces, told);
    assert_eq!(run(&sandbox, &of(&["tmin", "tmax"], DType::Float32)).unwrap().replaces, told);
}

#[test]
fn what_32_bits_would_make_infinite_is_refused() {
    let sandbox = Sandbox::new();
    let whole = around();
    let mut values = vec![1.0; whole.shape().len()];
    values[whole.shape().cols * 3 + 4] = -1e300;
    let cog = CogOptions { dtype: DType::Float64, ..CogOptions::default() };
    sandbox.cog_with("a.tif", whole, &values, &cog);
    let request = request(&sandbox, &[item("1", "2004-01-01", "a.tif")]);
    let report = run(&sandbox, &request).unwrap();
    assert_eq!((report.made, report.failed.len(), report.usage), (1, 1, 1), "{:?}", report.failed);
    for part in ["-1e300", "a.tif", "row 3, column 4", "--dtype float64"] {
        assert!(report.failed[0].contains(part), "{part}: {:?}", report.failed);
    }
    let wide = Prepare { cog: CogOptions { dtype: DType::Float64, ..request.cog.clone() }, ..request };
    let report = prepare::<f64>(&wide, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap();
    assert_eq!((report.made, report.failed.len()), (2, 0), "{:?}", report.failed);
}

#[test]
fn a_system_that_no_file_can_say_is_refused_before_anything_is_read() {
    let sandbox = Sandbox::new();
    let mut request = request(&sandbox, &[item("1", "2004-01-01", "not-there.tif")]);
    request.grid.grid.crs = Proj.resolve("EPSG:8857").unwrap();
    let error = run(&sandbox, &request).unwrap_err();
    assert!(error.is_usage() && words(&error).contains("projection Equal Earth"), "{}", words(&error));
    assert!(!sandbox.path("out").exists());
}

#[test]
fn layers_of_months_stay_layers_of_months() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    let months = [item("1", "2004-01", "a.tif"), item("2", "2004-02", "a.tif")];
    let days = |items: &[Value], out: &str| -> Vec<(String, String)> {
        let root = seedbed_prep::Root::Local(sandbox.path(out));
        run(&sandbox, &Prepare { out: root, ..request(&sandbox, items) }).unwrap();
        let (set, root) = Expected::read(&sandbox.path(out)).unwrap();
        let west = set.members.iter().filter(|m| m.tile == "west");
        let day =
            |record: &Value, which: &str| record["properties"][which].as_str().unwrap()[..10].to_owned();
        west.map(|member| {
            let record: Value = serde_json::from_slice(&fs::read(member.record(&root)).unwrap()).unwrap();
            (day(&record, "start_datetime"), day(&record, "end_datetime"))
        })
        .collect()
    };
    let span = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let wanted = [span("2004-01-01", "2004-01-31"), span("2004-02-01", "2004-02-29")];
    assert_eq!(days(&months, "months"), wanted);
    // An observation that ends behind midnight is of one day.
    let mut night = item("1", "2004-01-01", "a.tif");
    night["properties"]["start_datetime"] = json!("2004-01-01T23:58:00Z");
    night["properties"]["end_datetime"] = json!("2004-01-02T00:03:00Z");
    assert_eq!(days(&[night], "night"), [span("2004-01-01", "2004-01-01")]);
}

#[test]
fn a_file_that_cannot_be_opened_keeps_its_own_days_alone_from_being_made() {
    let sandbox = Sandbox::new();
    let items: Vec<Value> = (1..=5)
        .map(|day| {
            sandbox.cog(&format!("{day}.tif"), around(), |_| 1.0);
            item(&format!("d{day}"), &format!("2004-03-{day:02}"), &format!("{day}.tif"))
        })
        .collect();
    fs::write(sandbox.path("2.tif"), "<html>503</html>").unwrap();
    fs::write(sandbox.path("3.tif"), "").unwrap();
    fs::remove_file(sandbox.path("4.tif")).unwrap();
    let request = request(&sandbox, &items);
    let report = run(&sandbox, &request).unwrap();
    assert_eq!((report.expected, report.made, report.failed.len()), (10, 4, 6), "{:?}", report.failed);
    assert_eq!((report.retryable, report.usage, report.missing.len()), (0, 0, 0));
    for (day, file) in [(2, "2.tif"), (3, "3.tif"), (4, "4.tif")] {
        let told = report.failed.iter().filter(|f| f.contains(&format!("item d{day}")) && f.contains(file));
        assert_eq!(told.count(), 2, "{file}: {:?}", report.failed);
    }
    assert_eq!(verify(&sandbox.path("out")).unwrap().problems.len(), 6);
    assert_eq!(run(&sandbox, &request).unwrap().present, 4);
    for day in 2..=4 {
        sandbox.cog(&format!("{day}.tif"), around(), |_| 1.0);
    }
    let report = run(&sandbox, &request).unwrap();
    assert_eq!((report.expected, report.made, report.present), (10, 6, 4), "{:?}", report.failed);
    assert!(verify(&sandbox.path("out")).unwrap().is_complete());
    // Nothing can be done without any.
    for day in 1..=5 {
        fs::write(sandbox.path(&format!("{day}.tif")), "<html>503</html>").unwrap();
    }
    assert!(words(&run(&sandbox, &request).unwrap_err()).contains("1.tif"));
}

#[test]
fn all_days_of_a_file_that_cannot_be_opened_are_missed_where_its_item_tells_them() {
    let sandbox = Sandbox::new();
    let days = |from: i8| (from..from + 3).map(|day| date(2004, 3, day)).collect::<Vec<_>>();
    let values = vec![vec![1.0; around().shape().len()]; 3];
    sandbox.netcdf("a.nc", &days(1), &Layers { at: around(), values });
    fs::write(sandbox.path("b.nc"), "CDF").unwrap();
    let steps = json!({ "type": "temporal", "step": "P1D",
        "extent": ["2004-03-04T00:00:00Z", "2004-03-06T23:59:59Z"] });
    let values = json!({ "type": "temporal", "values": ["2004-03-04T00:00:00Z", "2004-03-06T00:00:00Z"] });
    for (axis, of_asset, lost) in
        [(&steps, true, 3), (&values, true, 2), (&steps, false, 3), (&json!({}), true, 1)]
    {
        let good = item("a", "2004-03-01/2004-03-03", "a.nc");
        let mut bad = item("b", "2004-03-04/2004-03-06", "b.nc");
        let place = if of_asset { &mut bad["assets"]["value"] } else { &mut bad["properties"] };
        place["cube:dimensions"] = json!({ "x": { "type": "spatial" }, "day": axis });
        let mut request = request(&sandbox, &[good, bad]);
        let report = run(&sandbox, &request).unwrap();
        assert_eq!((report.made, report.failed.len()), (6, 2 * lost), "{:?}", report.failed);
        assert_eq!(verify(&sandbox.path("out")).unwrap().problems.len(), 2 * lost);
        fs::remove_dir_all(sandbox.path("out")).unwrap();
        request.period = Some("2004-03-01/2004-03-04".parse().unwrap());
        assert_eq!(run(&sandbox, &request).unwrap().failed.len(), 2);
        fs::remove_dir_all(sandbox.path("out")).unwrap();
    }
}

#[test]
fn a_day_of_which_one_file_cannot_be_opened_is_not_made_of_the_others() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    fs::write(sandbox.path("b.tif"), "").unwrap();
    let of = |day: u8, tmax: &str| {
        let assets = json!({ "tmin": { "href": "./a.tif" }, "tmax": { "href": format!("./{tmax}") } });
        item_with(&format!("d{day}"), &format!("2004-03-{day:02}"), &assets)
    };
    let mut request = request(&sandbox, &[of(1, "a.tif"), of(2, "b.tif"), of(3, "a.tif")]);
    request.assets = vec!["tmin".to_owned(), "tmax".to_owned()];
    let report = run(&sandbox, &request).unwrap();
    assert_eq!((report.expected, report.made, report.failed.len()), (6, 4, 2), "{:?}", report.failed);
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
