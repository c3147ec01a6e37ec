//! The set of products there should be.

use crate::{PrepError, Root, Spool, TaskKey};
use seedbed_block::{Date, Period};
use seedbed_grid::{Bbox, GeoBox, PixelGrid, PixelRange, Tile};
use seedbed_raster::same_crs;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One product: a tile, a period, and the key of the task that makes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The tile's name; `mosaic` for the union of all.
    pub tile: String,
    /// `2003`, `2003-07` or `2003-07-15`; of a composite `doy-113`, `month-04` or `dekad-12`; of
    /// a cube the names of its first and its last layer, `2003-01--2003-12`.
    pub period: String,
    /// The task's key.
    pub key: TaskKey,
    /// Its variables, where they are not all of the set's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variables: Option<Vec<String>>,
    /// Its days, where they are not all that its period has in the calendar.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<Period>,
}

/// What products of one recipe take each other's place by: tile, and period or, of a cube, its first layer's.
pub type Slot<'a> = (&'a str, &'a str);

impl Member {
    /// The place that one product of a recipe has at a time, however many days it has.
    #[must_use]
    pub fn slot(&self) -> Slot<'_> {
        (&self.tile, self.period.split_once("--").map_or(self.period.as_str(), |(first, _)| first))
    }

    /// Its last day; none of a composite over several years, or of a state.
    #[must_use]
    pub fn end(&self) -> Option<Date> {
        let last = self.period.split_once("--").map_or(self.period.as_str(), |(_, last)| last);
        self.days.or_else(|| last.parse().ok()).map(|days| days.end)
    }

    /// From the first day of a cube to its last.
    #[must_use]
    pub fn span(&self) -> Option<Period> {
        let (first, last) = self.period.split_once("--")?;
        let ends = first.parse::<Period>().ok().zip(last.parse::<Period>().ok());
        ends.map(|(first, last)| Period { start: first.start, end: last.end })
    }

    /// Whether it has more days than another one in the same slot.
    #[must_use]
    pub fn is_longer(&self, other: &Self) -> bool {
        self.slot() == other.slot() && self.end().zip(other.end()).is_some_and(|(a, b)| a > b)
    }

    /// Whether it is a cube, whose layers have periods of their own.
    #[must_use]
    pub fn is_cube(&self) -> bool {
        is_cube(&self.period)
    }

    /// `<root>/<tile>/<period>`.
    #[must_use]
    pub fn folder(&self, root: &Path) -> PathBuf {
        root.join(&self.tile).join(&self.period)
    }

    /// The record's way from any root: `<tile>/<period>/<K>.json`.
    #[must_use]
    pub fn record_names(&self) -> String {
        format!("{}/{}/{}.json", self.tile, self.period, self.key)
    }

    /// `<root>/<tile>/<period>/<K>.json`.
    #[must_use]
    pub fn record(&self, root: &Path) -> PathBuf {
        self.folder(root).join(format!("{}.json", self.key))
    }
}

/// Whether a product of that period is a cube: `<first>--<last>`.
pub(crate) fn is_cube(period: &str) -> bool {
    period.contains("--")
}

/// Tiles × periods × variables: written at planning as `expected.json` beside
/// the product's catalog, and what `verify` and `mosaic` go by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Version of this document's form.
    pub format_version: u32,
    /// The product's name.
    pub name: String,
    /// The variables of every product: each an asset key.
    pub variables: Vec<String>,
    /// The grid all tiles lie on.
    pub grid: PixelGrid,
    /// The tiles.
    pub tiles: Vec<Tile>,
    /// The area the tiles cover, in WGS 84.
    pub bbox: Bbox,
    /// Every product there should be.
    pub members: Vec<Member>,
    /// What all its products are made by, whichever tiles and days are asked for: sets with the same one are parts
    /// of one product. None of a product that is always made as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recipe: Option<TaskKey>,
}

/// Which cubes may be parts of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cubes {
    /// Those of days that were asked for, of which no two may have one: a cube that lies within another gives way to it.
    OfDays,
    /// Those of a run, which begin where its calendar years do: of two with the same first layer the longer one stands
    /// for both.
    ByYear,
}

/// The file's name beside `catalog.json`.
const FILE: &str = "expected.json";

impl Expected {
    /// Version of the document's form that is written.
    pub const FORMAT: u32 = 1;

    /// The set written beside a product's `catalog.json`, or in its folder.
    ///
    /// # Errors
    /// [`PrepError::Request`] if there is none, [`PrepError::Document`] if it is
    /// damaged or expects nothing.
    pub fn read(product: &Path) -> Result<(Self, PathBuf), PrepError> {
        if !product.exists() {
            return Err(PrepError::Request(format!("{}: there is no such product", product.display())));
        }
        let root = if product.is_dir() { product } else { product.parent().unwrap_or(Path::new(".")) };
        let path = root.join(FILE);
        let document =
            |reason: String| PrepError::Document { path: path.clone(), what: "expected set", reason };
        if !path.exists() {
            let what = "no product of run, prep or mosaic: it has no expected.json";
            return Err(PrepError::Request(format!("{}: {what}", product.display())));
        }
        let bytes = fs::read(&path).map_err(|source| PrepError::Read { path: path.clone(), source })?;
        Ok((Self::from_bytes(&bytes).map_err(document)?, root.to_owned()))
    }

    /// The set of a product wherever it lies; of a local one named by its folder or its catalog.
    ///
    /// # Errors
    /// As [`Expected::read`]; [`PrepError::Storage`] where a store can't be read.
    pub fn of(product: &Root) -> Result<(Self, Root), PrepError> {
        if let Some(path) = product.as_path() {
            return Self::read(path).map(|(set, root)| (set, Root::Local(root)));
        }
        let Some(bytes) = product.document(FILE)? else {
            let what = "no product of run, prep or mosaic is there: it has no expected.json";
            return Err(PrepError::Request(format!("{product}: {what}")));
        };
        let set = Self::from_bytes(&bytes).map_err(|reason| {
            let path = product.join(FILE).to_string().into();
            PrepError::Document { path, what: "expected set", reason }
        })?;
        Ok((set, product.clone()))
    }

    /// Whether a product lies at a root: a set has been written there.
    ///
    /// # Errors
    /// [`PrepError::Storage`] where a store can't be read, [`PrepError::Read`] for a file.
    pub fn is_at(root: &Root) -> Result<bool, PrepError> {
        Ok(root.document(FILE)?.is_some())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let set: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if set.format_version != Self::FORMAT {
            return Err(format!("its format version is {}", set.format_version));
        }
        if set.members.is_empty() || set.members.iter().any(|m| set.variables(m).is_empty()) {
            return Err("it expects nothing, or a product without variables".to_owned());
        }
        Ok(set)
    }

    /// Writes the set under `root`, unless the same is there.
    ///
    /// # Errors
    /// [`PrepError::Request`] where somebody else's catalog lies there, [`PrepError::Storage`] if it can't be written.
    pub fn write(&self, root: impl Into<Root>, spool: &Spool) -> Result<(), PrepError> {
        let root = root.into();
        Self::check_free(&root)?;
        let mut bytes = serde_json::to_vec_pretty(self).map_err(PrepError::Encode)?;
        bytes.push(b'\n');
        root.write_document(FILE, bytes, spool)
    }

    /// The set that lies at a root, if it can be read as such.
    ///
    /// # Errors
    /// [`PrepError::Storage`] where a store can't be read, [`PrepError::Read`] for a file.
    pub fn at(root: &Root) -> Result<Option<Self>, PrepError> {
        Ok(root.document(FILE)?.and_then(|bytes| Self::from_bytes(&bytes).ok()))
    }

    /// The set together with what the product at `root` has of the same recipe: who asks for one more month, or for
    /// one tile again, still expects the others.
    ///
    /// # Errors
    /// As [`Expected::at`]; [`PrepError::Request`] where cubes of days would share some.
    pub fn joined(self, root: &Root, cubes: Cubes) -> Result<Self, PrepError> {
        Ok(match Self::at(root)? {
            Some(there) if self.is_part_of(&there, cubes) => {
                let there = if cubes == Cubes::OfDays { self.beside(there, root)? } else { there };
                self.with(there)
            }
            _ => self,
        })
    }

    /// Refuses a folder that holds a product of none of some variables: it would leave the catalog for theirs.
    ///
    /// # Errors
    /// [`PrepError::Request`] with both; as [`Expected::at`].
    pub fn check_variables(root: &Root, variables: &[String]) -> Result<(), PrepError> {
        let Some(there) = Self::at(root)? else { return Ok(()) };
        if there.variables.iter().any(|variable| variables.contains(variable)) {
            return Ok(());
        }
        let (theirs, ours) = (there.variables.join(", "), variables.join(", "));
        Err(PrepError::Request(format!(
            "{root} holds {theirs}, whose place {ours} would take: write to another folder, or all of them by one \
             command"
        )))
    }

    /// What the product at `root` has, if it isn't of the same recipe as this set, whose products take its place.
    ///
    /// # Errors
    /// As [`Expected::at`].
    pub fn replaces(&self, root: &Root, cubes: Cubes) -> Result<Option<String>, PrepError> {
        let there = Self::at(root)?.filter(|there| !self.is_part_of(there, cubes));
        Ok(there.map(|there| {
            let files: usize = there.members.iter().map(|m| there.variables(m).len()).sum();
            let noun = if files == 1 { "file" } else { "files" };
            format!("{files} {noun} of another recipe ({})", there.variables.join(", "))
        }))
    }

    /// Another set without the cubes that lie within one of this set.
    ///
    /// # Errors
    /// [`PrepError::Request`] where two cubes of a tile would both have some day.
    fn beside(&self, mut there: Self, root: &Root) -> Result<Self, PrepError> {
        let spans = |set: &Self| -> Vec<(String, Period)> {
            set.members.iter().filter_map(|m| Some((m.tile.clone(), m.span()?))).collect()
        };
        let ours = spans(self);
        for (tile, theirs) in spans(&there) {
            for (_, asked) in ours.iter().filter(|(name, _)| *name == tile) {
                let Some(common) = asked.intersection(theirs) else { continue };
                if common != theirs {
                    let all = Period { start: asked.start.min(theirs.start), end: asked.end.max(theirs.end) };
                    return Err(PrepError::Request(format!(
                        "tile {tile} has a cube of {theirs} at {root}, and one of {asked} would share some of its days: \
                         ask for {all}, for days that it hasn't, or write to another folder"
                    )));
                }
            }
        }
        let within = |m: &Member| {
            let theirs = m.span();
            let around = |(tile, asked): &(String, Period)| {
                *tile == m.tile
                    && theirs.is_some_and(|theirs| theirs.start > asked.start && theirs.end <= asked.end)
            };
            ours.iter().any(around)
        };
        there.members.retain(|m| !within(m));
        Ok(there)
    }

    /// The members by their slots.
    #[must_use]
    pub fn by_slot(&self) -> BTreeMap<Slot<'_>, &Member> {
        self.members.iter().map(|m| (m.slot(), m)).collect()
    }

    /// Whether both are parts of one product.
    #[must_use]
    pub fn is_part_of(&self, other: &Self, cubes: Cubes) -> bool {
        let same_tile =
            |a: &Tile| other.tiles.iter().find(|b| a.name == b.name).is_none_or(|b| a.range == b.range);
        let recipe = |set: &Self| (set.name.clone(), set.variables.clone(), set.recipe.clone());
        self.recipe.is_some()
            && recipe(self) == recipe(other)
            && self.grid == other.grid
            && self.tiles.iter().all(same_tile)
            && (cubes == Cubes::ByYear || {
                let mut all = self.members.iter().chain(&other.members).map(Member::is_cube);
                let first = all.next();
                all.all(|is_cube| Some(is_cube) == first)
            })
    }

    /// The members of both; where both have one in a slot the longer of the two, or the own. Who has all of them gives
    /// the order, so that a product that grew is as one that was made at once.
    fn with(self, there: Self) -> Self {
        let theirs = there.by_slot();
        let longer = |own: &Member| theirs.get(&own.slot()).filter(|m| m.is_longer(own)).copied().cloned();
        let own: Vec<Member> =
            self.members.iter().map(|own| longer(own).unwrap_or_else(|| own.clone())).collect();
        let mut by_slot: BTreeMap<Slot<'_>, &Member> = own.iter().map(|m| (m.slot(), m)).collect();
        let members = if theirs.keys().all(|slot| by_slot.contains_key(slot)) {
            own
        } else {
            let taken = there.members.iter().map(|m| by_slot.remove(&m.slot()).unwrap_or(m).clone());
            let mut members: Vec<Member> = taken.collect();
            members.extend(own.iter().filter(|m| by_slot.contains_key(&m.slot())).cloned());
            members
        };
        let is_whole = there.tiles.iter().all(|tile| self.tiles.iter().any(|t| t.name == tile.name));
        let (mut tiles, added) = if is_whole { (self.tiles, Vec::new()) } else { (there.tiles, self.tiles) };
        let added = added.into_iter().filter(|tile| !tiles.iter().any(|t| t.name == tile.name));
        tiles.extend(added.collect::<Vec<_>>());
        let bbox = Bbox::around([self.bbox, there.bbox]).unwrap_or(self.bbox);
        Self { tiles, bbox, members, ..self }
    }

    /// Checks that no catalog lies at a root but one of a product: what is written there would take its place.
    ///
    /// # Errors
    /// [`PrepError::Request`] with its document; [`PrepError::Storage`] where a store can't be read, [`PrepError::Read`]
    /// for a file.
    pub fn check_free(root: &Root) -> Result<(), PrepError> {
        if Self::is_at(root)? {
            return Ok(());
        }
        let ours = |bytes: &[u8]| {
            let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
            let mut links = document["links"].as_array().into_iter().flatten();
            links.any(|link| link["rel"] == "expected")
        };
        for name in ["catalog.json", "collection.json"] {
            match root.document(name)? {
                Some(bytes) if name == "catalog.json" && ours(&bytes) => return Ok(()),
                Some(_) => {
                    let there = root.join(name);
                    return Err(PrepError::Request(format!(
                        "{there} is of another catalog, whose place the product's would take: write to another folder"
                    )));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The variables of a member.
    #[must_use]
    pub fn variables<'a>(&'a self, member: &'a Member) -> &'a [String] {
        member.variables.as_deref().unwrap_or(&self.variables)
    }

    /// The pixels a raster covers, if it lies on the set's grid.
    ///
    /// # Errors
    /// [`PrepError::Grid`] if it doesn't.
    pub fn range_of(&self, path: &Path, geobox: &GeoBox) -> Result<PixelRange, PrepError> {
        let mut found = geobox.clone();
        // A file may write the same system in other words.
        if same_crs(&found.crs, &self.grid.crs) {
            found.crs = self.grid.crs.clone();
        }
        Ok(self.grid.range_of(&path.display().to_string(), &found)?)
    }

    /// The pixels of a member.
    #[must_use]
    pub fn range(&self, member: &Member) -> Option<PixelRange> {
        self.tiles.iter().find(|t| t.name == member.tile).map(|t| t.range)
    }
}
