//! Quantiles pixel by pixel, for any number of layers.

use crate::Real;

/// Quantiles of every pixel, or its median where no share is given.
pub(super) fn quantiles<T: Real>(layers: &[&[T]], share: Option<f64>, least: usize, out: &mut [T]) {
    let mut values: Vec<T> = Vec::with_capacity(layers.len());
    for (pixel, out) in out.iter_mut().enumerate() {
        values.clear();
        // A zero is positive, so that the order of the layers doesn't matter.
        values.extend(layers.iter().map(|layer| layer[pixel] + T::ZERO).filter(|v| !v.is_missing()));
        *out = if values.len() < least.max(1) {
            T::NAN
        } else if let Some(share) = share {
            quantile(&mut values, share)
        } else {
            let (a, b) = middle(&mut values, |a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            if values.len() % 2 == 1 { b } else { (a + b) * T::of(0.5) }
        };
    }
}

/// Medians of stored numbers.
pub(super) fn medians_i16(layers: &[&[i16]], fill: i16, least: usize, out: &mut [i16]) {
    use super::lane::Lane;
    let mut values: Vec<i16> = Vec::with_capacity(layers.len());
    for (pixel, out) in out.iter_mut().enumerate() {
        values.clear();
        values.extend(layers.iter().map(|layer| layer[pixel]).filter(|v| *v != fill));
        *out = if values.len() < least.max(1) {
            fill
        } else {
            let (a, b) = middle(&mut values, i16::cmp);
            if values.len() % 2 == 1 { b } else { a.middle(b) }
        };
    }
}

/// The values at ⌊n/2⌋ - 1 and ⌊n/2⌋ of n in order; the same where there is one.
fn middle<S: Copy>(values: &mut [S], order: impl Fn(&S, &S) -> std::cmp::Ordering + Copy) -> (S, S) {
    let (below, upper, _) = values.select_nth_unstable_by(values.len() / 2, order);
    let lower = below.iter().copied().max_by(order).unwrap_or(*upper);
    (lower, *upper)
}

/// Type 7 of Hyndman and Fan, in the form of numpy's `linear`: from the nearer end.
fn quantile<T: Real>(values: &mut [T], share: f64) -> T {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 layers")]
    let h = share * (values.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the last index")]
    let at = (h.floor() as usize).min(values.len() - 1);
    let order = |a: &T, b: &T| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
    let (_, low, above) = values.select_nth_unstable_by(at, order);
    let low = low.to_f64();
    let high = above.iter().copied().min_by(order).map_or(low, T::to_f64);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 layers")]
    let t = h - at as f64;
    // Equal neighbours, infinite ones among them, need no sum.
    let value = if low == high || t == 0.0 {
        low
    } else if t >= 0.5 {
        high - (high - low) * (1.0 - t)
    } else {
        low + (high - low) * t
    };
    T::of(value)
}
