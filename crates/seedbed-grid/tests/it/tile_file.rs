//! Tile files read back into a grid.

use crate::support::{Two, degrees, sinusoidal};
use seedbed_grid::legacy::{self, ConusRows, chips, degree_chips};
use seedbed_grid::{Aoi, Cover, GridError, PixelGrid, Scheme, TileFile, Xy, cover, export, snap, veget};
use std::path::PathBuf;

fn some(grid: &PixelGrid, area: &str, size: &str) -> Cover {
    cover(grid, &Aoi::from_bbox(area.parse().unwrap()), size.parse().unwrap(), Scheme::RowColumn, &Two)
        .unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

#[test]
fn tiles_of_ours_come_back_pixel_for_pixel() {
    let folder = Folder::new();
    let metres = PixelGrid::new(sinusoidal(), None, None).unwrap();
    let mut across = degrees(0.01);
    across.origin.x = -180.5;
    for (grid, area, size) in [
        (&degrees(1.0 / 480.0), "-75.5,39.1,-73.2,40.9", "1deg"),
        (&metres, "60,10,62,12", "100000m"),
        (&across, "-180,10,-179.9,10.5", "1deg"),
    ] {
        let cover = some(grid, area, size);
        let json = folder.path("tiles.geojson");
        export::write_geojson(&cover, &json, &Two).unwrap();
        let back = TileFile::read(&json, grid, &Two).unwrap();
        assert_eq!(back.cover.grid.tiles, cover.grid.tiles);
        assert_eq!(back.cover.shares, cover.shares);
        assert!(back.moved < 1e-3, "{}", back.moved);
    }
    let cover = some(&degrees(0.01), "-75.5,39.1,-73.2,40.9", "1deg");
    let shp = folder.path("tiles.shp");
    export::write_shapefile(&cover, &shp, &Two).unwrap();
    let back = TileFile::read(&shp, &degrees(0.01), &Two).unwrap();
    assert_eq!((&back.cover.grid.tiles, back.moved < 1e-6), (&cover.grid.tiles, true));
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
    assert!(back.cover.shares.iter().zip(&cover.shares).all(near));
}

#[test]
fn tiles_of_the_original_tools_are_moved_onto_the_grid_and_it_is_said_how_far() {
    let folder = Folder::new();
    let drawn = chips(ConusRows::Two.tiles()[6].extent, 5);
    let vegets =
        PixelGrid::new(degrees(1.0).crs, None, Some(Xy { x: 0.002_081_004_5, y: 0.002_081_004_5 })).unwrap();
    let path = folder.path("chips.geojson");
    legacy::write_geojson(&drawn, &path).unwrap();
    let shp = folder.path("chips.shp");
    legacy::write_shapefile(&drawn, &shp, &Two).unwrap();
    for path in [&path, &shp] {
        let back = TileFile::read(path, &vegets, &Two).unwrap();
        assert_eq!(back.cover.grid.tiles.len(), 25);
        assert!(back.moved > 0.1 && back.moved <= 0.5, "{}", back.moved);
        assert_eq!(back.cover.grid.tiles[..5].iter().map(|t| t.range.cols).sum::<i64>(), 6247);
        assert!(back.cover.shares.iter().all(|s| s.is_nan()));
    }
    legacy::write_geojson(&degree_chips(-78, 36, -72, 44, 2), &path).unwrap();
    let back = TileFile::read(&path, &degrees(0.002), &Two).unwrap();
    assert!(back.moved < 1e-6 && back.cover.grid.tiles.iter().all(|t| t.range.rows == 1000));
}

#[test]
fn one_feature_and_a_byte_order_mark_are_read_too() {
    let folder = Folder::new();
    let path = folder.path("one.geojson");
    let feature = r#"{"type":"Feature","properties":{"name":"t"},"geometry":
        {"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}}"#;
    let collection = format!("\u{feff}{{\"type\":\"FeatureCollection\",\"features\":[{feature}]}}");
    for text in [feature, &collection] {
        std::fs::write(&path, text).unwrap();
        let back = TileFile::read(&path, &degrees(0.01), &Two).unwrap();
        assert_eq!(back.cover.grid.tiles[0].name, "t");
    }
}

#[test]
fn files_of_another_grid_and_files_without_tiles_are_refused() {
    let folder = Folder::new();
    let path = folder.path("tiles.geojson");
    export::write_geojson(&some(&degrees(0.01), "-75.5,39.1,-73.2,40.9", "1deg"), &path, &Two).unwrap();
    let text = |grid: &PixelGrid| TileFile::read(&path, grid, &Two).unwrap_err().to_string();
    let message = text(&degrees(0.02));
    assert!(message.contains("tiles.geojson: feature 1 (id r49c104) (r49c104): its outline is"), "{message}");
    assert!(message.contains("the file is of another grid"), "{message}");
    let message = text(&PixelGrid::new(sinusoidal(), None, None).unwrap());
    assert!(message.contains("it is no rectangle on this grid"), "{message}");
    let polygon = |ring: &str, name: &str| {
        format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{{name}}},"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}]}}"#
        )
    };
    let triangle = "[[0,0],[1,0],[0,1],[0,0]]";
    let cases = [
        (polygon("[[0,0],[1,0],[1,1],[0,1],[0,0]]", ""), "feature 1: it has no `name`"),
        (polygon(triangle, r#""name":"t""#), "it fills less than its box"),
        (r#"{"type":"FeatureCollection","features":[]}"#.to_owned(), "it has no tiles"),
        ("{".to_owned(), "is no GeoJSON"),
    ];
    for (content, says) in cases {
        std::fs::write(&path, content).unwrap();
        let message = text(&degrees(0.01));
        assert!(message.contains(says), "{message}");
    }
    let shp = folder.path("tiles.shp");
    export::write_shapefile(&some(&degrees(0.01), "0,0,1,1", "1deg"), &shp, &Two).unwrap();
    std::fs::remove_file(folder.path("tiles.dbf")).unwrap();
    let message = TileFile::read(&shp, &degrees(0.01), &Two).unwrap_err().to_string();
    assert!(message.contains("tiles.dbf: no dBASE table"), "{message}");
}

#[test]
fn real_golden_tiles_lie_on_vegets_grid_without_overlaps() {
    let Some(folder) = std::env::var_os("SEEDBED_REAL_DATA") else {
        println!("skipped: SEEDBED_REAL_DATA is not set");
        return;
    };
    let path = PathBuf::from(folder).join("goldens/grid/tile_chip_goldens.json");
    let goldens: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut seen = 0;
    for case in goldens["extent_gridmeister"].as_array().unwrap() {
        let extent: [f64; 4] = serde_json::from_value(case["extent_wsen"].clone()).unwrap();
        let resolution = case["res"].as_f64().unwrap();
        let side = case["max_pixels"].as_f64().unwrap().sqrt();
        // Sides of whole pixels only: 250000 and 1000000.
        if side.fract() != 0.0 || case["chips"].is_null() {
            continue;
        }
        let meant =
            veget::tiles(extent.into(), format!("{side}px").parse().unwrap(), Some(resolution)).unwrap();
        let grid = PixelGrid::new(degrees(1.0).crs, None, Some(Xy { x: resolution, y: resolution })).unwrap();
        let snapped = snap(&grid, "veget", meant.iter().map(|t| (t.name.as_str(), t.extent))).unwrap();
        assert!(snapped.moved <= 0.5);
        for (tile, meant) in snapped.tiles.tiles.iter().zip(&meant) {
            let golden = case["chips"].as_array().unwrap().iter().find(|c| c["name"] == tile.name.as_str());
            let ring: Vec<[f64; 2]> = serde_json::from_value(golden.unwrap()["ring"].clone()).unwrap();
            assert!(
                (ring[0][0] - meant.extent.west).abs() < 1e-9
                    && (ring[2][1] - meant.extent.south).abs() < 1e-9
            );
            let corner = grid.geobox(tile.range).affine;
            assert!((corner.c - ring[0][0]).abs() <= 0.500_001 * resolution, "{}", tile.name);
            seen += 1;
        }
    }
    println!("{seen} chips");
    assert!(seen >= 16);
    assert!(matches!(veget::named("r50.0_tile6", None, None), Err(GridError::Name { .. })));
}
