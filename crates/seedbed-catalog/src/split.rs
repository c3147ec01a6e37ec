//! Items of a catalog sorted into sub-catalogs, in place.

mod held;
mod journal;

use crate::above::new_catalog;
use crate::disk::{Disk, Draft};
use crate::document::{DEEPEST, write_string, write_value};
use crate::ground::{Ground, base_of, folder, hash, is_outside, relative};
use crate::href::{absolute, relative_href, safe_name};
use crate::item_collection::entry;
use crate::links::{JSON, child_link, item_link, link};
use crate::outline::{Outline, Owner};
use crate::parent::{self, Down, Frame, depth_of, key_of};
use crate::text::{self, Span, id_of};
use crate::{CatalogError, Layout, Sorted, Sorter};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

/// Bytes of paths that are held before they go to temporary files.
const SORTED_IN_MEMORY: usize = 48 << 20;

/// What splitting did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Split {
    /// The document the tree was entered by.
    pub root: Location,
    /// Items that went into sub-catalogs.
    pub moved: u64,
    /// Items that were in their sub-catalogs, or that several catalogs link to, which stay.
    pub unchanged: u64,
    /// Sub-catalogs that are new.
    pub catalogs: u64,
    /// Documents written.
    pub written: u64,
    /// Documents removed: those of moved items at their old places.
    pub removed: u64,
}

/// Sorts the items of each collection of a local tree into sub-catalogs, one a
/// level of the layout: `${region}/${year}`. Those that stand directly in a
/// catalog without a collection above it are sorted there. Items that are in their
/// sub-catalog already stay, so doing it again changes nothing.
///
/// Documents are copied to their new places, changed only where a link or a
/// relative href is another from there; then the sub-catalogs are written, then
/// what links to them, and only then the old documents are removed: a reader
/// never meets a broken link, and what a killed run leaves the next one finishes.
/// Files of assets stay where they are. `work` is a folder for temporary files.
///
/// # Errors
/// [`CatalogError::NotInPlace`] if the tree isn't local; [`CatalogError::Layout`]
/// naming an item without a property, before anything is written;
/// [`CatalogError::OtherLayout`] if items stand in other sub-catalogs, before anything is changed;
/// [`CatalogError::Collision`] if another item is at an item's new place.
pub async fn split(
    stores: &Stores,
    at: &Location,
    layout: &Layout,
    work: &Path,
) -> Result<Split, CatalogError> {
    let (mut splitter, parents) = begin(stores, at, layout, work).await?;
    for parent in &parents {
        // A killed run may have left a catalog without items, and their old documents.
        if parent.items > 0 || splitter.journal_of(&parent.document).exists() {
            splitter.split_one(parent).await?;
        }
    }
    splitter.done.written = splitter.disk.written;
    Ok(splitter.done)
}

/// Whether [`split`] would find anything in its way; nothing is changed.
///
/// # Errors
/// As those of [`split`] before anything is changed.
pub async fn splittable(stores: &Stores, at: &Location, layout: &Layout) -> Result<(), CatalogError> {
    begin(stores, at, layout, Path::new(".")).await.map(drop)
}

async fn begin<'a>(
    stores: &Stores,
    at: &Location,
    layout: &'a Layout,
    work: &'a Path,
) -> Result<(Splitter<'a>, Vec<Parent>), CatalogError> {
    if !at.is_local() {
        let reason = "it isn't a local tree".to_owned();
        return Err(CatalogError::NotInPlace { at: at.to_string(), reason });
    }
    let root = absolute(&entry(at));
    let top = root.parent().unwrap_or_else(|| root.clone());
    let mut ground = Ground::new(&top, &crate::Hrefs::Relative);
    let start = ground.name_of(&root);
    let mut absolute_links = false;
    let head = parent::read(stores, &root, |down| {
        absolute_links |= down.href.contains("://") || down.href.starts_with('/');
        Ok(())
    })
    .await?;
    if let Some(base) = base_of(&head, &start) {
        ground = ground.published_at(base, absolute_links);
    }
    let mut splitter = Splitter {
        disk: Disk::new(stores),
        start,
        ground,
        layout,
        work,
        done: Split { root, moved: 0, unchanged: 0, catalogs: 0, written: 0, removed: 0 },
    };
    let parents = splitter.parents().await?;
    splitter.hold(&parents).await?;
    splitter.fit(&parents).await?;
    Ok((splitter, parents))
}

/// A catalog or collection of the tree.
struct Parent {
    document: String,
    /// Folders' names of the catalogs that lead here, its own last.
    chain: Vec<String>,
    /// Of a catalog below a collection, whose items are at their place: how many of the chain lead to the latter.
    within: Option<usize>,
    items: u64,
}

struct Splitter<'a> {
    disk: Disk,
    ground: Ground,
    /// The path of the tree's root document.
    start: String,
    layout: &'a Layout,
    work: &'a Path,
    done: Split,
}

/// An item's document on its way.
struct Move<'a> {
    old: &'a str,
    new: &'a str,
    /// The sub-catalog that it goes into.
    above: &'a str,
}

/// One catalog while its items are sorted.
struct Task<'p> {
    parent: &'p Parent,
    /// Hashes of the items that it links to and that no other does.
    own: HashSet<(u64, u64)>,
    /// New links: `parent`, zero, `item`, in order.
    links: Sorter,
    levels: BTreeMap<(u8, String), Vec<String>>,
    journal: BufWriter<fs::File>,
    journal_path: PathBuf,
    base: Option<String>,
    /// Items whose links stay in the catalog.
    staying: Vec<Down>,
    moved: u64,
}

impl Splitter<'_> {
    /// All catalogs and collections of the tree.
    async fn parents(&mut self) -> Result<Vec<Parent>, CatalogError> {
        let mut found = Vec::new();
        let mut next = vec![(self.start.clone(), Vec::new(), None)];
        let mut seen = HashSet::from([hash(&self.start)]);
        while let Some((document, mut chain, below)) = next.pop() {
            let mut items = 0;
            let mut children = Vec::new();
            let at = self.ground.location(&document);
            let head = parent::read(&self.disk.stores, &at, |down| {
                if down.child {
                    children.push(self.ground.target(&document, &down.href)?);
                } else {
                    items += 1;
                }
                Ok(())
            })
            .await?;
            let is_collection = head.get("type").is_some_and(|t| t == "Collection");
            let own_folder = folder(&document).trim_end_matches('/');
            chain.push(crate::ground::name(own_folder).to_owned());
            let within = if is_collection { None } else { below };
            let below = if is_collection { Some(chain.len()) } else { below };
            for child in children.into_iter().filter(|child| !is_outside(child)) {
                if seen.insert(hash(&child)) {
                    next.push((child, chain.clone(), below));
                }
            }
            found.push(Parent { document, chain, within, items });
        }
        Ok(found)
    }

    async fn split_one(&mut self, parent: &Parent) -> Result<(), CatalogError> {
        let document = &parent.document;
        let at = self.ground.location(document);
        // The links, compact: there may be a million.
        let (mut hrefs, mut children) = (Vec::new(), Vec::new());
        let default = item_link();
        let head = parent::read(&self.disk.stores, &at, |down| {
            if down.child {
                children.push(down);
                return Ok(());
            }
            hrefs.extend_from_slice(down.href.as_bytes());
            hrefs.push(0);
            if down.rest != default {
                write_value(&mut hrefs, &Value::Object(down.rest), DEEPEST);
            }
            hrefs.push(b'\n');
            Ok(())
        })
        .await?;
        let lines = || hrefs.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let mut own = HashSet::new();
        for line in lines() {
            own.insert(hash(&self.ground.target(document, &href_of(line))?));
        }
        let journal_path = self.journal_of(document);
        self.finish_killed(&journal_path, &own).await?;
        if parent.within.is_some() {
            self.done.unchanged += parent.items;
            return Ok(());
        }
        let scratch = tempfile::NamedTempFile::new_in(self.work).map_err(|e| failed(self.work, e))?;
        let mut task = Task {
            parent,
            own,
            links: Sorter::new(self.work, SORTED_IN_MEMORY),
            levels: BTreeMap::new(),
            journal: BufWriter::new(scratch.reopen().map_err(|e| failed(self.work, e))?),
            journal_path,
            base: base_of(&head, document),
            staying: Vec::new(),
            moved: 0,
        };
        for other in self.shared(document).await? {
            task.own.remove(&other);
        }
        for line in lines() {
            self.move_item(&mut task, line).await?;
        }
        if task.moved == 0 {
            return Ok(());
        }
        task.journal.flush().map_err(|e| failed(&task.journal_path, e))?;
        fs::copy(scratch.path(), &task.journal_path).map_err(|e| failed(&task.journal_path, e))?;
        self.write_links(&mut task, head, children).await?;
        // What the catalog links to is all at its new place: the old may go.
        self.leave(&task).await?;
        self.done.moved += task.moved;
        Ok(())
    }

    /// Items that other catalogs of the tree link to as well.
    async fn shared(&self, document: &str) -> Result<Vec<(u64, u64)>, CatalogError> {
        let mut others = Vec::new();
        let mut next = vec![self.start.clone()];
        let mut seen = HashSet::from([hash(&self.start)]);
        while let Some(other) = next.pop() {
            parent::read(&self.disk.stores, &self.ground.location(&other), |down| {
                let target = self.ground.target(&other, &down.href)?;
                if down.child && !is_outside(&target) && seen.insert(hash(&target)) {
                    next.push(target);
                } else if !down.child && other != document {
                    others.push(hash(&target));
                }
                Ok(())
            })
            .await?;
        }
        Ok(others)
    }

    async fn move_item(&mut self, task: &mut Task<'_>, line: &[u8]) -> Result<(), CatalogError> {
        let parent = &task.parent.document;
        let href = href_of(line);
        let old = self.ground.target(parent, &href)?;
        let at = self.ground.location(&old);
        let text = self.disk.read(&at).await?;
        let text = text.ok_or_else(|| self.is_missing(parent, at.clone()))?;
        let rest = &line[href.len() + 1..];
        let outline = Outline::of(&text).unwrap_or_default();
        let levels = self.levels_of(&text, &outline, &at)?;
        let is_there = task.parent.chain.ends_with(&levels);
        if is_outside(&old) || is_there || !task.own.contains(&hash(&old)) {
            let rest = serde_json::from_slice(rest).unwrap_or_else(|_| item_link());
            task.staying.push(Down { child: false, href, rest });
            self.done.unchanged += 1;
            return Ok(());
        }
        let id = outline.string(&text, "id").unwrap_or_default();
        let (above, new) = Self::new_place(task.parent, &old, &levels, &id);
        self.bring(task, &Move { old: &old, new: &new, above: &above }, (&text, &outline)).await?;
        if old != new {
            writeln!(task.journal, "{old}\0{new}").map_err(|e| failed(&task.journal_path, e))?;
        }
        let depth = depth_of(&above);
        task.links.push(&key_of(depth, &above, &new), rest)?;
        task.levels.entry((depth, above)).or_insert(levels);
        task.moved += 1;
        Ok(())
    }

    /// Puts a document, as it must be there, at its new place.
    async fn bring(
        &mut self,
        task: &Task<'_>,
        way: &Move<'_>,
        (text, outline): (&[u8], &Outline),
    ) -> Result<(), CatalogError> {
        let moved = self.moved_text(task, text, outline, way)?;
        let to = self.ground.location(way.new);
        self.disk.make_folder(&self.ground.location(way.above))?;
        let before = self.disk.prepare(&to).await?;
        let id = outline.string(text, "id").unwrap_or_default();
        if let Some(other) = before.as_deref().and_then(id_of).filter(|other| *other != id) {
            let (first, second) = (format!("item {other}"), format!("item {id}"));
            return Err(CatalogError::Collision { first, second, to: to.to_string() });
        }
        self.disk.put(&to, &moved, before.as_deref(), false).await?;
        Ok(())
    }

    /// The sub-catalog and the document of an item: beside the sub-catalog if it
    /// was beside its parent, else in a folder of its own.
    fn new_place(parent: &Parent, old: &str, levels: &[String], id: &str) -> (String, String) {
        let mut path = folder(&parent.document).to_owned();
        for name in levels {
            path.push_str(name);
            path.push('/');
        }
        let above = format!("{path}catalog.json");
        let within = old.strip_prefix(folder(&parent.document)).filter(|rest| rest.matches('/').count() <= 1);
        if let Some(rest) = within {
            path.push_str(rest);
        } else {
            let name = safe_name(id);
            path.extend([&name, "/", &name, ".json"]);
        }
        (above, path)
    }

    /// The document as it must be at its new place: hrefs alone are changed.
    fn moved_text(
        &self,
        task: &Task<'_>,
        document: &[u8],
        outline: &Outline,
        Move { old, new, above }: &Move<'_>,
    ) -> Result<Vec<u8>, CatalogError> {
        let (old, new, above) = (*old, *new, *above);
        let after = self.ground.location(new);
        let mut edits: Vec<(Span, Vec<u8>)> = Vec::new();
        let mut edit = |span: Span, href: &str| {
            let mut bytes = Vec::new();
            write_string(&mut bytes, href);
            if document[span.clone()] != bytes {
                edits.push((span, bytes));
            }
        };
        let mut error = None;
        let mut from_there = |href: &str| -> Option<String> {
            if href.contains("://") || href.starts_with('/') || href.is_empty() {
                return None;
            }
            let name = self.ground.target(old, href).ok()?;
            if name == old {
                return Some(relative(new, new));
            }
            let target = self.ground.location(&name);
            // Another item that is moved as well.
            if task.own.contains(&hash(&name))
                && let Ok(bytes) = fs::read(target.as_path()?)
            {
                let outline = Outline::of(&bytes).unwrap_or_default();
                return match self.levels_of(&bytes, &outline, &target) {
                    Ok(levels) => {
                        let id = outline.string(&bytes, "id").unwrap_or_default();
                        let place = Self::new_place(task.parent, &name, &levels, &id).1;
                        Some(self.ground.link(new, &place))
                    }
                    Err(e) => {
                        error = Some(e);
                        None
                    }
                };
            }
            if is_outside(&name) { relative_href(&after, &target) } else { Some(relative(new, &name)) }
        };
        for href in &outline.hrefs {
            let rel = match &href.owner {
                Owner::Link(Some(rel)) => text::string(document, rel.clone()).unwrap_or_default(),
                _ => String::new(),
            };
            let span = href.span.clone();
            let Some(href) = text::string(document, span.clone()) else { continue };
            let absolute = href.contains("://") || href.starts_with('/');
            let new = match (rel.as_str(), &task.base) {
                ("parent", Some(base)) if absolute => {
                    href.starts_with(base.as_str()).then(|| format!("{base}{above}"))
                }
                ("parent", None) if absolute => Some(self.ground.location(above).to_string()),
                ("parent", _) => Some(self.ground.link(new, above)),
                ("self", Some(base)) if absolute => {
                    href.starts_with(base.as_str()).then(|| format!("{base}{new}"))
                }
                ("self", None) if absolute => {
                    (self.ground.target(old, &href)? == old).then(|| after.to_string())
                }
                _ => from_there(&href),
            };
            if let Some(new) = new {
                edit(span, &new);
            }
        }
        match error {
            Some(error) => Err(error),
            None => Ok(text::replaced(document, &edits)),
        }
    }

    /// Writes the sub-catalogs, the deepest first, and last what links to them.
    async fn write_links(
        &mut self,
        task: &mut Task<'_>,
        head: Map<String, Value>,
        children: Vec<Down>,
    ) -> Result<(), CatalogError> {
        // Catalogs on the way down.
        let home = folder(&task.parent.document).to_owned();
        let mut below: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for levels in task.levels.values().cloned().collect::<Vec<_>>() {
            let (mut path, mut above) = (home.clone(), task.parent.document.clone());
            for (n, name) in levels.iter().enumerate() {
                path.push_str(name);
                path.push('/');
                let document = format!("{path}catalog.json");
                let known = below.entry(above).or_default();
                if !known.contains(&document) {
                    known.push(document.clone());
                }
                task.levels.entry((depth_of(&document), document.clone())).or_insert(levels[..=n].to_vec());
                above = document;
            }
        }
        // Items that stand in sub-catalogs already keep their links there.
        let mut heads: BTreeMap<String, (Map<String, Value>, Vec<Down>)> = BTreeMap::new();
        for (depth, document) in task.levels.keys() {
            let at = self.ground.location(document);
            if self.disk.is_bare(&at) || !at.as_path().is_some_and(Path::exists) {
                continue;
            }
            let mut found = Vec::new();
            let links = &mut task.links;
            let ground = &self.ground;
            let head = parent::read(&self.disk.stores, &at, |down| {
                if down.child {
                    found.push(down);
                    return Ok(());
                }
                let item = ground.target(document, &down.href)?;
                let mut rest = Vec::new();
                if down.rest != item_link() {
                    write_value(&mut rest, &Value::Object(down.rest), DEEPEST);
                }
                links.push(&key_of(*depth, document, &item), &rest)
            })
            .await?;
            heads.insert(document.clone(), (head, found));
        }
        let links = std::mem::replace(&mut task.links, Sorter::new(self.work, 0));
        let mut links = links.finish()?.peekable();
        let empty = Vec::new();
        for ((depth, document), levels) in &task.levels {
            let (head, known) = if let Some(found) = heads.remove(document) {
                found
            } else {
                self.done.catalogs += 1;
                (self.new_catalog(task, document, levels), Vec::new())
            };
            let new = below.get(document).unwrap_or(&empty);
            let prefix = key_of(*depth, document, "");
            self.write_parent(task, document, &head, known, new, Some((&prefix, &mut links))).await?;
        }
        let new = below.get(&task.parent.document).unwrap_or(&empty);
        self.write_parent(task, &task.parent.document, &head, children, new, None).await
    }

    fn new_catalog(&self, task: &Task<'_>, document: &str, levels: &[String]) -> Map<String, Value> {
        let name = levels.last().map(String::as_str).unwrap_or_default();
        let mut catalog = new_catalog(name, &self.layout.title(levels.len() - 1, name));
        let upper = folder(folder(document).trim_end_matches('/'));
        let above =
            if levels.len() == 1 { task.parent.document.clone() } else { format!("{upper}catalog.json") };
        let mut links = vec![
            link("root", &self.ground.link(document, &self.start), JSON),
            link("parent", &self.ground.link(document, &above), JSON),
        ];
        links.extend(task.base.as_ref().map(|base| link("self", &format!("{base}{document}"), JSON)));
        catalog["links"] = json!(links);
        catalog.as_object().cloned().unwrap_or_default()
    }

    async fn write_parent(
        &mut self,
        task: &Task<'_>,
        document: &str,
        head: &Map<String, Value>,
        mut children: Vec<Down>,
        new: &[String],
        links: Option<(&[u8], &mut Peekable<Sorted>)>,
    ) -> Result<(), CatalogError> {
        let mut known = HashSet::new();
        for child in &children {
            known.insert(self.ground.target(document, &child.href)?);
        }
        let mut new: Vec<&String> = new.iter().filter(|child| !known.contains(*child)).collect();
        new.sort();
        children.extend(new.into_iter().map(|child| Down {
            child: true,
            href: self.ground.link(document, child),
            rest: child_link(None),
        }));
        let at = self.ground.location(document);
        let path = at.as_path().unwrap_or(Path::new(document));
        let mut frame = Frame::of(head);
        let mut draft = Disk::draft(&at);
        frame.open(&mut draft).map_err(|e| failed(path, e))?;
        let mut write = |draft: &mut Draft, rel: &str, href: &str, rest: &Map<String, Value>| {
            frame.link(draft, rel, href, rest).map_err(|e| failed(path, e))
        };
        for child in &children {
            write(&mut draft, "child", &child.href, &child.rest)?;
        }
        if let Some((prefix, links)) = links {
            let default = item_link();
            let mut last = Vec::new();
            while let Some(record) =
                links.next_if(|r| r.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
            {
                let (key, rest) = record?;
                if key == last {
                    continue;
                }
                let item = String::from_utf8_lossy(&key[prefix.len()..]).into_owned();
                let rest: Option<Map<String, Value>> = serde_json::from_slice(&rest).ok();
                let href = self.ground.link(document, &item);
                write(&mut draft, "item", &href, rest.as_ref().unwrap_or(&default))?;
                last = key;
            }
        } else {
            for item in &task.staying {
                write(&mut draft, "item", &item.href, &item.rest)?;
            }
        }
        frame.close(&mut draft).map_err(|e| failed(path, e))?;
        self.disk.put_draft(draft).await?;
        Ok(())
    }
}

fn href_of(line: &[u8]) -> String {
    let end = line.iter().position(|b| *b == 0).unwrap_or(line.len());
    String::from_utf8_lossy(&line[..end]).into_owned()
}

fn failed(path: &Path, source: io::Error) -> CatalogError {
    CatalogError::Io { action: "write", path: path.to_owned(), source }
}
