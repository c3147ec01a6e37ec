//! Files over HTTP: entity tags, dates, ranges and conditions.

use std::collections::HashMap;
use std::io::{self, SeekFrom};
use std::net::TcpStream;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED,
    RANGE,
};
use hyper::{Method, Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};
use tokio::sync::mpsc;

use super::Site;
use super::body::{Pieces, Reply, not_found, plain, set};
use super::fault::Kind;
use super::request::Asked;
use crate::listing::content;
use crate::write::file::sha256;

/// When every file was last changed, so that two makings of the archives look the same.
const MODIFIED: &str = "Mon, 30 Nov 2020 12:00:00 GMT";

/// Entity tags, made of the files' contents, which never change under their names.
#[derive(Debug, Default)]
pub(super) struct Tags(Mutex<HashMap<PathBuf, String>>);

impl Tags {
    fn of(&self, path: &Path) -> Result<String> {
        if let Some(tag) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(tag.clone());
        }
        let tag = format!("\"{}\"", &sha256(path)?[..32]);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_path_buf(), tag.clone());
        Ok(tag)
    }
}

/// Whether a path names data rather than a document.
pub(super) fn is_data(path: &str) -> bool {
    [".nc", ".tif", ".zip", ".hdf", ".jpg"].iter().any(|extension| path.ends_with(extension))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("nc") => "application/x-netcdf",
        Some("tif") => "image/tiff",
        Some("zip") => "application/zip",
        Some("json") => "application/json",
        Some("sha256") => "text/plain",
        Some("xml") => "application/xml",
        Some("jpg") => "image/jpeg",
        Some("hdf") => "application/x-hdf",
        _ => "application/octet-stream",
    }
}

/// Answers with a file of the site's folder, or a part of it.
pub(super) async fn serve(site: &Site, asked: &Asked, relative: &str, fault: Option<Kind>) -> Reply {
    let path = site.dir.join(relative.trim_start_matches('/'));
    let Ok(metadata) = tokio::fs::metadata(&path).await else { return not_found("file of this name") };
    if !metadata.is_file() {
        return not_found("file of this name");
    }
    let tag = match site.tags.of(&path) {
        Ok(tag) => tag,
        Err(error) => return plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")),
    };
    let Ok(file) = File::open(&path).await else { return not_found("file of this name") };
    let what = What { name: relative, size: metadata.len(), validators: Some((tag, MODIFIED.into())) };
    respond(site, asked, what, file, fault)
}

/// Answers with bytes, or a part of them. Without `modified`, an HTTP date, they have no
/// validators.
pub(super) fn memory(
    site: &Site,
    asked: &Asked,
    name: &str,
    bytes: Vec<u8>,
    modified: Option<String>,
    fault: Option<Kind>,
) -> Reply {
    let validators = modified.map(|modified| (format!("\"{}\"", &content::sha256(&bytes)[..32]), modified));
    let what = What { name, size: bytes.len() as u64, validators };
    respond(site, asked, what, io::Cursor::new(bytes), fault)
}

/// What is known of a body before it is read.
struct What<'a> {
    name: &'a str,
    size: u64,
    /// Entity tag and date.
    validators: Option<(String, String)>,
}

fn respond(
    site: &Site,
    asked: &Asked,
    what: What<'_>,
    reader: impl AsyncRead + AsyncSeek + Unpin + Send + 'static,
    fault: Option<Kind>,
) -> Reply {
    let What { name, size, validators } = what;
    let (mut tag, modified) = validators.clone().unwrap_or_default();
    if fault == Some(Kind::Etag) {
        tag = format!("\"{}-{}\"", tag.trim_matches('"'), site.log.count(asked));
    }
    if !tag.is_empty() && asked.header(IF_NONE_MATCH) == Some(tag.as_str()) {
        let mut reply = plain(StatusCode::NOT_MODIFIED, "");
        set(&mut reply, ETAG, &tag);
        return reply;
    }
    let unchanged = asked.header(IF_RANGE).is_none_or(|condition| condition == tag || condition == modified);
    let wanted = asked.header(RANGE).filter(|_| unchanged && fault != Some(Kind::Norange));
    let (status, range) = match wanted.map(|range| parse_range(range, size)) {
        None | Some(Wanted::Everything) => (StatusCode::OK, 0..size),
        Some(Wanted::Part(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Wanted::Nothing) => {
            let mut reply = plain(StatusCode::RANGE_NOT_SATISFIABLE, "There is no such range.\n");
            set(&mut reply, CONTENT_RANGE, &format!("bytes */{size}"));
            return reply;
        }
    };
    let announced = fault != Some(Kind::Short);
    let mut reply = if asked.method == Method::HEAD {
        plain(status, "")
    } else {
        let (sender, pieces) = Pieces::new();
        let socket = asked.socket.clone();
        tokio::spawn(feed(reader, range.clone(), fault, socket, sender));
        Response::new(pieces.boxed())
    };
    *reply.status_mut() = status;
    set(&mut reply, CONTENT_TYPE, media_type(name));
    set(&mut reply, ACCEPT_RANGES, "bytes");
    if validators.is_some() {
        set(&mut reply, ETAG, &tag);
        set(&mut reply, LAST_MODIFIED, &modified);
    }
    if announced {
        set(&mut reply, CONTENT_LENGTH, &(range.end - range.start).to_string());
    }
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut reply, CONTENT_RANGE, &format!("bytes {}-{}/{size}", range.start, range.end - 1));
    }
    reply
}

/// What a `Range` header comes to.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// One part.
    Part(Range<u64>),
    /// The whole: several ranges, another unit, or nonsense.
    Everything,
    /// A part that lies outside.
    Nothing,
}

fn parse_range(header: &str, size: u64) -> Wanted {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Everything;
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..(last + 1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Wanted::Everything,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Nothing }
}

/// Reads a part of a file into a body, with its fault.
async fn feed(
    reader: impl AsyncRead + AsyncSeek + Unpin + Send,
    range: Range<u64>,
    fault: Option<Kind>,
    socket: Option<Arc<TcpStream>>,
    sender: mpsc::Sender<io::Result<Bytes>>,
) {
    if let Err(error) = feed_pieces(reader, range, fault, socket, &sender).await {
        // A receiver that is gone has no use for the error.
        let _ = sender.send(Err(error)).await;
    }
}

async fn feed_pieces(
    mut file: impl AsyncRead + AsyncSeek + Unpin + Send,
    range: Range<u64>,
    fault: Option<Kind>,
    socket: Option<Arc<TcpStream>>,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(range.start)).await?;
    let middle = range.start.midpoint(range.end);
    let mut at = range.start;
    // Large files come in drops of 64 KiB, small ones in twenty.
    let drops =
        if fault == Some(Kind::Slow) { (range.end - range.start).div_ceil(20).max(1) } else { u64::MAX };
    let mut buffer = vec![0; usize::try_from(drops).unwrap_or(usize::MAX).min(64 * 1024)];
    while at < range.end {
        let stops =
            matches!(fault, Some(Kind::Truncate | Kind::Short | Kind::Stall | Kind::Reset)) && at < middle;
        let end = if stops { middle } else { range.end };
        let room = usize::try_from((end - at).min(buffer.len() as u64)).unwrap_or(buffer.len());
        let count = file.read(&mut buffer[..room]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut piece = buffer[..count].to_vec();
        let next = at + count as u64;
        if fault == Some(Kind::Corrupt)
            && (at..next).contains(&middle)
            && let Some(byte) = usize::try_from(middle - at).ok().and_then(|at| piece.get_mut(at))
        {
            *byte = !*byte;
        }
        if sender.send(Ok(piece.into())).await.is_err() {
            return Ok(());
        }
        at = next;
        if at >= middle {
            match fault {
                Some(Kind::Truncate) => {
                    // An error at once would take what is still to be sent with it.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                Some(Kind::Reset) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    reset(socket.as_deref());
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                Some(Kind::Short) => return Ok(()),
                Some(Kind::Stall) => {
                    sender.closed().await;
                    return Ok(());
                }
                _ => {}
            }
        }
        if fault == Some(Kind::Slow) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Lets the connection end with a reset when it is closed.
fn reset(socket: Option<&TcpStream>) {
    let twin = socket.and_then(|socket| socket.try_clone().ok());
    if let Some(twin) = twin.and_then(|twin| tokio::net::TcpStream::from_std(twin).ok()) {
        let _ = twin.set_zero_linger();
    }
}

/// A document that was whole, with its fault.
pub(super) async fn spoilt(asked: &Asked, reply: Reply, fault: Option<Kind>) -> Reply {
    let spoils = [Kind::Truncate, Kind::Short, Kind::Slow, Kind::Stall, Kind::Corrupt, Kind::Reset]
        .map(Some)
        .contains(&fault);
    // Files have seen to it themselves.
    if !spoils || !reply.status().is_success() || reply.headers().contains_key(ACCEPT_RANGES) {
        return reply;
    }
    let (mut head, body) = reply.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if fault == Some(Kind::Short) {
        head.headers.remove(CONTENT_LENGTH);
    }
    let (sender, pieces) = Pieces::new();
    let range = 0..bytes.len() as u64;
    tokio::spawn(feed(io::Cursor::new(bytes), range, fault, asked.socket.clone(), sender));
    Response::from_parts(head, pieces.boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file() {
        assert_eq!(parse_range("bytes=0-9", 100), Wanted::Part(0..10));
        assert_eq!(parse_range("bytes=90-", 100), Wanted::Part(90..100));
        assert_eq!(parse_range("bytes=-10", 100), Wanted::Part(90..100));
        assert_eq!(parse_range("bytes=90-200", 100), Wanted::Part(90..100));
        assert_eq!(parse_range("bytes=100-", 100), Wanted::Nothing);
        assert_eq!(parse_range("bytes=0-1,5-6", 100), Wanted::Everything);
    }
}
