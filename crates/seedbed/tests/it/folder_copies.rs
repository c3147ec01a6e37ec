//! Zarr groups copied from and to every kind of store: whole, or the catalog doesn't say so.

use crate::block_on;
use crate::python::interpreter;
use crate::remote_groups::{GROUPS, Place, cogs, describe, prepared};
use crate::sandbox::{Ran, Sandbox};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A web server of a folder, which lists nothing that a program reads.
struct Web {
    process: Child,
    url: String,
}

impl Web {
    fn of(sandbox: &Sandbox, folder: &str) -> Self {
        let mut command = Command::new(interpreter().unwrap());
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]);
        command.arg(sandbox.path(folder)).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split(' ').skip_while(|word| *word != "port").nth(1).unwrap().to_owned();
        Self { process, url: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A group's files, by their names in it.
fn group(sandbox: &Sandbox, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let below = sandbox.files().into_iter().filter_map(|name| {
        let inside = name.strip_prefix(folder)?.strip_prefix('/')?.to_owned();
        Some((inside, std::fs::read(sandbox.path(&name)).unwrap()))
    });
    below.collect()
}

/// The asset of an item of a catalog, and that item's folder.
fn asset(sandbox: &Sandbox, catalog: &str, name: &str) -> Value {
    let file =
        sandbox.files().into_iter().find(|f| f.starts_with(catalog) && f.ends_with(&format!("/{name}.json")));
    sandbox.json(file.unwrap())["assets"][name].clone()
}

/// The folder that holds a copied group.
fn folder(sandbox: &Sandbox, top: &str, name: &str) -> String {
    let end = format!("/{name}.zarr/");
    let file =
        sandbox.files().into_iter().find(|f| f.starts_with(&format!("{top}/")) && f.contains(&end)).unwrap();
    file[..file.find(&end).unwrap() + end.len() - 1].to_owned()
}

const ASSETS: &str = "three,sharded,two";

fn number(report: &Value, key: &str) -> usize {
    usize::try_from(report[key].as_u64().unwrap_or_else(|| panic!("no {key} in {report}"))).unwrap()
}

#[test]
fn a_group_is_copied_whole_counted_checked_and_mended() {
    let Some(sandbox) = prepared() else { return };
    describe(&sandbox, "items.json", "groups");
    let files: usize = GROUPS.iter().map(|name| group(&sandbox, &format!("groups/{name}.zarr")).len()).sum();
    let copy = ["copy", "items.json", "--assets", ASSETS, "--to", "data", "--out", "copied", "--json"];
    let dry = sandbox.seedbed([&copy[..], &["--dry-run"]].concat()).succeeds().json();
    let planned: usize = dry["transfers"].as_array().unwrap().iter().map(|t| number(t, "files")).sum();
    let bytes: usize = GROUPS
        .iter()
        .flat_map(|name| group(&sandbox, &format!("groups/{name}.zarr")).into_values())
        .map(|bytes| bytes.len())
        .sum();
    assert_eq!(
        (planned, number(&dry, "bytes"), sandbox.path("data").exists()),
        (files, bytes, false),
        "{dry}"
    );
    let report = sandbox.seedbed(copy).succeeds().json();
    assert_eq!((number(&report, "copied"), number(&report, "bytes")), (files, bytes), "{report}");
    for name in GROUPS {
        let copied = folder(&sandbox, "data", name);
        assert!(group(&sandbox, &copied) == group(&sandbox, &format!("groups/{name}.zarr")), "{name}");
        let asset = asset(&sandbox, "copied/", name);
        assert!(asset["href"].as_str().unwrap().ends_with(&format!("{name}.zarr")), "{asset}");
        assert_eq!(number(&asset["seedbed:folder"], "files"), group(&sandbox, &copied).len());
        assert!(asset["alternate"]["origin"]["href"].as_str().unwrap().ends_with(&format!("{name}.zarr")));
        assert!(asset.get("file:size").is_none(), "{asset}");
    }
    let check = |more: &[&str]| sandbox.seedbed([&["check", "copied", "--json"][..], more].concat());
    assert_eq!(number(&check(&["--deep"]).succeeds().json(), "same"), 3);
    // The copies are there.
    let again = sandbox.seedbed(copy).succeeds().json();
    assert_eq!((number(&again, "copied"), number(&again, "present")), (0, 3), "{again}");

    // What is lost is missed, and it alone is brought again.
    let lost = format!("{}/pr/c/1/1/1", folder(&sandbox, "data", "three"));
    std::fs::remove_file(sandbox.path(&lost)).unwrap();
    let found = check(&[]).exits(1).json();
    assert_eq!((number(&found, "same"), number(&found, "differs")), (2, 1), "{found}");
    let mended = sandbox.seedbed(copy).succeeds().json();
    assert_eq!((number(&mended, "copied"), number(&mended, "present")), (1, 2), "{mended}");
    assert_eq!(number(&check(&["--deep"]).succeeds().json(), "same"), 3);

    // Damage of the same size is found by reading.
    let mut bytes = std::fs::read(sandbox.path(&lost)).unwrap();
    bytes[100] ^= 1;
    std::fs::write(sandbox.path(&lost), bytes).unwrap();
    assert_eq!(number(&check(&[]).succeeds().json(), "same"), 3);
    let found = check(&["--deep"]).exits(1).json();
    assert!(found["assets"].to_string().contains("another checksum"), "{found}");
}

#[test]
fn a_group_that_is_not_as_its_item_says_or_has_company_is_not_pointed_at() {
    let Some(sandbox) = prepared() else { return };
    describe(&sandbox, "items.json", "groups");
    let mut items = sandbox.json("items.json");
    let said = serde_json::json!({ "files": 3, "size": 9, "checksum": "1220aa" });
    items["features"][0]["assets"]["three"]["seedbed:folder"] = said;
    sandbox.write("stated.json", items.to_string());
    let copy = |items: &str, to: &str, out: &str| -> Ran {
        sandbox.seedbed(["copy", items, "--assets", "three", "--to", to, "--out", out])
    };
    copy("stated.json", "data", "copied").exits(1).says("3 said");
    let href = asset(&sandbox, "copied/", "three")["href"].as_str().unwrap().to_owned();
    assert!(!href.contains("data/"), "{href}");
    // A file that the source doesn't have would be a chunk of the copy.
    copy("items.json", "other", "one").succeeds();
    let extra = format!("{}/pr/c/9/9/9", folder(&sandbox, "other", "three"));
    sandbox.write(&extra, "a chunk of another group");
    copy("items.json", "other", "two").exits(1).says("no such file").says("c/9/9/9");
}

#[test]
fn a_group_at_a_web_server_is_copied_by_the_names_in_its_documents() {
    let Some(sandbox) = prepared() else { return };
    // Chunks of nothing but fill values aren't there.
    std::fs::remove_file(sandbox.path("groups/three.zarr/pr/c/3/3/3")).unwrap();
    std::fs::remove_file(sandbox.path("groups/two.zarr/pr/0.0.0")).unwrap();
    let web = Web::of(&sandbox, "groups");
    describe(&sandbox, "items.json", &web.url);
    let copy = ["copy", "items.json", "--assets", "three,two", "--to", "data", "--out", "copied", "--json"];
    let report = sandbox.seedbed(copy).succeeds().json();
    for name in ["three", "two"] {
        let (found, source) = (folder(&sandbox, "data", name), format!("groups/{name}.zarr"));
        assert!(group(&sandbox, &found) == group(&sandbox, &source), "{name}: {report}");
    }
    sandbox.seedbed(["check", "copied", "--deep", "--assets", "three,two"]).succeeds();
    sandbox.seedbed(["check", "items.json", "--assets", "three,two"]).succeeds();
    // The copy has the key of what was copied: nothing is made again.
    let prep = |items: &str| {
        let args = ["prep", items, "--assets", "three", "--grid", "t.grid.json", "--out", "made"];
        sandbox
            .seedbed([&args[..], &["--datetime", "2004-01-11/2004-01-12", "--json"]].concat())
            .succeeds()
            .json()
    };
    assert_eq!(number(&prep("items.json"), "made"), 2);
    assert_eq!(number(&prep("copied"), "made"), 0);
    assert_eq!(cogs(&sandbox, "made").len(), 2);
    // One that doesn't say what is in it can't be copied from there.
    let unlisted = ["copy", "items.json", "--assets", "sharded", "--to", "data", "--out", "copied"];
    let ran = sandbox.seedbed(unlisted);
    assert_ne!(ran.code, Some(0));
    ran.says("no consolidated metadata");
}

#[test]
fn a_group_goes_to_a_store_and_comes_back() {
    let Some(sandbox) = prepared() else { return };
    for place in [Place::bucket(), Place::dcache()].into_iter().flatten() {
        let kind = place.name.to_lowercase();
        describe(&sandbox, "items.json", "groups");
        sandbox.write("stores.toml", &place.toml);
        let there = place.top.join("copies").to_string();
        let (out, back) = (format!("to-{kind}"), format!("from-{kind}"));
        let copy = ["copy", "items.json", "--assets", ASSETS, "--to", &there, "--out", &out, "--json"];
        let report = place.seedbed(&sandbox, &copy).succeeds().json();
        let files: usize = GROUPS.iter().map(|n| group(&sandbox, &format!("groups/{n}.zarr")).len()).sum();
        assert_eq!(number(&report, "copied"), files, "{report}");
        let again = place.seedbed(&sandbox, &copy).succeeds().json();
        assert_eq!((number(&again, "copied"), number(&again, "present")), (0, 3), "{again}");
        let checked = place.seedbed(&sandbox, &["check", &out, "--deep", "--json"]).succeeds().json();
        assert_eq!(number(&checked, "same"), 3, "{checked}");
        let data = format!("data-{kind}");
        let home = ["copy", &out, "--assets", ASSETS, "--to", &data, "--out", &back, "--json"];
        let report = place.seedbed(&sandbox, &home).succeeds().json();
        assert_eq!(number(&report, "copied"), files, "{report}");
        for name in GROUPS {
            let found = group(&sandbox, &folder(&sandbox, &data, name));
            assert!(found == group(&sandbox, &format!("groups/{name}.zarr")), "{kind}: {name}");
        }
        // A chunk that is lost in the store is missed there.
        let listed = block_on(place.stores.list(&place.top.join("copies"))).unwrap();
        let chunk = listed.iter().find(|f| f.at.to_string().ends_with("three.zarr/pr/c/1/1/1")).unwrap();
        block_on(place.stores.remove(&chunk.at)).unwrap();
        let checked = place.seedbed(&sandbox, &["check", &out, "--json"]).exits(1).json();
        assert_eq!(number(&checked, "differs"), 1, "{checked}");
        let mended = place.seedbed(&sandbox, &copy).succeeds().json();
        assert_eq!((number(&mended, "copied"), number(&mended, "present")), (1, 2), "{mended}");
        println!("{}: {files} files of three groups there and back", place.name);
    }
}
