//! `seedbed clean`: dead attempts, unfinished transfers, superseded generations.

use crate::context::{Ctx, local_path};
use crate::report::{Report, Status, count};
use crate::selection::age;
use anyhow::Context;
use seedbed_prep::CleanReport;
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const EXAMPLES: &str = "\
Examples:
  seedbed clean products/upper-delaware --dry-run
  seedbed clean products/upper-delaware --older-than 2h
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
    #[arg(long, value_name = "AGE", default_value = "1d", value_parser = age)]
    older_than: Duration,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Cleaned {
    dry_run: bool,
    unfinished: Vec<String>,
    #[serde(flatten)]
    product: CleanReport,
}

impl Report for Cleaned {
    const COMMAND: &'static str = "clean";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for path in self.product.attempts.iter().chain(&self.product.superseded) {
            writeln!(out, "{}", path.display())?;
        }
        for at in &self.unfinished {
            writeln!(out, "{at}")?;
        }
        let removed = if self.dry_run { "would be removed" } else { "removed" };
        writeln!(
            out,
            "{removed}: {}, {}, {}",
            count(self.product.attempts.len(), "dead attempt"),
            count(self.product.superseded.len(), "superseded generation"),
            count(self.unfinished.len(), "unfinished transfer")
        )
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    if !args.location.is_local() {
        return clean_remote(&args, ctx).await;
    }
    let folder = local_path(&args.location)?;
    let is_product = folder.join("expected.json").is_file() || folder.is_file();
    let product = if is_product {
        tokio::task::block_in_place(|| seedbed_prep::clean(&folder, args.older_than, args.dry_run))?
    } else {
        CleanReport::default()
    };
    let mut unfinished = Vec::new();
    if folder.is_dir() || !is_product {
        find_unfinished(&folder, args.older_than, &mut unfinished)
            .with_context(|| format!("cannot look through {}", folder.display()))?;
    }
    if !args.dry_run {
        for path in &unfinished {
            std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    let unfinished = unfinished.iter().map(|path| path.display().to_string()).collect();
    ctx.emit(&Cleaned { dry_run: args.dry_run, unfinished, product })?;
    Ok(Status::Done)
}

/// What killed uploads left in a remote store.
async fn clean_remote(args: &Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let left = ctx.stores.abandoned(&args.location, args.older_than).await?;
    if !args.dry_run {
        for one in &left {
            ctx.stores.discard(one).await?;
        }
    }
    let unfinished = left.iter().map(|one| one.at.to_string()).collect();
    ctx.emit(&Cleaned { dry_run: args.dry_run, unfinished, product: CleanReport::default() })?;
    Ok(Status::Done)
}

/// The `.part` files of transfers with what they say of their sources, and
/// documents still under their temporary names.
fn find_unfinished(folder: &Path, older_than: Duration, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        let metadata = std::fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            find_unfinished(&path, older_than, found)?;
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let age = SystemTime::now().duration_since(metadata.modified()?).unwrap_or_default();
        if is_unfinished(&name) && age >= older_than {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file's name is one that only unfinished work has: `<name>.part`,
/// `<name>.part.json`, `<name>.<16 hex digits>.tmp`, `.<name>.<process>.tmp`.
fn is_unfinished(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        [.., _, "part"] | [.., _, "part", "json"] => true,
        [.., _, mark, "tmp"] => {
            let process =
                name.starts_with('.') && !mark.is_empty() && mark.bytes().all(|b| b.is_ascii_digit());
            process || (mark.len() == 16 && mark.bytes().all(|b| b.is_ascii_hexdigit()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_unfinished_files_at_any_depth_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("seedbed-clean-{}", std::process::id()));
        let deep = folder.join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let ours = [".i.json.4711.tmp", "i.json.0123456789abcdef.tmp", "x.nc.part", "x.nc.part.json"];
        for name in ["x.nc", "part.json", "notes.tmp", "a.2004.tmp"].into_iter().chain(ours) {
            std::fs::write(deep.join(name), b"").unwrap();
        }
        let mut found = Vec::new();
        find_unfinished(&folder, Duration::ZERO, &mut found).unwrap();
        assert_eq!(found, ours.map(|name| deep.join(name)));
        found.clear();
        find_unfinished(&folder, Duration::from_secs(3600), &mut found).unwrap();
        assert!(found.is_empty());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
