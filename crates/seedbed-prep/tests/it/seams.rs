//! Files that adjoin: what lies across the seam between them counts.

use crate::support::{Sandbox, item_with, rules, target};
use seedbed_block::{Date, Unit, date};
use seedbed_grid::{Affine, GeoBox, PixelRange, Projections, Shape2d, Xy};
use seedbed_prep::Rules;
use seedbed_raster::cog::{self, BandMeta, CogOptions};
use seedbed_raster::{Proj, Resampling};
use serde_json::{Value, json};

const DAY: Date = date(2004, 1, 1);

/// 60 × 60 pixels of 0.03 degrees around both tiles: three and a third in a tile's pixel.
fn degrees() -> GeoBox {
    let crs = Proj.resolve("EPSG:4326").unwrap();
    GeoBox {
        crs,
        affine: Affine::north_up(Xy { x: -90.5, y: 46.4 }, 0.03, 0.03),
        shape: Shape2d { rows: 60, cols: 60 },
    }
}

/// The same on a sheared grid of metres.
fn metres() -> GeoBox {
    let crs = Proj.resolve("+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs").unwrap();
    let affine = Affine::north_up(Xy { x: -7_110_000.0, y: 5_160_000.0 }, 3000.0, 3000.0);
    GeoBox { crs, affine, shape: Shape2d { rows: 60, cols: 80 } }
}

/// Values without a pattern; a tenth is missing.
fn value(row: i64, col: i64) -> f64 {
    let n = (row * 7919 + col * 104_729) % 1009;
    if n % 10 == 3 { f64::NAN } else { f64::from(i32::try_from(n % 97).unwrap()) }
}

/// Writes a part of a raster, and gives the item of it.
fn part(sandbox: &Sandbox, all: &GeoBox, range: PixelRange, id: &str, unit: &str, factor: f64) -> Value {
    let PixelRange { row0, col0, .. } = range;
    let pixels =
        (row0..range.row1()).flat_map(|row| (col0..range.col1()).map(move |col| value(row, col) * factor));
    let name = format!("{id}.tif");
    let (values, options) = (pixels.collect::<Vec<_>>(), CogOptions::default());
    cog::write(&sandbox.path(&name), &all.window(range), &values, &BandMeta::default(), &options).unwrap();
    let asset = json!({ "value": { "href": format!("./{name}"), "bands": [{ "unit": unit }] } });
    item_with(id, "2004-01-01", &asset)
}

fn read(sandbox: &Sandbox, items: &[Value], rules: &Rules) -> Vec<f64> {
    let series = sandbox.series("value", items).unwrap();
    let mut reader = sandbox.reader(&series, rules, "2004-01-01").unwrap();
    reader.read(&[DAY]).unwrap().values().to_vec()
}

/// Quarters of a raster that meet at a pixel.
fn quarters(all: &GeoBox, row: i64, col: i64) -> [PixelRange; 4] {
    let whole = PixelRange::of_shape(all.shape);
    let cut =
        |row0, col0, row1: i64, col1: i64| PixelRange { row0, col0, rows: row1 - row0, cols: col1 - col0 };
    [
        cut(0, 0, row, col),
        cut(0, col, row, whole.cols),
        cut(row, 0, whole.rows, col),
        cut(row, col, whole.rows, whole.cols),
    ]
}

fn close(kernel: Resampling, found: &[f64], expected: &[f64]) {
    assert!(expected.iter().any(|v| v.is_finite()), "{kernel:?}");
    for (n, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 1e-6 || (a.is_nan() && b.is_nan()), "{kernel:?}, pixel {n}: {a}, not {b}");
    }
}

#[test]
fn a_raster_in_quarters_is_read_as_the_whole_with_every_kernel() {
    for all in [degrees(), metres()] {
        let tile = target("west");
        // The quarters meet in the middle of the tile.
        let centre = tile.geobox.affine.apply(2.3, 3.4);
        let to = Proj.transform(&tile.geobox.crs, &all.crs).unwrap();
        let (mut x, mut y) = ([centre.x], [centre.y]);
        to.forward(&mut x, &mut y);
        let at = all.affine.inverse().unwrap().apply(x[0], y[0]);
        let number = |x: f64| (0..1000).find(|n| f64::from(*n) > x).unwrap();
        let (row, col) = (i64::from(number(at.y)), i64::from(number(at.x)));
        let whole = Sandbox::new();
        let one = [part(&whole, &all, PixelRange::of_shape(all.shape), "whole", "mm", 1.0)];
        let cut = Sandbox::new();
        let ranges = quarters(&all, row, col);
        let four: Vec<Value> = ranges
            .iter()
            .enumerate()
            .map(|(n, range)| part(&cut, &all, *range, &format!("part{n}"), "mm", 1.0))
            .collect();
        for resampling in Resampling::ALL {
            let rules = Rules { resampling, ..rules() };
            close(resampling, &read(&cut, &four, &rules), &read(&whole, &one, &rules));
        }
    }
}

#[test]
fn files_in_other_units_meet_at_the_seam_without_mixing_their_numbers() {
    let all = degrees();
    let sandbox = Sandbox::new();
    let [left, right] = [(0, 26), (26, 34)].map(|(col0, cols)| PixelRange { row0: 0, col0, rows: 60, cols });
    let items =
        [part(&sandbox, &all, left, "left", "mm", 1.0), part(&sandbox, &all, right, "right", "inch", 1.0)];
    let rules = Rules { resampling: Resampling::Max, wanted: Some(Unit::Millimetre), ..rules() };
    let values = read(&sandbox, &items, &rules);
    let most = |found: &[f64]| found.iter().copied().fold(0.0, f64::max);
    assert!(most(&values) <= 96.0 * 25.4 && most(&values) > 96.0, "{values:?}");
}

#[test]
fn a_file_of_the_same_pixels_fills_what_the_other_lacks() {
    let all = degrees();
    let sandbox = Sandbox::new();
    let whole = PixelRange::of_shape(all.shape);
    let items = [part(&sandbox, &all, whole, "a", "mm", 1.0), part(&sandbox, &all, whole, "b", "mm", 1.0)];
    let rules = Rules { resampling: Resampling::Sum, ..rules() };
    let both = read(&sandbox, &items, &rules);
    close(Resampling::Sum, &both, &read(&sandbox, &items[..1], &rules));
}

#[test]
fn a_file_beyond_the_tiles_edge_counts_where_a_kernel_reaches_it() {
    // The tile's east edge is the seam: its last pixels' kernels reach half a pixel beyond it.
    let tile = target("west").geobox;
    let edge = tile.affine.apply(5.0, 0.0);
    let crs = Proj.resolve("EPSG:4326").unwrap();
    let origin = Xy { x: edge.x - 0.8, y: edge.y + 0.4 };
    let all = GeoBox { crs, affine: Affine::north_up(origin, 0.2, 0.2), shape: Shape2d { rows: 8, cols: 8 } };
    let parts = [(0, 4), (4, 4)].map(|(col0, cols)| PixelRange { row0: 0, col0, rows: 8, cols });
    let (whole, cut) = (Sandbox::new(), Sandbox::new());
    let one = [part(&whole, &all, PixelRange::of_shape(all.shape), "whole", "mm", 1.0)];
    let two = [part(&cut, &all, parts[0], "left", "mm", 1.0), part(&cut, &all, parts[1], "right", "mm", 1.0)];
    let with_bbox = |mut item: Value, range: PixelRange| {
        let b = all.window(range).territory(&Proj, 4).unwrap().bbox;
        item["bbox"] = json!([b.west, b.south, b.east, b.north]);
        item
    };
    let two: Vec<Value> = two.into_iter().zip(parts).map(|(item, range)| with_bbox(item, range)).collect();
    for resampling in [Resampling::Bilinear, Resampling::Cubic] {
        let rules = Rules { resampling, ..rules() };
        close(resampling, &read(&cut, &two, &rules), &read(&whole, &one, &rules));
    }
}
