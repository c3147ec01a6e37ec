//! How patient and how forceful the stores are.

use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::named::{NamedStores, StoresFileError};
use std::path::Path;
use std::time::Duration;

/// The knobs of [`crate::Stores`]. The defaults suit public archives.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often a failed request is tried again. A transfer counts afresh whenever it got a good way further.
    pub retries: u32,
    /// The pause before the first retry; each further one is twice as long, less a random part of up to a half.
    pub backoff: Duration,
    /// The longest such pause.
    pub max_backoff: Duration,
    /// The longest `Retry-After` that is waited for; a server that asks for more fails at once, as retryable.
    pub max_retry_after: Duration,
    /// How long a connection may take to stand, TLS included.
    pub connect_timeout: Duration,
    /// How long a server may be silent: before its answer starts, and between two pieces of it.
    pub stall_timeout: Duration,
    /// How long the bytes of one file may take to come, all attempts together; as long as they take, if not said. What
    /// has arrived on local disk by then is resumed by the next transfer, in a remote store nothing is left.
    pub transfer_timeout: Option<Duration>,
    /// How many redirects in a row are followed.
    pub max_redirects: usize,
    /// How many requests run on one host (and port) at once.
    pub concurrency_per_host: usize,
    /// How many requests a second start on one host (and port), evenly spaced; as many as there are, if not said.
    pub rate_per_host: Option<f64>,
    /// The least size in bytes of a file that is brought home by several requests at once: each asks for a part of it,
    /// 4 MiB. A server that has no parts, or no version by which they are of one file, gets one request.
    pub ranged_from: u64,
    /// How many such requests there are at once for one file, within [`Settings::concurrency_per_host`]; as many parts,
    /// and two more, are held in memory. With one, files are never asked for in parts.
    pub streams_per_file: usize,
    /// The largest document in bytes: what [`crate::Stores::read_document`] and `request` hold in memory.
    pub max_document: u64,
    /// How many bytes all transfers together may read; as many as there are, if not said.
    pub max_transfer: Option<u64>,
    /// What we call ourselves.
    pub user_agent: String,
    /// Who we are to which host.
    pub credentials: Credentials,
    /// The stores that have a name.
    pub named: NamedStores,
    /// The variables that accounts and tokens are looked up in.
    pub environment: Environment,
}

impl Settings {
    /// The same with the stores of a `stores.toml`.
    ///
    /// # Errors
    /// [`StoresFileError`] if it can't be read, or with file, line and column for a mistake in it.
    pub fn with_stores_file(mut self, path: &Path) -> Result<Self, StoresFileError> {
        self.named = NamedStores::read(path, &self.environment)?;
        Ok(self)
    }
}

impl Default for Settings {
    /// The defaults, with the credentials of [`Credentials::from_environment`].
    fn default() -> Self {
        Self {
            retries: 5,
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(60),
            transfer_timeout: None,
            max_redirects: 10,
            concurrency_per_host: 8,
            rate_per_host: None,
            ranged_from: 128 << 20,
            streams_per_file: 4,
            max_document: 64 << 20,
            max_transfer: None,
            user_agent: concat!("seedbed/", env!("CARGO_PKG_VERSION")).to_owned(),
            credentials: Credentials::from_environment(),
            named: NamedStores::default(),
            environment: Environment::of_process(),
        }
    }
}
