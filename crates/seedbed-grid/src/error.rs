//! What is wrong with a grid, an area or a file that should hold one.

use crate::ProjectionError;
use std::io;
use std::path::PathBuf;

/// What is wrong with a grid, or a raster or tile that claims to lie on it.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// A raster isn't on the grid.
    #[error("{what} is off the grid by {dx:.3e} columns and {dy:.3e} rows (at most 1e-6 is allowed)")]
    OffGrid {
        /// The raster or tile.
        what: String,
        /// Distance to the nearest grid line, in columns.
        dx: f64,
        /// Distance to the nearest grid line, in rows.
        dy: f64,
    },
    /// A raster has another pixel size, rotation or CRS.
    #[error("{what} has {found}, the grid {expected}")]
    Mismatch {
        /// The raster or tile.
        what: String,
        /// What it has.
        found: String,
        /// What the grid has.
        expected: String,
    },
    /// Two tiles share pixels.
    #[error("tiles {0} and {1} overlap")]
    Overlap(String, String),
    /// No tile of that name.
    #[error("no tile `{name}` in the grid; nearest: {nearest}")]
    NoTile {
        /// The name asked for.
        name: String,
        /// A tile there is.
        nearest: String,
    },
    /// Two tiles have one name.
    #[error("two tiles are called `{0}`")]
    Duplicate(String),
    /// A tile without pixels.
    #[error("tile {0} has no pixels")]
    Empty(String),
    /// Pixels without a size, or an origin that is no place.
    #[error(
        "a grid needs finite numbers and pixels of a positive size, not {x}×{y} from ({origin_x}, {origin_y})"
    )]
    Resolution {
        /// Pixel width.
        x: f64,
        /// Pixel height.
        y: f64,
        /// The origin's x.
        origin_x: f64,
        /// The origin's y.
        origin_y: f64,
    },
    /// A tile size that can't be read.
    #[error("`{0}` is no tile size: write a number and px, deg or m")]
    SizeForm(String),
    /// A tile size in a unit that the CRS doesn't have.
    #[error("a tile of {size} does not fit {crs}, whose unit is {unit}")]
    SizeUnit {
        /// The size asked for.
        size: String,
        /// The grid's CRS.
        crs: String,
        /// Its unit.
        unit: String,
    },
    /// A tile size that isn't a whole number of pixels.
    #[error("a tile of {size} is {pixels} pixels of {resolution}; the nearest whole one is {nearest}")]
    SizePixels {
        /// The size asked for.
        size: String,
        /// What it is in pixels.
        pixels: f64,
        /// The pixel size.
        resolution: f64,
        /// A size that would do.
        nearest: String,
    },
    /// More tiles than anybody could want.
    #[error("{tiles} tiles would be needed, more than {most}: the tiles are too small for the area")]
    TooMany {
        /// How many.
        tiles: u64,
        /// How many are allowed.
        most: u64,
    },
    /// No tile holds any of the area.
    #[error("{0} has no area on this grid")]
    NoArea(String),
    /// The area lies partly where the CRS has no coordinates.
    #[error("{area} reaches where {crs} has no coordinates")]
    NoImage {
        /// The area.
        area: String,
        /// The grid's CRS.
        crs: String,
    },
    /// No well-known grid of that name.
    #[error("no grid `{name}`; there are {known}")]
    UnknownGrid {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// No naming scheme of that name.
    #[error("no naming scheme `{0}`; there are rc, veget, veget-sq, modis, daymet and veget-legacy")]
    UnknownScheme(String),
    /// The scheme can't name tiles of this grid.
    #[error("scheme {scheme} can't name these tiles: {reason}")]
    Scheme {
        /// The scheme.
        scheme: &'static str,
        /// Why not.
        reason: String,
    },
    /// A name that has no meaning in the scheme, or more than one.
    #[error("`{name}` is no tile of scheme {scheme}: {reason}")]
    Name {
        /// The name.
        name: String,
        /// The scheme.
        scheme: &'static str,
        /// Why not.
        reason: String,
    },
    /// A file written by a later Seedbed.
    #[error("format version {found} is not known, only {known}")]
    Version {
        /// The file's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A file that can't be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that can't be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is no grid, or a grid that doesn't hold together.
    #[error("{} is no tile grid", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A file of tiles that don't lie on the grid.
    #[error("{file}: {feature}: {reason}")]
    TileFile {
        /// The file.
        file: String,
        /// Which feature.
        feature: String,
        /// What is wrong.
        reason: String,
    },
    /// A file of tiles that can't be read.
    #[error(transparent)]
    Area(#[from] AoiError),
    /// A shapefile that can't be encoded.
    #[error("{} can't be written as a shapefile", path.display())]
    Shapefile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: shapefile::Error,
    },
    /// A CRS or point that can't be handled.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

/// What is wrong with a file that should hold an area of interest.
#[derive(Debug, thiserror::Error)]
pub enum AoiError {
    /// It can't be read.
    #[error("{file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It is no GeoJSON.
    #[error("{file} is no GeoJSON")]
    GeoJson {
        /// The file.
        file: String,
        /// Why.
        source: geojson::Error,
    },
    /// It is `TopoJSON`, whose polygons share arcs.
    #[error("{file} is TopoJSON, not GeoJSON: convert it, with `ogr2ogr area.geojson {file}` for example")]
    TopoJson {
        /// The file.
        file: String,
    },
    /// It is no well-known text.
    #[error("{what} is no area in well-known text: {reason}")]
    Wkt {
        /// The file, or what else gave the text.
        what: String,
        /// What stands where.
        reason: String,
    },
    /// A GeoPackage, or another file of GDAL's, that can't be read.
    #[error("{file}: {reason}")]
    Vector {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// It is no shapefile.
    #[error("{file} is no shapefile")]
    Shapefile {
        /// The file.
        file: String,
        /// Why.
        source: shapefile::Error,
    },
    /// A shapefile without its CRS.
    #[error("{file} has no .prj beside it, so its coordinate reference system isn't known")]
    NoPrj {
        /// The file.
        file: String,
    },
    /// It has points or lines only, or nothing.
    #[error("{file} has no polygon, only {found}")]
    NoPolygon {
        /// The file.
        file: String,
        /// What it has.
        found: String,
    },
    /// A ring that can't be read, or not in one way only.
    #[error("{file}: {place}: {reason}")]
    Ring {
        /// The file.
        file: String,
        /// Which feature, which ring.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// Coordinates that can't be longitude and latitude.
    #[error("{file} has the position ({x}, {y}), which is no longitude and latitude")]
    NotDegrees {
        /// The file.
        file: String,
        /// Its x.
        x: f64,
        /// Its y.
        y: f64,
    },
    /// Its CRS isn't understood or has no way to longitude and latitude.
    #[error("the coordinate reference system of {file}")]
    Projection {
        /// The file.
        file: String,
        /// Why.
        source: ProjectionError,
    },
}
