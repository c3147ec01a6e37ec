//! What was found: counts, the documents that are wrong, the schemas that weren't at hand.

use seedbed_storage::Location;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Invalid documents that are told in full; beyond that they are only counted.
const MOST: usize = 10_000;

/// What kind of check found a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// It can't be read or is no JSON.
    Read,
    /// A core or extension schema.
    Schema,
    /// The names of extensions.
    Extension,
    /// Ids.
    Id,
    /// Times.
    Datetime,
    /// Boxes and geometries.
    Place,
    /// Links, and how documents hang together.
    Link,
    /// Addresses of links and assets.
    Href,
}

/// One thing wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What found it.
    pub check: Check,
    /// JSON pointer (RFC 6901) into the document; empty for the whole of it.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// The schema that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

impl Problem {
    pub(super) fn new(check: Check, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { check, path: path.into(), message: message.into(), schema: None }
    }
}

/// The verdict on an invalid document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Where it is.
    pub location: Location,
    /// Its `type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// A schema that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Unchecked {
    /// How many documents name it.
    pub documents: usize,
    /// Why it couldn't be had.
    pub reason: String,
}

/// The verdict on all documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Documents without a problem.
    pub valid: usize,
    /// Documents with one.
    pub invalid: usize,
    /// The invalid ones, in the order they were found to be; the first 10,000.
    pub documents: Vec<Verdict>,
    /// Schemas that couldn't be had.
    pub unchecked: BTreeMap<String, Unchecked>,
    /// What else is worth knowing, such as a cache that can't be written.
    pub notes: Vec<String>,
    /// Where each is in `documents`.
    #[serde(skip)]
    places: HashMap<(Location, String), usize>,
}

/// Which document.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub at: Location,
    pub kind: Option<String>,
    pub id: Option<String>,
}

impl Report {
    /// Counts a document that was read, and tells what is wrong with it.
    pub(super) fn add(&mut self, name: impl FnOnce() -> Name, problems: Vec<Problem>) {
        if problems.is_empty() {
            self.valid += 1;
            return;
        }
        self.invalid += 1;
        self.tell(name(), problems);
    }

    /// Something wrong with a document that was counted before.
    pub(super) fn amend(&mut self, name: &Name, problem: Problem) {
        let key = (name.at.clone(), name.id.clone().unwrap_or_default());
        if let Some(place) = self.places.get(&key) {
            self.documents[*place].problems.push(problem);
            return;
        }
        // Beyond those that are told one by one it may be counted already.
        if self.documents.len() < MOST {
            self.valid = self.valid.saturating_sub(1);
            self.invalid += 1;
        }
        self.tell(name.clone(), vec![problem]);
    }

    fn tell(&mut self, name: Name, problems: Vec<Problem>) {
        if self.documents.len() >= MOST {
            return;
        }
        let key = (name.at.clone(), name.id.clone().unwrap_or_default());
        self.places.insert(key, self.documents.len());
        self.documents.push(Verdict { location: name.at, kind: name.kind, id: name.id, problems });
    }
}
