//! Parameters and rules of a run.

use crate::Settings;
use seedbed_block::Real;

/// Parameters, rounded to the run's precision.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<T> {
    /// `Tl` in degC.
    pub low: T,
    /// `Th` in degC.
    pub high: T,
    /// `s` in 1/degC.
    pub slope: T,
    /// `mf` in mm/degC².
    pub melt: T,
    /// `cr`.
    pub surface: T,
    /// `k`.
    pub k: T,
    /// `n0`.
    pub n0: T,
    /// `b`.
    pub bias: T,
    /// `(wf·b)·a`, what open water takes of eto.
    pub open_water: T,
}

/// How snow melts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Melt {
    /// `mf·(Tmax² − Tmax·max(Tmin, 0))` on days with `Tavg > Tl`.
    Warm,
    /// `mf·(Tmax² − (Tmax − Tmin))` on all days: the code of 2020.
    Unmasked,
}

/// What sets variants and switches apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one a switch of the spec, each independent")]
pub struct Rules {
    /// `hold_missing`.
    pub hold_missing: bool,
    /// `clamp_rain_fraction`.
    pub clamp_rain: bool,
    /// `first_day_snow_to_pack`.
    pub first_day_to_pack: bool,
    /// `negative_ndvi_is_land`.
    pub negative_is_land: bool,
    /// How snow melts.
    pub melt: Melt,
}

impl<T: Real> Parameters<T> {
    /// The parameters of a run.
    pub fn new(settings: &Settings) -> Self {
        let of = |name| T::of(settings.parameter(name));
        let open = settings.parameter("water_factor") * settings.parameter("bias_corr");
        Self {
            low: of("rf_low_thresh_temp"),
            high: of("rf_high_thresh_temp"),
            slope: of("rf_value"),
            melt: of("melt_factor"),
            surface: of("rf_coeff"),
            k: of("k_factor"),
            n0: of("ndvi_factor"),
            bias: of("bias_corr"),
            open_water: T::of(open * settings.parameter("alfa_factor")),
        }
    }
}

impl Rules {
    /// Those of the variant `reference`.
    pub const REFERENCE: Self = Self {
        hold_missing: false,
        clamp_rain: false,
        first_day_to_pack: false,
        negative_is_land: false,
        melt: Melt::Warm,
    };

    /// Those of the variant `default`.
    pub const DEFAULT: Self = Self {
        hold_missing: true,
        clamp_rain: true,
        first_day_to_pack: true,
        negative_is_land: true,
        melt: Melt::Warm,
    };

    /// The rules of a run.
    pub fn new(settings: &Settings) -> Self {
        Self {
            hold_missing: settings.switch("hold_missing"),
            clamp_rain: settings.switch("clamp_rain_fraction"),
            first_day_to_pack: settings.switch("first_day_snow_to_pack"),
            negative_is_land: settings.switch("negative_ndvi_is_land"),
            melt: if settings.switch("melt_every_day") { Melt::Unmasked } else { Melt::Warm },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SettingValue;
    use crate::veget::SPEC;

    #[test]
    fn the_usual_rules_are_those_of_their_variants() {
        for (variant, rules) in [("reference", Rules::REFERENCE), ("default", Rules::DEFAULT)] {
            let pair = ("variant", SettingValue::Text(variant.to_owned()));
            assert_eq!(Rules::new(&Settings::new(&SPEC, [pair]).unwrap()), rules);
        }
    }
}
