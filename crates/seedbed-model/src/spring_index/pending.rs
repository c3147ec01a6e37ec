//! Days that wait until their block of thirty is whole, to be filled from its mean.

use super::lanes::{LANE, Lanes};
use super::rules::Gaps;
use seedbed_block::Real;

/// Days of a block.
pub const BLOCK: usize = 30;

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
    /// Temperatures in degF of one kind (0 the lowest, 1 the highest), day by day, filled;
    /// `closed` becomes NaN where there are too few.
    #[inline(always)]
    pub fn filled(&self, kind: usize, gaps: Gaps, closed: &mut Lanes) -> Vec<Lanes> {
        let mut days: Vec<Lanes> = Vec::with_capacity(BLOCK);
        let (mut sum, mut count, mut zeros) = ([0.0; LANE], [0.0; LANE], [0.0; LANE]);
        for day in &self.days {
            let mut lanes = [0.0; LANE];
            for l in 0..LANE {
                let t = fahrenheit(day[kind][l].to_f64());
                lanes[l] = t;
                sum[l] += if t.is_nan() { 0.0 } else { t };
                count[l] += if t.is_nan() { 0.0 } else { 1.0 };
                zeros[l] += if t == 0.0 { 1.0 } else { 0.0 };
            }
            days.push(lanes);
        }
        let strict = gaps == Gaps::FillOrBlank;
        for l in 0..LANE {
            let refused = strict & ((count[l] < FEWEST) | (zeros[l] > ZEROS));
            closed[l] = if refused { f64::NAN } else { closed[l] };
            sum[l] = if count[l] > 0.0 { sum[l] / count[l] } else { f64::NAN };
        }
        for day in &mut days {
            for l in 0..LANE {
                let t = day[l];
                let odd = strict & ((t < BELIEVED.0) | (t > BELIEVED.1));
                day[l] = if t.is_nan() | odd { sum[l] } else { t };
            }
        }
        days
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(celsius: impl Fn(usize) -> f64) -> Pending<f64> {
        Pending { days: (0..BLOCK).map(|d| [[celsius(d); LANE], [0.0; LANE], [0.0; LANE]]).collect() }
    }

    #[test]
    fn gaps_are_filled_by_the_mean_of_what_is_there() {
        let with_gaps = block(|d| if d % 3 == 1 { f64::NAN } else { f64::from(u8::try_from(d).unwrap()) });
        let mut closed = [0.0; LANE];
        let filled = with_gaps.filled(0, Gaps::FillOrBlank, &mut closed);
        let mean = (0..30).filter(|d| d % 3 != 1).map(f64::from).sum::<f64>() / 20.0;
        assert!((filled[1][0] - fahrenheit(mean)).abs() < 1e-9);
        assert_eq!(filled[2][0], fahrenheit(2.0));
        assert_eq!(closed[0], 0.0);
    }

    #[test]
    fn too_few_or_too_many_zeros_close_the_year_and_odd_values_are_filled_where_that_is_the_rule() {
        let too_few = block(|d| if d < 11 { f64::NAN } else { 10.0 });
        let zeros = block(|d| if d < 11 { -160.0 / 9.0 } else { 10.0 });
        let odd = block(|d| if d == 0 { 70.0 } else { 10.0 });
        let run = |days: &Pending<f64>, gaps| {
            let mut closed = [0.0; LANE];
            (days.filled(0, gaps, &mut closed)[0][0], closed[0])
        };
        assert!(run(&too_few, Gaps::FillOrBlank).1.is_nan());
        assert_eq!(run(&too_few, Gaps::Fill), (50.0, 0.0));
        let exact = fahrenheit(-160.0 / 9.0) == 0.0;
        assert_eq!(run(&zeros, Gaps::FillOrBlank).1.is_nan(), exact);
        assert!((run(&odd, Gaps::FillOrBlank).0 - 53.6).abs() < 1e-9);
        assert_eq!(run(&odd, Gaps::Fill).0, 158.0);
        assert!(run(&block(|_| f64::NAN), Gaps::Fill).0.is_nan());
    }
}
