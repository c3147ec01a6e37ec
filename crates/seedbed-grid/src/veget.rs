//! The tiles of the original VegET tools as they were meant: the same names, without
//! the defects, on an integer grid.
//!
//! [`crate::legacy`] draws what the tools drew. Here corners are counted, not
//! summed: no column is added beyond the eastern edge, and neighbours share their
//! edges, so that they still do when [`snap`](crate::snap()) has moved them onto the grid.

use crate::cover::SizeUnit;
use crate::legacy::{self, ConusRows, LegacyTile};
use crate::names::two_decimals;
use crate::{Bbox, GridError, Scheme, TileSize};

/// The tiles of [`legacy::cover`] with their true geometry.
///
/// | size | tiles |
/// |---|---|
/// | `13deg` | the continental `r<lat>_tile<i>` that ran, as far as they meet the extent |
/// | `10deg`, whole degrees | `<lat>N<lon>E`, without the square beyond the row's end |
/// | another whole number of degrees, whole degrees | `chip<lat>N<lon>E` |
/// | degrees that divide the extent's width | `chip<lat>N<lon>E`, as many rows as columns |
/// | `Npx`, with a resolution in degrees | the chips of at most N × N pixels |
///
/// # Errors
/// [`GridError::Scheme`] for any other size.
pub fn tiles(extent: Bbox, size: TileSize, resolution: Option<f64>) -> Result<Vec<LegacyTile>, GridError> {
    let drawn = match (size.unit, resolution) {
        // The original fails on an extent of one chip, which is no reason to fail here.
        (SizeUnit::Pixel, Some(r)) if legacy::split(extent, r, legacy::square(size.value)).0 == 1 => {
            let name = legacy::chip_name(extent.north, extent.west);
            return Ok(vec![LegacyTile { name, extent }]);
        }
        _ => legacy::cover(extent, size, resolution)?,
    };
    let whole = size.unit == SizeUnit::Degree
        && [extent.west, extent.south, extent.east, extent.north, size.value]
            .iter()
            .all(|v| v.fract() == 0.0);
    Ok(match (size.unit, resolution) {
        (SizeUnit::Pixel, Some(r)) => {
            let (times, ..) = legacy::split(extent, r, legacy::square(size.value));
            counted(extent, times, drawn)
        }
        (SizeUnit::Degree, _) if size.value == 10.0 && whole => {
            drawn.into_iter().filter(|t| t.extent.west < extent.east).collect()
        }
        (SizeUnit::Degree, _) if whole || size.value == legacy::CONUS_WIDTH => drawn,
        _ => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "1 to 1000, as checked"
            )]
            let times = ((extent.east - extent.west) / size.value).round() as u32;
            counted(extent, times, drawn)
        }
    })
}

/// The box of whole tiles of so many degrees around an area, counted from 180° W and 90° N as squares of a grid are: what
/// [`tiles`] draws whole degrees over.
#[must_use]
pub fn around(area: Bbox, degrees: f64) -> Bbox {
    let down = |v: f64, from: f64| from + ((v - from) / degrees).floor() * degrees;
    let up = |v: f64, from: f64| from + ((v - from) / degrees).ceil() * degrees;
    Bbox {
        west: down(area.west, -180.0),
        south: down(area.south, 90.0),
        east: up(area.east, -180.0),
        north: up(area.north, 90.0),
    }
}

/// Tiles drawn row by row by adding up steps, with the corners they should have.
fn counted(extent: Bbox, times: u32, drawn: Vec<LegacyTile>) -> Vec<LegacyTile> {
    let edge = |from: f64, to: f64, i: u32| {
        if i == times { to } else { from + (to - from) * f64::from(i) / f64::from(times) }
    };
    let (mut row, mut col, mut north) = (0, 0, extent.north);
    let mut tiles = Vec::new();
    for (i, tile) in drawn.into_iter().enumerate() {
        if i > 0 && tile.extent.north != north {
            (row, col) = (row + 1, 0);
        }
        north = tile.extent.north;
        if row < times && col < times {
            let extent = Bbox {
                west: edge(extent.west, extent.east, col),
                east: edge(extent.west, extent.east, col + 1),
                north: edge(extent.north, extent.south, row),
                south: edge(extent.north, extent.south, row + 1),
            };
            tiles.push(LegacyTile { name: tile.name, extent });
        }
        col += 1;
    }
    tiles
}

/// An area, and what the tools draw over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// The area's box.
    pub extent: Bbox,
    /// The tiles over it: [`tiles`], or those of [`legacy::cover`].
    pub tiles: Vec<LegacyTile>,
}

/// The tiles that a name stands for: one, or a row of them for `row_0_070N`, `row_2_050N` and `row_3_040N`.
///
/// Chips and continental tiles don't have their size in their name. `over` tells it, if the name is one of the tiles
/// drawn over that area. Without, `size` does where one tile only can be meant: chips of whole degrees are squares, and
/// a fifth of a continental tile (`2.6deg`) or such a tile (`13deg`) is known where no other has its name.
///
/// # Errors
/// [`GridError::Name`] for a name that means nothing, or more than one tile.
pub fn named(
    name: &str,
    size: Option<TileSize>,
    over: Option<&Drawing>,
) -> Result<Vec<LegacyTile>, GridError> {
    let bad =
        |reason: String| GridError::Name { name: name.to_owned(), scheme: Scheme::Veget.as_str(), reason };
    match name {
        "row_0_070N" => return Ok(row(70, -180, -70)),
        "row_2_050N" => return Ok(row(50, -130, -60)),
        "row_3_040N" => return Ok(row(40, -130, -80)),
        _ => {}
    }
    let is_continental = name.starts_with('r') && name.contains("_tile");
    if !is_continental && !name.starts_with("chip") {
        return Ok(vec![legacy::tile(name)?]);
    }
    let drawn = of_that_name(over.iter().flat_map(|over| over.tiles.iter().cloned()), name);
    match drawn.as_slice() {
        [] => {}
        [tile] => return Ok(vec![tile.clone()]),
        _ => return Err(bad("several tiles over the area are called so".to_owned())),
    }
    let degrees = size.filter(|s| s.unit == SizeUnit::Degree).map(|s| s.value);
    let all = || [ConusRows::Two, ConusRows::Three].into_iter().flat_map(ConusRows::tiles);
    let (known, size_is_given) = if is_continental {
        (of_that_name(all(), name), degrees == Some(legacy::CONUS_WIDTH))
    } else {
        let Some(width) = degrees else {
            return Err(bad("a chip's size isn't in its name: say it with --tile, as 2.6deg".to_owned()));
        };
        let (north, west) = corner(name).ok_or_else(|| bad("write chip<lat>N<lon>E".to_owned()))?;
        if !name.contains('.') && width.fract() == 0.0 {
            let extent = Bbox { west, south: north - width, east: west + width, north };
            return Ok(vec![LegacyTile { name: name.to_owned(), extent }]);
        }
        let fifths = (width * FIFTHS - legacy::CONUS_WIDTH).abs() < 1e-9;
        (of_that_name(all().flat_map(|tile| legacy::chips(tile.extent, 5)), name), fifths)
    };
    let meets = |tile: &&LegacyTile| over.is_none_or(|over| tile.extent.intersects(over.extent));
    let meant: Vec<&LegacyTile> = known.iter().filter(meets).collect();
    match meant.as_slice() {
        [tile] if size_is_given => Ok(vec![(*tile).clone()]),
        [] if is_continental => Err(bad("there is none of that number in either set".to_owned())),
        [_, ..] if size_is_given || is_continental => {
            let heights: Vec<String> =
                meant.iter().map(|t| two_decimals(t.extent.north - t.extent.south)).collect();
            let how = if is_continental { " and --tile 13deg" } else { "" };
            Err(bad(format!(
                "its size isn't in the name, and there is one {} degrees high; give the area of the one you mean \
                 with --bbox{how}",
                heights.join(" and one ")
            )))
        }
        _ => Err(bad(
            "a chip's height isn't in its name, and no tile over an area that is given is called so; give the box it \
             was made for with --bbox"
                .to_owned(),
        )),
    }
}

/// Chips from west to east of a continental tile.
const FIFTHS: f64 = 5.0;

/// Tiles of one name that aren't the same tile.
fn of_that_name(tiles: impl Iterator<Item = LegacyTile>, name: &str) -> Vec<LegacyTile> {
    let mut found: Vec<LegacyTile> = Vec::new();
    for tile in tiles.filter(|t| t.name == name) {
        if !found.contains(&tile) {
            found.push(tile);
        }
    }
    found
}

/// Latitude and longitude in `chip<lat>N<lon>E`.
fn corner(name: &str) -> Option<(f64, f64)> {
    let number = |t: &str| t.parse::<f64>().ok().filter(|v| v.abs() <= 360.0);
    let (lat, lon) = name.strip_prefix("chip")?.strip_suffix('E')?.split_once('N')?;
    Some((number(lat)?, number(lon)?))
}

/// A row of squares of 10° whose last begins at `last`.
fn row(top: i32, first: i32, last: i32) -> Vec<LegacyTile> {
    legacy::row_strip(top, first, last, 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::lonlat;
    use crate::{PixelGrid, snap};
    use seedbed_block::Xy;

    const DELAWARE: [f64; 4] =
        [-77.422_609_356_566_14, 38.356_589_049_732_71, -73.248_017_097_385_81, 42.782_996_779_998_07];

    fn size(text: &str) -> TileSize {
        text.parse().unwrap()
    }

    #[test]
    fn the_spurious_column_is_gone_and_its_names_stay() {
        let resolution = 0.002_310_233_679_679_207_5;
        let extent = Bbox::from(DELAWARE);
        let drawn = legacy::cover(extent, size("500px"), Some(resolution)).unwrap();
        let meant = tiles(extent, size("500px"), Some(resolution)).unwrap();
        assert_eq!((drawn.len(), meant.len()), (20, 16));
        let names: Vec<&str> =
            drawn.iter().filter(|t| t.extent.west < extent.east - 1e-9).map(|t| t.name.as_str()).collect();
        assert_eq!(names, meant.iter().map(|t| t.name.as_str()).collect::<Vec<_>>());
        assert_eq!(meant[3].extent.east, extent.east);
        let grid = PixelGrid::new(lonlat(), None, Some(Xy { x: resolution, y: resolution })).unwrap();
        let snapped = snap(&grid, "veget", meant.iter().map(|t| (t.name.as_str(), t.extent))).unwrap();
        assert!(snapped.moved > 0.0 && snapped.moved <= 0.5, "{}", snapped.moved);
        for pair in snapped.tiles.tiles.chunks(4) {
            assert!(pair.windows(2).all(|w| w[0].range.col1() == w[1].range.col0), "no gap, no overlap");
        }
        assert_eq!(tiles(extent, size("5000px"), Some(resolution)).unwrap()[0].name, "chip42.78N-77.42E");
    }

    #[test]
    fn whole_degrees_are_drawn_around_any_area() {
        let around = |degrees: f64| <[f64; 4]>::from(around(Bbox::from(DELAWARE), degrees));
        assert_eq!(around(2.0), [-78.0, 38.0, -72.0, 44.0]);
        assert_eq!(around(10.0), [-80.0, 30.0, -70.0, 50.0]);
        assert_eq!(around(1.0), [-78.0, 38.0, -73.0, 43.0]);
    }

    #[test]
    fn chips_of_a_tile_fill_it_without_an_overlap() {
        let tile = legacy::ConusRows::Two.tiles()[6].clone();
        let chips = tiles(tile.extent, size("2.6deg"), None).unwrap();
        assert_eq!((chips.len(), chips[7].name.as_str()), (25, "chip47.4N-106.8E"));
        // VegET's own pixel: 2.6° are 1249.4 of them.
        let grid =
            PixelGrid::new(lonlat(), None, Some(Xy { x: 0.002_081_004_5, y: 0.002_081_004_5 })).unwrap();
        let snapped = snap(&grid, "veget", chips.iter().map(|t| (t.name.as_str(), t.extent))).unwrap();
        let cols: i64 = snapped.tiles.tiles[..5].iter().map(|t| t.range.cols).sum();
        assert_eq!(cols, 6247, "not the 6250 of five overlapping chips of 1250");
    }

    #[test]
    fn names_alone_give_their_tiles_or_are_refused() {
        let extent = |name: &str, s: Option<&str>| {
            named(name, s.map(size), None).map(|t| <[f64; 4]>::from(t[0].extent))
        };
        assert_eq!(
            extent("chip47.4N-106.8E", Some("2.6deg")).unwrap(),
            [-106.8, 47.4 - 2.6, -106.8 + 2.6, 47.4]
        );
        assert_eq!(extent("chip44N-78E", Some("2deg")).unwrap(), [-78.0, 42.0, -76.0, 44.0]);
        // Only a tile 14 degrees high has a chip there.
        assert_eq!(extent("chip34.2N-119.8E", Some("2.6deg")).unwrap()[1], 34.2 - 14.0 / 5.0);
        assert_eq!(extent("r50.0_tile6", Some("13deg")).unwrap(), [-112.0, 37.0, -99.0, 50.0]);
        // Of a name that only the retired set has there is one tile.
        assert_eq!(extent("r30.0_tile0", Some("13deg")).unwrap(), [-125.0, 23.0, -112.0, 30.0]);
        assert_eq!(extent("r50.0_tile13", Some("13deg")).unwrap()[3], 50.0);
        assert_eq!(extent("sq_90W_50N", None).unwrap(), [-90.0, 40.0, -80.0, 50.0]);
        assert_eq!(extent("40N-80E", None).unwrap(), [-80.0, 30.0, -70.0, 40.0]);
        assert_eq!(named("row_2_050N", None, None).unwrap().len(), 8);
        for (name, s) in [
            ("chip47.4N-106.8E", None),
            ("r50.0_tile6", None),
            ("r50.0_tile10", None),
            // Both sets have one: 13 degrees high in the east, and 10 in the west.
            ("r50.0_tile10", Some("13deg")),
            // Chips of tiles 7 and 14 degrees high.
            ("chip28.6N-119.8E", Some("2.6deg")),
            // Of which box?
            ("chip37.0N-125.0E", Some("0.5deg")),
            ("chip42.78N-77.42E", Some("2deg")),
            ("r50.0_tile6", Some("10deg")),
            ("r99.0_tile0", None),
            ("chipxNyE", Some("2deg")),
            ("row_1_060N", None),
        ] {
            assert!(matches!(named(name, s.map(size), None), Err(GridError::Name { .. })), "{name}");
        }
    }

    #[test]
    fn the_area_tells_which_tile_is_meant() {
        let over = |extent: [f64; 4], tiles: Vec<LegacyTile>| Drawing { extent: extent.into(), tiles };
        let extent = |name: &str, s: &str, over: &Drawing| {
            named(name, Some(size(s)), Some(over)).map(|t| <[f64; 4]>::from(t[0].extent))
        };
        // Every chip of every continental tile is read back as it is drawn over its tile.
        for tile in [ConusRows::Two, ConusRows::Three].into_iter().flat_map(ConusRows::tiles) {
            for draw in [legacy::cover, tiles] {
                let drawn = draw(tile.extent, size("2.6deg"), None).unwrap();
                let area = Drawing { extent: tile.extent, tiles: drawn.clone() };
                for chip in drawn {
                    let back = named(&chip.name, Some(size("2.6deg")), Some(&area)).unwrap();
                    assert_eq!(back, [chip], "{}", tile.name);
                }
            }
        }
        let box_of = [-125.0, 23.0, -99.0, 37.0];
        let drawn = over(box_of, tiles(box_of.into(), size("0.5deg"), None).unwrap());
        let height = 14.0 / 52.0;
        let chip = extent("chip37.0N-125.0E", "0.5deg", &drawn).unwrap();
        assert!((chip[3] - chip[1] - height).abs() < 1e-9, "{chip:?}");
        // The retired set's tile lies in the west, the other's in the east.
        let west = over([-125.0, 41.0, -120.0, 45.0], Vec::new());
        assert_eq!(extent("r50.0_tile10", "13deg", &west).unwrap(), [-125.0, 40.0, -112.0, 50.0]);
        let east = over([-55.0, 41.0, -50.0, 45.0], Vec::new());
        assert_eq!(extent("r50.0_tile10", "13deg", &east).unwrap(), [-60.0, 37.0, -47.0, 50.0]);
        let both = over([-125.0, 41.0, -50.0, 45.0], Vec::new());
        assert!(matches!(extent("r50.0_tile10", "13deg", &both), Err(GridError::Name { .. })));
    }
}
