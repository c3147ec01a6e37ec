//! Requests and answers.

use crate::identity::{Grant, Identity};
use crate::secret;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// What is asked of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read it.
    Get,
    /// Read its headers.
    Head,
    /// Send it something; must be safe to repeat, as a search is.
    Post,
    /// Put a body there.
    Put,
    /// Remove it.
    Delete,
    /// WebDAV: its properties, or those of a folder's members.
    Propfind,
    /// WebDAV: make a folder.
    Mkcol,
    /// WebDAV: give it another name.
    Move,
    /// WebDAV: fetch it from another server.
    Copy,
}

impl Method {
    /// Whether it changes what is there.
    pub(crate) fn writes(self) -> bool {
        matches!(self, Self::Put | Self::Delete | Self::Mkcol | Self::Move | Self::Copy)
    }

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Propfind => "PROPFIND",
            Self::Mkcol => "MKCOL",
            Self::Move => "MOVE",
            Self::Copy => "COPY",
        }
    }
}

/// A request to an `http` or `https` address.
///
/// Its `Debug` shows no query, no body and no header's value.
#[derive(Clone)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// Further headers. Those not known as harmless stay with the address's own host across redirects.
    pub headers: Vec<(String, String)>,
    /// What is sent along.
    pub body: Option<Bytes>,
    /// Who we are to the store it goes to.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Request {
    /// A GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::Get, url)
    }

    /// A POST of `body`.
    #[must_use]
    pub fn post(url: Url, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { body: Some(body.into()), ..Self::new(Method::Post, url) }.header("content-type", content_type)
    }

    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), body: None, identity: None }
    }

    /// Whether an unchanged document is an answer to it.
    pub(crate) fn is_conditional(&self) -> bool {
        let asks = |name: &str| {
            name.eq_ignore_ascii_case("if-none-match") || name.eq_ignore_ascii_case("if-modified-since")
        };
        matches!(self.method, Method::Get | Method::Head) && self.headers.iter().any(|(name, _)| asks(name))
    }

    /// Whether it asks for the digest of what it reads.
    pub(crate) fn wants_digest(&self) -> bool {
        self.has("want-digest")
    }

    /// Whether it asks an S3 service for the checksum of what it reads.
    pub(crate) fn wants_checksum(&self) -> bool {
        self.has("x-amz-checksum-mode")
    }

    fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
    }

    /// An address of it, signed.
    pub(super) fn signed(&self, grant: &Grant, method: Method, url: &Url) -> Url {
        let identity = self.identity.as_deref();
        identity.map_or_else(|| url.clone(), |i| i.signed(grant, method, url, &self.headers))
    }

    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &secret::shown(&self.url))
            .field("headers", &names)
            .field("body", &self.body.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

/// A whole answer.
///
/// Its `Debug` shows no query, no body and no header's value.
#[derive(Clone)]
pub struct Response {
    /// The address that answered, after redirects.
    pub url: Url,
    /// The HTTP status: 200 to 299; 304 only if the request asked for that.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Response")
            .field("url", &secret::shown(&self.url))
            .field("status", &self.status)
            .field("headers", &names)
            .field("body", &self.body.len())
            .finish()
    }
}

/// An answer's headers, names in lower case, in the order they came.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    pub(crate) fn of(map: &reqwest::header::HeaderMap) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self(map.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect())
    }

    /// The first header of this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body's length that the server promised.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.get("content-length")?.trim().parse().ok()
    }

    /// `Content-Range` of a part: first byte and the whole's size, where that is told.
    pub(crate) fn content_range(&self) -> Option<(u64, Option<u64>)> {
        let range = self.get("content-range")?.trim().strip_prefix("bytes ")?;
        let (span, total) = range.split_once('/')?;
        let first = span.split_once('-')?.0.trim().parse().ok()?;
        Some((first, total.trim().parse().ok()))
    }

    /// The last byte that a `Content-Range` names.
    pub(crate) fn content_range_last(&self) -> Option<u64> {
        let range = self.get("content-range")?.trim().strip_prefix("bytes ")?;
        range.split_once('/')?.0.split_once('-')?.1.trim().parse().ok()
    }

    /// The whole's size in the `Content-Range: bytes */N` of a status 416.
    pub(crate) fn unsatisfied_total(&self) -> Option<u64> {
        self.get("content-range")?.trim().strip_prefix("bytes */")?.trim().parse().ok()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
