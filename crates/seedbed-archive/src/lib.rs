//! Archive definitions and crawling: from listings to STAC items.
//!
//! A [`Definition`] is a TOML file that says where an archive is listed, how
//! its names parse, how granules group into items and what each asset is.
//! [`crawl`] follows it:
//!
//! ```text
//! source (CMR, STAC API, index, THREDDS, listing, …) ──page by page, recorded──▶ granules (name, href)
//!   ──names──▶ captures ──filters, calendar, grid──▶ sorted on disk ──group──▶ items, one by one
//! ```
//!
//! Memory is bounded by the number of pages, not of granules. A crawl that was
//! killed goes on after the last page it had read; a later one asks servers
//! whether their pages have changed.
//!
//! Whatever can't be followed (an answer of another kind, a name that doesn't
//! parse, an impossible date, a duplicate) is listed as [`Rejected`] with its
//! reason; it is never an item and never a panic. No raster is opened: the
//! items' grids, units and dates are the definition's claims.

mod calendar;
mod candidate;
mod collection;
mod crawl;
mod definition;
mod error;
mod fuzz;
mod granule;
mod grid;
mod group;
mod item;
mod journal;
mod nearest;
mod outline;
mod page;
mod pattern;
mod root;
mod source;
mod template;
mod walk;
mod wanted;
mod way;

pub use crawl::{Crawl, CrawlOptions, CrawlProgress, Crawled, crawl};
pub use definition::{Definition, DefinitionError, DefinitionSummary, list};
pub use error::CrawlError;
pub use fuzz::{Body as FuzzBody, TARGETS as FUZZ_TARGETS};
pub use granule::Rejected;

/// The format of definitions, as a text for people.
pub const FORMAT: &str = include_str!("../../../catalogs/README.md");
