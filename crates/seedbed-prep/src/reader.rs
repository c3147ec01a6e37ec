//! One input on one tile, day by day.

use crate::source::Source;
use crate::{LeapRule, Plans, PrepError, Rules, Series, Spool, Target, TimeRule};
use seedbed_block::series::{LONGEST_GAP, Spacing, interpolate};
use seedbed_block::{Block, Conversion, Date, Period, Real, is_leap};
use seedbed_grid::{GeoBox, Projections};
use seedbed_raster::Raster;
use std::collections::BTreeMap;
use std::path::Path;

/// A layer of a source: which asset, which layer of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    source: usize,
    layer: usize,
}

/// Reads one series onto one tile.
///
/// Opening brings every asset that may touch the tile to the local disk and
/// lists the days there are; reading decodes just the window the tile needs.
pub struct TileReader<'a, T> {
    name: String,
    target: Target,
    rules: Rules,
    projections: &'a dyn Projections,
    plans: Plans,
    sources: Vec<Source>,
    days: BTreeMap<Date, Vec<Slot>>,
    open: Option<(usize, Raster)>,
    composites: BTreeMap<Date, Vec<T>>,
}

impl<'a, T: Real> TileReader<'a, T> {
    /// Opens a series for one tile and the days from `period.start` to `period.end`.
    ///
    /// # Errors
    /// [`PrepError::Outside`] if no asset touches the tile; whatever a transfer or
    /// a damaged file brings; [`PrepError::Clock`] where file and item disagree
    /// about a date.
    pub fn open(
        series: &Series,
        target: Target,
        rules: Rules,
        period: Period,
        plans: Plans,
        spool: &Spool,
        projections: &'a dyn Projections,
    ) -> Result<Self, PrepError> {
        let reach = match rules.time {
            TimeRule::Daily => 0,
            TimeRule::Composite | TimeRule::CompositeLegacy => LONGEST_GAP,
        };
        let from = shift(period.start, -reach);
        let to = shift(period.end, reach);
        let sources = series
            .near(target.bbox, from, to)
            .map(|asset| Ok(Source { asset: asset.clone(), path: spool.local(asset)? }))
            .collect::<Result<Vec<_>, PrepError>>()?;
        if sources.is_empty() {
            return Err(PrepError::Outside {
                input: series.name.clone(),
                assets: series.assets.len(),
                what: format!("tile {} between {from} and {to}", target.tile),
            });
        }
        let mut reader = Self {
            name: series.name.clone(),
            target,
            rules,
            projections,
            plans,
            sources,
            days: BTreeMap::new(),
            open: None,
            composites: BTreeMap::new(),
        };
        reader.index()?;
        Ok(reader)
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
        let first = series.assets.iter().map(|a| a.period.start).min();
        let last = series.assets.iter().map(|a| a.period.end).max();
        let (Some(start), Some(end)) = (first, last) else {
            return Err(PrepError::Outside {
                input: series.name.clone(),
                assets: 0,
                what: format!("tile {}", target.tile),
            });
        };
        Self::open(series, target, rules, Period { start, end }, plans, spool, projections)
    }

    /// Lists the days of every source.
    fn index(&mut self) -> Result<(), PrepError> {
        for source in 0..self.sources.len() {
            let asset = &self.sources[source].asset;
            if asset.undated || (asset.dated_by_item && asset.period.len() == 1) {
                let day = asset.period.start;
                self.days.entry(day).or_default().push(Slot { source, layer: 0 });
                continue;
            }
            let dates: Vec<Option<Date>> = self.raster(source)?.layers().iter().map(|l| l.date).collect();
            let Source { asset, path } = &self.sources[source];
            for (layer, found) in dates.iter().enumerate() {
                let day = match found {
                    None if layer == 0 => asset.period.start,
                    None => {
                        return Err(PrepError::Document {
                            path: path.clone(),
                            what: "dated series",
                            reason: format!("layer {layer} of {} has no date", dates.len()),
                        });
                    }
                    Some(day) if asset.period.contains(*day) => *day,
                    Some(day) => {
                        return Err(PrepError::Clock {
                            path: path.clone(),
                            layer,
                            found: *day,
                            item: asset.item.clone(),
                            start: asset.period.start,
                            end: asset.period.end,
                        });
                    }
                };
                self.days.entry(day).or_default().push(Slot { source, layer });
            }
        }
        Ok(())
    }

    /// The days there are layers for.
    pub fn dates(&self) -> impl Iterator<Item = Date> {
        self.days.keys().copied()
    }

    /// The files it reads, in order of their dates.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|s| s.path.as_path())
    }

    /// Whether any source's pixels lie under the tile, by its grid rather than its box.
    ///
    /// # Errors
    /// What a damaged file or an unknown CRS brings.
    pub fn touches(&mut self) -> Result<bool, PrepError> {
        let mut seen: Vec<GeoBox> = Vec::new();
        for source in 0..self.sources.len() {
            let geobox = self.raster(source)?.geobox().clone();
            if seen.contains(&geobox) {
                continue;
            }
            let plan = self.plans.get(&geobox, &self.target, self.rules.resampling, self.projections)?;
            if plan.source_window().is_some() {
                return Ok(true);
            }
            seen.push(geobox);
        }
        Ok(false)
    }

    /// The unit of the values as item or file states it, where none is wanted.
    ///
    /// # Errors
    /// What a damaged file brings.
    pub fn unit_text(&mut self) -> Result<Option<String>, PrepError> {
        if let Some(unit) = self.sources.first().and_then(|s| s.asset.unit.clone()) {
            return Ok(Some(unit));
        }
        if self.sources.is_empty() {
            return Ok(None);
        }
        Ok(self.raster(0)?.unit().map(str::to_owned))
    }

    /// Checks that every day of `period` can be read.
    ///
    /// # Errors
    /// [`PrepError::MissingDays`] with the number of days and the first of them.
    pub fn check(&self, period: Period) -> Result<(), PrepError> {
        let missing: Vec<Date> = period.days().filter(|day| !self.has(*day)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut days: Vec<String> = missing.iter().take(5).map(ToString::to_string).collect();
        if missing.len() > days.len() {
            days.push("…".to_owned());
        }
        Err(PrepError::MissingDays {
            input: self.name.clone(),
            tile: self.target.tile.clone(),
            count: missing.len(),
            days: days.join(", "),
        })
    }

    fn has(&self, day: Date) -> bool {
        match self.rules.time {
            TimeRule::Daily => {
                self.days.contains_key(&day) || (left_out(day) && self.rules.leap != LeapRule::Error)
            }
            TimeRule::Composite | TimeRule::CompositeLegacy => {
                let before = self.days.range(..=day).next_back();
                let after = self.days.range(day..).next();
                match (before, after) {
                    (Some((a, _)), Some((b, _))) => Period { start: *a, end: *b }.len() - 1 <= bridge(),
                    _ => false,
                }
            }
        }
    }

    /// The values on the given days, which must increase: time, y, x.
    ///
    /// # Errors
    /// [`PrepError::MissingDays`] for a day that can't be read, [`PrepError::Range`]
    /// for a value that makes no sense in its unit, and what a damaged file brings.
    pub fn read(&mut self, days: &[Date]) -> Result<Block<T>, PrepError> {
        let shape = self.target.geobox.shape;
        let mut values = vec![T::NAN; days.len() * shape.len()];
        match self.rules.time {
            TimeRule::Daily => self.read_daily(days, &mut values)?,
            TimeRule::Composite => self.read_composite(days, Spacing::Actual, &mut values)?,
            TimeRule::CompositeLegacy => self.read_composite(days, Spacing::Legacy, &mut values)?,
        }
        Block::new(days.to_vec(), shape, values).map_err(|e| PrepError::Request(e.to_string()))
    }

    /// The only layer of a static field: y, x.
    ///
    /// # Errors
    /// As [`TileReader::read`].
    pub fn read_static(&mut self) -> Result<Vec<T>, PrepError> {
        let mut out = vec![T::NAN; self.target.geobox.shape.len()];
        let slots: Vec<Slot> = self.days.values().flatten().copied().collect();
        for slot in slots {
            self.merge(slot, 1, &mut out)?;
        }
        Ok(out)
    }

    fn read_daily(&mut self, days: &[Date], out: &mut [T]) -> Result<(), PrepError> {
        let pixels = self.target.geobox.shape.len();
        let mut at = 0;
        while at < days.len() {
            let day = days[at];
            let Some(slots) = self.days.get(&day).cloned() else {
                self.fill_left_out(day, at, out)?;
                at += 1;
                continue;
            };
            // Consecutive layers of one file are decoded in one go.
            let mut run = 1;
            if let [first] = slots[..] {
                while at + run < days.len()
                    && self.days.get(&days[at + run]).is_some_and(|next| {
                        next[..] == [Slot { source: first.source, layer: first.layer + run }]
                    })
                {
                    run += 1;
                }
            }
            for slot in slots {
                self.merge(slot, run, &mut out[at * pixels..(at + run) * pixels])?;
            }
            at += run;
        }
        Ok(())
    }

    /// A day that the calendar leaves out, by the declared rule.
    fn fill_left_out(&mut self, day: Date, at: usize, out: &mut [T]) -> Result<(), PrepError> {
        if !self.has(day) {
            return Err(PrepError::MissingDays {
                input: self.name.clone(),
                tile: self.target.tile.clone(),
                count: 1,
                days: day.to_string(),
            });
        }
        if self.rules.leap == LeapRule::Repeat {
            let pixels = self.target.geobox.shape.len();
            if at > 0 {
                out.copy_within((at - 1) * pixels..at * pixels, at * pixels);
            } else if let Some(slots) = self.days.get(&shift(day, -1)).cloned() {
                for slot in slots {
                    self.merge(slot, 1, &mut out[..pixels])?;
                }
            }
        }
        Ok(())
    }

    fn read_composite(&mut self, days: &[Date], spacing: Spacing, out: &mut [T]) -> Result<(), PrepError> {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
        let (from, to) = (shift(*first, -LONGEST_GAP), shift(*last, LONGEST_GAP));
        self.composites.retain(|day, _| *day >= from && *day <= to);
        let wanted: Vec<(Date, Vec<Slot>)> = self
            .days
            .range(from..=to)
            .filter(|(day, _)| !self.composites.contains_key(*day))
            .map(|(day, slots)| (*day, slots.clone()))
            .collect();
        let pixels = self.target.geobox.shape.len();
        for (day, slots) in wanted {
            let mut layer = vec![T::NAN; pixels];
            for slot in slots {
                self.merge(slot, 1, &mut layer)?;
            }
            self.composites.insert(day, layer);
        }
        let dates: Vec<Date> = self.composites.keys().copied().collect();
        let layers: Vec<T> = self.composites.values().flatten().copied().collect();
        interpolate(&dates, &layers, days, pixels, spacing, out)
            .map_err(|e| PrepError::Request(format!("input `{}`: {e}", self.name)))
    }

    /// Warps `layers` layers from `slot` on and puts them where `out` is still missing.
    fn merge(&mut self, slot: Slot, layers: usize, out: &mut [T]) -> Result<(), PrepError> {
        let pixels = self.target.geobox.shape.len();
        let geobox = self.raster(slot.source)?.geobox().clone();
        let plan = self.plans.get(&geobox, &self.target, self.rules.resampling, self.projections)?;
        let Some(window) = plan.source_window() else { return Ok(()) };
        let stated = self.raster(slot.source)?.unit().map(str::to_owned);
        let conversion = self.sources[slot.source].conversion(&self.name, &self.rules, stated.as_deref())?;
        let stored = self.raster(slot.source)?.read_layers::<T>(slot.layer..slot.layer + layers, window)?;
        let mut warped = vec![T::NAN; pixels];
        let window_pixels = window.shape().len();
        for (layer, (source, target)) in
            stored.chunks_exact(window_pixels).zip(out.chunks_exact_mut(pixels)).enumerate()
        {
            plan.apply(source, &mut warped);
            let (scale, offset) = (T::of(conversion.scale), T::of(conversion.offset));
            for (to, from) in target.iter_mut().zip(&warped) {
                if to.is_missing() {
                    *to = if conversion == Conversion::IDENTITY { *from } else { *from * scale + offset };
                }
            }
            self.check_range(slot, layer, target)?;
        }
        Ok(())
    }

    /// Holds one layer's values to the range that makes sense.
    fn check_range(&self, slot: Slot, layer: usize, values: &[T]) -> Result<(), PrepError> {
        let (Some(sane), Some(unit)) = (self.rules.sane, self.rules.wanted) else { return Ok(()) };
        let (low, high) = (T::of(sane.low), T::of(sane.high));
        let outside = |v: &&T| **v < low || **v > high;
        let Some(bad) = values.iter().find(outside) else { return Ok(()) };
        if sane.tolerated > 0.0 {
            let there = values.iter().filter(|v| !v.is_missing()).count();
            #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
            if (values.iter().filter(outside).count() as f64) <= sane.tolerated * there as f64 {
                return Ok(());
            }
        }
        let here = Slot { source: slot.source, layer: slot.layer + layer };
        let date = self.days.iter().find(|(_, slots)| slots.contains(&here)).map(|(day, _)| *day);
        Err(PrepError::Range {
            input: self.name.clone(),
            value: bad.to_f64(),
            unit,
            date: date.unwrap_or(self.sources[slot.source].asset.period.start),
            tile: self.target.tile.clone(),
            low: sane.low,
            high: sane.high,
            path: self.sources[slot.source].path.clone(),
        })
    }

    /// The source's raster; the last one used stays open.
    fn raster(&mut self, source: usize) -> Result<&Raster, PrepError> {
        let reopen = self.open.as_ref().is_none_or(|(held, _)| *held != source);
        if reopen {
            let raster = self.sources[source].open(&self.name)?;
            self.open = Some((source, raster));
        }
        match &self.open {
            Some((_, raster)) => Ok(raster),
            None => Err(PrepError::Request("no raster is open".to_owned())),
        }
    }
}

/// Whether some 365-day calendar leaves the day out.
fn left_out(day: Date) -> bool {
    is_leap(day.year()) && matches!((day.month(), day.day()), (2, 29) | (12, 31))
}

fn shift(day: Date, days: i32) -> Date {
    day.saturating_add(jiff::Span::new().days(days))
}

fn bridge() -> usize {
    usize::try_from(LONGEST_GAP).unwrap_or(0)
}
