//! From composites every few days to a value a day.

mod observed;

use crate::{Bridge, Date, Period, Real};

pub use observed::{Observed, interpolate_observed};

/// The spacing the original NDVI preparation takes for granted, in days.
const LEGACY_SPACING: f64 = 16.0;

/// How far along its interval a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// `d/D`, `D` the days from one composite to the next.
    #[default]
    Actual,
    /// `d/16` between neighbours, even where the year's last interval is shorter:
    /// what the original preparation does, with its step at New Year. Across a
    /// masked composite the actual spacing is used.
    Legacy,
}

/// What can be wrong with a series.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// An array's length isn't layers × pixels.
    #[error("{what} of {layers} layers of {pixels} pixels needs {expected} values, got {got}")]
    Length {
        /// `a series` or `its result`.
        what: &'static str,
        /// Number of dates.
        layers: usize,
        /// Pixels a layer.
        pixels: usize,
        /// Values needed.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// Dates repeat or run backwards.
    #[error("composite dates must increase: {after} comes after {before}")]
    Order {
        /// The earlier entry.
        before: Date,
        /// The entry that follows it.
        after: Date,
    },
}

/// Values on `days` from `values` on `composites`, linearly in time.
///
/// `v(d) = v1 + (d/D)·(v2 − v1)`: `v1` the last valid composite on or before the
/// day, `v2` the first valid one after it, `d` and `D` days from the one to the
/// day and to the other. A composite is valid where it is not NaN. On the day of
/// a valid composite the value is the composite's. Between valid composites more
/// than `bridge` apart, before the first and after the last, the value
/// is missing: give the neighbours beyond the period too.
///
/// `values` has a layer of `pixels` values for each composite, and `out` is day ×
/// pixel, layer after layer; the days may be in any order.
///
/// # Errors
/// [`SeriesError`] if lengths disagree or the composites' dates don't increase.
///
/// # Examples
/// The last 16-day composite of a year starts on day 353, the next on 1 January:
/// ```
/// use seedbed_block::{Bridge, date, series::{Spacing, interpolate}};
/// let composites = [date(2003, 12, 19), date(2004, 1, 1)];
/// let mut out = [0.0];
/// let days = [date(2003, 12, 31)];
/// let by = (Spacing::Actual, Bridge::default());
/// interpolate(&composites, &[&[0.0], &[1.3]], &days, 1, by, &mut out).unwrap();
/// assert!((out[0] - 1.2_f64).abs() < 1e-12);
/// ```
pub fn interpolate<T: Real>(
    composites: &[Date],
    values: &[&[T]],
    days: &[Date],
    pixels: usize,
    (spacing, bridge): (Spacing, Bridge),
    out: &mut [T],
) -> Result<(), SeriesError> {
    let got = values.iter().map(|layer| layer.len()).sum();
    check_length("a series", composites.len(), pixels, got)?;
    if let Some(layer) = values.iter().find(|layer| layer.len() != pixels) {
        check_length("a composite", 1, pixels, layer.len())?;
    }
    check_length("its result", days.len(), pixels, out.len())?;
    if let Some(w) = composites.windows(2).find(|w| w[0] >= w[1]) {
        return Err(SeriesError::Order { before: w[0], after: w[1] });
    }
    if pixels == 0 {
        return Ok(());
    }
    let numbers: Vec<i32> = composites.iter().map(|d| day_number(*d)).collect();
    for (day, layer) in days.iter().zip(out.chunks_exact_mut(pixels)) {
        Interval::of(&numbers, day_number(*day), spacing, bridge).fill(values, layer);
    }
    Ok(())
}

/// A day among composites, all as day numbers.
struct Interval<'a> {
    composites: &'a [i32],
    day: i32,
    /// Composites before this one lie on or before the day.
    next: usize,
    spacing: Spacing,
    /// The longest gap, in days.
    longest: i32,
}

impl<'a> Interval<'a> {
    fn of(composites: &'a [i32], day: i32, spacing: Spacing, bridge: Bridge) -> Self {
        let next = composites.partition_point(|n| *n <= day);
        Self { composites, day, next, spacing, longest: bridge.days() }
    }

    /// The day's values. Neighbours that are both valid share one weight; pixels
    /// where one is masked are bridged one by one.
    fn fill<T: Real>(&self, values: &[&[T]], out: &mut [T]) {
        let near = |k: &usize| self.day - self.composites[*k] <= self.longest;
        let Some(before) = self.next.checked_sub(1).filter(near) else {
            out.fill(T::NAN);
            return;
        };
        if self.composites[before] == self.day {
            out.copy_from_slice(values[before]);
        } else if let Some(weight) = self.weight::<T>(before, self.next) {
            for (target, (a, b)) in out.iter_mut().zip(values[before].iter().zip(values[self.next])) {
                *target = *a + weight * (*b - *a);
            }
        } else {
            out.fill(T::NAN);
        }
        for (pixel, target) in out.iter_mut().enumerate().filter(|(_, v)| v.is_missing()) {
            *target = self.bridged(values, pixel).unwrap_or(T::NAN);
        }
    }

    /// How much of a later composite's value counts, if it isn't too far away.
    fn weight<T: Real>(&self, before: usize, after: usize) -> Option<T> {
        let days = self.composites.get(after)? - self.composites[before];
        let apart = if self.spacing == Spacing::Legacy && after == before + 1 {
            LEGACY_SPACING
        } else {
            f64::from(days)
        };
        (days <= self.longest).then(|| T::of(f64::from(self.day - self.composites[before]) / apart))
    }

    /// A pixel's value between the valid composites next to the day.
    fn bridged<T: Real>(&self, values: &[&[T]], pixel: usize) -> Option<T> {
        let at = |k: usize| values[k][pixel];
        let before = (0..self.next)
            .rev()
            .take_while(|k| self.day - self.composites[*k] <= self.longest)
            .find(|k| !at(*k).is_missing())?;
        if self.composites[before] == self.day {
            return Some(at(before));
        }
        let after = (self.next..self.composites.len()).find(|k| !at(*k).is_missing())?;
        let weight: T = self.weight(before, after)?;
        Some(at(before) + weight * (at(after) - at(before)))
    }
}

/// The dates on which a climatology's layers fall around a period, with the
/// position of the layer: every year's, from the last one before the period to the
/// first one after it. Days of year count from 1; day 366 is 31 December in a
/// year that has no such day, unless day 365 is there too.
#[must_use]
pub fn recurring(days_of_year: &[u16], period: Period) -> Vec<(Date, usize)> {
    let years = period.start.year() - 1..=period.end.year() + 1;
    let mut all: Vec<(Date, usize)> = years
        .flat_map(|year| {
            let first = jiff::civil::date(year, 1, 1);
            let length = first.days_in_year().unsigned_abs();
            days_of_year.iter().enumerate().filter_map(move |(layer, day)| {
                let clipped = (*day).min(length);
                let repeats = clipped != *day && days_of_year.contains(&clipped);
                let offset = jiff::Span::new().days(i64::from(clipped) - 1);
                (*day >= 1 && !repeats).then(|| first.checked_add(offset).ok())?.map(|d| (d, layer))
            })
        })
        .collect();
    all.sort_unstable();
    let from = all.iter().rposition(|(d, _)| *d <= period.start).unwrap_or(0);
    let to = all.iter().position(|(d, _)| *d > period.end).map_or(all.len(), |i| i + 1);
    all.drain(..from);
    all.truncate(to - from);
    all
}

fn check_length(what: &'static str, layers: usize, pixels: usize, got: usize) -> Result<(), SeriesError> {
    let expected = layers * pixels;
    if expected == got { Ok(()) } else { Err(SeriesError::Length { what, layers, pixels, expected, got }) }
}

/// Days since 1 January 1970.
fn day_number(day: Date) -> i32 {
    let hours = jiff::civil::date(1970, 1, 1).duration_until(day).as_hours();
    // jiff's dates end with the year 9999, so this always fits.
    i32::try_from(hours / 24).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    fn one(composites: &[Date], values: &[f64], day: Date, spacing: Spacing) -> f64 {
        let mut out = [0.0];
        let layers: Vec<&[f64]> = values.chunks(1).collect();
        interpolate(composites, &layers, &[day], 1, (spacing, Bridge::default()), &mut out).unwrap();
        out[0]
    }

    #[test]
    fn the_last_interval_of_a_year_runs_to_the_next_years_first_day() {
        // Day 353 is 19 December in a common year and 18 December in a leap year.
        let common = [date(2003, 12, 19), date(2004, 1, 1)];
        let leap = [date(2004, 12, 18), date(2005, 1, 1)];
        let values = [1.0, 2.0];
        let last = |c: &[Date; 2], day, s| one(c, &values, day, s);
        assert!((last(&common, date(2003, 12, 31), Spacing::Actual) - (1.0 + 12.0 / 13.0)).abs() < 1e-12);
        assert!((last(&leap, date(2004, 12, 31), Spacing::Actual) - (1.0 + 13.0 / 14.0)).abs() < 1e-12);
        assert!((last(&common, date(2003, 12, 31), Spacing::Legacy) - (1.0 + 12.0 / 16.0)).abs() < 1e-12);
        assert!((last(&common, date(2004, 1, 1), Spacing::Actual) - 2.0).abs() < 1e-15);
    }

    #[test]
    fn masked_composites_are_bridged_up_to_48_days() {
        let nan = f64::NAN;
        let every16: Vec<Date> = [1, 17, 33, 49, 65]
            .iter()
            .map(|d| date(2003, 1, 1).checked_add(jiff::Span::new().days(*d - 1)).unwrap())
            .collect();
        let day = |n: i64| date(2003, 1, 1).checked_add(jiff::Span::new().days(n - 1)).unwrap();
        let two_masked = [0.0, nan, nan, 48.0, 64.0];
        assert!((one(&every16, &two_masked, day(20), Spacing::Actual) - 19.0).abs() < 1e-12);
        assert!((one(&every16, &two_masked, day(20), Spacing::Legacy) - 19.0).abs() < 1e-12);
        let three_masked = [0.0, nan, nan, nan, 64.0];
        for n in 2..65 {
            assert!(one(&every16, &three_masked, day(n), Spacing::Actual).is_nan(), "day {n}");
        }
        assert!((one(&every16, &three_masked, day(65), Spacing::Actual) - 64.0).abs() < 1e-15);
    }

    #[test]
    fn a_gap_is_bridged_by_the_number_of_days_that_is_declared() {
        let composites = [date(2003, 1, 1), date(2003, 1, 17), date(2003, 2, 2)];
        let layers: [&[f64]; 3] = [&[0.0, 0.0], &[16.0, f64::NAN], &[32.0, 32.0]];
        for (bridge, wanted) in [("15d", [None, None]), ("31d", [Some(8.0), None]), ("32d", [Some(8.0); 2])] {
            let mut out = [0.0; 2];
            let by = (Spacing::Actual, bridge.parse().unwrap());
            interpolate(&composites, &layers, &[date(2003, 1, 9)], 2, by, &mut out).unwrap();
            assert_eq!(out.map(|v| Some(v).filter(|v| !v.is_nan())), wanted, "{bridge}");
        }
    }

    #[test]
    fn before_the_first_and_after_the_last_composite_values_are_missing() {
        let composites = [date(2003, 1, 17), date(2003, 2, 2)];
        assert!(one(&composites, &[1.0, 2.0], date(2003, 1, 16), Spacing::Actual).is_nan());
        assert!(one(&composites, &[1.0, 2.0], date(2003, 2, 3), Spacing::Actual).is_nan());
        assert!((one(&composites, &[1.0, 2.0], date(2003, 2, 2), Spacing::Actual) - 2.0).abs() < 1e-15);
    }

    #[test]
    fn pixels_of_a_layer_are_independent() {
        let composites = [date(2003, 1, 1), date(2003, 1, 17)];
        let layers = [&[0.0_f32, 1.0, f32::NAN][..], &[16.0, 1.0, 5.0]];
        let mut out = [9.0; 6];
        let days = [date(2003, 1, 9), date(2003, 1, 1)];
        let by = (Spacing::Actual, Bridge::default());
        interpolate(&composites, &layers, &days, 3, by, &mut out).unwrap();
        assert_eq!(out[..2], [8.0, 1.0]);
        assert!(out[2].is_nan() && out[5].is_nan());
        assert_eq!(out[3..5], [0.0, 1.0]);
        assert!(interpolate(&composites, &layers[1..], &days, 3, by, &mut out).is_err());
        let uneven = [&layers[0][..2], &[16.0, 1.0, 5.0, 9.0]];
        assert!(interpolate(&composites, &uneven, &days, 3, by, &mut out).is_err());
    }

    #[test]
    fn a_climatology_runs_into_its_own_first_day() {
        let days: Vec<u16> = (0..23).map(|k| 1 + 16 * k).collect();
        let around = recurring(&days, "2003-12-25/2004-01-05".parse().unwrap());
        assert_eq!(around, [(date(2003, 12, 19), 22), (date(2004, 1, 1), 0), (date(2004, 1, 17), 1)]);
        let daily: Vec<u16> = (1..=366).collect();
        let around = recurring(&daily, "2003-12-31/2003-12-31".parse().unwrap());
        assert_eq!(around, [(date(2003, 12, 31), 364), (date(2004, 1, 1), 0)]);
    }
}
