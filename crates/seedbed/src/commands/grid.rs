//! `seedbed grid`: an area becomes tiles of one integer grid.

use crate::context::Ctx;
use crate::failure::{Judge, usage_hint};
use crate::report::{Report, Status, count};
use seedbed_grid::{Aoi, Bbox, Cover, PixelGrid, Projections, Scheme, TileSize, Xy, cover, export, legacy};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  seedbed grid --aoi aoi/upper-delaware.geojson --crs EPSG:5070 --resolution 500 --tile 200px --out tiles.geojson
  seedbed grid --bbox=-110,30,-100,40 --tile 2deg --names veget --out chips.shp
  seedbed grid --bbox=-78,36,-72,44 --tile 2deg --names veget-legacy --out chips.geojson

Beside the tiles it writes the grid itself: tiles.geojson gives tiles.grid.json,
with CRS, origin, resolution and each tile's pixels. Tiles lie on multiples of
their size from the grid's origin, whatever the area.

veget-legacy draws the tiles of the original VegET tools over the area's box,
defects included: chips of whole degrees (2deg), 10deg squares, 13deg continental
tiles, a size that divides the box (2.6deg), or chips of at most N x N pixels
(500px, with --resolution). The grid is written only where they lie on one.";

/// Make the tiles that cover an area.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The area: GeoJSON or shapefile.
    #[arg(long, value_name = "FILE", required_unless_present = "bbox")]
    aoi: Option<PathBuf>,
    /// The area as a box, in degrees.
    #[arg(long, value_name = "W,S,E,N", conflicts_with = "aoi", allow_hyphen_values = true)]
    bbox: Option<Bbox>,
    /// The grid's CRS: an authority code, a PROJ string or WKT.
    #[arg(long, default_value = "EPSG:4326")]
    crs: String,
    /// Corner of the grid's pixel (0, 0), in CRS units.
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true, value_parser = xy)]
    origin: Option<Xy>,
    /// Pixel size in CRS units.
    #[arg(long, value_name = "R")]
    resolution: Option<f64>,
    /// Tile size: 200px, 2deg or 100000m.
    #[arg(long, value_name = "SIZE")]
    tile: TileSize,
    /// How tiles are named: rc, veget or veget-legacy.
    #[arg(long, value_name = "SCHEME", default_value = "rc")]
    names: Scheme,
    /// Where the tiles go: `.geojson` or `.shp`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Say which tiles there would be, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

fn xy(text: &str) -> Result<Xy, String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some([x, y]) => Ok(Xy { x: *x, y: *y }),
        _ => Err(format!("`{text}` is no point: write X,Y")),
    }
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// Share of the tile that lies in the area; the original tools don't ask.
    share: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Tiled {
    crs: String,
    origin: [f64; 2],
    resolution: [f64; 2],
    pixels: u64,
    tiles: Vec<Row>,
    out: PathBuf,
    /// None where the tiles lie on no integer grid.
    grid: Option<PathBuf>,
    dry_run: bool,
}

impl Report for Tiled {
    const COMMAND: &'static str = "grid";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.tiles.iter().map(|t| t.name.len()).max().unwrap_or(0);
        for t in &self.tiles {
            match t.share {
                Some(share) => writeln!(out, "{:width$}  {:5.1} % of it in the area", t.name, share * 100.0)?,
                None => writeln!(out, "{}", t.name)?,
            }
        }
        let tiles = count(self.tiles.len(), "tile");
        let [x, y] = self.resolution;
        match self.grid {
            Some(_) => writeln!(out, "{tiles}, {} pixels of {x}×{y} in {}", self.pixels, self.crs)?,
            None => writeln!(out, "{tiles} in {}", self.crs)?,
        }
        let written = if self.dry_run { "would be written" } else { "written" };
        write!(out, "{written}: {}", self.out.display())?;
        match &self.grid {
            Some(grid) => writeln!(out, ", {}", grid.display()),
            None => writeln!(out),
        }
    }
}

enum Form {
    GeoJson,
    Shapefile,
}

fn form(out: &Path) -> anyhow::Result<Form> {
    match out.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).as_deref() {
        Some("geojson" | "json") if !out.to_string_lossy().ends_with(".grid.json") => Ok(Form::GeoJson),
        Some("shp") => Ok(Form::Shapefile),
        _ => Err(usage_hint(
            format!("{}: the name's ending says no format for tiles", out.display()),
            "write tiles.geojson or tiles.shp; tiles.grid.json comes by itself",
        )),
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let form = form(&args.out)?;
    let aoi = match (&args.aoi, args.bbox) {
        (Some(path), _) => Aoi::read(path, &ctx.projections).or_usage()?,
        (None, Some(bbox)) => Aoi::from_bbox(bbox),
        (None, None) => return Err(usage_hint("no area is given", "name a file with --aoi, or a --bbox")),
    };
    let crs = ctx.projections.resolve(&args.crs)?;
    let resolution = args.resolution.map(|r| Xy { x: r, y: r });
    let grid = PixelGrid::new(crs, args.origin, resolution)?;
    if args.names == Scheme::VegetLegacy {
        return legacy_tiles(&args, &form, aoi.bbox(), &grid, ctx);
    }
    let covered = cover(&grid, &aoi, args.tile, args.names, &ctx.projections)?;
    let beside = args.out.with_extension("grid.json");
    let report = report(&covered, args.out.clone(), beside.clone(), args.dry_run);
    if !args.dry_run {
        match form {
            Form::GeoJson => export::write_geojson(&covered, &args.out, &ctx.projections)?,
            Form::Shapefile => export::write_shapefile(&covered, &args.out, &ctx.projections)?,
        }
        covered.grid.write(&beside)?;
    }
    ctx.emit(&report)?;
    Ok(Status::Done)
}

/// The original tools' tiles, and their grid where they lie on one.
fn legacy_tiles(
    args: &Args,
    form: &Form,
    extent: Bbox,
    grid: &PixelGrid,
    ctx: &Ctx,
) -> anyhow::Result<Status> {
    if !grid.crs.geographic {
        return Err(usage_hint("veget-legacy tiles are in longitude and latitude", "leave --crs out"));
    }
    let tiles = legacy::cover(extent, args.tile, args.resolution)?;
    let beside = args.out.with_extension("grid.json");
    let on_grid = legacy::to_grid(grid, &tiles);
    if !args.dry_run {
        match form {
            Form::GeoJson => legacy::write_geojson(&tiles, &args.out)?,
            Form::Shapefile => legacy::write_shapefile(&tiles, &args.out, &ctx.projections)?,
        }
        if let Ok(on_grid) = &on_grid {
            on_grid.write(&beside)?;
        }
    }
    if let Err(e) = &on_grid {
        ctx.say(format_args!("note: no {}, since these tiles lie on no integer grid: {e}", beside.display()));
    }
    let pixels = on_grid.as_ref().map_or(0, |g| g.tiles.iter().map(|t| t.range.shape().len() as u64).sum());
    ctx.emit(&Tiled {
        crs: grid.crs.to_string(),
        origin: [grid.origin.x, grid.origin.y],
        resolution: [grid.resolution.x, grid.resolution.y],
        pixels,
        tiles: tiles.into_iter().map(|t| Row { name: t.name, share: None }).collect(),
        out: args.out.clone(),
        grid: on_grid.is_ok().then_some(beside),
        dry_run: args.dry_run,
    })?;
    Ok(Status::Done)
}

fn report(covered: &Cover, out: PathBuf, grid: PathBuf, dry_run: bool) -> Tiled {
    let tiles = &covered.grid.tiles;
    let PixelGrid { crs, origin, resolution } = &covered.grid.grid;
    Tiled {
        crs: crs.to_string(),
        origin: [origin.x, origin.y],
        resolution: [resolution.x, resolution.y],
        pixels: tiles.iter().map(|t| t.range.shape().len() as u64).sum(),
        tiles: tiles
            .iter()
            .zip(&covered.shares)
            .map(|(t, share)| Row { name: t.name.clone(), share: Some(*share) })
            .collect(),
        out,
        grid: Some(grid),
        dry_run,
    }
}
