//! Where documents go in a tree, as templates in pystac's form: `${region}/${year}`.

use crate::href::safe_name;
use crate::{CatalogError, Item};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// Names of folders, one within the other, made from an item.
///
/// `${year}`, `${month}`, `${day}` and `${date}` are those of the item's datetime, or
/// else of its start; `${id}` and `${collection}` are its own; every other name is a
/// property, `${properties.x}` also one that is called like one of these.
/// `${name:-text}` stands for `text` where an item lacks it.
///
/// ```
/// use seedbed_catalog::{Item, Layout};
/// let layout: Layout = "${region:-all}/${year}".parse()?;
/// let mut item = Item::new("a");
/// item.set_property("datetime", "2003-06-01T12:00:00Z".into());
/// assert_eq!(layout.place(&item)?, ["all", "2003"]);
/// # Ok::<(), seedbed_catalog::CatalogError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    text: String,
    levels: Vec<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable { name: String, default: Option<String> },
}

impl FromStr for Layout {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let bad = |reason: &str| CatalogError::Layout { layout: text.to_owned(), reason: reason.to_owned() };
        let levels: Result<Vec<_>, _> =
            text.trim_matches('/').split('/').map(|level| parts(level).map_err(|r| bad(&r))).collect();
        let levels = levels?;
        if levels.iter().any(Vec::is_empty) {
            return Err(bad("a level has no name"));
        }
        Ok(Self { text: text.to_owned(), levels })
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parts(level: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = level;
    while let Some((before, after)) = rest.split_once("${") {
        let (inner, tail) = after.split_once('}').ok_or("a `${` has no `}`")?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (inner, None),
        };
        if name.is_empty() || default.as_deref() == Some("") {
            return Err("write ${name} or ${name:-default}".to_owned());
        }
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(Part::Variable { name: name.to_owned(), default });
        rest = tail;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

impl Layout {
    /// The names for an item, safe as names of folders.
    ///
    /// # Errors
    /// [`CatalogError::Layout`] naming the item and what it lacks.
    pub fn place(&self, item: &Item) -> Result<Vec<String>, CatalogError> {
        self.levels.iter().map(|level| self.name(level, item).map(|name| safe_name(&name))).collect()
    }

    fn name(&self, level: &[Part], item: &Item) -> Result<String, CatalogError> {
        let mut name = String::new();
        for part in level {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Variable { name: variable, default } => {
                    let value = value(item, variable).or_else(|| default.clone());
                    name.push_str(&value.ok_or_else(|| CatalogError::Layout {
                        layout: self.text.clone(),
                        reason: format!(
                            "{} has no `{variable}`; ${{{variable}:-none}} gives it a name",
                            item.name()
                        ),
                    })?);
                }
            }
        }
        Ok(name)
    }
}

/// What a variable stands for in an item.
fn value(item: &Item, name: &str) -> Option<String> {
    let day = || item.day();
    match name {
        "id" => return Some(item.id().to_owned()),
        "collection" => return item.collection().map(str::to_owned),
        "year" => return Some(format!("{:04}", day()?.year())),
        "month" => return Some(format!("{}", day()?.month())),
        "day" => return Some(format!("{}", day()?.day())),
        "date" => return Some(day()?.to_string()),
        _ => {}
    }
    match item.property(name.strip_prefix("properties.").unwrap_or(name))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// An item's document within the folder of the catalog or collection that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemLayout(Layout);

impl Default for ItemLayout {
    /// A folder for each item, as the best practices have it: `${id}/${id}.json`.
    fn default() -> Self {
        let id = || vec![Part::Variable { name: "id".to_owned(), default: None }];
        let document = id().into_iter().chain([Part::Text(".json".to_owned())]).collect();
        Self(Layout { text: "${id}/${id}.json".to_owned(), levels: vec![id(), document] })
    }
}

impl FromStr for ItemLayout {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let layout: Layout = text.parse()?;
        let named = layout.levels.iter().flatten();
        let by_id = named.clone().any(|p| matches!(p, Part::Variable { name, .. } if name == "id"));
        if !text.ends_with(".json") || !by_id {
            let reason = "an item's document is called by its ${id} and ends in .json";
            return Err(CatalogError::Layout { layout: text.to_owned(), reason: reason.to_owned() });
        }
        Ok(Self(layout))
    }
}

impl fmt::Display for ItemLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ItemLayout {
    /// The path of an item's document, by its names.
    ///
    /// # Errors
    /// As [`Layout::place`].
    pub fn place(&self, item: &Item) -> Result<Vec<String>, CatalogError> {
        self.0.place(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item() -> Item {
        let mut item = Item::new("i/1");
        item.set_field("collection", json!("c"));
        item.set_property("start_datetime", json!("2003-02-03T00:00:00Z"));
        item.set_property("region", json!("na"));
        item.set_property("year", json!(1999));
        item.set_property("flag", json!(true));
        item.set_property("list", json!([1]));
        item
    }

    #[test]
    fn variables_are_times_and_properties() {
        for (layout, expected) in [
            ("${region}/${year}", vec!["na", "2003"]),
            ("${collection}/${month}-${day}/${date}", vec!["c", "2-3", "2003-02-03"]),
            ("${properties.year}", vec!["1999"]),
            ("${flag}/x", vec!["true", "x"]),
            ("${nothing:-none}", vec!["none"]),
            ("/${region}/", vec!["na"]),
        ] {
            assert_eq!(layout.parse::<Layout>().unwrap().place(&item()).unwrap(), expected, "{layout}");
        }
        assert_eq!(ItemLayout::default().place(&item()).unwrap(), ["i_1", "i_1.json"]);
        assert_eq!(ItemLayout::default().to_string().parse::<ItemLayout>().unwrap(), ItemLayout::default());
    }

    #[test]
    fn what_an_item_lacks_is_named() {
        for layout in ["${nothing}", "${list}"] {
            let error = layout.parse::<Layout>().unwrap().place(&item()).unwrap_err().to_string();
            assert!(error.contains("i/1") && error.contains(&layout[2..layout.len() - 1]), "{error}");
        }
        assert!("${year}".parse::<Layout>().unwrap().place(&Item::new("timeless")).is_err());
    }

    #[test]
    fn templates_that_make_no_names_are_refused() {
        for bad in ["", "a//b", "${year", "${}", "${year:-}"] {
            assert!(bad.parse::<Layout>().is_err(), "{bad}");
        }
        for bad in ["${id}", "item.json", "${year}.json"] {
            assert!(bad.parse::<ItemLayout>().is_err(), "{bad}");
        }
    }
}
