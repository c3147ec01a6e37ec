//! The bytes of a source, in order, verified as they pass.

use crate::checksum::{Checksum, Digests, Function, Hashing};
use crate::content::{ENOUGH, Guard};
use crate::deadline::Deadline;
use crate::digest_header::of_whole;
use crate::http::{Answer, Failure, Http, Request, Retry};
use crate::local::{blocking, modified, open_file};
use crate::progress::Progress;
use crate::store::{Meta, Store};
use crate::transfer::{Expectation, validator};
use crate::{Location, StorageError};
use bytes::{Bytes, BytesMut};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// How much of a local file is read at once: 256 KiB.
const PIECE: usize = 256 << 10;

/// A source that is read to its end, once.
pub(crate) struct Reader<'a> {
    from: &'a Location,
    expect: &'a Expectation,
    progress: &'a dyn Progress,
    http: &'a Http,
    origin: Origin<'a>,
    /// Its version, as it was when reading began.
    pub(crate) version: Meta,
    length: u64,
    ended: bool,
    hashing: Hashing,
    /// What the server says that the whole digests to.
    claimed: Option<Checksum>,
    deadline: Deadline,
    guard: Guard,
    head: Vec<u8>,
    tail: Vec<u8>,
    /// What was read and did not fit where it was to go.
    spare: Bytes,
}

/// Where the bytes come from.
#[expect(clippy::large_enum_variant, reason = "there is one a transfer")]
enum Origin<'a> {
    Local { file: Arc<File>, path: PathBuf, modified: Option<SystemTime> },
    Remote { get: Request, answer: Option<Answer>, retry: Retry<'a> },
}

/// A source that was read to its end, and was as expected.
pub(crate) struct Verified {
    pub(crate) bytes: u64,
    pub(crate) digests: Digests,
    pub(crate) version: Meta,
}

impl<'a> Reader<'a> {
    /// Opens a source; `functions` are digested besides what is expected.
    pub(crate) async fn open(
        http: &'a Http,
        source: &Store<'_>,
        from: &'a Location,
        expect: &'a Expectation,
        progress: &'a dyn Progress,
        functions: &[Function],
    ) -> Result<Self, StorageError> {
        let (origin, version) = match source {
            Store::Local(_, path) => {
                let opened = path.to_path_buf();
                blocking(move || {
                    let file = open_file(&opened)?;
                    let meta = file.metadata().map_err(|e| StorageError::io(&opened, "look at it", e))?;
                    let modified = meta.modified().ok();
                    let version = Meta::of_local(meta.len(), modified);
                    Ok((Origin::Local { file: Arc::new(file), path: opened, modified }, version))
                })
                .await?
            }
            remote => {
                let (get, mut retry) = (remote.get_whole()?, Retry::new(http.settings()));
                let answer = loop {
                    match first(http, &get).await {
                        Ok(answer) => break answer,
                        Err(failure) => retry.pause(failure, &from.shown()).await?,
                    }
                };
                let version = Meta::of(&answer.headers, answer.headers.content_length());
                (Origin::Remote { get, answer: Some(answer), retry }, version)
            }
        };
        progress.started(version.size.or(expect.size));
        let expected = expect.checksum.as_ref().map(Checksum::function);
        let hashing = Hashing::new(expected.into_iter().chain(functions.iter().copied()));
        let (head, tail) = (Vec::new(), Vec::new());
        Ok(Self {
            from,
            expect,
            progress,
            http,
            origin,
            version,
            length: 0,
            ended: false,
            hashing,
            claimed: None,
            deadline: Deadline::NONE,
            guard: Guard::of(expect.content),
            head,
            tail,
            spare: Bytes::new(),
        })
    }

    /// The same, not to be taken for what its name and its server say that it is not, and to be as its server says if
    /// nobody else does. To be called before it is read.
    pub(crate) fn guarded(mut self) -> Self {
        self.guard = Guard::of_source(self.from, self.expect.content);
        if let Origin::Remote { answer: Some(answer), get, .. } = &self.origin {
            self.guard.hear(&answer.headers);
            if self.expect.checksum.is_none() {
                self.claimed = of_whole(&answer.headers, answer.status, get.wants_digest());
                self.claimed.iter().for_each(|claimed| self.hashing.also(claimed.function()));
            }
        }
        self
    }

    /// The same, to be read by then.
    pub(crate) fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        if self.ended {
            return Ok(None);
        }
        let Some(piece) = self.deadline.keeps(self.from, self.raw()).await? else {
            self.ended = true;
            return Ok(None);
        };
        if self.head.len() < ENOUGH {
            self.head.extend_from_slice(&piece[..piece.len().min(1024)]);
            if self.head.len() >= ENOUGH && self.expect.checksum.is_none() {
                self.guard.check(self.from, &self.head)?;
            }
        }
        let most = self.expect.content.tail();
        if most > 0 {
            self.tail.extend_from_slice(&piece[piece.len().saturating_sub(most)..]);
            let spare = self.tail.len().saturating_sub(most);
            self.tail.drain(..spare);
        }
        self.length += piece.len() as u64;
        if let Some(expected) = self.expect.size.filter(|e| self.length > *e) {
            let found = self.version.size.unwrap_or(self.length);
            return Err(StorageError::Size { at: self.from.shown(), expected, found });
        }
        self.http.count(piece.len() as u64, self.from)?;
        self.hashing.update(&piece);
        self.progress.advanced(piece.len() as u64);
        Ok(Some(piece))
    }

    /// The next `size` bytes in one piece, fewer only at the end.
    pub(crate) async fn take(&mut self, size: usize) -> Result<Bytes, StorageError> {
        let left = self.version.size.map(|all| all.saturating_sub(self.length) + self.spare.len() as u64);
        let left = left.map_or(size, |left| usize::try_from(left).unwrap_or(size));
        let mut taken = BytesMut::with_capacity(size.min(left));
        while taken.len() < size {
            if self.spare.is_empty() {
                match self.next().await? {
                    Some(piece) => self.spare = piece,
                    None => break,
                }
            }
            taken.extend_from_slice(&self.spare.split_to(self.spare.len().min(size - taken.len())));
        }
        Ok(taken.freeze())
    }

    /// Checks what was read, to the end, against what is expected.
    pub(crate) fn finish(self) -> Result<Verified, StorageError> {
        let (at, bytes) = (self.from.shown(), self.length);
        let digests = self.hashing.finish();
        // Bytes that have the checksum that is wanted are right, whatever they look like.
        let is_known = self.expect.checksum.as_ref().is_some_and(|expected| digests.matches(expected));
        if !is_known {
            self.guard.check(self.from, &self.head)?;
        }
        if let Some(expected) = self.expect.size.filter(|e| *e != bytes) {
            return Err(StorageError::Size { at, expected, found: bytes });
        }
        if let Some(expected) = self.expect.checksum.as_ref().filter(|e| !digests.matches(e)) {
            let (expected, found) = (expected.to_string(), digests.like(expected).to_string());
            return Err(StorageError::Checksum { at, expected, found });
        }
        digests.agree(self.claimed.as_ref(), self.from.shown())?;
        if !is_known && !self.expect.content.ends_with(&self.tail) {
            return Err(StorageError::Content { at, expected: self.expect.content, excerpt: None });
        }
        if let Origin::Local { path, modified: before, .. } = &self.origin
            && (modified(path) != *before || self.version.size != Some(bytes))
        {
            return Err(StorageError::Changed { at });
        }
        Ok(Verified { bytes, digests, version: self.version })
    }

    async fn raw(&mut self) -> Result<Option<Bytes>, StorageError> {
        match &mut self.origin {
            Origin::Local { file, path, .. } => {
                let (file, path) = (Arc::clone(file), path.clone());
                blocking(move || {
                    let mut piece = Vec::with_capacity(PIECE);
                    let read = (&*file).take(PIECE as u64).read_to_end(&mut piece);
                    read.map_err(|e| StorageError::io(&path, "read it", e))?;
                    Ok((!piece.is_empty()).then(|| piece.into()))
                })
                .await
            }
            Origin::Remote { get, answer, retry } => loop {
                let at = self.from.shown();
                let failure: Failure = match answer {
                    None => match rest(self.http, get, &self.version, self.length, &at).await {
                        Ok(again) => {
                            *answer = Some(again);
                            continue;
                        }
                        Err(failure) => failure,
                    },
                    Some(open) => match open.chunk().await {
                        Ok(Some(piece)) if piece.is_empty() => continue,
                        Ok(Some(piece)) => {
                            retry.progressed();
                            return Ok(Some(piece));
                        }
                        // A server that promised no length may have ended early.
                        Ok(None)
                            if self.version.size.or(self.expect.size).is_none_or(|s| s <= self.length) =>
                        {
                            *answer = None;
                            return Ok(None);
                        }
                        Ok(None) => ended_early(&at).into(),
                        Err(error) => error.into(),
                    },
                };
                *answer = None;
                if self.length > 0 && validator(&self.version).is_none() && failure.error.retryable() {
                    return Err(StorageError::Unversioned { at, source: Box::new(failure.error) });
                }
                retry.pause(failure, &at).await?;
            },
        }
    }
}

/// The beginning of a file.
async fn first(http: &Http, get: &Request) -> Result<Answer, Failure> {
    let answer = http.attempt(get).await?;
    match answer.status {
        200 => Ok(answer),
        201..=299 => {
            let what = format!("answered HTTP {} where a file was asked for", answer.status);
            Err(StorageError::Protocol { at: crate::secret::shown(&get.url), what }.into())
        }
        _ => Err(http.refused(answer).await),
    }
}

/// A file from a byte on, if it is still the same. Without a version only from its start.
async fn rest(http: &Http, get: &Request, version: &Meta, from: u64, at: &str) -> Result<Answer, Failure> {
    let changed = || Failure::from(StorageError::Changed { at: at.to_owned() });
    let Some(validator) = validator(version) else {
        return first(http, get).await;
    };
    let request = get.clone().header("range", &format!("bytes={from}-")).header("if-range", validator);
    let answer = http.attempt(&request).await?;
    match answer.status {
        206 => {
            let span = answer.headers.content_range();
            let same_size = span
                .is_some_and(|(_, total)| total.is_none() || version.size.is_none() || total == version.size);
            if span.is_none_or(|(first, _)| first != from) || !same_size {
                return Err(changed());
            }
            Ok(answer)
        }
        200 => Err(changed()),
        _ => Err(http.refused(answer).await),
    }
}

fn ended_early(at: &str) -> StorageError {
    let what = "the answer ended early";
    StorageError::Network { at: at.to_owned(), what, retryable: true, source: None }
}
