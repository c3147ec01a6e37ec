//! One item: a GeoJSON feature with assets.

use crate::asset::Asset;
use crate::{CatalogError, document, time};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use seedbed_grid::Bbox;
use seedbed_storage::Location;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A STAC item as the JSON it was read from, every field kept in its order.
///
/// ```
/// use seedbed_catalog::Item;
/// use serde_json::json;
///
/// let mut item = Item::new("daymet-2003");
/// item.set_property("datetime", json!("2003-07-01T12:00:00Z"));
/// item.set_asset("tmax", json!({"href": "https://example.org/tmax.nc"}));
/// assert_eq!(item.start().unwrap().to_string(), "2003-07-01");
/// assert_eq!(item.asset("tmax").unwrap().href(), "https://example.org/tmax.nc");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Item {
    /// Always an object.
    value: Value,
    #[serde(skip)]
    location: Option<Location>,
    /// Whether the document at `location` is this item alone.
    #[serde(skip)]
    own_document: bool,
}

impl Item {
    /// A STAC 1.1.0 item without geometry, time or assets.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            value: json!({
                "type": "Feature",
                "stac_version": "1.1.0",
                "stac_extensions": [],
                "id": id,
                "geometry": null,
                "properties": {"datetime": null},
                "links": [],
                "assets": {},
            }),
            location: None,
            own_document: false,
        }
    }

    /// Takes a JSON object as an item. Only what the typed view needs is
    /// checked: it is a feature with an `id`, and `assets`, `properties` and
    /// `links` have the right shape where they are there. [`validate`](crate::validate)
    /// checks the rest.
    ///
    /// # Errors
    /// [`CatalogError::Document`] naming the field.
    pub fn from_value(value: Value) -> Result<Self, CatalogError> {
        let id = value["id"].as_str().unwrap_or("an item without an id").to_owned();
        let bad = |reason: &str| CatalogError::document(&id, reason);
        if value["type"] != "Feature" {
            return Err(bad("this is no STAC item: `type` isn't \"Feature\""));
        }
        if !value["id"].is_string() {
            return Err(bad("this is no STAC item: `id` is no string"));
        }
        for (key, fits) in [
            ("properties", value["properties"].is_object() || value["properties"].is_null()),
            ("assets", value["assets"].is_object() || value["assets"].is_null()),
            ("links", value["links"].is_array() || value["links"].is_null()),
        ] {
            if !fits {
                return Err(bad(&format!("`{key}` has the wrong type")));
            }
        }
        for (key, asset) in value["assets"].as_object().into_iter().flatten() {
            if !asset["href"].is_string() {
                return Err(bad(&format!("asset `{key}` has no `href`")));
            }
        }
        Ok(Self { value, location: None, own_document: false })
    }

    /// The item as JSON.
    #[must_use]
    pub fn as_value(&self) -> &Value {
        &self.value
    }

    pub(crate) fn value_mut(&mut self) -> &mut Value {
        &mut self.value
    }

    /// The item as JSON, given away.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Its id, unique in its collection.
    #[must_use]
    pub fn id(&self) -> &str {
        self.value["id"].as_str().unwrap_or_default()
    }

    /// The id of its collection.
    #[must_use]
    pub fn collection(&self) -> Option<&str> {
        self.value["collection"].as_str()
    }

    /// Its bounding box in WGS 84; heights are left out.
    #[must_use]
    pub fn bbox(&self) -> Option<Bbox> {
        bbox_of(&self.value["bbox"])
    }

    /// Its GeoJSON geometry, unless there is none or it is null.
    #[must_use]
    pub fn geometry(&self) -> Option<&Value> {
        Some(&self.value["geometry"]).filter(|g| g.is_object())
    }

    /// First day (UTC): of `start_datetime`, else of `datetime`.
    #[must_use]
    pub fn start(&self) -> Option<Date> {
        self.start_text().and_then(time::date)
    }

    /// Last day (UTC), included: of `end_datetime`, else of `datetime`.
    #[must_use]
    pub fn end(&self) -> Option<Date> {
        self.end_text().and_then(time::date)
    }

    /// When it begins, if it is of a time of day rather than of the day: over within twelve hours.
    #[must_use]
    pub fn time_of_day(&self) -> Option<Timestamp> {
        let instant = |text: Option<&str>| text.and_then(time::instant);
        let (start, end) = instant(self.start_text()).zip(instant(self.end_text()))?;
        (end.duration_since(start) <= SignedDuration::from_hours(12)).then_some(start)
    }

    /// Whether its time is shorter than a day: an observation that may begin before midnight and end behind it, and is
    /// of the day on which it began.
    #[must_use]
    pub fn is_brief(&self) -> bool {
        let instant = |text: Option<&str>| text.and_then(time::instant);
        let ends = instant(self.start_text()).zip(instant(self.end_text()));
        ends.is_some_and(|(start, end)| end.duration_since(start) < SignedDuration::from_hours(24))
    }

    pub(crate) fn start_text(&self) -> Option<&str> {
        let properties = &self.value["properties"];
        properties["start_datetime"].as_str().or_else(|| properties["datetime"].as_str())
    }

    pub(crate) fn end_text(&self) -> Option<&str> {
        let properties = &self.value["properties"];
        properties["end_datetime"].as_str().or_else(|| properties["datetime"].as_str())
    }

    /// The assets in their order.
    pub fn assets(&self) -> impl Iterator<Item = (&str, Asset<'_>)> {
        self.value["assets"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), Asset::new(self, key, value.as_object()?))))
    }

    /// One asset by its key.
    #[must_use]
    pub fn asset(&self, key: &str) -> Option<Asset<'_>> {
        let (key, value) = self.value["assets"].as_object()?.get_key_value(key)?;
        Some(Asset::new(self, key, value.as_object()?))
    }

    /// Adds an asset, or replaces the one with this key.
    pub fn set_asset(&mut self, key: &str, asset: Value) {
        self.object("assets").insert(key.to_owned(), asset);
    }

    /// The JSON of one asset, to change it.
    pub fn asset_mut(&mut self, key: &str) -> Option<&mut Map<String, Value>> {
        self.object("assets").get_mut(key)?.as_object_mut()
    }

    /// Takes an asset away.
    pub fn remove_asset(&mut self, key: &str) -> Option<Value> {
        self.object("assets").shift_remove(key)
    }

    /// One of its `properties`.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.value["properties"].get(name)
    }

    /// Sets one of its `properties`.
    pub fn set_property(&mut self, name: &str, value: Value) {
        self.object("properties").insert(name.to_owned(), value);
    }

    /// Sets a top-level field, such as `collection`, `bbox` or `geometry`. A
    /// field that is new goes before `properties`, where readers expect it.
    pub fn set_field(&mut self, name: &str, value: Value) {
        let Some(object) = self.value.as_object_mut() else { return };
        if let Some(field) = object.get_mut(name) {
            *field = value;
            return;
        }
        let at = object.keys().position(|k| k == "properties").unwrap_or(object.len());
        object.shift_insert(at, name.to_owned(), value);
    }

    /// Names an extension's schema in `stac_extensions`, once.
    pub fn add_extension(&mut self, schema: &str) {
        let Some(object) = self.value.as_object_mut() else { return };
        add_extension(object, schema);
    }

    /// The links, in their order.
    pub fn links(&self) -> impl Iterator<Item = &Map<String, Value>> {
        document::links(&self.value)
    }

    /// Adds a link.
    pub fn add_link(&mut self, link: Value) {
        let Some(object) = self.value.as_object_mut() else { return };
        let links = object.entry("links").or_insert_with(|| json!([]));
        if let Some(links) = links.as_array_mut() {
            links.push(link);
        }
    }

    /// The href of its `self` link.
    #[must_use]
    pub fn self_href(&self) -> Option<&str> {
        self.links()
            .find(|l| document::text(l, "rel") == Some("self"))
            .and_then(|l| document::text(l, "href"))
    }

    /// Where the document that holds the item was read from; hrefs count from
    /// there. It is no part of the JSON.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// Says where the document that holds the item is, or will be.
    pub fn set_location(&mut self, at: Location) {
        self.location = Some(at);
        self.own_document = false;
    }

    /// The same item, said to be at `at`.
    #[must_use]
    pub fn at(mut self, at: Location) -> Self {
        self.set_location(at);
        self
    }

    /// The same item, read from a document that holds nothing else.
    pub(crate) fn in_own_document(mut self, at: Location) -> Self {
        self.location = Some(at);
        self.own_document = true;
        self
    }

    /// Whether the document it was read from holds this item alone.
    #[must_use]
    pub fn has_own_document(&self) -> bool {
        self.own_document
    }

    /// What to call the item in an error: its id and where it is.
    pub(crate) fn name(&self) -> String {
        match &self.location {
            Some(at) => format!("item {} ({at})", self.id()),
            None => format!("item {}", self.id()),
        }
    }

    /// An object field, made if it isn't there.
    fn object(&mut self, name: &str) -> &mut Map<String, Value> {
        if !self.value[name].is_object() {
            self.value[name] = Value::Object(Map::new());
        }
        match &mut self.value[name] {
            Value::Object(object) => object,
            _ => unreachable!("just made an object"),
        }
    }
}

/// Names an extension's schema in a document's `stac_extensions`, once.
pub fn add_extension(document: &mut Map<String, Value>, schema: &str) {
    let extensions = document.entry("stac_extensions").or_insert_with(|| json!([]));
    if let Some(list) = extensions.as_array_mut()
        && !list.iter().any(|e| e == schema)
    {
        list.push(json!(schema));
    }
}

/// A STAC bbox of four or six numbers.
pub fn bbox_of(value: &Value) -> Option<Bbox> {
    let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_f64).collect();
    match numbers?[..] {
        [west, south, east, north] | [west, south, _, east, north, _] => {
            Some(Bbox { west, south, east, north })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn unknown_fields_and_their_order_survive() {
        let text = r#"{"type":"Feature","zeta":1,"id":"a","alpha":{"y":2.50,"x":[null]},"properties":{"datetime":"2020-01-01T00:00:00Z","b":1,"a":2},"assets":{"z":{"href":"z.tif","odd":true},"a":{"href":"a.tif"}},"links":[]}"#;
        let item = Item::from_value(serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&item).unwrap(), text.replace("2.50", "2.5"));
        assert_eq!(item.assets().map(|(k, _)| k).collect::<Vec<_>>(), ["z", "a"]);
    }

    #[test]
    fn time_comes_from_an_interval_or_an_instant() {
        let mut item = Item::new("a");
        assert_eq!(item.start(), None);
        item.set_property("start_datetime", json!("2003-01-01T00:00:00Z"));
        item.set_property("end_datetime", json!("2003-12-31T23:59:59Z"));
        assert_eq!((item.start(), item.end()), (Some(date(2003, 1, 1)), Some(date(2003, 12, 31))));
    }

    #[test]
    fn what_is_no_item_is_refused_by_name() {
        for (value, field) in [
            (json!({"type": "Collection", "id": "c"}), "type"),
            (json!({"type": "Feature"}), "id"),
            (json!({"type": "Feature", "id": "a", "assets": []}), "assets"),
            (json!({"type": "Feature", "id": "a", "assets": {"x": {}}}), "asset `x`"),
        ] {
            let error = Item::from_value(value).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn new_fields_stand_before_the_properties() {
        let mut item = Item::new("a");
        item.set_field("bbox", json!([0, 0, 1, 1]));
        item.set_field("collection", json!("c"));
        let keys: Vec<&String> = item.as_value().as_object().unwrap().keys().collect();
        assert_eq!(keys[4..8], ["geometry", "bbox", "collection", "properties"]);
        assert_eq!(item.bbox().unwrap().east, 1.0);
    }
}
