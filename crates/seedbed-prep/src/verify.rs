//! A product held to its expected set.

use crate::error::one_line;
use crate::mosaic::references;
use crate::parallel::{in_parallel, threads};
use crate::product::{Flaw, nodata_text, same_nodata, stored_as};
use crate::record::{GTI, STATE};
use crate::store_root::AT_ONCE;
use crate::{BalanceRecord, Expected, Member, PrepError, Root, balance, folder, tree};
use seedbed_block::Period;
use seedbed_catalog::{Asset, Item};
use seedbed_raster::{Proj, Raster, RasterSource};
use serde::Serialize;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

/// One thing that is wrong with a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The tile; of a document of the whole product its name, `catalog.json`.
    pub tile: String,
    /// The period; none of a document.
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
/// its record, whether its model's balance closes, and of every file size, digest, grid,
/// type, scale and nodata value, read back through the public reader; of a mosaic by reference
/// whether its tiles are there; and the catalog's documents. Files in a store are
/// fetched for it, a few at a time.
///
/// # Errors
/// [`PrepError::Request`] or [`PrepError::Document`] if there is no expected set,
/// or one that expects nothing; [`PrepError::Storage`] where a store fails, which says
/// nothing of the product; what is wrong with the products themselves stands in the report.
pub fn verify(product: impl Into<Root>) -> Result<VerifyReport, PrepError> {
    let (expected, root) = Expected::of(&product.into())?;
    check(&expected, &root, &HashMap::new(), Some(&expected), false)
}

/// Checks the products at a root against the set that there should be by now, rather than the
/// one of when they were made: what is missing of it, or was made from something else, is told. `balanced` says that
/// its model keeps a balance, which every record then has.
///
/// # Errors
/// As [`verify`]; that nothing has been made yet is none.
pub fn verify_set(
    expected: &Expected,
    root: impl Into<Root>,
    balanced: bool,
) -> Result<VerifyReport, PrepError> {
    let root = root.into();
    let planned = if Expected::is_at(&root)? { Some(Expected::of(&root)?.0) } else { None };
    let members = planned.iter().flat_map(|set| &set.members);
    let earlier = members.map(|member| ((&*member.tile, &*member.period), member)).collect();
    check(expected, &root, &earlier, planned.as_ref(), balanced)
}

/// The products of an earlier plan by tile and period.
type Earlier<'a> = HashMap<(&'a str, &'a str), &'a Member>;

/// Checks the members of one set, and the documents that tell of another, that of the last call.
fn check(
    expected: &Expected,
    root: &Root,
    earlier: &Earlier<'_>,
    written: Option<&Expected>,
    balanced: bool,
) -> Result<VerifyReport, PrepError> {
    let threads = if root.as_path().is_some() { threads(0) } else { AT_ONCE };
    let checked = in_parallel(
        &expected.members,
        threads,
        |_, member| verify_member(expected, root, earlier, member),
        |_| (),
    );
    let checked = checked.into_iter().collect::<Result<Vec<_>, PrepError>>()?;
    let files = checked.iter().map(|one| one.files).sum();
    // What one record has all have.
    let balanced = balanced || checked.iter().any(|one| one.balanced == Some(true));
    let problems = |(member, one): (&Member, Verified)| {
        let unbalanced = (balanced && one.balanced == Some(false)).then(|| Problem {
            tile: member.tile.clone(),
            period: member.period.clone(),
            variable: None,
            missing: false,
            what: format!(
                "its record lacks the balance that its model's have ({}): delete {} and make it again",
                BalanceRecord::PROPERTY,
                member.record_names()
            ),
        });
        one.problems.into_iter().chain(unbalanced).collect()
    };
    let checked: Vec<Vec<Problem>> = expected.members.iter().zip(checked).map(problems).collect();
    let is_made = |problems: &Vec<Problem>| problems.iter().all(|problem| problem.variable.is_some());
    let pairs = expected.members.iter().zip(&checked);
    let made: Vec<&Member> =
        pairs.filter(|(_, problems)| is_made(problems)).map(|(member, _)| member).collect();
    let documents = match written {
        Some(set) => {
            tree::flaws(root, &made.into_iter().filter(|m| set.members.contains(m)).collect::<Vec<_>>())?
        }
        None => Vec::new(),
    };
    let documents = documents.into_iter().map(|(name, flaw)| {
        let (missing, what) = flaw.told();
        Problem { tile: name.to_owned(), period: String::new(), variable: None, missing, what }
    });
    Ok(VerifyReport {
        product: expected.name.clone(),
        expected: expected.members.len(),
        right: checked.iter().filter(|problems| problems.is_empty()).count(),
        files,
        problems: checked.iter().flatten().cloned().chain(documents).collect(),
    })
}

/// What was found of a product.
#[derive(Default)]
struct Verified {
    /// How many of its files there are.
    files: usize,
    /// What is wrong with it.
    problems: Vec<Problem>,
    /// Whether its record has a balance, if there is a record of rasters.
    balanced: Option<bool>,
}

fn verify_member(
    expected: &Expected,
    root: &Root,
    earlier: &Earlier<'_>,
    member: &Member,
) -> Result<Verified, PrepError> {
    let problem = |variable: Option<&str>, flaw| {
        let (missing, what) = Flaw::told(flaw);
        let variable = variable.map(str::to_owned);
        Problem { tile: member.tile.clone(), period: member.period.clone(), variable, missing, what }
    };
    let item = match root.record(member) {
        Ok(Some(item)) => item,
        Ok(None) => {
            let before = earlier.get(&(&*member.tile, &*member.period)).filter(|e| e.key != member.key);
            let what = match before.map(|before| root.record(before)).transpose()?.flatten() {
                Some(_) => "it is out of date: inputs, parameters or settings were others when it was made",
                None => "it has not been made",
            };
            let problems = vec![problem(None, Flaw::Missing(what.to_owned()))];
            return Ok(Verified { problems, ..Verified::default() });
        }
        Err(e @ PrepError::Storage(_)) => return Err(e),
        Err(e) => {
            let problems = vec![problem(None, Flaw::Wrong(one_line(&e)))];
            return Ok(Verified { problems, ..Verified::default() });
        }
    };
    // What a model remembers of a tile has none.
    let is_state = item.assets().all(|(_, asset)| asset.media_type() == Some(STATE));
    let balanced = (!is_state).then(|| item.property(BalanceRecord::PROPERTY).is_some());
    let whole = is_of(member, &item)
        .and_then(|()| is_placed(expected, member, &item))
        // Runs believe a record of that name.
        .map_err(|what| Flaw::Wrong(format!("{what}: delete {} and make it again", member.record_names())));
    if let Err(flaw) = whole.and_then(|()| balance::check(&item)) {
        return Ok(Verified { files: 0, problems: vec![problem(None, flaw)], balanced });
    }
    let (mut files, mut problems) = (0, Vec::new());
    for variable in expected.variables(member) {
        match verify_file(expected, member, &item, variable, root)? {
            Ok(()) => files += 1,
            Err(flaw) => {
                files += usize::from(!matches!(flaw, Flaw::Missing(_)));
                problems.push(problem(Some(variable), flaw));
            }
        }
    }
    Ok(Verified { files, problems, balanced })
}

/// Refuses the record of another product.
fn is_of(member: &Member, item: &Item) -> Result<(), String> {
    let stated = |name| item.property(name).and_then(|v| v.as_str()).unwrap_or("nothing");
    let meant = [
        ("seedbed:tile", &*member.tile),
        ("seedbed:period", &*member.period),
        ("seedbed:key", member.key.as_str()),
    ];
    match meant.into_iter().find(|(name, meant)| stated(name) != *meant) {
        Some((name, meant)) => Err(format!("its record says {name} is {}, not {meant}", stated(name))),
        None => Ok(()),
    }
}

/// Refuses a record that searches would find at another place, or at another time.
fn is_placed(expected: &Expected, member: &Member, item: &Item) -> Result<(), String> {
    let wrong = |what: String| Err(format!("its record says {what}"));
    if let Some(range) = expected.range(member)
        && let Ok(territory) = expected.grid.geobox(range).territory(&Proj, 8)
    {
        let (own, meant) = (item.bbox().map(<[f64; 4]>::from), <[f64; 4]>::from(territory.bbox));
        // Releases of PROJ differ in the last digits.
        if !own.is_some_and(|own| own.iter().zip(meant).all(|(a, b)| (a - b).abs() < 1e-6)) {
            return wrong(format!("its bbox is {:?}, not {meant:?}", own.unwrap_or_default()));
        }
    }
    let named = member.days.or_else(|| member.span()).or_else(|| member.period.parse().ok());
    let own = item.start().zip(item.end()).and_then(|(start, end)| Period::new(start, end).ok());
    match (named, own) {
        // A part of a period, or of a layer of several days that is named by one of them.
        (Some(named), Some(own)) if member.days.is_none() && own.intersection(named).is_some() => Ok(()),
        (Some(named), own) if own != Some(named) => {
            let own = own.map_or("no days".to_owned(), |own| own.to_string());
            wrong(format!("it is of {own}, not {named}"))
        }
        _ => Ok(()),
    }
}

fn verify_file(
    expected: &Expected,
    member: &Member,
    item: &Item,
    variable: &str,
    root: &Root,
) -> Result<Result<(), Flaw>, PrepError> {
    let Some(asset) = item.asset(variable) else {
        return Ok(Err(Flaw::Missing("the record has no such asset".to_owned())));
    };
    let place = root.place(member, &asset);
    Ok(match root.at_hand(member, &asset)? {
        Ok(file) => references::check(root, &asset, &place)
            .and_then(|()| verify_pixels(expected, member, &asset, &place, file.path())),
        Err(flaw) => {
            if let (Flaw::Wrong(_), Some(_)) = (&flaw, root.as_path()) {
                make_young(&place);
            }
            Err(flaw.of(&place))
        }
    })
}

/// Gives a file that was found wrong the present time: a run looks into files that are younger than their records,
/// and makes this one again.
fn make_young(path: &Path) {
    let inside = folder::files(path).ok().and_then(|names| Some(path.join(names.first()?)));
    let file = inside.as_deref().unwrap_or(path);
    // Where that isn't allowed, the report says what is wrong, and nobody here can mend it.
    let _ = File::open(file).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Holds a file's grid and how its values are stored to what is expected of it; `place` is its name
/// in what is said of it.
fn verify_pixels(
    expected: &Expected,
    member: &Member,
    asset: &Asset<'_>,
    place: &Path,
    path: &Path,
) -> Result<(), Flaw> {
    let wrong = |what: String| Err(Flaw::Wrong(format!("{} {what}", place.display())));
    let Some(range) = expected.range(member) else {
        return wrong(format!("is of tile {}, which is not in the expected set", member.tile));
    };
    // GDAL reads tile indexes from 3.9 on; their digest is all that older ones can tell.
    // Of a state, which is no raster, it is all there is.
    if matches!(asset.media_type(), Some(GTI | STATE)) {
        return Ok(());
    }
    let raster = Raster::open(&RasterSource::new(path)).map_err(|e| Flaw::Wrong(one_line(&e)))?;
    let found = expected.range_of(place, raster.geobox()).map_err(|e| Flaw::Wrong(one_line(&e)))?;
    if !expected.grid.is_same_place(found, range) {
        return wrong(format!("covers {found}, not {range}"));
    }
    let band = asset.band();
    let (scale, offset) = (band.scale.unwrap_or(1.0), band.offset.unwrap_or(0.0));
    let dtype = band.data_type.as_deref().and_then(|t| t.parse().ok());
    if dtype.map(|dtype| (dtype, scale.to_bits(), offset.to_bits())) != Some(stored_as(&raster)) {
        return wrong(format!(
            "is {} by {} and {}, its record says {} by {scale} and {offset}",
            raster.data_type(),
            raster.scale(),
            raster.offset(),
            band.data_type.as_deref().unwrap_or("no type")
        ));
    }
    if !same_nodata(raster.nodata(), band.nodata) {
        let (own, meant) = (nodata_text(raster.nodata()), nodata_text(band.nodata));
        return wrong(format!("has {own}, its record says {meant}"));
    }
    Ok(())
}
