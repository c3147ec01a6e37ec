//! `seedbed check`: assets against their metadata.

use crate::commands::copy::every_key_occurs;
use crate::context::Ctx;
use crate::failure::{self, usage_hint};
use crate::machine;
use crate::progress::Counted;
use crate::query::QueryArgs;
use crate::report::{Report, Status, count};
use crate::unread;
use futures::{StreamExt, TryStreamExt, stream};
use seedbed_catalog::{
    Asset, Broken, CatalogError, FolderFacts, Item, ItemCollection, copy, folder_digest, folder_version,
    is_folder, members,
};
use seedbed_storage::{Checksum, Function, Location, StorageError};
use serde::Serialize;
use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

const EXAMPLES: &str = "\
Examples:
  seedbed check catalog
  seedbed check catalog --deep --assets tmin,tmax
  seedbed check catalog --json | jq '.assets[] | select(.state != \"same\")'

Signs: = same, * differs, - missing, ! could not be asked. --deep reads local
files and copies in remote stores, and compares their checksums; without it
sizes are compared, of a Zarr group the number and size of its files.";

/// Check assets against their metadata.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog or items file.
    catalog: Location,
    /// Read local files and remote copies and compare their checksums.
    #[arg(long)]
    deep: bool,
    /// Only these assets, by key.
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    assets: Vec<String>,
    #[command(flatten)]
    query: QueryArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Same,
    Differs,
    Missing,
    Error,
}

impl State {
    fn sign(self) -> char {
        match self {
            Self::Same => '=',
            Self::Differs => '*',
            Self::Missing => '-',
            Self::Error => '!',
        }
    }
}

#[derive(Debug, Serialize)]
struct Checked {
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<String>,
    item: String,
    asset: String,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    #[serde(skip)]
    retryable: bool,
}

#[derive(Debug, Serialize)]
struct CheckReport {
    same: usize,
    differs: usize,
    missing: usize,
    errors: usize,
    /// Items that can't be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broken: Vec<Broken>,
    assets: Vec<Checked>,
}

impl Report for CheckReport {
    const COMMAND: &'static str = "check";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        unread::list(&self.broken, out)?;
        for a in &self.assets {
            let what = a.what.as_deref().map(|w| format!(": {w}")).unwrap_or_default();
            writeln!(out, "{} {} {}{what}", a.state.sign(), a.item, a.asset)?;
        }
        writeln!(
            out,
            "{}: {} same, {} differ, {} missing, {} could not be asked",
            count(self.assets.len(), "asset"),
            self.same,
            self.differs,
            self.missing,
            self.errors
        )
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    machine::spare_pages();
    let (all, broken) = ItemCollection::read_legible(&ctx.stores, &args.catalog).await?;
    let items = all.select(&args.query.query()?)?.items;
    unread::some_left(&items, &broken, &args.catalog)?;
    if items.is_empty() {
        let hint = "widen the selection";
        return Err(usage_hint(format!("no item of {} is selected", args.catalog), hint));
    }
    every_key_occurs(&items, &args.assets)?;
    let wanted = |key: &str| args.assets.is_empty() || args.assets.iter().any(|a| a == key);
    let chosen: Vec<(&Item, &str, Asset<'_>)> = items
        .iter()
        .flat_map(|item| item.assets().map(move |(key, asset)| (item, key, asset)))
        .filter(|(_, key, _)| wanted(key))
        .collect();
    let meter = ctx.meter("check", Counted::Things("assets"), Some(chosen.len() as u64));
    let checker = Checker { ctx, deep: args.deep, silent: Mutex::default() };
    let assets: Vec<Checked> = stream::iter(chosen)
        .map(|(item, key, asset)| {
            let (checker, meter) = (&checker, &meter);
            async move {
                let (state, what, retryable) = checker.check(&asset).await;
                meter.advance(1);
                let (collection, item) = (item.collection().map(str::to_owned), item.id().to_owned());
                Checked { collection, item, asset: key.to_owned(), state, what, retryable }
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    drop(meter);
    let number = |state: State| assets.iter().filter(|a| a.state == state).count();
    let report = CheckReport {
        same: number(State::Same),
        differs: number(State::Differs),
        missing: number(State::Missing),
        errors: number(State::Error),
        broken,
        assets,
    };
    ctx.emit(&report)?;
    if report.differs + report.missing > 0 {
        failure::tell(
            format_args!("{} not as the catalog says", count(report.differs + report.missing, "asset")),
            "remove a copy that differs; `seedbed copy` then brings it again from where it came",
        );
    }
    if let (0, Some(first)) =
        (report.differs + report.missing, report.assets.iter().find(|a| a.state == State::Error))
    {
        failure::tell(
            format_args!(
                "{} could not be asked; {} {}: {}",
                count(report.errors, "asset"),
                first.item,
                first.asset,
                first.what.as_deref().unwrap_or("no reason was given")
            ),
            "the list has the reason of each",
        );
    }
    let status = match (report.differs + report.missing, report.errors) {
        (0, 0) => Status::Done,
        (0, _) if report.assets.iter().all(|a| a.state != State::Error || a.retryable) => Status::Retry,
        _ => Status::Failed,
    };
    Ok(unread::judge(status, &report.broken))
}

/// Assets asked for at once; the stores limit what one host gets.
const AT_ONCE: usize = 16;

struct Checker<'a> {
    ctx: &'a Ctx,
    deep: bool,
    /// Hosts that could not be reached, and how that failed: they are not asked again.
    silent: Mutex<HashMap<String, String>>,
}

impl Checker<'_> {
    async fn check(&self, asset: &Asset<'_>) -> (State, Option<String>, bool) {
        let at = match asset.location() {
            Ok(at) => at,
            Err(e) => return (State::Error, Some(told(&e)), false),
        };
        let host = match &at {
            Location::Http(url) => Some(url.authority().to_owned()),
            _ => None,
        };
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = host.as_ref().and_then(|host| silent().get(host).cloned()) {
            return (State::Error, Some(reason), true);
        }
        let folder = is_folder(&at, asset.media_type());
        let size = match self.glance(&at, folder).await {
            Ok(size) => size,
            Err(StorageError::NotFound { .. }) => return (State::Missing, Some(at.to_string()), false),
            Err(e) => {
                if let (Some(host), true, None) = (host, e.retryable(), e.status()) {
                    let reason = format!("{host} could not be reached");
                    silent().insert(host, reason);
                }
                return (State::Error, Some(told(&e)), e.retryable());
            }
        };
        if folder {
            return self.folder(&at, &FolderFacts::stated(asset), asset.origin().is_some()).await;
        }
        if let (Some(said), Some(found)) = (asset.size(), size)
            && said != found
        {
            return (State::Differs, Some(format!("{at}: {found} bytes, {said} said")), false);
        }
        if !self.deep || !(at.is_local() || asset.origin().is_some()) {
            return (State::Same, None, false);
        }
        match asset.checksum().map(str::parse::<Checksum>) {
            Some(Ok(said)) => self.same_bytes(&at, &said).await,
            Some(Err(e)) => (State::Error, Some(format!("file:checksum: {e}")), false),
            None => match self.checksum_beside(asset, &at).await {
                Ok(Some(said)) => self.same_bytes(&at, &said).await,
                Ok(None) => (State::Same, None, false),
                Err(e) if e.retryable() => (State::Error, Some(told(&e)), true),
                // The file is there all the same, as a copy has it.
                Err(e) => (State::Same, Some(format!("checksum not used: {}", told(&e))), false),
            },
        }
    }

    /// The checksum in the file beside an asset's that its item names.
    async fn checksum_beside(
        &self,
        asset: &Asset<'_>,
        at: &Location,
    ) -> Result<Option<Checksum>, CatalogError> {
        match copy::sidecar_of(asset)? {
            Some(beside) => copy::read_sidecar(&self.ctx.stores, &beside, at).await.map(Some),
            None => Ok(None),
        }
    }

    /// The size of a file; of a folder whether it is there.
    async fn glance(&self, at: &Location, folder: bool) -> Result<Option<u64>, StorageError> {
        if folder {
            return folder_version(&self.ctx.stores, at).await.map(|_| None);
        }
        Ok(self.ctx.stores.head(at).await?.size)
    }

    /// Counts the files of a folder, and reads those of a local one or a copy.
    async fn folder(&self, at: &Location, stated: &FolderFacts, copy: bool) -> (State, Option<String>, bool) {
        if *stated == FolderFacts::default() {
            return (State::Same, None, false);
        }
        match self.folder_facts(at, self.deep && (copy || at.is_local())).await {
            Ok(found) => match found.difference(stated) {
                Some(difference) => (State::Differs, Some(difference), false),
                None => (State::Same, None, false),
            },
            Err(e) => (State::Error, Some(told(&e)), e.retryable()),
        }
    }

    async fn folder_facts(&self, at: &Location, deep: bool) -> Result<FolderFacts, CatalogError> {
        let files = members(&self.ctx.stores, at).await?;
        let mut found = FolderFacts::of(&files);
        if deep {
            let digests = files.iter().map(|file| async move {
                let at = at.join(&file.name);
                let digest = self.ctx.stores.digest(&at, Function::Sha256).await;
                let digest = digest.map_err(|source| CatalogError::Read { at, source })?;
                Ok::<_, CatalogError>((file.name.clone(), digest.multihash()))
            });
            let digests: Vec<(String, String)> = stream::iter(digests).buffered(4).try_collect().await?;
            found.checksum = Some(folder_digest(digests));
        }
        Ok(found)
    }

    /// Reads a local file, or a copy in a remote store.
    async fn same_bytes(&self, at: &Location, said: &Checksum) -> (State, Option<String>, bool) {
        match self.ctx.stores.digest(at, said.function()).await {
            Ok(found) if found == *said => (State::Same, None, false),
            Ok(found) => (State::Differs, Some(format!("{at}: checksum {found}, {said} said")), false),
            Err(e) => (State::Error, Some(told(&e)), e.retryable()),
        }
    }
}

/// An error with its causes, none that an earlier one already contains.
fn told(error: &(dyn Error + 'static)) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
