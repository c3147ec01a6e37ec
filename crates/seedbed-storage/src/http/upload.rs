//! Sending a body that is too large to hold.
//!
//! A dCache door names the pool that takes a file only as long as no byte of it has come. So the body waits for the
//! door's word: a redirect, or a while without one, after which the door itself takes it.

use super::answer::{Answer, network, silent};
use super::{Failure, Http, Method, Request};
use crate::http::Headers;
use crate::{StorageError, secret};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Sleep;

/// How long a door may think about where a file should go.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many pieces wait to be sent.
const WAITING: usize = 4;

/// Where the pieces of a body are put.
pub(crate) struct Feed(mpsc::Sender<Bytes>);

/// The pieces of a body: taken by one request, or, if that one was redirected before it took any, by the next.
#[derive(Clone)]
pub(crate) struct Pieces {
    from: Arc<Mutex<mpsc::Receiver<Bytes>>>,
    size: Option<u64>,
    taken: Arc<AtomicU64>,
}

/// The body of one request.
struct Sent {
    pieces: Pieces,
    /// Until when it waits; none if it need not.
    waits: Option<Pin<Box<Sleep>>>,
    /// Set once it must not be sent any more.
    over: Arc<AtomicBool>,
}

/// What a server said of a body that it took.
pub(crate) struct Taken {
    pub(crate) headers: Headers,
    /// Whether another host than the one first asked took it.
    pub(crate) elsewhere: bool,
}

impl Feed {
    /// A feed for a body of `size` bytes, where that is known.
    pub(crate) fn new(size: Option<u64>) -> (Self, Pieces) {
        let (to, from) = mpsc::channel(WAITING);
        (Self(to), Pieces { from: Arc::new(Mutex::new(from)), size, taken: Arc::default() })
    }

    /// Waits until there is room for a piece; false if nobody will take it.
    pub(crate) async fn put(&self, piece: Bytes) -> bool {
        self.0.send(piece).await.is_ok()
    }
}

impl Pieces {
    /// No more is taken: who feeds them may stop.
    pub(crate) fn close(&self) {
        self.from.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

impl Http {
    /// One attempt to PUT a body. `asks`: whether the server may name another place for it first.
    pub(crate) async fn send(
        &self,
        request: &Request,
        pieces: &Pieces,
        asks: bool,
    ) -> Result<Taken, Failure> {
        let home = request.url.origin();
        let mut url = request.url.clone();
        let mut hops = 0;
        loop {
            let elsewhere = url.origin() != home;
            // What has no bytes has nothing to hold back.
            let waits = asks && !elsewhere && pieces.size != Some(0);
            let answer = self.send_to(request, &url, pieces, waits, elsewhere).await?;
            if (200..300).contains(&answer.status) {
                return Ok(Taken { headers: answer.headers.clone(), elsewhere });
            }
            let moved = request.identity.as_deref().and_then(|i| i.moved(&url, &answer.headers));
            let next = match moved {
                Some(next) => next,
                None => match answer.redirect()? {
                    Some(next) => next,
                    None => return Err(self.refused(answer).await),
                },
            };
            hops += 1;
            if hops > self.settings.max_redirects {
                let what = format!("more than {} redirects", self.settings.max_redirects);
                return Err(StorageError::Redirect { at: secret::shown(&request.url), what }.into());
            }
            if pieces.taken.load(Ordering::SeqCst) > 0 {
                let (at, what) = (secret::shown(&url), "redirected in the middle of a file");
                return Err(StorageError::Network { at, what, retryable: true, source: None }.into());
            }
            url = next;
        }
    }

    /// One exchange with one host.
    async fn send_to(
        &self,
        request: &Request,
        url: &url::Url,
        pieces: &Pieces,
        waits: bool,
        elsewhere: bool,
    ) -> Result<Answer, StorageError> {
        let at = secret::shown(url);
        let client = self.client(url, request.identity.as_deref())?;
        let (mut permit, grant) = self.admitted(request, url, true).await?;
        let signed = request.signed(&grant, Method::Put, url);
        let mut headers = self.headers(request, url, &request.url.origin())?;
        if waits {
            headers.insert("expect", reqwest::header::HeaderValue::from_static("100-continue"));
        }
        if pieces.size == Some(0) {
            // Nothing else would say that no body comes.
            headers.insert("content-length", reqwest::header::HeaderValue::from_static("0"));
        }
        if elsewhere {
            // A pool takes no header about the content but its length.
            headers.remove("content-type");
        }
        let over = Arc::new(AtomicBool::new(false));
        let body = Sent {
            pieces: pieces.clone(),
            waits: waits.then(|| Box::pin(tokio::time::sleep(PATIENCE))),
            over: Arc::clone(&over),
        };
        let builder = client.put(signed).headers(headers).body(reqwest::Body::wrap(body));
        let mut sending = std::pin::pin!(builder.send());
        let stall = self.settings.stall_timeout.max(2 * PATIENCE);
        let mut before = u64::MAX;
        let sent = loop {
            tokio::select! {
                sent = &mut sending => break sent,
                () = tokio::time::sleep(stall) => {
                    let now = pieces.taken.load(Ordering::SeqCst);
                    if now == before {
                        over.store(true, Ordering::SeqCst);
                        return Err(silent(&at));
                    }
                    before = now;
                }
            }
        };
        over.store(true, Ordering::SeqCst);
        let response = sent.map_err(|e| network(&at, e))?;
        let (status, headers) = (response.status().as_u16(), Headers::of(response.headers()));
        permit.answered(status);
        let stall = self.settings.stall_timeout;
        let url = url.clone();
        Ok(Answer { url, status, headers, at, elsewhere, grant, response, stall, _permit: permit })
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(waits) = &mut self.waits {
            if waits.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.waits = None;
        }
        if self.over.load(Ordering::SeqCst) {
            return Poll::Ready(Some(Err(io::Error::other("the server has answered"))));
        }
        let piece = {
            let mut from = self.pieces.from.lock().unwrap_or_else(PoisonError::into_inner);
            from.poll_recv(context)
        };
        let Poll::Ready(piece) = piece else { return Poll::Pending };
        let Some(piece) = piece else {
            let taken = self.pieces.taken.load(Ordering::SeqCst);
            // A body that ends early must break off, or a server would take it for the whole.
            let whole = self.pieces.size.is_none_or(|size| size == taken);
            let broken = || io::Error::other("the source ended early");
            return Poll::Ready((!whole).then(|| Err(broken())));
        };
        self.pieces.taken.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.size == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.pieces.size.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
