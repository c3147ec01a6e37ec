//! Spans in vectors of 512 bits.

use super::SPAN;
use crate::warp::samples::{FoursOf, NONE};
use std::arch::x86_64::{
    __m512, __m512i, __mmask16, _CMP_ORD_Q, _CMP_UNORD_Q, _mm_maskz_loadu_epi8, _mm_set1_epi8,
    _mm_test_epi8_mask, _mm512_add_epi32, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_cmpeq_ps_mask,
    _mm512_cmpneq_epi32_mask, _mm512_div_ps, _mm512_mask_add_ps, _mm512_mask_cmp_ps_mask,
    _mm512_mask_cmpge_epu32_mask, _mm512_mask_loadu_epi32, _mm512_mask_mov_epi32, _mm512_mask_mov_ps,
    _mm512_mask_reduce_max_epu32, _mm512_mask_reduce_min_epu32, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
    _mm512_maskz_sub_epi32, _mm512_mul_ps, _mm512_permutex2var_ps, _mm512_reduce_min_epu32,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_sub_epi32, _mm512_sub_ps,
};

/// Columns of the source under a span, at most.
const REACH: u32 = 32;

/// Neighbouring pixels of a row, and where their samples lie in the layers of a window.
pub struct Span {
    /// The column of each pixel's upper left sample, counted from `from`.
    col: __m512i,
    right: __m512,
    lower: __m512,
    /// A pixel of the window.
    from: usize,
    /// The window's columns from there, at most [`REACH`].
    cols: usize,
    /// How many pixels there are.
    pixels: usize,
    /// Those that have samples.
    there: __mmask16,
    /// Those whose samples lie a row further down.
    down: __mmask16,
    /// Those whose centre lies in a right sample, and in a lower one.
    centre: (__mmask16, __mmask16),
}

/// So many lanes, the first ones.
fn lanes(n: usize) -> __mmask16 {
    if n == 0 { 0 } else { u16::MAX >> (SPAN - n.min(SPAN)) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub fn find(fours: FoursOf<'_, f32>, stride: usize, to: &mut Vec<Span>) -> bool {
    let Ok(width) = u32::try_from(stride) else { return false };
    // The row of the source that the last span began in.
    let mut row = 0;
    let [ones, twos] = [1, 2].map(|bit| _mm_set1_epi8(bit));
    for start in (0..fours.first.len()).step_by(SPAN) {
        let some = fours.part(start..fours.first.len().min(start + SPAN));
        let pixels = some.first.len();
        let all = lanes(pixels);
        let none = _mm512_set1_epi32(NONE.cast_signed());
        // SAFETY: `all` masks what lies beyond the pixels, and what is masked isn't loaded.
        let (first, right, lower, flags) = unsafe {
            (
                _mm512_mask_loadu_epi32(none, all, some.first.as_ptr().cast()),
                _mm512_maskz_loadu_ps(all, some.right.as_ptr()),
                _mm512_maskz_loadu_ps(all, some.lower.as_ptr()),
                _mm_maskz_loadu_epi8(all, some.centres().as_ptr().cast()),
            )
        };
        let there = _mm512_cmpneq_epi32_mask(first, none);
        let least = _mm512_reduce_min_epu32(first);
        if there != 0 && !(row..row + width).contains(&least) {
            row = least / width * width;
        }
        // A window has fewer pixels than `NONE`, and no four begins in its last row.
        let [second, third] =
            [row + width, row.saturating_add(2 * width)].map(|r| _mm512_set1_epi32(r.cast_signed()));
        let down = _mm512_mask_cmpge_epu32_mask(there, first, second);
        if _mm512_mask_cmpge_epu32_mask(there, first, third) != 0 {
            return false;
        }
        let col = _mm512_sub_epi32(
            first,
            _mm512_mask_mov_epi32(_mm512_set1_epi32(row.cast_signed()), down, second),
        );
        let (left, last) =
            (_mm512_mask_reduce_min_epu32(there, col), _mm512_mask_reduce_max_epu32(there, col));
        if there != 0 && last + 1 - left >= REACH {
            return false;
        }
        let left = if there == 0 { 0 } else { left };
        to.push(Span {
            col: _mm512_maskz_sub_epi32(there, col, _mm512_set1_epi32(left.cast_signed())),
            right,
            lower,
            from: (row + left) as usize,
            cols: (width - left).min(REACH) as usize,
            pixels,
            there,
            down,
            centre: (_mm_test_epi8_mask(flags, ones), _mm_test_epi8_mask(flags, twos)),
        });
    }
    true
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub fn blend(spans: &[Span], layer: &[f32], stride: usize, mut out: &mut [f32]) {
    for span in spans {
        let (pixels, others) = out.split_at_mut(span.pixels);
        out = others;
        if span.there == 0 {
            pixels.fill(f32::NAN);
        } else if span.down == 0 {
            span.blend::<false>(layer, stride, pixels);
        } else {
            span.blend::<true>(layer, stride, pixels);
        }
    }
}

/// A piece of a row of the source: up to 32 values.
#[derive(Clone, Copy)]
struct Piece(__m512, __m512);

impl Piece {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn of(values: &[f32]) -> Self {
        let mask = u32::try_from((1_u64 << values.len().min(32)) - 1).unwrap_or(u32::MAX);
        #[expect(clippy::cast_possible_truncation, reason = "its two halves")]
        let (low, high) = (mask as u16, (mask >> 16) as u16);
        // SAFETY: no value beyond the slice's is loaded: those of a masked lane aren't.
        unsafe {
            Self(
                _mm512_maskz_loadu_ps(low, values.as_ptr()),
                _mm512_maskz_loadu_ps(high, values.as_ptr().wrapping_add(SPAN)),
            )
        }
    }

    /// The value of each lane's column.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn at(self, cols: __m512i) -> __m512 {
        _mm512_permutex2var_ps(self.0, cols, self.1)
    }
}

impl Span {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn blend<const DOWN: bool>(&self, layer: &[f32], stride: usize, out: &mut [f32]) {
        let row = |k: usize| Piece::of(&layer[self.from + k * stride..][..self.cols]);
        let Self { col, right, lower, .. } = *self;
        let beside = _mm512_add_epi32(col, _mm512_set1_epi32(1));
        let (first, second) = (row(0), row(1));
        let mut v = [first.at(col), first.at(beside), second.at(col), second.at(beside)];
        if DOWN {
            let third = row(2);
            v[0] = _mm512_mask_mov_ps(v[0], self.down, v[2]);
            v[1] = _mm512_mask_mov_ps(v[1], self.down, v[3]);
            v[2] = _mm512_mask_mov_ps(v[2], self.down, third.at(col));
            v[3] = _mm512_mask_mov_ps(v[3], self.down, third.at(beside));
        }
        let one = _mm512_set1_ps(1.0);
        let (left, top) = (_mm512_sub_ps(one, right), _mm512_sub_ps(one, lower));
        let w = [
            _mm512_mul_ps(left, top),
            _mm512_mul_ps(right, top),
            _mm512_mul_ps(left, lower),
            _mm512_mul_ps(right, lower),
        ];
        let mut blended = _mm512_mul_ps(w[0], v[0]);
        for k in 1..4 {
            blended = _mm512_add_ps(blended, _mm512_mul_ps(w[k], v[k]));
        }
        let missing = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(blended, blended);
        if missing != 0 {
            blended = self.masked(v, w, blended, missing);
        }
        blended = _mm512_mask_mov_ps(blended, !self.there, _mm512_set1_ps(f32::NAN));
        assert!(out.len() <= SPAN);
        let all = lanes(out.len());
        // SAFETY: no lane beyond the slice's is stored.
        unsafe { _mm512_mask_storeu_ps(out.as_mut_ptr(), all, blended) };
    }

    /// The blended values where samples are missing, by the rules of [`crate::warp::lanes`].
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn masked(&self, v: [__m512; 4], w: [__m512; 4], blended: __m512, missing: __mmask16) -> __m512 {
        let (right, lower) = self.centre;
        let mut centre = _mm512_mask_mov_ps(v[0], right, v[1]);
        centre = _mm512_mask_mov_ps(centre, lower, _mm512_mask_mov_ps(v[2], right, v[3]));
        let known = _mm512_mask_cmp_ps_mask::<_CMP_ORD_Q>(missing, centre, centre);
        let blended = _mm512_mask_mov_ps(blended, missing, _mm512_set1_ps(f32::NAN));
        if known == 0 {
            return blended;
        }
        let (mut sum, mut weight, mut whole) = (_mm512_setzero_ps(), _mm512_setzero_ps(), u16::MAX);
        for k in 0..4 {
            let there = _mm512_cmp_ps_mask::<_CMP_ORD_Q>(v[k], v[k]);
            // One without weight isn't missed.
            whole &= there | _mm512_cmpeq_ps_mask(w[k], _mm512_setzero_ps());
            sum = _mm512_mask_add_ps(sum, there, sum, _mm512_mul_ps(w[k], v[k]));
            weight = _mm512_mask_add_ps(weight, there, weight, w[k]);
        }
        let mean = _mm512_mask_mov_ps(_mm512_div_ps(sum, weight), whole, sum);
        _mm512_mask_mov_ps(blended, known, mean)
    }
}
