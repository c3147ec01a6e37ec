//! Files on tape: where they are, and bringing them to disk.

use crate::server::{Reply, Server};
use crate::servers::{self, Served, dcache_fault, dcache_log, named};
use crate::{at, hasty, told};
use seedbed_storage::{
    Environment, Expectation, Function, Locality, Location, NamedStores, Settings, Silent, StorageError,
    Stores,
};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// A dCache with some files of a few bytes each.
struct Site {
    served: Served,
    stores: Stores,
    files: Vec<Location>,
}

impl Site {
    fn new(files: usize, token: &str) -> Option<Self> {
        let served = servers::dcache("both")?;
        let text = format!(
            "[surf]\nkind = \"dcache\"\ndoor = \"{0}\"\nrest = \"{0}/api/v1\"\nauth = {{ bearer_env = \"TOKEN\" }}\n",
            served.url()
        );
        let stores = named(&text, &[("TOKEN", token)]);
        let folder = served.folder.path().join("data/pnfs/site");
        std::fs::create_dir_all(&folder).unwrap();
        let name = |n: usize| format!("x {n} é.nc");
        for n in 0..files {
            std::fs::write(folder.join(name(n)), "bytes").unwrap();
        }
        let files = (0..files).map(|n| at("dcache://pnfs/site").join(&name(n))).collect();
        Some(Self { served, stores, files })
    }

    /// Sets a fault to the paths of these files.
    fn are(&self, fault: &str, files: &[usize]) {
        let paths: Vec<String> = files.iter().map(|n| self.path(*n)).collect();
        dcache_fault(&self.served, &serde_json::json!({ fault: paths }).to_string());
    }

    fn path(&self, n: usize) -> String {
        self.files[n].to_string().replace("dcache://", "/")
    }

    async fn places(&self) -> Vec<Locality> {
        let told_of = self.stores.locality(&self.files).await.unwrap_or_else(|e| panic!("{}", told(&e)));
        assert!(told_of.iter().map(|(at, _)| at).eq(&self.files));
        told_of.into_iter().map(|(_, place)| place).collect()
    }

    /// The paths that were asked for, by the end of their names.
    fn asked(&self, end: &str) -> usize {
        dcache_log(&self.served).iter().filter(|(_, _, path, _)| path.ends_with(end)).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_on_tape_are_staged_and_can_be_read_then() {
    let Some(site) = Site::new(4, "RW") else { return };
    site.are("tape", &[0, 1, 2]);
    assert_eq!(site.places().await, [Locality::Tape, Locality::Tape, Locality::Tape, Locality::Disk]);
    let error = site.stores.read_document(&site.files[0]).await.unwrap_err();
    assert!(matches!(error, StorageError::OnTape { .. }), "{}", told(&error));
    let heard = Mutex::new(Vec::new());
    let hear = |done, total| heard.lock().unwrap().push((done, total));
    // One of them twice, and by the address of its door.
    let mut files = site.files[..3].to_vec();
    files.push(at(&format!("dav://127.0.0.1:{}/pnfs/site/x%200%20%C3%A9.nc", site.served.port)));
    let staged = site.stores.stage(&files, HOUR, &hear).await.unwrap_or_else(|e| panic!("{}", told(&e)));
    assert_eq!((staged.files, staged.requests.len()), (3, 1));
    // They came one after another.
    assert_eq!(*heard.lock().unwrap(), [(0, 3), (0, 3), (1, 3), (2, 3), (3, 3)]);
    let both = Locality::DiskAndTape;
    assert_eq!(site.places().await, [both, both, both, Locality::Disk]);
    for file in &site.files {
        assert_eq!(site.stores.read_document(file).await.unwrap(), "bytes");
    }
    assert_eq!(site.asked("/cancel"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_on_tape_that_is_read_is_told_to_be_there() {
    let Some(site) = Site::new(2, "RW") else { return };
    site.are("tape", &[0]);
    let folder = tempfile::tempdir().unwrap();
    let to = Location::from(folder.path().join("x.nc"));
    let web = at(&format!("{}/pnfs/site/x%200%20%C3%A9.nc", site.served.url()));
    for from in [&site.files[0], &web] {
        let (expect, range) = (Expectation::default(), 0..2);
        for error in [
            site.stores.transfer(from, &to, &expect, &Silent).await.unwrap_err(),
            site.stores.read_document(from).await.unwrap_err(),
            site.stores.read_version(from).await.unwrap_err(),
            site.stores.read_range(from, range).await.unwrap_err(),
            site.stores.digest(from, Function::Sha256).await.unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains("it is on tape (NEARLINE); copy it with --stage"), "{}", told(&error));
            assert!(
                !error.retryable() && error.status() == Some(403) && told(&error).contains("access denied")
            );
        }
    }
    // Refused for another reason: of a store that tells nothing, and of one that tells that the file is on disk.
    let door = format!("[surf]\nkind = \"dcache\"\ndoor = \"{}\"\n", site.served.url());
    let silent = named(&format!("{door}auth = {{ bearer_env = \"TOKEN\" }}\n"), &[("TOKEN", "RW")]);
    let error = silent.read_document(&site.files[0]).await.unwrap_err();
    assert!(matches!(error, StorageError::Denied { status: 403, .. }), "{}", told(&error));
    let stalls = Server::start(|seen, _| match seen.path.as_str() {
        "/api/v1/tape/archiveinfo" => Reply::ok(r#"[{"path":"/x","locality":"TAPE"}]"#),
        _ => Reply::ok("x").after(Duration::from_secs(5)),
    })
    .await;
    let text = format!("[surf]\nkind = \"dcache\"\ndoor = \"{0}\"\nrest = \"{0}/api/v1\"\n", stalls.url(""));
    let environment = Environment::of([]);
    let named = NamedStores::from_toml(Path::new("stores.toml"), &text, &environment).unwrap();
    let stores = Stores::new(Settings { named, retries: 1, ..hasty() }).unwrap();
    let error = stores.read_document(&at("dcache://x")).await.unwrap_err();
    assert!(matches!(error, StorageError::OnTape { .. }), "{}", told(&error));
}

#[tokio::test]
async fn staging_tries_again_as_often_as_the_settings_say() {
    let server = Server::start(|_, _| Reply::new(503, "")).await;
    let text = format!("[surf]\nkind = \"dcache\"\ndoor = \"{0}\"\nrest = \"{0}/api/v1\"\n", server.url(""));
    for (retries, requests) in [(0, 1), (2, 4)] {
        let environment = Environment::of([]);
        let named = NamedStores::from_toml(Path::new("stores.toml"), &text, &environment).unwrap();
        let stores = Stores::new(Settings { named, retries, ..hasty() }).unwrap();
        let error = stores.stage(&[at("dcache://x")], HOUR, &|_, _| {}).await.unwrap_err();
        assert!(error.retryable(), "{}", told(&error));
        assert_eq!(server.seen().len(), requests);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_lost_is_named_and_the_others_come() {
    let Some(site) = Site::new(3, "RW") else { return };
    site.are("tape", &[0, 2]);
    site.are("lost", &[1]);
    assert_eq!(site.places().await, [Locality::Tape, Locality::Lost, Locality::Tape]);
    let error = site.stores.stage(&site.files, HOUR, &|_, _| {}).await.unwrap_err();
    let StorageError::Unstaged { total, files, .. } = &error else { panic!("{}", told(&error)) };
    assert_eq!((*total, files.len(), &files[0].0), (3, 1, &site.path(1)));
    let text = error.to_string();
    assert!(text.contains("1 of 3 files") && text.contains(&site.path(1)), "{text}");
    assert!(text.contains("no pool and no tape has it") && !text.contains("RW"), "{text}");
    assert_eq!(site.places().await, [Locality::DiskAndTape, Locality::Lost, Locality::DiskAndTape]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_the_server_cuts_is_asked_for_to_its_end() {
    // A token that may only read suffices to ask.
    let Some(site) = Site::new(7, "RO") else { return };
    site.are("tape", &[6]);
    dcache_fault(&site.served, r#"{"archive_most": 2}"#);
    let mut expected = vec![Locality::Disk; 7];
    expected[6] = Locality::Tape;
    assert_eq!(site.places().await, expected);
    assert_eq!(site.asked("/archiveinfo"), 4);
    // One that says nothing at all is not asked for ever.
    dcache_fault(&site.served, r#"{"archive_most": 0}"#);
    let error = site.stores.locality(&site.files).await.unwrap_err();
    assert!(matches!(error, StorageError::Protocol { .. }), "{}", told(&error));
    assert!(error.to_string().contains(&site.path(0)), "{error}");
    assert_eq!(site.asked("/archiveinfo"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_files_are_asked_for_in_several_requests() {
    let Some(mut site) = Site::new(2100, "RW") else { return };
    site.are("tape", &[2099]);
    site.files.push(site.files[0].clone());
    let places = site.places().await;
    assert_eq!((places.len(), places[2099], places[2100]), (2101, Locality::Tape, Locality::Disk));
    assert_eq!(site.asked("/archiveinfo"), 3);
    dcache_fault(&site.served, r#"{"stage_polls": -5000}"#);
    let staged = site.stores.stage(&site.files, HOUR, &|_, _| {}).await.unwrap();
    assert_eq!((staged.files, staged.requests.len()), (2100, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_in_time_is_named_and_cancelled() {
    let Some(site) = Site::new(2, "RW") else { return };
    site.are("tape", &[0, 1]);
    dcache_fault(&site.served, r#"{"stage_polls": 1000000}"#);
    let error = site.stores.stage(&site.files, Duration::from_millis(200), &|_, _| {}).await.unwrap_err();
    let StorageError::Unstaged { total: 2, files, .. } = &error else { panic!("{}", told(&error)) };
    assert!(files.iter().map(|(path, _)| path.clone()).eq([site.path(0), site.path(1)]), "{files:?}");
    assert!(files.iter().all(|(_, why)| why.starts_with("still STARTED")), "{files:?}");
    assert_eq!(site.asked("/cancel"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_is_cancelled() {
    let Some(site) = Site::new(2, "RW") else { return };
    site.are("tape", &[0, 1]);
    dcache_fault(&site.served, r#"{"stage_polls": 1000000}"#);
    let (stores, files) = (site.stores.clone(), site.files.clone());
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let staging = tokio::spawn(async move {
        // Nobody hears any more once the test has failed.
        let hear = move |done, total| sender.send((done, total)).unwrap_or_default();
        stores.stage(&files, HOUR, &hear).await
    });
    assert_eq!(heard.recv().await, Some((0, 2)));
    assert_eq!(site.asked("/cancel"), 0);
    staging.abort();
    assert!(staging.await.unwrap_err().is_cancelled());
    while site.asked("/cancel") == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_asked_for_is_told() {
    let Some(site) = Site::new(1, "RO") else { return };
    let missing = at("dcache://pnfs/site/no.nc");
    let error = site.stores.locality(&[site.files[0].clone(), missing]).await.unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("/pnfs/site/no.nc"), "{}", told(&error));
    let error = site.stores.stage(&site.files, HOUR, &|_, _| {}).await.unwrap_err();
    assert!(matches!(error, StorageError::Denied { status: 403, .. }), "{}", told(&error));
    for elsewhere in ["s3://bucket/x", "/tmp/x", "davs://drive.example.org/x"] {
        let error = site.stores.locality(&[at(elsewhere)]).await.unwrap_err();
        assert!(told(&error).contains("no store of kind dcache"), "{}", told(&error));
    }
    let text = "[surf]\nkind = \"dcache\"\ndoor = \"http://127.0.0.1:9\"\n";
    let error = named(text, &[]).locality(&site.files).await.unwrap_err();
    assert!(told(&error).contains("[surf]: `rest`"), "{}", told(&error));
    assert_eq!(site.stores.locality(&[]).await.unwrap(), []);
}
