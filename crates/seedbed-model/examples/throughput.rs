//! How fast a model runs through a series in memory, by the trait that `seedbed run` uses.
//!
//! `throughput MODEL VARIANT FOLDER PIXELS DAYS STRIP PIECE ROUNDS OUTPUT…` reads `FOLDER/NAME.in`, 32-bit
//! values day × pixel of each input there is and pixels of each static. It takes strips of so many
//! pixels through pieces of so many days from 1 January 2003 on, adds up daily outputs in 64 bits, and
//! writes what came of each output to `FOLDER/NAME.out`, as 64-bit values. It tells the least processor
//! seconds of some rounds, and those of a plain stream over the same inputs: all read, one field written.
//! With `--books` among the outputs every day is held to the model's balance, and told how well it closed.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench talks and stops as it likes")]

use seedbed_block::simd::{Level, Work};
use seedbed_block::{Date, Precision, date};
use seedbed_model::{
    Balance, Cadence, Forcing, Model, Outputs, SettingValue, Settings, Statics, Values, ValuesMut, find,
};
use std::path::Path;
use std::time::Instant;

/// A strip's arrays, day × pixel.
struct Strip {
    pixels: usize,
    inputs: Vec<Option<Vec<f32>>>,
    statics: Vec<Option<Vec<f64>>>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize| arguments[n].parse::<usize>().unwrap();
    let (model, folder) = (find(&arguments[0]).unwrap(), Path::new(&arguments[2]));
    let [pixels, days, strip, piece, rounds] = [3, 4, 5, 6, 7].map(number);
    let spec = model.spec();
    let settings = Settings::new(spec, [("variant", SettingValue::Text(arguments[1].clone()))]).unwrap();
    let books = arguments[8..].iter().any(|name| name == "--books");
    let names = arguments[8..].iter().filter(|name| *name != "--books");
    let wanted: Vec<usize> = names.map(|name| spec.output(name).unwrap()).collect();
    let dates: Vec<Date> = date(2003, 1, 1).series(jiff::Span::new().days(1)).take(days).collect();
    let strips = read(model, folder, pixels, days, strip);

    let mut least = f64::INFINITY;
    let mut results = Vec::new();
    for _ in 0..rounds {
        let start = processor_seconds();
        let mut buffers = vec![vec![0.0_f32; piece * strip]; wanted.len()];
        let made: Vec<Vec<Vec<f64>>> = strips
            .iter()
            .map(|s| run((model, &settings, books), s, &dates, piece, &wanted, &mut buffers))
            .collect();
        least = least.min(processor_seconds() - start);
        results = made;
    }
    let mut stream = f64::INFINITY;
    for _ in 0..rounds {
        let start = processor_seconds();
        for strip in &strips {
            add_up(strip, days);
        }
        stream = stream.min(processor_seconds() - start);
    }
    for (place, output) in wanted.iter().enumerate() {
        let all: Vec<u8> =
            results.iter().flat_map(|strip| &strip[place]).flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("{}.out", spec.outputs[*output].name)), all).unwrap();
    }
    println!("model {least}");
    println!("stream {stream}");
}

/// What is there in the folder, cut into strips.
fn read(model: &dyn Model, folder: &Path, pixels: usize, days: usize, strip: usize) -> Vec<Strip> {
    let spec = model.spec();
    let file = |name: &str| -> Option<Vec<f32>> {
        let bytes = std::fs::read(folder.join(format!("{name}.in"))).ok()?;
        Some(bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect())
    };
    let inputs: Vec<Option<Vec<f32>>> = spec.inputs.iter().map(|input| file(input.name)).collect();
    let statics: Vec<Option<Vec<f32>>> = spec.statics.iter().map(|input| file(input.name)).collect();
    let cut = |values: &Vec<f32>, start: usize, width: usize, rows: usize| -> Vec<f32> {
        (0..rows).flat_map(|d| values[d * pixels + start..][..width].to_vec()).collect()
    };
    (0..pixels)
        .step_by(strip)
        .map(|start| {
            let width = strip.min(pixels - start);
            let daily = |v: &Option<Vec<f32>>| v.as_ref().map(|v| cut(v, start, width, days));
            let fixed = |v: &Option<Vec<f32>>| {
                v.as_ref().map(|v| cut(v, start, width, 1).into_iter().map(f64::from).collect())
            };
            Strip {
                pixels: width,
                inputs: inputs.iter().map(daily).collect(),
                statics: statics.iter().map(fixed).collect(),
            }
        })
        .collect()
}

/// Sums of daily outputs, the last values of yearly ones.
fn run(
    (model, settings, books): (&dyn Model, &Settings, bool),
    strip: &Strip,
    dates: &[Date],
    piece: usize,
    wanted: &[usize],
    buffers: &mut [Vec<f32>],
) -> Vec<Vec<f64>> {
    let (spec, n) = (model.spec(), strip.pixels);
    let statics = Statics { pixels: n, values: strip.statics.iter().map(|v| v.as_deref()).collect() };
    let mut simulation = model.begin(settings, &statics, Precision::Single, None).unwrap();
    assert!(!books || simulation.keep_books(), "this model has no balance");
    let mut balance = Balance::default();
    let mut results = vec![vec![0.0; n]; wanted.len()];
    let mut from = 0;
    for days in dates.chunks(piece) {
        let rows = spec.rows(days);
        let mut values: Vec<Option<ValuesMut<'_>>> = spec.outputs.iter().map(|_| None).collect();
        for (output, buffer) in wanted.iter().zip(buffers.iter_mut()) {
            values[*output] = Some(ValuesMut::F32(&mut buffer[..rows * n]));
        }
        let part = |v: &Option<Vec<f32>>| -> Option<std::ops::Range<usize>> {
            v.as_ref().map(|_| from * n..(from + days.len()) * n)
        };
        let inputs = strip
            .inputs
            .iter()
            .map(|v| part(v).map(|range| Values::F32(&v.as_ref().unwrap()[range])))
            .collect();
        simulation.advance(&Forcing { dates: days, inputs }, &mut Outputs { values }).unwrap();
        for (result, buffer) in results.iter_mut().zip(buffers.iter()) {
            Level::best().run(Gather { result, rows: &buffer[..rows * n], cadence: spec.cadence });
        }
        simulation.take_balances().iter().for_each(|day| balance.join(day));
        from += days.len();
    }
    if books {
        println!("books {balance:?}");
    }
    results
}

/// Rows added to sums, or put in their place where each tells all of its year.
struct Gather<'a> {
    result: &'a mut [f64],
    rows: &'a [f32],
    cadence: Cadence,
}

impl Work for Gather<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "only what is inlined is compiled for a level's instructions")]
    fn run(self) {
        for row in self.rows.chunks_exact(self.result.len()) {
            let pairs = self.result.iter_mut().zip(row);
            match self.cadence {
                Cadence::Daily => pairs.for_each(|(sum, v)| *sum += f64::from(*v)),
                Cadence::Yearly => pairs.for_each(|(last, v)| *last = f64::from(*v)),
            }
        }
    }
}

/// Reads every input once and writes one field a day.
fn add_up(strip: &Strip, days: usize) {
    let n = strip.pixels;
    let mut out = vec![0.0_f32; n];
    let inputs: Vec<&Vec<f32>> = strip.inputs.iter().flatten().collect();
    for d in 0..days {
        let today: Vec<&[f32]> = inputs.iter().map(|v| &v[d * n..(d + 1) * n]).collect();
        match today.as_slice() {
            [a, b, c, d, e, f] => {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = a[i] + b[i] + c[i] + d[i] + e[i] + f[i];
                }
            }
            fields => {
                out.fill(0.0);
                for field in fields {
                    out.iter_mut().zip(*field).for_each(|(sum, v)| *sum += v);
                }
            }
        }
        std::hint::black_box(&mut out);
    }
}

/// Seconds that this thread has been on a processor, or of the clock where the system doesn't tell.
fn processor_seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    // The count is brought up to now when the thread steps back, not when it is read.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns * 1e-9)
}
