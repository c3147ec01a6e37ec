//! `seedbed verify`: a product held to its expected set.

use crate::commands::run::runner;
use crate::context::Ctx;
use crate::failure::{self, usage};
use crate::overriding::Over;
use crate::report::{Report, Status, count};
use seedbed_prep::VerifyReport;
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed verify seedbed.toml
  seedbed verify seedbed.toml --period 2003 --out /scratch/run
  seedbed verify products/upper-delaware
  seedbed verify s3://bucket/upper-delaware
  seedbed verify products/mosaic --json | jq '.problems'

Every tile, period and variable that was planned must be there, with the size,
checksum, grid and nodata value that its record says; given a project file, all
that it asks for by now, made from its inputs and parameters as they are. Exit
code 1 if not.";

/// Hold a product to its expected set.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The product's catalog or folder, also in a remote store, or the project file that made it.
    #[arg(value_name = "CATALOG|seedbed.toml")]
    product: Location,
    #[command(flatten)]
    over: Over,
}

#[derive(Debug, Serialize)]
struct Verified(VerifyReport);

impl Report for Verified {
    const COMMAND: &'static str = "verify";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let r = &self.0;
        for p in &r.problems {
            let of = [Some(&*p.tile), Some(&*p.period), p.variable.as_deref()].into_iter().flatten();
            let of: Vec<&str> = of.filter(|part| !part.is_empty()).collect();
            let kind = if p.missing { "missing" } else { "wrong" };
            writeln!(out, "{kind}: {}: {}", of.join(" "), p.what)?;
        }
        writeln!(
            out,
            "{}: {} of {} right, {} checked",
            r.product,
            r.right,
            count(r.expected, "product"),
            count(r.files, "file")
        )
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let project = args.product.as_path().filter(|p| p.extension().is_some_and(|e| e == "toml"));
    let report = if let Some(path) = project {
        let runner = runner(path, &args.over.overrides()?, ctx)?;
        tokio::task::block_in_place(|| {
            let expected = runner.expected(&runner.plan()?)?;
            anyhow::Ok(seedbed_prep::verify_set(&expected, runner.out(), runner.has_balance())?)
        })?
    } else if let Some(flag) = args.over.given() {
        return Err(usage(format!("{flag} is said over a project file, and {} is none", args.product)));
    } else {
        let root = ctx.product(&args.product);
        tokio::task::block_in_place(|| seedbed_prep::verify(root))?
    };
    let status = Status::of(report.is_complete());
    if status == Status::Failed {
        let problems = count(report.problems.len(), "problem");
        // A file of the right size that is no younger than its record is taken as it is.
        let hint = if report.problems.iter().all(|p| p.missing) {
            "the command that made it makes what is missing: `seedbed run`, `prep` or `mosaic`"
        } else {
            "the command that made it makes it anew: `seedbed run`, `prep` or `mosaic`; delete what is wrong even then"
        };
        failure::tell(format_args!("{}: {problems}", report.product), hint);
    }
    ctx.emit(&Verified(report))?;
    Ok(status)
}
