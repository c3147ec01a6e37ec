//! What VegET says of itself.

use crate::{
    Aggregation, Cadence, Fallback, InputSpec, ModelSpec, OutputSpec, ParameterSpec, SwitchSpec, VariantSpec,
};
use seedbed_block::Unit;

/// Positions of the inputs.
pub mod input {
    pub const PPT: usize = 0;
    pub const TMIN: usize = 1;
    pub const TMAX: usize = 2;
    pub const TAVG: usize = 3;
    pub const NDVI: usize = 4;
    pub const ETO: usize = 5;
}

/// Positions of the static inputs.
pub mod fixed {
    pub const WHC: usize = 0;
    pub const FIELD_CAPACITY: usize = 1;
    pub const SATURATION: usize = 2;
    pub const INTERCEPTION: usize = 3;
    pub const WATER: usize = 4;
    pub const LATITUDE: usize = 5;
}

const VARIANTS: &[VariantSpec] = &[
    VariantSpec {
        name: "default",
        doc: "the reference's arithmetic with its treatment of missing days, of snow on the first day, of the rain fraction and of negative NDVI mended, each by a switch",
        lenient: false,
        sums_first_day: true,
    },
    VariantSpec {
        name: "reference",
        doc: "the public code of 2021 bit for bit in f64, its treatment of nodata included",
        lenient: true,
        sums_first_day: true,
    },
    VariantSpec {
        name: "master",
        doc: "the public code of 2020: another snowmelt, no `intercept`, the first day left out of sums; only to reproduce runs of that year",
        lenient: true,
        sums_first_day: false,
    },
];

fn input(name: &'static str, unit: Unit, range: (f64, f64), doc: &'static str) -> InputSpec {
    InputSpec {
        name,
        aliases: &[],
        unit,
        range,
        mask: false,
        required: true,
        fallback: Fallback::Nothing,
        used_in: &[],
        doc,
    }
}

fn inputs() -> Vec<InputSpec> {
    let air = (-90.0, 60.0);
    let mut list = vec![
        input("ppt", Unit::Millimetre, (0.0, 2000.0), "precipitation of the day"),
        input("tmin", Unit::Celsius, air, "lowest air temperature of the day"),
        input("tmax", Unit::Celsius, air, "highest air temperature of the day"),
        input("tavg", Unit::Celsius, air, "mean air temperature of the day"),
        input("ndvi", Unit::One, (-1.0, 1.0), "normalised difference vegetation index"),
        input("eto", Unit::Millimetre, (-1.0, 50.0), "grass reference evapotranspiration of the day"),
    ];
    list[self::input::PPT].aliases = &["prcp", "precipitation"];
    list[self::input::TAVG].aliases = &["tmean"];
    list[self::input::TAVG].required = false;
    list[self::input::TAVG].fallback = Fallback::MeanOfTminTmax;
    list[self::input::ETO].aliases = &["pet"];
    list[self::input::ETO].required = false;
    list[self::input::ETO].fallback = Fallback::HargreavesSamani;
    list
}

fn statics() -> Vec<InputSpec> {
    let mut list = vec![
        input("whc", Unit::Millimetre, (0.0, 3000.0), "plant-available water capacity of the root zone"),
        input("field_capacity", Unit::Millimetre, (0.0, 5000.0), "water content at field capacity"),
        input("saturation", Unit::Millimetre, (0.0, 5000.0), "water content at saturation"),
        input("interception", Unit::Percent, (0.0, 100.0), "share of precipitation that the canopy keeps"),
        input("water", Unit::One, (0.0, 1.0), "1 where the pixel is inland water"),
        input("latitude", Unit::Degree, (-90.0, 90.0), "latitude, for reference ET where no `eto` is given"),
    ];
    list[fixed::WHC].aliases = &["awc"];
    list[fixed::WATER].mask = true;
    list[fixed::WATER].required = false;
    list[fixed::WATER].fallback = Fallback::Value(0.0);
    list[fixed::LATITUDE].aliases = &["lat"];
    list[fixed::LATITUDE].required = false;
    list
}

const ORDERS: &[(&str, &str)] = &[
    ("tmin", "tmax"),
    ("tmin", "tavg"),
    ("tavg", "tmax"),
    ("field_capacity", "saturation"),
    ("rf_low_thresh_temp", "rf_high_thresh_temp"),
];

/// Name, default, range, unit, doc.
type ParameterRow = (&'static str, f64, (f64, f64), &'static str, &'static str);

const PARAMETERS: &[ParameterRow] = &[
    ("rf_low_thresh_temp", 0.0, (-20.0, 20.0), "degC", "mean temperature at or below which all is snow"),
    ("rf_high_thresh_temp", 6.0, (-20.0, 30.0), "degC", "mean temperature at or above which all is rain"),
    ("rf_value", 0.167, (0.0, 10.0), "1/degC", "slope of the rain fraction between the two"),
    ("melt_factor", 0.06, (0.0, 10.0), "mm/degC2", "snowmelt factor"),
    ("rf_coeff", 0.35, (0.0, 1.0), "1", "surface share of runoff below saturation"),
    ("k_factor", 1.25, (0.0, 10.0), "1", "slope of the landscape coefficient on NDVI"),
    ("ndvi_factor", 0.2, (0.0, 10.0), "1", "intercept of the landscape coefficient where NDVI > 0.4"),
    ("water_factor", 0.7, (0.0, 10.0), "1", "factor of open-water evaporation"),
    ("bias_corr", 0.85, (0.0, 10.0), "1", "bias correction of eto; 0.85 belongs to gridMET's"),
    ("alfa_factor", 1.25, (0.0, 10.0), "1", "from grass to alfalfa reference, over open water"),
    (
        "dc_coeff",
        0.65,
        (0.0, 1.0),
        "1",
        "1 - rf_coeff; the reference reads it and never uses it, nor does this",
    ),
];

/// Name, the variants it is on in, doc.
type SwitchRow = (&'static str, &'static [&'static str], &'static str);

const SWITCHES: &[SwitchRow] = &[
    (
        "hold_missing",
        &["default"],
        "a day on which any input is missing gives missing outputs and leaves the stores as they are; a pixel whose statics are missing or whose whc is not positive is masked",
    ),
    (
        "clamp_rain_fraction",
        &["default"],
        "the rain fraction is at most 1 and counts from rf_low_thresh_temp",
    ),
    (
        "first_day_snow_to_pack",
        &["default"],
        "snow of the first day goes to the snowpack, not into the soil, and melts as on any day",
    ),
    (
        "negative_ndvi_is_land",
        &["default"],
        "NDVI below 0 counts as 0 where `water` is not 1, not as open water",
    ),
    (
        "melt_every_day",
        &["master"],
        "snow melts by mf·(Tmax² − (Tmax − Tmin)) on days of any temperature, as in the code of 2020",
    ),
];

/// Name, whether a state, monthly, yearly, doc.
type OutputRow = (&'static str, bool, bool, bool, &'static str);

const OUTPUTS: &[OutputRow] = &[
    ("rain", false, false, true, "rain that reaches the ground"),
    ("intercept", false, false, false, "precipitation kept by the canopy"),
    ("swe", false, false, true, "snowfall, as water"),
    ("snowmelt", false, false, false, "melted snow"),
    ("snwpk", true, false, false, "snowpack at the end of the day, as water"),
    ("swi", true, false, false, "soil water after rain and melt"),
    ("swf", true, false, false, "soil water at the end of the day"),
    ("srf", false, true, true, "surface runoff"),
    ("dd", false, true, true, "deep drainage"),
    ("etasw5", false, false, false, "actual ET as the soil allows, before open water"),
    ("etasw", false, true, true, "actual ET"),
    ("etc", false, true, true, "potential ET of the landscape"),
    ("netet", false, true, true, "potential less actual ET, at least 0"),
];

/// The spec.
pub fn spec() -> ModelSpec {
    ModelSpec {
        name: "veget",
        title: "VegET: root-zone water balance and actual evapotranspiration",
        revision: 2,
        cadence: Cadence::Daily,
        stores: 11,
        variants: VARIANTS,
        inputs: inputs(),
        statics: statics(),
        orders: ORDERS,
        parameters: PARAMETERS
            .iter()
            .map(|&(name, default, range, unit, doc)| ParameterSpec {
                name,
                default: Some(default),
                range,
                unit,
                calibrated_for: (name == "bias_corr").then_some("eto"),
                doc,
            })
            .collect(),
        switches: SWITCHES.iter().map(|&(name, on_in, doc)| SwitchSpec { name, on_in, doc }).collect(),
        outputs: OUTPUTS
            .iter()
            .map(|&(name, state, monthly, yearly, doc)| OutputSpec {
                name,
                unit: Unit::Millimetre,
                whole: false,
                aggregation: if state { Aggregation::State } else { Aggregation::Sum },
                monthly,
                yearly,
                absent_in: if name == "intercept" { &["master"] } else { &[] },
                doc,
            })
            .collect(),
        references: &[
            "Senay (2008), doi:10.3390/a1020052",
            "Senay et al. (2023), doi:10.3390/hydrology10080168",
            "skagone/cloud-veg-et-basin at cc96062a (reference), skagone/cloud-veg-et at d52c1cbf (master)",
        ],
    }
}
