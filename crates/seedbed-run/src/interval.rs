//! An input's sources in time: one for all days, or one for each of several periods.

use crate::periods::span;
use seedbed_block::{Date, Period};
use seedbed_prep::{Rules, Series};

/// What an input is read from on the days of a period.
pub(crate) struct Interval {
    /// The days; all there are where the input has one source.
    pub(crate) days: Period,
    pub(crate) series: Series,
    pub(crate) rules: Rules,
}

/// All days.
pub(crate) const ALWAYS: Period = Period { start: Date::MIN, end: Date::MAX };

impl Interval {
    /// Those of its days that a period has.
    pub(crate) fn within(&self, period: Period) -> Option<Period> {
        let (start, end) = (self.days.start.max(period.start), self.days.end.min(period.end));
        (start <= end).then_some(Period { start, end })
    }
}

/// Refuses intervals, in order of their first days, of which two hold one day.
pub(crate) fn check_apart(intervals: &[Period]) -> Result<(), String> {
    match intervals.windows(2).find(|pair| pair[1].start <= pair[0].end) {
        Some(pair) => {
            let both = Period { start: pair[1].start, end: pair[0].end.min(pair[1].end) };
            Err(format!("the intervals {} and {} both hold {}", pair[0], pair[1], span(both)))
        }
        None => Ok(()),
    }
}

/// Refuses intervals, in order, that leave out days of a period.
pub(crate) fn check_whole(intervals: &[Period], period: Period) -> Result<(), String> {
    let mut gaps = Vec::new();
    let mut next = Some(period.start);
    for interval in intervals {
        let Some(from) = next.filter(|from| interval.end >= *from) else { continue };
        if interval.start > from {
            gaps.extend(gap(from, interval.start, period));
        }
        next = interval.end.tomorrow().ok();
    }
    if let Some(from) = next.filter(|from| *from <= period.end) {
        gaps.push(Period { start: from, end: period.end });
    }
    if gaps.is_empty() {
        return Ok(());
    }
    let gaps: Vec<String> = gaps.into_iter().map(span).collect();
    Err(format!("no interval holds {}", gaps.join(", ")))
}

/// The days from one on to another, not included, that a period has.
fn gap(from: Date, to: Date, period: Period) -> Option<Period> {
    let end = to.yesterday().ok()?.min(period.end);
    (from <= end).then_some(Period { start: from, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periods(texts: &[&str]) -> Vec<Period> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn neighbours_are_no_overlap_and_what_two_hold_is_named() {
        assert_eq!(check_apart(&periods(&["1950/1959", "1960/1969", "1971"])), Ok(()));
        let said = check_apart(&periods(&["1950/1960", "1960/1969"])).unwrap_err();
        assert_eq!(
            said,
            "the intervals 1950-01-01/1960-12-31 and 1960-01-01/1969-12-31 both hold 1960-01-01/1960-12-31"
        );
        assert!(check_apart(&periods(&["1950/1970", "1960/1961"])).unwrap_err().ends_with("1961-12-31"));
    }

    #[test]
    fn gaps_of_a_run_are_named_and_those_outside_it_are_none() {
        let intervals = periods(&["1950/1959", "1962/1969", "1971"]);
        let check = |run: &str| check_whole(&intervals, run.parse().unwrap());
        assert_eq!(check("1950/1959"), Ok(()));
        assert_eq!(check("1963/1964"), Ok(()));
        assert_eq!(check("1959-06/1962-02").unwrap_err(), "no interval holds 1960-01-01/1961-12-31");
        let all = "no interval holds 1949-12-31, 1960-01-01/1961-12-31, 1970-01-01/1970-12-31, 1972-01-01";
        assert_eq!(check("1949-12-31/1972-01-01").unwrap_err(), all);
        assert_eq!(check("1960-05").unwrap_err(), "no interval holds 1960-05-01/1960-05-31");
        assert!(check_whole(&[ALWAYS], "1960".parse().unwrap()).is_ok());
    }
}
