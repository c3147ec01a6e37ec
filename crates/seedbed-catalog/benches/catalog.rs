//! What catalogs cost, in CPU seconds (user and system) of this process.
//!
//! `cargo bench -p seedbed-catalog --bench catalog -- [items N] [projected N] [million N] [--dir FOLDER]`
//!
//! `items` (20,000): region-year items with seven assets: built, saved, split,
//! read again. `projected` (20,000): the same with the projection of each asset
//! spelled out, in documents five times as large. `million` (1,000,000): items of one asset written one by one,
//! against a plain loop that writes the same files, then walked with a box and
//! dates. `benches/peers/pystac_catalog.py` does the first in pystac.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench prints and stops at a failure"
)]

use seedbed_catalog::validate::Validator;
use seedbed_catalog::{Collection, Item, Layout, Step, TreeWriter, Walk, WriteOptions, split};
use seedbed_storage::{Location, Settings, Stores};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Daymet's own projection, which has no code.
const WKT2: &str = r#"PROJCRS["unknown",BASEGEOGCRS["unknown",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563,LENGTHUNIT["metre",1]],ID["EPSG",6326]],PRIMEM["Greenwich",0,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8901]]],CONVERSION["unknown",METHOD["Lambert Conic Conformal (2SP)",ID["EPSG",9802]],PARAMETER["Latitude of false origin",42.5,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8821]],PARAMETER["Longitude of false origin",-100,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8822]],PARAMETER["Latitude of 1st standard parallel",25,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8823]],PARAMETER["Latitude of 2nd standard parallel",60,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8824]],PARAMETER["Easting at false origin",0,LENGTHUNIT["metre",1],ID["EPSG",8826]],PARAMETER["Northing at false origin",0,LENGTHUNIT["metre",1],ID["EPSG",8827]]],CS[Cartesian,2],AXIS["(E)",east,ORDER[1],LENGTHUNIT["metre",1,ID["EPSG",9001]]],AXIS["(N)",north,ORDER[2],LENGTHUNIT["metre",1,ID["EPSG",9001]]]]"#;
const VARIABLES: [(&str, &str); 7] = [
    ("dayl", "s"),
    ("prcp", "mm/day"),
    ("srad", "W/m2"),
    ("swe", "kg/m2"),
    ("tmax", "degC"),
    ("tmin", "degC"),
    ("vp", "Pa"),
];

fn projjson() -> Value {
    let parameter = |name: &str, value: f64, unit: &str, code: u32| json!({"name": name, "value": value, "unit": unit, "id": {"authority": "EPSG", "code": code}});
    json!({
        "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json", "type": "ProjectedCRS", "name": "unknown",
        "base_crs": {"name": "unknown", "datum": {"type": "GeodeticReferenceFrame", "name": "World Geodetic System 1984",
            "ellipsoid": {"name": "WGS 84", "semi_major_axis": 6_378_137, "inverse_flattening": 298.257_223_563},
            "id": {"authority": "EPSG", "code": 6326}},
            "coordinate_system": {"subtype": "ellipsoidal", "axis": [
                {"name": "Longitude", "abbreviation": "lon", "direction": "east", "unit": "degree"},
                {"name": "Latitude", "abbreviation": "lat", "direction": "north", "unit": "degree"}]}},
        "conversion": {"name": "unknown", "method": {"name": "Lambert Conic Conformal (2SP)", "id": {"authority": "EPSG", "code": 9802}},
            "parameters": [
                parameter("Latitude of false origin", 42.5, "degree", 8821),
                parameter("Longitude of false origin", -100.0, "degree", 8822),
                parameter("Latitude of 1st standard parallel", 25.0, "degree", 8823),
                parameter("Latitude of 2nd standard parallel", 60.0, "degree", 8824),
                parameter("Easting at false origin", 0.0, "metre", 8826),
                parameter("Northing at false origin", 0.0, "metre", 8827)]},
        "coordinate_system": {"subtype": "Cartesian", "axis": [
            {"name": "Easting", "abbreviation": "E", "direction": "east", "unit": "metre"},
            {"name": "Northing", "abbreviation": "N", "direction": "north", "unit": "metre"}]}
    })
}

/// A region-year with its seven files; `n` below 20,000 gives 200 regions of 100
/// years. Its grid has a code, or else its projection is spelled out in each asset.
fn daymet(n: usize, crs: Option<&Value>) -> Item {
    let (region, year) = (format!("r{:03}", n / 100), 1900 + n % 100);
    let west = (n / 100) as f64 * 0.5 - 120.0;
    let mut item = Item::new(&format!("daymet-daily-{region}-{year}"));
    item.set_field(
        "geometry",
        json!({"type": "Polygon", "coordinates":
        [[[west, 14.0], [west + 0.5, 14.0], [west + 0.5, 15.0], [west, 15.0], [west, 14.0]]]}),
    );
    item.set_field("bbox", json!([west, 14.0, west + 0.5, 15.0]));
    item.set_property("start_datetime", json!(format!("{year}-01-01T00:00:00Z")));
    item.set_property("end_datetime", json!(format!("{year}-12-31T23:59:59Z")));
    item.set_property("region", json!(region));
    item.set_property("year", json!(year));
    for (variable, unit) in VARIABLES {
        let mut asset = json!({
            "href": format!("https://data.example.org/daymet/daymet_v4_daily_{region}_{variable}_{year}.nc"),
            "type": "application/netcdf", "roles": ["data"], "title": variable,
            "bands": [{"name": variable, "data_type": "float32", "nodata": -9999, "unit": unit}],
            "file:size": 1_000_000 + n, "file:checksum": format!("1220{:064x}", n),
            "proj:shape": [8075, 7814], "proj:transform": [1000, 0, -4_560_750, 0, -1000, 4_984_500]
        });
        if let Some(crs) = crs {
            asset["proj:code"] = Value::Null;
            asset["proj:wkt2"] = json!(WKT2);
            asset["proj:projjson"] = crs.clone();
        } else {
            asset["proj:code"] = json!("EPSG:5070");
        }
        item.set_asset(variable, asset);
    }
    item
}

/// One composite of one tile, one asset.
fn modis(n: usize) -> Item {
    let (tile, period) = (n % 300, n / 300);
    let (h, v) = (tile % 30, tile / 30);
    let (year, day) = (2000 + period / 23, period % 23 * 16 + 1);
    let date = jiff::civil::date(i16::try_from(year % 9000).unwrap(), 1, 1)
        .checked_add(jiff::Span::new().days(i64::try_from(day - 1).unwrap()))
        .unwrap();
    let id = format!("MOD13Q1.A{year}{day:03}.h{h:02}v{v:02}.061");
    let (west, south) = (h as f64 * 10.0 - 170.0, 80.0 - v as f64 * 10.0);
    let mut item = Item::new(&id);
    item.set_field("geometry", json!({"type": "Polygon", "coordinates":
        [[[west, south], [west + 10.0, south], [west + 10.0, south + 10.0], [west, south + 10.0], [west, south]]]}));
    item.set_field("bbox", json!([west, south, west + 10.0, south + 10.0]));
    item.set_property("start_datetime", json!(format!("{date}T00:00:00Z")));
    item.set_property("end_datetime", json!(format!("{date}T23:59:59Z")));
    item.set_property("tile", json!(format!("h{h:02}v{v:02}")));
    item.set_asset(
        "hdf",
        json!({"href": format!("https://data.example.org/MOD13Q1.061/{id}.hdf"),
        "type": "application/x-hdf", "roles": ["data"], "file:size": 100_000 + n}),
    );
    item
}

/// That of the `seedbed` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // utime and stime, in hundredths of a second.
    fields[11..13].iter().map(|f| f.parse::<f64>().unwrap() / 100.0).sum()
}

fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    format!("{:.0} MB", kib * 1.024e-3)
}

struct Clock(f64, f64, Instant);

impl Clock {
    fn start() -> Self {
        Self(cpu(), cpu(), Instant::now())
    }

    fn lap(&mut self, what: &str, note: &str) -> f64 {
        let now = cpu();
        let spent = now - self.1;
        println!("{what:<36} {spent:8.2} CPU-s {:8.2} s  {note}", self.2.elapsed().as_secs_f64());
        (self.1, self.2) = (now, Instant::now());
        spent
    }
}

fn collection() -> Collection {
    Collection::from_items("c", "A bench", "CC0-1.0", &[])
}

fn options(by: Option<Layout>) -> WriteOptions {
    WriteOptions { id: "bench".into(), description: "A bench".into(), by, ..WriteOptions::default() }
}

async fn items(n: usize, folder: &Path, stores: &Stores, crs: Option<&Value>) {
    let what = if crs.is_some() { "spelled-out projections" } else { "projections by code" };
    println!("{n} items with 7 assets, {what}, in {}", folder.display());
    let at = Location::from(folder);
    let mut clock = Clock::start();
    let mut writer = TreeWriter::begin(stores, &at, collection(), options(None), folder).await.unwrap();
    for n in 0..n {
        writer.put(daymet(n, crs)).await.unwrap();
    }
    let saved = writer.finish().await.unwrap();
    clock.lap("build and save", &format!("{} documents", saved.written));
    let done = split(stores, &at, &"${region}".parse().unwrap(), folder).await.unwrap();
    clock.lap("split", &format!("{} moved into {} catalogs", done.moved, done.catalogs));
    let (mut walk, mut found, mut bytes, mut hrefs) = (Walk::new(stores, &at), 0_usize, 0_usize, 0_usize);
    while let Some(step) = walk.next().await.unwrap() {
        if let Step::Item(leaf) = step {
            found += usize::from(leaf.start().is_some() && leaf.bbox().is_some());
            hrefs += leaf.hrefs().len();
            bytes += leaf.text().len();
        }
    }
    clock.lap(
        "read: ids, boxes, times, hrefs",
        &format!("{found} items, {hrefs} hrefs, {} MB", bytes / 1_000_000),
    );
    println!("{:<36} {:8.2} CPU-s", "in all", cpu() - clock.0);
    let (mut walk, mut parsed) = (Walk::new(stores, &at), 0);
    while let Some(step) = walk.next().await.unwrap() {
        if let Step::Item(leaf) = step {
            parsed += usize::from(leaf.item().unwrap().assets().count() == 7);
        }
    }
    clock.lap("(besides: read, parsed whole)", &format!("{parsed} items"));
    let done = split(stores, &at, &"${region}".parse().unwrap(), folder).await.unwrap();
    clock.lap("(besides: split again)", &format!("{} written; peak {}", done.written, peak()));
    let mut validator = Validator::new(None).unwrap();
    validator.add(stores, &at).await;
    let report = validator.finish();
    let spent = clock.lap("(besides: validate)", &format!("{} documents", report.valid));
    println!("{:<36} {:8.3} ms an item, with its catalogs", "", spent * 1e3 / n as f64);
    let plain = folder.join("plain");
    for n in 0..n {
        let item = daymet(n, crs);
        let parent = plain.join(item.id());
        fs::create_dir_all(&parent).unwrap();
        fs::write(parent.join("item.json"), format!("{:#}\n", item.as_value())).unwrap();
    }
    clock.lap("(besides: a plain loop that writes)", "");
    assert_eq!(report.invalid, 0);
    assert_eq!((found, hrefs, parsed, done.written), (n, 7 * n, n, 0));
}

/// Files and folders below a folder, and their bytes.
fn inodes(folder: &Path) -> (u64, u64) {
    let (mut count, mut bytes) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            count += 1;
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                bytes += entry.metadata().unwrap().len();
            }
        }
    }
    (count, bytes)
}

async fn million(n: usize, folder: &Path, stores: &Stores) {
    println!("{n} items of one asset by year, in {}", folder.display());
    let tree = folder.join("tree");
    fs::create_dir_all(&tree).unwrap();
    let at = Location::from(tree.as_path());
    let mut options = options(Some("${year}".parse().unwrap()));
    options.item = seedbed_catalog::ItemLayout::flat();
    // Ids ascend within a tile's periods only; the writer wants them in order.
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_cached_key(|n| modis(*n).id().to_owned());
    let mut clock = Clock::start();
    let mut writer = TreeWriter::begin(stores, &at, collection(), options, folder).await.unwrap();
    for n in &order {
        writer.put(modis(*n)).await.unwrap();
    }
    let saved = writer.finish().await.unwrap();
    let ours = clock.lap("build and save", &format!("{} documents; peak {}", saved.written, peak()));
    let (count, bytes) = inodes(&tree);
    println!("{:<36} {count} files and folders, {:.1} MB", "", bytes as f64 / 1e6);
    clock.lap("(counting)", "");
    let plain = folder.join("plain");
    for n in &order {
        let item = modis(*n);
        let year = item.start().unwrap().year();
        let parent = plain.join(year.to_string());
        if !parent.exists() {
            fs::create_dir_all(&parent).unwrap();
        }
        fs::write(parent.join(format!("{}.json", item.id())), format!("{:#}\n", item.as_value())).unwrap();
    }
    let loops = clock.lap("a plain loop", "");
    println!("{:<36} {:.2} times the plain loop", "", ours / loops);
    let area: seedbed_grid::Bbox = [-100.0, 30.0, -90.0, 40.0].into();
    let (from, to) = (jiff::civil::date(2003, 1, 1), jiff::civil::date(2004, 12, 31));
    let (mut walk, mut seen, mut found) = (Walk::new(stores, &at), 0, 0);
    while let Some(step) = walk.next().await.unwrap() {
        if let Step::Item(leaf) = step {
            seen += 1;
            let meets = leaf.bbox().is_some_and(|b| b.intersects(area))
                && leaf.start().is_some_and(|d| d <= to)
                && leaf.end().is_some_and(|d| d >= from);
            found += usize::from(meets);
        }
    }
    clock.lap("walk by box and dates", &format!("{found} of {seen}; peak {}", peak()));
    assert_eq!(seen, n);
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let after = |name: &str| args.iter().position(|a| a == name).map(|n| args.get(n + 1));
    let number = |name: &str, default: usize| {
        after(name).map(|n| n.and_then(|n| n.replace('_', "").parse().ok()).unwrap_or(default))
    };
    let folder = after("--dir").flatten().map_or_else(std::env::temp_dir, PathBuf::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stores = Stores::new(Settings::default()).unwrap();
    let mut wanted = [number("items", 20_000), number("projected", 20_000), number("million", 1_000_000)];
    if wanted == [None, None, None] {
        wanted[0] = Some(20_000);
    }
    let crs = projjson();
    let [plain, projected, many] = wanted;
    for (n, crs) in [(plain, None), (projected, Some(&crs))] {
        let Some(n) = n else { continue };
        let scratch = tempfile::tempdir_in(&folder).unwrap();
        runtime.block_on(items(n, scratch.path(), &stores, crs));
    }
    if let Some(n) = many {
        let scratch = tempfile::tempdir_in(&folder).unwrap();
        runtime.block_on(million(n, scratch.path(), &stores));
    }
}
