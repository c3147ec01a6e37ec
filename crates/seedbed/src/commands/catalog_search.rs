//! `seedbed catalog search`: items of a catalog, a file or an API.

use crate::context::Ctx;
use crate::failure::{self, Judge, usage};
use crate::progress::Counted;
use crate::query::QueryArgs;
use crate::report::{Report, Status, count};
use crate::unread;
use anyhow::Context;
use seedbed_catalog::{
    ApiHeader, Area, Asking, Fields, Item, ItemWriter, Search, Searched, Short, SortBy, search_each,
};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// Ids that the report names.
const NAMED: usize = 10_000;

const EXAMPLES: &str = "\
Examples:
  seedbed catalog search catalog --datetime 2003/2004 --bbox=-76.4,40.2,-74.1,42.45 --out items.json
  seedbed catalog search catalog --ids '*h12v04*' --filter \"platform = 'terra'\" --out items.ndjson
  seedbed catalog search items.parquet --sortby=-datetime --fields=eo:cloud_cover,-links --out items.json
  seedbed catalog search https://planetarycomputer.microsoft.com/api/stac/v1 --collections modis-13Q1-061 --intersects aoi.geojson --datetime 2003-06 --limit 10 --out items.json

What an API can't do (filter, sort, choose fields) is done here, and the report says so.
A key in the environment is passed on with --header \"X-Api-Key=$KEY\".";

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
    /// Only items whose footprint meets this area: a GeoJSON file, or GeoJSON or WKT itself.
    #[arg(long, value_name = "FILE|GEOMETRY")]
    intersects: Option<String>,
    /// At most so many items.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// In this order: fields, each with + (default) or - before it.
    #[arg(long, value_name = "[+-]FIELD,…", allow_hyphen_values = true)]
    sortby: Option<SortBy>,
    /// These fields beside those that make an item; not those with - before them.
    #[arg(long, value_name = "[-]FIELD,…", allow_hyphen_values = true)]
    fields: Option<Fields>,
    /// How an API is asked; else by POST, and by GET where that is refused.
    #[arg(long, value_name = "post|get")]
    method: Option<Method>,
    /// A header for the API's own host, which is never shown.
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<ApiHeader>,
    /// Where the items go: `.json`, `.ndjson` or `.parquet`.
    #[arg(long, value_name = "FILE")]
    out: Location,
    /// Search, but write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Method {
    /// POST.
    Post,
    /// GET.
    Get,
}

#[derive(Debug, Serialize)]
struct Found {
    out: Location,
    /// The first ten thousand.
    ids: Vec<String>,
    dry_run: bool,
    #[serde(flatten)]
    searched: Searched,
}

impl Report for Found {
    const COMMAND: &'static str = "catalog search";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        unread::list(&self.searched.broken, out)?;
        let items = count(self.searched.items, "item");
        if self.dry_run {
            for id in &self.ids {
                writeln!(out, "{id}")?;
            }
        }
        for note in &self.searched.notes {
            writeln!(out, "note: {note}")?;
        }
        let written = if self.dry_run { "would be written" } else { "written" };
        writeln!(out, "{items} {written} to {}", self.out)
    }
}

/// An area from a file, or from the text itself.
fn area(text: &str) -> anyhow::Result<Area> {
    if !text.trim_start().starts_with('{') && !text.contains('(') || Path::new(text).is_file() {
        let read = std::fs::read_to_string(text).with_context(|| format!("cannot read {text}")).or_usage()?;
        return Area::from_text(&read, text).or_usage();
    }
    Area::from_text(text, "--intersects").or_usage()
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let mut query = args.query.query()?;
    query.collections = args.collections;
    query.limit = args.limit;
    query.intersects = args.intersects.as_deref().map(area).transpose()?;
    let search = Search {
        query,
        sort: args.sortby.unwrap_or_default(),
        fields: args.fields.unwrap_or_default(),
        asking: match args.method {
            None => Asking::Auto,
            Some(Method::Post) => Asking::Post,
            Some(Method::Get) => Asking::Get,
        },
        headers: args.headers,
    };
    let (searched, ids) = write_found(ctx, &args.catalog, &search, &args.out, args.dry_run).await?;
    let status = judge(&searched);
    ctx.emit(&Found { out: args.out, ids, dry_run: args.dry_run, searched })?;
    Ok(status)
}

/// Failed if items are missing of which is known that there are some.
pub fn judge(searched: &Searched) -> Status {
    let Some(Short { announced, came }) = searched.short else {
        return unread::judge(Status::Done, &searched.broken);
    };
    failure::tell(
        format_args!("{announced} items were announced, {came} came, and no link leads to more"),
        "ask the API for less at once, such as by --datetime or --bbox",
    );
    Status::Failed
}

/// Writes what a search finds, as it comes; the first ids.
pub async fn write_found(
    ctx: &Ctx,
    from: &Location,
    search: &Search,
    out: &Location,
    dry_run: bool,
) -> anyhow::Result<(Searched, Vec<String>)> {
    if seedbed_catalog::ItemForm::of_name(out).is_none() {
        return Err(usage(format!("{out}: the name's ending says no format")))
            .or_hint("write items.json, items.ndjson or items.parquet");
    }
    // Nothing is read before it is sure that the file can be written.
    let mut writer = if dry_run { None } else { Some(ItemWriter::begin(out)?) };
    let meter = ctx.meter("search", Counted::Things("items"), None);
    let mut ids = Vec::new();
    let mut put = |item: Item| {
        meter.advance(1);
        if ids.len() < NAMED {
            ids.push(item.id().to_owned());
        }
        writer.as_mut().map_or(Ok(()), |writer| writer.put(&item))
    };
    let mut searched = search_each(&ctx.stores, from, search, &mut put).await?;
    if let Some(mut writer) = writer {
        searched.collections.drain(..).for_each(|collection| writer.keep_collection(collection));
        searched.notes.extend(writer.finish(&ctx.stores).await?.notes);
    }
    Ok((searched, ids))
}
