//! The links that make documents a tree, and those that are the author's.

use crate::document::{links, text};
use crate::ground::Ground;
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
