//! What bytes are, wherever they lie, and the keys of the work done on them.

use crate::digests::Digests;
use crate::parallel::lock;
use crate::{PrepError, Spool};
use seedbed_catalog::{Asset, is_folder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What identifies an input's bytes independently of where they are kept.
///
/// An asset that was copied home keeps the identity it had at the archive, so
/// copying or moving inputs redoes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// A digest, as a multihash in hex: the archive's, or computed from a local file.
    Checksum(String),
    /// What the archive says of a file it gives no digest for.
    Origin {
        /// The address at the archive.
        href: String,
        /// Bytes, where known.
        size: Option<u64>,
        /// Its version, where known.
        version: Option<String>,
    },
}

impl Identity {
    /// The identity of an asset: what the archive said of it, and for a local file that came from no archive the digest
    /// that isn't made yet. Of a Zarr group in a store of which nothing
    /// is said, its server is asked for the version of its document; a copy of one has
    /// that version recorded.
    ///
    /// # Errors
    /// [`PrepError`] if a local file is missing or can't be read, or a server can't be asked.
    pub(crate) fn of(asset: &Asset<'_>, spool: &Spool) -> Result<(Self, Option<Undigested>), PrepError> {
        let (stated, location) = (Self::stated(asset), asset.location()?);
        match (stated, asset.origin(), location.as_path()) {
            (stated @ Self::Origin { .. }, None, Some(path)) => {
                Ok((stated, Some(Undigested::of(path, spool)?)))
            }
            (Self::Origin { href, size, version: None }, origin, _) => {
                let version = match origin {
                    None => spool.group_version(&location, asset.media_type())?,
                    Some(_) if is_folder(&location, asset.media_type()) => {
                        asset.source_version().map(str::to_owned)
                    }
                    Some(_) => None,
                };
                // A server may call the tag of a fresh file weak, and the same one strong a second later.
                let version = version.map(|tag| tag.strip_prefix("W/").unwrap_or(&tag).to_owned());
                Ok((Self::Origin { href, size, version }, None))
            }
            (stated, _, _) => Ok((stated, None)),
        }
    }

    /// What the archive or the record said of an asset, for readers that make no keys of it.
    pub(crate) fn stated(asset: &Asset<'_>) -> Self {
        match asset.identity() {
            seedbed_catalog::Identity::Checksum(multihash) => Self::Checksum(multihash),
            seedbed_catalog::Identity::Origin { href, size, version } => Self::Origin { href, size, version },
        }
    }
}

/// A local file that came from no archive: its digest is its identity, and is made when that is first asked for.
#[derive(Debug)]
pub(crate) struct Undigested {
    path: PathBuf,
    digests: Digests,
    found: Mutex<Option<String>>,
}

impl Undigested {
    /// Such a file, or folder.
    ///
    /// # Errors
    /// [`PrepError::Read`] if it is missing or can't be read.
    pub(crate) fn of(path: &Path, spool: &Spool) -> Result<Self, PrepError> {
        File::open(path).map_err(|source| PrepError::Read { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), digests: spool.digests().clone(), found: Mutex::default() })
    }

    /// Its digest. Who asks while it is being made waits for it.
    ///
    /// # Errors
    /// [`PrepError::Read`] if the file can't be read.
    pub(crate) fn identity(&self) -> Result<Identity, PrepError> {
        let mut found = lock(&self.found);
        let digest = match found.take() {
            Some(digest) => digest,
            None => self.digests.of(&self.path)?,
        };
        *found = Some(digest.clone());
        Ok(Identity::Checksum(digest))
    }
}

/// SHA-256 of a task's canonical encoding, in hex.
///
/// Equal keys mean equal results: the encoding holds the inputs' identities,
/// every parameter, the geometry, and a revision for each kernel and model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskKey(String);

impl TaskKey {
    /// The key of a task, from its canonical encoding.
    ///
    /// # Errors
    /// [`PrepError::Encode`] if it can't be encoded as JSON.
    pub fn of<T: Serialize>(task: &T) -> Result<Self, PrepError> {
        let encoded = serde_json::to_vec(task).map_err(PrepError::Encode)?;
        Ok(Self(hex(&Sha256::digest(encoded))))
    }

    /// All 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, as they stand in folder names.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sixteen random hex digits, for names that nobody else has.
pub(crate) fn random() -> std::io::Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|e| std::io::Error::other(format!("no random numbers: {e}")))?;
    Ok(hex(&bytes))
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_every_part_of_the_task() {
        let a = TaskKey::of(&("veget", 1, 0.85)).unwrap();
        let b = TaskKey::of(&("veget", 1, 0.86)).unwrap();
        assert_ne!(a, b);
        assert_eq!(a, TaskKey::of(&("veget", 1, 0.85)).unwrap());
        assert_eq!(a.short().len(), 8);
    }
}
