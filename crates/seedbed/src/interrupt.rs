//! Ctrl-C, SIGTERM and SIGHUP: the process says so and ends with 130, 143 or 129.
//!
//! Every write is committed by a link or a rename, so there is nothing to undo on disk:
//! what is done stays done, and the same command carries on. What is under way in remote
//! stores is taken back, if they answer in time, and models that are programs are ended.

use futures::future::join_all;
use seedbed_storage::Stores;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long stores may take.
const PATIENCE: Duration = Duration::from_secs(3);

static STORES: Mutex<Vec<Stores>> = Mutex::new(Vec::new());

/// What is said when the process is told to go.
const SAID: &str = "interrupted: what is done is kept";
const HINT: &str = "run the same command again to carry on";

/// Starts a thread that waits for a signal. It has a runtime of its own, so a
/// busy computation can't keep the process from stopping. With `json`, it ends with one
/// object on stdout as any command does.
pub fn watch(command: &'static str, json: bool) -> anyhow::Result<()> {
    heed_file_limits();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let Some(code) = runtime.block_on(next_signal()) else { return };
        let _ = writeln!(crate::progress::Stderr, "{SAID}\nhint: {HINT}");
        let all = STORES.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let taken_back = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, join_all(all.iter().map(Stores::leave))).await
        });
        if taken_back.is_err() {
            let _ =
                writeln!(crate::progress::Stderr, "hint: `seedbed clean` removes what is left in a store");
        }
        if json {
            let object = crate::failure::object(Some(command), SAID, Some(HINT), code);
            let _ = writeln!(std::io::stdout(), "{object:#}").and_then(|()| std::io::stdout().flush());
        }
        seedbed_host::stop_models();
        leave(i32::from(code))
    })?;
    Ok(())
}

/// A file that grows beyond `ulimit -f` is an error that is told as a full disk is, not the end of the process.
fn heed_file_limits() {
    // SAFETY: to ignore a signal runs no code of ours.
    #[cfg(unix)]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Lets these stores take back what is under way when the process is told to go.
pub fn heed(stores: &Stores) {
    STORES.lock().unwrap_or_else(PoisonError::into_inner).push(stores.clone());
}

/// Ends the process at once, without the libraries' exit handlers: GDAL and HDF5
/// would take down what other threads are still using, and the process would die
/// of that instead.
#[cfg(unix)]
fn leave(code: i32) -> ! {
    // SAFETY: _exit takes any number, touches no memory of ours, and doesn't return.
    unsafe { libc::_exit(code) }
}

#[cfg(not(unix))]
fn leave(code: i32) -> ! {
    std::process::exit(code)
}

#[cfg(unix)]
async fn next_signal() -> Option<u8> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).ok()?;
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    // What `nohup` starts outlives its terminal.
    let hangup = if is_ignored(libc::SIGHUP) { None } else { signal(SignalKind::hangup()).ok() };
    let hung_up = async move {
        match hangup {
            Some(mut hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = hung_up => Some(129),
        _ = interrupt.recv() => Some(130),
        _ = terminate.recv() => Some(143),
    }
}

/// Whether who started the process has it ignore a signal.
#[cfg(unix)]
fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: a `sigaction` is numbers and pointers, for which zero is a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: without a new action it only writes the present one to the place given.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

#[cfg(not(unix))]
async fn next_signal() -> Option<u8> {
    tokio::signal::ctrl_c().await.ok().map(|()| 130)
}
