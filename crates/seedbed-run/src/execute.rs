//! Doing what is not done yet: a work queue over the tiles.

use crate::inputs::Static;
use crate::inspection::inspect;
use crate::orders::{Disorder, join};
use crate::tile::{Tick, TileOutcome, memory, run};
use crate::work::Work;
use crate::{Empty, Event, InputReport, Ledger, Plan, RunError, Runner, Task};
use seedbed_prep::{Cubes, Done, PrepError, in_parallel, one_line, survey, write_catalog};
use seedbed_storage::Location;
use serde::Serialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Bytes that a process takes beside its tiles: the program and its libraries, PROJ's database,
/// threads and their buffers. Measured as the peak (`VmHWM`) of runs of VegET on four tiles of 4 × 4
/// pixels, whose arrays are next to nothing: 181 MB with one job and 197 to 204 MB with two, optimised
/// or not. What a further job adds lies within the estimate of its tile.
const PROCESS: u64 = 165_000_000;

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

/// Tasks whose inputs have been looked at.
struct Looked<'p> {
    work: Vec<Work<'p>>,
    disorders: Vec<Disorder>,
    empty: Vec<Empty>,
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
    /// Periods whose products aren't made, for longer ones are there or expected.
    pub left: Vec<String>,
    /// Another product whose place this run's took.
    pub replaced: Option<String>,
    /// Tile-days simulated now: those behind a checkpoint that a tile went on from.
    pub days: usize,
    /// Tiles that went on from a checkpoint.
    pub resumed: usize,
    /// Tiles that failed.
    pub failed: Vec<TileFailure>,
    /// Inputs that exceed in a few pixels what they may not exceed.
    pub disorders: Vec<Disorder>,
    /// Statics that have no value on some tiles.
    pub empty: Vec<Empty>,
    /// Tiles that were worked on at once.
    pub jobs: usize,
    /// Bytes of memory that so many were estimated to take.
    pub memory_estimated: u64,
    /// The most that this process took until the end, where the system tells.
    pub memory_peak: Option<u64>,
    /// The product's catalog.
    pub catalog: Location,
}

impl Runner<'_> {
    /// Executes a plan: everything whose record isn't there yet. A tile that
    /// fails doesn't stop the others; it stands in the report and the ledger.
    ///
    /// Before anything is written, the inputs of every tile with work to do are
    /// opened and their calendars checked. Plan and expected set are those of the
    /// whole project, also where only some tiles are chosen.
    ///
    /// # Errors
    /// [`RunError::Inputs`] where inputs won't do; [`RunError::Interrupted`];
    /// what writing the plan or the catalog brings.
    pub fn execute(
        &self,
        plan: &Plan,
        options: &ExecuteOptions,
        progress: &dyn Progress,
    ) -> Result<RunReport, RunError> {
        let chosen = self.chosen(plan, options)?;
        let (work, mut report) = self.open_work(&chosen, options)?;
        report.left = self.left(plan);
        report.replaced = self.replaces(plan)?;
        let expected = self.expected(plan)?.joined(&self.out, Cubes::ByYear).map_err(RunError::from)?;
        expected.write(&self.out, &self.spool)?;
        self.write_plan(plan)?;
        self.spool.keep_digests();
        self.queue(&work, options, progress, &mut report)?;
        match write_catalog(&self.out, &expected, &self.description(), &self.spool) {
            // What made tiles fail may keep the documents from being written, too; the next run writes them.
            Err(error) if !report.failed.is_empty() => {
                tracing::warn!(catalog = %report.catalog, error = one_line(&error), "not written");
            }
            written => written?,
        }
        if progress.interrupted() {
            return Err(RunError::Interrupted);
        }
        Ok(report)
    }

    /// Checks the inputs of every tile of a plan that has work to do, as
    /// [`Runner::execute`] does before it writes anything. Gives inputs that exceed in a few
    /// pixels what they may not exceed.
    ///
    /// # Errors
    /// [`RunError::Inputs`] with all that is wrong: days that are missing, units and values
    /// that make no sense, statics that don't lie there, and damaged files.
    pub fn check(&self, plan: &Plan) -> Result<Vec<Disorder>, RunError> {
        let tasks: Vec<&Task> = plan.tasks.iter().collect();
        let (open, _) = self.divided(&tasks)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        self.inspected(&open, threads).map(|looked| looked.disorders)
    }

    /// The tasks with something left to do, and how many products of the others are there.
    fn divided<'p>(&self, tasks: &[&'p Task]) -> Result<(Vec<&'p Task>, usize), RunError> {
        let done = survey(&self.out, tasks.iter().flat_map(|task| &task.products))?;
        done.iter().for_each(Done::tell);
        let makes = self.makes(tasks.iter().flat_map(|task| &task.products));
        let mut products = done.into_iter().map(|done| done == Done::Yes).zip(makes);
        let (mut open, mut present) = (Vec::new(), 0);
        for task in tasks {
            let products: Vec<(bool, bool)> = products.by_ref().take(task.products.len()).collect();
            if products.iter().any(|(done, makes)| *makes && !done) {
                open.push(*task);
            } else {
                present += products.iter().filter(|(done, _)| *done).count();
            }
        }
        Ok((open, present))
    }

    /// Whether all inputs lie on this machine, so that checking them fetches nothing.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let fields = self.statics.iter().filter_map(|(_, field)| match field {
            Static::Field { series, .. } => Some(series),
            Static::Value(_) | Static::Latitude => None,
        });
        let inputs = self.inputs.iter().flat_map(|input| input.intervals.iter().map(|i| &i.series));
        let mut all = inputs.chain(fields);
        all.all(|series| series.assets.iter().all(|asset| asset.location.is_local()))
    }

    /// Executes one task of a plan: its records and its lines of the ledger only,
    /// so that any number of workers may do so at once.
    ///
    /// # Errors
    /// [`RunError::Plan`] for an index past the end or a plan that no longer fits
    /// the project; [`RunError::Inputs`] where inputs won't do.
    pub fn work(
        &self,
        plan: &Plan,
        index: usize,
        options: &ExecuteOptions,
        progress: &dyn Progress,
    ) -> Result<RunReport, RunError> {
        let stale = |reason: String| RunError::Plan { path: Plan::path(&self.out), reason };
        let count = plan.tasks.len();
        let task = plan.tasks.get(index).ok_or_else(|| {
            stale(format!("it has {count} tasks, counted from 0; there is no task {index}"))
        })?;
        let changed =
            || stale("the project or its inputs have changed since; run `seedbed run` again".to_owned());
        let tile = self.grid.tile(&task.tile).map_err(|_| changed())?;
        let mut now = [self.task(tile, &self.target(tile)?)?];
        self.settle(&mut now)?;
        if now[0] != *task {
            return Err(changed());
        }
        let (work, mut report) = self.open_work(&[task], options)?;
        self.queue(&work, options, progress, &mut report)?;
        if progress.interrupted() { Err(RunError::Interrupted) } else { Ok(report) }
    }

    /// The tasks with something left to do, their inputs checked.
    fn open_work<'p>(
        &self,
        tasks: &[&'p Task],
        options: &ExecuteOptions,
    ) -> Result<(Vec<Work<'p>>, RunReport), RunError> {
        let (open, present) = self.divided(tasks)?;
        let Looked { work, disorders, empty } = self.inspected(&open, self.jobs(options))?;
        let report = RunReport {
            tiles: tasks.len(),
            products: tasks.iter().map(|t| t.products.len()).sum(),
            made: 0,
            present,
            left: Vec::new(),
            replaced: None,
            days: 0,
            resumed: 0,
            failed: Vec::new(),
            disorders,
            empty,
            jobs: 0,
            memory_estimated: 0,
            memory_peak: None,
            catalog: self.out.join("catalog.json"),
        };
        Ok((work, report))
    }

    /// Tasks with what is needed to go on with them, once all their inputs have been looked
    /// at and none has a problem; and what is out of order in a few pixels.
    fn inspected<'p>(&self, tasks: &[&'p Task], threads: usize) -> Result<Looked<'p>, RunError> {
        let look = |_: usize, task: &&'p Task| {
            let work = Work::new(self, task)?;
            let findings = inspect(self, &work)?;
            Ok((work, findings))
        };
        let looked = in_parallel(tasks, threads, look, |_| ());
        let looked = looked.into_iter().collect::<Result<Vec<_>, RunError>>()?;
        let (mut all, mut problems, mut disorders) = (Vec::new(), Vec::new(), Vec::new());
        let mut empty = Vec::new();
        for (work, findings) in looked {
            empty.extend(findings.empty.into_iter().map(|input| (input, work.task.tile.clone())));
            all.push(work);
            problems.extend(findings.problems);
            findings.disorders.into_iter().for_each(|disorder| join(&mut disorders, disorder));
        }
        let empty = crate::empty::gather(empty, self.grid.tiles.len(), &mut problems);
        if problems.is_empty() {
            return Ok(Looked { work: all, disorders, empty });
        }
        let report = InputReport { tiles: tasks.len(), problems };
        Err(RunError::Inputs { path: self.project.path.clone(), report })
    }

    fn chosen<'p>(&self, plan: &'p Plan, options: &ExecuteOptions) -> Result<Vec<&'p Task>, RunError> {
        let Some(names) = &options.tiles else { return Ok(plan.tasks.iter().collect()) };
        for name in names {
            if self.left_out.contains(name) {
                let message = format!("tile {name} has no pixel of the mask, and isn't run");
                return Err(self.project.key_error("output.mask", message));
            }
            self.grid.tile(name)?;
        }
        Ok(plan.tasks.iter().filter(|t| names.contains(&t.tile)).collect())
    }

    fn write_plan(&self, plan: &Plan) -> Result<(), RunError> {
        let path = Plan::path(&self.out);
        let mut bytes = serde_json::to_vec_pretty(plan).map_err(PrepError::Encode)?;
        bytes.push(b'\n');
        if std::fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        self.spool.block_on(self.spool.stores().replace(&Location::Local(path), bytes.into()))?;
        Ok(())
    }

    fn description(&self) -> String {
        let spec = self.model.spec();
        format!("{} of {}, variant {}", spec.title, self.name(), self.settings.variant())
    }

    fn queue(
        &self,
        work: &[Work<'_>],
        options: &ExecuteOptions,
        progress: &dyn Progress,
        report: &mut RunReport,
    ) -> Result<(), RunError> {
        if work.is_empty() {
            return Ok(());
        }
        let ledger = Ledger::open(&self.out)?;
        let total = self.period.len() * work.len();
        let behind: Vec<AtomicUsize> = work.iter().map(|_| AtomicUsize::new(0)).collect();
        let act = |n: usize, task: &Work<'_>| {
            let mut outcome = TileOutcome::default();
            let tick = |days: usize| {
                behind[n].store(days, Ordering::Relaxed);
                progress.advanced(behind.iter().map(|d| d.load(Ordering::Relaxed)).sum(), total);
                !progress.interrupted()
            };
            let result = if progress.interrupted() {
                Err(RunError::Interrupted)
            } else {
                self.attempt(task, &ledger, &tick, &mut outcome)
            };
            (outcome, result)
        };
        report.jobs = self.jobs(options).min(work.len());
        report.memory_estimated = PROCESS.saturating_add(self.need().saturating_mul(report.jobs as u64));
        let results = in_parallel(work, report.jobs, act, |_| ());
        report.memory_peak = peak();
        // The days that were looked at before are among those that were run.
        report.disorders.retain(|disorder| disorder.date.is_none());
        for (task, (outcome, result)) in work.iter().zip(results) {
            report.made += outcome.made;
            report.present += outcome.present;
            report.days += outcome.days;
            report.resumed += usize::from(outcome.resumed);
            outcome.disorders.into_iter().for_each(|disorder| join(&mut report.disorders, disorder));
            match result {
                Ok(()) | Err(RunError::Interrupted) => {}
                Err(e) => report.failed.push(TileFailure {
                    tile: task.task.tile.clone(),
                    reason: one_line(&e),
                    retryable: e.retryable(),
                    usage: e.is_usage(),
                }),
            }
        }
        Ok(())
    }

    /// One tile, with what became of it in the ledger.
    fn attempt(
        &self,
        work: &Work<'_>,
        ledger: &Ledger,
        tick: Tick<'_>,
        outcome: &mut TileOutcome,
    ) -> Result<(), RunError> {
        let started = Instant::now();
        let tile = &work.task.tile;
        ledger.note(tile, None, Event::Started)?;
        let result = run(self, work, ledger, tick, outcome);
        let event = match &result {
            Ok(()) => Event::Finished { seconds: started.elapsed().as_secs_f64() },
            Err(e) => Event::Failed { reason: one_line(e) },
        };
        ledger.note(tile, None, event)?;
        result
    }

    /// Tiles at once, as cores and memory allow; at least one.
    fn jobs(&self, options: &ExecuteOptions) -> usize {
        let of_tiles = options.memory.saturating_sub(PROCESS);
        let fit = usize::try_from(of_tiles / self.need().max(1)).unwrap_or(usize::MAX);
        options.jobs.min(fit).max(1)
    }

    /// Bytes that a run takes which works on one tile at a time, the largest, by estimate: with
    /// less it takes this all the same.
    #[must_use]
    pub fn least_memory(&self) -> u64 {
        PROCESS.saturating_add(self.need())
    }

    /// Bytes that the largest tile takes at work, by estimate.
    fn need(&self) -> u64 {
        let pixels = self.grid.tiles.iter().map(|t| t.range.shape().len()).max().unwrap_or(0);
        u64::try_from(memory(self, pixels)).unwrap_or(u64::MAX)
    }
}

/// The most bytes of memory that this process has had, where the system tells.
fn peak() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}
