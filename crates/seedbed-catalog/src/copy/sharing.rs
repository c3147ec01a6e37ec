//! Files that several assets are, which are brought once.

use super::plan::CopyRequest;
use super::standing::Standing;
use crate::{FOLDER, Item, resolve_href};
use seedbed_storage::{Checksum, Location};
use serde_json::Value;
use std::collections::HashMap;

/// What an item states of an asset's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub bytes: Option<u64>,
    pub checksum: Option<Checksum>,
}

/// A copy that an item has already.
struct Copy {
    at: Location,
    /// What the item had stated before it was copied.
    stated: Statement,
    checksum: Option<Checksum>,
}

/// The copies that items have, by where they came from: who has the same source gets the same file, also where an
/// earlier command, or one that was killed, has brought it.
pub struct Copies(HashMap<Location, Vec<Copy>>);

impl Copies {
    /// Those below the request's destination.
    pub fn of(items: &[Item], request: &CopyRequest, standing: &Standing) -> Self {
        let mut copies: HashMap<Location, Vec<Copy>> = HashMap::new();
        for asset in items.iter().flat_map(|item| request.assets.iter().filter_map(|key| item.asset(key))) {
            if let Some(origin) = asset.origin_object()
                && !asset.as_object().contains_key(FOLDER)
                && let Some(from) = asset.origin().and_then(|origin| resolve_href(None, origin).ok())
                && let Ok(true) = standing.is_copied(&asset, &request.to)
                && let Ok(at) = asset.location()
            {
                let checksum = |text: Option<&str>| text.and_then(|text| text.parse().ok());
                let stated = Statement {
                    bytes: origin.get("file:size").and_then(Value::as_u64),
                    checksum: checksum(origin.get("file:checksum").and_then(Value::as_str)),
                };
                let of_source = copies.entry(from).or_default();
                if of_source.iter().all(|copy| copy.stated != stated) {
                    of_source.push(Copy { at, stated, checksum: checksum(asset.checksum()) });
                }
            }
        }
        Self(copies)
    }

    /// Where a copy of a source is of which the same was stated, and its checksum.
    pub fn of_source(&self, from: &Location, stated: &Statement) -> Option<(&Location, Option<&Checksum>)> {
        let copy = self.0.get(from)?.iter().find(|copy| copy.stated == *stated)?;
        Some((&copy.at, copy.checksum.as_ref()))
    }
}
