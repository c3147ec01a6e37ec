//! What an error means at the edge: an exit code, a cause chain, a next step.

use seedbed_archive::{CrawlError, DefinitionError};
use seedbed_catalog::CatalogError;
use seedbed_grid::{AoiError, GridError, ProjectionError};
use seedbed_host::HostError;
use seedbed_model::ModelError;
use seedbed_prep::PrepError;
use seedbed_raster::RasterError;
use seedbed_run::RunError;
use seedbed_storage::{StorageError, secret_parameter, shown_text};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};

/// Whose move it is after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work or verification failed: exit code 1.
    Work,
    /// The command line, a configuration or an input file is wrong: exit code 2.
    Usage,
    /// A remote site failed and may answer later: exit code 3.
    Remote,
}

impl Kind {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Work => 1,
            Self::Usage => 2,
            Self::Remote => 3,
        }
    }
}

/// An error with its kind and a next step. It reads as the error it holds.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    kind: Option<Kind>,
    hint: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// A usage error from a plain sentence.
pub fn usage(message: impl fmt::Display) -> anyhow::Error {
    Failure { error: anyhow::anyhow!("{message}"), kind: Some(Kind::Usage), hint: None }.into()
}

/// A usage error with a next step.
pub fn usage_hint(message: impl fmt::Display, hint: impl Into<String>) -> anyhow::Error {
    Failure { error: anyhow::anyhow!("{message}"), kind: Some(Kind::Usage), hint: Some(hint.into()) }.into()
}

/// Says what an error means, where only the caller can know.
pub trait Judge<T> {
    /// The user's input is at fault.
    fn or_usage(self) -> anyhow::Result<T>;
    /// There is a next step.
    fn or_hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Judge<T> for Result<T, E> {
    fn or_usage(self) -> anyhow::Result<T> {
        self.map_err(|e| Failure { error: e.into(), kind: Some(Kind::Usage), hint: None }.into())
    }

    fn or_hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|e| Failure { error: e.into(), kind: None, hint: Some(hint.into()) }.into())
    }
}

/// The kind of an error: what its maker said, else what its type tells, else work that failed.
pub fn kind(error: &anyhow::Error) -> Kind {
    known_kind(error).unwrap_or(Kind::Work)
}

fn known_kind(error: &anyhow::Error) -> Option<Kind> {
    error.chain().find_map(|cause| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.kind.or_else(|| known_kind(&failure.error));
        }
        of_type(cause)
    })
}

/// What an error's type says about its kind.
fn of_type(cause: &(dyn Error + 'static)) -> Option<Kind> {
    let two = |retryable: bool, usage: bool| match (retryable, usage) {
        (true, _) => Some(Kind::Remote),
        (false, true) => Some(Kind::Usage),
        (false, false) => None,
    };
    if let Some(e) = cause.downcast_ref::<RunError>() {
        return two(e.retryable(), e.is_usage());
    }
    if let Some(e) = cause.downcast_ref::<PrepError>() {
        return two(e.retryable(), e.is_usage());
    }
    if let Some(e) = cause.downcast_ref::<CatalogError>() {
        return two(e.retryable(), e.is_usage());
    }
    if let Some(e) = cause.downcast_ref::<StorageError>() {
        let usage = matches!(
            e,
            StorageError::NotFound { .. }
                | StorageError::Denied { .. }
                | StorageError::Unsupported { .. }
                | StorageError::Configuration { .. }
                | StorageError::Location(_)
        );
        return two(e.retryable(), usage);
    }
    if let Some(e) = cause.downcast_ref::<CrawlError>() {
        return two(e.retryable(), e.is_usage());
    }
    if let Some(e) = cause.downcast_ref::<ModelError>() {
        return two(false, e.is_usage());
    }
    if let Some(e) = cause.downcast_ref::<HostError>() {
        return two(false, e.is_usage());
    }
    // A full or broken disk is no mistake of the command; a folder that isn't there is.
    if let Some(GridError::Write { .. }) = cause.downcast_ref::<GridError>() {
        return None;
    }
    if cause.is::<DefinitionError>()
        || cause.is::<AoiError>()
        || cause.is::<GridError>()
        || cause.is::<ProjectionError>()
    {
        return Some(Kind::Usage);
    }
    if let Some(e) = cause.downcast_ref::<io::Error>() {
        return (e.kind() == io::ErrorKind::NotFound).then_some(Kind::Usage);
    }
    None
}

/// A next step that follows from the error's type alone.
fn hint_of_type(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(e) = cause.downcast_ref::<StorageError>() {
        return match e {
            StorageError::Denied { .. } => Some("`seedbed doctor` says which credentials were found"),
            StorageError::Wait { .. } => Some("try again later; what is done is kept"),
            StorageError::Full { .. } | StorageError::NoRoom { .. } => {
                Some("make room, then run the same command again")
            }
            StorageError::Limit { .. } => Some("allow more with --max-transfer; what is done is kept"),
            StorageError::Occupied { .. } => Some("move that file away, or copy to another folder"),
            e if e.retryable() => Some("run the same command again; what is done is kept"),
            _ => None,
        };
    }
    if let Some(e) = cause.downcast_ref::<CatalogError>() {
        return match e {
            CatalogError::NoRoom { .. } => Some("make room, choose another folder, or copy less at a time"),
            CatalogError::Destination { .. } => Some("choose another folder"),
            CatalogError::SameName { .. } => Some("give each item a folder: --layout '{item}/{filename}'"),
            CatalogError::Repeated { .. } => Some(
                "give each an id of its own in the file that holds them, or leave them out with --ids or --filter",
            ),
            CatalogError::OtherLayout { .. } => {
                Some("`seedbed catalog rewrite CATALOG --out NEW --by TEMPLATE` sorts all items anew")
            }
            _ => None,
        };
    }
    match cause.downcast_ref::<PrepError>()? {
        PrepError::Holes { .. } => {
            Some("`seedbed run` makes what is missing; --allow-holes leaves it out and says so")
        }
        PrepError::Raster(RasterError::Unlisted { .. }) => {
            Some("name the variable, as `bands[0].name` of the asset")
        }
        PrepError::Outside { .. } => Some("compare the area with `seedbed catalog describe`"),
        _ => None,
    }
}

/// The next step after an error of a library, where that says more than to try again.
pub fn next_step(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let again = error.downcast_ref::<StorageError>().is_some_and(StorageError::retryable);
        if let Some(hint) = hint_of_type(error).filter(|_| !again) {
            return Some(hint);
        }
        cause = error.source();
    }
    None
}

/// The next step, if some layer named one.
fn hint(error: &anyhow::Error) -> Option<&str> {
    error.chain().find_map(|cause| match cause.downcast_ref::<Failure>() {
        Some(failure) => failure.hint.as_deref().or_else(|| hint(&failure.error)),
        None => hint_of_type(cause),
    })
}

/// The messages from the outermost inwards, none that an earlier one already contains.
pub fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = without_secrets(&cause.to_string());
        if !text.is_empty() && !said.iter().any(|s| s.contains(&text)) {
            said.push(text);
        }
    }
    said
}

/// A message whose addresses have neither a password nor what they are signed with: where a local file is due, an address
/// is repeated as it was given.
fn without_secrets(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || "`'\"<>()[]{},;".contains(c);
    let shown = |part: &str| {
        let (address, end) = part.split_at(part.trim_end_matches(is_end).len());
        let hides =
            |address: &str| shown_text(address).contains("***@") || secret_parameter(address).is_some();
        if address.contains("://") && hides(address) {
            format!("{}{end}", shown_text(address))
        } else {
            part.to_owned()
        }
    };
    text.split_inclusive(is_end).map(shown).collect()
}

/// Prints `error: …`, its causes and `hint: …`.
pub fn print(error: &anyhow::Error, out: &mut dyn Write) -> io::Result<()> {
    let causes = causes(error);
    for (i, text) in causes.iter().enumerate() {
        let label = if i == 0 { "error" } else { "  caused by" };
        writeln!(out, "{label}: {}", text.trim_end())?;
    }
    if let Some(hint) = hint(error) {
        writeln!(out, "hint: {hint}")?;
    }
    Ok(())
}

/// The one line on stderr for a command whose report tells the rest, and the next step.
pub fn tell(what: impl fmt::Display, hint: &str) {
    // Nobody left to read stderr is no reason to stop.
    let what = without_secrets(&what.to_string());
    let _ = writeln!(crate::progress::Stderr, "error: {what}\nhint: {hint}");
}

/// The same as a JSON object.
pub fn as_json(command: &str, error: &anyhow::Error) -> serde_json::Value {
    let causes = causes(error);
    let message = causes.first().cloned().unwrap_or_default();
    let mut object = object(Some(command), &message, hint(error), kind(error).code());
    object["error"]["causes"] = causes.get(1..).unwrap_or_default().into();
    object
}

/// What `--json` prints of a command that came to no report.
pub fn object(command: Option<&str>, message: &str, hint: Option<&str>, exit_code: u8) -> serde_json::Value {
    serde_json::json!({
        "format_version": crate::report::FORMAT_VERSION,
        "command": command,
        "error": {"message": message, "causes": [], "hint": hint, "exit_code": exit_code}
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    fn printed(error: &anyhow::Error) -> String {
        let mut out = Vec::new();
        print(error, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn says_each_cause_once_and_ends_in_the_hint() {
        let inner: anyhow::Result<()> = Err(anyhow::anyhow!("no route to host"));
        let error = inner
            .context("example.org: no route to host")
            .or_hint("try again later")
            .context("cannot list the archive")
            .unwrap_err();
        assert_eq!(
            printed(&error),
            "error: cannot list the archive\n  caused by: example.org: no route to host\nhint: try again later\n"
        );
    }

    #[test]
    fn no_message_repeats_what_is_secret_in_an_address() {
        for (said, wanted) in [
            ("`https://h/x.tif?sv=1&sig=s3c` is no local file", "`https://h/x.tif` is no local file"),
            ("cannot read http://me:s3c@h/x.json", "cannot read http://***@h/x.json"),
            ("a.toml: https://h/x?sig=s3c: not found", "a.toml: https://h/x not found"),
            (
                "https://h/search?bbox=1,2&limit=3 answered 500",
                "https://h/search?bbox=1,2&limit=3 answered 500",
            ),
            ("+proj=lcc +lat_1=25; `x@2.tif`", "+proj=lcc +lat_1=25; `x@2.tif`"),
        ] {
            assert_eq!(printed(&anyhow::anyhow!(said.to_owned())), format!("error: {wanted}\n"));
        }
    }

    #[test]
    fn a_kind_survives_the_context_around_it() {
        let error = Err::<(), _>(usage("no such key")).context("seedbed.toml").unwrap_err();
        assert_eq!(kind(&error), Kind::Usage);
        assert_eq!(kind(&anyhow::anyhow!("a tile failed")), Kind::Work);
        let missing = io::Error::new(io::ErrorKind::NotFound, "gone");
        assert_eq!(kind(&anyhow::Error::new(missing).context("x.toml")), Kind::Usage);
    }
}
