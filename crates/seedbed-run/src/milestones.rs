//! The days behind which checkpoints are kept, and which of them stay.

use crate::shelf::Kept;
use schemars::JsonSchema;
use seedbed_block::{Date, Period};
use seedbed_prep::TaskKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often a tile's checkpoint is written; the last day of a run has one as well, unless
/// none are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Checkpoints {
    /// At the ends of calendar years.
    #[default]
    Yearly,
    /// At the ends of months.
    Monthly,
    /// Never.
    None,
}

impl Checkpoints {
    /// Whether one is due behind a day of a run of `period`.
    #[must_use]
    pub fn are_due(self, day: Date, period: Period) -> bool {
        self != Self::None && (day == period.end || self.number(day).is_some())
    }

    /// Counts the days on which one is due, the ends of runs apart.
    fn number(self, day: Date) -> Option<u32> {
        let ends = match self {
            Self::Yearly => Period::year(day.year()).end == day,
            Self::Monthly => Period::month_of(day).end == day,
            Self::None => false,
        };
        ends.then(|| self.count(day))
    }

    /// The number of the year or month that holds a day.
    fn count(self, day: Date) -> u32 {
        let year = u32::from(day.year().unsigned_abs());
        match self {
            Self::Yearly | Self::None => year,
            Self::Monthly => 12 * year + u32::from(day.month().unsigned_abs()),
        }
    }

    /// Whether a checkpoint stays where `newest` is the last there is: the two newest do,
    /// and one for each doubling of age, so that a change far back is reached from near it
    /// while a long run keeps but a few.
    fn keeps(self, day: Date, newest: Date) -> bool {
        let Some(number) = self.number(day) else { return day == newest };
        let age = self.count(newest).saturating_sub(number);
        age < 2 || number.is_multiple_of(1 << age.ilog2())
    }

    /// What of a shelf is no longer worth its room: checkpoints of other keys, and those
    /// that [`Checkpoints::keeps`] doesn't keep. A day whose key isn't known stays.
    pub(crate) fn superseded(self, shelf: &[Kept], keys: &BTreeMap<Date, TaskKey>) -> Vec<Kept> {
        let is_current = |kept: &Kept| Some(keys.get(&kept.last)?.short() == kept.key);
        let current = shelf.iter().filter(|kept| is_current(kept) == Some(true));
        let newest = current.map(|kept| kept.last).max();
        let goes = |kept: &&Kept| match is_current(kept) {
            None => false,
            Some(false) => true,
            Some(true) => newest.is_some_and(|newest| !self.keeps(kept.last, newest)),
        };
        shelf.iter().filter(goes).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::date;

    #[test]
    fn one_is_due_at_the_end_of_each_year_or_month_and_of_the_run() {
        let run: Period = "2003-03-05/2005-02-10".parse().unwrap();
        let due = |checkpoints: Checkpoints| run.days().filter(|day| checkpoints.are_due(*day, run)).count();
        assert_eq!(due(Checkpoints::Yearly), 3);
        assert_eq!(due(Checkpoints::Monthly), 24);
        assert_eq!(due(Checkpoints::None), 0);
    }

    #[test]
    fn a_long_run_keeps_a_few_and_the_gaps_between_them_double() {
        let mut kept: Vec<i16> = Vec::new();
        for year in 1984..=2020 {
            let newest = date(year, 12, 31);
            kept.push(year);
            kept.retain(|y| Checkpoints::Yearly.keeps(date(*y, 12, 31), newest));
            assert!(kept.len() <= 8, "{year}: {kept:?}");
            // The nearest before any year is at most about as far from it as that year is back.
            for wanted in 1990..year {
                let before = kept.iter().filter(|y| **y <= wanted).max();
                let reached = before.map_or(wanted - 1984, |b| wanted - b);
                assert!(reached <= 2 * (year - wanted) + 2, "{year}, {wanted}: {kept:?}");
            }
        }
        assert!(kept.ends_with(&[2019, 2020]), "{kept:?}");
        assert!(!Checkpoints::Yearly.keeps(date(2004, 6, 30), date(2004, 12, 31)));
        assert!(Checkpoints::Yearly.keeps(date(2004, 6, 30), date(2004, 6, 30)));
        assert!(Checkpoints::Monthly.keeps(date(2004, 6, 30), date(2004, 7, 31)));
    }

    #[test]
    fn a_checkpoint_of_another_key_goes_and_one_of_an_unknown_day_stays() {
        let key = |n: u8| TaskKey::of(&n).unwrap();
        let kept = |year: i16, key: &TaskKey| Kept {
            last: date(year, 12, 31),
            key: key.short().to_owned(),
            path: format!("{year}-{}", key.short()).into(),
        };
        let keys = BTreeMap::from([(date(2003, 12, 31), key(3)), (date(2004, 12, 31), key(4))]);
        let shelf = [kept(2003, &key(3)), kept(2004, &key(9)), kept(2005, &key(9))];
        assert_eq!(Checkpoints::Yearly.superseded(&shelf, &keys), [shelf[1].clone()]);
    }
}
