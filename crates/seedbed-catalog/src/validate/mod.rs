//! Whether documents are valid STAC, and a tree hangs together.
//!
//! * **Schemas**: the embedded core schemas of STAC 1.0.0 and 1.1.0; extension
//!   schemas from a folder, matched by `$id`, else from a cache that is filled
//!   on first use. A schema that can't be had is named as unchecked, once, which
//!   is no failure.
//! * **Rules**: ids, times, addresses, boxes against geometries.
//! * **Links**: in local trees every relative link must lead to a file; root,
//!   parent, collection and self must be what they say; ids are unique; a
//!   collection's extent covers its items.

mod cache;
mod cover;
mod family;
mod memo;
mod place;
mod report;
mod rules;
mod schemas;
mod walk;

pub use cache::{Fetch, SchemaCache};
pub use report::{Check, Problem, Report, Unchecked, Verdict};

use crate::CatalogError;
use cover::Cover;
use report::Name;
use schemas::{Schemas, core_schema};
use seedbed_storage::Location;
use serde_json::Value;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

/// Validates documents against the schemas at hand, in memory that does not
/// grow with the size of the valid ones.
pub struct Validator {
    schemas: Schemas,
    report: Report,
    /// Documents met, and the ids of each collection's items at the location at hand, as fingerprints.
    seen: HashSet<u128>,
    ids: HashSet<u128>,
    fingerprint: [RandomState; 2],
    covers: Vec<Cover>,
}

impl Validator {
    /// With the core schemas and those of `folder`, offline.
    ///
    /// # Errors
    /// [`CatalogError`] if the folder holds something that is no schema.
    pub fn new(folder: Option<&Path>) -> Result<Self, CatalogError> {
        Self::with_cache(folder, SchemaCache::none())
    }

    /// With the core schemas, those of `folder`, and others from `cache`.
    ///
    /// # Errors
    /// As [`Validator::new`].
    pub fn with_cache(folder: Option<&Path>, cache: SchemaCache) -> Result<Self, CatalogError> {
        Ok(Self {
            schemas: Schemas::load(folder, cache)?,
            report: Report::default(),
            seen: HashSet::new(),
            ids: HashSet::new(),
            fingerprint: [RandomState::new(), RandomState::new()],
            covers: Vec::new(),
        })
    }

    /// The verdict on all that was added.
    #[must_use]
    pub fn finish(mut self) -> Report {
        for cover in &self.covers {
            for problem in cover.problems() {
                self.report.amend(cover.name(), problem);
            }
        }
        if let Some(why) = self.schemas.unkept() {
            self.report.notes.push(format!("schemas that were fetched could not be kept: {why}"));
        }
        self.report
    }

    /// What is wrong with one document by itself.
    async fn alone(&mut self, document: &Value, at: &Location) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.against_schemas(document, &mut problems).await;
        rules::check(document, at, &mut problems);
        problems
    }

    async fn against_schemas(&mut self, document: &Value, problems: &mut Vec<Problem>) {
        let Some(core) = core_schema(document) else {
            let message = "this is no STAC document: `type` or `stac_version` is missing or unknown";
            problems.push(Problem::new(Check::Schema, "", message));
            return;
        };
        let extensions = document["stac_extensions"].as_array().into_iter().flatten();
        for id in std::iter::once(core.as_str()).chain(extensions.filter_map(Value::as_str)) {
            if !self.schemas.is_prepared(id) {
                self.schemas.prepare(id).await;
            }
            match self.schemas.check(id, document) {
                Some(breaches) => problems.extend(breaches.into_iter().map(|b| Problem {
                    check: Check::Schema,
                    path: b.path,
                    message: b.message,
                    schema: Some(id.to_owned()),
                })),
                None => {
                    if let Some(known) = self.report.unchecked.get_mut(id) {
                        known.documents += 1;
                    } else {
                        let reason = self.schemas.trouble(id).unwrap_or_default().to_owned();
                        self.report.unchecked.insert(id.to_owned(), Unchecked { documents: 1, reason });
                    }
                }
            }
        }
    }

    /// A number that stands for a text, by which it can be told whether it was met before.
    fn fingerprint(&self, parts: [&str; 3]) -> u128 {
        let [a, b] = &self.fingerprint;
        u128::from(a.hash_one(parts)) << 64 | u128::from(b.hash_one(parts))
    }
}

fn name_of(document: &Value, at: &Location) -> Name {
    let field = |name: &str| document[name].as_str().map(str::to_owned);
    Name { at: at.clone(), kind: field("type"), id: field("id") }
}
