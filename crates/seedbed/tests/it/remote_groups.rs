//! Zarr groups in buckets, at WebDAV servers and behind doors: aligned and tabulated as local ones are.

use crate::python::{interpreter, python};
use crate::real::{item, items};
use crate::sandbox::{Ran, Sandbox};
use crate::servers::{self, Served};
use crate::{block_on, grid_servers};
use seedbed_storage::{Environment, Location, NamedStores, Settings, Stores};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const S3: &str = "[objects]\nkind = \"s3\"\nendpoint = \"URL\"\n\
    auth = { access_key_env = \"ID\", secret_key_env = \"SECRET\" }\n";
const DCACHE: &str = "[surf]\nkind = \"dcache\"\ndoor = \"URL\"\nauth = { bearer_env = \"TOKEN\" }\n";
const WEBDAV: &str = "[apache]\nkind = \"webdav\"\nurl = \"URL\"\nauth = { bearer_env = \"TOKEN\" }\n";
const KEYS: [(&str, &str); 2] = [("ID", "AKTEST"), ("SECRET", "SKTEST12345")];

/// Groups of forty days and 100×120 pixels, which begin at 94° W and 50° N.
const WRITE: &str = "
import numpy as np, xarray
values = np.random.default_rng(1).uniform(0, 99, (40, 100, 120)).astype('float32')
values[11, 20:30, 30:50] = np.nan
d = xarray.Dataset(
    {'pr': (('time', 'lat', 'lon'), values, {'units': 'mm'})},
    {'time': (('time',), np.arange(40), {'units': 'days since 2004-01-01'}),
     'lat': (('lat',), 50 - 0.1 * (np.arange(100) + 0.5), {'units': 'degrees_north'}),
     'lon': (('lon',), -94 + 0.1 * (np.arange(120) + 0.5), {'units': 'degrees_east'})})
chunks = {'chunks': (10, 25, 30)}
for name, version, more, consolidated in (
    ('three', 3, {}, True), ('sharded', 3, {'shards': (20, 50, 60)}, False), ('two', 2, {}, True)):
    d.to_zarr(f'groups/{name}.zarr', zarr_format=version, encoding={'pr': chunks | more}, consolidated=consolidated)
";

/// The groups, and the grid and points at which they are read.
pub fn prepared() -> Option<Sandbox> {
    let sandbox = Sandbox::new();
    let found = Command::new(interpreter()?).args(["-c", "import zarr"]).output().unwrap();
    if !found.status.success() {
        println!("skipped: the Python of SEEDBED_PYTHON has no zarr");
        return None;
    }
    python(&sandbox, WRITE, [""; 0])?.succeeds();
    let grid =
        "grid --bbox=-92.9,46.1,-92.1,46.9 --crs EPSG:4326 --resolution 0.1 --tile 10px --out t.geojson";
    sandbox.seedbed(grid.split_whitespace()).succeeds();
    sandbox.write("points.csv", "site,lat,lon\na,46.55,-92.55\nb,46.15,-92.25\n");
    let corners = [[-92.9, 46.1], [-92.1, 46.1], [-92.1, 46.9], [-92.9, 46.9], [-92.9, 46.1]];
    let zone = json!({ "type": "Feature", "properties": { "name": "z" },
        "geometry": { "type": "Polygon", "coordinates": [corners] } });
    sandbox.write("zones.geojson", json!({ "type": "FeatureCollection", "features": [zone] }).to_string());
    Some(sandbox)
}

pub const GROUPS: [&str; 3] = ["three", "sharded", "two"];

/// The items of groups whose folder is at `top`.
pub fn describe(sandbox: &Sandbox, name: &str, top: &str) {
    let all: Vec<Value> = GROUPS
        .iter()
        .map(|group| {
            let asset = json!({ "href": format!("{top}/{group}.zarr"), "type": "application/vnd.zarr",
                "bands": [{ "name": "pr", "unit": "mm" }] });
            let bbox = [-94.0, 40.0, -82.0, 50.0];
            item(group, bbox, "2004-01-01", "2004-02-09", &json!({}), &json!({ *group: asset }))
        })
        .collect();
    sandbox.write(name, items(&all));
}

/// A store with the groups in it.
pub struct Place {
    pub name: &'static str,
    pub top: Location,
    pub stores: Stores,
    pub toml: String,
    pub variables: Vec<(&'static str, &'static str)>,
    pub served: Served,
}

impl Place {
    fn new(
        name: &'static str,
        top: &str,
        toml: &str,
        variables: &[(&'static str, &'static str)],
        served: Served,
    ) -> Self {
        let url = if name == "Apache" { format!("dav://127.0.0.1:{}/", served.port) } else { served.url() };
        let toml = toml.replace("URL", &url);
        let environment = Environment::of(variables.iter().copied());
        let named = NamedStores::from_toml(Path::new("stores.toml"), &toml, &environment).unwrap();
        let stores = Stores::new(Settings { named, environment, ..Settings::default() }).unwrap();
        let top = top.replace("URL", url.trim_end_matches('/')).parse().unwrap();
        Self { name, top, stores, toml, variables: variables.to_vec(), served }
    }

    pub fn bucket() -> Option<Self> {
        Some(Self::new("S3", "s3://bucket/groups", S3, &KEYS, servers::seaweed()?))
    }

    pub fn apache() -> Option<Self> {
        Some(Self::new("Apache", "URL/groups", WEBDAV, &[("TOKEN", "TOK")], grid_servers::apache()?))
    }

    pub fn dcache() -> Option<Self> {
        let top = "dcache://pnfs/site/data/groups";
        Some(Self::new("dCache", top, DCACHE, &[("TOKEN", "RW")], servers::dcache("read")?))
    }

    pub fn fill(&self, sandbox: &Sandbox) {
        for name in sandbox.files().iter().filter_map(|name| name.strip_prefix("groups/")) {
            let bytes = std::fs::read(sandbox.path("groups").join(name)).unwrap();
            block_on(self.stores.replace(&self.top.join(name), bytes.into())).unwrap();
        }
        sandbox.write("stores.toml", &self.toml);
    }

    pub fn seedbed(&self, sandbox: &Sandbox, args: &[&str]) -> Ran {
        let mut command = sandbox.command(args);
        command.args(["--stores", "stores.toml"]).envs(self.variables.iter().copied());
        Ran::new(format!("{}: seedbed {args:?}", self.name), &command.output().unwrap())
    }
}

/// The COGs of a product, by tile, period and name.
pub fn cogs(sandbox: &Sandbox, product: &str) -> BTreeMap<String, Vec<u8>> {
    let files = sandbox.files().into_iter().filter(|name| name.starts_with(&format!("{product}/")));
    let tif = files.filter(|name| Path::new(name).extension().is_some_and(|e| e == "tif"));
    tif.map(|name| {
        let parts: Vec<&str> = name.split('/').collect();
        let key = format!("{} {} {}", parts[1], parts[2], parts[parts.len() - 1]);
        (key, std::fs::read(sandbox.path(&name)).unwrap())
    })
    .collect()
}

#[test]
fn a_group_in_a_store_is_aligned_and_tabulated_as_a_local_one() {
    let Some(sandbox) = prepared() else { return };
    describe(&sandbox, "here.json", "groups");
    let prep = |items: &str, group: &str, out: &str| {
        let args = ["prep", items, "--assets", group, "--grid", "t.grid.json", "--datetime"];
        [&args[..], &["2004-01-11/2004-01-13", "--out", out]].concat().join(" ")
    };
    let table = |of: &str, items: &str, group: &str, out: &str| {
        let places = if of == "zonal" { "--zones zones.geojson --id name" } else { "--points points.csv" };
        format!("{of} {items} {places} --variables {group} --out {out}")
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
    for group in GROUPS {
        sandbox.seedbed(words(&prep("here.json", group, &format!("here-{group}")))).succeeds();
        for of in ["zonal", "series"] {
            sandbox.seedbed(words(&table(of, "here.json", group, &format!("{of}-{group}.csv")))).succeeds();
        }
    }
    for place in [Place::bucket(), Place::apache(), Place::dcache()].into_iter().flatten() {
        place.fill(&sandbox);
        describe(&sandbox, "there.json", &place.top.to_string());
        for group in GROUPS {
            let run = |text: &str| {
                let args = words(text);
                place.seedbed(&sandbox, &args.iter().map(String::as_str).collect::<Vec<_>>())
            };
            if place.name == "dCache" {
                servers::dcache_log(&place.served);
            }
            let ran = run(&(prep("there.json", group, &format!("there-{group}")) + " -v")).succeeds();
            assert_eq!(ran.stderr.contains("read by GDAL's Zarr driver"), group == "two", "{}", ran.stderr);
            if place.name == "dCache" {
                only_what_is_needed(&place, group);
            }
            let (here, there) = (format!("here-{group}"), format!("there-{group}"));
            assert_eq!(cogs(&sandbox, &here).len(), 3);
            assert!(cogs(&sandbox, &here) == cogs(&sandbox, &there), "{}: {group}", place.name);
            run(&prep("there.json", group, &there)).succeeds().prints("3 there already");
            std::fs::remove_dir_all(sandbox.path(&there)).unwrap();
            for of in ["zonal", "series"] {
                run(&table(of, "there.json", group, "there.csv")).succeeds();
                let (here, there) = (sandbox.read(format!("{of}-{group}.csv")), sandbox.read("there.csv"));
                assert!(here == there && here.lines().count() > 40, "{}: {here}\n{there}", place.name);
            }
        }
        // What is damaged is told by its address, and nothing is made of it.
        let at = place.top.join("three.zarr/pr/c/1/1/0");
        block_on(place.stores.replace(&at, vec![7; 900].into())).unwrap();
        let args = words(&prep("there.json", "three", "damaged"));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = place.seedbed(&sandbox, &args).exits(1);
        assert!(ran.stderr.contains(&at.to_string()), "{}", ran.stderr);
        println!("{}: three groups, aligned and tabulated as the local ones", place.name);
    }
}

/// What was asked of a door: documents, coordinates, and the one chunk or the index and the one
/// chunk of a shard under the tile.
fn only_what_is_needed(place: &Place, group: &str) {
    let log = servers::dcache_log(&place.served);
    let chunks: Vec<_> = log
        .iter()
        .filter(|(server, method, path, _)| {
            let name =
                path.split('?').next().unwrap().rsplit_once(".zarr/pr/").map(|(_, name)| name.to_owned());
            let is_chunk = name.is_some_and(|n| n != "zarr.json" && !n.starts_with('.'));
            method == "GET" && is_chunk && server != "door"
        })
        .collect();
    println!("{group}: {} requests, of which for chunks: {chunks:?}", log.len());
    let ranged =
        chunks.iter().filter(|(.., headers)| headers.keys().any(|k| k.eq_ignore_ascii_case("range")));
    match group {
        "sharded" => assert_eq!((chunks.len(), ranged.count()), (2, 2), "{chunks:?}"),
        _ => assert_eq!((chunks.len(), ranged.count()), (1, 0), "{chunks:?}"),
    }
}
