//! What clients asked for and what they did wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::request::Asked;

/// One request and the status of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// Whether there was an `Authorization` header.
    pub authorized: bool,
    /// The status of the answer.
    pub status: u16,
}

/// Requests and violations so far.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: Mutex<Vec<Logged>>,
    violations: Mutex<Vec<String>>,
}

/// A list stays usable if a thread panicked while it held the lock.
fn locked<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    pub(super) fn request(&self, logged: Logged) {
        locked(&self.requests).push(logged);
    }

    pub(super) fn violation(&self, what: String) {
        locked(&self.violations).push(what);
    }

    pub(super) fn requests(&self) -> Vec<Logged> {
        locked(&self.requests).clone()
    }

    pub(super) fn violations(&self) -> Vec<String> {
        locked(&self.violations).clone()
    }

    /// How many requests with this one's method its path has had before.
    pub(super) fn count(&self, asked: &Asked) -> usize {
        fn path(logged: &Logged) -> Option<&str> {
            logged.target.split('?').next()
        }
        let this = asked.logged(0);
        locked(&self.requests).iter().filter(|r| r.method == this.method && path(r) == path(&this)).count()
    }

    pub(super) fn reset(&self) {
        locked(&self.requests).clear();
        locked(&self.violations).clear();
    }
}
