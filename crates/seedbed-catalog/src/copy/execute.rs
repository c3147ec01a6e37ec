//! A planned copy, done.

use super::documents::Documents;
use super::documents::PAUSE;
use super::failure::Failure;
use super::folder::copy_folder;
use super::plan::{CopyPlan, Missing, Transfer, Unchecked, written_tree};
use super::sidecar;
use crate::disk::{ATTEMPTS, OFTEN};
use crate::document::{read_json, text};
use crate::href::{absolute, resolve_href};
use crate::links::linked as linked_document;
use crate::parent;
use crate::place::Nesting;
use crate::save::{Merge, TreeBuilder};
use crate::{CatalogError, Collection, Item};
use futures::{StreamExt, stream};
use seedbed_storage::{Location, Meta, Outcome, Stores, Transferred};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// They go on, unless no room is left or no more may be transferred.
    #[default]
    KeepGoing,
    /// No further one is begun.
    Stop,
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
    /// Assets whose checksums can't be computed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Unchecked>,
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
    let items = match &plan.out {
        Some(out) => write_catalog(stores, plan, out).await?,
        None => plan.items.clone(),
    };
    let shared = plan.out.as_ref().filter(|out| !out.is_local());
    let linked = shared.map(|out| (out, Linked::of(&items)));
    let documents = Documents::of(items);
    progress.planned(plan);
    let stopped = AtomicBool::new(on_error == OnError::Stop && !plan.failed.is_empty());
    let (documents, stopped) = (&documents, &stopped);
    let outcomes: Vec<Option<Result<Done, Failure>>> = stream::iter(&plan.transfers)
        .map(|transfer| async move {
            if stopped.load(Ordering::Relaxed) {
                return None;
            }
            let done = copy_one(stores, transfer, documents, progress)
                .await
                .map_err(|e| Failure::of_transfer(transfer, e));
            progress.finished(transfer, done.as_ref().err().map(|f| f.reason.as_str()));
            if done.as_ref().is_err_and(|f| on_error == OnError::Stop || f.error.stops_all()) {
                stopped.store(true, Ordering::Relaxed);
            }
            Some(done)
        })
        .buffer_unordered(jobs.max(1))
        .collect()
        .await;
    documents.settle(stores).await?;
    if let Some((out, linked)) = linked {
        linked.stay(stores, plan, out).await?;
    }

    let mut report = CopyReport {
        copied: 0,
        resumed: 0,
        adopted: 0,
        present: plan.present.len(),
        bytes: 0,
        failed: plan.failed.clone(),
        skipped: 0,
        missing: plan.missing.clone(),
        unchecked: plan.unchecked.clone(),
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
                report.unchecked.extend(done.unchecked);
            }
        }
    }
    // Files finish in any order; a report has one.
    report.failed.sort_by(|a, b| a.uses.cmp(&b.uses));
    report.unchecked.sort();
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
    /// Assets whose checksums could not be had.
    unchecked: Vec<Unchecked>,
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
    let mut done = Done::default();
    let mut checksum = transfer.checksum.clone();
    if let Some(sidecar) = &transfer.sidecar {
        match sidecar::read(stores, sidecar, &transfer.from).await {
            Ok(told) => checksum = Some(told),
            Err(error) if error.retryable() => return Err(error),
            // The file is there all the same.
            Err(error) => done.unchecked.extend(transfer.uses.iter().map(|used| Unchecked::of(used, &error))),
        }
    }
    let expect = transfer.expectation(checksum);
    let counter = progress.file(transfer);
    let moved = stores
        .transfer(&transfer.from, &transfer.to, &expect, counter.as_ref())
        .await
        .map_err(|source| CatalogError::Copy { to: transfer.to.clone(), source })?;
    done.add(&moved);
    let (size, checksum) = (moved.bytes, moved.checksum.multihash());
    let arrived = Arrived { size, checksum, files: None, version: moved.version };
    for used in &transfer.uses {
        documents.record(stores, used, &transfer.to, &arrived).await?;
    }
    Ok(done)
}

/// Waits until no other copy writes the local catalog in a folder; `None` where there are no locks.
async fn turn_of(out: &Location) -> Option<File> {
    let folder = TreeBuilder::root_of(out).as_path()?.parent()?.to_owned();
    let locked = move || {
        std::fs::create_dir_all(&folder).ok()?;
        File::open(folder).and_then(|folder| folder.lock().map(|()| folder)).ok()
    };
    tokio::task::spawn_blocking(locked).await.ok().flatten()
}

/// Writes the new catalog with the hrefs that the items have so far, and gives
/// back the planned items as they stand in it.
async fn write_catalog(stores: &Stores, plan: &CopyPlan, out: &Location) -> Result<Vec<Item>, CatalogError> {
    let mut attempts = 1;
    loop {
        save_catalog(stores, plan, out).await?;
        let written = written_tree(stores, &TreeBuilder::root_of(out)).await?.into_items();
        let key = |item: &Item| (item.collection().map(str::to_owned), item.id().to_owned());
        let mut written: HashMap<_, Item> = written.into_iter().map(|item| (key(&item), item)).collect();
        let found: Vec<Option<Item>> = plan.items.iter().map(|item| written.remove(&key(item))).collect();
        let lost = found.iter().zip(&plan.items).find(|(found, _)| found.is_none());
        match lost {
            None => return Ok(found.into_iter().flatten().collect()),
            // Another copy, in a store where a document can't be replaced on a condition, didn't know of it.
            Some(_) if !out.is_local() && attempts < ATTEMPTS => attempts += 1,
            Some((_, item)) => {
                return Err(CatalogError::overtaken(out, format!("{} isn't in it any more", item.name())));
            }
        }
    }
}

/// Items of a catalog, by the documents that link to them.
struct Linked(BTreeMap<Location, Vec<Location>>);

impl Linked {
    fn of(items: &[Item]) -> Self {
        let mut linked: BTreeMap<Location, Vec<Location>> = BTreeMap::new();
        for item in items {
            let at = item.location();
            if let Some((at, parent)) = at.and_then(|at| Some((at, linked_document(item, at, "parent")?))) {
                linked.entry(parent).or_default().push(absolute(at));
            }
        }
        Self(linked)
    }

    /// Sees to it that the catalog in a store links to them still, when other copies that began to write it at the same
    /// time have ended doing so.
    async fn stay(&self, stores: &Stores, plan: &CopyPlan, out: &Location) -> Result<(), CatalogError> {
        for _ in 0..ATTEMPTS {
            if self.all_there(stores).await? {
                return Ok(());
            }
            save_catalog(stores, plan, out).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Err(CatalogError::overtaken(out, OFTEN))
    }

    async fn all_there(&self, stores: &Stores) -> Result<bool, CatalogError> {
        for (parent, items) in &self.0 {
            let mut there = HashSet::new();
            let read = parent::read(stores, parent, |down| {
                there.insert(absolute(&resolve_href(Some(parent), &down.href)?));
                Ok(())
            });
            match read.await {
                Ok(_) if items.iter().all(|item| there.contains(item)) => {}
                // One that is being replaced is back in a moment.
                Err(error) if !error.is_absence() => return Err(error),
                _ => return Ok(false),
            }
        }
        Ok(true)
    }
}

async fn save_catalog(stores: &Stores, plan: &CopyPlan, out: &Location) -> Result<(), CatalogError> {
    let mut groups: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in &plan.items {
        groups.entry(item.collection().unwrap_or_default().to_owned()).or_default().push(item.clone());
    }
    let mut builder = TreeBuilder::new("copy", "Items with assets copied").merging(Merge::KeepCopies);
    builder.options.nesting = Nesting::Kept;
    if let Some(root) = root_of(stores, &plan.items).await {
        let field = |name: &str| root.get(name).and_then(Value::as_str).map(str::to_owned);
        builder.options.id = field("id").unwrap_or(builder.options.id);
        builder.options.description = field("description").unwrap_or(builder.options.description);
        builder.options.title = field("title");
    }
    for (id, items) in groups {
        let mut collection = collection_of(stores, plan, &id, &items).await;
        collection.set_extent(&items);
        builder = builder.with(collection, items);
    }
    // Two copies that write one catalog take turns, so that each finds what the other has written.
    let turn = turn_of(out).await;
    builder.save(stores, out).await?;
    drop(turn);
    Ok(())
}

/// The root of the one catalog that all items are of.
async fn root_of(stores: &Stores, items: &[Item]) -> Option<Value> {
    let root = |item: &Item| linked_document(item, item.location()?, "root").map(|at| absolute(&at));
    let first = root(items.first()?)?;
    if !items.iter().all(|item| root(item).as_ref() == Some(&first)) {
        return None;
    }
    read_json(stores, &first).await.ok().filter(|document| document["type"] == "Catalog")
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
