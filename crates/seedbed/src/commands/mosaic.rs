//! `seedbed mosaic`: a product's tiles put together.

use crate::context::Ctx;
use crate::encoding::EncodingArgs;
use crate::failure::{Judge, usage_hint};
use crate::progress::Counted;
use crate::report::{Report, Status, count};
use seedbed_prep::{Encoding, Expected, MosaicFormat, MosaicReport, MosaicRequest};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed mosaic products/upper-delaware --out products/mosaic
  seedbed mosaic products/upper-delaware --out products/mosaic --allow-holes
  seedbed mosaic products/upper-delaware --out products/whole --format vrt";

/// Put a product's tiles together, one file a period and variable.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The product's catalog or its folder, also in a remote store.
    catalog: Location,
    /// Where the mosaics go.
    #[arg(long, value_name = "LOCATION")]
    out: Location,
    /// cog, a file of all pixels; or a file that refers to the tiles where they lie: vrt, a virtual
    /// raster, or gti, a tile index for GDAL 3.9 and later. Those two break when tiles move.
    #[arg(long, default_value = "cog")]
    format: MosaicFormat,
    #[command(flatten)]
    encoding: EncodingArgs,
    /// Leave missing tiles as holes, named in the mosaic's item.
    #[arg(long)]
    allow_holes: bool,
    /// Say what would be made, and make nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Made {
    dry_run: bool,
    #[serde(flatten)]
    report: MosaicReport,
}

impl Report for Made {
    const COMMAND: &'static str = "mosaic";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let r = &self.report;
        if self.dry_run {
            return writeln!(out, "{} would be made in {}", count(r.periods, "mosaic"), r.catalog);
        }
        writeln!(
            out,
            "{}: {} made, {} there already ({})",
            count(r.periods, "mosaic"),
            r.made,
            r.present,
            r.catalog
        )?;
        for hole in &r.holes {
            writeln!(out, "hole: {hole}")?;
        }
        Ok(())
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let request = MosaicRequest {
        product: ctx.product(&args.catalog),
        out: ctx.root(&args.out)?,
        allow_holes: args.allow_holes,
        format: args.format,
        encoding: Encoding {
            compress: args.encoding.compress,
            level: args.encoding.level()?,
            overview: args.encoding.overviews,
            max_z_error: args.encoding.max_z_error()?,
        },
    };
    if request.format != MosaicFormat::Cog && request.encoding != Encoding::default() {
        return Err(usage_hint(
            "a vrt or gti holds no pixels: there is nothing to encode",
            "leave out --compress, --level, --max-z-error and --overviews",
        ));
    }
    if args.dry_run {
        let (expected, _) = tokio::task::block_in_place(|| Expected::of(&request.product)).or_usage()?;
        let periods: std::collections::BTreeSet<_> = expected.members.iter().map(|m| &m.period).collect();
        let report = MosaicReport {
            periods: periods.len(),
            made: 0,
            present: 0,
            holes: Vec::new(),
            catalog: request.out.join("catalog.json"),
        };
        ctx.emit(&Made { dry_run: true, report })?;
        return Ok(Status::Done);
    }
    let meter = ctx.meter("mosaic", Counted::Things("mosaics"), None);
    ctx.tell_of_last_wins(&request.out)?;
    let spool = ctx.spool(&args.out);
    let report = tokio::task::block_in_place(|| {
        seedbed_prep::mosaic(&request, &spool, &ctx.projections, &mut |done, total| meter.at(done, total))
    })?;
    drop(meter);
    ctx.emit(&Made { dry_run: false, report })?;
    Ok(Status::Done)
}
