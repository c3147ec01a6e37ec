//! A static catalog, written: only what changed, and deterministic bytes.
//!
//! The layout is that of the STAC best practices:
//! `<root>/catalog.json`, `<root>/<collection>/collection.json`,
//! `<root>/<collection>/<item>/<item>.json`. Item links are sorted, so the
//! order in which items came makes no difference.

use crate::copy::{keep_assets, keep_copies};
use crate::document::{self, links, text, to_bytes};
use crate::href::{
    absolute, absolute_href, is_inside, relative_href, resolve_href, safe_name, same_place, share_a_folder,
};
use crate::tree::Node;
use crate::{CatalogError, Collection, Item, Tree};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;

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

/// A catalog to be written, or merged into one that is there.
#[derive(Debug, Clone)]
pub struct TreeBuilder {
    /// Id of a new root catalog.
    pub id: String,
    /// Description of a new root catalog.
    pub description: String,
    /// The collections with their items.
    pub collections: Vec<(Collection, Vec<Item>)>,
    /// What becomes of copies.
    pub merge: Merge,
    /// What becomes of items that aren't given.
    pub absent: Absent,
}

/// What saving did.
#[derive(Debug, Clone, Serialize)]
pub struct Saved {
    /// The root document.
    pub root: Location,
    /// Documents that were new or had changed.
    pub written: Vec<Location>,
    /// Documents that were as they should be.
    pub unchanged: usize,
    /// Documents of items that are gone.
    pub removed: Vec<Location>,
}

impl TreeBuilder {
    /// A catalog without collections.
    #[must_use]
    pub fn new(id: &str, description: &str) -> Self {
        Self {
            id: id.to_owned(),
            description: description.to_owned(),
            collections: Vec::new(),
            merge: Merge::default(),
            absent: Absent::default(),
        }
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
        self.merge = merge;
        self
    }

    /// With a rule for items that aren't given.
    #[must_use]
    pub fn absent(mut self, absent: Absent) -> Self {
        self.absent = absent;
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
    /// Items come first and the root last, each under a temporary name that is
    /// then renamed, so whoever reads meanwhile never meets a broken link.
    ///
    /// # Errors
    /// [`CatalogError::Collision`] if two documents would have one name, before
    /// anything is written; else as reading and writing go.
    pub async fn save(&self, stores: &Stores, at: &Location) -> Result<Saved, CatalogError> {
        let catalog = absolute(&Self::root_of(at));
        let root = catalog.parent().unwrap_or_else(|| catalog.clone());
        let mut plan = Plan::default();
        let mut children = Vec::new();
        for (collection, items) in &self.collections {
            let place = root.join(&safe_name(collection.id())).join("collection.json");
            let given = items.iter().map(|item| place_of(item.id(), &place)).collect();
            let existing = read_existing(stores, &place, &given).await?;
            self.plan_collection(&mut plan, &root, &place, existing.as_ref(), collection, items)?;
            children.push((place, collection.title().map(str::to_owned)));
        }
        let before = read_optional(stores, &catalog).await?;
        plan.add(catalog.clone(), &self.root_document(&catalog, before, children), "the root catalog")?;
        plan.carry_out(stores, catalog).await
    }

    fn plan_collection(
        &self,
        plan: &mut Plan,
        root: &Location,
        place: &Location,
        existing: Option<&Node>,
        collection: &Collection,
        items: &[Item],
    ) -> Result<(), CatalogError> {
        let old: BTreeMap<&str, &Item> =
            existing.map(Node::all_items).unwrap_or_default().into_iter().map(|i| (i.id(), i)).collect();
        let mut given: BTreeMap<&str, &Item> = BTreeMap::new();
        for item in items {
            if let Some(other) = given.insert(item.id(), item) {
                return Err(CatalogError::Collision {
                    first: other.name(),
                    second: item.name(),
                    to: place.to_string(),
                });
            }
        }
        let mut direct: Vec<Location> = Vec::new();
        let mut written: Vec<Item> = Vec::new();
        let mut united = false;
        for (id, item) in &given {
            let before = old.get(id);
            // An item that is in a sub-catalog already stays there.
            let document = before.and_then(|b| b.location()).filter(|at| is_inside(root, at)).cloned();
            let document = document.unwrap_or_else(|| place_of(id, place));
            let mut item = (*item).clone();
            let given_assets = item.assets().count();
            if let (Merge::KeepCopies, Some(before)) = (self.merge, before) {
                keep_copies(&mut item, before);
                keep_assets(&mut item, before);
                united |= item.assets().count() > given_assets;
            }
            let parent = before.and_then(|b| parent_of(b)).unwrap_or_else(|| place.clone());
            if same_place(&parent, place) {
                direct.push(document.clone());
            }
            let value = item_document(&item, &document, root, &parent, place, collection.id());
            plan.add(document.clone(), &value, &item.name())?;
            written.push(item);
        }
        let mut collection = collection.clone();
        let gone: Vec<&Item> =
            old.iter().filter(|(id, _)| !given.contains_key(*id)).map(|(_, i)| *i).collect();
        match self.absent {
            Absent::Remove => plan.remove.extend(gone.iter().filter_map(|i| i.location().cloned())),
            Absent::Keep if !gone.is_empty() => {
                direct.extend(
                    existing
                        .iter()
                        .flat_map(|n| &n.items)
                        .filter(|i| !given.contains_key(i.id()))
                        .filter_map(|i| i.location().cloned()),
                );
                let mut all: Vec<Item> = gone.into_iter().cloned().collect();
                all.extend(written);
                all.sort_by(|a, b| a.id().cmp(b.id()));
                collection.cover(&all);
            }
            Absent::Keep if united => collection.cover(&written),
            Absent::Keep => {}
        }
        let sub_catalogs: Vec<Location> =
            existing.map(|n| n.children.iter().map(|c| c.location.clone()).collect()).unwrap_or_default();
        let value = collection_document(&collection, place, root, &sub_catalogs, direct);
        plan.add(place.clone(), &value, &format!("collection {}", collection.id()))
    }

    /// The root as it was with the collections linked, or a new one.
    fn root_document(
        &self,
        at: &Location,
        before: Option<Value>,
        children: Vec<(Location, Option<String>)>,
    ) -> Value {
        let mut root = before.unwrap_or_else(|| {
            json!({
                "type": "Catalog",
                "stac_version": "1.1.0",
                "id": self.id,
                "description": self.description,
                "links": [link("root", "./catalog.json", JSON)],
            })
        });
        let mut all: Vec<Value> = links(&root).cloned().map(Value::Object).collect();
        for (place, title) in children {
            let mut child = link("child", &href_in(at, &place), JSON);
            if let Some(title) = title {
                child["title"] = json!(title);
            }
            let points_there = |l: &Value| {
                l["rel"] == "child"
                    && l["href"]
                        .as_str()
                        .and_then(|h| resolve_href(Some(at), h).ok())
                        .is_some_and(|t| same_place(&t, &place))
            };
            match all.iter_mut().find(|l| points_there(l)) {
                Some(found) => *found = child,
                None => all.push(child),
            }
        }
        let (mut child_links, mut others): (Vec<Value>, Vec<Value>) =
            all.into_iter().partition(|l| l["rel"] == "child");
        child_links.sort_by(|a, b| a["href"].as_str().cmp(&b["href"].as_str()));
        others.append(&mut child_links);
        root["links"] = Value::Array(others);
        root
    }
}

const JSON: &str = "application/json";
const GEOJSON: &str = "application/geo+json";
/// Relations that the layout of a tree gives; the others are the author's.
const STRUCTURE: [&str; 8] = ["root", "parent", "self", "collection", "child", "item", "next", "prev"];

fn link(rel: &str, href: &str, media_type: &str) -> Value {
    json!({"rel": rel, "href": href, "type": media_type})
}

/// The href of `target` in the document at `from`: relative where that's possible.
fn href_in(from: &Location, target: &Location) -> String {
    relative_href(from, target).unwrap_or_else(|| absolute(target).to_string())
}

/// An href that stood in the document `before`, as it must stand in `document`
/// of the tree at `root`: relative inside the tree, else absolute.
pub fn moved_href(href: &str, before: Option<&Location>, document: &Location, root: &Location) -> String {
    match resolve_href(before, href) {
        Ok(target) if is_inside(root, &target) => href_in(document, &target),
        _ => absolute_href(before, href),
    }
}

/// The same for the href of a copy: relative also to what lies near the tree on
/// the same disk, so that a document doesn't tell in which folder the work was
/// done, and catalog and copies can be moved together.
pub fn copy_href(href: &str, before: Option<&Location>, document: &Location, root: &Location) -> String {
    match resolve_href(before, href) {
        Ok(target) if share_a_folder(document, &target) => href_in(document, &target),
        _ => moved_href(href, before, document, root),
    }
}

/// The links of a document that aren't structure, moved. Where the document
/// came from, if that was another place, is kept as `via`.
fn other_links(value: &Value, before: Option<&Location>, document: &Location, root: &Location) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    let mut via = None;
    for link in links(value) {
        let (rel, href) = (text(link, "rel").unwrap_or_default(), text(link, "href").unwrap_or_default());
        let mut link = link.clone();
        if rel == "self" && href.starts_with("http") && absolute(document).to_string() != href {
            via = Some(json!({"rel": "via", "href": href, "type": text(&link, "type").unwrap_or(JSON)}));
        }
        if STRUCTURE.contains(&rel) {
            continue;
        }
        link.insert("href".to_owned(), json!(moved_href(href, before, document, root)));
        kept.push(Value::Object(link));
    }
    kept.extend(via.filter(|v| !kept.iter().any(|l| l["rel"] == "via" && l["href"] == v["href"])));
    kept
}

/// [`moved_href`] or [`copy_href`].
type Mover = fn(&str, Option<&Location>, &Location, &Location) -> String;

fn item_document(
    item: &Item,
    document: &Location,
    root: &Location,
    parent: &Location,
    collection: &Location,
    collection_id: &str,
) -> Value {
    let before = item.location();
    let mut moved = item.clone();
    moved.set_field("collection", json!(collection_id));
    let mut all = vec![
        link("root", &href_in(document, &root.join("catalog.json")), JSON),
        link("parent", &href_in(document, parent), JSON),
        link("collection", &href_in(document, collection), JSON),
    ];
    all.extend(other_links(item.as_value(), before, document, root));
    moved.set_field("links", Value::Array(all));
    let mut value = moved.into_value();
    let fix = |object: &mut Map<String, Value>, to: Mover| {
        if let Some(href) = text(object, "href") {
            let href = to(href, before, document, root);
            object.insert("href".to_owned(), json!(href));
        }
    };
    for (_, asset) in value["assets"].as_object_mut().into_iter().flatten() {
        let Some(asset) = asset.as_object_mut() else { continue };
        let is_copy = asset.get("alternate").is_some_and(|a| a.get("origin").is_some());
        fix(asset, if is_copy { copy_href } else { moved_href });
        for (_, other) in asset.get_mut("alternate").and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(other) = other.as_object_mut() {
                fix(other, moved_href);
            }
        }
    }
    value
}

fn collection_document(
    collection: &Collection,
    place: &Location,
    root: &Location,
    sub_catalogs: &[Location],
    mut items: Vec<Location>,
) -> Value {
    let catalog = href_in(place, &root.join("catalog.json"));
    let mut all = vec![link("root", &catalog, JSON), link("parent", &catalog, JSON)];
    all.extend(other_links(collection.as_value(), collection.location(), place, root));
    all.extend(sub_catalogs.iter().map(|c| link("child", &href_in(place, c), JSON)));
    items.sort();
    items.dedup();
    all.extend(items.iter().map(|i| link("item", &href_in(place, i), GEOJSON)));
    let mut value = collection.clone().into_value();
    value["links"] = Value::Array(all);
    value
}

/// The document that an item names as its parent.
fn parent_of(item: &Item) -> Option<Location> {
    let parent = item.links().find(|l| text(l, "rel") == Some("parent"))?;
    resolve_href(item.location(), text(parent, "href")?).ok()
}

async fn read_optional(stores: &Stores, at: &Location) -> Result<Option<Value>, CatalogError> {
    match document::read_json(stores, at).await {
        Ok(value) => Ok(Some(value)),
        Err(CatalogError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(CatalogError::Read { source, .. }) if source.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The collection that is at `place`. A document of `given` that can't be read
/// counts as absent, since it is about to be written.
async fn read_existing(
    stores: &Stores,
    place: &Location,
    given: &HashSet<Location>,
) -> Result<Option<Node>, CatalogError> {
    let Some(document) = read_optional(stores, place).await? else { return Ok(None) };
    let mut broken = HashSet::new();
    loop {
        match Tree::without(stores, place, document.clone(), broken.clone()).await {
            Ok(tree) => return Ok(Some(tree.root)),
            Err(CatalogError::Link { to, .. }) if given.contains(&to) && broken.insert(to.clone()) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Where a new item's document goes.
fn place_of(item: &str, collection: &Location) -> Location {
    let name = safe_name(item);
    let folder = collection.parent().unwrap_or_else(|| collection.clone());
    folder.join(&name).join(&format!("{name}.json"))
}

/// The documents to be, in the order they are written.
#[derive(Default)]
struct Plan {
    documents: Vec<(Location, Vec<u8>)>,
    claimed: BTreeMap<Location, String>,
    remove: Vec<Location>,
}

impl Plan {
    fn add(&mut self, at: Location, value: &Value, name: &str) -> Result<(), CatalogError> {
        if let Some(first) = self.claimed.insert(at.clone(), name.to_owned()) {
            return Err(CatalogError::Collision { first, second: name.to_owned(), to: at.to_string() });
        }
        self.documents.push((at, to_bytes(value)));
        Ok(())
    }

    async fn carry_out(self, stores: &Stores, root: Location) -> Result<Saved, CatalogError> {
        let mut saved = Saved { root, written: Vec::new(), unchanged: 0, removed: Vec::new() };
        for (at, bytes) in self.documents {
            let changed = match at.as_path() {
                Some(path) => write_local(path, &bytes)?,
                None => write_remote(stores, &at, bytes).await?,
            };
            if changed {
                saved.written.push(at);
            } else {
                saved.unchanged += 1;
            }
        }
        for at in self.remove {
            match at.as_path() {
                Some(path) => remove_local(path)?,
                None => {
                    stores
                        .remove(&at)
                        .await
                        .map_err(|source| CatalogError::Write { at: at.clone(), source })?;
                }
            }
            saved.removed.push(at);
        }
        Ok(saved)
    }
}

/// Writes a file under a temporary name and renames it, unless it holds these
/// bytes already. Catalogs and collections are synced, items aren't: one that a
/// power cut empties is written anew by the next save.
fn write_local(path: &Path, bytes: &[u8]) -> Result<bool, CatalogError> {
    let failed = |source| CatalogError::Io { action: "write", path: path.to_owned(), source };
    match std::fs::read(path) {
        Ok(found) if found == bytes => return Ok(false),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        }
        _ => {}
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    remove_leftovers(path, &name);
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        if matches!(&*name, "catalog.json" | "collection.json") {
            file.sync_all()?;
        }
        std::fs::rename(&temporary, path)
    };
    write().map_err(|e| {
        // The failure itself is what matters; the temporary file may not exist.
        drop(std::fs::remove_file(&temporary));
        failed(e)
    })?;
    Ok(true)
}

/// Removes what a killed save left beside a document: it had a temporary name,
/// and the document is written anew now.
fn remove_leftovers(path: &Path, name: &str) {
    let Some(Ok(entries)) = path.parent().map(std::fs::read_dir) else { return };
    let prefix = format!(".{name}.");
    for entry in entries.flatten() {
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.starts_with(&prefix) && other.strip_suffix(".tmp").is_some() {
            // One that can't be removed harms nothing but order.
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

async fn write_remote(stores: &Stores, at: &Location, bytes: Vec<u8>) -> Result<bool, CatalogError> {
    match stores.read_document(at).await {
        Ok(found) if found[..] == bytes[..] => return Ok(false),
        Err(source) if !source.is_not_found() => return Err(CatalogError::Read { at: at.clone(), source }),
        _ => {}
    }
    stores
        .replace(at, bytes.into())
        .await
        .map_err(|source| CatalogError::Write { at: at.clone(), source })?;
    Ok(true)
}

/// Removes a document, and its folder if nothing else is in it.
fn remove_local(path: &Path) -> Result<(), CatalogError> {
    std::fs::remove_file(path).map_err(|source| CatalogError::Io {
        action: "remove",
        path: path.to_owned(),
        source,
    })?;
    if let Some(folder) = path.parent() {
        // Fails, as it should, where copied assets are left.
        drop(std::fs::remove_dir(folder));
    }
    Ok(())
}
