//! VegET for the year 2000 over south-east Oregon: gridMET's weather in kelvin on
//! one grid, soils in inches of water per foot of soil on another, NDVI
//! composites on a third, reference ET computed.

use crate::python::{interpreter, python};
use crate::real::{ASSEMBLED, item, items, real_data};
use crate::sandbox::Sandbox;
use seedbed_block::{Date, Shape2d, date};
use seedbed_grid::{Affine, GeoBox, Projections};
use seedbed_raster::cog::{BandMeta, CogOptions, write};
use seedbed_raster::{DType, Proj};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// What of the water balance may be left over in 64 bits, and how far the NumPy
/// model may be off, in mm.
const CLOSES: f64 = 1e-6;

/// Rows and columns of the prepared canvas; its corner is the grid's origin.
const CANVAS: usize = 150;

/// First row and column of the 24×24 pixels that are run day by day.
const DAILY: usize = 24;

const OUTPUTS: [&str; 13] = [
    "rain",
    "intercept",
    "swe",
    "snowmelt",
    "snwpk",
    "swi",
    "swf",
    "srf",
    "dd",
    "etasw5",
    "etasw",
    "etc",
    "netet",
];

/// A box in degrees around all inputs.
const OREGON: [f64; 4] = [-121.5, 41.5, -116.5, 45.51];

/// The extent of the soil raster, in the grid's CRS.
const AREA: &str = r#"{"type": "Polygon",
    "crs": {"type": "name", "properties": {"name": "EPSG:5070"}},
    "coordinates": [[[-1971400, 2336400], [-1720500, 2336400], [-1720500, 2635300], [-1971400, 2635300], [-1971400, 2336400]]]}"#;

/// MODIS's dates from the last composite of 1999 to the first of 2001.
fn composites() -> Vec<Date> {
    let start = date(2000, 1, 1);
    let year = (0..23).map(|n| start.saturating_add(jiff::Span::new().days(16 * n)));
    [date(1999, 12, 19)].into_iter().chain(year).chain([date(2001, 1, 1)]).collect()
}

/// A season that peaks in June, greener in the north, as 16-day composites.
fn write_ndvi(sandbox: &Sandbox) -> Vec<Value> {
    let shape = Shape2d { rows: 40, cols: 50 };
    let affine = Affine { a: 0.1, b: 0.0, c: -121.5, d: 0.0, e: -0.1, f: 45.5 };
    let geobox = GeoBox { crs: Proj.resolve("EPSG:4326").unwrap(), affine, shape };
    let options =
        CogOptions { dtype: DType::Int16, scale: 1e-4, nodata: Some(-3000.0), ..CogOptions::default() };
    let band = BandMeta { name: "ndvi".to_owned(), unit: Some("1".to_owned()) };
    let of_day = |day: Date| {
        let season = (-((f64::from(day.day_of_year()) - 165.0) / 50.0).powi(2)).exp();
        let row = |row: u32| 0.25 + 0.35 * season - 0.003 * f64::from(row);
        let values: Vec<f64> = (0..40).flat_map(|n| vec![row(n); shape.cols]).collect();
        let name = format!("ndvi-{day}.tif");
        write(&sandbox.path(&name), &geobox, &values, &band, &options).unwrap();
        let end = day.saturating_add(jiff::Span::new().days(15)).to_string();
        let assets = json!({ "ndvi": { "href": name } });
        item(&format!("ndvi-{day}"), OREGON, &day.to_string(), &end, &json!({}), &assets)
    };
    composites().into_iter().map(of_day).collect()
}

struct Run<'a> {
    out: &'a str,
    grid: &'a str,
    variant: &'a str,
    precision: &'a str,
    set: &'a str,
    output: String,
}

impl Run<'_> {
    /// A project file as a user would write it. Field capacity, saturation and
    /// interception are given as numbers; the soil map's inches per foot are
    /// taken for three feet of root zone.
    fn project(&self, data: &Path) -> String {
        let Self { out, grid, variant, precision, set, output } = self;
        let soil = data.join("veget/oregon_available_water_capacity.asc");
        let weather = ["ppt", "tmin", "tmax"]
            .map(|name| format!("[inputs.{name}]\nitems = \"weather.json\"\nasset = \"{name}\"\n"))
            .concat();
        format!(
            r#"
[project]
name = "oregon"
out = "{out}"
period = "2000"

[grid]
file = "{grid}.grid.json"

{weather}
[inputs.ndvi]
items = "ndvi.json"
asset = "ndvi"
time = "composite"

[statics.whc]
href = "{}"
unit = "inch"
scale = 3.0

[statics.field_capacity]
value = 300

[statics.saturation]
value = 450

[statics.interception]
value = 10

[model]
name = "veget"
variant = "{variant}"
precision = "{precision}"
[model.set]
{set}

[output]
dtype = "float64"
{output}
"#,
            soil.display()
        )
    }
}

/// `R`, the residual of `P = Int + ETASW + SRF + DD + Δ(SWf + SNWPK)` over the
/// year at every land pixel, the soil starting half full and without snow; `P`
/// and WHC are those that `seedbed prep` aligned in 64 bits.
///
/// In 32 bits a rounding is at most u = 2^-24 of the term. Each of the year's 366
/// days rounds the snowpack twice (at most the year's snowfall S), the soil water
/// three times (at most WHC plus the water of the day; those sum to at most P),
/// and the day's water itself up to 26 times: 12 in aligning it, 6 in splitting it
/// into Int, rain and snow, 5 in runoff and drainage, 3 in the soil. To first order
/// |R| <= u (366 (2 S + 3 WHC) + 26 P).
const BALANCE: &str = include_str!("real/oregon_balance.py");

/// The NumPy model on the same aligned inputs, reference ET by FAO-56 equations 21
/// to 25 and 52 written anew, NDVI between composites as the line through both.
const PEER: &str = include_str!("real/oregon_numpy.py");

/// Runs the program and prints how long it took.
fn timed(sandbox: &Sandbox, what: &str, args: &[&str]) {
    let start = Instant::now();
    sandbox.seedbed(args).succeeds();
    println!("{what}: {:.1} s", start.elapsed().as_secs_f64());
}

/// Catalogs the inputs and makes three tilings of one integer grid: what lies
/// under a pixel is the same in each.
fn catalogue(sandbox: &Sandbox, data: &Path) {
    sandbox.write("ndvi.json", items(&write_ndvi(sandbox)));
    let file = |theirs: &str| json!({ "href": data.join(format!("gridmet/oregon_{theirs}_2000_subset.nc")) });
    let weather = json!({ "ppt": file("pr"), "tmin": file("tmmn"), "tmax": file("tmmx") });
    let weather = item("gridmet-2000", OREGON, "2000-01-01", "2000-12-31", &json!({}), &weather);
    sandbox.write("weather.json", items(&[weather]));
    let soil = json!({ "awc": { "href": data.join("veget/oregon_available_water_capacity.asc") } });
    sandbox.write("soil.json", items(&[item("soil", OREGON, "2000-01-01", "2000-01-01", &json!({}), &soil)]));
    sandbox.write("area.geojson", AREA);
    for (name, tile) in [("canvas", CANVAS), ("tiles", 50), ("small", 24)] {
        let args = format!(
            "grid --aoi area.geojson --crs EPSG:5070 --origin=-1972000,2636000 --resolution 2000 \
             --tile {tile}px --out {name}.geojson"
        );
        sandbox.seedbed(args.split_whitespace()).succeeds();
    }
    assert_eq!((tiles(sandbox, "canvas").len(), tiles(sandbox, "tiles").len()), (1, 9));
}

fn tiles(sandbox: &Sandbox, grid: &str) -> Vec<Value> {
    sandbox.json(format!("{grid}.grid.json"))["tiles"].as_array().unwrap().clone()
}

/// A run that gathers the terms of the year's balance.
fn balance<'a>(out: &'a str, precision: &'a str) -> Run<'a> {
    let terms = r#"variables = ["rain", "intercept", "swe", "etasw", "srf", "dd", "swf", "snwpk"]"#;
    Run {
        out,
        grid: "tiles",
        variant: "default",
        precision,
        set: "bias_corr = 1.1",
        output: format!("{terms}\nperiods = [\"yearly\"]"),
    }
}

/// The year on all tiles in both precisions; every land pixel's balance closes.
fn closes_the_balance(sandbox: &Sandbox, data: &Path) {
    for precision in ["f64", "f32"] {
        let file = format!("{precision}.toml");
        sandbox.write(&file, balance(precision, precision).project(data));
        timed(sandbox, &format!("the year on 9 tiles of 50×50 pixels in {precision}"), &["run", &file]);
    }
    let Some(ran) = python(sandbox, &format!("{ASSEMBLED}{BALANCE}"), [""; 0]) else { return };
    let found = ran.succeeds().json();
    println!("water balance in mm: {found:#}");
    let figure = |pointer: &str| found.pointer(pointer).unwrap().as_f64().unwrap();
    // 27,037 of the soil map's 251 × 299 cells of a square kilometre are nodata.
    let soil = f64::from(251 * 299 - 27_037);
    assert!((figure("/land") / (soil / 4.0) - 1.0).abs() < 0.01, "land pixels of four square kilometres");
    assert!(figure("/f64/worst") <= CLOSES);
    assert!(figure("/f32/share") <= 1.0);
}

/// The year day by day on one tile, against the NumPy model.
fn agrees_with_numpy(sandbox: &Sandbox, data: &Path) {
    let first =
        tiles(sandbox, "small").into_iter().find(|t| t["row0"] == DAILY && t["col0"] == DAILY).unwrap();
    let daily = Run {
        variant: "reference",
        grid: "small",
        output: format!("variables = {OUTPUTS:?}\nperiods = [\"daily\"]"),
        ..balance("days", "f64")
    };
    sandbox.write("days.toml", daily.project(data));
    let args = ["run", "days.toml", "--tiles", first["name"].as_str().unwrap()];
    timed(sandbox, "13 daily outputs of 24×24 pixels", &args);
    let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/veget_numpy.py");
    let script = format!("{ASSEMBLED}{PEER}");
    let Some(ran) = python(sandbox, &script, [peer, &DAILY.to_string()]) else { return };
    let found = ran.succeeds().json();
    println!("against NumPy, largest deviation in mm: {found:#}");
    assert_eq!(found["masks"], 0);
    // Where there is no soil the reference still gives what doesn't depend on it.
    let land = found["land"].as_u64().unwrap();
    assert!(land < 24 * 24 && found["compared"].as_u64().unwrap() > 366 * 13 * land);
    let worst = found["worst"].as_object().unwrap();
    assert_eq!(worst.len(), OUTPUTS.len());
    for (name, worst) in worst {
        assert!(worst.as_f64().unwrap() <= CLOSES, "{name}: {worst}");
    }
}

#[test]
fn real_oregon_closes_its_water_balance_and_agrees_with_numpy() {
    let Some(data) = real_data() else { return };
    if interpreter().is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    catalogue(&sandbox, &data);
    // Hargreaves' ET is no gridMET ET: its bias must be stated.
    let unstated = Run { set: "", ..balance("unstated", "f64") };
    sandbox.write("unstated.toml", unstated.project(&data));
    sandbox.seedbed(["run", "unstated.toml"]).exits(2).says("unstated.toml").says("bias_corr");
    for (from, assets, resampling, out) in [
        ("weather.json", "ppt,tmin,tmax", "bilinear", "weather"),
        ("ndvi.json", "ndvi", "bilinear", "greenness"),
        ("soil.json", "awc", "nearest", "soil"),
    ] {
        let args = format!(
            "prep {from} --assets {assets} --grid canvas.grid.json --resampling {resampling} --dtype float64 --out {out}"
        );
        timed(&sandbox, &format!("preparing {assets}"), &args.split(' ').collect::<Vec<_>>());
    }
    closes_the_balance(&sandbox, &data);
    agrees_with_numpy(&sandbox, &data);
}
