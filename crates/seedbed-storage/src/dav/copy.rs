//! Third-party copies: a server fetches a file from another one by itself, and its bytes don't come by here.
//!
//! This is COPY with a `Source`, the pull mode of what the WLCG calls HTTP-TPC, as dCache documents it.

use super::markers::{End, Markers};
use super::{Dav, beside};
use crate::checksum::{Checksum, Digests, Function};
use crate::deadline::Deadline;
use crate::digest_header::digests;
use crate::error::excerpt;
use crate::http::{Failure, Headers, Http, Method, Retry};
use crate::names::temporary;
use crate::progress::{Progress, Silent};
use crate::reader::{Reader, Verified};
use crate::store::{Meta, Store};
use crate::transfer::Expectation;
use crate::upload::Placed;
use crate::{Content, Location, StorageError, secret};
use std::sync::Arc;
use url::Url;

/// A file of another server.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) dav: &'a Dav,
    pub(crate) url: &'a Url,
    pub(crate) at: &'a Location,
}

/// What the source's server says of the file.
struct Told {
    size: u64,
    /// By which the two files are compared.
    digest: Checksum,
    version: Meta,
}

/// What a server did that was asked to fetch a file.
enum Fetched {
    All,
    /// It does not do such a thing.
    Refused,
}

impl Dav {
    /// Has a file fetched from another server, if both stores allow that: under a temporary name, compared with the
    /// source, then moved. None if it can't be done in this way.
    pub(crate) async fn pull(
        self: &Arc<Self>,
        http: &Http,
        (url, to): (&Url, &Location),
        source: Source<'_>,
        expect: &Expectation,
        progress: &dyn Progress,
        deadline: Deadline,
    ) -> Result<Option<(Placed, Verified)>, StorageError> {
        if !self.third_party || !source.dav.third_party {
            return Ok(None);
        }
        let Some(told) = source.told(http).await? else {
            tracing::debug!(at = source.at.shown(), "its server tells no digest; the bytes come by here");
            return Ok(None);
        };
        if let Some(expected) = expect.size.filter(|size| *size != told.size) {
            return Err(StorageError::Size { at: source.at.shown(), expected, found: told.size });
        }
        let heeds = self.tried(http, url).await?.heeds_overwrite;
        let name = url.path().rsplit('/').next().unwrap_or_default();
        let mut retry = Retry::new(http.settings());
        let mut made_folders = false;
        let (from, under_way) = loop {
            let from = beside(url, &temporary(name)?, false);
            http.undo().may_begin().await;
            let under_way = http.undo().note(self.request(Method::Delete, &from));
            let fetched = self.fetch(http, (&from, to), source, told.size, progress);
            match deadline.keeps(source.at, fetched).await {
                Ok(Fetched::All) => break (from, under_way),
                // Unlike PUT, COPY makes no folders; where one is missing, a dCache says 400, others 409.
                Ok(Fetched::Refused) if !made_folders => {
                    under_way.ended();
                    made_folders = true;
                    self.make_folders(http, &from).await?;
                }
                Ok(Fetched::Refused) => {
                    under_way.ended();
                    tracing::debug!(at = to.shown(), "its server fetches no files; the bytes come by here");
                    return Ok(None);
                }
                Err(failure) => {
                    http.undo().may_begin().await;
                    self.discard_late(http, &from).await;
                    under_way.ended();
                    retry.pause(failure, &to.shown()).await?;
                }
            }
        };
        let verified = match self.compare(http, (&from, to), told, expect).await {
            Ok(verified) => verified,
            Err(error) => {
                self.discard(http, &from).await;
                under_way.ended();
                return Err(error);
            }
        };
        let placed = self.place(http, &from, url, heeds).await;
        under_way.ended();
        Ok(Some((placed?, verified)))
    }

    /// Has the file fetched, once.
    async fn fetch(
        &self,
        http: &Http,
        (temporary, to): (&Url, &Location),
        source: Source<'_>,
        size: u64,
        progress: &dyn Progress,
    ) -> Result<Fetched, Failure> {
        let mut request = self
            .request(Method::Copy, temporary)
            .header("source", source.url.as_str())
            // It is to ask for no credential of ours by itself.
            .header("credential", "none")
            .header("requirechecksumverification", "true")
            .header("overwrite", "F");
        let theirs = &source.dav.identity;
        let authorization = match theirs.authorization(source.url)? {
            None => theirs.discovered(source.url)?,
            authorization => authorization,
        };
        if let Some(authorization) = &authorization {
            request = request.header("transferheaderauthorization", authorization);
        }
        let mut answer = http.attempt(&request).await?;
        match answer.status {
            400 | 404 | 405 | 409 | 501 => return Ok(Fetched::Refused),
            200..=299 => {}
            _ => return Err(http.refused(answer).await),
        }
        progress.started(Some(size));
        let (mut markers, mut come) = (Markers::default(), 0);
        let mut advance = |now: u64| {
            let now = now.min(size);
            if now > come {
                progress.advanced(now - come);
                come = now;
            }
        };
        let failed = |said: String, retryable| {
            let (at, from) = (to.shown(), source.at.shown());
            Failure::from(StorageError::Fetch { at, from, said, retryable })
        };
        while let Some(piece) = answer.chunk().await? {
            let now = markers.read(&piece);
            advance(now.ok_or_else(|| failed("its answer is none to a copy".to_owned(), false))?);
        }
        match markers.end() {
            End::Success => {}
            // As of a server that has copied the file before it answers.
            End::Silence if matches!(answer.status, 201 | 204) => {}
            End::Failure(said) => {
                // A server that repeats what it was told.
                let secret = authorization.as_deref().and_then(|a| a.split_whitespace().last());
                let said = excerpt(said.as_bytes()).filter(|said| secret.is_none_or(|s| !said.contains(s)));
                let lasting = said.as_deref().is_some_and(|s| s.contains("rejected GET: 4"));
                return Err(failed(said.unwrap_or_else(|| "no reason is given".to_owned()), !lasting));
            }
            End::Silence | End::Unknown => {
                return Err(failed("the server did not say how it ended".to_owned(), true));
            }
        }
        advance(size);
        Ok(Fetched::All)
    }

    /// Whether what was fetched is what the source's server has, and what is expected. It is read only for what its
    /// server does not tell.
    async fn compare(
        self: &Arc<Self>,
        http: &Http,
        (temporary, to): (&Url, &Location),
        told: Told,
        expect: &Expectation,
    ) -> Result<Verified, StorageError> {
        let Told { size, digest, version } = told;
        let differs = |found: &Checksum, expected: &Checksum| {
            let (expected, found) = (expected.to_string(), found.to_string());
            Err(StorageError::Checksum { at: to.shown(), expected, found })
        };
        let (here, its) = self.look(http, temporary, digest.function()).await?;
        if let Some(found) = here.content_length().filter(|found| *found != size) {
            return Err(StorageError::Size { at: to.shown(), expected: size, found });
        }
        if let Some(found) = its.as_ref().filter(|its| **its != digest) {
            return differs(found, &digest);
        }
        if its.is_some() && expect.content == Content::Any {
            let sha256 = self.look(http, temporary, Function::Sha256).await?.1;
            let like = match &expect.checksum {
                Some(expected) if expected.function() == digest.function() => Some(&digest),
                Some(expected) if expected.function() == Function::Sha256 => sha256.as_ref(),
                Some(_) => None,
                None => Some(&digest),
            };
            if let (Some(sha256), Some(like)) = (&sha256, like) {
                if let Some(expected) = expect.checksum.as_ref().filter(|e| *e != like) {
                    return differs(like, expected);
                }
                let digests = Digests::told(sha256.clone(), digest);
                return Ok(Verified { bytes: size, digests, version });
            }
        }
        let (store, functions) = (Store::Dav(Arc::clone(self), temporary.clone()), [digest.function()]);
        let mut reader = Reader::open(http, &store, to, expect, &Silent, &functions).await?;
        while reader.next().await?.is_some() {}
        let Verified { bytes, digests, .. } = reader.finish()?;
        if bytes != size {
            return Err(StorageError::Size { at: to.shown(), expected: size, found: bytes });
        }
        if !digests.matches(&digest) {
            return differs(digests.like(&digest), &digest);
        }
        Ok(Verified { bytes, digests, version })
    }

    /// What a server says of a file, and its digest by a function, if it tells that.
    async fn look(
        &self,
        http: &Http,
        url: &Url,
        function: Function,
    ) -> Result<(Headers, Option<Checksum>), StorageError> {
        let name = match function {
            Function::Sha256 => "sha-256",
            Function::Md5 => "md5",
            _ => "adler32",
        };
        let request = self.request(Method::Head, url).header("want-digest", name);
        let headers = http.request(&request).await?.headers;
        let digest = digests(&headers).into_iter().find(|d| d.function() == function);
        Ok((headers, digest))
    }
}

impl Source<'_> {
    /// What its server says of it; none if that does not suffice, or if it can't be asked in this way.
    async fn told(self, http: &Http) -> Result<Option<Told>, StorageError> {
        for function in [Function::Adler32, Function::Md5] {
            let (headers, digest) = match self.dav.look(http, self.url, function).await {
                Err(e) if e.is_not_found() => return Err(e),
                Err(error) => {
                    tracing::debug!(at = secret::shown(self.url), %error, "can't be looked at");
                    return Ok(None);
                }
                Ok(looked) => looked,
            };
            let Some(size) = headers.content_length() else { return Ok(None) };
            if let Some(digest) = digest {
                return Ok(Some(Told { size, digest, version: Meta::of(&headers, Some(size)) }));
            }
        }
        Ok(None)
    }
}
