//! Work on several threads, told of on one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Memory that the pieces of work at once may take where nobody says, in bytes.
const MEMORY: usize = 4 << 30;

/// Threads that run at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Threads for work that takes `each` bytes: as many as there are cores, fewer
/// where memory is short.
pub(crate) fn threads(each: usize) -> usize {
    cores().min(MEMORY / each.max(1)).max(1)
}

/// Does every piece of `work` on up to `threads` threads, begun in order; the
/// results come in the order of the work. `done` is told on the calling thread
/// how many pieces are behind.
///
/// # Examples
/// ```
/// let squares = seedbed_prep::in_parallel(&[1, 2, 3], 2, |_, n| n * n, |_| ());
/// assert_eq!(squares, [1, 4, 9]);
/// ```
pub fn in_parallel<W: Sync, R: Send>(
    work: &[W],
    threads: usize,
    act: impl Fn(usize, &W) -> R + Sync,
    mut done: impl FnMut(usize),
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<R>>> = Mutex::new(work.iter().map(|_| None).collect());
    let (told, heard) = mpsc::channel();
    std::thread::scope(|scope| {
        let spawn = |told: mpsc::Sender<()>| {
            let (next, results, act) = (&next, &results, &act);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(piece) = work.get(n) else { break };
                    let result = act(n, piece);
                    lock(results)[n] = Some(result);
                    // Nobody hears it only if the calling thread is unwinding.
                    let _ = told.send(());
                }
            })
        };
        let threads: Vec<_> = (0..threads.clamp(1, work.len().max(1))).map(|_| spawn(told.clone())).collect();
        drop(told);
        for (n, ()) in heard.iter().enumerate() {
            done(n + 1);
        }
        // A scope waits for its threads' closures only. GDAL, PROJ and HDF5 free what
        // they keep for a thread when it ends, which must not happen while the
        // process is leaving.
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // A thread that didn't finish its piece has panicked, and so has this one.
    results.into_iter().flatten().collect()
}

/// What a mutex guards, also after a thread has panicked with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_work() {
        let work: Vec<usize> = (0..100).collect();
        let mut told = Vec::new();
        let results = in_parallel(&work, 7, |n, w| n * 1000 + w, |behind| told.push(behind));
        assert_eq!(results, work.iter().map(|w| w * 1001).collect::<Vec<_>>());
        assert_eq!(told, (1..=100).collect::<Vec<_>>());
        assert!(in_parallel(&[] as &[u8], 3, |_, w| *w, |_| ()).is_empty());
        assert!(threads(usize::MAX) == 1 && threads(0) >= 1);
    }
}
