//! A strip of pixels on its way through the years.

use super::calendar::{Calendar, Step};
use super::chunk::{Chunk, Tables, waiting};
use super::lanes::LANE;
use super::rules::Rules;
use super::spec::{LATITUDE, input};
use crate::values::Number;
use crate::{Forcing, ModelError, ModelSpec, Outputs, Simulation, State, Statics};
use seedbed_block::Date;
use seedbed_block::simd::{Level, Work};
use std::collections::BTreeMap;

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
        let of_chunk =
            |start: usize| Chunk::new(latitudes.map(|all| &all[start..statics.pixels.min(start + LANE)]));
        let mut strip = Self {
            spec,
            variant: variant.to_owned(),
            rules,
            level,
            pixels: statics.pixels,
            chunks: (0..statics.pixels).step_by(LANE).map(of_chunk).collect(),
            calendar: Calendar::default(),
            tables: Box::new(Tables::new()),
        };
        if let Some(state) = from {
            strip.restore(state)?;
        }
        Ok(strip)
    }

    fn restore(&mut self, state: &State) -> Result<(), ModelError> {
        state.check(self.spec)?;
        let void = state.vector("void", self.pixels)?;
        self.calendar = Calendar { last: state.last, void: void.first().is_some_and(|v| *v > 0.0) };
        let day = state.last.filter(|_| !self.calendar.void).map_or(0, Date::day_of_year);
        let (waiting, pixels) = (waiting(self.rules, day), self.pixels);
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

/// Days that are fetched together.
const AHEAD: usize = 8;

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
        let mut room = [[[T::NAN; LANE]; 3]; AHEAD];
        for (chunk, start) in chunks.iter_mut().zip((0..).step_by(LANE)) {
            let width = LANE.min(pixels - start);
            for (first, steps) in (0..).step_by(AHEAD).zip(steps.chunks(AHEAD)) {
                // Days are fetched together, so that the processor waits for memory once.
                for (d, day) in (first..first + steps.len()).zip(&mut room) {
                    for (lanes, values) in day.iter_mut().zip(inputs) {
                        if let Some(values) = values {
                            take(&values[d * pixels + start..][..width], lanes);
                        }
                    }
                }
                for (step, day) in steps.iter().zip(&room) {
                    if let Some(whole) = step.after {
                        chunk.begin_year(rules, whole);
                    }
                    if !step.void {
                        chunk.take(rules, tables, step.day, day, inputs[input::DAYL].is_some());
                    }
                    if let Some(row) = step.row {
                        let at = row * pixels + start;
                        chunk.write(rules, *step, outputs, at..at + width);
                    }
                }
            }
        }
    }
}

/// Takes values into a chunk's first lanes.
#[inline(always)]
fn take<T: Number>(values: &[T], lanes: &mut [T; LANE]) {
    match values.first_chunk() {
        Some(whole) => *lanes = *whole,
        None => lanes[..values.len()].copy_from_slice(values),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spring_index::SPEC;
    use crate::spring_index::outcome::OUTPUTS;
    use crate::{Values, ValuesMut};
    use seedbed_block::Period;

    /// Outputs of a year of seeded weather, by the instructions of a level.
    fn year(variant: &str, level: Level, by_latitude: bool) -> Vec<u64> {
        const PIXELS: usize = 150;
        let dates: Vec<Date> = Period::year(2003).days().collect();
        let mut seed = 7_u32;
        let mut draw = move |low: f32, high: f32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let unit = f32::from(u16::try_from(seed >> 16).unwrap()) / 65_536.0;
            if unit < 0.001 { f32::NAN } else { low + (high - low) * unit }
        };
        let mut inputs = [Vec::new(), Vec::new(), Vec::new()];
        for day in 0..365_u16 {
            let season = 1.0 - (f32::from(day) / 182.0 - 1.0).abs();
            for _ in 0..PIXELS {
                let low = draw(-20.0, 5.0) + 25.0 * season;
                inputs[0].push(low);
                inputs[1].push(low + draw(0.0, 15.0));
                inputs[2].push(draw(0.0, 86_400.0));
            }
        }
        let latitudes: Vec<f64> = (0..150_u8).map(|i| 25.0 + 0.3 * f64::from(i / 64 * 40 + i % 3)).collect();
        let statics = Statics { pixels: PIXELS, values: vec![by_latitude.then_some(&latitudes[..])] };
        let mut strip = Strip::<f32>::new(&SPEC, variant, Rules::of(variant), level, &statics, None).unwrap();
        let mut given: Vec<Option<Values<'_>>> = inputs.iter().map(|v| Some(Values::F32(v))).collect();
        if by_latitude {
            given[input::DAYL] = None;
        }
        let mut outputs = vec![[0.0_f32; PIXELS]; OUTPUTS];
        let values = outputs.iter_mut().map(|v| Some(ValuesMut::F32(v))).collect();
        strip.advance(&Forcing { dates: &dates, inputs: given }, &mut Outputs { values }).unwrap();
        let state = strip.checkpoint().unwrap();
        let all = outputs.into_iter().flatten().map(f64::from);
        all.chain(state.vectors.into_values().flatten())
            .map(|v| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() })
            .collect()
    }

    #[test]
    fn every_set_of_instructions_gives_the_same_bits() {
        for variant in ["rsdat", "ault", "npn", "springpheno"] {
            for by_latitude in [true, false] {
                let results: Vec<Vec<u64>> =
                    Level::all().into_iter().map(|level| year(variant, level, by_latitude)).collect();
                let dates = results[0].iter().filter(|bits| !f64::from_bits(**bits).is_nan()).count();
                assert!(dates > 1000, "{variant}: {dates}");
                assert!(results.iter().all(|r| *r == results[0]), "{variant}");
            }
        }
    }
}
