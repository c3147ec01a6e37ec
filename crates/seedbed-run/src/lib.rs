//! Running a model on every tile: project files, plans, the ledger, execution.
//!
//! A [`Project`] is the user's file. [`Runner::new`] resolves it into tiles,
//! series and a model; [`Runner::plan`] says what there is to do, each product
//! with its key; [`Runner::execute`] does what is not done yet. What is done is
//! told by the products' records alone; the ledger is history.

mod asked;
mod books;
mod checkpoint;
mod clean;
mod cubes;
mod empty;
mod error;
mod execute;
mod feed;
mod gathering;
mod grid;
mod init;
mod input_reader;
mod inputs;
mod inspection;
mod interval;
mod kept_state;
mod key;
mod ledger;
mod mask;
mod milestones;
mod orders;
mod origin;
mod outputs;
mod passage;
mod periods;
mod pieces;
mod plan;
mod project;
mod readers;
mod runner;
mod schema;
mod shelf;
mod spin_up;
mod state_file;
mod status;
mod sums;
mod tile;
mod work;

pub use clean::{Unwanted, clean_checkpoints};
pub use empty::Empty;
pub use error::RunError;
pub use execute::{ExecuteOptions, Progress, RunReport, TileFailure};
pub use init::template;
pub use inspection::{InputProblem, InputReport, ProblemKind};
pub use ledger::{Entry, Event, Ledger};
pub use milestones::Checkpoints;
pub use orders::Disorder;
pub use periods::PeriodKind;
pub use plan::{Plan, Task};
pub use project::{InputSource, Project};
pub use runner::{Overrides, Runner};
pub use schema::project_schema;
pub use spin_up::SpinUp;
pub use status::{StatusReport, TileStatus};
