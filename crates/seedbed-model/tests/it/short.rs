//! The short models, and reference ET as one of the models.

use crate::support::{Case, Random, bits, days, run, run_in_pieces, settings, weather};
use seedbed_block::{Precision, date};
use seedbed_model::reference_et::{Day, Latitude, SolarDay, saturation};
use seedbed_model::{Model, model};

fn temperatures(count: usize, tmin: impl Fn(usize) -> f64, tmax: impl Fn(usize) -> f64) -> Case {
    let inputs = vec![Some((0..count).map(tmin).collect()), Some((0..count).map(tmax).collect())];
    Case { pixels: 1, dates: days(date(2003, 12, 30), count), statics: Vec::new(), inputs }
}

#[test]
fn degree_days_are_summed_from_new_year_and_leave_missing_days_out() {
    let gdd = model("growing-degree-days").unwrap();
    let case = temperatures(6, |d| if d == 4 { f64::NAN } else { 8.0 }, |d| 20.0 + 4.0 * d as f64);
    let out = |pairs: &[(&str, &str)]| run(gdd, &settings(gdd, pairs), &case, Precision::Double);
    let plain = out(&[]);
    let (day, total) = (plain[0].as_ref().unwrap(), plain[1].as_ref().unwrap());
    assert_eq!(day[..4], [4.0, 6.0, 8.0, 9.0]);
    assert!(day[4].is_nan());
    assert_eq!(*total, [4.0, 10.0, 8.0, 17.0, 17.0, 26.0]);
    assert_eq!(out(&[("cut_below", "true")])[0].as_ref().unwrap()[0], 5.0);
    assert_eq!(out(&[("base", "15"), ("upper", "50")])[0].as_ref().unwrap()[5], 9.0);
    assert_eq!(out(&[("base", "30"), ("upper", "50")])[0].as_ref().unwrap()[0], 0.0);
}

#[test]
fn an_anomaly_is_the_difference_to_the_normal() {
    let anomaly = model("temperature-anomaly").unwrap();
    let case = temperatures(3, |d| d as f64, |d| if d == 1 { f64::NAN } else { 0.5 });
    let out = run(anomaly, &settings(anomaly, &[]), &case, Precision::Single);
    let got = out[0].as_ref().unwrap();
    assert!(got[0] == -0.5 && got[1].is_nan() && got[2] == 1.5);
}

/// Weather for every input of reference ET, some of it missing.
fn all_inputs(seed: u64, pixels: usize, count: usize) -> Case {
    let mut r = Random(seed);
    let mut case = weather(seed, pixels, count);
    let (tmin, tmax) = (case.inputs[1].clone(), case.inputs[2].clone());
    let ranges = [(20.0, 400.0), (30_000.0, 60_000.0), (0.05, 1.5), (0.0, 9.0)];
    let mut draw = |(low, high)| {
        let value = |_| if r.unit() < 0.01 { f64::NAN } else { r.between(low, high) };
        Some((0..pixels * count).map(value).collect::<Vec<f64>>())
    };
    case.inputs = vec![tmin, tmax];
    case.inputs.extend(ranges.map(&mut draw));
    case.statics = vec![Some(vec![40.0; pixels]), Some(vec![500.0; pixels])];
    case
}

fn et() -> &'static dyn Model {
    model("reference-et").unwrap()
}

#[test]
fn radiation_over_daylight_counts_for_as_long_as_daylight_lasts() {
    let mut case = all_inputs(4, 1, 1);
    for (input, value) in [(0, 10.0), (1, 24.0), (2, 500.0), (3, 50_000.0), (4, 1.0), (5, 3.0)] {
        case.inputs[input] = Some(vec![value]);
    }
    let of = |case: &Case, variant: &str| {
        run(et(), &settings(et(), &[("variant", variant)]), case, Precision::Double)[0].as_ref().unwrap()[0]
    };
    let day = |solar, vapour| Day {
        tmin: 10.0,
        tmax: 24.0,
        ra: SolarDay::new(case.dates[0]).radiation(Latitude::of_degrees(40.0)),
        solar,
        vapour,
        elevation: 500.0,
        albedo: 0.23,
    };
    assert_eq!(of(&case, "priestley-taylor"), day(25.0, 1.0).priestley_taylor(1.26));
    let wind = seedbed_model::reference_et::wind_at_two_metres(3.0, 10.0);
    assert_eq!(of(&case, "penman-monteith"), day(25.0, 1.0).penman_monteith(wind, 0.0));
    let mut whole_day = case.clone();
    whole_day.inputs[3] = None;
    whole_day.inputs[4] = None;
    assert_eq!(
        of(&whole_day, "priestley-taylor"),
        day(500.0 * 86_400.0 * 1e-6, saturation(10.0)).priestley_taylor(1.26)
    );
    let mut flat = case.clone();
    flat.statics[1] = None;
    assert!(of(&flat, "hargreaves-samani") > 0.0);
    let refused = run_in_pieces(
        et(),
        &settings(et(), &[("variant", "penman-monteith")]),
        &flat,
        Precision::Double,
        &[],
    );
    assert_eq!(refused.unwrap_err().to_string(), "model reference-et needs static `elevation`");
}

#[test]
fn every_model_cut_anywhere_gives_the_same_bits() {
    let case = all_inputs(12, 5, 120);
    for name in ["reference-et", "growing-degree-days", "temperature-anomaly"] {
        let model = model(name).unwrap();
        let mut case = case.clone();
        case.inputs.truncate(model.spec().inputs.len());
        for variant in model.spec().variants {
            let settings = settings(model, &[("variant", variant.name)]);
            for precision in [Precision::Single, Precision::Double] {
                let whole = run(model, &settings, &case, precision);
                for cuts in [vec![0], vec![1, 92, 93], (1..120).collect()] {
                    let pieces = run_in_pieces(model, &settings, &case, precision, &cuts).unwrap();
                    let of = |run: &crate::support::Run| -> Vec<u64> {
                        run.iter().flatten().flatten().map(|v| bits(*v)).collect()
                    };
                    assert!(of(&whole) == of(&pieces), "{name} {precision:?} cut at {cuts:?}");
                }
            }
        }
    }
}
