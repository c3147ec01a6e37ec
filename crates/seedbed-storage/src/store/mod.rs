//! The stores, and the one way to them.

mod which;

use crate::abandoned::Abandoned;
use crate::abilities::{Abilities, CreateOnce, Replace};
use crate::content::Guard;
use crate::dav::{self, Dav};
use crate::deadline::Deadline;
use crate::http::{Headers, Http, Method, Request, Response};
use crate::identity::Identity;
use crate::lease::Lease;
use crate::local::Local;
use crate::part::HEAD;
use crate::progress::Progress;
use crate::s3::{Keys, S3};
use crate::transfer::{self, Expectation, Transferred, differ};
use crate::upload;
use crate::{Checksum, Function, Location, Settings, StorageError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use url::Url;

/// How many files a page of a listing has at most, or nearly so.
pub(crate) const PAGE: usize = 1000;

/// How many parts of uploads to S3 are in memory at once, of 5 MiB each.
const BUFFERS: usize = 4;

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its entity tag, quotes included.
    pub etag: Option<String>,
    /// When it was last changed, as an HTTP date.
    pub last_modified: Option<String>,
    /// Whether that date tells this version from any later one: it was over when it was told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub date_is_strong: bool,
}

/// A file that a listing found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Where it is.
    pub at: Location,
    /// Its size in bytes, where the listing tells it.
    pub size: Option<u64>,
    /// When it was last changed, as RFC 3339 writes it, where the listing tells it.
    pub modified: Option<String>,
    /// Its entity tag, quotes included, where the listing tells it.
    pub etag: Option<String>,
}

/// A part of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    /// Its files, in an order that is the same each time.
    pub files: Vec<Listed>,
    /// Where the listing goes on, in this process or another; none at its end.
    pub next: Option<String>,
    /// Symbolic links, on this machine, that lead nowhere.
    pub dangling: Vec<Location>,
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
#[derive(Clone)]
pub(crate) enum Store<'a> {
    /// The file system.
    Local(Local, &'a Path),
    /// Sites that are read over HTTP; and who we are to them, if they have a name.
    Http(&'a Url, Option<Arc<Identity>>),
    /// An object of a bucket.
    S3(Arc<S3>, &'a str),
    /// A file of a WebDAV server or a dCache.
    Dav(Arc<Dav>, Url),
}

/// Every store of this process: HTTP client, limits per host, credentials. Cheap to clone.
#[derive(Clone)]
pub struct Stores(Arc<Inner>);

struct Inner {
    http: Http,
    buckets: Mutex<HashMap<String, Arc<S3>>>,
    /// By the named store that they are for.
    lent_keys: Mutex<HashMap<String, Arc<Lease<Keys>>>>,
    /// By address.
    containers: Mutex<HashMap<String, Arc<Identity>>>,
    /// By named store, or by the origin of those that have no name.
    doors: Mutex<HashMap<String, Arc<Dav>>>,
    /// How many parts of uploads are in memory.
    buffers: Arc<Semaphore>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stores").field(self.0.http.settings()).finish()
    }
}

impl Meta {
    /// Whether both tell that they are about different versions; what only one tells says nothing.
    #[must_use]
    pub fn differs(&self, other: &Self) -> bool {
        differ(self, other)
    }

    pub(crate) fn of(headers: &Headers, size: Option<u64>) -> Self {
        let text = |name: &str| headers.get(name).map(|v| v.trim().to_owned());
        let date = |name: &str| httpdate::parse_http_date(headers.get(name)?.trim()).ok();
        let told = date("date").map_or_else(|| (SystemTime::now(), CLOCKS_APART), |now| (now, SECOND));
        let date_is_strong = date("last-modified").is_some_and(|changed| is_over(changed, told));
        Self { size, etag: text("etag"), last_modified: text("last-modified"), date_is_strong }
    }

    /// Of a file of this machine.
    pub(crate) fn of_local(size: u64, modified: Option<SystemTime>) -> Self {
        let date_is_strong = modified.is_some_and(|changed| is_over(changed, (SystemTime::now(), SECOND)));
        Self {
            size: Some(size),
            etag: None,
            last_modified: modified.map(httpdate::fmt_http_date),
            date_is_strong,
        }
    }
}

/// How much younger than the moment it is told a date must be so that no later change bears it, too, where one clock
/// tells both: HTTP dates are whole seconds (RFC 9110, section 8.8.2.2).
const SECOND: Duration = Duration::from_secs(1);

/// The same where ours tells the moment: by so much two machines' clocks may differ (RFC 2616 had a minute as well).
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// Whether the second of a change was over at a moment, by a margin.
fn is_over(changed: SystemTime, (now, margin): (SystemTime, Duration)) -> bool {
    let second = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    second(now) >= second(changed).saturating_add(margin.as_secs())
}

impl Stores {
    /// Stores with these settings. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`StorageError::Setup`] if the HTTP client can't be made, for instance for its user agent.
    pub fn new(settings: Settings) -> Result<Self, StorageError> {
        let http = Http::new(settings)?;
        let buffers = Arc::new(Semaphore::new(BUFFERS));
        Ok(Self(Arc::new(Inner {
            http,
            buckets: Mutex::default(),
            lent_keys: Mutex::default(),
            containers: Mutex::default(),
            doors: Mutex::default(),
            buffers,
        })))
    }

    /// A small document, whole: at most [`Settings::max_document`] bytes.
    ///
    /// # Errors
    /// If it is not there, too large, or can't be read.
    pub async fn read_document(&self, at: &Location) -> Result<Bytes, StorageError> {
        let http = &self.0.http;
        let read = match self.store(at)? {
            Store::Local(local, path) => local.read(path, http.settings().max_document).await,
            Store::Dav(dav, url) => dav.read(http, &url).await,
            remote => http.request(&remote.get()?).await.map(|answer| answer.body),
        };
        self.or_on_tape(at, read).await
    }

    /// A small file, whole, and what its store says of the version that was read.
    ///
    /// # Errors
    /// As [`Stores::read_document`].
    pub async fn read_version(&self, at: &Location) -> Result<(Bytes, Meta), StorageError> {
        let http = &self.0.http;
        let answer = match self.store(at)? {
            Store::Local(local, path) => {
                let version = local.head(path).await?;
                return Ok((local.read(path, http.settings().max_document).await?, version));
            }
            Store::Dav(dav, url) => dav.get(http, &url).await,
            remote => http.request(&remote.get()?).await,
        };
        let answer = self.or_on_tape(at, answer).await?;
        let version = Meta::of(&answer.headers, u64::try_from(answer.body.len()).ok());
        Ok((answer.body, version))
    }

    /// The bytes of a range of a file, fewer only where the file ends before.
    ///
    /// # Errors
    /// [`StorageError::Range`] if it begins behind the file's end, [`StorageError::TooLarge`] if it is longer
    /// than [`Settings::max_document`]; others if it is not there, or the store can't read parts of it.
    pub async fn read_range(&self, at: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        self.read_range_of(&Meta::default(), at, range).await
    }

    /// The same of one version, as [`Stores::head`] told it: ranges that are read one after the other are then of one
    /// file.
    ///
    /// # Errors
    /// As [`Stores::read_range`]; [`StorageError::Changed`] if the store tells that the file is another one by now.
    pub async fn read_range_of(
        &self,
        version: &Meta,
        at: &Location,
        range: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let (http, limit) = (&self.0.http, self.0.http.settings().max_document);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if range.end - range.start > limit {
            return Err(StorageError::TooLarge { at: at.shown(), limit });
        }
        match self.store(at)? {
            Store::Local(local, path) => {
                if differ(version, &local.head(path).await?) {
                    return Err(StorageError::Changed { at: at.shown() });
                }
                local.read_range(path, range).await
            }
            remote => self.or_on_tape(at, http.range(&remote.get()?, &range, version).await).await,
        }
    }

    /// Size and version of a file, as far as they are told.
    ///
    /// # Errors
    /// If it is not there, or can't be asked.
    pub async fn head(&self, at: &Location) -> Result<Meta, StorageError> {
        match self.store(at)? {
            Store::Local(local, path) => local.head(path).await,
            remote => self.0.http.head(&remote.get()?).await,
        }
    }

    /// The same of a file that is to be copied. Where its server calls it a page, its beginning is looked at.
    ///
    /// # Errors
    /// As [`Stores::head`]; [`StorageError::Content`] if a copy would find it to be something else than is expected.
    pub async fn head_of_source(&self, from: &Location, expect: &Expectation) -> Result<Meta, StorageError> {
        let http = &self.0.http;
        let store = self.store(from)?;
        if let Store::Local(local, path) = store {
            return local.head(path).await;
        }
        let (meta, headers) = http.told(&store.get()?).await?;
        let mut guard = Guard::of_source(from, expect.content);
        guard.hear(&headers);
        if guard.calls_it_a_page() && expect.checksum.is_none() && meta.size != Some(0) {
            guard.check(from, &self.read_range(from, 0..HEAD as u64).await?)?;
        }
        Ok(meta)
    }

    /// How many bytes this user may still write at a place, which need not be there yet: what is free on the disk
    /// of the nearest folder above it that is. Quotas are not in it. None for remote stores, which don't tell.
    ///
    /// # Errors
    /// If the disk can't be asked.
    pub async fn room(&self, at: &Location) -> Result<Option<u64>, StorageError> {
        match self.store(at)? {
            Store::Local(local, path) => local.room(path).await.map(Some),
            Store::Http(..) | Store::S3(..) | Store::Dav(..) => Ok(None),
        }
    }

    /// Creates a small object with all its bytes, or finds the one that is there, whole.
    ///
    /// Of any number of callers, in any number of processes, exactly one is told [`Put::Created`], if the
    /// store can do that: see [`Stores::abilities`].
    ///
    /// # Errors
    /// If the store can't be written.
    pub async fn put_once(&self, at: &Location, small: Bytes) -> Result<Put, StorageError> {
        let http = &self.0.http;
        match self.store(at)? {
            Store::Local(local, path) => local.put_once(path, small).await,
            Store::Http(..) => Err(read_only(at)),
            Store::S3(s3, key) => s3.put_once(http, key, small).await,
            Store::Dav(dav, url) => dav.put_once(http, &url, small).await,
        }
    }

    /// Puts a small object in place of whatever is there; a reader sees the old or the new one, whole (on a
    /// WebDAV server or a dCache, for a moment none).
    ///
    /// # Errors
    /// If the store can't be written.
    pub async fn replace(&self, at: &Location, small: Bytes) -> Result<(), StorageError> {
        let http = &self.0.http;
        match self.store(at)? {
            Store::Local(local, path) => local.replace(path, small).await,
            Store::Http(..) => Err(read_only(at)),
            Store::S3(s3, key) => s3.replace(http, key, small).await,
            Store::Dav(dav, url) => dav.replace(http, &url, small).await,
        }
    }

    /// Puts a small object in place of the version that was read, unless another one is there by now; whether it did.
    /// S3 services that heed conditions tell; elsewhere whatever is there is replaced, as by [`Stores::replace`].
    ///
    /// # Errors
    /// If the store can't be written.
    pub async fn swap(&self, at: &Location, read: &Meta, small: Bytes) -> Result<bool, StorageError> {
        match (self.store(at)?, &read.etag) {
            (Store::S3(s3, key), Some(tag)) => s3.swap(&self.0.http, key, tag, small).await,
            _ => self.replace(at, small).await.map(|()| true),
        }
    }

    /// Every file below `prefix`, at any depth, sorted.
    ///
    /// # Errors
    /// If there is no such folder, or it can't be listed.
    pub async fn list(&self, prefix: &Location) -> Result<Vec<Listed>, StorageError> {
        let mut files = Vec::new();
        let mut after = None;
        loop {
            let page = self.list_page(prefix, after.as_deref()).await?;
            files.extend(page.files);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        files.sort();
        Ok(files)
    }

    /// The next thousand or so files below `prefix`, at any depth: the first ones, or those after the place
    /// where an earlier page ended. Memory is bounded by a page, or by what one folder of a WebDAV server holds.
    ///
    /// # Errors
    /// If there is no such folder, it can't be listed, or `after` is no place in it.
    pub async fn list_page(&self, prefix: &Location, after: Option<&str>) -> Result<ListPage, StorageError> {
        let http = &self.0.http;
        match self.store(prefix)? {
            Store::Local(local, path) => local.list_page(path, after).await,
            Store::Http(..) => Err(unsupported(prefix, "cannot be listed")),
            Store::S3(s3, key) => s3.list_page(http, key, after).await,
            Store::Dav(dav, url) => dav.list_page(http, &url, prefix, after).await,
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] if it is not there; others if it can't be removed.
    pub async fn remove(&self, at: &Location) -> Result<(), StorageError> {
        let http = &self.0.http;
        match self.store(at)? {
            Store::Local(local, path) => local.remove(path).await,
            Store::Http(..) => Err(read_only(at)),
            Store::S3(s3, key) => s3.remove(http, key).await,
            Store::Dav(dav, url) => dav.remove(http, &url).await,
        }
    }

    /// What killed uploads and transfers left below a folder, longer ago than `older`: see [`Abandoned`].
    ///
    /// Take more for `older` than any upload takes: one that began later, by the store's own clock, is never among
    /// them, but that an older one goes on can't be seen from here. A folder that is not there has none.
    ///
    /// # Errors
    /// If the folder can't be listed.
    pub async fn abandoned(
        &self,
        folder: &Location,
        older: Duration,
    ) -> Result<Vec<Abandoned>, StorageError> {
        let http = &self.0.http;
        let mut found = match self.store(folder)? {
            Store::Local(local, path) => local.abandoned(path, older).await,
            Store::Http(..) => Err(unsupported(folder, "cannot be listed")),
            Store::S3(s3, key) => s3.abandoned(http, key, older).await,
            Store::Dav(dav, url) => dav.abandoned(http, &url, folder, older).await,
        }?;
        found.sort_by(|a, b| (&a.at, &a.upload).cmp(&(&b.at, &b.upload)));
        Ok(found)
    }

    /// Removes what [`Stores::abandoned`] found: a file, or an open upload with its parts. One that is gone by now
    /// is no error.
    ///
    /// # Errors
    /// [`StorageError::Occupied`] if a transfer has taken it up again, others if it can't be removed.
    pub async fn discard(&self, left: &Abandoned) -> Result<(), StorageError> {
        let http = &self.0.http;
        let removed = match (self.store(&left.at)?, &left.upload) {
            (Store::Local(local, path), _) => local.discard(path).await,
            (Store::S3(s3, key), Some(upload)) => s3.abort(http, key, upload).await,
            _ => self.remove(&left.at).await,
        };
        match removed {
            Err(e) if !e.is_not_found() => Err(e),
            _ => Ok(()),
        }
    }

    /// What the store of this folder can do. It is tried out once, with files of a name of their own in the
    /// folder that are removed again.
    ///
    /// # Errors
    /// If the store can't be reached or written.
    pub async fn abilities(&self, folder: &Location) -> Result<Abilities, StorageError> {
        let http = &self.0.http;
        match self.store(folder)? {
            Store::Local(..) => Ok(Abilities {
                create_once: CreateOnce::Guaranteed,
                replace: Replace::Atomic,
                ranges: true,
                digest: None,
            }),
            Store::Http(..) => Ok(Abilities {
                create_once: CreateOnce::Refused,
                replace: Replace::Refused,
                ranges: true,
                digest: None,
            }),
            Store::S3(s3, key) => s3.abilities(http, key).await,
            Store::Dav(dav, url) => dav.abilities(http, &url).await,
        }
    }

    /// One HTTP request under the policy; an answer other than 2xx, after retries, is an error.
    ///
    /// # Errors
    /// As the server's answer or the network has it.
    pub async fn request(&self, request: Request) -> Result<Response, StorageError> {
        // The address rules of a location hold here too.
        let at: Location = request.url.as_str().parse()?;
        let identity = match self.store(&at)? {
            Store::Http(_, identity) if matches!(request.method, Method::Get | Method::Head) => identity,
            _ => None,
        };
        self.0.http.request(&Request { identity, ..request }).await
    }

    /// Brings the bytes at `from` to `to`: whole, verified, under their name only then.
    ///
    /// They gather in `<name>.seedbed-part`, with their source's version in `<name>.seedbed-part.json`, so that an
    /// interrupted transfer resumes if the source is still the same (of what arrived, the last MiB may be lost), from
    /// as far as the part still holds what arrived.
    /// A large remote file comes by several requests at once ([`Settings::ranged_from`]), if its server gives parts
    /// of one version; the part is a plain beginning of the file at any moment. They are checked against `expect`, made
    /// durable, and given their name without replacing anything. Of several transfers to one destination at
    /// once, one works and the others wait for it.
    ///
    /// If something is at `to` already, it is adopted if it has the checksum that is expected, or, without one, if a
    /// transfer left it there of this version of the source and its bytes are as they were, or if the source's bytes
    /// were read and are the same.
    ///
    /// Otherwise that is [`StorageError::Occupied`], and it stays as it is.
    ///
    /// # Errors
    /// If the source can't be read, its bytes are not as expected, or the destination can't be written or is
    /// occupied. Nothing is then at the final name that was not there before.
    ///
    /// To a remote store, the bytes are streamed: to S3 in parts that become an object only when all are verified,
    /// to WebDAV and dCache under a temporary name whose size and digest are looked at before it is moved. They are
    /// not resumed by another process.
    ///
    /// Between two WebDAV servers or dCaches whose stores both say `third_party = true`, the destination's server is
    /// asked to fetch the file by itself, with the credential for the source. What has arrived is compared with what
    /// the source's server says, and read here once if its own server can't tell the checksum that is wanted. Where
    /// a server refuses to do so, the bytes are streamed.
    pub async fn transfer(
        &self,
        from: &Location,
        to: &Location,
        expect: &Expectation,
        progress: &dyn Progress,
    ) -> Result<Transferred, StorageError> {
        let (http, source) = (&self.0.http, self.store(from)?);
        let done = match self.store(to)? {
            // A part is resumed: it can be left at any moment.
            Store::Local(_, path) => {
                // It is large, and would make larger whatever awaits a transfer.
                let transfer = Box::pin(transfer::run(http, source, from, path, expect, progress));
                Deadline::of(http.settings()).keeps(from, transfer).await
            }
            Store::Http(..) => Err(read_only(to)),
            target => {
                let (source, target) = ((&source, from), (&target, to));
                Box::pin(upload::run(http, source, target, expect, progress, &self.0.buffers)).await
            }
        };
        self.or_on_tape(from, done).await
    }

    /// The digest of all bytes of a file, as they are read now.
    ///
    /// # Errors
    /// If it can't be read.
    pub async fn digest(&self, at: &Location, function: Function) -> Result<Checksum, StorageError> {
        let digest = upload::digest(&self.0.http, &self.store(at)?, at, function).await;
        self.or_on_tape(at, digest).await
    }

    /// Takes back what is under way, before the process goes: unfinished uploads and temporary files in remote stores,
    /// and what a tape was asked for. Nothing new is begun by these stores afterwards; what can't be taken back stays.
    pub async fn leave(&self) {
        self.0.http.leave().await;
    }

    pub(crate) fn http(&self) -> &Http {
        &self.0.http
    }
}

impl Store<'_> {
    /// How a remote file is read from its start to its end: with its server's digest of it, if that is to be had.
    pub(crate) fn get_whole(&self) -> Result<Request, StorageError> {
        let get = self.get()?;
        Ok(match self {
            Self::S3(..) => get.header("x-amz-checksum-mode", "ENABLED"),
            _ if get.identity.as_deref().is_some_and(Identity::is_door) => {
                get.header("want-digest", dav::WANT_DIGEST)
            }
            _ => get,
        })
    }

    /// How a remote file is read.
    pub(crate) fn get(&self) -> Result<Request, StorageError> {
        match self {
            Self::Http(url, identity) => {
                Ok(Request { identity: identity.clone(), ..Request::get((*url).clone()) })
            }
            Self::S3(s3, key) => s3.request(Method::Get, key),
            Self::Dav(dav, url) => Ok(dav.request(Method::Get, url)),
            Self::Local(_, path) => {
                let what = "a local file is not read over HTTP".to_owned();
                Err(StorageError::Configuration { at: path.display().to_string(), what })
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
