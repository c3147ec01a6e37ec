//! Archive definitions: where to look, how names parse, what the assets are.

mod builtin;
mod document;
mod error;
mod parse;
mod schema;

pub(crate) use document::{AssetTable, AxesTable, Claim, Kind, MapTable, PreferTable, Provider, SidecarKind};
pub use error::DefinitionError;

use crate::calendar::Strategy;
use crate::grid::GridClaim;
use crate::nearest::nearest;
use crate::pattern::Names;
use crate::template::Template;
use jiff::civil::Date;
use seedbed_grid::Calendar;
use seedbed_storage::Location;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// An archive, as a TOML file describes it; checked when it is read.
///
/// # Examples
/// ```
/// let daymet = seedbed_archive::Definition::builtin("daymet-daily").unwrap();
/// assert_eq!(daymet.asset_keys().count(), 7);
/// ```
#[derive(Debug, Clone)]
pub struct Definition {
    text: String,
    pub(crate) about: About,
    pub(crate) root: Option<Location>,
    /// Keys that `--where` has to give.
    pub(crate) needs: Vec<String>,
    /// The ways in which it is listed; the first is the default, and there always is one.
    pub(crate) sources: Vec<Source>,
    pub(crate) names: Names,
    pub(crate) keys: BTreeSet<String>,
    pub(crate) media_types: BTreeMap<String, String>,
    pub(crate) group: Group,
    pub(crate) assets: BTreeMap<String, AssetTable>,
    pub(crate) grids: BTreeMap<String, GridClaim>,
}

/// What a collection says of itself.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub name: String,
    /// The collection's id.
    pub collection: Template,
    pub title: String,
    pub description: String,
    pub licence: String,
    pub licence_url: Option<String>,
    pub home: Option<String>,
    pub doi: Option<String>,
    pub citation: Option<String>,
    pub keywords: Vec<String>,
    pub providers: Vec<Provider>,
}

/// One way in which the archive is listed. Addresses count from the root.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub name: String,
    pub kind: Kind,
    /// Its own root.
    pub root: Option<Location>,
    pub address: Template,
    pub parameters: BTreeMap<String, Template>,
    pub suffix: String,
    pub granule_names: Option<Template>,
    pub page_size: u32,
    pub collections: Vec<Template>,
    pub folders: Option<Template>,
    pub service: String,
    pub sidecar: Option<SidecarKind>,
    pub label: Option<Template>,
    pub values: BTreeMap<String, Vec<String>>,
    pub from: Option<Date>,
    pub to: Option<Date>,
    /// Requests a second.
    pub rate: Option<f64>,
    pub jobs: Option<usize>,
}

impl Source {
    /// A source of that kind with nothing but defaults: all that is at the root.
    pub(crate) fn plain(kind: Kind) -> Self {
        Self {
            name: kind.name().to_owned(),
            kind,
            root: None,
            address: Template::default(),
            parameters: BTreeMap::new(),
            suffix: String::new(),
            granule_names: None,
            page_size: 1000,
            collections: Vec::new(),
            folders: None,
            service: "HTTPServer".to_owned(),
            sidecar: None,
            label: None,
            values: BTreeMap::new(),
            from: None,
            to: None,
            rate: None,
            jobs: None,
        }
    }
}

/// How granules become items.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub id: Template,
    /// Granules with the same slot and asset compete; `None` if the slot is the item.
    pub slot: Option<Template>,
    /// The assets that a granule is.
    pub assets: Vec<Template>,
    pub grid: Option<Template>,
    pub strategy: Strategy,
    pub calendar: Calendar,
    /// The day of the year on which composites start, and every 16th after it.
    pub phase: Option<i16>,
    /// Between two times inside a file, as ISO 8601 has it.
    pub step: Option<String>,
    pub properties: BTreeMap<String, Template>,
    pub prefer: Vec<PreferTable>,
    pub version: Option<Template>,
}

/// A definition in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DefinitionSummary {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// How the archive is listed: `cmr`, `stac-api`, `index`, `thredds`, `listing`, `releases` or `template`.
    pub source: String,
    /// What `--source` calls the ways in which it is listed, the default first.
    pub sources: Vec<String>,
    /// What `--root` replaces; empty if there is no default.
    pub root: String,
    /// The asset keys.
    pub assets: Vec<String>,
    /// The keys that `--where` knows.
    pub where_keys: Vec<String>,
    /// Those of them that it has to be given.
    pub needs: Vec<String>,
    /// The archive's home page.
    pub home: Option<String>,
}

/// The built-in definitions in short, by name.
#[must_use]
pub fn list() -> Vec<DefinitionSummary> {
    Definition::builtin_names().filter_map(Definition::builtin).map(|d| d.summary()).collect()
}

impl Definition {
    /// The built-in definition of that name.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        let (file, text) = builtin::text(name)?;
        match Self::from_toml(file, text) {
            Ok(definition) => Some(definition),
            Err(error) => {
                // A test reads every built-in definition; one that fails is not there.
                tracing::error!("{error}");
                None
            }
        }
    }

    /// The names of the built-in definitions, sorted.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        builtin::names()
    }

    /// A definition from its TOML; `file` is for the errors.
    ///
    /// # Errors
    /// [`DefinitionError::Invalid`] with line and column, and the key that was probably meant.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, DefinitionError> {
        parse::definition(file, text)
    }

    /// The built-in definition of that name, else the one in the file of that name.
    ///
    /// # Errors
    /// [`DefinitionError`] if there is neither, or the file is no definition.
    pub fn open(name_or_path: &str) -> Result<Self, DefinitionError> {
        if let Some(definition) = Self::builtin(name_or_path) {
            return Ok(definition);
        }
        let path = Path::new(name_or_path);
        let is_toml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        if !is_toml && !path.is_file() {
            let nearest = nearest(name_or_path, Self::builtin_names()).map(str::to_owned);
            return Err(DefinitionError::Unknown { name: name_or_path.to_owned(), nearest });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| DefinitionError::Read { file: path.to_owned(), source })?;
        Self::from_toml(name_or_path, &text)
    }

    /// Its name, which is the collection's id.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// A short human title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.about.title
    }

    /// The keys of its assets, sorted.
    pub fn asset_keys(&self) -> impl Iterator<Item = &str> {
        self.assets.keys().map(String::as_str)
    }

    /// The keys that `--where` knows, sorted.
    pub fn where_keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// The keys that `--where` has to give one value each for: they say which collection is meant.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        self.needs.iter().map(String::as_str)
    }

    /// What `--source` calls the ways in which it is listed; the default is the first.
    pub fn source_names(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|s| s.name.as_str())
    }

    /// The JSON Schema of the format.
    #[must_use]
    pub fn schema() -> Value {
        schema::definition()
    }

    /// The TOML it was read from.
    #[must_use]
    pub fn toml(&self) -> &str {
        &self.text
    }

    /// The definition in short.
    #[must_use]
    pub fn summary(&self) -> DefinitionSummary {
        DefinitionSummary {
            name: self.about.name.clone(),
            title: self.about.title.clone(),
            source: self.sources.first().map_or("", |s| s.kind.name()).to_owned(),
            sources: self.sources.iter().map(|s| s.name.clone()).collect(),
            root: self.root.as_ref().map(ToString::to_string).unwrap_or_default(),
            assets: self.asset_keys().map(str::to_owned).collect(),
            where_keys: self.where_keys().map(str::to_owned).collect(),
            needs: self.needs.clone(),
            home: self.about.home.clone(),
        }
    }
}
