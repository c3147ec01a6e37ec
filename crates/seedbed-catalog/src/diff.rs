//! What two trees differ in.

use crate::document::{parse, read_bytes, text};
use crate::ground::{Ground, Hrefs};
use crate::href::resolve_href;
use crate::item_collection::{entry, open};
use crate::item_file::Opened;
use crate::links::STRUCTURE;
use crate::save::Ids;
use crate::tree::NodeKind;
use crate::walk::{Step, Walk};
use crate::{CatalogError, Sorted, Sorter};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

/// Bytes of ids and paths that are held before they go to temporary files.
const SORTED_IN_MEMORY: usize = 48 << 20;
/// The most changed documents that a report tells of.
const MOST_LISTED: usize = 10_000;

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// A JSON pointer to it.
    pub pointer: String,
    /// What it was; nothing if it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What it is; nothing if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// A document that both trees have, but not alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// The item's collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Its id.
    pub id: String,
    /// Keys of assets that are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assets_added: Vec<String>,
    /// Keys of assets that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assets_removed: Vec<String>,
    /// Keys of assets of which a field differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assets_changed: Vec<String>,
    /// The fields that differ, those of changed assets included.
    pub fields: Vec<Field>,
}

/// What two trees differ in.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Diff {
    /// Items that the new tree alone has, as `collection/id`.
    pub added: Ids,
    /// Items that the old tree alone has.
    pub removed: Ids,
    /// How many items differ.
    pub changed_count: u64,
    /// The first ten thousand of them.
    pub changed: Vec<Changed>,
    /// How many items are alike.
    pub unchanged: u64,
    /// Catalogs and collections that the new tree alone has.
    pub nodes_added: Vec<String>,
    /// Catalogs and collections that the old tree alone has.
    pub nodes_removed: Vec<String>,
    /// Collections that differ.
    pub collections_changed: Vec<Changed>,
}

impl Diff {
    /// Whether the trees are alike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.count == 0
            && self.removed.count == 0
            && self.changed_count == 0
            && self.nodes_added.is_empty()
            && self.nodes_removed.is_empty()
            && self.collections_changed.is_empty()
    }
}

/// What two trees differ in, item by item and field by field. Either may be a file of items, of which catalogs and
/// collections are no part.
///
/// Hrefs are compared as the places they mean, those inside a tree counted from
/// its folder, and links that make documents a tree aren't compared: a tree that
/// was moved or copied as a whole is the same tree. Both are walked through once
/// and joined by id; `work` is a folder for what doesn't fit into memory.
///
/// # Errors
/// As reading the trees goes.
pub async fn diff(
    stores: &Stores,
    old: &Location,
    new: &Location,
    work: &Path,
) -> Result<Diff, CatalogError> {
    let (old, new) = (open(stores, &entry(old)).await?, open(stores, &entry(new)).await?);
    let (mut left, mut right) = (ground(&old.0), ground(&new.0));
    // What a file of items names has no place in a tree but that of the other side.
    match (&old.1, &new.1) {
        (Opened::Tree(_), Opened::Tree(_)) => {}
        (Opened::Items(_), Opened::Tree(_)) => left = right.clone(),
        (_, Opened::Items(_)) => right = left.clone(),
    }
    let (old, new) =
        (Side::read(stores, old, left, work).await?, Side::read(stores, new, right, work).await?);
    let mut report = Diff::default();
    compare_nodes(&old, &new, &mut report);
    let (mut left, mut right) = (old.items, new.items);
    let (mut a, mut b) = (next(&mut left)?, next(&mut right)?);
    loop {
        match (&a, &b) {
            (None, None) => return Ok(report),
            (Some(x), Some(y)) if x.key == y.key => {
                if x.digest == y.digest && x.held == y.held {
                    report.unchanged += 1;
                } else {
                    let before = item(stores, &old.ground, &x.held).await?;
                    let after = item(stores, &new.ground, &y.held).await?;
                    match compare(&before, &after) {
                        None => report.unchanged += 1,
                        Some(changed) => {
                            report.changed_count += 1;
                            if report.changed.len() < MOST_LISTED {
                                report.changed.push(changed);
                            }
                        }
                    }
                }
                (a, b) = (next(&mut left)?, next(&mut right)?);
            }
            (Some(x), y) if y.as_ref().is_none_or(|y| x.key < y.key) => {
                report.removed.push(&x.name());
                a = next(&mut left)?;
            }
            (_, Some(y)) => {
                report.added.push(&y.name());
                b = next(&mut right)?;
            }
            (Some(_), None) => unreachable!("the arm above takes what is on the left alone"),
        }
    }
}

/// One of the trees.
struct Side {
    ground: Ground,
    items: Sorted,
    /// Catalogs and collections by the ids that lead to them; none of a file of items.
    nodes: Option<BTreeMap<String, (NodeKind, Value)>>,
}

/// An item as it is joined.
struct Record {
    /// Its collection and id.
    key: Vec<u8>,
    digest: Vec<u8>,
    /// The path of its document after [`PLACE`], or itself.
    held: String,
}

/// What no JSON document begins with.
const PLACE: char = '@';

impl Record {
    fn name(&self) -> String {
        String::from_utf8_lossy(&self.key).trim_start_matches('\0').replace('\0', "/")
    }
}

fn next(items: &mut Sorted) -> Result<Option<Record>, CatalogError> {
    let Some(record) = items.next() else { return Ok(None) };
    let (key, mut digest) = record?;
    let held = String::from_utf8_lossy(&digest.split_off(8)).into_owned();
    Ok(Some(Record { key, digest, held }))
}

/// The folder that a document's hrefs are counted from.
fn ground(at: &Location) -> Ground {
    Ground::new(&at.parent().unwrap_or_else(|| at.clone()), &Hrefs::Relative)
}

/// An item's key, and its digest before what is held of it.
fn record(collection: Option<&str>, id: &str, text: &[u8], held: &str) -> (Vec<u8>, Vec<u8>) {
    let key = format!("{}\0{id}", collection.unwrap_or_default());
    let mut hasher = DefaultHasher::new();
    hasher.write(text);
    let mut value = hasher.finish().to_le_bytes().to_vec();
    value.extend_from_slice(held.as_bytes());
    (key.into_bytes(), value)
}

impl Side {
    async fn read(
        stores: &Stores,
        (at, opened): (Location, Opened),
        ground: Ground,
        work: &Path,
    ) -> Result<Self, CatalogError> {
        let mut sorter = Sorter::new(work, SORTED_IN_MEMORY);
        let document = match opened {
            Opened::Tree(document) => document,
            Opened::Items(items) => {
                for item in items {
                    let item = item?;
                    let mut value = item.as_value().clone();
                    normalise(&mut value, item.location().unwrap_or(&at), &ground);
                    let (held, collection) = (value.to_string(), item.collection());
                    let (key, value) = record(collection, item.id(), held.as_bytes(), &held);
                    sorter.push(&key, &value)?;
                }
                return Ok(Self { ground, items: sorter.finish()?, nodes: None });
            }
        };
        let mut nodes = BTreeMap::new();
        let mut ids: Vec<String> = Vec::new();
        let mut walk = match document {
            Value::Object(document) => Walk::of(stores, &at, document),
            _ => Walk::new(stores, &at),
        };
        while let Some(step) = walk.next().await? {
            match step {
                Step::Enter(node) => {
                    ids.push(node.document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned());
                    let name = match node.kind {
                        NodeKind::Collection => {
                            format!("collection {}", ids.last().cloned().unwrap_or_default())
                        }
                        NodeKind::Catalog => format!("catalog {}", ids.join("/")),
                    };
                    let mut value = Value::Object(node.document);
                    normalise(&mut value, &node.location, &ground);
                    nodes.insert(name, (node.kind, value));
                }
                Step::Leave => drop(ids.pop()),
                Step::Item(leaf) => {
                    let held = format!("{PLACE}{}", ground.name_of(leaf.location()));
                    let (key, value) = record(leaf.collection(), leaf.id(), leaf.text(), &held);
                    sorter.push(&key, &value)?;
                }
            }
        }
        Ok(Self { ground, items: sorter.finish()?, nodes: Some(nodes) })
    }
}

async fn item(stores: &Stores, ground: &Ground, held: &str) -> Result<Value, CatalogError> {
    let Some(place) = held.strip_prefix(PLACE) else {
        let failed = |source| CatalogError::Json { at: "a sorted item".to_owned(), line: None, source };
        return serde_json::from_str(held).map_err(failed);
    };
    let at = ground.location(place);
    let mut value = parse(&read_bytes(stores, &at).await?, &at)?;
    normalise(&mut value, &at, ground);
    Ok(value)
}

/// The document without the links that make it part of a tree, every other href
/// as the place it means.
fn normalise(value: &mut Value, at: &Location, ground: &Ground) {
    let place = |object: &mut Map<String, Value>| {
        let target = text(object, "href").and_then(|href| resolve_href(Some(at), href).ok());
        if let Some(target) = target {
            object.insert("href".to_owned(), Value::String(ground.name_of(&target)));
        }
    };
    if let Some(links) = value.get_mut("links").and_then(Value::as_array_mut) {
        links.retain(|l| !l["rel"].as_str().is_some_and(|rel| STRUCTURE.contains(&rel)));
        links.iter_mut().filter_map(Value::as_object_mut).for_each(place);
    }
    let assets = value.get_mut("assets").and_then(Value::as_object_mut);
    for (_, asset) in assets.into_iter().flatten() {
        let Some(asset) = asset.as_object_mut() else { continue };
        place(asset);
        let alternates = asset.get_mut("alternate").and_then(Value::as_object_mut);
        for (_, other) in alternates.into_iter().flatten() {
            other.as_object_mut().into_iter().for_each(place);
        }
    }
}

fn compare_nodes(old: &Side, new: &Side, report: &mut Diff) {
    let (Some(old), Some(new)) = (&old.nodes, &new.nodes) else { return };
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        report.nodes_removed.push(name.clone());
    }
    for (name, (kind, value)) in new {
        match old.get(name) {
            None => report.nodes_added.push(name.clone()),
            Some((_, before)) if *kind == NodeKind::Collection => {
                report.collections_changed.extend(compare(before, value));
            }
            Some(_) => {}
        }
    }
}

/// The differences of two documents, if there are any.
fn compare(old: &Value, new: &Value) -> Option<Changed> {
    let mut changed = Changed {
        collection: new["collection"].as_str().map(str::to_owned),
        id: new["id"].as_str().unwrap_or_default().to_owned(),
        assets_added: Vec::new(),
        assets_removed: Vec::new(),
        assets_changed: Vec::new(),
        fields: Vec::new(),
    };
    let empty = Map::new();
    let (a, b) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    for (key, (x, y)) in both(a, b) {
        if key != "assets" {
            fields(&format!("/{}", escaped(key)), x, y, &mut changed.fields);
            continue;
        }
        let assets = |v: Option<&Value>| v.and_then(Value::as_object).cloned().unwrap_or_default();
        let (x, y) = (assets(x), assets(y));
        for (key, pair) in both(&x, &y) {
            match pair {
                (None, _) => changed.assets_added.push(key.to_owned()),
                (_, None) => changed.assets_removed.push(key.to_owned()),
                (x, y) => {
                    let before = changed.fields.len();
                    fields(&format!("/assets/{}", escaped(key)), x, y, &mut changed.fields);
                    if changed.fields.len() > before {
                        changed.assets_changed.push(key.to_owned());
                    }
                }
            }
        }
    }
    let alike =
        changed.fields.is_empty() && changed.assets_added.is_empty() && changed.assets_removed.is_empty();
    (!alike).then_some(changed)
}

/// The members of two objects by their keys.
type Pair<'v> = (Option<&'v Value>, Option<&'v Value>);

fn both<'v>(a: &'v Map<String, Value>, b: &'v Map<String, Value>) -> Vec<(&'v str, Pair<'v>)> {
    let mut all: Vec<_> = a.iter().map(|(key, x)| (key.as_str(), (Some(x), b.get(key)))).collect();
    all.extend(
        b.iter().filter(|(key, _)| !a.contains_key(*key)).map(|(key, y)| (key.as_str(), (None, Some(y)))),
    );
    all
}

fn fields(pointer: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Field>) {
    match (old, new) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for (key, (x, y)) in both(a, b) {
                fields(&format!("{pointer}/{}", escaped(key)), x, y, found);
            }
        }
        (Some(a), Some(b)) if alike(a, b) => {}
        (None, None) => {}
        (a, b) => found.push(Field { pointer: pointer.to_owned(), old: a.cloned(), new: b.cloned() }),
    }
}

/// Whether two values are one, however their numbers are written: `0` is `0.0`.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() != b.is_f64() => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A key as it stands in a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
