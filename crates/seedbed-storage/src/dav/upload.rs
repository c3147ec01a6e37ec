//! Putting a large file on a WebDAV server, or through a dCache door onto a pool.

use super::{Dav, WANT_DIGEST, beside};
use crate::checksum::Digests;
use crate::digest_header::digests;
use crate::http::{Failure, Feed, Headers, Http, Method, Retry};
use crate::names::temporary;
use crate::reader::{Reader, Verified};
use crate::upload::{Opening, Placed};
use crate::{StorageError, secret};
use bytes::Bytes;
use std::sync::atomic::Ordering;
use std::time::Duration;
use url::Url;

/// How long after a break a server may still make the file's name.
const LATE: Duration = Duration::from_millis(100);

impl Dav {
    /// Puts a file at an address, unless there is one: under a temporary name, looked at, then moved. A transfer that
    /// breaks is begun anew, since a server takes a file whole or not at all.
    pub(crate) async fn upload(
        &self,
        http: &Http,
        url: &Url,
        opening: &Opening<'_>,
    ) -> Result<(Placed, Verified), StorageError> {
        let heeds = self.tried(http, url).await?.heeds_overwrite;
        let name = url.path().rsplit('/').next().unwrap_or_default();
        let mut retry = Retry::new(http.settings());
        let mut made_folders = false;
        let (from, verified, under_way) = loop {
            // Each attempt has a name of its own: a server may not know yet that the last one is over.
            let from = beside(url, &temporary(name)?, false);
            http.undo().may_begin().await;
            let under_way = http.undo().note(self.request(Method::Delete, &from));
            // Who is told to go breaks off first, so that the server makes no file after it was removed.
            let attempted = tokio::select! {
                attempted = self.attempt(http, &from, opening) => Some(attempted),
                () = http.undo().is_leaving() => None,
            };
            let Some(attempted) = attempted else { std::future::pending().await };
            match attempted {
                Ok(verified) => break (from, verified, under_way),
                // There is no such folder: it is made when first needed.
                Err(failure) if !made_folders && lacks_folder(&failure.error) => {
                    under_way.ended();
                    made_folders = true;
                    self.make_folders(http, &from).await?;
                }
                // So says nginx of a missing folder.
                Err(failure) if !made_folders && failure.error.status() == Some(500) => {
                    under_way.ended();
                    made_folders = true;
                    if self.make_folders(http, &from).await.is_err() {
                        retry.pause(failure, &secret::shown(url)).await?;
                    }
                }
                Err(failure) => {
                    http.undo().may_begin().await;
                    self.discard_late(http, &from).await;
                    under_way.ended();
                    retry.pause(failure, &secret::shown(url)).await?;
                }
            }
        };
        let placed = self.place(http, &from, url, heeds).await;
        under_way.ended();
        Ok((placed?, verified))
    }

    /// Gives a temporary file its name, unless there is one of it; then it is gone. `heeds` is whether the server
    /// heeds `Overwrite`.
    pub(super) async fn place(
        &self,
        http: &Http,
        from: &Url,
        url: &Url,
        heeds: bool,
    ) -> Result<Placed, StorageError> {
        // A server that moves over what is there must not be let to.
        let free = heeds || http.head(&self.request(Method::Get, url)).await.is_err_and(|e| e.is_not_found());
        let renamed = if free { self.rename(http, from, url, false).await } else { Ok(false) };
        if !matches!(renamed, Ok(true)) {
            self.discard(http, from).await;
        }
        Ok(if renamed? { Placed::Ours } else { Placed::Taken })
    }

    /// Removes what a broken upload may have left. The server may make the name only after it was asked to remove it,
    /// if it hears of the break last.
    pub(super) async fn discard_late(&self, http: &Http, url: &Url) {
        for _ in 0..3 {
            match http.request(&self.request(Method::Delete, url)).await {
                Err(e) if e.is_not_found() => tokio::time::sleep(http.settings().backoff.max(LATE)).await,
                Err(error) => {
                    tracing::debug!(at = secret::shown(url), %error, "a temporary file stays");
                    return;
                }
                Ok(_) => return,
            }
        }
    }

    /// Sends the file once, and sees to it that what arrived is what was read.
    async fn attempt(&self, http: &Http, to: &Url, opening: &Opening<'_>) -> Result<Verified, Failure> {
        let mut reader = opening.open(http).await?;
        // A source of the wrong kind shows before the server hears of it.
        let first = reader.next().await?;
        let (feed, pieces) = Feed::new(reader.version.size);
        let request = self.request(Method::Put, to).header("want-digest", WANT_DIGEST);
        let asks = !self.takes_itself.load(Ordering::Relaxed);
        let sending = async {
            let sent = http.send(&request, &pieces, asks).await;
            pieces.close();
            sent
        };
        let feeding = async {
            let fed = feed_all(first, &mut reader, &feed).await;
            drop(feed);
            fed
        };
        let (sent, fed) = tokio::join!(sending, feeding);
        // That the source broke off is the cause, that the server then complains the consequence.
        fed?;
        let taken = sent?;
        if asks && !taken.elsewhere {
            self.takes_itself.store(true, Ordering::Relaxed);
        }
        let verified = reader.finish()?;
        let look = self.request(Method::Head, to).header("want-digest", WANT_DIGEST);
        let looked = http.request(&look).await?;
        agrees(&looked.headers, &verified, to)?;
        check_digests(&taken.headers, &verified.digests, to)?;
        Ok(verified)
    }
}

/// Reads the source into the feed, as long as somebody takes it.
async fn feed_all(mut next: Option<Bytes>, reader: &mut Reader<'_>, feed: &Feed) -> Result<(), StorageError> {
    while let Some(piece) = next {
        if !feed.put(piece).await {
            break;
        }
        next = reader.next().await?;
    }
    Ok(())
}

fn lacks_folder(error: &StorageError) -> bool {
    error.is_not_found() || error.status() == Some(409)
}

/// Whether what a server has is as long as what was read, and digests to the same.
fn agrees(headers: &Headers, verified: &Verified, to: &Url) -> Result<(), StorageError> {
    if let Some(found) = headers.content_length().filter(|n| *n != verified.bytes) {
        return Err(StorageError::Size { at: secret::shown(to), expected: verified.bytes, found });
    }
    check_digests(headers, &verified.digests, to)
}

fn check_digests(headers: &Headers, ours: &Digests, to: &Url) -> Result<(), StorageError> {
    for found in digests(headers) {
        if let Some(expected) = ours.by(found.function()).filter(|ours| **ours != found) {
            let (expected, found) = (expected.to_string(), found.to_string());
            return Err(StorageError::Checksum { at: secret::shown(to), expected, found });
        }
    }
    Ok(())
}
