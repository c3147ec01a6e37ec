//! VegET: a daily root-zone water balance with snow, driven by NDVI.
//!
//! Each pixel holds two stores, soil water `SWf` and snowpack `SNWPK`, both in
//! mm. A day takes precipitation, temperatures, NDVI and grass reference ET and
//! gives actual ET, surface runoff, deep drainage and ten more daily terms. The
//! equations stand with the code, in the order in which they are evaluated.
//!
//! # References
//! Senay G.B. (2008), Modeling landscape evapotranspiration by integrating land
//! surface phenology and a water balance algorithm, Algorithms 1(2), 52–68,
//! doi:10.3390/a1020052. Senay et al. (2023), Improvements and evaluation of the
//! agro-hydrologic VegET model for large-area water budget analysis and drought
//! monitoring, Hydrology 10(8), 168, doi:10.3390/hydrology10080168.

#![expect(clippy::inline_always, reason = "only what is inlined is compiled for a level's instructions")]

mod books;
mod day;
mod parameters;
mod site;
mod spec;
mod strip;
mod weather;

use crate::{BalanceRule, Model, ModelError, ModelSpec, Settings, Simulation, State, Statics};
use parameters::{Parameters, Rules};
use seedbed_block::Precision;
use seedbed_block::simd::Level;
use std::sync::LazyLock;

/// The VegET model.
#[derive(Debug, Clone, Copy)]
pub struct Veget;

static SPEC: LazyLock<ModelSpec> = LazyLock::new(spec::spec);

impl Model for Veget {
    fn spec(&self) -> &ModelSpec {
        &SPEC
    }

    fn balance(&self) -> Option<&'static BalanceRule> {
        Some(&books::RULE)
    }

    fn begin(
        &self,
        settings: &Settings,
        statics: &Statics<'_>,
        precision: Precision,
        from: Option<&State>,
    ) -> Result<Box<dyn Simulation>, ModelError> {
        let rules = Rules::new(settings);
        Ok(match precision {
            Precision::Single => Box::new(strip::Strip::<f32>::new(
                &SPEC,
                settings.variant(),
                Parameters::new(settings),
                rules,
                Level::best(),
                statics,
                from,
            )?),
            Precision::Double => Box::new(strip::Strip::<f64>::new(
                &SPEC,
                settings.variant(),
                Parameters::new(settings),
                rules,
                Level::best(),
                statics,
                from,
            )?),
        })
    }
}
