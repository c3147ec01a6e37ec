//! Layers that recur every year.

use crate::PrepError;
use crate::days::{Days, Slot, shift};
use crate::source::Source;
use seedbed_block::series::recurring;
use seedbed_block::{Bridge, Date, Period};
use std::collections::BTreeMap;

/// The layers of one year that stands for all, each by the number of its day, as
/// `composite --by day-of-year` makes them. The year they carry means nothing.
#[derive(Debug, Default)]
pub(crate) struct Climatology {
    /// Days of year, from 1, in order.
    days: Vec<u16>,
    /// What holds each, in the order of merging.
    slots: Vec<Vec<Slot>>,
}

impl Climatology {
    /// Sorts the layers of `sources` by day of year. Neighbouring tiles may carry the
    /// same day of different years, since each has the first that it has.
    ///
    /// # Errors
    /// [`PrepError::Document`] where one place has a day in two years: that is a series.
    pub(crate) fn of(sources: &[Source], days: &Days) -> Result<Self, PrepError> {
        let mut found: BTreeMap<u16, Vec<(Date, Slot)>> = BTreeMap::new();
        for date in days.dates() {
            let number = date.day_of_year().unsigned_abs();
            let slots = days.slots(date).iter().map(|slot| (date, *slot));
            found.entry(number).or_default().extend(slots);
        }
        for (number, slots) in &found {
            for (n, (date, slot)) in slots.iter().enumerate() {
                let here = &sources[slot.source];
                let twice = slots[..n].iter().find(|(other, earlier)| {
                    other != date && sources[earlier.source].facts.geobox == here.facts.geobox
                });
                if let Some((other, _)) = twice {
                    return Err(PrepError::Document {
                        path: here.path.clone(),
                        what: "layer of a climatology",
                        reason: format!(
                            "day {number} is there as {other} and as {date}; make one layer of them with \
                             `seedbed composite --by day-of-year`, or take the years as they are"
                        ),
                    });
                }
            }
        }
        let slots = found.values().map(|all| all.iter().map(|(_, slot)| *slot).collect()).collect();
        Ok(Self { days: found.into_keys().collect(), slots })
    }

    /// When layers recur from `bridge` before a period to as long after it, and what
    /// holds them. The last of a year is followed by the first.
    pub(crate) fn around(&self, period: Period, bridge: Bridge) -> impl Iterator<Item = (Date, &[Slot])> {
        let wide =
            Period { start: shift(period.start, -bridge.days()), end: shift(period.end, bridge.days()) };
        recurring(&self.days, wide).into_iter().map(|(day, layer)| (day, self.slots[layer].as_slice()))
    }
}
