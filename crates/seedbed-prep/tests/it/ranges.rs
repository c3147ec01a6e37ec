//! Remote netCDF-4 files and TIFFs: what a tile needs is read by ranges, or all is fetched.

use crate::support::{Sandbox, item, item_with, rules, target};
use seedbed_block::{Date, Period, PixelRange};
use seedbed_prep::{Mask, Plans, PrepError, Rules, Series, Spool, TileReader};
use seedbed_raster::Proj;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Forty days of 100×120 pixels around both tiles, in chunks of 25×30.
const WRITE: &str = "
import sys, netCDF4, numpy as np
with netCDF4.Dataset(sys.argv[1], 'w') as f:
    for name, size in (('time', 40), ('lat', 100), ('lon', 120)):
        f.createDimension(name, size)
    lat, lon, time = (f.createVariable(n, 'f8', (n,)) for n in ('lat', 'lon', 'time'))
    lat.units, lon.units, time.units = 'degrees_north', 'degrees_east', 'days since 2004-01-01'
    lat[:], lon[:] = 50 - 0.1 * (np.arange(100) + 0.5), -94 + 0.1 * (np.arange(120) + 0.5)
    time[:] = np.arange(40)
    v = f.createVariable('pr', 'f4', ('time', 'lat', 'lon'), zlib=True, shuffle=True, chunksizes=(1, 25, 30))
    v.units = 'mm'
    v[:] = np.random.default_rng(1).uniform(0, 99, (40, 100, 120))
    if sys.argv[2] == 'whole':
        v[:] = np.random.default_rng(2).integers(0, 1 << 20, v.shape)
";

/// A web server of one file, which counts the bytes it sends.
struct Server {
    url: String,
    sent: Arc<AtomicUsize>,
    /// Which version of the file it says that it has.
    version: Arc<AtomicUsize>,
}

impl Server {
    fn start(body: Vec<u8>, ranges: bool) -> Self {
        Self::named("pr.nc", body, ranges)
    }

    fn named(name: &str, body: Vec<u8>, ranges: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/{name}", listener.local_addr().unwrap());
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = sent.clone();
        let version = Arc::new(AtomicUsize::new(0));
        let told = version.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is no matter.
                let _ = answer(stream, &body, ranges, &counted, told.load(Ordering::SeqCst));
            }
        });
        Self { url, sent, version }
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

fn answer(
    mut stream: TcpStream,
    body: &[u8],
    ranges: bool,
    sent: &AtomicUsize,
    version: usize,
) -> std::io::Result<()> {
    let (mut head, mut range) = (false, None);
    for (n, line) in BufReader::new(stream.try_clone()?).lines().enumerate() {
        let line = line?.to_ascii_lowercase();
        head |= n == 0 && line.starts_with("head");
        if let Some((from, to)) = line.strip_prefix("range: bytes=").and_then(|r| r.split_once('-')) {
            range = from.parse::<usize>().ok().zip(to.parse::<usize>().ok());
        }
        if line.is_empty() {
            break;
        }
    }
    let size = body.len();
    let (status, part, extra) = match range.filter(|_| ranges) {
        Some((from, to)) => {
            let to = to.min(size - 1);
            ("206 Partial Content", &body[from..=to], format!("Content-Range: bytes {from}-{to}/{size}\r\n"))
        }
        None => ("200 OK", body, String::new()),
    };
    let length = part.len();
    let told = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{extra}ETag: \"{version}\"\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(told.as_bytes())?;
    if !head {
        sent.fetch_add(length, Ordering::SeqCst);
        stream.write_all(part)?;
    }
    Ok(())
}

/// The file, or `None` with a line that says why.
fn file(sandbox: &Sandbox) -> Option<Vec<u8>> {
    written(sandbox, "pr.nc", "fractions")
}

/// A file of such numbers.
fn written(sandbox: &Sandbox, name: &str, numbers: &str) -> Option<Vec<u8>> {
    let Ok(python) = std::env::var("SEEDBED_PYTHON") else {
        println!("skipped: SEEDBED_PYTHON is not set");
        return None;
    };
    let path = sandbox.path(name);
    assert!(Command::new(python).args(["-c", WRITE]).arg(&path).arg(numbers).status().unwrap().success());
    Some(std::fs::read(path).unwrap())
}

/// The west tile on some days of the asset at `href`.
fn read(sandbox: &Sandbox, spool: &Spool, href: &str, days: &str) -> Vec<f64> {
    reads(sandbox, spool, href, days).unwrap()
}

fn reads(sandbox: &Sandbox, spool: &Spool, href: &str, days: &str) -> Result<Vec<f64>, PrepError> {
    let items = if href.starts_with("http") {
        item_with(
            "a",
            "2004-01-01/2004-02-09",
            &json!({ "value": { "href": href, "bands": [{ "unit": "mm" }] } }),
        )
    } else {
        item("a", "2004-01-01/2004-02-09", href)
    };
    let series = sandbox.series("value", &[items])?;
    let period: Period = days.parse().unwrap();
    let mut reader =
        TileReader::open(&series, target("west"), rules(), period, Plans::default(), spool, &Proj)?;
    let days: Vec<Date> = period.days().collect();
    Ok(reader.read(&days)?.values().to_vec())
}

fn copies(sandbox: &Sandbox) -> usize {
    let is_copy = |path: &&std::path::PathBuf| path.ends_with("pr.nc");
    sandbox.files("spool").keys().collect::<Vec<_>>().iter().filter(|p| is_copy(p)).count()
}

#[test]
fn a_tile_of_a_remote_cog_costs_its_own_blocks() {
    let sandbox = Sandbox::new();
    let at = PixelRange { row0: 0, col0: 0, rows: 1300, cols: 1400 };
    let noise = |n: usize| f64::from(u32::try_from(n * 2_654_435_761 % 100_000).unwrap()) / 1000.0;
    sandbox.cog("large.tif", at, noise);
    let whole = std::fs::read(sandbox.path("large.tif")).unwrap();
    let expected = read(&sandbox, &sandbox.spool(), "./large.tif", "2004-01-01/2004-01-01");
    assert!(expected.iter().any(|v| *v > 50.0) && expected.iter().all(|v| !v.is_nan()));
    for (ranges, name) in [(true, "large.tif"), (false, "large.tif")] {
        let server = Server::named(name, whole.clone(), ranges);
        let spool = sandbox.spool();
        let found = read(&sandbox, &spool, &server.url, "2004-01-01/2004-01-01");
        assert!(expected.iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits()), "ranges: {ranges}");
        let is_part = server.sent() < whole.len() / 3;
        assert_eq!(is_part, ranges, "{} of {} bytes", server.sent(), whole.len());
        // The next tile, and the next day's run, ask for no tags again.
        let before = server.sent();
        read(&sandbox, &spool, &server.url, "2004-01-01/2004-01-01");
        let again = server.sent() - before;
        assert!(again < before - (1 << 16) + 1 || !ranges, "{again} after {before}");
        let spooled = sandbox.files("spool").into_keys().filter(|p| p.ends_with(name)).count();
        assert_eq!(spooled, usize::from(!ranges));
    }
}

#[test]
fn a_tile_of_a_remote_file_costs_its_own_chunks() {
    let sandbox = Sandbox::new();
    let Some(body) = file(&sandbox) else { return };
    let size = body.len();
    let server = Server::start(body, true);
    let days = "2004-01-11/2004-01-15";
    let spool = sandbox.spool();
    let by_ranges = read(&sandbox, &spool, &server.url, days);
    assert_eq!(by_ranges, read(&sandbox, &sandbox.spool(), "pr.nc", days));
    let sent = server.sent();
    println!("{sent} of {size} bytes");
    assert!(sent < size / 2 && copies(&sandbox) == 0, "{sent} of {size}");
    // The metadata are remembered, and other days come by ranges, too.
    let more = "2004-01-20/2004-01-22";
    assert_eq!(read(&sandbox, &spool, &server.url, more), read(&sandbox, &sandbox.spool(), "pr.nc", more));
    // Their chunks, and two blocks of 64 KiB in which the chunks are listed.
    let listed = 2 << 16;
    assert!(server.sent() - sent < size / 16 + listed, "{} more", server.sent() - sent);
}

#[test]
fn a_quality_layer_in_a_file_of_its_own_is_read_by_ranges_too() {
    let sandbox = Sandbox::new();
    let Some((body, quality)) = file(&sandbox).zip(written(&sandbox, "quality.nc", "whole")) else { return };
    let sizes = (body.len(), quality.len());
    let servers = (Server::start(body, true), Server::start(quality, true));
    let period: Period = "2004-01-11/2004-01-15".parse().unwrap();
    let mask: Mask = "quality:BITS=0:0".parse().unwrap();
    let days: Vec<Date> = period.days().collect();
    let read = |value: &str, quality: &str| {
        let assets = json!({ "value": { "href": value }, "quality": { "href": quality } });
        let items = [item_with("a", "2004-01-01/2004-02-09", &assets)];
        let items = sandbox.items(&items);
        let spool = sandbox.spool();
        let rules = Rules { mask: Some(mask.clone()), ..rules() };
        let series = Series::by_rules("value", &items, "value", &rules, &spool, &Proj).unwrap();
        TileReader::<f64>::open(&series, target("west"), rules, period, Plans::default(), &spool, &Proj)
            .and_then(|mut reader| Ok(reader.read(&days)?.values().to_vec()))
            .unwrap()
    };
    let masked = read(&servers.0.url, &servers.1.url);
    assert!(servers.0.sent() < sizes.0 / 2 && servers.1.sent() < sizes.1 / 2 && copies(&sandbox) == 0);
    let here = |name: &str| sandbox.path(name).display().to_string();
    let same = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
    let local = read(&here("pr.nc"), &here("quality.nc"));
    assert!(masked.iter().zip(&local).all(|(a, b)| same(a, b)));
    let missing = masked.iter().filter(|v| v.is_nan()).count();
    assert!((masked.len() / 3..masked.len() * 2 / 3).contains(&missing), "{missing} of {}", masked.len());
}

#[test]
fn a_file_of_which_much_was_read_is_fetched() {
    let sandbox = Sandbox::new();
    let Some(body) = file(&sandbox) else { return };
    let server = Server::start(body, true);
    let spool = sandbox.spool();
    let days = "2004-01-01/2004-02-09";
    let expected = read(&sandbox, &sandbox.spool(), "pr.nc", days);
    for _ in 0..9 {
        assert_eq!(read(&sandbox, &spool, &server.url, days), expected);
    }
    // Each time a sixteenth: the ninth time fetches all.
    assert_eq!(copies(&sandbox), 1);
    let sent = server.sent();
    assert_eq!(read(&sandbox, &spool, &server.url, days), expected);
    assert_eq!(server.sent(), sent);
}

#[test]
fn a_server_without_ranges_gives_the_whole_file() {
    let sandbox = Sandbox::new();
    let Some(body) = file(&sandbox) else { return };
    let server = Server::start(body, false);
    let days = "2004-01-11/2004-01-15";
    let whole = read(&sandbox, &sandbox.spool(), &server.url, days);
    assert_eq!(whole, read(&sandbox, &sandbox.spool(), "pr.nc", days));
    assert_eq!(copies(&sandbox), 1);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let sandbox = Sandbox::new();
    let Some(body) = file(&sandbox) else { return };
    let server = Server::start(body, true);
    let spool = sandbox.spool();
    read(&sandbox, &spool, &server.url, "2004-01-11/2004-01-12");
    server.version.store(1, Ordering::SeqCst);
    let error = reads(&sandbox, &spool, &server.url, "2004-01-20/2004-01-21").unwrap_err();
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    assert!(told.contains("changed while it was read"), "{told}");
}
