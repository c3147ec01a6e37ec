//! Variants that reproduce others' code come to infinite values where a pixel's capacity is 0.

use crate::support::{PROJECT, Sandbox, Unwatched};
use seedbed_block::PixelRange;
use seedbed_prep::{MosaicRequest, Root, mosaic, verify};
use seedbed_raster::{Proj, Raster, RasterSource};
use serde_json::Value;
use std::path::Path;

/// Open water over a soil that holds nothing in every third pixel.
fn sandbox(variant: &str, output: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.raster("data/whc.tif", "mm", |i| if i % 3 == 0 { 0.0 } else { 80.0 + f64::from(i) });
    let text = PROJECT
        .replace("name = \"veget\"", &format!("name = \"veget\"\nvariant = \"{variant}\""))
        .replace("[statics.whc]", "[statics.water]\nvalue = 1\n\n[statics.whc]")
        .replace("asset = \"ppt\"", "asset = \"ppt\"\nscale = 0.001")
        .replace("\"etasw\", \"swf\"", "\"etasw5\", \"swf\"")
        .replace("variables =", &format!("{output}\nvariables ="));
    sandbox.write_project(&text);
    sandbox
}

/// Values with the infinite ones.
fn values(path: &Path) -> Vec<f64> {
    let mut raster = Raster::open(&RasterSource::new(path)).unwrap();
    raster.keep_infinite();
    raster.read(0, PixelRange::of_shape(raster.geobox().shape)).unwrap()
}

fn count(values: &[f64]) -> [usize; 2] {
    let of = |is: fn(f64) -> bool| values.iter().filter(|v| is(**v)).count();
    [of(f64::is_infinite), of(f64::is_finite)]
}

#[test]
fn what_is_infinite_is_stored_recorded_verified_and_mosaicked() {
    for (variant, dtype) in [("reference", "float32"), ("reference", "float64"), ("master", "float32")] {
        let sandbox = sandbox(variant, &format!("dtype = \"{dtype}\""));
        let report = sandbox.run(&Unwatched).unwrap();
        assert!(report.failed.is_empty(), "{variant} {dtype}: {:?}", report.failed);
        let cog = sandbox.cog("west", "2004-03", "etasw5");
        let [infinite, finite] = count(&values(&cog));
        assert!(infinite >= 8 && finite >= 20, "{variant} {dtype}: {infinite}, {finite}");
        assert!(verify(&sandbox.path("out")).unwrap().is_complete());
        let record = sandbox.plan().tasks[0].products[1].record(&sandbox.path("out"));
        let record: Value = serde_json::from_str(&std::fs::read_to_string(record).unwrap()).unwrap();
        let statistics = &record["assets"]["etasw5"]["bands"][0]["statistics"];
        for name in ["minimum", "maximum", "mean", "stddev", "valid_percent"] {
            assert!(statistics[name].as_f64().is_some_and(f64::is_finite), "{name}: {statistics}");
        }
        let request = MosaicRequest {
            product: Root::Local(sandbox.path("out")),
            out: Root::Local(sandbox.path("mosaic")),
            ..MosaicRequest::default()
        };
        mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| {}).unwrap();
        let files = sandbox.files("mosaic").into_keys();
        let whole = files.filter(|p| p.ends_with("etasw5_mosaic_2004-03.tif")).collect::<Vec<_>>();
        let whole = count(&values(&sandbox.path("mosaic").join(&whole[0])));
        assert_eq!(whole, {
            let other = count(&values(&sandbox.cog("east", "2004-03", "etasw5")));
            [infinite + other[0], finite + other[1]]
        });
    }
}

#[test]
fn cubes_hold_what_is_infinite() {
    let sandbox = sandbox("reference", "format = \"zarr\"");
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(verify(&sandbox.path("out")).unwrap().is_complete());
}

#[test]
fn what_has_no_infinite_numbers_says_so() {
    for (output, what) in [
        ("dtype = \"int16\"\nscale = 0.1", "int16 has no infinite numbers"),
        ("compress = \"lerc\"", "lerc holds none"),
    ] {
        let report = sandbox("reference", output).run(&Unwatched).unwrap();
        assert_eq!(report.failed.len(), 2);
        let failed = &report.failed[0];
        assert!(failed.reason.contains(what) && !failed.reason.contains("scale"), "{}", failed.reason);
        assert!(!failed.usage && failed.reason.contains("inf at row"), "{}", failed.reason);
    }
}

#[test]
fn a_value_that_does_not_fit_is_told_with_the_range_of_the_tile() {
    let sandbox = Sandbox::new();
    sandbox.write_project(&PROJECT.replace("variables =", "dtype = \"uint8\"\nscale = 0.1\nvariables ="));
    let report = sandbox.run(&Unwatched).unwrap();
    let said = &report.failed[0].reason;
    assert!(said.contains("its values go from") && said.contains("larger --scale"), "{said}");
}
