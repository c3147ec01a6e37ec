//! Killed, interrupted, doubled and divided: the result is the same bytes.

use crate::basin::{Chain, PERIODS, Pace, Site, TILES, WRITTEN, Whole, is_leftover};
use crate::sandbox::Sandbox;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How many chains are killed on their way, and how often in each stage.
const LIVES: u64 = 3;
const KILLS: [(&str, u32); 8] = [
    ("crawl daymet", 2),
    ("crawl mod13a1", 2),
    ("copy daymet", 2),
    ("copy mod13a1", 2),
    ("grid", 2),
    ("run", 2),
    ("mosaic", 2),
    ("view", 2),
];
/// At least so many kills must find their process alive.
const MUST_HIT: usize = 12;

/// Random numbers that are the same in every run of the test (`SplitMix64`).
struct Random(u64);

impl Random {
    /// From 0 up to 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

/// What the kills came to.
#[derive(Debug, Default)]
struct Tally {
    hit: usize,
    missed: usize,
    moments: Vec<String>,
    leftovers: usize,
}

fn start(chain: &Chain, args: &[String]) -> Child {
    let mut command = chain.sandbox.command(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs a stage and sends SIGKILL after a while; whether it was still alive.
fn killed(chain: &Chain, args: &[String], after: Duration) -> bool {
    let mut command = chain.sandbox.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    sleep(after);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.signal() == Some(9) || status.success(), "{args:?}: {status}");
    !status.success()
}

fn leftovers(chain: &Chain) -> Vec<String> {
    chain.written().into_keys().filter(|name| is_leftover(name)).collect()
}

/// `seedbed clean` takes away what dead processes left, and nothing else.
fn clean(chain: &Chain) {
    // Of a product its dead attempts, of any folder its unfinished files.
    for folder in ["tiles", "mosaic", "."].into_iter().filter(|f| chain.sandbox.path(f).exists()) {
        chain.sandbox.seedbed(["clean", folder, "--older-than", "0s"]).succeeds();
    }
    assert_eq!(leftovers(chain), Vec::<String>::new());
}

#[test]
fn a_chain_killed_at_random_moments_ends_in_the_same_bytes() {
    let whole = Whole::shared();
    let mut random = Random(2004);
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut takes = whole.took.clone();
    for life in 0..LIVES {
        let chain = Chain::new(&Site::shared(), Pace::Slow);
        for stage in chain.stages() {
            let kills = KILLS.iter().find(|(name, _)| *name == stage.name).map_or(0, |(_, kills)| *kills);
            for kill in 0..kills {
                // One in each part of the stage's time, the late ones first in every other life.
                let part = if life % 2 == 0 { kill } else { kills - 1 - kill };
                let share = (f64::from(part) + random.fraction()) / f64::from(kills);
                let after = takes[stage.name].mul_f64(share);
                let before = leftovers(&chain);
                let hit = killed(&chain, &stage.args, after);
                let tally = tallies.entry(stage.name).or_default();
                if hit {
                    tally.hit += 1;
                } else {
                    tally.missed += 1;
                    // It is quicker than it was undisturbed, the machine being less busy.
                    takes.insert(stage.name, after);
                }
                tally.moments.push(format!("{:.0} %{}", 100.0 * share, if hit { "" } else { " (over)" }));
                tally.leftovers += leftovers(&chain).iter().filter(|name| !before.contains(name)).count();
            }
            chain.perform(stage.name);
        }
        // Whatever is there that wasn't meant to be is known as such, and goes.
        let strays: Vec<String> = chain
            .written()
            .into_keys()
            .filter(|name| !whole.written.contains_key(name) && !is_leftover(name))
            .collect();
        assert_eq!(strays, Vec::<String>::new(), "life {life}");
        clean(&chain);
        whole.is_equalled_by(&chain, &WRITTEN);
        chain.sandbox.seedbed(["verify", "mosaic"]).succeeds();
        chain.sandbox.seedbed(["run", "seedbed.toml"]).succeeds().prints("everything was done already");
    }
    let mut hit = 0;
    for (stage, tally) in &tallies {
        println!(
            "{stage} ({:.1} s): {} kills hit, {} came after its end, {} files and folders left over; at {}",
            whole.took[stage].as_secs_f64(),
            tally.hit,
            tally.missed,
            tally.leftovers,
            tally.moments.join(", ")
        );
        assert!(tally.hit > 0, "{stage} was never killed");
        hit += tally.hit;
    }
    println!("{hit} kills over {LIVES} chains, {} files and folders the same in each", whole.written.len());
    assert!(hit >= MUST_HIT, "only {hit} kills hit");
}

/// Sends a signal by its name and waits for the end: exit code, time and stderr.
fn signalled(mut child: Child, signal: &str) -> (Option<i32>, Duration, String) {
    let at = Instant::now();
    let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
    assert!(sent.success());
    let code = child.wait().unwrap().code();
    let took = at.elapsed();
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    (code, took, said)
}

#[test]
fn an_interrupted_run_stops_at_once_and_the_next_goes_on() {
    let whole = Whole::shared();
    for (signal, expected) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let mut wait = whole.took["run"].mul_f64(0.4);
        let chain = loop {
            let chain = whole.before_the_run();
            let child = start(&chain, &chain.stage("run").args);
            sleep(wait);
            let (code, took, said) = signalled(child, signal);
            // A run on a machine that is idle now may have ended by itself.
            if code == Some(0) && wait > Duration::from_millis(20) {
                wait /= 2;
                continue;
            }
            assert_eq!(code, Some(expected), "SIG{signal}: {said}");
            assert!(took < Duration::from_secs(5), "SIG{signal} took {took:?}");
            assert!(said.contains("what is done is kept"), "{said}");
            println!("SIG{signal}: exit code {expected} after {} ms", took.as_millis());
            break chain;
        };
        chain.perform("run");
        clean(&chain);
        whole.is_equalled_by(&chain, &["tiles"]);
    }
}

/// A model that notes its process, and never answers.
const DUMB: &str = r#"
name = "dumb"
title = "says nothing"
kind = "exec"
command = ["sh", "-c", "echo $$ > model.pid; exec sleep 600"]
[[inputs]]
name = "tmin"
unit = "degC"
range = [-90, 60]
doc = "lowest of the day"
[[outputs]]
name = "nothing"
unit = "degC"
range = [0, 110]
doc = "none"
"#;

#[test]
fn a_model_that_computes_ends_with_the_process_that_asked_it() {
    let sandbox = Sandbox::new();
    sandbox.write("dumb.toml", DUMB);
    sandbox.write("forcing.csv", "date,tmin\n2004-01-01,1\n");
    let mut command = sandbox.command(["model", "point", "dumb.toml", "--forcing", "forcing.csv"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    let noted = || std::fs::read_to_string(sandbox.path("model.pid")).unwrap_or_default();
    while !noted().ends_with('\n') {
        assert!(started.elapsed() < Duration::from_secs(30), "it was never started");
        sleep(Duration::from_millis(20));
    }
    // A process that has ended is there no more, or nobody has asked how it did.
    let status = format!("/proc/{}/stat", noted().trim());
    let runs = || std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(runs());
    let (code, _, said) = signalled(child, "TERM");
    assert_eq!(code, Some(143), "{said}");
    let ended = Instant::now();
    while runs() {
        assert!(ended.elapsed() < Duration::from_secs(5), "the model outlived the process");
        sleep(Duration::from_millis(20));
    }
}

/// Waits for a report.
fn report(child: Child) -> Value {
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    serde_json::from_str(&out).unwrap()
}

#[test]
fn two_runs_at_once_come_to_one_result() {
    let whole = Whole::shared();
    let chain = whole.before_the_run();
    let args = ["run", "seedbed.toml", "--json"].map(str::to_owned);
    let both = [start(&chain, &args), start(&chain, &args)].map(report);
    for report in &both {
        let count = |key: &str| report[key].as_u64().unwrap();
        assert_eq!(count("made") + count("present"), (TILES * PERIODS.len()) as u64);
        println!("one of two runs: {} made, {} there already", count("made"), count("present"));
    }
    // Neither left anything, without a clean.
    whole.is_equalled_by(&chain, &["tiles"]);
}

#[test]
fn workers_do_every_task_and_a_run_finds_it_done() {
    let whole = Whole::shared();
    let chain = whole.before_the_run();
    let planned = chain.sandbox.seedbed(["run", "seedbed.toml", "--dry-run", "--json"]).succeeds().json();
    let plan = chain.sandbox.write("plan.json", planned["plan"].to_string());
    let tasks = planned["plan"]["tasks"].as_array().unwrap().len();
    assert_eq!(tasks, TILES);
    let worker = |n: usize| {
        let args = ["worker", plan.to_str().unwrap(), "--jobs", "1", "--json", "--index", &n.to_string()];
        start(&chain, &args.map(str::to_owned))
    };
    let workers: Vec<Child> = (0..tasks).map(worker).collect();
    let mut tiles: Vec<String> =
        workers.into_iter().map(|w| report(w)["tile"].as_str().unwrap().to_owned()).collect();
    tiles.sort();
    tiles.dedup();
    assert_eq!(tiles.len(), TILES);
    chain.sandbox.seedbed(["run", "seedbed.toml"]).succeeds().prints("everything was done already");
    whole.is_equalled_by(&chain, &["tiles"]);
}
