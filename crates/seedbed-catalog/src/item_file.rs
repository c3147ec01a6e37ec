//! Files of items, read one item after another: JSON, a line an item, Parquet.

use crate::document::{parse, read_bytes, text};
use crate::tree::kind_of;
use crate::{Broken, CatalogError, Item};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor};

/// How items stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemForm {
    /// One `GeoJSON` feature collection, or one item.
    Json,
    /// One item a line.
    Ndjson,
    /// One item a row: stac-geoparquet.
    Parquet,
}

impl ItemForm {
    /// What the ending of a name says.
    #[must_use]
    pub fn of_name(at: &Location) -> Option<Self> {
        let name = at.file_name()?.to_ascii_lowercase();
        match name.rsplit_once('.')?.1 {
            "json" | "geojson" => Some(Self::Json),
            "ndjson" | "jsonl" | "ndgeojson" | "geojsonl" => Some(Self::Ndjson),
            "parquet" | "geoparquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// What a location holds.
pub enum Opened {
    /// A catalog or collection.
    Tree(Value),
    /// Items.
    Items(ItemFile),
}

/// The documents in a file, one after another.
pub struct ItemFile {
    at: Location,
    documents: Documents,
    /// Whether the file is one item by itself.
    alone: bool,
}

enum Documents {
    Whole(std::vec::IntoIter<Value>),
    Lines {
        reader: Box<dyn BufRead + Send>,
        line: usize,
        buffer: Vec<u8>,
    },
    #[cfg(feature = "parquet")]
    Rows(Box<crate::geoparquet::Reader>),
}

impl ItemFile {
    /// Opens a file. One that is read line by line or row by row is never held whole
    /// if it is local.
    ///
    /// # Errors
    /// [`CatalogError`] naming the file, if it can't be read or is of no kind known.
    pub async fn open(stores: &Stores, at: &Location) -> Result<Opened, CatalogError> {
        let items = |documents| Ok(Opened::Items(Self { at: at.clone(), documents, alone: false }));
        match ItemForm::of_name(at) {
            Some(ItemForm::Parquet) => items(rows(stores, at).await?),
            Some(ItemForm::Ndjson) => match at.as_path() {
                Some(path) => {
                    let file = File::open(path).map_err(|source| CatalogError::Io {
                        action: "read",
                        path: path.to_owned(),
                        source,
                    })?;
                    items(Documents::lines(BufReader::with_capacity(1 << 16, file)))
                }
                None => items(Documents::lines(Cursor::new(read_bytes(stores, at).await?))),
            },
            _ => Self::of_bytes(read_bytes(stores, at).await?, at),
        }
    }

    /// What a document's bytes hold.
    ///
    /// # Errors
    /// As [`ItemFile::open`].
    pub fn of_bytes(bytes: Vec<u8>, at: &Location) -> Result<Opened, CatalogError> {
        let document = match parse(&bytes, at) {
            Ok(document) => document,
            // Several documents one after another: a newline-delimited file by another name.
            Err(CatalogError::Json { source, .. })
                if source.is_syntax() && source.line() > 1 && starts_with_a_document(&bytes) =>
            {
                let documents = Documents::lines(Cursor::new(bytes));
                return Ok(Opened::Items(Self { at: at.clone(), documents, alone: false }));
            }
            Err(error) => return Err(error),
        };
        if kind_of(&document).is_some() {
            return Ok(Opened::Tree(document));
        }
        let (documents, alone) = match document {
            Value::Array(values) => (values, false),
            Value::Object(mut object) if text(&object, "type") == Some("FeatureCollection") => {
                match object.shift_remove("features") {
                    Some(Value::Array(features)) => {
                        match missing_of(&object, features.len()) {
                            None => {}
                            // A page that somebody saved may be all that is wanted.
                            Some(missing) if at.is_local() => tracing::warn!("{at}: {missing}"),
                            Some(missing) => {
                                let hint = "`seedbed catalog search` the API and name the items file";
                                return Err(CatalogError::document(at, format!("{missing}: {hint}")));
                            }
                        }
                        (features, false)
                    }
                    _ => return Err(CatalogError::document(at, "the feature collection has no `features`")),
                }
            }
            other => (vec![other], true),
        };
        let documents = Documents::Whole(documents.into_iter());
        Ok(Opened::Items(Self { at: at.clone(), documents, alone }))
    }

    /// The next document, whatever it is, and its line where the file has lines.
    pub fn next_document(&mut self) -> Option<Result<(Value, Option<usize>), CatalogError>> {
        match &mut self.documents {
            Documents::Whole(values) => Some(Ok((values.next()?, None))),
            #[cfg(feature = "parquet")]
            Documents::Rows(rows) => {
                Some(rows.next()?.map(|value| (value, None)).map_err(|e| CatalogError::document(&self.at, e)))
            }
            Documents::Lines { reader, line, buffer } => {
                loop {
                    buffer.clear();
                    *line += 1;
                    match reader.read_until(b'\n', buffer) {
                        Ok(0) => return None,
                        Err(source) => {
                            let path = self.at.as_path().unwrap_or(std::path::Path::new("")).to_owned();
                            return Some(Err(CatalogError::Io { action: "read", path, source }));
                        }
                        Ok(_) => {}
                    }
                    let text = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(buffer).trim_ascii();
                    if text.is_empty() {
                        continue;
                    }
                    let value = serde_json::from_slice(text);
                    return Some(value.map(|value| (value, Some(*line))).map_err(|source| {
                        CatalogError::Json { at: self.at.to_string(), line: Some(*line), source }
                    }));
                }
            }
        }
    }

    fn item(&self, value: Value, line: Option<usize>) -> Result<Item, CatalogError> {
        if self.alone && value["type"] != "Feature" {
            let reason = "this is no STAC document: no catalog, collection, item or collection of items";
            return Err(CatalogError::document(&self.at, reason));
        }
        let item = Item::from_value(value)
            .map_err(|error| CatalogError::document(&self.place(line), error.to_string()))?;
        Ok(if self.alone { item.in_own_document(self.at.clone()) } else { item.at(self.at.clone()) })
    }
}

impl ItemFile {
    /// The next item; one that can't be read is named instead, where others may follow.
    pub fn next_legible(&mut self) -> Option<Result<Result<Item, Broken>, CatalogError>> {
        let (value, line) = match self.next_document()? {
            Ok(next) => next,
            Err(error @ CatalogError::Json { line: Some(line), .. }) => {
                return Some(Broken::of(&self.place(Some(line)), error).map(Err));
            }
            Err(error) => return Some(Err(error)),
        };
        Some(match self.item(value, line) {
            Ok(item) => Ok(Ok(item)),
            Err(error) if self.alone => Err(error),
            Err(error) => Broken::of(&self.place(line), error).map(Err),
        })
    }

    /// A line of the file, if it has lines.
    fn place(&self, line: Option<usize>) -> String {
        line.map_or_else(|| self.at.to_string(), |line| format!("{} (line {line})", self.at))
    }
}

impl Iterator for ItemFile {
    type Item = Result<Item, CatalogError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_document()?.and_then(|(value, line)| self.item(value, line)))
    }
}

/// What tells that a feature collection is one page of an API's answer and not all of it.
fn missing_of(collection: &Map<String, Value>, features: usize) -> Option<String> {
    let mut links = collection.get("links").and_then(Value::as_array).into_iter().flatten();
    let has_next = links.any(|link| link["rel"] == "next");
    let context = collection.get("context").and_then(|context| context.get("matched"));
    let matched = collection.get("numberMatched").or(context).and_then(Value::as_u64);
    let matched = matched.filter(|matched| *matched > features as u64);
    let page = "this is one page of the answer of a STAC API";
    match matched {
        Some(matched) => Some(format!("{page}, with {features} of {matched} items")),
        None => has_next.then(|| format!("{page}, with {features} items, and a link leads to the next")),
    }
}

impl Documents {
    fn lines(reader: impl BufRead + Send + 'static) -> Self {
        Self::Lines { reader: Box::new(reader), line: 0, buffer: Vec::new() }
    }
}

#[cfg(feature = "parquet")]
async fn rows(stores: &Stores, at: &Location) -> Result<Documents, CatalogError> {
    use crate::geoparquet::Reader;
    let reader = match at.as_path() {
        Some(path) => {
            let failed = |source| CatalogError::Io { action: "read", path: path.to_owned(), source };
            Reader::of_file(File::open(path).map_err(failed)?)
        }
        None => Reader::of_bytes(read_bytes(stores, at).await?),
    };
    reader.map(|reader| Documents::Rows(Box::new(reader))).map_err(|e| CatalogError::document(at, e))
}

#[cfg(not(feature = "parquet"))]
#[expect(clippy::unused_async, reason = "as with the feature")]
async fn rows(_: &Stores, at: &Location) -> Result<Documents, CatalogError> {
    Err(CatalogError::NoParquet { at: at.to_string() })
}

fn starts_with_a_document(bytes: &[u8]) -> bool {
    let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    matches!(documents.next(), Some(Ok(Value::Object(_))))
}
