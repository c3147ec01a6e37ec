//! Aligned rasters: every date of chosen assets, on every tile.

use crate::error::one_line;
use crate::parallel::{in_parallel, threads};
use crate::tree::write_catalog;
use crate::{
    Attempt, Description, Done, Expected, Member, Outcome, Plans, PrepError, Provenance, Rules, Series,
    Spool, Target, TaskKey, TileReader, TimeRule, Variable, cubes, is_done,
};
use seedbed_block::{Block, Date, Period, Real};
use seedbed_catalog::Item;
use seedbed_grid::{Bbox, Index, Projections, Tile, TileGrid};
use seedbed_raster::cog::{self, CogOptions};
use seedbed_raster::{DType, Resampling};
use seedbed_storage::Location;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

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
    /// How values are read; dates stay as they are, so the time rule is `daily`.
    pub rules: Rules,
    /// How they are written.
    pub cog: CogOptions,
    /// Into what.
    pub format: Format,
    /// Only days inside, if given.
    pub period: Option<Period>,
    /// Where the product goes.
    pub out: PathBuf,
}

/// What a product's files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A COG for each tile, date and asset.
    #[default]
    Cog,
    /// A Zarr cube of all dates for each tile and asset.
    Zarr,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cog" => Ok(Self::Cog),
            "zarr" => Ok(Self::Zarr),
            _ => Err(format!("`{text}` is no format; there are cog and zarr")),
        }
    }
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
const REVISION: u32 = 3;

/// Dates read in one go: a file's chunk often holds several.
const BATCH: usize = 16;

/// Bytes of values read in one go.
const PIECE: usize = 64 << 20;

/// Bytes a pixel that writing a variable takes: its values, and what is stored of
/// them and of the overviews, compressed or not.
const BYTES: usize = 24;

/// One tile, planned.
pub(crate) struct TilePlan {
    pub(crate) tile: Tile,
    pub(crate) target: Target,
    pub(crate) plans: Plans,
    pub(crate) dates: Vec<Planned>,
}

/// One tile and date, planned.
pub(crate) struct Planned {
    pub(crate) member: Member,
    pub(crate) day: Date,
    /// The series that have the day.
    pub(crate) series: Vec<usize>,
    /// Where what they have came from.
    pub(crate) origins: BTreeSet<Location>,
}

/// A series on a batch of dates.
struct Read<T> {
    /// Which series.
    series: usize,
    /// The unit of its values.
    unit: Option<String>,
    block: Block<T>,
}

/// What all tiles and dates have in common.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Prepare,
    pub(crate) series: Vec<Series>,
    pub(crate) spool: &'a Spool,
    pub(crate) projections: &'a dyn Projections,
}

/// Prepares items onto tiles: a COG for each tile, date and asset, one item for
/// each tile and date; or a Zarr cube for each tile and asset, one item for each
/// tile. What is there already is left alone; a tile and date that
/// fails doesn't stop the others. With `dry_run` only the report's plan is made;
/// remote assets are fetched even then, since only files tell their days.
///
/// The product is what is asked for: dates and tiles of an earlier call on the
/// same folder that this one doesn't ask for leave its catalog.
///
/// # Errors
/// [`PrepError::NoAsset`] for a key no item has; [`PrepError::Outside`] if no
/// asset touches any tile; a damaged file; what writing the catalog brings.
pub fn prepare<T: Real>(
    request: &Prepare,
    spool: &Spool,
    projections: &dyn Projections,
    dry_run: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<PrepareReport, PrepError> {
    if request.rules.time != TimeRule::Daily {
        return Err(PrepError::Request(
            "dates are prepared as they are: the time rule must be daily".to_owned(),
        ));
    }
    let series = request
        .assets
        .iter()
        .map(|key| {
            let mask = request.rules.mask.as_ref();
            Series::masked(key, &request.items, key, mask, spool, projections)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let context = Context { request, series, spool, projections };
    let mut untouched = Vec::new();
    let mut tiles: Vec<TilePlan> = Vec::new();
    for tile in &request.grid.tiles {
        match context.plan::<T>(tile)? {
            Some(planned) => tiles.push(planned),
            None => untouched.push(tile.name.clone()),
        }
    }
    let cubes = match request.format {
        Format::Cog => Vec::new(),
        Format::Zarr => cubes::plan(&context, &tiles)?,
    };
    let mut set = context.expected(&tiles)?;
    if request.format == Format::Zarr {
        set.members = cubes.iter().map(|cube| cube.member.clone()).collect();
    }
    let mut report = PrepareReport {
        expected: set.members.len(),
        made: 0,
        present: set.members.iter().filter(|m| is_done(&request.out, m) == Done::Yes).count(),
        untouched,
        failed: Vec::new(),
        catalog: request.out.join("catalog.json"),
    };
    if dry_run {
        return Ok(report);
    }
    set.write(&request.out, spool)?;
    spool.keep_digests();
    match request.format {
        Format::Cog => context.make::<T>(&tiles, &mut report, progress),
        Format::Zarr => cubes::make::<T>(&context, &set, &cubes, &mut report, progress),
    }
    let description = format!("{} on tiles of {}", request.assets.join(", "), set.grid.crs);
    write_catalog(&request.out, &set, &description, spool)?;
    Ok(report)
}

impl Context<'_> {
    /// Makes the COGs that aren't there yet.
    fn make<T: Real>(
        &self,
        tiles: &[TilePlan],
        report: &mut PrepareReport,
        progress: &mut dyn FnMut(usize, usize),
    ) {
        let work = self.batches::<T>(tiles);
        let most = tiles.iter().map(|t| t.target.geobox.shape.len()).max().unwrap_or(0);
        let mut behind = report.present;
        progress(behind, report.expected);
        let results = in_parallel(
            &work,
            threads(PIECE.saturating_add(most * BYTES)),
            |_, (tile, dates)| self.batch::<T>(tile, dates),
            |n| {
                behind += work[n - 1].1.len();
                progress(behind, report.expected);
            },
        );
        for ((_, dates), outcomes) in work.iter().zip(results) {
            for (Planned { member, .. }, outcome) in dates.iter().zip(outcomes) {
                match outcome {
                    Ok(Outcome::Created) => report.made += 1,
                    Ok(Outcome::Adopted) => report.present += 1,
                    Err(reason) => report.failed.push(format!("{} {}: {reason}", member.tile, member.period)),
                }
            }
        }
    }

    /// Opens a series on a tile, or `None` if none of it lies there.
    pub(crate) fn open<T: Real>(
        &self,
        series: &Series,
        target: &Target,
        plans: &Plans,
        period: Period,
    ) -> Result<Option<TileReader<'_, T>>, PrepError> {
        let rules = self.request.rules.clone();
        let opened = TileReader::open(
            series,
            target.clone(),
            rules,
            period,
            plans.clone(),
            self.spool,
            self.projections,
        );
        match opened {
            Ok(reader) => Ok(Some(reader)),
            Err(PrepError::Outside { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A tile's dates, or `None` if nothing touches it.
    fn plan<T: Real>(&self, tile: &Tile) -> Result<Option<TilePlan>, PrepError> {
        let geobox = self.request.grid.geobox(tile);
        let (_, bbox) = geobox.footprint(self.projections, 16)?;
        let anchor = Index { row: tile.range.row0, col: tile.range.col0 };
        let target = Target { tile: tile.name.clone(), anchor, geobox, bbox };
        let plans = Plans::default();
        let mut days: BTreeMap<Date, Vec<usize>> = BTreeMap::new();
        let mut readers: BTreeMap<usize, TileReader<'_, T>> = BTreeMap::new();
        for (n, series) in self.series.iter().enumerate() {
            let all = series.period();
            let Some(period) = self.request.period.map_or(Some(all), |p| all.intersection(p)) else {
                continue;
            };
            let Some(reader) = self.open::<T>(series, &target, &plans, period)? else { continue };
            for day in reader.dates().filter(|d| period.contains(*d)) {
                days.entry(day).or_default().push(n);
            }
            readers.insert(n, reader);
        }
        let mut dates = Vec::new();
        for (day, having) in days {
            let mut keys = Vec::new();
            let mut origins = BTreeSet::new();
            for n in &having {
                let assets: Vec<_> = readers[n].assets(day).collect();
                let read = assets.iter().map(|a| a.key()).collect::<Result<Vec<_>, _>>()?;
                keys.push((&self.series[*n].name, read));
                origins.extend(assets.iter().flat_map(|a| a.origins().cloned()));
            }
            let variables = (having.len() < self.series.len())
                .then(|| having.iter().map(|n| self.series[*n].name.clone()).collect());
            let key = self.key::<T>(&target, day, &json!(keys))?;
            let member = Member { tile: tile.name.clone(), period: day.to_string(), key, variables };
            dates.push(Planned { member, day, series: having, origins });
        }
        Ok((!dates.is_empty()).then(|| TilePlan { tile: tile.clone(), target, plans, dates }))
    }

    fn key<T: Real>(&self, target: &Target, day: Date, inputs: &Value) -> Result<TaskKey, PrepError> {
        TaskKey::of(&json!([
            "prep",
            [REVISION, Resampling::REVISION, cog::REVISION],
            T::PRECISION,
            self.request.name,
            [json!(target.tile), json!(target.geobox), json!(target.anchor)],
            day,
            inputs,
            self.request.rules,
            self.request.cog,
        ]))
    }

    fn expected(&self, tiles: &[TilePlan]) -> Result<Expected, PrepError> {
        let Some(bbox) = tiles.iter().map(|t| t.target.bbox).reduce(Bbox::union) else {
            return Err(PrepError::Outside {
                input: self.request.assets.join(", "),
                assets: self.series.iter().map(|s| s.assets.len()).sum(),
                what: format!("any of the {} tiles", self.request.grid.tiles.len()),
            });
        };
        Ok(Expected {
            format_version: Expected::FORMAT,
            name: self.request.name.clone(),
            variables: self.request.assets.clone(),
            grid: self.request.grid.grid.clone(),
            tiles: tiles.iter().map(|t| t.tile.clone()).collect(),
            bbox,
            members: tiles.iter().flat_map(|t| t.dates.iter().map(|d| d.member.clone())).collect(),
        })
    }

    /// What isn't done yet, in batches of consecutive dates that the same series have.
    fn batches<'p, T>(&self, tiles: &'p [TilePlan]) -> Vec<(&'p TilePlan, Vec<&'p Planned>)> {
        let mut batches: Vec<(&TilePlan, Vec<&Planned>)> = Vec::new();
        for tile in tiles {
            let layer = tile.target.geobox.shape.len() * size_of::<T>() * self.series.len();
            let most = (PIECE / layer.max(1)).clamp(1, BATCH);
            let open = tile.dates.iter().filter(|d| is_done(&self.request.out, &d.member) != Done::Yes);
            let mut batch: Vec<&Planned> = Vec::new();
            for date in open {
                if batch.len() == most || batch.last().is_some_and(|last| last.series != date.series) {
                    batches.push((tile, std::mem::take(&mut batch)));
                }
                batch.push(date);
            }
            if !batch.is_empty() {
                batches.push((tile, batch));
            }
        }
        batches
    }

    /// Makes a batch. Where reading it in one go fails, its dates are read one by
    /// one, so that each fails for itself.
    fn batch<T: Real>(&self, tile: &TilePlan, dates: &[&Planned]) -> Vec<Result<Outcome, String>> {
        let write = |date: &Planned, blocks: &[Read<T>], n: usize| {
            self.write(tile, date, blocks, n).map_err(|e| one_line(&e))
        };
        if let Ok(blocks) = self.read::<T>(tile, dates) {
            return dates.iter().enumerate().map(|(n, date)| write(date, &blocks, n)).collect();
        }
        let each = dates.iter().map(|date| {
            let blocks = self.read::<T>(tile, &[*date]).map_err(|e| one_line(&e))?;
            write(date, &blocks, 0)
        });
        each.collect()
    }

    /// The unit of a reader's values, as the record states it.
    pub(crate) fn unit<T: Real>(&self, reader: &TileReader<'_, T>) -> Option<String> {
        let rules = &self.request.rules;
        let stated = rules.wanted.or(rules.unit).map(|unit| unit.to_string());
        stated.or_else(|| reader.unit_text().map(str::to_owned))
    }

    /// Every series of a batch.
    fn read<T: Real>(&self, tile: &TilePlan, dates: &[&Planned]) -> Result<Vec<Read<T>>, PrepError> {
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else { return Ok(Vec::new()) };
        let period = Period { start: first.day, end: last.day };
        let days: Vec<Date> = dates.iter().map(|d| d.day).collect();
        let mut blocks = Vec::new();
        for n in &first.series {
            let Some(mut reader) = self.open::<T>(&self.series[*n], &tile.target, &tile.plans, period)?
            else {
                continue;
            };
            let unit = self.unit(&reader);
            blocks.push(Read { series: *n, unit, block: reader.read(&days)? });
        }
        Ok(blocks)
    }

    fn write<T: Real>(
        &self,
        tile: &TilePlan,
        date: &Planned,
        blocks: &[Read<T>],
        layer: usize,
    ) -> Result<Outcome, PrepError> {
        let mut attempt =
            Attempt::begin(&self.request.out, &date.member, &tile.target.geobox, &self.request.cog)?;
        for Read { series, unit, block } in blocks {
            let name = self.series[*series].name.clone();
            let title = format!("{name}, {}", date.day);
            let values = block.layer(layer).unwrap_or_default();
            attempt.write(Variable { name, title, unit: unit.clone(), facts: Map::new() }, values)?;
        }
        let provenance = Provenance {
            process: "seedbed prep".to_owned(),
            parameters: parameters(self.request),
            derived_from: date.origins.iter().cloned().collect(),
            created: date.day,
        };
        let description = Description {
            product: &self.request.name,
            period: Period { start: date.day, end: date.day },
            provenance: &provenance,
            properties: Map::new(),
        };
        Ok(attempt.commit(self.spool, self.projections, &description)?.outcome)
    }
}

/// How values were read, for the record.
pub(crate) fn parameters(request: &Prepare) -> Map<String, Value> {
    match serde_json::to_value(&request.rules) {
        Ok(Value::Object(rules)) => rules,
        _ => Map::new(),
    }
}

impl Prepare {
    /// Float32 with NaN where nothing was observed.
    #[must_use]
    pub fn default_cog() -> CogOptions {
        CogOptions { dtype: DType::Float32, nodata: Some(f64::NAN), ..CogOptions::default() }
    }
}
