//! Places of products: what they are called, and which can be written.

use crate::support::Sandbox;
use seedbed_prep::{PrepError, Root};
use seedbed_storage::{CreateOnce, Location};

fn at(text: &str) -> Location {
    text.parse().unwrap()
}

#[test]
fn a_product_is_named_by_its_folder_or_by_a_document_of_it() {
    let sandbox = Sandbox::new();
    let spool = sandbox.spool();
    for (named, folder) in [
        ("s3://bucket/runs/a/catalog.json", "s3://bucket/runs/a"),
        ("s3://bucket/runs/a/", "s3://bucket/runs/a"),
        ("dcache://pnfs/site/a/expected.json", "dcache://pnfs/site/a"),
        ("https://example.org/a/collection.json", "https://example.org/a/"),
        ("runs/a", "runs/a"),
    ] {
        let root = Root::of_product(&at(named), &spool);
        assert_eq!(root.location(), at(folder), "{named}");
        assert!(root.as_path().is_some() != named.contains("://"));
    }
    let same = |a: &str, b: &str| Root::at(&at(a), &spool).is_same(&Root::at(&at(b), &spool));
    assert!(same("s3://bucket/a", "s3://bucket/a/") && same("davs://host/a/", "davs://host/a"));
    assert!(!same("s3://bucket/a", "s3://bucket/b") && !same("s3://bucket/a", "a"));
}

#[test]
fn only_what_a_web_server_gives_can_not_be_written() {
    let sandbox = Sandbox::new();
    let spool = sandbox.spool();
    for text in ["out", "s3://bucket/a", "davs://host/a", "dcache://pnfs/a"] {
        assert!(Root::at(&at(text), &spool).writable().is_ok(), "{text}");
    }
    let error = Root::at(&at("https://example.org/a"), &spool).writable().unwrap_err();
    assert!(matches!(&error, PrepError::Request(said) if said.contains("https://example.org/a")), "{error}");
    assert!(error.is_usage());
}

#[test]
fn what_is_remembered_of_a_product_is_on_this_machine() {
    let sandbox = Sandbox::new();
    let spool = sandbox.spool();
    let local = Root::at(&Location::Local(sandbox.path("out")), &spool);
    assert_eq!(local.state(), sandbox.path("out/.seedbed"));
    assert_eq!(local.create_once().unwrap(), CreateOnce::Guaranteed);
    let remote = Root::at(&at("s3://bucket/a"), &spool);
    assert_eq!(remote.state(), sandbox.path(""), "the spool's folder");
    assert_eq!(remote.join("a b/c.json"), at("s3://bucket/a/a b/c.json"));
    assert!(sandbox.files(".").is_empty(), "nothing is made before it is needed");
}
