//! The ground that a tree stands on: its folder, the paths of its documents
//! below it, and how they name one another.

use crate::CatalogError;
use crate::href::{absolute, absolute_href, decoded, decoded_on_disk, resolve_href, written_in};
use seedbed_storage::Location;
use serde_json::{Map, Value};
use std::hash::{DefaultHasher, Hash, Hasher};
use url::Url;

/// How the documents of a tree name one another, and files inside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hrefs {
    /// Relative, without `self` links: the tree can be moved as it is.
    #[default]
    Relative,
    /// Relative, with `self` links that say where the tree is published: the
    /// address of its folder.
    Published(Url),
    /// Absolute, as the tree is published: the address of its folder.
    Absolute(Url),
}

/// A tree's folder. Documents are named by their path below it, in `/`; those
/// outside of it by their location.
#[derive(Debug, Clone)]
pub struct Ground {
    root: Location,
    /// The folder's path with a final slash, of a local tree.
    path: Option<String>,
    /// Where it is published, with a final slash.
    base: Option<String>,
    /// Whether documents name one another by that address.
    absolute: bool,
}

impl Ground {
    pub fn new(root: &Location, hrefs: &Hrefs) -> Self {
        let root = absolute(root);
        let path = root.as_path().and_then(|p| p.to_str()).map(|p| format!("{}/", p.trim_end_matches('/')));
        let base = match hrefs {
            Hrefs::Relative => None,
            Hrefs::Published(url) | Hrefs::Absolute(url) => {
                Some(format!("{}/", url.as_str().trim_end_matches('/')))
            }
        };
        Self { root, path, base, absolute: matches!(hrefs, Hrefs::Absolute(_)) }
    }

    /// The same with the address that a tree gives itself, a URL or a path.
    pub fn published_at(mut self, base: String, absolute: bool) -> Self {
        self.base = Some(base);
        self.absolute = absolute;
        self
    }

    pub fn root(&self) -> &Location {
        &self.root
    }

    /// Where a document is.
    pub fn location(&self, document: &str) -> Location {
        if is_outside(document) {
            return document.parse().unwrap_or_else(|_| self.root.join(document));
        }
        if self.path.is_some() {
            return self.root.join(document);
        }
        // The paths of addresses are encoded already.
        let beside = self.root.join("x");
        beside.resolve(document).unwrap_or_else(|_| self.root.join(document))
    }

    /// What an href means that stands in `document`: a path below the folder,
    /// or the absolute location of what lies outside of it.
    pub fn target(&self, document: &str, href: &str) -> Result<String, CatalogError> {
        if let Some(rest) = self.base.as_ref().and_then(|base| href.strip_prefix(base.as_str())) {
            return Ok(if self.path.is_some() { decoded(rest) } else { rest.to_owned() });
        }
        if !href.is_empty() && !href.starts_with('/') && !href.contains(':') && !is_outside(document) {
            let href = href.split(['?', '#']).next().filter(|_| self.path.is_none()).unwrap_or(href);
            if let Some(inside) = joined(folder(document), href) {
                let found = self.path.as_ref().filter(|_| href.contains('%'));
                let found = found.and_then(|root| decoded_on_disk(&format!("{root}{inside}")));
                return Ok(found.map_or(inside, |path| self.name_of(&Location::from(path))));
            }
        }
        let target = resolve_href(Some(&self.location(document)), href)?;
        Ok(self.name_of(&target))
    }

    /// The path below the folder of what lies in it, else its location.
    pub fn name_of(&self, target: &Location) -> String {
        let target = absolute(target);
        if let (Some(root), Some(path)) = (&self.path, target.as_path().and_then(|p| p.to_str())) {
            return path.strip_prefix(root.as_str()).unwrap_or(path).to_owned();
        }
        match target.relative_to(&self.root) {
            Some(link) if link.starts_with("./") && link.len() > 2 => link[2..].to_owned(),
            _ => target.to_string(),
        }
    }

    /// How `document` names what is at the path `target`.
    pub fn link(&self, document: &str, target: &str) -> String {
        match target {
            _ if is_outside(target) => target.to_owned(),
            _ if self.absolute => self.published(target).unwrap_or_else(|| target.to_owned()),
            _ if is_outside(document) => self.location(target).to_string(),
            _ => relative(document, target),
        }
    }

    /// The `self` link of a document, if the tree has such.
    pub fn own(&self, document: &str) -> Option<String> {
        self.published(document)
    }

    fn published(&self, document: &str) -> Option<String> {
        let base = self.base.as_ref()?;
        if self.path.is_some() && base.contains("://") {
            Some(format!("{base}{}", encoded(document)))
        } else {
            Some(format!("{base}{document}"))
        }
    }

    /// An href that stood in the document `before`, as it must stand in
    /// `document`: as links are inside the tree, else absolute. `None`: as it was.
    pub fn moved(&self, href: &str, before: Option<&Location>, document: &str) -> Option<String> {
        if href.contains("://") && self.path.is_some() && !href.starts_with("file:") {
            return None;
        }
        let new = match resolve_href(before, href) {
            Ok(target) => match self.name_of(&target) {
                inside if !is_outside(&inside) => self.link(document, &inside),
                _ => written_in(&self.root, absolute_href(before, href)),
            },
            Err(_) => absolute_href(before, href),
        };
        (new != href).then_some(new)
    }
}

/// Whether a name is a location rather than a path below the tree's folder.
pub fn is_outside(name: &str) -> bool {
    name.starts_with('/') || name.contains("://") || name.starts_with("dcache:/")
}

/// Where the tree is published, if a document's `self` link tells.
pub fn base_of(head: &Map<String, Value>, document: &str) -> Option<String> {
    let links = head.get("links")?.as_array()?;
    let own = links.iter().find(|l| l["rel"] == "self")?["href"].as_str()?;
    let absolute = own.contains("://") || own.starts_with('/');
    own.strip_suffix(document).filter(|base| absolute && base.ends_with('/')).map(str::to_owned)
}

/// Two hashes of a name, which stand for it where a million of them would be held.
pub fn hash(name: &str) -> (u64, u64) {
    let with = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, name).hash(&mut hasher);
        hasher.finish()
    };
    (with(0), with(1))
}

/// The folder of a path, with its final slash; empty at the top.
pub fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..=slash])
}

/// The last name of a path.
pub fn name(path: &str) -> &str {
    path.rfind('/').map_or(path, |slash| &path[slash + 1..])
}

/// The path that leads from the folder of one document to another.
pub fn relative(document: &str, target: &str) -> String {
    let from = folder(document);
    let common = from.bytes().zip(target.bytes()).take_while(|(a, b)| a == b).count();
    // Whole names only.
    let common = from.as_bytes()[..common].iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1);
    let ups = from[common..].matches('/').count();
    let mut link = String::with_capacity(target.len() + 3 * ups + 2);
    if ups == 0 {
        link.push_str("./");
    }
    for _ in 0..ups {
        link.push_str("../");
    }
    link.push_str(&target[common..]);
    link
}

/// A relative href counted from a folder; `None` if it leads out of the tree.
fn joined(folder: &str, href: &str) -> Option<String> {
    let mut path = folder.to_owned();
    for part in href.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                let upper = path.strip_suffix('/')?;
                let end = upper.rfind('/').map_or(0, |slash| slash + 1);
                path.truncate(end);
            }
            part => {
                path.push_str(part);
                path.push('/');
            }
        }
    }
    path.pop().is_some().then_some(path)
}

/// The path as it stands in an address.
fn encoded(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+=@,~!$&'()*;:".contains(&b);
    if path.bytes().all(plain) {
        return path.to_owned();
    }
    let mut out = String::new();
    for b in path.bytes() {
        if plain(b) { out.push(char::from(b)) } else { out.extend(["%".to_owned(), format!("{b:02X}")]) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(hrefs: &Hrefs) -> Ground {
        Ground::new(&"/data/cat".parse().unwrap(), hrefs)
    }

    #[test]
    fn links_and_targets_are_inverse_in_every_style() {
        let url: Url = "https://h.org/cat".parse().unwrap();
        for (hrefs, expected) in [
            (Hrefs::Relative, "../../b/j j.json"),
            (Hrefs::Published(url.clone()), "../../b/j j.json"),
            (Hrefs::Absolute(url), "https://h.org/cat/b/j%20j.json"),
        ] {
            let ground = ground(&hrefs);
            let link = ground.link("a/i/i.json", "b/j j.json");
            assert_eq!(link, expected);
            assert_eq!(ground.target("a/i/i.json", &link).unwrap(), "b/j j.json");
            assert_eq!(ground.target("a/i/i.json", "/data/cat/b/x").unwrap(), "b/x");
            assert_eq!(ground.target("a/i/i.json", "../../../cat/b/x").unwrap(), "b/x");
            assert_eq!(ground.target("a/i/i.json", "../../../x").unwrap(), "/data/x");
            assert_eq!(ground.target("a/i/i.json", "https://k.org/x").unwrap(), "https://k.org/x");
        }
        assert_eq!(relative("a/b/c.json", "a/bc.json"), "../bc.json");
        assert_eq!(relative("c.json", "a/d.json"), "./a/d.json");
    }

    #[test]
    fn hrefs_are_moved_by_the_one_rule() {
        let ground = ground(&Hrefs::Relative);
        let before = "/data/cat/old/i.json".parse().unwrap();
        for (href, expected) in [
            ("./x.nc", Some("../old/x.nc")),
            ("../../y.nc", Some("/data/y.nc")),
            ("https://h.org/x", None),
            ("gs://b/x", None),
            ("file:///data/cat/new/z", Some("./z")),
        ] {
            assert_eq!(ground.moved(href, Some(&before), "new/i.json").as_deref(), expected, "{href}");
        }
    }
}
