//! Documents of a tree on their way to a store: whole or not at all, and not
//! touched where they wouldn't change.

use crate::document::to_bytes;
use crate::{CatalogError, document};
use seedbed_storage::{Location, Stores};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

/// Writes a document unless it is there with these bytes; whether it was written.
pub(crate) async fn write(stores: &Stores, at: &Location, bytes: Vec<u8>) -> Result<bool, CatalogError> {
    match at.as_path() {
        Some(path) => write_local(path, &bytes).map_err(|e| failed("write", path, e)),
        None => write_remote(stores, at, bytes).await,
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> CatalogError {
    CatalogError::Io { action, path: path.to_owned(), source }
}

/// Under a temporary name, then renamed. Items aren't synced: one that a power
/// cut empties is written anew by the next save.
fn write_local(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Mostly an item is new and has a folder of its own, which then is empty.
    let fresh = match std::fs::create_dir(folder) {
        Ok(()) => true,
        Err(e) if e.kind() == ErrorKind::AlreadyExists => false,
        Err(_) => {
            std::fs::create_dir_all(folder)?;
            false
        }
    };
    if !fresh {
        match std::fs::read(path) {
            Ok(found) if found == bytes => return Ok(false),
            // A folder that all items share is not searched for each of them.
            Err(e) if e.kind() == ErrorKind::NotFound && folder.file_name() != path.file_stem() => {}
            _ => remove_leftovers(path),
        }
    }
    let temporary = temporary(path);
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        std::fs::rename(&temporary, path)
    });
    // The failure itself is what matters; the temporary file may not exist.
    written.inspect_err(|_| drop(std::fs::remove_file(&temporary)))?;
    Ok(true)
}

fn temporary(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// Removes what a killed save left beside a document: it had a temporary name,
/// and the document is written anew now.
fn remove_leftovers(path: &Path) {
    let prefix = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let Some(Ok(entries)) = path.parent().map(std::fs::read_dir) else { return };
    for entry in entries.flatten() {
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.starts_with(&prefix) && other.strip_suffix(".tmp").is_some() {
            // One that can't be removed harms nothing but order.
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

async fn write_remote(stores: &Stores, at: &Location, bytes: Vec<u8>) -> Result<bool, CatalogError> {
    match stores.read_document(at).await {
        Ok(found) if found[..] == bytes[..] => return Ok(false),
        Err(source) if !source.is_not_found() => return Err(CatalogError::Read { at: at.clone(), source }),
        _ => {}
    }
    stores
        .replace(at, bytes.into())
        .await
        .map_err(|source| CatalogError::Write { at: at.clone(), source })?;
    Ok(true)
}

/// A catalog or collection to be written, with as many item links as there are.
pub(crate) struct NodeDocument<'a> {
    /// All fields but `links`, and before which of them `links` stands.
    pub fields: &'a Map<String, Value>,
    pub links_at: usize,
    /// The links before those to items.
    pub links: &'a [Value],
}

impl NodeDocument<'_> {
    /// Writes it unless it is there with these bytes; whether it was written.
    /// `items` gives the hrefs of the items, one after the other.
    pub(crate) async fn write(
        &self,
        stores: &Stores,
        at: &Location,
        items: &mut dyn Iterator<Item = Result<String, CatalogError>>,
    ) -> Result<bool, CatalogError> {
        let Some(path) = at.as_path() else {
            let mut bytes = Vec::new();
            self.encode(&mut bytes, items, Path::new(&at.to_string()))?;
            return write_remote(stores, at, bytes).await;
        };
        let io = |e| failed("write", path, e);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(io)?;
        remove_leftovers(path);
        let temporary = temporary(path);
        let mut out = BufWriter::with_capacity(1 << 16, File::create(&temporary).map_err(io)?);
        let encoded = self.encode(&mut out, items, path);
        let written = encoded.and_then(|()| {
            let file = out.into_inner().map_err(|e| io(e.into_error()))?;
            if same_bytes(&temporary, path) {
                return Ok(false);
            }
            file.sync_all().map_err(io)?;
            std::fs::rename(&temporary, path).map_err(io)?;
            Ok(true)
        });
        if !matches!(written, Ok(true)) {
            // What can't be removed harms nothing but order.
            drop(std::fs::remove_file(&temporary));
        }
        written
    }

    /// The form of [`to_bytes`], without ever holding all links.
    fn encode(
        &self,
        out: &mut dyn Write,
        items: &mut dyn Iterator<Item = Result<String, CatalogError>>,
        path: &Path,
    ) -> Result<(), CatalogError> {
        let io = |e| failed("write", path, e);
        let mut first = true;
        let mut separate = |out: &mut dyn Write| -> io::Result<()> {
            out.write_all(if std::mem::take(&mut first) { b"{\n" } else { b",\n" })
        };
        for (n, (name, value)) in self.fields.iter().enumerate() {
            if n == self.links_at {
                separate(out).map_err(io)?;
                self.encode_links(out, items, path)?;
            }
            separate(out).map_err(io)?;
            write!(out, "  {}: {}", Value::from(name.as_str()), indented(value, "  ")).map_err(io)?;
        }
        if self.links_at >= self.fields.len() {
            separate(out).map_err(io)?;
            self.encode_links(out, items, path)?;
        }
        out.write_all(b"\n}\n").map_err(io)
    }

    fn encode_links(
        &self,
        out: &mut dyn Write,
        items: &mut dyn Iterator<Item = Result<String, CatalogError>>,
        path: &Path,
    ) -> Result<(), CatalogError> {
        let io = |e| failed("write", path, e);
        out.write_all(b"  \"links\": [").map_err(io)?;
        let mut before = "\n";
        for link in self.links {
            write!(out, "{before}    {}", indented(link, "    ")).map_err(io)?;
            before = ",\n";
        }
        for href in items {
            let href = Value::from(href?);
            write!(
                out,
                "{before}    {{\n      \"rel\": \"item\",\n      \"href\": {href},\n      \"type\": \"{}\"\n    }}",
                crate::linking::GEOJSON
            )
            .map_err(io)?;
            before = ",\n";
        }
        out.write_all(if before == "\n" { b"]" } else { b"\n  ]" }).map_err(io)
    }
}

/// A value in the form of a document, its further lines behind `indent`.
fn indented(value: &Value, indent: &str) -> String {
    format!("{value:#}").replace('\n', &format!("\n{indent}"))
}

fn same_bytes(one: &Path, other: &Path) -> bool {
    let length = |path: &Path| std::fs::metadata(path).map(|m| m.len());
    if !matches!((length(one), length(other)), (Ok(a), Ok(b)) if a == b) {
        return false;
    }
    let (Ok(one), Ok(other)) = (File::open(one), File::open(other)) else { return false };
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    let (mut a, mut b) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let Ok(n) = one.read(&mut a) else { return false };
        if n == 0 {
            return true;
        }
        if other.read_exact(&mut b[..n]).is_err() || a[..n] != b[..n] {
            return false;
        }
    }
}

/// Removes a document, and its folder if nothing else is in it.
pub(crate) async fn remove(stores: &Stores, at: &Location) -> Result<(), CatalogError> {
    let Some(path) = at.as_path() else {
        return stores.remove(at).await.map_err(|source| CatalogError::Write { at: at.clone(), source });
    };
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed("remove", path, e)),
        _ => {}
    }
    if let Some(folder) = path.parent() {
        // Fails, as it should, where copied assets are left.
        drop(std::fs::remove_dir(folder));
    }
    Ok(())
}

/// A document's bytes, if it is there.
pub(crate) async fn read_optional(stores: &Stores, at: &Location) -> Result<Option<Vec<u8>>, CatalogError> {
    match document::read_bytes(stores, at).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(CatalogError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(CatalogError::Read { source, .. }) if source.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bytes of an item's document.
pub(crate) fn item_bytes(value: &Value) -> Vec<u8> {
    to_bytes(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn a_document_written_link_by_link_has_the_form_of_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let stores = Stores::new(seedbed_storage::Settings::default()).unwrap();
        for (links, hrefs, links_at) in [
            (vec![], vec![], 9),
            (
                vec![json!({"rel": "root", "href": "a", "x": {"y": [1, "two\nlines"]}})],
                vec!["./\"q\".json", "b"],
                1,
            ),
            (vec![], vec!["only"], 0),
        ] {
            let fields = json!({"type": "Catalog", "extent": {"a": [1, {"b": []}]}});
            let fields = fields.as_object().unwrap();
            let at = Location::Local(folder.path().join("x/catalog.json"));
            let document = NodeDocument { fields, links_at, links: &links };
            let items = || hrefs.iter().map(|h| Ok((*h).to_owned()));
            assert!(document.write(&stores, &at, &mut items()).await.unwrap());
            assert!(!document.write(&stores, &at, &mut items()).await.unwrap());
            let all: Vec<Value> = links
                .iter()
                .cloned()
                .chain(
                    hrefs.iter().map(|h| json!({"rel": "item", "href": h, "type": "application/geo+json"})),
                )
                .collect();
            let mut whole = fields.clone();
            whole.shift_insert(links_at.min(whole.len()), "links".to_owned(), Value::Array(all));
            let found = std::fs::read(at.as_path().unwrap()).unwrap();
            assert_eq!(
                String::from_utf8(found).unwrap(),
                String::from_utf8(to_bytes(&Value::Object(whole))).unwrap()
            );
            assert_eq!(std::fs::read_dir(folder.path().join("x")).unwrap().count(), 1);
        }
    }
}
