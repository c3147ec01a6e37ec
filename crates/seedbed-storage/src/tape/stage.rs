//! Bringing files to disk, and waiting for them.

use super::rest::{Progressed, Tape};
use super::{Group, Staged};
use crate::http::UnderWay;
use crate::{StorageError, Stores};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// How many files one request has: each look at it tells of all of them.
const FILES: usize = 1000;

/// A request, and its files that are not at an end. Dropped with some left, it cancels those.
struct Request {
    stores: Stores,
    tape: Arc<Tape>,
    id: String,
    /// By path, the server's last word of each.
    open: HashMap<String, String>,
    under_way: UnderWay,
}

/// See [`Stores::stage`].
pub(super) async fn run(
    stores: &Stores,
    groups: Vec<Group>,
    lifetime: Duration,
    told: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Staged, StorageError> {
    let (http, end) = (stores.http(), Instant::now() + lifetime);
    let mut requests = Vec::new();
    for (tape, group) in groups {
        let mut paths: Vec<String> = group.into_iter().map(|(_, path)| path).collect();
        paths.sort();
        paths.dedup();
        for paths in paths.chunks(FILES) {
            let id = tape.begin(http, paths, lifetime).await?;
            tracing::debug!(at = tape.at(), id, files = paths.len(), "asked for files on tape");
            let open = paths.iter().map(|path| (path.clone(), "SUBMITTED".to_owned())).collect();
            let under_way = http.undo().note(tape.giving_up(&id, paths));
            requests.push(Request { stores: stores.clone(), tape: Arc::clone(&tape), id, open, under_way });
        }
    }
    let total = requests.iter().map(|request| request.open.len()).sum();
    let at = requests.iter().map(|r| r.tape.at()).next().unwrap_or_default();
    let mut failed = Vec::new();
    let mut pause = http.settings().backoff;
    loop {
        for request in requests.iter_mut().filter(|request| !request.open.is_empty()) {
            failed.extend(request.look().await?);
        }
        let left: usize = requests.iter().map(|request| request.open.len()).sum();
        told(total - left, total);
        if left == 0 {
            break;
        }
        let now = Instant::now();
        if now >= end {
            for request in &mut requests {
                failed.extend(request.give_up(lifetime).await);
            }
            break;
        }
        tokio::time::sleep_until(end.min(now + pause)).await;
        pause = (2 * pause).min(http.settings().max_backoff);
    }
    if failed.is_empty() {
        return Ok(Staged { files: total, requests: requests.iter().map(|r| r.id.clone()).collect() });
    }
    failed.sort();
    Err(StorageError::Unstaged { at, total, files: failed })
}

impl Request {
    /// Asks how far its files are; those that failed, and why.
    async fn look(&mut self) -> Result<Vec<(String, String)>, StorageError> {
        let mut failed = Vec::new();
        for (path, progressed) in self.tape.progress(self.stores.http(), &self.id).await? {
            match progressed {
                Progressed::Waits(word) => {
                    if let Some(last) = self.open.get_mut(&path) {
                        *last = word;
                    }
                }
                Progressed::OnDisk => {
                    self.open.remove(&path);
                }
                Progressed::Failed(why) => {
                    if self.open.remove(&path).is_some() {
                        failed.push((path, why));
                    }
                }
            }
        }
        Ok(failed)
    }

    /// Cancels what is left, and says so of each.
    async fn give_up(&mut self, waited: Duration) -> Vec<(String, String)> {
        let open = std::mem::take(&mut self.open);
        if !open.is_empty() {
            cancel(&self.stores, &self.tape, &self.id, open.keys().cloned().collect()).await;
        }
        let why = |word: String| format!("still {word} after {} s; cancelled", waited.as_secs());
        open.into_iter().map(|(path, word)| (path, why(word))).collect()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.under_way.ended();
        let paths: Vec<String> = self.open.drain().map(|(path, _)| path).collect();
        let Ok(runtime) = Handle::try_current() else { return };
        if !paths.is_empty() {
            let (stores, tape, id) =
                (self.stores.clone(), Arc::clone(&self.tape), std::mem::take(&mut self.id));
            runtime.spawn(async move { cancel(&stores, &tape, &id, paths).await });
        }
    }
}

/// What can't be cancelled costs the site some work, and us nothing.
async fn cancel(stores: &Stores, tape: &Tape, id: &str, paths: Vec<String>) {
    if let Err(error) = tape.cancel(stores.http(), id, &paths).await {
        tracing::debug!(at = tape.at(), id, %error, "files on tape stay asked for");
    }
}
