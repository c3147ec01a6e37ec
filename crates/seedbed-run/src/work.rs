//! A task with what is needed to go on with it: the keys of its checkpoints, and the one
//! from which all that is still to be made can be reached.

use crate::checkpoint::{Checkpoint, Shape};
use crate::periods::Volume;
use crate::shelf::Shelf;
use crate::sums::MissingDays;
use crate::{Checkpoints, RunError, Runner, Task};
use seedbed_block::{Date, Period};
use seedbed_model::State;
use seedbed_prep::{Done, TaskKey, survey};
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

/// The products that a task still has to make.
#[derive(Debug)]
pub(crate) struct ToMake {
    /// Those of periods, with their places among the task's products.
    pub(crate) volumes: Vec<(usize, Volume)>,
    /// The state behind the last day: its place among the task's products.
    pub(crate) state: Option<usize>,
    /// How many are there.
    pub(crate) present: usize,
}

/// Which products of a task are not committed yet.
fn pending(runner: &Runner<'_>, task: &Task) -> Result<Vec<bool>, RunError> {
    let done = survey(&runner.out, &task.products)?;
    Ok(done.into_iter().map(|done| done != Done::Yes).collect())
}

impl<'p> Work<'p> {
    /// A task with its checkpoints' keys.
    pub(crate) fn new(runner: &Runner<'_>, task: &'p Task) -> Result<Self, RunError> {
        let due = runner.period.days().filter(|day| runner.checkpoints().are_due(*day, runner.period));
        let before = runner.spun_up().filter(|_| runner.checkpoints() != Checkpoints::None);
        // Of the days behind the last nothing is known here: what a longer run kept of them stays.
        let kept = Shelf::of(&runner.out, &task.tile).list().into_iter().map(|kept| kept.last);
        let kept = kept.filter(|last| *last <= runner.period.end);
        let days: Vec<Date> = due.chain(before).chain(kept).collect();
        let target = runner.target(runner.grid.tile(&task.tile)?)?;
        Ok(Self { task, keys: runner.checkpoint_keys(&target, &days)? })
    }

    /// The products still to be made.
    pub(crate) fn to_make(&self, runner: &Runner<'_>) -> Result<ToMake, RunError> {
        let pending = pending(runner, self.task)?;
        let all = runner.volumes_by_name();
        let mut to_make = ToMake { volumes: Vec::new(), state: None, present: 0 };
        for (product, (member, pending)) in self.task.products.iter().zip(pending).enumerate() {
            if !pending {
                to_make.present += 1;
            } else if runner.is_state(member) {
                to_make.state = Some(product);
            } else if let Some(volume) = all.get(&member.period).filter(|v| v.is(member)) {
                to_make.volumes.push((product, volume.clone()));
            }
        }
        Ok(to_make)
    }

    /// The newest checkpoint that serves all that is to be made, or the run's first day.
    pub(crate) fn beginning(&self, runner: &Runner<'_>, to_make: &ToMake) -> Result<Beginning, RunError> {
        let shape = self.shape(runner)?;
        let mut passed_over = Vec::new();
        for kept in Shelf::of(&runner.out, &self.task.tile).list().into_iter().rev() {
            let next = kept.last.tomorrow().ok().filter(|next| *next >= runner.first_beginning());
            let (Some(from), Some(key)) = (next, self.keys.get(&kept.last)) else { continue };
            if to_make.first_end(runner).is_none_or(|end| end <= kept.last) {
                continue;
            }
            let read = std::fs::read(&kept.path).map_err(|e| e.to_string());
            match read.and_then(|bytes| Checkpoint::read(&bytes, key, shape)) {
                Ok(checkpoint) if checkpoint.last != kept.last => {
                    passed_over.push((kept.path, format!("it is of {}", checkpoint.last)));
                }
                Ok(checkpoint) if checkpoint.serves(&to_make.volumes) => {
                    return Ok(Beginning { from, checkpoint: Some(checkpoint), passed_over });
                }
                Ok(_) => {}
                Err(reason) => passed_over.push((kept.path, reason)),
            }
        }
        Ok(Beginning { from: runner.period.start, checkpoint: None, passed_over })
    }
}

impl Work<'_> {
    fn shape<'r>(&self, runner: &'r Runner<'_>) -> Result<Shape<'r>, RunError> {
        let pixels = runner.grid.tile(&self.task.tile)?.range.shape().len();
        Ok(Shape { outputs: &runner.outputs, missing_days: runner.missing_days()?, pixels })
    }

    /// The state behind the run's last day and the product that it is to be, where that is
    /// all there is to make and a checkpoint holds it.
    pub(crate) fn finished(
        &self,
        runner: &Runner<'_>,
        to_make: &ToMake,
    ) -> Result<Option<(usize, State)>, RunError> {
        let last = runner.period.end;
        let (Some(product), Some(key)) = (to_make.state, self.keys.get(&last)) else { return Ok(None) };
        if !to_make.volumes.is_empty() {
            return Ok(None);
        }
        let shape = self.shape(runner)?;
        let shelf = Shelf::of(&runner.out, &self.task.tile).list();
        let read = |path: PathBuf| Checkpoint::read(&std::fs::read(path).ok()?, key, shape).ok();
        let state = shelf.into_iter().filter(|kept| kept.last == last).find_map(|kept| read(kept.path));
        Ok(state.map(|checkpoint| (product, checkpoint.state)))
    }
}

impl ToMake {
    /// The last day that has to be run, if any.
    pub(crate) fn end(&self, runner: &Runner<'_>) -> Option<Date> {
        self.ends(runner).max()
    }

    /// The first day behind which one of them is made.
    fn first_end(&self, runner: &Runner<'_>) -> Option<Date> {
        self.ends(runner).min()
    }

    fn ends(&self, runner: &Runner<'_>) -> impl Iterator<Item = Date> {
        self.volumes.iter().map(|(_, volume)| volume.days.end).chain(self.state.map(|_| runner.period.end))
    }
}

impl Runner<'_> {
    /// The day before the first, where a spin-up ends on it.
    pub(crate) fn spun_up(&self) -> Option<Date> {
        self.origin.spin_up()?;
        self.period.start.yesterday().ok()
    }

    /// The earliest day that may come behind a checkpoint.
    fn first_beginning(&self) -> Date {
        let start = self.period.start;
        if self.origin.spin_up().is_some() { start } else { start.tomorrow().unwrap_or(start) }
    }

    /// How missing days count in sums.
    pub(crate) fn missing_days(&self) -> Result<MissingDays, RunError> {
        Ok(if self.is_lenient()? { MissingDays::Poison } else { MissingDays::Count })
    }

    /// Whether the variant lets single values out of range pass.
    pub(crate) fn is_lenient(&self) -> Result<bool, RunError> {
        Ok(self.model.spec().variant(self.settings.variant())?.lenient)
    }
}

/// The days of a run that lie before `from`.
pub(crate) fn days_before(from: Date, run: Period) -> usize {
    if from > run.start { Period { start: run.start, end: from }.len() - 1 } else { 0 }
}
