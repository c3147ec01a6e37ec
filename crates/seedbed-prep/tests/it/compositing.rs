//! Composites over the years, and aggregates within them.

use crate::support::{Sandbox, around, item, item_with, range, tiles};
use seedbed_block::composite::Statistic;
use seedbed_block::{Grouping, PixelRange};
use seedbed_catalog::Item;
use seedbed_prep::{
    Composite, Expected, Format, Mask, MosaicRequest, PrepError, Prepare, PrepareReport, Root, Rules,
    ValidRange, composite, mosaic, prepare, verify,
};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, Proj, Raster, RasterSource, Resampling};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// As much as it takes.
const PLENTY: usize = 1 << 30;

fn request(items: Vec<Item>, statistics: &[Statistic]) -> Composite {
    Composite {
        prepare: Prepare {
            name: "composites".to_owned(),
            items,
            assets: vec!["value".to_owned()],
            grid: tiles(),
            rules: Rules::default(),
            cog: Prepare::default_cog(),
            format: Format::Cog,
            period: None,
            out: Root::default(),
        },
        grouping: Grouping::DayOfYear,
        statistics: statistics.to_vec(),
        least: 1,
        share: 0.0,
        memory: PLENTY,
        process: "seedbed composite".to_owned(),
    }
}

fn run(sandbox: &Sandbox, request: &Composite, out: &str) -> Result<PrepareReport, PrepError> {
    let mut request = request.clone();
    request.prepare.out = seedbed_prep::Root::Local(sandbox.path(out));
    composite::<f64>(&request, &sandbox.spool(), &Proj, false, &mut |_, _| ())
}

/// The values of a product's asset.
fn values(sandbox: &Sandbox, out: &str, tile: &str, period: &str, asset: &str) -> Vec<f64> {
    let set = Expected::read(&sandbox.path(out)).unwrap().0;
    let member = set.members.iter().find(|m| m.tile == tile && m.period == period).unwrap();
    let record: Value =
        serde_json::from_slice(&std::fs::read(member.record(&sandbox.path(out))).unwrap()).unwrap();
    let href = record["assets"][asset]["href"].as_str().unwrap();
    let raster = Raster::open(&RasterSource::new(member.folder(&sandbox.path(out)).join(href))).unwrap();
    raster.read(0, PixelRange::of_shape(range(tile).shape())).unwrap()
}

/// Five years of the composite that starts on day 113, with gaps that differ from
/// pixel to pixel.
fn years(sandbox: &Sandbox) -> Vec<Item> {
    let items: Vec<Value> = (2001..=2005)
        .map(|year: i16| {
            let name = format!("{year}.tif");
            let gap = |pixel: usize| (pixel + usize::try_from(year).unwrap()) % (pixel % 6 + 1) == 1;
            let value = |pixel: usize| f64::from(year - 2000) * f64::from(u8::try_from(pixel % 7).unwrap());
            sandbox.cog(&name, around(), |p| if gap(p) { f64::NAN } else { value(p) });
            // Day 113 is 23 April, of leap years 22 April.
            let day = if year == 2004 { "04-22" } else { "04-23" };
            item(&year.to_string(), &format!("{year}-{day}"), &name)
        })
        .collect();
    sandbox.items(&items)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|v| !v.is_nan());
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

#[test]
fn the_median_and_count_of_every_year_are_one_product_made_once() {
    let sandbox = Sandbox::new();
    let request = request(years(&sandbox), &[Statistic::Median, Statistic::Count]);
    let report = run(&sandbox, &request, "out").unwrap();
    assert_eq!((report.expected, report.made, report.failed.len()), (2, 2, 0), "{:?}", report.failed);
    let source = |year: i32, pixel: usize| {
        let raster = Raster::open(&RasterSource::new(sandbox.path(&format!("{year}.tif")))).unwrap();
        // The tile begins two pixels into the files and is five wide.
        let (row, col) = (i64::try_from(pixel / 5).unwrap(), i64::try_from(pixel % 5).unwrap());
        let at = PixelRange { row0: row + 2, col0: col + 2, rows: 1, cols: 1 };
        raster.read::<f64>(0, at).unwrap()[0]
    };
    let column = |pixel| (2001..=2005).map(|year| source(year, pixel)).collect::<Vec<_>>();
    let medians: Vec<f64> = (0..30).map(|p| median(column(p))).collect();
    assert!(same(&values(&sandbox, "out", "west", "doy-113", "value"), &medians));
    let counts: Vec<f64> = values(&sandbox, "out", "west", "doy-113", "value_count");
    for (pixel, count) in counts.iter().enumerate() {
        let there = column(pixel).iter().filter(|v| !v.is_nan()).count();
        assert_eq!(*count, f64::from(u8::try_from(there).unwrap()), "pixel {pixel}");
    }
    assert!(verify(&sandbox.path("out")).unwrap().is_complete());
    let before = sandbox.files("out");
    let again = run(&sandbox, &request, "out").unwrap();
    assert_eq!((again.made, again.present), (0, 2));
    assert_eq!(sandbox.files("out"), before);
}

#[test]
fn a_record_says_what_a_composite_was_made_from_and_a_mosaic_takes_it() {
    let sandbox = Sandbox::new();
    run(&sandbox, &request(years(&sandbox), &[Statistic::Median, Statistic::Count]), "out").unwrap();
    let files = sandbox.files("out");
    let record =
        files.iter().find(|(p, _)| p.starts_with("west") && p.extension().is_some_and(|e| e == "json"));
    let record: Value = serde_json::from_slice(record.unwrap().1).unwrap();
    let links = record["links"].as_array().unwrap();
    assert_eq!(links.iter().filter(|l| l["rel"] == "derived_from").count(), 5);
    let properties = &record["properties"];
    assert_eq!(properties["seedbed:layers"], json!({ "value": 5 }));
    assert_eq!(properties["seedbed:parameters"]["statistics"], json!(["median", "count"]));
    assert_eq!(properties["processing:lineage"], "seedbed composite");
    assert_eq!(properties["start_datetime"], "2001-04-23T00:00:00Z");
    assert_eq!(record["assets"]["value_count"]["bands"][0]["data_type"], "uint16");
    let request = MosaicRequest {
        product: seedbed_prep::Root::Local(sandbox.path("out")),
        out: seedbed_prep::Root::Local(sandbox.path("mosaic")),
        allow_holes: false,
        ..MosaicRequest::default()
    };
    let report = mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| ()).unwrap();
    assert_eq!((report.periods, report.made), (1, 1));
    assert!(verify(&sandbox.path("mosaic")).unwrap().is_complete());
}

#[test]
fn neither_memory_nor_blocks_change_a_byte() {
    let sandbox = Sandbox::new();
    // A tile of 250 × 250 pixels, of which 40 layers take more than what writing takes.
    let tile = PixelRange { row0: 40, col0: 100, rows: 250, cols: 250 };
    let around = PixelRange { row0: 38, col0: 98, rows: 254, cols: 254 };
    let items: Vec<Value> =
        (1970..2010_u16)
            .map(|year| {
                let name = format!("{year}.tif");
                let value = |p: usize| f64::from(year % 11) * f64::from(u8::try_from(p % 97).unwrap());
                sandbox.cog(&name, around, |p| {
                    if p % 40 == usize::from(year % 40) { f64::NAN } else { value(p) }
                });
                let mut item = item(&year.to_string(), &format!("{year}-01-01"), &name);
                // An item's box may be less than its file covers: here the first rows.
                item["bbox"] = json!([-90.2, 45.85, -65.0, 46.2]);
                item
            })
            .collect();
    let items = sandbox.items(&items);
    for resampling in [Resampling::Nearest, Resampling::Bilinear, Resampling::Average] {
        let mut request = request(items.clone(), &[Statistic::Median, Statistic::Mean]);
        request.prepare.rules.resampling = resampling;
        request.prepare.grid.tiles.truncate(1);
        request.prepare.grid.tiles[0].range = tile;
        let out = |memory: &str| format!("{resampling}-{memory}");
        run(&sandbox, &request, &out("plenty")).unwrap();
        let needed = (1..=12).map(|megabytes| megabytes << 20).find(|memory| {
            request.memory = *memory;
            run(&sandbox, &request, &out("scant")).is_ok()
        });
        // All layers of it would take 20 MB.
        assert!(needed.is_some(), "a block is some rows then");
        assert_eq!(sandbox.files(&out("plenty")), sandbox.files(&out("scant")));
    }
}

#[test]
fn too_little_memory_is_refused_with_what_would_do() {
    let sandbox = Sandbox::new();
    let mut request = request(years(&sandbox), &[Statistic::Median]);
    request.memory = 100;
    let error = run(&sandbox, &request, "out").unwrap_err();
    assert!(error.to_string().contains("--memory") && error.is_usage(), "{error}");
    assert!(sandbox.files("out").is_empty());
}

#[test]
fn whole_steps_are_rounded_halves_away_from_zero() {
    let sandbox = Sandbox::new();
    let scaled =
        CogOptions { dtype: DType::Int16, scale: 0.0001, nodata: Some(-3000.0), ..CogOptions::default() };
    let mut items = Vec::new();
    for (day, stored) in [("2001-01-01", 4500.0), ("2002-01-01", 4501.0)] {
        let at = around();
        let values: Vec<f64> =
            (0..at.shape().len()).map(|p| if p % 2 == 0 { stored } else { -stored } * 0.0001).collect();
        sandbox.cog_with(&format!("{day}.tif"), at, &values, &scaled);
        items.push(item(day, day, &format!("{day}.tif")));
    }
    let mut request = request(sandbox.items(&items), &[Statistic::Median]);
    request.prepare.cog = scaled;
    run(&sandbox, &request, "out").unwrap();
    let found = values(&sandbox, "out", "west", "doy-001", "value");
    assert!(found.iter().all(|v| (v.abs() / 0.0001).round() == 4501.0), "{found:?}");
}

#[test]
fn pixels_of_too_few_observations_are_missing() {
    let sandbox = Sandbox::new();
    let mut request = request(years(&sandbox), &[Statistic::Mean, Statistic::Count]);
    request.least = 4;
    run(&sandbox, &request, "out").unwrap();
    let means = values(&sandbox, "out", "east", "doy-113", "value");
    let counts = values(&sandbox, "out", "east", "doy-113", "value_count");
    assert!(counts.iter().any(|c| *c < 4.0) && counts.iter().any(|c| *c >= 4.0));
    assert!(means.iter().zip(&counts).all(|(mean, count)| mean.is_nan() == (*count < 4.0)));
}

#[test]
fn months_within_a_year_need_their_share_of_observations() {
    let sandbox = Sandbox::new();
    let days = ["2004-01-05", "2004-01-15", "2004-01-25", "2004-02-05", "2004-02-15"];
    let items: Vec<Value> = days
        .iter()
        .enumerate()
        .map(|(n, day)| {
            // The first column lacks the first of January's three days and all of February's but one.
            let gap = |pixel: usize| pixel % 14 == 2 && (n == 0 || n == 3);
            let value = f64::from(u8::try_from(n).unwrap());
            sandbox.cog(&format!("{day}.tif"), around(), |p| if gap(p) { f64::NAN } else { value });
            item(day, day, &format!("{day}.tif"))
        })
        .collect();
    let mut request = request(sandbox.items(&items), &[Statistic::Sum]);
    request.grouping = Grouping::EveryMonth;
    request.share = 0.6;
    let report = run(&sandbox, &request, "out").unwrap();
    assert_eq!(report.made, 4);
    let row = |period: &str| values(&sandbox, "out", "west", period, "value")[..5].to_vec();
    assert_eq!(row("2004-01"), [3.0; 5]);
    assert!(same(&row("2004-02"), &[f64::NAN, 7.0, 7.0, 7.0, 7.0]));
    let mut by_period = BTreeMap::new();
    for member in Expected::read(&sandbox.path("out")).unwrap().0.members {
        let record = std::fs::read_to_string(member.record(&sandbox.path("out"))).unwrap();
        by_period.insert(member.period, record);
    }
    assert!(by_period["2004-02"].contains("2004-02-29T23:59:59Z"), "the whole month");
}

/// An item with a value and a quality layer.
fn with_quality(sandbox: &Sandbox, quality: &str) -> Value {
    let mut assets = json!({ "value": { "href": "./value.tif", "bands": [{ "valid_range": [0, 50] }] } });
    sandbox.cog("value.tif", around(), |p| f64::from(u8::try_from(p).unwrap()));
    if !quality.is_empty() {
        assets["rank"] = json!({ "href": format!("./{quality}") });
    }
    item_with("one", "2001-01-01", &assets)
}

#[test]
fn masked_source_pixels_take_no_part_in_an_average() {
    let sandbox = Sandbox::new();
    // Every other column is cloud.
    let rank = CogOptions { dtype: DType::UInt8, nodata: Some(255.0), ..CogOptions::default() };
    let at = around();
    let ranks: Vec<f64> = (0..at.shape().len()).map(|p| if p % 2 == 0 { 0.0 } else { 3.0 }).collect();
    sandbox.cog_with("rank.tif", at, &ranks, &rank);
    let items = sandbox.items(&[with_quality(&sandbox, "rank.tif")]);
    let mut request = request(items, &[Statistic::Mean]);
    // Pixels of twice the size: the mean of the two of four that are good.
    request.prepare.grid.grid.resolution.x = 0.2;
    request.prepare.grid.grid.resolution.y = 0.2;
    for tile in &mut request.prepare.grid.tiles {
        tile.range = PixelRange { row0: 20, col0: 50, rows: 3, cols: 2 };
    }
    request.prepare.grid.tiles.truncate(1);
    request.prepare.rules = Rules {
        resampling: Resampling::Average,
        mask: Some("rank:KEEP=0,1".parse::<Mask>().unwrap()),
        ..Rules::default()
    };
    request.prepare.out = seedbed_prep::Root::Local(sandbox.path("out"));
    composite::<f64>(&request, &sandbox.spool(), &Proj, false, &mut |_, _| ()).unwrap();
    let cogs = sandbox.cogs("out");
    let raster = Raster::open(&RasterSource::new(&cogs[0])).unwrap();
    let found: Vec<f64> = raster.read(0, PixelRange { row0: 0, col0: 0, rows: 1, cols: 1 }).unwrap();
    // Rows 2 and 3, column 2 of 14: 30 and 44; column 3 is cloud.
    assert!((found[0] - 37.0).abs() < 1e-6, "{found:?}");
}

#[test]
fn quality_of_a_coarser_grid_is_taken_from_the_nearest_pixel() {
    let sandbox = Sandbox::new();
    // One pixel for three by three: the first is good, the others aren't.
    let coarse = seedbed_grid::PixelGrid {
        resolution: seedbed_grid::Xy { x: 0.3, y: 0.3 },
        origin: seedbed_grid::Xy { x: -90.0, y: 46.0 },
        ..tiles().grid
    };
    let at = PixelRange { row0: 0, col0: 0, rows: 4, cols: 4 };
    let ranks: Vec<f64> = (0..16).map(|p| if p == 0 { 0.0 } else { 3.0 }).collect();
    let path = sandbox.path("rank.tif");
    let meta = seedbed_raster::cog::BandMeta::default();
    seedbed_raster::cog::write(&path, &coarse.geobox(at), &ranks, &meta, &CogOptions::default()).unwrap();
    let mut request = request(sandbox.items(&[with_quality(&sandbox, "rank.tif")]), &[Statistic::Count]);
    request.prepare.rules.mask = Some("rank:KEEP=0".parse().unwrap());
    run(&sandbox, &request, "out").unwrap();
    let found = values(&sandbox, "out", "west", "doy-001", "value");
    let wanted: Vec<f64> = (0..30).map(|p| if p / 5 < 3 && p % 5 < 3 { 1.0 } else { 0.0 }).collect();
    assert_eq!(found, wanted);
}

#[test]
fn values_outside_the_valid_range_are_missing_where_that_is_asked_for() {
    let sandbox = Sandbox::new();
    let items = sandbox.items(&[with_quality(&sandbox, "")]);
    for (valid_range, wanted) in [(ValidRange::Ignored, 0), (ValidRange::Missing, 20)] {
        let mut prepared = request(items.clone(), &[]).prepare;
        prepared.out = seedbed_prep::Root::Local(sandbox.path(&format!("{valid_range:?}")));
        prepared.rules.valid_range = valid_range;
        prepare::<f64>(&prepared, &sandbox.spool(), &Proj, false, &mut |_, _| ()).unwrap();
        let found = values(&sandbox, &format!("{valid_range:?}"), "west", "2001-01-01", "value");
        // Its first two rows, 30 to 34 and 44 to 48, are valid.
        let missing = found.iter().filter(|v| v.is_nan()).count();
        assert_eq!(missing, wanted, "{found:?}");
    }
}

#[test]
fn a_quality_layer_that_isnt_there_is_named() {
    let sandbox = Sandbox::new();
    let mut request = request(sandbox.items(&[with_quality(&sandbox, "")]), &[Statistic::Mean]);
    request.prepare.rules.mask = Some("mod13-reliability".parse().unwrap());
    let error = run(&sandbox, &request, "out").unwrap_err();
    assert!(matches!(error, PrepError::NoQuality { .. }), "{error}");
    assert!(error.to_string().contains("pixel_reliability") && error.to_string().contains("value.tif"));
}

#[test]
fn a_mask_is_part_of_the_key() {
    let sandbox = Sandbox::new();
    let rank = CogOptions { dtype: DType::UInt8, nodata: Some(255.0), ..CogOptions::default() };
    sandbox.cog_with("rank.tif", around(), &[0.0; 140], &rank);
    let mut request = request(sandbox.items(&[with_quality(&sandbox, "rank.tif")]), &[Statistic::Mean]);
    let made = |request: &Composite| run(&sandbox, request, "out").unwrap().made;
    assert_eq!((made(&request), made(&request)), (2, 0));
    request.prepare.rules.mask = Some("rank:KEEP=0".parse().unwrap());
    assert_eq!((made(&request), made(&request)), (2, 0));
    // Another quality layer is another input.
    sandbox.cog_with("rank.tif", around(), &[1.0; 140], &rank);
    assert_eq!(made(&request), 2);
}

#[test]
fn one_statistic_isnt_asked_for_twice() {
    let sandbox = Sandbox::new();
    let request = request(years(&sandbox), &[Statistic::Mean, Statistic::Mean]);
    assert!(run(&sandbox, &request, "out").unwrap_err().to_string().contains("twice"));
}

#[test]
fn two_variables_of_one_name_are_refused() {
    let sandbox = Sandbox::new();
    let mut request = request(years(&sandbox), &[Statistic::Median, Statistic::Count]);
    for (assets, named) in [(["value", "value"], "`value`"), (["value", "value_count"], "`value_count`")] {
        request.prepare.assets = assets.map(str::to_owned).to_vec();
        let error = run(&sandbox, &request, "out").unwrap_err();
        assert!(error.is_usage() && error.to_string().contains(named), "{error}");
    }
    request.prepare.assets = vec!["value".to_owned(); 2];
    request.prepare.out = seedbed_prep::Root::Local(sandbox.path("out"));
    let error = prepare::<f64>(&request.prepare, &sandbox.spool(), &Proj, false, &mut |_, _| ()).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("`value`"), "{error}");
    assert!(sandbox.files("out").is_empty());
}

#[test]
fn items_of_one_name_in_two_collections_are_two_observations() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| f64::NAN);
    sandbox.cog("b.tif", around(), |_| 7.0);
    let mut items = [item("one", "2001-01-01", "a.tif"), item("one", "2001-01-01", "b.tif")];
    items[0]["collection"] = json!("terra");
    items[1]["collection"] = json!("aqua");
    run(&sandbox, &request(sandbox.items(&items), &[Statistic::Median]), "out").unwrap();
    // The second fills what the first lacks.
    assert_eq!(values(&sandbox, "out", "west", "doy-001", "value"), vec![7.0; 30]);
}

#[test]
fn empty_pixels_are_missing_whatever_the_least_count() {
    let sandbox = Sandbox::new();
    sandbox.cog("a.tif", around(), |_| f64::NAN);
    let items = sandbox.items(&[item("one", "2001-01-01", "a.tif")]);
    for statistic in [Statistic::Median, Statistic::Mean, Statistic::Sum, Statistic::Min, Statistic::Max] {
        let mut request = request(items.clone(), &[statistic, Statistic::Count]);
        request.least = 0;
        let out = statistic.to_string();
        run(&sandbox, &request, &out).unwrap();
        assert!(same(&values(&sandbox, &out, "west", "doy-001", "value"), &[f64::NAN; 30]), "{statistic}");
        assert_eq!(values(&sandbox, &out, "west", "doy-001", "value_count"), [0.0; 30]);
    }
}

#[test]
fn counts_of_an_area_that_is_no_rectangle_are_put_together() {
    let sandbox = Sandbox::new();
    let mut request = request(years(&sandbox), &[Statistic::Median, Statistic::Count]);
    // An L: two tiles beside each other, and one of two rows below the first.
    let south = PixelRange { row0: 46, rows: 2, ..range("west") };
    request.prepare.grid.tiles.push(seedbed_grid::Tile { name: "south".to_owned(), range: south });
    run(&sandbox, &request, "out").unwrap();
    let together = |allow_holes: bool, out: &str| {
        let request = MosaicRequest {
            product: seedbed_prep::Root::Local(sandbox.path("out")),
            out: seedbed_prep::Root::Local(sandbox.path(out)),
            allow_holes,
            ..MosaicRequest::default()
        };
        mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| ()).unwrap();
        let set = Expected::read(&sandbox.path(out)).unwrap().0;
        let folder = set.members[0].folder(&sandbox.path(out));
        let record: Value =
            serde_json::from_slice(&std::fs::read(set.members[0].record(&sandbox.path(out))).unwrap())
                .unwrap();
        let href = record["assets"]["value_count"]["href"].as_str().unwrap();
        let raster = Raster::open(&RasterSource::new(folder.join(href))).unwrap();
        let all: Vec<f64> = raster.read(0, PixelRange { row0: 0, col0: 0, rows: 8, cols: 10 }).unwrap();
        all.iter().map(|v| v.is_nan()).collect::<Vec<bool>>()
    };
    let whole: Vec<bool> = (0..80).map(|p| p / 10 >= 6 && p % 10 >= 5).collect();
    assert_eq!(together(false, "l"), whole);
    // Without the east there is a hole in the area.
    std::fs::remove_dir_all(sandbox.path("out/east")).unwrap();
    let holed: Vec<bool> = (0..80).map(|p| p % 10 >= 5).collect();
    assert_eq!(together(true, "holed"), holed);
}

#[test]
fn medians_of_stored_steps_are_those_of_the_values() {
    let sandbox = Sandbox::new();
    let stored =
        CogOptions { dtype: DType::Int16, scale: 0.0001, nodata: Some(-32_768.0), ..CogOptions::default() };
    let floats = CogOptions { dtype: DType::Float64, ..Prepare::default_cog() };
    let at = around();
    let mut items = [Vec::new(), Vec::new()];
    for year in 2001..2007_u16 {
        // Neighbours in value, so that many medians are halves; every fifth pixel has gaps.
        let value = |p: usize| match (p + usize::from(year)) % 5 {
            0 => f64::NAN,
            n => f64::from(i16::try_from(p + n * usize::from(year) % 3).unwrap() - 70) * 0.0001,
        };
        let values: Vec<f64> = (0..at.shape().len()).map(value).collect();
        sandbox.cog_with(&format!("steps-{year}.tif"), at, &values, &stored);
        sandbox.cog_with(&format!("values-{year}.tif"), at, &values, &floats);
        let day = format!("{year}-01-01");
        items[0].push(item(&day, &day, &format!("steps-{year}.tif")));
        items[1].push(item(&day, &day, &format!("values-{year}.tif")));
    }
    let [steps, floats] = items.map(|items| {
        let mut request = request(sandbox.items(&items), &[Statistic::Median, Statistic::Count]);
        request.prepare.cog = stored.clone();
        request.least = 3;
        let out = items[0]["assets"]["value"]["href"].as_str().unwrap().trim_matches(['.', '/']).to_owned()
            + "-out";
        run(&sandbox, &request, &out).unwrap();
        sandbox.cogs(&out).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
    });
    assert!(steps.len() == 4 && steps == floats);
}
