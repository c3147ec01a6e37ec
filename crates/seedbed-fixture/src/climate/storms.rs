//! Daily precipitation as storms: fronts all the year round, convective cells in summer.
//!
//! Each day has a short list of elliptical storms drawn from hashes of the day. A storm's depth
//! falls off as `(1 − r²)²` inside its ellipse and is zero outside, so most days are dry at most
//! places. Mountains catch more.

use super::noise::hash;
use super::{Sites, cents, season};

/// One storm of one day.
struct Storm {
    lon: f32,
    lat: f32,
    /// The matrix that maps an offset in degrees onto the unit circle.
    along: (f32, f32),
    across: (f32, f32),
    depth: f32,
}

impl Storm {
    fn new(centre: (f64, f64), angle: f64, half: (f64, f64), depth: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        // A degree of longitude is about three quarters of one of latitude here.
        let (east, north) = (0.755, 1.0);
        Self {
            lon: centre.0 as f32,
            lat: centre.1 as f32,
            along: ((cos * east / half.0) as f32, (sin * north / half.0) as f32),
            across: ((-sin * east / half.1) as f32, (cos * north / half.1) as f32),
            depth: depth as f32,
        }
    }

    fn depth_at(&self, lon: f32, lat: f32) -> f32 {
        let (x, y) = (lon - self.lon, lat - self.lat);
        let u = x * self.along.0 + y * self.along.1;
        let v = x * self.across.0 + y * self.across.1;
        let rest = 1.0 - u * u - v * v;
        if rest > 0.0 { self.depth * rest * rest } else { 0.0 }
    }
}

/// The storms of a day over the north-east.
fn storms(day: i32) -> Vec<Storm> {
    let summer = -season(day).cos();
    let draw = |k: i64| hash(31, i64::from(day), k);
    let mut list = Vec::new();
    if draw(0) < 0.42 - 0.06 * summer {
        // Heavy fronts are rare: the square of a uniform number is mostly small.
        let depth = 6.0 + 42.0 * draw(1) * draw(1);
        let centre = (-79.5 + 8.0 * draw(2), 38.7 + 5.4 * draw(3));
        list.push(Storm::new(centre, 0.5 + 0.9 * draw(4), (5.0, 1.0 + 1.6 * draw(5)), depth));
    }
    if draw(6) < 0.13 {
        let centre = (-78.0 + 6.0 * draw(7), 39.5 + 4.0 * draw(8));
        list.push(Storm::new(centre, 0.0, (2.6, 1.8), 3.0 + 9.0 * draw(9)));
    }
    if summer > -0.2 && draw(10) < 0.5 * (summer + 0.2) {
        let cells = 3 + (draw(11) * 6.0) as i64;
        for cell in 0..cells {
            let draw = |k: i64| hash(32, i64::from(day), 16 * cell + k);
            let centre = (-77.0 + 3.6 * draw(0), 39.8 + 3.2 * draw(1));
            let half = (0.25 + 0.55 * draw(2), 0.15 + 0.3 * draw(3));
            list.push(Storm::new(centre, 3.0 * draw(4), half, 6.0 + 30.0 * draw(5) * draw(5)));
        }
    }
    list
}

/// Precipitation at a set of places.
pub struct Storms {
    lon: Vec<f32>,
    lat: Vec<f32>,
    /// How much of a storm a place catches: uplands more, and some texture.
    catch: Vec<f32>,
}

impl Storms {
    /// Works out what doesn't change with the day.
    #[must_use]
    pub fn new(sites: &Sites) -> Self {
        let places = sites.elevation.iter().zip(&sites.texture);
        let catch = places.map(|(&height, &texture)| (1.0 + 0.0005 * height) * (0.85 + 0.3 * texture));
        Self { lon: sites.lon.clone(), lat: sites.lat.clone(), catch: catch.collect() }
    }

    /// Fills `out` with a day's precipitation, mm in hundredths, all of it at or above 0.
    pub fn precipitation(&self, day: i32, out: &mut [f32]) {
        out.fill(0.0);
        for storm in storms(day) {
            for ((out, &lon), &lat) in out.iter_mut().zip(&self.lon).zip(&self.lat) {
                *out += storm.depth_at(lon, lat);
            }
        }
        for (out, &catch) in out.iter_mut().zip(&self.catch) {
            // A trace is none.
            let depth = *out * catch - 0.25;
            *out = if depth > 0.0 { cents(depth) } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::climate::day_number;
    use crate::spec::Area;
    use jiff::civil::date;

    #[test]
    fn a_year_brings_about_a_metre_on_about_a_third_of_its_days() {
        let points = (0..100).map(|i| (-76.3 + 0.02 * f64::from(i), 40.3 + 0.022 * f64::from(i)));
        let sites = Sites::new(points, Area::UPPER_DELAWARE);
        let storms = Storms::new(&sites);
        let (first, last) = (day_number(date(2003, 1, 1)), day_number(date(2004, 12, 31)));
        let mut out = vec![0.0; sites.len()];
        let (mut total, mut wet) = (0.0, 0_u32);
        for day in first..=last {
            storms.precipitation(day, &mut out);
            assert!(out.iter().all(|&p| (0.0..250.0).contains(&p)));
            total += out.iter().sum::<f32>() / 100.0;
            wet += out.iter().map(|&p| u32::from(p > 0.0)).sum::<u32>();
        }
        let (yearly, share) = (total / 2.0, f64::from(wet) / (731.0 * 100.0));
        assert!((850.0..1400.0).contains(&yearly), "{yearly} mm a year");
        assert!((0.2..0.5).contains(&share), "wet on {share} of days");
    }
}
