//! Zones: the features of a file, each an area with attributes.

use crate::aoi::{Outline, Outlines, geojson, shapefile};
use crate::ring::Ring;
use crate::{Aoi, AoiError, Crs, Projections};
use ::shapefile::dbase::{self, FieldValue};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::path::Path;

/// A feature of a file, before it is a zone.
#[derive(Debug, Clone, Default)]
pub struct Feature {
    /// Where it stands in the file, for messages: `feature 3`.
    pub place: String,
    /// Its own id, if it has one.
    pub id: Option<String>,
    /// Its attributes, in the file's order.
    pub attributes: Map<String, Value>,
    /// Its polygons and what else it is.
    pub outlines: Outlines,
}

/// Polygons in the CRS they were drawn in.
type Drawn = (Crs, Vec<(Ring, Vec<Ring>)>);

/// An area with a name and attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    id: String,
    attributes: Map<String, Value>,
    area: Aoi,
    drawn: Option<Drawn>,
}

/// The zones of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Zones {
    /// In the file's order, each with another id.
    pub zones: Vec<Zone>,
    /// What was put right in reading them, and which features are no areas, one line each.
    pub notes: Vec<String>,
}

impl Zone {
    /// Its id, which no other zone of its file has.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its attributes, in the file's order.
    #[must_use]
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// Where it is, in longitude and latitude.
    #[must_use]
    pub fn area(&self) -> &Aoi {
        &self.area
    }

    /// Its polygons as they were drawn, if that was in `crs`, a projected one, and nothing had
    /// to be put right.
    pub(crate) fn drawn_in(&self, crs: &Crs) -> Option<&[(Ring, Vec<Ring>)]> {
        self.drawn.as_ref().filter(|(own, _)| own == crs).map(|(_, polygons)| polygons.as_slice())
    }
}

impl Zones {
    /// Reads the features of GeoJSON, of well-known text (a single one) or, by its extension,
    /// of a shapefile with its `.prj` and `.dbf`. A zone's id is the attribute `id`; where none
    /// is named the feature's own, else its number in the file.
    ///
    /// # Errors
    /// [`AoiError`], which names the file and feature: also where a feature lacks the
    /// attribute, and where two have the same id.
    pub fn read(path: &Path, id: Option<&str>, projections: &dyn Projections) -> Result<Self, AoiError> {
        let file = path.display().to_string();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("shp")) {
            let (features, prj) = of_shapefile(path, &file)?;
            return Self::of_features(&file, features, Some(&prj), id, projections);
        }
        let text =
            std::fs::read_to_string(path).map_err(|source| AoiError::Read { file: file.clone(), source })?;
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wkt")) || crate::aoi::is_wkt(&text) {
            let area = Aoi::from_wkt(&text, &file, projections)?;
            let notes = area.notes().to_vec();
            let zone = Zone { id: "1".to_owned(), attributes: Map::new(), area, drawn: None };
            return Ok(Self { zones: vec![zone], notes });
        }
        let (features, crs) = of_geojson(&text, &file)?;
        Self::of_features(&file, features, crs.as_deref(), id, projections)
    }

    /// The zones of features in a CRS, or in longitude and latitude.
    ///
    /// # Errors
    /// As [`Zones::read`].
    pub fn of_features(
        file: &str,
        features: Vec<Feature>,
        crs: Option<&str>,
        id: Option<&str>,
        projections: &dyn Projections,
    ) -> Result<Self, AoiError> {
        let bad = |reason: String| AoiError::Vector { file: file.to_owned(), reason };
        let resolve = |name: &str| {
            projections.resolve(name).map_err(|source| AoiError::Projection { file: file.to_owned(), source })
        };
        let crs = crs.map(resolve).transpose()?;
        let (mut zones, mut notes) = (Vec::new(), Vec::new());
        let mut others = Vec::new();
        let mut places: HashMap<String, String> = HashMap::new();
        for (n, feature) in features.into_iter().enumerate() {
            let Feature { place, id: own, attributes, outlines } = feature;
            if outlines.polygons.is_empty() {
                notes.push(format!("{file}: {place} is no area and left out"));
                others.extend(outlines.others);
                continue;
            }
            let name = match id {
                Some(field) => {
                    named(&attributes, field).ok_or_else(|| bad(lacking(&place, field, &attributes)))?
                }
                None => own.unwrap_or_else(|| (n + 1).to_string()),
            };
            if let Some(before) = places.insert(name.clone(), place.clone()) {
                let hint = "name an attribute that sets them apart (--id)";
                return Err(bad(format!("{before} and {place} are both called `{name}`: {hint}")));
            }
            let drawn: Vec<(Ring, Vec<Ring>)> =
                outlines.polygons.iter().map(|o| (o.outer.clone(), o.holes.clone())).collect();
            let area = Aoi::from_outlines(&format!("{file}, {place}"), outlines, crs.as_ref(), projections)?;
            notes.extend(area.notes().iter().cloned());
            // Rings in longitude and latitude may jump at the antimeridian; the area's don't.
            let as_drawn = crs.clone().filter(|crs| !crs.geographic && area.notes().is_empty());
            zones.push(Zone { id: name, attributes, drawn: as_drawn.map(|crs| (crs, drawn)), area });
        }
        if zones.is_empty() {
            others.sort_unstable();
            others.dedup();
            let found = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
            return Err(AoiError::NoPolygon { file: file.to_owned(), found });
        }
        Ok(Self { zones, notes })
    }
}

/// An attribute as an id.
fn named(attributes: &Map<String, Value>, field: &str) -> Option<String> {
    match attributes.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn lacking(place: &str, field: &str, attributes: &Map<String, Value>) -> String {
    let there: Vec<&str> = attributes.keys().map(String::as_str).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    format!("{place} has no text or number in `{field}` to be called by; its attributes: {there}")
}

type Found = (Vec<Feature>, Option<String>);

/// Puts outlines to the features they are of.
fn with_outlines(mut features: Vec<Feature>, outlines: Vec<Outline>) -> Vec<Feature> {
    let places: HashMap<String, usize> =
        features.iter().enumerate().map(|(n, f)| (f.place.clone(), n)).collect();
    for outline in outlines {
        if let Some(n) = places.get(&outline.feature) {
            features[*n].outlines.polygons.push(outline);
        }
    }
    features
}

fn of_geojson(text: &str, file: &str) -> Result<Found, AoiError> {
    let (outlines, crs) = geojson::outlines(text, file)?;
    let found = geojson::features(text, file)?;
    if found.is_empty() && !outlines.polygons.is_empty() {
        let feature = Feature { place: "the geometry".to_owned(), outlines, ..Feature::default() };
        return Ok((vec![feature], crs));
    }
    let mut features = Vec::with_capacity(found.len());
    for (n, feature) in found.into_iter().enumerate() {
        let mut other = Outlines::default();
        feature.geometry.iter().for_each(|g| other.other(g.value.type_name()));
        features.push(Feature {
            place: geojson::label(&feature, n),
            id: feature.id.as_ref().map(|id| match id {
                ::geojson::feature::Id::String(text) => text.clone(),
                ::geojson::feature::Id::Number(number) => number.to_string(),
            }),
            attributes: feature.properties.unwrap_or_default(),
            outlines: Outlines { polygons: Vec::new(), others: other.others },
        });
    }
    Ok((with_outlines(features, outlines.polygons), crs))
}

fn of_shapefile(path: &Path, file: &str) -> Result<(Vec<Feature>, String), AoiError> {
    let (outlines, prj) = shapefile::outlines(path, file)?;
    let table = ["dbf", "DBF", "Dbf"].iter().map(|e| path.with_extension(e)).find(|p| p.exists());
    let mut features = Vec::new();
    if let Some(table) = table {
        let bad = |e: dbase::Error| AoiError::Vector {
            file: table.display().to_string(),
            reason: format!("no dBASE table: {e}"),
        };
        let mut reader = dbase::Reader::from_path(&table).map_err(bad)?;
        let names: Vec<String> = reader.fields().iter().map(|f| f.name().to_owned()).collect();
        for (n, record) in reader.iter_records().enumerate() {
            let record = record.map_err(bad)?;
            let attribute = |name: &String| (name.clone(), record.get(name).map_or(Value::Null, value));
            features.push(Feature {
                place: format!("record {}", n + 1),
                attributes: names.iter().map(attribute).collect(),
                ..Feature::default()
            });
        }
    }
    // Without a table, records have numbers only.
    let number = |o: &Outline| o.feature.strip_prefix("record ").and_then(|n| n.parse::<usize>().ok());
    let most = outlines.polygons.iter().filter_map(number).max().unwrap_or(0);
    for n in features.len()..most {
        features.push(Feature { place: format!("record {}", n + 1), ..Feature::default() });
    }
    Ok((with_outlines(features, outlines.polygons), prj))
}

/// A field of a dBASE table.
fn value(field: &FieldValue) -> Value {
    let number = |v: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are converted")]
        if v.fract() == 0.0 && v.abs() < 9e15 { Value::from(v as i64) } else { Value::from(v) }
    };
    match field {
        FieldValue::Character(text) => text.clone().map_or(Value::Null, Value::from),
        FieldValue::Memo(text) => Value::from(text.clone()),
        FieldValue::Numeric(v) => v.map_or(Value::Null, number),
        FieldValue::Float(v) => v.map_or(Value::Null, |v| number(f64::from(v))),
        FieldValue::Integer(v) => Value::from(*v),
        FieldValue::Currency(v) | FieldValue::Double(v) => number(*v),
        FieldValue::Logical(v) => v.map_or(Value::Null, Value::from),
        FieldValue::Date(v) => {
            v.map_or(Value::Null, |d| Value::from(format!("{:04}-{:02}-{:02}", d.year(), d.month(), d.day())))
        }
        FieldValue::DateTime(v) => {
            let d = v.date();
            Value::from(format!("{:04}-{:02}-{:02}", d.year(), d.month(), d.day()))
        }
    }
}
