//! Warp plans: where each target pixel's samples lie in the source.
//!
//! The rules, which are gdalwarp's exact ones (`-et 0`) unless said otherwise:
//!
//! * the centre of target pixel (i, j) is at (i + ½, j + ½);
//! * *nearest* takes the source pixel at ⌊x + 1e-10⌋;
//! * *bilinear* blends the four pixel centres around it, fewer at the edges. Where
//!   target pixels are larger than source pixels by more than 1/0.95, along
//!   rows or columns, the triangle widens by that factor, measured pixel by
//!   pixel as one over the length of a source column's or row's step in target pixels
//!   (gdalwarp takes one factor for a whole chunk, from its bounding box);
//! * *cubic* convolves sixteen pixels (a = -½) and is bilinear where one of them
//!   is missing or beyond the source; its kernel widens as bilinear's does;
//! * *average*, *sum*, *min*, *max*, *mode* and *median* are over the target pixel's
//!   own quadrilateral, weighted by its overlap with each source pixel, both in the
//!   plane of the source's CRS. gdalwarp takes a box from two corners, which is wrong
//!   on sheared grids: that is *box-average*. A target pixel whose centre lies beyond the
//!   outline of its world map, so that its coordinates lead back to another place, has none;
//! * a missing source pixel at the centre makes a nearest, bilinear or cubic pixel
//!   missing; beyond that weights renormalise over valid pixels. Areas have no rule
//!   for the centre;
//! * a source whose pixels are the target's, to a millionth of one, lies exactly on them;
//! * longitudes wrap where the source goes all round.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined isn't compiled for the instructions of this processor"
)]

mod apply;
mod area;
mod boxes;
mod build;
mod coordinates;
mod direct;
mod kernel;
mod lanes;
mod lists;
mod places;
mod reach;
mod samples;
mod spans;

use crate::{Resampling, WarpError};
use apply::{Common, Fill, Room, Strip};
use build::{Build, Built, Planned};
use coordinates::Mapping;
use rayon::prelude::*;
use seedbed_block::simd::Level;
use seedbed_block::{Index, PixelRange, Real, Shape2d};
use seedbed_grid::{Affine, GeoBox, PixelGrid, Projections};

/// A warp between two geoboxes, ready to be applied to any number of layers.
pub struct WarpPlan {
    target: Shape2d,
    /// `None` where target and source don't meet.
    common: Option<Common>,
    cells: Vec<Planned>,
    strips: Vec<Strip>,
    max_error: f64,
    is_copy: bool,
}

impl WarpPlan {
    /// Plans a warp onto a range of pixels of a grid. Results don't depend on
    /// how the grid is cut into ranges, bit for bit.
    ///
    /// # Errors
    /// [`WarpError`] for a degenerate source or range, or where PROJ knows no way.
    pub fn on_grid(
        source: &GeoBox,
        grid: &PixelGrid,
        range: PixelRange,
        resampling: Resampling,
        projections: &dyn Projections,
    ) -> Result<Self, WarpError> {
        Self::plan(source, &grid.geobox(range), grid.affine(), range, resampling, projections)
    }

    /// Plans a warp onto a geobox whose first pixel is pixel `anchor` of the
    /// project's grid.
    ///
    /// The grid's origin is worked out from the target's corner and rounded to
    /// 13 digits, to undo the rounding in that corner; origins that people
    /// write down survive this exactly. Where the grid is at hand, prefer
    /// [`WarpPlan::on_grid`], which needs no such care.
    ///
    /// # Errors
    /// As [`WarpPlan::on_grid`].
    pub fn new(
        source: &GeoBox,
        target: &GeoBox,
        anchor: Index,
        resampling: Resampling,
        projections: &dyn Projections,
    ) -> Result<Self, WarpError> {
        let range = PixelRange { row0: anchor.row, col0: anchor.col, ..PixelRange::of_shape(target.shape) };
        Self::plan(source, target, origin(target.affine, anchor), range, resampling, projections)
    }

    fn plan(
        source: &GeoBox,
        target: &GeoBox,
        grid: Affine,
        range: PixelRange,
        resampling: Resampling,
        projections: &dyn Projections,
    ) -> Result<Self, WarpError> {
        check("source", source)?;
        check("target", target)?;
        let transform = projections.transform(&target.crs, &source.crs).map_err(|cause| {
            WarpError::Projection { from: target.crs.to_string(), to: source.crs.to_string(), source: cause }
        })?;
        let singular =
            || WarpError::Degenerate { which: "source", reason: "its affine is singular".to_owned() };
        let linear = source.crs == target.crs;
        let mut mapping = Mapping::new(source, grid, transform, linear).ok_or_else(singular)?;
        // Areas are there to conserve what lies in them: no place may count twice.
        if resampling.is_of_areas() && !linear && !target.crs.geographic {
            let back =
                projections.transform(&source.crs, &target.crs).map_err(|cause| WarpError::Projection {
                    from: source.crs.to_string(),
                    to: target.crs.to_string(),
                    source: cause,
                })?;
            mapping = mapping.with_way_back(back);
        }
        let build = Build { mapping: &mapping, source: source.shape, range, resampling };
        let mut built = build.run()?;
        let strips = apply::strips(&mut built.cells, range);
        let common = built.window.map(|window| Common {
            resampling,
            frame: mapping.frame(),
            size: build.size(),
            bounds: build.bounds(),
            range,
            window,
        });
        let is_copy = common.as_ref().is_some_and(|common| is_copy(&mapping, common));
        let Built { cells, max_error, .. } = built;
        Ok(Self { target: target.shape, common, cells, strips, max_error, is_copy })
    }

    /// The source pixels that [`WarpPlan::apply`] needs, or `None` where
    /// target and source don't meet.
    #[must_use]
    pub fn source_window(&self) -> Option<PixelRange> {
        self.common.as_ref().map(|common| common.window)
    }

    /// The target's shape.
    #[must_use]
    pub fn target_shape(&self) -> Shape2d {
        self.target
    }

    /// Whether each target pixel is the source window's at the same place, so that there is
    /// nothing to resample.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// Bytes of memory that the plan takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.samples.bytes()).sum::<usize>();
        let strips = self.strips.iter().map(Strip::bytes).sum::<usize>();
        size_of::<Self>() + self.cells.capacity() * size_of::<Planned>() + cells + strips
    }

    /// The largest measured deviation of interpolated source coordinates from
    /// PROJ's, in source pixels; at most 1e-5.
    #[must_use]
    pub fn max_error(&self) -> f64 {
        self.max_error
    }

    /// Resamples layers, any number of them: `source` is the source window on each (layer,
    /// row, column; NaN is missing; empty where there is no window), `out` the target.
    /// A layer's values are the same whichever layers it is resampled with.
    ///
    /// # Panics
    /// If `out` isn't whole layers of the target, or `source` as many of the window.
    pub fn apply<T: Real>(&self, source: &[T], out: &mut [T]) {
        self.apply_at(Level::best(), source, out);
    }

    /// The same by the instructions of a level.
    fn apply_at<T: Real>(&self, level: Level, source: &[T], out: &mut [T]) {
        if self.is_copy && source.len() == out.len() {
            out.copy_from_slice(source);
            return;
        }
        let Some((common, strips)) = self.split(source, out) else { return };
        let mut room = Room::default();
        for (strip, rows) in strips {
            self.fill(level, common, strip, source, rows, &mut room);
        }
    }

    /// The same on rayon's threads.
    ///
    /// # Panics
    /// As [`WarpPlan::apply`].
    pub fn apply_in_parallel<T: Real>(&self, source: &[T], out: &mut [T]) {
        let Some((common, strips)) = self.split(source, out) else { return };
        strips.into_par_iter().for_each_init(Room::default, |room, (strip, rows)| {
            self.fill(Level::best(), common, strip, source, rows, room);
        });
    }

    fn fill<T: Real>(
        &self,
        level: Level,
        common: &Common,
        strip: &Strip,
        source: &[T],
        mut rows: Vec<&mut [T]>,
        room: &mut Room<T>,
    ) {
        level.run(Fill { common, cells: &self.cells, strip, source, out: &mut rows, room, level });
    }

    /// The strips, each with its rows on every layer of `out`.
    #[expect(clippy::type_complexity, reason = "a list of pairs")]
    fn split<'a, T: Real>(
        &'a self,
        source: &[T],
        out: &'a mut [T],
    ) -> Option<(&'a Common, Vec<(&'a Strip, Vec<&'a mut [T]>)>)> {
        let pixels = self.target.len();
        assert_eq!(out.len() % pixels, 0, "the output must be whole layers of the target");
        let Some(common) = &self.common else {
            out.fill(T::NAN);
            return None;
        };
        let layers = out.len() / pixels;
        let needed = layers * common.window.shape().len();
        assert_eq!(source.len(), needed, "the input must be the source window on each layer");
        let mut strips: Vec<_> = self.strips.iter().map(|s| (s, Vec::with_capacity(layers))).collect();
        for mut layer in out.chunks_exact_mut(pixels) {
            for (strip, rows) in &mut strips {
                let (own, below) = layer.split_at_mut(strip.rows.len() * self.target.cols);
                rows.push(own);
                layer = below;
            }
        }
        Some((common, strips))
    }
}

/// Whether the source's pixels are the grid's, and all of the target's lie in it. Within one
/// CRS places are linear, so that four corners tell of all pixels.
#[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
fn is_copy(mapping: &Mapping, common: &Common) -> bool {
    let Common { resampling, range, window, .. } = common;
    let same = |row: i64, col: i64| {
        let at = |n: i64| n as f64 + 0.5;
        let Some(found) = mapping.exact(at(range.col0 + col), at(range.row0 + row)) else { return false };
        let (x, y) = (found.col - at(window.col0 + col), found.row - at(window.row0 + row));
        x.abs() < 0.4 && y.abs() < 0.4
    };
    let (last_row, last_col) = (range.rows - 1, range.cols - 1);
    *resampling == Resampling::Nearest
        && mapping.linear
        && mapping.turn.is_none()
        && (range.rows, range.cols) == (window.rows, window.cols)
        && [0, last_row].into_iter().all(|row| [0, last_col].into_iter().all(|col| same(row, col)))
}

fn check(which: &'static str, geobox: &GeoBox) -> Result<(), WarpError> {
    let bad = |reason: String| Err(WarpError::Degenerate { which, reason });
    if geobox.shape.is_empty() {
        return bad(format!("it has {}×{} pixels", geobox.shape.rows, geobox.shape.cols));
    }
    let numbers: [f64; 6] = geobox.affine.into();
    if numbers.iter().any(|n| !n.is_finite()) || geobox.affine.inverse().is_none() {
        return bad(format!("its affine is {numbers:?}"));
    }
    Ok(())
}

/// The affine of the grid's pixel (0, 0), from that of pixel `anchor`.
#[expect(clippy::cast_precision_loss, reason = "grid indices are far below 2^52")]
fn origin(target: Affine, anchor: Index) -> Affine {
    if anchor == (Index { row: 0, col: 0 }) {
        return target;
    }
    let (row, col) = (anchor.row as f64, anchor.col as f64);
    let back = |corner: f64, shift: f64| {
        let origin = corner - shift;
        let size = origin.abs().max(corner.abs()).max(shift.abs());
        if size == 0.0 {
            return origin;
        }
        // Whole numbers stay exact: 10^n is, for n up to 22, and a negative
        // power is divided by, so that decimals come out correctly rounded.
        #[expect(clippy::cast_possible_truncation, reason = "the exponent of a finite double")]
        let digits = 12 - size.log10().floor() as i32;
        if digits >= 0 {
            (origin * 10_f64.powi(digits)).round() / 10_f64.powi(digits)
        } else {
            (origin / 10_f64.powi(-digits)).round() * 10_f64.powi(-digits)
        }
    };
    Affine {
        c: back(target.c, target.a * col + target.b * row),
        f: back(target.f, target.d * col + target.e * row),
        ..target
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_grid::Xy;

    #[test]
    fn the_origin_is_found_again_from_any_tile() {
        for (origin_x, size) in
            [(-2_356_095.0, 30.0), (-125.020_833_333, 1.0 / 24.0), (-180.0, 0.1), (0.0, 1.0 / 3.0)]
        {
            let grid = Affine::north_up(Xy { x: origin_x, y: 49.9375 }, size, size);
            for anchor in [Index { row: 7, col: 13 }, Index { row: -4000, col: 123_457 }] {
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let tile = grid.shifted(anchor.row as f64, anchor.col as f64);
                assert_eq!(origin(tile, anchor), grid, "{origin_x} {size} {anchor:?}");
            }
        }
    }
}
