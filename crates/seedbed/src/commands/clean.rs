//! `seedbed clean`: dead attempts, unfinished transfers, superseded generations, checkpoints.

use crate::context::Ctx;
use crate::failure::usage;
use crate::report::{Report, Status, count};
use crate::selection::span;
use seedbed_prep::{CleanReport, Unexpected};
use seedbed_run::{Unwanted, clean_checkpoints};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  seedbed clean products/upper-delaware --dry-run
  seedbed clean products/upper-delaware --older-than 2h
  seedbed clean products/upper-delaware --states
  seedbed clean data --older-than 7d
  seedbed clean s3://bucket/data

What is younger than --older-than is left alone, since it may be at work.";

/// Remove dead attempts, unfinished transfers and superseded generations.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A product's folder, or a folder that files were copied to, also in a remote store.
    location: Location,
    /// How old a leftover must be: 30min, 12h, 7d, 2w.
    #[arg(long, value_name = "AGE", default_value = "1d", value_parser = span)]
    older_than: Duration,
    /// Remove all checkpoints of a run as well: if it is extended later, it begins on its first day.
    #[arg(long)]
    states: bool,
    /// Remove whole products as well that nobody expects any more: of other tiles or a wider period.
    #[arg(long)]
    unexpected: bool,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Cleaned {
    dry_run: bool,
    unfinished: Vec<String>,
    checkpoints: Vec<PathBuf>,
    #[serde(flatten)]
    product: CleanReport,
}

impl Report for Cleaned {
    const COMMAND: &'static str = "clean";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for at in self.product.attempts.iter().chain(&self.product.superseded) {
            writeln!(out, "{at}")?;
        }
        for path in &self.checkpoints {
            writeln!(out, "{}", path.display())?;
        }
        for at in &self.unfinished {
            writeln!(out, "{at}")?;
        }
        let removed = if self.dry_run { "would be removed" } else { "removed" };
        writeln!(
            out,
            "{removed}: {}, {}, {}, {}",
            count(self.product.attempts.len(), "dead attempt"),
            count(self.product.superseded.len(), "superseded generation"),
            count(self.checkpoints.len(), "checkpoint"),
            count(self.unfinished.len(), "unfinished transfer")
        )?;
        match self.product.unexpected {
            0 => Ok(()),
            n => writeln!(
                out,
                "{} of other tiles or periods stay (--unexpected removes them)",
                count(n, "product")
            ),
        }
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let folder = args.location.as_path();
    if let Some(folder) = folder.filter(|folder| !folder.exists()) {
        return Err(usage(format!("{} is not there", folder.display())));
    }
    let root = ctx.product(&args.location);
    let is_product = match folder {
        Some(folder) => folder.join("expected.json").is_file() || folder.is_file(),
        None => match ctx.stores.head(&root.join("expected.json")).await {
            Ok(_) => true,
            Err(e) if e.is_not_found() => false,
            Err(e) => return Err(e.into()),
        },
    };
    let product = if is_product {
        let unexpected = if args.unexpected { Unexpected::Goes } else { Unexpected::Stays };
        let clean = || seedbed_prep::clean(root.clone(), unexpected, args.older_than, args.dry_run);
        tokio::task::block_in_place(clean)?
    } else {
        CleanReport::default()
    };
    let unwanted = if args.states { Unwanted::All } else { Unwanted::Dead };
    let has_checkpoints = folder.is_none_or(|f| f.join("expected.json").is_file());
    let checkpoints = if is_product && has_checkpoints {
        tokio::task::block_in_place(|| clean_checkpoints(&root, unwanted, args.older_than, args.dry_run))?
    } else {
        Vec::new()
    };
    let mut unfinished = Vec::new();
    if folder.is_none_or(Path::is_dir) {
        for left in ctx.stores.abandoned(&args.location, args.older_than).await? {
            if !args.dry_run {
                ctx.stores.discard(&left).await?;
            }
            unfinished.push(left.at.to_string());
        }
    }
    ctx.emit(&Cleaned { dry_run: args.dry_run, unfinished, checkpoints, product })?;
    Ok(Status::Done)
}
