//! What a planned copy would find, asked before it begins.

use super::failure::Failure;
use super::plan::{CopyPlan, Transfer};
use crate::CatalogError;
use futures::{StreamExt, stream};
use seedbed_storage::{Location, StorageError, Stores, part_of};
use std::sync::Arc;

/// How many places are asked at once; the stores limit what one host gets.
const AT_ONCE: usize = 16;

impl CopyPlan {
    /// Asks for each file whether something stands where it would go, and whether it is where it should come from.
    pub async fn survey(&mut self, stores: &Stores) {
        let asked: Vec<(usize, Found)> = stream::iter(self.transfers.iter().enumerate())
            .map(|(n, transfer)| async move { (n, Found::of(stores, transfer).await) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (n, found) in asked {
            let transfer = &mut self.transfers[n];
            transfer.bytes = found.bytes;
            transfer.stands = found.stands;
            transfer.begun = transfer.to.as_path().map_or(0, part_of);
            transfer.hindrance = found.hindrance.map(Arc::new);
        }
        self.count();
    }

    /// Takes what [`CopyPlan::survey`] has found can't be brought among the failures.
    pub fn foresee(&mut self) {
        let transfers = std::mem::take(&mut self.transfers);
        for mut transfer in transfers {
            match transfer.hindrance.take() {
                Some(error) => {
                    let (from, to) = (transfer.from.to_string(), Some(transfer.to));
                    self.failed.push(Failure::of_shared(transfer.uses, from, to, error));
                }
                None => self.transfers.push(transfer),
            }
        }
        self.failed.sort_by(|a, b| a.uses.cmp(&b.uses));
        self.count();
    }

    /// Adds up what is to be brought.
    pub(super) fn count(&mut self) {
        let brought = self.transfers.iter().filter(|t| !t.stands);
        self.bytes = brought.clone().filter_map(|t| Some(t.bytes?.saturating_sub(t.begun))).sum();
        self.unknown_sizes = brought.filter(|t| t.bytes.is_none()).count();
    }

    /// Refuses a plan that is known not to fit where it is to go, as far as the
    /// store tells its room.
    ///
    /// # Errors
    /// [`CatalogError::NoRoom`], or as asking goes.
    pub async fn fits(&self, stores: &Stores, to: &Location) -> Result<(), CatalogError> {
        let failed = |source| CatalogError::Copy { to: to.clone(), source };
        match stores.room(to).await.map_err(failed)? {
            Some(room) if room < self.bytes => {
                Err(CatalogError::NoRoom { to: to.to_string(), bytes: self.bytes, room })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a plan that is known to bring more than `limit` bytes.
    ///
    /// # Errors
    /// [`CatalogError::TooMuch`].
    pub fn within(&self, limit: u64) -> Result<(), CatalogError> {
        if self.bytes > limit { Err(CatalogError::TooMuch { bytes: self.bytes, limit }) } else { Ok(()) }
    }
}

/// What is found of a file before it is brought.
struct Found {
    bytes: Option<u64>,
    stands: bool,
    /// Why it can't be brought.
    hindrance: Option<CatalogError>,
}

impl Found {
    async fn of(stores: &Stores, transfer: &Transfer) -> Self {
        let failed = |source| Some(CatalogError::Copy { to: transfer.to.clone(), source });
        if transfer.folder.is_some() {
            return Self { bytes: transfer.bytes, stands: false, hindrance: None };
        }
        let there = stores.head(&transfer.to).await;
        let expect = transfer.expectation(transfer.checksum.clone());
        let source = stores.head_of_source(&transfer.from, &expect).await;
        let bytes = transfer.bytes.or_else(|| source.as_ref().ok().and_then(|meta| meta.size));
        let hindrance = match (there, source) {
            // A folder stands there, or a device; or the store can't be asked, and so not be written.
            (Err(error), _) if !error.is_not_found() => failed(error),
            (Ok(there), source) => {
                let other = there.size.zip(bytes).filter(|(found, expected)| found != expected);
                match (other, source) {
                    (Some((found, expected)), _) => {
                        let what = format!("{found} bytes, {expected} expected");
                        failed(StorageError::Occupied { at: transfer.to.to_string(), what })
                    }
                    // One whose checksum is known is told without its source.
                    (None, Err(error)) if error.is_not_found() && transfer.checksum.is_none() => {
                        failed(error)
                    }
                    (None, _) => return Self { bytes, stands: true, hindrance: None },
                }
            }
            // What can't be looked at can't be read either.
            (Err(_), Err(error)) => failed(error),
            (Err(_), Ok(_)) => None,
        };
        Self { bytes, stands: false, hindrance }
    }
}
