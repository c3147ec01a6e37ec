//! Running a model on every tile: project files, plans, the ledger, execution.
//!
//! A [`Project`] is the user's file. [`Runner::new`] resolves it into tiles,
//! series and a model; [`Runner::plan`] says what there is to do, each product
//! with its key; [`Runner::execute`] does what is not done yet. What is done is
//! told by the products' records alone; the ledger is history.

mod books;
mod error;
mod execute;
mod grid;
mod init;
mod inputs;
mod key;
mod ledger;
mod mask;
mod outputs;
mod periods;
mod plan;
mod project;
mod runner;
mod status;
mod sums;
mod tile;

pub use error::RunError;
pub use execute::{ExecuteOptions, Progress, RunReport, TileFailure};
pub use init::template;
pub use ledger::{Entry, Event, Ledger};
pub use periods::PeriodKind;
pub use plan::{Plan, Task};
pub use project::{InputSource, Project};
pub use runner::{Overrides, Runner};
pub use status::{StatusReport, TileStatus};
