//! The files below a folder, a page at a time.

use crate::store::{ListPage, Listed, PAGE};
use crate::{Location, StorageError};
use jiff::Timestamp;
use std::ffi::OsString;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::ops::Bound;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether what a symbolic link leads to is listed as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Followed,
    PassedOver,
}

/// A page in the making.
struct Walk {
    links: Links,
    files: Vec<Listed>,
    dangling: Vec<Location>,
    /// The folders that lead to the one at hand, against loops of links.
    above: Vec<(u64, u64)>,
    /// The names that lead to the one at hand.
    names: Vec<OsString>,
    /// The names that lead to the last file.
    last: Vec<OsString>,
}

/// The page after the file that the names of `after` lead to.
pub(super) fn page(folder: &Path, after: &[OsString], links: Links) -> Result<ListPage, StorageError> {
    let (files, dangling, above, names, last) = Default::default();
    let mut walk = Walk { links, files, dangling, above, names, last };
    let more = walk.folder(folder, after)?;
    let next = more.then(|| cursor(&walk.last));
    Ok(ListPage { files: walk.files, next, dangling: walk.dangling })
}

/// The names of a cursor: lists of bytes, since a name need not be text.
pub(super) fn names(cursor: &str) -> Option<Vec<OsString>> {
    let names = serde_json::from_str::<Vec<Name>>(cursor).ok()?;
    Some(
        names
            .into_iter()
            .map(|name| match name {
                Name::Text(text) => OsString::from(text),
                Name::Bytes(bytes) => OsString::from_vec(bytes),
            })
            .collect(),
    )
}

fn cursor(names: &[OsString]) -> String {
    let names = names.iter().map(|name| match name.to_str() {
        Some(text) => serde_json::Value::from(text),
        None => serde_json::Value::from(name.as_bytes()),
    });
    names.collect::<serde_json::Value>().to_string()
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Bytes(Vec<u8>),
}

impl Walk {
    /// Takes in a folder's files after the one that `after` leads to; whether the page was full before its end.
    fn folder(&mut self, folder: &Path, after: &[OsString]) -> Result<bool, StorageError> {
        let io = |e| StorageError::io(folder, "list it", e);
        let here = fs::metadata(folder).map_err(io)?;
        let here = (here.dev(), here.ino());
        if self.above.contains(&here) {
            return Ok(false);
        }
        self.above.push(here);
        let mut from = after.first().map_or(Bound::Unbounded, |name| Bound::Included(name.clone()));
        loop {
            let (entries, all) = entries(folder, &from)?;
            if let Some((name, _)) = entries.last() {
                from = Bound::Excluded(name.clone());
            }
            for (name, entry) in entries {
                if self.entry(name, &entry.path(), after)? {
                    return Ok(true);
                }
            }
            if all {
                break;
            }
        }
        self.above.pop();
        Ok(false)
    }

    /// Takes in a file, or a folder's files.
    fn entry(&mut self, name: OsString, path: &Path, after: &[OsString]) -> Result<bool, StorageError> {
        let on_the_way = after.first() == Some(&name);
        let looked = match self.links {
            Links::Followed => fs::metadata(path),
            Links::PassedOver => fs::symlink_metadata(path),
        };
        let meta = match looked {
            Ok(meta) => meta,
            // A name may vanish while we look, or lead nowhere.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if path.is_symlink() && !on_the_way {
                    self.dangling.push(Location::Local(path.to_owned()));
                }
                return Ok(false);
            }
            Err(e) => return Err(StorageError::io(path, "look at it", e)),
        };
        self.names.push(name);
        if meta.is_dir() {
            if self.folder(path, if on_the_way { &after[1..] } else { &[] })? {
                return Ok(true);
            }
        } else if meta.is_file() && !(on_the_way && after.len() == 1) {
            // Devices and sockets are no files of ours.
            if self.files.len() >= PAGE {
                return Ok(true);
            }
            self.last.clone_from(&self.names);
            let at = Location::Local(path.to_owned());
            let modified = modified(&meta);
            self.files.push(Listed { at, size: Some(meta.len()), modified, etag: None });
        }
        self.names.pop();
        Ok(false)
    }
}

/// The next names in a folder, sorted, no more than a page may need; and whether these are all.
fn entries(folder: &Path, from: &Bound<OsString>) -> Result<(Vec<(OsString, DirEntry)>, bool), StorageError> {
    let io = |e| StorageError::io(folder, "list it", e);
    let mut entries: Vec<(OsString, DirEntry)> = Vec::new();
    let mut all = true;
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let wanted = match from {
            Bound::Unbounded => true,
            Bound::Included(from) => name >= *from,
            Bound::Excluded(from) => name > *from,
        };
        if wanted {
            entries.push((name, entry));
        }
        if entries.len() > 8 * PAGE {
            entries.select_nth_unstable_by(2 * PAGE, |a, b| a.0.cmp(&b.0));
            entries.truncate(2 * PAGE);
            all = false;
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((entries, all))
}

fn modified(meta: &Metadata) -> Option<String> {
    Timestamp::try_from(meta.modified().ok()?).ok().map(|t| t.to_string())
}
