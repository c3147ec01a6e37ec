//! What a planned copy would find, asked before it begins.

use super::plan::CopyPlan;
use futures::{StreamExt, stream};
use seedbed_storage::Stores;

/// How many places are asked at once; the stores limit what one host gets.
const AT_ONCE: usize = 16;

impl CopyPlan {
    /// Asks for each file whether something stands where it would go, and for its size where its item doesn't say it.
    /// What can't be told stays unknown: a copy itself says why.
    pub async fn survey(&mut self, stores: &Stores) {
        let asked: Vec<(usize, bool, Option<u64>)> = stream::iter(self.transfers.iter().enumerate())
            .map(|(n, transfer)| async move {
                if transfer.folder.is_some() {
                    return (n, false, transfer.bytes);
                }
                let there = stores.head(&transfer.to).await.ok();
                let bytes = match transfer.bytes {
                    None => stores.head(&transfer.from).await.ok().and_then(|meta| meta.size),
                    known => known,
                };
                let fits = |size: u64| bytes.is_none_or(|bytes| bytes == size);
                (n, there.is_some_and(|meta| meta.size.is_none_or(fits)), bytes)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (n, stands, bytes) in asked {
            (self.transfers[n].stands, self.transfers[n].bytes) = (stands, bytes);
        }
        self.count();
    }
}
