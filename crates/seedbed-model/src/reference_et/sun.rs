//! The sun over a latitude on a day.

use seedbed_block::Date;
use std::f64::consts::PI;

/// The solar constant in MJ m⁻² min⁻¹.
const SOLAR_CONSTANT: f64 = 0.0820;

/// The sun on one day of the year.
#[derive(Debug, Clone, Copy)]
pub struct SolarDay {
    /// Inverse relative distance to the sun, eq. 23.
    distance: f64,
    /// Sine, cosine and tangent of the declination, eq. 24.
    sin: f64,
    cos: f64,
    tan: f64,
}

/// A latitude, north positive, with what every day asks of it.
#[derive(Debug, Clone, Copy)]
pub struct Latitude {
    sin: f64,
    cos: f64,
    tan: f64,
}

impl Latitude {
    /// The latitude of so many degrees.
    #[must_use]
    pub fn of_degrees(degrees: f64) -> Self {
        let latitude = degrees.to_radians();
        Self { sin: latitude.sin(), cos: latitude.cos(), tan: latitude.tan() }
    }
}

impl SolarDay {
    /// The sun on `date`.
    #[must_use]
    pub fn new(date: Date) -> Self {
        let angle = 2.0 * PI / 365.0 * f64::from(date.day_of_year());
        let declination = 0.409 * (angle - 1.39).sin();
        Self {
            distance: 1.0 + 0.033 * angle.cos(),
            sin: declination.sin(),
            cos: declination.cos(),
            tan: declination.tan(),
        }
    }

    /// Extraterrestrial radiation in MJ m⁻² day⁻¹ at a latitude, eq. 21; 0 in the
    /// polar night.
    ///
    /// # Examples
    /// FAO-56, example 8: 20° S on 3 September.
    /// ```
    /// use seedbed_block::date;
    /// use seedbed_model::reference_et::{Latitude, SolarDay};
    /// let latitude = Latitude::of_degrees(-20.0);
    /// let ra = SolarDay::new(date(2015, 9, 3)).radiation(latitude);
    /// assert!((ra - 32.2).abs() < 0.05);
    /// ```
    #[must_use]
    pub fn radiation(&self, latitude: Latitude) -> f64 {
        let sunset = self.sunset(latitude);
        let height = sunset * latitude.sin * self.sin + latitude.cos * self.cos * sunset.sin();
        24.0 * 60.0 / PI * SOLAR_CONSTANT * self.distance * height
    }

    /// Hours of daylight at a latitude, eq. 34.
    #[must_use]
    pub fn daylight(&self, latitude: Latitude) -> f64 {
        24.0 / PI * self.sunset(latitude)
    }

    /// The sunset's hour angle, eq. 25.
    fn sunset(&self, latitude: Latitude) -> f64 {
        (-latitude.tan * self.tan).clamp(-1.0, 1.0).acos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::date;

    #[test]
    fn radiation_is_the_integral_of_the_suns_height_over_the_day() {
        for (month, latitude) in [(1, -70.0_f64), (3, 0.0), (6, 50.0), (6, 69.0), (9, -20.0), (12, 50.0)] {
            let (sun, phi) = (SolarDay::new(date(2015, month, 15)), latitude.to_radians());
            let steps = 100_000;
            let sum: f64 = (0..steps)
                .map(|i| {
                    let hour_angle = PI * (2.0 * (f64::from(i) + 0.5) / f64::from(steps) - 1.0);
                    (phi.sin() * sun.sin + phi.cos() * sun.cos * hour_angle.cos()).max(0.0)
                })
                .sum();
            let integral = SOLAR_CONSTANT * sun.distance * 24.0 * 60.0 * sum / f64::from(steps);
            let got = sun.radiation(Latitude::of_degrees(latitude));
            assert!((got - integral).abs() < 1e-6, "{got} against {integral} at {latitude} in month {month}");
        }
    }

    #[test]
    fn worked_examples_of_fao_56_come_out_to_their_printed_digits() {
        // Examples 8 and 9: 20° S, 3 September: Ra = 32.2 MJ m-2 day-1, N = 11.7 h.
        let (sun, south) = (SolarDay::new(date(2015, 9, 3)), Latitude::of_degrees(-20.0));
        assert!((sun.radiation(south) - 32.2).abs() < 0.05);
        assert!((sun.daylight(south) - 11.7).abs() < 0.05);
        // Example 10: Rio de Janeiro, 22° 54' S, in the middle of May: 25.1 and 10.9.
        let (sun, rio) = (SolarDay::new(date(2015, 5, 15)), Latitude::of_degrees(-22.9));
        assert!((sun.radiation(rio) - 25.1).abs() < 0.05);
        assert!((sun.daylight(rio) - 10.9).abs() < 0.05);
    }

    #[test]
    fn the_polar_night_has_no_radiation_and_the_polar_day_a_lot() {
        let north = Latitude::of_degrees(80.0);
        assert!(SolarDay::new(date(2015, 12, 21)).radiation(north).abs() < 1e-9);
        assert!(SolarDay::new(date(2015, 6, 21)).radiation(north) > 40.0);
    }
}
