//! A catalog or collection document read for what it links to: a collection of
//! a million items must not become a million maps in memory.

use crate::tree::NodeKind;
use crate::{CatalogError, document};
use seedbed_storage::Location;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;

/// A catalog or collection, its links apart.
#[derive(Debug, Clone)]
pub struct Head {
    /// Which of the two.
    pub kind: NodeKind,
    /// Where it was read from.
    pub location: Location,
    /// The document that links to it; none for the one the walk began with.
    pub parent: Option<Location>,
    /// All fields but `links`.
    pub fields: Map<String, Value>,
    /// Before which field `links` stands.
    pub(crate) links_at: usize,
    /// The links that lead neither to children nor to items.
    pub links: Vec<Value>,
    /// The links to children.
    pub children: Vec<Value>,
    /// The hrefs of the items.
    pub(crate) items: ItemHrefs,
}

impl Head {
    /// A catalog that isn't there yet.
    pub(crate) fn new(at: &Location, fields: Map<String, Value>) -> Self {
        Self {
            kind: NodeKind::Catalog,
            location: at.clone(),
            parent: None,
            fields,
            links_at: usize::MAX,
            links: Vec::new(),
            children: Vec::new(),
            items: ItemHrefs::default(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.fields.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// How many items it links to.
    #[must_use]
    pub fn item_links(&self) -> usize {
        self.items.ends.len()
    }

    /// The document with all links but those to items.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = self.fields.clone();
        let links = self.links.iter().chain(&self.children).cloned().collect();
        document.shift_insert(self.links_at.min(document.len()), "links".to_owned(), Value::Array(links));
        Value::Object(document)
    }

    /// Parses a document.
    pub(crate) fn parse(bytes: &[u8], at: &Location) -> Result<Self, CatalogError> {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let read: Document = serde_json::from_slice(text).map_err(|source| CatalogError::Json {
            at: at.to_string(),
            line: None,
            source,
        })?;
        let kind = match read.fields.get("type").and_then(Value::as_str) {
            Some("Catalog") => NodeKind::Catalog,
            Some("Collection") => NodeKind::Collection,
            _ => return Err(CatalogError::document(at, "this is neither a STAC catalog nor a collection")),
        };
        if read.fields.contains_key("conformsTo")
            && read
                .links
                .others
                .iter()
                .filter_map(Value::as_object)
                .any(|l| document::text(l, "rel") == Some("search"))
        {
            return Err(CatalogError::NotStatic { at: at.to_string() });
        }
        let Links { others, children, items } = read.links;
        Ok(Self {
            kind,
            location: at.clone(),
            parent: None,
            fields: read.fields,
            links_at: read.links_at,
            links: others,
            children,
            items,
        })
    }
}

/// Hrefs one after another, in one text.
#[derive(Debug, Clone, Default)]
pub(crate) struct ItemHrefs {
    text: String,
    ends: Vec<usize>,
}

impl ItemHrefs {
    fn push(&mut self, href: &str) {
        self.text.push_str(href);
        self.ends.push(self.text.len());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}

#[derive(Default)]
struct Document {
    fields: Map<String, Value>,
    links_at: usize,
    links: Links,
}

#[derive(Default)]
struct Links {
    others: Vec<Value>,
    children: Vec<Value>,
    items: ItemHrefs,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut document = Document { links_at: usize::MAX, ..Document::default() };
                while let Some(key) = map.next_key::<String>()? {
                    if key == "links" {
                        document.links_at = document.fields.len();
                        document.links = map.next_value_seed(LinksSeed)?;
                    } else {
                        document.fields.insert(key, map.next_value()?);
                    }
                }
                Ok(document)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

struct LinksSeed;

impl<'de> DeserializeSeed<'de> for LinksSeed {
    type Value = Links;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Links, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Links;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of links")
            }

            fn visit_unit<E>(self) -> Result<Links, E> {
                Ok(Links::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Links, A::Error> {
                let mut links = Links::default();
                while let Some(link) = list.next_element::<Value>()? {
                    match (link["rel"].as_str(), link["href"].as_str()) {
                        (Some("item"), Some(href)) => links.items.push(href),
                        (Some("child"), Some(_)) => links.children.push(link),
                        _ => links.others.push(link),
                    }
                }
                Ok(links)
            }
        }
        // Anything but a list holds no links; the schemas say so to who asks.
        deserializer.deserialize_any(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_its_links_apart_and_put_together_again() {
        let text = r#"{"type":"Catalog","id":"c","links":[{"rel":"self","href":"x"},{"rel":"item","href":"a.json"},
            {"rel":"child","href":"b/catalog.json","title":"B"},{"rel":"item","href":"c.json"}],"after":[1]}"#;
        let head = Head::parse(text.as_bytes(), &"/c.json".parse().unwrap()).unwrap();
        assert_eq!((head.id(), head.item_links()), ("c", 2));
        assert_eq!(head.items.iter().collect::<Vec<_>>(), ["a.json", "c.json"]);
        assert_eq!(
            head.document().to_string(),
            r#"{"type":"Catalog","id":"c","links":[{"rel":"self","href":"x"},{"rel":"child","href":"b/catalog.json","title":"B"}],"after":[1]}"#
        );
    }

    #[test]
    fn what_is_no_node_is_refused() {
        for bad in ["[]", "{}", r#"{"type":"Feature"}"#, r#"{"type":"Catalog""#] {
            assert!(Head::parse(bad.as_bytes(), &"/c.json".parse().unwrap()).is_err(), "{bad}");
        }
        let api = r#"{"type":"Catalog","id":"a","conformsTo":[],"links":[{"rel":"search","href":"s"}]}"#;
        let error = Head::parse(api.as_bytes(), &"/c.json".parse().unwrap()).unwrap_err();
        assert!(matches!(error, CatalogError::NotStatic { .. }));
    }
}
