//! Runs of one pixel, and settings.

use crate::support::weather;
use seedbed_block::date;
use seedbed_model::point::{Columns, Disorder, run_point};
use seedbed_model::{Model, ModelError, SettingValue, find, model, models};

fn veget() -> &'static dyn Model {
    model("veget").unwrap()
}

fn soil() -> Vec<(String, SettingValue)> {
    let pairs = [("whc", "120"), ("field_capacity", "300"), ("saturation", "400"), ("interception", "10")];
    pairs.map(|(k, v)| (k.to_owned(), SettingValue::Text(v.to_owned()))).into()
}

fn with(name: &str, value: &str) -> Vec<(String, SettingValue)> {
    let mut set = soil();
    set.push((name.to_owned(), SettingValue::Text(value.to_owned())));
    set
}

fn columns(count: usize) -> Columns {
    let case = weather(21, 1, count);
    let names = ["ppt", "tmin", "tmax", "tavg", "ndvi", "eto"];
    let columns = names.iter().zip(case.inputs).map(|(n, v)| ((*n).to_owned(), v.unwrap())).collect();
    Columns { dates: case.dates, columns }
}

fn without(table: &Columns, name: &str) -> Columns {
    let columns = table.columns.iter().filter(|c| c.0 != name).cloned().collect();
    Columns { dates: table.dates.clone(), columns }
}

fn error(set: &[(String, SettingValue)], forcing: &Columns) -> String {
    run_point(veget(), set, forcing).unwrap_err().to_string()
}

#[test]
fn a_column_may_go_by_its_other_name_and_unknown_ones_are_named() {
    let mut table = columns(30);
    let want = run_point(veget(), &soil(), &table).unwrap().output;
    table.columns[5].0 = "pet".to_owned();
    table.columns.push(("remark".to_owned(), vec![0.0; 30]));
    let got = run_point(veget(), &soil(), &table).unwrap();
    assert_eq!(got.output, want);
    assert_eq!(got.ignored, ["remark"]);
    assert_eq!(got.output.columns.len(), 13);
}

#[test]
fn without_eto_a_latitude_and_a_bias_of_its_own_are_needed() {
    let table = without(&columns(30), "eto");
    assert!(
        error(&with("latitude", "44"), &table).contains("`bias_corr` must be set where `eto` is computed")
    );
    assert!(error(&with("bias_corr", "1"), &table).contains("`latitude`"));
    let mut set = with("bias_corr", "1");
    set.push(("latitude".to_owned(), SettingValue::Number(44.0)));
    let run = run_point(veget(), &set, &table).unwrap();
    assert_eq!(run.computed, ["eto"]);
    let etc = &run.output.columns.iter().find(|c| c.0 == "etc").unwrap().1;
    assert!(etc.iter().all(|v| *v > 0.0 && *v < 10.0));
}

#[test]
fn an_unknown_setting_names_the_nearest() {
    let text = error(&with("melt_facter", "0.05"), &columns(3));
    assert_eq!(text, "model veget has no setting `melt_facter`; nearest: melt_factor");
    let text = error(&with("saturatoin", "5"), &columns(3));
    assert!(text.ends_with("nearest: saturation"), "{text}");
    let text = error(&with("variant", "refrence"), &columns(3));
    assert!(text.ends_with("nearest: reference"), "{text}");
    assert!(matches!(find("veg"), Err(ModelError::UnknownModel { .. })));
}

#[test]
fn a_setting_of_the_wrong_kind_or_size_is_refused() {
    assert!(error(&with("rf_coeff", "much"), &columns(3)).contains("must be a number"));
    assert!(error(&with("rf_coeff", "1.5"), &columns(3)).contains("outside 0 to 1"));
    assert!(error(&with("rf_coeff", "NaN"), &columns(3)).contains("must be a number"));
    assert!(error(&with("hold_missing", "1.5"), &columns(3)).contains("true or false"));
    assert!(error(&with("latitude", "144"), &columns(3)).contains("outside -90 to 90 degree"));
}

#[test]
fn what_exceeds_its_counterpart_is_refused() {
    let mut set = with("rf_low_thresh_temp", "8");
    set.push(("rf_high_thresh_temp".to_owned(), SettingValue::Number(2.0)));
    let said =
        "`rf_low_thresh_temp` is 8 degC, more than `rf_high_thresh_temp`, which is 2; are the two swapped?";
    assert_eq!(error(&set, &columns(3)), said);
    assert!(run_point(veget(), &with("rf_low_thresh_temp", "6"), &columns(3)).is_ok());
    for variant in ["default", "reference"] {
        let mut set = with("variant", variant);
        set[1].1 = SettingValue::Number(500.0);
        let said = error(&set, &columns(3));
        assert!(
            said.starts_with("`field_capacity` is 500 mm, more than `saturation`, which is 400"),
            "{said}"
        );
    }
}

#[test]
fn days_in_the_wrong_order_are_counted_and_refused_where_they_are_most() {
    let mut table = columns(30);
    let (tmin, tmax) = (table.columns[1].1[4], table.columns[2].1[4]);
    (table.columns[1].1[4], table.columns[2].1[4]) = (tmax, tmin);
    let run = run_point(veget(), &soil(), &table).unwrap();
    let one = Disorder { lesser: "tmin", greater: "tmax", days: 1, of: 30, first: date(2003, 10, 5) };
    assert_eq!(run.disorders[0], one);
    assert!(run_point(veget(), &soil(), &columns(30)).unwrap().disorders.is_empty());
    let (tmin, tmax) = (table.columns[1].1.clone(), table.columns[2].1.clone());
    (table.columns[1].1, table.columns[2].1) = (tmax, tmin);
    for variant in ["default", "reference", "master"] {
        let said = error(&with("variant", variant), &table);
        let wanted = "`tmin` exceeds `tmax` on 29 of 30 days, first on 2003-10-01; are the two swapped?";
        assert_eq!(said, wanted);
    }
}

#[test]
fn a_mask_is_no_fraction() {
    assert_eq!(
        error(&with("water", "0.5"), &columns(3)),
        "`water` is 0.5, but it is a mask: 0 or 1, and nothing between"
    );
    assert!(run_point(veget(), &with("water", "1"), &columns(3)).is_ok());
}

#[test]
fn a_setting_that_the_original_reads_and_never_uses_changes_nothing() {
    let with_it = run_point(veget(), &with("dc_coeff", "0.2"), &columns(3)).unwrap();
    let without = run_point(veget(), &with("rf_coeff", "0.35"), &columns(3)).unwrap();
    assert_eq!(with_it.output, without.output);
}

#[test]
fn spring_indices_are_those_of_the_northern_hemisphere() {
    let table = columns(30);
    for (latitude, refused) in [("-33", true), ("0", false), ("33", false)] {
        let set = [("variant", "npn"), ("latitude", latitude)];
        let set = set.map(|(k, v)| (k.to_owned(), SettingValue::Text(v.to_owned())));
        let ran = run_point(model("spring-index").unwrap(), &set, &table);
        assert_eq!(ran.is_err(), refused, "{latitude}");
        if let Err(error) = ran {
            let said = error.to_string();
            assert!(said.starts_with("`latitude` is -33, outside 0 to 90 degree"), "{said}");
            assert!(said.contains("northern hemisphere"), "{said}");
        }
    }
}

#[test]
fn pure_numbers_have_no_unit_in_a_sentence() {
    let said = error(&with("rf_coeff", "1.5"), &columns(3));
    assert!(said.contains("outside 0 to 1 (surface share"), "{said}");
}

#[test]
fn kelvin_is_refused_in_every_variant() {
    let mut table = columns(30);
    for column in &mut table.columns[1..4] {
        column.1.iter_mut().for_each(|v| *v += 273.15);
    }
    for variant in ["default", "reference", "master"] {
        let text = error(&with("variant", variant), &table);
        assert!(text.starts_with("`tmin on 2003-10-01` is 2") && text.contains("degC"), "{text}");
    }
}

#[test]
fn single_fill_values_pass_only_where_another_program_is_reproduced() {
    let mut table = columns(30);
    table.columns[0].1[7] = -9999.0;
    assert!(error(&soil(), &table).contains("`ppt on 2003-10-08` is -9999"));
    assert!(run_point(veget(), &with("variant", "reference"), &table).is_ok());
}

#[test]
fn rows_that_skip_or_repeat_days_are_refused() {
    let mut table = columns(30);
    table.dates[29] = date(2003, 11, 30);
    assert!(error(&soil(), &table).contains("missing"));
    table.dates[29] = table.dates[28];
    assert!(error(&soil(), &table).contains("days must increase"));
}

#[test]
fn every_spec_is_consistent() {
    for model in models() {
        let spec = model.spec();
        for list in [&spec.inputs, &spec.statics] {
            for input in list {
                assert!(input.range.0 < input.range.1 && !input.doc.is_empty(), "{}", input.name);
            }
        }
        for p in &spec.parameters {
            let default = p.default.unwrap();
            assert!(p.range.0 <= default && default <= p.range.1, "{}", p.name);
        }
        for s in &spec.switches {
            assert!(s.on_in.iter().all(|v| spec.variant(v).is_ok()), "{}", s.name);
        }
        let mut names: Vec<&str> = spec.inputs.iter().chain(&spec.statics).map(|i| i.name).collect();
        names.extend(spec.inputs.iter().chain(&spec.statics).flat_map(|i| i.aliases));
        names.extend(spec.parameters.iter().map(|p| p.name).chain(spec.switches.iter().map(|s| s.name)));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name means one thing in {}", spec.name);
        for (lesser, greater) in spec.orders {
            let parameters = [lesser, greater].map(|name| spec.parameters.iter().any(|p| p.name == *name));
            let inputs = [lesser, greater].map(|name| spec.input(name).is_some());
            let statics = [lesser, greater].map(|name| spec.static_input(name).is_some());
            assert!([parameters, inputs, statics].contains(&[true, true]), "{lesser} and {greater}");
        }
        assert!(serde_json::to_string(spec).is_ok());
    }
}
