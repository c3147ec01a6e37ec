//! What is under way in remote stores and would be left there by whoever goes now: for each, the request that takes
//! it back.

use super::{Http, Method, Request};
use futures::future::join_all;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// When the list is gone through, from the moment of going on: a server's answer may put one more on it, and a server
/// that hears of a broken upload last may make its file after it was asked to remove it.
const ROUNDS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(800)];

/// The list.
#[derive(Default)]
pub(crate) struct Undo {
    requests: Mutex<HashMap<u64, Request>>,
    next: AtomicU64,
    leaving: AtomicBool,
    told: Notify,
}

/// Something under way. If it is dropped before it has [ended](UnderWay::ended), it stays on the list.
pub(crate) struct UnderWay {
    undo: Arc<Undo>,
    number: u64,
}

impl UnderWay {
    /// Nothing is left to be taken back.
    pub(crate) fn ended(&self) {
        self.undo.list().remove(&self.number);
    }
}

impl Undo {
    fn list(&self) -> MutexGuard<'_, HashMap<u64, Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns if something may be begun; never once all is being taken back.
    pub(crate) async fn may_begin(&self) {
        if self.leaving.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    /// Returns once all is being taken back.
    pub(crate) async fn is_leaving(&self) {
        let told = self.told.notified();
        if !self.leaving.load(Ordering::SeqCst) {
            told.await;
        }
    }

    /// Notes what takes back something that begins now.
    pub(crate) fn note(self: &Arc<Self>, request: Request) -> UnderWay {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.list().insert(number, request);
        UnderWay { undo: Arc::clone(self), number }
    }
}

impl Http {
    /// The list of what is under way.
    pub(crate) fn undo(&self) -> &Arc<Undo> {
        &self.undo
    }

    /// Takes back all that is under way, in one attempt each; nothing is begun from now on.
    pub(crate) async fn leave(&self) {
        self.undo.leaving.store(true, Ordering::SeqCst);
        self.undo.told.notify_waiters();
        for pause in ROUNDS {
            tokio::time::sleep(pause).await;
            let all: Vec<(u64, Request)> =
                self.undo.list().iter().map(|(number, request)| (*number, request.clone())).collect();
            if all.is_empty() && pause > Duration::ZERO {
                return;
            }
            join_all(all.iter().map(|(number, request)| async move {
                match self.attempt(request).await {
                    // An upload that was given up once can't come back, but a file can.
                    Ok(_) if !is_of_a_file(request) => drop(self.undo.list().remove(number)),
                    Ok(_) => {}
                    Err(failure) => {
                        tracing::debug!(error = %failure.error, "nothing to take back, or it stays");
                    }
                }
            }))
            .await;
        }
    }
}

/// Whether a request removes a file under its name.
fn is_of_a_file(request: &Request) -> bool {
    request.method == Method::Delete && request.url.query().is_none()
}
