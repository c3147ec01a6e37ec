//! What a catalog holds, in numbers.

use crate::item_collection::entry;
use crate::tree::{Node, NodeKind};
use crate::{CatalogError, Collection, Item, ItemCollection, Tree};
use jiff::civil::Date;
use seedbed_grid::Bbox;
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A catalog, a collection, or a file of items, described.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// Its id; of a file of items its name.
    pub id: String,
    /// Catalog or collection; nothing for a file of items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<NodeKind>,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where it is.
    pub location: Location,
    /// Items in it and below.
    pub items: usize,
    /// The box around its items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bbox: Option<Bbox>,
    /// First and last day of its items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<(Date, Date)>,
    /// Its assets by key.
    pub assets: BTreeMap<String, Assets>,
    /// What is below it, down to the depth asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Description>,
}

/// All assets of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Assets {
    /// How many items have one.
    pub count: usize,
    /// How many are files of this machine.
    pub local: usize,
    /// How many are copies that name their origin.
    pub copies: usize,
    /// Bytes, of those that say it.
    pub bytes: u64,
    /// How many don't say their size.
    pub unknown_sizes: usize,
    /// Their media types.
    pub media_types: BTreeSet<String>,
    /// Units of their first bands.
    pub units: BTreeSet<String>,
}

/// Describes what is at a location, `depth` levels below it; `None`: all.
///
/// # Errors
/// As [`ItemCollection::read`].
pub async fn describe(
    stores: &Stores,
    at: &Location,
    depth: Option<usize>,
) -> Result<Description, CatalogError> {
    let at = entry(at);
    let document = crate::document::read_json(stores, &at).await;
    if let Ok(document) = document
        && crate::tree::kind_of(&document).is_some()
    {
        let tree = Tree::from_document(stores, &at, document).await?;
        return Ok(of_node(&tree.root, depth.unwrap_or(usize::MAX)));
    }
    let items = ItemCollection::read(stores, &at).await?.items;
    let id = at.file_name().unwrap_or_default().to_owned();
    Ok(of_items(id, at, &items.iter().collect::<Vec<_>>()))
}

fn of_node(node: &Node, depth: usize) -> Description {
    let text = |field: &str| node.document[field].as_str().map(str::to_owned);
    let mut description = of_items(node.id().to_owned(), node.location.clone(), &node.all_items());
    description.kind = Some(node.kind);
    description.title = text("title");
    description.description = text("description");
    description.license = text("license");
    if depth > 0 {
        description.children = node.children.iter().map(|child| of_node(child, depth - 1)).collect();
    }
    description
}

fn of_items(id: String, location: Location, items: &[&Item]) -> Description {
    let days = items.iter().filter_map(|i| i.start()).min().zip(items.iter().filter_map(|i| i.end()).max());
    let mut assets: BTreeMap<String, Assets> = BTreeMap::new();
    for item in items {
        for (key, asset) in item.assets() {
            let all = assets.entry(key.to_owned()).or_default();
            all.count += 1;
            all.local += usize::from(asset.location().is_ok_and(|l| l.is_local()));
            all.copies += usize::from(asset.origin().is_some());
            match asset.size() {
                Some(size) => all.bytes += size,
                None => all.unknown_sizes += 1,
            }
            all.media_types.extend(asset.media_type().map(str::to_owned));
            all.units.extend(asset.band().unit);
        }
    }
    Description {
        id,
        kind: None,
        title: None,
        description: None,
        license: None,
        location,
        items: items.len(),
        bbox: Collection::bbox_around(items.iter().copied()),
        days,
        assets,
        children: Vec::new(),
    }
}
