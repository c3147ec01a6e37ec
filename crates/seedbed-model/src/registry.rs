//! The built-in models.

use crate::growing_degree_days::GrowingDegreeDays;
use crate::nearest::nearest;
use crate::reference_et::ReferenceEt;
use crate::spring_index::SpringIndex;
use crate::temperature_anomaly::TemperatureAnomaly;
use crate::veget::Veget;
use crate::{Model, ModelError};

static MODELS: [&dyn Model; 5] =
    [&Veget, &SpringIndex, &ReferenceEt, &GrowingDegreeDays, &TemperatureAnomaly];

/// The built-in models.
#[must_use]
pub fn models() -> &'static [&'static dyn Model] {
    &MODELS
}

/// The built-in model of that name.
#[must_use]
pub fn model(name: &str) -> Option<&'static dyn Model> {
    models().iter().copied().find(|m| m.spec().name == name)
}

/// The built-in model of that name, or an error with the nearest one.
///
/// # Errors
/// [`ModelError::UnknownModel`].
pub fn find(name: &str) -> Result<&'static dyn Model, ModelError> {
    model(name).ok_or_else(|| ModelError::UnknownModel {
        name: name.to_owned(),
        nearest: nearest(name, models().iter().map(|m| m.spec().name)),
    })
}
