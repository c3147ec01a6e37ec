//! From a location to all documents that it leads to.

use super::cover::Cover;
use super::family::{self, Above, Root};
use super::report::{Check, Name, Problem};
use super::{Validator, name_of};
use crate::document::{links, parse, text};
use crate::href::{absolute, resolve_href};
use crate::item_collection::document_at;
use crate::item_file::{ItemFile, Opened};
use crate::{CatalogError, document};
use futures::future::join_all;
use seedbed_storage::{Location, Stores};
use serde_json::Value;
use std::sync::Arc;

/// How many remote documents are read at once.
const AT_ONCE: usize = 16;

/// A document yet to be read.
struct Wanted {
    at: Location,
    /// The document and the link that lead to it.
    from: Option<(Arc<Name>, usize)>,
    above: Option<Arc<Above>>,
    is_item: bool,
}

impl Validator {
    /// Validates what is at a location: a catalog or collection with all below
    /// it, an item, or a file of items. Whatever is wrong, also that nothing can
    /// be read there, becomes part of the report. Ids are unique within a location:
    /// another one may hold the same catalog at another time.
    pub async fn add(&mut self, stores: &Stores, at: &Location) {
        self.ids.clear();
        let first = Wanted { at: document_at(stores, at).await, from: None, above: None, is_item: false };
        let mut wanted = self.first(stores, first).await;
        // Depth first, in the order of the links.
        while let Some(next) = wanted.pop() {
            let mut batch = vec![next];
            // Items have nothing below them, so several may be on their way at once.
            while batch.last().is_some_and(|w| w.is_item && !w.at.is_local())
                && wanted.last().is_some_and(|w| w.is_item)
                && batch.len() < AT_ONCE
            {
                batch.extend(wanted.pop());
            }
            batch.retain(|next| {
                let key = self.fingerprint([&absolute(&next.at).to_string(), "", ""]);
                self.seen.insert(key)
            });
            let bytes: Vec<Result<Vec<u8>, CatalogError>> = match &batch[..] {
                [Wanted { at: Location::Local(path), .. }] => {
                    let failed = |source| CatalogError::Io { action: "read", path: path.clone(), source };
                    vec![std::fs::read(path).map_err(failed)]
                }
                batch => join_all(batch.iter().map(|next| document::read_bytes(stores, &next.at))).await,
            };
            for (next, bytes) in batch.into_iter().zip(bytes) {
                match bytes.and_then(|bytes| parse(&bytes, &next.at)) {
                    Ok(document) => {
                        let below = self.document(&next, &document).await;
                        wanted.extend(below.into_iter().rev());
                    }
                    Err(error) => self.unreadable(&next, &error),
                }
            }
        }
    }

    /// What the location itself holds: one document, or a file of items; what it leads to.
    async fn first(&mut self, stores: &Stores, first: Wanted) -> Vec<Wanted> {
        let key = self.fingerprint([&absolute(&first.at).to_string(), "", ""]);
        if !self.seen.insert(key) {
            return Vec::new();
        }
        let mut below = Vec::new();
        match ItemFile::open(stores, &first.at).await {
            Ok(Opened::Tree(document)) => below = self.document(&first, &document).await,
            Ok(Opened::Items(mut items)) => {
                while let Some(document) = items.next_document() {
                    match document {
                        Ok((document, _)) => below.extend(self.document(&first, &document).await),
                        Err(error) => self.unreadable(&first, &error),
                    }
                }
            }
            Err(error) => self.unreadable(&first, &error),
        }
        below.reverse();
        below
    }

    /// A document that can't be read is the problem of the one that links to it.
    fn unreadable(&mut self, wanted: &Wanted, error: &CatalogError) {
        let cause = std::error::Error::source(error).map(|c| format!(": {c}")).unwrap_or_default();
        let message = format!("{error}{cause}");
        if let Some((name, link)) = &wanted.from {
            self.report.amend(name, Problem::new(Check::Link, format!("/links/{link}/href"), message));
        } else {
            let name = || Name { at: wanted.at.clone(), kind: None, id: None };
            self.report.add(name, vec![Problem::new(Check::Read, "", message)]);
        }
    }

    async fn document(&mut self, wanted: &Wanted, document: &Value) -> Vec<Wanted> {
        let at = &wanted.at;
        let mut problems = self.alone(document, at).await;
        let above = wanted.above.as_deref();
        self.unique(document, above, &mut problems);
        let cover = above.and_then(|above| above.collection.as_deref());
        if document["type"] == "Feature"
            && let Some((.., cover)) = cover
        {
            self.covers[*cover].look_at(document);
        }
        let below = self.follow(wanted, document, &mut problems);
        self.report.add(|| name_of(document, at), problems);
        below
    }

    /// Checks the links of a document; the documents they lead down to.
    fn follow(&mut self, wanted: &Wanted, document: &Value, problems: &mut Vec<Problem>) -> Vec<Wanted> {
        let at = &wanted.at;
        let mut below = Vec::new();
        // What all documents below share, made when there is one.
        let mut shared: Option<(Arc<Name>, Arc<Above>)> = None;
        for (n, link) in links(document).enumerate() {
            let (Some(rel), Some(href)) = (text(link, "rel"), text(link, "href")) else { continue };
            let Ok(target) = resolve_href(Some(at), href) else { continue };
            if matches!(rel, "child" | "item") {
                let (name, above) = shared.get_or_insert_with(|| {
                    let name = Arc::new(name_of(document, at));
                    let above = Arc::new(self.above(wanted, document, &name));
                    (name, above)
                });
                below.push(Wanted {
                    at: target,
                    from: Some((Arc::clone(name), n)),
                    above: Some(Arc::clone(above)),
                    is_item: rel == "item",
                });
                continue;
            }
            let right = family::check(link, n, &target, at, wanted.above.as_deref(), problems);
            if !right && !href.contains("://") && target.as_path().is_some_and(|path| !path.exists()) {
                let message = format!("`{rel}` leads to {target}, which isn't there");
                problems.push(Problem::new(Check::Link, format!("/links/{n}/href"), message));
            }
        }
        below
    }

    /// What the documents below one have above them.
    fn above(&mut self, wanted: &Wanted, document: &Value, name: &Name) -> Above {
        let inherited = wanted.above.as_deref();
        let root = match inherited {
            Some(above) => Arc::clone(&above.root),
            None => Arc::new(Root::of(document, &wanted.at)),
        };
        let collection = if document["type"] == "Collection" {
            self.covers.push(Cover::new(name.clone(), document));
            let id = name.id.clone().unwrap_or_default();
            Some(Arc::new((wanted.at.clone(), id, self.covers.len() - 1)))
        } else {
            inherited.and_then(|above| above.collection.clone())
        };
        Above { parent: wanted.at.clone(), root, collection }
    }

    /// An item's id is its own in its collection, and the collection the one it
    /// hangs under; a collection's id is its own in all that is read.
    fn unique(&mut self, document: &Value, above: Option<&Above>, problems: &mut Vec<Problem>) {
        let Some(id) = document["id"].as_str() else { return };
        let kind = document["type"].as_str().unwrap_or_default();
        let collection = match kind {
            "Feature" => document["collection"].as_str().unwrap_or_default(),
            "Collection" => "",
            _ => return,
        };
        if let Some((_, hangs_under, _)) = above.and_then(|above| above.collection.as_deref())
            && kind == "Feature"
            && hangs_under != collection
        {
            let message = format!("it hangs under the collection `{hangs_under}` but names `{collection}`");
            problems.push(Problem::new(Check::Id, "/collection", message));
        }
        let key = self.fingerprint([kind, collection, id]);
        if !self.ids.insert(key) {
            let whose = match (kind, collection) {
                ("Collection", _) => "another collection".to_owned(),
                (_, "") => "another item".to_owned(),
                (_, collection) => format!("another item of `{collection}`"),
            };
            problems.push(Problem::new(Check::Id, "/id", format!("`{id}` is also the id of {whose}")));
        }
    }
}
