//! Answers that go wrong on purpose.

use seedbed_fixture::{Server, ServerOptions};

use super::archives;
use super::client::{get, get_with};

const FILE: &str = "statics/whc.tif";

fn server() -> Server {
    Server::start(archives(), ServerOptions::default()).unwrap()
}

#[test]
fn a_counted_status_strikes_so_often_and_then_no_more() {
    let server = server();
    let url = format!("{}/fault/503x2/{FILE}", server.base_url());
    let first = get(&url);
    assert_eq!((first.status, first.header("retry-after")), (503, "1"));
    assert_eq!([get(&url).status, get(&url).status, get(&url).status], [503, 200, 200]);
}

#[test]
fn truncated_bodies_announce_more_than_they_bring() {
    let server = server();
    let whole = get(&format!("{}/{FILE}", server.base_url())).body;
    let url = format!("{}/fault/truncate/{FILE}", server.base_url());
    let cut = get(&url);
    assert!(!cut.complete && cut.body == whole[..whole.len() / 2]);
    assert_eq!(cut.header("content-length"), whole.len().to_string());
    // The rest of a rest comes, too: a client that resumes gets nearer each time.
    let range = format!("bytes={}-", cut.body.len());
    let more = get_with(&url, &[("Range", range.as_str())]);
    assert_eq!(more.status, 206);
    assert!(!more.complete && more.body.len() < whole.len() - cut.body.len());
}

#[test]
fn short_bodies_end_cleanly_and_stalled_ones_do_not_end() {
    let server = server();
    let whole = get(&format!("{}/{FILE}", server.base_url())).body;
    let short = get(&format!("{}/fault/short/{FILE}", server.base_url()));
    assert!(short.complete && short.headers.contains_key("transfer-encoding"));
    assert_eq!(short.body, whole[..whole.len() / 2]);
    let stalled = get(&format!("{}/fault/stall/{FILE}", server.base_url()));
    assert!(!stalled.complete && stalled.body == whole[..whole.len() / 2]);
}

#[test]
fn corrupt_bodies_differ_in_one_byte_and_pages_are_no_data() {
    let server = server();
    let whole = get(&format!("{}/{FILE}", server.base_url()));
    let corrupt = get(&format!("{}/fault/corrupt/{FILE}", server.base_url()));
    let differing = whole.body.iter().zip(&corrupt.body).filter(|(a, b)| a != b).count();
    assert_eq!((differing, corrupt.body.len()), (1, whole.body.len()));
    assert_eq!(corrupt.header("etag"), whole.header("etag"));
    let page = get(&format!("{}/fault/html/{FILE}", server.base_url()));
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<html>"));
}

#[test]
fn tags_flip_and_ranges_are_ignored_on_demand() {
    let server = server();
    let flipping = format!("{}/fault/etag/{FILE}", server.base_url());
    assert_ne!(get(&flipping).header("etag"), get(&flipping).header("etag"));
    let deaf = format!("{}/fault/norange/{FILE}", server.base_url());
    assert_eq!(get_with(&deaf, &[("Range", "bytes=0-9")]).status, 200);
}

#[test]
fn links_in_documents_stay_in_the_fault_and_data_alone_can_be_struck() {
    let server = server();
    let base = format!("{}/fault/500@data", server.base_url());
    let listing = get(&format!("{base}/search/granules.json?short_name=Daymet_Daily_V4R1_2129"));
    assert_eq!(listing.status, 200);
    let json = listing.json();
    let href = json["feed"]["entry"][0]["links"][0]["href"].as_str().unwrap();
    assert!(href.starts_with(&base), "{href}");
    assert_eq!(get(href).status, 500);
    let search = get(&format!("{base}/api/stac/v1/search?limit=1")).json();
    let asset = search["features"][0]["assets"]["500m_16_days_NDVI"]["href"].as_str().unwrap();
    assert!(asset.starts_with(&base), "{asset}");
    let catalog = get(&format!("{base}/thredds/catalog/MACAV2/CCSM4/catalog.xml")).text();
    assert!(catalog.contains("base=\"/fault/500@data/thredds/fileServer/\""), "{catalog}");
}

#[test]
fn an_unknown_fault_is_named() {
    let server = server();
    let answer = get(&format!("{}/fault/truncat/{FILE}", server.base_url()));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("truncat"));
}
