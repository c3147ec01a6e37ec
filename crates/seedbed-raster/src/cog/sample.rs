//! The numbers a file stores, and how their rows become bytes.

/// A stored number's type.
///
/// Bytes are little-endian, as in the files this crate writes.
pub trait Sample: Copy + PartialEq + Send + Sync + 'static {
    /// Bytes of one number.
    const BYTES: usize;
    /// TIFF's `SampleFormat`: 1 unsigned, 2 signed, 3 floating.
    const FORMAT: u16;
    /// TIFF's `Predictor` that fits the type: 2 for whole numbers, 3 for floating ones.
    const PREDICTOR: u16;

    /// The number of this type that a 64-bit one becomes, still in 64 bits.
    /// Whole numbers round halves away from zero.
    fn rounded(value: f64) -> f64;
    /// From a result of [`Sample::rounded`] that is in range, exactly.
    fn narrow(value: f64) -> Self;
    /// The number in 64 bits, exactly.
    fn wide(self) -> f64;
    /// Equal bits and equal numbers: one NaN isn't another, and −0 isn't 0.
    fn same_bits(self, other: Self) -> bool;
    /// The bits, in the lowest places.
    fn bits(self) -> u64;
    /// Whether the number is the nodata value; NaN equals NaN here.
    fn is(self, nodata: Self) -> bool;
    /// The mean of four numbers; whole ones round halves away from zero.
    fn mean_of_four(four: [Self; 4]) -> Self;
    /// The mean of one to four numbers that aren't `nodata`. It isn't either: where the mean
    /// would be, its neighbour is taken.
    fn mean(few: &[Self], nodata: Option<Self>) -> Self;
    /// Writes a row as it is; `out` holds just as many bytes.
    fn plain(row: &[Self], out: &mut [u8]);
    /// Writes a row after [`Sample::PREDICTOR`]; `out` holds just as many bytes.
    fn predicted(row: &[Self], out: &mut [u8]);
}

/// Adding and subtracting it rounds to a whole number, halves to even, for |x| < 2⁵¹.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// Rounds halves away from zero, as [`f64::round`] does, for |x| < 2⁵¹; what is larger stays
/// larger. Without a branch or a call, so that a row is rounded several numbers at a time.
fn round(value: f64) -> f64 {
    let even = (value + WHOLE) - WHOLE;
    // The rest is exact, and just ±½ where the halves matter: those go on by another half.
    let away = value + 0.5_f64.copysign(value);
    if (value - even).abs() == 0.5 { away } else { even }
}

macro_rules! whole {
    ($t:ty, $wide:ty, $format:expr) => {
        impl Sample for $t {
            const BYTES: usize = size_of::<$t>();
            const FORMAT: u16 = $format;
            const PREDICTOR: u16 = 2;

            fn rounded(value: f64) -> f64 {
                round(value)
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in range and whole, by the contract"
            )]
            fn narrow(value: f64) -> Self {
                // The lowest bits of the sum are the number's, in two's complement.
                (value + WHOLE).to_bits() as $t
            }

            fn wide(self) -> f64 {
                f64::from(self)
            }

            fn same_bits(self, other: Self) -> bool {
                self == other
            }

            #[allow(
                clippy::cast_lossless,
                clippy::cast_sign_loss,
                reason = "a number for each pattern of bits is all that is wanted"
            )]
            fn bits(self) -> u64 {
                self as u64
            }

            #[inline(always)]
            fn is(self, nodata: Self) -> bool {
                self == nodata
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a mean lies between its numbers"
            )]
            #[inline(always)]
            fn mean_of_four([a, b, c, d]: [Self; 4]) -> Self {
                let sum = <$wide>::from(a) + <$wide>::from(b) + <$wide>::from(c) + <$wide>::from(d);
                // The shift rounds down: a half goes up, and below zero it goes down.
                ((sum + 2 + (sum >> (<$wide>::BITS - 1))) >> 2) as $t
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_possible_wrap,
                clippy::cast_sign_loss,
                reason = "a mean lies between its numbers"
            )]
            fn mean(few: &[Self], nodata: Option<Self>) -> Self {
                let sum: i64 = few.iter().map(|v| i64::from(*v)).sum();
                let halved = |n: i64| if sum < 0 { 2 * sum - n } else { 2 * sum + n };
                let mean = match *few {
                    [a, b, c, d] => Self::mean_of_four([a, b, c, d]),
                    [_, _, _] => (halved(3) / 6) as $t,
                    [_, _] => (halved(2) / 4) as $t,
                    _ => sum as $t,
                };
                if Some(mean) != nodata {
                    return mean;
                }
                // To the side on which the true mean lies, else up.
                let below = sum < i64::from(mean) * few.len() as i64;
                // Some number lies beyond it on that side, so the neighbour exists.
                if below { mean.saturating_sub(1) } else { mean.saturating_add(1) }
            }

            fn plain(row: &[Self], out: &mut [u8]) {
                for (value, bytes) in row.iter().zip(out.as_chunks_mut::<{ size_of::<$t>() }>().0) {
                    *bytes = value.to_le_bytes();
                }
            }

            fn predicted(row: &[Self], out: &mut [u8]) {
                let mut before: $t = 0;
                for (value, bytes) in row.iter().zip(out.as_chunks_mut::<{ size_of::<$t>() }>().0) {
                    *bytes = value.wrapping_sub(before).to_le_bytes();
                    before = *value;
                }
            }
        }
    };
}

whole!(u8, i32, 1);
whole!(i8, i32, 2);
whole!(u16, i32, 1);
whole!(i16, i32, 2);
whole!(u32, i64, 1);
whole!(i32, i64, 2);

macro_rules! floating {
    ($t:ty) => {
        impl Sample for $t {
            const BYTES: usize = size_of::<$t>();
            const FORMAT: u16 = 3;
            const PREDICTOR: u16 = 3;

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_lossless,
                reason = "rounding to 32 bits is the purpose"
            )]
            fn rounded(value: f64) -> f64 {
                (value as $t) as f64
            }

            #[allow(clippy::cast_possible_truncation, reason = "exact, by the contract")]
            fn narrow(value: f64) -> Self {
                // One NaN for all, whatever the payload.
                if value.is_nan() { <$t>::NAN } else { value as $t }
            }

            fn wide(self) -> f64 {
                f64::from(self)
            }

            fn same_bits(self, other: Self) -> bool {
                self.to_bits() == other.to_bits()
            }

            #[allow(clippy::cast_lossless, reason = "of 32 and of 64 bits")]
            fn bits(self) -> u64 {
                self.to_bits() as u64
            }

            #[inline(always)]
            fn is(self, nodata: Self) -> bool {
                self == nodata || (self.is_nan() && nodata.is_nan())
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_lossless,
                reason = "rounding to 32 bits is the purpose"
            )]
            #[inline(always)]
            fn mean_of_four([a, b, c, d]: [Self; 4]) -> Self {
                let [a, b, c, d] = [a as f64, b as f64, c as f64, d as f64];
                let mean = (a + b + c + d) / 4.0;
                // Only the sum of the largest numbers overflows.
                let mean = if mean.is_finite() { mean } else { a / 4.0 + b / 4.0 + c / 4.0 + d / 4.0 };
                Self::narrow(mean)
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_lossless,
                reason = "of one to four numbers"
            )]
            fn mean(few: &[Self], nodata: Option<Self>) -> Self {
                let mean = match *few {
                    [a, b, c, d] => Self::mean_of_four([a, b, c, d]),
                    _ => {
                        let n = few.len() as f64;
                        let sum: f64 = few.iter().map(|v| *v as f64).sum();
                        // Only the sum of the largest numbers overflows.
                        let mean = sum / n;
                        let mean =
                            if mean.is_finite() { mean } else { few.iter().map(|v| *v as f64 / n).sum() };
                        Self::narrow(mean)
                    }
                };
                if Some(mean) == nodata { mean.next_up() } else { mean }
            }

            fn plain(row: &[Self], out: &mut [u8]) {
                for (value, bytes) in row.iter().zip(out.as_chunks_mut::<{ size_of::<$t>() }>().0) {
                    *bytes = value.to_le_bytes();
                }
            }

            /// The bytes of all numbers by their place, highest first, as differences from byte
            /// to byte (Adobe Photoshop TIFF Technical Note 3).
            #[allow(clippy::cast_possible_truncation, reason = "one byte of the number is wanted")]
            fn predicted(row: &[Self], out: &mut [u8]) {
                let mut before = 0_u8;
                for (place, plane) in out.chunks_exact_mut(row.len()).enumerate() {
                    let shift = 8 * (Self::BYTES - 1 - place);
                    for (value, byte) in row.iter().zip(plane) {
                        let now = (value.to_bits() >> shift) as u8;
                        *byte = now.wrapping_sub(before);
                        before = now;
                    }
                }
            }
        }
    };
}

floating!(f32);
floating!(f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        let mut tested = 0;
        for whole in [0.0, 1.0, 2.0, 3.0, 127.0, 32_767.0, 65_535.0, 2_147_483_647.0, 4_294_967_295.0] {
            for part in [0.0, 0.25, 0.5, 0.75, f64::EPSILON, 0.499_999_999_999_999_94] {
                for value in [whole + part, whole - part, -(whole + part)] {
                    for value in [value, value.next_up(), value.next_down()] {
                        assert_eq!(round(value), value.round(), "{value:e}");
                        tested += 1;
                    }
                }
            }
        }
        assert!(tested > 400);
        for value in [f64::INFINITY, 1e300, -1e300, 9e15] {
            assert!(round(value).abs() > 1e15, "{value}");
        }
    }

    #[test]
    fn rounded_numbers_keep_their_value() {
        for value in [-128.0, -1.0, -0.0, 0.0, 1.0, 127.0] {
            assert_eq!(f64::from(i8::narrow(value)), value);
            assert_eq!(f64::from(i16::narrow(256.0 * value)), 256.0 * value);
        }
        assert_eq!((i32::narrow(-2_147_483_648.0), i32::narrow(2_147_483_647.0)), (i32::MIN, i32::MAX));
        assert_eq!((u32::narrow(4_294_967_295.0), u32::narrow(0.0)), (u32::MAX, 0));
        assert_eq!((u8::narrow(255.0), u16::narrow(65_535.0)), (255, 65_535));
    }

    #[test]
    fn means_round_halves_away_from_zero() {
        assert_eq!(i16::mean(&[1, 2], None), 2);
        assert_eq!(i16::mean(&[-1, -2], None), -2);
        assert_eq!(i16::mean(&[1, 1, 2], None), 1);
        assert_eq!(i16::mean(&[-1, -2, -2, -1], None), -2);
        for sum in -9_i16..=9 {
            let expected = (f64::from(sum) / 4.0).round();
            assert_eq!(f64::from(i16::mean(&[sum, 0, 0, 0], None)), expected, "{sum} / 4");
        }
        assert_eq!(i16::mean(&[7], None), 7);
        assert_eq!(u32::mean(&[u32::MAX; 4], None), u32::MAX);
        assert_eq!(i32::mean(&[i32::MIN; 3], None), i32::MIN);
        assert_eq!(f64::mean(&[f64::MAX; 4], None), f64::MAX);
        assert_eq!(f32::mean(&[1.0, 2.0, 4.0, 3.0], None), 2.5);
    }

    #[test]
    fn a_mean_of_valid_numbers_isnt_nodata() {
        assert_eq!(i16::mean(&[-1, 1], Some(0)), 1);
        assert_eq!(i16::mean(&[-1, -1, 1, 0], Some(0)), -1);
        assert_eq!(u8::mean(&[0, 2, 3], Some(2)), 1);
        assert_eq!(i16::mean(&[-32_767, -32_768], Some(-32_767)), -32_768);
        assert!(f32::mean(&[-1.0, 1.0], Some(0.0)) > 0.0);
    }

    #[test]
    fn rows_are_differences() {
        let mut out = [0_u8; 6];
        i16::predicted(&[3, 1, 300], &mut out);
        assert_eq!(out, [3, 0, 254, 255, 43, 1]);
        u8::predicted(&[3, 1, 255, 0, 1, 1], &mut out);
        assert_eq!(out, [3, 254, 254, 1, 1, 0]);
        let mut out = [0_u8; 8];
        // 1.0 is 3f 80 00 00, 2.0 is 40 00 00 00.
        f32::predicted(&[1.0, 2.0], &mut out);
        assert_eq!(out, [0x3f, 1, 0x40, 0x80, 0, 0, 0, 0]);
        f32::plain(&[1.0, 2.0], &mut out);
        assert_eq!(out, [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]);
    }
}
