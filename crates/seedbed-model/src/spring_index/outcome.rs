//! A year's values of one pixel: dates, means, damage and false springs.

use super::frost::{Frost, SPRING};
use super::lanes::{LANE, Lanes};
use super::plants::PLANTS;
use super::rules::Rules;
use super::season::Season;

/// The number of outputs.
pub const OUTPUTS: usize = 17;

/// Days from first leaf on which a freeze does no harm yet.
const TENDER: f64 = 7.0;

/// Whole years so far, and those with a false spring.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// Years with a mean date of first leaf and of first bloom.
    pub years: Lanes,
    /// Those with a freeze between leaf and bloom.
    pub early: Lanes,
    /// Those with a freeze after bloom.
    pub late: Lanes,
}

impl Exposure {
    /// Before the first year.
    pub fn new() -> Self {
        Self { years: [0.0; LANE], early: [0.0; LANE], late: [0.0; LANE] }
    }

    /// Counts a year that is over.
    pub fn count(&mut self, rules: Rules, season: &Season, frost: &Frost) {
        for l in 0..LANE {
            let springs = false_springs(&dates(rules, season, l), frost, l);
            if let Some((early, late)) = springs {
                self.years[l] += 1.0;
                self.early[l] += early;
                self.late[l] += late;
            }
        }
    }
}

/// First leaf and first bloom of each plant and their means, as day of year.
struct Dates {
    leaf: [f64; PLANTS],
    bloom: [f64; PLANTS],
    mean_leaf: f64,
    mean_bloom: f64,
}

fn dates(rules: Rules, season: &Season, lane: usize) -> Dates {
    let gone = season.blank[lane];
    let leaf: [f64; PLANTS] = std::array::from_fn(|p| season.leaf[p][lane] + gone);
    let bloom: [f64; PLANTS] = std::array::from_fn(|p| season.bloom[p][lane] + gone);
    Dates { leaf, bloom, mean_leaf: mean(rules, &leaf), mean_bloom: mean(rules, &bloom) }
}

/// The mean over plants, in whole days where the rules ask for it.
fn mean(rules: Rules, values: &[f64; PLANTS]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        if !(rules.mean_of_some && value.is_nan()) {
            sum += value;
            count += 1.0;
        }
    }
    let mean = sum / count;
    if rules.whole_days { mean.round_ties_even() } else { mean }
}

/// Whether the year had a freeze between seven days after mean leaf and mean bloom, and
/// whether it had one after mean bloom: 1 or 0, nothing without these dates.
fn false_springs(dates: &Dates, frost: &Frost, lane: usize) -> Option<(f64, f64)> {
    let (leaf, bloom) = (dates.mean_leaf, dates.mean_bloom);
    let early = frost.between(lane, leaf + TENDER, bloom);
    let late = frost.between(lane, bloom.floor() + 1.0, f64::from(SPRING));
    let as_number = |there: bool| f64::from(u8::from(there));
    (!(leaf + bloom).is_nan()).then(|| (as_number(early), as_number(late)))
}

/// Days from a plant's first leaf to the last freeze: 0 where it comes before, or half a
/// year or more after; missing without a leaf.
fn damage(leaf: f64, last_freeze: f64) -> f64 {
    let days = last_freeze - leaf;
    let harmless = last_freeze.is_nan() || days < 0.0 || days >= f64::from(SPRING);
    match (leaf.is_nan(), harmless) {
        (true, _) => f64::NAN,
        (false, true) => 0.0,
        (false, false) => days,
    }
}

/// The outputs of a pixel in the spec's order. What freezes have to do with is missing
/// until the year is `whole`.
pub fn outcome(
    rules: Rules,
    season: &Season,
    frost: &Frost,
    exposure: &Exposure,
    whole: bool,
    lane: usize,
) -> [f64; OUTPUTS] {
    let dates = dates(rules, season, lane);
    let mut values = [f64::NAN; OUTPUTS];
    values[..3].copy_from_slice(&dates.leaf);
    values[3] = dates.mean_leaf;
    values[4..7].copy_from_slice(&dates.bloom);
    values[7] = dates.mean_bloom;
    if !whole {
        return values;
    }
    let last = frost.last(lane);
    values[8] = last;
    let harm = dates.leaf.map(|leaf| damage(leaf, last));
    values[9..12].copy_from_slice(&harm);
    // In whole days by every variant: facts of the published code, not of its mean dates.
    values[12] = mean(Rules { whole_days: true, ..rules }, &harm);
    let (mut years, mut early, mut late) = (exposure.years[lane], exposure.early[lane], exposure.late[lane]);
    if let Some(now) = false_springs(&dates, frost, lane) {
        (values[13], values[14]) = now;
        (years, early, late) = (years + 1.0, early + now.0, late + now.1);
    }
    if years > 0.0 {
        (values[15], values[16]) = (early / years * 100.0, late / years * 100.0);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_counts_days_of_leaf_before_the_last_freeze_of_spring() {
        assert_eq!(damage(100.0, 120.0), 20.0);
        assert_eq!(damage(120.0, 100.0), 0.0);
        assert_eq!(damage(100.0, 320.0), 0.0);
        assert_eq!(damage(100.0, f64::NAN), 0.0);
        assert!(damage(f64::NAN, 100.0).is_nan());
    }

    #[test]
    fn a_mean_of_some_plants_is_one_only_where_the_rules_say_so() {
        let dates = [100.0, f64::NAN, 103.0];
        assert_eq!(mean(Rules::of("springpheno"), &dates), 102.0);
        assert!(mean(Rules::of("ault"), &dates).is_nan());
        assert!((mean(Rules::of("npn"), &[100.0, 100.0, 101.0]) - 301.0 / 3.0).abs() < 1e-12);
        assert_eq!(mean(Rules::of("rsdat"), &[100.0, 100.0, 101.0]), 100.0);
    }
}
