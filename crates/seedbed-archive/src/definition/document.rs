//! The tables of a definition's TOML, as written.

use crate::calendar::Strategy;
use seedbed_grid::{Bbox, Calendar};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub name: String,
    pub title: String,
    pub description: String,
    pub licence: String,
    pub licence_url: Option<String>,
    pub home: Option<String>,
    pub doi: Option<String>,
    pub citation: Option<String>,
    #[serde(default)]
    pub keywords: Vec<String>,
    #[serde(default)]
    pub providers: Vec<Provider>,
    /// What `--root` replaces; every address of `[source]` counts from it.
    pub root: String,
    pub source: SourceTable,
    pub pattern: OneOrMany,
    #[serde(default)]
    pub ignore: Vec<String>,
    pub group: GroupTable,
    pub assets: BTreeMap<String, AssetTable>,
    pub grids: BTreeMap<String, GridTable>,
}

/// Who makes, processes or serves the data.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// How an archive is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Cmr,
    StacApi,
    Index,
    Thredds,
    Listing,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cmr => "cmr",
            Self::StacApi => "stac-api",
            Self::Index => "index",
            Self::Thredds => "thredds",
            Self::Listing => "listing",
        }
    }

    /// The keys of `[source]` that mean something for it, beside `kind`.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Cmr => &["address", "parameters", "suffix", "granule_names", "page_size"],
            Self::StacApi => &["address", "collections", "page_size"],
            Self::Index => &["address", "folders"],
            Self::Thredds => &["address", "folders", "service"],
            Self::Listing => &["address"],
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceTable {
    pub kind: Kind,
    pub address: Option<String>,
    pub parameters: Option<BTreeMap<String, String>>,
    pub suffix: Option<String>,
    pub granule_names: Option<String>,
    pub page_size: Option<u32>,
    pub collections: Option<Vec<String>>,
    pub folders: Option<String>,
    pub service: Option<String>,
}

impl SourceTable {
    /// The keys that are there, beside `kind`.
    pub fn given(&self) -> Vec<&'static str> {
        [
            ("address", self.address.is_some()),
            ("parameters", self.parameters.is_some()),
            ("suffix", self.suffix.is_some()),
            ("granule_names", self.granule_names.is_some()),
            ("page_size", self.page_size.is_some()),
            ("collections", self.collections.is_some()),
            ("folders", self.folders.is_some()),
            ("service", self.service.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, given)| given.then_some(key))
        .collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTable {
    pub id: String,
    pub slot: Option<String>,
    pub asset: OneOrMany,
    pub grid: String,
    pub time: TimeTable,
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    #[serde(default)]
    pub prefer: Vec<PreferTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeTable {
    pub strategy: Strategy,
    #[serde(default = "standard")]
    pub calendar: Calendar,
}

fn standard() -> Calendar {
    Calendar::Standard
}

/// Which of several granules for the same asset counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreferTable {
    /// The capture that decides.
    pub capture: String,
    /// Its values, best first; without them the greatest text wins.
    #[serde(default)]
    pub order: Vec<String>,
    /// The property that tells the choice.
    pub property: Option<String>,
}

/// What an asset is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssetTable {
    pub title: String,
    pub description: Option<String>,
    pub media_type: String,
    pub unit: Option<String>,
    pub data_type: Option<DataType>,
    pub nodata: Option<f64>,
    pub scale: Option<f64>,
    pub offset: Option<f64>,
    /// The variable inside the file.
    pub variable: Option<String>,
    #[serde(default = "data_role")]
    pub roles: Vec<String>,
    /// The key that a STAC API has for it.
    pub api_key: Option<String>,
    /// Claims that replace the API's own.
    #[serde(default)]
    pub replace: Vec<Claim>,
}

fn data_role() -> Vec<String> {
    vec!["data".to_owned()]
}

/// A claim about a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Claim {
    Unit,
    DataType,
    Nodata,
    Scale,
    Offset,
}

/// STAC's data types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DataType {
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Float16,
    Float32,
    Float64,
}

/// Where the pixels are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GridTable {
    pub crs: Option<String>,
    pub shape: Option<[usize; 2]>,
    pub transform: Option<[f64; 6]>,
    pub bbox: Option<Bbox>,
    pub strategy: Option<GridStrategy>,
    pub pixels: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GridStrategy {
    ModisSinusoidal,
}
