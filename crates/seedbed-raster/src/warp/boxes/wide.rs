//! Boxes in vectors of 512 bits: a row of columns of each of four layers.

use super::{LANES, LAYERS, Place, Shares};
use std::arch::x86_64::{
    __m128, __m512, __mmask16, _CMP_GT_OQ, _CMP_ORD_Q, _CMP_UNORD_Q, _mm_cmp_ps_mask, _mm_div_ps,
    _mm_mask_div_ps, _mm_mask_mov_ps, _mm_set1_ps, _mm_setzero_ps, _mm_storeu_ps, _mm512_add_ps,
    _mm512_castps512_ps128, _mm512_cmp_ps_mask, _mm512_mask_add_ps, _mm512_mask_mov_ps,
    _mm512_maskz_loadu_ps, _mm512_mul_ps, _mm512_permute_ps, _mm512_permutexvar_ps, _mm512_set1_ps,
    _mm512_setr_epi32, _mm512_setzero_ps, _mm512_shuffle_f32x4,
};

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub fn average(
    places: &[Place],
    shares: &[f32],
    layers: [&[f32]; LAYERS],
    stride: usize,
    out: &mut [[f32; LAYERS]],
) {
    for ((values, place), shares) in out.iter_mut().zip(places).zip(shares.as_chunks().0) {
        let shares = Shares::of(*shares);
        if (1..=LANES).contains(&place.cols) {
            // SAFETY: four values are stored where four lie.
            unsafe { _mm_storeu_ps(values.as_mut_ptr(), place.wide_average(shares, layers, stride)) };
        } else {
            for (value, layer) in values.iter_mut().zip(layers) {
                *value = place.average(shares, layer, stride);
            }
        }
    }
}

impl Place {
    /// [`Place::average`] of each layer, to the bit; it has one to sixteen columns.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn wide_average(self, shares: Shares<f32>, layers: [&[f32]; LAYERS], stride: usize) -> __m128 {
        let len = (self.rows - 1) * stride + self.cols;
        let layers = layers.map(|layer| &layer[self.from..][..len]);
        let across = self.across(shares);
        let mask = u16::MAX >> (LANES - self.cols);
        // SAFETY: a row's values lie in the slice, and only those of the mask are loaded.
        let line = |l: usize, row: usize| unsafe {
            _mm512_maskz_loadu_ps(mask, layers[l].as_ptr().add(row * stride))
        };
        let (upper, lower) = (_mm512_set1_ps(shares.upper), _mm512_set1_ps(shares.lower));
        let mut columns = [0, 1, 2, 3].map(|l| _mm512_mul_ps(upper, line(l, 0)));
        for row in 1..self.rows - 1 {
            for (l, column) in columns.iter_mut().enumerate() {
                *column = _mm512_add_ps(*column, line(l, row));
            }
        }
        if self.rows > 1 {
            for (l, column) in columns.iter_mut().enumerate() {
                *column = _mm512_add_ps(*column, _mm512_mul_ps(lower, line(l, self.rows - 1)));
            }
        }
        let sum = totals(columns.map(|column| _mm512_mul_ps(column, across)));
        let missing = _mm_cmp_ps_mask::<_CMP_UNORD_Q>(sum, sum);
        let mean = _mm_div_ps(sum, _mm_set1_ps(shares.area));
        if missing == 0 {
            return mean;
        }
        _mm_mask_mov_ps(mean, missing, self.wide_masked(shares, layers, stride))
    }

    /// The same where values may be missing.
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn wide_masked(self, shares: Shares<f32>, layers: [&[f32]; LAYERS], stride: usize) -> __m128 {
        let mask = u16::MAX >> (LANES - self.cols);
        let mut columns = [_mm512_setzero_ps(); LAYERS];
        let mut covered = columns;
        for row in 0..self.rows {
            let share = _mm512_set1_ps(Shares::at(row, self.rows, shares.upper, shares.lower));
            for (l, layer) in layers.iter().enumerate() {
                let line = &layer[row * stride..][..self.cols];
                // SAFETY: the mask has a bit for each value of the line.
                let values = unsafe { _mm512_maskz_loadu_ps(mask, line.as_ptr()) };
                let there = mask & _mm512_cmp_ps_mask::<_CMP_ORD_Q>(values, values);
                columns[l] = _mm512_mask_add_ps(columns[l], there, columns[l], _mm512_mul_ps(share, values));
                covered[l] = _mm512_mask_add_ps(covered[l], there, covered[l], share);
            }
        }
        let across = self.across(shares);
        let sum = totals(columns.map(|column| _mm512_mul_ps(column, across)));
        let weight = totals(covered.map(|covered| _mm512_mul_ps(covered, across)));
        let some = _mm_cmp_ps_mask::<_CMP_GT_OQ>(weight, _mm_setzero_ps());
        _mm_mask_div_ps(_mm_set1_ps(f32::NAN), some, sum, weight)
    }

    /// The shares of its columns.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn across(self, shares: Shares<f32>) -> __m512 {
        let last = __mmask16::from(1_u8) << (self.cols - 1);
        let across = _mm512_mask_mov_ps(_mm512_set1_ps(1.0), last, _mm512_set1_ps(shares.right));
        _mm512_mask_mov_ps(across, 1, _mm512_set1_ps(shares.left))
    }
}

/// The sum of all lanes of each: of halves, quarters and so on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn totals([a, b, c, d]: [__m512; LAYERS]) -> __m128 {
    // Two vectors' lower and upper halves beside each other, then four vectors' quarters.
    let halves = |a, b| {
        _mm512_add_ps(
            _mm512_shuffle_f32x4::<0b01_00_01_00>(a, b),
            _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b),
        )
    };
    let quarters = |a, b| {
        _mm512_add_ps(
            _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b),
            _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b),
        )
    };
    let four = quarters(halves(a, b), halves(c, d));
    let two = _mm512_add_ps(four, _mm512_permute_ps::<0b00_00_11_10>(four));
    let one = _mm512_add_ps(two, _mm512_permute_ps::<0b00_00_00_01>(two));
    let first = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    _mm512_castps512_ps128(_mm512_permutexvar_ps(first, one))
}
