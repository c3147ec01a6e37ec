//! Layers beside each other, pixel by pixel, and back: squares of four by four values, mirrored in registers.

use super::Lanes;
use seedbed_block::Real;
use seedbed_block::simd::Level;

/// Lays rows out pixel by pixel: `rows[l][c]` becomes `out[c][l]`.
#[inline(always)]
pub fn interleave<T: Real, const L: usize>(level: Level, rows: &[&[T]; L], out: &mut [Lanes<T, L>]) {
    let whole = vectors::interleave(level, rows, out);
    for (c, pixel) in out.iter_mut().enumerate().skip(whole) {
        for (value, row) in pixel.iter_mut().zip(rows) {
            *value = row[c];
        }
    }
}

/// The way back: `pixels[c][l]` becomes `out[l][c]`.
#[inline(always)]
pub fn deinterleave<T: Real, const L: usize>(level: Level, pixels: &[Lanes<T, L>], out: &mut [&mut [T]; L]) {
    let whole = vectors::deinterleave(level, pixels, out);
    for (c, pixel) in pixels.iter().enumerate().skip(whole) {
        for (row, value) in out.iter_mut().zip(pixel) {
            row[c] = *value;
        }
    }
}

/// Each gives how many pixels it has done: whole squares of them.
#[cfg(target_arch = "x86_64")]
mod vectors {
    use super::{Lanes, Level, Real};
    use std::arch::x86_64::{
        __m128, __m512, _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps,
        _mm_unpacklo_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps128_ps512, _mm512_extractf32x4_ps,
        _mm512_insertf32x4, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps,
        _mm512_unpacklo_pd, _mm512_unpacklo_ps,
    };

    #[inline(always)]
    pub fn interleave<T: Real, const L: usize>(
        level: Level,
        rows: &[&[T]; L],
        out: &mut [Lanes<T, L>],
    ) -> usize {
        let n = out.len();
        let whole = if L.is_multiple_of(4) { n / 4 * 4 } else { 0 };
        let rows: [&[f32]; L] = rows.map(|row| T::singles(&row[..n]).unwrap_or_default());
        let Some(out) = T::singles_mut(out.as_flattened_mut()) else { return 0 };
        assert!(rows.iter().all(|row| row.len() == n) && out.len() == n * L);
        for c in (0..whole).step_by(4) {
            if L == 16 && level.is_wide() {
                // SAFETY: the level says that the processor has the instructions; every row has four values from `c`
                // on, and four pixels of sixteen values lie from there on in `out`.
                unsafe { sixteen_rows(std::array::from_fn(|l| rows[l].as_ptr().add(c)), &mut out[c * L..]) };
                continue;
            }
            for l in (0..L).step_by(4) {
                // SAFETY: every row has four values from `c` on.
                let square = unsafe { [0, 1, 2, 3].map(|k| _mm_loadu_ps(rows[l + k].as_ptr().add(c))) };
                for (k, values) in mirrored(square).into_iter().enumerate() {
                    let to = &mut out[(c + k) * L + l..][..4];
                    // SAFETY: four values are stored where four lie.
                    unsafe { _mm_storeu_ps(to.as_mut_ptr(), values) };
                }
            }
        }
        whole
    }

    #[inline(always)]
    pub fn deinterleave<T: Real, const L: usize>(
        level: Level,
        pixels: &[Lanes<T, L>],
        out: &mut [&mut [T]; L],
    ) -> usize {
        let n = pixels.len();
        let whole = if L.is_multiple_of(4) { n / 4 * 4 } else { 0 };
        let Some(pixels) = T::singles(pixels.as_flattened()) else { return 0 };
        let out: [&mut [f32]; L] =
            out.each_mut().map(|row| T::singles_mut(&mut row[..n]).unwrap_or_default());
        assert!(out.iter().all(|row| row.len() == n) && pixels.len() == n * L);
        let mut out = out;
        for c in (0..whole).step_by(4) {
            if L == 16 && level.is_wide() {
                let rows = std::array::from_fn(|l| out[l][c..].as_mut_ptr());
                // SAFETY: the level says that the processor has the instructions; every row has four values from `c`
                // on, and four pixels of sixteen values lie from there on in `pixels`.
                unsafe { sixteen_layers(&pixels[c * L..], rows) };
                continue;
            }
            for l in (0..L).step_by(4) {
                // SAFETY: four values are loaded where four lie.
                let square = [0, 1, 2, 3].map(|k| {
                    let from = &pixels[(c + k) * L + l..][..4];
                    // SAFETY: four values are loaded where four lie.
                    unsafe { _mm_loadu_ps(from.as_ptr()) }
                });
                for (values, row) in mirrored(square).into_iter().zip(&mut out[l..l + 4]) {
                    let to = &mut row[c..c + 4];
                    // SAFETY: four values are stored where four lie.
                    unsafe { _mm_storeu_ps(to.as_mut_ptr(), values) };
                }
            }
        }
        whole
    }

    #[inline(always)]
    fn mirrored([a, b, c, d]: [__m128; 4]) -> [__m128; 4] {
        // SAFETY: every processor of the architecture has these instructions.
        unsafe {
            let (low, high) = (
                (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d)),
                (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d)),
            );
            [
                _mm_movelh_ps(low.0, low.1),
                _mm_movehl_ps(low.1, low.0),
                _mm_movelh_ps(high.0, high.1),
                _mm_movehl_ps(high.1, high.0),
            ]
        }
    }

    /// Four squares beside each other, each mirrored.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn four_mirrored([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
        let halves =
            |a, b| (_mm512_castps_pd(_mm512_unpacklo_ps(a, b)), _mm512_castps_pd(_mm512_unpackhi_ps(a, b)));
        let ((low0, high0), (low1, high1)) = (halves(a, b), halves(c, d));
        [
            _mm512_unpacklo_pd(low0, low1),
            _mm512_unpackhi_pd(low0, low1),
            _mm512_unpacklo_pd(high0, high1),
            _mm512_unpackhi_pd(high0, high1),
        ]
        .map(|values| _mm512_castpd_ps(values))
    }

    /// Four values of each of sixteen rows become four pixels.
    ///
    /// # Safety
    /// Four values lie from each pointer on.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    unsafe fn sixteen_rows(rows: [*const f32; 16], out: &mut [f32]) {
        let four = |l: usize| {
            // SAFETY: by this function's condition.
            let [a, b, c, d] = [0, 4, 8, 12].map(|k| unsafe { _mm_loadu_ps(rows[l + k]) });
            let two = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(a), b);
            _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(two, c), d)
        };
        let pixels = four_mirrored([four(0), four(1), four(2), four(3)]);
        for (values, to) in pixels.into_iter().zip(out.as_chunks_mut::<16>().0) {
            // SAFETY: sixteen values are stored where sixteen lie.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), values) };
        }
    }

    /// Four pixels become four values of each of sixteen rows.
    ///
    /// # Safety
    /// Four values lie from each pointer on, and nobody else reads or writes them.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    unsafe fn sixteen_layers(pixels: &[f32], rows: [*mut f32; 16]) {
        let from = pixels[..64].as_ptr();
        // SAFETY: sixty-four values lie there.
        let square = [0, 1, 2, 3].map(|k| unsafe { _mm512_loadu_ps(from.add(16 * k)) });
        for (l, values) in four_mirrored(square).into_iter().enumerate() {
            let four = [
                _mm512_extractf32x4_ps::<0>(values),
                _mm512_extractf32x4_ps::<1>(values),
                _mm512_extractf32x4_ps::<2>(values),
                _mm512_extractf32x4_ps::<3>(values),
            ];
            for (k, values) in four.into_iter().enumerate() {
                // SAFETY: by this function's condition.
                unsafe { _mm_storeu_ps(rows[l + 4 * k], values) };
            }
        }
    }
}

/// Elsewhere all is done one by one.
#[cfg(not(target_arch = "x86_64"))]
mod vectors {
    use super::{Lanes, Level, Real};

    pub fn interleave<T: Real, const L: usize>(_: Level, _: &[&[T]; L], _: &mut [Lanes<T, L>]) -> usize {
        0
    }

    pub fn deinterleave<T: Real, const L: usize>(
        _: Level,
        _: &[Lanes<T, L>],
        _: &mut [&mut [T]; L],
    ) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: Real, const L: usize>(level: Level, cols: usize) {
        let value = |l: usize, c: usize| T::of(f64::from(u32::try_from(l * 100 + c).unwrap()));
        let rows: Vec<Vec<T>> = (0..L).map(|l| (0..cols + 3).map(|c| value(l, c)).collect()).collect();
        let mut pixels = vec![[T::NAN; L]; cols];
        interleave(level, &std::array::from_fn(|l| &rows[l][..]), &mut pixels);
        for (c, pixel) in pixels.iter().enumerate() {
            assert!((0..L).all(|l| pixel[l] == value(l, c)), "{level:?}, pixel {c} of {cols}, {L} layers");
        }
        let mut back = vec![vec![T::ZERO; cols + 3]; L];
        let mut rows = back.iter_mut();
        let mut to: [&mut [T]; L] = std::array::from_fn(|_| &mut rows.next().unwrap()[..]);
        deinterleave(level, &pixels, &mut to);
        for (l, row) in back.iter().enumerate() {
            assert!((0..cols).all(|c| row[c] == value(l, c)), "{level:?}, layer {l} of {L}, {cols} pixels");
            assert!(
                row[cols..].iter().all(|v| *v == T::ZERO),
                "{level:?}: nothing is written beyond the pixels"
            );
        }
    }

    #[test]
    fn layers_go_into_pixels_and_back() {
        for level in Level::all() {
            for cols in [0, 1, 3, 4, 7, 16, 33] {
                round::<f32, 1>(level, cols);
                round::<f32, 4>(level, cols);
                round::<f32, 8>(level, cols);
                round::<f32, 16>(level, cols);
                round::<f64, 4>(level, cols);
                round::<f64, 16>(level, cols);
            }
        }
    }
}
