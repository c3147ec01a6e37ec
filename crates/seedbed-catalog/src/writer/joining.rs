//! An item joined with what the tree has of it, and with what others write there at the same time.

use super::TreeWriter;
use crate::copy::{keep_assets, keep_copies};
use crate::disk::{ATTEMPTS, OFTEN, Put, hold};
use crate::document::parse;
use crate::save::{Absent, Merge};
use crate::text::id_of;
use crate::{Asset, CatalogError, Item};
use seedbed_storage::Location;

/// Where an item's document is to be.
pub(super) struct Home<'a> {
    pub(super) at: &'a Location,
    pub(super) document: &'a str,
    pub(super) parent: &'a str,
    /// Whether the tree has it already.
    pub(super) is_known: bool,
}

/// What the document that stood there has that the item given has not.
#[derive(Default)]
struct Joined {
    /// The keys of its assets.
    absent: Vec<String>,
    /// Whether a copy is of an older version.
    is_stale: bool,
}

impl TreeWriter {
    /// Writes an item's document, joined with what another writer may have put there meanwhile.
    pub(super) async fn put_at(&mut self, item: &mut Item, home: &Home<'_>) -> Result<Put, CatalogError> {
        // A copy may be at work on the item. It has the lock of the root's folder where it is it that writes here.
        let is_below = home.document.contains('/') && !self.disk.is_bare(home.at);
        let held = if is_below && home.at.is_local() { hold(home.at).await } else { None };
        let put = self.put_held(item, home).await;
        drop(held);
        put
    }

    async fn put_held(&mut self, item: &mut Item, home: &Home<'_>) -> Result<Put, CatalogError> {
        // A local catalog has one writer at a time.
        let given = (!home.at.is_local()).then(|| item.clone());
        for _ in 0..ATTEMPTS {
            let before = self.disk.prepare_shared(home.at).await?;
            let joined = self.join(item, home, before.as_ref().map(|b| b.bytes.as_slice()))?;
            if let Some(put) = self.disk.put_shared(home.at, &self.bytes, before.as_ref()).await? {
                for key in joined.absent {
                    self.saved.absent_assets.push(&format!("{} {key}", item.id()));
                }
                if joined.is_stale {
                    self.saved.stale.push(item.id());
                }
                return Ok(put);
            }
            if let Some(given) = &given {
                item.clone_from(given);
            }
        }
        Err(CatalogError::overtaken(home.at, OFTEN))
    }

    /// Makes an item's bytes, with what is to be kept of the document that stands there.
    fn join(
        &mut self,
        item: &mut Item,
        home: &Home<'_>,
        before: Option<&[u8]>,
    ) -> Result<Joined, CatalogError> {
        let Home { at, document, parent, is_known } = *home;
        // A document that no link leads to yet is another writer's, who is at work on the same tree.
        let there = if is_known { None } else { before.and_then(id_of) };
        if !is_known && there.is_none() && before.is_some_and(|bytes| !is_blank(bytes)) {
            return Err(CatalogError::NoItem { at: at.to_string() });
        }
        if let Some(other) = there.as_ref().filter(|id| *id != item.id()) {
            return Err(self.collision(item, &format!("item {other}")));
        }
        self.fill(item, document, parent);
        let mut joined = Joined::default();
        if before != Some(&self.bytes)
            && let (Merge::KeepCopies, true, Some(bytes)) =
                (self.options.merge, is_known || there.is_some(), before)
        {
            let old = Item::from_value(parse(bytes, at)?)?.at(at.clone());
            item.set_location(at.clone());
            let given = item.assets().count();
            // A copy of an older version is of no file that the archive lists.
            let lacks = |key: &str, asset: &Asset<'_>| item.asset(key).is_none() && !asset.is_superseded();
            let absent = old.assets().filter(|(key, asset)| lacks(key, asset));
            joined.absent = absent.map(|(key, _)| key.to_owned()).collect();
            joined.is_stale = keep_copies(item, &old);
            let removed = if self.options.absent == Absent::Remove { &joined.absent[..] } else { &[] };
            keep_assets(item, &old, removed);
            self.united |= item.assets().count() > given;
            self.fill(item, document, parent);
        }
        Ok(joined)
    }
}

/// Whether a document has nothing in it, as after a power cut.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
