//! A tree that anyone wrote, written anew in another place, layout or manner.

use crate::disk::{Disk, Put};
use crate::document::{DEEPEST, new_line, separate, text as text_of, write_string, write_value};
use crate::ground::{Ground, Hrefs, folder, is_outside};
use crate::href::{absolute, resolve_href, safe_name};
use crate::item_collection::document_at;
use crate::links::{GEOJSON, JSON, link};
use crate::outline::Owner;
use crate::parent::{self, Down, Frame};
use crate::text::{self, Span};
use crate::tree::NodeKind;
use crate::walk::{Leaf, Step, Walk};
use crate::{CatalogError, ItemLayout, Layout, Split, split};
use seedbed_storage::{Location, Stores};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// How a tree is written anew.
#[derive(Debug, Clone, Default)]
pub struct RewriteOptions {
    /// How its documents name one another.
    pub hrefs: Hrefs,
    /// The path of an item's document in the folder of its parent.
    pub item: ItemLayout,
    /// Sub-catalogs for the items of a collection, in the place of those that it had; local trees only.
    pub by: Option<Layout>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rewritten {
    /// The new root document.
    pub root: Location,
    /// Catalogs of the tree.
    pub catalogs: u64,
    /// Collections of the tree.
    pub collections: u64,
    /// Items of the tree.
    pub items: u64,
    /// Documents written.
    pub written: u64,
    /// Documents that were there already as they should be.
    pub unchanged: u64,
    /// What sorting into sub-catalogs did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

/// Reads a tree from any store and writes all of it into the folder `to`.
///
/// Catalogs and collections nest as they did, each in the folder of its id; a
/// document that several link to is written once and linked by all. With
/// [`RewriteOptions::by`] the catalogs within a collection are left out, and
/// others made. Else nothing is
/// lost: every field and extension stays (an item's to the byte, but for hrefs
/// and links), so do the fields of links. Hrefs follow the one rule; files of
/// assets stay where they are. Names of documents, not documents, are held.
///
/// # Errors
/// As reading and writing go; [`CatalogError::Layout`].
pub async fn rewrite(
    stores: &Stores,
    from: &Location,
    to: &Location,
    options: &RewriteOptions,
    work: &Path,
) -> Result<Rewritten, CatalogError> {
    let old_root = absolute(&document_at(stores, from).await);
    let old = Ground::new(&old_root.parent().unwrap_or_else(|| old_root.clone()), &Hrefs::Relative);
    let new = Ground::new(to, &options.hrefs);
    // Beside its own documents a tree can't be written without mixing the two.
    if !is_outside(&old.name_of(new.root()))
        || old.root() == new.root()
        || !is_outside(&new.name_of(old.root()))
    {
        return Err(CatalogError::NotInPlace {
            at: to.to_string(),
            reason: format!("the tree to read, {}, and the one to write overlap", old.root()),
        });
    }
    let plan = Plan::of(stores, &old_root, &old, options).await?;
    let mut disk = Disk::new(stores);
    let root = new.location(&plan.nodes[0].1);
    let count = |kind| plan.nodes.iter().filter(|n| n.2 == kind).count() as u64;
    let mut done = Rewritten {
        root: root.clone(),
        catalogs: count(NodeKind::Catalog),
        collections: count(NodeKind::Collection),
        items: 0,
        written: 0,
        unchanged: 0,
        split: None,
    };
    let writer = Writer { old: &old, new: &new, plan: &plan };
    let mut walk = Walk::new(stores, &old_root);
    let mut above = Vec::new();
    while let Some(step) = walk.next().await? {
        match step {
            Step::Enter(node) => above.push(old.name_of(&node.location)),
            Step::Leave => drop(above.pop()),
            Step::Item(leaf) => {
                let parent = above.last().and_then(|p| plan.places.get(p)).map(String::as_str);
                let (document, bytes) = writer.item(&leaf, parent.unwrap_or_default())?;
                let at = new.location(document);
                let before = disk.prepare(&at).await?;
                let put = disk.put(&at, &bytes, before.as_deref(), false).await?;
                done.items += 1;
                done.unchanged += u64::from(put == Put::Unchanged);
            }
        }
    }
    // The deepest first, so that the root comes last.
    for (name, document, _, parent) in plan.nodes.iter().rev() {
        let put = writer.node(&mut disk, name, document, parent.as_deref()).await?;
        done.unchanged += u64::from(put == Put::Unchanged);
    }
    done.written = disk.written;
    if let Some(by) = &options.by {
        done.split = Some(split(stores, &root, by, work).await?);
    }
    Ok(done)
}

/// Where everything goes.
struct Plan {
    /// New paths by the old names of documents.
    places: HashMap<String, String>,
    /// Catalogs and collections: old name, new path, kind and the new path of the parent.
    nodes: Vec<(String, String, NodeKind, Option<String>)>,
    /// Old names of catalogs that are left out: their items go into the collection above.
    left_out: HashSet<String>,
}

impl Plan {
    async fn of(
        stores: &Stores,
        root: &Location,
        old: &Ground,
        options: &RewriteOptions,
    ) -> Result<Self, CatalogError> {
        let mut plan = Self { places: HashMap::new(), nodes: Vec::new(), left_out: HashSet::new() };
        let mut taken: HashSet<String> = HashSet::new();
        let mut above: Vec<String> = Vec::new();
        // Whether each of those above, or one above it, is a collection.
        let mut within: Vec<bool> = Vec::new();
        let mut walk = Walk::new(stores, root);
        while let Some(step) = walk.next().await? {
            match step {
                Step::Enter(node) => {
                    let is_collection = node.kind == NodeKind::Collection;
                    let is_within = within.last().copied().unwrap_or_default();
                    within.push(is_within || is_collection);
                    if let (true, false, Some(_), Some(parent)) =
                        (is_within, is_collection, &options.by, above.last().cloned())
                    {
                        let name = old.name_of(&node.location);
                        plan.places.insert(name.clone(), parent.clone());
                        plan.left_out.insert(name);
                        above.push(parent);
                        continue;
                    }
                    let id = node.document.get("id").and_then(Value::as_str).unwrap_or_default();
                    let file = if is_collection { "collection.json" } else { "catalog.json" };
                    let wanted = match above.last() {
                        Some(parent) => format!("{}{}/{file}", folder(parent), safe_name(id)),
                        None => file.to_owned(),
                    };
                    let place = free(wanted, &mut taken, true);
                    let name = old.name_of(&node.location);
                    plan.places.insert(name.clone(), place.clone());
                    plan.nodes.push((name, place.clone(), node.kind, above.last().cloned()));
                    above.push(place);
                }
                Step::Leave => {
                    above.pop();
                    within.pop();
                }
                Step::Item(leaf) => {
                    let parent = above.last().map(|parent| folder(parent)).unwrap_or_default();
                    let own = options.item.fill(&leaf.item()?)?;
                    let place = free(format!("{parent}{own}"), &mut taken, own.contains('/'));
                    plan.places.insert(old.name_of(leaf.location()), place);
                }
            }
        }
        Ok(plan)
    }
}

/// A path that no other document has; a number is put behind the name of its
/// folder, or its own.
fn free(wanted: String, taken: &mut HashSet<String>, by_folder: bool) -> String {
    if taken.insert(wanted.clone()) {
        return wanted;
    }
    let end = if by_folder { wanted.rfind('/') } else { wanted.rfind('.') }.unwrap_or(wanted.len());
    let mut n = 2_u32;
    loop {
        let other = format!("{}-{n}{}", &wanted[..end], &wanted[end..]);
        if taken.insert(other.clone()) {
            return other;
        }
        n += 1;
    }
}

struct Writer<'a> {
    old: &'a Ground,
    new: &'a Ground,
    plan: &'a Plan,
}

impl Writer<'_> {
    /// An href of an old document as it must stand in the new one; `None`: as it was.
    fn href(&self, href: &str, before: &Location, document: &str) -> Option<String> {
        if let Ok(target) = resolve_href(Some(before), href)
            && let Some(place) = self.plan.places.get(&self.old.name_of(&target))
        {
            return Some(self.new.link(document, place)).filter(|new| new != href);
        }
        self.new.moved(href, Some(before), document)
    }

    /// All links of a document but those that lead down.
    fn links(
        &self,
        links: &[Value],
        before: &Location,
        document: &str,
        parent: Option<&str>,
        media_type: &str,
    ) -> Vec<Value> {
        let root = &self.plan.nodes[0].1;
        let mut all = Vec::new();
        let has = |rel: &str| links.iter().any(|l| l["rel"] == rel);
        if !has("root") {
            all.push(link("root", &self.new.link(document, root), JSON));
        }
        if let Some(parent) = parent.filter(|_| !has("parent")) {
            all.push(link("parent", &self.new.link(document, parent), JSON));
        }
        let own = self.new.own(document);
        if let Some(own) = own.as_ref().filter(|_| !has("self")) {
            all.push(link("self", own, media_type));
        }
        for found in links {
            let Some(object) = found.as_object() else {
                all.push(found.clone());
                continue;
            };
            let (rel, href) =
                (text_of(object, "rel").unwrap_or_default(), text_of(object, "href").unwrap_or_default());
            let mut link = object.clone();
            let target = resolve_href(Some(before), href).ok().map(|t| self.old.name_of(&t));
            let place = target.and_then(|t| self.plan.places.get(&t));
            let new = match (rel, &own) {
                ("self", Some(own)) => Some(own.clone()),
                ("self", None) if href.starts_with("http") && !has("via") => {
                    link.insert("rel".to_owned(), json!("via"));
                    None
                }
                ("self", None) => continue,
                ("root", _) => Some(self.new.link(document, root)),
                ("parent", _) => match place.map(String::as_str).or(parent) {
                    Some(parent) => Some(self.new.link(document, parent)),
                    // What was above the tree isn't above the new one.
                    None => continue,
                },
                _ => self.href(href, before, document),
            };
            if let Some(new) = new {
                link.insert("href".to_owned(), json!(new));
            }
            all.push(Value::Object(link));
        }
        all
    }

    /// An item's new path and bytes: hrefs and links aside, those it had.
    fn item(&self, leaf: &Leaf, parent: &str) -> Result<(&str, Vec<u8>), CatalogError> {
        let before = leaf.location();
        let missing = || CatalogError::document(before, "the tree changed while it was read");
        let document = self.plan.places.get(&self.old.name_of(before)).ok_or_else(missing)?;
        let source = leaf.text();
        let outline = leaf.outline();
        let links = outline.field(source, "links");
        let old_links = links.clone().and_then(|span| text::value(source, span));
        let old_links = old_links.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let all = self.links(old_links, before, document, Some(parent), GEOJSON);
        let mut edits: Vec<(Span, Vec<u8>)> = Vec::new();
        let mut array = vec![b'['];
        for (n, link) in all.iter().enumerate() {
            separate(&mut array, n, Some(1));
            write_value(&mut array, link, DEEPEST);
        }
        new_line(&mut array, 1);
        array.push(b']');
        if let Some(span) = links {
            edits.push((span, array));
        } else if let Some(brace) = source.iter().position(|b| *b == b'{') {
            let mut member = b"\n  \"links\": ".to_vec();
            member.extend_from_slice(&array);
            member.push(b',');
            edits.push((brace + 1..brace + 1, member));
        }
        for href in outline.hrefs.iter().filter(|href| !matches!(href.owner, Owner::Link(_))) {
            let new =
                text::string(source, href.span.clone()).and_then(|old| self.href(&old, before, document));
            if let Some(new) = new {
                let mut bytes = Vec::new();
                write_string(&mut bytes, &new);
                edits.push((href.span.clone(), bytes));
            }
        }
        edits.sort_by_key(|(span, _)| span.start);
        Ok((document, text::replaced(source, &edits)))
    }

    async fn node(
        &self,
        disk: &mut Disk,
        name: &str,
        document: &str,
        parent: Option<&str>,
    ) -> Result<Put, CatalogError> {
        let before = self.old.location(name);
        let at = self.new.location(document);
        let path = at.as_path().unwrap_or(Path::new(document)).to_owned();
        let failed = |source| CatalogError::Io { action: "write", path: path.clone(), source };
        // The documents whose links it has: its own, and those of the catalogs left out below it.
        let (mut down, mut lower) = (Vec::new(), Vec::new());
        let mut head = parent::read(&disk.stores, &before, |link| {
            self.down(link, &before, &mut down, &mut lower);
            Ok(())
        })
        .await?;
        let mut gone_into = HashSet::new();
        while let Some(next) = lower.pop() {
            if gone_into.insert(next.to_string()) {
                parent::read(&disk.stores, &next, |link| {
                    self.down(link, &next, &mut down, &mut lower);
                    Ok(())
                })
                .await?;
            }
        }
        let links = head.get("links").and_then(Value::as_array).cloned().unwrap_or_default();
        let links = self.links(&links, &before, document, parent, JSON);
        head.insert("links".to_owned(), Value::Array(links));
        if let Some(assets) = head.get_mut("assets").and_then(Value::as_object_mut) {
            assets.values_mut().for_each(|asset| self.asset(asset, &before, document));
        }
        let mut frame = Frame::of(&head);
        let mut draft = Disk::draft(&at);
        frame.open(&mut draft).map_err(failed)?;
        for (link, from) in down {
            let rel = if link.child { "child" } else { "item" };
            let from = from.as_ref().unwrap_or(&before);
            let href = self.href(&link.href, from, document).unwrap_or(link.href);
            frame.link(&mut draft, rel, &href, &link.rest).map_err(failed)?;
        }
        frame.close(&mut draft).map_err(failed)?;
        disk.put_draft(draft).await
    }

    /// Keeps a link that leads down from the document `from`, or notes where else links are to be had.
    fn down(
        &self,
        link: Down,
        from: &Location,
        down: &mut Vec<(Down, Option<Location>)>,
        lower: &mut Vec<Location>,
    ) {
        let is_left_out = |at: &Location| self.plan.left_out.contains(&self.old.name_of(at));
        match resolve_href(Some(from), &link.href) {
            Ok(target) if link.child && is_left_out(&target) => lower.push(target),
            _ => down.push((link, is_left_out(from).then(|| from.clone()))),
        }
    }

    fn asset(&self, asset: &mut Value, before: &Location, document: &str) {
        let fix = |object: &mut Map<String, Value>| {
            let new = text_of(object, "href").and_then(|href| self.href(href, before, document));
            if let Some(new) = new {
                object.insert("href".to_owned(), json!(new));
            }
        };
        let Some(object) = asset.as_object_mut() else { return };
        fix(object);
        let alternates = object.get_mut("alternate").and_then(Value::as_object_mut);
        alternates.into_iter().flatten().filter_map(|(_, a)| a.as_object_mut()).for_each(fix);
    }
}
