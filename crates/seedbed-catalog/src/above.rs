//! The catalogs above a collection.

use crate::CatalogError;
use crate::disk::{Disk, is_absent};
use crate::ground::{Ground, is_outside};
use crate::links::{JSON, child_link, link, other_links};
use crate::parent::{self, Frame};
use seedbed_storage::Stores;
use serde_json::{Value, json};
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

/// Links a child from a catalog, which is made if it isn't there.
pub async fn link_child(
    disk: &mut Disk,
    ground: &Ground,
    document: &str,
    above: Option<&str>,
    child: &str,
    title: Option<&str>,
    new: impl FnOnce() -> Value,
) -> Result<(), CatalogError> {
    let at = ground.location(document);
    let (mut children, mut items) = (BTreeMap::new(), Vec::new());
    let read = parent::read(&disk.stores, &at, |down| {
        if down.child {
            children.insert(ground.target(document, &down.href)?, down.rest);
        } else {
            items.push(down);
        }
        Ok(())
    });
    let found = match read.await {
        Ok(found) => Some(found),
        Err(error) if is_absent(&error) => None,
        Err(error) => return Err(error),
    };
    let existing = found.is_some();
    let mut value = found.map_or_else(new, Value::Object);
    children.insert(child.to_owned(), child_link(title));
    let own = ground.own(document);
    let mut first = Vec::new();
    if !existing || own.is_some() {
        first.push(link("root", &ground.link(document, "catalog.json"), JSON));
        first.extend(above.map(|above| link("parent", &ground.link(document, above), JSON)));
        first.extend(own.map(|own| link("self", &own, JSON)));
        first.extend(other_links(&value, Some(&at), document, ground));
        value["links"] = Value::Array(first);
    }
    let Some(object) = value.as_object() else { return Ok(()) };
    let mut frame = Frame::of(object);
    let mut draft = Disk::draft(&at);
    let write = |draft: &mut crate::disk::Draft| {
        frame.open(draft)?;
        for (child, rest) in &children {
            frame.link(draft, "child", &ground.link(document, child), rest)?;
        }
        for item in &items {
            frame.link(draft, "item", &item.href, &item.rest)?;
        }
        frame.close(draft)
    };
    let mut write = write;
    write(&mut draft).map_err(|source| CatalogError::Io {
        action: "write",
        path: at.as_path().unwrap_or(Path::new(document)).to_owned(),
        source,
    })?;
    disk.put_draft(draft).await?;
    Ok(())
}

/// A catalog without links.
pub fn new_catalog(id: &str, description: &str) -> Value {
    json!({"type": "Catalog", "stac_version": "1.1.0", "id": id, "description": description, "links": []})
}
