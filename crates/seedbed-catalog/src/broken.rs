//! Items that can't be read, where the others are gone on with.

use crate::CatalogError;
use serde::Serialize;
use std::error::Error;

/// An item that can't be read, and is passed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Broken {
    /// Its document, or the file and line that it is in.
    pub at: String,
    /// What is wrong with it, cause by cause.
    pub reason: String,
}

impl Broken {
    /// What an error says of an item's document; the error itself, if reading it may succeed later: then nobody knows
    /// what is wrong with it.
    pub(crate) fn of(at: &impl ToString, error: CatalogError) -> Result<Self, CatalogError> {
        if error.retryable() {
            return Err(error);
        }
        let at = at.to_string();
        // The link that leads to it tells no more than where it is.
        let error = match error {
            CatalogError::Link { source, .. } => *source,
            error => error,
        };
        let mut reason = String::new();
        let mut cause: Option<&dyn Error> = Some(&error);
        while let Some(error) = cause {
            let text = error.to_string();
            let text = text.strip_prefix(&format!("{at}: ")).unwrap_or(&text);
            let text = text.strip_prefix(&format!("{at} ")).unwrap_or(text);
            reason = if reason.is_empty() { text.to_owned() } else { format!("{reason}: {text}") };
            cause = error.source();
        }
        Ok(Self { at, reason })
    }
}
