//! What a catalog holds, in numbers.

use crate::item_collection::entry;
use crate::tree::NodeKind;
use crate::walk::{Entered, Step, Walk};
use crate::{CatalogError, Item, ItemCollection, text};
use jiff::civil::Date;
use seedbed_grid::{Bbox, BoxUnion};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use serde_json::Value;
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
    let bytes = crate::document::read_bytes(stores, &at).await;
    let kind = bytes.ok().and_then(|bytes| kind_of(&bytes));
    if kind.is_some() {
        return of_tree(stores, &at, depth.unwrap_or(usize::MAX)).await;
    }
    let items = ItemCollection::read(stores, &at).await?.items;
    let mut all = Gathered::default();
    for item in &items {
        all.add(item);
    }
    Ok(all.description(at.file_name().unwrap_or_default().to_owned(), at))
}

/// Whether a document's `type` is that of a catalog or collection.
fn kind_of(bytes: &[u8]) -> Option<()> {
    let mut kind = None;
    text::document(bytes, |cursor, key| {
        let span = cursor.pass()?;
        if bytes[key] == *b"type" {
            kind = text::string(bytes, span.clone());
        }
        Some(span)
    })?;
    kind.filter(|kind| kind == "Catalog" || kind == "Collection").map(drop)
}

/// What is known of one catalog while it is walked through.
struct Open {
    entered: Entered,
    all: Gathered,
    children: Vec<Description>,
}

async fn of_tree(stores: &Stores, at: &Location, depth: usize) -> Result<Description, CatalogError> {
    let mut walk = Walk::new(stores, at);
    let mut open: Vec<Open> = Vec::new();
    loop {
        match walk.next().await? {
            Some(Step::Enter(entered)) => {
                open.push(Open { entered: *entered, all: Gathered::default(), children: Vec::new() });
            }
            Some(Step::Item(leaf)) => {
                if let Some(open) = open.last_mut() {
                    open.all.add(&leaf.item()?);
                }
            }
            Some(Step::Leave) => {
                let Some(closed) = open.pop() else { continue };
                let level = closed.entered.depth;
                let Some(above) = open.last_mut() else { return Ok(closed.description()) };
                above.all.extend(&closed.all);
                if level <= depth {
                    above.children.push(closed.description());
                }
            }
            None => return Err(CatalogError::document(at, "the tree has no root")),
        }
    }
}

impl Open {
    fn description(&self) -> Description {
        let document = &self.entered.document;
        let text = |field: &str| document.get(field).and_then(Value::as_str).map(str::to_owned);
        let mut description =
            self.all.description(text("id").unwrap_or_default(), self.entered.location.clone());
        description.kind = Some(self.entered.kind);
        description.title = text("title");
        description.description = text("description");
        description.license = text("license");
        description.children.clone_from(&self.children);
        description
    }
}

/// Items in numbers.
#[derive(Default)]
struct Gathered {
    items: usize,
    boxes: BoxUnion,
    start: Option<Date>,
    end: Option<Date>,
    assets: BTreeMap<String, Assets>,
}

impl Gathered {
    fn add(&mut self, item: &Item) {
        self.items += 1;
        if let Some(bbox) = item.bbox() {
            self.boxes.add(bbox);
        }
        self.start = [self.start, item.start()].into_iter().flatten().min();
        self.end = self.end.max(item.end());
        for (key, asset) in item.assets() {
            let all = self.assets.entry(key.to_owned()).or_default();
            all.count += 1;
            all.local += usize::from(asset.location().is_ok_and(|l| l.is_local()));
            all.copies += usize::from(asset.origin().is_some());
            match asset.size() {
                Some(size) => all.bytes += size,
                None => all.unknown_sizes += 1,
            }
            if let Some(media_type) = asset.media_type().filter(|t| !all.media_types.contains(*t)) {
                all.media_types.insert(media_type.to_owned());
            }
            all.units.extend(asset.band().unit);
        }
    }

    fn extend(&mut self, other: &Self) {
        self.items += other.items;
        self.boxes.extend(&other.boxes);
        self.start = [self.start, other.start].into_iter().flatten().min();
        self.end = self.end.max(other.end);
        for (key, assets) in &other.assets {
            let all = self.assets.entry(key.clone()).or_default();
            all.count += assets.count;
            all.local += assets.local;
            all.copies += assets.copies;
            all.bytes += assets.bytes;
            all.unknown_sizes += assets.unknown_sizes;
            all.media_types.extend(assets.media_types.iter().cloned());
            all.units.extend(assets.units.iter().cloned());
        }
    }

    fn description(&self, id: String, location: Location) -> Description {
        Description {
            id,
            kind: None,
            title: None,
            description: None,
            license: None,
            location,
            items: self.items,
            bbox: self.boxes.bbox(),
            days: self.start.zip(self.end),
            assets: self.assets.clone(),
            children: Vec::new(),
        }
    }
}
