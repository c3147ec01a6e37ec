//! A product held to its expected set.

use crate::product::read_record;
use crate::{Expected, Member, PrepError};
use seedbed_catalog::Item;
use seedbed_raster::{Raster, RasterSource};
use seedbed_storage::Checksum;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The tile.
    pub tile: String,
    /// The period.
    pub period: String,
    /// The variable, unless the whole product is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// Whether it is missing, or there and wrong.
    pub missing: bool,
    /// What is wrong.
    pub what: String,
}

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifyReport {
    /// The product's name.
    pub product: String,
    /// Products there should be.
    pub expected: usize,
    /// Products that are there and right.
    pub right: usize,
    /// Files opened and digested.
    pub files: usize,
    /// Everything that is not.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// Whether everything is there and right.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Checks every product of the set beside `product` (a catalog or its folder):
/// its record, and of every file size, digest, grid, type and nodata value, read
/// back through the public reader.
///
/// # Errors
/// [`PrepError::Request`] if there is no expected set; what is wrong with the
/// products themselves stands in the report.
pub fn verify(product: &Path) -> Result<VerifyReport, PrepError> {
    let (expected, root) = Expected::read(product)?;
    let mut report = VerifyReport {
        product: expected.name.clone(),
        expected: expected.members.len(),
        right: 0,
        files: 0,
        problems: Vec::new(),
    };
    for member in &expected.members {
        let before = report.problems.len();
        verify_member(&expected, &root, member, &mut report);
        if report.problems.len() == before {
            report.right += 1;
        }
    }
    Ok(report)
}

fn verify_member(expected: &Expected, root: &Path, member: &Member, report: &mut VerifyReport) {
    let problem = |variable: Option<&str>, missing, what: String| Problem {
        tile: member.tile.clone(),
        period: member.period.clone(),
        variable: variable.map(str::to_owned),
        missing,
        what,
    };
    let path = member.record(root);
    if !path.exists() {
        report.problems.push(problem(None, true, "it has not been made".to_owned()));
        return;
    }
    let item = match read_record(&path) {
        Ok(item) => item,
        Err(e) => {
            report.problems.push(problem(None, false, e.to_string()));
            return;
        }
    };
    for variable in expected.variables(member) {
        report.files += 1;
        match verify_file(expected, member, &item, variable, &path) {
            Ok(()) => {}
            Err(Flaw::Missing(what)) => report.problems.push(problem(Some(variable), true, what)),
            Err(Flaw::Wrong(what)) => report.problems.push(problem(Some(variable), false, what)),
        }
    }
}

enum Flaw {
    Missing(String),
    Wrong(String),
}

fn verify_file(
    expected: &Expected,
    member: &Member,
    item: &Item,
    variable: &str,
    record: &Path,
) -> Result<(), Flaw> {
    let Some(asset) = item.asset(variable) else {
        return Err(Flaw::Missing("the record has no such asset".to_owned()));
    };
    let path: PathBuf = record.parent().unwrap_or(Path::new(".")).join(asset.href().trim_start_matches("./"));
    let size = std::fs::metadata(&path).map_err(|e| Flaw::Missing(format!("{}: {e}", path.display())))?.len();
    if asset.size() != Some(size) {
        return Err(Flaw::Wrong(format!(
            "{} has {size} bytes, its record says {}",
            path.display(),
            asset.size().map_or_else(|| "nothing".to_owned(), |s| s.to_string())
        )));
    }
    let digest = Checksum::of_file(&path).map_err(|e| Flaw::Wrong(e.to_string()))?.multihash();
    if asset.checksum() != Some(digest.as_str()) {
        return Err(Flaw::Wrong(format!("{} has another checksum than its record says", path.display())));
    }
    let Some(range) = expected.range(member) else {
        return Err(Flaw::Wrong(format!("tile {} is not in the expected set", member.tile)));
    };
    let raster = Raster::open(&RasterSource::new(&path)).map_err(|e| Flaw::Wrong(e.to_string()))?;
    let found = expected.range_of(&path, raster.geobox()).map_err(|e| Flaw::Wrong(e.to_string()))?;
    if found != range {
        return Err(Flaw::Wrong(format!("{} covers {found:?}, not {range:?}", path.display())));
    }
    let band = asset.band();
    let same = match (band.nodata, raster.nodata()) {
        (Some(a), Some(b)) => a == b || (a.is_nan() && b.is_nan()),
        (None, None) => true,
        _ => false,
    };
    if !same {
        return Err(Flaw::Wrong(format!(
            "{} has nodata {:?}, its record says {:?}",
            path.display(),
            raster.nodata(),
            band.nodata
        )));
    }
    Ok(())
}
