//! Blending many layers at once: each source pixel is a row of lanes, one a layer.
//!
//! A lane's result depends on that lane's samples and on nothing else, so that it
//! is the same whichever layers are blended together, and on any processor: there
//! are no fused operations and no reordered sums.

#![expect(clippy::needless_range_loop, reason = "an iterator's own loop isn't compiled for this processor")]

mod mirror;

use super::samples::{Four, FoursOf, NONE};
pub use mirror::{deinterleave, interleave};
use seedbed_block::Real;

/// Values of one pixel on so many layers.
pub type Lanes<T, const L: usize> = [T; L];

#[inline(always)]
fn any_missing<T: Real, const L: usize>(v: &Lanes<T, L>) -> bool {
    v.iter().fold(false, |any, x| any | x.is_missing())
}

/// The pixels of a region that hold those of a row.
#[inline(always)]
pub fn nearest<T: Real, const L: usize>(
    source: &[Lanes<T, L>],
    fours: FoursOf<'_, T>,
    out: &mut [Lanes<T, L>],
) {
    let first = &fours.first[..out.len()];
    for c in 0..out.len() {
        out[c] = source.get(first[c] as usize).copied().unwrap_or([T::NAN; L]);
    }
}

/// [`bilinear`] of a row of pixels. Of a single layer many are blended by one instruction, and what
/// is missing is seen to afterwards.
#[inline(always)]
pub fn bilinear_row<T: Real, const L: usize>(
    source: &[Lanes<T, L>],
    stride: usize,
    fours: FoursOf<'_, T>,
    out: &mut [Lanes<T, L>],
) {
    let n = out.len();
    if L > 1 || source.len() < stride + 2 {
        for c in 0..n {
            out[c] = bilinear(source, stride, &fours.get(c));
        }
        return;
    }
    let last = source.len() - stride - 2;
    let (upper, lower) = (&source[..=last + 1], &source[stride..=stride + last + 1]);
    let (first, right, down) = (&fours.first[..n], &fours.right[..n], &fours.lower[..n]);
    for c in 0..n {
        let i = (first[c] as usize).min(last);
        let (left, top) = (T::ONE - right[c], T::ONE - down[c]);
        let (a, b, d, e) = (upper[i][0], upper[i + 1][0], lower[i][0], lower[i + 1][0]);
        let blended = left * top * a + right[c] * top * b + left * down[c] * d + right[c] * down[c] * e;
        out[c][0] = if first[c] == NONE { T::NAN } else { blended };
    }
    for c in 0..n {
        if out[c][0].is_missing() && first[c] != NONE {
            let four = fours.get(c);
            // Most lie where nothing is valid.
            if !source[holding(&four, stride)][0].is_missing() {
                out[c] = bilinear(source, stride, &four);
            }
        }
    }
}

/// The pixel that holds a pixel's centre, of a region of `stride` columns.
#[inline(always)]
fn holding<T>(four: &Four<T>, stride: usize) -> usize {
    four.first as usize + usize::from(four.centre & 1) + usize::from(four.centre >> 1) * stride
}

/// Bilinear: `source` is a region of `stride` columns.
#[inline(always)]
pub fn bilinear<T: Real, const L: usize>(
    source: &[Lanes<T, L>],
    stride: usize,
    four: &Four<T>,
) -> Lanes<T, L> {
    if four.first == NONE {
        return [T::NAN; L];
    }
    let i = four.first as usize;
    let (upper, lower) = (&source[i..i + 2], &source[i + stride..i + stride + 2]);
    let v = [&upper[0], &upper[1], &lower[0], &lower[1]];
    let (left, top) = (T::ONE - four.right, T::ONE - four.lower);
    let w = [left * top, four.right * top, left * four.lower, four.right * four.lower];
    let mut out = [T::ZERO; L];
    for l in 0..L {
        out[l] = w[0] * v[0][l] + w[1] * v[1][l] + w[2] * v[2][l] + w[3] * v[3][l];
    }
    if any_missing(&out) {
        masked(v, w, &source[holding(four, stride)], &mut out);
    }
    out
}

/// The lanes of which a sample is missing; `centre` is the one of them that holds the pixel's centre.
#[inline(always)]
fn masked<T: Real, const L: usize>(
    v: [&Lanes<T, L>; 4],
    w: [T; 4],
    centre: &Lanes<T, L>,
    out: &mut Lanes<T, L>,
) {
    // As under a mask that all layers share.
    if centre.iter().fold(true, |all, x| all & x.is_missing()) {
        *out = [T::NAN; L];
        return;
    }
    for l in 0..L {
        let (mut sum, mut weight, mut whole) = (T::ZERO, T::ZERO, true);
        for k in 0..4 {
            let there = !v[k][l].is_missing();
            // One without weight isn't missed.
            let weightless = w[k] == T::ZERO;
            whole &= there | weightless;
            sum += if there { w[k] * v[k][l] } else { T::ZERO };
            weight += if there { w[k] } else { T::ZERO };
        }
        let blended = if whole { sum } else { sum / weight };
        let instead = if centre[l].is_missing() { T::NAN } else { blended };
        out[l] = if out[l].is_missing() { instead } else { out[l] };
    }
}

/// Cubic convolution with a = -½ (Keys 1981, doi 10.1109/TASSP.1981.1163711) over
/// sixteen neighbours; bilinear, as gdalwarp, where the source or a lane hasn't all.
#[inline(always)]
pub fn cubic<T: Real, const L: usize>(source: &[Lanes<T, L>], stride: usize, four: &Four<T>) -> Lanes<T, L> {
    if four.first == NONE || !four.inside {
        return bilinear(source, stride, four);
    }
    let (across, down) = (keys(four.right), keys(four.lower));
    let first = four.first as usize - stride - 1;
    let mut out = [T::ZERO; L];
    for (k, v) in down.into_iter().enumerate() {
        let row = &source[first + k * stride..first + k * stride + 4];
        for l in 0..L {
            let line =
                across[0] * row[0][l] + across[1] * row[1][l] + across[2] * row[2][l] + across[3] * row[3][l];
            out[l] += v * line;
        }
    }
    if any_missing(&out) {
        let instead = bilinear(source, stride, four);
        for l in 0..L {
            out[l] = if out[l].is_missing() { instead[l] } else { out[l] };
        }
    }
    out
}

/// The weights of four neighbours at a fraction of the way from the second to the third.
#[inline(always)]
fn keys<T: Real>(t: T) -> [T; 4] {
    let (half, two, three_halves, five_halves) = (T::of(0.5), T::of(2.0), T::of(1.5), T::of(2.5));
    let (t2, t3) = (t * t, t * t * t);
    [
        t2 - half * t - half * t3,
        T::ONE - five_halves * t2 + three_halves * t3,
        half * t + two * t2 - three_halves * t3,
        half * t3 - half * t2,
    ]
}

/// A run of source pixels in one row, and the weight of each.
pub struct Weighted<'a, T, const L: usize> {
    pub pixels: &'a [Lanes<T, L>],
    pub weights: &'a [f64],
}

/// The mean over runs, lane by lane, of what isn't missing.
#[inline(always)]
pub fn mean<'a, T: Real, const L: usize>(
    runs: impl Iterator<Item = Weighted<'a, T, L>> + Clone,
) -> Lanes<T, L> {
    let (sum, weight) = sums(runs);
    let mut out = [T::NAN; L];
    for l in 0..L {
        out[l] = if weight[l] > T::ZERO { sum[l] / weight[l] } else { T::NAN };
    }
    out
}

/// The sums of weighted values and of weights over runs, lane by lane: first along
/// each run, then over the runs, which keeps long sums near their true value.
#[inline(always)]
pub fn sums<'a, T: Real, const L: usize>(
    runs: impl Iterator<Item = Weighted<'a, T, L>> + Clone,
) -> (Lanes<T, L>, Lanes<T, L>) {
    let (mut sum, mut weight) = ([T::ZERO; L], T::ZERO);
    for run in runs.clone() {
        let (mut along, mut weights) = ([T::ZERO; L], T::ZERO);
        for (v, w) in run.pixels.iter().zip(run.weights) {
            let w = T::of(*w);
            for l in 0..L {
                along[l] += v[l] * w;
            }
            weights += w;
        }
        for l in 0..L {
            sum[l] += along[l];
        }
        weight += weights;
    }
    if any_missing(&sum) { masked_sums(runs) } else { (sum, [weight; L]) }
}

/// The same where samples are missing; to the bit where they aren't.
#[inline(always)]
fn masked_sums<'a, T: Real, const L: usize>(
    runs: impl Iterator<Item = Weighted<'a, T, L>>,
) -> (Lanes<T, L>, Lanes<T, L>) {
    let (mut sum, mut weight) = ([T::ZERO; L], [T::ZERO; L]);
    for run in runs {
        let (mut along, mut weights) = ([T::ZERO; L], [T::ZERO; L]);
        for (v, w) in run.pixels.iter().zip(run.weights) {
            let w = T::of(*w);
            for l in 0..L {
                let there = !v[l].is_missing();
                along[l] += if there { v[l] * w } else { T::ZERO };
                weights[l] += if there { w } else { T::ZERO };
            }
        }
        for l in 0..L {
            sum[l] += along[l];
            weight[l] += weights[l];
        }
    }
    (sum, weight)
}
