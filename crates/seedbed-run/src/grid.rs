//! The tiles a project names.

use crate::{Project, RunError};
use seedbed_grid::{
    Aoi, GridError, NamedGrid, PixelGrid, Projections, Scheme, TileGrid, TileSize, Xy, cover, cover_within,
};
use std::path::Path;

/// The project's tiles: from its grid file, of a well-known grid, or made from CRS,
/// resolution, tile size and area of interest.
pub(crate) fn tiles(project: &Project, projections: &dyn Projections) -> Result<TileGrid, RunError> {
    let section = &project.grid;
    let failed = |key: &str, error: GridError| project.setting_error(format!("grid.{key}"), error);
    // What says it all, and the keys that may stand beside it.
    let (whole, beside): (&str, &[&str]) = match (&section.file, &section.name) {
        (Some(_), _) => ("file", &[]),
        (None, Some(_)) => ("name", &["tile", "aoi"]),
        (None, None) => ("", &["crs", "origin", "resolution", "tile", "aoi"]),
    };
    let given = [
        ("name", section.name.is_some() && whole != "name"),
        ("crs", section.crs.is_some()),
        ("origin", section.origin.is_some()),
        ("resolution", section.resolution.is_some()),
        ("tile", section.tile.is_some()),
        ("aoi", section.aoi.is_some()),
    ];
    if let Some((key, _)) = given.iter().find(|(key, given)| *given && !beside.contains(key)) {
        return Err(project.key_error(
            format!("grid.{key}"),
            format!("`{whole}` already says so; give either it or the others"),
        ));
    }
    if let Some(file) = &section.file {
        return TileGrid::read(Path::new(&project.resolve(file))).map_err(|e| failed("file", e));
    }
    let size = section.tile.as_ref().map(|t| t.parse::<TileSize>()).transpose();
    let size = size.map_err(|e| failed("tile", e))?;
    let aoi = section.aoi.as_ref().map(|text| area(project, "grid.aoi", text)).transpose()?;
    if let Some(name) = &section.name {
        let named = NamedGrid::find(name).map_err(|e| failed("name", e))?;
        let tiles = || -> Result<TileGrid, GridError> {
            let (grid, size) = (named.pixel_grid(projections)?, size.map_or_else(|| named.tile(), Ok)?);
            Ok(cover_within(&grid, named.extent(), aoi.as_ref(), size, named.names()?, projections)?.grid)
        };
        return tiles().map_err(|e| failed("name", e));
    }
    let (Some(crs), Some(size), Some(aoi)) = (&section.crs, size, aoi) else {
        return Err(project.key_error("grid", "give `file`, or `name`, or `crs`, `tile` and `aoi`"));
    };
    let crs = projections.resolve(crs).map_err(|e| project.setting_error("grid.crs", e))?;
    let origin = section.origin.map(|[x, y]| Xy { x, y });
    let resolution = section.resolution.map(|r| Xy { x: r, y: r });
    let grid = PixelGrid::new(crs, origin, resolution).map_err(|e| failed("resolution", e))?;
    let cover = cover(&grid, &aoi, size, Scheme::default(), projections).map_err(|e| failed("tile", e))?;
    Ok(cover.grid)
}

/// The area that a key names: a file, or well-known text.
pub(crate) fn area(project: &Project, key: &str, text: &str) -> Result<Aoi, RunError> {
    let path = project.resolve(text);
    seedbed_raster::area_of(text, Path::new(&path)).map_err(|e| project.setting_error(key, e))
}
