//! JSON documents as bytes: one way to read them, one way to write them.

use crate::CatalogError;
use seedbed_storage::{Location, Stores};
use serde_json::{Map, Value};

/// How deep objects are written over several lines: the document, its
/// `properties` or `assets`, and one asset. What lies deeper is on one line.
pub const DEEPEST: usize = 3;

/// The bytes of a document: two-space indentation down to the fields of an
/// asset and the links, one line for what lies deeper, fields in their order, a
/// final newline. The same value always gives the same bytes.
pub fn to_bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(&mut out, value, 0);
    out.push(b'\n');
    out
}

/// Writes a value that stands `depth` levels below its document.
pub fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) {
    match value {
        Value::Object(object) if object.is_empty() => out.extend_from_slice(b"{}"),
        Value::Object(object) => {
            let lines = depth < DEEPEST;
            out.push(b'{');
            for (n, (key, value)) in object.iter().enumerate() {
                separate(out, n, lines.then_some(depth));
                write_string(out, key);
                out.extend_from_slice(b": ");
                write_value(out, value, depth + 1);
            }
            if lines {
                new_line(out, depth);
            }
            out.push(b'}');
        }
        Value::Array(array) if depth == 1 && array.iter().any(|v| v.is_object() || v.is_array()) => {
            out.push(b'[');
            for (n, value) in array.iter().enumerate() {
                separate(out, n, Some(depth));
                write_value(out, value, DEEPEST);
            }
            new_line(out, depth);
            out.push(b']');
        }
        Value::Array(array) => {
            out.push(b'[');
            for (n, value) in array.iter().enumerate() {
                separate(out, n, None);
                write_value(out, value, DEEPEST);
            }
            out.push(b']');
        }
        Value::String(text) => write_string(out, text),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        // Into memory, it can't fail.
        Value::Number(number) => drop(serde_json::to_writer(out, number)),
    }
}

/// What stands before the member or element `n` of a container.
pub fn separate(out: &mut Vec<u8>, n: usize, lines_at: Option<usize>) {
    if n > 0 {
        out.push(b',');
    }
    match lines_at {
        Some(depth) => new_line(out, depth + 1),
        None if n > 0 => out.push(b' '),
        None => {}
    }
}

pub fn new_line(out: &mut Vec<u8>, depth: usize) {
    const SPACES: [u8; 1 + 2 * DEEPEST] = *b"\n      ";
    out.extend_from_slice(&SPACES[..=2 * depth.min(DEEPEST)]);
}

/// Writes a JSON string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    // Most strings need no escape.
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // A string into memory can't fail.
        drop(serde_json::to_writer(out, text));
    }
}

/// Reads the bytes of a document, whatever its size if it is a local file.
pub async fn read_bytes(stores: &Stores, at: &Location) -> Result<Vec<u8>, CatalogError> {
    if let Some(path) = at.as_path() {
        // Handing a small file to another thread costs more than reading it.
        return std::fs::read(path).map_err(|source| CatalogError::Io {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_have_lines_down_to_the_fields_of_an_asset() {
        let value = json!({"id": "a", "bbox": [0, 1.5], "none": {}, "list": [], "links": [{"rel": "root"}],
            "assets": {"x": {"href": "q\"\n", "bands": [{"name": "y"}], "deep": {"a": {"b": [1, 2]}}}}});
        let text = r#"{
  "id": "a",
  "bbox": [0, 1.5],
  "none": {},
  "list": [],
  "links": [
    {"rel": "root"}
  ],
  "assets": {
    "x": {
      "href": "q\"\n",
      "bands": [{"name": "y"}],
      "deep": {"a": {"b": [1, 2]}}
    }
  }
}
"#;
        assert_eq!(String::from_utf8(to_bytes(&value)).unwrap(), text);
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
    }
}
