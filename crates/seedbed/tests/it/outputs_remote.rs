//! Products in buckets and behind doors: the bytes of a local run, whoever is killed, doubled or refused on the way.

use crate::basin::{Chain, PERIODS, TILES, VARIABLES, Whole};
use crate::python::{interpreter, python};
use crate::sandbox::Ran;
use crate::servers::{self, Served};
use crate::wall::Wall;
use crate::{block_on, grid_servers};
use seedbed_storage::{Environment, Location, NamedStores, Settings, Stores};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

const S3: &str = "[objects]\nkind = \"s3\"\nendpoint = \"URL\"\n\
    auth = { access_key_env = \"ID\", secret_key_env = \"SECRET\" }\n";
const DCACHE: &str = "[surf]\nkind = \"dcache\"\ndoor = \"URL\"\nauth = { bearer_env = \"TOKEN\" }\n";
const WEBDAV: &str = "[apache]\nkind = \"webdav\"\nurl = \"URL\"\nauth = { bearer_env = \"TOKEN\" }\n";
const SECRET: &str = "SKTEST12345";
const KEYS: [(&str, &str); 2] = [("ID", "AKTEST"), ("SECRET", SECRET)];
const PRODUCTS: usize = TILES * PERIODS.len();

/// Files by their names from a product's root, with their bytes.
type Files = BTreeMap<String, Vec<u8>>;

/// Starts a place's server, if it can be had.
type Make = fn() -> Option<Place>;

/// A place for products in a store, and a chain before its run, whose commands know the store.
struct Place {
    name: String,
    chain: Chain,
    top: Location,
    stores: Stores,
    variables: Vec<(&'static str, &'static str)>,
    /// Its server, if no other holds it.
    served: Option<Served>,
}

impl Place {
    fn new(
        name: &str,
        top: &str,
        (toml, url): (&str, &str),
        variables: &[(&'static str, &'static str)],
        served: Option<Served>,
    ) -> Self {
        let chain = Whole::shared().before_the_run();
        let toml = toml.replace("URL", url);
        chain.sandbox.write("stores.toml", &toml);
        let environment = Environment::of(variables.iter().copied());
        let named = NamedStores::from_toml(Path::new("stores.toml"), &toml, &environment).unwrap();
        let stores = Stores::new(Settings { named, environment, ..Settings::default() }).unwrap();
        let (name, top, variables) = (name.to_owned(), top.parse().unwrap(), variables.to_vec());
        Self { name, chain, top, stores, variables, served }
    }

    fn bucket() -> Option<Self> {
        let served = servers::seaweed()?;
        Some(Self::bucket_at(&served.url(), Some(served)))
    }

    fn bucket_at(url: &str, served: Option<Served>) -> Self {
        Self::new("S3", "s3://bucket/runs/basin", (S3, url), &KEYS, served)
    }

    /// A service that ignores every precondition.
    fn careless_bucket() -> Option<Self> {
        let served = servers::rclone("s3", &["--auth-key", "AKTEST,SKTEST12345"])?;
        let url = served.url();
        Some(Self::new("rclone's S3", "s3://bucket/runs/basin", (S3, &url), &KEYS, Some(served)))
    }

    /// A plain WebDAV server, which looks first and renames then.
    fn apache() -> Option<Self> {
        let served = grid_servers::apache()?;
        let url = format!("dav://127.0.0.1:{}/", served.port);
        let top = format!("{url}runs/basin");
        Some(Self::new("Apache", &top, (WEBDAV, &url), &[("TOKEN", "TOK")], Some(served)))
    }

    fn dcache(redirects: &str) -> Option<Self> {
        let served = servers::dcache(redirects)?;
        Some(Self::dcache_at(&format!("dCache ({redirects})"), &served.url(), Some(served)))
    }

    fn dcache_at(name: &str, url: &str, served: Option<Served>) -> Self {
        let top = "dcache://pnfs/site/data/runs/basin";
        Self::new(name, top, (DCACHE, url), &[("TOKEN", "RW")], served)
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.chain.sandbox.command(args);
        command.args(["--stores", "stores.toml"]).envs(self.variables.iter().copied());
        command.env_remove("XDG_STATE_HOME").env_remove("SEEDBED_STATE");
        command
    }

    fn seedbed(&self, args: &[&str]) -> Ran {
        Ran::new(format!("{}: seedbed {args:?}", self.name), &self.command(args).output().unwrap())
    }

    /// `seedbed run` to the store.
    fn run(&self, more: &[&str]) -> Ran {
        let out = self.top.to_string();
        self.seedbed(&[&["run", "seedbed.toml", "--out", &out], more].concat())
    }

    fn start(&self) -> Child {
        let out = self.top.to_string();
        let mut command = self.command(&["run", "seedbed.toml", "--out", &out, "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What is below a folder of the store.
    fn files_in(&self, top: &Location) -> Files {
        block_on(async {
            let listed = match self.stores.list(top).await {
                Err(e) if e.is_not_found() => Vec::new(),
                listed => listed.unwrap(),
            };
            let mut files = Files::new();
            for file in listed {
                match self.stores.read_document(&file.at).await {
                    // A server that hears late of a kill may still tidy up.
                    Err(e) if e.is_not_found() => {}
                    bytes => drop(files.insert(file.at.names_within(top).unwrap(), bytes.unwrap().to_vec())),
                }
            }
            files
        })
    }

    fn files(&self) -> Files {
        self.files_in(&self.top)
    }

    fn replace(&self, name: &str, bytes: Vec<u8>) {
        block_on(self.stores.replace(&self.top.join(name), bytes.into())).unwrap();
    }

    fn remove(&self, name: &str) {
        block_on(self.stores.remove(&self.top.join(name))).unwrap();
    }

    /// That the store holds what the local run wrote, byte for byte, and nothing else.
    #[track_caller]
    fn equals(&self, local: &Files) {
        // rclone lists what it was given a little later where the machine is busy.
        let mut files = self.files();
        for _ in 0..20 {
            if local.keys().all(|name| files.contains_key(name)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_secs(1));
            files = self.files();
        }
        is_same(&self.name, &files, local);
    }
}

/// A product of the undisturbed local chain.
fn local(whole: &Whole, top: &str) -> Files {
    let below = |(name, bytes): (&String, &Vec<u8>)| {
        let name = name.strip_prefix(top)?.strip_prefix('/')?;
        (!name.is_empty() && !name.ends_with('/')).then(|| (name.to_owned(), bytes.clone()))
    };
    whole.written.iter().filter_map(below).collect()
}

fn is_record(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap();
    file.len() == 64 + ".json".len() && Path::new(file).extension().is_some_and(|e| e == "json")
}

/// A record without its links to what lay on this machine, which one in a store can't lead to.
fn without_local_sources(bytes: &[u8]) -> String {
    let mut record: Value = serde_json::from_slice(bytes).unwrap();
    let links = record["links"].as_array_mut().unwrap();
    links.retain(|l| l["rel"] != "derived_from" || l["href"].as_str().unwrap().starts_with("http"));
    serde_json::to_string_pretty(&record).unwrap()
}

#[track_caller]
fn is_same(place: &str, found: &Files, local: &Files) {
    let only = |one: &Files, other: &Files| {
        one.keys().filter(|name| !other.contains_key(*name)).cloned().collect::<Vec<_>>()
    };
    assert_eq!((only(found, local), only(local, found)), (Vec::new(), Vec::new()), "{place}");
    for (name, bytes) in found {
        if is_record(name) {
            assert_eq!(without_local_sources(bytes), without_local_sources(&local[name]), "{place}: {name}");
        } else {
            assert!(*bytes == local[name], "{place}: {name} is another file");
        }
    }
}

fn number(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or_else(|| panic!("no {key} in {report}"))
}

fn made_and_present(report: &Value) -> (usize, usize) {
    let count = |key| usize::try_from(number(report, key)).unwrap();
    (count("made"), count("present"))
}

/// Every store that tests start here: a service that heeds preconditions, one that ignores them, a plain WebDAV
/// server, and doors that redirect never, on read, and on both.
fn places() -> impl Iterator<Item = Place> {
    let others: [Make; 3] = [Place::bucket, Place::careless_bucket, Place::apache];
    let doors = ["never", "read", "both"];
    others.into_iter().filter_map(|make| make()).chain(doors.into_iter().filter_map(Place::dcache))
}

#[test]
fn a_run_to_a_store_writes_what_a_local_run_does() {
    let whole = Whole::shared();
    let tiles = local(&whole, "tiles");
    for place in places() {
        let out = place.top.to_string();
        let dry = place.run(&["--dry-run", "--json"]).succeeds().json();
        assert_eq!((number(&dry, "products"), number(&dry, "to_make")), (28, 28), "{dry}");
        assert_eq!(place.files(), Files::new(), "{}", place.name);
        let ran = place.run(&["--json", "-v"]).succeeds();
        assert_eq!(made_and_present(&ran.json()), (PRODUCTS, 0), "{}", place.name);
        assert_eq!(ran.json()["catalog"], place.top.join("catalog.json").to_string());
        let last_wins = ["rclone's S3", "Apache"].contains(&place.name.as_str());
        assert_eq!(ran.stderr.contains("can't create a file once"), last_wins, "{}", ran.stderr);
        println!("{}", ran.stderr);
        place.equals(&tiles);
        place.run(&[]).succeeds().prints("everything was done already");

        // The records alone tell, also on a machine that knows nothing of the run.
        for state in ["known", "elsewhere"] {
            let status = ["status", "seedbed.toml", "--out", &out, "--json"];
            let elsewhere = ["--state", "elsewhere"];
            let more = if state == "known" { &[][..] } else { &elsewhere };
            let status = place.seedbed(&[&status, more].concat()).succeeds().json();
            assert_eq!((number(&status, "done"), number(&status, "expected")), (28, 28), "{status}");
        }
        let verified = place.seedbed(&["verify", &out, "--json"]).succeeds().json();
        assert_eq!(number(&verified, "right"), 28, "{verified}");
        assert_eq!(number(&verified, "files"), (PRODUCTS * VARIABLES.len()) as u64);

        // What is lost or was changed is missed and made again.
        let cogs: Vec<&String> =
            tiles.keys().filter(|n| Path::new(n).extension().is_some_and(|e| e == "tif")).collect();
        // Of three products, one of six files each.
        place.remove(cogs[9]);
        place.remove(tiles.keys().rfind(|name| is_record(name)).unwrap());
        let mut other = tiles[cogs[0]].clone();
        *other.last_mut().unwrap() ^= 1;
        place.replace(cogs[0], other);
        let status = place.seedbed(&["status", "seedbed.toml", "--out", &out, "--json"]).succeeds().json();
        assert_eq!(number(&status, "done"), 25, "{status}");
        let verified = place.seedbed(&["verify", &place.top.join("catalog.json").to_string(), "--json"]);
        let problems = verified.exits(1).json()["problems"].clone();
        assert_eq!(problems.as_array().map(Vec::len), Some(3), "{problems}");
        assert_eq!(made_and_present(&place.run(&["--json"]).succeeds().json()), (3, PRODUCTS - 3));
        place.equals(&tiles);
        let everything = place.chain.sandbox.files();
        assert!(everything.iter().any(|name| name.contains("ledger/")), "{everything:?}");
        for name in everything.iter().filter(|name| !name.starts_with("data/")) {
            let bytes = std::fs::read(place.chain.sandbox.path(name)).unwrap();
            assert!(!bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()), "a secret is in {name}");
            assert!(!name.contains("scratch/") || name.ends_with("lock"), "{name} was left");
        }
        println!("{}: {PRODUCTS} products of the local run's bytes; lost, missed and made again", place.name);
    }
}

#[test]
fn products_in_a_store_are_read_put_together_and_cleaned() {
    let whole = Whole::shared();
    let (tiles, mosaics) = (local(&whole, "tiles"), local(&whole, "mosaic"));
    for place in [Place::bucket(), Place::dcache("both")].into_iter().flatten() {
        let out = place.top.to_string();
        place.run(&[]).succeeds();
        // From a store to this machine, and to the store.
        place.seedbed(&["mosaic", &out, "--out", "mosaic"]).succeeds();
        let here: Files = place
            .chain
            .written()
            .into_iter()
            .filter_map(|(name, bytes)| Some((name.strip_prefix("mosaic/")?.to_owned(), bytes)))
            .filter(|(name, _)| !name.is_empty() && !name.ends_with('/'))
            .collect();
        is_same(&place.name, &here, &mosaics);
        let there: Location = place.top.parent().unwrap().join("mosaic");
        let to = there.to_string();
        place.seedbed(&["mosaic", &out, "--out", &to]).succeeds();
        is_same(&place.name, &place.files_in(&there), &mosaics);
        place.seedbed(&["mosaic", &out, "--out", &to]).succeeds().prints("0 made, 7 there already");
        place.seedbed(&["verify", &to]).succeeds();
        place.seedbed(&["mosaic", &out, "--out", "v", "--format", "vrt"]).exits(2).says("--format cog");
        place.seedbed(&["mosaic", &out, "--out", &out]).exits(2).says("choose another folder");

        // As pictures and tables, which are those of the local product.
        let home = whole.chain.sandbox.path("tiles").display().to_string();
        place.chain.sandbox.write("points.csv", "name,longitude,latitude\na,-75.1,41.2\n");
        let seen = |product: &str| {
            place.seedbed(&["view", product, "--periods", "2004-11", "--out", "page"]).succeeds();
            place.seedbed(&["series", product, "--points", "points.csv", "--out", "series.csv"]).succeeds();
            ["page/quicklook-etasw-2004-11.png", "series.csv"]
                .map(|name| std::fs::read(place.chain.sandbox.path(name)).unwrap())
        };
        let local = seen(&home);
        assert!(seen(&out) == local && local[1].len() > 1000, "{}: it looks otherwise from afar", place.name);

        // As a catalog of items: described, validated, prepared from, copied.
        let catalog = place.top.join("catalog.json").to_string();
        let described = place.seedbed(&["catalog", "describe", &catalog, "--json"]).succeeds().json();
        assert_eq!(number(&described, "items"), 28, "{described}");
        let validated = place.seedbed(&["catalog", "validate", &catalog, "--offline", "--json"]).json();
        assert_eq!(number(&validated, "invalid"), 0, "{validated}");
        let prep = [
            "prep",
            &catalog,
            "--assets",
            "etasw",
            "--grid",
            "tiles.grid.json",
            "--ids",
            "*-2004-07",
            "--json",
        ];
        let composite = ["--by", "month", "--statistic", "mean,count"];
        let ways: [(&str, &[&str]); 4] = [
            ("days", &[]),
            ("months", &["--every", "month"]),
            ("cubes", &["--format", "zarr"]),
            ("normals", &composite),
        ];
        for (name, more) in ways {
            let to = there.parent().unwrap().join(name).to_string();
            let mut args = [&prep[..], more, &["--out", &to]].concat();
            args[0] = if name == "normals" { "composite" } else { "prep" };
            let report = place.seedbed(&args).succeeds().json();
            assert_eq!(made_and_present(&report), (TILES, 0), "{}: {name}: {report}", place.name);
            place.seedbed(&["verify", &to]).succeeds();
            let again = place.seedbed(&args).succeeds().json();
            assert_eq!(made_and_present(&again), (0, TILES), "{}: {name}: {again}", place.name);
        }
        let home = ["copy", &catalog, "--assets", "etasw", "--to", "home", "--out", "copied"];
        place.seedbed(&home).succeeds();

        // Downloaded as it is, pystac reads it.
        for (name, bytes) in place.files() {
            place.chain.sandbox.write(format!("got/{name}"), bytes);
        }
        let script = "import os, pystac; c = pystac.Catalog.from_file('got/catalog.json'); \
            items = list(c.get_items(recursive=True)); \
            files = [a.get_absolute_href() for i in items for a in i.assets.values()]; \
            print(len(items), len(files), all(os.path.exists(f) for f in files))";
        if let Some(ran) = python(&place.chain.sandbox, script, [""; 0]) {
            assert_eq!(ran.succeeds().stdout.trim(), "28 168 True");
        }

        // Leftovers go when they are old enough, and nothing else.
        let record = tiles.keys().find(|name| is_record(name)).unwrap();
        let folder = record.rsplit_once('/').unwrap().0;
        let orphan = format!("{folder}/01234567-89abcdef/etasw.tif");
        place.replace(&orphan, b"sent without a record".to_vec());
        let superseded = format!("{folder}/{}.json", "0123456789abcdef".repeat(4));
        place.replace(&superseded, tiles[record].clone());
        place.replace(&format!("{folder}/mine.txt"), b"keep".to_vec());
        let young = place.seedbed(&["clean", &out, "--older-than", "1h"]).succeeds();
        young.prints("0 superseded generations");
        sleep(Duration::from_secs(3));
        place.seedbed(&["clean", &out, "--older-than", "1s", "--dry-run"]).succeeds();
        assert!(place.files().contains_key(&orphan));
        place.seedbed(&["clean", &out, "--older-than", "1s"]).succeeds().prints("2 superseded generations");
        place.remove(&format!("{folder}/mine.txt"));
        place.equals(&tiles);
        println!(
            "{}: mosaics, items, aligned months, cubes, a composite and a copy of products in the store",
            place.name
        );
    }
}

#[test]
fn a_run_begins_from_states_that_lie_in_a_store() {
    let whole = Whole::shared();
    let tiles = local(&whole, "tiles");
    for place in [Place::bucket(), Place::dcache("both")].into_iter().flatten() {
        let project = std::fs::read_to_string(place.chain.sandbox.path("seedbed.toml")).unwrap();
        let (first, top) = (place.top.join("summer").to_string(), place.top.join("autumn"));
        let summer = project.replace("2004-07-01/2004-12-31", "2004-07-01/2004-09-30");
        place.chain.sandbox.write("summer.toml", summer.replace("[output]", "[output]\nstate = true"));
        let autumn = project.replace("2004-07-01/2004-12-31", "2004-10-01/2004-12-31");
        let autumn = autumn.replace("[model]\n", &format!("[model]\nstate = \"{first}\"\n"));
        place.chain.sandbox.write("autumn.toml", autumn);
        let out = top.to_string();
        place.seedbed(&["run", "autumn.toml", "--out", &out]).exits(2).says("no product of run");
        place.seedbed(&["run", "summer.toml", "--out", &first]).succeeds();
        place.seedbed(&["run", "autumn.toml", "--out", &out]).succeeds();
        let months = ["2004-10.tif", "2004-11.tif", "2004-12.tif"];
        let named = |files: &Files| -> Files {
            let of_months = files.iter().filter(|(name, _)| months.iter().any(|m| name.ends_with(m)));
            of_months
                .map(|(name, bytes)| (name.rsplit('/').next().unwrap().to_owned(), bytes.clone()))
                .collect()
        };
        let (found, meant) = (named(&place.files_in(&top)), named(&tiles));
        assert_eq!((found.len(), meant.len()), (TILES * 3 * VARIABLES.len(), found.len()), "{}", place.name);
        assert!(found == meant, "{}: a run in two is another", place.name);
        println!("{}: a run from states in the store has the bytes of one that wasn't cut", place.name);
    }
}

/// Numbers that are the same at every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

#[test]
fn a_run_to_a_store_killed_at_many_moments_ends_in_the_same_bytes() {
    let whole = Whole::shared();
    let tiles = local(&whole, "tiles");
    // How many files are put or moved at most until a kill: all kills come to about as many as there are.
    let kinds = [("S3", servers::seaweed(), 20, 12), ("dCache", servers::dcache("read"), 8, 50)];
    for (name, served, kills, reach) in kinds {
        let Some(served) = served else { continue };
        let wall = Wall::before(served.port);
        let hunted = match name {
            "S3" => Place::bucket_at(&wall.url(), None),
            _ => Place::dcache_at(name, &wall.url(), None),
        };
        let (mut chance, mut hit, mut left) = (Chance(2004), 0, 0);
        for _ in 0..kills {
            // The first ones try the store out.
            let until = wall.puts() + 8 + chance.below(reach);
            let mut child = hunted.start();
            while child.try_wait().unwrap().is_none() && wall.puts() < until {
                sleep(Duration::from_millis(1));
            }
            sleep(Duration::from_micros(chance.below(20_000) as u64));
            child.kill().unwrap();
            hit += usize::from(child.wait().unwrap().code().is_none());
            let files = hunted.files();
            left += files.keys().filter(|name| !tiles.contains_key(*name)).count();
            for (name, bytes) in &files {
                let is_derived = !name.contains('/');
                let Some(meant) = tiles.get(name).filter(|_| !is_derived) else { continue };
                if !is_record(name) {
                    assert!(bytes == meant, "{}: {name} is not whole", hunted.name);
                    continue;
                }
                // What a record names is there.
                let record: Value = serde_json::from_slice(bytes).unwrap();
                for asset in record["assets"].as_object().unwrap().values() {
                    let href = asset["href"].as_str().unwrap().trim_start_matches("./");
                    let file = format!("{}/{href}", name.rsplit_once('/').unwrap().0);
                    assert!(files.contains_key(&file), "{}: {name} names {file}", hunted.name);
                }
            }
        }
        assert!(hit * 2 > kills, "{}: only {hit} of {kills} kills hit", hunted.name);
        // A server may hear late of a kill.
        sleep(Duration::from_millis(500));
        let there = hunted.files().keys().filter(|name| is_record(name)).count();
        assert!(there > 0, "{}: no run came to a product", hunted.name);
        let last = hunted.run(&["--json"]).succeeds().json();
        assert_eq!(made_and_present(&last), (PRODUCTS - there, there), "{}: {last}", hunted.name);
        // What the killed ones left is known as such, and goes.
        sleep(Duration::from_secs(3));
        let out = hunted.top.to_string();
        hunted.seedbed(&["clean", &out, "--older-than", "1s"]).succeeds();
        hunted.equals(&tiles);
        println!(
            "{}: {hit} of {kills} kills hit, {there} of {PRODUCTS} products stood before the last run, {} files were \
             put or moved, {left} temporary ones seen, the same bytes",
            hunted.name,
            wall.puts()
        );
    }
}

#[test]
fn two_runs_to_one_store_at_once_come_to_one_result_without_an_error() {
    let whole = Whole::shared();
    let tiles = local(&whole, "tiles");
    for place in [Place::bucket(), Place::careless_bucket(), Place::apache(), Place::dcache("read")]
        .into_iter()
        .flatten()
    {
        let both = [place.start(), place.start()];
        for child in both {
            let ran = Ran::new(format!("{}: one of two", place.name), &child.wait_with_output().unwrap());
            let (made, present) = made_and_present(&ran.succeeds().json());
            assert_eq!(made + present, PRODUCTS);
            println!("{}: one of two runs: {made} made, {present} there already", place.name);
        }
        place.equals(&tiles);
    }
}

#[test]
fn a_store_that_stops_answering_midway_is_told_and_a_rerun_mends_it() {
    let whole = Whole::shared();
    let tiles = local(&whole, "tiles");
    let Some(served) = servers::seaweed() else { return };
    let wall = Wall::before(served.port);
    let place = Place::bucket_at(&wall.url(), Some(served));
    // Enough for the first products, not for all.
    wall.refuse_after_puts(60);
    let ran = place.run(&[]).exits(3);
    ran.says("seedbed status").says("503");
    wall.open();
    let there = place.files().keys().filter(|name| is_record(name)).count();
    assert!((1..PRODUCTS).contains(&there), "{there} products were made");
    let status = ["status", "seedbed.toml", "--out", "s3://bucket/runs/basin"];
    place.seedbed(&status).succeeds().prints(&format!("{there} of 28 products done")).prints("503");
    assert_eq!(made_and_present(&place.run(&["--json"]).succeeds().json()), (PRODUCTS - there, there));
    place.equals(&tiles);
}

#[test]
fn a_store_without_room_is_told_and_a_rerun_mends_it() {
    let whole = Whole::shared();
    let tiles = local(&whole, "tiles");
    let Some(place) = Place::dcache("never") else { return };
    let tile = tiles.keys().find(|name| is_record(name)).unwrap().split('/').next().unwrap().to_owned();
    place.run(&["--tiles", &tile]).succeeds();
    // What tries the store out still fits.
    servers::dcache_fault(place.served.as_ref().unwrap(), "{\"quota\": 100}");
    place.run(&[]).exits(1).says("no room left in the store (HTTP 507)").says("3 of 4 tiles failed");
    servers::dcache_fault(place.served.as_ref().unwrap(), "{\"quota\": null}");
    let there = place.files().keys().filter(|name| is_record(name)).count();
    assert_eq!(there, PERIODS.len());
    assert_eq!(made_and_present(&place.run(&["--json"]).succeeds().json()), (PRODUCTS - there, there));
    place.equals(&tiles);
}

#[test]
fn a_product_on_a_web_server_is_verified_and_put_together() {
    let Some(python) = interpreter() else { return };
    let whole = Whole::shared();
    let folder = whole.chain.sandbox.path("tiles");
    let served = servers::start(1, "/", |_, ports| {
        let mut command = std::process::Command::new(&python);
        command.args(["-m", "http.server", &ports[0].to_string(), "--bind", "127.0.0.1", "--directory"]);
        command.arg(&folder);
        command
    });
    let chain = whole.before_the_run();
    let verified = chain.sandbox.seedbed(["verify", &served.url(), "--json"]).succeeds().json();
    assert_eq!(number(&verified, "right"), 28, "{verified}");
    let catalog = format!("{}/catalog.json", served.url());
    let report = chain.sandbox.seedbed(["mosaic", &catalog, "--out", "mosaic", "--json"]).succeeds().json();
    assert_eq!(made_and_present(&report), (PERIODS.len(), 0));
    for (name, bytes) in local(&whole, "mosaic") {
        let found = std::fs::read(chain.sandbox.path(format!("mosaic/{name}"))).unwrap();
        assert!(is_record(&name) || found == bytes, "{name}");
    }
    chain.sandbox.seedbed(["verify", "mosaic"]).succeeds();
    chain.sandbox.seedbed(["verify", &format!("{}/nothing", served.url())]).exits(2).says("expected.json");
}

#[test]
fn a_place_that_can_only_be_read_is_refused() {
    let chain = Whole::shared().before_the_run();
    let run = ["run", "seedbed.toml", "--out", "https://example.org/runs"];
    chain.sandbox.seedbed(run).exits(2).says("can only be read");
}
