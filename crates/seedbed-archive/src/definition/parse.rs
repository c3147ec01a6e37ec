//! From TOML to a checked definition, with the place of whatever is wrong.

use super::document::{Document, GridStrategy, GridTable, SourceTable};
use super::error::position;
use super::{About, Definition, DefinitionError, Group, Kind, Source};
use crate::calendar::Strategy;
use crate::grid::GridClaim;
use crate::nearest::nearest;
use crate::pattern::{Names, whole};
use crate::template::Template;
use jiff::civil::Date;
use seedbed_grid::{Affine, Shape2d};
use seedbed_storage::Location;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::{DeTable, DeValue};

/// Captures that no pattern has to have: of the file's name, and what some listings tell.
const TOLD: [&str; 4] = ["name", "stem", "release", "update"];
/// What templates of addresses may use beside listed values: parts of dates.
const OF_DATES: [&str; 7] = ["date", "year", "month", "day", "doy", "start", "end"];

/// Reads and checks a definition.
pub(super) fn definition(file: &str, text: &str) -> Result<Definition, DefinitionError> {
    let document: Document = toml::from_str(text).map_err(|e| syntax(file, text, &e))?;
    let at = Place { file, text };
    let names = names(&document, &at)?;
    let mut keys = names.keys();
    let sources = sources(&document, &keys, &at)?;
    let group = group(&document, &keys, &at)?;
    enough(&names, &sources, &group, &at)?;
    let mut grids = BTreeMap::new();
    for (name, table) in &document.grids {
        grids.insert(name.clone(), grid(name, table, &keys, &at)?);
    }
    if let Some(fixed) = group.grid.as_ref().filter(|g| g.keys().next().is_none()) {
        let name = fixed.render(&BTreeMap::new());
        one_of(&name, grids.keys(), &["group", "grid"], "grid", &at)?;
    }
    let fixed = group.assets.iter().filter(|a| a.keys().next().is_none() && !document.assets.is_empty());
    for asset in fixed {
        one_of(&asset.render(&BTreeMap::new()), document.assets.keys(), &["group", "asset"], "asset", &at)?;
    }
    if !document.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        || document.name.is_empty()
    {
        let reason = format!("`{}` is no name: letters, digits, `-`, `_` and `.`", document.name);
        return Err(at.wrong(&["name"], reason, None));
    }
    let needs: BTreeSet<String> = document.needs.iter().cloned().collect();
    let id = document.collection.as_ref().unwrap_or(&document.name);
    let collection = Template::parse(id).map_err(|reason| at.wrong(&["collection"], reason, None))?;
    known(&collection, &needs, &["collection"], &at)?;
    let root = at.location(document.root.as_deref(), &["root"])?;
    keys.extend(needs);
    let title = document.title.unwrap_or_else(|| document.name.clone());
    Ok(Definition {
        text: text.to_owned(),
        about: About {
            collection,
            description: document.description.map_or_else(|| title.clone(), |d| d.trim().to_owned()),
            name: document.name,
            title,
            licence: document.licence.unwrap_or_else(|| "other".to_owned()),
            licence_url: document.licence_url,
            home: document.home,
            doi: document.doi,
            citation: document.citation,
            keywords: document.keywords,
            providers: document.providers,
        },
        root,
        needs: document.needs,
        sources,
        names,
        keys,
        media_types: document.media_types,
        group,
        assets: document.assets,
        grids,
    })
}

fn names(document: &Document, at: &Place<'_>) -> Result<Names, DefinitionError> {
    let bad = |key: &str, pattern: &str, error: &regex::Error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or("it does not parse").to_owned();
        at.wrong(&[key], format!("`{pattern}` is no pattern: {last}"), None)
    };
    let mut others = Vec::new();
    for pattern in &document.ignore {
        others.push(whole(pattern).map_err(|e| bad("ignore", pattern, &e))?);
    }
    let patterns = document.pattern.as_ref().map(super::document::OneOrMany::as_slice).unwrap_or_default();
    if patterns.is_empty() && document.pattern.is_some() {
        return Err(at.wrong(&["pattern"], "no pattern is given".to_owned(), None));
    }
    let names = Names::new(patterns, others, document.defaults.clone(), document.map.clone())
        .map_err(|(pattern, e)| bad("pattern", &pattern, &e))?;
    let keys = names.keys();
    let unknown = document.map.iter().find(|(_, table)| !keys.contains(&table.from));
    match unknown {
        Some((name, table)) => Err(at.no_capture(&["map", name, "from"], &table.from, &keys)),
        None => Ok(names),
    }
}

/// Whether pattern, dates and sources together can make items.
fn enough(names: &Names, sources: &[Source], group: &Group, at: &Place<'_>) -> Result<(), DefinitionError> {
    let Some(bare) = sources.iter().find(|s| !matches!(s.kind, Kind::Cmr | Kind::StacApi)) else {
        return Ok(());
    };
    let kind = bare.kind.name();
    if names.is_empty() {
        let reason = format!("a source of kind `{kind}` tells names only: a `pattern` has to read them");
        return Err(at.wrong(&["pattern"], reason, None));
    }
    if group.strategy == Strategy::Listed {
        let reason = format!("a source of kind `{kind}` tells no dates: a strategy has to read them");
        return Err(at.wrong(&["group", "time"], reason, None));
    }
    Ok(())
}

/// The default source and the others, in the order in which they are written.
fn sources(
    document: &Document,
    keys: &BTreeSet<String>,
    at: &Place<'_>,
) -> Result<Vec<Source>, DefinitionError> {
    let of = |table: &SourceTable, path: &[&str]| source(table, path, document, keys, at);
    let mut sources = vec![of(&document.source, &["source"])?];
    let mut others: Vec<_> = document.sources.iter().collect();
    others.sort_by_key(|(_, table)| table.span().start);
    for (name, table) in others {
        let path = ["sources", name.as_str()];
        if table.get_ref().name.is_some() {
            let reason = format!("the table's own name is the source's: `{name}`");
            return Err(at.wrong(&["sources", name, "name"], reason, None));
        }
        let source = Source { name: name.clone(), ..of(table.get_ref(), &path)? };
        if source.name == sources[0].name {
            let reason = format!("the default source is called `{name}` already; give it another `name`");
            return Err(at.wrong(&path, reason, None));
        }
        sources.push(source);
    }
    Ok(sources)
}

fn source(
    table: &SourceTable,
    path: &[&str],
    document: &Document,
    keys: &BTreeSet<String>,
    at: &Place<'_>,
) -> Result<Source, DefinitionError> {
    let below = |key| [path, &[key]].concat();
    let wrong = |key, reason: String| at.wrong(&below(key), reason, None);
    for key in table.given() {
        if !table.kind.keys().contains(&key) {
            let reason = format!("`{key}` means nothing for a source of kind `{}`", table.kind.name());
            return Err(wrong(key, reason));
        }
    }
    let values = table.values.clone().unwrap_or_default();
    let mut given: BTreeSet<String> = document.needs.iter().cloned().collect();
    if matches!(table.kind, Kind::Template | Kind::Releases) {
        given.extend(values.keys().cloned());
        given.extend(OF_DATES.map(str::to_owned));
        if table.from.is_none() {
            return Err(wrong("from", "the first day is needed: YYYY-MM-DD".to_owned()));
        }
    }
    let template = |text: &str, key, known_keys: Option<&BTreeSet<String>>| {
        let template = Template::parse(text).map_err(|reason| wrong(key, reason))?;
        if let Some(known_keys) = known_keys {
            known(&template, known_keys, &below(key), at)?;
        }
        Ok::<_, DefinitionError>(template)
    };
    let mut parameters = BTreeMap::new();
    for (name, text) in table.parameters.iter().flatten() {
        parameters.insert(name.clone(), template(text, "parameters", Some(&given))?);
    }
    let mut collections = Vec::new();
    for text in table.collections.iter().flatten() {
        collections.push(template(text, "collections", Some(&given))?);
    }
    let optional = |text: &Option<String>, key, known: Option<&BTreeSet<String>>| {
        text.as_deref().map(|t| template(t, key, known)).transpose()
    };
    let date = |text: &Option<String>, key| {
        let parsed = text.as_deref().map(str::parse::<Date>).transpose();
        parsed.map_err(|_| wrong(key, "this is no day: YYYY-MM-DD".to_owned()))
    };
    if table.rate.is_some_and(|r| !(r > 0.0 && r.is_finite())) {
        return Err(wrong("rate", "a rate is a number of requests a second, above 0".to_owned()));
    }
    let kind = table.kind;
    Ok(Source {
        name: table.name.clone().unwrap_or_else(|| kind.name().to_owned()),
        root: at.location(table.root.as_deref(), &below("root"))?,
        address: optional(&table.address, "address", Some(&given))?.unwrap_or_default(),
        parameters,
        suffix: table.suffix.clone().unwrap_or_default(),
        granule_names: optional(&table.granule_names, "granule_names", Some(keys))?,
        page_size: table.page_size.unwrap_or(1000),
        collections,
        folders: optional(&table.folders, "folders", None)?,
        service: table.service.clone().unwrap_or_else(|| "HTTPServer".to_owned()),
        sidecar: table.sidecar,
        label: optional(&table.label, "label", None)?,
        values,
        from: date(&table.from, "from")?,
        to: date(&table.to, "to")?,
        rate: table.rate,
        jobs: table.jobs,
        ..Source::plain(kind)
    })
}

fn group(document: &Document, keys: &BTreeSet<String>, at: &Place<'_>) -> Result<Group, DefinitionError> {
    let table = &document.group;
    let told: BTreeSet<String> = keys.iter().cloned().chain(TOLD.map(str::to_owned)).collect();
    let template = |text: &str, path: &[&str]| {
        let template = Template::parse(text).map_err(|reason| at.wrong(path, reason, None))?;
        known_among(&template, &told, keys, path, at)?;
        Ok(template)
    };
    let optional =
        |text: &Option<String>, key| text.as_deref().map(|t| template(t, &["group", key])).transpose();
    let asset = table.asset.as_ref().map(super::document::OneOrMany::as_slice);
    let data = ["data".to_owned()];
    let assets: Result<Vec<_>, _> =
        asset.unwrap_or(&data).iter().map(|a| template(a, &["group", "asset"])).collect();
    let mut properties = BTreeMap::new();
    for (name, text) in &table.properties {
        properties.insert(name.clone(), template(text, &["group", "properties", name])?);
    }
    let strategy = table.time.as_ref().map_or(Strategy::Listed, |t| t.strategy);
    if let Some(key) = strategy.keys().iter().find(|k| !keys.contains(**k)) {
        let reason = format!("this strategy needs a capture `{key}`, which not every pattern has");
        return Err(at.wrong(&["group", "time", "strategy"], reason, None));
    }
    let phase = table.time.as_ref().and_then(|t| t.phase);
    if phase.is_some_and(|p| strategy != Strategy::Composite16Day || !(1..=16).contains(&p)) {
        let reason = "a phase is a day from 1 to 16, and for `composite-16-day` alone";
        return Err(at.wrong(&["group", "time", "phase"], reason, None));
    }
    if let Some(prefer) = table.prefer.iter().find(|p| !keys.contains(&p.capture)) {
        return Err(at.no_capture(&["group", "prefer"], &prefer.capture, keys));
    }
    Ok(Group {
        id: template(table.id.as_deref().unwrap_or("{stem}"), &["group", "id"])?,
        slot: optional(&table.slot, "slot")?,
        assets: assets?,
        grid: optional(&table.grid, "grid")?,
        strategy,
        calendar: table.time.as_ref().map_or(seedbed_grid::Calendar::Standard, |t| t.calendar),
        phase: table.time.as_ref().and_then(|t| t.phase),
        step: table.time.as_ref().and_then(|t| t.step.clone()),
        properties,
        prefer: table.prefer.clone(),
        version: optional(&table.version, "version")?,
    })
}

fn grid(
    name: &str,
    table: &GridTable,
    keys: &BTreeSet<String>,
    at: &Place<'_>,
) -> Result<GridClaim, DefinitionError> {
    let path = ["grids", name];
    let bare = table.strategy.is_none() && table.pixels.is_none() && table.axes.is_none();
    if let (true, None, None, None, Some(bbox)) = (bare, &table.crs, table.shape, table.transform, table.bbox)
    {
        return Ok(GridClaim::Box { bbox });
    }
    match (table.strategy, &table.crs, table.shape, table.transform) {
        (None, Some(crs), Some([rows, cols]), Some(transform)) if table.pixels.is_none() => {
            if rows == 0 || cols == 0 {
                let reason = "a grid has at least one pixel".to_owned();
                return Err(at.wrong(&["grids", name, "shape"], reason, None));
            }
            let affine = Affine::from(transform);
            if affine.inverse().is_none() {
                let reason = "the transform is singular".to_owned();
                return Err(at.wrong(&["grids", name, "transform"], reason, None));
            }
            let shape = Shape2d { rows, cols };
            let axes = table.axes.clone();
            Ok(GridClaim::Fixed { crs: crs.clone(), shape, affine, bbox: table.bbox, axes })
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
        _ => {
            let reason = "a grid has `crs`, `shape` and `transform`, or a `strategy`, or a `bbox` alone";
            Err(at.wrong(&path, reason, None))
        }
    }
}

/// Whether the patterns capture all that a template needs.
fn known(
    template: &Template,
    keys: &BTreeSet<String>,
    path: &[&str],
    at: &Place<'_>,
) -> Result<(), DefinitionError> {
    known_among(template, keys, keys, path, at)
}

/// Likewise, where there is more than what patterns capture.
fn known_among(
    template: &Template,
    all: &BTreeSet<String>,
    keys: &BTreeSet<String>,
    path: &[&str],
    at: &Place<'_>,
) -> Result<(), DefinitionError> {
    match template.keys().find(|k| !all.contains(*k)) {
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

    fn location(&self, text: Option<&str>, path: &[&str]) -> Result<Option<Location>, DefinitionError> {
        text.map(|t| t.parse().map_err(|e| self.wrong(path, format!("{e}"), None))).transpose()
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

    #[test]
    fn further_sources_are_checked_as_the_first_is() {
        let with = |more: &str| format!("{GOOD}{more}");
        let d = definition(
            "x.toml",
            &with("[sources.zebra]\nkind = \"listing\"\n[sources.a]\nkind = \"thredds\"\n"),
        );
        // In the order in which they are written.
        assert_eq!(d.unwrap().source_names().collect::<Vec<_>>(), ["index", "zebra", "a"]);
        for (more, line, part) in [
            ("[sources.index]\nkind = \"thredds\"\n", 27, "called `index` already"),
            ("[sources.a]\nkind = \"thredds\"\nsuffix = \"x\"\n", 29, "`suffix` means nothing"),
            ("[sources.a]\nkind = \"thredds\"\nname = \"x\"\n", 29, "the table's own name"),
            ("[sources.a]\nkind = \"thredds\"\nrate = -1\n", 29, "above 0"),
            ("[sources.a]\nkind = \"template\"\naddress = \"{x}\"\n", 27, "the first day is needed"),
            (
                "[sources.a]\nkind = \"template\"\naddress = \"{x}\"\nfrom = \"2001-01-01\"\n",
                29,
                "captures `x`",
            ),
            ("[sources.a]\nkind = \"template\"\nfrom = \"2001-13-01\"\n", 29, "no day"),
            ("[sources.a]\nkind = \"thredds\"\njobs = \"many\"\n", 29, "invalid type"),
            ("[map.m]\nfrom = \"yaer\"\nvalues = {}\n", 28, "captures `yaer`"),
        ] {
            match definition("x.toml", &with(more)) {
                Err(DefinitionError::Invalid { line: found, reason, .. }) => {
                    assert!(reason.contains(part) && found == line, "{found} {reason}");
                }
                other => panic!("{more}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_a_listing_does_not_tell_has_to_be_said() {
        let bare = "name = \"x\"\nroot = \"https://host/\"\n[source]\nkind = \"KIND\"\n";
        for kind in ["cmr", "stac-api"] {
            definition("x.toml", &bare.replace("KIND", kind)).unwrap();
        }
        for (text, part) in [
            (bare.replace("KIND", "index"), "a `pattern` has to read them"),
            (
                bare.replace("[source]", "pattern = 'x'\n[source]").replace("KIND", "listing"),
                "a strategy has to read them",
            ),
        ] {
            let error = definition("x.toml", &text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
