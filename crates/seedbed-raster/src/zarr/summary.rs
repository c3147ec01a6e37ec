//! Statistics of a cube whose layers are seen one after the other.

use crate::{Statistics, statistics};
use seedbed_block::Real;

/// Statistics so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Summary {
    all: usize,
    valid: f64,
    min: f64,
    max: f64,
    mean: f64,
    /// The sum of squared differences from the mean.
    squares: f64,
}

impl Summary {
    /// Adds a layer.
    ///
    /// Means and squares are joined as Chan, Golub and `LeVeque` (1979) do, so that
    /// nothing is lost of a mean that is large beside the spread.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn add<T: Real>(&mut self, layer: &[T]) {
        let of = statistics(layer);
        self.all += layer.len();
        let n = layer.iter().filter(|v| v.to_f64().is_finite()).count() as f64;
        if n == 0.0 {
            return;
        }
        let before = if self.valid == 0.0 { Self { min: of.min, max: of.max, ..*self } } else { *self };
        let valid = before.valid + n;
        let apart = of.mean - before.mean;
        *self = Self {
            all: self.all,
            valid,
            min: before.min.min(of.min),
            max: before.max.max(of.max),
            mean: before.mean + apart * n / valid,
            squares: before.squares + of.stddev * of.stddev * n + apart * apart * before.valid * n / valid,
        };
    }

    /// Of all layers so far.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn statistics(&self) -> Statistics {
        if self.valid == 0.0 {
            return statistics::<f64>(&[]);
        }
        Statistics {
            min: self.min,
            max: self.max,
            mean: self.mean,
            stddev: (self.squares / self.valid).sqrt(),
            valid_percent: 100.0 * self.valid / self.all as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_one_by_one_give_the_statistics_of_all() {
        let all: Vec<f64> =
            (0..600).map(|i| if i % 7 == 2 { f64::NAN } else { 280.0 + f64::from(i * 37 % 101) }).collect();
        let mut summary = Summary::default();
        summary.add(&[f64::NAN; 100]);
        for layer in all.chunks(150) {
            summary.add(layer);
        }
        let (found, expected) = (summary.statistics(), statistics(&all));
        assert_eq!((found.min, found.max), (expected.min, expected.max));
        assert!((found.mean - expected.mean).abs() < 1e-10);
        assert!((found.stddev - expected.stddev).abs() < 1e-10);
        assert!((found.valid_percent - expected.valid_percent * 600.0 / 700.0).abs() < 1e-10);
        assert_eq!(Summary::default().statistics().valid_percent, 0.0);
    }
}
