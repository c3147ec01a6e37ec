//! What the schemas can't say: time, place and names of one document.

use super::{Check, Problem};
use crate::geometry;
use crate::item::bbox_of;
use geo::CoordsIter;
use jiff::Timestamp;
use seedbed_grid::Bbox;
use serde_json::Value;

/// How far a box may be off its geometry, in degrees and as a part of its
/// side: boxes are often rounded or slightly widened, never by a hundredth.
const BOX_TOLERANCE: f64 = 1e-5;
const BOX_SLACK: f64 = 0.01;

/// Checks one document by itself.
pub fn check(document: &Value, problems: &mut Vec<Problem>) {
    if document["id"].as_str().is_some_and(|id| id.trim().is_empty()) {
        problems.push(Problem::new(Check::Id, "/id", "the id is empty"));
    }
    match document["type"].as_str() {
        Some("Feature") => {
            times(&document["properties"], problems);
            place(document, problems);
        }
        Some("Collection") => extent(&document["extent"], problems),
        _ => {}
    }
}

fn instant(properties: &Value, field: &str, problems: &mut Vec<Problem>) -> Option<Timestamp> {
    let text = properties.get(field).and_then(Value::as_str)?;
    let parsed = text.parse::<Timestamp>();
    if parsed.is_err() {
        let message = format!("`{text}` is no RFC 3339 date and time with an offset");
        problems.push(Problem::new(Check::Datetime, format!("/properties/{field}"), message));
    }
    parsed.ok()
}

fn times(properties: &Value, problems: &mut Vec<Problem>) {
    let datetime = instant(properties, "datetime", problems);
    let start = instant(properties, "start_datetime", problems);
    let end = instant(properties, "end_datetime", problems);
    for field in ["created", "updated"] {
        instant(properties, field, problems);
    }
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        let message = format!("end_datetime {end} lies before start_datetime {start}");
        problems.push(Problem::new(Check::Datetime, "/properties/end_datetime", message));
    }
    if let (Some(at), Some(start), Some(end)) = (datetime, start, end)
        && !(start <= at && at <= end)
    {
        let message = format!("datetime {at} lies outside of {start}/{end}");
        problems.push(Problem::new(Check::Datetime, "/properties/datetime", message));
    }
    let unknown = properties.get("datetime").is_some_and(Value::is_null);
    if unknown && (properties["start_datetime"].is_null() || properties["end_datetime"].is_null()) {
        let message = "datetime is null, so start_datetime and end_datetime are needed";
        problems.push(Problem::new(Check::Datetime, "/properties/datetime", message));
    }
}

fn ordered(bbox: Bbox, path: &str, problems: &mut Vec<Problem>) {
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

fn place(document: &Value, problems: &mut Vec<Problem>) {
    let bbox = bbox_of(&document["bbox"]);
    if let Some(bbox) = bbox {
        ordered(bbox, "/bbox", problems);
    }
    if !document["geometry"].is_object() {
        return;
    }
    let shape = match geometry::parse(&document["geometry"], "the item") {
        Ok(shape) => shape,
        Err(error) => {
            let reason =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            problems.push(Problem::new(Check::Place, "/geometry", reason));
            return;
        }
    };
    let Some(bbox) = bbox else { return };
    if let Some(message) = differs(bbox, &shape) {
        problems.push(Problem::new(Check::Place, "/bbox", message));
    }
}

/// How a box fails to be the one around a geometry.
fn differs(bbox: Bbox, shape: &geo::Geometry) -> Option<String> {
    let crosses = bbox.west > bbox.east;
    // Across the antimeridian longitudes count on from the western edge.
    let unwrapped = |x: f64| if crosses && x < bbox.west - BOX_TOLERANCE { x + 360.0 } else { x };
    let (mut west, mut east) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut south, mut north) = (f64::INFINITY, f64::NEG_INFINITY);
    for c in shape.coords_iter() {
        (west, east) = (west.min(unwrapped(c.x)), east.max(unwrapped(c.x)));
        (south, north) = (south.min(c.y), north.max(c.y));
    }
    let box_east = if crosses { bbox.east + 360.0 } else { bbox.east };
    let (dx, dy) = (
        (BOX_SLACK * (box_east - bbox.west)).max(BOX_TOLERANCE),
        (BOX_SLACK * (bbox.north - bbox.south)).max(BOX_TOLERANCE),
    );
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

fn extent(extent: &Value, problems: &mut Vec<Problem>) {
    for (n, bbox) in extent["spatial"]["bbox"].as_array().into_iter().flatten().enumerate() {
        if let Some(bbox) = bbox_of(bbox) {
            ordered(bbox, &format!("/extent/spatial/bbox/{n}"), problems);
        }
    }
    for (n, interval) in extent["temporal"]["interval"].as_array().into_iter().flatten().enumerate() {
        let bound = |i: usize| interval[i].as_str().and_then(|t| t.parse::<Timestamp>().ok());
        if let (Some(start), Some(end)) = (bound(0), bound(1))
            && end < start
        {
            let path = format!("/extent/temporal/interval/{n}");
            problems.push(Problem::new(Check::Datetime, path, format!("{end} lies before {start}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(document: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        check(document, &mut problems);
        problems.into_iter().map(|p| format!("{} {}", p.path, p.message)).collect()
    }

    #[test]
    fn times_must_be_ordered_and_complete() {
        let item = |properties: Value| json!({"type": "Feature", "id": "a", "properties": properties});
        let reversed = json!({"datetime": null, "start_datetime": "2004-01-01T00:00:00Z", "end_datetime": "2003-01-01T00:00:00Z"});
        assert!(found(&item(reversed))[0].starts_with("/properties/end_datetime"));
        assert!(found(&item(json!({"datetime": null})))[0].contains("are needed"));
        assert!(found(&item(json!({"datetime": "2003-01-01"})))[0].contains("RFC 3339"));
        assert!(found(&item(json!({"datetime": "2003-01-01T00:00:00Z"}))).is_empty());
    }

    #[test]
    fn boxes_must_fit_their_geometry() {
        let item = |bbox: Value, ring: Value| {
            json!({"type": "Feature", "id": "a", "bbox": bbox, "properties": {"datetime": "2003-01-01T00:00:00Z"},
                "geometry": {"type": "Polygon", "coordinates": [ring]}})
        };
        let ring = json!([[0, 0], [10, 0], [10, 5], [0, 5], [0, 0]]);
        assert!(found(&item(json!([0, 0, 10, 5]), ring.clone())).is_empty());
        assert!(found(&item(json!([0, 0, 10.05, 5]), ring.clone())).is_empty(), "a little wider is fine");
        assert!(found(&item(json!([0, 0, 12, 5]), ring.clone()))[0].contains("east is 12"));
        assert!(found(&item(json!([0, 5, 10, 0]), ring))[0].contains("north"));
        let crossing = json!({"type": "Feature", "id": "a", "bbox": [177, -20, -178, -12],
            "properties": {"datetime": "2003-01-01T00:00:00Z"},
            "geometry": {"type": "MultiPolygon", "coordinates": [
                [[[177, -20], [180, -20], [180, -12], [177, -12], [177, -20]]],
                [[[-180, -20], [-178, -20], [-178, -12], [-180, -12], [-180, -20]]]]}});
        assert!(found(&crossing).is_empty());
    }
}
