//! Products at and across the antimeridian, and items whose boxes say it in several ways.

use crate::support::{Sandbox, grid, item};
use seedbed_catalog::Item;
use seedbed_grid::{PixelRange, Tile, TileGrid};
use seedbed_prep::{Expected, Format, Prepare, Root, Rules, prepare, verify};
use seedbed_raster::{Proj, Raster, RasterSource};
use serde_json::{Value, json};
use std::fs;

/// From 170° to 190°, its columns counted.
fn source(sandbox: &Sandbox) {
    let at = PixelRange { row0: 40, col0: 2700, rows: 6, cols: 200 };
    sandbox.cog("1.tif", at, |n| f64::from(u16::try_from(n % 200).unwrap()));
}

/// A tile's name, its first column and how many it has; and the source's column that its first is.
const TILES: [(&str, i64, i64, u16); 3] =
    [("across", 2760, 80, 60), ("west", -800, 40, 100), ("beyond", 2840, 40, 140)];

fn request(sandbox: &Sandbox, bbox: Option<[f64; 4]>) -> Prepare {
    let tile = |(name, col0, cols, _): (&str, i64, i64, u16)| Tile {
        name: name.to_owned(),
        range: PixelRange { row0: 40, col0, rows: 6, cols },
    };
    let mut one = item("1", "2004-01-01", "1.tif");
    one["bbox"] = json!(bbox);
    if bbox.is_none() {
        one.as_object_mut().unwrap().remove("bbox");
    }
    Prepare {
        name: "prepared".to_owned(),
        items: sandbox.items(&[one]),
        assets: vec!["value".to_owned()],
        grid: TileGrid { grid: grid(), scheme: "test".to_owned(), tiles: TILES.map(tile).to_vec() },
        rules: Rules::default(),
        cog: Prepare::default_cog(),
        format: Format::Cog,
        period: None,
        out: Root::Local(sandbox.path("out")),
    }
}

#[test]
fn an_items_box_finds_its_tiles_however_it_counts_longitudes() {
    for bbox in [
        None,
        Some([170.0, 45.4, 190.0, 46.0]),
        Some([170.0, 45.4, -170.0, 46.0]),
        Some([-190.0, 45.4, -170.0, 46.0]),
    ] {
        let sandbox = Sandbox::new();
        source(&sandbox);
        let request = request(&sandbox, bbox);
        let report = prepare::<f32>(&request, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap();
        assert!(report.failed.is_empty(), "{bbox:?}: {:?}", report.failed);
        assert_eq!((report.expected, report.made), (3, 3), "{bbox:?}");
        assert!(verify(&sandbox.path("out")).unwrap().is_complete());
        let set = Expected::read(&sandbox.path("out")).unwrap().0;
        for (name, _, cols, first) in TILES {
            let member = set.members.iter().find(|m| m.tile == name).unwrap();
            let record = member.record(&sandbox.path("out"));
            let document: Value = serde_json::from_str(&fs::read_to_string(&record).unwrap()).unwrap();
            let href = document["assets"]["value"]["href"].as_str().unwrap();
            let raster = Raster::open(&RasterSource::new(record.parent().unwrap().join(href))).unwrap();
            let row: Vec<f64> = raster.read(0, PixelRange { row0: 0, col0: 0, rows: 1, cols }).unwrap();
            let expected: Vec<f64> = (first..).map(f64::from).take(row.len()).collect();
            assert_eq!(row, expected, "{bbox:?} {name}");
        }
    }
}

#[test]
fn records_and_collections_across_the_antimeridian_are_cut_there() {
    let sandbox = Sandbox::new();
    source(&sandbox);
    let request = request(&sandbox, None);
    prepare::<f32>(&request, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap();
    let set = Expected::read(&sandbox.path("out")).unwrap().0;
    let near = |a: &Value, b: [f64; 4]| {
        let a: [f64; 4] = serde_json::from_value(a.clone()).unwrap();
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9), "{a:?} {b:?}");
    };
    for (name, bbox, parts) in [
        ("across", [176.0, 45.4, -176.0, 46.0], 2),
        ("west", [-180.0, 45.4, -176.0, 46.0], 1),
        ("beyond", [-176.0, 45.4, -172.0, 46.0], 1),
    ] {
        let member = set.members.iter().find(|m| m.tile == name).unwrap();
        let record = fs::read_to_string(member.record(&sandbox.path("out"))).unwrap();
        let item = Item::from_value(serde_json::from_str(&record).unwrap()).unwrap();
        near(&item.as_value()["bbox"], bbox);
        let geometry = item.geometry().unwrap();
        assert_eq!(geometry["type"], if parts == 2 { "MultiPolygon" } else { "Polygon" }, "{geometry}");
        if parts == 2 {
            assert_eq!(geometry["coordinates"].as_array().unwrap().len(), 2);
        }
        let text = geometry.to_string();
        assert!(!text.contains("184") && !text.contains("188"), "{text}");
    }
    let collection = fs::read_to_string(sandbox.path("out/collection.json")).unwrap();
    let collection: Value = serde_json::from_str(&collection).unwrap();
    near(&collection["extent"]["spatial"]["bbox"][0], [176.0, 45.4, -172.0, 46.0]);
}
