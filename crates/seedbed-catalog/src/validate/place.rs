//! Boxes and geometries: in order, on the Earth, and one around the other.

use super::{Check, Problem};
use crate::item::bbox_of;
use seedbed_grid::Bbox;
use serde_json::Value;

/// How far a box may be off its geometry, in degrees and as a part of its
/// side: boxes are often rounded or slightly widened, never by a hundredth.
const BOX_TOLERANCE: f64 = 1e-5;
const BOX_SLACK: f64 = 0.01;

/// Checks an item's box and geometry, each and against the other. What is no
/// GeoJSON at all is left to the schemas; rings may turn either way, and a ring
/// may run past 180° instead of being cut there.
pub fn item(document: &Value, problems: &mut Vec<Problem>) {
    let bbox = bbox_of(&document["bbox"]);
    if let Some(bbox) = bbox {
        ordered(bbox, "/bbox", problems);
    }
    let geometry = &document["geometry"];
    if !geometry.is_object() {
        return;
    }
    let mut beyond = None;
    let mut any = false;
    positions(geometry, &mut |x, y| {
        any = true;
        if y.abs() > 90.0 + BOX_TOLERANCE || x.abs() > 360.0 + BOX_TOLERANCE {
            beyond.get_or_insert((x, y));
        }
    });
    if let Some((x, y)) = beyond {
        let message = format!("the position [{x}, {y}] is none in degrees of longitude and latitude");
        problems.push(Problem::new(Check::Place, "/geometry", message));
    } else if !any {
        problems.push(Problem::new(Check::Place, "/geometry", "the geometry has no positions"));
    } else if let Some(message) = bbox.and_then(|bbox| differs(bbox, geometry)) {
        problems.push(Problem::new(Check::Place, "/bbox", message));
    }
}

/// Checks a box by itself.
pub fn ordered(bbox: Bbox, path: &str, problems: &mut Vec<Problem>) {
    if bbox.south > bbox.north {
        let message = format!("south {} lies north of north {}", bbox.south, bbox.north);
        problems.push(Problem::new(Check::Place, path, message));
    }
    let beyond = [bbox.south, bbox.north].iter().any(|y| y.abs() > 90.0 + BOX_TOLERANCE)
        || [bbox.west, bbox.east].iter().any(|x| x.abs() > 180.0 + BOX_TOLERANCE);
    if beyond {
        problems.push(Problem::new(Check::Place, path, "this lies beyond ±180° or ±90°"));
    }
}

/// Whether a box lies in another one, longitudes modulo 360°, rounding allowed for.
pub fn contains(outer: Bbox, inner: Bbox) -> bool {
    let width = |b: Bbox| if b.west > b.east { b.east + 360.0 - b.west } else { b.east - b.west };
    let (dx, dy) = (slack(width(inner)), slack(inner.north - inner.south));
    if inner.south < outer.south - dy || inner.north > outer.north + dy {
        return false;
    }
    if width(outer) >= 360.0 - dx {
        return true;
    }
    let offset = (inner.west - outer.west + dx).rem_euclid(360.0) - dx;
    offset + width(inner) <= width(outer) + dx
}

fn slack(side: f64) -> f64 {
    (BOX_SLACK * side).max(BOX_TOLERANCE)
}

/// Every position of a GeoJSON geometry, heights left out.
fn positions(geometry: &Value, each: &mut dyn FnMut(f64, f64)) {
    for part in geometry["geometries"].as_array().into_iter().flatten() {
        positions(part, each);
    }
    coordinates(&geometry["coordinates"], each);
}

fn coordinates(value: &Value, each: &mut dyn FnMut(f64, f64)) {
    let Some(values) = value.as_array() else { return };
    if let [x, y, ..] = &values[..]
        && let (Some(x), Some(y)) = (x.as_f64(), y.as_f64())
    {
        return each(x, y);
    }
    for value in values {
        coordinates(value, each);
    }
}

/// How a box fails to be the one around a geometry.
fn differs(bbox: Bbox, geometry: &Value) -> Option<String> {
    let crosses = bbox.west > bbox.east;
    let (mut west, mut east) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut south, mut north) = (f64::INFINITY, f64::NEG_INFINITY);
    positions(geometry, &mut |x, y| {
        // Across the antimeridian longitudes count on from the western edge.
        let x = if crosses && x < bbox.west - BOX_TOLERANCE { x + 360.0 } else { x };
        (west, east) = (west.min(x), east.max(x));
        (south, north) = (south.min(y), north.max(y));
    });
    let box_east = if crosses { bbox.east + 360.0 } else { bbox.east };
    let (dx, dy) = (slack(box_east - bbox.west), slack(bbox.north - bbox.south));
    let sides = [
        ("west", bbox.west, west, dx),
        ("east", box_east, east, dx),
        ("south", bbox.south, south, dy),
        ("north", bbox.north, north, dy),
    ];
    let off = sides.into_iter().find(|(_, stated, found, slack)| (stated - found).abs() > *slack)?;
    let turned = |x: f64| if x > 180.0 { x - 360.0 } else { x };
    Some(format!("its {} is {}, but the geometry's is {}", off.0, turned(off.1), turned(off.2)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "so that calls read well")]
    fn found(bbox: Value, geometry: Value) -> Vec<String> {
        let mut problems = Vec::new();
        item(&json!({"bbox": bbox, "geometry": geometry}), &mut problems);
        problems.into_iter().map(|p| format!("{} {}", p.path, p.message)).collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "so that calls read well")]
    fn polygon(ring: Value) -> Value {
        json!({"type": "Polygon", "coordinates": [ring]})
    }

    #[test]
    fn boxes_must_fit_their_geometry() {
        let ring = json!([[0, 0], [10, 0], [10, 5], [0, 5], [0, 0]]);
        assert!(found(json!([0, 0, 10, 5]), polygon(ring.clone())).is_empty());
        assert!(found(json!([0, 0, 10.05, 5]), polygon(ring.clone())).is_empty(), "a little wider is fine");
        assert!(found(json!([0, 0, 12, 5]), polygon(ring.clone()))[0].contains("east is 12"));
        assert!(found(json!([0, 5, 10, 0]), polygon(ring))[0].contains("north"));
        let collection = json!({"type": "GeometryCollection", "geometries": [
            {"type": "Point", "coordinates": [1, 2, 300]}, {"type": "Point", "coordinates": [3, 4]}]});
        assert!(found(json!([1, 2, 300, 3, 4, 300]), collection.clone()).is_empty());
        assert!(found(json!([1, 2, 3, 3]), collection)[0].contains("north is 3, but the geometry's is 4"));
        assert!(
            found(json!([0, 0, 1, 1]), json!({"type": "Polygon", "coordinates": []}))[0]
                .contains("no positions")
        );
    }

    #[test]
    fn both_ways_to_write_what_crosses_the_antimeridian_are_fine() {
        let cut = json!({"type": "MultiPolygon", "coordinates": [
            [[[177, -20], [180, -20], [180, -12], [177, -12], [177, -20]]],
            [[[-180, -20], [-178, -20], [-178, -12], [-180, -12], [-180, -20]]]]});
        assert!(found(json!([177, -20, -178, -12]), cut.clone()).is_empty());
        assert!(found(json!([-180, -20, 180, -12]), cut).is_empty());
        let past = polygon(json!([[177, -20], [182, -20], [182, -12], [177, -12], [177, -20]]));
        assert!(found(json!([177, -20, -178, -12]), past.clone()).is_empty());
        assert!(found(json!([177, -20, -170, -12]), past)[0].contains("east is -170"));
    }

    #[test]
    fn rings_may_turn_either_way_and_metres_are_no_degrees() {
        let clockwise = polygon(json!([[0, 0], [0, 5], [10, 5], [10, 0], [0, 0]]));
        assert!(found(json!([0, 0, 10, 5]), clockwise).is_empty());
        let metres = polygon(json!([[500_000, 0], [0, 4_000_000], [10, 5], [500_000, 0]]));
        assert!(found(json!([0, 0, 10, 5]), metres)[0].starts_with("/geometry the position [500000"));
    }

    #[test]
    fn a_box_lies_in_another_modulo_a_turn() {
        let inside = |outer: &str, inner: &str| contains(outer.parse().unwrap(), inner.parse().unwrap());
        assert!(inside("-10,0,10,5", "-10,0,10,5") && inside("-10,0,10,5", "-10.0000001,1,3,2"));
        assert!(!inside("-10,0,10,5", "-11,1,3,2") && !inside("-10,0,10,5", "9,1,12,2"));
        assert!(!inside("-10,0,10,5", "0,1,3,6"));
        assert!(
            inside("170,-20,-170,-12", "175,-15,-175,-14") && inside("170,-20,-170,-12", "-178,-15,-175,-14")
        );
        assert!(!inside("170,-20,-170,-12", "-169,-15,-168,-14"));
        assert!(inside("-180,-90,180,90", "175,-15,-175,-14"));
        assert!(!inside("-179,-90,170,90", "175,-15,-175,-14"));
    }
}
