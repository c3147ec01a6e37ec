//! Checkpoints that nothing will begin from.

use crate::RunError;
use crate::shelf::{Kept, Shelf};
use crate::state_file::is_whole;
use seedbed_prep::{Expected, PrepError, Root};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Which checkpoints are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    /// Those that are damaged, and those of tiles that the product no longer has.
    Dead,
    /// All: a run that is extended later then begins on its first day.
    All,
}

/// Removes checkpoints of the run at `out` that are at least `older_than` old, and gives
/// their paths; with `dry_run` nothing is removed. Checkpoints that a run has made
/// dispensable it has removed itself.
///
/// # Errors
/// [`RunError::Prep`] where there is no expected set, or a file can't be removed.
pub fn clean_checkpoints(
    out: &Root,
    unwanted: Unwanted,
    older_than: Duration,
    dry_run: bool,
) -> Result<Vec<PathBuf>, RunError> {
    let root = Shelf::root(out);
    let mut gone = Vec::new();
    if !root.is_dir() {
        return Ok(gone);
    }
    let (expected, _) = Expected::of(out)?;
    let unreadable = |source| PrepError::Read { path: root.clone(), source };
    for entry in fs::read_dir(&root).map_err(unreadable)? {
        let folder = entry.map_err(unreadable)?.path();
        let Some(tile) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        let is_expected = expected.tiles.iter().any(|t| t.name == tile);
        let goes =
            |kept: &Kept| unwanted == Unwanted::All || !is_expected || !is_whole(&kept.path).unwrap_or(false);
        let old = |kept: &Kept| {
            let modified = fs::metadata(&kept.path).and_then(|m| m.modified());
            modified.is_ok_and(|m| SystemTime::now().duration_since(m).unwrap_or_default() >= older_than)
        };
        let paths = Shelf::of(out, tile).list().into_iter().filter(|kept| old(kept) && goes(kept));
        for Kept { path, .. } in paths {
            if !dry_run {
                let failed = |source| PrepError::Write { path: path.clone(), source };
                fs::remove_file(&path).map_err(failed)?;
            }
            gone.push(path);
        }
        // A folder goes with its last file.
        let _ = if dry_run { Ok(()) } else { fs::remove_dir(&folder) };
    }
    gone.sort();
    Ok(gone)
}
