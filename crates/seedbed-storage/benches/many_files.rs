//! Many small files from a server on this machine: what a transfer costs besides its bytes.
//!
//! `cargo bench -p seedbed-storage --bench many_files -- [FILES [BYTES [AT_ONCE [FOLDER]]]]`, by default 500 files of
//! 1 MB, 8 at once, in the system's folder for temporary files. The server is a process of its own, so that the
//! processor time told is the transfers' alone.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench talks and stops as it likes")]

use futures::StreamExt;
use seedbed_storage::{Credentials, Environment, Expectation, Location, Settings, Silent, Stores};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Tells a child of this program that it is the server, and the size of its files.
const SERVES: &str = "SEEDBED_BENCH_SERVES";

/// How often all is done; the first time warms up.
const ROUNDS: usize = 4;

fn main() {
    if let Ok(size) = std::env::var(SERVES) {
        return serve(size.parse().unwrap());
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let number = |n: usize, default| arguments.get(n).map_or(default, |a| a.parse().unwrap());
    let (files, size, at_once) = (number(0, 500), number(1, 1_000_000), number(2, 8));
    let folder = match arguments.get(3) {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .unwrap();
    let (mut server, base) = start(size);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for round in 0..ROUNDS {
        let to = folder.path().join(round.to_string());
        let (began, before) = (Instant::now(), processor());
        runtime.block_on(fetch(&base, &to, files, size, at_once));
        let (wall, [user, system]) = (began.elapsed().as_secs_f64(), processor());
        let [user, system] = [user - before[0], system - before[1]];
        println!(
            "{files} x {size} B, {at_once} at once: {wall:.2} s, user {user:.2} s, system {system:.2} s"
        );
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

async fn fetch(base: &str, to: &Path, files: usize, size: usize, at_once: usize) {
    let settings = Settings {
        credentials: Credentials::none(),
        environment: Environment::of([]),
        ..Settings::default()
    };
    let stores = Stores::new(settings).unwrap();
    let expect = Expectation { size: Some(size as u64), ..Expectation::default() };
    futures::stream::iter(0..files)
        .for_each_concurrent(at_once, |n| {
            let from: Location = format!("{base}/{n}.bin").parse().unwrap();
            let home = Location::from(to.join(format!("{n}.bin")));
            let (stores, expect) = (stores.clone(), expect.clone());
            async move {
                let transfer =
                    tokio::spawn(async move { stores.transfer(&from, &home, &expect, &Silent).await });
                transfer.await.unwrap().unwrap();
            }
        })
        .await;
}

/// Seconds of processor time of this process: its own, and the system's for it. Zero where there is no `/proc`.
fn processor() -> [f64; 2] {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // proc_pid_stat(5): the 14th and 15th field, in hundredths of a second; the second may hold blanks.
    let after = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after.split_whitespace().skip(11).map(|f| f.parse::<f64>().unwrap() / 100.0);
    [fields.next().unwrap_or(0.0), fields.next().unwrap_or(0.0)]
}

fn start(size: usize) -> (Child, String) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .env(SERVES, size.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut address).unwrap();
    (server, format!("http://{}", address.trim()))
}

/// Answers every request with the same bytes, or the part of them that is asked for.
fn serve(size: usize) {
    let body: Vec<u8> = (0..size).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::thread::scope(|threads| {
        for stream in listener.incoming() {
            let body = &body;
            // A client that goes away ends its conversation only.
            threads.spawn(move || stream.and_then(|stream| converse(stream, body)));
        }
    });
}

fn converse(mut stream: TcpStream, body: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..n]);
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let asked = text.split("\r\n").find_map(|line| line.strip_prefix("range: bytes="));
        let span = asked.and_then(|span| span.split_once('-')).map(|(first, last)| {
            let last = last.parse::<usize>().map_or(body.len(), |last| (last + 1).min(body.len()));
            first.parse().unwrap_or(0)..last
        });
        let (status, range) = match &span {
            Some(span) => {
                let range =
                    format!("content-range: bytes {}-{}/{}\r\n", span.start, span.end - 1, body.len());
                ("206 Partial Content", range)
            }
            None => ("200 OK", String::new()),
        };
        let piece = &body[span.unwrap_or(0..body.len())];
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{range}etag: \"v1\"\r\naccept-ranges: bytes\r\n\
             last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
            piece.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(piece)?;
        request.clear();
    }
}
