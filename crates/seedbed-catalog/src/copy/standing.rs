//! Where copies stand: what is at the hrefs that items give for them.

use crate::folder::{FolderFacts, is_folder, members};
use crate::href::is_inside;
use crate::{Asset, CatalogError, FOLDER, Item, resolve_href};
use futures::{StreamExt, stream};
use seedbed_storage::{Location, StorageError, Stores};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many remote copies are asked about at once; the stores limit what one host gets.
const AT_ONCE: usize = 16;

/// The sizes of the remote copies of some items, and what is in copied folders; local files are
/// looked at when asked.
#[derive(Debug, Default)]
pub struct Standing {
    sizes: HashMap<Location, Option<u64>>,
    folders: HashMap<Location, FolderFacts>,
    /// Why some could not be asked about.
    unanswered: HashMap<Location, Arc<CatalogError>>,
}

impl Standing {
    /// Asks the stores about every remote copy among these assets, and about what is said to be below `to` already.
    pub async fn of(stores: &Stores, items: &[Item], assets: &[String], to: &Location) -> Self {
        let mut standing = Self::default();
        let mut wanted = HashSet::new();
        for asset in items.iter().flat_map(|item| assets.iter().filter_map(|key| item.asset(key))) {
            // What is wrong with an href is told of its asset alone.
            let origin = asset.origin().and_then(|origin| resolve_href(None, origin).ok());
            wanted.extend(origin.filter(|origin| !origin.is_local() && is_inside(to, origin)));
            let Ok(at) = asset.location() else { continue };
            if asset.origin().is_none() && !is_inside(to, &at) {
                continue;
            }
            if is_whole_folder(&asset, &at) {
                match members(stores, &at).await {
                    Ok(files) => drop(standing.folders.insert(at, FolderFacts::of(&files))),
                    Err(CatalogError::Read { source, .. }) if source.is_not_found() => {}
                    Err(error) => drop(standing.unanswered.insert(at, Arc::new(error))),
                }
            } else if !at.is_local() {
                wanted.insert(at);
            }
        }
        let ask = |at: Location| async move {
            match stores.head(&at).await {
                Ok(meta) => (at, Ok(Some(meta.size.unwrap_or_default()))),
                Err(e) if e.is_not_found() => (at, Ok(None)),
                Err(source) => (at.clone(), Err(CatalogError::Read { at, source })),
            }
        };
        let mut answers = stream::iter(wanted).map(ask).buffer_unordered(AT_ONCE);
        while let Some((at, answer)) = answers.next().await {
            match answer {
                Ok(size) => drop(standing.sizes.insert(at, size)),
                Err(error) => drop(standing.unanswered.insert(at, Arc::new(error))),
            }
        }
        standing
    }

    /// Why it can't be told whether an asset's copy is there, if it can't.
    pub fn unanswered(&self, asset: &Asset<'_>) -> Option<&Arc<CatalogError>> {
        asset.origin()?;
        self.unanswered.get(&asset.location().ok()?)
    }

    /// The size of the file at a copy's place; `None` if there is none.
    fn size(&self, at: &Location) -> Option<u64> {
        match at.as_path() {
            Some(path) => std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len()),
            None => self.sizes.get(at).copied().flatten(),
        }
    }

    /// Whether an asset is a copy below `to` that is there with the size recorded.
    pub fn is_copied(&self, asset: &Asset<'_>, to: &Location) -> Result<bool, CatalogError> {
        let at = asset.location()?;
        if asset.origin().is_none() || !is_inside(to, &at) {
            return Ok(false);
        }
        if asset.as_object().contains_key(FOLDER) {
            return Ok(self.is_whole(asset, &at));
        }
        let size = self.size(&at);
        Ok(size.is_some() && size == asset.size())
    }

    /// Looks for the file that is said to be at its destination already, and to be as its asset states.
    ///
    /// # Errors
    /// What is wrong: nothing is there, it is another, or its store can't be asked.
    pub fn look(&self, asset: &Asset<'_>, at: &Location) -> Result<(), Arc<CatalogError>> {
        if let Some(error) = self.unanswered.get(at) {
            return Err(Arc::clone(error));
        }
        let wrong = |source| Err(Arc::new(CatalogError::NoOrigin { at: at.clone(), source }));
        let nothing = || wrong(StorageError::NotFound { at: at.to_string() });
        if is_whole_folder(asset, at) {
            let stated = FolderFacts { checksum: None, ..FolderFacts::stated(asset) };
            let Some(found) = self.folders.get(at) else { return nothing() };
            return match found.difference(&stated) {
                Some(difference) => Err(Arc::new(CatalogError::document(at, difference))),
                None => Ok(()),
            };
        }
        match (self.size(at), asset.size()) {
            (None, _) => nothing(),
            (Some(found), Some(expected)) if found != expected => {
                wrong(StorageError::Size { at: at.to_string(), expected, found })
            }
            _ => Ok(()),
        }
    }

    /// Whether what is at a copy's place has the size that its asset says, if it says any.
    fn is_intact(&self, asset: &Asset<'_>, at: &Location) -> bool {
        if asset.as_object().contains_key(FOLDER) {
            return self.is_whole(asset, at);
        }
        self.size(at).is_some_and(|size| asset.size().is_none_or(|said| said == size))
    }

    /// Whether as many files and bytes are in a folder as its asset says.
    fn is_whole(&self, asset: &Asset<'_>, at: &Location) -> bool {
        let stated = FolderFacts { checksum: None, ..FolderFacts::stated(asset) };
        stated.size.is_some() && self.folders.get(at) == Some(&stated)
    }

    /// Where to copy from: where the asset is now, or, if that is a copy that
    /// has gone or isn't whole, where it came from.
    pub fn source(&self, asset: &Asset<'_>) -> Result<Location, CatalogError> {
        let at = asset.location()?;
        match asset.origin() {
            Some(origin) if !self.is_intact(asset, &at) => resolve_href(None, origin),
            _ => Ok(at),
        }
    }
}

/// Whether an asset's place is asked about as a folder of files.
fn is_whole_folder(asset: &Asset<'_>, at: &Location) -> bool {
    asset.as_object().contains_key(FOLDER) || asset.origin().is_none() && is_folder(at, asset.media_type())
}
