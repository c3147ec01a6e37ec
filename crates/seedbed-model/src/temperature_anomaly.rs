//! How much warmer a day is than usual.
//!
//! A short model, to read before writing one: it keeps nothing of its pixels. Its inputs
//! are the day's mean temperature and the normal one, a climatology by day of year, which
//! a project file takes as any other input. `anomaly = tavg − normal`; a month's is the
//! mean of its days.
//!
//! # References
//! World Meteorological Organization (2017), Guidelines on the Calculation of Climate
//! Normals, WMO-No. 1203.

use crate::values::Number;
use crate::{
    Aggregation, Cadence, Fallback, Forcing, InputSpec, Model, ModelError, ModelSpec, OutputSpec, Outputs,
    Settings, Simulation, State, Statics, VariantSpec,
};
use seedbed_block::{Date, Precision, Unit};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::LazyLock;

/// The model `temperature-anomaly`.
#[derive(Debug, Clone, Copy)]
pub struct TemperatureAnomaly;

const VARIANT: VariantSpec = VariantSpec {
    name: "difference",
    doc: "the difference, where both are there",
    lenient: false,
    sums_first_day: true,
};

static SPEC: LazyLock<ModelSpec> = LazyLock::new(|| {
    let air = |name, aliases, doc| InputSpec {
        name,
        aliases,
        unit: Unit::Celsius,
        range: (-90.0, 60.0),
        mask: false,
        required: true,
        fallback: Fallback::Nothing,
        used_in: &[],
        doc,
    };
    ModelSpec {
        name: "temperature-anomaly",
        title: "Mean temperature of the day less its climatology",
        revision: 1,
        cadence: Cadence::Daily,
        stores: 0,
        variants: &[VARIANT],
        inputs: vec![
            air("tavg", &["tmean"], "mean air temperature of the day"),
            air("normal", &[], "its climatology on that day of the year"),
        ],
        statics: Vec::new(),
        orders: &[],
        parameters: Vec::new(),
        switches: Vec::new(),
        outputs: vec![OutputSpec {
            name: "anomaly",
            unit: Unit::Celsius,
            whole: false,
            aggregation: Aggregation::Mean,
            monthly: true,
            yearly: true,
            absent_in: &[],
            doc: "mean temperature less the normal one",
        }],
        references: &["WMO (2017), Guidelines on the Calculation of Climate Normals, WMO-No. 1203"],
    }
});

impl Model for TemperatureAnomaly {
    fn spec(&self) -> &ModelSpec {
        &SPEC
    }

    fn begin(
        &self,
        _: &Settings,
        statics: &Statics<'_>,
        precision: Precision,
        from: Option<&State>,
    ) -> Result<Box<dyn Simulation>, ModelError> {
        from.map_or(Ok(()), |state| state.check(&SPEC))?;
        let (pixels, last) = (statics.pixels, from.and_then(|state| state.last));
        Ok(match precision {
            Precision::Single => Box::new(Strip::<f32> { pixels, last, real: PhantomData }),
            Precision::Double => Box::new(Strip::<f64> { pixels, last, real: PhantomData }),
        })
    }
}

struct Strip<T> {
    pixels: usize,
    last: Option<Date>,
    real: PhantomData<T>,
}

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.last)?;
        let field = |i: usize| forcing.get::<T>(&SPEC, i, self.pixels).map(Option::unwrap_or_default);
        let (tavg, normal) = (field(0)?, field(1)?);
        for (_, anomaly) in out.get::<T>(&SPEC, VARIANT.name, forcing.dates, self.pixels)? {
            for (anomaly, (tavg, normal)) in anomaly.iter_mut().zip(tavg.iter().zip(normal)) {
                *anomaly = *tavg - *normal;
            }
        }
        self.last = forcing.dates.last().copied().or(self.last);
        Ok(())
    }

    fn checkpoint(&self) -> Result<State, ModelError> {
        let vectors = BTreeMap::new();
        Ok(State { model: SPEC.name.to_owned(), revision: SPEC.revision, last: self.last, vectors })
    }
}
