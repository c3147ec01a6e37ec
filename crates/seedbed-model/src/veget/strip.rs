//! A strip of pixels on its way through time.

use super::day::{OUTPUTS, Stores, Weather, day};
use super::parameters::{Parameters, Rules};
use super::site::{LANE, Sites, lane};
use super::spec::{fixed, input};
use crate::reference_et::{SolarDay, hargreaves_samani};
use crate::values::Number;
use crate::{Forcing, ModelError, ModelSpec, Outputs, Simulation, State, Statics};
use seedbed_block::Date;
use std::collections::BTreeMap;

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

/// The mean of the day's extremes.
fn mean<T: Number>(tmin: &[T; LANE], tmax: &[T; LANE]) -> [T; LANE] {
    std::array::from_fn(|l| (tmin[l] + tmax[l]) / T::of(2.0))
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
        let mut outputs = out.get::<T>(self.spec, &self.variant, forcing.dates, n)?;
        let computed;
        let eto = if let Some(given) = get(input::ETO)? {
            given
        } else {
            computed = self.compute_eto(forcing.dates, tmin, tmax)?;
            &computed
        };

        let fresh = self.last.is_none();
        for start in (0..n).step_by(LANE) {
            let width = LANE.min(n - start);
            let site = self.sites.lane(start, width);
            let mut soil = lane(&self.soil, start, width);
            let mut pack = lane(&self.pack, start, width);
            for d in 0..forcing.dates.len() {
                let first = fresh && d == 0;
                let read = |values: &[T]| lane(values, d * n + start, width);
                let (ppt, ndvi, eto) = (read(ppt), read(ndvi), read(eto));
                let (tmin, tmax) = (read(tmin), read(tmax));
                let tavg = tavg.map_or_else(|| mean(&tmin, &tmax), read);
                let mut daily = [[T::ZERO; LANE]; OUTPUTS];
                for l in 0..LANE {
                    let weather = Weather {
                        ppt: ppt[l],
                        tmin: tmin[l],
                        tmax: tmax[l],
                        tavg: tavg[l],
                        ndvi: ndvi[l],
                        eto: eto[l],
                    };
                    let before = Stores { soil: soil[l], pack: pack[l] };
                    let (values, after) =
                        day(&self.parameters, self.rules, site.at(l), before, first, weather);
                    for (output, value) in daily.iter_mut().zip(values) {
                        output[l] = value;
                    }
                    (soil[l], pack[l]) = (after.soil, after.pack);
                }
                for (index, values) in &mut outputs {
                    values[d * n + start..][..width].copy_from_slice(&daily[*index][..width]);
                }
            }
            self.soil[start..][..width].copy_from_slice(&soil[..width]);
            self.pack[start..][..width].copy_from_slice(&pack[..width]);
        }
        self.last = forcing.dates.last().copied().or(self.last);
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
