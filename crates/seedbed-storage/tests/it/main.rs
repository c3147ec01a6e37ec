//! Tests of the crate from outside.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests are tests to the reader, but not to the lint"
)]

mod abandoned;
mod abilities;
mod bearer;
mod conformance;
mod dates;
mod destinations;
mod documents;
mod doors;
mod downloads;
mod grid_servers;
mod lent_keys;
mod local_copies;
mod locations;
mod log;
mod pages;
mod parts;
mod ranges;
mod rclone;
mod server;
mod servers;
mod tape;
mod third_party;
mod tls;
mod together;
mod tokens;
mod told_digests;
mod uploads;
mod xrootd;

use seedbed_storage::{Credentials, Environment, Location, Progress, Settings, StorageError, Stores};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// Settings under which every wait ends within a second or so.
fn hasty() -> Settings {
    Settings {
        retries: 3,
        backoff: Duration::from_millis(5),
        max_backoff: Duration::from_millis(20),
        max_retry_after: Duration::from_secs(3),
        connect_timeout: Duration::from_millis(500),
        stall_timeout: Duration::from_millis(800),
        max_redirects: 5,
        credentials: Credentials::none(),
        environment: Environment::of([]),
        ..Settings::default()
    }
}

fn stores() -> Stores {
    Stores::new(hasty()).unwrap()
}

fn at(text: &str) -> Location {
    text.parse().unwrap()
}

/// Bytes that no two offsets of a test file share for long.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An error and its causes, in one text.
fn told(error: &StorageError) -> String {
    let mut text = format!("{error} | {error:?}");
    let mut cause = error.source();
    while let Some(e) = cause {
        write!(text, " | {e} | {e:?}").unwrap();
        cause = e.source();
    }
    text
}

/// A progress that remembers.
#[derive(Default)]
struct Remembered(Mutex<Vec<(Option<u64>, u64)>>);

impl Progress for Remembered {
    fn started(&self, total: Option<u64>) {
        self.0.lock().unwrap().push((total, 0));
    }

    fn advanced(&self, bytes: u64) {
        self.0.lock().unwrap().last_mut().expect("started before it advances").1 += bytes;
    }
}

/// Whether files here keep the mark by which a copy is known without a checksum.
fn keeps_marks(folder: &std::path::Path) -> bool {
    let file = folder.join("marked");
    std::fs::write(&file, "").unwrap();
    let kept =
        rustix::fs::setxattr(&file, "user.seedbed.test", b"x", rustix::fs::XattrFlags::empty()).is_ok();
    std::fs::remove_file(file).unwrap();
    if !kept {
        println!("skipped: there are no extended attributes here");
    }
    kept
}
