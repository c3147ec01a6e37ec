//! Areas from GeoJSON.

use super::outline::{Outline, Outlines};
use crate::AoiError;
use crate::ring::Ring;
use geojson::feature::Id;
use geojson::{Feature, GeoJson, Geometry, GeometryValue, Position};

/// The polygons of a document and the name of its CRS, if it carries the older
/// `crs` member.
pub fn outlines(text: &str, file: &str) -> Result<(Outlines, Option<String>), AoiError> {
    let document = parsed(text, file)?;
    let mut found = Outlines::default();
    let members = match &document {
        GeoJson::Geometry(g) => {
            gather(g, "the geometry", &mut found);
            &g.foreign_members
        }
        GeoJson::Feature(f) => {
            f.geometry.iter().for_each(|g| gather(g, &label(f, 0), &mut found));
            &f.foreign_members
        }
        GeoJson::FeatureCollection(c) => {
            for (i, f) in c.features.iter().enumerate() {
                f.geometry.iter().for_each(|g| gather(g, &label(f, i), &mut found));
            }
            &c.foreign_members
        }
    };
    let name = members.as_ref().and_then(|m| m.get("crs")?.get("properties")?.get("name")?.as_str());
    Ok((found, name.map(str::to_owned)))
}

/// The features of a document, labelled as [`outlines`] does by their places; a bare
/// geometry has none.
pub fn features(text: &str, file: &str) -> Result<Vec<Feature>, AoiError> {
    Ok(match parsed(text, file)? {
        GeoJson::FeatureCollection(collection) => collection.features,
        GeoJson::Feature(feature) => vec![feature],
        GeoJson::Geometry(_) => Vec::new(),
    })
}

fn parsed(text: &str, file: &str) -> Result<GeoJson, AoiError> {
    text.trim_start_matches('\u{feff}').parse().map_err(|source| {
        let file = file.to_owned();
        if text.contains("\"Topology\"") {
            AoiError::TopoJson { file }
        } else {
            AoiError::GeoJson { file, source }
        }
    })
}

/// What a feature is called in messages: its number, and its id if it has one.
pub fn label(feature: &Feature, index: usize) -> String {
    match &feature.id {
        Some(Id::String(id)) => format!("feature {} (id {id})", index + 1),
        Some(Id::Number(id)) => format!("feature {} (id {id})", index + 1),
        None => format!("feature {}", index + 1),
    }
}

/// Polygons of a geometry, and the types that are none.
fn gather(geometry: &Geometry, feature: &str, found: &mut Outlines) {
    let ring = |positions: &Vec<Position>| -> Ring {
        positions
            .iter()
            .map(|p| match p.as_slice() {
                [x, y, ..] => (*x, *y),
                _ => (f64::NAN, f64::NAN),
            })
            .collect()
    };
    let polygon = |p: &Vec<Vec<Position>>| {
        let mut all = p.iter().map(ring);
        let outer = all.next()?;
        Some(Outline { feature: feature.to_owned(), outer, holes: all.collect() })
    };
    match &geometry.value {
        GeometryValue::Polygon { coordinates } => found.polygons.extend(polygon(coordinates)),
        GeometryValue::MultiPolygon { coordinates } => {
            found.polygons.extend(coordinates.iter().filter_map(polygon));
        }
        GeometryValue::GeometryCollection { geometries } => {
            for g in geometries {
                gather(g, feature, found);
            }
        }
        other => found.other(other.type_name()),
    }
}
