//! Arrays of either precision.

use crate::ModelError;
use seedbed_block::{Precision, Real};

/// Values to read, day × pixel.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// 32 bits.
    F32(&'a [f32]),
    /// 64 bits.
    F64(&'a [f64]),
}

/// Values to write, day × pixel.
#[derive(Debug)]
pub enum ValuesMut<'a> {
    /// 32 bits.
    F32(&'a mut [f32]),
    /// 64 bits.
    F64(&'a mut [f64]),
}

/// The two [`Real`] types, as they lie in [`Values`].
pub trait Number: Real {
    /// The slice, if it is of this type.
    fn slice<'a>(values: &Values<'a>) -> Option<&'a [Self]>;
    /// The slice to write, if it is of this type.
    fn slice_mut<'a>(values: &'a mut ValuesMut<'_>) -> Option<&'a mut [Self]>;
    /// A slice as values to read.
    fn values(slice: &[Self]) -> Values<'_>;
    /// A slice as values to write.
    fn values_mut(slice: &mut [Self]) -> ValuesMut<'_>;
}

macro_rules! number {
    ($t:ty, $variant:ident) => {
        impl Number for $t {
            fn slice<'a>(values: &Values<'a>) -> Option<&'a [Self]> {
                if let Values::$variant(v) = values { Some(v) } else { None }
            }

            fn slice_mut<'a>(values: &'a mut ValuesMut<'_>) -> Option<&'a mut [Self]> {
                if let ValuesMut::$variant(v) = values { Some(v) } else { None }
            }

            fn values(slice: &[Self]) -> Values<'_> {
                Values::$variant(slice)
            }

            fn values_mut(slice: &mut [Self]) -> ValuesMut<'_> {
                ValuesMut::$variant(slice)
            }
        }
    };
}

number!(f32, F32);
number!(f64, F64);

impl Values<'_> {
    /// The precision.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match self {
            Self::F32(_) => Precision::Single,
            Self::F64(_) => Precision::Double,
        }
    }
}

impl ValuesMut<'_> {
    /// The precision.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match self {
            Self::F32(_) => Precision::Single,
            Self::F64(_) => Precision::Double,
        }
    }
}

/// The slice of an array, with precision and length checked.
pub(crate) fn checked<'a, T: Number>(
    what: &str,
    values: &Values<'a>,
    expected: usize,
) -> Result<&'a [T], ModelError> {
    let slice = T::slice(values).ok_or_else(|| ModelError::Precision {
        what: what.to_owned(),
        expected: T::PRECISION,
        got: values.precision(),
    })?;
    length(what, slice.len(), expected)?;
    Ok(slice)
}

/// The slice of an array to write, with precision and length checked.
pub(crate) fn checked_mut<'a, T: Number>(
    what: &str,
    values: &'a mut ValuesMut<'_>,
    expected: usize,
) -> Result<&'a mut [T], ModelError> {
    let got = values.precision();
    let slice = T::slice_mut(values).ok_or_else(|| ModelError::Precision {
        what: what.to_owned(),
        expected: T::PRECISION,
        got,
    })?;
    length(what, slice.len(), expected)?;
    Ok(slice)
}

/// Refuses a wrong length.
pub(crate) fn length(what: &str, got: usize, expected: usize) -> Result<(), ModelError> {
    if got == expected { Ok(()) } else { Err(ModelError::Length { what: what.to_owned(), expected, got }) }
}
