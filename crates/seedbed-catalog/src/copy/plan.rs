//! What a copy would do.

use super::destination::{takes_files, writable};
use super::failure::{Failure, reason_of};
use super::names::{Names, lasting};
use super::sharing::{Copies, Statement};
use super::sidecar::sidecar_of;
use super::standing::Standing;
use super::template::Template;
use super::version::path_beside;
use crate::folder::{FolderFacts, Member, is_folder, members};
use crate::href::{absolute, same_place};
use crate::place::Nesting;
use crate::save::{TreeBuilder, have_places_of_their_own};
use crate::{Asset, CatalogError, Collection, Item, Tree, WriteOptions};
use seedbed_storage::{Checksum, Content, Expectation, Location, Stores, shown_text};
use serde::Serialize;
use serde_json::json;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
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
    /// How much of it a copy that was killed has brought to this machine; known after [`CopyPlan::survey`].
    #[serde(skip_serializing_if = "is_none_of_it")]
    pub begun: u64,
    /// How many files it is, if it is a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<usize>,
    /// The assets that it is.
    pub uses: Vec<Use>,
    /// Whether a file that may be this one stands at its place; known after [`CopyPlan::survey`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stands: bool,
    /// Why it can't be brought; known after [`CopyPlan::survey`].
    #[serde(skip)]
    pub(crate) hindrance: Option<Arc<CatalogError>>,
    /// What is in it, if it is a folder.
    #[serde(skip)]
    pub(crate) folder: Option<Folder>,
    #[serde(skip)]
    pub(crate) checksum: Option<Checksum>,
    /// Where its checksum is, if its item has none.
    #[serde(skip)]
    pub(crate) sidecar: Option<Location>,
    #[serde(skip)]
    pub(crate) content: Content,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_none_of_it(begun: &u64) -> bool {
    *begun == 0
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

    /// What is known of its bytes, with a checksum if there is one.
    pub(super) fn expectation(&self, checksum: Option<Checksum>) -> Expectation {
        Expectation { size: self.bytes, checksum, content: self.content }
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

/// An asset with a checksum that can't be read or computed, or not be had: its file is held to its size alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unchecked {
    /// The item.
    pub item: String,
    /// The asset's key.
    pub asset: String,
    /// What is wrong with the checksum.
    pub reason: String,
}

impl Unchecked {
    pub(super) fn of(used: &Use, error: &CatalogError) -> Self {
        Self { item: used.item.clone(), asset: used.asset.clone(), reason: reason_of(error) }
    }
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
    /// Adds an asset to what there is of its source already, if that is as the asset's item states; whether it is.
    fn joins(&mut self, known: Option<&Vec<Known>>, stated: &Statement, used: &Use) -> bool {
        for known in known.into_iter().flatten() {
            match *known {
                Known::Failed(n) => self.failed[n].uses.push(used.clone()),
                Known::Brought(n) => {
                    let transfer = &mut self.transfers[n];
                    let of_others = Statement { bytes: transfer.bytes, checksum: transfer.checksum.clone() };
                    if transfer.folder.is_none() && of_others != *stated {
                        continue;
                    }
                    transfer.uses.push(used.clone());
                }
            }
            return true;
        }
        false
    }

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
}

/// Plans a copy. Nothing is written; what is there already is looked up.
///
/// An asset counts as copied if it names its origin and its href is a file
/// below the destination folder that exists with the size recorded, or a folder with
/// the number and size of files recorded; remote stores are asked. The files of a folder
/// (a Zarr group) are listed, or found by what its documents say. Of assets
/// with the same source only one file is brought, unless their items state it differently: then each is held to
/// its own statement. Where files of one item
/// would have one name, the asset's key is put before it; where files of several items would, the
/// item's id; where a copy of an older version is kept, the version before the name's ending.
///
/// # Errors
/// [`CatalogError::Destination`] if no file can be put there;
/// [`CatalogError::NotInPlace`] if `out` is missing and the items don't have
/// local documents of their own that can be written; [`CatalogError::Repeated`] if two items for
/// `out` have one id; [`CatalogError::SameName`] if the template gives files of several items one name. What is wrong
/// with one asset alone is told in [`CopyPlan::failed`].
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
    let plan = CopyPlan {
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
    let standing = Standing::of(stores, &items, &request.assets, &request.to).await;
    let copies = Copies::of(&items, request, &standing);
    let names = match &request.names {
        Some(names) => Cow::Borrowed(names),
        None => Cow::Owned(Names::of(&items, &request.template)),
    };
    let (known, claimed) = (HashMap::new(), BTreeMap::new());
    let mut planning = Planning { stores, request, standing, copies, names, known, claimed, plan };
    for (index, item) in items.iter().enumerate() {
        planning.item(index, item).await?;
    }
    let mut plan = planning.plan;
    plan.count();
    plan.items = items;
    Ok(plan)
}

/// A plan in the making, and what it is made with.
struct Planning<'a> {
    stores: &'a Stores,
    request: &'a CopyRequest,
    standing: Standing,
    copies: Copies,
    names: Cow<'a, Names>,
    known: HashMap<Location, Vec<Known>>,
    /// By place: what goes there.
    claimed: BTreeMap<Location, Location>,
    plan: CopyPlan,
}

impl Planning<'_> {
    async fn item(&mut self, index: usize, item: &Item) -> Result<(), CatalogError> {
        let request = self.request;
        let collection = item.collection().map(str::to_owned);
        let absent: Vec<String> =
            request.assets.iter().filter(|k| item.asset(k).is_none()).cloned().collect();
        if !absent.is_empty() {
            let collection = collection.clone();
            self.plan.missing.push(Missing { collection, item: item.id().to_owned(), assets: absent });
        }
        for asset in request.assets.iter().filter_map(|key| item.asset(key)) {
            let (collection, item_id, key) =
                (collection.clone(), item.id().to_owned(), asset.key().to_owned());
            let used = Use { collection, item: item_id, asset: key, index };
            if let Some(error) = self.standing.unanswered(&asset) {
                let (from, error) = (shown_text(asset.href()), Arc::clone(error));
                self.plan.failed.push(Failure::of_shared(vec![used], from, None, error));
                continue;
            }
            match source_of(&self.standing, request, &asset) {
                Ok(Some(from)) => self.bring(item, &asset, used, from).await?,
                Ok(None) => self.plan.present.push(used),
                Err(error) => {
                    let from = shown_text(asset.href());
                    self.plan.failed.push(Failure::of(vec![used], from, None, error));
                }
            }
        }
        Ok(())
    }

    /// Plans to bring an asset from where it is.
    async fn bring(
        &mut self,
        item: &Item,
        asset: &Asset<'_>,
        used: Use,
        from: Location,
    ) -> Result<(), CatalogError> {
        let plan = &mut self.plan;
        let stated =
            Statement { bytes: asset.size(), checksum: checksum_of(item, asset, &mut plan.unchecked) };
        if plan.joins(self.known.get(&from), &stated, &used) {
            return Ok(());
        }
        let there = self.copies.of_source(&from, &stated).filter(|_| asset.origin().is_none());
        let checksum = match there {
            // No mark in a store tells what a file is a copy of.
            Some((at, of_copy)) if !at.is_local() => stated.checksum.or(of_copy.cloned()),
            _ => stated.checksum,
        };
        let to = match there {
            Some((at, _)) => Ok(Some(at.clone())),
            None => place_of(self.request, &self.names, item, asset, &from),
        };
        let to = match to {
            Ok(Some(to)) => to,
            // It is at its destination, or said to be.
            Ok(None) => {
                match self.standing.look(asset, &from) {
                    Ok(()) => plan.present.push(used),
                    Err(error) => {
                        let failure = Failure::of_shared(vec![used], from.to_string(), Some(from), error);
                        plan.failed.push(failure);
                    }
                }
                return Ok(());
            }
            Err(error @ CatalogError::Href { .. }) => {
                plan.failed.push(Failure::of(vec![used], from.to_string(), None, error));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(other) = self.claimed.get(&to) {
            let [first, second, at] = [other, &from, &to].map(ToString::to_string);
            let error = CatalogError::SameName { first, second, to: at };
            if !self.request.template.has_filename() {
                return Err(error);
            }
            plan.failed.push(Failure::of(vec![used], from.to_string(), Some(to), error));
            return Ok(());
        }
        let sidecar = match sidecar_of(asset) {
            Ok(sidecar) => sidecar,
            Err(error) => {
                plan.unchecked.push(Unchecked::of(&used, &error));
                None
            }
        };
        self.claimed.insert(to.clone(), from.clone());
        let known = self.known.entry(from.clone()).or_default();
        let folder = match folder_of(self.stores, asset, &from).await {
            Ok(folder) => folder,
            Err(error) => {
                known.push(Known::Failed(plan.failed.len()));
                plan.failed.push(Failure::of(vec![used], from.to_string(), Some(to), error));
                return Ok(());
            }
        };
        known.push(Known::Brought(plan.transfers.len()));
        plan.transfers.push(Transfer {
            from,
            to,
            bytes: folder.as_ref().map_or(stated.bytes, |f| FolderFacts::of(&f.files).size),
            begun: 0,
            files: folder.as_ref().map(|folder| folder.files.len()),
            uses: vec![used],
            stands: false,
            hindrance: None,
            sidecar: if folder.is_some() || checksum.is_some() { None } else { sidecar },
            folder,
            checksum,
            content: Content::of_media_type(asset.media_type()),
        });
        Ok(())
    }
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
    let path = names.path(item, asset, &request.template)?;
    let to = request.to.join(&lasting(path_beside(item, asset, &request.to, path)));
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
    let written = WriteOptions { nesting: Nesting::Kept, ..WriteOptions::default() };
    have_places_of_their_own(&written, items.iter().map(|i| (i.collection().unwrap_or_default(), i)))?;
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
