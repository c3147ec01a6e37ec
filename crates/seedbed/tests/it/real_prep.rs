//! Real files of four archives, in four formats and four CRSs, prepared onto the
//! tiles they touch of one integer grid over North America.

use crate::python::{interpreter, python};
use crate::real::{has, item, items, real_data};
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// A value that `bilinear` gives may differ by this share of the source's range
/// from gdalwarp's, which computes its weights in 64 bits from other coordinates.
const BILINEAR: f64 = 1e-5;

const COMPARE: &str = include_str!("real/prep_compare.py");

/// A file, its item, and how gdalwarp gets at the same.
struct Source<'a> {
    item: Value,
    /// The assets, the one that is compared first.
    assets: &'a str,
    resampling: &'a str,
    /// How values are stored.
    stored: &'a str,
    /// GDAL's name of the compared asset, and what `gdal_translate` must add.
    gdal: String,
    translate: Value,
    /// The periods to compare with the numbers of their bands.
    bands: Value,
}

/// Makes the grid: 200 km tiles of 1 km pixels in Albers' projection for the United States.
fn grid(sandbox: &Sandbox) -> usize {
    let args = "grid --bbox=-128,19,-63,51 --crs EPSG:5070 --origin=0,0 --resolution 1000 --tile 200000m \
                --out tiles.geojson";
    sandbox.seedbed(args.split_whitespace()).succeeds();
    sandbox.json("tiles.grid.json")["tiles"].as_array().unwrap().len()
}

/// Prepares a source and holds it against gdalwarp.
fn prepare(sandbox: &Sandbox, source: &Source<'_>) {
    sandbox.write("items.json", items(std::slice::from_ref(&source.item)));
    let Source { assets, resampling, stored, .. } = source;
    let args = format!(
        "--json prep items.json --assets {assets} --grid tiles.grid.json --resampling {resampling} --out out {stored}"
    );
    let start = Instant::now();
    let report = sandbox.seedbed(args.split_whitespace()).succeeds().json();
    let seconds = start.elapsed().as_secs_f64();
    let spec = json!({
        "gdal": source.gdal,
        "translate": source.translate,
        "bands": source.bands,
        "resampling": source.resampling.replace("nearest", "near"),
    });
    let asset = source.assets.split(',').next().unwrap();
    let Some(ran) = python(sandbox, COMPARE, ["out", asset, &spec.to_string()]) else { return };
    let found = ran.succeeds().json();
    let figure = |pointer: &str| found.pointer(pointer).unwrap().as_f64().unwrap();
    let (theirs, ours) = (figure("/share/0"), figure("/share/1"));
    let largest = figure("/all/largest");
    println!(
        "{asset} of {}, {}: {} tiles, {} dates in {seconds:.1} s; valid {:.3} % of the source, {:.3} % of the tiles; \
         {} pixels compared with gdalwarp, largest deviation {largest:e} of a range of {}, {} differences of mask",
        source.item["id"],
        source.resampling,
        found["tiles"],
        found["periods"],
        theirs * 100.0,
        ours * 100.0,
        found["all"]["compared"],
        found["range"],
        found["all"]["masks"],
    );
    assert!((theirs - ours).abs() < 0.01, "share of valid pixels");
    assert_eq!(report["made"].as_u64(), report["expected"].as_u64());
    let tolerance = if source.resampling == "nearest" { 0.0 } else { BILINEAR * figure("/range") };
    assert!(largest <= tolerance, "a pixel that both have");
    assert!(figure("/all/masks") <= 1e-3 * figure("/all/compared"), "pixels that only one has");
    let spots = found["spots"].as_array().unwrap();
    assert_eq!(spots.len(), 20);
    for spot in spots {
        let (want, got) = (spot[0].as_f64().unwrap(), spot[1].as_f64().unwrap_or(f64::NAN));
        assert!((want - got).abs() <= tolerance, "{want} is {got}");
    }
}

/// A sandbox with the grid, where all the tools are at hand.
fn ready() -> Option<(Sandbox, std::path::PathBuf)> {
    let data = real_data()?;
    interpreter()?;
    if !has("gdalwarp") || !has("gdal_translate") {
        return None;
    }
    let sandbox = Sandbox::new();
    println!("{} tiles over North America", grid(&sandbox));
    Some((sandbox, data))
}

fn subdataset(kind: &str, path: &Path, name: &str) -> String {
    format!("{kind}:\"{}\":{name}", path.display())
}

#[test]
fn real_daymet_year_is_prepared_as_gdalwarp_would() {
    let Some((sandbox, data)) = ready() else { return };
    let path = data.join("daymet/daymet_v4_daily_na_subset_2019_prcp_dayl.nc");
    let asset = |name: &str| json!({ "href": path, "bands": [{ "name": name }] });
    let assets = json!({ "prcp": asset("prcp"), "dayl": asset("dayl") });
    prepare(
        &sandbox,
        &Source {
            item: item(
                "daymet-2019",
                [-80.0, 34.9, -79.49, 35.19],
                "2019-01-01",
                "2019-12-31",
                &json!({}),
                &assets,
            ),
            assets: "prcp,dayl",
            resampling: "bilinear",
            stored: "",
            gdal: subdataset("NETCDF", &path, "prcp"),
            translate: json!([]),
            bands: json!({ "2019-03-20": 79, "2019-04-11": 101, "2019-06-28": 179, "2019-09-13": 256, "2019-12-31": 365 }),
        },
    );
}

#[test]
fn real_prism_zip_is_prepared_as_gdalwarp_would() {
    let Some((sandbox, data)) = ready() else { return };
    let name = "PRISM_ppt_stable_4kmD2_19810101_bil";
    let path = data.join(format!("prism/{name}.zip"));
    prepare(
        &sandbox,
        &Source {
            item: item(
                "prism",
                [-125.03, 24.06, -66.47, 49.94],
                "1981-01-01",
                "1981-01-01",
                &json!({}),
                &json!({ "ppt": { "href": path } }),
            ),
            assets: "ppt",
            resampling: "bilinear",
            stored: "",
            gdal: format!("/vsizip/{}/{name}.bil", path.display()),
            translate: json!([]),
            bands: json!({ "1981-01-01": 1 }),
        },
    );
}

#[test]
fn real_mod13a2_granule_is_prepared_as_gdalwarp_would() {
    let Some((sandbox, data)) = ready() else { return };
    let path = data.join("modis/MOD13A2.A2021225.h11v06.061.2021320163717.hdf");
    let field = "1 km 16 days NDVI";
    let band =
        json!({ "name": field, "data_type": "int16", "nodata": -3000, "unit": "1", "raster:scale": 0.0001 });
    let assets = json!({ "ndvi": { "href": path, "bands": [band] } });
    prepare(
        &sandbox,
        &Source {
            item: item(
                "mod13a2-h11v06",
                [-80.83, 20.0, -63.84, 30.0],
                "2021-08-13",
                "2021-08-28",
                &json!({}),
                &assets,
            ),
            assets: "ndvi",
            resampling: "nearest",
            stored: "--dtype int16 --scale 0.0001",
            gdal: format!("HDF4_EOS:EOS_GRID:\"{}\":MODIS_Grid_16DAY_1km_VI:{field}", path.display()),
            translate: json!([]),
            bands: json!({ "2021-08-13": 1 }),
        },
    );
}

#[test]
fn real_maca_day_is_prepared_as_gdalwarp_would_and_dated_by_its_item() {
    let Some((sandbox, data)) = ready() else { return };
    let path = data.join("maca/macav2metdata_CanESM2_rcp45_2006-01-01_california.nc");
    let field = "Maximum daily temperature near surface";
    // The file says neither its CRS nor its date; who catalogs it does.
    let asset = |name: &str| {
        json!({
            "href": path,
            "bands": [{ "name": name }],
            "proj:code": "EPSG:4326",
            "proj:shape": [229, 247],
            "proj:transform": [0.041_665_984, 0.0, -124.376_332_260, 0.0, -0.041_665_997, 42.083_638_174],
        })
    };
    let assets =
        json!({ "tasmax": asset(field), "pr": asset("Average daily precipitation amount at surface") });
    let day = |properties: &Value| {
        item("maca", [-124.38, 32.54, -114.08, 42.09], "2006-01-01", "2006-01-01", properties, &assets)
    };
    sandbox.write("items.json", items(&[day(&json!({}))]));
    sandbox
        .seedbed([
            "prep",
            "items.json",
            "--assets",
            "tasmax",
            "--grid",
            "tiles.grid.json",
            "--out",
            "refused",
        ])
        .exits(2)
        .says("2112-01-02");
    assert!(!sandbox.path("refused").exists());
    prepare(
        &sandbox,
        &Source {
            item: day(&json!({ "seedbed:dates": "item" })),
            assets: "tasmax,pr",
            resampling: "nearest",
            stored: "",
            gdal: subdataset("NETCDF", &path, field),
            translate: json!(["-a_srs", "EPSG:4326"]),
            bands: json!({ "2006-01-01": 1 }),
        },
    );
}
