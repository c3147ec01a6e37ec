//! The lie of the land: height, coast, lakes and texture.

use super::noise::smooth;

/// What lies at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Outside the area that the archives cover.
    Outside,
    /// The sea: no archive has values.
    Sea,
    /// A lake so large that the weather archives leave it out.
    Lake,
    /// A lake with weather over it, and water in the water mask.
    Pond,
    /// Everything else.
    Land,
}

impl Surface {
    /// Whether the weather archives have values here.
    #[must_use]
    pub fn has_weather(self) -> bool {
        matches!(self, Self::Land | Self::Pond)
    }

    /// Whether it is fresh water.
    #[must_use]
    pub fn is_lake(self) -> bool {
        matches!(self, Self::Lake | Self::Pond)
    }
}

/// Degrees of longitude from the shore, positive inland (to the west).
fn inland(lon: f64, lat: f64) -> f64 {
    let shore = -74.32 + 0.36 * (lat - 40.1) + 0.05 * (lat * 9.0).sin();
    shore - lon
}

/// Whether a place lies in the ellipse around `(lon, lat)` with these half axes, degrees.
fn in_ellipse(at: (f64, f64), centre: (f64, f64), half: (f64, f64)) -> bool {
    let (u, v) = ((at.0 - centre.0) / half.0, (at.1 - centre.1) / half.1);
    u * u + v * v <= 1.0
}

/// What lies at a longitude and latitude.
#[must_use]
pub fn surface(lon: f64, lat: f64) -> Surface {
    if inland(lon, lat) < 0.0 {
        Surface::Sea
    } else if in_ellipse((lon, lat), (-75.25, 41.45), (0.11, 0.045)) {
        Surface::Lake
    } else if in_ellipse((lon, lat), (-75.05, 41.12), (0.035, 0.025)) {
        Surface::Pond
    } else {
        Surface::Land
    }
}

/// Height above the sea, m: two uplands, a ridge-and-valley texture, and a plain at the coast.
#[must_use]
pub fn elevation(lon: f64, lat: f64) -> f64 {
    let upland = |lon0: f64, lat0: f64, width: f64| {
        let (u, v) = ((lon - lon0) * 0.75 / width, (lat - lat0) / width);
        (-(u * u + v * v)).exp()
    };
    let ridges = smooth(11, lon * 5.0 + lat * 3.0, (lat - lon) * 12.0);
    let height =
        130.0 + 420.0 * upland(-74.4, 42.1, 0.45) + 330.0 * upland(-75.4, 41.25, 0.5) + 180.0 * ridges;
    height * (inland(lon, lat) / 0.8).clamp(0.0, 1.0)
}

/// Fine texture of land cover and soil, 0..1, at about 25 km and 6 km.
#[must_use]
pub fn texture(lon: f64, lat: f64) -> f64 {
    0.6 * smooth(21, lon * 3.5, lat * 4.5) + 0.4 * smooth(22, lon * 14.0, lat * 18.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Area;

    #[test]
    fn the_upper_delaware_has_land_lakes_and_a_coast() {
        let area = Area::UPPER_DELAWARE;
        let mut counts = [0_u32; 4];
        for row in 0..250 {
            for col in 0..250 {
                let lon = area.west + (f64::from(col) + 0.5) * 0.01;
                let lat = area.south + (f64::from(row) + 0.5) * 0.01;
                let kind = surface(lon, lat);
                counts[match kind {
                    Surface::Sea => 0,
                    Surface::Lake => 1,
                    Surface::Pond => 2,
                    _ => 3,
                }] += 1;
                let height = elevation(lon, lat);
                assert!((0.0..1000.0).contains(&height), "{height} m at {lon} {lat}");
            }
        }
        let [sea, lake, pond, land] = counts;
        assert!(sea > 500 && lake > 100 && pond > 20, "{counts:?}");
        assert!(land > 55_000, "{counts:?}");
    }
}
