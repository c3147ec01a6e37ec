//! What uploads and transfers leave that were killed.

use crate::Location;
use crate::part::{PART, RECORD};
use std::time::{Duration, SystemTime};

/// What an upload or a transfer left that died: bytes that nobody will see under their name, and that take up room.
///
/// On a WebDAV server and a dCache that is a temporary file (`<name>.<16 hex digits>.tmp`), in an S3 bucket an open
/// multipart upload, of whatever program, or an object that the service was tried out with; in a folder of this machine
/// a `<name>.seedbed-part` that no transfer has locked, or a temporary file. What a symbolic link leads to is not
/// looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// The file; for an S3 upload, the object that it was to become.
    pub at: Location,
    /// For how long it has been there at least, without a change as far as that is told, by the store's own clock.
    pub age: Duration,
    /// How many bytes it takes up, where the store tells.
    pub bytes: Option<u64>,
    /// The open upload, on S3.
    pub(crate) upload: Option<String>,
}

/// Whether a name is one of those that files have here until they are whole (`<name>.<16 hex digits>.tmp`), or that of
/// a file to try a server out with.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    let digits =
        |text: &str| text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let beside = name.strip_suffix(".tmp").and_then(|n| n.rsplit_once('.'));
    let probe = name.trim_start_matches('.').strip_prefix("seedbed-probe-");
    beside.is_some_and(|(name, random)| !name.is_empty() && digits(random)) || probe.is_some_and(digits)
}

/// Whether a file of this name would be taken for one that a transfer left: see [`Abandoned`].
#[must_use]
pub fn is_left_behind(name: &str) -> bool {
    is_temporary(name) || name.ends_with(PART) || name.ends_with(RECORD)
}

/// The time from one moment to another, at least, where both are told in whole seconds, rounded down.
pub(crate) fn at_least(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default().saturating_sub(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_temporary_names_from_those_of_users() {
        let ours = crate::names::temporary("x.nc").unwrap();
        for name in [ours.as_str(), "a.0123456789abcdef.tmp", "seedbed-probe-0123456789abcdef"] {
            assert!(is_temporary(name), "{name}");
        }
        for name in ["x.tmp", ".0123456789abcdef.tmp", "x.0123456789ABCDEF.tmp", "x.0123456789abcdef", "x.nc"]
        {
            assert!(!is_temporary(name) && !is_left_behind(name), "{name}");
        }
        for name in [ours.as_str(), "x.nc.seedbed-part", "x.nc.seedbed-part.json", ".seedbed-part"] {
            assert!(is_left_behind(name), "{name}");
        }
    }
}
