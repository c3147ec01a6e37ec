//! Where the schemas of extensions are kept, and fetched from when they aren't there yet.

use seedbed_storage::{Credentials, Request, Settings, StorageError, Stores};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// How long one attempt at a schema may take to connect, and to be silent.
const CONNECT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(10);
/// The largest schema taken in bytes; real ones have 2 to 60 kB.
const LARGEST: u64 = 8 << 20;
/// Hosts that may fail before the network is taken to be away.
const DEAD_HOSTS: usize = 3;

/// Schemas by their address, in a folder that is filled on first use.
#[derive(Debug)]
pub struct SchemaCache {
    folder: Option<PathBuf>,
    /// `None`: nothing is fetched.
    network: Option<Stores>,
    dead: BTreeSet<String>,
    unkept: Option<String>,
}

/// Whether schemas that the cache lacks are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// One short attempt each.
    Once,
    /// Never.
    Never,
}

impl SchemaCache {
    /// No cache and no network.
    #[must_use]
    pub fn none() -> Self {
        Self { folder: None, network: None, dead: BTreeSet::new(), unkept: None }
    }

    /// A cache in `folder`, made when the first schema is fetched.
    ///
    /// # Errors
    /// [`StorageError::Setup`] if there can be no HTTP client.
    pub fn new(folder: PathBuf, fetch: Fetch) -> Result<Self, StorageError> {
        let patience = Settings {
            retries: 0,
            connect_timeout: CONNECT,
            stall_timeout: SILENCE,
            max_document: LARGEST,
            credentials: Credentials::none(),
            ..Settings::default()
        };
        let network = match fetch {
            Fetch::Once => Some(Stores::new(patience)?),
            Fetch::Never => None,
        };
        Ok(Self { folder: Some(folder), network, dead: BTreeSet::new(), unkept: None })
    }

    /// The folder for schemas of this user: `schemas` in `SEEDBED_CACHE`, else in
    /// `seedbed` in `XDG_CACHE_HOME` or `~/.cache`. `None` if none of them is set.
    #[must_use]
    pub fn user_folder() -> Option<PathBuf> {
        let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let own = variable("SEEDBED_CACHE").or_else(|| {
            let shared = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
            Some(shared?.join("seedbed"))
        });
        Some(own?.join("schemas"))
    }

    /// The schema at an address; the error says why it can't be had.
    pub(super) async fn get(&mut self, id: &str) -> Result<Value, String> {
        let url: Url = id.parse().map_err(|_| "its name is no URL".to_owned())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("its name is no http or https URL".to_owned());
        }
        let kept = self.folder.as_deref().map(|folder| folder.join(file_name(&url)));
        if let Some(schema) = kept.as_deref().and_then(read) {
            return Ok(schema);
        }
        let bytes = self.fetch(&url).await?;
        let schema: Value = serde_json::from_slice(&bytes)
            .ok()
            .filter(|schema: &Value| schema.is_object())
            .ok_or("what is at its address is no JSON schema")?;
        if let Some(path) = kept
            && let Err(error) = write(&path, &bytes)
        {
            // It serves this time all the same.
            self.unkept.get_or_insert_with(|| format!("{} can't be written: {error}", path.display()));
        }
        Ok(schema)
    }

    /// Why the first of the schemas that were fetched could not be kept.
    pub(super) fn unkept(&self) -> Option<&str> {
        self.unkept.as_deref()
    }

    async fn fetch(&mut self, url: &Url) -> Result<Vec<u8>, String> {
        let Some(stores) = &self.network else { return Err("it isn't at hand".to_owned()) };
        let host = url.host_str().unwrap_or_default().to_owned();
        if self.dead.contains(&host) || self.dead.len() >= DEAD_HOSTS {
            return Err(format!("{host} could not be reached"));
        }
        match stores.request(Request::get(url.clone())).await {
            Ok(response) => Ok(response.body.to_vec()),
            Err(error) => {
                if matches!(error, StorageError::Network { .. } | StorageError::GaveUp { .. }) {
                    self.dead.insert(host);
                }
                Err(error.to_string())
            }
        }
    }
}

/// The file for an address: a folder a part, each with a name that is safe.
fn file_name(url: &Url) -> PathBuf {
    let parts = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty());
    let mut path: PathBuf = url.host_str().into_iter().chain(parts).map(crate::href::safe_name).collect();
    if let Some(query) = url.query() {
        path.push(crate::href::safe_name(query));
    }
    // Also where one address is another's folder.
    path.as_mut_os_string().push(".schema");
    path
}

/// A schema that was kept; a file that is damaged is as good as none.
fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok().filter(Value::is_object)
}

/// Puts the bytes there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
