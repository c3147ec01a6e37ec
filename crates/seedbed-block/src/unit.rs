//! Physical units and the conversions between them.
//!
//! A closed list: an unknown unit is an error at the edge, never a silent
//! pass-through. Amounts a day and plain amounts are one kind, since a daily
//! value of precipitation is written either way.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A unit of measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A pure number: NDVI, masks, fractions from 0 to 1.
    One,
    /// Hundredths.
    Percent,
    /// Depth of water, or depth of water a day for a daily value.
    Millimetre,
    /// Depth of water in inches.
    Inch,
    /// Depth of water in centimetres.
    Centimetre,
    /// Depth of water a second, of which a daily value is 86,400 seconds' worth.
    MillimetrePerSecond,
    /// Depth of water an hour, of which a daily value is 24 hours' worth.
    MillimetrePerHour,
    /// Degrees Celsius.
    Celsius,
    /// Kelvin.
    Kelvin,
    /// Degrees Fahrenheit.
    Fahrenheit,
    /// Pascal.
    Pascal,
    /// Hectopascal.
    Hectopascal,
    /// Kilopascal.
    Kilopascal,
    /// Watt per square metre.
    WattPerSquareMetre,
    /// Megajoule per square metre and day.
    MegajoulePerSquareMetreDay,
    /// Joule per square metre and day, as reanalyses add up radiation.
    JoulePerSquareMetreDay,
    /// Kilogram per square metre: for water the same as a millimetre.
    KilogramPerSquareMetre,
    /// Metre per second.
    MetrePerSecond,
    /// Kilometre per hour.
    KilometrePerHour,
    /// Mile per hour.
    MilePerHour,
    /// Knot: a nautical mile per hour.
    Knot,
    /// Metre: a height, or a depth of water.
    Metre,
    /// Kilometre: a height.
    Kilometre,
    /// International foot: a height.
    Foot,
    /// Second.
    Second,
    /// Hour.
    Hour,
    /// Day of year, from 1.
    DayOfYear,
    /// Degree of angle.
    Degree,
}

/// What a conversion can fail with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnitError {
    /// The name is not on the list.
    #[error("unknown unit `{0}`")]
    Unknown(String),
    /// The two units measure different things.
    #[error("`{from}` cannot be converted to `{to}`")]
    Incompatible {
        /// The unit there is.
        from: Unit,
        /// The unit asked for.
        to: Unit,
    },
}

/// What follows a number in a sentence: a space and its unit, or nothing where that is a pure number.
///
/// # Examples
/// ```
/// use seedbed_block::{Unit, unit_suffix};
/// assert_eq!(format!("0.5{}", unit_suffix(Unit::Millimetre)), "0.5 mm");
/// assert_eq!(format!("0.5{}", unit_suffix(Unit::One)), "0.5");
/// ```
#[must_use]
pub fn unit_suffix(unit: impl fmt::Display) -> String {
    match unit.to_string().as_str() {
        "1" => String::new(),
        unit => format!(" {unit}"),
    }
}

/// `to = from × scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// Factor.
    pub scale: f64,
    /// Added after scaling.
    pub offset: f64,
}

impl Conversion {
    /// Leaves values as they are.
    pub const IDENTITY: Self = Self { scale: 1.0, offset: 0.0 };

    /// The converted value.
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        value * self.scale + self.offset
    }
}

/// (unit, canonical spelling, other spellings, dimension, factor and offset to the dimension's base)
type Row = (Unit, &'static str, &'static [&'static str], u8, f64, f64);

const TABLE: &[Row] = &[
    (Unit::One, "1", &["", "-", "unitless", "none", "dimensionless", "fraction"], 0, 1.0, 0.0),
    (Unit::Percent, "%", &["percent", "pct"], 0, 0.01, 0.0),
    (
        Unit::Millimetre,
        "mm",
        &["mm/day", "mm d-1", "mm day-1", "mm day**-1", "mm/d", "millimeter", "millimetre", "millimeters"],
        1,
        1.0,
        0.0,
    ),
    (
        Unit::Inch,
        "inch",
        &["in", "inches", "in/day", "inch/day", "inches/day", "in d-1", "in day-1"],
        1,
        25.4,
        0.0,
    ),
    (Unit::Centimetre, "cm", &["centimeter", "centimetre", "cm/day", "cm d-1"], 1, 10.0, 0.0),
    (
        Unit::MillimetrePerSecond,
        "mm s-1",
        &["mm/s", "kg m-2 s-1", "kg/m2/s", "kg/m^2/s", "kg m**-2 s**-1"],
        1,
        86_400.0,
        0.0,
    ),
    (Unit::MillimetrePerHour, "mm h-1", &["mm/h", "mm/hr", "mm/hour", "mm hr-1", "mm hour-1"], 1, 24.0, 0.0),
    (
        Unit::KilogramPerSquareMetre,
        "kg m-2",
        &["kg/m2", "kg/m^2", "kg m**-2", "kg m-2 day-1", "kg m-2 d-1", "kg m**-2 day**-1", "kg/m2/day"],
        1,
        1.0,
        0.0,
    ),
    (
        Unit::Celsius,
        "degC",
        &[
            "degrees C",
            "degrees Celsius",
            "degree C",
            "deg C",
            "celsius",
            "Celsius",
            "°C",
            "degree_Celsius",
            "degrees_Celsius",
            "degree_celsius",
            "degrees_celsius",
            "degrees_C",
            "deg_C",
            "C",
        ],
        2,
        1.0,
        0.0,
    ),
    (Unit::Kelvin, "K", &["kelvin", "Kelvin", "degK"], 2, 1.0, -273.15),
    (
        Unit::Fahrenheit,
        "degF",
        &[
            "degrees F",
            "degrees Fahrenheit",
            "degree F",
            "deg F",
            "fahrenheit",
            "Fahrenheit",
            "°F",
            "degree_Fahrenheit",
            "degrees_Fahrenheit",
            "degree_fahrenheit",
            "degrees_fahrenheit",
            "degrees_F",
            "deg_F",
        ],
        2,
        5.0 / 9.0,
        -160.0 / 9.0,
    ),
    (Unit::Pascal, "Pa", &["pascal"], 3, 1.0, 0.0),
    (Unit::Hectopascal, "hPa", &["mbar"], 3, 100.0, 0.0),
    (Unit::Kilopascal, "kPa", &[], 3, 1000.0, 0.0),
    (Unit::WattPerSquareMetre, "W m-2", &["W/m2", "W/m^2", "W m**-2"], 4, 1.0, 0.0),
    (
        Unit::MegajoulePerSquareMetreDay,
        "MJ m-2 day-1",
        &["MJ m-2 d-1", "MJ/m2/day", "MJ m-2", "MJ/m2", "MJ/m^2", "MJ m**-2"],
        4,
        1e6 / 86400.0,
        0.0,
    ),
    (
        Unit::JoulePerSquareMetreDay,
        "J m-2",
        &["J/m2", "J/m^2", "J m**-2", "J m-2 d-1", "J m-2 day-1", "J/m2/day"],
        4,
        1.0 / 86400.0,
        0.0,
    ),
    (Unit::MetrePerSecond, "m s-1", &["m/s", "m s**-1"], 5, 1.0, 0.0),
    (Unit::KilometrePerHour, "km h-1", &["km/h", "km hr-1", "km/hr", "kph"], 5, 1.0 / 3.6, 0.0),
    (Unit::MilePerHour, "mph", &["mile/h", "mi/h", "miles/hour", "miles per hour"], 5, 0.447_04, 0.0),
    (Unit::Knot, "kt", &["knot", "knots", "kn"], 5, 1852.0 / 3600.0, 0.0),
    (
        Unit::Metre,
        "m",
        &["metre", "meter", "meters", "m of water equivalent", "m d-1", "m/day"],
        1,
        1000.0,
        0.0,
    ),
    (Unit::Kilometre, "km", &["kilometre", "kilometer", "kilometers"], 1, 1e6, 0.0),
    (Unit::Foot, "ft", &["foot", "feet"], 1, 304.8, 0.0),
    (Unit::Second, "s", &["seconds", "second", "s/day"], 7, 1.0, 0.0),
    (Unit::Hour, "h", &["hour", "hours"], 7, 3600.0, 0.0),
    (Unit::DayOfYear, "day of year", &["Day of the year", "doy"], 8, 1.0, 0.0),
    (Unit::Degree, "degree", &["deg", "degrees", "degrees_north", "degrees_east"], 9, 1.0, 0.0),
];

impl Unit {
    #[expect(clippy::expect_used, reason = "TABLE has a row for every variant, which a test checks")]
    fn row(self) -> &'static Row {
        TABLE.iter().find(|r| r.0 == self).expect("every unit has a row")
    }

    /// The factor and offset from this unit to `to`.
    ///
    /// # Errors
    /// [`UnitError::Incompatible`] where the two measure different things.
    ///
    /// # Examples
    /// ```
    /// use seedbed_block::Unit;
    /// let c = Unit::Kelvin.to(Unit::Celsius).unwrap();
    /// assert!((c.apply(273.15)).abs() < 1e-12);
    /// assert!(Unit::Kelvin.to(Unit::Millimetre).is_err());
    /// ```
    pub fn to(self, to: Self) -> Result<Conversion, UnitError> {
        let (a, b) = (self.row(), to.row());
        if a.3 != b.3 {
            return Err(UnitError::Incompatible { from: self, to });
        }
        if self == to {
            return Ok(Conversion::IDENTITY);
        }
        Ok(Conversion { scale: a.4 / b.4, offset: (a.5 - b.5) / b.4 })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().1)
    }
}

impl FromStr for Unit {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let t = text.trim();
        TABLE
            .iter()
            .find(|r| r.1 == t || r.2.contains(&t))
            .map(|r| r.0)
            .ok_or_else(|| UnitError::Unknown(text.to_owned()))
    }
}

impl Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_parses_to_one_unit() {
        for row in TABLE {
            for name in std::iter::once(&row.1).chain(row.2) {
                assert_eq!(name.parse::<Unit>().unwrap(), row.0, "{name}");
            }
            assert_eq!(row.0.to_string().parse::<Unit>().unwrap(), row.0);
        }
    }

    #[test]
    fn depths_of_water_are_of_one_kind_a_second_an_hour_or_a_day() {
        let of = |text: &str| text.parse::<Unit>().unwrap().to(Unit::Millimetre).unwrap().apply(2.0);
        assert_eq!([of("m"), of("cm"), of("kg m-2"), of("inch")], [2000.0, 20.0, 2.0, 50.8]);
        assert_eq!([of("kg m-2 s-1"), of("mm/hr")], [172_800.0, 48.0]);
        assert_eq!([of("kg m**-2"), of("kg m-2 day-1")], [2.0, 2.0]);
        assert!("m s-1".parse::<Unit>().unwrap().to(Unit::Millimetre).is_err());
        let as_metres = |text: &str| text.parse::<Unit>().unwrap().to(Unit::Metre).unwrap().apply(2.0);
        assert!((as_metres("km") - 2000.0).abs() < 1e-9 && (as_metres("feet") - 0.6096).abs() < 1e-12);
    }

    #[test]
    fn wind_and_radiation_come_in_the_units_of_stations_and_reanalyses() {
        let to = |text: &str, unit: Unit| text.parse::<Unit>().unwrap().to(unit).unwrap().apply(7.2);
        assert!((to("km h-1", Unit::MetrePerSecond) - 2.0).abs() < 1e-12);
        assert!((to("J m**-2", Unit::MegajoulePerSquareMetreDay) - 7.2e-6).abs() < 1e-18);
    }

    #[test]
    fn fahrenheit_converts_both_ways() {
        let f = Unit::Celsius.to(Unit::Fahrenheit).unwrap();
        assert!((f.apply(100.0) - 212.0).abs() < 1e-9);
        let c = Unit::Fahrenheit.to(Unit::Celsius).unwrap();
        assert!((c.apply(32.0)).abs() < 1e-9);
    }
}
