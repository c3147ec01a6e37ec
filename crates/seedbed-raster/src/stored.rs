//! Stored numbers to physical values.

use crate::DType;
use seedbed_block::Real;

/// How stored numbers become values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decoding {
    pub dtype: DType,
    pub nodata: Option<f64>,
    /// A second stored value that means no data (CF's `missing_value` beside `_FillValue`).
    pub also_nodata: Option<f64>,
    pub scale: f64,
    pub offset: f64,
    /// Whether a signed type holds unsigned numbers (netCDF's `_Unsigned`).
    pub unsigned: bool,
}

impl Decoding {
    /// Physical values of stored numbers.
    pub fn decode<S: Copy + Into<f64>, T: Real>(&self, raw: &[S]) -> Vec<T> {
        let mut values = vec![T::NAN; raw.len()];
        self.decode_into(raw, &mut values);
        values
    }

    /// Physical values of stored numbers, into as many places.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    pub fn decode_into<S: Copy + Into<f64>, T: Real>(&self, raw: &[S], out: &mut [T]) {
        // A nodata value written in decimals is meant in the stored precision.
        let comparable = |nodata: Option<f64>| match (nodata, self.dtype) {
            (Some(n), DType::Float32) => f32::of(n).to_f64(),
            (Some(n), _) => n,
            (None, _) => f64::NAN,
        };
        let (nodata, also) = (comparable(self.nodata), comparable(self.also_nodata));
        let wrap = match self.dtype {
            DType::Int8 if self.unsigned => 256.0,
            DType::Int16 if self.unsigned => 65_536.0,
            DType::Int32 if self.unsigned => 4_294_967_296.0,
            _ => 0.0,
        };
        #[expect(clippy::float_cmp, reason = "nodata is an exact stored value")]
        #[expect(clippy::needless_bitwise_bool, reason = "without branches many are decided at once")]
        let missing = |stored: f64, value: f64| {
            !stored.is_finite() | (stored == nodata) | (stored == also) | (value == nodata)
        };
        let stored = raw.iter().map(|&stored| stored.into());
        #[expect(clippy::float_cmp, reason = "1 and 0 are exact")]
        let scaled = self.scale != 1.0 || self.offset != 0.0;
        let (scale, offset) = (self.scale, self.offset);
        let physical = |value: f64| if scaled { value * scale + offset } else { value };
        if wrap != 0.0 {
            for (stored, out) in stored.zip(out) {
                let value = if stored < 0.0 { stored + wrap } else { stored };
                *out = if missing(stored, value) { T::NAN } else { T::of(physical(value)) };
            }
        } else if scaled {
            for (stored, out) in stored.zip(out) {
                *out = if missing(stored, stored) { T::NAN } else { T::of(stored * scale + offset) };
            }
        } else {
            for (stored, out) in stored.zip(out) {
                *out = if missing(stored, stored) { T::NAN } else { T::of(stored) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodata_is_compared_in_the_stored_precision() {
        let d = Decoding {
            dtype: DType::Float32,
            nodata: Some(-3.402_823_4e38),
            also_nodata: Some(-9999.0),
            scale: 1.0,
            offset: 0.0,
            unsigned: false,
        };
        let v: Vec<f64> = d.decode(&[f32::MIN, -9999.0, f32::NAN, f32::INFINITY, 0.5]);
        assert!(v[..4].iter().all(|v| v.is_nan()));
        assert!((v[4] - 0.5).abs() < 1e-15);
    }

    #[test]
    fn unsigned_numbers_in_a_signed_type_are_unfolded() {
        let d = Decoding {
            dtype: DType::Int16,
            nodata: Some(65_535.0),
            also_nodata: None,
            scale: 0.5,
            offset: 1.0,
            unsigned: true,
        };
        let v: Vec<f32> = d.decode(&[-1_i16, -2, 2]);
        assert!(v[0].is_nan());
        assert_eq!(v[1..], [32_768.0, 2.0]);
    }
}
