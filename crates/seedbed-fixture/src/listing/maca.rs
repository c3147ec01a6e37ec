//! What the Northwest Knowledge Network's THREDDS server lists: MACA v2-METDATA and gridMET.

use super::shelf::Shelf;
use super::{Listings, moment};

/// A model and the run that was downscaled.
pub const MODELS: [(&str, &str); 20] = [
    ("bcc-csm1-1", "r1i1p1"),
    ("bcc-csm1-1-m", "r1i1p1"),
    ("BNU-ESM", "r1i1p1"),
    ("CanESM2", "r1i1p1"),
    ("CCSM4", "r6i1p1"),
    ("CNRM-CM5", "r1i1p1"),
    ("CSIRO-Mk3-6-0", "r1i1p1"),
    ("GFDL-ESM2G", "r1i1p1"),
    ("GFDL-ESM2M", "r1i1p1"),
    ("HadGEM2-CC365", "r1i1p1"),
    ("HadGEM2-ES365", "r1i1p1"),
    ("inmcm4", "r1i1p1"),
    ("IPSL-CM5A-LR", "r1i1p1"),
    ("IPSL-CM5A-MR", "r1i1p1"),
    ("IPSL-CM5B-LR", "r1i1p1"),
    ("MIROC5", "r1i1p1"),
    ("MIROC-ESM", "r1i1p1"),
    ("MIROC-ESM-CHEM", "r1i1p1"),
    ("MRI-CGCM3", "r1i1p1"),
    ("NorESM1-M", "r1i1p1"),
];

const VARIABLES: [&str; 10] =
    ["huss", "pr", "rhsmax", "rhsmin", "rsds", "tasmax", "tasmin", "uas", "vas", "vpd"];
/// gridMET's variables.
pub const GRIDMET: [&str; 16] = [
    "bi", "erc", "etr", "fm100", "fm1000", "pet", "pr", "rmax", "rmin", "sph", "srad", "th", "tmmn", "tmmx",
    "vpd", "vs",
];

/// Whether a model has a variable: two have no relative humidity.
fn has(model: &str, variable: &str) -> bool {
    !(variable.starts_with("rhs") && ["CCSM4", "NorESM1-M"].contains(&model))
}

/// A scenario's blocks of five years, the last cut short.
pub(crate) fn blocks(scenario: &str) -> Vec<(u16, u16)> {
    let (first, last) = if scenario == "historical" { (1950, 2005) } else { (2006, 2099) };
    (first..=last).step_by(5).map(|year| (year, (year + 4).min(last))).collect()
}

pub(crate) const SCENARIOS: [&str; 3] = ["historical", "rcp45", "rcp85"];

/// Puts both archives on the shelf, with the aggregations that are no granules.
pub(crate) fn stock(spec: &Listings, shelf: &mut Shelf) {
    for (model, run) in MODELS {
        for variable in VARIABLES.into_iter().filter(|variable| has(model, variable)) {
            for scenario in SCENARIOS {
                for step in ["daily", "monthly"] {
                    let mut put = |name: String| {
                        let when = moment("2016-05-12", &name);
                        shelf.put(format!("MACAV2/{model}/{name}"), when);
                    };
                    let stem = format!("macav2metdata_{variable}_{model}_{run}_{scenario}");
                    let all = blocks(scenario);
                    for (first, last) in &all {
                        put(format!("{stem}_{first}_{last}_CONUS_{step}.nc"));
                    }
                    if let (Some((first, _)), Some((_, last))) = (all.first(), all.last()) {
                        put(format!("agg_{stem}_{first}_{last}_CONUS_{step}.nc"));
                    }
                }
            }
        }
    }
    for variable in GRIDMET {
        for year in spec.gridmet_years.clone() {
            let name = format!("{variable}_{year}.nc");
            let when = moment("2025-01-05", &name);
            shelf.put(format!("MET/{variable}/{name}"), when);
        }
    }
}

/// MACA's granules a step, and its items: a model, scenario and block each.
pub(crate) fn counts() -> (usize, usize) {
    let blocks: usize = SCENARIOS.iter().map(|scenario| blocks(scenario).len()).sum();
    let files =
        MODELS.iter().map(|(model, _)| VARIABLES.iter().filter(|v| has(model, v)).count() * blocks).sum();
    (files, MODELS.len() * blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_of_the_archive() {
        let historical = blocks("historical");
        assert_eq!((historical[0], historical[11]), ((1950, 1954), (2005, 2005)));
        let future = blocks("rcp85");
        assert_eq!((future[0], future[18]), ((2006, 2010), (2096, 2099)));
    }

    #[test]
    fn two_models_lack_relative_humidity() {
        assert_eq!(counts(), (18 * 500 + 2 * 400, 1000));
        assert!(has("bcc-csm1-1", "rhsmax") && !has("CCSM4", "rhsmin"));
    }
}
