//! Whether an item's footprint meets a box or a geometry.
//!
//! Longitudes are taken modulo 360°: a footprint or a question across the
//! antimeridian matches however it is written (a box with west > east, a
//! multipolygon cut at ±180°, or a ring that runs on past 180°).

use crate::{CatalogError, Item};
use geo::{BoundingRect, Intersects, MapCoords};
use seedbed_grid::Bbox;
use serde_json::Value;

/// A GeoJSON geometry, feature or feature collection as one geometry.
///
/// # Errors
/// [`CatalogError::Geometry`] naming `at`, or [`CatalogError::Document`] if
/// there is no geometry in it.
pub fn parse(value: &Value, at: &str) -> Result<geo::Geometry, CatalogError> {
    let failed = |source| CatalogError::Geometry { at: at.to_owned(), source };
    match value["type"].as_str() {
        Some("FeatureCollection") => {
            let features = value["features"].as_array().map(Vec::as_slice).unwrap_or_default();
            let parts: Result<Vec<_>, _> = features.iter().map(|f| parse(f, at)).collect();
            Ok(geo::Geometry::GeometryCollection(geo::GeometryCollection(parts?)))
        }
        Some("Feature") if value["geometry"].is_object() => parse(&value["geometry"], at),
        Some("Feature") => Err(CatalogError::document(at, "the feature has no geometry")),
        _ => {
            let geometry: geojson::Geometry =
                serde_json::from_value(value.clone()).map_err(|e| failed(Box::new(e)))?;
            geo::Geometry::try_from(geometry).map_err(|e| failed(Box::new(e)))
        }
    }
}

/// Whether a polygon has a ring of fewer than three corners, which encloses nothing.
pub fn has_flat_ring(shape: &geo::Geometry) -> bool {
    // Rings are closed when they are read.
    let is_flat = |ring: &geo::LineString| {
        let mut corners: Vec<geo::Coord> = ring.0.iter().skip(1).copied().collect();
        corners.dedup();
        !ring.0.is_empty() && corners.len() < 3
    };
    let of_polygon =
        |polygon: &geo::Polygon| is_flat(polygon.exterior()) || polygon.interiors().iter().any(is_flat);
    match shape {
        geo::Geometry::Polygon(polygon) => of_polygon(polygon),
        geo::Geometry::MultiPolygon(many) => many.0.iter().any(of_polygon),
        geo::Geometry::GeometryCollection(many) => many.0.iter().any(has_flat_ring),
        _ => false,
    }
}

/// What is said of a geometry that [`has_flat_ring`].
pub const FLAT: &str = "a ring of a polygon has fewer than three corners";

/// A box as rectangles that don't cross the antimeridian.
fn rectangles(bbox: Bbox) -> Vec<geo::Rect> {
    let bbox = bbox.wrapped();
    let rectangle = |west: f64, east: f64| {
        geo::Rect::new(geo::coord! {x: west, y: bbox.south}, geo::coord! {x: east, y: bbox.north})
    };
    if bbox.west <= bbox.east {
        vec![rectangle(bbox.west, bbox.east)]
    } else {
        vec![rectangle(bbox.west, 180.0), rectangle(-180.0, bbox.east)]
    }
}

/// A box as a geometry.
pub fn of_bbox(bbox: Bbox) -> geo::Geometry {
    let polygons = rectangles(bbox).into_iter().map(geo::Rect::to_polygon).collect();
    geo::Geometry::MultiPolygon(geo::MultiPolygon(polygons))
}

/// Whether two geometries share a point, longitudes modulo 360°.
pub fn intersects(a: &geo::Geometry, b: &geo::Geometry) -> bool {
    let (Some(a_box), Some(b_box)) = (a.bounding_rect(), b.bounding_rect()) else { return false };
    [0.0, 360.0, -360.0].into_iter().any(|turn| {
        let shifted = geo::Rect::new(
            geo::coord! {x: b_box.min().x + turn, y: b_box.min().y},
            geo::coord! {x: b_box.max().x + turn, y: b_box.max().y},
        );
        if !a_box.intersects(&shifted) {
            return false;
        }
        if turn == 0.0 {
            return a.intersects(b);
        }
        a.intersects(&b.map_coords(|c| geo::coord! {x: c.x + turn, y: c.y}))
    })
}

/// How far a box may be off its geometry, in degrees, since boxes are often rounded.
const ROUNDED: f64 = 0.01;

/// The footprint of an item: its geometry, else its box. Of a geometry that jumps from one side of the antimeridian to
/// the other, which could be meant either way, a box across it tells which.
///
/// # Errors
/// As [`parse`].
pub fn footprint(item: &Item) -> Result<Option<geo::Geometry>, CatalogError> {
    match item.geometry() {
        Some(geometry) => {
            let shape = parse(geometry, &item.name())?;
            let across = item.bbox().filter(|b| b.west > b.east);
            let Some(bbox) = across else { return Ok(Some(shape)) };
            let east = |x: f64| if x < bbox.west - ROUNDED { x + 360.0 } else { x };
            Ok(Some(shape.map_coords(|c| geo::coord! {x: east(c.x), y: c.y})))
        }
        None => Ok(item.bbox().map(of_bbox)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_antimeridian_is_no_wall() {
        let fiji = of_bbox("177,-20,-178,-12".parse().unwrap());
        let past_180 = parse(
            &json!({"type": "Polygon", "coordinates": [[[179, -15], [185, -15], [185, -14], [179, -14], [179, -15]]]}),
            "x",
        )
        .unwrap();
        let west = of_bbox("-179,-15,-178.5,-14".parse().unwrap());
        let far = of_bbox("0,-15,10,-14".parse().unwrap());
        assert!(intersects(&fiji, &past_180));
        assert!(intersects(&past_180, &west) && intersects(&west, &past_180));
        assert!(intersects(&fiji, &west));
        assert!(!intersects(&fiji, &far) && !intersects(&past_180, &far));
    }

    #[test]
    fn a_ring_that_jumps_lies_where_its_box_says() {
        let ring = json!([[170, -25], [-170, -25], [-170, -5], [170, -5], [170, -25]]);
        let mut item = Item::new("i");
        item.set_field("geometry", json!({"type": "Polygon", "coordinates": [ring]}));
        item.set_field("bbox", json!([170, -25, -170, -5]));
        let found = footprint(&item).unwrap().unwrap();
        let meets = |text: &str| intersects(&of_bbox(text.parse().unwrap()), &found);
        assert!(meets("-179,-15,-178,-14") && meets("171,-15,172,-14") && meets("-175,-15,-174,-14"));
        assert!(!meets("0,-15,10,-14") && !meets("-169,-15,-160,-14"));
        // One that is cut there, as it should be, is the same.
        let cut = |w: i32, e: i32| json!([[[w, -25], [e, -25], [e, -5], [w, -5], [w, -25]]]);
        let parts = json!([cut(170, 180), cut(-180, -170)]);
        item.set_field("geometry", json!({"type": "MultiPolygon", "coordinates": parts}));
        let found = footprint(&item).unwrap().unwrap();
        assert!(intersects(&of_bbox("-179,-15,-178,-14".parse().unwrap()), &found));
        assert!(!intersects(&of_bbox("0,-15,10,-14".parse().unwrap()), &found));
    }

    #[test]
    fn features_and_collections_are_geometries_too() {
        let point = json!({"type": "Point", "coordinates": [1, 2]});
        let feature = json!({"type": "Feature", "geometry": point, "properties": {}});
        let collection = json!({"type": "FeatureCollection", "features": [feature]});
        let place = of_bbox("0,0,2,3".parse().unwrap());
        for value in [&point, &feature, &collection] {
            assert!(intersects(&place, &parse(value, "x").unwrap()));
        }
        assert!(
            parse(&json!({"type": "Blob"}), "aoi.geojson").unwrap_err().to_string().contains("aoi.geojson")
        );
    }
}
