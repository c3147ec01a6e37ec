//! A strip of pixels; it has no memory but the last day.

use super::methods::{Day, saturation, solar_from_temperatures, wind_at_two_metres, with_coefficient};
use super::spec::{PENMAN_MONTEITH, PRIESTLEY_TAYLOR, fixed, input};
use super::sun::{Latitude, SolarDay};
use crate::values::Number;
use crate::{Forcing, ModelError, ModelSpec, Outputs, Settings, Simulation, State, Statics};
use seedbed_block::Date;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Wind at 2 m where none is known, FAO-56 p. 63, in m/s.
const USUAL_WIND: f64 = 2.0;

/// A method with its own numbers.
#[derive(Debug, Clone, Copy)]
enum Method {
    HargreavesSamani { coefficient: f64 },
    PriestleyTaylor { alpha: f64 },
    PenmanMonteith { wind_height: f64 },
}

/// A simulation of reference ET.
#[derive(Debug)]
pub struct Strip<T> {
    spec: &'static ModelSpec,
    variant: String,
    method: Method,
    albedo: f64,
    krs: f64,
    latitude: Vec<Latitude>,
    elevation: Vec<f64>,
    last: Option<Date>,
    real: PhantomData<T>,
}

impl<T: Number> Strip<T> {
    /// A strip before its first day, or as a state has it.
    pub fn new(
        spec: &'static ModelSpec,
        settings: &Settings,
        statics: &Statics<'_>,
        from: Option<&State>,
    ) -> Result<Self, ModelError> {
        if let Some(state) = from {
            state.check(spec)?;
        }
        let missing = |index: usize| ModelError::Missing {
            model: spec.name,
            kind: "static",
            name: spec.statics[index].name,
        };
        let latitude = statics.get(spec, fixed::LATITUDE)?.ok_or_else(|| missing(fixed::LATITUDE))?;
        let method = match settings.variant() {
            PRIESTLEY_TAYLOR => Method::PriestleyTaylor { alpha: settings.parameter("alpha") },
            PENMAN_MONTEITH => Method::PenmanMonteith { wind_height: settings.parameter("wind_height") },
            _ => Method::HargreavesSamani { coefficient: settings.parameter("coefficient") },
        };
        let elevation = match (method, statics.get(spec, fixed::ELEVATION)?) {
            (Method::HargreavesSamani { .. }, _) => vec![0.0; statics.pixels],
            (_, Some(given)) => given.to_vec(),
            (_, None) => return Err(missing(fixed::ELEVATION)),
        };
        Ok(Self {
            spec,
            variant: settings.variant().to_owned(),
            method,
            albedo: settings.parameter("albedo"),
            krs: settings.parameter("krs"),
            latitude: latitude.iter().map(|v| Latitude::of_degrees(*v)).collect(),
            elevation,
            last: from.and_then(|s| s.last),
            real: PhantomData,
        })
    }
}

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.last)?;
        let (spec, n) = (self.spec, self.latitude.len());
        let get = |index| forcing.get::<T>(spec, index, n);
        let required = |index: usize| {
            let name = spec.inputs[index].name;
            get(index)?.ok_or(ModelError::Missing { model: spec.name, kind: "input", name })
        };
        let (tmin, tmax) = (required(input::TMIN)?, required(input::TMAX)?);
        let (srad, dayl) = (get(input::SRAD)?, get(input::DAYL)?);
        let (vp, wind) = (get(input::VP)?, get(input::WIND)?);
        let mut outputs = out.get::<T>(spec, &self.variant, forcing.dates, n)?;
        for (_, eto) in &mut outputs {
            for (d, date) in forcing.dates.iter().enumerate() {
                let sun = SolarDay::new(*date);
                for (i, phi) in self.latitude.iter().enumerate() {
                    let at = d * n + i;
                    let (tmin, tmax) = (tmin[at].to_f64(), tmax[at].to_f64());
                    let ra = sun.radiation(*phi);
                    let value = |field: Option<&[T]>| field.map(|values| values[at].to_f64());
                    let day = || Day {
                        tmin,
                        tmax,
                        ra,
                        // W m-2 over so many seconds, as MJ m-2.
                        solar: value(srad).map_or_else(
                            || solar_from_temperatures(self.krs, tmin, tmax, ra),
                            |mean| mean * value(dayl).unwrap_or(DAY) * 1e-6,
                        ),
                        vapour: value(vp).unwrap_or_else(|| saturation(tmin)),
                        elevation: self.elevation[i],
                        albedo: self.albedo,
                    };
                    eto[at] = T::of(match self.method {
                        Method::HargreavesSamani { coefficient } => {
                            with_coefficient(coefficient, tmin, tmax, ra)
                        }
                        Method::PriestleyTaylor { alpha } => day().priestley_taylor(alpha),
                        Method::PenmanMonteith { wind_height } => {
                            let wind = value(wind).map_or(USUAL_WIND, |w| wind_at_two_metres(w, wind_height));
                            day().penman_monteith(wind, 0.0)
                        }
                    });
                }
            }
        }
        self.last = forcing.dates.last().copied().or(self.last);
        Ok(())
    }

    fn checkpoint(&self) -> Result<State, ModelError> {
        Ok(State {
            model: self.spec.name.to_owned(),
            revision: self.spec.revision,
            last: self.last,
            vectors: BTreeMap::new(),
        })
    }
}
