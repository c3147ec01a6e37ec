//! A planned copy, done.

use super::folder::copy_folder;
use super::plan::{CopyPlan, Missing, Transfer, Use};
use super::record::{Copied, record_copy};
use crate::document::{parse, read_json, text, to_bytes};
use crate::href::{copy_href, resolve_href};
use crate::links::tree_of;
use crate::save::{Merge, TreeBuilder};
use crate::{CatalogError, Collection, Item, Tree};
use futures::{StreamExt, stream};
use seedbed_storage::{Expectation, Location, Meta, Outcome, Stores, Transferred};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Mutex;

/// Told how a copy goes; from any thread.
pub trait Progress: Send + Sync {
    /// Called once at the start.
    fn planned(&self, _plan: &CopyPlan) {}
    /// Who is told of the bytes of one file.
    fn file<'a>(&'a self, _transfer: &Transfer) -> Box<dyn seedbed_storage::Progress + 'a> {
        Box::new(seedbed_storage::Silent)
    }
    /// A file is done, or has failed for the reason given.
    fn finished(&self, _transfer: &Transfer, _failure: Option<&str>) {}
}

/// Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;
impl Progress for Silent {}

/// What a failing file means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// They go on.
    #[default]
    KeepGoing,
    /// No further one is begun.
    Stop,
}

/// A file that could not be copied.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// The assets that it is.
    pub uses: Vec<Use>,
    /// Where it should have come from.
    pub from: Location,
    /// Where it should have gone.
    pub to: Location,
    /// What went wrong, cause by cause.
    pub reason: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

/// What a copy did.
#[derive(Debug, Clone, Serialize)]
pub struct CopyReport {
    /// Files brought whole.
    pub copied: usize,
    /// Files of which an earlier run had left a part.
    pub resumed: usize,
    /// Files that were at their place already but not in the catalog.
    pub adopted: usize,
    /// Assets that the catalog had as copies already.
    pub present: usize,
    /// Bytes of the files brought.
    pub bytes: u64,
    /// Files that failed.
    pub failed: Vec<Failure>,
    /// Files not begun because another failed.
    pub skipped: usize,
    /// Items without some of the chosen assets.
    pub missing: Vec<Missing>,
    /// Documents of items that were updated.
    pub updated: usize,
    /// The catalog written, if not the items' own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Location>,
}

/// Does what is planned, `jobs` files at once. A failing file doesn't stop the
/// batch unless asked to, and doesn't touch its item.
///
/// Dropping the future stops the copy; what is then complete is recorded or
/// will be adopted by the next run.
///
/// # Errors
/// [`CatalogError`] only if the catalog itself can't be written or read;
/// failures of files are in the report.
pub async fn execute(
    stores: &Stores,
    plan: &CopyPlan,
    jobs: usize,
    on_error: OnError,
    progress: &dyn Progress,
) -> Result<CopyReport, CatalogError> {
    let documents = Documents::of(match &plan.out {
        Some(out) => write_catalog(stores, plan, out).await?,
        None => plan.items.clone(),
    });
    progress.planned(plan);
    let stopped = AtomicBool::new(false);
    let (documents, stopped) = (&documents, &stopped);
    let outcomes: Vec<Option<Result<Done, Failure>>> = stream::iter(&plan.transfers)
        .map(|transfer| async move {
            if stopped.load(Ordering::Relaxed) {
                return None;
            }
            let done =
                copy_one(stores, transfer, documents, progress).await.map_err(|e| failure(transfer, &e));
            let reason = done.as_ref().err().map(|f| f.reason.as_str());
            progress.finished(transfer, reason);
            if reason.is_some() && on_error == OnError::Stop {
                stopped.store(true, Ordering::Relaxed);
            }
            Some(done)
        })
        .buffer_unordered(jobs.max(1))
        .collect()
        .await;

    let mut report = CopyReport {
        copied: 0,
        resumed: 0,
        adopted: 0,
        present: plan.present.len(),
        bytes: 0,
        failed: Vec::new(),
        skipped: 0,
        missing: plan.missing.clone(),
        updated: documents.updated().await,
        catalog: plan.out.as_ref().map(TreeBuilder::root_of),
    };
    for outcome in outcomes {
        match outcome {
            None => report.skipped += 1,
            Some(Err(failure)) => report.failed.push(failure),
            Some(Ok(done)) => {
                report.adopted += done.adopted;
                report.resumed += done.resumed;
                report.copied += done.copied;
                report.bytes += done.bytes;
            }
        }
    }
    // Files finish in any order; a report has one.
    report.failed.sort_by(|a, b| a.uses.cmp(&b.uses));
    Ok(report)
}

/// What became of the files of a transfer.
#[derive(Default)]
pub struct Done {
    copied: usize,
    resumed: usize,
    adopted: usize,
    /// Bytes of those that were brought.
    bytes: u64,
}

impl Done {
    /// Counts a file.
    pub fn add(&mut self, moved: &Transferred) {
        match moved.outcome {
            Outcome::Adopted => self.adopted += 1,
            Outcome::Resumed => self.resumed += 1,
            Outcome::Copied => self.copied += 1,
        }
        if moved.outcome != Outcome::Adopted {
            self.bytes += moved.bytes;
        }
    }
}

/// What is now at a transfer's destination.
pub struct Arrived {
    pub size: u64,
    /// Multihash in hexadecimal.
    pub checksum: String,
    /// How many files, if it is a folder.
    pub files: Option<usize>,
    /// The version that the source's server named.
    pub version: Meta,
}

async fn copy_one(
    stores: &Stores,
    transfer: &Transfer,
    documents: &Documents,
    progress: &dyn Progress,
) -> Result<Done, CatalogError> {
    if let Some(folder) = &transfer.folder {
        let (done, arrived) = copy_folder(stores, transfer, folder, progress).await?;
        for used in &transfer.uses {
            documents.record(stores, used, &transfer.to, &arrived).await?;
        }
        return Ok(done);
    }
    let expect =
        Expectation { size: transfer.bytes, checksum: transfer.checksum.clone(), content: transfer.content };
    let counter = progress.file(transfer);
    let moved = stores
        .transfer(&transfer.from, &transfer.to, &expect, counter.as_ref())
        .await
        .map_err(|source| CatalogError::Copy { to: transfer.to.clone(), source })?;
    let mut done = Done::default();
    done.add(&moved);
    let (size, checksum) = (moved.bytes, moved.checksum.multihash());
    let arrived = Arrived { size, checksum, files: None, version: moved.version };
    for used in &transfer.uses {
        documents.record(stores, used, &transfer.to, &arrived).await?;
    }
    Ok(done)
}

fn failure(transfer: &Transfer, error: &CatalogError) -> Failure {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        cause = error.source();
    }
    Failure {
        uses: transfer.uses.clone(),
        from: transfer.from.clone(),
        to: transfer.to.clone(),
        reason,
        retryable: error.retryable(),
    }
}

/// The documents to update, each by one task at a time.
/// They stand in the order of the plan's items.
struct Documents(Vec<Option<Mutex<Document>>>);

struct Document {
    item: Item,
    at: Location,
    root: Location,
    updated: bool,
}

impl Documents {
    fn of(items: Vec<Item>) -> Self {
        let documents = items.into_iter().map(|item| {
            let at = item.location()?.clone();
            let root = tree_of(&item, &at);
            Some(Mutex::new(Document { item, at, root, updated: false }))
        });
        Self(documents.collect())
    }

    /// Says in an item's document that one of its assets was copied.
    async fn record(
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
        let href = copy_href(&to.to_string(), None, &document.at, &document.root);
        // Another copy may be at work on the same item, and have written more of it.
        let held = hold(&document.at).await;
        let mut item = match &held {
            Some(_) => as_it_stands(&document).unwrap_or_else(|| document.item.clone()),
            None => document.item.clone(),
        };
        let Arrived { size, checksum, files, version } = arrived;
        let copied = Copied { href: &href, size: *size, checksum, files: *files, version };
        record_copy(&mut item, &used.asset, &copied);
        let at = document.at.clone();
        stores
            .replace(&at, to_bytes(item.as_value()).into())
            .await
            .map_err(|source| CatalogError::Write { at, source })?;
        drop(held);
        document.item = item;
        document.updated = true;
        Ok(())
    }

    async fn updated(&self) -> usize {
        let mut n = 0;
        for document in self.0.iter().flatten() {
            n += usize::from(document.lock().await.updated);
        }
        n
    }
}

/// Waits until no other process updates a document beside this local one. The lock is
/// of the folder, so that none is left behind; `None` where there are no locks.
async fn hold(at: &Location) -> Option<File> {
    let folder = at.as_path()?.parent()?.to_owned();
    let locked = move || File::open(folder).and_then(|folder| folder.lock().map(|()| folder)).ok();
    tokio::task::spawn_blocking(locked).await.ok().flatten()
}

/// The item as its document has it now.
fn as_it_stands(document: &Document) -> Option<Item> {
    let text = std::fs::read(document.at.as_path()?).ok()?;
    let item = Item::from_value(parse(&text, &document.at).ok()?).ok()?;
    (item.id() == document.item.id()).then(|| item.in_own_document(document.at.clone()))
}

/// Writes the new catalog with the hrefs that the items have so far, and gives
/// back the planned items as they stand in it.
async fn write_catalog(stores: &Stores, plan: &CopyPlan, out: &Location) -> Result<Vec<Item>, CatalogError> {
    let mut groups: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in &plan.items {
        groups.entry(item.collection().unwrap_or_default().to_owned()).or_default().push(item.clone());
    }
    let mut builder = TreeBuilder::new("copy", "Items with assets copied").merging(Merge::KeepCopies);
    for (id, items) in groups {
        let mut collection = collection_of(stores, plan, &id, &items).await;
        collection.set_extent(&items);
        builder = builder.with(collection, items);
    }
    builder.save(stores, out).await?;
    let written = Tree::read(stores, &TreeBuilder::root_of(out)).await?.into_items();
    let key = |item: &Item| (item.collection().map(str::to_owned), item.id().to_owned());
    let mut written: HashMap<_, Item> = written.into_iter().map(|item| (key(&item), item)).collect();
    let planned = plan.items.iter().map(|item| written.remove(&key(item)));
    let missing = |item: &Item| CatalogError::document(out, format!("{} isn't in it", item.name()));
    planned.zip(&plan.items).map(|(found, item)| found.ok_or_else(|| missing(item))).collect()
}

/// The collection's document: given, or linked by its items, or made of them.
async fn collection_of(stores: &Stores, plan: &CopyPlan, id: &str, items: &[Item]) -> Collection {
    if let Some(given) = plan.collections.iter().find(|c| c.id() == id) {
        return given.clone();
    }
    for link in items.iter().take(1).flat_map(Item::links).filter(|l| text(l, "rel") == Some("collection")) {
        let at = text(link, "href").and_then(|href| resolve_href(items[0].location(), href).ok());
        if let Some(at) = at
            && let Ok(document) = read_json(stores, &at).await
            && let Ok(collection) = Collection::from_value(document)
            && collection.id() == id
        {
            return collection.at(at);
        }
    }
    Collection::from_items(id, &format!("Items of {id}"), "other", items)
}
