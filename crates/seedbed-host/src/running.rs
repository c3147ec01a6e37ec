//! The programs that run at this moment.

use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The leaders of their process groups.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn groups() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a program that was started.
pub(crate) fn note(group: Pid) {
    groups().insert(group.as_raw_pid());
}

/// Forgets one whose end has been seen: its number may be another's from then on.
pub(crate) fn forget(group: Pid) {
    groups().remove(&group.as_raw_pid());
}

/// Ends a program and what it started.
pub(crate) fn stop(group: Pid) {
    // It may have ended by itself.
    let _ = kill_process_group(group, Signal::KILL);
}

/// Ends all models' programs and what they started, for a process that is about to end itself
/// while they may be computing: nobody would wait for their answers.
pub fn stop_models() {
    for group in groups().iter().filter_map(|group| Pid::from_raw(*group)) {
        stop(group);
    }
}
