//! `seedbed crawl`: an archive's listing becomes a STAC catalog.

use crate::context::{Ctx, Limits};
use crate::failure::{self, Judge, usage};
use crate::headers::{Headers, Inspection, Opened};
use crate::placing::PlacingArgs;
use crate::progress::{Counted, Meter};
use crate::report::{Report, Status, count};
use crate::selection::{byte_count, pair_of_many};
use crate::workplace::Workplace;
use seedbed_archive::{Crawl, CrawlOptions, CrawlProgress, Definition, Rejected, crawl};
use seedbed_catalog::{Absent, Item, Merge, Saved, TreeWriter, parse_interval};
use seedbed_grid::Bbox;
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed crawl daymet-daily --where variable=tmin,tmax,prcp --where region=na --datetime 2003/2004 --out catalog
  seedbed crawl mod13q1 --datetime 2003 --bbox=-76.4,40.2,-74.1,42.45 --by '${year}' --out catalog
  seedbed crawl prism-daily-old --root /mnt/prism --out catalog
  seedbed crawl mine.toml --root https://mirror.example.org/data --allow-bad 3 --out catalog
  seedbed crawl daymet-daily --root s3://mirror/daymet --open --out catalog

The collection is merged into the catalog: others stay, documents that would not
change are not written, and what was copied stays copied, unless the archive has
a new release of it. A crawl that was interrupted goes on from the page it had
reached; one that was done before asks only for what has changed, where the
archive can tell.";

/// Crawl an archive into a STAC catalog.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    /// A name that `seedbed archives` lists, or a TOML file.
    definition: String,
    /// The folder of the catalog to write or to merge into.
    #[arg(long, value_name = "CATALOG")]
    out: Location,
    /// A mirror in place of the definition's own address.
    #[arg(long, value_name = "LOCATION")]
    root: Option<Location>,
    /// One of the definition's sources, where it has several.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only granules of these values: a key that the definition's names have.
    #[arg(long = "where", value_name = "KEY=V[,V]", value_parser = pair_of_many)]
    where_: Vec<(String, Vec<String>)>,
    /// Only granules whose time meets A/B, A/.., ../B, a year, a month or a day.
    #[arg(long, value_name = "A/B")]
    datetime: Option<String>,
    /// Only granules that meet this box, in degrees.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    bbox: Option<Bbox>,
    #[command(flatten)]
    placing: PlacingArgs,
    /// Requests at once.
    #[arg(long, value_name = "N", default_value_t = CrawlOptions::default().jobs)]
    jobs: usize,
    /// At most so many requests a second to one host.
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Succeed though so many granules had to be dropped.
    #[arg(long, value_name = "N", default_value_t = 0)]
    allow_bad: u64,
    /// Ask for each file whether it is there; needed where a definition only knows how names are made.
    #[arg(long)]
    probe: bool,
    /// Read the headers of remote files, the first of each asset or all, and say where they contradict the items.
    #[arg(long, value_enum, value_name = "WHICH", num_args = 0..=1, default_missing_value = "first")]
    open: Option<Headers>,
    /// The largest file that is fetched whole for its header, where the format needs that.
    #[arg(long, value_name = "BYTES", value_parser = byte_count, default_value = "200MB", requires = "open")]
    open_limit: u64,
    /// Delete the items and assets that the archive no longer lists; copied files stay.
    #[arg(long)]
    prune: bool,
    /// Begin anew: don't go on from an interrupted crawl, and don't trust what was listed before.
    #[arg(long)]
    fresh: bool,
    /// List folders that a server's robots.txt forbids; for servers of your own.
    #[arg(long)]
    ignore_robots: bool,
    /// List the archive, but write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Default, Serialize)]
struct Dropped {
    name: String,
    reason: String,
    /// Whether it is a page or folder of the listing itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    listing: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    collection: String,
    out: Location,
    dry_run: bool,
    items: u64,
    granules: u64,
    added: u64,
    changed: u64,
    unchanged: u64,
    /// Items of the catalog that the archive no longer lists. They stay, unless they are pruned.
    removed: u64,
    /// The first of them.
    removed_ids: Vec<String>,
    /// Assets that the archive no longer lists of items that it does, and the first of them. They stay, unless they
    /// are pruned.
    removed_assets: u64,
    removed_asset_keys: Vec<String>,
    /// Items of the catalog that this crawl did not ask for; they stay.
    not_listed: u64,
    /// Items whose copies are of an older release than the archive's.
    stale: u64,
    stale_ids: Vec<String>,
    /// Pages of the listing, those taken from an interrupted crawl, and those that had not changed.
    pages: u64,
    resumed_pages: u64,
    unchanged_pages: u64,
    /// How many granules and pages could not be used, and the first of them.
    dropped_count: u64,
    dropped: Vec<Dropped>,
    /// How many of them are pages or folders of the listing, with granules that nobody knows of.
    lost_listings: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened: Option<Opened>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// Dropped granules that the text report lists.
const SHOWN: usize = 50;

impl Report for Summary {
    const COMMAND: &'static str = "crawl";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for d in self.dropped.iter().filter(|d| d.listing) {
            writeln!(out, "not listed: {}: {}", d.name, d.reason)?;
        }
        for d in self.dropped.iter().filter(|d| !d.listing).take(SHOWN) {
            writeln!(out, "dropped: {}: {}", d.name, d.reason)?;
        }
        let granules = self.dropped_count - self.lost_listings;
        if granules > SHOWN as u64 {
            writeln!(out, "dropped: … {} more (--json lists them)", granules - SHOWN as u64)?;
        }
        for id in self.removed_ids.iter().take(SHOWN) {
            writeln!(out, "no longer at the archive: {id}")?;
        }
        for key in self.removed_asset_keys.iter().take(SHOWN) {
            writeln!(out, "no longer at the archive: the asset {key}")?;
        }
        for id in self.stale_ids.iter().take(SHOWN) {
            writeln!(out, "newer at the archive than its copy: {id}")?;
        }
        if let Some(opened) = &self.opened {
            opened.text(out)?;
        }
        for note in &self.notes {
            writeln!(out, "note: {note}")?;
        }
        write!(
            out,
            "{}: {}",
            self.collection,
            count(usize::try_from(self.items).unwrap_or(usize::MAX), "item")
        )?;
        if self.dry_run {
            return writeln!(out, " would be written to {}, {} dropped", self.out, self.dropped_count);
        }
        write!(out, " ({} added, {} changed, {} unchanged)", self.added, self.changed, self.unchanged)?;
        for (number, what) in [
            (self.removed, "removed at the archive"),
            (self.stale, "with stale copies"),
            (self.not_listed, "kept that this crawl did not list"),
        ] {
            if number > 0 {
                write!(out, ", {number} {what}")?;
            }
        }
        if self.removed_assets > 0 {
            let assets = usize::try_from(self.removed_assets).unwrap_or(usize::MAX);
            write!(out, ", {} removed at the archive", count(assets, "asset"))?;
        }
        writeln!(out, ", {} dropped; {}", self.dropped_count, self.out)
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let definition = Definition::open(&args.definition)?;
    if args.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return Err(usage("--rate is a number of requests a second, above 0"));
    }
    let stores = ctx.stores_within(Limits { rate: args.rate, ..Limits::default() })?;
    let options = CrawlOptions {
        root: args.root.clone(),
        source: args.source.clone(),
        where_: args.where_.clone(),
        datetime: args.datetime.as_deref().map(parse_interval).transpose().or_usage()?,
        bbox: args.bbox,
        jobs: args.jobs,
        probe: args.probe,
        ignore_robots: args.ignore_robots,
        fresh: args.fresh,
        ..CrawlOptions::default()
    };
    let workplace = Workplace::of(&args.out, &format!("crawl-{}", definition.name()))?;
    let watch = Watch(ctx.meter("crawl", Counted::Things("granules"), None));
    let mut crawled =
        crawl(&definition, &options, &stores, &ctx.projections, &watch, workplace.path()).await?;
    drop(watch);
    let mut report = Summary::empty(crawled.collection().id(), &args.out, args.dry_run);
    let mut inspection =
        args.open.map(|which| Inspection::new(which, args.open_limit, workplace.path(), ctx));
    let saved = match crawled.next_item()? {
        // A collection of nothing would claim the whole Earth and all time.
        None => None,
        Some(first) if args.dry_run => {
            count_only(first, &mut crawled, &mut report, inspection.as_mut())?;
            None
        }
        Some(first) => {
            let mut options = args.placing.options(&args.out)?;
            "Archives crawled by Seedbed".clone_into(&mut options.description);
            options.merge = Merge::KeepCopies;
            let complete = crawled.is_complete();
            options.absent = if args.prune && complete && !narrowed(&args, &definition) {
                Absent::Remove
            } else {
                Absent::Keep
            };
            let collection = crawled.collection().clone();
            let writer = TreeWriter::begin(&stores, &args.out, collection, options, workplace.path()).await?;
            Some(save(writer, first, &mut crawled, &mut report, inspection.as_mut(), ctx).await?)
        }
    };
    report.opened = inspection.map(Inspection::finish);
    report.tell(saved, crawled, narrowed(&args, &definition))?;
    drop(workplace);
    if report.items == 0 {
        let what =
            if report.dropped_count == 0 { "nothing that was asked for" } else { "nothing that can be used" };
        ctx.say(format_args!("note: the archive lists {what}; {} is as it was", args.out));
    }
    let status = judge(&report, args.allow_bad);
    ctx.emit(&report)?;
    Ok(status)
}

/// Whether less than the whole archive was asked for: then what is not listed may still
/// be there. Keys that a definition needs say which archive it is.
fn narrowed(args: &Args, definition: &Definition) -> bool {
    args.where_.iter().any(|(key, _)| !definition.needs().any(|needed| needed == key))
        || args.datetime.is_some()
        || args.bbox.is_some()
}

/// Failed if more granules were dropped than is allowed, or a part of the listing was: nobody knows how many those are.
fn judge(report: &Summary, allowed: u64) -> Status {
    if let Some(first) = report.dropped.iter().find(|dropped| dropped.listing) {
        let lost = usize::try_from(report.lost_listings).unwrap_or(usize::MAX);
        failure::tell(
            format_args!(
                "{} of the listing could not be read, with all that is listed there; {}: {}",
                count(lost, "page"),
                first.name,
                first.reason
            ),
            "the items of what was read are in the catalog; crawl again when the archive answers",
        );
        return Status::Failed;
    }
    let status = Status::of(report.dropped_count <= allowed);
    if let (Status::Failed, Some(first)) = (status, report.dropped.first()) {
        let dropped = usize::try_from(report.dropped_count).unwrap_or(usize::MAX);
        failure::tell(
            format_args!("{} had to be dropped; {}: {}", count(dropped, "granule"), first.name, first.reason),
            &format!("--allow-bad {dropped} accepts that these are left out"),
        );
    }
    status
}

impl Summary {
    /// Of a crawl that has found nothing yet.
    fn empty(collection: &str, out: &Location, dry_run: bool) -> Self {
        Self {
            collection: collection.to_owned(),
            out: out.clone(),
            dry_run,
            items: 0,
            granules: 0,
            added: 0,
            changed: 0,
            unchanged: 0,
            removed: 0,
            removed_ids: Vec::new(),
            removed_assets: 0,
            removed_asset_keys: Vec::new(),
            not_listed: 0,
            stale: 0,
            stale_ids: Vec::new(),
            pages: 0,
            resumed_pages: 0,
            unchanged_pages: 0,
            dropped_count: 0,
            dropped: Vec::new(),
            lost_listings: 0,
            opened: None,
            notes: Vec::new(),
        }
    }

    /// Adds what saving did and what the crawl counted. Only a crawl of the whole
    /// archive that could use every page knows what the archive no longer has.
    fn tell(&mut self, saved: Option<Saved>, crawled: Crawl, narrowed: bool) -> anyhow::Result<()> {
        let whole = !narrowed && crawled.is_complete();
        let crawled = crawled.finish()?;
        if let Some(saved) = saved {
            (self.added, self.changed, self.unchanged) = (saved.added, saved.changed, saved.unchanged);
            (self.stale, self.stale_ids) = (saved.stale.count, saved.stale.first);
            if whole {
                (self.removed, self.removed_ids) = (saved.absent.count, saved.absent.first);
                let assets = saved.absent_assets;
                (self.removed_assets, self.removed_asset_keys) = (assets.count, assets.first);
            } else {
                self.not_listed = saved.absent.count;
            }
        }
        self.granules = crawled.granules;
        self.pages = crawled.pages;
        self.resumed_pages = crawled.resumed;
        self.unchanged_pages = crawled.not_modified;
        self.dropped_count = crawled.rejected_count;
        self.lost_listings = crawled.lost;
        let of = |Rejected { name, reason, listing }| Dropped { name, reason, listing };
        self.dropped = crawled.rejected.into_iter().map(of).collect();
        self.notes = crawled.notes;
        Ok(())
    }
}

/// Goes through the items without writing any.
fn count_only(
    first: Item,
    crawled: &mut Crawl,
    report: &mut Summary,
    mut inspection: Option<&mut Inspection<'_>>,
) -> anyhow::Result<()> {
    let mut next = Some(first);
    while let Some(item) = next {
        if let Some(inspection) = inspection.as_deref_mut() {
            inspection.look(&item);
        }
        report.items += 1;
        next = crawled.next_item()?;
    }
    Ok(())
}

/// Writes the items as they come.
async fn save(
    mut writer: TreeWriter,
    first: Item,
    crawled: &mut Crawl,
    report: &mut Summary,
    mut inspection: Option<&mut Inspection<'_>>,
    ctx: &Ctx,
) -> anyhow::Result<Saved> {
    let meter = ctx.meter("save", Counted::Things("items"), None);
    let mut next = Some(first);
    while let Some(item) = next {
        if let Some(inspection) = inspection.as_deref_mut() {
            inspection.look(&item);
        }
        writer.put(item).await?;
        meter.advance(1);
        report.items += 1;
        next = crawled.next_item()?;
    }
    Ok(writer.finish().await?)
}

/// Shows how many granules were listed.
struct Watch(Meter);

impl CrawlProgress for Watch {
    fn page(&self, address: &str, granules: usize) {
        tracing::info!("{address}: {granules} granules");
        self.0.advance(granules as u64);
    }
}
