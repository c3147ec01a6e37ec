//! One file at the archive, as its listing tells of it.

use crate::outline::Outline;
use crate::template::Captures;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A file (or, from a STAC API, an item) that a source lists.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Granule {
    /// The file's name, or the item's id.
    pub name: String,
    /// Where the file is; empty for an item.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub href: String,
    /// Its size in bytes, only where the archive tells it exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its checksum as a multihash, where the archive tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Its checksum by POSIX `cksum`, for which there is no multihash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cksum: Option<u32>,
    /// Where a file with its SHA-256 is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_href: Option<String>,
    /// When it was changed, as an RFC 3339 instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// When it was changed, as a listing writes it: without seconds or time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_date: Option<String>,
    /// Where the same file is in a bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<String>,
    /// Begin and end, as RFC 3339 instants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<(String, String)>,
    /// Where on Earth it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<Outline>,
    /// Longitudes and latitudes of the corners that its sidecar tells, to be held against its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corners: Vec<(f64, f64)>,
    /// What the listing tells beside the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: Captures,
    /// The item, if the archive has items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Value>,
    /// Why nothing can be read there, though it is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// Something an archive listed that could not become part of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rejected {
    /// The granule's name, or the address of an answer that made no sense.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Whether it is a page or folder of the listing: nobody knows how many granules it would have told of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listing: bool,
}

impl Rejected {
    pub(crate) fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into(), listing: false }
    }

    /// A part of the listing itself.
    pub(crate) fn listing(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { listing: true, ..Self::new(name, reason) }
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
