//! Days that belong together, within a year or across the years.

use crate::{Date, Period};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which days go into one composite or aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// The same number of the day in its year, 1 to 366, of every year: `doy-113`.
    ///
    /// It is the number that archives of composites go by: MOD13's start on day 1,
    /// 17, … 353 of every year. Of daily series, day 60 is 1 March of most years and
    /// 29 February of leap years, and only those have a day 366;
    /// [`Grouping::MonthDay`] keeps months apart.
    DayOfYear,
    /// The same day of the same month of every year: `day-03-01`. 29 February is a
    /// group of its own, of leap years only, and moves no other day.
    MonthDay,
    /// The same month of every year: `month-04`.
    Month,
    /// The same third of a month of every year, days 1–10, 11–20 and 21 to the end:
    /// `dekad-12` of 36.
    Dekad,
    /// One month of one year: `2003-04`.
    EveryMonth,
    /// One third of a month of one year: `2003-04-d2`.
    EveryDekad,
    /// One year: `2003`.
    EveryYear,
}

impl Grouping {
    /// The name of the group that holds a day; names of one grouping are in the
    /// order of time.
    ///
    /// # Examples
    /// ```
    /// use seedbed_block::{Grouping, date};
    /// assert_eq!(Grouping::DayOfYear.group(date(2004, 3, 1)), "doy-061");
    /// assert_eq!(Grouping::MonthDay.group(date(2004, 3, 1)), "day-03-01");
    /// assert_eq!(Grouping::Dekad.group(date(2004, 4, 20)), "dekad-11");
    /// ```
    #[must_use]
    pub fn group(self, day: Date) -> String {
        let (year, month) = (day.year(), i16::from(day.month()));
        let third = (i16::from(day.day()) - 1).div_euclid(10).min(2);
        match self {
            Self::DayOfYear => format!("doy-{:03}", day.day_of_year()),
            Self::MonthDay => format!("day-{month:02}-{:02}", day.day()),
            Self::Month => format!("month-{month:02}"),
            Self::Dekad => format!("dekad-{:02}", 3 * (month - 1) + third + 1),
            Self::EveryMonth => format!("{year:04}-{month:02}"),
            Self::EveryDekad => format!("{year:04}-{month:02}-d{}", third + 1),
            Self::EveryYear => format!("{year:04}"),
        }
    }

    /// The days of the group of one year that holds a day; `None` for groups across
    /// the years.
    #[must_use]
    pub fn span(self, day: Date) -> Option<Period> {
        let month = Period::month_of(day);
        Some(match self {
            Self::EveryMonth => month,
            Self::EveryYear => Period::year(day.year()),
            Self::EveryDekad => {
                let third = (day.day() - 1).div_euclid(10).min(2);
                let first = crate::date(day.year(), day.month(), 10 * third + 1);
                let last = crate::date(day.year(), day.month(), 10 * third.min(1) + 10);
                Period { start: first, end: if third == 2 { month.end } else { last } }
            }
            Self::DayOfYear | Self::MonthDay | Self::Month | Self::Dekad => return None,
        })
    }

    /// Groupings across the years, as `composite --by` names them.
    pub const ACROSS: [(&'static str, Self); 4] = [
        ("day-of-year", Self::DayOfYear),
        ("month-day", Self::MonthDay),
        ("month", Self::Month),
        ("dekad", Self::Dekad),
    ];

    /// Groupings within a year, as `prep --every` names them.
    pub const EVERY: [(&'static str, Self); 3] =
        [("month", Self::EveryMonth), ("dekad", Self::EveryDekad), ("year", Self::EveryYear)];
}

/// A grouping across the years, read from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Across(pub Grouping);

/// A grouping within a year, read from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every(pub Grouping);

/// A word that names no grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupingError(String);

impl fmt::Display for GroupingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GroupingError {}

fn named(text: &str, all: &[(&str, Grouping)]) -> Result<Grouping, GroupingError> {
    all.iter().find(|(name, _)| *name == text).map(|(_, grouping)| *grouping).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        GroupingError(format!("`{text}` is no grouping; there are {}", names.join(", ")))
    })
}

impl FromStr for Across {
    type Err = GroupingError;

    fn from_str(text: &str) -> Result<Self, GroupingError> {
        named(text, &Grouping::ACROSS).map(Self)
    }
}

impl FromStr for Every {
    type Err = GroupingError;

    fn from_str(text: &str) -> Result<Self, GroupingError> {
        named(text, &Grouping::EVERY).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;
    use std::collections::BTreeSet;

    #[test]
    fn composites_of_modis_keep_their_number_in_leap_years() {
        for year in [2003, 2004] {
            let start = crate::Calendar::Standard.day_of_year(year, 113).unwrap();
            assert_eq!(Grouping::DayOfYear.group(start), "doy-113");
        }
    }

    #[test]
    fn the_29th_of_february_moves_no_other_day() {
        assert_eq!(Grouping::MonthDay.group(date(2004, 2, 29)), "day-02-29");
        for day in [date(2003, 3, 1), date(2004, 3, 1)] {
            assert_eq!(Grouping::MonthDay.group(day), "day-03-01");
        }
    }

    #[test]
    fn groups_of_a_leap_year_are_as_many_as_there_should_be_and_in_order() {
        let count = |grouping: Grouping| {
            let names: Vec<String> = Period::year(2004).days().map(|d| grouping.group(d)).collect();
            assert!(names.is_sorted(), "{grouping:?}");
            names.into_iter().collect::<BTreeSet<_>>().len()
        };
        let all = [Grouping::DayOfYear, Grouping::MonthDay, Grouping::Month, Grouping::Dekad];
        assert_eq!(all.map(count), [366, 366, 12, 36]);
        let every = [Grouping::EveryMonth, Grouping::EveryDekad, Grouping::EveryYear];
        assert_eq!(every.map(count), [12, 36, 1]);
    }

    #[test]
    fn a_span_holds_the_days_of_its_group_and_no_other() {
        for (_, grouping) in Grouping::EVERY {
            for day in Period::year(2004).days() {
                let span = grouping.span(day).unwrap();
                let group = grouping.group(day);
                assert!(span.contains(day) && span.days().all(|d| grouping.group(d) == group));
                let before = span.start.yesterday().unwrap();
                let after = span.end.tomorrow().unwrap();
                assert!(grouping.group(before) != group && grouping.group(after) != group);
            }
        }
        assert_eq!(Grouping::Month.span(date(2004, 1, 1)), None);
    }

    #[test]
    fn names_are_read_and_others_refused() {
        assert_eq!("dekad".parse(), Ok(Across(Grouping::Dekad)));
        assert_eq!("dekad".parse(), Ok(Every(Grouping::EveryDekad)));
        let error = "week".parse::<Across>().unwrap_err().to_string();
        assert!(error.contains("day-of-year, month-day, month, dekad"), "{error}");
    }
}
