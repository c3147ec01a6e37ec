//! Every archive, every way it is listed, crawled from outside against servers
//! that list them as the real sites do.

use crate::python::{python, stac_validator};
use crate::sandbox::{Ran, Sandbox};
use seedbed_fixture::listing::{Listings, Period};
use seedbed_fixture::{Server, ServerOptions};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

fn spec() -> Listings {
    Listings::small()
}

/// The server that all tests share, and leave as it is.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start_listings(spec(), ServerOptions::wide()).unwrap())
}

/// Crawls, and checks that the report and the catalog say the same.
fn crawl(sandbox: &Sandbox, definition: &str, root: &str, more: &[&str]) -> Value {
    let args = [&["crawl", definition, "--root", root, "--out", "catalog", "--json"], more].concat();
    sandbox.seedbed(args).succeeds().json()
}

fn number(report: &Value, key: &str) -> usize {
    usize::try_from(report[key].as_u64().unwrap_or_else(|| panic!("no {key} in {report}"))).unwrap()
}

/// Definition, path below the server, source, and the items there should be.
fn ways() -> Vec<(&'static str, &'static str, Option<&'static str>, usize)> {
    let s = spec();
    let daymet = s.daymet_items();
    assert_eq!(s.daymet_granules(Period::Monthly), s.daymet_granules(Period::Annual));
    let (prism, old) = (s.prism(), s.prism_old());
    let (days, normals) = (prism.days, prism.monthly_normals + prism.daily_normals);
    let mut ways = vec![
        ("daymet-daily", "", None, daymet),
        ("daymet-daily", "", Some("umm"), daymet),
        ("daymet-daily", "apache/daymet/Daymet_Daily_V4R1/", None, daymet),
        ("daymet-daily", "nginx/daymet/Daymet_Daily_V4R1/", Some("index"), daymet),
        ("daymet-daily", "daacdata/daymet/Daymet_Daily_V4R1/", Some("index"), daymet),
        ("daymet-monthly", "", None, daymet),
        ("daymet-annual", "", None, daymet),
        ("prism-daily", "", None, days),
        ("prism-daily", "", Some("releases"), days),
        ("prism-daily-800m", "", None, days),
        ("prism-monthly", "", None, prism.months),
        ("prism-monthly-800m", "", None, prism.months),
        ("prism-annual", "", None, prism.years),
        ("prism-annual-800m", "", None, prism.years),
        ("prism-daily-old", "", None, old.days),
        ("prism-monthly-old", "", None, old.months),
        ("prism-annual-old", "", None, old.years),
        ("prism-bulk-old", "", None, 1),
        ("prism-normals", "", None, normals),
        ("prism-normals-800m", "", None, normals),
        ("prism-normals-old", "", None, normals),
        ("maca-daily", "", None, s.maca().1),
        ("maca-monthly", "", None, s.maca().1),
        ("gridmet", "", None, s.gridmet().1),
    ];
    for product in ["mod13q1", "mod13a1", "mod13a2", "mod13a3", "myd13q1", "myd13a1", "myd13a2", "myd13a3"] {
        let items = s.modis_items(&product.to_uppercase());
        ways.push((product, "", None, items));
        ways.push((product, "", Some("lpdaac"), items));
        if ["mod13q1", "mod13a1", "myd13q1", "myd13a1"].contains(&product) {
            ways.push((product, "api/stac/v1/", None, items));
        }
    }
    ways
}

#[test]
fn every_archive_is_crawled_by_every_listing_it_has() {
    let schemas = std::env::var_os("SEEDBED_REAL_DATA").map(|data| PathBuf::from(data).join("schemas"));
    let sandbox = Sandbox::new();
    for (n, (definition, path, source, items)) in ways().into_iter().enumerate() {
        let root = format!("{}/{path}", server().base_url());
        let out = format!("catalog-{n}");
        let mut args = vec!["crawl", definition, "--root", &root, "--out", &out, "--json"];
        args.extend(source.iter().flat_map(|source| ["--source", source]));
        if source == Some("releases") {
            // The service is asked twice a second at most, year by year.
            args.extend(["--datetime", "2024-02/2024-03"]);
        }
        let report = sandbox.seedbed(args).succeeds().json();
        println!(
            "{definition:18} {:12} {path:36} {:5} items of {:5} granules, {} dropped",
            source.unwrap_or("(default)"),
            report["items"],
            report["granules"],
            report["dropped_count"]
        );
        assert_eq!(number(&report, "items"), items, "{definition} {path} {source:?}: {}", report["dropped"]);
        assert_eq!((number(&report, "added"), number(&report, "dropped_count")), (items, 0));
        // Validated by our own reading of the published schemas, offline.
        let mut args = vec!["catalog", "validate", &out, "--offline", "--json"];
        let schemas = schemas.as_ref().filter(|s| s.is_dir()).map(|s| s.to_str().unwrap());
        args.extend(schemas.iter().flat_map(|s| ["--schemas", s]));
        let validated = sandbox.seedbed(args).succeeds().json();
        assert_eq!(number(&validated, "invalid"), 0, "{definition}");
        assert!(number(&validated, "valid") >= items + 2, "{definition}: {}", validated["valid"]);
        // An API's items name the extensions of its own time.
        if schemas.is_some() && !path.starts_with("api/") {
            assert_eq!(validated["unchecked"], serde_json::json!({}), "{definition}");
        }
    }
}

#[test]
fn folders_with_the_archives_files_are_crawled_too() {
    let sandbox = Sandbox::new();
    let s = spec();
    s.write(
        sandbox.path("mirror"),
        &["daymet/Daymet_Daily_V4R1", "MOLT/MOD13Q1.061", "time_series/us/an/4km"],
    )
    .unwrap();
    let days = s.prism().days;
    for (definition, items) in
        [("daymet-daily", s.daymet_items()), ("mod13q1", s.modis_items("MOD13Q1")), ("prism-daily", days)]
    {
        let folder = match definition {
            "daymet-daily" => "mirror/daymet",
            "mod13q1" => "mirror/MOLT/MOD13Q1.061",
            _ => "mirror/time_series",
        };
        let report = crawl(&sandbox, definition, folder, &[]);
        assert_eq!(number(&report, "items"), items, "{definition}: {}", report["dropped"]);
    }
    let described = sandbox.seedbed(["catalog", "describe", "catalog", "--json"]).succeeds().json();
    assert_eq!(number(&described, "items"), s.daymet_items() + s.modis_items("MOD13Q1") + days);
}

#[test]
fn any_stac_api_and_any_cmr_collection_is_an_archive_without_a_definition() {
    let sandbox = Sandbox::new();
    let api = format!("{}/api/stac/v1/", server().base_url());
    let report = crawl(&sandbox, "stac-api", &api, &["--where", "collection=modis-13Q1-061"]);
    assert_eq!(number(&report, "items"), spec().stac_items("modis-13Q1-061"));
    let keys = ["--where", "short_name=MYD13A2", "--where", "version=061", "--where", "provider=LPCLOUD"];
    let report = crawl(&sandbox, "cmr", server().base_url(), &keys);
    assert_eq!(number(&report, "items"), spec().modis_granules("MYD13A2"));
    let validated =
        sandbox.seedbed(["catalog", "validate", "catalog", "--offline", "--json"]).succeeds().json();
    assert_eq!(number(&validated, "invalid"), 0);
    if let Some(said) = stac_validator(&sandbox, "catalog/catalog.json", None) {
        let said = said.succeeds().stdout;
        assert_eq!(said.matches("\"valid_stac\": false").count(), 0, "{said}");
    }
    sandbox.seedbed(["crawl", "stac-api", "--root", &api, "--out", "x"]).exits(2).says("collection");
}

#[test]
fn crawling_again_writes_nothing_and_asks_only_for_what_has_changed() {
    let sandbox = Sandbox::new();
    let server = Server::start_listings(spec(), ServerOptions::wide()).unwrap();
    let first = crawl(&sandbox, "gridmet", server.base_url(), &[]);
    assert!(number(&first, "added") > 0 && number(&first, "unchanged_pages") == 0);
    let before: Vec<(String, String)> = documents(&sandbox);
    let again = crawl(&sandbox, "gridmet", server.base_url(), &[]);
    assert_eq!(number(&again, "unchanged"), number(&first, "added"));
    assert_eq!((number(&again, "added"), number(&again, "changed"), number(&again, "removed")), (0, 0, 0));
    assert_eq!(number(&again, "unchanged_pages"), number(&again, "pages"));
    assert_eq!(documents(&sandbox), before);

    // One more year at the archive, and the first one gone.
    let years = Listings { gridmet_years: 2020..=2022, ..spec() };
    assert!(server.relist(years));
    let moved = crawl(&sandbox, "gridmet", server.base_url(), &[]);
    assert_eq!((number(&moved, "added"), number(&moved, "removed")), (1, 1), "{moved}");
    assert!(moved["removed_ids"][0].as_str().unwrap().contains("2019"));
    let kept = sandbox.seedbed(["catalog", "describe", "catalog", "--json"]).succeeds().json();
    assert_eq!(number(&kept, "items"), 4, "what is gone stays in the catalog");
    let pruned = crawl(&sandbox, "gridmet", server.base_url(), &["--prune"]);
    assert_eq!(number(&pruned, "removed"), 1);
    let left = sandbox.seedbed(["catalog", "describe", "catalog", "--json"]).succeeds().json();
    assert_eq!(number(&left, "items"), 3);
    // What was not asked for is no loss.
    let part = crawl(&sandbox, "gridmet", server.base_url(), &["--datetime", "2021", "--prune"]);
    assert_eq!((number(&part, "removed"), number(&part, "not_listed")), (0, 2));
}

/// The catalog's documents and their texts.
fn documents(sandbox: &Sandbox) -> Vec<(String, String)> {
    let names = sandbox
        .files()
        .into_iter()
        .filter(|f| Path::new(f).extension().is_some_and(|e| e == "json") && !f.contains("/.seedbed/"));
    names.map(|f| (f.clone(), sandbox.read(&f))).collect()
}

#[test]
fn a_killed_crawl_goes_on_from_the_page_it_had_reached() {
    let pages = ServerOptions { cmr_page: 10, ..ServerOptions::wide() };
    let server = Server::start_listings(spec(), pages).unwrap();
    let whole = Sandbox::new();
    let undisturbed = crawl(&whole, "mod13q1", server.base_url(), &[]);
    let total = number(&undisturbed, "pages");
    assert!(total > 4, "{undisturbed}");

    let sandbox = Sandbox::new();
    let slowly = ["crawl", "mod13q1", "--root", server.base_url(), "--out", "catalog", "--rate", "4"];
    let mut child = sandbox.command(slowly).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.reset();
    let start = Instant::now();
    while server.requests().len() < 3 && start.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    server.reset();
    let report = crawl(&sandbox, "mod13q1", server.base_url(), &[]);
    let (resumed, asked) = (number(&report, "resumed_pages"), server.requests().len());
    println!("{resumed} of {total} pages were known; {asked} requests for the rest");
    assert!(resumed >= 1 && resumed + asked <= total + 1, "{resumed} + {asked} of {total}");
    assert_eq!(number(&report, "items"), number(&undisturbed, "items"));
    assert_eq!(documents(&sandbox), documents(&whole));
    // A crawl that is done leaves nothing to resume.
    server.reset();
    assert_eq!(number(&crawl(&sandbox, "mod13q1", server.base_url(), &[]), "resumed_pages"), 0);
}

#[test]
fn a_new_release_of_prism_makes_its_copy_stale_and_is_copied_anew() {
    let server = Server::start_listings(spec(), ServerOptions::wide()).unwrap();
    let sandbox = Sandbox::new();
    let of_a_day =
        ["--source", "releases", "--datetime", "2024-02-26/2024-02-27", "--where", "variable=ppt,tmin"];
    let first = crawl(&sandbox, "prism-daily", server.base_url(), &of_a_day);
    assert_eq!((number(&first, "added"), number(&first, "stale")), (2, 0), "{first}");
    let copy = ["copy", "catalog", "--assets", "ppt", "--to", "data", "--json"];
    assert_eq!(number(&sandbox.seedbed(copy).succeeds().json(), "copied"), 2);
    let again = crawl(&sandbox, "prism-daily", server.base_url(), &of_a_day);
    assert_eq!((number(&again, "unchanged"), number(&again, "stale")), (2, 0), "{again}");

    assert!(server.release("ppt", "20240226"));
    let released = crawl(&sandbox, "prism-daily", server.base_url(), &of_a_day);
    assert_eq!((number(&released, "changed"), number(&released, "unchanged")), (1, 1), "{released}");
    assert_eq!(number(&released, "stale"), 1, "{released}");
    let id = released["stale_ids"][0].as_str().unwrap();
    let item = sandbox.json(format!("catalog/prism-daily/{id}/{id}.json"));
    let assets = item["assets"].as_object().unwrap();
    let (stale, old) = assets.iter().find(|(_, a)| a["deprecated"] == true).unwrap();
    println!("{stale}: version {} is kept, {} is at the archive", old["version"], assets["ppt"]["version"]);
    assert!(stale.starts_with("ppt."));
    assert_ne!(old["version"], assets["ppt"]["version"]);
    assert!(assets["ppt"]["href"].as_str().unwrap().starts_with("http"));
    assert_eq!(number(&sandbox.seedbed(copy).succeeds().json(), "copied"), 1);
    let item = sandbox.json(format!("catalog/prism-daily/{id}/{id}.json"));
    assert_ne!(item["assets"]["ppt"]["href"], item["assets"][stale]["href"], "both are kept");
    let validated =
        sandbox.seedbed(["catalog", "validate", "catalog", "--offline", "--json"]).succeeds().json();
    assert_eq!(number(&validated, "invalid"), 0);
    sandbox.seedbed(["check", "catalog", "--deep"]).succeeds();
}

#[test]
fn bad_answers_are_counted_and_listed_and_never_become_items() {
    let sandbox = Sandbox::new();
    let total = spec().modis_items("MOD13Q1");
    let server =
        Server::start_listings(spec(), ServerOptions { cmr_page: 10, ..ServerOptions::wide() }).unwrap();
    for (fault, definition, least_dropped) in [
        ("html", "mod13q1", 1),
        ("truncate", "maca-monthly", 1),
        ("repeat", "mod13q1", 1),
        ("loop", "mod13q1", 1),
        ("endless", "mod13q1", 0),
        ("duplicates", "mod13q1", 1),
        ("names", "mod13q1", 1),
        ("dates", "mod13q1", 1),
        ("hits", "mod13q1", 1),
        ("html", "gridmet", 1),
        ("loop", "daymet-daily", 0),
    ] {
        let root = format!("{}/fault/{fault}", server.base_url());
        let out = format!("{fault}-{definition}");
        let args = ["crawl", definition, "--root", &root, "--out", &out, "--json"];
        let mut command = sandbox.command(args);
        let ran = Ran::new(format!("{args:?}"), &command.output().unwrap());
        let report = ran.json();
        println!("{fault:10} {definition:12} exit {:?}: {}", ran.code, outcome(&report));
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        if report.get("error").is_some() {
            assert!(matches!(ran.code, Some(1 | 3)), "{ran:?}");
            continue;
        }
        assert_eq!(ran.code, Some(i32::from(number(&report, "dropped_count") > 0)), "{report}");
        assert!(number(&report, "dropped_count") >= least_dropped, "{fault}: {report}");
        if definition == "mod13q1" {
            assert!(number(&report, "items") <= total, "{fault}");
        }
        let listed = report["dropped"].as_array().unwrap();
        assert!(listed.iter().all(|d| !d["reason"].as_str().unwrap().is_empty()));
    }
    for (fault, definition) in
        [("503x2", "mod13q1"), ("429-datex1", "mod13q1"), ("slow", "gridmet"), ("429x1", "gridmet")]
    {
        let root = format!("{}/fault/{fault}", server.base_url());
        let out = format!("{fault}-{definition}");
        let report = sandbox
            .seedbed(["crawl", definition, "--root", &root, "--out", &out, "--json"])
            .succeeds()
            .json();
        println!("{fault:10} {definition:12} recovered: {} items", report["items"]);
    }
}

fn outcome(report: &Value) -> String {
    match report.get("error") {
        Some(error) => error["message"].to_string(),
        None => format!(
            "{} items, {} dropped: {}",
            report["items"], report["dropped_count"], report["dropped"][0]["reason"]
        ),
    }
}

#[test]
fn robots_txt_is_respected_for_indexes_unless_told_otherwise() {
    let options = ServerOptions {
        robots: Some("User-agent: *\nDisallow: /time_series/us/an/4km/tmin/\n".into()),
        ..ServerOptions::wide()
    };
    let server = Server::start_listings(spec(), options).unwrap();
    let sandbox = Sandbox::new();
    let args = ["crawl", "prism-daily", "--root", server.base_url(), "--out", "catalog", "--json"];
    let report = sandbox.seedbed(args).exits(1).json();
    assert!(report["dropped"].to_string().contains("robots.txt"), "{report}");
    // However many granules may be missing: nobody knows what is in there.
    assert_eq!(number(&report, "lost_listings"), number(&report, "dropped_count"));
    let allowing = [&args[..], &["--allow-bad", "1000"]].concat();
    sandbox.seedbed(allowing).exits(1).says("of the listing could not be read").says("robots.txt");
    assert!(!server.requests().iter().any(|r| r.target.contains("/tmin/")), "a forbidden folder was listed");
    let ignoring = [&args[..], &["--ignore-robots"]].concat();
    assert_eq!(number(&sandbox.seedbed(ignoring).succeeds().json(), "dropped_count"), 0);
}

#[test]
fn sub_catalogs_by_template_are_walked_by_pystac() {
    let sandbox = Sandbox::new();
    let placing = ["--by", "${year}/${region}", "--under", "climate/daymet"];
    let report = crawl(&sandbox, "daymet-daily", server().base_url(), &placing);
    let items = number(&report, "items");
    assert!(sandbox.path("catalog/climate/daymet/daymet-daily/2020/hi/catalog.json").is_file());
    let before = documents(&sandbox);
    let again = crawl(&sandbox, "daymet-daily", server().base_url(), &placing);
    assert_eq!((number(&again, "unchanged"), documents(&sandbox)), (items, before));
    let script = "import json, sys, pystac\n\
        root = pystac.Catalog.from_file(sys.argv[1])\n\
        items = list(root.get_items(recursive=True))\n\
        print(json.dumps({'items': len(items), 'ids': len({i.id for i in items}), 'parents': len({i.get_parent().self_href for i in items})}))";
    if let Some(ran) = python(&sandbox, script, ["catalog/catalog.json"]) {
        let told = ran.succeeds().json();
        assert_eq!((number(&told, "items"), number(&told, "ids")), (items, items));
        assert_eq!(number(&told, "parents"), 9, "three years of three regions");
    }
}
