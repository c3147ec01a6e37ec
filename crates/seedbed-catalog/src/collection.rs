//! A collection: what its items have in common.

use crate::item::{add_extension, bbox_of};
use crate::{CatalogError, Item, document, time};
use seedbed_grid::Bbox;
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
        union(items.filter_map(Item::bbox))
    }

    /// Computes `extent` anew, from these items alone.
    pub fn set_extent(&mut self, items: &[Item]) {
        let bbox = Self::bbox_around(items.iter());
        let bbox = bbox.map_or([-180.0, -90.0, 180.0, 90.0], <[f64; 4]>::from);
        let first = |texts: &mut dyn Iterator<Item = &str>, last: bool| {
            let instants = texts.filter_map(time::instant);
            let found = if last { instants.max() } else { instants.min() };
            // Whole seconds, as most readers expect.
            found.map(|i| i.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        };
        let start = first(&mut items.iter().filter_map(Item::start_text), false);
        let end = first(&mut items.iter().filter_map(Item::end_text), true);
        self.set_field(
            "extent",
            json!({"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[start, end]]}}),
        );
    }

    /// Computes `extent` and `item_assets` anew, from these items alone.
    pub fn cover(&mut self, items: &[Item]) {
        self.set_extent(items);
        let assets = common_assets(items);
        if assets.is_empty() {
            self.object().shift_remove("item_assets");
        } else {
            let object = self.object();
            let at = object.keys().position(|k| k == "links").unwrap_or(object.len());
            match object.get_mut("item_assets") {
                Some(field) => *field = Value::Object(assets),
                None => {
                    object.shift_insert(at, "item_assets".to_owned(), Value::Object(assets));
                }
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

/// The smallest box around all; across the antimeridian only if one of them is.
fn union(boxes: impl Iterator<Item = Bbox>) -> Option<Bbox> {
    let boxes: Vec<Bbox> = boxes.collect();
    let plain = boxes.iter().copied().reduce(Bbox::union)?;
    if boxes.iter().all(|b| b.west <= b.east) {
        return Some(plain);
    }
    // On the circle: the union is what the widest gap between the boxes leaves.
    let mut arcs: Vec<(f64, f64)> =
        boxes.iter().map(|b| (b.west, if b.west <= b.east { b.east } else { b.east + 360.0 })).collect();
    arcs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let first = arcs[0].0;
    let mut reach = arcs[0].1;
    let (mut gap, mut west, mut east) = (0.0, -180.0, 180.0);
    for &(start, end) in arcs[1..].iter().chain(std::iter::once(&(first + 360.0, 0.0))) {
        if start - reach > gap {
            (gap, west, east) = (start - reach, start, reach);
        }
        reach = reach.max(end);
    }
    let wrapped = |x: f64| if x > 180.0 { x - 360.0 } else { x };
    let (west, east) = if gap > 0.0 { (wrapped(west), wrapped(east)) } else { (-180.0, 180.0) };
    Some(Bbox { west, east, south: plain.south, north: plain.north })
}

/// For each asset key, the fields that are the same in every item that has it;
/// what belongs to one file (href, size, checksum, alternates) is left out.
fn common_assets(items: &[Item]) -> Map<String, Value> {
    let mut common: Map<String, Value> = Map::new();
    for item in items {
        for (key, asset) in item.assets() {
            let asset = asset.as_object();
            if let Some(fields) = common.get_mut(key).and_then(Value::as_object_mut) {
                fields.retain(|name, value| asset.get(name) == Some(value));
                continue;
            }
            let of_all = |name: &str| {
                !matches!(name, "href" | "alternate" | "updated" | "created")
                    && !name.starts_with("file:")
                    && !name.starts_with("alternate:")
            };
            let fields = asset.iter().filter(|(name, _)| of_all(name));
            let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
            common.insert(key.to_owned(), Value::Object(fields));
        }
    }
    // STAC wants at least two fields of each.
    common.retain(|_, fields| fields.as_object().is_some_and(|f| f.len() >= 2));
    common
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

    #[test]
    fn extents_cross_the_antimeridian_only_with_an_item() {
        let fiji = Bbox { west: 177.0, south: -20.0, east: -178.0, north: -12.0 };
        let east = Bbox { west: -179.0, south: 0.0, east: -170.0, north: 1.0 };
        let both = union([fiji, east].into_iter()).unwrap();
        assert_eq!((both.west, both.east, both.south, both.north), (177.0, -170.0, -20.0, 1.0));
        let japan = Bbox { west: 140.0, south: 30.0, east: 145.0, north: 40.0 };
        assert_eq!(union([japan, east].into_iter()).unwrap().west, -179.0);
        let world = Bbox { west: -180.0, south: 0.0, east: 180.0, north: 1.0 };
        assert_eq!(union([fiji, world].into_iter()).map(|b| (b.west, b.east)), Some((-180.0, 180.0)));
    }
}
