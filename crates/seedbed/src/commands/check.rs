//! `seedbed check`: assets against their metadata.

use crate::context::Ctx;
use crate::progress::Counted;
use crate::query::QueryArgs;
use crate::report::{Report, Status, count};
use seedbed_catalog::{Asset, ItemCollection};
use seedbed_storage::{Checksum, Location, StorageError};
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed check catalog
  seedbed check catalog --deep --assets tmin,tmax
  seedbed check catalog --json | jq '.assets[] | select(.state != \"same\")'

Signs: = same, * differs, - missing, ! could not be asked. --deep reads local
files and compares their checksums; without it sizes are compared.";

/// Check assets against their metadata.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog or items file.
    catalog: Location,
    /// Read local files and compare their checksums.
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
    assets: Vec<Checked>,
}

impl Report for CheckReport {
    const COMMAND: &'static str = "check";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
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
    let items = ItemCollection::read(&ctx.stores, &args.catalog).await?.select(&args.query.query()?)?.items;
    let wanted = |key: &str| args.assets.is_empty() || args.assets.iter().any(|a| a == key);
    let total = items.iter().flat_map(|i| i.assets()).filter(|(key, _)| wanted(key)).count();
    let meter = ctx.meter("check", Counted::Things("assets"), Some(total as u64));
    let mut assets = Vec::with_capacity(total);
    for item in &items {
        for (key, asset) in item.assets().filter(|(key, _)| wanted(key)) {
            let (state, what, retryable) = check(&asset, args.deep, ctx).await;
            assets.push(Checked {
                item: item.id().to_owned(),
                asset: key.to_owned(),
                state,
                what,
                retryable,
            });
            meter.advance(1);
        }
    }
    drop(meter);
    let number = |state: State| assets.iter().filter(|a| a.state == state).count();
    let report = CheckReport {
        same: number(State::Same),
        differs: number(State::Differs),
        missing: number(State::Missing),
        errors: number(State::Error),
        assets,
    };
    ctx.emit(&report)?;
    Ok(match (report.differs + report.missing, report.errors) {
        (0, 0) => Status::Done,
        (0, _) if report.assets.iter().all(|a| a.state != State::Error || a.retryable) => Status::Retry,
        _ => Status::Failed,
    })
}

async fn check(asset: &Asset<'_>, deep: bool, ctx: &Ctx) -> (State, Option<String>, bool) {
    let at = match asset.location() {
        Ok(at) => at,
        Err(e) => return (State::Error, Some(e.to_string()), false),
    };
    let size = match ctx.stores.head(&at).await {
        Ok(meta) => meta.size,
        Err(StorageError::NotFound { .. }) => return (State::Missing, Some(at.to_string()), false),
        Err(e) => return (State::Error, Some(e.to_string()), e.retryable()),
    };
    if let (Some(said), Some(found)) = (asset.size(), size)
        && said != found
    {
        return (State::Differs, Some(format!("{found} bytes, {said} said")), false);
    }
    if !deep {
        return (State::Same, None, false);
    }
    let (Some(path), Some(said)) = (at.as_path(), asset.checksum()) else {
        return (State::Same, None, false);
    };
    let said: Checksum = match said.parse() {
        Ok(checksum) => checksum,
        Err(e) => return (State::Error, Some(format!("file:checksum: {e}")), false),
    };
    match tokio::task::block_in_place(|| said.matches_file(path)) {
        Ok(true) => (State::Same, None, false),
        Ok(false) => (State::Differs, Some("another checksum".to_owned()), false),
        Err(e) => (State::Error, Some(e.to_string()), false),
    }
}
