//! A local folder for what is under way to or from a store, of this process alone.

use crate::PrepError;
use crate::error::at;
use crate::identity::random;
use crate::parallel::lock;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// `<state>/scratch/<random>`, made at first use and gone with the value. What a killed process left
/// is removed by the next: each holds a lock within its folder.
pub(crate) struct Scratch {
    top: PathBuf,
    own: Mutex<Option<Own>>,
}

/// The folder and its lock.
struct Own {
    folder: PathBuf,
    _lock: File,
}

/// The lock's name, in the folder of all and in each.
const LOCK: &str = "lock";

impl Scratch {
    /// A scratch folder in `top`.
    pub(crate) fn within(top: PathBuf) -> Self {
        Self { top, own: Mutex::default() }
    }

    /// A new name in the folder.
    pub(crate) fn name(&self) -> Result<PathBuf, PrepError> {
        let mut own = lock(&self.own);
        let folder = match &*own {
            Some(own) => own.folder.clone(),
            None => own.insert(self.make()?).folder.clone(),
        };
        Ok(folder.join(random().map_err(at(&self.top))?))
    }

    fn make(&self) -> Result<Own, PrepError> {
        let top = &self.top;
        fs::create_dir_all(top).map_err(at(top))?;
        // Whoever makes or removes a folder here holds this one, so that none is seen half made. On a file
        // system without locks nothing is removed but by its own process.
        let all = open(top)?;
        let locked = all.lock().is_ok();
        if locked {
            remove_dead(top);
        }
        let folder = top.join(random().map_err(at(top))?);
        fs::create_dir(&folder).map_err(at(&folder))?;
        let own = open(&folder)?;
        let _ = own.try_lock();
        Ok(Own { folder, _lock: own })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // What can't be removed is removed by the next process.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn open(folder: &Path) -> Result<File, PrepError> {
    let path = folder.join(LOCK);
    File::options().create(true).truncate(false).write(true).open(&path).map_err(at(&path))
}

/// Removes the folders that no process holds.
fn remove_dead(top: &Path) {
    let folders = fs::read_dir(top).into_iter().flatten().flatten().map(|e| e.path());
    for folder in folders.filter(|path| path.is_dir()) {
        let dead = match File::options().write(true).open(folder.join(LOCK)) {
            Ok(lock) => !matches!(lock.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_))),
            Err(e) => e.kind() == std::io::ErrorKind::NotFound,
        };
        if dead {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(top: &Path) -> usize {
        fs::read_dir(top).unwrap().flatten().filter(|e| e.path().is_dir()).count()
    }

    #[test]
    fn what_a_dead_process_left_goes_and_what_a_living_one_has_stays() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("scratch");
        let living = Scratch::within(top.clone());
        let kept = living.name().unwrap();
        fs::write(&kept, "under way").unwrap();
        fs::create_dir_all(top.join("dead")).unwrap();
        fs::write(top.join("dead/lock"), "").unwrap();
        fs::write(top.join("dead/file"), "left").unwrap();
        let other = Scratch::within(top.clone());
        assert_ne!(other.name().unwrap().parent(), kept.parent());
        assert!(kept.exists() && !top.join("dead").exists());
        assert_eq!(folders(&top), 2);
        drop((living, other));
        assert_eq!(folders(&top), 0);
    }

    #[test]
    fn nothing_is_made_before_it_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        drop(Scratch::within(dir.path().join("scratch")));
        assert!(!dir.path().join("scratch").exists());
    }
}
