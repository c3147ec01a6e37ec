//! Source pixels taken out before anything is resampled: those that a quality
//! layer speaks against, and those outside the range that is called valid.

use crate::ancillary::AncillaryReader;
use crate::source::Source;
use crate::{PrepError, Rules, ValidRange};
use seedbed_block::{PixelRange, Real};
use seedbed_grid::Projections;
use std::ops::Range;

/// Takes pixels out. Quality is read on the source's own grid, of another grid by
/// the nearest pixel, so that kernels renormalise over what is left.
#[derive(Default)]
pub(crate) struct Screen {
    quality: AncillaryReader,
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
        let said = self.quality.read((number, source), quality, layers, window, projections)?;
        let (pixels, stored) = (window.shape().len(), quality.facts.stored.dtype);
        for (k, values) in values.chunks_exact_mut(pixels).enumerate() {
            // One layer of quality stands for all.
            let at = if said.len() == pixels { 0 } else { k * pixels };
            for (value, said) in values.iter_mut().zip(&said[at..at + pixels]) {
                if !mask.keeps(*said, stored) {
                    *value = T::NAN;
                }
            }
        }
        Ok(())
    }
}
