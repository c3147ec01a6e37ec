//! Every real raster that is at hand, prepared onto the tiles it touches.

use crate::python::{interpreter, python};
use crate::real::{has, item, items, real_data};
use crate::sandbox::Sandbox;
use serde_json::json;
use std::path::Path;

const SPOTS: &str = include_str!("real/spots.py");

/// Daymet's projection, which some of its files say in words that rasterio doesn't read.
const DAYMET: &str =
    "+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +x_0=0 +y_0=0 +ellps=WGS84 +units=m";

/// A file, how its values are found in it, and the pixel of the grid it goes to.
struct File {
    path: String,
    /// The variable inside, or the member of a zip.
    variable: String,
    /// First and last day of its item, and the day that is prepared.
    days: [&'static str; 3],
    /// The CRS that the test reads it in, where other readers need to be told.
    crs: Option<&'static str>,
    /// Pixel size in degrees.
    pixel: f64,
    scale: Option<f64>,
    /// Whether the item's word counts for its date, since the file's clock is wrong.
    clockless: bool,
}

impl File {
    fn new(path: impl Into<String>, variable: &str, days: [&'static str; 3], pixel: f64) -> Self {
        Self {
            path: path.into(),
            variable: variable.to_owned(),
            days,
            crs: None,
            pixel,
            scale: None,
            clockless: false,
        }
    }

    fn crs(self, crs: &'static str) -> Self {
        Self { crs: Some(crs), ..self }
    }

    fn clockless(self) -> Self {
        Self { clockless: true, ..self }
    }

    fn scaled(self, scale: f64) -> Self {
        Self { scale: Some(scale), ..self }
    }
}

/// Prepares a file and compares it with what others read of it.
fn prepare(file: &File, data: &Path) {
    let sandbox = Sandbox::new();
    let path = data.join(&file.path);
    let [start, end, day] = file.days;
    let mut spec = json!({ "path": path, "variable": file.variable, "member": file.variable, "day": day,
        "crs": file.crs, "asset": "value" });
    if let Some(scale) = file.scale {
        spec["scale"] = scale.into();
    }
    let spec = spec.to_string();
    let Some(ran) = python(&sandbox, SPOTS, ["extent", &spec]) else { return };
    let extent = ran.succeeds().json();
    let bbox: [f64; 4] = std::array::from_fn(|n| extent[n].as_f64().unwrap());
    let name = Path::new(&file.variable).file_stem().map_or("", |s| s.to_str().unwrap());
    let mut band = json!({ "name": name });
    if let Some(scale) = file.scale {
        band["raster:scale"] = scale.into();
    }
    let assets = json!({ "value": { "href": path, "bands": [band] } });
    let properties = if file.clockless { json!({ "seedbed:dates": "item" }) } else { json!({}) };
    sandbox.write("items.json", items(&[item("one", bbox, start, end, &properties, &assets)]));
    let around = bbox.map(|edge| edge.to_string()).join(",");
    let pixel = file.pixel.to_string();
    sandbox
        .seedbed([
            "grid",
            "--bbox",
            &around,
            "--origin=0,0",
            "--resolution",
            &pixel,
            "--tile",
            "400px",
            "--out",
            "t.geojson",
        ])
        .succeeds();
    let args = format!("--json prep items.json --assets value --grid t.grid.json --datetime {day} --out out");
    let report = sandbox.seedbed(args.split_whitespace()).succeeds().json();
    assert_eq!(report["made"], report["expected"], "{}", file.path);
    let found = python(&sandbox, SPOTS, ["check", &spec, "out"]).unwrap().succeeds().json();
    let share = |n: usize| found["share"][n].as_f64().unwrap();
    println!(
        "{} {}, {day}: {} tiles, {} pixels inside, {} differ; valid {:.2} % of the source, {:.2} % of the tiles",
        file.path,
        file.variable,
        found["tiles"],
        found["pixels"],
        found["wrong"],
        share(0) * 100.0,
        share(1) * 100.0
    );
    assert_eq!(found["wrong"], 0, "{}", file.path);
    assert!((share(0) - share(1)).abs() < 0.01, "{}: {found}", file.path);
    let spots = found["spots"].as_array().unwrap();
    assert_eq!(spots.len(), 10);
    for spot in spots {
        let [want, got] = [0, 1].map(|n| spot[n].as_f64().unwrap_or(f64::NAN));
        assert!((want - got).abs() <= 1e-6 * want.abs() + 1e-9, "{}: {want} is {got}", file.path);
    }
}

fn ready() -> Option<std::path::PathBuf> {
    let data = real_data()?;
    interpreter()?;
    has("gdal_translate").then_some(data)
}

#[test]
fn real_files_of_daymet_are_prepared_as_others_read_them() {
    let Some(data) = ready() else { return };
    let month = |name: &str, variable: &str, days| {
        File::new(format!("daymet/{name}"), variable, days, 0.01).crs(DAYMET)
    };
    for file in [
        month("daymet_v3_daily_prcp_19990913_17_ncss.nc", "prcp", ["1999-09-13", "1999-09-17", "1999-09-16"]),
        month(
            "daymet_v4_daily_na_subset_2019_prcp_dayl.nc",
            "prcp",
            ["2019-01-01", "2019-12-31", "2019-04-11"],
        ),
        month(
            "daymet_v4_daily_na_subset_2019_prcp_dayl.nc",
            "dayl",
            ["2019-01-01", "2019-12-31", "2019-04-11"],
        ),
        month(
            "daymet_v4r1_monthly_na_tmax_monavg_2000_ncss.nc",
            "tmax",
            ["2000-01-01", "2000-12-31", "2000-06-16"],
        ),
        month(
            "daymet_v4r1_monthly_na_tmax_monavg_2001_ncss.nc",
            "tmax",
            ["2001-01-01", "2001-12-31", "2001-06-16"],
        ),
        month(
            "daymet_v4r1_monthly_na_tmin_monavg_2000_ncss.nc",
            "tmin",
            ["2000-01-01", "2000-12-31", "2000-06-16"],
        ),
        month(
            "daymet_v4r1_monthly_na_tmin_monavg_2001_ncss.nc",
            "tmin",
            ["2001-01-01", "2001-12-31", "2001-06-16"],
        ),
        month("tmax_monavg_1980_ncss_daymetr.nc", "tmax", ["1980-01-01", "1980-12-31", "1980-06-16"]),
        month("tmin_monavg_1980_ncss_daymetr.nc", "tmin", ["1980-01-01", "1980-12-31", "1980-06-16"]),
    ] {
        prepare(&file, &data);
    }
}

/// The days of MACA, a file each.
const DAYS: [&str; 10] = [
    "2006-01-01",
    "2006-01-02",
    "2006-01-03",
    "2006-01-04",
    "2006-01-05",
    "2006-01-06",
    "2006-01-07",
    "2006-01-08",
    "2006-01-09",
    "2006-01-10",
];

#[test]
fn real_files_of_gridmet_and_maca_are_prepared_as_others_read_them() {
    let Some(data) = ready() else { return };
    let year = ["2000-01-01", "2000-12-31", "2000-07-04"];
    let degrees = 0.04;
    let mut files = vec![
        File::new("gridmet/oregon_pr_2000_subset.nc", "precipitation_amount", year, degrees),
        File::new("gridmet/oregon_tmmn_2000_subset.nc", "air_temperature", year, degrees),
        File::new("gridmet/oregon_tmmx_2000_subset.nc", "air_temperature", year, degrees),
    ];
    for day in DAYS {
        let path = format!("maca/macav2metdata_CanESM2_rcp45_{day}_california.nc");
        files.push(File::new(path, "Maximum daily temperature near surface", [day; 3], degrees).clockless());
    }
    for file in &files {
        prepare(file, &data);
    }
}

#[test]
fn real_files_of_modis_are_prepared_as_others_read_them() {
    let Some(data) = ready() else { return };
    let summer = ["2021-08-13", "2021-08-28", "2021-08-13"];
    let hdf = "modis/MOD13A2.A2021225.h11v06.061.2021320163717.hdf";
    let mut files = vec![
        File::new(hdf, "1 km 16 days NDVI", summer, 0.01).scaled(0.0001),
        File::new(hdf, "1 km 16 days EVI", summer, 0.01).scaled(0.0001),
        File::new(hdf, "1 km 16 days pixel reliability", summer, 0.01),
    ];
    for entry in std::fs::read_dir(data.join("modis/mod13q1_sinop")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let day = ["2014-01-01", "2014-01-16", "2014-01-01"];
        files.push(File::new(format!("modis/mod13q1_sinop/{name}"), "value", day, 0.002));
    }
    for day in ["001", "145", "337"] {
        let member = format!("NDVI/MOD13A1_NDVI_2016_{day}.tif");
        let year = ["2016-01-01", "2016-12-31", "2016-01-01"];
        files.push(File::new("modis/MOD13A1_NDVI_2016_23dates.zip", &member, year, 0.004));
    }
    for file in &files {
        prepare(file, &data);
    }
}

#[test]
fn real_files_of_prism_and_veget_are_prepared_as_others_read_them() {
    let Some(data) = ready() else { return };
    let day = ["1981-01-01", "1981-01-31", "1981-01-01"];
    let mut files = Vec::new();
    for entry in std::fs::read_dir(data.join("prism")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // One zip holds a raster a day, the others one.
        if let Some(stem) = name.strip_suffix(".zip") {
            let member = stem.replace("20170101_20170131", "20170102");
            files.push(File::new(format!("prism/{name}"), &format!("{member}.bil"), day, 0.04));
        }
    }
    assert!(files.len() > 8);
    files.push(File::new(
        "prism/prism_monthly_ppt_cida_subset.nc",
        "ppt",
        ["1999-01-01", "1999-12-31", "1999-07-01"],
        0.04,
    ));
    files.push(File::new("veget/awc_prism_4km_conus.nc", "awc", day, 0.04));
    let century = ["1900-01-01", "1900-01-31", "1900-01-01"];
    files.push(File::new("veget/awc_nclimgrid_conus.nc", "available_water_capacity", century, 0.04));
    for name in ["available_water_capacity", "hydrologic_soils_group", "landuse"] {
        files.push(File::new(format!("veget/oregon_{name}.asc"), "value", day, 0.01));
    }
    for file in &files {
        prepare(file, &data);
    }
}
