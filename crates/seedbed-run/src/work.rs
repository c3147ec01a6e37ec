//! A task with what is needed to go on with it: the keys of its checkpoints, and the one
//! from which all that is still to be made can be reached.

use crate::checkpoint::{Checkpoint, Shape};
use crate::gathering::Wanted;
use crate::shelf::Shelf;
use crate::sums::MissingDays;
use crate::{RunError, Runner, Task};
use seedbed_block::{Date, Period};
use seedbed_prep::{Done, TaskKey, is_done};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A task that has something left to do.
#[derive(Debug)]
pub(crate) struct Work<'p> {
    pub(crate) task: &'p Task,
    /// The keys of the checkpoints there are, and of those that will be.
    pub(crate) keys: BTreeMap<Date, TaskKey>,
}

/// Where a tile's passage through time begins.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// The first day that is read.
    pub(crate) from: Date,
    /// What it goes on from; nothing where it begins on the run's first day.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Newer checkpoints that can't be used, and why.
    pub(crate) passed_over: Vec<(PathBuf, String)>,
}

/// Which products of a task are not committed yet.
pub(crate) fn pending(runner: &Runner<'_>, task: &Task) -> Vec<bool> {
    task.products.iter().map(|m| is_done(&runner.out, m) != Done::Yes).collect()
}

impl<'p> Work<'p> {
    /// A task with its checkpoints' keys.
    pub(crate) fn new(runner: &Runner<'_>, task: &'p Task) -> Result<Self, RunError> {
        let due = runner.period.days().filter(|day| runner.checkpoints().are_due(*day, runner.period));
        let kept = Shelf::of(&runner.out, &task.tile).list().into_iter().map(|kept| kept.last);
        let days: Vec<Date> = due.chain(kept).collect();
        let target = runner.target(runner.grid.tile(&task.tile)?)?;
        Ok(Self { task, keys: runner.checkpoint_keys(&target, &days)? })
    }

    /// The products still to be made, in order of their first days.
    pub(crate) fn wanted(&self, runner: &Runner<'_>) -> Vec<Wanted> {
        let pending = pending(runner, self.task);
        let all = runner.periods().into_iter().enumerate();
        let mut wanted: Vec<Wanted> = all
            .filter(|(product, _)| pending.get(*product).copied().unwrap_or(false))
            .map(|(product, (kind, _, days))| Wanted { product, kind, days })
            .collect();
        wanted.sort_by_key(|w| (w.days.start, w.product));
        wanted
    }

    /// The newest checkpoint that serves all of `wanted`, or the run's first day.
    pub(crate) fn beginning(&self, runner: &Runner<'_>, wanted: &[Wanted]) -> Result<Beginning, RunError> {
        let pixels = runner.grid.tile(&self.task.tile)?.range.shape().len();
        let missing_days = runner.missing_days()?;
        let shape = Shape { outputs: &runner.outputs, missing_days, pixels };
        let mut passed_over = Vec::new();
        for kept in Shelf::of(&runner.out, &self.task.tile).list().into_iter().rev() {
            let next = kept.last.tomorrow().ok().filter(|next| *next > runner.period.start);
            let (Some(from), Some(key)) = (next, self.keys.get(&kept.last)) else { continue };
            if wanted.iter().any(|w| w.days.end <= kept.last) {
                continue;
            }
            let read = std::fs::read(&kept.path).map_err(|e| e.to_string());
            match read.and_then(|bytes| Checkpoint::read(&bytes, key, shape)) {
                Ok(checkpoint) if checkpoint.last != kept.last => {
                    passed_over.push((kept.path, format!("it is of {}", checkpoint.last)));
                }
                Ok(checkpoint) if checkpoint.serves(wanted) => {
                    return Ok(Beginning { from, checkpoint: Some(checkpoint), passed_over });
                }
                Ok(_) => {}
                Err(reason) => passed_over.push((kept.path, reason)),
            }
        }
        Ok(Beginning { from: runner.period.start, checkpoint: None, passed_over })
    }
}

impl Runner<'_> {
    /// How missing days count in sums.
    pub(crate) fn missing_days(&self) -> Result<MissingDays, RunError> {
        let variant = self.model.spec().variant(self.settings.variant())?;
        Ok(if variant.lenient { MissingDays::Poison } else { MissingDays::Count })
    }
}

/// The days of a run that lie before `from`.
pub(crate) fn days_before(from: Date, run: Period) -> usize {
    if from > run.start { Period { start: run.start, end: from }.len() - 1 } else { 0 }
}
