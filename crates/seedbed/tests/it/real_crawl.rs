//! The real listing of Daymet's granules by NASA's CMR, crawled into a catalog.

use crate::python::{python, stac_validator};
use crate::real::real_data;
use crate::sandbox::Sandbox;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Opens the catalog, walks it, validates every document against the schemas that
/// pystac brings along, and follows every link inside the tree.
const WALK: &str = include_str!("real/crawl_walk.py");

/// Serves one body whatever is asked, one request a connection; gives the root.
fn serve(body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}/", listener.local_addr().unwrap());
    let body = Arc::new(body);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let body = Arc::clone(&body);
            thread::spawn(move || answer(stream, &body));
        }
    });
    root
}

fn answer(mut stream: TcpStream, body: &[u8]) {
    let (mut asked, mut chunk) = (Vec::new(), [0; 4096]);
    while !asked.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(n) if n > 0 => asked.extend_from_slice(&chunk[..n]),
            _ => return,
        }
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // Who has hung up gets no answer.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

#[test]
fn real_cmr_listing_becomes_a_catalog_that_others_open_and_validate() {
    let Some(data) = real_data() else { return };
    let listing = data.join("listings/cmr_granules_Daymet_Daily_V4R1_2129.json");
    let root = serve(fs::read(listing).unwrap());
    let sandbox = Sandbox::new();
    let crawl = ["crawl", "daymet-daily", "--root", &root, "--out", "catalog", "--json"];
    let report = sandbox.seedbed(crawl).succeeds().json();
    assert_eq!((report["items"].as_u64(), report["added"].as_u64()), (Some(2), Some(2)));
    assert_eq!(report["dropped"].as_array().map(Vec::len), Some(0));
    let before: Vec<String> = sandbox.files().iter().map(|f| sandbox.read(f)).collect();
    let again = sandbox.seedbed(crawl).succeeds().json();
    assert_eq!((again["added"].as_u64(), again["unchanged"].as_u64()), (Some(0), Some(2)));
    assert_eq!(before, sandbox.files().iter().map(|f| sandbox.read(f)).collect::<Vec<_>>());

    let schemas = data.join("schemas");
    let validated =
        sandbox.seedbed(["catalog", "validate", "catalog", "--schemas", schemas.to_str().unwrap(), "--json"]);
    let validated = validated.succeeds().json();
    println!("seedbed catalog validate: {} valid, {} invalid", validated["valid"], validated["invalid"]);
    assert_eq!((validated["valid"].as_u64(), validated["invalid"].as_u64()), (Some(4), Some(0)));
    assert_eq!(validated["unchecked"], serde_json::json!({}), "every extension's schema is at hand");

    if let Some(ran) = python(&sandbox, WALK, ["catalog/catalog.json"]) {
        let found = ran.succeeds().json();
        println!("pystac: {found}");
        assert_eq!((found["documents"].as_u64(), found["items"].as_u64()), (Some(4), Some(2)));
        // A granule is a variable and year: seven of 1950, three of 1951.
        assert_eq!(found["assets"].as_u64(), Some(10));
    }
    if let Some(ran) = stac_validator(&sandbox, "catalog/catalog.json", Some(&schemas)) {
        let said = ran.succeeds().stdout;
        let valid = said.matches("\"valid_stac\": true").count();
        println!("stac-validator: {valid} documents valid");
        assert_eq!((valid, said.matches("\"valid_stac\": false").count()), (4, 0), "{said}");
    }
}
