//! Small files, written whole or not at all.

use crate::GridError;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Writes a file under a temporary name beside it, then renames it. The name is of the form that
/// `seedbed clean` knows: `<name>.<16 hex digits>.tmp`.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), GridError> {
    let failed = |source| GridError::Write { path: path.to_owned(), source };
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // The error that matters is the first; the temporary file may not even be there.
        let _ = fs::remove_file(&temporary);
        failed(source)
    })
}
