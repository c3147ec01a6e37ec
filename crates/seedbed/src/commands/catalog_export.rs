//! `seedbed catalog export`: a catalog's items in one file.

use super::catalog_search::{judge, write_found};
use crate::context::Ctx;
use crate::query::QueryArgs;
use crate::report::{Report, Status, count};
use crate::unread;
use seedbed_catalog::{Broken, Search, Searched};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed catalog export catalog --out items.parquet
  seedbed catalog export catalog --datetime 2003 --out items.ndjson
  seedbed catalog export items.parquet --out items.json

The file's ending says the form: stac-geoparquet (.parquet), one item a line
(.ndjson), or one GeoJSON feature collection (.json). Every command that reads
items reads all three. What a table can't hold of the items is told.";

/// Export a catalog's items to one file: Parquet, NDJSON or JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog, collection or items file.
    catalog: Location,
    #[command(flatten)]
    query: QueryArgs,
    /// Where the items go: `.parquet`, `.ndjson` or `.json`.
    #[arg(long, value_name = "FILE")]
    out: Location,
    /// Read, but write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Exported {
    out: Location,
    items: usize,
    notes: Vec<String>,
    /// Items that can't be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broken: Vec<Broken>,
    dry_run: bool,
}

impl Report for Exported {
    const COMMAND: &'static str = "catalog export";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        unread::list(&self.broken, out)?;
        for note in &self.notes {
            writeln!(out, "note: {note}")?;
        }
        let written = if self.dry_run { "would be written" } else { "written" };
        writeln!(out, "{} {written} to {}", count(self.items, "item"), self.out)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let search = Search { query: args.query.query()?, ..Search::default() };
    let (searched, _) = write_found(ctx, &args.catalog, &search, &args.out, args.dry_run).await?;
    let status = judge(&searched);
    let Searched { items, notes, broken, .. } = searched;
    ctx.emit(&Exported { out: args.out, items, notes, broken, dry_run: args.dry_run })?;
    Ok(status)
}
