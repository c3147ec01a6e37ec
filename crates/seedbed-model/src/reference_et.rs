//! Reference evapotranspiration from temperature alone.
//!
//! `ET₀ = c·(Tmean + 17.8)·√(Tmax − Tmin)·0.408·Ra`, with `c = 0.0023`, `Tmean`
//! the mean of `Tmax` and `Tmin` in degC, and `Ra` the extraterrestrial radiation
//! in MJ m⁻² day⁻¹; 0.408 turns that into mm of water a day.
//!
//! # References
//! Allen et al. (1998), FAO Irrigation and Drainage Paper 56, eq. 52 (ET₀) and
//! eqs 21–25 (Ra). Hargreaves and Samani (1985), Applied Engineering in
//! Agriculture 1(2), 96–99.

use crate::values::Number;
use crate::{
    Aggregation, Cadence, Fallback, Forcing, InputSpec, Model, ModelError, ModelSpec, OutputSpec, Outputs,
    ParameterSpec, Settings, Simulation, State, Statics, VariantSpec,
};
use seedbed_block::{Date, Precision, Unit};
use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::marker::PhantomData;
use std::sync::LazyLock;

/// The coefficient of Hargreaves and Samani, per degC to the power 1.5.
pub const COEFFICIENT: f64 = 0.0023;

/// mm of water that a megajoule a square metre evaporates: 1/λ.
const MM_PER_MJ: f64 = 0.408;

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
        let sunset = (-latitude.tan * self.tan).clamp(-1.0, 1.0).acos();
        let height = sunset * latitude.sin * self.sin + latitude.cos * self.cos * sunset.sin();
        24.0 * 60.0 / PI * SOLAR_CONSTANT * self.distance * height
    }
}

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

fn with_coefficient(coefficient: f64, tmin: f64, tmax: f64, radiation: f64) -> f64 {
    let mean = f64::midpoint(tmin, tmax);
    let eto = coefficient * (mean + 17.8) * (tmax - tmin).sqrt() * (MM_PER_MJ * radiation);
    if eto < 0.0 { 0.0 } else { eto }
}

/// The model `reference-et`.
#[derive(Debug, Clone, Copy)]
pub struct ReferenceEt;

const VARIANTS: &[VariantSpec] = &[VariantSpec {
    name: "hargreaves-samani",
    doc: "FAO-56 equation 52, from the day's lowest and highest temperature and latitude",
    lenient: false,
    sums_first_day: true,
}];

static SPEC: LazyLock<ModelSpec> = LazyLock::new(|| {
    let air = |name, doc| InputSpec {
        name,
        aliases: &[],
        unit: Unit::Celsius,
        range: (-90.0, 60.0),
        required: true,
        fallback: Fallback::Nothing,
        doc,
    };
    ModelSpec {
        name: "reference-et",
        title: "Grass reference evapotranspiration by Hargreaves and Samani",
        revision: 1,
        cadence: Cadence::Daily,
        stores: 3,
        variants: VARIANTS,
        inputs: vec![
            air("tmin", "lowest air temperature of the day"),
            air("tmax", "highest air temperature of the day"),
        ],
        statics: vec![InputSpec {
            name: "latitude",
            aliases: &["lat"],
            unit: Unit::Degree,
            range: (-90.0, 90.0),
            required: true,
            fallback: Fallback::Nothing,
            doc: "latitude, north positive",
        }],
        parameters: vec![ParameterSpec {
            name: "coefficient",
            default: Some(COEFFICIENT),
            range: (0.0, 0.1),
            unit: "1/degC^1.5",
            calibrated_for: None,
            doc: "the coefficient of Hargreaves and Samani",
        }],
        switches: Vec::new(),
        outputs: vec![OutputSpec {
            name: "eto",
            unit: Unit::Millimetre,
            aggregation: Aggregation::Sum,
            monthly: true,
            yearly: true,
            absent_in: &[],
            doc: "grass reference evapotranspiration",
        }],
        references: &["Allen et al. (1998), FAO-56, eqs 21–25 and 52", "Hargreaves and Samani (1985)"],
    }
});

impl Model for ReferenceEt {
    fn spec(&self) -> &ModelSpec {
        &SPEC
    }

    fn begin(
        &self,
        settings: &Settings,
        statics: &Statics<'_>,
        precision: Precision,
        from: Option<&State>,
    ) -> Result<Box<dyn Simulation>, ModelError> {
        if let Some(state) = from {
            state.check(&SPEC)?;
        }
        let missing = ModelError::Missing { model: SPEC.name, kind: "static", name: "latitude" };
        let latitude =
            statics.get(&SPEC, 0)?.ok_or(missing)?.iter().map(|v| Latitude::of_degrees(*v)).collect();
        let coefficient = settings.parameter("coefficient");
        let last = from.and_then(|s| s.last);
        Ok(match precision {
            Precision::Single => Box::new(Strip::<f32> { latitude, coefficient, last, real: PhantomData }),
            Precision::Double => Box::new(Strip::<f64> { latitude, coefficient, last, real: PhantomData }),
        })
    }
}

/// A strip of pixels; it has no memory but the last day.
#[derive(Debug)]
struct Strip<T> {
    latitude: Vec<Latitude>,
    coefficient: f64,
    last: Option<Date>,
    real: PhantomData<T>,
}

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.last)?;
        let n = self.latitude.len();
        let required = |index: usize| {
            let name = SPEC.inputs[index].name;
            let missing = ModelError::Missing { model: SPEC.name, kind: "input", name };
            forcing.get::<T>(&SPEC, index, n)?.ok_or(missing)
        };
        let (tmin, tmax) = (required(0)?, required(1)?);
        let mut outputs = out.get::<T>(&SPEC, VARIANTS[0].name, forcing.dates, n)?;
        for (_, eto) in &mut outputs {
            for (d, date) in forcing.dates.iter().enumerate() {
                let sun = SolarDay::new(*date);
                for (i, phi) in self.latitude.iter().enumerate() {
                    let at = d * n + i;
                    let (low, high) = (tmin[at].to_f64(), tmax[at].to_f64());
                    eto[at] = T::of(with_coefficient(self.coefficient, low, high, sun.radiation(*phi)));
                }
            }
        }
        self.last = forcing.dates.last().copied().or(self.last);
        Ok(())
    }

    fn checkpoint(&self) -> Result<State, ModelError> {
        Ok(State {
            model: SPEC.name.to_owned(),
            revision: SPEC.revision,
            last: self.last,
            vectors: BTreeMap::new(),
        })
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
        // Example 8: 20° S, 3 September: Ra = 32.2 MJ m-2 day-1.
        let ra = SolarDay::new(date(2015, 9, 3)).radiation(Latitude::of_degrees(-20.0));
        assert!((ra - 32.2).abs() < 0.05, "{ra}");
        // Example 20: Lyon, 45° 43' N, July, 26.6 and 14.8 degC: ET0 = 5.0 mm/day.
        let ra = SolarDay::new(date(2015, 7, 15)).radiation(Latitude::of_degrees(45.0 + 43.0 / 60.0));
        let eto = hargreaves_samani(14.8, 26.6, ra);
        assert!((eto - 5.0).abs() < 0.05, "{eto}");
    }

    #[test]
    fn the_polar_night_has_no_radiation_and_the_polar_day_a_lot() {
        let north = Latitude::of_degrees(80.0);
        assert!(SolarDay::new(date(2015, 12, 21)).radiation(north).abs() < 1e-9);
        assert!(SolarDay::new(date(2015, 6, 21)).radiation(north) > 40.0);
    }

    #[test]
    fn swapped_or_missing_temperatures_give_a_missing_value() {
        assert!(hargreaves_samani(20.0, 10.0, 30.0).is_nan());
        assert!(hargreaves_samani(f64::NAN, 10.0, 30.0).is_nan());
        assert!(hargreaves_samani(10.0, 10.0, 30.0).abs() < 1e-15);
        assert!(hargreaves_samani(-40.0, -30.0, 1.0).abs() < 1e-15);
    }
}
