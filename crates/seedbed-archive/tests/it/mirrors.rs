//! Mirrors that are not what a definition expects.

use crate::crawls::{at, builtin, ids, reasons, run, run_in};
use crate::server::{Server, missing, ok};

/// What is wrong there is told, and not that another crawl of the same was under way.
#[test]
fn a_root_that_is_no_listing_is_told_as_such() {
    for body in [
        "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name></ListBucketResult>",
        "[{\"name\": \"x.zip\"}]",
        "<html><body><form action=\"login\"><a href=\"login\">Log in</a></form></body></html>",
    ] {
        let server = Server::new(move |_, asked| if asked.target == "/" { ok(body) } else { missing() });
        let work = tempfile::tempdir().unwrap();
        for name in ["daymet-daily", "gridmet", "prism-daily", "maca-daily", "mod13q1"] {
            for _ in 0..2 {
                let told = match run_in(&builtin(name), &at(&server.root), work.path()) {
                    Ok(found) => reasons(&found),
                    Err(error) => error.to_string(),
                };
                assert!(!told.contains("another crawl"), "{name}: {told}");
                assert!(!told.is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn links_of_an_index_count_from_the_address_that_it_names() {
    let server = Server::new(|_, asked| match asked.target.as_str() {
        "/mirror/" => ok("<html><head><base href=\"/elsewhere/\"></head><body><a href=\"../\">up</a>\
            <a href=\"daymet_v4_daily_na_tmin_2003.nc\">a</a></body></html>"),
        _ => missing(),
    });
    let found = run(&builtin("daymet-daily"), &at(&format!("{}mirror/", server.root))).unwrap();
    assert_eq!(
        found.items[0].asset("tmin").unwrap().href(),
        format!("{}elsewhere/daymet_v4_daily_na_tmin_2003.nc", server.root)
    );
}

#[test]
fn unfinished_files_are_passed_over_and_links_that_lead_nowhere_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "daymet_v4_daily_na_tmin_2003.nc",
        "daymet_v4_daily_na_tmax_2003.nc.seedbed-part",
        "daymet_v4_daily_na_tmax_2003.nc.seedbed-part.json",
        "daymet_v4_daily_na_prcp_2003.nc.0123456789abcdef.tmp",
    ] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    let root = folder.path().to_str().unwrap();
    let found = run(&builtin("daymet-daily"), &at(root)).unwrap();
    assert_eq!((ids(&found).len(), &*reasons(&found)), (1, ""));
    let link = folder.path().join("daymet_v4_daily_na_vp_2003.nc");
    std::os::unix::fs::symlink("nowhere", link).unwrap();
    let found = run(&builtin("daymet-daily"), &at(root)).unwrap();
    assert_eq!(ids(&found).len(), 1);
    assert_eq!(reasons(&found), "daymet_v4_daily_na_vp_2003.nc: a symbolic link that leads nowhere");
}
