//! Summary figures of a field.

use seedbed_block::Real;
use serde::{Deserialize, Serialize};

/// Of the values that aren't missing; NaN where there are none.
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
    /// How many of all values aren't missing, in percent.
    pub valid_percent: f64,
}

/// Summarises values; the two passes run in order, so the result is reproducible.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn statistics<T: Real>(values: &[T]) -> Statistics {
    let valid = || values.iter().map(|v| v.to_f64()).filter(|v| !v.is_nan());
    let n = valid().count();
    if n == 0 {
        return Statistics {
            min: f64::NAN,
            max: f64::NAN,
            mean: f64::NAN,
            stddev: f64::NAN,
            valid_percent: 0.0,
        };
    }
    let mean = valid().sum::<f64>() / n as f64;
    let variance = valid().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64;
    Statistics {
        min: valid().fold(f64::INFINITY, f64::min),
        max: valid().fold(f64::NEG_INFINITY, f64::max),
        mean,
        stddev: variance.sqrt(),
        valid_percent: 100.0 * n as f64 / values.len() as f64,
    }
}
