//! Several transfers of one destination at once, in one process and in two.

use crate::server::{Server, file};
use crate::{at, names, noise, stores};
use seedbed_storage::{Expectation, Location, Outcome, Silent};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const SIZE: usize = 2_000_000;

/// Tells a child of this test binary what to fetch, and to where.
const SOURCE: &str = "SEEDBED_STORAGE_TEST_SOURCE";
const HOME: &str = "SEEDBED_STORAGE_TEST_HOME";

#[tokio::test]
async fn many_transfers_of_one_destination_end_in_one_download() {
    let bytes = noise(SIZE);
    let served = bytes.clone();
    let server =
        Server::start(move |seen, _| file(seen, &served, "\"v1\"").paced(200_000, Duration::from_millis(10)))
            .await;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("x.nc");
    let expect = Expectation { size: Some(SIZE as u64), ..Expectation::default() };
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (from, to, expect) = (at(&server.url("/x.nc")), Location::from(home.clone()), expect.clone());
        all.spawn(async move { stores().transfer(&from, &to, &expect, &Silent).await.unwrap() });
    }
    let outcomes: Vec<Outcome> = all.join_all().await.into_iter().map(|t| t.outcome).collect();
    assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Copied).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Adopted).count(), 5, "{outcomes:?}");
    assert_eq!(std::fs::read(&home).unwrap(), bytes);
    assert!(server.gets().len() == 1 || !crate::keeps_marks(folder.path()));
    assert_eq!(names(folder.path()), ["x.nc"]);
}

/// Not a test of its own: what the children of the next two run.
#[tokio::test]
async fn child_fetches_what_it_is_told() {
    let (Ok(source), Ok(home)) = (std::env::var(SOURCE), std::env::var(HOME)) else { return };
    let expect = Expectation { size: Some(SIZE as u64), ..Expectation::default() };
    stores().transfer(&at(&source), &at(&home), &expect, &Silent).await.unwrap();
}

fn child(source: &str, home: &Location) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "together::child_fetches_what_it_is_told"])
        .env(SOURCE, source)
        .env(HOME, home.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_one_download() {
    let bytes = noise(SIZE);
    let served = bytes.clone();
    let server =
        Server::start(move |seen, _| file(seen, &served, "\"v1\"").paced(200_000, Duration::from_millis(30)))
            .await;
    let folder = tempfile::tempdir().unwrap();
    let home = Location::from(folder.path().join("x.nc"));
    let source = server.url("/x.nc");
    let children = [child(&source, &home), child(&source, &home), child(&source, &home)];
    for mut child in children {
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert!(status.success());
    }
    assert_eq!(std::fs::read(home.as_path().unwrap()).unwrap(), bytes);
    assert!(server.gets().len() == 1 || !crate::keeps_marks(folder.path()));
    assert_eq!(names(folder.path()), ["x.nc"]);
}

/// How many bytes the record of a part says that it holds. The part may be longer by what was written last.
fn recorded(record: &Path) -> usize {
    let text = std::fs::read_to_string(record).unwrap_or_default();
    let held = text.lines().rev().find_map(|line| line.strip_prefix("{\"bytes\":")?.split_once(','));
    held.map_or(0, |(bytes, _)| bytes.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_a_part_that_the_next_one_resumes() {
    let bytes = noise(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen, n| {
        let reply = file(seen, &served, "\"v1\"");
        if n == 0 { reply.paced(100_000, Duration::from_millis(50)) } else { reply }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let home = Location::from(folder.path().join("x.nc"));
    let record = folder.path().join("x.nc.seedbed-part.json");
    let source = server.url("/x.nc");
    let mut killed = child(&source, &home);
    while recorded(&record) <= SIZE / 4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(names(folder.path()), ["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let had = recorded(&record);
    let expect = Expectation { size: Some(SIZE as u64), ..Expectation::default() };
    let done = stores().transfer(&at(&source), &home, &expect, &Silent).await.unwrap();
    assert_eq!(done.outcome, Outcome::Resumed);
    assert_eq!(std::fs::read(home.as_path().unwrap()).unwrap(), bytes);
    let second = &server.gets()[1];
    assert_eq!((second.range_start(), second.served), (Some(had), SIZE - had));
}
