//! The model trait and the built-in models: numerics only.
//!
//! A [`Model`] describes itself by a [`ModelSpec`]; [`Model::begin`] starts a
//! [`Simulation`] for one strip of pixels, which [`Simulation::advance`] takes
//! through time in as many pieces as the caller likes. Pixels are independent,
//! so a run cut anywhere in space or time gives the same bits.
//!
//! Nothing here knows a CRS, a file or a store: latitude is a static input.

mod balance;
mod error;
pub mod growing_degree_days;
mod nearest;
pub mod point;
pub mod reference_et;
mod registry;
mod settings;
mod simulation;
mod spec;
pub mod spring_index;
mod state;
pub mod temperature_anomaly;
mod values;
pub mod veget;

pub use balance::{Balance, BalanceRule, Breach};
pub use error::ModelError;
pub use registry::{find, model, models};
pub use settings::{SettingValue, Settings};
pub use simulation::{Forcing, Model, Outputs, Simulation, Statics, years};
pub use spec::{
    Aggregation, Cadence, Fallback, InputSpec, ModelSpec, OutputSpec, ParameterSpec, SwitchSpec, VariantSpec,
};
pub use state::State;
pub use values::{Number, Values, ValuesMut};
