//! The geometry of the original tools, from their own output.

use crate::support::Two;
use seedbed_grid::legacy::{self, ConusRows, LegacyTile, chips, degree_chips, extent_chips, row_strip};
use seedbed_grid::{Aoi, Bbox};
use serde_json::Value;

fn goldens() -> Option<Value> {
    let Some(folder) = std::env::var_os("SEEDBED_REAL_DATA") else {
        println!("skipped: SEEDBED_REAL_DATA is not set");
        return None;
    };
    let path = std::path::PathBuf::from(folder).join("goldens/grid/tile_chip_goldens.json");
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// Names and rings, compared bit for bit.
fn same(got: &[LegacyTile], want: &Value) -> usize {
    let want = want.as_array().unwrap();
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert_eq!(got.name, want["name"].as_str().unwrap());
        assert_eq!(serde_json::json!(got.ring()), floats(&want["ring"]), "{}", got.name);
    }
    want.len()
}

/// Whole numbers as the floats they are.
fn floats(ring: &Value) -> Value {
    serde_json::json!(serde_json::from_value::<Vec<[f64; 2]>>(ring.clone()).unwrap())
}

fn extent(v: &Value) -> Bbox {
    serde_json::from_value::<[f64; 4]>(v.clone()).unwrap().into()
}

#[test]
fn real_conus_tiles_and_their_chips_are_the_goldens() {
    let Some(goldens) = goldens() else { return };
    let want = goldens["conus_tiles"].as_object().unwrap();
    let (mut tiles, mut seen) = (0, 0);
    for set in [ConusRows::Two, ConusRows::Three] {
        for (i, tile) in set.tiles().iter().enumerate() {
            // Both sets have a tile of this name; the golden is the retired set's.
            if set == ConusRows::Two && tile.name == "r50.0_tile10" {
                continue;
            }
            let want = want.get(&tile.name).unwrap_or_else(|| panic!("no golden of {}", tile.name));
            assert_eq!(tile.extent, extent(&want["extent_wsen"]), "{}", tile.name);
            assert_eq!(serde_json::json!(tile.ring()), floats(&want["ring"]));
            assert_eq!(want["feature_id"].as_str().unwrap(), i.to_string());
            seen += same(&chips(tile.extent, 5), &want["divisor5"]["chips"]);
            tiles += 1;
        }
    }
    println!("{tiles} tiles, {seen} chips");
    assert_eq!((tiles, seen), (want.len(), want.len() * 25));
}

#[test]
fn real_degree_chips_and_row_strips_are_the_goldens() {
    let Some(goldens) = goldens() else { return };
    assert_eq!(same(&degree_chips(-78, 36, -72, 44, 2), &goldens["degree_gridmeister_drb_2deg"]), 12);
    let rows = &goldens["row_strips"];
    assert_eq!(same(&row_strip(70, -180, -70, 10), &rows["row_0_070N"]), 12);
    assert_eq!(same(&row_strip(50, -130, -60, 10), &rows["row_2_050N"]), 8);
    assert_eq!(same(&row_strip(40, -130, -80, 10), &rows["row_3_040N"]), 6);
}

#[test]
fn real_extent_chips_are_the_goldens_with_their_spurious_column() {
    let Some(goldens) = goldens() else { return };
    let cases = goldens["extent_gridmeister"].as_array().unwrap();
    let mut counts = Vec::new();
    for case in cases {
        let pixels = case["max_pixels"].as_u64().unwrap();
        let got = extent_chips(extent(&case["extent_wsen"]), case["res"].as_f64().unwrap(), pixels);
        if case["chips"].is_null() {
            assert!(got.is_err(), "the original fails where nothing need be split");
            continue;
        }
        let got = got.unwrap();
        for (chip, want) in got.iter().zip(case["chips"].as_array().unwrap()) {
            assert_eq!(chip.extent.north, want["ul_lat"].as_f64().unwrap());
            assert_eq!(chip.extent.west, want["ul_lon"].as_f64().unwrap());
        }
        counts.push(same(&got, &case["chips"]));
    }
    assert_eq!(counts, [20, 9, 9, 25], "the first has 4 rows and 5 columns where 4 would do");
}

#[test]
fn a_size_chooses_the_original_scheme() {
    let cover = |extent: [f64; 4], size: &str, resolution| {
        let extent = Bbox { west: extent[0], south: extent[1], east: extent[2], north: extent[3] };
        legacy::cover(extent, size.parse().unwrap(), resolution)
    };
    let drb = [-78.0, 36.0, -72.0, 44.0];
    assert_eq!(cover(drb, "2deg", None).unwrap(), degree_chips(-78, 36, -72, 44, 2));
    let names = |tiles: Vec<LegacyTile>| tiles.into_iter().map(|t| t.name).collect::<Vec<_>>();
    assert_eq!(
        names(cover(drb, "13deg", None).unwrap()),
        ["r37.0_tile3", "r37.0_tile4", "r50.0_tile8", "r50.0_tile9"]
    );
    assert_eq!(cover([-130.0, 40.0, -60.0, 50.0], "10deg", None).unwrap(), row_strip(50, -130, -60, 10));
    let conus = ConusRows::Two.tiles();
    let edges = <[f64; 4]>::from(conus[5].extent);
    assert_eq!(cover(edges, "2.6deg", None).unwrap(), chips(conus[5].extent, 5));
    let basin =
        [-77.422_609_356_566_14, 38.356_589_049_732_71, -73.248_017_097_385_81, 42.782_996_779_998_07];
    assert_eq!(cover(basin, "500px", Some(0.002_310_233_679_679_207_5)).unwrap().len(), 20);
    for (size, resolution) in [("500px", None), ("2000m", None), ("0.7deg", None)] {
        assert!(cover(basin, size, resolution).is_err(), "{size}");
    }
}

#[test]
fn the_original_tiles_can_be_written_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let tiles = degree_chips(-78, 36, -72, 44, 2);
    let (json, shp) = (folder.path().join("t.geojson"), folder.path().join("t.shp"));
    legacy::write_geojson(&tiles, &json).unwrap();
    legacy::write_shapefile(&tiles, &shp, &Two).unwrap();
    for path in [json, shp] {
        let aoi = Aoi::read(&path, &Two).unwrap();
        assert_eq!(aoi.geometry().0.len(), 12);
        assert_eq!(<[f64; 4]>::from(aoi.bbox()), [-78.0, 36.0, -72.0, 44.0]);
    }
}
