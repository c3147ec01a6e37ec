//! What the tests know of projections: longitude/latitude, and Lambert's conic for Daymet.

use seedbed_grid::{Crs, ProjectionError, Projections, Transform};

/// CRSs by their text; geographic ones are equal, Daymet's Lambert is transformed by Snyder's formulas.
pub struct Earth;

struct Same;
struct FromDaymet;

impl Projections for Earth {
    fn resolve(&self, definition: &str) -> Result<Crs, ProjectionError> {
        let geographic = ["EPSG:4326", "EPSG:4269", "OGC:CRS84"].contains(&definition);
        if !geographic && !definition.starts_with("+proj=") {
            return Err(ProjectionError::Unknown {
                definition: definition.to_owned(),
                reason: "unheard of".to_owned(),
            });
        }
        Ok(Crs {
            code: geographic.then(|| definition.to_owned()),
            wkt2: definition.to_owned(),
            projjson: serde_json::json!({"name": definition}),
            geographic,
        })
    }

    fn transform(&self, from: &Crs, to: &Crs) -> Result<Box<dyn Transform>, ProjectionError> {
        if from.geographic && to.geographic {
            Ok(Box::new(Same))
        } else if from.wkt2.contains("+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100") {
            Ok(Box::new(FromDaymet))
        } else {
            let (from, to) = (from.to_string(), to.to_string());
            Err(ProjectionError::NoPath { from, to, reason: "unheard of".to_owned() })
        }
    }
}

impl Transform for Same {
    fn forward(&self, _xs: &mut [f64], _ys: &mut [f64]) {}
}

impl Transform for FromDaymet {
    /// Snyder (1987), p. 107–109: the inverse of the ellipsoidal Lambert conformal conic.
    fn forward(&self, xs: &mut [f64], ys: &mut [f64]) {
        let (a, e2) = (6_378_137.0_f64, 0.006_694_379_990_141_32_f64);
        let e = e2.sqrt();
        let m = |p: f64| p.cos() / (1.0 - e2 * p.sin().powi(2)).sqrt();
        let t = |p: f64| {
            (std::f64::consts::FRAC_PI_4 - p / 2.0).tan()
                / ((1.0 - e * p.sin()) / (1.0 + e * p.sin())).powf(e / 2.0)
        };
        let (p1, p2, p0) = (25_f64.to_radians(), 60_f64.to_radians(), 42.5_f64.to_radians());
        let n = (m(p1).ln() - m(p2).ln()) / (t(p1).ln() - t(p2).ln());
        let f = m(p1) / (n * t(p1).powf(n));
        let rho0 = a * f * t(p0).powf(n);
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            let rho = x.hypot(rho0 - *y);
            let theta = x.atan2(rho0 - *y);
            let tt = (rho / (a * f)).powf(1.0 / n);
            let mut p = std::f64::consts::FRAC_PI_2 - 2.0 * tt.atan();
            for _ in 0..10 {
                let s = e * p.sin();
                p = std::f64::consts::FRAC_PI_2 - 2.0 * (tt * ((1.0 - s) / (1.0 + s)).powf(e / 2.0)).atan();
            }
            let longitude = (theta / n).to_degrees() - 100.0;
            *x = longitude - 360.0 * ((longitude + 180.0) / 360.0).floor();
            *y = p.to_degrees();
        }
    }
}
