//! Instants and intervals as STAC writes them.

use crate::CatalogError;
use jiff::{Timestamp, civil, tz::TimeZone};

/// First and last civil date (UTC), both included; `None` is an open end.
pub type DateInterval = (Option<civil::Date>, Option<civil::Date>);

/// Properties of items that hold an instant, by the common metadata and the
/// version and timestamps extensions.
pub const INSTANTS: [&str; 8] = [
    "datetime",
    "start_datetime",
    "end_datetime",
    "created",
    "updated",
    "published",
    "unpublished",
    "expires",
];

/// The UTC instant of an RFC 3339 text. A text without an offset is taken as
/// UTC and one without a time as midnight, since catalogs have both.
pub fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let local = text.trim_end_matches(['Z', 'z']);
    let moment = local
        .parse::<civil::DateTime>()
        .ok()
        .or_else(|| local.parse::<civil::Date>().ok().map(|d| d.at(0, 0, 0, 0)))?;
    moment.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
}

/// The civil date in UTC of an RFC 3339 text.
pub fn date(text: &str) -> Option<civil::Date> {
    instant(text).map(|i| i.to_zoned(TimeZone::UTC).date())
}

/// Reads a datetime interval as the STAC API writes it: `A/B`, with `..` or
/// nothing for an open end; a year or month stands for all its days; a time of
/// day is cut to its date in UTC.
///
/// # Errors
/// [`CatalogError::Interval`] if a part can't be read or the end lies before the start.
///
/// ```
/// let (from, to) = seedbed_catalog::parse_interval("2003/2004-02")?;
/// assert_eq!(from.unwrap().to_string(), "2003-01-01");
/// assert_eq!(to.unwrap().to_string(), "2004-02-29");
/// assert_eq!(seedbed_catalog::parse_interval("2003-01-01/..")?.1, None);
/// # Ok::<(), seedbed_catalog::CatalogError>(())
/// ```
pub fn parse_interval(text: &str) -> Result<DateInterval, CatalogError> {
    let bad = || CatalogError::Interval { text: text.to_owned() };
    let span = |part: &str| -> Result<DateInterval, CatalogError> {
        if part.is_empty() || part == ".." {
            return Ok((None, None));
        }
        let first = match part.len() {
            4 => format!("{part}-01-01").parse::<civil::Date>().ok(),
            7 => format!("{part}-01").parse().ok(),
            _ => date(part),
        }
        .ok_or_else(bad)?;
        let last = match part.len() {
            4 => first.last_of_year(),
            7 => first.last_of_month(),
            _ => first,
        };
        Ok((Some(first), Some(last)))
    };
    let (from, to) = match text.split_once('/') {
        Some((a, b)) => (span(a.trim())?.0, span(b.trim())?.1),
        None => span(text.trim())?,
    };
    match (from, to) {
        (None, None) => Err(bad()),
        (Some(a), Some(b)) if b < a => Err(bad()),
        both => Ok(both),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_utc() {
        assert_eq!(date("2019-01-01T23:30:00-02:00"), Some(civil::date(2019, 1, 2)));
        assert_eq!(date("2019-01-01T12:00:00Z"), Some(civil::date(2019, 1, 1)));
        assert_eq!(date("2019-01-01T12:00:00"), Some(civil::date(2019, 1, 1)));
        assert_eq!(date("2019-01-01"), Some(civil::date(2019, 1, 1)));
        assert_eq!(date("yesterday"), None);
    }

    #[test]
    fn intervals_may_be_open_but_not_reversed() {
        assert_eq!(parse_interval("../2004").unwrap(), (None, Some(civil::date(2004, 12, 31))));
        assert_eq!(
            parse_interval("2004-02").unwrap(),
            (Some(civil::date(2004, 2, 1)), Some(civil::date(2004, 2, 29)))
        );
        for bad in ["..", "../..", "2004/2003", "soon", "2004-13"] {
            assert!(parse_interval(bad).is_err(), "{bad}");
        }
    }
}
