//! What tiles are called, and what a name means.

use crate::{GridError, PixelGrid, SizeUnit, TileSize, numbered};
use seedbed_block::{Index, PixelRange, Shape2d};
use std::fmt;
use std::str::FromStr;

/// A naming scheme. A name, the scheme, the grid and the tiles' shape give the
/// tile's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// `r<row>c<col>`: the tile's row and column in tiles, counted southwards and
    /// eastwards from the grid's origin; negative on its other side.
    #[default]
    RowColumn,
    /// `chip<lat>N<lon>E` from the upper-left corner in degrees, as VegET's runs
    /// have it: `N` and `E` whatever the hemisphere, at most two decimals, none
    /// where all corners are whole degrees; tiles of 10° are `<lat>N<lon>E`.
    Veget,
    /// `sq_<lon>W_<lat>N`: squares of 10° by their upper-left corner, `E` and `S` on the
    /// other sides of the Earth; `sq_<lat>N_<lon>W` is read as well.
    VegetSquare,
    /// `h<column>v<row>` of MODIS' sinusoidal tiles.
    Modis,
    /// The numbers of Daymet's squares of 2°.
    Daymet,
    /// The names and geometry of the original tools, defects included; see
    /// [`legacy`](crate::legacy). It doesn't name tiles of an integer grid.
    VegetLegacy,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = GridError;

    fn from_str(text: &str) -> Result<Self, GridError> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| GridError::UnknownScheme(text.to_owned()))
    }
}

impl Scheme {
    /// Every scheme there is.
    pub const ALL: [Self; 6] =
        [Self::RowColumn, Self::Veget, Self::VegetSquare, Self::Modis, Self::Daymet, Self::VegetLegacy];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RowColumn => "rc",
            Self::Veget => "veget",
            Self::VegetSquare => "veget-sq",
            Self::Modis => "modis",
            Self::Daymet => "daymet",
            Self::VegetLegacy => "veget-legacy",
        }
    }

    /// The size that its tiles have wherever they are, if they all have one.
    #[must_use]
    pub fn size(self) -> Option<TileSize> {
        (self == Self::Daymet).then_some(TileSize { value: 2.0, unit: SizeUnit::Degree })
    }

    /// Whether its tiles on a grid are drawn in degrees first, as
    /// [`veget::tiles`](crate::veget::tiles) does, and then moved onto the grid.
    #[must_use]
    pub fn is_drawn(self, grid: &PixelGrid) -> bool {
        self == Self::Veget && grid.crs.geographic
    }

    /// The name of the tile at `at`, counted in tiles of `shape` from the origin.
    ///
    /// # Errors
    /// [`GridError::Scheme`] where the scheme can't name tiles of this grid so that
    /// the name gives the tile again.
    pub fn name(self, grid: &PixelGrid, shape: Shape2d, at: Index) -> Result<String, GridError> {
        match self {
            Self::RowColumn => Ok(format!("r{}c{}", at.row, at.col)),
            Self::Veget => {
                let name = veget_name(grid, shape, at)?;
                if self.parse(grid, shape, &name)? == range_of(shape, at) {
                    Ok(name)
                } else {
                    Err(self.refuse(format!("`{name}` would be more than one tile")))
                }
            }
            Self::VegetSquare => square_name(grid, shape, at),
            Self::Modis => numbered::modis_name(grid, shape, at),
            Self::Daymet => numbered::daymet_name(grid, shape, at),
            Self::VegetLegacy => Err(self.refuse("its tiles lie on no integer grid".to_owned())),
        }
    }

    /// The pixels of the tile called `name`.
    ///
    /// # Errors
    /// [`GridError::Name`] for a name that isn't one of the scheme's on this grid.
    pub fn parse(self, grid: &PixelGrid, shape: Shape2d, name: &str) -> Result<PixelRange, GridError> {
        let bad = |reason: &str| GridError::Name {
            name: name.to_owned(),
            scheme: self.as_str(),
            reason: reason.to_owned(),
        };
        let at = match self {
            Self::RowColumn => {
                let parts = name.strip_prefix('r').and_then(|rest| rest.split_once('c'));
                let number = |t: &str| t.parse::<i64>().ok().filter(|n| n.to_string() == t);
                let index = parts.and_then(|(r, c)| Some(Index { row: number(r)?, col: number(c)? }));
                index.ok_or_else(|| bad("write r<row>c<col>"))?
            }
            Self::Veget => {
                let parts = name.strip_prefix("chip").unwrap_or(name).strip_suffix('E');
                let corner = parts.and_then(|rest| rest.split_once('N'));
                let number = |t: &str| t.parse::<f64>().ok().filter(|n| n.is_finite());
                let (lat, lon) = corner
                    .and_then(|(lat, lon)| Some((number(lat)?, number(lon)?)))
                    .ok_or_else(|| bad("write chip<lat>N<lon>E"))?;
                let at = nearest_tile(grid, shape, lat, lon);
                if veget_name(grid, shape, at)? != name {
                    return Err(bad("no tile of the grid has its corner there"));
                }
                at
            }
            Self::VegetSquare => {
                let (lat, lon) = square_corner(name).ok_or_else(|| bad("write sq_90W_50N"))?;
                let at = nearest_tile(grid, shape, f64::from(lat), f64::from(lon));
                let found = square_corner(&square_name(grid, shape, at)?);
                if found != Some((lat, lon)) {
                    return Err(bad("no tile of the grid has its corner there"));
                }
                at
            }
            Self::Modis => {
                let at = numbered::modis_index(name).ok_or_else(|| bad("write h09v05"))?;
                numbered::modis_name(grid, shape, at)?;
                at
            }
            Self::Daymet => numbered::daymet_index(grid, shape, name)?
                .ok_or_else(|| bad("write a number from 1 to 16200"))?,
            Self::VegetLegacy => return Err(bad("its tiles lie on no integer grid")),
        };
        let range = range_of(shape, at);
        // i64 has room for any grid on Earth, but a name may say anything.
        if range.row0.unsigned_abs().max(range.col0.unsigned_abs()) > 1 << 50 {
            return Err(bad("no grid reaches that far"));
        }
        Ok(range)
    }

    fn refuse(self, reason: String) -> GridError {
        GridError::Scheme { scheme: self.as_str(), reason }
    }
}

/// The pixels of the tile at `at`, counted in tiles.
pub fn range_of(shape: Shape2d, at: Index) -> PixelRange {
    let (rows, cols) = (shape.rows.cast_signed() as i64, shape.cols.cast_signed() as i64);
    PixelRange { row0: at.row.saturating_mul(rows), col0: at.col.saturating_mul(cols), rows, cols }
}

/// A tile's height and width in degrees.
#[expect(clippy::cast_precision_loss, reason = "tile shapes are far below 2^52")]
fn degrees(grid: &PixelGrid, shape: Shape2d) -> (f64, f64) {
    (shape.rows as f64 * grid.resolution.y, shape.cols as f64 * grid.resolution.x)
}

#[expect(clippy::cast_possible_truncation, reason = "casts saturate, and the name is compared again")]
fn nearest_tile(grid: &PixelGrid, shape: Shape2d, lat: f64, lon: f64) -> Index {
    let (height, width) = degrees(grid, shape);
    Index {
        row: ((grid.origin.y - lat) / height).round() as i64,
        col: ((lon - grid.origin.x) / width).round() as i64,
    }
}

#[expect(clippy::cast_precision_loss, reason = "tile indices are far below 2^52")]
fn veget_name(grid: &PixelGrid, shape: Shape2d, at: Index) -> Result<String, GridError> {
    if !grid.crs.geographic {
        return Err(Scheme::Veget.refuse(format!("{} isn't longitude and latitude", grid.crs)));
    }
    let (height, width) = degrees(grid, shape);
    let (lat, lon) = (grid.origin.y - at.row as f64 * height, grid.origin.x + at.col as f64 * width);
    let whole = |v: f64| (v - v.round()).abs() < 1e-6;
    if [height, width, grid.origin.x, grid.origin.y].into_iter().all(whole) {
        let prefix = if (height - 10.0).abs() < 1e-6 && (width - 10.0).abs() < 1e-6 { "" } else { "chip" };
        // `+ 0.0` turns −0 into 0.
        return Ok(format!("{prefix}{}N{}E", lat.round() + 0.0, lon.round() + 0.0));
    }
    Ok(format!("chip{}N{}E", two_decimals(lat), two_decimals(lon)))
}

/// `sq_90W_50N`, for squares of 10° on whole degrees.
#[expect(clippy::cast_precision_loss, reason = "tile indices are far below 2^52")]
#[expect(clippy::cast_possible_truncation, reason = "whole degrees on Earth")]
fn square_name(grid: &PixelGrid, shape: Shape2d, at: Index) -> Result<String, GridError> {
    let (height, width) = degrees(grid, shape);
    let (lat, lon) = (grid.origin.y - at.row as f64 * height, grid.origin.x + at.col as f64 * width);
    let near = |v: f64, to: f64| (v - to).abs() < 1e-6;
    if !grid.crs.geographic || !near(height, 10.0) || !near(width, 10.0) {
        return Err(
            Scheme::VegetSquare.refuse(format!("they are {width}×{height}, not squares of 10 degrees"))
        );
    }
    if !near(lat, lat.round()) || !near(lon, lon.round()) || lat.abs() > 90.5 || lon.abs() > 180.5 {
        return Err(Scheme::VegetSquare.refuse(format!("({lon}, {lat}) is no corner of whole degrees")));
    }
    let (lat, lon) = (lat.round() as i32, lon.round() as i32);
    let side = |v: i32, plus: char, minus: char| format!("{}{}", v.abs(), if v < 0 { minus } else { plus });
    Ok(format!("sq_{}_{}", side(lon, 'E', 'W'), side(lat, 'N', 'S')))
}

/// Latitude and longitude of the corner in a name of [`square_name`], in either order.
pub fn square_corner(name: &str) -> Option<(i32, i32)> {
    let (a, b) = name.strip_prefix("sq_")?.split_once('_')?;
    let (lon, lat) = if a.ends_with(['N', 'S']) { (b, a) } else { (a, b) };
    let signed = |text: &str, plus: char, minus: char| -> Option<i32> {
        // A sign before an `E` or `N` is kept, since the tools wrote `-80E`.
        if let Some(number) = text.strip_suffix(plus) {
            return number.parse().ok();
        }
        text.strip_suffix(minus)?.parse::<i32>().ok()?.checked_abs().map(|n| -n)
    };
    Some((signed(lat, 'N', 'S')?, signed(lon, 'E', 'W')?))
}

/// As Python writes a number rounded to two decimals: `50.0`, `-106.8`, `42.78`.
pub fn two_decimals(value: f64) -> String {
    let rounded: f64 = format!("{value:.2}").parse().unwrap_or(value);
    format!("{:?}", rounded + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{lonlat, sinusoidal};
    use seedbed_block::Xy;

    fn degree_grid(west: f64, north: f64, resolution: f64) -> PixelGrid {
        let size = Xy { x: resolution, y: resolution };
        PixelGrid::new(lonlat(), Some(Xy { x: west, y: north }), Some(size)).unwrap()
    }

    fn square(pixels: usize) -> Shape2d {
        Shape2d { rows: pixels, cols: pixels }
    }

    #[test]
    fn names_of_every_scheme_parse_back_to_their_pixels() {
        let cases = [
            (Scheme::RowColumn, degree_grid(-180.0, 90.0, 1.0 / 480.0), square(960)),
            (Scheme::Veget, degree_grid(-180.0, 90.0, 1.0 / 480.0), square(960)),
            (Scheme::Veget, degree_grid(-125.0, 50.0, 0.002), square(1300)),
            (Scheme::Veget, degree_grid(-180.0, 90.0, 0.002), square(5000)),
            (Scheme::RowColumn, PixelGrid::new(sinusoidal(), None, None).unwrap(), square(1000)),
        ];
        for (scheme, grid, shape) in cases {
            for row in -3..40 {
                for col in -3..60 {
                    let at = Index { row, col };
                    let name = scheme.name(&grid, shape, at).unwrap();
                    assert_eq!(scheme.parse(&grid, shape, &name).unwrap(), range_of(shape, at), "{name}");
                }
            }
        }
    }

    #[test]
    fn veget_names_are_those_of_its_runs() {
        let name = |grid: &PixelGrid, pixels, row, col| {
            Scheme::Veget.name(grid, square(pixels), Index { row, col }).unwrap()
        };
        let conus = degree_grid(-112.0, 50.0, 0.002);
        assert_eq!(name(&conus, 1300, 1, 2), "chip47.4N-106.8E");
        assert_eq!(name(&conus, 1300, 0, 0), "chip50.0N-112.0E");
        assert_eq!(name(&degree_grid(-180.0, 90.0, 0.002), 1000, 23, 51), "chip44N-78E");
        assert_eq!(name(&degree_grid(-180.0, 90.0, 0.002), 5000, 5, 10), "40N-80E");
        assert_eq!(name(&degree_grid(-180.0, 90.0, 0.002), 5000, 9, 18), "0N0E");
    }

    #[test]
    fn names_that_two_tiles_would_share_are_refused() {
        let grid = degree_grid(-125.0, 50.0, 0.000_5);
        let refused =
            (0..9).filter(|col| Scheme::Veget.name(&grid, square(9), Index { row: 0, col: *col }).is_err());
        assert!(refused.count() > 0);
        assert!(
            Scheme::Veget
                .name(&PixelGrid::new(sinusoidal(), None, None).unwrap(), square(9), Index { row: 0, col: 0 })
                .is_err()
        );
    }

    #[test]
    fn names_of_no_tile_are_refused() {
        let grid = degree_grid(-180.0, 90.0, 1.0 / 480.0);
        for name in ["", "r1", "r1c", "r01c2", "rc", "r1c2x", "chip44N-78E", "r99999999999999999c1"] {
            assert!(Scheme::RowColumn.parse(&grid, square(960), name).is_err(), "{name}");
        }
        for name in ["chip43N-78E", "chip44.0N-78E", "44N-78E", "chip44N-78", "chipNN-78E", "chipnanN0E"] {
            assert!(Scheme::Veget.parse(&grid, square(960), name).is_err(), "{name}");
        }
    }
}
