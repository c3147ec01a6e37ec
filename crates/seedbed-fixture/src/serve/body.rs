//! Answers, and bodies that come in pieces.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

/// An answer whose body may fail on the way.
pub(super) type Reply = Response<BoxBody<Bytes, io::Error>>;

/// A body fed through a channel; an error in it breaks the connection off.
pub(super) struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Pieces {
    /// A body and the end that feeds it.
    pub(super) fn new() -> (mpsc::Sender<io::Result<Bytes>>, Self) {
        let (sender, receiver) = mpsc::channel(4);
        (sender, Self(receiver))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// A whole body of a media type.
pub(super) fn whole(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let bytes = body.into();
    let length = bytes.len();
    let mut reply = Response::new(Full::new(bytes).map_err(|never| match never {}).boxed());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    reply
}

/// JSON, as a media type of it.
pub(super) fn json(media_type: &'static str, value: &serde_json::Value) -> Reply {
    whole(StatusCode::OK, media_type, value.to_string())
}

/// A status and a sentence.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    whole(status, "text/plain; charset=utf-8", text)
}

/// What is said when nothing is there.
pub(super) fn not_found(what: &str) -> Reply {
    plain(StatusCode::NOT_FOUND, format!("There is no {what} here.\n"))
}

/// Sends the client elsewhere.
pub(super) fn redirect(status: StatusCode, to: &str) -> Reply {
    let mut reply = plain(status, format!("See {to}\n"));
    set(&mut reply, hyper::header::LOCATION, to);
    reply
}

/// Sets a header; a value that HTTP doesn't allow is left out.
pub(super) fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}
