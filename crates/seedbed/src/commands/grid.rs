//! `seedbed grid`: an area becomes tiles of one integer grid.

use crate::area::AreaArgs;
use crate::base_grid::{BaseGrid, GridArgs, size};
use crate::context::Ctx;
use crate::failure::{Judge, usage_hint};
use crate::report::{Report, Status, count};
use seedbed_grid::legacy::{self, LegacyTile};
use seedbed_grid::veget::Drawing;
use seedbed_grid::{
    Aoi, Bbox, Cover, GridError, NamedGrid, PixelGrid, Scheme, SizeUnit, Tile, TileFile, TileGrid, TileSize,
    cover, cover_within, export, snap, touched, veget,
};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  seedbed grid --aoi aoi/upper-delaware.geojson --crs EPSG:5070 --resolution 500 --tile 200px --out tiles.geojson
  seedbed grid --aoi park.gpkg:boundary --buffer 5km --like dem.tif --tile 512px --out tiles.shp
  seedbed grid --aoi 'POLYGON((-76 40,-74 40,-74 42,-76 40))' --grid modis-sinusoidal-500m --out tiles.geojson
  seedbed grid --bbox=-110,30,-100,40 --tile 2deg --names veget --out chips.shp
  seedbed grid --bbox=-76.4,38.7,-74.4,42.5 --names daymet --out daymet.geojson
  seedbed grid --tiles chip47.4N-106.8E,chip47.4N-104.2E --tile 2.6deg --names veget --out two.geojson
  seedbed grid --from old-chips.geojson --resolution 0.0020810045 --out chips.geojson
  seedbed grid --grids

Beside the tiles it writes the grid itself: tiles.geojson gives tiles.grid.json,
with CRS, origin, resolution and each tile's pixels. Tiles lie on multiples of
their size from the grid's origin, whatever the area.

Names: rc (r3c14), veget (chip44N-78E, 40N-80E, r50.0_tile6), veget-sq (sq_90W_50N),
modis (h09v05), daymet (11207) and veget-legacy. veget-legacy draws the tiles of the
original VegET tools over the area's box, defects included: chips of whole degrees
(2deg), 10deg squares, 13deg continental tiles, a size that divides the box (2.6deg),
or chips of at most N x N pixels (500px, with --resolution). The grid is written only
where they lie on one. veget has the same names, on the integer grid: edges go to the
nearest pixel, neighbours share theirs, and the report says how far they went; whole
degrees are drawn around any area. With
--origin, veget tiles lie on multiples of their size from it. Chips aren't as high as
they are wide, and their names tell neither: with --tiles, give the box they were made
for with --bbox as well.";

/// Make the tiles that cover an area.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    area: AreaArgs,
    #[command(flatten)]
    grid: GridArgs,
    /// Tile size: 200px, 2deg or 100000m; named grids have a usual one.
    #[arg(long, value_name = "SIZE")]
    tile: Option<TileSize>,
    /// How tiles are named: rc, veget, veget-sq, modis, daymet or veget-legacy.
    #[arg(long, value_name = "SCHEME")]
    names: Option<Scheme>,
    /// The tiles of these names, without an area or as far as they touch it.
    #[arg(long, value_name = "NAME", value_delimiter = ',', allow_hyphen_values = true)]
    tiles: Vec<String>,
    /// Tiles of a file, GeoJSON or shapefile, moved onto the grid; the grid is that of
    /// FILE's `.grid.json` where none is given.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tiles", "tile", "names"])]
    from: Option<PathBuf>,
    /// List the well-known grids, and write nothing.
    #[arg(long)]
    grids: bool,
    /// Where the tiles go: `.geojson` or `.shp`.
    #[arg(long, value_name = "FILE", required_unless_present = "grids")]
    out: Option<PathBuf>,
    /// Say which tiles there would be, and write nothing.
    #[arg(long)]
    dry_run: bool,
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
    /// How far an edge was moved onto the grid at most, in pixels; none where all lay on it.
    moved: Option<f64>,
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
        if let Some(moved) = self.moved {
            writeln!(out, "edges were moved onto the grid by {moved:.3} pixels at most")?;
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

#[derive(Debug, Serialize)]
struct Grids {
    grids: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    #[serde(flatten)]
    grid: &'static NamedGrid,
}

impl Report for Grids {
    const COMMAND: &'static str = "grid";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.grids.iter().map(|g| g.name.len()).max().unwrap_or(0);
        for Listed { name, grid } in &self.grids {
            writeln!(out, "{name:width$}  {}", grid.about)?;
        }
        Ok(())
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    if args.grids {
        let grids = NamedGrid::all()?.iter().map(|(name, grid)| Listed { name, grid }).collect();
        ctx.emit(&Grids { grids })?;
        return Ok(Status::Done);
    }
    let Some(out) = &args.out else { return Err(usage_hint("no --out", "name a .geojson or .shp file")) };
    let form = form(out)?;
    let aoi = args.area.area(ctx)?;
    let base = args.grid.base(args.names, args.tile, ctx)?;
    if base.names == Scheme::VegetLegacy {
        return legacy_tiles(&args, out, &form, aoi.as_ref(), &base.grid, ctx);
    }
    let (covered, moved) = tiles(&args, aoi.as_ref(), base, ctx)?;
    let beside = out.with_extension("grid.json");
    let report = report(&covered, moved, out.clone(), beside.clone(), args.dry_run);
    if !args.dry_run {
        match form {
            Form::GeoJson => export::write_geojson(&covered, out, &ctx.projections)?,
            Form::Shapefile => export::write_shapefile(&covered, out, &ctx.projections)?,
        }
        covered.grid.write(&beside)?;
    }
    ctx.emit(&report)?;
    Ok(Status::Done)
}

/// Moves within this are bits of floating-point numbers, in pixels.
const BITS: f64 = 1e-6;

/// The tiles on the grid, and how far they were moved onto it.
fn tiles(args: &Args, aoi: Option<&Aoi>, base: BaseGrid, ctx: &Ctx) -> anyhow::Result<(Cover, Option<f64>)> {
    let snapped = |tiles: &[LegacyTile], grid: &PixelGrid| {
        let snapped = snap(grid, base.names.as_str(), tiles.iter().map(|t| (t.name.as_str(), t.extent)))?;
        anyhow::Ok((snapped.tiles, Some(snapped.moved).filter(|m| *m > BITS)))
    };
    // Without an area, tiles lie in no share of it.
    let within = |tiles: TileGrid| match aoi {
        Some(aoi) => touched(tiles, aoi, &ctx.projections),
        None => Ok(Cover { shares: vec![f64::NAN; tiles.tiles.len()], grid: tiles }),
    };
    if let Some(file) = &args.from {
        let beside = file.with_extension("grid.json");
        let grid = if args.grid.is_default() && beside.is_file() {
            TileGrid::read(&beside).or_usage()?.grid
        } else {
            base.grid
        };
        let read = TileFile::read(file, &grid, &ctx.projections).or_usage()?;
        let covered = match aoi {
            Some(aoi) => touched(read.cover.grid, aoi, &ctx.projections)?,
            None => read.cover,
        };
        return Ok((covered, Some(read.moved).filter(|m| *m > BITS)));
    }
    let drawn = base.names.is_drawn(&base.grid) && args.grid.origin.is_none() && base.extent.is_none();
    if !args.tiles.is_empty() && drawn {
        let drawing = drawing(args, aoi, |extent, size, pixel| veget_tiles(extent, size, pixel, &base.grid));
        // Of a size that the original tools had no tiles of, squares of the grid have such names.
        if aoi.is_none() || args.tile.is_none() || drawing.is_some() {
            let tiles = named(&args.tiles, args.tile, drawing.as_ref(), base.names)?;
            let (tiles, moved) = snapped(&tiles, &base.grid)?;
            return Ok((within(tiles)?, moved));
        }
    }
    let size = size(args.tile, &base)?;
    if !args.tiles.is_empty() {
        let shape = size.shape(&base.grid)?;
        let tile = |name: &String| {
            Ok(Tile { name: name.clone(), range: base.names.parse(&base.grid, shape, name).or_usage()? })
        };
        let tiles = args.tiles.iter().map(tile).collect::<anyhow::Result<Vec<Tile>>>()?;
        let tiles = TileGrid { grid: base.grid, scheme: base.names.to_string(), tiles };
        tiles.check()?;
        return Ok((within(tiles)?, None));
    }
    if let Some(extent) = base.extent {
        let covered = cover_within(&base.grid, extent, aoi, size, base.names, &ctx.projections)?;
        return Ok((covered, None));
    }
    let aoi = aoi.ok_or_else(no_area)?;
    if drawn {
        match veget_tiles(aoi.bbox(), size, args.grid.resolution, &base.grid) {
            Ok(tiles) => {
                let (tiles, moved) = snapped(&tiles, &base.grid)?;
                return Ok((within(tiles)?, moved));
            }
            // A size that the original tools had no tiles of: squares of the grid with such names.
            Err(GridError::Scheme { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok((cover(&base.grid, aoi, size, base.names, &ctx.projections)?, None))
}

fn no_area() -> anyhow::Error {
    usage_hint("no area is given", "name a file with --aoi, a --bbox, or --tiles by name")
}

/// The original tools' tiles over an extent. Whole degrees that aren't whole pixels of the grid, so that there are no
/// squares of it, are drawn over the whole tiles around any extent.
fn veget_tiles(
    extent: Bbox,
    size: TileSize,
    pixel: Option<f64>,
    grid: &PixelGrid,
) -> Result<Vec<LegacyTile>, GridError> {
    match veget::tiles(extent, size, pixel) {
        Err(GridError::Scheme { .. })
            if size.unit == SizeUnit::Degree && size.value.fract() == 0.0 && size.shape(grid).is_err() =>
        {
            veget::tiles(veget::around(extent, size.value), size, pixel)
        }
        drawn => drawn,
    }
}

/// What would be drawn over the area without names.
fn drawing(
    args: &Args,
    aoi: Option<&Aoi>,
    draw: impl Fn(Bbox, TileSize, Option<f64>) -> Result<Vec<LegacyTile>, GridError>,
) -> Option<Drawing> {
    let extent = aoi?.bbox();
    let tiles = draw(extent, args.tile?, args.grid.resolution).ok()?;
    Some(Drawing { extent, tiles })
}

/// Tiles of the scheme that was asked for, by their names.
fn named(
    names: &[String],
    size: Option<TileSize>,
    over: Option<&Drawing>,
    scheme: Scheme,
) -> anyhow::Result<Vec<LegacyTile>> {
    // The schemes that were drawn share their names.
    let of_scheme = |error| match error {
        GridError::Name { name, reason, .. } => GridError::Name { name, reason, scheme: scheme.as_str() },
        other => other,
    };
    let mut tiles = Vec::new();
    for name in names {
        tiles.extend(veget::named(name, size, over).map_err(of_scheme).or_usage()?);
    }
    Ok(tiles)
}

/// The original tools' tiles, and their grid where they lie on one.
fn legacy_tiles(
    args: &Args,
    out: &Path,
    form: &Form,
    aoi: Option<&Aoi>,
    grid: &PixelGrid,
    ctx: &Ctx,
) -> anyhow::Result<Status> {
    if !grid.crs.geographic {
        return Err(usage_hint("veget-legacy tiles are in longitude and latitude", "leave --crs out"));
    }
    let tiles = if args.tiles.is_empty() {
        let size = args.tile.ok_or_else(|| usage_hint("no tile size is given", "write --tile 2deg"))?;
        legacy::cover(aoi.ok_or_else(no_area)?.bbox(), size, args.grid.resolution)?
    } else {
        let drawing = drawing(args, aoi, legacy::cover);
        named(&args.tiles, args.tile, drawing.as_ref(), Scheme::VegetLegacy)?
    };
    let beside = out.with_extension("grid.json");
    let on_grid = legacy::to_grid(grid, &tiles);
    if !args.dry_run {
        match form {
            Form::GeoJson => legacy::write_geojson(&tiles, out)?,
            Form::Shapefile => legacy::write_shapefile(&tiles, out, &ctx.projections)?,
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
        out: out.to_owned(),
        grid: on_grid.is_ok().then_some(beside),
        moved: None,
        dry_run: args.dry_run,
    })?;
    Ok(Status::Done)
}

fn report(covered: &Cover, moved: Option<f64>, out: PathBuf, grid: PathBuf, dry_run: bool) -> Tiled {
    let tiles = &covered.grid.tiles;
    let PixelGrid { crs, origin, resolution } = &covered.grid.grid;
    let share = |s: &f64| Some(*s).filter(|s| s.is_finite());
    Tiled {
        crs: crs.to_string(),
        origin: [origin.x, origin.y],
        resolution: [resolution.x, resolution.y],
        pixels: tiles.iter().map(|t| t.range.shape().len() as u64).sum(),
        tiles: tiles
            .iter()
            .zip(&covered.shares)
            .map(|(t, s)| Row { name: t.name.clone(), share: share(s) })
            .collect(),
        out,
        grid: Some(grid),
        moved,
        dry_run,
    }
}
