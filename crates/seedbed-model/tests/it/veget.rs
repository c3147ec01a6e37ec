//! Properties of VegET.

use crate::support::{Case, Random, bits, fingerprint, run, run_in_pieces, settings, weather};
use seedbed_block::Precision;
use seedbed_model::{Forcing, Model, ModelError, Outputs, Statics, Values, ValuesMut, model};

fn veget() -> &'static dyn Model {
    model("veget").unwrap()
}

fn position(name: &str) -> usize {
    veget().spec().output(name).unwrap()
}

/// The largest residual of `P = Int + ETASW + SRF + DD + Δ(SWf + SNWPK)` over all days, in mm.
fn residual(case: &Case, precision: Precision) -> f64 {
    let out = run(veget(), &settings(veget(), &[]), case, precision);
    let daily = |name: &str| out[position(name)].as_ref().unwrap();
    let (kept, et, srf, dd) = (daily("intercept"), daily("etasw"), daily("srf"), daily("dd"));
    let (soil, pack) = (daily("swf"), daily("snwpk"));
    let (whc, ppt) = (case.statics[0].as_ref().unwrap(), case.inputs[0].as_ref().unwrap());
    let mut worst = 0.0_f64;
    for (pixel, whc) in whc.iter().enumerate() {
        let mut stored = 0.5 * whc;
        let mut sum = 0.0;
        for d in 0..case.dates.len() {
            let at = d * case.pixels + pixel;
            if et[at].is_nan() {
                continue;
            }
            let now = soil[at] + pack[at];
            sum += ppt[at] - (kept[at] + et[at] + srf[at] + dd[at]) - (now - stored);
            stored = now;
            worst = worst.max(sum.abs());
        }
    }
    worst
}

#[test]
fn water_balance_closes_over_random_weather() {
    for seed in 0..8 {
        let case = weather(seed, 70, 730);
        let double = residual(&case, Precision::Double);
        assert!(double < 1e-9, "seed {seed}: {double:e} mm in f64");
    }
}

#[test]
fn water_balance_closes_in_f32_to_its_rounding() {
    // A day's terms carry about ten roundings of stores below 2 m, each at most 2000 × 2^-24 mm:
    // 1.2e-3 mm a day at worst. Errors of either sign leave far less over two years.
    let worst = (0..4).map(|seed| residual(&weather(seed, 70, 730), Precision::Single)).fold(0.0, f64::max);
    println!("largest cumulative residual in f32: {worst:e} mm");
    assert!(worst < 730.0 * 1.2e-3, "{worst:e} mm");
}

#[test]
fn water_balance_closes_across_missing_days() {
    let mut case = weather(3, 40, 400);
    let mut r = Random(99);
    for values in case.inputs.iter_mut().flatten() {
        for v in values.iter_mut() {
            if r.unit() < 0.01 {
                *v = f64::NAN;
            }
        }
    }
    assert!(residual(&case, Precision::Double) < 1e-9);
}

#[test]
fn a_run_cut_anywhere_gives_the_same_bits() {
    let mut case = weather(11, 67, 60);
    case.inputs[0].as_mut().unwrap()[100] = f64::NAN;
    for variant in ["default", "reference", "master"] {
        let settings = settings(veget(), &[("variant", variant)]);
        for precision in [Precision::Single, Precision::Double] {
            let whole = run(veget(), &settings, &case, precision);
            for cuts in [vec![0], vec![1], vec![59], vec![7, 8, 31], (1..60).collect()] {
                let pieces = run_in_pieces(veget(), &settings, &case, precision, &cuts).unwrap();
                for (a, b) in whole.iter().zip(&pieces) {
                    let same = |v: &Option<Vec<f64>>| {
                        v.as_ref().map(|v| v.iter().map(|x| bits(*x)).collect::<Vec<_>>())
                    };
                    assert_eq!(same(a), same(b), "{variant} {precision:?} cut at {cuts:?}");
                }
            }
        }
    }
}

#[test]
fn pixels_do_not_know_their_neighbours() {
    let case = weather(5, 130, 30);
    let whole = run(veget(), &settings(veget(), &[]), &case, Precision::Single);
    for pixel in [0, 63, 64, 129] {
        let pick =
            |v: &Option<Vec<f64>>| v.as_ref().map(|v| v.iter().skip(pixel).step_by(130).copied().collect());
        let alone = Case {
            pixels: 1,
            dates: case.dates.clone(),
            statics: case.statics.iter().map(pick).collect(),
            inputs: case.inputs.iter().map(pick).collect(),
        };
        let got = run(veget(), &settings(veget(), &[]), &alone, Precision::Single);
        assert_eq!(got, whole.iter().map(pick).collect::<Vec<_>>());
    }
}

#[test]
fn a_missing_day_gives_missing_outputs_and_holds_the_stores() {
    let mut case = weather(1, 1, 20);
    let clean = run(veget(), &settings(veget(), &[]), &case, Precision::Double);
    case.inputs[4].as_mut().unwrap()[19] = f64::NAN;
    let out = run(veget(), &settings(veget(), &[]), &case, Precision::Double);
    for (a, b) in out.iter().flatten().zip(clean.iter().flatten()) {
        assert_eq!(a[..19], b[..19]);
        assert!(a[19].is_nan());
    }
    // A day that is missing everywhere might as well not be there.
    let mut gone = weather(1, 1, 20);
    for values in gone.inputs.iter_mut().flatten() {
        values[7] = f64::NAN;
    }
    let held = run(veget(), &settings(veget(), &[]), &gone, Precision::Double);
    gone.dates.remove(7);
    for values in gone.inputs.iter_mut().flatten() {
        values.remove(7);
    }
    let shorter = run(veget(), &settings(veget(), &[]), &gone, Precision::Double);
    for (a, b) in held.iter().flatten().zip(shorter.iter().flatten()) {
        assert_eq!(a[8..], b[7..]);
    }
}

#[test]
fn a_missing_first_day_leaves_the_soil_half_full() {
    let mut case = weather(2, 1, 5);
    case.inputs[1].as_mut().unwrap()[0] = f64::NAN;
    let held = run(veget(), &settings(veget(), &[]), &case, Precision::Double);
    let swi = held[position("swi")].as_ref().unwrap();
    let after = |name: &str| held[position(name)].as_ref().unwrap()[1];
    let half = 0.5 * case.statics[0].as_ref().unwrap()[0];
    assert!((swi[1] - (half + after("rain") + after("snowmelt"))).abs() < 1e-12);
}

#[test]
fn first_day_snow_goes_where_the_switch_says() {
    let mut case = weather(4, 1, 2);
    for (input, value) in [(0, 20.0), (1, -15.0), (2, -5.0), (3, -10.0)] {
        case.inputs[input].as_mut().unwrap()[0] = value;
    }
    case.statics[3] = Some(vec![0.0]);
    let first = |pairs: &[(&str, &str)], name: &str| {
        run(veget(), &settings(veget(), pairs), &case, Precision::Double)[position(name)].as_ref().unwrap()[0]
    };
    let half = 0.5 * case.statics[0].as_ref().unwrap()[0];
    assert_eq!((first(&[], "snwpk"), first(&[], "swi")), (20.0, half));
    let soil = [("first_day_snow_to_pack", "false")];
    assert_eq!((first(&soil, "snwpk"), first(&soil, "swi")), (0.0, half + 20.0));
    let reference = [("variant", "reference")];
    assert_eq!((first(&reference, "snwpk"), first(&reference, "swi")), (0.0, half + 20.0));
}

#[test]
fn negative_ndvi_is_water_only_where_the_switch_says() {
    let mut case = weather(4, 2, 1);
    case.inputs[4] = Some(vec![-0.05, -0.05]);
    case.inputs[5] = Some(vec![5.0, 5.0]);
    case.statics[4] = Some(vec![0.0, 1.0]);
    let et = |pairs: &[(&str, &str)]| {
        run(veget(), &settings(veget(), pairs), &case, Precision::Double)[position("etasw")].clone().unwrap()
    };
    assert_eq!(et(&[]), [0.0, 5.0 * (0.7 * 0.85 * 1.25)]);
    assert_eq!(et(&[("negative_ndvi_is_land", "false")]), [5.0 * (0.7 * 0.85 * 1.25); 2]);
}

#[test]
fn the_rain_fraction_stays_within_one_where_the_switch_says() {
    let mut case = weather(4, 1, 2);
    case.inputs[0] = Some(vec![10.0, 10.0]);
    case.inputs[3] = Some(vec![5.995, 5.995]);
    let swe = |pairs: &[(&str, &str)]| {
        run(veget(), &settings(veget(), pairs), &case, Precision::Double)[position("swe")].as_ref().unwrap()
            [1]
    };
    assert_eq!(swe(&[]), 0.0);
    assert!(swe(&[("clamp_rain_fraction", "false")]) < 0.0);
}

#[test]
fn master_melts_snow_on_freezing_days_and_has_no_intercept() {
    let mut case = weather(4, 1, 2);
    let cold = [(0, [10.0, 10.0]), (1, [-12.0, -12.0]), (2, [-8.0, -8.0]), (3, [-10.0, -10.0])];
    for (input, values) in cold {
        case.inputs[input] = Some(values.to_vec());
    }
    case.statics[3] = Some(vec![0.0]);
    let melt = |pairs: &[(&str, &str)]| {
        let out = run(veget(), &settings(veget(), pairs), &case, Precision::Double);
        out[position("snowmelt")].as_ref().unwrap()[1]
    };
    assert_eq!(melt(&[("variant", "reference")]), 0.0);
    assert!((melt(&[("variant", "master")]) - 0.06 * (64.0 - 4.0)).abs() < 1e-12);
    assert_eq!(melt(&[("variant", "master"), ("melt_every_day", "false")]), 0.0);
    assert!((melt(&[("melt_every_day", "true")]) - 0.06 * (64.0 - 4.0)).abs() < 1e-12);
    let spec = veget().spec();
    assert!(spec.outputs_of("master").all(|(_, o)| o.name != "intercept"));
    assert!(!spec.variant("master").unwrap().sums_first_day);
    let master = settings(veget(), &[("variant", "master")]);
    let statics = Statics { pixels: 1, values: case.statics.iter().map(|v| v.as_deref()).collect() };
    let mut simulation = veget().begin(&master, &statics, Precision::Double, None).unwrap();
    let mut intercept = [0.0; 2];
    let mut values: Vec<Option<ValuesMut<'_>>> = (0..13).map(|_| None).collect();
    values[position("intercept")] = Some(ValuesMut::F64(&mut intercept));
    let inputs = case.inputs.iter().map(|v| v.as_deref().map(Values::F64)).collect();
    let refused = simulation.advance(&Forcing { dates: &case.dates, inputs }, &mut Outputs { values });
    assert!(matches!(refused, Err(ModelError::NoOutput { .. })));
}

#[test]
fn tavg_is_the_mean_of_tmin_and_tmax_where_none_is_given() {
    let mut case = weather(8, 3, 100);
    let given = run(veget(), &settings(veget(), &[]), &case, Precision::Double);
    case.inputs[3] = None;
    assert_eq!(run(veget(), &settings(veget(), &[]), &case, Precision::Double), given);
}

#[test]
fn eto_is_computed_from_latitude_where_none_is_given() {
    let mut case = weather(8, 2, 50);
    case.inputs[5] = None;
    let refused = run_in_pieces(veget(), &settings(veget(), &[]), &case, Precision::Double, &[]);
    assert!(refused.unwrap_err().to_string().contains("latitude"));
    case.statics[5] = Some(vec![40.0, -35.0]);
    let out = run(veget(), &settings(veget(), &[]), &case, Precision::Double);
    let et_model = model("reference-et").unwrap();
    let temperatures = Case {
        pixels: 2,
        dates: case.dates.clone(),
        statics: vec![case.statics[5].clone()],
        inputs: vec![case.inputs[1].clone(), case.inputs[2].clone()],
    };
    let eto = run(et_model, &settings(et_model, &[]), &temperatures, Precision::Double)[0].clone();
    case.inputs[5] = eto;
    assert_eq!(run(veget(), &settings(veget(), &[]), &case, Precision::Double), out);
}

#[test]
fn wrong_shapes_precisions_and_days_are_refused_before_anything_is_simulated() {
    let case = weather(8, 2, 3);
    let statics = Statics { pixels: 2, values: case.statics.iter().map(|v| v.as_deref()).collect() };
    let defaults = settings(veget(), &[]);
    let mut simulation = veget().begin(&defaults, &statics, Precision::Single, None).unwrap();
    let inputs: Vec<_> = case.inputs.iter().map(|v| v.as_deref().map(Values::F64)).collect();
    let advance = |s: &mut Box<dyn seedbed_model::Simulation>, inputs: Vec<_>, dates: &[_]| {
        s.advance(&Forcing { dates, inputs }, &mut Outputs { values: Vec::new() }).unwrap_err()
    };
    let error = advance(&mut simulation, inputs.clone(), &case.dates);
    assert!(matches!(error, ModelError::Precision { .. }), "{error}");
    let mut simulation = veget().begin(&defaults, &statics, Precision::Double, None).unwrap();
    let error = advance(&mut simulation, inputs.clone(), &case.dates[..2]);
    assert_eq!(error.to_string(), "`ppt` has 6 values, but 4 are needed");
    let backwards = [case.dates[1], case.dates[0], case.dates[2]];
    let error = advance(&mut simulation, inputs.clone(), &backwards);
    assert!(matches!(error, ModelError::Order { .. }), "{error}");
    let error = advance(&mut simulation, vec![inputs[0]], &case.dates);
    assert_eq!(error.to_string(), "model veget needs input `tmin`");
    assert_eq!(simulation.checkpoint().unwrap().last, None);
    let few = Statics { pixels: 2, values: statics.values[..1].to_vec() };
    assert!(veget().begin(&defaults, &few, Precision::Double, None).is_err());
}

#[test]
fn a_state_of_another_model_or_strip_is_refused() {
    let case = weather(8, 2, 3);
    let statics = Statics { pixels: 2, values: case.statics.iter().map(|v| v.as_deref()).collect() };
    let defaults = settings(veget(), &[]);
    let state = veget().begin(&defaults, &statics, Precision::Double, None).unwrap().checkpoint().unwrap();
    let mut other = state.clone();
    other.revision += 1;
    assert!(veget().begin(&defaults, &statics, Precision::Double, Some(&other)).is_err());
    let mut shorter = state;
    shorter.vectors.get_mut("swf").unwrap().pop();
    assert!(veget().begin(&defaults, &statics, Precision::Double, Some(&shorter)).is_err());
}

#[test]
fn the_revision_goes_up_whenever_a_bit_of_a_result_changes() {
    let spec = veget().spec();
    let case = weather(2024, 64, 400);
    let of = |variant, precision| fingerprint(veget(), variant, &case, precision);
    let now = spec
        .variants
        .iter()
        .flat_map(|v| [Precision::Single, Precision::Double].map(|p| (v.name, p, of(v.name, p))));
    // Other numbers here mean other results: raise the revision, then write them down.
    let pinned = [
        6_145_687_001_259_845_008,
        9_844_021_578_029_826_978,
        14_072_114_520_500_010_187,
        13_702_530_322_405_636_894,
        7_571_695_769_292_103_922,
        18_438_092_856_025_704_169_u64,
    ];
    assert_eq!(spec.revision, 2);
    assert_eq!(now.clone().map(|n| n.2).collect::<Vec<_>>(), pinned, "{:#?}", now.collect::<Vec<_>>());
}

#[test]
fn more_rain_never_leaves_less_evaporation_or_runoff() {
    let mut case = weather(77, 60, 500);
    // A soil of at least twice the day's demand: in a smaller one a wetter day can leave less.
    case.statics[0].iter_mut().flatten().for_each(|whc| *whc += 40.0);
    let mut r = Random(5);
    let mut wetter = case.clone();
    for ppt in wetter.inputs[0].iter_mut().flatten() {
        *ppt += if r.unit() < 0.1 { r.between(0.0, 30.0) } else { 0.0 };
    }
    for variant in ["default", "reference", "master"] {
        let settings = settings(veget(), &[("variant", variant)]);
        let less = run(veget(), &settings, &case, Precision::Double);
        let more = run(veget(), &settings, &wetter, Precision::Double);
        for name in ["etasw", "srf", "dd", "swf", "snwpk"] {
            let pairs = less[position(name)].iter().flatten().zip(more[position(name)].iter().flatten());
            let worst = pairs.map(|(less, more)| less - more).fold(f64::NEG_INFINITY, f64::max);
            assert!(worst < 1e-9, "{variant}: {worst:e} mm of {name} less");
        }
    }
}

#[test]
fn what_is_masked_stays_so_and_touches_no_other_pixel() {
    let case = weather(13, 70, 60);
    let clean = run(veget(), &settings(veget(), &[]), &case, Precision::Single);
    let mut masked = case.clone();
    for (k, pixel) in (0..5).zip([3, 63, 64, 68, 69]) {
        masked.statics[k].as_mut().unwrap()[pixel] = f64::NAN;
    }
    let out = run(veget(), &settings(veget(), &[]), &masked, Precision::Single);
    for (got, want) in out.iter().flatten().zip(clean.iter().flatten()) {
        for (at, (got, want)) in got.iter().zip(want).enumerate() {
            let masked = [3, 63, 64, 68, 69].contains(&(at % 70));
            assert!(if masked { got.is_nan() } else { got == want }, "pixel {}", at % 70);
        }
    }
}

#[test]
fn depths_in_half_millimetres_give_outputs_in_half_millimetres() {
    // Twice every depth, and twice the melt a squared degree gives: every output is exactly
    // twice as large, since all terms are of the first degree in depths of water.
    let case = weather(31, 40, 500);
    let mut doubled = case.clone();
    let double = |values: &mut Option<Vec<f64>>| values.iter_mut().flatten().for_each(|v| *v *= 2.0);
    for i in [0, 5] {
        double(&mut doubled.inputs[i]);
    }
    for i in [0, 1, 2] {
        double(&mut doubled.statics[i]);
    }
    for variant in ["default", "reference", "master"] {
        for precision in [Precision::Single, Precision::Double] {
            let once = run(veget(), &settings(veget(), &[("variant", variant)]), &case, precision);
            let melt = [("variant", variant), ("melt_factor", "0.12")];
            let twice = run(veget(), &settings(veget(), &melt), &doubled, precision);
            for (a, b) in once.iter().flatten().zip(twice.iter().flatten()) {
                assert!(a.iter().zip(b).all(|(a, b)| 2.0 * a == *b), "{variant} {precision:?}");
            }
        }
    }
}

#[test]
fn archives_units_convert_to_the_models() {
    use seedbed_block::Unit;
    let inputs = &veget().spec().inputs;
    for (name, units) in [
        ("ppt", vec![Unit::KilogramPerSquareMetre, Unit::Inch]),
        ("tmin", vec![Unit::Kelvin, Unit::Fahrenheit]),
        ("eto", vec![Unit::KilogramPerSquareMetre]),
    ] {
        let to = inputs[veget().spec().input(name).unwrap()].unit;
        assert!(units.iter().all(|u| u.to(to).is_ok()), "{name}");
    }
    assert!(Unit::WattPerSquareMetre.to(inputs[5].unit).is_err());
    assert!(veget().spec().outputs.iter().all(|o| o.unit == Unit::Millimetre));
}
