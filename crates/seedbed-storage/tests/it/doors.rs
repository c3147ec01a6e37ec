//! The dCache door of these tests, held against other people's clients: what they write we read, and the other way.

use crate::servers::{self, Served, dcache_log, dcache_stores, program};
use crate::{at, noise};
use seedbed_storage::{Expectation, Location, Outcome, Silent, Stores};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Large enough to arrive in many pieces.
const SIZE: usize = 3_000_003;

/// A door, a folder at home, and our own client.
struct Bench {
    served: Served,
    home: tempfile::TempDir,
    stores: Stores,
    bytes: Vec<u8>,
}

/// What a client is told to run; it must succeed. Its standard output.
fn run(program: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).env("BEARER_TOKEN", "RW").env("GFAL_PYTHONBIN", "/usr/bin/python3");
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {arguments:?}: {out}{err}", program.display());
    out.into_owned()
}

impl Bench {
    fn new(redirects: &str) -> Option<Self> {
        let served = servers::dcache(redirects)?;
        let (home, stores, bytes) = (tempfile::tempdir().unwrap(), dcache_stores(&served), noise(SIZE));
        std::fs::write(home.path().join("file"), &bytes).unwrap();
        std::fs::create_dir_all(served.folder.path().join("data/pnfs/site")).unwrap();
        Some(Self { served, home, stores, bytes })
    }

    fn at_home(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn url(&self, name: &str) -> String {
        format!("{}/pnfs/site/{name}", self.served.url())
    }

    fn at_door(name: &str) -> Location {
        at(&format!("dcache://pnfs/site/{name}"))
    }

    /// What a client brought home.
    fn has_home(&self, name: &str) {
        assert!(std::fs::read(self.home.path().join(name)).unwrap() == self.bytes, "{name} differs");
    }

    /// What a client uploaded, read by ours.
    async fn reads(&self, name: &str) {
        let to = Location::from(self.home.path().join(format!("read {name}")));
        let done = self.stores.transfer(&Self::at_door(name), &to, &Expectation::default(), &Silent).await;
        assert_eq!(
            (done.unwrap().bytes, std::fs::read(to.as_path().unwrap()).unwrap() == self.bytes),
            (SIZE as u64, true)
        );
    }

    /// A file by our client.
    async fn writes(&self, name: &str) {
        let from = Location::from(self.home.path().join("file"));
        let done = self.stores.transfer(&from, &Self::at_door(name), &Expectation::default(), &Silent).await;
        assert_eq!(done.unwrap().outcome, Outcome::Copied);
    }

    async fn lists(&self, names: &[&str]) {
        let listed = self.stores.list(&Self::at_door("")).await;
        let listed = match listed {
            Err(e) if e.is_not_found() => Vec::new(),
            listed => listed.unwrap(),
        };
        let found: Vec<_> = listed.iter().map(|l| l.at.file_name().unwrap().to_owned()).collect();
        assert_eq!(found, names);
    }

    /// The methods that the pool saw since this was last asked.
    fn pool(&self) -> Vec<String> {
        dcache_log(&self.served).into_iter().filter(|(s, ..)| s == "pool").map(|(_, m, ..)| m).collect()
    }
}

fn all(names: &[&str]) -> Option<Vec<PathBuf>> {
    names.iter().map(|n| program(n)).collect()
}

/// What reaches the pool if a client writes, and reads: it `waits` for the door's word, or doesn't.
fn through_pool(redirects: &str, waits: bool) -> (&'static [&'static str], &'static [&'static str]) {
    let wrote: &[&str] = if redirects == "both" && waits { &["PUT"] } else { &[] };
    (wrote, if redirects == "never" { &[] } else { &["GET"] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rclone_finds_a_dcache_in_our_door() {
    let Some(rclone) = program("rclone") else { return };
    for redirects in ["never", "read", "both"] {
        let Some(bench) = Bench::new(redirects) else { return };
        let (wrote, read) = through_pool(redirects, false);
        let url = bench.served.url();
        let say = |arguments: &[&str]| {
            let common = [
                "--config",
                "/dev/null",
                "--webdav-url",
                &url,
                "--webdav-vendor",
                "other",
                "--webdav-bearer-token",
                "RW",
                "--retries",
                "1",
                "--low-level-retries",
                "1",
            ];
            run(&rclone, &[arguments, &common].concat())
        };
        say(&["copyto", &bench.at_home("file"), ":webdav:pnfs/site/by them"]);
        assert_eq!(bench.pool(), wrote, "{redirects}");
        bench.reads("by them").await;
        bench.writes("by us").await;
        assert_eq!(say(&["lsf", ":webdav:pnfs/site"]), "by them\nby us\n");
        bench.pool();
        say(&["copyto", ":webdav:pnfs/site/by us", &bench.at_home("back")]);
        assert_eq!(bench.pool(), read, "{redirects}");
        bench.has_home("back");
        say(&["moveto", ":webdav:pnfs/site/by them", ":webdav:pnfs/site/moved"]);
        bench.lists(&["by us", "moved"]).await;
        bench.reads("moved").await;
        say(&["deletefile", ":webdav:pnfs/site/moved"]);
        bench.lists(&["by us"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn davix_finds_a_dcache_in_our_door() {
    let Some(davix) = all(&["davix-put", "davix-get", "davix-ls", "davix-rm"]) else { return };
    let [put, get, ls, rm] = &davix[..] else { panic!() };
    for redirects in ["never", "read", "both"] {
        let Some(bench) = Bench::new(redirects) else { return };
        let (wrote, read) = through_pool(redirects, true);
        let token = ["-H", "Authorization: Bearer RW"];
        let say = |program: &Path, arguments: &[&str]| run(program, &[&token, arguments].concat());
        say(put, &[&bench.at_home("file"), &bench.url("by-them")]);
        assert_eq!(bench.pool(), wrote, "{redirects}");
        bench.reads("by-them").await;
        bench.writes("by-us").await;
        let listed = say(ls, &["-l", &bench.url("")]);
        for name in ["by-them", "by-us"] {
            let line = listed.lines().find(|l| l.ends_with(name)).expect("it is listed");
            assert!(line.contains(&SIZE.to_string()), "{line}");
        }
        bench.pool();
        say(get, &[&bench.url("by-us"), &bench.at_home("back")]);
        assert_eq!(bench.pool(), read, "{redirects}");
        bench.has_home("back");
        say(rm, &[&bench.url("by-them")]);
        bench.lists(&["by-us"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gfal_finds_a_dcache_in_our_door() {
    let Some(gfal) = all(&["gfal-copy", "gfal-ls", "gfal-rm"]) else { return };
    let [copy, ls, rm] = &gfal[..] else { panic!() };
    for redirects in ["never", "read", "both"] {
        let Some(bench) = Bench::new(redirects) else { return };
        let (wrote, read) = through_pool(redirects, true);
        let local = |name: &str| format!("file://{}", bench.at_home(name));
        // Compares the door's checksum with that of the local file.
        run(copy, &["-K", "adler32", &local("file"), &bench.url("by-them")]);
        assert_eq!(bench.pool(), wrote, "{redirects}");
        bench.reads("by-them").await;
        bench.writes("by-us").await;
        assert_eq!(run(ls, &[&bench.url("")]), "by-them\nby-us\n");
        bench.pool();
        run(copy, &["-K", "adler32", &bench.url("by-us"), &local("back")]);
        assert_eq!(bench.pool(), read, "{redirects}");
        bench.has_home("back");
        run(rm, &[&bench.url("by-them")]);
        bench.lists(&["by-us"]).await;
    }
}
