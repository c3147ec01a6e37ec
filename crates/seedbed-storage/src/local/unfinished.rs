//! What transfers to this machine leave that were killed.

use super::with_suffix;
use crate::abandoned::{Abandoned, is_temporary};
use crate::part::{PART, RECORD};
use crate::{Location, StorageError};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What a file that ended up here is, if it is one of ours.
enum Kind {
    /// Bytes that another transfer would resume, with their record if there are many.
    Part,
    /// Bytes that nobody resumes.
    Temporary,
}

/// What was left at a path of these times and this size, if it is old enough and nobody works at it.
pub(super) fn look(path: &Path, older: Duration) -> Result<Option<Abandoned>, StorageError> {
    let Some(kind) = kind(path) else { return Ok(None) };
    // No transfer leaves a link, or writes through one.
    if fs::symlink_metadata(path).is_ok_and(|m| !m.is_file()) {
        return Ok(None);
    }
    let io = |e| StorageError::io(path, "look at it", e);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(e)),
    };
    let meta = file.metadata().map_err(io)?;
    // Its date, too, where the file system knows no locks.
    let age = meta.modified().map_err(io)?;
    let age = SystemTime::now().duration_since(age).unwrap_or_default();
    let locked =
        matches!(kind, Kind::Part) && matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    if locked || age < older {
        return Ok(None);
    }
    let at = Location::Local(path.to_owned());
    Ok(Some(Abandoned { at, age, bytes: Some(meta.len()), upload: None }))
}

/// Removes what was left at a path, unless somebody is at work on it by now.
pub(super) fn discard(path: &Path) -> Result<(), StorageError> {
    let busy = |what: &str| StorageError::Occupied { at: path.display().to_string(), what: what.to_owned() };
    match kind(path) {
        None if fs::symlink_metadata(path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) => {
            return Ok(());
        }
        None => return Err(busy("it is no file that a transfer left")),
        Some(Kind::Temporary) => return remove(path),
        Some(Kind::Part) => {}
    }
    let io = |e| StorageError::io(path, "open it", e);
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io(e)),
    };
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(busy("a transfer is at work on it"));
    }
    // Between opening and locking, a transfer may have finished with this file and another begun one of its name.
    let ours = file.metadata().map_err(io)?;
    if !fs::metadata(path).is_ok_and(|m| m.dev() == ours.dev() && m.ino() == ours.ino()) {
        return Ok(());
    }
    remove(&with_suffix(path, ".json"))?;
    remove(path)
}

fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    if is_temporary(name) {
        return Some(Kind::Temporary);
    }
    // The record of a part that is gone.
    if let Some(stem) = name.strip_suffix(RECORD) {
        return (!path.with_file_name(format!("{stem}{PART}")).exists()).then_some(Kind::Temporary);
    }
    let stem = name.strip_suffix(PART)?;
    Some(if is_temporary(&format!("{stem}.tmp")) { Kind::Temporary } else { Kind::Part })
}

fn remove(path: &Path) -> Result<(), StorageError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StorageError::io(path, "remove it", e)),
        _ => Ok(()),
    }
}
