//! The rest of a large file, in several requests at once.
//!
//! A file's pieces are asked for in order, a few at a time, and handed on in order: what is written is a plain beginning
//! of the file at any moment, as with one request, and memory is bounded by the pieces that are under way.
//! Whatever a server does with ranges that it should not ends this way, and the one request is left to try.

use crate::download::GOOD_WAY;
use crate::http::{Answer, Failure, Http, Request, Retry};
use crate::store::Meta;
use crate::transfer::{differ, validator};
use crate::{Location, StorageError};
use futures::stream::{FuturesOrdered, StreamExt};
use std::collections::VecDeque;
use std::ops::Range;
use tokio::sync::mpsc::Sender;

/// How large a piece is, the last one aside: enough that asking costs little beside it.
pub(crate) const PIECE: u64 = 4 << 20;

/// A file that is fetched in pieces.
pub(crate) struct Pieces<'a> {
    http: &'a Http,
    get: Request,
    from: &'a Location,
    version: Meta,
    validator: String,
    size: u64,
}

impl<'a> Pieces<'a> {
    /// The pieces of this version of a file; none if it is not large, or can't be told from other versions.
    pub(crate) fn of(http: &'a Http, get: &Request, from: &'a Location, version: &Meta) -> Option<Self> {
        let size = version.size.filter(|size| large(http, *size))?;
        let validator = validator(version)?.to_owned();
        Some(Self { http, get: get.clone(), from, version: version.clone(), validator, size })
    }

    /// Hands on the pieces from byte `start` on, the first of them out of `open` if that is given: an answer that
    /// starts there. Ends when all are handed on, nobody takes them any more, or one can't be had; then with the error.
    pub(crate) async fn fetch(
        &self,
        start: u64,
        open: Option<Answer>,
        to: Sender<Vec<u8>>,
    ) -> Result<(), StorageError> {
        let (mut open, mut next) = (open, start);
        let (mut asked, mut arrived) = (FuturesOrdered::new(), VecDeque::new());
        loop {
            while next < self.size && asked.len() + arrived.len() < self.http.settings().streams_per_file {
                let end = self.size.min(next + PIECE);
                asked.push_back(self.piece(next..end, open.take()));
                next = end;
            }
            tokio::select! {
                Some(piece) = asked.next() => match piece {
                    Ok(piece) => arrived.push_back(piece),
                    Err(error) => {
                        for piece in arrived {
                            if to.send(piece).await.is_err() {
                                break;
                            }
                        }
                        return Err(error);
                    }
                },
                // Those that are under way go on while the first is waiting to be written.
                Ok(place) = to.reserve(), if !arrived.is_empty() => {
                    if let Some(piece) = arrived.pop_front() {
                        place.send(piece);
                    }
                }
                else => return Ok(()),
            }
        }
    }

    /// One piece, in as many attempts as it takes.
    async fn piece(&self, range: Range<u64>, open: Option<Answer>) -> Result<Vec<u8>, StorageError> {
        let size = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut open = open;
        let mut bytes = Vec::with_capacity(size);
        let mut retry = Retry::new(self.http.settings());
        while bytes.len() < size {
            let before = bytes.len();
            let rest = range.start + before as u64..range.end;
            if let Err(failure) = self.fill(&mut bytes, rest, open.take()).await {
                if (bytes.len() - before) as u64 >= GOOD_WAY {
                    retry.progressed();
                }
                retry.pause(failure, &self.from.shown()).await?;
            }
        }
        Ok(bytes)
    }

    /// Adds the bytes of a range, or a beginning of them.
    async fn fill(
        &self,
        bytes: &mut Vec<u8>,
        range: Range<u64>,
        open: Option<Answer>,
    ) -> Result<(), Failure> {
        let mut answer = match open {
            Some(answer) => answer,
            None => self.ask(&range).await?,
        };
        let whole = answer.status == 200;
        let promised = if whole { range.end } else { self.promised(&answer, &range)? };
        let mut left = usize::try_from(promised - range.start).unwrap_or(usize::MAX);
        while let Some(chunk) = answer.chunk().await? {
            self.http.count(chunk.len() as u64, self.from)?;
            if chunk.len() > left && !whole {
                return Err(self.lie("more bytes came than the range has").into());
            }
            let taken = chunk.len().min(left);
            bytes.extend_from_slice(&chunk[..taken]);
            left -= taken;
            if left == 0 && whole {
                return Ok(());
            }
        }
        match left {
            0 => Ok(()),
            _ => Err(self.lie("fewer bytes came than the range has").into()),
        }
    }

    async fn ask(&self, range: &Range<u64>) -> Result<Answer, Failure> {
        let span = format!("bytes={}-{}", range.start, range.end - 1);
        let request = self.get.clone().header("range", &span).header("if-range", &self.validator);
        let answer = self.http.attempt(&request).await?;
        match answer.status {
            206 => Ok(answer),
            200 => Err(self.lie("the whole file came where a part was asked for").into()),
            _ => Err(self.http.refused(answer).await),
        }
    }

    /// Where a partial answer ends, exclusively: it may be shorter than what was asked for, but nothing else.
    fn promised(&self, answer: &Answer, range: &Range<u64>) -> Result<u64, StorageError> {
        let span = answer.headers.content_range().zip(answer.headers.content_range_last());
        let Some(((first, total), last)) = span else {
            return Err(self.lie("a part came without saying which"));
        };
        if first != range.start || last < first || last >= range.end || total.is_some_and(|t| t != self.size)
        {
            return Err(self.lie("another part came than was asked for"));
        }
        if differ(&self.version, &Meta::of(&answer.headers, total)) {
            return Err(self.lie("a part of another version came"));
        }
        Ok(last + 1)
    }

    /// A failure that asking again for parts would not mend.
    fn lie(&self, what: &str) -> StorageError {
        StorageError::Protocol { at: self.from.shown(), what: what.to_owned() }
    }
}

/// Whether a file of this size is worth several requests.
pub(crate) fn large(http: &Http, size: u64) -> bool {
    let settings = http.settings();
    settings.streams_per_file > 1 && size >= settings.ranged_from.max(PIECE + 1)
}
