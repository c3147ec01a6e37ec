//! Areas on an ellipsoid of revolution.

use serde_json::Value;

/// An ellipsoid: its semi-major axis in metres and the square of its eccentricity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ellipsoid {
    a: f64,
    e2: f64,
}

impl Ellipsoid {
    /// That of WGS 84.
    pub const WGS84: Self = Self { a: 6_378_137.0, e2: 0.006_694_379_990_141_316 };

    /// The ellipsoid of a CRS, as its PROJJSON has it; WGS 84's where that says none.
    pub fn of_projjson(crs: &Value) -> Self {
        find(crs).and_then(Self::read).unwrap_or(Self::WGS84)
    }

    fn read(said: &Value) -> Option<Self> {
        let metres = |key: &str| match said.get(key)? {
            Value::Object(with_unit) => {
                let factor = with_unit["unit"]["conversion_factor"].as_f64().unwrap_or(1.0);
                Some(with_unit["value"].as_f64()? * factor)
            }
            plain => plain.as_f64(),
        };
        if let Some(radius) = metres("radius") {
            return Some(Self { a: radius, e2: 0.0 });
        }
        let a = metres("semi_major_axis")?;
        let flattening =
            match (said.get("inverse_flattening").and_then(Value::as_f64), metres("semi_minor_axis")) {
                (Some(inverse), _) if inverse != 0.0 => 1.0 / inverse,
                (_, Some(b)) => 1.0 - b / a,
                _ => 0.0,
            };
        Some(Self { a, e2: flattening * (2.0 - flattening) })
    }

    /// `q` of a latitude in radians, by which areas between parallels differ:
    /// between φ₁ and φ₂ over Δλ lie `a²/2·Δλ·(q(φ₂) − q(φ₁))` square metres.
    ///
    /// # References
    /// Snyder J.P. (1987), Map projections: a working manual, USGS Professional Paper
    /// 1395, eq. 3-12.
    pub fn q(self, latitude: f64) -> f64 {
        let (sin, e) = (latitude.sin(), self.e2.sqrt());
        if e == 0.0 {
            return 2.0 * sin;
        }
        (1.0 - self.e2) * (sin / (1.0 - self.e2 * sin * sin) + (e * sin).atanh() / e)
    }

    /// A longitude and latitude in degrees in a plane where areas are the ellipsoid's, in
    /// square metres.
    pub fn even(self, longitude: f64, latitude: f64) -> (f64, f64) {
        let y = self.q(latitude.clamp(-90.0, 90.0).to_radians());
        (longitude.to_radians() * self.a, y * self.a / 2.0)
    }

    /// Square metres between two parallels and two meridians, all in degrees.
    pub fn zone(self, south: f64, north: f64, width: f64) -> f64 {
        let q = |degrees: f64| self.q(degrees.clamp(-90.0, 90.0).to_radians());
        self.a * self.a / 2.0 * width.to_radians() * (q(north) - q(south))
    }

    /// Square metres within a small quadrilateral of longitudes and latitudes in degrees.
    ///
    /// Its corners are taken to the authalic sphere, where areas are the ellipsoid's, and
    /// joined by great circles.
    pub fn quadrilateral(self, corners: [(f64, f64); 4]) -> f64 {
        let whole = self.q(std::f64::consts::FRAC_PI_2);
        let unit = |(longitude, latitude): (f64, f64)| {
            let sin = (self.q(latitude.to_radians()) / whole).clamp(-1.0, 1.0);
            let (cos, lambda) = ((1.0 - sin * sin).sqrt(), longitude.to_radians());
            [cos * lambda.cos(), cos * lambda.sin(), sin]
        };
        let [a, b, c, d] = corners.map(unit);
        self.a * self.a * whole / 2.0 * (excess(a, b, c) + excess(a, c, d))
    }
}

type Vector = [f64; 3];

/// The spherical excess of a triangle.
///
/// # References
/// Van Oosterom A., Strackee J. (1983), The solid angle of a plane triangle, IEEE
/// Transactions on Biomedical Engineering 30(2), 125–126.
fn excess(a: Vector, b: Vector, c: Vector) -> f64 {
    let minus = |p: Vector, q: Vector| [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
    let dot = |p: Vector, q: Vector| p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
    let cross = |p: Vector, q: Vector| {
        [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]]
    };
    // Sides rather than corners: of nearly equal vectors their product has no digits left.
    let volume = dot(a, cross(minus(b, a), minus(c, a))).abs();
    2.0 * volume.atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

/// The `ellipsoid` of a PROJJSON document, wherever it stands.
fn find(crs: &Value) -> Option<&Value> {
    let object = crs.as_object()?;
    object.get("ellipsoid").or_else(|| object.values().find_map(find))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_whole_earth_has_its_area() {
        // 510 065 621.724 km², as geodesy's tables have it for WGS 84.
        let earth = Ellipsoid::WGS84.zone(-90.0, 90.0, 360.0);
        assert!((earth / 510_065_621.724e6 - 1.0).abs() < 1e-11, "{earth}");
    }

    #[test]
    fn a_small_quadrilateral_is_a_piece_between_parallels() {
        for south in [-89.99, -45.0, 0.0, 60.0, 89.99] {
            let corners = [(10.0, south), (10.01, south), (10.01, south + 0.01), (10.0, south + 0.01)];
            let (exact, found) =
                (Ellipsoid::WGS84.zone(south, south + 0.01, 0.01), Ellipsoid::WGS84.quadrilateral(corners));
            assert!((found / exact - 1.0).abs() < 3e-8, "{south}: {found} {exact}");
        }
    }

    #[test]
    fn ellipsoids_are_found_in_projjson() {
        let crs = json!({"base_crs": {"datum": {"ellipsoid": {"radius": 6_371_007.181}}}});
        assert_eq!(Ellipsoid::of_projjson(&crs), Ellipsoid { a: 6_371_007.181, e2: 0.0 });
        let crs = json!({"datum_ensemble": {"ellipsoid":
            {"semi_major_axis": 6_378_137, "inverse_flattening": 298.257_223_563}}});
        let found = Ellipsoid::of_projjson(&crs);
        assert!((found.e2 - Ellipsoid::WGS84.e2).abs() < 1e-17 && found.a == Ellipsoid::WGS84.a);
        assert_eq!(Ellipsoid::of_projjson(&json!({})), Ellipsoid::WGS84);
    }
}
