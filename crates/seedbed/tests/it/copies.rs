//! Copies into every kind of store: whole or not at all, once, and by whoever
//! comes second, too.

use crate::python::python;
use crate::sandbox::{Ran, Sandbox};
use crate::servers::{self, Served};
use seedbed_fixture::listing::{Listings, content};
use seedbed_fixture::{Server, ServerOptions};
use seedbed_storage::{Environment, Location, NamedStores, Settings, Stores};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const S3: &str = "[objects]\nkind = \"s3\"\nendpoint = \"URL\"\n\
    auth = { access_key_env = \"ID\", secret_key_env = \"SECRET\" }\n";
const DCACHE: &str = "[surf]\nkind = \"dcache\"\ndoor = \"URL\"\nauth = { bearer_env = \"TOKEN\" }\n";
/// What must never be written anywhere.
const SECRETS: [&str; 1] = ["SKTEST12345"];

/// A folder to copy to, and the sandbox whose commands know its store.
struct Place {
    name: String,
    sandbox: Sandbox,
    top: Location,
    stores: Stores,
    variables: Vec<(&'static str, &'static str)>,
    runtime: tokio::runtime::Runtime,
    _served: Option<Served>,
}

impl Place {
    fn new(
        name: &str,
        top: &str,
        toml: &str,
        variables: &[(&'static str, &'static str)],
        served: Option<Served>,
    ) -> Self {
        let sandbox = Sandbox::new();
        let toml = toml.replace("URL", &served.as_ref().map(Served::url).unwrap_or_default());
        sandbox.write("stores.toml", &toml);
        let environment = Environment::of(variables.iter().copied());
        let named = NamedStores::from_toml(Path::new("stores.toml"), &toml, &environment).unwrap();
        let stores = Stores::new(Settings { named, environment, ..Settings::default() }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let top = if top.is_empty() { sandbox.path("data").display().to_string() } else { top.to_owned() };
        let (name, top, variables) = (name.to_owned(), top.parse().unwrap(), variables.to_vec());
        Self { name, sandbox, top, stores, variables, runtime, _served: served }
    }

    fn local() -> Self {
        Self::new("local", "", "", &[], None)
    }

    fn bucket() -> Option<Self> {
        let keys = [("ID", "AKTEST"), ("SECRET", SECRETS[0])];
        Some(Self::new("S3", "s3://bucket/data", S3, &keys, Some(servers::seaweed()?)))
    }

    fn dcache(redirects: &str) -> Option<Self> {
        let served = servers::dcache(redirects)?;
        let name = format!("dCache ({redirects})");
        Some(Self::new(&name, "dcache://pnfs/site/data/copies", DCACHE, &[("TOKEN", "RW")], Some(served)))
    }

    /// Local disk, a bucket, and doors that redirect never, on read, and on both.
    fn all() -> Vec<Self> {
        let doors = ["never", "read", "both"].into_iter().filter_map(Self::dcache);
        std::iter::once(Self::local()).chain(Self::bucket()).chain(doors).collect()
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.sandbox.command(args);
        command.args(["--stores", "stores.toml"]).envs(self.variables.iter().copied());
        command
    }

    fn seedbed(&self, args: &[&str]) -> Ran {
        Ran::new(format!("{}: seedbed {args:?}", self.name), &self.command(args).output().unwrap())
    }

    fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Crawls Daymet's years of the served listing into `catalog`, one sub-catalog a region.
    fn crawl(&self, server: &Server) {
        let root = server.base_url();
        self.seedbed(&["crawl", "daymet-daily", "--root", root, "--out", "catalog"]).succeeds();
        self.seedbed(&["catalog", "split", "catalog", "--by", "${region}"]).succeeds();
    }

    fn copy(&self, more: &[&str]) -> Ran {
        let to = self.top.to_string();
        self.seedbed(&[&["copy", "catalog", "--to", &to, "--json"], more].concat())
    }

    /// The files in the store, each with its bytes.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.runtime.block_on(async {
            let mut files = Vec::new();
            let listed = match self.stores.list(&self.top).await {
                Err(e) if e.is_not_found() => Vec::new(),
                listed => listed.unwrap(),
            };
            for file in listed {
                let bytes = self.stores.read_document(&file.at).await.unwrap();
                files.push((file.at.to_string(), bytes.to_vec()));
            }
            files
        })
    }

    /// All documents of the catalog, with this place's own folder left out.
    fn documents(&self) -> Vec<(String, String)> {
        let documents =
            self.sandbox.files().into_iter().filter(|f| {
                f.starts_with("catalog/") && Path::new(f).extension().is_some_and(|e| e == "json")
            });
        documents.map(|f| (f.clone(), self.sandbox.read(&f))).collect()
    }

    /// That every file is the archive's, whole, and that nothing else is there.
    fn holds(&self, expected: usize) {
        let files = self.files();
        for (at, bytes) in &files {
            let name = at.rsplit('/').next().unwrap();
            assert!(*bytes == content::body(name, 0), "{}: {at} is another file", self.name);
        }
        assert_eq!(
            files.len(),
            expected,
            "{}: {:?}",
            self.name,
            files.iter().map(|f| &f.0).collect::<Vec<_>>()
        );
    }

    fn keeps_secrets(&self, output: &str) {
        let mut all: String = self.documents().into_iter().map(|(_, text)| text).collect();
        all.push_str(output);
        for secret in SECRETS {
            assert!(!all.contains(secret), "{}: a secret was written down", self.name);
        }
    }
}

fn number(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or_else(|| panic!("no {key} in {report}"))
}

fn served() -> Server {
    Server::start_listings(Listings::small(), ServerOptions::wide()).unwrap()
}

/// Requests for data files, but for those that ask for the head alone.
fn data_requests(server: &Server) -> usize {
    server.requests().iter().filter(|r| r.method == "GET" && r.target.contains(".nc")).count()
}

/// The flow of the notebook that stac2dcache's users start from: Daymet's catalog, split by
/// region, the minimum temperature of Hawaii copied by two workers; the rest stays remote.
#[test]
fn the_chosen_variable_of_a_region_comes_home_and_the_rest_stays_remote() {
    let server = served();
    for place in Place::all() {
        place.crawl(&server);
        server.reset();
        let hawaii = ["--ids", "*-hi-*", "--assets", "tmin", "--jobs", "2"];
        let planned = place.copy(&[&hawaii[..], &["--dry-run"]].concat()).succeeds().json();
        assert_eq!(planned["transfers"].as_array().unwrap().len(), 3, "{planned}");
        assert_eq!(data_requests(&server), 0);
        let ran = place.copy(&[&hawaii[..], &["-vv"]].concat()).succeeds();
        assert_eq!((number(&ran.json(), "copied"), number(&ran.json(), "updated")), (3, 3));
        assert_eq!(data_requests(&server), 3, "{}", place.name);
        place.holds(3);
        place.keeps_secrets(&format!("{}{}", ran.stdout, ran.stderr));
        for (region, copied) in [("hi", true), ("na", false)] {
            let id = format!("daymet-daily-v4r1-{region}-2020");
            let item = place.sandbox.json(format!("catalog/daymet-daily/{region}/{id}/{id}.json"));
            let (tmin, tmax) = (&item["assets"]["tmin"], &item["assets"]["tmax"]);
            let home = if place.top.is_local() { "../".to_owned() } else { place.top.to_string() };
            assert_eq!(tmin["href"].as_str().unwrap().starts_with(&home), copied, "{tmin}");
            assert!(tmax["href"].as_str().unwrap().starts_with(server.base_url()), "{tmax}");
            if copied {
                let origin = tmin["alternate"]["origin"]["href"].as_str().unwrap();
                assert!(origin.starts_with(server.base_url()), "{origin}");
                assert!(tmin["file:checksum"].as_str().unwrap().starts_with("1220"));
                let folder = format!("daymet-daily/{region}/{id}/daymet_v4_daily_hi_tmin_2020.nc");
                assert!(tmin["href"].as_str().unwrap().ends_with(&folder), "{tmin}");
            }
        }
        // What is copied isn't copied again, and it is what the catalog says.
        let before = place.documents();
        let again = place.copy(&hawaii).succeeds().json();
        assert_eq!((number(&again, "copied"), number(&again, "present")), (0, 3), "{again}");
        assert_eq!(data_requests(&server), 3);
        assert_eq!(place.documents(), before);
        place.seedbed(&["check", "catalog", "--ids", "*-hi-*", "--assets", "tmin", "--deep"]).succeeds();
        // A copy that went away is missed, and comes again from its origin; one that is another file is told.
        let (gone, _) = place.files().swap_remove(1);
        let gone: Location = gone.parse().unwrap();
        place.runtime.block_on(place.stores.remove(&gone)).unwrap();
        let check = ["check", "catalog", "--ids", "*-hi-*", "--assets", "tmin", "--deep", "--json"];
        assert_eq!(number(&place.seedbed(&check).exits(1).json(), "missing"), 1);
        let again = place.copy(&hawaii).succeeds().json();
        assert_eq!((number(&again, "copied"), number(&again, "present")), (1, 2), "{again}");
        assert_eq!(data_requests(&server), 4);
        place.holds(3);
        let mut other = content::body("daymet_v4_daily_hi_tmin_2020.nc", 0);
        *other.last_mut().unwrap() ^= 1;
        place.runtime.block_on(place.stores.replace(&gone, other.into())).unwrap();
        assert_eq!(number(&place.seedbed(&check).exits(1).json(), "differs"), 1);
        let validated = ["catalog", "validate", "catalog", "--offline", "--json"];
        assert_eq!(number(&place.seedbed(&validated).succeeds().json(), "invalid"), 0);
        let script = "import pystac; c = pystac.Catalog.from_file('catalog/catalog.json'); \
            print(sum('://' in a.href for i in c.get_items(recursive=True) for a in i.assets.values()))";
        if let Some(ran) = python(&place.sandbox, script, [""; 0]) {
            let remote = if place.top.is_local() { 60 } else { 63 };
            assert_eq!(ran.succeeds().stdout.trim(), remote.to_string());
        }
        println!("{}: 3 of 63 assets copied, the rest remote; checked, missed and brought again", place.name);
    }
    assert_eq!(server.violations(), Vec::<String>::new());
}

const ALL: &str = "tmin,tmax,prcp,srad,swe,vp,dayl";

/// Numbers between 0 and 1, the same at every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

/// What a killed upload left, which no catalog points to.
fn is_temporary(at: &str) -> bool {
    at.rsplit('/').next().unwrap().starts_with('.')
}

#[test]
fn a_copy_killed_at_twenty_moments_ends_in_the_same_bytes() {
    let server = Server::start_listings(
        Listings::small(),
        ServerOptions { pause: Duration::from_millis(15), ..ServerOptions::wide() },
    )
    .unwrap();
    let kinds: [fn() -> Option<Place>; 3] =
        [|| Some(Place::local()), Place::bucket, || Place::dcache("read")];
    for kind in kinds {
        let (Some(calm), Some(hunted)) = (kind(), kind()) else { continue };
        for place in [&calm, &hunted] {
            place.crawl(&server);
        }
        let begun = Instant::now();
        assert_eq!(number(&calm.copy(&["--assets", ALL]).succeeds().json(), "copied"), 63);
        let whole = begun.elapsed();
        calm.holds(63);
        server.reset();
        let to = hunted.top.to_string();
        let args = ["copy", "catalog", "--to", &to, "--assets", ALL];
        let (mut chance, mut kills) = (Chance(42), 0);
        // Together they get about as far as one undisturbed copy: some die early, some late.
        for _ in 0..20 {
            let mut child = hunted.start(&args);
            thread::sleep(whole.mul_f64(0.02 + 0.25 * chance.next()));
            child.kill().unwrap();
            kills += usize::from(child.wait().unwrap().code().is_none());
            for (at, bytes) in
                hunted.files().iter().filter(|(at, _)| !is_temporary(at) && !at.contains(".part"))
            {
                let name = at.rsplit('/').next().unwrap();
                assert!(*bytes == content::body(name, 0), "{}: {at} is not whole", hunted.name);
            }
        }
        let last = hunted.copy(&["--assets", ALL]).succeeds().json();
        assert_eq!(last["failed"].as_array().map(Vec::len), Some(0), "{last}");
        let asked = data_requests(&server);
        assert!(kills > 0 && (63..=63 + 4 * kills).contains(&asked), "{asked} requests, {kills} kills");
        assert_eq!(hunted.documents(), calm.documents(), "{}", hunted.name);
        let left: Vec<_> = hunted.files().into_iter().filter(|(at, _)| is_temporary(at)).collect();
        let files: Vec<_> = hunted.files().into_iter().filter(|(at, _)| !is_temporary(at)).collect();
        assert_eq!(files.len(), 63);
        for ((at, bytes), (_, calm)) in files.iter().zip(calm.files()) {
            assert!(*bytes == calm, "{}: {at}", hunted.name);
        }
        println!(
            "{}: {kills} kills, {asked} requests for 63 files, {} temporary files left, the same bytes",
            hunted.name,
            left.len()
        );
    }
}

#[test]
fn two_copies_at_once_come_to_one_result_without_an_error() {
    let server = served();
    for place in Place::all() {
        place.crawl(&server);
        let to = place.top.to_string();
        let start = |assets| place.start(&["copy", "catalog", "--to", &to, "--assets", assets]);
        let (one, other) = (start("tmin,tmax,vp"), start("vp,tmin,srad"));
        for child in [one, other] {
            Ran::new(format!("{}: one of two copies", place.name), &child.wait_with_output().unwrap())
                .succeeds();
        }
        place.holds(36);
        // Neither has undone what the other wrote.
        let again = place.copy(&["--assets", "tmin,tmax,vp,srad"]).succeeds().json();
        assert_eq!((number(&again, "copied"), number(&again, "present")), (0, 36), "{}: {again}", place.name);
    }
}

/// Faults of a source, and whether a copy gets over them.
const FAULTS: [(&str, bool); 21] = [
    ("503x2", true),
    ("429x1", true),
    ("429-datex1", true),
    ("500x1", true),
    ("truncatex1", true),
    ("resetx1", true),
    ("shortx1", true),
    ("corruptx1", true),
    ("norange", true),
    ("etag", true),
    ("slow", true),
    ("401", false),
    ("403", false),
    ("404", false),
    ("429", false),
    ("503", false),
    ("truncate", false),
    ("reset", false),
    ("short", false),
    ("corrupt", false),
    ("html", false),
];

#[test]
fn every_fault_is_got_over_or_named_and_leaves_no_file() {
    let server = served();
    let name = "daymet_v4_daily_hi_tmin_2020.nc";
    let bytes = content::body(name, 0);
    let checksum = seedbed_storage::Checksum::of_bytes(&bytes).multihash();
    let items: Vec<Value> = FAULTS
        .iter()
        .map(|(fault, _)| {
            let base = server.base_url();
            let href = format!("{base}/fault/{fault}@data/public/daymet/Daymet_Daily_V4R1/data/{name}");
            serde_json::json!({"type": "Feature", "stac_version": "1.1.0", "id": fault, "geometry": null,
                "properties": {"datetime": "2020-07-01T00:00:00Z"}, "links": [],
                "assets": {"tmin": {"href": href, "type": "application/netcdf",
                    "file:size": bytes.len(), "file:checksum": checksum}}})
        })
        .collect();
    let items = serde_json::json!({"type": "FeatureCollection", "features": items}).to_string();
    let places: Vec<Place> =
        [Some(Place::local()), Place::bucket(), Place::dcache("read")].into_iter().flatten().collect();
    let mut table = vec!["fault".to_owned()];
    table[0].extend(places.iter().map(|p| format!(" | {}", p.name)));
    for place in &places {
        place.sandbox.write("items.json", &items);
    }
    for (fault, recovers) in FAULTS {
        let outcomes: Vec<(String, Ran)> = thread::scope(|scope| {
            let copies = places.iter().map(|place| {
                scope.spawn(move || {
                    let (to, out) = (place.top.join(fault).to_string(), format!("out-{fault}"));
                    let args = ["copy", "items.json", "--ids", fault, "--assets", "tmin"];
                    (
                        out.clone(),
                        place.seedbed(&[&args[..], &["--to", &to, "--out", &out, "--json"]].concat()),
                    )
                })
            });
            let running: Vec<_> = copies.collect();
            running.into_iter().map(|copy| copy.join().unwrap()).collect()
        });
        let mut row = vec![fault.to_owned()];
        for (place, (out, ran)) in places.iter().zip(outcomes) {
            let item = place.sandbox.json(format!("{out}/items/{fault}/{fault}.json"));
            let href = item["assets"]["tmin"]["href"].as_str().unwrap().to_owned();
            let there: Vec<_> =
                place.files().into_iter().filter(|(at, _)| at.contains(&format!("/{fault}/"))).collect();
            let whole = there.iter().filter(|(at, _)| at.ends_with(name)).count();
            if recovers {
                let report = ran.succeeds().json();
                assert_eq!(
                    (number(&report, "copied") + number(&report, "resumed"), whole),
                    (1, 1),
                    "{fault}"
                );
                assert!(there.iter().all(|(at, found)| !at.ends_with(name) || *found == bytes));
                assert!(!href.starts_with(server.base_url()), "{fault}: {href}");
                row.push("copied".to_owned());
            } else {
                let code = ran.code;
                assert!(matches!(code, Some(1 | 3)), "{fault}: {code:?}\n{}\n{}", ran.stdout, ran.stderr);
                assert_eq!(whole, 0, "{}: {fault} left a file", place.name);
                assert!(href.starts_with(server.base_url()), "{fault}: {href}");
                let report = ran.json();
                let reason = report["failed"][0]["reason"].as_str().unwrap();
                let reason = reason.rsplit(": ").next().unwrap_or(reason);
                let shown: String = reason.chars().take(38).collect();
                row.push(format!("exit {}, {shown}", code.unwrap()));
            }
        }
        table.push(row.join(" | "));
    }
    println!("{}", table.join("\n"));
}
