//! The tiles that cover an area.

use crate::support::{Random, Two, degrees, sinusoidal};
use seedbed_grid::{Aoi, Cover, GridError, PixelGrid, Scheme, TileSize, Xy, cover};

fn bbox(text: &str) -> Aoi {
    Aoi::from_bbox(text.parse().unwrap())
}

fn tiles(grid: &PixelGrid, aoi: &Aoi, size: &str) -> Result<Cover, GridError> {
    cover(grid, aoi, size.parse()?, Scheme::RowColumn, &Two)
}

#[test]
fn an_area_that_ends_on_a_tiles_edge_brings_in_no_further_tile() {
    // The Delaware box of the original tools, which gave a spurious column there.
    let grid = degrees(0.002);
    let cover = cover(&grid, &bbox("-78,36,-72,44"), "2deg".parse().unwrap(), Scheme::Veget, &Two).unwrap();
    let names: Vec<&str> = cover.grid.tiles.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names.len(), 12);
    assert_eq!((names[0], names[11]), ("chip44N-78E", "chip38N-74E"));
    assert!(cover.shares.iter().all(|s| *s == 1.0), "{:?}", cover.shares);
}

#[test]
fn sizes_that_are_no_whole_number_of_pixels_name_the_nearest() {
    let grid = degrees(0.002_081);
    let text = tiles(&grid, &bbox("-78,36,-72,44"), "2deg").unwrap_err().to_string();
    assert!(text.contains("961.07") && text.contains("1.999841deg (961 px)"), "{text}");
    assert!(tiles(&grid, &bbox("-78,36,-72,44"), "1.999841deg").is_ok());
    let text = tiles(&grid, &bbox("-78,36,-72,44"), "900.5px").unwrap_err().to_string();
    assert!(text.contains("nearest whole one is 90"), "{text}");
}

#[test]
fn sizes_in_another_unit_than_the_grids_are_refused() {
    let metres = PixelGrid::new(sinusoidal(), None, None).unwrap();
    let area = bbox("-78,36,-77,37");
    assert!(matches!(tiles(&metres, &area, "2deg"), Err(GridError::SizeUnit { .. })));
    assert!(matches!(tiles(&degrees(0.01), &area, "2000m"), Err(GridError::SizeUnit { .. })));
    assert!(tiles(&metres, &area, "25000m").is_ok());
    let mut feet = sinusoidal();
    feet.projjson["coordinate_system"]["axis"][0]["unit"] = "US survey foot".into();
    let feet = PixelGrid::new(feet, None, None).unwrap();
    let text = tiles(&feet, &area, "25000m").unwrap_err().to_string();
    assert!(text.contains("US survey foot"), "{text}");
    for size in ["", "px", "-3px", "2 rods", "NaNdeg", "0m", "inf"] {
        assert!(size.parse::<TileSize>().is_err(), "{size}");
    }
}

#[test]
fn tiles_partition_random_areas() {
    let mut r = Random(7);
    for round in 0..200 {
        let (west, south) = (r.between(-179.0, 150.0), r.between(-80.0, 70.0));
        let (east, north) = (west + r.between(0.1, 25.0), south + r.between(0.1, 9.0));
        let grid = PixelGrid::new(
            degrees(0.01).crs,
            Some(Xy { x: r.between(-180.0, 180.0), y: r.between(-90.0, 90.0) }),
            Some(Xy { x: r.between(0.01, 0.05), y: r.between(0.01, 0.05) }),
        )
        .unwrap();
        let cover = tiles(&grid, &bbox(&format!("{west},{south},{east},{north}")), "100").unwrap();
        cover.grid.check().unwrap();
        let covered: f64 = cover.shares.iter().sum::<f64>() * 1e4 * grid.resolution.x * grid.resolution.y;
        let whole = (east - west) * (north - south);
        assert!((covered - whole).abs() < 1e-9 * whole.max(1.0), "round {round}: {covered} of {whole}");
        assert!(cover.shares.iter().all(|s| *s > 0.0 && *s <= 1.0));
        for tile in &cover.grid.tiles {
            assert_eq!((tile.range.col0.rem_euclid(100), tile.range.row0.rem_euclid(100)), (0, 0));
        }
    }
}

#[test]
fn tiles_of_two_areas_on_one_grid_agree_where_they_meet() {
    let grid = degrees(0.01);
    let (a, b) = (
        tiles(&grid, &bbox("-80,30,-70,40"), "300").unwrap(),
        tiles(&grid, &bbox("-75,35,-60,45"), "300").unwrap(),
    );
    let shared = a.grid.tiles.iter().filter(|t| b.grid.tiles.contains(t)).count();
    assert!(shared > 0);
    for (x, y) in a.grid.tiles.iter().flat_map(|x| b.grid.tiles.iter().map(move |y| (x, y))) {
        assert_eq!(x.range.intersection(y.range).is_some(), x == y);
    }
}

#[test]
fn holes_and_far_parts_leave_tiles_out() {
    let text = r#"{"type":"MultiPolygon","coordinates":[
        [[[0,0],[5,0],[5,5],[0,5],[0,0]],[[1,1],[1,4],[4,4],[4,1],[1,1]]],
        [[[10,0],[10.5,0],[10.5,0.5],[10,0.5],[10,0]]]]}"#;
    let area = Aoi::from_geojson(text, "ring.geojson", &Two).unwrap();
    let cover = tiles(&degrees(0.01), &area, "1deg").unwrap();
    assert_eq!(cover.grid.tiles.len(), 16 + 1);
    assert_eq!(cover.shares.iter().filter(|s| **s == 1.0).count(), 16);
    assert!((cover.shares.iter().fold(1.0_f64, |a, b| a.min(*b)) - 0.25).abs() < 1e-12);
}

#[test]
fn a_projected_grid_is_covered_along_curved_edges() {
    // A parallel is straight here and a meridian curved: the area's western and eastern
    // edges bend by kilometres between its corners.
    let grid = PixelGrid::new(sinusoidal(), None, None).unwrap();
    let cover = tiles(&grid, &bbox("60,10,70,60"), "10000m").unwrap();
    let covered: f64 = cover.shares.iter().sum::<f64>() * 1e8;
    // The sphere's own area between two meridians and two parallels; the projection keeps it.
    let radius = 6_371_007.181_f64;
    let exact =
        radius * radius * 10_f64.to_radians() * (60_f64.to_radians().sin() - 10_f64.to_radians().sin());
    assert!((covered / exact - 1.0).abs() < 1e-6, "{covered} of {exact}");
}

#[test]
fn areas_without_area_and_tiles_without_end_are_refused() {
    let grid = degrees(0.01);
    assert!(matches!(tiles(&grid, &bbox("10,10,10,12"), "100"), Err(GridError::NoArea(_))));
    assert!(matches!(tiles(&grid, &bbox("-180,-90,180,90"), "1px"), Err(GridError::TooMany { .. })));
}

#[test]
fn a_grid_of_a_crs_alone_is_always_the_same() {
    let grid = PixelGrid::new(degrees(1.0).crs, None, None).unwrap();
    assert_eq!((grid.origin, grid.resolution.x), (Xy { x: -180.0, y: 90.0 }, 1.0 / 480.0));
    assert!(tiles(&grid, &bbox("-78,36,-72,44"), "2deg").is_ok());
    let grid = PixelGrid::new(sinusoidal(), None, None).unwrap();
    assert_eq!((grid.origin, grid.resolution), (Xy { x: 0.0, y: 0.0 }, Xy { x: 250.0, y: 250.0 }));
    assert!(PixelGrid::new(sinusoidal(), None, Some(Xy { x: 0.0, y: 1.0 })).is_err());
    assert!(PixelGrid::new(sinusoidal(), Some(Xy { x: f64::NAN, y: 1.0 }), None).is_err());
}
