//! The tiles a project names.

use crate::{Project, RunError};
use seedbed_grid::{Projections, TileGrid};
use std::path::Path;

/// The project's tiles, from its grid file or from CRS, resolution and area.
pub(crate) fn tiles(project: &Project, _projections: &dyn Projections) -> Result<TileGrid, RunError> {
    let section = &project.grid;
    match &section.file {
        Some(file) => {
            let path = project.resolve(file);
            let text = std::fs::read(Path::new(&path))
                .map_err(|e| project.key_error("grid.file", format!("{path}: {e}")))?;
            serde_json::from_slice(&text).map_err(|e| project.key_error("grid.file", format!("{path}: {e}")))
        }
        None => Err(project.key_error("grid.file", "name a tiles.grid.json that `seedbed grid` wrote")),
    }
}
