//! Tiles put together, and what must never happen to a mosaic.

use crate::support::{Sandbox, TILE, description, grid, item, member, provenance, range, tiles, words};
use seedbed_grid::{PixelGrid, PixelRange, Projections, Tile, TileGrid, Xy};
use seedbed_prep::{
    Attempt, Encoding, Expected, Format, MosaicFormat, MosaicReport, MosaicRequest, PrepError, Prepare,
    Rules, Variable, mosaic, prepare, verify,
};
use seedbed_raster::cog::{self, BandMeta, CogOptions, Compress};
use seedbed_raster::{Proj, Raster, RasterSource};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn put_together(sandbox: &Sandbox, allow_holes: bool) -> Result<MosaicReport, PrepError> {
    put_into(sandbox, "mosaic", allow_holes)
}

fn put_into(sandbox: &Sandbox, out: &str, allow_holes: bool) -> Result<MosaicReport, PrepError> {
    let request = MosaicRequest {
        product: seedbed_prep::Root::Local(sandbox.path("out")),
        out: seedbed_prep::Root::Local(sandbox.path(out)),
        allow_holes,
        ..MosaicRequest::default()
    };
    mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| {})
}

fn both(sandbox: &Sandbox) -> Expected {
    let members = [member("west", "2004-01"), member("east", "2004-01")];
    sandbox.commit("out", &members[0], &[("a", 1.0), ("b", 10.0)]);
    sandbox.commit("out", &members[1], &[("a", 2.0), ("b", 20.0)]);
    sandbox.expect("out", &["a", "b"], &members)
}

fn values(path: &Path) -> (PixelRange, Vec<f64>) {
    let raster = Raster::open(&RasterSource::new(path)).unwrap();
    let shape = PixelRange::of_shape(raster.geobox().shape);
    (grid().range_of("mosaic", raster.geobox()).unwrap(), raster.read(0, shape).unwrap())
}

fn named(sandbox: &Sandbox, start: &str) -> std::path::PathBuf {
    let is = |p: &std::path::PathBuf| p.file_name().unwrap().to_string_lossy().starts_with(start);
    sandbox.cogs("mosaic").into_iter().find(is).unwrap()
}

#[test]
fn tiles_come_to_lie_where_their_pixels_are() {
    let sandbox = Sandbox::new();
    both(&sandbox);
    let report = put_together(&sandbox, false).unwrap();
    assert_eq!((report.periods, report.made, report.holes.len()), (1, 1, 0));
    let (at, pixels) = values(&named(&sandbox, "a_"));
    assert_eq!(at, range("west").union(range("east")));
    assert_eq!(pixels[..10], [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0]);
    assert_eq!(values(&named(&sandbox, "b_")).1[9], 20.0);
    let checked = verify(&sandbox.path("mosaic")).unwrap();
    assert!(checked.is_complete(), "{:?}", checked.problems);
    let again = put_together(&sandbox, false).unwrap();
    assert_eq!((again.made, again.present), (0, 1));
}

#[test]
fn a_hole_fails_the_mosaic_unless_it_is_allowed_and_then_said() {
    let sandbox = Sandbox::new();
    let set = both(&sandbox);
    let lost = set.members[1].record(&sandbox.path("out"));
    let record = fs::read(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    let said = words(&put_together(&sandbox, false).unwrap_err());
    assert!(said.contains("1 of 2") && said.contains("east 2004-01"), "{said}");
    assert!(sandbox.files("mosaic").is_empty());
    let report = put_together(&sandbox, true).unwrap();
    assert_eq!(report.holes, ["east 2004-01"]);
    let made = Expected::read(&sandbox.path("mosaic")).unwrap().0.members[0].record(&sandbox.path("mosaic"));
    let text = fs::read_to_string(made).unwrap();
    assert!(text.contains("\"seedbed:holes\""), "{text}");
    let (at, pixels) = values(&named(&sandbox, "a_"));
    assert_eq!(at.cols, 10, "a hole does not shrink the mosaic");
    assert!(pixels[..5].iter().all(|v| *v == 1.0) && pixels[5..10].iter().all(|v| v.is_nan()));
    // Once the tile is there, the mosaic without the hole takes the place of the other.
    fs::write(&lost, record).unwrap();
    assert_eq!(put_together(&sandbox, false).unwrap().made, 1);
    assert!(verify(&sandbox.path("mosaic")).unwrap().is_complete());
}

#[test]
fn a_damaged_record_is_a_hole_as_a_missing_one_is() {
    let sandbox = Sandbox::new();
    let set = both(&sandbox);
    fs::write(set.members[0].record(&sandbox.path("out")), "{").unwrap();
    assert!(put_together(&sandbox, false).is_err());
    assert_eq!(put_together(&sandbox, true).unwrap().holes, ["west 2004-01"]);
}

#[test]
fn a_tile_file_that_lies_elsewhere_on_the_grid_is_refused() {
    let sandbox = Sandbox::new();
    let members = [member("west", "2004-01"), member("east", "2004-01")];
    sandbox.commit("out", &members[0], &[("a", 1.0)]);
    for wrong in
        [range("west"), PixelRange { row0: 500, ..range("east") }, PixelRange { cols: 4, ..range("east") }]
    {
        let _ = fs::remove_dir_all(sandbox.path("out/east"));
        let geobox = grid().geobox(wrong);
        let mut attempt =
            Attempt::begin(&sandbox.path("out"), &members[1], &geobox, &CogOptions::default()).unwrap();
        let variable = Variable { name: "a".to_owned(), ..Variable::default() };
        attempt.write(variable, &vec![2.0; wrong.shape().len()]).unwrap();
        attempt.commit(&sandbox.spool(), &Proj, &description(&provenance())).unwrap();
        sandbox.expect("out", &["a"], &members);
        let said = words(&put_together(&sandbox, false).unwrap_err());
        assert!(said.contains("a_east_2004-01.tif"), "{said}");
        assert!(!verify(&sandbox.path("out")).unwrap().is_complete());
    }
}

#[test]
fn a_tile_off_the_grid_is_refused() {
    let sandbox = Sandbox::new();
    let members = [member("west", "2004-01"), member("east", "2004-01")];
    sandbox.commit("out", &members[0], &[("a", 1.0)]);
    let mut geobox = grid().geobox(range("east"));
    geobox.affine.c += 0.001;
    let mut attempt =
        Attempt::begin(&sandbox.path("out"), &members[1], &geobox, &CogOptions::default()).unwrap();
    attempt.write(Variable { name: "a".to_owned(), ..Variable::default() }, &vec![2.0; TILE.len()]).unwrap();
    attempt.commit(&sandbox.spool(), &Proj, &description(&provenance())).unwrap();
    sandbox.expect("out", &["a"], &members);
    let said = words(&put_together(&sandbox, false).unwrap_err());
    assert!(said.contains("off the grid"), "{said}");
}

#[test]
fn a_damaged_tile_of_the_right_size_is_refused() {
    let sandbox = Sandbox::new();
    let members = [member("west", "2004-01"), member("east", "2004-01")];
    for m in &members {
        sandbox.commit("out", m, &[("a", 1.0)]);
    }
    sandbox.expect("out", &["a"], &members);
    let path = &sandbox.cogs("out")[0];
    let mut bytes = fs::read(path).unwrap();
    // In the band's description, which decoding doesn't notice.
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(path, bytes).unwrap();
    let dated = |at: std::time::SystemTime| {
        fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
    };
    let hour = std::time::Duration::from_secs(3600);
    // One that a disk has spoilt is as old as it was; one that was written since its record is looked at.
    dated(std::time::SystemTime::now() - hour);
    let said = words(&put_together(&sandbox, false).unwrap_err());
    assert!(said.contains("a_") && said.contains("checksum"), "{said}");
    dated(std::time::SystemTime::now() + hour);
    let said = words(&put_together(&sandbox, false).unwrap_err());
    assert!(said.contains("1 of 2 tiles are missing"), "{said}");
}

#[test]
fn tiles_need_not_have_the_same_variables() {
    let sandbox = Sandbox::new();
    let mut members = [member("west", "2004-01"), member("east", "2004-01")];
    members[0].variables = Some(vec!["a".to_owned()]);
    sandbox.commit("out", &members[0], &[("a", 1.0)]);
    sandbox.commit("out", &members[1], &[("a", 2.0), ("b", 20.0)]);
    sandbox.expect("out", &["a", "b"], &members);
    put_together(&sandbox, false).unwrap();
    assert_eq!(values(&named(&sandbox, "a_")).1[9], 2.0);
    let pixels = values(&named(&sandbox, "b_")).1;
    assert!(pixels[0].is_nan() && pixels[9] == 20.0, "{pixels:?}");
    assert!(verify(&sandbox.path("mosaic")).unwrap().is_complete());
}

#[test]
fn a_mosaic_never_takes_its_own_product_for_its_folder() {
    let sandbox = Sandbox::new();
    both(&sandbox);
    let before = sandbox.files("out");
    for out in ["out", "out/../out"] {
        let said = words(&put_into(&sandbox, out, false).unwrap_err());
        assert!(said.contains("out"), "{said}");
        assert_eq!(sandbox.files("out"), before);
    }
}

#[test]
fn a_mosaic_keeps_the_stored_type_of_its_tiles() {
    let sandbox = Sandbox::new();
    let options = CogOptions {
        dtype: seedbed_raster::DType::Int16,
        scale: 0.1,
        nodata: Some(-32768.0),
        ..CogOptions::default()
    };
    let members = [member("west", "2004-01"), member("east", "2004-01")];
    for (m, value) in members.iter().zip([1.5, f64::NAN]) {
        let geobox = grid().geobox(range(&m.tile));
        let mut attempt = Attempt::begin(&sandbox.path("out"), m, &geobox, &options).unwrap();
        attempt
            .write(Variable { name: "a".to_owned(), ..Variable::default() }, &vec![value; TILE.len()])
            .unwrap();
        attempt.commit(&sandbox.spool(), &Proj, &description(&provenance())).unwrap();
    }
    sandbox.expect("out", &["a"], &members);
    put_together(&sandbox, false).unwrap();
    let raster = Raster::open(&RasterSource::new(named(&sandbox, "a_"))).unwrap();
    assert_eq!(raster.data_type(), seedbed_raster::DType::Int16);
    assert!((raster.scale() - 0.1).abs() < 1e-15 && raster.nodata() == Some(-32768.0));
    let pixels = values(&named(&sandbox, "a_")).1;
    assert!((pixels[0] - 1.5).abs() < 1e-12 && pixels[9].is_nan());
}

/// The files of a mosaic with this ending, by variable.
fn ending(sandbox: &Sandbox, out: &str, ending: &str) -> Vec<std::path::PathBuf> {
    let is = |p: &std::path::PathBuf| p.to_string_lossy().ends_with(ending);
    sandbox.files(out).into_keys().filter(is).map(|p| sandbox.path(out).join(p)).collect()
}

#[test]
fn a_virtual_raster_gives_the_pixels_of_the_cog_and_holds_none() {
    let sandbox = Sandbox::new();
    both(&sandbox);
    put_together(&sandbox, false).unwrap();
    let request = MosaicRequest {
        product: seedbed_prep::Root::Local(sandbox.path("out")),
        out: seedbed_prep::Root::Local(sandbox.path("virtual")),
        format: Some(MosaicFormat::Vrt),
        ..MosaicRequest::default()
    };
    let put = || mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| {});
    assert_eq!(put().unwrap().made, 1);
    assert!(verify(&sandbox.path("virtual")).unwrap().is_complete());
    let files = ending(&sandbox, "virtual", ".vrt");
    assert_eq!((files.len(), sandbox.cogs("virtual").len()), (2, 0));
    for (file, variable) in files.iter().zip(["a_", "b_"]) {
        assert_eq!(values(file), values(&named(&sandbox, variable)));
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains("relativeToVRT=\"1\">../../../../out/west/"), "{text}");
    }
    // The same statistics, from the tiles' records.
    let said = |out: &str| {
        let path = Expected::read(&sandbox.path(out)).unwrap().0.members[0].record(&sandbox.path(out));
        let item: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        item["assets"]["a"]["bands"][0].clone()
    };
    assert_eq!(said("virtual"), said("mosaic"));
    assert_eq!((put().unwrap().made, put().unwrap().present), (0, 1));
    // A tile that isn't as its record says is no part of a mosaic.
    let tile = sandbox.cogs("out")[0].clone();
    fs::write(&tile, b"II*\0damaged").unwrap();
    let again = MosaicRequest { out: seedbed_prep::Root::Local(sandbox.path("again")), ..request.clone() };
    let error = mosaic(&again, &sandbox.spool(), &Proj, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, PrepError::Holes { .. } | PrepError::Unverified { .. }), "{error}");
}

#[test]
fn tiles_that_a_mosaic_refers_to_are_looked_for() {
    let sandbox = Sandbox::new();
    both(&sandbox);
    for format in [MosaicFormat::Vrt, MosaicFormat::Gti] {
        let request = MosaicRequest {
            product: seedbed_prep::Root::Local(sandbox.path("out")),
            out: seedbed_prep::Root::Local(sandbox.path("by-reference")),
            format: Some(format),
            ..MosaicRequest::default()
        };
        mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| {}).unwrap();
        let check = || verify(&sandbox.path("by-reference")).unwrap();
        assert!(check().is_complete(), "{format:?}: {:?}", check().problems);
        let tile = sandbox.cogs("out").into_iter().find(|p| p.to_string_lossy().contains("a_east")).unwrap();
        let aside = sandbox.path("aside.tif");
        fs::rename(&tile, &aside).unwrap();
        let problems = check().problems;
        assert_eq!(problems.len(), 1, "{format:?}: {problems:?}");
        let found = &problems[0];
        assert_eq!((found.variable.as_deref(), found.missing), (Some("a"), true));
        assert!(
            found.what.contains("1 of the 2 tiles") && found.what.contains("a_east_2004-01.tif"),
            "{found:?}"
        );
        fs::rename(&aside, &tile).unwrap();
        fs::remove_dir_all(sandbox.path("by-reference")).unwrap();
    }
}

#[test]
fn an_index_of_tiles_is_the_same_bytes_each_time() {
    let sandbox = Sandbox::new();
    both(&sandbox);
    let put = |out: &str| {
        let (product, format) = (sandbox.path("out"), MosaicFormat::Gti);
        let request = MosaicRequest {
            product: seedbed_prep::Root::Local(product),
            out: seedbed_prep::Root::Local(sandbox.path(out)),
            format: Some(format),
            ..MosaicRequest::default()
        };
        let report = mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| {}).unwrap();
        assert_eq!(report.made, 1);
        assert!(verify(&sandbox.path(out)).unwrap().is_complete());
        ending(&sandbox, out, ".gti.gpkg").iter().map(|p| fs::read(p).unwrap()).collect::<Vec<_>>()
    };
    let first = put("one");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(first.len() == 2 && first == put("two"), "it carries a clock");
}

#[test]
fn a_mosaic_is_encoded_as_its_user_says_and_its_key_tells_it() {
    let sandbox = Sandbox::new();
    both(&sandbox);
    put_together(&sandbox, false).unwrap();
    let encoding = Encoding { compress: Compress::Zstd, level: Some(3), ..Encoding::default() };
    let request = MosaicRequest {
        product: seedbed_prep::Root::Local(sandbox.path("out")),
        out: seedbed_prep::Root::Local(sandbox.path("mosaic")),
        encoding,
        ..MosaicRequest::default()
    };
    let report = mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| {}).unwrap();
    assert_eq!((report.made, report.present), (1, 0));
    assert_eq!(sandbox.cogs("mosaic").len(), 4, "both generations are there until they are cleaned");
}

#[test]
fn a_collection_of_mosaics_reaches_as_far_as_they_do_where_tiles_fill_no_rectangle() {
    let sandbox = Sandbox::new();
    // Tiles of a cone's grid that touch at a corner: the box around both is less than that of their rectangle.
    let crs = Proj.resolve("EPSG:5070").unwrap();
    let grid = PixelGrid { crs, origin: Xy { x: 1e6, y: 2e6 }, resolution: Xy { x: 1e4, y: 1e4 } };
    let at = |row0, col0| PixelRange { row0, col0, rows: 6, cols: 6 };
    let tile = |name: &str, range| Tile { name: name.to_owned(), range };
    let around = PixelRange { row0: 0, col0: 0, rows: 12, cols: 12 };
    let (geobox, options) = (grid.geobox(around), CogOptions::default());
    cog::write(&sandbox.path("a.tif"), &geobox, &[1.0_f32; 144], &BandMeta::default(), &options).unwrap();
    let request = Prepare {
        name: "prepared".to_owned(),
        items: sandbox.items(&[item("a", "2004-01-01", "a.tif")]),
        assets: vec!["value".to_owned()],
        grid: TileGrid { grid, tiles: vec![tile("upper", at(0, 0)), tile("lower", at(6, 6))], ..tiles() },
        rules: Rules::default(),
        cog: Prepare::default_cog(),
        format: Format::Cog,
        period: None,
        out: seedbed_prep::Root::Local(sandbox.path("out")),
    };
    prepare::<f32>(&request, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap();
    put_together(&sandbox, false).unwrap();
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let member = &Expected::read(&sandbox.path("mosaic")).unwrap().0.members[0];
    let own = read(&member.record(&sandbox.path("mosaic")))["bbox"].clone();
    let all = read(&sandbox.path("mosaic/collection.json"))["extent"]["spatial"]["bbox"][0].clone();
    let number = |value: &Value, n: usize| value[n].as_f64().unwrap();
    assert!((0..2).all(|n| number(&all, n) <= number(&own, n)), "{own} {all}");
    assert!((2..4).all(|n| number(&all, n) >= number(&own, n)), "{own} {all}");
}
