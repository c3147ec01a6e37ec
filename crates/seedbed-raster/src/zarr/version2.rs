//! A group of version 2 that isn't on the local disk: which of its files a window needs.
//!
//! The values are GDAL's to read, which knows this version's codecs. It gets a folder with
//! the documents, and before each reading the chunks that the window touches: their names
//! follow from `.zarray`, and a chunk that isn't there is one of fill values (Zarr storage
//! specification version 2).

use super::array::damaged;
use super::files::{ReadFolder, Reuse};
use super::group::is_name;
use super::layout::{Extent, counts, places};
use crate::RasterError;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The document that makes a folder a group.
pub const GROUP: &str = ".zgroup";
/// All documents of a group in one.
const CONSOLIDATED: &str = ".zmetadata";
/// An array's document, and the attributes of an array or group.
const ARRAY: &str = ".zarray";
const ATTRIBUTES: &str = ".zattrs";

/// A group whose documents are on the local disk.
pub struct Zarr2 {
    files: Arc<dyn ReadFolder>,
    at: PathBuf,
    /// Documents by their names from the group.
    documents: Map<String, Value>,
    /// The local folder.
    pub folder: PathBuf,
}

/// An array whose chunks are brought as they are needed.
pub struct Spooled {
    files: Arc<dyn ReadFolder>,
    name: String,
    shape: Extent,
    chunk: Extent,
    separator: &'static str,
}

impl Zarr2 {
    /// Brings the documents of the group at `at`: all, where they are consolidated, else those
    /// of `variable` and of what that is measured along.
    ///
    /// # Errors
    /// [`RasterError::Io`] where one is missing, [`RasterError::Damaged`] for one that can't be
    /// read, [`RasterError::Unlisted`] where nothing says which arrays there are.
    pub fn open(files: Arc<dyn ReadFolder>, at: &Path, variable: Option<&str>) -> Result<Self, RasterError> {
        let consolidated = document(&*files, at, CONSOLIDATED)?;
        let (documents, names) = match (consolidated, variable) {
            (Some(consolidated), _) => {
                let documents = consolidated["metadata"].as_object().cloned();
                let missing = || damaged(&at.join(CONSOLIDATED), "it has no metadata".to_owned());
                let names = [GROUP, ATTRIBUTES, CONSOLIDATED].map(str::to_owned).to_vec();
                (documents.ok_or_else(missing)?, names)
            }
            (None, Some(variable)) => {
                let documents = named(&*files, at, variable)?;
                let names = documents.keys().cloned().chain([GROUP, ATTRIBUTES].map(str::to_owned)).collect();
                (documents, names)
            }
            (None, None) => return Err(RasterError::Unlisted { path: at.to_owned() }),
        };
        let folder = files.spool(&names)?;
        Ok(Self { files, at: at.to_owned(), documents, folder })
    }

    /// An array by its name.
    ///
    /// # Errors
    /// [`RasterError::Damaged`] if its document doesn't say how it is cut.
    pub fn array(&self, name: &str) -> Result<Spooled, RasterError> {
        let document = self.documents.get(&format!("{name}/{ARRAY}")).unwrap_or(&Value::Null);
        let wrong = |reason: &str| damaged(&self.at.join(name).join(ARRAY), reason.to_owned());
        let extent = |key: &str| {
            let whole = |n: &Value| n.as_u64().and_then(|n| usize::try_from(n).ok());
            let all: Option<Extent> = document[key].as_array()?.iter().map(whole).collect();
            all
        };
        let (Some(shape), Some(chunk)) = (extent("shape"), extent("chunks")) else {
            return Err(wrong("it has no shape or no chunks"));
        };
        if chunk.len() != shape.len() || chunk.contains(&0) {
            return Err(wrong(&format!("its chunks of {chunk:?} don't fit its shape {shape:?}")));
        }
        let separator = match document["dimension_separator"].as_str() {
            None | Some(".") => ".",
            Some("/") => "/",
            Some(other) => return Err(wrong(&format!("its chunks' names are separated by `{other}`"))),
        };
        Ok(Spooled { files: self.files.clone(), name: name.to_owned(), shape, chunk, separator })
    }

    /// Brings the coordinates along which an array is measured.
    ///
    /// # Errors
    /// If they can't be had.
    pub fn bring_coordinates(&self, name: &str) -> Result<(), RasterError> {
        let attributes = self.documents.get(&format!("{name}/{ATTRIBUTES}")).unwrap_or(&Value::Null);
        let mut names = Vec::new();
        for along in along(attributes).filter(|name| self.documents.contains_key(&format!("{name}/{ARRAY}")))
        {
            let array = self.array(&along)?;
            if array.shape.len() == 1 {
                names.extend(array.names(&[0], &array.shape));
            }
        }
        self.files.spool(&names).map(|_| ())
    }
}

impl Spooled {
    /// Brings the chunks that a part touches.
    ///
    /// # Errors
    /// If they can't be had.
    pub fn bring(&self, begin: &[usize], extent: &[usize]) -> Result<(), RasterError> {
        self.files.spool(&self.names(begin, extent)).map(|_| ())
    }

    /// The files of the chunks that a part touches.
    fn names(&self, begin: &[usize], extent: &[usize]) -> Vec<String> {
        let first: Extent = begin.iter().zip(&self.chunk).map(|(b, n)| b / n).collect();
        let end: Extent = begin.iter().zip(extent).map(|(b, n)| b + n).collect();
        let name = |place: &Extent| {
            let numbers: Vec<String> = place.iter().map(ToString::to_string).collect();
            format!("{}/{}", self.name, numbers.join(self.separator))
        };
        places(&first, &counts(&end, &self.chunk)).iter().map(name).collect()
    }
}

/// The error for a variable that GDAL doesn't see in a local group: it leaves out arrays whose codecs or types it
/// hasn't, which the array's document names.
pub fn unread(folder: &Path, error: RasterError) -> RasterError {
    let RasterError::Variable { path, wanted, available } = &error else { return error };
    let document = |name: &str| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(folder.join(name).join(ARRAY)).ok()?).ok()
    };
    let is_raster = |name: &String| {
        document(name).is_some_and(|d| d["shape"].as_array().is_some_and(|shape| shape.len() > 1))
    };
    let first = || {
        let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(is_raster).min()
    };
    let name = match wanted {
        Some(wanted) => Some(wanted.clone()).filter(|wanted| is_name(wanted)),
        None if available.is_empty() => first(),
        None => None,
    };
    let found = name.and_then(|name| document(&name).map(|document| (name, document)));
    let Some((name, document)) = found else { return error };
    let steps = document["filters"].as_array().into_iter().flatten().chain([&document["compressor"]]);
    let steps: Vec<&str> = steps.filter_map(|step| step["id"].as_str()).collect();
    let through = if steps.is_empty() { "no codec".to_owned() } else { steps.join(" and ") };
    let dtype = document["dtype"].as_str().unwrap_or("several");
    let reason = format!(
        "array `{name}` is of the type `{dtype}` and went through {through}, which GDAL doesn't read"
    );
    RasterError::Unsupported { path: path.clone(), reason }
}

/// The names of an array's dimensions, as xarray and netCDF write them.
fn along(attributes: &Value) -> impl Iterator<Item = String> {
    let names = attributes["_ARRAY_DIMENSIONS"].as_array().cloned().unwrap_or_default();
    names.into_iter().filter_map(|name| name.as_str().filter(|name| is_name(name)).map(str::to_owned))
}

/// The documents of one array, of what it is measured along, and of its reference system.
fn named(files: &dyn ReadFolder, at: &Path, variable: &str) -> Result<Map<String, Value>, RasterError> {
    if !is_name(variable) {
        return Err(damaged(at, format!("`{variable}` can't be an array of it")));
    }
    let mut documents = Map::new();
    let mut add = |name: &str, document: Option<Value>| {
        if let Some(document) = document {
            documents.insert(name.to_owned(), document);
        }
    };
    let (array, attributes) = (format!("{variable}/{ARRAY}"), format!("{variable}/{ATTRIBUTES}"));
    let said = document(files, at, &attributes)?;
    let Some(own) = document(files, at, &array)? else {
        return Err(RasterError::Io { path: at.join(array), source: std::io::ErrorKind::NotFound.into() });
    };
    add(&array, Some(own));
    add(&attributes, said.clone());
    let said = said.unwrap_or_default();
    let mapping = said["grid_mapping"].as_str().and_then(|text| text.split([' ', ':']).next());
    for name in along(&said).chain(mapping.filter(|name| is_name(name)).map(str::to_owned)) {
        for kind in [ARRAY, ATTRIBUTES] {
            let name = format!("{name}/{kind}");
            add(&name, document(files, at, &name)?);
        }
    }
    Ok(documents)
}

fn document(files: &dyn ReadFolder, at: &Path, name: &str) -> Result<Option<Value>, RasterError> {
    let Some(bytes) = files.read(&[name.to_owned()], Reuse::Often)?.pop().flatten() else { return Ok(None) };
    let wrong = |e| damaged(&at.join(name), format!("it is no JSON: {e}"));
    serde_json::from_slice(&bytes).map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::super::files::LocalFolder;
    use super::*;
    use serde_json::json;

    fn group(separator: &str) -> Zarr2 {
        let array = json!({ "shape": [5, 40, 30], "chunks": [2, 16, 16], "dimension_separator": separator });
        let documents = Map::from_iter([("tmax/.zarray".to_owned(), array)]);
        let (at, folder) = (PathBuf::from("http://h/a.zarr"), PathBuf::from("/spool"));
        Zarr2 { files: Arc::new(LocalFolder(folder.clone())), at, documents, folder }
    }

    #[test]
    fn chunks_names_follow_from_the_document() {
        let names =
            |separator: &str| group(separator).array("tmax").unwrap().names(&[1, 15, 16], &[2, 2, 14]);
        assert_eq!(names("."), ["tmax/0.0.1", "tmax/0.1.1", "tmax/1.0.1", "tmax/1.1.1"]);
        assert_eq!(names("/")[3], "tmax/1/1/1");
        assert!(group("-").array("tmax").is_err());
        let told = group(".").array("pr").err().unwrap().to_string();
        assert!(told.contains("http://h/a.zarr/pr/.zarray"), "{told}");
    }

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        let said = json!({ "_ARRAY_DIMENSIONS": ["time", "../y", "..", "", "a/b"] });
        assert_eq!(along(&said).collect::<Vec<_>>(), ["time"]);
    }
}
