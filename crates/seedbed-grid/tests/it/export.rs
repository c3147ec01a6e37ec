//! Tiles for other people's programs.

use crate::support::{Two, degrees, sinusoidal};
use seedbed_grid::{Aoi, Cover, PixelGrid, Scheme, cover, export};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn some(grid: &PixelGrid, area: &str, size: &str) -> Cover {
    cover(grid, &Aoi::from_bbox(area.parse().unwrap()), size.parse().unwrap(), Scheme::RowColumn, &Two)
        .unwrap()
}

#[test]
fn geojson_features_lie_in_longitude_and_latitude_anticlockwise() {
    let cover = some(&degrees(0.01), "-75.5,39.1,-73.2,40.9", "1deg");
    let v = export::geojson(&cover, &Two).unwrap();
    let features = v["features"].as_array().unwrap();
    assert_eq!(features.len(), cover.grid.tiles.len());
    let p = &features[0]["properties"];
    for key in ["name", "col0", "row0", "cols", "rows", "share"] {
        assert!(!p[key].is_null(), "{key}");
    }
    let ring = |f: &Value| -> Vec<[f64; 2]> {
        serde_json::from_value(f["geometry"]["coordinates"][0].clone()).unwrap()
    };
    assert_eq!(
        ring(&features[0]),
        [[-76.0, 41.0], [-76.0, 40.0], [-75.0, 40.0], [-75.0, 41.0], [-76.0, 41.0]]
    );
    for f in features {
        let r = ring(f);
        let twice: f64 = r.windows(2).map(|w| w[0][0] * w[1][1] - w[1][0] * w[0][1]).sum();
        assert!((twice - 2.0).abs() < 1e-9);
    }
}

#[test]
fn edges_of_projected_tiles_are_densified() {
    let grid = PixelGrid::new(sinusoidal(), None, None).unwrap();
    let v = export::geojson(&some(&grid, "60,10,62,12", "100000m"), &Two).unwrap();
    let ring = v["features"][0]["geometry"]["coordinates"][0].as_array().unwrap();
    assert_eq!(ring.len(), 4 * 16 + 1);
    assert_eq!(ring.first(), ring.last());
}

#[test]
fn a_tile_across_the_antimeridian_is_written_in_two_parts() {
    let mut grid = degrees(0.01);
    grid.origin.x = -180.5;
    let v = export::geojson(&some(&grid, "-180,10,-179.9,10.5", "1deg"), &Two).unwrap();
    let geometry = &v["features"][0]["geometry"];
    assert_eq!(geometry["type"], "MultiPolygon");
    let parts: Vec<Vec<Vec<[f64; 2]>>> = serde_json::from_value(geometry["coordinates"].clone()).unwrap();
    let spans: Vec<(f64, f64)> = parts
        .iter()
        .map(|p| p[0].iter().fold((f64::MAX, f64::MIN), |s, c| (s.0.min(c[0]), s.1.max(c[0]))))
        .collect();
    assert_eq!(spans, [(179.5, 180.0), (-180.0, -179.5)]);
}

fn ogrinfo(path: &Path) -> Option<String> {
    let output = Command::new("ogrinfo").args(["-al", "-geom=YES"]).arg(path).output();
    let Ok(output) = output else {
        println!("skipped: there is no ogrinfo");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn ogrinfo_reads_the_shapefile_and_the_same_tiles_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let cover = some(&degrees(0.01), "-75.5,39.1,-73.2,40.9", "1deg");
    let (a, b) = (folder.path().join("a.shp"), folder.path().join("b.shp"));
    for path in [&a, &b] {
        export::write_shapefile(&cover, path, &Two).unwrap();
    }
    for extension in ["shp", "shx", "dbf", "prj", "cpg"] {
        let bytes = |p: &Path| std::fs::read(p.with_extension(extension)).unwrap();
        assert_eq!(bytes(&a), bytes(&b), "{extension}");
    }
    assert_eq!(std::fs::read(a.with_extension("cpg")).unwrap(), b"UTF-8");
    let back = Aoi::read(&a, &Two).unwrap();
    assert_eq!(<[f64; 4]>::from(back.bbox()), [-76.0, 39.0, -73.0, 41.0]);
    assert_eq!(back.geometry().0.len(), cover.grid.tiles.len());
    let Some(text) = ogrinfo(&a) else { return };
    assert!(text.contains(&format!("Feature Count: {}", cover.grid.tiles.len())), "{text}");
    assert!(text.contains("POLYGON ((-76 41,-75 41,-75 40,-76 40,-76 41))"), "{text}");
    assert!(text.contains("GEOGCRS[\"WGS 84\""), "{text}");
    for (tile, share) in cover.grid.tiles.iter().zip(&cover.shares) {
        let r = tile.range;
        assert!(text.contains(&format!("name (String) = {}\n", tile.name)), "{text}");
        assert!(text.contains(&format!("col0 (Integer64) = {}\n", r.col0)), "{text}");
        assert!(text.contains(&format!("row0 (Integer64) = {}\n", r.row0)), "{text}");
        assert!(text.contains(&format!("share (Real) = {share:.9}\n")), "{text}");
    }
}

#[test]
fn geojson_is_readable_by_ogrinfo() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiles.geojson");
    let cover = some(&degrees(0.01), "-75.5,39.1,-73.2,40.9", "1deg");
    export::write_geojson(&cover, &path, &Two).unwrap();
    assert_eq!(Aoi::read(&path, &Two).unwrap().geometry().0.len(), cover.grid.tiles.len());
    let Some(text) = ogrinfo(&path) else { return };
    assert!(text.contains(&format!("Feature Count: {}", cover.grid.tiles.len())), "{text}");
}
