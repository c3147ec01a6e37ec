//! What a day's values are in its source, beside what they became: the least, the
//! greatest, and the share that is there.

use crate::parallel::in_parallel;
use crate::store_root::AT_ONCE;
use crate::{Expected, PrepError, Root};
use seedbed_block::{Conversion, Real};
use serde::Serialize;
use serde_json::{Value, json};

/// What was read of one layer, in the unit it is wanted in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    low: f64,
    high: f64,
    valid: usize,
    pixels: usize,
}

impl Seen {
    /// Of decoded values, before they are aligned and converted.
    pub(crate) fn of<T: Real>(values: &[T], conversion: Conversion) -> Self {
        let (mut low, mut high, mut valid) = (T::of(f64::INFINITY), T::of(f64::NEG_INFINITY), 0);
        for value in values {
            // Missing values compare with nothing.
            low = if *value < low { *value } else { low };
            high = if *value > high { *value } else { high };
            valid += usize::from(!value.is_missing());
        }
        let pixels = values.len();
        if valid == 0 {
            return Self { low: f64::INFINITY, high: f64::NEG_INFINITY, valid, pixels };
        }
        let (a, b) = (conversion.apply(low.to_f64()), conversion.apply(high.to_f64()));
        Self { low: a.min(b), high: a.max(b), valid, pixels }
    }

    /// Of two layers of a day.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            valid: self.valid + other.valid,
            pixels: self.pixels + other.pixels,
        }
    }

    /// As a record holds it.
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    pub(crate) fn json(self) -> Value {
        let value = |v: f64| (self.valid > 0).then_some(v);
        let share = 100.0 * self.valid as f64 / self.pixels.max(1) as f64;
        json!({ "minimum": value(self.low), "maximum": value(self.high), "valid_percent": share })
    }
}

/// The least and the greatest value, and how many per cent of the pixels have one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Extremes {
    /// None where nothing is there.
    pub minimum: Option<f64>,
    /// None where nothing is there.
    pub maximum: Option<f64>,
    /// From 0 to 100.
    pub valid_percent: f64,
}

impl Extremes {
    fn read(said: &Value) -> Option<Self> {
        let number = |key: &str| said.get(key).and_then(Value::as_f64);
        let valid_percent = number("valid_percent")?;
        Some(Self { minimum: number("minimum"), maximum: number("maximum"), valid_percent })
    }
}

/// One variable of one product.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tally {
    /// Its tile.
    pub tile: String,
    /// Its period, such as a date.
    pub period: String,
    /// The variable.
    pub variable: String,
    /// The unit of the values.
    pub unit: Option<String>,
    /// Of the source's pixels in the window that the tile is made from, in that unit;
    /// none of what isn't a date of its source.
    pub source: Option<Extremes>,
    /// Of the tile's pixels.
    pub product: Extremes,
}

impl Tally {
    /// The columns of [`Tally::row`].
    pub const COLUMNS: [&'static str; 10] = [
        "period",
        "tile",
        "variable",
        "unit",
        "source_minimum",
        "source_maximum",
        "source_valid_percent",
        "minimum",
        "maximum",
        "valid_percent",
    ];

    /// Its cells; an empty one is nothing.
    #[must_use]
    pub fn row(&self) -> [String; 10] {
        let number = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
        let [a, b, c] = self.source.map_or([None; 3], |s| [s.minimum, s.maximum, Some(s.valid_percent)]);
        let Extremes { minimum, maximum, valid_percent } = self.product;
        [
            self.period.clone(),
            self.tile.clone(),
            self.variable.clone(),
            self.unit.clone().unwrap_or_default(),
            number(a),
            number(b),
            number(c),
            number(minimum),
            number(maximum),
            number(Some(valid_percent)),
        ]
    }
}

/// Every variable of a product's COGs that are there, by period, tile and variable.
///
/// # Errors
/// [`PrepError::Request`] for what is no product; [`PrepError::Document`] for a record
/// that can't be read.
pub fn tally(product: impl Into<Root>) -> Result<Vec<Tally>, PrepError> {
    let (set, root) = Expected::of(&product.into())?;
    let records = in_parallel(&set.members, AT_ONCE, |_, member| root.record(member), |_| ());
    let mut rows = Vec::new();
    for (member, record) in set.members.iter().zip(records) {
        let Some(record) = record? else { continue };
        let record = record.as_value();
        for variable in set.variables(member) {
            let asset = &record["assets"][variable.as_str()];
            let band = &asset["bands"][0];
            let Some(product) = Extremes::read(&band["statistics"]) else { continue };
            rows.push(Tally {
                tile: member.tile.clone(),
                period: member.period.clone(),
                variable: variable.clone(),
                unit: band["unit"].as_str().map(str::to_owned),
                source: Extremes::read(&asset[FIELD]),
                product,
            });
        }
    }
    rows.sort_by(|a, b| (&a.period, &a.tile, &a.variable).cmp(&(&b.period, &b.tile, &b.variable)));
    Ok(rows)
}

/// The field of an asset that holds what was seen of its source.
pub(crate) const FIELD: &str = "seedbed:source";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_seen_in_the_wanted_unit() {
        let to_celsius = Conversion { scale: 1.0, offset: -273.15 };
        let seen = Seen::of(&[280.0, f64::NAN, 290.0, 270.0], to_celsius);
        assert_eq!((seen.low, seen.high), (270.0 - 273.15, 290.0 - 273.15));
        assert_eq!(seen.json()["valid_percent"], 75.0);
        let turned = Seen::of(&[1.0_f32, 2.0], Conversion { scale: -1.0, offset: 0.0 });
        assert_eq!((turned.low, turned.high), (-2.0, -1.0));
        let both = turned.and(Seen::of(&[f32::NAN; 2], Conversion::IDENTITY));
        assert_eq!(both.json()["valid_percent"], 50.0);
        assert_eq!(both.json()["minimum"], -2.0);
        assert_eq!(Seen::of(&[f32::NAN], Conversion::IDENTITY).json()["minimum"], Value::Null);
    }
}
