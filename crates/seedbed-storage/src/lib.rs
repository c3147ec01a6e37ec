//! Locations, stores, credentials and verified transfer of bytes.
//!
//! A [`Location`] says where bytes are; [`Stores`] reads, writes and lists them;
//! [`Stores::transfer`] brings a file home so that it is whole, verified and
//! resumable. All of HTTP is one policy: retries, limits per host, redirects
//! that take no credential along. Nothing here knows what the bytes mean.

mod abandoned;
mod abilities;
mod auth;
mod base64;
mod bearer;
mod checksum;
mod content;
mod credentials;
mod dav;
mod deadline;
mod digest_header;
mod download;
mod environment;
mod error;
mod http;
mod identity;
mod ini;
mod lease;
mod local;
mod location;
mod mark;
mod named;
mod names;
mod obscured;
mod part;
mod pieces;
mod progress;
mod reader;
mod s3;
mod sas;
mod secret;
mod settings;
mod store;
mod tape;
mod transfer;
mod upload;
mod xml;

pub use abandoned::{Abandoned, is_left_behind, is_temporary};
pub use abilities::{Abilities, CreateOnce, Replace};
pub use checksum::{Checksum, ChecksumError, Function};
pub use content::Content;
pub use credentials::Credentials;
pub use environment::Environment;
pub use error::StorageError;
pub use http::{Headers, Method, Request, Response};
pub use local::Standing;
pub use location::{Location, LocationError};
pub use named::{NamedStores, StoresFileError};
pub use part::part_of;
pub use progress::{Progress, Silent};
pub use secret::{secret_parameter, shown_text};
pub use settings::Settings;
pub use store::{ListPage, Listed, Meta, Put, Stores};
pub use tape::{Locality, Staged};
pub use transfer::{Expectation, Outcome, Transferred};
