//! What the spring indices say of themselves.

use super::outcome::OUTPUTS;
use crate::{Aggregation, Cadence, Fallback, InputSpec, ModelSpec, OutputSpec, VariantSpec};
use seedbed_block::Unit;

/// Positions of the inputs.
pub mod input {
    pub const TMIN: usize = 0;
    pub const TMAX: usize = 1;
    pub const DAYL: usize = 2;
}

/// Position of the static `latitude`.
pub const LATITUDE: usize = 0;

const VARIANTS: &[VariantSpec] = &[
    VariantSpec {
        name: "rsdat",
        doc: "as RS-DAT computes it from Daymet: its day length, events up to day 300; bloom's clock is a day ahead",
        lenient: false,
        sums_first_day: true,
    },
    VariantSpec {
        name: "ault",
        doc: "the published standard: day length by latitude, gaps filled by means of 30 days, days with a highest temperature below 31 degF left out",
        lenient: false,
        sums_first_day: true,
    },
    VariantSpec {
        name: "npn",
        doc: "as the National Phenology Network computes it: no day left out, bloom counted from the day after leaf, any missing day blanks the year, means not rounded",
        lenient: false,
        sums_first_day: true,
    },
    VariantSpec {
        name: "springpheno",
        doc: "as the R package of that name: no day left out, gaps filled, no event on day 240",
        lenient: false,
        sums_first_day: true,
    },
];

/// Name, unit, doc.
const OUTPUT_ROWS: [(&str, Unit, &str); OUTPUTS] = [
    ("first_leaf_lilac", Unit::DayOfYear, "first leaf of the lilac"),
    ("first_leaf_arnoldred", Unit::DayOfYear, "first leaf of the honeysuckle Arnold Red"),
    ("first_leaf_zabelli", Unit::DayOfYear, "first leaf of the honeysuckle Zabelli"),
    ("first_leaf_mean", Unit::DayOfYear, "mean first leaf of the three"),
    ("first_bloom_lilac", Unit::DayOfYear, "first bloom of the lilac"),
    ("first_bloom_arnoldred", Unit::DayOfYear, "first bloom of the honeysuckle Arnold Red"),
    ("first_bloom_zabelli", Unit::DayOfYear, "first bloom of the honeysuckle Zabelli"),
    ("first_bloom_mean", Unit::DayOfYear, "mean first bloom of the three"),
    ("last_freeze", Unit::DayOfYear, "last day up to 180 at or below 28 degF, else the year's last"),
    ("damage_lilac", Unit::One, "days from the lilac's first leaf to the last freeze"),
    ("damage_arnoldred", Unit::One, "days from Arnold Red's first leaf to the last freeze"),
    ("damage_zabelli", Unit::One, "days from Zabelli's first leaf to the last freeze"),
    ("damage_mean", Unit::One, "mean damage of the three"),
    ("early_false_spring", Unit::One, "1 where it froze from 7 days after mean leaf to mean bloom"),
    ("late_false_spring", Unit::One, "1 where it froze after mean bloom, up to day 180"),
    (
        "early_false_spring_exposure",
        Unit::Percent,
        "share of the run's years so far with an early false spring",
    ),
    ("late_false_spring_exposure", Unit::Percent, "share of the run's years so far with a late false spring"),
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
    vec![
        air("tmin", "lowest air temperature of the day"),
        air("tmax", "highest air temperature of the day"),
        InputSpec {
            name: "dayl",
            aliases: &["day_length"],
            unit: Unit::Second,
            range: (0.0, 86_400.0),
            mask: false,
            required: false,
            fallback: Fallback::DayLength,
            used_in: &[],
            doc: "time of daylight; variants but rsdat take latitude's where that is given",
        },
    ]
}

/// The spec.
pub fn spec() -> ModelSpec {
    ModelSpec {
        name: "spring-index",
        title: "Extended spring indices: first leaf, first bloom and false springs",
        revision: 2,
        cadence: Cadence::Yearly,
        stores: 75,
        variants: VARIANTS,
        inputs: inputs(),
        statics: vec![InputSpec {
            name: "latitude",
            aliases: &["lat"],
            unit: Unit::Degree,
            range: (0.0, 90.0),
            mask: false,
            required: false,
            fallback: Fallback::Nothing,
            used_in: &[],
            doc: "latitude, for day length; the indices are defined for the northern hemisphere",
        }],
        orders: &[("tmin", "tmax")],
        parameters: Vec::new(),
        switches: Vec::new(),
        outputs: OUTPUT_ROWS
            .iter()
            .map(|&(name, unit, doc)| OutputSpec {
                name,
                unit,
                // The means of `npn` aren't rounded, and exposures are shares.
                whole: !name.ends_with("_mean") && unit != Unit::Percent,
                aggregation: Aggregation::State,
                monthly: false,
                yearly: true,
                absent_in: &[],
                doc,
            })
            .collect(),
        references: &[
            "Schwartz, Ahas and Aasa (2006), doi:10.1111/j.1365-2486.2005.01097.x",
            "Schwartz, Ault and Betancourt (2013), doi:10.1002/joc.3625",
            "Ault, Zurita-Milla and Schwartz (2015), doi:10.1016/j.cageo.2015.06.015 (ault)",
            "Izquierdo-Verdiguier et al. (2018), doi:10.1016/j.agrformet.2018.06.028 (rsdat)",
            "Allstadt et al. (2015), doi:10.1088/1748-9326/10/10/104008 (false springs)",
            "Peterson and Abatzoglou (2014), doi:10.1002/2014GL059266 (exposure)",
            "usa-npn/gridded_models at 8d025a0e (npn), cran/springpheno 0.5.0 (springpheno)",
        ],
    }
}
