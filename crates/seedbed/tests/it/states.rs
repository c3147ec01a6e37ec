//! What tiles remember: checkpoints through kills, states from run to run, and what is said
//! of inputs before the first day.

use crate::basin::{Chain, PERIODS, TILES, VARIABLES, Whole};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

/// So many kills must find their process alive.
const KILLS: u32 = 20;
/// No chain's run is killed more often.
const KILLS_OF_ONE: u32 = 4;
/// No more chains than these.
const LIVES: u32 = 30;

/// A chain before its run, with other lines in its project file.
fn chain(whole: &Whole, changes: &[(&str, &str)]) -> Chain {
    let chain = whole.before_the_run();
    change(&chain, changes);
    chain
}

fn change(chain: &Chain, changes: &[(&str, &str)]) {
    let mut text = chain.sandbox.read("seedbed.toml");
    for (from, to) in changes {
        assert!(text.contains(from), "{from}\n{text}");
        text = text.replacen(from, to, 1);
    }
    chain.sandbox.write("seedbed.toml", text);
}

/// What a run's report says.
fn run(chain: &Chain) -> Value {
    chain.sandbox.seedbed(["run", "seedbed.toml", "--json"]).succeeds().json()
}

fn count(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or_else(|| panic!("{key} in {report}"))
}

const MONTHLY: (&str, &str) = ("[output]\n", "[output]\ncheckpoints = \"monthly\"\n");

/// How often a tile went on from a checkpoint, by the ledger.
fn resumptions(chain: &Chain) -> usize {
    let files = chain.sandbox.files().into_iter().filter(|f| f.starts_with("tiles/.seedbed/ledger/"));
    files.map(|f| chain.sandbox.read(f).matches("\"event\":\"resumed\"").count()).sum()
}

#[test]
fn a_run_killed_twenty_times_goes_on_from_its_checkpoints_to_the_same_bytes() {
    let whole = Whole::shared();
    let undisturbed = chain(&whole, &[MONTHLY]);
    let at = Instant::now();
    let days = count(&run(&undisturbed), "days");
    let mut took = at.elapsed();
    assert_eq!(days, 184 * TILES as u64);
    let (mut hits, mut lives, mut resumed) = (0, 0, 0);
    while hits < KILLS && lives < LIVES {
        let killed = chain(&whole, &[MONTHLY]);
        for kill in 0..KILLS_OF_ONE {
            // Earlier and later from life to life and kill to kill: the golden ratio's multiples
            // meet every part of the time.
            let share = (f64::from(lives * KILLS_OF_ONE + kill) * 0.618).fract();
            let mut command = killed.sandbox.command(["run", "seedbed.toml", "--jobs", "2"]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let after = took.mul_f64(0.15 + 0.6 * share);
            sleep(after);
            child.kill().unwrap();
            if child.wait().unwrap().signal() != Some(9) {
                // A whole run that is over by now is quicker than the first was.
                took = if kill == 0 { after } else { took };
                break;
            }
            hits += 1;
        }
        let report = run(&killed);
        assert_eq!(count(&report, "made") + count(&report, "present"), (TILES * PERIODS.len()) as u64);
        resumed += resumptions(&killed);
        killed.sandbox.seedbed(["clean", "tiles", "--older-than", "0s"]).succeeds();
        whole.is_equalled_by(&killed, &["tiles"]);
        lives += 1;
    }
    println!("{hits} kills hit in {lives} runs; {resumed} times a tile went on from a checkpoint");
    assert!(hits >= KILLS, "only {hits} kills hit");
    assert!(resumed > 0, "no tile went on from a checkpoint");
}

#[test]
fn an_extended_run_reads_no_day_twice_and_clean_gives_the_room_back() {
    let whole = Whole::shared();
    let chain = whole.before_the_run();
    for (period, days) in
        [("2004-07-01/2004-09-10", 72), ("2004-07-01/2004-12-05", 86), ("2004-07-01/2004-12-31", 26)]
    {
        let ran =
            chain.sandbox.seedbed(["run", "seedbed.toml", "--period", period, "--json"]).succeeds().json();
        assert_eq!(count(&ran, "days"), days * TILES as u64, "{period}");
    }
    chain.sandbox.seedbed(["clean", "tiles", "--older-than", "0s"]).succeeds().prints("0 checkpoints");
    whole.is_equalled_by(&chain, &["tiles"]);
    let clean = ["clean", "tiles", "--older-than", "0s", "--states"];
    chain.sandbox.seedbed([&clean[..], &["--dry-run"]].concat()).succeeds().prints("4 checkpoints");
    chain.sandbox.seedbed(clean).succeeds().prints("4 checkpoints");
    assert!(!chain.sandbox.files().iter().any(|name| is_a(name, "state")));
    chain.sandbox.seedbed(["run", "seedbed.toml"]).succeeds().prints("everything was done already");
}

#[test]
fn a_part_asked_for_after_the_whole_takes_nothing_and_other_days_need_another_place() {
    let whole = Whole::shared();
    let chain = whole.before_the_run();
    run(&chain);
    let seedbed = |args: &[&str]| chain.sandbox.seedbed(args);
    let ran = seedbed(&["run", "seedbed.toml", "--period", "2004-08", "--json"]).succeeds().json();
    assert_eq!((count(&ran, "made"), count(&ran, "days")), (0, 0), "{ran}");
    seedbed(&["verify", "seedbed.toml", "--period", "2004-08"]).succeeds();
    let told = seedbed(&["status", "seedbed.toml", "--period", "2004-08", "--json"]).succeeds().json();
    assert!(
        count(&told, "done") == count(&told, "expected") && count(&told, "done") >= TILES as u64,
        "{told}"
    );
    seedbed(&["clean", "tiles", "--older-than", "0s"]).succeeds();
    whole.is_equalled_by(&chain, &["tiles"]);
    for args in [
        &["run", "seedbed.toml", "--period", "2004-08/2005-01"][..],
        &["verify", "seedbed.toml", "--period", "2003"],
        &["verify", "tiles", "--period", "2004-08"],
    ] {
        seedbed(args).exits(2);
    }
    seedbed(&["run", "seedbed.toml", "--period", "2004-08", "--out", "august"]).succeeds();
    seedbed(&["verify", "seedbed.toml", "--period", "2004-08", "--out", "august"]).succeeds();
    seedbed(&["verify", "seedbed.toml", "--out", "august"]).exits(1);
}

/// Whether a path has this extension.
fn is_a(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|e| e == extension)
}

/// The COGs of a folder by their file names.
fn cogs(chain: &Chain, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let files = chain.sandbox.files().into_iter();
    let inside = files.filter(|f| f.starts_with(&format!("{folder}/")) && is_a(f, "tif"));
    inside
        .map(|f| (f.rsplit('/').next().unwrap().to_owned(), fs::read(chain.sandbox.path(&f)).unwrap()))
        .collect()
}

#[test]
fn two_runs_of_which_one_begins_from_the_others_state_are_one() {
    let whole = Whole::shared();
    let first = [("[output]\n", "[output]\nstate = true\n"), ("2004-12-31", "2004-09-30")];
    let chain = chain(&whole, &first);
    run(&chain);
    chain.sandbox.seedbed(["verify", "tiles"]).succeeds();
    chain.sandbox.seedbed(["mosaic", "tiles", "--out", "mosaic"]).succeeds();
    chain.sandbox.seedbed(["view", "tiles", "--out", "view", "--periods", "2004-09"]).succeeds();
    chain.sandbox.seedbed(["catalog", "validate", "tiles"]).succeeds().prints("0 invalid");
    // The raster extension asks for a band, and a state has none.
    let documents = chain.sandbox.files().into_iter().filter(|f| f.starts_with("tiles/") && is_a(f, "json"));
    let declared =
        |document: &serde_json::Value| document["stac_extensions"].to_string().contains("/raster/");
    let documents: Vec<_> = documents.map(|f| chain.sandbox.json(f)).collect();
    let states = documents.iter().filter(|d| d["assets"]["state"].is_object());
    assert_eq!(states.map(declared).collect::<Vec<_>>(), [false; TILES]);
    assert!(documents.iter().any(declared));
    let second = [
        ("2004-07-01/2004-09-30", "2004-10-01/2004-12-31"),
        ("\"tiles\"", "\"later\""),
        ("name = \"veget\"", "name = \"veget\"\nstate = \"tiles\""),
    ];
    change(&chain, &second);
    run(&chain);
    let (all, later) = (cogs(&whole.chain, "tiles"), cogs(&chain, "later"));
    for month in ["2004-10", "2004-11", "2004-12"] {
        let months = all.iter().filter(|(name, _)| name.ends_with(&format!("_{month}.tif")));
        let same = months.filter(|(name, bytes)| later.get(*name) == Some(bytes)).count();
        assert_eq!(same, TILES * VARIABLES.len(), "{month}");
    }
    let is_record = |f: &String| f.starts_with("later/") && f.contains("/2004-10/") && is_a(f, "json");
    let record = chain.sandbox.files().into_iter().find(is_record).unwrap();
    let record = chain.sandbox.json(record);
    assert!(record["properties"]["seedbed:parameters"]["state"].is_string(), "{record}");
    change(&chain, &[("2004-10-01/", "2004-10-02/")]);
    let refused = chain.sandbox.seedbed(["run", "seedbed.toml", "--dry-run"]).exits(2);
    let refused = refused.prints("model.state: state: the state of tile");
    let refused = refused.prints("behind 2004-09-30, and the run begins on 2004-10-02");
    assert_eq!(refused.stderr.matches("2004-09-30").count(), 1, "it is told once: {}", refused.stderr);
}

#[test]
fn what_is_wrong_with_inputs_is_told_at_once_as_table_and_as_json() {
    let whole = Whole::shared();
    let kelvin = ("asset = \"tmax\"", "asset = \"tmax\"\nunit = \"degC\"\noffset = 273.15");
    let chain = chain(&whole, &[("2004-12-31", "2005-01-03"), kelvin]);
    for args in [&["run", "seedbed.toml"][..], &["run", "seedbed.toml", "--dry-run"]] {
        let ran = chain.sandbox.seedbed(args).exits(2);
        let ran =
            ran.prints("inputs.ppt: missing days on 2005-01-01/2005-01-03: it has no source for 3 days [");
        let ran = ran.prints("inputs.tmax: range on 2004-07-01: ").prints("nothing was written");
        let ran = ran.says("error: seedbed.toml: the inputs won't do: ").says("hint: ");
        assert!(!ran.stderr.contains("inputs.ppt"), "each problem is told once: {}", ran.stderr);
        let json = chain.sandbox.seedbed([args, &["--json"]].concat()).exits(2).json();
        let problems = json["problems"].as_array().unwrap();
        assert_eq!(count(&json, "tiles"), TILES as u64);
        let of = |input: &str, kind: &str| {
            problems.iter().filter(|p| p["input"] == input && p["kind"] == kind).count()
        };
        for input in ["inputs.ppt", "inputs.tmin", "inputs.tmax"] {
            assert_eq!(of(input, "missing-days"), TILES, "{json}");
        }
        assert_eq!(of("inputs.tmax", "range"), TILES, "{json}");
        assert_eq!(problems[0]["days"][0], "2005-01-01/2005-01-03");
        assert!(!chain.sandbox.path("tiles").exists());
    }
}

#[test]
fn a_file_changed_in_its_own_size_is_told_and_made_again() {
    let whole = Whole::shared();
    let chain = whole.before_the_run();
    let least = ["run", "seedbed.toml", "--memory", "50MB"];
    chain.sandbox.seedbed(least).succeeds().says("of memory, more than the 50.0 MB it may");
    let is_cog = |f: &String| f.starts_with("tiles/") && is_a(f, "tif");
    let cog = chain.sandbox.files().into_iter().find(is_cog).unwrap();
    let mut bytes = fs::read(chain.sandbox.path(&cog)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    chain.sandbox.write(&cog, bytes);
    chain.sandbox.seedbed(["status", "seedbed.toml"]).succeeds().prints("; damaged: ");
    chain.sandbox.seedbed(["verify", "tiles"]).exits(1).says("the command that made it makes it anew");
    let again = chain.sandbox.seedbed(["run", "seedbed.toml", "--json"]).succeeds().says("was changed");
    assert_eq!(count(&again.json(), "made"), 1);
    chain.sandbox.seedbed(["verify", "tiles"]).succeeds();
    chain.sandbox.seedbed(["clean", "tiles", "--older-than", "0s"]).succeeds();
    whole.is_equalled_by(&chain, &["tiles"]);
}

#[test]
fn a_spin_up_changes_the_first_month_and_is_told_in_the_record() {
    let whole = Whole::shared();
    let spin_up = ("name = \"veget\"", "name = \"veget\"\nspin_up = { period = \"2004-08\", cycles = 2 }");
    let chain = chain(&whole, &[spin_up]);
    let report = run(&chain);
    assert_eq!(count(&report, "days"), (184 + 2 * 31) * TILES as u64);
    let (cold, spun) = (cogs(&whole.chain, "tiles"), cogs(&chain, "tiles"));
    let differs = |period: &str| {
        cold.iter().any(|(name, bytes)| {
            name.starts_with("swf_") && name.ends_with(&format!("_{period}.tif")) && spun[name] != *bytes
        })
    };
    assert!(differs("2004-07"));
    let record = chain.sandbox.files().into_iter().find(|f| f.contains("/2004-07/") && is_a(f, "json"));
    let record = chain.sandbox.json(record.unwrap());
    let told = &record["properties"]["seedbed:parameters"]["spin_up"];
    assert_eq!((told["period"].as_str(), told["cycles"].as_u64()), (Some("2004-08-01/2004-08-31"), Some(2)));
}
