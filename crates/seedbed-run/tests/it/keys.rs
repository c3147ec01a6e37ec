//! What a product's key depends on, and what it doesn't.

use crate::support::{PROJECT, Sandbox};
use seedbed_prep::TaskKey;
use std::fs;

fn keys(sandbox: &Sandbox) -> Vec<TaskKey> {
    sandbox.plan().tasks.iter().flat_map(|t| t.products.iter().map(|p| p.key.clone())).collect()
}

/// How many keys a change of the project or its documents changes, of six.
fn changed(change: impl Fn(&Sandbox)) -> usize {
    let sandbox = Sandbox::new();
    let before = keys(&sandbox);
    change(&sandbox);
    before.iter().zip(keys(&sandbox)).filter(|(a, b)| *a != b).count()
}

fn project(from: &str, to: &str) -> impl Fn(&Sandbox) {
    assert!(PROJECT.contains(from), "{from}");
    let text = PROJECT.replace(from, to);
    move |sandbox| sandbox.write_project(&text)
}

fn items(document: &'static str, from: &'static str, to: &'static str) -> impl Fn(&Sandbox) {
    move |sandbox| {
        let text = fs::read_to_string(sandbox.path(document)).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(sandbox.path(document), text.replace(from, to)).unwrap();
    }
}

#[test]
fn everything_that_changes_values_changes_every_key() {
    for (from, to) in [
        ("bias_corr = 1.0", "bias_corr = 1.1"),
        ("name = \"veget\"", "name = \"veget\"\nvariant = \"reference\""),
        ("name = \"veget\"", "name = \"veget\"\nprecision = \"f64\""),
        ("asset = \"ppt\"", "asset = \"ppt\"\nscale = 2.0"),
        ("asset = \"ppt\"", "asset = \"ppt\"\nresampling = \"nearest\""),
        ("asset = \"ppt\"", "asset = \"ppt\"\nkeep_invalid = true"),
        ("asset = \"ppt\"", "asset = \"ppt\"\nmask = \"tmax:DROP=3\""),
        ("time = \"composite\"", "time = \"composite-legacy\""),
        ("time = \"composite\"", "time = \"composite\"\nbridge = \"32d\""),
        ("time = \"composite\"", "time = \"climatology\""),
        ("value = 220", "value = 221"),
        ("[\"etasw\", \"swf\"]", "[\"swf\", \"etasw\"]"),
        ("variables =", "compress = \"zstd\"\nvariables ="),
        ("period = \"2004-02-20/", "period = \"2004-02-21/"),
    ] {
        assert_eq!(changed(project(from, to)), 6, "{to}");
    }
}

#[test]
fn what_an_item_says_of_its_values_changes_keys_though_the_files_stay() {
    for (from, to) in [
        ("\"unit\":\"1\"", "\"unit\":\"%\""),
        ("\"unit\":\"1\"", "\"unit\":\"1\",\"raster:scale\":0.5"),
        ("\"unit\":\"1\"", "\"unit\":\"1\",\"raster:offset\":0.5"),
        ("\"unit\":\"1\"", "\"unit\":\"1\",\"nodata\":0.5"),
        ("\"unit\":\"1\"", "\"unit\":\"1\",\"name\":\"evi\""),
        ("2004-02-18T00", "2004-02-19T00"),
    ] {
        assert_eq!(changed(items("ndvi.json", from, to)), 6, "{to}");
    }
}

#[test]
fn another_asset_of_the_same_file_has_another_key() {
    let sandbox = Sandbox::new();
    // As in MOD13, whose indices are variables of one file.
    let text = fs::read_to_string(sandbox.path("ndvi.json")).unwrap();
    let mut all: serde_json::Value = serde_json::from_str(&text).unwrap();
    for item in all["features"].as_array_mut().unwrap() {
        let mut evi = item["assets"]["ndvi"].clone();
        evi["bands"][0]["name"] = "evi".into();
        item["assets"]["evi"] = evi;
    }
    fs::write(sandbox.path("ndvi.json"), all.to_string()).unwrap();
    let before = keys(&sandbox);
    sandbox.write_project(&PROJECT.replace("asset = \"ndvi\"", "asset = \"evi\""));
    assert!(before.iter().zip(keys(&sandbox)).all(|(a, b)| *a != b));
}

#[test]
fn where_things_are_and_how_they_are_called_changes_no_key() {
    assert_eq!(changed(project("out = \"out\"", "out = \"elsewhere\"")), 0);
    assert_eq!(changed(project("[statics.whc]", "[statics.awc]")), 0, "an alias is the same static");
    assert_eq!(changed(items("weather.json", "\"weather-", "\"w-")), 0, "an item's id is no input");
    assert_eq!(changed(items("weather.json", "\"links\":[]", "\"links\":[],\"x\":1")), 0);
}

#[test]
fn a_longer_run_keeps_what_it_has_in_common_with_a_shorter_one() {
    let sandbox = Sandbox::new();
    let before = sandbox.plan();
    sandbox.write_project(&PROJECT.replace("/2004-03-10", "/2004-03-09"));
    let after = sandbox.plan();
    let key = |plan: &seedbed_run::Plan, period: &str| {
        plan.tasks[0].products.iter().find(|p| p.period == period).unwrap().key.clone()
    };
    assert_eq!(key(&before, "2004-02"), key(&after, "2004-02"));
    assert_ne!(key(&before, "2004-03"), key(&after, "2004-03"));
}
