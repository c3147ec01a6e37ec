//! `seedbed model point`, from and to CSV.

use crate::sandbox::Sandbox;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

const STATICS: [&str; 4] = ["whc=100", "field_capacity=180", "saturation=260", "interception=10"];

/// A fortnight with rain, frost and a missing value.
fn forcing() -> String {
    let mut table = "date,ppt,tmin,tmax,tavg,ndvi,pet\n".to_owned();
    for day in 1..=14 {
        let rain = if day % 3 == 0 { 12.5 } else { 0.0 };
        let (low, high) = (f64::from(day) - 8.0, f64::from(day) + 2.0);
        let ndvi = if day == 9 { String::new() } else { "0.45".to_owned() };
        let mean = f64::midpoint(low, high);
        writeln!(table, "2003-02-{day:02},{rain},{low},{high},{mean},{ndvi},2.1").unwrap();
    }
    table
}

fn args<'a>(extra: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["model", "point", "veget", "--forcing", "days.csv", "--set"];
    args.extend(STATICS);
    args.extend(extra);
    args
}

#[test]
fn gives_a_row_a_day_with_every_output_and_empty_cells_for_missing_days() {
    let sandbox = Sandbox::new();
    sandbox.write("days.csv", forcing());
    let table = sandbox.seedbed(args(&[])).succeeds().stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 15);
    let header: Vec<&str> = lines[0].split(',').collect();
    assert_eq!((header.len(), header[0]), (14, "date"));
    assert!(lines[9].starts_with("2003-02-09,"), "{}", lines[9]);
    assert!(lines[9].ends_with(",,,,,,,,,,,,,"), "a day without NDVI has no outputs: {}", lines[9]);
    assert!(!lines[10].contains(",,"), "the day after has: {}", lines[10]);
}

#[test]
fn a_file_and_stdout_get_the_same_bytes() {
    let sandbox = Sandbox::new();
    sandbox.write("days.csv", forcing());
    let table = sandbox.seedbed(args(&[])).succeeds().stdout;
    sandbox.seedbed(args(&["--out", "result.csv"])).succeeds();
    assert_eq!(sandbox.read("result.csv"), table);
    assert_eq!(sandbox.files(), ["days.csv", "result.csv"]);
    assert_eq!(sandbox.seedbed(args(&["--out", "-"])).succeeds().stdout, table);
}

#[test]
fn mistakes_are_named_with_line_and_column() {
    let sandbox = Sandbox::new();
    sandbox.write("days.csv", forcing().replace("2003-02-03,12.5", "2003-02-03,wet"));
    sandbox.seedbed(args(&[])).exits(2).says("days.csv, line 4, column `ppt`: `wet` is no number");
    sandbox.write("days.csv", forcing());
    sandbox.seedbed(args(&["k_facto=1"])).exits(2).says("k_facto").says("k_factor");
    sandbox.seedbed(args(&["variant=refrence"])).exits(2).says("reference");
    let kelvin = forcing().replace(",-7,3,", ",266.15,276.15,");
    sandbox.write("days.csv", kelvin);
    sandbox.seedbed(args(&["--out", "result.csv"])).exits(2).says("days.csv").says("tmin on 2003-02-01");
    assert_eq!(sandbox.files(), ["days.csv"]);
}

/// The four pixels of the reference's own run on its basin, to 1e-9 mm.
#[test]
fn days_in_the_wrong_order_are_noted() {
    let sandbox = Sandbox::new();
    sandbox.write("days.csv", forcing().replace("2003-02-04,0,-4,6,1,", "2003-02-04,0,6,-4,1,"));
    let note = "note: tmin exceeds tmax on 1 of 14 days, first on 2003-02-04";
    sandbox.seedbed(args(&["--out", "out.csv"])).succeeds().says(note);
    let swapped = forcing().replace("tmin,tmax", "tmax,tmin");
    sandbox.write("days.csv", swapped);
    sandbox.seedbed(args(&[])).exits(2).says("`tmin` exceeds `tmax` on 14 of 14 days");
}

#[test]
fn ranges_of_parameters_are_described_and_pure_numbers_have_no_unit() {
    let sandbox = Sandbox::new();
    let told = sandbox.seedbed(["model", "describe", "veget"]).succeeds();
    let told = told.prints("0.167 1/degC [0, 10]").prints("  rf_coeff             0.35 [0, 1]");
    told.prints("field_capacity      saturation\n");
}

#[test]
fn real_golden_pixels_come_out_as_the_reference_has_them() {
    let Some(data) = std::env::var_os("SEEDBED_REAL_DATA").map(PathBuf::from) else {
        println!("skipped: SEEDBED_REAL_DATA is not set");
        return;
    };
    let folder = data.join("goldens/veget");
    let mut reader = csv::Reader::from_path(folder.join("veget_basin_f64_4pixels.csv")).unwrap();
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut pixels: BTreeMap<(String, String), Vec<csv::StringRecord>> = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        pixels.entry((record[0].to_owned(), record[1].to_owned())).or_default().push(record);
    }
    let readme: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(data.join("goldens/README.json")).unwrap()).unwrap();
    assert_eq!(pixels.len(), 4);
    for ((row, col), records) in pixels {
        let sandbox = Sandbox::new();
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(&header[2..]).unwrap();
        for record in &records {
            table.write_record(record.iter().skip(2)).unwrap();
        }
        sandbox.write("days.csv", table.into_inner().unwrap());
        let statics = statics(&readme, &row, &col);
        let mut args: Vec<String> =
            ["model", "point", "veget", "--forcing", "days.csv", "--set", "variant=reference"]
                .map(str::to_owned)
                .to_vec();
        args.extend(statics);
        let out = sandbox.seedbed(args).succeeds().stdout;
        let mut made = csv::Reader::from_reader(out.as_bytes());
        let names: Vec<String> = made.headers().unwrap().iter().map(str::to_owned).collect();
        let (mut compared, mut worst) = (0, 0.0_f64);
        for (record, golden) in made.records().map(Result::unwrap).zip(&records) {
            for (name, cell) in names.iter().zip(&record).skip(1) {
                let at = header.iter().position(|h| h == name).unwrap();
                let (made, golden) = (number(cell), number(&golden[at]));
                let same = (made - golden).abs() <= 1e-9 || (made.is_nan() && golden.is_nan());
                assert!(same, "{name} of pixel {row},{col} on {}: {made}, {golden}", &record[0]);
                // Two missing values differ by nothing.
                worst = worst.max((made - golden).abs());
                compared += 1;
            }
        }
        println!("pixel {row},{col}: {compared} values, largest deviation {worst:e} mm");
        assert_eq!(compared, 13 * records.len());
    }
}

fn number(cell: &str) -> f64 {
    if cell.is_empty() { f64::NAN } else { cell.parse().unwrap() }
}

/// A pixel's statics, from `temperate; whc=100 fc=280 sat=340 interception=0%`.
fn statics(readme: &serde_json::Value, row: &str, col: &str) -> Vec<String> {
    let text = readme["veget"]["pixels_rc"][format!("{row},{col}")].as_str().unwrap();
    let (_, settings) = text.split_once("; ").unwrap();
    let settings = settings.replace("fc=", "field_capacity=").replace("sat=", "saturation=").replace('%', "");
    settings.split(' ').map(str::to_owned).collect()
}

/// Two years without a leap day, as mild in each.
fn spring_forcing() -> String {
    let mut table = "date,tmin,tmax,dayl\n".to_owned();
    for year in [2002, 2003] {
        for (month, length) in (1..).zip([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
            for day in 1..=length {
                let low = 12.0 - 3.0 * f64::from((month - 7_i32).abs());
                writeln!(table, "{year}-{month:02}-{day:02},{low},{},43200", low + 10.0).unwrap();
            }
        }
    }
    table
}

#[test]
fn a_yearly_model_gives_a_row_a_year() {
    let sandbox = Sandbox::new();
    sandbox.write("days.csv", spring_forcing());
    let table = sandbox
        .seedbed([
            "model",
            "point",
            "spring-index",
            "--forcing",
            "days.csv",
            "--set",
            "variant=npn",
            "latitude=45",
        ])
        .succeeds()
        .stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0][..5],
        ["year", "first_leaf_lilac", "first_leaf_arnoldred", "first_leaf_zabelli", "first_leaf_mean"]
    );
    assert_eq!((rows.len(), rows[1][0], rows[2][0]), (3, "2002", "2003"));
    assert_eq!(rows[1][1..9], rows[2][1..9], "the same weather has the same dates");
    let leaf: f64 = rows[1][1].parse().unwrap();
    assert!(leaf > 60.0 && leaf < 150.0, "{leaf}");
    // Where the year begins late nothing is known of it.
    let late: String = spring_forcing()
        .lines()
        .enumerate()
        .filter(|(n, _)| *n != 1)
        .fold(String::new(), |text, (_, line)| text + line + "\n");
    sandbox.write("days.csv", late);
    let args = ["model", "point", "spring-index", "--forcing", "days.csv"];
    let table = sandbox.seedbed(args).succeeds().stdout;
    assert!(table.contains("\n2002,,,,") && !table.contains("\n2003,,"), "{table}");
}

#[test]
fn a_spring_without_day_length_or_latitude_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("days.csv", spring_forcing().replace("dayl", "remark"));
    let args = ["model", "point", "spring-index", "--forcing", "days.csv"];
    sandbox.seedbed(args).exits(2).says("needs input `dayl` or static `latitude`");
}
