//! `seedbed view`: a page with quicklooks, for any browser.

use crate::context::Ctx;
use crate::failure::{Judge, usage};
use crate::page::{Page, Picture};
use crate::quicklook::{self, Extent, Field};
use crate::report::{Report, Status, count};
use crate::stack::product_at;
use anyhow::Context;
use seedbed_catalog::{Item, ItemCollection};
use seedbed_grid::{Crs, GeoBox, PixelRange, Projections, TileGrid};
use seedbed_prep::{Expected, Member, Root, Spool, Stack, Wanted};
use seedbed_raster::Raster;
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  seedbed view products/mosaic
  seedbed view products/mosaic --variables etasw,srf --aoi aoi/upper-delaware.geojson --grid tiles.grid.json
  seedbed view catalog --out /tmp/view

The page and its pictures need no server: open the address that is printed.";

/// Make a page with quicklooks of a product, or of a catalog's footprints.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A product's catalog or folder, or any catalog.
    catalog: Location,
    /// Variables to show; the first where none is named.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    variables: Vec<String>,
    /// Periods to show; the years where none is named, else the last period.
    #[arg(long, value_name = "PERIOD", value_delimiter = ',')]
    periods: Vec<String>,
    /// The area to draw over the tiles: GeoJSON or shapefile.
    #[arg(long, value_name = "FILE")]
    aoi: Option<PathBuf>,
    /// The tiles to draw: a `tiles.grid.json`; the product's own where none is given.
    #[arg(long, value_name = "FILE")]
    grid: Option<PathBuf>,
    /// The folder to write; `view` in the catalog's folder where none is given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Say what would be shown, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct View {
    dry_run: bool,
    page: PathBuf,
    address: String,
    pictures: Vec<PathBuf>,
}

impl Report for View {
    const COMMAND: &'static str = "view";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for picture in &self.pictures {
            writeln!(out, "{}", picture.display())?;
        }
        writeln!(out, "{}", self.address)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let folder = match args.catalog.as_path() {
        Some(path) if path.is_dir() => Some(path.to_owned()),
        Some(path) => path.parent().map(Path::to_owned),
        None => None,
    };
    let out = match (&args.out, &folder) {
        (Some(out), _) => out.clone(),
        (None, Some(folder)) => folder.join("view"),
        (None, None) => return Err(usage("a remote catalog's page needs a place: name a folder with --out")),
    };
    let spool = ctx.spool(&folder.map_or_else(|| args.catalog.clone(), Location::Local));
    let product = tokio::task::block_in_place(|| product_at(&args.catalog, &spool))?;
    let mut page = match product {
        Some(product) => tokio::task::block_in_place(|| of_product(&args, &product, &spool, ctx))?,
        None => of_catalog(&args, ctx).await?,
    };
    let absolute = std::path::absolute(&out)?;
    let view = View {
        dry_run: args.dry_run,
        pictures: page.pictures.iter().map(|p| absolute.join(&p.file)).collect(),
        address: format!("file://{}", absolute.join("index.html").display()),
        page: absolute.join("index.html"),
    };
    if !args.dry_run {
        std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        page.save(&out)?;
    }
    ctx.emit(&view)?;
    Ok(Status::Done)
}

/// A product: chosen variables and periods, and its tiles.
fn of_product(args: &Args, product: &Root, spool: &Spool, ctx: &Ctx) -> anyhow::Result<Page> {
    let (set, _) = Expected::of(product).or_usage()?;
    let variables = if args.variables.is_empty() {
        set.variables.iter().take(1).cloned().collect()
    } else {
        args.variables.clone()
    };
    let wanted = Wanted { variables: variables.clone(), periods: Vec::new() };
    let stack = Stack::of_product(product, &wanted, spool, &ctx.projections).or_usage()?;
    // What a model remembers of a tile is no picture, and a cube's layers have names of their own.
    let shown = |m: &&Member| variables.iter().any(|v| set.variables(m).contains(v)) && !m.is_cube();
    let named = set.members.iter().filter(shown).map(|m| m.period.clone());
    let mut all: Vec<String> = named.chain(stack.frames.iter().map(|frame| frame.period.clone())).collect();
    all.sort();
    all.dedup();
    let years: Vec<String> = all.iter().filter(|p| p.len() == 4).cloned().collect();
    let periods = match (&args.periods[..], &years[..]) {
        ([], []) => all.last().cloned().into_iter().collect(),
        ([], _) => years,
        (named, _) => named.to_vec(),
    };
    let mut page = Page::new(&set.name);
    page.fact("tiles", set.tiles.len());
    page.fact("products", set.members.len());
    page.fact("variables", set.variables.join(", "));
    page.fact("coordinate system", &set.grid.crs);
    for variable in &variables {
        for period in &periods {
            if !all.contains(period) {
                return Err(usage(format!("{} has no period `{period}`", set.name)));
            }
            page.pictures.push(field_picture(&stack, variable, period, spool)?);
        }
    }
    let grid = match &args.grid {
        Some(path) => TileGrid::read(path).or_usage()?,
        None => TileGrid { grid: set.grid.clone(), scheme: String::new(), tiles: set.tiles.clone() },
    };
    page.pictures.extend(tiles_picture(&grid, args.aoi.as_deref(), &ctx.projections)?);
    Ok(page)
}

/// One variable and period, all tiles at their place.
fn field_picture(stack: &Stack, variable: &str, period: &str, spool: &Spool) -> anyhow::Result<Picture> {
    let mut canvas = Mosaic::new(stack.extent);
    let mut unit = None;
    for frame in stack.frames.iter().filter(|f| f.variable == variable && f.period == period) {
        unit = unit.or_else(|| frame.unit.clone());
        for raster in frame.rasters(&stack.grid, spool) {
            let (range, layer, raster) = raster?;
            canvas.paste(&raster, layer, range)?;
        }
    }
    let missing = stack.holes.iter().filter(|(_, name)| name.ends_with(&format!(" {period}"))).count();
    let (canvas, range) = quicklook::field(&canvas.field);
    let unit = unit.map(|u| format!(" {u}")).unwrap_or_default();
    let legend = match range {
        Some((low, high)) => format!(
            "from {} to {}{unit} (2nd to 98th percentile)",
            quicklook::number(low, high - low),
            quicklook::number(high, high - low)
        ),
        None => "no value anywhere".to_owned(),
    };
    let holes = if missing > 0 { format!("; {} missing", count(missing, "tile")) } else { String::new() };
    Ok(Picture {
        file: format!("quicklook-{variable}-{period}.png"),
        title: format!("{variable}, {period}"),
        legend: format!("{legend}{holes}"),
        canvas,
    })
}

/// The most pixels of a side that are read for a picture.
const SIDE: i64 = 1000;

/// Tiles pasted at their place, every `step`th pixel of them.
struct Mosaic {
    extent: PixelRange,
    step: i64,
    field: Field,
}

impl Mosaic {
    fn new(extent: PixelRange) -> Self {
        let longer = extent.rows.max(extent.cols).max(1);
        let step = (longer + SIDE - 1) / SIDE;
        let side = |length: i64| usize::try_from((length + step - 1) / step).unwrap_or(0);
        let (rows, cols) = (side(extent.rows), side(extent.cols));
        Self { extent, step, field: Field { rows, cols, values: vec![f64::NAN; rows * cols] } }
    }

    /// The multiples of the step inside a span, from the extent's edge.
    fn picked(&self, start: i64, length: i64, edge: i64) -> impl Iterator<Item = (i64, usize)> {
        let step = self.step;
        let first = (start - edge).div_euclid(step) + i64::from((start - edge).rem_euclid(step) > 0);
        (first..)
            .map(move |n| (n, n * step + edge - start))
            .take_while(move |(_, offset)| *offset < length)
            .filter_map(|(n, offset)| Some((offset, usize::try_from(n).ok()?)))
    }

    fn paste(&mut self, raster: &Raster, layer: usize, range: PixelRange) -> anyhow::Result<()> {
        let rows: Vec<_> = self.picked(range.row0, range.rows, self.extent.row0).collect();
        let cols: Vec<_> = self.picked(range.col0, range.cols, self.extent.col0).collect();
        // Without thinning one read does; with it, only the rows that are shown are read.
        let whole: Option<Vec<f64>> = if self.step == 1 {
            Some(raster.read(layer, PixelRange { row0: 0, col0: 0, rows: range.rows, cols: range.cols })?)
        } else {
            None
        };
        let width = range.shape().cols;
        for (row, y) in rows {
            let line: Vec<f64> = match &whole {
                Some(all) => {
                    let start = usize::try_from(row)? * width;
                    all[start..start + width].to_vec()
                }
                None => raster.read(layer, PixelRange { row0: row, col0: 0, rows: 1, cols: range.cols })?,
            };
            for (col, x) in &cols {
                self.field.values[y * self.field.cols + x] = line[usize::try_from(*col)?];
            }
        }
        Ok(())
    }
}

/// The tiles of a grid with the area over them.
fn tiles_picture(
    grid: &TileGrid,
    aoi: Option<&Path>,
    projections: &dyn Projections,
) -> anyhow::Result<Option<Picture>> {
    let tiles: Vec<Extent> = grid.tiles.iter().map(|t| extent_of(&grid.geobox(t))).collect();
    let rings = match aoi {
        Some(path) => rings_in(path, &grid.grid.crs, projections)?,
        None => Vec::new(),
    };
    let area = aoi.and_then(Path::file_stem).map(|s| format!(", {} in red", s.to_string_lossy()));
    Ok(quicklook::tiles(&tiles, &rings).map(|canvas| Picture {
        file: "tiles.png".to_owned(),
        title: count(tiles.len(), "tile"),
        legend: format!("on one grid in {}{}", grid.grid.crs, area.unwrap_or_default()),
        canvas,
    }))
}

fn extent_of(geobox: &GeoBox) -> Extent {
    let corners = geobox.outline(1);
    let x = corners.iter().map(|p| p.x);
    let y = corners.iter().map(|p| p.y);
    Extent {
        x0: x.clone().fold(f64::INFINITY, f64::min),
        y0: y.clone().fold(f64::INFINITY, f64::min),
        x1: x.fold(f64::NEG_INFINITY, f64::max),
        y1: y.fold(f64::NEG_INFINITY, f64::max),
    }
}

/// An area's rings in a CRS.
fn rings_in(path: &Path, crs: &Crs, projections: &dyn Projections) -> anyhow::Result<Vec<Vec<(f64, f64)>>> {
    let aoi = seedbed_raster::area_of(&path.to_string_lossy(), path).or_usage()?;
    let wgs84 = projections.resolve("OGC:CRS84")?;
    let transform = projections.transform(&wgs84, crs)?;
    let polygons = aoi.geometry().iter();
    let lines = polygons.flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
    let rings = lines.map(|line| {
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = line.coords().map(|c| (c.x, c.y)).unzip();
        transform.forward(&mut xs, &mut ys);
        xs.into_iter().zip(ys).collect()
    });
    Ok(rings.collect())
}

/// Footprints drawn at most; a picture of more shows no more.
const FOOTPRINTS: usize = 5000;

/// Any other catalog: the footprints of its items.
async fn of_catalog(args: &Args, ctx: &Ctx) -> anyhow::Result<Page> {
    let items = ItemCollection::read(&ctx.stores, &args.catalog).await?.items;
    let mut page = Page::new(args.catalog.file_name().unwrap_or("catalog"));
    page.fact("items", items.len());
    if let (Some(first), Some(last)) =
        (items.iter().filter_map(Item::start).min(), items.iter().filter_map(Item::end).max())
    {
        page.fact("days", format_args!("{first} to {last}"));
    }
    let mut boxes: Vec<[f64; 4]> = items.iter().filter_map(|i| i.bbox().map(Into::into)).collect();
    boxes.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    boxes.dedup();
    boxes.truncate(FOOTPRINTS);
    let tiles: Vec<Extent> =
        boxes.iter().map(|[x0, y0, x1, y1]| Extent { x0: *x0, y0: *y0, x1: *x1, y1: *y1 }).collect();
    let rings = match &args.aoi {
        Some(path) => rings_in(path, &ctx.projections.resolve("OGC:CRS84")?, &ctx.projections)?,
        None => Vec::new(),
    };
    page.pictures.extend(quicklook::tiles(&tiles, &rings).map(|canvas| Picture {
        file: "footprints.png".to_owned(),
        title: "footprints".to_owned(),
        legend: format!("{} in longitude and latitude", count(tiles.len(), "different box")),
        canvas,
    }));
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_picks_the_same_pixels_whatever_the_tile() {
        let extent = PixelRange { row0: 7, col0: 3, rows: 3000, cols: 2500 };
        let mosaic = Mosaic::new(extent);
        assert_eq!((mosaic.step, mosaic.field.rows, mosaic.field.cols), (3, 1000, 834));
        // Two tiles split at row 107 pick rows 7, 10, … as one raster would.
        let north: Vec<_> = mosaic.picked(7, 100, 7).map(|(offset, y)| (offset + 7, y)).collect();
        let south: Vec<_> = mosaic.picked(107, 100, 7).map(|(offset, y)| (offset + 107, y)).collect();
        let both: Vec<_> = mosaic.picked(7, 200, 7).map(|(offset, y)| (offset + 7, y)).collect();
        assert_eq!([north, south].concat(), both);
    }
}
