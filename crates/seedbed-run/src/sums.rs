//! Daily outputs gathered over a period.

#![expect(clippy::inline_always, reason = "only what is inlined has the level's instructions")]

use seedbed_block::Real;
use seedbed_block::simd::{Level, Work};
use seedbed_model::Aggregation;
use std::borrow::Cow;

/// How missing days count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingDays {
    /// They are left out and counted; a period without any valid day is missing,
    /// and a state is that of the last valid day, since missing days hold it.
    Count,
    /// One makes the whole period missing, as plain addition does.
    Poison,
}

/// Pixels whose sums stay in the nearest cache while days are added to them.
const BLOCK: usize = 2048;

/// One variable over one period, pixel by pixel, summed in 64 bits.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    aggregation: Aggregation,
    missing_days: MissingDays,
    values: Vec<f64>,
    /// Days without a value; empty as long as there was none anywhere.
    missing: Vec<u16>,
    days: u16,
}

impl Gathered {
    /// An empty period over `pixels` pixels.
    #[cfg(test)]
    fn new(aggregation: Aggregation, missing_days: MissingDays, pixels: usize) -> Self {
        Self::within(Vec::new(), aggregation, missing_days, pixels)
    }

    /// An empty period over `pixels` pixels in the array of one that is over: new memory costs more than
    /// the sums themselves.
    pub(crate) fn within(
        mut values: Vec<f64>,
        aggregation: Aggregation,
        missing_days: MissingDays,
        pixels: usize,
    ) -> Self {
        let start = match aggregation {
            Aggregation::Sum | Aggregation::Mean => 0.0,
            Aggregation::State => f64::NAN,
        };
        if values.is_empty() && start == 0.0 {
            // Pages that are of zeros already.
            values = vec![0.0; pixels];
        } else {
            values.clear();
            values.resize(pixels, start);
        }
        Self { aggregation, missing_days, values, missing: Vec::new(), days: 0 }
    }

    /// Its array, for [`Gathered::within`].
    pub(crate) fn into_array(self) -> Vec<f64> {
        self.values
    }

    /// A period as [`Gathered::parts`] had it, unless their lengths differ.
    pub(crate) fn restored(
        aggregation: Aggregation,
        missing_days: MissingDays,
        values: Vec<f64>,
        missing: Vec<u16>,
        days: u16,
    ) -> Option<Self> {
        let fits = missing.is_empty() || missing.len() == values.len();
        fits.then_some(Self { aggregation, missing_days, values, missing, days })
    }

    /// All that it is made of: the values so far, the days without one, and the days that
    /// counted.
    pub(crate) fn parts(&self) -> (&[f64], &[u16], u16) {
        (&self.values, &self.missing, self.days)
    }

    /// Adds days in order, each with a value a pixel: day × pixel.
    pub(crate) fn add<T: Real>(&mut self, days: &[T]) {
        Self::add_to_all(&mut [self], days);
    }

    /// The same to several periods of as many pixels: the days are fetched from memory once for all.
    pub(crate) fn add_to_all<T: Real>(all: &mut [&mut Self], days: &[T]) {
        for period in all.iter_mut() {
            let count = days.len() / period.values.len().max(1);
            period.days += u16::try_from(count).unwrap_or(u16::MAX);
        }
        Level::best().run(Added { to: all, days });
    }

    /// Puts what is known of the whole period in the place of what was known before
    /// the last `days` days.
    pub(crate) fn replace<T: Real>(&mut self, known: &[T], days: usize) {
        self.days += u16::try_from(days).unwrap_or(u16::MAX);
        self.values.iter_mut().zip(known).for_each(|(value, known)| *value = known.to_f64());
    }

    #[inline(always)]
    fn add_block<T: Real>(&mut self, start: usize, block: &[T]) {
        let range = start..start + block.len();
        let pairs = self.values[range.clone()].iter_mut().zip(block.iter().map(|v| v.to_f64()));
        // One plain loop each, which becomes vector code. Adding 0 changes no bit
        // of a sum that began with 0.
        match (self.aggregation, self.missing_days) {
            (Aggregation::Sum | Aggregation::Mean, MissingDays::Poison) => {
                pairs.for_each(|(sum, v)| *sum += v);
            }
            (Aggregation::Sum | Aggregation::Mean, MissingDays::Count) => {
                pairs.for_each(|(sum, v)| *sum += if v.is_nan() { 0.0 } else { v });
            }
            (Aggregation::State, MissingDays::Poison) => pairs.for_each(|(state, v)| *state = v),
            (Aggregation::State, MissingDays::Count) => {
                pairs.for_each(|(state, v)| *state = if v.is_nan() { *state } else { v });
            }
        }
        if block.iter().fold(false, |any, v| any | v.is_missing()) {
            self.missing.resize(self.values.len(), 0);
            for (count, value) in self.missing[range].iter_mut().zip(block) {
                *count += u16::from(value.is_missing());
            }
        }
    }

    /// How days become the period.
    pub(crate) fn aggregation(&self) -> Aggregation {
        self.aggregation
    }

    /// The days that counted.
    pub(crate) fn days(&self) -> u16 {
        self.days
    }

    /// The most days that were missing at any pixel that has a valid one.
    pub(crate) fn most_missing(&self) -> u16 {
        self.missing.iter().copied().filter(|m| *m < self.days).max().unwrap_or(0)
    }

    /// The period's values; NaN where there is none.
    pub(crate) fn finish(&self) -> Cow<'_, [f64]> {
        if self.days == 0 {
            return Cow::Owned(vec![f64::NAN; self.values.len()]);
        }
        if self.missing.is_empty() && self.aggregation != Aggregation::Mean {
            return Cow::Borrowed(&self.values);
        }
        let mut values = self.values.clone();
        if self.missing_days == MissingDays::Count {
            for (value, missing) in values.iter_mut().zip(&self.missing) {
                if *missing == self.days {
                    *value = f64::NAN;
                }
            }
        }
        if self.aggregation == Aggregation::Mean {
            let missing = self.missing.iter().copied().chain(std::iter::repeat(0));
            for (value, missing) in values.iter_mut().zip(missing) {
                *value /= f64::from(self.days - missing);
            }
        }
        Cow::Owned(values)
    }
}

/// Days on their way into periods.
struct Added<'a, 'b, T> {
    to: &'a mut [&'b mut Gathered],
    days: &'a [T],
}

impl<T: Real> Work for Added<'_, '_, T> {
    #[inline(always)]
    fn run(self) {
        let count = self.to.first().map_or(0, |period| period.values.len());
        for start in (0..count).step_by(BLOCK) {
            let pixels = start..count.min(start + BLOCK);
            for period in self.to.iter_mut() {
                for day in self.days.chunks_exact(count) {
                    period.add_block(start, &day[pixels.clone()]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_days_are_left_out_and_counted() {
        let mut month = Gathered::new(Aggregation::Sum, MissingDays::Count, 2);
        month.add(&[1.0_f32, f32::NAN]);
        month.add(&[2.0_f32, f32::NAN]);
        month.add(&[f32::NAN, f32::NAN]);
        assert_eq!((month.days(), month.most_missing()), (3, 1));
        let values = month.finish();
        assert!((values[0] - 3.0).abs() < 1e-12);
        assert!(values[1].is_nan());
    }

    #[test]
    fn days_at_once_and_one_by_one_give_the_same_bits() {
        let pixels = 3 * BLOCK + 5;
        let value = |i: usize| {
            if i.is_multiple_of(97) { f64::NAN } else { f64::from(u32::try_from(i % 1013).unwrap()) * 0.1 }
        };
        let days: Vec<f64> = (0..7 * pixels).map(value).collect();
        for aggregation in [Aggregation::Sum, Aggregation::Mean, Aggregation::State] {
            for missing in [MissingDays::Count, MissingDays::Poison] {
                let gathered = |length: usize| {
                    let mut sum = Gathered::new(aggregation, missing, pixels);
                    days.chunks(length * pixels).for_each(|piece| sum.add(piece));
                    (sum.days(), sum.most_missing(), sum.finish().iter().map(|v| v.to_bits()).collect())
                };
                let (one, all): ((_, _, Vec<u64>), _) = (gathered(1), gathered(7));
                assert_eq!(one, all);
                assert_eq!(one.0, 7);
            }
        }
    }

    #[test]
    fn several_periods_at_once_are_as_each_alone() {
        let pixels = BLOCK + 3;
        let days: Vec<f32> = (0..3 * pixels)
            .map(|i| if i % 89 == 0 { f32::NAN } else { f32::from(u8::try_from(i % 251).unwrap()) })
            .collect();
        let new = |aggregation| Gathered::new(aggregation, MissingDays::Count, pixels);
        let (mut month, mut state) = (new(Aggregation::Mean), new(Aggregation::State));
        month.add(&days[..pixels]);
        let (mut alone, mut state_alone) = (month.clone(), state.clone());
        alone.add(&days);
        state_alone.add(&days);
        Gathered::add_to_all(&mut [&mut month, &mut state], &days);
        let bits = |sum: &Gathered| sum.finish().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!((month.days(), state.days()), (4, 3));
        assert_eq!((bits(&month), bits(&state)), (bits(&alone), bits(&state_alone)));
        assert_eq!(month.most_missing(), alone.most_missing());
    }

    #[test]
    fn plain_addition_makes_the_period_missing() {
        let mut month = Gathered::new(Aggregation::Sum, MissingDays::Poison, 1);
        month.add(&[1.0_f64]);
        month.add(&[f64::NAN]);
        assert!(month.finish()[0].is_nan());
    }

    #[test]
    fn a_state_is_that_of_the_last_day_or_the_last_that_was_not_missing() {
        let state = |missing, days: &[f64]| {
            let mut month = Gathered::new(Aggregation::State, missing, 1);
            for day in days {
                month.add(&[*day]);
            }
            month.finish()[0]
        };
        assert_eq!(state(MissingDays::Count, &[7.0, 5.0]), 5.0);
        assert_eq!(state(MissingDays::Count, &[7.0, f64::NAN]), 7.0);
        assert!(state(MissingDays::Count, &[f64::NAN]).is_nan());
        assert!(state(MissingDays::Poison, &[7.0, f64::NAN]).is_nan());
    }

    #[test]
    fn a_mean_is_that_of_the_days_that_have_a_value() {
        let mean = |missing| {
            let mut month = Gathered::new(Aggregation::Mean, missing, 3);
            month.add(&[1.0, 4.0, f64::NAN]);
            month.add(&[2.0, f64::NAN, f64::NAN]);
            month.finish().into_owned()
        };
        let counted = mean(MissingDays::Count);
        assert_eq!(counted[..2], [1.5, 4.0]);
        assert!(counted[2].is_nan());
        let poisoned = mean(MissingDays::Poison);
        assert!(poisoned[0] == 1.5 && poisoned[1].is_nan() && poisoned[2].is_nan());
    }

    #[test]
    fn what_is_known_of_a_year_takes_the_place_of_what_was() {
        let mut year = Gathered::new(Aggregation::State, MissingDays::Count, 2);
        year.replace(&[120.0_f32, f32::NAN], 60);
        year.replace(&[f32::NAN, 118.0_f32], 30);
        assert_eq!((year.days(), year.most_missing()), (90, 0));
        let values = year.finish();
        assert!(values[0].is_nan());
        assert_eq!(values[1], 118.0);
    }

    #[test]
    fn a_period_without_a_counted_day_is_missing() {
        for missing in [MissingDays::Count, MissingDays::Poison] {
            assert!(Gathered::new(Aggregation::Sum, missing, 1).finish()[0].is_nan());
        }
    }
}
