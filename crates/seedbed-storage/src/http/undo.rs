//! What is under way in remote stores and would be left there by whoever goes now: for each, the request that takes
//! it back.

use super::{Http, Request};
use futures::future::join_all;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the list is gone through, and the time between: a server's answer may put one more on it.
const ROUNDS: usize = 2;
const BETWEEN: Duration = Duration::from_millis(100);

/// The list.
#[derive(Default)]
pub(crate) struct Undo {
    requests: Mutex<HashMap<u64, Request>>,
    next: AtomicU64,
    leaving: AtomicBool,
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
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(BETWEEN).await;
            }
            let all: Vec<Request> = self.undo.list().drain().map(|(_, request)| request).collect();
            join_all(all.iter().map(|request| async {
                if let Err(failure) = self.attempt(request).await {
                    tracing::debug!(error = %failure.error, "an unfinished upload stays");
                }
            }))
            .await;
        }
    }
}
