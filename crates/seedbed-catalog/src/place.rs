//! How a collection is written, and where its documents go.

use crate::ground::{Hrefs, folder};
use crate::href::safe_name;
use crate::save::{Absent, Merge};
use crate::{CatalogError, Item, ItemLayout, Layout};

/// How a collection is written into a tree.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Id of a new root catalog.
    pub id: String,
    /// Description of a new root catalog.
    pub description: String,
    /// Ids of the catalogs between the root and the collection, made as needed.
    pub under: Vec<String>,
    /// Sub-catalogs below the collection, for items that are new in it.
    pub by: Option<Layout>,
    /// The document's path in the folder of its parent.
    pub item: ItemLayout,
    /// How the documents name one another.
    pub hrefs: Hrefs,
    /// What becomes of copies.
    pub merge: Merge,
    /// What becomes of items that aren't given.
    pub absent: Absent,
}

/// The path of the collection's document.
pub fn place_of(options: &WriteOptions, collection: &str) -> String {
    let mut path = String::new();
    for id in &options.under {
        path.push_str(&safe_name(id));
        path.push('/');
    }
    path.push_str(&safe_name(collection));
    path.push_str("/collection.json");
    path
}

/// The path of the catalog `level` levels below the root, counted from none.
pub fn above_place(options: &WriteOptions, level: usize) -> String {
    let mut path = String::new();
    for id in &options.under[..=level] {
        path.push_str(&safe_name(id));
        path.push('/');
    }
    path.push_str("catalog.json");
    path
}

/// Where the items of a collection would go, for a check before anything is written.
pub fn new_place(options: &WriteOptions, collection: &str, item: &Item) -> Result<String, CatalogError> {
    let mut path = folder(&place_of(options, collection)).to_owned();
    for name in options.by.as_ref().map(|by| by.fill(item)).transpose()?.unwrap_or_default() {
        path.push_str(&name);
        path.push('/');
    }
    Ok(path + &options.item.fill(item)?)
}
