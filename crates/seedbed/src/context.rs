//! What every command is given.

use crate::failure::{Judge, usage_hint};
use crate::interrupt;
use crate::progress::{Counted, Meter, Mode, Stderr};
use crate::report::{Format, Report};
use crate::state;
use seedbed_prep::{Root, Spool};
use seedbed_raster::Proj;
use seedbed_storage::{CreateOnce, Location, Settings, Stores, shown_text};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Stores, projections and the way to speak to the user.
pub struct Ctx {
    /// Remote and local storage.
    pub stores: Stores,
    /// PROJ.
    pub projections: Proj,
    /// The folder of what is remembered of products in stores.
    pub state: PathBuf,
    /// The file with named stores, where one was given.
    pub stores_file: Option<PathBuf>,
    /// How the report is written.
    pub format: Format,
    /// How progress is shown.
    pub progress: Mode,
    /// Whether remarks on stderr are left out.
    pub quiet: bool,
}

impl Ctx {
    /// The same stores within limits.
    pub fn stores_within(&self, limits: Limits) -> anyhow::Result<Stores> {
        if limits == Limits::default() {
            return Ok(self.stores.clone());
        }
        let stores = stores(self.stores_file.as_deref(), limits)?;
        interrupt::heed(&stores);
        Ok(stores)
    }

    /// Writes the report to stdout.
    pub fn emit<R: Report>(&self, report: &R) -> anyhow::Result<()> {
        crate::report::emit(report, self.format)
    }

    /// A remark on stderr.
    pub fn say(&self, remark: impl fmt::Display) {
        if !self.quiet {
            // Nobody left to read stderr is no reason to stop.
            let _ = writeln!(Stderr, "{remark}");
        }
    }

    /// A running count.
    pub fn meter(&self, label: &str, counted: Counted, total: Option<u64>) -> Meter {
        Meter::new(self.progress, label, counted, total)
    }

    /// Local copies of remote inputs, kept beside what is made from them; for a product in a store, in a
    /// folder of its own among the [states](crate::state).
    pub fn spool(&self, out: &Location) -> Spool {
        let state = match out.as_path() {
            Some(path) => path.join(".seedbed"),
            None => state::of(&self.state, out),
        };
        Spool::new(self.stores.clone(), tokio::runtime::Handle::current(), state.join("spool"))
    }

    /// A place that products are written to.
    pub fn root(&self, out: &Location) -> anyhow::Result<Root> {
        Ok(Root::at(out, &self.spool(out)).writable()?)
    }

    /// A product by its folder or its catalog.
    pub fn product(&self, at: &Location) -> Root {
        Root::of_product(at, &self.spool(at))
    }

    /// Says so where a store can't create a record once, which no two processes should rely on then.
    pub fn tell_of_last_wins(&self, out: &Root) -> anyhow::Result<()> {
        let tried = tokio::task::block_in_place(|| out.create_once())?;
        if tried == CreateOnce::LastWins {
            self.say(format_args!(
                "note: {out} can't create a file once: of two runs that commit a product at the same moment, \
                 the last one's record stands, whole"
            ));
        }
        Ok(())
    }
}

/// What the stores of one command may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Requests a second to one host.
    pub rate: Option<f64>,
    /// Bytes that all transfers together read.
    pub transfer: Option<u64>,
    /// Requests at once for one large file.
    pub streams: Option<usize>,
    /// How often a failed request is tried again.
    pub retries: Option<u32>,
    /// How long a server may be silent.
    pub silence: Option<Duration>,
    /// How long one file may take.
    pub file: Option<Duration>,
}

/// The stores a command works with.
pub fn stores(file: Option<&Path>, limits: Limits) -> anyhow::Result<Stores> {
    let Limits { rate, transfer, streams, retries, silence, file: longest } = limits;
    let usual = Settings::default();
    let mut settings = Settings {
        rate_per_host: rate,
        max_transfer: transfer,
        streams_per_file: streams.unwrap_or(usual.streams_per_file),
        retries: retries.unwrap_or(usual.retries),
        stall_timeout: silence.unwrap_or(usual.stall_timeout),
        connect_timeout: silence.unwrap_or(usual.connect_timeout).min(usual.connect_timeout),
        transfer_timeout: longest,
        ..usual
    };
    if let Some(path) = file {
        if !path.is_file() {
            return Err(usage_hint(
                format!("the stores file {} is not there", shown_text(&path.display().to_string())),
                "correct --stores or the environment variable SEEDBED_STORES",
            ));
        }
        settings = settings.with_stores_file(path).or_usage()?;
    }
    Ok(Stores::new(settings)?)
}

/// The path of a location that must be on this machine.
pub fn local_path(at: &Location) -> anyhow::Result<PathBuf> {
    at.as_path().map(Path::to_path_buf).ok_or_else(|| {
        usage_hint(format!("{at} is no local path"), "products are read and written on a local file system")
    })
}
