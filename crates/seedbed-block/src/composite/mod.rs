//! Composites: many layers of one pixel to one number.
//!
//! A layer is a slice of pixels; all layers are as long as the result. A missing
//! value is NaN (in [`median_i16`], the fill value) and takes no part.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into a level's kernel isn't in its instructions"
)]

mod fold;
mod lane;
mod network;
mod select;
mod statistic;
mod strip;

use crate::Real;
use crate::simd::Level;
pub use statistic::{Statistic, StatisticError};

/// Goes up whenever a statistic would give other numbers; part of every key.
pub const REVISION: u32 = 1;

/// Up to so many layers the median is that of a sorting network; more of them are
/// gone through pixel by pixel.
const NETWORK: usize = 128;

/// A statistic of every pixel over `layers` into `out`; NaN where fewer than
/// `least` values, or none, are there. [`Statistic::Count`] is never NaN.
///
/// The median of an even number is (a + b) / 2 of the two middle ones, in `T`, as
/// numpy's. A quantile q of n values x₀ ≤ … ≤ xₙ₋₁ lies at h = q (n - 1):
/// x⌊h⌋ + (h - ⌊h⌋) (x⌊h⌋₊₁ - x⌊h⌋), in 64 bits. Median, quantiles, least,
/// greatest and count don't depend on the order of the layers; sums, in 64 bits
/// and rounded once, could in their last bit.
///
/// # Panics
/// If a layer hasn't the length of `out`.
///
/// # Examples
/// ```
/// use seedbed_block::composite::{Statistic, composite};
/// let layers = [&[1.0_f32, 5.0][..], &[f32::NAN, 7.0], &[2.0, 6.0]];
/// let mut out = [0.0; 2];
/// composite(&layers, Statistic::Median, 1, &mut out);
/// assert_eq!(out, [1.5, 6.0]);
/// ```
///
/// # References
/// Hyndman, R. J. and Fan, Y. (1996): Sample quantiles in statistical packages.
/// The American Statistician 50, 361–365 (type 7).
pub fn composite<T: Sample>(layers: &[&[T]], statistic: Statistic, least: usize, out: &mut [T]) {
    check(layers, out);
    match statistic {
        Statistic::Median if layers.is_empty() => out.fill(T::NAN),
        Statistic::Median if layers.len() <= NETWORK => T::medians(layers, least, out),
        Statistic::Median => select::quantiles(layers, None, least, out),
        Statistic::Quantile(q) => select::quantiles(layers, Some(q), least, out),
        Statistic::Mean => {
            fold::run(layers, Some(least), out, 0.0, fold::add, |sum, n| T::of(sum / n));
        }
        Statistic::Sum => fold::run(layers, Some(least), out, 0.0, fold::add, |sum, _| T::of(sum)),
        Statistic::Min => {
            fold::run(layers, Some(least), out, T::of(f64::INFINITY), fold::lesser, |v, _| v + T::ZERO);
        }
        Statistic::Max => {
            fold::run(layers, Some(least), out, T::of(f64::NEG_INFINITY), fold::greater, |v, _| v + T::ZERO);
        }
        Statistic::Count => fold::run(layers, None, out, (), |(), _, _| (), |(), n| T::of(n)),
    }
}

/// The median of every pixel over layers of stored 16-bit numbers, of which `fill`
/// is the missing one; `fill` where fewer than `least` values, or none, are there.
/// The mean of two middle ones is rounded half away from zero.
///
/// # Panics
/// If a layer hasn't the length of `out`.
///
/// # Examples
/// ```
/// use seedbed_block::composite::median_i16;
/// let mut out = [0; 2];
/// median_i16(&[&[-3, -3000], &[-4, -3000]], -3000, 1, &mut out);
/// assert_eq!(out, [-4, -3000]);
/// ```
pub fn median_i16(layers: &[&[i16]], fill: i16, least: usize, out: &mut [i16]) {
    check(layers, out);
    if layers.is_empty() {
        out.fill(fill);
    } else if layers.len() <= NETWORK {
        strip::medians(layers, fill, least, fill, out, Level::best());
    } else {
        select::medians_i16(layers, fill, least, out);
    }
}

/// A number that [`composite`] takes: every [`Real`].
pub trait Sample: Real + sealed::Medians {}
impl Sample for f32 {}
impl Sample for f64 {}

mod sealed {
    /// Medians by a network.
    pub trait Medians: Sized {
        fn medians(layers: &[&[Self]], least: usize, out: &mut [Self]);
    }
}

macro_rules! medians {
    ($($t:ty),*) => {$(
        impl sealed::Medians for $t {
            fn medians(layers: &[&[Self]], least: usize, out: &mut [Self]) {
                strip::medians(layers, Self::NAN, least, Self::NAN, out, Level::best());
            }
        }
    )*};
}

medians!(f32, f64);

fn check<S>(layers: &[&[S]], out: &[S]) {
    for layer in layers {
        assert_eq!(layer.len(), out.len(), "every layer must be as long as the result");
    }
}

#[cfg(test)]
mod tests;
