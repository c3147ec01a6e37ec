//! Names that nothing else has.

use crate::StorageError;

/// Sixteen random hex digits.
pub(crate) fn random() -> Result<String, StorageError> {
    let number = getrandom::u64()
        .map_err(|e| StorageError::Setup { what: "random names", source: e.to_string().into() })?;
    Ok(format!("{number:016x}"))
}

/// A temporary name beside `name`.
pub(crate) fn temporary(name: &str) -> Result<String, StorageError> {
    Ok(format!("{name}.{}.tmp", random()?))
}
