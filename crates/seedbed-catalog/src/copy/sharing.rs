//! Files that several assets are, which are brought once.

use super::plan::CopyRequest;
use super::standing::Standing;
use crate::{FOLDER, Item, resolve_href};
use seedbed_storage::{Checksum, Location};
use std::collections::HashMap;

/// What an item states of an asset's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub bytes: Option<u64>,
    pub checksum: Option<Checksum>,
}

impl Statement {
    /// Whether a file that is as this says is as the other says, too.
    pub fn agrees(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        same(self.bytes.as_ref(), other.bytes.as_ref())
            && same(self.checksum.as_ref(), other.checksum.as_ref())
    }
}

/// A copy that an item has already.
struct Copy {
    at: Location,
    bytes: Option<u64>,
    /// Its checksum, and the one that its archive had stated.
    checksums: Vec<Checksum>,
}

/// The copies that items have, by where they came from: who has the same source gets the same file, also where an
/// earlier command, or one that was killed, has brought it.
pub struct Copies(HashMap<Location, Copy>);

impl Copies {
    /// Those below the request's destination.
    pub fn of(items: &[Item], request: &CopyRequest, standing: &Standing) -> Self {
        let mut copies = HashMap::new();
        for asset in items.iter().flat_map(|item| request.assets.iter().filter_map(|key| item.asset(key))) {
            if let Some(origin) = asset.origin()
                && !asset.as_object().contains_key(FOLDER)
                && let Ok(from) = resolve_href(None, origin)
                && let Ok(true) = standing.is_copied(&asset, &request.to)
                && let Ok(at) = asset.location()
            {
                let stated = asset.origin_object().and_then(|origin| origin.get("file:checksum"));
                let texts = [asset.checksum(), stated.and_then(serde_json::Value::as_str)];
                let checksums = texts.into_iter().flatten().filter_map(|text| text.parse().ok()).collect();
                copies.entry(from).or_insert(Copy { at, bytes: asset.size(), checksums });
            }
        }
        Self(copies)
    }

    /// Where a copy of a source is that is as stated, and its checksum.
    pub fn of_source(&self, from: &Location, stated: &Statement) -> Option<(&Location, Option<&Checksum>)> {
        let copy = self.0.get(from)?;
        let agrees = stated.bytes.is_none_or(|bytes| copy.bytes == Some(bytes))
            && stated.checksum.as_ref().is_none_or(|stated| copy.checksums.contains(stated));
        agrees.then_some((&copy.at, copy.checksums.first()))
    }
}
