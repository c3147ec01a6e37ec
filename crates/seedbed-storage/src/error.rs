//! What can go wrong with bytes, sorted by what the caller can do.

use crate::Content;
use crate::location::LocationError;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A failed operation of a store. Addresses are shown without user and query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// There is nothing at this location.
    #[error("{at}: not found")]
    NotFound {
        /// Where.
        at: String,
    },
    /// The server wants a credential, or refuses ours.
    #[error("{at}: access denied (HTTP {status}){}", .hint.map(|hint| format!("; {hint}")).unwrap_or_default())]
    Denied {
        /// Where.
        at: String,
        /// 401 or 403.
        status: u16,
        /// Why a credential that there is was not shown, if there is one.
        hint: Option<&'static str>,
    },
    /// The server answered with an error.
    #[error("{at}: the server answered HTTP {status}{}", said(.excerpt.as_deref()))]
    Status {
        /// Where.
        at: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said, if that was a short text.
        excerpt: Option<String>,
    },
    /// The server wants us to wait longer than the settings allow.
    #[error("{at}: HTTP {status}, and asks to wait {} s before trying again", .wait.as_secs())]
    Wait {
        /// Where.
        at: String,
        /// The HTTP status.
        status: u16,
        /// How long.
        wait: Duration,
    },
    /// A file took longer than the settings allow.
    #[error("{at}: not here after {} s, as long as one file may take", .longest.as_secs_f64())]
    Slow {
        /// Where.
        at: String,
        /// How long it may take.
        longest: Duration,
    },
    /// A source broke off on the way to a remote store, and tells no version by which its rest could be known.
    #[error(
        "{at}: broke off, and has neither an entity tag nor a date, older than a second, by which to go on"
    )]
    Unversioned {
        /// Where.
        at: String,
        /// How it broke off.
        #[source]
        source: Box<StorageError>,
    },
    /// The server could not be reached, or the connection broke.
    #[error("{at}: {what}")]
    Network {
        /// Where.
        at: String,
        /// What failed.
        what: &'static str,
        /// Whether another attempt may help.
        retryable: bool,
        /// Why.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// Every attempt failed.
    #[error("{at}: gave up after {attempts} attempts")]
    GaveUp {
        /// Where.
        at: String,
        /// How many requests were made.
        attempts: u32,
        /// How the last one failed.
        #[source]
        source: Box<StorageError>,
    },
    /// A redirect that is not followed.
    #[error("{at}: {what}")]
    Redirect {
        /// The address that redirects.
        at: String,
        /// Why it is not followed.
        what: String,
    },
    /// An answer that breaks the protocol.
    #[error("{at}: {what}")]
    Protocol {
        /// Where.
        at: String,
        /// What is wrong with it.
        what: String,
    },
    /// Larger than what may be held in memory.
    #[error("{at}: larger than {limit} bytes")]
    TooLarge {
        /// Where.
        at: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not as many bytes as expected.
    #[error("{at}: {found} bytes, {expected} expected")]
    Size {
        /// Where the bytes came from.
        at: String,
        /// The size expected.
        expected: u64,
        /// The size found.
        found: u64,
    },
    /// Other bytes than expected.
    #[error("{at}: checksum {found}, {expected} expected")]
    Checksum {
        /// Where the bytes came from.
        at: String,
        /// The multihash expected.
        expected: String,
        /// The multihash found.
        found: String,
    },
    /// Bytes of another kind, such as a page that says no.
    #[error("{at}: not {expected}{}", said(.excerpt.as_deref()))]
    Content {
        /// Where the bytes came from.
        at: String,
        /// The kind expected.
        expected: Content,
        /// The beginning of what came, if it is text.
        excerpt: Option<String>,
    },
    /// The source was another one by the end than at the start.
    #[error("{at}: changed while it was read")]
    Changed {
        /// The source.
        at: String,
    },
    /// A server could not fetch a file from another one by itself.
    #[error("{at}: its server could not fetch the file from {from}: {said}")]
    Fetch {
        /// The destination.
        at: String,
        /// The source.
        from: String,
        /// What the server said of it.
        said: String,
        /// Whether another attempt may help.
        retryable: bool,
    },
    /// Files on tape that could not be brought to disk.
    #[error("{at}: {} of {total} files could not be staged: {}", .files.len(), first(.files))]
    Unstaged {
        /// The interface that was asked.
        at: String,
        /// How many files were asked for.
        total: usize,
        /// The path of each such file, and why.
        files: Vec<(String, String)>,
    },
    /// A file that can't be read, since it is on tape alone.
    #[error("{at}: it is on tape (NEARLINE); copy it with --stage")]
    OnTape {
        /// The file.
        at: String,
        /// How reading it failed.
        #[source]
        source: Box<StorageError>,
    },
    /// Something else is at the destination already; it was not touched.
    #[error("{at}: already there, and not the same: {what}")]
    Occupied {
        /// The destination.
        at: String,
        /// How it differs.
        what: String,
    },
    /// No room is left, or a quota is used up.
    #[error("{at}: no room left on the device")]
    Full {
        /// The file that was written.
        at: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// Transfers have read as much as they may.
    #[error("{at}: stopped, since more than {limit} bytes would be transferred")]
    Limit {
        /// The source that was being read.
        at: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// No room is left in a remote store, or a quota is used up.
    #[error("{at}: no room left in the store (HTTP 507)")]
    NoRoom {
        /// The file that was written.
        at: String,
    },
    /// A part was asked for that begins behind the file's end.
    #[error("{at}: nothing is at byte {start}{}", sized(*.size))]
    Range {
        /// The file.
        at: String,
        /// The first byte that was asked for.
        start: u64,
        /// The file's size, where that is told.
        size: Option<u64>,
    },
    /// A cursor of a listing that is none of this store's.
    #[error("{at}: the place where the listing is to go on is none of this store's")]
    Cursor {
        /// The folder that was to be listed.
        at: String,
    },
    /// What a store is lent for a while, such as temporary keys, could not be had.
    #[error("[{store}]: no credential from {at}")]
    Credential {
        /// The store.
        store: String,
        /// Where it was asked for.
        at: String,
        /// Why; the same for all that waited for it.
        #[source]
        source: Arc<StorageError>,
    },
    /// A variable, a profile or a file that says how to reach a store is missing or wrong.
    #[error("{at}: {what}")]
    Configuration {
        /// The variable, file or location.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// The file system failed.
    #[error("{at}: cannot {operation}")]
    Io {
        /// The path.
        at: String,
        /// What was attempted.
        operation: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// This kind of location can't do that.
    #[error("{at}: `{scheme}` locations {what}")]
    Unsupported {
        /// Where.
        at: String,
        /// The location's scheme.
        scheme: String,
        /// What they can't do.
        what: &'static str,
    },
    /// A request that can't be sent, such as one with a header that is none.
    #[error("{at}: {what}")]
    Request {
        /// Where it was to go.
        at: String,
        /// What is wrong with it.
        what: String,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up {what}")]
    Setup {
        /// Which part.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No location.
    #[error(transparent)]
    Location(#[from] LocationError),
}

impl StorageError {
    /// Whether the same operation may succeed later with nothing changed on our side.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 423 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Network { retryable, .. } | Self::Fetch { retryable, .. } => *retryable,
            Self::Wait { .. } | Self::Slow { .. } | Self::Changed { .. } => true,
            Self::GaveUp { source, .. } | Self::Unversioned { source, .. } => source.retryable(),
            Self::Credential { source, .. } => source.retryable(),
            _ => false,
        }
    }

    /// The HTTP status that the server answered with, if that is the failure.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Denied { status, .. } | Self::Status { status, .. } | Self::Wait { status, .. } => {
                Some(*status)
            }
            Self::GaveUp { source, .. } | Self::OnTape { source, .. } => source.status(),
            _ => None,
        }
    }

    /// Whether no room is left at the destination, or a quota is used up: writing anything else there fails, too.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.root(), Self::Full { .. } | Self::NoRoom { .. } | Self::Status { status: 507, .. })
    }

    /// Whether transfers have read as much as [`crate::Settings::max_transfer`] allows: any further one fails, too.
    #[must_use]
    pub fn is_over_limit(&self) -> bool {
        matches!(self.root(), Self::Limit { .. })
    }

    /// Whether reading may have failed since the file is on tape: a door that may not stage it refuses, and one that
    /// does so by itself keeps silent meanwhile.
    pub(crate) fn may_be_of_tape(&self) -> bool {
        match self.root() {
            Self::Denied { status: 403, .. } | Self::Slow { .. } => true,
            Self::Network { what, .. } => *what == crate::http::SILENT,
            _ => false,
        }
    }

    /// The failure that ended the attempts.
    fn root(&self) -> &Self {
        match self {
            Self::GaveUp { source, .. } | Self::Unversioned { source, .. } | Self::OnTape { source, .. } => {
                source.root()
            }
            error => error,
        }
    }

    /// Whether a proxy or a disk may have spoilt the bytes on the way, so that reading once more gives others.
    pub(crate) fn spoilt(&self) -> bool {
        matches!(self, Self::Checksum { .. } | Self::Content { excerpt: None, .. })
    }

    /// Whether there is nothing at the location.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// A file system's failure in our terms.
    pub(crate) fn io(at: &std::path::Path, operation: &'static str, source: io::Error) -> Self {
        let at = at.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { at },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { at, source },
            _ => Self::Io { at, operation, source },
        }
    }
}

fn sized(size: Option<u64>) -> String {
    size.map(|size| format!(" of {size}")).unwrap_or_default()
}

/// The first files of a list, each with its reason.
fn first(files: &[(String, String)]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = files.iter().take(SHOWN).map(|(path, why)| format!("{path} ({why})")).collect();
    let more = files.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &rest
}

fn said(excerpt: Option<&str>) -> String {
    excerpt.map(|text| format!(": {text:?}")).unwrap_or_default()
}

/// The beginning of a body, on one line, if it is text.
pub(crate) fn excerpt(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 200;
    let head = &body[..body.len().min(4 * LONGEST)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character cut in two at the end is no sign of binary.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&head[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(LONGEST).collect();
    let more = if short.len() < line.len() { "…" } else { "" };
    (!short.is_empty()).then(|| format!("{short}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn tells_a_full_disk_and_a_used_up_limit_from_other_failures() {
        let at = || "x".to_owned();
        let gave_up = |source| StorageError::GaveUp { at: at(), attempts: 2, source: Box::new(source) };
        let io = |kind: io::ErrorKind| StorageError::io(Path::new("x"), "write it", kind.into());
        for (error, full, over) in [
            (io(io::ErrorKind::StorageFull), true, false),
            (io(io::ErrorKind::QuotaExceeded), true, false),
            (io(io::ErrorKind::FileTooLarge), false, false),
            (StorageError::NoRoom { at: at() }, true, false),
            (gave_up(StorageError::NoRoom { at: at() }), true, false),
            (StorageError::Status { at: at(), status: 500, excerpt: None }, false, false),
            (StorageError::Limit { at: at(), limit: 1 }, false, true),
            (gave_up(StorageError::Limit { at: at(), limit: 1 }), false, true),
        ] {
            assert_eq!((error.is_full(), error.is_over_limit()), (full, over), "{error}");
        }
    }
}
