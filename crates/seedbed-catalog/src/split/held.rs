//! What stands in sub-catalogs already, held to a layout.

use super::{Parent, Splitter};
use crate::ground::{hash, is_outside};
use crate::outline::Outline;
use crate::{CatalogError, Item, parent, text};
use seedbed_storage::Location;
use serde_json::{Map, Value};
use std::collections::HashSet;

impl Splitter<'_> {
    /// Refuses a layout that isn't the one by which items of collections stand in sub-catalogs.
    pub(super) async fn hold(&self, parents: &[Parent]) -> Result<(), CatalogError> {
        if !parents.iter().any(|parent| parent.within.is_some() && parent.items > 0) {
            return Ok(());
        }
        // Items that several catalogs link to stay where they are.
        let (mut linked, mut shared) = (HashSet::new(), HashSet::new());
        for parent in parents.iter().filter(|parent| parent.items > 0) {
            for item in self.items_of(parent).await? {
                let key = hash(&item);
                if !linked.insert(key) {
                    shared.insert(key);
                }
            }
        }
        for parent in parents.iter().filter(|parent| parent.items > 0) {
            let Some(collection) = parent.within else { continue };
            for item in self.items_of(parent).await? {
                if is_outside(&item) || shared.contains(&hash(&item)) {
                    continue;
                }
                let at = self.ground.location(&item);
                // One that isn't there is told when it is to be moved.
                let Some(text) = self.disk.read(&at).await? else { continue };
                let outline = Outline::of(&text).unwrap_or_default();
                let wanted = self.levels_of(&text, &outline, &at)?;
                if parent.chain[collection..] != wanted {
                    return Err(CatalogError::OtherLayout {
                        layout: self.layout.to_string(),
                        item: outline.string(&text, "id").unwrap_or_default(),
                        stands: parent.chain[collection..].join("/"),
                        wanted: wanted.join("/"),
                    });
                }
            }
        }
        Ok(())
    }

    /// Refuses a layout that an item has no place in, and a tree that lacks an item, as long as nothing is written.
    pub(super) async fn fit(&self, parents: &[Parent]) -> Result<(), CatalogError> {
        for parent in parents.iter().filter(|parent| parent.items > 0 && parent.within.is_none()) {
            for item in self.items_of(parent).await? {
                let at = self.ground.location(&item);
                let Some(text) = self.disk.read(&at).await? else {
                    return Err(self.is_missing(&parent.document, at));
                };
                self.levels_of(&text, &Outline::of(&text).unwrap_or_default(), &at)?;
            }
        }
        Ok(())
    }

    /// What is said of an item that a catalog links to and that isn't there.
    pub(super) fn is_missing(&self, parent: &str, at: Location) -> CatalogError {
        let source = Box::new(CatalogError::document(&at, "it isn't there"));
        let from = self.ground.location(parent);
        CatalogError::Link { from, to: at, rel: "item".to_owned(), source }
    }

    async fn items_of(&self, parent: &Parent) -> Result<Vec<String>, CatalogError> {
        let mut items = Vec::new();
        parent::read(&self.disk.stores, &self.ground.location(&parent.document), |down| {
            if !down.child {
                items.push(self.ground.target(&parent.document, &down.href)?);
            }
            Ok(())
        })
        .await?;
        Ok(items)
    }

    /// An item's levels; of its document only what a layout may name is parsed.
    pub(super) fn levels_of(
        &self,
        document: &[u8],
        outline: &Outline,
        at: &Location,
    ) -> Result<Vec<String>, CatalogError> {
        let mut fields = Map::new();
        for (key, span) in &outline.fields {
            let Ok(key) = std::str::from_utf8(&document[key.clone()]) else { continue };
            if (matches!(key, "type" | "id" | "collection" | "properties") || self.layout.names(key))
                && let Some(value) = text::value(document, span.clone())
            {
                fields.insert(key.to_owned(), value);
            }
        }
        let named = |e: CatalogError| CatalogError::document(at, e.to_string());
        // Of what isn't like an item, parsing it whole tells why.
        let item = Item::from_value(Value::Object(fields))
            .or_else(|_| Item::from_value(crate::document::parse(document, at)?))
            .map_err(named)?;
        self.layout.fill(&item.at(at.clone()))
    }
}
