//! One file at the archive, as its listing tells of it.

use seedbed_storage::Checksum;
use serde::Serialize;
use serde_json::Value;

/// A file (or, from a STAC API, an item) that a source lists.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Granule {
    /// The file's name, or the item's id.
    pub(crate) name: String,
    /// Where the file is; empty for an item.
    pub(crate) href: String,
    /// Its size in bytes, only where the archive tells it exactly.
    pub(crate) size: Option<u64>,
    /// Its checksum, where the archive tells one.
    pub(crate) checksum: Option<Checksum>,
    /// Where a file with its SHA-256 is.
    pub(crate) checksum_href: Option<String>,
    /// When it was changed, as an RFC 3339 instant.
    pub(crate) updated: Option<String>,
    /// When it was changed, as a listing writes it: without seconds or time zone.
    pub(crate) listed_date: Option<String>,
    /// Where the same file is in a bucket.
    pub(crate) s3: Option<String>,
    /// The item, if the archive has items.
    pub(crate) item: Option<Value>,
}

/// Something an archive listed that could not become part of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rejected {
    /// The granule's name, or the address of an answer that made no sense.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl Rejected {
    pub(crate) fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

/// What a source found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) granules: Vec<Granule>,
    pub(crate) rejected: Vec<Rejected>,
}

impl Found {
    pub(crate) fn reject(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.rejected.push(Rejected::new(name, reason));
    }

    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.granules.append(&mut other.granules);
        self.rejected.append(&mut other.rejected);
    }
}

/// The beginning of a text that is not what it should be, for a message.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(&body[..body.len().min(200)])
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let short: String = text.chars().take(60).collect();
    if short.is_empty() { "nothing".to_owned() } else { format!("`{short}`") }
}
