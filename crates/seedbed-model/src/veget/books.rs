//! The water balance of VegET, day by day and pixel by pixel.
//!
//! What came must have gone or stayed:
//!
//! ```text
//! P + SWf' + SNWPK' = Int + ETASW + SRf + DD + SWf + SNWPK
//! ```
//!
//! How far rounding may leave it open is derived from the order of operations in `day.rs`.
//! With u half the distance from 1 to the next number, `W = P + SWf' + SNWPK'` and `T = 2W`,
//! the sizes of all nine terms together, the day's operations leave out, in units of u:
//!
//! ```text
//! 1 - I, Pe, Int            P (1-I) + Pe + Int         <= 2 P
//! RAIN, 1 - f, SWE          RAIN + 2 SWE               <= 2 P
//! SNWPK', SNWPK             once rounded each          <= 2 (SNWPK' + P)
//! SWf' + RAIN + MELT        two sums                   <= 2 SWi
//! SWi - WHC, DD, SWf        Rf + DD + SWf              <= 2 SWi
//! ```
//!
//! With `SWi <= W` that is `6 P + 2 SNWPK' + 4 W <= 10 W = 5 T`, and the eight sums of the
//! equation itself `8 W = 4 T`: nine together, ten with what products of roundings add.

use super::day::{OUTPUTS, Weather, output};
use super::parameters::Rules;
use super::site::{LANE, Lane};
use super::weather::Weathers;
use crate::values::Number;
use crate::{Balance, BalanceRule, Breach};

/// The rule.
pub static RULE: BalanceRule = BalanceRule {
    equation: "ppt = intercept + etasw + srf + dd + change of (swf + snwpk)",
    unit: "mm",
    roundings: 10,
    left_out: "days with a missing input, and open water (or NDVI < 0 where that counts as water), whose \
               evaporation isn't drawn from the soil",
};

/// What all lanes of a block left on a day.
pub struct Day<T> {
    tolerance: T,
    largest: [T; LANE],
    sum: [T; LANE],
    counted: [T; LANE],
    turnover: [T; LANE],
    breach: Option<Breach>,
    pixels: u64,
}

/// A lane's day, before it is booked.
#[derive(Clone, Copy)]
pub struct Booked<'a, T> {
    pub site: &'a Lane<T>,
    /// `SWf` and `SNWPK` of the day before.
    pub before: (&'a [T; LANE], &'a [f64; LANE]),
    /// The same of the day itself.
    pub after: (&'a [T; LANE], &'a [f64; LANE]),
    pub weather: &'a Weathers<'a, T>,
    pub daily: &'a [[T; LANE]; OUTPUTS],
    /// The number of the lane's first pixel.
    pub first: usize,
    /// How many pixels are there; what fills the lane up isn't booked.
    pub width: usize,
}

impl<T: Number> Booked<'_, T> {
    /// What a pixel's day leaves unexplained, missing where it doesn't count, and the sizes
    /// of all that was booked together.
    #[inline(always)]
    fn rest(&self, rules: Rules, l: usize) -> (T, T) {
        let size = |v: T| if v < T::ZERO { -v } else { v };
        let Weather { ppt, ndvi, .. } = self.weather.at(l);
        let (soil, pack) = (self.before.0[l], T::of(self.before.1[l]));
        let after = (self.after.0[l], T::of(self.after.1[l]));
        let (intercept, etasw) = (self.daily[output::INTERCEPT][l], self.daily[output::ETASW][l]);
        let (srf, dd) = (self.daily[output::SRF][l], self.daily[output::DD][l]);
        let came = ppt + soil + pack;
        let stayed = size(after.0) + after.1;
        let rest = came - intercept - etasw - srf - dd - after.0 - after.1;
        let turnover =
            size(ppt) + size(soil) + pack + size(intercept) + size(etasw) + size(srf) + size(dd) + stayed;
        let is_water = self.site.at(l).water == T::ONE;
        let open = is_water || (ndvi < T::ZERO && !rules.negative_is_land);
        (if open { T::NAN } else { size(rest) }, turnover)
    }
}

impl<T: Number> Day<T> {
    /// Nothing yet.
    #[inline(always)]
    pub fn new(tolerance: T) -> Self {
        let zero = [T::ZERO; LANE];
        Self { tolerance, largest: zero, sum: zero, counted: zero, turnover: zero, breach: None, pixels: 0 }
    }

    /// Books a lane's day.
    #[inline(always)]
    pub fn book(&mut self, rules: Rules, lane: &Booked<'_, T>) {
        // The number of turns that a whole lane takes is known when this is compiled.
        let over =
            if lane.width == LANE { self.add(rules, lane, LANE) } else { self.add(rules, lane, lane.width) };
        if over && self.breach.is_none() {
            let rests = (0..lane.width).map(|l| (l, lane.rest(rules, l)));
            self.breach = rests
                .into_iter()
                .find(|(_, (rest, turnover))| *rest > self.tolerance * *turnover)
                .map(|(l, (rest, turnover))| Breach {
                    pixel: lane.first + l,
                    residual: rest.to_f64(),
                    allowed: (self.tolerance * turnover).to_f64(),
                });
        }
        self.pixels += lane.width as u64;
    }

    /// Adds the first pixels of a lane; gives whether one of them is off by more than it may.
    #[inline(always)]
    fn add(&mut self, rules: Rules, lane: &Booked<'_, T>, width: usize) -> bool {
        let mut over = false;
        for l in 0..width {
            let (rest, turnover) = lane.rest(rules, l);
            // Comparisons with a missing rest are false.
            let counts = rest >= T::ZERO;
            let (size, turned) = if counts { (rest, turnover) } else { (T::ZERO, T::ZERO) };
            self.sum[l] += size;
            self.largest[l] = if size > self.largest[l] { size } else { self.largest[l] };
            self.turnover[l] = if turned > self.turnover[l] { turned } else { self.turnover[l] };
            self.counted[l] += if counts { T::ONE } else { T::ZERO };
            over |= size > self.tolerance * turned;
        }
        over
    }

    /// The lanes together.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of lanes")]
    pub fn finish(&self) -> Balance {
        let most = |list: &[T; LANE]| list.iter().map(|v| v.to_f64()).fold(0.0, f64::max);
        let sum = |list: &[T; LANE]| list.iter().map(|v| v.to_f64()).sum::<f64>();
        let counted = sum(&self.counted) as u64;
        Balance {
            largest: most(&self.largest),
            sum: sum(&self.sum),
            counted,
            left_out: self.pixels - counted,
            turnover: most(&self.turnover),
            breach: self.breach,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::veget::weather::Fields;

    /// A day of three pixels on which 5 mm fall, 2 evaporate and 3 stay; of one of them
    /// `error` more.
    fn day(error: f32, ndvi: f32, rules: Rules) -> Balance {
        let (soil, pack) = ([10.0_f32; LANE], [0.0; LANE]);
        let mut after = [13.0; LANE];
        after[1] += error;
        let mut daily = [[0.0; LANE]; OUTPUTS];
        daily[output::ETASW] = [2.0; LANE];
        let (ppt, ndvi, other) = ([5.0; 3], [ndvi; 3], [1.0; 3]);
        let fields =
            Fields { ppt: &ppt, tmin: &other, tmax: &other, tavg: Some(&other), ndvi: &ndvi, eto: &other };
        let mut room = [[0.0; LANE]; 6];
        let weather = fields.lane(0, 3, &mut room);
        let mut book = Day::new(1e-6);
        let lane = Booked {
            site: &Lane::default(),
            before: (&soil, &pack),
            after: (&after, &pack),
            weather: &weather,
            daily: &daily,
            first: 64,
            width: 3,
        };
        book.book(rules, &lane);
        book.finish()
    }

    #[test]
    fn what_is_not_accounted_for_is_found() {
        let closed = day(0.0, 0.5, Rules::DEFAULT);
        assert_eq!((closed.largest, closed.counted, closed.left_out, closed.breach), (0.0, 3, 0, None));
        assert_eq!(closed.turnover, 5.0 + 10.0 + 13.0 + 2.0);
        let off = day(0.25, 0.5, Rules::DEFAULT);
        assert_eq!((off.largest, off.mean()), (0.25, 0.25 / 3.0));
        let breach = off.breach.unwrap();
        assert_eq!((breach.pixel, breach.residual), (65, 0.25));
        assert!((breach.allowed - 30.25e-6).abs() < 1e-9);
    }

    #[test]
    fn open_water_is_left_out_and_counted() {
        let water = day(0.25, -0.1, Rules::REFERENCE);
        assert_eq!((water.largest, water.counted, water.left_out, water.breach), (0.0, 0, 3, None));
        assert_eq!(day(0.25, -0.1, Rules::DEFAULT).counted, 3, "there it is land");
        assert_eq!(day(f32::NAN, 0.5, Rules::DEFAULT).left_out, 1, "missing");
    }
}
