//! Archive definitions and crawling: from listings to STAC items.
//!
//! A [`Definition`] is a TOML file that says where an archive is listed, how
//! its names parse, how granules group into items and what each asset is.
//! [`crawl`] follows it:
//!
//! ```text
//! source (CMR, STAC API, index, THREDDS, listing) ──▶ granules (name, href)
//!   ──names──▶ captures ──filters, calendar, grid──▶ dated and placed ──group──▶ items
//! ```
//!
//! Whatever can't be followed (an answer of another kind, a name that doesn't
//! parse, an impossible date, a duplicate) is listed as [`Rejected`] with its
//! reason; it is never an item and never a panic. No raster is opened: the
//! items' grids, units and dates are the definition's claims.

mod calendar;
mod collection;
mod crawl;
mod definition;
mod fuzz;
mod granule;
mod grid;
mod group;
mod item;
mod nearest;
mod outline;
mod pattern;
mod root;
mod source;
mod template;
mod wanted;

pub use crawl::{Crawl, CrawlError, CrawlOptions, CrawlProgress, crawl};
pub use definition::{Definition, DefinitionError, DefinitionSummary, list};
pub use fuzz::{Body as FuzzBody, TARGETS as FUZZ_TARGETS};
pub use granule::Rejected;
