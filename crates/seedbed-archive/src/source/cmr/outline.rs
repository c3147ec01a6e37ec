//! Where a granule is, as CMR tells it.

use crate::outline::{Outline, joined, of_bbox, of_ring};
use seedbed_grid::{Bbox, Xy};
use serde_json::Value;

/// The `polygons`, `boxes` or `points` of a `granules.json` entry, whose numbers are latitudes first.
pub(super) fn of_json(entry: &Value) -> Result<Option<Outline>, String> {
    let mut parts = Vec::new();
    // The first ring of each polygon is its outside.
    for polygon in entry["polygons"].as_array().into_iter().flatten() {
        if let Some(text) = polygon[0].as_str() {
            parts.push(ring(&pairs(text)?)?);
        }
    }
    if parts.is_empty() {
        for text in entry["boxes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            match pairs(text)?[..] {
                [low, high] => parts.push(bbox(low.x, low.y, high.x, high.y)?),
                _ => return Err(format!("`{text}` is no box")),
            }
        }
    }
    if parts.is_empty() {
        for text in entry["points"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            for point in pairs(text)? {
                parts.push(bbox(point.x, point.y, point.x, point.y)?);
            }
        }
    }
    Ok(joined(parts))
}

/// The polygons, rectangles or points of a UMM spatial extent.
pub(super) fn of_umm(extent: &Value) -> Result<Option<Outline>, String> {
    let geometry = &extent["HorizontalSpatialDomain"]["Geometry"];
    let list = |name: &str| geometry[name].as_array().into_iter().flatten();
    let point = |p: &Value| Some(Xy { x: p["Longitude"].as_f64()?, y: p["Latitude"].as_f64()? });
    let mut parts = Vec::new();
    for polygon in list("GPolygons") {
        let points = polygon["Boundary"]["Points"].as_array().into_iter().flatten();
        let points: Vec<Xy> = points.filter_map(point).collect();
        parts.push(ring(&points)?);
    }
    if parts.is_empty() {
        for rectangle in list("BoundingRectangles") {
            let side = |name: &str| {
                rectangle[format!("{name}BoundingCoordinate")]
                    .as_f64()
                    .ok_or_else(|| "its outline lacks a side".to_owned())
            };
            parts.push(bbox(side("West")?, side("South")?, side("East")?, side("North")?)?);
        }
    }
    if parts.is_empty() {
        for p in list("Points").filter_map(point) {
            parts.push(bbox(p.x, p.y, p.x, p.y)?);
        }
    }
    Ok(joined(parts))
}

/// Pairs of latitude and longitude.
fn pairs(text: &str) -> Result<Vec<Xy>, String> {
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let numbers = numbers.map_err(|_| format!("`{text}` are no coordinates"))?;
    Ok(numbers.chunks_exact(2).map(|c| Xy { x: c[1], y: c[0] }).collect())
}

fn ring(points: &[Xy]) -> Result<Outline, String> {
    let mut points = points.to_vec();
    points.dedup_by(|a, b| a.x == b.x && a.y == b.y);
    if points.len() > 1 && points.first().map(|p| (p.x, p.y)) == points.last().map(|p| (p.x, p.y)) {
        points.pop();
    }
    if points.len() < 3 {
        return Err("its outline has fewer than three corners".to_owned());
    }
    points.iter().try_for_each(|p| on_earth(p.x, p.y))?;
    Ok(of_ring(&points))
}

fn bbox(west: f64, south: f64, east: f64, north: f64) -> Result<Outline, String> {
    on_earth(west, south)?;
    on_earth(east, north)?;
    if south > north {
        return Err(format!("its box is upside down: {south} to {north}"));
    }
    Ok(of_bbox(Bbox { west, south, east, north }))
}

fn on_earth(longitude: f64, latitude: f64) -> Result<(), String> {
    if longitude.abs() <= 360.0 && latitude.abs() <= 90.0 {
        Ok(())
    } else {
        Err(format!("it is nowhere on Earth: {longitude}, {latitude}"))
    }
}
