//! How much of a span of time a series has.

use seedbed_block::{Date, Period};
use std::collections::{BTreeMap, BTreeSet};

/// The layers of a span: those there are, and those there should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coverage {
    /// Layers whose day lies in the span.
    pub(super) had: usize,
    /// Layers of a series that lacks none: the days of the span for a daily one.
    pub(super) expected: usize,
}

impl Coverage {
    /// How much of `span` a series has whose layers are of these days.
    ///
    /// Layers are taken to follow one another by the series' own step, the most
    /// frequent number of days from one to the next; `alone` is the step of a series of
    /// one layer. Between two layers `n` steps apart, rounded, `n - 1` are lacking, so
    /// that the 13 days from MOD13's last composite of a year to the next year's first
    /// are no gap. Before the first and after the last layer of all as many are lacking
    /// as would fit into the span. Days `left_out`, which the calendar of a daily series hasn't,
    /// aren't lacking.
    pub(super) fn of(days: &BTreeSet<Date>, left_out: &BTreeSet<Date>, span: Period, alone: usize) -> Self {
        let step = step(days).unwrap_or(alone).max(1);
        let within: Vec<Date> = days.range(span.start..=span.end).copied().collect();
        let (Some(first), Some(last)) = (within.first(), within.last()) else {
            return Self { had: 0, expected: span.len().div_ceil(step) };
        };
        let skipped = |a: Date, b: Date| ((apart(a, b) + step / 2) / step).saturating_sub(1);
        let between: usize = within.windows(2).map(|pair| skipped(pair[0], pair[1])).sum();
        let fits = |a: Date, b: Date| apart(a, b) / step;
        let before = days.range(..*first).next_back().map_or(usize::MAX, |day| skipped(*day, *first));
        let after = days.range(last.tomorrow().unwrap_or(*last)..).find(|day| *day > last);
        let after = after.map_or(usize::MAX, |day| skipped(*last, *day));
        let lacking = between + before.min(fits(span.start, *first)) + after.min(fits(*last, span.end));
        let known = if step == 1 { left_out.range(span.start..=span.end).count() } else { 0 };
        Self { had: within.len(), expected: within.len() + lacking.saturating_sub(known) }
    }

    /// Whether layers are lacking.
    pub(super) fn is_partial(self) -> bool {
        self.had < self.expected
    }
}

/// The most frequent number of days from one layer to the next, the least of several.
fn step(days: &BTreeSet<Date>) -> Option<usize> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for (a, b) in days.iter().zip(days.iter().skip(1)) {
        *counts.entry(apart(*a, *b)).or_default() += 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(step, _)| step)
}

/// Days from one to the other.
fn apart(a: Date, b: Date) -> usize {
    Period { start: a, end: b }.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::Calendar;

    fn coverage(days: impl IntoIterator<Item = Date>, span: &str) -> (usize, usize) {
        on_calendar(days, Calendar::Standard, span)
    }

    fn on_calendar(days: impl IntoIterator<Item = Date>, calendar: Calendar, span: &str) -> (usize, usize) {
        let left_out = daily("2003/2005").filter(|day| !calendar.has(*day)).collect();
        let days = days.into_iter().collect();
        let Coverage { had, expected } = Coverage::of(&days, &left_out, span.parse().unwrap(), 1);
        (had, expected)
    }

    fn daily(span: &str) -> impl Iterator<Item = Date> {
        span.parse::<Period>().unwrap().days()
    }

    #[test]
    fn days_before_within_and_after_are_lacking() {
        assert_eq!(coverage(daily("2003-01/2003-03"), "2003-02"), (28, 28));
        assert_eq!(coverage(daily("2003-02-05/2003-03-10"), "2003-02"), (24, 28));
        assert_eq!(coverage(daily("2003-01-05/2003-02-10"), "2003-02"), (10, 28));
        let gap: Period = "2003-02-10/2003-02-12".parse().unwrap();
        assert_eq!(coverage(daily("2003").filter(|d| !gap.contains(*d)), "2003-02"), (25, 28));
        let gap: Period = "2003-01-30/2003-02-12".parse().unwrap();
        assert_eq!(coverage(daily("2003").filter(|d| !gap.contains(*d)), "2003-02"), (16, 28));
        assert_eq!(coverage(daily("2004"), "2003-02"), (0, 28));
        assert_eq!(coverage(daily("2003-02-03/2003-02-03"), "2003-02"), (1, 28));
    }

    #[test]
    fn what_a_calendar_leaves_out_isnt_lacking() {
        let on = |calendar: Calendar| daily("2003/2005").filter(move |d| calendar.has(*d));
        for (calendar, month, days) in [(Calendar::Daymet, "2004-12", 30), (Calendar::Noleap, "2004-02", 28)]
        {
            assert_eq!(on_calendar(on(calendar), calendar, month), (days, days));
            assert_eq!(on_calendar(on(calendar), calendar, "2004"), (365, 365));
            assert_eq!(
                coverage(on(calendar), month),
                (days, days + 1),
                "where nothing says so, a day was lost"
            );
        }
        let lost: Date = "2003-12-31".parse().unwrap();
        assert_eq!(coverage(on(Calendar::Standard).filter(|d| *d != lost), "2003-12"), (30, 31));
    }

    #[test]
    fn composites_are_counted_by_their_own_step() {
        let starts = (2002..=2004)
            .flat_map(|year| (0..23).map(move |k| Calendar::Standard.day_of_year(year, 1 + 16 * k).unwrap()));
        assert_eq!(coverage(starts.clone(), "2003"), (23, 23));
        // October has one of them, March two.
        assert_eq!(coverage(starts.clone(), "2003-10"), (1, 1));
        assert_eq!(coverage(starts.clone(), "2003-03"), (2, 2));
        let lost: Period = "2003-06".parse().unwrap();
        assert_eq!(coverage(starts.clone().filter(|d| !lost.contains(*d)), "2003"), (21, 23));
        let half: Period = "2003-07/2004".parse().unwrap();
        assert_eq!(coverage(starts.filter(|d| half.contains(*d)), "2003"), (11, 23));
        let months = (1..=12).map(|m| seedbed_block::date(2003, m, 1));
        assert_eq!(coverage(months.clone(), "2003"), (12, 12));
        assert_eq!(coverage(months.take(9), "2003"), (9, 12));
    }
}
