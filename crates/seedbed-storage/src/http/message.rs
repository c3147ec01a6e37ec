//! Requests and answers.

use crate::secret;
use bytes::Bytes;
use std::fmt;
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
}

impl Request {
    /// A GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { method: Method::Get, url, headers: Vec::new(), body: None }
    }

    /// A POST of `body`.
    #[must_use]
    pub fn post(url: Url, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { method: Method::Post, url, headers: Vec::new(), body: Some(body.into()) }
            .header("content-type", content_type)
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
            .finish()
    }
}

/// A whole answer.
///
/// Its `Debug` shows no query, no body and no header's value.
#[derive(Clone)]
pub struct Response {
    /// The address that answered, after redirects.
    pub url: Url,
    /// The HTTP status: 200 to 299.
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
