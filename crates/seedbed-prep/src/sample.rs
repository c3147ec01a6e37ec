//! Values at points through time.

use crate::parallel::{cores, in_parallel};
use crate::stack::Part;
use crate::{PrepError, SourceAsset, Spool, Stack};
use seedbed_block::PixelRange;
use seedbed_grid::Projections;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A place by its name, in longitude and latitude of WGS 84.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPoint {
    /// What it is called.
    pub id: String,
    /// Degrees eastwards.
    pub longitude: f64,
    /// Degrees northwards.
    pub latitude: f64,
}

/// How pixels become the value at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointKernel {
    /// The pixel that the point lies in.
    #[default]
    Nearest,
    /// Linear between the centres of the four pixels around it; over those that have a
    /// value, where the one that the point lies in has.
    Bilinear,
}

/// What is asked of a stack at points.
#[derive(Debug, Clone, Copy)]
pub struct SampleRequest<'a> {
    /// The points.
    pub points: &'a [NamedPoint],
    /// How pixels become values.
    pub kernel: PointKernel,
    /// Whether tiles that were not made leave values empty.
    pub allow_holes: bool,
}

/// A point's values in every frame of a stack.
#[derive(Debug, Clone, PartialEq)]
pub struct PointValues<'a> {
    /// The point.
    pub point: &'a NamedPoint,
    /// In the frames' order; none where there is no value.
    pub values: Vec<Option<f64>>,
}

/// What became of the points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SampleReport {
    /// Points that lie in the stack's tiles.
    pub points: usize,
    /// Those that don't.
    pub outside: Vec<String>,
    /// Tiles and periods that were not made, of those with points.
    pub holes: Vec<String>,
    /// Values there are.
    pub values: usize,
    /// Values that are missing.
    pub missing: usize,
}

/// Where values go.
pub type PointSink<'a> = &'a mut dyn FnMut(PointValues<'_>) -> Result<(), PrepError>;

/// Bytes that the values of the points read together may take.
const MEMORY: usize = 256 << 20;

/// Nearest neighbours as gdalwarp's: a point on the edge but for bits lies beyond it.
const NUDGE: f64 = 1e-10;

/// The pixels that make the value at a point, the one it lies in first.
struct Place {
    point: usize,
    pixels: Vec<([i64; 2], f64)>,
}

/// The layers of one raster that frames are of.
struct Job<'a> {
    part: &'a Part,
    /// Frames by layer.
    layers: BTreeMap<usize, usize>,
    /// Pixels by their place among all that are wanted.
    pixels: Vec<(usize, [i64; 2])>,
}

/// Reads the values at points, and gives those of a point in all frames to `sink`, by
/// point in their order. Points beside the tiles are left out, and named in the report.
///
/// Of a COG only the blocks with points are read, of a cube its layers in one go.
///
/// # Errors
/// [`PrepError::Request`] if no point lies in a tile; [`PrepError::Holes`] for tiles that were
/// not made; what reading brings.
pub fn sample(
    stack: &Stack,
    request: SampleRequest<'_>,
    (spool, projections): (&Spool, &dyn Projections),
    sink: Option<PointSink<'_>>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<SampleReport, PrepError> {
    let SampleRequest { points, kernel, allow_holes } = request;
    let mut places = Vec::new();
    let mut outside = Vec::new();
    for (n, at) in positions(stack, points, projections)?.into_iter().enumerate() {
        let pixels = pixels(at, kernel);
        if pixels.first().is_some_and(|(pixel, _)| tile_of(stack, *pixel).is_some()) {
            places.push(Place { point: n, pixels });
        } else {
            outside.push(points[n].id.clone());
        }
    }
    if places.is_empty() {
        let reason = format!("none of the {} points lies in a tile of the product", points.len());
        return Err(PrepError::Request(reason));
    }
    let hit = |range: &PixelRange| places.iter().any(|p| p.pixels.iter().any(|(at, _)| holds(*range, *at)));
    let holes = stack.holes_of(hit, allow_holes)?;
    let mut report = SampleReport { points: places.len(), outside, holes, values: 0, missing: 0 };
    let Some(sink) = sink else { return Ok(report) };
    let each = stack.frames.len() * size_of::<f64>() * if kernel == PointKernel::Bilinear { 4 } else { 1 };
    let together = (MEMORY / each.max(1)).max(1);
    let total = places.len();
    progress(0, total);
    for (n, group) in places.chunks(together).enumerate() {
        let values = read(stack, group, spool)?;
        let mut first = 0;
        for place in group {
            let here = first..first + place.pixels.len();
            first = here.end;
            let value = |frame: &Vec<f64>| blended(&place.pixels, &frame[here.clone()]);
            let values: Vec<Option<f64>> = values.iter().map(value).collect();
            let there = values.iter().flatten().count();
            report.values += there;
            report.missing += values.len() - there;
            sink(PointValues { point: &points[place.point], values })?;
        }
        progress((n * together + group.len()).min(total), total);
    }
    Ok(report)
}

/// The points in fractional columns and rows of the stack's grid, by whole turns where
/// its tiles are; not numbers where the CRS has no such place.
#[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
fn positions(
    stack: &Stack,
    points: &[NamedPoint],
    projections: &dyn Projections,
) -> Result<Vec<(f64, f64)>, PrepError> {
    let wgs84 = projections.resolve("OGC:CRS84")?;
    let transform = projections.transform(&wgs84, &stack.grid.crs)?;
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.longitude, p.latitude)).unzip();
    transform.forward(&mut xs, &mut ys);
    let (grid, west) = (&stack.grid, stack.extent.col0 as f64);
    let turn = 360.0 / grid.resolution.x;
    let at = |(x, y): (f64, f64)| {
        let (col, row) = ((x - grid.origin.x) / grid.resolution.x, (grid.origin.y - y) / grid.resolution.y);
        let turned = if grid.crs.geographic { west + (col - west).rem_euclid(turn) } else { col };
        // A point that lies where the tiles begin must not go once around.
        let col = if (turned - west - turn).abs() < 1e-6 { west } else { turned };
        (col, row)
    };
    Ok(xs.into_iter().zip(ys).map(at).collect())
}

/// The pixels of a point with their weights, the one it lies in first.
#[expect(clippy::cast_possible_truncation, reason = "casts saturate, and no tile lies there")]
fn pixels((col, row): (f64, f64), kernel: PointKernel) -> Vec<([i64; 2], f64)> {
    if !col.is_finite() || !row.is_finite() {
        return Vec::new();
    }
    let own = [(row + NUDGE).floor() as i64, (col + NUDGE).floor() as i64];
    if kernel == PointKernel::Nearest {
        return vec![(own, 1.0)];
    }
    let (y, x) = ((row - 0.5).floor(), (col - 0.5).floor());
    let (v, u) = (row - 0.5 - y, col - 0.5 - x);
    let corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)];
    let mut all: Vec<([i64; 2], f64)> = corners
        .iter()
        .map(|(i, j)| {
            let weight = (1.0 - (i - v).abs()) * (1.0 - (j - u).abs());
            ([(y + i) as i64, (x + j) as i64], weight)
        })
        .filter(|(at, weight)| *weight > 0.0 || *at == own)
        .collect();
    all.sort_by_key(|(at, _)| *at != own);
    all
}

fn holds(range: PixelRange, [row, col]: [i64; 2]) -> bool {
    row >= range.row0 && row < range.row1() && col >= range.col0 && col < range.col1()
}

fn tile_of(stack: &Stack, pixel: [i64; 2]) -> Option<PixelRange> {
    stack.tiles.iter().copied().find(|range| holds(*range, pixel))
}

/// The weighted mean of the pixels that have a value, if the first has.
fn blended(pixels: &[([i64; 2], f64)], values: &[f64]) -> Option<f64> {
    if values.first().is_none_or(|own| own.is_nan()) {
        return None;
    }
    let there = || pixels.iter().zip(values).filter(|(_, v)| !v.is_nan());
    let weight: f64 = there().map(|((_, w), _)| w).sum();
    // The pixel itself, without any weight only on a line between centres.
    if weight <= 0.0 {
        return values.first().copied();
    }
    Some(there().map(|((_, w), v)| w * v).sum::<f64>() / weight)
}

/// The values of all pixels of some places in all frames, missing ones as NaN.
fn read(stack: &Stack, places: &[Place], spool: &Spool) -> Result<Vec<Vec<f64>>, PrepError> {
    let wanted: Vec<[i64; 2]> = places.iter().flat_map(|p| p.pixels.iter().map(|(at, _)| *at)).collect();
    let mut of_tile: HashMap<PixelRange, Vec<(usize, [i64; 2])>> = HashMap::new();
    for (n, pixel) in wanted.iter().enumerate() {
        if let Some(range) = tile_of(stack, *pixel) {
            of_tile.entry(range).or_default().push((n, *pixel));
        }
    }
    let mut jobs: Vec<Job<'_>> = Vec::new();
    let mut known: HashMap<*const SourceAsset, usize> = HashMap::new();
    for (frame, part) in
        stack.frames.iter().enumerate().flat_map(|(n, f)| f.parts.iter().map(move |p| (n, p)))
    {
        let Some(pixels) = of_tile.get(&part.range) else { continue };
        let n = *known.entry(Arc::as_ptr(&part.asset)).or_insert_with(|| {
            jobs.push(Job { part, layers: BTreeMap::new(), pixels: pixels.clone() });
            jobs.len() - 1
        });
        jobs[n].layers.insert(part.layer, frame);
    }
    let read = in_parallel(&jobs, cores(), |_, job| job.read(stack, spool), |_| ());
    let mut values = vec![vec![f64::NAN; wanted.len()]; stack.frames.len()];
    for found in read {
        for (frame, pixel, value) in found? {
            values[frame][pixel] = value;
        }
    }
    Ok(values)
}

impl Job<'_> {
    /// The values as frame, pixel and value.
    fn read(&self, stack: &Stack, spool: &Spool) -> Result<Vec<(usize, usize, f64)>, PrepError> {
        let raster = self.part.open(&stack.grid, spool)?;
        let range = self.part.range;
        let (Some(first), Some(last)) = (self.layers.keys().next(), self.layers.keys().next_back()) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::with_capacity(self.layers.len() * self.pixels.len());
        for (n, [row, col]) in &self.pixels {
            let window = PixelRange { row0: row - range.row0, col0: col - range.col0, rows: 1, cols: 1 };
            let values: Vec<f64> = raster.read_layers(*first..last + 1, window)?;
            found.extend(self.layers.iter().map(|(layer, frame)| (*frame, *n, values[layer - first])));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_lies_in_a_pixel_or_between_four() {
        assert_eq!(pixels((3.2, 7.9), PointKernel::Nearest), [([7, 3], 1.0)]);
        assert_eq!(pixels((4.0 - 1e-12, 7.0), PointKernel::Nearest), [([7, 4], 1.0)]);
        let around = pixels((3.25, 7.75), PointKernel::Bilinear);
        assert_eq!(around[0], ([7, 3], 0.75 * 0.75));
        assert_eq!(around.iter().map(|p| p.1).sum::<f64>(), 1.0);
        assert_eq!(pixels((3.5, 7.5), PointKernel::Bilinear), [([7, 3], 1.0)]);
        assert!(pixels((f64::NAN, 7.5), PointKernel::Bilinear).is_empty());
    }

    #[test]
    fn missing_neighbours_are_left_out_but_not_the_pixel_itself() {
        let around = pixels((3.25, 7.75), PointKernel::Bilinear);
        assert_eq!(blended(&around, &[2.0, f64::NAN, f64::NAN, f64::NAN]), Some(2.0));
        assert_eq!(blended(&around, &[f64::NAN, 1.0, 1.0, 1.0]), None);
        assert_eq!(blended(&around, &[4.0; 4]), Some(4.0));
    }
}
