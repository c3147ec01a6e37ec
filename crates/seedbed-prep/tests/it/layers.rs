//! Which items of one day become one layer, and which are of different things.

use crate::support::{Sandbox, around, item, rules, words};
use seedbed_block::date;
use seedbed_grid::PixelRange;
use seedbed_prep::PrepError;
use serde_json::{Value, json};

/// What opening a reader says of items of files `a.tif` and `b.tif`.
fn read(sandbox: &Sandbox, items: &[Value]) -> Result<f64, PrepError> {
    let series = sandbox.series("value", items)?;
    let mut reader = sandbox.reader(&series, &rules(), "2004")?;
    Ok(reader.read(&[date(2004, 1, 1)])?.values()[0])
}

/// Two items, each with its days and properties.
fn two(a: (&str, Value), b: (&str, Value)) -> Vec<Value> {
    [("a", a), ("b", b)]
        .map(|(id, (days, properties))| {
            let mut item = item(id, days, &format!("{id}.tif"));
            item["bbox"] = json!([-90.2, 45.2, -88.8, 46.2]);
            let all = item["properties"].as_object_mut().unwrap();
            all.extend(properties.as_object().unwrap().clone());
            item
        })
        .into()
}

fn two_files() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 1.0);
    sandbox.cog("b.tif", around(), |_| 2.0);
    sandbox
}

#[test]
fn a_month_and_the_year_that_begins_with_it_do_not_become_one_layer() {
    let sandbox = two_files();
    let items = two(("2004-01-01/2004-01-31", json!({})), ("2004-01-01/2004-12-31", json!({})));
    let error = read(&sandbox, &items).unwrap_err();
    let said = words(&error);
    assert!(error.is_usage(), "{said}");
    for part in ["`value`", "`a`", "`b`", "2004-01-31", "2004-12-31", "--ids"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Not even beside each other.
    sandbox.cog("b.tif", PixelRange { col0: 103, cols: 9, ..around() }, |_| 2.0);
    sandbox.cog("a.tif", PixelRange { cols: 5, ..around() }, |_| 1.0);
    assert!(matches!(read(&sandbox, &items), Err(PrepError::Apart { .. })));
}

#[test]
fn what_values_are_of_keeps_items_of_the_same_ground_apart() {
    let sandbox = two_files();
    let normal = "2004-01-01/2004-12-31";
    for (name, a, b, filter) in [
        ("scenario", json!("rcp45"), json!("rcp85"), "scenario = 'rcp45'"),
        ("cmip6:model", json!("CCSM4"), json!("GFDL"), "\"cmip6:model\" = 'CCSM4'"),
        ("month", json!(1), json!(2), "month = 1"),
        ("month", json!(3), Value::Null, "month = 3"),
        ("crop", json!("maize"), json!("rice"), "crop = 'maize'"),
    ] {
        let said = |value: Value| if value.is_null() { json!({}) } else { json!({ name: value }) };
        let error = read(&sandbox, &two((normal, said(a)), (normal, said(b)))).unwrap_err();
        let told = words(&error);
        assert!(
            matches!(error, PrepError::Apart { .. }) && told.contains(name) && told.contains(filter),
            "{told}"
        );
    }
}

#[test]
fn observations_of_one_day_at_different_hours_do_not_hide_each_other() {
    let sandbox = two_files();
    let at = |first: &str, second: &str| {
        let mut items = two(("2004-01-01", json!({})), ("2004-01-01", json!({})));
        for (item, time) in items.iter_mut().zip([first, second]) {
            item["properties"] = json!({ "datetime": time });
        }
        items
    };
    let hours = at("2004-01-01T00:00:00Z", "2004-01-01T06:00:00Z");
    let error = read(&sandbox, &hours).unwrap_err();
    let said = words(&error);
    assert!(matches!(error, PrepError::Apart { .. }) && error.is_usage(), "{said}");
    for part in ["`a`", "`b`", "2004-01-01T06:00:00Z", "same pixels"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Scenes of one pass, and one scene twice.
    assert_eq!(read(&sandbox, &at("2004-01-01T10:00:00Z", "2004-01-01T10:00:24Z")).unwrap(), 1.0);
    assert_eq!(read(&sandbox, &at("2004-01-01T10:00:00Z", "2004-01-01T10:00:00Z")).unwrap(), 1.0);
    // Neighbours.
    sandbox.cog("b.tif", PixelRange { col0: 103, cols: 9, ..around() }, |_| 2.0);
    sandbox.cog("a.tif", PixelRange { cols: 5, ..around() }, |_| 1.0);
    assert_eq!(read(&sandbox, &hours).unwrap(), 1.0);
}

#[test]
fn granules_of_one_day_are_merged_whatever_their_observations_are_called() {
    let sandbox = two_files();
    let day = "2004-01-01";
    for properties in [
        [json!({ "platform": "landsat-8" }), json!({ "platform": "sentinel-2a" })],
        [json!({ "s2:datastrip_id": "x", "eo:cloud_cover": 3 }), json!({ "s2:datastrip_id": "y" })],
        [json!({ "scene_id": "x", "sun_azimuth": 3 }), json!({ "scene_id": "y", "sun_azimuth": 4 })],
    ] {
        let [a, b] = properties;
        assert_eq!(read(&sandbox, &two((day, a), (day, b))).unwrap(), 1.0);
    }
    // One begins before midnight and ends behind it.
    let mut items = two((day, json!({})), (day, json!({})));
    items[0]["properties"]["start_datetime"] = json!("2004-01-01T23:58:00Z");
    items[0]["properties"]["end_datetime"] = json!("2004-01-02T00:03:00Z");
    assert_eq!(read(&sandbox, &items).unwrap(), 2.0);
    // Tiles of what was composited have the days that each of them has.
    let month = |end: &str| (format!("2004-01-01/{end}"), json!({ "seedbed:period": "month-01" }));
    let (west, east) = (month("2006-01-31"), month("2007-01-31"));
    assert_eq!(read(&sandbox, &two((&west.0, west.1), (&east.0, east.1))).unwrap(), 1.0);
}
