//! Whether documents are valid STAC, and a tree hangs together. No network.
//!
//! * **Schemas**: the embedded core schemas of STAC 1.0.0 and 1.1.0; extension
//!   schemas from a folder, matched by `$id`. A schema that isn't at hand is
//!   named as unchecked, which is no failure.
//! * **Rules**: ids, order of times, boxes against geometries.
//! * **Links**: in local trees every relative link must lead to a file, and a
//!   child must name the document that links to it as its parent.

mod rules;
mod schemas;

use crate::document::{links, parse, read_bytes, text};
use crate::href::{absolute, resolve_href, same_place};
use crate::item_collection::entry;
use crate::{CatalogError, href};
use schemas::{Schemas, core_schema};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// What kind of check found a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// It can't be read or is no JSON.
    Read,
    /// A core or extension schema.
    Schema,
    /// Ids.
    Id,
    /// Times.
    Datetime,
    /// Boxes and geometries.
    Place,
    /// Links.
    Link,
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
    fn new(check: Check, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { check, path: path.into(), message: message.into(), schema: None }
    }
}

/// The verdict on one document.
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
    /// What is wrong; nothing if it is valid.
    pub problems: Vec<Problem>,
}

/// The verdict on all documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Documents without a problem.
    pub valid: usize,
    /// Documents with one.
    pub invalid: usize,
    /// All of them, in the order they were met.
    pub documents: Vec<Verdict>,
    /// Schemas that weren't at hand, and how many documents name each.
    pub unchecked: BTreeMap<String, usize>,
}

/// Validates documents against the schemas at hand.
pub struct Validator {
    schemas: Schemas,
    report: Report,
    /// Documents met, and the ids of each collection's items.
    seen: HashSet<Location>,
    ids: HashMap<(String, String), Location>,
}

/// A document yet to be read.
struct Wanted {
    at: Location,
    /// The verdict and the link that lead to it.
    from: Option<(usize, String)>,
    parent: Option<(Location, Option<String>)>,
}

impl Validator {
    /// With the core schemas and those of `folder`.
    ///
    /// # Errors
    /// [`CatalogError`] if the folder holds something that is no schema.
    pub fn new(folder: Option<&Path>) -> Result<Self, CatalogError> {
        Ok(Self {
            schemas: Schemas::load(folder)?,
            report: Report::default(),
            seen: HashSet::new(),
            ids: HashMap::new(),
        })
    }

    /// Validates what is at a location: a catalog or collection with all below
    /// it, an item, or a file of items. Whatever is wrong, also that nothing can
    /// be read there, becomes part of the report.
    pub async fn add(&mut self, stores: &Stores, at: &Location) {
        let mut wanted = vec![Wanted { at: entry(at), from: None, parent: None }];
        // Depth first, in the order of the links.
        while let Some(next) = wanted.pop() {
            if !self.seen.insert(absolute(&next.at)) {
                continue;
            }
            let read = read_bytes(stores, &next.at).await;
            let documents = read.and_then(|bytes| documents(&bytes, &next.at));
            match documents {
                Ok(documents) => {
                    for document in documents {
                        let below = self.document(&next, &document);
                        wanted.extend(below.into_iter().rev());
                    }
                }
                Err(error) => self.unreadable(&next, &error),
            }
        }
    }

    /// The verdict on all that was added.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.report.invalid = self.report.documents.iter().filter(|d| !d.problems.is_empty()).count();
        self.report.valid = self.report.documents.len() - self.report.invalid;
        self.report
    }

    /// A document that can't be read is the problem of the one that links to it.
    fn unreadable(&mut self, wanted: &Wanted, error: &CatalogError) {
        let cause = std::error::Error::source(error).map(|c| format!(": {c}")).unwrap_or_default();
        let message = format!("{error}{cause}");
        match &wanted.from {
            Some((verdict, path)) => {
                let problem = Problem::new(Check::Link, path, message);
                self.report.documents[*verdict].problems.push(problem);
            }
            None => self.report.documents.push(Verdict {
                location: wanted.at.clone(),
                kind: None,
                id: None,
                problems: vec![Problem::new(Check::Read, "", message)],
            }),
        }
    }

    fn document(&mut self, wanted: &Wanted, document: &Value) -> Vec<Wanted> {
        let mut problems = Vec::new();
        self.against_schemas(document, &mut problems);
        rules::check(document, &mut problems);
        let kind = document["type"].as_str();
        if kind == Some("Feature") {
            self.unique(wanted, document, &mut problems);
        }
        if let Some((parent, _)) = &wanted.parent {
            names_parent(document, &wanted.at, parent, &mut problems);
        }
        let verdict = self.report.documents.len();
        let mut below = Vec::new();
        for (n, link) in links(document).enumerate() {
            let (Some(rel), Some(link_href)) = (text(link, "rel"), text(link, "href")) else { continue };
            let path = format!("/links/{n}/href");
            let Ok(target) = resolve_href(Some(&wanted.at), link_href) else { continue };
            if matches!(rel, "child" | "item") {
                let id = (kind == Some("Collection"))
                    .then(|| document["id"].as_str().unwrap_or_default().to_owned());
                let inherited = wanted.parent.as_ref().and_then(|(_, collection)| collection.clone());
                below.push(Wanted {
                    at: target,
                    from: Some((verdict, path)),
                    parent: Some((wanted.at.clone(), id.or(inherited))),
                });
            } else if !link_href.contains("://") && target.as_path().is_some_and(|p| !p.exists()) {
                problems.push(Problem::new(
                    Check::Link,
                    path,
                    format!("`{rel}` leads to {target}, which isn't there"),
                ));
            }
        }
        self.report.documents.push(Verdict {
            location: wanted.at.clone(),
            kind: kind.map(str::to_owned),
            id: document["id"].as_str().map(str::to_owned),
            problems,
        });
        below
    }

    fn against_schemas(&mut self, document: &Value, problems: &mut Vec<Problem>) {
        let Some(core) = core_schema(document) else {
            let message = "this is no STAC document: `type` or `stac_version` is missing or unknown";
            problems.push(Problem::new(Check::Schema, "", message));
            return;
        };
        let extensions = document["stac_extensions"].as_array().into_iter().flatten();
        let extensions = extensions.filter_map(|e| e.as_str().map(str::to_owned));
        for schema in std::iter::once(core).chain(extensions) {
            match self.schemas.check(&schema, document) {
                None => *self.report.unchecked.entry(schema).or_default() += 1,
                Some(breaches) => problems.extend(breaches.into_iter().map(|b| Problem {
                    check: Check::Schema,
                    path: b.path,
                    message: b.message,
                    schema: Some(schema.clone()),
                })),
            }
        }
    }

    /// An item's id is its own in its collection, and the collection the one it hangs under.
    fn unique(&mut self, wanted: &Wanted, document: &Value, problems: &mut Vec<Problem>) {
        let id = document["id"].as_str().unwrap_or_default().to_owned();
        let collection = document["collection"].as_str().unwrap_or_default().to_owned();
        if let Some((_, Some(above))) = &wanted.parent
            && *above != collection
        {
            let message = format!("it hangs under the collection `{above}` but names `{collection}`");
            problems.push(Problem::new(Check::Id, "/collection", message));
        }
        if let Some(other) = self.ids.insert((collection, id.clone()), wanted.at.clone()) {
            let message = format!("`{id}` is also the id of an item in {other}");
            problems.push(Problem::new(Check::Id, "/id", message));
        }
    }
}

/// A document that is linked to must name the linking one as its parent, if it names any.
fn names_parent(document: &Value, at: &Location, parent: &Location, problems: &mut Vec<Problem>) {
    for (n, link) in links(document).enumerate() {
        if text(link, "rel") != Some("parent") {
            continue;
        }
        let named = text(link, "href").and_then(|h| href::resolve_href(Some(at), h).ok());
        if named.is_some_and(|named| named.is_local() && parent.is_local() && !same_place(&named, parent)) {
            let message = format!("`parent` isn't {parent}, which links to this document");
            problems.push(Problem::new(Check::Link, format!("/links/{n}/href"), message));
        }
    }
}

/// The documents in a file: itself, or the items of a collection of items.
fn documents(bytes: &[u8], at: &Location) -> Result<Vec<Value>, CatalogError> {
    let mut document = match parse(bytes, at) {
        Ok(document) => document,
        Err(error) => {
            let lines = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
            let all: Option<Vec<Value>> = lines.map(Result::ok).collect();
            return all.filter(|all| all.len() > 1 && all.iter().all(Value::is_object)).ok_or(error);
        }
    };
    if document["type"] == "FeatureCollection"
        && let Some(features) = document["features"].as_array_mut()
    {
        return Ok(std::mem::take(features));
    }
    Ok(vec![document])
}
