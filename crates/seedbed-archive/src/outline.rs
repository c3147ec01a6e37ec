//! A footprint in WGS 84: a GeoJSON geometry and its box, cut at the antimeridian.

use seedbed_grid::{Bbox, GeoBox, ProjectionError, Projections, Territory, Xy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Points along each edge of a geobox.
const PER_EDGE: usize = 16;

/// A geometry and its box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outline {
    pub geometry: Value,
    pub bbox: Bbox,
}

/// The densified outline of a geobox.
pub(crate) fn of_geobox(geobox: &GeoBox, projections: &dyn Projections) -> Result<Outline, ProjectionError> {
    Ok(of_territory(&geobox.territory(projections, PER_EDGE)?))
}

/// A territory, its positions rounded.
fn of_territory(territory: &Territory) -> Outline {
    let rings: Vec<Value> = territory.rings.iter().map(|ring| json!([closed(ring)])).collect();
    let geometry = match <[Value; 1]>::try_from(rings) {
        Ok([one]) => json!({"type": "Polygon", "coordinates": one}),
        Err(parts) => json!({"type": "MultiPolygon", "coordinates": parts}),
    };
    let Bbox { west, south, east, north } = territory.bbox;
    let bbox =
        Bbox { west: rounded(west), south: rounded(south), east: rounded(east), north: rounded(north) };
    Outline { geometry, bbox }
}

/// A box as a polygon, or two where it crosses the antimeridian.
pub(crate) fn of_bbox(bbox: Bbox) -> Outline {
    let east = if bbox.west <= bbox.east { bbox.east } else { bbox.east + 360.0 };
    let corner = |x, y| Xy { x, y };
    cut(vec![
        corner(bbox.west, bbox.north),
        corner(bbox.west, bbox.south),
        corner(east, bbox.south),
        corner(east, bbox.north),
    ])
}

/// A ring, not closed, in degrees. Longitudes may jump from one side of the
/// antimeridian to the other, or run on past ±180°; no edge spans 180° or more.
pub(crate) fn of_ring(ring: &[Xy]) -> Outline {
    let mut unwrapped: Vec<Xy> = Vec::with_capacity(ring.len());
    for point in ring {
        let x = match unwrapped.last() {
            Some(last) if ring_jumps(last.x, point.x) => {
                point.x + 360.0 * ((last.x - point.x) / 360.0).round()
            }
            _ => point.x,
        };
        unwrapped.push(Xy { x, y: point.y });
    }
    cut(unwrapped)
}

/// Several outlines as one.
pub(crate) fn joined(mut parts: Vec<Outline>) -> Option<Outline> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let bbox = Bbox::around(parts.iter().map(|p| p.bbox))?;
    let mut polygons = Vec::new();
    for part in parts {
        match (part.geometry["type"].as_str(), &part.geometry["coordinates"]) {
            (Some("MultiPolygon"), Value::Array(more)) => polygons.extend(more.iter().cloned()),
            (_, one) => polygons.push(one.clone()),
        }
    }
    Some(Outline { geometry: json!({"type": "MultiPolygon", "coordinates": polygons}), bbox })
}

/// A ring whose longitudes are continuous, cut at the antimeridian if it crosses it.
fn cut(mut unwrapped: Vec<Xy>) -> Outline {
    for point in &mut unwrapped {
        *point = Xy { x: rounded(point.x), y: rounded(point.y) };
    }
    if let Some(territory) = Territory::within(&unwrapped) {
        return of_territory(&territory);
    }
    // A place without area.
    let points = unwrapped.iter().map(|p| Bbox { west: p.x, south: p.y, east: p.x, north: p.y });
    let nowhere = Bbox { west: 0.0, south: 0.0, east: 0.0, north: 0.0 };
    let bbox = points.reduce(Bbox::union).unwrap_or(nowhere);
    Outline { geometry: json!({"type": "Polygon", "coordinates": [closed(&unwrapped)]}), bbox }
}

/// A coordinate to 1e-7 degrees (a centimetre), so that another build of PROJ gives the same text.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

fn ring_jumps(from: f64, to: f64) -> bool {
    (to - from).abs() > 180.0
}

/// A GeoJSON ring: closed, anticlockwise, each point once.
fn closed(ring: &[Xy]) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = ring.iter().map(|p| [rounded(p.x), rounded(p.y)]).collect();
    points.dedup();
    if points.len() > 1 && points.first() == points.last() {
        points.pop();
    }
    let next = points.iter().cycle().skip(1);
    let area: f64 = points.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
    if area < 0.0 {
        points.reverse();
    }
    if let Some(first) = points.first().copied() {
        points.push(first);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(pairs: &[(f64, f64)]) -> Vec<Xy> {
        pairs.iter().map(|&(x, y)| Xy { x, y }).collect()
    }

    #[test]
    fn longitudes_from_0_to_360_come_home() {
        let o = of_ring(&points(&[(235.0, 49.0), (235.0, 25.0), (293.0, 25.0), (293.0, 49.0)]));
        assert_eq!(<[f64; 4]>::from(o.bbox), [-125.0, 25.0, -67.0, 49.0]);
        assert_eq!(o.geometry["type"], "Polygon");
        assert_eq!(o.geometry["coordinates"][0].as_array().unwrap().len(), 5);
    }

    #[test]
    fn a_ring_across_the_antimeridian_becomes_two() {
        let o = of_ring(&points(&[(170.0, 10.0), (170.0, 0.0), (-170.0, 0.0), (-170.0, 10.0)]));
        assert_eq!(<[f64; 4]>::from(o.bbox), [170.0, 0.0, -170.0, 10.0]);
        let polygons = o.geometry["coordinates"].as_array().unwrap();
        assert_eq!(polygons.len(), 2);
        assert_eq!(polygons[0][0].as_array().unwrap().len(), 5);
        let same = of_bbox(Bbox { west: 170.0, south: 0.0, east: -170.0, north: 10.0 });
        assert_eq!(same.geometry["type"], "MultiPolygon");
        assert_eq!(same.bbox, o.bbox);
    }

    #[test]
    fn rings_run_anticlockwise() {
        let clockwise = points(&[(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)]);
        let o = of_ring(&clockwise);
        assert_eq!(
            o.geometry["coordinates"][0],
            json!([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
        );
    }

    #[test]
    fn a_box_up_to_180_degrees_stays_one_polygon() {
        let o = of_bbox(Bbox { west: -180.0, south: -90.0, east: 180.0, north: 90.0 });
        assert_eq!(o.geometry["type"], "Polygon");
        assert_eq!(<[f64; 4]>::from(o.bbox), [-180.0, -90.0, 180.0, 90.0]);
    }
}
