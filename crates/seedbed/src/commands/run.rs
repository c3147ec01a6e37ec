//! `seedbed run`: a project file, from its inputs to its outputs on every tile.

use crate::context::Ctx;
use crate::failure::{self, Judge};
use crate::machine::{self, Memory};
use crate::overriding::Over;
use crate::progress::{Counted, Meter};
use crate::report::{Report, Status, bytes, count};
use crate::selection::byte_count;
use seedbed_host::Models;
use seedbed_run::{
    Disorder, ExecuteOptions, InputReport, Overrides, Plan, Progress, Project, RunError, RunReport, Runner,
};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  seedbed run seedbed.toml --dry-run
  seedbed run seedbed.toml
  seedbed run seedbed.toml --tiles r004c018,r004c019 --period 2003
  seedbed run seedbed.toml --items ndvi=items.json --out /scratch/run

What is done is left alone: running again makes only what is missing or whose
inputs have changed, from the newest checkpoint of each tile that serves. A part
of the project's days (--period) adds its products to the others; a month or year
that it has only in part stays as it is where one with more days is there or expected.";

/// Run a project: align the inputs, run the model, write every tile's outputs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The project file.
    #[arg(value_name = "seedbed.toml")]
    project: PathBuf,
    #[command(flatten)]
    over: Over,
    /// Only these tiles.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    tiles: Vec<String>,
    #[command(flatten)]
    resources: Resources,
    /// Say what would be made, and make nothing.
    #[arg(long)]
    dry_run: bool,
}

/// How much of the machine a run may take.
#[derive(Debug, Clone, clap::Args)]
pub struct Resources {
    /// Tiles at once; as many as there are cores where none is given.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Memory it may take; three fifths of what there is where none is given.
    #[arg(long, value_name = "BYTES", value_parser = byte_count)]
    memory: Option<u64>,
}

/// Says that a run takes more memory than it is told to.
pub fn tell_of_memory(runner: &Runner<'_>, options: &ExecuteOptions, ctx: &Ctx) {
    let least = runner.least_memory();
    if least > options.memory {
        let (least, told) = (bytes(least), bytes(options.memory));
        ctx.say(format_args!(
            "note: a run of these tiles takes about {least} of memory, more than the {told} it may: it works on one \
             tile at a time"
        ));
    }
}

/// Assumed where the system doesn't say how much memory there is.
const UNKNOWN_MEMORY: u64 = 4_000_000_000;

impl Resources {
    /// As the runner wants them.
    pub fn options(&self, tiles: Option<Vec<String>>) -> ExecuteOptions {
        let usable = Memory::of_this_machine().map_or(UNKNOWN_MEMORY, Memory::usable);
        ExecuteOptions {
            jobs: self.jobs.unwrap_or_else(machine::cores).max(1),
            memory: self.memory.unwrap_or(usable / 5 * 3),
            tiles,
        }
    }
}

#[derive(Debug, Serialize)]
struct Planned<'a> {
    dry_run: bool,
    tiles: usize,
    products: usize,
    to_make: usize,
    /// Periods whose products aren't made, for longer ones are there or expected.
    left: Vec<String>,
    /// Another product whose place this run's would take.
    replaces: Option<String>,
    /// Tiles that the output mask leaves out.
    left_out: &'a [String],
    /// Inputs that exceed in a few pixels what they may not exceed.
    disorders: Vec<Disorder>,
    plan: &'a Plan,
}

impl Report for Planned<'_> {
    const COMMAND: &'static str = "run";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for task in &self.plan.tasks {
            writeln!(out, "{}: {}", task.tile, count(task.products.len(), "product"))?;
        }
        if !self.left_out.is_empty() {
            let names = self.left_out.join(", ");
            writeln!(out, "{} without a pixel of the mask: {names}", count(self.left_out.len(), "tile"))?;
        }
        disorders(&self.disorders, out)?;
        beside(&self.left, self.replaces.as_deref(), &self.plan.out, out)?;
        writeln!(
            out,
            "{} on {} from {}; {} to make, in {}",
            count(self.products, "product"),
            count(self.tiles, "tile"),
            self.plan.period,
            self.to_make,
            self.plan.out
        )
    }
}

/// What a run, or one worker of it, did.
#[derive(Debug, Serialize)]
struct Ran(RunReport);

impl Report for Ran {
    const COMMAND: &'static str = "run";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        text(&self.0, out)?;
        writeln!(out, "catalog: {}", self.0.catalog)
    }
}

fn disorders(disorders: &[Disorder], out: &mut dyn Write) -> io::Result<()> {
    disorders.iter().try_for_each(|disorder| writeln!(out, "note: {disorder}"))
}

/// What is said of products beside those that are made.
fn beside(
    left: &[String],
    replaced: Option<&str>,
    place: &dyn fmt::Display,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Some(there) = replaced {
        writeln!(out, "warning: {place} held {there}, whose place in the catalog this run's products take")?;
    }
    if !left.is_empty() {
        let (named, more) =
            (left.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "), left.len() > NAMED);
        let more = if more { ", …" } else { "" };
        writeln!(out, "note: left as is, for products of more days are there or expected: {named}{more}")?;
    }
    Ok(())
}

/// Periods that are named; of more only some.
const NAMED: usize = 6;

/// A run's report for people, but for its catalog.
pub fn text(r: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    disorders(&r.disorders, out)?;
    beside(&r.left, r.replaced.as_deref(), &r.catalog, out)?;
    r.empty.iter().try_for_each(|empty| writeln!(out, "note: {empty}"))?;
    for failed in &r.failed {
        writeln!(out, "failed: tile {}: {}", failed.tile, failed.reason)?;
    }
    let done = if r.failed.is_empty() && r.made == 0 { "; everything was done already" } else { "" };
    writeln!(
        out,
        "{} on {}: {} made, {} there already, {} failed{done}",
        count(r.products, "product"),
        count(r.tiles, "tile"),
        r.made,
        r.present,
        count(r.failed.len(), "tile")
    )?;
    if r.resumed > 0 {
        writeln!(out, "{} went on from a checkpoint", count(r.resumed, "tile"))?;
    }
    if let Some(peak) = r.memory_peak {
        let (peak, meant) = (bytes(peak), bytes(r.memory_estimated));
        writeln!(out, "memory: {peak} at most, {meant} estimated for {} at once", count(r.jobs, "tile"))?;
    }
    Ok(())
}

/// Inputs that a run can't be made from.
#[derive(Debug, Serialize)]
struct Refused<'a> {
    #[serde(flatten)]
    report: &'a InputReport,
}

impl Report for Refused<'_> {
    const COMMAND: &'static str = "run";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in self.report.lines() {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "nothing was written")
    }
}

/// What came of a run, or nothing and a report of its inputs' problems, which ends as an
/// error of the project does.
pub fn unless_refused<T>(result: Result<T, RunError>, ctx: &Ctx) -> anyhow::Result<Result<T, Status>> {
    match result {
        Err(RunError::Inputs { path, report }) => {
            ctx.emit(&Refused { report: &report })?;
            // Whoever keeps stdout elsewhere sees the first of them.
            let first = report.lines().into_iter().next().map(|line| format!("; {line}")).unwrap_or_default();
            let what = format!(
                "{}: the inputs won't do: {} on {}{first}",
                path.display(),
                count(report.problems.len(), "problem"),
                count(report.tiles, "tile")
            );
            let error = RunError::Inputs { path, report };
            let status = match (error.retryable(), error.is_usage()) {
                (true, _) => Status::Retry,
                (false, true) => Status::Misconfigured,
                (false, false) => Status::Failed,
            };
            failure::tell(what, "correct the project file or the inputs; `--dry-run` looks at them again");
            Ok(Err(status))
        }
        other => Ok(Ok(other?)),
    }
}

/// What a run's failures add up to; the first is told on stderr.
pub fn status(report: &RunReport) -> Status {
    if let Some(first) = report.failed.first() {
        let (tile, reason) = (&first.tile, &first.reason);
        failure::tell(
            format_args!(
                "{} of {} failed; {tile}: {reason}",
                report.failed.len(),
                count(report.tiles, "tile")
            ),
            if report.failed.iter().all(|f| f.usage && !f.retryable) {
                "correct the project file or the inputs; `seedbed run` then makes only what is missing"
            } else {
                "the same command makes only what is missing; `seedbed status` lists it"
            },
        );
    }
    match &report.failed[..] {
        [] => Status::Done,
        failed if failed.iter().all(|f| f.retryable) => Status::Retry,
        failed if failed.iter().all(|f| f.usage) => Status::Misconfigured,
        _ => Status::Failed,
    }
}

/// A project resolved, with what the command line says over it.
pub fn runner<'a>(project: &Path, overrides: &Overrides, ctx: &'a Ctx) -> anyhow::Result<Runner<'a>> {
    machine::keep_pages();
    let project = Project::read(project)?;
    let overrides = &Overrides { models: Models::of_this_machine(), ..overrides.clone() };
    let out = overrides.out.clone().unwrap_or_else(|| project.resolve(&project.project.out));
    let spool = ctx.spool(&out.parse().or_usage()?);
    Ok(tokio::task::block_in_place(|| Runner::new(project, overrides, spool, &ctx.projections))?)
}

/// Shows a run's tile-days.
pub struct Watch(Meter);

impl Watch {
    /// A count for a command of this name.
    pub fn new(ctx: &Ctx, label: &str) -> Self {
        Self(ctx.meter(label, Counted::Things("tile-days"), None))
    }
}

impl Progress for Watch {
    fn advanced(&self, done: usize, total: usize) {
        self.0.at(done, total);
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let runner = runner(&args.project, &args.over.overrides()?, ctx)?;
    let tiles = (!args.tiles.is_empty()).then_some(args.tiles);
    let mut plan = tokio::task::block_in_place(|| runner.plan())?;
    if args.dry_run {
        if let Some(tiles) = &tiles {
            plan.tasks.retain(|t| tiles.contains(&t.tile));
        }
        // Remote inputs are checked when they are here: a dry run fetches nothing.
        let mut disorders = Vec::new();
        if runner.is_local() {
            let checked = tokio::task::block_in_place(|| runner.check(&plan));
            match unless_refused(checked, ctx)? {
                Ok(found) => disorders = found,
                Err(status) => return Ok(status),
            }
        }
        let products: Vec<_> = plan.tasks.iter().flat_map(|t| &t.products).collect();
        let done = tokio::task::block_in_place(|| seedbed_prep::survey(runner.out(), products.clone()))?;
        let makes = runner.makes(products.iter().copied());
        let open = done.iter().zip(makes).filter(|(done, makes)| *makes && **done != seedbed_prep::Done::Yes);
        let to_make = open.count();
        ctx.emit(&Planned {
            dry_run: true,
            tiles: plan.tasks.len(),
            products: products.len(),
            to_make,
            left: runner.left(&plan),
            replaces: tokio::task::block_in_place(|| runner.replaces(&plan))?,
            left_out: runner.left_out(),
            disorders,
            plan: &plan,
        })?;
        return Ok(Status::Done);
    }
    ctx.tell_of_last_wins(runner.out())?;
    if runner.out().as_path().is_none() {
        ctx.say(format_args!("plan and ledger are in {}", runner.out().state().display()));
    }
    let watch = Watch::new(ctx, "run");
    let options = args.resources.options(tiles);
    tell_of_memory(&runner, &options, ctx);
    let report = tokio::task::block_in_place(|| runner.execute(&plan, &options, &watch));
    drop(watch);
    let report = match unless_refused(report, ctx)? {
        Ok(report) => report,
        Err(status) => return Ok(status),
    };
    let status = status(&report);
    ctx.emit(&Ran(report))?;
    Ok(status)
}
