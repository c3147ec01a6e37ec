//! The methods' equations, as they are numbered in FAO-56.

/// The coefficient of Hargreaves and Samani, per degC to the power 1.5.
pub const COEFFICIENT: f64 = 0.0023;

/// mm of water that a megajoule a square metre evaporates: 1/λ.
const MM_PER_MJ: f64 = 0.408;

/// The constant of Stefan and Boltzmann in MJ K⁻⁴ m⁻² day⁻¹.
const STEFAN_BOLTZMANN: f64 = 4.903e-9;

/// 0 degC in K, as FAO-56 has it in eq. 39.
const FREEZING: f64 = 273.16;

/// Reference ET in mm a day from the day's temperatures in degC and the
/// extraterrestrial radiation in MJ m⁻² day⁻¹.
///
/// Never negative: below −17.8 degC it is 0. Missing where a temperature is
/// missing or the highest lies below the lowest.
///
/// # Examples
/// FAO-56, example 20: Lyon in July.
/// ```
/// use seedbed_block::date;
/// use seedbed_model::reference_et::{Latitude, SolarDay, hargreaves_samani};
/// let latitude = Latitude::of_degrees(45.0 + 43.0 / 60.0);
/// let ra = SolarDay::new(date(2015, 7, 15)).radiation(latitude);
/// assert!((hargreaves_samani(14.8, 26.6, ra) - 5.0).abs() < 0.05);
/// ```
#[must_use]
pub fn hargreaves_samani(tmin: f64, tmax: f64, radiation: f64) -> f64 {
    with_coefficient(COEFFICIENT, tmin, tmax, radiation)
}

/// The same with another coefficient.
pub(super) fn with_coefficient(coefficient: f64, tmin: f64, tmax: f64, radiation: f64) -> f64 {
    let mean = f64::midpoint(tmin, tmax);
    let eto = coefficient * (mean + 17.8) * (tmax - tmin).sqrt() * (MM_PER_MJ * radiation);
    if eto < 0.0 { 0.0 } else { eto }
}

/// Saturation vapour pressure in kPa at a temperature in degC, eq. 11.
#[must_use]
pub fn saturation(temperature: f64) -> f64 {
    0.6108 * (17.27 * temperature / (temperature + 237.3)).exp()
}

/// Mean saturation vapour pressure of a day in kPa, eq. 12.
#[must_use]
pub fn mean_saturation(tmin: f64, tmax: f64) -> f64 {
    f64::midpoint(saturation(tmin), saturation(tmax))
}

/// Slope of the saturation vapour pressure at a temperature, kPa/degC, eq. 13.
#[must_use]
pub fn slope(temperature: f64) -> f64 {
    4098.0 * saturation(temperature) / ((temperature + 237.3) * (temperature + 237.3))
}

/// The psychrometric constant in kPa/degC at an elevation in m, eqs 7 and 8.
#[must_use]
pub fn psychrometric(elevation: f64) -> f64 {
    0.665e-3 * 101.3 * ((293.0 - 0.0065 * elevation) / 293.0).powf(5.26)
}

/// Solar radiation in MJ m⁻² day⁻¹ from the range of temperatures in degC and the
/// extraterrestrial radiation `ra`, eq. 50; `k` is 0.16 inland and 0.19 at coasts.
#[must_use]
pub fn solar_from_temperatures(k: f64, tmin: f64, tmax: f64, ra: f64) -> f64 {
    k * (tmax - tmin).sqrt() * ra
}

/// Wind at 2 m from that at another height, both in m/s, eq. 47.
#[must_use]
pub fn wind_at_two_metres(wind: f64, height: f64) -> f64 {
    wind * 4.87 / (67.8 * height - 5.42).ln()
}

/// A day at a pixel.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// Lowest temperature, degC.
    pub tmin: f64,
    /// Highest temperature, degC.
    pub tmax: f64,
    /// Extraterrestrial radiation, MJ m⁻² day⁻¹.
    pub ra: f64,
    /// Solar radiation, MJ m⁻² day⁻¹.
    pub solar: f64,
    /// Vapour pressure, kPa.
    pub vapour: f64,
    /// Elevation, m.
    pub elevation: f64,
    /// Share of the solar radiation that the surface reflects.
    pub albedo: f64,
}

impl Day {
    fn mean(&self) -> f64 {
        f64::midpoint(self.tmin, self.tmax)
    }

    /// Net radiation in MJ m⁻² day⁻¹, eqs 37 to 40. A sky can't be clearer than clear,
    /// and that of the polar night counts as clear.
    #[must_use]
    pub fn net_radiation(&self) -> f64 {
        let clear = (0.75 + 2e-5 * self.elevation) * self.ra;
        let clearness = if self.solar < clear { self.solar / clear } else { 1.0 };
        let fourth = |t: f64| (t + FREEZING).powi(4);
        let black = STEFAN_BOLTZMANN * f64::midpoint(fourth(self.tmin), fourth(self.tmax));
        let long = black * (0.34 - 0.14 * self.vapour.sqrt()) * (1.35 * clearness - 0.35);
        (1.0 - self.albedo) * self.solar - long
    }

    /// Reference ET of Priestley and Taylor (1972) in mm a day:
    /// `α·Δ/(Δ + γ)·Rn/λ`, without heat into the soil.
    #[must_use]
    pub fn priestley_taylor(&self, alpha: f64) -> f64 {
        let slope = slope(self.mean());
        let share = slope / (slope + psychrometric(self.elevation));
        not_negative(alpha * share * MM_PER_MJ * self.net_radiation())
    }

    /// Reference ET of Penman and Monteith in mm a day, eq. 6, with `wind` at 2 m in
    /// m/s and heat into the soil in MJ m⁻² day⁻¹.
    ///
    /// # Examples
    /// FAO-56, example 20: Lyon in July, where only temperatures are known.
    /// ```
    /// use seedbed_block::date;
    /// use seedbed_model::reference_et::{Day, Latitude, SolarDay, saturation, solar_from_temperatures};
    /// let ra = SolarDay::new(date(2015, 7, 15)).radiation(Latitude::of_degrees(45.0 + 43.0 / 60.0));
    /// let solar = solar_from_temperatures(0.16, 14.8, 26.6, ra);
    /// let vapour = saturation(14.8);
    /// let day = Day { tmin: 14.8, tmax: 26.6, ra, solar, vapour, elevation: 200.0, albedo: 0.23 };
    /// assert!((day.penman_monteith(2.0, 0.0) - 4.56).abs() < 0.005);
    /// ```
    #[must_use]
    pub fn penman_monteith(&self, wind: f64, into_soil: f64) -> f64 {
        let (slope, gamma) = (slope(self.mean()), psychrometric(self.elevation));
        let deficit = mean_saturation(self.tmin, self.tmax) - self.vapour;
        let radiative = MM_PER_MJ * slope * (self.net_radiation() - into_soil);
        let aerodynamic = gamma * 900.0 / (self.mean() + 273.0) * wind * deficit;
        not_negative((radiative + aerodynamic) / (slope + gamma * (1.0 + 0.34 * wind)))
    }
}

fn not_negative(et: f64) -> f64 {
    if et < 0.0 { 0.0 } else { et }
}

#[cfg(test)]
mod tests {
    use super::super::{Latitude, SolarDay};
    use super::*;
    use seedbed_block::date;

    fn near(got: f64, printed: f64, half_a_digit: f64) {
        assert!((got - printed).abs() <= half_a_digit, "{got} against {printed}");
    }

    #[test]
    fn worked_examples_of_air_come_out_to_their_printed_digits() {
        // Example 2: 1800 m. Example 3: 24.5 and 15 degC. Example 14: 3.2 m/s at 10 m.
        near(psychrometric(1800.0), 0.054, 5e-4);
        near(mean_saturation(15.0, 24.5), 2.39, 5e-3);
        near(wind_at_two_metres(3.2, 10.0), 2.4, 0.05);
    }

    #[test]
    fn worked_examples_of_radiation_come_out_to_their_printed_digits() {
        // Examples 11 and 12: Rio de Janeiro in May.
        let rio =
            Day { tmin: 19.1, tmax: 25.1, ra: 25.1, solar: 14.5, vapour: 2.1, elevation: 0.0, albedo: 0.23 };
        near(rio.net_radiation(), 7.6, 0.05);
        // Example 15: Lyon in July.
        let ra = SolarDay::new(date(2015, 7, 15)).radiation(Latitude::of_degrees(45.0 + 43.0 / 60.0));
        near(solar_from_temperatures(0.16, 14.8, 26.6, ra), 22.3, 0.05);
    }

    #[test]
    fn worked_examples_of_reference_et_come_out_to_their_printed_digits() {
        // Example 17: Bangkok, 13° 44' N, 2 m, April, 8.5 hours of sun.
        let (sun, at) = (SolarDay::new(date(2015, 4, 15)), Latitude::of_degrees(13.0 + 44.0 / 60.0));
        let ra = sun.radiation(at);
        let solar = (0.25 + 0.5 * 8.5 / sun.daylight(at)) * ra;
        let day = Day { tmin: 25.6, tmax: 34.8, ra, solar, vapour: 2.85, elevation: 2.0, albedo: 0.23 };
        near(day.net_radiation(), 14.33, 0.005);
        near(day.penman_monteith(2.0, 0.14), 5.72, 0.005);
        // Example 18: Uccle, 50° 48' N, 100 m, 6 July, 9.25 hours of sun, 63 to 84 % humid, 10 km/h.
        let (sun, at) = (SolarDay::new(date(2015, 7, 6)), Latitude::of_degrees(50.8));
        let ra = sun.radiation(at);
        let solar = (0.25 + 0.5 * 9.25 / sun.daylight(at)) * ra;
        let vapour = f64::midpoint(saturation(12.3) * 0.84, saturation(21.5) * 0.63);
        let day = Day { tmin: 12.3, tmax: 21.5, ra, solar, vapour, elevation: 100.0, albedo: 0.23 };
        near(day.net_radiation(), 13.28, 0.005);
        near(day.penman_monteith(wind_at_two_metres(2.78, 10.0), 0.0), 3.88, 0.005);
        // Example 20: Lyon, 26.6 and 14.8 degC.
        let ra = SolarDay::new(date(2015, 7, 15)).radiation(Latitude::of_degrees(45.0 + 43.0 / 60.0));
        near(hargreaves_samani(14.8, 26.6, ra), 5.0, 0.05);
    }

    #[test]
    fn et_grows_with_sun_and_dryness_and_is_never_negative() {
        let day = |solar, vapour| Day {
            tmin: 8.0,
            tmax: 22.0,
            ra: 35.0,
            solar,
            vapour,
            elevation: 300.0,
            albedo: 0.23,
        };
        for solar in [0.0, 5.0, 15.0, 25.0, 30.0] {
            for vapour in [0.3, 0.8, 1.2] {
                let (less, more) = (day(solar, vapour), day(solar + 1.0, vapour));
                assert!(less.penman_monteith(2.0, 0.0) <= more.penman_monteith(2.0, 0.0));
                assert!(less.priestley_taylor(1.26) <= more.priestley_taylor(1.26));
                assert!(day(solar, vapour + 0.1).penman_monteith(2.0, 0.0) <= less.penman_monteith(2.0, 0.0));
                assert!(less.penman_monteith(2.0, 0.0) >= 0.0 && less.priestley_taylor(1.26) >= 0.0);
            }
        }
        assert!(day(f64::NAN, 1.0).priestley_taylor(1.26).is_nan());
        assert!(day(10.0, f64::NAN).penman_monteith(2.0, 0.0).is_nan());
    }

    #[test]
    fn swapped_or_missing_temperatures_give_a_missing_value() {
        assert!(hargreaves_samani(20.0, 10.0, 30.0).is_nan());
        assert!(hargreaves_samani(f64::NAN, 10.0, 30.0).is_nan());
        assert!(hargreaves_samani(10.0, 10.0, 30.0).abs() < 1e-15);
        assert!(hargreaves_samani(-40.0, -30.0, 1.0).abs() < 1e-15);
    }
}
