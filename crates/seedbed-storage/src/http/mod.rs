//! The one HTTP policy.
//!
//! Every request is limited per host, timed while it is silent, retried where
//! that may help, redirected by our own hand so that a credential goes to its
//! own host alone, and asked for without compression so that sizes and ranges
//! mean what they say.

mod host;
mod message;
mod retry;

pub use message::{Headers, Method, Request, Response};
pub(crate) use retry::{Failure, Retry};

use crate::error::excerpt;
use crate::store::Meta;
use crate::{Settings, StorageError, secret};
use bytes::{Bytes, BytesMut};
use host::{Hosts, Permit};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder};
use std::error::Error;
use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};
use url::{Origin, Url};

/// Headers that may follow a redirect to another host: they tell nothing about us.
const HARMLESS: [&str; 9] = [
    "accept",
    "accept-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// The HTTP client with its policy.
pub(crate) struct Http {
    settings: Settings,
    hosts: Hosts,
    plain: Client,
    secure: OnceLock<Client>,
}

/// An answer whose body is still to be read; holds its host's permit until then.
pub(crate) struct Answer {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    at: String,
    response: reqwest::Response,
    stall: Duration,
    _permit: Permit,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Result<Self, StorageError> {
        let hosts = Hosts::new(settings.concurrency_per_host);
        // No certificates for plain HTTP.
        let plain = client(&settings, |builder| builder.tls_certs_only([]), "the HTTP client")?;
        Ok(Self { settings, hosts, plain, secure: OnceLock::new() })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A whole answer within the memory limit.
    pub(crate) async fn request(&self, request: &Request) -> Result<Response, StorageError> {
        self.retried(&request.url, move || async move {
            let answer = self.successful(request).await?;
            let (url, status, headers) = (answer.url.clone(), answer.status, answer.headers.clone());
            let body = answer.body(self.settings.max_document).await?;
            Ok(Response { url, status, headers, body })
        })
        .await
    }

    /// Size and version of what is at an address.
    pub(crate) async fn head(&self, url: &Url) -> Result<Meta, StorageError> {
        self.retried(url, || self.measure(url)).await
    }

    /// The same in one attempt, if that succeeds.
    pub(crate) async fn glance(&self, url: &Url) -> Option<Meta> {
        self.measure(url).await.ok()
    }

    /// One HEAD. Where that is refused (as signed addresses do), the first byte is asked for.
    async fn measure(&self, url: &Url) -> Result<Meta, Failure> {
        let head = Request { method: Method::Head, ..Request::get(url.clone()) };
        let answer = match self.successful(&head).await {
            Err(failure) if matches!(failure.error.status(), Some(403 | 405 | 501)) => {
                self.successful(&Request::get(url.clone()).header("range", "bytes=0-0")).await?
            }
            answer => answer?,
        };
        let size = match answer.status {
            206 => answer.headers.content_range().and_then(|(_, total)| total),
            _ => answer.headers.content_length(),
        };
        Ok(Meta::of(&answer.headers, size))
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
                Err(failure) => retry.pause(failure, &secret::shown(url)).await?,
            }
        }
    }

    /// One attempt; an answer that is no success is a failure.
    async fn successful(&self, request: &Request) -> Result<Answer, Failure> {
        let answer = self.attempt(request).await?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(self.refused(answer).await) }
    }

    /// What an answer that is no success means.
    pub(crate) async fn refused(&self, answer: Answer) -> Failure {
        let (at, status) = (answer.at.clone(), answer.status);
        let error = match status {
            404 | 410 => StorageError::NotFound { at },
            401 | 403 => StorageError::Denied { at, status },
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
        loop {
            let answer = self.hop(request, &url, method, &home).await?;
            let Some(next) = redirect(&answer)? else {
                return if unencoded(&answer.headers) { Ok(answer) } else { Err(encoded(&answer).into()) };
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
        let client = self.client(url)?;
        let mut builder = match method {
            Method::Get => client.get(url.clone()),
            Method::Head => client.head(url.clone()),
            Method::Post => client.post(url.clone()),
        };
        builder = builder.headers(self.headers(request, url, home)?);
        if let (Method::Post, Some(body)) = (method, &request.body) {
            builder = builder.body(body.clone());
        }
        let permit = self.hosts.get(url).enter().await;
        let patience = self.settings.connect_timeout + self.settings.stall_timeout;
        let response = match tokio::time::timeout(patience, builder.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(e)) => return Err(network(&at, e)),
            Err(_) => return Err(silent(&at)),
        };
        let (status, headers) = (response.status().as_u16(), Headers::of(response.headers()));
        let stall = self.settings.stall_timeout;
        Ok(Answer { url: url.clone(), status, headers, at, response, stall, _permit: permit })
    }

    /// The headers for one hop: all of them at the request's own host, the harmless ones elsewhere.
    fn headers(&self, request: &Request, url: &Url, home: &Origin) -> Result<HeaderMap, StorageError> {
        let bad = |name: &str| StorageError::Request {
            at: secret::shown(&request.url),
            what: format!("the header `{name}` can't be sent"),
        };
        let at_home = url.origin() == *home;
        let mut map = HeaderMap::new();
        map.insert("accept-encoding", HeaderValue::from_static("identity"));
        if let Some(authorization) = self.settings.credentials.authorization(url) {
            let mut value = HeaderValue::try_from(authorization).map_err(|_| bad("authorization"))?;
            value.set_sensitive(true);
            map.insert("authorization", value);
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
    fn client(&self, url: &Url) -> Result<&Client, StorageError> {
        if url.scheme() != "https" {
            return Ok(&self.plain);
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
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false);
    certificates(builder).build().map_err(|e| StorageError::Setup { what, source: e.without_url().into() })
}

impl Answer {
    /// The next piece of the body; `None` at its proper end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, StorageError> {
        match tokio::time::timeout(self.stall, self.response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(e)) => Err(network(&self.at, e)),
            Err(_) => Err(silent(&self.at)),
        }
    }

    /// The whole body, if it is not larger than `limit` bytes.
    async fn body(mut self, limit: u64) -> Result<Bytes, StorageError> {
        let too_large = |at: &str| StorageError::TooLarge { at: at.to_owned(), limit };
        if self.headers.content_length().is_some_and(|n| n > limit) {
            return Err(too_large(&self.at));
        }
        let mut body = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            if (body.len() + piece.len()) as u64 > limit {
                return Err(too_large(&self.at));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }

    /// The beginning of an error's body: plain text and JSON only, and not where it might echo a secret.
    async fn said(mut self) -> Option<String> {
        let kind = self.headers.get("content-type").unwrap_or_default().to_ascii_lowercase();
        let plain = kind.starts_with("text/plain") || kind.contains("json");
        let signed = self.url.query_pairs().any(|(name, _)| secret::is_secret(&name));
        if !plain || signed {
            return None;
        }
        excerpt(&self.chunk().await.ok()??)
    }
}

/// Where an answer redirects to, if it does.
fn redirect(answer: &Answer) -> Result<Option<Url>, StorageError> {
    let refused = |what: &str| StorageError::Redirect { at: answer.at.clone(), what: what.to_owned() };
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let link = answer.headers.get("location").ok_or_else(|| refused("redirects without saying where to"))?;
    let url = answer.url.join(link).map_err(|_| refused("redirects to what is no address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(&format!("redirects to a `{}` address", url.scheme())));
    }
    Ok(Some(url))
}

fn unencoded(headers: &Headers) -> bool {
    headers
        .get("content-encoding")
        .is_none_or(|e| e.trim().is_empty() || e.trim().eq_ignore_ascii_case("identity"))
}

fn encoded(answer: &Answer) -> StorageError {
    let encoding = answer.headers.get("content-encoding").unwrap_or_default();
    let what = format!("sent with content encoding `{encoding}`, which was not asked for");
    StorageError::Protocol { at: answer.at.clone(), what }
}

fn silent(at: &str) -> StorageError {
    let what = "the server fell silent";
    StorageError::Network { at: at.to_owned(), what, retryable: true, source: None }
}

/// The client's failure in our terms; its address is taken out, for it has the query.
fn network(at: &str, error: reqwest::Error) -> StorageError {
    let at = at.to_owned();
    if error.is_builder() {
        return StorageError::Request { at, what: "the request can't be sent".to_owned() };
    }
    let distrusted = distrusts(&error);
    let what = match () {
        () if distrusted => "the server's certificate is not trusted",
        () if error.is_connect() => "cannot connect",
        () if error.is_body() || error.is_decode() => "the answer broke off",
        () => "the connection broke",
    };
    StorageError::Network { at, what, retryable: !distrusted, source: Some(error.without_url().into()) }
}

/// Whether a certificate that does not verify is the cause: trying again would not help.
fn distrusts(error: &(dyn Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    // The error that an I/O error is made of is not its source.
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    inner.is_some_and(|e| distrusts(e)) || error.source().is_some_and(distrusts)
}
