//! One input on one tile, day by day.

use crate::climatology::Climatology;
use crate::days::{Days, Slot, shift, spans};
use crate::screen::Screen;
use crate::source::Source;
use crate::{LeapRule, Plans, PrepError, Rules, Series, Spool, Target, TimeRule};
use seedbed_block::series::{Spacing, interpolate};
use seedbed_block::{Block, Conversion, Date, Period, Real};
use seedbed_grid::Projections;
use seedbed_raster::{Raster, WarpPlan};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Decoded source pixels held at once, in bytes: a window may be far larger than
/// the tile it is averaged onto.
pub const WINDOWS: usize = 64 << 20;

/// Reads one series onto one tile.
///
/// Opening brings every asset that may touch the tile to the local disk (or finds
/// that parts of it are enough, see [`Spool`]), lists the days there are and plans
/// the warps; assets whose pixels don't lie under the tile are left out. Reading decodes just the window the tile needs.
pub struct TileReader<'a, T> {
    name: String,
    target: Target,
    rules: Rules,
    projections: &'a dyn Projections,
    plans: Plans,
    sources: Vec<Source>,
    /// The places of their assets in the series.
    places: Vec<usize>,
    days: Days,
    /// Its layers by day of year, where that is what they go by.
    climatology: Option<Climatology>,
    open: Option<(usize, Raster)>,
    screen: Screen,
    room: usize,
    composites: BTreeMap<Date, Vec<T>>,
    warped: Vec<T>,
}

impl<'a, T: Real> TileReader<'a, T> {
    /// Opens a series for one tile and the days from `period.start` to `period.end`.
    ///
    /// # Errors
    /// [`PrepError::Outside`] if no asset's pixels lie under the tile; whatever a
    /// transfer or a damaged file brings; [`PrepError::Clock`] where file and item
    /// disagree about a date; [`PrepError::Document`] for two layers of one day in
    /// one file.
    pub fn open(
        series: &Series,
        target: Target,
        rules: Rules,
        period: Period,
        plans: Plans,
        spool: &Spool,
        projections: &'a dyn Projections,
    ) -> Result<Self, PrepError> {
        let (from, to) = rules.reach(period);
        let (mut sources, mut places) = (Vec::new(), Vec::new());
        for (place, asset) in series.places(target.bbox, from, to) {
            let source = spool.source(asset)?;
            let plan = plans.get(&source.facts.geobox, &target, rules.resampling, projections)?;
            if let Some(window) = plan.source_window() {
                let layers = source.facts.layers(from, to);
                sources.push(spool.settle(source, layers, window)?);
                places.push(place);
            }
        }
        if sources.is_empty() {
            return Err(PrepError::Outside {
                input: series.name.clone(),
                assets: series.assets.len(),
                what: format!("tile {} between {from} and {to}", target.tile),
            });
        }
        let days = Days::of(&sources)?;
        let recurs = rules.time == TimeRule::Climatology;
        let climatology = recurs.then(|| Climatology::of(&sources, &days)).transpose()?;
        Ok(Self {
            name: series.name.clone(),
            target,
            rules,
            projections,
            plans,
            sources,
            places,
            days,
            climatology,
            open: None,
            screen: Screen::default(),
            room: WINDOWS,
            composites: BTreeMap::new(),
            warped: Vec::new(),
        })
    }

    /// Decodes as many layers at once as take this many bytes, but at least one,
    /// instead of [`WINDOWS`].
    #[must_use]
    pub(crate) fn with_room(self, room: usize) -> Self {
        Self { room, ..self }
    }

    /// Opens a static field: a series whose dates don't matter.
    ///
    /// # Errors
    /// As [`TileReader::open`].
    pub fn open_static(
        series: &Series,
        target: Target,
        rules: Rules,
        plans: Plans,
        spool: &Spool,
        projections: &'a dyn Projections,
    ) -> Result<Self, PrepError> {
        Self::open(series, target, rules, series.period(), plans, spool, projections)
    }

    /// The input's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tile's pixels.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.target.geobox.shape.len()
    }

    /// The days there are layers for.
    pub fn dates(&self) -> impl Iterator<Item = Date> {
        self.days.dates()
    }

    /// The assets that hold a day, in the order in which they are merged: their places
    /// in the series.
    pub fn assets(&self, day: Date) -> impl Iterator<Item = usize> {
        self.days.slots(day).iter().map(|slot| self.places[slot.source])
    }

    /// The days of a period that can be read.
    pub(crate) fn available(&self, period: Period) -> Vec<Date> {
        // Days that stand in for others aren't among those there are layers for.
        if self.rules.time == TimeRule::Daily && self.rules.leap == LeapRule::Error {
            return self.dates().filter(|day| period.contains(*day)).collect();
        }
        period.days().filter(|day| self.has(*day)).collect()
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
            TimeRule::Composite | TimeRule::CompositeLegacy | TimeRule::Climatology => self
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
        let bridge = self.rules.bridge;
        let owned = |(day, slots): (Date, &[Slot])| (day, slots.to_vec());
        if let Some(climatology) = &self.climatology {
            return climatology.around(period, bridge).map(owned).collect();
        }
        let (from, to) = (shift(period.start, -bridge.days()), shift(period.end, bridge.days()));
        self.days.between(from, to).map(owned).collect()
    }

    /// The most layers that are held while so many days are read one after the other.
    pub(crate) fn held(&self, days: usize) -> usize {
        if self.rules.time == TimeRule::Daily {
            return 0;
        }
        let reach = days + 2 * usize::try_from(self.rules.bridge.days()).unwrap_or(0);
        let all: Vec<Date> = self.dates().collect();
        let near = |from: Date, to: Date| Period { start: from, end: to }.len() <= reach;
        let within = |n: usize| all[n..].partition_point(|day| near(all[n], *day));
        let most = (0..all.len()).map(within).max().unwrap_or(0);
        // What recurs is met again in the next year.
        if self.climatology.is_some() { most.max(all.len() * reach / 365 + 2) } else { most }
    }

    /// What it is read from.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The unit of the values as item or file states it, where none is wanted.
    #[must_use]
    pub fn unit_text(&self) -> Option<&str> {
        let first = self.sources.first()?;
        first.asset.unit.as_deref().or(first.facts.unit.as_deref())
    }

    /// Checks that every day of `period` can be read.
    ///
    /// # Errors
    /// [`PrepError::MissingDays`] with the number of days and the first of them.
    pub fn check(&self, period: Period) -> Result<(), PrepError> {
        let missing: Vec<Date> = period.days().filter(|day| !self.has(*day)).collect();
        if missing.is_empty() { Ok(()) } else { Err(self.missing(&missing)) }
    }

    fn missing(&self, missing: &[Date]) -> PrepError {
        let mut days: Vec<String> = missing.iter().take(5).map(ToString::to_string).collect();
        if missing.len() > days.len() {
            days.push("…".to_owned());
        }
        PrepError::MissingDays {
            input: self.name.clone(),
            tile: self.target.tile.clone(),
            count: missing.len(),
            days: days.join(", "),
        }
    }

    fn has(&self, day: Date) -> bool {
        match self.rules.time {
            TimeRule::Daily => !self.days.slots(day).is_empty() || self.stands_in(day),
            TimeRule::Composite | TimeRule::CompositeLegacy => self.days.bridges(day, self.rules.bridge),
            TimeRule::Climatology => {
                let dates: Vec<Date> =
                    self.layers(Period { start: day, end: day }).iter().map(|(date, _)| *date).collect();
                let next = dates.partition_point(|date| *date < day);
                let before = dates[..next].last().or(dates.get(next).filter(|date| **date == day));
                let ends = before.zip(dates.get(next));
                ends.is_some_and(|(a, b)| *b == day || spans(*a, *b, self.rules.bridge))
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

    /// The values on the given days, which must increase: time, y, x.
    ///
    /// # Errors
    /// As [`TileReader::read_into`].
    pub fn read(&mut self, days: &[Date]) -> Result<Block<T>, PrepError> {
        let shape = self.target.geobox.shape;
        let mut values = vec![T::NAN; days.len() * shape.len()];
        self.read_into(days, &mut values)?;
        Block::new(days.to_vec(), shape, values).map_err(|e| PrepError::Request(e.to_string()))
    }

    /// The values on the given days, which must increase, into `out`: time, y, x.
    ///
    /// # Errors
    /// [`PrepError::MissingDays`] for a day that can't be read, [`PrepError::Range`]
    /// for a value that makes no sense in its unit, and what a damaged file brings.
    pub fn read_into(&mut self, days: &[Date], out: &mut [T]) -> Result<(), PrepError> {
        let expected = days.len() * self.pixels();
        if out.len() != expected || days.windows(2).any(|w| w[0] >= w[1]) {
            return Err(PrepError::Request(format!(
                "input `{}`: {} increasing days need {expected} values, not {}",
                self.name,
                days.len(),
                out.len()
            )));
        }
        match self.rules.time {
            TimeRule::Daily => self.read_daily(days, out),
            TimeRule::Composite | TimeRule::Climatology => self.read_composite(days, Spacing::Actual, out),
            TimeRule::CompositeLegacy => self.read_composite(days, Spacing::Legacy, out),
        }
    }

    /// The only layer of a static field: y, x.
    ///
    /// # Errors
    /// As [`TileReader::read_into`].
    pub fn read_static(&mut self) -> Result<Vec<T>, PrepError> {
        let mut out = vec![T::NAN; self.pixels()];
        let dates: Vec<Date> = self.days.dates().collect();
        let slots: Vec<Slot> = dates.iter().flat_map(|day| self.days.slots(*day)).copied().collect();
        self.read_slots(&slots, 1, &mut out)?;
        Ok(out)
    }

    fn read_daily(&mut self, days: &[Date], out: &mut [T]) -> Result<(), PrepError> {
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

    fn read_composite(&mut self, days: &[Date], spacing: Spacing, out: &mut [T]) -> Result<(), PrepError> {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
        let around = self.layers(Period { start: *first, end: *last });
        self.composites.retain(|day, _| around.iter().any(|(near, _)| near == day));
        let wanted = around.into_iter().filter(|(day, _)| !self.composites.contains_key(day));
        let wanted: Vec<(Date, Vec<Slot>)> = wanted.collect();
        for (day, slots) in wanted {
            let mut layer = vec![T::NAN; self.pixels()];
            self.read_slots(&slots, 1, &mut layer)?;
            self.composites.insert(day, layer);
        }
        let dates: Vec<Date> = self.composites.keys().copied().collect();
        let layers: Vec<&[T]> = self.composites.values().map(Vec::as_slice).collect();
        let by = (spacing, self.rules.bridge);
        interpolate(&dates, &layers, days, self.pixels(), by, out)
            .map_err(|e| PrepError::Request(format!("input `{}`: {e}", self.name)))
    }

    /// Warps `layers` layers from each slot on into `out`: all of the first, and
    /// of the others what is still missing.
    fn read_slots(&mut self, slots: &[Slot], layers: usize, out: &mut [T]) -> Result<(), PrepError> {
        let pixels = self.pixels();
        for (n, slot) in slots.iter().enumerate() {
            let source = &self.sources[slot.source];
            let plan = self.plans.get(
                &source.facts.geobox,
                &self.target,
                self.rules.resampling,
                self.projections,
            )?;
            let conversion = source.conversion(&self.name, &self.rules)?;
            let window = plan.source_window().map_or(0, |w| w.shape().len());
            let each = source.layer_bytes::<T>(window) + if n > 0 { pixels * size_of::<T>() } else { 0 };
            let at_once = (self.room / each.max(1)).clamp(1, layers);
            for first in (0..layers).step_by(at_once) {
                let last = layers.min(first + at_once);
                let part = &mut out[first * pixels..last * pixels];
                let from = Slot { layer: slot.layer + first, ..*slot };
                self.read_layers(from, &plan, conversion, n > 0, part)?;
            }
        }
        Ok(())
    }

    fn read_layers(
        &mut self,
        from: Slot,
        plan: &Arc<WarpPlan>,
        conversion: Conversion,
        gaps_only: bool,
        out: &mut [T],
    ) -> Result<(), PrepError> {
        let pixels = self.pixels();
        let Some(window) = plan.source_window() else { return Ok(()) };
        let layers = from.layer..from.layer + out.len() / pixels;
        let mut stored = self.raster(from.source)?.read_layers::<T>(layers.clone(), window)?;
        let source = (from.source, &self.sources[from.source]);
        self.screen.apply(source, &self.rules, layers, window, self.projections, &mut stored)?;
        if gaps_only {
            let mut warped = std::mem::take(&mut self.warped);
            warped.resize(out.len(), T::NAN);
            plan.apply(&stored, &mut warped);
            convert(conversion, &mut warped);
            let gaps = out.iter_mut().zip(&warped).filter(|(to, _)| to.is_missing());
            gaps.for_each(|(to, from)| *to = *from);
            self.warped = warped;
        } else {
            plan.apply(&stored, out);
            convert(conversion, out);
        }
        for (layer, values) in out.chunks_exact(pixels).enumerate() {
            self.check_range(from, layer, values)?;
        }
        Ok(())
    }

    /// Holds one layer's values to the range that makes sense.
    fn check_range(&self, from: Slot, layer: usize, values: &[T]) -> Result<(), PrepError> {
        let (Some(sane), Some(unit)) = (self.rules.sane, self.rules.wanted) else { return Ok(()) };
        let Some(bad) = sane.first_outside(values) else { return Ok(()) };
        let source = &self.sources[from.source];
        Err(PrepError::Range {
            input: self.name.clone(),
            value: bad.to_f64(),
            unit,
            date: source.day(from.layer + layer)?,
            tile: self.target.tile.clone(),
            low: sane.low,
            high: sane.high,
            path: source.path.clone(),
        })
    }

    /// The source's raster; the last one used stays open.
    fn raster(&mut self, source: usize) -> Result<&Raster, PrepError> {
        let raster = match self.open.take() {
            Some((held, raster)) if held == source => raster,
            _ => self.sources[source].open()?,
        };
        let (_, raster) = self.open.insert((source, raster));
        Ok(raster)
    }
}

/// Converts values in place; NaN stays NaN.
fn convert<T: Real>(by: Conversion, values: &mut [T]) {
    if by == Conversion::IDENTITY {
        return;
    }
    let (scale, offset) = (T::of(by.scale), T::of(by.offset));
    for value in values {
        *value = *value * scale + offset;
    }
}
