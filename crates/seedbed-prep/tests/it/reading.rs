//! Series onto a tile: which values, on which days, from which files.

use crate::support::{Layers, Sandbox, TILE, around, item, item_with, range, rules, words};
use seedbed_block::{Conversion, Date, Period, Unit, date};
use seedbed_grid::PixelRange;
use seedbed_prep::{LeapRule, PrepError, Rules, Sane, TimeRule};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, Resampling};
use seedbed_storage::{Checksum, Function};
use serde_json::json;
use std::fs;
use std::process::Command;

/// The value of every pixel of the first layer, where they are all the same.
fn only(values: &[f64]) -> f64 {
    assert!(values.iter().all(|v| v.to_bits() == values[0].to_bits()), "{values:?}");
    values[0]
}

fn days(period: &str) -> Vec<Date> {
    period.parse::<Period>().unwrap().days().collect()
}

fn one(sandbox: &Sandbox, assets: &serde_json::Value, rules: &Rules) -> Result<f64, PrepError> {
    let series = sandbox.series("value", &[item_with("a", "2004-01-01", assets)])?;
    let block = sandbox.reader(&series, rules, "2004-01-01")?.read(&[date(2004, 1, 1)])?;
    Ok(only(block.values()))
}

#[test]
fn stored_values_are_scaled_by_file_or_project_and_then_converted_but_not_scaled_twice() {
    let sandbox = Sandbox::new();
    let stored = CogOptions { dtype: DType::Int16, scale: 0.5, nodata: Some(-1.0), ..CogOptions::default() };
    sandbox.cog_with("a.tif", around(), &vec![3.0; around().shape().len()], &stored);
    let with = Rules { unit: Some(Unit::Inch), adjust: Conversion { scale: 2.0, offset: 1.0 }, ..rules() };
    let plain = Rules { adjust: Conversion::IDENTITY, ..with.clone() };
    let asset = json!({ "value": { "href": "./a.tif" } });
    let value = one(&sandbox, &asset, &plain).unwrap();
    assert!((value - 3.0 * 25.4).abs() < 1e-12, "{value}");
    let error = one(&sandbox, &asset, &with).unwrap_err();
    assert!(matches!(error, PrepError::Scaled { stated: (0.5, 0.0), given: (2.0, 1.0), .. }), "{error}");
    assert!(error.is_usage() && error.to_string().ends_with("remove them from the project"), "{error}");
    sandbox.cog("b.tif", around(), |_| 3.0);
    let value = one(&sandbox, &json!({ "value": { "href": "./b.tif" } }), &with).unwrap();
    assert!((value - (3.0 * 2.0 + 1.0) * 25.4).abs() < 1e-12, "{value}");
    let by_item = json!({ "value": { "href": "./b.tif", "bands": [{ "raster:scale": 0.1 }] } });
    assert!(matches!(one(&sandbox, &by_item, &with), Err(PrepError::Scaled { .. })));
}

#[test]
fn a_local_file_is_held_to_the_checksum_that_its_item_states() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 3.0);
    let bytes = fs::read(sandbox.path("a.tif")).unwrap();
    let stating = |checksum: String| json!({ "value": { "href": "./a.tif", "bands": [{ "unit": "mm" }], "file:checksum": checksum } });
    for function in [Function::Sha256, Function::Md5] {
        let stated = Checksum::of(function, &bytes).multihash();
        assert_eq!(one(&sandbox, &stating(stated), &rules()).unwrap(), 3.0);
        let other = Checksum::of(function, b"another").multihash();
        let error = one(&sandbox, &stating(other.clone()), &rules()).unwrap_err();
        assert!(matches!(&error, PrepError::Checksum { stated, .. } if *stated == other), "{error}");
    }
    // Of the same size, and changed since it was digested.
    let stated = stating(Checksum::of_bytes(&bytes).multihash());
    sandbox.cog("a.tif", around(), |_| 4.0);
    let error = one(&sandbox, &stated, &rules()).unwrap_err();
    assert!(error.to_string().contains("fetch it again"), "{error}");
}

#[test]
fn an_item_may_state_an_offset_without_a_scale() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 3.0);
    let asset = json!({ "value": { "href": "./a.tif", "bands": [{ "unit": "mm", "raster:offset": 10.0 }] } });
    assert_eq!(one(&sandbox, &asset, &rules()).unwrap(), 13.0);
}

#[test]
fn of_several_bands_one_has_to_be_named() {
    let sandbox = Sandbox::new();
    sandbox.cog("one.tif", around(), |_| 3.0);
    let (one_band, two_bands) = (sandbox.path("one.tif"), sandbox.path("two.tif"));
    let twice = ["-q", "-b", "1", "-b", "1"];
    let made = Command::new("gdal_translate").args(twice).arg(one_band).arg(two_bands).status();
    if made.is_err() {
        println!("skipped: gdal_translate isn't installed");
        return;
    }
    let asset = |bands: serde_json::Value| json!({ "value": { "href": "./two.tif", "bands": bands } });
    let told = words(&one(&sandbox, &asset(json!([{ "unit": "mm" }])), &rules()).unwrap_err());
    assert!(told.contains("two.tif") && told.contains("`bands[0].name`"), "{told}");
    let named = |name: &str| one(&sandbox, &asset(json!([{ "name": name, "unit": "mm" }])), &rules());
    assert_eq!(named("band 2").unwrap(), 3.0);
    let told = words(&named("band 3").unwrap_err());
    assert!(told.contains("band 1, band 2"), "{told}");
}

#[test]
fn bands_without_names_are_those_of_the_item_in_its_order() {
    let sandbox = Sandbox::new();
    for (name, value) in [("1.tif", 3.0), ("2.tif", 4.0)] {
        sandbox.cog(name, around(), |_| value);
    }
    let put = ["-q", "-separate"];
    let (vrt, tif) = (sandbox.path("both.vrt"), sandbox.path("both.tif"));
    let files = [sandbox.path("1.tif"), sandbox.path("2.tif")];
    let made = Command::new("gdalbuildvrt").args(put).arg(&vrt).args(&files).status();
    if made.is_err() {
        println!("skipped: gdalbuildvrt isn't installed");
        return;
    }
    assert!(Command::new("gdal_translate").arg("-q").args([&vrt, &tif]).status().unwrap().success());
    let read = |key: &str, names: &[&str]| {
        let bands: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        let asset = json!({ "href": "./both.tif", "unit": "mm", key: bands });
        one(&sandbox, &json!({ "value": asset }), &rules())
    };
    assert_eq!(read("bands", &["red", "green"]).unwrap(), 3.0);
    assert_eq!(read("eo:bands", &["B04", "B03"]).unwrap(), 3.0);
    let told = words(&read("bands", &["red"]).unwrap_err());
    assert!(told.contains("no variable `red`") && told.contains("band 1, band 2"), "{told}");
}

#[test]
fn the_user_word_on_units_goes_before_the_item_and_the_item_must_not_contradict_the_file() {
    let sandbox = Sandbox::new();
    sandbox.netcdf("a.nc", &[date(2004, 1, 1)], &uniform(around(), &[2.0]));
    let claimed = |unit: &str| json!({ "value": { "href": "./a.nc", "bands": [{ "unit": unit }] } });
    assert_eq!(one(&sandbox, &claimed("kg m-2"), &rules()).unwrap(), 2.0);
    let said = words(&one(&sandbox, &claimed("inch"), &rules()).unwrap_err());
    assert!(said.contains("a.nc") && said.contains("inch") && said.contains("set `unit`"), "{said}");
    let by_user = Rules { unit: Some(Unit::Inch), ..rules() };
    assert_eq!(one(&sandbox, &claimed("mm"), &by_user).unwrap(), 2.0 * 25.4);
}

#[test]
fn a_series_without_any_unit_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| 3.0);
    let said = words(&one(&sandbox, &json!({ "value": { "href": "./a.tif" } }), &rules()).unwrap_err());
    assert!(
        said.contains("states a unit") && said.contains("a.tif") && said.contains("set `unit`"),
        "{said}"
    );
}

#[test]
fn a_value_out_of_range_is_named_with_its_file_and_day() {
    let sandbox = Sandbox::new();
    sandbox.netcdf("a.nc", &days("2004-01-01/2004-01-03"), &uniform(around(), &[1.0, 2.0, 300.0]));
    let series = sandbox.series("value", &[item("a", "2004-01-01/2004-01-03", "a.nc")]).unwrap();
    let sane = Sane { low: 0.0, high: 60.0, tolerated: 0.0 };
    let rules = Rules { sane: Some(sane), ..rules() };
    let mut reader = sandbox.reader(&series, &rules, "2004-01").unwrap();
    let said = words(&reader.read(&days("2004-01-01/2004-01-03")).unwrap_err());
    for part in ["300 mm", "2004-01-03", "a.nc", "0..60", "west"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn of_assets_on_one_day_the_first_by_id_wins_and_the_others_fill_its_gaps() {
    let sandbox = Sandbox::new();
    let west = PixelRange { cols: 4, ..around() };
    sandbox.cog("b.tif", around(), |_| 2.0);
    // Four columns from the margin on: two of the tile's.
    sandbox.cog("a.tif", west, |_| 1.0);
    let items = [item("z", "2004-01-01", "b.tif"), item("a", "2004-01-01", "a.tif")];
    let read = |items: &[serde_json::Value]| {
        let series = sandbox.series("value", items).unwrap();
        let mut reader = sandbox.reader(&series, &rules(), "2004-01-01").unwrap();
        reader.read(&[date(2004, 1, 1)]).unwrap().values().to_vec()
    };
    let values = read(&items);
    assert_eq!(values[..TILE.cols], [1.0, 1.0, 2.0, 2.0, 2.0]);
    let [first, second] = items;
    assert_eq!(read(&[second, first]), values);
}

#[test]
fn two_layers_of_one_day_in_one_file_are_refused() {
    let sandbox = Sandbox::new();
    let day = date(2004, 1, 1);
    sandbox.netcdf("a.nc", &[day, day], &uniform(around(), &[1.0, 2.0]));
    let series = sandbox.series("value", &[item("a", "2004-01-01", "a.nc")]).unwrap();
    let said = words(&sandbox.reader(&series, &rules(), "2004-01-01").err().expect("two values for a day"));
    assert!(said.contains("a.nc") && said.contains("2004-01-01"), "{said}");
}

#[test]
fn layers_of_several_files_are_the_same_in_whatever_pieces_they_are_read() {
    let sandbox = Sandbox::new();
    let all = days("2004-01-01/2004-01-06");
    let halves = [PixelRange { cols: 5, ..around() }, PixelRange { col0: 103, cols: 9, ..around() }];
    for (name, at, base) in [("w.nc", halves[0], 0.0), ("e.nc", halves[1], 100.0)] {
        let layers: Vec<f64> = (0..6).map(|n| base + f64::from(n)).collect();
        sandbox.netcdf(name, &all, &uniform(at, &layers));
    }
    let span = "2004-01-01/2004-01-06";
    let series = sandbox.series("value", &[item("w", span, "w.nc"), item("x", span, "e.nc")]).unwrap();
    let whole = sandbox.reader(&series, &rules(), span).unwrap().read(&all).unwrap();
    assert_eq!(whole.layer(5).unwrap()[..TILE.cols], [5.0, 5.0, 5.0, 105.0, 105.0]);
    let mut reader = sandbox.reader(&series, &rules(), span).unwrap();
    for (n, day) in all.iter().enumerate().rev() {
        assert_eq!(reader.read(&[*day]).unwrap().values(), whole.layer(n).unwrap());
    }
}

#[test]
fn an_asset_whose_grid_lies_elsewhere_is_no_data_for_the_tile() {
    let sandbox = Sandbox::new();
    // No box in the item: only the file tells that it lies far away.
    sandbox.cog("far.tif", PixelRange { row0: 200, col0: 300, rows: 4, cols: 4 }, |_| 1.0);
    sandbox.cog("near.tif", around(), |_| 1.0);
    let far = item("far", "2004-01-02", "far.tif");
    let series = sandbox.series("value", std::slice::from_ref(&far)).unwrap();
    let refused = sandbox.reader(&series, &rules(), "2004-01");
    assert!(matches!(refused, Err(PrepError::Outside { .. })));
    let series = sandbox.series("value", &[item("near", "2004-01-01", "near.tif"), far]).unwrap();
    let reader = sandbox.reader(&series, &rules(), "2004-01").unwrap();
    let said = words(&reader.check("2004-01-01/2004-01-02".parse().unwrap()).unwrap_err());
    assert!(said.contains("2004-01-02"), "{said}");
    assert_eq!(reader.missing_days("2004-01-01/2004-01-02".parse().unwrap()), [date(2004, 1, 2)]);
    assert!(reader.unit_errors().is_empty());
    let kelvin = Rules { wanted: Some(Unit::Kelvin), ..rules() };
    let errors = sandbox.reader(&series, &kelvin, "2004-01").unwrap().unit_errors();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].0.to_string(), "2004-01-01/2004-01-01");
    assert!(matches!(errors[0].1, PrepError::Unit { .. }), "{:?}", errors[0].1);
}

/// One yearly file without 31 December in the leap year, as Daymet's.
fn daymet(
    sandbox: &Sandbox,
    leap: LeapRule,
    period: &str,
) -> Result<seedbed_prep::TileReader<'static, f64>, PrepError> {
    let kept = days("2004-12-28/2004-12-30");
    sandbox.netcdf("2004.nc", &kept, &uniform(around(), &[28.0, 29.0, 30.0]));
    sandbox.netcdf("2005.nc", &[date(2005, 1, 1)], &uniform(around(), &[1.0]));
    let items = [item("2004", "2004-12-28/2004-12-30", "2004.nc"), item("2005", "2005-01-01", "2005.nc")];
    let series = sandbox.series("value", &items)?;
    sandbox.reader(&series, &Rules { leap, ..rules() }, period)
}

#[test]
fn a_day_the_calendar_leaves_out_repeats_the_day_before_wherever_a_piece_starts() {
    let sandbox = Sandbox::new();
    let left_out = date(2004, 12, 31);
    let mut reader = daymet(&sandbox, LeapRule::Repeat, "2004-12-28/2005-01-01").unwrap();
    let whole = reader.read(&days("2004-12-28/2005-01-01")).unwrap();
    assert_eq!(only(whole.layer(3).unwrap()), 30.0);
    assert_eq!(only(reader.read(&[left_out]).unwrap().values()), 30.0);
    // The day before the piece's day may not be the day asked for before it.
    let apart = reader.read(&[date(2004, 12, 28), left_out]).unwrap();
    assert_eq!(only(apart.layer(1).unwrap()), 30.0);
    // Nor need it belong to the run at all.
    let mut reader = daymet(&sandbox, LeapRule::Repeat, "2004-12-31/2005-01-01").unwrap();
    assert_eq!(only(reader.read(&[left_out]).unwrap().values()), 30.0);
}

#[test]
fn a_day_the_calendar_leaves_out_is_missing_or_an_error_as_declared() {
    let sandbox = Sandbox::new();
    let run: Period = "2004-12-28/2005-01-01".parse().unwrap();
    let mut reader = daymet(&sandbox, LeapRule::Missing, "2004-12-28/2005-01-01").unwrap();
    reader.check(run).unwrap();
    assert!(only(reader.read(&[date(2004, 12, 31)]).unwrap().values()).is_nan());
    let reader = daymet(&sandbox, LeapRule::Error, "2004-12-28/2005-01-01").unwrap();
    assert!(words(&reader.check(run).unwrap_err()).contains("2004-12-31"));
}

#[test]
fn a_repeated_day_needs_the_day_before() {
    let sandbox = Sandbox::new();
    sandbox.netcdf("2005.nc", &[date(2005, 1, 1)], &uniform(around(), &[1.0]));
    let series = sandbox.series("value", &[item("2005", "2005-01-01", "2005.nc")]).unwrap();
    let rules = Rules { leap: LeapRule::Repeat, ..rules() };
    let mut reader = sandbox.reader(&series, &rules, "2004-12-31/2005-01-01").unwrap();
    assert!(reader.check("2004-12-31/2005-01-01".parse().unwrap()).is_err());
    assert!(reader.read(&[date(2004, 12, 31)]).is_err());
}

#[test]
fn a_leap_rule_stands_in_for_no_day_that_the_series_calendar_has() {
    let sandbox = Sandbox::new();
    let mut items = Vec::new();
    for day in ["2000-02-29", "2000-12-31", "2004-02-28", "2004-03-01", "2004-12-30", "2005-01-01"] {
        sandbox.cog(&format!("{day}.tif"), around(), |_| 1.0);
        items.push(item(day, day, &format!("{day}.tif")));
    }
    let series = sandbox.series("value", &items).unwrap();
    let rules = Rules { leap: LeapRule::Repeat, ..rules() };
    let reader = sandbox.reader(&series, &rules, "2000-01-01/2005-01-01").unwrap();
    for lost in ["2004-02-29", "2004-12-31"] {
        let refused = reader.check(lost.parse().unwrap());
        assert!(refused.is_err(), "{lost} was lost, not left out: the series has that day in 2000");
    }
}

#[test]
fn composites_are_the_same_in_whatever_pieces_the_days_are_read() {
    let sandbox = Sandbox::new();
    let starts = days("2003-12-03/2004-04-07").into_iter().step_by(16).collect::<Vec<_>>();
    let mut items = Vec::new();
    for (n, start) in starts.iter().enumerate() {
        let masked = |i: usize| {
            i.is_multiple_of(3) && (n == 2 || n == 3) || i.is_multiple_of(5) && (2..6).contains(&n)
        };
        sandbox.cog(&format!("{start}.tif"), around(), |i| {
            if masked(i) { f64::NAN } else { f64::from(u32::try_from(n * n + i).unwrap()) / 7.0 }
        });
        let end = start.saturating_add(jiff::Span::new().days(15));
        items.push(item(&start.to_string(), &format!("{start}/{end}"), &format!("{start}.tif")));
    }
    for time in [TimeRule::Composite, TimeRule::CompositeLegacy] {
        let series = sandbox.series("value", &items).unwrap();
        let run = "2004-01-01/2004-03-20";
        let rules = Rules { time, ..rules() };
        let mut reader = sandbox.reader(&series, &rules, run).unwrap();
        reader.check(run.parse().unwrap()).unwrap();
        let all = days(run);
        let whole = reader.read(&all).unwrap();
        let missing = whole.values().iter().filter(|v| v.is_nan()).count();
        assert!(missing > 0 && missing < whole.values().len() / 4, "{missing}");
        for piece in [1, 7, 16, 33] {
            let mut reader = sandbox.reader(&series, &rules, run).unwrap();
            let mut values = Vec::new();
            for part in all.chunks(piece) {
                values.extend_from_slice(reader.read(part).unwrap().values());
            }
            let same = values.iter().zip(whole.values()).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "in pieces of {piece} days by {time:?}");
        }
    }
}

#[test]
fn the_last_days_need_a_composite_behind_them() {
    let sandbox = Sandbox::new();
    let mut items = Vec::new();
    for start in ["2004-01-01", "2004-01-17"] {
        sandbox.cog(&format!("{start}.tif"), around(), |_| 1.0);
        items.push(item(start, start, &format!("{start}.tif")));
    }
    let series = sandbox.series("value", &items).unwrap();
    let rules = Rules { time: TimeRule::Composite, ..rules() };
    let reader = sandbox.reader(&series, &rules, "2004-01-01/2004-01-18").unwrap();
    reader.check("2004-01-01/2004-01-17".parse().unwrap()).unwrap();
    assert!(
        words(&reader.check("2004-01-01/2004-01-18".parse().unwrap()).unwrap_err()).contains("2004-01-18")
    );
    assert!(reader.check("2003-12-31/2004-01-18".parse().unwrap()).is_err());
}

#[test]
fn a_static_field_has_one_layer() {
    let sandbox = Sandbox::new();
    sandbox.netcdf("a.nc", &days("2004-01-01/2004-01-02"), &uniform(around(), &[1.0, 2.0]));
    let at = seedbed_storage::Location::Local(sandbox.path("a.nc"));
    let series = seedbed_prep::Series::from_file("whc", &at, &sandbox.spool()).unwrap();
    let read = seedbed_prep::TileReader::<f64>::open_static(
        &series,
        crate::support::target("west"),
        rules(),
        seedbed_prep::Plans::default(),
        &sandbox.spool(),
        &seedbed_raster::Proj,
    )
    .and_then(|mut reader| reader.read_static());
    let said = words(&read.unwrap_err());
    assert!(said.contains("a.nc") && said.contains("2 layers"), "{said}");
}

#[test]
fn nearest_takes_the_pixel_that_holds_the_centre() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |i| f64::from(u32::try_from(i).unwrap()));
    let series = sandbox.series("value", &[item("a", "2004-01-01", "a.tif")]).unwrap();
    for resampling in [Resampling::Nearest, Resampling::Bilinear, Resampling::Average] {
        let rules = Rules { resampling, ..rules() };
        let block = sandbox.reader(&series, &rules, "2004-01-01").unwrap().read(&[date(2004, 1, 1)]).unwrap();
        let corner =
            (range("west").row0 - around().row0) * around().cols + range("west").col0 - around().col0;
        let expected = f64::from(i32::try_from(corner).unwrap());
        assert!((block.values()[0] - expected).abs() < 1e-6, "{resampling:?} {}", block.values()[0]);
    }
}

/// Layers of one value each.
fn uniform(at: PixelRange, values: &[f64]) -> Layers {
    Layers { at, values: values.iter().map(|v| vec![*v; at.shape().len()]).collect() }
}
