//! Doing what is not done yet: a work queue over the tiles.

use crate::runner::Static;
use crate::tile::{check, pending, run};
use crate::{Event, Ledger, Plan, RunError, Runner, Task};
use seedbed_prep::write_catalog;
use seedbed_storage::Location;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How to execute.
#[derive(Debug, Clone)]
pub struct ExecuteOptions {
    /// Tiles worked on at once; memory may allow fewer.
    pub jobs: usize,
    /// Bytes of memory the run may take.
    pub memory: u64,
    /// Only these tiles.
    pub tiles: Option<Vec<String>>,
}

/// What an observer of a run is told, and asked.
pub trait Progress: Sync {
    /// So many of all tile-days are behind.
    fn advanced(&self, done: usize, total: usize);
    /// Whether the user asked to stop.
    fn interrupted(&self) -> bool {
        false
    }
}

/// A tile that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TileFailure {
    /// The tile.
    pub tile: String,
    /// Why, with its causes.
    pub reason: String,
    /// Whether trying again later may help.
    pub retryable: bool,
    /// Whether the project or an input is at fault.
    pub usage: bool,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Tiles in the plan.
    pub tiles: usize,
    /// Products in the plan.
    pub products: usize,
    /// Products made now.
    pub made: usize,
    /// Products that were there already.
    pub present: usize,
    /// Tiles that failed.
    pub failed: Vec<TileFailure>,
    /// The product's catalog.
    pub catalog: PathBuf,
}

impl Runner<'_> {
    /// Executes a plan: everything whose record isn't there yet. A tile that
    /// fails doesn't stop the others; it stands in the report and the ledger.
    ///
    /// Before anything is written, the inputs of every tile with work to do are
    /// opened and their calendars checked.
    ///
    /// # Errors
    /// [`RunError::Input`] where an input is incomplete; [`RunError::Interrupted`];
    /// what writing the plan or the catalog brings.
    pub fn execute(
        &self,
        plan: &Plan,
        options: &ExecuteOptions,
        progress: &dyn Progress,
    ) -> Result<RunReport, RunError> {
        let chosen = self.chosen(plan, options)?;
        let mut report = RunReport {
            tiles: chosen.len(),
            products: chosen.iter().map(|t| t.products.len()).sum(),
            made: 0,
            present: 0,
            failed: Vec::new(),
            catalog: self.out.join("catalog.json"),
        };
        let (work, done): (Vec<&Task>, Vec<&Task>) =
            chosen.into_iter().partition(|task| pending(self, task).contains(&true));
        report.present = done.iter().map(|task| task.products.len()).sum();
        for task in &work {
            check(self, task)?;
        }
        let expected = self.expected(plan)?;
        expected.write(&self.out, &self.spool)?;
        self.write_plan(plan)?;
        if !work.is_empty() {
            self.queue(&work, options, progress, &mut report)?;
        }
        write_catalog(&self.out, &expected, &self.description(), &self.spool)?;
        if progress.interrupted() {
            return Err(RunError::Interrupted);
        }
        Ok(report)
    }

    /// Checks the inputs of every tile of a plan that has work to do, as
    /// [`Runner::execute`] does before it writes anything.
    ///
    /// # Errors
    /// [`RunError::Input`] for days that are missing, units and values that make
    /// no sense, and damaged files.
    pub fn check(&self, plan: &Plan) -> Result<(), RunError> {
        plan.tasks
            .iter()
            .filter(|task| pending(self, task).contains(&true))
            .try_for_each(|task| check(self, task))
    }

    /// Whether all inputs lie on this machine, so that checking them fetches nothing.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let fields = self.statics.iter().filter_map(|(_, field)| match field {
            Static::Field { series, .. } => Some(series),
            Static::Value(_) | Static::Latitude => None,
        });
        let mut all = self.inputs.iter().map(|input| &input.series).chain(fields);
        all.all(|series| series.assets.iter().all(|asset| asset.location.is_local()))
    }

    /// Executes one task of a plan: its records and its lines of the ledger only,
    /// so that any number of workers may do so at once.
    ///
    /// # Errors
    /// [`RunError::Plan`] for an index past the end or a plan that no longer fits
    /// the project; [`RunError::Input`] where an input is incomplete.
    pub fn work(
        &self,
        plan: &Plan,
        index: usize,
        options: &ExecuteOptions,
        progress: &dyn Progress,
    ) -> Result<RunReport, RunError> {
        let stale = |reason: String| RunError::Plan { path: Plan::path(&self.out), reason };
        let task = plan
            .tasks
            .get(index)
            .ok_or_else(|| stale(format!("it has tasks 0 to {}, not {index}", plan.tasks.len() - 1)))?;
        if self.plan()?.tasks.get(index) != Some(task) {
            return Err(stale(
                "the project or its inputs have changed since; run `seedbed run` again".to_owned(),
            ));
        }
        let mut report = RunReport {
            tiles: 1,
            products: task.products.len(),
            made: 0,
            present: 0,
            failed: Vec::new(),
            catalog: self.out.join("catalog.json"),
        };
        if pending(self, task).contains(&true) {
            check(self, task)?;
            self.queue(&[task], options, progress, &mut report)?;
        } else {
            report.present = task.products.len();
        }
        if progress.interrupted() { Err(RunError::Interrupted) } else { Ok(report) }
    }

    fn chosen<'p>(&self, plan: &'p Plan, options: &ExecuteOptions) -> Result<Vec<&'p Task>, RunError> {
        let Some(names) = &options.tiles else { return Ok(plan.tasks.iter().collect()) };
        for name in names {
            self.grid.tile(name)?;
        }
        Ok(plan.tasks.iter().filter(|t| names.contains(&t.tile)).collect())
    }

    fn write_plan(&self, plan: &Plan) -> Result<(), RunError> {
        let mut bytes = serde_json::to_vec_pretty(plan).map_err(seedbed_prep::PrepError::Encode)?;
        bytes.push(b'\n');
        let at = Location::Local(Plan::path(&self.out));
        self.spool.block_on(self.spool.stores().replace(&at, bytes.into()))?;
        Ok(())
    }

    fn description(&self) -> String {
        let spec = self.model.spec();
        format!("{} of {}, variant {}", spec.title, self.name(), self.settings.variant())
    }

    fn queue(
        &self,
        work: &[&Task],
        options: &ExecuteOptions,
        progress: &dyn Progress,
        report: &mut RunReport,
    ) -> Result<(), RunError> {
        let ledger = Ledger::open(&self.out)?;
        let days = self.period.len();
        let total = days * work.len();
        let done: Vec<AtomicUsize> = work.iter().map(|_| AtomicUsize::new(0)).collect();
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::new());
        let jobs = self.jobs(options).min(work.len());
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        let Some(task) = work.get(n) else { break };
                        if progress.interrupted() {
                            break;
                        }
                        let started = Instant::now();
                        let tick = |passed: usize| {
                            done[n].store(passed, Ordering::Relaxed);
                            let behind = done.iter().map(|d| d.load(Ordering::Relaxed)).sum();
                            progress.advanced(behind, total);
                            !progress.interrupted()
                        };
                        let outcome = ledger
                            .note(&task.tile, None, Event::Started)
                            .and_then(|()| run(self, task, &ledger, &tick));
                        let event = match &outcome {
                            Ok(_) => Event::Finished { seconds: started.elapsed().as_secs_f64() },
                            Err(e) => Event::Failed { reason: reason(e) },
                        };
                        let noted = ledger.note(&task.tile, None, event);
                        let outcome = noted.and(outcome);
                        results.lock().unwrap_or_else(PoisonError::into_inner).push((n, outcome));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(n, _)| *n);
        for (n, outcome) in results {
            match outcome {
                Ok(tile) => {
                    report.made += tile.made;
                    report.present += tile.present;
                }
                Err(RunError::Interrupted) => {}
                Err(e) => report.failed.push(TileFailure {
                    tile: work[n].tile.clone(),
                    reason: reason(&e),
                    retryable: e.retryable(),
                    usage: e.is_usage(),
                }),
            }
        }
        Ok(())
    }

    /// Tiles at once, as cores and memory allow; at least one.
    fn jobs(&self, options: &ExecuteOptions) -> usize {
        let pixels = self.grid.tiles.iter().map(|t| t.range.shape().len()).max().unwrap_or(0);
        // Sums in 64 bits for every output and period kind, twice for what is being written.
        let held = pixels * self.outputs.len() * (self.kinds.len() + 2) * 8;
        let need = u64::try_from(crate::tile::PIECE + held).unwrap_or(u64::MAX);
        let fit = usize::try_from(options.memory / need.max(1)).unwrap_or(usize::MAX);
        options.jobs.min(fit).max(1)
    }
}

/// An error with its causes on one line.
pub(crate) fn reason(error: &RunError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(c) = cause {
        let said = c.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = c.source();
    }
    text
}
