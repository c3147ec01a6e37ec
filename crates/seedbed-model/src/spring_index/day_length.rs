//! The day's length in hours.

use super::lanes::{LANE, Lanes, trace};

/// The latitudes of pixels that are computed together.
#[derive(Debug, Clone)]
pub struct Latitudes {
    /// Tangent of each.
    tan: Lanes,
    /// 1 where the latitude is 40° or more, 0 south of it; NaN where it is missing.
    north: Lanes,
}

/// The cosine that stands for the sun on a day of the year, from 1: `cos(0.0172·c − 1.95)`
/// with `c` the day counted from about 2 November.
pub fn sun(day: i16) -> f64 {
    let c = if day <= 60 { day + 306 } else { day - 60 };
    (0.0172 * f64::from(c) - 1.95).cos()
}

impl Latitudes {
    /// Of degrees, of which there are at most so many as lanes.
    pub fn new(degrees: &[f64]) -> Self {
        let mut lanes = Self { tan: [0.0; LANE], north: [0.0; LANE] };
        for (l, degrees) in degrees.iter().enumerate() {
            lanes.tan[l] = (degrees * std::f64::consts::PI / 180.0).tan();
            lanes.north[l] = f64::from(u8::from(*degrees >= 40.0)) + trace(*degrees);
        }
        lanes
    }

    /// Day length in hours, Ault et al. (2015), for the [`sun`] of a day:
    /// `12.14 + 3.34·tan φ·q` south of 40° N, else
    /// `12.25 + (1.6164 + 1.7643·tan² φ)·q`; from 1 to 23.
    #[inline(always)]
    pub fn hours(&self, q: f64) -> Lanes {
        let mut hours = [0.0; LANE];
        for l in 0..LANE {
            let t = self.tan[l];
            let south = 12.14 + 3.34 * t * q;
            let north = 12.25 + (1.6164 + 1.7643 * (t * t)) * q;
            let length = if self.north[l] > 0.5 { north } else { south };
            let length = if length < 1.0 { 1.0 } else { length };
            hours[l] = if length > 23.0 { 23.0 } else { length };
        }
        hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_long_in_june_and_never_longer_than_23_hours() {
        let at = Latitudes::new(&[0.0, 35.0, 50.0, 80.0, f64::NAN]);
        let june = at.hours(sun(172));
        assert!((june[1] - 14.4).abs() < 0.1 && (june[2] - 16.4).abs() < 0.3, "{june:?}");
        assert_eq!(june[3], 23.0);
        assert!(june[4].is_nan());
        let december = at.hours(sun(355));
        assert!((december[0] - 12.14).abs() < 1e-12);
        assert!(december[2] < 8.5 && december[3] == 1.0, "{december:?}");
    }
}
