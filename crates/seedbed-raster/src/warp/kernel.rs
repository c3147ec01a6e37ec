//! Kernels of any width along one axis.

use super::samples::pair;

/// Below this ratio of source to target pixel size gdalwarp widens its kernels.
pub const WIDEN_BELOW: f64 = 0.95;

/// The half-width of a kernel, where 1 is plain, for a pixel of so many source pixels.
pub fn widened(size: f64) -> f64 {
    if size * WIDEN_BELOW > 1.0 { size } else { 1.0 }
}

/// One axis of the source under a kernel.
pub struct Axis {
    /// Its pixels.
    pub size: i64,
    /// Whether the last is followed by the first.
    pub wraps: bool,
    /// Whether the kernel is the cubic one, not the triangle.
    pub cubic: bool,
}

impl Axis {
    /// The pixels under the kernel, in their order, with its height.
    #[expect(clippy::cast_possible_truncation, reason = "near the raster")]
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    pub fn weights(&self, at: f64, width: f64, out: &mut Vec<(i64, f64)>) {
        out.clear();
        let from_centre = at - 0.5;
        if width == 1.0 && !self.cubic && !self.wraps && self.size > 1 {
            // The same numbers as at points, to the bit.
            let (first, second) = pair(at, self.size);
            out.extend([(first, 1.0 - second), (first + 1, second)].into_iter().filter(|(_, w)| *w > 0.0));
            return;
        }
        let radius = if self.cubic { 2.0 * width } else { width };
        let (low, high) = ((from_centre - radius).floor() as i64, (from_centre + radius).ceil() as i64);
        for i in low..=high {
            let weight = self.height((from_centre - i as f64).abs() / width);
            if weight != 0.0 {
                if self.wraps {
                    out.push((i.rem_euclid(self.size), weight));
                } else if (0..self.size).contains(&i) {
                    out.push((i, weight));
                }
            }
        }
        out.sort_unstable_by_key(|(i, _)| *i);
    }

    /// The triangle, or cubic convolution with a = -½ (Keys 1981).
    fn height(&self, x: f64) -> f64 {
        if !self.cubic {
            return (1.0 - x).max(0.0);
        }
        if x <= 1.0 {
            (1.5 * x - 2.5) * x * x + 1.0
        } else if x < 2.0 {
            ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_triangle_loses_nothing_inside() {
        let mut list = Vec::new();
        Axis { size: 100, wraps: false, cubic: false }.weights(10.3, 4.0, &mut list);
        let sum: f64 = list.iter().map(|(_, w)| w).sum();
        assert!((sum - 4.0).abs() < 1e-12, "{sum}");
        assert_eq!(list.len(), 8);
        Axis { size: 8, wraps: true, cubic: false }.weights(0.2, 1.0, &mut list);
        assert_eq!(list.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 7]);
    }

    #[test]
    fn a_plain_cubic_has_four_weights_of_one_in_all() {
        let mut list = Vec::new();
        Axis { size: 100, wraps: false, cubic: true }.weights(10.75, 1.0, &mut list);
        assert_eq!(list.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [9, 10, 11, 12]);
        let sum: f64 = list.iter().map(|(_, w)| w).sum();
        assert!((sum - 1.0).abs() < 1e-12 && list[0].1 < 0.0, "{list:?}");
    }
}
