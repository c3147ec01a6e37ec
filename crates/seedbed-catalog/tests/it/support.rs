//! Small catalogs in temporary folders, and a small HTTP server.

use seedbed_catalog::copy::{CopyRequest, Template};
use seedbed_catalog::{Collection, Item, ItemCollection, TreeBuilder};
use seedbed_storage::{Location, Settings, Stores};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub fn stores() -> Stores {
    let settings = Settings {
        retries: 1,
        backoff: Duration::from_millis(1),
        stall_timeout: Duration::from_secs(20),
        ..Settings::default()
    };
    Stores::new(settings).unwrap()
}

pub fn at(path: &Path) -> Location {
    Location::from(path)
}

/// An item of a month, valid STAC, with a `data` asset at `href`.
pub fn item(id: &str, month: u32, href: &str) -> Item {
    let mut item = Item::new(id);
    item.set_field("bbox", json!([-76.0, 38.5, -74.0, 42.0]));
    item.set_field(
        "geometry",
        json!({"type": "Polygon", "coordinates":
            [[[-76.0, 38.5], [-74.0, 38.5], [-74.0, 42.0], [-76.0, 42.0], [-76.0, 38.5]]]}),
    );
    item.set_property("datetime", json!(format!("2003-{month:02}-01T12:00:00Z")));
    item.set_asset("data", json!({"href": href, "type": "application/octet-stream", "roles": ["data"]}));
    item
}

pub fn collection(id: &str, items: &[Item]) -> Collection {
    Collection::from_items(id, &format!("About {id}"), "CC0-1.0", items)
        .with_providers(vec![json!({"name": "Someone", "roles": ["producer"]})])
        .with_keywords(&["test"])
}

/// A builder of one collection named `c`.
pub fn builder(items: Vec<Item>) -> TreeBuilder {
    TreeBuilder::new("root", "A test").with(collection("c", &items), items)
}

/// Every file below a folder with its bytes.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

pub fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What a client asked for.
pub struct Asked {
    pub method: String,
    pub path: String,
    /// Its first line and headers as they came.
    pub head: String,
    pub body: Vec<u8>,
}

/// What it is told.
pub struct Told {
    pub status: u16,
    pub body: Vec<u8>,
    /// Sent in this many pieces with a pause before each.
    pub pieces: usize,
    /// Its media type, if that is told.
    pub kind: Option<&'static str>,
}

impl Told {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), pieces: 1, kind: None }
    }

    pub fn json(value: &Value) -> Self {
        Self::ok(value.to_string())
    }

    pub fn status(status: u16) -> Self {
        Self { status, body: Vec::new(), pieces: 1, kind: None }
    }

    pub fn slowly(mut self, pieces: usize) -> Self {
        self.pieces = pieces;
        self
    }
}

type Answer = dyn Fn(&Asked) -> Told + Send + Sync;

/// An HTTP server on loopback that answers as told, with an `ETag`, and with
/// ranges under `If-Range`.
pub struct Server {
    pub url: String,
    pub hits: Arc<AtomicUsize>,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(answer: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, hits: Arc::default(), asked: Arc::default() };
        let (hits, asked) = (server.hits.clone(), server.asked.clone());
        let answer: Arc<Answer> = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (hits, asked, answer) = (hits.clone(), asked.clone(), answer.clone());
                // A client that hangs up is no failure of the server.
                tokio::spawn(async move { drop(serve(stream, &hits, &asked, &*answer).await) });
            }
        });
        server
    }

    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    hits: &AtomicUsize,
    asked: &Mutex<Vec<String>>,
    answer: &Answer,
) -> std::io::Result<()> {
    let mut received = Vec::new();
    let head_end = loop {
        if let Some(end) = received.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&received[..head_end]).into_owned();
    let header = |name: &str| {
        head.lines().find_map(|l| {
            l.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
        })
    };
    let length: usize = header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    while received.len() < head_end + 4 + length {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
    let mut first = head.lines().next().unwrap_or_default().split(' ').map(str::to_owned);
    let request = Asked {
        method: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        head: head.clone(),
        body: received[head_end + 4..].to_vec(),
    };
    hits.fetch_add(1, Ordering::SeqCst);
    asked.lock().unwrap().push(format!("{} {}", request.method, request.path));
    let told = answer(&request);
    let etag =
        format!("\"{:x}-{}\"", told.body.len(), told.body.iter().map(|b| usize::from(*b)).sum::<usize>());
    let start = header("range")
        .filter(|_| header("if-range").is_none_or(|v| v == etag))
        .and_then(|r| r.strip_prefix("bytes=")?.split('-').next()?.parse::<usize>().ok())
        .filter(|start| told.status == 200 && *start < told.body.len());
    let total = told.body.len();
    let (status, range, body) = match start {
        Some(start) => {
            (206, format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1), &told.body[start..])
        }
        None => (told.status, String::new(), &told.body[..]),
    };
    let kind = told.kind.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nETag: {etag}\r\nAccept-Ranges: bytes\r\n{kind}{range}Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if request.method == "HEAD" {
        return stream.shutdown().await;
    }
    for piece in body.chunks(body.len().div_ceil(told.pieces).max(1)) {
        if told.pieces > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stream.write_all(piece).await?;
    }
    stream.shutdown().await
}

/// A copy of the asset `data` of some items.
pub fn request(items: Vec<Item>, to: &Path, out: Option<&Path>) -> CopyRequest {
    CopyRequest {
        items,
        collections: vec![],
        assets: vec!["data".into()],
        to: at(to),
        template: Template::default(),
        out: out.map(at),
        names: None,
    }
}

pub async fn items_of(folder: &Path) -> Vec<Item> {
    ItemCollection::read(&stores(), &at(folder)).await.unwrap().items
}
