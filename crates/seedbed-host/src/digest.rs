//! What a model's results depend on beside its inputs: its own files.

use crate::{Definition, HostError};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// SHA-256 over the definition and the files it names: words of the command that are
/// files of its folder, the component, and `files`. In hexadecimal.
pub(crate) fn of(definition: &Definition) -> Result<String, HostError> {
    let named = definition.files.iter().chain(&definition.component).map(|f| definition.resolve(f));
    let words = definition.command.iter().map(|word| definition.resolve(word)).filter(|p| p.is_file());
    let paths: Vec<PathBuf> = std::iter::once(definition.path.clone()).chain(words).chain(named).collect();
    let mut all = Sha256::new();
    for path in paths {
        let bytes = std::fs::read(&path).map_err(|source| HostError::Read { path, source })?;
        all.update(Sha256::digest(bytes));
    }
    Ok(all.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
}
