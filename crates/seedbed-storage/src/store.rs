//! The stores, and the one way to them.

use crate::http::{Headers, Http, Request, Response};
use crate::local::Local;
use crate::progress::Progress;
use crate::transfer::{self, Expectation, Transferred};
use crate::{Location, Settings, StorageError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its entity tag, quotes included.
    pub etag: Option<String>,
    /// When it was last changed, as an HTTP date.
    pub last_modified: Option<String>,
}

/// A file that a listing found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Where it is.
    pub at: Location,
    /// Its size in bytes, where the listing tells it.
    pub size: Option<u64>,
}

/// How a create-once write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The object is ours.
    Created,
    /// Another one was there first; these are its bytes.
    Exists(Bytes),
}

/// The store that a location belongs to: a closed set.
#[derive(Clone, Copy)]
pub(crate) enum Store<'a> {
    /// The file system.
    Local(Local, &'a Path),
    /// Sites that are read over HTTP.
    Http(&'a Http, &'a Url),
}

/// Every store of this process: HTTP client, limits per host, credentials. Cheap to clone.
#[derive(Clone)]
pub struct Stores(Arc<Http>);

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stores").field(self.0.settings()).finish()
    }
}

impl Meta {
    pub(crate) fn of(headers: &Headers, size: Option<u64>) -> Self {
        let text = |name: &str| headers.get(name).map(|v| v.trim().to_owned());
        Self { size, etag: text("etag"), last_modified: text("last-modified") }
    }
}

impl Stores {
    /// Stores with these settings. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`StorageError::Setup`] if the HTTP client can't be made, for instance for its user agent.
    pub fn new(settings: Settings) -> Result<Self, StorageError> {
        Ok(Self(Arc::new(Http::new(settings)?)))
    }

    /// A small document, whole: at most [`Settings::max_document`] bytes.
    ///
    /// # Errors
    /// If it is not there, too large, or can't be read.
    pub async fn read_document(&self, at: &Location) -> Result<Bytes, StorageError> {
        match self.store(at)? {
            Store::Local(local, path) => local.read(path, self.0.settings().max_document).await,
            Store::Http(http, url) => Ok(http.request(&Request::get(url.clone())).await?.body),
        }
    }

    /// Size and version of a file, as far as they are told.
    ///
    /// # Errors
    /// If it is not there, or can't be asked.
    pub async fn head(&self, at: &Location) -> Result<Meta, StorageError> {
        match self.store(at)? {
            Store::Local(local, path) => local.head(path).await,
            Store::Http(http, url) => http.head(url).await,
        }
    }

    /// Creates a small object with all its bytes, or finds the one that is there, whole.
    ///
    /// Of any number of callers, in any number of processes, exactly one is told [`Put::Created`].
    ///
    /// # Errors
    /// If the store can't be written.
    pub async fn put_once(&self, at: &Location, small: Bytes) -> Result<Put, StorageError> {
        match self.store(at)? {
            Store::Local(local, path) => local.put_once(path, small).await,
            Store::Http(..) => Err(read_only(at)),
        }
    }

    /// Puts a small object in place of whatever is there; a reader sees the old or the new one, whole.
    ///
    /// # Errors
    /// If the store can't be written.
    pub async fn replace(&self, at: &Location, small: Bytes) -> Result<(), StorageError> {
        match self.store(at)? {
            Store::Local(local, path) => local.replace(path, small).await,
            Store::Http(..) => Err(read_only(at)),
        }
    }

    /// Every file below `prefix`, at any depth, sorted.
    ///
    /// # Errors
    /// If there is no such folder, or it can't be listed.
    pub async fn list(&self, prefix: &Location) -> Result<Vec<Listed>, StorageError> {
        match self.store(prefix)? {
            Store::Local(local, path) => local.list(path).await,
            Store::Http(..) => Err(unsupported(prefix, "cannot be listed")),
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] if it is not there; others if it can't be removed.
    pub async fn remove(&self, at: &Location) -> Result<(), StorageError> {
        match self.store(at)? {
            Store::Local(local, path) => local.remove(path).await,
            Store::Http(..) => Err(read_only(at)),
        }
    }

    /// One HTTP request under the policy; an answer other than 2xx, after retries, is an error.
    ///
    /// # Errors
    /// As the server's answer or the network has it.
    pub async fn request(&self, request: Request) -> Result<Response, StorageError> {
        // The address rules of a location hold here too.
        self.store(&request.url.as_str().parse()?)?;
        self.0.request(&request).await
    }

    /// Brings the bytes at `from` to `to`: whole, verified, under their name only then.
    ///
    /// They gather in `<name>.part`, with their source's version in `<name>.part.json`, so that an
    /// interrupted transfer resumes if the source is still the same. They are checked against `expect`, made
    /// durable, and given their name without replacing anything. Of several transfers to one destination at
    /// once, one works and the others wait for it.
    ///
    /// If something is at `to` already, it is adopted
    /// - if a checksum is expected: if it has that checksum;
    /// - else if a size is expected: if it has that size;
    /// - else: if the source has its size and has not changed since it was written, or, failing that, after
    ///   the source's bytes were read again and are the same.
    ///
    /// Otherwise that is [`StorageError::Occupied`], and it stays as it is.
    ///
    /// # Errors
    /// If the source can't be read, its bytes are not as expected, or the destination can't be written or is
    /// occupied. Nothing is then at the final name that was not there before.
    pub async fn transfer(
        &self,
        from: &Location,
        to: &Location,
        expect: &Expectation,
        progress: &dyn Progress,
    ) -> Result<Transferred, StorageError> {
        let Store::Local(_, path) = self.store(to)? else { return Err(read_only(to)) };
        transfer::run(self.store(from)?, from, path, expect, progress).await
    }

    fn store<'a>(&'a self, at: &'a Location) -> Result<Store<'a>, StorageError> {
        match at {
            Location::Local(path) => Ok(Store::Local(Local, path)),
            Location::Http(url) => Ok(Store::Http(&self.0, url)),
            Location::S3 { .. } | Location::Dav(_) | Location::Dcache(_) => {
                Err(unsupported(at, "cannot be opened by this version"))
            }
        }
    }
}

fn unsupported(at: &Location, what: &'static str) -> StorageError {
    StorageError::Unsupported { at: at.shown(), scheme: at.scheme().to_owned(), what }
}

fn read_only(at: &Location) -> StorageError {
    unsupported(at, "are read-only")
}
