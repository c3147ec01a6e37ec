//! Collections with their items in hand, saved as a tree.

use crate::files;
use crate::linking::{JSON, link};
use crate::writer::{Saved, TreeWriter, WriteOptions};
use crate::{CatalogError, Collection, Item, ItemLayout};
use seedbed_storage::{Location, Stores};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// What becomes of the copies that existing items of the tree point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Merge {
    /// Items are written as given.
    #[default]
    Overwrite,
    /// An asset that was copied keeps pointing at its copy, as long as the
    /// given item names the same file by the same [`Identity`](crate::Identity):
    /// a new crawl doesn't undo a copy. Where the archive has a new version, the
    /// asset points there, and the old copy stays as a deprecated asset of its
    /// own. Assets that the given item doesn't have stay: a crawl of some
    /// variables adds to what a crawl of others found.
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

/// A catalog to be written, or merged into one that is there.
#[derive(Debug, Clone)]
pub struct TreeBuilder {
    /// The collections with their items.
    pub collections: Vec<(Collection, Vec<Item>)>,
    /// Layout, hrefs, and what becomes of what is there.
    pub options: WriteOptions,
}

impl TreeBuilder {
    /// A catalog without collections; id and description are for a new root.
    #[must_use]
    pub fn new(id: &str, description: &str) -> Self {
        let (id, description) = (id.to_owned(), description.to_owned());
        Self { collections: Vec::new(), options: WriteOptions { id, description, ..WriteOptions::default() } }
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

    /// Writes the tree into the folder `at`, or merges it into the one there, as
    /// [`TreeWriter`] does.
    ///
    /// # Errors
    /// [`CatalogError::Collision`] if two items of a collection would have one
    /// document, before anything is written; else as reading and writing go.
    pub async fn save(&self, stores: &Stores, at: &Location) -> Result<Saved, CatalogError> {
        for (_, items) in &self.collections {
            no_collision(items, &self.options.item)?;
        }
        let mut all: Option<Saved> = None;
        for (collection, items) in &self.collections {
            let (collection, options) = (collection.clone(), self.options.clone());
            let work = std::env::temp_dir();
            let mut writer = TreeWriter::begin(stores, at, collection, options, &work).await?;
            let sorted: BTreeMap<&str, &Item> = items.iter().map(|item| (item.id(), item)).collect();
            for item in sorted.into_values() {
                writer.put(item.clone()).await?;
            }
            let saved = writer.finish().await?;
            match &mut all {
                Some(all) => all.add(saved),
                None => all = Some(saved),
            }
        }
        match all {
            Some(all) => Ok(all),
            None => self.save_root(stores, at).await,
        }
    }

    /// Writes the root of a catalog without collections, unless it is there.
    async fn save_root(&self, stores: &Stores, at: &Location) -> Result<Saved, CatalogError> {
        let catalog = crate::href::absolute(&Self::root_of(at));
        let mut saved = Saved::of(&catalog);
        if files::read_optional(stores, &catalog).await?.is_none() {
            let document: Value = json!({
                "type": "Catalog",
                "stac_version": "1.1.0",
                "id": self.options.id,
                "description": self.options.description,
                "links": [link("root", "./catalog.json", JSON)],
            });
            saved.written += u64::from(files::write(stores, &catalog, files::item_bytes(&document)).await?);
        }
        Ok(saved)
    }
}

/// Whether each item has a document of its own.
fn no_collision(items: &[Item], layout: &ItemLayout) -> Result<(), CatalogError> {
    let mut claimed: HashMap<Vec<String>, &Item> = HashMap::with_capacity(items.len());
    for item in items {
        let names = layout.place(item)?;
        if let Some(other) = claimed.insert(names.clone(), item) {
            return Err(CatalogError::Collision {
                first: other.name(),
                second: item.name(),
                to: names.join("/"),
            });
        }
    }
    Ok(())
}
