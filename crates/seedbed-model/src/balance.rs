//! Balances: what goes in must come out or stay.

use seedbed_block::Precision;
use serde::{Deserialize, Serialize};

/// A model's rule that its outputs add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceRule {
    /// The equation, in the names of inputs and outputs.
    pub equation: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// By how many roundings of the day's turnover the equation may be off.
    pub roundings: u32,
    /// Which pixel-days are left out, and why.
    pub left_out: &'static str,
}

impl BalanceRule {
    /// How far a day may be off in a precision, as a share of its turnover.
    ///
    /// # Examples
    /// ```
    /// use seedbed_block::Precision;
    /// use seedbed_model::{Model, veget::Veget};
    /// let share = Veget.balance().unwrap().tolerance(Precision::Single);
    /// assert!(600.0 * share < 4e-4, "600 mm that come and go: less than half a micrometre");
    /// ```
    #[must_use]
    pub fn tolerance(&self, precision: Precision) -> f64 {
        f64::from(self.roundings) * roundoff(precision)
    }
}

/// Half the distance from 1 to the next number: the most that one rounding may be off.
fn roundoff(precision: Precision) -> f64 {
    match precision {
        Precision::Single => f64::from(f32::EPSILON) / 2.0,
        Precision::Double => f64::EPSILON / 2.0,
    }
}

/// How well one day, or several, of all pixels closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// The largest size of what is unexplained at a pixel on a day.
    pub largest: f64,
    /// The sum of these sizes over all pixel-days that count.
    pub sum: f64,
    /// Pixel-days that count.
    pub counted: u64,
    /// Pixel-days that are left out: missing, or not balanced by design.
    pub left_out: u64,
    /// The largest turnover of a pixel-day: the sizes of all that was booked, summed up.
    pub turnover: f64,
    /// The first pixel-day whose rest is more than rounding explains.
    pub breach: Option<Breach>,
}

/// A pixel whose day doesn't add up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// The pixel, counted from the strip's first.
    pub pixel: usize,
    /// What is unexplained.
    pub residual: f64,
    /// What rounding explains.
    pub allowed: f64,
}

impl Balance {
    /// Adds another day or other pixels.
    pub fn join(&mut self, other: &Self) {
        self.largest = self.largest.max(other.largest);
        self.sum += other.sum;
        self.counted += other.counted;
        self.left_out += other.left_out;
        self.turnover = self.turnover.max(other.turnover);
        self.breach = self.breach.or(other.breach);
    }

    /// The mean size of what is unexplained; 0 where nothing counts.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "pixel-days are far below 2^52")]
    pub fn mean(&self) -> f64 {
        if self.counted == 0 { 0.0 } else { self.sum / self.counted as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_join_to_a_period() {
        let breach = Breach { pixel: 3, residual: 0.5, allowed: 0.1 };
        let day = |largest, breach| Balance {
            largest,
            sum: 2.0 * largest,
            counted: 4,
            left_out: 1,
            turnover: 10.0 * largest,
            breach,
        };
        let mut month = Balance::default();
        assert_eq!(month.mean(), 0.0);
        for (largest, breach) in [(1.0, None), (3.0, Some(breach)), (2.0, None)] {
            month.join(&day(largest, breach));
        }
        assert_eq!((month.largest, month.mean(), month.counted, month.left_out), (3.0, 1.0, 12, 3));
        assert_eq!((month.turnover, month.breach), (30.0, Some(breach)));
    }
}
