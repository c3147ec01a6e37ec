//! From pixels that were each observed on a day of their own to a value a day.

use super::{SeriesError, check_length, day_number};
use crate::{Bridge, Date, Real};

/// A layer whose pixels were observed on different days.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a, T> {
    /// The day from which the pixels' days count.
    pub from: Date,
    /// A value a pixel, NaN where there is none.
    pub values: &'a [T],
    /// The days from `from` to each pixel's observation: fractions where a pixel is the mean
    /// of several, NaN where the day isn't known.
    pub after: &'a [T],
}

/// Values on `days`, linear in time between the days on which each pixel was observed.
///
/// `v(d) = v1 + (d − t1)/(t2 − t1)·(v2 − v1)`: `v1` the pixel's last observation on or before
/// the day, of the day `t1`, and `v2` its first one after it, of `t2`. Observations go by
/// their days, whatever the order of the layers; of two of one day that of the later
/// layer counts. A pixel without a value or without a day wasn't observed. On the day of an
/// observation the value is the observation's. Between observations more than `bridge`
/// apart, before a pixel's first and after its last, the value is missing.
///
/// `layers` stand in order of `from`, and `out` is day × pixel, layer after layer; the days
/// may be in any order.
///
/// # Errors
/// [`SeriesError`] if lengths disagree or the layers' days run backwards.
///
/// # Examples
/// Two pixels of two 16-day composites, of which the second pixel was observed late:
/// ```
/// use seedbed_block::{Bridge, date, series::{Observed, interpolate_observed}};
/// let first = Observed { from: date(2003, 1, 1), values: &[0.0, 0.0], after: &[0.0, 15.0] };
/// let second = Observed { from: date(2003, 1, 17), values: &[1.6, 1.6], after: &[0.0, 15.0] };
/// let mut out = [0.0; 2];
/// let days = [date(2003, 1, 17)];
/// interpolate_observed(&[first, second], &days, 2, Bridge::default(), &mut out).unwrap();
/// assert_eq!(out, [1.6, 0.1]);
/// ```
pub fn interpolate_observed<T: Real>(
    layers: &[Observed<'_, T>],
    days: &[Date],
    pixels: usize,
    bridge: Bridge,
    out: &mut [T],
) -> Result<(), SeriesError> {
    for layer in layers {
        check_length("a composite", 1, pixels, layer.values.len())?;
        check_length("a composite's days", 1, pixels, layer.after.len())?;
    }
    check_length("its result", days.len(), pixels, out.len())?;
    if let Some(w) = layers.windows(2).find(|w| w[0].from > w[1].from) {
        return Err(SeriesError::Order { before: w[0].from, after: w[1].from });
    }
    let numbers: Vec<f64> = layers.iter().map(|layer| f64::from(day_number(layer.from))).collect();
    let days: Vec<f64> = days.iter().map(|day| f64::from(day_number(*day))).collect();
    let mut seen = Vec::with_capacity(layers.len());
    for pixel in 0..pixels {
        in_order(layers, &numbers, pixel, &mut seen);
        for (n, day) in days.iter().enumerate() {
            out[n * pixels + pixel] = between(&seen, *day, f64::from(bridge.days())).unwrap_or(T::NAN);
        }
    }
    Ok(())
}

/// A pixel's observations by day, one a day.
fn in_order<T: Real>(layers: &[Observed<'_, T>], numbers: &[f64], pixel: usize, seen: &mut Vec<(f64, T)>) {
    seen.clear();
    for (from, layer) in numbers.iter().zip(layers) {
        let (value, after) = (layer.values[pixel], layer.after[pixel]);
        if value.is_missing() || after.is_missing() {
            continue;
        }
        let day = from + after.to_f64();
        let at = seen.partition_point(|(other, _)| *other < day);
        match seen.get_mut(at) {
            Some(same) if same.0 == day => same.1 = value,
            _ => seen.insert(at, (day, value)),
        }
    }
}

/// The value on a day, if the observations around it are near enough to each other.
fn between<T: Real>(seen: &[(f64, T)], day: f64, longest: f64) -> Option<T> {
    let next = seen.partition_point(|(observed, _)| *observed <= day);
    let (before, first) = *seen.get(next.checked_sub(1)?)?;
    if before == day {
        return Some(first);
    }
    let (after, second) = *seen.get(next)?;
    let weight = T::of((day - before) / (after - before));
    (after - before <= longest).then(|| first + weight * (second - first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    /// A generator of numbers that look random, always the same ones.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> u64 {
            // Knuth's MMIX.
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }

        fn real(&mut self, end: u32) -> f64 {
            f64::from(u32::try_from(self.below(u64::from(end))).unwrap())
        }
    }

    fn day(number: i64) -> Date {
        date(2003, 1, 1).checked_add(jiff::Span::new().days(number)).unwrap()
    }

    /// Looks at every pair of a pixel's observations, day by day.
    fn slowly(observed: &[(f64, f64)], day: f64, longest: f64) -> f64 {
        let mut nearest = [None, None];
        for (on, value) in observed {
            let [before, after] = &mut nearest;
            // Of two of one day the one that comes later stays.
            if *on <= day && before.is_none_or(|(held, _)| *on >= held) {
                *before = Some((*on, *value));
            }
            if *on > day && after.is_none_or(|(held, _)| *on <= held) {
                *after = Some((*on, *value));
            }
        }
        match nearest {
            [Some((on, value)), _] if on == day => value,
            [Some((t1, v1)), Some((t2, v2))] if t2 - t1 <= longest => v1 + (day - t1) / (t2 - t1) * (v2 - v1),
            _ => f64::NAN,
        }
    }

    #[test]
    fn random_observations_give_what_a_search_of_each_pixel_gives() {
        const PIXELS: usize = 400;
        let mut numbers = Numbers(7);
        let (mut found, mut missing) = (0, 0);
        for round in 0..20 {
            // Of Terra and Aqua together, whose composites overlap by eight days, with gaps.
            let starts: Vec<i64> = (0..20).filter(|_| numbers.below(5) > 0).map(|n| n * 8).collect();
            let layers: Vec<[Vec<f64>; 2]> = starts
                .iter()
                .map(|_| {
                    let mut pick = |absent: u64, number: &dyn Fn(&mut Numbers) -> f64| -> Vec<f64> {
                        let one = |numbers: &mut Numbers| match numbers.below(absent) {
                            0 => f64::NAN,
                            _ => number(numbers),
                        };
                        (0..PIXELS).map(|_| one(&mut numbers)).collect()
                    };
                    let values = pick(3, &|numbers| numbers.real(1000) / 7.0);
                    // Half of the rounds have means of several days.
                    let after = pick(12, &|n| if round % 2 == 0 { n.real(16) } else { n.real(61) / 4.0 });
                    [values, after]
                })
                .collect();
            let observed: Vec<Observed<'_, f64>> = starts
                .iter()
                .zip(&layers)
                .map(|(start, [values, after])| Observed { from: day(*start), values, after })
                .collect();
            let days: Vec<i64> = (-3..200).collect();
            let longest = 1 + i32::try_from(numbers.below(60)).unwrap();
            let mut out = vec![0.0; days.len() * PIXELS];
            let dates: Vec<Date> = days.iter().map(|n| day(*n)).collect();
            let bridge = format!("{longest}d").parse().unwrap();
            interpolate_observed(&observed, &dates, PIXELS, bridge, &mut out).unwrap();
            for pixel in 0..PIXELS {
                let here: Vec<(f64, f64)> = starts
                    .iter()
                    .zip(&layers)
                    .map(|(start, [values, after])| {
                        (f64::from(i32::try_from(*start).unwrap()) + after[pixel], values[pixel])
                    })
                    .filter(|(on, value)| !on.is_nan() && !value.is_nan())
                    .collect();
                for (n, day) in days.iter().enumerate() {
                    let wanted = slowly(&here, f64::from(i32::try_from(*day).unwrap()), f64::from(longest));
                    let got = out[n * PIXELS + pixel];
                    let same = (got.is_nan() && wanted.is_nan()) || (got - wanted).abs() < 1e-9;
                    assert!(same, "round {round}, pixel {pixel}, day {day}: {got} for {wanted}");
                    if got.is_nan() { missing += 1 } else { found += 1 }
                }
            }
        }
        assert!(found > 100_000 && missing > 100_000, "{found} {missing}");
    }

    #[test]
    fn observations_go_by_day_and_of_one_day_the_later_layer_counts() {
        // The year's last composite, observed on 2 January, and the next one, on 1 and on 2 January.
        let last = Observed { from: date(2003, 12, 19), values: &[8.0, 8.0], after: &[14.0, 14.0] };
        let first = Observed { from: date(2004, 1, 1), values: &[4.0, 6.0], after: &[0.0, 1.0] };
        let next = Observed { from: date(2004, 1, 17), values: &[0.0, 0.0], after: &[0.0, 0.0] };
        let days = [date(2004, 1, 1), date(2004, 1, 2), date(2004, 1, 17)];
        let mut out = [0.0_f64; 6];
        interpolate_observed(&[last, first, next], &days, 2, Bridge::default(), &mut out).unwrap();
        assert!(out[1].is_nan());
        assert_eq!((out[0], &out[2..]), (4.0, &[8.0, 6.0, 0.0, 0.0][..]));
    }

    #[test]
    fn layers_of_another_size_or_order_are_refused() {
        let whole = Observed { from: date(2003, 1, 1), values: &[1.0_f32, 2.0], after: &[0.0, 1.0] };
        let mut out = [0.0; 2];
        let put = |layers: &[Observed<'_, f32>], out: &mut [f32]| {
            interpolate_observed(layers, &[date(2003, 1, 1)], 2, Bridge::default(), out).is_err()
        };
        assert!(!put(&[whole, whole], &mut out));
        assert!(out[0] == 1.0 && out[1].is_nan());
        assert!(put(&[Observed { values: &[1.0], ..whole }], &mut out));
        assert!(put(&[Observed { after: &[1.0], ..whole }], &mut out));
        assert!(put(&[Observed { from: date(2003, 1, 2), ..whole }, whole], &mut out));
        assert!(put(&[whole], &mut [0.0; 3]));
    }
}
