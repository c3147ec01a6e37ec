//! `seedbed series`: values at points through time.

use crate::context::Ctx;
use crate::failure::{Judge, usage_hint};
use crate::points;
use crate::progress::Counted;
use crate::report::{Report, Status, count};
use crate::stack::StackArgs;
use crate::table::{Cell, Form, Kind, Table};
use seedbed_prep::{
    Frame, PointKernel, PointSink, PointValues, PrepError, SampleReport, SampleRequest, sample,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  seedbed series products/upper-delaware --points gauges.csv --out gauges-series.csv
  seedbed series mosaic --points towers.geojson --variables etasw,swf --wide --out towers.parquet
  seedbed series ndvi-daily --points sites.csv --id code --bilinear --out sites.csv

A row a point, period and variable, by point; with --wide a row a point and period, and a
column a variable. Points are in longitude and latitude: columns lon and lat of a table
with a head line, or GeoJSON. Those outside of the product are named and have no rows.";

/// Values of a product's rasters at points, through time.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "flags, each independent")]
pub struct Args {
    #[command(flatten)]
    stack: StackArgs,
    /// The points: a CSV table or GeoJSON.
    #[arg(long, value_name = "FILE")]
    points: PathBuf,
    /// The column or property that points are called by; else id, name, site or station.
    #[arg(long, value_name = "FIELD")]
    id: Option<String>,
    /// Between the centres of the four pixels around; else the pixel that a point lies in.
    #[arg(long)]
    bilinear: bool,
    /// A column a variable.
    #[arg(long)]
    wide: bool,
    /// Leave values empty where a tile was not made.
    #[arg(long)]
    allow_holes: bool,
    /// Where the table goes: `.csv`, `.json` or `.parquet`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Say what would be read, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Sampled {
    out: PathBuf,
    dry_run: bool,
    kernel: PointKernel,
    rows: usize,
    units: BTreeMap<String, Option<String>>,
    #[serde(flatten)]
    report: SampleReport,
}

impl Report for Sampled {
    const COMMAND: &'static str = "series";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for point in &self.report.outside {
            writeln!(out, "outside: point `{point}` lies in no tile of the product")?;
        }
        for hole in &self.report.holes {
            writeln!(out, "hole: {hole}")?;
        }
        if self.report.missing > 0 {
            writeln!(out, "{} missing", count(self.report.missing, "value"))?;
        }
        let written = if self.dry_run { "would be written" } else { "written" };
        let points = count(self.report.points, "point");
        writeln!(out, "{} ({points}) {written} to {}", count(self.rows, "row"), self.out.display())
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    Form::of(&args.out)?;
    let points = points::read(&args.points, args.id.as_deref())?;
    let spool =
        ctx.spool(&seedbed_storage::Location::Local(args.out.parent().unwrap_or(Path::new("")).to_owned()));
    let stack = args.stack.open(ctx, &spool).await?;
    let mut units: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut variables: Vec<String> = Vec::new();
    for frame in &stack.frames {
        if !variables.contains(&frame.variable) {
            variables.push(frame.variable.clone());
        }
        let unit = units.entry(frame.variable.clone()).or_insert_with(|| frame.unit.clone());
        if *unit != frame.unit {
            if args.wide {
                let variable = &frame.variable;
                return Err(usage_hint(
                    format!("`{variable}` is in several units, and a column of --wide has one"),
                    "bring them to one with `seedbed prep`, or leave out --wide",
                ));
            }
            // Each row says its own.
            *unit = None;
        }
    }
    let kernel = if args.bilinear { PointKernel::Bilinear } else { PointKernel::Nearest };
    // The frames of a row: each its own, or those of a period together.
    let rows: Vec<Vec<usize>> = if args.wide {
        let all: Vec<usize> = (0..stack.frames.len()).collect();
        let same = |a: &usize, b: &usize| {
            let (a, b) = (&stack.frames[*a], &stack.frames[*b]);
            (&a.period, a.days) == (&b.period, b.days)
        };
        all.chunk_by(same).map(<[usize]>::to_vec).collect()
    } else {
        (0..stack.frames.len()).map(|n| vec![n]).collect()
    };
    let columns = columns(args.wide, &variables);
    let mut table = if args.dry_run { None } else { Some(Table::begin(&args.out, columns)?) };
    let meter = ctx.meter("series", Counted::Things("points"), None);
    let report = tokio::task::block_in_place(|| {
        let mut trouble = None;
        let mut sink = |found: PointValues<'_>| {
            for row in &rows {
                let cells = if args.wide {
                    wide(&stack.frames, row, &found, &variables)
                } else {
                    long(&stack.frames[row[0]], &found, row[0])
                };
                trouble = table.as_mut().and_then(|table| table.put(&cells).err());
                if trouble.is_some() {
                    // Nothing more is read; the table's own error is the one that is told.
                    return Err(PrepError::Request("the table can't be written".to_owned()));
                }
            }
            Ok(())
        };
        let sink: Option<PointSink<'_>> = if args.dry_run { None } else { Some(&mut sink) };
        let mut progress = |done, total| meter.at(done, total);
        let request = SampleRequest { points: &points, kernel, allow_holes: args.allow_holes };
        let sampled = sample(&stack, request, (&spool, &ctx.projections), sink, &mut progress);
        match (trouble, sampled) {
            (Some(trouble), _) => Err(trouble),
            (None, Err(holes @ PrepError::Holes { .. })) => {
                Err(holes).or_hint("make them, or leave their values empty with --allow-holes")
            }
            (None, sampled) => Ok(sampled?),
        }
    })?;
    drop(meter);
    if let Some(table) = table {
        table.finish()?;
    }
    if !report.outside.is_empty() || !report.holes.is_empty() {
        ctx.say(format_args!(
            "note: {} of {} points lie outside of the product; {} tiles are missing",
            report.outside.len(),
            points.len(),
            report.holes.len()
        ));
    }
    let rows = rows.len() * report.points;
    ctx.emit(&Sampled { out: args.out, dry_run: args.dry_run, kernel, rows, units, report })?;
    Ok(Status::Done)
}

fn columns(is_wide: bool, variables: &[String]) -> Vec<(String, Kind)> {
    let mut columns = vec![
        ("point".to_owned(), Kind::Text),
        ("longitude".to_owned(), Kind::Number),
        ("latitude".to_owned(), Kind::Number),
        ("period".to_owned(), Kind::Text),
        ("start".to_owned(), Kind::Text),
        ("end".to_owned(), Kind::Text),
    ];
    if is_wide {
        columns.extend(variables.iter().map(|name| (name.clone(), Kind::Number)));
    } else {
        columns.extend(["variable", "unit"].map(|name| (name.to_owned(), Kind::Text)));
        columns.push(("value".to_owned(), Kind::Number));
    }
    columns
}

/// What every row of a point and a frame begins with.
fn head(frame: &Frame, found: &PointValues<'_>) -> Vec<Cell> {
    vec![
        Cell::from(found.point.id.as_str()),
        Cell::Number(found.point.longitude),
        Cell::Number(found.point.latitude),
        Cell::from(frame.period.as_str()),
        Cell::Text(frame.days.start.to_string()),
        Cell::Text(frame.days.end.to_string()),
    ]
}

fn long(frame: &Frame, found: &PointValues<'_>, place: usize) -> Vec<Cell> {
    let mut cells = head(frame, found);
    cells.push(Cell::from(frame.variable.as_str()));
    cells.push(frame.unit.as_deref().map_or(Cell::Empty, Cell::from));
    cells.push(found.values[place].into());
    cells
}

fn wide(frames: &[Frame], row: &[usize], found: &PointValues<'_>, variables: &[String]) -> Vec<Cell> {
    let mut cells = head(&frames[row[0]], found);
    let of = |name: &String| row.iter().find(|n| frames[**n].variable == *name);
    cells.extend(variables.iter().map(|name| Cell::from(of(name).and_then(|n| found.values[*n]))));
    cells
}
