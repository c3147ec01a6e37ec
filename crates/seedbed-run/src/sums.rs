//! Daily outputs gathered over a period.

use seedbed_block::Real;
use seedbed_model::Aggregation;

/// How missing days count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingDays {
    /// They are left out and counted; a period without any valid day is missing.
    Count,
    /// One makes the whole period missing, as plain addition does.
    Poison,
}

/// One variable over one period, pixel by pixel, summed in 64 bits.
#[derive(Debug, Clone)]
pub struct Gathered {
    aggregation: Aggregation,
    missing: MissingDays,
    values: Vec<f64>,
    valid: Vec<u16>,
    days: u16,
}

impl Gathered {
    /// An empty period over `pixels` pixels.
    #[must_use]
    pub fn new(aggregation: Aggregation, missing: MissingDays, pixels: usize) -> Self {
        Self { aggregation, missing, values: vec![0.0; pixels], valid: vec![0; pixels], days: 0 }
    }

    /// Adds a day's values. A day that isn't `counted` only counts as passed.
    pub fn add<T: Real>(&mut self, day: &[T], counted: bool) {
        if !counted {
            return;
        }
        self.days += 1;
        for ((sum, valid), value) in self.values.iter_mut().zip(&mut self.valid).zip(day) {
            let value = value.to_f64();
            match (self.aggregation, self.missing) {
                (Aggregation::Sum, MissingDays::Poison) => *sum += value,
                (Aggregation::Sum, MissingDays::Count) if !value.is_nan() => *sum += value,
                (Aggregation::State, _) => *sum = value,
                (Aggregation::Sum, MissingDays::Count) => {}
            }
            *valid += u16::from(!value.is_nan());
        }
    }

    /// The days that counted.
    #[must_use]
    pub fn days(&self) -> u16 {
        self.days
    }

    /// The most days that were missing at any pixel that has a value.
    #[must_use]
    pub fn most_missing(&self) -> u16 {
        self.valid.iter().filter(|v| **v > 0).map(|v| self.days - v).max().unwrap_or(0)
    }

    /// The period's values; NaN where there is none.
    #[must_use]
    pub fn finish(self) -> Vec<f64> {
        let keep_empty = self.missing == MissingDays::Poison || self.aggregation == Aggregation::State;
        self.values
            .into_iter()
            .zip(self.valid)
            .map(|(value, valid)| if valid == 0 && !keep_empty { f64::NAN } else { value })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_days_are_left_out_and_counted() {
        let mut month = Gathered::new(Aggregation::Sum, MissingDays::Count, 2);
        month.add(&[1.0_f32, f32::NAN], true);
        month.add(&[2.0_f32, f32::NAN], true);
        month.add(&[f32::NAN, f32::NAN], true);
        assert_eq!(month.most_missing(), 1);
        let values = month.finish();
        assert!((values[0] - 3.0).abs() < 1e-12);
        assert!(values[1].is_nan());
    }

    #[test]
    fn plain_addition_makes_the_period_missing() {
        let mut month = Gathered::new(Aggregation::Sum, MissingDays::Poison, 1);
        month.add(&[1.0_f64], true);
        month.add(&[f64::NAN], true);
        assert!(month.finish()[0].is_nan());
    }

    #[test]
    fn a_state_is_that_of_the_last_day() {
        let mut month = Gathered::new(Aggregation::State, MissingDays::Count, 1);
        month.add(&[7.0_f64], true);
        month.add(&[5.0_f64], true);
        assert!((month.finish()[0] - 5.0).abs() < 1e-12);
    }
}
