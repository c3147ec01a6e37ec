//! Listing, folder by folder: a server may cut a deeper answer short.

use super::{Dav, member};
use crate::http::Http;
use crate::store::{ListPage, Listed, PAGE};
use crate::{Location, StorageError};
use std::future::Future;
use std::pin::Pin;
use url::Url;

/// One walk from where the last page ended.
struct Walk<'a> {
    dav: &'a Dav,
    http: &'a Http,
    files: Vec<Listed>,
    /// The names from the listed folder to the folder at hand.
    names: Vec<String>,
    /// The names that lead to the last file.
    last: Option<Vec<String>>,
}

impl Dav {
    /// The next thousand or so files below a folder, in the order of their names, level by level. A folder whose
    /// files were begun is listed to its end: its answer is at hand.
    pub(crate) async fn list_page(
        &self,
        http: &Http,
        url: &Url,
        at: &Location,
        after: Option<&str>,
    ) -> Result<ListPage, StorageError> {
        let after: Vec<String> = match after {
            None => Vec::new(),
            Some(text) => serde_json::from_str(text).map_err(|_| StorageError::Cursor { at: at.shown() })?,
        };
        let mut walk = Walk { dav: self, http, files: Vec::new(), names: Vec::new(), last: None };
        let more = walk.folder(url.clone(), at.clone(), &after).await?;
        let next = walk.last.filter(|_| more).map(|names| serde_json::json!(names).to_string());
        Ok(ListPage { files: walk.files, next, ..ListPage::default() })
    }
}

impl Walk<'_> {
    /// Lists a folder after the names that `after` leads to; whether there may be more.
    fn folder<'a>(
        &'a mut self,
        mut url: Url,
        at: Location,
        after: &'a [String],
    ) -> Pin<Box<dyn Future<Output = Result<bool, StorageError>> + Send + 'a>> {
        Box::pin(async move {
            if !url.path().ends_with('/') {
                url.set_path(&format!("{}/", url.path()));
            }
            let mut entries = self.dav.properties(self.http, &url, "1").await?;
            if entries.iter().any(|e| e.name.is_empty() && !e.folder) {
                return Err(StorageError::NotFound { at: at.shown() });
            }
            entries.retain(|e| !e.name.is_empty() && e.name != "." && e.name != "..");
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            entries.dedup_by(|a, b| a.name == b.name);
            for entry in entries {
                let within: &[String] = match after.split_first() {
                    Some((first, _)) if entry.name < *first => continue,
                    Some((first, rest)) if entry.name == *first => {
                        if rest.is_empty() {
                            continue;
                        }
                        rest
                    }
                    _ => &[],
                };
                let here = member(&at, &entry.name);
                self.names.push(entry.name.clone());
                if entry.folder {
                    if self.files.len() >= PAGE {
                        return Ok(true);
                    }
                    let mut below = url.clone();
                    if let Ok(mut path) = below.path_segments_mut() {
                        path.pop_if_empty().push(&entry.name).push("");
                    }
                    match self.folder(below, here, within).await {
                        Ok(true) => return Ok(true),
                        // It may vanish while we look.
                        Err(e) if !e.is_not_found() => return Err(e),
                        _ => {}
                    }
                } else {
                    self.last = Some(self.names.clone());
                    let (size, modified, etag) = (entry.size, entry.modified, entry.etag);
                    self.files.push(Listed { at: here, size, modified, etag });
                }
                self.names.pop();
            }
            Ok(false)
        })
    }
}
