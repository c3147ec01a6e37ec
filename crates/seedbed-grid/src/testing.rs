//! Systems and projections for unit tests, without PROJ.

use crate::{Crs, ProjectionError, Projections, Transform};
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

/// Metres, by the sinusoidal projection of a sphere.
pub fn sinusoidal() -> Crs {
    let axis = json!([{"unit": "metre"}, {"unit": "metre"}]);
    let projjson = json!({"coordinate_system": {"axis": axis}});
    Crs { code: None, wkt2: "PROJCRS[\"sinusoidal\"]".into(), projjson, geographic: false }
}

/// Knows those two.
pub struct Two;

const RADIUS: f64 = 6_371_007.181;

enum Way {
    Same,
    ToMetres,
    ToDegrees,
}

impl Transform for Way {
    fn forward(&self, xs: &mut [f64], ys: &mut [f64]) {
        for (x, y) in xs.iter_mut().zip(ys) {
            match self {
                Self::Same => {}
                Self::ToMetres => {
                    let phi = y.to_radians();
                    (*x, *y) = (RADIUS * x.to_radians() * phi.cos(), RADIUS * phi);
                }
                Self::ToDegrees => {
                    let phi = *y / RADIUS;
                    (*x, *y) = ((*x / (RADIUS * phi.cos())).to_degrees(), phi.to_degrees());
                }
            }
        }
    }
}

impl Projections for Two {
    fn resolve(&self, definition: &str) -> Result<Crs, ProjectionError> {
        match definition {
            "EPSG:4326" | "OGC:CRS84" => Ok(lonlat()),
            text if text == sinusoidal().wkt2 => Ok(sinusoidal()),
            _ => Err(ProjectionError::Unknown {
                definition: definition.into(),
                reason: "not one of two".into(),
            }),
        }
    }

    fn transform(&self, from: &Crs, to: &Crs) -> Result<Box<dyn Transform>, ProjectionError> {
        Ok(Box::new(match (from.geographic, to.geographic) {
            (true, false) => Way::ToMetres,
            (false, true) => Way::ToDegrees,
            _ => Way::Same,
        }))
    }
}
