//! The two floating-point types that kernels are generic over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// The arithmetic a run is done in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Precision {
    /// 32-bit storage and arithmetic; long sums are still kept in 64 bits.
    #[default]
    #[serde(rename = "f32")]
    Single,
    /// 64-bit throughout.
    #[serde(rename = "f64")]
    Double,
}

/// A floating-point number: [`f32`] or [`f64`].
pub trait Real:
    Copy
    + PartialOrd
    + Debug
    + Default
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + 'static
{
    /// The type as a run's precision.
    const PRECISION: Precision;
    /// Not a number: the missing value.
    const NAN: Self;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// The nearest value to a 64-bit number.
    fn of(value: f64) -> Self;
    /// This number in 64 bits, exactly.
    fn to_f64(self) -> f64;
    /// Whether this is the missing value.
    fn is_missing(self) -> bool;
    /// Values of single precision as what they are; `None` of double.
    fn singles(values: &[Self]) -> Option<&[f32]>;
    /// The same to be written.
    fn singles_mut(values: &mut [Self]) -> Option<&mut [f32]>;
}

macro_rules! real {
    ($t:ty, $precision:expr, $values:ident => $singles:expr) => {
        impl Real for $t {
            const PRECISION: Precision = $precision;
            const NAN: Self = <$t>::NAN;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[allow(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
            #[allow(clippy::cast_lossless, reason = "the same line serves f32 and f64")]
            #[inline]
            fn of(value: f64) -> Self {
                value as $t
            }

            #[allow(clippy::cast_lossless, reason = "the same line serves f32 and f64")]
            #[inline]
            fn to_f64(self) -> f64 {
                self as f64
            }

            #[inline]
            fn is_missing(self) -> bool {
                self.is_nan()
            }

            #[inline]
            fn singles($values: &[Self]) -> Option<&[f32]> {
                $singles
            }

            #[inline]
            fn singles_mut($values: &mut [Self]) -> Option<&mut [f32]> {
                $singles
            }
        }
    };
}

real!(f32, Precision::Single, values => Some(values));
real!(f64, Precision::Double, _values => None);
