//! Areas of interest in files that GDAL reads.

use gdal::DriverManager;
use gdal::spatial_ref::SpatialRef;
use gdal::vector::{Geometry, LayerAccess, LayerOptions, OGRwkbGeometryType};
use seedbed_grid::AoiError;
use seedbed_raster::read_area;
use std::path::Path;

/// A package with the layers given as name, EPSG code and geometries.
fn package(path: &Path, layers: &[(&str, u32, &[&str])]) {
    let driver = DriverManager::get_driver_by_name("GPKG").unwrap();
    let mut dataset = driver.create_vector_only(path).unwrap();
    for (name, code, geometries) in layers {
        let mut srs = SpatialRef::from_epsg(*code).unwrap();
        srs.set_axis_mapping_strategy(gdal::spatial_ref::AxisMappingStrategy::TraditionalGisOrder);
        let options =
            LayerOptions { name, srs: Some(&srs), ty: OGRwkbGeometryType::wkbUnknown, options: None };
        let mut layer = dataset.create_layer(options).unwrap();
        for wkt in *geometries {
            layer.create_feature(Geometry::from_wkt(wkt).unwrap()).unwrap();
        }
    }
}

const SQUARE: &str = "POLYGON Z ((-76 40 5,-75 40 5,-75 41 5,-76 41 5,-76 40 5))";

#[test]
fn a_geopackage_is_an_area_in_any_crs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("area.gpkg");
    let multi = "MULTIPOLYGON(((-74 40,-73 40,-73 41,-74 41,-74 40),(-73.5 40.2,-73.2 40.2,-73.2 40.5,-73.5 40.5,-73.5 40.2)))";
    package(&path, &[("lonlat", 4326, &[SQUARE, multi])]);
    let aoi = read_area(&path).unwrap();
    assert_eq!(<[f64; 4]>::from(aoi.bbox()), [-76.0, 40.0, -73.0, 41.0]);
    assert_eq!(aoi.geometry().iter().map(|p| p.interiors().len()).sum::<usize>(), 1);
    let path = folder.path().join("utm.GPKG");
    package(
        &path,
        &[(
            "utm",
            32618,
            &["POLYGON((500000 4400000,600000 4400000,600000 4500000,500000 4500000,500000 4400000))"],
        )],
    );
    let bbox = read_area(&path).unwrap().bbox();
    assert!((bbox.west + 75.0).abs() < 1e-6 && (bbox.south - 39.7).abs() < 0.1, "{bbox:?}");
}

#[test]
fn a_geopackage_of_several_layers_is_asked_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.gpkg");
    let other = "POLYGON((1 1,2 1,2 2,1 1))";
    package(
        &path,
        &[("gauges", 4326, &["POINT(1 2)"]), ("basin", 4326, &[SQUARE]), ("park", 4326, &[other])],
    );
    let text = |name: &str| read_area(Path::new(name)).unwrap_err().to_string();
    let name = path.display().to_string();
    assert!(text(&name).ends_with("several layers have polygons, basin, park: name one as file.gpkg:layer"));
    assert_eq!(read_area(Path::new(&format!("{name}:park"))).unwrap().bbox().west, 1.0);
    assert!(text(&format!("{name}:roads")).ends_with("it has no layer roads, only gauges, basin, park"));
    let message = text(&format!("{name}:gauges"));
    assert!(message.contains("has no polygon, only POINT"), "{message}");
}

#[test]
fn what_is_no_geopackage_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gpkg");
    assert!(matches!(read_area(&path), Err(AoiError::Read { .. })));
    std::fs::write(&path, "<html>").unwrap();
    let message = read_area(&path).unwrap_err().to_string();
    assert!(message.contains("x.gpkg: no GeoPackage that GDAL reads"), "{message}");
    let crossed = folder.path().join("crossed.gpkg");
    package(&crossed, &[("a", 4326, &[SQUARE, "POLYGON((0 0,1 0,1 1,0 0),(5 5,6 5,6 6,5 5))"])]);
    let message = read_area(&crossed).unwrap_err().to_string();
    assert!(message.contains("layer a, feature 2, hole 1: it lies outside"), "{message}");
}

#[test]
fn real_boundaries_are_read_in_their_own_systems() {
    let Some(folder) = std::env::var_os("SEEDBED_REAL_DATA") else {
        println!("skipped: SEEDBED_REAL_DATA is not set");
        return;
    };
    for name in ["huc12_DRB.shp", "drb_perimeter.json", "windcave.geojson"] {
        let bbox = read_area(&Path::new(&folder).join("aoi").join(name)).unwrap().bbox();
        assert!(
            bbox.west > -104.0 && bbox.east < -74.0 && bbox.south > 38.6 && bbox.north < 44.0,
            "{name}: {bbox:?}"
        );
    }
}
