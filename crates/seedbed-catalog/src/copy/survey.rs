//! What a planned copy would find, asked before it begins.

use super::plan::CopyPlan;
use crate::CatalogError;
use futures::{StreamExt, stream};
use seedbed_storage::{Location, Meta, Stores, part_of};

/// How many places are asked at once; the stores limit what one host gets.
const AT_ONCE: usize = 16;

impl CopyPlan {
    /// Asks for each file whether something stands where it would go, and for its size where its item doesn't say it.
    /// What can't be told stays unknown: a copy itself says why.
    pub async fn survey(&mut self, stores: &Stores) {
        let asked: Vec<(usize, Option<Meta>, Option<u64>)> = stream::iter(self.transfers.iter().enumerate())
            .map(|(n, transfer)| async move {
                if transfer.folder.is_some() {
                    return (n, None, transfer.bytes);
                }
                let there = stores.head(&transfer.to).await.ok();
                let bytes = match transfer.bytes {
                    None => stores.head(&transfer.from).await.ok().and_then(|meta| meta.size),
                    known => known,
                };
                (n, there, bytes)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (n, there, bytes) in asked {
            let transfer = &mut self.transfers[n];
            transfer.bytes = bytes;
            transfer.other =
                there.as_ref().and_then(|m| m.size).filter(|size| bytes.is_some_and(|b| b != *size));
            transfer.stands = there.is_some() && transfer.other.is_none();
            transfer.begun = transfer.to.as_path().map_or(0, part_of);
        }
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
