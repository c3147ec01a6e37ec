//! Composites whose pixels were observed on days of their own.

use super::{Mosaic, TileReader, convert};
use crate::composite_day::{self, DAYS};
use crate::days::Slot;
use crate::{PrepError, TimeRule};
use seedbed_block::series::{Observed, interpolate_observed};
use seedbed_block::{Date, PixelRange, Real};
use std::ops::Range;

/// A composite on a tile.
pub(super) struct Composite<T> {
    pub(super) values: Vec<T>,
    /// Days from its date to each pixel's observation; none where all are of that date.
    after: Vec<T>,
}

impl<T: Real> TileReader<'_, T> {
    /// Reads a composite: its values, and by `composite-day` its days.
    pub(super) fn composite(&mut self, day: Date, slots: &[Slot]) -> Result<Composite<T>, PrepError> {
        let mut values = vec![T::NAN; self.pixels()];
        if self.rules.time != TimeRule::CompositeDay {
            self.read_slots(slots, 1, &mut values)?;
            return Ok(Composite { values, after: Vec::new() });
        }
        let mut after = vec![T::NAN; self.pixels()];
        for mosaic in self.mosaics(slots)? {
            self.read_observed(&mosaic, day, &mut values, &mut after)?;
        }
        Ok(Composite { values, after })
    }

    /// Fills what is missing from a layer of a mosaic.
    fn read_observed(
        &mut self,
        mosaic: &Mosaic,
        date: Date,
        values: &mut [T],
        after: &mut [T],
    ) -> Result<(), PrepError> {
        let stored = self.gather_observed(mosaic, date)?;
        let pixels = self.pixels();
        let mut warped = std::mem::take(&mut self.warped);
        warped.clear();
        warped.resize(2 * pixels, T::NAN);
        mosaic.plan.apply(&stored, &mut warped);
        let (found, days) = warped.split_at_mut(pixels);
        convert(mosaic.conversion, found);
        let (first, last) = (T::ZERO, T::of(f64::from(DAYS - 1)));
        let targets = values.iter_mut().zip(after.iter_mut());
        for ((value, day), (found, on)) in targets.zip(found.iter().zip(days.iter())) {
            if value.is_missing() && !found.is_missing() {
                *value = *found;
                // The negative weights of a cubic kernel may lead out of the composite.
                *day = if *on < first {
                    first
                } else if *on > last {
                    last
                } else {
                    *on
                };
            }
        }
        self.warped = warped;
        self.check_ranges(mosaic.parts[0].0, values)
    }

    /// A mosaic's values as they are stored, and behind them the days from the composite's date to each.
    fn gather_observed(&mut self, mosaic: &Mosaic, date: Date) -> Result<Vec<T>, PrepError> {
        let mut all = vec![T::NAN; 2 * mosaic.window.shape().len()];
        for (slot, part) in &mosaic.parts {
            let layers = slot.layer..slot.layer + 1;
            let mut stored = self.stored(slot.source, layers.clone(), *part)?;
            self.look_at(*slot, layers.clone(), *part, mosaic.conversion, &mut stored)?;
            let days = self.days_since(slot.source, layers, *part, date)?;
            stored.extend(days);
            // A pixel has both or none, so that a kernel weighs both alike.
            let (observed, days) = stored.split_at_mut(part.shape().len());
            for (value, day) in observed.iter_mut().zip(days) {
                if value.is_missing() || day.is_missing() {
                    (*value, *day) = (T::NAN, T::NAN);
                }
            }
            self.sheets[slot.source].lay(*part, &stored, mosaic.window, &mut all);
        }
        Ok(all)
    }

    /// Days from a composite's date to each source pixel's observation, in a window of its grid.
    fn days_since(
        &mut self,
        number: usize,
        layers: Range<usize>,
        window: PixelRange,
        date: Date,
    ) -> Result<Vec<T>, PrepError> {
        let source = &self.sources[number];
        let Some(said) = &source.composite_day else {
            let reason =
                format!("input `{}`: item `{}` has no days of its pixels", self.name, source.asset.item);
            return Err(PrepError::Request(reason));
        };
        let numbers = self.observed.read((number, source), said, layers, window, self.projections)?;
        let mut after = vec![T::NAN; numbers.len()];
        composite_day::since(date, &numbers, &mut after);
        Ok(after)
    }

    /// Values between the pixels' days, of the composites that are held.
    pub(super) fn between_days(&self, days: &[Date], out: &mut [T]) -> Result<(), PrepError> {
        let layers: Vec<Observed<'_, T>> = self
            .composites
            .iter()
            .map(|(from, held)| Observed { from: *from, values: &held.values, after: &held.after })
            .collect();
        interpolate_observed(&layers, days, self.pixels(), self.rules.widest(), out)
            .map_err(|e| PrepError::Request(format!("input `{}`: {e}", self.name)))
    }
}
