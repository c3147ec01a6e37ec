//! A run's variant, parameters and switches, checked against the spec.

use crate::nearest::nearest;
use crate::{ModelError, ModelSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A setting as the user wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SettingValue {
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// Text, from which a number or flag is read where one is needed.
    Text(String),
}

impl SettingValue {
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Flag(_) => None,
            Self::Number(n) => Some(*n),
            Self::Text(t) => t.trim().parse().ok(),
        }
        .filter(|n: &f64| n.is_finite())
    }

    fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(f) => Some(*f),
            Self::Number(_) => None,
            Self::Text(t) => t.trim().parse().ok(),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Flag(f) => f.to_string(),
            Self::Number(n) => n.to_string(),
            Self::Text(t) => t.clone(),
        }
    }
}

/// A variant and the value of every parameter and switch, all checked.
///
/// Serialised, it is the part of a task's key that says how the model was set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    variant: String,
    parameters: BTreeMap<String, f64>,
    switches: BTreeMap<String, bool>,
    #[serde(skip)]
    stated: BTreeSet<String>,
}

impl Settings {
    /// Settings from pairs; `variant` names the variant, all else is a parameter
    /// or a switch. What is not named takes its default.
    ///
    /// # Errors
    /// [`ModelError`] for an unknown name, a wrong kind, a value out of range, a
    /// parameter that exceeds another that it may not exceed, or one without default
    /// that isn't set.
    pub fn new<'a>(
        spec: &ModelSpec,
        pairs: impl IntoIterator<Item = (&'a str, SettingValue)>,
    ) -> Result<Self, ModelError> {
        let pairs: Vec<_> = pairs.into_iter().collect();
        let variant = match pairs.iter().find(|p| p.0 == "variant") {
            Some((_, value)) => spec.variant(&value.text())?,
            None => spec.variants.first().ok_or(ModelError::Unset("variant"))?,
        };
        let mut parameters: BTreeMap<String, f64> =
            spec.parameters.iter().filter_map(|p| Some((p.name.to_owned(), p.default?))).collect();
        let mut switches: BTreeMap<String, bool> =
            spec.switches.iter().map(|s| (s.name.to_owned(), s.on_in.contains(&variant.name))).collect();
        let mut stated = BTreeSet::new();
        for (name, value) in pairs.iter().filter(|p| p.0 != "variant") {
            let kind = |expected| ModelError::SettingKind {
                name: (*name).to_owned(),
                value: value.text(),
                expected,
            };
            if let Some(p) = spec.parameters.iter().find(|p| p.name == *name) {
                let number = value.number().ok_or_else(|| kind("a number"))?;
                if number < p.range.0 || number > p.range.1 {
                    return Err(ModelError::OutOfRange {
                        name: p.name.to_owned(),
                        value: number,
                        low: p.range.0,
                        high: p.range.1,
                        unit: p.unit.to_owned(),
                        doc: p.doc,
                    });
                }
                parameters.insert(p.name.to_owned(), number);
            } else if let Some(s) = spec.switches.iter().find(|s| s.name == *name) {
                switches.insert(s.name.to_owned(), value.flag().ok_or_else(|| kind("true or false"))?);
            } else {
                return Err(unknown(spec, name));
            }
            stated.insert((*name).to_owned());
        }
        if let Some(p) = spec.parameters.iter().find(|p| !parameters.contains_key(p.name)) {
            return Err(ModelError::Unset(p.name));
        }
        for (lesser, greater) in spec.orders {
            let (Some(value), Some(limit)) = (parameters.get(*lesser), parameters.get(*greater)) else {
                continue;
            };
            if value > limit {
                let unit = spec.parameters.iter().find(|p| p.name == *lesser).map_or("1", |p| p.unit);
                let (value, limit, unit) = (*value, *limit, unit.to_owned());
                return Err(ModelError::Disorder { lesser, value, greater, limit, unit });
            }
        }
        Ok(Self { variant: variant.name.to_owned(), parameters, switches, stated })
    }

    /// The variant's name.
    #[must_use]
    pub fn variant(&self) -> &str {
        &self.variant
    }

    /// A parameter's value; NaN for a name the spec doesn't have.
    #[must_use]
    pub fn parameter(&self, name: &str) -> f64 {
        self.parameters.get(name).copied().unwrap_or(f64::NAN)
    }

    /// Whether a switch is on; false for a name the spec doesn't have.
    #[must_use]
    pub fn switch(&self, name: &str) -> bool {
        self.switches.get(name).copied().unwrap_or(false)
    }

    /// Whether the user named this parameter or switch.
    #[must_use]
    pub fn is_stated(&self, name: &str) -> bool {
        self.stated.contains(name)
    }

    /// Every parameter and its value.
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<String, f64> {
        &self.parameters
    }

    /// Every switch and whether it is on.
    #[must_use]
    pub fn switches(&self) -> &BTreeMap<String, bool> {
        &self.switches
    }

    /// Refuses defaults that belong to another source of `input`, for a caller
    /// that computes that input by its fallback.
    ///
    /// # Errors
    /// [`ModelError::Uncalibrated`].
    pub fn check_computed(&self, spec: &ModelSpec, input: &'static str) -> Result<(), ModelError> {
        match spec.parameters.iter().find(|p| p.calibrated_for == Some(input) && !self.is_stated(p.name)) {
            Some(p) => Err(ModelError::Uncalibrated { parameter: p.name, input }),
            None => Ok(()),
        }
    }
}

/// The error for a name that is no setting.
pub(crate) fn unknown(spec: &ModelSpec, name: &str) -> ModelError {
    let names = spec
        .parameters
        .iter()
        .map(|p| p.name)
        .chain(spec.switches.iter().map(|s| s.name))
        .chain(spec.statics.iter().map(|s| s.name))
        .chain(["variant"]);
    ModelError::UnknownSetting { model: spec.name, name: name.to_owned(), nearest: nearest(name, names) }
}
