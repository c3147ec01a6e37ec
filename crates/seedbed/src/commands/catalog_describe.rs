//! `seedbed catalog describe`: what a catalog holds, in numbers.

use crate::context::Ctx;
use crate::report::{Report, Status, bytes, count};
use seedbed_catalog::NodeKind;
use seedbed_catalog::describe::{Description, describe};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed catalog describe catalog
  seedbed catalog describe catalog/daymet-daily --depth 0
  seedbed catalog describe https://example.org/stac/catalog.json --json";

/// Describe a catalog: extents, items, assets, sizes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog, collection or items file.
    catalog: Location,
    /// Levels below the root to list; all where none is given.
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Described(Description);

impl Report for Described {
    const COMMAND: &'static str = "catalog describe";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        node(out, &self.0, 0)
    }
}

fn node(out: &mut dyn Write, d: &Description, depth: usize) -> io::Result<()> {
    let pad = "  ".repeat(depth);
    let kind = match d.kind {
        Some(NodeKind::Catalog) => "catalog ",
        Some(NodeKind::Collection) => "collection ",
        None => "",
    };
    let title = d.title.as_deref().map(|t| format!(": {t}")).unwrap_or_default();
    writeln!(out, "{pad}{kind}{}{title} ({})", d.id, count(d.items, "item"))?;
    if let Some((first, last)) = d.days {
        writeln!(out, "{pad}  days   {first} to {last}")?;
    }
    if let Some(b) = d.bbox {
        writeln!(out, "{pad}  box    {:.4},{:.4},{:.4},{:.4}", b.west, b.south, b.east, b.north)?;
    }
    // A catalog's assets are those of its collections, listed there.
    if d.children.is_empty() {
        for (key, a) in &d.assets {
            let units: Vec<&str> = a.units.iter().map(String::as_str).collect();
            let size = match (a.bytes, a.unknown_sizes) {
                (0, _) => "size unknown".to_owned(),
                (known, 0) => bytes(known),
                (known, n) => format!("{} and {n} of unknown size", bytes(known)),
            };
            let unit = if units.is_empty() { String::new() } else { format!(", {}", units.join(", ")) };
            let here = if a.local > 0 { format!(", {} here", a.local) } else { String::new() };
            writeln!(out, "{pad}  asset  {key}: {}{here}, {size}{unit}", a.count)?;
        }
    }
    d.children.iter().try_for_each(|child| node(out, child, depth + 1))
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let description = describe(&ctx.stores, &args.catalog, args.depth).await?;
    ctx.emit(&Described(description))?;
    Ok(Status::Done)
}
