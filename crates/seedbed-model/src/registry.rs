//! The built-in models.

use crate::nearest::nearest;
use crate::reference_et::ReferenceEt;
use crate::spring_index::SpringIndex;
use crate::veget::Veget;
use crate::{Model, ModelError};

static MODELS: [&dyn Model; 3] = [&Veget, &SpringIndex, &ReferenceEt];

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
