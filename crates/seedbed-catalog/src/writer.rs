//! A collection's items written into a tree one by one, in bounded memory.

use crate::copy::{keep_assets, keep_copies};
use crate::cover::Cover;
use crate::files::{self, NodeDocument};
use crate::href::{absolute, is_inside, safe_name};
use crate::linking::{Hrefs, JSON, Linker};
use crate::node::Head;
use crate::save::{Absent, Merge};
use crate::sorter::{Sorted, Sorter};
use crate::tree::NodeKind;
use crate::walk::{Visit, walk_placed};
use crate::{CatalogError, Collection, Item, ItemLayout, Layout};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What each sorter holds in memory, in bytes.
const MEMORY: usize = 32 << 20;
/// Ids that a report lists; the others are counted.
const LISTED: usize = 10_000;

/// How a tree is written.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Id of a new root catalog.
    pub id: String,
    /// Description of a new root catalog.
    pub description: String,
    /// Ids of the catalogs between the root and the collection, made as needed. A
    /// collection that is in the tree already stays where it is.
    pub under: Vec<String>,
    /// Sub-catalogs below the collection. An item that is there already stays where it is.
    pub by: Option<Layout>,
    /// An item's document within the folder of its parent.
    pub item: ItemLayout,
    /// How hrefs are written.
    pub hrefs: Hrefs,
    /// What becomes of copies that items there point to.
    pub merge: Merge,
    /// What becomes of items that are there but aren't given.
    pub absent: Absent,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new in the collection.
    Added,
    /// Its document had other bytes.
    Changed,
    /// Its document was not touched.
    Unchanged,
}

/// What saving did.
#[derive(Debug, Clone, Serialize)]
pub struct Saved {
    /// The root document.
    pub root: Location,
    /// How many items were new.
    pub added: u64,
    /// How many documents of items had other bytes.
    pub changed: u64,
    /// How many documents of items were as they should be.
    pub unchanged: u64,
    /// How many documents were written, catalogs and collections included.
    pub written: u64,
    /// How many items of the collection weren't given, and the ids of the first of them.
    pub absent: u64,
    /// Ids of the first absent items.
    pub absent_ids: Vec<String>,
    /// How many items point to copies of an older release than the one given.
    pub stale: u64,
    /// Ids of the first of these.
    pub stale_ids: Vec<String>,
}

impl Saved {
    /// Of a tree into which nothing was saved yet.
    pub(crate) fn of(root: &Location) -> Self {
        Self {
            root: root.clone(),
            added: 0,
            changed: 0,
            unchanged: 0,
            written: 0,
            absent: 0,
            absent_ids: Vec::new(),
            stale: 0,
            stale_ids: Vec::new(),
        }
    }

    /// With what saving another collection did.
    pub(crate) fn add(&mut self, mut other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.written += other.written;
        self.absent += other.absent;
        self.absent_ids.append(&mut other.absent_ids);
        self.stale += other.stale;
        self.stale_ids.append(&mut other.stale_ids);
    }
}

/// Writes the items of one collection into a tree, or merges them into one that
/// is there: other collections stay, documents that wouldn't change aren't touched.
///
/// Items are written first, catalogs after what they link to and the root last,
/// each under a temporary name that is then renamed, so whoever reads meanwhile
/// never meets a broken link, and a save that was killed is finished by the next.
/// Whatever the number of items, memory holds a few tens of megabytes of them.
pub struct TreeWriter {
    stores: Stores,
    linker: Linker,
    options: WriteOptions,
    collection: Collection,
    /// The collection's document.
    place: Location,
    /// The items that are there, by id; `None` where the collection is new.
    existing: Option<Peekable<Sorted>>,
    /// Items' documents that are there but can't be read.
    broken: BTreeMap<Location, CatalogError>,
    /// The catalogs at and below the collection.
    catalogs: BTreeMap<Location, Catalog>,
    cover: Cover,
    /// Item documents by their parents.
    links: Sorter,
    last: Option<String>,
    work: PathBuf,
    saved: Saved,
}

/// A catalog below the collection.
struct Catalog {
    parent: Location,
    fields: Map<String, Value>,
    links_at: usize,
    /// Its other links, moved.
    links: Vec<Value>,
}

/// Where an item's document is, and the one that links to it.
type Placed = (Location, Location);

impl TreeWriter {
    /// Begins to write `collection` into the tree at `at`: a folder, or its
    /// `catalog.json`. `work` is a folder on the local disk for temporary files.
    ///
    /// # Errors
    /// As reading goes, of what is there.
    pub async fn begin(
        stores: &Stores,
        at: &Location,
        collection: Collection,
        options: WriteOptions,
        work: &Path,
    ) -> Result<Self, CatalogError> {
        let catalog = absolute(&crate::TreeBuilder::root_of(at));
        let root = catalog.parent().unwrap_or_else(|| catalog.clone());
        let linker = Linker { root, catalog, hrefs: options.hrefs.clone() };
        let saved = Saved::of(&linker.catalog);
        let mut writer = Self {
            stores: stores.clone(),
            place: linker.catalog.clone(),
            linker,
            options,
            collection,
            existing: None,
            broken: BTreeMap::new(),
            catalogs: BTreeMap::new(),
            cover: Cover::default(),
            links: Sorter::new(work, MEMORY),
            last: None,
            work: work.to_owned(),
            saved,
        };
        writer.place = writer.find_place().await?;
        writer.read_existing().await?;
        Ok(writer)
    }

    /// Where the collection is, or goes.
    async fn find_place(&self) -> Result<Location, CatalogError> {
        let folders = self.options.under.iter().map(String::as_str).chain([self.collection.id()]);
        let folder = folders.fold(self.linker.root.clone(), |at, name| at.join(&safe_name(name)));
        let place = folder.join("collection.json");
        if let Some(bytes) = files::read_optional(&self.stores, &place).await? {
            let head = Head::parse(&bytes, &place)?;
            if head.id() != self.collection.id() {
                return Err(CatalogError::Collision {
                    first: format!("collection {}", head.id()),
                    second: format!("collection {}", self.collection.id()),
                    to: place.to_string(),
                });
            }
            return Ok(place);
        }
        // Elsewhere in the tree? Collections are looked at, what is in them isn't.
        let mut catalogs = vec![self.linker.catalog.clone()];
        while let Some(at) = catalogs.pop() {
            let Some(bytes) = files::read_optional(&self.stores, &at).await? else { continue };
            let head = Head::parse(&bytes, &at)?;
            if head.kind == NodeKind::Collection && head.id() == self.collection.id() {
                return Ok(at);
            }
            for href in head.children.iter().filter_map(|link| link["href"].as_str()) {
                let target = crate::resolve_href(Some(&at), href)?;
                let target = self.linker.localised(target);
                if is_inside(&self.linker.root, &target) {
                    catalogs.push(target);
                }
            }
        }
        Ok(place)
    }

    /// Takes note of what the collection has: catalogs, and items by id.
    async fn read_existing(&mut self) -> Result<(), CatalogError> {
        if files::read_optional(&self.stores, &self.place).await?.is_none() {
            return Ok(());
        }
        let mut items = Sorter::new(&self.work, MEMORY);
        let (mut catalogs, mut broken) = (BTreeMap::new(), BTreeMap::new());
        let (linker, place) = (&self.linker, &self.place);
        let mut note = |visit: Visit<'_>| {
            match visit {
                Visit::Node(head) if head.location != *place => {
                    let others = head.links.iter().filter_map(Value::as_object);
                    let links = linker.others(others, Some(&head.location), &head.location);
                    let parent = head.parent.clone().unwrap_or_else(|| place.clone());
                    let (fields, links_at) = (head.fields.clone(), head.links_at);
                    catalogs.insert(head.location.clone(), Catalog { parent, fields, links_at, links });
                }
                Visit::Node(_) => {}
                Visit::Item(item, parent) => {
                    let at = item.location().map(ToString::to_string).unwrap_or_default();
                    let record = json!([at, parent.location.to_string()]).to_string();
                    items.push(item.id().as_bytes(), record.as_bytes())?;
                }
                Visit::Broken(at, error) => {
                    broken.insert(at, error);
                }
            }
            Ok(ControlFlow::Continue(()))
        };
        walk_placed(&self.stores, place, &|at| linker.localised(at), &mut note).await?;
        (self.catalogs, self.broken) = (catalogs, broken);
        self.existing = Some(items.finish()?.peekable());
        Ok(())
    }

    /// Writes the next item. Items come in ascending byte order of their ids, each once.
    ///
    /// # Errors
    /// [`CatalogError::Collision`] if it comes twice, or another item's document has
    /// its name; [`CatalogError::Document`] if it is out of order; else as reading
    /// and writing go.
    pub async fn put(&mut self, mut item: Item) -> Result<Change, CatalogError> {
        match self.last.as_deref() {
            Some(last) if last == item.id() => {
                return Err(CatalogError::Collision {
                    first: format!("an item {last}"),
                    second: item.name(),
                    to: self.place.to_string(),
                });
            }
            Some(last) if last > item.id() => {
                return Err(CatalogError::document(
                    &item.name(),
                    format!("it comes after {last}, out of order"),
                ));
            }
            _ => self.last = Some(item.id().to_owned()),
        }
        let before = self.advance_to(item.id()).await?;
        let known = before.is_some();
        let inside = before.filter(|(document, _)| is_inside(&self.linker.root, document));
        let new = inside.is_none();
        let (document, parent) = match inside {
            Some(placed) => placed,
            None => self.new_place(&item)?,
        };
        self.broken.remove(&document);
        if let Some(old) = self.read_item(&document, &item, new).await? {
            if self.options.merge == Merge::KeepCopies {
                keep_assets(&mut item, &old);
                if keep_copies(&mut item, &old) {
                    self.saved.stale += 1;
                    if self.saved.stale_ids.len() < LISTED {
                        self.saved.stale_ids.push(item.id().to_owned());
                    }
                }
            }
        }
        self.cover.add(&item);
        let collection = (&self.place, self.collection.id());
        let value = self.linker.item(item, &document, &parent, Some(collection));
        let written = files::write(&self.stores, &document, files::item_bytes(&value)).await?;
        self.link(&parent, &document)?;
        self.saved.written += u64::from(written);
        let (count, change) = match (known, written) {
            (false, _) => (&mut self.saved.added, Change::Added),
            (true, true) => (&mut self.saved.changed, Change::Changed),
            (true, false) => (&mut self.saved.unchanged, Change::Unchanged),
        };
        *count += 1;
        Ok(change)
    }

    /// The item as its document has it now. A document that no catalog links to may
    /// be what a killed save left, but not another item's.
    async fn read_item(&self, at: &Location, item: &Item, new: bool) -> Result<Option<Item>, CatalogError> {
        if new && at.as_path().is_some_and(|path| !path.exists()) {
            return Ok(None);
        }
        let Some(bytes) = files::read_optional(&self.stores, at).await? else { return Ok(None) };
        // What can't be read is about to be written.
        let Ok(value) = crate::document::parse(&bytes, at) else { return Ok(None) };
        let Ok(found) = Item::from_value(value) else { return Ok(None) };
        if found.id() != item.id() {
            return Err(CatalogError::Collision {
                first: found.name(),
                second: item.name(),
                to: at.to_string(),
            });
        }
        Ok(Some(found.in_own_document(at.clone())))
    }

    /// Deals with the items before `id` that aren't given; where the one of that id is.
    async fn advance_to(&mut self, id: &str) -> Result<Option<Placed>, CatalogError> {
        loop {
            let Some(existing) = &mut self.existing else { return Ok(None) };
            let next = match existing.peek() {
                Some(Ok((key, _))) => key.as_slice().cmp(id.as_bytes()),
                Some(Err(_)) => std::cmp::Ordering::Equal,
                None => return Ok(None),
            };
            if next.is_gt() {
                return Ok(None);
            }
            let Some(record) = existing.next() else { return Ok(None) };
            let (key, value) = record?;
            let placed = placed(&value)?;
            if next.is_eq() {
                return Ok(Some(placed));
            }
            self.leave_out(&String::from_utf8_lossy(&key), placed).await?;
        }
    }

    /// Keeps or removes an item that isn't given.
    async fn leave_out(&mut self, id: &str, (document, parent): Placed) -> Result<(), CatalogError> {
        self.saved.absent += 1;
        if self.saved.absent_ids.len() < LISTED {
            self.saved.absent_ids.push(id.to_owned());
        }
        match self.options.absent {
            Absent::Keep => {
                let value = crate::document::read_json(&self.stores, &document).await?;
                self.cover.add(&Item::from_value(value)?);
                self.link(&parent, &document)
            }
            // The document goes when nothing links to it any more.
            Absent::Remove => self.links.push(b"\xff", document.to_string().as_bytes()),
        }
    }

    /// Notes that the document at `parent` links to an item's. The deepest parents sort first.
    fn link(&mut self, parent: &Location, document: &Location) -> Result<(), CatalogError> {
        let mut key = order(parent);
        key.push(0);
        let document = document.to_string();
        key.extend_from_slice(document.as_bytes());
        self.links.push(&key, document.as_bytes())
    }

    /// Where a new item goes.
    fn new_place(&mut self, item: &Item) -> Result<Placed, CatalogError> {
        let mut parent = self.place.clone();
        let mut folder = self.place.parent().unwrap_or_else(|| self.place.clone());
        let levels = self.options.by.as_ref().map(|by| by.place(item)).transpose()?.unwrap_or_default();
        for name in levels {
            folder = folder.join(&name);
            let at = folder.join("catalog.json");
            if !self.catalogs.contains_key(&at) {
                let id = safe_name(&name);
                let description = format!("Items of {} in {}", self.collection.id(), id);
                let new = new_catalog(&id, &description);
                let catalog = Catalog { parent, fields: new, links_at: usize::MAX, links: Vec::new() };
                self.catalogs.insert(at.clone(), catalog);
            }
            parent = at;
        }
        let names = self.options.item.place(item)?;
        Ok((names.iter().fold(folder, |at, name| at.join(name)), parent))
    }

    /// Writes the catalogs, the collection and the root.
    ///
    /// # Errors
    /// [`CatalogError::Link`] if an item that wasn't given can't be read; else as writing goes.
    pub async fn finish(mut self) -> Result<Saved, CatalogError> {
        while let Some(record) = self.existing.as_mut().and_then(Iterator::next) {
            let (key, value) = record?;
            self.leave_out(&String::from_utf8_lossy(&key), placed(&value)?).await?;
        }
        if let Some((_, error)) = std::mem::take(&mut self.broken).into_iter().next() {
            return Err(error);
        }
        let empty = Sorter::new(&self.work, MEMORY);
        let mut links = std::mem::replace(&mut self.links, empty).finish()?.peekable();
        let mut parents: Vec<Location> = self.catalogs.keys().cloned().collect();
        parents.sort_by_key(order);
        parents.push(self.place.clone());
        for parent in parents {
            let written = if parent == self.place {
                self.write_collection(&mut links).await?
            } else {
                self.write_catalog(&parent, &mut links).await?
            };
            self.saved.written += u64::from(written);
        }
        self.link_upwards().await?;
        for record in links {
            let (_, document) = record?;
            let document = location(&String::from_utf8_lossy(&document))?;
            files::remove(&self.stores, &document).await?;
        }
        Ok(self.saved)
    }

    /// The links from a document to the catalogs below it, sorted.
    fn children_of(&self, parent: &Location) -> Vec<Value> {
        let below = self.catalogs.iter().filter(|(_, catalog)| catalog.parent == *parent);
        below
            .map(|(at, catalog)| {
                let mut link = self.linker.link("child", parent, at, JSON);
                if let Some(title) = catalog.fields.get("title") {
                    link["title"] = title.clone();
                }
                link
            })
            .collect()
    }

    async fn write_catalog(&self, at: &Location, items: &mut Peekable<Sorted>) -> Result<bool, CatalogError> {
        let Some(catalog) = self.catalogs.get(at) else { return Ok(false) };
        let mut links: Vec<Value> = self.linker.self_link(at, JSON).into_iter().collect();
        links.push(self.linker.link("root", at, &self.linker.catalog, JSON));
        links.push(self.linker.link("parent", at, &catalog.parent, JSON));
        links.extend(catalog.links.iter().cloned());
        links.extend(self.children_of(at));
        let document = NodeDocument { fields: &catalog.fields, links_at: catalog.links_at, links: &links };
        document.write(&self.stores, at, &mut self.hrefs_of(at, items)).await
    }

    async fn write_collection(&self, items: &mut Peekable<Sorted>) -> Result<bool, CatalogError> {
        let at = &self.place;
        let mut links: Vec<Value> = self.linker.self_link(at, JSON).into_iter().collect();
        links.push(self.linker.link("root", at, &self.linker.catalog, JSON));
        links.push(self.linker.link("parent", at, &self.parent_of_collection(), JSON));
        links.extend(self.linker.others(self.collection.links(), self.collection.location(), at));
        links.extend(self.children_of(at));
        let mut collection = self.collection.clone();
        collection.covers(&self.cover);
        let Value::Object(mut fields) = collection.into_value() else { return Ok(false) };
        let links_at = fields.keys().position(|k| k == "links").unwrap_or(usize::MAX);
        fields.shift_remove("links");
        let document = NodeDocument { fields: &fields, links_at, links: &links };
        document.write(&self.stores, at, &mut self.hrefs_of(at, items)).await
    }

    /// The hrefs of the items whose parent is at `at`: the next of the sorted links.
    fn hrefs_of<'a>(
        &'a self,
        at: &'a Location,
        items: &'a mut Peekable<Sorted>,
    ) -> impl Iterator<Item = Result<String, CatalogError>> + 'a {
        let mut prefix = order(at);
        prefix.push(0);
        std::iter::from_fn(move || {
            let of_parent = |record: &Result<(Vec<u8>, Vec<u8>), _>| {
                record.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))
            };
            let (_, document) = match items.next_if(of_parent)? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            Some(location(&String::from_utf8_lossy(&document)).map(|target| self.linker.href(at, &target)))
        })
    }

    /// The catalog that the collection hangs under: the innermost of `under`, unless
    /// the collection was found elsewhere.
    fn parent_of_collection(&self) -> Location {
        self.catalogs_above().pop().unwrap_or_else(|| self.linker.catalog.clone())
    }

    /// The documents from the root to the collection's parent.
    fn catalogs_above(&self) -> Vec<Location> {
        let mut above = Vec::new();
        let mut folder = self.place.parent().and_then(|folder| folder.parent());
        while let Some(at) = folder {
            if !is_inside(&self.linker.root, &at) {
                break;
            }
            above.push(at.join("catalog.json"));
            folder = at.parent();
        }
        above.push(self.linker.catalog.clone());
        above.reverse();
        above
    }

    /// Links the collection from the catalogs above it, which are made as needed.
    async fn link_upwards(&mut self) -> Result<(), CatalogError> {
        let above = self.catalogs_above();
        let mut child = (self.place.clone(), self.collection.title().map(str::to_owned));
        for (depth, at) in above.iter().enumerate().rev() {
            let before = files::read_optional(&self.stores, at).await?;
            let before = before.map(|bytes| Head::parse(&bytes, at)).transpose()?;
            let name = at.parent().and_then(|folder| folder.file_name().map(str::to_owned));
            let head = before.unwrap_or_else(|| {
                let (id, description) = match (depth, name) {
                    (0, _) | (_, None) => (self.options.id.clone(), self.options.description.clone()),
                    (_, Some(name)) => (name.clone(), format!("Collections of {name}")),
                };
                Head::new(at, new_catalog(&id, &description))
            });
            let parent = depth.checked_sub(1).map(|n| &above[n]);
            let links = self.links_above(&head, parent, &child);
            let document = NodeDocument { fields: &head.fields, links_at: head.links_at, links: &links };
            let mut items = head.items.iter().map(|href| Ok(href.to_owned()));
            self.saved.written += u64::from(document.write(&self.stores, at, &mut items).await?);
            child = (at.clone(), head.fields.get("title").and_then(Value::as_str).map(str::to_owned));
        }
        Ok(())
    }

    /// The links of a catalog above the collection: what it has, and the child.
    fn links_above(
        &self,
        head: &Head,
        parent: Option<&Location>,
        (child, title): &(Location, Option<String>),
    ) -> Vec<Value> {
        let at = &head.location;
        let mut links: Vec<Value> = self.linker.self_link(at, JSON).into_iter().collect();
        links.push(self.linker.link("root", at, &self.linker.catalog, JSON));
        links.extend(parent.map(|parent| self.linker.link("parent", at, parent, JSON)));
        links.extend(self.linker.others(head.links.iter().filter_map(Value::as_object), Some(at), at));
        let mut new = self.linker.link("child", at, child, JSON);
        if let Some(title) = title {
            new["title"] = json!(title);
        }
        let leads_there = |link: &Value| {
            let target = link["href"].as_str().and_then(|href| crate::resolve_href(Some(at), href).ok());
            target.is_some_and(|target| self.linker.localised(target) == *child)
        };
        let mut children: Vec<Value> = head.children.iter().filter(|l| !leads_there(l)).cloned().collect();
        children.push(new);
        children.sort_by(|a, b| a["href"].as_str().cmp(&b["href"].as_str()));
        links.extend(children);
        links
    }
}

/// The fields of a new catalog.
fn new_catalog(id: &str, description: &str) -> Map<String, Value> {
    let fields = json!({"type": "Catalog", "stac_version": "1.1.0", "id": id, "description": description});
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A key by which deeper documents come before those above them.
fn order(at: &Location) -> Vec<u8> {
    let text = at.to_string();
    let depth = u16::try_from(text.matches('/').count()).unwrap_or(u16::MAX);
    // Below the mark of documents to be removed.
    let mut key = ((u16::MAX - 0x100) - depth.min(0xf000)).to_be_bytes().to_vec();
    key.extend_from_slice(text.as_bytes());
    key
}

fn placed(record: &[u8]) -> Result<Placed, CatalogError> {
    let texts: [String; 2] = serde_json::from_slice(record).map_err(|source| CatalogError::Json {
        at: "a temporary record".to_owned(),
        line: None,
        source,
    })?;
    let [document, parent] = texts;
    Ok((location(&document)?, location(&parent)?))
}

fn location(text: &str) -> Result<Location, CatalogError> {
    crate::resolve_href(None, text)
}
