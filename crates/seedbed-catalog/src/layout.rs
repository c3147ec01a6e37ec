//! Where a tree's documents go: templates in pystac's syntax.

use crate::href::safe_name;
use crate::{CatalogError, Item, time};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Names of folders, one a level, with placeholders: `${region}/${year}`.
///
/// `${year}`, `${month}`, `${day}` and `${date}` are of `datetime`, or else of
/// `start_datetime`, in UTC and without leading zeros, as pystac has them;
/// `${id}` and `${collection}` are the item's; any other name is one of its
/// `properties`, or a path from its top, such as `${properties.region}`. For items
/// that lack it `${region:-none}` has another value.
///
/// ```
/// use seedbed_catalog::{Item, Layout};
/// let layout: Layout = "${region}/${year}".parse()?;
/// let mut item = Item::new("a");
/// item.set_property("region", "na".into());
/// item.set_property("datetime", "2003-07-01T12:00:00Z".into());
/// assert_eq!(layout.fill(&item)?, ["na", "2003"]);
/// # Ok::<(), seedbed_catalog::CatalogError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    text: String,
    levels: Vec<Vec<Piece>>,
    defaults: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name {
        name: String,
        /// For items that lack it.
        or: Option<String>,
    },
}

impl Piece {
    /// What is between the braces: `name` or `name:-default`.
    fn of(inner: &str) -> Result<Self, String> {
        let (name, or) = inner.split_once(":-").map_or((inner, None), |(name, or)| (name, Some(or)));
        match (name, or) {
            ("", _) => Err(format!("`${{{inner}}}` names nothing")),
            (_, Some("")) => Err(format!("`${{{inner}}}` has an empty default")),
            _ => Ok(Self::Name { name: name.to_owned(), or: or.map(str::to_owned) }),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Layout {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let bad = |reason: String| CatalogError::Layout { layout: text.to_owned(), reason };
        let mut levels = Vec::new();
        for level in text.split('/') {
            if matches!(level, "" | "." | "..") {
                return Err(bad("it must be names of folders, without empty or dotted ones".to_owned()));
            }
            let mut pieces = Vec::new();
            let mut rest = level;
            while let Some((before, after)) = rest.split_once("${") {
                let (name, after) =
                    after.split_once('}').ok_or_else(|| bad(format!("a brace of `{level}` isn't closed")))?;
                if !before.is_empty() {
                    pieces.push(Piece::Text(before.to_owned()));
                }
                pieces.push(Piece::of(name).map_err(bad)?);
                rest = after;
            }
            if rest.contains(['{', '}', '$']) {
                return Err(bad(format!("`{level}` is neither a name nor written like `${{name}}`")));
            }
            if !rest.is_empty() {
                pieces.push(Piece::Text(rest.to_owned()));
            }
            levels.push(pieces);
        }
        Ok(Self { text: text.to_owned(), levels, defaults: BTreeMap::new() })
    }
}

impl Layout {
    /// With a value for items that lack what `name` means.
    #[must_use]
    pub fn with_default(mut self, name: &str, value: &str) -> Self {
        self.defaults.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Whether it may look at a document's field of this name.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.levels.iter().flatten().any(|piece| match piece {
            Piece::Name { name, .. } => name.split('.').next() == Some(field),
            Piece::Text(_) => false,
        })
    }

    /// The names of an item's folders, safe for files.
    ///
    /// # Errors
    /// [`CatalogError::Layout`] naming the item and the property it lacks.
    pub fn fill(&self, item: &Item) -> Result<Vec<String>, CatalogError> {
        self.levels.iter().map(|level| self.fill_level(level, item)).collect()
    }

    fn fill_level(&self, level: &[Piece], item: &Item) -> Result<String, CatalogError> {
        let mut name = String::new();
        for piece in level {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Name { name: wanted, or } => {
                    let default = || or.as_ref().or_else(|| self.defaults.get(wanted)).cloned();
                    let found = value_of(item, wanted).or_else(default);
                    name.push_str(&found.ok_or_else(|| CatalogError::Layout {
                        layout: self.text.clone(),
                        reason: format!("{} has no `{wanted}`", item.name()),
                    })?);
                }
            }
        }
        Ok(safe_name(&name))
    }

    /// What each level stands for, for people: `region na`.
    pub(crate) fn title(&self, level: usize, name: &str) -> String {
        match self.levels.get(level).map(Vec::as_slice) {
            Some([Piece::Name { name: property, .. }]) => format!("Items with {property} {name}"),
            _ => format!("Items of {name}"),
        }
    }
}

/// What a placeholder means for an item, as text.
fn value_of(item: &Item, name: &str) -> Option<String> {
    let day = || {
        let text = item.property("datetime").and_then(Value::as_str);
        text.or_else(|| item.property("start_datetime").and_then(Value::as_str)).and_then(time::date)
    };
    match name {
        "year" => day().map(|d| d.year().to_string()),
        "month" => day().map(|d| d.month().to_string()),
        "day" => day().map(|d| d.day().to_string()),
        "date" => day().map(|d| d.to_string()),
        "id" => Some(item.id().to_owned()),
        "collection" => item.collection().map(str::to_owned),
        _ => {
            let found = item
                .property(name)
                .or_else(|| name.split('.').try_fold(item.as_value(), |value, part| value.get(part)))?;
            match found {
                Value::String(text) => Some(text.clone()),
                Value::Number(_) | Value::Bool(_) => Some(found.to_string()),
                _ => None,
            }
        }
    }
}

/// The path of an item's document inside the folder of its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemLayout(Layout);

impl Default for ItemLayout {
    /// That of the STAC best practices: `${id}/${id}.json`.
    fn default() -> Self {
        let id = || Piece::Name { name: "id".to_owned(), or: None };
        let file = vec![id(), Piece::Text(".json".to_owned())];
        let text = "${id}/${id}.json".to_owned();
        Self(Layout { text, levels: vec![vec![id()], file], defaults: BTreeMap::new() })
    }
}

impl ItemLayout {
    /// `${id}.json`: every document beside its parent.
    #[must_use]
    pub fn flat() -> Self {
        let mut layout = Self::default().0;
        "${id}.json".clone_into(&mut layout.text);
        layout.levels.remove(0);
        Self(layout)
    }

    /// The document's path.
    ///
    /// # Errors
    /// As [`Layout::fill`].
    pub fn fill(&self, item: &Item) -> Result<String, CatalogError> {
        Ok(self.0.fill(item)?.join("/"))
    }
}

impl FromStr for ItemLayout {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let layout: Layout = text.parse()?;
        if text.rsplit_once('.').is_none_or(|(_, ending)| ending != "json") || !text.contains("${id}") {
            let reason = "the path of an item's document ends in .json and has `${id}` in it".to_owned();
            return Err(CatalogError::Layout { layout: layout.text, reason });
        }
        Ok(Self(layout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_mean_dates_ids_and_properties() {
        let mut item = Item::new("a/b");
        item.set_field("collection", json!("c"));
        item.set_property("start_datetime", json!("2003-02-01T00:00:00-02:00"));
        item.set_property("tile", json!({"h": 12}));
        item.set_property("proj:code", json!("EPSG:5070"));
        for (text, expected) in [
            ("${year}/${month}/${day}", vec!["2003", "2", "1"]),
            ("${date}", vec!["2003-02-01"]),
            ("by-${id}/${collection}", vec!["by-a_b", "c"]),
            ("h${properties.tile.h}/${proj:code}", vec!["h12", "EPSG_5070"]),
        ] {
            assert_eq!(text.parse::<Layout>().unwrap().fill(&item).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_item() {
        let layout: Layout = "${region}".parse().unwrap();
        let error = layout.fill(&Item::new("a")).unwrap_err();
        assert!(error.to_string().contains("item a has no `region`") && error.is_usage(), "{error}");
        assert_eq!(layout.with_default("region", "none").fill(&Item::new("a")).unwrap(), ["none"]);
        let layout: Layout = "${region:-none}/x-${proj:code:-0}".parse().unwrap();
        assert_eq!(layout.fill(&Item::new("a")).unwrap(), ["none", "x-0"]);
        let mut item = Item::new("a");
        item.set_property("region", json!("na"));
        assert_eq!(layout.fill(&item).unwrap(), ["na", "x-0"]);
    }

    #[test]
    fn bad_layouts_say_why() {
        for text in ["", "/a", "a//b", "../a", "${a", "${}", "${:-x}", "${a:-}", "{year}", "$year"] {
            assert!(text.parse::<Layout>().is_err(), "{text}");
        }
        assert!("${id}.txt".parse::<ItemLayout>().is_err());
        assert!("x.json".parse::<ItemLayout>().is_err());
        assert_eq!("${id}/${id}.json".parse::<ItemLayout>().unwrap(), ItemLayout::default());
        assert_eq!("${id}.json".parse::<ItemLayout>().unwrap(), ItemLayout::flat());
    }
}
