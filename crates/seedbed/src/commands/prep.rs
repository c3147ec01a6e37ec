//! `seedbed prep`: aligned COGs or cubes of every date, on every tile.

use crate::context::Ctx;
use crate::failure::usage_hint;
use crate::preparing::{self, Of, PrepareArgs, Timing};
use crate::progress::Counted;
use crate::report::{Report, Status};
use crate::selection::byte_count;
use crate::whole_file;
use seedbed_block::composite::Statistic;
use seedbed_block::{Bridge, Every};
use seedbed_prep::{Composite, Format, LeapRule, Prepare, PrepareReport, Root, Tally, TimeRule, tally};
use seedbed_raster::DType;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  seedbed prep items.json --assets tmin,tmax --grid tiles.grid.json --resampling bilinear --out prepared
  seedbed prep catalog/mod13a1 --assets ndvi --grid tiles.grid.json --mask mod13-reliability --dtype int16 --scale 0.0001 --out prepared
  seedbed prep catalog/gridmet --assets pr --grid daymet-na --aoi park.gpkg --resampling bilinear --out prepared
  seedbed prep items.json --assets ppt --like dem.tif --datetime 2020-01 --out prepared
  seedbed prep items.json --assets tmax --grid tiles.grid.json --every month --statistic mean --min-valid 0.8 --out monthly
  seedbed prep items.json --assets tmax --grid tiles.grid.json --resampling bilinear --format zarr --compress zstd --out cubes
  seedbed prep catalog/mod13a1 --assets ndvi --grid tiles.grid.json --mask mod13-reliability --time composite --bridge 48d --datetime 2003 --out daily
  seedbed prep catalog/mod13a1 --assets ndvi --grid tiles.grid.json --mask mod13-reliability --time composite-day --datetime 2003 --out daily
  seedbed prep catalog/maca --assets tasmax --grid daymet-na --aoi basin.geojson --resampling bilinear --to-unit degC --report days.csv --out aligned
  seedbed prep medians --assets ndvi --grid tiles.grid.json --time climatology --datetime 2003 --out normal-year
  seedbed prep catalog/daymet --assets tmax --grid tiles.grid.json --leap repeat --out whole-years

Composites are read from --bridge before the days asked for to as long after them. Days that lie between no
two of them near enough aren't made, and the report says how many. composite-day needs the composites before
and after the days asked for, too: a pixel's first observation may come 15 days after its composite's date.";

/// Align chosen assets to a tile grid, as COGs or Zarr cubes with items.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    prepare: PrepareArgs,
    /// cog, a file a tile, date and asset; or zarr, a cube of all dates a tile and asset.
    #[arg(long, default_value = "cog")]
    format: Format,
    /// One layer a month, dekad or year rather than one a date.
    #[arg(long)]
    every: Option<Every>,
    /// From layers to days: daily (dates as they are), composite (every day, linear between composites),
    /// composite-day (every day, linear between the days on which each pixel was observed),
    /// composite-legacy (16 days between them, whatever their dates), or climatology (layers of every year
    /// by day of year, for the days of --datetime).
    #[arg(long, value_name = "RULE", default_value = "daily", conflicts_with = "every")]
    time: TimeRule,
    /// The longest gap between valid composites that is bridged, pixel by pixel: 48d if not given, but nothing
    /// where layers come a day apart.
    #[arg(long, value_name = "DAYS", requires = "time")]
    bridge: Option<Bridge>,
    /// For --time composite-day: the asset, or the variable of the same file, that holds each pixel's day of
    /// the year; if not given, `composite_day`, or the asset whose key ends in `composite_day_of_the_year`.
    #[arg(long, value_name = "KEY", requires = "time")]
    composite_day: Option<String>,
    /// What stands for a day that a 365-day calendar leaves out: error (nothing), repeat (the day before),
    /// interpolate (the mean of both neighbours) or missing.
    #[arg(long, value_name = "RULE", default_value = "error", conflicts_with = "every")]
    leap: LeapRule,
    /// Write a table of every date, tile and asset as CSV: the least and the greatest value and the share of
    /// valid pixels, in the part of the source that the tile is made from and in the tile itself.
    #[arg(long, value_name = "FILE.csv", conflicts_with = "every")]
    report: Option<PathBuf>,
    /// What is made of the dates of one: mean, sum, min, max, median, count, quantile=Q; mean if not given.
    #[arg(long, value_delimiter = ',', requires = "every")]
    statistic: Vec<Statistic>,
    /// Pixels with observations in a smaller share of those dates, from 0 to 1, are missing.
    #[arg(long, value_name = "SHARE", requires = "every")]
    min_valid: Option<f64>,
    /// Memory that the work on months, dekads or years may take, about.
    #[arg(long, value_name = "BYTES", default_value = preparing::MEMORY, requires = "every", value_parser = byte_count)]
    memory: u64,
}

#[derive(Debug, Serialize)]
struct Prepared {
    dry_run: bool,
    #[serde(flatten)]
    report: PrepareReport,
    #[serde(skip)]
    of: Of,
}

impl Report for Prepared {
    const COMMAND: &'static str = "prep";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        preparing::text(&self.report, self.of, self.dry_run, out)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let dry_run = args.prepare.dry_run;
    let share = args.min_valid.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&share) {
        return Err(usage_hint(
            format!("--min-valid {share} is no share"),
            "give one from 0 to 1, such as 0.8",
        ));
    }
    if args.format == Format::Zarr && args.every.is_some() {
        return Err(usage_hint("--every makes COGs, no cubes", "leave out --every or --format zarr"));
    }
    if args.format == Format::Zarr && args.report.is_some() {
        return Err(usage_hint(
            "--report is of dates, and cubes have none of their own",
            "leave out --report",
        ));
    }
    if args.composite_day.is_some() && args.time != TimeRule::CompositeDay {
        return Err(usage_hint(
            "--composite-day names the days of pixels, which only one rule reads",
            "leave it out, or give --time composite-day",
        ));
    }
    let composite_day = args.composite_day;
    let timing = Timing { time: args.time, bridge: args.bridge, composite_day, leap: args.leap };
    let request = Prepare { format: args.format, ..args.prepare.request(ctx, timing).await? };
    let out = request.out.clone();
    let (report, of) = if let Some(Every(grouping)) = args.every {
        let statistics = if args.statistic.is_empty() { vec![Statistic::Mean] } else { args.statistic };
        let request = Composite {
            prepare: request,
            grouping,
            statistics,
            least: 1,
            share,
            memory: usize::try_from(args.memory).unwrap_or(usize::MAX),
            process: "seedbed prep".to_owned(),
        };
        (preparing::composite(&request, ctx, "prep", dry_run)?, Of::Period)
    } else {
        let spool = ctx.spool(&request.out.location());
        preparing::tell_of_place(&request, ctx, dry_run)?;
        let meter = ctx.meter("prep", Counted::Things("tiles and dates"), None);
        // What is stored in 64 bits is also computed in them.
        let prepare = match request.cog.dtype {
            DType::Float64 => seedbed_prep::prepare::<f64>,
            _ => seedbed_prep::prepare::<f32>,
        };
        let report = tokio::task::block_in_place(|| {
            prepare(&request, &spool, &ctx.projections, dry_run, &mut |done, total| meter.at(done, total))
        })?;
        (report, if request.format == Format::Zarr { Of::Period } else { Of::Date })
    };
    if let Some(path) = args.report.as_ref().filter(|_| !dry_run) {
        write_tally(&out, path)?;
    }
    preparing::tell_of_replaced(&report, ctx, dry_run);
    let status = preparing::status(&report, of);
    ctx.emit(&Prepared { dry_run, report, of })?;
    Ok(status)
}

/// Writes the table of a product's values.
fn write_tally(product: &Root, path: &Path) -> anyhow::Result<()> {
    let rows = tokio::task::block_in_place(|| tally(product))?;
    whole_file::write(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(Tally::COLUMNS)?;
        for row in &rows {
            writer.write_record(row.row())?;
        }
        Ok(writer.flush()?)
    })
}
