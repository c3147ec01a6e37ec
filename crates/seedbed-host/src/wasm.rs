//! Models that are WebAssembly components of the world in `wit/model.wit`.
//!
//! A component is linked with nothing: it can't open a file, reach a host or tell the
//! time. Its memory is bounded, and a call that takes too long is ended.

use crate::call::{Call, Given, Owed, Wanted};
use crate::hosted::{Guest, Start};
use crate::{Definition, HostError};
use seedbed_block::Date;
use seedbed_model::{Values, ValuesMut};
use std::ops::Range;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder, Trap};

/// How often a component's time is looked at.
const TICK: Duration = Duration::from_millis(50);

/// How many numbers of one array a component gets at once: as many as stay, with its copies, in a processor's cache.
const NUMBERS: usize = 1 << 15;

/// The least pixels it is asked about at once, however many days there are.
const LEAST: usize = 256;

/// A component that serves as a model, compiled for this machine.
pub struct Component {
    model: &'static str,
    path: PathBuf,
    engine: Engine,
    code: wasmtime::component::Component,
    memory: usize,
    limit: Duration,
}

impl Component {
    /// The component of a definition, as bytes or as text.
    ///
    /// # Errors
    /// [`HostError::Read`] if it isn't there, [`HostError::Component`] if it is none, or
    /// wants imports.
    pub fn of(definition: &Definition) -> Result<Self, HostError> {
        let path = definition.resolve(definition.component.as_deref().unwrap_or_default());
        let bytes = std::fs::read(&path).map_err(|source| HostError::Read { path: path.clone(), source })?;
        let refused =
            |e: wasmtime::Error| HostError::Component { path: path.clone(), reason: format!("{e:#}") };
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).map_err(refused)?;
        let code = wasmtime::component::Component::new(&engine, &bytes).map_err(refused)?;
        // Time passes as long as the engine is there.
        let clock = engine.weak();
        thread::spawn(move || {
            while let Some(engine) = clock.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        });
        let component = Self {
            model: definition.name.clone().leak(),
            path,
            engine,
            code,
            memory: usize::try_from(definition.memory).unwrap_or(usize::MAX).saturating_mul(1_000_000),
            limit: Duration::try_from_secs_f64(definition.timeout).unwrap_or(Duration::MAX),
        };
        // One that wants imports, or exports something else, is told before the first day.
        component.instance()?;
        Ok(component)
    }

    fn instance(&self) -> Result<Instance, HostError> {
        let refused =
            |e: wasmtime::Error| HostError::Component { path: self.path.clone(), reason: format!("{e:#}") };
        let limits = StoreLimitsBuilder::new().memory_size(self.memory).trap_on_grow_failure(true).build();
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store.set_epoch_deadline(1);
        let linker = Linker::new(&self.engine);
        let instance = linker.instantiate(&mut store, &self.code).map_err(refused)?;
        instance.get_typed_func::<Asked<'_>, Replied>(&mut store, ADVANCE).map_err(refused)?;
        Ok(Instance { model: self.model, limit: self.limit, store, exports: instance })
    }
}

impl Start for Component {
    fn start(&self) -> Result<Box<dyn Guest>, HostError> {
        Ok(Box::new(self.instance()?))
    }
}

/// A component with a memory of its own.
struct Instance {
    model: &'static str,
    limit: Duration,
    store: Store<StoreLimits>,
    exports: wasmtime::component::Instance,
}

/// The function of `model.wit`, with what it takes and gives.
const ADVANCE: &str = "advance";
type Asked<'a> = (Question<'a>,);
type Replied = (Result<Vec<Answer>, String>,);

/// `record day`
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
#[expect(clippy::struct_field_names, reason = "the names of `model.wit`")]
struct Day {
    year: i16,
    month: u8,
    day: u8,
}

/// `variant numbers`, as given.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(variant)]
enum Numbers<'a> {
    #[component(name = "single")]
    Single(&'a [f32]),
    #[component(name = "double")]
    Double(&'a [f64]),
}

/// `record array`, as given.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Array<'a> {
    name: &'a str,
    rows: Option<u32>,
    numbers: Numbers<'a>,
}

/// `record call`
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
struct Question<'a> {
    variant: &'a str,
    parameters: &'a [(&'a str, f64)],
    switches: &'a [(&'a str, bool)],
    days: &'a [Day],
    pixels: u32,
    arrays: &'a [Array<'a>],
    wanted: &'a [&'a str],
}

/// `variant numbers`, as answered.
#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
enum Answered {
    #[component(name = "single")]
    Single(Vec<f32>),
    #[component(name = "double")]
    Double(Vec<f64>),
}

/// `record array`, as answered.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
struct Answer {
    name: String,
    rows: Option<u32>,
    numbers: Answered,
}

impl Guest for Instance {
    fn answer(&mut self, call: &mut Call<'_>) -> Result<(), HostError> {
        let ticks = self.limit.as_millis().div_ceil(TICK.as_millis()).saturating_add(1);
        self.store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX / 2));
        let rows = call.wanted.iter().filter_map(|w| w.rows).chain([call.dates.len(), 1]).max().unwrap_or(1);
        let width = (NUMBERS / rows).max(LEAST);
        for start in (0..call.pixels).step_by(width) {
            self.ask(call, start..call.pixels.min(start + width))?;
        }
        Ok(())
    }
}

impl Instance {
    /// Asks about some of a call's pixels.
    fn ask(&mut self, call: &mut Call<'_>, part: Range<usize>) -> Result<(), HostError> {
        let (model, days, pixels) = (self.model, call.dates.len(), call.pixels);
        let parameters = call.settings.parameters().iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>();
        let switches = call.settings.switches().iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>();
        let wanted: Vec<&str> = call.wanted.iter().map(|w| w.name).collect();
        let blocks: Vec<Block> = call.given.iter().map(|given| Block::of(given, pixels, &part)).collect();
        let arrays: Vec<Array<'_>> = call.given.iter().zip(&blocks).map(|(g, b)| b.named(g)).collect();
        let question = Question {
            variant: call.settings.variant(),
            parameters: &parameters,
            switches: &switches,
            days: &call.dates.iter().copied().map(day).collect::<Vec<_>>(),
            pixels: u32::try_from(part.len()).unwrap_or(u32::MAX),
            arrays: &arrays,
            wanted: &wanted,
        };
        let seconds = self.limit.as_secs_f64();
        let failed = |e: wasmtime::Error| match e.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => HostError::TimedOut { model, seconds, days, pixels },
            _ => HostError::Trapped { model, reason: format!("{e:#}") },
        };
        let advance = self.exports.get_typed_func::<Asked<'_>, Replied>(&mut self.store, ADVANCE);
        let advance = advance.map_err(failed)?;
        let (reply,) = advance.call(&mut self.store, (question,)).map_err(failed)?;
        advance.post_return(&mut self.store).map_err(failed)?;
        let answers = reply.map_err(|message| HostError::Refused { model, message })?;
        let bad = |what: String| HostError::Answer { model, what };
        let mut owed = Owed::of(&call.wanted);
        for answer in answers {
            let slot = owed.place(&mut call.wanted, &answer.name).map_err(bad)?;
            fill(slot, &answer, pixels, &part).map_err(|what| bad(format!("`{}` as {what}", answer.name)))?;
        }
        owed.settled().map_err(bad)
    }
}

/// The numbers of a given array for some of the pixels.
enum Block {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Block {
    fn of(given: &Given<'_>, pixels: usize, part: &Range<usize>) -> Self {
        fn cut<T: Copy>(values: &[T], pixels: usize, part: &Range<usize>) -> Vec<T> {
            values.chunks_exact(pixels).map(|row| &row[part.clone()]).collect::<Vec<_>>().concat()
        }
        match given.values {
            Values::F32(values) => Self::Single(cut(values, pixels, part)),
            Values::F64(values) => Self::Double(cut(values, pixels, part)),
        }
    }

    fn named<'a>(&'a self, given: &Given<'a>) -> Array<'a> {
        let numbers = match self {
            Self::Single(values) => Numbers::Single(values),
            Self::Double(values) => Numbers::Double(values),
        };
        let rows = given.rows.map(|rows| u32::try_from(rows).unwrap_or(u32::MAX));
        Array { name: given.name, rows, numbers }
    }
}

fn day(date: Date) -> Day {
    // Both lie within 1 to 31.
    Day { year: date.year(), month: date.month().unsigned_abs(), day: date.day().unsigned_abs() }
}

/// Puts an answer about some of the pixels where it belongs.
fn fill(slot: &mut Wanted<'_>, answer: &Answer, pixels: usize, part: &Range<usize>) -> Result<(), String> {
    fn lay<T: Copy>(slot: &mut [T], values: &[T], pixels: usize, part: &Range<usize>) {
        for (row, values) in slot.chunks_exact_mut(pixels).zip(values.chunks_exact(part.len())) {
            row[part.clone()].copy_from_slice(values);
        }
    }

    let rows = answer.rows.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
    if rows != slot.rows {
        return Err(format!("{rows:?} rows where {:?} are wanted", slot.rows));
    }
    let expected = rows.unwrap_or(1) * part.len();
    let length = |got: usize| {
        if got == expected { Ok(()) } else { Err(format!("{got} numbers where {expected} are wanted")) }
    };
    match (&mut slot.values, &answer.numbers) {
        (ValuesMut::F32(slot), Answered::Single(values)) => {
            length(values.len())?;
            lay(slot, values, pixels, part);
        }
        (ValuesMut::F64(slot), Answered::Double(values)) => {
            length(values.len())?;
            lay(slot, values, pixels, part);
        }
        (ValuesMut::F32(_), Answered::Double(_)) => return Err("64 bits where 32 are wanted".to_owned()),
        (ValuesMut::F64(_), Answered::Single(_)) => return Err("32 bits where 64 are wanted".to_owned()),
    }
    Ok(())
}
