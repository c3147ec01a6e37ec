//! Day length and daylight, from geometry.

/// Day length, s, by the sunset hour angle of FAO-56 (eqs. 24 and 25, 34).
#[must_use]
pub fn day_length(lat_degrees: f64, day_of_year: i16) -> f64 {
    let angle = std::f64::consts::TAU * f64::from(day_of_year) / 365.0;
    let declination = 0.409 * (angle - 1.39).sin();
    let cos = -lat_degrees.to_radians().tan() * declination.tan();
    cos.clamp(-1.0, 1.0).acos() * 86_400.0 / std::f64::consts::PI
}

/// Mean short-wave radiation while the sun is up, W m⁻²: a clear-sky share of the daily sum at
/// the top of the atmosphere, less on cloudy days (`cloud` 0..1).
#[must_use]
pub fn daylight_radiation(lat_degrees: f64, day_of_year: i16, cloud: f64) -> f64 {
    let angle = std::f64::consts::TAU * f64::from(day_of_year) / 365.0;
    let declination = 0.409 * (angle - 1.39).sin();
    let lat = lat_degrees.to_radians();
    let sunset = (-lat.tan() * declination.tan()).clamp(-1.0, 1.0).acos();
    let distance = 1.0 + 0.033 * angle.cos();
    let part = sunset * lat.sin() * declination.sin() + lat.cos() * declination.cos() * sunset.sin();
    if sunset <= 0.0 {
        return 0.0;
    }
    let mean_over_daylight = 1367.0 * distance * part / sunset;
    mean_over_daylight * (0.74 - 0.5 * cloud)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_long_in_june_and_equal_at_the_equinox() {
        assert!((day_length(41.0, 172) / 3600.0 - 15.0).abs() < 0.3);
        assert!((day_length(41.0, 355) / 3600.0 - 9.2).abs() < 0.3);
        assert!((day_length(41.0, 81) / 3600.0 - 12.0).abs() < 0.1);
    }
}
