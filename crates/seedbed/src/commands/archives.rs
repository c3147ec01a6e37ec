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
  seedbed archives prism-daily > mine.toml";

/// List the known archives, or show one's definition.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The definition to show in full.
    name: Option<String>,
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
            writeln!(out, "{:width$}  {}", a.name, a.title)?;
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

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    match args.name {
        Some(name) => {
            let definition = Definition::open(&name)?;
            ctx.emit(&Archive { summary: definition.summary(), toml: definition.toml().to_owned() })?;
        }
        None => ctx.emit(&Archives { archives: seedbed_archive::list() })?,
    }
    Ok(Status::Done)
}
