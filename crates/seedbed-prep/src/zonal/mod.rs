//! Statistics of zones: polygons over a product's pixels, each pixel by its exact share.

mod gathered;
mod statistic;
mod weights;

pub use statistic::ZoneStatistic;

use crate::parallel::{cores, in_parallel};
use crate::stack::{Frame, Part};
use crate::{PrepError, Spool, Stack};
use gathered::{Areas, Gathered};
use seedbed_block::PixelRange;
use seedbed_grid::{Projections, Zone};
use serde::Serialize;
use std::ops::Range;
use weights::{TileWeights, Weights, ZoneExtent};

/// What is asked of a stack's frames.
#[derive(Debug, Clone)]
pub struct ZonalRequest<'a> {
    /// The zones.
    pub zones: &'a [Zone],
    /// What is told of each, in this order.
    pub statistics: &'a [ZoneStatistic],
    /// Whether tiles that were not made may be left out, which the shares then say.
    pub allow_holes: bool,
    /// Bytes that values kept for quantiles may take.
    pub memory: u64,
}

/// One zone in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ZonalRow<'a> {
    /// The zone's place in the request.
    pub zone: usize,
    /// The frame's period.
    pub period: &'a str,
    /// The variable.
    pub variable: &'a str,
    /// Unit of the values, if one is known.
    pub unit: Option<&'a str>,
    /// The statistics in the request's order; none where no pixel had a value.
    pub statistics: Vec<Option<f64>>,
    /// The zone's area in square metres, on Earth.
    pub area: f64,
    /// The share of that area where there are values.
    pub valid: f64,
}

/// Where rows go.
pub type ZonalSink<'a> = &'a mut dyn FnMut(ZonalRow<'_>) -> Result<(), PrepError>;

/// What became of the zones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZonalReport {
    /// How many zones.
    pub zones: usize,
    /// Periods and variables.
    pub frames: usize,
    /// Rows: zones × frames.
    pub rows: usize,
    /// How pixels' areas are known.
    pub areas: &'static str,
    /// Zones that lie outside of all tiles.
    pub outside: Vec<String>,
    /// Zones that lie inside in part, with the share that does.
    pub partly: Vec<(String, f64)>,
    /// Tiles and periods that were not made, of those that zones touch.
    pub holes: Vec<String>,
    /// Rows of zones without any value.
    pub empty: usize,
}

/// The rows of pixels that are read at once: a whole number of a COG's blocks.
const STRIP: usize = 512;

/// Bytes a pixel that keeping its value for a quantile takes.
const KEPT: u64 = 16;

/// Computes the statistics of all zones in all frames, and gives the rows to `sink`: by
/// frame, then in the zones' order.
///
/// Which pixels lie in which zone, by which share, is computed once. A frame's tiles are
/// read one after the other, [`STRIP`] rows at a time, on as many threads as there are
/// cores; a zone that spans tiles is one row. Without `sink` nothing is read, and the
/// report tells what there is to do.
///
/// # Errors
/// [`PrepError::Request`] if no zone touches a tile, or the values of one don't fit the
/// memory that quantiles may take; [`PrepError::Holes`] for tiles that were not made; what
/// reading brings.
pub fn zonal(
    stack: &Stack,
    request: &ZonalRequest<'_>,
    spool: &Spool,
    projections: &dyn Projections,
    sink: Option<ZonalSink<'_>>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ZonalReport, PrepError> {
    let weights = Weights::new(stack, request.zones, projections)?;
    let touched = |range: &PixelRange| weights.tiles.iter().any(|t| t.range == *range);
    let holes: Vec<String> =
        stack.holes.iter().filter(|(range, _)| touched(range)).map(|(_, name)| name.clone()).collect();
    let named = |n: usize| request.zones[n].id().to_owned();
    let inside = |n: usize| weights.zones[n].inside;
    let all = 0..request.zones.len();
    let outside: Vec<String> = all.clone().filter(|n| inside(*n) <= 0.0).map(named).collect();
    let partly: Vec<(String, f64)> =
        all.filter(|n| inside(*n) > 0.0 && inside(*n) < 1.0).map(|n| (named(n), inside(n))).collect();
    if outside.len() == request.zones.len() {
        let reason = format!("none of the {} zones touches a tile of the product", outside.len());
        return Err(PrepError::Request(reason));
    }
    if !holes.is_empty() && !request.allow_holes {
        let mut first: Vec<String> = holes.iter().take(5).cloned().collect();
        first.extend((holes.len() > 5).then(|| "…".to_owned()));
        let expected = stack.frames.iter().map(|f| f.parts.len()).sum::<usize>() + holes.len();
        return Err(PrepError::Holes { count: holes.len(), expected, tiles: first.join(", ") });
    }
    let mut report = ZonalReport {
        zones: request.zones.len(),
        frames: stack.frames.len(),
        rows: stack.frames.len() * request.zones.len(),
        areas: weights.method,
        outside,
        partly,
        holes,
        empty: 0,
    };
    let groups = groups(request, &weights.zones)?;
    let Some(sink) = sink else { return Ok(report) };
    let reading = Reading { stack, request, weights: &weights, spool };
    progress(0, stack.frames.len());
    // Frames at once are few, so that rows come as they are known.
    let at_once = cores();
    let frames: Vec<&Frame> = stack.frames.iter().collect();
    for (n, frames) in frames.chunks(at_once * 4).enumerate() {
        let behind = n * at_once * 4;
        let done = |frame: usize| progress(behind + frame, stack.frames.len());
        for rows in in_parallel(frames, at_once, |_, frame| reading.frame(frame, &groups), done) {
            for row in rows? {
                report.empty += usize::from(row.valid <= 0.0);
                sink(row)?;
            }
        }
    }
    Ok(report)
}

/// The zones in ranges whose values fit the memory together; one range where none are kept.
fn groups(request: &ZonalRequest<'_>, zones: &[ZoneExtent]) -> Result<Vec<Range<usize>>, PrepError> {
    if !request.statistics.iter().any(|s| s.needs_values()) {
        return Ok(std::iter::once(0..zones.len()).collect());
    }
    // Each of the frames at once keeps its own.
    let each = request.memory / cores() as u64;
    let (mut groups, mut start, mut held) = (Vec::new(), 0, 0);
    for (n, zone) in zones.iter().enumerate() {
        let needed = zone.pixels as u64 * KEPT;
        if needed > each {
            return Err(PrepError::Request(format!(
                "zone `{}` has {} pixels: their quantile takes {} MB of memory; allow more, or ask for no quantile",
                request.zones[n].id(),
                zone.pixels,
                needed.saturating_mul(cores() as u64).div_ceil(1_000_000)
            )));
        }
        if held + needed > each {
            groups.push(start..n);
            (start, held) = (n, 0);
        }
        held += needed;
    }
    groups.push(start..zones.len());
    Ok(groups)
}

/// What reading a frame takes.
struct Reading<'a> {
    stack: &'a Stack,
    request: &'a ZonalRequest<'a>,
    weights: &'a Weights,
    spool: &'a Spool,
}

impl Reading<'_> {
    /// A frame's rows, zone by zone.
    fn frame<'f>(&self, frame: &'f Frame, groups: &[Range<usize>]) -> Result<Vec<ZonalRow<'f>>, PrepError> {
        let mut rows = Vec::with_capacity(self.request.zones.len());
        let keep = self.request.statistics.iter().any(|s| s.needs_values());
        for group in groups {
            let mut gathered: Vec<Gathered> = group.clone().map(|_| Gathered::new(keep)).collect();
            for part in &frame.parts {
                let weights = self.weights.tiles.iter().find(|t| t.range == part.range);
                if let Some(weights) = weights {
                    self.part(part, weights, group, &mut gathered)?;
                }
            }
            for (zone, mut sums) in group.clone().zip(gathered) {
                let area = self.weights.zones[zone].area;
                rows.push(ZonalRow {
                    zone,
                    period: &frame.period,
                    variable: &frame.variable,
                    unit: frame.unit.as_deref(),
                    statistics: sums.finish(self.request.statistics),
                    area,
                    valid: if area > 0.0 { (sums.weight() / area).min(1.0) } else { 0.0 },
                });
            }
        }
        Ok(rows)
    }

    /// Adds a tile's pixels to the zones of a group.
    fn part(
        &self,
        part: &Part,
        weights: &TileWeights,
        group: &Range<usize>,
        gathered: &mut [Gathered],
    ) -> Result<(), PrepError> {
        let zones: Vec<&(usize, Vec<seedbed_grid::Run>)> =
            weights.zones.iter().filter(|(zone, _)| group.contains(zone)).collect();
        let rows = zones.iter().filter_map(|(_, runs)| Some((runs.first()?.row, runs.last()?.row)));
        let Some((first, last)) = rows.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { return Ok(()) };
        let raster = part.open(&self.stack.grid, self.spool)?;
        let cols = weights.range.shape().cols;
        let mut areas = vec![0.0; cols];
        let (first, end) = (first as usize / STRIP * STRIP, last as usize + 1);
        for top in (first..end).step_by(STRIP) {
            let bottom = (top + STRIP).min(end);
            let whole = |n: usize| n.cast_signed() as i64;
            let window =
                PixelRange { row0: whole(top), col0: 0, rows: whole(bottom - top), cols: weights.range.cols };
            let values: Vec<f64> = raster.read(part.layer, window)?;
            for (zone, runs) in &zones {
                let from = runs.partition_point(|run| (run.row as usize) < top);
                let to = runs.partition_point(|run| (run.row as usize) < bottom);
                let sums = &mut gathered[*zone - group.start];
                let mut known = None;
                let mut same = None;
                for run in &runs[from..to] {
                    if known != Some(run.row) {
                        (known, same) = (Some(run.row), weights.areas.row(run.row as usize, &mut areas));
                    }
                    let within = run.col as usize..(run.col + run.cols) as usize;
                    let line = (run.row as usize - top) * cols;
                    let pixels = &values[line + within.start..line + within.end];
                    sums.add(pixels, run.share, same.map_or(Areas::Each(&areas[within]), Areas::Same));
                }
            }
        }
        Ok(())
    }
}
