//! Removing what no record names.

use crate::error::at;
use crate::product::read_record;
use crate::{Expected, PrepError};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CleanReport {
    /// Staging folders of attempts that died.
    pub attempts: Vec<PathBuf>,
    /// Records that the expected set no longer holds, and data without a record.
    pub superseded: Vec<PathBuf>,
}

/// Removes dead attempts and superseded generations of the product at `product`.
/// What is younger than `older_than` stays, since it may be at work. With
/// `dry_run` nothing is removed.
///
/// # Errors
/// [`PrepError::Document`] without an expected set; [`PrepError::Write`] where
/// something can't be removed.
pub fn clean(product: &Path, older_than: Duration, dry_run: bool) -> Result<CleanReport, PrepError> {
    let (expected, root) = Expected::read(product)?;
    let wanted: BTreeSet<PathBuf> = expected.members.iter().map(|m| m.record(&root)).collect();
    let mut report = CleanReport::default();
    for tile in folders(&root)? {
        for period in folders(&tile)? {
            clean_period(&period, &wanted, older_than, &mut report)?;
        }
    }
    if !dry_run {
        // Records go first, so that none ever names data that is gone.
        for path in report.superseded.iter().filter(|p| p.is_file()) {
            fs::remove_file(path).map_err(at(path))?;
        }
        for path in report.superseded.iter().chain(&report.attempts).filter(|p| p.is_dir()) {
            fs::remove_dir_all(path).map_err(at(path))?;
        }
    }
    Ok(report)
}

fn clean_period(
    folder: &Path,
    wanted: &BTreeSet<PathBuf>,
    older_than: Duration,
    report: &mut CleanReport,
) -> Result<(), PrepError> {
    let mut kept = BTreeSet::new();
    let mut data = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !is_older(&path, older_than) {
            continue;
        }
        if path.is_dir() && name.starts_with('.') && path.extension().is_some_and(|e| e == "part") {
            report.attempts.push(path);
        } else if path.is_dir() {
            data.push((name, path));
        } else if path.extension().is_some_and(|e| e == "json") && !wanted.contains(&path) {
            report.superseded.push(path);
        }
    }
    for record in wanted.iter().filter(|r| r.parent() == Some(folder) && r.exists()) {
        for (_, asset) in read_record(record)?.assets() {
            kept.extend(asset.href().trim_start_matches("./").split('/').next().map(str::to_owned));
        }
    }
    report.superseded.extend(data.into_iter().filter(|(name, _)| !kept.contains(name)).map(|(_, path)| path));
    Ok(())
}

fn is_older(path: &Path, than: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|m| m.modified());
    modified.is_ok_and(|m| SystemTime::now().duration_since(m).unwrap_or_default() >= than)
}

fn folders(of: &Path) -> Result<Vec<PathBuf>, PrepError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(of).map_err(at(of))? {
        let path = entry.map_err(at(of))?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
