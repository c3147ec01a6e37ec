//! Repeatable noise: hashes of integers, and smooth fields made of them.

/// A number in 0..1 that depends on `seed`, `a` and `b` alone (the finaliser of `SplitMix64`).
#[must_use]
pub fn hash(seed: u64, a: i64, b: i64) -> f64 {
    let mut x = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(a.cast_unsigned().wrapping_mul(0xbf58_476d_1ce4_e5b9))
        .wrapping_add(b.cast_unsigned().wrapping_mul(0x94d0_49bb_1331_11eb));
    for shift in [30, 27, 31] {
        x ^= x >> shift;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    x ^= x >> 32;
    // 53 bits fill a double's mantissa exactly.
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

/// Smooth noise in 0..1 with features about one unit across: hashes at whole coordinates, joined
/// by smoothstep.
#[must_use]
pub fn smooth(seed: u64, x: f64, y: f64) -> f64 {
    let (x0, y0) = (x.floor(), y.floor());
    let (u, v) = (x - x0, y - y0);
    let (u, v) = (u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v));
    let (i, j) = (x0 as i64, y0 as i64);
    let row = |j| hash(seed, i, j) * (1.0 - u) + hash(seed, i + 1, j) * u;
    row(j) * (1.0 - v) + row(j + 1) * v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_spread_evenly_and_repeat() {
        let values: Vec<f64> = (0..10_000).map(|i| hash(7, i, -i)).collect();
        let mean = values.iter().sum::<f64>() / 10_000.0;
        // The mean of 10,000 uniform numbers has a standard error of 0.0029.
        assert!((mean - 0.5).abs() < 0.015, "mean {mean}");
        assert!(values.iter().all(|v| (0.0..1.0).contains(v)));
        assert_eq!(hash(7, 3, 4).to_bits(), hash(7, 3, 4).to_bits());
    }

    #[test]
    fn smooth_noise_is_continuous_across_cells() {
        for k in 0..100 {
            let x = f64::from(k) * 0.25;
            assert!((smooth(1, x, 0.3) - smooth(1, x + 1e-6, 0.3)).abs() < 1e-5);
        }
    }
}
