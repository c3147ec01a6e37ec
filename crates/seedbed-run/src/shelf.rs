//! Where a tile's checkpoints are kept: in the product's state, on this machine, as
//! `states/<tile>/<day>-<K8>.state`.

use crate::RunError;
use seedbed_block::Date;
use seedbed_prep::{PrepError, Root, TaskKey};
use std::fs;
use std::io::{self, Write};
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

    /// Puts a checkpoint there, under its name once all its bytes are on the disk.
    ///
    /// # Errors
    /// [`PrepError::Write`] if it can't be written.
    pub(crate) fn put(&self, last: Date, key: &TaskKey, bytes: &[u8]) -> Result<(), RunError> {
        let name = format!("{last}-{}{SUFFIX}", key.short());
        let (path, mut random) = (self.0.join(&name), [0_u8; 8]);
        let failed = |source| PrepError::Write { path: path.clone(), source };
        getrandom::fill(&mut random).map_err(|e| failed(io::Error::other(e.to_string())))?;
        let temporary = self.0.join(format!("{name}.{:016x}.tmp", u64::from_le_bytes(random)));
        let written = fs::create_dir_all(&self.0).and_then(|()| write(&temporary, bytes)).and_then(|()| {
            fs::rename(&temporary, &path)?;
            fs::File::open(&self.0)?.sync_all()
        });
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        Ok(written.map_err(failed)?)
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    if fs::read(path)? == bytes { Ok(()) } else { Err(io::Error::other("it doesn't read back as written")) }
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
