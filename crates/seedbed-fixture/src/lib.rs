//! Small archives in their true formats, served on loopback as the real sites do.
//!
//! The project's tests and its demo run on these: Daymet V4 R1 as netCDF-4 behind CMR, MODIS
//! NDVI as Cloud-Optimised `GeoTIFFs` behind a STAC API, PRISM in both layouts behind an HTML
//! index, MACA behind THREDDS, and static soil rasters. The fields are synthetic, but behave:
//! they have seasons, gradients, storms, a coast and a leap year, and every archive samples the
//! same [`climate`], so that two of them agree where they overlap.
//!
//! [`Listings`] are the other half: every archive as it is listed, in full, with a few hundred true
//! bytes behind each name, for crawls that need names, sizes, dates and checksums but no rasters.
//! Its methods say what a crawl must find.
//!
//! ```no_run
//! use seedbed_fixture::{Listings, Server, ServerOptions};
//!
//! let listings = Listings::default();
//! let wanted = listings.maca();
//! let server = Server::start_listings(listings, ServerOptions::wide())?;
//! println!("{} granules at {}/thredds/catalog.xml", wanted.0, server.base_url());
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! The crate uses none of the project's other crates, so that a misreading of a format they
//! share can't pass unseen: it writes with GDAL, libnetcdf and libhdf5 itself.
//!
//! ```no_run
//! use seedbed_fixture::{Archives, Server, ServerOptions, Spec};
//!
//! let archives = Archives::generate("archives", &Spec::default())?;
//! let server = Server::start(archives.dir(), ServerOptions::default())?;
//! println!("{}/search/granules.json?short_name=Daymet_Daily_V4R1_2129", server.base_url());
//! # Ok::<(), anyhow::Error>(())
//! ```

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "fields are stored as float32 or small integers, and every grid here has far fewer than 2^24 rows"
)]

pub mod archives;
pub mod climate;
pub mod daymet;
pub mod listing;
pub mod maca;
pub mod modis;
pub mod prism;
pub mod serve;
pub mod spec;
pub mod statics;
mod write;

pub use archives::Archives;
pub use listing::Listings;
pub use serve::{Post, Server, ServerOptions};
pub use spec::{Archive, Area, Spec};
