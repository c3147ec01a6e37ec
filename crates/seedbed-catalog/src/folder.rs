//! Assets that are folders: Zarr groups, of which each chunk may be a file.

use crate::document::parse;
use crate::{Asset, CatalogError, FOLDER};
use futures::{StreamExt, TryStreamExt, stream};
use seedbed_storage::{Checksum, Location, Meta, StorageError, Stores, is_temporary};
use serde_json::Value;
use std::path::Path;

/// The documents that make a folder a Zarr group or array, in the order in which they are asked for.
const DOCUMENTS: [&str; 4] = ["zarr.json", ".zmetadata", ".zgroup", ".zarray"];
/// A document that need not be there.
const ATTRIBUTES: &str = ".zattrs";
/// How many files are asked about at once; the stores limit what one host gets.
const AT_ONCE: usize = 16;
/// The most chunks that are looked for one by one.
const MOST: usize = 1 << 22;

/// Whether an asset is a folder, a Zarr group, by its name or media type. One on this machine
/// has to be one.
#[must_use]
pub fn is_folder(at: &Location, media_type: Option<&str>) -> bool {
    let named = at.file_name().and_then(|name| Path::new(name).extension()).is_some_and(|e| e == "zarr");
    let essence = media_type.and_then(|text| text.split(';').next()).map(str::trim);
    let said = essence.is_some_and(|t| ["application/vnd.zarr", "application/vnd+zarr"].contains(&t));
    (named || said) && at.as_path().is_none_or(Path::is_dir)
}

/// The digest of a folder's files, given by name and multihash: SHA-256 of a line
/// `<multihash> <name>` each, by name.
#[must_use]
pub fn folder_digest(files: impl IntoIterator<Item = (String, String)>) -> String {
    let mut files: Vec<(String, String)> = files.into_iter().collect();
    files.sort();
    let lines: Vec<String> =
        files.into_iter().map(|(name, checksum)| format!("{checksum} {name}\n")).collect();
    Checksum::of_bytes(lines.concat().as_bytes()).multihash()
}

/// What an asset states of a folder, or what was found of one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderFacts {
    /// How many files there are.
    pub files: Option<u64>,
    /// Their bytes.
    pub size: Option<u64>,
    /// [`folder_digest`].
    pub checksum: Option<String>,
}

impl FolderFacts {
    /// What `seedbed:folder` of an asset says.
    #[must_use]
    pub fn stated(asset: &Asset<'_>) -> Self {
        let said = asset.as_object().get(FOLDER).unwrap_or(&Value::Null);
        let checksum = said["checksum"].as_str().map(str::to_owned);
        Self { files: said["files"].as_u64(), size: said["size"].as_u64(), checksum }
    }

    /// What files are, as far as their sizes are known.
    #[must_use]
    pub fn of(files: &[Member]) -> Self {
        let size = files.iter().map(|file| file.size).sum();
        Self { files: u64::try_from(files.len()).ok(), size, checksum: None }
    }

    /// How these differ from what is stated; what only one says makes no difference.
    #[must_use]
    pub fn difference(&self, stated: &Self) -> Option<String> {
        let number = |found: Option<u64>, said: Option<u64>, what: &str| {
            let (found, said) = found.zip(said).filter(|(found, said)| found != said)?;
            Some(format!("{found} {what}, {said} said"))
        };
        let digest =
            self.checksum.as_ref().zip(stated.checksum.as_ref()).filter(|(found, said)| found != said);
        number(self.files, stated.files, "files")
            .or_else(|| number(self.size, stated.size, "bytes"))
            .or_else(|| digest.map(|_| "another checksum".to_owned()))
    }
}

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its name from the folder, divided by `/`.
    pub name: String,
    /// Its bytes, where that is told.
    pub size: Option<u64>,
}

impl Member {
    /// Whether it is a document rather than a chunk.
    pub(crate) fn is_document(&self) -> bool {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        name == ATTRIBUTES || DOCUMENTS.contains(&name)
    }
}

/// What a store says of a folder's own document, which stands for its version.
///
/// # Errors
/// If there is none, or it can't be asked.
pub async fn folder_version(stores: &Stores, at: &Location) -> Result<Meta, StorageError> {
    let mut first = None;
    for name in DOCUMENTS {
        match stores.head(&at.join(name)).await {
            Ok(version) => return Ok(version),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| StorageError::NotFound { at: at.to_string() }))
}

/// The files of a folder, by name: as it is listed; where it can't be, as a web server's, those whose
/// names follow from the documents of a Zarr group and that are there.
///
/// # Errors
/// [`CatalogError`] if there is no such folder, it can't be listed, or its documents don't tell.
pub async fn members(stores: &Stores, at: &Location) -> Result<Vec<Member>, CatalogError> {
    let unread = |source| CatalogError::Read { at: at.clone(), source };
    let mut members = if matches!(at, Location::Http(_)) {
        let (documents, chunks) = named(stores, at).await?;
        let names =
            documents.into_iter().map(|name| (name, true)).chain(chunks.into_iter().map(|n| (n, false)));
        let ask = |(name, document): (String, bool)| async move {
            match stores.head(&at.join(&name)).await {
                Ok(version) => Ok(Some(Member { name, size: version.size })),
                // A chunk of nothing but fill values isn't stored.
                Err(e) if e.is_not_found() && (!document || name.ends_with(ATTRIBUTES)) => Ok(None),
                Err(source) => Err(CatalogError::Read { at: at.join(&name), source }),
            }
        };
        let found: Vec<Option<Member>> =
            stream::iter(names).map(ask).buffer_unordered(AT_ONCE).try_collect().await?;
        found.into_iter().flatten().collect()
    } else {
        let listed = stores.list(at).await.map_err(unread)?;
        let files = listed.into_iter().filter(|file| !file.at.file_name().is_some_and(is_temporary));
        files.filter_map(|f| Some(Member { name: f.at.names_within(at)?, size: f.size })).collect::<Vec<_>>()
    };
    if members.is_empty() {
        return Err(unread(StorageError::NotFound { at: at.to_string() }));
    }
    members.sort();
    Ok(members)
}

/// The names of documents and chunks that a group or array may have.
async fn named(stores: &Stores, at: &Location) -> Result<(Vec<String>, Vec<String>), CatalogError> {
    for name in DOCUMENTS {
        let document = at.join(name);
        let bytes = match stores.read_document(&document).await {
            Ok(bytes) => bytes,
            Err(e) if e.is_not_found() => continue,
            Err(source) => return Err(CatalogError::Read { at: document, source }),
        };
        let names = names_of(name, &parse(&bytes, &document)?);
        return names.map_err(|reason| CatalogError::document(&document, reason));
    }
    let source = StorageError::NotFound { at: at.join(DOCUMENTS[0]).to_string() };
    Err(CatalogError::Read { at: at.clone(), source })
}

/// What follows from the first document that is there.
fn names_of(name: &str, document: &Value) -> Result<(Vec<String>, Vec<String>), String> {
    let mut documents = vec![name.to_owned()];
    let mut arrays: Vec<(String, &Value)> = Vec::new();
    match name {
        "zarr.json" if document["node_type"] == "array" => arrays.push((String::new(), document)),
        "zarr.json" => {
            let all = document["consolidated_metadata"]["metadata"].as_object().ok_or_else(unlisted)?;
            for (node, document) in all {
                documents.push(format!("{node}/zarr.json"));
                if document["node_type"] == "array" {
                    arrays.push((format!("{node}/"), document));
                }
            }
        }
        ".zmetadata" => {
            let all = document["metadata"].as_object().ok_or_else(unlisted)?;
            for (name, document) in all {
                documents.push(name.clone());
                if let Some(array) = name.strip_suffix(".zarray") {
                    arrays.push((array.to_owned(), document));
                }
            }
        }
        ".zarray" => {
            documents.push(ATTRIBUTES.to_owned());
            arrays.push((String::new(), document));
        }
        _ => return Err(unlisted()),
    }
    let mut chunks = Vec::new();
    for (prefix, array) in arrays {
        let names = chunk_names(array)?.into_iter().map(|chunk| format!("{prefix}{chunk}"));
        chunks.extend(names);
    }
    let odd = |name: &&String| name.split('/').any(|part| part.is_empty() || part == "." || part == "..");
    match documents.iter().chain(&chunks).find(odd) {
        Some(name) => Err(format!("`{name}` is no name of a file in it")),
        None if chunks.len() > MOST => Err(too_many(chunks.len())),
        None => Ok((documents, chunks)),
    }
}

fn unlisted() -> String {
    "a web server doesn't list its files, and it has no consolidated metadata to tell them".to_owned()
}

fn too_many(chunks: usize) -> String {
    format!("it may have {chunks} chunks, too many to look for one by one")
}

/// The names of an array's chunks, or shards, from its document of either version.
fn chunk_names(array: &Value) -> Result<Vec<String>, String> {
    let extent = |value: &Value, what: &str| {
        let whole = |n: &Value| n.as_u64().and_then(|n| usize::try_from(n).ok());
        let all = value.as_array().and_then(|list| list.iter().map(whole).collect::<Option<Vec<usize>>>());
        all.ok_or_else(|| format!("an array has no {what}"))
    };
    let encoding = &array["chunk_key_encoding"];
    let is_two = array["zarr_format"].as_u64() == Some(2);
    let (prefix, usual) = match encoding["name"].as_str() {
        None if is_two => ("", "."),
        Some("v2") => ("", "."),
        None | Some("default") => ("c", "/"),
        Some(other) => return Err(format!("chunks are named by the rule `{other}`, which isn't known")),
    };
    let said = if is_two { &array["dimension_separator"] } else { &encoding["configuration"]["separator"] };
    let separator = said.as_str().unwrap_or(usual);
    let chunk = if is_two { &array["chunks"] } else { &array["chunk_grid"]["configuration"]["chunk_shape"] };
    let (shape, chunk) = (extent(&array["shape"], "shape")?, extent(chunk, "chunks")?);
    if shape.len() != chunk.len() || chunk.contains(&0) {
        return Err(format!("chunks of {chunk:?} don't fit a shape of {shape:?}"));
    }
    let counts: Vec<usize> = shape.iter().zip(&chunk).map(|(n, size)| n.div_ceil(*size)).collect();
    let all = counts.iter().try_fold(1_usize, |n, along| n.checked_mul(*along)).unwrap_or(usize::MAX);
    if all > MOST {
        return Err(too_many(all));
    }
    if counts.is_empty() {
        return Ok(vec![if prefix.is_empty() { "0" } else { prefix }.to_owned()]);
    }
    let mut names = vec![prefix.to_owned()];
    for along in counts {
        let longer = |name: &String| {
            let begin = if name.is_empty() { String::new() } else { format!("{name}{separator}") };
            (0..along).map(move |n| format!("{begin}{n}"))
        };
        names = names.iter().flat_map(longer).collect();
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_folder_is_told_by_its_name_or_media_type() {
        let at = |text: &str| text.parse::<Location>().unwrap();
        for group in ["s3://b/x.zarr", "https://h/x.zarr/", "dcache://pnfs/a/x.zarr"] {
            assert!(is_folder(&at(group), None), "{group}");
        }
        assert!(is_folder(&at("https://h/x"), Some("application/vnd.zarr; version=3")));
        assert!(is_folder(&at("https://h/x"), Some("application/vnd+zarr")));
        assert!(!is_folder(&at("https://h/x.zarr.zip"), Some("application/zip")));
        assert!(!is_folder(&at("https://h/x.nc"), None) && !is_folder(&at("/nowhere/x.zarr"), None));
    }

    #[test]
    fn names_follow_from_documents_of_either_version() {
        let three = json!({ "node_type": "array", "shape": [5, 30], "chunk_key_encoding": { "name": "default" },
            "chunk_grid": { "configuration": { "chunk_shape": [2, 16] } } });
        let scalar = json!({ "node_type": "array", "shape": [],
            "chunk_grid": { "configuration": { "chunk_shape": [] } } });
        let group = json!({ "node_type": "group", "consolidated_metadata": { "metadata": {
            "pr": three, "crs": scalar, "sub": { "node_type": "group" } } } });
        let (documents, chunks) = names_of("zarr.json", &group).unwrap();
        assert_eq!(documents, ["zarr.json", "pr/zarr.json", "crs/zarr.json", "sub/zarr.json"]);
        assert_eq!(chunks.len(), 7);
        assert!(["pr/c/0/0", "pr/c/2/1", "crs/c"].iter().all(|name| chunks.iter().any(|c| c == name)));
        let mut dotted = three.clone();
        dotted["chunk_key_encoding"] = json!({ "name": "v2", "configuration": { "separator": "." } });
        assert_eq!(chunk_names(&dotted).unwrap().last().unwrap(), "2.1");
        let two = json!({ "zarr_format": 2, "shape": [5, 30], "chunks": [5, 16] });
        let all = json!({ "metadata": { ".zgroup": {}, "pr/.zarray": two, "pr/.zattrs": {} } });
        let (documents, chunks) = names_of(".zmetadata", &all).unwrap();
        assert_eq!(documents, [".zmetadata", ".zgroup", "pr/.zarray", "pr/.zattrs"]);
        assert_eq!(chunks, ["pr/0.0", "pr/0.1"]);
        assert!(names_of(".zgroup", &json!({})).is_err() && names_of("zarr.json", &json!({})).is_err());
        let out = json!({ "metadata": { "../x/.zarray": two } });
        assert!(names_of(".zmetadata", &out).unwrap_err().contains("no name of a file"));
        let huge = json!({ "zarr_format": 2, "shape": [1_u64 << 40, 1_u64 << 40], "chunks": [1, 1] });
        assert!(chunk_names(&huge).unwrap_err().contains("too many"));
    }

    #[test]
    fn facts_differ_in_what_both_say() {
        let facts = |files, size, checksum: Option<&str>| FolderFacts {
            files,
            size,
            checksum: checksum.map(str::to_owned),
        };
        let found = facts(Some(3), Some(9), Some("1220aa"));
        assert_eq!(found.difference(&FolderFacts::default()), None);
        assert_eq!(found.difference(&facts(Some(4), None, None)).unwrap(), "3 files, 4 said");
        assert_eq!(found.difference(&facts(Some(3), Some(8), None)).unwrap(), "9 bytes, 8 said");
        assert!(found.difference(&facts(None, Some(9), Some("1220bb"))).is_some());
    }
}
