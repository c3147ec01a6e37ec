//! Warp plans: where each target pixel's samples lie in the source.

use crate::{Resampling, WarpError};
use seedbed_block::{Index, PixelRange, Real, Shape2d};
use seedbed_grid::{GeoBox, Projections};

/// A warp between two geoboxes, ready to be applied to any number of layers.
pub struct WarpPlan {}

impl WarpPlan {
    /// Plans a warp. `anchor` is the target's first pixel on the project's grid.
    pub fn new(
        _source: &GeoBox,
        _target: &GeoBox,
        _anchor: Index,
        _resampling: Resampling,
        _projections: &dyn Projections,
    ) -> Result<Self, WarpError> {
        todo!()
    }
    /// The source pixels that [`WarpPlan::apply`] needs, or `None` where target and source don't meet.
    #[must_use]
    pub fn source_window(&self) -> Option<PixelRange> {
        todo!()
    }
    /// The target's shape.
    #[must_use]
    pub fn target_shape(&self) -> Shape2d {
        todo!()
    }
    /// The largest measured error of an interpolated source coordinate, in source pixels.
    #[must_use]
    pub fn max_error(&self) -> f64 {
        todo!()
    }
    /// Resamples one layer: `source` is the source window row by row (NaN = missing, empty
    /// where there is no window), `out` the target row by row.
    pub fn apply<T: Real>(&self, _source: &[T], _out: &mut [T]) {
        todo!()
    }
}
