//! What `prep` and `composite` share: which assets go onto which tiles, how they are
//! read and stored, and what is reported of it.

use crate::area;
use crate::base_grid;
use crate::context::Ctx;
use crate::encoding::EncodingArgs;
use crate::failure::{self, Judge, usage, usage_hint};
use crate::machine;
use crate::progress::Counted;
use crate::query::QueryArgs;
use crate::report::{Status, count};
use seedbed_block::{Bridge, Date, Period, Unit};
use seedbed_catalog::ItemCollection;
use seedbed_grid::{NamedGrid, Tile, TileGrid};
use seedbed_prep::{Composite, Format, LeapRule, Mask, Prepare, PrepareReport, Rules, TimeRule, ValidRange};
use seedbed_raster::cog::{CogOptions, Overview};
use seedbed_raster::{DType, Resampling};
use seedbed_storage::Location;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Inputs, tiles and output.
#[derive(Debug, clap::Args)]
pub struct PrepareArgs {
    /// A catalog or items file.
    items: Location,
    /// The assets, by key.
    #[arg(long, value_name = "KEY", value_delimiter = ',', required = true)]
    assets: Vec<String>,
    /// The tiles to align to: a `tiles.grid.json`, or a well-known grid by its name, which
    /// is one tile without --aoi and --tiles (`seedbed grid --grids` lists them).
    #[arg(long, value_name = "FILE|NAME", required_unless_present = "like")]
    grid: Option<PathBuf>,
    /// Only the tiles of a well-known grid that this area touches.
    #[arg(long, value_name = "FILE|WKT", requires = "grid")]
    aoi: Option<PathBuf>,
    /// A raster whose grid to take, as one tile.
    #[arg(long, value_name = "RASTER", conflicts_with = "grid")]
    like: Option<PathBuf>,
    /// Only these tiles.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    tiles: Vec<String>,
    #[command(flatten)]
    query: QueryArgs,
    /// nearest, bilinear, cubic; over each target pixel's true area average, sum, min, max,
    /// mode or median; or box-average, which is gdalwarp's average.
    #[arg(long, default_value = "nearest")]
    resampling: Resampling,
    /// Leave out source pixels that a quality layer speaks against: mod13-reliability, mod13-reliability=good,
    /// mod13-vi-quality, or ASSET:KEEP=0,1, ASSET:DROP=2,3, ASSET:BITS=0-1:0/1,10:0.
    #[arg(long, value_name = "RULE")]
    mask: Option<Mask>,
    /// Keep values outside the range that item or file calls valid, rather than take them as missing.
    #[arg(long)]
    keep_invalid: bool,
    /// The unit the values are in, where items and files don't say.
    #[arg(long)]
    unit: Option<Unit>,
    /// The unit that values are converted to; those of items and files, or --unit's, where not given.
    #[arg(long, value_name = "UNIT")]
    to_unit: Option<Unit>,
    /// The stored type: float32, float64, int16, uint16 or uint8.
    #[arg(long, default_value = "float32")]
    dtype: DType,
    /// Physical value of one stored step, for integer types.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    #[command(flatten)]
    encoding: EncodingArgs,
    /// The product's name; the last part of --out where none is given.
    #[arg(long)]
    name: Option<String>,
    /// Where the product goes.
    #[arg(long, value_name = "CATALOG")]
    out: Location,
    /// Say what would be made, and make nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// How dates become days.
#[derive(Debug, Clone, Default)]
pub struct Timing {
    /// From layers to days.
    pub time: TimeRule,
    /// The longest gap between them that is bridged, where it is said.
    pub bridge: Option<Bridge>,
    /// The layer of the days on which pixels were observed.
    pub composite_day: Option<String>,
    /// Days that a calendar leaves out.
    pub leap: LeapRule,
}

impl Timing {
    /// The interval in which items are of use for the days of another.
    fn reach(&self, (start, end): Interval) -> Option<Interval> {
        let bridge = self.bridge.unwrap_or_default().days();
        let days = match (self.time, self.leap) {
            (TimeRule::Climatology, _) => return None,
            (TimeRule::Daily, LeapRule::Error) => 0,
            (TimeRule::Daily, _) => 1,
            (TimeRule::Composite | TimeRule::CompositeLegacy, _) => bridge,
            // An item of one date may be of a composite that is observed for fifteen days more.
            (TimeRule::CompositeDay, _) => bridge + 15,
        };
        let shift = |day: Date, days: i32| day.saturating_add(jiff::Span::new().days(days));
        Some((start.map(|day| shift(day, -days)), end.map(|day| shift(day, days))))
    }
}

/// First and last day, either of which may be open.
type Interval = (Option<Date>, Option<Date>);

impl PrepareArgs {
    /// The request, its items read and selected.
    pub async fn request(self, ctx: &Ctx, timing: Timing) -> anyhow::Result<Prepare> {
        machine::keep_pages();
        let grid = match (&self.grid, &self.like) {
            (Some(path), _) => named_or_file(path, self.aoi.as_deref(), &self.tiles, ctx)?,
            (None, Some(path)) => grid_of(path)?,
            (None, None) => return Err(usage("one of --grid and --like is needed")),
        };
        let grid = chosen(grid, &self.tiles)?;
        let mut query = self.query.query()?;
        let period = query
            .datetime
            .map(|(start, end)| Period::new(start.unwrap_or(Date::MIN), end.unwrap_or(Date::MAX)));
        let period = period.transpose().or_usage()?;
        query.datetime = query.datetime.and_then(|interval| timing.reach(interval));
        let items = ItemCollection::read(&ctx.stores, &self.items).await?.select(&query)?.items;
        if items.is_empty() {
            return Err(usage_hint(format!("no item of {} is selected", self.items), "widen the selection"));
        }
        let out = ctx.root(&self.out)?;
        let name = self.name.or_else(|| self.out.file_name().map(str::to_owned));
        let nodata = match self.dtype {
            DType::Float32 | DType::Float64 => f64::NAN,
            DType::Int16 => f64::from(i16::MIN),
            DType::UInt16 => f64::from(u16::MAX),
            DType::UInt8 => f64::from(u8::MAX),
            other => {
                let there = "there are float32, float64, int16, uint16 and uint8";
                return Err(usage_hint(format!("--dtype {other} isn't written"), there));
            }
        };
        if !(self.scale.is_finite() && self.scale != 0.0) {
            let what = format!("--scale {} is no step between stored values", self.scale);
            return Err(usage_hint(what, "give one such as 0.01"));
        }
        let valid_range = if self.keep_invalid { ValidRange::Ignored } else { ValidRange::Missing };
        let overview = self.encoding.overviews.unwrap_or_else(|| {
            let picked = matches!(self.resampling, Resampling::Nearest | Resampling::Mode);
            let classes = picked && self.dtype.is_integer() && self.scale == 1.0;
            if classes { Overview::Nearest } else { Overview::Average }
        });
        Ok(Prepare {
            name: name.unwrap_or_else(|| "prepared".to_owned()),
            items,
            assets: self.assets,
            grid,
            rules: Rules {
                resampling: self.resampling,
                unit: self.unit,
                wanted: self.to_unit,
                mask: self.mask,
                valid_range,
                time: timing.time,
                bridge: timing.bridge,
                composite_day: timing.composite_day,
                leap: timing.leap,
                ..Rules::default()
            },
            cog: CogOptions {
                dtype: self.dtype,
                scale: self.scale,
                nodata: Some(nodata),
                compress: self.encoding.compress,
                level: self.encoding.level()?,
                overview,
                max_z_error: self.encoding.max_z_error()?,
                ..Prepare::default_cog()
            },
            format: Format::default(),
            period,
            out,
        })
    }
}

/// So many untouched tiles are named.
const SHOWN: usize = 8;

/// What a product is of, besides a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A date.
    Date,
    /// A month, dekad or year.
    Period,
    /// Dates of several years.
    Group,
}

impl Of {
    /// So many products: `3 tiles and dates`.
    fn count(self, number: usize) -> String {
        let (one, more) = match self {
            Self::Date => ("tile and date", "tiles and dates"),
            Self::Period => ("tile and period", "tiles and periods"),
            Self::Group => ("tile and group", "tiles and groups"),
        };
        format!("{number} {}", if number == 1 { one } else { more })
    }
}

/// Memory that work on several dates may take where nothing is said, about.
pub const MEMORY: &str = "2GiB";

/// Says so where the product's store can't create a record once.
pub fn tell_of_place(request: &Prepare, ctx: &Ctx, dry_run: bool) -> anyhow::Result<()> {
    if dry_run { Ok(()) } else { ctx.tell_of_last_wins(&request.out) }
}

/// Composites, in the arithmetic that the stored type asks for.
pub fn composite(
    request: &Composite,
    ctx: &Ctx,
    label: &'static str,
    dry_run: bool,
) -> anyhow::Result<PrepareReport> {
    let spool = ctx.spool(&request.prepare.out.location());
    tell_of_place(&request.prepare, ctx, dry_run)?;
    let meter = ctx.meter(label, Counted::Things("tiles and groups"), None);
    // Whole steps are rounded to from 64 bits, which see a half for what it is.
    let composite = match request.prepare.cog.dtype {
        DType::Float32 => seedbed_prep::composite::<f32>,
        _ => seedbed_prep::composite::<f64>,
    };
    let report = tokio::task::block_in_place(|| {
        composite(request, &spool, &ctx.projections, dry_run, &mut |done, total| meter.at(done, total))
    })?;
    Ok(report)
}

/// Says what the products take the place of.
pub fn tell_of_replaced(report: &PrepareReport, ctx: &Ctx, dry_run: bool) {
    if let Some(there) = &report.replaces {
        let take = if dry_run { "would take" } else { "take" };
        ctx.say(format_args!("note: these products {take} the place of {there} in {}", report.catalog));
    }
}

/// Writes a report as text.
pub fn text(r: &PrepareReport, of: Of, dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    for failed in &r.failed {
        writeln!(out, "failed: {failed}")?;
    }
    if !r.untouched.is_empty() {
        let shown = r.untouched.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if r.untouched.len() > SHOWN { ", …" } else { "" };
        writeln!(out, "no asset touches {}: {shown}{more}", count(r.untouched.len(), "tile"))?;
    }
    for unmasked in r.unmasked.iter().take(SHOWN) {
        writeln!(out, "note: {unmasked}")?;
    }
    if !r.partial.is_empty() {
        let shown = r.partial.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
        let more = if r.partial.len() > SHOWN { "; …" } else { "" };
        let what = match of {
            Of::Date => "days between no two layers near enough, which aren't made",
            Of::Period | Of::Group => "partial, and marked as such in their items",
        };
        writeln!(out, "{what}: {shown}{more}")?;
    }
    if !r.missing.is_empty() {
        let shown = r.missing.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
        let more = if r.missing.len() > SHOWN { "; …" } else { "" };
        writeln!(out, "not there, and not made: {shown}{more}")?;
    }
    if let Some(first) = r.by_library.first() {
        let files = count(r.by_library.len(), "file");
        writeln!(out, "{files} read by the netCDF library, one chunk at a time; {first}")?;
    }
    let all = of.count(r.expected);
    if dry_run {
        return writeln!(out, "{all}: {} there already, the rest would be made", r.present);
    }
    writeln!(
        out,
        "{all}: {} made, {} there already, {} failed ({})",
        r.made,
        r.present,
        r.failed.len(),
        r.catalog
    )
}

/// The command's status; what failed is told on stderr.
pub fn status(report: &PrepareReport, of: Of) -> Status {
    if let Some(first) = report.failed.first() {
        let all = of.count(report.expected);
        failure::tell(
            format_args!("{} of {all} failed; {first}", report.failed.len()),
            if report.usage == report.failed.len() {
                "correct the options or the inputs; the command then makes only what failed"
            } else {
                "the same command makes only what failed"
            },
        );
    }
    match report.failed.len() {
        0 => Status::Done,
        all if all == report.retryable => Status::Retry,
        all if all == report.usage => Status::Misconfigured,
        _ => Status::Failed,
    }
}

/// The tiles asked for, or all.
fn chosen(mut grid: TileGrid, names: &[String]) -> anyhow::Result<TileGrid> {
    if !names.is_empty() {
        grid.tiles = names.iter().map(|name| grid.tile(name).cloned()).collect::<Result<Vec<Tile>, _>>()?;
    }
    Ok(grid)
}

/// A well-known grid: whole, or in its usual tiles where an area touches it or some are named; or a file of tiles.
fn named_or_file(path: &Path, aoi: Option<&Path>, tiles: &[String], ctx: &Ctx) -> anyhow::Result<TileGrid> {
    let name = path.to_string_lossy();
    let is_name = !path.exists() && !name.contains(['.', '/']);
    match (is_name, aoi) {
        (true, None) if tiles.iter().all(|tile| *tile == name) => {
            Ok(NamedGrid::find(&name).or_usage()?.whole(&name, &ctx.projections)?)
        }
        (true, None) => Ok(NamedGrid::find(&name).or_usage()?.tiles(None, &ctx.projections)?.grid),
        (true, Some(aoi)) => {
            let aoi = area::read(aoi, ctx)?;
            Ok(NamedGrid::find(&name).or_usage()?.tiles(Some(&aoi), &ctx.projections)?.grid)
        }
        (false, None) => TileGrid::read(path).or_usage(),
        (false, Some(_)) => Err(usage_hint(
            format!("{} has its tiles already, and --aoi is for well-known grids", path.display()),
            "make the tiles with `seedbed grid --aoi`, or choose some with --tiles",
        )),
    }
}

/// A raster's own grid, as one tile.
fn grid_of(path: &Path) -> anyhow::Result<TileGrid> {
    let (grid, range) = base_grid::of_raster(path)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(TileGrid { grid, scheme: "like".to_owned(), tiles: vec![Tile { name, range }] })
}
