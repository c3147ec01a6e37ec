//! Aligned COGs: every date of chosen assets, on every tile.

use crate::identity::TaskKey;
use crate::tree::write_catalog;
use crate::{
    Attempt, Description, Done, Expected, Member, Outcome, PrepError, Provenance, Series, Spool, Variable,
    is_done,
};
use crate::{Plans, Rules, Target, TileReader};
use seedbed_block::{Date, Period, Real};
use seedbed_catalog::Item;
use seedbed_grid::{Bbox, Index, Projections, Tile, TileGrid};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, Resampling};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What to prepare.
#[derive(Debug, Clone)]
pub struct Prepare {
    /// The product's name.
    pub name: String,
    /// The items.
    pub items: Vec<Item>,
    /// Asset keys.
    pub assets: Vec<String>,
    /// The tiles.
    pub grid: TileGrid,
    /// How values are read.
    pub rules: Rules,
    /// How they are written.
    pub cog: CogOptions,
    /// Only days inside, if given.
    pub period: Option<Period>,
    /// Where the product goes.
    pub out: PathBuf,
}

/// What was prepared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrepareReport {
    /// Tiles × dates there should be.
    pub expected: usize,
    /// Made now.
    pub made: usize,
    /// There already.
    pub present: usize,
    /// Tiles no asset touches.
    pub untouched: Vec<String>,
    /// What could not be made, and why.
    pub failed: Vec<String>,
    /// The product's catalog.
    pub catalog: PathBuf,
}

/// The revision of this algorithm, part of every key.
const REVISION: u32 = 1;

/// One tile's readers and dates.
struct TileWork<'a, T> {
    tile: Tile,
    target: Target,
    readers: Vec<(usize, TileReader<'a, T>)>,
    members: Vec<(Member, Date, Vec<usize>)>,
}

/// Prepares items onto tiles: a COG for each tile, date and asset, one item for
/// each tile and date. What is there already is left alone; a tile that fails
/// doesn't stop the others. With `dry_run` only the report's plan is made.
///
/// # Errors
/// [`PrepError::NoAsset`] for a key no item has; [`PrepError::Outside`] if no
/// asset touches any tile; what writing the catalog brings.
pub fn prepare<T: Real>(
    request: &Prepare,
    spool: &Spool,
    projections: &dyn Projections,
    dry_run: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<PrepareReport, PrepError> {
    let series = request
        .assets
        .iter()
        .map(|key| Series::from_items(key, &request.items, key, projections))
        .collect::<Result<Vec<_>, _>>()?;
    let mut untouched = Vec::new();
    let mut work: Vec<TileWork<'_, T>> = Vec::new();
    for tile in &request.grid.tiles {
        match plan_tile(request, &series, tile, spool, projections)? {
            Some(planned) => work.push(planned),
            None => untouched.push(tile.name.clone()),
        }
    }
    if work.is_empty() {
        return Err(PrepError::Outside {
            input: request.assets.join(", "),
            assets: series.iter().map(|s| s.assets.len()).sum(),
            what: format!("any of the {} tiles", request.grid.tiles.len()),
        });
    }
    let set = expected(request, &work);
    let mut report = PrepareReport {
        expected: set.members.len(),
        made: 0,
        present: 0,
        untouched,
        failed: Vec::new(),
        catalog: request.out.join("catalog.json"),
    };
    if dry_run {
        for member in &set.members {
            report.present += usize::from(is_done(&request.out, member) == Done::Yes);
        }
        return Ok(report);
    }
    set.write(&request.out, spool)?;
    let mut at = 0;
    for tile in &mut work {
        for n in 0..tile.members.len() {
            progress(at, set.members.len());
            at += 1;
            match one(request, &series, tile, n, spool, projections) {
                Ok(Outcome::Created) => report.made += 1,
                Ok(Outcome::Adopted) => report.present += 1,
                Err(e) => {
                    let (member, ..) = &tile.members[n];
                    report.failed.push(format!("{} {}: {}", member.tile, member.period, chain(&e)));
                }
            }
        }
    }
    progress(at, set.members.len());
    let description = format!("{} on tiles of {}", request.assets.join(", "), set.grid.crs);
    write_catalog(&request.out, &set, &description, spool)?;
    Ok(report)
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(c) = cause {
        text.push_str(": ");
        text.push_str(&c.to_string());
        cause = c.source();
    }
    text
}

fn expected<T>(request: &Prepare, work: &[TileWork<'_, T>]) -> Expected {
    let tiles: Vec<Tile> = work.iter().map(|w| w.tile.clone()).collect();
    let bbox = work.iter().map(|w| w.target.bbox).reduce(Bbox::union);
    Expected {
        format_version: Expected::FORMAT,
        name: request.name.clone(),
        variables: request.assets.clone(),
        grid: request.grid.grid.clone(),
        tiles,
        bbox: bbox.unwrap_or(Bbox { west: -180.0, south: -90.0, east: 180.0, north: 90.0 }),
        members: work.iter().flat_map(|w| w.members.iter().map(|(m, ..)| m.clone())).collect(),
    }
}

/// Opens what touches a tile and lists its dates, or `None` if nothing does.
fn plan_tile<'a, T: Real>(
    request: &Prepare,
    series: &[Series],
    tile: &Tile,
    spool: &Spool,
    projections: &'a dyn Projections,
) -> Result<Option<TileWork<'a, T>>, PrepError> {
    let geobox = request.grid.geobox(tile);
    let (_, bbox) = geobox.footprint(projections, 16)?;
    let target = Target {
        tile: tile.name.clone(),
        anchor: Index { row: tile.range.row0, col: tile.range.col0 },
        geobox,
        bbox,
    };
    let plans = Plans::default();
    let mut readers = Vec::new();
    let mut dates: BTreeMap<Date, Vec<usize>> = BTreeMap::new();
    for (n, one) in series.iter().enumerate() {
        let first = one.assets.iter().map(|a| a.period.start).min();
        let last = one.assets.iter().map(|a| a.period.end).max();
        let (Some(start), Some(end)) = (first, last) else { continue };
        let all = Period { start, end };
        let Some(period) = request.period.map_or(Some(all), |p| all.intersection(p)) else { continue };
        let opened = TileReader::open(
            one,
            target.clone(),
            request.rules.clone(),
            period,
            plans.clone(),
            spool,
            projections,
        );
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(PrepError::Outside { .. }) => continue,
            Err(e) => return Err(e),
        };
        if !reader.touches()? {
            continue;
        }
        for day in reader.dates().filter(|d| period.contains(*d)) {
            dates.entry(day).or_default().push(n);
        }
        readers.push((n, reader));
    }
    if dates.is_empty() {
        return Ok(None);
    }
    let members = dates
        .into_iter()
        .map(|(day, keys)| {
            let identities: Vec<_> = keys
                .iter()
                .flat_map(|n| series[*n].near(target.bbox, day, day).map(|a| &a.identity))
                .collect();
            let key = TaskKey::of(&json!([
                "prep",
                REVISION,
                Resampling::REVISION,
                T::PRECISION,
                &request.name,
                &target.geobox,
                day,
                keys.iter().map(|n| &series[*n].name).collect::<Vec<_>>(),
                identities,
                &request.rules,
                &request.cog,
            ]))?;
            let variables =
                (keys.len() < series.len()).then(|| keys.iter().map(|n| series[*n].name.clone()).collect());
            Ok((Member { tile: tile.name.clone(), period: day.to_string(), key, variables }, day, keys))
        })
        .collect::<Result<Vec<_>, PrepError>>()?;
    Ok(Some(TileWork { tile: tile.clone(), target, readers, members }))
}

/// One tile and date.
fn one<T: Real>(
    request: &Prepare,
    series: &[Series],
    work: &mut TileWork<'_, T>,
    n: usize,
    spool: &Spool,
    projections: &dyn Projections,
) -> Result<Outcome, PrepError> {
    let (member, day, keys) = work.members[n].clone();
    if is_done(&request.out, &member) == Done::Yes {
        return Ok(Outcome::Adopted);
    }
    let mut attempt = Attempt::begin(&request.out, &member, &work.target.geobox, &request.cog)?;
    let mut sources = BTreeSet::new();
    for (index, reader) in work.readers.iter_mut().filter(|(index, _)| keys.contains(index)) {
        let block = reader.read(&[day])?;
        let name = &series[*index].name;
        let unit = match request.rules.wanted.or(request.rules.unit) {
            Some(unit) => Some(unit.to_string()),
            None => reader.unit_text()?,
        };
        let title = format!("{name}, {day}");
        attempt.write(Variable { name: name.clone(), title, unit, facts: Map::new() }, block.values())?;
        sources.extend(series[*index].near(work.target.bbox, day, day).map(|a| a.origin.clone()));
    }
    let mut parameters = Map::new();
    if let Ok(Value::Object(rules)) = serde_json::to_value(&request.rules) {
        parameters = rules;
    }
    let provenance = Provenance {
        process: "seedbed prep".to_owned(),
        parameters,
        derived_from: sources.into_iter().collect(),
        created: day,
    };
    let description = Description {
        product: &request.name,
        period: Period { start: day, end: day },
        provenance: &provenance,
        properties: Map::new(),
    };
    Ok(attempt.commit(spool, projections, &description)?.outcome)
}

impl Prepare {
    /// Float32 with NaN where nothing was observed.
    #[must_use]
    pub fn default_cog() -> CogOptions {
        CogOptions { dtype: DType::Float32, nodata: Some(f64::NAN), ..CogOptions::default() }
    }
}
