//! `seedbed composite`: one layer of many, such as the median of a day over all years.

use crate::context::Ctx;
use crate::preparing::{self, PrepareArgs};
use crate::progress::Counted;
use crate::report::{Report, Status};
use crate::selection::byte_count;
use seedbed_block::Across;
use seedbed_block::composite::Statistic;
use seedbed_prep::{Composite, PrepareReport};
use seedbed_raster::DType;
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed composite catalog/mod13a1 --assets ndvi --by day-of-year --statistic median --mask mod13-reliability --grid tiles.grid.json --dtype int16 --scale 0.0001 --out medians
  seedbed composite items.json --assets tmax --by month --statistic mean,count --grid tiles.grid.json --datetime 1991/2020 --out normals
  seedbed composite items.json --assets ppt --by dekad --statistic quantile=0.9 --min-count 10 --like dem.tif --out wet

Each tile and group is a product: doy-113, day-03-01 (month-day), month-04, dekad-12. The first statistic's
asset keeps its key, another's has the statistic after it (ndvi_count). day-of-year is the number of the
day in its year, as archives of 16-day composites count; month-day keeps 1 March together in leap years.";

/// Composite all dates of a day of the year, month or dekad, on every tile.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    prepare: PrepareArgs,
    /// Which dates go together: day-of-year, month-day, month or dekad, each over all years.
    #[arg(long)]
    by: Across,
    /// What is made of them: median, mean, sum, min, max, count, quantile=Q; several with commas.
    #[arg(long, value_delimiter = ',', default_value = "median")]
    statistic: Vec<Statistic>,
    /// Pixels of fewer observations are missing.
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_count: usize,
    /// Memory that all work at once may take, about.
    #[arg(long, value_name = "BYTES", default_value = "2GiB", value_parser = byte_count)]
    memory: u64,
}

#[derive(Debug, Serialize)]
struct Composited {
    dry_run: bool,
    #[serde(flatten)]
    report: PrepareReport,
}

impl Report for Composited {
    const COMMAND: &'static str = "composite";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        preparing::text(&self.report, "group", self.dry_run, out)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let dry_run = args.prepare.dry_run;
    let request = Composite {
        prepare: args.prepare.request(ctx).await?,
        grouping: args.by.0,
        statistics: args.statistic,
        least: args.min_count,
        share: 0.0,
        memory: usize::try_from(args.memory).unwrap_or(usize::MAX),
        process: "seedbed composite".to_owned(),
    };
    let report = execute(&request, ctx, "composite", dry_run)?;
    let status = preparing::status(&report, "group");
    ctx.emit(&Composited { dry_run, report })?;
    Ok(status)
}

/// Composites, in the arithmetic that the stored type asks for.
pub fn execute(request: &Composite, ctx: &Ctx, label: &str, dry_run: bool) -> anyhow::Result<PrepareReport> {
    let spool = ctx.spool(&request.prepare.out);
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
