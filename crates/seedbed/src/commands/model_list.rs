//! `seedbed model list`: the models there are.

use crate::context::Ctx;
use crate::report::{Report, Status};
use seedbed_host::Models;
use seedbed_model::Model;
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed model list
  SEEDBED_MODELS=models seedbed model list   # with those that models/*.toml define
  seedbed model list --json | jq -r '.models[].name'";

/// List the models.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    title: &'static str,
    revision: u32,
    variants: Vec<&'static str>,
}

/// The models.
#[derive(Debug, Serialize)]
pub struct ModelList {
    models: Vec<Row>,
}

impl Report for ModelList {
    const COMMAND: &'static str = "model list";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.models.iter().map(|m| m.name.len()).max().unwrap_or(0);
        for m in &self.models {
            writeln!(out, "{:width$}  {} (variants: {})", m.name, m.title, m.variants.join(", "))?;
        }
        Ok(())
    }
}

/// Runs the command.
pub async fn run(_args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let models = Models::of_this_machine()
        .all()?
        .into_iter()
        .map(Model::spec)
        .map(|s| Row {
            name: s.name,
            title: s.title,
            revision: s.revision,
            variants: s.variants.iter().map(|v| v.name).collect(),
        })
        .collect();
    ctx.emit(&ModelList { models })?;
    Ok(Status::Done)
}
