//! The answer to `ListObjectsV2`.

use crate::Location;
use crate::store::Listed;
use crate::xml::Element;
use percent_encoding::percent_decode_str;

/// The files of a page, and whether there are more.
pub(super) struct Page {
    pub(super) files: Vec<Listed>,
    pub(super) more: bool,
}

/// Reads a page, and the last key of it, folder markers included. A key that stands there twice, as rclone's server
/// says after two writers met, is one file: the one that was written last.
pub(super) fn read(xml: &[u8], bucket: &str, prefix: &str) -> Result<(Page, Option<String>), String> {
    let root = Element::read(xml)?;
    if root.name != "ListBucketResult" {
        return Err(format!("a listing was asked for, a `{}` came", root.name));
    }
    let encoded = root.text_of("EncodingType").is_some_and(|t| t.eq_ignore_ascii_case("url"));
    let more = root.text_of("IsTruncated").is_some_and(|t| t.eq_ignore_ascii_case("true"));
    let mut files: Vec<Listed> = Vec::new();
    let mut last: Option<String> = None;
    for entry in root.all("Contents") {
        let raw = entry.text_of("Key").ok_or("a file without a key is in the listing")?;
        let key = if encoded {
            // Such keys are written as in forms, where a plus sign is a space.
            let text = raw.replace('+', " ");
            percent_decode_str(&text).decode_utf8().map_err(|e| e.to_string())?.into_owned()
        } else {
            raw.to_owned()
        };
        if !key.starts_with(prefix) {
            return Err(format!("`{key}` is listed, which is not below `{prefix}`"));
        }
        if last.as_ref().is_none_or(|l| *l < key) {
            last = Some(key.clone());
        }
        if key.ends_with('/') || key == prefix {
            continue;
        }
        let file = Listed {
            at: Location::S3 { bucket: bucket.to_owned(), key },
            size: entry.text_of("Size").and_then(|s| s.parse().ok()),
            modified: entry.text_of("LastModified").map(str::to_owned),
            // Some leave out the quotes that belong to it.
            etag: entry.text_of("ETag").map(|tag| format!("\"{}\"", tag.trim_matches('"'))),
        };
        match files.last_mut() {
            Some(twin) if twin.at == file.at => {
                if file.modified > twin.modified {
                    *twin = file;
                }
            }
            _ => files.push(file),
        }
    }
    Ok((Page { files, more }, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_files_and_leaves_folder_markers_out() {
        let xml = r#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
            <Contents><Key>a/</Key><Size>0</Size></Contents>
            <Contents><Key>a/x+y%2B%C3%A4</Key><Size>7</Size><ETag>&quot;e&quot;</ETag>
            <LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents></ListBucketResult>"#;
        let (page, last) = read(xml.as_bytes(), "b", "a/").unwrap();
        assert_eq!(last.as_deref(), Some("a/x y+ä"));
        assert!(page.more && page.files.len() == 1);
        let file = &page.files[0];
        assert_eq!((file.at.to_string().as_str(), file.size), ("s3://b/a/x y+ä", Some(7)));
        assert_eq!(file.etag.as_deref(), Some("\"e\""));
        assert_eq!(file.modified.as_deref(), Some("2026-01-02T03:04:05.000Z"));
    }

    #[test]
    fn a_key_that_stands_there_twice_is_the_file_written_last() {
        let entry = |time: &str| {
            format!("<Contents><Key>a/x</Key><Size>1</Size><LastModified>{time}</LastModified></Contents>")
        };
        let (early, late) = (entry("2026-01-02T03:04:05.0Z"), entry("2026-01-02T03:04:06.0Z"));
        for pair in [format!("{early}{late}"), format!("{late}{early}")] {
            let (page, _) =
                read(format!("<ListBucketResult>{pair}</ListBucketResult>").as_bytes(), "b", "a/").unwrap();
            assert_eq!(page.files.len(), 1);
            assert_eq!(page.files[0].modified.as_deref(), Some("2026-01-02T03:04:06.0Z"));
        }
    }

    #[test]
    fn refuses_what_is_no_listing_or_not_what_was_asked_for() {
        assert!(read(b"<Error/>", "b", "").is_err());
        assert!(
            read(b"<ListBucketResult><Contents><Key>z</Key></Contents></ListBucketResult>", "b", "a/")
                .is_err()
        );
    }
}
