//! Summary figures of a field.

#![expect(clippy::inline_always, reason = "only what is inlined has the level's instructions")]

use seedbed_block::Real;
use seedbed_block::simd::{Level, Work};
use serde::{Deserialize, Serialize};

/// Of the values that are finite; NaN where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Population standard deviation.
    pub stddev: f64,
    /// How many of all values are finite, in percent.
    pub valid_percent: f64,
}

/// Summarises values in two passes. They are added up in an order that depends on their
/// number alone, so the result is reproducible to the bit.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn statistics<T: Real>(values: &[T]) -> Statistics {
    summary(values, Level::best(), values.len() as f64)
}

fn summary<T: Real>(values: &[T], level: Level, all: f64) -> Statistics {
    let mut lanes = Lanes::default();
    level.run(Extremes { values, lanes: &mut lanes });
    let Lanes { count, low, high, sum } = lanes;
    let n = count.iter().sum::<f64>();
    if n == 0.0 {
        return Statistics {
            min: f64::NAN,
            max: f64::NAN,
            mean: f64::NAN,
            stddev: f64::NAN,
            valid_percent: 0.0,
        };
    }
    let mean = sum.iter().sum::<f64>() / n;
    let mut squares = [0.0; LANES];
    level.run(Spread { values, mean, squares: &mut squares });
    Statistics {
        min: low.iter().copied().fold(f64::INFINITY, f64::min),
        max: high.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        mean,
        stddev: (squares.iter().sum::<f64>() / n).sqrt(),
        valid_percent: 100.0 * n / all,
    }
}

/// Values that are looked at side by side: value number `n` belongs to lane `n` modulo this.
const LANES: usize = 16;

/// What a lane has seen of its values.
struct Lanes {
    count: [f64; LANES],
    low: [f64; LANES],
    high: [f64; LANES],
    sum: [f64; LANES],
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            count: [0.0; LANES],
            low: [f64::INFINITY; LANES],
            high: [f64::NEG_INFINITY; LANES],
            sum: [0.0; LANES],
        }
    }
}

/// Counts, extremes and sums.
struct Extremes<'a, T> {
    values: &'a [T],
    lanes: &'a mut Lanes,
}

impl<T: Real> Work for Extremes<'_, T> {
    #[inline(always)]
    fn run(self) {
        let Lanes { count, low, high, sum } = self.lanes;
        each(self.values, |some: &[f64; LANES]| {
            for lane in 0..LANES {
                let value = if some[lane].is_finite() { some[lane] } else { f64::NAN };
                let there = !value.is_nan();
                count[lane] += if there { 1.0 } else { 0.0 };
                low[lane] = if value < low[lane] { value } else { low[lane] };
                high[lane] = if value > high[lane] { value } else { high[lane] };
                sum[lane] += if there { value } else { 0.0 };
            }
        });
    }
}

/// Squares of what values are off the mean.
struct Spread<'a, T> {
    values: &'a [T],
    mean: f64,
    squares: &'a mut [f64; LANES],
}

impl<T: Real> Work for Spread<'_, T> {
    #[inline(always)]
    fn run(self) {
        let (squares, mean) = (self.squares, self.mean);
        each(self.values, |some: &[f64; LANES]| {
            for lane in 0..LANES {
                let off = some[lane] - mean;
                squares[lane] += if off.is_finite() { off * off } else { 0.0 };
            }
        });
    }
}

/// Hands on the values, `LANES` at a time in 64 bits, the last ones filled up with NaN.
#[inline(always)]
fn each<T: Real>(values: &[T], mut to: impl FnMut(&[f64; LANES])) {
    let (whole, rest) = values.as_chunks::<LANES>();
    for some in whole {
        to(&some.map(Real::to_f64));
    }
    let mut last = [f64::NAN; LANES];
    for (last, value) in last.iter_mut().zip(rest) {
        *last = value.to_f64();
    }
    to(&last);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_values_that_are_there_whatever_the_instructions() {
        for n in [0_u16, 1, 15, 16, 17, 1000] {
            let values: Vec<f32> =
                (0..n).map(|i| if i % 7 == 3 { f32::NAN } else { f32::from(i * 37 % 101) - 20.5 }).collect();
            let there: Vec<f64> = values.iter().filter(|v| !v.is_nan()).map(|v| f64::from(*v)).collect();
            let count = f64::from(u16::try_from(there.len()).unwrap());
            let mean = there.iter().sum::<f64>() / count;
            let variance = there.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            let found = statistics(&values);
            if there.is_empty() {
                assert!(found.mean.is_nan() && found.min.is_nan() && found.valid_percent == 0.0);
                continue;
            }
            assert!((found.mean - mean).abs() < 1e-12 && (found.stddev - variance.sqrt()).abs() < 1e-12);
            let more = [&values[..], &[f32::INFINITY, f32::NEG_INFINITY]].concat();
            let with = statistics(&more);
            assert_eq!(with.min.to_bits(), found.min.to_bits());
            assert!((with.mean - mean).abs() < 1e-12 && (with.stddev - found.stddev).abs() < 1e-12);
            assert!(with.valid_percent < found.valid_percent && with.max <= found.max);
            assert_eq!(found.min, there.iter().copied().fold(f64::INFINITY, f64::min));
            assert_eq!(found.max, there.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            assert_eq!(found.valid_percent, 100.0 * count / f64::from(n));
            for level in Level::all() {
                assert_eq!(summary(&values, level, f64::from(n)), found);
            }
        }
    }
}
