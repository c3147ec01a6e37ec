//! What identifies an input is what the archive says of it, or its bytes: not
//! the place where it lies. So copying and moving inputs redoes nothing, and a
//! change redoes what depends on it.

use crate::basin::{Chain, PERIODS, Pace, Site, TILES, Whole};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// All products there are.
const ALL: u64 = (TILES * PERIODS.len()) as u64;
/// The composite of 1 January 2005. An input counts for a product whose last day
/// is at most 48 days before it, the longest gap that interpolation spans: that
/// day is 14 November, so October is the last month without it.
const COMPOSITE: &str = "MOD13A1.A2005001.";
const AFTER: [&str; 3] = ["2004", "2004-11", "2004-12"];

/// What a run or a mosaic made, and what it found there.
#[track_caller]
fn made_and_present(chain: &Chain, args: &[&str]) -> (u64, u64) {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let report = chain.sandbox.seedbed(&args).succeeds().json();
    (report["made"].as_u64().unwrap(), report["present"].as_u64().unwrap())
}

#[track_caller]
fn run(chain: &Chain) -> (u64, u64) {
    made_and_present(chain, &["run", "seedbed.toml"])
}

/// The whole chain's inputs, grid and tiles in a directory of their own.
fn after_the_run(whole: &Whole) -> Chain {
    let chain = whole.before_the_run();
    whole.chain.sandbox.copy_to("tiles", &chain.sandbox);
    assert_eq!(run(&chain), (0, ALL), "moved as a whole, it is done");
    chain
}

/// The items' documents that are named so, and the files of their NDVI.
fn ndvi(chain: &Chain, start: &str) -> (PathBuf, PathBuf) {
    let find = |folder: &str, end: &str| {
        let files = chain.sandbox.files().into_iter();
        let mut files = files.filter(|f| f.starts_with(folder) && f.contains(start) && f.ends_with(end));
        chain.sandbox.path(files.next().unwrap())
    };
    (find("catalog/mod13a1/", ".json"), find("data/mod13a1/", ".tif"))
}

fn edit(document: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(document).unwrap()).unwrap();
    change(&mut value);
    fs::write(document, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
}

/// The periods of which every tile has another product than in `before`.
fn periods_made(chain: &Chain, before: &BTreeSet<String>) -> BTreeSet<String> {
    let new = records(chain).difference(before).cloned().collect::<Vec<_>>();
    let period = |record: &String| record.split('/').nth(2).unwrap().to_owned();
    let found: BTreeSet<String> = new.iter().map(period).collect();
    assert_eq!(new.len(), found.len() * TILES, "{new:?}");
    found
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == extension)
}

fn records(chain: &Chain) -> BTreeSet<String> {
    let of_a_product = |name: &String| name.split('/').count() == 4 && has_extension(name, "json");
    chain.written().into_keys().filter(|n| n.starts_with("tiles/")).filter(of_a_product).collect()
}

/// The bytes of a variable in a period on every tile, as its records have them now.
fn values(chain: &Chain, records: &BTreeSet<String>, period: &str) -> Vec<Vec<u8>> {
    let of_period = records.iter().filter(|r| r.split('/').nth(2) == Some(period));
    let file = |record: &String| {
        let item = chain.sandbox.json(record);
        let href = item["assets"]["etasw"]["href"].as_str().unwrap();
        fs::read(chain.sandbox.path(record).with_file_name("x").with_file_name(href)).unwrap()
    };
    of_period.map(file).collect()
}

#[test]
fn copying_and_moving_the_inputs_makes_nothing_anew() {
    let chain = Chain::new(&Site::shared(), Pace::Fast);
    for stage in ["crawl daymet", "crawl mod13a1", "grid"] {
        chain.perform(stage);
    }
    assert_eq!(run(&chain), (ALL, 0), "from the archive's addresses");
    let spooled: Vec<String> =
        chain.sandbox.files().into_iter().filter(|f| f.starts_with("tiles/.seedbed/spool/")).collect();
    assert!(spooled.iter().filter(|f| has_extension(f, "nc")).count() == 3, "{spooled:?}");
    assert!(!chain.sandbox.path("data").exists());
    let before = chain.written();

    chain.perform("copy daymet");
    chain.perform("copy mod13a1");
    assert_eq!(run(&chain), (0, ALL), "copied home");
    fs::remove_dir_all(chain.sandbox.path("tiles/.seedbed/spool")).unwrap();

    for folder in ["catalog", "data", "statics"] {
        let to = chain.sandbox.path("elsewhere").join(folder);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(chain.sandbox.path(folder), to).unwrap();
    }
    let project = chain.sandbox.read("seedbed.toml");
    let moved =
        project.replace("\"catalog/", "\"elsewhere/catalog/").replace("\"statics/", "\"elsewhere/statics/");
    chain.sandbox.write("seedbed.toml", moved);
    assert_eq!(run(&chain), (0, ALL), "moved");
    let after = chain.written();
    let tiles = |name: &&String| name.starts_with("tiles/");
    assert!(before.keys().filter(tiles).eq(after.keys().filter(tiles)), "the same files");
    let differ = |now: &BTreeMap<String, Vec<u8>>| {
        let names = now.keys().filter(tiles).filter(|name| before[*name] != now[*name]);
        names.cloned().collect::<Vec<_>>()
    };
    assert_eq!(differ(&after), Vec::<String>::new());

    // The spool is gone: a lost product is made again from the copies. Its record names
    // the statics, which came from no archive, by their new place.
    let lost = records(&chain).into_iter().next().unwrap();
    fs::remove_file(chain.sandbox.path(&lost)).unwrap();
    assert_eq!(run(&chain), (1, ALL - 1));
    let again = chain.written();
    assert!(before.keys().filter(tiles).eq(again.keys().filter(tiles)), "the same files");
    assert_eq!(differ(&again), [lost.as_str()]);
    let record = String::from_utf8(before[&lost].clone()).unwrap();
    assert_eq!(chain.sandbox.read(&lost), record.replace("/statics/", "/elsewhere/statics/"));
}

#[test]
fn a_new_version_at_the_archive_redoes_only_what_depends_on_it() {
    let whole = Whole::shared();
    let chain = after_the_run(&whole);
    let before = records(&chain);
    let (document, _) = ndvi(&chain, COMPOSITE);
    edit(&document, |item| {
        let origin = &mut item["assets"]["ndvi"]["alternate"]["origin"];
        assert!(origin["href"].is_string(), "{origin}");
        origin["file:checksum"] = json!(format!("1220{}", "0f".repeat(32)));
    });
    assert_eq!(run(&chain), (12, 16));
    assert_eq!(periods_made(&chain, &before), AFTER.map(str::to_owned).into());
    assert_eq!(made_and_present(&chain, &["mosaic", "tiles", "--out", "mosaic"]), (7, 0));
    chain.sandbox.seedbed(["verify", "seedbed.toml"]).succeeds();
}

#[test]
fn another_byte_in_a_local_file_redoes_only_what_depends_on_it() {
    let whole = Whole::shared();
    let chain = after_the_run(&whole);
    // A composite that came from no archive: its bytes are what identifies it.
    let (document, file) = ndvi(&chain, COMPOSITE);
    edit(&document, |item| {
        let asset = item["assets"]["ndvi"].as_object_mut().unwrap();
        for key in ["alternate", "file:size", "file:checksum", "updated"] {
            asset.shift_remove(key);
        }
    });
    assert_eq!(run(&chain), (12, 16), "by its digest now, no longer by the archive's word");
    chain.sandbox.seedbed(["mosaic", "tiles", "--out", "mosaic"]).succeeds();
    chain.sandbox.seedbed(["clean", "tiles", "--older-than", "0s"]).succeeds();
    let before = records(&chain);
    assert_eq!(before.len() as u64, ALL);
    assert_eq!(run(&chain), (0, ALL));

    // NDVI of August in January.
    let (_, august) = ndvi(&chain, "MOD13A1.A2004225.");
    let old = |period| values(&chain, &before, period);
    let [october, november, december] = ["2004-10", "2004-11", "2004-12"].map(old);
    fs::copy(august, file).unwrap();
    assert_eq!(run(&chain), (12, 16));
    assert_eq!(periods_made(&chain, &before), AFTER.map(str::to_owned).into());
    let kept: BTreeSet<String> = records(&chain).intersection(&before).cloned().collect();
    let after: BTreeSet<String> = records(&chain).difference(&before).cloned().collect();
    assert_eq!(values(&chain, &kept, "2004-10"), october);
    assert_eq!(values(&chain, &after, "2004-11"), november, "too early to feel it, in the event");
    assert_ne!(values(&chain, &after, "2004-12"), december);
    assert_eq!(made_and_present(&chain, &["mosaic", "tiles", "--out", "mosaic"]), (3, 4));

    // One byte of a static's metadata: nobody can know that it means nothing.
    let water = chain.sandbox.path("statics/watermask.tif");
    let mut bytes = fs::read(&water).unwrap();
    let name = bytes.windows(9).position(|w| w == b"watermask").unwrap();
    bytes[name] = b'W';
    fs::write(&water, bytes).unwrap();
    let plan = chain.sandbox.seedbed(["run", "seedbed.toml", "--dry-run", "--json"]).succeeds().json();
    assert_eq!(plan["to_make"], ALL);
}
