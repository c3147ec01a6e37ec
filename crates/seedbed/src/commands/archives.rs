//! `seedbed archives`: the known definitions.

use crate::context::Ctx;
use crate::report::{Report, Status};
use seedbed_archive::{Definition, DefinitionSummary};
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed archives
  seedbed archives prism-daily
  seedbed archives prism-daily > mine.toml
  seedbed archives --format            # how a definition is written
  seedbed archives --schema > definition.schema.json

A definition is a TOML file: adding an archive is adding a file, which
`seedbed crawl FILE.toml` takes. `stac-api` and `cmr` need no file for any API's or
CMR's collection. An editor that is given the schema completes and checks one.";

/// List the known archives, or show one's definition.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The definition to show in full.
    name: Option<String>,
    /// Say how a definition is written.
    #[arg(long, conflicts_with_all = ["name", "schema"])]
    format: bool,
    /// Print the JSON Schema of definitions.
    #[arg(long, conflicts_with = "name")]
    schema: bool,
}

#[derive(Debug, Serialize)]
struct Archives {
    archives: Vec<DefinitionSummary>,
}

impl Report for Archives {
    const COMMAND: &'static str = "archives";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.archives.iter().map(|a| a.name.len()).max().unwrap_or(0);
        for a in &self.archives {
            writeln!(out, "{:width$}  {} ({})", a.name, a.title, a.sources.join(", "))?;
        }
        Ok(())
    }
}

#[derive(Debug, Serialize)]
struct Archive {
    #[serde(flatten)]
    summary: DefinitionSummary,
    toml: String,
}

impl Report for Archive {
    const COMMAND: &'static str = "archives";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.toml.as_bytes())
    }
}

#[derive(Debug, Serialize)]
struct Format {
    markdown: &'static str,
}

impl Report for Format {
    const COMMAND: &'static str = "archives";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.markdown.as_bytes())
    }
}

#[derive(Debug, Serialize)]
struct Schema {
    schema: serde_json::Value,
}

impl Report for Schema {
    const COMMAND: &'static str = "archives";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:#}", self.schema)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    if args.format {
        ctx.emit(&Format { markdown: seedbed_archive::FORMAT })?;
        return Ok(Status::Done);
    }
    if args.schema {
        ctx.emit(&Schema { schema: Definition::schema() })?;
        return Ok(Status::Done);
    }
    match args.name {
        Some(name) => {
            let definition = Definition::open(&name)?;
            ctx.emit(&Archive { summary: definition.summary(), toml: definition.toml().to_owned() })?;
        }
        None => ctx.emit(&Archives { archives: seedbed_archive::list() })?,
    }
    Ok(Status::Done)
}
