//! `seedbed model describe`: what a model needs and gives.

use crate::context::Ctx;
use crate::report::{Report, Status};
use seedbed_block::unit_suffix;
use seedbed_host::Models;
use seedbed_model::{Aggregation, Cadence, Fallback, InputSpec, ModelSpec};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  seedbed model describe veget
  seedbed model describe degree_days.toml
  seedbed model describe veget --json | jq '.parameters[] | {name, default, unit}'";

/// Describe a model: inputs, statics, parameters, variants, outputs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The model, as `seedbed model list` names it, or the file that defines it.
    name: String,
}

/// One model's specification.
#[derive(Debug, Serialize)]
pub struct ModelDescription<'a> {
    #[serde(flatten)]
    spec: &'a ModelSpec,
}

impl Report for ModelDescription<'_> {
    const COMMAND: &'static str = "model describe";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let s = self.spec;
        writeln!(out, "{}: {} (revision {})", s.name, s.title, s.revision)?;
        writeln!(out, "\nVariants (the first unless `variant` says otherwise)")?;
        rows(out, s.variants.iter().map(|v| [v.name.to_owned(), String::new(), v.doc.to_owned()]))?;
        writeln!(out, "\nDaily inputs")?;
        rows(out, s.inputs.iter().map(input_row))?;
        if !s.statics.is_empty() {
            writeln!(out, "\nStatic inputs")?;
            rows(out, s.statics.iter().map(input_row))?;
        }
        if !s.parameters.is_empty() {
            writeln!(out, "\nParameters")?;
        }
        let parameters = s.parameters.iter().map(|p| {
            let default = p.default.map_or_else(|| "must be set".to_owned(), |d| d.to_string());
            let calibrated = p
                .calibrated_for
                .map(|input| format!(" (must be set where `{input}` is computed)"))
                .unwrap_or_default();
            let detail = format!("{default}{} {}", unit_suffix(p.unit), range(p.range));
            [p.name.to_owned(), detail, format!("{}{calibrated}", p.doc)]
        });
        rows(out, parameters)?;
        if !s.orders.is_empty() {
            writeln!(out, "\nOrders (the first may not exceed the second)")?;
            rows(out, s.orders.iter().map(|(a, b)| [(*a).to_owned(), (*b).to_owned(), String::new()]))?;
        }
        if !s.switches.is_empty() {
            writeln!(out, "\nSwitches (true or false)")?;
            let switches = s
                .switches
                .iter()
                .map(|w| [w.name.to_owned(), format!("on in {}", w.on_in.join(", ")), w.doc.to_owned()]);
            rows(out, switches)?;
        }
        let cadence = match s.cadence {
            Cadence::Daily => "Daily",
            Cadence::Yearly => "Yearly",
        };
        writeln!(out, "\n{cadence} outputs")?;
        let outputs = s.outputs.iter().map(|o| {
            let gathered = match (s.cadence, o.aggregation) {
                (Cadence::Yearly, _) => "",
                (Cadence::Daily, Aggregation::Sum) => " (sum)",
                (Cadence::Daily, Aggregation::Mean) => " (mean)",
                (Cadence::Daily, Aggregation::State) => " (state)",
            };
            let detail = format!("{}{gathered}", unit_suffix(o.unit)).trim_start().to_owned();
            [o.name.to_owned(), detail, o.doc.to_owned()]
        });
        rows(out, outputs)?;
        writeln!(out, "\nReferences")?;
        for reference in s.references {
            writeln!(out, "  {reference}")?;
        }
        Ok(())
    }
}

fn input_row(input: &InputSpec) -> [String; 3] {
    let otherwise = match (input.required, input.fallback) {
        (true, Fallback::Latitude) => "required, but in a run else that of the pixel's centre".to_owned(),
        (true, _) => "required".to_owned(),
        (false, Fallback::MeanOfTminTmax) => "else the mean of tmin and tmax".to_owned(),
        (false, Fallback::HargreavesSamani) => {
            "else by Hargreaves–Samani from tmin, tmax and latitude".to_owned()
        }
        (false, Fallback::DayLength) => "else from the date and latitude".to_owned(),
        (false, Fallback::Own(estimate)) => format!("else {estimate}"),
        (false, Fallback::Latitude) => "else the latitude of the pixel's centre".to_owned(),
        (false, Fallback::Value(value)) => format!("else {value}"),
        (false, Fallback::Nothing) => "optional".to_owned(),
    };
    let unit = unit_suffix(input.unit);
    let values = if input.mask { "0 or 1".to_owned() } else { range(input.range) };
    let detail = format!("{unit} {values}").trim_start().to_owned();
    [input.name.to_owned(), detail, format!("{}; {otherwise}", input.doc)]
}

fn range((low, high): (f64, f64)) -> String {
    format!("[{low}, {high}]")
}

/// Name, detail and explanation in columns.
fn rows(out: &mut dyn Write, rows: impl Iterator<Item = [String; 3]>) -> io::Result<()> {
    let rows: Vec<[String; 3]> = rows.collect();
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    for [name, detail, doc] in &rows {
        let gap = if second == 0 { "" } else { "  " };
        writeln!(out, "{}", format!("  {name:first$}  {detail:second$}{gap}{doc}").trim_end())?;
    }
    Ok(())
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let model = Models::of_this_machine().find(&args.name, Path::new(""))?;
    ctx.emit(&ModelDescription { spec: model.spec() })?;
    Ok(Status::Done)
}
