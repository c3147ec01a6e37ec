//! Tiles put together on their one integer grid.

use crate::product::read_record;
use crate::tree::write_catalog;
use crate::{
    Attempt, Description, Done, Expected, Member, Outcome, PrepError, Provenance, Spool, TaskKey, Variable,
    is_done,
};
use seedbed_block::{Period, PixelRange};
use seedbed_catalog::Item;
use seedbed_grid::{Projections, Tile};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, Raster, RasterSource, Resampling};
use seedbed_storage::{Checksum, Location};
use serde::Serialize;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to put together.
#[derive(Debug, Clone)]
pub struct MosaicRequest {
    /// The product: its catalog or folder.
    pub product: PathBuf,
    /// Where the mosaics go.
    pub out: PathBuf,
    /// Whether missing tiles may stay holes, which the item then names.
    pub allow_holes: bool,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MosaicReport {
    /// Periods there are mosaics for.
    pub periods: usize,
    /// Mosaics made now.
    pub made: usize,
    /// Mosaics that were there already.
    pub present: usize,
    /// Tiles and periods left out.
    pub holes: Vec<String>,
    /// The mosaics' catalog.
    pub catalog: PathBuf,
}

/// The revision of this algorithm, part of every mosaic's key.
const REVISION: u32 = 1;

/// Puts the tiles of every period together, one COG a variable.
///
/// Pixels are copied by their integer position, never resampled; an input that
/// isn't on the grid is refused. Each tile's record and files are checked first.
///
/// # Errors
/// [`PrepError::Holes`] where tiles are missing and holes aren't allowed;
/// [`PrepError::Grid`] for an input off the grid; what reading or writing brings.
pub fn mosaic(
    request: &MosaicRequest,
    spool: &Spool,
    projections: &dyn Projections,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<MosaicReport, PrepError> {
    let (expected, root) = Expected::read(&request.product)?;
    let mut periods: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for member in &expected.members {
        periods.entry(&member.period).or_default().push(member);
    }
    let holes = holes(&expected, &root);
    if !holes.is_empty() && !request.allow_holes {
        let mut first: Vec<String> = holes.iter().take(5).cloned().collect();
        if holes.len() > first.len() {
            first.push("…".to_owned());
        }
        return Err(PrepError::Holes {
            count: holes.len(),
            expected: expected.members.len(),
            tiles: first.join(", "),
        });
    }
    let Some(extent) = expected.tiles.iter().map(|t| t.range).reduce(PixelRange::union) else {
        return Err(PrepError::Request(format!("{} has no tiles", request.product.display())));
    };
    let mut set = Expected {
        name: format!("{}-mosaic", expected.name),
        tiles: vec![Tile { name: "mosaic".to_owned(), range: extent }],
        members: Vec::new(),
        ..expected.clone()
    };
    let mut work = Vec::new();
    for (period, members) in &periods {
        let there: Vec<&Member> = members.iter().copied().filter(|m| !holes.contains(&hole(m))).collect();
        let missing: Vec<String> =
            members.iter().filter(|m| holes.contains(&hole(m))).map(|m| m.tile.clone()).collect();
        if there.is_empty() {
            continue;
        }
        let keys: Vec<&TaskKey> = there.iter().map(|m| &m.key).collect();
        let variables = there.iter().find_map(|m| m.variables.clone());
        let key = TaskKey::of(&json!(["mosaic", REVISION, &set.name, extent, keys, &variables]))?;
        let member = Member { tile: "mosaic".to_owned(), period: (*period).to_owned(), key, variables };
        set.members.push(member.clone());
        work.push((member, there, missing));
    }
    set.write(&request.out, spool)?;
    let mut report = MosaicReport {
        periods: work.len(),
        made: 0,
        present: 0,
        holes,
        catalog: request.out.join("catalog.json"),
    };
    for (done, (member, tiles, missing)) in work.iter().enumerate() {
        progress(done, work.len());
        if is_done(&request.out, member) == Done::Yes {
            report.present += 1;
            continue;
        }
        let outcome = one(&set, &expected, &root, request, member, tiles, missing, spool, projections)?;
        if outcome == Outcome::Created {
            report.made += 1;
        } else {
            report.present += 1;
        }
    }
    progress(work.len(), work.len());
    write_catalog(&request.out, &set, &format!("Mosaics of {}", expected.name), spool)?;
    Ok(report)
}

fn hole(member: &Member) -> String {
    format!("{} {}", member.tile, member.period)
}

fn holes(expected: &Expected, root: &Path) -> Vec<String> {
    expected.members.iter().filter(|m| is_done(root, m) != Done::Yes).map(hole).collect()
}

/// One period's mosaic.
#[expect(clippy::too_many_arguments, reason = "the parts of one product, used once")]
fn one(
    set: &Expected,
    source: &Expected,
    root: &Path,
    request: &MosaicRequest,
    member: &Member,
    tiles: &[&Member],
    missing: &[String],
    spool: &Spool,
    projections: &dyn Projections,
) -> Result<Outcome, PrepError> {
    let extent = set.tiles[0].range;
    let geobox = set.grid.geobox(extent);
    let records = tiles
        .iter()
        .map(|m| Ok((m.record(root), read_record(&m.record(root))?)))
        .collect::<Result<Vec<(PathBuf, Item)>, PrepError>>()?;
    let first = &records[0].1;
    let written =
        set.variables(member).first().and_then(|v| first.asset(v)).map(|a| a.band()).unwrap_or_default();
    let options = CogOptions {
        dtype: written.data_type.as_deref().and_then(|t| t.parse().ok()).unwrap_or(DType::Float32),
        scale: written.scale.unwrap_or(1.0),
        offset: written.offset.unwrap_or(0.0),
        nodata: written.nodata,
        overview_resampling: Resampling::Average,
        ..CogOptions::default()
    };
    let mut attempt = Attempt::begin(&request.out, member, &geobox, &options)?;
    for name in set.variables(member) {
        let values = paste(source, &records, name, extent)?;
        let variable = Variable {
            name: name.clone(),
            title: format!("{name}, {}", member.period),
            unit: first.asset(name).and_then(|a| a.band().unit),
            facts: Map::new(),
        };
        attempt.write(variable, &values)?;
    }
    let period = days(first)?;
    let created =
        records.iter().filter_map(|(_, i)| i.property("created")?.as_str()?.get(..10)?.parse().ok());
    let provenance = Provenance {
        process: "seedbed mosaic".to_owned(),
        parameters: Map::new(),
        derived_from: records.iter().map(|(path, _)| Location::Local(path.clone())).collect(),
        created: created.max().unwrap_or(period.end),
    };
    let mut properties = Map::new();
    if !missing.is_empty() {
        properties.insert("seedbed:holes".to_owned(), json!(missing));
    }
    let description = Description { product: &set.name, period, provenance: &provenance, properties };
    Ok(attempt.commit(spool, projections, &description)?.outcome)
}

/// All tiles' values at their place in `extent`; NaN where there is none.
fn paste(
    source: &Expected,
    records: &[(PathBuf, Item)],
    variable: &str,
    extent: PixelRange,
) -> Result<Vec<f64>, PrepError> {
    let shape = extent.shape();
    let mut values = vec![f64::NAN; shape.len()];
    for (path, item) in records {
        let Some(asset) = item.asset(variable) else {
            return Err(PrepError::Document {
                path: path.clone(),
                what: "record of this product",
                reason: format!("it has no asset `{variable}`"),
            });
        };
        let file = path.parent().unwrap_or(Path::new(".")).join(asset.href());
        let digest =
            Checksum::of_file(&file).map_err(|source| PrepError::Read { path: file.clone(), source })?;
        if asset.checksum() != Some(digest.multihash().as_str()) {
            return Err(PrepError::Unverified {
                path: file,
                what: "its checksum is not the one in its record; delete it and run again".to_owned(),
            });
        }
        let raster = Raster::open(&RasterSource::new(&file))?;
        let range = source.range_of(&file, raster.geobox())?;
        let part: Vec<f64> = raster.read(0, PixelRange::of_shape(range.shape()))?;
        let cols = range.shape().cols;
        for (row, line) in part.chunks_exact(cols).enumerate() {
            let y = usize::try_from(range.row0 - extent.row0).unwrap_or(0) + row;
            let x = usize::try_from(range.col0 - extent.col0).unwrap_or(0);
            values[y * shape.cols + x..y * shape.cols + x + cols].copy_from_slice(line);
        }
    }
    Ok(values)
}

fn days(item: &Item) -> Result<Period, PrepError> {
    match (item.start(), item.end()) {
        (Some(start), Some(end)) => {
            Period::new(start, end).map_err(|e| PrepError::Request(format!("item `{}`: {e}", item.id())))
        }
        _ => Err(PrepError::Undated { item: item.id().to_owned() }),
    }
}
