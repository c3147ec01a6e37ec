//! A tree written item by item, in memory that doesn't grow with it.

mod beside;
mod joining;

use crate::above::{Child, find_collection, link_child, new_catalog};
use crate::cover::Cover;
use crate::disk::{Disk, Put, is_absent};
use crate::document::{DEEPEST, write_value};
use crate::ground::{Ground, folder, hash, is_outside};
use crate::href::absolute;
use crate::links::{JSON, child_link, fill_item, item_link, link, move_assets, other_links};
use crate::parent::{self, Down, Frame};
use crate::place::{above_place, levels_of, place_of};
use crate::save::{Absent, Saved, TreeBuilder};
use crate::text::id_of;
use crate::{CatalogError, Collection, Item, Sorted, Sorter, WriteOptions};
use joining::Home;
use seedbed_storage::{Location, Stores};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::iter::Peekable;
use std::path::Path;

/// Bytes of ids and paths that are held before they go to temporary files.
const SORTED_IN_MEMORY: usize = 48 << 20;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The tree didn't have it.
    Added,
    /// Its document is another now.
    Changed,
    /// Its document is as it was.
    Unchanged,
}

/// Whether the collection says of its items what they say, or what its author does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Describe {
    Items,
    /// The author, unless the tree holds items that the author didn't give.
    Given,
}

/// A catalog or collection above items.
#[derive(Debug, Default)]
struct Parent {
    /// Whether its document was there.
    existing: bool,
    /// Of a new one: id and description.
    id: String,
    description: String,
    above: String,
    /// The catalogs and collections below it, by path, with the fields of their links.
    children: BTreeMap<String, Map<String, Value>>,
    /// Whether items were removed from it.
    bereft: bool,
}

/// Sorted so that what lies deeper comes first.
type ParentKey = (u8, String);

fn key_of(document: &str) -> ParentKey {
    let depth = u8::try_from(document.matches('/').count()).unwrap_or(u8::MAX);
    (u8::MAX - depth, document.to_owned())
}

/// Writes a collection's items, given one after another, into a tree that may
/// be there already. Items come first and the root last, each under a temporary
/// name that is then renamed, so whoever reads meanwhile never meets a broken
/// link; a writer that was killed leaves what the next one finishes.
///
/// Existing items are joined by id; none are held. An item that is in the tree
/// keeps its place, a new one gets that of the layout.
#[derive(Debug)]
pub struct TreeWriter {
    disk: Disk,
    ground: Ground,
    options: WriteOptions,
    collection: Collection,
    /// The path of its document.
    place: String,
    /// The catalog that links to it, where the tree has it at a place of its own.
    linked_from: Option<String>,
    describe: Describe,
    /// By id: the parent's path, the document's and the fields of its link.
    existing: Peekable<Sorted>,
    /// Documents of items that can't be read, with their parents.
    broken: HashMap<String, String>,
    parents: BTreeMap<ParentKey, Parent>,
    /// What the tree linked to when it was read, if it is in a store.
    found: HashSet<(u64, u64)>,
    links: Sorter,
    cover: Cover,
    removed: Vec<String>,
    /// Whether the tree has items or assets that weren't given.
    united: bool,
    last: Option<String>,
    last_parent: String,
    bytes: Vec<u8>,
    saved: Saved,
}

/// An item that the tree has.
struct Known {
    parent: String,
    document: String,
    rest: Vec<u8>,
}

impl TreeWriter {
    /// Begins to write a collection into the tree at `at`, its folder or its
    /// root document. `work` is a folder on local disk for temporary files.
    ///
    /// # Errors
    /// As reading what is there goes.
    pub async fn begin(
        stores: &Stores,
        at: &Location,
        collection: Collection,
        options: WriteOptions,
        work: &Path,
    ) -> Result<Self, CatalogError> {
        Self::begin_as(stores, at, collection, options, work, Describe::Items).await
    }

    pub(crate) async fn begin_as(
        stores: &Stores,
        at: &Location,
        collection: Collection,
        options: WriteOptions,
        work: &Path,
        describe: Describe,
    ) -> Result<Self, CatalogError> {
        let root = absolute(&TreeBuilder::root_of(at));
        let ground = Ground::new(&root.parent().unwrap_or_else(|| root.clone()), &options.hrefs);
        let (mut place, mut linked_from) = (place_of(&options, collection.id()), None);
        let is_there = ground.location(&place).as_path().is_some_and(Path::exists);
        if !is_there
            && let Some((found, above)) = find_collection(stores, &ground, collection.id()).await?
            && found != place
        {
            if !options.under.is_empty() {
                let at = ground.location(&found).to_string();
                return Err(CatalogError::Elsewhere { id: collection.id().to_owned(), at });
            }
            (place, linked_from) = (found, Some(above));
        }
        let mut writer = Self {
            disk: Disk::new(stores),
            existing: Sorter::new(work, 0).finish()?.peekable(),
            saved: Saved::of(ground.location("catalog.json")),
            ground,
            options,
            collection,
            place,
            linked_from,
            describe,
            broken: HashMap::new(),
            parents: BTreeMap::new(),
            found: HashSet::new(),
            links: Sorter::new(work, SORTED_IN_MEMORY),
            cover: Cover::default(),
            removed: Vec::new(),
            united: false,
            last: None,
            last_parent: String::new(),
            bytes: Vec::new(),
        };
        writer.existing = writer.read_existing(work).await?.peekable();
        Ok(writer)
    }

    /// The ids of all items that the tree has in this collection, with their places.
    async fn read_existing(&mut self, work: &Path) -> Result<Sorted, CatalogError> {
        let mut sorter = Sorter::new(work, SORTED_IN_MEMORY);
        let above = match (&self.linked_from, self.options.under.len()) {
            (Some(above), _) => above.clone(),
            (None, 0) => "catalog.json".to_owned(),
            (None, levels) => above_place(&self.options, levels - 1),
        };
        let collection = Parent { above, ..Parent::default() };
        self.parents.insert(key_of(&self.place), collection);
        let mut seen = HashSet::new();
        let mut next = vec![self.place.clone()];
        while let Some(document) = next.pop() {
            let at = self.ground.location(&document);
            // Links to a million items, as compact as can be.
            let (mut items, mut children) = (Vec::new(), Vec::new());
            let default = item_link();
            let read = parent::read(&self.disk.stores, &at, |down| {
                if down.child {
                    children.push(down);
                    return Ok(());
                }
                items.extend_from_slice(down.href.as_bytes());
                items.push(0);
                if down.rest != default {
                    write_value(&mut items, &Value::Object(down.rest), DEEPEST);
                }
                items.push(b'\n');
                Ok(())
            });
            match read.await {
                Ok(_) => {}
                Err(error) if document == self.place && is_absent(&error) => break,
                Err(error) => return Err(error),
            }
            if let Some(parent) = self.parents.get_mut(&key_of(&document)) {
                parent.existing = true;
            }
            for line in items.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
                let zero = line.iter().position(|b| *b == 0).unwrap_or(line.len());
                let href = String::from_utf8_lossy(&line[..zero]);
                let item = self.ground.target(&document, &href)?;
                if seen.insert(hash(&item)) {
                    self.add_existing(&mut sorter, &document, item, &line[zero..]).await?;
                }
            }
            for Down { href, rest, .. } in children {
                let child = self.ground.target(&document, &href)?;
                seen.insert(hash(&child));
                if let Some(parent) = self.parents.get_mut(&key_of(&document)) {
                    parent.children.insert(child.clone(), rest);
                }
                if is_outside(&child) || self.parents.contains_key(&key_of(&child)) {
                    continue;
                }
                // A collection of its own isn't this one's to write.
                let at = self.ground.location(&child);
                if crate::document::read_json(&self.disk.stores, &at).await?["type"] == "Catalog" {
                    let parent = Parent { above: document.clone(), ..Parent::default() };
                    self.parents.insert(key_of(&child), parent);
                    next.push(child);
                }
            }
        }
        if !self.ground.root().is_local() {
            self.found = seen;
        }
        sorter.finish()
    }

    async fn add_existing(
        &mut self,
        sorter: &mut Sorter,
        parent: &str,
        item: String,
        rest: &[u8],
    ) -> Result<(), CatalogError> {
        let found = self.disk.read(&self.ground.location(&item)).await?;
        let Some(id) = found.as_deref().and_then(id_of) else {
            self.broken.insert(item, parent.to_owned());
            return Ok(());
        };
        let mut value = Vec::with_capacity(parent.len() + item.len() + rest.len() + 1);
        value.extend_from_slice(parent.as_bytes());
        value.push(0);
        value.extend_from_slice(item.as_bytes());
        value.extend_from_slice(rest);
        sorter.push(id.as_bytes(), &value)
    }

    /// Takes an item. Items come in ascending byte order of their ids, each once.
    ///
    /// # Errors
    /// [`CatalogError::Order`] or [`CatalogError::Collision`] if one doesn't, or
    /// two would have one document; [`CatalogError::Layout`]; else as reading
    /// and writing go.
    pub async fn put(&mut self, mut item: Item) -> Result<Change, CatalogError> {
        match &self.last {
            Some(last) if last == item.id() => return Err(self.collision(&item, &item.name())),
            Some(last) if last.as_str() > item.id() => {
                return Err(CatalogError::Order { after: last.clone(), id: item.id().to_owned() });
            }
            _ => {}
        }
        self.last = Some(item.id().to_owned());
        item.set_field("collection", json!(self.collection.id()));
        let known = self.known(item.id()).await?.filter(|known| !is_outside(&known.document));
        let is_known = known.is_some();
        let (parent, document, rest) = if let Some(known) = known {
            (known.parent, known.document, known.rest)
        } else {
            let (parent, document) = self.place(&item)?;
            (parent, document, Vec::new())
        };
        let at = self.ground.location(&document);
        let home = Home { at: &at, document: &document, parent: &parent, is_known };
        let put = self.put_at(&mut item, &home).await?;
        self.broken.remove(&document);
        self.add_link(&parent, &document, &rest)?;
        self.cover.add(&item);
        Ok(match (is_known, put) {
            (true, Put::Unchanged) => {
                self.saved.unchanged += 1;
                Change::Unchanged
            }
            (true, _) => {
                self.saved.changed += 1;
                Change::Changed
            }
            (false, _) => {
                self.saved.added += 1;
                Change::Added
            }
        })
    }

    fn collision(&self, item: &Item, first: &str) -> CatalogError {
        CatalogError::Collision {
            first: first.to_owned(),
            second: item.name(),
            to: self.ground.location(&self.place).to_string(),
        }
    }

    /// Passes the tree's items up to `id`; the one that has it, if there is.
    async fn known(&mut self, id: &str) -> Result<Option<Known>, CatalogError> {
        let mut found = None;
        loop {
            match self.existing.peek() {
                Some(Ok((key, _))) if key.as_slice() <= id.as_bytes() => {}
                Some(Err(_)) => {}
                _ => return Ok(found),
            }
            let Some(record) = self.existing.next() else { return Ok(found) };
            let (key, value) = record?;
            let known = Known::of(&value);
            if key == id.as_bytes() && found.is_none() {
                found = Some(known);
            } else {
                self.absent(&key, known).await?;
            }
        }
    }

    /// What becomes of an item of the tree that wasn't given.
    async fn absent(&mut self, id: &[u8], known: Known) -> Result<(), CatalogError> {
        self.saved.absent.push(&String::from_utf8_lossy(id));
        if self.options.absent == Absent::Remove {
            if let Some(parent) = self.parents.get_mut(&key_of(&known.parent)) {
                parent.bereft = true;
            }
            if !is_outside(&known.document) {
                self.removed.push(known.document);
            }
            return Ok(());
        }
        self.united = true;
        let at = self.ground.location(&known.document);
        let document = crate::document::read_json(&self.disk.stores, &at).await?;
        self.cover.add(&Item::from_value(document)?.at(at));
        self.add_link(&known.parent, &known.document, &known.rest)
    }

    /// The parent and the document of an item that is new in the tree.
    fn place(&mut self, item: &Item) -> Result<(String, String), CatalogError> {
        let levels = levels_of(&self.options, item)?;
        let mut parent = self.place.clone();
        let mut path = folder(&self.place).to_owned();
        for name in &levels {
            path.push_str(name);
            path.push('/');
        }
        if !levels.is_empty() {
            parent = format!("{path}catalog.json");
            if parent != self.last_parent {
                self.add_parents(&levels);
                self.last_parent.clone_from(&parent);
            }
        }
        path.push_str(&self.options.item.fill(item)?);
        Ok((parent, path))
    }

    fn add_parents(&mut self, levels: &[String]) {
        let mut above = self.place.clone();
        let mut path = folder(&self.place).to_owned();
        for (level, name) in levels.iter().enumerate() {
            path.push_str(name);
            path.push('/');
            let document = format!("{path}catalog.json");
            if let Some(parent) = self.parents.get_mut(&key_of(&above)) {
                parent.children.entry(document.clone()).or_insert_with(|| child_link(None));
            }
            let by = self.options.by.as_ref();
            let title = by.map_or_else(|| format!("Items of {name}"), |by| by.title(level, name));
            self.parents.entry(key_of(&document)).or_insert_with(|| Parent {
                id: name.clone(),
                description: title,
                above: above.clone(),
                ..Parent::default()
            });
            above = document;
        }
    }

    fn add_link(&mut self, parent: &str, document: &str, rest: &[u8]) -> Result<(), CatalogError> {
        let (depth, parent) = key_of(parent);
        let mut key = Vec::with_capacity(parent.len() + document.len() + 2);
        key.push(depth);
        key.extend_from_slice(parent.as_bytes());
        key.push(0);
        key.extend_from_slice(document.as_bytes());
        self.links.push(&key, rest)
    }

    /// Makes the item say where it is, and its bytes.
    fn fill(&mut self, item: &mut Item, document: &str, parent: &str) {
        fill_item(item, document, parent, &self.place, &self.ground);
        self.bytes.clear();
        write_value(&mut self.bytes, item.as_value(), 0);
        self.bytes.push(b'\n');
    }

    /// Writes the collection and what is above it, then removes what is to go.
    ///
    /// # Errors
    /// [`CatalogError::Link`] if the tree links to a document that can't be
    /// read and that wasn't given; else as reading and writing go.
    pub async fn finish(mut self) -> Result<Saved, CatalogError> {
        self.finish_collection().await?;
        self.link_above().await?;
        for document in std::mem::take(&mut self.removed) {
            self.disk.remove(&self.ground.location(&document)).await?;
            self.saved.removed += 1;
        }
        self.saved.written = self.disk.written;
        Ok(self.saved)
    }

    async fn finish_collection(&mut self) -> Result<(), CatalogError> {
        while let Some(record) = self.existing.next() {
            let (key, value) = record?;
            self.absent(&key, Known::of(&value)).await?;
        }
        if self.options.absent == Absent::Keep
            && let Some((document, parent)) = self.broken.iter().min()
        {
            let at = self.ground.location(document);
            return Err(CatalogError::Link {
                from: self.ground.location(parent),
                to: at.clone(),
                rel: "item".to_owned(),
                source: Box::new(CatalogError::document(&at, "it isn't there, or is no item")),
            });
        }
        if self.describe == Describe::Items || self.united {
            let cover = std::mem::take(&mut self.cover);
            match self.describe {
                Describe::Items => self.collection.set_cover(&cover),
                Describe::Given => self.collection.set_extent_and_assets(&cover),
            }
        }
        let links = std::mem::replace(&mut self.links, Sorter::new(Path::new("."), 0));
        let mut links = links.finish()?.peekable();
        let mut dropped: HashSet<String> = HashSet::new();
        for ((depth, document), mut parent) in std::mem::take(&mut self.parents) {
            let mut prefix = vec![depth];
            prefix.extend_from_slice(document.as_bytes());
            prefix.push(0);
            let has_items = matches!(links.peek(), Some(Ok((key, _))) if key.starts_with(&prefix));
            let childless = parent.children.keys().all(|child| dropped.contains(child));
            let lost = parent.bereft || !parent.children.is_empty();
            parent.children.retain(|child, _| !dropped.contains(child));
            if document != self.place
                && !has_items
                && childless
                && lost
                && self.options.absent == Absent::Remove
            {
                self.removed.push(document.clone());
                dropped.insert(document);
                continue;
            }
            self.write_parent(&document, &parent, &prefix, &mut links).await?;
        }
        Ok(())
    }

    /// Writes a catalog or the collection with its links, those to items from `links`.
    async fn write_parent(
        &mut self,
        document: &str,
        parent: &Parent,
        prefix: &[u8],
        links: &mut Peekable<Sorted>,
    ) -> Result<(), CatalogError> {
        let at = self.ground.location(document);
        let (mut value, before) = if document == self.place {
            (self.collection.as_value().clone(), self.collection.location().cloned())
        } else if parent.existing {
            let found = parent::read(&self.disk.stores, &at, |_| Ok(())).await?;
            (Value::Object(found), Some(at.clone()))
        } else {
            (new_catalog(&parent.id, &parent.description), None)
        };
        let mut first = vec![
            link("root", &self.ground.link(document, "catalog.json"), JSON),
            link("parent", &self.ground.link(document, &parent.above), JSON),
        ];
        first.extend(self.ground.own(document).map(|own| link("self", &own, JSON)));
        first.extend(other_links(&value, before.as_ref(), document, &self.ground));
        value["links"] = Value::Array(first);
        if before.is_some() {
            move_assets(&mut value, before.as_ref(), document, &self.ground);
        }
        let Some(object) = value.as_object() else { return Ok(()) };
        let mut frame = Frame::of(object);
        let mut draft = Disk::draft(&at);
        let failed = |source| CatalogError::Io {
            action: "write",
            path: at.as_path().unwrap_or(Path::new(document)).to_owned(),
            source,
        };
        frame.open(&mut draft).map_err(failed)?;
        for (child, rest) in &parent.children {
            frame.link(&mut draft, "child", &self.ground.link(document, child), rest).map_err(failed)?;
        }
        let default = item_link();
        while let Some(record) =
            links.next_if(|r| r.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
        {
            let (key, rest) = record?;
            let item = String::from_utf8_lossy(&key[prefix.len()..]);
            let rest: Option<Map<String, Value>> = serde_json::from_slice(&rest).ok();
            let href = self.ground.link(document, &item);
            frame.link(&mut draft, "item", &href, rest.as_ref().unwrap_or(&default)).map_err(failed)?;
        }
        frame.close(&mut draft).map_err(failed)?;
        self.put_parent(document, draft).await
    }

    /// Links the collection from the catalog above it, that from the next, up to the root.
    async fn link_above(&mut self) -> Result<(), CatalogError> {
        if self.linked_from.is_some() {
            return Ok(());
        }
        let mut child = self.place.clone();
        let mut title = self.collection.title().map(str::to_owned);
        for level in (0..=self.options.under.len()).rev() {
            let (document, above) = match level {
                0 => ("catalog.json".to_owned(), None),
                1 => (above_place(&self.options, 0), Some("catalog.json".to_owned())),
                n => (above_place(&self.options, n - 1), Some(above_place(&self.options, n - 2))),
            };
            let (id, description) = match level.checked_sub(1).and_then(|n| self.options.under.get(n)) {
                Some(id) => (id.clone(), format!("Collections of {id}")),
                None => (self.options.id.clone(), self.options.description.clone()),
            };
            let title_of_new = self.options.title.as_ref().filter(|_| level == 0);
            let new = || {
                let mut catalog = new_catalog(&id, &description);
                if let Some(title) = title_of_new {
                    catalog["title"] = json!(title);
                }
                catalog
            };
            let linked = Child { document: &child, title: title.as_deref() };
            link_child(&mut self.disk, &self.ground, &document, above.as_deref(), &linked, new).await?;
            child = document;
            title = None;
        }
        Ok(())
    }
}

impl Known {
    fn of(value: &[u8]) -> Self {
        let mut parts = value.splitn(3, |b| *b == 0);
        let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        Self { parent: part(), document: part(), rest: part().into_bytes() }
    }
}
