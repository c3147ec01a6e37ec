//! What there is to do: pure data, shown by a dry run and taken up by workers.

use crate::RunError;
use seedbed_block::Period;
use seedbed_prep::{Member, Root};
use seedbed_storage::Location;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One tile's work: all its products, made in one pass through time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The tile.
    pub tile: String,
    /// Its products in order of time.
    pub products: Vec<Member>,
}

/// A run's tasks. The index of a task is what an array engine counts by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this document's form.
    pub format_version: u32,
    /// The project file, absolute.
    pub project: PathBuf,
    /// The days that are asked for.
    pub period: Period,
    /// Inputs whose items were named on the command line.
    pub items: Vec<(String, String)>,
    /// Where outputs go: a folder, absolute, or an address.
    pub out: Location,
    /// The tasks.
    pub tasks: Vec<Task>,
}

impl Plan {
    /// Version of the document's form that is written.
    pub const FORMAT: u32 = 1;

    /// Where a run keeps its plan: on this machine, in the product's [state](Root::state).
    #[must_use]
    pub fn path(out: &Root) -> PathBuf {
        out.state().join("plan.json")
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// [`RunError::Plan`] if it is missing, damaged or of another version.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let error = |reason: String| RunError::Plan { path: path.to_owned(), reason };
        let bytes = std::fs::read(path).map_err(|e| error(e.to_string()))?;
        let plan: Self = serde_json::from_slice(&bytes).map_err(|e| error(e.to_string()))?;
        if plan.format_version != Self::FORMAT {
            return Err(error(format!("its format version is {}", plan.format_version)));
        }
        Ok(plan)
    }
}
