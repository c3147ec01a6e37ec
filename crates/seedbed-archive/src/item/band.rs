//! What the definition claims of an asset's values: its band, and its cube.

use crate::definition::{AssetTable, AxesTable};
use crate::grid::Placed;
use serde_json::{Map, Value, json};

/// A number as JSON; STAC has words for what JSON can't write.
pub(super) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number of at most 2^53")]
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        json!(value as i64)
    } else if value.is_nan() {
        json!("nan")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "inf" } else { "-inf" })
    } else {
        json!(value)
    }
}

/// The least and the greatest of a range.
pub(super) fn range(of: [f64; 2]) -> Value {
    Value::Array(of.map(number).into())
}

/// The band of STAC 1.1; `valid_range` is CF's word, for which STAC has none.
pub(super) fn band(claims: &AssetTable) -> Map<String, Value> {
    let mut band = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            band.insert(name.to_owned(), value);
        }
    };
    set("name", claims.variable.as_ref().map(|v| json!(v)));
    set("data_type", claims.data_type.map(|t| json!(t)));
    set("nodata", claims.nodata.map(number));
    set("valid_range", claims.valid_range.map(range));
    set("unit", claims.unit.as_ref().map(|u| json!(u)));
    set("raster:scale", claims.scale.map(|s| json!(s)));
    set("raster:offset", claims.offset.map(|o| json!(o)));
    band
}

/// `cube:dimensions` and `cube:variables` of a file with named dimensions on a grid.
///
/// Spatial extents are those of the pixels' centres, as the file's coordinates are.
pub(super) fn cube(
    claims: &AssetTable,
    place: &Placed,
    times: (&str, &str),
    step: Option<&str>,
) -> Option<(Value, Value)> {
    let variable = claims.variable.as_ref().filter(|_| !claims.dimensions.is_empty())?;
    let geobox = place.geobox.as_ref()?;
    let (x_name, y_name) = match &place.axes {
        Some(AxesTable { x, y }) => (x.as_str(), y.as_str()),
        None => ("x", "y"),
    };
    let code = geobox.crs.code.as_deref().and_then(|c| c.strip_prefix("EPSG:")?.parse::<u32>().ok());
    let reference = code.map_or_else(|| json!(geobox.crs.wkt2), |code| json!(code));
    #[expect(clippy::cast_precision_loss, reason = "a grid has far fewer than 2^53 rows or columns")]
    let along = |axis: &str, origin: f64, pixel: f64, count: usize| {
        let (a, b) = (origin + pixel / 2.0, origin + pixel * (count as f64 - 0.5));
        json!({"type": "spatial", "axis": axis, "extent": [tidy(a.min(b)), tidy(a.max(b))],
            "step": tidy(pixel.abs()), "reference_system": reference})
    };
    let (affine, shape) = (&geobox.affine, &geobox.shape);
    let mut dimensions = Map::new();
    for name in &claims.dimensions {
        let dimension = if name == x_name {
            along("x", affine.c, affine.a, shape.cols)
        } else if name == y_name {
            along("y", affine.f, affine.e, shape.rows)
        } else {
            let mut time = json!({"type": "temporal", "extent": [times.0, times.1]});
            if let Some(step) = step {
                time["step"] = json!(step);
            }
            time
        };
        dimensions.insert(name.clone(), dimension);
    }
    let mut about = Map::new();
    about.insert("type".to_owned(), json!("data"));
    about.insert("description".to_owned(), json!(claims.title));
    about.insert("dimensions".to_owned(), json!(claims.dimensions));
    if let Some(unit) = &claims.unit {
        about.insert("unit".to_owned(), json!(unit));
    }
    if let Some(nodata) = claims.nodata {
        about.insert("nodata".to_owned(), number(nodata));
    }
    if let Some(data_type) = claims.data_type {
        about.insert("data_type".to_owned(), json!(data_type));
    }
    Some((Value::Object(dimensions), json!({variable: about})))
}

/// A coordinate to 1e-9 of its unit, so that sums of steps have no tail of digits.
fn tidy(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}
