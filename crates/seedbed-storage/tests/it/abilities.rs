//! One table of what each store can do, measured; it is printed in a form that documentation can take over.

use crate::destinations::{ALONE, Destination, destinations};
use crate::{noise, stores};
use seedbed_storage::{Expectation, Location, Outcome, Progress, Silent, Stores};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

const HEAD: &str = "\
| store          | create once | replace    | ranges | digest   | a broken download |
|----------------|-------------|------------|--------|----------|-------------------|";

/// What is known of each; a store that can't be had here is left out.
const KNOWN: &str = "\
| local          | guaranteed  | atomic     | yes    | –        | –                 |
| SeaweedFS      | guaranteed  | atomic     | yes    | sha2-256 | resumes           |
| rclone S3      | last wins   | unproven   | yes    | md5      | resumes           |
| rclone WebDAV  | last wins   | with a gap | yes    | –        | resumes           |
| Apache mod_dav | last wins   | with a gap | yes    | –        | resumes           |
| XRootD         | last wins   | with a gap | yes    | adler32  | starts anew       |
| dCache never   | guaranteed  | with a gap | yes    | adler32  | resumes           |
| dCache read    | guaranteed  | with a gap | yes    | adler32  | resumes           |
| dCache both    | guaranteed  | with a gap | yes    | adler32  | resumes           |";

/// Some thirty writes.
const SIZE: usize = 8_000_000;

/// Tells when half of a file has come.
#[derive(Default)]
struct Half {
    bytes: AtomicU64,
    reached: Notify,
}

impl Progress for Half {
    fn started(&self, _: Option<u64>) {}

    fn advanced(&self, bytes: u64) {
        if self.bytes.fetch_add(bytes, Ordering::SeqCst) + bytes >= SIZE as u64 / 2 {
            self.reached.notify_one();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_store_can_do_what_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let here = Location::from(folder.path());
    let mut lines = vec![line("local", &stores(), &here, "–").await];
    let _alone = ALONE.lock().await;
    for d in destinations() {
        let resumes = if resumes(&d, folder.path()).await { "resumes" } else { "starts anew" };
        lines.push(line(d.label, &d.stores, &d.root, resumes).await);
    }
    println!("{HEAD}");
    for line in &lines {
        println!("{line}");
    }
    for line in &lines {
        assert!(KNOWN.lines().any(|known| known == line), "{line}");
    }
}

async fn line(label: &str, stores: &Stores, root: &Location, resumes: &str) -> String {
    let able = stores.abilities(root).await.unwrap();
    let digest = able.digest.map_or("–".to_owned(), |d| d.to_string());
    let (once, replace) = (able.create_once.to_string(), able.replace.to_string());
    let ranges = if able.ranges { "yes" } else { "no" };
    format!("| {label:14} | {once:11} | {replace:10} | {ranges:6} | {digest:8} | {resumes:17} |")
}

/// Whether a download that broke off in the middle goes on from there.
async fn resumes(d: &Destination, folder: &Path) -> bool {
    let bytes = noise(SIZE);
    let (from, there) = (folder.join("file"), d.root.join("resumed/file"));
    std::fs::write(&from, &bytes).unwrap();
    d.stores.transfer(&Location::from(from), &there, &Expectation::default(), &Silent).await.unwrap();
    let on_disk = d.served.folder.path().join("data/resumed/file");
    if let Ok(file) = std::fs::File::options().write(true).open(on_disk) {
        // Apache trusts no version that is younger than a second.
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    }
    let home = Location::from(folder.join(d.label));
    let expect = Expectation::default();
    let half = Half::default();
    tokio::select! {
        biased;
        () = half.reached.notified() => {}
        _ = d.stores.transfer(&there, &home, &expect, &half) => panic!("{}: it should have been cut", d.label),
    }
    let done = d.stores.transfer(&there, &home, &expect, &Silent).await.unwrap();
    assert!(std::fs::read(folder.join(d.label)).unwrap() == bytes, "{}", d.label);
    done.outcome == Outcome::Resumed
}
