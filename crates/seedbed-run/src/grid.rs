//! The tiles a project names.

use crate::{Project, RunError};
use seedbed_grid::{PixelGrid, Projections, Scheme, TileGrid, TileSize, Xy, cover};
use std::path::Path;

/// The project's tiles: from its grid file, or made from CRS, resolution, tile
/// size and area of interest.
pub(crate) fn tiles(project: &Project, projections: &dyn Projections) -> Result<TileGrid, RunError> {
    let section = &project.grid;
    let made = [
        ("crs", section.crs.is_some()),
        ("origin", section.origin.is_some()),
        ("resolution", section.resolution.is_some()),
        ("tile", section.tile.is_some()),
        ("aoi", section.aoi.is_some()),
    ];
    if let Some(file) = &section.file {
        if let Some((key, _)) = made.iter().find(|(_, given)| *given) {
            return Err(project.key_error(
                format!("grid.{key}"),
                "the grid file already says so; give either `file` or the others",
            ));
        }
        return TileGrid::read(Path::new(&project.resolve(file)))
            .map_err(|e| project.setting_error("grid.file", e));
    }
    let (Some(crs), Some(tile), Some(aoi)) = (&section.crs, &section.tile, &section.aoi) else {
        return Err(project.key_error("grid", "give either `file`, or `crs`, `tile` and `aoi`"));
    };
    let crs = projections.resolve(crs).map_err(|e| project.setting_error("grid.crs", e))?;
    let origin = section.origin.map(|[x, y]| Xy { x, y });
    let resolution = section.resolution.map(|r| Xy { x: r, y: r });
    let grid =
        PixelGrid::new(crs, origin, resolution).map_err(|e| project.setting_error("grid.resolution", e))?;
    let size: TileSize = tile.parse().map_err(|e| project.setting_error("grid.tile", e))?;
    let aoi = seedbed_raster::read_area(Path::new(&project.resolve(aoi)))
        .map_err(|e| project.setting_error("grid.aoi", e))?;
    let cover = cover(&grid, &aoi, size, Scheme::default(), projections)
        .map_err(|e| project.setting_error("grid.tile", e))?;
    Ok(cover.grid)
}
