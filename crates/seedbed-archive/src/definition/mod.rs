//! Archive definitions: where to look, how names parse, what the assets are.

mod builtin;
mod document;
mod error;
mod parse;

pub(crate) use document::{AssetTable, Claim, Kind, PreferTable, Provider};
pub use error::DefinitionError;

use crate::calendar::Strategy;
use crate::grid::GridClaim;
use crate::nearest::nearest;
use crate::pattern::Names;
use crate::template::Template;
use seedbed_grid::Calendar;
use seedbed_storage::Location;
use serde::Serialize;
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
    pub(crate) root: Location,
    pub(crate) source: Source,
    pub(crate) names: Names,
    pub(crate) keys: BTreeSet<String>,
    pub(crate) group: Group,
    pub(crate) assets: BTreeMap<String, AssetTable>,
    pub(crate) grids: BTreeMap<String, GridClaim>,
}

/// What a collection says of itself.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub name: String,
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

/// How the archive is listed. Addresses count from the root.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub kind: Kind,
    pub address: String,
    pub parameters: BTreeMap<String, String>,
    pub suffix: String,
    pub granule_names: Option<Template>,
    pub page_size: u32,
    pub collections: Vec<String>,
    pub folders: Option<Template>,
    pub service: String,
}

/// How granules become items.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub id: Template,
    /// Granules with the same slot and asset compete.
    pub slot: Template,
    /// The assets that a granule is.
    pub assets: Vec<Template>,
    pub grid: Template,
    pub strategy: Strategy,
    pub calendar: Calendar,
    pub properties: BTreeMap<String, Template>,
    pub prefer: Vec<PreferTable>,
}

/// A definition in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DefinitionSummary {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// How the archive is listed: `cmr`, `stac-api`, `index`, `thredds` or `listing`.
    pub source: String,
    /// What `--root` replaces.
    pub root: String,
    /// The asset keys.
    pub assets: Vec<String>,
    /// The keys that `--where` knows.
    pub where_keys: Vec<String>,
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
            source: self.source.kind.name().to_owned(),
            root: self.root.to_string(),
            assets: self.asset_keys().map(str::to_owned).collect(),
            where_keys: self.where_keys().map(str::to_owned).collect(),
            home: self.about.home.clone(),
        }
    }
}
