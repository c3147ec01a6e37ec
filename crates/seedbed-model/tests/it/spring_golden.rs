//! The spring indices against runs of the programs whose dates they reproduce.

use crate::npy::{self, Array};
use crate::support::{Case, bits, days, real_data, run, run_in_pieces, settings};
use seedbed_block::{Date, Precision, date};
use seedbed_model::{Model, model};
use std::collections::HashMap;

/// Pixels of the gridded sets.
const PIXELS: usize = 64;

fn spring() -> &'static dyn Model {
    model("spring-index").unwrap()
}

/// Two years of the gridded sets, which have 365 days each: 2001 and 2002.
fn gridded(npz: &HashMap<String, Array>, dayl: bool) -> Case {
    let field = |name: &str| npz[name].values.clone();
    let lengths = || field("in_dayl_s").repeat(2);
    Case {
        pixels: PIXELS,
        dates: days(date(2001, 1, 1), 730),
        statics: vec![(!dayl).then(|| field("in_lat"))],
        inputs: vec![Some(field("in_tmin_c")), Some(field("in_tmax_c")), dayl.then(lengths)],
    }
}

/// The dates of plants and mean out of all outputs: year × (leaf, bloom) × (plants, mean) × pixel.
fn assert_dates(variant: &str, case: &Case, golden: &dyn Fn(usize, &str) -> Vec<f64>) {
    let settings = settings(spring(), &[("variant", variant)]);
    let years = case.dates.len().div_ceil(366);
    for precision in [Precision::Double, Precision::Single] {
        let whole = run(spring(), &settings, case, precision);
        let pieces =
            run_in_pieces(spring(), &settings, case, precision, &[1, 29, 30, 100, 131, 300, 365]).unwrap();
        let mut compared = 0;
        for (event, first) in [("leaf", 0), ("bloom", 4)] {
            for year in 0..years {
                let want = golden(year, event);
                for (at, want) in want.into_iter().enumerate() {
                    let (plant, pixel) = (at / case.pixels, at % case.pixels);
                    let cell = year * case.pixels + pixel;
                    let got = whole[first + plant].as_ref().unwrap()[cell];
                    assert!(
                        (got.is_nan() && want.is_nan()) || (got - want).abs() < 1e-4,
                        "{variant} {event} of plant {plant}, pixel {pixel}, year {year}: {got} against {want}"
                    );
                    let cut = pieces[first + plant].as_ref().unwrap()[cell];
                    assert_eq!(bits(got), bits(cut), "cut, {variant} {event} {plant} {pixel}");
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, years * 2 * 4 * case.pixels);
    }
}

#[test]
fn real_rsdat_has_the_dates_of_the_notebook() {
    let Some(folder) = real_data() else { return };
    let npz = npy::read(&folder.join("goldens/springindex/rsdat_six_daymet.npz"));
    let case = gridded(&npz, true);
    for dtype in ["float64", "float32"] {
        // The notebook counts from 0.
        assert_dates("rsdat", &case, &|year, event| {
            npz[&format!("first_{event}_{dtype}_y{year}")].values.iter().map(|v| v + 1.0).collect()
        });
    }
}

#[test]
fn real_npn_has_the_dates_of_the_operational_code() {
    let Some(folder) = real_data() else { return };
    let npz = npy::read(&folder.join("goldens/springindex/npn_gridded_models.npz"));
    assert_dates("npn", &gridded(&npz, false), &|year, event| {
        let all = &npz[&format!("{event}_y{year}")].values;
        let missing = |v: f64| if v <= -999.0 { f64::NAN } else { v };
        let plants: Vec<f64> = all[..3 * PIXELS].iter().map(|v| missing(*v)).collect();
        // The set's own mean takes -9999 for a date.
        let mean = (0..PIXELS).map(|i| (plants[i] + plants[PIXELS + i] + plants[2 * PIXELS + i]) / 3.0);
        let with_mean = plants.iter().copied().chain(mean).collect::<Vec<f64>>();
        let given = all[3 * PIXELS..].iter().zip(&with_mean[3 * PIXELS..]);
        assert!(given.filter(|(_, mean)| !mean.is_nan()).all(|(a, b)| (a - b).abs() < 1e-9));
        with_mean
    });
}

/// The years of a station side by side, as pixels of one leap year.
fn station(npz: &HashMap<String, Array>, name: &str) -> (Case, usize) {
    let years = npz[&format!("{name}_lastfreeze")].values.len();
    let celsius = |key: &str| {
        let values = &npz[&format!("{name}_{key}")].values;
        let by_day = (0..366).flat_map(|day| (0..years).map(move |year| values[year * 366 + day]));
        Some(by_day.map(|f| (f - 32.0) / 1.8).collect())
    };
    let latitude = npz[&format!("{name}_lat")].values[0];
    let case = Case {
        pixels: years,
        dates: days(date(2004, 1, 1), 366),
        statics: vec![Some(vec![latitude; years])],
        inputs: vec![celsius("tmin_f"), celsius("tmax_f"), None],
    };
    (case, years)
}

#[test]
fn real_springpheno_has_the_dates_damage_and_false_springs_of_the_package() {
    let Some(folder) = real_data() else { return };
    let npz = npy::read(&folder.join("goldens/springindex/springpheno_r_damage.npz"));
    let position = |name: &str| spring().spec().output(name).unwrap();
    let settings = settings(spring(), &[("variant", "springpheno")]);
    let mut compared = 0;
    for name in (0..6).map(|k| format!("st{k}")) {
        let (case, years) = station(&npz, &name);
        for precision in [Precision::Double, Precision::Single] {
            let out = run(spring(), &settings, &case, precision);
            let mut compare = |key: &str, column: usize, columns: usize, output: &str| {
                let want = &npz[&format!("{name}_{key}")].values;
                let got = out[position(output)].as_ref().unwrap();
                for year in 0..years {
                    let (got, want) = (got[year], want[year * columns + column]);
                    assert!(got == want, "{name} {output} {precision:?}, year {year}: {got} against {want}");
                    compared += 1;
                }
            };
            for (column, plant) in ["mean", "lilac", "arnoldred", "zabelli"].iter().enumerate() {
                compare("leaf", column, 4, &format!("first_leaf_{plant}"));
                compare("bloom", column, 4, &format!("first_bloom_{plant}"));
                compare("damage", column, 4, &format!("damage_{plant}"));
            }
            compare("lastfreeze", 0, 1, "last_freeze");
            compare("falsespring", 0, 2, "early_false_spring");
            compare("falsespring", 1, 2, "late_false_spring");
        }
    }
    assert_eq!(compared, 6 * 2 * 60 * 15);
}

#[test]
fn real_exposure_is_the_share_of_the_years_with_a_false_spring() {
    let Some(folder) = real_data() else { return };
    let npz = npy::read(&folder.join("goldens/springindex/springpheno_r_damage.npz"));
    let spec = spring().spec();
    for name in (0..6).map(|k| format!("st{k}")) {
        let (side_by_side, years) = station(&npz, &name);
        // The years of one pixel after one another, of 365 days as Daymet's.
        let dates: Vec<Date> =
            (0..years).flat_map(|y| days(date(1901 + i16::try_from(y).unwrap(), 1, 1), 365)).collect();
        let after_one_another = |values: &Option<Vec<f64>>| {
            let values = values.as_ref()?;
            Some((0..years).flat_map(|y| (0..365).map(move |d| values[d * years + y])).collect())
        };
        let case = Case {
            pixels: 1,
            dates,
            statics: vec![side_by_side.statics[0].as_ref().map(|v| v[..1].to_vec())],
            inputs: side_by_side.inputs.iter().map(after_one_another).collect(),
        };
        let settings = settings(spring(), &[("variant", "springpheno")]);
        let out = run_in_pieces(spring(), &settings, &case, Precision::Double, &[200, 4000]).unwrap();
        for (k, output) in ["early_false_spring_exposure", "late_false_spring_exposure"].iter().enumerate() {
            let got = *out[spec.output(output).unwrap()].as_ref().unwrap().last().unwrap();
            let want = npz[&format!("{name}_fsei")].values[k];
            assert!((got - want).abs() < 1e-9, "{name} {output}: {got} against {want}");
        }
    }
}
