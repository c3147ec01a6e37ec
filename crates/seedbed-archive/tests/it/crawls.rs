//! Crawls against small servers and folders that behave as the real archives do.

use crate::earth::Earth;
use crate::server::{Asked, Server, missing, ok};
use jiff::civil::date;
use seedbed_archive::{CrawlError, CrawlOptions, Crawled, Definition, Rejected, crawl};
use seedbed_catalog::{Collection, Item};
use seedbed_storage::{Settings, Stores};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

pub fn stores() -> Stores {
    let settings = Settings { retries: 1, backoff: Duration::from_millis(1), ..Settings::default() };
    Stores::new(settings).unwrap()
}

pub fn at(root: &str) -> CrawlOptions {
    CrawlOptions { root: Some(root.parse().unwrap()), ..CrawlOptions::default() }
}

/// A crawl, whole.
#[derive(Debug)]
pub struct Found {
    pub items: Vec<Item>,
    pub collection: Collection,
    pub rejected: Vec<Rejected>,
    pub crawled: Crawled,
}

pub fn run(definition: &Definition, options: &CrawlOptions) -> Result<Found, CrawlError> {
    run_in(definition, options, tempfile::tempdir().unwrap().path())
}

/// The same in a folder that keeps the crawl's record.
pub fn run_in(definition: &Definition, options: &CrawlOptions, work: &Path) -> Result<Found, CrawlError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut crawl = runtime.block_on(crawl(definition, options, &stores(), &Earth, &(), work))?;
    let collection = crawl.collection().clone();
    let mut items = Vec::new();
    while let Some(item) = crawl.next_item()? {
        items.push(item);
    }
    let crawled = crawl.finish()?;
    assert_eq!(crawled.items, items.len() as u64);
    assert!(items.is_sorted_by(|a, b| a.id() < b.id()));
    Ok(Found { items, collection, rejected: crawled.rejected.clone(), crawled })
}

pub fn builtin(name: &str) -> Definition {
    Definition::builtin(name).unwrap()
}

pub fn with(mut options: CrawlOptions, key: &str, values: &[&str]) -> CrawlOptions {
    options.where_.push((key.to_owned(), values.iter().map(|v| (*v).to_owned()).collect()));
    options
}

pub fn ids(found: &Found) -> Vec<&str> {
    found.items.iter().map(Item::id).collect()
}

pub fn reasons(found: &Found) -> String {
    let lines: Vec<String> = found.rejected.iter().map(|r| format!("{}: {}", r.name, r.reason)).collect();
    lines.join("\n")
}

const DATA: &str = "http://esipfed.org/ns/fedsearch/1.1/data#";

fn cmr_entry(file: &str) -> Value {
    json!({"title": format!("Daymet_Daily_V4R1.{file}"), "links": [
        {"rel": DATA, "href": format!("https://data/protected/{file}")},
        {"rel": DATA, "href": format!("https://data/public/{file}.sha256")},
        {"rel": DATA, "href": "https://data/folder/", "inherited": true}]})
}

pub fn cmr_page(files: &[&str], next: Option<&str>, hits: usize) -> crate::server::Answer {
    let entries: Vec<Value> = files.iter().map(|f| cmr_entry(f)).collect();
    let mut headers = vec![("CMR-Hits".to_owned(), hits.to_string())];
    headers.extend(next.map(|n| ("CMR-Search-After".to_owned(), n.to_owned())));
    (200, headers, json!({"feed": {"entry": entries}}).to_string().into_bytes())
}

fn daymet(variable: &str, year: u16) -> String {
    format!("daymet_v4_daily_hi_{variable}_{year}.nc")
}

/// CMR with three pages of Daymet, which end with a cursor and then an empty page, as the real one does.
pub fn cmr() -> Server {
    Server::new(|_, asked: &Asked| {
        let f = |i: usize| {
            daymet(
                ["dayl", "prcp", "srad", "swe", "tmax", "tmin", "vp"][i % 7],
                if i < 7 { 2003 } else { 2004 },
            )
        };
        let page = |range: std::ops::Range<usize>, next| {
            let files: Vec<String> = range.map(f).collect();
            cmr_page(&files.iter().map(String::as_str).collect::<Vec<_>>(), next, 14)
        };
        match asked.header("cmr-search-after") {
            None => page(0..5, Some("[1]")),
            Some("[1]") => page(5..10, Some("[2]")),
            Some("[2]") => page(10..14, Some("[3]")),
            _ => cmr_page(&[], None, 14),
        }
    })
}

#[test]
fn cmr_pages_become_items_of_region_and_year() {
    let server = cmr();
    let found = run(&builtin("daymet-daily"), &at(&server.root)).unwrap();
    assert_eq!(ids(&found), ["daymet-daily-v4r1-hi-2003", "daymet-daily-v4r1-hi-2004"]);
    assert!(found.rejected.is_empty(), "{}", reasons(&found));
    assert_eq!(server.asked().len(), 4);
    let item = &found.items[1];
    assert_eq!(item.assets().count(), 7);
    assert_eq!(item.property("start_datetime"), Some(&json!("2004-01-01T00:00:00Z")));
    assert_eq!(item.property("end_datetime"), Some(&json!("2004-12-30T23:59:59Z")));
    assert_eq!((item.property("region"), item.property("year")), (Some(&json!("hi")), Some(&json!(2004))));
    let tmax = item.asset("tmax").unwrap();
    let geobox = tmax.claim(&Earth).unwrap().geobox().unwrap();
    assert_eq!((geobox.shape.rows, geobox.shape.cols), (584, 284));
    let band = tmax.band();
    assert_eq!(
        (band.name.as_deref(), band.nodata, band.unit.as_deref()),
        (Some("tmax"), Some(-9999.0), Some("degrees C"))
    );
    let box_ = item.bbox().unwrap();
    // The archive's own box is that of the cell centres: -160.3056, 17.9539, -154.7720, 23.5186.
    for (ours, theirs) in <[f64; 4]>::from(box_).into_iter().zip([-160.3056, 17.9539, -154.7720, 23.5186]) {
        assert!((ours - theirs).abs() < 0.02, "{box_:?}");
    }
    assert_eq!(
        tmax.as_object()["seedbed:checksum_href"],
        "https://data/public/daymet_v4_daily_hi_tmax_2004.nc.sha256"
    );
}

#[test]
fn filters_are_sent_along_and_applied() {
    let server = cmr();
    let mut options = with(with(at(&server.root), "variable", &["tmin"]), "variable", &["tmax"]);
    options.datetime = Some((Some(date(2004, 12, 30)), Some(date(2005, 6, 1))));
    options.bbox = Some("-161,17,-154,24".parse().unwrap());
    let found = run(&builtin("daymet-daily"), &options).unwrap();
    assert_eq!(ids(&found), ["daymet-daily-v4r1-hi-2004"]);
    let keys: Vec<&str> = found.items[0].assets().map(|(k, _)| k).collect();
    assert_eq!(keys, ["tmax", "tmin"]);
    let target = &server.asked()[0].target;
    for part in [
        "/search/granules.json?collection_concept_id=C2532426483-ORNL_CLOUD&page_size=2000",
        "temporal=2004-12-30T00%3A00%3A00Z%2C2005-06-01T23%3A59%3A59Z",
        "bounding_box=-161%2C17%2C-154%2C24",
        "readable_granule_name%5B%5D=Daymet_Daily_V4R1.daymet_v4_daily_*_tmax_*.nc",
        "options%5Breadable_granule_name%5D%5Bpattern%5D=true",
    ] {
        assert!(target.contains(part), "{part}\n{target}");
    }
    options.datetime = Some((Some(date(2004, 12, 31)), None));
    assert!(
        run(&builtin("daymet-daily"), &options).unwrap().items.is_empty(),
        "Daymet has no 31 December 2004"
    );
    options.datetime = None;
    options.bbox = Some("0,0,1,1".parse().unwrap());
    assert!(run(&builtin("daymet-daily"), &options).unwrap().items.is_empty());
}

#[test]
fn a_key_that_no_name_has_is_refused_with_the_nearest() {
    let error =
        run(&builtin("daymet-daily"), &with(at("http://127.0.0.1:1/"), "regoin", &["hi"])).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("did you mean `region`"), "{error}");
    let api = with(at("/tmp"), "collection", &["x"]);
    assert!(run(&builtin("stac-api"), &api).unwrap_err().is_usage());
}

#[test]
fn bad_pages_names_dates_and_duplicates_are_rejected_not_crawled() {
    let bad = Server::new(|_, asked: &Asked| match asked.header("cmr-search-after") {
        None => cmr_page(
            &["daymet_v4_daily_hi_tmax_2003.nc", "daymet_v4_daily_hi_tmax_2003.nc", "notes.nc"],
            Some("[1]"),
            99,
        ),
        Some("[1]") => {
            cmr_page(&["daymet_v4_daily_hi_tmin_2003.nc", "daymet_v4_daily_hi_tmin_0000.nc"], Some("[2]"), 99)
        }
        _ => ok("<html><body>Scheduled maintenance</body></html>"),
    });
    let found = run(&builtin("daymet-daily"), &at(&bad.root)).unwrap();
    assert_eq!(ids(&found), ["daymet-daily-v4r1-hi-2003"]);
    let reasons = reasons(&found);
    for part in
        ["a duplicate of", "notes.nc: its name is none", "(page 3): no JSON but `<html>", "no day 0000-01-01"]
    {
        assert!(reasons.contains(part), "{part}\n{reasons}");
    }
    assert_eq!(found.rejected.len(), 4);
}

#[test]
fn paging_that_repeats_a_cursor_or_falls_short_is_noticed() {
    let looping = Server::new(|_, _| cmr_page(&["daymet_v4_daily_hi_tmax_2003.nc"], Some("[1]"), 9));
    let found = run(&builtin("daymet-daily"), &at(&looping.root)).unwrap();
    assert_eq!(found.items.len(), 1);
    assert!(reasons(&found).contains("repeats itself"), "{}", reasons(&found));
    let short = Server::new(|_, _| cmr_page(&["daymet_v4_daily_hi_tmax_2003.nc"], None, 70));
    let found = run(&builtin("daymet-daily"), &at(&short.root)).unwrap();
    assert!(reasons(&found).contains("70 granules were announced, 1 came"), "{}", reasons(&found));
}

#[test]
fn an_archive_that_is_down_is_an_error_worth_retrying() {
    let down = Server::new(|_, _| (503, Vec::new(), Vec::new()));
    let error = run(&builtin("daymet-daily"), &at(&down.root)).unwrap_err();
    assert!(error.retryable() && !error.is_usage(), "{error}");
    let gone = Server::new(|_, _| missing());
    let error = run(&builtin("daymet-daily"), &at(&gone.root)).unwrap_err();
    assert!(!error.retryable() && !error.is_usage(), "{error}");
}

/// An item as the Planetary Computer has it.
pub fn modis_item(id: &str, root: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "modis-13A1-061",
        "stac_extensions": ["https://stac-extensions.github.io/raster/v1.0.0/schema.json"],
        "geometry": {"type": "Polygon", "coordinates": [[[-92, 40], [-78, 40], [-91, 50], [-104, 50], [-92, 40]]]},
        "bbox": [-104, 40, -78, 50],
        "properties": {"start_datetime": "2003-01-01T00:00:00Z", "end_datetime": "2003-01-16T23:59:59Z", "datetime": null, "odd:field": [1.10, null]},
        "links": [{"rel": "root", "href": root}, {"rel": "self", "href": format!("{root}{id}")}, {"rel": "license", "href": "https://l"}],
        "assets": {
            "hdf": {"href": "https://h/x.hdf"},
            "500m_16_days_NDVI": {"href": format!("{root}{id}.tif"), "roles": ["data"], "foreign": true,
                "raster:bands": [{"data_type": "int16", "unit": "NDVI", "scale": 0.0001, "spatial_resolution": 500}]},
            "500m_16_days_pixel_reliability": {"href": format!("{root}{id}_pr.tif")}}})
}

#[test]
fn items_of_an_api_pass_through_renamed_and_completed() {
    let ids_ = [
        "MOD13A1.A2003001.h12v04.061.2020078000001",
        "MYD13A1.A2003009.h12v04.061.2020078000002",
        "MOD13A1.A2003001.h12v04.061.2021078000003",
        "MOD13A1.A2003366.h12v04.061.2021078000004",
    ];
    let server = Server::new(move |root, asked: &Asked| {
        let second = asked.target.contains("token");
        let items: Vec<Value> =
            ids_[if second { 2..4 } else { 0..2 }].iter().map(|id| modis_item(id, root)).collect();
        let links = if second {
            json!([])
        } else {
            json!([{"rel": "next", "href": format!("{root}api/search?token=2")}])
        };
        ok(json!({"type": "FeatureCollection", "features": items, "links": links}).to_string())
    });
    let mut options = at(&format!("{}api/", server.root));
    options.datetime = Some((Some(date(2003, 1, 1)), None));
    let found = run(&builtin("mod13a1"), &options).unwrap();
    assert_eq!(ids(&found), [ids_[2]], "{}", reasons(&found));
    assert!(reasons(&found).contains("no 16-day composite starts on day 366"), "{}", reasons(&found));
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/api/search"));
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(
        body,
        json!({"collections": ["modis-13A1-061"], "limit": 250, "datetime": "2003-01-01T00:00:00Z/.."})
    );
    let item = found.items[0].as_value();
    assert_eq!(item["properties"]["odd:field"], json!([1.10, null]));
    assert_eq!(item["properties"]["seedbed:superseded"], json!([ids_[0]]));
    assert_eq!(item["collection"], "mod13a1");
    let rels: Vec<&str> =
        item["links"].as_array().unwrap().iter().map(|l| l["rel"].as_str().unwrap()).collect();
    assert_eq!(rels, ["via", "license"]);
    let keys: Vec<&String> = item["assets"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["hdf", "ndvi", "pixel_reliability"]);
    let ndvi = found.items[0].asset("ndvi").unwrap();
    assert_eq!(ndvi.as_object()["foreign"], true);
    let band = ndvi.band();
    assert_eq!((band.nodata, band.scale, band.unit.as_deref()), (Some(-3000.0), Some(0.0001), Some("1")));
    let geobox = ndvi.claim(&Earth).unwrap().geobox().unwrap();
    assert!(
        (geobox.affine.c - -6_671_703.118).abs() < 1e-3 && (geobox.affine.a - 463.312_716_528).abs() < 1e-6
    );
}

pub fn index(names: &[&str]) -> crate::server::Answer {
    let lines: String = names
        .iter()
        .map(|n| format!("<img src=\"/i.gif\"> <a href=\"{n}\">{n}</a>  2025-10-01 08:00  1.2M\n"))
        .collect::<Vec<_>>()
        .concat();
    ok(format!(
        "<html><title>Index</title><pre><a href=\"?C=N;O=D\">Name</a><hr><a href=\"../\">Parent Directory</a>\n{lines}</pre></html>"
    ))
}

/// The new PRISM tree for two variables, with a broken year and a stray file.
pub fn prism() -> Server {
    Server::new(|_, asked: &Asked| {
        match asked.target.strip_prefix("/m/time_series/us/an/4km/").unwrap_or("?") {
            "" => index(&["ppt/", "tmax/", "tmin/", "soltotal/", "README.txt"]),
            "ppt/daily/" | "tmax/daily/" => index(&["2003/", "2004/"]),
            "ppt/daily/2003/" => {
                index(&["prism_ppt_us_25m_20030101.zip", "prism_ppt_us_25m_20030230.zip", "index.php"])
            }
            "tmax/daily/2003/" => {
                index(&["prism_tmax_us_25m_20030101.zip", "prism_tmax_us_25m_20030102.zip"])
            }
            "ppt/daily/2004/" => ok("You have tried to list this folder more than twice"),
            "tmin/daily/" => ok("<html><h1>Maintenance</h1><a href=\"/\">Home</a></html>"),
            _ => missing(),
        }
    })
}

#[test]
fn an_index_is_followed_by_its_template_of_folders() {
    let server = prism();
    let found = run(&builtin("prism-daily"), &at(&format!("{}m", server.root))).unwrap();
    assert_eq!(ids(&found), ["prism-daily-20030101", "prism-daily-20030102"]);
    let ppt = found.items[0].asset("ppt").unwrap();
    assert_eq!(
        ppt.href(),
        format!("{}m/time_series/us/an/4km/ppt/daily/2003/prism_ppt_us_25m_20030101.zip", server.root)
    );
    assert_eq!((ppt.size(), ppt.as_object()["listing:modified"].as_str()), (None, Some("2025-10-01 08:00")));
    let reasons = reasons(&found);
    for part in [
        "no day 2003-02-30",
        "index.php: its name",
        "ppt/daily/2004/: no directory listing but `You have",
        "tmax/daily/2004/",
    ] {
        assert!(reasons.contains(part), "{part}\n{reasons}");
    }
    assert!(!server.asked().iter().any(|a| a.target.contains("soltotal")));
}

#[test]
fn folders_that_can_hold_nothing_wanted_are_not_asked_for() {
    let server = prism();
    let mut options = with(at(&format!("{}m", server.root)), "variable", &["tmax"]);
    options.datetime = Some((None, Some(date(2003, 1, 1))));
    let found = run(&builtin("prism-daily"), &options).unwrap();
    assert_eq!(ids(&found), ["prism-daily-20030101"]);
    assert!(found.rejected.is_empty(), "{}", reasons(&found));
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn results_do_not_depend_on_the_number_of_jobs() {
    let server = prism();
    let of = |jobs| {
        let found =
            run(&builtin("prism-daily"), &CrawlOptions { jobs, ..at(&format!("{}m", server.root)) }).unwrap();
        (serde_json::to_string(&found.items).unwrap(), found.rejected, found.collection)
    };
    assert_eq!(of(1), of(16));
    assert_eq!(of(16), of(0));
}

#[test]
fn a_folder_of_old_prism_prefers_stable_and_d2() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "daily/ppt/1981/PRISM_ppt_stable_4kmD2_19810101_bil.zip",
        "daily/ppt/1981/PRISM_ppt_stable_4kmD1_19810101_bil.zip",
        "daily/ppt/1981/PRISM_ppt_provisional_4kmD2_19810101_bil.zip",
        "daily/tmin/1981/PRISM_tmin_early_4kmD1_19810101_bil.zip",
        "daily/tmin/1981/PRISM_tmin_early_4kmD1_19810101_bil.zip.part",
        "elsewhere/PRISM_ppt_stable_4kmD2_19810101_bil.zip",
        "PRISM_ppt_stable_4kmD2_20170101_20170131_bil.zip",
        "daily/ppt/1981/PRISM_ppt_stable_4kmD2_19810100_bil.zip",
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    let found = run(&builtin("prism-daily-old"), &at(folder.path().to_str().unwrap())).unwrap();
    assert_eq!(ids(&found), ["prism-daily-old-19810101"]);
    let item = &found.items[0];
    let ppt = item.asset("ppt").unwrap();
    assert!(ppt.href().ends_with("/daily/ppt/1981/PRISM_ppt_stable_4kmD2_19810101_bil.zip"));
    assert!(ppt.href().starts_with('/') && ppt.size() == Some(54));
    assert_eq!(ppt.as_object()["prism:stability"], "stable");
    // As a whole the item is no better than its worst part.
    assert_eq!(item.property("prism:stability"), Some(&json!("early")));
    assert_eq!(item.property("prism:version"), Some(&json!("D1")));
    assert_eq!(item.property("seedbed:superseded").unwrap().as_array().unwrap().len(), 2);
    assert_eq!(
        <[f64; 4]>::from(item.bbox().unwrap()).map(|x| (x * 1e4).round() / 1e4),
        [-125.0208, 24.0625, -66.4792, 49.9375]
    );
    let reasons = reasons(&found);
    assert!(reasons.contains("a duplicate of") && reasons.contains("no day 1981-01-00"), "{reasons}");
    assert_eq!(found.rejected.len(), 2);
}

pub const THREDDS: &str = r#"<?xml version="1.0"?><catalog xmlns="http://www.unidata.ucar.edu/namespaces/thredds/InvCatalog/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink">
<service name="all" serviceType="Compound" base=""><service name="o" serviceType="OPENDAP" base="/thredds/dodsC/"/><service name="f" serviceType="HTTPServer" base="/thredds/fileServer/"/></service>"#;

#[test]
fn thredds_catalogs_are_followed_through_a_redirect_and_relative_references() {
    let server = Server::new(|root, asked: &Asked| match asked.target.as_str() {
        "/thredds/catalog/MACAV2/catalog.xml" => {
            (302, vec![("Location".to_owned(), format!("{root}thredds/catalog/v2/catalog.xml"))], Vec::new())
        }
        "/thredds/catalog/v2/catalog.xml" => ok(format!(
            r#"{THREDDS}<catalogRef xlink:href="CCSM4/catalog.xml" xlink:title="CCSM4" name=""/><catalogRef xlink:href="/thredds/catalog/v2/CanESM2/catalog.xml" xlink:title="CanESM2" name=""/><catalogRef xlink:href="Broken/catalog.xml" xlink:title="Broken" name=""/><catalogRef xlink:href="http://203.0.113.1/catalog.xml" xlink:title="Far" name=""/></catalog>"#
        )),
        "/thredds/catalog/v2/CCSM4/catalog.xml" | "/thredds/catalog/v2/CanESM2/catalog.xml" => {
            let (model, run) =
                if asked.target.contains("CCSM4") { ("CCSM4", "r6i1p1") } else { ("CanESM2", "r1i1p1") };
            let set = |v: &str, s: &str, b: &str| {
                let n = format!("macav2metdata_{v}_{model}_{run}_{s}_{b}_CONUS_daily.nc");
                format!(
                    r#"<dataset name="{n}" urlPath="MACAV2/{model}/{n}"><dataSize units="Mbytes">94.89</dataSize></dataset>"#
                )
            };
            ok(format!(
                r#"{THREDDS}<dataset name="{model}"><metadata inherited="true"><serviceName>all</serviceName></metadata>{}{}{}{}<catalogRef xlink:href="../catalog.xml" xlink:title="up"/></dataset></catalog>"#,
                set("pr", "rcp45", "2006_2010"),
                set("tasmax", "rcp45", "2006_2010"),
                set("pr", "rcp45", "2010_2006"),
                set("pr", "historical", "2005_2005"),
            ))
        }
        "/thredds/catalog/v2/Broken/catalog.xml" => ok(&THREDDS[..200]),
        _ => missing(),
    });
    let maca = builtin("maca-daily");
    let found = run(&maca, &at(&server.root)).unwrap();
    assert_eq!(
        ids(&found),
        [
            "maca-CCSM4-r6i1p1-historical-2005-2005",
            "maca-CCSM4-r6i1p1-rcp45-2006-2010",
            "maca-CanESM2-r1i1p1-historical-2005-2005",
            "maca-CanESM2-r1i1p1-rcp45-2006-2010"
        ]
    );
    let item = &found.items[1];
    assert_eq!(item.assets().count(), 2);
    let pr = item.asset("pr").unwrap();
    assert_eq!(
        pr.href(),
        format!(
            "{}thredds/fileServer/MACAV2/CCSM4/macav2metdata_pr_CCSM4_r6i1p1_rcp45_2006_2010_CONUS_daily.nc",
            server.root
        )
    );
    assert_eq!(pr.size(), None);
    let bbox = <[f64; 4]>::from(item.bbox().unwrap());
    for (ours, wanted) in bbox.into_iter().zip([-124.793, 25.0422, -67.0439, 49.4169]) {
        assert!((ours - wanted).abs() < 1e-3, "{bbox:?}");
    }
    let reasons = reasons(&found);
    assert!(reasons.contains("Broken/catalog.xml: no XML"), "{reasons}");
    assert!(reasons.contains("before it starts"), "{reasons}");
    assert_eq!(found.rejected.len(), 3);
    let narrow = run(&maca, &with(at(&server.root), "model", &["CCSM4"])).unwrap();
    assert_eq!(narrow.items.len(), 2);
    assert!(!server.asked().iter().rev().take(3).any(|a| a.target.contains("CanESM2")));
}

#[test]
fn the_collection_tells_licence_providers_and_doi() {
    let server = cmr();
    let found = run(&builtin("daymet-daily"), &at(&server.root)).unwrap();
    let c = found.collection.as_value();
    assert_eq!((c["id"].as_str(), c["license"].as_str()), (Some("daymet-daily"), Some("other")));
    assert_eq!(c["sci:doi"], "10.3334/ORNLDAAC/2129");
    assert_eq!(c["providers"][0]["name"], "ORNL DAAC");
    assert!(c["links"].as_array().unwrap().iter().any(|l| l["rel"] == "license"));
}

#[test]
fn a_definition_of_ones_own_lists_an_index_without_a_template() {
    let server = Server::new(|_, asked: &Asked| match asked.target.as_str() {
        "/data/" => index(&["a/", "x_2001.nc"]),
        "/data/a/" => index(&["../", "b/", "x_2002.nc", "./"]),
        "/data/a/b/" => index(&["x_2003.nc", "a%20b.nc"]),
        _ => missing(),
    });
    let toml = r#"
name = "mine"
title = "Mine"
description = "My archive."
licence = "CC0-1.0"
root = "https://nowhere.invalid/"
pattern = 'x_(?P<year>\d{4})\.nc'
[source]
kind = "index"
address = "data"
[group]
id = "x-{year}"
asset = "x"
grid = "g"
time = { strategy = "year" }
[assets.x]
title = "X"
media_type = "application/netcdf"
[grids.g]
crs = "EPSG:4326"
shape = [2, 3]
transform = [1, 0, 10, 0, -1, 20]
"#;
    let mine = Definition::from_toml("mine.toml", toml).unwrap();
    let found = run(&mine, &at(&server.root)).unwrap();
    assert_eq!(ids(&found), ["x-2001", "x-2002", "x-2003"]);
    assert_eq!(found.rejected.len(), 1);
    assert_eq!(found.rejected[0].name, "a b.nc");
}

#[test]
fn parts_of_a_listing_that_are_lost_are_told_from_granules() {
    let server = prism();
    let found = run(&builtin("prism-daily"), &at(&format!("{}m", server.root))).unwrap();
    let lost: Vec<&str> =
        found.crawled.rejected.iter().filter(|r| r.listing).map(|r| r.name.as_str()).collect();
    assert_eq!(found.crawled.lost, 3);
    for folder in ["ppt/daily/2004/", "tmax/daily/2004/", "tmin/daily/"] {
        assert!(lost.iter().any(|name| name.ends_with(folder)), "{folder}: {lost:?}");
    }
    assert!(found.crawled.rejected_count > found.crawled.lost);
}

#[test]
fn a_page_that_breaks_off_ends_the_crawl_for_now() {
    let whole =
        || "<html><body><pre><a href=\"../\">../</a>\n<a href=\"ppt/\">ppt/</a>\n</pre></body></html>";
    let server = Server::new(move |_, asked: &Asked| match asked.target.as_str() {
        "/m/time_series/us/an/4km/" => ok(whole()),
        "/m/time_series/us/an/4km/ppt/daily/" => {
            ok(whole().replace("ppt/", "2003/").split("</a>\n</pre").next().unwrap())
        }
        _ => missing(),
    });
    let error = run(&builtin("prism-daily"), &at(&format!("{}m", server.root))).unwrap_err();
    assert!(error.retryable(), "{error}");
}

#[test]
fn an_api_that_refuses_post_is_crawled_by_get() {
    let item = |id: &str| {
        json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "c", "geometry": null,
            "properties": {"datetime": "2003-01-01T00:00:00Z"}, "links": [], "assets": {"a": {"href": "x.tif"}}})
    };
    let server = Server::new(move |root, asked: &Asked| {
        if asked.method == "POST" {
            return (405, Vec::new(), Vec::new());
        }
        match asked.target.split_once('?') {
            Some(("/search", query)) if query.contains("token=2") => {
                ok(json!({"type": "FeatureCollection", "features": [item("b")], "links": []}).to_string())
            }
            Some(("/search", query)) if query.contains("collections=c") => ok(json!({
                "type": "FeatureCollection", "features": [item("a")],
                "links": [{"rel": "next", "href": format!("{root}search?token=2"), "method": "GET"}]})
            .to_string()),
            _ => missing(),
        }
    });
    let mut options = at(&server.root);
    options.where_ = vec![("collection".to_owned(), vec!["c".to_owned()])];
    let found = run(&builtin("stac-api"), &options).unwrap();
    assert_eq!((ids(&found), found.crawled.rejected_count), (vec!["a", "b"], 0));
}
