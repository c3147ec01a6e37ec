//! `seedbed worker`: one task of a plan, as an array engine calls it.

use crate::commands::run::{Resources, Watch, runner, status, tell_of_memory, text, unless_refused};
use crate::context::Ctx;
use crate::failure::usage;
use crate::report::{Report, Status, count};
use seedbed_run::{InputSource, Overrides, Plan, RunReport};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  seedbed worker products/.seedbed/plan.json --index 0
  seedbed worker products/.seedbed/plan.json --index $SLURM_ARRAY_TASK_ID --jobs 1

`seedbed run` writes the plan; tasks count from 0, a task a tile. Once all are done, the same `seedbed run` finds so and
writes the product's catalog.";

/// Do one task of a plan.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The plan that `seedbed run` wrote.
    plan: PathBuf,
    /// The task, from 0.
    #[arg(long, value_name = "N")]
    index: usize,
    #[command(flatten)]
    resources: Resources,
    /// Say what the task is, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Worked {
    index: usize,
    tile: String,
    /// The plan's project file.
    #[serde(skip)]
    project: PathBuf,
    dry_run: bool,
    products: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<RunReport>,
}

impl Report for Worked {
    const COMMAND: &'static str = "worker";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.report {
            Some(report) => {
                text(report, out)?;
                let project = self.project.display();
                writeln!(
                    out,
                    "once all tasks are done, `seedbed run {project}` writes the catalog {}",
                    report.catalog
                )
            }
            None => {
                writeln!(out, "task {}: tile {}, {}", self.index, self.tile, count(self.products, "product"))
            }
        }
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let plan = Plan::read(&args.plan)?;
    let Some(task) = plan.tasks.get(args.index) else {
        return Err(usage(format!(
            "{} has {}, counted from 0; there is no task {}",
            args.plan.display(),
            count(plan.tasks.len(), "task"),
            args.index
        )));
    };
    let mut worked = Worked {
        index: args.index,
        tile: task.tile.clone(),
        project: plan.project.clone(),
        dry_run: args.dry_run,
        products: task.products.len(),
        report: None,
    };
    if args.dry_run {
        ctx.emit(&worked)?;
        return Ok(Status::Done);
    }
    let items =
        plan.items.iter().map(|(name, items)| InputSource { name: name.clone(), items: items.clone() });
    let overrides = Overrides {
        out: Some(plan.out.to_string()),
        period: Some(plan.period),
        items: items.collect(),
        ..Overrides::default()
    };
    let runner = runner(&plan.project, &overrides, ctx)?;
    let options = args.resources.options(None);
    tell_of_memory(&runner, &options, ctx);
    let watch = Watch::new(ctx, "worker");
    let report = tokio::task::block_in_place(|| runner.work(&plan, args.index, &options, &watch));
    drop(watch);
    let report = match unless_refused(report, ctx)? {
        Ok(report) => report,
        Err(status) => return Ok(status),
    };
    let status = status(&report);
    worked.report = Some(report);
    ctx.emit(&worked)?;
    Ok(status)
}
