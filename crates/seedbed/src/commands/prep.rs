//! `seedbed prep`: aligned COGs of every date, on every tile.

use crate::area;
use crate::base_grid;
use crate::context::{Ctx, local_path};
use crate::failure::{self, Judge, usage, usage_hint};
use crate::progress::Counted;
use crate::query::QueryArgs;
use crate::report::{Report, Status, count};
use seedbed_block::{Period, Unit};
use seedbed_catalog::ItemCollection;
use seedbed_grid::{NamedGrid, Tile, TileGrid};
use seedbed_prep::{Prepare, PrepareReport, Rules};
use seedbed_raster::cog::{CogOptions, Compress};
use seedbed_raster::{DType, Resampling};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  seedbed prep items.json --assets tmin,tmax --grid tiles.grid.json --resampling bilinear --out prepared
  seedbed prep catalog/mod13a1 --assets ndvi --grid tiles.grid.json --dtype int16 --scale 0.0001 --out prepared
  seedbed prep catalog/gridmet --assets pr --grid daymet-na --aoi park.gpkg --resampling bilinear --out prepared
  seedbed prep items.json --assets ppt --like dem.tif --datetime 2020-01 --out prepared";

/// Align chosen assets to a tile grid, as COGs with items.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog or items file.
    items: Location,
    /// The assets, by key.
    #[arg(long, value_name = "KEY", value_delimiter = ',', required = true)]
    assets: Vec<String>,
    /// The tiles to align to: a `tiles.grid.json`, or a well-known grid by its name, which
    /// is one tile without --aoi (`seedbed grid --grids` lists them).
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
    /// nearest, bilinear or average.
    #[arg(long, default_value = "nearest")]
    resampling: Resampling,
    /// The unit the values are in, where items and files don't say.
    #[arg(long)]
    unit: Option<Unit>,
    /// The stored type: float32, float64, int16 or uint8.
    #[arg(long, default_value = "float32")]
    dtype: DType,
    /// Physical value of one stored step, for integer types.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// deflate, zstd or none.
    #[arg(long, default_value = "deflate")]
    compress: Compress,
    /// The product's name; the last part of --out where none is given.
    #[arg(long)]
    name: Option<String>,
    /// Where the product goes.
    #[arg(long, value_name = "CATALOG")]
    out: Location,
    /// Say what would be made, and make nothing.
    #[arg(long)]
    dry_run: bool,
}

/// So many untouched tiles are named.
const SHOWN: usize = 8;

#[derive(Debug, Serialize)]
struct Prepared {
    dry_run: bool,
    #[serde(flatten)]
    report: PrepareReport,
}

impl Report for Prepared {
    const COMMAND: &'static str = "prep";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let r = &self.report;
        for failed in &r.failed {
            writeln!(out, "failed: {failed}")?;
        }
        if !r.untouched.is_empty() {
            let shown = r.untouched.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = if r.untouched.len() > SHOWN { ", …" } else { "" };
            writeln!(out, "no asset touches {}: {shown}{more}", count(r.untouched.len(), "tile"))?;
        }
        let dates = count(r.expected, "tile and date").replace("tile and dates", "tiles and dates");
        if self.dry_run {
            return writeln!(out, "{dates}: {} there already, the rest would be made", r.present);
        }
        writeln!(
            out,
            "{dates}: {} made, {} there already, {} failed ({})",
            r.made,
            r.present,
            r.failed.len(),
            r.catalog.display()
        )
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let grid = match (&args.grid, &args.like) {
        (Some(path), _) => named_or_file(path, args.aoi.as_deref(), ctx)?,
        (None, Some(path)) => grid_of(path)?,
        (None, None) => return Err(usage("one of --grid and --like is needed")),
    };
    let grid = chosen(grid, &args.tiles)?;
    let query = args.query.query()?;
    let period = match query.datetime {
        Some((Some(start), Some(end))) => Some(Period::new(start, end).or_usage()?),
        _ => None,
    };
    let items = ItemCollection::read(&ctx.stores, &args.items).await?.select(&query)?.items;
    if items.is_empty() {
        return Err(usage_hint(format!("no item of {} is selected", args.items), "widen the selection"));
    }
    let out = local_path(&args.out)?;
    let name = args.name.or_else(|| Some(out.file_name()?.to_string_lossy().into_owned()));
    let nodata = match args.dtype {
        DType::Int16 => Some(f64::from(i16::MIN)),
        DType::UInt8 => Some(255.0),
        _ => Some(f64::NAN),
    };
    let request = Prepare {
        name: name.unwrap_or_else(|| "prepared".to_owned()),
        items,
        assets: args.assets,
        grid,
        rules: Rules { resampling: args.resampling, unit: args.unit, ..Rules::default() },
        cog: CogOptions {
            dtype: args.dtype,
            scale: args.scale,
            nodata,
            compress: args.compress,
            ..Prepare::default_cog()
        },
        period,
        out,
    };
    let spool = ctx.spool(&request.out);
    let meter = ctx.meter("prep", Counted::Things("tiles and dates"), None);
    // What is stored in 64 bits is also computed in them.
    let prepare = match args.dtype {
        DType::Float64 => seedbed_prep::prepare::<f64>,
        _ => seedbed_prep::prepare::<f32>,
    };
    let report = tokio::task::block_in_place(|| {
        prepare(&request, &spool, &ctx.projections, args.dry_run, &mut |done, total| meter.at(done, total))
    })?;
    drop(meter);
    let status = Status::of(report.failed.is_empty());
    if let Some(first) = report.failed.first() {
        let tiles = count(report.expected, "tile and date").replace("tile and dates", "tiles and dates");
        failure::tell(
            format_args!("{} of {tiles} failed; {first}", report.failed.len()),
            "the same command makes only what failed",
        );
    }
    ctx.emit(&Prepared { dry_run: args.dry_run, report })?;
    Ok(status)
}

/// The tiles asked for, or all.
pub fn chosen(mut grid: TileGrid, names: &[String]) -> anyhow::Result<TileGrid> {
    if !names.is_empty() {
        grid.tiles = names.iter().map(|name| grid.tile(name).cloned()).collect::<Result<Vec<Tile>, _>>()?;
    }
    Ok(grid)
}

/// A well-known grid, whole or where an area touches it, or a file of tiles.
fn named_or_file(path: &Path, aoi: Option<&Path>, ctx: &Ctx) -> anyhow::Result<TileGrid> {
    let name = path.to_string_lossy();
    let is_name = !path.exists() && !name.contains(['.', '/']);
    match (is_name, aoi) {
        (true, None) => Ok(NamedGrid::find(&name).or_usage()?.whole(&name, &ctx.projections)?),
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
