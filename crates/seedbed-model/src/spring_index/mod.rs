//! The extended spring indices (SI-x): first leaf and first bloom of three plants.
//!
//! A cloned lilac (*Syringa × chinensis* 'Red Rothomagensis') and two honeysuckles
//! ('Arnold Red', 'Zabelli') are followed through a year by growing degree hours,
//! which an hourly curve through the day's extremes gives. Their dates, the means of
//! these, the last hard freeze, its damage and false springs are known once a year.
//!
//! The arithmetic is in 64 bits whatever the precision of the arrays, so that the
//! dates of a run in 32 bits are those of one in 64 bits on the same inputs. A pixel's
//! results depend on its own inputs alone: not on how a run is cut, nor on the
//! processor's instructions.
//!
//! # References
//! Schwartz, Ahas and Aasa (2006), doi:10.1111/j.1365-2486.2005.01097.x. Schwartz, Ault
//! and Betancourt (2013), doi:10.1002/joc.3625. Ault, Zurita-Milla and Schwartz (2015),
//! doi:10.1016/j.cageo.2015.06.015. Allstadt et al. (2015),
//! doi:10.1088/1748-9326/10/10/104008 (false springs; no day is skipped). Peterson and
//! Abatzoglou (2014), doi:10.1002/2014GL059266 (exposure). Izquierdo-Verdiguier et al.
//! (2018), doi:10.1016/j.agrformet.2018.06.028 (from gridded Daymet).

#![expect(
    clippy::inline_always,
    clippy::needless_bitwise_bool,
    clippy::needless_range_loop,
    reason = "loops over lanes, without branches and all inlined, become code of a level's instructions"
)]

mod calendar;
mod chunk;
mod day_length;
mod frost;
mod hours;
mod lanes;
mod outcome;
mod pending;
mod plants;
mod rules;
mod season;
mod spec;
mod strip;

use crate::{Model, ModelError, ModelSpec, Settings, Simulation, State, Statics};
use rules::Rules;
use seedbed_block::Precision;
use seedbed_block::simd::Level;
use std::sync::LazyLock;
use strip::Strip;

/// The model `spring-index`.
#[derive(Debug, Clone, Copy)]
pub struct SpringIndex;

static SPEC: LazyLock<ModelSpec> = LazyLock::new(spec::spec);

impl Model for SpringIndex {
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
        let variant = settings.variant();
        let rules = Rules::of(variant);
        let level = Level::best();
        Ok(match precision {
            Precision::Single => Box::new(Strip::<f32>::new(&SPEC, variant, rules, level, statics, from)?),
            Precision::Double => Box::new(Strip::<f64>::new(&SPEC, variant, rules, level, statics, from)?),
        })
    }
}
