//! What an input is to become: the tile it goes to and the rules it is read by.

use crate::{Classes, Mask};
use schemars::JsonSchema;
use seedbed_block::{Bridge, Conversion, Real, Unit};
use seedbed_grid::{Bbox, GeoBox, Index};
use seedbed_raster::Resampling;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How a series becomes one value a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeRule {
    /// Every day has a layer of its own.
    #[default]
    Daily,
    /// Linear between composites; masked ones are bridged, pixel by pixel.
    Composite,
    /// As `composite`, but between the days on which each pixel was observed, which a layer
    /// beside the composites' tells. The values of a kernel that averages have the mean of
    /// their source pixels' days, weighted as their values are. A pixel whose day isn't
    /// known, or isn't one of the 16 from its composite's date on, is missing.
    CompositeDay,
    /// As `composite`, but every interval counts 16 days, as legacy NDVI series do.
    CompositeLegacy,
    /// Linear between layers that recur every year on their day of the year; the last of
    /// a year is followed by its first.
    Climatology,
}

/// What stands for a day that the input's calendar leaves out in leap years:
/// 29 February (noleap) or 31 December (Daymet). A day is left out by the
/// calendar if the series has it in none of its leap years; otherwise it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeapRule {
    /// Such a day is an error, as any missing day is.
    #[default]
    Error,
    /// The day before stands for it.
    Repeat,
    /// The mean of the day before and the day after, where both are there.
    Interpolate,
    /// The day is missing.
    Missing,
}

/// A word that is none of a rule's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {what}; there are {known}")]
pub struct RuleError {
    word: String,
    what: &'static str,
    known: String,
}

fn named<T: Copy>(word: &str, what: &'static str, all: &[(&str, T)]) -> Result<T, RuleError> {
    all.iter().find(|(name, _)| *name == word).map(|(_, rule)| *rule).ok_or_else(|| RuleError {
        word: word.to_owned(),
        what,
        known: all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    })
}

impl FromStr for TimeRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let all = [
            ("daily", Self::Daily),
            ("composite", Self::Composite),
            ("composite-day", Self::CompositeDay),
            ("composite-legacy", Self::CompositeLegacy),
            ("climatology", Self::Climatology),
        ];
        named(text, "time rule", &all)
    }
}

impl FromStr for LeapRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let all = [
            ("error", Self::Error),
            ("repeat", Self::Repeat),
            ("interpolate", Self::Interpolate),
            ("missing", Self::Missing),
        ];
        named(text, "leap rule", &all)
    }
}

/// What an input is turned into.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The tile's name, for messages.
    pub tile: String,
    /// Its geobox.
    pub geobox: GeoBox,
    /// Its first pixel on the project's grid.
    pub anchor: Index,
    /// Its box in WGS 84.
    pub bbox: Bbox,
}

/// How an input's values are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Kernel.
    pub resampling: Resampling,
    /// From layers to days.
    pub time: TimeRule,
    /// The longest gap that is bridged between composites, or between layers of a
    /// climatology. Where it isn't said, 48 days; but nothing where layers come a day apart:
    /// a pixel that is missing on a day is missing then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<Bridge>,
    /// By `composite-day`: the layer of days of the year, an asset of the item or a variable
    /// of the same file. Where none is named it is the asset `composite_day`, or the one
    /// whose key ends in `composite_day_of_the_year`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composite_day: Option<String>,
    /// Days a calendar leaves out.
    pub leap: LeapRule,
    /// The unit the values are in, if the user said so; else the item's or the file's word.
    pub unit: Option<Unit>,
    /// From stored numbers to values in their unit, from the project file: none where file or item states its own.
    pub adjust: Conversion,
    /// The unit they are wanted in; `None` leaves them as they are.
    pub wanted: Option<Unit>,
    /// What makes sense in the wanted unit.
    pub sane: Option<Sane>,
    /// What a quality layer must say of a source pixel for its value to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// The values of a raster's classes, which take their place before anything is resampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// What becomes of values outside the range that item or file calls valid.
    #[serde(default, skip_serializing_if = "ValidRange::is_ignored")]
    pub valid_range: ValidRange,
}

/// What becomes of a source pixel outside the range of stored values that its item
/// (`valid_range` of the band) or else its file (CF's `valid_range`, `valid_min`
/// and `valid_max`) calls valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidRange {
    /// It stays.
    #[default]
    Ignored,
    /// It is missing, before anything is resampled.
    Missing,
}

impl ValidRange {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_ignored(&self) -> bool {
        *self == Self::Ignored
    }
}

/// Values that make sense, so that kelvin is never read as Celsius.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sane {
    /// Least value.
    pub low: f64,
    /// Greatest value.
    pub high: f64,
    /// The share of a layer's values that may lie outside.
    pub tolerated: f64,
}

impl Sane {
    /// The first value outside, unless so few are that it is tolerated.
    pub(crate) fn first_outside<T: Real>(&self, values: &[T]) -> Option<T> {
        let (low, high) = (T::of(self.low), T::of(self.high));
        let outside = |v: &T| *v < low || *v > high;
        // Without an early exit this becomes vector code.
        if !values.iter().fold(false, |any, v| any | outside(v)) {
            return None;
        }
        let there = values.iter().filter(|v| !v.is_missing()).count();
        let count = values.iter().filter(|v| outside(v)).count();
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
        let tolerated = count as f64 <= self.tolerated * there as f64;
        if tolerated { None } else { values.iter().copied().find(outside) }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            resampling: Resampling::Nearest,
            time: TimeRule::Daily,
            bridge: None,
            composite_day: None,
            leap: LeapRule::Error,
            unit: None,
            adjust: Conversion::IDENTITY,
            wanted: None,
            sane: None,
            mask: None,
            classes: None,
            valid_range: ValidRange::Ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_by_the_names_they_are_written_with() {
        for rule in [
            TimeRule::Daily,
            TimeRule::Composite,
            TimeRule::CompositeDay,
            TimeRule::CompositeLegacy,
            TimeRule::Climatology,
        ] {
            let written = serde_json::to_value(rule).unwrap();
            assert_eq!(written.as_str().unwrap().parse(), Ok(rule));
        }
        for rule in [LeapRule::Error, LeapRule::Repeat, LeapRule::Interpolate, LeapRule::Missing] {
            let written = serde_json::to_value(rule).unwrap();
            assert_eq!(written.as_str().unwrap().parse(), Ok(rule));
        }
        assert!("skip".parse::<LeapRule>().unwrap_err().to_string().contains("repeat, interpolate, missing"));
    }

    #[test]
    fn what_is_usual_is_no_part_of_a_key() {
        let written = serde_json::to_value(Rules::default()).unwrap();
        assert!(written.get("bridge").is_none() && written.get("composite_day").is_none());
        assert!(written.get("classes").is_none());
        let rules = Rules { bridge: "16d".parse().ok(), ..Rules::default() };
        assert_eq!(serde_json::to_value(rules).unwrap()["bridge"], "16d");
    }
}
