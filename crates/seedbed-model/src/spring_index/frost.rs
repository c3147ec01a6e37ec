//! Hard freezes of a year.

use super::lanes::{LANE, Lanes};
use super::plants::ROUNDING;

/// A hard freeze is a day whose lowest temperature is at or below this, in degF.
const FREEZING: f64 = 28.0;

/// The last day of year that counts as spring.
pub const SPRING: i16 = 180;

/// Words of 32 days that spring takes.
pub const WORDS: usize = 6;

/// The freezes of pixels that are computed together.
#[derive(Debug, Clone)]
pub struct Frost {
    /// A bit for each of the first days of the year.
    pub spring: [[u32; LANE]; WORDS],
    /// The latest freeze after these, as day of year, NaN where there was none.
    pub autumn: Lanes,
}

impl Frost {
    /// A year without a freeze.
    pub fn new() -> Self {
        Self { spring: [[0; LANE]; WORDS], autumn: [f64::NAN; LANE] }
    }

    /// Notes a day, from 1, with its lowest temperatures in degF.
    #[inline(always)]
    pub fn note(&mut self, day: i16, tmin: &Lanes) {
        if day > SPRING {
            for l in 0..LANE {
                self.autumn[l] = if tmin[l] <= FREEZING + ROUNDING { f64::from(day) } else { self.autumn[l] };
            }
            return;
        }
        let place = usize::from((day - 1).unsigned_abs());
        let (word, bit) = (&mut self.spring[place / 32], 1 << (place % 32));
        for l in 0..LANE {
            word[l] |= if tmin[l] <= FREEZING + ROUNDING { bit } else { 0 };
        }
    }

    /// The latest freeze of a pixel in the order of a plant's year, 1 July to 30 June:
    /// in spring, or else in autumn; NaN where there was none.
    pub fn last(&self, lane: usize) -> f64 {
        match latest(&self.days(lane)) {
            Some(day) => f64::from(day),
            None => self.autumn[lane],
        }
    }

    /// Whether a pixel had a freeze on a day of spring between two days, both included.
    pub fn between(&self, lane: usize, from: f64, to: f64) -> bool {
        let mut days = self.days(lane);
        let mut day = 1.0;
        for word in &mut days {
            for bit in 0..32 {
                if !(from..=to).contains(&day) {
                    *word &= !(1 << bit);
                }
                day += 1.0;
            }
        }
        latest(&days).is_some()
    }

    /// A pixel's days of spring, a bit each.
    fn days(&self, lane: usize) -> [u32; WORDS] {
        std::array::from_fn(|word| self.spring[word][lane])
    }
}

/// The highest bit that is set, counted from 1.
fn latest(days: &[u32; WORDS]) -> Option<u32> {
    let in_word = |(word, bits): (usize, &u32)| {
        let before = u32::try_from(32 * word).ok()?;
        (*bits != 0).then(|| before + 32 - bits.leading_zeros())
    };
    days.iter().enumerate().rev().find_map(in_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spring_comes_before_autumn() {
        let mut frost = Frost::new();
        for day in [1, 32, 33, 97, 180, 181, 340] {
            frost.note(day, &std::array::from_fn(|l| if l == 1 && day < 181 { 40.0 } else { 28.0 }));
        }
        assert_eq!((frost.last(0), frost.last(1)), (180.0, 340.0));
        assert!(frost.between(0, 97.0, 97.0) && frost.between(0, 34.0, 97.3));
        assert!(!frost.between(0, 98.0, 179.0) && !frost.between(0, f64::NAN, 200.0));
        assert!(Frost::new().last(0).is_nan());
    }
}
