//! `seedbed mosaic`: a product's tiles put together.

use crate::context::Ctx;
use crate::encoding::EncodingArgs;
use crate::failure::usage_hint;
use crate::progress::Counted;
use crate::report::{Report, Status, count};
use seedbed_prep::{Encoding, MosaicFormat, MosaicReport, MosaicRequest};
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
    /// raster, or gti, a tile index for GDAL 3.9 and later. Those two break when tiles move. Of
    /// tiles that are cubes: zarr, a cube of all pixels. If not given: cog, or zarr of cubes.
    #[arg(long)]
    format: Option<MosaicFormat>,
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
            let (all, due) = (count(r.periods, "mosaic"), r.periods - r.present);
            writeln!(out, "{all}: {due} would be made, {} there already ({})", r.present, r.catalog)?;
        } else {
            let all = count(r.periods, "mosaic");
            writeln!(out, "{all}: {} made, {} there already ({})", r.made, r.present, r.catalog)?;
        }
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
        dry_run: args.dry_run,
        encoding: Encoding {
            compress: args.encoding.compress,
            level: args.encoding.level()?,
            overview: args.encoding.overviews,
            max_z_error: args.encoding.max_z_error()?,
        },
    };
    if matches!(request.format, Some(MosaicFormat::Vrt | MosaicFormat::Gti))
        && request.encoding != Encoding::default()
    {
        return Err(usage_hint(
            "a vrt or gti holds no pixels: there is nothing to encode",
            "leave out --compress, --level, --max-z-error and --overviews",
        ));
    }
    let meter = ctx.meter("mosaic", Counted::Things("mosaics"), None);
    if !args.dry_run {
        ctx.tell_of_last_wins(&request.out)?;
    }
    let spool = ctx.spool(&args.out);
    let report = tokio::task::block_in_place(|| {
        seedbed_prep::mosaic(&request, &spool, &ctx.projections, &mut |done, total| meter.at(done, total))
    })?;
    drop(meter);
    ctx.emit(&Made { dry_run: args.dry_run, report })?;
    Ok(Status::Done)
}
