//! What a server says of a file, or of a folder's members.

use super::Dav;
use crate::http::{Http, Method, Request};
use crate::xml::Element;
use crate::{StorageError, secret};
use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use url::Url;

/// What is asked for.
const PROPERTIES: &[u8] =
    b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:propfind xmlns:D=\"DAV:\"><D:prop>\
    <D:resourcetype/><D:getcontentlength/><D:getlastmodified/><D:getetag/></D:prop></D:propfind>";

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its last name, decoded; empty for the folder itself.
    pub(super) name: String,
    pub(super) folder: bool,
    pub(super) size: Option<u64>,
    /// RFC 3339.
    pub(super) modified: Option<String>,
    pub(super) etag: Option<String>,
}

impl Dav {
    /// What is at an address (`depth` 0), or that and the members of the folder there (`depth` 1).
    pub(super) async fn properties(
        &self,
        http: &Http,
        url: &Url,
        depth: &str,
    ) -> Result<Vec<Entry>, StorageError> {
        let answer = http.request(&self.propfind(url, depth)).await?;
        let wrong = |what: String| StorageError::Protocol { at: secret::shown(url), what };
        if answer.status != 207 {
            return Err(wrong(format!("answered HTTP {} where properties were asked for", answer.status)));
        }
        read(&answer.body, &answer.url).map_err(wrong)
    }

    /// Asks for the properties.
    pub(super) fn propfind(&self, url: &Url, depth: &str) -> Request {
        self.request(Method::Propfind, url)
            .header("depth", depth)
            .header("content-type", "application/xml; charset=utf-8")
            .body(Bytes::from_static(PROPERTIES))
    }
}

/// Reads the answer about `asked`.
fn read(xml: &[u8], asked: &Url) -> Result<Vec<Entry>, String> {
    let root = Element::read(xml)?;
    if root.name != "multistatus" {
        return Err(format!("properties were asked for, a `{}` came", root.name));
    }
    let own = decoded(asked.path())?;
    let mut entries = Vec::new();
    for response in root.all("response") {
        let href = response.text_of("href").ok_or("an answer without an address is among the properties")?;
        let url = asked.join(href).map_err(|_| format!("`{href}` is no address"))?;
        let path = decoded(url.path())?;
        let Some(name) = path.strip_prefix(own.as_str()) else {
            return Err(format!("`{path}` is listed, which is not in `{own}`"));
        };
        let name = name.trim_start_matches('/').to_owned();
        // Deeper ones were not asked for.
        if name.contains('/') {
            continue;
        }
        // What a file lacks stands in a second propstat, without values.
        let properties: Vec<&Element> = response.all("propstat").filter_map(|p| p.child("prop")).collect();
        let text = |name: &str| properties.iter().find_map(|p| p.text_of(name));
        let kinds = properties.iter().filter_map(|p| p.child("resourcetype"));
        entries.push(Entry {
            name,
            folder: kinds.into_iter().any(|k| k.child("collection").is_some()),
            size: text("getcontentlength").and_then(|s| s.parse().ok()),
            modified: text("getlastmodified").and_then(timestamp),
            etag: text("getetag").map(str::to_owned),
        });
    }
    Ok(entries)
}

/// A path without percent signs and without a slash at its end.
fn decoded(path: &str) -> Result<String, String> {
    let text = percent_decode_str(path.trim_end_matches('/')).decode_utf8();
    text.map(std::borrow::Cow::into_owned).map_err(|_| format!("`{path}` is not in UTF-8"))
}

/// An HTTP date as RFC 3339.
fn timestamp(date: &str) -> Option<String> {
    let time = httpdate::parse_http_date(date).ok()?;
    Timestamp::try_from(time).ok().map(|t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_members_by_their_own_names() {
        let xml = r#"<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">
          <d:response><d:href>/dav/a%20b/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype>
            </d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
          <d:response><d:href>http://h/dav/a%20b/x%2525.tif</d:href><d:propstat><d:prop><d:resourcetype/>
            <d:getcontentlength>12</d:getcontentlength><d:getetag>"e"</d:getetag>
            <d:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</d:getlastmodified></d:prop></d:propstat>
            <d:propstat><d:prop><d:quota/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
          <d:response><d:href>/dav/a b/sub/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype>
            </d:prop></d:propstat></d:response></d:multistatus>"#;
        let entries = read(xml.as_bytes(), &"http://h/dav/a%20b/".parse().unwrap()).unwrap();
        let names: Vec<(&str, bool)> = entries.iter().map(|e| (e.name.as_str(), e.folder)).collect();
        assert_eq!(names, [("", true), ("x%25.tif", false), ("sub", true)]);
        assert_eq!((entries[1].size, entries[1].etag.as_deref()), (Some(12), Some("\"e\"")));
        assert_eq!(entries[1].modified.as_deref(), Some("1994-11-06T08:49:37Z"));
    }

    #[test]
    fn refuses_what_is_elsewhere() {
        let xml = "<multistatus><response><href>/other/x</href></response></multistatus>";
        assert!(read(xml.as_bytes(), &"http://h/dav/".parse().unwrap()).unwrap_err().contains("/other/x"));
    }
}
