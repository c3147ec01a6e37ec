//! Items read from whatever holds them.

use crate::document::{parse, read_bytes, text, to_bytes};
use crate::href::absolute_href;
use crate::tree::kind_of;
use crate::{CatalogError, Item, Query, Tree};
use seedbed_storage::{Location, Stores};
use serde_json::{Value, json};

/// Items, of one collection or several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ItemCollection {
    /// In the order they were read.
    pub items: Vec<Item>,
}

impl ItemCollection {
    /// Reads all items at a location, which may be
    ///
    /// * a catalog or collection, with everything below it, or a local folder that holds one;
    /// * a GeoJSON feature collection of items, or one item;
    /// * newline-delimited items, one a line.
    ///
    /// # Errors
    /// [`CatalogError`] naming the file, and the line of a newline-delimited one.
    pub async fn read(stores: &Stores, at: &Location) -> Result<Self, CatalogError> {
        let at = entry(at);
        let bytes = read_bytes(stores, &at).await?;
        let by_line = at.file_name().is_some_and(|name| {
            let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
            matches!(ending.as_str(), "ndjson" | "jsonl" | "ndgeojson" | "geojsonl")
        });
        if by_line {
            return Ok(Self { items: from_lines(&bytes, &at)? });
        }
        let document = match parse(&bytes, &at) {
            Ok(document) => document,
            // Several documents one after another: a newline-delimited file by another name.
            Err(CatalogError::Json { source, .. })
                if source.is_syntax() && source.line() > 1 && starts_with_a_document(&bytes) =>
            {
                return Ok(Self { items: from_lines(&bytes, &at)? });
            }
            Err(error) => return Err(error),
        };
        if kind_of(&document).is_some() {
            return Ok(Self { items: Tree::from_document(stores, &at, document).await?.into_items() });
        }
        Ok(Self { items: from_document(document, &at)? })
    }

    /// Reads several locations, one after the other.
    ///
    /// # Errors
    /// As [`ItemCollection::read`].
    pub async fn read_all(stores: &Stores, locations: &[Location]) -> Result<Self, CatalogError> {
        let mut all = Self::default();
        for at in locations {
            all.items.extend(Self::read(stores, at).await?.items);
        }
        Ok(all)
    }

    /// The items that a query selects, in their order, up to its limit.
    ///
    /// # Errors
    /// As [`Query::matches`].
    pub fn select(&self, query: &Query) -> Result<Self, CatalogError> {
        query.select(&self.items).map(|items| Self { items: items.into_iter().cloned().collect() })
    }

    /// As one GeoJSON feature collection, every href absolute.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let features: Vec<Value> = self.items.iter().map(with_absolute_hrefs).collect();
        json!({"type": "FeatureCollection", "features": features})
    }

    /// Writes one GeoJSON feature collection, every href absolute.
    ///
    /// # Errors
    /// [`CatalogError::Write`].
    pub async fn write_json(&self, stores: &Stores, at: &Location) -> Result<(), CatalogError> {
        write(stores, at, to_bytes(&self.to_value())).await
    }

    /// Writes one item a line, every href absolute.
    ///
    /// # Errors
    /// [`CatalogError::Write`].
    pub async fn write_ndjson(&self, stores: &Stores, at: &Location) -> Result<(), CatalogError> {
        let mut lines = String::new();
        for item in &self.items {
            lines.push_str(&with_absolute_hrefs(item).to_string());
            lines.push('\n');
        }
        write(stores, at, lines.into_bytes()).await
    }
}

impl From<Vec<Item>> for ItemCollection {
    fn from(items: Vec<Item>) -> Self {
        Self { items }
    }
}

async fn write(stores: &Stores, at: &Location, bytes: Vec<u8>) -> Result<(), CatalogError> {
    stores.replace(at, bytes.into()).await.map_err(|source| CatalogError::Write { at: at.clone(), source })
}

/// The document meant by a location: a local folder stands for its
/// `catalog.json` or `collection.json`.
pub fn entry(at: &Location) -> Location {
    if let Some(path) = at.as_path()
        && path.is_dir()
    {
        for name in ["catalog.json", "collection.json"] {
            if path.join(name).is_file() {
                return at.join(name);
            }
        }
        return at.join("catalog.json");
    }
    at.clone()
}

/// The item with every href of its links and assets absolute.
fn with_absolute_hrefs(item: &Item) -> Value {
    let base = item.location();
    let mut value = item.as_value().clone();
    let fix = |object: &mut Value| {
        if let Some(href) = object.get("href").and_then(Value::as_str) {
            object["href"] = json!(absolute_href(base, href));
        }
    };
    value["links"].as_array_mut().into_iter().flatten().for_each(fix);
    for (_, asset) in value["assets"].as_object_mut().into_iter().flatten() {
        fix(asset);
        asset
            .get_mut("alternate")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
            .for_each(|(_, a)| fix(a));
    }
    value
}

fn starts_with_a_document(bytes: &[u8]) -> bool {
    let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    matches!(documents.next(), Some(Ok(Value::Object(_))))
}

fn from_lines(bytes: &[u8], at: &Location) -> Result<Vec<Item>, CatalogError> {
    let lines = bytes.split(|b| *b == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(n, line)| {
            let value = serde_json::from_slice(line).map_err(|source| CatalogError::Json {
                at: at.to_string(),
                line: Some(n + 1),
                source,
            })?;
            let item = Item::from_value(value)
                .map_err(|e| CatalogError::document(&format!("{at} (line {})", n + 1), e.to_string()))?;
            Ok(item.at(at.clone()))
        })
        .collect()
}

fn from_document(document: Value, at: &Location) -> Result<Vec<Item>, CatalogError> {
    let named = |value: Value| {
        let item = Item::from_value(value).map_err(|e| CatalogError::document(at, e.to_string()))?;
        Ok(item.at(at.clone()))
    };
    match document {
        Value::Array(values) => values.into_iter().map(named).collect(),
        Value::Object(mut object) if text(&object, "type") == Some("FeatureCollection") => {
            match object.shift_remove("features") {
                Some(Value::Array(features)) => features.into_iter().map(named).collect(),
                _ => Err(CatalogError::document(at, "the feature collection has no `features`")),
            }
        }
        Value::Object(object) if text(&object, "type") == Some("Feature") => {
            Ok(vec![named(Value::Object(object))?.in_own_document(at.clone())])
        }
        _ => Err(CatalogError::document(
            at,
            "this is no STAC document: no catalog, collection, item or collection of items",
        )),
    }
}
