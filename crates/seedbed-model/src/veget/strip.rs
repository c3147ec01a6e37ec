//! A strip of pixels on its way through time.

use super::day::{OUTPUTS, Stores, Weather, day};
use super::parameters::{Parameters, Rules};
use super::site::Sites;
use super::spec::{fixed, input};
use crate::reference_et::{SolarDay, hargreaves_samani};
use crate::values::Number;
use crate::{Forcing, ModelError, ModelSpec, Outputs, Simulation, State, Statics};
use seedbed_block::Date;
use std::collections::BTreeMap;

/// Pixels computed together, so that each output's values lie side by side.
const LANE: usize = 64;

/// A simulation of VegET.
#[derive(Debug)]
pub struct Strip<T> {
    spec: &'static ModelSpec,
    variant: String,
    parameters: Parameters<T>,
    rules: Rules,
    sites: Sites<T>,
    soil: Vec<T>,
    pack: Vec<T>,
    last: Option<Date>,
}

impl<T: Number> Strip<T> {
    /// A strip, half full and without snow, or as a state has it.
    pub fn new(
        spec: &'static ModelSpec,
        variant: &str,
        parameters: Parameters<T>,
        rules: Rules,
        statics: &Statics<'_>,
        from: Option<&State>,
    ) -> Result<Self, ModelError> {
        let sites = Sites::new(spec, rules, statics)?;
        let (soil, pack, last) = if let Some(state) = from {
            state.check(spec)?;
            let vector = |name| -> Result<Vec<T>, ModelError> {
                Ok(state.vector(name, statics.pixels)?.iter().map(|v| T::of(*v)).collect())
            };
            (vector("swf")?, vector("snwpk")?, state.last)
        } else {
            let half = sites.whc.iter().map(|w| T::of(0.5) * *w).collect();
            (half, vec![T::ZERO; statics.pixels], None)
        };
        Ok(Self { spec, variant: variant.to_owned(), parameters, rules, sites, soil, pack, last })
    }

    fn pixels(&self) -> usize {
        self.soil.len()
    }

    /// Reference ET by Hargreaves–Samani, for a run that is given none.
    fn compute_eto(&self, dates: &[Date], tmin: &[T], tmax: &[T]) -> Result<Vec<T>, ModelError> {
        let latitude = self.sites.latitude.as_ref().ok_or(ModelError::Missing {
            model: self.spec.name,
            kind: "input `eto` or static",
            name: self.spec.statics[fixed::LATITUDE].name,
        })?;
        let n = self.pixels();
        let mut eto = Vec::with_capacity(tmin.len());
        for (d, date) in dates.iter().enumerate() {
            let sun = SolarDay::new(*date);
            let today = d * n..(d + 1) * n;
            let pairs = tmin[today.clone()].iter().zip(&tmax[today]);
            eto.extend(pairs.zip(latitude).map(|((low, high), phi)| {
                T::of(hargreaves_samani(low.to_f64(), high.to_f64(), sun.radiation(*phi)))
            }));
        }
        Ok(eto)
    }
}

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.last)?;
        let n = self.pixels();
        let get = |index| forcing.get::<T>(self.spec, index, n);
        let required = |index: usize| {
            let name = self.spec.inputs[index].name;
            get(index)?.ok_or(ModelError::Missing { model: self.spec.name, kind: "input", name })
        };
        let ppt = required(input::PPT)?;
        let (tmin, tmax) = (required(input::TMIN)?, required(input::TMAX)?);
        let tavg = get(input::TAVG)?;
        let ndvi = required(input::NDVI)?;
        let mut outputs = out.get::<T>(self.spec, &self.variant, forcing.dates.len() * n)?;
        let computed;
        let eto = if let Some(given) = get(input::ETO)? {
            given
        } else {
            computed = self.compute_eto(forcing.dates, tmin, tmax)?;
            &computed
        };

        let mut lane = [[T::ZERO; LANE]; OUTPUTS];
        for (d, date) in forcing.dates.iter().enumerate() {
            let first = self.last.is_none();
            for start in (0..n).step_by(LANE) {
                let width = LANE.min(n - start);
                for l in 0..width {
                    let (i, at) = (start + l, d * n + start + l);
                    let mean = (tmin[at] + tmax[at]) / T::of(2.0);
                    let weather = Weather {
                        ppt: ppt[at],
                        tmin: tmin[at],
                        tmax: tmax[at],
                        tavg: tavg.map_or(mean, |t| t[at]),
                        ndvi: ndvi[at],
                        eto: eto[at],
                    };
                    let before = Stores { soil: self.soil[i], pack: self.pack[i] };
                    let (daily, after) =
                        day(&self.parameters, self.rules, self.sites.at(i), before, first, weather);
                    for (column, value) in lane.iter_mut().zip(daily) {
                        column[l] = value;
                    }
                    (self.soil[i], self.pack[i]) = (after.soil, after.pack);
                }
                for (index, values) in &mut outputs {
                    values[d * n + start..][..width].copy_from_slice(&lane[*index][..width]);
                }
            }
            self.last = Some(*date);
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<State, ModelError> {
        let vector = |v: &[T]| v.iter().map(|x| x.to_f64()).collect();
        Ok(State {
            model: self.spec.name.to_owned(),
            revision: self.spec.revision,
            last: self.last,
            vectors: BTreeMap::from([
                ("swf".to_owned(), vector(&self.soil)),
                ("snwpk".to_owned(), vector(&self.pack)),
            ]),
        })
    }
}
