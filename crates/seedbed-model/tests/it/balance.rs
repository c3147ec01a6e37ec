//! The books that models keep.

use crate::support::{Case, settings, weather};
use seedbed_block::Precision;
use seedbed_model::{Balance, Forcing, Outputs, Statics, Values, ValuesMut, model, models};

/// A run in 32 bits in pieces of `piece` days: the bits of all outputs, and the days' balances.
fn run(case: &Case, variant: &str, piece: usize, books: bool) -> (Vec<u32>, Vec<Balance>) {
    let veget = model("veget").unwrap();
    let n = case.pixels;
    let settings = settings(veget, &[("variant", variant)]);
    let statics = Statics { pixels: n, values: case.statics.iter().map(|v| v.as_deref()).collect() };
    let mut simulation = veget.begin(&settings, &statics, Precision::Single, None).unwrap();
    assert!(!books || simulation.keep_books());
    let narrow = |v: &Vec<f64>| v.iter().map(|x| *x as f32).collect::<Vec<f32>>();
    let inputs: Vec<Option<Vec<f32>>> = case.inputs.iter().map(|v| v.as_ref().map(narrow)).collect();
    let (mut bits, mut balances) = (Vec::new(), Vec::new());
    for (k, dates) in case.dates.chunks(piece).enumerate() {
        let range = k * piece * n..(k * piece + dates.len()) * n;
        let outputs = veget.spec().outputs_of(variant).map(|(index, _)| index).collect::<Vec<_>>();
        let mut made = vec![vec![0.0_f32; dates.len() * n]; outputs.len()];
        let mut values: Vec<Option<ValuesMut<'_>>> = veget.spec().outputs.iter().map(|_| None).collect();
        for (index, buffer) in outputs.iter().zip(&mut made) {
            values[*index] = Some(ValuesMut::F32(buffer));
        }
        let part = |v: &Option<Vec<f32>>| v.is_some().then(|| range.clone());
        let given = inputs.iter().map(|v| part(v).map(|r| Values::F32(&v.as_ref().unwrap()[r]))).collect();
        simulation.advance(&Forcing { dates, inputs: given }, &mut Outputs { values }).unwrap();
        bits.extend(made.iter().flatten().map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }));
        balances.extend(simulation.take_balances());
        assert!(simulation.take_balances().is_empty(), "they were taken");
    }
    (bits, balances)
}

/// Weather with water, negative NDVI and missing days.
fn mixed(seed: u64) -> Case {
    let mut case = weather(seed, 150, 400);
    case.statics[4].as_mut().unwrap()[7] = 1.0;
    for (index, start) in [(0, 31), (4, 53)] {
        let values = case.inputs[index].as_mut().unwrap();
        (start..values.len()).step_by(997).for_each(|i| values[i] = if index == 0 { f64::NAN } else { -0.1 });
    }
    case
}

#[test]
fn books_change_no_bit_and_close_in_every_variant() {
    for seed in 0..3 {
        let case = mixed(seed);
        let rule = model("veget").unwrap().balance().unwrap();
        for variant in ["default", "reference", "master"] {
            let (plain, none) = run(&case, variant, 60, false);
            let (bits, days) = run(&case, variant, 60, true);
            assert!(plain == bits && none.is_empty(), "{variant}");
            assert_eq!(days.len(), 400);
            let mut all = Balance::default();
            for day in &days {
                all.join(day);
            }
            assert_eq!(all.breach, None, "{variant}");
            assert_eq!(all.counted + all.left_out, 150 * 400);
            assert!(all.left_out >= 400 && all.counted > 0, "{all:?}");
            let allowed = rule.tolerance(Precision::Single) * all.turnover;
            println!("{variant}: {:e} of {allowed:e} mm, {} left out", all.largest, all.left_out);
            assert!(all.largest <= allowed && all.largest > 0.0 && all.mean() <= all.largest);
        }
    }
}

#[test]
fn a_day_is_booked_alike_whatever_the_pieces() {
    let case = mixed(5);
    let (_, whole) = run(&case, "default", 60, true);
    let (_, cut) = run(&case, "default", 7, true);
    assert_eq!(whole, cut);
}

#[test]
fn models_without_a_rule_keep_no_books() {
    let with: Vec<&str> = models().iter().filter(|m| m.balance().is_some()).map(|m| m.spec().name).collect();
    assert_eq!(with, ["veget"]);
}
