//! CF time axes: `days since 1950-01-01` on a calendar, to civil dates.

use jiff::{Span, civil::Date};

/// Half a second, in days: a time stored in 32 bits may fall this little short
/// of midnight and still belongs to the day that follows.
const TOLERANCE: f64 = 0.5 / 86_400.0;

/// The days of the calendars that have civil dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    /// The proleptic Gregorian calendar.
    Gregorian,
    /// Julian before 15 October 1582, Gregorian from then on.
    Mixed,
    /// 365 days a year, no 29 February.
    Noleap,
}

/// Whether a calendar of the CF conventions has no 29 February.
pub fn is_noleap(calendar: &str) -> bool {
    ["noleap", "365_day"].iter().any(|name| calendar.eq_ignore_ascii_case(name))
}

/// The civil date of each value, the time of day cut off: Daymet's noon stamps
/// and a midnight stamp give the same day.
///
/// Reference: CF conventions 1.10, §4.4. Units of months and years have no
/// fixed length and are refused, as are the 360-day, all-leap and Julian
/// calendars, whose days have no civil date.
pub fn dates(units: &str, calendar: &str, values: &[f64]) -> Result<Vec<Date>, String> {
    let days = match calendar.to_ascii_lowercase().as_str() {
        "" | "standard" | "gregorian" => Days::Mixed,
        "proleptic_gregorian" => Days::Gregorian,
        _ if is_noleap(calendar) => Days::Noleap,
        _ => {
            return Err("the days of this calendar are no civil dates: bring the file onto the calendar `standard` or \
                        `noleap` first"
                .to_owned());
        }
    };
    let origin = Origin::parse(units)?;
    values
        .iter()
        .map(|value| {
            let day = (value * origin.unit + origin.fraction + TOLERANCE).floor();
            if !day.is_finite() || day.abs() > 1e7 {
                return Err(format!("{value} is no date"));
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked to be below 1e7")]
            origin.plus(day as i64, days).ok_or_else(|| format!("{value} is no date"))
        })
        .collect()
}

/// `UNIT since DATE [TIME [ZONE]]`.
struct Origin {
    /// Days a unit.
    unit: f64,
    year: i64,
    month: i64,
    day: i64,
    /// The time of day in UTC, in days; negative east of Greenwich.
    fraction: f64,
}

impl Origin {
    fn parse(units: &str) -> Result<Self, String> {
        let bad = || "write it as `days since YYYY-MM-DD`".to_owned();
        let mut words = units.split_whitespace();
        let unit = match words.next().ok_or_else(bad)?.to_ascii_lowercase().as_str() {
            "weeks" | "week" => 7.0,
            "days" | "day" | "d" => 1.0,
            "hours" | "hour" | "hrs" | "hr" | "h" => 1.0 / 24.0,
            "minutes" | "minute" | "mins" | "min" => 1.0 / 1440.0,
            "seconds" | "second" | "secs" | "sec" | "s" => 1.0 / 86_400.0,
            "milliseconds" | "millisecond" | "millisecs" | "millisec" | "msecs" | "msec" | "ms" => {
                1.0 / 86_400_000.0
            }
            "microseconds" | "microsecond" | "microsecs" | "microsec" => 1.0 / 86_400_000_000.0,
            other => return Err(format!("the unit `{other}` has no fixed number of days")),
        };
        // The synonyms of UDUNITS.
        let since = words.next().map(str::to_ascii_lowercase);
        if !matches!(since.as_deref(), Some("since" | "from" | "after" | "ref" | "@")) {
            return Err(bad());
        }
        // ISO 8601 joins date and time by a T.
        let first = words.next().ok_or_else(bad)?;
        let rest: Vec<&str> = first.split('T').chain(words).filter(|w| !w.is_empty()).collect();
        let mut parts = rest.first().ok_or_else(bad)?.split('-').map(str::parse::<i64>);
        let mut next = || parts.next().and_then(Result::ok).ok_or_else(bad);
        let (year, month, day) = (next()?, next()?, next()?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(bad());
        }
        let mut fraction = 0.0;
        for (i, word) in rest.iter().skip(1).enumerate() {
            let word = word.trim_end_matches('Z');
            if word.is_empty() || matches!(word, "UTC" | "GMT") {
                continue;
            }
            let (sign, clock) = match word.strip_prefix('-') {
                Some(clock) => (-1.0, clock),
                None => (1.0, word.trim_start_matches('+')),
            };
            let mut seconds = 0.0;
            for (part, size) in clock.split(':').zip([3600.0, 60.0, 1.0]) {
                seconds += part.parse::<f64>().map_err(|_| bad())? * size;
            }
            // The first is the time of day, the second the zone it is in.
            fraction += if i == 0 { seconds } else { -sign * seconds } / 86_400.0;
        }
        Ok(Self { unit, year, month, day, fraction })
    }

    /// The civil date `n` days later.
    fn plus(&self, n: i64, days: Days) -> Option<Date> {
        match days {
            Days::Noleap => {
                const STARTS: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
                let month = usize::try_from(self.month - 1).ok()?;
                let total = self.year * 365 + STARTS[month] + self.day - 1 + n;
                let (year, doy) = (total.div_euclid(365), total.rem_euclid(365));
                let month = STARTS.iter().rposition(|start| *start <= doy)?;
                civil(year, i64::try_from(month).ok()? + 1, doy - STARTS[month] + 1)
            }
            Days::Mixed if (self.year, self.month, self.day) < (1582, 10, 15) => {
                let epoch = civil(1970, 1, 1)?;
                epoch.checked_add(Span::new().try_days(self.julian_day() - 2_440_588 + n).ok()?).ok()
            }
            Days::Gregorian | Days::Mixed => {
                civil(self.year, self.month, self.day)?.checked_add(Span::new().try_days(n).ok()?).ok()
            }
        }
    }

    /// The Julian day number of a date of the Julian calendar.
    fn julian_day(&self) -> i64 {
        let a = (14 - self.month) / 12;
        let (y, m) = (self.year + 4800 - a, self.month + 12 * a - 3);
        self.day + (153 * m + 2) / 5 + 365 * y + y.div_euclid(4) - 32_083
    }
}

fn civil(year: i64, month: i64, day: i64) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn one(units: &str, calendar: &str, value: f64) -> Date {
        dates(units, calendar, &[value]).unwrap()[0]
    }

    #[test]
    fn noon_and_midnight_stamps_give_their_day() {
        assert_eq!(one("days since 1950-01-01", "standard", 25202.5), date(2019, 1, 1));
        assert_eq!(one("days since 1950-01-01 00:00:00", "standard", 25566.5), date(2019, 12, 31));
        assert_eq!(one("days since 1900-01-01", "gregorian", 36524.0), date(2000, 1, 1));
        assert_eq!(one("hours since 1900-01-01", "gregorian", 24.0 * 36524.0 - 1e-4), date(2000, 1, 1));
        assert_eq!(one("days since 1980-01-01 00:00:00 UTC", "standard", 7195.0), date(1999, 9, 13));
        assert_eq!(one("days since 2000-01-01T12:00:00Z", "", 0.5), date(2000, 1, 2));
        assert_eq!(one("days since 2000-01-01 00:00:00 +06:00", "", 0.0), date(1999, 12, 31));
        assert_eq!(one("days from 2006-01-01", "", 0.0), date(2006, 1, 1));
        assert_eq!(one("Days Since 2006-01-01", "", 31.0), date(2006, 2, 1));
        assert_eq!(one("milliseconds since 1970-01-01", "", 946_684_800_000.0), date(2000, 1, 1));
        assert_eq!(one("microseconds since 1970-01-01", "", 946_684_800_000_000.0), date(2000, 1, 1));
        assert_eq!(one("weeks since 2000-01-01", "", 2.0), date(2000, 1, 15));
    }

    #[test]
    fn a_noleap_year_has_no_29_february() {
        assert_eq!(one("days since 2004-02-28", "noleap", 1.0), date(2004, 3, 1));
        assert_eq!(one("days since 1900-01-01", "365_day", 365.0 * 104.0 + 364.0), date(2004, 12, 31));
        assert_eq!(one("days since 2004-02-28", "standard", 1.0), date(2004, 2, 29));
        assert_eq!(one("days since 2001-01-01", "noleap", -1.0), date(2000, 12, 31));
    }

    #[test]
    fn the_standard_calendar_is_julian_before_1582() {
        // What cftime gives for the same.
        assert_eq!(one("days since 0001-01-01", "standard", 730_121.0), date(2000, 1, 1));
        assert_eq!(one("days since 0001-01-01", "proleptic_gregorian", 730_119.0), date(2000, 1, 1));
    }

    #[test]
    fn refuses_what_has_no_civil_date() {
        for (units, calendar) in [
            ("months since 2000-01-01", "standard"),
            ("days since 2000-01-01", "360_day"),
            ("days", "standard"),
            ("", ""),
            ("days since 2000-13-01", "standard"),
        ] {
            assert!(dates(units, calendar, &[1.0]).is_err(), "{units} {calendar}");
        }
        assert!(dates("days since 2000-01-01", "standard", &[f64::NAN]).is_err());
        assert!(dates("days since 2000-01-01", "standard", &[1e30]).is_err());
    }
}
