//! `seedbed catalog validate`: are they valid STAC, and does the tree hang together.

use crate::context::Ctx;
use crate::report::{Report, Status, count};
use seedbed_catalog::validate::{self, Check, Fetch, SchemaCache, Validator};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  seedbed catalog validate catalog
  seedbed catalog validate items.json items.parquet item.json --schemas schemas
  seedbed catalog validate catalog --offline --json | jq '.documents[].problems'

The core schemas are built in. Those of extensions come from --schemas, by their
`$id`, else from a cache: $SEEDBED_CACHE/schemas, or seedbed/schemas below
$XDG_CACHE_HOME or ~/.cache. One that is not there is fetched, once and in one
short attempt. A schema that can't be had is named as unchecked, which is no failure.";

/// Validate catalogs, collections and items.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Catalogs, collections, items or item files.
    #[arg(required = true, value_name = "CATALOG|FILE")]
    locations: Vec<Location>,
    /// A folder with the JSON schemas of extensions.
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
    /// Fetch no schema.
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Serialize)]
struct Validated(validate::Report);

fn check_name(check: Check) -> &'static str {
    match check {
        Check::Read => "read",
        Check::Schema => "schema",
        Check::Extension => "extension",
        Check::Id => "id",
        Check::Datetime => "datetime",
        Check::Place => "place",
        Check::Link => "link",
        Check::Href => "href",
    }
}

impl Report for Validated {
    const COMMAND: &'static str = "catalog validate";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for document in &self.0.documents {
            writeln!(out, "{}", document.location)?;
            for p in &document.problems {
                let schema = p.schema.as_deref().map(|s| format!(" ({s})")).unwrap_or_default();
                let path = if p.path.is_empty() { "/" } else { &p.path };
                writeln!(out, "  {} {path}: {}{schema}", check_name(p.check), p.message)?;
            }
        }
        let untold = self.0.invalid.saturating_sub(self.0.documents.len());
        if untold > 0 {
            writeln!(out, "and {} more that are invalid", count(untold, "document"))?;
        }
        for (schema, unchecked) in &self.0.unchecked {
            let documents = count(unchecked.documents, "document");
            writeln!(out, "unchecked: {schema} ({documents}): {}", unchecked.reason)?;
        }
        for note in &self.0.notes {
            writeln!(out, "note: {note}")?;
        }
        writeln!(out, "{} valid, {} invalid", count(self.0.valid, "document"), self.0.invalid)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let fetch = if args.offline { Fetch::Never } else { Fetch::Once };
    let cache = match SchemaCache::user_folder() {
        Some(folder) => SchemaCache::new(folder, fetch)?,
        None => SchemaCache::none(),
    };
    let mut validator = Validator::with_cache(args.schemas.as_deref(), cache)?;
    for at in &args.locations {
        if let Some(path) = at.as_path() {
            // A name that was mistyped is no invalid document.
            std::fs::metadata(path)
                .map_err(|e| anyhow::Error::new(e).context(format!("cannot read {at}")))?;
        }
        validator.add(&ctx.stores, at).await;
    }
    let report = validator.finish();
    let status = Status::of(report.invalid == 0);
    ctx.emit(&Validated(report))?;
    Ok(status)
}
