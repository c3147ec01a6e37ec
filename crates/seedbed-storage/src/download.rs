//! A transfer's way over HTTP: in as many attempts as it takes, each from where the last one ended.

use crate::checksum::{Checksum, Digests, Hashing};
use crate::content::{ENOUGH, Guard};
use crate::digest_header::of_whole;
use crate::http::{Answer, Failure, Http, Method, Request, Retry};
use crate::part::{Part, Record, head_of};
use crate::pieces::{self, PIECE, Pieces};
use crate::progress::Progress;
use crate::store::Meta;
use crate::transfer::{Expectation, Gathered, Outcome, differ, validator, wrong};
use crate::{Location, StorageError};
use bytes::Bytes;
use tokio::sync::mpsc;

/// How much is gathered in memory before it is written. A file that is not larger leaves no record of its part.
const BUFFER: u64 = 1 << 20;

/// How much further than ever the attempts must have come for the retries to count afresh: enough that a server that
/// gives a few bytes a time does not keep us for ever, little beside the files it matters for.
pub(crate) const GOOD_WAY: u64 = 1 << 20;

/// The state of one download.
pub(crate) struct Download<'a> {
    http: &'a Http,
    get: Request,
    from: &'a Location,
    expect: &'a Expectation,
    progress: &'a dyn Progress,
    part: Part,
    /// What may not be at its beginning.
    guard: Guard,
    /// Which version the part holds the beginning of.
    version: Option<Meta>,
    /// What the server says that the whole digests to.
    claimed: Option<Checksum>,
    /// What it says so of a version when asked beforehand.
    foretold: Option<(Meta, Checksum)>,
    /// Whether the part still holds what was there before, and is to be emptied.
    begins: bool,
    /// Digest of what the part holds.
    hashing: Hashing,
    /// How many bytes it holds.
    length: u64,
    /// How many of them an earlier transfer left.
    inherited: u64,
    /// Whether the progress was told of the present count.
    told: bool,
    /// Whether several requests at once did not do: then one has to.
    alone: bool,
}

/// How far an attempt came that did not fail.
enum Reached {
    /// All bytes are at hand.
    End,
    /// Not there in this way: one request is to try.
    Nowhere,
}

/// How an attempt's answer goes on.
enum Start {
    /// With the bytes after those at hand.
    Here,
    /// It does not: all of them are at hand.
    Complete,
}

impl<'a> Download<'a> {
    /// Takes up what an earlier transfer of the same source left in the part.
    pub(crate) async fn new(
        http: &'a Http,
        get: Request,
        from: &'a Location,
        expect: &'a Expectation,
        progress: &'a dyn Progress,
        part: Part,
    ) -> Result<Self, StorageError> {
        let mut download = Self {
            http,
            get,
            from,
            expect,
            progress,
            part,
            guard: Guard::of_source(from, expect.content),
            version: None,
            claimed: None,
            foretold: None,
            begins: false,
            hashing: fresh(expect, None),
            length: 0,
            inherited: 0,
            told: false,
            alone: false,
        };
        let at_most = expect.size.unwrap_or(u64::MAX);
        let length = download.part.length()?;
        if length == 0 {
            return Ok(download);
        }
        let recorded = download.part.record().filter(|r| r.record.source == from.to_string());
        if let Some(recorded) = recorded.filter(|r| validator(&r.record.version).is_some())
            && length <= at_most.min(recorded.record.version.size.unwrap_or(u64::MAX))
        {
            let claimed = recorded.record.claimed.as_deref().and_then(|text| text.parse().ok());
            let (hashing, length) = download.part.resume(fresh(expect, claimed.as_ref()), &recorded).await?;
            if length > 0 {
                download.hashing = hashing;
                download.length = length;
                download.inherited = length;
                download.claimed = claimed;
                download.version = Some(recorded.record.version);
            }
        }
        Ok(download)
    }

    /// Gathers the bytes and verifies them.
    pub(crate) async fn run(mut self) -> Result<Gathered, StorageError> {
        let mut retry = Retry::new(self.http.settings());
        let mut second_time = false;
        let mut furthest = self.length;
        loop {
            match self.attempt().await {
                Ok(Reached::Nowhere) => {}
                Ok(Reached::End) => {
                    let digests = std::mem::replace(&mut self.hashing, fresh(self.expect, None)).finish();
                    match self.wrong(&digests).await? {
                        None => return Ok(self.gathered(digests)),
                        // A proxy or a disk may have spoilt them on the way: once more from the start.
                        Some(error) if !second_time && error.spoilt() => {
                            tracing::debug!(error = %error, "reading it again from the start");
                            second_time = true;
                            self.alone = true;
                            self.forget();
                        }
                        Some(error) => return self.fail(error).await,
                    }
                }
                Err(failure) => {
                    if self.length >= furthest.saturating_add(GOOD_WAY) {
                        retry.progressed();
                        furthest = self.length;
                    }
                    if let Err(error) = retry.pause(failure, &self.from.shown()).await {
                        return self.fail(error).await;
                    }
                }
            }
        }
    }

    /// How the bytes are not what is expected, or not what their server says, if so.
    async fn wrong(&self, digests: &Digests) -> Result<Option<StorageError>, StorageError> {
        let gathered = (self.length, digests);
        let wrong = wrong(self.from, self.expect, self.guard, gathered, &self.part).await?;
        let claimed = self.claimed.as_ref().filter(|_| self.expect.checksum.is_none());
        Ok(wrong.or_else(|| digests.agree(claimed, self.from.shown()).err()))
    }

    /// One request from where the part ends, or several where the file is large.
    async fn attempt(&mut self) -> Result<Reached, Failure> {
        let mut request = self.get.clone();
        let mut opens = false;
        match self.version.as_ref().and_then(validator).filter(|_| self.length > 0) {
            Some(_) if self.pieces().is_some() => {
                self.tell(self.version.as_ref().and_then(|v| v.size));
                return self.together(None).await;
            }
            Some(validator) => {
                let range = format!("bytes={}-", self.length);
                request = request.header("range", &range).header("if-range", validator);
            }
            None => {
                self.forget();
                opens = !self.alone && self.expect.size.is_some_and(|size| pieces::large(self.http, size));
            }
        }
        if opens {
            self.foretold = self.foretell().await;
            request = request.header("range", &format!("bytes=0-{}", PIECE - 1));
        }
        let answer = self.http.attempt(&request).await?;
        if opens && answer.status != 200 {
            return self.opened(answer).await;
        }
        let has_ranges = answer.headers.get("accept-ranges").is_some_and(|unit| unit.trim() == "bytes");
        match self.start(answer).await? {
            (Start::Here, Some(answer)) if !opens && has_ranges && self.pieces().is_some() => {
                self.together(Some(answer)).await
            }
            (Start::Here, Some(answer)) => self.stream(answer).await.map(|()| Reached::End),
            _ => Ok(Reached::End),
        }
    }

    /// The file in pieces, if that may be tried.
    fn pieces(&self) -> Option<Pieces<'a>> {
        let version = self.version.as_ref().filter(|_| !self.alone)?;
        let expected = self.expect.size.is_none_or(|expected| version.size == Some(expected));
        Pieces::of(self.http, &self.get, self.from, version).filter(move |_| expected)
    }

    /// Looks at what came where the first piece of a file was asked for, with no knowledge of its version.
    async fn opened(&mut self, answer: Answer) -> Result<Reached, Failure> {
        if answer.status == 206 {
            let span = answer.headers.content_range();
            let version = Meta::of(&answer.headers, span.and_then(|(_, total)| total));
            self.begin(version, &answer);
            if span.is_some_and(|(first, _)| first == 0) && self.pieces().is_some() {
                return self.together(Some(answer)).await;
            }
        } else if !matches!(answer.status, 400 | 403 | 405 | 416 | 501) {
            return Err(self.http.refused(answer).await);
        }
        // It may still give the file to those who ask for the whole.
        self.alone = true;
        self.forget();
        Ok(Reached::Nowhere)
    }

    /// Gathers the rest by several requests at once; `open` is an answer that starts where the part ends.
    async fn together(&mut self, open: Option<Answer>) -> Result<Reached, Failure> {
        let Some(pieces) = self.pieces() else { return Ok(Reached::Nowhere) };
        let (sender, mut arrived) = mpsc::channel(1);
        let start = self.length;
        let fetch = async { Ok(pieces.fetch(start, open, sender).await) };
        // What has arrived is written also if nothing more does: the digest is never apart from the part.
        let keep = async {
            while let Some(piece) = arrived.recv().await {
                let before = self.length;
                self.write(vec![piece.into()], false).await?;
                self.progress.advanced(self.length - before);
            }
            Ok::<(), StorageError>(())
        };
        match tokio::try_join!(fetch, keep)?.0 {
            Ok(()) => Ok(Reached::End),
            Err(error @ StorageError::Limit { .. }) => Err(error.into()),
            Err(error) => {
                tracing::debug!(error = %error, "no more in pieces; going on with one request");
                self.alone = true;
                Ok(Reached::Nowhere)
            }
        }
    }

    /// Looks at what the server made of the request.
    async fn start(&mut self, answer: Answer) -> Result<(Start, Option<Answer>), Failure> {
        let resuming = self.length > 0;
        match answer.status {
            206 if resuming => {
                self.continues(&answer)?;
                Ok((Start::Here, Some(answer)))
            }
            416 if resuming => {
                let total = answer.headers.unsatisfied_total();
                if total == Some(self.length) && self.expect.size.is_none_or(|s| s == self.length) {
                    self.tell(total);
                    return Ok((Start::Complete, None));
                }
                self.forget();
                Err(self.broken("the rest of the file is refused").into())
            }
            // The whole file: no range was asked for, or it is ignored, or the source has changed.
            200 => {
                self.begin(Meta::of(&answer.headers, answer.headers.content_length()), &answer);
                Ok((Start::Here, Some(answer)))
            }
            status @ 201..=299 => {
                let what = format!("answered HTTP {status} where a file was asked for");
                Err(StorageError::Protocol { at: self.from.shown(), what }.into())
            }
            _ => Err(self.http.refused(answer).await),
        }
    }

    /// Starts with nothing of this version.
    fn begin(&mut self, version: Meta, answer: &Answer) {
        self.forget();
        self.guard.hear(&answer.headers);
        let foretold = self.foretold.take().filter(|(before, _)| !differ(before, &version));
        self.claimed = self.claims(answer).or(foretold.map(|(_, claimed)| claimed));
        self.hashing = fresh(self.expect, self.claimed.as_ref());
        self.tell(version.size.or(self.expect.size));
        self.version = Some(version);
        self.begins = true;
    }

    /// Checks that a partial answer is the rest of what the part holds the beginning of.
    fn continues(&mut self, answer: &Answer) -> Result<(), Failure> {
        let Some((first, total)) = answer.headers.content_range() else {
            self.forget();
            return Err(self.broken("a part came without saying which").into());
        };
        if first != self.length {
            self.forget();
            return Err(self.broken("another part came than was asked for").into());
        }
        let known = self.version.clone().unwrap_or_default();
        let now = Meta::of(&answer.headers, total);
        if differ(&known, &now) {
            self.forget();
            return Err(StorageError::Changed { at: self.from.shown() }.into());
        }
        self.guard.hear(&answer.headers);
        self.claimed = self.claimed.take().or_else(|| self.claims(answer));
        self.version = Some(Meta { size: known.size.or(now.size), ..known });
        self.tell(now.size.or(known.size));
        Ok(())
    }

    /// What an S3 service has as the whole's checksum: with a part of it, it tells none.
    async fn foretell(&self) -> Option<(Meta, Checksum)> {
        if !self.get.wants_checksum() || self.expect.checksum.is_some() {
            return None;
        }
        let head = Request { method: Method::Head, ..self.get.clone() };
        let answer = self.http.attempt(&head).await.ok()?;
        let claimed = of_whole(&answer.headers, answer.status, false)?;
        Some((Meta::of(&answer.headers, answer.headers.content_length()), claimed))
    }

    fn claims(&self, answer: &Answer) -> Option<Checksum> {
        of_whole(&answer.headers, answer.status, self.get.wants_digest())
    }

    /// Takes in the body.
    async fn stream(&mut self, mut answer: Answer) -> Result<(), Failure> {
        let promised = self.version.as_ref().and_then(|v| v.size);
        let (mut gathered, mut size) = (Vec::new(), 0);
        let broken = loop {
            match answer.chunk().await {
                Ok(Some(piece)) => {
                    if let Err(limit) = self.http.count(piece.len() as u64, self.from) {
                        break Some(limit);
                    }
                    self.progress.advanced(piece.len() as u64);
                    if size + piece.len() as u64 > BUFFER && size > 0 {
                        self.write(std::mem::take(&mut gathered), false).await?;
                        size = 0;
                    }
                    size += piece.len() as u64;
                    gathered.push(piece);
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        drop(answer);
        // A server that promised no length, or another one, may have ended early; one that kept its
        // promise has a file that is not the expected one, which the verification will say.
        let whole = self.length + size >= promised.or(self.expect.size).unwrap_or(0);
        if broken.is_none() || size > 0 {
            self.write(gathered, whole && broken.is_none()).await?;
        }
        match broken {
            Some(error) => Err(error.into()),
            None if !whole => Err(self.broken("the answer ended early").into()),
            None => Ok(()),
        }
    }

    /// Writes what was gathered, the last of it or not.
    async fn write(&mut self, pieces: Vec<Bytes>, last: bool) -> Result<(), StorageError> {
        if self.length == 0 {
            let head = head_of(&pieces);
            if head.len() >= ENOUGH && self.expect.checksum.is_none() {
                self.guard.check(self.from, &head)?;
            }
        }
        let length = self.length + pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        if let Some(expected) = self.expect.size.filter(|e| length > *e) {
            let found = self.version.as_ref().and_then(|v| v.size).unwrap_or(length);
            return Err(StorageError::Size { at: self.from.shown(), expected, found });
        }
        let hashing = std::mem::replace(&mut self.hashing, fresh(self.expect, None));
        self.hashing = if self.begins {
            let version = self.version.clone().unwrap_or_default();
            // What is whole at once will not be resumed.
            let claimed = self.claimed.as_ref().map(ToString::to_string);
            let record = (!last).then(|| Record { source: self.from.to_string(), version, claimed });
            self.part.start(record.as_ref(), hashing, pieces).await?
        } else {
            self.part.append(hashing, pieces, self.length).await?
        };
        self.begins = false;
        self.length = length;
        Ok(())
    }

    fn gathered(self, digests: Digests) -> Gathered {
        let outcome = if self.inherited > 0 { Outcome::Resumed } else { Outcome::Copied };
        let version = self.version.unwrap_or_default();
        Gathered { part: self.part, bytes: self.length, digests, version, outcome }
    }

    /// Ends for good. A part that can be resumed stays.
    async fn fail(self, error: StorageError) -> Result<Gathered, StorageError> {
        let resumable = self.version.as_ref().is_some_and(|v| validator(v).is_some()) && self.length > 0;
        let good = error.retryable()
            || matches!(
                error,
                StorageError::Full { .. }
                    | StorageError::Denied { .. }
                    | StorageError::Limit { .. }
                    | StorageError::Credential { .. }
            );
        if !(resumable && good) {
            self.part.discard().await?;
        }
        Err(error)
    }

    /// What the part holds is of no use: the next attempt asks for the whole.
    fn forget(&mut self) {
        self.claimed = None;
        self.hashing = fresh(self.expect, None);
        self.length = 0;
        self.inherited = 0;
        self.version = None;
        self.begins = false;
        self.told = false;
    }

    /// Tells the progress, once a count, what the count is about.
    fn tell(&mut self, total: Option<u64>) {
        if !self.told {
            self.told = true;
            self.progress.started(total);
            if self.length > 0 {
                self.progress.advanced(self.length);
            }
        }
    }

    fn broken(&self, what: &'static str) -> StorageError {
        StorageError::Network { at: self.from.shown(), what, retryable: true, source: None }
    }
}

/// A digest of nothing yet, by what is expected, or by what the server claims.
fn fresh(expect: &Expectation, claimed: Option<&Checksum>) -> Hashing {
    Hashing::new(expect.checksum.as_ref().or(claimed).map(Checksum::function))
}
