//! `seedbed composite`: one layer of many, such as the median of a day over all years.

use crate::context::Ctx;
use crate::preparing::{self, Of, PrepareArgs, Timing};
use crate::report::{Report, Status};
use crate::selection::byte_count;
use seedbed_block::Across;
use seedbed_block::composite::Statistic;
use seedbed_prep::{Composite, PrepareReport};
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
    #[arg(long, value_name = "BYTES", default_value = preparing::MEMORY, value_parser = byte_count)]
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
        preparing::text(&self.report, Of::Group, self.dry_run, out)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let dry_run = args.prepare.dry_run;
    let request = Composite {
        prepare: args.prepare.request(ctx, Timing::default()).await?,
        grouping: args.by.0,
        statistics: args.statistic,
        least: args.min_count,
        share: 0.0,
        memory: usize::try_from(args.memory).unwrap_or(usize::MAX),
        process: "seedbed composite".to_owned(),
    };
    let report = preparing::composite(&request, ctx, "composite", dry_run)?;
    preparing::tell_of_replaced(&report, ctx, dry_run);
    let status = preparing::status(&report, Of::Group);
    ctx.emit(&Composited { dry_run, report })?;
    Ok(status)
}
