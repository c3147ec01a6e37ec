//! A static catalog, read.

use crate::document::{self, links, text};
use crate::href::{absolute, resolve_href};
use crate::{Broken, CatalogError, Collection, Item};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use seedbed_storage::{Location, Stores};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// How many documents are read at once.
const AT_ONCE: usize = 16;
/// How deep catalogs may nest; a real tree has a handful of levels.
const DEEPEST: usize = 64;

/// A static catalog with all its documents.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The document it was entered by.
    pub root: Node,
}

/// What a node's document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// A catalog.
    Catalog,
    /// A collection.
    Collection,
}

/// A catalog or collection with what it links to.
#[derive(Debug, Clone)]
pub struct Node {
    /// Which of the two.
    pub kind: NodeKind,
    /// Its document, as it was read.
    pub document: Value,
    /// Where it was read from.
    pub location: Location,
    /// The catalogs and collections below, in the order of their links.
    pub children: Vec<Node>,
    /// Its own items, in the order of their links.
    pub items: Vec<Item>,
}

impl Tree {
    /// Reads a catalog or collection and everything below it: the targets of
    /// its `child` and `item` links. A document that two links reach is read once.
    ///
    /// # Errors
    /// [`CatalogError::Link`] naming the document that links to one that can't
    /// be read; [`CatalogError::Document`] if one isn't what its link says.
    pub async fn read(stores: &Stores, at: &Location) -> Result<Self, CatalogError> {
        let document = document::read_json(stores, at).await?;
        Self::from_document(stores, at, document).await
    }

    pub(crate) async fn from_document(
        stores: &Stores,
        at: &Location,
        document: Value,
    ) -> Result<Self, CatalogError> {
        if crate::search_api::is_api(&document) {
            return Err(CatalogError::NotStatic { at: at.to_string() });
        }
        Self::without(stores, at, document, HashSet::new()).await
    }

    /// The tree without the items that can't be read, and these.
    pub(crate) async fn of_legible(
        stores: &Stores,
        at: &Location,
        document: Value,
    ) -> Result<(Self, Vec<Broken>), CatalogError> {
        if crate::search_api::is_api(&document) {
            return Err(CatalogError::NotStatic { at: at.to_string() });
        }
        let seen = Mutex::new(HashSet::from([absolute(at)]));
        let reading = Reading { stores, seen, broken: Some(Mutex::default()) };
        let root = read_node(&reading, at.clone(), document, 0).await?;
        let broken = reading.broken.map(|broken| broken.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut broken = broken.unwrap_or_default();
        broken.sort();
        Ok((Self { root }, broken))
    }

    /// The tree without the documents of `left_out`.
    pub(crate) async fn without(
        stores: &Stores,
        at: &Location,
        document: Value,
        mut left_out: HashSet<Location>,
    ) -> Result<Self, CatalogError> {
        left_out.insert(absolute(at));
        let reading = Reading { stores, seen: Mutex::new(left_out), broken: None };
        let root = read_node(&reading, at.clone(), document, 0).await?;
        Ok(Self { root })
    }

    /// Every catalog and collection, each before those below it.
    #[must_use]
    pub fn nodes(&self) -> Vec<&Node> {
        let mut nodes = vec![&self.root];
        let mut next = 0;
        while next < nodes.len() {
            nodes.extend(&nodes[next].children);
            next += 1;
        }
        nodes
    }

    /// Every collection, each with the items of itself and of the catalogs below it.
    #[must_use]
    pub fn collections(&self) -> Vec<(Collection, Vec<&Item>)> {
        self.nodes()
            .into_iter()
            .filter(|n| n.kind == NodeKind::Collection)
            .filter_map(|n| {
                Some((Collection::from_value(n.document.clone()).ok()?.at(n.location.clone()), n.all_items()))
            })
            .collect()
    }

    /// Every item.
    #[must_use]
    pub fn items(&self) -> Vec<&Item> {
        self.root.all_items()
    }

    /// Every item, given away.
    #[must_use]
    pub fn into_items(self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut stack = vec![self.root];
        while let Some(node) = stack.pop() {
            items.extend(node.items);
            stack.extend(node.children.into_iter().rev());
        }
        items
    }
}

impl Node {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.document["id"].as_str().unwrap_or_default()
    }

    /// Its items and those of everything below it.
    #[must_use]
    pub fn all_items(&self) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.items.iter().collect();
        for child in &self.children {
            items.extend(child.all_items());
        }
        items
    }
}

/// What a catalog document's `type` says.
pub fn kind_of(document: &Value) -> Option<NodeKind> {
    match document["type"].as_str() {
        Some("Catalog") => Some(NodeKind::Catalog),
        Some("Collection") => Some(NodeKind::Collection),
        _ => None,
    }
}

/// A tree being read.
struct Reading<'a> {
    stores: &'a Stores,
    /// The documents that were met.
    seen: Mutex<HashSet<Location>>,
    /// Items that can't be read, where the others are gone on with.
    broken: Option<Mutex<Vec<Broken>>>,
}

impl Reading<'_> {
    /// Passes over an item that can't be read, if that is wanted.
    fn pass_over(&self, to: &Location, error: CatalogError) -> Result<Found, CatalogError> {
        let Some(broken) = &self.broken else { return Err(error) };
        let found = Broken::of(to, error)?;
        broken.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        Ok(Found::Nothing)
    }
}

fn read_node<'a>(
    reading: &'a Reading<'a>,
    at: Location,
    document: Value,
    depth: usize,
) -> BoxFuture<'a, Result<Node, CatalogError>> {
    async move {
        let kind = kind_of(&document)
            .ok_or_else(|| CatalogError::document(&at, "this is neither a STAC catalog nor a collection"))?;
        if depth > DEEPEST {
            return Err(CatalogError::document(&at, format!("catalogs nest deeper than {DEEPEST} levels")));
        }
        let mut wanted: Vec<(Rel, Location)> = Vec::new();
        for link in links(&document) {
            let (Some(rel), Some(href)) = (text(link, "rel").and_then(Rel::of), text(link, "href")) else {
                continue;
            };
            let target = resolve_href(Some(&at), href)?;
            if reading.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(absolute(&target)) {
                wanted.push((rel, target));
            }
        }
        let from = &at;
        let read: Vec<Found> = stream::iter(wanted)
            .map(|(rel, to)| async move {
                let found = read_linked(reading, rel, to.clone(), depth).await;
                match found.map_err(|e| linked(from, to.clone(), rel, e)) {
                    Err(error) if rel == Rel::Item => reading.pass_over(&to, error),
                    found => found,
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let (mut children, mut items) = (Vec::new(), Vec::new());
        for found in read {
            match found {
                Found::Node(node) => children.push(*node),
                Found::Item(item) => items.push(*item),
                Found::Nothing => {}
            }
        }
        Ok(Node { kind, document, location: at, children, items })
    }
    .boxed()
}

/// The links that lead down.
#[derive(Clone, Copy, PartialEq)]
enum Rel {
    Child,
    Item,
}

impl Rel {
    fn of(text: &str) -> Option<Self> {
        match text {
            "child" => Some(Self::Child),
            "item" => Some(Self::Item),
            _ => None,
        }
    }
}

enum Found {
    Node(Box<Node>),
    Item(Box<Item>),
    /// An item that was passed over.
    Nothing,
}

async fn read_linked(
    reading: &Reading<'_>,
    rel: Rel,
    to: Location,
    depth: usize,
) -> Result<Found, CatalogError> {
    let document = document::read_json(reading.stores, &to).await?;
    if rel == Rel::Item {
        return Ok(Found::Item(Box::new(Item::from_value(document)?.in_own_document(to))));
    }
    Ok(Found::Node(Box::new(read_node(reading, to, document, depth + 1).await?)))
}

/// Names the linking document, unless a deeper one is named already.
fn linked(from: &Location, to: Location, rel: Rel, source: CatalogError) -> CatalogError {
    match source {
        deeper @ CatalogError::Link { .. } => deeper,
        source => {
            let rel = if rel == Rel::Item { "item" } else { "child" };
            CatalogError::Link { from: from.clone(), to, rel: rel.to_owned(), source: Box::new(source) }
        }
    }
}
