//! The file system as a store.
//!
//! Objects appear whole: they are written under a temporary name in the same
//! folder, made durable, and then given their name by one atomic call.

mod standing;
mod unfinished;
mod walk;

use crate::abandoned::Abandoned;
use crate::names::random;
use crate::store::{ListPage, Meta, Put};
use crate::{Checksum, StorageError};
use bytes::Bytes;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use walk::Links;

pub use standing::Standing;

/// The file system.
#[derive(Clone, Copy)]
pub(crate) struct Local;

impl Local {
    pub(crate) async fn read(self, path: &Path, limit: u64) -> Result<Bytes, StorageError> {
        let path = path.to_owned();
        blocking(move || read_bounded(&path, limit)).await
    }

    pub(crate) async fn head(self, path: &Path) -> Result<Meta, StorageError> {
        let path = path.to_owned();
        blocking(move || {
            let meta = fs::metadata(&path).map_err(|e| StorageError::io(&path, "look at it", e))?;
            if !meta.is_file() {
                return Err(no_file(&path));
            }
            Ok(Meta::of_local(meta.len(), meta.modified().ok()))
        })
        .await
    }

    /// How many bytes may still be written at a path, or in the nearest folder above it that is there.
    pub(crate) async fn room(self, path: &Path) -> Result<u64, StorageError> {
        let path = path.to_owned();
        blocking(move || {
            let mut at = path.as_path();
            loop {
                match rustix::fs::statvfs(at) {
                    Ok(found) => return Ok(found.f_bavail.saturating_mul(found.f_frsize)),
                    // A file below a file is none either, but where that is tells the disk.
                    Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) if at != folder_of(at) => {
                        at = folder_of(at);
                    }
                    Err(e) => {
                        return Err(StorageError::io(at, "ask for the room left on its disk", e.into()));
                    }
                }
            }
        })
        .await
    }

    pub(crate) async fn put_once(self, path: &Path, small: Bytes) -> Result<Put, StorageError> {
        let path = path.to_owned();
        blocking(move || {
            let temporary = Temporary::write(&path, &small)?;
            match link_new(&temporary.0, &path)? {
                Linked::Won => {
                    drop(temporary);
                    sync_folder(&path)?;
                    Ok(Put::Created)
                }
                Linked::Lost => Ok(Put::Exists(read_bounded(&path, u64::MAX)?)),
            }
        })
        .await
    }

    pub(crate) async fn replace(self, path: &Path, small: Bytes) -> Result<(), StorageError> {
        let path = path.to_owned();
        blocking(move || {
            let stands = Standing::at(&path);
            let temporary = Temporary::write(&stands.path, &small)?;
            stands.hand_on(&temporary.0);
            temporary.rename(&stands.path)?;
            sync_folder(&stands.path)
        })
        .await
    }

    /// At most a thousand files below a folder, in the order of their names, level by level.
    pub(crate) async fn list_page(
        self,
        folder: &Path,
        after: Option<&str>,
    ) -> Result<ListPage, StorageError> {
        self.page(folder, after, Links::Followed).await
    }

    async fn page(self, folder: &Path, after: Option<&str>, links: Links) -> Result<ListPage, StorageError> {
        let folder = folder.to_owned();
        let after: Vec<OsString> = match after {
            None => Vec::new(),
            Some(text) => {
                walk::names(text).ok_or_else(|| StorageError::Cursor { at: folder.display().to_string() })?
            }
        };
        blocking(move || walk::page(&folder, &after, links)).await
    }

    /// What killed transfers left below a folder, unchanged for longer than `older`.
    pub(crate) async fn abandoned(
        self,
        folder: &Path,
        older: Duration,
    ) -> Result<Vec<Abandoned>, StorageError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = match self.page(folder, after.as_deref(), Links::PassedOver).await {
                Err(e) if e.is_not_found() => return Ok(found),
                page => page?,
            };
            let (files, next) = (page.files, page.next);
            let looked = blocking(move || {
                let paths = files.iter().filter_map(|f| f.at.as_path());
                paths
                    .filter_map(|path| unfinished::look(path, older).transpose())
                    .collect::<Result<Vec<_>, _>>()
            });
            found.extend(looked.await?);
            match next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// Removes what a killed transfer left.
    pub(crate) async fn discard(self, path: &Path) -> Result<(), StorageError> {
        let path = path.to_owned();
        blocking(move || unfinished::discard(&path)).await
    }

    pub(crate) async fn read_range(self, path: &Path, range: Range<u64>) -> Result<Bytes, StorageError> {
        let path = path.to_owned();
        blocking(move || {
            let io = |e| StorageError::io(&path, "read it", e);
            let file = open_file(&path)?;
            let size = file.metadata().map_err(io)?.len();
            if range.start >= size {
                let at = path.display().to_string();
                return Err(StorageError::Range { at, start: range.start, size: Some(size) });
            }
            let length = range.end.min(size) - range.start;
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut bytes, range.start).map_err(io)?;
            Ok(bytes.into())
        })
        .await
    }

    pub(crate) async fn remove(self, path: &Path) -> Result<(), StorageError> {
        let path = path.to_owned();
        blocking(move || {
            fs::remove_file(&path).map_err(|e| StorageError::io(&path, "remove it", e))?;
            sync_folder(&path)
        })
        .await
    }
}

/// Runs file work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        Err(e) => Err(StorageError::Setup { what: "a thread for file work", source: e.into() }),
    }
}

/// How giving a new name ended.
pub(crate) enum Linked {
    /// The name is ours.
    Won,
    /// The name was taken.
    Lost,
}

/// Gives the file a second name, unless that is taken: link(2), the one call that decides between writers.
pub(crate) fn link_new(from: &Path, to: &Path) -> Result<Linked, StorageError> {
    let Err(error) = fs::hard_link(from, to) else { return Ok(Linked::Won) };
    // A network file system may do the work and lose the answer: the count of names tells.
    if fs::metadata(from).is_ok_and(|m| m.nlink() == 2) && same_file(from, to) {
        return Ok(Linked::Won);
    }
    match error.kind() {
        io::ErrorKind::AlreadyExists => Ok(Linked::Lost),
        _ => Err(StorageError::io(to, "give it its name (link)", error)),
    }
}

/// Whether both paths are one file.
pub(crate) fn same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

/// Makes the names in a file's folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StorageError> {
    let folder = folder_of(path);
    match File::open(folder).and_then(|f| f.sync_all()) {
        Ok(()) => Ok(()),
        // Some network file systems have no fsync of folders.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        Err(e) => Err(StorageError::io(folder, "make it durable", e)),
    }
}

/// Makes the folder of a file, and its parents, durably.
pub(crate) fn ensure_folder(path: &Path) -> Result<(), StorageError> {
    let folder = folder_of(path);
    if folder.is_dir() {
        return Ok(());
    }
    ensure_folder(folder)?;
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(folder),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(e) => Err(StorageError::io(folder, "make the folder", e)),
    }
}

/// The most bytes of a file's name, on all file systems in use.
const LONGEST_NAME: usize = 255;

/// How many of them are left to suffixes.
const ROOM_FOR_SUFFIXES: usize = 40;

/// The path of a temporary file beside `path`, which has `suffix` at the end of its name. Where that would be too long
/// for a name, a digest stands for the end of the file's own.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let most = LONGEST_NAME - ROOM_FOR_SUFFIXES;
    if name.len() <= most {
        return with_suffix(path, suffix);
    }
    let digest = &Checksum::of_bytes(name.as_encoded_bytes()).digest_hex()[..16];
    let text = name.to_string_lossy();
    let room = most - digest.len() - 1;
    let kept: String =
        text.char_indices().take_while(|(n, c)| n + c.len_utf8() <= room).map(|(_, c)| c).collect();
    path.with_file_name(format!("{kept}~{digest}{suffix}"))
}

/// `path` with `suffix` at the end of its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// When the file was last changed.
pub(crate) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}

fn no_file(path: &Path) -> StorageError {
    StorageError::io(path, "read it", io::Error::other("it is a folder or a device, not a file"))
}

/// Opens a file to be read. A pipe or a device is refused before it is opened: one may keep whoever opens it for ever,
/// the other never ends.
pub(crate) fn open_file(path: &Path) -> Result<File, StorageError> {
    let io = |e| StorageError::io(path, "read it", e);
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(no_file(path));
    }
    File::open(path).map_err(io)
}

fn read_bounded(path: &Path, limit: u64) -> Result<Bytes, StorageError> {
    let io = |e| StorageError::io(path, "read it", e);
    let file = open_file(path)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(StorageError::TooLarge { at: path.display().to_string(), limit });
    }
    Ok(bytes.into())
}

/// A temporary file beside its destination; its name is removed when dropped, if it still has it.
struct Temporary(PathBuf);

impl Temporary {
    /// Writes the bytes durably beside `destination`.
    fn write(destination: &Path, bytes: &[u8]) -> Result<Self, StorageError> {
        ensure_folder(destination)?;
        let temporary = Self(beside(destination, &format!(".{}.tmp", random()?)));
        let io = |e| StorageError::io(destination, "write it", e);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary.0).map_err(io)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
        Ok(temporary)
    }

    /// Gives it its final name, whatever has that.
    fn rename(mut self, to: &Path) -> Result<(), StorageError> {
        fs::rename(&self.0, to).map_err(|e| StorageError::io(to, "replace it", e))?;
        self.0 = PathBuf::new();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A temporary file that can't be removed harms nothing but order.
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.0);
        }
    }
}
