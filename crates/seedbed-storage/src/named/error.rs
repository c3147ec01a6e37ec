//! What is wrong with a `stores.toml`, and where.

use std::io;
use std::path::PathBuf;

/// A `stores.toml` that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoresFileError {
    /// It can't be read.
    #[error("{}: the stores file can't be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}:{line}:{column}: {reason}{}", .path.display(), hint(.nearest.as_deref()))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What is wrong.
        reason: String,
        /// The key or value that was probably meant.
        nearest: Option<String>,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("\nhint: did you mean `{nearest}`?"))
}
