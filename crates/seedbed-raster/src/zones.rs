//! Zones in vector files that need GDAL: `GeoPackage`.

use crate::vector::{Package, gather};
use crate::{Proj, proj};
use gdal::vector::{FieldValue, LayerAccess};
use seedbed_grid::aoi::Outlines;
use seedbed_grid::{AoiError, Feature, Zones};
use serde_json::{Map, Value};
use std::path::Path;

/// Reads the features of any file that holds zones, with their attributes: what
/// [`Zones::read`] knows, and a `GeoPackage`, which is asked for one of its layers as
/// `file.gpkg:layer` where several have polygons.
///
/// # Errors
/// As [`Zones::read`], and where a layer must be chosen.
pub fn read_zones(path: &Path, id: Option<&str>) -> Result<Zones, AoiError> {
    let Some(package) = Package::of(path) else { return Zones::read(path, id, &Proj) };
    let dataset = package.open()?;
    let mut with = Vec::new();
    let mut names = Vec::new();
    for mut layer in dataset.layers() {
        let name = layer.name();
        names.push(name.clone());
        if package.layer.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let mut features = Vec::new();
        for feature in layer.features() {
            let fid = feature.fid().map(|id| id.to_string());
            let place = fid.as_ref().map_or_else(|| "a feature".to_owned(), |id| format!("feature {id}"));
            let mut outlines = Outlines::default();
            if let Some(geometry) = feature.geometry() {
                gather(geometry, &place, &mut outlines);
            }
            let attributes: Map<String, Value> =
                feature.fields().map(|(name, field)| (name, value(field))).collect();
            features.push(Feature { place, id: fid, attributes, outlines });
        }
        if features.iter().any(|f| !f.outlines.polygons.is_empty()) {
            let srs = layer.spatial_ref();
            let crs = srs.map(|srs| proj::canonical(&srs, &name)).transpose();
            let crs = crs.map_err(|e| package.bad(format!("layer {name}: {e}")))?;
            let crs = crs.ok_or_else(|| {
                package.bad(format!("layer {name} doesn't say its coordinate reference system"))
            })?;
            with.push((name, features, crs));
        }
    }
    if let Some(wanted) = package.layer
        && !names.iter().any(|n| n == wanted)
    {
        return Err(package.bad(format!("it has no layer {wanted}, only {}", names.join(", "))));
    }
    let several: Vec<&str> = with.iter().map(|(name, ..)| name.as_str()).collect();
    if several.len() > 1 {
        let several = several.join(", ");
        return Err(
            package.bad(format!("several layers have polygons, {several}: name one as file.gpkg:layer"))
        );
    }
    let file = package.file.display().to_string();
    match with.pop() {
        Some((_, features, crs)) => Zones::of_features(&file, features, Some(&crs.wkt2), id, &Proj),
        None => Err(AoiError::NoPolygon { file, found: "nothing".to_owned() }),
    }
}

/// A field's value; what JSON has no form for as text.
fn value(field: Option<FieldValue>) -> Value {
    match field {
        None => Value::Null,
        Some(FieldValue::IntegerValue(v)) => Value::from(v),
        Some(FieldValue::Integer64Value(v)) => Value::from(v),
        Some(FieldValue::RealValue(v)) => Value::from(v),
        Some(FieldValue::StringValue(v)) => Value::from(v),
        Some(FieldValue::DateValue(v)) => Value::from(v.to_string()),
        Some(FieldValue::DateTimeValue(v)) => Value::from(v.to_string()),
        Some(FieldValue::IntegerListValue(v)) => Value::from(v),
        Some(FieldValue::Integer64ListValue(v)) => Value::from(v),
        Some(FieldValue::RealListValue(v)) => Value::from(v),
        Some(FieldValue::StringListValue(v)) => Value::from(v),
    }
}
