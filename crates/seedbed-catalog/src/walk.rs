//! Reading a tree document by document, without holding it.

use crate::document::{read_bytes, read_json};
use crate::href::{absolute, resolve_href};
use crate::node::Head;
use crate::{CatalogError, Item};
use futures::{StreamExt, stream};
use seedbed_storage::{Location, Stores};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::thread;

/// How many remote documents are read at once.
const AT_ONCE: usize = 16;
/// How many items are read before any is handed on.
const BATCH: usize = 512;
/// How deep catalogs may nest; a real tree has a handful of levels.
const DEEPEST: usize = 64;

/// What a walk meets.
#[derive(Debug)]
pub enum Visit<'a> {
    /// A catalog or collection, before its items and children.
    Node(&'a Head),
    /// An item, and the catalog or collection that links to it.
    Item(Item, &'a Head),
    /// An item's document that can't be read, and who links to it. Nobody else
    /// tells of it: whoever passes over it takes that upon themselves.
    Broken(Location, CatalogError),
}

/// Meets every document of a tree once: a catalog or collection, its items, then
/// its children, in the order of their links. Memory holds one branch of catalogs
/// and a few hundred items, however many there are.
///
/// `visit` ends the walk by [`ControlFlow::Break`].
///
/// # Errors
/// As [`Tree::read`](crate::Tree::read), or what `visit` returns.
pub async fn walk(
    stores: &Stores,
    at: &Location,
    visit: &mut (dyn FnMut(Visit<'_>) -> Result<ControlFlow<()>, CatalogError> + Send),
) -> Result<(), CatalogError> {
    walk_placed(stores, at, &|target| target, visit).await
}

/// The same, of a tree whose links `place` moves to where it is now.
pub(crate) async fn walk_placed(
    stores: &Stores,
    at: &Location,
    place: &(dyn Fn(Location) -> Location + Sync),
    visit: &mut (dyn FnMut(Visit<'_>) -> Result<ControlFlow<()>, CatalogError> + Send),
) -> Result<(), CatalogError> {
    walk_from(stores, at, None, place, visit).await
}

/// The same, where the first document has been read already.
pub(crate) async fn walk_from(
    stores: &Stores,
    at: &Location,
    mut first: Option<Vec<u8>>,
    place: &(dyn Fn(Location) -> Location + Sync),
    visit: &mut (dyn FnMut(Visit<'_>) -> Result<ControlFlow<()>, CatalogError> + Send),
) -> Result<(), CatalogError> {
    let mut seen = Seen::default();
    let at = absolute(at);
    seen.first(&at);
    let mut stack = vec![(at, None, 0)];
    while let Some((at, parent, depth)) = stack.pop() {
        let linked = |source| match &parent {
            Some(from) => link_error(from, &at, "child", source),
            None => source,
        };
        if depth > DEEPEST {
            return Err(CatalogError::document(&at, format!("catalogs nest deeper than {DEEPEST} levels")));
        }
        let bytes = match first.take() {
            Some(bytes) => bytes,
            None => read_bytes(stores, &at).await.map_err(linked)?,
        };
        let mut head = Head::parse(&bytes, &at).map_err(linked)?;
        drop(bytes);
        head.parent = parent;
        if visit(Visit::Node(&head))?.is_break() {
            return Ok(());
        }
        let mut targets = Vec::with_capacity(head.item_links().min(BATCH));
        for href in head.items.iter() {
            let target = place(resolve_href(Some(&head.location), href)?);
            if seen.first(&target) {
                targets.push(target);
            }
            if targets.len() == BATCH && read_items(stores, &mut targets, &head, visit).await?.is_break() {
                return Ok(());
            }
        }
        if read_items(stores, &mut targets, &head, visit).await?.is_break() {
            return Ok(());
        }
        for link in head.children.iter().rev() {
            let target =
                place(resolve_href(Some(&head.location), link["href"].as_str().unwrap_or_default())?);
            if seen.first(&target) {
                stack.push((target, Some(head.location.clone()), depth + 1));
            }
        }
    }
    Ok(())
}

fn link_error(from: &Location, to: &Location, rel: &str, source: CatalogError) -> CatalogError {
    CatalogError::Link { from: from.clone(), to: to.clone(), rel: rel.to_owned(), source: Box::new(source) }
}

/// Reads the items of a batch and hands them on in its order.
async fn read_items(
    stores: &Stores,
    targets: &mut Vec<Location>,
    head: &Head,
    visit: &mut (dyn FnMut(Visit<'_>) -> Result<ControlFlow<()>, CatalogError> + Send),
) -> Result<ControlFlow<()>, CatalogError> {
    let batch = std::mem::take(targets);
    let local: Option<Vec<PathBuf>> = batch.iter().map(|at| at.as_path().map(Into::into)).collect();
    let read: Vec<Result<Item, CatalogError>> = match local {
        Some(paths) => read_local(&paths),
        None => {
            let reads = batch.iter().map(|at| async move { Item::from_value(read_json(stores, at).await?) });
            stream::iter(reads).buffered(AT_ONCE).collect().await
        }
    };
    for (at, item) in batch.into_iter().zip(read) {
        let met = match item {
            Ok(item) => Visit::Item(item.in_own_document(at), head),
            Err(error) => {
                let error = link_error(&head.location, &at, "item", error);
                Visit::Broken(at, error)
            }
        };
        if visit(met)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Reads local documents on all cores; parsing is what takes the time.
fn read_local(paths: &[PathBuf]) -> Vec<Result<Item, CatalogError>> {
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path).map_err(|source| CatalogError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        Item::from_value(crate::document::parse(&bytes, &Location::Local(path.clone()))?)
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores == 1 || paths.len() < 2 * cores {
        return paths.iter().map(read).collect();
    }
    thread::scope(|scope| {
        let parts: Vec<_> = paths
            .chunks(paths.len().div_ceil(cores))
            .map(|part| scope.spawn(move || part.iter().map(read).collect::<Vec<_>>()))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// The documents met so far: of each only a digest is kept. Two of a million
/// documents share one by chance once in 10^26 walks.
#[derive(Default)]
struct Seen(HashSet<(u64, u64)>);

impl Seen {
    fn first(&mut self, at: &Location) -> bool {
        let digest = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            salt.hash(&mut hasher);
            at.hash(&mut hasher);
            hasher.finish()
        };
        self.0.insert((digest(0), digest(1)))
    }
}
