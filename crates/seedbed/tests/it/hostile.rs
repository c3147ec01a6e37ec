//! A source of one file that answers wrongly on the wire, each fault under a name of its own.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The address of a server that lives as long as the test's process. `<address>/<fault>/<name>` is `bytes`,
/// given as the fault has it:
///
/// - `delay`: after a second; `hang`: never; `stall`: half of it, then nothing; `drip`: a hundredth every half second
/// - `once`: the first time half of it, then the whole; neither with a version
/// - `chunktrunc`: half of it in chunks, without the last one; `noclen`: half of it, no length told; `empty`: nothing
/// - `resetearly`: the connection ends without an answer; `garbage`: the answer is no HTTP
/// - `loop`: a redirect to itself; `hops`: three redirects, then the file; `redirfile`: one to a file of the machine;
///   `rediroff`: one to another host; `rednowhere`: one without an address
/// - `badrange`: a part where the whole was asked for; `wrongrange`: the whole where a part was asked for;
///   `etagflip`: an entity tag that changes
/// - `gzip`: said to be compressed; `endless`: chunks without end
pub fn serve(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = Arc::new(Source { bytes, port, asked: Mutex::default() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let source = Arc::clone(&source);
            // A client that leaves in mid-answer is what many faults are about.
            thread::spawn(move || drop(source.answer(&stream)));
        }
    });
    format!("http://127.0.0.1:{port}")
}

struct Source {
    bytes: Vec<u8>,
    port: u16,
    asked: Mutex<HashMap<String, u32>>,
}

/// An answer: its head without the end, its body, and what comes after that.
struct Answer<'a> {
    head: String,
    body: &'a [u8],
    then: Then,
}

enum Then {
    End,
    Silence,
    /// The file in a hundred pieces, two a second.
    Drops,
    /// Half of the file as a chunk, once or for ever.
    Chunk,
    Chunks,
}

const HOURS: Duration = Duration::from_secs(3 * 3600);

impl Source {
    fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let (method, rest) = first.split_once(' ').unwrap_or_default();
        let path = rest.split(' ').next().unwrap_or_default();
        for line in lines {
            if line?.is_empty() {
                break;
            }
        }
        let times = {
            let mut asked = self.asked.lock().unwrap();
            let times = asked.entry(path.to_owned()).or_default();
            *times += u32::from(method == "GET");
            *times
        };
        let (fault, name) = path[1..].split_once('/').unwrap_or_default();
        let mut out = stream;
        match fault {
            "hang" => thread::sleep(HOURS),
            "delay" => thread::sleep(Duration::from_secs(1)),
            "resetearly" => return Ok(()),
            "garbage" => return out.write_all(b"\x00\xffnot http\r\n\r\n"),
            _ => {}
        }
        let Answer { head, body, then } = match self.redirect(fault, path, name) {
            Some(redirect) => redirect,
            None => self.file(fault, times),
        };
        write!(out, "HTTP/1.1 {head}connection: close\r\n\r\n")?;
        if method == "HEAD" {
            return Ok(());
        }
        out.write_all(body)?;
        let half = &self.bytes[..self.bytes.len() / 2];
        let chunk = |mut out: &TcpStream| {
            write!(out, "{:x}\r\n", half.len())?;
            out.write_all(half)?;
            out.write_all(b"\r\n")
        };
        match then {
            Then::End => Ok(()),
            Then::Chunk => chunk(out),
            Then::Chunks => loop {
                chunk(out)?;
            },
            Then::Silence => {
                thread::sleep(HOURS);
                Ok(())
            }
            Then::Drops => self.bytes.chunks(self.bytes.len().div_ceil(100)).try_for_each(|piece| {
                thread::sleep(Duration::from_millis(500));
                out.write_all(piece)
            }),
        }
    }

    fn redirect(&self, fault: &str, path: &str, name: &str) -> Option<Answer<'_>> {
        let to = match (fault, name.split_once('/')) {
            ("loop", _) => path.to_owned(),
            ("redirfile", _) => "file:///etc/hostname".to_owned(),
            ("rediroff", _) => format!("http://127.0.0.2:{}/plain/{name}", self.port),
            ("hops", None) => format!("/hops/2/{name}"),
            ("hops", Some(("2", name))) => format!("/hops/1/{name}"),
            ("hops", Some((_, name))) => format!("/plain/{name}"),
            ("rednowhere", _) => String::new(),
            _ => return None,
        };
        let location = if to.is_empty() { to } else { format!("location: {to}\r\n") };
        let head = format!("302 Found\r\ncontent-length: 0\r\n{location}");
        Some(Answer { head, body: &[], then: Then::End })
    }

    fn file(&self, fault: &str, times: u32) -> Answer<'_> {
        let (all, half) = (&self.bytes[..], &self.bytes[..self.bytes.len() / 2]);
        let length = all.len();
        let sized = format!("200 OK\r\ncontent-length: {length}\r\n");
        let chunked = || "200 OK\r\ntransfer-encoding: chunked\r\n".to_owned();
        let (head, body, then) = match fault {
            "badrange" => {
                let range = format!("content-range: bytes 5-14/{length}\r\netag: \"v\"\r\n");
                (format!("206 Partial\r\ncontent-length: 10\r\n{range}"), &all[5..15], Then::End)
            }
            "etagflip" => (format!("{sized}etag: \"{times}\"\r\n"), all, Then::End),
            "wrongrange" => (format!("{sized}etag: \"v\"\r\naccept-ranges: bytes\r\n"), all, Then::End),
            "gzip" => (format!("{sized}content-encoding: gzip\r\n"), all, Then::End),
            "endless" => (chunked(), &all[..0], Then::Chunks),
            "chunktrunc" => (chunked(), &all[..0], Then::Chunk),
            "noclen" => ("200 OK\r\n".to_owned(), half, Then::End),
            "empty" => ("200 OK\r\ncontent-length: 0\r\n".to_owned(), &all[..0], Then::End),
            "stall" => (sized, half, Then::Silence),
            "once" if times == 1 => (sized, half, Then::End),
            "drip" => (sized, &all[..0], Then::Drops),
            _ => (sized, all, Then::End),
        };
        Answer { head, body, then }
    }
}
