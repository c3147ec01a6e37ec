//! Cubes: all dates of an asset on a tile as one Zarr group.

use crate::support::{Sandbox, around, item_with, range, tiles, words};
use seedbed_block::date;
use seedbed_catalog::Item;
use seedbed_grid::PixelRange;
use seedbed_prep::{
    Attempt, Encoding, Expected, Format, MosaicFormat, MosaicRequest, PrepError, Prepare, PrepareReport,
    Rules, Unexpected, Variable, clean, mosaic, prepare, verify,
};
use seedbed_raster::cog::Compress;
use seedbed_raster::{DType, Proj, Raster, RasterSource};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Three days: the last has no `tmin`, and its `tmax` ends before the eastern tile.
fn items() -> Vec<Value> {
    let asset = |file: &str| json!({ "href": format!("./{file}"), "bands": [{ "unit": "degC" }] });
    let both = |n: usize| json!({ "tmax": asset(&format!("{n}.tif")), "tmin": asset(&format!("{n}n.tif")) });
    vec![
        item_with("1", "2004-02-28", &both(1)),
        item_with("2", "2004-02-29", &both(2)),
        item_with("4", "2004-03-02", &json!({ "tmax": asset("4.tif") })),
    ]
}

fn value(day: u32, pixel: usize) -> f64 {
    let step = u32::try_from(pixel % 50).unwrap();
    if pixel.is_multiple_of(9) { f64::NAN } else { f64::from(10 * day) + f64::from(step) / 5.0 }
}

fn request(sandbox: &Sandbox, format: Format, out: &str) -> Prepare {
    sandbox.cog("1.tif", around(), |i| value(1, i));
    sandbox.cog("2.tif", around(), |i| value(2, i));
    sandbox.cog("4.tif", PixelRange { cols: 6, ..around() }, |i| value(4, i));
    sandbox.cog("1n.tif", around(), |i| -value(1, i));
    sandbox.cog("2n.tif", around(), |i| -value(2, i));
    Prepare {
        name: "prepared".to_owned(),
        items: sandbox.items(&items()),
        assets: vec!["tmax".to_owned(), "tmin".to_owned()],
        grid: tiles(),
        rules: Rules::default(),
        cog: Prepare::default_cog(),
        format,
        period: None,
        out: seedbed_prep::Root::Local(sandbox.path(out)),
    }
}

fn run(sandbox: &Sandbox, request: &Prepare) -> Result<PrepareReport, PrepError> {
    prepare::<f32>(request, &sandbox.spool(), &Proj, false, &mut |_, _| {})
}

/// The record of a tile's product.
fn record(sandbox: &Sandbox, out: &str, tile: &str) -> (PathBuf, Value) {
    let root = sandbox.path(out);
    let set = Expected::read(&root).unwrap().0;
    let path = set.members.iter().find(|m| m.tile == tile).unwrap().record(&root);
    let said = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    (path, said)
}

fn cube(sandbox: &Sandbox, out: &str, tile: &str, asset: &str) -> PathBuf {
    let (path, said) = record(sandbox, out, tile);
    path.parent().unwrap().join(said["assets"][asset]["href"].as_str().unwrap())
}

#[test]
fn a_tiles_dates_become_one_cube_an_asset_and_only_once() {
    let sandbox = Sandbox::new();
    let cubes = request(&sandbox, Format::Zarr, "cubes");
    let report = run(&sandbox, &cubes).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!((report.expected, report.made, report.present), (2, 2, 0));
    let checked = verify(&sandbox.path("cubes")).unwrap();
    assert!(checked.is_complete() && checked.files == 4, "{checked:?}");
    let before = sandbox.files("cubes");
    let again = run(&sandbox, &cubes).unwrap();
    assert_eq!((again.made, again.present), (0, 2));
    assert_eq!(sandbox.files("cubes"), before);
    assert!(before.keys().all(|path| !path.to_string_lossy().contains(".part")));

    // The same values as in the COGs of the same dates.
    let cogs = request(&sandbox, Format::Cog, "cogs");
    assert_eq!(run(&sandbox, &cogs).unwrap().made, 5);
    for (tile, asset, days) in [
        ("west", "tmax", vec![date(2004, 2, 28), date(2004, 2, 29), date(2004, 3, 2)]),
        ("west", "tmin", vec![date(2004, 2, 28), date(2004, 2, 29)]),
        ("east", "tmax", vec![date(2004, 2, 28), date(2004, 2, 29)]),
    ] {
        let raster = Raster::open(&RasterSource::new(cube(&sandbox, "cubes", tile, asset))).unwrap();
        let found: Vec<_> = raster.layers().iter().map(|l| l.date.unwrap()).collect();
        assert_eq!(found, days, "{tile} {asset}");
        for (layer, day) in days.iter().enumerate() {
            let cog = sandbox.cogs("cogs").into_iter().find(|path| {
                path.file_name().unwrap().to_str().unwrap() == format!("{asset}_{tile}_{day}.tif")
            });
            let cog = Raster::open(&RasterSource::new(cog.unwrap())).unwrap();
            let whole = PixelRange::of_shape(range(tile).shape());
            let (a, b): (Vec<f32>, Vec<f32>) =
                (raster.read(layer, whole).unwrap(), cog.read(0, whole).unwrap());
            assert!(a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()), "{a:?} {b:?}");
        }
    }
}

#[test]
fn the_record_describes_the_axes() {
    let sandbox = Sandbox::new();
    run(&sandbox, &request(&sandbox, Format::Zarr, "cubes")).unwrap();
    let (path, said) = record(&sandbox, "cubes", "west");
    assert!(path.parent().unwrap().ends_with("west/2004-02-28--2004-03-02"), "{}", path.display());
    assert!(
        said["stac_extensions"].as_array().unwrap().iter().any(|e| e.as_str().unwrap().contains("datacube"))
    );
    let dimensions = &said["properties"]["cube:dimensions"];
    let days = ["2004-02-28T00:00:00Z", "2004-02-29T00:00:00Z", "2004-03-02T00:00:00Z"];
    assert_eq!(dimensions["time"]["values"], json!(days));
    assert_eq!(dimensions["x"]["reference_system"], 4326);
    assert_eq!(dimensions["x"]["step"], 0.1);
    assert_eq!(said["properties"]["cube:variables"]["tmin"]["dimensions"], json!(["time", "y", "x"]));
    let tmin = &said["assets"]["tmin"];
    assert_eq!(tmin["cube:dimensions"]["time"]["values"], json!(days[..2]));
    assert_eq!(tmin["type"], "application/vnd.zarr; version=3");
    assert_eq!(
        tmin["bands"][0]["statistics"]["valid_percent"],
        said["assets"]["tmin"]["bands"][0]["statistics"]["valid_percent"]
    );
    assert!(tmin["href"].as_str().unwrap().ends_with("/tmin.zarr"), "{tmin}");
    assert_eq!(tmin["seedbed:folder"]["files"], 11, "{tmin}");
    assert!(said["links"].as_array().unwrap().iter().filter(|l| l["rel"] == "derived_from").count() == 5);
}

#[test]
fn other_days_and_tiles_stand_beside_the_cubes_that_are_there() {
    let sandbox = Sandbox::new();
    let all = request(&sandbox, Format::Zarr, "cubes");
    let part = |tile: &str, days: &str| {
        let mut some = all.clone();
        some.grid.tiles.retain(|t| t.name == tile);
        Prepare { period: Some(days.parse().unwrap()), ..some }
    };
    let root = sandbox.path("cubes");
    let there = || -> Vec<String> {
        let checked = verify(&root).unwrap();
        assert!(checked.is_complete(), "{checked:?}");
        let set = Expected::read(&root).unwrap().0;
        set.members.iter().map(|m| format!("{} {}", m.tile, m.period)).collect()
    };
    let (first, second) = ("2004-02-28--2004-02-28", "2004-02-29--2004-03-02");
    for (tile, days) in [
        ("west", "2004-02-28"),
        ("west", "2004-02-29/2004-03-02"),
        ("east", "2004-02-28"),
        ("west", "2004-02-28"),
    ] {
        assert!(run(&sandbox, &part(tile, days)).unwrap().failed.is_empty());
    }
    assert_eq!(there(), [format!("west {first}"), format!("west {second}"), format!("east {first}")]);
    // Some of a cube's days with others, or without the rest, would be there twice.
    for days in ["2004-02-28/2004-02-29", "2004-03-01/2004-03-02"] {
        let error = run(&sandbox, &part("west", days)).unwrap_err();
        let said = words(&error);
        assert!(error.is_usage() && said.contains("west") && said.contains("2004-03-02"), "{said}");
    }
    assert_eq!(there().len(), 3);
    run(&sandbox, &all).unwrap();
    assert_eq!(there(), ["west 2004-02-28--2004-03-02", "east 2004-02-28--2004-02-29"]);
    // COGs of the same days are another product.
    run(&sandbox, &Prepare { format: Format::Cog, ..all }).unwrap();
    assert_eq!(there().len(), 5);
}

#[test]
fn damage_inside_a_cube_is_found_and_mended() {
    let sandbox = Sandbox::new();
    let cubes = request(&sandbox, Format::Zarr, "cubes");
    run(&sandbox, &cubes).unwrap();
    let before = sandbox.files("cubes");
    let chunk = cube(&sandbox, "cubes", "west", "tmax").join("tmax/c/0/0/0");
    let mut bytes = fs::read(&chunk).unwrap();
    bytes[9] ^= 1;
    fs::write(&chunk, &bytes).unwrap();
    let found = verify(&sandbox.path("cubes")).unwrap();
    assert_eq!((found.problems.len(), found.problems[0].missing), (1, false), "{found:?}");
    assert_eq!(found.problems[0].variable.as_deref(), Some("tmax"));
    fs::remove_file(&chunk).unwrap();
    assert_eq!(verify(&sandbox.path("cubes")).unwrap().problems.len(), 1);
    let mended = run(&sandbox, &cubes).unwrap();
    assert_eq!((mended.made, mended.present), (1, 1));
    assert!(verify(&sandbox.path("cubes")).unwrap().is_complete());
    // What was damaged is set aside; the next cleaning removes it.
    let cleaned = clean(&sandbox.path("cubes"), Unexpected::Stays, Duration::ZERO, false).unwrap();
    assert_eq!((cleaned.attempts.len(), cleaned.superseded.len()), (1, 0), "{cleaned:?}");
    assert_eq!(sandbox.files("cubes"), before);
}

#[test]
fn a_cube_that_fails_leaves_nothing_and_stops_no_other() {
    let sandbox = Sandbox::new();
    let mut cubes = request(&sandbox, Format::Zarr, "cubes");
    // The western tile alone has the third day, whose values don't fit.
    sandbox.cog("4.tif", PixelRange { cols: 6, ..around() }, |_| 70_000.0);
    cubes.cog.dtype = DType::Int16;
    cubes.cog.nodata = Some(-32_768.0);
    let report = run(&sandbox, &cubes).unwrap();
    assert_eq!((report.made, report.failed.len()), (1, 1), "{report:?}");
    assert!(report.failed[0].contains("west") && report.failed[0].contains("70000"), "{report:?}");
    assert!(!sandbox.files("cubes").keys().any(|path| path.starts_with("west")));
    assert_eq!(verify(&sandbox.path("cubes")).unwrap().problems.len(), 1);
}

#[test]
fn a_mosaic_of_cubes_is_a_cube_with_the_pixels_of_a_mosaic_of_cogs() {
    let sandbox = Sandbox::new();
    let local = |path: &str| seedbed_prep::Root::Local(sandbox.path(path));
    for (dtype, nodata) in [(DType::Float32, f64::NAN), (DType::Int16, -32_768.0)] {
        let [cogs, cubes, joined, whole] =
            ["cogs", "cubes", "joined", "whole"].map(|name| format!("{name}-{dtype}"));
        for (format, out) in [(Format::Cog, &cogs), (Format::Zarr, &cubes)] {
            let mut wanted = request(&sandbox, format, out);
            (wanted.cog.dtype, wanted.cog.nodata) = (dtype, Some(nodata));
            wanted.cog.scale = if dtype == DType::Int16 { 0.1 } else { 1.0 };
            run(&sandbox, &wanted).unwrap();
        }
        let put = |product: &str, out: &str| {
            let wanted =
                MosaicRequest { product: local(product), out: local(out), ..MosaicRequest::default() };
            mosaic(&wanted, &sandbox.spool(), &Proj, &mut |_, _| ()).unwrap()
        };
        put(&cogs, &whole);
        // The eastern tile has two of the western one's three days: it is in the same mosaic.
        let report = put(&cubes, &joined);
        assert_eq!((report.periods, report.made, report.holes.len()), (1, 1, 0));
        let before = sandbox.files(&joined);
        assert_eq!((put(&cubes, &joined).present, sandbox.files(&joined) == before), (1, true));
        let found = verify(&sandbox.path(&joined)).unwrap();
        assert!(found.is_complete(), "{found:?}");
        let (path, said) = record(&sandbox, &joined, "mosaic");
        let properties = &said["properties"];
        assert_eq!(properties["start_datetime"], "2004-02-28T00:00:00Z");
        assert_eq!(properties["end_datetime"], "2004-03-02T23:59:59Z");
        assert_eq!(properties["cube:dimensions"]["time"]["values"].as_array().unwrap().len(), 3);
        for (variable, days) in [("tmax", 3), ("tmin", 2)] {
            let href = said["assets"][variable]["href"].as_str().unwrap();
            let cube = Raster::open(&RasterSource::new(path.parent().unwrap().join(href))).unwrap();
            assert_eq!((cube.layers().len(), cube.data_type()), (days, dtype));
            for (n, layer) in cube.layers().iter().enumerate() {
                let day = layer.date.unwrap().to_string();
                let of_day = |p: &PathBuf| p.file_name().unwrap().to_string_lossy().contains(&day);
                let of_variable = |p: &PathBuf| p.file_name().unwrap().to_string_lossy().contains(variable);
                let cog = sandbox.cogs(&whole).into_iter().find(|p| of_day(p) && of_variable(p)).unwrap();
                let cog = Raster::open(&RasterSource::new(cog)).unwrap();
                let all = PixelRange::of_shape(cog.geobox().shape);
                let bits = |raster: &Raster, layer| -> Vec<u64> {
                    let values: Vec<f64> =
                        raster.read(layer, PixelRange::of_shape(raster.geobox().shape)).unwrap();
                    values.into_iter().map(f64::to_bits).collect()
                };
                assert_eq!(cube.geobox().affine, cog.geobox().affine);
                assert_eq!(all, PixelRange::of_shape(cube.geobox().shape));
                assert_eq!(bits(&cube, n), bits(&cog, 0), "{variable} {day}");
            }
        }
    }
}

#[test]
fn a_compression_that_zarr_has_not_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let mut wanted = request(&sandbox, Format::Zarr, "lerc");
    wanted.cog.compress = Compress::LercZstd;
    for dry_run in [true, false] {
        let error = prepare::<f32>(&wanted, &sandbox.spool(), &Proj, dry_run, &mut |_, _| {}).unwrap_err();
        assert!(error.is_usage() && words(&error).contains("choose deflate, zstd or none"), "{error}");
    }
    run(&sandbox, &request(&sandbox, Format::Zarr, "cubes")).unwrap();
    let encoding = Encoding { compress: Compress::Lerc, ..Encoding::default() };
    let root = |path: &str| seedbed_prep::Root::Local(sandbox.path(path));
    let (product, out) = (root("cubes"), root("mosaic"));
    let wanted = MosaicRequest { product, out, encoding, ..MosaicRequest::default() };
    assert!(mosaic(&wanted, &sandbox.spool(), &Proj, &mut |_, _| ()).unwrap_err().is_usage());
    assert!(sandbox.files("lerc").is_empty() && sandbox.files("mosaic").is_empty());
}

#[test]
fn a_mosaic_of_another_kind_than_its_tiles_is_refused_with_the_way_out() {
    let sandbox = Sandbox::new();
    for (format, wrong, word) in [
        (Format::Zarr, MosaicFormat::Cog, "--format cog"),
        (Format::Zarr, MosaicFormat::Vrt, "leave --format out"),
        (Format::Cog, MosaicFormat::Zarr, "--format zarr"),
    ] {
        run(&sandbox, &request(&sandbox, format, "product")).unwrap();
        let wanted = MosaicRequest {
            product: seedbed_prep::Root::Local(sandbox.path("product")),
            out: seedbed_prep::Root::Local(sandbox.path("mosaic")),
            format: Some(wrong),
            ..MosaicRequest::default()
        };
        let error = mosaic(&wanted, &sandbox.spool(), &Proj, &mut |_, _| ()).unwrap_err();
        assert!(error.is_usage() && words(&error).contains(word), "{error}");
        assert!(sandbox.files("mosaic").is_empty());
        fs::remove_dir_all(sandbox.path("product")).unwrap();
    }
}

#[test]
fn a_cube_is_an_input_like_any_other() {
    let sandbox = Sandbox::new();
    run(&sandbox, &request(&sandbox, Format::Zarr, "cubes")).unwrap();
    let cogs = request(&sandbox, Format::Cog, "cogs");
    run(&sandbox, &cogs).unwrap();
    // The tiles' records lie below their product's folder, and so do their hrefs.
    let records = ["west", "east"].map(|tile| {
        let (path, mut said) = record(&sandbox, "cubes", tile);
        for (_, asset) in said["assets"].as_object_mut().unwrap() {
            let href = path.parent().unwrap().join(asset["href"].as_str().unwrap());
            asset["href"] = json!(href);
        }
        said
    });
    let items: Vec<Item> = sandbox.items(&records);
    let again = Prepare { items, out: seedbed_prep::Root::Local(sandbox.path("again")), ..cogs };
    let report = run(&sandbox, &again).unwrap();
    assert!(report.failed.is_empty() && report.made == 5, "{report:?}");
    let bytes = |out: &str| {
        let all = sandbox.cogs(out).into_iter();
        all.map(|path| (path.file_name().unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    assert!(bytes("again") == bytes("cogs"));
}

#[test]
fn what_a_kill_leaves_has_no_final_name_and_is_cleaned_away() {
    let sandbox = Sandbox::new();
    let cubes = request(&sandbox, Format::Zarr, "cubes");
    run(&sandbox, &cubes).unwrap();
    let whole = sandbox.files("cubes");
    let root = sandbox.path("cubes");
    let set = Expected::read(&root).unwrap().0;
    let member = set.members.iter().find(|m| m.tile == "west").unwrap();
    fs::remove_dir_all(member.folder(&root)).unwrap();
    // As far as a process comes that dies while it writes the second cube: nobody tidies up.
    let geobox = set.grid.geobox(range("west"));
    let mut attempt = Attempt::begin(&root, member, &geobox, &cubes.cog).unwrap();
    let variable = |name: &str| Variable { name: name.to_owned(), ..Variable::default() };
    let days = vec![date(2004, 2, 28), date(2004, 2, 29)];
    for name in ["tmax", "tmin"] {
        let mut writer = attempt.begin_cube(&variable(name), &days, &cubes.cog).unwrap();
        writer.write(&[1.5_f32; 60]).unwrap();
        if name == "tmax" {
            attempt.keep_cube(variable(name), days.clone(), writer).unwrap();
        } else {
            std::mem::forget(writer);
        }
    }
    std::mem::forget(attempt);
    let left: Vec<_> = sandbox.files("cubes").into_keys().filter(|p| p.starts_with("west")).collect();
    assert!(left.len() > 10 && left.iter().all(|p| p.to_string_lossy().contains(".part")), "{left:?}");
    assert_eq!(verify(&root).unwrap().problems.len(), 1);
    assert_eq!(run(&sandbox, &cubes).unwrap().made, 1);
    assert_eq!(clean(&root, Unexpected::Stays, Duration::ZERO, false).unwrap().attempts.len(), 1);
    assert_eq!(sandbox.files("cubes"), whole);
}
