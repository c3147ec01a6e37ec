//! The one HTTP policy.
//!
//! Every request is limited per host, timed while it is silent, retried where
//! that may help, redirected by our own hand so that a credential goes to its
//! own host alone, and asked for without compression so that sizes and ranges
//! mean what they say.

mod answer;
mod cookies;
mod host;
mod message;
mod retry;
mod trust;
mod undo;
mod upload;

pub(crate) use answer::{Answer, SILENT};
pub use message::{Headers, Method, Request, Response};
pub(crate) use retry::{Failure, Retry, date};
pub(crate) use trust::Trust;
pub(crate) use undo::UnderWay;
pub(crate) use upload::Feed;

use crate::identity::{Grant, Identity};
use crate::store::Meta;
use crate::transfer::differ;
use crate::{Location, Settings, StorageError, secret};
use answer::{network, silent};
use bytes::Bytes;
use cookies::Cookies;
use host::{Hosts, Permit};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder};
use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;
use undo::Undo;
use url::{Origin, Url};

/// Headers that may follow a redirect to another host: they tell nothing about us.
const HARMLESS: [&str; 13] = [
    "accept",
    "accept-language",
    "content-type",
    // Of WebDAV: a manager of data servers redirects any method.
    "depth",
    "destination",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "overwrite",
    "range",
    "want-digest",
];

/// What an S3 service means by refusing.
fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "InvalidAccessKeyId" => "the service knows no such access key",
        "SignatureDoesNotMatch" => "the secret key is not that of the access key",
        "ExpiredToken" | "TokenRefreshRequired" => "the temporary keys are no longer valid",
        "RequestTimeTooSkewed" => "the clock of this machine is wrong",
        _ => return None,
    })
}

/// The HTTP client with its policy.
pub(crate) struct Http {
    settings: Settings,
    hosts: Hosts,
    plain: Client,
    secure: OnceLock<Client>,
    cookies: Cookies,
    undo: Arc<Undo>,
    /// How many bytes transfers have read.
    read: AtomicU64,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Result<Self, StorageError> {
        let hosts = Hosts::new(settings.concurrency_per_host, settings.rate_per_host);
        // No certificates for plain HTTP.
        let plain = client(&settings, |builder| builder.tls_certs_only([]), "the HTTP client")?;
        let (secure, cookies, read) = (OnceLock::new(), Cookies::default(), AtomicU64::new(0));
        Ok(Self { settings, hosts, plain, secure, cookies, undo: Arc::default(), read })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts bytes of a transfer; an error once they are more than the settings allow.
    pub(crate) fn count(&self, bytes: u64, at: &Location) -> Result<(), StorageError> {
        let read = self.read.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        match self.settings.max_transfer {
            Some(limit) if read > limit => Err(StorageError::Limit { at: at.shown(), limit }),
            _ => Ok(()),
        }
    }

    /// A whole answer within the memory limit.
    pub(crate) async fn request(&self, request: &Request) -> Result<Response, StorageError> {
        self.retried(&request.url, move || async move {
            let answer = self.successful(request).await?;
            let (url, status, headers) = (answer.url.clone(), answer.status, answer.headers.clone());
            let limit = self.settings.max_document;
            let body = if request.method == Method::Head { Bytes::new() } else { answer.body(limit).await? };
            Ok(Response { url, status, headers, body })
        })
        .await
    }

    /// Size and version of what a GET would read.
    pub(crate) async fn head(&self, get: &Request) -> Result<Meta, StorageError> {
        self.told(get).await.map(|(meta, _)| meta)
    }

    /// The same, and the headers that tell it.
    pub(crate) async fn told(&self, get: &Request) -> Result<(Meta, Headers), StorageError> {
        self.retried(&get.url, || self.measure(get)).await
    }

    /// The same in one attempt, if that succeeds.
    pub(crate) async fn glance(&self, get: &Request) -> Option<Meta> {
        self.measure(get).await.ok().map(|(meta, _)| meta)
    }

    /// One HEAD. Where that is refused (as signed addresses do), the first byte is asked for.
    async fn measure(&self, get: &Request) -> Result<(Meta, Headers), Failure> {
        let head = Request { method: Method::Head, ..get.clone() };
        let answer = match self.successful(&head).await {
            Err(failure) if matches!(failure.error.status(), Some(403 | 405 | 501)) => {
                self.successful(&get.clone().header("range", "bytes=0-0")).await?
            }
            answer => answer?,
        };
        let size = match answer.status {
            206 => answer.headers.content_range().and_then(|(_, total)| total),
            _ => answer.headers.content_length(),
        };
        Ok((Meta::of(&answer.headers, size), answer.headers))
    }

    /// The bytes of a range, fewer only where the file ends before.
    /// An answer that tells another version than this one is an error; what only one tells says nothing.
    pub(crate) async fn range(
        &self,
        get: &Request,
        range: &Range<u64>,
        version: &Meta,
    ) -> Result<Bytes, StorageError> {
        let at = &secret::shown(&get.url);
        let (bytes, found) = self
            .retried(&get.url, move || async move {
                let behind = |size| StorageError::Range { at: at.clone(), start: range.start, size };
                let mut end = range.end;
                let answer = loop {
                    let request = get.clone().header("range", &format!("bytes={}-{}", range.start, end - 1));
                    let answer = self.attempt(&request).await?;
                    let total = answer.headers.content_range().and_then(|(_, total)| total);
                    let last = answer.headers.content_range_last();
                    match total.filter(|total| answer.status == 206 && last >= Some(*total)) {
                        // XRootD 5.5 promises bytes behind the file's end, and sends none at all.
                        Some(total) if total <= range.start => return Err(behind(Some(total)).into()),
                        Some(total) if total < end => end = total,
                        _ => break answer,
                    }
                };
                if answer.status == 416 {
                    return Err(behind(answer.headers.unsatisfied_total()).into());
                }
                if answer.status != 206 {
                    if answer.status != 200 {
                        return Err(self.refused(answer).await);
                    }
                    let what = "answered with the whole file where a range was asked for".to_owned();
                    return Err(StorageError::Protocol { at: at.clone(), what }.into());
                }
                let span = answer.headers.content_range().zip(answer.headers.content_range_last());
                let total = answer.headers.content_range().and_then(|(_, total)| total);
                let found = Meta::of(&answer.headers, total);
                let bytes = answer.body(range.end - range.start).await?;
                match span {
                    Some(((first, total), last))
                        if first == range.start
                            && last.checked_sub(first) == (bytes.len() as u64).checked_sub(1)
                            && (last + 1 == range.end || Some(last + 1) == total) =>
                    {
                        Ok((bytes, found))
                    }
                    _ => {
                        let what = "another part came than was asked for".to_owned();
                        Err(StorageError::Protocol { at: at.clone(), what }.into())
                    }
                }
            })
            .await?;
        // Asked again, it would still be another one.
        if differ(version, &found) {
            return Err(StorageError::Changed { at: at.clone() });
        }
        Ok(bytes)
    }

    /// Runs an attempt until it succeeds, fails for good or has failed too often.
    async fn retried<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        url: &Url,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, StorageError> {
        let mut retry = Retry::new(&self.settings);
        loop {
            match attempt().await {
                Ok(value) => return Ok(value),
                Err(failure) => {
                    // What failed since it was taken back is nobody's failure.
                    self.undo.may_begin().await;
                    retry.pause(failure, &secret::shown(url)).await?;
                }
            }
        }
    }

    /// One attempt; an answer that is no success is a failure.
    async fn successful(&self, request: &Request) -> Result<Answer, Failure> {
        let answer = self.attempt(request).await?;
        let unchanged = answer.status == 304 && request.is_conditional();
        if unchanged || (200..300).contains(&answer.status) {
            Ok(answer)
        } else {
            Err(self.refused(answer).await)
        }
    }

    /// What an answer that is no success means.
    pub(crate) async fn refused(&self, mut answer: Answer) -> Failure {
        let (at, status) = (answer.at.clone(), answer.status);
        let error = match status {
            404 | 410 => StorageError::NotFound { at },
            401 | 403 => match answer.code().await.as_deref() {
                // Ceph's word for a quota that is used up.
                Some("QuotaExceeded") => StorageError::NoRoom { at },
                code => {
                    let hint = code.and_then(meaning).or(self.settings.credentials.withheld(&answer.url));
                    StorageError::Denied { at, status, hint }
                }
            },
            // What a redirect named is no longer valid, as a pool's ticket: its giver has a new one.
            400 if answer.elsewhere => StorageError::Network {
                at,
                what: "where it redirects to refused the request (HTTP 400)",
                retryable: true,
                source: None,
            },
            507 => StorageError::NoRoom { at },
            _ => StorageError::Status { at, status, excerpt: None },
        };
        let after = retry::retry_after(&answer.headers, SystemTime::now()).filter(|_| error.retryable());
        if let Some(after) = after {
            self.hosts.get(&answer.url).leave_alone_for(after.min(self.settings.max_retry_after));
        }
        match error {
            StorageError::Status { at, status, .. } => {
                let excerpt = answer.said().await;
                Failure { error: StorageError::Status { at, status, excerpt }, after }
            }
            error => Failure { error, after },
        }
    }

    /// One attempt with its redirects; any status but a redirect is an answer.
    pub(crate) async fn attempt(&self, request: &Request) -> Result<Answer, Failure> {
        let home = request.url.origin();
        let mut url = request.url.clone();
        let mut method = request.method;
        let mut hops = 0;
        let mut renewed = false;
        loop {
            let answer = self.hop(request, &url, method, &home).await?;
            let refused = answer.status == 403 && !renewed;
            if refused && request.identity.as_deref().is_some_and(|i| i.replaces(&answer.grant)) {
                tracing::debug!(at = answer.at, "refused; asking once more with a new token");
                renewed = true;
                continue;
            }
            let moved = request.identity.as_deref().and_then(|i| i.moved(&url, &answer.headers));
            let next = match moved {
                Some(next) => next,
                None => match answer.redirect()? {
                    Some(next) => next,
                    None => return Ok(answer.unencoded()?),
                },
            };
            hops += 1;
            if hops > self.settings.max_redirects {
                let what = format!("more than {} redirects", self.settings.max_redirects);
                return Err(StorageError::Redirect { at: secret::shown(&request.url), what }.into());
            }
            if answer.status == 303 || (matches!(answer.status, 301 | 302) && method == Method::Post) {
                method = if method == Method::Head { Method::Head } else { Method::Get };
            }
            tracing::trace!(from = answer.at, to = secret::shown(&next), "redirected");
            url = next;
        }
    }

    /// One exchange with one host.
    async fn hop(
        &self,
        request: &Request,
        url: &Url,
        method: Method,
        home: &Origin,
    ) -> Result<Answer, StorageError> {
        let at = secret::shown(url);
        let client = self.client(url, request.identity.as_deref())?;
        let (mut permit, grant) = self.admitted(request, url, method.writes()).await?;
        // Signed only now, since a signature is good for a while only.
        let signed = request.signed(&grant, method, url);
        let name = reqwest::Method::from_bytes(method.name().as_bytes())
            .map_err(|_| StorageError::Request { at: at.clone(), what: "no such method".to_owned() })?;
        let mut builder = client.request(name, signed).headers(self.headers(request, url, home)?);
        if permit.is_last() {
            builder = builder.header("connection", "close");
        }
        if let (true, Some(body)) = (method == request.method, &request.body) {
            // The client says nothing of a body that is empty, and some servers want to be told.
            if body.is_empty() && method == Method::Put {
                builder = builder.header("content-length", "0");
            }
            builder = builder.body(body.clone());
        }
        let patience = self.settings.connect_timeout + self.settings.stall_timeout;
        let response = match tokio::time::timeout(patience, builder.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(e)) => return Err(network(&at, e)),
            Err(_) => return Err(silent(&at)),
        };
        let (status, headers) = (response.status().as_u16(), Headers::of(response.headers()));
        permit.answered(status);
        // Some servers send a part as if it were the whole.
        self.cookies.keep(url, &headers);
        let status = if status == 200 && headers.get("content-range").is_some() { 206 } else { status };
        let stall = self.settings.stall_timeout;
        let elsewhere = url.origin() != *home;
        let url = url.clone();
        Ok(Answer { url, status, headers, at, elsewhere, grant, response, stall, _permit: permit })
    }

    /// Leave to ask a host, and what to sign with, at the same moment, however long either takes.
    async fn admitted(
        &self,
        request: &Request,
        url: &Url,
        writes: bool,
    ) -> Result<(Permit, Grant), StorageError> {
        let host = self.hosts.get(url);
        let Some(identity) = request.identity.as_deref() else {
            return Ok((host.enter(writes).await, Grant::None));
        };
        loop {
            // Not while we hold leave: the giver may be the same host.
            let grant = identity.grant(self, url).await?;
            let permit = host.enter(writes).await;
            if identity.holds(&grant) {
                return Ok((permit, grant));
            }
        }
    }

    /// The headers for one hop: all of them at the request's own host, the harmless ones elsewhere.
    fn headers(&self, request: &Request, url: &Url, home: &Origin) -> Result<HeaderMap, StorageError> {
        let bad = |name: &str| StorageError::Request {
            at: secret::shown(&request.url),
            what: format!("the header `{name}` can't be sent"),
        };
        let identity = request.identity.as_deref();
        let at_home = url.origin() == *home || identity.is_some_and(|i| i.owns(url));
        let mut map = HeaderMap::new();
        map.insert("accept-encoding", HeaderValue::from_static("identity"));
        let own = match identity {
            Some(identity) => identity.authorization(url)?,
            None => None,
        };
        let authorization = match (own.or_else(|| self.settings.credentials.authorization(url)), identity) {
            (None, Some(identity)) => identity.discovered(url)?,
            (authorization, _) => authorization,
        };
        if let Some(authorization) = authorization {
            let mut value = HeaderValue::try_from(authorization).map_err(|_| bad("authorization"))?;
            value.set_sensitive(true);
            map.insert("authorization", value);
        }
        if let Some(cookies) = self.cookies.header(url) {
            let mut value = HeaderValue::try_from(cookies).map_err(|_| bad("cookie"))?;
            value.set_sensitive(true);
            map.insert("cookie", value);
        }
        for (name, value) in &request.headers {
            if !at_home && !HARMLESS.contains(&name.to_ascii_lowercase().as_str()) {
                continue;
            }
            let key = HeaderName::try_from(name.as_str()).map_err(|_| bad(name))?;
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| bad(name))?;
            value.set_sensitive(!HARMLESS.contains(&key.as_str()));
            map.insert(key, value);
        }
        Ok(map)
    }

    /// The client for an address. The one for `https` loads the system's certificates at first use, so that
    /// a machine without any can still work with local files and plain HTTP.
    fn client<'a>(&'a self, url: &Url, identity: Option<&'a Identity>) -> Result<&'a Client, StorageError> {
        if url.scheme() != "https" {
            return Ok(&self.plain);
        }
        if let Some(trust) = identity.and_then(Identity::trust) {
            return trust.client(&self.settings);
        }
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let client = client(&self.settings, |builder| builder, "TLS with the system's certificates")?;
        Ok(self.secure.get_or_init(|| client))
    }
}

/// A client that leaves retries and redirects to us.
fn client(
    settings: &Settings,
    certificates: impl FnOnce(ClientBuilder) -> ClientBuilder,
    what: &'static str,
) -> Result<Client, StorageError> {
    // Another part of the process may have installed a provider first; that one then serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.connect_timeout)
        // Some servers read `Content-Length` only if it is written so.
        .http1_title_case_headers()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false);
    certificates(builder).build().map_err(|e| StorageError::Setup { what, source: e.without_url().into() })
}
