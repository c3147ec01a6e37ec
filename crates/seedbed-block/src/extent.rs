//! Points, shapes and pixel ranges, as types that can't be swapped.

use serde::{Deserialize, Serialize};

/// A point or vector in CRS coordinates; x is easting or longitude.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Xy {
    /// Easting or longitude.
    pub x: f64,
    /// Northing or latitude.
    pub y: f64,
}

/// Rows and columns of a raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape2d {
    /// Number of rows (y).
    pub rows: usize,
    /// Number of columns (x).
    pub cols: usize,
}

impl Shape2d {
    /// The number of pixels.
    #[must_use]
    pub fn len(self) -> usize {
        self.rows * self.cols
    }

    /// Whether there is no pixel at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// A pixel's position on an unbounded grid: row southwards, column eastwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Index {
    /// Row, growing southwards.
    pub row: i64,
    /// Column, growing eastwards.
    pub col: i64,
}

/// A half-open rectangle of pixels on an unbounded integer grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PixelRange {
    /// Northernmost row.
    pub row0: i64,
    /// Westernmost column.
    pub col0: i64,
    /// Number of rows.
    pub rows: i64,
    /// Number of columns.
    pub cols: i64,
}

impl std::fmt::Display for PixelRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { row0, col0, rows, cols } = self;
        write!(f, "{rows} rows from row {row0} and {cols} columns from column {col0}")
    }
}

impl PixelRange {
    /// The range that covers `shape` from the origin.
    #[must_use]
    pub fn of_shape(shape: Shape2d) -> Self {
        Self {
            row0: 0,
            col0: 0,
            rows: shape.rows.cast_signed() as i64,
            cols: shape.cols.cast_signed() as i64,
        }
    }

    /// One past the southernmost row.
    #[must_use]
    pub fn row1(self) -> i64 {
        self.row0 + self.rows
    }

    /// One past the easternmost column.
    #[must_use]
    pub fn col1(self) -> i64 {
        self.col0 + self.cols
    }

    /// Whether all of another range lies in it.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.union(other) == self
    }

    /// Rows and columns; a negative extent counts as zero.
    #[must_use]
    pub fn shape(self) -> Shape2d {
        Shape2d {
            rows: usize::try_from(self.rows).unwrap_or(0),
            cols: usize::try_from(self.cols).unwrap_or(0),
        }
    }

    /// Whether no pixel lies inside.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.rows <= 0 || self.cols <= 0
    }

    /// The pixels in both ranges, if there are any.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let row0 = self.row0.max(other.row0);
        let col0 = self.col0.max(other.col0);
        let rows = self.row1().min(other.row1()) - row0;
        let cols = self.col1().min(other.col1()) - col0;
        let common = Self { row0, col0, rows, cols };
        (!common.is_empty()).then_some(common)
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let row0 = self.row0.min(other.row0);
        let col0 = self.col0.min(other.col0);
        Self {
            row0,
            col0,
            rows: self.row1().max(other.row1()) - row0,
            cols: self.col1().max(other.col1()) - col0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_ranges_do_not_overlap() {
        let west = PixelRange { row0: 0, col0: 0, rows: 10, cols: 10 };
        let east = PixelRange { row0: 0, col0: 10, rows: 10, cols: 10 };
        assert_eq!(west.intersection(east), None);
        assert_eq!(west.union(east), PixelRange { row0: 0, col0: 0, rows: 10, cols: 20 });
    }
}
