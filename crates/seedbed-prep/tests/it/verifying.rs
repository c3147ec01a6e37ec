//! Verification must be able to fail.

use crate::support::{Sandbox, member};
use seedbed_prep::{VerifyReport, verify};
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
fn a_set_that_expects_nothing_is_no_product() {
    let sandbox = Sandbox::new();
    sandbox.expect("out", &["a"], &[]);
    assert!(verify(&sandbox.path("out")).is_err());
    assert!(verify(&sandbox.path("nowhere")).is_err());
    sandbox.expect("other", &[], &[member("west", "2004-01")]);
    assert!(verify(&sandbox.path("other")).is_err());
}
