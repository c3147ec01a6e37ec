//! A bucket as a store.

mod account;
mod keys;
mod listing;
mod multipart;
mod profile;
mod unfinished;

pub(crate) use account::Account;
pub(crate) use keys::{KeySource, Keys, lent_keys};
pub(crate) use profile::Known;

use crate::abilities::{Abilities, CreateOnce, Replace};
use crate::base64;
use crate::content::media_type;
use crate::http::{Http, Method, Request};
use crate::identity::Identity;
use crate::names::random;
use crate::store::{ListPage, Meta, Put};
use crate::{Checksum, Function, StorageError};
use bytes::Bytes;
use md5::{Digest, Md5};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::OnceCell;

/// The metadata that tells, where a reply was lost, whose object is there.
const ATTEMPT: &str = "x-amz-meta-seedbed-attempt";

/// The digests that a service may compare a body with.
const SHA256: &str = "x-amz-checksum-sha256";
const MD5: &str = "content-md5";

/// A bucket.
pub(crate) struct S3 {
    bucket: String,
    account: Arc<Account>,
    identity: Arc<Identity>,
    /// Whether the service heeds conditions, and tells bad bodies from good ones; tried once.
    tried: OnceCell<Tried>,
    /// Whether the name last asked about or written to was taken.
    crowded: AtomicBool,
}

#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "any service may have any of them")]
struct Tried {
    heeds_conditions: bool,
    /// By which digests it tells a bad body from a good one.
    checks_sha256: bool,
    checks_md5: bool,
    ranges: bool,
}

impl S3 {
    pub(crate) fn new(bucket: String, account: Account) -> Self {
        let account = Arc::new(account);
        let identity = Arc::new(Identity::Aws(Arc::clone(&account)));
        Self { bucket, account, identity, tried: OnceCell::new(), crowded: AtomicBool::new(true) }
    }

    /// Whether to ask if a file of `size` bytes is there before it is sent. Where the service refuses to overwrite, one
    /// that goes in a single request can tell that by itself, and costs a request less while names are free.
    pub(crate) fn asks_first(&self, size: Option<u64>) -> bool {
        let refuses = self.tried.get().is_some_and(|tried| tried.heeds_conditions);
        let at_once = size.is_some_and(|size| size < multipart::PART);
        !(refuses && at_once) || self.crowded.load(Ordering::Relaxed)
    }

    /// Notes whether a name was taken.
    pub(crate) fn note(&self, taken: bool) {
        self.crowded.store(taken, Ordering::Relaxed);
    }

    /// A request about an object, or about the bucket if the key is empty.
    pub(crate) fn request(&self, method: Method, key: &str) -> Result<Request, StorageError> {
        let at = || format!("s3://{}/{key}", self.bucket);
        let url = self.account.address(&self.bucket, key);
        let url = url.map_err(|what| StorageError::Configuration { at: at(), what })?;
        let mut request = Request { identity: Some(Arc::clone(&self.identity)), ..Request::new(method, url) };
        if self.account.requester_pays {
            request = request.header("x-amz-request-payer", "requester");
        }
        Ok(request)
    }

    /// At most a thousand files below a folder, in the order of their keys, after the one that `after` names.
    pub(crate) async fn list_page(
        &self,
        http: &Http,
        folder: &str,
        after: Option<&str>,
    ) -> Result<ListPage, StorageError> {
        let folder = folder.trim_end_matches('/');
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut from = after.map(str::to_owned);
        loop {
            let mut request = self.request(Method::Get, "")?;
            {
                let mut query = request.url.query_pairs_mut();
                query.append_pair("list-type", "2").append_pair("max-keys", "1000");
                query.append_pair("encoding-type", "url").append_pair("prefix", &prefix);
                if let Some(from) = &from {
                    query.append_pair("start-after", from);
                }
            }
            let answer = http.request(&request).await?;
            let at = format!("s3://{}/{prefix}", self.bucket);
            let (page, last) = listing::read(&answer.body, &self.bucket, &prefix)
                .map_err(|what| StorageError::Protocol { at: at.clone(), what })?;
            let first = from.is_none();
            let next = if page.more { last.clone() } else { None };
            if page.more && (last.is_none() || last == from) {
                let what = "the listing says that there is more, but does not go on".to_owned();
                return Err(StorageError::Protocol { at, what });
            }
            // Folder markers alone make a folder, but nothing at all makes none.
            if first && last.is_none() {
                return Err(StorageError::NotFound { at });
            }
            if page.files.is_empty() && next.is_some() {
                from = next;
                continue;
            }
            return Ok(ListPage { files: page.files, next, ..ListPage::default() });
        }
    }

    pub(crate) async fn replace(&self, http: &Http, key: &str, small: Bytes) -> Result<(), StorageError> {
        http.request(&self.put(key, small)?).await.map(|_| ())
    }

    /// Puts a small object in place of the one with this entity tag; whether that was there. Services that ignore the
    /// condition replace whatever is.
    pub(crate) async fn swap(
        &self,
        http: &Http,
        key: &str,
        tag: &str,
        small: Bytes,
    ) -> Result<bool, StorageError> {
        match http.request(&self.put(key, small.clone())?.header("if-match", tag)).await {
            Ok(_) => Ok(true),
            Err(e) if matches!(e.status(), Some(409 | 412)) || e.is_not_found() => Ok(false),
            // One that doesn't know the condition.
            Err(e) if matches!(e.status(), Some(400 | 501)) => {
                self.replace(http, key, small).await.map(|()| true)
            }
            Err(e) => Err(e),
        }
    }

    pub(crate) async fn put_once(&self, http: &Http, key: &str, small: Bytes) -> Result<Put, StorageError> {
        let attempt = random()?;
        let request = self.put(key, small)?.header(ATTEMPT, &attempt);
        if !self.tried(http, key).await?.heeds_conditions {
            return match http.request(&self.request(Method::Get, key)?).await {
                Ok(there) => Ok(Put::Exists(there.body)),
                Err(e) if e.is_not_found() => http.request(&request).await.map(|_| Put::Created),
                Err(e) => Err(e),
            };
        }
        let request = request.header("if-none-match", "*");
        // 409 says that another writer is at work: who won is told by what is there afterwards.
        for _ in 0..=http.settings().retries {
            match http.request(&request).await {
                Ok(_) => return Ok(Put::Created),
                Err(e) if matches!(e.status(), Some(409 | 412)) => {}
                Err(e) => return Err(e),
            }
            match http.request(&self.request(Method::Get, key)?).await {
                Ok(there) if there.headers.get(ATTEMPT) == Some(&attempt) => return Ok(Put::Created),
                Ok(there) => return Ok(Put::Exists(there.body)),
                Err(e) if e.is_not_found() => tokio::time::sleep(http.settings().backoff).await,
                Err(e) => return Err(e),
            }
        }
        let what = "the condition fails although nothing is there".to_owned();
        Err(StorageError::Protocol { at: format!("s3://{}/{key}", self.bucket), what })
    }

    pub(crate) async fn remove(&self, http: &Http, key: &str) -> Result<(), StorageError> {
        // DELETE says yes to what was never there.
        http.head(&self.request(Method::Get, key)?).await?;
        http.request(&self.request(Method::Delete, key)?).await.map(|_| ())
    }

    pub(crate) async fn abilities(&self, http: &Http, folder: &str) -> Result<Abilities, StorageError> {
        let tried = self.tried(http, &format!("{}/x", folder.trim_end_matches('/'))).await?;
        let (create_once, replace) = if tried.heeds_conditions {
            (CreateOnce::Guaranteed, Replace::Atomic)
        } else {
            (CreateOnce::LastWins, Replace::Unproven)
        };
        let md5 = tried.checks_md5.then_some(Function::Md5);
        let digest = if tried.checks_sha256 { Some(Function::Sha256) } else { md5 };
        Ok(Abilities { create_once, replace, ranges: tried.ranges, digest })
    }

    fn put(&self, key: &str, small: Bytes) -> Result<Request, StorageError> {
        let digest = base64::encode(&Md5::digest(&small));
        Ok(self.put_unchecked(key, small)?.header(MD5, &digest))
    }

    fn put_unchecked(&self, key: &str, small: Bytes) -> Result<Request, StorageError> {
        let request = self.request(Method::Put, key)?;
        Ok(request.header("content-type", media_type(key)).body(small))
    }

    /// Tries out, beside `key`, what the service does.
    async fn tried(&self, http: &Http, key: &str) -> Result<Tried, StorageError> {
        self.tried.get_or_try_init(|| self.try_out(http, key)).await.copied()
    }

    async fn try_out(&self, http: &Http, key: &str) -> Result<Tried, StorageError> {
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder).trim_start_matches('/');
        let name = format!(".seedbed-probe-{}", random()?);
        let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let probe = Bytes::from_static(b"probe");
        // One that does not know conditions at all may refuse even this.
        let once = self.put(&key, probe.clone())?.header("if-none-match", "*");
        let mut heeds_conditions = match http.request(&once).await {
            Ok(_) => true,
            Err(e) if matches!(e.status(), Some(400 | 501)) => false,
            Err(e) => return Err(e),
        };
        if heeds_conditions {
            heeds_conditions = match http.request(&once).await {
                Ok(_) => false,
                Err(e) if matches!(e.status(), Some(409 | 412)) => true,
                Err(e) => return Err(e),
            };
        } else {
            http.request(&self.put(&key, probe.clone())?).await?;
        }
        let ranges = http
            .range(&self.request(Method::Get, &key)?, &(1..3), &Meta::default())
            .await
            .is_ok_and(|b| b == "ro");
        let md5 = base64::encode(&Md5::digest(b"other"));
        let checks_md5 = self.refuses(http, &key, MD5, &md5).await?;
        let sha256 = base64::encode(Checksum::of_bytes(b"other").digest());
        let checks_sha256 = self.refuses(http, &key, SHA256, &sha256).await?;
        http.request(&self.request(Method::Delete, &key)?).await?;
        if !heeds_conditions {
            tracing::warn!(
                bucket = self.bucket,
                "this S3 service ignores If-None-Match: the last writer wins"
            );
        }
        Ok(Tried { heeds_conditions, checks_sha256, checks_md5, ranges })
    }

    /// Whether a body is refused that has another digest.
    async fn refuses(
        &self,
        http: &Http,
        key: &str,
        header: &str,
        digest: &str,
    ) -> Result<bool, StorageError> {
        let wrong = self.put_unchecked(key, Bytes::from_static(b"probe"))?.header(header, digest);
        match http.request(&wrong).await {
            Ok(_) => Ok(false),
            Err(e) if e.status() == Some(400) => Ok(true),
            Err(e) => Err(e),
        }
    }
}
