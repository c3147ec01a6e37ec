//! What killed uploads and trials leave: `ListMultipartUploads`, `ListParts` and `AbortMultipartUpload`.

use super::S3;
use crate::abandoned::{Abandoned, at_least, is_temporary};
use crate::http::{Http, Method, Request, date};
use crate::xml::Element;
use crate::{Location, StorageError};
use jiff::Timestamp;
use std::time::{Duration, SystemTime};

/// Where a listing of uploads goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Marker {
    key: String,
    upload: String,
}

/// An upload that is open.
struct Open {
    key: String,
    id: String,
    begun: Option<SystemTime>,
}

impl S3 {
    /// What is left below a folder for longer than `older`: open uploads, and objects of trials.
    pub(crate) async fn abandoned(
        &self,
        http: &Http,
        folder: &str,
        older: Duration,
    ) -> Result<Vec<Abandoned>, StorageError> {
        let mut found = self.open_uploads(http, folder, older).await?;
        found.extend(self.left_objects(http, folder, older).await?);
        Ok(found)
    }

    /// The uploads below a folder that are open for longer than `older`.
    async fn open_uploads(
        &self,
        http: &Http,
        folder: &str,
        older: Duration,
    ) -> Result<Vec<Abandoned>, StorageError> {
        let folder = folder.trim_end_matches('/');
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let at = format!("s3://{}/{prefix}", self.bucket);
        let protocol = |what| StorageError::Protocol { at: at.clone(), what };
        let (mut found, mut after): (Vec<Abandoned>, Option<Marker>) = (Vec::new(), None);
        loop {
            let mut request = self.request(Method::Get, "")?;
            {
                let mut query = request.url.query_pairs_mut();
                query.append_pair("uploads", "").append_pair("max-uploads", "1000");
                // Not in an encoding: some services say that they use it, and don't.
                query.append_pair("prefix", &prefix);
                let marker =
                    after.iter().flat_map(|m| [("key-marker", &m.key), ("upload-id-marker", &m.upload)]);
                // Some services go by the upload alone.
                query.extend_pairs(marker.filter(|(_, value)| !value.is_empty()));
            }
            let answer = match http.request(&request).await {
                Err(e) if e.is_not_found() => return Ok(found),
                answer => answer?,
            };
            let now = date(&answer.headers).unwrap_or_else(SystemTime::now);
            let (open, next) = read(&answer.body).map_err(protocol)?;
            // Some services ignore the prefix.
            for Open { key, id, begun } in open.into_iter().filter(|open| open.key.starts_with(&prefix)) {
                // What does not tell its age may have begun just now.
                let Some(begun) = begun else { continue };
                let age = at_least(now, begun);
                if age < older {
                    continue;
                }
                let bytes = self.bytes_of(http, &key, &id).await.ok().flatten();
                let at = Location::S3 { bucket: self.bucket.clone(), key };
                found.push(Abandoned { at, age, bytes, upload: Some(id) });
            }
            if next.is_some() && next == after {
                let what = "the listing says that there is more, but does not go on".to_owned();
                return Err(protocol(what));
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// The objects below a folder that a server was tried out with, and that outlived their process.
    async fn left_objects(
        &self,
        http: &Http,
        folder: &str,
        older: Duration,
    ) -> Result<Vec<Abandoned>, StorageError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = match self.list_page(http, folder, after.as_deref()).await {
                Err(e) if e.is_not_found() => return Ok(found),
                page => page?,
            };
            let now = SystemTime::now();
            for file in page.files {
                let made = file.modified.and_then(|m| m.parse::<Timestamp>().ok()).map(SystemTime::from);
                let (Some(made), true) = (made, file.at.file_name().is_some_and(is_temporary)) else {
                    continue;
                };
                let age = at_least(now, made);
                if age >= older {
                    found.push(Abandoned { at: file.at, age, bytes: file.size, upload: None });
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// Gives up an open upload and its parts; one that is gone already is no error.
    pub(crate) async fn abort(&self, http: &Http, key: &str, upload: &str) -> Result<(), StorageError> {
        match http.request(&self.giving_up(key, upload)?).await {
            Err(e) if !e.is_not_found() => Err(e),
            _ => Ok(()),
        }
    }

    /// The request that gives an upload up.
    pub(super) fn giving_up(&self, key: &str, upload: &str) -> Result<Request, StorageError> {
        let mut request = self.request(Method::Delete, key)?;
        request.url.query_pairs_mut().append_pair("uploadId", upload);
        Ok(request)
    }

    /// How many bytes the parts of an upload have.
    async fn bytes_of(&self, http: &Http, key: &str, upload: &str) -> Result<Option<u64>, StorageError> {
        let (mut bytes, mut after) = (0, String::new());
        loop {
            let mut request = self.request(Method::Get, key)?;
            request.url.query_pairs_mut().append_pair("uploadId", upload);
            if !after.is_empty() {
                request.url.query_pairs_mut().append_pair("part-number-marker", &after);
            }
            let answer = http.request(&request).await?;
            let Ok(root) = Element::read(&answer.body) else { return Ok(None) };
            for part in root.all("Part") {
                let Some(size) = part.text_of("Size").and_then(|s| s.parse::<u64>().ok()) else {
                    return Ok(None);
                };
                bytes += size;
            }
            let next = root.text_of("NextPartNumberMarker").filter(|_| is_truncated(&root));
            match next.filter(|next| *next != after) {
                Some(next) => next.clone_into(&mut after),
                None => return Ok(Some(bytes)),
            }
        }
    }
}

/// Reads a page of open uploads, and where the next one begins.
fn read(xml: &[u8]) -> Result<(Vec<Open>, Option<Marker>), String> {
    let root = Element::read(xml)?;
    if root.name != "ListMultipartUploadsResult" {
        return Err(format!("open uploads were asked for, a `{}` came", root.name));
    }
    let mut open = Vec::new();
    for upload in root.all("Upload") {
        let missing = || "an upload without a key or an id is in the listing";
        let (key, id) = upload.text_of("Key").zip(upload.text_of("UploadId")).ok_or_else(missing)?;
        let begun = upload.text_of("Initiated").and_then(|t| t.parse::<Timestamp>().ok());
        open.push(Open { key: key.to_owned(), id: id.to_owned(), begun: begun.map(SystemTime::from) });
    }
    let marker = |name| root.text_of(name).unwrap_or_default().to_owned();
    let next = is_truncated(&root)
        .then(|| Marker { key: marker("NextKeyMarker"), upload: marker("NextUploadIdMarker") });
    Ok((open, next))
}

fn is_truncated(root: &Element) -> bool {
    root.text_of("IsTruncated").is_some_and(|t| t.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_open_uploads_and_where_they_go_on() {
        let xml = r#"<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket>
            <NextKeyMarker>a/x+y</NextKeyMarker>
            <NextUploadIdMarker>u2</NextUploadIdMarker><IsTruncated>true</IsTruncated>
            <Upload><Key>a/x%20y &amp;</Key><UploadId>u1</UploadId><Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>
            <Upload><Key>a/z</Key><UploadId>u2</UploadId></Upload></ListMultipartUploadsResult>"#;
        let (open, next) = read(xml.as_bytes()).unwrap();
        assert_eq!(next, Some(Marker { key: "a/x+y".into(), upload: "u2".into() }));
        assert_eq!((open[0].key.as_str(), open[0].id.as_str()), ("a/x%20y &", "u1"));
        let begun: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!((open[0].begun, open[1].begun), (Some(begun.into()), None));
        assert!(read(b"<Error/>").is_err() && read(b"<ListMultipartUploadsResult><Upload/>").is_err());
    }
}
