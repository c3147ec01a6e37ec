//! The environment variables that stores look at.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The environment variables that stores look at: the process's own, or given ones.
///
/// Its `Debug` shows no value.
#[derive(Clone, Default)]
pub struct Environment(Option<BTreeMap<String, String>>);

impl Environment {
    /// The process's own, looked at when needed.
    #[must_use]
    pub fn of_process() -> Self {
        Self(None)
    }

    /// These variables and no others.
    #[must_use]
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(Some(variables.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()))
    }

    /// A variable's value, if it is set to more than blanks.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            None => std::env::var(name).ok(),
            Some(variables) => variables.get(name).cloned(),
        };
        value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    /// Whether it is the process's own.
    pub(crate) fn is_of_process(&self) -> bool {
        self.0.is_none()
    }

    /// A file of the user's home folder.
    pub(crate) fn home(&self, name: &str) -> Option<PathBuf> {
        self.get("HOME").map(|home| Path::new(&home).join(name))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Environment(the process's)"),
            Some(variables) => f.debug_set().entries(variables.keys()).finish(),
        }
    }
}
