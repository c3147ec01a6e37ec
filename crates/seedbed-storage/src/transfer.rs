//! Bringing a file home: whole, verified, under its name only then.

use crate::checksum::{Checksum, Digests, Hashing};
use crate::content::{Content, Guard};
use crate::download::Download;
use crate::http::Http;
use crate::local::{Linked, blocking, modified, open_file};
use crate::mark::Mark;
use crate::part::{self, Part, Record};
use crate::progress::Progress;
use crate::store::{Meta, Store};
use crate::{Location, StorageError};
use std::path::Path;
use std::sync::Arc;

/// How much of a local source is copied between two words to the progress: 1 MiB.
const PIECE: usize = 1 << 20;

/// What is known of the bytes before they are here. Without a checksum, one that their server tells along with them
/// is expected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// Their number.
    pub size: Option<u64>,
    /// Their checksum.
    pub checksum: Option<Checksum>,
    /// Their kind.
    pub content: Content,
}

/// A file that is home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA2-256.
    pub checksum: Checksum,
    /// The source's version. Of an adopted file, the source's as it is now; just the size if the source
    /// could not be asked.
    pub version: Meta,
    /// How it came here.
    pub outcome: Outcome,
}

/// How a file came home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it now.
    Copied,
    /// The rest of it now.
    Resumed,
    /// It was here already.
    Adopted,
}

/// Bytes that are in the part, to the last one.
pub(crate) struct Gathered {
    pub(crate) part: Part,
    pub(crate) bytes: u64,
    pub(crate) digests: Digests,
    pub(crate) version: Meta,
    pub(crate) outcome: Outcome,
}

/// See [`crate::Stores::transfer`].
pub(crate) async fn run(
    http: &Http,
    source: Store<'_>,
    from: &Location,
    to: &Path,
    expect: &Expectation,
    progress: &dyn Progress,
) -> Result<Transferred, StorageError> {
    if let Some(adopted) = adopt(http, (&source, from), to, expect, progress).await? {
        return Ok(adopted);
    }
    let part = Part::lock(to).await?;
    // Another transfer may have finished while this one waited.
    match adopt(http, (&source, from), to, expect, progress).await {
        Ok(None) => {}
        Ok(Some(adopted)) => {
            part.discard().await?;
            return Ok(adopted);
        }
        Err(error) => {
            part.discard().await?;
            return Err(error);
        }
    }
    let gathered = match source {
        Store::Local(_, path) => copy(http, path, from, expect, progress, part).await?,
        remote => Download::new(http, remote.get_whole()?, from, expect, progress, part).await?.run().await?,
    };
    let Gathered { part, bytes, digests, version, outcome } = gathered;
    let transferred = Transferred { bytes, checksum: digests.sha256, version, outcome };
    let mark = Mark::of(&from.to_string(), &transferred.version, &transferred.checksum);
    match part.commit(mark).await? {
        Linked::Won => Ok(transferred),
        Linked::Lost => same_as(to, transferred).await,
    }
}

/// The file at the destination, if there is one and it is what is wanted; none if there is none, or if only
/// the source's bytes can tell.
async fn adopt(
    http: &Http,
    (source, from): (&Store<'_>, &Location),
    to: &Path,
    expect: &Expectation,
    progress: &dyn Progress,
) -> Result<Option<Transferred>, StorageError> {
    let Some(size) = size_of(to)? else { return Ok(None) };
    let occupied = |what| StorageError::Occupied { at: to.display().to_string(), what };
    if let Some(expected) = expect.size.filter(|e| *e != size) {
        return Err(occupied(format!("{size} bytes, {expected} expected")));
    }
    let version = version_of(http, source, expect).await?;
    let stands = adoptable(expect, size, version.as_ref());
    let stands = stands.map_err(|at_source| occupied(format!("{size} bytes, {at_source} at the source")))?;
    let marked = version.as_ref().and_then(|version| Mark::found(to, &from.to_string(), version));
    if !stands && marked.is_none() {
        return Ok(None);
    }
    let digests = digests_of(to, expect).await?;
    // One that was written to since is no copy any more.
    if !stands && marked.is_some_and(|marked| digests.sha256.digest() != marked) {
        return Ok(None);
    }
    if let Some(expected) = expect.checksum.as_ref().filter(|e| !digests.matches(e)) {
        return Err(occupied(format!("checksum {}, {expected} expected", digests.like(expected))));
    }
    let version = version.filter(|v| v.size.is_none_or(|s| s == size));
    let version = version.unwrap_or(Meta { size: Some(size), ..Meta::default() });
    let path = to.to_owned();
    blocking(move || part::tidy(&path)).await?;
    progress.started(Some(size));
    progress.advanced(size);
    Ok(Some(Transferred { bytes: size, checksum: digests.sha256, version, outcome: Outcome::Adopted }))
}

/// Somebody else's file got the name while ours gathered: adopted if it is the same.
async fn same_as(to: &Path, ours: Transferred) -> Result<Transferred, StorageError> {
    let theirs = digests_of(to, &Expectation::default()).await?.sha256;
    if theirs != ours.checksum {
        let what = format!("checksum {theirs}, {} at the source", ours.checksum);
        return Err(StorageError::Occupied { at: to.display().to_string(), what });
    }
    Ok(Transferred { outcome: Outcome::Adopted, ..ours })
}

/// Copies a file of this machine. It is there to be read again, so nothing is kept of a copy that failed.
async fn copy(
    http: &Http,
    path: &Path,
    from: &Location,
    expect: &Expectation,
    progress: &dyn Progress,
    part: Part,
) -> Result<Gathered, StorageError> {
    match gather(http, path, from, expect, progress, &part).await {
        Ok((bytes, digests, version)) => {
            Ok(Gathered { part, bytes, digests, version, outcome: Outcome::Copied })
        }
        Err(error) => {
            part.discard().await?;
            Err(error)
        }
    }
}

async fn gather(
    http: &Http,
    path: &Path,
    from: &Location,
    expect: &Expectation,
    progress: &dyn Progress,
    part: &Part,
) -> Result<(u64, Digests, Meta), StorageError> {
    let opened = path.to_owned();
    let (file, size, before) = blocking(move || {
        let io = |e| StorageError::io(&opened, "read it", e);
        let file = open_file(&opened)?;
        let meta = file.metadata().map_err(io)?;
        Ok((Arc::new(file), meta.len(), meta.modified().ok()))
    })
    .await?;
    let version = Meta::of_local(size, before);
    part.restart(&Record { source: from.to_string(), version: version.clone(), claimed: None }).await?;
    progress.started(Some(size));
    let mut hashing = Hashing::new(expect.checksum.as_ref().map(Checksum::function));
    let mut bytes = 0;
    // The same for all pieces: each thread that takes part would keep one of its own.
    let mut buffer = vec![0; PIECE];
    loop {
        let source = (Arc::clone(&file), path.to_owned());
        let n;
        (hashing, buffer, n) = part.append_from(hashing, source, buffer).await?;
        if n == 0 {
            break;
        }
        http.count(n, from)?;
        bytes += n;
        progress.advanced(n);
    }
    if size_of(path)? != Some(bytes) || modified(path) != before {
        return Err(StorageError::Changed { at: from.shown() });
    }
    let digests = hashing.finish();
    let guard = Guard::of_source(from, expect.content);
    match wrong(from, expect, guard, (bytes, &digests), part).await? {
        Some(error) => Err(error),
        None => Ok((bytes, digests, version)),
    }
}

/// How the gathered bytes are not what was expected, if so.
pub(crate) async fn wrong(
    from: &Location,
    expect: &Expectation,
    guard: Guard,
    (bytes, digests): (u64, &Digests),
    part: &Part,
) -> Result<Option<StorageError>, StorageError> {
    // Bytes that have the checksum that is wanted are right, whatever they look like.
    if expect.checksum.as_ref().is_some_and(|expected| digests.matches(expected)) {
        let size = expect.size.filter(|size| *size != bytes);
        return Ok(size.map(|expected| StorageError::Size { at: from.shown(), expected, found: bytes }));
    }
    if let Err(error) = guard.check(from, &part.head().await?) {
        return Ok(Some(error));
    }
    if let Some(expected) = expect.size.filter(|e| *e != bytes) {
        return Ok(Some(StorageError::Size { at: from.shown(), expected, found: bytes }));
    }
    if let Some(expected) = &expect.checksum {
        let (expected, found) = (expected.to_string(), digests.like(expected).to_string());
        return Ok(Some(StorageError::Checksum { at: from.shown(), expected, found }));
    }
    if !part.ends_as(expect.content).await? {
        return Ok(Some(StorageError::Content { at: from.shown(), expected: expect.content, excerpt: None }));
    }
    Ok(None)
}

/// What tells a server which version we have: a strong entity tag, else a date that no later version has.
pub(crate) fn validator(version: &Meta) -> Option<&str> {
    let strong = version.etag.as_deref().filter(|tag| tag.starts_with('"'));
    strong.or(version.last_modified.as_deref().filter(|_| version.date_is_strong))
}

/// Whether two answers tell that they are about different versions; what only one tells says nothing.
/// Tags are compared weakly (RFC 9110, section 8.8.3.2): Apache calls that of a file weak until its last change is
/// more than a second ago, and the same tag strong from then on.
pub(crate) fn differ(a: &Meta, b: &Meta) -> bool {
    fn other<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
        a.zip(b).is_some_and(|(a, b)| a != b)
    }
    other(a.size.as_ref(), b.size.as_ref())
        || other(a.etag.as_deref().map(opaque).as_ref(), b.etag.as_deref().map(opaque).as_ref())
        || other(a.last_modified.as_ref(), b.last_modified.as_ref())
}

/// An entity tag without the mark of a weak one.
pub(crate) fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The source's version; none if it doesn't answer and needn't, since it is known what the bytes are.
pub(crate) async fn version_of(
    http: &Http,
    source: &Store<'_>,
    expect: &Expectation,
) -> Result<Option<Meta>, StorageError> {
    let known = expect.size.is_some() || expect.checksum.is_some();
    match source {
        Store::Local(local, path) if known => Ok(local.head(path).await.ok()),
        Store::Local(local, path) => local.head(path).await.map(Some),
        remote if known => Ok(http.glance(&remote.get()?).await),
        remote => http.head(&remote.get()?).await.map(Some),
    }
}

async fn digests_of(path: &Path, expect: &Expectation) -> Result<Digests, StorageError> {
    let path = path.to_owned();
    let function = expect.checksum.as_ref().map(Checksum::function);
    blocking(move || {
        let io = |e| StorageError::io(&path, "read it", e);
        let mut hashing = Hashing::new(function);
        hashing.read(&mut open_file(&path)?).map_err(io)?;
        Ok(hashing.finish())
    })
    .await
}

/// The size of the file at a path, if anything is there.
fn size_of(path: &Path) -> Result<Option<u64>, StorageError> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => Ok(Some(meta.len())),
        Ok(_) => {
            let what = "it is a folder or a device".to_owned();
            Err(StorageError::Occupied { at: path.display().to_string(), what })
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StorageError::io(path, "look at it", e)),
    }
}

/// Whether a checksum tells if a file of `size` bytes is what is wanted; without one, only the source's bytes do: a
/// size and a date are no proof, since others make room for a file before they fill it.
///
/// # Errors
/// The source's size, if that is another.
pub(crate) fn adoptable(expect: &Expectation, size: u64, source: Option<&Meta>) -> Result<bool, u64> {
    let other = source.and_then(|source| source.size).filter(|other| *other != size);
    match other.filter(|_| expect.size.is_none() && expect.checksum.is_none()) {
        Some(other) => Err(other),
        None => Ok(expect.checksum.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_becomes_strong_is_of_the_same_version() {
        let meta = |etag: &str| Meta { etag: Some(etag.to_owned()), ..Meta::default() };
        assert!(!differ(&meta("W/\"1-2\""), &meta("\"1-2\"")));
        assert!(differ(&meta("W/\"1-2\""), &meta("\"1-3\"")));
        assert!(!differ(&meta("\"1\""), &Meta::default()));
    }
}
