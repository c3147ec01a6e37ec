//! Daily extremes of air temperature.
//!
//! ```text
//! mean(p, t)  = base(p) − amplitude(p) cos s(t) + (1 + 0.35 cos s) Σ a_k sin(k·p − ω_k t + φ_k)
//! half(p, t)  = 5.4 − 0.8 cos s + Σ b_k sin(k·p − ω_k t + φ_k)
//! tmin, tmax  = mean ∓ half
//! ```
//! `s` is the angle of the year, `p` the place and `t` the day; waves travel eastward with
//! periods of a few days, as weather does. Each wave is split into cos k·p and sin k·p, worked out
//! once a place, so that a day costs two multiplications a wave.

use super::{Sites, cents, season};

/// A travelling wave: amplitude °C, period d, wave numbers in radians a degree, phase.
struct Wave {
    amplitude: f64,
    period: f64,
    east: f64,
    north: f64,
    phase: f64,
}

const WEATHER: [Wave; 5] = [
    Wave { amplitude: 2.2, period: 3.71, east: 0.55, north: 0.20, phase: 0.3 },
    Wave { amplitude: 2.6, period: 6.13, east: 0.35, north: -0.15, phase: 1.9 },
    Wave { amplitude: 2.3, period: 9.47, east: 0.22, north: 0.10, phase: 4.1 },
    Wave { amplitude: 1.9, period: 17.3, east: 0.12, north: 0.05, phase: 2.6 },
    Wave { amplitude: 1.2, period: 41.9, east: 0.05, north: 0.02, phase: 5.2 },
];

const CLOUD: [Wave; 2] = [
    Wave { amplitude: 1.3, period: 2.83, east: 0.9, north: 0.5, phase: 0.9 },
    Wave { amplitude: 1.0, period: 5.21, east: 0.6, north: -0.7, phase: 3.3 },
];

/// A wave's two planes over the places.
struct Planes {
    amplitude: f64,
    speed: f64,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Planes {
    fn new(wave: &Wave, sites: &Sites) -> Self {
        let angles = sites.lon.iter().zip(&sites.lat).map(|(&lon, &lat)| {
            wave.east * f64::from(lon + 75.0) + wave.north * f64::from(lat - 41.0) + wave.phase
        });
        let (sin, cos) = angles.map(|angle| (angle.sin() as f32, angle.cos() as f32)).unzip();
        Self { amplitude: wave.amplitude, speed: std::f64::consts::TAU / wave.period, cos, sin }
    }

    /// The factors of the two planes on a day: sin(a − ωt) = sin a cos ωt − cos a sin ωt.
    fn on(&self, day: i32, factor: f64) -> (f32, f32) {
        let angle = self.speed * f64::from(day);
        let amplitude = self.amplitude * factor;
        ((amplitude * angle.cos()) as f32, (-amplitude * angle.sin()) as f32)
    }

    fn add(&self, day: i32, factor: f64, out: &mut [f32]) {
        let (of_sin, of_cos) = self.on(day, factor);
        for ((out, sin), cos) in out.iter_mut().zip(&self.sin).zip(&self.cos) {
            *out += of_sin * sin + of_cos * cos;
        }
    }
}

/// Temperatures at a set of places.
pub struct Temperature {
    base: Vec<f32>,
    amplitude: Vec<f32>,
    weather: Vec<Planes>,
    cloud: Vec<Planes>,
}

/// Which extreme of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extreme {
    /// The coldest moment.
    Min,
    /// The warmest moment.
    Max,
}

impl Temperature {
    /// Works out what doesn't change with the day.
    #[must_use]
    pub fn new(sites: &Sites) -> Self {
        let places = sites.lat.iter().zip(&sites.elevation);
        let base = places.map(|(&lat, &height)| 11.6 - 0.9 * (lat - 40.0) - 0.0060 * height).collect();
        let amplitude = sites.lat.iter().map(|&lat| 12.3 + 0.3 * (lat - 40.0)).collect();
        let planes = |waves: &[Wave]| waves.iter().map(|wave| Planes::new(wave, sites)).collect();
        Self { base, amplitude, weather: planes(&WEATHER), cloud: planes(&CLOUD) }
    }

    /// Fills `out` with a day's extreme, °C in hundredths.
    pub fn extreme(&self, which: Extreme, day: i32, out: &mut [f32]) {
        let cos = season(day).cos();
        let sign = match which {
            Extreme::Min => -1.0,
            Extreme::Max => 1.0,
        };
        let half = sign * (5.4 - 0.8 * cos);
        let cold = cos as f32;
        for ((out, &base), &amplitude) in out.iter_mut().zip(&self.base).zip(&self.amplitude) {
            *out = base - amplitude * cold + half as f32;
        }
        self.weather.iter().for_each(|wave| wave.add(day, 1.0 + 0.35 * cos, out));
        self.cloud.iter().for_each(|wave| wave.add(day, sign, out));
        for value in out {
            *value = cents(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::climate::day_number;
    use crate::spec::Area;
    use jiff::civil::date;

    fn monthly_mean(month: i8) -> f32 {
        let sites = Sites::new([(-75.3, 40.9), (-75.9, 42.3)], Area::UPPER_DELAWARE);
        let temperature = Temperature::new(&sites);
        let (mut low, mut high) = (vec![0.0; 2], vec![0.0; 2]);
        let mut sum = 0.0;
        for day in 1..=28 {
            let number = day_number(date(2003, month, day));
            temperature.extreme(Extreme::Min, number, &mut low);
            temperature.extreme(Extreme::Max, number, &mut high);
            assert!(low[0] < high[0] && low[1] < high[1], "{low:?} {high:?}");
            sum += f32::midpoint(low[0], high[0]);
        }
        sum / 28.0
    }

    #[test]
    fn winters_freeze_and_summers_do_not() {
        let (january, july) = (monthly_mean(1), monthly_mean(7));
        assert!((-10.0..2.0).contains(&january), "January {january}");
        assert!((17.0..26.0).contains(&july), "July {july}");
    }
}
