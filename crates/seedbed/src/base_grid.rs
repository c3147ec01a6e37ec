//! Which grid: by name, from a raster, or by CRS, origin and resolution.

use crate::context::Ctx;
use crate::failure::{Judge, usage, usage_hint};
use anyhow::Context;
use seedbed_grid::{NamedGrid, PixelGrid, PixelRange, Projections, Scheme, TileSize, Xy};
use seedbed_raster::{Raster, RasterSource};
use std::path::{Path, PathBuf};

/// The grid's CRS where none is given.
const LONLAT: &str = "EPSG:4326";

/// An integer grid.
#[derive(Debug, Clone, clap::Args)]
pub struct GridArgs {
    /// A well-known grid: daymet-na, modis-sinusoidal-500m, … (`seedbed grid --grids`).
    #[arg(long, value_name = "NAME", conflicts_with_all = ["like", "crs", "origin", "resolution"])]
    grid: Option<String>,
    /// A raster whose grid to take.
    #[arg(long, value_name = "RASTER", conflicts_with_all = ["crs", "origin", "resolution"])]
    like: Option<PathBuf>,
    /// The grid's CRS: an authority code, a PROJ string or WKT [default: EPSG:4326].
    #[arg(long)]
    crs: Option<String>,
    /// Corner of the grid's pixel (0, 0), in CRS units.
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true, value_parser = xy)]
    pub origin: Option<Xy>,
    /// Pixel size in CRS units.
    #[arg(long, value_name = "R")]
    pub resolution: Option<f64>,
}

fn xy(text: &str) -> Result<Xy, String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some([x, y]) => Ok(Xy { x: *x, y: *y }),
        _ => Err(format!("`{text}` is no point: write X,Y")),
    }
}

/// A grid, and what comes with it.
pub struct BaseGrid {
    pub grid: PixelGrid,
    /// The pixels there are, where it isn't unbounded.
    pub extent: Option<PixelRange>,
    /// The usual size of its tiles.
    pub tile: Option<TileSize>,
    /// How they are named.
    pub names: Scheme,
}

impl GridArgs {
    /// Whether no grid is asked for.
    pub fn is_default(&self) -> bool {
        self.grid.is_none()
            && self.like.is_none()
            && self.crs.is_none()
            && self.origin.is_none()
            && self.resolution.is_none()
    }

    /// The grid asked for; some tiles' names bring their own.
    pub fn base(&self, names: Option<Scheme>, tile: Option<TileSize>, ctx: &Ctx) -> anyhow::Result<BaseGrid> {
        let by_names = names.filter(|_| self.is_default()).and_then(|n| NamedGrid::of_tiles(n, tile));
        if let Some(name) = self.grid.as_deref().or(by_names) {
            let named = NamedGrid::find(name).or_usage()?;
            return Ok(BaseGrid {
                grid: named.pixel_grid(&ctx.projections)?,
                extent: Some(named.extent()),
                tile: Some(named.tile()?),
                names: names.map_or_else(|| named.names(), Ok)?,
            });
        }
        let names = names.unwrap_or_default();
        let tile = names.size();
        if let Some(path) = &self.like {
            let (grid, extent) = of_raster(path)?;
            return Ok(BaseGrid { grid, extent: Some(extent), tile, names });
        }
        let crs = ctx.projections.resolve(self.crs.as_deref().unwrap_or(LONLAT))?;
        let resolution = self.resolution.map(|r| Xy { x: r, y: r });
        Ok(BaseGrid { grid: PixelGrid::new(crs, self.origin, resolution)?, extent: None, tile, names })
    }
}

/// The size of tiles that was asked for, or the grid's usual one.
pub fn size(asked: Option<TileSize>, base: &BaseGrid) -> anyhow::Result<TileSize> {
    asked
        .or(base.tile)
        .ok_or_else(|| usage_hint("no tile size is given", "write --tile 200px, 2deg or 100000m"))
}

/// A raster's own grid, and its pixels on it, with longitudes as its file counts them.
pub fn of_raster(path: &Path) -> anyhow::Result<(PixelGrid, PixelRange)> {
    let raster = Raster::open(&RasterSource::new(path)).context("the raster of --like").or_usage()?;
    let geobox = raster.geobox();
    if !geobox.affine.is_north_up() {
        return Err(usage(format!("{} is not north-up; its grid can't be taken", path.display())));
    }
    let grid = PixelGrid {
        crs: geobox.crs.clone(),
        origin: raster.own_corner(),
        resolution: Xy { x: geobox.affine.a, y: -geobox.affine.e },
    };
    Ok((grid, PixelRange::of_shape(geobox.shape)))
}
