//! Answers that go wrong on purpose.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

/// How an answer goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// This status instead of the answer; 429 and 503 come with `Retry-After`.
    Status(u16),
    /// The length is announced and the connection breaks off half-way.
    Truncate,
    /// No length is announced and the body ends cleanly half-way: only a size or checksum known
    /// from elsewhere can tell.
    Short,
    /// A web page, with status 200.
    Html,
    /// The body comes in drops, 64 KiB every 50 ms.
    Slow,
    /// The body stops half-way and the connection stays open.
    Stall,
    /// One byte in the middle is changed.
    Corrupt,
    /// The entity tag differs at each request.
    Etag,
    /// Ranges are ignored: the whole body, with status 200.
    Norange,
}

/// A fault as it stands in a path: `/fault/<kind>[x<times>][@data]/…`.
///
/// Kinds: a status (`503`, `429`, `404`, …), `truncate`, `short`, `html`, `slow`, `stall`,
/// `corrupt`, `etag`, `norange`. With `x2` it strikes the first two requests for each path, and
/// otherwise every one. With `@data` it spares documents and strikes data files alone.
///
/// ```
/// use seedbed_fixture::serve::Fault;
///
/// let fault: Fault = "503x2@data".parse()?;
/// assert_eq!(fault.times, Some(2));
/// assert!(fault.data_only);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// How the answer goes wrong.
    pub kind: Kind,
    /// How many requests for a path it strikes; all of them if `None`.
    pub times: Option<u32>,
    /// Whether documents are spared.
    pub data_only: bool,
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (rest, data_only) = text.strip_suffix("@data").map_or((text, false), |rest| (rest, true));
        let counted = rest.rsplit_once('x').and_then(|(kind, count)| Some((kind, count.parse().ok()?)));
        let (kind, times) = counted.map_or((rest, None), |(kind, count)| (kind, Some(count)));
        let kind = match kind {
            "truncate" => Kind::Truncate,
            "short" => Kind::Short,
            "html" => Kind::Html,
            "slow" => Kind::Slow,
            "stall" => Kind::Stall,
            "corrupt" => Kind::Corrupt,
            "etag" => Kind::Etag,
            "norange" => Kind::Norange,
            status => match status.parse() {
                Ok(code @ 400..=599) => Kind::Status(code),
                _ => bail!(
                    "there is no fault `{status}`; there are truncate, short, html, slow, stall, corrupt, \
                     etag, norange and the statuses 400 to 599"
                ),
            },
        };
        Ok(Self { kind, times, data_only })
    }
}

/// How often each fault has struck each path.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<HashMap<(Fault, String), u32>>);

impl Counts {
    /// Whether the fault strikes this request, which is counted.
    pub(super) fn strikes(&self, fault: Fault, path: &str, is_data: bool) -> bool {
        if fault.data_only && !is_data {
            return false;
        }
        let Some(times) = fault.times else { return true };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((fault, path.to_owned())).or_default();
        *count += 1;
        *count <= times
    }

    pub(super) fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_kinds_counts_and_scope() {
        let fault = |text: &str| text.parse::<Fault>().unwrap();
        assert_eq!(fault("503x2").kind, Kind::Status(503));
        assert_eq!(fault("truncatex1@data"), Fault { kind: Kind::Truncate, times: Some(1), data_only: true });
        assert_eq!(fault("html").times, None);
        assert!("200".parse::<Fault>().is_err());
        assert!("truncat".parse::<Fault>().is_err());
    }

    #[test]
    fn a_counted_fault_strikes_each_path_so_often_and_spares_documents_if_told() {
        let counts = Counts::default();
        let fault: Fault = "500x1@data".parse().unwrap();
        assert!(counts.strikes(fault, "/a", true));
        assert!(!counts.strikes(fault, "/a", true));
        assert!(counts.strikes(fault, "/b", true));
        assert!(!counts.strikes(fault, "/c", false));
    }
}
