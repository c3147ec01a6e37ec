//! The rules of the house, and that they can be broken.

use crate::sandbox::{Ran, Sandbox};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Holds the workspace against an architecture document.
fn check(architecture: &Path) -> Ran {
    let output = Command::new("sh")
        .arg(checkout().join("tests/check/house.sh"))
        .arg(architecture)
        .current_dir(checkout())
        .output()
        .unwrap();
    Ran::new("house.sh".to_owned(), &output)
}

/// The same with a changed copy of ARCHITECTURE.md.
fn check_with(change: impl Fn(&str) -> String) -> Ran {
    let sandbox = Sandbox::new();
    let text = fs::read_to_string(checkout().join("ARCHITECTURE.md")).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed, "the change finds nothing to change");
    check(&sandbox.write("ARCHITECTURE.md", changed))
}

#[test]
fn the_checkout_keeps_the_rules_of_the_house() {
    check(&checkout().join("ARCHITECTURE.md")).succeeds();
}

#[test]
fn an_arrow_that_the_table_lacks_is_found() {
    check_with(|text| text.replace("| `seedbed-model` | `seedbed-block` |", "| `seedbed-model` | – |"))
        .exits(1)
        .says("seedbed-model -> seedbed-block: not an arrow");
}

#[test]
fn a_crate_that_the_table_lacks_is_found() {
    check_with(|text| text.replace("| `seedbed-prep` |", "| `seedbed-elsewhere` |"))
        .exits(1)
        .says("seedbed-prep: not in the crate table")
        .says("seedbed-elsewhere: in the crate table");
}

#[test]
fn gdal_outside_its_crates_is_found() {
    check_with(|text| {
        text.replace("| `gdal` | `seedbed-raster`, `seedbed-fixture` |", "| `gdal` | `seedbed-fixture` |")
    })
    .exits(1)
    .says("seedbed-raster uses gdal");
}

#[test]
fn the_demo_is_the_readmes_first_command() {
    let readme = fs::read_to_string(checkout().join("README.md")).unwrap();
    let commands: Vec<&str> = readme.lines().filter(|line| line.starts_with("./justw ")).take(2).collect();
    assert!(commands[0].starts_with("./justw demo"), "{commands:?}");
    assert!(commands[1].starts_with("./justw test"), "{commands:?}");
}
