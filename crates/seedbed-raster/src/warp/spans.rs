//! Bilinear and nearest pixels sixteen at a time.
//!
//! The samples of neighbouring pixels lie beside each other: sixteen pixels of a row need a piece of a few rows of
//! the source, more of them the more the grids are turned against each other. Such a piece is loaded as it lies and its
//! values are dealt out within registers, instead of being fetched one by one. The arithmetic, and so every bit, is
//! [`super::lanes::bilinear`]'s.

#[cfg(target_arch = "x86_64")]
mod wide;

use super::samples::FoursOf;
use seedbed_block::simd::Level;

#[cfg(target_arch = "x86_64")]
pub use wide::Span;

/// Where no processor has the instructions there are none.
#[cfg(not(target_arch = "x86_64"))]
pub enum Span {}

/// Pixels of a span.
const SPAN: usize = 16;

/// How many spans so many pixels make.
pub fn count(pixels: usize) -> usize {
    pixels.div_ceil(SPAN)
}

/// Adds the spans of a row of pixels, whose samples are counted within a window of `stride` columns; `false` where
/// those of one lie too far from each other, or the level hasn't the instructions.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "there are no spans"))]
#[inline(always)]
pub fn find(level: Level, fours: FoursOf<'_, f32>, stride: usize, to: &mut Vec<Span>) -> bool {
    #[cfg(target_arch = "x86_64")]
    if level.is_wide() {
        // SAFETY: the level says that the processor has the instructions.
        return unsafe { wide::find(fours, stride, to) };
    }
    false
}

/// What becomes of the samples.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Four are blended.
    Bilinear,
    /// The one that was found is taken.
    Nearest,
}

/// Fills pixels from one layer of the window, of `stride` columns.
///
/// # Panics
/// If the layer or `out` isn't the window's or the spans', or the level isn't the one they were found at.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "there are no spans"))]
#[inline(always)]
pub fn fill(level: Level, by: By, spans: &[Span], layer: &[f32], stride: usize, out: &mut [f32]) {
    assert!(level.is_wide(), "the processor must have these instructions");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the level says that it has them.
    unsafe {
        wide::fill(by, spans, layer, stride, out);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Proj, Resampling, WarpPlan};
    use seedbed_block::simd::Level;
    use seedbed_block::{Index, Shape2d};
    use seedbed_grid::{Affine, GeoBox, Projections};

    fn geobox(affine: [f64; 6], rows: usize, cols: usize) -> GeoBox {
        let [a, b, c, d, e, f] = affine;
        GeoBox {
            crs: Proj.resolve("EPSG:4326").unwrap(),
            affine: Affine { a, b, c, d, e, f },
            shape: Shape2d { rows, cols },
        }
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let wave = |n: u32| (n as f32 * 0.37).sin() * 40.0;
        let source = geobox([0.01, 0.0, 20.0, 0.0, -0.01, 40.0], 90, 110);
        let narrow = geobox([0.01, 0.0, 20.0, 0.0, -0.01, 40.0], 40, 7);
        let targets = [
            geobox([0.002, 0.0, 20.1, 0.0, -0.002, 39.9], 70, 130),
            // About as large as the source's, and beyond it on all sides.
            geobox([0.0097, 0.0, 19.9, 0.0, -0.0097, 40.1], 120, 150),
            geobox([0.0099, 0.0, 20.3, 0.0, -0.0013, 39.9], 65, 33),
            // Turned a little, by half a right angle and by a whole one.
            geobox([0.008, -0.001, 20.3, -0.001, -0.008, 39.7], 66, 47),
            geobox([0.006, 0.006, 20.3, 0.006, -0.006, 39.5], 40, 50),
            geobox([0.0, 0.008, 20.1, -0.008, 0.0, 39.9], 50, 60),
            geobox([0.0098, 0.0, 20.6, 0.0, 0.0098, 39.3], 50, 60),
        ];
        let kinds = [Resampling::Bilinear, Resampling::Nearest, Resampling::Cubic, Resampling::BoxAverage];
        for (source, by) in [&source, &narrow].into_iter().flat_map(|s| kinds.map(|by| (s, by))) {
            for target in &targets {
                let index = Index { row: 3, col: 5 };
                let plan = WarpPlan::new(source, target, index, by, &Proj).unwrap();
                let window = plan.source_window().map_or(0, |w| w.shape().len());
                for layers in [1_u16, 3, 17] {
                    // Gaps of one pixel and of many, and layers that have more of them.
                    let value = |n: usize| {
                        let n = u32::try_from(n).unwrap();
                        let gap = n % 17 == 3 || n / 40 % 5 == 1 || (n / 9000 == 1 && n % 3 == 0);
                        if gap {
                            f32::NAN
                        } else if n % 5 == 0 {
                            -0.0
                        } else {
                            wave(n)
                        }
                    };
                    let values: Vec<f32> = (0..window * usize::from(layers)).map(value).collect();
                    let each = |level: Level| {
                        let mut out = vec![0.0_f32; target.shape.len() * usize::from(layers)];
                        plan.apply_at(level, &values, &mut out);
                        out.iter()
                            .map(|v| if v.is_nan() { f32::NAN } else { *v }.to_bits())
                            .collect::<Vec<_>>()
                    };
                    let expected = each(Level::base());
                    assert!(
                        Level::all().into_iter().all(|level| each(level) == expected),
                        "{:?}",
                        target.affine
                    );
                }
            }
        }
    }
}
