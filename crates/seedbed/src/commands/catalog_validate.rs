//! `seedbed catalog validate`: is it valid STAC, and does the tree hang together.

use crate::context::Ctx;
use crate::report::{Report, Status, count};
use seedbed_catalog::validate::{self, Check, Validator};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  seedbed catalog validate catalog
  seedbed catalog validate items.json item.json --schemas schemas
  seedbed catalog validate catalog --json | jq '.documents[] | select(.problems != [])'

The core schemas are built in; --schemas names a folder with those of extensions.
A schema that is not at hand is named as unchecked, which is no failure.";

/// Validate catalogs, collections and items; offline.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Catalogs, collections, items or item files.
    #[arg(required = true, value_name = "CATALOG|FILE")]
    locations: Vec<Location>,
    /// A folder with the JSON schemas of extensions.
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Validated(validate::Report);

fn check_name(check: Check) -> &'static str {
    match check {
        Check::Read => "read",
        Check::Schema => "schema",
        Check::Id => "id",
        Check::Datetime => "datetime",
        Check::Place => "place",
        Check::Link => "link",
    }
}

impl Report for Validated {
    const COMMAND: &'static str = "catalog validate";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for document in self.0.documents.iter().filter(|d| !d.problems.is_empty()) {
            writeln!(out, "{}", document.location)?;
            for p in &document.problems {
                let schema = p.schema.as_deref().map(|s| format!(" ({s})")).unwrap_or_default();
                let path = if p.path.is_empty() { "/" } else { &p.path };
                writeln!(out, "  {} {path}: {}{schema}", check_name(p.check), p.message)?;
            }
        }
        for (schema, documents) in &self.0.unchecked {
            writeln!(out, "unchecked: {schema} ({})", count(*documents, "document"))?;
        }
        writeln!(out, "{} valid, {} invalid", count(self.0.valid, "document"), self.0.invalid)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let mut validator = Validator::new(args.schemas.as_deref())?;
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
