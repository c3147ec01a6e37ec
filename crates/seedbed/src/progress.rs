//! Progress on stderr: a bar on a terminal, a line every ten seconds elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Where progress goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A bar that redraws itself.
    Bar,
    /// A line now and then.
    Lines,
    /// Nowhere.
    Silent,
}

impl Mode {
    /// The mode for this process's stderr.
    pub fn detect(wanted: bool) -> Self {
        match (wanted, std::io::stderr().is_terminal()) {
            (false, _) => Self::Silent,
            (true, true) => Self::Bar,
            (true, false) => Self::Lines,
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Things: items, tiles, tasks.
    Things(&'static str),
    /// Bytes.
    Bytes,
}

fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)))
}

/// Writes bytes to stderr above the bars.
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        bars().suspend(|| std::io::stderr().write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// One running count. Cheap to clone, safe to share between threads; it
/// disappears (or says its last line) when the last clone is dropped.
#[derive(Clone)]
pub struct Meter(Arc<Shared>);

struct Shared {
    label: String,
    counted: Counted,
    mode: Mode,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    done: u64,
    total: Option<u64>,
    note: String,
    started: Instant,
    said: Instant,
}

impl Meter {
    /// Starts counting towards `total`, where that is known.
    pub fn new(mode: Mode, label: impl Into<String>, counted: Counted, total: Option<u64>) -> Self {
        let label = label.into();
        let now = Instant::now();
        let bar = (mode == Mode::Bar).then(|| {
            let bar = bars().add(ProgressBar::no_length());
            bar.set_style(style(counted, total.is_some()));
            bar.set_prefix(label.clone());
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let state = Mutex::new(State { done: 0, total, note: String::new(), started: now, said: now });
        Self(Arc::new(Shared { label, counted, mode, bar, state }))
    }

    /// Counts `n` more.
    pub fn advance(&self, n: u64) {
        self.change(|s| s.done += n);
    }

    /// Takes back `n`.
    pub fn retreat(&self, n: u64) {
        self.change(|s| s.done = s.done.saturating_sub(n));
    }

    /// Sets the count.
    pub fn set(&self, done: u64) {
        self.change(|s| s.done = done);
    }

    /// Sets what it counts towards.
    pub fn set_total(&self, total: u64) {
        if let Some(bar) = &self.0.bar {
            bar.set_style(style(self.0.counted, true));
        }
        self.change(|s| s.total = Some(total));
    }

    /// Says something beside the count.
    pub fn note(&self, note: String) {
        if let Some(bar) = &self.0.bar {
            bar.set_message(format!(", {note}"));
        }
        self.change(|s| s.note = note);
    }

    /// Sets the count and what it counts towards.
    pub fn at(&self, done: usize, total: usize) {
        self.set_total(total as u64);
        self.set(done as u64);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if let Some(bar) = &self.0.bar {
            if let Some(total) = state.total {
                bar.set_length(total);
            }
            bar.set_position(state.done);
        }
        if self.0.mode == Mode::Lines && state.said.elapsed() >= LINE_EVERY {
            state.said = Instant::now();
            let mut line =
                line(&self.0.label, self.0.counted, state.done, state.total, state.started.elapsed());
            if !state.note.is_empty() {
                line = format!("{line}, {}", state.note);
            }
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(counted: Counted, total: bool) -> ProgressStyle {
    let template = match (counted, total) {
        (Counted::Bytes, true) => {
            "{prefix} [{bar:30}] {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left{msg}"
        }
        (Counted::Bytes, false) => "{prefix} {spinner} {bytes}, {bytes_per_sec}{msg}",
        (Counted::Things(_), true) => "{prefix} [{bar:30}] {pos}/{len}, {per_sec}, {eta} left",
        (Counted::Things(_), false) => "{prefix} {spinner} {pos}, {per_sec}",
    };
    ProgressStyle::with_template(template)
        .map_or_else(|_| ProgressStyle::default_bar(), |s| s.progress_chars("=> "))
}

/// One line for a log: count, rate and, where it can be told, the time left.
#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn line(label: &str, counted: Counted, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(1e-3);
    let rate = done as f64 / seconds;
    let amount = |n: u64| match counted {
        Counted::Bytes => crate::report::bytes(n),
        Counted::Things(_) => n.to_string(),
    };
    let noun = match counted {
        Counted::Things(noun) => format!(" {noun}"),
        Counted::Bytes => String::new(),
    };
    let per_second = match counted {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate")]
        Counted::Bytes => format!("{}/s", crate::report::bytes(rate as u64)),
        Counted::Things(_) => format!("{rate:.1}/s"),
    };
    match total {
        Some(total) if rate > 0.0 => {
            let left = total.saturating_sub(done) as f64 / rate;
            format!("{label}: {} of {}{noun}, {per_second}, {left:.0} s left", amount(done), amount(total))
        }
        Some(total) => format!("{label}: {} of {}{noun}", amount(done), amount(total)),
        None => format!("{label}: {}{noun}, {per_second}", amount(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rate_and_time_left() {
        let text = line("run", Counted::Things("tasks"), 20, Some(60), Duration::from_secs(10));
        assert_eq!(text, "run: 20 of 60 tasks, 2.0/s, 20 s left");
        let text = line("copy", Counted::Bytes, 5_000_000, None, Duration::from_secs(10));
        assert_eq!(text, "copy: 5.0 MB, 500.0 kB/s");
    }
}
