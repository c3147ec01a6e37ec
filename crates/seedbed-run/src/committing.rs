//! Products committed while their tile goes on: disks and stores take their time.

use crate::cubes::Cubes;
use crate::gathering::Gathering;
use crate::project::Format;
use crate::sums::Gathered;
use crate::tile::{TileOutcome, write};
use crate::work::Work;
use crate::{Event, Ledger, RunError, Runner};
use seedbed_prep::{Outcome, Target};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle};

/// What products are made with.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'e> {
    pub(crate) runner: &'e Runner<'e>,
    pub(crate) work: &'e Work<'e>,
    pub(crate) ledger: &'e Ledger,
}

/// Commits the products of periods that are over, those of one day after those of another, beside the days that
/// follow.
pub(crate) struct Committing<'s, 'e> {
    scope: &'s Scope<'s, 'e>,
    maker: Maker<'e>,
    target: Arc<Target>,
    /// What periods are the layers of, where that is what they become.
    cubes: Cubes,
    batch: Option<ScopedJoinHandle<'s, Batch>>,
}

/// The products of periods that end on one day.
struct Batch {
    over: Arc<Vec<Gathering>>,
    cubes: Cubes,
    made: usize,
    present: usize,
    done: Result<(), RunError>,
}

impl<'s, 'e> Committing<'s, 'e> {
    pub(crate) fn new(
        scope: &'s Scope<'s, 'e>,
        maker: Maker<'e>,
        target: &Arc<Target>,
        cubes: Cubes,
    ) -> Self {
        Self { scope, maker, target: Arc::clone(target), cubes, batch: None }
    }

    /// Begins to commit, when what was begun before is done; gives the arrays of that to be used again, as
    /// [`Committing::wait`] does.
    ///
    /// # Errors
    /// Those of the products begun before.
    pub(crate) fn begin(
        &mut self,
        over: &Arc<Vec<Gathering>>,
        outcome: &mut TileOutcome,
    ) -> Result<Vec<Vec<f64>>, RunError> {
        let arrays = self.wait(outcome)?;
        let (maker, target, cubes) = (self.maker, Arc::clone(&self.target), std::mem::take(&mut self.cubes));
        let over = Arc::clone(over);
        self.batch = Some(self.scope.spawn(move || {
            let mut batch = Batch { over, cubes, made: 0, present: 0, done: Ok(()) };
            batch.done = batch.commit(maker, &target);
            batch
        }));
        Ok(arrays)
    }

    /// Waits until all that was begun is committed; `outcome` counts it, also where one of it failed. Gives the arrays of
    /// periods that nobody else holds.
    ///
    /// # Errors
    /// Of the first product that can't be committed.
    pub(crate) fn wait(&mut self, outcome: &mut TileOutcome) -> Result<Vec<Vec<f64>>, RunError> {
        let Some(batch) = self.batch.take() else { return Ok(Vec::new()) };
        let Batch { over, cubes, made, present, done } =
            batch.join().unwrap_or_else(|panic| resume_unwind(panic));
        self.cubes = cubes;
        outcome.made += made;
        outcome.present += present;
        done?;
        let over = Arc::into_inner(over).unwrap_or_default();
        Ok(over.into_iter().flat_map(|gathering| gathering.sums).map(Gathered::into_array).collect())
    }
}

impl Batch {
    fn commit(&mut self, maker: Maker<'_>, target: &Target) -> Result<(), RunError> {
        let Maker { runner, work, ledger } = maker;
        for gathering in self.over.iter() {
            let member = &work.task.products[gathering.product];
            let written = match runner.project.output.format {
                Format::Cog => Some(write(runner, target, member, gathering)?),
                Format::Zarr => self.cubes.add(runner, target, member, gathering)?,
            };
            match written {
                Some(Outcome::Created) => self.made += 1,
                Some(Outcome::Adopted) => self.present += 1,
                None => continue,
            }
            ledger.note(&work.task.tile, Some((&member.period, &member.key)), Event::Committed)?;
        }
        Ok(())
    }
}
