//! A collection: what its items have in common.

use crate::cover::Cover;
use crate::item::{add_extension, bbox_of};
use crate::{CatalogError, Item, document};
use seedbed_grid::{Bbox, BoxUnion};
use seedbed_storage::Location;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A STAC collection as the JSON it was read from, every field kept in its order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Collection {
    /// Always an object.
    value: Value,
    #[serde(skip)]
    location: Option<Location>,
}

impl Collection {
    /// Takes a JSON object as a collection.
    ///
    /// # Errors
    /// [`CatalogError::Document`] if it isn't a collection with an `id`.
    pub fn from_value(value: Value) -> Result<Self, CatalogError> {
        let id = value["id"].as_str().unwrap_or("a collection without an id").to_owned();
        if value["type"] != "Collection" || !value["id"].is_string() {
            return Err(CatalogError::document(&id, "this is no STAC collection: `type` or `id` is wrong"));
        }
        Ok(Self { value, location: None })
    }

    /// A STAC 1.1.0 collection of these items: its extent is the union of
    /// theirs, and `item_assets` says for each asset key what all items agree on.
    ///
    /// The spatial extent crosses the antimeridian (west > east) only if an
    /// item's box does. Without any item the extent is the whole Earth and all time.
    #[must_use]
    pub fn from_items(id: &str, description: &str, license: &str, items: &[Item]) -> Self {
        let mut collection = Self {
            value: json!({
                "type": "Collection",
                "stac_version": "1.1.0",
                "stac_extensions": [],
                "id": id,
                "description": description,
                "license": license,
                "extent": {},
                "links": [],
            }),
            location: None,
        };
        collection.cover(items);
        collection
    }

    /// With a short human title.
    #[must_use]
    pub fn with_title(self, title: &str) -> Self {
        self.with_field("title", json!(title))
    }

    /// With keywords.
    #[must_use]
    pub fn with_keywords<S: AsRef<str>>(self, keywords: &[S]) -> Self {
        let keywords: Vec<&str> = keywords.iter().map(AsRef::as_ref).collect();
        if keywords.is_empty() { self } else { self.with_field("keywords", json!(keywords)) }
    }

    /// With providers: objects of `name`, `roles`, `url`.
    #[must_use]
    pub fn with_providers(self, providers: Vec<Value>) -> Self {
        if providers.is_empty() { self } else { self.with_field("providers", Value::Array(providers)) }
    }

    /// With a top-level field, put before `extent` if it is new.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: Value) -> Self {
        self.set_field(name, value);
        self
    }

    /// With a link.
    #[must_use]
    pub fn with_link(mut self, link: Value) -> Self {
        if let Some(links) = self.object().entry("links").or_insert_with(|| json!([])).as_array_mut() {
            links.push(link);
        }
        self
    }

    /// With an extension's schema named in `stac_extensions`.
    #[must_use]
    pub fn with_extension(mut self, schema: &str) -> Self {
        add_extension(self.object(), schema);
        self
    }

    /// The collection as JSON.
    #[must_use]
    pub fn as_value(&self) -> &Value {
        &self.value
    }

    /// The collection as JSON, given away.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.value["id"].as_str().unwrap_or_default()
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.value["title"].as_str()
    }

    /// Its description.
    #[must_use]
    pub fn description(&self) -> &str {
        self.value["description"].as_str().unwrap_or_default()
    }

    /// Its licence, an SPDX identifier or `other`.
    #[must_use]
    pub fn license(&self) -> &str {
        self.value["license"].as_str().unwrap_or_default()
    }

    /// Its overall bounding box.
    #[must_use]
    pub fn bbox(&self) -> Option<Bbox> {
        bbox_of(&self.value["extent"]["spatial"]["bbox"][0])
    }

    /// Where it was read from; no part of the JSON.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// The same collection, said to be at `at`.
    #[must_use]
    pub fn at(mut self, at: Location) -> Self {
        self.location = Some(at);
        self
    }

    /// Sets a top-level field; a new one goes before `extent`.
    pub fn set_field(&mut self, name: &str, value: Value) {
        let object = self.object();
        if let Some(field) = object.get_mut(name) {
            *field = value;
            return;
        }
        let at = object.keys().position(|k| k == "extent").unwrap_or(object.len());
        object.shift_insert(at, name.to_owned(), value);
    }

    /// The smallest box around these items; across the antimeridian only if one of theirs is.
    pub fn bbox_around<'a>(items: impl Iterator<Item = &'a Item>) -> Option<Bbox> {
        let mut boxes = BoxUnion::default();
        items.filter_map(Item::bbox).for_each(|bbox| boxes.add(bbox));
        boxes.bbox()
    }

    /// Computes `extent` anew, from these items alone.
    pub fn set_extent(&mut self, items: &[Item]) {
        let mut cover = Cover::default();
        for item in items {
            cover.add_extent(item);
        }
        self.set_field("extent", cover.extent());
    }

    /// Computes `extent` and `item_assets` anew, from these items alone.
    pub fn cover(&mut self, items: &[Item]) {
        let mut cover = Cover::default();
        for item in items {
            cover.add(item);
        }
        self.set_extent_and_assets(&cover);
    }

    /// Takes over what a writer gathered. Summaries that the author wrote stay.
    pub(crate) fn set_cover(&mut self, cover: &Cover) {
        self.set_extent_and_assets(cover);
        let mut summaries = self.value["summaries"].as_object().cloned().unwrap_or_default();
        for (name, summary) in cover.summaries() {
            summaries.entry(name).or_insert(summary);
        }
        self.set_before_links("summaries", summaries);
    }

    /// Takes over extent and assets that a writer gathered.
    pub(crate) fn set_extent_and_assets(&mut self, cover: &Cover) {
        self.set_field("extent", cover.extent());
        self.set_before_links("item_assets", cover.item_assets());
    }

    /// Sets a field, put before `links` if it is new, or takes it away if there is nothing in it.
    fn set_before_links(&mut self, name: &str, fields: Map<String, Value>) {
        let object = self.object();
        if fields.is_empty() {
            object.shift_remove(name);
            return;
        }
        let at = object.keys().position(|k| k == "links").unwrap_or(object.len());
        match object.get_mut(name) {
            Some(field) => *field = Value::Object(fields),
            None => {
                object.shift_insert(at, name.to_owned(), Value::Object(fields));
            }
        }
    }

    fn object(&mut self) -> &mut Map<String, Value> {
        if !self.value.is_object() {
            self.value = json!({});
        }
        match &mut self.value {
            Value::Object(object) => object,
            _ => unreachable!("made an object just above"),
        }
    }

    /// The links, in their order.
    pub fn links(&self) -> impl Iterator<Item = &Map<String, Value>> {
        document::links(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, bbox: [f64; 4], datetime: &str) -> Item {
        let mut item = Item::new(id);
        item.set_field("bbox", json!(bbox));
        item.set_property("datetime", json!(datetime));
        item.set_asset(
            "data",
            json!({"href": format!("{id}.tif"), "type": "image/tiff", "roles": ["data"], "file:size": id.len(), "title": id}),
        );
        item
    }

    #[test]
    fn extents_and_asset_keys_come_from_the_items() {
        let items = [
            item("a", [-10.0, 0.0, 0.0, 5.0], "2004-06-01T00:00:00Z"),
            item("b", [0.0, -5.0, 20.0, 1.0], "2003-01-01T12:00:00Z"),
        ];
        let c = Collection::from_items("c", "Some items", "CC0-1.0", &items)
            .with_title("C")
            .with_keywords(&["x"])
            .with_providers(vec![json!({"name": "P"})]);
        assert_eq!(
            c.as_value()["extent"],
            json!({"spatial": {"bbox": [[-10.0, -5.0, 20.0, 5.0]]},
                   "temporal": {"interval": [["2003-01-01T12:00:00Z", "2004-06-01T00:00:00Z"]]}})
        );
        assert_eq!(c.as_value()["item_assets"], json!({"data": {"type": "image/tiff", "roles": ["data"]}}));
        let keys: Vec<&String> = c.as_value().as_object().unwrap().keys().collect();
        assert_eq!(keys[6..], ["title", "keywords", "providers", "extent", "item_assets", "links"]);
    }
}
