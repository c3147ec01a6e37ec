//! Composites keep to the memory that they are given: a program of its own, since what
//! it allocates is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the numbers are of use")]

mod allocator;

use allocator::{Counting, peak_of};
use seedbed_block::composite::Statistic;
use seedbed_block::{Grouping, PixelRange};
use seedbed_catalog::{Item, ItemCollection};
use seedbed_grid::{PixelGrid, Projections, Tile, TileGrid, Xy};
use seedbed_prep::{Composite, PrepError, Prepare, PrepareReport, Root, Rules, Spool, composite};
use seedbed_raster::cog::{self, BandMeta, CogOptions};
use seedbed_raster::{DType, Proj, Resampling};
use seedbed_storage::{Location, Settings, Stores};
use serde_json::{Value, json};
use std::path::Path;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is taken whatever the rasters' size: of projections, items, threads and the like.
const SMALL: usize = 1 << 20;

/// Twelve years of a field of 600 × 600 pixels in the sinusoidal projection, where that is
/// sheared by more than a pixel a row, with quality of half its pixel size.
fn items(folder: &Path, runtime: &Runtime) -> Vec<Item> {
    let crs = Proj.resolve("ESRI:54008").unwrap();
    // 140° W, 60° N.
    let origin = Xy { x: -7_950_000.0, y: 6_750_000.0 };
    let grid = |size: f64| PixelGrid { crs: crs.clone(), origin, resolution: Xy { x: size, y: size } };
    let write = |name: &str, size: f64, n: i64, values: &dyn Fn(usize) -> f64, options: &CogOptions| {
        let range = PixelRange { row0: 0, col0: 0, rows: n, cols: n };
        let values: Vec<f64> = (0..range.shape().len()).map(values).collect();
        cog::write(&folder.join(name), &grid(size).geobox(range), &values, &BandMeta::default(), options)
            .unwrap();
    };
    let rank = CogOptions { dtype: DType::UInt8, nodata: Some(255.0), ..CogOptions::default() };
    let index = CogOptions { dtype: DType::Int16, nodata: Some(-32_768.0), ..CogOptions::default() };
    write("rank.tif", 500.0, 1200, &|p| if p % 7 == 0 { 3.0 } else { 0.0 }, &rank);
    let features: Vec<Value> = (2001..2013_u16)
        .map(|year| {
            let name = format!("{year}.tif");
            write(
                &name,
                1000.0,
                600,
                &|p| f64::from(year) + f64::from(u8::try_from(p % 91).unwrap()),
                &index,
            );
            json!({
                "type": "Feature", "stac_version": "1.1.0", "id": format!("y{year}"), "geometry": null,
                "links": [], "properties": { "datetime": format!("{year}-04-23T00:00:00Z") },
                "assets": {
                    "ndvi": { "href": format!("./{name}") }, "rank": { "href": "./rank.tif" },
                },
            })
        })
        .collect();
    let path = folder.join("items.json");
    std::fs::write(&path, json!({ "type": "FeatureCollection", "features": features }).to_string()).unwrap();
    let stores = Stores::new(Settings::default()).unwrap();
    runtime.block_on(ItemCollection::read(&stores, &Location::Local(path))).unwrap().items
}

fn request(items: &[Item], resampling: Resampling, dtype: DType) -> Composite {
    let crs = Proj.resolve("EPSG:4326").unwrap();
    let grid = PixelGrid { crs, origin: Xy { x: -150.0, y: 62.0 }, resolution: Xy { x: 0.02, y: 0.01 } };
    let range = PixelRange { row0: 150, col0: 250, rows: 300, cols: 400 };
    let nodata = if dtype == DType::Int16 { -32_768.0 } else { f64::NAN };
    Composite {
        prepare: Prepare {
            name: "medians".to_owned(),
            items: items.to_vec(),
            assets: vec!["ndvi".to_owned()],
            grid: TileGrid {
                grid,
                scheme: "test".to_owned(),
                tiles: vec![Tile { name: "one".to_owned(), range }],
            },
            rules: Rules { resampling, mask: Some("rank:KEEP=0".parse().unwrap()), ..Rules::default() },
            cog: CogOptions { dtype, nodata: Some(nodata), ..Prepare::default_cog() },
            format: seedbed_prep::Format::Cog,
            period: None,
            out: Root::default(),
        },
        grouping: Grouping::MonthDay,
        statistics: vec![Statistic::Median, Statistic::Count],
        least: 1,
        share: 0.0,
        memory: 1 << 30,
        process: "seedbed composite".to_owned(),
    }
}

#[test]
fn what_is_allocated_stays_below_the_memory_that_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let items = items(folder.path(), &runtime);
    let run = |request: &Composite, out: &str| -> (Result<PrepareReport, PrepError>, usize) {
        let mut request = request.clone();
        request.prepare.out = seedbed_prep::Root::Local(folder.path().join(out));
        let stores = Stores::new(Settings::default()).unwrap();
        let spool = Spool::new(stores, runtime.handle().clone(), folder.path().join("spool"));
        peak_of(|| composite::<f64>(&request, &spool, &Proj, false, &mut |_, _| ()))
    };
    for (resampling, dtype) in [
        (Resampling::Nearest, DType::Int16),
        (Resampling::Nearest, DType::Float32),
        (Resampling::Average, DType::Float32),
    ] {
        let mut request = request(&items, resampling, dtype);
        let (made, plenty) = run(&request, &format!("{resampling}-{dtype}-plenty"));
        assert_eq!(made.unwrap().made, 1);
        // The first is less than is needed at all, the last more than is of use.
        let (mut done, mut scant) = (0, usize::MAX);
        for megabytes in [1, 8, 12, 24, 64] {
            request.memory = megabytes << 20;
            let (made, peak) = run(&request, &format!("{resampling}-{dtype}-{megabytes}"));
            match made {
                Ok(made) => assert_eq!(made.made, 1, "{:?}", made.failed),
                Err(error) => {
                    assert!(done == 0 && error.to_string().contains("--memory"), "{error}");
                    continue;
                }
            }
            println!("{resampling} {dtype}: {peak} of {}", request.memory);
            assert!(peak <= request.memory + SMALL, "{resampling} {dtype}: {peak} of {}", request.memory);
            (done, scant) = (done + 1, scant.min(peak));
        }
        // Otherwise the limit would have been none.
        println!("{resampling} {dtype}: {scant} at least, {plenty} at most");
        // Layers held as 16-bit steps take a quarter of what 64-bit values do.
        let enough = if dtype == DType::Int16 { 4 } else { 3 };
        assert!(done >= enough && scant < plenty, "{resampling} {dtype}: {scant}, {plenty}");
    }
}
