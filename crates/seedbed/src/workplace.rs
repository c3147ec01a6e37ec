//! A local folder for what a command must remember between two runs, and for
//! temporary files; one process at a time.

use crate::failure::usage_hint;
use anyhow::Context;
use seedbed_storage::Location;
use std::fs::{File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The folder, locked.
pub struct Workplace {
    folder: PathBuf,
    /// The folders above it that weren't there, the innermost first.
    made: Vec<PathBuf>,
    _lock: File,
}

impl Workplace {
    /// `<out>/.seedbed/<name>` for a local catalog, a folder of the user's cache
    /// for a remote one.
    pub fn of(out: &Location, name: &str) -> anyhow::Result<Self> {
        let top = match out.as_path() {
            // A catalog may be named by its folder or by its document.
            Some(path) if path.extension().is_some_and(|e| e == "json") => {
                path.parent().unwrap_or(path).to_owned()
            }
            Some(path) => path.to_owned(),
            None => cache().join(format!("{:016x}", digest(&out.to_string()))),
        };
        Self::at(top.join(".seedbed").join(name), out)
    }

    /// A folder for a command that writes no catalog: of this process alone.
    pub fn elsewhere(name: &str) -> anyhow::Result<Self> {
        let folder = cache().join(format!("{name}-{}", std::process::id()));
        let at = Location::Local(folder.clone());
        Self::at(folder, &at)
    }

    fn at(folder: PathBuf, out: &Location) -> anyhow::Result<Self> {
        let made = folder.ancestors().skip(1).take_while(|above| !above.exists());
        let made = made.filter(|above| !above.as_os_str().is_empty()).map(Path::to_path_buf).collect();
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let path = folder.join("lock");
        let lock = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Err(usage_hint(
                format!("another process is at work on {out}"),
                "wait until it has ended, or end it; then run this again",
            )),
            // Some network file systems have no locks: then the user's care must do.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { folder, made, _lock: lock }),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workplace {
    /// Removes the folder, and those above that were made for it, if nothing in it
    /// has to be remembered.
    fn drop(&mut self) {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return };
        let files: Vec<_> = files.flatten().collect();
        // An empty file, such as the lock, remembers nothing.
        if files.iter().any(|file| file.metadata().is_ok_and(|m| !m.is_file() || m.len() > 0)) {
            return;
        }
        // What can't be removed, or isn't empty, is no more than a folder too many.
        for file in files {
            drop(std::fs::remove_file(file.path()));
        }
        drop(std::fs::remove_dir(&self.folder));
        for made in &self.made {
            drop(std::fs::remove_dir(made));
        }
    }
}

/// Not for security: tells the folders of several remote catalogs apart.
fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The user's cache for Seedbed.
pub fn cache() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    of("SEEDBED_CACHE")
        .or_else(|| of("XDG_CACHE_HOME").map(|d| d.join("seedbed")))
        .or_else(|| of("HOME").map(|d| d.join(".cache").join("seedbed")))
        .unwrap_or_else(|| std::env::temp_dir().join("seedbed"))
}
