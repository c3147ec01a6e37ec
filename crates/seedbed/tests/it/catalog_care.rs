//! Catalogs sorted, checked and copied from the command line: what is said of them, and what of mistakes.

use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

fn item(n: u32, href: &str) -> Value {
    json!({"type": "Feature", "stac_version": "1.1.0", "id": format!("i{n}"), "collection": "c", "geometry": null,
        "properties": {"datetime": "2003-01-01T00:00:00Z", "n": n},
        "links": [{"rel": "root", "href": "../catalog.json"}, {"rel": "parent", "href": "./collection.json"},
            {"rel": "collection", "href": "./collection.json"}],
        "assets": {"a": {"href": href}}})
}

/// A catalog of two items, documents beside one another, whose files have one name.
fn catalog() -> Sandbox {
    let sandbox = Sandbox::new();
    let root = json!({"type": "Catalog", "stac_version": "1.1.0", "id": "mine", "description": "d",
        "links": [{"rel": "child", "href": "./c/collection.json"}]});
    let collection = json!({"type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "d",
        "license": "other", "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]},
            "temporal": {"interval": [["2003-01-01T00:00:00Z", null]]}},
        "links": [{"rel": "root", "href": "../catalog.json"}, {"rel": "parent", "href": "../catalog.json"},
            {"rel": "item", "href": "./i1.json"}, {"rel": "item", "href": "./i2.json"}]});
    sandbox.write("cat/catalog.json", root.to_string());
    sandbox.write("cat/c/collection.json", collection.to_string());
    for n in [1, 2] {
        sandbox.write(format!("src/S{n}/B04.dat"), format!("scene {n}"));
        sandbox.write(format!("cat/c/i{n}.json"), item(n, &format!("../../src/S{n}/B04.dat")).to_string());
    }
    sandbox
}

#[test]
fn a_template_may_have_defaults_and_another_one_says_what_to_do() {
    let sandbox = catalog();
    sandbox.seedbed(["catalog", "split", "cat", "--by", "${tile:-none}"]).succeeds().prints("2 items moved");
    sandbox.seedbed(["catalog", "split", "cat", "--by", "${tile:-none}"]).succeeds().prints("0 items moved");
    for more in [&[][..], &["--dry-run"]] {
        let split = |by| sandbox.seedbed([&["catalog", "split", "cat", "--by", by], more].concat()).exits(2);
        split("${n}").says("would have it in 1").says("hint: `seedbed catalog rewrite");
        split("${region}").says("has no `region`");
    }
    sandbox.seedbed(["catalog", "rewrite", "cat", "--out", "new", "--by", "${n}"]).succeeds();
    let files = sandbox.files();
    assert!(files.contains(&"new/c/2/i2/i2.json".to_owned()), "{files:?}");
    sandbox.seedbed(["catalog", "validate", "cat", "new", "--offline"]).succeeds().prints("0 invalid");
}

#[test]
fn files_of_one_name_are_copied_side_by_side_and_rows_of_a_check_name_the_collection() {
    let sandbox = catalog();
    sandbox
        .seedbed(["copy", "cat", "--assets", "a", "--ids", "i2,nothing*", "--to", "data"])
        .succeeds()
        .prints("1 copied");
    sandbox.seedbed(["copy", "cat", "--assets", "a", "--to", "data"]).succeeds().prints("1 copied");
    for n in [1, 2] {
        assert_eq!(sandbox.read(format!("data/c/i{n}-B04.dat")), format!("scene {n}"));
    }
    let checked = sandbox.seedbed(["check", "cat", "--deep", "--json"]).succeeds().json();
    assert_eq!(checked["assets"][1]["collection"], "c", "{checked}");
    let alike = ["copy", "cat", "--assets", "a", "--to", "more", "--layout", "{collection}/{asset}"];
    sandbox.seedbed(alike).succeeds().prints("2 copied");
    assert_eq!(sandbox.read("more/c/i2-a"), "scene 2");
    let twice = json!({"type": "FeatureCollection", "features": [item(1, "x.dat"), item(1, "y.dat")]});
    sandbox.write("twice.json", twice.to_string());
    let copy = ["copy", "twice.json", "--assets", "a", "--to", "more", "--out", "out"];
    sandbox.seedbed(copy).exits(2).says("several items have the id i1").says("hint: ");
}

#[test]
fn the_address_of_a_folder_stands_for_the_catalog_in_it() {
    let sandbox = catalog();
    let (listener, top) = (TcpListener::bind("127.0.0.1:0").unwrap(), sandbox.path(""));
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            lines.find(String::is_empty);
            let path = first.split(' ').nth(1).unwrap_or_default().trim_matches('/').to_owned();
            let (status, body) = match std::fs::read(top.join(&path)) {
                Ok(bytes) => ("200 OK", bytes),
                Err(_) if path == "cat" => ("200 OK", b"<html>a listing</html>".to_vec()),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    let copy = |from: &str| {
        sandbox.seedbed(["copy", from, "--assets", "a", "--to", "data", "--out", "out", "--dry-run"])
    };
    copy(&format!("{url}/cat")).succeeds().prints("2 files would be copied");
    copy(&format!("{url}/cat/")).succeeds();
    copy(&format!("{url}/src")).exits(2).says("/src, and no ").says("/src/catalog.json");
}

#[test]
fn a_dry_run_and_a_mistyped_tile_are_called_what_they_are() {
    let sandbox = Sandbox::new();
    sandbox.write("days.csv", "date,ppt,tmin,tmax,ndvi,eto\n2003-01-01,1,2,10,0.3,2\n");
    let set = ["--set", "whc=100", "field_capacity=30", "saturation=45", "interception=10"];
    let point = ["model", "point", "veget", "--forcing", "days.csv", "--out", "o.csv", "--dry-run"];
    sandbox.seedbed([&point[..], &set].concat()).succeeds().prints("would be written to o.csv");
    assert!(!sandbox.path("o.csv").exists());
    let grid = ["grid", "--tiles", "xx", "--tile", "2deg", "--names", "veget", "--out", "t.geojson"];
    sandbox.seedbed(grid).exits(2).says("no tile of scheme veget:");
}
