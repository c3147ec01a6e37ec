//! Properties of the spring indices.

use crate::support::{Case, Random, bits, days, fingerprint, run, run_in_pieces, settings};
use seedbed_block::{Date, Precision, date};
use seedbed_model::{Model, model};

const VARIANTS: [&str; 4] = ["rsdat", "ault", "npn", "springpheno"];

fn spring() -> &'static dyn Model {
    model("spring-index").unwrap()
}

fn position(name: &str) -> usize {
    spring().spec().output(name).unwrap()
}

/// Weather of a temperate place from a day on, warmer from pixel to pixel, with frosts; the day's
/// length as a triangle over the year. A hundredth is missing in the pixels numbered 3, 13, 23….
fn weather(seed: u64, pixels: usize, first: Date, count: usize) -> Case {
    let mut r = Random(seed);
    let dates = days(first, count);
    let mut inputs = vec![Vec::new(); 3];
    for date in &dates {
        let season = 1.0 - (f64::from(date.day_of_year()) / 183.0 - 1.0).abs();
        for pixel in 0..pixels {
            let warmth = 12.0 * (pixel as f64 / pixels as f64);
            let tmin = -16.0 + warmth + 26.0 * season + r.between(-6.0, 6.0);
            let tmax = tmin + r.between(0.0, 18.0);
            let dayl = 3600.0 * (9.0 + 6.0 * season + r.between(0.0, 0.2));
            for (list, value) in inputs.iter_mut().zip([tmin, tmax, dayl]) {
                let missing = pixel % 10 == 3 && r.unit() < 0.01;
                list.push(if missing { f64::NAN } else { value });
            }
        }
    }
    Case { pixels, dates, statics: vec![None], inputs: inputs.into_iter().map(Some).collect() }
}

fn by_latitude(mut case: Case) -> Case {
    case.inputs[2] = None;
    case.statics[0] = Some((0..case.pixels).map(|i| 30.0 + 20.0 * (i as f64 / case.pixels as f64)).collect());
    case
}

fn all_bits(run: &crate::support::Run) -> Vec<u64> {
    run.iter().flatten().flatten().map(|v| bits(*v)).collect()
}

#[test]
fn a_run_cut_anywhere_gives_the_same_bits() {
    let given = weather(5, 67, date(2003, 1, 1), 500);
    for (variant, case) in
        VARIANTS.into_iter().flat_map(|v| [(v, given.clone()), (v, by_latitude(given.clone()))])
    {
        let settings = settings(spring(), &[("variant", variant)]);
        for precision in [Precision::Single, Precision::Double] {
            let whole = run(spring(), &settings, &case, precision);
            assert!(whole[0].as_ref().unwrap().iter().filter(|v| !v.is_nan()).count() > 60);
            for cuts in [vec![0], vec![1], vec![365], vec![29, 31, 100, 239, 240, 241, 364, 366]] {
                let pieces = run_in_pieces(spring(), &settings, &case, precision, &cuts).unwrap();
                assert!(all_bits(&whole) == all_bits(&pieces), "{variant} {precision:?} cut at {cuts:?}");
            }
        }
    }
    let case = weather(6, 3, date(2003, 1, 1), 380);
    for variant in VARIANTS {
        let settings = settings(spring(), &[("variant", variant)]);
        let whole = run(spring(), &settings, &case, Precision::Single);
        let daily: Vec<usize> = (1..380).collect();
        let pieces = run_in_pieces(spring(), &settings, &case, Precision::Single, &daily).unwrap();
        assert!(all_bits(&whole) == all_bits(&pieces), "{variant} day by day");
    }
}

#[test]
fn pixels_do_not_know_their_neighbours() {
    let case = by_latitude(weather(9, 130, date(2003, 1, 1), 365));
    for variant in VARIANTS {
        let settings = settings(spring(), &[("variant", variant)]);
        let whole = run(spring(), &settings, &case, Precision::Single);
        for pixel in [0, 13, 63, 64, 129] {
            let pick = |v: &Option<Vec<f64>>| {
                v.as_ref().map(|v| v.iter().skip(pixel).step_by(130).copied().collect::<Vec<f64>>())
            };
            let alone = Case {
                pixels: 1,
                dates: case.dates.clone(),
                statics: case.statics.iter().map(pick).collect(),
                inputs: case.inputs.iter().map(pick).collect(),
            };
            let got = run(spring(), &settings, &alone, Precision::Single);
            let want: Vec<_> = whole.iter().map(pick).collect();
            assert!(all_bits(&got) == all_bits(&want), "{variant} pixel {pixel}");
        }
    }
}

#[test]
fn warmth_never_puts_spring_off() {
    let case = weather(21, 60, date(2003, 1, 1), 365);
    for variant in ["rsdat", "springpheno"] {
        let settings = settings(spring(), &[("variant", variant)]);
        let mut before: Option<crate::support::Run> = None;
        for step in 0..5 {
            let mut warmer = case.clone();
            for values in &mut warmer.inputs[..2] {
                values.iter_mut().flatten().for_each(|v| *v += 0.7 * f64::from(step));
            }
            let now = run(spring(), &settings, &warmer, Precision::Double);
            for output in 0..3 {
                let dates = now[output].as_ref().unwrap();
                let earlier = before.iter().flat_map(|b| b[output].as_ref().unwrap());
                assert!(dates.iter().zip(earlier).all(|(now, then)| now <= then || then.is_nan()));
            }
            before = Some(now);
        }
    }
}

#[test]
fn leaf_comes_before_bloom_and_a_mean_between_its_plants() {
    let case = by_latitude(weather(33, 60, date(2003, 1, 1), 730));
    for variant in VARIANTS {
        let out = run(spring(), &settings(spring(), &[("variant", variant)]), &case, Precision::Double);
        let values = |name: &str| out[position(name)].as_ref().unwrap();
        let mut seen = 0;
        for cell in 0..2 * case.pixels {
            let of = |event: &str| {
                ["lilac", "arnoldred", "zabelli"].map(|plant| values(&format!("first_{event}_{plant}"))[cell])
            };
            for (leaf, bloom) in of("leaf").into_iter().zip(of("bloom")) {
                assert!(leaf < bloom || bloom.is_nan());
            }
            for event in ["leaf", "bloom"] {
                let (plants, mean) = (of(event), values(&format!("first_{event}_mean"))[cell]);
                let low = plants.iter().copied().fold(f64::INFINITY, f64::min);
                let high = plants.iter().copied().fold(0.0, f64::max);
                assert!(mean.is_nan() || (low <= mean && mean <= high), "{plants:?} {mean}");
                seen += usize::from(!mean.is_nan());
            }
        }
        assert!(seen > 150, "{variant}: {seen}");
    }
}

#[test]
fn a_year_that_lacks_a_day_has_no_dates_and_the_next_one_has() {
    for (first, left_out) in [(date(2003, 1, 2), None), (date(2003, 1, 1), Some(40))] {
        let mut case = by_latitude(weather(1, 4, first, 760));
        if let Some(day) = left_out {
            case.dates.remove(day);
            for values in case.inputs.iter_mut().flatten() {
                values.drain(day * 4..(day + 1) * 4);
            }
        }
        for variant in VARIANTS {
            let out = run(spring(), &settings(spring(), &[("variant", variant)]), &case, Precision::Double);
            for values in out.iter().flatten() {
                assert!(values[..4].iter().all(|v| v.is_nan()));
            }
            let leaf = out[position("first_leaf_mean")].as_ref().unwrap();
            assert!(!leaf[4].is_nan(), "{variant}");
            // The third year has only begun: what freezes do to it isn't known yet.
            assert_eq!(leaf.len(), 12);
            assert!(out[position("last_freeze")].as_ref().unwrap()[8..].iter().all(|v| v.is_nan()));
        }
    }
}

#[test]
fn one_missing_day_does_what_the_variants_table_says() {
    let mut case = by_latitude(weather(1, 2, date(2003, 1, 1), 365));
    let leaf = |case: &Case, variant: &str| {
        let out = run(spring(), &settings(spring(), &[("variant", variant)]), case, Precision::Double);
        out[position("first_leaf_lilac")].as_ref().unwrap()[0]
    };
    let whole = VARIANTS.map(|v| leaf(&case, v));
    assert!(whole.iter().all(|day| *day > 45.0 && *day < 239.0), "{whole:?}");
    // A day before, at which neither filling nor a hidden week changes the date.
    case.inputs[1].as_mut().unwrap()[2 * 19] = f64::NAN;
    let gap = VARIANTS.map(|v| leaf(&case, v));
    assert_eq!([gap[0], gap[1], gap[3]], [whole[0], whole[1], whole[3]]);
    assert!(gap[2].is_nan());
    for day in 0..11 {
        case.inputs[1].as_mut().unwrap()[2 * day] = f64::NAN;
    }
    assert!(leaf(&case, "ault").is_nan(), "19 of a block's days are too few");
    assert!(!leaf(&case, "springpheno").is_nan());
}

#[test]
fn limits_in_fahrenheit_hold_for_temperatures_that_were_kept_in_celsius() {
    let mut case = by_latitude(weather(1, 1, date(2003, 1, 1), 365));
    for day in 0..365 {
        case.inputs[0].as_mut().unwrap()[day] = if day == 119 { (28.0 - 32.0) / 1.8 } else { 5.0 };
        case.inputs[1].as_mut().unwrap()[day] = 12.0;
    }
    for precision in [Precision::Single, Precision::Double] {
        let out = run(spring(), &settings(spring(), &[("variant", "springpheno")]), &case, precision);
        assert_eq!(out[position("last_freeze")].as_ref().unwrap()[0], 120.0);
    }
}

#[test]
fn a_length_of_day_or_a_latitude_is_needed() {
    let mut case = weather(1, 2, date(2003, 1, 1), 30);
    case.inputs[2] = None;
    let refused = run_in_pieces(spring(), &settings(spring(), &[]), &case, Precision::Double, &[]);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "model spring-index needs input `dayl` or static `latitude`"
    );
}

#[test]
fn the_revision_goes_up_whenever_a_bit_of_a_result_changes() {
    let case = weather(2024, 64, date(2003, 1, 1), 1000);
    let now = VARIANTS.map(|variant| fingerprint(spring(), variant, &case, Precision::Single));
    // Other numbers here mean other results: raise the revision, then write them down.
    assert_eq!(spring().spec().revision, 2);
    let pinned = [
        17_923_420_856_565_642_077,
        5_853_790_703_761_847_654,
        17_331_365_789_641_410_882,
        5_205_015_693_257_097_693_u64,
    ];
    assert_eq!(now, pinned);
}
