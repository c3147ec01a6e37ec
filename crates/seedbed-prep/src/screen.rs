//! Source pixels taken out before anything is resampled: those that a quality
//! layer speaks against, and those outside the range that is called valid.

use crate::reader::held;
use crate::source::Source;
use crate::{PrepError, Rules, ValidRange};
use seedbed_block::{Index, PixelRange, Real};
use seedbed_grid::{GeoBox, Projections};
use seedbed_raster::{Raster, Resampling, WarpPlan};
use std::ops::Range;
use std::sync::Arc;

/// Takes pixels out. Quality is read on the source's own grid, of another grid by
/// the nearest pixel, so that kernels renormalise over what is left.
#[derive(Default)]
pub(crate) struct Screen {
    /// The quality layer last read, by the number of its source.
    open: Option<(usize, Raster)>,
    /// Plans from quality layers of other grids.
    plans: Vec<(GeoBox, GeoBox, Arc<WarpPlan>)>,
}

impl Screen {
    /// Makes pixels missing in `values`: `layers` of `source`, which is number
    /// `number`, in a window of its grid; layer, row, column.
    pub(crate) fn apply<T: Real>(
        &mut self,
        (number, source): (usize, &Source),
        rules: &Rules,
        layers: Range<usize>,
        window: PixelRange,
        projections: &dyn Projections,
        values: &mut [T],
    ) -> Result<(), PrepError> {
        if let (ValidRange::Missing, Some([low, high])) = (rules.valid_range, source.facts.valid_range) {
            let (low, high) = (T::of(low), T::of(high));
            for value in values.iter_mut() {
                *value = if *value < low || *value > high { T::NAN } else { *value };
            }
        }
        let (Some(mask), Some(quality)) = (&rules.mask, &source.quality) else { return Ok(()) };
        let (there, needed) = (quality.facts.dates.len(), source.facts.dates.len());
        let layers = match there {
            1 => 0..1,
            _ if there == needed => layers,
            _ => {
                return Err(PrepError::Document {
                    path: quality.path.clone(),
                    what: "quality layer of its item",
                    reason: format!("it has {there} layers for {needed}"),
                });
            }
        };
        let said = self.read(number, source, quality, layers, window, projections)?;
        let pixels = window.shape().len();
        for (k, values) in values.chunks_exact_mut(pixels).enumerate() {
            let at = if there == 1 { 0 } else { k * pixels };
            for (value, quality) in values.iter_mut().zip(&said[at..at + pixels]) {
                if !mask.keeps(*quality) {
                    *value = T::NAN;
                }
            }
        }
        Ok(())
    }

    /// Layers of quality on a window of the source's grid.
    fn read(
        &mut self,
        number: usize,
        source: &Source,
        quality: &Source,
        layers: Range<usize>,
        window: PixelRange,
        projections: &dyn Projections,
    ) -> Result<Vec<f64>, PrepError> {
        let raster = held(&mut self.open, number, || quality.open())?;
        let (ours, theirs) = (&source.facts.geobox, &quality.facts.geobox);
        if ours == theirs {
            return Ok(raster.read_layers(layers, window)?);
        }
        #[expect(clippy::cast_precision_loss, reason = "pixel numbers are far below 2^52")]
        let affine = ours.affine.shifted(window.row0 as f64, window.col0 as f64);
        let part = GeoBox { affine, shape: window.shape(), ..ours.clone() };
        let made = self.plans.iter().find(|(from, to, _)| from == theirs && *to == part);
        let plan = if let Some((_, _, plan)) = made {
            plan.clone()
        } else {
            let anchor = Index { row: window.row0, col: window.col0 };
            let plan = Arc::new(WarpPlan::new(theirs, &part, anchor, Resampling::Nearest, projections)?);
            self.plans.push((theirs.clone(), part, plan.clone()));
            plan
        };
        let pixels = window.shape().len();
        let mut said = vec![f64::NAN; layers.len() * pixels];
        let Some(from) = plan.source_window() else { return Ok(said) };
        let read: Vec<f64> = raster.read_layers(layers, from)?;
        for (read, said) in read.chunks_exact(from.shape().len()).zip(said.chunks_exact_mut(pixels)) {
            plan.apply(read, said);
        }
        Ok(said)
    }
}
