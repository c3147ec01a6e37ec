//! Stored numbers to physical values.

use crate::DType;
use seedbed_block::Real;

/// How stored numbers become values.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoding {
    pub dtype: DType,
    pub nodata: Option<f64>,
    /// More stored values that mean no data: those of CF's `missing_value` beside `_FillValue`, and
    /// what was never written.
    pub also_nodata: Vec<f64>,
    pub scale: f64,
    pub offset: f64,
    /// Whether the type's numbers are meant with or without a sign (netCDF's `_Unsigned`).
    pub sign: Sign,
    /// Whether infinite numbers are values; they are missing else.
    pub infinite: bool,
}

/// How integers are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sign {
    /// As the type says.
    #[default]
    OfType,
    /// Without a sign in a signed type: what is negative goes on beyond the greatest.
    Unsigned,
    /// With a sign in an unsigned type: the upper half is negative.
    Signed,
}

impl Sign {
    /// What a variable's `_Unsigned` says of its type.
    pub fn of(unsigned: Option<&str>) -> Self {
        match unsigned.map(str::trim) {
            Some(word) if word.eq_ignore_ascii_case("true") => Self::Unsigned,
            Some(word) if word.eq_ignore_ascii_case("false") => Self::Signed,
            _ => Self::OfType,
        }
    }

    /// A stored number as it is meant.
    pub fn meant(self, dtype: DType, stored: f64) -> f64 {
        let wrap = match dtype {
            DType::Int8 | DType::UInt8 => 256.0,
            DType::Int16 | DType::UInt16 => 65_536.0,
            DType::Int32 | DType::UInt32 => 4_294_967_296.0,
            DType::Float32 | DType::Float64 => return stored,
        };
        match self {
            Self::Unsigned if stored < 0.0 => stored + wrap,
            Self::Signed if stored >= wrap / 2.0 => stored - wrap,
            _ => stored,
        }
    }
}

impl Decoding {
    /// Physical values of stored numbers.
    pub fn decode<S: Stored, T: Real>(&self, raw: &[S]) -> Vec<T> {
        let mut values = vec![T::NAN; raw.len()];
        self.decode_into(raw, &mut values);
        values
    }

    /// Physical values of stored numbers, into as many places.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    pub fn decode_into<S: Stored, T: Real>(&self, raw: &[S], out: &mut [T]) {
        let is_unsigned = matches!(self.dtype, DType::UInt8 | DType::UInt16 | DType::UInt32);
        let is_signed = matches!(self.dtype, DType::Int8 | DType::Int16 | DType::Int32);
        if is_signed && self.sign == Sign::Unsigned || is_unsigned && self.sign == Sign::Signed {
            return self.unfold_into(raw, out);
        }
        // A number that the type has not, stored numbers never are.
        let none = raw.first().copied().unwrap_or(S::ZERO);
        let mut others = self.also_nodata.iter().filter_map(|n| S::nearest(*n));
        let (nodata, also) = (self.nodata.and_then(S::nearest), others.next());
        let (is_any, is_other) = (nodata.is_some(), also.is_some());
        let (nodata, also) = (nodata.unwrap_or(none), also.unwrap_or(none));
        #[expect(clippy::needless_bitwise_bool, reason = "without branches many are decided at once")]
        let missing =
            |stored: S| !stored.is_finite() | (is_any & (stored == nodata)) | (is_other & (stored == also));
        #[expect(clippy::float_cmp, reason = "1 and 0 are exact")]
        let scaled = self.scale != 1.0 || self.offset != 0.0;
        let (scale, offset) = (self.scale, self.offset);
        if scaled {
            for (stored, out) in raw.iter().zip(out.iter_mut()) {
                let value: f64 = (*stored).into();
                *out = if missing(*stored) { T::NAN } else { T::of(value * scale + offset) };
            }
        } else {
            for (stored, out) in raw.iter().zip(out.iter_mut()) {
                *out = if missing(*stored) { T::NAN } else { T::of((*stored).into()) };
            }
        }
        // Of products only, whose nodata is finite or NaN.
        if self.infinite && !self.dtype.is_integer() {
            for (stored, out) in raw.iter().zip(out.iter_mut()) {
                let value: f64 = (*stored).into();
                if value.is_infinite() {
                    *out = T::of(value * scale + offset);
                }
            }
        }
        // Few files have more than two.
        for other in others {
            for (_, out) in raw.iter().zip(out.iter_mut()).filter(|(stored, _)| **stored == other) {
                *out = T::NAN;
            }
        }
    }

    /// Of unsigned numbers in a signed type, or the other way round, whose nodata may be meant either way.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn unfold_into<S: Stored, T: Real>(&self, raw: &[S], out: &mut [T]) {
        #[expect(clippy::float_cmp, reason = "nodata is an exact stored value")]
        let is_nodata = |number: f64| self.nodata.iter().chain(&self.also_nodata).any(|n| *n == number);
        for (stored, out) in raw.iter().zip(out) {
            let stored: f64 = (*stored).into();
            let value = self.sign.meant(self.dtype, stored);
            *out = if is_nodata(stored) || is_nodata(value) {
                T::NAN
            } else {
                T::of(value * self.scale + self.offset)
            };
        }
    }
}

/// A number as files store it.
pub trait Stored: Copy + PartialEq + Into<f64> {
    /// Zero.
    const ZERO: Self;

    /// The number of this type that a nodata value is: decimals are meant in the stored
    /// precision; none where the type has no such number.
    fn nearest(value: f64) -> Option<Self>;

    /// Whether it is neither infinite nor NaN.
    fn is_finite(self) -> bool;
}

macro_rules! whole {
    ($($t:ty),*) => {$(
        impl Stored for $t {
            const ZERO: Self = 0;

            #[expect(clippy::cast_possible_truncation, reason = "compared below")]
            #[allow(clippy::cast_sign_loss, reason = "compared below, and some types have a sign")]
            fn nearest(value: f64) -> Option<Self> {
                #[expect(clippy::float_cmp, reason = "exactly this number or none")]
                let exact = f64::from(value as $t) == value;
                exact.then_some(value as $t)
            }

            #[inline]
            fn is_finite(self) -> bool {
                true
            }
        }
    )*};
}

whole!(u8, i8, u16, i16, u32, i32);

macro_rules! float {
    ($($t:ty),*) => {$(
        impl Stored for $t {
            const ZERO: Self = 0.0;

            #[allow(clippy::cast_possible_truncation, reason = "rounding is what is meant")]
            fn nearest(value: f64) -> Option<Self> {
                let nearest = value as $t;
                nearest.is_finite().then_some(nearest)
            }

            #[inline]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
        }
    )*};
}

float!(f32, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodata_is_compared_in_the_stored_precision() {
        let d = Decoding {
            dtype: DType::Float32,
            nodata: Some(-3.402_823_4e38),
            infinite: false,
            also_nodata: vec![-9999.0, -8888.0, -7777.0],
            scale: 1.0,
            offset: 0.0,
            sign: Sign::OfType,
        };
        let v: Vec<f64> = d.decode(&[f32::MIN, -9999.0, f32::NAN, f32::INFINITY, -8888.0, -7777.0, 0.5]);
        assert!(v[..6].iter().all(|v| v.is_nan()));
        assert!((v[6] - 0.5).abs() < 1e-15);
    }

    #[test]
    fn unsigned_numbers_in_a_signed_type_are_unfolded() {
        let d = Decoding {
            dtype: DType::Int16,
            nodata: Some(65_535.0),
            infinite: false,
            also_nodata: Vec::new(),
            scale: 0.5,
            offset: 1.0,
            sign: Sign::Unsigned,
        };
        let v: Vec<f32> = d.decode(&[-1_i16, -2, 2]);
        assert!(v[0].is_nan());
        assert_eq!(v[1..], [32_768.0, 2.0]);
    }

    #[test]
    fn signed_numbers_in_an_unsigned_type_are_too() {
        let d = Decoding {
            dtype: DType::UInt8,
            nodata: Some(255.0),
            also_nodata: Vec::new(),
            scale: 0.5,
            offset: 0.0,
            sign: Sign::of(Some("false")),
            infinite: false,
        };
        let v: Vec<f32> = d.decode(&[255_u8, 128, 254, 127]);
        assert!(v[0].is_nan());
        assert_eq!(v[1..], [-64.0, -1.0, 63.5]);
    }
}
