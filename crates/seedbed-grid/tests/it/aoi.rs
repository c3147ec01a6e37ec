//! Areas of interest from files.

use crate::support::{Two, degrees, lonlat, sinusoidal};
use seedbed_grid::{Aoi, AoiError, Projections, Scheme, cover};
use shapefile::record::polygon::PolygonRing;
use shapefile::{Point, Polygon, ShapeWriter};
use std::path::Path;

fn read(name: &str, text: &str) -> Result<Aoi, AoiError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    Aoi::read(&path, &Two)
}

const SQUARE: &str = r#"{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,2],[0,0]],[[0.5,0.5],[0.5,1],[1,1],[1,0.5],[0.5,0.5]]]}"#;

#[test]
fn geometries_features_and_collections_are_all_areas() {
    let feature = format!(r#"{{"type":"Feature","properties":null,"geometry":{SQUARE}}}"#);
    let point = r#"{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[9,9]}}"#;
    let empty = r#"{"type":"Feature","properties":{},"geometry":null}"#;
    let many = format!(r#"{{"type":"FeatureCollection","features":[{point},{feature},{empty},{feature}]}}"#);
    let nested = format!(r#"{{"type":"GeometryCollection","geometries":[{SQUARE}]}}"#);
    for (text, polygons) in [(SQUARE, 1), (&feature, 1), (&many, 1), (&nested, 1)] {
        let aoi = read("a.geojson", text).unwrap();
        assert_eq!(aoi.geometry().0.len(), polygons);
        assert_eq!(aoi.geometry().0[0].interiors().len(), 1);
        assert_eq!(<[f64; 4]>::from(aoi.bbox()), [0.0, 0.0, 2.0, 2.0]);
    }
}

#[test]
fn the_older_crs_member_is_heeded() {
    let with = |name: &str| {
        let ring = "[[[0,0],[100000,0],[100000,100000],[0,100000],[0,0]]]";
        format!(
            r#"{{"type":"Feature","crs":{{"type":"name","properties":{{"name":{name:?}}}}},"properties":{{}},"geometry":{{"type":"Polygon","coordinates":{ring}}}}}"#
        )
    };
    let bbox = read("a.json", &with(&sinusoidal().wkt2)).unwrap().bbox();
    assert!((bbox.north - 0.899_3).abs() < 1e-3 && (bbox.east - 0.899_4).abs() < 1e-3, "{bbox:?}");
    let text = read("a.json", &with("EPSG:1")).unwrap_err().to_string();
    assert!(text.starts_with("the coordinate reference system of ") && text.ends_with("a.json"), "{text}");
}

#[test]
fn every_error_names_the_file() {
    let long = r#"{"type":"Polygon","coordinates":[[[0,0],[2e6,0],[2,2],[0,0]]]}"#;
    let cases = [
        ("no.json", "not found", "is no GeoJSON"),
        ("point.json", r#"{"type":"Point","coordinates":[9,9]}"#, "has no polygon, only Point"),
        ("empty.json", r#"{"type":"FeatureCollection","features":[]}"#, "has no polygon, only nothing"),
        (
            "short.json",
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]}"#,
            "outer ring: fewer than three different positions at (0, 0)",
        ),
        ("metres.json", long, "which is no longitude and latitude"),
    ];
    for (name, text, says) in cases {
        let message = read(name, text).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(says), "{message}");
    }
    let absent = Aoi::read(Path::new("/nowhere/absent.geojson"), &Two).unwrap_err();
    assert_eq!(absent.to_string(), "/nowhere/absent.geojson");
    assert!(std::error::Error::source(&absent).is_some());
    assert!(matches!(read("a.shp", "x").unwrap_err(), AoiError::NoPrj { .. }));
}

#[test]
fn a_box_across_the_antimeridian_is_one_area_in_two_parts() {
    let aoi = Aoi::from_bbox("177,-20,-178,-12".parse().unwrap());
    assert_eq!(aoi.geometry().0.len(), 2);
    assert_eq!(<[f64; 4]>::from(aoi.bbox()), [177.0, -20.0, -178.0, -12.0]);
}

#[test]
fn holes_of_a_shapefile_belong_to_the_polygon_around_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("islands.shp");
    let ring = |west: f64, south: f64, size: f64| {
        let (east, north) = (west + size, south + size);
        [(west, south), (west, north), (east, north), (east, south), (west, south)]
            .map(|(x, y)| Point::new(x, y))
            .to_vec()
    };
    let rings = vec![
        PolygonRing::Outer(ring(0.0, 0.0, 4.0)),
        PolygonRing::Outer(ring(10.0, 0.0, 4.0)),
        PolygonRing::Inner(ring(11.0, 1.0, 2.0)),
    ];
    ShapeWriter::from_path(&path).unwrap().write_shapes(&[Polygon::with_rings(rings)]).unwrap();
    assert!(matches!(Aoi::read(&path, &Two), Err(AoiError::NoPrj { .. })));
    std::fs::write(path.with_extension("prj"), "PROJCS[\"unheard of\"]").unwrap();
    assert!(matches!(Aoi::read(&path, &Two), Err(AoiError::Projection { .. })));
    std::fs::write(path.with_extension("prj"), Two.prj(&lonlat()).unwrap()).unwrap();
    let aoi = Aoi::read(&path, &Two).unwrap();
    let holes: Vec<usize> = aoi.geometry().iter().map(|p| p.interiors().len()).collect();
    assert_eq!(holes, [0, 1]);
    std::fs::write(&path, "<html>").unwrap();
    assert!(matches!(Aoi::read(&path, &Two), Err(AoiError::Shapefile { .. })));
}

#[test]
fn the_example_areas_are_areas() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../aoi");
    let files = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    for path in files.filter(|p| p.extension().is_some_and(|e| e == "geojson")) {
        let bbox = Aoi::read(&path, &Two).unwrap().bbox();
        assert!(bbox.east > bbox.west && bbox.north > bbox.south, "{}", path.display());
    }
}

fn wkt(text: &str) -> Result<Aoi, AoiError> {
    Aoi::from_wkt(text, "text", &Two)
}

/// Square degrees, as the tiles of a grid see them.
fn covered(aoi: &Aoi) -> f64 {
    let cover = cover(&degrees(0.01), aoi, "1deg".parse().unwrap(), Scheme::RowColumn, &Two).unwrap();
    cover.shares.iter().sum()
}

#[test]
fn well_known_text_is_an_area_in_a_file_or_not() {
    let square = "POLYGON((0 0,2 0,2 2,0 2,0 0),(0.5 0.5,0.5 1,1 1,1 0.5,0.5 0.5))";
    for aoi in [wkt(square), read("a.wkt", square), read("a.txt", &format!("SRID=4326;{square}"))] {
        assert!((covered(&aoi.unwrap()) - 3.75).abs() < 1e-9);
    }
    let metres = wkt("SRID=9999;POLYGON((0 0,1 0,1 1,0 0))").unwrap_err();
    assert!(matches!(metres, AoiError::Projection { .. }));
    let message = wkt("LINESTRING(0 0,1 1)").unwrap_err().to_string();
    assert!(message.contains("no polygon, only LINESTRING"), "{message}");
}

#[test]
fn polygons_that_overlap_count_once() {
    let aoi = wkt("MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((1 1,3 1,3 3,1 3,1 1)))").unwrap();
    assert!((covered(&aoi) - 7.0).abs() < 1e-9);
    assert!(aoi.notes()[0].contains("1.000000 square degrees count once"), "{:?}", aoi.notes());
    let corners = || aoi.geometry().iter().flat_map(|p| p.exterior().coords());
    assert!(corners().all(|c| c.x.fract() == 0.0 && c.y.fract() == 0.0), "corners keep their coordinates");
    let apart = wkt("MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((2 0,3 0,3 2,2 2,2 0)))").unwrap();
    assert_eq!((apart.geometry().0.len(), apart.notes().len()), (2, 0));
}

#[test]
fn rings_that_can_be_read_in_one_way_only_are_put_right() {
    let cases = [
        ("POLYGON((0 0,2 0,2 2,0 2))", 4.0, "closed, for it ended at (0, 2)"),
        ("POLYGON((0 0,0 2,2 2,2 0,0 0))", 4.0, ""),
        ("POLYGON((0 0,0 0,2 0,2 0,2 2,0 2,0 2,0 0))", 4.0, ""),
        (
            "POLYGON((0 0,2 2,2 0,0 2,0 0))",
            2.0,
            "crosses itself at (1.000000, 1.000000), and is taken as 2 parts",
        ),
        ("POLYGON((0 0,4 0,4 4,0 4,0 0),(3 1,5 1,5 3,3 3,3 1))", 14.0, "holes that reach beyond"),
        (
            "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1),(1 1,3 1,3 3,1 3,1 1))",
            12.0,
            "holes that reach",
        ),
        ("MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)),((5 5,6 6,7 7,5 5)))", 1.0, "left out, for it has no area"),
    ];
    for (text, area, note) in cases {
        let aoi = wkt(text).unwrap();
        assert!((covered(&aoi) - area).abs() < 1e-9, "{text}: {}", covered(&aoi));
        let notes = aoi.notes().join("\n");
        assert!(notes.contains(note) && notes.is_empty() == note.is_empty(), "{text}: {notes}");
    }
}

#[test]
fn rings_that_can_be_read_in_two_ways_are_refused_with_their_place() {
    let twice = "MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)),((10 10,14 10,14 14,12 14,12 9,11 9,11 13,13 13,13 15,10 15,10 10)))";
    let cases = [
        (twice, "text: geometry 1, outer ring: it crosses itself at (1"),
        (
            "POLYGON((0 0,4 0,4 4,0 4,0 0),(8 8,9 8,9 9,8 8))",
            "geometry 1, hole 1: it lies outside its outer ring, at (8, 8)",
        ),
        ("POLYGON((-130 0,60 0,60 9,-130 9,-130 0))", "edge from (-130, 0) to (60, 0) could go either way"),
        ("POLYGON((0 0,1 0,nan 1,0 0))", "position 3 isn't a pair of numbers"),
        ("POLYGON((0 0,1 0,0 0))", "outer ring: fewer than three different positions"),
        ("POLYGON((0 0,1 0,1 91,0 0))", "(1, 91), which is no longitude and latitude"),
    ];
    for (text, says) in cases {
        let message = wkt(text).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
    let features = r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","properties":{},"geometry":null},
        {"type":"Feature","id":"x7","properties":{},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}}]}"#;
    let message = read("f.geojson", features).unwrap_err().to_string();
    assert!(message.contains("f.geojson: feature 2 (id x7), outer ring: fewer than three"), "{message}");
    let message = read("t.json", r#"{"type":"Topology","objects":{},"arcs":[]}"#).unwrap_err().to_string();
    assert!(message.contains("is TopoJSON, not GeoJSON"), "{message}");
}

#[test]
fn an_area_across_the_antimeridian_may_be_written_in_three_ways() {
    let ways = [
        "POLYGON((177 -20,182 -20,182 -12,177 -12,177 -20))",
        "POLYGON((177 -20,-178 -20,-178 -12,177 -12,177 -20))",
        "MULTIPOLYGON(((177 -20,180 -20,180 -12,177 -12,177 -20)),((-180 -20,-178 -20,-178 -12,-180 -12,-180 -20)))",
    ];
    for text in ways {
        let aoi = wkt(text).unwrap();
        assert_eq!(<[f64; 4]>::from(aoi.bbox()), [177.0, -20.0, -178.0, -12.0], "{text}");
        assert!((covered(&aoi) - 40.0).abs() < 1e-9);
    }
    let holed =
        wkt("POLYGON((170 0,190 0,190 10,170 10,170 0),(-179 4,-178 4,-178 5,-179 5,-179 4))").unwrap();
    assert!((covered(&holed) - 199.0).abs() < 1e-9);
    let arctic: Vec<String> = (0..=36).map(|i| format!("{} 80", (i * 10 + 5) % 360 - 180)).collect();
    let aoi = wkt(&format!("POLYGON(({}))", arctic.join(","))).unwrap();
    assert!((covered(&aoi) - 3600.0).abs() < 1e-6, "{}", covered(&aoi));
}

#[test]
fn a_buffer_in_metres_is_one_on_the_ground() {
    let aoi = wkt("POLYGON((10 60,11 60,11 61,10 61,10 60))").unwrap();
    let wide = aoi.buffered("10km".parse().unwrap()).unwrap().bbox();
    // Degrees of latitude at 60.5° are 111.42 km long, of longitude at 61° (where the
    // parallel's edge bulges least) 54.11 km and at 60° 55.80 km (WGS 84).
    assert!(((61.0 - wide.north).abs() * 111.42 - 10.0).abs() < 0.06, "{wide:?}");
    assert!(((wide.east - 11.0) * 54.11 - 10.0).abs() < 0.2, "{wide:?}");
    let back = aoi.buffered("-20000m".parse().unwrap()).unwrap().bbox();
    assert!(((back.south - 60.0) * 111.42 - 20.0).abs() < 0.1, "{back:?}");
    let gone = aoi.buffered("-40km".parse().unwrap()).unwrap_err().to_string();
    assert!(gone.contains("buffer of -40000m has no polygon"), "{gone}");
    let fiji =
        Aoi::from_bbox("177,-20,-178,-12".parse().unwrap()).buffered("0.5deg".parse().unwrap()).unwrap();
    assert_eq!(fiji.bbox().west, 176.5);
    assert!((fiji.bbox().east + 177.5).abs() < 1e-6, "{:?}", fiji.bbox());
    let fiji = Aoi::from_bbox("177,-20,-178,-12".parse().unwrap()).buffered("50km".parse().unwrap()).unwrap();
    assert!((fiji.bbox().east + 178.0 - 0.478).abs() < 0.01, "{:?}", fiji.bbox());
    let pole = wkt("POLYGON((0 89.5,90 89.5,180 89.5,-90 89.5,0 89.5))").unwrap();
    let near = pole.buffered("100km".parse().unwrap()).unwrap();
    assert!((near.bbox().south - 88.605).abs() < 0.2 && near.bbox().north == 90.0, "{:?}", near.bbox());
}

fn real(name: &str) -> Option<std::path::PathBuf> {
    let Some(folder) = std::env::var_os("SEEDBED_REAL_DATA") else {
        println!("skipped: SEEDBED_REAL_DATA is not set");
        return None;
    };
    Some(Path::new(&folder).join("aoi").join(name))
}

#[test]
fn real_watersheds_parks_and_basins_are_areas() {
    // Areas by shapely 2.2's union_all, in square degrees; 459 watersheds overlap in slivers.
    let files = [
        ("huc12_DRB.shp", 4.168_115_779_685),
        ("drb_perimeter.json", 3.754_074_266_770),
        ("drb_simple_perimeter.json", 4.348_433_001_154),
        ("windcave.geojson", 0.015_300_013_209),
    ];
    for (name, area) in files {
        let Some(path) = real(name) else { return };
        let aoi = Aoi::read(&path, &Two).unwrap();
        println!("{name}: {} polygons, {} square degrees", aoi.geometry().0.len(), covered(&aoi));
        assert!((covered(&aoi) - area).abs() < 1e-8, "{name}: {}", covered(&aoi));
        assert_eq!(aoi.notes().len(), usize::from(name.starts_with("huc12")), "{:?}", aoi.notes());
    }
    let Some(path) = real("us-atlas_nation-10m.json") else { return };
    assert!(matches!(Aoi::read(&path, &Two), Err(AoiError::TopoJson { .. })));
}
