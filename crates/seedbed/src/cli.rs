//! The command line.

use crate::commands;
use crate::context::Ctx;
use crate::report::Status;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;
use tokio::runtime::Builder;

const EXAMPLES: &str = "\
Examples:
  seedbed archives
  seedbed crawl prism-daily --datetime 2020-01-01/2020-01-31 --where variable=ppt --out catalog
  seedbed copy catalog --assets data --to data
  seedbed grid --aoi area.geojson --crs EPSG:5070 --resolution 500 --tile 200px --out tiles.geojson
  seedbed init veget --out seedbed.toml
  seedbed run seedbed.toml

Exit codes:
  0 done · 1 work or verification failed · 2 usage or configuration
  3 a remote failure worth retrying · 129, 130, 143 interrupted";

/// From an archive's address to a model's outputs on every tile.
#[derive(Debug, Parser)]
#[command(name = "seedbed", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const GLOBAL: &str = "Options of every command";

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Write one JSON object to stdout instead of text.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,
    /// Say more on stderr; twice for details, three times for everything.
    #[arg(short, long, global = true, help_heading = GLOBAL, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing on stderr but errors.
    #[arg(short, long, global = true, help_heading = GLOBAL, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show no progress.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub no_progress: bool,
    /// Named stores: doors, endpoints and who we are there, in TOML.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "SEEDBED_STORES", value_parser = maybe_path())]
    pub stores: Option<PathBuf>,
    /// Where plan, ledger, inputs and the product under way are kept of outputs in a remote store;
    /// `$XDG_STATE_HOME/seedbed` if not given.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FOLDER", env = "SEEDBED_STATE", value_parser = maybe_path())]
    pub state: Option<PathBuf>,
}

/// A path, or the empty text of a variable that is there but says nothing.
fn maybe_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// The path that was given, if it says anything.
pub fn said(path: Option<&PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty()).cloned()
}

/// The commands, in the order of the flow.
#[derive(Debug, Subcommand)]
pub enum Command {
    Archives(commands::archives::Args),
    Crawl(commands::crawl::Args),
    #[command(subcommand)]
    Catalog(Catalog),
    Copy(commands::copy::Args),
    Check(commands::check::Args),
    Grid(commands::grid::Args),
    Prep(commands::prep::Args),
    Composite(commands::composite::Args),
    #[command(subcommand)]
    Model(Model),
    Init(commands::init::Args),
    Run(commands::run::Args),
    Worker(commands::worker::Args),
    Status(commands::status::Args),
    Mosaic(commands::mosaic::Args),
    Verify(commands::verify::Args),
    Zonal(commands::zonal::Args),
    Series(commands::series::Args),
    Clean(commands::clean::Args),
    View(commands::view::Args),
    Doctor(commands::doctor::Args),
}

/// Catalogs: describe, search, validate, split, compare, export.
#[derive(Debug, Subcommand)]
pub enum Catalog {
    Describe(commands::catalog_describe::Args),
    Diff(commands::catalog_diff::Args),
    Rewrite(commands::catalog_rewrite::Args),
    Split(commands::catalog_split::Args),
    Validate(commands::catalog_validate::Args),
    Search(commands::catalog_search::Args),
    Export(commands::catalog_export::Args),
}

/// The models: list, describe, run at one point.
#[derive(Debug, Subcommand)]
pub enum Model {
    List(commands::model_list::Args),
    Describe(commands::model_describe::Args),
    Point(commands::model_point::Args),
}

impl Command {
    /// The name as typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Archives(_) => "archives",
            Self::Crawl(_) => "crawl",
            Self::Catalog(Catalog::Describe(_)) => "catalog describe",
            Self::Catalog(Catalog::Diff(_)) => "catalog diff",
            Self::Catalog(Catalog::Rewrite(_)) => "catalog rewrite",
            Self::Catalog(Catalog::Split(_)) => "catalog split",
            Self::Catalog(Catalog::Validate(_)) => "catalog validate",
            Self::Catalog(Catalog::Search(_)) => "catalog search",
            Self::Catalog(Catalog::Export(_)) => "catalog export",
            Self::Copy(_) => "copy",
            Self::Check(_) => "check",
            Self::Grid(_) => "grid",
            Self::Prep(_) => "prep",
            Self::Composite(_) => "composite",
            Self::Model(Model::List(_)) => "model list",
            Self::Model(Model::Describe(_)) => "model describe",
            Self::Model(Model::Point(_)) => "model point",
            Self::Init(_) => "init",
            Self::Run(_) => "run",
            Self::Worker(_) => "worker",
            Self::Status(_) => "status",
            Self::Mosaic(_) => "mosaic",
            Self::Verify(_) => "verify",
            Self::Zonal(_) => "zonal",
            Self::Series(_) => "series",
            Self::Clean(_) => "clean",
            Self::View(_) => "view",
            Self::Doctor(_) => "doctor",
        }
    }

    /// The threads that it runs on. What only moves bytes has all its connections on one, where waiting for one of them
    /// and being woken by it cost nothing; disks and digests have threads of their own.
    pub fn runtime(&self) -> Builder {
        match self {
            Self::Copy(_) | Self::Check(_) => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        }
    }

    /// Runs the command.
    pub async fn run(self, ctx: &Ctx) -> anyhow::Result<Status> {
        match self {
            Self::Archives(args) => commands::archives::run(args, ctx).await,
            Self::Crawl(args) => Box::pin(commands::crawl::run(args, ctx)).await,
            Self::Catalog(Catalog::Describe(args)) => commands::catalog_describe::run(args, ctx).await,
            Self::Catalog(Catalog::Diff(args)) => commands::catalog_diff::run(args, ctx).await,
            Self::Catalog(Catalog::Rewrite(args)) => commands::catalog_rewrite::run(args, ctx).await,
            Self::Catalog(Catalog::Split(args)) => commands::catalog_split::run(args, ctx).await,
            Self::Catalog(Catalog::Validate(args)) => commands::catalog_validate::run(args, ctx).await,
            Self::Catalog(Catalog::Search(args)) => commands::catalog_search::run(args, ctx).await,
            Self::Catalog(Catalog::Export(args)) => commands::catalog_export::run(args, ctx).await,
            Self::Copy(args) => commands::copy::run(args, ctx).await,
            Self::Check(args) => commands::check::run(args, ctx).await,
            Self::Grid(args) => commands::grid::run(args, ctx).await,
            Self::Prep(args) => commands::prep::run(args, ctx).await,
            Self::Composite(args) => commands::composite::run(args, ctx).await,
            Self::Model(Model::List(args)) => commands::model_list::run(args, ctx).await,
            Self::Model(Model::Describe(args)) => commands::model_describe::run(args, ctx).await,
            Self::Model(Model::Point(args)) => commands::model_point::run(args, ctx).await,
            Self::Init(args) => commands::init::run(args, ctx).await,
            Self::Run(args) => commands::run::run(args, ctx).await,
            Self::Worker(args) => commands::worker::run(args, ctx).await,
            Self::Status(args) => commands::status::run(args, ctx).await,
            Self::Mosaic(args) => commands::mosaic::run(args, ctx).await,
            Self::Verify(args) => commands::verify::run(args, ctx).await,
            Self::Zonal(args) => Box::pin(commands::zonal::run(args, ctx)).await,
            Self::Series(args) => Box::pin(commands::series::run(args, ctx)).await,
            Self::Clean(args) => commands::clean::run(args, ctx).await,
            Self::View(args) => commands::view::run(args, ctx).await,
            Self::Doctor(args) => commands::doctor::run(args, ctx).await,
        }
    }
}
