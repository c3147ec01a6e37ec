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
    /// 429 with a date in `Retry-After`, a second from now.
    Later,
    /// The connection is reset half-way.
    Reset,
    /// Every page of a listing comes twice, under two cursors.
    Repeat,
    /// The second page of a listing leads back to the first; a folder contains itself.
    Loop,
    /// Empty pages with ever new cursors follow the last one; a folder has folders without end.
    Endless,
    /// Every tenth granule of a listing is listed twice.
    Duplicates,
    /// Every tenth granule's name can't be read.
    Names,
    /// Every tenth granule's dates don't exist.
    Dates,
    /// The number of hits that is told isn't that of the granules.
    Hits,
}

/// Whether a fault of single granules strikes the `k`-th of a listing: every tenth from the fourth.
#[must_use]
pub fn struck(k: u64) -> bool {
    k % 10 == 3
}

/// How many of `count` granules such a fault strikes.
#[must_use]
pub fn strikes_of(count: usize) -> usize {
    (count + 6) / 10
}

/// A fault as it stands in a path: `/fault/<kind>[x<times>][@data]/…`.
///
/// Kinds: a status (`503`, `429`, `404`, …), `truncate`, `short`, `html`, `slow`, `stall`,
/// `corrupt`, `etag`, `norange`, `reset`, and `429-date`; of listings `repeat`, `loop`, `endless`,
/// `duplicates`, `names`, `dates`, `hits`. With `x2` it strikes the first two requests for each path, and
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
            "429-date" => Kind::Later,
            "reset" => Kind::Reset,
            "repeat" => Kind::Repeat,
            "loop" => Kind::Loop,
            "endless" => Kind::Endless,
            "duplicates" => Kind::Duplicates,
            "names" => Kind::Names,
            "dates" => Kind::Dates,
            "hits" => Kind::Hits,
            status => match status.parse() {
                Ok(code @ 400..=599) => Kind::Status(code),
                _ => bail!(
                    "there is no fault `{status}`; there are truncate, short, html, slow, stall, corrupt, \
                     etag, norange, 429-date, reset, repeat, loop, endless, duplicates, names, dates, hits \
                     and the statuses 400 to 599"
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
    fn the_count_of_struck_granules_is_that_of_those_struck() {
        for count in 0..50 {
            assert_eq!((0..count as u64).filter(|&k| struck(k)).count(), strikes_of(count));
        }
    }

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
