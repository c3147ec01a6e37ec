//! What we write, in other people's hands: pystac, stac-validator, rio-cogeo,
//! rasterio beside gdalinfo, xarray, odc-stac, numpy.

use crate::basin::{Chain, PERIODS, TILES, VARIABLES, Whole, shared};
use crate::python::{interpreter, python, stac_validator};
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

/// Half a year in floating point, and a month of it in scaled integers.
struct Outputs {
    chain: Chain,
}

impl Outputs {
    /// The ones that all tests share, and leave as they are; none, having said so,
    /// where nobody is there to read them.
    fn shared() -> Option<Arc<Self>> {
        static OUTPUTS: Mutex<Weak<Outputs>> = Mutex::new(Weak::new());
        interpreter()?;
        Some(shared(&OUTPUTS, || {
            let whole = Whole::shared();
            let chain = whole.before_the_run();
            for name in ["tiles", "mosaic"] {
                whole.chain.sandbox.copy_to(name, &chain.sandbox);
            }
            let scaled = chain.sandbox.read("seedbed.toml").replace("\"basin\"", "\"scaled\"")
                + "dtype = \"int16\"\nscale = 0.1\n";
            chain.sandbox.write("scaled.toml", scaled);
            let period = ["--period", "2004-07-01/2004-07-31", "--out", "scaled"];
            chain.sandbox.seedbed([&["run", "scaled.toml"][..], &period].concat()).succeeds();
            chain.sandbox.seedbed(["mosaic", "scaled", "--out", "scaled-mosaic"]).succeeds();
            Self { chain }
        }))
    }

    fn sandbox(&self) -> &Sandbox {
        &self.chain.sandbox
    }

    /// What a script prints, which is one object.
    fn told(&self, script: &str, args: &[&str]) -> Value {
        let told = python(self.sandbox(), script, args).unwrap().succeeds().json();
        println!("{}: {told}", script.lines().next().unwrap_or_default().trim_matches('"'));
        told
    }
}

/// Months of the scaled product, and its rest of the year.
const SCALED_PERIODS: usize = 2;
/// The folders of products.
const PRODUCTS: [&str; 4] = ["tiles", "mosaic", "scaled", "scaled-mosaic"];

/// How many records and how many COGs all products have.
fn records_and_cogs() -> (usize, usize) {
    let records = (TILES + 1) * (PERIODS.len() + SCALED_PERIODS);
    (records, records * VARIABLES.len())
}

#[test]
fn pystac_opens_walks_and_validates_the_catalogs() {
    let Some(outputs) = Outputs::shared() else { return };
    let catalogs = ["tiles", "mosaic", "scaled", "scaled-mosaic"].map(|p| format!("{p}/catalog.json"));
    let catalogs = catalogs.each_ref().map(String::as_str);
    let told = outputs.told(include_str!("interop/walk.py"), &catalogs);
    let (records, cogs) = records_and_cogs();
    // A catalog and a collection each.
    assert_eq!(told["documents"], records + 2 * PRODUCTS.len());
    assert_eq!((&told["items"], &told["assets"]), (&json!(records), &json!(cogs)));
    let told = outputs.told(include_str!("interop/walk.py"), &["catalog/catalog.json"]);
    // A year of three variables, and the composites that were copied with it.
    let composites = told["items"].as_u64().unwrap() - 1;
    assert!(composites >= 14, "{told}");
    assert_eq!(told["assets"], composites + 3);
}

#[test]
fn stac_validator_passes_every_record() {
    let Some(outputs) = Outputs::shared() else { return };
    let schemas = std::env::var_os("SEEDBED_REAL_DATA").map(|data| PathBuf::from(data).join("schemas"));
    let schemas = schemas.filter(|folder| folder.is_dir());
    let mut valid = 0;
    for catalog in PRODUCTS.iter().chain(&["catalog"]) {
        let document = format!("{catalog}/catalog.json");
        let said =
            stac_validator(outputs.sandbox(), &document, schemas.as_deref()).unwrap().succeeds().stdout;
        assert_eq!(said.matches("\"valid_stac\": false").count(), 0, "{said}");
        valid += said.matches("\"valid_stac\": true").count();
    }
    println!("stac-validator: {valid} documents valid");
    let (records, _) = records_and_cogs();
    // The products' catalogs, their collections and records, and the archives' catalog.
    assert!(valid > records + 2 * PRODUCTS.len() + 14, "{valid}");
}

#[test]
fn every_output_is_a_valid_cog() {
    let Some(outputs) = Outputs::shared() else { return };
    let told = outputs.told(include_str!("interop/cogs.py"), &PRODUCTS);
    assert_eq!(told["cogs"], records_and_cogs().1);
    assert_eq!(told["errors"], json!({}));
    assert_eq!(told["warnings"], json!({}));
}

#[test]
fn rasterio_reads_what_the_records_and_gdalinfo_say() {
    let Some(outputs) = Outputs::shared() else { return };
    let told = outputs.told(include_str!("interop/rasters.py"), &PRODUCTS);
    assert_eq!(told["rasters"], records_and_cogs().1);
    assert_eq!(told["dtypes"], json!(["float32", "int16"]));
    if told["gdalinfo"] == 0 {
        println!("skipped: there is no gdalinfo to compare with");
    }
    let (missing, pixels) = (told["missing"].as_u64().unwrap(), told["pixels"].as_u64().unwrap());
    assert!(missing > 0 && missing < pixels, "there are both values and missing ones: {told}");
}

#[test]
fn xarray_sees_the_centres_of_the_grids_pixels() {
    let Some(outputs) = Outputs::shared() else { return };
    let told = outputs.told(include_str!("interop/coordinates.py"), &["tiles.grid.json", "tiles"]);
    assert_eq!(told["arrays"], TILES * (PERIODS.len() - 1));
    let told = outputs.told(include_str!("interop/coordinates.py"), &["tiles.grid.json", "scaled"]);
    assert_eq!(told["arrays"], TILES * (SCALED_PERIODS - 1));
}

#[test]
fn odc_stac_loads_the_tiles_as_one_cube() {
    let Some(outputs) = Outputs::shared() else { return };
    for product in ["tiles", "mosaic"] {
        let told = outputs.told(include_str!("interop/load.py"), &[product, "etasw"]);
        assert_eq!(
            (&told["items"], &told["times"]),
            (&json!(if product == "tiles" { TILES } else { 1 }), &json!(1))
        );
        let (valid, pixels) = (told["valid"].as_u64().unwrap(), told["pixels"].as_u64().unwrap());
        assert!(valid > 0 && valid < pixels, "{told}");
    }
}

#[test]
fn a_mosaic_is_its_tiles_pasted_by_numpy() {
    let Some(outputs) = Outputs::shared() else { return };
    let told = outputs.told(include_str!("interop/paste.py"), &PRODUCTS);
    assert_eq!(told["mosaics"], (PERIODS.len() + SCALED_PERIODS) * VARIABLES.len());
}
