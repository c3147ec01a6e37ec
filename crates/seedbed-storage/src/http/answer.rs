//! An answer whose body is still to be read.

use super::host::Permit;
use super::message::Headers;
use crate::error::excerpt;
use crate::identity::Grant;
use crate::xml::Element;
use crate::{StorageError, secret};
use bytes::{Bytes, BytesMut};
use std::error::Error;
use std::time::Duration;
use url::Url;

/// An answer whose body is still to be read; holds its host's permit until then.
pub(crate) struct Answer {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(super) at: String,
    /// Whether another host than the one first asked answered.
    pub(super) elsewhere: bool,
    /// What it was asked with.
    pub(super) grant: Grant,
    pub(super) response: reqwest::Response,
    pub(super) stall: Duration,
    pub(super) _permit: Permit,
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
    pub(crate) async fn body(mut self, limit: u64) -> Result<Bytes, StorageError> {
        let too_large = |at: &str| StorageError::TooLarge { at: at.to_owned(), limit };
        // The answer to a HEAD promises a length and has no body.
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
    pub(super) async fn said(mut self) -> Option<String> {
        if self.is_xml() {
            return self.code().await;
        }
        let kind = self.headers.get("content-type").unwrap_or_default().to_ascii_lowercase();
        let plain = kind.starts_with("text/plain") || kind.contains("json");
        let signed = !matches!(self.grant, Grant::None);
        let signed = signed || self.url.query_pairs().any(|(name, _)| secret::is_secret(&name));
        if !plain || signed {
            return None;
        }
        excerpt(&self.chunk().await.ok()??)
    }

    fn is_xml(&self) -> bool {
        self.headers.get("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("xml"))
    }

    /// The name of an S3 service's error. The rest of its words may have what was signed.
    pub(super) async fn code(&mut self) -> Option<String> {
        if !self.is_xml() {
            return None;
        }
        let error = Element::read(&self.chunk().await.ok()??).ok().filter(|e| e.name == "Error")?;
        excerpt(error.text_of("Code")?.as_bytes())
    }

    /// Where it redirects to, if it does.
    pub(super) fn redirect(&self) -> Result<Option<Url>, StorageError> {
        let refused = |what: &str| StorageError::Redirect { at: self.at.clone(), what: what.to_owned() };
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let link =
            self.headers.get("location").ok_or_else(|| refused("redirects without saying where to"))?;
        let url = self.url.join(link).map_err(|_| refused("redirects to what is no address"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(&format!("redirects to a `{}` address", url.scheme())));
        }
        Ok(Some(url))
    }

    /// The answer, if its body comes as it is stored. Some servers say of a `.gz` that it is encoded, and give it as it
    /// is: whoever asked for nothing encoded has asked for that.
    pub(super) fn unencoded(self) -> Result<Self, StorageError> {
        let encoding = self.headers.get("content-encoding").unwrap_or_default().trim();
        if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
            return Ok(self);
        }
        let path = self.url.path().to_ascii_lowercase();
        let gzipped = ["gzip", "x-gzip"].iter().any(|e| encoding.eq_ignore_ascii_case(e));
        if gzipped && [".gz", ".tgz"].iter().any(|ending| path.ends_with(ending)) {
            return Ok(self);
        }
        let what = format!("sent with content encoding `{encoding}`, which was not asked for");
        Err(StorageError::Protocol { at: self.at.clone(), what })
    }
}

/// What is said of a server that does not go on.
pub(crate) const SILENT: &str = "the server fell silent";

pub(super) fn silent(at: &str) -> StorageError {
    StorageError::Network { at: at.to_owned(), what: SILENT, retryable: true, source: None }
}

/// The client's failure in our terms; its address is taken out, for it has the query.
pub(super) fn network(at: &str, error: reqwest::Error) -> StorageError {
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
