//! `seedbed copy`: chosen assets brought home.

use crate::context::{Ctx, Limits};
use crate::failure::{self, usage, usage_hint};
use crate::machine;
use crate::progress::{Counted, Meter};
use crate::query::QueryArgs;
use crate::report::{Report, Status, bytes, count};
use crate::selection::{byte_count, span};
use crate::unread;
use seedbed_catalog::copy::{
    CopyPlan, CopyReport, CopyRequest, Failure, Missing, Names, OnError, Template, Transfer, Unchecked,
    execute, plan,
};
use seedbed_catalog::{Broken, CatalogError, Item, ItemCollection};
use seedbed_storage::{Location, StorageError, Stores, shown_text};
use serde::Serialize;
use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  seedbed copy catalog --assets tmin,tmax,prcp --to data
  seedbed copy catalog --assets ndvi --to data --datetime 2003/2004 --bbox=-76.4,40.2,-74.1,42.45
  seedbed copy items.json --assets data --to /mnt/archive --out copied --max-transfer 20GB
  seedbed copy catalog --assets tmin --to s3://my-bucket/daymet
  seedbed copy catalog --ids '*-hi-*' --assets tmin --to dcache://pnfs/site/data/daymet --stores stores.toml
  seedbed copy catalog --assets tmin --to data --dry-run

An asset that is a Zarr group is copied with all its files, and pointed at when
all are there. Without --out a local catalog is updated in place, item by item. Copying again
brings only what is missing; on local disk an interrupted file is resumed.";

/// For how long staged files stay on disk, and how long they are waited for at most: 7 days.
const STAGED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Requests at once for data, if there is but one file to bring.
const STREAMS: usize = 4;

/// Copy chosen assets; the catalog then points at the copies.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog or items file.
    #[arg(value_name = "CATALOG|ITEMS")]
    items: Location,
    /// The assets, by key.
    #[arg(long, value_name = "KEY", value_delimiter = ',', required = true)]
    assets: Vec<String>,
    /// The folder they go to: a path, s3://…, davs://… or dcache://….
    #[arg(long, value_name = "LOCATION")]
    to: Location,
    #[command(flatten)]
    query: QueryArgs,
    /// The path below that folder: {folder} (the item's, in its tree), {collection}, {item} or {id}, {asset}, {filename}, {ext} (its ending), {year}, {month}, {day}.
    #[arg(long, default_value_t)]
    layout: Template,
    /// Write a new catalog instead of updating the items where they are.
    #[arg(long, value_name = "CATALOG")]
    out: Option<Location>,
    /// Files at once.
    #[arg(long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,
    /// Transfer no more than so much, and don't begin if that is known to be too little: 500000, 20MB, 1.5GiB.
    #[arg(long, value_name = "BYTES", value_parser = byte_count)]
    max_transfer: Option<u64>,
    /// Bring files that are on a dCache's tape to its disk first, and wait for them.
    #[arg(long)]
    stage: bool,
    /// How often a failed request is tried again, with growing pauses; counted afresh when a file got further.
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: u32,
    /// How long a server may be silent.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = patience)]
    timeout: Duration,
    /// How long one file may take, retries included: 30min, 12h; as long as it takes, if not said.
    #[arg(long, value_name = "TIME", value_parser = patience)]
    file_timeout: Option<Duration>,
    /// What a failing file means for the others.
    #[arg(long, value_enum, default_value = "keep-going")]
    on_error: OnErrorArg,
    /// Say what would be copied, and copy nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OnErrorArg {
    /// They go on.
    KeepGoing,
    /// No further one is begun.
    Stop,
}

#[derive(Debug, Serialize)]
struct Planned<'a> {
    dry_run: bool,
    /// Whether what is on tape is brought to disk first.
    #[serde(skip)]
    stage: bool,
    /// The files that are on tape.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    on_tape: &'a [Location],
    /// Items that can't be read.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    broken: &'a [Broken],
    #[serde(flatten)]
    plan: &'a CopyPlan,
}

impl Report for Planned<'_> {
    const COMMAND: &'static str = "copy";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        unread::list(self.broken, out)?;
        without(&self.plan.missing, out)?;
        unchecked(&self.plan.unchecked, out)?;
        self.on_tape.iter().try_for_each(|at| writeln!(out, "on tape: {at}"))?;
        if !self.on_tape.is_empty() && !self.stage {
            writeln!(out, "what is on tape is copied with --stage")?;
        }
        failed(&self.plan.failed, out)?;
        for t in &self.plan.transfers {
            if t.stands {
                writeln!(out, "{} stands already, to be compared: {}", t.from, t.to)?;
                continue;
            }
            let size = t.bytes.map_or_else(|| "size unknown".to_owned(), bytes);
            let files = t.files.map(|n| format!("{}, ", count(n, "file"))).unwrap_or_default();
            writeln!(out, "{} -> {} ({files}{size})", t.from, t.to)?;
        }
        let unknown = match self.plan.unknown_sizes {
            0 => String::new(),
            n => format!(" and {n} of unknown size"),
        };
        writeln!(
            out,
            "{} would be copied: {}{unknown}; {} there already",
            count(self.plan.files(), "file"),
            bytes(self.plan.bytes),
            count(self.plan.present.len() + self.plan.standing(), "asset")
        )
    }
}

#[derive(Debug, Serialize)]
struct Copied {
    dry_run: bool,
    /// The command that brings what failed, and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<String>,
    /// Items that can't be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broken: Vec<Broken>,
    #[serde(flatten)]
    report: CopyReport,
}

impl Report for Copied {
    const COMMAND: &'static str = "copy";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let r = &self.report;
        unread::list(&self.broken, out)?;
        without(&r.missing, out)?;
        unchecked(&r.unchecked, out)?;
        failed(&r.failed, out)?;
        writeln!(
            out,
            "{} copied, {} resumed, {} there already, {} failed: {} in {} updated",
            r.copied,
            r.resumed,
            r.present + r.adopted,
            r.failed.len(),
            bytes(r.bytes),
            count(r.updated, "item")
        )?;
        if r.skipped > 0 {
            writeln!(out, "{} not begun after the failure", count(r.skipped, "file"))?;
        }
        if let Some(catalog) = &r.catalog {
            writeln!(out, "catalog: {catalog}")?;
        }
        Ok(())
    }
}

/// Items that lack chosen assets.
fn without(missing: &[Missing], out: &mut dyn Write) -> io::Result<()> {
    missing.iter().try_for_each(|m| writeln!(out, "without {}: {}", m.assets.join(", "), m.item))
}

/// Files that can't be brought.
fn failed(failed: &[Failure], out: &mut dyn Write) -> io::Result<()> {
    failed.iter().try_for_each(|f| {
        let used: Vec<String> = f.uses.iter().map(|u| format!("{} {}", u.item, u.asset)).collect();
        writeln!(out, "failed: {}: {}", used.join(", "), f.reason)
    })
}

/// How a copy ends that could not bring these.
fn status_of(failed: &[Failure]) -> Status {
    match failed {
        [] => Status::Done,
        failed if failed.iter().all(|f| f.retryable) => Status::Retry,
        failed if failed.iter().all(|f| is_misconfigured(&f.error)) => Status::Misconfigured,
        _ => Status::Failed,
    }
}

/// Whether a store's own settings are at fault.
fn is_misconfigured(error: &CatalogError) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(StorageError::Configuration { .. })) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Checksums that say nothing here.
fn unchecked(unchecked: &[Unchecked], out: &mut dyn Write) -> io::Result<()> {
    unchecked
        .iter()
        .try_for_each(|u| writeln!(out, "checksum not used: {} {}: {}", u.item, u.asset, u.reason))
}

/// A span of time that is longer than nothing.
fn patience(text: &str) -> Result<Duration, String> {
    span(text).and_then(|time| if time.is_zero() { Err("no time at all".to_owned()) } else { Ok(time) })
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    machine::spare_pages();
    let query = args.query.query()?;
    let (all, broken) = ItemCollection::read_legible(&ctx.stores, &args.items).await?;
    let names = Names::of(&all.items, &args.layout);
    let items = all.select(&query)?.items;
    drop(all);
    unread::some_left(&items, &broken, &args.items)?;
    if items.is_empty() {
        return Err(usage_hint(format!("no item of {} is selected", args.items), "widen the selection"));
    }
    every_key_occurs(&items, &args.assets)?;
    let request = CopyRequest {
        items,
        collections: Vec::new(),
        assets: args.assets,
        to: args.to.absolute()?,
        template: args.layout,
        out: args.out,
        names: Some(names),
    };
    let patience = Limits { retries: Some(args.retries), silence: Some(args.timeout), ..Limits::default() };
    let mut planned = plan(&ctx.stores_within(patience)?, &request).await?;
    // Files beside one another use the connection as well as parts of one, and cost less.
    let at_once = args.jobs.get().min(planned.transfers.len()).max(1);
    let streams = Some(STREAMS.div_ceil(at_once));
    let stores = ctx.stores_within(Limits {
        transfer: args.max_transfer,
        streams,
        file: args.file_timeout,
        ..patience
    })?;
    let on_tape = match (args.stage, args.dry_run) {
        (true, _) => on_tape(&planned, &stores, ctx).await?,
        // Only a store that can be asked tells, and what it doesn't tell fails no plan.
        (false, true) => on_tape_where_told(&planned, &stores).await,
        (false, false) => Vec::new(),
    };
    let limit = args.max_transfer.unwrap_or(u64::MAX);
    let untold = args.max_transfer.is_some() && planned.unknown_sizes > 0;
    // What stands already, or in part, needs no room: it is looked for where that matters, and sizes that no item tells
    // are asked for where there is a limit.
    if args.dry_run
        || untold
        || planned.within(limit).is_err()
        || planned.fits(&stores, &request.to).await.is_err()
    {
        planned.survey(&stores).await;
    }
    if args.dry_run {
        planned.foresee();
    }
    planned.within(limit)?;
    planned.fits(&stores, &request.to).await?;
    if args.dry_run {
        let stage = args.stage;
        ctx.emit(&Planned { dry_run: true, stage, on_tape: &on_tape, broken: &broken, plan: &planned })?;
        // A door that doesn't stage by itself refuses to read them.
        let status = match status_of(&planned.failed) {
            Status::Done if !stage && !on_tape.is_empty() => Status::Failed,
            status => status,
        };
        return Ok(unread::judge(status, &broken));
    }
    if !on_tape.is_empty() {
        let meter = ctx.meter("stage", Counted::Things("files"), Some(on_tape.len() as u64));
        let done = AtomicU64::new(0);
        let told = |now: usize, _| {
            let now = now as u64;
            meter.advance(now.saturating_sub(done.fetch_max(now, Ordering::Relaxed)));
        };
        stores.stage(&on_tape, STAGED, &told).await?;
    }
    let on_error = match args.on_error {
        OnErrorArg::KeepGoing => OnError::KeepGoing,
        OnErrorArg::Stop => OnError::Stop,
    };
    let meter = Watch { meter: ctx.meter("copy", Counted::Bytes, None), tally: Mutex::default() };
    let report = Box::pin(execute(&stores, &planned, args.jobs.get(), on_error, &meter)).await?;
    drop(meter);
    let status = status_of(&report.failed);
    let again = report.failed.first().map(|first| {
        let again = match first.error.source().and_then(<dyn Error>::downcast_ref) {
            Some(StorageError::OnTape { .. }) if !args.stage => format!("{} --stage", command_line()),
            _ => command_line(),
        };
        failure::tell(
            format_args!("{} not copied; {}", count(report.failed.len(), "file"), first.reason),
            &match failure::next_step(&*first.error) {
                Some(step) => format!("{step}; this copies only what is missing: {again}"),
                None => format!("this copies only what is missing: {again}"),
            },
        );
        again
    });
    let status = unread::judge(status, &broken);
    ctx.emit(&Copied { dry_run: false, again, broken, report })?;
    Ok(status)
}

/// The files of a plan that are on tape; how many there are is said.
async fn on_tape(plan: &CopyPlan, stores: &Stores, ctx: &Ctx) -> anyhow::Result<Vec<Location>> {
    let sources = plan.transfers.iter().flat_map(Transfer::sources);
    let may_be = |from: &Location| matches!(from, Location::Dcache(_)) || stores.has_tape(from);
    let files: Vec<Location> = sources.filter(may_be).collect();
    let placed = stores.locality(&files).await?;
    let on_tape: Vec<Location> =
        placed.into_iter().filter(|(_, place)| !place.on_disk()).map(|(at, _)| at).collect();
    ctx.say(format_args!("{} of {} on tape", on_tape.len(), count(files.len(), "file")));
    Ok(on_tape)
}

/// Those of which a store says so that can be asked.
async fn on_tape_where_told(plan: &CopyPlan, stores: &Stores) -> Vec<Location> {
    let sources = plan.transfers.iter().filter(|t| !t.stands).flat_map(Transfer::sources);
    let files: Vec<Location> = sources.filter(|from| stores.has_tape(from)).collect();
    let mut placed = stores.locality(&files).await;
    if placed.is_err() {
        // One of them may not be there.
        let mut each = Vec::new();
        for file in &files {
            each.extend(stores.locality(std::slice::from_ref(file)).await.unwrap_or_default());
        }
        placed = Ok(each);
    }
    let placed = placed.unwrap_or_default().into_iter();
    placed.filter(|(_, place)| !place.on_disk()).map(|(at, _)| at).collect()
}

/// The command as it was given, quoted for a shell; addresses without what may be secret in them.
fn command_line() -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    let shown = |arg: String| if arg.contains("://") { shown_text(&arg) } else { arg };
    let quoted = std::env::args().skip(1).map(shown).map(|arg| {
        if !arg.is_empty() && arg.chars().all(plain) {
            arg
        } else {
            format!("'{}'", arg.replace('\'', r"'\''"))
        }
    });
    std::iter::once("seedbed".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// Refuses a key that no item has: it is a mistyped one.
pub fn every_key_occurs(items: &[Item], keys: &[String]) -> anyhow::Result<()> {
    let there: BTreeSet<&str> = items.iter().flat_map(Item::assets).map(|(key, _)| key).collect();
    match keys.iter().find(|key| !there.contains(key.as_str())) {
        Some(key) => Err(usage(format!(
            "none of the {} items has an asset `{}` (they have: {})",
            items.len(),
            shown_text(key),
            there.into_iter().collect::<Vec<_>>().join(", ")
        ))),
        None => Ok(()),
    }
}

/// Shows a copy's bytes and files.
struct Watch {
    meter: Meter,
    tally: Mutex<Tally>,
}

/// What is known of the files of a copy so far.
#[derive(Default)]
struct Tally {
    files: usize,
    ended: usize,
    /// Files of known size, and their bytes.
    sized: u64,
    bytes: u64,
}

impl Tally {
    /// All bytes, where sizes that aren't known are taken to be like those that are.
    fn total(&self) -> Option<u64> {
        let whole = u128::from(self.bytes) * self.files as u128;
        whole.checked_div(self.sized.into()).and_then(|total| u64::try_from(total).ok())
    }
}

impl Watch {
    fn change(&self, change: impl FnOnce(&mut Tally)) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut tally);
        if let Some(total) = tally.total() {
            self.meter.set_total(total);
        }
        self.meter.note(format!("{} of {}", tally.ended, count(tally.files, "file")));
    }
}

impl seedbed_catalog::copy::Progress for Watch {
    fn planned(&self, plan: &CopyPlan) {
        let files = plan.transfers.len();
        // What stands already, whole or in part, is counted when its turn comes.
        let sizes = plan.transfers.iter().filter_map(|t| t.bytes);
        let (sized, bytes) = (sizes.clone().count() as u64, sizes.sum());
        self.change(|tally| *tally = Tally { files, ended: 0, sized, bytes });
    }

    fn file<'a>(&'a self, transfer: &Transfer) -> Box<dyn seedbed_storage::Progress + 'a> {
        Box::new(File {
            watch: self,
            counted: AtomicU64::new(0),
            sized: AtomicBool::new(transfer.bytes.is_some()),
        })
    }

    fn finished(&self, transfer: &Transfer, failure: Option<&str>) {
        self.change(|tally| tally.ended += 1);
        if let Some(reason) = failure {
            tracing::info!("{} failed: {reason}", transfer.from);
        } else {
            tracing::info!("{} copied", transfer.to);
        }
    }
}

/// One file's bytes within the whole count.
struct File<'a> {
    watch: &'a Watch,
    counted: AtomicU64,
    /// Whether its size is counted among the known ones.
    sized: AtomicBool,
}

impl seedbed_storage::Progress for File<'_> {
    fn started(&self, total: Option<u64>) {
        // A transfer that starts over counts its bytes anew.
        self.watch.meter.retreat(self.counted.swap(0, Ordering::Relaxed));
        if let Some(size) = total
            && !self.sized.swap(true, Ordering::Relaxed)
        {
            self.watch.change(|tally| (tally.sized, tally.bytes) = (tally.sized + 1, tally.bytes + size));
        }
    }

    fn advanced(&self, bytes: u64) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        self.watch.meter.advance(bytes);
    }
}
