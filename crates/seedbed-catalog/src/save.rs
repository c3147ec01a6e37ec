//! A static catalog, written: only what changed, and deterministic bytes.
//!
//! The layout is that of the STAC best practices:
//! `<root>/catalog.json`, `<root>/<collection>/collection.json`,
//! `<root>/<collection>/<item>/<item>.json`, unless another one is asked for.
//! Links are sorted, so the order in which items came makes no difference.

use crate::disk::ATTEMPTS;
use crate::place::new_place;
use crate::writer::Describe;
use crate::{CatalogError, Collection, Item, TreeWriter, WriteOptions};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use std::collections::HashMap;

/// What becomes of the copies that existing items of the tree point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Merge {
    /// Items are written as given.
    #[default]
    Overwrite,
    /// An asset that was copied keeps pointing at its copy, as long as the
    /// given item names the same file by the same [`Identity`](crate::Identity):
    /// a new crawl doesn't undo a copy, but a new release of a file does. Assets
    /// that the given item doesn't have stay: a crawl of some variables adds to
    /// what a crawl of others found.
    KeepCopies,
}

/// What becomes of items that stand in the tree but aren't given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Absent {
    /// They stay, and the collection's extent covers them too.
    #[default]
    Keep,
    /// Their documents are deleted; assets are not.
    Remove,
}

/// The most ids that a report lists.
const MOST_LISTED: usize = 1000;

/// Ids, of which a report lists the first thousand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ids {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl Ids {
    pub(crate) fn push(&mut self, id: &str) {
        self.count += 1;
        if self.first.len() < MOST_LISTED {
            self.first.push(id.to_owned());
        }
    }

    fn extend(&mut self, other: Self) {
        self.count += other.count;
        let room = MOST_LISTED - self.first.len().min(MOST_LISTED);
        self.first.extend(other.first.into_iter().take(room));
    }
}

/// What saving did.
#[derive(Debug, Clone, Serialize)]
pub struct Saved {
    /// The root document.
    pub root: Location,
    /// Items that the tree didn't have.
    pub added: u64,
    /// Items whose documents are others now.
    pub changed: u64,
    /// Items whose documents are as they were.
    pub unchanged: u64,
    /// Documents written: items, catalogs and collections.
    pub written: u64,
    /// Documents removed.
    pub removed: u64,
    /// Items of the tree that weren't given.
    pub absent: Ids,
    /// Assets of items that were given, which the tree alone has, as `item key`.
    pub absent_assets: Ids,
    /// Items with copies of which the archive has another version now.
    pub stale: Ids,
}

impl Saved {
    pub(crate) fn of(root: Location) -> Self {
        Self {
            root,
            added: 0,
            changed: 0,
            unchanged: 0,
            written: 0,
            removed: 0,
            absent: Ids::default(),
            absent_assets: Ids::default(),
            stale: Ids::default(),
        }
    }

    fn extend(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.written += other.written;
        self.removed += other.removed;
        self.absent.extend(other.absent);
        self.absent_assets.extend(other.absent_assets);
        self.stale.extend(other.stale);
    }
}

/// A catalog to be written, or merged into one that is there.
#[derive(Debug, Clone)]
pub struct TreeBuilder {
    /// Where the documents go, and how they name one another.
    pub options: WriteOptions,
    /// The collections with their items.
    pub collections: Vec<(Collection, Vec<Item>)>,
}

impl TreeBuilder {
    /// A catalog without collections.
    #[must_use]
    pub fn new(id: &str, description: &str) -> Self {
        let options = WriteOptions {
            id: id.to_owned(),
            description: description.to_owned(),
            ..WriteOptions::default()
        };
        Self { options, collections: Vec::new() }
    }

    /// With a collection and its items.
    #[must_use]
    pub fn with(mut self, collection: Collection, items: Vec<Item>) -> Self {
        self.collections.push((collection, items));
        self
    }

    /// With a rule for copies.
    #[must_use]
    pub fn merging(mut self, merge: Merge) -> Self {
        self.options.merge = merge;
        self
    }

    /// With a rule for items that aren't given.
    #[must_use]
    pub fn absent(mut self, absent: Absent) -> Self {
        self.options.absent = absent;
        self
    }

    /// The root document of the catalog meant by `at`: its folder or the
    /// document itself.
    #[must_use]
    pub fn root_of(at: &Location) -> Location {
        if at.file_name() == Some("catalog.json") { at.clone() } else { at.join("catalog.json") }
    }

    /// Writes the tree into the folder `at`, or merges it into the one there:
    /// other collections stay, documents that wouldn't change aren't touched.
    /// [`TreeWriter`] does the same for items that come one by one. Collections
    /// are written as given, unless the tree has items that aren't.
    ///
    /// # Errors
    /// [`CatalogError::Collision`] if two documents would have one name, before
    /// anything is written; else as reading and writing go.
    pub async fn save(self, stores: &Stores, at: &Location) -> Result<Saved, CatalogError> {
        let all = self.collections.iter().flat_map(|(c, items)| items.iter().map(|item| (c.id(), item)));
        have_places_of_their_own(&self.options, all)?;
        let work = std::env::temp_dir();
        let mut saved: Option<Saved> = None;
        for (mut collection, mut items) in self.collections {
            items.sort_by(|a, b| a.id().cmp(b.id()));
            let mut attempts = 1;
            let done = loop {
                let again =
                    (!at.is_local() && attempts < ATTEMPTS).then(|| (collection.clone(), items.clone()));
                let begin = TreeWriter::begin_as(
                    stores,
                    at,
                    collection,
                    self.options.clone(),
                    &work,
                    Describe::Given,
                );
                match (Box::pin(write(begin.await?, items)).await, again) {
                    // What another writer added is of the tree now, and stays.
                    (Err(CatalogError::Overtaken { .. }), Some(given)) => (collection, items) = given,
                    (done, _) => break done?,
                }
                attempts += 1;
            };
            match &mut saved {
                Some(saved) => saved.extend(done),
                None => saved = Some(done),
            }
        }
        Ok(saved.unwrap_or_else(|| Saved::of(Self::root_of(at))))
    }
}

/// Refuses items, each with its collection's id, of which two would have documents of one name.
///
/// # Errors
/// [`CatalogError::Collision`]; as the layout goes.
pub fn have_places_of_their_own<'a>(
    options: &WriteOptions,
    items: impl Iterator<Item = (&'a str, &'a Item)>,
) -> Result<(), CatalogError> {
    let mut claimed: HashMap<String, &Item> = HashMap::new();
    for (collection, item) in items {
        let place = new_place(options, collection, item)?;
        if let Some(first) = claimed.insert(place.clone(), item) {
            return Err(CatalogError::Collision { first: first.name(), second: item.name(), to: place });
        }
    }
    Ok(())
}

async fn write(mut writer: TreeWriter, items: Vec<Item>) -> Result<Saved, CatalogError> {
    for item in items {
        writer.put(item).await?;
    }
    Box::pin(writer.finish()).await
}
