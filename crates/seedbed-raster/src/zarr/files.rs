//! The files of a group, wherever its folder is.

use crate::RasterError;
use crate::ranges::{LocalFile, ReadAt};
use rayon::prelude::*;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The files of a folder, wherever it is. Names are divided by `/`; of several files
/// the answers come in the order in which they were asked for.
pub trait ReadFolder: Send + Sync {
    /// How many bytes files have; `None` for one that isn't there.
    ///
    /// # Errors
    /// If that can't be told.
    fn sizes(&self, names: &[String]) -> Result<Vec<Option<u64>>, RasterError>;

    /// Files whole; `None` for one that isn't there.
    ///
    /// # Errors
    /// If they can't be had.
    fn read(&self, names: &[String], reuse: Reuse) -> Result<Vec<Option<Vec<u8>>>, RasterError>;

    /// Ranges that lie within files that are there.
    ///
    /// # Errors
    /// If they can't be had.
    fn read_ranges(&self, ranges: &[FileRange], reuse: Reuse) -> Result<Vec<Vec<u8>>, RasterError>;

    /// The names in the folder itself, where it tells them at no cost.
    ///
    /// # Errors
    /// If it should, and can't.
    fn names(&self) -> Result<Option<Vec<String>>, RasterError> {
        Ok(None)
    }

    /// How many needless bytes between two ranges of a file are cheaper than a request more.
    fn needless(&self) -> u64 {
        1 << 16
    }

    /// Brings files under their names into a folder of the local disk, for a library that
    /// reads no other, and says which that is. Those that aren't there are left out.
    ///
    /// # Errors
    /// If they can't be had, or written.
    fn spool(&self, names: &[String]) -> Result<PathBuf, RasterError>;
}

/// Whether bytes are asked for again with every window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// They are: documents, coordinates, the indexes of shards.
    Often,
    /// They aren't, or seldom: chunks.
    Once,
}

/// A range of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRange {
    /// The file's name from its folder.
    pub name: String,
    /// Its bytes.
    pub range: Range<u64>,
}

/// A folder of the local disk.
pub struct LocalFolder(pub PathBuf);

impl LocalFolder {
    /// What a file gives; `None` if it isn't there.
    fn of<T>(
        &self,
        name: &str,
        what: impl Fn(&Path) -> std::io::Result<T>,
    ) -> Result<Option<T>, RasterError> {
        let path = self.0.join(name);
        match what(&path) {
            Ok(found) => Ok(Some(found)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(source) => Err(RasterError::Io { path, source }),
        }
    }
}

impl ReadFolder for LocalFolder {
    fn sizes(&self, names: &[String]) -> Result<Vec<Option<u64>>, RasterError> {
        names.iter().map(|name| self.of(name, |path| Ok(fs::metadata(path)?.len()))).collect()
    }

    fn read(&self, names: &[String], _: Reuse) -> Result<Vec<Option<Vec<u8>>>, RasterError> {
        names.par_iter().map(|name| self.of(name, |path| fs::read(path))).collect()
    }

    fn read_ranges(&self, ranges: &[FileRange], _: Reuse) -> Result<Vec<Vec<u8>>, RasterError> {
        let one = |part: &FileRange| {
            let unreadable = |source| RasterError::Io { path: self.0.join(&part.name), source };
            let length = usize::try_from(part.range.end - part.range.start);
            let length = length.map_err(|_| unreadable(ErrorKind::FileTooLarge.into()))?;
            let file = LocalFile::open(&self.0.join(&part.name)).map_err(unreadable)?;
            file.read_at(part.range.start, length).map_err(unreadable)
        };
        ranges.par_iter().map(one).collect()
    }

    fn names(&self) -> Result<Option<Vec<String>>, RasterError> {
        let unreadable = |source| RasterError::Io { path: self.0.clone(), source };
        let entries = fs::read_dir(&self.0).map_err(unreadable)?;
        let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into());
        let names: Result<Vec<String>, _> = entries.map(name).collect();
        names.map(Some).map_err(unreadable)
    }

    fn needless(&self) -> u64 {
        0
    }

    fn spool(&self, _: &[String]) -> Result<PathBuf, RasterError> {
        Ok(self.0.clone())
    }
}
