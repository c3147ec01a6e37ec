//! From a name's captures to the first and last day of what it holds.

use crate::template::Captures;
use jiff::ToSpan;
use jiff::civil::Date;
use seedbed_grid::Calendar;
use serde::Deserialize;

/// How the captures tell the dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// `year`: the whole year.
    Year,
    /// `year`, `month`: the whole month.
    Month,
    /// `date`: one day, as YYYYMMDD.
    Date,
    /// `year`, `doy`: one day, by its day of year from 1.
    YearDoy,
    /// `year`, `doy`: that day and the 15 after it, also past the year's end.
    #[serde(rename = "composite-16-day")]
    Composite16Day,
    /// `first_year`, `last_year`: from 1 January to 31 December.
    BlockOfYears,
}

impl Strategy {
    /// The captures it reads.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Year => &["year"],
            Self::Month => &["year", "month"],
            Self::Date => &["date"],
            Self::YearDoy | Self::Composite16Day => &["year", "doy"],
            Self::BlockOfYears => &["first_year", "last_year"],
        }
    }

    /// How many days a granule may reach past the year that its name tells.
    pub(crate) fn overhang_days(self) -> i32 {
        if self == Self::Composite16Day { 15 } else { 0 }
    }

    /// First and last day. The last is the last that the calendar has.
    ///
    /// # Errors
    /// The reason why there are no such days.
    pub(crate) fn days(self, captures: &Captures, calendar: Calendar) -> Result<(Date, Date), String> {
        let (first, last) = match self {
            Self::Year => {
                let year = number(captures, "year")?;
                (day(year, 1, 1)?, day(year, 12, 31)?)
            }
            Self::Month => {
                let first = day(number(captures, "year")?, number(captures, "month")?, 1)?;
                (first, first.last_of_month())
            }
            Self::Date => {
                let text = text(captures, "date")?;
                let part =
                    |range: std::ops::Range<usize>| text.get(range).and_then(|t| t.parse::<i16>().ok());
                let (Some(y), Some(m), Some(d), 8) = (part(0..4), part(4..6), part(6..8), text.len()) else {
                    return Err(format!("`{text}` is no date (YYYYMMDD)"));
                };
                let only = day(y, m, d)?;
                (only, only)
            }
            Self::YearDoy => {
                let only = day_of_year(captures)?;
                (only, only)
            }
            Self::Composite16Day => {
                let doy = number(captures, "doy")?;
                if doy % 8 != 1 {
                    return Err(format!("no 16-day composite starts on day {doy} of a year"));
                }
                let first = day_of_year(captures)?;
                let last = first.checked_add(15.days()).map_err(|e| e.to_string())?;
                (first, last)
            }
            Self::BlockOfYears => {
                let (first, last) = (number(captures, "first_year")?, number(captures, "last_year")?);
                (day(first, 1, 1)?, day(last, 12, 31)?)
            }
        };
        let mut end = last;
        while !calendar.has(end) && end > first {
            end = end.yesterday().map_err(|e| e.to_string())?;
        }
        if end < first {
            return Err(format!("it ends ({end}) before it starts ({first})"));
        }
        if !calendar.has(first) {
            return Err(format!("its calendar has no {first}"));
        }
        Ok((first, end))
    }
}

fn text<'a>(captures: &'a Captures, key: &str) -> Result<&'a str, String> {
    captures.get(key).map(String::as_str).ok_or_else(|| format!("its name tells no {key}"))
}

fn number(captures: &Captures, key: &str) -> Result<i16, String> {
    let text = text(captures, key)?;
    text.parse().map_err(|_| format!("`{text}` is no {key}"))
}

fn day(year: i16, month: i16, day: i16) -> Result<Date, String> {
    let small = |n: i16| i8::try_from(n).ok();
    small(month)
        .zip(small(day))
        .filter(|_| year > 0)
        .and_then(|(m, d)| Date::new(year, m, d).ok())
        .ok_or_else(|| format!("there is no day {year:04}-{month:02}-{day:02}"))
}

fn day_of_year(captures: &Captures) -> Result<Date, String> {
    let (year, doy) = (number(captures, "year")?, number(captures, "doy")?);
    let first = day(year, 1, 1)?;
    if doy < 1 || doy > first.days_in_year() {
        return Err(format!("there is no day {doy} in {year}"));
    }
    first.checked_add(i64::from(doy - 1).days()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn captures(pairs: &[(&str, &str)]) -> Captures {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn days(s: Strategy, calendar: Calendar, pairs: &[(&str, &str)]) -> Result<(Date, Date), String> {
        s.days(&captures(pairs), calendar)
    }

    #[test]
    fn a_daymet_leap_year_ends_on_30_december() {
        let found = days(Strategy::Year, Calendar::Daymet, &[("year", "2004")]);
        assert_eq!(found, Ok((date(2004, 1, 1), date(2004, 12, 30))));
        let found = days(Strategy::Year, Calendar::Daymet, &[("year", "2003")]);
        assert_eq!(found, Ok((date(2003, 1, 1), date(2003, 12, 31))));
    }

    #[test]
    fn the_last_composite_of_a_year_reaches_into_the_next() {
        let found = days(Strategy::Composite16Day, Calendar::Standard, &[("year", "2003"), ("doy", "353")]);
        assert_eq!(found, Ok((date(2003, 12, 19), date(2004, 1, 3))));
    }

    #[test]
    fn impossible_dates_are_refused_with_a_reason() {
        for (strategy, pairs) in [
            (Strategy::Date, vec![("date", "20030229")]),
            (Strategy::Date, vec![("date", "20031301")]),
            (Strategy::Date, vec![("date", "2003-1-1")]),
            (Strategy::Date, vec![("date", "日本語日")]),
            (Strategy::YearDoy, vec![("year", "2003"), ("doy", "366")]),
            (Strategy::YearDoy, vec![("year", "2003"), ("doy", "000")]),
            (Strategy::Composite16Day, vec![("year", "2003"), ("doy", "005")]),
            (Strategy::Month, vec![("year", "2003"), ("month", "00")]),
            (Strategy::BlockOfYears, vec![("first_year", "2010"), ("last_year", "2006")]),
            (Strategy::Year, vec![("year", "99999999")]),
            (Strategy::Year, vec![("year", "0000")]),
            (Strategy::Year, vec![]),
        ] {
            assert!(days(strategy, Calendar::Standard, &pairs).is_err(), "{strategy:?} {pairs:?}");
        }
    }

    #[test]
    fn blocks_months_and_days_of_year_are_read() {
        let block = days(
            Strategy::BlockOfYears,
            Calendar::Standard,
            &[("first_year", "2006"), ("last_year", "2010")],
        );
        assert_eq!(block, Ok((date(2006, 1, 1), date(2010, 12, 31))));
        let month = days(Strategy::Month, Calendar::Standard, &[("year", "2004"), ("month", "02")]);
        assert_eq!(month, Ok((date(2004, 2, 1), date(2004, 2, 29))));
        let day = days(Strategy::YearDoy, Calendar::Standard, &[("year", "2004"), ("doy", "060")]);
        assert_eq!(day, Ok((date(2004, 2, 29), date(2004, 2, 29))));
    }
}
