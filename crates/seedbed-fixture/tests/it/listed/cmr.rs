//! The Common Metadata Repository.

use std::collections::BTreeSet;

use seedbed_fixture::listing::Period;
use seedbed_fixture::listing::content;
use seedbed_fixture::{Listings, Server, ServerOptions};
use serde_json::Value;

use super::super::client::{get, get_with, send};
use super::{cmr_pages, small, wide};

fn entries(server: &Server, query: &str) -> Vec<Value> {
    let pages = cmr_pages(&format!("{}/search/granules.json?page_size=2000&{query}", server.base_url()));
    pages.iter().flat_map(|page| page.json()["feed"]["entry"].as_array().unwrap().clone()).collect()
}

fn items(server: &Server, query: &str) -> Vec<Value> {
    let pages = cmr_pages(&format!("{}/search/granules.umm_json?page_size=2000&{query}", server.base_url()));
    pages.iter().flat_map(|page| page.json()["items"].as_array().unwrap().clone()).collect()
}

fn hits(server: &Server, query: &str) -> usize {
    let answer = get(&format!("{}/search/granules.json?page_size=1&{query}", server.base_url()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("cmr-hits").parse().unwrap()
}

#[test]
fn every_collection_has_the_granules_that_are_expected_by_short_name_and_by_concept() {
    let (server, listings) = (wide(), Listings::default());
    for (period, short_name, concept) in [
        (Period::Daily, "Daymet_Daily_V4R1_2129", "C2532426483-ORNL_CLOUD"),
        (Period::Monthly, "Daymet_Monthly_V4R1_2131", "C2532007210-ORNL_CLOUD"),
        (Period::Annual, "Daymet_Annual_V4R1_2130", "C2531982907-ORNL_CLOUD"),
    ] {
        let wanted = listings.daymet_granules(period);
        assert_eq!(hits(&server, &format!("short_name={short_name}")), wanted);
        assert_eq!(hits(&server, &format!("collection_concept_id={concept}&provider=ORNL_CLOUD")), wanted);
        let all = entries(&server, &format!("short_name={short_name}"));
        let ids: BTreeSet<&str> = all.iter().map(|entry| entry["title"].as_str().unwrap()).collect();
        assert_eq!((all.len(), ids.len()), (wanted, wanted));
    }
    for product in ["MOD13Q1", "MOD13A1", "MOD13A2", "MOD13A3", "MYD13Q1", "MYD13A1", "MYD13A2", "MYD13A3"] {
        let query = format!("short_name={product}&version=061&provider=LPCLOUD");
        assert_eq!(hits(&server, &query), listings.modis_granules(product), "{product}");
        assert_eq!(hits(&server, &query.replace("061", "006")), 0);
        assert_eq!(items(&server, &query).len(), listings.modis_granules(product));
    }
    assert_eq!(hits(&server, "collection_concept_id=C1748066515-LPCLOUD"), 277);
}

#[test]
fn searches_are_narrowed_by_time_box_and_name() {
    let server = wide();
    let q1 = "short_name=MOD13Q1&version=061&provider=LPCLOUD";
    // The last composite of a year reaches into the next.
    let new_year = "temporal=2004-01-01T00:00:00Z,2004-01-02T00:00:00Z";
    assert_eq!(hits(&server, &format!("{q1}&{new_year}")), 8);
    assert_eq!(hits(&server, &format!("{q1}&temporal[]=2003-01-01T00:00:00Z,2003-12-31T23:59:59Z")), 24 * 4);
    assert_eq!(hits(&server, &format!("{q1}&temporal=,2002-01-16")), 4 + 1);
    // h12v04 and, to its west, h09v05; the tile on the antimeridian from either side.
    assert_eq!(hits(&server, &format!("{q1}&bounding_box=-75,41,-74,42")), 69);
    assert_eq!(hits(&server, &format!("{q1}&bounding_box=175,60,179,62")), 69);
    assert_eq!(hits(&server, &format!("{q1}&bounding_box=-179,64,-177,66")), 69);
    assert_eq!(hits(&server, &format!("{q1}&bounding_box=178,60,-178,66")), 69);
    assert_eq!(hits(&server, &format!("{q1}&bounding_box=0,60,10,62")), 0);
    let name = "readable_granule_name[]=MOD13Q1.A*.h12v04.*";
    let pattern = "options[readable_granule_name][pattern]=true";
    assert_eq!(hits(&server, &format!("{q1}&{name}&{pattern}")), 69);
    assert_eq!(hits(&server, &format!("{q1}&{name}")), 0);
    let two = format!("{name}&readable_granule_name[]=*h09v05*");
    assert_eq!(hits(&server, &format!("{q1}&{two}&{pattern}")), 69 + 70);
    let daily = "short_name=Daymet_Daily_V4R1_2129";
    assert_eq!(hits(&server, &format!("{daily}&bounding_box=-158,20,-157,21")), 46 * 7 * 2);
    assert_eq!(hits(&server, &format!("{daily}&temporal=1950-01-01T00:00:00Z,1979-12-31T00:00:00Z")), 30 * 7);
}

#[test]
fn what_it_cannot_do_it_refuses_in_its_own_words() {
    let server = small(ServerOptions::wide());
    let base = format!("{}/search/granules.json", server.base_url());
    for (query, says) in [
        ("", "does not allow querying across granules"),
        ("?short_name=MOD13Q1&pagesize=3", "Parameter [pagesize] was not recognized."),
        ("?short_name=MOD13Q1&page_size=2001", "page_size must be a number between 0 and 2000"),
        ("?short_name=MOD13Q1&bounding_box=1,2", "is not a valid URL encoded bounding_box"),
        ("?short_name=MOD13Q1&temporal=2003-02-30T00:00:00Z", "is not a valid datetime"),
        ("?short_name=MOD13Q1&sort_key=size", "The sort key [size] is not a valid sort key."),
        ("?short_name=MOD13Q1&page_size=2000&page_num=501", "exceeds the limit of 1000000"),
    ] {
        let answer = get(&format!("{base}{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["errors"][0].as_str().unwrap().contains(says), "{}", answer.text());
    }
    let garbled = get_with(&format!("{base}?short_name=MOD13Q1"), &[("CMR-Search-After", "page2")]);
    assert_eq!(garbled.status, 400);
}

#[test]
fn a_form_asks_as_a_query_does_and_numbered_pages_follow_each_other() {
    let server = small(ServerOptions::wide());
    let url = format!("{}/search/granules.json", server.base_url());
    let form = send("POST", &url, &[], b"short_name=MOD13Q1&page_size=3&page_num=2");
    let query = get(&format!("{url}?short_name=MOD13Q1&page_size=3&page_num=2"));
    assert_eq!(form.json()["feed"]["entry"], query.json()["feed"]["entry"]);
    let first = get(&format!("{url}?short_name=MOD13Q1&page_size=5")).json();
    assert_eq!(first["feed"]["entry"][3], query.json()["feed"]["entry"][0]);
}

#[test]
fn sizes_and_checksums_of_the_records_are_those_of_the_files() {
    let server = small(ServerOptions::wide());
    let queries = [
        "short_name=Daymet_Daily_V4R1_2129",
        "short_name=MOD13Q1",
        "short_name=MOD13A2",
        "short_name=MYD13A3",
    ];
    for (query, algorithm) in queries.into_iter().zip(["SHA-256", "MD5", "SHA-256", "POSIX"]) {
        let found = items(&server, query);
        let umm = &found[found.len() / 2]["umm"];
        let url = umm["RelatedUrls"][0]["URL"].as_str().unwrap();
        let there = get(url);
        assert_eq!(there.status, 303);
        let data = get(there.header("location"));
        assert_eq!(data.status, 200, "{}", data.text());
        let archived = &umm["DataGranule"]["ArchiveAndDistributionInformation"][0];
        assert_eq!(archived["SizeInBytes"], data.body.len());
        let sum = match archived["Checksum"]["Algorithm"].as_str().unwrap() {
            "SHA-256" => content::sha256(&data.body),
            "MD5" => content::md5(&data.body),
            _ => content::cksum(&data.body).to_string(),
        };
        assert_eq!(
            (&archived["Checksum"]["Value"], &archived["Checksum"]["Algorithm"]),
            (&Value::from(sum), &Value::from(algorithm))
        );
        let head = send("HEAD", there.header("location"), &[], b"");
        assert_eq!(head.header("content-length"), data.body.len().to_string());
    }
}

#[test]
fn every_link_of_a_granule_on_this_server_leads_somewhere() {
    let server = small(ServerOptions::wide());
    for query in ["short_name=MYD13Q1", "short_name=Daymet_Annual_V4R1_2130"] {
        let entry = entries(&server, query).pop().unwrap();
        for link in entry["links"].as_array().unwrap() {
            let href = link["href"].as_str().unwrap();
            if href.starts_with(server.base_url()) && !href.contains("granules.html") {
                let status = get(href).status;
                assert!([200, 303].contains(&status), "{href}: {status}");
            }
        }
        // The data's relation is also that of what is no data.
        let data =
            entry["links"].as_array().unwrap().iter().filter(|link| {
                link["rel"].as_str().unwrap().ends_with("/data#") && link["inherited"] != true
            });
        assert!(data.count() >= 1);
    }
    let (_, late): (Vec<Value>, Vec<Value>) =
        entries(&server, "short_name=MOD13Q1").into_iter().partition(|entry| {
            let title = entry["title"].as_str().unwrap();
            entry["links"].to_string().contains(&format!("BROWSE.{title}.1.jpg"))
        });
    assert!(!late.is_empty(), "some browse images are a second late");
}

#[test]
fn a_composite_that_was_produced_twice_is_two_granules() {
    let server = small(ServerOptions::wide());
    let ids: Vec<String> = entries(&server, "short_name=MOD13Q1&bounding_box=-100,34,-99,35")
        .iter()
        .map(|entry| entry["title"].as_str().unwrap().to_owned())
        .collect();
    let composites: BTreeSet<&str> = ids.iter().map(|id| id.rsplit_once('.').unwrap().0).collect();
    assert_eq!((ids.len(), composites.len()), (24, 23));
}

#[test]
fn collections_are_found_by_name_and_provider() {
    let server = small(ServerOptions::wide());
    let url = format!("{}/search/collections.json", server.base_url());
    let found =
        |query: &str| get(&format!("{url}?{query}")).json()["feed"]["entry"].as_array().unwrap().clone();
    assert_eq!(found("short_name=MOD13A1&version=061")[0]["id"], "C2565788901-LPCLOUD");
    assert_eq!(found("provider=LPCLOUD").len(), 8);
    assert_eq!(found("provider=ORNL_CLOUD").len(), 3);
    assert!(found("short_name=MOD09A1").is_empty());
}

#[test]
fn granules_come_in_the_order_and_from_the_day_that_is_asked_for() {
    let server = small(ServerOptions::wide());
    let starts = |query: &str| -> Vec<String> {
        let all = entries(&server, &format!("short_name=MOD13A1&{query}"));
        all.iter().map(|entry| entry["time_start"].as_str().unwrap().to_owned()).collect()
    };
    let (up, down) = (starts("sort_key=start_date"), starts("sort_key=-start_date"));
    assert!(up.is_sorted() && up == starts(""));
    assert_eq!(up, down.into_iter().rev().collect::<Vec<_>>());
    // One composite was produced a second time in 2021.
    assert_eq!(hits(&server, "short_name=MOD13A1&updated_since=2021-01-01T00:00:00Z"), 1);
    assert_eq!(hits(&server, "short_name=MOD13A1&point=-74.5,41.5"), 23);
}

#[test]
fn umm_is_had_by_path_with_a_version_or_by_what_is_accepted() {
    let server = small(ServerOptions::wide());
    let base = format!("{}/search/granules", server.base_url());
    let by_path = get(&format!("{base}.umm_json_v1_6_5?short_name=MYD13A2")).json();
    let accept = [("Accept", "application/vnd.nasa.cmr.umm_results+json")];
    let accepted = get_with(&format!("{base}?short_name=MYD13A2"), &accept).json();
    assert!(by_path["items"].is_array() && by_path["items"] == accepted["items"]);
    assert!(get(&format!("{base}?short_name=MYD13A2")).json()["feed"].is_object());
}
