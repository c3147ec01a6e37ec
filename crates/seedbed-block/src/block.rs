//! A time × y × x array of one variable over one tile.

use crate::{Date, Real, Shape2d};

/// Values of one variable on one tile, in time order.
///
/// Axis order is time, y, x, contiguous, rows from north to south. A missing
/// value is NaN. `dates` is strictly increasing and has one entry a layer; a
/// static field is a block with a single layer and no meaning in its date.
#[derive(Debug, Clone, PartialEq)]
pub struct Block<T> {
    dates: Vec<Date>,
    shape: Shape2d,
    values: Vec<T>,
}

/// What can be wrong with a block's parts.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The array's length isn't layers × rows × columns.
    #[error("a block of {layers} layers of {rows}×{cols} needs {expected} values, got {got}")]
    Length {
        /// Number of dates given.
        layers: usize,
        /// Rows a layer.
        rows: usize,
        /// Columns a layer.
        cols: usize,
        /// Values needed.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// Dates repeat or run backwards.
    #[error("block dates must increase: {after} comes after {before}")]
    Order {
        /// The earlier entry.
        before: Date,
        /// The entry that follows it.
        after: Date,
    },
}

impl<T: Real> Block<T> {
    /// A block from its parts.
    ///
    /// # Errors
    /// [`BlockError`] if the lengths disagree or the dates don't increase.
    pub fn new(dates: Vec<Date>, shape: Shape2d, values: Vec<T>) -> Result<Self, BlockError> {
        let expected = dates.len() * shape.len();
        if expected != values.len() {
            return Err(BlockError::Length {
                layers: dates.len(),
                rows: shape.rows,
                cols: shape.cols,
                expected,
                got: values.len(),
            });
        }
        if let Some(w) = dates.windows(2).find(|w| w[0] >= w[1]) {
            return Err(BlockError::Order { before: w[0], after: w[1] });
        }
        Ok(Self { dates, shape, values })
    }

    /// The dates of the layers.
    #[must_use]
    pub fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// Rows and columns of a layer.
    #[must_use]
    pub fn shape(&self) -> Shape2d {
        self.shape
    }

    /// All values: time, y, x.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All values, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// All values, of their own: time, y, x.
    #[must_use]
    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    /// One layer's values (y, x), or `None` past the end.
    #[must_use]
    pub fn layer(&self, index: usize) -> Option<&[T]> {
        let n = self.shape.len();
        self.values.get(index * n..(index + 1) * n)
    }

    /// The share of values that are not missing, from 0 to 1; 0 for an empty block.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub fn valid_share(&self) -> f64 {
        if self.values.is_empty() {
            return 0.0;
        }
        let valid = self.values.iter().filter(|v| !v.is_missing()).count();
        valid as f64 / self.values.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    #[test]
    fn refuses_dates_that_repeat() {
        let shape = Shape2d { rows: 1, cols: 1 };
        let day = date(2004, 2, 29);
        assert!(Block::new(vec![day, day], shape, vec![0.0_f32; 2]).is_err());
    }

    #[test]
    fn counts_valid_values() {
        let shape = Shape2d { rows: 1, cols: 2 };
        let block = Block::new(vec![date(2004, 1, 1)], shape, vec![1.0_f64, f64::NAN]).unwrap();
        assert!((block.valid_share() - 0.5).abs() < 1e-15);
    }
}
