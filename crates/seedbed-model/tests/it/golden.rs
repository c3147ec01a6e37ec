//! Agreement with the reference implementation's own runs.

use crate::npy::{self, Array};
use crate::support::{Case, days, real_data, run, settings};
use seedbed_block::{Date, Precision, date};
use seedbed_model::point::{Columns, run_point};
use seedbed_model::{SettingValue, model};
use std::collections::HashMap;

/// The reference is reproduced to this, in mm.
const EXACT: f64 = 1e-9;

#[test]
fn real_point_reproduces_the_golden_table() {
    let Some(folder) = real_data() else { return };
    let text = std::fs::read_to_string(folder.join("goldens/veget/veget_basin_f64_4pixels.csv")).unwrap();
    let npz = npy::read(&folder.join("goldens/veget/veget_basin_f64.npz"));
    let veget = model("veget").unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|l| l.split(',').collect()).collect();
    let number = |cell: &str| if cell.is_empty() { f64::NAN } else { cell.parse().unwrap() };
    let mut pixels: Vec<(&str, &str)> = rows.iter().map(|r| (r[0], r[1])).collect();
    pixels.dedup();
    assert_eq!(pixels.len(), 4);
    let (mut worst, mut compared) = (0.0_f64, 0);
    for (row, col) in pixels {
        let mine: Vec<&Vec<&str>> = rows.iter().filter(|r| (r[0], r[1]) == (row, col)).collect();
        let column = |name: &str| {
            let at = header.iter().position(|h| *h == name).unwrap();
            mine.iter().map(|r| number(r[at])).collect::<Vec<f64>>()
        };
        let forcing = Columns {
            dates: mine.iter().map(|r| r[2].parse().unwrap()).collect(),
            columns: ["ppt", "tmin", "tmax", "tavg", "ndvi", "pet"].map(|n| (n.to_owned(), column(n))).into(),
        };
        let at = row.parse::<usize>().unwrap() * 8 + col.parse::<usize>().unwrap();
        let mut set = vec![("variant".to_owned(), SettingValue::Text("reference".to_owned()))];
        for (name, array) in STATICS {
            set.push((name.to_owned(), SettingValue::Number(npz[array].values[at])));
        }
        let got = run_point(veget, &set, &forcing).unwrap();
        assert!(got.ignored.is_empty() && got.computed.is_empty());
        for (name, values) in &got.output.columns {
            for ((a, b), day) in values.iter().zip(column(name)).zip(&forcing.dates) {
                assert_eq!(a.is_nan(), b.is_nan(), "{name} of pixel {row},{col} on {day}: {a} against {b}");
                worst = worst.max(if b.is_nan() { 0.0 } else { (a - b).abs() });
                compared += 1;
            }
        }
    }
    println!("{compared} values, largest deviation {worst:e} mm");
    assert_eq!(compared, 4 * 730 * 13);
    assert!(worst <= EXACT, "{worst:e} mm");
}

const STATICS: [(&str, &str); 5] = [
    ("whc", "in_whc"),
    ("field_capacity", "in_field_capacity"),
    ("saturation", "in_saturation"),
    ("interception", "in_interception_pct"),
    ("water", "in_watermask"),
];

/// The 8 × 8 set as a case.
fn case(npz: &HashMap<String, Array>) -> Case {
    let by_day = |array: &str, scale: f64| {
        let values = &npz[array].values;
        npz["doy"]
            .values
            .iter()
            .flat_map(|doy| values[(*doy as usize - 1) * 64..][..64].iter().map(move |v| v * scale))
            .collect::<Vec<f64>>()
    };
    let scale = npz["ndvi_scale"].values[0];
    let mut inputs: Vec<Option<Vec<f64>>> =
        ["in_ppt", "in_tmin", "in_tmax", "in_tavg"].map(|n| Some(npz[n].values.clone())).into();
    inputs.push(Some(by_day("in_ndvi_raw_by_doy", scale)));
    inputs.push(Some(by_day("in_pet_by_doy", 1.0)));
    let mut statics: Vec<Option<Vec<f64>>> = STATICS.map(|(_, n)| Some(npz[n].values.clone())).into();
    statics.push(None);
    Case { pixels: 64, dates: days(date(2019, 10, 2), 730), statics, inputs }
}

/// Pixels whose inputs are clean: no nodata, no infinite or undefined result.
fn is_clean(pixel: usize) -> bool {
    pixel < 56 && pixel != 6 * 8 + 5 && pixel != 6 * 8 + 7
}

#[test]
fn real_reference_is_the_golden_set_with_every_pathology() {
    let Some(folder) = real_data() else { return };
    let npz = npy::read(&folder.join("goldens/veget/veget_basin_f64.npz"));
    assert_eq!(npz["daily_etasw"].shape, [730, 8, 8]);
    let veget = model("veget").unwrap();
    let case = case(&npz);
    let reference = settings(veget, &[("variant", "reference")]);
    let double = run(veget, &reference, &case, Precision::Double);
    let single = run(veget, &reference, &case, Precision::Single);
    let (mut worst, mut equal, mut finite) = (0.0_f64, 0, 0);
    let (mut clean, mut relative) = (0.0_f64, 0.0_f64);
    for (i, output) in veget.spec().outputs.iter().enumerate() {
        let golden = &npz[&format!("daily_{}", output.name)].values;
        let (double, single) = (double[i].as_ref().unwrap(), single[i].as_ref().unwrap());
        for (at, want) in golden.iter().enumerate() {
            let (got, pixel) = (double[at], at % 64);
            assert_eq!(
                got.is_finite(),
                want.is_finite(),
                "{} of pixel {pixel} on day {}: {got} against {want}",
                output.name,
                at / 64
            );
            if want.is_finite() {
                worst = worst.max((got - want).abs());
                finite += 1;
                equal += usize::from(got.to_bits() == want.to_bits());
                if is_clean(pixel) {
                    let off = (single[at] - want).abs();
                    clean = clean.max(off);
                    relative = relative.max(off / want.abs().max(1.0));
                }
            }
        }
    }
    println!("f64: {equal} of {finite} finite values bit-equal, largest deviation {worst:e} mm");
    println!("f32 on clean pixels: largest deviation {clean:e} mm, relative (from 1 mm) {relative:e}");
    assert!(worst <= EXACT, "{worst:e} mm");
    assert!(clean <= 5e-3, "{clean:e} mm");
}

/// Whether two values are the same to the last bit, all NaNs and all infinities being alike.
fn alike(got: f64, want: f64) -> bool {
    got.to_bits() == want.to_bits() || !(got.is_finite() || want.is_finite())
}

#[test]
fn real_reference_sums_are_the_goldens_of_months_and_years() {
    let Some(folder) = real_data() else { return };
    let npz = npy::read(&folder.join("goldens/veget/veget_basin_f64.npz"));
    let veget = model("veget").unwrap();
    let case = case(&npz);
    let daily = run(veget, &settings(veget, &[("variant", "reference")]), &case, Precision::Double);
    let mut compared = 0;
    for (i, output) in veget.spec().outputs.iter().enumerate() {
        let daily = daily[i].as_ref().unwrap();
        let sum = |takes: &dyn Fn(Date) -> bool| {
            let days = case.dates.iter().enumerate().filter(|(_, day)| takes(**day));
            days.fold(vec![0.0; 64], |mut sum, (d, _)| {
                sum.iter_mut().zip(&daily[d * 64..]).for_each(|(sum, v)| *sum += v);
                sum
            })
        };
        let mut compare = |key: &str, row: usize, got: Vec<f64>| {
            for (pixel, (got, want)) in got.into_iter().zip(&npz[key].values[row * 64..]).enumerate() {
                assert!(alike(got, *want), "{key} of pixel {pixel} in row {row}: {got} against {want}");
                compared += 1;
            }
        };
        if output.monthly {
            for (row, month) in npz["month_keys"].values.chunks_exact(2).enumerate() {
                let takes = |day: Date| [f64::from(day.year()), f64::from(day.month())] == *month;
                compare(&format!("monthly_{}", output.name), row, sum(&takes));
            }
        }
        if output.yearly {
            for (row, year) in npz["year_keys"].values.iter().enumerate() {
                let takes = |day: Date| f64::from(day.year()) == *year;
                compare(&format!("yearly_{}", output.name), row, sum(&takes));
            }
        }
    }
    assert_eq!(compared, (5 * 24 + 7 * 2) * 64);
}

#[test]
fn real_default_masks_what_the_reference_poisons() {
    let Some(folder) = real_data() else { return };
    let npz = npy::read(&folder.join("goldens/veget/veget_basin_f64.npz"));
    let veget = model("veget").unwrap();
    let mut case = case(&npz);
    // What a reader of the files does with their nodata: missing.
    for values in case.inputs.iter_mut().chain(&mut case.statics).flatten() {
        for v in values.iter_mut().filter(|v| **v == -9999.0 || **v == 32767.0) {
            *v = f64::NAN;
        }
    }
    let default = run(veget, &settings(veget, &[]), &case, Precision::Double);
    let etasw = default[veget.spec().output("etasw").unwrap()].as_ref().unwrap();
    let missing_days = |pixel: usize| (0..730).filter(|d| etasw[d * 64 + pixel].is_nan()).count();
    assert_eq!(missing_days(7 * 8), 3, "precipitation missing on days 60 to 62");
    assert_eq!(missing_days(7 * 8 + 1), 1, "precipitation missing on day 100");
    assert_eq!(missing_days(7 * 8 + 2), 7, "temperatures missing on days 200 to 205 and 300");
    for masked in [7 * 8 + 4, 7 * 8 + 5, 6 * 8 + 5] {
        assert_eq!(missing_days(masked), 730, "statics missing or no capacity");
    }
    assert_eq!(missing_days(0), 0);
}
