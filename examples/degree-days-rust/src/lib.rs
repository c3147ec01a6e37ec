//! Degree days above a base, of the day and since 1 January: a model in Rust.

use seedbed_block::{Date, Precision, Unit};
use seedbed_model::{
    Aggregation, Forcing, InputSpec, Model, ModelError, ModelSpec, Number, OutputSpec, Outputs,
    ParameterSpec, Settings, Simulation, State, Statics,
};
use std::{collections::BTreeMap, marker::PhantomData, sync::LazyLock};

pub struct DegreeDays;

static SPEC: LazyLock<ModelSpec> = LazyLock::new(|| {
    let air = |name, doc| InputSpec::new(name, Unit::Celsius, (-90.0, 60.0), doc);
    let output = |name, aggregation, doc| OutputSpec::new(name, Unit::Celsius, aggregation, doc);
    ModelSpec {
        stores: 1, // the total
        inputs: vec![air("tmin", "lowest of the day"), air("tmax", "highest of the day")],
        parameters: vec![ParameterSpec::new("base", 10.0, (-50.0, 60.0), "degC", "nothing grows below")],
        outputs: vec![
            output("gdd", Aggregation::Sum, "degree days of the day"),
            output("gdd_total", Aggregation::State, "degree days since 1 January"),
        ],
        ..ModelSpec::new("my-degree-days", "Degree days above a base")
    }
});

impl Model for DegreeDays {
    fn spec(&self) -> &ModelSpec { &SPEC }

    fn begin(&self, settings: &Settings, statics: &Statics<'_>, precision: Precision, from: Option<&State>) -> Result<Box<dyn Simulation>, ModelError> {
        let (base, n) = (settings.parameter("base"), statics.pixels);
        let total = from.map_or(Ok(vec![0.0; n]), |s| s.check(&SPEC).and(s.vector("total", n)).map(<[f64]>::to_vec))?;
        let last = from.and_then(|state| state.last);
        Ok(match precision {
            Precision::Single => Box::new(Strip::<f32> { base, total, last, real: PhantomData }),
            Precision::Double => Box::new(Strip::<f64> { base, total, last, real: PhantomData }),
        })
    }
}

struct Strip<T> { base: f64, total: Vec<f64>, last: Option<Date>, real: PhantomData<T> }

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.last)?;
        let n = self.total.len();
        let air = |i| forcing.get::<T>(&SPEC, i, n).map(Option::unwrap_or_default);
        let (tmin, tmax) = (air(0)?, air(1)?);
        let mut outputs = out.get::<T>(&SPEC, "default", forcing.dates, n)?;
        for (d, date) in forcing.dates.iter().enumerate() {
            for (i, total) in self.total.iter_mut().enumerate() {
                let gdd = (tmin[d * n + i].to_f64() + tmax[d * n + i].to_f64()) / 2.0 - self.base;
                let gdd = if gdd < 0.0 { 0.0 } else { gdd };
                *total = if date.day_of_year() == 1 { 0.0 } else { *total } + if gdd.is_nan() { 0.0 } else { gdd };
                for (output, values) in &mut outputs {
                    values[d * n + i] = T::of(if *output == 0 { gdd } else { *total });
                }
            }
            self.last = Some(*date);
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<State, ModelError> {
        let vectors = BTreeMap::from([("total".to_owned(), self.total.clone())]);
        Ok(State { model: SPEC.name.to_owned(), revision: SPEC.revision, last: self.last, vectors })
    }
}
