//! JSON documents as bytes: one way to read them, one way to write them.

use crate::CatalogError;
use seedbed_storage::{Location, Stores};
use serde_json::{Map, Value};

/// The bytes of a document: two-space indentation, fields in their order, a
/// final newline. The same value always gives the same bytes.
pub fn to_bytes(value: &Value) -> Vec<u8> {
    let mut text = format!("{value:#}");
    text.push('\n');
    text.into_bytes()
}

/// Reads the bytes of a document, whatever its size if it is a local file.
pub async fn read_bytes(stores: &Stores, at: &Location) -> Result<Vec<u8>, CatalogError> {
    if let Some(path) = at.as_path() {
        return tokio::fs::read(path).await.map_err(|source| CatalogError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        });
    }
    let bytes =
        stores.read_document(at).await.map_err(|source| CatalogError::Read { at: at.clone(), source })?;
    Ok(bytes.to_vec())
}

/// Reads and parses a JSON document.
pub async fn read_json(stores: &Stores, at: &Location) -> Result<Value, CatalogError> {
    parse(&read_bytes(stores, at).await?, at)
}

/// Parses a JSON document; the error names its location.
pub fn parse(bytes: &[u8], at: &Location) -> Result<Value, CatalogError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(text).map_err(|source| CatalogError::Json {
        at: at.to_string(),
        line: None,
        source,
    })
}

/// The links of a document; none if it has none.
pub fn links(document: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    document["links"].as_array().into_iter().flatten().filter_map(Value::as_object)
}

/// A string field of an object.
pub fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}
