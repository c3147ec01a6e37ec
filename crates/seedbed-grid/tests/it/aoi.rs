//! Areas of interest from files.

use crate::support::{Two, lonlat, sinusoidal};
use seedbed_grid::{Aoi, AoiError, Projections};
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
    for (text, polygons) in [(SQUARE, 1), (&feature, 1), (&many, 2), (&nested, 1)] {
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
            "fewer than four positions",
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
