//! Items read from whatever holds them.

use crate::item_file::{ItemFile, Opened};
use crate::item_writer::{Written, with_absolute_hrefs};
use crate::{Broken, CatalogError, Item, ItemForm, ItemWriter, Query, Tree};
use seedbed_storage::{Location, Stores};
use serde_json::{Value, json};

/// Items, of one collection or several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ItemCollection {
    /// In the order they were read.
    pub items: Vec<Item>,
}

impl ItemCollection {
    /// Reads all items at a location, which may be
    ///
    /// * a catalog or collection, with everything below it, or a folder that holds one;
    /// * a GeoJSON feature collection of items, or one item;
    /// * newline-delimited items, one a line;
    /// * stac-geoparquet, one a row.
    ///
    /// # Errors
    /// [`CatalogError`] naming the file, and the line of a newline-delimited one.
    pub async fn read(stores: &Stores, at: &Location) -> Result<Self, CatalogError> {
        let (at, opened) = open(stores, &entry(at)).await?;
        match opened {
            Opened::Tree(document) => {
                Ok(Self { items: Tree::from_document(stores, &at, document).await?.into_items() })
            }
            Opened::Items(items) => Ok(Self { items: items.collect::<Result<_, _>>()? }),
        }
    }

    /// Reads the items at a location as [`ItemCollection::read`] does, but for those that can't be read: these are
    /// named.
    ///
    /// # Errors
    /// As [`ItemCollection::read`], where it isn't an item alone that can't be read, or where it may be read later.
    pub async fn read_legible(stores: &Stores, at: &Location) -> Result<(Self, Vec<Broken>), CatalogError> {
        let (at, opened) = open(stores, &entry(at)).await?;
        let (mut items, mut broken) = (Vec::new(), Vec::new());
        match opened {
            Opened::Tree(document) => {
                let (tree, passed_over) = Tree::of_legible(stores, &at, document).await?;
                (items, broken) = (tree.into_items(), passed_over);
            }
            Opened::Items(mut file) => {
                while let Some(next) = file.next_legible() {
                    match next? {
                        Ok(item) => items.push(item),
                        Err(one) => broken.push(one),
                    }
                }
            }
        }
        Ok((Self { items }, broken))
    }

    /// Reads several locations, one after the other.
    ///
    /// # Errors
    /// As [`ItemCollection::read`].
    pub async fn read_all(stores: &Stores, locations: &[Location]) -> Result<Self, CatalogError> {
        let mut all = Self::default();
        for at in locations {
            all.items.extend(Self::read(stores, at).await?.items);
        }
        Ok(all)
    }

    /// The items that a query selects, in their order, up to its limit.
    ///
    /// # Errors
    /// As [`Query::matches`].
    pub fn select(&self, query: &Query) -> Result<Self, CatalogError> {
        query.select(&self.items).map(|items| Self { items: items.into_iter().cloned().collect() })
    }

    /// As one GeoJSON feature collection, every href absolute.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let features: Vec<Value> = self.items.iter().map(|item| with_absolute_hrefs(item, None)).collect();
        json!({"type": "FeatureCollection", "features": features})
    }

    /// Writes the items in the form that the name's ending says, every href absolute.
    ///
    /// # Errors
    /// As [`ItemWriter`].
    pub async fn write(&self, stores: &Stores, at: &Location) -> Result<Written, CatalogError> {
        self.write_with(ItemWriter::begin(at)?, stores).await
    }

    /// Writes one GeoJSON feature collection, whatever the name, every href absolute.
    ///
    /// # Errors
    /// As [`ItemWriter`].
    pub async fn write_json(&self, stores: &Stores, at: &Location) -> Result<(), CatalogError> {
        self.write_with(ItemWriter::begin_as(at, ItemForm::Json)?, stores).await.map(drop)
    }

    /// Writes one item a line, whatever the name, every href absolute.
    ///
    /// # Errors
    /// As [`ItemWriter`].
    pub async fn write_ndjson(&self, stores: &Stores, at: &Location) -> Result<(), CatalogError> {
        self.write_with(ItemWriter::begin_as(at, ItemForm::Ndjson)?, stores).await.map(drop)
    }

    async fn write_with(&self, mut writer: ItemWriter, stores: &Stores) -> Result<Written, CatalogError> {
        self.items.iter().try_for_each(|item| writer.put(item))?;
        writer.finish(stores).await
    }
}

impl From<Vec<Item>> for ItemCollection {
    fn from(items: Vec<Item>) -> Self {
        Self { items }
    }
}

/// What is at a location; where a web server has no document there, at the `catalog.json` below it.
pub async fn open(stores: &Stores, at: &Location) -> Result<(Location, Opened), CatalogError> {
    let error = match ItemFile::open(stores, at).await {
        Ok(opened) => return Ok((at.clone(), opened)),
        Err(error) => error,
    };
    let may_be_folder = matches!(at, Location::Http(url) if url.query().is_none())
        && at.file_name().is_none_or(|name| !name.to_ascii_lowercase().ends_with("json"))
        && !error.retryable();
    if !may_be_folder {
        return Err(error);
    }
    let inside = at.join("catalog.json");
    match ItemFile::open(stores, &inside).await {
        Ok(opened) => Ok((inside, opened)),
        Err(other) if other.is_absence() => {
            Err(CatalogError::NoCatalog { at: at.clone(), inside, source: Box::new(error) })
        }
        Err(_) => Err(error),
    }
}

/// The document meant by a location as [`entry`] has it; of a folder of a web server that has no document at the
/// folder's own address, the `catalog.json` in it.
pub async fn document_at(stores: &Stores, at: &Location) -> Location {
    let at = entry(at);
    let is_folder = matches!(&at, Location::Http(url) if url.query().is_none() && url.path().ends_with('/'));
    if !is_folder {
        return at;
    }
    // What is wrong with it is told by who reads it.
    open(stores, &at).await.map_or(at, |(found, _)| found)
}

/// The document meant by a location: a local folder stands for its
/// `catalog.json` or `collection.json`, a name without an ending in a bucket or
/// behind WebDAV for the `catalog.json` in it.
pub fn entry(at: &Location) -> Location {
    if let Some(path) = at.as_path()
        && path.is_dir()
    {
        for name in ["catalog.json", "collection.json"] {
            if path.join(name).is_file() {
                return at.join(name);
            }
        }
        return at.join("catalog.json");
    }
    let in_a_store = matches!(at, Location::S3 { .. } | Location::Dav(_) | Location::Dcache(_));
    if in_a_store && at.file_name().is_none_or(|name| !name.contains('.')) {
        return at.join("catalog.json");
    }
    at.clone()
}
