//! Patches that are filled from the layers of a window as they lie: nearest and bilinear pixels by spans, and means
//! over boxes.

use super::apply::{Ready, Room, lines, locate};
use super::boxes::LAYERS;
use super::build::{Samples, corner_box, offset};
use super::lanes::deinterleave;
use super::places::Row;
use super::spans::{self, By};
use crate::Resampling;
use seedbed_block::simd::prefetch;
use seedbed_block::{PixelRange, Precision, Real, Shape2d};
use std::ops::Range;

/// Fills a patch by spans; `false` where some of its pixels can't be had so, or the level hasn't the instructions.
#[inline(always)]
pub fn by_spans<T: Real>(ready: Ready<'_, T>, out: &mut [&mut [T]], room: &mut Room<T>) -> bool {
    let Ready { common, strip, cells, source, reach, level } = ready;
    let by = match common.resampling {
        Resampling::Bilinear => By::Bilinear,
        Resampling::Nearest => By::Nearest,
        _ => return false,
    };
    if !level.is_wide() || !find_spans(ready, room) {
        return false;
    }
    let (window, mut spans) = (common.window.shape(), &room.spans[..]);
    // Where each row lies in the strip, and its spans.
    let mut rows = Vec::new();
    for beside in cells.chunk_by(|a, b| a.at.0 == b.at.0) {
        let each = beside.iter().map(|cell| spans::count(cell.part.shape().cols)).sum();
        let width: usize = beside.iter().map(|cell| cell.part.shape().cols).sum();
        for (line, cols) in lines(common, strip, &beside[0]) {
            let from = line.start + cols.start;
            let (own, others) = spans.split_at(each);
            spans = others;
            rows.push((from..from + width, own));
        }
    }
    let reach =
        PixelRange { row0: reach.row0 - common.window.row0, col0: reach.col0 - common.window.col0, ..reach };
    let mut layers = source.chunks_exact(window.len()).zip(out).peekable();
    while let Some((layer, out)) = layers.next() {
        // The same pixels on the next layer are far from these. They are asked for a few rows at a time.
        let next = layers.peek().map(|(layer, _)| *layer);
        for (n, (row, own)) in rows.iter().enumerate() {
            if let Some(next) = next {
                let share = |n: usize| n * reach.shape().rows / rows.len();
                prefetch_rows(next, window.cols, reach, share(n)..share(n + 1));
            }
            if let (Some(layer), Some(out)) = (T::singles(layer), T::singles_mut(&mut out[row.clone()])) {
                spans::fill(level, by, own, layer, window.cols, out);
            }
        }
    }
    true
}

/// Finds the spans of a patch; whether all of its pixels lie in such.
#[inline(always)]
fn find_spans<T: Real>(ready: Ready<'_, T>, Room { fours, spans, .. }: &mut Room<T>) -> bool {
    let Ready { common, cells, level, .. } = ready;
    spans.clear();
    if T::PRECISION != Precision::Single || cells.iter().any(|c| !matches!(c.samples, Samples::Points(_))) {
        return false;
    }
    locate(common, cells, common.window, fours);
    let stride = common.window.shape().cols;
    let mut first = 0;
    // Cells beside each other have the same rows.
    for beside in cells.chunk_by(|a, b| a.at.0 == b.at.0) {
        for r in 0..beside[0].part.shape().rows {
            let mut row = first;
            for cell in beside {
                let Shape2d { rows, cols } = cell.part.shape();
                let Some(fours) = fours.of(row + r * cols..row + (r + 1) * cols).singles() else {
                    return false;
                };
                if !spans::find(level, fours, stride, spans) {
                    return false;
                }
                row += rows * cols;
            }
        }
        first += beside.iter().map(|cell| cell.part.shape().len()).sum::<usize>();
    }
    true
}

/// Fills a patch by means over boxes; `false` where its pixels have none.
#[inline(always)]
pub fn by_boxes<T: Real>(ready: Ready<'_, T>, out: &mut [&mut [T]], room: &mut Room<T>) -> bool {
    let Ready { common, cells, source, level, .. } = ready;
    if cells.iter().any(|cell| !matches!(cell.samples, Samples::Boxes(_))) {
        return false;
    }
    let rows = find_boxes(ready, room);
    let Room { boxes, row: means, spare, .. } = room;
    let window = common.window.shape();
    let layers: Vec<&[T]> = source.chunks_exact(window.len()).collect();
    let mut groups = layers.chunks(LAYERS).zip(out.chunks_mut(LAYERS)).peekable();
    while let Some((layers, out)) = groups.next() {
        let mut asked = 0_usize;
        for (n, row) in rows.iter().enumerate() {
            let BoxRow { pixels, own, .. } = row;
            // What the next row needs is far from what was read last, and what the next layers do farther.
            let next = match (rows.get(n + 1), groups.peek()) {
                (Some(row), _) => Some((layers, row)),
                (None, Some((layers, _))) => {
                    asked = 0;
                    Some((*layers, &rows[0]))
                }
                (None, None) => None,
            };
            if let Some((layers, BoxRow { reach: Some(reach), .. })) = next {
                let last = usize::try_from(reach.row1()).unwrap_or(0);
                let known = asked.saturating_sub(usize::try_from(reach.row0).unwrap_or(0));
                let rows = known.min(reach.shape().rows)..reach.shape().rows;
                for layer in layers {
                    prefetch_rows(layer, window.cols, *reach, rows.clone());
                }
                asked = asked.max(last);
            }
            let n = pixels.len();
            means.resize(n * LAYERS, T::NAN);
            spare.resize(n * (LAYERS - layers.len()), T::NAN);
            let (means, _) = means.as_chunks_mut::<LAYERS>();
            boxes.average(level, own.clone(), layers, window.cols, means);
            let (mut out, mut spares) = (out.iter_mut(), spare.chunks_exact_mut(n));
            let mut lines: [&mut [T]; LAYERS] = std::array::from_fn(|_| match out.next() {
                Some(layer) => &mut layer[pixels.clone()],
                None => spares.next().unwrap_or_default(),
            });
            deinterleave(level, means, &mut lines);
        }
    }
    true
}

/// A row of a patch.
struct BoxRow {
    /// Where it lies in the strip.
    pixels: Range<usize>,
    /// Its boxes.
    own: Range<usize>,
    /// What they need of the window, counted from its first pixel.
    reach: Option<PixelRange>,
}

/// Finds the boxes of a patch.
#[inline(always)]
fn find_boxes<T: Real>(ready: Ready<'_, T>, Room { boxes, .. }: &mut Room<T>) -> Vec<BoxRow> {
    let Ready { common, strip, cells, .. } = ready;
    let (mut upper, mut lower) = (Row::default(), Row::default());
    let mut rows = Vec::new();
    boxes.clear();
    for beside in cells.chunk_by(|a, b| a.at.0 == b.at.0) {
        for ((line, cols), r) in lines(common, strip, &beside[0]).zip(beside[0].part.row0..) {
            let (start, from) = (boxes.len(), line.start + cols.start);
            for cell in beside {
                let Samples::Boxes(corners) = &cell.samples else { continue };
                let r = offset(r, cell.at.0);
                corners.row(&common.frame, cell.at, r, &mut upper);
                corners.row(&common.frame, cell.at, r + 1, &mut lower);
                let first = offset(cell.part.col0, cell.at.1);
                for c in first..first + cell.part.shape().cols {
                    boxes.push(&corner_box(&upper, &lower, c, common.size), common.window);
                }
            }
            let own = start..boxes.len();
            let reach = boxes.reach(start, common.window.shape().cols);
            rows.push(BoxRow { pixels: from..from + own.len(), own, reach });
        }
    }
    rows
}

/// Asks for some rows of a range of a layer's pixels, of `stride` columns.
#[inline(always)]
fn prefetch_rows<T>(layer: &[T], stride: usize, range: PixelRange, rows: Range<usize>) {
    let place = |index: i64| usize::try_from(index).unwrap_or(0);
    let (top, left) = (place(range.row0), place(range.col0));
    for row in rows {
        prefetch(&layer[(top + row) * stride + left..][..range.shape().cols]);
    }
}
