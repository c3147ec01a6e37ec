//! Periods and calendars.

use crate::Date;
use jiff::ToSpan;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A span of days, first and last included; written `2003-01-01/2004-12-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    /// First day.
    pub start: Date,
    /// Last day, included.
    pub end: Date,
}

/// A date or period that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum DateError {
    /// Not of the form `A/B` or a single date.
    #[error("`{0}` is no period: write YYYY-MM-DD/YYYY-MM-DD, YYYY-MM or YYYY")]
    Form(String),
    /// The end lies before the start.
    #[error("the period {start}/{end} ends before it starts")]
    Reversed {
        /// First day.
        start: Date,
        /// Last day.
        end: Date,
    },
}

impl Period {
    /// A period from its first and last day.
    ///
    /// # Errors
    /// [`DateError::Reversed`] if `end` lies before `start`.
    pub fn new(start: Date, end: Date) -> Result<Self, DateError> {
        if end < start { Err(DateError::Reversed { start, end }) } else { Ok(Self { start, end }) }
    }

    /// The calendar year.
    #[must_use]
    pub fn year(year: i16) -> Self {
        Self { start: jiff::civil::date(year, 1, 1), end: jiff::civil::date(year, 12, 31) }
    }

    /// The calendar month that holds `day`.
    #[must_use]
    pub fn month_of(day: Date) -> Self {
        Self { start: day.first_of_month(), end: day.last_of_month() }
    }

    /// Every day in order.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.start.series(1.day()).take_while(move |d| *d <= self.end)
    }

    /// The number of days.
    #[must_use]
    pub fn len(self) -> usize {
        let days = self.start.duration_until(self.end).as_hours() / 24 + 1;
        usize::try_from(days).unwrap_or(0)
    }

    /// Never true: a period holds at least one day.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether `day` lies inside.
    #[must_use]
    pub fn contains(self, day: Date) -> bool {
        self.start <= day && day <= self.end
    }

    /// The days in both, if there are any.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end)).ok()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.start, self.end)
    }
}

impl FromStr for Period {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let bad = || DateError::Form(text.to_owned());
        match text.split_once('/') {
            Some((a, b)) => {
                let (a, b) = (Self::from_str(a)?, Self::from_str(b)?);
                Self::new(a.start, b.end)
            }
            None => match text.len() {
                4 => Ok(Self::year(text.parse().map_err(|_| bad())?)),
                7 => {
                    let first: Date = format!("{text}-01").parse().map_err(|_| bad())?;
                    Ok(Self::month_of(first))
                }
                _ => {
                    let day: Date = text.parse().map_err(|_| bad())?;
                    Ok(Self { start: day, end: day })
                }
            },
        }
    }
}

impl Serialize for Period {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which days a series has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calendar {
    /// Every day of the proleptic Gregorian calendar.
    Standard,
    /// No 29 February ever (CF `noleap`).
    Noleap,
    /// Daymet: 365 days a year; leap years keep 29 February and drop 31 December.
    Daymet,
}

impl Calendar {
    /// Whether a series on this calendar has `day`.
    #[must_use]
    pub fn has(self, day: Date) -> bool {
        match self {
            Self::Standard => true,
            Self::Noleap => !(day.month() == 2 && day.day() == 29),
            Self::Daymet => !(is_leap(day.year()) && day.month() == 12 && day.day() == 31),
        }
    }

    /// The date of day `day` (1 is the first) of `year`, or `None` past its end.
    #[must_use]
    pub fn day_of_year(self, year: i16, day: u16) -> Option<Date> {
        Period::year(year).days().filter(|d| self.has(*d)).nth(usize::from(day).checked_sub(1)?)
    }
}

/// Whether `year` has a 29 February.
#[must_use]
pub fn is_leap(year: i16) -> bool {
    jiff::civil::date(year, 1, 1).in_leap_year()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn daymet_leap_years_keep_29_february_and_drop_31_december() {
        assert_eq!(Calendar::Daymet.day_of_year(2004, 60), Some(date(2004, 2, 29)));
        assert_eq!(Calendar::Daymet.day_of_year(2004, 365), Some(date(2004, 12, 30)));
        assert_eq!(Calendar::Daymet.day_of_year(2004, 366), None);
        assert_eq!(Calendar::Daymet.day_of_year(2003, 365), Some(date(2003, 12, 31)));
    }

    #[test]
    fn periods_read_years_months_and_days() {
        let p: Period = "2003/2004-02".parse().unwrap();
        assert_eq!(p.to_string(), "2003-01-01/2004-02-29");
        assert_eq!(p.len(), 365 + 60);
        assert_eq!(p.days().count(), p.len());
        assert!("2004/2003".parse::<Period>().is_err());
        assert!("nonsense".parse::<Period>().is_err());
    }
}
