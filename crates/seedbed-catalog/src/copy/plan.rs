//! What a copy would do.

use super::destination::{takes_files, writable};
use super::failure::Failure;
use super::names::Names;
use super::standing::Standing;
use super::template::Template;
use crate::folder::{FolderFacts, Member, is_folder, members};
use crate::href::{absolute, same_place};
use crate::save::TreeBuilder;
use crate::{Asset, CatalogError, Collection, Item, Tree};
use seedbed_storage::{Checksum, Content, Location, Stores, shown_text};
use serde::Serialize;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// In which time a document that is being replaced is back.
pub const BACK: Duration = Duration::from_millis(100);

/// What is to be copied, and where to.
#[derive(Debug, Clone)]
pub struct CopyRequest {
    /// The items, as selected.
    pub items: Vec<Item>,
    /// Collection documents for a new catalog; where one is missing it is made
    /// from the items.
    pub collections: Vec<Collection>,
    /// Keys of the assets to copy.
    pub assets: Vec<String>,
    /// The folder to copy into.
    pub to: Location,
    /// The path of each file below that folder.
    pub template: Template,
    /// Folder of the catalog to write; without it the items' own documents are updated.
    pub out: Option<Location>,
    /// The names of all items of the catalog, where these are but some of them.
    pub names: Option<Names>,
}

/// An asset of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Use {
    /// Its collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// The item.
    pub item: String,
    /// The asset's key.
    pub asset: String,
    /// Which of the plan's items it is.
    #[serde(skip)]
    pub(crate) index: usize,
}

/// One file, or folder of files, to bring, for one asset or several that share it.
#[derive(Debug, Clone, Serialize)]
pub struct Transfer {
    /// Where it is.
    pub from: Location,
    /// Where it goes.
    pub to: Location,
    /// Its size, where the item says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many files it is, if it is a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<usize>,
    /// The assets that it is.
    pub uses: Vec<Use>,
    /// Whether a file that may be this one stands at its place; known after [`CopyPlan::survey`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stands: bool,
    /// The size of a file that stands at its place and can't be this one; known after [`CopyPlan::survey`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<u64>,
    /// What is in it, if it is a folder.
    #[serde(skip)]
    pub(crate) folder: Option<Folder>,
    #[serde(skip)]
    pub(crate) checksum: Option<Checksum>,
    #[serde(skip)]
    pub(crate) content: Content,
}

/// A folder to bring.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// Its files, by name.
    pub(crate) files: Vec<Member>,
    /// What the item says of them.
    pub(crate) stated: FolderFacts,
}

impl Transfer {
    /// The files that are read.
    #[must_use]
    pub fn sources(&self) -> Vec<Location> {
        match &self.folder {
            Some(folder) => folder.files.iter().map(|file| self.from.join(&file.name)).collect(),
            None => vec![self.from.clone()],
        }
    }
}

/// An item that lacks chosen assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// The item.
    pub item: String,
    /// The keys it lacks.
    pub assets: Vec<String>,
}

/// An asset with a checksum that can't be read or computed: its file is held to its size alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// The item.
    pub item: String,
    /// The asset's key.
    pub asset: String,
    /// What is wrong with the checksum.
    pub reason: String,
}

/// What a copy would do.
#[derive(Debug, Clone, Serialize)]
pub struct CopyPlan {
    /// The files to bring.
    pub transfers: Vec<Transfer>,
    /// Assets that are copied already.
    pub present: Vec<Use>,
    /// Items without some of the chosen assets.
    pub missing: Vec<Missing>,
    /// Assets whose checksums can't be computed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Unchecked>,
    /// Assets that can't be brought, as is known already.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failure>,
    /// Bytes to bring, as far as they are known.
    pub bytes: u64,
    /// Files whose size isn't known.
    pub unknown_sizes: usize,
    /// The catalog that will be written, if not the items' own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<Location>,
    /// The items with their places; of a catalog to write, as they will be written.
    #[serde(skip)]
    pub(crate) items: Vec<Item>,
    #[serde(skip)]
    pub(crate) collections: Vec<Collection>,
}

impl CopyPlan {
    /// How many files are to be brought.
    #[must_use]
    pub fn files(&self) -> usize {
        self.transfers.iter().filter(|t| !t.stands).map(|t| t.files.unwrap_or(1)).sum()
    }

    /// How many files stand at their places although the catalog doesn't say so.
    #[must_use]
    pub fn standing(&self) -> usize {
        self.transfers.iter().filter(|t| t.stands).count()
    }

    /// Adds up what is to be brought.
    pub(super) fn count(&mut self) {
        let brought = self.transfers.iter().filter(|t| !t.stands);
        self.bytes = brought.clone().filter_map(|t| t.bytes).sum();
        self.unknown_sizes = brought.filter(|t| t.bytes.is_none()).count();
    }

    /// Refuses a plan that is known not to fit where it is to go, as far as the
    /// store tells its room.
    ///
    /// # Errors
    /// [`CatalogError::NoRoom`], or as asking goes.
    pub async fn fits(&self, stores: &Stores, to: &Location) -> Result<(), CatalogError> {
        let failed = |source| CatalogError::Copy { to: to.clone(), source };
        match stores.room(to).await.map_err(failed)? {
            Some(room) if room < self.bytes => {
                Err(CatalogError::NoRoom { to: to.to_string(), bytes: self.bytes, room })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a plan that is known to bring more than `limit` bytes.
    ///
    /// # Errors
    /// [`CatalogError::TooMuch`].
    pub fn within(self, limit: u64) -> Result<Self, CatalogError> {
        if self.bytes > limit { Err(CatalogError::TooMuch { bytes: self.bytes, limit }) } else { Ok(self) }
    }
}

/// Plans a copy. Nothing is written; what is there already is looked up.
///
/// An asset counts as copied if it names its origin and its href is a file
/// below the destination folder that exists with the size recorded, or a folder with
/// the number and size of files recorded; remote stores are asked. The files of a folder
/// (a Zarr group) are listed, or found by what its documents say. Of assets
/// with the same source only one file is brought. Where files of one item
/// would have one name, the asset's key is put before it; where files of several items would, the
/// item's id; where a copy of an older version is kept, the version before the name's ending.
///
/// # Errors
/// [`CatalogError::Destination`] if no file can be put there;
/// [`CatalogError::NotInPlace`] if `out` is missing and the items don't have
/// local documents of their own that can be written; [`CatalogError::Repeated`] if two items for
/// `out` have one id; [`CatalogError::SameName`] if files would have one name all the same.
/// What is wrong with one asset alone is told in [`CopyPlan::failed`].
pub async fn plan(stores: &Stores, request: &CopyRequest) -> Result<CopyPlan, CatalogError> {
    request.out.iter().chain([&request.to]).try_for_each(takes_files)?;
    let items = if let Some(out) = &request.out {
        with_copies_of(stores, &request.items, out).await?
    } else {
        request.items.iter().try_for_each(updatable)?;
        // An item that was selected twice has one document all the same.
        let mut seen = HashSet::new();
        request.items.iter().filter(|i| seen.insert(i.location().map(absolute))).cloned().collect()
    };
    let mut plan = CopyPlan {
        transfers: Vec::new(),
        present: Vec::new(),
        missing: Vec::new(),
        unchecked: Vec::new(),
        failed: Vec::new(),
        bytes: 0,
        unknown_sizes: 0,
        out: request.out.clone(),
        items: Vec::new(),
        collections: request.collections.clone(),
    };
    let standing = Standing::of(stores, &items, &request.assets).await?;
    let names = match &request.names {
        Some(names) => Cow::Borrowed(names),
        None => Cow::Owned(Names::of(&items, &request.template)),
    };
    let mut known: HashMap<Location, Known> = HashMap::new();
    let mut claimed: BTreeMap<Location, Location> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let absent: Vec<String> =
            request.assets.iter().filter(|k| item.asset(k).is_none()).cloned().collect();
        if !absent.is_empty() {
            let collection = item.collection().map(str::to_owned);
            plan.missing.push(Missing { collection, item: item.id().to_owned(), assets: absent });
        }
        for asset in request.assets.iter().filter_map(|key| item.asset(key)) {
            let used = Use {
                collection: item.collection().map(str::to_owned),
                item: item.id().to_owned(),
                asset: asset.key().to_owned(),
                index,
            };
            let from = match source_of(&standing, request, &asset) {
                Ok(Some(from)) => from,
                Ok(None) => {
                    plan.present.push(used);
                    continue;
                }
                Err(error) => {
                    plan.failed.push(Failure::of(vec![used], shown_text(asset.href()), None, error));
                    continue;
                }
            };
            if let Some(place) = known.get(&from) {
                match *place {
                    Known::Brought(n) => plan.transfers[n].uses.push(used),
                    Known::Failed(n) => plan.failed[n].uses.push(used),
                }
                continue;
            }
            let Some(to) = place_of(request, &names, item, &asset, &from)? else {
                plan.present.push(used);
                continue;
            };
            if let Some(other) = claimed.insert(to.clone(), from.clone()) {
                let [first, second, to] = [&other, &from, &to].map(ToString::to_string);
                return Err(CatalogError::SameName { first, second, to });
            }
            let folder = match folder_of(stores, &asset, &from).await {
                Ok(folder) => folder,
                Err(error) => {
                    known.insert(from.clone(), Known::Failed(plan.failed.len()));
                    plan.failed.push(Failure::of(vec![used], from.to_string(), Some(to), error));
                    continue;
                }
            };
            known.insert(from.clone(), Known::Brought(plan.transfers.len()));
            let bytes = folder.as_ref().map_or(asset.size(), |f| FolderFacts::of(&f.files).size);
            plan.transfers.push(Transfer {
                from,
                to,
                bytes,
                files: folder.as_ref().map(|folder| folder.files.len()),
                uses: vec![used],
                stands: false,
                other: None,
                folder,
                checksum: checksum_of(item, &asset, &mut plan.unchecked),
                content: Content::of_media_type(asset.media_type()),
            });
        }
    }
    plan.count();
    plan.items = items;
    Ok(plan)
}

/// What a plan has of a source already.
enum Known {
    Brought(usize),
    Failed(usize),
}

/// Where an asset is to be brought from; `None` if it is copied already.
fn source_of(
    standing: &Standing,
    request: &CopyRequest,
    asset: &Asset<'_>,
) -> Result<Option<Location>, CatalogError> {
    if standing.is_copied(asset, &request.to)? { Ok(None) } else { standing.source(asset).map(Some) }
}

/// Where an asset is to be brought to; `None` if it is there.
fn place_of(
    request: &CopyRequest,
    names: &Names,
    item: &Item,
    asset: &Asset<'_>,
    from: &Location,
) -> Result<Option<Location>, CatalogError> {
    let mut path = names.path(item, asset, &request.template)?;
    if super::has_superseded(item, asset.key()) {
        path = versioned(&path, &super::version_of(asset));
    }
    let to = request.to.join(&path);
    Ok((!same_place(from, &to)).then_some(to))
}

/// The checksum that an asset states; one that can't be read or computed joins the `unknown` ones.
fn checksum_of(item: &Item, asset: &Asset<'_>, unknown: &mut Vec<Unchecked>) -> Option<Checksum> {
    let said = asset.checksum()?;
    let read: Result<Checksum, _> = said.parse();
    if let Err(error) = &read {
        let (item, asset) = (item.id().to_owned(), asset.key().to_owned());
        unknown.push(Unchecked { item, asset, reason: error.to_string() });
    }
    read.ok()
}

/// What is in an asset that is a folder.
async fn folder_of(
    stores: &Stores,
    asset: &Asset<'_>,
    from: &Location,
) -> Result<Option<Folder>, CatalogError> {
    if !is_folder(from, asset.media_type()) {
        return Ok(None);
    }
    Ok(Some(Folder { files: members(stores, from).await?, stated: FolderFacts::stated(asset) }))
}

/// The items as they would stand in the catalog at `out`, with the copies that
/// it has already; an item must have a collection there.
async fn with_copies_of(stores: &Stores, items: &[Item], out: &Location) -> Result<Vec<Item>, CatalogError> {
    let mut items = items.to_vec();
    for item in items.iter_mut().filter(|i| i.collection().is_none()) {
        item.set_field("collection", json!("items"));
    }
    let mut seen: HashMap<(Option<&str>, &str), &Item> = HashMap::new();
    let mut repeated = HashSet::new();
    for (n, item) in items.iter().enumerate() {
        match seen.insert((item.collection(), item.id()), item) {
            Some(first) if first == item => drop(repeated.insert(n)),
            Some(_) => return Err(CatalogError::Repeated { id: item.id().to_owned() }),
            None => {}
        }
    }
    let mut index = 0..;
    items.retain(|_| index.next().is_none_or(|n| !repeated.contains(&n)));
    let Some(tree) = existing_tree(stores, out).await? else { return Ok(items) };
    let old: HashMap<(Option<&str>, &str), &Item> =
        tree.items().into_iter().map(|i| ((i.collection(), i.id()), i)).collect();
    for item in &mut items {
        if let Some(before) = old.get(&(item.collection(), item.id())) {
            super::keep_copies(item, before);
        }
    }
    Ok(items)
}

async fn existing_tree(stores: &Stores, out: &Location) -> Result<Option<Tree>, CatalogError> {
    let root = TreeBuilder::root_of(out);
    if root.as_path().is_some_and(|p| !p.exists()) {
        return Ok(None);
    }
    if !root.is_local()
        && let Err(source) = stores.head(&root).await
    {
        return if source.is_not_found() { Ok(None) } else { Err(CatalogError::Read { at: root, source }) };
    }
    written_tree(stores, &root).await.map(Some)
}

/// A tree that is there. Some stores replace a document by removing the old one first: one that is missing while
/// another copy writes is back in a moment.
pub async fn written_tree(stores: &Stores, root: &Location) -> Result<Tree, CatalogError> {
    let mut patience = if root.is_local() { 0 } else { 10 };
    loop {
        match Tree::read(stores, root).await {
            Err(error) if patience > 0 && error.is_absence() => {
                patience -= 1;
                tokio::time::sleep(BACK).await;
            }
            read => return read,
        }
    }
}

/// Whether the item's document can be replaced by itself.
fn updatable(item: &Item) -> Result<(), CatalogError> {
    let refused = |at: String, reason: &str| Err(CatalogError::NotInPlace { at, reason: reason.to_owned() });
    match item.location() {
        None => refused(item.id().to_owned(), "it has no document"),
        Some(at) if !at.is_local() => refused(at.to_string(), "it isn't a local file"),
        Some(at) if !item.has_own_document() => {
            refused(at.to_string(), "it holds items of several documents")
        }
        Some(at) => {
            let stands = at.as_path().map(seedbed_storage::Standing::at);
            match stands.as_ref().and_then(|stands| stands.path.parent()).map(writable) {
                Some(Err(reason)) => refused(at.to_string(), &reason),
                _ => Ok(()),
            }
        }
    }
}

/// A path with a version before the ending of its last name.
fn versioned(path: &str, version: &str) -> String {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[name..].rfind('.').filter(|dot| *dot > 0) {
        Some(dot) => format!("{}.{version}{}", &path[..name + dot], &path[name + dot..]),
        None => format!("{path}.{version}"),
    }
}
