//! From layers to days: which days there are, what they depend on, and their values.

use super::TileReader;
use crate::days::{Slot, shift, spans};
use crate::traits::whole_layer;
use crate::{LeapRule, PrepError, TimeRule};
use seedbed_block::series::{Spacing, interpolate};
use seedbed_block::{Bridge, Calendar, Date, Period, Real};
use std::collections::BTreeSet;

impl<T: Real> TileReader<'_, T> {
    /// The days of a period that can be read.
    pub(crate) fn available(&self, period: Period) -> Vec<Date> {
        // Days that stand in for others aren't among those there are layers for.
        if self.rules.time == TimeRule::Daily && self.rules.leap == LeapRule::Error {
            return self.dates().filter(|day| period.contains(*day)).collect();
        }
        period.days().filter(|day| self.has(*day)).collect()
    }

    /// Those of some days that a series of a layer a day hasn't, but for those that its calendar is known not to have,
    /// unless they were to be interpolated and have no day behind them; none of a series in longer steps.
    pub(crate) fn gaps(&self, days: &BTreeSet<Date>) -> Vec<Date> {
        let dates: Vec<Date> = self.dates().collect();
        let steps = dates.len().saturating_sub(1);
        let daily = dates.windows(2).filter(|pair| shift(pair[0], 1) == pair[1]).count();
        if self.rules.time != TimeRule::Daily || steps == 0 || 2 * daily < steps {
            return Vec::new();
        }
        let left_out: BTreeSet<Date> = self.left_out().collect();
        let is_meant = |day: &Date| self.rules.leap == LeapRule::Interpolate || !left_out.contains(day);
        days.iter().copied().filter(|day| !self.has(*day) && is_meant(day)).collect()
    }

    /// The days that its calendar is known not to have, among those around its layers.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = Date> {
        self.days.left_out()
    }

    /// Its calendar, where it is known to be one of 365 days.
    pub(crate) fn calendar(&self) -> Option<Calendar> {
        self.days.calendar()
    }

    /// What the values of a day stand for: all days of the layers that are dated by it, where nothing is made between
    /// layers, else the day.
    pub(crate) fn stands_for(&self, day: Date) -> Period {
        let one = Period { start: day, end: day };
        let slots = if self.rules.time == TimeRule::Daily { self.days.slots(day) } else { &[] };
        let spans = slots.iter().filter_map(|slot| whole_layer(&self.sources[slot.source]));
        let end = spans.filter(|span| span.start == day).map(|span| span.end).max();
        end.map_or(one, |end| Period { end, ..one })
    }

    /// The assets that the values of a day may depend on: their places in the series, in
    /// order.
    pub(crate) fn inputs(&self, day: Date) -> Vec<usize> {
        let slots: Vec<Slot> = match self.rules.time {
            TimeRule::Daily if !self.days.slots(day).is_empty() => return self.assets(day).collect(),
            TimeRule::Daily => {
                let next = if self.rules.leap == LeapRule::Interpolate { 1 } else { -1 };
                let near = [shift(day, -1), shift(day, next)];
                near.iter().flat_map(|day| self.days.slots(*day)).copied().collect()
            }
            TimeRule::Composite
            | TimeRule::CompositeDay
            | TimeRule::CompositeLegacy
            | TimeRule::Climatology => self
                .layers(Period { start: day, end: day })
                .into_iter()
                .flat_map(|(_, slots)| slots)
                .collect(),
        };
        let mut places: Vec<usize> = slots.iter().map(|slot| self.places[slot.source]).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The layers between which the days of a period lie, and those that may bridge gaps.
    fn layers(&self, period: Period) -> Vec<(Date, Vec<Slot>)> {
        let owned = |(day, slots): (Date, &[Slot])| (day, slots.to_vec());
        if let Some(climatology) = &self.climatology {
            return climatology.around(period, self.rules.widest()).map(owned).collect();
        }
        let (from, to) = self.rules.reach(period);
        self.days.between(from, to).map(owned).collect()
    }

    /// What is bridged around a day. Where the rules don't say it, that follows from the layers within
    /// the usual bridge around it, so that it is the same for every piece of time a day is read in.
    fn bridge(&self, day: Date) -> Bridge {
        if self.rules.bridge.is_some() || self.rules.time == TimeRule::CompositeDay {
            return self.rules.widest();
        }
        let near = self.layers(Period { start: day, end: day });
        let next_day = |pair: &&[(Date, Vec<Slot>)]| pair[0].0.tomorrow().is_ok_and(|next| next == pair[1].0);
        let daily = near.windows(2).filter(next_day).count();
        if 2 * daily < near.len() {
            return self.rules.widest();
        }
        // A calendar of 365 days has no layer for a leap year's last, or no 29 February.
        let left_out = match self.climatology {
            Some(_) => day.day_of_year() == 366 && near.iter().all(|(date, _)| *date != day),
            None => self.left_out().any(|other| other == day),
        };
        if left_out { Bridge::ONE_DAY } else { Bridge::NOTHING }
    }

    /// The most layers that are held while so many days are read one after the other; the
    /// days of a layer's pixels count as one more.
    pub(crate) fn held(&self, days: usize) -> usize {
        self.rules.held(&self.dates().collect::<Vec<_>>(), days)
    }

    pub(super) fn has(&self, day: Date) -> bool {
        match self.rules.time {
            TimeRule::Daily => !self.days.slots(day).is_empty() || self.stands_in(day),
            TimeRule::Composite | TimeRule::CompositeLegacy => self.days.bridges(day, self.bridge(day)),
            TimeRule::CompositeDay => self.days.may_hold(day, self.rules.widest()),
            TimeRule::Climatology => {
                let dates: Vec<Date> =
                    self.layers(Period { start: day, end: day }).iter().map(|(date, _)| *date).collect();
                let next = dates.partition_point(|date| *date < day);
                let before = dates[..next].last().or(dates.get(next).filter(|date| **date == day));
                let ends = before.zip(dates.get(next));
                ends.is_some_and(|(a, b)| *b == day || spans(*a, *b, self.bridge(day)))
            }
        }
    }

    /// Whether the leap rule says what stands for a day.
    fn stands_in(&self, day: Date) -> bool {
        match self.rules.leap {
            LeapRule::Error => false,
            LeapRule::Repeat | LeapRule::Missing => self.days.leaves_out(day),
            LeapRule::Interpolate => self.days.leaves_out(day) && !self.days.slots(shift(day, 1)).is_empty(),
        }
    }

    pub(super) fn read_daily(&mut self, days: &[Date], out: &mut [T]) -> Result<(), PrepError> {
        let pixels = self.pixels();
        let mut at = 0;
        while at < days.len() {
            let day = days[at];
            let yesterday = shift(day, -1);
            let slots = self.days.slots(day).to_vec();
            if !slots.is_empty() {
                let run = self.days.run(&days[at..]);
                self.read_slots(&slots, run, &mut out[at * pixels..(at + run) * pixels])?;
                at += run;
                continue;
            }
            if !self.stands_in(day) {
                return Err(self.missing(&[day]));
            }
            let today = at * pixels..(at + 1) * pixels;
            match self.rules.leap {
                LeapRule::Repeat if at > 0 && days[at - 1] == yesterday => {
                    out.copy_within(today.start - pixels..today.start, today.start);
                }
                LeapRule::Repeat => {
                    let slots = self.days.slots(yesterday).to_vec();
                    self.read_slots(&slots, 1, &mut out[today])?;
                }
                LeapRule::Interpolate => {
                    let out = &mut out[today];
                    let slots = self.days.slots(yesterday).to_vec();
                    self.read_slots(&slots, 1, out)?;
                    let mut next = vec![T::NAN; pixels];
                    let slots = self.days.slots(shift(day, 1)).to_vec();
                    self.read_slots(&slots, 1, &mut next)?;
                    let half = T::of(0.5);
                    out.iter_mut().zip(next).for_each(|(to, next)| *to = (*to + next) * half);
                }
                LeapRule::Missing | LeapRule::Error => out[today].fill(T::NAN),
            }
            at += 1;
        }
        Ok(())
    }

    pub(super) fn read_composite(
        &mut self,
        days: &[Date],
        spacing: Spacing,
        out: &mut [T],
    ) -> Result<(), PrepError> {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
        let around = self.layers(Period { start: *first, end: *last });
        self.composites.retain(|day, _| around.iter().any(|(near, _)| near == day));
        let wanted = around.into_iter().filter(|(day, _)| !self.composites.contains_key(day));
        let wanted: Vec<(Date, Vec<Slot>)> = wanted.collect();
        for (day, slots) in wanted {
            let composite = self.composite(day, &slots)?;
            self.composites.insert(day, composite);
        }
        if self.rules.time == TimeRule::CompositeDay {
            return self.between_days(days, out);
        }
        let dates: Vec<Date> = self.composites.keys().copied().collect();
        let layers: Vec<&[T]> = self.composites.values().map(|held| held.values.as_slice()).collect();
        let (bridges, pixels) = (days.iter().map(|day| self.bridge(*day)).collect::<Vec<_>>(), self.pixels());
        let mut at = 0;
        for alike in bridges.chunk_by(|a, b| a == b) {
            let to = at + alike.len();
            let out = &mut out[at * pixels..to * pixels];
            interpolate(&dates, &layers, &days[at..to], pixels, (spacing, alike[0]), out)
                .map_err(|e| PrepError::Request(format!("input `{}`: {e}", self.name)))?;
            at = to;
        }
        Ok(())
    }
}
