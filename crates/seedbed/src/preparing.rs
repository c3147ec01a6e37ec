//! What `prep` and `composite` share: which assets go onto which tiles, how they are
//! read and stored, and what is reported of it.

use crate::context::{Ctx, local_path};
use crate::failure::{self, Judge, usage, usage_hint};
use crate::query::QueryArgs;
use crate::report::{Status, count};
use anyhow::Context;
use seedbed_block::{Period, Unit};
use seedbed_catalog::ItemCollection;
use seedbed_grid::{PixelGrid, PixelRange, Tile, TileGrid, Xy};
use seedbed_prep::{Mask, Prepare, PrepareReport, Rules, ValidRange};
use seedbed_raster::cog::{CogOptions, Compress};
use seedbed_raster::{DType, Raster, RasterSource, Resampling};
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
    /// The tiles to align to: a `tiles.grid.json`.
    #[arg(long, value_name = "FILE", required_unless_present = "like")]
    grid: Option<PathBuf>,
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
    pub dry_run: bool,
}

impl PrepareArgs {
    /// The request, its items read and selected.
    pub async fn request(self, ctx: &Ctx) -> anyhow::Result<Prepare> {
        let grid = match (&self.grid, &self.like) {
            (Some(path), _) => TileGrid::read(path).or_usage()?,
            (None, Some(path)) => grid_of(path)?,
            (None, None) => return Err(usage("one of --grid and --like is needed")),
        };
        let grid = chosen(grid, &self.tiles)?;
        let query = self.query.query()?;
        let period = match query.datetime {
            Some((Some(start), Some(end))) => Some(Period::new(start, end).or_usage()?),
            _ => None,
        };
        let items = ItemCollection::read(&ctx.stores, &self.items).await?.select(&query)?.items;
        if items.is_empty() {
            return Err(usage_hint(format!("no item of {} is selected", self.items), "widen the selection"));
        }
        let out = local_path(&self.out)?;
        let name = self.name.or_else(|| Some(out.file_name()?.to_string_lossy().into_owned()));
        let nodata = match self.dtype {
            DType::Int16 => Some(f64::from(i16::MIN)),
            DType::UInt8 => Some(255.0),
            _ => Some(f64::NAN),
        };
        let valid_range = if self.keep_invalid { ValidRange::Ignored } else { ValidRange::Missing };
        Ok(Prepare {
            name: name.unwrap_or_else(|| "prepared".to_owned()),
            items,
            assets: self.assets,
            grid,
            rules: Rules {
                resampling: self.resampling,
                unit: self.unit,
                mask: self.mask,
                valid_range,
                ..Rules::default()
            },
            cog: CogOptions {
                dtype: self.dtype,
                scale: self.scale,
                nodata,
                compress: self.compress,
                ..Prepare::default_cog()
            },
            period,
            out,
        })
    }
}

/// So many untouched tiles are named.
const SHOWN: usize = 8;

/// What the products of a command are: `date` gives `3 tiles and dates`.
fn products(number: usize, period: &str) -> String {
    let one = format!("tile and {period}");
    count(number, &one).replace(&format!("{one}s"), &format!("tiles and {period}s"))
}

/// Writes a report as text; its products are of a tile and a `period`.
pub fn text(r: &PrepareReport, period: &str, dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    for failed in &r.failed {
        writeln!(out, "failed: {failed}")?;
    }
    if !r.untouched.is_empty() {
        let shown = r.untouched.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if r.untouched.len() > SHOWN { ", …" } else { "" };
        writeln!(out, "no asset touches {}: {shown}{more}", count(r.untouched.len(), "tile"))?;
    }
    let all = products(r.expected, period);
    if dry_run {
        return writeln!(out, "{all}: {} there already, the rest would be made", r.present);
    }
    writeln!(
        out,
        "{all}: {} made, {} there already, {} failed ({})",
        r.made,
        r.present,
        r.failed.len(),
        r.catalog.display()
    )
}

/// The command's status; what failed is told on stderr.
pub fn status(report: &PrepareReport, period: &str) -> Status {
    if let Some(first) = report.failed.first() {
        let all = products(report.expected, period);
        failure::tell(
            format_args!("{} of {all} failed; {first}", report.failed.len()),
            "the same command makes only what failed",
        );
    }
    Status::of(report.failed.is_empty())
}

/// The tiles asked for, or all.
fn chosen(mut grid: TileGrid, names: &[String]) -> anyhow::Result<TileGrid> {
    if !names.is_empty() {
        grid.tiles = names.iter().map(|name| grid.tile(name).cloned()).collect::<Result<Vec<Tile>, _>>()?;
    }
    Ok(grid)
}

/// A raster's own grid, as one tile.
fn grid_of(path: &Path) -> anyhow::Result<TileGrid> {
    let raster = Raster::open(&RasterSource::new(path)).context("the raster of --like").or_usage()?;
    let geobox = raster.geobox();
    if !geobox.affine.is_north_up() {
        return Err(usage(format!("{} is not north-up; its grid can't be taken", path.display())));
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(TileGrid {
        grid: PixelGrid {
            crs: geobox.crs.clone(),
            origin: geobox.affine.apply(0.0, 0.0),
            resolution: Xy { x: geobox.affine.a, y: -geobox.affine.e },
        },
        scheme: "like".to_owned(),
        tiles: vec![Tile { name, range: PixelRange::of_shape(geobox.shape) }],
    })
}
