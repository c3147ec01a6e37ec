//! A request as the archives look at it.

use std::net::TcpStream;
use std::sync::Arc;

use anyhow::{Result, ensure};
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, RANGE};
use hyper::{HeaderMap, Method, Uri};

use super::fault::Fault;
use super::log::Logged;

/// A request, its fault prefix taken off.
pub(super) struct Asked {
    pub(super) method: Method,
    /// The decoded path, from its first slash.
    pub(super) path: String,
    /// The query's pairs, decoded, in order.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Where links in documents begin: scheme, host and the fault prefix, so that a client that
    /// came in through a fault stays in it.
    pub(super) base: String,
    /// The fault that the prefix asks for.
    pub(super) fault: Option<Fault>,
    /// The connection that it came on.
    pub(super) socket: Option<Arc<TcpStream>>,
    target: String,
}

impl Asked {
    pub(super) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Result<Self> {
        let mut path = decoded(uri.path(), false);
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let mut base = format!("http://{host}");
        let mut fault = None;
        if let Some(rest) = path.strip_prefix("/fault/") {
            let (kind, rest) = rest.split_once('/').unwrap_or((rest, ""));
            fault = Some(kind.parse()?);
            base = format!("{base}/fault/{kind}");
            path = format!("/{rest}");
        }
        ensure!(!path.split('/').any(|part| part == ".."), "a path that climbs");
        Ok(Self {
            query: pairs(uri.query().unwrap_or_default()),
            target: uri.to_string(),
            method,
            path,
            headers,
            body,
            base,
            fault,
            socket: None,
        })
    }

    /// The prefix of links that begin at the server's root: empty, or the fault's.
    pub(super) fn prefix(&self) -> &str {
        self.base.find("/fault/").map_or("", |at| &self.base[at..])
    }

    /// The first value of a key in the query.
    pub(super) fn first(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// A header, where it is text.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn logged(&self, status: u16) -> Logged {
        Logged {
            method: self.method.to_string(),
            target: self.target.clone(),
            range: self.header(RANGE).map(String::from),
            authorized: self.headers.contains_key(AUTHORIZATION),
            status,
        }
    }
}

/// The pairs of a query or of a form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(key, true), decoded(value, true))
        })
        .collect()
}

/// Undoes percent-encoding, and `+` for a blank in a query.
fn decoded(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) if plus => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Encodes what may not stand in a query's value.
pub(super) fn encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:,/".contains(&byte);
    text.bytes()
        .map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_it_encodes() {
        for text in ["2003-01-01T00:00:00Z/..", "a b+c&d=e", "ü%"] {
            assert_eq!(decoded(&encoded(text), true), text);
        }
        assert_eq!(
            pairs("a=1&b%5B%5D=x+y&c"),
            [("a", "1"), ("b[]", "x y"), ("c", "")].map(|(k, v)| (k.into(), v.into()))
        );
    }

    #[test]
    fn takes_the_fault_off_the_path_and_keeps_it_in_links() {
        let uri: Uri = "/fault/503x2/search/granules.json?page_size=2".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "127.0.0.1:8080".parse().unwrap());
        let asked = Asked::new(Method::GET, &uri, headers, Bytes::new()).unwrap();
        assert_eq!(asked.path, "/search/granules.json");
        assert_eq!(asked.base, "http://127.0.0.1:8080/fault/503x2");
        assert_eq!(asked.prefix(), "/fault/503x2");
        assert_eq!(asked.first("page_size"), Some("2"));
    }
}
