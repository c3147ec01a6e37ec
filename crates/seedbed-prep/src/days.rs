//! The days of a series: which layers of which sources hold each.

use crate::composite_day::DAYS;
use crate::source::{Facts, Source};
use crate::traits::apart;
use crate::{PrepError, Rules, Series};
use seedbed_block::{Bridge, Calendar, Date, Period, date, is_leap};
use std::collections::{BTreeMap, BTreeSet};

/// A layer of a source: which source, which layer of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) source: usize,
    pub(crate) layer: usize,
}

impl Slot {
    /// The layer `days` later in the same file.
    fn later(self, days: usize) -> Self {
        Self { layer: self.layer + days, ..self }
    }
}

/// Every day's layers, in the order in which they are merged.
#[derive(Debug, Default)]
pub(crate) struct Days {
    layers: BTreeMap<Date, Vec<Slot>>,
    /// Days that aren't there because some source's calendar has none such.
    left_out: BTreeSet<Date>,
}

/// A file of so many layers in a row is one of whole years.
const YEAR: usize = 365;

impl Days {
    /// Lists the layers of `sources`, which stand in the order of merging.
    ///
    /// # Errors
    /// [`PrepError::Clock`] where a file and its item disagree, and
    /// [`PrepError::Document`] for a layer without a date or two of one day; [`PrepError::Apart`] for sources of
    /// one day that aren't of the same thing.
    pub(crate) fn of(input: &str, sources: &[Source]) -> Result<Self, PrepError> {
        let mut days: BTreeMap<Date, Vec<Slot>> = BTreeMap::new();
        for (n, source) in sources.iter().enumerate() {
            let document = |what, reason| PrepError::Document { path: source.path.clone(), what, reason };
            if source.is_dated_by_item() && source.facts.dates.len() > 1 {
                let what = if source.asset.undated { "static field" } else { "day of its item" };
                return Err(document(what, format!("it has {} layers", source.facts.dates.len())));
            }
            for layer in 0..source.facts.dates.len() {
                let day = source.day(layer)?;
                let slots = days.entry(day).or_default();
                if let Some(first) = slots.iter().find(|slot| slot.source == n) {
                    let both = format!("layers {} and {layer} (from 0) are both of {day}", first.layer);
                    return Err(document("series of one layer a day", both));
                }
                slots.push(Slot { source: n, layer });
            }
        }
        let left_out = sources.iter().flat_map(left_out).filter(|day| !days.contains_key(day)).collect();
        let mut known = BTreeSet::new();
        for (day, slots) in &days {
            for (at, slot) in slots.iter().enumerate() {
                for other in slots[..at].iter().filter(|other| known.insert((other.source, slot.source))) {
                    if let Some(reason) = apart(&sources[other.source], &sources[slot.source]) {
                        return Err(PrepError::Apart { input: input.to_owned(), day: *day, reason });
                    }
                }
            }
        }
        Ok(Self { layers: days, left_out })
    }

    /// The layers of a day; none where there is no such day.
    pub(crate) fn slots(&self, day: Date) -> &[Slot] {
        self.layers.get(&day).map_or(&[], Vec::as_slice)
    }

    /// The days there are.
    pub(crate) fn dates(&self) -> impl Iterator<Item = Date> {
        self.layers.keys().copied()
    }

    /// The days between two, both included, with their layers.
    pub(crate) fn between(&self, from: Date, to: Date) -> impl Iterator<Item = (Date, &[Slot])> {
        self.layers.range(from..=to).map(|(day, slots)| (*day, slots.as_slice()))
    }

    /// How many of `days`, which start with one there is, are consecutive layers
    /// of the same sources: they are decoded in one go.
    pub(crate) fn run(&self, days: &[Date]) -> usize {
        let Some(first) = days.first() else { return 0 };
        let slots = self.slots(*first);
        let follows =
            |n: usize| slots.iter().map(|slot| slot.later(n)).eq(self.slots(days[n]).iter().copied());
        1 + (1..days.len()).take_while(|n| follows(*n)).count()
    }

    /// Days that lack because a calendar has none such, and not because a file was lost: as an item says it
    /// (`seedbed:calendar`) or a file, or as a file of whole years shows.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = Date> {
        self.left_out.iter().copied().filter(|day| self.leaves_out(*day))
    }

    /// The calendar of 365 days that shows in these.
    pub(crate) fn calendar(&self) -> Option<Calendar> {
        let first = self.left_out().next()?;
        [Calendar::Noleap, Calendar::Daymet].into_iter().find(|calendar| !calendar.has(first))
    }

    /// Whether the series' calendar may leave out a day: 29 February or 31 December,
    /// if the series has it in none of its leap years, but has the day before. Of one leap year that may as well be a day
    /// whose file was lost.
    pub(crate) fn leaves_out(&self, day: Date) -> bool {
        let Some(((first, _), (last, _))) = self.layers.first_key_value().zip(self.layers.last_key_value())
        else {
            return false;
        };
        let has = |day: Date| self.layers.contains_key(&day);
        let mut leap_years = (first.year()..=last.year()).filter(|year| is_leap(*year));
        may_be_left_out(day)
            && has(shift(day, -1))
            && !leap_years.any(|year| has(date(year, day.month(), day.day())))
    }

    /// Whether the series has a day, or two composites near enough to each other have
    /// it between them.
    pub(crate) fn bridges(&self, day: Date, bridge: Bridge) -> bool {
        let before = self.layers.range(..=day).next_back();
        let after = self.layers.range(day..).next();
        before.zip(after).is_some_and(|((a, _), (b, _))| spans(*a, *b, bridge))
    }

    /// Whether a day may lie between two observations near enough to each other, wherever in
    /// its composite each pixel was observed: one composite is over by then, and one begins
    /// then or later. Those between have some pixels observed before the day and some after.
    pub(crate) fn may_hold(&self, day: Date, bridge: Bridge) -> bool {
        let over = shift(day, 1 - DAYS);
        let Some((before, after)) = self
            .layers
            .range(..=over)
            .next_back()
            .zip(self.layers.range(day..).next())
            .map(|((a, _), (b, _))| (*a, *b))
        else {
            return false;
        };
        let last = shift(before, DAYS - 1);
        let between = self.layers.range(before..after).nth(1).is_some();
        if between {
            spans(last, day, bridge) && spans(day, after, bridge)
        } else {
            spans(last, after, bridge)
        }
    }
}

/// The leap days after days of a source that its calendar hasn't, among those that its file hasn't.
fn left_out(source: &Source) -> Vec<Date> {
    let Facts { dates, calendar, .. } = &*source.facts;
    let calendar = source.asset.calendar.or(*calendar);
    let is_left_out = |day: Date| calendar.map_or(dates.len() >= YEAR, |calendar| !calendar.has(day));
    let next = (0..dates.len()).filter_map(|layer| source.day(layer).ok()?.tomorrow().ok());
    next.filter(|day| may_be_left_out(*day) && is_left_out(*day)).collect()
}

/// Whether a gap from one day to another is bridged.
pub(crate) fn spans(from: Date, to: Date, bridge: Bridge) -> bool {
    let days = Period { start: from, end: to }.len() - 1;
    i32::try_from(days).is_ok_and(|days| days <= bridge.days())
}

/// Whether some 365-day calendar leaves the day out.
pub(crate) fn may_be_left_out(day: Date) -> bool {
    is_leap(day.year()) && matches!((day.month(), day.day()), (2, 29) | (12, 31))
}

/// A day so many days on.
pub(crate) fn shift(day: Date, days: i32) -> Date {
    day.saturating_add(jiff::Span::new().days(days))
}

impl Rules {
    /// The longest gap that is bridged anywhere.
    pub(crate) fn widest(&self) -> Bridge {
        self.bridge.unwrap_or_default()
    }

    /// The first and the last day of an input that values in `period` depend on.
    #[must_use]
    pub fn reach(&self, period: Period) -> (Date, Date) {
        let (back, on) = match self.time {
            // Its layers carry any year.
            crate::TimeRule::Climatology => return (Date::MIN, Date::MAX),
            crate::TimeRule::Composite | crate::TimeRule::CompositeLegacy => {
                (self.widest().days(), self.widest().days())
            }
            // A composite is observed on its date or some days after it.
            crate::TimeRule::CompositeDay => (self.widest().days() + DAYS - 1, self.widest().days()),
            crate::TimeRule::Daily => {
                // That a calendar leaves a day out shows in the day before it.
                let before = self.leap != crate::LeapRule::Error && may_be_left_out(period.start);
                let after = self.leap == crate::LeapRule::Interpolate && may_be_left_out(period.end);
                (i32::from(before), i32::from(after))
            }
        };
        (shift(period.start, -back), shift(period.end, on))
    }

    /// The most layers, of these dates in order, that are held while so many days are read
    /// one after the other; the days of a layer's pixels count as one more.
    pub(crate) fn held(&self, dates: &[Date], days: usize) -> usize {
        if self.time == crate::TimeRule::Daily {
            return 0;
        }
        let observed = self.time == crate::TimeRule::CompositeDay;
        let more = if observed { DAYS - 1 } else { 0 };
        let reach = days + usize::try_from(2 * self.widest().days() + more).unwrap_or(0);
        let near = |from: Date, to: Date| Period { start: from, end: to }.len() <= reach;
        let within = |n: usize| dates[n..].partition_point(|day| near(dates[n], *day));
        let most = (0..dates.len()).map(within).max().unwrap_or(0);
        match self.time {
            // What recurs is met again in the next year.
            crate::TimeRule::Climatology => most.max(dates.len() * reach / 365 + 2),
            _ if observed => 2 * most,
            _ => most,
        }
    }
}

impl Series {
    /// About how many layers a reader holds on a tile while so many days are read one after
    /// the other, if each asset has one.
    #[must_use]
    pub fn held(&self, rules: &Rules, days: usize) -> usize {
        let mut dates: Vec<Date> = self.assets.iter().map(|asset| asset.period.start).collect();
        dates.dedup();
        rules.held(&dates, days)
    }
}
