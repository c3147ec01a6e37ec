//! The tables of a definition's TOML, as written. Their doc comments are the
//! descriptions of the published JSON Schema.

use crate::calendar::Strategy;
use schemars::JsonSchema;
use seedbed_grid::{Bbox, Calendar};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;

/// An archive: where it is listed, how its names parse, how granules become items, and what the assets are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Seedbed archive definition")]
pub(super) struct Document {
    /// The definition's name, and its collection's id.
    pub name: String,
    /// A short human title; the name if not given.
    pub title: Option<String>,
    /// The collection's description; the title if not given.
    pub description: Option<String>,
    /// An SPDX identifier, or `other`.
    pub licence: Option<String>,
    /// Where the licence stands.
    pub licence_url: Option<String>,
    /// The archive's home page.
    pub home: Option<String>,
    /// The data's DOI, bare.
    pub doi: Option<String>,
    /// How the data are cited.
    pub citation: Option<String>,
    /// Keywords.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Who makes, processes or serves the data.
    #[serde(default)]
    pub providers: Vec<Provider>,
    /// What `--root` replaces; every address of a source counts from it. Without it `--root` has to be given.
    pub root: Option<String>,
    /// Keys that `--where` has to give one value for; templates of the sources may use them.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The collection's id where it is not the name: a template over `needs`.
    pub collection: Option<String>,
    /// How the archive is listed, unless `--source` names another way.
    pub source: SourceTable,
    /// Further ways, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, SourceTable>")]
    pub sources: BTreeMap<String, Spanned<SourceTable>>,
    /// Regular expressions with named captures; one has to match a whole name, or, if it holds a `/`, the end
    /// of the path. Without any, an archive's own listing has to tell everything.
    pub pattern: Option<OneOrMany>,
    /// Regular expressions for the names of other files that lie beside.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// Values for captures that a name lacks.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
    /// Captures made of others by a table.
    #[serde(default)]
    pub map: BTreeMap<String, MapTable>,
    /// Media types by the extension of the file's name, for assets that don't say theirs.
    #[serde(default)]
    pub media_types: BTreeMap<String, String>,
    /// How granules become items.
    #[serde(default)]
    pub group: GroupTable,
    /// What the assets are, by key. Without any, every asset is taken as it is.
    #[serde(default)]
    pub assets: BTreeMap<String, AssetTable>,
    /// Where the pixels are, by the grid's name.
    #[serde(default)]
    pub grids: BTreeMap<String, GridTable>,
}

/// Who makes, processes or serves the data.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    /// The name.
    pub name: String,
    /// Of `licensor`, `producer`, `processor`, `host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// One text or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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

/// A capture made of another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapTable {
    /// The capture it is made of.
    pub from: String,
    /// What each value of that becomes. A value that isn't here makes no capture.
    pub values: BTreeMap<String, String>,
}

/// How an archive is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// NASA's Common Metadata Repository.
    Cmr,
    /// A STAC API.
    StacApi,
    /// HTML directory listings.
    Index,
    /// THREDDS catalogs.
    Thredds,
    /// A folder, a bucket, a WebDAV or dCache folder.
    Listing,
    /// PRISM's web service of release dates.
    Releases,
    /// Addresses made of listed values and dates, each checked by HEAD (`--probe`).
    Template,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cmr => "cmr",
            Self::StacApi => "stac-api",
            Self::Index => "index",
            Self::Thredds => "thredds",
            Self::Listing => "listing",
            Self::Releases => "releases",
            Self::Template => "template",
        }
    }

    /// The keys of its table that mean something for it, beside those that every source has.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Cmr => &["address", "parameters", "suffix", "granule_names", "page_size"],
            Self::StacApi => &["address", "collections", "page_size"],
            Self::Index => &["address", "folders", "sidecar"],
            Self::Thredds => &["address", "folders", "service"],
            Self::Listing => &["address"],
            Self::Releases => &["address", "parameters", "label", "values", "from", "to"],
            Self::Template => &["address", "values", "from", "to"],
        }
    }
}

/// A file that lies beside a granule and tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SidecarKind {
    /// `<name>.xml`, ECS metadata: size, POSIX cksum, dates, outline.
    EcsXml,
    /// `<name>.sha256`: a SHA-256 in hex.
    Sha256,
}

/// One way in which an archive is listed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceTable {
    /// What kind of listing it is.
    pub kind: Kind,
    /// What `--source` calls it; the kind if not given.
    pub name: Option<String>,
    /// Its own root, where it is not the definition's.
    pub root: Option<String>,
    /// Where the listing is, below the root.
    pub address: Option<String>,
    /// Query parameters; templates over `needs`.
    pub parameters: Option<BTreeMap<String, String>>,
    /// How the names of data links end.
    pub suffix: Option<String>,
    /// A template by which `--where` is sent along.
    pub granule_names: Option<String>,
    /// Granules a page.
    pub page_size: Option<u32>,
    /// The API's collections; templates over `needs`.
    pub collections: Option<Vec<String>>,
    /// A template of folders, such as `{variable}/daily/{year}`. Without it every folder is followed.
    pub folders: Option<String>,
    /// The THREDDS service that gives files; `HTTPServer` if not given.
    pub service: Option<String>,
    /// Fetch the sidecar of each wanted granule.
    pub sidecar: Option<SidecarKind>,
    /// What a row's file is called: a template.
    pub label: Option<String>,
    /// The values that the address is made with, by capture.
    pub values: Option<BTreeMap<String, Vec<String>>>,
    /// The first day there is, YYYY-MM-DD.
    pub from: Option<String>,
    /// The last day there is; today if not given.
    pub to: Option<String>,
    /// At most so many requests a second.
    pub rate: Option<f64>,
    /// At most so many requests at once.
    pub jobs: Option<usize>,
}

impl SourceTable {
    /// The keys that are there and mean something for some kinds only.
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
            ("sidecar", self.sidecar.is_some()),
            ("label", self.label.is_some()),
            ("values", self.values.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, given)| given.then_some(key))
        .collect()
    }
}

/// How granules become items.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTable {
    /// The item's id, a template; `{stem}` if not given, the name without its extension.
    pub id: Option<String>,
    /// Granules with the same slot and asset compete; as `id` if not given.
    pub slot: Option<String>,
    /// Which assets a file is: a template, or several; `data` if not given.
    pub asset: Option<OneOrMany>,
    /// Which grid: a template. Without it the listing's own outline is taken.
    pub grid: Option<String>,
    /// How the dates are told; by the listing if not given.
    pub time: Option<TimeTable>,
    /// Properties of the item: templates. One that is a single capture of digits becomes a number, and one of which a
    /// capture is missing is left out.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Which of several granules for the same asset counts.
    #[serde(default)]
    pub prefer: Vec<PreferTable>,
    /// The file's version, a template; nothing where one of its captures is missing.
    pub version: Option<String>,
}

/// How the dates are told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeTable {
    /// How the captures tell them.
    pub strategy: Strategy,
    /// The calendar of the data.
    #[serde(default = "standard")]
    #[schemars(with = "CalendarName")]
    pub calendar: Calendar,
    /// Composites of 16 days start on this day of a year and every 16th after it.
    pub phase: Option<i16>,
    /// The step between two times inside a file, as an ISO 8601 duration such as `P1D`.
    pub step: Option<String>,
}

/// The names of the calendars.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it stands for the type of another crate in the JSON Schema")]
enum CalendarName {
    /// Every day.
    Standard,
    /// No 29 February.
    Noleap,
    /// No 31 December in leap years.
    Daymet,
}

fn standard() -> Calendar {
    Calendar::Standard
}

/// Which of several granules for the same asset counts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssetTable {
    /// A short human title.
    pub title: String,
    /// What there is to know of it.
    pub description: Option<String>,
    /// Its media type; that of the name's extension if not given.
    pub media_type: Option<String>,
    /// The unit of its values, once scaled.
    pub unit: Option<String>,
    /// The type of the stored values.
    pub data_type: Option<DataType>,
    /// The stored value that means no data.
    pub nodata: Option<f64>,
    /// The least and the greatest stored value that stand for an observation.
    pub valid_range: Option<[f64; 2]>,
    /// The factor of the stored values.
    pub scale: Option<f64>,
    /// What is added to the scaled values.
    pub offset: Option<f64>,
    /// The variable inside the file.
    pub variable: Option<String>,
    /// The variable's dimensions inside the file, in order, such as `["time", "y", "x"]`.
    #[serde(default)]
    pub dimensions: Vec<String>,
    /// STAC roles.
    #[serde(default = "data_role")]
    pub roles: Vec<String>,
    /// The key that a STAC API has for it.
    pub api_key: Option<String>,
    /// Claims that replace the API's own; the others only fill what it lacks.
    #[serde(default)]
    pub replace: Vec<Claim>,
}

fn data_role() -> Vec<String> {
    vec!["data".to_owned()]
}

/// A claim about a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Claim {
    Unit,
    DataType,
    Nodata,
    ValidRange,
    Scale,
    Offset,
}

/// STAC's data types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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

/// Where the pixels are: `crs`, `shape` and `transform`; or a `strategy`; or a `bbox` alone.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GridTable {
    /// The CRS: a code, a PROJ string or WKT.
    pub crs: Option<String>,
    /// Rows and columns.
    pub shape: Option<[usize; 2]>,
    /// Six numbers, from pixel corners to the CRS, in the order of STAC's `proj:transform`.
    pub transform: Option<[f64; 6]>,
    /// West, south, east, north of the data in degrees, where that differs from the grid's outline.
    #[schemars(with = "Option<[f64; 4]>")]
    pub bbox: Option<Bbox>,
    /// Tiles that the captures tell.
    pub strategy: Option<GridStrategy>,
    /// Pixels along a tile's edge.
    pub pixels: Option<usize>,
    /// What the file calls the axes; `x` and `y` if not given.
    pub axes: Option<AxesTable>,
}

/// What a file calls its horizontal axes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AxesTable {
    /// The dimension along the rows.
    pub x: String,
    /// The dimension along the columns.
    pub y: String,
}

/// Tilings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GridStrategy {
    /// MODIS sinusoidal tiles, by the captures `h` and `v`.
    ModisSinusoidal,
}
