//! A tiny web server for one test.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request: its first line's target, its headers in lower case, and its body.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub headers: String,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.headers.lines().find(|l| l.starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim())
    }
}

/// An answer: status, headers, body.
pub type Answer = (u16, Vec<(String, String)>, Vec<u8>);

pub fn ok(body: impl Into<Vec<u8>>) -> Answer {
    (200, Vec::new(), body.into())
}

pub fn missing() -> Answer {
    (404, Vec::new(), b"not here".to_vec())
}

/// A running server and what it was asked.
pub struct Server {
    pub root: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers on loopback as `answer` says; it is told the server's own root.
    pub fn new(answer: impl Fn(&str, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, home, answer) = (Arc::clone(&asked), root.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, home, answer) = (Arc::clone(&log), home.clone(), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &log, |asked| answer(&home, asked)));
            }
        });
        Self { root, asked }
    }

    /// What it was asked, but for its rules for robots.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|a| a.target != "/robots.txt").cloned().collect()
    }
}

/// One request a connection.
fn serve(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: impl Fn(&Asked) -> Answer) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        match stream.read(&mut chunk) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            _ => return,
        }
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (first, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let mut first = first.split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    let headers: String = headers
        .lines()
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| format!("{}:{v}\n", n.to_lowercase()))
        .collect::<Vec<_>>()
        .concat();
    let mut asked = Asked { method, target, headers, body: String::new() };
    let length: usize = asked.header("content-length").map_or(0, |l| l.parse().unwrap());
    while bytes.len() < end + 4 + length {
        match stream.read(&mut chunk) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            _ => return,
        }
    }
    asked.body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
    let (status, headers, body) = answer(&asked);
    let head_only = asked.method == "HEAD" || status == 304;
    log.lock().unwrap().push(asked);
    let headers: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect::<Vec<_>>().concat();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    let body = if head_only { &[] } else { body.as_slice() };
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
