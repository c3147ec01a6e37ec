//! What can go wrong with a raster or a warp.

use crate::{Statistics, statistics};
use seedbed_block::PixelRange;
use seedbed_block::Real;
use seedbed_grid::{ProjectionError, Shape2d};
use std::path::PathBuf;

/// A raster that can't be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RasterError {
    /// A URL or a path of GDAL's virtual file systems.
    #[error("`{path}` is no local file: fetch it first")]
    NotLocal {
        /// What was given.
        path: String,
    },
    /// The file can't be read at all.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file can't be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file isn't what its name says, is cut short, or contradicts its own checksum.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with numbers.
        reason: String,
    },
    /// A file of a known format that isn't read.
    #[error("{} is {what}, which isn't read: make a GeoTIFF, netCDF or Zarr of it", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A file that may be whole, but is stored in a way that isn't read.
    #[error("{} is stored in a way that isn't supported: {reason}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What isn't known of it.
        reason: String,
    },
    /// A file whose values can't be read through byte ranges.
    #[error("{} can't be read through byte ranges ({reason}): fetch it first", path.display())]
    Ranges {
        /// The file.
        path: PathBuf,
        /// What isn't known of it.
        reason: String,
    },
    /// A Zarr group that can't be listed, and doesn't say itself what is in it.
    #[error("{} can't be listed and has no consolidated metadata, so that nothing tells which arrays it has", path.display())]
    Unlisted {
        /// The group.
        path: PathBuf,
    },
    /// GDAL refused.
    #[error("{}: {reason}", path.display())]
    Gdal {
        /// The file.
        path: PathBuf,
        /// GDAL's message.
        reason: String,
    },
    /// The file has several variables (or none by that name).
    #[error("{} has {}; it has {}", path.display(), wanted.as_ref().map_or_else(|| "several variables, and none was chosen".to_owned(), |w| format!("no variable `{w}`")), listed(available))]
    Variable {
        /// The file.
        path: PathBuf,
        /// The variable asked for.
        wanted: Option<String>,
        /// The variables there are.
        available: Vec<String>,
    },
    /// A variable that is there, but isn't on rows and columns as far as its file tells.
    #[error("{}: variable `{variable}` runs along {}; of a raster the last two are rows and columns: first the dimension of y or latitude, then that of x or longitude, which their coordinates' `axis`, `standard_name` or `units` tell, or their names", path.display(), listed(dimensions))]
    Axes {
        /// The file.
        path: PathBuf,
        /// The variable asked for.
        variable: String,
        /// Its dimensions, the slowest first.
        dimensions: Vec<String>,
    },
    /// A variable whose layers run along several axes.
    #[error("{}: variable `{variable}` has layers along {}, and one axis is read: take one step of the others, or join them, with another program first", path.display(), dimensions.join(" and "))]
    Layers {
        /// The file.
        path: PathBuf,
        /// The variable.
        variable: String,
        /// The axes of more than one step.
        dimensions: Vec<String>,
    },
    /// The file doesn't say where it lies, and nothing was claimed for it.
    #[error("{} doesn't say where it lies ({missing})", path.display())]
    NoGeobox {
        /// The file.
        path: PathBuf,
        /// What is missing.
        missing: String,
    },
    /// The file's own geobox contradicts the claimed one.
    #[error("{} is not where its metadata says: {reason}", path.display())]
    Claim {
        /// The file.
        path: PathBuf,
        /// The difference, with numbers.
        reason: String,
    },
    /// A time axis that can't be read.
    #[error("{}: the time axis `{units}` ({calendar}) can't be read: {reason}", path.display())]
    Time {
        /// The file.
        path: PathBuf,
        /// Its units.
        units: String,
        /// Its calendar.
        calendar: String,
        /// What is wrong.
        reason: String,
    },
    /// A window outside the raster.
    #[error("{}: window of {}×{} at row {}, column {} lies outside {}×{}", path.display(), window.rows, window.cols, window.row0, window.col0, shape.rows, shape.cols)]
    Window {
        /// The file.
        path: PathBuf,
        /// The window asked for.
        window: PixelRange,
        /// The raster's shape.
        shape: Shape2d,
    },
    /// A layer that isn't there.
    #[error("{} has {layers} layers, layer {layer} (from 0) was asked for", path.display())]
    NoLayer {
        /// The file.
        path: PathBuf,
        /// The layer asked for, from 0.
        layer: usize,
        /// How many there are.
        layers: usize,
    },
    /// A value that the stored type can't hold.
    #[error(
        "{}: {} at row {row}, column {col} becomes {} in {dtype}, which holds {} to {}{}; its values go from {} to {}",
        path.display(), brief(*value), brief(*stored), brief(*min), brief(*max),
        nodata.map_or_else(|| " and has no nodata value".to_owned(), |n| format!(", {} being nodata", brief(n))),
        brief(spread[0]), brief(spread[1])
    )]
    Range {
        /// The file.
        path: PathBuf,
        /// The physical value.
        value: f64,
        /// The stored value it would need.
        stored: f64,
        /// The stored type.
        dtype: crate::DType,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        col: usize,
        /// Smallest number that can be stored.
        min: f64,
        /// Largest number that can be stored.
        max: f64,
        /// The stored value that means missing, which no valid value may take.
        nodata: Option<f64>,
        /// The least and the greatest finite value of the image.
        spread: [f64; 2],
    },
    /// An infinite value where only finite ones can be stored.
    #[error(
        "{}: {value} at row {row}, column {col}: {}", path.display(),
        if dtype.is_integer() { format!("{dtype} has no infinite numbers") } else { "lerc holds none".to_owned() }
    )]
    Infinite {
        /// The file.
        path: PathBuf,
        /// The physical value.
        value: f64,
        /// The stored type.
        dtype: crate::DType,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        col: usize,
    },
    /// Writing was asked for with contradictory options.
    #[error("{}: {reason}", path.display())]
    Options {
        /// The file.
        path: PathBuf,
        /// The contradiction.
        reason: String,
    },
    /// The coordinate reference system isn't usable.
    #[error("{}: its coordinate reference system can't be used", path.display())]
    Crs {
        /// The file.
        path: PathBuf,
        /// PROJ's reason.
        source: ProjectionError,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl RasterError {
    /// Whether the request or what is said of the file is at fault: the file
    /// itself may be whole.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        !matches!(
            self,
            Self::Damaged { .. }
                | Self::Gdal { .. }
                | Self::Time { .. }
                | Self::Write { .. }
                | Self::Infinite { .. }
        )
    }

    /// The same with the spread of an image's values, where it is about one of them.
    pub(crate) fn among<T: Real>(mut self, values: &[T]) -> Self {
        if let Self::Range { spread, .. } = &mut self {
            let Statistics { min, max, .. } = statistics(values);
            *spread = [min, max];
        }
        self
    }
}

/// A number without rows of zeros.
fn brief(value: f64) -> String {
    let is_long = value.is_finite() && value != 0.0 && !(1e-6..1e17).contains(&value.abs());
    if is_long { format!("{value:e}") } else { value.to_string() }
}

/// A warp that can't be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarpError {
    /// A geobox without pixels or with a singular affine.
    #[error("the {which} geobox is degenerate: {reason}")]
    Degenerate {
        /// `source` or `target`.
        which: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There is no way between the two systems.
    #[error("no warp from {from} to {to}")]
    Projection {
        /// Source system.
        from: String,
        /// Target system.
        to: String,
        /// PROJ's reason.
        source: ProjectionError,
    },
}
