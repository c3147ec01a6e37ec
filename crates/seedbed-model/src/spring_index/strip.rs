//! A strip of pixels on its way through the years.

use super::calendar::{Calendar, Step};
use super::day_length::{Latitudes, sun};
use super::frost::Frost;
use super::hours::{degree_hours, logs};
use super::lanes::{LANE, Lanes};
use super::outcome::{Exposure, OUTPUTS, outcome};
use super::pending::{BLOCK, Pending, fahrenheit};
use super::plants::NAMES;
use super::rules::Rules;
use super::season::{Day, Season};
use super::spec::{LATITUDE, input};
use crate::values::Number;
use crate::{Forcing, ModelError, ModelSpec, Outputs, Simulation, State, Statics};
use seedbed_block::Date;
use seedbed_block::simd::{Level, Work};
use std::collections::BTreeMap;

/// The last day that waits for its block.
const LAST_BLOCK: i16 = 240;

/// Seconds of an hour.
const HOUR: f64 = 3600.0;

/// Pixels that are computed together, with all that is remembered of them.
#[derive(Debug, Clone)]
struct Chunk<T> {
    latitudes: Option<Latitudes>,
    season: Season,
    frost: Frost,
    exposure: Exposure,
    pending: Pending<T>,
}

/// A simulation of the spring indices.
#[derive(Debug)]
pub struct Strip<T> {
    spec: &'static ModelSpec,
    variant: String,
    rules: Rules,
    level: Level,
    pixels: usize,
    chunks: Vec<Chunk<T>>,
    calendar: Calendar,
    tables: Box<Tables>,
}

/// Numbers that all pixels share.
#[derive(Debug)]
struct Tables {
    /// `ln j`.
    logs: [f64; 24],
    /// The [`sun`] by day of year.
    suns: [f64; 367],
}

impl<T: Number> Strip<T> {
    /// A strip before its first day, or as a state has it.
    pub fn new(
        spec: &'static ModelSpec,
        variant: &str,
        rules: Rules,
        level: Level,
        statics: &Statics<'_>,
        from: Option<&State>,
    ) -> Result<Self, ModelError> {
        let latitudes = statics.get(spec, LATITUDE)?;
        let chunks = (0..statics.pixels).step_by(LANE).map(|start| Chunk {
            latitudes: latitudes.map(|all| Latitudes::new(&all[start..statics.pixels.min(start + LANE)])),
            season: Season::new(),
            frost: Frost::new(),
            exposure: Exposure::new(),
            pending: Pending { days: Vec::new() },
        });
        let tables =
            Tables { logs: logs(), suns: std::array::from_fn(|day| sun(day.try_into().unwrap_or(0))) };
        let mut strip = Self {
            spec,
            variant: variant.to_owned(),
            rules,
            level,
            pixels: statics.pixels,
            chunks: chunks.collect(),
            calendar: Calendar::default(),
            tables: Box::new(tables),
        };
        if let Some(state) = from {
            strip.restore(state)?;
        }
        Ok(strip)
    }

    /// Days that wait for their block after so many of a year.
    fn waiting(&self) -> usize {
        let day = self.calendar.last.map_or(0, Date::day_of_year);
        let waits = self.rules.fills() && !self.calendar.void && day < LAST_BLOCK;
        if waits { usize::from(day.unsigned_abs()) % BLOCK } else { 0 }
    }

    fn restore(&mut self, state: &State) -> Result<(), ModelError> {
        state.check(self.spec)?;
        let void = state.vector("void", self.pixels)?;
        self.calendar = Calendar { last: state.last, void: void.first().is_some_and(|v| *v > 0.0) };
        let (waiting, pixels) = (self.waiting(), self.pixels);
        let mut refused = Ok(());
        for (chunk, start) in self.chunks.iter_mut().zip((0..).step_by(LANE)) {
            chunk.pending.days = vec![[[T::ZERO; LANE]; 3]; waiting];
            let width = LANE.min(pixels - start);
            chunk.visit(&mut |name, lanes| match state.vector(name, pixels) {
                Ok(vector) => lanes[..width].copy_from_slice(&vector[start..start + width]),
                Err(error) => refused = Err(error),
            });
        }
        refused
    }
}

impl<T: Number> Chunk<T> {
    /// Shows all that is remembered by name, to be read or overwritten.
    fn visit(&mut self, see: &mut dyn FnMut(&str, &mut Lanes)) {
        let Season { lags, synoptic, leaf, bloom, heat, closed, tmin, tmax } = &mut self.season;
        for (k, lanes) in lags.iter_mut().enumerate() {
            see(&format!("degree_hours_{}", k + 1), lanes);
        }
        for (p, name) in NAMES.iter().enumerate() {
            see(&format!("leaf_{name}"), &mut leaf[p]);
            see(&format!("bloom_{name}"), &mut bloom[p]);
            see(&format!("heat_{name}"), &mut heat[p]);
        }
        let Exposure { years, early, late } = &mut self.exposure;
        let rest = [
            ("synoptic", synoptic),
            ("closed", closed),
            ("tmin_before", tmin),
            ("tmax_before", tmax),
            ("freeze_autumn", &mut self.frost.autumn),
            ("years", years),
            ("years_early", early),
            ("years_late", late),
        ];
        for (name, lanes) in rest {
            see(name, lanes);
        }
        for (w, word) in self.frost.spring.iter_mut().enumerate() {
            let mut lanes = word.map(f64::from);
            see(&format!("freeze_spring_{w}"), &mut lanes);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits, as above")]
            let bits = lanes.map(|v| v as u32);
            *word = bits;
        }
        for (d, day) in self.pending.days.iter_mut().enumerate() {
            for (name, values) in ["tmin", "tmax", "dayl"].iter().zip(day) {
                let mut lanes = values.map(seedbed_block::Real::to_f64);
                see(&format!("pending_{name}_{d}"), &mut lanes);
                *values = lanes.map(T::of);
            }
        }
    }

    /// Ends the year under way and begins another.
    fn begin_year(&mut self, rules: Rules, whole: bool) {
        if whole {
            self.exposure.count(rules, &self.season, &self.frost);
        }
        self.season = Season::new();
        self.frost = Frost::new();
        self.pending.days.clear();
    }

    /// What is known of a pixel's year behind a day; nothing of a year that lost one.
    fn known(&self, rules: Rules, step: Step, lane: usize) -> [f64; OUTPUTS] {
        if step.void {
            return [f64::NAN; OUTPUTS];
        }
        outcome(rules, &self.season, &self.frost, &self.exposure, step.is_whole(), lane)
    }

    /// Takes a day with temperatures in degF and its length in hours.
    #[inline(always)]
    fn day(&mut self, rules: Rules, tables: &Tables, day: &mut Day, length: &Lanes) {
        self.frost.note(day.number, &day.tmin);
        if day.number > rules.last_day {
            return;
        }
        self.season.put_in_order(rules, day);
        if !self.season.is_over() {
            let sums = degree_hours(&day.tmin, &day.tmax, length, &tables.logs, rules.guarded);
            self.season.advance(rules, day, &sums);
        }
    }

    /// Day lengths in hours, of latitude or of what is given in seconds.
    #[inline(always)]
    fn length(&self, tables: &Tables, day: i16, given: Option<&[T; LANE]>) -> Lanes {
        match (given, &self.latitudes) {
            (None, Some(latitudes)) => latitudes.hours(tables.suns[usize::from(day.unsigned_abs())]),
            (seconds, _) => seconds.map_or([f64::NAN; LANE], |s| s.map(|v| v.to_f64() / HOUR)),
        }
    }

    /// Takes a day that waits until its block is whole.
    #[inline(always)]
    fn wait(&mut self, rules: Rules, tables: &Tables, number: i16, day: [[T; LANE]; 3], given: bool) {
        self.pending.days.push(day);
        if self.pending.days.len() < BLOCK {
            return;
        }
        let mut closed = self.season.closed;
        let tmin = self.pending.filled(0, rules.gaps, &mut closed);
        let tmax = self.pending.filled(1, rules.gaps, &mut closed);
        self.season.closed = closed;
        let days = std::mem::take(&mut self.pending.days);
        let first = number - 29;
        for (((n, tmin), tmax), day) in (first..).zip(tmin).zip(tmax).zip(&days) {
            let length = self.length(tables, n, given.then_some(&day[input::DAYL]));
            self.day(rules, tables, &mut Day { number: n, tmin, tmax }, &length);
        }
    }
}

/// A call's work on all chunks.
struct Advance<'a, 'b, T> {
    rules: Rules,
    tables: &'a Tables,
    chunks: &'a mut [Chunk<T>],
    steps: &'a [Step],
    /// `tmin`, `tmax`, and `dayl` where it is the day's length.
    inputs: [Option<&'a [T]>; 3],
    outputs: &'a mut [(usize, &'b mut [T])],
    pixels: usize,
}

impl<T: Number> Work for Advance<'_, '_, T> {
    #[inline(always)]
    fn run(self) {
        let Self { rules, tables, chunks, steps, inputs, outputs, pixels } = self;
        for (chunk, start) in chunks.iter_mut().zip((0..).step_by(LANE)) {
            let width = LANE.min(pixels - start);
            for (d, step) in steps.iter().enumerate() {
                if let Some(whole) = step.after {
                    chunk.begin_year(rules, whole);
                }
                if !step.void {
                    let day = inputs.map(|values| {
                        values.map_or([T::NAN; LANE], |v| lane(&v[d * pixels + start..][..width]))
                    });
                    let given = inputs[input::DAYL].is_some();
                    if rules.fills() && step.day <= LAST_BLOCK {
                        chunk.wait(rules, tables, step.day, day, given);
                    } else {
                        let fahrenheit = |k: usize| day[k].map(|v| fahrenheit(v.to_f64()));
                        let (tmin, tmax) = (fahrenheit(input::TMIN), fahrenheit(input::TMAX));
                        let length = chunk.length(tables, step.day, given.then_some(&day[input::DAYL]));
                        chunk.day(rules, tables, &mut Day { number: step.day, tmin, tmax }, &length);
                    }
                }
                if let Some(row) = step.row {
                    let at = row * pixels + start;
                    for l in 0..width {
                        let known = chunk.known(rules, *step, l);
                        for (index, values) in outputs.iter_mut() {
                            values[at + l] = T::of(known[*index]);
                        }
                    }
                }
            }
        }
    }
}

/// Values of a chunk, and zeros up to the lanes' number.
#[inline(always)]
fn lane<T: Number>(values: &[T]) -> [T; LANE] {
    if let Some(whole) = values.first_chunk() {
        return *whole;
    }
    let mut lane = [T::ZERO; LANE];
    lane[..values.len()].copy_from_slice(values);
    lane
}

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.calendar.last)?;
        let (spec, n) = (self.spec, self.pixels);
        let get = |index| forcing.get::<T>(spec, index, n);
        let (tmin, tmax, dayl) = (get(input::TMIN)?, get(input::TMAX)?, get(input::DAYL)?);
        let located = self.chunks.iter().any(|c| c.latitudes.is_some());
        if dayl.is_none() && !located && n > 0 {
            return Err(ModelError::Missing {
                model: spec.name,
                kind: "input `dayl` or static",
                name: spec.statics[LATITUDE].name,
            });
        }
        let dayl = if self.rules.by_latitude && located { None } else { dayl };
        let mut outputs = out.get::<T>(spec, &self.variant, forcing.dates, n)?;
        let steps = self.calendar.steps(forcing.dates);
        self.level.run(Advance {
            rules: self.rules,
            tables: &self.tables,
            chunks: &mut self.chunks,
            steps: &steps,
            inputs: [tmin, tmax, dayl],
            outputs: &mut outputs,
            pixels: n,
        });
        Ok(())
    }

    fn checkpoint(&self) -> Result<State, ModelError> {
        let mut vectors: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        vectors.insert("void".to_owned(), vec![f64::from(u8::from(self.calendar.void)); self.pixels]);
        for (chunk, start) in self.chunks.iter().zip((0..).step_by(LANE)) {
            let width = LANE.min(self.pixels - start);
            chunk.clone().visit(&mut |name, lanes| {
                vectors.entry(name.to_owned()).or_default().extend(&lanes[..width]);
            });
        }
        Ok(State {
            model: self.spec.name.to_owned(),
            revision: self.spec.revision,
            last: self.calendar.last,
            vectors,
        })
    }
}
