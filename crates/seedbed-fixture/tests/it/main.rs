//! Structure and behaviour of the archives, looked at with other people's readers.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a helper that fails is a test that fails"
)]

mod client;
mod definition;
mod faults;
mod generation;
mod listed;
mod listings;
mod structure;

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use seedbed_fixture::{Archives, Spec};

/// A small corner of every archive, made once for all tests.
fn archives() -> &'static Path {
    static MADE: OnceLock<(tempfile::TempDir, Archives)> = OnceLock::new();
    let (_, archives) = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let archives = Archives::generate(dir.path(), &Spec::small()).unwrap();
        (dir, archives)
    });
    archives.dir()
}

/// The interpreter with the readers, or nothing and a line that says so.
fn python() -> Option<String> {
    let python = std::env::var("SEEDBED_PYTHON").ok();
    if python.is_none() {
        println!("skipped: SEEDBED_PYTHON is not set");
    }
    python
}

/// Runs a script whose last argument is `argument`, and gives what it printed.
fn run_python(python: &str, script: &str, argument: &str) -> String {
    let output = Command::new(python).args(["-c", script, argument]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}
