//! The user's own models: any program, or a WebAssembly component, behind the same
//! trait as the built-in ones.
//!
//! A [`Definition`] is a TOML file that says what the model needs and gives, and by
//! what it is run. What runs it is a [`Guest`]: it is handed one [`Call`], which holds
//! everything (days, inputs, statics, what it kept from the days before), and answers
//! with outputs and what it keeps now. So a guest has no memory of its own between
//! calls: one that died is started again and asked the same once more.
//!
//! [`Models`] finds a model by name or by its definition's path.

mod call;
mod definition;
mod digest;
mod error;
mod exec;
mod hosted;
mod models;
mod npy;
mod running;
mod shared;
mod spec;
#[cfg(feature = "wasm")]
mod wasm;

pub use call::{Call, Given, Wanted};
pub use definition::{Definition, Kind, Transport};
pub use error::HostError;
pub use exec::Program;
pub use hosted::{Guest, Hosted, Start};
pub use models::Models;
pub use running::stop_models;
#[cfg(feature = "wasm")]
pub use wasm::Component;
