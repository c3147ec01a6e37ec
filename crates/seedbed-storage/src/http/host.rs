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
    requests: [Lane; 2],
    not_before: Mutex<Option<Instant>>,
    spacing: Option<Duration>,
    /// When the next request may start.
    next: Mutex<Option<Instant>>,
}

/// Requests of one kind, as many at once as the host bears: fewer after each that it calls too many, more again as it
/// answers others.
struct Lane {
    running: Arc<Semaphore>,
    width: Mutex<Width>,
}

struct Width {
    now: usize,
    most: usize,
    /// Answers since it changed.
    answers: usize,
    /// Whether it was too many of late: a host may count connections that wait for a next request, too.
    strained: bool,
}

/// Answers, for each request at once, after which one more is tried.
const PROOF: usize = 16;

impl Lane {
    fn new(most: usize) -> Self {
        let width = Mutex::new(Width { now: most, most, answers: 0, strained: false });
        Self { running: Arc::new(Semaphore::new(most)), width }
    }
}

/// Leave to have one request running; ends when dropped.
pub(super) struct Permit {
    held: Option<OwnedSemaphorePermit>,
    host: Arc<Host>,
    writes: bool,
}

impl Permit {
    /// The request was answered so: as one too many, so that there is one less from now on, or otherwise.
    pub(super) fn answered(&mut self, status: u16) {
        let lane = &self.host.requests[usize::from(self.writes)];
        let mut width = lane.width.lock().unwrap_or_else(PoisonError::into_inner);
        if status == 429 {
            width.answers = 0;
            width.strained = true;
            if width.now > 1
                && let Some(held) = self.held.take()
            {
                held.forget();
                width.now -= 1;
            }
            return;
        }
        width.answers += 1;
        if width.answers < PROOF * width.now {
            return;
        }
        if width.now < width.most {
            lane.running.add_permits(1);
            width.now += 1;
            width.answers = 0;
        } else {
            width.strained = false;
        }
    }

    /// Whether the connection is to be closed behind the answer, and not kept for another request.
    pub(super) fn is_last(&self) -> bool {
        let lane = &self.host.requests[usize::from(self.writes)];
        lane.width.lock().unwrap_or_else(PoisonError::into_inner).strained
    }
}

impl Hosts {
    pub(super) fn new(concurrency: usize, rate: Option<f64>) -> Self {
        let spacing = rate.filter(|r| *r > 0.0).and_then(|r| Duration::try_from_secs_f64(1.0 / r).ok());
        Self { concurrency: concurrency.max(1), spacing, known: Mutex::default() }
    }

    pub(super) fn get(&self, url: &Url) -> Arc<Host> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let host = known.entry(url[..Position::BeforePath].to_owned()).or_insert_with(|| {
            let requests = [(), ()].map(|()| Lane::new(self.concurrency));
            let spacing = self.spacing;
            Arc::new(Host { requests, not_before: Mutex::default(), spacing, next: Mutex::default() })
        });
        Arc::clone(host)
    }
}

impl Host {
    /// Waits for leave to send a request.
    pub(super) async fn enter(self: &Arc<Self>, writes: bool) -> Permit {
        let mut slot = None;
        loop {
            // The semaphore is never closed, so there always is a permit in the end.
            let permit = Arc::clone(&self.requests[usize::from(writes)].running).acquire_owned().await.ok();
            if let Some(until) = self.until() {
                drop(permit);
                tokio::time::sleep_until(until).await;
                continue;
            }
            let starts = *slot.get_or_insert_with(|| self.reserve());
            if starts <= Instant::now() {
                return Permit { held: permit, host: Arc::clone(self), writes };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_says_too_many_gets_fewer_and_more_again_in_time() {
        let hosts = Hosts::new(4, None);
        let host = hosts.get(&Url::parse("http://h.org/x").unwrap());
        let free = || host.requests[0].running.available_permits();
        for left in [3, 2, 1, 1] {
            let mut permit = host.enter(false).await;
            permit.answered(429);
            assert!(permit.is_last());
            drop(permit);
            assert_eq!(free(), left);
        }
        for (answers, free_then) in [(PROOF - 1, 1), (1, 2), (2 * PROOF, 3), (3 * PROOF, 4), (9 * PROOF, 4)] {
            for _ in 0..answers {
                host.enter(false).await.answered(200);
            }
            assert_eq!(free(), free_then);
        }
        assert!(!host.enter(false).await.is_last());
        assert_eq!(host.requests[1].running.available_permits(), 4);
    }
}
