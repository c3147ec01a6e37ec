//! Composites as their users make them, held against numpy.

use crate::python::python;
use crate::real::{has, item, items, real_data};
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

const COMPARE: &str = include_str!("real/composite_compare.py");

/// Six years of a small index with gaps, and its quality, in the sandbox.
const WRITE: &str = "
import numpy as np, rasterio
from rasterio.transform import from_origin
random = np.random.default_rng(7)
for year in range(2001, 2007):
    index = random.integers(-2500, 10500, (90, 70)).astype(np.int16)
    index[random.random(index.shape) < 0.3] = -3000
    rank = random.integers(0, 4, index.shape).astype(np.uint8)
    for name, values, fill in [('ndvi', index, -3000), ('rank', rank, 255)]:
        with rasterio.open(f'{name}_{year}.tif', 'w', driver='GTiff', height=90, width=70, count=1,
                           dtype=values.dtype, crs='EPSG:5070', nodata=fill,
                           transform=from_origin(1000000, 2000000, 500, 500)) as raster:
            raster.write(values, 1)
";

/// Runs the comparison; the pixels compared and those that were missing.
fn compare(sandbox: &Sandbox, asset: &str, spec: &Value) -> (u64, u64) {
    let ran = python(sandbox, COMPARE, ["out", asset, &spec.to_string()]).unwrap().succeeds().json();
    println!("{asset}: {ran}");
    assert_eq!(ran["different"], 0, "{ran}");
    (ran["pixels"].as_u64().unwrap(), ran["missing"].as_u64().unwrap())
}

fn ends(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|e| e == extension)
}

fn run(sandbox: &Sandbox, args: &str) -> Value {
    sandbox.seedbed(args.split_whitespace()).succeeds().json()
}

#[test]
fn medians_of_a_day_over_the_years_are_numpys() {
    let sandbox = Sandbox::new();
    let Some(written) = python(&sandbox, WRITE, [""; 0]) else { return };
    written.succeeds();
    let band = json!({ "nodata": -3000, "unit": "1", "raster:scale": 0.0001, "valid_range": [-2000, 10000] });
    let all: Vec<Value> = (2001..2007)
        .map(|year| {
            let assets = json!({
                "ndvi": { "href": format!("ndvi_{year}.tif"), "bands": [band] },
                "rank": { "href": format!("rank_{year}.tif") },
            });
            // Day 113 is 22 April in leap years.
            let day = if year == 2004 { "04-22" } else { "04-23" };
            let start = format!("{year}-{day}");
            item(&format!("ndvi-{year}"), [-86.0, 40.0, -84.0, 42.0], &start, &start, &json!({}), &assets)
        })
        .collect();
    sandbox.write("items.json", items(&all));
    let command = "--json composite items.json --assets ndvi --by day-of-year --statistic median,count \
                   --mask rank:KEEP=0,1 --like ndvi_2001.tif --dtype int16 --scale 0.0001 --out out";
    let planned = run(&sandbox, &format!("{command} --dry-run"));
    assert_eq!((&planned["expected"], &planned["made"]), (&json!(1), &json!(0)));
    assert!(!sandbox.path("out/catalog.json").exists());
    assert_eq!(run(&sandbox, command)["made"], 1);
    let again = run(&sandbox, command);
    assert_eq!((&again["made"], &again["present"]), (&json!(0), &json!(1)));
    // Memory changes how it is made and nothing of what is made; too little is refused.
    let elsewhere = command.replace("--out out", "--name out --out scant");
    let args = format!("{elsewhere} --memory 300kB");
    sandbox.seedbed(args.split_whitespace()).exits(2).says("--memory");
    assert_eq!(run(&sandbox, &format!("{elsewhere} --memory 3MB"))["made"], 1);
    let files = |root: &str| {
        let of = |path: &String| {
            Some((path.strip_prefix(root)?.to_owned(), fs::read(sandbox.path(path)).unwrap()))
        };
        sandbox.files().iter().filter_map(of).filter(|(p, _)| ends(p, "tif")).collect::<Vec<_>>()
    };
    assert!(!files("out/").is_empty() && files("out/") == files("scant/"));
    let files = |name: &str| (2001..2007).map(|y| format!("{name}_{y}.tif")).collect::<Vec<_>>();
    let spec = json!({
        "groups": { "doy-113": files("ndvi") }, "quality": { "doy-113": files("rank") },
        "keep": [0, 1], "fill": -3000, "valid": [-2000, 10000],
    });
    let (pixels, missing) = compare(&sandbox, "ndvi", &spec);
    assert!(pixels == 90 * 70 && missing > 0 && missing < pixels / 2);
    assert_eq!(run(&sandbox, "--json verify out")["right"], 1);
    run(&sandbox, "--json mosaic out --out mosaic");
    assert_eq!(run(&sandbox, "--json verify mosaic")["right"], 1);
}

#[test]
fn what_cant_be_composited_is_refused_with_a_hint_at_what_can() {
    let sandbox = Sandbox::new();
    let refused = |args: &str, said: &str| {
        let args = format!("composite items.json --assets ndvi --like a.tif --out out {args}");
        sandbox.seedbed(args.split_whitespace()).exits(2).says(said);
    };
    refused("", "--by");
    refused("--by week", "day-of-year, month-day, month, dekad");
    refused("--by month --statistic mode", "quantile=Q");
    refused("--by month --mask cloud", "mod13-reliability");
    refused("--by month --memory much", "20MB");
    let prep = "prep items.json --assets ndvi --like a.tif --out out --statistic mean";
    sandbox.seedbed(prep.split_whitespace()).exits(2).says("--every");
}

#[test]
fn real_mod13q1_medians_of_a_year_are_numpys() {
    let Some(data) = real_data() else { return };
    let sandbox = Sandbox::new();
    let Some(_) = python(&sandbox, "", [""; 0]) else { return };
    let mut files: Vec<_> =
        fs::read_dir(data.join("modis/mod13q1_sinop")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 12);
    let band = json!({ "nodata": -3000, "unit": "1", "raster:scale": 0.0001, "valid_range": [-2000, 10000] });
    let day =
        |path: &Path| path.file_stem().unwrap().to_str().unwrap().rsplit('_').next().unwrap().to_owned();
    let all: Vec<Value> = files
        .iter()
        .map(|path| {
            let assets = json!({ "ndvi": { "href": path, "bands": [band] } });
            item(&day(path), [-56.0, -12.0, -55.0, -11.0], &day(path), &day(path), &json!({}), &assets)
        })
        .collect();
    sandbox.write("items.json", items(&all));
    let like = files[0].display();
    let report = run(
        &sandbox,
        &format!(
            "--json prep items.json --assets ndvi --every year --statistic median,count --like {like} \
             --dtype int16 --scale 0.0001 --out out"
        ),
    );
    assert_eq!(report["made"], 2);
    let of = |year: &str| files.iter().filter(|f| day(f).starts_with(year)).collect::<Vec<_>>();
    let spec = json!({
        "groups": { "2013": of("2013"), "2014": of("2014") }, "fill": -3000, "valid": [-2000, 10000],
    });
    assert_eq!(compare(&sandbox, "ndvi", &spec).0, 2 * 147 * 255);
}

#[test]
fn real_mod13a2_is_masked_by_the_rank_of_its_own_file() {
    let Some(data) = real_data() else { return };
    let sandbox = Sandbox::new();
    let Some(_) = python(&sandbox, "", [""; 0]) else { return };
    if !has("gdal_translate") {
        return;
    }
    let path = data.join("modis/MOD13A2.A2021225.h11v06.061.2021320163717.hdf");
    let field = |name: &str| format!("1 km 16 days {name}");
    for (name, file) in [("NDVI", "ndvi.tif"), ("pixel reliability", "rank.tif")] {
        let inside =
            format!("HDF4_EOS:EOS_GRID:\"{}\":MODIS_Grid_16DAY_1km_VI:{}", path.display(), field(name));
        let made =
            Command::new("gdal_translate").args(["-q", &inside]).arg(sandbox.path(file)).status().unwrap();
        assert!(made.success());
    }
    let ndvi = json!({ "name": field("NDVI"), "nodata": -3000, "unit": "1", "raster:scale": 0.0001 });
    let rank = json!({ "name": field("pixel reliability"), "data_type": "int8", "nodata": -1 });
    let with = json!({
        "ndvi": { "href": path, "bands": [ndvi] },
        "pixel_reliability": { "href": path, "bands": [rank] },
    });
    let without = json!({ "ndvi": { "href": path, "bands": [ndvi] } });
    let spec = json!({
        "groups": { "doy-225": ["ndvi.tif"] }, "quality": { "doy-225": ["rank.tif"] },
        "keep": [0, 1], "fill": -3000, "valid": [-2000, 10000],
    });
    // The layer is an asset of the item, or a field of the same file.
    let rules = [(with, "mod13-reliability"), (without, "1 km 16 days pixel reliability:KEEP=0,1")];
    for (assets, mask) in rules {
        let one = item("a2", [-80.83, 20.0, -63.84, 30.0], "2021-08-13", "2021-08-28", &json!({}), &assets);
        sandbox.write("items.json", items(&[one]));
        let command = "--json composite items.json --assets ndvi --by day-of-year --like ndvi.tif \
                       --dtype int16 --scale 0.0001 --out out --mask";
        let args: Vec<&str> = command.split_whitespace().chain([mask]).collect();
        assert_eq!(sandbox.seedbed(args).succeeds().json()["made"], 1, "{mask}");
        let (pixels, missing) = compare(&sandbox, "ndvi", &spec);
        assert!(pixels == 1200 * 1200 && missing > 0);
        fs::remove_dir_all(sandbox.path("out")).unwrap();
    }
}

/// A daily index of ones, of which the files are in the sandbox.
const DAILY: &str = "
import numpy as np, rasterio
from rasterio.transform import from_origin
for day in range(1, 29):
    with rasterio.open(f'd{day:02}.tif', 'w', driver='GTiff', height=3, width=4, count=1, dtype='float32',
                       crs='EPSG:5070', nodata=np.nan, transform=from_origin(0, 0, 500, 500)) as raster:
        raster.write(np.full((3, 4), day, np.float32), 1)
";

#[test]
fn a_month_that_is_cut_is_marked_and_counted_against_its_days() {
    let sandbox = Sandbox::new();
    let Some(written) = python(&sandbox, DAILY, [""; 0]) else { return };
    written.succeeds();
    let all: Vec<Value> = (1..29)
        .map(|day| {
            let assets = json!({ "v": { "href": format!("d{day:02}.tif"), "bands": [{ "unit": "mm" }] } });
            let start = format!("2003-02-{day:02}");
            item(&start, [-97.0, 22.0, -95.0, 24.0], &start, &start, &json!({}), &assets)
        })
        .collect();
    sandbox.write("items.json", items(&all));
    let prep = "prep items.json --assets v --every month --statistic sum,count --like d01.tif";
    let whole = run(&sandbox, &format!("--json {prep} --out whole"));
    assert_eq!(whole["partial"], json!([]));
    // The days from the 15th on, by an interval without end: half of the month.
    let cut = format!("{prep} --datetime 2003-02-15/.. --min-valid 0.5");
    let report = run(&sandbox, &format!("--json {cut} --out half"));
    assert_eq!(report["partial"], json!(["d01 2003-02: v has 14 of 28"]));
    sandbox.seedbed(format!("{cut} --out half").split_whitespace()).succeeds().prints("v has 14 of 28");
    let record = |out: &str| {
        let of = |p: &String| p.starts_with(&format!("{out}/d01/2003-02/")) && ends(p, "json");
        sandbox.json(sandbox.files().into_iter().find(of).unwrap())
    };
    let of = |out: &str, asset: &str, what: &str| {
        record(out)["assets"][asset]["bands"][0]["statistics"][what].clone()
    };
    assert!(record("whole")["properties"]["seedbed:partial"].is_null());
    assert_eq!(
        record("half")["properties"]["seedbed:partial"],
        json!({ "v": { "layers": 14, "expected": 28 } })
    );
    assert_eq!(record("half")["properties"]["end_datetime"], "2003-02-28T23:59:59Z");
    assert_eq!((of("whole", "v", "maximum"), of("half", "v", "maximum")), (json!(406), json!(301)));
    assert_eq!(of("half", "v_count", "minimum"), 14);
    // Half of the month isn't more than half of it.
    run(&sandbox, &format!("--json {prep} --datetime 2003-02-15/.. --min-valid 0.51 --out less"));
    assert_eq!(of("less", "v", "valid_percent"), 0);
}
