//! Pixels that outputs have: those of an area.

use crate::{Project, RunError};
use seedbed_block::PixelRange;
use seedbed_grid::{Aoi, Footprint, PixelRule, Projections, Run, Tile, TileGrid};
use seedbed_prep::{PrepError, Target, TaskKey};
use serde_json::{Value, json};
use std::path::Path;

/// The mask of a project's outputs.
#[derive(Debug)]
pub(crate) struct OutputMask {
    footprint: Footprint,
    rule: PixelRule,
    area: String,
}

impl OutputMask {
    /// The mask that `[output]` asks for, if any.
    pub(crate) fn of(
        project: &Project,
        grid: &TileGrid,
        projections: &dyn Projections,
    ) -> Result<Option<Self>, RunError> {
        let rule = project.output.mask_rule;
        let Some(text) = &project.output.mask else {
            return match rule {
                Some(_) => {
                    Err(project.key_error("output.mask_rule", "there is no `mask` that it could be of"))
                }
                None => Ok(None),
            };
        };
        let text = match (text.as_str(), &project.grid.aoi) {
            ("aoi", Some(aoi)) => aoi,
            ("aoi", None) => {
                let message = "`aoi` means the area in [grid], which has none: name a file of polygons";
                return Err(project.key_error("output.mask", message));
            }
            _ => text,
        };
        let area = crate::grid::area(project, "output.mask", text)?;
        let extent = grid.tiles.iter().map(|t| t.range).reduce(PixelRange::union);
        let extent = extent.ok_or_else(|| project.key_error("grid", "there are no tiles"))?;
        let footprint = Footprint::of(&grid.grid, &area, extent, projections)
            .map_err(|e| project.setting_error("output.mask", e))?;
        Ok(Some(Self { footprint, rule: rule.unwrap_or_default(), area: name(text, &area) }))
    }

    /// Leaves out the tiles without a pixel of the area; gives their names.
    pub(crate) fn keep_tiles(&self, project: &Project, grid: &mut TileGrid) -> Result<Vec<String>, RunError> {
        let has_any = |tile: &Tile| !self.footprint.pixels(tile.range, self.rule).is_empty();
        let (kept, left): (Vec<Tile>, Vec<Tile>) =
            std::mem::take(&mut grid.tiles).into_iter().partition(has_any);
        grid.tiles = kept;
        if grid.tiles.is_empty() {
            return Err(project.key_error("output.mask", format!("no tile has a pixel of {}", self.area)));
        }
        Ok(left.into_iter().map(|tile| tile.name).collect())
    }

    /// Makes the values of a tile's pixels outside of the area missing.
    pub(crate) fn apply(&self, target: &Target, values: &mut [f64]) {
        let cols = target.geobox.shape.cols;
        let mut next = 0;
        for run in self.runs(target) {
            let start = run.row as usize * cols + run.col as usize;
            values[next..start].fill(f64::NAN);
            next = start + run.cols as usize;
        }
        values[next..].fill(f64::NAN);
    }

    /// What a tile's products depend on: the area's pixels in it, wherever else it reaches.
    pub(crate) fn key(&self, target: &Target) -> Result<TaskKey, PrepError> {
        let runs: Vec<[u32; 3]> = self.runs(target).iter().map(|r| [r.row, r.col, r.cols]).collect();
        TaskKey::of(&("mask", runs))
    }

    /// As it stands in records.
    pub(crate) fn record(&self) -> Value {
        json!({ "area": self.area, "rule": self.rule })
    }

    fn runs(&self, target: &Target) -> Vec<Run> {
        let PixelRange { rows, cols, .. } = PixelRange::of_shape(target.geobox.shape);
        let range = PixelRange { row0: target.anchor.row, col0: target.anchor.col, rows, cols };
        self.footprint.pixels(range, self.rule)
    }
}

/// An area as records name it: a file without its folders.
fn name(text: &str, area: &Aoi) -> String {
    if seedbed_grid::aoi::is_wkt(text) {
        return "text".to_owned();
    }
    let file = Path::new(text).file_name().or_else(|| Path::new(area.what()).file_name());
    file.map_or_else(|| "area".to_owned(), |name| name.to_string_lossy().into_owned())
}
