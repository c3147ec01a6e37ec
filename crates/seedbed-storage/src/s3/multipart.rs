//! Putting a large file into a bucket, in parts: nothing has the name before the last call, which is made when all
//! bytes are known to be right.

use super::{ATTEMPT, MD5, S3, SHA256, Tried};
use crate::base64;
use crate::checksum::{Checksum, Function};
use crate::content::media_type;
use crate::http::{Http, Method, Request};
use crate::local::blocking;
use crate::names::random;
use crate::reader::{Reader, Verified};
use crate::upload::Placed;
use crate::xml::Element;
use crate::{StorageError, secret};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use md5::{Digest, Md5};
use std::fmt::Write;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The size of a part, if the file is not so large that there would be too many: 5 MiB, the least that services take.
/// A file that is no larger goes in one request.
pub(super) const PART: u64 = 5 << 20;

/// How many parts a file may have.
const PARTS: u64 = 10_000;

/// How many parts of one file are on their way at once.
const AT_ONCE: usize = 4;

/// An upload that has begun.
struct Multipart<'a> {
    s3: &'a S3,
    http: &'a Http,
    key: &'a str,
    id: String,
}

impl S3 {
    /// Puts a file under `key`, unless there is one. `buffers` bounds the parts that are held in memory by all
    /// uploads.
    pub(crate) async fn upload(
        &self,
        http: &Http,
        key: &str,
        mut reader: Reader<'_>,
        buffers: &Arc<Semaphore>,
    ) -> Result<(Placed, Verified), StorageError> {
        // Before anything is begun: some services drop a folder with its last file, the probe.
        let tried = self.tried(http, key).await?;
        let part = part_size(reader.version.size);
        let permit = Arc::clone(buffers).acquire_owned().await;
        let first = reader.take(part).await?;
        if first.len() < part {
            let verified = reader.finish()?;
            let placed = self.put_whole(http, key, first, &verified.digests.sha256).await?;
            return Ok((placed, verified));
        }
        let attempt = random()?;
        http.undo().may_begin().await;
        let upload = self.begin(http, key, &attempt).await?;
        let under_way = http.undo().note(self.giving_up(key, &upload.id)?);
        let parts = upload.send(&mut reader, first, part, buffers, permit.ok(), tried).await;
        // What is wrong with the bytes is known before they get the name.
        let ended = match parts.and_then(|parts| Ok((parts, reader.finish()?))) {
            Ok((parts, verified)) => upload.complete(&parts, &attempt).await.map(|placed| (placed, verified)),
            Err(error) => Err(error),
        };
        if !matches!(ended, Ok((Placed::Ours, _))) {
            upload.abort().await;
        }
        under_way.ended();
        ended
    }

    async fn put_whole(
        &self,
        http: &Http,
        key: &str,
        bytes: Bytes,
        sha256: &Checksum,
    ) -> Result<Placed, StorageError> {
        let (attempt, tried) = (random()?, self.tried(http, key).await?);
        // The digest that is known already, or one that older services know, too.
        let request = if tried.checks_sha256 {
            self.put_unchecked(key, bytes)?.header(SHA256, &base64::encode(sha256.digest()))
        } else {
            self.put(key, bytes)?
        };
        let mut request = request.header(ATTEMPT, &attempt);
        if tried.heeds_conditions {
            request = request.header("if-none-match", "*");
        } else if self.is_there(http, key).await? {
            return Ok(Placed::Taken);
        }
        Ok(match self.placed(http, key, &request, &attempt).await? {
            Placed::Ours if tried.checks_sha256 || tried.checks_md5 => Placed::Proven,
            placed => placed,
        })
    }

    /// Makes the request that gives a file its name.
    async fn placed(
        &self,
        http: &Http,
        key: &str,
        request: &Request,
        attempt: &str,
    ) -> Result<Placed, StorageError> {
        let mut busy = http.settings().retries;
        loop {
            match http.request(request).await {
                // Large uploads are answered with 200 before it is known how they end.
                Ok(answer) => {
                    let said = Element::read(&answer.body).ok().filter(|e| e.name == "Error");
                    return match said {
                        None => Ok(Placed::Ours),
                        Some(error) => {
                            let what = error.text_of("Code").unwrap_or("an error without a name").to_owned();
                            Err(StorageError::Protocol { at: secret::shown(&request.url), what })
                        }
                    };
                }
                Err(e) if e.status() == Some(409) && busy > 0 => {
                    busy -= 1;
                    tokio::time::sleep(http.settings().backoff).await;
                }
                Err(e) if matches!(e.status(), Some(409 | 412)) || e.is_not_found() => {
                    // A repeated request whose first reply was lost: the object tells whose it is.
                    let there = http.request(&self.request(Method::Head, key)?).await;
                    return match there {
                        Ok(there) if there.headers.get(ATTEMPT) == Some(attempt) => Ok(Placed::Ours),
                        Ok(_) => Ok(Placed::Taken),
                        Err(_) => Err(e),
                    };
                }
                Err(e) => return Err(e),
            }
        }
    }

    async fn is_there(&self, http: &Http, key: &str) -> Result<bool, StorageError> {
        match http.head(&self.request(Method::Get, key)?).await {
            Ok(_) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn begin<'a>(
        &'a self,
        http: &'a Http,
        key: &'a str,
        attempt: &str,
    ) -> Result<Multipart<'a>, StorageError> {
        let mut request = self.request(Method::Post, key)?;
        request.url.query_pairs_mut().append_pair("uploads", "");
        let request = request.header("content-type", media_type(key)).header(ATTEMPT, attempt);
        let answer = http.request(&request).await?;
        let id = Element::read(&answer.body).ok().and_then(|e| e.text_of("UploadId").map(str::to_owned));
        let id = id.ok_or_else(|| StorageError::Protocol {
            at: secret::shown(&request.url),
            what: "began an upload without saying which".to_owned(),
        })?;
        Ok(Multipart { s3: self, http, key, id })
    }
}

/// What a part takes of the memory for all uploads.
type Permit = Option<OwnedSemaphorePermit>;

impl Multipart<'_> {
    /// Sends every part, some at once; their entity tags in order. `first` is the first of them.
    async fn send(
        &self,
        reader: &mut Reader<'_>,
        first: Bytes,
        part: usize,
        buffers: &Arc<Semaphore>,
        mut permit: Permit,
        tried: Tried,
    ) -> Result<Vec<String>, StorageError> {
        let checks = tried.checks_md5;
        // Simple services take the first part that arrives for one as long as all but the last.
        let at_once = if tried.heeds_conditions { AT_ONCE } else { 1 };
        let mut tags = vec![String::new()];
        let mut flights = FuturesUnordered::new();
        flights.push(self.part(tags.len(), first, checks, permit.take()));
        loop {
            while permit.is_none() {
                tokio::select! {
                    leave = Arc::clone(buffers).acquire_owned() => permit = leave.ok(),
                    Some(landed) = flights.next(), if !flights.is_empty() => note(&mut tags, landed)?,
                }
            }
            // Of a file whose size is not told, later parts are larger, lest there be too many.
            let grown = if reader.version.size.is_some() { part } else { part << (tags.len() / 2000).min(5) };
            let bytes = {
                let mut taking = std::pin::pin!(reader.take(grown));
                loop {
                    tokio::select! {
                        taken = &mut taking => break taken?,
                        Some(landed) = flights.next(), if !flights.is_empty() => note(&mut tags, landed)?,
                    }
                }
            };
            if bytes.is_empty() {
                break;
            }
            while flights.len() >= at_once {
                if let Some(landed) = flights.next().await {
                    note(&mut tags, landed)?;
                }
            }
            tags.push(String::new());
            flights.push(self.part(tags.len(), bytes, checks, permit.take()));
        }
        while let Some(landed) = flights.next().await {
            note(&mut tags, landed)?;
        }
        Ok(tags)
    }

    /// Sends one part; its number and entity tag.
    async fn part(
        &self,
        number: usize,
        bytes: Bytes,
        checks: bool,
        _permit: Permit,
    ) -> Result<(usize, String), StorageError> {
        let (bytes, digest) = blocking(move || {
            let digest = Md5::digest(&bytes);
            Ok((bytes, digest))
        })
        .await?;
        let mut request = self.s3.request(Method::Put, self.key)?.header(MD5, &base64::encode(&digest));
        request
            .url
            .query_pairs_mut()
            .append_pair("partNumber", &number.to_string())
            .append_pair("uploadId", &self.id);
        let request = request.body(bytes);
        let answer = self.http.request(&request).await?;
        let at = || secret::shown(&request.url);
        let Some(tag) = answer.headers.get("etag") else {
            let what = "took a part without telling its entity tag".to_owned();
            return Err(StorageError::Protocol { at: at(), what });
        };
        // Where the service does not check what it takes, its tag tells what it took.
        let expected = Checksum::from_digest(Function::Md5, digest.to_vec());
        let expected = expected.map(|c| c.digest_hex()).unwrap_or_default();
        let found = tag.trim_matches('"').to_ascii_lowercase();
        if !checks && found != expected {
            return Err(StorageError::Checksum { at: at(), expected, found });
        }
        Ok((number, tag.to_owned()))
    }

    /// Gives the file its name, unless that is taken.
    async fn complete(&self, tags: &[String], attempt: &str) -> Result<Placed, StorageError> {
        let mut body =
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
        for (number, tag) in (1..).zip(tags) {
            let tag = quick_xml::escape::escape(tag.as_str());
            // Writing to a String can't fail.
            let _ = write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        body.push_str("</CompleteMultipartUpload>");
        let mut request = self.s3.request(Method::Post, self.key)?.header("content-type", "application/xml");
        request.url.query_pairs_mut().append_pair("uploadId", &self.id);
        let mut request = request.body(body.into());
        if self.s3.tried(self.http, self.key).await?.heeds_conditions {
            request = request.header("if-none-match", "*");
        } else if self.s3.is_there(self.http, self.key).await? {
            return Ok(Placed::Taken);
        }
        self.s3.placed(self.http, self.key, &request, attempt).await
    }

    /// Gives the parts up. Those that can't be removed cost room, which the bucket's own rules may free.
    async fn abort(&self) {
        if let Err(error) = self.s3.abort(self.http, self.key, &self.id).await {
            tracing::warn!(key = self.key, %error, "an unfinished upload stays");
        }
    }
}

fn note(tags: &mut [String], landed: Result<(usize, String), StorageError>) -> Result<(), StorageError> {
    let (number, tag) = landed?;
    tags[number - 1] = tag;
    Ok(())
}

fn part_size(size: Option<u64>) -> usize {
    let part = size.map_or(PART, |size| PART.max(size.div_ceil(PARTS)));
    usize::try_from(part).unwrap_or(usize::MAX)
}
