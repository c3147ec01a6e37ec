//! What another writer of the same tree did meanwhile, in a store, where no lock keeps it out.

use super::TreeWriter;
use crate::CatalogError;
use crate::disk::{ATTEMPTS, Draft, OFTEN};
use crate::ground::hash;
use crate::parent;
use seedbed_storage::Location;
use std::collections::HashSet;

impl TreeWriter {
    /// Puts a catalog or collection in its place, unless that would undo what another writer linked from it since the
    /// tree was read.
    pub(super) async fn put_parent(&mut self, document: &str, draft: Draft) -> Result<(), CatalogError> {
        let at = self.ground.location(document);
        if at.is_local() {
            return self.disk.put_draft(draft).await.map(drop);
        }
        let bytes = draft.into_bytes();
        for _ in 0..ATTEMPTS {
            let before = self.disk.prepare_shared(&at).await?;
            if let Some(before) = before.as_ref().filter(|before| before.bytes != bytes) {
                self.keeps_links(document, &at, &before.bytes, &bytes)?;
            }
            if self.disk.put_shared(&at, &bytes, before.as_ref()).await?.is_some() {
                return Ok(());
            }
        }
        Err(CatalogError::overtaken(&at, OFTEN))
    }

    /// Refuses bytes that lack a link of those that stand there, if this writer never knew of it.
    fn keeps_links(
        &self,
        document: &str,
        at: &Location,
        before: &[u8],
        bytes: &[u8],
    ) -> Result<(), CatalogError> {
        let mut kept = HashSet::new();
        parent::parse(bytes, at, |down| {
            kept.insert(hash(&self.ground.target(document, &down.href)?));
            Ok(())
        })?;
        let (mut first, mut count) = (None, 0);
        parent::parse(before, at, |down| {
            let target = self.ground.target(document, &down.href)?;
            let key = hash(&target);
            if !kept.contains(&key) && !self.found.contains(&key) {
                count += 1;
                first.get_or_insert(target);
            }
            Ok(())
        })?;
        match first {
            None => Ok(()),
            Some(first) if count == 1 => Err(CatalogError::overtaken(at, format!("it added {first}"))),
            Some(first) => {
                let more = count - 1;
                Err(CatalogError::overtaken(at, format!("it added {first} and {more} more")))
            }
        }
    }
}
