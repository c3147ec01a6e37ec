//! A folder of files, copied as one thing.

use super::execute::{Arrived, Done, Progress};
use super::plan::{Folder, Transfer};
use crate::CatalogError;
use crate::folder::{FolderFacts, Member, folder_digest, folder_version, members};
use futures::{StreamExt, TryStreamExt, stream};
use seedbed_storage::{Expectation, StorageError, Stores, Transferred};

/// How many files of a folder are brought at once; the stores limit what one host gets.
const AT_ONCE: usize = 8;

/// Brings every file of a folder, the documents last, so that there is no group before its chunks,
/// and holds all of them to what the item states.
///
/// # Errors
/// [`CatalogError::Copy`] if a file fails, the source changes meanwhile, the files aren't those
/// that are stated, or others are at the destination as well.
pub async fn copy_folder(
    stores: &Stores,
    transfer: &Transfer,
    folder: &Folder,
    progress: &dyn Progress,
) -> Result<(Done, Arrived), CatalogError> {
    let failed = |source| CatalogError::Copy { to: transfer.to.clone(), source };
    let version = folder_version(stores, &transfer.from).await.map_err(failed)?;
    let bring = |file: &Member| {
        let (from, to) = (transfer.from.join(&file.name), transfer.to.join(&file.name));
        let (name, size) = (file.name.clone(), file.size);
        async move {
            let counter = progress.file(transfer);
            let moved = stores.transfer(&from, &to, &Expectation::default(), counter.as_ref()).await;
            let moved = moved.map_err(|source| CatalogError::Copy { to, source })?;
            match size.filter(|size| *size != moved.bytes) {
                Some(expected) => {
                    let found = moved.bytes;
                    Err(failed(StorageError::Size { at: from.to_string(), expected, found }))
                }
                None => Ok((name, moved)),
            }
        }
    };
    let (documents, chunks): (Vec<&Member>, Vec<&Member>) =
        folder.files.iter().partition(|file| file.is_document());
    let mut moved: Vec<(String, Transferred)> = Vec::with_capacity(folder.files.len());
    for files in [chunks, documents] {
        let some: Vec<_> =
            stream::iter(files.into_iter().map(bring)).buffer_unordered(AT_ONCE).try_collect().await?;
        moved.extend(some);
    }
    let now = folder_version(stores, &transfer.from).await.map_err(failed)?;
    if version.differs(&now) {
        return Err(failed(StorageError::Changed { at: transfer.from.to_string() }));
    }
    let there = members(stores, &transfer.to).await?;
    let known = |name: &str| folder.files.binary_search_by(|file| file.name.as_str().cmp(name)).is_ok();
    if let Some(other) = there.iter().find(|file| !known(&file.name)) {
        let what = "the folder that is copied has no such file".to_owned();
        return Err(failed(StorageError::Occupied { at: transfer.to.join(&other.name).to_string(), what }));
    }
    let mut done = Done::default();
    for (_, moved) in &moved {
        done.add(moved);
    }
    let size = moved.iter().map(|(_, moved)| moved.bytes).sum();
    let checksum =
        folder_digest(moved.iter().map(|(name, moved)| (name.clone(), moved.checksum.multihash())));
    let files = u64::try_from(moved.len()).ok();
    let found = FolderFacts { files, size: Some(size), checksum: Some(checksum.clone()) };
    if let Some(difference) = found.difference(&folder.stated) {
        let what = "the item states another folder";
        let reason = format!("{what}: {difference}");
        return Err(CatalogError::document(&transfer.from, reason));
    }
    Ok((done, Arrived { size, checksum, files: Some(moved.len()), version }))
}
