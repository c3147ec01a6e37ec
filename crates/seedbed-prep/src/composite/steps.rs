//! Values held as the 16-bit numbers of steps that they are stored in: a quarter of the
//! memory, and medians many at a time.

use crate::source::Facts;
use crate::{Prepare, ValidRange};
use seedbed_block::composite::{Sample, Statistic, median_i16};
use seedbed_block::{Conversion, Real};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, Resampling};

/// The step that stands for a missing value. No value is it, and no mean of two is.
pub(super) const MISSING: i16 = i16::MIN;

/// Whether a file's values, and the statistics of them, are steps of what is written:
/// 16-bit numbers of the same scale, taken from the nearest pixel and not converted, of
/// which none is [`MISSING`].
pub(super) fn may_hold(facts: &Facts, prepare: &Prepare, statistics: &[Statistic]) -> bool {
    let (stored, cog, rules) = (facts.stored, &prepare.cog, &prepare.rules);
    let least = f64::from(MISSING);
    let below = facts.valid_range.is_some_and(|[low, _]| (low - stored.offset) / stored.scale > least + 0.5);
    statistics.iter().all(|s| matches!(s, Statistic::Median | Statistic::Count))
        && (stored.dtype, cog.dtype) == (DType::Int16, DType::Int16)
        && (stored.scale, stored.offset) == (cog.scale, cog.offset)
        && rules.resampling == Resampling::Nearest
        && (rules.wanted, rules.adjust) == (None, Conversion::IDENTITY)
        && (stored.nodata == Some(least) || (rules.valid_range == ValidRange::Missing && below))
}

/// Values as steps; they are whole ones.
pub(super) fn from_values<T: Real>(values: &[T], stored: &CogOptions, out: &mut [i16]) {
    for (step, value) in out.iter_mut().zip(values) {
        let steps = ((value.to_f64() - stored.offset) / stored.scale).round();
        #[expect(clippy::cast_possible_truncation, reason = "the source held this 16-bit number")]
        let whole = steps as i16;
        *step = if value.is_missing() { MISSING } else { whole };
    }
}

/// A statistic of layers of steps.
pub(super) fn composite<T: Sample>(
    layers: &[&[i16]],
    statistic: Statistic,
    least: usize,
    stored: &CogOptions,
    out: &mut [T],
) {
    if statistic == Statistic::Count {
        out.fill(T::ZERO);
        for layer in layers {
            for (count, step) in out.iter_mut().zip(*layer) {
                *count += if *step == MISSING { T::ZERO } else { T::ONE };
            }
        }
        return;
    }
    let mut medians = vec![MISSING; out.len()];
    median_i16(layers, MISSING, least, &mut medians);
    for (value, step) in out.iter_mut().zip(medians) {
        let physical = T::of(f64::from(step) * stored.scale + stored.offset);
        *value = if step == MISSING { T::NAN } else { physical };
    }
}
