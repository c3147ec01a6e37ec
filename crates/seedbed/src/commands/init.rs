//! `seedbed init`: a commented project file for a model.

use crate::context::Ctx;
use crate::failure::usage_hint;
use crate::report::{Report, Status};
use anyhow::Context;
use seedbed_host::Models;
use serde::Serialize;
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf, absolute};

const EXAMPLES: &str = "\
Examples:
  seedbed init veget --out seedbed.toml
  seedbed init veget --dry-run
  seedbed init --schema > project.schema.json";

/// Write a commented project file for a model.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The model, as `seedbed model list` names it, or the file that defines it.
    #[arg(required_unless_present = "schema")]
    model: Option<String>,
    /// The file to write; it must not exist.
    #[arg(long, value_name = "seedbed.toml", default_value = "seedbed.toml")]
    out: PathBuf,
    /// Show the file, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the JSON Schema of project files instead, which editors check them by.
    #[arg(long, conflicts_with_all = ["model", "out", "dry_run"])]
    schema: bool,
}

/// The JSON Schema of project files.
#[derive(Debug, Serialize)]
struct Schema {
    schema: Value,
}

impl Report for Schema {
    const COMMAND: &'static str = "init --schema";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:#}", self.schema)
    }
}

#[derive(Debug, Serialize)]
struct Initialised {
    model: String,
    out: PathBuf,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Report for Initialised {
    const COMMAND: &'static str = "init";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.text {
            Some(text) => out.write_all(text.as_bytes()),
            None => writeln!(out, "{} written; next: seedbed run {0}", self.out.display()),
        }
    }
}

/// What a project file calls a model: its name; or its definition's path, which counts
/// from the project file.
fn called(model: &str, out: &Path) -> anyhow::Result<String> {
    let is_file = Path::new(model).extension().is_some_and(|e| e == "toml");
    if !is_file || out.parent() == Some(Path::new("")) {
        return Ok(model.to_owned());
    }
    Ok(absolute(model).with_context(|| format!("{model} can't be found from here"))?.display().to_string())
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let Some(name) = args.model else {
        ctx.emit(&Schema { schema: seedbed_run::project_schema() })?;
        return Ok(Status::Done);
    };
    let model = Models::of_this_machine().find(&name, Path::new(""))?;
    let text = seedbed_run::template(model.spec(), &called(&name, &args.out)?);
    let mut report = Initialised { model: name, out: args.out, dry_run: args.dry_run, text: None };
    if args.dry_run {
        report.text = Some(text);
    } else {
        let path = &report.out;
        let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(usage_hint(
                    format!("{} exists already", path.display()),
                    "name another file with --out",
                ));
            }
            other => other.with_context(|| format!("cannot write {}", path.display()))?,
        };
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    ctx.emit(&report)?;
    Ok(Status::Done)
}
