//! Digests of local files, remembered so that starting again reads no file again.

use crate::{PrepError, folder};
use seedbed_storage::{Checksum, Function};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Digests of local files by path, and by what the file system says of them:
/// size, device, inode and the times of change, of which no program can set the
/// last. A file that changed less than [`SETTLED`] before it was digested isn't
/// remembered: it could change again within the clock's resolution.
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    file: PathBuf,
    held: Arc<Mutex<Held>>,
}

/// Seconds after which a change can be told from the one before.
const SETTLED: i64 = 2;

#[derive(Debug, Default)]
struct Held {
    /// What an earlier run knew; read at first use.
    before: Option<BTreeMap<PathBuf, Entry>>,
    /// What this run asked for.
    now: BTreeMap<PathBuf, Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    stamp: Stamp,
    checksum: String,
}

/// Size, device, inode, and the times of change of contents and of status.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

fn stamp(of: &Metadata) -> Stamp {
    (of.size(), of.dev(), of.ino(), (of.mtime(), of.mtime_nsec()), (of.ctime(), of.ctime_nsec()))
}

impl Digests {
    /// Digests that are kept in `file`, if that can be written.
    pub(crate) fn kept_in(file: PathBuf) -> Self {
        Self { file, held: Arc::default() }
    }

    /// The multihash of a file's bytes, or of all files of a folder.
    ///
    /// # Errors
    /// [`PrepError::Read`] if the file is missing or can't be read.
    pub(crate) fn of(&self, path: &Path) -> Result<String, PrepError> {
        let unreadable = |source| PrepError::Read { path: path.to_owned(), source };
        if path.is_dir() {
            let names = folder::files(path).map_err(unreadable)?;
            let one = |name: &String| Ok((name.clone(), self.of(&path.join(name))?));
            return Ok(folder::folder_digest(names.iter().map(one).collect::<Result<Vec<_>, PrepError>>()?));
        }
        self.by(Function::Sha256, path)
    }

    /// The digest of a file's bytes by the function of another one; a folder's is [`Digests::of`] it.
    ///
    /// # Errors
    /// As [`Digests::of`].
    pub(crate) fn like(&self, other: &Checksum, path: &Path) -> Result<String, PrepError> {
        if path.is_dir() { self.of(path) } else { self.by(other.function(), path) }
    }

    fn by(&self, function: Function, path: &Path) -> Result<String, PrepError> {
        let unreadable = |source| PrepError::Read { path: path.to_owned(), source };
        let full = std::path::absolute(path).map_err(unreadable)?;
        let found = stamp(&fs::metadata(path).map_err(unreadable)?);
        let is_known = |entry: &Entry| {
            let by = entry.checksum.parse().map(|checksum: Checksum| checksum.function());
            entry.stamp == found && by == Ok(function)
        };
        let known = {
            let mut held = self.held();
            let now = held.now.get(&full).cloned();
            let before = || self.before(&mut held).get(&full).cloned();
            now.or_else(before).filter(is_known)
        };
        let entry = if let Some(entry) = known {
            entry
        } else {
            let checksum = Checksum::of_file_by(function, path).map_err(unreadable)?.multihash();
            let after = stamp(&fs::metadata(path).map_err(unreadable)?);
            if after != found || seconds_now() - after.4.0 < SETTLED {
                return Ok(checksum);
            }
            Entry { stamp: found, checksum }
        };
        let checksum = entry.checksum.clone();
        self.held().now.insert(full, entry);
        Ok(checksum)
    }

    /// Keeps what this run asked for, for the next one. That it can't is no error:
    /// the next run then digests again.
    pub(crate) fn save(&self) {
        let mut held = self.held();
        self.before(&mut held);
        if held.now.is_empty() || held.before.as_ref() == Some(&held.now) {
            return;
        }
        let write = || -> std::io::Result<()> {
            let temporary = self.file.with_extension(format!("{}.tmp", crate::identity::random()?));
            fs::create_dir_all(self.file.parent().unwrap_or(Path::new(".")))?;
            fs::write(&temporary, serde_json::to_vec(&held.now)?)?;
            fs::rename(&temporary, &self.file)
        };
        if let Err(error) = write() {
            tracing::debug!(file = %self.file.display(), %error, "digests can't be kept");
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn before<'a>(&self, held: &'a mut Held) -> &'a BTreeMap<PathBuf, Entry> {
        held.before.get_or_insert_with(|| {
            let bytes = fs::read(&self.file).unwrap_or_default();
            serde_json::from_slice(&bytes).unwrap_or_default()
        })
    }
}

fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(digests: &Digests, path: &Path) -> Option<Entry> {
        digests.held().now.get(path).cloned()
    }

    #[test]
    fn a_digest_is_remembered_until_the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (path, kept) = (dir.path().join("a"), dir.path().join("d/digests.json"));
        fs::write(&path, "one").unwrap();
        let first = Digests::kept_in(kept.clone());
        let digest = first.of(&path).unwrap();
        assert_eq!(digest, Checksum::of_bytes(b"one").multihash());
        assert_eq!(entry(&first, &path), None, "too young to be told from its next change");
        let remembered = Checksum::of_bytes(b"another").multihash();
        // As if the file had settled: what counts is that the next run believes it.
        let settled = Entry { stamp: stamp(&fs::metadata(&path).unwrap()), checksum: remembered.clone() };
        first.held().now.insert(path.clone(), settled);
        first.save();
        let second = Digests::kept_in(kept.clone());
        assert_eq!(second.of(&path).unwrap(), remembered);
        let md5: Checksum = "md5:f97c5d29941bfb1b2fdab0874906ab82".parse().unwrap();
        assert_eq!(
            second.like(&md5, &path).unwrap(),
            md5.multihash(),
            "by another function nothing is known"
        );
        fs::write(&path, "two").unwrap();
        assert_eq!(Digests::kept_in(kept).of(&path).unwrap(), Checksum::of_bytes(b"two").multihash());
        assert!(second.of(&dir.path().join("nowhere")).is_err());
    }
}
