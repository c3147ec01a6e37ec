//! A Zarr group in a store, through its objects.

use crate::PrepError;
use crate::identity::random;
use crate::parallel::lock;
use futures::{StreamExt, TryStreamExt, stream};
use seedbed_raster::RasterError;
use seedbed_raster::zarr::{FileRange, ReadFolder, Reuse};
use seedbed_storage::{Expectation, Location, Meta, Silent, StorageError, Stores};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How many objects are asked for at once; the stores' own limits hold besides.
const AT_ONCE: usize = 8;
/// How many bytes of a group are remembered: documents, coordinates and indexes.
const REMEMBERED: usize = 16 << 20;
/// What is asked for at once of an object that is larger than an answer may be.
const PART: u64 = 32 << 20;
/// How long a group is believed to be the same one.
const BELIEVED: Duration = Duration::from_secs(1);
/// How many documents are asked whether they are the same.
const DOCUMENTS: usize = 8;
/// What documents are called, those of a group first.
const NAMES: [&str; 5] = ["zarr.json", ".zmetadata", ".zgroup", ".zarray", ".zattrs"];

/// The objects of one group.
pub(crate) struct RemoteGroup {
    stores: Stores,
    runtime: Handle,
    at: Location,
    /// Where those lie that a library reads.
    folder: PathBuf,
    held: Mutex<Held>,
}

/// What was told of a group's objects, by their names.
#[derive(Default)]
struct Held {
    /// Whole ones; `None` of those that aren't there.
    files: HashMap<String, Option<Vec<u8>>>,
    ranges: HashMap<(String, u64), Vec<u8>>,
    bytes: usize,
    /// What the server said at first of those that are read more than once: all that is read
    /// later is of that version.
    versions: HashMap<String, Meta>,
    /// Those that are in the local folder.
    brought: HashSet<String>,
    /// When the documents were last known to be the same.
    same: Option<Instant>,
}

impl Held {
    fn make_room(&mut self, bytes: usize) {
        if self.bytes + bytes > REMEMBERED {
            self.files.clear();
            self.ranges.clear();
            self.bytes = 0;
        }
        self.bytes += bytes;
    }
}

impl RemoteGroup {
    /// The group at a place, of which a library gets its files in `folder`.
    pub(crate) fn new((stores, runtime): (&Stores, &Handle), at: Location, folder: PathBuf) -> Self {
        let held = Mutex::default();
        Self { stores: stores.clone(), runtime: runtime.clone(), at, folder, held }
    }

    /// What the server says of the group's own document: its entity tag, else when it was changed.
    ///
    /// # Errors
    /// If there is no group, or it can't be asked.
    pub(crate) fn version(&self) -> Result<Option<String>, PrepError> {
        let mut missing = None;
        for name in &NAMES[..3] {
            match self.runtime.block_on(self.document(name)) {
                Ok(true) => {
                    let version = lock(&self.held).versions.get(*name).cloned().unwrap_or_default();
                    return Ok(version.etag.or(version.last_modified));
                }
                Ok(false) => {}
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        let nothing = || StorageError::NotFound { at: self.at.join(NAMES[0]).to_string() };
        Err(missing.unwrap_or_else(nothing).into())
    }

    async fn document(&self, name: &str) -> Result<bool, StorageError> {
        Ok(self.whole(name, Reuse::Often).await?.is_some())
    }

    /// An object whole, if it is there.
    async fn whole(&self, name: &str, reuse: Reuse) -> Result<Option<Vec<u8>>, StorageError> {
        if let Some(known) = lock(&self.held).files.get(name) {
            return Ok(known.clone());
        }
        let at = self.at.join(name);
        let read = match self.stores.read_version(&at).await {
            Ok((bytes, version)) => Some((bytes.to_vec(), version)),
            Err(StorageError::TooLarge { .. }) => Some(self.large(name).await?),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let mut held = lock(&self.held);
        let known = held.versions.get(name);
        if known.is_some_and(|known| read.as_ref().is_none_or(|(_, found)| known.differs(found))) {
            return Err(StorageError::Changed { at: at.to_string() });
        }
        let (bytes, version) = read.unzip();
        if reuse == Reuse::Often {
            held.make_room(name.len() + bytes.as_ref().map_or(0, Vec::len));
            held.files.insert(name.to_owned(), bytes.clone());
            if let Some(version) = version {
                held.versions.insert(name.to_owned(), version);
            }
        }
        Ok(bytes)
    }

    /// An object part by part.
    async fn large(&self, name: &str) -> Result<(Vec<u8>, Meta), StorageError> {
        let at = self.at.join(name);
        let version = self.stores.head(&at).await?;
        let size = version.size.ok_or_else(|| no_size(&at))?;
        Ok((self.parts(&at, &version, 0..size).await?, version))
    }

    async fn parts(&self, at: &Location, version: &Meta, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        let mut bytes = Vec::new();
        let mut from = range.start;
        while from < range.end {
            let to = range.end.min(from + PART);
            bytes.extend_from_slice(&self.stores.read_range_of(version, at, from..to).await?);
            from = to;
        }
        Ok(bytes)
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, StorageError> {
        let known = lock(&self.held).versions.get(name).and_then(|version| version.size);
        if known.is_some() {
            return Ok(known);
        }
        let at = self.at.join(name);
        match self.stores.head(&at).await {
            Ok(version) => {
                let size = version.size.ok_or_else(|| no_size(&at))?;
                lock(&self.held).versions.insert(name.to_owned(), version);
                Ok(Some(size))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn range(&self, part: &FileRange, reuse: Reuse) -> Result<Vec<u8>, PrepError> {
        let key = (part.name.clone(), part.range.start);
        let length = usize::try_from(part.range.end - part.range.start).unwrap_or(usize::MAX);
        let version = {
            let held = lock(&self.held);
            if let Some(known) = held.ranges.get(&key).filter(|bytes| bytes.len() == length) {
                return Ok(known.clone());
            }
            if held.brought.contains(&part.name) {
                None
            } else {
                Some(held.versions.get(&part.name).cloned().unwrap_or_default())
            }
        };
        let Some(version) = version else { return self.cut(part, length).await };
        let bytes = match self.parts(&self.at.join(&part.name), &version, part.range.clone()).await {
            // Its server gives no ranges, or others than were asked for.
            Err(StorageError::Protocol { .. }) => return self.cut(part, length).await,
            bytes => bytes?,
        };
        if reuse == Reuse::Often {
            let mut held = lock(&self.held);
            held.make_room(bytes.len());
            held.ranges.insert(key, bytes.clone());
        }
        Ok(bytes)
    }

    /// A range of an object whose server gives no ranges: all of it is brought to the local folder.
    async fn cut(&self, part: &FileRange, length: usize) -> Result<Vec<u8>, PrepError> {
        if !lock(&self.held).brought.contains(&part.name) {
            self.bring(&part.name).await?;
            lock(&self.held).brought.insert(part.name.clone());
        }
        let path = self.folder.join(&part.name);
        let mut bytes = vec![0; length];
        let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, part.range.start));
        read.map_err(|source| RasterError::Io { path, source })?;
        Ok(bytes)
    }

    /// Brings an object to the local folder, or sees that it isn't there.
    async fn bring(&self, name: &str) -> Result<(), PrepError> {
        let (from, path) = (self.at.join(name), self.folder.join(name));
        let written = |source| PrepError::Write { path: path.clone(), source };
        if path.exists() {
            // Of an earlier run, perhaps.
            let to = Location::Local(path.clone());
            match self.stores.transfer(&from, &to, &Expectation::default(), &Silent).await {
                Ok(_) => return Ok(()),
                Err(StorageError::Occupied { .. }) => {}
                Err(error) if error.is_not_found() => return std::fs::remove_file(&path).map_err(written),
                Err(error) => return Err(error.into()),
            }
        }
        let Some(bytes) = self.whole(name, Reuse::Once).await? else { return Ok(()) };
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
            let mut beside = path.clone().into_os_string();
            beside.push(format!(".{}.part", random()?));
            std::fs::write(&beside, &bytes)?;
            std::fs::rename(&beside, &path)
        };
        write().map_err(written)
    }

    /// Refuses a group whose documents are others by now: what is read next would be
    /// understood by those that were read first.
    async fn same(&self) -> Result<(), StorageError> {
        let now = Instant::now();
        let documents: Vec<(String, Meta)> = {
            let mut held = lock(&self.held);
            if now.duration_since(*held.same.get_or_insert(now)) < BELIEVED {
                return Ok(());
            }
            let is_document = |name: &str| NAMES.iter().any(|n| name.rsplit('/').next() == Some(n));
            let known = held.versions.iter().filter(|(name, _)| is_document(name));
            known.take(DOCUMENTS).map(|(name, version)| (name.clone(), version.clone())).collect()
        };
        let asked = documents.iter().map(|(name, known)| async move {
            let at = self.at.join(name);
            match self.stores.head(&at).await {
                Ok(found) if !known.differs(&found) => Ok(()),
                Err(error) if !error.is_not_found() => Err(error),
                _ => Err(StorageError::Changed { at: at.to_string() }),
            }
        });
        stream::iter(asked).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        lock(&self.held).same = Some(now);
        Ok(())
    }

    /// Asks for several objects, some at once, and whether the group is the same.
    fn several<T, E: Into<PrepError>, F: Future<Output = Result<T, E>>>(
        &self,
        names: impl Iterator<Item = String>,
        asked: impl Iterator<Item = F>,
    ) -> Result<Vec<T>, RasterError> {
        let failed = |name: &str, error: PrepError| {
            let path = PathBuf::from(self.at.join(name).to_string());
            RasterError::Io { path, source: io::Error::other(error) }
        };
        let answers = names.zip(asked).map(|(name, asked)| async move {
            if !is_inside(&name) {
                let what = format!("`{name}` of {} leads out of the group", self.at);
                return Err(failed(&name, PrepError::Request(what)));
            }
            asked.await.map_err(|error| failed(&name, error.into()))
        });
        let answers = stream::iter(answers).buffered(AT_ONCE).try_collect();
        let same = async { self.same().await.map_err(|error| failed("", error.into())) };
        self.runtime.block_on(async { futures::try_join!(answers, same) }).map(|(answers, ())| answers)
    }
}

impl ReadFolder for RemoteGroup {
    fn sizes(&self, names: &[String]) -> Result<Vec<Option<u64>>, RasterError> {
        self.several(names.iter().cloned(), names.iter().map(|name| self.size(name)))
    }

    fn read(&self, names: &[String], reuse: Reuse) -> Result<Vec<Option<Vec<u8>>>, RasterError> {
        self.several(names.iter().cloned(), names.iter().map(|name| self.whole(name, reuse)))
    }

    fn read_ranges(&self, ranges: &[FileRange], reuse: Reuse) -> Result<Vec<Vec<u8>>, RasterError> {
        let names = ranges.iter().map(|part| part.name.clone());
        self.several(names, ranges.iter().map(|part| self.range(part, reuse)))
    }

    fn spool(&self, names: &[String]) -> Result<PathBuf, RasterError> {
        let missing: Vec<String> = {
            let held = lock(&self.held);
            names.iter().filter(|name| !held.brought.contains(*name)).cloned().collect()
        };
        self.several(missing.iter().cloned(), missing.iter().map(|name| self.bring(name)))?;
        lock(&self.held).brought.extend(missing);
        Ok(self.folder.clone())
    }
}

/// Whether names lead to a member of the folder that they are counted from.
fn is_inside(names: &str) -> bool {
    let mut components = Path::new(names).components().peekable();
    components.peek().is_some() && components.all(|c| matches!(c, Component::Normal(_)))
}

fn no_size(at: &Location) -> StorageError {
    StorageError::Protocol { at: at.to_string(), what: "its server doesn't tell its size".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_of_a_group_are_refused() {
        assert!(is_inside("tmax/c/0/0/0") && is_inside(".zmetadata"));
        for name in ["", "../x", "a/../../x", "/etc/passwd"] {
            assert!(!is_inside(name), "{name}");
        }
    }
}
