//! Local copies of remote assets, for readers that need a file.

use crate::digests::Digests;
use crate::identity::hex;
use crate::source::{Facts, Source};
use crate::{PrepError, Quality, SourceAsset};
use seedbed_raster::Raster;
use seedbed_storage::{Checksum, Expectation, Location, Silent, Stores};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// Brings assets to the local disk and remembers what their files say of
/// themselves; the synchronous side's way to the stores.
///
/// A local asset is used where it lies. A remote one is transferred, verified,
/// to `<folder>/<16 hex of its address>/<file name>` and kept, so the next tile
/// and the next run find it there. Digests of local files are kept in
/// `<folder>/digests.json`.
#[derive(Clone)]
pub struct Spool {
    stores: Stores,
    runtime: Handle,
    folder: Arc<PathBuf>,
    brought: Arc<Mutex<HashSet<PathBuf>>>,
    facts: Arc<Mutex<HashMap<FileKey, Arc<Facts>>>>,
    digests: Digests,
}

/// Item, path and variable: an item's claims and its file give the facts.
type FileKey = (String, PathBuf, Option<String>);

impl Spool {
    /// A spool in `folder`, which is made at first use.
    #[must_use]
    pub fn new(stores: Stores, runtime: Handle, folder: PathBuf) -> Self {
        let digests = Digests::kept_in(folder.join("digests.json"));
        let folder = Arc::new(folder);
        Self { stores, runtime, folder, brought: Arc::default(), facts: Arc::default(), digests }
    }

    /// Digests of local files.
    pub(crate) fn digests(&self) -> &Digests {
        &self.digests
    }

    /// Keeps the digests of the local files that were asked for, so that the next
    /// run need not read them again. That they can't be kept is no error.
    pub fn keep_digests(&self) {
        self.digests.save();
    }

    /// An asset on the local disk, with what its file says of itself: every file
    /// is opened for that but once.
    ///
    /// # Errors
    /// What a transfer or a damaged file brings.
    pub(crate) fn source(&self, asset: &SourceAsset) -> Result<Source, PrepError> {
        let path = self.local(asset)?;
        let key = (asset.item.clone(), path.clone(), asset.variable.clone());
        let known = self.facts.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let facts = if let Some(facts) = known {
            facts
        } else {
            let facts = Arc::new(Facts::of(asset, &path)?);
            self.facts.lock().unwrap_or_else(PoisonError::into_inner).insert(key, facts.clone());
            facts
        };
        let quality = match &asset.quality {
            None => None,
            Some(quality) => {
                if let Quality::Variable(name) = quality {
                    self.holds(asset, &path, name)?;
                }
                Some(Box::new(self.source(&asset.layer(quality))?))
            }
        };
        Ok(Source { asset: asset.clone(), path, facts, quality })
    }

    /// Refuses a quality layer that is neither an asset of the item nor a variable
    /// of its file: of a file of one band the variable's name is ignored.
    fn holds(&self, asset: &SourceAsset, path: &Path, layer: &str) -> Result<(), PrepError> {
        let key = (asset.item.clone(), path.to_owned(), Some(layer.to_owned()));
        if self.facts.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&key) {
            return Ok(());
        }
        let there = Raster::variables(path)?;
        if there.iter().any(|name| name == layer) {
            return Ok(());
        }
        Err(PrepError::NoQuality {
            layer: layer.to_owned(),
            item: asset.item.clone(),
            path: path.to_owned(),
            there: there.join(", "),
        })
    }

    /// The stores behind it.
    #[must_use]
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Runs an asynchronous operation from a worker thread.
    pub fn block_on<F: Future>(&self, operation: F) -> F::Output {
        self.runtime.block_on(operation)
    }

    /// A path at which the asset's bytes are whole.
    ///
    /// # Errors
    /// [`PrepError::Storage`] if the transfer fails.
    pub fn local(&self, asset: &SourceAsset) -> Result<PathBuf, PrepError> {
        if let Some(path) = asset.location.as_path() {
            return Ok(path.to_owned());
        }
        let address = hex(&Sha256::digest(asset.origin.to_string()));
        let name = asset.location.file_name().unwrap_or("asset").to_owned();
        let path = self.folder.join(&address[..16]).join(name);
        if self.brought.lock().unwrap_or_else(PoisonError::into_inner).contains(&path) {
            return Ok(path);
        }
        let mut expect = Expectation::default();
        match &asset.identity {
            crate::Identity::Checksum(multihash) => expect.checksum = multihash.parse::<Checksum>().ok(),
            crate::Identity::Origin { size, .. } => expect.size = *size,
        }
        let to = Location::Local(path.clone());
        self.block_on(self.stores.transfer(&asset.location, &to, &expect, &Silent))?;
        self.brought.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        Ok(path)
    }
}

/// The local folder a product is written to.
///
/// # Errors
/// [`PrepError::Request`] for a place that isn't local.
pub fn product_path(location: &Location) -> Result<PathBuf, PrepError> {
    location.as_path().map(std::path::Path::to_owned).ok_or_else(|| {
        PrepError::Request(format!("{location} is not local: products are written to a local folder"))
    })
}
