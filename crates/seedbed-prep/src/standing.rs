//! Which products are there, of many at once.

use crate::identity::random;
use crate::product::is_done;
use crate::record::asset_names;
use crate::store_root::{AT_ONCE, StoreRoot, found};
use crate::{Done, Member, PrepError, Root, folder};
use futures::{StreamExt, TryStreamExt, stream};
use seedbed_catalog::Item;
use seedbed_storage::{Listed, Location, StorageError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// What a record says of its product, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The item's id.
    pub(crate) id: String,
    /// Its first and last moment, where it says them.
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
    files: Vec<Stated>,
}

/// A file, or a folder as one thing, as a record states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stated {
    asset: String,
    /// Its way from the record's folder.
    names: String,
    size: Option<u64>,
    checksum: Option<String>,
    folder: bool,
}

impl Summary {
    pub(crate) fn of(item: &Item) -> Self {
        let text = |name: &str| item.property(name).and_then(Value::as_str).map(str::to_owned);
        let stated = |(key, asset): (&str, seedbed_catalog::Asset<'_>)| Stated {
            asset: key.to_owned(),
            names: asset_names(&asset).to_owned(),
            size: folder::stated(&asset).0,
            checksum: folder::stated(&asset).1.map(str::to_owned),
            folder: asset.as_object().contains_key(folder::FIELD),
        };
        Self {
            id: item.id().to_owned(),
            start: text("start_datetime"),
            end: text("end_datetime"),
            files: item.assets().map(stated).collect(),
        }
    }
}

/// How it stands with a product, and what its record says where it can be read.
pub(crate) struct Standing {
    pub(crate) done: Done,
    pub(crate) summary: Option<Summary>,
}

/// Whether each of some products has been committed and its files are there in their recorded
/// sizes, in the order of the members; their digests are [`verify`](crate::verify())'s business, but
/// for files that were written after their records.
///
/// Of a store each tile is listed once, and of the records those are read that weren't read before.
///
/// # Errors
/// [`PrepError::Storage`] if the store can't be reached or read.
pub fn survey<'m>(
    root: &Root,
    members: impl IntoIterator<Item = &'m Member>,
) -> Result<Vec<Done>, PrepError> {
    match root {
        Root::Local(root) => Ok(members.into_iter().map(|member| is_done(root, member)).collect()),
        Root::Store(store) => {
            let members: Vec<&Member> = members.into_iter().collect();
            Ok(standings(store, &members)?.into_iter().map(|standing| standing.done).collect())
        }
    }
}

/// The same of a store, with what the records say.
pub(crate) fn standings(store: &StoreRoot, members: &[&Member]) -> Result<Vec<Standing>, PrepError> {
    let mut tiles: BTreeMap<&str, Vec<(usize, &Member)>> = BTreeMap::new();
    for (n, member) in members.iter().enumerate() {
        tiles.entry(&member.tile).or_default().push((n, member));
    }
    let one = |(tile, members)| Tile { store, name: tile }.standings(members);
    let all = stream::iter(tiles.into_iter().map(one)).buffer_unordered(AT_ONCE);
    let all: Vec<Vec<(usize, Standing)>> = store.block_on(all.try_collect())?;
    let mut all: Vec<(usize, Standing)> = all.into_iter().flatten().collect();
    all.sort_by_key(|(n, _)| *n);
    Ok(all.into_iter().map(|(_, standing)| standing).collect())
}

/// The part of a product that lies in one tile's folder.
struct Tile<'a> {
    store: &'a StoreRoot,
    name: &'a str,
}

/// The files of a tile by their addresses; none where the store can't be listed.
type Files = Option<BTreeMap<String, Listed>>;

impl Tile<'_> {
    async fn standings(self, members: Vec<(usize, &Member)>) -> Result<Vec<(usize, Standing)>, StorageError> {
        let files = self.files().await?;
        let kept = Kept::read(self.store, self.name);
        let one = |(n, member)| {
            let (files, kept, this) = (&files, &kept, &self);
            async move { Ok::<_, StorageError>((n, this.member(member, files, kept).await?)) }
        };
        let all: Vec<(usize, Standing, Option<Stamp>)> = stream::iter(members)
            .map(one)
            .buffered(AT_ONCE)
            .map_ok(|(n, (standing, stamp))| (n, standing, stamp))
            .try_collect()
            .await?;
        let read = all.iter().filter_map(|(_, s, stamp)| Some((stamp.clone()?, s.summary.clone()?)));
        kept.save(read.map(|(stamp, summary)| (stamp.record.clone(), (stamp, summary))).collect());
        Ok(all.into_iter().map(|(n, standing, _)| (n, standing)).collect())
    }

    async fn files(&self) -> Result<Files, StorageError> {
        let folder = self.store.location().join(self.name);
        match self.store.stores().list(&folder).await {
            Ok(listed) => Ok(Some(listed.into_iter().map(|file| (file.at.to_string(), file)).collect())),
            Err(e) if e.is_not_found() => Ok(Some(BTreeMap::new())),
            Err(StorageError::Unsupported { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn member(
        &self,
        member: &Member,
        files: &Files,
        kept: &Kept,
    ) -> Result<(Standing, Option<Stamp>), StorageError> {
        let no = || Ok((Standing { done: Done::No, summary: None }, None));
        let at = self.store.location().join(&member.record_names());
        let stamp = match files {
            None => None,
            Some(files) => match files.get(&at.to_string()) {
                None => return no(),
                Some(listed) => Stamp::of(listed),
            },
        };
        let summary = if let Some(known) = stamp.as_ref().and_then(|stamp| kept.find(stamp)) {
            known
        } else {
            let Some(bytes) = found(self.store.stores().read_document(&at).await)? else { return no() };
            let item = serde_json::from_slice(&bytes).ok().and_then(|v| Item::from_value(v).ok());
            let Some(item) = item else {
                let done = Done::Damaged(format!("{at} is no record"));
                return Ok((Standing { done, summary: None }, None));
            };
            Summary::of(&item)
        };
        let done = self.done(&at, &summary, files).await?;
        Ok((Standing { done, summary: Some(summary) }, stamp))
    }

    /// Holds the sizes that a record states to those of the files.
    async fn done(&self, record: &Location, summary: &Summary, files: &Files) -> Result<Done, StorageError> {
        if summary.files.is_empty() {
            return Ok(Done::Damaged(format!("{record} names no file")));
        }
        let folder = record.parent().unwrap_or_else(|| record.clone());
        for stated in &summary.files {
            let at = folder.join(&stated.names);
            let mut size = files.as_ref().and_then(|files| size(&at, stated.folder, files));
            // A page that was listed before the file came, or a store that tells no sizes or no names.
            if size != stated.size && !stated.folder {
                size = found(self.store.stores().head(&at).await)?.and_then(|meta| meta.size);
            }
            if size.is_none() || size != stated.size {
                return Ok(Done::Damaged(format!("asset `{}`: {at} is missing or damaged", stated.asset)));
            }
            if let Some(files) = files
                && is_younger(&at, record, files)
                && self.store.digest(&at, stated.folder).await? != stated.checksum
            {
                return Ok(Done::Damaged(format!("asset `{}`: {at} was changed", stated.asset)));
            }
        }
        Ok(Done::Yes)
    }
}

/// Bytes of a file, or of all files below a folder, as listed.
fn size(at: &Location, folder: bool, files: &BTreeMap<String, Listed>) -> Option<u64> {
    if !folder {
        return files.get(&at.to_string())?.size;
    }
    let sizes: Vec<Option<u64>> = within(at, files).map(|file| file.size).collect();
    if sizes.is_empty() { None } else { sizes.into_iter().sum() }
}

/// The files below a folder.
fn within<'f>(at: &Location, files: &'f BTreeMap<String, Listed>) -> impl Iterator<Item = &'f Listed> {
    let below = format!("{at}/");
    let from = files.range(below.clone()..);
    from.take_while(move |(name, _)| name.starts_with(&below)).map(|(_, file)| file)
}

/// Whether a file, or one below a folder, was written after its record was, as far as the listing tells.
fn is_younger(at: &Location, record: &Location, files: &BTreeMap<String, Listed>) -> bool {
    let recorded = files.get(&record.to_string()).and_then(|file| file.modified.as_ref());
    let mut all = files.get(&at.to_string()).into_iter().chain(within(at, files));
    all.any(|file| file.modified.as_ref().zip(recorded).is_some_and(|(written, recorded)| written > recorded))
}

/// What a listing says of one version of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stamp {
    record: String,
    size: Option<u64>,
    modified: Option<String>,
    etag: Option<String>,
}

impl Stamp {
    /// None where a listing doesn't tell one version from another.
    fn of(listed: &Listed) -> Option<Self> {
        let Listed { at, size, modified, etag } = listed;
        etag.as_ref().or(modified.as_ref())?;
        let record = at.file_name()?.to_owned();
        Some(Self { record, size: *size, modified: modified.clone(), etag: etag.clone() })
    }
}

/// The records by their names.
type Known = BTreeMap<String, (Stamp, Summary)>;

/// What is remembered of a tile's records, so that the next look reads only those that have changed.
struct Kept {
    file: PathBuf,
    known: Known,
}

impl Kept {
    fn read(store: &StoreRoot, tile: &str) -> Self {
        let file = store.state().join("records").join(format!("{tile}.json"));
        let known = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { file, known: known.unwrap_or_default() }
    }

    fn find(&self, stamp: &Stamp) -> Option<Summary> {
        let (kept, summary) = self.known.get(&stamp.record)?;
        // Summaries that an older version kept have no checksums.
        let is_whole = summary.files.iter().all(|file| file.checksum.is_some());
        (kept == stamp && is_whole).then(|| summary.clone())
    }

    /// Keeps what was read now besides what was known. That it can't be kept is no error: it is read again.
    fn save(self, now: Known) {
        if now.iter().all(|(name, entry)| self.known.get(name) == Some(entry)) {
            return;
        }
        let mut known = self.known;
        known.extend(now);
        let write = || -> std::io::Result<()> {
            let folder = self.file.parent().unwrap_or(&self.file);
            fs::create_dir_all(folder)?;
            let temporary = self.file.with_extension(format!("{}.tmp", random()?));
            fs::write(&temporary, serde_json::to_vec(&known)?)?;
            fs::rename(&temporary, &self.file)
        };
        if let Err(error) = write() {
            tracing::debug!(file = %self.file.display(), %error, "summaries of records can't be kept");
        }
    }
}
