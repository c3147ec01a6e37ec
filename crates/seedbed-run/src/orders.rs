//! Quantities that may not exceed one another, such as `tmin` and `tmax`.

use seedbed_block::simd::{Level, Work};
use seedbed_block::{Date, Real};
use serde::Serialize;
use std::fmt;

/// An input or static that exceeds another in some pixels, though it may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disorder {
    /// The key in the project file of what exceeds: `inputs.tmin`.
    pub lesser: String,
    /// The key of what is exceeded.
    pub greater: String,
    /// Pixels in which it does, of all days and tiles that were looked at.
    pub pixels: usize,
    /// The first tile that has one.
    pub tile: String,
    /// The first of its days; none of statics.
    pub date: Option<Date>,
}

impl fmt::Display for Disorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lesser, greater, pixels, tile, date } = self;
        let s = if *pixels == 1 { "" } else { "s" };
        write!(f, "{lesser} exceeds {greater} in {pixels} pixel{s}, first in tile {tile}")?;
        date.map_or(Ok(()), |date| write!(f, " on {date}"))
    }
}

/// Adds one more: the pixels of a pair count together, and its first tile stays.
pub(crate) fn join(all: &mut Vec<Disorder>, more: Disorder) {
    let same = all.iter_mut().find(|d| (&d.lesser, &d.greater) == (&more.lesser, &more.greater));
    match same {
        Some(same) => same.pixels += more.pixels,
        None => all.push(more),
    }
}

/// Whether a value exceeds the one beside it anywhere; missing ones don't.
pub(crate) fn exceeds<T: Real>(lesser: &[T], greater: &[T]) -> bool {
    let pixels = lesser.len().min(greater.len());
    let mut anywhere = false;
    let look = Look { lesser: &lesser[..pixels], greater: &greater[..pixels], anywhere: &mut anywhere };
    Level::best().run(look);
    anywhere
}

struct Look<'a, T> {
    lesser: &'a [T],
    greater: &'a [T],
    anywhere: &'a mut bool,
}

impl<T: Real> Work for Look<'_, T> {
    #[expect(clippy::inline_always, reason = "what isn't inlined isn't compiled for this processor")]
    #[inline(always)]
    fn run(self) {
        let Self { lesser, greater, anywhere } = self;
        let mut found = false;
        // Without an early exit this becomes vector code.
        for k in 0..lesser.len().min(greater.len()) {
            found |= lesser[k] > greater[k];
        }
        *anywhere = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pixel_is_enough_and_missing_ones_are_none() {
        let lesser = vec![1.0_f32; 1000];
        let mut greater = vec![1.0_f32; 1000];
        greater[998] = f32::NAN;
        assert!(!exceeds(&lesser, &greater));
        greater[999] = 0.5;
        assert!(exceeds(&lesser, &greater));
        assert!(!exceeds(&greater, &lesser) && !exceeds::<f64>(&[], &[]));
    }
}
