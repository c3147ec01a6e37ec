//! The tiles and chips of the original VegET tools, defects included.
//!
//! They lie on no integer grid: corners are sums of floating-point steps, two
//! schemes give one name different heights, and a sum that falls short of an
//! edge by a bit adds a column beyond it. Whoever must meet products made with
//! them gets their geometry here, and can ask [`to_grid`] whether it fits a grid.
//!
//! All in degrees of longitude and latitude; a tile is named after its
//! upper-left corner, with `N` and `E` whatever the hemisphere.

use crate::cover::SizeUnit;
use crate::export::{Row, table, write_json, write_shapes};
use crate::names::{square_corner, two_decimals};
use crate::{Affine, Bbox, GeoBox, GridError, PixelGrid, Projections, Scheme, Tile, TileGrid, TileSize};
use seedbed_block::{Shape2d, Xy};
use serde_json::{Value, json};
use std::path::Path;

/// A tile or chip as the original tools drew it.
#[derive(Debug, Clone, PartialEq)]
pub struct LegacyTile {
    /// Its name.
    pub name: String,
    /// Its extent.
    pub extent: Bbox,
}

impl LegacyTile {
    fn new(name: String, west: f64, north: f64, width: f64, height: f64) -> Self {
        Self { name, extent: Bbox { west, south: north - height, east: west + width, north } }
    }

    /// Upper left, upper right, lower right, lower left, upper left; x before y.
    #[must_use]
    pub fn ring(&self) -> [[f64; 2]; 5] {
        let b = self.extent;
        [[b.west, b.north], [b.east, b.north], [b.east, b.south], [b.west, b.south], [b.west, b.north]]
    }
}

/// Which of the two sets of continental rows a name of the form
/// `r<lat>_tile<i>` belongs to: `r50.0_tile6` alone could be either's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConusRows {
    /// Rows from 37° and 50° N, 14° and 13° high: the set that ran.
    Two,
    /// Rows from 30°, 40° and 50° N, 7°, 10° and 10° high: retired.
    Three,
}

/// Degrees of a continental tile from west to east.
pub(crate) const CONUS_WIDTH: f64 = 13.0;
/// Where the continental rows begin.
const CONUS_WEST: f64 = -125.0;

impl ConusRows {
    /// Top, bottom and number of tiles of each row, from the south.
    fn rows(self) -> &'static [(f64, f64, u8)] {
        match self {
            Self::Two => &[(37.0, 23.0, 5), (50.0, 37.0, 6)],
            Self::Three => &[(30.0, 23.0, 5), (40.0, 30.0, 5), (50.0, 40.0, 6)],
        }
    }

    /// `r<lat>_tile<i>`: rows from the south, numbered across rows.
    #[must_use]
    pub fn tiles(self) -> Vec<LegacyTile> {
        let mut tiles = Vec::new();
        for (top, bottom, count) in self.rows() {
            for i in 0..*count {
                let west = CONUS_WEST + f64::from(i) * CONUS_WIDTH;
                let name = format!("r{top:?}_tile{}", tiles.len());
                tiles.push(LegacyTile::new(name, west, *top, CONUS_WIDTH, top - bottom));
            }
        }
        tiles
    }
}

/// `chip<lat>N<lon>E`: a tile split `divisor` times each way. Corners after the
/// first row and column are rounded to two decimals, while edges are not.
#[must_use]
pub fn chips(extent: Bbox, divisor: u32) -> Vec<LegacyTile> {
    let width = (extent.east - extent.west) / f64::from(divisor);
    let height = (extent.north - extent.south) / f64::from(divisor);
    let rounded = |v: f64| two_decimals(v).parse().unwrap_or(v);
    let mut tiles = Vec::new();
    let mut north = extent.north;
    for _ in 0..divisor {
        let mut west = extent.west;
        for _ in 0..divisor {
            tiles.push(LegacyTile::new(format!("chip{north:?}N{west:?}E"), west, north, width, height));
            west = rounded(west + width);
        }
        north = rounded(north - height);
    }
    tiles
}

/// `chip<lat>N<lon>E` of whole degrees over a box of whole degrees.
#[must_use]
pub fn degree_chips(west: i32, south: i32, east: i32, north: i32, step: u16) -> Vec<LegacyTile> {
    let (stride, size) = (usize::from(step.max(1)), f64::from(step));
    let tops = ((south + 1)..=north).rev().step_by(stride);
    tops.flat_map(|top| {
        (west..east).step_by(stride).map(move |left| {
            LegacyTile::new(format!("chip{top}N{left}E"), f64::from(left), f64::from(top), size, size)
        })
    })
    .collect()
}

/// `<lat>N<lon>E`, a row of squares of `step` degrees whose upper-left corners run
/// from `first` to `last` **inclusive**, so that the row ends at `last + step`.
#[must_use]
pub fn row_strip(top: i32, first: i32, last: i32, step: u16) -> Vec<LegacyTile> {
    (first..=last)
        .step_by(usize::from(step.max(1)))
        .map(|left| degree_square(format!("{top}N{left}E"), top, left, step))
        .collect()
}

fn degree_square(name: String, top: i32, left: i32, step: u16) -> LegacyTile {
    LegacyTile::new(name, f64::from(left), f64::from(top), f64::from(step), f64::from(step))
}

/// How often an extent is split each way, from once on, until a chip has at most
/// `max_pixels` whole pixels of `resolution`; with a chip's width and height.
pub(crate) fn split(extent: Bbox, resolution: f64, max_pixels: u64) -> (u32, f64, f64) {
    let (width, height) = (extent.east - extent.west, extent.north - extent.south);
    let mut times = 1_u32;
    loop {
        let (w, h) = (width / f64::from(times), height / f64::from(times));
        let pixels = (h / resolution).trunc() * (w / resolution).trunc();
        #[expect(clippy::cast_precision_loss, reason = "pixel limits are far below 2^52")]
        if pixels <= max_pixels as f64 || times == u32::from(u16::MAX) {
            return (times, w, h);
        }
        times += 1;
    }
}

/// Pixels of a square chip.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are positive, and saturate"
)]
pub(crate) fn square(side: f64) -> u64 {
    (side * side).round() as u64
}

/// `chip<lat>N<lon>E`, of two decimals.
pub(crate) fn chip_name(north: f64, west: f64) -> String {
    format!("chip{}N{}E", two_decimals(north), two_decimals(west))
}

/// Rows that end within this of the southern edge are the last, in degrees.
const SLACK: f64 = 5e-8;

/// `chip<lat>N<lon>E` over an extent split until a chip has at most `max_pixels`.
/// Corners are summed and compared with the far edge: rows with 5e-8° of slack,
/// columns with none, so that rounding can add a column beyond the eastern edge.
/// Names keep two decimals.
///
/// # Errors
/// [`GridError::Scheme`] where the whole extent is one chip: the original fails there.
pub fn extent_chips(extent: Bbox, resolution: f64, max_pixels: u64) -> Result<Vec<LegacyTile>, GridError> {
    let (times, width, height) = split(extent, resolution, max_pixels);
    if times == 1 || !(width > 0.0 && height > 0.0) {
        let reason = "the extent fits into one chip, where the original tool fails".to_owned();
        return Err(GridError::Scheme { scheme: Scheme::VegetLegacy.as_str(), reason });
    }
    let mut tiles = Vec::new();
    let mut north = extent.north;
    while north > extent.south + SLACK {
        let mut west = extent.west;
        while west < extent.east {
            tiles.push(LegacyTile::new(chip_name(north, west), west, north, width, height));
            west += width;
        }
        north -= height;
    }
    Ok(tiles)
}

/// The original tools' tiles over an extent, by the size asked for:
///
/// | size | tiles |
/// |---|---|
/// | `13deg` | the continental `r<lat>_tile<i>` that ran, 13° wide, as far as they meet the extent |
/// | `10deg` | `<lat>N<lon>E`, whole squares, each row with one square beyond the extent as [`row_strip`] |
/// | another whole number of degrees, on an extent of whole degrees | `chip<lat>N<lon>E` of [`degree_chips`] |
/// | degrees that divide the extent's width | [`chips`], as many from north to south as from west to east |
/// | `Npx`, with a resolution in degrees | [`extent_chips`] of at most N × N pixels |
///
/// # Errors
/// [`GridError::Scheme`] for any other size.
pub fn cover(extent: Bbox, size: TileSize, resolution: Option<f64>) -> Result<Vec<LegacyTile>, GridError> {
    let refuse = |reason: &str| {
        Err(GridError::Scheme { scheme: Scheme::VegetLegacy.as_str(), reason: reason.to_owned() })
    };
    let edges = [extent.west, extent.south, extent.east, extent.north];
    if extent.west >= extent.east {
        return refuse("the original tools know no area across the antimeridian");
    }
    #[expect(clippy::cast_possible_truncation, reason = "degrees are far below 2^31")]
    let [west, south, east, north] = edges.map(|e| e as i32);
    let whole = edges.iter().chain([&size.value]).all(|e| e.fract() == 0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts, checked to be small"
    )]
    match size.unit {
        SizeUnit::Metre => refuse("its tiles are in degrees: write 2deg, or 500px with a resolution"),
        SizeUnit::Pixel => match resolution {
            Some(resolution) => extent_chips(extent, resolution, square(size.value)),
            None => refuse("a size in pixels needs a resolution in degrees"),
        },
        SizeUnit::Degree if size.value == CONUS_WIDTH => {
            let meets = |t: &LegacyTile| {
                let b = t.extent;
                b.west < extent.east
                    && extent.west < b.east
                    && b.south < extent.north
                    && extent.south < b.north
            };
            Ok(ConusRows::Two.tiles().into_iter().filter(meets).collect())
        }
        SizeUnit::Degree if size.value == 10.0 && whole => {
            let tops = (south + 1..=north).rev().step_by(10);
            Ok(tops.flat_map(|top| row_strip(top, west, east, 10)).collect())
        }
        SizeUnit::Degree if whole && size.value <= 180.0 => {
            Ok(degree_chips(west, south, east, north, size.value as u16))
        }
        SizeUnit::Degree => {
            let count = (extent.east - extent.west) / size.value;
            // Widths such as 13° come as sums of decimals.
            if (count - count.round()).abs() > 1e-9 || !(1.0..=1000.0).contains(&count.round()) {
                return refuse(
                    "the size doesn't divide the area's width, and degrees of another size need an area of whole degrees",
                );
            }
            Ok(chips(extent, count.round() as u32))
        }
    }
}

/// The extent of a single name that says all by itself: `sq_90W_50N`,
/// `sq_40N_150W` (10° squares), `40N-80E` (10°), `d40N-78E` (2°).
///
/// # Errors
/// [`GridError::Name`] for other names; for `r<lat>_tile<i>` and `chip…` the size isn't
/// in the name, so they are ambiguous without the rows or extent they come from.
pub fn tile(name: &str) -> Result<LegacyTile, GridError> {
    let bad = |reason: &str| GridError::Name {
        name: name.to_owned(),
        scheme: Scheme::VegetLegacy.as_str(),
        reason: reason.to_owned(),
    };
    if name.starts_with("chip") || (name.starts_with('r') && name.contains("_tile")) {
        return Err(bad("its size isn't in the name; give the rows or the extent it belongs to"));
    }
    let unknown = || bad("write sq_90W_50N, 40N-80E or d40N-78E");
    let (top, left, step) = if name.starts_with("sq_") {
        let (lat, lon) = square_corner(name).ok_or_else(unknown)?;
        (lat, lon, 10)
    } else {
        let (rest, step) = name.strip_prefix('d').map_or((name, 10), |rest| (rest, 2));
        let corner = rest.strip_suffix('E').and_then(|r| r.split_once('N')).ok_or_else(unknown)?;
        let number = |t: &str| t.parse::<i32>().map_err(|_| unknown());
        (number(corner.0)?, number(corner.1)?, step)
    };
    if !(-90..=90).contains(&top) || !(-180..=180).contains(&left) {
        return Err(bad("there is no such place"));
    }
    Ok(degree_square(name.to_owned(), top, left, step))
}

/// The tiles as ranges of an integer grid, if every corner lies on it.
///
/// # Errors
/// [`GridError::OffGrid`] or [`GridError::Mismatch`] for a tile off the grid,
/// [`GridError::Overlap`] and [`GridError::Duplicate`] for the original's collisions.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be near a count of pixels"
)]
pub fn to_grid(grid: &PixelGrid, tiles: &[LegacyTile]) -> Result<TileGrid, GridError> {
    let tiles = tiles
        .iter()
        .map(|t| {
            let b = t.extent;
            let (cols, rows) =
                ((b.east - b.west) / grid.resolution.x, (b.north - b.south) / grid.resolution.y);
            let (dx, dy) = ((cols - cols.round()).abs(), (rows - rows.round()).abs());
            if dx.max(dy) > 1e-6 {
                return Err(GridError::OffGrid { what: t.name.clone(), dx, dy });
            }
            let geobox = GeoBox {
                crs: grid.crs.clone(),
                affine: Affine::north_up(Xy { x: b.west, y: b.north }, grid.resolution.x, grid.resolution.y),
                shape: Shape2d { rows: rows.round() as usize, cols: cols.round() as usize },
            };
            Ok(Tile { name: t.name.clone(), range: grid.range_of(&t.name, &geobox)? })
        })
        .collect::<Result<Vec<Tile>, GridError>>()?;
    let grid = TileGrid { grid: grid.clone(), scheme: Scheme::VegetLegacy.to_string(), tiles };
    grid.check()?;
    Ok(grid)
}

/// Tiles as a feature collection, rings clockwise from the upper left as the
/// original tools wrote them (RFC 7946 would have them the other way).
///
/// # Errors
/// [`GridError::Write`].
pub fn write_geojson(tiles: &[LegacyTile], path: &Path) -> Result<(), GridError> {
    let feature = |(i, t): (usize, &LegacyTile)| {
        json!({
            "type": "Feature",
            "id": i.to_string(),
            "properties": {"name": t.name},
            "geometry": {"type": "Polygon", "coordinates": [t.ring()]},
        })
    };
    let features: Vec<Value> = tiles.iter().enumerate().map(feature).collect();
    write_json(path, &json!({"type": "FeatureCollection", "features": features}))
}

/// Tiles as a shapefile in longitude and latitude.
///
/// # Errors
/// [`GridError`].
pub fn write_shapefile(
    tiles: &[LegacyTile],
    path: &Path,
    projections: &dyn Projections,
) -> Result<(), GridError> {
    let rings: Vec<Vec<[f64; 2]>> = tiles.iter().map(|t| t.ring()[..4].to_vec()).collect();
    let rows: Vec<Row<'_>> =
        tiles.iter().map(|t| Row { name: &t.name, numbers: None, share: f64::NAN }).collect();
    let prj = projections.prj(&projections.resolve("EPSG:4326")?)?;
    write_shapes(path, &rings, &table(&rows), &prj)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::lonlat;

    #[test]
    fn names_that_say_all_give_their_square() {
        let extent = |name: &str| <[f64; 4]>::from(tile(name).unwrap().extent);
        assert_eq!(extent("sq_90W_50N"), [-90.0, 40.0, -80.0, 50.0]);
        assert_eq!(extent("sq_40N_150W"), [-150.0, 30.0, -140.0, 40.0]);
        assert_eq!(extent("sq_20E_10S"), [20.0, -20.0, 30.0, -10.0]);
        assert_eq!(extent("40N-80E"), [-80.0, 30.0, -70.0, 40.0]);
        assert_eq!(extent("d40N-78E"), [-78.0, 38.0, -76.0, 40.0]);
    }

    #[test]
    fn names_that_could_be_two_tiles_are_refused() {
        for name in ["r50.0_tile6", "chip47.4N-106.8E", "sq_90W", "sq_200W_50N", "40N", "x"] {
            assert!(matches!(tile(name), Err(GridError::Name { .. })), "{name}");
        }
    }

    #[test]
    fn tiles_that_fit_an_integer_grid_become_ranges_of_it() {
        let size = Xy { x: 0.002, y: 0.002 };
        let grid = PixelGrid::new(lonlat(), None, Some(size)).unwrap();
        let two = to_grid(&grid, &degree_chips(-78, 36, -72, 44, 2)).unwrap();
        assert_eq!((two.tiles.len(), two.tile_shape()), (12, Some(Shape2d { rows: 1000, cols: 1000 })));
        let chips = chips(ConusRows::Two.tiles()[6].extent, 5);
        assert_eq!(to_grid(&grid, &chips).unwrap().tiles.len(), 25);
        let delaware = Bbox::from([
            -77.422_609_356_566_14,
            38.356_589_049_732_71,
            -73.248_017_097_385_81,
            42.782_996_779_998_07,
        ]);
        let spurious = extent_chips(delaware, 0.002_310_233_679_679_207_5, 250_000).unwrap();
        assert!(matches!(to_grid(&grid, &spurious), Err(GridError::OffGrid { .. })));
    }
}
