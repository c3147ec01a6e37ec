//! What reference ET says of itself.

use super::methods::COEFFICIENT;
use crate::{Aggregation, Cadence, Fallback, InputSpec, ModelSpec, OutputSpec, ParameterSpec, VariantSpec};
use seedbed_block::Unit;

/// Positions of the inputs.
pub mod input {
    pub const TMIN: usize = 0;
    pub const TMAX: usize = 1;
    pub const SRAD: usize = 2;
    pub const DAYL: usize = 3;
    pub const VP: usize = 4;
    pub const WIND: usize = 5;
}

/// Positions of the static inputs.
pub mod fixed {
    pub const LATITUDE: usize = 0;
    pub const ELEVATION: usize = 1;
}

/// The variants' names.
pub const PRIESTLEY_TAYLOR: &str = "priestley-taylor";
pub const PENMAN_MONTEITH: &str = "penman-monteith";

const VARIANTS: &[VariantSpec] = &[
    VariantSpec {
        name: "hargreaves-samani",
        doc: "FAO-56 equation 52, from the day's lowest and highest temperature and latitude",
        lenient: false,
        sums_first_day: true,
    },
    VariantSpec {
        name: PRIESTLEY_TAYLOR,
        doc: "Priestley and Taylor (1972), from temperatures and solar radiation",
        lenient: false,
        sums_first_day: true,
    },
    VariantSpec {
        name: PENMAN_MONTEITH,
        doc: "FAO-56 equation 6, from temperatures, solar radiation, vapour pressure and wind",
        lenient: false,
        sums_first_day: true,
    },
];

/// The variants that take radiation.
const RADIATIVE: &[&str] = &[PRIESTLEY_TAYLOR, PENMAN_MONTEITH];

/// Name, unit, range, fallback, variants, doc.
type InputRow = (&'static str, Unit, (f64, f64), Fallback, &'static [&'static str], &'static str);

const OPTIONAL: &[InputRow] = &[
    (
        "srad",
        Unit::WattPerSquareMetre,
        (0.0, 1500.0),
        Fallback::Own("from the range of temperatures and latitude, FAO-56 eq. 50"),
        RADIATIVE,
        "solar radiation: its mean over the day, or over daylight where `dayl` is given",
    ),
    (
        "dayl",
        Unit::Second,
        (0.0, 86_400.0),
        Fallback::Nothing,
        RADIATIVE,
        "time of daylight; give it with an `srad` that is a mean over daylight, as Daymet's",
    ),
    (
        "vp",
        Unit::Kilopascal,
        (0.0, 10.0),
        Fallback::Own("saturation at tmin, FAO-56 eq. 48"),
        RADIATIVE,
        "vapour pressure",
    ),
    (
        "wind",
        Unit::MetrePerSecond,
        (0.0, 100.0),
        Fallback::Own("2 m/s at 2 m"),
        &[PENMAN_MONTEITH],
        "wind speed at the height `wind_height`",
    ),
];

fn inputs() -> Vec<InputSpec> {
    let air = |name, doc| InputSpec {
        name,
        aliases: &[],
        unit: Unit::Celsius,
        range: (-90.0, 60.0),
        mask: false,
        required: true,
        fallback: Fallback::Nothing,
        used_in: &[],
        doc,
    };
    let optional = OPTIONAL.iter().map(|&(name, unit, range, fallback, used_in, doc)| InputSpec {
        name,
        aliases: &[],
        unit,
        range,
        mask: false,
        required: false,
        fallback,
        used_in,
        doc,
    });
    [air("tmin", "lowest air temperature of the day"), air("tmax", "highest air temperature of the day")]
        .into_iter()
        .chain(optional)
        .collect()
}

fn statics() -> Vec<InputSpec> {
    let field = |name, aliases, unit, range, required, used_in, doc| InputSpec {
        name,
        aliases,
        unit,
        range,
        mask: false,
        required,
        fallback: Fallback::Nothing,
        used_in,
        doc,
    };
    let latitude =
        field("latitude", &["lat"], Unit::Degree, (-90.0, 90.0), true, &[], "latitude, north positive");
    vec![
        InputSpec { fallback: Fallback::Latitude, ..latitude },
        field(
            "elevation",
            &["altitude"],
            Unit::Metre,
            (-500.0, 9000.0),
            false,
            RADIATIVE,
            "elevation above the sea; needed but by hargreaves-samani",
        ),
    ]
}

/// Name, default, range, unit, doc.
type ParameterRow = (&'static str, f64, (f64, f64), &'static str, &'static str);

const PARAMETERS: &[ParameterRow] = &[
    ("coefficient", COEFFICIENT, (0.0, 0.1), "1/degC^1.5", "the coefficient of Hargreaves and Samani"),
    ("alpha", 1.26, (0.0, 3.0), "1", "the coefficient of Priestley and Taylor"),
    ("albedo", 0.23, (0.0, 1.0), "1", "share of solar radiation that the surface reflects"),
    ("krs", 0.16, (0.0, 1.0), "1/degC^0.5", "of radiation from temperatures: 0.16 inland, 0.19 at coasts"),
    ("wind_height", 10.0, (0.5, 200.0), "m", "the height that `wind` was measured at"),
];

/// The spec.
pub fn spec() -> ModelSpec {
    ModelSpec {
        name: "reference-et",
        title: "Grass reference evapotranspiration by several methods",
        revision: 1,
        cadence: Cadence::Daily,
        stores: 4,
        variants: VARIANTS,
        inputs: inputs(),
        statics: statics(),
        orders: &[("tmin", "tmax")],
        parameters: PARAMETERS
            .iter()
            .map(|&(name, default, range, unit, doc)| ParameterSpec {
                name,
                default: Some(default),
                range,
                unit,
                calibrated_for: None,
                doc,
            })
            .collect(),
        switches: Vec::new(),
        outputs: vec![OutputSpec {
            name: "eto",
            unit: Unit::Millimetre,
            whole: false,
            aggregation: Aggregation::Sum,
            monthly: true,
            yearly: true,
            absent_in: &[],
            doc: "grass reference evapotranspiration",
        }],
        references: &[
            "Allen et al. (1998), FAO Irrigation and Drainage Paper 56",
            "Hargreaves and Samani (1985), Applied Engineering in Agriculture 1(2), 96–99",
            "Priestley and Taylor (1972), Monthly Weather Review 100(2), 81–92",
        ],
    }
}
