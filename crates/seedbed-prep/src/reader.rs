//! One input on one tile, day by day.

mod checks;
mod observed;
mod timing;

use crate::ancillary::AncillaryReader;
use crate::climatology::Climatology;
use crate::days::{Days, Slot};
use crate::screen::Screen;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::tally::Seen;
use crate::windows::Windows;
use crate::{Plans, PrepError, Rules, Series, Spool, Target, TimeRule};
use observed::Composite;
use seedbed_block::series::Spacing;
use seedbed_block::{Block, Conversion, Date, Period, PixelRange, Real};
use seedbed_grid::{GeoBox, Projections};
use seedbed_raster::{Raster, Resampling, WarpPlan};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Decoded source pixels held at once, in bytes: a window may be far larger than
/// the tile it is averaged onto.
pub const WINDOWS: usize = 64 << 20;

/// The pixels of source and tile together, in bytes, that are read at once where each layer has chunks
/// of its own: more layers save little, and memory that wasn't touched before costs as much as
/// decoding into it.
const NEAR: usize = 96 << 20;

/// At most so many layers, of which none is warped alone where there are several: four are blended as fast as one.
pub(crate) fn warped_together(layers: usize) -> usize {
    if layers > 4 { layers / 4 * 4 } else { layers }
}

/// So many values, of no meaning, where there was room for some. Memory that was never touched is cheap to have.
fn sized<T: Real>(mut room: Vec<T>, count: usize) -> Vec<T> {
    if room.capacity() < count {
        return vec![T::ZERO; count];
    }
    room.resize(count, T::ZERO);
    room
}

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
    /// What they are read as parts of.
    sheets: Vec<Arc<Sheet>>,
    /// The places of their assets in the series.
    places: Vec<usize>,
    days: Days,
    /// Its layers by day of year, where that is what they go by.
    climatology: Option<Climatology>,
    open: Option<(usize, Raster)>,
    windows: Option<&'a Windows<T>>,
    screen: Screen,
    /// The days on which composites' pixels were observed.
    observed: AncillaryReader,
    room: usize,
    composites: BTreeMap<Date, Composite<T>>,
    /// What was seen of each day's source, where that is asked for.
    seen: Option<BTreeMap<Date, Seen>>,
    warped: Vec<T>,
    /// Memory for what is read next.
    spare: Vec<T>,
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
        let rules = Rules { wanted: rules.wanted.or(series.unit), ..rules };
        let (from, to) = rules.reach(period);
        let near: Vec<_> = series.places(target.bbox, from, to).collect();
        let assets: Vec<_> = near.iter().map(|(_, asset)| *asset).collect();
        let found = spool.sources(&assets)?;
        let grids: Vec<&GeoBox> = found.iter().map(|source| &source.facts.geobox).collect();
        let all_sheets = Sheet::of(&grids, rules.resampling);
        let (mut sources, mut sheets, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for ((source, sheet), (place, _)) in found.into_iter().zip(all_sheets).zip(near) {
            let plan = plans.get(&sheet.geobox, &target, rules.resampling, projections)?;
            if let Some(part) = plan.source_window().and_then(|window| sheet.part(window)) {
                let layers = source.facts.layers(from, to);
                sources.push(spool.settle(source, layers, part)?);
                sheets.push(sheet);
                places.push(place);
            }
        }
        if sources.is_empty() {
            return Err(PrepError::Outside {
                input: series.name.clone(),
                assets: series.assets.len(),
                what: if series.assets.iter().all(|asset| asset.undated) {
                    format!("tile {}", target.tile)
                } else {
                    format!("tile {} between {from} and {to}", target.tile)
                },
            });
        }
        let days = Days::of(&series.name, &sources)?;
        let recurs = rules.time == TimeRule::Climatology;
        let climatology = recurs.then(|| Climatology::of(&sources, &days)).transpose()?;
        Ok(Self {
            name: series.name.clone(),
            target,
            rules,
            projections,
            plans,
            sources,
            sheets,
            places,
            days,
            climatology,
            open: None,
            windows: None,
            screen: Screen::default(),
            observed: AncillaryReader::default(),
            room: WINDOWS,
            composites: BTreeMap::new(),
            seen: None,
            warped: Vec::new(),
            spare: Vec::new(),
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

    /// The item of the first source whose quality layer lies elsewhere than the tile, and
    /// whether all do: nothing is left of the values of such a source.
    pub(crate) fn masked_elsewhere(&self) -> Result<Option<(&str, bool)>, PrepError> {
        let (mut first, mut all) = (None, true);
        for source in &self.sources {
            let elsewhere = match &source.quality {
                Some(layer) if layer.facts.geobox != source.facts.geobox => {
                    let from = &layer.facts.geobox;
                    let plan = self.plans.get(from, &self.target, Resampling::Nearest, self.projections)?;
                    plan.source_window().is_none()
                }
                _ => false,
            };
            all &= elsewhere;
            first = first.or(elsewhere.then_some(&*source.asset.item));
        }
        Ok(first.map(|item| (item, all)))
    }

    /// Notes in `windows` what the tile needs of its sources.
    pub(crate) fn need(&self, windows: &Windows<T>) -> Result<(), PrepError> {
        for (number, source) in self.sources.iter().enumerate() {
            let window = self.plan(number)?.source_window();
            if let Some(part) = window.and_then(|window| self.sheets[number].part(window)) {
                windows.need(source.variable(), part);
            }
        }
        Ok(())
    }

    /// Takes down, from now on, what is seen of each day's source.
    pub(crate) fn take_down(&mut self) {
        self.seen = Some(BTreeMap::new());
    }

    /// What was seen of a day's source.
    pub(crate) fn seen(&self, day: Date) -> Option<Seen> {
        self.seen.as_ref()?.get(&day).copied()
    }

    /// Reads through windows that it shares with other tiles.
    pub(crate) fn share(&mut self, windows: &'a Windows<T>) {
        self.windows = Some(windows);
    }

    /// The warp plan from what a source is a part of.
    fn plan(&self, source: usize) -> Result<Arc<WarpPlan>, PrepError> {
        self.plans.get(&self.sheets[source].geobox, &self.target, self.rules.resampling, self.projections)
    }

    /// The input's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tile's name.
    pub(crate) fn tile(&self) -> &str {
        &self.target.tile
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

    /// What it is read from, and the grids that this is warped from.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&Source, &GeoBox)> {
        self.sources.iter().zip(self.sheets.iter().map(|sheet| &sheet.geobox))
    }

    /// The unit of the values: as the rules say it, else as item or file does.
    #[must_use]
    pub fn unit(&self) -> Option<String> {
        let said = self.rules.wanted.or(self.rules.unit).map(|unit| unit.to_string());
        said.or_else(|| {
            let first = self.sources.first()?;
            first.asset.unit.clone().or_else(|| first.facts.unit.clone())
        })
    }

    /// Checks that every day of `period` can be read.
    ///
    /// # Errors
    /// [`PrepError::MissingDays`] with the number of days and the first of them.
    pub fn check(&self, period: Period) -> Result<(), PrepError> {
        let missing = self.missing_days(period);
        if missing.is_empty() { Ok(()) } else { Err(self.missing(&missing)) }
    }

    /// The days of `period` that can't be read.
    #[must_use]
    pub fn missing_days(&self, period: Period) -> Vec<Date> {
        period.days().filter(|day| !self.has(*day)).collect()
    }

    /// The sources whose values can't be brought into the wanted unit: the days that each
    /// covers, and why.
    #[must_use]
    pub fn unit_errors(&self) -> Vec<(Period, PrepError)> {
        let error =
            |source: &Source| Some((source.asset.period, source.conversion(&self.name, &self.rules).err()?));
        self.sources.iter().filter_map(error).collect()
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

    /// The values on the given days, which must increase: time, y, x.
    ///
    /// # Errors
    /// As [`TileReader::read_into`].
    pub fn read(&mut self, days: &[Date]) -> Result<Block<T>, PrepError> {
        self.read_again(days, Vec::new())
    }

    /// The same in memory that was there for an earlier block.
    pub(crate) fn read_again(&mut self, days: &[Date], room: Vec<T>) -> Result<Block<T>, PrepError> {
        let shape = self.target.geobox.shape;
        let mut values = sized(room, days.len() * shape.len());
        self.read_into(days, &mut values)?;
        Block::new(days.to_vec(), shape, values).map_err(|e| PrepError::Request(e.to_string()))
    }

    /// The values on the given days, which must increase, into `out`: time, y, x. What was there before is of no
    /// meaning.
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
            TimeRule::Composite | TimeRule::CompositeDay | TimeRule::Climatology => {
                out.fill(T::NAN);
                self.read_composite(days, Spacing::Actual, out)
            }
            TimeRule::CompositeLegacy => {
                out.fill(T::NAN);
                self.read_composite(days, Spacing::Legacy, out)
            }
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

    /// Slots that are read as one raster: those of one sheet whose values are converted alike, in the order of merging.
    fn mosaics(&self, slots: &[Slot]) -> Result<Vec<Mosaic>, PrepError> {
        let mut mosaics: Vec<Mosaic> = Vec::new();
        for slot in slots {
            let sheet = &self.sheets[slot.source];
            let plan = self.plan(slot.source)?;
            let Some(window) = plan.source_window() else { continue };
            let Some(part) = sheet.part(window) else { continue };
            let conversion = self.sources[slot.source].conversion(&self.name, &self.rules)?;
            let same = |m: &&mut Mosaic| Arc::ptr_eq(&m.plan, &plan) && m.conversion == conversion;
            match mosaics.iter_mut().find(same) {
                // Files of the very same pixels lie over each other, not beside.
                Some(mosaic) if !sheet.is_alone() => mosaic.parts.push((*slot, part)),
                _ => mosaics.push(Mosaic { plan, window, conversion, parts: vec![(*slot, part)] }),
            }
        }
        Ok(mosaics)
    }

    /// Warps `layers` layers from each slot on into `out`: all of the first, and
    /// of the others what is still missing.
    fn read_slots(&mut self, slots: &[Slot], layers: usize, out: &mut [T]) -> Result<(), PrepError> {
        let pixels = self.pixels();
        let mosaics = self.mosaics(slots)?;
        if mosaics.is_empty() {
            out.fill(T::NAN);
        }
        for (n, mosaic) in mosaics.into_iter().enumerate() {
            // What is joined lies in memory once more.
            let joined = mosaic.parts.iter().any(|(slot, _)| !self.sheets[slot.source].is_alone());
            let mut each = if joined { mosaic.window.shape().len() * size_of::<T>() } else { 0 };
            let mut at_once = None;
            for (slot, part) in &mosaic.parts {
                let source = &self.sources[slot.source];
                each += source.layer_bytes::<T>(part.shape().len());
                let shared = self.windows.and_then(|windows| windows.at_once(&source.variable(), *part));
                at_once = at_once.into_iter().chain(shared).min();
            }
            let each = each + if n > 0 { pixels * size_of::<T>() } else { 0 };
            let at_once = at_once.unwrap_or(self.room / each.max(1)).clamp(1, layers);
            for first in (0..layers).step_by(at_once) {
                let last = layers.min(first + at_once);
                let part = &mut out[first * pixels..last * pixels];
                self.read_layers(&mosaic, first..last, n > 0, part)?;
            }
        }
        Ok(())
    }

    /// How many days are best read at once.
    pub(crate) fn days_at_once(&mut self) -> Result<usize, PrepError> {
        // Those of a series are stored alike.
        let raster = held(&mut self.open, 0, || self.sources[0].open())?;
        if self.rules.time != TimeRule::Daily || raster.layers_together() > 1 {
            return Ok(usize::MAX);
        }
        let window = self.plan(0)?.source_window().map_or(0, |window| window.shape().len());
        let day = (self.pixels() + window) * size_of::<T>();
        Ok(warped_together((NEAR / day.max(1)).max(1)))
    }

    /// Warps some layers, counted from each slot on.
    fn read_layers(
        &mut self,
        mosaic: &Mosaic,
        layers: Range<usize>,
        gaps_only: bool,
        out: &mut [T],
    ) -> Result<(), PrepError> {
        let Mosaic { plan, conversion, .. } = mosaic;
        let (first, part) = mosaic.parts[0];
        let from = Slot { layer: first.layer + layers.start, ..first };
        if plan.is_copy() && !gaps_only && self.windows.is_none() && self.sheets[first.source].is_alone() {
            let layers = from.layer..from.layer + layers.len();
            let raster = held(&mut self.open, from.source, || self.sources[from.source].open())?;
            raster.read_layers_into(layers.clone(), part, out)?;
            self.sources[from.source].facts.note(raster);
            self.look_at(from, layers, part, *conversion, out)?;
            convert(*conversion, out);
            return self.check_ranges(from, out);
        }
        let stored = self.gathered(mosaic, layers)?;
        if gaps_only {
            let mut warped = std::mem::take(&mut self.warped);
            warped.resize(out.len(), T::NAN);
            plan.apply(&stored, &mut warped);
            convert(*conversion, &mut warped);
            let gaps = out.iter_mut().zip(&warped).filter(|(to, _)| to.is_missing());
            gaps.for_each(|(to, from)| *to = *from);
            self.warped = warped;
        } else {
            plan.apply(&stored, out);
            convert(*conversion, out);
        }
        self.spare = stored;
        self.check_ranges(from, out)
    }

    /// Layers on a mosaic's window, as they are stored but for scale and offset, and screened.
    fn gathered(&mut self, mosaic: &Mosaic, layers: Range<usize>) -> Result<Vec<T>, PrepError> {
        let mut all = Vec::new();
        for (slot, part) in &mosaic.parts {
            let from = Slot { layer: slot.layer + layers.start, ..*slot };
            let theirs = from.layer..from.layer + layers.len();
            let mut stored = self.stored(from.source, theirs.clone(), *part)?;
            self.look_at(from, theirs, *part, mosaic.conversion, &mut stored)?;
            if self.sheets[from.source].is_alone() {
                return Ok(stored);
            }
            all.resize(layers.len() * mosaic.window.shape().len(), T::NAN);
            self.sheets[from.source].lay(*part, &stored, mosaic.window, &mut all);
        }
        Ok(all)
    }

    /// Takes out of layers, as they are stored, what their quality forbids, puts the values of
    /// classes in their place, and takes down what is seen of them.
    fn look_at(
        &mut self,
        from: Slot,
        layers: Range<usize>,
        window: PixelRange,
        conversion: Conversion,
        stored: &mut [T],
    ) -> Result<(), PrepError> {
        let source = (from.source, &self.sources[from.source]);
        self.screen.apply(source, &self.rules, layers.clone(), window, self.projections, stored)?;
        self.check_single(from.source, layers, window, stored)?;
        if let Some(classes) = &self.rules.classes {
            classes.apply(stored).map_err(|unknown| self.unknown_class(from.source, window, unknown))?;
        }
        if let Some(taken) = &mut self.seen {
            let each = window.shape().len().max(1);
            for (layer, values) in stored.chunks_exact(each).enumerate() {
                let day = self.sources[from.source].day(from.layer + layer)?;
                let seen = Seen::of(values, conversion);
                taken.entry(day).and_modify(|all| *all = all.and(seen)).or_insert(seen);
            }
        }
        Ok(())
    }

    /// Layers of a source on a window, as they are stored but for scale and offset.
    fn stored(
        &mut self,
        source: usize,
        layers: Range<usize>,
        window: PixelRange,
    ) -> Result<Vec<T>, PrepError> {
        let room = std::mem::take(&mut self.spare);
        let raster = held(&mut self.open, source, || self.sources[source].open())?;
        let facts = &self.sources[source].facts;
        let read = |window: PixelRange| {
            let mut values = sized(room, layers.len() * window.shape().len());
            raster.read_layers_into(layers.clone(), window, &mut values)?;
            facts.note(raster);
            Ok(values)
        };
        match self.windows {
            Some(windows) => windows.read(self.sources[source].variable(), layers.clone(), window, read),
            None => read(window),
        }
    }
}

/// Layers that are warped as one raster.
struct Mosaic {
    plan: Arc<WarpPlan>,
    /// What the plan needs of the sheet.
    window: PixelRange,
    conversion: Conversion,
    /// Where each lies: the first layer, and its part of the window in its own pixels.
    parts: Vec<(Slot, PixelRange)>,
}

/// The row and the column, in the file, of a value in layers of a window.
fn place(window: PixelRange, at: usize) -> (i64, i64) {
    let shape = window.shape();
    let (row, col) = (at % shape.len() / shape.cols, at % shape.cols);
    (window.row0.saturating_add_unsigned(row as u64), window.col0.saturating_add_unsigned(col as u64))
}

/// The raster of source number `wanted`; the last one used stays open.
pub(crate) fn held(
    last: &mut Option<(usize, Raster)>,
    wanted: usize,
    open: impl FnOnce() -> Result<Raster, PrepError>,
) -> Result<&Raster, PrepError> {
    let raster = match last.take() {
        Some((number, raster)) if number == wanted => raster,
        _ => open()?,
    };
    let (_, raster) = last.insert((wanted, raster));
    Ok(raster)
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
