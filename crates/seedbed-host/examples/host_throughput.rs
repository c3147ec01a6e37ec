//! Seconds that a model takes for many days of many pixels in 32 bits: one behind a definition,
//! or the kernel of the examples built for this processor's architecture as such.
//!
//! Usage: `throughput native|DEFINITION.toml PIXELS DAYS ROUNDS`; prints wall clock and CPU
//! seconds of a round, those of a program that is started included.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring stick")]

use seedbed_block::{Date, Precision, date};
use seedbed_host::{Definition, Hosted, Kind, Program};
use seedbed_model::{Forcing, Model, Outputs, SettingValue, Settings, Statics, Values, ValuesMut};
use std::path::Path;
use std::time::Instant;

/// Days of a call, as in a run of a tile of some hundred thousand pixels. Outputs are kept of one call only, as there.
const CALL: usize = 10;

/// CPU seconds of this process and of those it has waited for, by the system's ticks of 10 ms.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = text.rsplit_once(") ").unwrap().1;
    after.split(' ').skip(11).take(4).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

/// Numbers over a range, the same in every run.
fn numbers(count: usize, (low, high): (f64, f64), mut seed: u32) -> Vec<f32> {
    let step = |_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let share = f64::from(seed >> 8) / f64::from(1_u32 << 24);
        #[expect(clippy::cast_possible_truncation, reason = "within 32 bits by far")]
        let value = (low + share * (high - low)) as f32;
        value
    };
    (0..count).map(step).collect()
}

fn days(count: usize) -> Vec<Date> {
    date(2003, 1, 1).series(jiff::Span::new().days(1)).take(count).collect()
}

/// Degree days as the component computes them, one plain loop.
fn native(pixels: usize, count: usize, rounds: usize) {
    let (low, high) = (numbers(pixels * count, (-5.0, 20.0), 7), numbers(pixels * count, (10.0, 40.0), 8));
    let (mut gdd, mut sums) = (vec![0_f32; pixels * CALL], vec![0_f32; pixels * CALL]);
    let mut total = vec![0_f64; pixels];
    for _ in 0..rounds {
        let (wall, before) = (Instant::now(), cpu());
        for (d, date) in days(count).iter().enumerate() {
            if date.day_of_year() == 1 {
                total.fill(0.0);
            }
            let row = d * pixels..(d + 1) * pixels;
            let to = d % CALL * pixels..(d % CALL + 1) * pixels;
            let day = low[row.clone()].iter().zip(&high[row]).zip(&mut gdd[to.clone()]);
            for (((tn, tx), gdd), (total, sum)) in day.zip(total.iter_mut().zip(&mut sums[to])) {
                let (tn, tx) = (if *tn > 30.0 { 30.0 } else { *tn }, if *tx > 30.0 { 30.0 } else { *tx });
                let above = 0.5 * (tn + tx) - 10.0;
                *gdd = if above < 0.0 { 0.0 } else { above };
                *total += if gdd.is_nan() { 0.0 } else { f64::from(*gdd) };
                #[expect(clippy::cast_possible_truncation, reason = "as the component does")]
                let value = *total as f32;
                *sum = value;
            }
        }
        println!("{} {}", wall.elapsed().as_secs_f64(), cpu() - before);
    }
    std::hint::black_box((gdd, sums));
}

fn hosted(definition: &Path, pixels: usize, count: usize, rounds: usize) {
    let definition = Definition::read(definition).unwrap();
    let range = |low: f64, high: f64| (low.max(-20.0), high.min(40.0));
    let (dates, seed) = (days(count), 7);
    for _ in 0..rounds {
        let model: Box<dyn Model> = match definition.kind {
            Kind::Exec => Box::new(Hosted::new(&definition, Box::new(Program::of(&definition))).unwrap()),
            #[cfg(feature = "wasm")]
            Kind::Wasm => Box::new(
                Hosted::new(&definition, Box::new(seedbed_host::Component::of(&definition).unwrap()))
                    .unwrap(),
            ),
            #[cfg(not(feature = "wasm"))]
            Kind::Wasm => panic!("built without the feature `wasm`"),
        };
        let spec = model.spec();
        let inputs: Vec<Vec<f32>> =
            spec.inputs.iter().map(|i| numbers(pixels * count, range(i.range.0, i.range.1), seed)).collect();
        let statics: Vec<Vec<f64>> = spec
            .statics
            .iter()
            .map(|i| numbers(pixels, i.range, seed).into_iter().map(f64::from).collect())
            .collect();
        let mut outputs = vec![vec![0_f32; pixels * CALL]; spec.outputs.len()];
        let settings = Settings::new(spec, std::iter::empty::<(&str, SettingValue)>()).unwrap();
        let statics = Statics { pixels, values: statics.iter().map(|v| Some(&v[..])).collect() };
        let (mut wall, before) = (0.0, cpu());
        let mut simulation = model.begin(&settings, &statics, Precision::Single, None).unwrap();
        for start in (0..count).step_by(CALL) {
            let end = count.min(start + CALL);
            let part = start * pixels..end * pixels;
            let forcing = Forcing {
                dates: &dates[start..end],
                inputs: inputs.iter().map(|v| Some(Values::F32(&v[part.clone()]))).collect(),
            };
            let rows = ..part.len();
            let values = outputs.iter_mut().map(|v| Some(ValuesMut::F32(&mut v[rows]))).collect();
            let call = Instant::now();
            simulation.advance(&forcing, &mut Outputs { values }).unwrap();
            // What it takes to start is not the block's.
            if start > 0 {
                wall += call.elapsed().as_secs_f64();
            }
        }
        drop((simulation, model));
        #[expect(clippy::cast_precision_loss, reason = "a few thousand days")]
        let whole = wall * count as f64 / (count - CALL) as f64;
        println!("{whole} {}", cpu() - before);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize| arguments[n].parse::<usize>().unwrap();
    let (pixels, count, rounds) = (number(1), number(2), number(3));
    match arguments[0].as_str() {
        "native" => native(pixels, count, rounds),
        path => hosted(Path::new(path), pixels, count, rounds),
    }
}
