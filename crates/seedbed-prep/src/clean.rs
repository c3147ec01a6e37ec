//! Removing what no record names.

use crate::error::at;
use crate::product::read_record;
use crate::{Expected, PrepError, Root};
use seedbed_storage::Location;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CleanReport {
    /// What attempts that died left: staging folders and temporary records. Of a store there are none:
    /// what is under way to it is on this machine, and what an upload left is the store's to tell.
    pub attempts: Vec<Location>,
    /// Records in whose place the expected set holds another, and data folders without a record.
    pub superseded: Vec<Location>,
    /// How many products of tiles and periods stay that the expected set doesn't hold.
    pub unexpected: usize,
}

/// What becomes of whole products of tiles and periods that nobody expects: those of a wider period, or of another
/// choice of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unexpected {
    /// They stay, and are counted.
    Stays,
    /// They go.
    Goes,
}

/// Removes dead attempts and superseded generations of the product at `product`, and what is unexpected if so asked.
/// What is younger than `older_than` stays, since it may be at work; so does
/// whatever hasn't a name that an [`Attempt`](crate::Attempt) gives. With
/// `dry_run` nothing is removed.
///
/// # Errors
/// [`PrepError::Request`] without an expected set; [`PrepError::Write`] or
/// [`PrepError::Storage`] where something can't be removed.
pub fn clean(
    product: impl Into<Root>,
    unexpected: Unexpected,
    older_than: Duration,
    dry_run: bool,
) -> Result<CleanReport, PrepError> {
    let (expected, root) = Expected::of(&product.into())?;
    match root {
        Root::Local(root) => clean_local(&expected, &root, unexpected, older_than, dry_run),
        Root::Store(store) => store.clean(&expected, unexpected, older_than, dry_run),
    }
}

fn clean_local(
    expected: &Expected,
    root: &Path,
    unexpected: Unexpected,
    older_than: Duration,
    dry_run: bool,
) -> Result<CleanReport, PrepError> {
    let wanted: BTreeSet<PathBuf> = expected.members.iter().map(|m| m.record(root)).collect();
    let slots: BTreeSet<PathBuf> = expected.members.iter().map(|m| m.folder(root)).collect();
    let mut found = Leftovers::default();
    for tile in folders(root)? {
        for period in folders(&tile)? {
            let expected = expected.members.iter().filter(|m| m.folder(root).parent() == Some(&tile));
            let is_held = || is_held(&name_of(&period), expected.map(|m| m.period.as_str()));
            let stays = unexpected == Unexpected::Stays && !slots.contains(&period) && !is_held();
            clean_period(&period, &wanted, stays, older_than, &mut found)?;
        }
    }
    if !dry_run {
        let all = || found.superseded.iter().chain(&found.attempts);
        // Records go first, so that none ever names data that is gone.
        for path in all().filter(|p| p.is_file()) {
            fs::remove_file(path).map_err(at(path))?;
        }
        for path in all().filter(|p| p.is_dir()) {
            fs::remove_dir_all(path).map_err(at(path))?;
        }
        // Folders that nothing is expected in go with their last file; those with more stay.
        let live = |folder: &Path| wanted.iter().any(|record| record.starts_with(folder));
        for folder in all().filter_map(|path| path.parent()).filter(|folder| !live(folder)) {
            let emptied = fs::remove_dir(folder).is_ok();
            let tile = folder.parent().filter(|tile| emptied && !live(tile));
            let _ = tile.map(fs::remove_dir);
        }
    }
    let locations = |paths: Vec<PathBuf>| paths.into_iter().map(Location::from).collect();
    Ok(CleanReport {
        attempts: locations(found.attempts),
        superseded: locations(found.superseded),
        unexpected: found.unexpected,
    })
}

/// What is to go of a local product.
#[derive(Default)]
struct Leftovers {
    attempts: Vec<PathBuf>,
    superseded: Vec<PathBuf>,
    unexpected: usize,
}

/// Whether a cube lies within one of the expected periods: one that has grown since.
pub(crate) fn is_held<'a>(period: &str, mut expected: impl Iterator<Item = &'a str>) -> bool {
    let Some((first, last)) = period.split_once("--") else { return false };
    expected.any(|other| {
        let Some((from, to)) = other.split_once("--") else { return false };
        (from.len(), to.len()) == (first.len(), last.len()) && from <= first && last <= to
    })
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a name in a period's folder stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `.<K8>.<attempt>.part`, with `.damaged` before the end for data set aside.
    Staging,
    /// `<K8>-<C8>`
    Data,
    /// `<K>.json`
    Record,
    /// `<name>.<attempt>.tmp`
    Temporary,
    /// Not ours.
    Other,
}

impl Kind {
    pub(crate) fn of(name: &str) -> Self {
        let hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
        let staging = || {
            let (key, attempt) = name.strip_prefix('.')?.strip_suffix(".part")?.split_once('.')?;
            Some(hex(key, 8) && hex(attempt.strip_suffix(".damaged").unwrap_or(attempt), 16))
        };
        let temporary = || Some(hex(name.strip_suffix(".tmp")?.rsplit_once('.')?.1, 16));
        let data = || name.split_once('-').map(|(key, contents)| hex(key, 8) && hex(contents, 8));
        let record = || name.strip_suffix(".json").map(|key| hex(key, 64));
        match () {
            () if staging() == Some(true) => Self::Staging,
            () if temporary() == Some(true) => Self::Temporary,
            () if data() == Some(true) => Self::Data,
            () if record() == Some(true) => Self::Record,
            () => Self::Other,
        }
    }
}

fn clean_period(
    folder: &Path,
    wanted: &BTreeSet<PathBuf>,
    stays: bool,
    older_than: Duration,
    found: &mut Leftovers,
) -> Result<(), PrepError> {
    let mut data = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match (Kind::of(&name), path.is_dir()) {
            _ if !is_older(&path, older_than) => {}
            (Kind::Staging, true) | (Kind::Temporary, false) => found.attempts.push(path),
            (Kind::Record, false) if stays => found.unexpected += 1,
            (Kind::Data, true) if !stays => data.push((name, path)),
            (Kind::Record, false) if !wanted.contains(&path) => found.superseded.push(path),
            _ => {}
        }
    }
    let mut kept = BTreeSet::new();
    for record in wanted.iter().filter(|r| r.parent() == Some(folder) && r.exists()) {
        for (_, asset) in read_record(record)?.assets() {
            kept.extend(asset.href().trim_start_matches("./").split('/').next().map(str::to_owned));
        }
    }
    found.superseded.extend(data.into_iter().filter(|(name, _)| !kept.contains(name)).map(|(_, path)| path));
    Ok(())
}

fn is_older(path: &Path, than: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|m| m.modified());
    modified.is_ok_and(|m| SystemTime::now().duration_since(m).unwrap_or_default() >= than)
}

fn folders(of: &Path) -> Result<Vec<PathBuf>, PrepError> {
    let hidden = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    Ok(entries(of)?.into_iter().filter(|p| p.is_dir() && !hidden(p)).collect())
}

fn entries(of: &Path) -> Result<Vec<PathBuf>, PrepError> {
    let unreadable = |source| PrepError::Read { path: of.to_owned(), source };
    let entries = fs::read_dir(of).map_err(unreadable)?;
    let mut found: Vec<PathBuf> =
        entries.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>().map_err(unreadable)?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_attempts_are_known() {
        let key = "0123456789abcdef".repeat(4);
        assert_eq!(Kind::of(&format!("{key}.json")), Kind::Record);
        assert_eq!(Kind::of("01234567-89abcdef"), Kind::Data);
        assert_eq!(Kind::of(".01234567.0123456789abcdef.part"), Kind::Staging);
        assert_eq!(Kind::of(".01234567.0123456789abcdef.damaged.part"), Kind::Staging);
        assert_eq!(Kind::of(&format!("{key}.json.0123456789abcdef.tmp")), Kind::Temporary);
        for name in ["2004-01", "mine.json", "2004", "notes", ".git", "a.part", "x.tmp", "catalog.json"] {
            assert_eq!(Kind::of(name), Kind::Other, "{name}");
        }
    }
}
