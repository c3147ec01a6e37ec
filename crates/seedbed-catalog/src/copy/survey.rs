//! What a planned copy would find, asked before it begins.

use super::plan::CopyPlan;
use futures::{StreamExt, stream};
use seedbed_storage::{Meta, Stores};

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
        }
        self.count();
    }
}
