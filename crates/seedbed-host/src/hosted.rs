//! A defined model: what goes to its guest, and what is checked of what comes back.

use crate::call::{Call, Given, Wanted};
use crate::{Definition, HostError, digest, spec};
use seedbed_block::{Date, Precision, Real};
use seedbed_model::{
    Forcing, Model, ModelError, ModelSpec, Number, Outputs, Settings, Simulation, State, Statics,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What runs a model: a process, or an instance of a component.
pub trait Guest: Send {
    /// Fills what the call wants.
    ///
    /// # Errors
    /// [`HostError`]; the guest isn't asked again then.
    fn answer(&mut self, call: &mut Call<'_>) -> Result<(), HostError>;
}

/// What starts guests.
pub trait Start: Send + Sync {
    /// A guest, ready to be asked.
    ///
    /// # Errors
    /// [`HostError::Start`].
    fn start(&self) -> Result<Box<dyn Guest>, HostError>;
}

/// How often a guest that died is started again for one call.
const RESTARTS: usize = 2;

/// A model behind a definition.
pub struct Hosted {
    inner: Arc<Inner>,
}

struct Inner {
    spec: ModelSpec,
    program: String,
    /// Name of each state, and whether it is kept in 64 bits.
    states: Vec<(&'static str, bool)>,
    ranges: Vec<Option<(f64, f64)>>,
    start: Box<dyn Start>,
    /// Guests whose simulation is over.
    idle: Mutex<Vec<Box<dyn Guest>>>,
}

impl Hosted {
    /// The model that a definition describes, run by what `start` starts.
    ///
    /// # Errors
    /// [`HostError::Read`] if a file that it names can't be read.
    pub fn new(definition: &Definition, start: Box<dyn Start>) -> Result<Self, HostError> {
        let states = definition.states.iter().map(|s| (&*s.name.clone().leak(), s.double)).collect();
        let ranges = definition.outputs.iter().map(|o| o.range.map(|[low, high]| (low, high))).collect();
        Ok(Self {
            inner: Arc::new(Inner {
                spec: spec::of(definition),
                program: digest::of(definition)?,
                states,
                ranges,
                start,
                idle: Mutex::default(),
            }),
        })
    }
}

impl Model for Hosted {
    fn spec(&self) -> &ModelSpec {
        &self.inner.spec
    }

    fn program(&self) -> Option<&str> {
        Some(&self.inner.program)
    }

    fn begin(
        &self,
        settings: &Settings,
        statics: &Statics<'_>,
        precision: Precision,
        from: Option<&State>,
    ) -> Result<Box<dyn Simulation>, ModelError> {
        Ok(match precision {
            Precision::Single => Box::new(Strip::<f32>::new(&self.inner, settings, statics, from)?),
            Precision::Double => Box::new(Strip::<f64>::new(&self.inner, settings, statics, from)?),
        })
    }
}

/// What is kept of each pixel, in its own precision.
enum Kept<T> {
    Run(Vec<T>),
    Double(Vec<f64>),
}

impl<T: Number> Kept<T> {
    fn new(double: bool, values: &[f64]) -> Self {
        if double {
            Self::Double(values.to_vec())
        } else {
            Self::Run(values.iter().map(|v| T::of(*v)).collect())
        }
    }

    fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::Run(values) => values.iter().map(|v| v.to_f64()).collect(),
            Self::Double(values) => values.clone(),
        }
    }
}

/// A strip of pixels on its way through time.
struct Strip<T> {
    model: Arc<Inner>,
    settings: Settings,
    pixels: usize,
    /// Values of the statics that are given, by their index.
    statics: Vec<(usize, Vec<T>)>,
    /// Nothing before the first day.
    kept: Option<Vec<Kept<T>>>,
    last: Option<Date>,
    guest: Option<Box<dyn Guest>>,
}

impl<T: Number> Strip<T> {
    fn new(
        model: &Arc<Inner>,
        settings: &Settings,
        statics: &Statics<'_>,
        from: Option<&State>,
    ) -> Result<Self, ModelError> {
        let (spec, pixels) = (&model.spec, statics.pixels);
        let mut given = Vec::new();
        for index in 0..spec.statics.len() {
            if let Some(values) = statics.get(spec, index)? {
                given.push((index, values.iter().map(|v| T::of(*v)).collect()));
            }
        }
        let mut strip = Self {
            model: Arc::clone(model),
            settings: settings.clone(),
            pixels,
            statics: given,
            kept: None,
            last: None,
            guest: None,
        };
        if let Some(state) = from {
            state.check(spec)?;
            strip.last = state.last;
            // A state from before the first day keeps nothing.
            if !state.vectors.is_empty() {
                let kept = model
                    .states
                    .iter()
                    .map(|(name, double)| Ok(Kept::new(*double, state.vector(name, pixels)?)));
                strip.kept = Some(kept.collect::<Result<_, ModelError>>()?);
            }
        }
        Ok(strip)
    }

    /// Asks a guest, another one where it dies.
    fn ask(&mut self, call: &mut Call<'_>) -> Result<(), HostError> {
        let mut restarts = 0;
        loop {
            let mut guest = match self.guest.take().or_else(|| self.model.idle().pop()) {
                Some(guest) => guest,
                None => self.model.start.start()?,
            };
            match guest.answer(call) {
                Ok(()) => {
                    self.guest = Some(guest);
                    return Ok(());
                }
                Err(error) if error.may_pass() && restarts < RESTARTS => restarts += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Inner {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn Guest>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: HostError) -> ModelError {
        ModelError::Guest { model: self.spec.name, source: Box::new(source) }
    }

    /// Refuses what no output can be.
    fn check<T: Real>(
        &self,
        output: usize,
        values: &[T],
        dates: &[Date],
        pixels: usize,
    ) -> Result<(), HostError> {
        let range = self.ranges[output];
        let (low, high) = range.unwrap_or((f64::MIN, f64::MAX));
        let wrong = |v: &T| v.to_f64() < low || v.to_f64() > high;
        // No branch for each number: most blocks have nothing that is wrong.
        let any = |block: &[T]| block.iter().fold(false, |any, v| any | wrong(v));
        let block = values.chunks(1 << 10).position(any);
        let Some(at) =
            block.and_then(|b| values.iter().skip(b << 10).position(wrong).map(|at| at + (b << 10)))
        else {
            return Ok(());
        };
        let (name, model) = (self.spec.outputs[output].name, self.spec.name);
        let (row, pixel) = (at / pixels.max(1), at % pixels.max(1));
        let day = if self.spec.rows(dates) == dates.len() {
            dates.get(row).map(Date::to_string)
        } else {
            seedbed_model::years(dates).get(row).map(i16::to_string)
        };
        let bound =
            range.map(|(low, high)| format!(", which lies outside {low} to {high}")).unwrap_or_default();
        let what = format!(
            "{} for `{name}` of pixel {pixel} on {}{bound}; a missing value is NaN",
            values[at].to_f64(),
            day.unwrap_or_default()
        );
        Err(HostError::Answer { model, what })
    }
}

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.last)?;
        let (model, settings) = (Arc::clone(&self.model), self.settings.clone());
        let (spec, pixels, dates) = (&model.spec, self.pixels, forcing.dates);
        let statics = std::mem::take(&mut self.statics);
        let before = self.kept.take();
        let mut after: Vec<Kept<T>> =
            model.states.iter().map(|(_, double)| Kept::new(*double, &vec![f64::NAN; pixels])).collect();

        let mut given = Vec::new();
        for (index, values) in &statics {
            let (name, unit) = (spec.statics[*index].name, Some(spec.statics[*index].unit));
            given.push(Given { name, unit, rows: None, values: T::values(values) });
        }
        for (index, input) in spec.inputs.iter().enumerate() {
            if let Some(values) = forcing.get::<T>(spec, index, pixels)? {
                let (name, unit, rows) = (input.name, Some(input.unit), Some(dates.len()));
                given.push(Given { name, unit, rows, values: T::values(values) });
            }
        }
        for ((name, _), kept) in model.states.iter().zip(before.iter().flatten()) {
            let values = match kept {
                Kept::Run(values) => T::values(values),
                Kept::Double(values) => f64::values(values),
            };
            given.push(Given { name, unit: None, rows: None, values });
        }
        let rows = Some(spec.rows(dates));
        let mut outputs = out.get::<T>(spec, settings.variant(), dates, pixels)?;
        let mut wanted = Vec::new();
        for (index, values) in &mut outputs {
            let output = &spec.outputs[*index];
            wanted.push(Wanted {
                name: output.name,
                unit: Some(output.unit),
                rows,
                values: T::values_mut(values),
            });
        }
        for ((name, _), kept) in model.states.iter().zip(&mut after) {
            let values = match kept {
                Kept::Run(values) => T::values_mut(values),
                Kept::Double(values) => f64::values_mut(values),
            };
            wanted.push(Wanted { name, unit: None, rows: None, values });
        }
        let mut call = Call { model: spec.name, settings: &settings, pixels, dates, given, wanted };
        let answered = self.ask(&mut call);
        self.statics = statics;
        self.kept = before;
        answered.map_err(|e| model.failed(e))?;
        for (index, values) in &outputs {
            model.check(*index, values, dates, pixels).map_err(|e| model.failed(e))?;
        }
        self.kept = Some(after);
        self.last = dates.last().copied().or(self.last);
        Ok(())
    }

    fn checkpoint(&self) -> Result<State, ModelError> {
        let kept = self.kept.iter().flatten();
        let vectors: BTreeMap<String, Vec<f64>> = self
            .model
            .states
            .iter()
            .zip(kept)
            .map(|((name, _), kept)| ((*name).to_owned(), kept.to_f64()))
            .collect();
        let spec = &self.model.spec;
        Ok(State { model: spec.name.to_owned(), revision: spec.revision, last: self.last, vectors })
    }
}

impl<T> Drop for Strip<T> {
    fn drop(&mut self) {
        self.model.idle().extend(self.guest.take());
    }
}
