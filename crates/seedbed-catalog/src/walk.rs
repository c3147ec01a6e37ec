//! A tree read item by item, never held as a whole.

use crate::ground::{Ground, Hrefs, hash};
use crate::item::bbox_of;
use crate::item_collection::entry;
use crate::outline::{Href, Outline, Owner};
use crate::tree::NodeKind;
use crate::{Broken, CatalogError, Item, document, parent, text, time};
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use jiff::civil::Date;
use seedbed_grid::Bbox;
use seedbed_storage::{Location, Stores};
use serde_json::{Map, Value};
use std::collections::{HashSet, VecDeque};

/// How many documents of a remote tree are read at once.
const AT_ONCE: usize = 16;
/// How many are read ahead.
const AHEAD: usize = 64;
/// How deep catalogs may nest; a real tree has a handful of levels.
const DEEPEST: usize = 64;

/// A catalog or collection that a walk comes to: its document without the
/// links that lead down.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Which of the two.
    pub kind: NodeKind,
    /// The document, but for its `child` and `item` links.
    pub document: Map<String, Value>,
    /// Where it is.
    pub location: Location,
    /// How many documents lead to it: none to the root.
    pub depth: usize,
}

/// An item's document as text, with what most questions are about.
#[derive(Debug, Clone)]
pub struct Leaf {
    text: Vec<u8>,
    outline: Outline,
    location: Location,
    id: String,
    collection: Option<String>,
}

/// One step of a walk. Between entering and leaving a catalog come its items,
/// then what is below it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most steps are items")]
pub enum Step {
    /// Into a catalog or collection.
    Enter(Box<Entered>),
    /// To an item of the one entered last and not left.
    Item(Leaf),
    /// Out of the one entered last.
    Leave,
}

impl Leaf {
    /// Looks an item's document over. Only what stands at its top and the times
    /// are read.
    ///
    /// # Errors
    /// [`CatalogError::Document`] or [`CatalogError::Json`] if it is no item.
    pub fn new(text: Vec<u8>, location: Location) -> Result<Self, CatalogError> {
        let outline = Outline::of(&text).unwrap_or_default();
        let is_item = outline.field(&text, "type").is_some_and(|span| text[span] == *b"\"Feature\"");
        let mut id = outline.string(&text, "id").unwrap_or_default();
        if !is_item || id.is_empty() {
            // Parsing it whole tells what is wrong, or that it's odd but right.
            let item = Item::from_value(document::parse(&text, &location)?)?;
            item.id().clone_into(&mut id);
        }
        let collection = outline.string(&text, "collection");
        Ok(Self { text, outline, location, id, collection })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of its collection.
    #[must_use]
    pub fn collection(&self) -> Option<&str> {
        self.collection.as_deref()
    }

    /// Its bounding box in WGS 84.
    #[must_use]
    pub fn bbox(&self) -> Option<Bbox> {
        let span = self.outline.field(&self.text, "bbox")?;
        text::value(&self.text, span).as_ref().and_then(bbox_of)
    }

    /// First day (UTC).
    #[must_use]
    pub fn start(&self) -> Option<Date> {
        self.day("start_datetime")
    }

    /// Last day (UTC), included.
    #[must_use]
    pub fn end(&self) -> Option<Date> {
        self.day("end_datetime")
    }

    fn day(&self, bound: &str) -> Option<Date> {
        let of = |name: &str| self.outline.property(&self.text, name);
        of(bound).or_else(|| of("datetime")).as_deref().and_then(time::date)
    }

    /// Where its document is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Its document as it was read.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The keys and hrefs of its assets, as written.
    #[must_use]
    pub fn hrefs(&self) -> Vec<(String, String)> {
        let of_asset = |href: &Href| {
            let Owner::Asset(key) = &href.owner else { return None };
            let key = String::from_utf8_lossy(&self.text[key.clone()]).into_owned();
            Some((key, text::string(&self.text, href.span.clone())?))
        };
        self.outline.hrefs.iter().filter_map(of_asset).collect()
    }

    pub(crate) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// The item, parsed.
    ///
    /// # Errors
    /// [`CatalogError::Json`], [`CatalogError::Document`].
    pub fn item(&self) -> Result<Item, CatalogError> {
        let item = Item::from_value(document::parse(&self.text, &self.location)?)?;
        Ok(item.in_own_document(self.location.clone()))
    }
}

struct Level {
    location: Location,
    depth: usize,
    /// Hrefs, each ended by a zero byte: there may be a million.
    items: Vec<u8>,
    at: usize,
    children: VecDeque<Location>,
    ahead: VecDeque<Leaf>,
}

/// A walk through a tree: catalogs and collections in the order of their links,
/// items of each before what is below it. A document that two links reach is
/// visited once. Of the tree only the links of the documents on the way are held.
pub struct Walk<'a> {
    stores: &'a Stores,
    root: Option<Location>,
    /// The root's document, where it was read already.
    document: Option<Map<String, Value>>,
    ground: Ground,
    levels: Vec<Level>,
    seen: HashSet<(u64, u64)>,
    /// Items that can't be read, where the others are gone on with.
    broken: Option<Vec<Broken>>,
}

impl<'a> Walk<'a> {
    /// A walk from a catalog or collection, or the local folder that holds one.
    #[must_use]
    pub fn new(stores: &'a Stores, at: &Location) -> Self {
        let root = entry(at);
        let folder = root.parent().unwrap_or_else(|| root.clone());
        Self {
            stores,
            ground: Ground::new(&folder, &Hrefs::Relative),
            root: Some(root),
            document: None,
            levels: Vec::new(),
            seen: HashSet::new(),
            broken: None,
        }
    }

    /// The same, passing over items that can't be read: [`Walk::broken`] has them.
    #[must_use]
    pub(crate) fn legible(self) -> Self {
        Self { broken: Some(Vec::new()), ..self }
    }

    /// The items that were passed over.
    pub(crate) fn broken(self) -> Vec<Broken> {
        self.broken.unwrap_or_default()
    }

    /// Passes over an item that can't be read, if that is wanted.
    pub(crate) fn pass_over(&mut self, at: &Location, error: CatalogError) -> Result<(), CatalogError> {
        pass_over(&mut self.broken, at, error)
    }

    /// The same, of a root whose document was read already.
    #[must_use]
    pub(crate) fn of(stores: &'a Stores, at: &Location, document: Map<String, Value>) -> Self {
        Self { document: Some(document), ..Self::new(stores, at) }
    }

    /// The next step; `None` at the end.
    ///
    /// # Errors
    /// [`CatalogError::Link`] naming the document that links to one that can't
    /// be read; [`CatalogError::Document`] if one isn't what its link says.
    pub async fn next(&mut self) -> Result<Option<Step>, CatalogError> {
        if let Some(root) = self.root.take() {
            self.seen.insert(hash(&self.ground.name_of(&root)));
            return self.enter(root, 0).await.map(Some);
        }
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        if let Some(leaf) = level.ahead.pop_front() {
            return Ok(Some(Step::Item(leaf)));
        }
        if level.at < level.items.len() {
            self.read_ahead().await?;
            if let Some(leaf) = self.levels.last_mut().and_then(|level| level.ahead.pop_front()) {
                return Ok(Some(Step::Item(leaf)));
            }
        }
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        while let Some(child) = level.children.pop_front() {
            if self.seen.insert(hash(&self.ground.name_of(&child))) {
                let (from, depth) = (level.location.clone(), level.depth + 1);
                let entered = self.enter(child.clone(), depth).await;
                return entered.map(Some).map_err(|e| linked(&from, child, "child", e));
            }
        }
        self.levels.pop();
        Ok(Some(Step::Leave))
    }

    async fn enter(&mut self, at: Location, depth: usize) -> Result<Step, CatalogError> {
        let (mut items, mut children) = (Vec::new(), VecDeque::new());
        let mut note = |child: bool, href: &str| {
            if child {
                children.push_back(crate::resolve_href(Some(&at), href)?);
            } else {
                items.extend_from_slice(href.as_bytes());
                items.push(0);
            }
            Ok::<_, CatalogError>(())
        };
        let document = if let Some(document) = self.document.take() {
            for link in document.get("links").and_then(Value::as_array).into_iter().flatten() {
                if let (Some(rel @ ("child" | "item")), Some(href)) =
                    (link["rel"].as_str(), link["href"].as_str())
                {
                    note(rel == "child", href)?;
                }
            }
            document
        } else {
            parent::read(self.stores, &at, |down| note(down.child, &down.href)).await?
        };
        let kind = match document.get("type").and_then(Value::as_str) {
            Some("Catalog") => NodeKind::Catalog,
            Some("Collection") => NodeKind::Collection,
            _ => return Err(CatalogError::document(&at, "this is neither a STAC catalog nor a collection")),
        };
        if depth > DEEPEST {
            return Err(CatalogError::document(&at, format!("catalogs nest deeper than {DEEPEST} levels")));
        }
        if depth == 0 && document.contains_key("conformsTo") {
            return Err(CatalogError::NotStatic { at: at.to_string() });
        }
        let location = at.clone();
        self.levels.push(Level { location: at, depth, items, at: 0, children, ahead: VecDeque::new() });
        Ok(Step::Enter(Box::new(Entered { kind, document, location, depth })))
    }

    /// Reads the next items of the innermost level, until there are some.
    async fn read_ahead(&mut self) -> Result<(), CatalogError> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        while level.ahead.is_empty() && level.at < level.items.len() {
            let mut wanted = Vec::new();
            // On a disk nothing is won by reading ahead, and a limit reads no more than it needs.
            let ahead = if level.location.is_local() { 1 } else { AHEAD };
            while wanted.len() < ahead && level.at < level.items.len() {
                let rest = &level.items[level.at..];
                let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
                let href = String::from_utf8_lossy(&rest[..end]).into_owned();
                level.at += end + 1;
                let document = self.ground.name_of(&level.location);
                let target = self.ground.target(&document, &href)?;
                if self.seen.insert(hash(&target)) {
                    wanted.push(self.ground.location(&target));
                }
            }
            let (stores, from) = (self.stores, &level.location);
            let read = |to: Location| async move {
                let text = document::read_bytes(stores, &to).await;
                text.and_then(|text| Leaf::new(text, to.clone())).map_err(|e| linked(from, to, "item", e))
            };
            if wanted.iter().all(Location::is_local) {
                for to in wanted {
                    match read_local(from, to.clone()) {
                        Ok(leaf) => level.ahead.push_back(leaf),
                        Err(error) => pass_over(&mut self.broken, &to, error)?,
                    }
                }
            } else {
                let read = |to: Location| async move { (to.clone(), read(to).await) };
                let mut found = stream::iter(wanted).map(read).buffered(AT_ONCE);
                while let Some((to, found)) = found.next().await {
                    match found {
                        Ok(leaf) => level.ahead.push_back(leaf),
                        Err(error) => pass_over(&mut self.broken, &to, error)?,
                    }
                }
            }
        }
        Ok(())
    }
}

fn pass_over(
    broken: &mut Option<Vec<Broken>>,
    at: &Location,
    error: CatalogError,
) -> Result<(), CatalogError> {
    let Some(broken) = broken else { return Err(error) };
    broken.push(Broken::of(at, error)?);
    Ok(())
}

fn read_local(from: &Location, to: Location) -> Result<Leaf, CatalogError> {
    let path = to.as_path().unwrap_or(std::path::Path::new(""));
    let text = std::fs::read(path).map_err(|source| CatalogError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    });
    text.and_then(|text| Leaf::new(text, to.clone())).map_err(|e| linked(from, to, "item", e))
}

fn linked(from: &Location, to: Location, rel: &str, source: CatalogError) -> CatalogError {
    match source {
        deeper @ CatalogError::Link { .. } => deeper,
        source => {
            CatalogError::Link { from: from.clone(), to, rel: rel.to_owned(), source: Box::new(source) }
        }
    }
}

/// The items of a tree, one after another.
///
/// # Errors
/// As [`Walk::next`].
#[must_use]
pub fn items_stream<'a>(stores: &'a Stores, at: &Location) -> BoxStream<'a, Result<Item, CatalogError>> {
    let walk = Walk::new(stores, at);
    let items = stream::try_unfold(walk, |mut walk| async move {
        loop {
            match walk.next().await? {
                Some(Step::Item(leaf)) => return Ok(Some((leaf.item()?, walk))),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    });
    items.boxed()
}
