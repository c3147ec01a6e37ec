//! Two systems for unit tests.

use crate::Crs;
use serde_json::json;

/// Longitude and latitude.
pub fn lonlat() -> Crs {
    Crs {
        code: Some("EPSG:4326".into()),
        wkt2: "GEOGCRS[\"WGS 84\"]".into(),
        projjson: json!({}),
        geographic: true,
    }
}

/// Metres.
pub fn sinusoidal() -> Crs {
    let axis = json!([{"unit": "metre"}, {"unit": "metre"}]);
    let projjson = json!({"coordinate_system": {"axis": axis}});
    Crs { code: None, wkt2: "PROJCRS[\"sinusoidal\"]".into(), projjson, geographic: false }
}
