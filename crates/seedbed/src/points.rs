//! Points by name, from tables and GeoJSON.

use crate::failure::{Judge, usage_hint};
use anyhow::Context;
use seedbed_prep::NamedPoint;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// Columns that may hold longitudes, latitudes and names, in whatever case.
const LONGITUDE: [&str; 5] = ["lon", "longitude", "long", "lng", "x"];
const LATITUDE: [&str; 4] = ["lat", "latitude", "y", "lat_dd"];
const NAME: [&str; 5] = ["id", "name", "site", "station", "point"];

/// Reads points in longitude and latitude: a CSV table with a head line, or GeoJSON.
/// `id` is the column or property that they are called by.
pub fn read(path: &Path, id: Option<&str>) -> anyhow::Result<Vec<NamedPoint>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .or_usage()?;
    let points = if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        of_geojson(path, &text, id)?
    } else {
        of_table(path, &text, id)?
    };
    if points.is_empty() {
        return Err(usage_hint(format!("{} has no points", path.display()), "give one a line, or a feature"));
    }
    let mut known = HashMap::new();
    for (n, point) in points.iter().enumerate() {
        if let Some(before) = known.insert(point.id.as_str(), n + 1) {
            return Err(usage_hint(
                format!("{}: points {before} and {} are both called `{}`", path.display(), n + 1, point.id),
                "name a column that sets them apart with --id",
            ));
        }
        let (x, y) = (point.longitude, point.latitude);
        if !(x.abs() <= 360.0 && y.abs() <= 90.0) {
            return Err(usage_hint(
                format!("{}: ({x}, {y}) of `{}` is no longitude and latitude", path.display(), point.id),
                "points are in degrees of WGS 84, longitude first in GeoJSON",
            ));
        }
    }
    Ok(points)
}

fn of_table(path: &Path, text: &str, id: Option<&str>) -> anyhow::Result<Vec<NamedPoint>> {
    let file = path.display();
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let head = reader.headers().with_context(|| format!("{file} is no table")).or_usage()?.clone();
    let find = |names: &[&str]| {
        names.iter().find_map(|name| {
            head.iter().position(|h| h.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
        })
    };
    let there = || head.iter().collect::<Vec<_>>().join(", ");
    let needed = |what: &str, names: &[&str]| {
        find(names).ok_or_else(|| {
            usage_hint(
                format!("{file} has no column of {what}, only {}", there()),
                format!("call it one of {}", names.join(", ")),
            )
        })
    };
    let (x, y) = (needed("longitudes", &LONGITUDE)?, needed("latitudes", &LATITUDE)?);
    let name = match id {
        Some(id) => Some(find(&[id]).ok_or_else(|| {
            usage_hint(format!("{file} has no column `{id}`"), format!("--id takes of: {}", there()))
        })?),
        None => find(&NAME),
    };
    let mut points = Vec::new();
    for (n, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("{file}, row {}", n + 1)).or_usage()?;
        let number = |column: usize| -> anyhow::Result<f64> {
            let cell = record.get(column).unwrap_or_default();
            cell.parse().with_context(|| format!("{file}, row {}: `{cell}` is no number", n + 1)).or_usage()
        };
        let id = match name.and_then(|column| record.get(column)) {
            Some("") => {
                let message = format!("{file}, row {}: it has no name", n + 1);
                return Err(usage_hint(message, "fill its cell, or name another column with --id"));
            }
            Some(text) => text.to_owned(),
            None => (n + 1).to_string(),
        };
        points.push(NamedPoint { id, longitude: number(x)?, latitude: number(y)? });
    }
    Ok(points)
}

fn of_geojson(path: &Path, text: &str, id: Option<&str>) -> anyhow::Result<Vec<NamedPoint>> {
    let file = path.display();
    let document: Value =
        serde_json::from_str(text).with_context(|| format!("{file} is no GeoJSON")).or_usage()?;
    let one = std::slice::from_ref(&document);
    let features = document["features"].as_array().map_or(one, Vec::as_slice);
    let mut points = Vec::new();
    for (n, feature) in features.iter().enumerate() {
        let geometry = if feature["geometry"].is_object() { &feature["geometry"] } else { feature };
        let at = &geometry["coordinates"];
        let (Some("Point"), Some(longitude), Some(latitude)) =
            (geometry["type"].as_str(), at[0].as_f64(), at[1].as_f64())
        else {
            return Err(usage_hint(
                format!("{file}: feature {} is no point", n + 1),
                "give points only; `seedbed zonal` takes polygons",
            ));
        };
        let text = |value: &Value| match value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let properties = &feature["properties"];
        let name = match id {
            Some(id) => Some(text(&properties[id]).ok_or_else(|| {
                usage_hint(
                    format!("{file}: feature {} has no text or number in `{id}`", n + 1),
                    "name another property with --id",
                )
            })?),
            None => text(&feature["id"]).or_else(|| NAME.iter().find_map(|name| text(&properties[*name]))),
        };
        points.push(NamedPoint { id: name.unwrap_or_else(|| (n + 1).to_string()), longitude, latitude });
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, text: &str, id: Option<&str>) -> anyhow::Result<Vec<NamedPoint>> {
        let folder = std::env::temp_dir().join(format!("points-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("points");
        std::fs::write(&path, text).unwrap();
        let found = read(&path, id);
        std::fs::remove_dir_all(folder).unwrap();
        found
    }

    #[test]
    fn tables_and_features_name_their_points() {
        let table = of("table", "Name,Lat,Lon,code\nmill, 41.5, -75.1,7\nford,41,-75,8\n", None).unwrap();
        assert_eq!(table[0], NamedPoint { id: "mill".to_owned(), longitude: -75.1, latitude: 41.5 });
        assert_eq!(of("code", "Name,Lat,Lon,code\nmill,41.5,-75.1,7\n", Some("code")).unwrap()[0].id, "7");
        let feature =
            r#"{"type":"Feature","properties":{"site":"a"},"geometry":{"type":"Point","coordinates":[1,2]}}"#;
        assert_eq!(of("feature", feature, None).unwrap()[0].id, "a");
    }

    #[test]
    fn points_that_cant_be_meant_are_refused() {
        for (name, text, said) in [
            ("columns", "a,b\n1,2\n", "no column of longitudes"),
            ("number", "lon,lat\n1,north\n", "`north` is no number"),
            ("degrees", "lon,lat\n500000,4000000\n", "no longitude and latitude"),
            ("twice", "id,lon,lat\na,1,2\na,2,2\n", "both called `a`"),
            ("line", r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#, "is no point"),
            ("empty", "lon,lat\n", "has no points"),
        ] {
            let error = format!("{:#}", of(name, text, None).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }
}
