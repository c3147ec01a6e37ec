//! Aligned rasters: every date of chosen assets, on every tile.

use crate::parallel::threads;
use crate::production::{Job, OnUnread, Open, Production, span};
use crate::reader::warped_together;
use crate::series::CALENDAR;
use crate::tally::{self, Seen};
use crate::unread::Unread;
use crate::windows::Windows;
use crate::{
    Attempt, Cubes, Description, Expected, LeapRule, Member, Outcome, Plans, PrepError, Provenance, Root,
    Rules, Spool, Target, TaskKey, TileReader, TimeRule, Variable, cubes, revisions,
};
use seedbed_block::{Block, Calendar, Date, Period, Real};
use seedbed_catalog::Item;
use seedbed_grid::{Index, Projections, Tile, TileGrid};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, zarr};
use seedbed_storage::Location;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::thread;

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
    /// How values are read. By the rule `daily` dates stay as they are; by the others
    /// every day that lies between composites is one.
    pub rules: Rules,
    /// How they are written.
    pub cog: CogOptions,
    /// Into what.
    pub format: Format,
    /// Only days inside, if given.
    pub period: Option<Period>,
    /// Where the product goes.
    pub out: Root,
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
    /// Tiles and periods whose days the inputs don't all have, and how many they have.
    pub partial: Vec<String>,
    /// Items without an asset that others like them have, and tiles and days that a daily input doesn't have: what isn't
    /// made of them.
    pub missing: Vec<String>,
    /// What lies in the product's folder by another recipe, if something does: how many files, and of which variables.
    /// The new products take its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Tiles with items whose layer for the mask lies elsewhere: nothing is left of their values.
    pub unmasked: Vec<String>,
    /// The files that the netCDF library read, one chunk at a time, and why.
    pub by_library: Vec<String>,
    /// What could not be made, and why.
    pub failed: Vec<String>,
    /// How many of those may be made later with nothing changed, such as when a store answers again.
    #[serde(skip)]
    pub retryable: usize,
    /// How many failed by the request or the inputs, so that the same request fails again.
    #[serde(skip)]
    pub usage: usize,
    /// The product's catalog.
    pub catalog: Location,
}

/// The revision of this algorithm, part of every key.
const REVISION: u32 = 6;

/// Dates read in one go: a file's chunk often holds several.
const BATCH: usize = 16;

/// Bytes of values read in one go.
const PIECE: usize = 64 << 20;

/// Bytes of decoded sources that tiles share.
const SHARED: usize = 512 << 20;

/// Bytes a pixel that writing a variable takes: its values, and what is stored of
/// them and of the overviews, compressed or not.
const BYTES: usize = 24;

/// A tile and some of its dates, which are read in one go.
type Batch<'p> = (&'p TilePlan, Vec<&'p Planned>);

/// One tile, planned.
pub(crate) struct TilePlan {
    pub(crate) tile: Tile,
    pub(crate) target: Target,
    pub(crate) plans: Plans,
    pub(crate) dates: Vec<Planned>,
    /// The calendar of 365 days that its inputs have.
    pub(crate) calendar: Option<Calendar>,
    /// Layers that are held while a batch is read.
    held: usize,
    /// Days that were asked for and aren't there.
    partial: Vec<String>,
    /// Which days a daily series doesn't have.
    missing: Vec<String>,
}

/// One tile and date, planned.
pub(crate) struct Planned {
    pub(crate) member: Member,
    pub(crate) day: Date,
    /// What all its values stand for: the month of monthly layers, or the day.
    span: Period,
    /// The series that have the day.
    pub(crate) series: Vec<usize>,
    /// Where what they have came from.
    pub(crate) origins: BTreeSet<Location>,
    /// What can't be opened of it; where there is something, nothing is made.
    unread: Vec<Unread>,
}

/// A series on a batch of dates.
struct Read<T> {
    /// Which series.
    series: usize,
    /// The unit of its values.
    unit: Option<String>,
    block: Block<T>,
    /// What was seen of each date's source.
    seen: Vec<Option<Seen>>,
}

/// Prepares items onto tiles: a COG for each tile, date (of the items, or every day
/// between them as the time rule has it) and asset, one item for each tile and date; or a
/// Zarr cube for each tile and asset, one item for each tile. What is there already is
/// left alone; a tile and date that
/// fails doesn't stop the others. With `dry_run` only the report's plan is made;
/// remote assets are fetched even then, since only files tell their days.
///
/// Dates and tiles of an earlier call on the same folder that was made by the same
/// recipe stay in the product; a tile may then have several cubes.
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
    Expected::check_variables(&request.out, &request.assets)?;
    if request.format == Format::Zarr {
        zarr::check_encoding(request.cog.compress, request.cog.level).map_err(PrepError::Request)?;
    }
    // What is made of several layers, and a cube of all, would be of fewer.
    let on_unread = match (request.format, request.rules.time, request.rules.leap) {
        (Format::Cog, TimeRule::Daily, LeapRule::Error) => OnUnread::Skip,
        _ => OnUnread::Stop,
    };
    let production = Production::open(request, on_unread, spool, projections)?;
    let windows = Windows::<T>::new(SHARED);
    // Digests are made while the tiles are planned. What can't be read of a file is told when its key is asked for.
    let (tiles, untouched) = thread::scope(|scope| {
        scope.spawn(|| production.digest().ok());
        production.tiles(|tile| production.plan(tile, &windows))
    })?;
    let cubes = match request.format {
        Format::Cog => Vec::new(),
        Format::Zarr => cubes::plan(&production, &tiles)?,
    };
    let members = match request.format {
        Format::Cog => tiles.iter().flat_map(|t| t.dates.iter().map(|d| d.member.clone())).collect(),
        Format::Zarr => cubes.iter().map(|cube| cube.member.clone()).collect(),
    };
    let placed: Vec<_> = tiles.iter().map(|t| (&t.tile, t.target.bbox)).collect();
    let recipe =
        ["prep".into(), json!(revisions(REVISION, &[])), json!([T::PRECISION, request.rules, request.cog])];
    let recipe = TaskKey::of(&recipe)?;
    let set = production.expected(request.assets.clone(), &placed, members, recipe)?;
    if request.format == Format::Zarr {
        // What can't stand beside what is there is refused before anything is planned further.
        set.clone().joined(&request.out, Cubes::OfDays)?;
    }
    let open = production.open_of(&set)?;
    let mut report = production.report(&set, &open, untouched)?;
    report.partial = tiles.iter().flat_map(|t| t.partial.iter().cloned()).collect();
    report.missing = without(&request.items, &request.assets);
    report.missing.extend(tiles.iter().flat_map(|t| t.missing.iter().cloned()));
    for (tile, date) in tiles.iter().flat_map(|t| t.dates.iter().map(move |date| (t, date))) {
        for unread in &date.unread {
            report.retryable += usize::from(unread.retryable);
            report
                .failed
                .push(format!("{} {}: item {}: {}", tile.tile.name, date.day, unread.item, unread.reason));
        }
    }
    if dry_run {
        return Ok(report);
    }
    if request.format == Format::Zarr {
        cubes::make::<T>(&production, &set, (&cubes, &open), &mut report, progress)?;
        return Ok(report);
    }
    let mut jobs = production.batches::<T>(&tiles, &open);
    let each = |t: &TilePlan| t.target.geobox.shape.len() * (BYTES + t.held * size_of::<T>());
    let threads = threads(PIECE.saturating_add(tiles.iter().map(each).max().unwrap_or(0)));
    production.even_out(&mut jobs, threads, &windows);
    let act = |(tile, dates): &Batch<'_>| production.batch(tile, dates, &windows);
    production.make(&set, &mut report, &jobs, threads, act, progress)?;
    Ok(report)
}

impl Production<'_> {
    /// A tile's dates, or `None` if nothing touches it; what it needs is noted in `windows`.
    fn plan<T: Real>(&self, tile: &Tile, windows: &Windows<T>) -> Result<Option<TilePlan>, PrepError> {
        let geobox = self.request.grid.geobox(tile);
        let bbox = geobox.territory(self.projections, 16)?.bbox;
        let anchor = Index { row: tile.range.row0, col: tile.range.col0 };
        let target = Target { tile: tile.name.clone(), anchor, geobox, bbox };
        let plans = Plans::default();
        let (mut held, mut partial, mut missing) = (0, Vec::new(), Vec::new());
        let mut days: BTreeMap<Date, Vec<usize>> = BTreeMap::new();
        let mut readers: BTreeMap<usize, TileReader<'_, T>> = BTreeMap::new();
        for (n, series) in self.series.iter().enumerate() {
            let Some(period) = self.period(series) else { continue };
            let Some(reader) = self.reader::<T>(series, target.clone(), &plans, period)? else { continue };
            reader.need(windows)?;
            let available = reader.available(period);
            if let Some(asked) = self.request.period
                && self.request.rules.time != TimeRule::Daily
                && let Some(asked) = bounds(asked, series.period())
                && available.len() < asked.len()
            {
                let (have, name) = (available.len(), &series.name);
                partial.push(format!(
                    "{}: {name} has {have} of the {} days of {asked}",
                    tile.name,
                    asked.len()
                ));
            }
            held += reader.held(BATCH);
            for day in available {
                days.entry(day).or_default().push(n);
            }
            readers.insert(n, reader);
        }
        let mut unread: BTreeMap<Date, Vec<Unread>> = BTreeMap::new();
        for one in self.unread.iter().filter(|one| one.is_near(bbox)) {
            unread.entry(one.day).or_default().push(one.clone());
        }
        let asked = self.request.period.unwrap_or(Period { start: Date::MIN, end: Date::MAX });
        for (n, reader) in &readers {
            let series = &self.series[*n];
            // Those of its own, and those of the others.
            let own = bounds(asked, series.period());
            let all = own.iter().flat_map(|own| own.days()).chain(days.keys().copied());
            let wanted: BTreeSet<Date> = all.filter(|day| !unread.contains_key(day)).collect();
            let gaps = reader.gaps(&wanted);
            if let Some(first) = gaps.first() {
                let (more, days) = (if gaps.len() > 1 { " and others" } else { "" }, gaps.len());
                missing.push(format!(
                    "{}: {} has no {first}{more} ({days} of {} days)",
                    tile.name,
                    series.name,
                    wanted.len()
                ));
            }
        }
        let mut dates = Vec::new();
        for (day, unread) in unread {
            let mut series = days.remove(&day).unwrap_or_default();
            series.extend(unread.iter().map(|one| one.series));
            series.sort_unstable();
            series.dedup();
            let items: Vec<_> = unread.iter().map(|one| (self.named(one.series), &one.item)).collect();
            let key = self.task::<T>(&target, day, &json!({ "unread": items }))?;
            let member = self.member(&target, day, key, &series);
            let span = Period { start: day, end: day };
            dates.push(Planned { member, day, span, series, origins: BTreeSet::new(), unread });
        }
        for (day, having) in days {
            let mut keys = Vec::new();
            let mut origins = BTreeSet::new();
            for n in &having {
                let assets = readers[n].inputs(day);
                let read = assets.iter().map(|a| self.key(*n, *a)).collect::<Result<Vec<_>, _>>()?;
                keys.push(json!([self.named(*n), read]));
                origins.extend(assets.iter().flat_map(|a| self.origins(*n, *a)));
            }
            let mut spans = having.iter().map(|n| readers[n].stands_for(day));
            let first = spans.next().filter(|first| spans.all(|span| span == *first));
            let span = first.unwrap_or(Period { start: day, end: day });
            let key = self.task::<T>(&target, day, &json!(keys))?;
            let member = self.member(&target, day, key, &having);
            dates.push(Planned { member, day, span, series: having, origins, unread: Vec::new() });
        }
        dates.sort_by_key(|date| date.day);
        let mut calendars = readers.values().map(TileReader::calendar);
        let calendar =
            calendars.next().flatten().filter(|first| calendars.all(|other| other == Some(*first)));
        Ok((!dates.is_empty()).then(|| TilePlan {
            tile: tile.clone(),
            target,
            plans,
            dates,
            calendar,
            held,
            partial,
            missing,
        }))
    }

    /// What there should be of a day, of those series.
    fn member(&self, target: &Target, day: Date, key: TaskKey, series: &[usize]) -> Member {
        let names = || series.iter().map(|n| self.series[*n].name.clone()).collect();
        let variables = (series.len() < self.series.len()).then(names);
        Member { tile: target.tile.clone(), period: day.to_string(), key, variables, days: None }
    }

    fn task<T: Real>(&self, target: &Target, day: Date, inputs: &Value) -> Result<TaskKey, PrepError> {
        TaskKey::of(&json!([
            "prep",
            revisions(REVISION, &[]),
            T::PRECISION,
            self.request.name,
            [json!(target.tile), json!(target.geobox), json!(target.anchor)],
            day,
            inputs,
            self.request.rules,
            self.request.cog,
        ]))
    }

    /// What isn't done yet, in batches of consecutive dates that the same series have: by
    /// date and then by tile, so that tiles that share windows of a file follow each other.
    fn batches<'p, T>(&self, tiles: &'p [TilePlan], open: &Open<'_>) -> Vec<Job<'p, Batch<'p>>> {
        let mut jobs = Vec::new();
        for tile in tiles {
            let layer = tile.target.geobox.shape.len() * size_of::<T>() * self.series.len();
            let most = warped_together((PIECE / layer.max(1)).clamp(1, BATCH));
            let is_open = |d: &&Planned| d.unread.is_empty() && open.contains(&d.member);
            let open: Vec<&Planned> = tile.dates.iter().filter(is_open).collect();
            for alike in open.chunk_by(|a, b| a.series == b.series) {
                jobs.extend(alike.chunks(most).map(|dates| job(tile, dates)));
            }
        }
        jobs.sort_by_key(|job| job.what.1.first().map(|date| date.day));
        jobs
    }

    /// Splits the last batches, one a thread, so that no thread is left with many dates when the others have ended:
    /// those whose dates are stored apart.
    fn even_out<'p, T: Real>(
        &self,
        jobs: &mut Vec<Job<'p, Batch<'p>>>,
        threads: usize,
        windows: &Windows<T>,
    ) {
        if threads == 1 {
            return;
        }
        let last = jobs.split_off(jobs.len().saturating_sub(threads));
        let parts = (2 * threads).div_ceil(last.len().max(1));
        let are_apart = |(tile, dates): &Batch<'_>| {
            let readers = self.readers(tile, dates, windows);
            let is_apart =
                |reader: &mut TileReader<'_, T>| reader.days_at_once().is_ok_and(|n| n < usize::MAX);
            readers.is_ok_and(|mut readers| readers.iter_mut().all(|(_, reader)| is_apart(reader)))
        };
        for job in last {
            if !are_apart(&job.what) {
                jobs.push(job);
                continue;
            }
            let (tile, dates) = job.what;
            jobs.extend(dates.chunks(dates.len().div_ceil(parts).max(1)).map(|dates| self::job(tile, dates)));
        }
        jobs.sort_by_key(|job| job.what.1.first().map(|date| date.day));
    }

    /// Makes a batch. Where reading it in one go fails, its dates are read one by
    /// one, so that each fails for itself.
    fn batch<T: Real>(
        &self,
        tile: &TilePlan,
        dates: &[&Planned],
        windows: &Windows<T>,
    ) -> Vec<Result<Outcome, PrepError>> {
        let mut done = Vec::with_capacity(dates.len());
        if let Ok(mut readers) = self.readers(tile, dates, windows) {
            let at_once = readers.iter_mut().map(|(_, reader)| reader.days_at_once().unwrap_or(1)).max();
            let parts = dates.len().div_ceil(at_once.unwrap_or(1));
            let mut spare = Vec::new();
            for some in dates.chunks(dates.len().div_ceil(parts.max(1)).max(1)) {
                let Ok(blocks) = read(&mut readers, some, &mut spare) else { break };
                done.extend(some.iter().enumerate().map(|(n, date)| self.write(tile, date, &blocks, n)));
                spare.extend(blocks.into_iter().map(|read| read.block.into_values()));
            }
        }
        done.extend(dates[done.len()..].iter().map(|date| {
            let blocks = read(&mut self.readers(tile, &[*date], windows)?, &[*date], &mut Vec::new())?;
            self.write(tile, date, &blocks, 0)
        }));
        done
    }

    /// Readers of every series of a batch, each with its series.
    fn readers<'w, T: Real>(
        &'w self,
        tile: &TilePlan,
        dates: &[&Planned],
        windows: &'w Windows<T>,
    ) -> Result<Vec<(usize, TileReader<'w, T>)>, PrepError> {
        let days: Vec<Date> = dates.iter().map(|d| d.day).collect();
        let (Some(first), Some(period)) = (dates.first(), span(&days)) else { return Ok(Vec::new()) };
        let mut readers = Vec::new();
        for n in &first.series {
            let opened = self.reader::<T>(&self.series[*n], tile.target.clone(), &tile.plans, period)?;
            let Some(mut reader) = opened else { continue };
            reader.share(windows);
            // Only a date of the source is made from one layer of it.
            if self.request.rules.time == TimeRule::Daily {
                reader.take_down();
            }
            readers.push((*n, reader));
        }
        Ok(readers)
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
        for Read { series, unit, block, seen } in blocks {
            let name = self.series[*series].name.clone();
            let title = format!("{name}, {}", date.day);
            let values = block.layer(layer).unwrap_or_default();
            let mut facts = Map::new();
            if let Some(seen) = seen.get(layer).copied().flatten() {
                facts.insert(tally::FIELD.to_owned(), seen.json());
            }
            attempt.write(Variable { name, title, unit: unit.clone(), facts }, values)?;
        }
        let provenance = Provenance {
            process: "seedbed prep".to_owned(),
            parameters: parameters(self.request),
            derived_from: date.origins.iter().cloned().collect(),
            created: date.span.end,
        };
        let description = Description {
            product: &self.request.name,
            period: date.span,
            provenance: &provenance,
            properties: calendar(tile),
        };
        Ok(attempt.commit(self.spool, self.projections, &description)?.outcome)
    }
}

/// A batch as a piece of work.
fn job<'p>(tile: &'p TilePlan, dates: &[&'p Planned]) -> Job<'p, Batch<'p>> {
    Job { members: dates.iter().map(|date| &date.member).collect(), what: (tile, dates.to_vec()) }
}

/// Every series on some dates, in memory that is spare.
fn read<T: Real>(
    readers: &mut [(usize, TileReader<'_, T>)],
    dates: &[&Planned],
    spare: &mut Vec<Vec<T>>,
) -> Result<Vec<Read<T>>, PrepError> {
    let days: Vec<Date> = dates.iter().map(|d| d.day).collect();
    let each = readers.iter_mut().map(|(series, reader)| {
        let block = reader.read_again(&days, spare.pop().unwrap_or_default())?;
        let seen = days.iter().map(|day| reader.seen(*day)).collect();
        Ok(Read { series: *series, unit: reader.unit(), block, seen })
    });
    each.collect()
}

/// What the record says of the series' calendar, so that who reads the product knows which days it can't have.
pub(crate) fn calendar(tile: &TilePlan) -> Map<String, Value> {
    tile.calendar.iter().map(|calendar| (CALENDAR.to_owned(), json!(calendar))).collect()
}

/// How values were read, for the record.
pub(crate) fn parameters(request: &Prepare) -> Map<String, Value> {
    match serde_json::to_value(&request.rules) {
        Ok(Value::Object(rules)) => rules,
        _ => Map::new(),
    }
}

/// Items that have some of the assets but not all that others of their collection have beside these.
pub(crate) fn without(items: &[Item], assets: &[String]) -> Vec<String> {
    let of = |item: &Item| -> BTreeSet<usize> {
        (0..assets.len()).filter(|n| item.asset(&assets[*n]).is_some()).collect()
    };
    let mut together: BTreeSet<(Option<&str>, usize, usize)> = BTreeSet::new();
    for item in items {
        let own = of(item);
        together.extend(own.iter().flat_map(|a| own.iter().map(|b| (item.collection(), *a, *b))));
    }
    let lacks = |item: &Item| {
        let own = of(item);
        let usual = |n: &usize| {
            own.iter().any(|a| together.contains(&(item.collection(), *a, *n))) && !own.contains(n)
        };
        let keys: Vec<String> = (0..assets.len()).filter(usual).map(|n| format!("`{}`", assets[n])).collect();
        (!keys.is_empty()).then(|| format!("item {} has no {}", item.id(), keys.join(" and ")))
    };
    items.iter().filter_map(lacks).collect()
}

/// What is asked for, its open ends those of the series.
fn bounds(asked: Period, series: Period) -> Option<Period> {
    let start = if asked.start == Date::MIN { series.start } else { asked.start };
    let end = if asked.end == Date::MAX { series.end } else { asked.end };
    Period::new(start, end).ok()
}

impl Prepare {
    /// Float32 with NaN where nothing was observed.
    #[must_use]
    pub fn default_cog() -> CogOptions {
        CogOptions { dtype: DType::Float32, nodata: Some(f64::NAN), ..CogOptions::default() }
    }
}
