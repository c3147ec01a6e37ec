//! Two systems without PROJ, and a seeded generator.

use seedbed_grid::{Crs, PixelGrid, ProjectionError, Projections, Transform, Xy};
use serde_json::json;

/// Longitude and latitude.
pub fn lonlat() -> Crs {
    Crs {
        code: Some("EPSG:4326".into()),
        wkt2: "GEOGCRS[\"WGS 84\"]".into(),
        projjson: json!({"type": "GeographicCRS"}),
        geographic: true,
    }
}

/// Metres, by the sinusoidal projection of a sphere.
pub fn sinusoidal() -> Crs {
    Crs {
        code: None,
        wkt2: "PROJCRS[\"sinusoidal\"]".into(),
        projjson: json!({"coordinate_system": {"axis": [{"unit": "metre"}, {"unit": "metre"}]}}),
        geographic: false,
    }
}

const PRJ: &str = r#"GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#;

/// A grid of longitude and latitude from 180° W, 90° N.
pub fn degrees(resolution: f64) -> PixelGrid {
    PixelGrid::new(lonlat(), None, Some(Xy { x: resolution, y: resolution })).unwrap()
}

pub struct Two;

const RADIUS: f64 = 6_371_007.181;

struct Way(bool, bool);

impl Transform for Way {
    fn forward(&self, xs: &mut [f64], ys: &mut [f64]) {
        for (x, y) in xs.iter_mut().zip(ys) {
            match (self.0, self.1) {
                (true, false) => {
                    let phi = y.to_radians();
                    (*x, *y) = (RADIUS * x.to_radians() * phi.cos(), RADIUS * phi);
                }
                (false, true) => {
                    let phi = *y / RADIUS;
                    (*x, *y) = ((*x / (RADIUS * phi.cos())).to_degrees(), phi.to_degrees());
                }
                _ => {}
            }
        }
    }
}

impl Projections for Two {
    fn resolve(&self, definition: &str) -> Result<Crs, ProjectionError> {
        match definition {
            "EPSG:4326" | "OGC:CRS84" | "urn:ogc:def:crs:OGC:1.3:CRS84" | PRJ => Ok(lonlat()),
            // As GDAL writes a system on an ellipsoid without a name.
            text if text.starts_with("GEOGCS[\"GCS_unknown\"") => Ok(lonlat()),
            text if text == sinusoidal().wkt2 => Ok(sinusoidal()),
            _ => Err(ProjectionError::Unknown {
                definition: definition.into(),
                reason: "not one of two".into(),
            }),
        }
    }

    fn transform(&self, from: &Crs, to: &Crs) -> Result<Box<dyn Transform>, ProjectionError> {
        Ok(Box::new(Way(from.geographic, to.geographic)))
    }

    fn prj(&self, _: &Crs) -> Result<String, ProjectionError> {
        Ok(PRJ.to_owned())
    }
}

/// A linear congruential generator: the same numbers in every run.
pub struct Random(pub u64);

impl Random {
    /// A number from `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * ((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}
