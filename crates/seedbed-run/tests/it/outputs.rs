//! What is gathered over periods, and how it is stored.

use crate::support::{PROJECT, Sandbox, Unwatched};
use seedbed_raster::{DType, Raster, RasterSource};
use seedbed_run::Progress;
use std::sync::Mutex;

/// A run with daily and monthly products of a variant, in 64 bits.
fn daily(variant: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let model = format!("name = \"veget\"\nprecision = \"f64\"\nvariant = \"{variant}\"");
    let text = PROJECT.replace("name = \"veget\"", &model);
    sandbox.write_project(&text.replace("[\"monthly\", \"yearly\"]", "[\"daily\", \"monthly\"]"));
    sandbox
}

/// The sum of the tile's first pixel over days of February from `first` on.
fn february(sandbox: &Sandbox, first: u32) -> f64 {
    (first..=29).map(|day| sandbox.values("west", &format!("2004-02-{day}"), "etasw")[0]).sum()
}

#[test]
fn a_month_is_the_sum_of_its_days_and_a_store_that_of_the_last() {
    let sandbox = daily("default");
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let month = sandbox.values("west", "2004-02", "etasw")[0];
    assert!(month > 0.0 && (month - february(&sandbox, 20)).abs() < 1e-12);
    assert_eq!(sandbox.values("west", "2004-02", "swf"), sandbox.values("west", "2004-02-29", "swf"));
}

#[test]
fn a_variant_that_leaves_the_first_day_out_of_sums_still_writes_that_day() {
    let sandbox = daily("master");
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let first = sandbox.values("west", "2004-02-20", "etasw")[0];
    assert!(first > 0.0, "{first}");
    assert!(sandbox.values("west", "2004-02-20", "swf")[0] > 0.0);
    let month = sandbox.values("west", "2004-02", "etasw")[0];
    assert!((month - february(&sandbox, 21)).abs() < 1e-12, "{month}");
}

#[test]
fn a_missing_last_day_is_counted_and_holds_the_store() {
    let sandbox = daily("default");
    sandbox.raster("data/ppt_2004-02-29.tif", "mm", |_| f64::NAN);
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(sandbox.values("west", "2004-02-29", "swf")[0].is_nan());
    assert_eq!(sandbox.values("west", "2004-02", "swf"), sandbox.values("west", "2004-02-28", "swf"));
    let month = sandbox.values("west", "2004-02", "etasw")[0];
    let days: f64 = (20..=28).map(|day| sandbox.values("west", &format!("2004-02-{day}"), "etasw")[0]).sum();
    assert!((month - days).abs() < 1e-12);
    let plan = sandbox.plan();
    let record = plan.tasks[0].products.iter().find(|p| p.period == "2004-02").unwrap();
    let text = std::fs::read_to_string(record.record(&sandbox.path("out"))).unwrap();
    assert!(text.contains("\"seedbed:days_missing_at_most\": 1"), "{text}");
    assert!(text.contains("\"seedbed:partial\": true"), "{text}");
}

#[test]
fn bytes_can_hold_nothing_fallen() {
    let sandbox = Sandbox::new();
    let text = PROJECT.replace("[\"etasw\", \"swf\"]", "[\"srf\", \"swf\"]");
    sandbox.write_project(&text.replace("variables =", "dtype = \"uint8\"\nscale = 1\nvariables ="));
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let values = sandbox.values("west", "2004-02", "srf");
    assert!(values.iter().all(|v| *v == 0.0), "no surface runoff is a value: {values:?}");
    let raster = Raster::open(&RasterSource::new(sandbox.cog("west", "2004-02", "srf"))).unwrap();
    assert_eq!((raster.data_type(), raster.nodata()), (DType::UInt8, Some(255.0)));
}

/// Notes how many days are behind, tile by tile.
struct Noted(Mutex<Vec<usize>>);

impl Progress for Noted {
    fn advanced(&self, done: usize, _: usize) {
        self.0.lock().unwrap().push(done);
    }
}

#[test]
fn days_behind_the_last_product_that_is_wanted_are_not_computed() {
    let sandbox = Sandbox::new();
    sandbox.run(&Unwatched).unwrap();
    std::fs::remove_dir_all(sandbox.path("out/west/2004-02")).unwrap();
    let noted = Noted(Mutex::default());
    let again = sandbox.run(&noted).unwrap();
    assert_eq!((again.made, again.present), (1, 5));
    // Ten days to the end of February, and then the tile is done.
    let seen = noted.0.into_inner().unwrap();
    assert!(seen.iter().all(|days| *days <= 10 || *days == 20), "{seen:?}");
    assert_eq!(seen.last(), Some(&20));
}

#[test]
fn a_climatology_stands_for_every_year() {
    let sandbox = daily("default");
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let of_the_year = sandbox.values("west", "2004-02", "etasw");
    // The same layers, whatever year they carry.
    let text = std::fs::read_to_string(sandbox.path("ndvi.json")).unwrap();
    std::fs::write(sandbox.path("ndvi.json"), text.replace("\"2004-", "\"1996-")).unwrap();
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    let project = std::fs::read_to_string(sandbox.path("seedbed.toml")).unwrap();
    sandbox.write_project(&project.replace("time = \"composite\"", "time = \"climatology\""));
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(sandbox.values("west", "2004-02", "etasw"), of_the_year);
}
