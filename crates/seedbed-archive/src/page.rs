//! The unit of a crawl: one request, and what its answer lists.

use crate::granule::{Granule, Rejected};
use crate::template::Captures;
use seedbed_storage::Checksum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What to ask next; all that another process needs to go on from here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The address, or the prefix of a store.
    pub at: String,
    /// Where a paging goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// What is sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Map<String, Value>>,
    /// Headers that a next link asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// What the folders up to here captured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: Captures,
    /// Folders or catalogs above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: usize,
    /// Pages of this paging before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub before: usize,
    /// Granules of this paging before this page.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub listed: usize,
    /// Pages without a granule just before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub empty: usize,
    /// The digest of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Step {
    pub(crate) fn at(address: impl Into<String>) -> Self {
        Self { at: address.into(), ..Self::default() }
    }

    /// What it asks for, as a short text: equal for steps that ask the same.
    pub(crate) fn identity(&self) -> String {
        digest(&(&self.at, &self.cursor, &self.body, &self.headers))
    }

    /// All of it as a short text: equal for steps whose pages may stand for each other.
    pub(crate) fn key(&self) -> String {
        digest(self)
    }

    /// How it is called in messages.
    pub(crate) fn shown(&self) -> String {
        if self.before == 0 { self.at.clone() } else { format!("{} (page {})", self.at, self.before + 1) }
    }

    /// The step after this one in a paging; where it leads is still to be said.
    pub(crate) fn following(&self, page: &Page, entries: usize) -> Self {
        let names: Vec<&str> = page.granules.iter().map(|g| g.name.as_str()).collect();
        Self {
            before: self.before + 1,
            listed: self.listed + entries,
            empty: if entries == 0 { self.empty + 1 } else { 0 },
            last: (!names.is_empty()).then(|| digest(&names)),
            cursor: None,
            ..self.clone()
        }
    }
}

/// 128 bits of SHA-256 of a value's JSON, in hex.
fn digest(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut hex = Checksum::of_bytes(&text).digest_hex();
    hex.truncate(32);
    hex
}

/// What one answer lists.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Page {
    /// The files, or items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granules: Vec<Granule>,
    /// What can't be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
    /// The page after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Step>,
    /// Folders or catalogs below this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<Step>,
    /// Addresses that were tried and lead nowhere.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: usize,
}

impl Page {
    pub(crate) fn reject(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.rejected.push(Rejected::new(name, reason));
    }

    /// Notes that a page or folder of the listing can't be had.
    pub(crate) fn lose(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.rejected.push(Rejected::listing(name, reason));
    }
}

/// What a server tells of a page, so that it can be asked whether it changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Validators {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
}

impl Validators {
    pub(crate) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.modified.is_none()
    }
}
