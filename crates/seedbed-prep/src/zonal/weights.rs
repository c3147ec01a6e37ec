//! Which pixels of which tile lie in which zone: made once, used for all frames.

use crate::{PrepError, Stack};
use seedbed_block::PixelRange;
use seedbed_grid::{Footprint, PixelAreas, Projections, Run, Zone, area_on_earth};

/// The zones on all tiles.
pub(crate) struct Weights {
    /// One a tile that some zone touches, in the tiles' order.
    pub(crate) tiles: Vec<TileWeights>,
    /// One a zone.
    pub(crate) zones: Vec<ZoneExtent>,
    /// How pixels' areas are known.
    pub(crate) method: &'static str,
}

/// The zones on one tile.
pub(crate) struct TileWeights {
    pub(crate) range: PixelRange,
    pub(crate) areas: PixelAreas,
    /// By zone, the runs in order of rows.
    pub(crate) zones: Vec<(usize, Vec<Run>)>,
}

/// How large a zone is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ZoneExtent {
    /// Square metres, all of it.
    pub(crate) area: f64,
    /// The share of it that lies in tiles.
    pub(crate) inside: f64,
    /// Pixels it touches.
    pub(crate) pixels: usize,
}

/// Shares of pixels are off by less, so that a zone that lacks no more lies inside.
const WHOLE: f64 = 1e-9;

impl Weights {
    pub(crate) fn new(
        stack: &Stack,
        zones: &[Zone],
        projections: &dyn Projections,
    ) -> Result<Self, PrepError> {
        let place = |zone| Footprint::of_zone(&stack.grid, zone, stack.extent, projections);
        let footprints = zones.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let ranges: Vec<Option<PixelRange>> = footprints.iter().map(Footprint::range).collect();
        let mut sums = vec![(0.0, 0.0, 0); zones.len()];
        let mut tiles = Vec::new();
        let mut method = "";
        for range in &stack.tiles {
            let mut found = Vec::new();
            for (n, footprint) in footprints.iter().enumerate() {
                // Only the rows and columns around the zone, counted from the tile's corner.
                let Some(window) = ranges[n].and_then(|r| r.intersection(*range)) else { continue };
                let (down, right) = (offset(window.row0 - range.row0), offset(window.col0 - range.col0));
                let mut runs = footprint.shares(window);
                for run in &mut runs {
                    run.row += down;
                    run.col += right;
                }
                if !runs.is_empty() {
                    found.push((n, runs));
                }
            }
            if found.is_empty() {
                continue;
            }
            let areas = PixelAreas::new(&stack.grid, *range, projections)?;
            method = areas.method();
            let mut row = vec![0.0; range.shape().cols];
            for (n, runs) in &found {
                let (area, pixels, touched) = &mut sums[*n];
                for run in runs {
                    *pixels += run.share * f64::from(run.cols);
                    *touched += run.cols as usize;
                    *area += run.share * total(&areas, run, &mut row);
                }
            }
            tiles.push(TileWeights { range: *range, areas, zones: found });
        }
        let extent =
            |((zone, footprint), (area, pixels, touched)): ((&Zone, &Footprint), (f64, f64, usize))| {
                let whole = footprint.area();
                if pixels >= whole * (1.0 - WHOLE) && pixels > 0.0 {
                    return ZoneExtent { area, inside: 1.0, pixels: touched };
                }
                let same = stack.grid_pixel_area(projections);
                let all = same.map_or_else(|| area_on_earth(zone.area()), |pixel| pixel * whole).max(area);
                ZoneExtent { area: all, inside: if all > 0.0 { area / all } else { 0.0 }, pixels: touched }
            };
        let zones = zones.iter().zip(&footprints).zip(sums).map(extent).collect();
        Ok(Self { tiles, zones, method })
    }
}

impl Stack {
    /// The area of every pixel, where all have the same.
    fn grid_pixel_area(&self, projections: &dyn Projections) -> Option<f64> {
        let one = PixelRange { rows: 1, cols: 1, ..self.extent };
        let areas = PixelAreas::new(&self.grid, one, projections).ok()?;
        areas.equal()
    }
}

fn offset(pixels: i64) -> u32 {
    u32::try_from(pixels).unwrap_or(0)
}

/// Square metres of a run's pixels, whole.
fn total(areas: &PixelAreas, run: &Run, row: &mut [f64]) -> f64 {
    match areas.row(run.row as usize, row) {
        Some(area) => area * f64::from(run.cols),
        None => row[run.col as usize..][..run.cols as usize].iter().sum(),
    }
}
