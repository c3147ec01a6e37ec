//! A million granules that nobody holds.

use std::collections::BTreeSet;

use seedbed_fixture::{Server, ServerOptions};

use super::super::client::get;
use super::cmr_pages;

#[test]
fn pages_are_made_as_they_are_asked_for_and_every_granule_comes_once() {
    let server = Server::start_synthetic(5001, ServerOptions::wide()).unwrap();
    let url = format!("{}/search/granules.json?short_name=MOD13Q1&page_size=2000", server.base_url());
    let pages = cmr_pages(&url);
    assert_eq!(pages.len(), 4);
    assert!(pages.iter().all(|page| page.header("cmr-hits") == "5001"));
    let ids: BTreeSet<String> = pages
        .iter()
        .flat_map(|page| page.json()["feed"]["entry"].as_array().unwrap().clone())
        .map(|entry| entry["title"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 5001);
    let umm = get(&url.replace("granules.json", "granules.umm_json")).json();
    assert_eq!((&umm["hits"], umm["items"].as_array().unwrap().len()), (&5001.into(), 2000));
}

#[test]
fn the_last_page_of_a_million_is_as_near_as_the_first() {
    let server = Server::start_synthetic(1_000_000, ServerOptions::wide()).unwrap();
    let url =
        format!("{}/search/granules.json?short_name=MOD13Q1&page_size=2000&page_num=500", server.base_url());
    let page = get(&url);
    assert_eq!(
        (page.header("cmr-hits"), page.json()["feed"]["entry"].as_array().unwrap().len()),
        ("1000000", 2000)
    );
    let named = get(&format!(
        "{}/search/granules.json?short_name=MOD13Q1&bounding_box=-75,41,-74,42&temporal=2003-01-01T00:00:00Z,2003-12-31T00:00:00Z",
        server.base_url()
    ));
    assert_eq!(named.header("cmr-hits"), "24");
    assert_eq!(get(&url.replace("page_num=500", "sort_key=-start_date")).status, 400);
    let file = named.json()["feed"]["entry"][0]["links"][0]["href"].as_str().unwrap().to_owned();
    assert_eq!(get(get(&file).header("location")).status, 200);
}

#[test]
fn the_stac_api_pages_through_the_same_granules() {
    let server = Server::start_synthetic(2500, ServerOptions::wide()).unwrap();
    let mut url = format!("{}/api/stac/v1/search?limit=1000&collections=modis-13Q1-061", server.base_url());
    let mut ids = BTreeSet::new();
    loop {
        let page = get(&url).json();
        assert_eq!(page["numberMatched"], 2500);
        ids.extend(
            page["features"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        match page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next") {
            Some(next) => url = next["href"].as_str().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(ids.len(), 2500);
}
