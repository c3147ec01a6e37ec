//! How a collection is written, and where its documents go.

use crate::ground::{Hrefs, folder};
use crate::href::{absolute, safe_name};
use crate::links::linked;
use crate::save::{Absent, Merge};
use crate::{CatalogError, Item, ItemLayout, Layout};

/// What becomes of the sub-catalogs in which items stood before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nesting {
    /// They are left out.
    #[default]
    Flat,
    /// They are made anew, by the names of their folders below that of the collection.
    Kept,
}

/// How a collection is written into a tree.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Id of a new root catalog.
    pub id: String,
    /// Description of a new root catalog.
    pub description: String,
    /// Title of a new root catalog.
    pub title: Option<String>,
    /// Ids of the catalogs between the root and the collection, made as needed.
    pub under: Vec<String>,
    /// Sub-catalogs below the collection, for items that are new in it.
    pub by: Option<Layout>,
    /// Without `by`: whether items that are new in it keep the sub-catalogs that they had elsewhere.
    pub nesting: Nesting,
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
    for name in levels_of(options, item)? {
        path.push_str(&name);
        path.push('/');
    }
    Ok(path + &options.item.fill(item)?)
}

/// The folders of the sub-catalogs that an item goes into.
pub fn levels_of(options: &WriteOptions, item: &Item) -> Result<Vec<String>, CatalogError> {
    match (&options.by, options.nesting) {
        (Some(by), _) => by.fill(item),
        (None, Nesting::Kept) => Ok(levels_before(item).unwrap_or_default()),
        (None, Nesting::Flat) => Ok(Vec::new()),
    }
}

/// The folders from that of an item's collection to that of its parent, where it was read.
fn levels_before(item: &Item) -> Option<Vec<String>> {
    let folder = |rel| absolute(&linked(item, item.location()?, rel)?).parent();
    let link = folder("parent")?.relative_to(&folder("collection")?)?;
    Some(link.strip_prefix("./")?.split('/').filter(|name| !name.is_empty()).map(safe_name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kept_levels_are_the_folders_between_collection_and_parent() {
        let options = WriteOptions { nesting: Nesting::Kept, ..WriteOptions::default() };
        for (collection, parent, levels) in [
            ("../../../collection.json", "../catalog.json", vec!["na", "2003"]),
            ("../../../collection.json", "../../../collection.json", vec![]),
            ("https://h.org/c/collection.json", "https://h.org/c/na/catalog.json", vec!["na"]),
            ("../../../../x/collection.json", "../catalog.json", vec![]),
        ] {
            let mut item = Item::new("i");
            item.set_field(
                "links",
                json!([{"rel": "collection", "href": collection}, {"rel": "parent", "href": parent}]),
            );
            let item = item.in_own_document("/cat/c/na/2003/i/i.json".parse().unwrap());
            assert_eq!(levels_of(&options, &item).unwrap(), levels, "{parent}");
        }
        assert!(levels_of(&options, &Item::new("i")).unwrap().is_empty());
    }
}
