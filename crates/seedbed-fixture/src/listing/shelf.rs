//! Folders of files that are only listed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::civil::DateTime;

use super::{content, sidecar};

/// What is known of a file besides its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// When it was last changed, UTC.
    pub modified: DateTime,
    /// How often it was released again.
    pub release: u32,
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without a slash.
    pub name: String,
    /// The size in bytes of a file; nothing for a folder.
    pub size: Option<u64>,
    /// When it was last changed, UTC.
    pub modified: DateTime,
}

/// Files by their paths, which are relative and have no slash at either end.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    files: BTreeMap<String, Known>,
}

impl Shelf {
    pub(crate) fn put(&mut self, path: impl Into<String>, modified: DateTime) {
        self.files.insert(path.into(), Known { modified, release: 0 });
    }

    /// A file is released again: other bytes under its name.
    pub(crate) fn release(&mut self, path: &str, modified: DateTime) -> bool {
        let Some(known) = self.files.get_mut(path) else { return false };
        *known = Known { modified, release: known.release + 1 };
        true
    }

    /// What is known of the file at a path.
    #[must_use]
    pub fn known(&self, path: &str) -> Option<Known> {
        self.files.get(path).copied()
    }

    /// The bytes of the file at a path.
    #[must_use]
    pub fn body(&self, path: &str) -> Option<Vec<u8>> {
        let known = self.known(path)?;
        Some(body(path.rsplit('/').next().unwrap_or(path), known.release))
    }

    /// The names in a folder, in order, folders among files; nothing where there is no such folder.
    #[must_use]
    pub fn folder(&self, folder: &str) -> Option<Vec<Entry>> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut entries: Vec<Entry> = Vec::new();
        let mut from = prefix.clone();
        while let Some((path, known)) = self.files.range(from.clone()..).next() {
            let Some(rest) = path.strip_prefix(&prefix) else { break };
            if let Some((name, _)) = rest.split_once('/') {
                entries.push(Entry { name: name.into(), size: None, modified: known.modified });
                // Past everything in it: `0` follows `/`.
                from = format!("{prefix}{name}0");
            } else {
                let size = body(rest, known.release).len() as u64;
                entries.push(Entry { name: rest.into(), size: Some(size), modified: known.modified });
                from = format!("{path}\0");
            }
        }
        (!entries.is_empty()).then_some(entries)
    }

    /// The paths below a folder, in order.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        self.files
            .range(prefix.clone()..)
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path.starts_with(&prefix))
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Writes the files below a folder to disk, under their paths on the shelf; their number.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn write(&self, folder: &str, to: &Path) -> Result<usize> {
        let mut count = 0;
        for path in self.below(folder) {
            let at = to.join(path);
            if let Some(parent) = at.parent() {
                fs::create_dir_all(parent).with_context(|| format!("can't create {}", parent.display()))?;
            }
            let bytes = self.body(path).unwrap_or_default();
            fs::write(&at, bytes).with_context(|| format!("can't write {}", at.display()))?;
            count += 1;
        }
        Ok(count)
    }
}

/// The bytes of a file by its name: a checksum, a record of metadata, or data.
pub(crate) fn body(name: &str, release: u32) -> Vec<u8> {
    if let Some(of) = name.strip_suffix(".sha256") {
        return content::sha256(&content::body(of, release)).into_bytes();
    }
    if let Some(record) = sidecar::of(name) {
        return record.into_bytes();
    }
    content::body(name, release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lists_files_and_folders_once() {
        let mut shelf = Shelf::default();
        let when = jiff::civil::date(2020, 1, 2).at(3, 4, 0, 0);
        for path in ["a/b/one.nc", "a/b/two.nc", "a/b.txt", "a/c/three.nc", "ab/four.nc"] {
            shelf.put(path, when);
        }
        let names = |folder| {
            let entries = shelf.folder(folder).unwrap_or_default();
            entries.into_iter().map(|e| (e.name, e.size.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(names("a"), [("b.txt".into(), true), ("b".into(), false), ("c".into(), false)]);
        assert_eq!(names("").len(), 2);
        assert_eq!(names("a/b").len(), 2);
        assert!(shelf.folder("a/x").is_none());
        assert_eq!(shelf.below("a").count(), 4);
    }

    #[test]
    fn a_checksum_is_that_of_the_file_beside_it() {
        let text = String::from_utf8(body("x.nc.sha256", 0)).unwrap();
        assert_eq!(text, content::sha256(&content::body("x.nc", 0)));
    }
}
