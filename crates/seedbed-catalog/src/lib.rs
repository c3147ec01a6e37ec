//! STAC items, collections and trees: reading, writing, searching, copying.
//!
//! Documents are kept as the JSON that was read: unknown fields, their order
//! and foreign extensions pass through untouched, under a thin typed view
//! ([`Item`], [`Asset`], [`Collection`]). Nothing is dropped or normalised
//! unless one of our own operations changes that very field.
//!
//! # Hrefs: the one rule
//!
//! * **Reading.** A relative href is resolved against the location of the
//!   document that holds it. URLs and absolute paths stay as they are.
//! * **Writing a tree.** Links between the tree's documents, and assets that
//!   lie inside the tree, are written relative to the document (`./…`, `../…`);
//!   everything else is written absolute. So a tree can be moved as a whole, as
//!   a folder or a bucket's prefix. [`Hrefs::Published`] adds a `self` link of
//!   the address where the tree is published to every document;
//!   [`Hrefs::Absolute`] writes that address also in place of relative hrefs.
//! * **Splitting and rewriting.** Files of assets stay where they are, and every
//!   href means the same place as before.
//! * **Copies.** The href of a copied asset is relative also outside of the tree,
//!   unless the two have no folder but the file system's root in common: the
//!   bytes don't tell where the work was done, and tree and copies can be moved
//!   together.
//! * **Writing an item collection.** Every href is made absolute.

pub mod copy;
pub mod describe;
pub mod validate;

mod above;
mod asset;
mod broken;
mod collection;
mod cover;
mod diff;
mod disk;
mod document;
mod error;
mod fields;
mod filter;
mod folder;
mod geometry;
#[cfg(feature = "parquet")]
mod geoparquet;
mod glob;
mod ground;
mod href;
mod item;
mod item_collection;
mod item_file;
mod item_writer;
mod layout;
mod links;
mod outline;
mod parent;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod place;
mod query;
mod rewrite;
mod save;
mod search;
mod search_api;
mod sort;
mod sorter;
mod split;
mod text;
mod time;
mod tree;
mod walk;
mod writer;

pub use asset::{
    Asset, Band, FOLDER, Identity, Origin, alternate_assets_schema, file_schema, version_schema,
};
pub use broken::Broken;
pub use collection::Collection;
pub use diff::{Changed, Diff, Field, diff};
pub use error::CatalogError;
pub use fields::Fields;
pub use filter::Filter;
pub use folder::{FolderFacts, Member, folder_digest, folder_version, is_folder, members};
pub use glob::Glob;
pub use ground::Hrefs;
pub use href::{relative_href, resolve_href};
pub use item::Item;
pub use item_collection::ItemCollection;
pub use item_file::ItemForm;
pub use item_writer::{ItemWriter, Written};
pub use layout::{ItemLayout, Layout};
#[cfg(feature = "parquet")]
pub use parquet_rows::{Cell as ParquetCell, ParquetRows};
pub use place::{Nesting, WriteOptions};
pub use query::{Area, Query};
pub use rewrite::{RewriteOptions, Rewritten, rewrite};
pub use save::{Absent, Ids, Merge, Saved, TreeBuilder};
pub use search::{ApiHeader, Asked, Asking, Search, Searched, Short, search, search_each};
pub use search_api::search_api;
pub use sort::SortBy;
pub use sorter::{Record, Sorted, Sorter};
pub use split::{Split, split, splittable};
pub use time::{DateInterval, parse_interval};
pub use tree::{Node, NodeKind, Tree};
pub use walk::{Entered, Leaf, Step, Walk, items_stream};
pub use writer::{Change, TreeWriter};
