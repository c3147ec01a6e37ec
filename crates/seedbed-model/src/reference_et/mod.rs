//! Reference evapotranspiration of a grass surface, by one of several methods.
//!
//! - `hargreaves-samani`, from temperatures alone:
//!   `ET₀ = c·(Tmean + 17.8)·√(Tmax − Tmin)·0.408·Ra` with `c = 0.0023`, FAO-56 eq. 52;
//! - `priestley-taylor`, from temperatures and radiation: `ET₀ = α·Δ/(Δ + γ)·0.408·Rn`
//!   with `α = 1.26`;
//! - `penman-monteith`, from humidity and wind as well: FAO-56 eq. 6.
//!
//! `Ra` is the extraterrestrial radiation and `Rn` the net one, in MJ m⁻² day⁻¹; 0.408
//! turns them into mm of water a day. What isn't given is estimated as FAO-56 advises:
//! radiation from the range of temperatures (eq. 50), vapour pressure from the lowest
//! (eq. 48), wind as 2 m/s.
//!
//! # References
//! Allen et al. (1998), FAO Irrigation and Drainage Paper 56. Hargreaves and Samani
//! (1985), Applied Engineering in Agriculture 1(2), 96–99. Priestley and Taylor (1972),
//! Monthly Weather Review 100(2), 81–92.

mod methods;
mod spec;
mod strip;
mod sun;

use crate::{Model, ModelError, ModelSpec, Settings, Simulation, State, Statics};
pub use methods::{
    COEFFICIENT, Day, hargreaves_samani, mean_saturation, psychrometric, saturation, slope,
    solar_from_temperatures, wind_at_two_metres,
};
use seedbed_block::Precision;
use std::sync::LazyLock;
use strip::Strip;
pub use sun::{Latitude, SolarDay};

/// The model `reference-et`.
#[derive(Debug, Clone, Copy)]
pub struct ReferenceEt;

static SPEC: LazyLock<ModelSpec> = LazyLock::new(spec::spec);

impl Model for ReferenceEt {
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
            Precision::Single => Box::new(Strip::<f32>::new(&SPEC, settings, statics, from)?),
            Precision::Double => Box::new(Strip::<f64>::new(&SPEC, settings, statics, from)?),
        })
    }
}
