//! Statistics of zones: polygons over a product's pixels, each pixel by its exact share.

mod gathered;
mod statistic;
mod weights;

pub use statistic::ZoneStatistic;

use crate::parallel::{cores, in_parallel};
use crate::stack::{Frame, Part};
use crate::{PrepError, SourceAsset, Spool, Stack};
use gathered::{Areas, Gathered};
use seedbed_block::PixelRange;
use seedbed_grid::{Projections, Run, Zone};
use seedbed_raster::Raster;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
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

/// Layers of one file that are read at once, and what their values may take in bytes.
const LAYERS: usize = 32;
const BYTES: usize = 64 << 20;

/// Bytes a pixel that keeping its value for a quantile takes.
const KEPT: u64 = 16;

/// Computes the statistics of all zones in all frames, and gives the rows to `sink`: by
/// frame, then in the zones' order.
///
/// Which pixels lie in which zone, by which share, is computed once. A frame's tiles are
/// read one after the other, some hundred rows at a time, on as many threads as there are
/// cores, and the dates of a cube some at a time; a zone that spans tiles is one row. Without `sink` nothing is read, and the
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
    let holes = stack.holes_of(touched, request.allow_holes)?;
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
    let total = stack.frames.len();
    progress(0, total);
    let frames: Vec<&Frame> = stack.frames.iter().collect();
    // Frames at once are few, so that rows come as they are known.
    for (n, frames) in frames.chunks(cores() * LAYERS).enumerate() {
        let behind = n * cores() * LAYERS;
        let most = if keeps_values(request) { 1 } else { LAYERS };
        let jobs = together(frames, most);
        let done = |job: usize| progress((behind + frames.len() * job / jobs.len()).min(total), total);
        let act = |_, job: &Vec<usize>| {
            let frames: Vec<&Frame> = job.iter().map(|n| frames[*n]).collect();
            reading.frames(&frames, &groups)
        };
        let mut rows: Vec<Vec<ZonalRow<'_>>> = vec![Vec::new(); frames.len()];
        for (job, found) in jobs.iter().zip(in_parallel(&jobs, cores(), act, done)) {
            for (n, found) in job.iter().zip(found?) {
                rows[*n] = found;
            }
        }
        for row in rows.into_iter().flatten() {
            report.empty += usize::from(row.valid <= 0.0);
            sink(row)?;
        }
    }
    Ok(report)
}

fn keeps_values(request: &ZonalRequest<'_>) -> bool {
    request.statistics.iter().any(|s| s.needs_values())
}

/// Frames of the same files, by their places, at most so many together: a chunk of a cube
/// holds many dates, and is inflated but once for them.
fn together(frames: &[&Frame], most: usize) -> Vec<Vec<usize>> {
    let mut jobs: Vec<Vec<usize>> = Vec::new();
    let mut open: HashMap<Vec<*const SourceAsset>, usize> = HashMap::new();
    for (n, frame) in frames.iter().enumerate() {
        let files = frame.parts.iter().map(|part| Arc::as_ptr(&part.asset)).collect();
        let job = *open
            .entry(files)
            .and_modify(|job| {
                if jobs[*job].len() >= most {
                    *job = jobs.len();
                }
            })
            .or_insert(jobs.len());
        if job == jobs.len() {
            jobs.push(Vec::new());
        }
        jobs[job].push(n);
    }
    jobs
}

/// The zones in ranges whose values fit the memory together; one range where none are kept.
fn groups(request: &ZonalRequest<'_>, zones: &[ZoneExtent]) -> Result<Vec<Range<usize>>, PrepError> {
    if !keeps_values(request) {
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
    /// The rows of frames of the same files, frame by frame and zone by zone.
    fn frames<'f>(
        &self,
        frames: &[&'f Frame],
        groups: &[Range<usize>],
    ) -> Result<Vec<Vec<ZonalRow<'f>>>, PrepError> {
        let mut rows: Vec<Vec<ZonalRow<'f>>> = vec![Vec::new(); frames.len()];
        let keep = keeps_values(self.request);
        for group in groups {
            let none: Vec<Gathered> = group.clone().map(|_| Gathered::new(keep)).collect();
            let mut gathered = vec![none; frames.len()];
            let Some(first) = frames.first() else { continue };
            for (n, part) in first.parts.iter().enumerate() {
                if let Some(weights) = self.weights.tiles.iter().find(|t| t.range == part.range) {
                    let layers: Vec<usize> = frames.iter().map(|frame| frame.parts[n].layer).collect();
                    self.part(part, &layers, weights, group, &mut gathered)?;
                }
            }
            for ((frame, rows), gathered) in frames.iter().zip(&mut rows).zip(gathered) {
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
        }
        Ok(rows)
    }

    /// Adds layers of a tile to the zones of a group, layer by layer.
    fn part(
        &self,
        part: &Part,
        layers: &[usize],
        weights: &TileWeights,
        group: &Range<usize>,
        gathered: &mut [Vec<Gathered>],
    ) -> Result<(), PrepError> {
        let zones: Vec<&(usize, Vec<Run>)> =
            weights.zones.iter().filter(|(zone, _)| group.contains(zone)).collect();
        let rows = zones.iter().filter_map(|(_, runs)| Some((runs.first()?.row, runs.last()?.row)));
        let Some((first, last)) = rows.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { return Ok(()) };
        let raster = part.open(&self.stack.grid, self.spool)?;
        let cols = weights.range.shape().cols;
        let mut areas = vec![0.0; cols];
        let strip = (BYTES / (8 * cols * layers.len()).max(1)).clamp(1, STRIP);
        let (first, end) = (first as usize / strip * strip, last as usize + 1);
        for top in (first..end).step_by(strip) {
            let bottom = (top + strip).min(end);
            let whole = |n: usize| n.cast_signed() as i64;
            let window =
                PixelRange { row0: whole(top), col0: 0, rows: whole(bottom - top), cols: weights.range.cols };
            let values = read(&raster, layers, window)?;
            for (plane, gathered) in values.chunks_exact(window.shape().len()).zip(&mut *gathered) {
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
                        let pixels = &plane[line + within.start..line + within.end];
                        sums.add(pixels, run.share, same.map_or(Areas::Each(&areas[within]), Areas::Same));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Layers of a window, one after the other; those that follow each other in one go.
fn read(raster: &Raster, layers: &[usize], window: PixelRange) -> Result<Vec<f64>, PrepError> {
    let mut values = Vec::with_capacity(layers.len() * window.shape().len());
    for run in layers.chunk_by(|a, b| a + 1 == *b) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            values.append(&mut raster.read_layers(*first..last + 1, window)?);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_one_file_are_read_together() {
        let asset = |item: &str| {
            let item = seedbed_catalog::Item::from_value(serde_json::json!({
                "type": "Feature", "stac_version": "1.1.0", "id": item, "geometry": null, "links": [],
                "properties": { "datetime": "2003-01-01T00:00:00Z" },
                "assets": { "a": { "href": format!("/{item}.tif") } },
            }));
            let item = item.unwrap();
            let found = item.asset("a").unwrap();
            Arc::new(SourceAsset::stated(&item, &found, &seedbed_raster::Proj).unwrap())
        };
        let (cube, other) = (asset("cube"), asset("other"));
        let range = PixelRange { row0: 0, col0: 0, rows: 1, cols: 1 };
        let frame = |asset: &Arc<SourceAsset>, layer: usize| Frame {
            period: layer.to_string(),
            days: "2003".parse().unwrap(),
            variable: "a".to_owned(),
            unit: None,
            parts: vec![Part { asset: asset.clone(), layer, range }],
        };
        let frames: Vec<Frame> =
            (0..6).map(|n| frame(if n % 2 == 0 { &cube } else { &other }, n / 2)).collect();
        let frames: Vec<&Frame> = frames.iter().collect();
        assert_eq!(together(&frames, 32), [vec![0, 2, 4], vec![1, 3, 5]]);
        assert_eq!(together(&frames, 2), [vec![0, 2], vec![1, 3], vec![4], vec![5]]);
        assert_eq!(together(&frames, 1).len(), 6);
    }
}
