//! Copies beside others, beside what stands already, and interrupted: what they find, tell and leave.

use crate::copies::{Place, data_requests, number, served};
use crate::hostile;
use crate::sandbox::{Ran, Sandbox};
use seedbed_storage::Location;
use serde_json::Value;
use std::thread;
use std::time::{Duration, Instant};

/// Two copies of other assets that write one new catalog, beside one another, in every kind of store.
#[test]
fn two_copies_into_one_new_catalog_both_stand_in_it() {
    let server = served();
    for place in Place::all() {
        place.crawl(&server);
        for round in 0..3 {
            let to = format!("{}/{round}", place.top);
            let out = if place.top.is_local() { format!("out{round}") } else { to.clone() };
            let start = |assets: &str| {
                place.start(&["copy", "catalog", "--to", &to, "--out", &out, "--assets", assets, "--json"])
            };
            let both = [start("tmin"), start("tmax")];
            for child in both {
                let ran = Ran::new(format!("{}: one of two", place.name), &child.wait_with_output().unwrap());
                assert_eq!(number(&ran.succeeds().json(), "copied"), 9, "{}", place.name);
            }
            let args = ["copy", &out, "--to", &to, "--assets", "tmin,tmax", "--json", "--out", &out];
            let again = place.seedbed(&args).succeeds().json();
            let found = (number(&again, "copied"), number(&again, "adopted"), number(&again, "present"));
            assert_eq!(found, (0, 0, 18), "{}: {again}", place.name);
        }
    }
}

/// Two copies of other items that write one new catalog: neither has taken the other's out of its collection.
#[test]
fn two_copies_of_other_items_into_one_new_catalog_both_stand_in_it() {
    let server = served();
    // Elsewhere a document can't be replaced on condition that it is the one that was read.
    for place in Place::all().into_iter().filter(|place| ["local", "S3"].contains(&place.name.as_str())) {
        place.crawl(&server);
        for round in 0..4 {
            let to = format!("{}/{round}", place.top);
            let out = if place.top.is_local() { format!("out{round}") } else { to.clone() };
            let start = |ids: &str| {
                let which = ["--ids", ids, "--assets", "tmin", "--json"];
                place.start(&[&["copy", "catalog", "--to", &to, "--out", &out][..], &which].concat())
            };
            let all = [start("*-hi-*"), start("*-na-*"), start("*-pr-*")];
            for child in all {
                let ran =
                    Ran::new(format!("{}: one of three", place.name), &child.wait_with_output().unwrap());
                assert_eq!(number(&ran.succeeds().json(), "copied"), 3, "{}", place.name);
            }
            let again =
                place.seedbed(&["copy", &out, "--to", &to, "--assets", "tmin", "--json", "--out", &out]);
            assert_eq!(number(&again.succeeds().json(), "present"), 9, "{}", place.name);
            place.seedbed(&["catalog", "validate", &out]).succeeds();
        }
    }
}

/// What a local item points at is found from a catalog in a store, too.
#[test]
fn assets_that_stay_on_disk_are_found_from_a_catalog_in_a_store() {
    for place in Place::all() {
        place.sandbox.write("data files/x.txt", "here");
        let item = serde_json::json!({"type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": null,
            "properties": {"datetime": "2020-07-01T00:00:00Z"}, "links": [],
            "assets": {"a": {"href": "data files/x.txt"}, "b": {"href": "b.txt"}}});
        place.sandbox.write("i.json", item.to_string());
        place.sandbox.write("b.txt", "copied");
        let to = place.top.to_string();
        place.seedbed(&["copy", "i.json", "--assets", "b", "--to", &to, "--out", &to]).succeeds();
        place.seedbed(&["check", &to, "--deep"]).succeeds().prints("2 assets: 2 same");
    }
}

/// A copy that somebody has damaged is told, and comes again when it is out of the way.
#[test]
fn a_damaged_copy_is_not_taken_for_one_that_is_there() {
    let server = served();
    for place in Place::all() {
        place.crawl(&server);
        let chosen = ["--assets", "tmin", "--ids", "*-hi-*"];
        let report = place.copy(&chosen).succeeds().json();
        let copied = number(&report, "copied");
        let (at, whole) = place.files().swap_remove(0);
        let at: Location = at.parse().unwrap();
        place.runtime.block_on(place.stores.replace(&at, whole[..5].to_vec().into())).unwrap();
        place.seedbed(&["check", "catalog", "--assets", "tmin"]).exits(1).prints("5 bytes");
        place.copy(&chosen).exits(1).says("5 bytes, ").says("move that file away");
        place.runtime.block_on(place.stores.remove(&at)).unwrap();
        let report = place.copy(&chosen).succeeds().json();
        assert_eq!(
            (number(&report, "copied"), number(&report, "present")),
            (1, copied - 1),
            "{}",
            place.name
        );
        place.seedbed(&["check", "catalog", "--deep", "--assets", "tmin"]).succeeds();
    }
}

/// Told to go in the midst of an upload, a copy takes back what it has begun.
#[test]
fn an_interrupted_copy_leaves_nothing_unfinished_in_a_store() {
    let slow = hostile::serve(vec![7; 60_000_000]);
    for place in Place::all().into_iter().skip(1).chain(Place::webdav()) {
        let href = format!("{slow}/drip/x.dat");
        let item = serde_json::json!({"type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": null,
            "properties": {"datetime": "2020-07-01T00:00:00Z"}, "links": [], "assets": {"a": {"href": href}}});
        place.sandbox.write("i.json", item.to_string());
        let to = place.top.to_string();
        let child = place.start(&["copy", "i.json", "--assets", "a", "--to", &to, "--out", "out"]);
        let unfinished = || {
            let left = place.seedbed(&["clean", &to, "--older-than", "0s", "--dry-run", "--json"]).json();
            left["unfinished"].as_array().map_or(0, Vec::len)
        };
        let begun = Instant::now();
        while unfinished() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}: no upload begins", place.name);
            thread::sleep(Duration::from_millis(100));
        }
        let told = Instant::now();
        let pid = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let ended = Ran::new(format!("{}: interrupted", place.name), &child.wait_with_output().unwrap());
        assert!(told.elapsed() < Duration::from_secs(5), "{}", place.name);
        ended.exits(130).says("what is done is kept");
        assert_eq!(unfinished(), 0, "{}", place.name);
    }
}

#[test]
fn a_dry_run_tells_what_is_missing_what_stands_and_how_much_it_is() {
    let place = Place::local();
    for name in ["a", "b", "c"] {
        place.sandbox.write(format!("{name}.txt"), "12345");
    }
    let item = |id: &str, assets: Value| {
        serde_json::json!({"type": "Feature", "stac_version": "1.1.0", "id": id, "geometry": null,
            "properties": {"datetime": "2020-07-01T00:00:00Z"}, "links": [], "assets": assets})
    };
    let sum = format!("1620{}", "0".repeat(64));
    let features = [
        item("i", serde_json::json!({"x": {"href": "a.txt"}, "y": {"href": "b.txt"}})),
        item("j", serde_json::json!({"x": {"href": "c.txt", "file:checksum": sum}})),
    ];
    let items = serde_json::json!({"type": "FeatureCollection", "features": features});
    place.sandbox.write("items.json", items.to_string());
    place.sandbox.write("data/items/i/b.txt", "12345");
    let copy = ["copy", "items.json", "--assets", "x,y", "--to", "data", "--out", "out", "--layout"];
    let copy = [&copy[..], &["{collection}/{item}/{filename}"]].concat();
    let before = place.sandbox.files();
    let planned = place.seedbed(&[&copy[..], &["--dry-run"]].concat()).succeeds();
    let planned = planned.prints("without y: j").prints("b.txt stands already");
    planned.prints("checksum not used: j x: ").prints("2 files would be copied: 10 B; 1 asset there already");
    assert_eq!(place.sandbox.files(), before);
    place.sandbox.write("data/items/j/c.txt", "another");
    let planned = place.seedbed(&[&copy[..], &["--dry-run"]].concat()).exits(1);
    planned.prints("failed: j x: ").prints("c.txt: already there, and not the same: 7 bytes, 5 expected");
    std::fs::remove_dir_all(place.sandbox.path("data/items/j")).unwrap();
    place
        .seedbed(&copy)
        .succeeds()
        .prints("2 copied, 0 resumed, 1 there already")
        .prints("checksum not used");
}

#[test]
fn what_can_take_no_files_and_what_selects_nothing_is_refused_at_once() {
    let place = Place::local();
    let server = served();
    place.crawl(&server);
    place.sandbox.write("file", "");
    let before = data_requests(&server);
    let copy = |to: &str| place.seedbed(&["copy", "catalog", "--assets", "tmin", "--to", to]).exits(2);
    copy("http://127.0.0.1:1/x").says("`http` locations are read-only");
    copy("file/x").says("is no folder");
    copy("s3://AK:SK/RET@bucket/x").says("s3://***: an address must not hold");
    let out = ["copy", "catalog", "--assets", "tmin", "--to", "data", "--out", "file/x"];
    place.seedbed(&out).exits(2).says("is no folder");
    let none = ["copy", "catalog", "--assets", "tmin", "--to", "data", "--jobs", "0"];
    place.seedbed(&none).exits(2);
    place.seedbed(&["check", "catalog", "--assets", "nope"]).exits(2).says("has an asset `nope`");
    place.seedbed(&["check", "catalog", "--assets", "tmin,nope"]).exits(2);
    place.seedbed(&["check", "catalog", "--ids", "nothere"]).exits(2).says("is selected");
    assert_eq!(data_requests(&server), before);
}

/// A copy that would transfer more than it may isn't begun, also where items tell no sizes: their server is asked.
#[test]
fn beyond_the_limit_of_bytes_nothing_is_begun() {
    let place = Place::local();
    let server = served();
    place.crawl(&server);
    for file in place.sandbox.files().iter().filter(|f| f.starts_with("catalog/")) {
        let text = place.sandbox.read(file);
        place.sandbox.write(file, text.replace("\"file:size\"", "\"x:size\""));
    }
    let files = place.sandbox.files();
    let copy = ["--assets", "tmin,tmax", "--max-transfer", "1000"];
    for dry in [&["--dry-run"][..], &[]] {
        place.copy(&[&copy[..], dry].concat()).exits(2).says("more than the 1000 allowed");
    }
    assert_eq!(place.sandbox.files(), files);
    place.copy(&["--assets", "tmin,tmax", "--max-transfer", "1GB"]).exits(0);
}

/// Three items of which the document of one can't be read: the others are worked on, and that is told.
#[test]
fn an_item_that_cannot_be_read_stops_no_other_and_is_named() {
    let sandbox = &Place::local().sandbox;
    sandbox.write("a.txt", "12345");
    let item = |id: &str| {
        serde_json::json!({"type": "Feature", "stac_version": "1.1.0", "id": id, "geometry": null,
            "collection": "c", "properties": {"datetime": "2020-07-01T00:00:00Z"},
            "links": [], "assets": {"x": {"href": "../a.txt"}}})
    };
    let link = |id: &str| serde_json::json!({"rel": "item", "href": format!("./{id}.json")});
    let catalog = serde_json::json!({"type": "Catalog", "stac_version": "1.1.0", "id": "r", "description": "d",
        "links": [link("i"), link("j"), link("k")]});
    sandbox.write("cat/catalog.json", catalog.to_string());
    for id in ["i", "k"] {
        sandbox.write(format!("cat/{id}.json"), item(id).to_string());
    }
    for broken in ["{\"type\": \"Feature\"", "", "{\"x\": NaN}"] {
        sandbox.write("cat/j.json", broken);
        let said = "j.json: is no JSON";
        let copy = ["copy", "cat", "--assets", "x", "--to", "data"];
        let chosen = sandbox.seedbed([&copy[..], &["--ids", "k"]].concat()).exits(1);
        chosen.says("1 item could not be read").says(said).prints("unreadable: ");
        let report = sandbox.seedbed([&copy[..], &["--json"]].concat()).exits(1).json();
        assert_eq!(number(&report, "copied") + number(&report, "present"), 2, "{report}");
        assert_eq!(report["broken"].as_array().map(Vec::len), Some(1), "{report}");
        sandbox.seedbed(["check", "cat", "--deep"]).exits(1).prints("2 same").says(said);
        let found = sandbox.seedbed(["catalog", "search", "cat", "--out", "o.json"]).exits(1).says(said);
        found.prints("2 items written");
        assert_eq!(sandbox.read("cat/j.json"), broken, "it isn't touched");
        sandbox.seedbed(["catalog", "validate", "cat", "--offline"]).exits(1);
        sandbox.seedbed(["catalog", "export", "cat", "--out", "o.ndjson"]).exits(1).says(said);
    }
}

#[test]
fn assets_that_could_not_be_asked_are_told_of_on_stderr() {
    let sandbox = &Place::local().sandbox;
    let item = serde_json::json!({"type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": null,
        "properties": {"datetime": "2020-07-01T00:00:00Z"}, "links": [], "assets": {"x": {"href": "gs://b/x"}}});
    sandbox.write("i.json", item.to_string());
    sandbox.seedbed(["check", "i.json"]).exits(1).prints("! i x").says("1 asset could not be asked; i x: ");
}

#[test]
fn a_variable_that_says_nothing_is_as_if_it_were_not_there() {
    let sandbox = &Place::local().sandbox;
    let mut command = sandbox.command(["archives", "mod13q1"]);
    command.env("SEEDBED_STORES", "").env("SEEDBED_STATE", "");
    Ran::new("archives".to_owned(), &command.output().unwrap()).succeeds();
}

/// A local mirror of two small files with a catalog of it.
fn mirrored() -> Sandbox {
    let sandbox = Sandbox::new();
    for variable in ["tmin", "tmax"] {
        sandbox.write(format!("mirror/daymet_v4_daily_na_{variable}_2003.nc"), "x");
    }
    sandbox.seedbed(["crawl", "daymet-daily", "--root", "mirror", "--out", "catalog"]).succeeds();
    sandbox
}

#[test]
fn a_file_that_vanishes_from_an_archive_is_told_and_goes_with_prune() {
    let sandbox = mirrored();
    std::fs::remove_file(sandbox.path("mirror/daymet_v4_daily_na_tmin_2003.nc")).unwrap();
    let crawl = |more: &[&str]| {
        let args = ["crawl", "daymet-daily", "--root", "mirror", "--out", "catalog"];
        sandbox.seedbed([&args[..], more].concat()).succeeds()
    };
    crawl(&[]).prints("no longer at the archive: the asset ").prints("tmin");
    assert_eq!(number(&crawl(&["--json"]).json(), "removed_assets"), 1);
    // Who asks for a part knows nothing of the rest.
    assert_eq!(number(&crawl(&["--json", "--datetime", "2003", "--prune"]).json(), "removed_assets"), 0);
    assert_eq!(number(&crawl(&["--json", "--prune"]).json(), "removed_assets"), 1);
    assert_eq!(number(&crawl(&["--json"]).json(), "removed_assets"), 0);
    sandbox.seedbed(["check", "catalog"]).succeeds();
}

#[test]
fn a_deep_check_holds_a_file_to_the_checksum_beside_it() {
    let sandbox = Sandbox::new();
    sandbox.write("x.tif", "x");
    sandbox.write("x.tif.md5", format!("{}  x.tif\n", "0".repeat(32)));
    let item = serde_json::json!({
        "type": "Feature", "stac_version": "1.0.0", "id": "a", "geometry": null, "links": [],
        "properties": { "datetime": "2003-01-01T00:00:00Z" },
        "assets": { "x": { "href": "./x.tif", "seedbed:checksum_href": "./x.tif.md5" } }
    });
    sandbox.write("a.json", item.to_string());
    sandbox.seedbed(["check", "a.json"]).succeeds();
    sandbox.seedbed(["check", "a.json", "--deep"]).exits(1).prints("* a x");
    sandbox.write("x.tif.md5", format!("{}  x.tif\n", "9dd4e461268c8034f5c8564e155c67a6"));
    sandbox.seedbed(["check", "a.json", "--deep"]).succeeds();
}
