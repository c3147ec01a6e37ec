//! Zarr groups at a web server: what a tile needs of them is asked for, and is what a local reading gives.

use crate::support::{Sandbox, item_with, rules, target, words};
use seedbed_block::{Date, Period, date};
use seedbed_grid::PixelRange;
use seedbed_prep::{Mask, Plans, PrepError, Rules, Series, Spool, TileReader};
use seedbed_raster::Proj;
use seedbed_raster::cog::{BandMeta, CogOptions, Compress, Threads};
use seedbed_raster::zarr::{Cube, CubeWriter};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Forty days of 100×120 pixels around both tiles, in chunks of 10×25×30.
const WRITE: &str = "
import sys, numpy as np, xarray
path, version, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
values = np.random.default_rng(1).uniform(0, 99, (40, 100, 120)).astype('float32')
values[11, 40:60, 30:50] = np.nan
values[20:30, 50:75, 60:90] = np.nan
quality = np.random.default_rng(2).integers(0, 2, values.shape).astype('uint8')
d = xarray.Dataset(
    {'pr': (('time', 'lat', 'lon'), values, {'units': 'mm'})},
    {'time': (('time',), np.arange(40), {'units': 'days since 2004-01-01'}),
     'lat': (('lat',), 50 - 0.1 * (np.arange(100) + 0.5), {'units': 'degrees_north'}),
     'lon': (('lon',), -94 + 0.1 * (np.arange(120) + 0.5), {'units': 'degrees_east'})})
encoding = {'chunks': (10, 25, 30)}
if 'sharded' in how:
    encoding |= {'shards': (20, 50, 60)}
if 'scaled' in how:
    encoding |= {'dtype': 'int16', 'scale_factor': 0.25, 'add_offset': -5.0, '_FillValue': -9999}
if 'plain' in how:
    encoding |= {'compressors': None}
encoding = {'pr': encoding}
if 'quality' in how:
    d['quality'] = (('time', 'lat', 'lon'), quality)
    encoding['quality'] = {'chunks': (10, 25, 30)}
if 'blosc' in how:
    if version == 2:
        from numcodecs import Blosc
        encoding['pr']['compressors'] = [Blosc('lz4', 5, Blosc.SHUFFLE)]
    else:
        from zarr.codecs import BloscCodec
        shuffle = 'bitshuffle' if 'bits' in how else 'shuffle'
        encoding['pr']['compressors'] = [BloscCodec(cname='zstd' if 'bits' in how else 'lz4', shuffle=shuffle)]
d.to_zarr(path, zarr_format=version, encoding=encoding, consolidated='consolidated' in how)
";

/// A request: method, path, and how many bytes the answer had.
type Asked = (String, String, usize);

/// A web server of a folder.
struct Server {
    url: String,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn start(root: PathBuf) -> Self {
        Self::new(root, true)
    }

    /// One that may give whole files alone.
    fn new(root: PathBuf, ranges: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::default());
        let told = Arc::clone(&log);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, log) = (root.clone(), Arc::clone(&told));
                // A client that goes away is no matter.
                std::thread::spawn(move || answer(stream, &root, ranges, &log));
            }
        });
        Self { url, log }
    }

    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream, root: &Path, ranges: bool, log: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let (mut method, mut path, mut range) = (String::new(), String::new(), None);
    for (n, line) in BufReader::new(stream.try_clone()?).lines().enumerate() {
        let line = line?;
        if n == 0 {
            let mut words = line.split(' ').map(str::to_owned);
            (method, path) = (words.next().unwrap(), words.next().unwrap());
        }
        let line = line.to_ascii_lowercase();
        if let Some((from, to)) = line.strip_prefix("range: bytes=").and_then(|r| r.split_once('-')) {
            range = from.parse::<usize>().ok().zip(to.parse::<usize>().ok());
        }
        if line.is_empty() {
            break;
        }
    }
    let file = root.join(path.trim_start_matches('/'));
    let Some(body) = fs::read(&file).ok() else {
        log.lock().unwrap().push((method, path, 0));
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let tag = body.iter().fold(0_u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(*b)));
    let size = body.len();
    let (status, part, extra) = match range.filter(|_| ranges) {
        Some((from, to)) => {
            let to = to.min(size - 1);
            ("206 Partial Content", &body[from..=to], format!("Content-Range: bytes {from}-{to}/{size}\r\n"))
        }
        None => ("200 OK", &body[..], String::new()),
    };
    let length = part.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{extra}ETag: \"{tag:x}\"\r\nConnection: close\r\n\r\n"
    );
    let is_head = method == "HEAD";
    log.lock().unwrap().push((method, path, if is_head { 0 } else { length }));
    stream.write_all(head.as_bytes())?;
    if !is_head {
        stream.write_all(part)?;
    }
    Ok(())
}

/// Writes a group as xarray does; `false`, with a line that says why, if there is no xarray.
fn written(sandbox: &Sandbox, name: &str, version: u8, how: &str) -> bool {
    let Ok(python) = std::env::var("SEEDBED_PYTHON") else {
        println!("skipped: SEEDBED_PYTHON is not set");
        return false;
    };
    if !Command::new(&python).args(["-c", "import zarr"]).output().unwrap().status.success() {
        println!("skipped: the Python of SEEDBED_PYTHON has no zarr");
        return false;
    }
    let path = sandbox.path("groups").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let told = Command::new(python)
        .args(["-W", "ignore", "-c", WRITE])
        .arg(&path)
        .arg(version.to_string())
        .arg(how)
        .output();
    let told = told.unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    true
}

/// Writes a group of our own, whose shards have 2×2 chunks.
fn own(sandbox: &Sandbox, name: &str) {
    let at = PixelRange { row0: 20, col0: 60, rows: 400, cols: 500 };
    let geobox = crate::support::grid().geobox(at);
    let path = sandbox.path("groups").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let dates: Vec<Date> = (1..=20).map(|day| date(2004, 1, day)).collect();
    let band = BandMeta { name: "pr".to_owned(), unit: Some("mm".to_owned()) };
    let options = CogOptions { compress: Compress::Zstd, ..CogOptions::default() };
    let cube = Cube { geobox: &geobox, dates: &dates, band: &band, title: "", options: &options };
    let mut writer = CubeWriter::create(&path, &cube, Threads::Caller).unwrap();
    let noise = |n: usize| f64::from(u32::try_from(n * 2_654_435_761 % 100_000).unwrap()) / 1000.0;
    let values: Vec<f64> = (0..dates.len() * geobox.shape.len()).map(noise).collect();
    for part in values.chunks(writer.layers_at_once() * geobox.shape.len()) {
        writer.write(part).unwrap();
    }
    writer.finish().unwrap();
}

/// The west tile on some days of the group at `href`.
fn read(sandbox: &Sandbox, spool: &Spool, href: &str, days: &str) -> Result<Vec<f64>, PrepError> {
    read_of(sandbox, spool, &json!({ "href": href, "bands": [{ "name": "pr" }] }), days)
}

fn read_of(
    sandbox: &Sandbox,
    spool: &Spool,
    asset: &serde_json::Value,
    days: &str,
) -> Result<Vec<f64>, PrepError> {
    let items = sandbox.items(&[item_with("a", "2004-01-01/2004-02-09", &json!({ "value": asset }))]);
    let series = Series::from_items("value", &items, "value", spool, &Proj)?;
    let period: Period = days.parse().unwrap();
    let mut reader =
        TileReader::open(&series, target("west"), rules(), period, Plans::default(), spool, &Proj)?;
    let days: Vec<Date> = period.days().collect();
    Ok(reader.read(&days)?.values().to_vec())
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The chunks or shards of `pr` that were asked for, with what they cost.
fn chunks(asked: &[Asked]) -> (BTreeSet<&str>, usize) {
    let chunk = |asked: &&Asked| {
        let name = asked.1.rsplit_once("/pr/").map(|(_, name)| name);
        name.is_some_and(|name| !name.starts_with('.') && name != "zarr.json")
    };
    let found: Vec<&Asked> = asked.iter().filter(chunk).collect();
    (found.iter().map(|a| a.1.as_str()).collect(), found.iter().map(|a| a.2).sum())
}

const DAYS: &str = "2004-01-11/2004-01-15";

#[test]
fn a_tile_of_a_remote_group_is_the_local_one_and_costs_its_own_chunks() {
    let sandbox = Sandbox::new();
    let server = Server::start(sandbox.path("groups"));
    for (version, how) in [
        (3, "consolidated"),
        (3, "listed"),
        (3, "sharded consolidated"),
        (3, "sharded scaled"),
        (3, "plain"),
        (3, "blosc"),
        (3, "blosc bits sharded"),
        (2, "consolidated"),
        (2, "blosc consolidated"),
        (2, "scaled listed"),
        (2, "plain consolidated"),
    ] {
        let name = format!("{version}-{}.zarr", how.replace(' ', "-"));
        if !written(&sandbox, &name, version, how) {
            return;
        }
        let local = sandbox.path("groups").join(&name);
        let here = read(&sandbox, &sandbox.spool(), local.to_str().unwrap(), DAYS).unwrap();
        assert!(here.iter().filter(|v| !v.is_nan()).count() > here.len() / 2);
        let (spool, href) = (sandbox.spool(), format!("{}/{name}", server.url));
        server.asked();
        let there = read(&sandbox, &spool, &href, DAYS).unwrap();
        assert!(same(&here, &there), "{name}");
        let asked = server.asked();
        let (found, bytes) = chunks(&asked);
        // Rows 40 to 46 and columns 40 to 45 of the raster, and one day's chunks.
        let meant = match (version, how.contains("sharded")) {
            (3, true) => format!("/{name}/pr/c/0/0/0"),
            (3, false) => format!("/{name}/pr/c/1/1/1"),
            _ => format!("/{name}/pr/1.1.1"),
        };
        assert_eq!(found, BTreeSet::from([meant.as_str()]), "{asked:?}");
        let whole = fs::metadata(sandbox.path("groups").join(&meant[1..])).unwrap().len();
        let whole = usize::try_from(whole).unwrap();
        println!("{name}: {} requests, {bytes} bytes of {whole}", asked.len());
        // Of a shard of eight chunks one, and its index.
        assert!(
            if how.contains("sharded") { bytes < whole / 6 } else { bytes == whole },
            "{bytes} of {whole}"
        );
        // What was said once isn't asked again: other days of the same place cost their chunks alone.
        let more = "2004-01-21/2004-01-22";
        let again = read(&sandbox, &spool, &href, more).unwrap();
        assert!(same(&again, &read(&sandbox, &sandbox.spool(), local.to_str().unwrap(), more).unwrap()));
        let asked = server.asked();
        let others = asked.iter().filter(|a| a.0 == "GET" && !a.1.contains("/pr/")).count();
        assert!(others == 0 && chunks(&asked).0.len() == 1, "{asked:?}");
        assert!(asked.len() <= if how.contains("sharded") { 3 } else { 1 }, "{asked:?}");
    }
}

#[test]
fn shards_are_brought_whole_where_there_are_no_ranges() {
    let sandbox = Sandbox::new();
    let server = Server::new(sandbox.path("groups"), false);
    if !written(&sandbox, "sharded.zarr", 3, "sharded") {
        return;
    }
    let local = sandbox.path("groups").join("sharded.zarr");
    let (spool, href) = (sandbox.spool(), format!("{}/sharded.zarr", server.url));
    for days in [DAYS, "2004-01-21/2004-01-22", DAYS] {
        let here = read(&sandbox, &sandbox.spool(), local.to_str().unwrap(), days).unwrap();
        assert!(same(&here, &read(&sandbox, &spool, &href, days).unwrap()), "{days}");
    }
    // Two shards were asked for, each by a range that wasn't given, and then whole.
    let asked = server.asked();
    let of_shards = asked.iter().filter(|a| a.0 == "GET" && a.1.contains("/pr/c/")).count();
    assert_eq!(of_shards, 4, "{asked:?}");
}

#[test]
fn a_group_of_our_own_is_read_at_its_place() {
    let sandbox = Sandbox::new();
    own(&sandbox, "own.zarr");
    let server = Server::start(sandbox.path("groups"));
    let local = sandbox.path("groups/own.zarr");
    for name in ["own.zarr", "own.zarr/"] {
        let here = read(&sandbox, &sandbox.spool(), local.to_str().unwrap(), DAYS).unwrap();
        let there = read(&sandbox, &sandbox.spool(), &format!("{}/{name}", server.url), DAYS).unwrap();
        assert!(same(&here, &there) && here.iter().all(|v| !v.is_nan()));
        let asked = server.asked();
        let sent: usize = asked.iter().map(|a| a.2).sum();
        let whole = fs::metadata(local.join("pr/c/0/0/0")).unwrap().len();
        println!("{sent} bytes of a shard of {whole}: {asked:?}");
        assert!(sent < usize::try_from(whole).unwrap() / 2);
    }
    // A name that says nothing, with a media type that does.
    fs::rename(&local, sandbox.path("groups/cube")).unwrap();
    let asset = json!({ "href": format!("{}/cube", server.url), "type": "application/vnd.zarr; version=3" });
    assert!(read_of(&sandbox, &sandbox.spool(), &asset, DAYS).is_ok());
}

#[test]
fn a_chunk_that_is_missing_is_fill_and_a_damaged_one_is_told() {
    let sandbox = Sandbox::new();
    let server = Server::start(sandbox.path("groups"));
    for (version, how, chunk) in [
        (3, "consolidated", "pr/c/1/1/1"),
        (3, "plain", "pr/c/1/1/1"),
        (3, "sharded", "pr/c/0/0/0"),
        (2, "consolidated", "pr/1.1.1"),
        (2, "plain consolidated", "pr/1.1.1"),
        (2, "blosc consolidated", "pr/1.1.1"),
    ] {
        let name = format!("{version}-{}.zarr", how.replace(' ', "-"));
        if !written(&sandbox, &name, version, how) {
            return;
        }
        let (group, href) = (sandbox.path("groups").join(&name), format!("{}/{name}", server.url));
        let file = group.join(chunk);
        let whole = fs::read(&file).unwrap();
        for short in [whole.len() / 2, whole.len() - 1, 5] {
            fs::write(&file, &whole[..short]).unwrap();
            let _ = fs::remove_dir_all(sandbox.path("spool"));
            let error = read(&sandbox, &sandbox.spool(), &href, DAYS).unwrap_err();
            let told = words(&error);
            assert!(told.contains(&href), "{name}: {told}");
        }
        if !how.contains("plain") {
            let mut other = whole.clone();
            // Where the data of the wanted chunk of a shard lie, too: all of them.
            for byte in &mut other {
                *byte ^= 0x15;
            }
            fs::write(&file, other).unwrap();
            let _ = fs::remove_dir_all(sandbox.path("spool"));
            let told = words(&read(&sandbox, &sandbox.spool(), &href, DAYS).unwrap_err());
            println!("{name}: {told}");
            assert!(told.contains(&href), "{told}");
        }
        // A copy from an earlier run doesn't stand for a chunk that is gone by now.
        fs::write(&file, &whole).unwrap();
        let before = read(&sandbox, &sandbox.spool(), &href, DAYS).unwrap();
        fs::remove_file(&file).unwrap();
        let fill = read(&sandbox, &sandbox.spool(), &href, DAYS).unwrap();
        assert!(before.iter().any(|v| !v.is_nan()) && fill.iter().all(|v| v.is_nan()), "{name}");
        // And one that is another by now is taken.
        let other = if version == 3 { "pr/c/1/0/0" } else { "pr/1.0.0" };
        if !how.contains("sharded") {
            fs::copy(group.join(other), &file).unwrap();
            let changed = read(&sandbox, &sandbox.spool(), &href, DAYS).unwrap();
            let here = read(&sandbox, &sandbox.spool(), group.to_str().unwrap(), DAYS).unwrap();
            assert!(same(&changed, &here) && !same(&changed, &before), "{name}");
        }
    }
}

#[test]
fn a_document_that_is_missing_is_named() {
    let sandbox = Sandbox::new();
    let server = Server::start(sandbox.path("groups"));
    if !written(&sandbox, "3.zarr", 3, "listed") || !written(&sandbox, "2.zarr", 2, "listed") {
        return;
    }
    let told = |name: &str, asset: serde_json::Value| {
        let mut asset = asset;
        asset["href"] = format!("{}/{name}", server.url).into();
        words(&read_of(&sandbox, &sandbox.spool(), &asset, DAYS).unwrap_err())
    };
    let named = json!({ "bands": [{ "name": "pr" }] });
    let said = told("nothing.zarr", named.clone());
    assert!(said.contains(&format!("{}/nothing.zarr/zarr.json", server.url)), "{said}");
    for (name, document) in [("3.zarr", "zarr.json"), ("2.zarr", ".zarray")] {
        // Without consolidated metadata nobody says what arrays there are.
        let said = told(name, json!({}));
        assert!(said.contains("no consolidated metadata"), "{said}");
        let said = told(name, json!({ "bands": [{ "name": "tmax" }] }));
        assert!(said.contains(&format!("{}/{name}/tmax/{document}", server.url)), "{said}");
        let said = told(name, json!({ "bands": [{ "name": "../2.zarr/pr" }] }));
        assert!(said.contains("can't be an array"), "{said}");
        fs::remove_file(sandbox.path("groups").join(name).join("lat").join(document)).unwrap();
        let said = told(name, named.clone());
        assert!(said.contains(name) && said.contains("lat"), "{said}");
    }
}

#[test]
fn a_group_that_changes_while_it_is_read_is_noticed() {
    let sandbox = Sandbox::new();
    let server = Server::start(sandbox.path("groups"));
    for (version, how) in [(3, "sharded consolidated"), (3, "consolidated"), (2, "consolidated")] {
        let name = format!("{version}-{}.zarr", how.replace(' ', "-"));
        if !written(&sandbox, &name, version, how) {
            return;
        }
        let (spool, href) = (sandbox.spool(), format!("{}/{name}", server.url));
        read(&sandbox, &spool, &href, DAYS).unwrap();
        fs::remove_dir_all(sandbox.path("groups").join(&name)).unwrap();
        written(&sandbox, &name, version, &format!("{how} scaled"));
        std::thread::sleep(Duration::from_millis(1100));
        let told = words(&read(&sandbox, &spool, &href, "2004-01-21/2004-01-22").unwrap_err());
        assert!(told.contains("changed while it was read"), "{name}: {told}");
        // The next run begins with what there is now.
        assert!(read(&sandbox, &sandbox.spool(), &href, DAYS).is_ok());
    }
}

#[test]
fn a_quality_layer_in_the_same_group_is_read_where_it_lies() {
    let sandbox = Sandbox::new();
    let server = Server::start(sandbox.path("groups"));
    let mask: Mask = "quality:BITS=0:0".parse().unwrap();
    for (version, how) in [(3, "quality"), (2, "quality consolidated")] {
        let name = format!("{version}.zarr");
        if !written(&sandbox, &name, version, how) {
            return;
        }
        let read = |href: &str| {
            let asset = json!({ "value": { "href": href, "bands": [{ "name": "pr" }] } });
            let items = sandbox.items(&[item_with("a", "2004-01-01/2004-02-09", &asset)]);
            let (spool, period) = (sandbox.spool(), DAYS.parse::<Period>().unwrap());
            let rules = Rules { mask: Some(mask.clone()), ..rules() };
            let series = Series::by_rules("value", &items, "value", &rules, &spool, &Proj).unwrap();
            let days: Vec<Date> = period.days().collect();
            TileReader::<f64>::open(&series, target("west"), rules, period, Plans::default(), &spool, &Proj)
                .and_then(|mut reader| Ok(reader.read(&days)?.values().to_vec()))
                .unwrap()
        };
        let here = read(sandbox.path("groups").join(&name).to_str().unwrap());
        let there = read(&format!("{}/{name}", server.url));
        let missing = here.iter().filter(|v| v.is_nan()).count();
        assert!(same(&here, &there) && missing > here.len() / 3, "{name}: {missing} of {}", here.len());
    }
}

#[test]
fn keys_follow_what_is_said_of_a_group() {
    let sandbox = Sandbox::new();
    own(&sandbox, "a.zarr");
    let server = Server::start(sandbox.path("groups"));
    let href = format!("{}/a.zarr", server.url);
    let key = |asset: serde_json::Value| {
        let items = sandbox.items(&[item_with("a", "2004-01-01/2004-02-09", &json!({ "value": asset }))]);
        let series = Series::from_items("value", &items, "value", &sandbox.spool(), &Proj).unwrap();
        series.assets[0].key().unwrap()
    };
    let remote = key(json!({ "href": href }));
    assert_eq!(remote, key(json!({ "href": href })));
    // A digest of all files stands for the group wherever it lies; none was computed to say so.
    let folder = json!({ "files": 9, "size": 1, "checksum": "1220aa" });
    let stated = key(json!({ "href": href, "seedbed:folder": folder }));
    assert_eq!(stated, key(json!({ "href": "groups/a.zarr", "seedbed:folder": folder })));
    assert_ne!(stated, remote);
    // A group that was written anew has another document.
    let document = sandbox.path("groups/a.zarr/zarr.json");
    let text = fs::read_to_string(&document).unwrap();
    fs::write(&document, text + " ").unwrap();
    assert_ne!(key(json!({ "href": href })), remote);
}
