//! From TOML to a checked definition, with the place of whatever is wrong.

use super::document::{Document, GridStrategy, GridTable, SourceTable};
use super::error::position;
use super::{About, Definition, DefinitionError, Group, Source};
use crate::grid::GridClaim;
use crate::nearest::nearest;
use crate::pattern::{Names, whole};
use crate::template::Template;
use regex::Regex;
use seedbed_grid::{Affine, Shape2d};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::{DeTable, DeValue};

/// Reads and checks a definition.
pub(super) fn definition(file: &str, text: &str) -> Result<Definition, DefinitionError> {
    let document: Document = toml::from_str(text).map_err(|e| syntax(file, text, &e))?;
    let at = Place { file, text };
    let names = names(&document, &at)?;
    let keys = names.keys();
    let source = source(&document.source, &at)?;
    let group = group(&document, &keys, &at)?;
    if let Some(folders) = &source.granule_names {
        known(folders, &keys, &["source", "granule_names"], &at)?;
    }
    let mut grids = BTreeMap::new();
    for (name, table) in &document.grids {
        grids.insert(name.clone(), grid(name, table, &keys, &at)?);
    }
    if group.grid.keys().next().is_none() {
        let name = group.grid.render(&BTreeMap::new());
        one_of(&name, grids.keys(), &["group", "grid"], "grid", &at)?;
    }
    for asset in group.assets.iter().filter(|a| a.keys().next().is_none()) {
        one_of(&asset.render(&BTreeMap::new()), document.assets.keys(), &["group", "asset"], "asset", &at)?;
    }
    let root = document.root.parse().map_err(|e| at.wrong(&["root"], format!("{e}"), None))?;
    if document.assets.is_empty() {
        return Err(at.wrong(&["assets"], "no asset is defined".to_owned(), None));
    }
    if !document.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        || document.name.is_empty()
    {
        let reason = format!("`{}` is no name: letters, digits, `-`, `_` and `.`", document.name);
        return Err(at.wrong(&["name"], reason, None));
    }
    Ok(Definition {
        text: text.to_owned(),
        about: About {
            name: document.name,
            title: document.title,
            description: document.description.trim().to_owned(),
            licence: document.licence,
            licence_url: document.licence_url,
            home: document.home,
            doi: document.doi,
            citation: document.citation,
            keywords: document.keywords,
            providers: document.providers,
        },
        root,
        source,
        names,
        keys,
        group,
        assets: document.assets,
        grids,
    })
}

fn names(document: &Document, at: &Place<'_>) -> Result<Names, DefinitionError> {
    let compile = |patterns: &[String], key: &str| -> Result<Vec<Regex>, DefinitionError> {
        patterns
            .iter()
            .map(|p| {
                whole(p).map_err(|e| {
                    let reason = e.to_string();
                    let last = reason.lines().last().unwrap_or("it does not parse").to_owned();
                    at.wrong(&[key], format!("`{p}` is no pattern: {last}"), None)
                })
            })
            .collect()
    };
    let granules = compile(document.pattern.as_slice(), "pattern")?;
    if granules.is_empty() {
        return Err(at.wrong(&["pattern"], "no pattern is given".to_owned(), None));
    }
    Ok(Names::new(granules, compile(&document.ignore, "ignore")?))
}

fn source(table: &SourceTable, at: &Place<'_>) -> Result<Source, DefinitionError> {
    for key in table.given() {
        if !table.kind.keys().contains(&key) {
            let reason = format!("`{key}` means nothing for a source of kind `{}`", table.kind.name());
            return Err(at.wrong(&["source", key], reason, None));
        }
    }
    let template = |text: &Option<String>, key: &str| {
        text.as_deref()
            .map(|t| Template::parse(t).map_err(|reason| at.wrong(&["source", key], reason, None)))
            .transpose()
    };
    Ok(Source {
        kind: table.kind,
        address: table.address.clone().unwrap_or_default(),
        parameters: table.parameters.clone().unwrap_or_default(),
        suffix: table.suffix.clone().unwrap_or_default(),
        granule_names: template(&table.granule_names, "granule_names")?,
        page_size: table.page_size.unwrap_or(1000),
        collections: table.collections.clone().unwrap_or_default(),
        folders: template(&table.folders, "folders")?,
        service: table.service.clone().unwrap_or_else(|| "HTTPServer".to_owned()),
    })
}

fn group(document: &Document, keys: &BTreeSet<String>, at: &Place<'_>) -> Result<Group, DefinitionError> {
    let table = &document.group;
    let template = |text: &str, path: &[&str]| {
        let template = Template::parse(text).map_err(|reason| at.wrong(path, reason, None))?;
        known(&template, keys, path, at)?;
        Ok::<_, DefinitionError>(template)
    };
    let id = template(&table.id, &["group", "id"])?;
    let slot = match &table.slot {
        Some(slot) => template(slot, &["group", "slot"])?,
        None => id.clone(),
    };
    let assets: Result<Vec<_>, _> =
        table.asset.as_slice().iter().map(|a| template(a, &["group", "asset"])).collect();
    let mut properties = BTreeMap::new();
    for (name, text) in &table.properties {
        properties.insert(name.clone(), template(text, &["group", "properties", name])?);
    }
    if let Some(key) = table.time.strategy.keys().iter().find(|k| !keys.contains(**k)) {
        let reason = format!("this strategy needs a capture `{key}`, which not every pattern has");
        return Err(at.wrong(&["group", "time", "strategy"], reason, None));
    }
    if let Some(prefer) = table.prefer.iter().find(|p| !keys.contains(&p.capture)) {
        return Err(at.no_capture(&["group", "prefer"], &prefer.capture, keys));
    }
    Ok(Group {
        id,
        slot,
        assets: assets?,
        grid: template(&table.grid, &["group", "grid"])?,
        strategy: table.time.strategy,
        calendar: table.time.calendar,
        properties,
        prefer: table.prefer.clone(),
    })
}

fn grid(
    name: &str,
    table: &GridTable,
    keys: &BTreeSet<String>,
    at: &Place<'_>,
) -> Result<GridClaim, DefinitionError> {
    let path = ["grids", name];
    match (table.strategy, &table.crs, table.shape, table.transform) {
        (None, Some(crs), Some([rows, cols]), Some(transform)) if table.pixels.is_none() => {
            if rows == 0 || cols == 0 {
                return Err(at.wrong(
                    &["grids", name, "shape"],
                    "a grid has at least one pixel".to_owned(),
                    None,
                ));
            }
            let affine = Affine::from(transform);
            if affine.inverse().is_none() {
                let reason = "the transform is singular".to_owned();
                return Err(at.wrong(&["grids", name, "transform"], reason, None));
            }
            let shape = Shape2d { rows, cols };
            Ok(GridClaim::Fixed { crs: crs.clone(), shape, affine, bbox: table.bbox })
        }
        (Some(GridStrategy::ModisSinusoidal), None, None, None) if table.bbox.is_none() => {
            let Some(pixels) = table.pixels.filter(|p| *p > 0) else {
                let reason = "`modis-sinusoidal` needs `pixels`, the pixels along a tile's edge".to_owned();
                return Err(at.wrong(&path, reason, None));
            };
            if let Some(key) = ["h", "v"].into_iter().find(|k| !keys.contains(*k)) {
                return Err(at.no_capture(&["grids", name, "strategy"], key, keys));
            }
            Ok(GridClaim::ModisSinusoidal { pixels })
        }
        (Some(_), ..) => {
            Err(at.wrong(&path, "a grid with a strategy has `pixels` and nothing else".to_owned(), None))
        }
        _ => Err(at.wrong(
            &path,
            "a grid has `crs`, `shape` and `transform`, or a `strategy`".to_owned(),
            None,
        )),
    }
}

/// Whether the patterns capture all that a template needs.
fn known(
    template: &Template,
    keys: &BTreeSet<String>,
    path: &[&str],
    at: &Place<'_>,
) -> Result<(), DefinitionError> {
    match template.keys().find(|k| !keys.contains(*k)) {
        Some(key) => Err(at.no_capture(path, key, keys)),
        None => Ok(()),
    }
}

fn one_of<'a>(
    name: &str,
    there: impl Iterator<Item = &'a String> + Clone,
    path: &[&str],
    what: &str,
    at: &Place<'_>,
) -> Result<(), DefinitionError> {
    if there.clone().any(|n| n == name) {
        return Ok(());
    }
    let nearest = nearest(name, there.map(String::as_str)).map(str::to_owned);
    Err(at.wrong(path, format!("there is no {what} `{name}`"), nearest))
}

/// The text that errors point into.
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn wrong(
        &self,
        path: &[&str],
        reason: impl std::fmt::Display,
        nearest: Option<String>,
    ) -> DefinitionError {
        let (line, column) = position(self.text, self.byte_of(path).unwrap_or(0));
        DefinitionError::Invalid {
            file: self.file.to_owned(),
            line,
            column,
            key: Some(path.join(".")),
            nearest,
            reason: format!("`{}`: {reason}", path.join(".")),
        }
    }

    fn no_capture(&self, path: &[&str], key: &str, keys: &BTreeSet<String>) -> DefinitionError {
        let nearest = nearest(key, keys.iter().map(String::as_str)).map(str::to_owned);
        self.wrong(path, format!("not every pattern captures `{key}`"), nearest)
    }

    /// Where the key at that path (or the last part of it that is there) stands.
    fn byte_of(&self, path: &[&str]) -> Option<usize> {
        let document = DeTable::parse(self.text).ok()?;
        let mut table = document.into_inner();
        let mut byte = None;
        for name in path {
            let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == *name) else { break };
            byte = Some(key.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => table = inner.clone(),
                _ => break,
            }
        }
        byte
    }
}

/// What the TOML reader says, with the nearest of the names that it expected.
fn syntax(file: &str, text: &str, error: &toml::de::Error) -> DefinitionError {
    let (line, column) = position(text, error.span().map_or(0, |s| s.start));
    let message = error.message().trim().to_owned();
    // serde: "unknown field `titel`, expected one of `name`, `title`" (or variant).
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let (key, nearest, reason) = match quoted.split_first() {
        Some((name, expected)) if unknown => {
            let what = if message.starts_with("unknown field") { "key" } else { "value" };
            let nearest = nearest(name, expected.iter().copied()).map(str::to_owned);
            let reason = match nearest {
                Some(_) => format!("unknown {what} `{name}`"),
                None => format!("unknown {what} `{name}` (known: {})", expected.join(", ")),
            };
            (Some((*name).to_owned()), nearest, reason)
        }
        other => (other.map(|(name, _)| (*name).to_owned()), None, message.clone()),
    };
    DefinitionError::Invalid { file: file.to_owned(), line, column, key, nearest, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "x"
title = "X"
description = "An archive."
licence = "CC0-1.0"
root = "https://host/data/"
pattern = 'x_(?P<year>\d{4})\.nc'

[source]
kind = "index"
address = "years"

[group]
id = "x-{year}"
asset = "x"
grid = "g"
time = { strategy = "year" }

[assets.x]
title = "X"
media_type = "application/netcdf"

[grids.g]
crs = "EPSG:4326"
shape = [2, 3]
transform = [1, 0, 10, 0, -1, 20]
"#;

    fn error(from: &str, to: &str) -> (usize, usize, Option<String>, String) {
        assert!(GOOD.contains(from), "{from}");
        match definition("x.toml", &GOOD.replacen(from, to, 1)) {
            Err(DefinitionError::Invalid { line, column, nearest, reason, .. }) => {
                (line, column, nearest, reason)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_small_definition_reads() {
        let d = definition("x.toml", GOOD).unwrap();
        assert_eq!(d.where_keys().collect::<Vec<_>>(), ["year"]);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest() {
        let (line, column, nearest, reason) = error("address = ", "adress = ");
        assert_eq!((line, column, nearest.as_deref()), (11, 1, Some("address")));
        assert!(reason.contains("unknown key `adress`"), "{reason}");
        let (line, _, nearest, _) = error("licence = ", "license = ");
        assert_eq!((line, nearest.as_deref()), (5, Some("licence")));
        let (line, _, nearest, _) = error("media_type", "mediatype");
        assert_eq!((line, nearest.as_deref()), (21, Some("media_type")));
        let (_, _, nearest, reason) = error("kind = \"index\"", "kind = \"indx\"");
        assert_eq!(nearest.as_deref(), Some("index"));
        assert!(reason.contains("unknown value `indx`"), "{reason}");
    }

    #[test]
    fn mistakes_of_meaning_have_a_place_too() {
        let (line, column, nearest, _) = error("x-{year}", "x-{yaer}");
        assert_eq!((line, column, nearest.as_deref()), (14, 1, Some("year")));
        let (line, ..) = error("address = \"years\"", "address = \"years\"\nsuffix = \"nc\"");
        assert_eq!(line, 12);
        assert_eq!(error("asset = \"x\"", "asset = \"y\"").0, 15);
        assert_eq!(error("grid = \"g\"", "grid = \"h\"").0, 16);
        assert_eq!(error(r"\d{4})", r"\d{4}").0, 7);
        assert_eq!(error("strategy = \"year\"", "strategy = \"date\"").0, 17);
        assert_eq!(error("shape = [2, 3]", "shape = [0, 3]").0, 25);
        assert_eq!(error("crs = \"EPSG:4326\"\n", "").0, 23);
        assert_eq!(error("title = \"X\"", "title = 3").0, 3);
        assert!(error("name = \"x\"\n", "").3.contains("name"));
        assert_eq!(error("title = \"X\"", "title = ").0, 3);
    }
}
