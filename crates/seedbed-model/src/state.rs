//! What a simulation must remember to go on.

use crate::{ModelError, ModelSpec};
use seedbed_block::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A simulation's memory: enough to go on with the same bits.
///
/// Vectors hold one number a pixel in 64 bits, which keeps 32-bit values
/// exactly; NaN is written as `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The model's name.
    pub model: String,
    /// The model's revision.
    pub revision: u32,
    /// The last day simulated, or none before the first.
    pub last: Option<Date>,
    /// Named vectors, one value a pixel.
    #[serde(with = "missing_as_null")]
    pub vectors: BTreeMap<String, Vec<f64>>,
}

impl State {
    /// A vector, with its length checked.
    ///
    /// # Errors
    /// [`ModelError::State`] or [`ModelError::Length`].
    pub fn vector(&self, name: &str, pixels: usize) -> Result<&[f64], ModelError> {
        let vector = self.vectors.get(name).ok_or_else(|| ModelError::State {
            found: format!("{} without `{name}`", self.model),
            expected: format!("one with `{name}`"),
        })?;
        crate::values::length(name, vector.len(), pixels)?;
        Ok(vector)
    }

    /// Refuses the state of another model or revision.
    ///
    /// # Errors
    /// [`ModelError::State`].
    pub fn check(&self, spec: &ModelSpec) -> Result<(), ModelError> {
        if self.model == spec.name && self.revision == spec.revision {
            return Ok(());
        }
        Err(ModelError::State {
            found: format!("{} revision {}", self.model, self.revision),
            expected: format!("{} revision {}", spec.name, spec.revision),
        })
    }
}

/// JSON has no NaN.
mod missing_as_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub fn serialize<S: Serializer>(vectors: &BTreeMap<String, Vec<f64>>, s: S) -> Result<S::Ok, S::Error> {
        let vectors: BTreeMap<&str, Vec<Option<f64>>> = vectors
            .iter()
            .map(|(k, v)| (k.as_str(), v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect()))
            .collect();
        vectors.serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, Vec<f64>>, D::Error> {
        let vectors = BTreeMap::<String, Vec<Option<f64>>>::deserialize(d)?;
        let number = |x: Option<f64>| x.unwrap_or(f64::NAN);
        Ok(vectors.into_iter().map(|(k, v)| (k, v.into_iter().map(number).collect())).collect())
    }
}
