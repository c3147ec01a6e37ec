//! The temporary files of uploads that were killed.

use super::Dav;
use crate::abandoned::{Abandoned, at_least, is_temporary};
use crate::http::{Http, date};
use crate::store::Listed;
use crate::{Location, StorageError};
use jiff::Timestamp;
use std::time::{Duration, SystemTime};
use url::Url;

impl Dav {
    /// The temporary files below a folder that were last changed longer ago than `older`.
    pub(crate) async fn abandoned(
        &self,
        http: &Http,
        url: &Url,
        folder: &Location,
        older: Duration,
    ) -> Result<Vec<Abandoned>, StorageError> {
        // The server's time, from before the files are listed: they are no younger than that makes them.
        let now = match http.request(&self.propfind(url, "0")).await {
            Err(e) if e.is_not_found() => return Ok(Vec::new()),
            answer => date(&answer?.headers).unwrap_or_else(SystemTime::now),
        };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.list_page(http, url, folder, after.as_deref()).await?;
            let left = page.files.into_iter().filter_map(|file| abandoned(file, now));
            found.extend(left.filter(|left| left.age >= older));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }
}

/// A temporary file that tells its age.
fn abandoned(file: Listed, now: SystemTime) -> Option<Abandoned> {
    if !is_temporary(file.at.file_name()?) {
        return None;
    }
    let changed: Timestamp = file.modified?.parse().ok()?;
    let age = at_least(now, changed.into());
    Some(Abandoned { at: file.at, age, bytes: file.size, upload: None })
}
