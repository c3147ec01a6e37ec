//! What can go wrong between items and products.

use seedbed_block::{Date, Unit, UnitError, unit_suffix};
use seedbed_catalog::{CatalogError, Item};
use seedbed_grid::{GridError, ProjectionError};
use seedbed_raster::{RasterError, WarpError};
use seedbed_storage::StorageError;
use std::path::PathBuf;

/// An error of preparing inputs or writing products.
#[derive(Debug, thiserror::Error)]
pub enum PrepError {
    /// No item has the asset.
    #[error("input `{input}`: none of the {items} items has an asset `{asset}` (they have: {there})")]
    NoAsset {
        /// The input's name.
        input: String,
        /// How many items were looked at.
        items: usize,
        /// The asset asked for.
        asset: String,
        /// The keys there are.
        there: String,
    },
    /// The quality layer that a mask reads isn't there.
    #[error(
        "item `{item}` has no asset `{layer}` for the mask to read, nor has {path} such a variable (it has {there})"
    )]
    NoQuality {
        /// The quality layer.
        layer: String,
        /// The item.
        item: String,
        /// The file of the masked asset.
        path: PathBuf,
        /// The variables there are.
        there: String,
    },
    /// The layer that says on which day each pixel was observed isn't there.
    #[error(
        "item `{item}` has no asset `{layer}` that says on which day each pixel was observed, nor has {path} such a \
         variable (it has {there})"
    )]
    NoCompositeDay {
        /// The layer.
        layer: String,
        /// The item.
        item: String,
        /// The file of the composite.
        path: PathBuf,
        /// The variables there are.
        there: String,
    },
    /// An item has no date.
    #[error("item `{item}` has {what}")]
    Undated {
        /// The item.
        item: String,
        /// What it has instead.
        what: String,
    },
    /// Nothing of an input touches the tiles.
    #[error("input `{input}`: none of its {assets} assets touches {what}")]
    Outside {
        /// The input's name.
        input: String,
        /// How many assets it has.
        assets: usize,
        /// The tile or tiles.
        what: String,
    },
    /// Days that no asset has.
    #[error("input `{input}`: {count} days are missing on {tile}: {days}")]
    MissingDays {
        /// The input's name.
        input: String,
        /// The tile.
        tile: String,
        /// How many.
        count: usize,
        /// The first of them.
        days: String,
    },
    /// A file's dates contradict its item's.
    #[error("{path}: layer {layer} is dated {found}, but the item `{item}` covers {start} to {end}")]
    Clock {
        /// The file.
        path: PathBuf,
        /// Layer number from 0.
        layer: usize,
        /// The file's date.
        found: Date,
        /// The item.
        item: String,
        /// Its first day.
        start: Date,
        /// Its last day.
        end: Date,
    },
    /// Items of one first day that aren't of the same thing.
    #[error("input `{input}`: items of {day} can't become one layer: {reason}")]
    Apart {
        /// The input's name.
        input: String,
        /// The day.
        day: Date,
        /// What tells two of them apart, and what to do.
        reason: String,
    },
    /// The unit isn't known.
    #[error("input `{input}`: neither item `{item}` nor {path} states a unit; set `unit`")]
    NoUnit {
        /// The input's name.
        input: String,
        /// The item.
        item: String,
        /// The file.
        path: PathBuf,
    },
    /// File and item state different units.
    #[error(
        "input `{input}`: {path} says its unit is `{found}`, its item `{item}` says `{stated}`; set `unit`"
    )]
    Units {
        /// The input's name.
        input: String,
        /// The file.
        path: PathBuf,
        /// The file's unit.
        found: String,
        /// The item.
        item: String,
        /// The item's unit.
        stated: String,
    },
    /// The unit isn't known or can't be converted.
    #[error("input `{input}`: the unit of {path} won't do; correct it or set `unit`")]
    Unit {
        /// The input's name.
        input: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: UnitError,
    },
    /// File and item state different scales or offsets.
    #[error(
        "{path} has scale {} and offset {}, its item `{item}` says {} and {}; correct the item",
        found.0, found.1, stated.0, stated.1
    )]
    Scaling {
        /// The file.
        path: PathBuf,
        /// The file's scale and offset.
        found: (f64, f64),
        /// The item.
        item: String,
        /// The item's scale and offset.
        stated: (f64, f64),
    },
    /// A project scales what file or item scales already.
    #[error(
        "{path} has scale {} and offset {} by its own or its item's word, and the project gives `scale` = {} and \
         `offset` = {} for {input} on top of that; remove them from the project",
        stated.0, stated.1, given.0, given.1
    )]
    Scaled {
        /// The input's name.
        input: String,
        /// The file.
        path: PathBuf,
        /// The scale and offset by which its numbers become values.
        stated: (f64, f64),
        /// Those of the project.
        given: (f64, f64),
    },
    /// A local file that isn't the one that its item describes.
    #[error("{path} has {found} bytes, its item `{item}` says {stated}; fetch it again, or correct the item")]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// The item.
        item: String,
        /// The size that the item states.
        stated: u64,
    },
    /// A local file whose bytes aren't those that its item describes.
    #[error(
        "{path} has the checksum {found}, its item `{item}` says {stated}: it was changed or damaged; fetch it again, or \
         correct the item"
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Its digest, as a multihash.
        found: String,
        /// The item.
        item: String,
        /// The digest that the item states.
        stated: String,
    },
    /// A value that can't be in the unit it is said to be in.
    #[error(
        "input `{input}`: {value}{unit}{on} in tile {tile} lies outside {low}..{high}{unit} ({path})",
        unit = unit_suffix(unit),
        on = date.map(|date| format!(" on {date}")).unwrap_or_default()
    )]
    Range {
        /// The input's name.
        input: String,
        /// The value found.
        value: f64,
        /// Its unit after conversion.
        unit: Unit,
        /// The day; none of a static.
        date: Option<Date>,
        /// The tile.
        tile: String,
        /// Least value that makes sense.
        low: f64,
        /// Greatest value that makes sense.
        high: f64,
        /// The file it was read from.
        path: PathBuf,
    },
    /// A finite value that 32 bits would make infinite.
    #[error(
        "input `{input}`: {value:e} at row {row}, column {col} of {path} is more than float32 holds; store float64 \
         (`--dtype float64`), or give the number as `nodata` where it stands for none"
    )]
    Single {
        /// The input's name.
        input: String,
        /// The value.
        value: f64,
        /// The pixel's row in the file, from 0.
        row: i64,
        /// Its column.
        col: i64,
        /// The file.
        path: PathBuf,
    },
    /// A class that the table of values lacks.
    #[error(
        "input `{input}`: class {class} isn't in its table, but in the window of {path} that tile {tile} is made \
         from (row {row}, column {col}); hint: add the class, or `other` for all that the table doesn't name"
    )]
    Class {
        /// The input's name.
        input: String,
        /// The class.
        class: f64,
        /// The tile.
        tile: String,
        /// The pixel's row in the file, from 0.
        row: i64,
        /// Its column.
        col: i64,
        /// The file.
        path: PathBuf,
    },
    /// A file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder can't be written.
    #[error("can't write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A value that the stored type can't hold; its file has the name that it would have had.
    #[error("{0}; give a larger --scale, in a project `output.scale`, or another type")]
    Unstorable(RasterError),
    /// An infinite value where only finite ones can be stored.
    #[error("{0}; store float32 or float64, and not by lerc")]
    Infinite(RasterError),
    /// A written file doesn't read back as it was meant.
    #[error("{path} does not read back as written: {what}")]
    Unverified {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// A product's document is damaged.
    #[error("{path} is no {what}: {reason}")]
    Document {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A mosaic would have holes.
    #[error("{count} of {expected} tiles are missing: {tiles}")]
    Holes {
        /// How many.
        count: usize,
        /// How many there should be.
        expected: usize,
        /// Their names and periods, the first few.
        tiles: String,
    },
    /// A request contradicts itself.
    #[error("{0}")]
    Request(String),
    /// A task can't be encoded.
    #[error("a task can't be encoded")]
    Encode(#[source] serde_json::Error),
    /// From the catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// From a store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// From a raster.
    #[error(transparent)]
    Raster(RasterError),
    /// From a warp plan.
    #[error(transparent)]
    Warp(#[from] WarpError),
    /// From the grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// From PROJ.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl From<RasterError> for PrepError {
    /// What kept a raster's remote bytes from coming is told as the store told it, and what
    /// can't be stored without the folder that it was staged in.
    fn from(error: RasterError) -> Self {
        let named = |path: PathBuf| path.file_name().map(PathBuf::from).unwrap_or(path);
        match error {
            RasterError::Range { path, value, stored, dtype, row, col, min, max, nodata, spread } => {
                let path = named(path);
                Self::Unstorable(RasterError::Range {
                    path,
                    value,
                    stored,
                    dtype,
                    row,
                    col,
                    min,
                    max,
                    nodata,
                    spread,
                })
            }
            RasterError::Infinite { path, value, dtype, row, col } => {
                Self::Infinite(RasterError::Infinite { path: named(path), value, dtype, row, col })
            }
            RasterError::Io { path, source } => match source.downcast::<Self>() {
                Ok(own) => own,
                Err(source) => Self::Raster(RasterError::Io { path, source }),
            },
            other => Self::Raster(other),
        }
    }
}

impl PrepError {
    /// Of an item without a date that can be read; what it states in place of one is quoted.
    pub(crate) fn undated(item: &Item) -> Self {
        let said = ["start_datetime", "end_datetime", "datetime"].into_iter().filter_map(|name| {
            let text = item.property(name)?.as_str()?;
            text.get(..10).unwrap_or(text).parse::<Date>().err()?;
            Some(format!("a {name} that is none, `{text}`"))
        });
        let what = said.collect::<Vec<_>>().join(" and ");
        let none = "neither a datetime nor start and end";
        Self::Undated {
            item: item.id().to_owned(),
            what: if what.is_empty() { none.to_owned() } else { what },
        }
    }

    /// Of a file whose layers have no dates: they may be bands, of which one is meant.
    pub(crate) fn dateless(path: PathBuf, layer: usize, layers: usize) -> Self {
        let reason = format!(
            "layer {layer} (from 0) of {layers} has no date; of a file of several bands, name one as \
             `bands[0].name` of the item's asset: by its description, or as `band 1`"
        );
        Self::Document { path, what: "dated series", reason }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Storage(e) => e.retryable(),
            Self::Catalog(e) => e.retryable(),
            _ => false,
        }
    }

    /// Whether the request or its inputs are at fault rather than the work.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Raster(e) => e.is_usage(),
            Self::Catalog(e) => e.is_usage(),
            Self::Write { .. }
            | Self::Infinite(_)
            | Self::Unverified { .. }
            | Self::Document { .. }
            | Self::Holes { .. }
            | Self::Encode(_)
            | Self::Storage(_) => false,
            _ => true,
        }
    }
}

/// An error with its causes on one line, none of which an earlier one says already.
///
/// # Examples
/// ```
/// use seedbed_prep::{PrepError, one_line};
/// let source = std::io::Error::other("disk full");
/// let error = PrepError::Write { path: "a.tif".into(), source };
/// assert_eq!(one_line(&error), "can't write a.tif: disk full");
/// ```
#[must_use]
pub fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(c) = cause {
        let said = c.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = c.source();
    }
    text
}

/// Attaches a path to an I/O error.
pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> PrepError {
    let path = path.into();
    move |source| PrepError::Write { path, source }
}
