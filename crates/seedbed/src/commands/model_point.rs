//! `seedbed model point`: a model at one place, from and to CSV.

use crate::context::Ctx;
use crate::failure::{Judge, usage, usage_hint};
use crate::report::{Report, Status, tolerate_closed_pipe};
use crate::selection::pair;
use crate::whole_file;
use anyhow::Context;
use jiff::civil::Date;
use seedbed_host::Models;
use seedbed_model::SettingValue;
use seedbed_model::point::{Columns, Disorder, Table, run_point};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  seedbed model point veget --forcing days.csv --set whc=120 field_capacity=210 saturation=320 interception=15 --out result.csv
  seedbed model point veget --forcing - --set variant=reference whc=120 field_capacity=210 saturation=320 interception=0 < days.csv
  seedbed model point spring-index --forcing daymet.csv --set variant=rsdat --out dates.csv

The forcing has a column `date` (YYYY-MM-DD) and one a daily input, by name; an
empty cell is a missing value. Every day from the first to the last has a row.
The result has a row a day, or a row a year where the model gives yearly values: of a year
whose last rows are not given, what is known by then, and not what empty cells would blank.";

/// Run a model at one point, from and to CSV.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The model, as `seedbed model list` names it, or the file that defines it.
    name: String,
    /// CSV with `date` and the daily inputs; `-` for stdin.
    #[arg(long, value_name = "FILE.csv")]
    forcing: PathBuf,
    /// The variant, statics, parameters and switches.
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = pair)]
    set: Vec<(String, String)>,
    /// Where the result goes; `-` or nothing for stdout.
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Compute, but write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What was computed.
#[derive(Debug, Serialize)]
pub struct PointReport {
    dry_run: bool,
    model: String,
    variant: String,
    days: usize,
    outputs: Vec<String>,
    computed_inputs: Vec<&'static str>,
    ignored_columns: Vec<String>,
    disorders: Vec<Disorder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<PathBuf>,
    /// The table itself, where it has no file of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<serde_json::Map<String, serde_json::Value>>>,
}

impl Report for PointReport {
    const COMMAND: &'static str = "model point";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{} ({}), {} days", self.model, self.variant, self.days)?;
        match &self.out {
            Some(path) if self.dry_run => writeln!(out, " would be written to {}", path.display()),
            Some(path) => writeln!(out, " written to {}", path.display()),
            None => writeln!(out),
        }
    }
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let model = Models::of_this_machine().find(&args.name, Path::new(""))?;
    let is_input = |column: &str| model.spec().input(column).is_some();
    let name = if is_dash(&args.forcing) { "stdin".to_owned() } else { args.forcing.display().to_string() };
    let forcing = if is_dash(&args.forcing) {
        read(io::stdin().lock(), &name, is_input)?
    } else {
        let file = File::open(&args.forcing).with_context(|| format!("cannot read {name}")).or_usage()?;
        read(file, &name, is_input)?
    };
    if let Some(n) =
        (1..args.set.len()).find(|n| args.set[..*n].iter().any(|(key, _)| *key == args.set[*n].0))
    {
        return Err(usage(format!("--set gives `{}` twice", args.set[n].0)));
    }
    let set: Vec<(String, SettingValue)> =
        args.set.into_iter().map(|(key, value)| (key, SettingValue::Text(value))).collect();
    let run = run_point(model, &set, &forcing)
        .with_context(|| format!("{} can't be run on {name}", args.name))
        .or_hint(format!("`seedbed model describe {}` lists inputs, statics and settings", args.name))?;
    if !run.computed.is_empty() {
        ctx.say(format_args!("note: {name} has no {}; computed instead", run.computed.join(", ")));
    }
    if !run.ignored.is_empty() {
        ctx.say(format_args!("note: columns not used: {}", run.ignored.join(", ")));
    }
    for Disorder { lesser, greater, days, of, first } in &run.disorders {
        ctx.say(format_args!("note: {lesser} exceeds {greater} on {days} of {of} days, first on {first}"));
    }
    let out = args.out.filter(|path| !is_dash(path));
    let json = ctx.format == crate::report::Format::Json;
    let mut report = PointReport {
        dry_run: args.dry_run,
        model: args.name,
        variant: run.settings.variant().to_owned(),
        days: forcing.dates.len(),
        outputs: run.output.columns.iter().map(|(name, _)| name.clone()).collect(),
        computed_inputs: run.computed,
        ignored_columns: run.ignored,
        disorders: run.disorders,
        out: out.clone(),
        rows: None,
    };
    match out {
        _ if args.dry_run => ctx.emit(&report)?,
        Some(path) => {
            whole_file::write(&path, |file| write(&run.output, file))?;
            ctx.emit(&report)?;
        }
        // The table is the data that stdout is for; as JSON it is part of the report.
        None if json => {
            report.rows = Some(as_rows(&run.output));
            ctx.emit(&report)?;
        }
        None => {
            let mut bytes = Vec::new();
            write(&run.output, &mut bytes)?;
            tolerate_closed_pipe(io::stdout().write_all(&bytes))?;
        }
    }
    Ok(Status::Done)
}

/// Reads a table; `name` stands for it in messages. What stands in columns that are no inputs isn't looked at: they are
/// there by their names, without values.
fn read(source: impl Read, name: &str, is_input: impl Fn(&str) -> bool) -> anyhow::Result<Columns> {
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
    let header = table.headers().with_context(|| format!("{name} is no CSV")).or_usage()?.clone();
    let Some(date_column) = header.iter().position(|h| h.trim_start_matches('\u{feff}') == "date") else {
        return Err(usage_hint(
            format!("{name} has no column `date` (it has: {})", header.iter().collect::<Vec<_>>().join(", ")),
            "the first line names the columns",
        ));
    };
    if let Some(n) = (1..header.len()).find(|n| header.iter().take(*n).any(|name| name == &header[*n])) {
        return Err(usage(format!("{name} has two columns `{}`", &header[n])));
    }
    let inputs: Vec<bool> = header.iter().map(is_input).collect();
    let mut dates = Vec::new();
    let mut columns: Vec<(String, Vec<f64>)> = header.iter().map(|h| (h.to_owned(), Vec::new())).collect();
    for (line, record) in (2..).zip(table.records()) {
        let record = record.with_context(|| format!("{name} is no CSV")).or_usage()?;
        for (index, cell) in record.iter().enumerate() {
            if index == date_column {
                let date: Date = cell
                    .parse()
                    .map_err(|_| usage(format!("{name}, line {line}: `{cell}` is no date (YYYY-MM-DD)")))?;
                dates.push(date);
            } else if !inputs[index] {
                columns[index].1.push(f64::NAN);
            } else {
                let value = number(cell).ok_or_else(|| {
                    usage(format!("{name}, line {line}, column `{}`: `{cell}` is no number", &header[index]))
                })?;
                columns[index].1.push(value);
            }
        }
    }
    if dates.is_empty() {
        return Err(usage(format!("{name} has no rows")));
    }
    columns.remove(date_column);
    Ok(Columns { dates, columns })
}

/// A cell's value: NaN for an empty one, nothing for one that can't be read.
fn number(cell: &str) -> Option<f64> {
    if cell.is_empty() || cell.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    cell.parse().ok().filter(|v: &f64| v.is_finite())
}

fn write(table: &Table, out: impl Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let key = table.rows.key();
    writer.write_record(std::iter::once(key).chain(table.columns.iter().map(|(name, _)| name.as_str())))?;
    for (row, name) in table.rows.names().into_iter().enumerate() {
        let cells = table.columns.iter().map(|(_, values)| cell(values[row]));
        writer.write_record(std::iter::once(name).chain(cells))?;
    }
    writer.flush()?;
    Ok(())
}

/// The shortest text that reads back as the same number; empty for a missing one.
fn cell(value: f64) -> String {
    if value.is_nan() { String::new() } else { value.to_string() }
}

fn as_rows(table: &Table) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let row = |(index, name): (usize, String)| {
        let mut row = serde_json::Map::new();
        row.insert(table.rows.key().to_owned(), name.into());
        for (name, values) in &table.columns {
            // JSON has no NaN: a missing value becomes null.
            row.insert(name.clone(), values[index].into());
        }
        row
    };
    table.rows.names().into_iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_is_missing_and_a_word_is_refused() {
        let table =
            read("date,ppt,tmin\n2003-01-01,,1.5\n2003-01-02,2,NaN\n".as_bytes(), "x.csv", |_| true).unwrap();
        assert_eq!(table.dates.len(), 2);
        assert!(table.columns[0].1[0].is_nan());
        assert!((table.columns[0].1[1] - 2.0).abs() < f64::EPSILON);
        assert!(table.columns[1].1[1].is_nan());
        let error = read("date,ppt\n2003-01-01,wet\n".as_bytes(), "x.csv", |_| true).unwrap_err().to_string();
        assert_eq!(error, "x.csv, line 2, column `ppt`: `wet` is no number");
        let error =
            read("date,tmin,tmin\n2003-01-01,1,5\n".as_bytes(), "x.csv", |_| true).unwrap_err().to_string();
        assert_eq!(error, "x.csv has two columns `tmin`");
        let extra = "date,station,ppt\n2003-01-01,USC00351862,4\n";
        let table = read(extra.as_bytes(), "x.csv", |column| column == "ppt").unwrap();
        assert!(table.columns[0].0 == "station" && table.columns[0].1[0].is_nan());
        assert!((table.columns[1].1[0] - 4.0).abs() < f64::EPSILON);
        let error = read("day,ppt\n".as_bytes(), "x.csv", |_| true).unwrap_err().to_string();
        assert!(error.contains("no column `date`"), "{error}");
    }

    #[test]
    fn numbers_read_back_exactly() {
        let value = 0.1 + 0.2;
        assert_eq!(cell(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        assert_eq!(cell(f64::NAN), "");
    }
}
