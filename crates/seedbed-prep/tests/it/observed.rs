//! A value a day between the days on which each pixel was observed.

use crate::support::{Sandbox, TILE, around, grid, item_with, range, target, tiles, words};
use seedbed_block::{Date, Period, date};
use seedbed_grid::{PixelGrid, PixelRange, Xy};
use seedbed_prep::{
    Expected, Plans, PrepError, Prepare, PrepareReport, Rules, Series, TileReader, TimeRule, prepare,
};
use seedbed_raster::cog::{self, BandMeta, CogOptions};
use seedbed_raster::{DType, Proj, Raster, RasterSource, Resampling};
use serde_json::{Value, json};

/// How MOD13 stores days.
fn stored_days() -> CogOptions {
    CogOptions { dtype: DType::Int16, nodata: Some(-1.0), ..CogOptions::default() }
}

fn by_day() -> Rules {
    Rules { time: TimeRule::CompositeDay, ..Rules::default() }
}

fn later(day: Date, days: i32) -> Date {
    day.saturating_add(jiff::Span::new().days(days))
}

/// Days since 1 January 2003.
fn number(day: Date) -> f64 {
    f64::from(date(2003, 1, 1).until(day).unwrap().get_days())
}

/// An item of a composite with its values and days.
fn composite(first: Date) -> Value {
    let assets = json!({
        "value": { "href": format!("./{first}.tif") },
        "composite_day": { "href": format!("./{first}-day.tif"), "bands": [{ "nodata": -1, "data_type": "int16" }] },
    });
    item_with(&first.to_string(), &format!("{first}/{}", later(first, 15)), &assets)
}

fn reader(sandbox: &Sandbox, items: &[Value], rules: &Rules, period: &str) -> TileReader<'static, f64> {
    let spool = sandbox.spool();
    let series = Series::by_rules("value", &sandbox.items(items), "value", rules, &spool, &Proj).unwrap();
    let period = period.parse().unwrap();
    TileReader::open(&series, target("west"), rules.clone(), period, Plans::default(), &spool, &Proj).unwrap()
}

fn read(sandbox: &Sandbox, items: &[Value], rules: &Rules, period: &str) -> Vec<f64> {
    let days: Vec<Date> = period.parse::<Period>().unwrap().days().collect();
    reader(sandbox, items, rules, period).read(&days).unwrap().values().to_vec()
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

/// Numbers that look random, always the same ones.
fn random(seed: usize, index: usize, end: usize) -> usize {
    let mut state = (seed * 1_000_003 + index) as u64 + 1;
    for _ in 0..4 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^= state >> 29;
    }
    usize::try_from(state >> 33).unwrap() % end
}

/// The days on which composites begin, Terra's and Aqua's, over two turns of the year.
fn firsts() -> Vec<Date> {
    let of_year = |year: i16| {
        let day = move |n: i32| later(date(year, 1, 1), n);
        (0..23).map(move |n| day(16 * n)).chain((0..23).map(move |n| day(8 + 16 * n)))
    };
    let mut all: Vec<Date> = [2003, 2004, 2005].into_iter().flat_map(of_year).collect();
    all.sort_unstable();
    all.retain(|day| (date(2003, 10, 1)..date(2005, 2, 10)).contains(day));
    all
}

/// A pixel's value and day in a composite: some masked, some without a day, some of a day
/// that isn't the composite's.
fn pixel(n: usize, first: Date, p: usize) -> (f64, f64) {
    let value = if random(n, p, 5) == 0 {
        f64::NAN
    } else {
        f64::from(u32::try_from(random(n + 500, p, 999)).unwrap())
    };
    let after = i32::try_from(random(n + 900, p, 16)).unwrap();
    let day = match random(n + 1300, p, 20) {
        0 => f64::NAN,
        1 => 0.0,
        2 => f64::from(later(first, 16 + after).day_of_year()),
        3 => f64::from(later(first, -1 - after).day_of_year()),
        _ => f64::from(later(first, after).day_of_year()),
    };
    (value, day)
}

/// What a person would do with one pixel: list its observations, look for those around.
fn slowly(firsts: &[Date], p: usize, day: Date, bridge: f64) -> f64 {
    let mut observed: Vec<(Date, f64)> = Vec::new();
    for (n, first) in firsts.iter().enumerate() {
        let (value, of_year) = pixel(n, *first, p);
        let on = (0..16).map(|k| later(*first, k)).find(|on| f64::from(on.day_of_year()) == of_year);
        if let Some(on) = on.filter(|_| !value.is_nan()) {
            observed.retain(|(other, _)| *other != on);
            observed.push((on, value));
        }
    }
    observed.sort_by_key(|(on, _)| *on);
    let Some((t1, v1)) = observed.iter().rfind(|(on, _)| *on <= day).map(|(on, v)| (number(*on), *v)) else {
        return f64::NAN;
    };
    let t = number(day);
    if t1 == t {
        return v1;
    }
    match observed.iter().find(|(on, _)| *on > day).map(|(on, v)| (number(*on), *v)) {
        Some((t2, v2)) if t2 - t1 <= bridge => v1 + (t - t1) / (t2 - t1) * (v2 - v1),
        _ => f64::NAN,
    }
}

#[test]
fn each_pixel_is_interpolated_between_its_own_days_however_the_days_are_read() {
    let sandbox = Sandbox::new();
    let firsts = firsts();
    for (n, first) in firsts.iter().enumerate() {
        sandbox.cog(&format!("{first}.tif"), around(), |p| pixel(n, *first, p).0);
        let days: Vec<f64> = (0..around().shape().len()).map(|p| pixel(n, *first, p).1).collect();
        sandbox.cog_with(&format!("{first}-day.tif"), around(), &days, &stored_days());
    }
    let items: Vec<Value> = firsts.iter().map(|first| composite(*first)).collect();
    let days: Vec<Date> = "2003-12-01/2005-01-20".parse::<Period>().unwrap().days().collect();
    for bridge in ["20d", "48d"] {
        let rules = Rules { bridge: bridge.parse().ok(), ..by_day() };
        let all = read(&sandbox, &items, &rules, "2003-12-01/2005-01-20");
        let longest = f64::from(rules.bridge.unwrap().days());
        let wanted: Vec<f64> = days
            .iter()
            .flat_map(|day| {
                // The tile's pixels are two rows and columns into the file.
                let place = |i: usize| (i / TILE.cols + 2) * around().shape().cols + i % TILE.cols + 2;
                (0..TILE.len()).map(|i| slowly(&firsts, place(i), *day, longest)).collect::<Vec<_>>()
            })
            .collect();
        let missing = wanted.iter().filter(|v| v.is_nan()).count();
        assert!(missing > 0 && missing < wanted.len(), "{missing}");
        assert!(all.iter().zip(&wanted).all(|(a, b)| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9));
        for piece in [1, 7, 60] {
            let mut reader = reader(&sandbox, &items, &rules, "2003-12-01/2005-01-20");
            let mut values = Vec::new();
            for part in days.chunks(piece) {
                values.extend_from_slice(reader.read(part).unwrap().values());
            }
            assert!(same(&values, &all), "in pieces of {piece} days");
        }
        // A reader of these days alone sees no others' composites.
        let few = read(&sandbox, &items, &rules, "2003-12-30/2004-01-12");
        let at = days.iter().position(|day| *day == date(2003, 12, 30)).unwrap() * TILE.len();
        assert!(same(&few, &all[at..at + few.len()]));
    }
}

/// Composites on a grid of its own whose every value is the number of its day.
fn told_by_their_days(sandbox: &Sandbox, at: &PixelGrid, pixels: PixelRange) -> Vec<Value> {
    let mut items = Vec::new();
    for (n, first) in (0..5).map(|n| later(date(2003, 12, 3), 16 * n)).enumerate() {
        // From the year's first day on the series is that of the new year.
        let first = if first > date(2003, 12, 31) { later(first, -3) } else { first };
        let on = |p: usize| later(first, i32::try_from(random(n, p, 16)).unwrap());
        let masked = |p: usize| random(n + 70, p, 6) == 0;
        let all = 0..pixels.shape().len();
        let values: Vec<f64> =
            all.clone().map(|p| if masked(p) { f64::NAN } else { number(on(p)) }).collect();
        let days: Vec<f64> = all.map(|p| f64::from(on(p).day_of_year())).collect();
        for (name, values, options) in [
            (format!("{first}.tif"), values, CogOptions::default()),
            (format!("{first}-day.tif"), days, stored_days()),
        ] {
            let path = sandbox.path(&name);
            cog::write(&path, &at.geobox(pixels), &values, &BandMeta::default(), &options).unwrap();
        }
        items.push(composite(first));
    }
    items
}

#[test]
fn the_mean_of_pixels_has_the_mean_of_their_days() {
    let sandbox = Sandbox::new();
    // Smaller pixels than the tile's, which don't lie in them.
    let fine =
        PixelGrid { resolution: Xy { x: 0.03, y: 0.04 }, origin: Xy { x: -90.31, y: 46.42 }, ..grid() };
    let items = told_by_their_days(&sandbox, &fine, PixelRange { row0: 0, col0: 0, rows: 34, cols: 42 });
    let (period, first) = ("2003-12-20/2004-01-15", date(2003, 12, 20));
    for resampling in [Resampling::Nearest, Resampling::Bilinear, Resampling::Average, Resampling::BoxAverage]
    {
        let values = read(&sandbox, &items, &Rules { resampling, ..by_day() }, period);
        let there = values.iter().filter(|v| !v.is_nan()).count();
        assert!(there * 10 > values.len() * 9, "{there} of {} by {resampling}", values.len());
        // Values that grow by one a day are found on the day that they name.
        for (n, value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            let day = number(later(first, i32::try_from(n / TILE.len()).unwrap()));
            assert!((value - day).abs() < 1e-9, "{value} on day {day} by {resampling}");
        }
    }
    let spool = sandbox.spool();
    for resampling in [Resampling::Sum, Resampling::Max, Resampling::Median] {
        let rules = Rules { resampling, ..by_day() };
        let error =
            Series::by_rules("ndvi", &sandbox.items(&items), "value", &rules, &spool, &Proj).unwrap_err();
        assert!(error.is_usage() && error.to_string().contains(resampling.name()), "{error}");
    }
}

#[test]
fn masks_take_pixels_out_before_and_days_may_lie_on_a_coarser_grid() {
    let sandbox = Sandbox::new();
    let coarse = PixelGrid { resolution: Xy { x: 0.3, y: 0.3 }, origin: Xy { x: -90.0, y: 46.0 }, ..grid() };
    let mut items = Vec::new();
    for (n, first) in [date(2003, 1, 1), date(2003, 1, 17), date(2003, 2, 2)].into_iter().enumerate() {
        let value = |p: usize| number(first) + f64::from(u8::try_from(p % 3).unwrap());
        sandbox.cog(&format!("{first}.tif"), range("west"), value);
        // Nine pixels of the tile have one day: the first of the composite, or the fourth.
        let days: Vec<f64> =
            (0..16).map(|p| f64::from(first.day_of_year()) + if p == 0 { 0.0 } else { 3.0 }).collect();
        let geobox = coarse.geobox(PixelRange { row0: 0, col0: 0, rows: 4, cols: 4 });
        let path = sandbox.path(&format!("{first}-day.tif"));
        cog::write(&path, &geobox, &days, &BandMeta::default(), &stored_days()).unwrap();
        sandbox.cog(&format!("{first}-rank.tif"), range("west"), |p| f64::from(u8::from(n == 1 && p == 1)));
        let mut item = composite(first);
        item["assets"]["rank"] = json!({ "href": format!("./{first}-rank.tif") });
        items.push(item);
    }
    let rules = Rules { mask: Some("rank:KEEP=0".parse().unwrap()), ..by_day() };
    let values = read(&sandbox, &items, &rules, "2003-01-17/2003-01-20");
    let pixels = TILE.len();
    // The first pixel on the 17th, its own day; the second, masked then, between the 1st and 2 February.
    assert!((values[0] - 16.0).abs() < 1e-12 && (values[1] - 17.0).abs() < 1e-12, "{values:?}");
    // Of the next nine the last day before is the 4th of January, until the 20th.
    assert!((values[3] - (16.0 - 3.0)).abs() < 1e-12, "{}", values[3]);
    assert!((values[3 * pixels + 3] - 16.0).abs() < 1e-12, "{}", values[3 * pixels + 3]);
}

#[test]
fn what_one_source_lacks_another_of_that_date_gives_with_its_day() {
    let sandbox = Sandbox::new();
    let mut items = Vec::new();
    for first in [date(2003, 1, 1), date(2003, 1, 17)] {
        for (tile, shift) in [("a", 0.0), ("b", 5.0)] {
            let gap = |p: usize| tile == "a" && p.is_multiple_of(2);
            let name = format!("{tile}-{first}");
            sandbox.cog(&format!("{name}.tif"), range("west"), |p| {
                if gap(p) { f64::NAN } else { number(first) + shift }
            });
            let day = f64::from(first.day_of_year()) + shift;
            sandbox.cog_with(
                &format!("{name}-day.tif"),
                range("west"),
                &vec![day; TILE.len()],
                &stored_days(),
            );
            let mut item = composite(first);
            item["id"] = name.clone().into();
            item["assets"]["value"]["href"] = format!("./{name}.tif").into();
            item["assets"]["composite_day"]["href"] = format!("./{name}-day.tif").into();
            items.push(item);
        }
    }
    let values = read(&sandbox, &items, &by_day(), "2003-01-10/2003-01-10");
    assert!(values.iter().all(|v| (v - 9.0).abs() < 1e-12), "{values:?}");
}

#[test]
fn a_day_can_be_read_between_a_composite_that_is_over_and_one_that_begins() {
    let sandbox = Sandbox::new();
    let firsts = [date(2003, 1, 1), date(2003, 1, 17), date(2003, 2, 2), date(2003, 5, 1), date(2003, 5, 17)];
    for first in firsts {
        sandbox.cog(&format!("{first}.tif"), around(), |_| 1.0);
        let days = vec![f64::from(first.day_of_year()); around().shape().len()];
        sandbox.cog_with(&format!("{first}-day.tif"), around(), &days, &stored_days());
    }
    let items = firsts.map(composite);
    let can = |bridge: &str| {
        let rules = Rules { bridge: bridge.parse().ok(), ..by_day() };
        let reader = reader(&sandbox, &items, &rules, "2003");
        let all: Period = "2003".parse().unwrap();
        let missing = reader.missing_days(all);
        let have: Vec<Date> = all.days().filter(|day| !missing.contains(day)).collect();
        have.chunk_by(|a, b| later(*a, 1) == *b)
            .map(|run| format!("{}/{}", run[0], run[run.len() - 1]))
            .collect::<Vec<_>>()
    };
    // From the last day of the first composite to the first of the last, but for the gap: from
    // 17 February, the last day of its composite, to 1 May are 73 days.
    assert_eq!(can("20d"), ["2003-01-16/2003-02-02", "2003-05-16/2003-05-17"]);
    assert_eq!(can("72d"), can("20d"));
    assert_eq!(can("73d"), ["2003-01-16/2003-02-02", "2003-02-17/2003-05-01", "2003-05-16/2003-05-17"]);
}

#[test]
fn the_days_are_found_by_their_usual_names_or_else_by_the_one_that_is_told() {
    let sandbox = Sandbox::new();
    let first = date(2003, 1, 1);
    sandbox.cog("value.tif", around(), |_| 7.0);
    sandbox.cog_with("day.tif", around(), &vec![3.0; around().shape().len()], &stored_days());
    let with = |key: &str| {
        let assets = json!({ "value": { "href": "./value.tif" }, key: { "href": "./day.tif" } });
        sandbox.items(&[item_with("a", &format!("{first}/{}", later(first, 15)), &assets)])
    };
    let spool = sandbox.spool();
    let open = |key: &str, rules: &Rules| {
        let series = Series::by_rules("ndvi", &with(key), "value", rules, &spool, &Proj)?;
        let (rules, days) = (rules.clone(), "2003-01-03/2003-01-03".parse().unwrap());
        TileReader::<f64>::open(&series, target("west"), rules, days, Plans::default(), &spool, &Proj)
            .and_then(|mut reader| Ok(reader.read(&[date(2003, 1, 3)])?.values()[0]))
    };
    for key in ["composite_day", "250m_16_days_composite_day_of_the_year"] {
        assert_eq!(open(key, &by_day()).unwrap(), 7.0, "{key}");
    }
    let told = Rules { composite_day: Some("doy".to_owned()), ..by_day() };
    assert_eq!(open("doy", &told).unwrap(), 7.0);
    let error = open("doy", &by_day()).unwrap_err();
    assert!(error.is_usage() && words(&error).contains("it has doy, value); hint: "), "{error}");
    let error = open("composite_day", &told).unwrap_err();
    assert!(
        matches!(error, PrepError::NoCompositeDay { .. }) && error.to_string().contains("`doy`"),
        "{error}"
    );
}

fn request(sandbox: &Sandbox, items: &[Value], rules: Rules, period: &str) -> Prepare {
    Prepare {
        name: "daily".to_owned(),
        items: sandbox.items(items),
        assets: vec!["value".to_owned()],
        grid: tiles(),
        rules,
        cog: Prepare::default_cog(),
        format: seedbed_prep::Format::Cog,
        period: Some(period.parse().unwrap()),
        out: seedbed_prep::Root::Local(sandbox.path("out")),
    }
}

fn run(sandbox: &Sandbox, request: &Prepare) -> PrepareReport {
    let report = prepare::<f32>(request, &sandbox.spool(), &Proj, false, &mut |_, _| {}).unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    report
}

/// The first pixels of a tile's product of a day.
fn product(sandbox: &Sandbox, tile: &str, day: &str) -> Vec<f64> {
    let root = sandbox.path("out");
    let set = Expected::read(&root).unwrap().0;
    let member = set.members.iter().find(|m| m.tile == tile && m.period == day).unwrap();
    let record: Value = serde_json::from_slice(&std::fs::read(member.record(&root)).unwrap()).unwrap();
    let href = record["assets"]["value"]["href"].as_str().unwrap();
    let raster = Raster::open(&RasterSource::new(member.folder(&root).join(href))).unwrap();
    raster.read(0, PixelRange::of_shape(TILE)).unwrap()
}

#[test]
fn prepared_days_hang_on_the_layers_of_days_and_of_other_rules_on_none() {
    let sandbox = Sandbox::new();
    let firsts: Vec<Date> = (0..8).map(|n| later(date(2003, 1, 1), 16 * n)).collect();
    let write_days = |first: Date, after: f64| {
        let day = f64::from(first.day_of_year()) + after;
        sandbox.cog_with(
            &format!("{first}-day.tif"),
            around(),
            &vec![day; around().shape().len()],
            &stored_days(),
        );
    };
    for first in &firsts {
        sandbox.cog(&format!("{first}.tif"), around(), |_| number(*first));
        write_days(*first, 4.0);
    }
    let items: Vec<Value> = firsts.iter().map(|first| composite(*first)).collect();
    let observed = request(&sandbox, &items, by_day(), "2003");
    let report = run(&sandbox, &observed);
    // From 16 January to 23 April.
    assert_eq!(report.made, 2 * 98);
    assert_eq!(report.partial[0], "west: value has 98 of the 365 days of 2003-01-01/2003-12-31");
    assert!((product(&sandbox, "west", "2003-01-21")[0] - 16.0).abs() < 1e-5);
    assert!((product(&sandbox, "east", "2003-01-29")[0] - 24.0).abs() < 1e-5);
    assert_eq!(run(&sandbox, &observed).made, 0);
    // The composite of 18 February may reach as far as 22 April, 48 days after its own last day.
    write_days(firsts[3], 5.0);
    assert_eq!(run(&sandbox, &observed).made, 2 * 97);
    assert!((product(&sandbox, "west", "2003-01-21")[0] - 16.0).abs() < 1e-5);
    assert!((product(&sandbox, "west", "2003-02-23")[0] - 48.0).abs() < 1e-5);
    // By their dates alone, with and without days beside them.
    let plain = Rules { time: TimeRule::Composite, ..Rules::default() };
    let mut bare = items.clone();
    for item in &mut bare {
        item["assets"].as_object_mut().unwrap().remove("composite_day");
    }
    let made = |items: &[Value]| run(&sandbox, &request(&sandbox, items, plain.clone(), "2003-02")).made;
    assert_eq!((made(&bare), made(&items)), (2 * 28, 0));
}

#[test]
fn real_mod13_says_of_each_pixel_on_which_day_it_was_observed() {
    let Some(data) = std::env::var_os("SEEDBED_REAL_DATA").filter(|folder| !folder.is_empty()) else {
        println!("skipped: SEEDBED_REAL_DATA is not set");
        return;
    };
    let path = std::path::Path::new(&data).join("modis/MOD13A2.A2021225.h11v06.061.2021320163717.hdf");
    let variable = |name: &str| RasterSource {
        path: path.clone(),
        variable: Some(format!("1 km 16 days {name}")),
        claimed: seedbed_grid::Claim::default(),
    };
    let Ok(ndvi) = Raster::open(&variable("NDVI")) else {
        println!("skipped: this GDAL reads no HDF4");
        return;
    };
    let window = PixelRange::of_shape(ndvi.geobox().shape);
    let values: Vec<f64> = ndvi.read(0, window).unwrap();
    let days: Vec<f64> =
        Raster::open(&variable("composite day of the year")).unwrap().read(0, window).unwrap();
    let sandbox = Sandbox::new();
    let band = json!([{ "name": "1 km 16 days NDVI", "nodata": -3000 }]);
    let assets = json!({ "ndvi": { "href": path, "bands": band } });
    let items = sandbox.items(&[item_with("mod13", "2021-08-13/2021-08-28", &assets)]);
    let rules =
        Rules { composite_day: Some("1 km 16 days composite day of the year".to_owned()), ..by_day() };
    let spool = sandbox.spool();
    let series = Series::by_rules("ndvi", &items, "ndvi", &rules, &spool, &Proj).unwrap();
    let mut on_its_grid = target("west");
    on_its_grid.geobox = ndvi.geobox().clone();
    on_its_grid.anchor = seedbed_block::Index { row: 0, col: 0 };
    on_its_grid.bbox = on_its_grid.geobox.territory(&Proj, 4).unwrap().bbox;
    let period: Period = "2021-08-13/2021-08-28".parse().unwrap();
    let mut reader =
        TileReader::<f64>::open(&series, on_its_grid, rules, period, Plans::default(), &spool, &Proj)
            .unwrap();
    let (mut found, mut most) = (0, 0);
    for day in period.days() {
        let block = reader.read(&[day]).unwrap();
        let number = f64::from(day.day_of_year());
        let here = block.values().iter().zip(values.iter().zip(&days));
        let mut count = 0;
        for (got, (value, observed)) in here {
            // Between one observation and none there is nothing but the observation.
            let wanted = if *observed == number { *value } else { f64::NAN };
            assert!((got.is_nan() && wanted.is_nan()) || got.to_bits() == wanted.to_bits(), "{got} {wanted}");
            count += usize::from(!got.is_nan());
        }
        found += count;
        most = most.max(count);
    }
    let valid = values.iter().filter(|v| !v.is_nan()).count();
    println!("{found} of {valid} pixels on their days, at most {most} on one");
    assert!(found == valid && valid > 10_000);
}
