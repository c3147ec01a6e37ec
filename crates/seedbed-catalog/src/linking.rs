//! How the documents of a tree point at one another and at assets.

use crate::Item;
use crate::document::text;
use crate::href::{absolute, absolute_href, is_inside, relative_href, resolve_href, share_a_folder};
use seedbed_storage::Location;
use serde_json::{Map, Value, json};
use url::Url;

pub(crate) const JSON: &str = "application/json";
pub(crate) const GEOJSON: &str = "application/geo+json";
/// Relations that the layout of a tree gives; the others are the author's.
const STRUCTURE: [&str; 8] = ["root", "parent", "self", "collection", "child", "item", "next", "prev"];

/// How hrefs within a tree are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hrefs {
    /// Relative, without `self` links: the tree can be moved as a folder or a bucket's prefix.
    #[default]
    Relative,
    /// Relative, with `self` links that say where the tree is served: from this address.
    Published(Url),
    /// Every href in full, the tree being served from this address.
    Absolute(Url),
}

/// Writes the hrefs of the documents of one tree.
#[derive(Debug, Clone)]
pub(crate) struct Linker {
    /// The folder of the tree.
    pub root: Location,
    /// The root document.
    pub catalog: Location,
    pub hrefs: Hrefs,
}

/// A link.
pub(crate) fn link(rel: &str, href: &str, media_type: &str) -> Value {
    json!({"rel": rel, "href": href, "type": media_type})
}

impl Linker {
    /// Where a document or asset of the tree is served.
    fn served(&self, at: &Location, from: &Url) -> Option<String> {
        let path = absolute(at).relative_to(&self.root)?;
        let mut base = from.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base.join(path.strip_prefix("./")?).ok().map(String::from)
    }

    /// The href of `target` in the document at `from`, both being of the tree.
    pub(crate) fn href(&self, from: &Location, target: &Location) -> String {
        if let Hrefs::Absolute(url) = &self.hrefs
            && let Some(href) = self.served(target, url)
        {
            return href;
        }
        relative_href(from, target).unwrap_or_else(|| absolute(target).to_string())
    }

    /// A link within the tree.
    pub(crate) fn link(&self, rel: &str, from: &Location, target: &Location, media_type: &str) -> Value {
        link(rel, &self.href(from, target), media_type)
    }

    /// The `self` link of a document, where the tree says where it is served.
    pub(crate) fn self_link(&self, at: &Location, media_type: &str) -> Option<Value> {
        let (Hrefs::Published(url) | Hrefs::Absolute(url)) = &self.hrefs else { return None };
        Some(link("self", &self.served(at, url)?, media_type))
    }

    /// The place in the tree that an absolute href of it means.
    pub(crate) fn localised(&self, target: Location) -> Location {
        let (Hrefs::Absolute(url), Location::Http(at)) = (&self.hrefs, &target) else { return target };
        let base = url.as_str().trim_end_matches('/');
        match at.as_str().strip_prefix(base).and_then(|rest| rest.strip_prefix('/')) {
            Some(path) if !path.is_empty() => self.root.join(path),
            _ => target,
        }
    }

    /// An href that stood in the document `before`, as it must stand in `document`
    /// of the tree: by the tree's rule inside of it, else absolute.
    pub(crate) fn moved(&self, href: &str, before: Option<&Location>, document: &Location) -> String {
        // Most assets are elsewhere, and said to be.
        if href.contains("://") && self.root.is_local() && !href.starts_with("file:") {
            return href.to_owned();
        }
        match resolve_href(before, href) {
            Ok(target) if is_inside(&self.root, &target) => self.href(document, &target),
            _ => absolute_href(before, href),
        }
    }

    /// The same for the href of a copy: relative also to what lies near the tree on
    /// the same disk, so that a document doesn't tell in which folder the work was
    /// done, and catalog and copies can be moved together.
    pub(crate) fn copied(&self, href: &str, before: Option<&Location>, document: &Location) -> String {
        match resolve_href(before, href) {
            Ok(target) if !is_inside(&self.root, &target) && share_a_folder(document, &target) => {
                relative_href(document, &target).unwrap_or_else(|| absolute(&target).to_string())
            }
            _ => self.moved(href, before, document),
        }
    }

    /// The links of a document that aren't structure, moved. Where the document
    /// came from, if that was another place, is kept as `via`.
    pub(crate) fn others<'a>(
        &self,
        all: impl Iterator<Item = &'a Map<String, Value>>,
        before: Option<&Location>,
        document: &Location,
    ) -> Vec<Value> {
        let mut kept: Vec<Value> = Vec::new();
        let mut via = None;
        for link in all {
            let (rel, href) = (text(link, "rel").unwrap_or_default(), text(link, "href").unwrap_or_default());
            if rel == "self" && href.starts_with("http") && !self.is_self(href, document) {
                via = Some(json!({"rel": "via", "href": href, "type": text(link, "type").unwrap_or(JSON)}));
            }
            if STRUCTURE.contains(&rel) {
                continue;
            }
            let mut link = link.clone();
            link.insert("href".to_owned(), json!(self.moved(href, before, document)));
            kept.push(Value::Object(link));
        }
        kept.extend(via.filter(|v| !kept.iter().any(|l| l["rel"] == "via" && l["href"] == v["href"])));
        kept
    }

    /// Whether a `self` link means the very document it stands in.
    fn is_self(&self, href: &str, document: &Location) -> bool {
        let own = self.self_link(document, JSON);
        own.is_some_and(|l| l["href"] == href) || absolute(document).to_string() == href
    }

    /// An item as its document in the tree has it.
    pub(crate) fn item(
        &self,
        mut item: Item,
        document: &Location,
        parent: &Location,
        collection: Option<(&Location, &str)>,
    ) -> Value {
        let before = item.location().cloned();
        let before = before.as_ref();
        let mut all: Vec<Value> = self.self_link(document, GEOJSON).into_iter().collect();
        all.push(self.link("root", document, &self.catalog, JSON));
        all.push(self.link("parent", document, parent, JSON));
        if let Some((place, id)) = collection {
            item.set_field("collection", json!(id));
            all.push(self.link("collection", document, place, JSON));
        }
        all.extend(self.others(item.links(), before, document));
        item.set_field("links", Value::Array(all));
        let mut value = item.into_value();
        for (_, asset) in value["assets"].as_object_mut().into_iter().flatten() {
            let Some(asset) = asset.as_object_mut() else { continue };
            let is_copy = asset.get("alternate").is_some_and(|a| a.get("origin").is_some());
            if let Some(href) = text(asset, "href") {
                let href = if is_copy {
                    self.copied(href, before, document)
                } else {
                    self.moved(href, before, document)
                };
                asset.insert("href".to_owned(), json!(href));
            }
            for (_, other) in asset.get_mut("alternate").and_then(Value::as_object_mut).into_iter().flatten()
            {
                let href = other["href"].as_str().map(|href| self.moved(href, before, document));
                if let (Some(other), Some(href)) = (other.as_object_mut(), href) {
                    other.insert("href".to_owned(), json!(href));
                }
            }
        }
        value
    }
}
