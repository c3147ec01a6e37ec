//! A plan, applied: patch by patch, many layers at once.
//!
//! A patch is a few neighbouring cells of the target's grid. Where many pixels can be had by the same
//! instructions it is filled [directly](super::direct). Elsewhere the part of the source under it is laid out
//! pixel by pixel, the layers beside each other, so that it stays in the processor's cache while each target
//! pixel's samples are blended on all layers by the same instructions.

use super::area::Bounds;
use super::boxes::Boxes;
use super::build::{Planned, Samples, offset};
use super::coordinates::{Frame, WIDTH};
use super::direct;
use super::lanes::{Lanes, bilinear_row, cubic, deinterleave, interleave, nearest};
use super::lists::Reduce;
use super::places::Row;
use super::samples::Fours;
use super::spans::Span;
use crate::Resampling;
use seedbed_block::simd::{Level, Work, prefetch, prefetch_to_write};
use seedbed_block::{PixelRange, Real, Shape2d};
use std::ops::Range;

/// Cells of a patch: rows and columns.
const PATCH: (i64, i64) = (1, 4);
/// Source pixels under a patch, beyond which its cells are laid out one by one.
const REACH: usize = 24 << 10;

/// What all patches of a plan have in common.
pub struct Common {
    pub resampling: Resampling,
    pub frame: Frame,
    /// The source's rows and columns.
    pub size: (i64, i64),
    /// Its extent.
    pub bounds: Bounds,
    /// The target's pixels on its grid.
    pub range: PixelRange,
    /// The source's pixels that are at hand.
    pub window: PixelRange,
}

/// Neighbouring cells.
pub struct Patch {
    cells: Range<usize>,
    /// The source pixels that they need.
    reach: Option<PixelRange>,
}

/// Patches beside each other, over the target's whole width.
pub struct Strip {
    /// Rows of the target.
    pub rows: Range<usize>,
    pub patches: Vec<Patch>,
}

impl Strip {
    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.patches.capacity() * size_of::<Patch>()
    }
}

/// Sorts cells into strips of patches.
pub fn strips(cells: &mut [Planned], range: PixelRange) -> Vec<Strip> {
    let patch_of = |cell: &Planned| (cell.at.0.div_euclid(PATCH.0), cell.at.1.div_euclid(PATCH.1));
    cells.sort_by_key(|cell| (patch_of(cell), cell.at));
    let mut strips: Vec<Strip> = Vec::new();
    let mut first = 0;
    for group in cells.chunk_by(|a, b| patch_of(a) == patch_of(b)) {
        let all = first..first + group.len();
        first = all.end;
        let row = |row: i64| usize::try_from(row - range.row0).unwrap_or(0);
        let top = group.iter().map(|c| c.part.row0).min().map_or(0, row);
        let bottom = group.iter().map(|c| c.part.row1()).max().map_or(0, row);
        if strips.last().is_none_or(|strip| strip.rows.start != top) {
            strips.push(Strip { rows: top..bottom, patches: Vec::new() });
        }
        let Some(strip) = strips.last_mut() else { continue };
        let reach = group.iter().filter_map(|c| c.reach).reduce(PixelRange::union);
        let is_laid_out = !matches!(group[0].samples, Samples::Boxes(_));
        if is_laid_out && reach.is_some_and(|r| r.shape().len() > REACH) {
            let one = |(n, cell): (usize, &Planned)| Patch { cells: n..n + 1, reach: cell.reach };
            strip.patches.extend(all.zip(group).map(one));
        } else {
            strip.patches.push(Patch { cells: all, reach });
        }
    }
    strips
}

/// Room that is used again from patch to patch.
pub struct Room<T> {
    /// The source under a patch.
    source: Vec<T>,
    /// A row of a cell, or of a patch.
    pub row: Vec<T>,
    /// What is blended for no layer.
    pub spare: Vec<T>,
    pub fours: Fours<T>,
    /// Those of a patch, row by row.
    pub spans: Vec<Span>,
    /// Those of a patch, row by row.
    pub boxes: Boxes<T>,
}

impl<T> Default for Room<T> {
    fn default() -> Self {
        Self {
            source: Vec::new(),
            row: Vec::new(),
            spare: Vec::new(),
            fours: Fours::default(),
            spans: Vec::new(),
            boxes: Boxes::default(),
        }
    }
}

/// A strip to be filled.
pub struct Fill<'a, 'b, T> {
    pub common: &'a Common,
    /// All of the plan's.
    pub cells: &'a [Planned],
    pub strip: &'a Strip,
    /// The window's pixels on each layer.
    pub source: &'a [T],
    /// The strip's rows on each layer.
    pub out: &'a mut [&'b mut [T]],
    pub room: &'a mut Room<T>,
    /// The instructions by which it is filled.
    pub level: Level,
}

/// Cells whose source is at hand.
#[derive(Clone, Copy)]
pub struct Ready<'a, T> {
    pub common: &'a Common,
    pub strip: &'a Strip,
    pub cells: &'a [Planned],
    /// The window's pixels on each layer.
    pub source: &'a [T],
    /// What the cells need of it.
    pub reach: PixelRange,
    pub level: Level,
}

impl<T: Real> Work for Fill<'_, '_, T> {
    #[inline(always)]
    fn run(self) {
        let Self { common, cells, strip, source, out, room, level } = self;
        for patch in &strip.patches {
            let cells = &cells[patch.cells.clone()];
            let Some(reach) = patch.reach else {
                for (row, cols) in cells.iter().flat_map(|cell| lines(common, strip, cell)) {
                    for layer in out.iter_mut() {
                        layer[row.clone()][cols.clone()].fill(T::NAN);
                    }
                }
                continue;
            };
            let ready = Ready { common, strip, cells, source, reach, level };
            if direct::by_spans(ready, out, room) || direct::by_boxes(ready, out, room) {
                continue;
            }
            locate(common, cells, reach, &mut room.fours);
            let mut first = 0;
            while first < out.len() {
                let left = &mut out[first..];
                first += match left.len() {
                    16.. => group::<T, 16>(ready, first, left, room),
                    8.. => group::<T, 8>(ready, first, left, room),
                    // Some lanes without a layer cost less than each layer alone.
                    2.. => group::<T, 4>(ready, first, left, room),
                    _ => group::<T, 1>(ready, first, left, room),
                };
            }
        }
    }
}

/// A cell's rows in a strip and its columns in them.
pub fn lines(
    common: &Common,
    strip: &Strip,
    cell: &Planned,
) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let width = common.range.shape().cols;
    let place = |index: i64, from: i64| usize::try_from(index - from).unwrap_or(0);
    let top = place(cell.part.row0, common.range.row0) - strip.rows.start;
    let left = place(cell.part.col0, common.range.col0);
    let Shape2d { rows, cols } = cell.part.shape();
    (top..top + rows).map(move |row| (row * width..(row + 1) * width, left..left + cols))
}

/// The source points of a cell's row `r`, counted within its part: columns of the part.
#[inline(always)]
fn points(common: &Common, cell: &Planned, r: i64, row: &mut Row) -> Option<Range<usize>> {
    let Samples::Points(centres) = &cell.samples else { return None };
    centres.row(&common.frame, cell.at, offset(cell.part.row0 + r, cell.at.0), row);
    let first = offset(cell.part.col0, cell.at.1);
    Some(first..first + cell.part.shape().cols)
}

/// The neighbours of every pixel of those cells that are sampled at points.
#[inline(always)]
pub fn locate<T: Real>(common: &Common, cells: &[Planned], reach: PixelRange, fours: &mut Fours<T>) {
    fours.reset(cells.iter().map(|cell| cell.part.shape().len()).sum());
    let (mut row, mut next) = (Row::default(), 0);
    for cell in cells {
        for r in 0..cell.part.rows {
            let Some(cols) = points(common, cell, r, &mut row) else { break };
            let pixels = next..next + cols.len();
            next = pixels.end;
            let at = (&row.col[cols.clone()], &row.row[cols]);
            if common.resampling == Resampling::Nearest {
                fours.hold(pixels, at, common.bounds, common.size.1, reach);
            } else {
                fours.surround(pixels, at, common.size, reach);
            }
        }
    }
}

/// Fills the first `L` layers of `out`, or all that there are, which are the plan's from `first` on; gives how many.
#[inline(always)]
fn group<T: Real, const L: usize>(
    Ready { common, strip, cells, source, reach, level }: Ready<'_, T>,
    first: usize,
    out: &mut [&mut [T]],
    room: &mut Room<T>,
) -> usize {
    let Room { source: region, row, spare, fours, .. } = room;
    let layers = L.min(out.len());
    let Shape2d { rows, cols: stride } = reach.shape();
    region.resize(rows * stride * L, T::NAN);
    row.resize(WIDTH * L, T::NAN);
    spare.resize(WIDTH * (L - layers), T::NAN);
    let (region, _) = region.as_chunks_mut::<L>();
    let (row, _) = row.as_chunks_mut::<L>();
    lay_out(level, common.window, reach, source, first..first + layers, region);
    let region: &[Lanes<T, L>] = region;
    let mut next = 0;
    for cell in cells {
        for (r, (line, cols)) in lines(common, strip, cell).enumerate() {
            // The next row's pixels are far from this one's.
            let next_row = line.end + cols.start..line.end + cols.end;
            out.iter().filter_map(|layer| layer.get(next_row.clone())).for_each(prefetch_to_write);
            let row = &mut row[..cols.len()];
            match &cell.samples {
                Samples::Points(_) => {
                    let fours = fours.of(next..next + row.len());
                    next += row.len();
                    match common.resampling {
                        Resampling::Nearest => nearest(region, fours, row),
                        Resampling::Cubic => {
                            for (c, value) in row.iter_mut().enumerate() {
                                *value = cubic(region, stride, &fours.get(c));
                            }
                        }
                        _ => bilinear_row(region, stride, fours, row),
                    }
                }
                // They are filled by themselves.
                Samples::Boxes(_) => {}
                Samples::Lists(lists) => {
                    let by = reduction(common.resampling);
                    for (c, value) in row.iter_mut().enumerate() {
                        *value = lists.reduce(r * cols.len() + c, by, region, reach);
                    }
                }
            }
            let (mut layers, mut spares) = (out.iter_mut(), spare.chunks_exact_mut(WIDTH));
            let mut lines: [&mut [T]; L] = std::array::from_fn(|_| match layers.next() {
                Some(layer) => &mut layer[line.clone()][cols.clone()],
                None => spares.next().unwrap_or_default(),
            });
            deinterleave(level, row, &mut lines);
        }
    }
    layers
}

/// Lays layers of a window out pixel by pixel, those of a region; where they are fewer than `L` the last one again.
#[inline(always)]
fn lay_out<T: Real, const L: usize>(
    level: Level,
    window: PixelRange,
    region: PixelRange,
    source: &[T],
    layers: Range<usize>,
    out: &mut [Lanes<T, L>],
) {
    let (pixels, width) = (window.shape().len(), window.shape().cols);
    let place = |index: i64, from: i64| usize::try_from(index - from).unwrap_or(0);
    let (top, left) = (place(region.row0, window.row0), place(region.col0, window.col0));
    let cols = region.shape().cols;
    let row = |l: usize, r: usize| {
        let start = (layers.start + l).min(layers.end - 1) * pixels + (top + r) * width + left;
        &source[start..start + cols]
    };
    for (r, out) in out.chunks_exact_mut(cols).enumerate() {
        // The next row is far from this one.
        if r + 1 < region.shape().rows {
            (0..layers.len().min(L)).for_each(|l| prefetch(row(l, r + 1)));
        }
        interleave(level, &std::array::from_fn(|l| row(l, r)), out);
    }
}

fn reduction(resampling: Resampling) -> Reduce {
    match resampling {
        Resampling::Sum => Reduce::Sum,
        Resampling::Min => Reduce::Min,
        Resampling::Max => Reduce::Max,
        Resampling::Mode => Reduce::Mode,
        Resampling::Median => Reduce::Median,
        _ => Reduce::Mean,
    }
}
