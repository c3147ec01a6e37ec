//! A web server that does as each test tells it, well or badly.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Body bytes written in answer.
    pub served: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The first byte of the range asked for.
    pub fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }

    /// The last byte of the range asked for, where that is said.
    pub fn range_last(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.split('-').nth(1)?.parse().ok()
    }
}

/// What happens after the body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    Keep,
    Close,
    Reset,
    Hang,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    length: Option<usize>,
    body: Vec<u8>,
    pace: Option<(usize, Duration)>,
    delay: Duration,
    end: End,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = Some(body.len());
        Self { status, headers: Vec::new(), length, body, pace: None, delay: Duration::ZERO, end: End::Keep }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    pub fn redirect(to: &str) -> Self {
        Self::new(302, "").header("location", to)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Stops after so many bytes of the body, having promised all of them.
    pub fn cut(mut self, bytes: usize, end: End) -> Self {
        self.body.truncate(bytes);
        self.end = end;
        self
    }

    /// Promises no length; the body ends with the connection.
    pub fn unmeasured(mut self) -> Self {
        self.length = None;
        self.end = End::Close;
        self
    }

    /// Writes so many bytes at a time, with pauses.
    pub fn paced(mut self, bytes: usize, pause: Duration) -> Self {
        self.pace = Some((bytes, pause));
        self
    }

    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A good server's answer for a file: ranges, `If-Range` and all.
pub fn file(seen: &Seen, body: &[u8], etag: &str) -> Reply {
    let current = seen.header("if-range").is_none_or(|tag| tag == etag);
    let reply = match seen.range_start() {
        Some(first) if current && first < body.len() => {
            let last = seen.range_last().unwrap_or(usize::MAX).min(body.len() - 1);
            let range = format!("bytes {first}-{last}/{}", body.len());
            Reply::new(206, &body[first..=last]).header("content-range", &range)
        }
        Some(_) if current => Reply::new(416, "").header("content-range", &format!("bytes */{}", body.len())),
        _ => Reply::ok(body),
    };
    reply.header("etag", etag)
}

/// The same over connections that last for 1.2 MB and about half a second each, as long as there is more.
pub fn short_lived(seen: &Seen, body: &[u8]) -> Reply {
    const LIFE: usize = 1_200_000;
    let reply = file(seen, body, "\"v1\"").paced(100_000, Duration::from_millis(60));
    let left = body.len() - seen.range_start().unwrap_or(0);
    if left > LIFE { reply.cut(LIFE, End::Close) } else { reply }
}

type Behaviour = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// A server on a port of its own. The behaviour is told the request and how many came before it.
pub struct Server {
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
    most: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(behave: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let behave: Arc<Behaviour> = Arc::new(behave);
        let log = Arc::new(Mutex::new(Vec::new()));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (shared_log, shared_most) = (Arc::clone(&log), Arc::clone(&most));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behave, log) = (Arc::clone(&behave), Arc::clone(&shared_log));
                let (now, most) = (Arc::clone(&now), Arc::clone(&shared_most));
                tokio::spawn(async move {
                    // A client that goes away is a part of these tests.
                    let _ = converse(stream, &*behave, &log, &now, &most).await;
                });
            }
        });
        Self { address, log, most, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    pub fn gets(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|s| s.method == "GET").collect()
    }

    /// The most requests that were in work at once.
    pub fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

async fn converse(
    mut stream: TcpStream,
    behave: &Behaviour,
    log: &Mutex<Vec<Seen>>,
    now: &AtomicUsize,
    most: &AtomicUsize,
) -> std::io::Result<()> {
    while let Some(seen) = hear(&mut stream).await? {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let index = {
            let mut log = log.lock().unwrap();
            log.push(seen.clone());
            log.len() - 1
        };
        let reply = behave(&seen, index);
        let said = say(&mut stream, &seen, &reply, |n| log.lock().unwrap()[index].served += n).await;
        now.fetch_sub(1, Ordering::SeqCst);
        said?;
        match reply.end {
            End::Keep => {}
            End::Close => break,
            End::Reset => {
                // Lets what was written arrive before the reset overtakes it.
                tokio::time::sleep(Duration::from_millis(50)).await;
                stream.set_zero_linger()?;
                break;
            }
            End::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
        }
    }
    Ok(())
}

async fn hear(stream: &mut TcpStream) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let mut seen = Seen { method: method.into(), path: path.into(), headers, body: Vec::new(), served: 0 };
    let length: usize = seen.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end);
    while body.len() < length && stream.read_buf(&mut body).await? > 0 {}
    seen.body = body;
    Ok(Some(seen))
}

async fn say(
    stream: &mut TcpStream,
    seen: &Seen,
    reply: &Reply,
    mut served: impl FnMut(usize),
) -> std::io::Result<()> {
    tokio::time::sleep(reply.delay).await;
    let mut lines = vec![format!("HTTP/1.1 {} Said", reply.status)];
    lines.extend(reply.length.map(|length| format!("content-length: {length}")));
    lines.extend(reply.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    let head = lines.join("\r\n") + "\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    if seen.method == "HEAD" {
        return Ok(());
    }
    let (size, pause) = reply.pace.unwrap_or((16 << 10, Duration::ZERO));
    for piece in reply.body.chunks(size) {
        stream.write_all(piece).await?;
        served(piece.len());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    stream.flush().await
}
