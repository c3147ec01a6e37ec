//! Bringing a file to a remote store: verified before it has its name.

use crate::checksum::{Checksum, Digests, Function};
use crate::dav;
use crate::deadline::Deadline;
use crate::http::{Http, Retry};
use crate::progress::{Progress, Silent};
use crate::reader::{Reader, Verified};
use crate::store::{Meta, Store};
use crate::transfer::{Expectation, Outcome, Transferred, adoptable, version_of};
use crate::{Location, StorageError};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Whose file has the name in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    Ours,
    /// Ours, and the store has compared its bytes with our digest.
    Proven,
    /// Another one was there first, or came in between; it was not touched.
    Taken,
}

/// A source that can be opened again, from its start.
pub(crate) struct Opening<'a> {
    pub(crate) source: &'a Store<'a>,
    pub(crate) from: &'a Location,
    pub(crate) expect: &'a Expectation,
    pub(crate) progress: &'a dyn Progress,
    /// What is digested besides what is expected.
    pub(crate) functions: &'a [Function],
    /// By when it must be read.
    pub(crate) deadline: Deadline,
}

impl<'a> Opening<'a> {
    pub(crate) async fn open(&self, http: &'a Http) -> Result<Reader<'a>, StorageError> {
        let Self { source, from, expect, progress, functions, deadline } = *self;
        let opened = Reader::open(http, source, from, expect, progress, functions);
        deadline.keeps(from, opened).await.map(|reader| reader.guarded().until(deadline))
    }
}

/// See [`crate::Stores::transfer`]; `to` is no local path.
pub(crate) async fn run(
    http: &Http,
    (source, from): (&Store<'_>, &Location),
    (target, to): (&Store<'_>, &Location),
    expect: &Expectation,
    progress: &dyn Progress,
    buffers: &Arc<Semaphore>,
) -> Result<Transferred, StorageError> {
    let bucket = if let Store::S3(s3, _) = target { Some(s3) } else { None };
    if bucket.is_none_or(|s3| s3.asks_first(expect.size)) {
        let adopted = adopt(http, source, (target, to), expect, progress).await?;
        bucket.inspect(|s3| s3.note(adopted.is_some()));
        if let Some(adopted) = adopted {
            return Ok(adopted);
        }
    }
    let deadline = Deadline::of(http.settings());
    let pulled = match (source, target) {
        (Store::Dav(theirs, their_url), Store::Dav(dav, url)) => {
            let source = dav::Source { dav: theirs, url: their_url, at: from };
            dav.pull(http, (url, to), source, expect, progress, deadline).await?
        }
        _ => None,
    };
    let functions: &[Function] = if matches!(target, Store::Dav(..)) { &[Function::Adler32] } else { &[] };
    let opening = Opening { source, from, expect, progress, functions, deadline };
    let (placed, verified) = match pulled {
        Some(pulled) => pulled,
        None => send_whole(http, &opening, (target, to), buffers).await?,
    };
    bucket.inspect(|s3| s3.note(placed == Placed::Taken));
    let Verified { bytes, digests, version } = verified;
    let ours = Transferred { bytes, checksum: digests.sha256, version, outcome: Outcome::Copied };
    match placed {
        Placed::Proven => Ok(ours),
        Placed::Taken => same_as(http, (target, to), ours).await,
        Placed::Ours => {
            let there = http.head(&target.get()?).await?;
            match there.size.filter(|size| *size != bytes) {
                Some(found) => Err(StorageError::Size { at: to.shown(), expected: bytes, found }),
                None => Ok(ours),
            }
        }
    }
}

/// Reads the source and writes what it gives, again from the start where that may help.
async fn send_whole<'a>(
    http: &'a Http,
    opening: &Opening<'a>,
    target: (&Store<'_>, &Location),
    buffers: &Arc<Semaphore>,
) -> Result<(Placed, Verified), StorageError> {
    let mut retry = Retry::new(http.settings());
    let mut second_time = false;
    loop {
        match send(http, opening, target, buffers).await {
            // A proxy or a disk may have spoilt the bytes on the way: once more.
            Err(error) if error.spoilt() && !second_time => {
                tracing::debug!(error = %error, "reading it again from the start");
                second_time = true;
            }
            Err(error @ StorageError::Unversioned { .. }) => {
                retry.pause(error.into(), &opening.from.shown()).await?;
            }
            sent => return sent,
        }
    }
}

/// Reads the source once and writes what it gives.
async fn send<'a>(
    http: &'a Http,
    opening: &Opening<'a>,
    (target, to): (&Store<'_>, &Location),
    buffers: &Arc<Semaphore>,
) -> Result<(Placed, Verified), StorageError> {
    match target {
        Store::S3(s3, key) => s3.upload(http, key, opening.open(http).await?, buffers).await,
        Store::Dav(dav, url) => dav.upload(http, url, opening).await,
        Store::Local(..) | Store::Http(..) => {
            let (at, scheme) = (to.shown(), to.scheme().to_owned());
            Err(StorageError::Unsupported { at, scheme, what: "are read-only" })
        }
    }
}

/// The file at the destination, if there is one and it is what is wanted; none if there is none, or if only the
/// source's bytes can tell.
async fn adopt(
    http: &Http,
    source: &Store<'_>,
    (target, to): (&Store<'_>, &Location),
    expect: &Expectation,
    progress: &dyn Progress,
) -> Result<Option<Transferred>, StorageError> {
    let there = match http.head(&target.get()?).await {
        Ok(there) => there,
        Err(e) if e.is_not_found() => return Ok(None),
        Err(e) => return Err(e),
    };
    let occupied = |what| StorageError::Occupied { at: to.shown(), what };
    let differ = |here: Option<u64>, other: Option<u64>| here.zip(other).filter(|(a, b)| a != b);
    if let Some((size, expected)) = differ(there.size, expect.size) {
        return Err(occupied(format!("{size} bytes, {expected} expected")));
    }
    let version = version_of(http, source, expect).await?;
    let stands =
        there.size.map_or(Ok(expect.checksum.is_some()), |size| adoptable(expect, size, version.as_ref()));
    let size = there.size.unwrap_or_default();
    if !stands.map_err(|at_source| occupied(format!("{size} bytes, {at_source} at the source")))? {
        return Ok(None);
    }
    let (bytes, digests) = digests_of(http, target, to, expect).await?;
    if let Some(expected) = expect.checksum.as_ref().filter(|e| !digests.matches(e)) {
        return Err(occupied(format!("checksum {}, {expected} expected", digests.like(expected))));
    }
    progress.started(Some(bytes));
    progress.advanced(bytes);
    let fallback = Meta { size: Some(bytes), ..Meta::default() };
    let version = version.filter(|v| v.size.is_none_or(|s| s == bytes)).unwrap_or(fallback);
    Ok(Some(Transferred { bytes, checksum: digests.sha256, version, outcome: Outcome::Adopted }))
}

/// Somebody else's file has the name: adopted if it is the same.
async fn same_as(
    http: &Http,
    (target, to): (&Store<'_>, &Location),
    ours: Transferred,
) -> Result<Transferred, StorageError> {
    let theirs = digests_of(http, target, to, &Expectation::default()).await?.1.sha256;
    if theirs != ours.checksum {
        let what = format!("checksum {theirs}, {} at the source", ours.checksum);
        return Err(StorageError::Occupied { at: to.shown(), what });
    }
    Ok(Transferred { outcome: Outcome::Adopted, ..ours })
}

/// See [`crate::Stores::digest`].
pub(crate) async fn digest(
    http: &Http,
    source: &Store<'_>,
    at: &Location,
    function: Function,
) -> Result<Checksum, StorageError> {
    let nothing = Expectation::default();
    let mut reader = Reader::open(http, source, at, &nothing, &Silent, &[function]).await?;
    while reader.next().await?.is_some() {}
    let digests = reader.finish()?.digests;
    Ok(digests.by(function).unwrap_or(&digests.sha256).clone())
}

/// Reads what is at the destination.
async fn digests_of(
    http: &Http,
    target: &Store<'_>,
    to: &Location,
    expect: &Expectation,
) -> Result<(u64, Digests), StorageError> {
    let functions: Vec<Function> = expect.checksum.iter().map(Checksum::function).collect();
    let nothing = Expectation::default();
    let mut reader = Reader::open(http, target, to, &nothing, &Silent, &functions).await?;
    while reader.next().await?.is_some() {}
    let Verified { bytes, digests, .. } = reader.finish()?;
    Ok((bytes, digests))
}
