//! Local copies of remote assets, for readers that need a file.

use crate::digests::Digests;
use crate::group::RemoteGroup;
use crate::identity::hex;
use crate::parallel::{cores, in_parallel, lock};
use crate::remote::{Remembered, Remote};
use crate::source::{self, Bytes, Facts, Source};
use crate::store_root::AT_ONCE;
use crate::{Ancillary, PrepError, SourceAsset};
use seedbed_block::PixelRange;
use seedbed_catalog::is_folder;
use seedbed_raster::{Raster, RasterError, ReadAt};
use seedbed_storage::{Checksum, Expectation, Location, Silent, Stores};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;

/// Brings assets to the local disk and remembers what their files say of
/// themselves; the synchronous side's way to the stores.
///
/// A local asset is used where it lies. A remote one is transferred, verified,
/// to `<folder>/<16 hex of its address>/<file name>` and kept, so the next tile
/// and the next run find it there. Of a remote netCDF file or TIFF the parts that a tile
/// needs are read by byte ranges instead, as long as all that was so read of it
/// is less than half of the file; its checksum can't be compared then, but its
/// size and version are. A Zarr group in a store is read object by object and not
/// fetched; of one of version 2 the objects that GDAL has to read are kept as copies are.
/// Digests of local files are kept in
/// `<folder>/digests.json`.
#[derive(Clone)]
pub struct Spool {
    stores: Stores,
    runtime: Handle,
    folder: Arc<PathBuf>,
    brought: Arc<Mutex<HashSet<PathBuf>>>,
    facts: Arc<Mutex<HashMap<FileKey, Arc<Facts>>>>,
    afar: Arc<Mutex<HashMap<PathBuf, Afar>>>,
    groups: Arc<Mutex<HashMap<Location, Arc<RemoteGroup>>>>,
    remembered: Arc<Remembered>,
    digests: Digests,
}

/// What is known of a remote file.
#[derive(Clone)]
enum Afar {
    /// It has to be fetched.
    Whole,
    /// It may be read by ranges; so many bytes of it were promised to readers.
    Parts(Arc<Remote>, u64),
}

/// What is read where it lies, and what it says of itself.
type Read = (Bytes, Arc<Facts>);

/// The error for a layer, of an item and a file that lack it, and what the file has.
type Absent = fn(String, String, PathBuf, String) -> PrepError;

/// The suffix of files that may be read by ranges: netCDF and TIFF.
const IN_PARTS: [&str; 4] = [".nc", ".nc4", ".tif", ".tiff"];

/// What such a file begins with: netCDF on HDF5 and classic, and a TIFF of either order of
/// bytes and size.
const BEGINNINGS: [&[u8]; 8] =
    [b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

/// What is read of it first: readers ask for the same again.
const FIRST: u64 = 1 << 16;

/// Item, path and variable: an item's claims and its file give the facts.
type FileKey = (String, PathBuf, Option<String>);

impl Spool {
    /// A spool in `folder`, which is made at first use.
    #[must_use]
    pub fn new(stores: Stores, runtime: Handle, folder: PathBuf) -> Self {
        let digests = Digests::kept_in(folder.join("digests.json"));
        let folder = Arc::new(folder);
        Self {
            stores,
            runtime,
            folder,
            brought: Arc::default(),
            facts: Arc::default(),
            afar: Arc::default(),
            groups: Arc::default(),
            remembered: Arc::default(),
            digests,
        }
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

    /// An asset with what its file says of itself: every file is opened for that
    /// but once. A remote netCDF file or TIFF isn't fetched for it.
    ///
    /// # Errors
    /// What a transfer or a damaged file brings.
    pub(crate) fn source(&self, asset: &Arc<SourceAsset>) -> Result<Source, PrepError> {
        let (path, remote, facts) = if let Some((remote, facts)) = self.afar(asset)? {
            (PathBuf::from(asset.location.to_string()), Some(remote), facts)
        } else {
            let path = self.local(asset)?;
            let facts = self.facts(asset, &path, None)?;
            (path, None, facts)
        };
        let beside = |layer: &Option<Ancillary>, absent: Absent| {
            let Some(layer) = layer else { return Ok(None) };
            // A group has no variables whose names don't count.
            if let (Ancillary::Variable(name), None | Some(Bytes::File(_))) = (layer, &remote) {
                self.holds(asset, &path, name, absent)?;
            }
            self.source(&asset.layer(layer)).map(|source| Some(Box::new(source)))
        };
        let quality = beside(&asset.quality, |layer, item, path, there| PrepError::NoQuality {
            layer,
            item,
            path,
            there,
        })?;
        let composite_day = beside(&asset.composite_day, |layer, item, path, there| {
            PrepError::NoCompositeDay { layer, item, path, there }
        })?;
        Ok(Source { asset: asset.clone(), path, remote, facts, quality, composite_day })
    }

    /// The same of several: those that weren't opened before are brought, digested and looked into some at a time.
    ///
    /// # Errors
    /// As [`Spool::source`], of one of them; no further one is begun then.
    pub(crate) fn sources(&self, assets: &[&Arc<SourceAsset>]) -> Result<Vec<Source>, PrepError> {
        let new: Vec<_> = assets.iter().filter(|asset| !self.is_known(asset)).collect();
        if new.len() > 1 {
            let is_local = new.iter().all(|asset| asset.location.is_local());
            let has_failed = AtomicBool::new(false);
            let look = |_: usize, asset: &&&Arc<SourceAsset>| {
                if has_failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let looked = self.source(asset).map(drop);
                has_failed.fetch_or(looked.is_err(), Ordering::Relaxed);
                looked
            };
            let looked = in_parallel(&new, if is_local { cores() } else { AT_ONCE }, look, |_| ());
            looked.into_iter().collect::<Result<(), _>>()?;
        }
        assets.iter().map(|asset| self.source(asset)).collect()
    }

    /// Whether an asset was looked into.
    fn is_known(&self, asset: &SourceAsset) -> bool {
        let facts = lock(&self.facts);
        let at = |path: PathBuf| facts.contains_key(&(asset.item.clone(), path, asset.variable.clone()));
        match asset.location.as_path() {
            Some(path) => at(path.to_owned()),
            None => at(self.place(asset)) || at(PathBuf::from(asset.location.to_string())),
        }
    }

    /// A remote file or group that can be read where it lies, and what it says of itself.
    fn afar(&self, asset: &SourceAsset) -> Result<Option<Read>, PrepError> {
        let at = asset.location.to_string();
        if let Some(group) = self.group(&asset.location, asset.media_type.as_deref()) {
            let remote = Bytes::Group(group);
            let facts = self.facts(asset, Path::new(&at), Some(&remote))?;
            return Ok(Some((remote, facts)));
        }
        let place = self.place(asset);
        let Some(remote) = self.remote(asset, &place)?.map(Bytes::File) else { return Ok(None) };
        match self.facts(asset, Path::new(&at), Some(&remote)) {
            Err(PrepError::Raster(
                RasterError::Ranges { reason, .. } | RasterError::Damaged { reason, .. },
            )) => {
                tracing::info!(file = %asset.location, reason, "fetched whole");
                self.fetch_whole(place);
                Ok(None)
            }
            facts => Ok(Some((remote, facts?))),
        }
    }

    /// Refuses a layer that is neither an asset of the item nor a variable
    /// of its file: of a file of one band the variable's name is ignored.
    fn holds(&self, asset: &SourceAsset, path: &Path, layer: &str, absent: Absent) -> Result<(), PrepError> {
        let key = (asset.item.clone(), path.to_owned(), Some(layer.to_owned()));
        if lock(&self.facts).contains_key(&key) {
            return Ok(());
        }
        let there = Raster::variables(path)?;
        if there.iter().any(|name| name == layer) {
            return Ok(());
        }
        Err(absent(layer.to_owned(), asset.item.clone(), path.to_owned(), there.join(", ")))
    }

    fn facts(
        &self,
        asset: &SourceAsset,
        path: &Path,
        remote: Option<&Bytes>,
    ) -> Result<Arc<Facts>, PrepError> {
        let key = (asset.item.clone(), path.to_owned(), asset.variable.clone());
        let known = lock(&self.facts).get(&key).cloned();
        if let Some(facts) = known {
            return Ok(facts);
        }
        let facts = Arc::new(Facts::of(asset, &source::open(asset, path, remote)?));
        lock(&self.facts).insert(key, facts.clone());
        Ok(facts)
    }

    /// The files of which the netCDF library read values, since they are stored in a way that isn't known here, and why.
    pub(crate) fn by_library(&self) -> Vec<String> {
        let facts = lock(&self.facts);
        let told = facts.iter().filter_map(|((_, path, _), facts)| {
            Some(format!("{}: {}", path.display(), facts.by_library.get()?))
        });
        told.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Decides how the layers of a window are read: by ranges, or, where what
    /// was read of the file so comes to half of it, from a local copy. The layers beside
    /// its own likewise; of one on another grid all may be needed.
    ///
    /// # Errors
    /// As [`Spool::source`].
    pub(crate) fn settle(
        &self,
        mut source: Source,
        layers: Range<usize>,
        window: PixelRange,
    ) -> Result<Source, PrepError> {
        let facts = source.facts.clone();
        for beside in [&mut source.quality, &mut source.composite_day] {
            let Some(layer) = beside.take() else { continue };
            let (ours, theirs) = (&facts, &layer.facts);
            let window =
                if ours.geobox == theirs.geobox { window } else { PixelRange::of_shape(theirs.geobox.shape) };
            let layers = if theirs.dates.len() == ours.dates.len() { layers.clone() } else { 0..1 };
            *beside = Some(Box::new(self.settle(*layer, layers, window)?));
        }
        let Some(Bytes::File(remote)) = &source.remote else { return Ok(source) };
        if layers.is_empty() {
            return Ok(source);
        }
        let place = self.place(&source.asset);
        let needed = match source.open()?.stored_bytes(layers, window) {
            Ok(needed) => needed.unwrap_or(u64::MAX),
            Err(RasterError::Ranges { .. } | RasterError::Damaged { .. }) => u64::MAX,
            Err(error) => return Err(error.into()),
        };
        if let Some(Afar::Parts(_, promised)) = lock(&self.afar).get_mut(&place)
            && promised.saturating_add(needed) < remote.size() / 2
        {
            *promised += needed;
            return Ok(source);
        }
        self.fetch_whole(place);
        let path = self.local(&source.asset)?;
        let facts = self.facts(&source.asset, &path, None)?;
        Ok(Source { path, remote: None, facts, ..source })
    }

    fn fetch_whole(&self, place: PathBuf) {
        lock(&self.afar).insert(place, Afar::Whole);
    }

    /// The bytes of a remote netCDF file or TIFF whose server gives ranges, unless a
    /// copy is at `place` or it is to be fetched.
    fn remote(&self, asset: &SourceAsset, place: &Path) -> Result<Option<Arc<Remote>>, PrepError> {
        let named = asset.location.file_name().is_some_and(|n| IN_PARTS.iter().any(|end| n.ends_with(end)));
        // Another layer of the same file needs it whole.
        let mut beside = asset.quality.iter().chain(&asset.composite_day);
        let whole = beside.any(|layer| matches!(layer, Ancillary::Variable(_)));
        if asset.location.as_path().is_some() || !named || place.exists() || whole {
            return Ok(None);
        }
        match lock(&self.afar).get(place) {
            Some(Afar::Whole) => return Ok(None),
            Some(Afar::Parts(remote, _)) => return Ok(Some(remote.clone())),
            None => {}
        }
        let version = self.block_on(self.stores.head(&asset.location))?;
        let size = version.size;
        let expected = match &asset.stated {
            crate::Identity::Checksum(_) => size,
            crate::Identity::Origin { size: told, .. } => told.or(size),
        };
        // What keeps a range from coming may not keep the whole: a transfer will tell.
        let found = size.filter(|_| size == expected).and_then(|size| {
            let (ways, remembered) = ((&self.stores, &self.runtime), self.remembered.clone());
            let remote = Remote::new(ways, asset.location.clone(), size, version, remembered);
            let first = remote.bytes(0..size.min(FIRST)).ok()?;
            BEGINNINGS.iter().any(|begin| first.starts_with(begin)).then(|| Arc::new(remote))
        });
        let known = found.as_ref().map_or(Afar::Whole, |remote| Afar::Parts(remote.clone(), 0));
        lock(&self.afar).insert(place.to_owned(), known);
        Ok(found)
    }

    /// A Zarr group that isn't local.
    fn group(&self, at: &Location, media_type: Option<&str>) -> Option<Arc<RemoteGroup>> {
        if at.is_local() || !is_folder(at, media_type) {
            return None;
        }
        let ways = (&self.stores, &self.runtime);
        let new = || Arc::new(RemoteGroup::new(ways, at.clone(), self.place_of(at, at)));
        Some(lock(&self.groups).entry(at.clone()).or_insert_with(new).clone())
    }

    /// The version that the server of a remote Zarr group names; none of anything else.
    pub(crate) fn group_version(
        &self,
        at: &Location,
        media_type: Option<&str>,
    ) -> Result<Option<String>, PrepError> {
        self.group(at, media_type).map_or(Ok(None), |group| group.version())
    }

    /// Opens an asset: a Zarr group where it lies, anything else from a local file.
    ///
    /// # Errors
    /// What a transfer or a damaged file brings.
    pub(crate) fn open(&self, asset: &SourceAsset) -> Result<Raster, PrepError> {
        if let Some(group) = self.group(&asset.location, asset.media_type.as_deref()) {
            let at = asset.location.to_string();
            return source::open(asset, Path::new(&at), Some(&Bytes::Group(group)));
        }
        source::open(asset, &self.local(asset)?, None)
    }

    /// The stores behind it.
    #[must_use]
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The runtime they work on.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The folder beside the spool, for what is remembered of a product in a store.
    pub(crate) fn state(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// Runs an asynchronous operation from a worker thread.
    pub fn block_on<F: Future>(&self, operation: F) -> F::Output {
        self.runtime.block_on(operation)
    }

    /// Where the copy of a remote asset is or would be.
    fn place(&self, asset: &SourceAsset) -> PathBuf {
        self.place_of(&asset.origin, &asset.location)
    }

    fn place_of(&self, origin: &Location, at: &Location) -> PathBuf {
        let address = hex(&Sha256::digest(origin.to_string()));
        self.folder.join(&address[..16]).join(at.file_name().unwrap_or("asset"))
    }

    /// A path at which the asset's bytes are whole. A local file is held to the checksum that its item states of it.
    ///
    /// # Errors
    /// [`PrepError::Storage`] if the transfer fails, [`PrepError::Checksum`] for a local file that has other bytes.
    pub fn local(&self, asset: &SourceAsset) -> Result<PathBuf, PrepError> {
        if let Some(path) = asset.location.as_path() {
            if let Some(stated) = asset.checksum.as_ref().and_then(|text| text.parse::<Checksum>().ok())
                && !lock(&self.brought).contains(path)
            {
                let found = self.digests.like(&stated, path)?;
                if found != stated.multihash() {
                    let (path, item) = (path.to_owned(), asset.item.clone());
                    return Err(PrepError::Checksum { path, found, item, stated: stated.multihash() });
                }
                lock(&self.brought).insert(path.to_owned());
            }
            return Ok(path.to_owned());
        }
        let path = self.place(asset);
        if lock(&self.brought).contains(&path) {
            return Ok(path);
        }
        let mut expect = Expectation::default();
        match &asset.stated {
            crate::Identity::Checksum(multihash) => expect.checksum = multihash.parse::<Checksum>().ok(),
            crate::Identity::Origin { size, .. } => expect.size = *size,
        }
        let to = Location::Local(path.clone());
        self.block_on(self.stores.transfer(&asset.location, &to, &expect, &Silent))?;
        lock(&self.brought).insert(path.clone());
        Ok(path)
    }
}
