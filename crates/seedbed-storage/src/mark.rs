//! The mark that a transfer leaves on a local file: what it is a copy of.
//!
//! A file that stands at its place but in no catalog, since a copy was killed or another one has just brought it,
//! need not be compared with its source if it has one. It goes with the file's inode: no other program's file has it,
//! nor one that was written anew. Where a file system keeps no extended attributes, files are compared.

use crate::checksum::Checksum;
use crate::store::Meta;
use crate::transfer::opaque;
use rustix::fs::{XattrFlags, fsetxattr, getxattr};
use std::fs::File;
use std::path::Path;

/// The extended attribute.
const NAME: &str = "user.seedbed.copy";

/// Bytes of a digest.
const DIGEST: usize = 32;

/// Bytes of a mark: few, so that they fit into the inode.
const LENGTH: usize = 2 * DIGEST;

/// What a file is a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark([u8; LENGTH]);

impl Mark {
    /// Of a file with this digest that is a copy of this version of a source; none if the version can't be told from
    /// others.
    pub(crate) fn of(source: &str, version: &Meta, sha256: &Checksum) -> Option<Self> {
        let mut mark = [0; LENGTH];
        mark[..DIGEST].copy_from_slice(&origin(source, version)?);
        mark[DIGEST..].copy_from_slice(sha256.digest());
        Some(Self(mark))
    }

    /// Leaves it on a file, if its file system keeps such.
    pub(crate) fn leave(&self, file: &File) {
        // Without it, the file is compared.
        let _ = fsetxattr(file, NAME, &self.0, XattrFlags::empty());
    }

    /// The digest that a file had as a copy of this version of this source, if it was left as one.
    pub(crate) fn found(path: &Path, source: &str, version: &Meta) -> Option<[u8; DIGEST]> {
        let mut mark = [0; LENGTH + 1];
        let length = getxattr(path, NAME, &mut mark[..]).ok()?;
        let (found, sha256) = mark.get(..length)?.split_at_checked(DIGEST)?;
        (found == origin(source, version)?).then(|| sha256.try_into().ok()).flatten()
    }
}

/// A digest of a source and its version.
fn origin(source: &str, version: &Meta) -> Option<[u8; DIGEST]> {
    let Meta { size, etag, last_modified, date_is_strong } = version;
    let etag = etag.as_deref().map(opaque);
    if etag.is_none() && !date_is_strong {
        return None;
    }
    let text = serde_json::json!([source, size, etag, last_modified]).to_string();
    Checksum::of_bytes(text.as_bytes()).digest().try_into().ok()
}
