//! What uploads and transfers leave whose process was killed, or that were given up: found, and removed.

use crate::server::{End, Reply, Server};
use crate::servers::{self, Served, dcache_fault, named, s3_stores};
use crate::{at, hasty, names, noise, stores, told};
use rusty_s3::{Method, signing};
use seedbed_storage::{
    Abandoned, Environment, Expectation, Location, NamedStores, Settings, Silent, StorageError, Stores,
};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// More than one part of an upload to S3, and what of it the source tells before it falls silent.
const SIZE: usize = 12 << 20;
const TOLD: usize = 10 << 20;

const ANY: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);

/// Tells a child of this test binary what to bring, to where, and by which `stores.toml`.
const SOURCE: &str = "SEEDBED_STORAGE_TEST_LEFT_SOURCE";
const TARGET: &str = "SEEDBED_STORAGE_TEST_LEFT_TARGET";
const STORES: &str = "SEEDBED_STORAGE_TEST_LEFT_STORES";

const TOKEN: [(&str, &str); 3] = [("TOKEN", "RW"), ("ID", "AKTEST"), ("SECRET", "SKTEST12345")];

/// The servers are many for a small machine: one test at a time has them.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Not a test of its own: what is killed by the others.
#[tokio::test]
async fn child_brings_what_it_is_told() {
    let told = [SOURCE, TARGET, STORES].map(|name| std::env::var(name).ok());
    let [Some(source), Some(target), Some(text)] = told else { return };
    let environment = Environment::of(TOKEN);
    let named = NamedStores::from_toml(Path::new("stores.toml"), &text, &environment).unwrap();
    let patience = Duration::from_secs(60);
    let stores = Stores::new(Settings { named, environment, stall_timeout: patience, ..hasty() }).unwrap();
    stores.transfer(&at(&source), &at(&target), &Expectation::default(), &Silent).await.unwrap();
}

/// A process that brings something; killed with its guard.
struct Bringing(Child);

impl Bringing {
    fn start(source: &str, target: &Location, stores: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "abandoned::child_brings_what_it_is_told"]);
        command.env(SOURCE, source).env(TARGET, target.to_string()).env(STORES, stores);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bringing {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A source that falls silent before its end.
async fn silent_source() -> Server {
    let bytes = noise(SIZE);
    Server::start(move |seen, _| match seen.method.as_str() {
        "HEAD" => Reply::ok(&*bytes),
        _ => Reply::ok(&*bytes).cut(TOLD, End::Hang),
    })
    .await
}

/// Waits until something is left that holds as many bytes.
async fn left(stores: &Stores, folder: &Location, older: Duration, least: u64) -> Vec<Abandoned> {
    for _ in 0..3000 {
        let found = stores.abandoned(folder, older).await.unwrap_or_else(|e| panic!("{}", told(&e)));
        if found.iter().any(|left| left.bytes.is_some_and(|n| n >= least)) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing is left in {folder}");
}

async fn discards(stores: &Stores, folder: &Location, found: &[Abandoned]) {
    for left in found {
        stores.discard(left).await.unwrap_or_else(|e| panic!("{}", told(&e)));
        // Twice is no error: somebody else may have been quicker.
        stores.discard(left).await.unwrap_or_else(|e| panic!("{}", told(&e)));
    }
    assert_eq!(stores.abandoned(folder, ANY).await.unwrap(), []);
}

fn dcache_toml(served: &Served) -> String {
    format!("[surf]\nkind = \"dcache\"\ndoor = \"{}\"\nauth = {{ bearer_env = \"TOKEN\" }}\n", served.url())
}

fn s3_toml(served: &Served) -> String {
    format!(
        "[objects]\nkind = \"s3\"\nendpoint = \"{}\"\n\
         auth = {{ access_key_env = \"ID\", secret_key_env = \"SECRET\" }}\n",
        served.url()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_upload_to_s3_is_found_and_given_up() {
    let _alone = ALONE.lock().await;
    let Some(served) = servers::seaweed() else { return };
    let (stores, folder) = (s3_stores(&served), at("s3://bucket/some folder"));
    assert_eq!(stores.abandoned(&folder, ANY).await.unwrap(), []);
    let source = silent_source().await;
    let to = folder.join("deep/x é+1.nc");
    let mut bringing = Bringing::start(&source.url("/x.nc"), &to, &s3_toml(&served));
    // Its parts go up side by side: it is killed when the last that it can have is there.
    left(&stores, &folder, ANY, TOLD as u64).await;
    // While it runs, it is told from one that has run for longer.
    assert!(bringing.runs());
    assert_eq!(stores.abandoned(&folder, HOUR).await.unwrap(), []);
    drop(bringing);
    let found = left(&stores, &folder, Duration::from_secs(1), 1).await;
    assert_eq!((found.len(), &found[0].at, found[0].bytes), (1, &to, Some(TOLD as u64)));
    assert!(found[0].age >= Duration::from_secs(1) && found[0].age < HOUR);
    // One beside the folder is none of it.
    assert_eq!(stores.abandoned(&at("s3://bucket/some"), ANY).await.unwrap(), []);
    discards(&stores, &folder, &found).await;
    assert!(stores.head(&to).await.unwrap_err().is_not_found());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_takes_too_long_is_taken_back() {
    let _alone = ALONE.lock().await;
    let longest = Duration::from_secs(3);
    let places = [
        (servers::seaweed(), "s3://bucket/late", s3_toml as fn(&Served) -> String),
        (servers::dcache("both"), "dcache://pnfs/site/data/late", dcache_toml),
    ];
    for (served, folder, toml) in places {
        let Some(served) = served else { continue };
        let toml = toml(&served);
        let environment = Environment::of(TOKEN);
        let named = NamedStores::from_toml(Path::new("stores.toml"), &toml, &environment).unwrap();
        let settings = Settings { stall_timeout: HOUR, ..hasty() };
        let settings = Settings { named, environment, transfer_timeout: Some(longest), ..settings };
        let (stores, folder) = (Stores::new(settings).unwrap(), at(folder));
        let source = silent_source().await;
        let (from, to) = (at(&source.url("/x.nc")), folder.join("x.nc"));
        let error = stores.transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap_err();
        assert!(matches!(&error, StorageError::Slow { .. }) && error.retryable(), "{}", told(&error));
        assert_eq!(stores.abandoned(&folder, ANY).await.unwrap(), [], "{folder}");
        assert!(stores.head(&to).await.unwrap_err().is_not_found());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_uploads_are_listed_to_the_last_page() {
    const OPEN: usize = 1100;
    let _alone = ALONE.lock().await;
    let Some(served) = servers::seaweed() else { return };
    let (stores, folder) = (s3_stores(&served), at("s3://bucket/many"));
    stores.replace(&folder.join("x"), "x".into()).await.unwrap();
    let client = reqwest::Client::new();
    for n in 0..OPEN {
        // Several uploads of one name among them.
        let url = format!("{}/bucket/many/{}?uploads", served.url(), n / 3).parse().unwrap();
        let (now, query) = (jiff::Timestamp::now(), [("uploads", "")]);
        let url = signing::sign(
            &now,
            Method::Post,
            url,
            "AKTEST",
            "SKTEST12345",
            None,
            "us-east-1",
            3600,
            query.into_iter(),
            std::iter::empty(),
        );
        assert!(client.post(url).send().await.unwrap().status().is_success());
    }
    let found = stores.abandoned(&folder, ANY).await.unwrap();
    assert_eq!(found.len(), OPEN);
    let mut each = found.clone();
    each.dedup();
    assert_eq!(each.len(), OPEN);
    stores.discard(&found[7]).await.unwrap();
    assert_eq!(stores.abandoned(&folder, ANY).await.unwrap().len(), OPEN - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_temporary_file_of_a_process_killed_before_its_move_is_found_on_a_dcache() {
    let _alone = ALONE.lock().await;
    let Some(served) = servers::dcache("both") else { return };
    let text = dcache_toml(&served);
    let (stores, folder) = (named(&text, &TOKEN), at("dcache://pnfs/site"));
    assert_eq!(stores.abandoned(&folder, ANY).await.unwrap(), []);
    let source = tempfile::tempdir().unwrap();
    let path = source.path().join("x.nc");
    std::fs::write(&path, noise(100_000)).unwrap();
    let to = folder.join("deep/x é.nc");
    // Names that only look alike are somebody's files.
    stores.replace(&folder.join("deep/mine.tmp"), "mine".into()).await.unwrap();
    dcache_fault(&served, r#"{"dies": ["MOVE", ".nc."]}"#);
    let mut bringing = Bringing::start(path.to_str().unwrap(), &to, &text);
    left(&stores, &folder, ANY, 100_000).await;
    assert!(bringing.runs());
    assert_eq!(stores.abandoned(&folder, HOUR).await.unwrap(), []);
    drop(bringing);
    dcache_fault(&served, r#"{"dies": null}"#);
    let found = left(&stores, &folder, Duration::from_secs(1), 100_000).await;
    let name = found[0].at.file_name().unwrap();
    assert!(name.starts_with("x é.nc."), "{name}");
    assert_eq!((found.len(), found[0].bytes), (1, Some(100_000)));
    assert!(found[0].age >= Duration::from_secs(1) && found[0].age < HOUR);
    discards(&stores, &folder, &found).await;
    assert!(stores.head(&to).await.unwrap_err().is_not_found());
    assert_eq!(names(&served.folder.path().join("data/pnfs/site/deep")), ["mine.tmp"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_truncated_file_of_an_upload_given_up_is_found_on_webdav() {
    let _alone = ALONE.lock().await;
    let Some(served) = servers::rclone("webdav", &["--user", "me", "--pass", "s3cret"]) else { return };
    let text = format!(
        "[drive]\nkind = \"webdav\"\nurl = \"{}\"\nauth = {{ user_env = \"U\", password_env = \"P\" }}\n",
        served.url()
    );
    let stores = named(&text, &[("U", "me"), ("P", "s3cret")]);
    let folder = at(&format!("dav://127.0.0.1:{}/bucket", served.port));
    let source = silent_source().await;
    let (from, to) = (at(&source.url("/x.nc")), folder.join("x.nc"));
    let bringing = tokio::spawn({
        let stores = stores.clone();
        async move { stores.transfer(&from, &to, &Expectation::default(), &Silent).await }
    });
    left(&stores, &folder, ANY, 1).await;
    assert_eq!(stores.abandoned(&folder, HOUR).await.unwrap(), []);
    bringing.abort();
    assert!(bringing.await.unwrap_err().is_cancelled());
    let found = left(&stores, &folder, Duration::from_secs(1), 1).await;
    discards(&stores, &folder, &found).await;
    assert_eq!(stores.list(&folder).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_part_of_a_killed_transfer_is_found_and_that_of_a_running_one_never() {
    let source = silent_source().await;
    let folder = tempfile::tempdir().unwrap();
    let (here, stores) = (Location::from(folder.path()), stores());
    let to = here.join("deep/x.nc");
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    // Somebody's own file.
    std::fs::write(folder.path().join("deep/mine.nc"), "mine").unwrap();
    let mut bringing = Bringing::start(&source.url("/x.nc"), &to, "");
    let part = folder.path().join("deep/x.nc.seedbed-part");
    while !std::fs::metadata(&part).is_ok_and(|m| m.len() > 1 << 20) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(bringing.runs());
    assert_eq!(stores.abandoned(&here, ANY).await.unwrap(), []);
    drop(bringing);
    let found = stores.abandoned(&here, ANY).await.unwrap();
    assert_eq!((found.len(), found[0].at.as_path()), (1, Some(part.as_path())));
    assert_eq!(found[0].bytes, Some(std::fs::metadata(&part).unwrap().len()));
    assert_eq!(stores.abandoned(&here, HOUR).await.unwrap(), []);
    // One that is taken up again is not removed.
    let again = Bringing::start(&source.url("/x.nc"), &to, "");
    let lock = std::fs::File::open(&part).unwrap();
    while lock.try_lock_shared().is_ok() {
        lock.unlock().unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let error = stores.discard(&found[0]).await.unwrap_err();
    assert!(told(&error).contains("a transfer is at work on it"), "{}", told(&error));
    drop(again);
    discards(&stores, &here, &found).await;
    assert_eq!(names(&folder.path().join("deep")), ["mine.nc"]);
}

#[tokio::test]
async fn unfinished_files_are_found_at_any_depth_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (here, stores) = (Location::from(folder.path()), stores());
    let deep = folder.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    // A part with its record, a small one that has none yet, and a record whose part is gone.
    let ours = [
        ".i.json.0123456789abcdef.tmp",
        "gone.nc.seedbed-part.json",
        "i.json.0123456789abcdef.tmp",
        "small.nc.seedbed-part",
        "x.nc.seedbed-part",
    ];
    let theirs = ["a.2004.tmp", "film.part", "notes.tmp", "part.json", "x.nc"];
    for name in ours.into_iter().chain(theirs).chain(["x.nc.seedbed-part.json"]) {
        std::fs::write(deep.join(name), b"").unwrap();
    }
    // What a link leads to lies elsewhere.
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("x.nc.seedbed-part"), b"").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
    let found = stores.abandoned(&here, ANY).await.unwrap();
    let expected = ours.map(|name| Location::from(deep.join(name).as_path()));
    assert_eq!(found.iter().map(|left| left.at.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(stores.abandoned(&here, HOUR).await.unwrap(), []);
    for left in &found {
        stores.discard(left).await.unwrap();
    }
    assert_eq!(names(&deep), theirs);
}
