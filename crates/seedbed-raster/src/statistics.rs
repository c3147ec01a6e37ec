//! Summary figures of a field.

#![expect(clippy::inline_always, reason = "only what is inlined has the level's instructions")]
#![expect(clippy::needless_range_loop, reason = "an iterator's own loop isn't compiled for this processor")]

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

/// Summarises values. They are added up in an order that depends on their number alone, so the result is
/// reproducible to the bit.
#[must_use]
pub fn statistics<T: Real>(values: &[T]) -> Statistics {
    let mut summary = Summary::default();
    summary.add(values);
    summary.statistics()
}

/// Values that are looked at twice, for their mean and for what they are off it, while they are in the processor's
/// nearest cache.
const BLOCK: usize = 4096;

/// Statistics of what was seen so far.
///
/// Means and squares are joined as Chan, Golub and `LeVeque` (1979) do, so that nothing is lost of a mean that is
/// large beside the spread.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    all: f64,
    valid: f64,
    min: f64,
    max: f64,
    mean: f64,
    /// The sum of squared differences from the mean.
    squares: f64,
}

impl Summary {
    /// Adds values.
    pub fn add<T: Real>(&mut self, values: &[T]) {
        self.add_at(Level::best(), values);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn add_at<T: Real>(&mut self, level: Level, values: &[T]) {
        for block in values.chunks(BLOCK) {
            let mut found = Self { all: block.len() as f64, ..Self::default() };
            level.run(Look { values: block, found: &mut found });
            self.join(&found);
        }
    }

    fn join(&mut self, other: &Self) {
        let all = self.all + other.all;
        *self = match (self.valid == 0.0, other.valid == 0.0) {
            (true, _) => Self { all, ..*other },
            (_, true) => Self { all, ..*self },
            _ => {
                let valid = self.valid + other.valid;
                let apart = other.mean - self.mean;
                Self {
                    all,
                    valid,
                    min: self.min.min(other.min),
                    max: self.max.max(other.max),
                    mean: self.mean + apart * other.valid / valid,
                    squares: self.squares + other.squares + apart * apart * self.valid * other.valid / valid,
                }
            }
        };
    }

    /// Of all values so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        if self.valid == 0.0 {
            return Statistics {
                min: f64::NAN,
                max: f64::NAN,
                mean: f64::NAN,
                stddev: f64::NAN,
                valid_percent: 0.0,
            };
        }
        Statistics {
            min: self.min,
            max: self.max,
            mean: self.mean,
            stddev: (self.squares / self.valid).sqrt(),
            valid_percent: 100.0 * self.valid / self.all,
        }
    }
}

/// Values that are looked at side by side: value number `n` belongs to lane `n` modulo this.
const LANES: usize = 16;

/// What is seen of a block.
struct Look<'a, T> {
    values: &'a [T],
    found: &'a mut Summary,
}

impl<T: Real> Work for Look<'_, T> {
    #[inline(always)]
    fn run(self) {
        let mut first = First::new();
        each(self.values, &mut first);
        let valid = first.count.iter().sum::<f64>();
        if valid == 0.0 {
            return;
        }
        let mean = first.sum.iter().sum::<f64>() / valid;
        let mut second = Second { mean, squares: [0.0; LANES] };
        each(self.values, &mut second);
        *self.found = Summary {
            valid,
            min: first.low.iter().copied().fold(f64::INFINITY, f64::min),
            max: first.high.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean,
            squares: second.squares.iter().sum(),
            ..*self.found
        };
    }
}

/// What is done with values side by side.
trait Pass {
    fn add(&mut self, some: &[f64; LANES]);
}

/// For their number, their mean and their extremes.
struct First {
    count: [f64; LANES],
    sum: [f64; LANES],
    low: [f64; LANES],
    high: [f64; LANES],
}

impl First {
    fn new() -> Self {
        let none = [0.0; LANES];
        Self { count: none, sum: none, low: [f64::INFINITY; LANES], high: [f64::NEG_INFINITY; LANES] }
    }
}

impl Pass for First {
    #[inline(always)]
    fn add(&mut self, some: &[f64; LANES]) {
        for lane in 0..LANES {
            let value = if some[lane].is_finite() { some[lane] } else { f64::NAN };
            let there = !value.is_nan();
            self.count[lane] += if there { 1.0 } else { 0.0 };
            self.low[lane] = if value < self.low[lane] { value } else { self.low[lane] };
            self.high[lane] = if value > self.high[lane] { value } else { self.high[lane] };
            self.sum[lane] += if there { value } else { 0.0 };
        }
    }
}

/// For what they are off their mean.
struct Second {
    mean: f64,
    squares: [f64; LANES],
}

impl Pass for Second {
    #[inline(always)]
    fn add(&mut self, some: &[f64; LANES]) {
        for lane in 0..LANES {
            let off = some[lane] - self.mean;
            self.squares[lane] += if off.is_finite() { off * off } else { 0.0 };
        }
    }
}

/// Hands on the values, `LANES` at a time in 64 bits, the last ones filled up with NaN.
#[inline(always)]
fn each<T: Real>(values: &[T], to: &mut impl Pass) {
    let (whole, rest) = values.as_chunks::<LANES>();
    for some in whole {
        to.add(&some.map(Real::to_f64));
    }
    let mut last = [f64::NAN; LANES];
    for (last, value) in last.iter_mut().zip(rest) {
        *last = value.to_f64();
    }
    to.add(&last);
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
                let mut summary = Summary::default();
                summary.add_at(level, &values);
                assert_eq!(summary.statistics(), found);
            }
        }
    }

    #[test]
    fn values_one_after_the_other_give_the_statistics_of_all() {
        let all: Vec<f64> = (0..3 * 4096 + 700)
            .map(|i| if i % 7 == 2 { f64::NAN } else { 280.0 + f64::from(i * 37 % 101) })
            .collect();
        let there: Vec<f64> = all.iter().copied().filter(|v| !v.is_nan()).collect();
        let count = f64::from(u16::try_from(there.len()).unwrap());
        let mean = there.iter().sum::<f64>() / count;
        let stddev = (there.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
        let mut summary = Summary::default();
        summary.add(&[f64::NAN; 100]);
        for layer in all.chunks(1500) {
            summary.add(layer);
        }
        for (found, more) in [(summary.statistics(), 100), (statistics(&all), 0)] {
            let number = f64::from(u16::try_from(all.len() + more).unwrap());
            assert_eq!((found.min, found.max), (280.0, 380.0));
            assert!((found.mean - mean).abs() < 1e-10 && (found.stddev - stddev).abs() < 1e-10);
            assert!((found.valid_percent - 100.0 * count / number).abs() < 1e-10);
        }
        assert_eq!(Summary::default().statistics().valid_percent, 0.0);
    }
}
