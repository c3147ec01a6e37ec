//! Copies into every kind of store: whole or not at all, once, and by whoever
//! comes second, too.

use crate::hostile;
use crate::python::python;
use crate::sandbox::{Ran, Sandbox};
use crate::servers::{self, Served};
use crate::world::World;
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
const WEBDAV: &str = "[drive]\nkind = \"webdav\"\nurl = \"URL\"\n\
    auth = { user_env = \"DAV_USER\", password_env = \"DAV_PASSWORD\" }\n";
/// What must never be written anywhere.
const SECRETS: [&str; 1] = ["SKTEST12345"];

/// A folder to copy to, and the sandbox whose commands know its store.
pub struct Place {
    pub name: String,
    pub sandbox: Sandbox,
    pub top: Location,
    pub stores: Stores,
    variables: Vec<(&'static str, &'static str)>,
    pub runtime: tokio::runtime::Runtime,
    served: Option<Served>,
}

impl Place {
    pub fn new(
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
        Self { name, sandbox, top, stores, variables, runtime, served }
    }

    pub fn local() -> Self {
        Self::new("local", "", "", &[], None)
    }

    pub fn bucket() -> Option<Self> {
        let keys = [("ID", "AKTEST"), ("SECRET", SECRETS[0])];
        Some(Self::new("S3", "s3://bucket/data", S3, &keys, Some(servers::seaweed()?)))
    }

    pub fn dcache(redirects: &str) -> Option<Self> {
        let served = servers::dcache(redirects)?;
        let name = format!("dCache ({redirects})");
        Some(Self::new(&name, "dcache://pnfs/site/data/copies", DCACHE, &[("TOKEN", "RW")], Some(served)))
    }

    /// A folder that rclone serves by WebDAV.
    pub fn webdav() -> Option<Self> {
        let served = servers::rclone("webdav", &["--user", "me", "--pass", SECRETS[0]])?;
        let top = format!("dav://127.0.0.1:{}/bucket/data", served.port);
        let login = [("DAV_USER", "me"), ("DAV_PASSWORD", SECRETS[0])];
        Some(Self::new("WebDAV", &top, WEBDAV, &login, Some(served)))
    }

    /// Local disk, a bucket, and doors that redirect never, on read, and on both.
    pub fn all() -> Vec<Self> {
        let doors = ["never", "read", "both"].into_iter().filter_map(Self::dcache);
        std::iter::once(Self::local()).chain(Self::bucket()).chain(doors).collect()
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.sandbox.command(args);
        command.args(["--stores", "stores.toml"]).envs(self.variables.iter().copied());
        command
    }

    pub fn seedbed(&self, args: &[&str]) -> Ran {
        Ran::new(format!("{}: seedbed {args:?}", self.name), &self.command(args).output().unwrap())
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Crawls Daymet's years of the served listing into `catalog`, one sub-catalog a region.
    pub fn crawl(&self, server: &Server) {
        let root = server.base_url();
        self.seedbed(&["crawl", "daymet-daily", "--root", root, "--out", "catalog"]).succeeds();
        self.seedbed(&["catalog", "split", "catalog", "--by", "${region}"]).succeeds();
    }

    pub fn copy(&self, more: &[&str]) -> Ran {
        let to = self.top.to_string();
        self.seedbed(&[&["copy", "catalog", "--to", &to, "--json"], more].concat())
    }

    /// The files in the store, each with its bytes.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.files_in(&self.top)
    }

    fn files_in(&self, folder: &Location) -> Vec<(String, Vec<u8>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut files = Vec::new();
            let listed = match self.stores.list(folder).await {
                Err(e) if e.is_not_found() => Vec::new(),
                listed => listed.unwrap(),
            };
            for file in listed {
                match self.stores.read_document(&file.at).await {
                    // A server that hears late of a kill may still tidy up.
                    Err(e) if e.is_not_found() => {}
                    bytes => files.push((file.at.to_string(), bytes.unwrap().to_vec())),
                }
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

pub fn number(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or_else(|| panic!("no {key} in {report}"))
}

pub fn served() -> Server {
    Server::start_listings(Listings::small(), ServerOptions::wide()).unwrap()
}

/// How often a data file was given, whole or in part.
pub fn data_requests(server: &Server) -> usize {
    given(server, |target| target.contains(".nc") && !target.contains(".sha256"))
}

/// How often what has such an address was given.
fn given(server: &Server, is_meant: impl Fn(&str) -> bool) -> usize {
    let is_given = |status| matches!(status, 200 | 206);
    let requests = server.requests();
    requests.iter().filter(|r| r.method == "GET" && is_given(r.status) && is_meant(&r.target)).count()
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
        // Each is held to the checksum beside it.
        assert_eq!(given(&server, |target| target.contains(".nc.sha256")), 3, "{}", place.name);
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
        let mut other = content::body(FILE, 0);
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

const FILE: &str = "daymet_v4_daily_hi_tmin_2020.nc";
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
    let name = at.rsplit('/').next().unwrap();
    // One that tries a store out may be killed before it has tidied up.
    let is_probe = name.starts_with("seedbed-probe-");
    is_probe || name.starts_with('.') || Path::new(name).extension().is_some_and(|e| e == "tmp")
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
                hunted.files().iter().filter(|(at, _)| !is_temporary(at) && !at.contains(".seedbed-part"))
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
        // What the killed ones left is found and removed.
        thread::sleep(Duration::from_secs(3));
        hunted.seedbed(&["clean", &to, "--older-than", "1s"]).succeeds();
        hunted.holds(63);
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

#[test]
fn a_copy_that_cannot_fit_is_not_begun() {
    let sandbox = Sandbox::new();
    let item = serde_json::json!({"type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": null,
        "properties": {"datetime": "2020-07-01T00:00:00Z"}, "links": [],
        "assets": {"a": {"href": "https://h.invalid/a.nc", "file:size": 1_u64 << 60}}});
    sandbox.write("i.json", item.to_string());
    let copy = ["copy", "i.json", "--assets", "a", "--to", "data", "--out", "out"];
    sandbox.seedbed(copy).exits(1).says("bytes are free, and the copy needs 1152921504606846976");
    assert_eq!(sandbox.files(), ["i.json"]);
    sandbox.seedbed([&copy[..], &["--max-transfer", "1GB"]].concat()).exits(2).says("1000000000 allowed");
}

#[test]
fn files_on_tape_are_staged_before_they_are_copied() {
    let toml = DCACHE.replace("[surf]\n", "[surf]\nrest = \"URL/api/v1\"\n");
    let Some(served) = servers::dcache("read") else { return };
    let top = "dcache://pnfs/site/data";
    let place = Place::new("dCache", top, &toml, &[("TOKEN", "RW")], Some(served));
    let served = place.served.as_ref().unwrap();
    let folder = served.folder.path().join("data/pnfs/site/data");
    std::fs::create_dir_all(&folder).unwrap();
    let item = |n: usize| {
        std::fs::write(folder.join(format!("{n}.nc")), content::body(FILE, 0)).unwrap();
        serde_json::json!({"type": "Feature", "stac_version": "1.1.0", "id": format!("i{n}"), "geometry": null,
            "properties": {"datetime": "2020-07-01T00:00:00Z"}, "links": [],
            "assets": {"a": {"href": format!("{top}/{n}.nc")}}})
    };
    let items: Vec<Value> = (0..3).map(item).collect();
    place
        .sandbox
        .write("items.json", serde_json::json!({"type": "FeatureCollection", "features": items}).to_string());
    let tape = serde_json::json!({"tape": ["/pnfs/site/data/0.nc", "/pnfs/site/data/2.nc"]});
    servers::dcache_fault(served, &tape.to_string());
    let copy = ["copy", "items.json", "--assets", "a", "--to", "data", "--out", "out"];
    let planned = place.seedbed(&[&copy[..], &["--dry-run"]].concat()).exits(1);
    planned.prints("on tape: ").prints("--stage");
    place.seedbed(&copy).exits(1).says("access denied");
    let ran = place.seedbed(&[&copy[..], &["--stage"]].concat()).succeeds();
    ran.says("2 of 2 files on tape");
    for n in 0..3 {
        let copy = place.sandbox.path(format!("data/items/i{n}/{n}.nc"));
        assert!(std::fs::read(copy).unwrap() == content::body(FILE, 0));
    }
}

/// What is read with a key, and by whom it is written down that it was: in no log, ledger, item or
/// record is the key.
#[test]
fn a_run_on_copies_in_a_bucket_writes_its_key_nowhere() {
    let Some(place) = Place::bucket() else { return };
    World::get().set_up(&place.sandbox);
    let to = place.top.to_string();
    let copy = ["copy", "catalog/daymet-drb", "--assets", "prcp,tmin,tmax", "--to", &to, "-vvv"];
    let flow = [&copy[..], &["run", "seedbed.toml", "-vvv"], &["verify", "tiles", "-vvv"]];
    let mut said = String::new();
    for args in flow {
        let ran = place.seedbed(args).succeeds();
        said.push_str(&(ran.stdout + &ran.stderr));
    }
    assert!(said.contains("s3://bucket/data"), "nothing was said of the bucket");
    let files = place.sandbox.files();
    assert!(files.iter().any(|name| name.contains(".seedbed/")), "{files:?}");
    let read = |name: &String| std::fs::read(place.sandbox.path(name)).unwrap();
    for (name, bytes) in files.iter().map(|name| (name, read(name))).chain([(&to, said.into_bytes())]) {
        let found = bytes.windows(SECRETS[0].len()).any(|there| there == SECRETS[0].as_bytes());
        assert!(!found, "a secret is in {name}");
    }
}

/// What becomes of a copy whose source has a fault.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Copied,
    Failed,
    /// Attempts that each get further may get to the end.
    Either,
}

const FAULTS: [(&str, Fate); 21] = [
    ("503x2", Fate::Copied),
    ("429x1", Fate::Copied),
    ("429-datex1", Fate::Copied),
    ("500x1", Fate::Copied),
    ("truncatex1", Fate::Copied),
    ("resetx1", Fate::Copied),
    ("shortx1", Fate::Copied),
    ("corruptx1", Fate::Copied),
    ("norange", Fate::Copied),
    ("etag", Fate::Copied),
    ("slow", Fate::Copied),
    ("truncate", Fate::Either),
    ("reset", Fate::Either),
    ("short", Fate::Either),
    ("401", Fate::Failed),
    ("403", Fate::Failed),
    ("404", Fate::Failed),
    ("429", Fate::Failed),
    ("503", Fate::Failed),
    ("corrupt", Fate::Failed),
    ("html", Fate::Failed),
];

/// What a source does wrong on the wire; see [`hostile::serve`].
const WIRE: [(&str, Fate); 20] = [
    ("delay", Fate::Copied),
    ("once", Fate::Copied),
    ("hops", Fate::Copied),
    ("rediroff", Fate::Copied),
    ("wrongrange", Fate::Copied),
    ("etagflip", Fate::Copied),
    ("hang", Fate::Failed),
    ("stall", Fate::Failed),
    ("drip", Fate::Failed),
    ("chunktrunc", Fate::Failed),
    ("noclen", Fate::Failed),
    ("resetearly", Fate::Failed),
    ("garbage", Fate::Failed),
    ("loop", Fate::Failed),
    ("redirfile", Fate::Failed),
    ("rednowhere", Fate::Failed),
    ("badrange", Fate::Failed),
    ("gzip", Fate::Failed),
    ("endless", Fate::Failed),
    ("empty", Fate::Failed),
];

#[test]
fn every_fault_is_got_over_or_named_and_leaves_no_file() {
    let server = served();
    let bytes = content::body(FILE, 0);
    let checksum = seedbed_storage::Checksum::of_bytes(&bytes).multihash();
    let (base, wire) = (format!("{}/fault", server.base_url()), hostile::serve(bytes.clone()));
    let served = FAULTS.map(|(fault, _)| {
        (fault, format!("{base}/{fault}@data/apache/daymet/Daymet_Daily_V4R1/data/{FILE}"))
    });
    let hrefs = served.into_iter().chain(WIRE.map(|(fault, _)| (fault, format!("{wire}/{fault}/{FILE}"))));
    let items: Vec<Value> = hrefs
        .map(|(fault, href)| {
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
    for faults in FAULTS.into_iter().chain(WIRE).collect::<Vec<_>>().chunks(8) {
        let rows = thread::scope(|scope| {
            let places = &places;
            let start = |(fault, fate): &(&'static str, Fate)| {
                let (fault, fate) = (*fault, *fate);
                let copies = places.iter().map(move |place| scope.spawn(move || copied(place, fault, fate)));
                (fault, copies.collect::<Vec<_>>())
            };
            let running: Vec<_> = faults.iter().map(start).collect();
            let row = |(fault, copies): (&str, Vec<thread::ScopedJoinHandle<'_, String>>)| {
                let cells: Vec<String> = copies.into_iter().map(|copy| copy.join().unwrap()).collect();
                format!("{fault} | {}", cells.join(" | "))
            };
            running.into_iter().map(row).collect::<Vec<_>>()
        });
        table.extend(rows);
    }
    println!("{}", table.join("\n"));
}

/// Copies the file of one fault, and sees what is there afterwards; in a word, what happened.
fn copied(place: &Place, fault: &str, fate: Fate) -> String {
    let (top, out) = (place.top.join(fault), format!("out-{fault}"));
    let to = top.to_string();
    let patience = ["--timeout", "3s", "--file-timeout", "30s", "--retries", "2"];
    let args =
        ["copy", "items.json", "--ids", fault, "--assets", "tmin", "--to", &to, "--out", &out, "--json"];
    let args = [&args[..], if WIRE.iter().any(|(f, _)| *f == fault) { &patience } else { &[] }].concat();
    let ran = place.seedbed(&args);
    let item = place.sandbox.json(format!("{out}/items/{fault}/{fault}.json"));
    let href = item["assets"]["tmin"]["href"].as_str().unwrap();
    let there = place.files_in(&top);
    let whole: Vec<_> = there.iter().filter(|(at, _)| at.ends_with(FILE)).collect();
    if fate == Fate::Copied || (fate == Fate::Either && ran.code == Some(0)) {
        let report = ran.succeeds().json();
        assert_eq!((number(&report, "copied") + number(&report, "resumed"), whole.len()), (1, 1), "{fault}");
        assert!(whole[0].1 == content::body(FILE, 0) && !href.starts_with("http:"), "{fault}: {href}");
        return "copied".to_owned();
    }
    let code = ran.code;
    assert!(matches!(code, Some(1 | 3)), "{fault}: {code:?}\n{}\n{}", ran.stdout, ran.stderr);
    assert!(whole.is_empty(), "{}: {fault} left a file", place.name);
    assert!(href.starts_with("http:"), "{fault}: {href}");
    let report = ran.json();
    let reason = report["failed"][0]["reason"].as_str().unwrap();
    format!("exit {}: {}", code.unwrap(), reason.rsplit(".nc: ").next().unwrap_or(reason))
}
