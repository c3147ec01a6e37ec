//! `seedbed zonal`: statistics of a product in zones.

use crate::context::Ctx;
use crate::failure::{Judge, usage_hint};
use crate::progress::Counted;
use crate::report::{Report, Status, count};
use crate::selection::byte_count;
use crate::stack::StackArgs;
use crate::table::{Cell, Form, Kind, Table};
use seedbed_grid::{Zone, Zones};
use seedbed_prep::{PrepError, ZonalReport, ZonalRequest, ZonalRow, ZonalSink, ZoneStatistic, zonal};
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  seedbed zonal products/upper-delaware --zones counties.geojson --id name --out counties.csv
  seedbed zonal mosaic --zones basins.gpkg --id huc8 --variables etasw,srf --periods 2003 --statistics mean,integral,median,quantile=0.9 --out basins.parquet
  seedbed zonal items.json --zones fields.shp --statistics mean,min,max --out fields.json

A row a zone, period and variable, by period. A pixel counts by the exact share of it
that lies in the zone times its area on Earth; missing pixels are left out, and `valid`
tells the share of the zone's area that had values. Attributes of the zones are columns.
`sum` is over pixels, `integral` over square metres: of mm, litres.";

/// Statistics of a product's rasters in polygons, by area.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    stack: StackArgs,
    /// The zones: the features of GeoJSON, a shapefile or a GeoPackage (FILE.gpkg:LAYER).
    #[arg(long, value_name = "FILE")]
    zones: PathBuf,
    /// The attribute that zones are called by; else the features' own ids or numbers.
    #[arg(long, value_name = "FIELD")]
    id: Option<String>,
    /// Attributes of the zones that rows have; all where none is named.
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    attributes: Option<Vec<String>>,
    /// mean, sum, integral, min, max, count, stddev, median, quantile=Q.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "mean,min,max,count")]
    statistics: Vec<ZoneStatistic>,
    /// Leave out tiles that were not made: `valid` then lacks them.
    #[arg(long)]
    allow_holes: bool,
    /// Memory that the values of quantiles may take.
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = byte_count)]
    memory: u64,
    /// Where the table goes: `.csv`, `.json` or `.parquet`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Say what would be computed, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Computed {
    out: PathBuf,
    dry_run: bool,
    statistics: Vec<ZoneStatistic>,
    #[serde(flatten)]
    report: ZonalReport,
}

impl Report for Computed {
    const COMMAND: &'static str = "zonal";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let r = &self.report;
        for (zone, share) in &r.partly {
            writeln!(out, "partly: zone `{zone}` lies in the product by {:.4} % only", 100.0 * share)?;
        }
        for zone in &r.outside {
            writeln!(out, "outside: zone `{zone}` shares no pixel with the product")?;
        }
        for hole in &r.holes {
            writeln!(out, "hole: {hole}")?;
        }
        writeln!(out, "areas: {}", r.areas)?;
        if r.empty > 0 {
            writeln!(out, "{} without any value", count(r.empty, "row"))?;
        }
        let written = if self.dry_run { "would be written" } else { "written" };
        let zones = count(r.zones, "zone");
        writeln!(
            out,
            "{} ({zones}, {} of period and variable) {written} to {}",
            count(r.rows, "row"),
            count(r.frames, "pair"),
            self.out.display()
        )
    }
}

/// Columns of every row, before the statistics and after them.
const BEFORE: [&str; 3] = ["period", "variable", "unit"];
const AFTER: [&str; 2] = ["area_m2", "valid"];

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    Form::of(&args.out)?;
    let found = seedbed_raster::read_zones(&args.zones, args.id.as_deref()).or_usage()?;
    for note in &found.notes {
        ctx.say(format_args!("note: {note}"));
    }
    let attributes = attributes(&found, args.attributes.as_deref())?;
    if let Some(twice) = args.statistics.iter().enumerate().find(|(n, s)| args.statistics[..*n].contains(s)) {
        return Err(usage_hint(format!("{} is asked for twice", twice.1), "name each statistic once"));
    }
    let spool = ctx.spool(&seedbed_storage::Location::Local(
        args.out.parent().unwrap_or(std::path::Path::new("")).to_owned(),
    ));
    let stack = args.stack.open(ctx, &spool).await?;
    let request = ZonalRequest {
        zones: &found.zones,
        statistics: &args.statistics,
        allow_holes: args.allow_holes,
        memory: args.memory,
    };
    let mut table =
        if args.dry_run { None } else { Some(Table::begin(&args.out, columns(&attributes, &args))?) };
    let meter = ctx.meter("zonal", Counted::Things("periods and variables"), None);
    let report = tokio::task::block_in_place(|| {
        let mut trouble = None;
        let mut sink = |row: ZonalRow<'_>| {
            let cells = cells(&found.zones[row.zone], &attributes, &row);
            trouble = table.as_mut().and_then(|table| table.put(&cells).err());
            // Nothing more is read; the table's own error is the one that is told.
            if trouble.is_some() {
                Err(PrepError::Request("the table can't be written".to_owned()))
            } else {
                Ok(())
            }
        };
        let sink: Option<ZonalSink<'_>> = if args.dry_run { None } else { Some(&mut sink) };
        let mut progress = |done, total| meter.at(done, total);
        let computed = zonal(&stack, &request, &spool, &ctx.projections, sink, &mut progress);
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        match computed {
            Err(holes @ PrepError::Holes { .. }) => {
                Err(holes).or_hint("make them, or leave them out of the zones with --allow-holes")
            }
            other => Ok(other?),
        }
    })?;
    drop(meter);
    if let Some(table) = table {
        table.finish()?;
    }
    if !report.outside.is_empty() || !report.partly.is_empty() || !report.holes.is_empty() {
        let (outside, partly) = (report.outside.len(), report.partly.len());
        ctx.say(format_args!(
            "note: {outside} of {} zones lie outside of the product, {partly} partly; {} tiles are missing",
            report.zones,
            report.holes.len()
        ));
    }
    let statistics = args.statistics;
    ctx.emit(&Computed { out: args.out, dry_run: args.dry_run, statistics, report })?;
    Ok(Status::Done)
}

/// The attributes that rows have: those named, or all that any zone has, in order, and what
/// their columns hold.
fn attributes(zones: &Zones, named: Option<&[String]>) -> anyhow::Result<Vec<(String, Kind)>> {
    let mut all: Vec<&String> = Vec::new();
    for name in zones.zones.iter().flat_map(|zone| zone.attributes().keys()) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    if let Some(unknown) = named.into_iter().flatten().find(|name| !all.contains(name)) {
        let there: Vec<&str> = all.iter().map(|name| name.as_str()).collect();
        return Err(usage_hint(
            format!("no zone has an attribute `{unknown}`"),
            format!("--attributes takes of: {}", there.join(", ")),
        ));
    }
    let chosen = all.into_iter().filter(|name| named.is_none_or(|named| named.contains(name)));
    let kind = |name: &String| {
        let values = zones.zones.iter().filter_map(|zone| zone.attributes().get(name));
        let numbers = values.filter(|v| !v.is_null()).all(Value::is_number);
        if numbers { Kind::Number } else { Kind::Text }
    };
    Ok(chosen.map(|name| (name.clone(), kind(name))).collect())
}

fn columns(attributes: &[(String, Kind)], args: &Args) -> Vec<(String, Kind)> {
    let statistics: Vec<String> = args.statistics.iter().map(ToString::to_string).collect();
    let own = |name: &str| {
        name == "zone"
            || BEFORE.contains(&name)
            || AFTER.contains(&name)
            || statistics.iter().any(|s| s == name)
    };
    let mut columns = vec![("zone".to_owned(), Kind::Text)];
    // An attribute that is called as a column of ours is told apart from it.
    let free = |name: &String| if own(name) { format!("zone_{name}") } else { name.clone() };
    columns.extend(attributes.iter().map(|(name, kind)| (free(name), *kind)));
    columns.extend(BEFORE.iter().map(|name| ((*name).to_owned(), Kind::Text)));
    columns.extend(statistics.iter().map(|name| (name.clone(), Kind::Number)));
    columns.extend(AFTER.iter().map(|name| ((*name).to_owned(), Kind::Number)));
    columns
}

fn cells(zone: &Zone, attributes: &[(String, Kind)], row: &ZonalRow<'_>) -> Vec<Cell> {
    let mut cells = vec![Cell::from(zone.id())];
    for (name, kind) in attributes {
        let value = zone.attributes().get(name);
        cells.push(match (value, kind) {
            (None | Some(Value::Null), _) => Cell::Empty,
            (Some(value), Kind::Number) => value.as_f64().into(),
            (Some(Value::String(text)), Kind::Text) => Cell::from(text.as_str()),
            (Some(other), Kind::Text) => Cell::Text(other.to_string()),
        });
    }
    cells.extend([Cell::from(row.period), Cell::from(row.variable)]);
    cells.push(row.unit.map_or(Cell::Empty, Cell::from));
    cells.extend(row.statistics.iter().map(|value| Cell::from(*value)));
    cells.extend([Cell::from(Some(row.area)), Cell::from(Some(row.valid))]);
    cells
}
