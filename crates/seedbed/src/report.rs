//! A command's answer: one struct, shown as text or as one JSON object.

use serde::Serialize;
use std::io::{self, Write};

/// The version of the JSON reports' layout; it grows when a field changes meaning or goes.
pub const FORMAT_VERSION: u32 = 1;

/// How a command that ran to its end came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All of it done: exit code 0.
    Done,
    /// Some of it failed, or a check found something: exit code 1.
    Failed,
    /// The project or its inputs are at fault: exit code 2.
    Misconfigured,
    /// Nothing but remote failures worth retrying stood in the way: exit code 3.
    Retry,
}

impl Status {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misconfigured => 2,
            Self::Retry => 3,
        }
    }

    /// Done if `ok`, failed otherwise.
    pub fn of(ok: bool) -> Self {
        if ok { Self::Done } else { Self::Failed }
    }
}

/// What a command found or did.
pub trait Report: Serialize {
    /// The command's name as typed, such as `catalog search`.
    const COMMAND: &'static str;

    /// Writes the report for people.
    fn text(&self, out: &mut dyn Write) -> io::Result<()>;
}

#[derive(Serialize)]
struct Envelope<'a, R> {
    format_version: u32,
    command: &'static str,
    #[serde(flatten)]
    report: &'a R,
}

/// How reports go to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Writes a report to stdout. A reader that closed the pipe early is no error.
pub fn emit<R: Report>(report: &R, format: Format) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = match format {
        Format::Text => report.text(&mut out),
        Format::Json => {
            let envelope = Envelope { format_version: FORMAT_VERSION, command: R::COMMAND, report };
            serde_json::to_writer_pretty(&mut out, &envelope)
                .map_err(io::Error::from)
                .and_then(|()| out.write_all(b"\n"))
        }
    };
    tolerate_closed_pipe(written.and_then(|()| out.flush()))
}

/// Turns a closed pipe into success: `seedbed … | head` has what it wanted.
pub fn tolerate_closed_pipe(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Bytes for people: `1.5 MB`.
#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `1 item`, `2 items`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_well() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
    }
}
