//! Files of the user's own that are there whole or not at all.

use anyhow::Context;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// The name that a file has until it is whole, of the form that `seedbed clean` knows:
/// `<name>.<16 hex digits>.tmp`.
pub fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}.tmp", std::process::id()));
    PathBuf::from(name)
}

/// Writes a file under its name only when it is whole.
pub fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let temporary = temporary(path);
    let written = (|| {
        let mut buffered = BufWriter::new(File::create(&temporary)?);
        fill(&mut buffered)?;
        buffered.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&temporary, path)?;
        anyhow::Ok(())
    })();
    if written.is_err() {
        // The write's error is the one to report.
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}
