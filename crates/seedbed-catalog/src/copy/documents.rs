//! The documents that a copy updates, asset by asset, while others may do the same.

use super::execute::Arrived;
use super::plan::{BACK, Use};
use super::record::{Copied, record_copy};
use crate::disk::hold;
use crate::document::{parse, to_bytes};
use crate::href::copy_href;
use crate::links::tree_of;
use crate::{CatalogError, Item};
use seedbed_storage::{Location, Meta, Stores};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long others are given to finish what they are writing.
pub const PAUSE: Duration = Duration::from_secs(1);

/// How often a document in a store is looked at again at the end.
const SETTLING: usize = 3;

/// The documents to update, each by one task at a time.
/// They stand in the order of the plan's items.
pub struct Documents(Vec<Option<Mutex<Document>>>);

struct Document {
    item: Item,
    at: Location,
    root: Location,
    /// Keys of the assets that were copied.
    recorded: Vec<String>,
}

impl Documents {
    /// The documents of a plan's items.
    pub fn of(items: Vec<Item>) -> Self {
        let documents = items.into_iter().map(|item| {
            let at = item.location()?.clone();
            let root = tree_of(&item, &at);
            Some(Mutex::new(Document { item, at, root, recorded: Vec::new() }))
        });
        Self(documents.collect())
    }

    /// Says in an item's document that one of its assets was copied.
    pub async fn record(
        &self,
        stores: &Stores,
        used: &Use,
        to: &Location,
        arrived: &Arrived,
    ) -> Result<(), CatalogError> {
        let Some(Some(document)) = self.0.get(used.index) else {
            return Err(CatalogError::document(&used.item, "the item has no document"));
        };
        let mut document = document.lock().await;
        let href = copy_href(to, &document.at, &document.root);
        // Another copy may be at work on the same item, and have written more of it.
        let held = hold(&document.at).await;
        if document.at.as_path().is_some_and(|path| !path.exists()) {
            let what = "the item's document isn't where it was when the copy began";
            return Err(CatalogError::overtaken(&document.at, what));
        }
        let Arrived { size, checksum, files, version } = arrived;
        let copied = Copied { href: &href, size: *size, checksum, files: *files, version };
        let item = loop {
            let stands = if held.is_some() || !document.at.is_local() {
                as_it_stands(stores, &document).await
            } else {
                None
            };
            let (mut item, seen) = stands.unwrap_or_else(|| (document.item.clone(), Meta::default()));
            record_copy(&mut item, &used.asset, &copied);
            if put(stores, &document.at, &seen, &item).await? {
                break item;
            }
        };
        drop(held);
        document.item = item;
        document.recorded.push(used.asset.clone());
        Ok(())
    }

    /// Looks once more at documents in stores, which have no locks: what another copy wrote over is written again.
    pub async fn settle(&self, stores: &Stores) -> Result<(), CatalogError> {
        let mut paused = false;
        for document in self.0.iter().flatten() {
            let document = document.lock().await;
            if document.at.is_local() || document.recorded.is_empty() {
                continue;
            }
            // Whoever read a document before it was written here has written it by then.
            if !std::mem::replace(&mut paused, true) {
                tokio::time::sleep(PAUSE).await;
            }
            for _ in 0..SETTLING {
                let Some((mut stands, seen)) = as_it_stands(stores, &document).await else { break };
                let (mine, theirs) = (&document.item, &stands);
                let is_lost = |key: &&String| {
                    let object = |item: &Item| item.asset(key).map(|asset| asset.as_object().clone());
                    object(mine) != object(theirs)
                };
                let lost: Vec<&String> = document.recorded.iter().filter(is_lost).collect();
                if lost.is_empty() {
                    break;
                }
                for key in lost {
                    if let Some(asset) = document.item.asset(key) {
                        stands.set_asset(key, Value::Object(asset.as_object().clone()));
                    }
                }
                put(stores, &document.at, &seen, &stands).await?;
            }
        }
        Ok(())
    }

    /// How many have changed.
    pub async fn updated(&self) -> usize {
        let mut n = 0;
        for document in self.0.iter().flatten() {
            n += usize::from(!document.lock().await.recorded.is_empty());
        }
        n
    }
}

/// Writes an item's document in place of the one that was seen; whether that stood there still.
async fn put(stores: &Stores, at: &Location, seen: &Meta, item: &Item) -> Result<bool, CatalogError> {
    let put = stores.swap(at, seen, to_bytes(item.as_value()).into()).await;
    put.map_err(|source| CatalogError::Write { at: at.clone(), source })
}

/// A document in a store, and its version; one that is missing while another writer replaces it is back in a moment.
async fn in_a_store(stores: &Stores, at: &Location) -> Option<(Vec<u8>, Meta)> {
    for _ in 0..5 {
        match stores.read_version(at).await {
            Ok((bytes, version)) => return Some((bytes.to_vec(), version)),
            Err(error) if error.is_not_found() => tokio::time::sleep(BACK).await,
            Err(_) => return None,
        }
    }
    None
}

/// The item as its document has it now, and that document's version.
async fn as_it_stands(stores: &Stores, document: &Document) -> Option<(Item, Meta)> {
    let (text, seen) = match document.at.as_path() {
        Some(path) => (std::fs::read(path).ok()?, Meta::default()),
        None => in_a_store(stores, &document.at).await?,
    };
    let item = Item::from_value(parse(&text, &document.at).ok()?).ok()?;
    (item.id() == document.item.id()).then(|| (item.in_own_document(document.at.clone()), seen))
}
