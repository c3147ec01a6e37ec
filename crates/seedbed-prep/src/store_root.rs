//! A place in a store as the root of a product.

use crate::error::at as writing;
use crate::record::asset_names;
use crate::scratch::Scratch;
use crate::{PrepError, Spool, folder};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use seedbed_catalog::Asset;
use seedbed_storage::{
    CreateOnce, Expectation, Function, Listed, Location, Put, Silent, StorageError, Stores, Transferred,
};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;

/// How many requests of one step are made at once; the stores' own limits hold besides.
pub(crate) const AT_ONCE: usize = 8;

/// How many files of a product are sent at once.
const SENT_AT_ONCE: usize = 4;

/// A product's place in a store. Cheap to clone.
///
/// Its methods wait for the store: they are for threads that may block.
#[derive(Clone)]
pub struct StoreRoot(Arc<Inner>);

struct Inner {
    at: Location,
    stores: Stores,
    runtime: Handle,
    state: PathBuf,
    scratch: Scratch,
}

impl fmt::Debug for StoreRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreRoot").field(&self.0.at).finish()
    }
}

impl StoreRoot {
    /// The place at a location, reached by the spool's stores.
    pub(crate) fn new(at: &Location, spool: &Spool) -> Self {
        let state = spool.state().to_owned();
        let scratch = Scratch::within(state.join("scratch"));
        let (stores, runtime) = (spool.stores().clone(), spool.runtime().clone());
        Self(Arc::new(Inner { at: at.normalise(), stores, runtime, state, scratch }))
    }

    pub(crate) fn location(&self) -> &Location {
        &self.0.at
    }

    pub(crate) fn state(&self) -> &Path {
        &self.0.state
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.0.stores
    }

    pub(crate) fn block_on<F: Future>(&self, operation: F) -> F::Output {
        self.0.runtime.block_on(operation)
    }

    /// A local name for what is under way, which nobody else has.
    pub(crate) fn scratch(&self) -> Result<PathBuf, PrepError> {
        self.0.scratch.name()
    }

    pub(crate) fn create_once(&self) -> Result<CreateOnce, PrepError> {
        Ok(self.block_on(self.0.stores.abilities(&self.0.at))?.create_once)
    }

    pub(crate) fn document(&self, name: &str) -> Result<Option<Vec<u8>>, PrepError> {
        let read = self.block_on(self.0.stores.read_document(&self.0.at.join(name)));
        Ok(found(read)?.map(Into::into))
    }

    /// Writes a document, unless the same is there. Of two writers of the same bytes neither fails.
    pub(crate) fn write_document(&self, name: &str, bytes: Vec<u8>) -> Result<(), PrepError> {
        let (at, bytes) = (self.0.at.join(name), Bytes::from(bytes));
        let stores = &self.0.stores;
        self.block_on(async {
            let there = match found(stores.read_document(&at).await)? {
                Some(there) => there,
                None => match stores.put_once(&at, bytes.clone()).await? {
                    Put::Created => return Ok(()),
                    Put::Exists(there) => there,
                },
            };
            if there == bytes {
                return Ok(());
            }
            let Err(error) = stores.replace(&at, bytes.clone()).await else { return Ok(()) };
            match stores.read_document(&at).await {
                Ok(there) if there == bytes => Ok(()),
                _ => Err(error.into()),
            }
        })
    }

    /// Creates a record once. Where the answer is lost, what is there tells.
    pub(crate) fn put_once(&self, at: &Location, record: &[u8]) -> Result<Put, PrepError> {
        let stores = &self.0.stores;
        self.block_on(async {
            match stores.put_once(at, record.to_vec().into()).await {
                Ok(put) => Ok(put),
                Err(error) => match stores.read_document(at).await {
                    Ok(there) => Ok(Put::Exists(there)),
                    Err(_) => Err(error.into()),
                },
            }
        })
    }

    /// Sends files, each to its place, whole and verified; what is there with the same bytes is adopted,
    /// what is there with others is damage, and replaced. How each came there, in their order.
    pub(crate) fn send(
        &self,
        files: &[(PathBuf, Location, Expectation)],
    ) -> Result<Vec<Transferred>, PrepError> {
        let one = |(from, to, expect): &(PathBuf, Location, Expectation)| {
            let (stores, from) = (&self.0.stores, Location::Local(from.clone()));
            let (to, expect) = (to.clone(), expect.clone());
            async move {
                match stores.transfer(&from, &to, &expect, &Silent).await {
                    Err(StorageError::Occupied { .. }) => {
                        found(stores.remove(&to).await)?;
                        stores.transfer(&from, &to, &expect, &Silent).await
                    }
                    sent => sent,
                }
            }
        };
        let sent = stream::iter(files.iter().map(one)).buffered(SENT_AT_ONCE);
        Ok(self.block_on(sent.try_collect())?)
    }

    /// Which of these files aren't there.
    pub(crate) fn missing(&self, files: &[Location]) -> Result<Vec<Location>, PrepError> {
        let stores = &self.0.stores;
        let one = |at: &Location| {
            let at = at.clone();
            async move { Ok::<_, StorageError>(found(stores.head(&at).await)?.is_none().then_some(at)) }
        };
        let asked = stream::iter(files.iter().map(one)).buffered(AT_ONCE);
        let all: Vec<Option<Location>> = self.block_on(asked.try_collect())?;
        Ok(all.into_iter().flatten().collect())
    }

    /// Every file below a folder; none of one that isn't there.
    pub(crate) fn list(&self, folder: &Location) -> Result<Vec<Listed>, PrepError> {
        Ok(found(self.block_on(self.0.stores.list(folder)))?.unwrap_or_default())
    }

    /// The multihash of a file, or of a folder's files as one, as they are read now; none if there is nothing.
    pub(crate) async fn digest(
        &self,
        at: &Location,
        is_folder: bool,
    ) -> Result<Option<String>, StorageError> {
        let stores = &self.0.stores;
        if !is_folder {
            return Ok(found(stores.digest(at, Function::Sha256).await)?.map(|digest| digest.multihash()));
        }
        let mut digests = Vec::new();
        for file in found(stores.list(at).await)?.unwrap_or_default() {
            let Some(name) = file.at.names_within(at) else { continue };
            let Some(digest) = found(stores.digest(&file.at, Function::Sha256).await)? else {
                return Ok(None);
            };
            digests.push((name, digest.multihash()));
        }
        digests.sort();
        Ok((!digests.is_empty()).then(|| folder::folder_digest(digests)))
    }

    /// A local copy of an asset's file, or of all files of its folder, named by its record in `folder`.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], [`StorageError::Size`] and [`StorageError::Checksum`] for what isn't
    /// there as its record says; others where the store fails.
    pub(crate) fn fetch(&self, folder: &Location, asset: &Asset<'_>) -> Result<Fetched, PrepError> {
        let from = folder.join(asset_names(asset));
        let held = self.scratch()?;
        fs::create_dir_all(&held).map_err(writing(&held))?;
        let path = held.join(from.file_name().unwrap_or("file"));
        let fetched = Fetched { path: path.clone(), held };
        if asset.as_object().contains_key(folder::FIELD) {
            let files = self.list(&from)?;
            if files.is_empty() {
                return Err(StorageError::NotFound { at: from.to_string() }.into());
            }
            let one = |file: &Listed| {
                let to = file.at.names_within(&from).map(|names| Location::Local(path.clone()).join(&names));
                let (stores, from) = (&self.0.stores, file.at.clone());
                async move {
                    let Some(to) = to else { return Ok(()) };
                    stores.transfer(&from, &to, &Expectation::default(), &Silent).await.map(|_| ())
                }
            };
            let all = stream::iter(files.iter().map(one)).buffered(AT_ONCE);
            self.block_on(all.try_collect::<Vec<()>>())?;
        } else {
            let expect = Expectation {
                size: asset.size(),
                checksum: asset.checksum().and_then(|c| c.parse().ok()),
                ..Expectation::default()
            };
            let to = Location::Local(path);
            self.block_on(self.0.stores.transfer(&from, &to, &expect, &Silent))?;
        }
        Ok(fetched)
    }
}

/// A local copy, gone with the value.
pub(crate) struct Fetched {
    path: PathBuf,
    held: PathBuf,
}

impl Fetched {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        // What stays goes with the scratch folder.
        let _ = fs::remove_dir_all(&self.held);
    }
}

/// What an operation gave, or none where nothing was there.
pub(crate) fn found<T>(result: Result<T, StorageError>) -> Result<Option<T>, StorageError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}
