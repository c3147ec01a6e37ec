//! From a name's captures to the first and last day of what it holds.

use crate::template::Captures;
use jiff::ToSpan;
use jiff::civil::Date;
use schemars::JsonSchema;
use seedbed_grid::Calendar;
use serde::Deserialize;

/// How the captures tell the dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// As the listing tells them: a STAC API's items, CMR's granules.
    Listed,
    /// `year`: the whole year.
    Year,
    /// `year`, `month`: the whole month.
    Month,
    /// `year`, `doy`: the whole month that begins on this day of the year, from 1.
    MonthByDoy,
    /// `date`: one day, as YYYYMMDD.
    Date,
    /// `first_date`, `last_date`: these days and those between, as YYYYMMDD.
    DateRange,
    /// `year`, `doy`: one day, by its day of year from 1.
    YearDoy,
    /// `year`, `doy`: that day and the 15 after it, also past the year's end.
    #[serde(rename = "composite-16-day")]
    Composite16Day,
    /// `first_year`, `last_year`: from 1 January to 31 December.
    BlockOfYears,
    /// `last_year`, `years`: so many whole years, as climatologies have them.
    YearsTo,
}

impl Strategy {
    /// The captures it reads.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Listed => &[],
            Self::Year => &["year"],
            Self::Month => &["year", "month"],
            Self::Date => &["date"],
            Self::DateRange => &["first_date", "last_date"],
            Self::YearDoy | Self::Composite16Day | Self::MonthByDoy => &["year", "doy"],
            Self::BlockOfYears => &["first_year", "last_year"],
            Self::YearsTo => &["last_year", "years"],
        }
    }

    /// How many days a granule may reach past what its folder tells: a year or a month, or
    /// (`of_day`) the very day. `None` if folders tell nothing of its days.
    pub(crate) fn overhang_days(self, of_day: bool) -> Option<i32> {
        match (self, of_day) {
            (Self::Listed | Self::BlockOfYears | Self::YearsTo, _) => None,
            (Self::Composite16Day, _) => Some(15),
            (Self::Month | Self::MonthByDoy, true) => Some(30),
            (Self::DateRange, _) | (Self::Year, true) => Some(366),
            _ => Some(0),
        }
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
            Self::MonthByDoy => {
                let first = day_of_year(captures)?;
                if first.day() != 1 {
                    return Err(format!("no month starts on {first}"));
                }
                (first, first.last_of_month())
            }
            Self::Date => {
                let only = date(captures, "date")?;
                (only, only)
            }
            Self::DateRange => (date(captures, "first_date")?, date(captures, "last_date")?),
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
            Self::YearsTo => {
                let (last, years) = (number(captures, "last_year")?, number(captures, "years")?);
                let first = last.checked_sub(years).and_then(|y| y.checked_add(1));
                let first = first.ok_or_else(|| format!("there are no {years} years to {last}"))?;
                (day(first, 1, 1)?, day(last, 12, 31)?)
            }
            Self::Listed => return Err("its listing tells no dates".to_owned()),
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

fn date(captures: &Captures, key: &str) -> Result<Date, String> {
    let text = text(captures, key)?;
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|t| t.parse::<i16>().ok());
    let (Some(y), Some(m), Some(d), 8) = (part(0..4), part(4..6), part(6..8), text.len()) else {
        return Err(format!("`{text}` is no date (YYYYMMDD)"));
    };
    day(y, m, d)
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
            (Strategy::MonthByDoy, vec![("year", "2003"), ("doy", "033")]),
            (Strategy::DateRange, vec![("first_date", "20170131"), ("last_date", "20170101")]),
            (Strategy::YearsTo, vec![("last_year", "2020"), ("years", "32767")]),
            (Strategy::YearsTo, vec![("last_year", "-32768"), ("years", "30")]),
            (Strategy::Listed, vec![]),
        ] {
            assert!(days(strategy, Calendar::Standard, &pairs).is_err(), "{strategy:?} {pairs:?}");
        }
    }

    #[test]
    fn months_by_day_of_year_ranges_and_normals_are_read() {
        let month =
            |year, doy| days(Strategy::MonthByDoy, Calendar::Standard, &[("year", year), ("doy", doy)]);
        assert_eq!(month("2004", "061"), Ok((date(2004, 3, 1), date(2004, 3, 31))));
        assert_eq!(month("2003", "060"), Ok((date(2003, 3, 1), date(2003, 3, 31))));
        assert_eq!(month("2003", "335"), Ok((date(2003, 12, 1), date(2003, 12, 31))));
        let range = [("first_date", "20170101"), ("last_date", "20170131")];
        let range = days(Strategy::DateRange, Calendar::Standard, &range);
        assert_eq!(range, Ok((date(2017, 1, 1), date(2017, 1, 31))));
        let normals = days(Strategy::YearsTo, Calendar::Standard, &[("last_year", "2020"), ("years", "30")]);
        assert_eq!(normals, Ok((date(1991, 1, 1), date(2020, 12, 31))));
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
