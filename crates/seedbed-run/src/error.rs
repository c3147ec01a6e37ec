//! What can go wrong with a run.

use crate::InputReport;
use seedbed_block::{Date, Period};
use seedbed_catalog::CatalogError;
use seedbed_grid::{GridError, ProjectionError};
use seedbed_model::ModelError;
use seedbed_prep::PrepError;
use seedbed_storage::{Location, StorageError};
use std::path::PathBuf;

/// An error of planning or running.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The project file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The project file isn't understood.
    #[error("{path}:{line}:{column}: {message}")]
    Project {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, with the nearest name where one was mistyped.
        message: String,
    },
    /// A key's value makes no sense.
    #[error("{path}: {key}: {message}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The key, as `section.name`.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// A key's value can't be used.
    #[error("{path}: {key}")]
    Setting {
        /// The project file.
        path: PathBuf,
        /// The key, as `section.name`.
        key: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An input or static can't be resolved.
    #[error("{path}: {key}")]
    Input {
        /// The project file.
        path: PathBuf,
        /// The key, as `inputs.NAME`.
        key: String,
        /// Why.
        source: Box<PrepError>,
    },
    /// Inputs that the run can't be made from, told for every tile.
    #[error("{path}: {report}")]
    Inputs {
        /// The project file.
        path: PathBuf,
        /// What is wrong.
        report: InputReport,
    },
    /// Several things in a project won't do.
    #[error("{} problems: {}", .0.len(), .0.iter().map(|e| seedbed_prep::one_line(e)).collect::<Vec<_>>().join("; "))]
    Several(Vec<RunError>),
    /// A run of days that aren't the project's would take the place of another product.
    #[error(
        "{out} holds `{name}`, and a run of {asked}, which isn't a part of the project's {period}, would take its place; \
         give it another --out, or change the period in the project file"
    )]
    Place {
        /// The place of the outputs.
        out: Location,
        /// The product there.
        name: String,
        /// The days that are asked for.
        asked: Period,
        /// The project's.
        period: Period,
    },
    /// A plan file doesn't fit.
    #[error("{path}: {reason}")]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The ledger can't be written.
    #[error("can't write the ledger {path}")]
    Ledger {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An input exceeds another, which it may not exceed, in most pixels of a day.
    #[error(
        "{path}: {lesser} exceeds {greater} in {pixels} of {of} pixels of tile {tile} on {date}; are the two swapped?"
    )]
    Order {
        /// The project file.
        path: PathBuf,
        /// The key of what exceeds, as `inputs.NAME`.
        lesser: String,
        /// The key of what is exceeded.
        greater: String,
        /// Pixels in which it does.
        pixels: usize,
        /// Pixels in which both have a value.
        of: usize,
        /// The tile.
        tile: String,
        /// The day.
        date: Date,
    },
    /// A day of a pixel doesn't add up.
    #[error(
        "the balance of {tile} doesn't close on {date} at row {row}, column {col}: {equation} is off by {residual:e} \
         {unit}, and rounding explains {allowed:e}"
    )]
    Balance {
        /// The tile.
        tile: String,
        /// The pixel's row in the tile.
        row: usize,
        /// Its column.
        col: usize,
        /// The day.
        date: Date,
        /// What is unexplained.
        residual: f64,
        /// What rounding explains.
        allowed: f64,
        /// The unit of both.
        unit: &'static str,
        /// What should add up.
        equation: &'static str,
    },
    /// From the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// From preparing inputs or writing products.
    #[error(transparent)]
    Prep(#[from] PrepError),
    /// From the catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// From the grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// From PROJ.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// From a store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Interrupted by the user.
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
}

impl RunError {
    /// Fine if nothing is wrong; else what is.
    pub(crate) fn unless_none(mut wrong: Vec<Self>) -> Result<(), Self> {
        match (wrong.pop(), wrong.is_empty()) {
            (None, _) => Ok(()),
            (Some(only), true) => Err(only),
            (Some(last), false) => {
                wrong.push(last);
                Err(Self::Several(wrong))
            }
        }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Prep(e) => e.retryable(),
            Self::Input { source, .. } => source.retryable(),
            Self::Inputs { report, .. } => report.problems.iter().all(|p| p.retryable),
            Self::Several(all) => all.iter().all(Self::retryable),
            Self::Catalog(e) => e.retryable(),
            Self::Storage(e) => e.retryable(),
            _ => false,
        }
    }

    /// Whether the project or its inputs are at fault rather than the work.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Read { .. }
            | Self::Project { .. }
            | Self::Key { .. }
            | Self::Setting { .. }
            | Self::Plan { .. }
            | Self::Place { .. }
            | Self::Order { .. }
            | Self::Grid(_)
            | Self::Projection(_) => true,
            Self::Model(e) => e.is_usage(),
            Self::Input { source, .. } => source.is_usage(),
            Self::Inputs { report, .. } => report.problems.iter().any(|p| p.usage),
            Self::Several(all) => all.iter().any(Self::is_usage),
            Self::Prep(e) => e.is_usage(),
            _ => false,
        }
    }
}
