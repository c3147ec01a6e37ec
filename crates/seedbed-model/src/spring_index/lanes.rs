//! Pixels computed together, and the functions of mathematics that they need.
//!
//! The functions are polynomials of plain operations, which become vector code and
//! give the same bits on every processor.

use std::f64::consts::{LN_2, SQRT_2};

/// Pixels computed together: arrays of a fixed length, whose loops become vector code.
pub const LANE: usize = 64;

/// One value a pixel.
pub type Lanes = [f64; LANE];

/// 0, or NaN where a value is missing.
#[inline(always)]
pub fn trace(x: f64) -> f64 {
    x * 0.0
}

/// Sine and cosine of an angle from 0 to π/4, by Taylor's series: the first term left
/// out is below 1e-19 of the result.
#[inline(always)]
pub fn sin_cos(x: f64) -> (f64, f64) {
    const SIN: [f64; 8] = [
        -1.0 / 6.0,
        1.0 / 120.0,
        -1.0 / 5_040.0,
        1.0 / 362_880.0,
        -1.0 / 39_916_800.0,
        1.0 / 6_227_020_800.0,
        -1.0 / 1_307_674_368_000.0,
        1.0 / 355_687_428_096_000.0,
    ];
    const COS: [f64; 8] = [
        -1.0 / 2.0,
        1.0 / 24.0,
        -1.0 / 720.0,
        1.0 / 40_320.0,
        -1.0 / 3_628_800.0,
        1.0 / 479_001_600.0,
        -1.0 / 87_178_291_200.0,
        1.0 / 20_922_789_888_000.0,
    ];
    let square = x * x;
    (x + x * (square * horner(&SIN, square)), 1.0 + square * horner(&COS, square))
}

#[inline(always)]
fn horner<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let mut sum = coefficients[N - 1];
    for k in (0..N - 1).rev() {
        sum = sum * x + coefficients[k];
    }
    sum
}

/// The natural logarithm of a positive normal number.
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    let (exponent, mantissa) = split(x);
    logarithm(exponent, (mantissa - 1.0) / (mantissa + 1.0))
}

/// Exponent `k` and mantissa `m`, from √½ to √2, of a positive normal number `m·2^k`.
#[inline(always)]
pub fn split(x: f64) -> (f64, f64) {
    /// 2^52, whose last bit counts ones.
    const TWO_52: u64 = 0x4330_0000_0000_0000;
    let bits = x.to_bits();
    let exponent = f64::from_bits(TWO_52 | (bits >> 52)) - (f64::from_bits(TWO_52) + 1023.0);
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    let high = mantissa > SQRT_2;
    (if high { exponent + 1.0 } else { exponent }, if high { mantissa * 0.5 } else { mantissa })
}

/// `ln(m·2^k) = k·ln 2 + 2·artanh s` of `k` and `s = (m−1)/(m+1)`, where ten terms of the
/// series leave 1e-17.
#[inline(always)]
pub fn logarithm(k: f64, s: f64) -> f64 {
    const TERMS: [f64; 10] = [
        1.0 / 3.0,
        1.0 / 5.0,
        1.0 / 7.0,
        1.0 / 9.0,
        1.0 / 11.0,
        1.0 / 13.0,
        1.0 / 15.0,
        1.0 / 17.0,
        1.0 / 19.0,
        1.0 / 21.0,
    ];
    let square = s * s;
    k * LN_2 + 2.0 * (s + s * (square * horner(&TERMS, square)))
}

/// The largest whole number not above one from 0 to 2^51.
#[inline(always)]
pub fn floor(x: f64) -> f64 {
    let shift = 4_503_599_627_370_496.0;
    let nearest = (x + shift) - shift;
    if nearest > x { nearest - 1.0 } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_4;

    #[test]
    fn functions_agree_with_the_platforms_to_a_rounding() {
        for i in 0..=10_000 {
            let t = f64::from(i) / 10_000.0;
            let (sin, cos) = sin_cos(t * FRAC_PI_4);
            assert!((sin - (t * FRAC_PI_4).sin()).abs() < 2e-16, "{t}");
            assert!((cos - (t * FRAC_PI_4).cos()).abs() < 3e-16, "{t}");
            let x = 1e-6 + t * 24.0;
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1.0), "ln {x}");
            assert_eq!(floor(t * 24.0), (t * 24.0).floor());
        }
        for whole in [0.0, 1.0, 12.0, 24.0] {
            assert_eq!(floor(whole), whole);
        }
        assert!(floor(f64::NAN).is_nan() && sin_cos(f64::NAN).0.is_nan());
        assert_eq!(ln(1.0), 0.0);
    }
}
