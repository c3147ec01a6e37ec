//! `seedbed crawl`: an archive's listing becomes a STAC catalog.

use crate::context::{Ctx, local_path};
use crate::failure::{self, Judge};
use crate::progress::{Counted, Meter};
use crate::report::{Report, Status, count};
use crate::selection::pair_of_many;
use seedbed_archive::{CrawlOptions, CrawlProgress, Definition, Rejected, crawl};
use seedbed_catalog::{Item, Merge, Tree, TreeBuilder, parse_interval};
use seedbed_grid::Bbox;
use seedbed_storage::Location;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed crawl daymet-daily --where variable=tmin,tmax,prcp --where region=na --datetime 2003/2004 --out catalog
  seedbed crawl mod13a1 --datetime 2003 --bbox=-76.4,40.2,-74.1,42.45 --out catalog
  seedbed crawl prism-daily-old --root /mnt/prism --out catalog
  seedbed crawl mine.toml --root https://mirror.example.org/data --allow-bad 3 --out catalog

The collection is merged into the catalog: others stay, documents that would not
change are not written, and what was copied stays copied.";

/// Crawl an archive into a STAC catalog.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A name that `seedbed archives` lists, or a TOML file.
    definition: String,
    /// The folder of the catalog to write or to merge into.
    #[arg(long, value_name = "CATALOG")]
    out: Location,
    /// A mirror in place of the definition's own address.
    #[arg(long, value_name = "LOCATION")]
    root: Option<Location>,
    /// Only granules of these values: a key that the definition's names have.
    #[arg(long = "where", value_name = "KEY=V[,V]", value_parser = pair_of_many)]
    where_: Vec<(String, Vec<String>)>,
    /// Only granules whose time meets A/B, A/.., ../B, a year, a month or a day.
    #[arg(long, value_name = "A/B")]
    datetime: Option<String>,
    /// Only granules that meet this box, in degrees.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    bbox: Option<Bbox>,
    /// Requests at once.
    #[arg(long, value_name = "N", default_value_t = CrawlOptions::default().jobs)]
    jobs: usize,
    /// Succeed though so many granules had to be dropped.
    #[arg(long, value_name = "N", default_value_t = 0)]
    allow_bad: usize,
    /// List the archive, but write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Dropped {
    name: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Crawled {
    collection: String,
    out: Location,
    dry_run: bool,
    items: usize,
    added: usize,
    changed: usize,
    unchanged: usize,
    /// Items of the catalog that this crawl did not list; they stay.
    not_listed: usize,
    dropped: Vec<Dropped>,
}

impl Report for Crawled {
    const COMMAND: &'static str = "crawl";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for d in &self.dropped {
            writeln!(out, "dropped: {}: {}", d.name, d.reason)?;
        }
        write!(out, "{}: {}", self.collection, count(self.items, "item"))?;
        if self.dry_run {
            return writeln!(out, " would be written to {}, {} dropped", self.out, self.dropped.len());
        }
        write!(out, " ({} added, {} changed, {} unchanged)", self.added, self.changed, self.unchanged)?;
        if self.not_listed > 0 {
            write!(out, ", {} kept that this crawl did not list", self.not_listed)?;
        }
        writeln!(out, ", {} dropped; {}", self.dropped.len(), self.out)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let definition = Definition::open(&args.definition)?;
    let folder = local_path(&args.out)?;
    let options = CrawlOptions {
        root: args.root,
        where_: args.where_,
        datetime: args.datetime.as_deref().map(parse_interval).transpose().or_usage()?,
        bbox: args.bbox,
        jobs: args.jobs,
    };
    let watch = Watch(ctx.meter("crawl", Counted::Things("granules"), None));
    let crawled = crawl(&definition, &options, &ctx.stores, &ctx.projections, &watch).await?;
    drop(watch);
    let id = crawled.collection.id().to_owned();
    let before = if folder.join("catalog.json").is_file() {
        items_of(&Tree::read(&ctx.stores, &TreeBuilder::root_of(&args.out)).await?, &id)
    } else {
        BTreeMap::new()
    };
    let given: BTreeSet<String> = crawled.items.iter().map(|i| i.id().to_owned()).collect();
    let mut report = Crawled {
        collection: id,
        out: args.out.clone(),
        dry_run: args.dry_run,
        items: given.len(),
        added: given.iter().filter(|id| !before.contains_key(*id)).count(),
        changed: 0,
        unchanged: 0,
        not_listed: before.keys().filter(|id| !given.contains(*id)).count(),
        dropped: crawled
            .rejected
            .into_iter()
            .map(|Rejected { name, reason, .. }| Dropped { name, reason })
            .collect(),
    };
    // A collection of nothing would claim the whole Earth and all time.
    if crawled.items.is_empty() {
        let what =
            if report.dropped.is_empty() { "nothing that was asked for" } else { "nothing that can be used" };
        ctx.say(format_args!("note: the archive lists {what}; {} is as it was", args.out));
    } else if !args.dry_run {
        let name =
            folder.file_name().map_or_else(|| "catalog".to_owned(), |n| n.to_string_lossy().into_owned());
        let saved = TreeBuilder::new(&name, "Archives crawled by Seedbed")
            .with(crawled.collection, crawled.items)
            .merging(Merge::KeepCopies)
            .save(&ctx.stores, &args.out)
            .await?;
        let written: BTreeSet<Location> = saved.written.into_iter().collect();
        let known = given.iter().filter_map(|id| before.get(id));
        (report.changed, report.unchanged) =
            known.fold((0, 0), |(c, u), at| if written.contains(at) { (c + 1, u) } else { (c, u + 1) });
    }
    let status = Status::of(report.dropped.len() <= args.allow_bad);
    if let (Status::Failed, Some(first)) = (status, report.dropped.first()) {
        let dropped = report.dropped.len();
        failure::tell(
            format_args!("{} had to be dropped; {}: {}", count(dropped, "granule"), first.name, first.reason),
            &format!("--allow-bad {dropped} accepts that these are left out"),
        );
    }
    ctx.emit(&report)?;
    Ok(status)
}

/// A collection's items by id, with their documents.
fn items_of(tree: &Tree, collection: &str) -> BTreeMap<String, Location> {
    let of = tree.collections().into_iter().filter(|(c, _)| c.id() == collection);
    of.flat_map(|(_, items)| items)
        .filter_map(|i: &Item| Some((i.id().to_owned(), i.location()?.absolute().ok()?)))
        .collect()
}

/// Shows how many granules were listed.
struct Watch(Meter);

impl CrawlProgress for Watch {
    fn page(&self, address: &str, granules: usize) {
        tracing::info!("{address}: {granules} granules");
        self.0.advance(granules as u64);
    }
}
