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
        let pixel = |i: usize| 0.25 + 0.35 * season - 0.003 * (i / shape.cols) as f64;
        let values: Vec<f64> = (0..shape.len()).map(pixel).collect();
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

#[test]
fn real_oregon_closes_its_water_balance_and_agrees_with_numpy() {
    let Some(data) = real_data() else { return };
    if interpreter().is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    let timed = |what: &str, args: &[&str]| {
        let start = Instant::now();
        let ran = sandbox.seedbed(args).succeeds();
        println!("{what}: {:.1} s", start.elapsed().as_secs_f64());
        ran
    };
    sandbox.write("ndvi.json", items(&write_ndvi(&sandbox)));
    let weather: serde_json::Map<String, Value> = [("ppt", "pr"), ("tmin", "tmmn"), ("tmax", "tmmx")]
        .map(|(ours, theirs)| {
            let path = data.join(format!("gridmet/oregon_{theirs}_2000_subset.nc"));
            (ours.to_owned(), json!({ "href": path }))
        })
        .into_iter()
        .collect();
    let weather =
        item("gridmet-2000", OREGON, "2000-01-01", "2000-12-31", &json!({}), &Value::Object(weather));
    sandbox.write("weather.json", items(&[weather]));
    let soil = data.join("veget/oregon_available_water_capacity.asc");
    let soil =
        item("soil", OREGON, "2000-01-01", "2000-01-01", &json!({}), &json!({ "awc": { "href": soil } }));
    sandbox.write("soil.json", items(&[soil]));
    sandbox.write("area.geojson", AREA);
    // Three tilings of one integer grid: what lies under a pixel is the same in each.
    for (name, tile) in [("canvas", CANVAS), ("tiles", 50), ("small", 24)] {
        let (tile, out) = (format!("{tile}px"), format!("{name}.geojson"));
        sandbox
            .seedbed([
                "grid",
                "--aoi",
                "area.geojson",
                "--crs",
                "EPSG:5070",
                "--origin=-1972000,2636000",
                "--resolution",
                "2000",
                "--tile",
                &tile,
                "--out",
                &out,
            ])
            .succeeds();
    }
    let tiles = |name: &str| sandbox.json(format!("{name}.grid.json"))["tiles"].as_array().unwrap().clone();
    assert_eq!((tiles("canvas").len(), tiles("tiles").len()), (1, 9));
    for (from, assets, resampling, out) in [
        ("weather.json", "ppt,tmin,tmax", "bilinear", "weather"),
        ("ndvi.json", "ndvi", "bilinear", "greenness"),
        ("soil.json", "awc", "nearest", "soil"),
    ] {
        let args = [
            "prep",
            from,
            "--assets",
            assets,
            "--grid",
            "canvas.grid.json",
            "--resampling",
            resampling,
            "--dtype",
            "float64",
            "--out",
            out,
        ];
        timed(&format!("preparing {assets}"), &args);
    }

    let sums = r#"variables = ["rain", "intercept", "swe", "etasw", "srf", "dd", "swf", "snwpk"]
periods = ["yearly"]"#;
    let balance = |out, precision| Run {
        out,
        grid: "tiles",
        variant: "default",
        precision,
        set: "bias_corr = 1.1",
        output: sums.to_owned(),
    };
    // Hargreaves' ET is no gridMET ET: its bias must be stated.
    let unstated = Run { set: "", ..balance("unstated", "f64") };
    sandbox.write("unstated.toml", unstated.project(&data));
    sandbox.seedbed(["run", "unstated.toml"]).exits(2).says("unstated.toml").says("bias_corr");
    for precision in ["f64", "f32"] {
        let file = format!("{precision}.toml");
        sandbox.write(&file, balance(precision, precision).project(&data));
        timed(&format!("the year on 9 tiles of 50×50 pixels in {precision}"), &["run", &file]);
    }
    let Some(ran) = python(&sandbox, &format!("{ASSEMBLED}{BALANCE}"), [""; 0]) else { return };
    let found = ran.succeeds().json();
    println!("water balance in mm: {found:#}");
    let figure = |pointer: &str| found.pointer(pointer).unwrap().as_f64().unwrap();
    assert!(figure("/land") > 11_000.0, "land pixels");
    // 27,037 of the soil map's 251 × 299 cells are nodata.
    assert!((figure("/valid_soil") - (1.0 - 27_037.0 / 75_049.0)).abs() < 0.01);
    assert!(figure("/f64/worst") <= CLOSES);
    assert!(figure("/f32/share") <= 1.0);

    let first = tiles("small").into_iter().find(|t| t["row0"] == DAILY && t["col0"] == DAILY).unwrap();
    let daily = Run {
        variant: "reference",
        grid: "small",
        output: format!("variables = {OUTPUTS:?}\nperiods = [\"daily\"]"),
        ..balance("days", "f64")
    };
    sandbox.write("days.toml", daily.project(&data));
    timed(
        "13 daily outputs of 24×24 pixels",
        &["run", "days.toml", "--tiles", first["name"].as_str().unwrap()],
    );
    let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/veget_numpy.py");
    let Some(ran) = python(&sandbox, &format!("{ASSEMBLED}{PEER}"), [peer, &DAILY.to_string()]) else {
        return;
    };
    let found = ran.succeeds().json();
    println!("against NumPy, largest deviation in mm: {found:#}");
    assert_eq!(found["masks"], 0);
    // Where there is no soil the reference still gives what doesn't depend on it.
    let land = found["land"].as_u64().unwrap();
    assert!(land < 24 * 24 && found["compared"].as_u64().unwrap() > 366 * 13 * land);
    for (name, worst) in found["worst"].as_object().unwrap() {
        assert!(worst.as_f64().unwrap() <= CLOSES, "{name}: {worst}");
    }
}
