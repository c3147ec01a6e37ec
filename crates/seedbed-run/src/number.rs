//! Numbers as models take them: slices that become their arrays.

use seedbed_block::Real;
use seedbed_model::{Values, ValuesMut};

/// A number type the models know: turns slices into their arrays.
pub(crate) trait Number: Real {
    fn values(slice: &[Self]) -> Values<'_>;
    fn values_mut(slice: &mut [Self]) -> ValuesMut<'_>;
}

impl Number for f32 {
    fn values(slice: &[Self]) -> Values<'_> {
        Values::F32(slice)
    }
    fn values_mut(slice: &mut [Self]) -> ValuesMut<'_> {
        ValuesMut::F32(slice)
    }
}

impl Number for f64 {
    fn values(slice: &[Self]) -> Values<'_> {
        Values::F64(slice)
    }
    fn values_mut(slice: &mut [Self]) -> ValuesMut<'_> {
        ValuesMut::F64(slice)
    }
}
