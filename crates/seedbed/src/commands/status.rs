//! `seedbed status`: what of a project is done, failed, missing.

use crate::commands::run::runner;
use crate::context::Ctx;
use crate::overriding::Over;
use crate::report::{Report, Status, count};
use seedbed_run::StatusReport;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  seedbed status seedbed.toml
  seedbed status seedbed.toml --period 2003
  seedbed status seedbed.toml --json | jq '.tiles[] | select(.done < .expected)'";

/// Say what of a project is done, failed and missing.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The project file.
    #[arg(value_name = "seedbed.toml")]
    project: PathBuf,
    #[command(flatten)]
    over: Over,
}

#[derive(Debug, Serialize)]
struct State(StatusReport);

/// Missing periods named a tile; the rest are counted.
const NAMED: usize = 6;

impl Report for State {
    const COMMAND: &'static str = "status";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.0.tiles.iter().map(|t| t.tile.len()).max().unwrap_or(0);
        for t in &self.0.tiles {
            write!(out, "{:width$}  {} of {}", t.tile, t.done, t.expected)?;
            for (kind, periods) in [("missing", &t.missing), ("damaged", &t.damaged)] {
                if !periods.is_empty() {
                    let named = periods.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                    let more = periods.len().saturating_sub(NAMED);
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    write!(out, "; {kind}: {named}{more}")?;
                }
            }
            if let Some(failure) = &t.failure {
                write!(out, "; failed: {failure}")?;
            }
            writeln!(out)?;
        }
        writeln!(out, "{} of {} done", self.0.done, count(self.0.expected, "product"))
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let runner = runner(&args.project, &args.over.overrides()?, ctx)?;
    let report = tokio::task::block_in_place(|| StatusReport::of(&runner.plan()?, runner.out()))?;
    ctx.emit(&State(report))?;
    Ok(Status::Done)
}
