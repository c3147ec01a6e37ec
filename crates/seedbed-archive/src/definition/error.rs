//! What is wrong with a definition, and where.

use std::io;
use std::path::PathBuf;

/// A definition that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// Something in the file is wrong.
    #[error("{file}:{line}:{column}: {reason}{}", hint(.nearest.as_deref()))]
    Invalid {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// The key, dotted.
        key: Option<String>,
        /// The key or value that was probably meant.
        nearest: Option<String>,
        /// What is wrong.
        reason: String,
    },
    /// Neither a known name nor a file.
    #[error("no archive definition `{name}`{}", hint(.nearest.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The known name that was probably meant.
        nearest: Option<String>,
    },
    /// The file can't be read.
    #[error("{}: the definition can't be read", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("\nhint: did you mean `{nearest}`?"))
}

/// Line and column (both from 1) of a byte of a text.
pub(crate) fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}
