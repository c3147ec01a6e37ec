//! The program that writes and serves listings.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::super::client::get;

const PROGRAM: &str = env!("CARGO_BIN_EXE_seedbed-fixture");

#[test]
fn a_tree_is_written_where_and_as_far_as_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let write = |only: &str| {
        Command::new(PROGRAM)
            .args(["generate-listing", "--small", "--only", only])
            .arg(dir.path())
            .output()
            .unwrap()
    };
    let output = write("time_series/us/an/4km/ppt,MET/pr");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("wrote 26 files into "));
    assert!(dir.path().join("time_series/us/an/4km/ppt/daily/2024/prism_ppt_us_25m_20240229.zip").is_file());
    assert!(dir.path().join("MET/pr/pr_2019.nc").is_file());
    let wrong = write("MET/rain");
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("no folder `MET/rain`"));
}

#[test]
fn a_synthetic_listing_tells_its_address_and_serves() {
    let mut served = Command::new(PROGRAM)
        .args(["serve-synthetic", "--granules", "12345"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let page = get(&format!("{}/search/granules.json?short_name=MOD13Q1", address.trim()));
    served.kill().unwrap();
    served.wait().unwrap();
    assert_eq!((page.status, page.header("cmr-hits")), (200, "12345"));
}
