//! Days that wait until their block of thirty is whole, to be filled from its mean.

use super::lanes::{LANE, Lanes};
use super::plants::ROUNDING;
use super::rules::Gaps;
use seedbed_block::Real;

/// Days of a block.
pub const BLOCK: u8 = 30;

/// Fewer values of a block than this are too few.
const FEWEST: f64 = 20.0;

/// More zeros (degF) of a block than this aren't believed.
const ZEROS: f64 = 10.0;

/// Values at or beyond these, in degF, aren't believed.
const BELIEVED: (f64, f64) = (-99.0, 125.0);

/// Degrees Fahrenheit of degrees Celsius.
#[inline(always)]
pub fn fahrenheit(celsius: f64) -> f64 {
    celsius * 1.8 + 32.0
}

/// Days as they were given: degC, degC and seconds.
#[derive(Debug, Clone)]
pub struct Pending<T> {
    /// For each day the lowest and the highest temperature and the length.
    pub days: Vec<[[T; LANE]; 3]>,
}

impl<T: Real> Pending<T> {
    /// What fills gaps in temperatures of one kind (0 the lowest, 1 the highest), in degF:
    /// the means of what is there, or nothing where no pixel has a gap. `blank` becomes
    /// NaN where too few are there.
    #[inline(always)]
    pub fn means(&self, kind: usize, gaps: Gaps, blank: &mut Lanes) -> Option<Lanes> {
        let strict = gaps == Gaps::FillOrBlank;
        let mut whole = true;
        for day in &self.days {
            for l in 0..LANE {
                let t = fahrenheit(day[kind][l].to_f64());
                whole &= !has_gap(t, strict) & !(strict & is_zero(t));
            }
        }
        if whole {
            return None;
        }
        let (mut sum, mut count, mut zeros) = ([0.0; LANE], [0.0; LANE], [0.0; LANE]);
        for day in &self.days {
            for l in 0..LANE {
                let t = fahrenheit(day[kind][l].to_f64());
                sum[l] += if t.is_nan() { 0.0 } else { t };
                count[l] += if t.is_nan() { 0.0 } else { 1.0 };
                zeros[l] += if is_zero(t) { 1.0 } else { 0.0 };
            }
        }
        for l in 0..LANE {
            let refused = strict & ((count[l] < FEWEST) | (zeros[l] > ZEROS));
            blank[l] = if refused { f64::NAN } else { blank[l] };
            sum[l] = if count[l] > 0.0 { sum[l] / count[l] } else { f64::NAN };
        }
        Some(sum)
    }
}

#[inline(always)]
fn is_zero(t: f64) -> bool {
    t.abs() < ROUNDING
}

#[inline(always)]
fn has_gap(t: f64, strict: bool) -> bool {
    t.is_nan() | (strict & ((t < BELIEVED.0) | (t > BELIEVED.1)))
}

/// A day's temperatures in degF of those in degC, gaps filled by `means`.
#[inline(always)]
pub fn filled<T: Real>(celsius: &[T; LANE], gaps: Gaps, means: Option<&Lanes>) -> Lanes {
    let mut lanes = [0.0; LANE];
    for l in 0..LANE {
        lanes[l] = fahrenheit(celsius[l].to_f64());
    }
    if let Some(means) = means {
        for l in 0..LANE {
            let t = lanes[l];
            lanes[l] = if has_gap(t, gaps == Gaps::FillOrBlank) { means[l] } else { t };
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(celsius: impl Fn(u8) -> f64) -> Pending<f64> {
        Pending { days: (0..BLOCK).map(|d| [[celsius(d); LANE], [0.0; LANE], [0.0; LANE]]).collect() }
    }

    #[test]
    fn gaps_are_filled_by_the_mean_of_what_is_there() {
        let with_gaps = block(|d| if d % 3 == 1 { f64::NAN } else { f64::from(d) });
        let mut blank = [0.0; LANE];
        let means = with_gaps.means(0, Gaps::FillOrBlank, &mut blank);
        let filled: Vec<Lanes> =
            with_gaps.days.iter().map(|d| filled(&d[0], Gaps::FillOrBlank, means.as_ref())).collect();
        let mean = (0..30).filter(|d| d % 3 != 1).map(f64::from).sum::<f64>() / 20.0;
        assert!((filled[1][0] - fahrenheit(mean)).abs() < 1e-9);
        assert_eq!(filled[2][0], fahrenheit(2.0));
        assert_eq!(blank[0], 0.0);
    }

    #[test]
    fn too_few_or_too_many_zeros_blank_the_year_and_odd_values_are_filled_where_that_is_the_rule() {
        let too_few = block(|d| if d < 11 { f64::NAN } else { 10.0 });
        let zeros = block(|d| if d < 11 { -160.0 / 9.0 } else { 10.0 });
        let odd = block(|d| if d == 0 { 70.0 } else { 10.0 });
        let run = |days: &Pending<f64>, gaps| {
            let mut blank = [0.0; LANE];
            let means = days.means(0, gaps, &mut blank);
            (filled(&days.days[0][0], gaps, means.as_ref())[0], blank[0])
        };
        assert!(run(&too_few, Gaps::FillOrBlank).1.is_nan());
        assert_eq!(run(&too_few, Gaps::Fill), (50.0, 0.0));
        assert!(run(&zeros, Gaps::FillOrBlank).1.is_nan());
        assert!((run(&odd, Gaps::FillOrBlank).0 - 53.6).abs() < 1e-9);
        assert_eq!(run(&odd, Gaps::Fill).0, 158.0);
        assert!(run(&block(|_| f64::NAN), Gaps::Fill).0.is_nan());
    }
}
