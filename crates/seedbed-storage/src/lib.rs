//! Locations, stores, credentials and verified transfer of bytes.
//!
//! A [`Location`] says where bytes are; [`Stores`] reads, writes and lists them;
//! [`Stores::transfer`] brings a file home so that it is whole, verified and
//! resumable. All of HTTP is one policy: retries, limits per host, redirects
//! that take no credential along. Nothing here knows what the bytes mean.

mod checksum;
mod content;
mod credentials;
mod download;
mod error;
mod http;
mod local;
mod location;
mod part;
mod progress;
mod secret;
mod settings;
mod store;
mod transfer;

pub use checksum::{Checksum, ChecksumError, Function};
pub use content::Content;
pub use credentials::Credentials;
pub use error::StorageError;
pub use http::{Headers, Method, Request, Response};
pub use location::{Location, LocationError};
pub use progress::{Progress, Silent};
pub use settings::Settings;
pub use store::{Listed, Meta, Put, Stores};
pub use transfer::{Expectation, Outcome, Transferred};
