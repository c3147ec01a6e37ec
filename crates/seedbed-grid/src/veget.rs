//! The tiles of the original VegET tools as they were meant: the same names, without
//! the defects, on an integer grid.
//!
//! [`crate::legacy`] draws what the tools drew. Here corners are counted, not
//! summed: no column is added beyond the eastern edge, and neighbours share their
//! edges, so that they still do when [`snap`](crate::snap()) has moved them onto the grid.

use crate::cover::SizeUnit;
use crate::legacy::{self, ConusRows, LegacyTile};
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

/// The tiles that a name stands for, with the size of a chip or of the continental
/// tiles where it isn't in the name: one tile, or a row of them for `row_0_070N`,
/// `row_2_050N` and `row_3_040N`.
///
/// # Errors
/// [`GridError::Name`] for a name that means nothing, or nothing without a size.
pub fn named(name: &str, size: Option<TileSize>) -> Result<Vec<LegacyTile>, GridError> {
    let bad =
        |reason: String| GridError::Name { name: name.to_owned(), scheme: Scheme::Veget.as_str(), reason };
    let degrees = size.filter(|s| s.unit == SizeUnit::Degree).map(|s| s.value);
    match name {
        "row_0_070N" => return Ok(row(70, -180, -70)),
        "row_2_050N" => return Ok(row(50, -130, -60)),
        "row_3_040N" => return Ok(row(40, -130, -80)),
        _ => {}
    }
    if name.starts_with('r') && name.contains("_tile") {
        let sets =
            [ConusRows::Two, ConusRows::Three].map(|s| (s, s.tiles().into_iter().find(|t| t.name == name)));
        let heights: Vec<String> = sets
            .iter()
            .filter_map(|(_, t)| t.as_ref())
            .map(|t| format!("{}", t.extent.north - t.extent.south))
            .collect();
        let tile = sets.iter().find_map(|(_, tile)| tile.clone());
        return match (degrees, tile) {
            // A name that only the retired set has is that one's.
            (Some(width), Some(tile)) if width == legacy::CONUS_WIDTH => Ok(vec![tile]),
            _ if heights.is_empty() => Err(bad("there is none of that number in either set".to_owned())),
            _ => Err(bad(format!(
                "its size isn't in the name, and rows of 13 or 14 and of 7 or 10 degrees had such names ({} high \
                 in this case); --tile 13deg takes the set that ran, or else the retired one",
                heights.join(" or ")
            ))),
        };
    }
    if let Some(corner) = name.strip_prefix("chip") {
        let Some(width) = degrees else {
            return Err(bad("a chip's size isn't in its name: say it with --tile, as 2.6deg".to_owned()));
        };
        let number = |t: &str| t.parse::<f64>().ok().filter(|v| v.abs() <= 360.0);
        let parts = corner.strip_suffix('E').and_then(|c| c.split_once('N'));
        let corner = parts.and_then(|(lat, lon)| Some((number(lat)?, number(lon)?)));
        let (north, west) = corner.ok_or_else(|| bad("write chip<lat>N<lon>E".to_owned()))?;
        let extent = Bbox { west, south: north - width, east: west + width, north };
        return Ok(vec![LegacyTile { name: name.to_owned(), extent }]);
    }
    Ok(vec![legacy::tile(name)?])
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
        let extent =
            |name: &str, s: Option<&str>| named(name, s.map(size)).map(|t| <[f64; 4]>::from(t[0].extent));
        assert_eq!(
            extent("chip47.4N-106.8E", Some("2.6deg")).unwrap(),
            [-106.8, 47.4 - 2.6, -106.8 + 2.6, 47.4]
        );
        assert_eq!(extent("r50.0_tile6", Some("13deg")).unwrap(), [-112.0, 37.0, -99.0, 50.0]);
        // Of a name that only the retired set has there is one tile.
        assert_eq!(extent("r30.0_tile0", Some("13deg")).unwrap(), [-125.0, 23.0, -112.0, 30.0]);
        assert_eq!(extent("r50.0_tile13", Some("13deg")).unwrap()[3], 50.0);
        assert_eq!(extent("sq_90W_50N", None).unwrap(), [-90.0, 40.0, -80.0, 50.0]);
        assert_eq!(extent("40N-80E", None).unwrap(), [-80.0, 30.0, -70.0, 40.0]);
        assert_eq!(named("row_2_050N", None).unwrap().len(), 8);
        for (name, s) in [
            ("chip47.4N-106.8E", None),
            ("r50.0_tile6", None),
            ("r50.0_tile10", None),
            ("r50.0_tile6", Some("10deg")),
            ("r99.0_tile0", None),
            ("chipxNyE", Some("2deg")),
            ("row_1_060N", None),
        ] {
            assert!(matches!(named(name, s.map(size)), Err(GridError::Name { .. })), "{name}");
        }
    }
}
