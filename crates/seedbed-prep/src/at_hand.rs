//! Files of a product at hand: where they lie, or a copy that goes when it has been read.

use crate::product::{Flaw, check_file, file_of, record_of};
use crate::record::asset_names;
use crate::store_root::Fetched;
use crate::{Member, PrepError, Root};
use seedbed_catalog::{Asset, Item};
use seedbed_storage::StorageError;
use std::path::{Path, PathBuf};

/// A file of a product, or a folder as one, that has been held to its record.
pub(crate) struct AtHand {
    path: PathBuf,
    _copy: Option<Fetched>,
}

impl AtHand {
    /// Where its bytes are on this machine.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Root {
    /// A member's record, or none if it has not been made.
    ///
    /// # Errors
    /// [`PrepError::Document`] if it is damaged, [`PrepError::Storage`] where a store can't be read.
    pub fn record(&self, member: &Member) -> Result<Option<Item>, PrepError> {
        let path = PathBuf::from(self.join(&member.record_names()).to_string());
        match self.document(&member.record_names())? {
            Some(bytes) => record_of(&bytes, &path).map(Some),
            None => Ok(None),
        }
    }

    /// Where a member's file lies: a path, or an address for people to read.
    pub(crate) fn place(&self, member: &Member, asset: &Asset<'_>) -> PathBuf {
        match self {
            Self::Local(root) => file_of(&member.record(root), asset),
            Self::Store(store) => {
                let folder = store.location().join(&member.tile).join(&member.period);
                PathBuf::from(folder.join(asset_names(asset)).to_string())
            }
        }
    }

    /// The bytes of a member's file, held to the size and digest that its record states.
    ///
    /// # Errors
    /// [`PrepError::Document`] for a file that isn't as its record says, or isn't there;
    /// [`PrepError::Storage`] where a store fails.
    pub fn bytes(&self, member: &Member, asset: &Asset<'_>) -> Result<Vec<u8>, PrepError> {
        let place = self.place(member, asset);
        match self.at_hand(member, asset)? {
            Ok(file) => std::fs::read(file.path()).map_err(|source| PrepError::Read { path: place, source }),
            Err(Flaw::Missing(reason) | Flaw::Wrong(reason)) => {
                Err(PrepError::Document { path: place, what: "whole file of its product", reason })
            }
        }
    }

    /// A member's file, held to the size and digest that its record states; fetched from a store.
    ///
    /// # Errors
    /// [`PrepError::Storage`] where the store fails; what is wrong with the file is the inner error.
    pub(crate) fn at_hand(
        &self,
        member: &Member,
        asset: &Asset<'_>,
    ) -> Result<Result<AtHand, Flaw>, PrepError> {
        let (path, copy) = match self {
            Self::Local(_) => (self.place(member, asset), None),
            Self::Store(store) => {
                let folder = store.location().join(&member.tile).join(&member.period);
                match store.fetch(&folder, asset) {
                    Ok(fetched) => (fetched.path().to_owned(), Some(fetched)),
                    Err(PrepError::Storage(error)) => return flaw(error).map(Err),
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(check_file(&path, asset).map(|()| AtHand { path, _copy: copy }))
    }
}

/// What a failed fetch says of the file; other failures say nothing of it.
fn flaw(error: StorageError) -> Result<Flaw, PrepError> {
    match error {
        StorageError::NotFound { .. } => Ok(Flaw::Missing("it isn't there".to_owned())),
        StorageError::Size { expected, found, .. } => {
            Ok(Flaw::Wrong(format!("it has {found} bytes, its record says {expected}")))
        }
        StorageError::Checksum { .. } => {
            Ok(Flaw::Wrong("its checksum is not the one in its record".to_owned()))
        }
        StorageError::GaveUp { source, .. } if !source.retryable() => flaw(*source),
        error => Err(error.into()),
    }
}
