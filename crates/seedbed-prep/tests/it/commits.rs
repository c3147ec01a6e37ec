//! One commit a product: races, crashes and damage.

use crate::support::{Sandbox, TILE, description, grid, member, provenance, range};
use seedbed_prep::{Attempt, Done, Outcome, Variable, is_done};
use seedbed_raster::Proj;
use seedbed_raster::cog::CogOptions;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

#[test]
fn a_product_is_there_with_its_record_and_nothing_else() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::No);
    let done = sandbox.commit("out", &member, &[("a", 1.0), ("b", 2.0)]);
    assert_eq!(done.outcome, Outcome::Created);
    assert_eq!(done.record.as_path(), Some(&*member.record(&sandbox.path("out"))));
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::Yes);
    assert_eq!(sandbox.files("out").len(), 3, "{:?}", sandbox.files("out").keys());
    let again = sandbox.commit("out", &member, &[("a", 1.0), ("b", 2.0)]);
    assert_eq!(again.outcome, Outcome::Adopted);
    assert_eq!(sandbox.files("out").len(), 3);
}

#[test]
fn an_attempt_that_is_given_up_leaves_no_file() {
    let sandbox = Sandbox::new();
    drop(sandbox.stage("out", &member("west", "2004-01"), &[("a", 1.0)]));
    assert!(sandbox.files("out").is_empty());
}

#[test]
fn of_attempts_at_once_exactly_one_creates_the_product() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    for round in 0..5 {
        let root = format!("out{round}");
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let attempts: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| sandbox.commit(&root, &member, &[("a", 1.0), ("b", 2.0)]).outcome))
                .collect();
            attempts.into_iter().map(|a| a.join().unwrap()).collect()
        });
        let created = outcomes.iter().filter(|o| **o == Outcome::Created).count();
        assert_eq!(created, 1, "{outcomes:?}");
        assert_eq!(sandbox.files(&root).len(), 3, "{:?}", sandbox.files(&root).keys());
        assert_eq!(is_done(&sandbox.path(&root), &member), Done::Yes);
    }
}

#[test]
fn of_attempts_with_different_results_one_whole_generation_stands() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    let record = sandbox.commit("out", &member, &[("a", 1.0)]).record.as_path().unwrap().to_owned();
    let first = fs::read(&record).unwrap();
    let second = sandbox.commit("out", &member, &[("a", 2.0)]);
    assert_eq!(second.outcome, Outcome::Adopted);
    assert_eq!(fs::read(&record).unwrap(), first);
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::Yes);
}

#[test]
fn data_without_a_record_are_taken_up_as_they_are() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    let record = sandbox.commit("out", &member, &[("a", 1.0)]).record.as_path().unwrap().to_owned();
    let whole = sandbox.files("out");
    let inode = fs::metadata(&sandbox.cogs("out")[0]).unwrap().ino();
    // A crash after the data got their name and before the record was made.
    fs::remove_file(&record).unwrap();
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::No);
    assert_eq!(sandbox.commit("out", &member, &[("a", 1.0)]).outcome, Outcome::Created);
    assert_eq!(sandbox.files("out"), whole);
    assert_eq!(fs::metadata(&sandbox.cogs("out")[0]).unwrap().ino(), inode);
}

#[test]
fn a_stray_file_beside_the_data_is_not_taken_up_with_them() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    let record = sandbox.commit("out", &member, &[("a", 1.0)]).record.as_path().unwrap().to_owned();
    let data = sandbox.cogs("out")[0].parent().unwrap().to_owned();
    fs::write(data.join(".nfs0001"), "what a file server left").unwrap();
    fs::remove_file(&record).unwrap();
    assert_eq!(sandbox.commit("out", &member, &[("a", 1.0)]).outcome, Outcome::Created);
    assert!(!data.join(".nfs0001").exists());
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::Yes);
}

#[test]
fn lost_data_of_a_record_are_made_again() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    sandbox.commit("out", &member, &[("a", 1.0)]);
    let whole = sandbox.files("out");
    fs::remove_file(&sandbox.cogs("out")[0]).unwrap();
    assert!(matches!(is_done(&sandbox.path("out"), &member), Done::Damaged(_)));
    assert_eq!(sandbox.commit("out", &member, &[("a", 1.0)]).outcome, Outcome::Created);
    assert_eq!(sandbox.files("out"), whole);
}

#[test]
fn data_that_were_changed_after_their_record_are_held_to_their_digest() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    let record = sandbox.commit("out", &member, &[("a", 1.0)]).record.as_path().unwrap().to_owned();
    let whole = sandbox.files("out");
    let cog = sandbox.cogs("out")[0].clone();
    let minute = Duration::from_secs(60);
    let written = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let age = |path: &Path, at: SystemTime| fs::File::open(path).unwrap().set_modified(at).unwrap();
    // Written later, with the same bytes.
    age(&cog, written(&record) + minute);
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::Yes);
    flip(&cog);
    age(&cog, written(&record) + minute);
    let done = is_done(&sandbox.path("out"), &member);
    assert!(matches!(&done, Done::Damaged(what) if what.ends_with("was changed")), "{done:?}");
    assert_eq!(sandbox.commit("out", &member, &[("a", 1.0)]).outcome, Outcome::Created);
    let healed = sandbox.files("out");
    assert!(whole.iter().all(|(name, bytes)| &healed[name] == bytes));
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::Yes);
    assert!(written(&cog) <= written(&record), "so that it needn't be digested again");
    // What hides its age is found by its digest alone.
    flip(&cog);
    age(&cog, written(&record));
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::Yes);
}

#[test]
fn damaged_data_are_set_aside_for_clean() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    sandbox.commit("out", &member, &[("a", 1.0)]);
    let whole = sandbox.files("out");
    flip(&sandbox.cogs("out")[0]);
    sandbox.commit("out", &member, &[("a", 1.0)]);
    let healed = sandbox.files("out");
    assert!(whole.iter().all(|(name, bytes)| &healed[name] == bytes));
    assert_eq!(healed.len(), whole.len() + 1, "the damaged file is kept: {:?}", healed.keys());
    sandbox.expect("out", &["a"], &[member]);
    seedbed_prep::clean(
        &sandbox.path("out"),
        seedbed_prep::Unexpected::Stays,
        std::time::Duration::ZERO,
        false,
    )
    .unwrap();
    assert_eq!(sandbox.files("out").len(), whole.len() + 3, "and the documents of the product");
}

#[test]
fn a_record_of_damaged_data_is_not_adopted() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    let record = sandbox.commit("out", &member, &[("a", 1.0)]).record.as_path().unwrap().to_owned();
    // The same size, other bytes: only the digest tells.
    flip(&sandbox.cogs("out")[0]);
    let second = sandbox.commit("out", &member, &[("a", 2.0)]);
    assert_eq!(second.outcome, Outcome::Created);
    let named = String::from_utf8(fs::read(record).unwrap()).unwrap();
    assert!(named.contains("\"maximum\": 2"), "{named}");
}

#[test]
fn a_torn_record_is_replaced() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    let record = sandbox.commit("out", &member, &[("a", 1.0)]).record.as_path().unwrap().to_owned();
    let whole = fs::read(&record).unwrap();
    fs::write(&record, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(is_done(&sandbox.path("out"), &member), Done::Damaged(_)));
    assert_eq!(sandbox.commit("out", &member, &[("a", 1.0)]).outcome, Outcome::Created);
    assert_eq!(fs::read(&record).unwrap(), whole);
}

#[test]
fn an_asset_key_may_hold_what_a_file_name_cannot() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    sandbox.commit("out", &member, &[("B04/10m", 1.0), ("1 km NDVI", 2.0)]);
    assert_eq!(is_done(&sandbox.path("out"), &member), Done::Yes);
    assert_eq!(sandbox.cogs("out").len(), 2);
}

#[test]
fn a_tile_or_period_that_is_no_folder_name_is_refused() {
    let sandbox = Sandbox::new();
    for name in ["../west", "a/b", "", ".", "..", ".hidden"] {
        let geobox = grid().geobox(range("west"));
        let begun =
            Attempt::begin(&sandbox.path("out"), &member(name, "2004-01"), &geobox, &CogOptions::default());
        assert!(begun.is_err(), "{name:?}");
    }
    assert!(sandbox.files(".").is_empty());
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let member = member("west", "2004-01");
    fs::create_dir_all(sandbox.path("out")).unwrap();
    fs::write(sandbox.path("out/west"), "a file where the tile's folder should be").unwrap();
    let geobox = grid().geobox(range("west"));
    let error = Attempt::begin(&sandbox.path("out"), &member, &geobox, &CogOptions::default()).unwrap_err();
    assert!(error.to_string().contains("west/2004-01"), "{error}");
    let mut attempt = sandbox.stage("elsewhere", &member, &[]);
    let integers = vec![f64::MAX; TILE.len()];
    assert!(attempt.write(Variable { name: "a".to_owned(), ..Variable::default() }, &integers).is_err());
    let committed = attempt.commit(&sandbox.spool(), &Proj, &description(&provenance()));
    assert!(committed.is_err(), "a product without any file is none");
    assert!(sandbox.files("elsewhere").is_empty(), "{:?}", sandbox.files("elsewhere").keys());
}

/// Changes one byte in the middle.
fn flip(path: &std::path::Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(path, bytes).unwrap();
}
