//! What one host may be asked at once, how often, and when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use url::{Position, Url};

/// The hosts that were spoken to, by scheme, name and port.
pub(super) struct Hosts {
    concurrency: usize,
    /// The least time between the starts of two requests.
    spacing: Option<Duration>,
    known: Mutex<HashMap<String, Arc<Host>>>,
}

/// One host: a bounded number of requests, evenly spaced, and a time before which it wants none.
pub(super) struct Host {
    /// Those that read, and those that write: a copy within one host holds one of each.
    requests: [Arc<Semaphore>; 2],
    not_before: Mutex<Option<Instant>>,
    spacing: Option<Duration>,
    /// When the next request may start.
    next: Mutex<Option<Instant>>,
}

/// Leave to have one request running; ends when dropped.
pub(super) struct Permit {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Hosts {
    pub(super) fn new(concurrency: usize, rate: Option<f64>) -> Self {
        let spacing = rate.filter(|r| *r > 0.0).and_then(|r| Duration::try_from_secs_f64(1.0 / r).ok());
        Self { concurrency: concurrency.max(1), spacing, known: Mutex::default() }
    }

    pub(super) fn get(&self, url: &Url) -> Arc<Host> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let host = known.entry(url[..Position::BeforePath].to_owned()).or_insert_with(|| {
            let requests = [(), ()].map(|()| Arc::new(Semaphore::new(self.concurrency)));
            let spacing = self.spacing;
            Arc::new(Host { requests, not_before: Mutex::default(), spacing, next: Mutex::default() })
        });
        Arc::clone(host)
    }
}

impl Host {
    /// Waits for leave to send a request.
    pub(super) async fn enter(&self, writes: bool) -> Permit {
        let mut slot = None;
        loop {
            // The semaphore is never closed, so there always is a permit in the end.
            let permit = Arc::clone(&self.requests[usize::from(writes)]).acquire_owned().await.ok();
            if let Some(until) = self.until() {
                drop(permit);
                tokio::time::sleep_until(until).await;
                continue;
            }
            let starts = *slot.get_or_insert_with(|| self.reserve());
            if starts <= Instant::now() {
                return Permit { _permit: permit };
            }
            drop(permit);
            tokio::time::sleep_until(starts).await;
        }
    }

    /// The moment at which one more request may start; the following ones start later.
    fn reserve(&self) -> Instant {
        let now = Instant::now();
        let Some(spacing) = self.spacing else { return now };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = next.map_or(now, |next| next.max(now));
        *next = Some(slot + spacing);
        slot
    }

    /// No request is to start for this long.
    pub(super) fn leave_alone_for(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = Some(not_before.map_or(until, |known| known.max(until)));
    }

    fn until(&self) -> Option<Instant> {
        let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        not_before.filter(|until| *until > Instant::now())
    }
}
