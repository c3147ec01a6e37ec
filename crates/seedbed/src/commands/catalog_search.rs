//! `seedbed catalog search`: items of a catalog, a file or an API.

use crate::context::Ctx;
use crate::failure::{Judge, usage, usage_hint};
use crate::query::QueryArgs;
use crate::report::{Report, Status, count};
use anyhow::Context;
use seedbed_catalog::{Area, Item};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  seedbed catalog search catalog --datetime 2003/2004 --bbox=-76.4,40.2,-74.1,42.45 --out items.json
  seedbed catalog search catalog --ids '*h12v04*' --filter \"platform = 'terra'\" --out items.ndjson
  seedbed catalog search https://planetarycomputer.microsoft.com/api/stac/v1 \\
      --collections modis-13Q1-061 --intersects aoi.geojson --datetime 2003-06 --limit 10 --out items.json";

/// Search a catalog, an items file or a STAC API.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog, an items file or a STAC API's address.
    #[arg(value_name = "CATALOG|API-URL")]
    catalog: Location,
    #[command(flatten)]
    query: QueryArgs,
    /// Only collections of these names.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    collections: Vec<String>,
    /// Only items whose footprint meets this GeoJSON area.
    #[arg(long, value_name = "FILE")]
    intersects: Option<PathBuf>,
    /// At most so many items.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Where the items go: `.json` or `.ndjson`.
    #[arg(long, value_name = "FILE")]
    out: Location,
    /// Search, but write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Found {
    out: Location,
    items: usize,
    ids: Vec<String>,
    dry_run: bool,
}

impl Report for Found {
    const COMMAND: &'static str = "catalog search";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.dry_run {
            for id in &self.ids {
                writeln!(out, "{id}")?;
            }
            return writeln!(out, "{} would be written to {}", count(self.items, "item"), self.out);
        }
        writeln!(out, "{} written to {}", count(self.items, "item"), self.out)
    }
}

enum Form {
    Json,
    Ndjson,
}

fn form(out: &Location) -> anyhow::Result<Form> {
    let name = out.file_name().unwrap_or_default().to_ascii_lowercase();
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json" | "geojson") => Ok(Form::Json),
        Some("ndjson" | "jsonl" | "geojsonl") => Ok(Form::Ndjson),
        Some("parquet" | "geoparquet") => Err(usage_hint(
            format!("{out}: this version writes no GeoParquet"),
            "write items.json or items.ndjson",
        )),
        _ => Err(usage_hint(
            format!("{out}: the name's ending says no format"),
            "write items.json or items.ndjson",
        )),
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let form = form(&args.out)?;
    let mut query = args.query.query()?;
    query.collections = args.collections;
    query.limit = args.limit;
    if let Some(path) = &args.intersects {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}")).or_usage()?;
        let value = serde_json::from_str(&text).map_err(|e| usage(format!("{name} is no JSON: {e}")))?;
        query.intersects = Some(Area::from_value(&value, &name).or_usage()?);
    }
    let found = seedbed_catalog::search(&ctx.stores, &args.catalog, &query).await?;
    if !args.dry_run {
        match form {
            Form::Json => found.write_json(&ctx.stores, &args.out).await?,
            Form::Ndjson => found.write_ndjson(&ctx.stores, &args.out).await?,
        }
    }
    ctx.emit(&Found {
        out: args.out,
        items: found.items.len(),
        ids: found.items.iter().map(Item::id).map(str::to_owned).collect(),
        dry_run: args.dry_run,
    })?;
    Ok(Status::Done)
}
