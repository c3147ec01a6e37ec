//! Times medians of stored 16-bit layers on one thread, for `benches/composite.sh`.
//!
//! `composite LAYERS PIXELS FILL IN OUT ROUNDS`: IN holds LAYERS × PIXELS int16 in
//! the machine's byte order, FILL being the missing one. OUT gets the medians of
//! the stored numbers, and OUT.f32 those of the same as 32-bit floats. One line a
//! kernel goes to stdout: its name and the least seconds of ROUNDS, of processor
//! time where the system tells it.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use seedbed_block::composite::{Statistic, composite, median_i16};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [layers, pixels, fill, input, output, rounds] = args.as_slice() else {
        return Err("six arguments are needed: LAYERS PIXELS FILL IN OUT ROUNDS".into());
    };
    let (layers, pixels, fill): (usize, usize, i16) = (layers.parse()?, pixels.parse()?, fill.parse()?);
    let rounds: usize = rounds.parse()?;
    let bytes = std::fs::read(input)?;
    let stored: Vec<i16> = bytes.chunks_exact(2).map(|b| i16::from_ne_bytes([b[0], b[1]])).collect();
    if stored.len() != layers * pixels {
        return Err(format!("{input} holds {} numbers, not {layers} × {pixels}", stored.len()).into());
    }
    let floats: Vec<f32> = stored.iter().map(|v| if *v == fill { f32::NAN } else { f32::from(*v) }).collect();
    let stored: Vec<&[i16]> = stored.chunks_exact(pixels).collect();
    let floats: Vec<&[f32]> = floats.chunks_exact(pixels).collect();

    let mut medians = vec![0_i16; pixels];
    time("median_i16", rounds, || median_i16(&stored, fill, 1, &mut medians));
    std::fs::write(output, medians.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>())?;
    let mut result = vec![0.0_f32; pixels];
    time("median_f32", rounds, || composite(&floats, Statistic::Median, 1, &mut result));
    let bytes: Vec<u8> = result.iter().flat_map(|v| v.to_ne_bytes()).collect();
    std::fs::write(format!("{output}.f32"), bytes)?;
    time("mean_f32", rounds, || composite(&floats, Statistic::Mean, 1, &mut result));
    time("quantile_f32", 1, || composite(&floats, Statistic::Quantile(0.9), 1, &mut result));
    Ok(())
}

fn time(name: &str, rounds: usize, mut act: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..rounds.max(1) {
        let start = (Instant::now(), on_processor());
        act();
        let wall = start.0.elapsed().as_secs_f64();
        best = best.min(on_processor().zip(start.1).map_or(wall, |(end, start)| end - start));
    }
    println!("{name} {best}");
}

/// Seconds that this thread has been on a processor, where the system tells (Linux).
fn on_processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
