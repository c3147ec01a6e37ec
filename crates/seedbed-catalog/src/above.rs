//! The catalogs above a collection.

use crate::CatalogError;
use crate::disk::{ATTEMPTS, Disk, Draft, OFTEN, is_absent};
use crate::ground::{Ground, is_outside};
use crate::links::{JSON, child_link, link, other_links};
use crate::parent::{self, Down, Frame};
use seedbed_storage::Stores;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::Path;

/// The collection with an id below the root of a tree: its document's path, and
/// that of the catalog that links to it. Catalogs alone are gone into.
pub async fn find_collection(
    stores: &Stores,
    ground: &Ground,
    id: &str,
) -> Result<Option<(String, String)>, CatalogError> {
    let root = "catalog.json".to_owned();
    let mut next = VecDeque::from([(root.clone(), root.clone())]);
    let mut seen = HashSet::from([root.clone()]);
    while let Some((document, above)) = next.pop_front() {
        let mut below = Vec::new();
        let at = ground.location(&document);
        let read = parent::read(stores, &at, |down| {
            if down.child {
                below.push(ground.target(&document, &down.href)?);
            }
            Ok(())
        });
        let head = match read.await {
            Err(error) if document == root && is_absent(&error) => return Ok(None),
            head => head?,
        };
        if head.get("type").is_some_and(|t| t == "Collection") {
            if document != root && head.get("id").is_some_and(|found| found == id) {
                return Ok(Some((document, above)));
            }
            continue;
        }
        let inside = below.into_iter().filter(|child| !is_outside(child));
        for child in inside {
            if seen.insert(child.clone()) {
                next.push_back((child, document.clone()));
            }
        }
    }
    Ok(None)
}

/// A child that a catalog is to link to.
pub struct Child<'a> {
    /// The path of its document.
    pub document: &'a str,
    pub title: Option<&'a str>,
}

/// Links a child from a catalog, which is made if it isn't there. What others link from a catalog in a store at the
/// same time stays.
pub async fn link_child(
    disk: &mut Disk,
    ground: &Ground,
    document: &str,
    above: Option<&str>,
    child: &Child<'_>,
    new: impl Fn() -> Value,
) -> Result<(), CatalogError> {
    let at = ground.location(document);
    if at.is_local() {
        let mut links = Links::default();
        let found = match parent::read(&disk.stores, &at, |down| links.take(down, ground, document)).await {
            Ok(found) => Some(found),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(error),
        };
        let draft = links.with(child).draft(found, ground, document, above, &new)?;
        return disk.put_draft(draft).await.map(drop);
    }
    for _ in 0..ATTEMPTS {
        let mut links = Links::default();
        let before = disk.prepare_shared(&at).await?;
        let found = before.as_ref();
        let found = found.map(|b| parent::parse(&b.bytes, &at, |down| links.take(down, ground, document)));
        let draft = links.with(child).draft(found.transpose()?, ground, document, above, &new)?;
        if disk.put_shared(&at, &draft.into_bytes(), before.as_ref()).await?.is_some() {
            return Ok(());
        }
    }
    Err(CatalogError::overtaken(&at, OFTEN))
}

/// The links of a catalog that lead down: children by path, with the fields of their links.
#[derive(Default)]
struct Links {
    children: BTreeMap<String, Map<String, Value>>,
    items: Vec<Down>,
}

impl Links {
    fn take(&mut self, down: Down, ground: &Ground, document: &str) -> Result<(), CatalogError> {
        if down.child {
            self.children.insert(ground.target(document, &down.href)?, down.rest);
        } else {
            self.items.push(down);
        }
        Ok(())
    }

    fn with(mut self, child: &Child<'_>) -> Self {
        self.children.insert(child.document.to_owned(), child_link(child.title));
        self
    }

    /// The catalog with these links: the one that was `found`, or a new one.
    fn draft(
        &self,
        found: Option<Map<String, Value>>,
        ground: &Ground,
        document: &str,
        above: Option<&str>,
        new: impl Fn() -> Value,
    ) -> Result<Draft, CatalogError> {
        let at = ground.location(document);
        let existing = found.is_some();
        let mut value = found.map_or_else(new, Value::Object);
        let own = ground.own(document);
        let mut first = Vec::new();
        if !existing || own.is_some() {
            first.push(link("root", &ground.link(document, "catalog.json"), JSON));
            first.extend(above.map(|above| link("parent", &ground.link(document, above), JSON)));
            first.extend(own.map(|own| link("self", &own, JSON)));
            first.extend(other_links(&value, Some(&at), document, ground));
            value["links"] = Value::Array(first);
        }
        let mut draft = Disk::draft(&at);
        let Some(object) = value.as_object() else { return Ok(draft) };
        let mut frame = Frame::of(object);
        let mut write = || {
            frame.open(&mut draft)?;
            for (child, rest) in &self.children {
                frame.link(&mut draft, "child", &ground.link(document, child), rest)?;
            }
            for item in &self.items {
                frame.link(&mut draft, "item", &item.href, &item.rest)?;
            }
            frame.close(&mut draft)
        };
        write().map_err(|source| CatalogError::Io {
            action: "write",
            path: at.as_path().unwrap_or(Path::new(document)).to_owned(),
            source,
        })?;
        Ok(draft)
    }
}

/// A catalog without links.
pub fn new_catalog(id: &str, description: &str) -> Value {
    json!({"type": "Catalog", "stac_version": "1.1.0", "id": id, "description": description, "links": []})
}
