//! What the tests on real files share. `SEEDBED_REAL_DATA` names their folder.

use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// The folder of real files, or a printed line that the test is skipped.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("SEEDBED_REAL_DATA").filter(|f| !f.is_empty());
    if folder.is_none() {
        println!("skipped: SEEDBED_REAL_DATA is not set");
    }
    folder.map(PathBuf::from)
}

/// An item of the days from `start` to `end` in a box of degrees.
pub fn item(id: &str, bbox: [f64; 4], start: &str, end: &str, properties: &Value, assets: &Value) -> Value {
    let [w, s, e, n] = bbox;
    let mut all = json!({
        "datetime": null,
        "start_datetime": format!("{start}T00:00:00Z"),
        "end_datetime": format!("{end}T23:59:59Z"),
    });
    let own = properties.as_object().into_iter().flatten();
    all.as_object_mut().unwrap().extend(own.map(|(k, v)| (k.clone(), v.clone())));
    json!({
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": id,
        "bbox": bbox,
        "geometry": { "type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]] },
        "properties": all,
        "links": [],
        "assets": assets,
    })
}

/// An item collection's text.
pub fn items(items: &[Value]) -> String {
    json!({ "type": "FeatureCollection", "features": items }).to_string()
}

/// Python that reads products by their records and puts the tiles of each period
/// on one canvas: `assembled(root)` gives `{period: {variable: array}}`, NaN
/// where there is no tile, for a canvas that starts at `corner` (x, y).
pub const ASSEMBLED: &str = include_str!("real/assembled.py");

/// Whether a program is at hand, or a printed line that the test is skipped.
pub fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("skipped: there is no {program}");
    }
    found
}
