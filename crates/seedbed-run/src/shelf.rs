//! Where a tile's checkpoints are kept: in the product's state, on this machine, as
//! `states/<tile>/<day>-<K8>.state`.

use crate::RunError;
use crate::state_file::is_whole;
use seedbed_block::Date;
use seedbed_prep::{PrepError, Root, TaskKey};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What checkpoints' names end with.
const SUFFIX: &str = ".state";

/// The folder of a tile's checkpoints.
#[derive(Debug, Clone)]
pub(crate) struct Shelf(PathBuf);

/// A checkpoint on the shelf, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kept {
    /// The last day simulated.
    pub(crate) last: Date,
    /// Eight digits of its key.
    pub(crate) key: String,
    pub(crate) path: PathBuf,
}

impl Shelf {
    /// The shelf of a tile.
    pub(crate) fn of(out: &Root, tile: &str) -> Self {
        Self(Self::root(out).join(tile))
    }

    /// Where all tiles' shelves are.
    pub(crate) fn root(out: &Root) -> PathBuf {
        out.state().join("states")
    }

    /// What is there, the oldest day first. What can't be listed isn't there.
    pub(crate) fn list(&self) -> Vec<Kept> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut kept: Vec<Kept> = entries.filter_map(|entry| Kept::of(entry.path())).collect();
        kept.sort();
        kept
    }

    /// Lays a checkpoint down beside its place, all its bytes on the disk; `write` gives
    /// them, and something of its own besides.
    ///
    /// # Errors
    /// [`PrepError::Write`] if it can't be written.
    pub(crate) fn lay_down<R>(
        &self,
        last: Date,
        key: &TaskKey,
        write: impl FnOnce(&mut dyn Write) -> io::Result<R>,
    ) -> Result<(Laid, R), RunError> {
        let name = format!("{last}-{}{SUFFIX}", key.short());
        let (path, mut random) = (self.0.join(&name), [0_u8; 8]);
        let failed = |source| PrepError::Write { path: path.clone(), source };
        getrandom::fill(&mut random).map_err(|e| failed(io::Error::other(e.to_string())))?;
        let temporary = self.0.join(format!("{name}.{:016x}.tmp", u64::from_le_bytes(random)));
        let laid = Laid { temporary, path: path.clone() };
        let written = fs::create_dir_all(&self.0).and_then(|()| laid.write(write));
        Ok((laid, written.map_err(failed)?))
    }
}

/// A checkpoint beside its place; dropped, it goes.
#[derive(Debug)]
pub(crate) struct Laid {
    temporary: PathBuf,
    path: PathBuf,
}

impl Laid {
    fn write<R>(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<R>) -> io::Result<R> {
        let mut file = BufWriter::new(fs::File::create_new(&self.temporary)?);
        let result = write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        if is_whole(&self.temporary)? {
            Ok(result)
        } else {
            Err(io::Error::other("it doesn't read back as written"))
        }
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// [`PrepError::Write`] if it can't be renamed.
    pub(crate) fn put(self) -> Result<(), RunError> {
        let put = || {
            fs::rename(&self.temporary, &self.path)?;
            let folder = self.path.parent().unwrap_or(Path::new("."));
            fs::File::open(folder)?.sync_all()
        };
        let path = &self.path;
        Ok(put().map_err(|source| PrepError::Write { path: path.clone(), source })?)
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        // Once it is in its place there is nothing here.
        let _ = fs::remove_file(&self.temporary);
    }
}

impl Kept {
    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
        let (day, key) = name.rsplit_once('-')?;
        let is_key = key.len() == 8 && key.bytes().all(|b| b.is_ascii_hexdigit());
        let (last, key) = (day.parse().ok()?, key.to_owned());
        is_key.then_some(Self { last, key, path })
    }
}
