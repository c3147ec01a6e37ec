//! Files that could not be copied, and why.

use super::plan::{Transfer, Use};
use crate::CatalogError;
use seedbed_storage::Location;
use serde::Serialize;
use std::error::Error;
use std::sync::Arc;

/// A file that could not be copied.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// The assets that it is.
    pub uses: Vec<Use>,
    /// Where it should have come from: an address, or an href that is none.
    pub from: String,
    /// Where it should have gone; of an href that is no address that isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Location>,
    /// What went wrong, cause by cause.
    pub reason: String,
    /// Whether trying again may help.
    pub retryable: bool,
    /// The error itself.
    #[serde(skip)]
    pub error: Arc<CatalogError>,
}

impl Failure {
    pub(super) fn of(uses: Vec<Use>, from: String, to: Option<Location>, error: CatalogError) -> Self {
        Self::of_shared(uses, from, to, Arc::new(error))
    }

    /// Of an error that others have, too.
    pub(super) fn of_shared(
        uses: Vec<Use>,
        from: String,
        to: Option<Location>,
        error: Arc<CatalogError>,
    ) -> Self {
        let reason = reason_of(&error);
        Self { uses, from, to, reason, retryable: error.retryable(), error }
    }

    pub(super) fn of_transfer(transfer: &Transfer, error: CatalogError) -> Self {
        Self::of(transfer.uses.clone(), transfer.from.to_string(), Some(transfer.to.clone()), error)
    }
}

/// What went wrong, cause by cause.
pub fn reason_of(error: &CatalogError) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        reason.push_str(": ");
        reason.push_str(&below.to_string());
        cause = below.source();
    }
    reason
}
