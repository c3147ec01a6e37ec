//! Tiles that archives number: MODIS' sinusoidal tiles and Daymet's squares.

use crate::{GridError, PixelGrid, Scheme};
use seedbed_block::{Index, Shape2d};

/// Half the equator of MODIS' sphere (radius 6371007.181 m), in metres: 18 tiles.
const MODIS_HALF: f64 = 20_015_109.354;
/// Columns and rows of MODIS' tiles.
const MODIS_TILES: (i64, i64) = (36, 18);
/// How far a grid that MODIS' names fit may be off theirs, in metres.
const MODIS_OFF: f64 = 0.01;

/// Degrees of a Daymet tile.
const DAYMET_SIZE: f64 = 2.0;
/// Columns and rows of Daymet's tiles around the Earth.
const DAYMET_TILES: (i64, i64) = (180, 90);

fn refuse(scheme: Scheme, reason: String) -> GridError {
    GridError::Scheme { scheme: scheme.as_str(), reason }
}

/// `h<column>v<row>`, two digits each, from 180° W and 90° N on the sinusoidal grid.
///
/// Source: MODIS Vegetation Index User's Guide, collection 6.1; 20015109.354 and
/// 10007554.677 m are the corner in the files' own metadata.
#[expect(clippy::cast_precision_loss, reason = "tile shapes are far below 2^52")]
pub fn modis_name(grid: &PixelGrid, shape: Shape2d, at: Index) -> Result<String, GridError> {
    let side = MODIS_HALF / 18.0;
    let method = grid.crs.projjson["conversion"]["method"]["name"].as_str();
    let off = [
        grid.origin.x + MODIS_HALF,
        grid.origin.y - MODIS_HALF / 2.0,
        shape.cols as f64 * grid.resolution.x - side,
        shape.rows as f64 * grid.resolution.y - side,
    ];
    if grid.crs.geographic || method.is_some_and(|m| m != "Sinusoidal") {
        return Err(refuse(Scheme::Modis, format!("{} isn't the sinusoidal projection", grid.crs)));
    }
    if off.into_iter().any(|d| d.abs() > MODIS_OFF) {
        return Err(refuse(
            Scheme::Modis,
            format!(
                "they start at ({}, {}) and are {}×{} pixels of {}, not {side:.6} m wide from \
                 (-20015109.354, 10007554.677) on; take --grid modis-sinusoidal-250m, -500m or -1km",
                grid.origin.x, grid.origin.y, shape.cols, shape.rows, grid.resolution.x
            ),
        ));
    }
    if !(0..MODIS_TILES.0).contains(&at.col) || !(0..MODIS_TILES.1).contains(&at.row) {
        return Err(refuse(Scheme::Modis, format!("there is no tile h{}v{}", at.col, at.row)));
    }
    Ok(format!("h{:02}v{:02}", at.col, at.row))
}

/// Column and row of a name of [`modis_name`].
pub fn modis_index(name: &str) -> Option<Index> {
    let (h, v) = name.strip_prefix('h')?.split_once('v')?;
    let number = |t: &str| (t.len() == 2).then(|| t.parse::<u8>().ok()).flatten().map(i64::from);
    Some(Index { row: number(v)?, col: number(h)? })
}

/// A Daymet tile's number: squares of 2°, counted eastwards from 180° W and then
/// northwards from 90° S, the first being 1.
///
/// Source: the list of tiles and their extents that ORNL DAAC publishes
/// (`V4_tileids_approxextent.txt`): 9402 is 98–96° W, 14–16° N; 15540 is 62–60° W, 82–84° N.
#[expect(clippy::cast_possible_truncation, reason = "degrees in twos")]
pub fn daymet_name(grid: &PixelGrid, shape: Shape2d, at: Index) -> Result<String, GridError> {
    let (lat, lon) = daymet_origin(grid, shape)?;
    let whole = |v: f64| v.round() as i64;
    let col = whole((lon + 180.0) / DAYMET_SIZE) + at.col;
    let row = whole((lat + 90.0) / DAYMET_SIZE) - 1 - at.row;
    if !(0..DAYMET_TILES.0).contains(&col) || !(0..DAYMET_TILES.1).contains(&row) {
        return Err(refuse(Scheme::Daymet, "there are none beyond 180° or 90°".to_owned()));
    }
    Ok((row * DAYMET_TILES.0 + col + 1).to_string())
}

/// Latitude and longitude of the grid's corner, if tiles of `shape` are Daymet's.
#[expect(clippy::cast_precision_loss, reason = "tile shapes are far below 2^52")]
fn daymet_origin(grid: &PixelGrid, shape: Shape2d) -> Result<(f64, f64), GridError> {
    let near = |v: f64, to: f64| (v - to).abs() < 1e-6;
    let even = |v: f64| near(v / DAYMET_SIZE, (v / DAYMET_SIZE).round());
    let size = (shape.rows as f64 * grid.resolution.y, shape.cols as f64 * grid.resolution.x);
    if !grid.crs.geographic {
        return Err(refuse(Scheme::Daymet, format!("{} isn't longitude and latitude", grid.crs)));
    }
    if !near(size.0, DAYMET_SIZE)
        || !near(size.1, DAYMET_SIZE)
        || !even(grid.origin.x)
        || !even(grid.origin.y)
    {
        let reason = format!(
            "they are {}×{} degrees from ({}, {}), not 2×2 from even degrees; write --tile 2deg",
            size.1, size.0, grid.origin.x, grid.origin.y
        );
        return Err(refuse(Scheme::Daymet, reason));
    }
    Ok((grid.origin.y, grid.origin.x))
}

/// Where the tile of that number is, counted in tiles from the grid's corner.
#[expect(clippy::cast_possible_truncation, reason = "degrees in twos")]
pub fn daymet_index(grid: &PixelGrid, shape: Shape2d, name: &str) -> Result<Option<Index>, GridError> {
    let (lat, lon) = daymet_origin(grid, shape)?;
    let number = name.parse::<i64>().ok().filter(|n| n.to_string() == name);
    let Some(n) = number.filter(|n| (1..=DAYMET_TILES.0 * DAYMET_TILES.1).contains(n)) else {
        return Ok(None);
    };
    let (row, col) = ((n - 1) / DAYMET_TILES.0, (n - 1) % DAYMET_TILES.0);
    let whole = |v: f64| v.round() as i64;
    Ok(Some(Index {
        row: whole((lat + 90.0) / DAYMET_SIZE) - 1 - row,
        col: col - whole((lon + 180.0) / DAYMET_SIZE),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{lonlat, sinusoidal};
    use seedbed_block::Xy;

    fn square(pixels: usize) -> Shape2d {
        Shape2d { rows: pixels, cols: pixels }
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small indices")]
    fn daymet_numbers_are_those_of_the_published_list() {
        // Number, western and southern edge, from ORNL DAAC's list.
        let list = [
            (9402, -98, 14),
            (9778, -66, 18),
            (10309, -84, 24),
            (11207, -88, 34),
            (11573, -76, 38),
            (11938, -66, 42),
            (12273, -116, 46),
            (12304, -54, 46),
            (12601, -180, 50),
            (13504, -174, 60),
            (15158, -106, 78),
            (15540, -62, 82),
        ];
        for (north, west) in [(90.0, -180.0), (60.0, -100.0)] {
            let size = Xy { x: 1.0 / 480.0, y: 1.0 / 480.0 };
            let grid = PixelGrid::new(lonlat(), Some(Xy { x: west, y: north }), Some(size)).unwrap();
            for (number, west, south) in list {
                let name = number.to_string();
                let at = daymet_index(&grid, square(960), &name).unwrap().unwrap();
                assert_eq!(daymet_name(&grid, square(960), at).unwrap(), name);
                assert_eq!(grid.origin.x + 2.0 * at.col as f64, f64::from(west), "{name}");
                assert_eq!(grid.origin.y - 2.0 * (at.row + 1) as f64, f64::from(south), "{name}");
            }
            for name in ["0", "16201", "x", "011207", ""] {
                assert!(daymet_index(&grid, square(960), name).unwrap().is_none(), "{name}");
            }
            assert!(daymet_name(&grid, square(480), Index { row: 0, col: 0 }).is_err());
        }
    }

    #[test]
    fn modis_names_need_its_grid() {
        let corner = Xy { x: -MODIS_HALF, y: MODIS_HALF / 2.0 };
        let size = |n: f64| Some(Xy { x: MODIS_HALF / 18.0 / n, y: MODIS_HALF / 18.0 / n });
        let grid = PixelGrid::new(sinusoidal(), Some(corner), size(2400.0)).unwrap();
        for (row, col, name) in [(5, 9, "h09v05"), (0, 0, "h00v00"), (17, 35, "h35v17")] {
            let at = Index { row, col };
            assert_eq!(modis_name(&grid, square(2400), at).unwrap(), name);
            assert_eq!(modis_index(name), Some(at));
        }
        assert!(modis_name(&grid, square(2400), Index { row: 18, col: 0 }).is_err());
        let text = modis_name(&grid, square(1200), Index { row: 0, col: 0 }).unwrap_err().to_string();
        assert!(text.contains("modis-sinusoidal-250m"), "{text}");
        for name in ["h9v05", "h09v5", "h0av05", "v05h09", "h09v05x"] {
            assert_eq!(modis_index(name), None, "{name}");
        }
    }
}
