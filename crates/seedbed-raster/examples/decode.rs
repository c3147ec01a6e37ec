//! Decodes all of a netCDF variable again and again, for `benches/netcdf.sh`.
//!
//! `decode FILE VARIABLE chunks|library THREADS ROUNDS` prints a line a round:
//! seconds of wall clock, seconds of processor, and how many values aren't missing.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use rayon::ThreadPoolBuilder;
use seedbed_block::PixelRange;
use seedbed_raster::{Raster, RasterSource};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, variable, who, threads, rounds] = arguments.as_slice() else {
        return Err("usage: decode FILE VARIABLE chunks|library THREADS ROUNDS".into());
    };
    let source = RasterSource {
        path: file.into(),
        variable: Some(variable.clone()),
        claimed: seedbed_grid::Claim::default(),
    };
    let pool = ThreadPoolBuilder::new().num_threads(threads.parse()?).build()?;
    for _ in 0..rounds.parse::<usize>()? {
        let mut raster = Raster::open(&source)?;
        match who.as_str() {
            "library" => raster.leave_to_library(),
            "chunks" if raster.reads_chunks() => {}
            "chunks" => return Err(format!("{file}: only the library reads {variable}").into()),
            other => return Err(format!("`{other}` is neither chunks nor library").into()),
        }
        let (layers, window) = (0..raster.layers().len(), PixelRange::of_shape(raster.geobox().shape));
        let (cpu, start) = (processor()?, Instant::now());
        let (raster, values) = pool.install(move || {
            let values = raster.read_layers::<f32>(layers, window);
            (raster, values)
        });
        let (wall, cpu) = (start.elapsed().as_secs_f64(), processor()? - cpu);
        let valid = values?.iter().filter(|v| !v.is_nan()).count();
        drop(raster);
        println!("{wall:.4} {cpu:.4} {valid}");
    }
    Ok(())
}

/// Seconds that this process' threads have run, by Linux' scheduler.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a benchmark")]
fn processor() -> Result<f64, Box<dyn Error>> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let told = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += told.split_whitespace().next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e9)
}
