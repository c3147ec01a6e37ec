//! Growing degree days, a day and in sum.
//!
//! A short model, to read before writing one: what it says of itself, what it keeps of
//! each pixel, and what a day does to that.
//!
//! `GDD = max((Tx + Tn)/2 − base, 0)`, where `Tx` and `Tn` are the day's extremes, both
//! cut at `upper`; with `cut_below` they are raised to `base` as well. The sum begins
//! anew on 1 January; a missing day adds nothing to it.
//!
//! # References
//! `McMaster` and Wilhelm (1997), Agricultural and Forest Meteorology 87(4), 291–300,
//! doi:10.1016/S0168-1923(97)00027-0: method 1, and method 2 with `cut_below`.

use crate::values::Number;
use crate::{
    Aggregation, Forcing, InputSpec, Model, ModelError, ModelSpec, OutputSpec, Outputs, ParameterSpec,
    Settings, Simulation, State, Statics, SwitchSpec, VariantSpec,
};
use seedbed_block::{Date, Precision, Unit};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::LazyLock;

/// The model `growing-degree-days`.
#[derive(Debug, Clone, Copy)]
pub struct GrowingDegreeDays;

const VARIANT: VariantSpec =
    VariantSpec { name: "mean", doc: "McMaster and Wilhelm (1997)", lenient: false, sums_first_day: true };

static SPEC: LazyLock<ModelSpec> = LazyLock::new(|| {
    let air = |name, doc| InputSpec::new(name, Unit::Celsius, (-90.0, 60.0), doc);
    let limit = |name, default, doc| ParameterSpec::new(name, default, (-50.0, 60.0), "degC", doc);
    let output = |name, aggregation, doc| OutputSpec::new(name, Unit::Celsius, aggregation, doc);
    ModelSpec {
        stores: 1,
        variants: &[VARIANT],
        inputs: vec![air("tmin", "lowest of the day"), air("tmax", "highest of the day")],
        orders: &[("tmin", "tmax"), ("base", "upper")],
        parameters: vec![limit("base", 10.0, "nothing grows below"), limit("upper", 30.0, "no faster above")],
        switches: vec![SwitchSpec {
            name: "cut_below",
            on_in: &[],
            doc: "extremes below base count as base",
        }],
        outputs: vec![
            output("gdd", Aggregation::Sum, "growing degree days of the day"),
            output("gdd_total", Aggregation::State, "growing degree days since 1 January"),
        ],
        references: &["McMaster and Wilhelm (1997), doi:10.1016/S0168-1923(97)00027-0"],
        ..ModelSpec::new("growing-degree-days", "Growing degree days, a day and since 1 January")
    }
});

impl Model for GrowingDegreeDays {
    fn spec(&self) -> &ModelSpec {
        &SPEC
    }

    fn begin(
        &self,
        settings: &Settings,
        statics: &Statics<'_>,
        precision: Precision,
        from: Option<&State>,
    ) -> Result<Box<dyn Simulation>, ModelError> {
        Ok(match precision {
            Precision::Single => Box::new(Strip::<f32>::new(settings, statics.pixels, from)?),
            Precision::Double => Box::new(Strip::<f64>::new(settings, statics.pixels, from)?),
        })
    }
}

struct Strip<T> {
    base: f64,
    upper: f64,
    cut_below: bool,
    total: Vec<f64>,
    last: Option<Date>,
    real: PhantomData<T>,
}

impl<T> Strip<T> {
    fn new(settings: &Settings, pixels: usize, from: Option<&State>) -> Result<Self, ModelError> {
        let (base, upper) = (settings.parameter("base"), settings.parameter("upper"));
        let (mut total, mut last) = (vec![0.0; pixels], None);
        if let Some(state) = from {
            state.check(&SPEC)?;
            total = state.vector("total", pixels)?.to_vec();
            last = state.last;
        }
        Ok(Self { base, upper, cut_below: settings.switch("cut_below"), total, last, real: PhantomData })
    }

    fn degree_days(&self, tmin: f64, tmax: f64) -> f64 {
        let cut = |t: f64| if t > self.upper { self.upper } else { t };
        let raised = |t: f64| if self.cut_below && t < self.base { self.base } else { t };
        let above = f64::midpoint(raised(cut(tmin)), raised(cut(tmax))) - self.base;
        if above < 0.0 { 0.0 } else { above }
    }
}

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.last)?;
        let n = self.total.len();
        let field = |i: usize| forcing.get::<T>(&SPEC, i, n).map(Option::unwrap_or_default);
        let (tmin, tmax) = (field(0)?, field(1)?);
        let mut outputs = out.get::<T>(&SPEC, VARIANT.name, forcing.dates, n)?;
        for (d, date) in forcing.dates.iter().enumerate() {
            if self.last.is_some_and(|last| last.year() != date.year()) {
                self.total.fill(0.0);
            }
            for i in 0..n {
                let today = self.degree_days(tmin[d * n + i].to_f64(), tmax[d * n + i].to_f64());
                self.total[i] += if today.is_nan() { 0.0 } else { today };
                for (output, values) in &mut outputs {
                    values[d * n + i] = T::of(if *output == 0 { today } else { self.total[i] });
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
