//! `seedbed catalog diff`: what two catalogs differ in.

use crate::context::Ctx;
use crate::report::{Report, Status};
use crate::workplace::Workplace;
use seedbed_catalog::{Diff, diff};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed catalog diff before after
  seedbed catalog diff https://example.org/stac/catalog.json catalog --json
  seedbed catalog diff before after --exit-code && echo 'nothing changed'

Hrefs are compared as the places they mean: a tree that was moved as a whole is the same.";

/// Compare two catalogs: added, changed and removed items and assets.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The catalog as it was.
    old: Location,
    /// The catalog as it is.
    new: Location,
    /// Exit with 1 where they differ.
    #[arg(long)]
    exit_code: bool,
}

#[derive(Debug, Serialize)]
struct Compared {
    same: bool,
    #[serde(flatten)]
    diff: Diff,
}

impl Report for Compared {
    const COMMAND: &'static str = "catalog diff";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let d = &self.diff;
        for (mark, names) in [('+', &d.nodes_added), ('-', &d.nodes_removed)] {
            for name in names {
                writeln!(out, "{mark} {name}")?;
            }
        }
        for (mark, ids) in [('+', &d.added), ('-', &d.removed)] {
            for id in &ids.first {
                writeln!(out, "{mark} {id}")?;
            }
        }
        for changed in d.collections_changed.iter().chain(&d.changed) {
            let collection = changed.collection.as_deref().map(|c| format!("{c}/")).unwrap_or_default();
            writeln!(out, "* {collection}{}", changed.id)?;
            for (mark, keys) in [('+', &changed.assets_added), ('-', &changed.assets_removed)] {
                for key in keys {
                    writeln!(out, "    {mark} asset {key}")?;
                }
            }
            for field in &changed.fields {
                let of = |v: &Option<serde_json::Value>| v.as_ref().map_or("nothing".to_owned(), short);
                writeln!(out, "    {}: {} -> {}", field.pointer, of(&field.old), of(&field.new))?;
            }
        }
        writeln!(
            out,
            "{} added, {} changed, {} removed, {} unchanged",
            d.added.count, d.changed_count, d.removed.count, d.unchanged
        )
    }
}

/// A value on one line of bounded length.
fn short(value: &serde_json::Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 { text } else { text.chars().take(79).chain(['…']).collect() }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let workplace = Workplace::elsewhere("diff")?;
    let diff = diff(&ctx.stores, &args.old, &args.new, workplace.path()).await?;
    let same = diff.is_empty();
    ctx.emit(&Compared { same, diff })?;
    Ok(Status::of(same || !args.exit_code))
}
