//! Documents put in their places: whole, and only where they change anything.

use crate::{CatalogError, document};
use seedbed_storage::{Location, Meta, Standing, Stores, is_temporary};
use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// A draft that is larger goes to a file.
const HELD: usize = 16 << 20;

/// How often others may come first where a document is shared, before that is an error.
pub const ATTEMPTS: usize = 20;
pub const OFTEN: &str = "each time before this one";

/// Whether a document had to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    New,
    Changed,
    Unchanged,
}

/// A document in a store, as it was read.
#[derive(Debug)]
pub struct Stands {
    pub bytes: Vec<u8>,
    version: Meta,
}

/// Writes documents, and counts them.
#[derive(Debug)]
pub struct Disk {
    pub stores: Stores,
    /// Documents that were new or had changed.
    pub written: u64,
    /// Folders of several documents that exist and have no leftovers.
    tidy: HashSet<u64>,
    /// Folders made here that have no document yet.
    bare: HashSet<u64>,
    /// The folder that was last known to exist.
    last: PathBuf,
    /// What temporary names have in them.
    mark: u64,
}

/// Waits until nobody else updates a document beside this local one. The lock is of the folder, so that none is left
/// behind; `None` where there are no locks.
pub async fn hold(at: &Location) -> Option<File> {
    let folder = at.as_path()?.parent()?.to_owned();
    let locked = move || File::open(folder).and_then(|folder| folder.lock().map(|()| folder)).ok();
    tokio::task::spawn_blocking(locked).await.ok().flatten()
}

impl Disk {
    pub fn new(stores: &Stores) -> Self {
        Self {
            stores: stores.clone(),
            written: 0,
            tidy: HashSet::new(),
            bare: HashSet::new(),
            last: PathBuf::new(),
            mark: mark(),
        }
    }

    /// The bytes of a document; `None` if there is none.
    pub async fn read(&self, at: &Location) -> Result<Option<Vec<u8>>, CatalogError> {
        if let Some(path) = at.as_path() {
            return match fs::read(path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
                Err(source) => Err(failed("read", path, source)),
            };
        }
        match document::read_bytes(&self.stores, at).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(CatalogError::Read { source, .. }) if source.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a document's folder, and gives its bytes; `None` if there is none yet.
    pub async fn prepare(&mut self, at: &Location) -> Result<Option<Vec<u8>>, CatalogError> {
        self.make_folder(at)?;
        if self.is_bare(at) { Ok(None) } else { self.read(at).await }
    }

    /// The same of a document that others may write at the same time, with its version.
    pub async fn prepare_shared(&mut self, at: &Location) -> Result<Option<Stands>, CatalogError> {
        if at.is_local() {
            let before = self.prepare(at).await?;
            return Ok(before.map(|bytes| Stands { bytes, version: Meta::default() }));
        }
        match self.stores.read_version(at).await {
            Ok((bytes, version)) => Ok(Some(Stands { bytes: bytes.to_vec(), version })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(source) => Err(CatalogError::Read { at: at.clone(), source }),
        }
    }

    /// Whether the folder of a document was made here and has none yet.
    pub fn is_bare(&self, at: &Location) -> bool {
        let folder = at.as_path().and_then(Path::parent);
        folder.is_some_and(|folder| self.bare.contains(&hash(folder)))
    }

    /// Puts a document in its place under a temporary name that is then
    /// renamed, unless `before`, the bytes that [`Disk::prepare`] gave, are the same.
    ///
    /// Catalogs and collections are synced, items aren't: one that a power cut
    /// empties is written anew by the next save.
    pub async fn put(
        &mut self,
        at: &Location,
        bytes: &[u8],
        before: Option<&[u8]>,
        sync: bool,
    ) -> Result<Put, CatalogError> {
        let put = match before {
            Some(before) if before == bytes => return Ok(Put::Unchanged),
            Some(_) => Put::Changed,
            None => Put::New,
        };
        if let Some(path) = at.as_path() {
            let folder = path.parent().unwrap_or(Path::new("."));
            if !self.bare.remove(&hash(folder)) {
                self.remove_leftovers(folder);
            }
            write_local(path, self.mark, sync, before.is_some(), bytes)?;
        } else {
            let failed = |source| CatalogError::Write { at: at.clone(), source };
            self.stores.replace(at, bytes.to_vec().into()).await.map_err(failed)?;
        }
        self.written += 1;
        Ok(put)
    }

    /// The same, unless another writer has put something there since [`Disk::prepare_shared`]: then `None`, as far as
    /// the store can tell. (Who writes a local catalog has the lock of its folder.)
    pub async fn put_shared(
        &mut self,
        at: &Location,
        bytes: &[u8],
        before: Option<&Stands>,
    ) -> Result<Option<Put>, CatalogError> {
        if at.is_local() {
            return self.put(at, bytes, before.map(|b| b.bytes.as_slice()), false).await.map(Some);
        }
        let failed = |source| CatalogError::Write { at: at.clone(), source };
        let put = match before {
            Some(before) if before.bytes == bytes => return Ok(Some(Put::Unchanged)),
            Some(before) => {
                let swapped = self.stores.swap(at, &before.version, bytes.to_vec().into()).await;
                swapped.map_err(failed)?.then_some(Put::Changed)
            }
            None => match self.stores.put_once(at, bytes.to_vec().into()).await.map_err(failed)? {
                seedbed_storage::Put::Created => Some(Put::New),
                seedbed_storage::Put::Exists(_) => None,
            },
        };
        self.written += u64::from(put.is_some());
        Ok(put)
    }

    /// Begins a document that may be large.
    pub fn draft(at: &Location) -> Draft {
        Draft { at: at.clone(), held: Vec::new(), file: None }
    }

    /// Puts a draft in its place, unless the same is there already.
    pub async fn put_draft(&mut self, draft: Draft) -> Result<Put, CatalogError> {
        let (Some((temporary, stands, file)), Some(path)) = (draft.file, draft.at.as_path()) else {
            let before = self.prepare(&draft.at).await?;
            return self.put(&draft.at, &draft.held, before.as_deref(), true).await;
        };
        let write = || {
            let mut file = file;
            file.write_all(&draft.held)?;
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            if same_files(&temporary, path)? {
                fs::remove_file(&temporary)?;
                return Ok(Put::Unchanged);
            }
            file.sync_all()?;
            let existed = path.exists();
            stands.hand_on(&temporary);
            fs::rename(&temporary, &stands.path)?;
            Ok(if existed { Put::Changed } else { Put::New })
        };
        let put = write().map_err(|e| failed("write", path, e))?;
        self.written += u64::from(put != Put::Unchanged);
        Ok(put)
    }

    /// Removes a document, and its folder if nothing else is in it; whether it was there.
    pub async fn remove(&mut self, at: &Location) -> Result<bool, CatalogError> {
        let Some(path) = at.as_path() else {
            return match self.stores.remove(at).await {
                Err(source) if source.is_not_found() => Ok(false),
                Err(source) => Err(CatalogError::Write { at: at.clone(), source }),
                Ok(()) => Ok(true),
            };
        };
        let removed = match fs::remove_file(path) {
            Ok(()) => true,
            Err(e) if e.kind() == ErrorKind::NotFound => false,
            Err(e) => return Err(failed("remove", path, e)),
        };
        if let Some(folder) = path.parent()
            // Fails, as it should, where copied assets are left.
            && fs::remove_dir(folder).is_ok()
        {
            self.tidy.remove(&hash(folder));
            self.last.clear();
        }
        Ok(removed)
    }

    /// Makes the folder of a document, if it is local and isn't there.
    pub fn make_folder(&mut self, at: &Location) -> Result<(), CatalogError> {
        let Some(path) = at.as_path() else { return Ok(()) };
        let folder = path.parent().unwrap_or(Path::new("."));
        if folder == self.last || folder.as_os_str().is_empty() {
            return Ok(());
        }
        let known = hash(folder);
        if !self.bare.contains(&known) && !self.tidy.contains(&known) {
            self.make(folder).map_err(|e| failed("write", path, e))?;
        }
        folder.clone_into(&mut self.last);
        Ok(())
    }

    /// Makes a folder, unless it is there, after those above it.
    fn make(&mut self, folder: &Path) -> io::Result<()> {
        let mut made = fs::create_dir(folder);
        if let (Err(e), Some(above)) = (&made, folder.parent())
            && e.kind() == ErrorKind::NotFound
        {
            self.make(above)?;
            made = fs::create_dir(folder);
        }
        match made {
            Ok(()) => {
                self.bare.insert(hash(folder));
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Removes what a killed save left in a document's folder under temporary names.
    fn remove_leftovers(&mut self, folder: &Path) {
        if !self.tidy.insert(hash(folder)) {
            return;
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let of_a_document = name.starts_with('.') && name.contains(".json.") && is_temporary(&name);
            if of_a_document && is_abandoned(&entry.path()) {
                // One that can't be removed harms nothing but order.
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

/// A document while it is written: in memory, or, if it grows large, in a
/// temporary file beside its place.
pub struct Draft {
    at: Location,
    held: Vec<u8>,
    file: Option<(PathBuf, Standing, BufWriter<File>)>,
}

impl Draft {
    /// Its bytes, where it is for a store: such a one is in memory.
    pub fn into_bytes(self) -> Vec<u8> {
        self.held
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() > HELD
            && let Some(path) = self.at.as_path()
        {
            if self.file.is_none() {
                fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
                let stands = Standing::at(path);
                let temporary = temporary(&stands.path, mark());
                let file = begin(&temporary)?;
                self.file = Some((temporary, stands, BufWriter::new(file)));
            }
            if let Some((.., file)) = &mut self.file {
                file.write_all(&self.held)?;
                self.held.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A temporary file, locked while its writer is at work.
fn begin(temporary: &Path) -> io::Result<File> {
    let file = File::create(temporary)?;
    // Where there are no locks, only writers side by side in one folder miss them.
    drop(file.try_lock());
    Ok(file)
}

/// Whether no writer is at work on a temporary file.
fn is_abandoned(temporary: &Path) -> bool {
    File::open(temporary).is_ok_and(|file| !matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn hash(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    hasher.finish()
}

/// A number that no other writer has.
fn mark() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn temporary(path: &Path, mark: u64) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name may be as long as a name can be.
    let kept: String = name.chars().take(40).collect();
    let kept = if name.len() > 220 {
        format!("{kept}~{:016x}.json", hash(Path::new(&*name)))
    } else {
        name.into_owned()
    };
    path.with_file_name(format!(".{kept}.{mark:016x}.tmp"))
}

/// Writes a document; `replaces`: in the place of another, whose mode it keeps, and which may be a link to it.
fn write_local(path: &Path, mark: u64, sync: bool, replaces: bool, bytes: &[u8]) -> Result<(), CatalogError> {
    let stands = replaces.then(|| Standing::at(path));
    let place = stands.as_ref().map_or(path, |stands| &stands.path);
    let temporary = temporary(place, mark);
    let all = || {
        let mut file = begin(&temporary)?;
        file.write_all(bytes)?;
        if sync {
            file.sync_all()?;
        }
        if let Some(stands) = &stands {
            stands.hand_on(&temporary);
        }
        fs::rename(&temporary, place)
    };
    // Another writer may have taken it for a leftover before it was locked.
    let written = all().or_else(|e| if e.kind() == ErrorKind::NotFound { all() } else { Err(e) });
    written.map_err(|e| {
        // The failure itself is what matters; the temporary file may not exist.
        drop(fs::remove_file(&temporary));
        failed("write", path, e)
    })
}

fn same_files(a: &Path, b: &Path) -> io::Result<bool> {
    let (Ok(of_a), Ok(of_b)) = (fs::metadata(a), fs::metadata(b)) else { return Ok(false) };
    if of_a.len() != of_b.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let n = a.read(&mut left)?;
        if n == 0 {
            return Ok(true);
        }
        b.read_exact(&mut right[..n])?;
        if left[..n] != right[..n] {
            return Ok(false);
        }
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> CatalogError {
    CatalogError::Io { action, path: path.to_owned(), source }
}

/// Whether reading failed because there is nothing.
pub fn is_absent(error: &CatalogError) -> bool {
    match error {
        CatalogError::Io { source, .. } => source.kind() == ErrorKind::NotFound,
        CatalogError::Read { source, .. } => source.is_not_found(),
        _ => false,
    }
}
