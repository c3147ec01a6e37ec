//! Sums and extremes: layer after layer into one number a pixel.

use crate::Real;
use crate::simd::{Level, Work};

/// Pixels side by side.
const LANES: usize = 64;

/// Folds every pixel's values in the order of the layers: `step` takes what there
/// is so far, a value, and whether it is there; `end` what there is and the number
/// of values. NaN where there are fewer than `least`, or none, unless `least` is `None`.
pub(super) fn run<T: Real, A: Copy>(
    layers: &[&[T]],
    least: Option<usize>,
    out: &mut [T],
    start: A,
    step: impl Fn(A, T, bool) -> A,
    end: impl Fn(A, f64) -> T,
) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 layers")]
    let least = least.map_or(0.0, |least| least.max(1) as f64);
    Level::best().run(Fold { layers, least, out, start, step, end });
}

/// Adds in 64 bits.
#[inline(always)]
pub(super) fn add<T: Real>(sum: f64, value: T, there: bool) -> f64 {
    sum + if there { value.to_f64() } else { 0.0 }
}

/// The lesser one.
#[inline(always)]
pub(super) fn lesser<T: Real>(least: T, value: T, _: bool) -> T {
    // A missing value is not less.
    if value < least { value } else { least }
}

/// The greater one.
#[inline(always)]
pub(super) fn greater<T: Real>(greatest: T, value: T, _: bool) -> T {
    if value > greatest { value } else { greatest }
}

struct Fold<'a, T, A, Step, End> {
    layers: &'a [&'a [T]],
    least: f64,
    out: &'a mut [T],
    start: A,
    step: Step,
    end: End,
}

impl<T, A, Step, End> Fold<'_, T, A, Step, End>
where
    T: Real,
    A: Copy,
    Step: Fn(A, T, bool) -> A,
    End: Fn(A, f64) -> T,
{
    /// One layer's values into what there is so far.
    #[inline(always)]
    fn take(&self, values: &[T], folded: &mut [A], count: &mut [T]) {
        for ((value, folded), count) in values.iter().zip(folded).zip(count) {
            let there = !value.is_missing();
            *folded = (self.step)(*folded, *value, there);
            *count += if there { T::ONE } else { T::ZERO };
        }
    }
}

impl<T, A, Step, End> Work for Fold<'_, T, A, Step, End>
where
    T: Real,
    A: Copy,
    Step: Fn(A, T, bool) -> A,
    End: Fn(A, f64) -> T,
{
    #[inline(always)]
    fn run(mut self) {
        let all = std::mem::take(&mut self.out);
        for (k, out) in all.chunks_mut(LANES).enumerate() {
            let mut folded = [self.start; LANES];
            let mut count = [T::ZERO; LANES];
            for layer in self.layers {
                let values = &layer[k * LANES..k * LANES + out.len()];
                // A whole strip has a length the compiler knows.
                match <&[T; LANES]>::try_from(values) {
                    Ok(values) => self.take(values, &mut folded, &mut count),
                    Err(_) => self.take(values, &mut folded, &mut count),
                }
            }
            for ((out, folded), n) in out.iter_mut().zip(folded).zip(count) {
                let n = n.to_f64();
                let value = (self.end)(folded, n);
                *out = if n >= self.least { value } else { T::NAN };
            }
        }
    }
}
