//! Spans in vectors of 512 bits.

use super::{By, SPAN};
use crate::warp::samples::{FoursOf, NONE};
use std::arch::x86_64::{
    __m512, __m512i, __mmask16, _CMP_ORD_Q, _CMP_UNORD_Q, _mm_maskz_loadu_epi8, _mm_set1_epi8,
    _mm_test_epi8_mask, _mm512_add_epi32, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_cmpeq_ps_mask,
    _mm512_cmpneq_epi32_mask, _mm512_div_ps, _mm512_mask_add_ps, _mm512_mask_cmp_ps_mask,
    _mm512_mask_cmpge_epu32_mask, _mm512_mask_loadu_epi32, _mm512_mask_mov_ps, _mm512_mask_reduce_max_epu32,
    _mm512_mask_reduce_min_epu32, _mm512_mask_storeu_ps, _mm512_mask_sub_epi32, _mm512_maskz_loadu_ps,
    _mm512_maskz_sub_epi32, _mm512_mul_ps, _mm512_permutex2var_ps, _mm512_reduce_min_epu32,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_sub_epi32, _mm512_sub_ps,
};

/// Columns of the source under a span, at most.
const REACH: u32 = 32;
/// Rows of the source between the upper samples of a span, at most.
const ROWS: usize = 15;

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
    /// How many rows lie between the first upper sample and the last.
    rows: usize,
    /// Those whose upper samples lie a row further down or more, two rows or more, and so on.
    down: [__mmask16; ROWS],
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
    let of = |number: u32| _mm512_set1_epi32(number.cast_signed());
    for start in (0..fours.first.len()).step_by(SPAN) {
        let some = fours.part(start..fours.first.len().min(start + SPAN));
        let pixels = some.first.len();
        let all = lanes(pixels);
        let none = of(NONE);
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
        let (mut col, mut down, mut rows) = (_mm512_sub_epi32(first, of(row)), [0; ROWS], 0);
        loop {
            let further = _mm512_mask_cmpge_epu32_mask(there, col, of(width));
            if further == 0 {
                break;
            }
            let Some(mask) = down.get_mut(rows) else { return false };
            *mask = further;
            col = _mm512_mask_sub_epi32(col, further, col, of(width));
            rows += 1;
        }
        let (left, last) =
            (_mm512_mask_reduce_min_epu32(there, col), _mm512_mask_reduce_max_epu32(there, col));
        if there != 0 && last + 1 - left >= REACH {
            return false;
        }
        let left = if there == 0 { 0 } else { left };
        to.push(Span {
            col: _mm512_maskz_sub_epi32(there, col, of(left)),
            right,
            lower,
            from: (row + left) as usize,
            cols: (width - left).min(REACH) as usize,
            pixels,
            there,
            rows,
            down,
            centre: (_mm_test_epi8_mask(flags, ones), _mm_test_epi8_mask(flags, twos)),
        });
    }
    true
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub fn fill(by: By, spans: &[Span], layer: &[f32], stride: usize, mut out: &mut [f32]) {
    for span in spans {
        let (pixels, others) = out.split_at_mut(span.pixels);
        out = others;
        match by {
            _ if span.there == 0 => pixels.fill(f32::NAN),
            By::Bilinear => span.blend(layer, stride, pixels),
            By::Nearest => span.pick(layer, stride, pixels),
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
    fn blend(&self, layer: &[f32], stride: usize, out: &mut [f32]) {
        let Self { col, right, lower, .. } = *self;
        let beside = _mm512_add_epi32(col, _mm512_set1_epi32(1));
        let row = |k: usize| {
            let piece = Piece::of(&layer[self.from + k * stride..][..self.cols]);
            [piece.at(col), piece.at(beside)]
        };
        let (upper, mut last) = (row(0), row(1));
        let mut v = [upper[0], upper[1], last[0], last[1]];
        for (k, down) in self.down[..self.rows].iter().enumerate() {
            let next = row(k + 2);
            v[0] = _mm512_mask_mov_ps(v[0], *down, last[0]);
            v[1] = _mm512_mask_mov_ps(v[1], *down, last[1]);
            v[2] = _mm512_mask_mov_ps(v[2], *down, next[0]);
            v[3] = _mm512_mask_mov_ps(v[3], *down, next[1]);
            last = next;
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
        self.store(blended, out);
    }

    /// The upper left samples.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn pick(&self, layer: &[f32], stride: usize, out: &mut [f32]) {
        let row = |k: usize| Piece::of(&layer[self.from + k * stride..][..self.cols]).at(self.col);
        let mut picked = row(0);
        for (k, down) in self.down[..self.rows].iter().enumerate() {
            picked = _mm512_mask_mov_ps(picked, *down, row(k + 1));
        }
        self.store(picked, out);
    }

    /// Stores the values of those pixels that have samples; the others are missing.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn store(&self, values: __m512, out: &mut [f32]) {
        let values = _mm512_mask_mov_ps(values, !self.there, _mm512_set1_ps(f32::NAN));
        assert!(out.len() <= SPAN);
        // SAFETY: no lane beyond the slice's is stored.
        unsafe { _mm512_mask_storeu_ps(out.as_mut_ptr(), lanes(out.len()), values) };
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
