//! Where a copy goes.

use crate::href::{absolute, safe_name};
use crate::links::tree_of;
use crate::{CatalogError, Item};
use std::fmt;
use std::str::FromStr;

/// A path below the destination folder, with placeholders in braces:
/// `{folder}` (that of the item's document in its tree; `{collection}/{item}` of
/// an item without a document of its own in a tree), `{collection}`, `{item}` (or `{id}`), `{asset}`, `{filename}` (the name at the archive,
/// without a query), `{ext}` (its ending, with the dot), `{year}`, `{month}`, `{day}` (of the item's first day).
///
/// ```
/// use seedbed_catalog::copy::Template;
/// let t: Template = "{collection}/{year}/{filename}".parse()?;
/// assert!("{collection}/{tile}/x".parse::<Template>().is_err());
/// # Ok::<(), seedbed_catalog::CatalogError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Folder,
    Collection,
    Item,
    Asset,
    Filename,
    Ext,
    Year,
    Month,
    Day,
}

impl Default for Template {
    /// `{folder}/{filename}`.
    fn default() -> Self {
        let pieces = vec![Piece::Folder, Piece::Text("/".to_owned()), Piece::Filename];
        Self { text: "{folder}/{filename}".to_owned(), pieces }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Template {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let bad = |reason: String| CatalogError::Template { template: text.to_owned(), reason };
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| bad("a brace isn't closed".to_owned()))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(match name {
                "folder" => Piece::Folder,
                "collection" => Piece::Collection,
                "item" | "id" => Piece::Item,
                "asset" => Piece::Asset,
                "filename" => Piece::Filename,
                "ext" => Piece::Ext,
                "year" => Piece::Year,
                "month" => Piece::Month,
                "day" => Piece::Day,
                other => {
                    return Err(bad(format!(
                        "`{{{other}}}` is none of folder, collection, item, id, asset, filename, ext, year, month, day"
                    )));
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if text.starts_with('/') || text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(bad("it must be a relative path without empty or dotted parts".to_owned()));
        }
        if !pieces.iter().any(|p| matches!(p, Piece::Filename | Piece::Asset)) {
            return Err(bad(
                "without {filename} or {asset} the files of an item would have one name".to_owned()
            ));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }
}

impl Template {
    /// The path for one file. Names are made safe for files: a value can't
    /// bring a slash along.
    ///
    /// # Errors
    /// [`CatalogError::Template`] if it needs a date and the item has none.
    pub fn fill(&self, item: &Item, asset: &str, filename: &str) -> Result<String, CatalogError> {
        let day = || {
            item.start().ok_or_else(|| CatalogError::Template {
                template: self.text.clone(),
                reason: format!("item {} has no date", item.id()),
            })
        };
        let mut path = String::new();
        let padded = |n: i16, width: usize| format!("{n:0width$}");
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Folder => path.push_str(&folder_of(item)),
                Piece::Collection => path.push_str(&collection_of(item)),
                Piece::Item => path.push_str(&safe_name(item.id())),
                Piece::Asset => path.push_str(&safe_name(asset)),
                Piece::Filename => path.push_str(&safe_name(filename)),
                Piece::Ext => {
                    let ending = filename.rfind('.').filter(|dot| *dot > 0).map(|dot| &filename[dot..]);
                    path.push_str(&ending.map(safe_name).filter(|e| e.len() > 1).unwrap_or_default());
                }
                Piece::Year => path.push_str(&padded(day()?.year(), 4)),
                Piece::Month => path.push_str(&padded(day()?.month().into(), 2)),
                Piece::Day => path.push_str(&padded(day()?.day().into(), 2)),
            }
        }
        Ok(path)
    }
}

impl Template {
    /// Whether a file's own name is in its path, so that it can be told from others of that name.
    pub(super) fn has_filename(&self) -> bool {
        self.pieces.contains(&Piece::Filename)
    }

    /// The folder of an item's files, where the template has one for each item.
    pub(super) fn folder(&self, item: &Item) -> Option<String> {
        let ends =
            |n: usize| matches!(self.pieces.get(n + 1), Some(Piece::Text(text)) if text.starts_with('/'));
        let begins = |n: usize| match n.checked_sub(1).map(|before| &self.pieces[before]) {
            Some(Piece::Text(text)) => text.ends_with('/'),
            before => before.is_none(),
        };
        let is_own = |n: usize| matches!(self.pieces[n], Piece::Item | Piece::Folder) && begins(n) && ends(n);
        let has_one = (0..self.pieces.len()).any(is_own);
        has_one.then(|| self.fill(item, "-", "-").ok()).flatten()
    }
}

fn collection_of(item: &Item) -> String {
    safe_name(item.collection().unwrap_or("no-collection"))
}

/// The folder of an item's document below that of its tree's root.
fn folder_of(item: &Item) -> String {
    let in_tree = item.location().filter(|_| item.has_own_document()).and_then(|at| {
        let link = absolute(at).parent()?.relative_to(&absolute(&tree_of(item, at)))?;
        let names: Vec<String> =
            link.strip_prefix("./")?.split('/').filter(|name| !name.is_empty()).map(safe_name).collect();
        (!names.is_empty()).then(|| names.join("/"))
    });
    in_tree.unwrap_or_else(|| format!("{}/{}", collection_of(item), safe_name(item.id())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_are_filled_with_safe_names() {
        let mut item = Item::new("a/b");
        item.set_field("collection", json!("c d"));
        let default = Template::default();
        assert_eq!(default.fill(&item, "x", "f.nc").unwrap(), "c_d/a_b/f.nc");
        assert_eq!(default, default.to_string().parse().unwrap());
        item.set_field("links", json!([{"rel": "root", "href": "../../../catalog.json"}]));
        let split = item.clone().in_own_document("/cat/c/na/2003/i.json".parse().unwrap());
        assert_eq!(default.fill(&split, "x", "f.nc").unwrap(), "c/na/2003/f.nc");
        let remote = item.clone().in_own_document("https://h.org/cat/c/na/2003/i.json".parse().unwrap());
        assert_eq!(default.fill(&remote, "x", "f.nc").unwrap(), "c/na/2003/f.nc");
        let top = item.clone().in_own_document("/i.json".parse().unwrap());
        assert_eq!(default.fill(&top, "x", "f.nc").unwrap(), "c_d/a_b/f.nc");
        let dated: Template = "{year}-{month}-{day}_{asset}.nc".parse().unwrap();
        assert!(dated.fill(&item, "x", "f.nc").unwrap_err().to_string().contains("a/b"));
        item.set_property("datetime", json!("2003-02-01T00:00:00Z"));
        assert_eq!(dated.fill(&item, "x", "f.nc").unwrap(), "2003-02-01_x.nc");
        let ending: Template = "{year}/{id}_{asset}{ext}".parse().unwrap();
        for (name, expected) in [("f.tar.gz", "2003/a_b_x.gz"), ("f", "2003/a_b_x"), (".f", "2003/a_b_x")] {
            assert_eq!(ending.fill(&item, "x", name).unwrap(), expected);
        }
    }

    #[test]
    fn bad_templates_say_why() {
        for (text, why) in [
            ("{colection}/{filename}", "colection"),
            ("{filename", "closed"),
            ("../{filename}", "relative"),
            ("/x/{filename}", "relative"),
            ("{item}", "one name"),
        ] {
            let error = text.parse::<Template>().unwrap_err();
            assert!(error.to_string().contains(why) && error.is_usage(), "{error}");
        }
    }
}
