//! Values that stand for the classes of a raster, such as those of a land cover.

use seedbed_block::Real;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of classes and their values.
///
/// Pixels get their class's value on the raster's own grid, before anything is resampled: values
/// have a mean, and classes have none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classes {
    values: BTreeMap<i64, f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<f64>,
}

/// A table that won't do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClassesError {
    /// A class isn't a whole number.
    #[error("`{0}` is no class: classes are whole numbers, such as 41")]
    Class(String),
    /// A class has no number for a value.
    #[error("class {0} has the value {1}, which is no number")]
    Value(String, String),
    /// It has no class.
    #[error("the table has no class")]
    Empty,
}

/// A pixel whose class the table lacks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unknown {
    pub(crate) class: f64,
    /// Its place among the values.
    pub(crate) at: usize,
}

impl Classes {
    /// A table of classes as they are written, and the value of all others, if they have one.
    ///
    /// # Errors
    /// [`ClassesError`] for a class that isn't a whole number or is there twice, a value that
    /// isn't finite, and a table without classes.
    ///
    /// # Examples
    /// ```
    /// use seedbed_prep::Classes;
    /// let table = |class: &str| Classes::new([(class.to_owned(), 18.5)], Some(5.0));
    /// assert!(table("41").is_ok());
    /// assert_eq!(table("oak").unwrap_err().to_string(), "`oak` is no class: classes are whole numbers, such as 41");
    /// ```
    pub fn new(
        values: impl IntoIterator<Item = (String, f64)>,
        other: Option<f64>,
    ) -> Result<Self, ClassesError> {
        let mut table = BTreeMap::new();
        for (class, value) in values {
            let number: i64 = class.parse().map_err(|_| ClassesError::Class(class.clone()))?;
            if !value.is_finite() {
                return Err(ClassesError::Value(class, value.to_string()));
            }
            // `7` and `07` are one class.
            if table.insert(number, value).is_some() {
                return Err(ClassesError::Class(class));
            }
        }
        if let Some(value) = other.filter(|value| !value.is_finite()) {
            return Err(ClassesError::Value("`other`".to_owned(), value.to_string()));
        }
        if table.is_empty() {
            return Err(ClassesError::Empty);
        }
        Ok(Self { values: table, other })
    }

    /// Puts values in the place of classes; what is missing stays so.
    ///
    /// # Errors
    /// [`Unknown`] for the first pixel of a class that isn't in the table, where others have no value.
    pub(crate) fn apply<T: Real>(&self, pixels: &mut [T]) -> Result<(), Unknown> {
        // Neighbours are mostly of one class.
        let mut last: Option<(T, T)> = None;
        for (at, pixel) in pixels.iter_mut().enumerate() {
            if pixel.is_missing() {
                continue;
            }
            let value = match last {
                Some((class, value)) if class == *pixel => value,
                _ => {
                    let class = pixel.to_f64();
                    T::of(self.value(class).ok_or(Unknown { class, at })?)
                }
            };
            last = Some((*pixel, value));
            *pixel = value;
        }
        Ok(())
    }

    fn value(&self, class: f64) -> Option<f64> {
        // A fraction is none of the classes.
        #[expect(clippy::cast_possible_truncation, reason = "compared with the number it came from")]
        let whole = class as i64;
        #[expect(clippy::cast_precision_loss, reason = "a number that differs is no class of the table")]
        let same = whole as f64 == class;
        self.values.get(&whole).filter(|_| same).copied().or(self.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(other: Option<f64>) -> Classes {
        Classes::new([("11", 0.0), ("41", 18.5), ("-3", 2.0)].map(|(c, v)| (c.to_owned(), v)), other).unwrap()
    }

    #[test]
    fn every_pixel_gets_the_value_of_its_class_and_what_is_missing_stays_so() {
        let mut pixels = [41.0_f32, 41.0, f32::NAN, -3.0, 11.0, 41.0];
        table(None).apply(&mut pixels).unwrap();
        assert_eq!((pixels[..2].to_vec(), pixels[3..].to_vec()), (vec![18.5, 18.5], vec![2.0, 0.0, 18.5]));
        assert!(pixels[2].is_nan());
    }

    #[test]
    fn a_class_that_isnt_in_the_table_is_one_of_the_others_or_an_error() {
        let pixels = [11.0, 90.0, 41.5];
        let mut others = pixels;
        table(Some(5.0)).apply(&mut others).unwrap();
        assert_eq!(others, [0.0, 5.0, 5.0]);
        assert_eq!(table(None).apply(&mut pixels.clone()), Err(Unknown { class: 90.0, at: 1 }));
        assert_eq!(table(None).apply(&mut [41.5]), Err(Unknown { class: 41.5, at: 0 }));
    }

    #[test]
    fn tables_are_checked() {
        let made = |class: &str, value: f64, other| Classes::new([(class.to_owned(), value)], other);
        assert!(made("41.0", 1.0, None).is_err() && made("", 1.0, None).is_err());
        assert!(made("41", f64::NAN, None).is_err() && made("41", 1.0, Some(f64::INFINITY)).is_err());
        let twice = [("7".to_owned(), 1.0), ("07".to_owned(), 2.0)];
        assert_eq!(Classes::new(twice, None), Err(ClassesError::Class("07".to_owned())));
        assert_eq!(Classes::new([], Some(1.0)), Err(ClassesError::Empty));
    }
}
