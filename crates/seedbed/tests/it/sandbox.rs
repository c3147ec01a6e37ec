//! A fresh directory to run `seedbed` in.

use serde_json::Value;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A fresh directory, which goes when the value does. Programs run in it see no
/// settings or credentials of the machine.
#[derive(Debug)]
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    /// A new one.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, and the folders it needs.
    pub fn write(&self, name: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// A text file's contents.
    pub fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// A JSON file's contents.
    pub fn json(&self, name: impl AsRef<Path>) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Every file below, by its path from the top, in order.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(self.dir.path()).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    /// Copies a file or folder to the same place in another.
    pub fn copy_to(&self, name: &str, other: &Self) {
        copy_all(&self.path(name), &other.path(name));
    }

    /// `seedbed ARGS`, ready to start in the directory.
    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seedbed"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null()).env("HOME", self.dir.path());
        for name in ["EARTHDATA_TOKEN", "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD", "NETRC", "SEEDBED_STORES"]
        {
            command.env_remove(name);
        }
        command
    }

    /// Runs `seedbed ARGS` in the directory.
    pub fn seedbed<A>(&self, args: A) -> Ran
    where
        A: IntoIterator<Item: AsRef<OsStr>> + Debug + Clone,
    {
        let said = format!("seedbed {args:?}");
        Ran::new(said, &self.command(args).output().unwrap())
    }
}

/// Copies a file, or a folder with all that is in it.
pub fn copy_all(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}

/// A program that ran.
#[derive(Debug)]
pub struct Ran {
    said: String,
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Ran {
    /// From what `std::process` tells; `said` is the command, for messages.
    pub fn new(said: String, output: &Output) -> Self {
        Self {
            said,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// It exited with 0.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// It exited with `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {}\n{}\n{}", self.said, self.stdout, self.stderr);
        self
    }

    /// Its stdout contains `text`.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "{} doesn't print `{text}`:\n{}", self.said, self.stdout);
        self
    }

    /// Its stderr contains `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{} doesn't say `{text}`:\n{}", self.said, self.stderr);
        self
    }

    /// Its stdout is one JSON value: this one.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{} prints no JSON ({e}):\n{}", self.said, self.stdout))
    }
}
