//! A model run over some days, and the Python that programs are written in here.

use seedbed_block::{Date, Period};
use seedbed_model::{
    Forcing, Model, ModelError, Number, Outputs, SettingValue, Settings, Simulation, State, Statics,
};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The checkout's examples.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// A Python with `NumPy`, or nothing, which is said.
pub fn python() -> Option<PathBuf> {
    let found = std::env::var_os("SEEDBED_PYTHON").map(PathBuf::from);
    if found.is_none() {
        println!("skipped: SEEDBED_PYTHON names no Python with NumPy");
    }
    found
}

/// Temperatures of a strip, day × pixel, with gaps.
pub struct Weather<T> {
    pub dates: Vec<Date>,
    pub pixels: usize,
    pub tmin: Vec<T>,
    pub tmax: Vec<T>,
}

pub fn weather<T: Number>(days: &str, pixels: usize) -> Weather<T> {
    let dates: Vec<Date> = days.parse::<Period>().unwrap().days().collect();
    let mut seed = 7_u32;
    let mut value = |low: f64, high: f64| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let share = f64::from(seed >> 8) / f64::from(1_u32 << 24);
        if share < 0.01 { T::NAN } else { T::of(low + share * (high - low)) }
    };
    let tmin = (0..dates.len() * pixels).map(|_| value(-5.0, 20.0)).collect();
    let tmax = (0..dates.len() * pixels).map(|_| value(10.0, 40.0)).collect();
    Weather { dates, pixels, tmin, tmax }
}

/// A simulation of `model` as it is set where nothing is.
pub fn begin<T: Number>(model: &dyn Model, pixels: usize, from: Option<&State>) -> Box<dyn Simulation> {
    let settings = Settings::new(model.spec(), std::iter::empty::<(&str, SettingValue)>()).unwrap();
    let statics = Statics { pixels, values: vec![None; model.spec().statics.len()] };
    model.begin(&settings, &statics, T::PRECISION, from).unwrap()
}

/// The outputs of the days `days` of the weather.
pub fn advance<T: Number>(
    simulation: &mut dyn Simulation,
    weather: &Weather<T>,
    days: std::ops::Range<usize>,
) -> Result<[Vec<T>; 2], ModelError> {
    let part = days.start * weather.pixels..days.end * weather.pixels;
    let mut out = [vec![T::NAN; part.len()], vec![T::NAN; part.len()]];
    let forcing = Forcing {
        dates: &weather.dates[days],
        inputs: vec![Some(T::values(&weather.tmin[part.clone()])), Some(T::values(&weather.tmax[part]))],
    };
    let mut outputs = Outputs { values: out.iter_mut().map(|v| Some(T::values_mut(v))).collect() };
    simulation.advance(&forcing, &mut outputs)?;
    Ok(out)
}

/// The bits of all numbers, NaN being one value.
pub fn bits<T: Number>(out: &[Vec<T>; 2]) -> Vec<u64> {
    out.concat().iter().map(|v| if v.is_missing() { u64::MAX } else { v.to_f64().to_bits() }).collect()
}

/// The whole chain of causes.
pub fn told(error: &ModelError) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
