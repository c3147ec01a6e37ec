//! Files that adjoin on one lattice of pixels, read as one raster: a kernel that reaches across the seam between two
//! tiles of an archive finds what lies on both sides.

use seedbed_block::{PixelRange, Real, Shape2d};
use seedbed_grid::GeoBox;
use seedbed_raster::Resampling;
use std::sync::Arc;

/// How far corners may lie from the lattice, in pixels: archives round them.
const TOLERANCE: f64 = 1e-3;

/// The raster that a source is a part of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sheet {
    /// All of it; the source's own grid where nothing adjoins that.
    pub(crate) geobox: GeoBox,
    /// The source's pixels in it.
    pub(crate) range: PixelRange,
}

impl Sheet {
    /// The sheets of sources, in their order. Sources on one lattice share one where the rectangle around them is at
    /// most twice what they cover; nearest pixels need no neighbours, so that there each source has its own.
    pub(crate) fn of(sources: &[&GeoBox], resampling: Resampling) -> Vec<Arc<Self>> {
        let mut grids: Vec<&GeoBox> = Vec::new();
        let numbers: Vec<usize> = sources
            .iter()
            .map(|source| {
                grids.iter().position(|grid| grid == source).unwrap_or_else(|| {
                    grids.push(source);
                    grids.len() - 1
                })
            })
            .collect();
        let own = |grid: &&GeoBox| Self { geobox: (*grid).clone(), range: PixelRange::of_shape(grid.shape) };
        let mut sheets: Vec<Self> = grids.iter().map(own).collect();
        if resampling != Resampling::Nearest {
            for (lead, places) in lattices(&grids) {
                for patch in patches(&places) {
                    patch.join(grids[lead], &places, &mut sheets);
                }
            }
        }
        let sheets: Vec<Arc<Self>> = sheets.into_iter().map(Arc::new).collect();
        numbers.into_iter().map(|n| sheets[n].clone()).collect()
    }

    /// The source's own pixels that lie in a window of the sheet, if some do.
    pub(crate) fn part(&self, window: PixelRange) -> Option<PixelRange> {
        self.range.intersection(window).map(|common| moved(common, -self.range.row0, -self.range.col0))
    }

    /// Whether the source is all of the sheet.
    pub(crate) fn is_alone(&self) -> bool {
        self.range == PixelRange::of_shape(self.geobox.shape)
    }

    /// Lays a part of the source where it belongs in a window of the sheet, wherever that has nothing yet; both are
    /// layer × row × column.
    pub(crate) fn lay<T: Real>(&self, part: PixelRange, values: &[T], window: PixelRange, to: &mut [T]) {
        let index = |n: i64| usize::try_from(n).unwrap_or(0);
        let at = moved(part, self.range.row0 - window.row0, self.range.col0 - window.col0);
        let (top, left) = (index(at.row0), index(at.col0));
        let (from, around) = (part.shape(), window.shape());
        if from.is_empty() || around.is_empty() {
            return;
        }
        for (values, to) in values.chunks_exact(from.len()).zip(to.chunks_exact_mut(around.len())) {
            let rows = to.chunks_exact_mut(around.cols).skip(top);
            for (values, to) in values.chunks_exact(from.cols).zip(rows) {
                for (value, to) in values.iter().zip(&mut to[left..left + from.cols]) {
                    if to.is_missing() {
                        *to = *value;
                    }
                }
            }
        }
    }
}

/// A grid's number, and its pixels on its lattice.
type Place = (usize, PixelRange);

/// Grids in lattices: the first of each, and where all of it lie in that one's pixels.
fn lattices(grids: &[&GeoBox]) -> Vec<(usize, Vec<Place>)> {
    let mut lattices: Vec<(usize, Vec<Place>)> = Vec::new();
    for (n, grid) in grids.iter().enumerate() {
        let found = lattices.iter_mut().find_map(|(lead, places)| Some((place(grids[*lead], grid)?, places)));
        match found {
            Some((range, places)) => places.push((n, range)),
            None => lattices.push((n, vec![(n, PixelRange::of_shape(grid.shape))])),
        }
    }
    lattices
}

/// Where a grid lies in the pixels of another, if both are of one lattice. Longitudes are taken the shorter way round.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "pixel numbers are far below 2^52"
)]
fn place(lead: &GeoBox, grid: &GeoBox) -> Option<PixelRange> {
    if lead.crs != grid.crs {
        return None;
    }
    let inverse = lead.affine.inverse()?;
    let (width, height) = (grid.shape.cols as f64, grid.shape.rows as f64);
    let corner = |col: f64, row: f64| {
        let at = grid.affine.apply(col, row);
        inverse.apply(at.x, at.y)
    };
    let first = corner(0.0, 0.0);
    let (col, row) = (first.x.round(), first.y.round());
    let lies = |c: f64, r: f64| {
        let at = corner(c, r);
        (at.x - col - c).abs() < TOLERANCE && (at.y - row - r).abs() < TOLERANCE
    };
    if !(lies(0.0, 0.0) && lies(width, 0.0) && lies(width, height)) {
        return None;
    }
    let turn = (360.0 / lead.affine.a).abs();
    let wraps = lead.crs.geographic && (turn - turn.round()).abs() < TOLERANCE;
    let turns = if wraps {
        ((col + width / 2.0 - lead.shape.cols as f64 / 2.0) / turn.round()).round() * turn.round()
    } else {
        0.0
    };
    Some(moved(PixelRange::of_shape(grid.shape), row as i64, (col - turns) as i64))
}

/// Places that are one sheet.
struct Patch {
    around: PixelRange,
    members: Vec<usize>,
    /// Pixels of all members.
    covered: i64,
}

impl Patch {
    /// Whether a rectangle around both would be mostly theirs.
    fn meets(&self, other: &Self) -> bool {
        let around = self.around.union(other.around);
        around.rows.saturating_mul(around.cols) <= 2 * (self.covered + other.covered)
    }

    /// Makes one sheet of its members, whose grids lie on the lattice of `lead`.
    #[expect(clippy::cast_precision_loss, reason = "pixel numbers are far below 2^52")]
    fn join(self, lead: &GeoBox, places: &[Place], sheets: &mut [Sheet]) {
        if self.members.len() == 1 {
            return;
        }
        let PixelRange { row0, col0, .. } = self.around;
        let affine = lead.affine.shifted(row0 as f64, col0 as f64);
        let shape: Shape2d = self.around.shape();
        for member in self.members {
            let (number, range) = places[member];
            let geobox = GeoBox { crs: lead.crs.clone(), affine, shape };
            sheets[number] = Sheet { geobox, range: moved(range, -row0, -col0) };
        }
    }
}

fn patches(places: &[Place]) -> Vec<Patch> {
    let alone = |(n, (_, range)): (usize, &Place)| Patch {
        around: *range,
        members: vec![n],
        covered: range.rows.saturating_mul(range.cols),
    };
    let mut patches: Vec<Patch> = places.iter().enumerate().map(alone).collect();
    let mut n = 0;
    while n < patches.len() {
        match (0..patches.len()).find(|other| *other != n && patches[n].meets(&patches[*other])) {
            Some(other) => {
                let taken = patches.remove(n.max(other));
                let patch = &mut patches[n.min(other)];
                patch.around = patch.around.union(taken.around);
                patch.members.extend(taken.members);
                patch.covered += taken.covered;
                // What didn't meet the smaller one may meet this one.
                n = 0;
            }
            None => n += 1,
        }
    }
    patches
}

fn moved(range: PixelRange, rows: i64, cols: i64) -> PixelRange {
    PixelRange { row0: range.row0 + rows, col0: range.col0 + cols, ..range }
}
