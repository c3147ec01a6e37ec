//! Selective copy: chosen assets of chosen items brought to a folder, local or in
//! a remote store, and the catalog told.
//!
//! [`plan`] says what would be done, [`execute`] does it. Two modes:
//!
//! * **in place** (`out: None`): the items of a local catalog are updated, each
//!   document replaced atomically as a file arrives;
//! * **`out: Some(catalog)`**: a new catalog is written first, with the hrefs
//!   the items had, and then updated in the same way.
//!
//! Either way a catalog never points at an incomplete file, a killed copy
//! leaves a valid catalog, and running it again finishes what is missing.
//!
//! A copied asset has
//!
//! * `href`: the copy, relative if it lies inside the catalog's tree;
//! * `file:size`, `file:checksum` (SHA-256 multihash) of the copy;
//! * `alternate.origin`: the `href` it was *first* copied from, what its
//!   archive had said of it (`file:size`, `file:checksum`, `updated`, `version`,
//!   each if it was there), and the version the server named, `seedbed:etag` and
//!   `seedbed:last_modified`.
//!
//! A copied folder, such as a Zarr group, has `seedbed:folder` instead of size and checksum, and is
//! pointed at when all its files are there and verified; its version is that of its document.
//!
//! So [`Asset::identity`](crate::Asset::identity) is the same before and after.

mod destination;
mod documents;
mod execute;
mod failure;
mod folder;
mod names;
mod plan;
mod record;
mod sharing;
mod sidecar;
mod standing;
mod survey;
mod template;
mod version;

pub use execute::{CopyReport, OnError, Progress, Silent, execute};
pub use failure::Failure;
pub use names::Names;
pub use plan::{CopyPlan, CopyRequest, Missing, Transfer, Unchecked, Use, plan};
pub(crate) use record::{keep_assets, keep_copies};
pub use sidecar::{read as read_sidecar, sidecar_of};
pub use template::Template;
