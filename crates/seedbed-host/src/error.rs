//! What can go wrong with a user's own model.

use std::path::PathBuf;

/// An error of a definition, or of the program or component behind it.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A file of the model can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A definition isn't understood.
    #[error("{path}:{line}:{column}: {message}")]
    Definition {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A definition contradicts itself.
    #[error("{path}: {key}: {message}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// No model of that name.
    #[error("{source}; models of your own are sought as {sought}")]
    Unknown {
        /// Where it was looked for.
        sought: String,
        /// What is known.
        source: seedbed_model::ModelError,
    },
    /// The program can't be started.
    #[error("model {model}: can't start `{program}`")]
    Start {
        /// The model.
        model: &'static str,
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// There is no memory for what goes to the program.
    #[error("model {model}: no memory for the arrays of a call")]
    Memory {
        /// The model.
        model: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The program ended, closed its output or wrote no answer.
    #[error("model {model}: {what}{}", said(stderr))]
    Died {
        /// The model.
        model: &'static str,
        /// What was seen.
        what: String,
        /// The last it wrote to stderr.
        stderr: String,
    },
    /// A component isn't one, or wants or gives something else than the interface says.
    #[error("{path} is no component of seedbed:model: {reason}")]
    Component {
        /// The component.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A component was stopped for what it did.
    #[error("model {model} was stopped: {reason}")]
    Trapped {
        /// The model.
        model: &'static str,
        /// What it did.
        reason: String,
    },
    /// A call took longer than it may.
    #[error("model {model} took longer than {seconds} s for {days} days of {pixels} pixels")]
    TimedOut {
        /// The model.
        model: &'static str,
        /// Seconds a call may take.
        seconds: f64,
        /// Days of the call.
        days: usize,
        /// Pixels of the call.
        pixels: usize,
    },
    /// The model itself says that it can't.
    #[error("model {model}: {message}")]
    Refused {
        /// The model.
        model: &'static str,
        /// In its own words.
        message: String,
    },
    /// An answer isn't what the definition promises.
    #[error("model {model} answered with {what}")]
    Answer {
        /// The model.
        model: &'static str,
        /// What it answered with.
        what: String,
    },
}

/// The last of a program's words, if it had any.
fn said(stderr: &str) -> String {
    let text = stderr.trim();
    if text.is_empty() { String::new() } else { format!("; it wrote: {text}") }
}

impl HostError {
    /// Whether a definition is at fault rather than the model's own work.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Component { .. }
                | Self::Read { .. }
                | Self::Definition { .. }
                | Self::Key { .. }
                | Self::Unknown { .. }
                | Self::Start { .. }
        )
    }

    /// Whether the same call may go well on another try.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Died { .. })
    }
}
