//! Listings that go wrong on purpose.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use seedbed_fixture::serve::strikes_of;
use seedbed_fixture::{Listings, ServerOptions};
use serde_json::Value;

use super::super::client::{get, get_with};
use super::{cmr_pages, small, values};

fn titles(page: &Value) -> Vec<String> {
    let entries = page["feed"]["entry"].as_array().unwrap();
    entries.iter().map(|entry| entry["title"].as_str().unwrap().to_owned()).collect()
}

const CMR: &str = "search/granules.json?short_name=MOD13Q1&page_size=20";
const STAC: &str = "api/stac/v1/search?collections=modis-13Q1-061&limit=20";

#[test]
fn documents_are_cut_stretched_changed_and_reset_as_files_are() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    for path in [CMR, STAC, "MOLT/MOD13Q1.061/", "thredds/catalog/MET/catalog.xml"] {
        let at = |kind: &str| get(&format!("{base}/fault/{kind}/{path}"));
        // Addresses in documents differ by their prefix, and so do lengths.
        let whole = at("etag").body.len();
        let cut = at("truncate");
        assert!(!cut.complete && cut.status == 200, "{path}");
        let short = at("short");
        assert!(short.complete && short.body.len().abs_diff(whole / 2) < whole / 10, "{path}");
        assert!(!at("reset").complete, "{path}");
        assert!(at("html").text().contains("be back soon"));
        let drip = at("slow");
        assert!(drip.complete);
    }
    assert!(serde_json::from_slice::<Value>(&get(&format!("{base}/fault/short/{CMR}")).body).is_err());
}

#[test]
fn a_wait_is_told_in_seconds_or_as_a_date() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let seconds = get(&format!("{base}/fault/429x1/{CMR}"));
    assert_eq!((seconds.status, seconds.header("retry-after")), (429, "1"));
    let url = format!("{base}/fault/429-datex2/{CMR}");
    let dates = [get(&url), get(&url), get(&url)];
    assert_eq!(dates.each_ref().map(|answer| answer.status), [429, 429, 200]);
    assert!(dates[0].header("retry-after").ends_with(" GMT"));
    let twice = format!("{base}/fault/503x2/{CMR}");
    assert_eq!([get(&twice).status, get(&twice).status, get(&twice).status], [503, 503, 200]);
}

#[test]
fn pages_of_cmr_repeat_loop_and_never_end() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let all = cmr_pages(&format!("{base}/{CMR}"));
    // 47 granules on three pages, and an empty one.
    assert_eq!(all.len(), 4);
    let repeated = cmr_pages(&format!("{base}/fault/repeat/{CMR}"));
    let pages: Vec<Vec<String>> = repeated.iter().map(|page| titles(&page.json())).collect();
    assert!(pages[0] == pages[1] && pages[1] != pages[2] && pages[2] == pages[3]);
    let distinct: BTreeSet<&String> = pages.iter().flatten().collect();
    assert_eq!(distinct.len(), 47);
    let follow = |kind: &str, count: usize| {
        let url = format!("{base}/fault/{kind}/{CMR}");
        let mut after = get(&url).header("cmr-search-after").to_owned();
        let mut seen = vec![after.clone()];
        for _ in 1..count {
            after = get_with(&url, &[("CMR-Search-After", &after)]).header("cmr-search-after").to_owned();
            seen.push(after.clone());
        }
        seen
    };
    let looping = follow("loop", 5);
    assert!(looping[0] == looping[2] && looping[1] == looping[3]);
    let endless = follow("endless", 20);
    assert!(endless.iter().all(|cursor| !cursor.is_empty()));
    assert_eq!(endless.iter().collect::<BTreeSet<_>>().len(), 20);
}

#[test]
fn pages_of_the_stac_api_repeat_loop_and_never_end() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let follow = |kind: &str, count: usize| {
        let mut url = format!("{base}/fault/{kind}/{STAC}");
        let mut pages = Vec::new();
        for _ in 0..count {
            let page = get(&url).json();
            let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next");
            let next = next.map(|link| link["href"].as_str().unwrap().to_owned());
            let ids: Vec<String> = page["features"]
                .as_array()
                .unwrap()
                .iter()
                .map(|i| i["id"].as_str().unwrap().to_owned())
                .collect();
            pages.push((ids, next.clone()));
            match next {
                Some(next) => url = next,
                None => break,
            }
        }
        pages
    };
    // 94 items on five pages, each twice.
    let repeated = follow("repeat", 100);
    assert_eq!(repeated.len(), 10);
    assert!(repeated[0].0 == repeated[1].0 && repeated[1].0 != repeated[2].0);
    let looping = follow("loop", 6);
    assert!(looping[0].0 == looping[2].0 && looping[0].1 == looping[2].1);
    let endless = follow("endless", 12);
    assert_eq!(endless.len(), 12);
    assert!(endless[11].0.is_empty() && endless[11].1 != endless[10].1);
}

#[test]
fn every_tenth_granule_is_doubled_misnamed_or_misdated() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let struck = strikes_of(47);
    assert_eq!(struck, 5);
    let at = |kind: &str| -> Vec<Value> {
        let pages = cmr_pages(&format!("{base}/fault/{kind}/{CMR}"));
        pages.iter().flat_map(|page| page.json()["feed"]["entry"].as_array().unwrap().clone()).collect()
    };
    assert_eq!(at("duplicates").len(), 47 + struck);
    let misnamed =
        at("names").iter().filter(|e| e["title"].as_str().unwrap().starts_with("unnamed_")).count();
    assert_eq!(misnamed, struck);
    let misdated = at("dates");
    let misdated: Vec<&Value> =
        misdated.iter().filter(|e| e["title"].as_str().unwrap().contains("400.h")).collect();
    assert_eq!(misdated.len(), struck);
    assert!(misdated.iter().any(|entry| entry["time_start"] == "2003-02-30T00:00:00.000Z"));
    assert_eq!(get(&format!("{base}/fault/hits/{CMR}")).header("cmr-hits"), "477");
    let stac = |kind: &str| get(&format!("{base}/fault/{kind}/{STAC}")).json();
    assert_eq!(stac("duplicates")["features"].as_array().unwrap().len(), 22);
    assert!(stac("names").to_string().contains("unnamed_3"));
    assert!(stac("dates").to_string().contains("2003-02-30T00:00:00Z"));
    assert_eq!(stac("hits")["numberMatched"], 947);
}

#[test]
fn folders_and_catalogs_contain_themselves_or_go_on_for_ever() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let page = |kind: &str, path: &str| get(&format!("{base}/fault/{kind}/{path}")).text();
    let files = |page: &str| values(page, "href").iter().filter(|link| link.ends_with(".zip")).count();
    let daily = "time_series/us/an/4km/ppt/daily/2024/";
    assert_eq!(files(&page("loop", &format!("{daily}again/again/"))), 10);
    assert!(page("endless", &format!("{daily}more/more/more/")).contains("href=\"more/\""));
    assert_eq!(files(&page("duplicates", daily)), 11);
    assert!(page("dates", daily).contains("prism_ppt_us_25m_20240230.zip"));
    assert!(page("names", daily).contains("href=\"unnamed_3.zip\""));
    assert!(page("loop", "thredds/catalog/MET/catalog.xml").contains("xlink:href=\"catalog.xml\""));
    assert!(
        page("endless", "thredds/catalog/MET/more/more/catalog.xml")
            .contains("xlink:href=\"more/catalog.xml\"")
    );
    assert_eq!(
        values(&page("duplicates", "thredds/catalog/MACAV2/CCSM4/catalog.xml"), "urlPath").len(),
        848 + strikes_of(848)
    );
    let rows = |kind: &str| {
        get(&format!("{base}/fault/{kind}/prism/data/get/releaseDate/us/4km/ppt/20240225/20240305?json=true"))
            .json()
    };
    assert_eq!(rows("duplicates").as_array().unwrap().len(), 11);
    assert_eq!(rows("dates")[3][1], "2024-02-30");
}

#[test]
fn a_server_gives_up_after_so_many_requests_and_can_be_mended() {
    let server = small(ServerOptions::wide());
    let url = format!("{}/{CMR}", server.base_url());
    server.fail_after(2);
    assert_eq!(
        [get(&url).status, get(&url).status, get(&url).status, get(&url).status],
        [200, 200, 503, 503]
    );
    server.mend();
    assert_eq!(get(&url).status, 200);
}

#[test]
fn another_listing_takes_the_place_of_the_first() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let folder = format!("{base}/apache/MET/pr/");
    let before = get(&folder);
    let next = Listings { gridmet_years: 2020..=2022, modis_years: 2003..=2004, ..Listings::small() };
    let granules = next.modis_granules("MOD13Q1");
    assert!(server.relist(next));
    let after = get_with(&folder, &[("If-None-Match", before.header("etag"))]);
    assert_eq!(after.status, 200);
    assert!(after.text().contains("pr_2022.nc") && !after.text().contains("pr_2019.nc"));
    assert!(after.header("last-modified") != before.header("last-modified"));
    assert_eq!(get(&format!("{base}/{CMR}")).header("cmr-hits"), granules.to_string());
}

#[test]
fn the_most_requests_at_once_are_counted() {
    let server = small(ServerOptions { pause: Duration::from_millis(300), ..ServerOptions::wide() });
    let url = format!("{}/MOLT/", server.base_url());
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| get(&url));
        }
    });
    let most = server.most_at_once();
    assert!((2..=5).contains(&most), "{most}");
    server.reset();
    get(&url);
    assert_eq!(server.most_at_once(), 1);
}
