//! Verification must be able to fail.

use crate::support::{Sandbox, description, member, provenance};
use seedbed_prep::{
    Done, Expected, Member, MosaicRequest, Variable, VerifyReport, is_done, mosaic, verify, verify_set,
};
use seedbed_raster::Proj;
use std::fs;

fn product(sandbox: &Sandbox) -> VerifyReport {
    let members = [member("west", "2004-01"), member("east", "2004-01")];
    for m in &members {
        sandbox.commit("out", m, &[("a", 1.0), ("b", 2.0)]);
    }
    sandbox.expect("out", &["a", "b"], &members);
    verify(&sandbox.path("out")).unwrap()
}

#[test]
fn a_whole_product_is_right() {
    let sandbox = Sandbox::new();
    let report = product(&sandbox);
    assert!(report.is_complete(), "{:?}", report.problems);
    assert_eq!((report.expected, report.right, report.files), (2, 2, 4));
}

#[test]
fn a_lost_record_file_or_digest_is_named() {
    let sandbox = Sandbox::new();
    product(&sandbox);
    let cogs = sandbox.cogs("out");
    let mut bytes = fs::read(&cogs[0]).unwrap();
    bytes[40] ^= 1;
    fs::write(&cogs[0], bytes).unwrap();
    fs::remove_file(&cogs[1]).unwrap();
    fs::remove_file(member("west", "2004-01").record(&sandbox.path("out"))).unwrap();
    let report = verify(&sandbox.path("out")).unwrap();
    let found: Vec<_> =
        report.problems.iter().map(|p| (p.tile.as_str(), p.variable.as_deref(), p.missing)).collect();
    assert_eq!(found, [("west", None, true), ("east", Some("a"), false), ("east", Some("b"), true)]);
    assert_eq!(report.right, 0);
}

#[test]
fn what_was_found_wrong_is_not_done_any_more() {
    let sandbox = Sandbox::new();
    product(&sandbox);
    let (root, east) = (sandbox.path("out"), member("east", "2004-01"));
    let cog = sandbox.cogs("out")[0].clone();
    let written = fs::metadata(&cog).unwrap().modified().unwrap();
    let mut bytes = fs::read(&cog).unwrap();
    bytes[40] ^= 1;
    fs::write(&cog, bytes).unwrap();
    // A disk that loses bits leaves size and date as they were.
    fs::File::open(&cog).unwrap().set_modified(written).unwrap();
    assert_eq!(is_done(&root, &east), Done::Yes);
    assert_eq!(verify(&root).unwrap().problems.len(), 1);
    assert!(matches!(is_done(&root, &east), Done::Damaged(_)));
    sandbox.commit("out", &east, &[("a", 1.0), ("b", 2.0)]);
    assert!(verify(&root).unwrap().is_complete());
    assert_eq!(is_done(&root, &east), Done::Yes);
}

#[test]
fn documents_that_are_cut_gone_or_behind_are_named() {
    let sandbox = Sandbox::new();
    assert!(product(&sandbox).is_complete());
    let found = || -> Vec<(String, bool)> {
        let problems = verify(&sandbox.path("out")).unwrap().problems;
        problems.into_iter().map(|p| (p.tile, p.missing)).collect()
    };
    for name in ["catalog.json", "collection.json"] {
        let path = sandbox.path("out").join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..40]).unwrap();
        assert_eq!(found(), [(name.to_owned(), false)]);
        fs::write(&path, "{}").unwrap();
        assert_eq!(found(), [(name.to_owned(), false)]);
        fs::remove_file(&path).unwrap();
        assert_eq!(found(), [(name.to_owned(), true)]);
        fs::write(&path, whole).unwrap();
    }
    let path = sandbox.path("out/collection.json");
    let behind = fs::read_to_string(&path).unwrap().replace("./east/", "./elsewhere/");
    fs::write(&path, behind).unwrap();
    assert_eq!(found(), [("collection.json".to_owned(), false)]);
}

#[test]
fn a_product_is_held_to_what_is_asked_for_by_now() {
    let sandbox = Sandbox::new();
    let planned = [member("west", "2004-01"), member("east", "2004-01")];
    let set = |members: &[Member]| Expected {
        members: members.to_vec(),
        ..sandbox.expect("aside", &["a"], members)
    };
    // Nothing has been made yet.
    let report = verify_set(&set(&planned), &sandbox.path("out"), false).unwrap();
    assert_eq!((report.expected, report.right, report.problems.len()), (2, 0, 2));
    for m in &planned {
        sandbox.commit("out", m, &[("a", 1.0)]);
    }
    sandbox.expect("out", &["a"], &planned);
    assert!(verify_set(&set(&planned), &sandbox.path("out"), false).unwrap().is_complete());
    let other = Member { key: member("west", "other").key, ..member("west", "2004-01") };
    let asked = [other, planned[1].clone(), member("east", "2004-02")];
    let report = verify_set(&set(&asked), &sandbox.path("out"), false).unwrap();
    let found: Vec<_> =
        report.problems.iter().map(|p| (&*p.tile, &*p.period, p.what.contains("out of date"))).collect();
    assert_eq!(found, [("west", "2004-01", true), ("east", "2004-02", false)]);
    assert!(report.right == 1 && report.problems.iter().all(|p| p.missing));
}

#[test]
fn a_record_of_another_product_is_wrong() {
    let sandbox = Sandbox::new();
    product(&sandbox);
    let other = member("west", "2004-02");
    sandbox.commit("out", &other, &[("a", 1.0), ("b", 2.0)]);
    let root = sandbox.path("out");
    let text = fs::read_to_string(other.record(&root)).unwrap();
    let moved = text.replace("\"./", "\"../2004-02/");
    fs::write(member("west", "2004-01").record(&root), moved).unwrap();
    let report = verify(&root).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert!(!report.problems[0].missing && report.problems[0].what.contains("2004-02"));
}

#[test]
fn a_record_that_is_found_elsewhere_or_at_another_time_is_wrong() {
    let sandbox = Sandbox::new();
    assert!(product(&sandbox).is_complete());
    let root = sandbox.path("out");
    let path = member("west", "2004-01").record(&root);
    let whole: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let found = |record: &serde_json::Value| {
        fs::write(&path, record.to_string()).unwrap();
        let whats: Vec<String> = verify(&root).unwrap().problems.into_iter().map(|p| p.what).collect();
        whats.join("\n")
    };
    assert_eq!(found(&whole), "");
    let mut moved = whole.clone();
    moved["bbox"][0] = serde_json::json!(moved["bbox"][0].as_f64().unwrap() - 0.001);
    assert!(found(&moved).contains("its bbox is") && found(&moved).contains("delete west/2004-01/"));
    let mut later = whole.clone();
    later["properties"]["start_datetime"] = "2005-01-01T00:00:00Z".into();
    later["properties"]["end_datetime"] = "2005-01-31T23:59:59Z".into();
    assert!(found(&later).contains("it is of 2005-01-01/2005-01-31, not 2004-01-01/2004-01-31"));
    later["properties"]["end_datetime"] = serde_json::Value::Null;
    assert!(found(&later).contains("it is of no days"));
}

#[test]
fn a_set_that_expects_nothing_is_no_product() {
    let sandbox = Sandbox::new();
    sandbox.expect("out", &["a"], &[]);
    assert!(verify(&sandbox.path("out")).is_err());
    assert!(verify(&sandbox.path("nowhere")).is_err());
    sandbox.expect("other", &[], &[member("west", "2004-01")]);
    assert!(verify(&sandbox.path("other")).is_err());
}

#[test]
fn a_file_that_is_no_raster_is_recorded_verified_and_left_out_of_mosaics() {
    let sandbox = Sandbox::new();
    let mut members = vec![member("west", "2004-01"), member("east", "2004-01")];
    for m in &members {
        sandbox.commit("out", m, &[("a", 1.0)]);
    }
    let kept = Member { variables: Some(vec!["state".to_owned()]), ..member("west", "state-2004-01-31") };
    let mut attempt = sandbox.stage("out", &kept, &[]);
    let variable = Variable { name: "state".to_owned(), ..Variable::default() };
    attempt.attach(variable, "bin", b"what is remembered").unwrap();
    attempt.commit(&sandbox.spool(), &Proj, &description(&provenance())).unwrap();
    members.push(kept.clone());
    sandbox.expect("out", &["a"], &members);

    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(kept.record(&sandbox.path("out"))).unwrap()).unwrap();
    let asset = &record["assets"]["state"];
    assert_eq!(asset["roles"][0], "state");
    assert_eq!(asset["file:size"], 18);
    assert!(asset.get("bands").is_none());
    let report = verify(&sandbox.path("out")).unwrap();
    assert!(report.is_complete() && report.files == 3, "{:?}", report.problems);

    let (product, out) = (sandbox.path("out"), sandbox.path("mosaic"));
    let request =
        MosaicRequest { product: (&product).into(), out: (&out).into(), ..MosaicRequest::default() };
    let made = mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| {}).unwrap();
    assert_eq!((made.periods, made.made), (1, 1));

    let name = asset["href"].as_str().unwrap().trim_start_matches("./");
    let file = kept.folder(&sandbox.path("out")).join(name);
    fs::write(file, b"what is forgotten!").unwrap();
    let report = verify(&sandbox.path("out")).unwrap();
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].variable.as_deref(), Some("state"));
}
