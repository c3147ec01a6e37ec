//! Warp plans, made once and shared.

use crate::{PrepError, Target};
use seedbed_grid::{GeoBox, Projections};
use seedbed_raster::{Resampling, WarpPlan};
use std::sync::{Arc, Mutex, PoisonError};

/// Warp plans of one target, made once for each source grid and kernel.
#[derive(Clone, Default)]
pub struct Plans(Arc<Mutex<Vec<Planned>>>);

/// A source grid, a kernel, and their plan.
type Planned = (GeoBox, Resampling, Arc<WarpPlan>);

impl Plans {
    /// Forgets all plans.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The plan from `source` to the target.
    pub(crate) fn get(
        &self,
        source: &GeoBox,
        target: &Target,
        resampling: Resampling,
        projections: &dyn Projections,
    ) -> Result<Arc<WarpPlan>, PrepError> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, plan)) = made.iter().find(|(g, r, _)| *r == resampling && g == source) {
            return Ok(plan.clone());
        }
        let plan = Arc::new(WarpPlan::new(source, &target.geobox, target.anchor, resampling, projections)?);
        made.push((source.clone(), resampling, plan.clone()));
        Ok(plan)
    }
}
