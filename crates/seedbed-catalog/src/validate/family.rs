//! How documents of a tree hang together: root, parent, collection and self.

use super::report::{Check, Problem};
use crate::document::text;
use crate::href::{resolve_href, same_place};
use seedbed_storage::Location;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The documents above one that was linked to.
#[derive(Debug, Clone)]
pub struct Above {
    /// The document that links to it.
    pub parent: Location,
    /// The document that the reading began with.
    pub root: Arc<Root>,
    /// The nearest collection above: where it is, its id, and its place among the covers.
    pub collection: Option<Arc<(Location, String, usize)>>,
}

/// The document that the reading began with.
#[derive(Debug)]
pub struct Root {
    /// Where its own `root` link leads.
    pub at: Option<Location>,
}

impl Root {
    /// Of the document that was read first.
    pub fn of(document: &Value, at: &Location) -> Self {
        let named = crate::document::links(document).find(|l| text(l, "rel") == Some("root"));
        Self { at: named.and_then(|l| text(l, "href")).and_then(|href| resolve_href(Some(at), href).ok()) }
    }
}

/// Checks what a link that names a relative of the document leads to: `target`,
/// by the `n`th link. Whether it was found to be right without looking at files.
pub fn check(
    link: &Map<String, Value>,
    n: usize,
    target: &Location,
    at: &Location,
    above: Option<&Above>,
    problems: &mut Vec<Problem>,
) -> bool {
    let path = || format!("/links/{n}/href");
    let rel = text(link, "rel");
    if rel == Some("self") {
        if comparable(target, at) && !same_place(target, at) {
            let message = format!("`self` leads to {target}, not to this document");
            problems.push(Problem::new(Check::Link, path(), message));
        }
        return target == at;
    }
    let Some(above) = above else { return false };
    let (named, message) = match rel {
        Some("parent") => {
            (Some(&above.parent), format!("`parent` isn't {}, which links to this document", above.parent))
        }
        Some("root") => {
            let root = above.root.at.as_ref();
            (
                root,
                format!(
                    "`root` isn't {}, as for the documents above",
                    root.map_or_else(String::new, ToString::to_string)
                ),
            )
        }
        Some("collection") => {
            let collection = above.collection.as_deref();
            let shown = collection.map_or_else(String::new, |c| format!("{} at {}", c.1, c.0));
            (collection.map(|c| &c.0), format!("`collection` isn't {shown}, which this hangs under"))
        }
        _ => return false,
    };
    let Some(named) = named else { return false };
    if target == named {
        return true;
    }
    if comparable(target, named) && !same_place(target, named) {
        problems.push(Problem::new(Check::Link, path(), message));
    }
    false
}

/// Whether two addresses can be held against each other: a tree read from a disk
/// may well name the address where it is published.
fn comparable(a: &Location, b: &Location) -> bool {
    match (a, b) {
        (Location::Local(_), Location::Local(_)) => true,
        (Location::Http(a), Location::Http(b)) => a.origin() == b.origin(),
        _ => a.scheme() == b.scheme(),
    }
}
