//! Items of one asset that don't say the same of it: its unit, its file, its quality.

use crate::support::{Sandbox, around, item_with, range, tiles};
use seedbed_block::composite::Statistic;
use seedbed_block::{Grouping, Unit};
use seedbed_grid::PixelRange;
use seedbed_prep::{
    Composite, Expected, Format, PrepError, Prepare, PrepareReport, Root, Rules, Stack, Wanted, composite,
    prepare,
};
use seedbed_raster::{Proj, Raster, RasterSource};
use serde_json::{Value, json};

fn request(sandbox: &Sandbox, items: &[Value], rules: Rules) -> Prepare {
    Prepare {
        name: "prepared".to_owned(),
        items: sandbox.items(items),
        assets: vec!["value".to_owned()],
        grid: tiles(),
        rules,
        cog: Prepare::default_cog(),
        format: Format::Cog,
        period: None,
        out: Root::Local(sandbox.path("out")),
    }
}

fn run(sandbox: &Sandbox, items: &[Value], rules: Rules) -> Result<PrepareReport, PrepError> {
    prepare::<f32>(&request(sandbox, items, rules), &sandbox.spool(), &Proj, false, &mut |_, _| {})
}

/// An item of a day whose asset is in a unit, or doesn't say in which.
fn of_unit(id: &str, day: &str, unit: Option<&str>) -> Value {
    let band = unit.map_or(json!({}), |unit| json!({ "unit": unit }));
    item_with(id, day, &json!({ "value": { "href": format!("./{id}.tif"), "bands": [band] } }))
}

fn two(sandbox: &Sandbox, units: [Option<&str>; 2]) -> [Value; 2] {
    sandbox.cog("a.tif", around(), |_| 280.0);
    sandbox.cog("b.tif", around(), |_| 6.85);
    [of_unit("a", "2004-01-01", units[0]), of_unit("b", "2004-01-02", units[1])]
}

/// The first pixels of all COGs, and their units.
fn made(sandbox: &Sandbox) -> Vec<(f64, Option<String>)> {
    let first = PixelRange { row0: 0, col0: 0, rows: 1, cols: 1 };
    let made = sandbox.cogs("out").into_iter().map(|path| {
        let raster = Raster::open(&RasterSource::new(&path)).unwrap();
        (raster.read::<f64>(0, first).unwrap()[0], raster.unit().map(str::to_owned))
    });
    made.collect()
}

#[test]
fn several_units_become_the_first_ones() {
    let sandbox = Sandbox::new();
    let items = two(&sandbox, [Some("K"), Some("degC")]);
    assert_eq!(run(&sandbox, &items, Rules::default()).unwrap().made, 4);
    for (value, unit) in made(&sandbox) {
        assert!((value - 280.0).abs() < 1e-4 && unit.as_deref() == Some("K"), "{value} {unit:?}");
    }
    // The same items in another order of time are in another unit, and so other products.
    let before = Expected::read(&sandbox.path("out")).unwrap().0;
    sandbox.cog("0.tif", around(), |_| 5.0);
    let more = [vec![of_unit("0", "2003-12-31", Some("degC"))], items.to_vec()].concat();
    assert_eq!(run(&sandbox, &more, Rules::default()).unwrap().made, 6);
    let after = Expected::read(&sandbox.path("out")).unwrap().0;
    assert!(before.members.iter().all(|member| !after.members.contains(member)));
}

#[test]
fn means_are_of_one_unit() {
    let sandbox = Sandbox::new();
    let items = two(&sandbox, [Some("K"), Some("degC")]);
    let request = Composite {
        prepare: request(&sandbox, &items, Rules::default()),
        grouping: Grouping::Month,
        statistics: vec![Statistic::Mean],
        least: 1,
        share: 0.0,
        memory: 1 << 30,
        process: "test".to_owned(),
    };
    composite::<f64>(&request, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap();
    for (value, unit) in made(&sandbox) {
        assert!((value - 280.0).abs() < 1e-4 && unit.as_deref() == Some("K"), "{value} {unit:?}");
    }
}

#[test]
fn units_that_don_t_agree_are_refused_before_anything_is_made() {
    for (units, said) in [
        ([Some("K"), Some("mm")], ["`K`", "`mm`"]),
        ([Some("K"), None], ["`K`", "neither item `b`"]),
        ([None, Some("K")], ["`K`", "neither item `a`"]),
    ] {
        let sandbox = Sandbox::new();
        let error = run(&sandbox, &two(&sandbox, units), Rules::default()).unwrap_err();
        let told = error.to_string();
        assert!(error.is_usage() && told.contains("`a`") && told.contains("`b`"), "{told}");
        assert!(said.iter().all(|part| told.contains(part)), "{told}");
        assert!(sandbox.files("out").is_empty());
    }
}

#[test]
fn a_unit_that_is_said_is_for_values_that_state_none() {
    let kelvin = || Rules { unit: Some(Unit::Kelvin), ..Rules::default() };
    let sandbox = Sandbox::new();
    assert_eq!(run(&sandbox, &two(&sandbox, [Some("K"), None]), kelvin()).unwrap().made, 4);
    let sandbox = Sandbox::new();
    let told = run(&sandbox, &two(&sandbox, [None, Some("degC")]), kelvin()).unwrap_err().to_string();
    assert!(["`b`", "`degC`", "`K`"].iter().all(|part| told.contains(part)), "{told}");
}

#[test]
fn a_frame_of_two_units_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", range("west"), |_| 280.0);
    sandbox.cog("b.tif", range("east"), |_| 6.85);
    let of = |units: [&str; 2]| {
        let items = [of_unit("a", "2004-01-01", Some(units[0])), of_unit("b", "2004-01-01", Some(units[1]))];
        let wanted = Wanted { variables: vec!["value".to_owned()], ..Wanted::default() };
        Stack::of_items(&sandbox.items(&items), "items", &wanted, &sandbox.spool(), &Proj).map(|_| ())
    };
    of(["K", "K"]).unwrap();
    let told = of(["K", "degC"]).unwrap_err().to_string();
    assert!(["`a`", "`b`", "degC"].iter().all(|part| told.contains(part)), "{told}");
}

#[test]
fn a_file_of_another_size_than_its_item_states_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    let size = std::fs::metadata(sandbox.path("a.tif")).unwrap().len();
    let of = |size: u64| {
        item_with("a", "2004-01-01", &json!({ "value": { "href": "./a.tif", "file:size": size } }))
    };
    run(&sandbox, &[of(size)], Rules::default()).unwrap();
    let error = run(&sandbox, &[of(size + 1)], Rules::default()).unwrap_err();
    assert!(matches!(error, PrepError::Size { .. }) && error.is_usage(), "{error}");
    let told = error.to_string();
    assert!(told.contains(&size.to_string()) && told.contains(&(size + 1).to_string()), "{told}");
}

#[test]
fn one_id_on_one_date_is_one_item() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    sandbox.cog("b.tif", around(), |_| 2.0);
    let of =
        |file: &str| item_with("same", "2004-01-01", &json!({ "value": { "href": format!("./{file}") } }));
    run(&sandbox, &[of("a.tif"), of("a.tif")], Rules::default()).unwrap();
    let told = run(&sandbox, &[of("a.tif"), of("b.tif")], Rules::default()).unwrap_err().to_string();
    assert!(["`same`", "a.tif", "b.tif"].iter().all(|part| told.contains(part)), "{told}");
}

#[test]
fn a_mask_that_lies_elsewhere_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    sandbox.cog("west.tif", range("west"), |_| 0.0);
    sandbox.cog("far.tif", PixelRange { col0: 900, ..range("west") }, |_| 0.0);
    let of = |quality: &str| {
        let assets = json!({ "value": { "href": "./a.tif" }, "q": { "href": format!("./{quality}") } });
        item_with("a", "2004-01-01", &assets)
    };
    let masked = || Rules { mask: Some("q:DROP=3".parse().unwrap()), ..Rules::default() };
    let told = run(&sandbox, &[of("far.tif")], masked()).unwrap_err().to_string();
    assert!(["q:DROP=3", "`a`", "touch"].iter().all(|part| told.contains(part)), "{told}");
    assert!(sandbox.files("out").is_empty());
    let report = run(&sandbox, &[of("west.tif")], masked()).unwrap();
    assert_eq!((report.made, report.unmasked.len()), (2, 1));
    assert!(report.unmasked[0].starts_with("east: "), "{:?}", report.unmasked);
}

#[test]
fn a_date_that_is_none_is_quoted() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    let mut item = of_unit("a", "2004-01-01", None);
    item["properties"] = json!({ "datetime": "2003-13-45T00:00:00Z" });
    let told = run(&sandbox, &[item], Rules::default()).unwrap_err().to_string();
    assert!(told.contains("`2003-13-45T00:00:00Z`"), "{told}");
}

#[test]
fn what_can_t_be_stored_is_told_with_the_option_and_no_temporary_path() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 500.0);
    let mut request = request(&sandbox, &[of_unit("a", "2004-01-01", None)], Rules::default());
    request.cog.dtype = seedbed_raster::DType::Int16;
    request.cog.scale = 0.001;
    request.cog.nodata = Some(-32_768.0);
    let report = prepare::<f32>(&request, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap();
    assert_eq!((report.failed.len(), report.usage), (2, 2));
    let told = &report.failed[0];
    assert!(told.contains("--scale") && told.contains("output.scale") && !told.contains(".part"), "{told}");
}
