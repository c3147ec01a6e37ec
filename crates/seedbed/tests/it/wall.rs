//! A wall before a server: it lets everything through, or answers 503 in the server's stead.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::spawn;

/// The wall, on a port of its own.
pub struct Wall {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    closed: AtomicBool,
    puts: AtomicUsize,
    most: AtomicUsize,
}

impl Wall {
    /// One before the server on a port, open.
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        state.most.store(usize::MAX, Ordering::SeqCst);
        let shared = Arc::clone(&state);
        spawn(move || {
            for stream in listener.incoming() {
                let (stream, state) = (stream.unwrap(), Arc::clone(&shared));
                spawn(move || pass(&stream, server, &state));
            }
        });
        Self { port, state }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many files were put, or moved to their name, so far.
    pub fn puts(&self) -> usize {
        self.state.puts.load(Ordering::SeqCst)
    }

    /// Closes when so many files were put.
    pub fn refuse_after_puts(&self, most: usize) {
        self.state.most.store(most, Ordering::SeqCst);
    }

    pub fn open(&self) {
        self.state.most.store(usize::MAX, Ordering::SeqCst);
        self.state.closed.store(false, Ordering::SeqCst);
    }
}

fn pass(client: &TcpStream, server: u16, state: &Arc<State>) {
    let mut from = client;
    let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else { return };
    let (mut back, mut answer) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
    spawn(move || {
        let _ = std::io::copy(&mut back, &mut answer);
        let _ = answer.shutdown(Shutdown::Both);
    });
    let mut to = &upstream;
    let mut piece = vec![0; 1 << 16];
    while let Ok(n @ 1..) = from.read(&mut piece) {
        if [&b"PUT "[..], b"MOVE "].iter().any(|verb| piece[..n].starts_with(verb))
            && state.puts.fetch_add(1, Ordering::SeqCst) + 1 >= state.most.load(Ordering::SeqCst)
        {
            state.closed.store(true, Ordering::SeqCst);
        }
        if state.closed.load(Ordering::SeqCst) {
            let said = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = from.write_all(said.as_bytes());
            break;
        }
        if to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = upstream.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Write);
}
