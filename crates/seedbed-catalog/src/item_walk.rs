//! The items of a static catalog, one after another.

use crate::document::{links, parse, read_bytes, text};
use crate::href::{absolute, resolve_href};
use crate::tree::kind_of;
use crate::{CatalogError, Item};
use futures::future::join_all;
use seedbed_storage::{Location, Stores};
use serde_json::Value;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// How many remote documents are read at once.
const AT_ONCE: usize = 16;

struct Wanted {
    at: Location,
    from: Arc<Location>,
    is_item: bool,
}

/// Gives every item below a catalog or collection to `each`, in the order of the
/// links, until that wants no more. Each document is read once. The collections
/// met on the way, without their links, are the answer.
///
/// # Errors
/// [`CatalogError::Link`] naming the document that links to one that can't be
/// read; those of `each`.
pub async fn walk_items(
    stores: &Stores,
    at: &Location,
    document: Value,
    each: &mut (dyn FnMut(Item) -> Result<bool, CatalogError> + Send),
) -> Result<Vec<Value>, CatalogError> {
    if crate::search::is_api(&document) {
        return Err(CatalogError::NotStatic { at: at.to_string() });
    }
    let hasher = RandomState::new();
    let mut seen = HashSet::from([hasher.hash_one(absolute(at))]);
    let (mut wanted, mut collections) = (Vec::new(), Vec::new());
    below(at, &document, &mut wanted)?;
    keep(document, &mut collections);
    while let Some(next) = wanted.pop() {
        let mut batch = vec![next];
        // Items have nothing below them, so several may be on their way at once.
        while batch.last().is_some_and(|w| w.is_item && !w.at.is_local())
            && wanted.last().is_some_and(|w| w.is_item)
            && batch.len() < AT_ONCE
        {
            batch.extend(wanted.pop());
        }
        batch.retain(|next| seen.insert(hasher.hash_one(absolute(&next.at))));
        let bytes = match &batch[..] {
            [Wanted { at: Location::Local(path), .. }] => {
                let failed = |source| CatalogError::Io { action: "read", path: path.clone(), source };
                vec![std::fs::read(path).map_err(failed)]
            }
            batch => join_all(batch.iter().map(|next| read_bytes(stores, &next.at))).await,
        };
        for (next, bytes) in batch.into_iter().zip(bytes) {
            let found = bytes.and_then(|bytes| parse(&bytes, &next.at)).and_then(|document| {
                if next.is_item {
                    return Ok(Some(Item::from_value(document)?.in_own_document(next.at.clone())));
                }
                if kind_of(&document).is_none() {
                    let reason = "this is neither a STAC catalog nor a collection";
                    return Err(CatalogError::document(&next.at, reason));
                }
                below(&next.at, &document, &mut wanted)?;
                keep(document, &mut collections);
                Ok(None)
            });
            let found = found.map_err(|source| CatalogError::Link {
                from: Location::clone(&next.from),
                to: next.at.clone(),
                rel: if next.is_item { "item" } else { "child" }.to_owned(),
                source: Box::new(source),
            })?;
            if let Some(item) = found
                && !each(item)?
            {
                return Ok(collections);
            }
        }
    }
    Ok(collections)
}

/// Keeps a collection, if the document is one; its links lead nowhere from another place.
fn keep(mut document: Value, collections: &mut Vec<Value>) {
    if document["type"] == "Collection" {
        document["links"] = Value::Array(Vec::new());
        collections.push(document);
    }
}

/// The documents that one links down to, the first one last.
fn below(at: &Location, document: &Value, wanted: &mut Vec<Wanted>) -> Result<(), CatalogError> {
    let begin = wanted.len();
    let from = Arc::new(at.clone());
    for link in links(document) {
        let (Some(rel), Some(href)) = (text(link, "rel"), text(link, "href")) else { continue };
        if matches!(rel, "child" | "item") {
            let at = resolve_href(Some(at), href)?;
            wanted.push(Wanted { at, from: Arc::clone(&from), is_item: rel == "item" });
        }
    }
    wanted[begin..].reverse();
    Ok(())
}
