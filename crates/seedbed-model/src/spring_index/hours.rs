//! Growing degree hours: the hourly curve of a day, summed above the base.
//!
//! With `N = ⌊L⌋` and `S(h) = sin(π·h/(L+4))`, hours counted from sunrise:
//!
//! ```text
//! h = 0..N      T = Tmin + (Tmax − Tmin)·S(h)
//! h = N+1..23   T = Ts − (Ts − Tmin)·ln(h−N)/ln(24−L),   Ts = Tmin + (Tmax − Tmin)·S(L)
//! GDH = Σ max(T − 31, 0)   in degF·h
//! ```
//!
//! Every hour is `Tmin` plus a swing times a weight that depends on `L` alone. The sines
//! follow one another by `S(h+1) = 2·cos θ·S(h) − S(h−1)`, and `S(L) = sin 4θ`, with
//! `θ = π/(L+4)`; so a pixel's day takes one sine, one cosine and one logarithm. Where
//! `24 − L ≤ 1` there is no night hour, and the reference's fall-back to the day's
//! formula is never needed.

use super::lanes::{LANE, Lanes, floor, ln, logarithm, sin_cos, split, trace};
use super::plants::BASE;
use std::f64::consts::PI;

/// What a day's length says about the curve.
#[derive(Debug, Clone, Copy)]
struct Curve {
    /// `S(1)`.
    first: f64,
    /// `2·cos θ`.
    twice_cos: f64,
    /// `S(L)`.
    sunset: f64,
    /// `1/ln(24 − L)`.
    per_log: f64,
    /// `N`.
    last: f64,
}

impl Curve {
    #[inline(always)]
    fn new(length: f64) -> Self {
        let (exponent, mantissa) = split(24.0 - length);
        // Both divisions at once: of π by L + 4, and the logarithm's.
        let (a, b) = (length + 4.0, mantissa + 1.0);
        let inverse = 1.0 / (a * b);
        let (sin, cos) = sin_cos(PI * (b * inverse));
        let (sin2, cos2) = (2.0 * sin * cos, 1.0 - 2.0 * (sin * sin));
        Self {
            first: sin,
            twice_cos: 2.0 * cos,
            sunset: 2.0 * sin2 * cos2,
            per_log: 1.0 / logarithm(exponent, (mantissa - 1.0) * (a * inverse)),
            last: floor(length),
        }
    }
}

/// A temperature below the base by more than any rounding of the curve.
const COLD: f64 = BASE - 1e-3;

/// Degree hours of a day of each pixel: `tmin`, `tmax` in degF, `length` in hours.
/// Missing where one of them is.
///
/// `guarded` moves a `Tmin` of 0, a `Tmax` equal to it and a sunset of 0 or less by 0.01.
#[inline(always)]
pub fn degree_hours(tmin: &Lanes, tmax: &Lanes, length: &Lanes, logs: &[f64; 24], guarded: bool) -> Lanes {
    let mut any_warm = false;
    let mut alike = true;
    for l in 0..LANE {
        any_warm |= (tmin[l] > COLD) | (tmax[l] > COLD);
        alike &= length[l].to_bits() == length[0].to_bits();
    }
    let mut sum = [0.0; LANE];
    if any_warm {
        let (mut low, mut swing) = (*tmin, [0.0; LANE]);
        for l in 0..LANE {
            let (t, high) = (low[l], tmax[l]);
            let t = if guarded && t == 0.0 { 0.01 } else { t };
            let high = if guarded && high == t { high + 0.01 } else { high };
            (low[l], swing[l]) = (t, high - t);
        }
        if alike {
            one_length(&low, &swing, length[0], logs, guarded, &mut sum);
        } else {
            many_lengths(&low, &swing, length, logs, guarded, &mut sum);
        }
    }
    for l in 0..LANE {
        sum[l] += trace(tmin[l] + tmax[l] + length[l]);
    }
    sum
}

#[inline(always)]
fn above(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}

/// Pixels whose sums stay in registers through the hours.
const WIDTH: usize = 32;

/// A part of a chunk on a day.
struct Part {
    /// `Tmin − 31`.
    low: [f64; WIDTH],
    /// `Tmax − Tmin`.
    swing: [f64; WIDTH],
    /// `Ts − 31`.
    sunset: [f64; WIDTH],
    /// `(Ts − Tmin)/ln(24 − L)`: what an hour's logarithm takes off.
    fall: [f64; WIDTH],
}

impl Part {
    #[inline(always)]
    fn new(low: &Lanes, swing: &Lanes, start: usize, guarded: bool, curve: impl Fn(usize) -> Curve) -> Self {
        let zero = [0.0; WIDTH];
        let mut part = Self { low: zero, swing: zero, sunset: zero, fall: zero };
        for l in 0..WIDTH {
            let (tmin, swing) = (low[start + l], swing[start + l]);
            let curve = curve(l);
            let sunset = tmin + swing * curve.sunset;
            let sunset = if guarded && sunset <= 0.0 { 0.01 } else { sunset };
            (part.low[l], part.swing[l]) = (tmin - BASE, swing);
            (part.sunset[l], part.fall[l]) = (sunset - BASE, (sunset - tmin) * curve.per_log);
        }
        part
    }
}

/// All pixels have days of one length: the weights are the same, and computed once.
#[inline(always)]
fn one_length(low: &Lanes, swing: &Lanes, length: f64, logs: &[f64; 24], guarded: bool, sum: &mut Lanes) {
    let curve = Curve::new(length);
    let mut weights = [0.0; 24];
    let mut days = 0;
    let (mut before, mut weight) = (-curve.first, 0.0);
    for h in 0..24_u8 {
        if f64::from(h) <= curve.last {
            weights[days] = weight;
            days += 1;
            (before, weight) = (weight, curve.twice_cos * weight - before);
        }
    }
    for start in (0..LANE).step_by(WIDTH) {
        let part = Part::new(low, swing, start, guarded, |_| curve);
        let mut total = [0.0; WIDTH];
        for weight in &weights[..days] {
            for l in 0..WIDTH {
                total[l] += above(part.low[l] + part.swing[l] * weight);
            }
        }
        for (j, log) in (0_u8..).zip(logs).skip(1) {
            if f64::from(j) > 23.0 - curve.last {
                break;
            }
            for l in 0..WIDTH {
                total[l] += above(part.sunset[l] - log * part.fall[l]);
            }
        }
        sum[start..start + WIDTH].copy_from_slice(&total);
    }
}

/// Each pixel has its own day.
#[inline(always)]
fn many_lengths(
    low: &Lanes,
    swing: &Lanes,
    length: &Lanes,
    logs: &[f64; 24],
    guarded: bool,
    sum: &mut Lanes,
) {
    let (mut curves, mut last) = ([[0.0; LANE]; 4], [0.0; LANE]);
    for l in 0..LANE {
        let curve = Curve::new(length[l]);
        (curves[0][l], curves[1][l], curves[2][l], curves[3][l], last[l]) =
            (curve.first, curve.twice_cos, curve.sunset, curve.per_log, curve.last);
    }
    for start in (0..LANE).step_by(WIDTH) {
        let of = |k: usize, l: usize| curves[k][start + l];
        let part = Part::new(low, swing, start, guarded, |l| Curve {
            first: of(0, l),
            twice_cos: of(1, l),
            sunset: of(2, l),
            per_log: of(3, l),
            last: last[start + l],
        });
        let (mut before, mut weight, mut total) = ([0.0; WIDTH], [0.0; WIDTH], [0.0; WIDTH]);
        let (mut shortest, mut longest) = (f64::INFINITY, f64::NEG_INFINITY);
        for l in 0..WIDTH {
            // S(−1), before S(0).
            before[l] = -of(0, l);
            let n = last[start + l];
            shortest = if n < shortest { n } else { shortest };
            longest = if n > longest { n } else { longest };
        }
        let mut own = [0.0; WIDTH];
        own.copy_from_slice(&last[start..start + WIDTH]);
        let mut twice_cos = [0.0; WIDTH];
        twice_cos.copy_from_slice(&curves[1][start..start + WIDTH]);
        // Up to the shortest day's last hour no pixel has to be asked, nor in the hours of
        // the shortest night.
        for h in (0_u8..24).map(f64::from).take_while(|h| *h <= longest) {
            for l in 0..WIDTH {
                let next = twice_cos[l] * weight[l] - before[l];
                before[l] = weight[l];
                weight[l] = next;
            }
            // `before` is the hour's own weight by now.
            if h <= shortest {
                for l in 0..WIDTH {
                    total[l] += above(part.low[l] + part.swing[l] * before[l]);
                }
            } else {
                for l in 0..WIDTH {
                    let x = above(part.low[l] + part.swing[l] * before[l]);
                    total[l] += if h <= own[l] { x } else { 0.0 };
                }
            }
        }
        for (j, log) in (0_u8..).map(f64::from).zip(logs).skip(1) {
            if j <= 23.0 - longest {
                for l in 0..WIDTH {
                    total[l] += above(part.sunset[l] - log * part.fall[l]);
                }
            } else if j <= 23.0 - shortest {
                for l in 0..WIDTH {
                    let x = above(part.sunset[l] - log * part.fall[l]);
                    total[l] += if j <= 23.0 - own[l] { x } else { 0.0 };
                }
            }
        }
        sum[start..start + WIDTH].copy_from_slice(&total);
    }
}

/// `ln j`, at the place `j`.
pub fn logs() -> [f64; 24] {
    let mut logs = [0.0; 24];
    for (log, j) in logs.iter_mut().zip(0_u8..).skip(1) {
        *log = ln(f64::from(j));
    }
    logs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The equations as they are written, hour by hour.
    fn plain(tmin: f64, tmax: f64, length: f64) -> f64 {
        let (n, swing) = (length.floor(), tmax - tmin);
        let curve = |h: f64| tmin + swing * (PI * h / (length + 4.0)).sin();
        let hour = |h: f64| {
            if h <= n {
                return curve(h);
            }
            let sunset = curve(length);
            sunset - (sunset - tmin) * (h - n).ln() / (24.0 - length).ln()
        };
        (0..24).map(|h| (hour(f64::from(h)) - BASE).max(0.0)).sum()
    }

    fn spread(low: f64, step: f64) -> Lanes {
        let mut at = low - step;
        std::array::from_fn(|_| {
            at += step;
            at
        })
    }

    #[test]
    fn degree_hours_are_the_sum_of_the_curve_above_the_base() {
        let (tmin, tmax) = (spread(-10.0, 1.1), spread(15.0, 1.3));
        for length in [spread(0.0, 24.0 / 63.0), spread(9.0, 0.05), [12.5; LANE]] {
            let got = degree_hours(&tmin, &tmax, &length, &logs(), false);
            for l in 0..LANE {
                let want = plain(tmin[l], tmax[l], length[l]);
                assert!((got[l] - want).abs() < 1e-10, "{} against {want} at {} h", got[l], length[l]);
            }
        }
    }

    #[test]
    fn neighbours_of_other_lengths_do_not_change_a_bit() {
        let (tmin, tmax) = (spread(20.0, 0.3), spread(45.0, 0.5));
        let together = degree_hours(&tmin, &tmax, &[11.3; LANE], &logs(), true);
        let mut length = spread(0.5, 0.37);
        for l in (0..LANE).step_by(3) {
            length[l] = 11.3;
        }
        let apart = degree_hours(&tmin, &tmax, &length, &logs(), true);
        for l in (0..LANE).step_by(3) {
            assert_eq!(together[l].to_bits(), apart[l].to_bits());
        }
    }

    #[test]
    fn what_is_missing_gives_a_missing_sum_and_cold_none() {
        let (mut tmin, mut tmax, mut length) = ([10.0; LANE], [30.0; LANE], [12.0; LANE]);
        tmin[1] = f64::NAN;
        tmax[2] = f64::NAN;
        length[3] = f64::NAN;
        tmax[4] = 60.0;
        let got = degree_hours(&tmin, &tmax, &length, &logs(), true);
        assert_eq!(got[0], 0.0);
        assert!(got[1].is_nan() && got[2].is_nan() && got[3].is_nan());
        assert!((got[4] - plain(10.0, 60.0, 12.0)).abs() < 1e-10);
    }
}
