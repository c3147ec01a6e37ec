//! Documents put in their places: whole, and only where they change anything.

use crate::{CatalogError, document};
use seedbed_storage::{Location, Stores};
use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// A draft that is larger goes to a file.
const HELD: usize = 16 << 20;

/// Whether a document had to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    New,
    Changed,
    Unchanged,
}

/// Writes documents, and counts them.
#[derive(Debug)]
pub struct Disk {
    pub stores: Stores,
    /// Documents that were new or had changed.
    pub written: u64,
    /// Folders of several documents whose leftovers are gone.
    tidy: HashSet<u64>,
    /// The folder that was last known to exist.
    made: PathBuf,
    /// Whether the folder last prepared had to be made.
    fresh: bool,
}

impl Disk {
    pub fn new(stores: &Stores) -> Self {
        Self { stores: stores.clone(), written: 0, tidy: HashSet::new(), made: PathBuf::new(), fresh: false }
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
        self.fresh = match at.as_path() {
            Some(path) => self.make_folder(path)?,
            None => false,
        };
        if self.fresh { Ok(None) } else { self.read(at).await }
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
            if !self.fresh {
                self.remove_leftovers(path);
            }
            write_local(path, sync, |file| file.write_all(bytes))?;
        } else {
            let failed = |source| CatalogError::Write { at: at.clone(), source };
            self.stores.replace(at, bytes.to_vec().into()).await.map_err(failed)?;
        }
        self.written += 1;
        Ok(put)
    }

    /// Begins a document that may be large.
    pub fn draft(at: &Location) -> Draft {
        Draft { at: at.clone(), held: Vec::new(), file: None }
    }

    /// Puts a draft in its place, unless the same is there already.
    pub async fn put_draft(&mut self, draft: Draft) -> Result<Put, CatalogError> {
        let (Some((temporary, file)), Some(path)) = (draft.file, draft.at.as_path()) else {
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
            fs::rename(&temporary, path)?;
            Ok(if existed { Put::Changed } else { Put::New })
        };
        let put = write().map_err(|e| failed("write", path, e))?;
        self.written += u64::from(put != Put::Unchanged);
        Ok(put)
    }

    /// Removes a document, if it is there, and its folder if nothing else is in it.
    pub async fn remove(&mut self, at: &Location) -> Result<(), CatalogError> {
        let Some(path) = at.as_path() else {
            return match self.stores.remove(at).await {
                Err(source) if !source.is_not_found() => Err(CatalogError::Write { at: at.clone(), source }),
                _ => Ok(()),
            };
        };
        match fs::remove_file(path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed("remove", path, e)),
            _ => {}
        }
        if let Some(folder) = path.parent() {
            // Fails, as it should, where copied assets are left.
            drop(fs::remove_dir(folder));
        }
        Ok(())
    }

    /// Whether the folder had to be made.
    fn make_folder(&mut self, path: &Path) -> Result<bool, CatalogError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        if folder == self.made {
            return Ok(false);
        }
        let made = match fs::create_dir(folder) {
            Ok(()) => true,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => false,
            Err(_) => {
                fs::create_dir_all(folder).map_err(|e| failed("write", path, e))?;
                true
            }
        };
        folder.clone_into(&mut self.made);
        Ok(made)
    }

    /// Removes what a killed save left in a document's folder under temporary names.
    fn remove_leftovers(&mut self, path: &Path) {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        if !self.tidy.insert(hasher.finish()) {
            return;
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(".tmp") && name.contains(".json.") {
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
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() > HELD
            && let Some(path) = self.at.as_path()
        {
            if self.file.is_none() {
                fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
                let temporary = temporary(path);
                let file = File::create(&temporary)?;
                self.file = Some((temporary, BufWriter::new(file)));
            }
            if let Some((_, file)) = &mut self.file {
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

fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

fn write_local(
    path: &Path,
    sync: bool,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), CatalogError> {
    let temporary = temporary(path);
    let all = || {
        let mut file = File::create(&temporary)?;
        write(&mut file)?;
        if sync {
            file.sync_all()?;
        }
        drop(file);
        fs::rename(&temporary, path)
    };
    all().map_err(|e| {
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
