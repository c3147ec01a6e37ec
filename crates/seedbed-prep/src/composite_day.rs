//! On which day each pixel of a composite was observed.

use crate::PrepError;
use seedbed_block::{Date, Real, is_leap};
use seedbed_catalog::{Asset, Item};
use seedbed_raster::Resampling;

/// The days that a composite is made of, from its date on: those of MOD13 and MYD13.
pub(crate) const DAYS: i32 = 16;

/// What our definitions call the layer of days.
const KEY: &str = "composite_day";

/// How the archives' own names of it end.
const ENDING: &str = "composite_day_of_the_year";

/// The item's asset that holds the days, where its key isn't told.
pub(crate) fn usual(item: &Item) -> Option<Asset<'_>> {
    item.asset(KEY).or_else(|| {
        let mut named = item.assets().filter(|(key, _)| key.ends_with(ENDING)).map(|(_, asset)| asset);
        // Two of them would be of different bands.
        let first = named.next()?;
        named.next().is_none().then_some(first)
    })
}

/// An item without one.
pub(crate) fn unnamed(input: &str, item: &Item) -> PrepError {
    let mut there: Vec<&str> = item.assets().map(|(key, _)| key).collect();
    there.sort_unstable();
    PrepError::Request(format!(
        "input `{input}`: item `{}` has no asset `{KEY}` that says on which day each pixel was observed (it has \
         {}); hint: name the asset, or the variable of the same file: `composite_day` in a project file, \
         --composite-day of `prep`",
        item.id(),
        there.join(", ")
    ))
}

/// Refuses kernels whose values are of no day: the mean of observations is that of their
/// mean day, as far as values change linearly in time, but an extreme or a sum isn't.
pub(crate) fn check_kernel(input: &str, kernel: Resampling) -> Result<(), PrepError> {
    match kernel {
        Resampling::Nearest
        | Resampling::Bilinear
        | Resampling::Cubic
        | Resampling::Average
        | Resampling::BoxAverage => Ok(()),
        Resampling::Sum | Resampling::Min | Resampling::Max | Resampling::Mode | Resampling::Median => {
            Err(PrepError::Request(format!(
                "input `{input}`: `composite-day` needs a kernel whose values have a day (nearest, bilinear, cubic, \
                 average, box-average), and {kernel} isn't one"
            )))
        }
    }
}

/// Turns days of the year into days since a composite's first: NaN where the day is none of
/// the composite's. The first days of a year follow on the last of the one before.
pub(crate) fn since<T: Real>(first: Date, days_of_year: &[f64], after: &mut [T]) {
    let start = f64::from(first.day_of_year());
    let length = if is_leap(first.year()) { 366.0 } else { 365.0 };
    let of_composite = |days: &f64| (0.0..f64::from(DAYS)).contains(days);
    for (number, after) in days_of_year.iter().zip(after) {
        let here = Some(number - start).filter(|_| *number <= length);
        let next = Some(number + length - start).filter(|_| *number >= 1.0);
        let whole = number.fract() == 0.0;
        let days = here.filter(of_composite).or(next.filter(of_composite)).filter(|_| whole);
        *after = days.map_or(T::NAN, T::of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::date;

    fn days(first: Date, numbers: &[f64]) -> Vec<Option<f64>> {
        let mut after = vec![0.0; numbers.len()];
        since(first, numbers, &mut after);
        after.into_iter().map(|n| Some(n).filter(|n: &f64| !n.is_nan())).collect()
    }

    #[test]
    fn every_day_of_a_composite_has_its_place() {
        // Terra's and Aqua's last of a year, in common and leap years, and others.
        for (year, number) in
            [(2003, 353), (2004, 353), (2003, 361), (2004, 361), (2003, 1), (2004, 49), (2003, 337)]
        {
            let first = date(year, 1, 1).checked_add(jiff::Span::new().days(number - 1)).unwrap();
            let all: Vec<f64> = (0..DAYS)
                .map(|n| f64::from(first.checked_add(jiff::Span::new().days(n)).unwrap().day_of_year()))
                .collect();
            let wanted: Vec<Option<f64>> = (0..DAYS).map(|n| Some(f64::from(n))).collect();
            assert_eq!(days(first, &all), wanted, "{first}");
            let others: Vec<f64> = (-2..=368_i16).map(f64::from).filter(|n: &f64| !all.contains(n)).collect();
            assert!(days(first, &others).iter().all(Option::is_none), "{first}");
        }
    }

    #[test]
    fn what_is_no_day_is_none() {
        let first = date(2003, 12, 19);
        assert_eq!(
            days(first, &[366.0, 365.0, 1.0, 3.0, 4.0]),
            [None, Some(12.0), Some(13.0), Some(15.0), None]
        );
        assert_eq!(days(date(2004, 12, 18), &[366.0, 1.0, 2.0]), [Some(13.0), Some(14.0), Some(15.0)]);
        assert_eq!(days(first, &[0.0, -1.0, f64::NAN, 353.5]), [None; 4]);
    }
}
