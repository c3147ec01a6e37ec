//! The links that make documents a tree, and those that are the author's.

use crate::Item;
use crate::document::{links, text};
use crate::ground::{Ground, is_outside};
use crate::href::{copy_href, resolve_file, resolve_href};
use seedbed_storage::Location;
use serde_json::{Map, Value, json};

pub const JSON: &str = "application/json";
pub const GEOJSON: &str = "application/geo+json";
/// Relations that the layout of a tree gives; the others are the author's.
pub const STRUCTURE: [&str; 8] = ["root", "parent", "self", "collection", "child", "item", "next", "prev"];

pub fn link(rel: &str, href: &str, media_type: &str) -> Value {
    let mut link = Map::with_capacity(3);
    for (key, value) in [("rel", rel), ("href", href), ("type", media_type)] {
        link.insert(key.to_owned(), Value::String(value.to_owned()));
    }
    Value::Object(link)
}

/// The fields of a link to an item besides `rel` and `href`.
pub fn item_link() -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), json!(GEOJSON))])
}

/// The fields of a link to a catalog or collection besides `rel` and `href`.
pub fn child_link(title: Option<&str>) -> Map<String, Value> {
    let mut link = Map::from_iter([("type".to_owned(), json!(JSON))]);
    if let Some(title) = title {
        link.insert("title".to_owned(), json!(title));
    }
    link
}

/// The links of a document that aren't structure, as they must stand in
/// `document`. Where it came from, if that was another place, is kept as `via`.
pub fn other_links(value: &Value, before: Option<&Location>, document: &str, ground: &Ground) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    let mut via = None;
    for link in links(value) {
        let (rel, href) = (text(link, "rel").unwrap_or_default(), text(link, "href").unwrap_or_default());
        if rel == "self" && href.starts_with("http") && ground.own(document).as_deref() != Some(href) {
            let here = ground.location(document).to_string();
            if here != href {
                via = Some(json!({"rel": "via", "href": href, "type": text(link, "type").unwrap_or(JSON)}));
            }
        }
        if STRUCTURE.contains(&rel) {
            continue;
        }
        let mut link = link.clone();
        if let Some(moved) = ground.moved(href, before, document) {
            link.insert("href".to_owned(), json!(moved));
        }
        kept.push(Value::Object(link));
    }
    kept.extend(via.filter(|v| !kept.iter().any(|l| l["rel"] == "via" && l["href"] == v["href"])));
    kept
}

/// Where the first link of a relation leads from an item's document.
pub fn linked(item: &Item, document: &Location, rel: &str) -> Option<Location> {
    let href = item.links().find(|l| text(l, "rel") == Some(rel)).and_then(|l| text(l, "href"))?;
    resolve_href(Some(document), href).ok()
}

/// The folder of the tree that the item in a document belongs to.
pub fn tree_of(item: &Item, document: &Location) -> Location {
    let root = linked(item, document, "root").unwrap_or_else(|| document.clone());
    root.parent().unwrap_or(root)
}

/// Makes an item say where in a tree it is: its links, and the hrefs of its assets.
pub fn fill_item(item: &mut Item, document: &str, parent: &str, collection: &str, ground: &Ground) {
    let before = item.location().cloned();
    let mut all = vec![
        link("root", &ground.link(document, "catalog.json"), JSON),
        link("parent", &ground.link(document, parent), JSON),
        link("collection", &ground.link(document, collection), JSON),
    ];
    all.extend(ground.own(document).map(|own| link("self", &own, GEOJSON)));
    all.extend(other_links(item.as_value(), before.as_ref(), document, ground));
    item.set_field("links", Value::Array(all));
    move_assets(item.value_mut(), before.as_ref(), document, ground);
}

/// Moves the hrefs of a document's assets, and of their alternates.
pub fn move_assets(value: &mut Value, before: Option<&Location>, document: &str, ground: &Ground) {
    let fix = |object: &mut Map<String, Value>, is_copy: bool| {
        let Some(href) = text(object, "href") else { return };
        let outside = || resolve_file(before, href).ok().filter(|at| is_outside(&ground.name_of(at)));
        let moved = match if is_copy { outside() } else { None } {
            Some(at) => Some(copy_href(&at, &ground.location(document), ground.root())),
            None => ground.moved(href, before, document),
        };
        if let Some(href) = moved {
            object.insert("href".to_owned(), Value::String(href));
        }
    };
    let Some(assets) = value.get_mut("assets").and_then(Value::as_object_mut) else { return };
    for (_, asset) in assets {
        let Some(asset) = asset.as_object_mut() else { continue };
        let is_copy = asset.get("alternate").is_some_and(|a| a.get("origin").is_some());
        fix(asset, is_copy);
        for (_, other) in asset.get_mut("alternate").and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(other) = other.as_object_mut() {
                fix(other, false);
            }
        }
    }
}
